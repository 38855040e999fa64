/* SPDX-License-Identifier: MIT */
/* A row of mappings, each a page long: as many as the argument says. They differ from their
 * neighbours in their protection, so the kernel cannot merge them. */
#include "tiny.h"

#include <linux/mman.h>

#define ROW 0x10000000UL

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	return value;
}

int start_c(struct start *start)
{
	uint64_t count = start->argc > 1 ? number(start->argv[1]) : 100;
	long row = sys6(__NR_mmap, (long)ROW, (long)(count * PAGE), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	long bad = 0;

	/* Every fourth one has a page. */
	for (uint64_t i = 0; row > 0 && i < count; i += 4)
		*(volatile char *)(row + (long)(i * PAGE)) = 1;
	for (uint64_t i = 1; row > 0 && i < count; i += 2)
		bad |= sys(mprotect, (uint64_t)row + i * PAGE, PAGE, PROT_READ, 0);
	return check(row == (long)ROW && bad == 0, "a row of mappings");
}
