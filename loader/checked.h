/* Arithmetic on addresses and sizes that come from files: checked, or wrapping on purpose. */
#ifndef LOADER_CHECKED_H
#define LOADER_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

/* *SUM = A + B; false if that does not fit. */
static inline bool add_fits(uint64_t a, uint64_t b, uint64_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

/* A rounded down, or up (wrapping, as the kernel's macros do), to a multiple of PAGE. */
static inline uint64_t page_down(uint64_t a, uint64_t page)
{
	return a & ~(page - 1);
}

static inline uint64_t page_up(uint64_t a, uint64_t page)
{
	return page_down(a + page - 1, page);
}

static inline uint64_t page_offset(uint64_t a, uint64_t page)
{
	return a & (page - 1);
}

static inline bool is_power_of_two(uint64_t a)
{
	return a != 0 && (a & (a - 1)) == 0;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
