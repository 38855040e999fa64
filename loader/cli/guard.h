/* Nobody is left behind: a time limit, and interrupts that take the watched processes along. */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

enum { GUARD_MOST = 4 << 10 }; /* processes at a time */

struct guard_result {
	bool timed_out;
	int interrupted; /* the signal, or 0 */
};

/*
 * Between guard_begin and guard_end a process that takes longer than SECONDS (0 is for ever),
 * or an interrupt of this one, kills those that guard_started was told of; each with its
 * process group, if it leads one.
 */
void guard_begin(unsigned seconds);
void guard_started(void *data, pid_t pid); /* as segmap_tracee_setup wants it */
bool guard_is_over(void); /* they have been killed: nothing is to be said about their end */
struct guard_result guard_end(void);

/* Dies by SIGNAL, as this process would have without the guard. */
void guard_be_interrupted(int signal);

#endif
