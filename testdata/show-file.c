/* SPDX-License-Identifier: MIT */
/*
 * Prints a file of /proc/self as it is (FILE, chosen when compiling), with raw system calls and
 * a buffer that exists already: what is shown is not changed by showing it.
 */
#include "tiny.h"

#ifndef FILE
#define FILE "/proc/self/maps"
#endif

static char buffer[1 << 16];

int start_c(struct start *start)
{
	long n, fd = sys_open(FILE);

	(void)start;
	while ((n = sys(read, fd, buffer, sizeof(buffer), 0)) > 0)
		put_bytes(buffer, (size_t)n);
	return n < 0;
}
