/* Signals, alternate stacks and timers: exec.md 3.1, the first rows. */
#include "attributes.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct action { /* the kernel's own */
	uint64_t handler, flags, restorer, mask;
};

static void set(int n, uint64_t handler, uint64_t flags, uint64_t mask)
{
	struct action action = {handler, flags, 0, mask};

	must(syscall(SYS_rt_sigaction, n, &action, NULL, 8) == 0, "rt_sigaction");
}

static void on_signal(int n)
{
	(void)n;
}

static void handlers(const void *data)
{
	uint64_t handler = (uint64_t)(uintptr_t)on_signal;

	(void)data;
	set(SIGUSR1, handler, SA_SIGINFO | SA_RESTART, 0xff);
	set(SIGUSR2, handler, SA_RESETHAND | SA_NODEFER | SA_ONSTACK, 0);
	set(SIGCHLD, handler, SA_NOCLDSTOP | SA_NOCLDWAIT, 0);
	set(SIGSEGV, handler, SA_ONSTACK, ~UINT64_C(0));
	set(32, handler, 0, 0); /* both hidden by libc */
	set(33, handler, SA_RESTART, 0);
	set(64, handler, 0, 0);
}

static void ignored(const void *data)
{
	(void)data;
	set(SIGHUP, 1, 0, 0);
	set(SIGPIPE, 1, SA_RESTART | SA_SIGINFO, 0xf0);
	set(SIGCHLD, 1, SA_NOCLDWAIT, 0);
	set(32, 1, 0, 0);
	set(33, 1, SA_RESTART, 0);
	set(40, 1, 0, 1);
	set(SIGTERM, 0, SA_RESTART, 0xff); /* the default, but with flags */
}

static void restorer_alone(const void *data)
{
	struct action action = {.restorer = 0x1234};

	(void)data;
	must(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8) == 0, "rt_sigaction");
}

static void block(uint64_t mask)
{
	must(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8) == 0, "rt_sigprocmask");
}

static uint64_t bit(int n)
{
	return UINT64_C(1) << (n - 1);
}

static void blocked(const void *data)
{
	(void)data;
	block(bit(SIGUSR1) | bit(32) | bit(33) | bit(64));
}

static void pending(const void *data)
{
	(void)data;
	block(bit(SIGUSR1) | bit(SIGUSR2) | bit(40));
	must(kill(getpid(), SIGUSR1) == 0, "kill");
	must(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2) == 0, "tgkill");
	for (int i = 1; i <= 3; i++)
		must(sigqueue(getpid(), 40, (union sigval){.sival_int = i}) == 0, "sigqueue");
}

/* To set such a signal's action anew would take it from the queue. */
static void pending_discardable(const void *data)
{
	uint64_t handler = (uint64_t)(uintptr_t)on_signal;

	(void)data;
	set(SIGCHLD, handler, SA_RESTART, 0);
	set(SIGURG, handler, 0, 0);
	set(41, 1, SA_RESTART, 0);
	set(SIGUSR1, 1, SA_RESTART, 0);
	block(bit(SIGCHLD) | bit(SIGURG) | bit(41) | bit(SIGUSR1));
	must(kill(getpid(), SIGCHLD) == 0, "kill");
	must(syscall(SYS_tgkill, getpid(), getpid(), SIGCHLD) == 0, "tgkill");
	must(sigqueue(getpid(), SIGURG, (union sigval){.sival_int = 7}) == 0, "sigqueue");
	must(kill(getpid(), SIGUSR1) == 0, "kill");
	for (int i = 1; i <= 3; i++)
		must(sigqueue(getpid(), 41, (union sigval){.sival_int = i}) == 0, "sigqueue");
}

static char stack[1 << 16];

static void altstack(const void *data)
{
	const int *flags = data;
	stack_t s = {.ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = *flags};

	must(sigaltstack(&s, NULL) == 0, "sigaltstack");
}

static timer_t make_timer(int notify, int signal)
{
	struct sigevent event = {.sigev_notify = notify, .sigev_signo = signal};
	timer_t timer;

	must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
	return timer;
}

static void posix_timers(const void *data)
{
	struct itimerspec later = {.it_value.tv_sec = 1000, .it_interval.tv_sec = 1000};

	(void)data;
	timer_settime(make_timer(SIGEV_SIGNAL, SIGUSR1), 0, &later, NULL);
	timer_settime(make_timer(SIGEV_NONE, 0), 0, &later, NULL);
	make_timer(SIGEV_SIGNAL, 40);
}

