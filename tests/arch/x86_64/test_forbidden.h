/* SPDX-License-Identifier: MIT */
/* Calls of the CPU alone that a system call filter may forbid. */
#ifndef TESTS_TEST_FORBIDDEN_H
#define TESTS_TEST_FORBIDDEN_H

/* clang-format off */
#define TEST_FORBIDDEN_ROWS \
	{"no arch_prctl", FORBID(arch_prctl), "good-asm", "the vdso cannot be moved", BY_LIBRARY_ONLY},
/* clang-format on */

#endif
