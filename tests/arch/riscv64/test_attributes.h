/* SPDX-License-Identifier: MIT */
/* Registers that a loader has used, and which its program finds as execve leaves them. */
#ifndef TESTS_TEST_ATTRIBUTES_H
#define TESTS_TEST_ATTRIBUTES_H

static void floats(const void *data)
{
	const uint64_t fcsr = 0x3f; /* all exceptions, rounds towards zero */

	(void)data;
	__asm__ volatile("fscsr %0\n\t"
			 "fmv.d.x ft0, %0\n\t"
			 "fmv.d.x fs1, %0\n\t"
			 "fmv.d.x ft11, %0"
			 :
			 : "r"(fcsr));
}

/* clang-format off */
#define TEST_REGISTER_ROWS \
	{"floats", floats, NULL, NULL, {"fcsr 0x0\n", "floats-zero 0x1\n"}, 0, 0},
/* clang-format on */

#endif
