/* SPDX-License-Identifier: MIT */
/* Where a program could see that it is single-stepped. */
#ifndef TESTS_TEST_STEPS_H
#define TESTS_TEST_STEPS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { TRAP_FLAG = 0x100 };

static bool context_steps(const ucontext_t *uc)
{
	return (uc->uc_mcontext.gregs[REG_EFL] & TRAP_FLAG) != 0;
}

static void break_here(void)
{
	__asm__ volatile("int3");
}

static bool flags_are_clean(void)
{
	uint64_t wide, filled = 0;
	uint16_t narrow;

	__asm__ volatile("sub $128, %%rsp\n\tpushfq\n\tpopq %0\n\tadd $128, %%rsp"
			 : "=r"(wide));
	__asm__ volatile("sub $128, %%rsp\n\tpushfw\n\tpopw %0\n\tadd $128, %%rsp"
			 : "=r"(narrow));
	/* loaded again, once with the direction flag */
	__asm__ volatile(
		"sub $128, %%rsp\n\tpushfq\n\tpopfq\n\tstd\n\tpushfq\n\tcld\n\tpopfq\n\t"
		"pushfq\n\tpopq %0\n\tcld\n\tadd $128, %%rsp"
		: "=r"(filled)
		:
		: "cc");
	return !(wide & TRAP_FLAG) && !(narrow & TRAP_FLAG) && !(filled & TRAP_FLAG) &&
	       (filled & 0x400);
}

static bool call_is_clean(void)
{
	register uint64_t r11 __asm__("r11");
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result), "=r"(r11)
			 : "a"(SYS_getpid)
			 : "rcx", "memory");
	return result == getpid() && !(r11 & TRAP_FLAG);
}

static bool strings_are_copied(void)
{
	char from[1000], to[1000];
	const char *source = from;
	char *target = to;
	size_t count = sizeof(from);

	memset(from, 'x', sizeof(from));
	memset(to, 0, sizeof(to));
	__asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(count) : : "memory");
	return memcmp(from, to, sizeof(to)) == 0;
}

#endif
