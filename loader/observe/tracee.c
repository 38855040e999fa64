/*
 * Starting a child under ptrace and stopping it at its program's first instruction.
 *
 * The kernel's way stops by itself (PTRACE_EVENT_EXEC). segload stops with SIGSTOP when all is
 * done but the last jump (--stop-at=entry), a few instructions before; those are
 * single-stepped, because a breakpoint would be a write, and a write is a copy-on-write.
 */
#include <segmap/tracee.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STEPS_MAX = 256, /* instructions from segload's stop to the program: about 20 */
};

/* ---- the child ---- */

static void become(const struct segmap_tracee_setup *setup)
{
	int persona = personality(0xffffffff);

	if (setup->prepare)
		setup->prepare(setup->data);
	for (int fd = 0; fd < 3; fd++)
		if (setup->standard[fd] >= 0 && dup2(setup->standard[fd], fd) < 0)
			_exit(125);
	if (setup->no_aslr && personality((unsigned long)persona | ADDR_NO_RANDOMIZE) < 0)
		_exit(125);
	if (setup->user != (uid_t)-1 &&
	    (setgroups(0, NULL) < 0 || setgid(setup->user) < 0 || setuid(setup->user) < 0))
		_exit(125);
}

/* segload --stop-at=entry --argv0=ARGV[0] -- PATH ARGV[1]... */
static char **loader_arguments(const struct segmap_tracee_setup *setup)
{
	static char name[] = "segload", stop[] = "--stop-at=entry", end[] = "--";
	static char argv0[4096];
	size_t count = 0, n = 0;

	while (setup->argv[count])
		count++;
	char **argv = calloc(count + 6, sizeof(*argv));
	if (!argv)
		_exit(125);
	snprintf(argv0, sizeof(argv0), "--argv0=%s", count ? setup->argv[0] : "");
	argv[n++] = name;
	argv[n++] = stop;
	argv[n++] = argv0;
	argv[n++] = end;
	argv[n++] = (char *)(uintptr_t)setup->path;
	for (size_t i = 1; i < count; i++)
		argv[n++] = setup->argv[i];
	return argv;
}

static _Noreturn void run_child(const struct segmap_tracee_setup *setup, int report)
{
	char *const *envp = setup->envp ? setup->envp : environ;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		raise(SIGSTOP); /* until the options are set */
	become(setup);
	if (setup->loader)
		execve(setup->loader, loader_arguments(setup), envp);
	else
		execve(setup->path, setup->argv, envp);
	int error = errno;
	if (write(report, &error, sizeof(error)) != sizeof(error))
		_exit(125);
	_exit(126);
}

/* ---- the parent ---- */

static int wait_for(struct segmap_tracee *tracee)
{
	pid_t got;

	do
		got = waitpid(tracee->pid, &tracee->status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	tracee->ended = WIFEXITED(tracee->status) || WIFSIGNALED(tracee->status);
	return 0;
}

static int resume(struct segmap_tracee *tracee, enum __ptrace_request how, int signal)
{
	if (ptrace(how, tracee->pid, NULL, (void *)(intptr_t)signal) < 0 && errno != ESRCH)
		return -errno;
	return wait_for(tracee);
}

static int event(const struct segmap_tracee *tracee)
{
	return WIFSTOPPED(tracee->status) ? tracee->status >> 16 : 0;
}

/* What a stop must hand on to the tracee: its signals, but not ptrace's own. */
static int pending_signal(const struct segmap_tracee *tracee)
{
	int signal = WSTOPSIG(tracee->status);

	return event(tracee) || signal == SIGTRAP ? 0 : signal;
}

/* segload has sent itself SIGSTOP, as it was told. */
static bool is_own_stop(const struct segmap_tracee *tracee)
{
	siginfo_t info;

	return WIFSTOPPED(tracee->status) && !event(tracee) &&
	       WSTOPSIG(tracee->status) == SIGSTOP &&
	       ptrace(PTRACE_GETSIGINFO, tracee->pid, NULL, &info) == 0 &&
	       info.si_code == SI_TKILL && info.si_pid == tracee->pid;
}

int segmap_tracee_registers(const struct segmap_tracee *tracee,
			    struct user_regs_struct *registers)
{
	return ptrace(PTRACE_GETREGS, tracee->pid, NULL, registers) < 0 ? -errno : 0;
}

struct range {
	uint64_t start, end;
};

static bool is_in(const struct range *r, uint64_t addr)
{
	return addr >= r->start && addr < r->end;
}

/* The mapping around ADDR, and the vdso. */
static int find_ranges(pid_t pid, uint64_t addr, struct range *here, struct range *vdso)
{
	char path[64], line[4352];
	struct range r;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &r.start, &r.end) != 2)
			continue;
		if (is_in(&r, addr))
			*here = r;
		if (strstr(line, "[vdso]"))
			*vdso = r;
	}
	fclose(file);
	return 0;
}

