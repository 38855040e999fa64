/*
 * Starting a child under ptrace and stopping it at its program's first instruction.
 *
 * The kernel's way stops by itself (PTRACE_EVENT_EXEC). segload stops with SIGSTOP when all is
 * done but the last jump (--stop-at=entry), a few instructions before; those are
 * single-stepped, because a breakpoint would be a write, and a write is a copy-on-write. Where
 * there are no single steps the last of them is a system call.
 */
#include "tracee_run.h"

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
	STEPS_MAX = 256, /* instructions from segload's last call to the program: about 10 */
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
	size_t count = 0, n = 0;
	char *argv0;

	while (setup->argv[count])
		count++;
	char **argv = calloc(count + 6, sizeof(*argv));
	if (!argv || asprintf(&argv0, "--argv0=%s", count ? setup->argv[0] : "") < 0)
		_exit(125);
	argv[n++] = name;
	argv[n++] = stop;
	argv[n++] = argv0;
	argv[n++] = end;
	argv[n++] = (char *)(uintptr_t)setup->path;
	for (size_t i = 1; i < count; i++)
		argv[n++] = setup->argv[i];
	return argv;
}

/* The pipes between the two: what execve has answered, and that the child may begin. */
struct pipes {
	int report[2], gate[2];
};

static _Noreturn void run_child(const struct segmap_tracee_setup *setup,
				const struct pipes *pipes)
{
	char *const *envp = setup->envp ? setup->envp : environ;
	int report = pipes->report[1];
	char go;

	close(pipes->gate[1]);                 /* so that the other's death is heard */
	if (read(pipes->gate[0], &go, 1) != 1) /* when it is traced */
		_exit(125);
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

static int event(const struct segmap_tracee *tracee)
{
	return WIFSTOPPED(tracee->status) ? tracee->status >> 16 : 0;
}

bool tracee_is_in_call(const struct segmap_tracee *tracee)
{
	return WIFSTOPPED(tracee->status) && WSTOPSIG(tracee->status) == (SIGTRAP | 0x80);
}

bool tracee_is_ending(const struct segmap_tracee *tracee)
{
	return event(tracee) == PTRACE_EVENT_EXIT;
}

bool tracee_has_executed(const struct segmap_tracee *tracee)
{
	return event(tracee) == PTRACE_EVENT_EXEC;
}

/* What a stop must hand on to the tracee: its signals, but not ptrace's own. */
static int signal_of(const struct segmap_tracee *tracee)
{
	if (!WIFSTOPPED(tracee->status) || event(tracee) || tracee_is_in_call(tracee))
		return 0;
	return WSTOPSIG(tracee->status);
}

static int wait_for(struct segmap_tracee *tracee)
{
	pid_t got;

	do
		got = waitpid(tracee->pid, &tracee->status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	tracee->ended = WIFEXITED(tracee->status) || WIFSIGNALED(tracee->status);
	tracee->signal = signal_of(tracee);
	return 0;
}

int tracee_resume(struct segmap_tracee *tracee, enum __ptrace_request how)
{
	void *signal = (void *)(intptr_t)tracee->signal;

	if (ptrace(how, tracee->pid, NULL, signal) < 0 && errno != ESRCH)
		return -errno;
	return wait_for(tracee);
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
	return arch_get_registers(tracee->pid, registers);
}

int segmap_tracee_argument(const struct segmap_tracee *tracee, uint64_t *value)
{
	struct user_regs_struct registers;
	int r = segmap_tracee_registers(tracee, &registers);

	if (r == 0)
		*value = arch_argument(&registers);
	return r;
}

static const struct segmap_region *find_vdso(const struct segmap_regions *regions)
{
	for (size_t i = 0; i < regions->count; i++)
		if (strcmp(regions->items[i].name, "[vdso]") == 0)
			return &regions->items[i];
	return NULL;
}

static bool is_in(const struct segmap_region *r, uint64_t addr)
{
	return r && addr >= r->start && addr < r->end;
}

/* Two stops for one system call: where it begins and where it has returned. */
static int run_through_call(struct segmap_tracee *tracee)
{
	int r = 0;

	for (int i = 0; r == 0 && !tracee->ended && i < 2; i++) {
		tracee->signal = 0;
		r = tracee_resume(tracee, PTRACE_SYSCALL);
	}
	return r;
}

static int step_out_of(struct segmap_tracee *tracee, const struct segmap_region *stub,
		       const struct segmap_region *vdso)
{
	struct user_regs_struct regs;
	const enum __ptrace_request way = (enum __ptrace_request)arch_way_out();
	bool left = false; /* a program may begin in the vdso as well */
	int r = 0;

	for (int i = 0; r == 0 && !tracee->ended && !left; i++) {
		r = segmap_tracee_registers(tracee, &regs);
		left = r == 0 && arch_leaves(tracee->pid, arch_pc(&regs));
		if (r == 0 && !is_in(stub, arch_pc(&regs)) && !is_in(vdso, arch_pc(&regs)))
			break;
		tracee->signal = 0;
		if (r == 0)
			r = i < STEPS_MAX ? tracee_resume(tracee, way) : -ELOOP;
	}
	tracee->signal = 0;
	return r;
}

/*
 * From segload's stop to the program. First over its last system call, the munmap of the stub:
 * the stub sets the CPU's flags before it, and an instruction that does so must not be
 * single-stepped, or the trap flag stays. Then through what is left of the stub and of the
 * vdso.
 */
static int step_to_entry(struct segmap_tracee *tracee)
{
	struct user_regs_struct regs;
	struct segmap_regions regions;
	int r = segmap_regions_read(&regions, tracee->pid, false);

	if (r == 0 && regions.error)
		r = -regions.error;
	if (r == 0)
		r = segmap_tracee_registers(tracee, &regs);
	if (r == 0)
		r = run_through_call(tracee);
	if (r == 0)
		r = step_out_of(tracee, segmap_regions_find(&regions, arch_pc(&regs)),
				find_vdso(&regions));
	segmap_regions_free(&regions);
	return r;
}

static int run_to_end_of_exec(struct segmap_tracee *tracee)
{
	int r = tracee_resume(tracee, (enum __ptrace_request)arch_end_of_exec());

	tracee->signal = 0;
	return r;
}

static int run_to_entry(struct segmap_tracee *tracee, bool loader)
{
	int r = wait_for(tracee);

	while (r == 0 && !tracee->ended) {
		if (!loader && tracee_has_executed(tracee))
			return run_to_end_of_exec(tracee);
		if (loader && is_own_stop(tracee))
			return step_to_entry(tracee);
		r = tracee_resume(tracee, PTRACE_CONT);
	}
	return r;
}

/* Seized, not by its own wish: a process that is stopped by a signal can be left so then. */
static int seize(const struct segmap_tracee *tracee, const struct pipes *pipes)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
			     PTRACE_O_TRACESYSGOOD;

	if (ptrace(PTRACE_SEIZE, tracee->pid, NULL, (void *)options) < 0)
		return -errno;
	return write(pipes->gate[1], "", 1) == 1 ? 0 : -errno;
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static int open_pipes(struct pipes *pipes)
{
	if (pipe2(pipes->report, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(pipes->gate, O_CLOEXEC) == 0)
		return 0;
	int r = -errno;
	close_pair(pipes->report);
	return r;
}

static void take_report(struct segmap_tracee *tracee, const struct pipes *pipes)
{
	fcntl(pipes->report[0], F_SETFL, O_NONBLOCK); /* the other end is still open here */
	if (read(pipes->report[0], &tracee->exec_errno, sizeof(tracee->exec_errno)) !=
	    sizeof(tracee->exec_errno))
		tracee->exec_errno = 0;
}

int segmap_tracee_start(struct segmap_tracee *tracee, const struct segmap_tracee_setup *setup)
{
	struct segmap_tracee t = {0};
	struct pipes pipes;
	int r = open_pipes(&pipes);

	if (r < 0)
		return r;
	t.pid = fork();
	if (t.pid == 0)
		run_child(setup, &pipes);
	if (t.pid < 0)
		r = -errno;
	if (r == 0 && setup->started)
		setup->started(setup->data, t.pid);
	if (r == 0)
		r = seize(&t, &pipes);
	if (r == 0)
		r = run_to_entry(&t, setup->loader != NULL);
	if (r == 0 && t.ended)
		take_report(&t, &pipes);
	close_pair(pipes.report);
	close_pair(pipes.gate);
	if (r == 0)
		*tracee = t;
	else if (t.pid > 0)
		segmap_tracee_destroy(&t);
	return r;
}

int segmap_tracee_run_to_exit(struct segmap_tracee *tracee)
{
	int r = 0;

	while (r == 0 && !tracee->ended && !tracee_is_ending(tracee))
		r = tracee_resume(tracee, PTRACE_CONT);
	return r;
}

int segmap_tracee_finish(struct segmap_tracee *tracee)
{
	int r = 0;

	while (r == 0 && !tracee->ended)
		r = tracee_resume(tracee, PTRACE_CONT);
	return r;
}

void segmap_tracee_destroy(struct segmap_tracee *tracee)
{
	while (!tracee->ended) {
		kill(tracee->pid, SIGKILL);
		/* One that is about to end is stopped in a way that even SIGKILL leaves it in.
		 */
		ptrace(PTRACE_CONT, tracee->pid, NULL, NULL);
		if (wait_for(tracee) < 0)
			return;
	}
}
