/* SPDX-License-Identifier: MIT */
/* Where a program could see that it is single-stepped: it never is. */
#ifndef TESTS_TEST_STEPS_H
#define TESTS_TEST_STEPS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static bool context_steps(const ucontext_t *uc)
{
	(void)uc;
	return false;
}

/* Sent: the instruction would be executed again when the handler returns. */
static void break_here(void)
{
	raise(SIGTRAP);
}

static bool flags_are_clean(void)
{
	return true;
}

static bool call_is_clean(void)
{
	return syscall(SYS_getpid) == getpid();
}

static bool strings_are_copied(void)
{
	char from[1000], to[1000];

	memset(from, 'x', sizeof(from));
	memset(to, 0, sizeof(to));
	memcpy(to, from, sizeof(to));
	__asm__ volatile("" : : "r"(to) : "memory");
	return memcmp(from, to, sizeof(to)) == 0;
}

#endif
