/* The groups of experiments, a file each. */
#ifndef LAB_GROUPS_H
#define LAB_GROUPS_H

#include "lab.h"

extern const struct lab_experiment lab_private_file[], lab_private_anon[], lab_shared_file[],
	lab_shared_anon[], lab_cache[], lab_memory[], lab_shm[], lab_data[];

#endif
