/* SPDX-License-Identifier: MIT */
/* The C library's heap: sbrk, many small blocks (brk), big ones (mmap), realloc between the
 * two. */
#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS 20000

static unsigned char *block[BLOCKS];

static size_t size_of(size_t i)
{
	return 1 + i * 37 % 400;
}

static int many_blocks(void)
{
	int ok = 1;

	for (size_t i = 0; i < BLOCKS; i++) {
		block[i] = malloc(size_of(i));
		if (!block[i])
			return 0;
		memset(block[i], (int)(i & 0xff), size_of(i));
	}
	for (size_t i = 0; i < BLOCKS; i += 2)
		free(block[i]);
	for (size_t i = 1; i < BLOCKS; i += 2) {
		ok &= block[i][0] == (i & 0xff) && block[i][size_of(i) - 1] == (i & 0xff);
		free(block[i]);
	}
	return ok;
}

static int big_block(void)
{
	size_t size = 64UL << 20;
	unsigned char *big = calloc(1, size), *bigger;
	int ok = big && big[0] == 0 && big[size - 1] == 0;

	if (!ok)
		return 0;
	big[size - 1] = 9;
	bigger = realloc(big, 2 * size);
	ok = bigger && bigger[size - 1] == 9;
	free(bigger ? bigger : big);
	return ok;
}

#ifdef __GLIBC__
static void check_sbrk(void)
{
	char *before = sbrk(0), *grown = sbrk(3 << 20), *after = sbrk(0);

	/* Only now something is printed: that allocates a buffer. */
	check(grown == before, "sbrk returns the old end");
	check(after == before + (3 << 20), "sbrk grows");
	memset(grown, 1, 3 << 20);
}
#else
/* musl has no sbrk to speak of: it refuses every argument but 0. */
static void check_sbrk(void)
{
	check(sbrk(0) != (void *)-1, "sbrk");
}
#endif

int main(void)
{
	check_sbrk();
	check(many_blocks(), "many small blocks");
	check(big_block(), "a big block");
	return check_failed;
}
