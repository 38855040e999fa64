/* What a process has gathered since its own exec and execve would take away. */
#ifndef LOADER_LEFTOVERS_H
#define LOADER_LEFTOVERS_H

#include <segmap/error.h>

struct segmap_leftovers {
	uint64_t signals; /* bit n-1: signal n has a handler, or flags that exec clears */
	uint64_t queued;  /* to set those anew would throw away what is pending of these */
	uint64_t own;     /* signals that are pending for this thread, not for the process */
	int32_t *fds;     /* close-on-exec descriptors; owned */
	size_t fd_count;
	int32_t *timers; /* ids of POSIX timers; owned */
	size_t timer_count;
};

/* Fills LEFTOVERS; the caller gives it to segmap_leftovers_free, also after a failure. */
int segmap_leftovers_read(struct segmap_leftovers *leftovers, struct segmap_error *err);

/* Adds FD to those to be closed. Returns 0 or -ENOMEM. */
int segmap_leftovers_add_fd(struct segmap_leftovers *leftovers, int fd);

void segmap_leftovers_free(struct segmap_leftovers *leftovers);

/* What a process may have set that makes every mapping of a load other than it should be. */
struct segmap_habits {
	unsigned long personality; /* to be restored */
	unsigned long current;     /* as it is meanwhile */
	bool restore_personality, restore_locking;
};

/*
 * Sets them aside: the bits UNPERSONA of the personality (READ_IMPLIES_EXEC makes mappings
 * executable) and, unless PRISTINE, the effect of MCL_FUTURE (which reads in all that is
 * mapped). segmap_habits_restore puts them back, if the load is refused.
 */
void segmap_habits_suspend(struct segmap_habits *habits, unsigned long unpersona,
			   bool pristine);
void segmap_habits_restore(const struct segmap_habits *habits);

#endif
