/*
 * A child that is watched, with all that comes from it: its threads, the processes that it
 * forks, and theirs. They run at full speed between events, and nothing is written into their
 * memory.
 */
#ifndef SEGMAP_FAMILY_H
#define SEGMAP_FAMILY_H

#include <segmap/tracee.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum segmap_family_event_kind {
	SEGMAP_FAMILY_BORN,     /* a new process, before its first instruction */
	SEGMAP_FAMILY_EXECUTED, /* has become another program, before its first instruction */
	SEGMAP_FAMILY_ENDING,   /* about to end: its memory is still there */
	SEGMAP_FAMILY_ENDED,
};

struct segmap_family_event {
	enum segmap_family_event_kind kind;
	pid_t pid;     /* of the process */
	pid_t thread;  /* of the one thread of it that is stopped and can be asked by ptrace */
	pid_t parent;  /* BORN: the process that has made it, stopped as well */
	bool borrowed; /* BORN: by vfork, so its memory is its parent's until it executes or
			  ends */
	int status;    /* ENDED: as wait(2) gives it */
};

struct segmap_family;

/*
 * Makes a family of the stopped TRACEE, which belongs to it from now on: *TRACEE must not be
 * used any more, but may be given to segmap_tracee_destroy, which does nothing then.
 * Errors: negative errno; TRACEE is the caller's as before.
 */
int segmap_family_create(struct segmap_family **family, struct segmap_tracee *tracee);

/*
 * Lets all go on until the next event; the process that it is about is stopped then, the others
 * run. A signal is passed on to the one it is for, and a process that is stopped by one stays
 * so until it is continued by another. Threads have no events of their own: a process is about
 * to end when its last thread is. One that is killed by SIGKILL may end without that. Returns 1
 * and sets *EVENT; 0 if nobody is left; or a negative errno. Waits only for the family's own,
 * and takes no other child's status.
 */
int segmap_family_next(struct segmap_family *family, struct segmap_family_event *event);

/* Kills all that are left, waits for their end, and frees FAMILY; NULL is allowed. */
void segmap_family_destroy(struct segmap_family *family);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
