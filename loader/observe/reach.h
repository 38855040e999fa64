/* On the way to an address of a tracee, for the files that drive one. */
#ifndef OBSERVE_REACH_H
#define OBSERVE_REACH_H

#include "tracee_run.h"

struct reach {
	uint64_t addr; /* that it shall stop at, or 0 while there is none */
	uint64_t pc;   /* of the tracee, while it is stopped */
	/* What the rest says is kept up only in single-stepping. */
	enum arch_instruction done; /* by the last step */
	uint64_t page;              /* that it has executed something of, or 0 */
	uint64_t mask;              /* the signals that it blocks */
	bool inside;                /* a system call: to be run to its end */
	bool interrupted;           /* back from a system call for a signal, which is to come */
	bool muted;                 /* a SIGSTOP of our own is on its way to it */
};

/* Begins with a stopped TRACEE, and with no address. */
int reach_begin(struct reach *reach, const struct segmap_tracee *tracee);

/* From now on to ADDR; 0 for none. Returns 0 or a negative errno. */
int reach_set(struct reach *reach, const struct segmap_tracee *tracee, uint64_t addr);

/* Is TRACEE, which is stopped, about to execute the address? */
bool reach_is_there(const struct reach *reach, const struct segmap_tracee *tracee);

/* Lets TRACEE go on until it stops for whatever reason: at the address, for a signal, or for
 * what HOW (PTRACE_CONT or PTRACE_SYSCALL) stops at. Stepping, it stops at each instruction. */
int reach_go_on(struct reach *reach, struct segmap_tracee *tracee, enum __ptrace_request how);

/* Whether TRACEE has just returned from a system call, as far as PTRACE_SYSCALL or steps show.
 */
bool reach_has_called(const struct reach *reach, const struct segmap_tracee *tracee);

#endif
