/* SPDX-License-Identifier: MIT */
/* The last instructions of a loader. */
#ifndef TESTS_TEST_JUMP_H
#define TESTS_TEST_JUMP_H

#include <stdint.h>

static inline _Noreturn void test_jump(const void *stack, uint64_t entry)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "jmp *%1"
			 :
			 : "r"(stack), "r"(entry)
			 : "memory", "rdx");
	__builtin_unreachable();
}

#endif
