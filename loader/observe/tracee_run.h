/* Steps of a tracee, for the files that drive one. */
#ifndef OBSERVE_TRACEE_RUN_H
#define OBSERVE_TRACEE_RUN_H

#include "arch_tracee.h"

#include <segmap/process.h>
#include <segmap/tracee.h>
#include <sys/ptrace.h>

/* Lets TRACEE go on in the way HOW, with the signal that it is due, and waits for its next
 * stop. Returns 0 or a negative errno. */
int tracee_resume(struct segmap_tracee *tracee, enum __ptrace_request how);

/* Stopped at the beginning or the end of a system call, which PTRACE_SYSCALL has asked for. */
bool tracee_is_in_call(const struct segmap_tracee *tracee);

/* Stopped because it is about to end. */
bool tracee_is_ending(const struct segmap_tracee *tracee);

/* Stopped because it has become another program: none of its addresses means what it did. */
bool tracee_has_executed(const struct segmap_tracee *tracee);

#endif