/* The signal of a timer goes with the timer; another one of the same number stays. */
static void expired_timer(const void *data)
{
	struct itimerspec now = {.it_value.tv_nsec = 1};
	uint64_t waiting = 0;

	(void)data;
	block(bit(40) | bit(41));
	must(sigqueue(getpid(), 41, (union sigval){.sival_int = 1}) == 0, "sigqueue");
	timer_settime(make_timer(SIGEV_SIGNAL, 40), 0, &now, NULL);
	timer_settime(make_timer(SIGEV_SIGNAL, 41), 0, &now, NULL);
	while (!(waiting & bit(40)))
		syscall(SYS_rt_sigpending, &waiting, 8);
}

static void interval_timers(const void *data)
{
	struct itimerval later = {.it_value.tv_sec = 5000, .it_interval.tv_sec = 70};

	(void)data;
	must(setitimer(ITIMER_REAL, &later, NULL) == 0, "ITIMER_REAL");
	must(setitimer(ITIMER_VIRTUAL, &later, NULL) == 0, "ITIMER_VIRTUAL");
	must(setitimer(ITIMER_PROF, &later, NULL) == 0, "ITIMER_PROF");
}

static const int no_flags = 0;
__attribute__((unused)) static const int autodisarm = (int)(1U << 31);

/* clang-format off */
const struct row signal_rows[] = {
	{"nothing set", NULL, NULL, NULL,
	 {"altstack sp 0x0 size 0x0 flags 0x2\n", "blocked 0x0\n", "SigIgn:\t0000000000000000\n",
	  "SigCgt:\t0000000000000000\n"}, 0, 0},
	{"signal handlers", handlers, NULL, NULL, {"SigCgt:\t0000000000000000\n"}, 0, 0},
	{"ignored signals", ignored, NULL, NULL,
	 {"signal 1 handler 0x1 flags 0x0 restorer 0x0 mask 0x0\n",
	  "signal 13 handler 0x1 flags 0x0 restorer 0x0 mask 0x0\n",
	  "signal 33 handler 0x1 flags 0x0 restorer 0x0 mask 0x0\n",
	  "signal 40 handler 0x1 flags 0x0 restorer 0x0 mask 0x0\n"}, 0, 0},
	{"a restorer alone", restorer_alone, NULL, NULL, {"blocked 0x0\n"}, 0, 0},
	{"blocked signals", blocked, NULL, NULL, {"blocked 0x8000000180000200\n"}, 0, 0},
	{"pending signals", pending, NULL, NULL,
	 {"pending 0x8000000a00\n", "SigPnd:\t0000000000000800\n", "ShdPnd:\t0000008000000200\n",
	  "queued 40 code 0xffffffffffffffff value 0x3\n"}, 0, 0},
	{"pending signals whose default is to be ignored", pending_discardable, NULL, NULL,
	 {"SigPnd:\t0000000000010000\n", "queued 23 code 0xffffffffffffffff value 0x7\n",
	  "queued 41 code 0xffffffffffffffff value 0x3\n"}, 0, 0},
	{"alternate stack", altstack, &no_flags, NULL,
	 {"altstack sp 0x0 size 0x0 flags 0x2\n"}, 0, 0},
#ifndef SEGMAP_SANITIZED /* whose runtime sets an alternate stack of its own in segload */
	{"alternate stack, SS_AUTODISARM", altstack, &autodisarm, NULL,
	 {"altstack sp 0x0 size 0x0 flags 0x80000002\n"}, 0, 0},
#endif
	{"POSIX timers", posix_timers, NULL, NULL, {"posix-timers 0x0\n"}, 0, 0},
	{"POSIX timers that have expired", expired_timer, NULL, NULL,
	 {"queued 41 code 0xffffffffffffffff value 0x1\n"}, 0, 0},
	{"interval timers", interval_timers, NULL, NULL,
	 {"itimer real every 0x46 runs 0x1\n", "itimer virtual every 0x46 runs 0x1\n",
	  "itimer prof every 0x46 runs 0x1\n"}, 0, 0},
};
/* clang-format on */
const size_t signal_row_count = sizeof(signal_rows) / sizeof(signal_rows[0]);
