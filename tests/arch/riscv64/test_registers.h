/* SPDX-License-Identifier: MIT */
/* What tests ask of the registers of a process that they trace. */
#ifndef TESTS_TEST_REGISTERS_H
#define TESTS_TEST_REGISTERS_H

#include <segmap/registers.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

static inline uint64_t test_pc(const struct user_regs_struct *r)
{
	return r->pc;
}

static inline uint64_t test_sp(const struct user_regs_struct *r)
{
	return r->sp;
}

/* A register that code between two functions may change. */
static inline uint64_t test_scratch(const struct user_regs_struct *r)
{
	return r->t3;
}

/* There are no single steps. */
static inline bool test_steps(const struct user_regs_struct *r)
{
	(void)r;
	return false;
}

/* At a system call: its number, its first two arguments, and behind it what it returned. Of the
 * first argument nothing is left in the registers. */
static inline uint64_t test_call(const struct user_regs_struct *r)
{
	return r->a7;
}

static inline uint64_t test_argument(const struct user_regs_struct *r, int n)
{
	return n == 0 ? r->a0 : r->a1;
}

static inline uint64_t test_result(const struct user_regs_struct *r)
{
	return r->a0;
}

/* There is no open(2). */
static inline bool test_is_plain_open(const struct user_regs_struct *r)
{
	(void)r;
	return false;
}

/* Does a program find what the last munmap leaves in its registers? They come from a frame. */
static inline bool test_leaves_registers(bool vdso_clears)
{
	(void)vdso_clears;
	return false;
}

/* Makes the same what may differ between execve and segload at the entry: all that execve
 * leaves as its caller had it. */
static inline void test_forgive(struct user_regs_struct *kernel, struct user_regs_struct *ours,
				bool vdso_clears)
{
	const struct user_regs_struct set = {
		.pc = kernel->pc, .sp = kernel->sp, .a0 = kernel->a0};

	(void)ours;
	(void)vdso_clears;
	*kernel = set;
}

#endif
