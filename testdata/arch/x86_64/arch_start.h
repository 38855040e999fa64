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

#define ARCH_PLATFORM "x86_64"
#define ARCH_SP       "rsp"
#define ARCH_STACK_SHUFFLE                                                                     \
	8192 /* bytes that randomisation moves the stack pointer by, at most */
#define ARCH_AUXV_END AT_HWCAP2, AT_EXECFN, AT_PLATFORM

#ifndef TINY_OWN_START
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start_c\n"
	"	mov %eax, %edi\n"
	"	mov $231, %eax\n" /* exit_group */
	"	syscall\n"
	"	hlt\n"
	".size _start, .-_start\n");
#endif

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The calls that later CPUs do not have under these names. */
static inline long sys_open(const char *path)
{
	return sys6(__NR_open, (long)path, 0, 0, 0, 0, 0);
}

static inline long sys_fork(void)
{
	return sys6(__NR_fork, 0, 0, 0, 0, 0, 0);
}

static inline long sys_stat(const char *path, struct stat *st)
{
	return sys6(__NR_stat, (long)path, (long)st, 0, 0, 0, 0);
}

/* The compiler may call these two for a struct copy or a loop, libc or not. */
void *memcpy(void *to, const void *from, size_t n)
{
	void *result = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return result;
}

void *memset(void *to, int byte, size_t n)
{
	void *result = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
	return result;
}

#endif
