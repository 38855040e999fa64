/* SPDX-License-Identifier: MIT */
/*
 * Takes 100,000 page faults, in pages that are new each time, and prints how many nanoseconds
 * that took.
 */
#include "tiny.h"

#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 4, PAGES = 25000 };

static uint64_t now(void)
{
	struct timespec t;

	sys(clock_gettime, CLOCK_MONOTONIC, &t, 0, 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int start_c(struct start *start)
{
	uint64_t begin = now();

	(void)start;
	for (int round = 0; round < ROUNDS; round++) {
		long addr = sys6(__NR_mmap, 0, PAGES * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (addr < 0 && addr > -4096)
			return 1;
		sys(madvise, addr, PAGES * PAGE, MADV_NOHUGEPAGE, 0);
		for (unsigned long page = 0; page < PAGES; page++)
			((volatile char *)addr)[page * PAGE] = 1; // NOLINT
		sys(munmap, addr, PAGES * PAGE, 0, 0);
	}
	put_number(now() - begin);
	put("\n");
	return 0;
}
