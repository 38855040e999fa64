/* SPDX-License-Identifier: MIT */
/* The registers besides the general ones. */
#ifndef TESTDATA_ARCH_REGISTERS_H
#define TESTDATA_ARCH_REGISTERS_H

#include <stdint.h>

static uint64_t floats[32];

#define STORE(n) "fsd f" #n ", " #n "*8(%0)\n\t"

static void read_floats(void)
{
	/* clang-format off */
	__asm__ volatile(
		STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5) STORE(6) STORE(7)
		STORE(8) STORE(9) STORE(10) STORE(11) STORE(12) STORE(13) STORE(14) STORE(15)
		STORE(16) STORE(17) STORE(18) STORE(19) STORE(20) STORE(21) STORE(22) STORE(23)
		STORE(24) STORE(25) STORE(26) STORE(27) STORE(28) STORE(29) STORE(30) STORE(31)
		: : "r"(floats) : "memory");
	/* clang-format on */
}

static uint64_t read_fcsr(void)
{
	uint64_t value;

	__asm__ volatile("frcsr %0" : "=r"(value));
	return value;
}

#endif
