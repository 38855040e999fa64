/* What a process has gathered since its own exec and execve would take away. */
#ifndef LOADER_LEFTOVERS_H
#define LOADER_LEFTOVERS_H

#include <segmap/error.h>

struct segmap_leftovers {
	uint64_t signals; /* bit n-1: signal n has a handler, or flags that exec clears */
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

#endif
