/* SPDX-License-Identifier: MIT */
/* What tiny.h takes from the CPU. The same names in every CPU's folder. */
#ifndef TESTDATA_ARCH_START_H
#define TESTDATA_ARCH_START_H

#include "arch_page.h"

#include <asm/stat.h>
#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's page: of 4, 16 or 64 KiB. In a register of its own (-ffixed-x28), so that to
 * know it writes to no memory. */
register unsigned long arch_page __asm__("x28");
#define PAGE arch_page

#define ARCH_PLATFORM "aarch64"
#define ARCH_SP       "sp"
#define ARCH_STACK_SHUFFLE                                                                     \
	PAGE /* bytes that randomisation moves the stack pointer by, at most */
#define ARCH_AUXV_END AT_HWCAP2, AT_EXECFN, AT_PLATFORM

#ifndef TINY_OWN_START
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	mov x0, sp\n"
	"	ldr x1, [sp]\n" /* argc */
	"	add x1, sp, x1, uxtx #3\n"
	"	add x1, x1, #16\n" /* envp */
	"1:	ldr x2, [x1], #8\n"
	"	cbnz x2, 1b\n"
	"2:	ldp x2, x28, [x1], #16\n" /* the auxv */
	"	cbz x2, 3f\n"
	"	cmp x2, #6\n" /* AT_PAGESZ */
	"	b.ne 2b\n"
	"3:	mov x29, #0\n"
	"	mov x30, #0\n"
	"	bl start_c\n"
	"	mov x8, #94\n" /* exit_group */
	"	svc #0\n"
	"	udf #0\n"
	".size _start, .-_start\n");
#endif

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
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

	__asm__ volatile("cbz %2, 2f\n"
			 "1:	ldrb w9, [%1], #1\n"
			 "	strb w9, [%0], #1\n"
			 "	subs %2, %2, #1\n"
			 "	b.ne 1b\n"
			 "2:"
			 : "+r"(to), "+r"(from), "+r"(n)
			 :
			 : "x9", "memory", "cc");
	return result;
}

void *memset(void *to, int byte, size_t n)
{
	void *result = to;

	__asm__ volatile("cbz %1, 2f\n"
			 "1:	strb %w2, [%0], #1\n"
			 "	subs %1, %1, #1\n"
			 "	b.ne 1b\n"
			 "2:"
			 : "+r"(to), "+r"(n)
			 : "r"(byte)
			 : "memory", "cc");
	return result;
}

#endif
