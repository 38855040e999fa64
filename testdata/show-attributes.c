/* SPDX-License-Identifier: MIT */
/*
 * Prints what a process is besides its memory: everything of exec.md 3.1 that can be asked from
 * inside, one `name value...` a line. Then says `end` and waits for the end of its standard
 * input, so that it can be looked at from outside; at last it prints the signals that are
 * queued. What differs between two runs of the same
 * thing (process ids, time that is left) is not printed.
 */
#include "tiny.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/rseq.h>

#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66
#endif
#ifndef PR_GET_MEMORY_MERGE
#define PR_GET_MEMORY_MERGE 68
#endif

enum {
	SIGNALS = 64,
	CAPABILITIES = 64,
	LIMITS = 16,
	FDS = 256,
};

static char text[1 << 14];

static void line(const char *name, uint64_t value)
{
	put(name);
	put(" ");
	put_hex(value);
	put("\n");
}

static void put_next(const char *name, uint64_t value)
{
	put(" ");
	put(name);
	put(" ");
	put_hex(value);
}

static void put_name(const char *name, uint64_t number)
{
	put(name);
	put(" ");
	put_number(number);
}

#include "arch_attributes.h" /* prints with what is above */

/* Default dispositions are not printed. */
static void show_signals(void)
{
	struct {
		uint64_t handler, flags, restorer, mask;
	} action = {0}; /* not every CPU's has a restorer */
	struct {
		uint64_t sp;
		unsigned flags;
		uint64_t size;
	} stack = {1, 1, 1};
	uint64_t set = 0;

	for (unsigned n = 1; n <= SIGNALS; n++) {
		sys(rt_sigaction, n, 0, &action, 8);
		if (all_zero(&action, sizeof(action)))
			continue;
		put_name("signal", n);
		put_next("handler", action.handler);
		put_next("flags", action.flags);
		put_next("restorer", action.restorer);
		put_next("mask", action.mask);
		put("\n");
	}
	sys(sigaltstack, 0, &stack, 0, 0);
	put("altstack");
	put_next("sp", stack.sp);
	put_next("size", stack.size);
	put_next("flags", stack.flags);
	put("\n");
	sys(rt_sigprocmask, 0, 0, &set, 8);
	line("blocked", set);
	sys(rt_sigpending, &set, 8, 0, 0);
	line("pending", set);
}

/* What is queued, in order: taken from the queue, so nobody else sees it afterwards. */
static void show_queue(void)
{
	struct {
		int number, error, code, pad, pid, uid;
		uint64_t value;
		char rest[96];
	} info = {0};
	uint64_t all = ~UINT64_C(0), none[2] = {0, 0};

	while (sys(rt_sigtimedwait, &all, &info, none, 8) > 0) {
		put_name("queued", (uint64_t)info.number);
		put_next("code", (uint64_t)(int64_t)info.code);
		if (info.code == -1) /* SI_QUEUE */
			put_next("value", info.value);
		put("\n");
	}
}

static void show_timers(void)
{
	static const char names[3][8] = {"real", "virtual", "prof"};
	uint64_t value[4];

	for (unsigned i = 0; i < 3; i++) {
		sys(getitimer, i, value, 0, 0);
		put("itimer ");
		put(names[i]);
		put_next("every", value[0]);
		put_next("runs", (value[2] | value[3]) != 0);
		put("\n");
	}
	line("posix-timers", slurp("/proc/self/timers", text, sizeof(text)) > 0);
}

static void show_thread(void)
{
	static struct rseq area __attribute__((aligned(32)));
	uint64_t head = 1, size = 0, tid_address = 0;

	sys(get_robust_list, 0, &head, &size, 0);
	sys(prctl, PR_GET_TID_ADDRESS, &tid_address, 0, 0);
	line("no-robust-list", head == 0);
	line("no-clear-child-tid", tid_address == 0);
	line("rseq-free", sys(rseq, &area, 32, 0, 0x53053053) == 0);
	sys(rseq, &area, 32, RSEQ_FLAG_UNREGISTER, 0x53053053);
}

static void show_prctl(const char *name, int option)
{
	line(name, (uint64_t)sys6(__NR_prctl, option, 0, 0, 0, 0, 0));
}

static void show_prctls(void)
{
	int value = 0;
	char name[17] = "";

	sys(prctl, PR_GET_NAME, name, 0, 0);
	put("comm ");
	put(name);
	put("\n");
	sys(prctl, PR_GET_PDEATHSIG, &value, 0, 0);
	line("pdeathsig", (uint64_t)value);
	sys(prctl, PR_GET_CHILD_SUBREAPER, &value, 0, 0);
	line("subreaper", (uint64_t)value);
	show_prctl("dumpable", PR_GET_DUMPABLE);
	show_prctl("keepcaps", PR_GET_KEEPCAPS);
	show_prctl("securebits", PR_GET_SECUREBITS);
	show_prctl("no-new-privs", PR_GET_NO_NEW_PRIVS);
	show_prctl("timer-slack", PR_GET_TIMERSLACK);
	show_prctl("thp-disable", PR_GET_THP_DISABLE);
	show_prctl("mdwe", PR_GET_MDWE);
	show_prctl("memory-merge", PR_GET_MEMORY_MERGE);
	show_prctl("mce-kill", PR_MCE_KILL_GET);
	show_prctl("io-flusher", PR_GET_IO_FLUSHER);
	/* a filter of the test answers this one with an errno of its own choice */
	line("getpgid-of-nobody", (uint64_t)sys(getpgid, 0x7fffffff, 0, 0, 0));
}

