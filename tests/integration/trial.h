/*
 * One program loaded in one of three ways from a process that has been prepared; what it prints
 * of itself, and what /proc says of it meanwhile.
 */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include "harness.h"

#include <pthread.h>

enum way {
	BY_KERNEL,  /* execve in the prepared process */
	BY_PROGRAM, /* execve of segload in it */
	BY_LIBRARY, /* segmap_execve in it, OPTIONS being NULL */
	WAYS,
};

extern const char *const way_names[WAYS];

struct trial {
	const char *path;
	char *const *argv; /* NULL: the path alone */
	char *const *envp; /* NULL: test_environment */
	/* Called in the process that is to become the program. */
	void (*prepare)(const void *data);
	const void *data;
	void (*look)(pid_t pid); /* called while the program waits, or NULL */
	pthread_mutex_t *mutex;  /* becomes that of `shared` */
	bool from_fd;   /* fexecve from the descriptor `trial_fd`, which prepare has opened */
	bool randomize; /* addresses, as is usual; else ADDR_NO_RANDOMIZE is set */
	bool aside;     /* /proc/PID/exe is left out: a user cannot set it */
};

struct sight {
	int status;    /* as wait(2) gives it */
	char *inside;  /* its standard output */
	char *outside; /* what /proc says when that says "end"; "" if it did not come so far */
	char *said;    /* its standard error, or that of the loader */
};

/* For prepare to set. */
extern int trial_fd;

/* In memory that all processes of a test share. */
struct shared {
	pid_t sibling; /* looked at from outside too, and then killed */
	int result;    /* of segmap_execve, where it returns */
	int step;
	pthread_mutex_t *mutex;
};
extern struct shared *shared;

/* In the child: gives up, with WHAT on standard error, unless OK. */
void must(bool ok, const char *what);

/* In the child: from now on the system call NUMBER fails with ERRNUM. */
void forbid_call(unsigned number, unsigned errnum);

/* The program under testdata_dir() with NAME, in static memory; two calls at a time. */
const char *testdata(const char *name);

/* Does TRIAL in this WAY; to be given to sight_free. */
void see(struct sight *sight, const struct trial *trial, enum way way);
void sight_free(struct sight *sight);

/* What /proc says of a process at rest; the caller frees it. */
char *look_outside(pid_t pid, bool exe);

/* How often TEXT is in the memory of PID, all of which is read; -1 if it cannot be. */
int count_in_memory(pid_t pid, const char *text);

/* Where two texts part: "'line of A', not 'line of B'", in static memory; NULL if nowhere. */
const char *first_difference(const char *a, const char *b);

#endif
