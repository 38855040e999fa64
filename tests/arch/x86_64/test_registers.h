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
	return r->rip;
}

static inline uint64_t test_sp(const struct user_regs_struct *r)
{
	return r->rsp;
}

/* A register that a system call changes, where a step would be seen. */
static inline uint64_t test_scratch(const struct user_regs_struct *r)
{
	return r->r11;
}

static inline bool test_steps(const struct user_regs_struct *r)
{
	return r->eflags & 0x100;
}

/* At a system call: its number, its first two arguments, and behind it what it returned. */
static inline uint64_t test_call(const struct user_regs_struct *r)
{
	return r->orig_rax;
}

static inline uint64_t test_argument(const struct user_regs_struct *r, int n)
{
	return n == 0 ? r->rdi : r->rsi;
}

static inline uint64_t test_result(const struct user_regs_struct *r)
{
	return r->rax;
}

/* open(2), as some libc has it, with the path as its first argument. */
static inline bool test_is_plain_open(const struct user_regs_struct *r)
{
	return r->orig_rax == SYS_open;
}

/* Does a program find what the last munmap leaves in its registers? */
static inline bool test_leaves_registers(bool vdso_clears)
{
	return !vdso_clears;
}

/*
 * Makes the same what may differ between execve and segload at the entry: flags cannot be given
 * back as exec leaves them by a jump that leaves nothing behind (docs/kernel-differences.md),
 * orig_rax tells which system call was last, and unless the vdso clears them some are those of
 * the last munmap.
 */
static inline void test_forgive(struct user_regs_struct *kernel, struct user_regs_struct *ours,
				bool vdso_clears)
{
	kernel->eflags = ours->eflags = 0;
	kernel->orig_rax = ours->orig_rax = 0;
	if (!vdso_clears)
		ours->rcx = ours->r11 = ours->rsi = ours->rdi = 0;
}

#endif
