#include "groups.h"

const struct lab_experiment *const lab_groups[] = {
	lab_private_file, lab_private_anon, lab_shared_file,
	lab_shared_anon,  lab_cache,        lab_memory,
	lab_shm,          lab_data,         NULL,
};
