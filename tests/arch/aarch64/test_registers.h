/* SPDX-License-Identifier: MIT */
/* What tests ask of the registers of a process that they trace. */
#ifndef TESTS_TEST_REGISTERS_H
#define TESTS_TEST_REGISTERS_H

#include <segmap/registers.h>
#include <stdbool.h>
#include <stdint.h>
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
	return r->regs[16];
}

/* The kernel keeps its own flag for that to itself. */
static inline bool test_steps(const struct user_regs_struct *r)
{
	(void)r;
	return false;
}

/* At a system call: its number, its first two arguments, and behind it what it returned. */
static inline uint64_t test_call(const struct user_regs_struct *r)
{
	return r->regs[8];
}

static inline uint64_t test_argument(const struct user_regs_struct *r, int n)
{
	return r->regs[n];
}

static inline uint64_t test_result(const struct user_regs_struct *r)
{
	return r->regs[0];
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

/* Makes the same what may differ between execve and segload at the entry: nothing. */
static inline void test_forgive(struct user_regs_struct *kernel, struct user_regs_struct *ours,
				bool vdso_clears)
{
	(void)kernel;
	(void)ours;
	(void)vdso_clears;
}

#endif
