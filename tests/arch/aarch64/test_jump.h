/* SPDX-License-Identifier: MIT */
/* The last instructions of a loader. */
#ifndef TESTS_TEST_JUMP_H
#define TESTS_TEST_JUMP_H

#include <stdint.h>

static inline _Noreturn void test_jump(const void *stack, uint64_t entry)
{
	__asm__ volatile("mov sp, %0\n\t"
			 "mov x16, %1\n\t"
			 "mov x0, #0\n\t"
			 "mov x29, #0\n\t"
			 "mov x30, #0\n\t"
			 "br x16"
			 :
			 : "r"(stack), "r"(entry)
			 : "memory", "x0", "x16", "x30");
	__builtin_unreachable();
}

#endif
