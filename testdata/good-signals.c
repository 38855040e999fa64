/* SPDX-License-Identifier: MIT */
/*
 * Signals: every disposition is the default (or ignored, which is inherited) at the start;
 * handlers, masks, the alternate stack and the return from a handler work; no stray alternate
 * stack.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char alternate[64 << 10];
static volatile sig_atomic_t handled;
static volatile uintptr_t handler_sp;

static void handler(int signal, siginfo_t *info, void *context)
{
	int local;

	(void)context;
	handler_sp = (uintptr_t)&local;
	handled += info->si_signo == signal;
}

static int all_default(void)
{
	struct sigaction action;

	for (int i = 1; i < NSIG; i++) {
		if (sigaction(i, NULL, &action) != 0)
			continue; /* the two that the C library keeps for itself */
		if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
			return 0;
	}
	return 1;
}

static int install(int signal, int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO | flags;
	return sigaction(signal, &action, NULL) == 0;
}

static void check_mask(void)
{
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	handled = 0;
	raise(SIGUSR2);
	sigpending(&pending);
	check(handled == 0 && sigismember(&pending, SIGUSR2), "a blocked signal is pending");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	check(handled == 1, "it is delivered when unblocked");
}

static void check_alternate_stack(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	check(sigaltstack(&stack, &old) == 0 && old.ss_flags & SS_DISABLE && !old.ss_sp,
	      "no alternate stack at the start");
	install(SIGUSR1, SA_ONSTACK);
	handled = 0;
	raise(SIGUSR1);
	check(handled == 1 && handler_sp - (uintptr_t)alternate < sizeof(alternate),
	      "handler on the alternate stack");
}

int main(void)
{
	struct sigaction action;
	sigset_t all;

	check(all_default(), "dispositions are default or ignored");
	/* The mask is inherited: a caller may block what is needed here. */
	sigfillset(&all);
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
	check(install(SIGUSR1, 0) && install(SIGUSR2, SA_RESETHAND), "sigaction");
	raise(SIGUSR1);
	check(handled == 1, "handler");
	check_mask();
	check(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_DFL,
	      "SA_RESETHAND");
	check_alternate_stack();
	return check_failed;
}
