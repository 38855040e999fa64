/* Nobody is left behind: a time limit, and interrupts that take the watched process along. */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

struct guard_result {
	bool timed_out;
	int interrupted; /* the signal, or 0 */
};

/*
 * Between guard_begin and guard_end a process that takes longer than SECONDS (0 is for ever),
 * or an interrupt of this one, kills the one that guard_started was told of; with its process
 * group, if it leads one.
 */
void guard_begin(unsigned seconds);
void guard_started(void *data, pid_t pid); /* as segmap_tracee_setup wants it */
struct guard_result guard_end(void);

/* Dies by SIGNAL, as this process would have without the guard. */
void guard_be_interrupted(int signal);

#endif
