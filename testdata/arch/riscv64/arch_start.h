/* SPDX-License-Identifier: MIT */
/* What tiny.h takes from the CPU. The same names in every CPU's folder. */
#ifndef TESTDATA_ARCH_START_H
#define TESTDATA_ARCH_START_H

#include "arch_page.h"

#include <asm/stat.h>
#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE PAGE_MAX /* there is only one size */

#define ARCH_PLATFORM "" /* no such entry */
#define ARCH_SP       "sp"
#define ARCH_STACK_SHUFFLE                                                                     \
	PAGE /* bytes that randomisation moves the stack pointer by, at most */
#define ARCH_AUXV_END AT_EXECFN

#ifndef TINY_OWN_START
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	mv a0, sp\n"
	"	li s0, 0\n"
	"	li ra, 0\n"
	"	call start_c\n"
	"	li a7, 94\n" /* exit_group */
	"	ecall\n"
	"	unimp\n"
	".size _start, .-_start\n");
#endif

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}

/* The calls that older CPUs have under these names. */
static inline long sys_open(const char *path)
{
	return sys6(__NR_openat, -100 /* AT_FDCWD */, (long)path, 0, 0, 0, 0);
}

static inline long sys_fork(void)
{
	return sys6(__NR_clone, 17 /* SIGCHLD */, 0, 0, 0, 0, 0);
}

static inline long sys_stat(const char *path, struct stat *st)
{
	return sys6(__NR_newfstatat, -100 /* AT_FDCWD */, (long)path, (long)st, 0, 0, 0);
}

/* The compiler may call these two for a struct copy or a loop, libc or not. */
void *memcpy(void *to, const void *from, size_t n)
{
	void *result = to;

	__asm__ volatile("beqz %2, 2f\n"
			 "1:	lbu t1, 0(%1)\n"
			 "	sb t1, 0(%0)\n"
			 "	addi %0, %0, 1\n"
			 "	addi %1, %1, 1\n"
			 "	addi %2, %2, -1\n"
			 "	bnez %2, 1b\n"
			 "2:"
			 : "+r"(to), "+r"(from), "+r"(n)
			 :
			 : "t1", "memory");
	return result;
}

void *memset(void *to, int byte, size_t n)
{
	void *result = to;

	__asm__ volatile("beqz %1, 2f\n"
			 "1:	sb %2, 0(%0)\n"
			 "	addi %0, %0, 1\n"
			 "	addi %1, %1, -1\n"
			 "	bnez %1, 1b\n"
			 "2:"
			 : "+r"(to), "+r"(n)
			 : "r"(byte)
			 : "memory");
	return result;
}

#endif
