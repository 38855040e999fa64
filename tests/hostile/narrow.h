/* Systems that give little: each row is run by execve, by segload and by the library. */
#ifndef TESTS_NARROW_H
#define TESTS_NARROW_H

#include "trial.h"

#define NARROW_FIFO "/tmp/segmap-narrow-fifo"

enum narrow_flags {
	BY_LIBRARY_ONLY = 1, /* segload itself could not be executed there */
	FROM_FD = 2,         /* of trial_fd */
	PERHAPS = 4,         /* `ours` may be said, or it runs as by execve */
};

struct narrow {
	const char *name;
	void (*prepare)(const void *data);
	const void *data;
	const char *program; /* of testdata, or a path that begins with a slash */
	/* What the message of a refusal has in it where execve runs the program; NULL if we do
	 * as well. Where execve does not, it is always refused in words. */
	const char *ours;
	unsigned flags;
};

/* For everybody, and for root alone: it can mount. */
extern const struct narrow narrow_rows[], narrow_root_rows[];
extern const size_t narrow_row_count, narrow_root_row_count;

#endif
