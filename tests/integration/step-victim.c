/*
 * A program that looks for traces of being single-stepped: its exit status is the number of the
 * first check that fails, or 0. At the end it passes the function in section ".here".
 */
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

enum { TRAP_FLAG = 0x100 };

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
	traced += (uc->uc_mcontext.gregs[REG_EFL] & TRAP_FLAG) != 0;
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

static bool signals_are_clean(void)
{
	caught = 0;
	raise(SIGUSR1);
	kill(getpid(), SIGTRAP);
	__asm__ volatile("int3");
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
