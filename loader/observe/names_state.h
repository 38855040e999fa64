/* What a struct segmap_names knows, for the files that answer from it. */
#ifndef OBSERVE_NAMES_STATE_H
#define OBSERVE_NAMES_STATE_H

#include "spans.h"

struct segmap_names {
	pid_t pid;
	char *program; /* owned */
	struct file_id program_id, interpreter_id;
	bool has_program, has_interpreter; /* those two are known */
	struct object **objects;           /* owned */
	size_t object_count;
	struct spans spans;
};

#endif
