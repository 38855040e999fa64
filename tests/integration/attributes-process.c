/* What anybody can set of a process and its threads: exec.md 3.1. */
#include "attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- descriptors ---- */

/* At the number AT, close-on-exec or not. */
static void open_at(int at, const char *path, int flags, bool cloexec)
{
	int fd = open(path, flags);

	must(fd >= 0 && dup3(fd, at, cloexec ? O_CLOEXEC : 0) == at && close(fd) == 0, path);
}

static void descriptors(const void *data)
{
	(void)data;
	open_at(20, "/proc/self/exe", O_RDONLY, false);
	open_at(21, "/proc/self/exe", O_RDONLY, true);
	open_at(22, "/dev/null", O_WRONLY | O_APPEND | O_NONBLOCK, false);
	open_at(23, "/", O_RDONLY | O_DIRECTORY, true);
	open_at(24, "/", O_PATH, false);
	open_at(255, "/dev/null", O_RDWR, true);
	must(lseek(20, 1234, SEEK_SET) == 1234, "lseek");
	must(dup3(epoll_create1(0), 25, O_CLOEXEC) == 25, "epoll_create1");
	must(dup2(20, 26) == 26, "dup2"); /* shares its offset */
	/* the program that is open at 20 is the prepared process, not the same in every way */
	open_at(20, "/etc/passwd", O_RDONLY, false);
	must(lseek(20, 7, SEEK_SET) == 7, "lseek");
	must(close(26) == 0 && dup2(20, 27) == 27, "dup2");
}

/* Another process with the same table must keep what is closed in ours. */
static void shared_table(const void *data)
{
	descriptors(data);
	pid_t parent = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	must(pid >= 0, "clone");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	shared->sibling = pid;
}

static void no_output_but_one(const void *data)
{
	(void)data;
	must(fcntl(2, F_SETFD, FD_CLOEXEC) == 0, "F_SETFD");
}

/* ---- prctl ---- */

struct control {
	int option;
	unsigned long value;
};

static void control(const void *data)
{
	const struct control *c = data;

	must(prctl(c->option, c->value, 0, 0, 0) == 0, "prctl");
}

static void name(const void *data)
{
	must(prctl(PR_SET_NAME, data) == 0, "PR_SET_NAME");
}

static const struct control dumpable = {PR_SET_DUMPABLE, 0};
static const struct control keepcaps = {PR_SET_KEEPCAPS, 1};
static const struct control pdeathsig = {PR_SET_PDEATHSIG, SIGUSR2};
static const struct control slack = {PR_SET_TIMERSLACK, 12345};
static const struct control subreaper = {PR_SET_CHILD_SUBREAPER, 1};
static const struct control no_new_privs = {PR_SET_NO_NEW_PRIVS, 1};
static const struct control no_thp = {PR_SET_THP_DISABLE, 1};

/* Every getpgid(2) is answered with an errno that no kernel has. */
static void filter(const void *data)
{
	(void)data;
	forbid_call(SYS_getpgid, 777);
}

/* A container's filter may forbid what only asks about threads and shared tables. */
static void no_unshare(const void *data)
{
	shared_table(data);
	forbid_call(SYS_unshare, EPERM);
}

/* Each system call reads a byte that goes away with the old address space. */
static void dispatch(const void *data)
{
	static char selector; /* SYSCALL_DISPATCH_FILTER_ALLOW */

	(void)data;
	must(prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector) == 0, "SUD");
}

/* ---- the rest ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void core_filter(const void *data)
{
	(void)data;
	write_file("/proc/self/coredump_filter", "0x7f");
}

static void oom_score(const void *data)
{
	(void)data;
	write_file("/proc/self/oom_score_adj", "500");
}

static void scheduling(const void *data)
{
	cpu_set_t one;

	(void)data;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity");
	must(setpriority(PRIO_PROCESS, 0, 19) == 0, "setpriority"); /* whatever it is now */
	must(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}) == 0, "SCHED_BATCH");
	must(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6) == 0, "ioprio_set");
}

static void place(const void *data)
{
	(void)data;
	umask(031);
	must(chdir("/proc") == 0, "chdir");
}

static void persona(const void *data)
{
	const unsigned long *bits = data;

	must(personality(*bits) >= 0, "personality");
}

static const unsigned long persona_kept = ADDR_NO_RANDOMIZE | UNAME26 | STICKY_TIMEOUTS;
static const unsigned long persona_exec = ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC;

