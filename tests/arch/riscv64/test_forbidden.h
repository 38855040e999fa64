/* SPDX-License-Identifier: MIT */
/* Calls of the CPU alone that a system call filter may forbid. */
#ifndef TESTS_TEST_FORBIDDEN_H
#define TESTS_TEST_FORBIDDEN_H

#define TEST_FORBIDDEN_ROWS

#endif
