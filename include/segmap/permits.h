/*
 * What this machine does and permits: kernels and virtual machines differ in what can be seen
 * of a process, and in what is there to be seen.
 */
#ifndef SEGMAP_PERMITS_H
#define SEGMAP_PERMITS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Whether to read an untouched page of private anonymous memory maps the shared zero page,
 * which the first write replaces: two faults. In some virtual machines the read gets a page of
 * its own at once, and the write causes no fault. It is tried with a page of this process,
 * once; if there is no memory for that, the answer is that of most machines, true.
 */
bool segmap_zero_page_is_used(void);

/* Beside it, in <segmap/tracee.h>: segmap_tracee_must_step(), whether breakpoint registers
 * work. */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
