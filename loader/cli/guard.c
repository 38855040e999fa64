#include "guard.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

enum { INTERRUPTS = sizeof(interrupts) / sizeof(interrupts[0]) };

static struct sigaction before[INTERRUPTS], alarm_before;

/* Written by the handler, or read by it. */
static volatile sig_atomic_t timed_out, interrupted, watched_count;
static volatile pid_t watched[GUARD_MOST];

static void kill_watched(void)
{
	for (int i = 0; i < watched_count; i++) {
		kill(-watched[i], SIGKILL); /* it leads a group of its own */
		kill(watched[i], SIGKILL);
	}
}

static void on_signal(int signal)
{
	if (signal == SIGALRM)
		timed_out = 1;
	else
		interrupted = signal;
	kill_watched();
}

/* A signal that has come since guard_begin has not killed it: it was not known. */
void guard_started(void *data, pid_t pid)
{
	(void)data;
	if (watched_count < GUARD_MOST) {
		watched[watched_count] = pid;
		watched_count++; /* only now: a signal may come in between */
	}
	if (timed_out || interrupted)
		kill_watched();
}

void guard_begin(unsigned seconds)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const struct itimerval limit = {.it_value.tv_sec = seconds};

	watched_count = timed_out = interrupted = 0;
	for (int i = 0; i < INTERRUPTS; i++) {
		sigaction(interrupts[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(interrupts[i], &action, NULL);
	}
	sigaction(SIGALRM, &action, &alarm_before);
	setitimer(ITIMER_REAL, &limit, NULL);
}

bool guard_is_over(void)
{
	return timed_out || interrupted;
}

/* What is still in its group has been started by it. */
struct guard_result guard_end(void)
{
	const struct itimerval none = {0};

	setitimer(ITIMER_REAL, &none, NULL);
	for (int i = 0; i < watched_count; i++)
		kill(-watched[i], SIGKILL);
	watched_count = 0;
	sigaction(SIGALRM, &alarm_before, NULL);
	for (int i = 0; i < INTERRUPTS; i++)
		sigaction(interrupts[i], &before[i], NULL);
	return (struct guard_result){timed_out, interrupted};
}

void guard_be_interrupted(int signal_number)
{
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}
