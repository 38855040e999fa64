/* SPDX-License-Identifier: MIT */
/*
 * The heap by brk(2): starts on a page boundary behind the bss (for a static PIE somewhere else
 * entirely), empty, grows, gives zeroed memory, shrinks, and is called [heap].
 */
#include "tiny.h"

extern const char _end[] __attribute__((visibility("hidden")));

static char maps[1 << 16];
static char bss[10000];

static uint64_t set_brk(uint64_t to)
{
	return (uint64_t)sys(brk, to, 0, 0, 0);
}

static uint64_t parse_hex(const char *text)
{
	uint64_t value = 0;

	for (; *text && *text != '-' && *text != ' '; text++)
		value = value * 16 + (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

/* Is an address in the mapping that is called [heap]? It can begin with the bss before it. */
static bool is_in_heap(uint64_t address)
{
	const char *line = maps, *to;

	slurp("/proc/self/maps", maps, sizeof(maps));
	for (const char *at = maps; *at; at++) {
		if (*at == '\n')
			line = at + 1;
		if (same_bytes(at, "[heap]", 6))
			break;
	}
	for (to = line; *to && *to != '-'; to++)
		;
	return *to && parse_hex(line) <= address && address < parse_hex(to + 1);
}

int start_c(struct start *start)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)(aux(start, AT_PHDR) - 64);
	uint64_t first = set_brk(0), grown = first + (5UL << 20);
	bool moved = eh->e_type == ET_DYN && aux(start, AT_BASE) == 0;
	int failed = 0;

	bss[9999] = 1;
	failed |= check(first % PAGE == 0, "brk starts on a page boundary");
	failed |= check(moved || (first >= (uint64_t)_end &&
				  first - (uint64_t)_end < (1UL << 30) + 3 * PAGE),
			"behind the bss, not far");
	failed |= check(set_brk(grown) == grown, "brk grows by 5 MiB");
	failed |= check(all_zero((void *)first, 5UL << 20), "new memory is zero");
	memset((void *)first, 0x77, 5UL << 20);
	failed |= check(is_in_heap(first), "it is [heap]");
	failed |= check(set_brk(first + PAGE) == first + PAGE, "brk shrinks");
	failed |= check(set_brk(first + 2 * PAGE) == first + 2 * PAGE &&
				all_zero((void *)(first + PAGE), PAGE),
			"zero again after growing again");
	failed |= check(*(unsigned char *)first == 0x77, "what stayed is kept");
	return failed | (bss[9999] != 1);
}
