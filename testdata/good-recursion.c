/* SPDX-License-Identifier: MIT */
/*
 * Deep recursion: the stack grows on demand to 3/4 of its limit (6 of the usual 8 MiB). A stack
 * that is a fixed mapping, or has something of the loader under it, ends here.
 */
#include "check.h"

#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#define FRAME 1000

/* The frames are checked on the way back: no two share memory. */
static size_t descend(size_t depth)
{
	volatile unsigned char frame[FRAME];
	size_t below;

	memset((void *)frame, (int)(depth & 0xff), FRAME);
	below = depth ? descend(depth - 1) : 0;
	for (size_t i = 0; i < FRAME; i += 333)
		if (frame[i] != (depth & 0xff))
			return 0;
	return below + 1;
}

int main(void)
{
	size_t size = 6UL << 20, depth;
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur / 4 * 3 < size)
		size = limit.rlim_cur / 4 * 3;
	depth = size / (FRAME + 200);
	check(descend(depth) == depth + 1, "recursion to three quarters of the stack");
	return check_failed;
}
