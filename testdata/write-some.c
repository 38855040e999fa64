/* SPDX-License-Identifier: MIT */
/*
 * Does with 64 pages of initialised data what its arguments say, in their order:
 *
 *   N      writes to page N     kN  lets the kernel write to it, by a system call
 *   rN     reads it             dN  gives it back, by madvise(2)
 *   pN     makes it read-only   uN  unmaps it
 *   fork   lets a child do the rest, and waits for it
 *
 * A write changes one byte; the kernel changes eight, or less if chance has it so.
 */
#include "tiny.h"

#include <asm/mman.h>

#define PAGES 64

volatile unsigned char pages[PAGES][PAGE_MAX]
	__attribute__((aligned(PAGE_MAX))) = {[0 ... PAGES - 1] = {[PAGE_MAX - 1] = 1}};

__attribute__((noinline)) static void write_page(volatile unsigned char *page)
{
	page[8]++;
}

static unsigned long number(const char *s)
{
	unsigned long n = 0;

	while (*s >= '0' && *s <= '9')
		n = 10 * n + (unsigned long)(*s++ - '0');
	return n % PAGES;
}

static bool act(const char *what)
{
	volatile unsigned char *page = pages[number(*what > '9' ? what + 1 : what)];

	switch (*what) {
	case 'r':
		return page[PAGE_MAX - 1] == 1;
	case 'k':
		return sys(getrandom, page, 8, 0, 0) == 8;
	case 'd':
		return sys(madvise, page, PAGE, MADV_DONTNEED, 0) == 0;
	case 'p':
		return sys(mprotect, page, PAGE, PROT_READ, 0) == 0;
	case 'u':
		return sys(munmap, page, PAGE, 0, 0) == 0;
	default:
		write_page(page);
		return page[8] != 0;
	}
}

/* The child's 0, or what has become of it. */
static int parent(long child)
{
	int status = -1;

	if (child < 0 || sys(wait4, child, &status, 0, 0) != child)
		return 2;
	return status != 0;
}

int start_c(struct start *start)
{
	for (long i = 1; i < start->argc; i++) {
		if (same_string(start->argv[i], "fork")) {
			long child = sys_fork();

			if (child)
				return parent(child);
		} else if (!act(start->argv[i])) {
			return 1;
		}
	}
	return 0;
}
