/* SPDX-License-Identifier: MIT */
/*
 * A new process, as execve leaves it: nothing that a loader (its libc, its dynamic linker) set
 * up for itself may be there still. exec.md 3.1 has the list. What execve inherits (mask,
 * ignored signals, limits, descriptors) is not checked, for it depends on the caller.
 */
#include "tiny.h"

#include "arch_pristine.h"

#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/rseq.h>

static char text[1 << 16];

/* The kernel's own struct sigaction, all 64 of them: a libc hides two. */
static int check_signals(void)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} action = {0}; /* not every CPU's has a restorer */
	struct {
		uint64_t sp;
		int flags;
		uint64_t size;
	} stack = {1, 1, 1};
	bool ok = true;

	for (int i = 1; i <= 64; i++)
		ok &= sys(rt_sigaction, i, 0, &action, 8) == 0 && action.handler <= 1 &&
		      action.flags == 0 && action.mask == 0;
	sys(sigaltstack, 0, &stack, 0, 0);
	return check(ok, "signal dispositions are default or ignored") |
	       check(stack.sp == 0 && stack.size == 0 && stack.flags & 2 /* SS_DISABLE */,
		     "no alternate signal stack");
}

/* What the kernel would write to, or walk, when this thread ends or is preempted. */
static int check_thread(void)
{
	static struct rseq area __attribute__((aligned(32)));
	uint64_t head = 1, size = 0;
	int *tid_address = NULL;
	long registered, unregistered;

	sys(get_robust_list, 0, &head, &size, 0);
	sys(prctl, PR_GET_TID_ADDRESS, &tid_address, 0,
	    0); /* fails without CHECKPOINT_RESTORE */
	registered = sys(rseq, &area, 32, 0, 0x53053053);
	unregistered = sys(rseq, &area, 32, RSEQ_FLAG_UNREGISTER, 0x53053053);
	return check(head == 0, "no robust list") |
	       check(tid_address == NULL, "no clear_child_tid") |
	       check(registered == 0 && unregistered == 0, "rseq can be registered");
}

/* The number after `name:` in /proc/self/status. */
static uint64_t status(const char *name)
{
	size_t n = length(name);
	uint64_t value = 0;
	char *at = text;

	for (; *at; at++)
		if ((at == text || at[-1] == '\n') && same_bytes(at, name, n) && at[n] == ':')
			break;
	for (at += *at ? n + 1 : 0; *at == ' ' || *at == '\t'; at++)
		;
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value;
}

static int check_process(void)
{
	bool read = slurp("/proc/self/status", text, sizeof(text)) > 0;

	return check(read && status("Threads") == 1, "one thread") |
	       check(status("VmLck") == 0 && status("VmPin") == 0, "no locked memory") |
	       check(sys(prctl, PR_GET_DUMPABLE, 0, 0, 0) == 1, "dumpable") |
	       check(sys(prctl, PR_GET_KEEPCAPS, 0, 0, 0) == 0, "keepcaps is off") |
	       check((sys(personality, 0xffffffff, 0, 0, 0) & 0x400000) == 0,
		     "no READ_IMPLIES_EXEC") |
	       check(slurp("/proc/self/timers", text, sizeof(text)) <= 0, "no POSIX timers");
}

int start_c(struct start *start)
{
	int failed = check_fpu();

	(void)start;
	return failed | check_bases() | check_signals() | check_thread() | check_process();
}
