/* SPDX-License-Identifier: MIT */
/* Registers that a loader has used, and which its program finds as execve leaves them. */
#ifndef TESTS_TEST_ATTRIBUTES_H
#define TESTS_TEST_ATTRIBUTES_H

static void thread_register(const void *data)
{
	(void)data;
	/* libc's own: nothing of it may be called from here on but what goes on to exec */
	must(__builtin_thread_pointer() != NULL, "a thread pointer");
}

static void vectors(const void *data)
{
	const uint64_t fpcr = 0x1c00000; /* rounds to zero, denormals are zeros */

	(void)data;
	__asm__ volatile("msr fpcr, %0\n\t"
			 "movi v0.16b, #255\n\t"
			 "movi v7.16b, #255\n\t"
			 "movi v31.16b, #255"
			 :
			 : "r"(fpcr)
			 : "v0", "v7", "v31");
}

/* clang-format off */
#define TEST_REGISTER_ROWS \
	{"TPIDR_EL0", thread_register, NULL, NULL, {"tpidr-zero 0x1\n"}, 0, 0}, \
	{"vectors", vectors, NULL, NULL, {"fpcr 0x0\n", "fpsr 0x0\n", "vectors-zero 0x1\n"}, 0, 0},
/* clang-format on */

#endif
