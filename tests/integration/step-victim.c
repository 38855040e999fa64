/*
 * A program that looks for traces of being single-stepped: its exit status is the number of the
 * first check that fails, or 0. At the end it passes the function in section ".here".
 */
#include "test_steps.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t caught, traced;

__attribute__((noinline, section(".here"))) void here(void);

void here(void)
{
	__asm__ volatile("");
}

static void handle(int number, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	(void)number;
	(void)info;
	caught++;
	traced += context_steps(uc);
}

static bool signals_are_clean(void)
{
	caught = 0;
	raise(SIGUSR1);
	kill(getpid(), SIGTRAP);
	break_here();
	return caught == 3 && traced == 0;
}

/* While SIGTRAP is blocked, and one is waiting. */
static bool mask_is_kept(void)
{
	sigset_t all, before, now;
	struct sigaction action;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	caught = 0;
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	sigaction(SIGTRAP, NULL, &action);
	bool kept = sigismember(&now, SIGTRAP) && sigismember(&now, SIGUSR1) && caught == 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return kept && caught == 1 && action.sa_sigaction == handle;
}

/* A system call that blocks, ended by a signal. */
static bool is_woken(void)
{
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	sigset_t alarm, none;

	sigemptyset(&none);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	caught = 0;
	setitimer(ITIMER_REAL, &soon, NULL);
	return sigsuspend(&none) < 0 && errno == EINTR && caught == 1 && traced == 0;
}

static bool child_is_free(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(flags_are_clean() && signals_are_clean() ? 7 : 8);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	bool (*const checks[])(void) = {
		flags_are_clean,    call_is_clean, signals_are_clean, mask_is_kept,
		strings_are_copied, is_woken,      child_is_free,
	};

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < (int)(sizeof(checks) / sizeof(checks[0])); i++)
		if (!checks[i]())
			return i + 1;
	if (argc > 1) /* once more, as another program */
		execl(argv[0], argv[0], NULL);
	here();
	return flags_are_clean() && signals_are_clean() ? 0 : 100;
}
