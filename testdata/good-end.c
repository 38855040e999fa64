/* SPDX-License-Identifier: MIT */
/*
 * Every way to end. HOW, chosen when compiling, is what it does when it has no argument; an
 * argument (0..255, segv, abrt, kill, term, return, ill, fpe, bus, trap) has precedence.
 */
#include "arch_fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef HOW
#define HOW "0"
#endif

/* The faults are real ones, made by the instruction, not sent: si_code and the path differ. */
static void end_by_fault(const char *how)
{
	if (strcmp(how, "segv") == 0)
		*(volatile int *)8 = 1;
	else if (strcmp(how, "ill") == 0)
		arch_illegal();
	else if (strcmp(how, "fpe") == 0)
		arch_divide();
	else if (strcmp(how, "trap") == 0)
		arch_break();
}

static void end_by_signal(const char *how)
{
	if (strcmp(how, "abrt") == 0)
		abort();
	else if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	else if (strcmp(how, "term") == 0)
		kill(getpid(), SIGTERM);
	else if (strcmp(how, "bus") == 0)
		kill(getpid(), SIGBUS);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : HOW;
	const struct rlimit no_core = {0, 0};
	char *end;
	long status = strtol(how, &end, 10);

	/* A core file would be litter, and the "core dumped" bit would depend on the shell. */
	setrlimit(RLIMIT_CORE, &no_core);
	printf("ending by %s\n", how);
	fflush(stdout);
	if (*how && *end == 0)
		return (int)status;
	if (strcmp(how, "return") == 0)
		return 7;
	end_by_fault(how);
	end_by_signal(how);
	printf("FAIL no such way to end\n");
	return 99;
}
