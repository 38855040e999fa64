/* SPDX-License-Identifier: MIT */
/* The last instructions of a loader. */
#ifndef TESTS_TEST_JUMP_H
#define TESTS_TEST_JUMP_H

#include <stdint.h>

static inline _Noreturn void test_jump(const void *stack, uint64_t entry)
{
	__asm__ volatile("mv sp, %0\n\t"
			 "mv t1, %1\n\t"
			 "li a0, 0\n\t"
			 "li s0, 0\n\t"
			 "li ra, 0\n\t"
			 "jr t1"
			 :
			 : "r"(stack), "r"(entry)
			 : "memory", "a0", "t1", "ra");
	__builtin_unreachable();
}

#endif