__attribute__((unused)) static void limits(const void *data)
{
	(void)data;
	for (int i = 0; i < 16; i++) {
		struct rlimit r;

		must(getrlimit((__rlimit_resource_t)i, &r) == 0, "getrlimit");
		if (i == RLIMIT_CORE)
			r = (struct rlimit){1 << 20, 1 << 24};
		else if (i == RLIMIT_STACK)
			r.rlim_cur = 16 << 20;
		else if (i == RLIMIT_NOFILE)
			r = (struct rlimit){300, 400};
		else if (i == RLIMIT_AS || i == RLIMIT_DATA)
			r.rlim_cur = UINT64_C(1) << 40;
		else if (i == RLIMIT_CPU || i == RLIMIT_FSIZE)
			r = (struct rlimit){1000, 2000};
		must(setrlimit((__rlimit_resource_t)i, &r) == 0, "setrlimit");
	}
}

/* clang-format off */
const struct row process_rows[] = {
	{"descriptors", descriptors, NULL, NULL,
	 {"fd 20 flags 0x0 status 0x8000 offset 0x7\n", "fd 22 flags 0x0 status 0x8c01",
	  "fd 24 flags 0x0 status 0x200000", "fd/27 -> /etc/passwd\n"}, 0, 0},
	{"a shared descriptor table", shared_table, NULL, NULL,
	 {"fd/20 -> /etc/passwd\n", "sibling fd/23 -> /\n", "sibling fd/255 -> /dev/null\n"}, 0, 0},
	{"the same where unshare is forbidden", no_unshare, NULL, NULL,
	 {"sibling fd/23 -> /\n", "sibling fd/255 -> /dev/null\n"}, 0, 0},
	{"standard error close-on-exec", no_output_but_one, NULL, NULL, {"fd 1 flags 0x0"}, 0, 0},
	{"a name of its own", name, "other", NULL, {"comm show-attributes\n"}, 0, 0},
	{"not dumpable", control, &dumpable, NULL, {"dumpable 0x1\n"}, 0, 0},
	{"keepcaps", control, &keepcaps, NULL, {"keepcaps 0x0\n", "securebits 0x0\n"}, 0, 0},
	{"signal at the parent's death", control, &pdeathsig, NULL, {"pdeathsig 0xc\n"}, 0, 0},
	{"timer slack", control, &slack, NULL, {"timer-slack 0x3039\n"}, 0, 0},
	{"subreaper", control, &subreaper, NULL, {"subreaper 0x1\n"}, 0, 0},
	{"no_new_privs", control, &no_new_privs, NULL,
	 {"no-new-privs 0x1\n", "NoNewPrivs:\t1\n"}, 0, 0},
	{"no huge pages", control, &no_thp, NULL, {"thp-disable 0x1\n", "THP_enabled:\t0\n"}, 0, 0},
	{"a seccomp filter", filter, NULL, NULL,
	 {"getpgid-of-nobody 0xfffffffffffffcf7\n", "Seccomp:\t2\n", "Seccomp_filters:\t1\n"}, 0, 0},
	{"system call dispatch", dispatch, NULL, NULL, {"Seccomp:\t0\n"}, 0, 0},
	{"core dump filter", core_filter, NULL, NULL, {"coredump_filter: 0000007f\n"}, 0, 0},
	{"out-of-memory score", oom_score, NULL, NULL, {"oom_score_adj: 500\n"}, 0, 0},
	{"scheduling", scheduling, NULL, NULL,
	 {"affinity 0x1\n", "nice 0x1\n", "policy 0x3\n", "ioprio 0x4006\n"}, 0, 0},
	{"umask and working directory", place, NULL, NULL,
	 {"umask 0x19\n", "cwd /proc\n", "cwd -> /proc\n"}, 0, 0},
	{"personality", persona, &persona_kept, NULL,
	 {"personality 0x4060000\n", "personality: 04060000\n"}, 0, 0},
	{"personality with READ_IMPLIES_EXEC", persona, &persona_exec, NULL,
	 {"personality 0x40000\n", "personality: 00040000\n"}, 0, 0},
	{"the same, static PIE", persona, &persona_exec, "show-attributes-static-pie",
	 {"personality 0x40000\n"}, 0, 0},
	{"the same, with an interpreter", persona, &persona_exec, "show-attributes-pie",
	 {"personality 0x40000\n"}, 0, 0},
#ifndef SEGMAP_SANITIZED /* whose runtime cannot do with so little address space */
	{"limits", limits, NULL, NULL,
	 {"limit 4 soft 0x100000 hard 0x1000000\n", "limit 7 soft 0x12c hard 0x190\n",
	  "limit 3 soft 0x1000000"}, 0, 0},
#endif
};
/* clang-format on */
const size_t process_row_count = sizeof(process_rows) / sizeof(process_rows[0]);
