/*
 * Two loaders beside each other: the same program started by each, watched at its beginning and
 * at its end, and everything that differs.
 *
 * segmap_observe starts a process; the comparison itself only computes.
 */
#ifndef SEGMAP_COMPARE_H
#define SEGMAP_COMPARE_H

#include <segmap/process.h>
#include <segmap/tracee.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- one process from its beginning to its end ---- */

struct segmap_observation {
	bool started; /* the first instruction was reached, of whatever was executed first */
	/* The snapshot was taken: at that instruction or, if it was asked for, at the entry
	 * point of a program. */
	bool began;
	struct segmap_process entry; /* valid if BEGAN */
	int exec_errno;              /* what execve answered, or 0 */
	/* At the end. */
	struct segmap_regions exit; /* with an error if it ended without leaving time to look */
	int status;                 /* as wait(2) gives it */
	struct segmap_bytes out, err; /* what it wrote to its standard output and error */
};

/*
 * Starts a process as SETUP says, except that its standard streams are /dev/null and two files
 * in memory; takes a snapshot when it begins, and runs it to its end. If PROGRAM is not NULL,
 * the process is first run to the entry point of that image.
 * On success *OBSERVATION is the caller's, to be given to segmap_observation_free, and the
 * process is gone. Errors: negative errno; nothing is left running then either.
 */
int segmap_observe(struct segmap_observation *observation,
		   const struct segmap_tracee_setup *setup, const struct segmap_image *program);

void segmap_observation_free(struct segmap_observation *observation);

/* ---- two of them ---- */

enum segmap_likeness {
	SEGMAP_SAME,
	SEGMAP_VARIES,     /* differs between two runs by execve as well: not compared */
	SEGMAP_EXPECTED,   /* a difference that docs/kernel-differences.md explains */
	SEGMAP_UNEXPECTED, /* any other */
	SEGMAP_UNKNOWN,    /* could be read on neither side */
	SEGMAP_LIKENESS_COUNT,
};

/* One thing that can be compared: "maps cat[0]", "auxv AT_ENTRY", "status Umask". */
struct segmap_item {
	const char *what;
	/* The values in words; NULL for one that is not there or is not known, and then its
	 * why says so. */
	const char *kernel, *kernel_why;
	const char *loader, *loader_why;
	enum segmap_likeness likeness;
	bool at_end;        /* else at the beginning */
	const char *reason; /* id in docs/kernel-differences.md, or NULL */
	const char *why;    /* the same in words, or NULL */
};

struct segmap_comparison {
	struct segmap_item *items; /* owned, with all their strings */
	size_t item_count;
	size_t counts[SEGMAP_LIKENESS_COUNT];
	void *facts; /* owned: where the strings are */
};

struct segmap_compare_options {
	bool aslr;    /* compare addresses by role and distance instead of by value */
	bool foreign; /* the loader is not segload: no difference is expected */
};

/*
 * Compares what KERNEL and LOADER, observations of the same program, have in common. AGAIN is a
 * second observation by execve, or NULL: in what execve's two runs differ, they are no measure
 * for the loader's. On success *COMPARISON is the caller's, to be given to
 * segmap_comparison_free. Makes no system call. Errors: -ENOMEM.
 */
int segmap_compare(struct segmap_comparison *comparison,
		   const struct segmap_observation *kernel,
		   const struct segmap_observation *loader,
		   const struct segmap_observation *again,
		   const struct segmap_compare_options *options);

void segmap_comparison_free(struct segmap_comparison *comparison);

/* "same", "varies", "expected", "UNEXPECTED", "unknown". */
const char *segmap_likeness_name(enum segmap_likeness likeness);

/* The ids and reasons of all expected differences, in the order of the document; *COUNT of
 * them. */
struct segmap_expectation {
	const char *id;
	const char *why;
};
const struct segmap_expectation *segmap_expectations(size_t *count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
