/* SPDX-License-Identifier: MIT */
/* Writes to one initialised variable, which is in the second of three pages of data. */
#include "tiny.h"

struct page {
	long padding[3];
	long value;
	unsigned char rest[PAGE_MAX - 4 * sizeof(long)];
} __attribute__((aligned(PAGE_MAX)));

/* They are not static, so that their order is that of their addresses. */
extern volatile struct page before, data, after;
volatile struct page before = {.value = 1};
volatile struct page data = {.value = 2};
volatile struct page after = {.value = 3};

__attribute__((noinline)) static void write_one(void)
{
	data.value = 4;
}

int start_c(struct start *start)
{
	(void)start;
	write_one();
	return data.value != 4;
}
