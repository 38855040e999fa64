/*
 * What copied pages hold, beside what their files hold; and whether those files are still what
 * they were. A page is read only if it is present, so reading it changes nothing.
 */
#ifndef SEGMAP_CONTENTS_H
#define SEGMAP_CONTENTS_H

#include <segmap/process.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Files that a process has mapped, as they were when they were first seen. */
struct segmap_files;

/* On success *FILES is the caller's, to be given to segmap_files_free. Returns 0 or -ENOMEM. */
int segmap_files_open(struct segmap_files **files);
void segmap_files_free(struct segmap_files *files);

/*
 * Remembers the files of REGIONS that it does not know yet: size and times of change, and the
 * bytes that are mapped privately and writably, as far as they are in memory already and
 * not more than 16 MiB. Returns 0 or -ENOMEM.
 */
int segmap_files_look(struct segmap_files *files, const struct segmap_regions *regions);

enum segmap_file_verdict {
	SEGMAP_FILE_UNCHANGED, /* by its times, its size and, where they are known, its bytes */
	SEGMAP_FILE_CHANGED,
	/* It cannot be read, another one has its name now, or it was changed after the first
	 * look and before it was first seen. */
	SEGMAP_FILE_UNKNOWN,
};

/* A page beside the same page of its file. */
struct segmap_contents {
	uint64_t differing; /* bytes, valid if there is no error */
	uint64_t first;     /* offset in the page of the first of them, if there is one */
	int error;          /* positive errno: one of the two could not be read */
	enum segmap_file_verdict file;
	int file_error; /* positive errno if FILE is not known; ESTALE if it was replaced */
};

/*
 * Compares the present page at ADDR of the stopped process PID with what the file of REGION,
 * which it is in, holds there. Beyond the end of the file are zeros. CONTENTS is filled whole.
 */
void segmap_contents_compare(struct segmap_files *files, pid_t pid,
			     const struct segmap_region *region, uint64_t addr,
			     struct segmap_contents *contents);

/*
 * The kernel's own sum of what is anonymous, present or swapped out, in the private file
 * mappings of PID, from smaps; in *BYTES. Returns 0, -ENOMEM, or a negative errno of reading.
 */
int segmap_anonymous_read(pid_t pid, uint64_t *bytes);

const char *segmap_file_verdict_name(enum segmap_file_verdict verdict);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
