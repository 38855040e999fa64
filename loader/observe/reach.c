/*
 * Running a tracee until it is about to execute an address.
 *
 * Nothing is written into its text, as that would be a copy-on-write: the CPU's breakpoint
 * registers stop it. There are virtual machines in which these can be set and never stop
 * anything. In such a one the tracee is single-stepped, some 100,000 instructions a second.
 *
 * A stepped program must not notice. The trap flag is in the flags register meanwhile, where
 * the kernel hides it from ptrace and takes it out of the frames of signals; but an instruction
 * that saves the flags saves it too, so that is put right after each. After one that loads the
 * flags, the kernel takes the trap flag for the program's own and would leave it there.
 */
#include "reach.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- do breakpoint registers stop anything? ---- */

static __attribute__((noinline)) void landmark(void)
{
	__asm__ volatile("");
}

static _Noreturn void pass_landmark(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && kill(getpid(), SIGSTOP) == 0)
		landmark();
	_exit(0);
}

static int wait_for_child(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return 0;
	return status;
}

static bool stops_at_landmark(pid_t pid)
{
	int status = wait_for_child(pid);

	if (!WIFSTOPPED(status) || arch_break_at(pid, (uintptr_t)landmark) < 0 ||
	    ptrace(PTRACE_CONT, pid, NULL, NULL) < 0)
		return false;
	status = wait_for_child(pid);
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static bool registers_work(void)
{
	pid_t pid = fork();

	if (pid == 0)
		pass_landmark();
	if (pid < 0)
		return false;
	bool work = stops_at_landmark(pid);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return work;
}

bool segmap_tracee_must_step(void)
{
	enum { UNKNOWN, STEP, RUN };
	static atomic_int known = UNKNOWN;

	if (atomic_load(&known) == UNKNOWN) {
		const char *forced = getenv("SEGMAP_STEP");
		bool step = (forced && strcmp(forced, "1") == 0) || !registers_work();

		atomic_store(&known, step ? STEP : RUN);
	}
	return atomic_load(&known) == STEP;
}

/* ---- stepping ---- */

static bool has_trapped(const struct segmap_tracee *tracee)
{
	return WIFSTOPPED(tracee->status) && tracee->signal == SIGTRAP;
}

/* A SIGTRAP that comes from a step or from a breakpoint register. A program's own come from
 * its instructions (SI_KERNEL, or TRAP_BRKPT for one of them) or from kill(2). */
static bool is_our_trap(const struct reach *reach, const struct segmap_tracee *tracee)
{
	siginfo_t info;

	if (!has_trapped(tracee) || ptrace(PTRACE_GETSIGINFO, tracee->pid, NULL, &info) < 0)
		return false;
	switch (info.si_code) {
	case TRAP_HWBKPT:
		return true;
	case TRAP_BRKPT:
		return reach->done == ARCH_CALLS; /* the step has ended in the kernel */
	case TRAP_TRACE:
	case SIGTRAP: /* at a signal handler's first instruction */
		return segmap_tracee_must_step();
	default:
		return false;
	}
}

/* The SIGSTOP that calm() has sent. */
static bool is_our_stop(struct reach *reach, const struct segmap_tracee *tracee)
{
	bool ours = reach->muted && WIFSTOPPED(tracee->status) && tracee->signal == SIGSTOP;

	if (ours)
		reach->muted = false;
	return ours;
}

static int look(struct reach *reach, struct segmap_tracee *tracee)
{
	struct user_regs_struct regs;
	int r;

	if (tracee->ended)
		return 0;
	if (is_our_trap(reach, tracee) || is_our_stop(reach, tracee))
		tracee->signal = 0;
	r = segmap_tracee_registers(tracee, &regs);
	reach->pc = r == 0 ? arch_pc(&regs) : 0;
	return r == -ESRCH ? 0 : r; /* it has been killed meanwhile: the next wait tells */
}

/*
 * Makes the kernel end the stepping for a moment, and with it its belief that the trap flag is
 * the program's: that needs a resume without a step, and a SIGSTOP that is waiting already
 * stops the tracee before it executes anything.
 */
static int calm(struct reach *reach, struct segmap_tracee *tracee)
{
	if (syscall(SYS_tgkill, tracee->pid, tracee->pid, SIGSTOP) < 0)
		return -errno;
	reach->muted = true;
	reach->done = ARCH_OTHER;
	tracee->signal = 0;
	return tracee_resume(tracee, PTRACE_CONT);
}

/* The instruction is looked at when it has been executed: its page is there then. */
static int step(struct reach *reach, struct segmap_tracee *tracee)
{
	uint64_t before = reach->pc;
	int r = tracee_resume(tracee, PTRACE_SINGLESTEP);

	reach->done = ARCH_OTHER;
	if (r < 0 || !has_trapped(tracee))
		return r;
	reach->done = arch_instruction(tracee->pid, before);
	if (reach->done == ARCH_OTHER || !is_our_trap(reach, tracee))
		return 0;
	r = arch_hide_step(tracee->pid, reach->done);
	if (r == 0 && reach->done == ARCH_LOADS_FLAGS)
		r = calm(reach, tracee);
	return r;
}

/* ---- the way ---- */

int reach_begin(struct reach *reach, const struct segmap_tracee *tracee)
{
	struct user_regs_struct regs = {0};
	int r = tracee->ended ? 0 : segmap_tracee_registers(tracee, &regs);

	if (r == 0)
		*reach = (struct reach){.pc = arch_pc(&regs)};
	return r;
}

int reach_set(struct reach *reach, const struct segmap_tracee *tracee, uint64_t addr)
{
	reach->addr = addr;
	if (segmap_tracee_must_step())
		return 0;
	return addr ? arch_break_at(tracee->pid, addr) : arch_break_off(tracee->pid);
}

bool reach_is_there(const struct reach *reach, const struct segmap_tracee *tracee)
{
	return !tracee->ended && reach->addr && reach->pc == reach->addr;
}

int reach_go_on(struct reach *reach, struct segmap_tracee *tracee, enum __ptrace_request how)
{
	int r;

	reach->done = ARCH_OTHER;
	if (reach->addr && segmap_tracee_must_step())
		r = step(reach, tracee);
	else
		r = tracee_resume(tracee, how);
	return r < 0 ? r : look(reach, tracee);
}

bool reach_has_called(const struct reach *reach, const struct segmap_tracee *tracee)
{
	return tracee_is_in_call(tracee) || reach->done == ARCH_CALLS;
}

int segmap_tracee_run_to(struct segmap_tracee *tracee, uint64_t addr, bool *reached)
{
	struct reach reach;
	int r = reach_begin(&reach, tracee);
	bool there = false;

	if (r == 0)
		r = reach_set(&reach, tracee, addr);
	while (r == 0 && !tracee->ended && !tracee_is_ending(tracee) && !there) {
		there = reach_is_there(&reach, tracee);
		if (there)
			r = reach_set(&reach, tracee, 0);
		else
			r = reach_go_on(&reach, tracee, PTRACE_CONT);
		if (r == 0 && tracee_has_executed(tracee))
			reach.addr = 0; /* it was one of another program */
	}
	if (r == 0)
		*reached = there;
	return r;
}
