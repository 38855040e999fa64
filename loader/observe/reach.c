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
 * flags, the kernel takes the trap flag for the program's own and would leave it there. And
 * each step ends in a SIGTRAP, which changes what the program has said about that signal if it
 * is blocked.
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

/* ---- what a stop means ---- */

static bool is_stepping(const struct reach *reach)
{
	return reach->addr && segmap_tracee_must_step();
}

/* Why there is a SIGTRAP, as sigaction(2) lists it; 0 if there is none. */
static int trap_code(const struct segmap_tracee *tracee)
{
	siginfo_t info;

	if (!WIFSTOPPED(tracee->status) || tracee->signal != SIGTRAP ||
	    ptrace(PTRACE_GETSIGINFO, tracee->pid, NULL, &info) < 0)
		return 0;
	return info.si_code;
}

/* Does it come from a step or from a breakpoint register? A program's own come from its
 * instructions (SI_KERNEL, or TRAP_BRKPT for one of them) or from kill(2). */
static bool is_our_trap(const struct reach *reach, int code)
{
	switch (code) {
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

/* What changes only in the kernel's hands: in system calls and with signals. */
static void look_at_state(struct reach *reach, const struct segmap_tracee *tracee,
			  const struct user_regs_struct *regs)
{
	struct __ptrace_syscall_info call = {.op = PTRACE_SYSCALL_INFO_NONE};
	void *size = (void *)sizeof(call); // NOLINT

	if (tracee_is_in_call(tracee))
		ptrace(PTRACE_GET_SYSCALL_INFO, tracee->pid, size, &call);
	reach->inside = call.op == PTRACE_SYSCALL_INFO_ENTRY || tracee_has_executed(tracee);
	reach->interrupted =
		call.op == PTRACE_SYSCALL_INFO_EXIT && arch_call_is_interrupted(regs);
	size = (void *)sizeof(reach->mask); // NOLINT
	if (ptrace(PTRACE_GETSIGMASK, tracee->pid, size, &reach->mask) < 0)
		reach->mask = 0;
}

static int look(struct reach *reach, struct segmap_tracee *tracee)
{
	struct user_regs_struct regs = {0};

	if (tracee->ended)
		return 0;
	int code = trap_code(tracee);
	if (is_our_trap(reach, code) || is_our_stop(reach, tracee))
		tracee->signal = 0;
	int r = segmap_tracee_registers(tracee, &regs);
	if (r < 0 && r != -ESRCH)
		return r; /* that it has been killed meanwhile, the next wait tells */
	reach->pc = arch_pc(&regs);
	if (code != TRAP_TRACE)
		look_at_state(reach, tracee, &regs);
	return 0;
}

/* ---- stepping ---- */

static uint64_t page_of(uint64_t addr)
{
	return addr & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
}

static int set_mask(const struct segmap_tracee *tracee, uint64_t mask)
{
	void *size = (void *)sizeof(mask); // NOLINT

	return ptrace(PTRACE_SETSIGMASK, tracee->pid, size, &mask) < 0 && errno != ESRCH
		       ? -errno
		       : 0;
}

/*
 * One instruction. For a program that blocks SIGTRAP the kernel would put that signal's handler
 * out of action to make the step heard, so it is let through meanwhile; but not where a signal
 * is going to be delivered, the handler of which keeps the mask for later.
 */
static int step_once(const struct reach *reach, struct segmap_tracee *tracee)
{
	const uint64_t trap = UINT64_C(1) << (SIGTRAP - 1);
	bool blocked = (reach->mask & trap) && !tracee->signal && !reach->interrupted;
	int r = blocked ? set_mask(tracee, reach->mask & ~trap) : 0;

	if (r == 0)
		r = tracee_resume(tracee, PTRACE_SINGLESTEP);
	if (r == 0 && blocked && !tracee->ended)
		r = set_mask(tracee, reach->mask);
	return r;
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
	tracee->signal = 0;
	return tracee_resume(tracee, PTRACE_CONT);
}

/*
 * One instruction, or one half of a system call: those are not stepped, since the step's
 * SIGTRAP would meet the mask that some of them have for as long as they wait. The first
 * instruction of a page is looked at when it has been executed: to look would map the page.
 */
static int step(struct reach *reach, struct segmap_tracee *tracee)
{
	uint64_t before = reach->pc;
	bool known = page_of(before) == reach->page;
	enum arch_instruction next = known ? arch_instruction(tracee->pid, before) : ARCH_OTHER;

	if (reach->inside || (next == ARCH_CALLS && !tracee->signal))
		return tracee_resume(tracee, PTRACE_SYSCALL);
	int r = step_once(reach, tracee);
	if (r < 0 || tracee->ended)
		return r;
	reach->done = known ? next : arch_instruction(tracee->pid, before);
	reach->page = page_of(before);
	if (reach->done == ARCH_OTHER || !is_our_trap(reach, trap_code(tracee)))
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

	if (r < 0)
		return r;
	*reach = (struct reach){.pc = arch_pc(&regs)};
	if (!tracee->ended)
		look_at_state(reach, tracee, &regs);
	return 0;
}

int reach_set(struct reach *reach, const struct segmap_tracee *tracee, uint64_t addr)
{
	reach->addr = addr;
	if (addr && addr != reach->pc && !arch_can_reach())
		return -EOPNOTSUPP;
	if (segmap_tracee_must_step())
		return 0;
	return addr ? arch_break_at(tracee->pid, addr) : arch_break_off(tracee->pid);
}

/* Where a system call begins, the instruction pointer is already behind it. */
bool reach_is_there(const struct reach *reach, const struct segmap_tracee *tracee)
{
	return !tracee->ended && reach->addr && reach->pc == reach->addr && !reach->inside;
}

int reach_go_on(struct reach *reach, struct segmap_tracee *tracee, enum __ptrace_request how)
{
	int r;

	reach->done = ARCH_OTHER;
	r = is_stepping(reach) ? step(reach, tracee) : tracee_resume(tracee, how);
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