static void show_process(void)
{
	uint64_t cpus[128] = {0}, limit[2];
	unsigned old = (unsigned)sys(umask, 0, 0, 0, 0);

	sys(umask, old, 0, 0, 0);
	line("umask", old);
	line("personality", (uint64_t)sys(personality, 0xffffffff, 0, 0, 0));
	line("nice", (uint64_t)sys(getpriority, 0, 0, 0, 0));
	line("policy", (uint64_t)sys(sched_getscheduler, 0, 0, 0, 0));
	line("ioprio", (uint64_t)sys(ioprio_get, 1, 0, 0, 0));
	sys(sched_getaffinity, 0, sizeof(cpus), cpus, 0);
	line("affinity", cpus[0]);
	sys(getcwd, text, sizeof(text), 0, 0);
	put("cwd ");
	put(text);
	put("\n");
	for (unsigned i = 0; i < LIMITS; i++) {
		sys(prlimit64, 0, i, 0, limit);
		put_name("limit", i);
		put_next("soft", limit[0]);
		put_next("hard", limit[1]);
		put("\n");
	}
}

static void show_ids(void)
{
	uint32_t u[3], g[3], groups[64];
	long count = sys(getgroups, 64, groups, 0, 0);

	sys(getresuid, &u[0], &u[1], &u[2], 0);
	sys(getresgid, &g[0], &g[1], &g[2], 0);
	put_name("uid", u[0]);
	put_name(" euid", u[1]);
	put_name(" suid", u[2]);
	put_name(" fsuid", (uint64_t)sys(setfsuid, -1, 0, 0, 0));
	put_name("\ngid", g[0]);
	put_name(" egid", g[1]);
	put_name(" sgid", g[2]);
	put_name(" fsgid", (uint64_t)sys(setfsgid, -1, 0, 0, 0));
	put("\ngroups");
	for (long i = 0; i < count; i++)
		put_name("", groups[i]);
	put("\n");
}

static void show_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];
	uint64_t ambient = 0, bounding = 0;

	sys(capget, &head, d, 0, 0);
	for (unsigned i = 0; i < CAPABILITIES; i++) {
		if (sys(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0) == 1)
			ambient |= UINT64_C(1) << i;
		if (sys(prctl, PR_CAPBSET_READ, i, 0, 0) == 1)
			bounding |= UINT64_C(1) << i;
	}
	put("capabilities");
	put_next("permitted", d[0].permitted | (uint64_t)d[1].permitted << 32);
	put_next("effective", d[0].effective | (uint64_t)d[1].effective << 32);
	put_next("inheritable", d[0].inheritable | (uint64_t)d[1].inheritable << 32);
	put_next("ambient", ambient);
	put_next("bounding", bounding);
	put("\n");
}

static void show_auxv(struct start *start)
{
	put_name("auxv uid", aux(start, AT_UID));
	put_name(" euid", aux(start, AT_EUID));
	put_name(" gid", aux(start, AT_GID));
	put_name(" egid", aux(start, AT_EGID));
	put_name(" secure", aux(start, AT_SECURE));
	put("\nexecfn ");
	put((const char *)aux(start, AT_EXECFN));
	put("\n");
	for (char **e = start_envp(start); *e; e++) {
		put("env ");
		put(*e);
		put("\n");
	}
}

static void show_descriptors(void)
{
	for (unsigned fd = 0; fd < FDS; fd++) {
		long flags = sys(fcntl, fd, 1 /* F_GETFD */, 0, 0);

		if (flags < 0)
			continue;
		put_name("fd", fd);
		put_next("flags", (uint64_t)flags);
		put_next("status", (uint64_t)sys(fcntl, fd, 3 /* F_GETFL */, 0, 0));
		put_next("offset", (uint64_t)sys(lseek, fd, 0, 1 /* SEEK_CUR */, 0));
		put("\n");
	}
}

static void show_file(const char *path)
{
	long n = slurp(path, text, sizeof(text));

	put(path);
	put(" ");
	put_bytes(text, n > 0 ? (size_t)n : 0);
}

int start_c(struct start *start)
{
	show_fpu(); /* first, and the source is compiled without these registers */
	show_bases();
	show_thread();
	show_descriptors();
	show_signals();
	show_timers();
	show_prctls();
	show_process();
	show_ids();
	show_capabilities();
	show_auxv(start);
	show_file("/proc/self/coredump_filter");
	show_file("/proc/self/oom_score_adj");
	put("end\n");
	while (sys(read, 0, text, sizeof(text), 0) > 0)
		;
	show_queue();
	return 0;
}
