/* Telling each system call of a load, for segload -v. */
#ifndef LOADER_TRACE_H
#define LOADER_TRACE_H

#include <segmap/exec.h>

/* Says the call (printf-like) and WHY it was made, if OPTIONS ask for it. */
__attribute__((format(printf, 3, 4))) void
segmap_trace_call(const struct segmap_options *options, const char *why, const char *format,
		  ...);

#endif