/* From segload's stop through its last instructions, and the vdso's, to the program. */
static int step_to_entry(struct segmap_tracee *tracee)
{
	struct user_regs_struct regs;
	struct range stub = {0}, vdso = {0};
	int r = segmap_tracee_registers(tracee, &regs);

	if (r == 0)
		r = find_ranges(tracee->pid, regs.rip, &stub, &vdso);
	for (int i = 0; r == 0 && !tracee->ended && i < STEPS_MAX; i++) {
		if (!is_in(&stub, regs.rip) && !is_in(&vdso, regs.rip))
			return 0;
		r = resume(tracee, PTRACE_SINGLESTEP, 0);
		if (r == 0 && !tracee->ended)
			r = segmap_tracee_registers(tracee, &regs);
	}
	return r ? r : tracee->ended ? 0 : -ELOOP;
}

static int run_to_entry(struct segmap_tracee *tracee, bool loader)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
	int r = wait_for(tracee);

	if (r == 0 && !tracee->ended &&
	    ptrace(PTRACE_SETOPTIONS, tracee->pid, NULL, (void *)options) < 0)
		r = -errno;
	if (r == 0 && !tracee->ended)
		r = resume(tracee, PTRACE_CONT, 0);
	while (r == 0 && !tracee->ended) {
		if (!loader && event(tracee) == PTRACE_EVENT_EXEC)
			return resume(tracee, PTRACE_SYSCALL, 0); /* to the end of execve */
		if (loader && is_own_stop(tracee))
			return step_to_entry(tracee);
		r = resume(tracee, PTRACE_CONT, pending_signal(tracee));
	}
	return r;
}

int segmap_tracee_start(struct segmap_tracee *tracee, const struct segmap_tracee_setup *setup)
{
	struct segmap_tracee t = {0};
	int report[2];

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	t.pid = fork();
	if (t.pid == 0)
		run_child(setup, report[1]);
	int r = t.pid < 0 ? -errno : 0;
	close(report[1]);
	if (r == 0)
		r = run_to_entry(&t, setup->loader != NULL);
	if (r == 0 && t.ended &&
	    read(report[0], &t.exec_errno, sizeof(t.exec_errno)) != sizeof(t.exec_errno))
		t.exec_errno = 0;
	close(report[0]);
	if (r == 0)
		*tracee = t;
	else if (t.pid > 0)
		segmap_tracee_destroy(&t);
	return r;
}

int segmap_tracee_run_to_exit(struct segmap_tracee *tracee)
{
	int r = 0;

	while (r == 0 && !tracee->ended && event(tracee) != PTRACE_EVENT_EXIT)
		r = resume(tracee, PTRACE_CONT, pending_signal(tracee));
	return r;
}

int segmap_tracee_finish(struct segmap_tracee *tracee)
{
	int r = 0;

	while (r == 0 && !tracee->ended)
		r = resume(tracee, PTRACE_CONT, pending_signal(tracee));
	return r;
}

void segmap_tracee_destroy(struct segmap_tracee *tracee)
{
	while (!tracee->ended) {
		kill(tracee->pid, SIGKILL);
		if (wait_for(tracee) < 0)
			return;
		if (!tracee->ended)
			ptrace(PTRACE_CONT, tracee->pid, NULL, NULL);
	}
}
