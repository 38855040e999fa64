/* SPDX-License-Identifier: MIT */
/*
 * A bss of 1 GiB, of which a handful of pages is touched: loading must not cost memory or time
 * for the rest (no memset, no MAP_POPULATE).
 */
#include "check.h"

#include <stddef.h>
#include <unistd.h>

#define SIZE (1UL << 30)

static unsigned char bss[SIZE];

/* Not ru_maxrss: that one is inherited from whoever called execve. */
static long resident_pages(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long size, resident = -1;

	if (!statm || fscanf(statm, "%ld %ld", &size, &resident) != 2)
		resident = 1L << 40;
	if (statm)
		fclose(statm);
	return resident;
}

int main(void)
{
	static const size_t at[] = {0, 4095, 4096, SIZE / 2, SIZE - 4097, SIZE - 1};
	int zero = 1, kept = 1;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		zero &= ((volatile unsigned char *)bss)[at[i]] == 0;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		((volatile unsigned char *)bss)[at[i]] = (unsigned char)(i + 1);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		kept &= ((volatile unsigned char *)bss)[at[i]] == i + 1;
	check(zero, "touched pages are zero");
	check(kept, "touched pages keep what is written");
	check(resident_pages() < (64L << 20) / sysconf(_SC_PAGESIZE),
	      "less than 64 MiB resident");
	return check_failed;
}
