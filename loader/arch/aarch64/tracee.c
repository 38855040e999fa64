#include "arch_tracee.h"

#include <asm/ptrace.h>
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef NT_ARM_TLS
#define NT_ARM_TLS 0x401
#endif
#ifndef NT_ARM_HW_BREAK
#define NT_ARM_HW_BREAK 0x402
#endif

/* clang-format off */
#define X(n) {"x" #n, offsetof(struct user_regs_struct, regs) + (n) * sizeof(uint64_t), false}
#define REGISTER(name) {#name, offsetof(struct user_regs_struct, name), false}

const struct arch_register arch_registers[] = {
	REGISTER(pc), REGISTER(sp), REGISTER(pstate),
	X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),
	X(8),  X(9),  X(10), X(11), X(12), X(13), X(14), X(15),
	X(16), X(17), X(18), X(19), X(20), X(21), X(22), X(23),
	X(24), X(25), X(26), X(27), X(28), X(29), X(30),
};
/* clang-format on */
const size_t arch_register_count = sizeof(arch_registers) / sizeof(arch_registers[0]);

/* struct user_fpsimd_state, with the thread's own register behind it. */
enum {
	STATE_FPSR = 512,
	STATE_FPCR = 516,
	STATE_TLS = 528,
	STATE_SIZE = 536,
};

const struct arch_state_part arch_state_parts[] = {
	{"v", 0, 512, 0},
	{"fpsr", STATE_FPSR, 4, UINT64_MAX},
	{"fpcr", STATE_FPCR, 4, UINT64_MAX},
	{"tpidr_el0", STATE_TLS, 8, UINT64_MAX},
};
const size_t arch_state_part_count = sizeof(arch_state_parts) / sizeof(arch_state_parts[0]);

static int get_set(pid_t pid, uintptr_t type, void *to, size_t size)
{
	struct iovec area = {to, size};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)type, &area) < 0) // NOLINT
		return -errno;
	return area.iov_len == size ? 0 : -EIO;
}

static int put_set(pid_t pid, uintptr_t type, const void *from, size_t size)
{
	struct iovec area = {(void *)(uintptr_t)from, size}; // NOLINT

	return ptrace(PTRACE_SETREGSET, pid, (void *)type, &area) < 0 ? -errno : 0; // NOLINT
}

int arch_get_registers(pid_t pid, struct user_regs_struct *registers)
{
	return get_set(pid, NT_PRSTATUS, registers, sizeof(*registers));
}

int arch_set_registers(pid_t pid, const struct user_regs_struct *registers)
{
	return put_set(pid, NT_PRSTATUS, registers, sizeof(*registers));
}

int arch_read_state(pid_t pid, struct iovec *area)
{
	uint8_t *state = area->iov_base;
	int r = get_set(pid, NT_PRFPREG, state, STATE_TLS);

	if (r == 0)
		r = get_set(pid, NT_ARM_TLS, state + STATE_TLS, STATE_SIZE - STATE_TLS);
	if (r == 0)
		area->iov_len = STATE_SIZE;
	return r;
}

uint64_t arch_pc(const struct user_regs_struct *registers)
{
	return registers->pc;
}

uint64_t arch_sp(const struct user_regs_struct *registers)
{
	return registers->sp;
}

uint64_t arch_argument(const struct user_regs_struct *registers)
{
	return registers->regs[0];
}

/* SS: that a step is due. */
void arch_forget_trap(struct user_regs_struct *registers)
{
	registers->pstate &= ~UINT64_C(0x200000);
}

/* The system call's end would be a stop in which x7 is not the program's. */
int arch_end_of_exec(void)
{
	return PTRACE_SINGLESTEP;
}

int arch_way_out(void)
{
	return PTRACE_SINGLESTEP;
}

bool arch_can_reach(void)
{
	return true;
}

#define SVC UINT32_C(0xd4000001)

static uint32_t code_at(pid_t pid, uint64_t pc)
{
	errno = 0;
	uint64_t word = (uint64_t)ptrace(PTRACE_PEEKTEXT, pid, (void *)(pc & ~UINT64_C(7)),
					 NULL); // NOLINT
	return errno ? 0 : (uint32_t)(word >> (pc & 4) * 8);
}

/* rt_sigreturn */
bool arch_leaves(pid_t pid, uint64_t pc)
{
	return code_at(pid, pc) == SVC;
}

/*
 * The first of the CPU's breakpoints. Of a control word bit 0 enables it, bits 1 and 2 are the
 * level at which it stops (2: the user's), and from bit 5 on there is a bit for each byte of
 * the instruction.
 */
static int set_breakpoint(pid_t pid, uint64_t addr, uint32_t control)
{
	struct user_hwdebug_state state = {0};

	state.dbg_regs[0].addr = addr;
	state.dbg_regs[0].ctrl = control;
	return put_set(pid, NT_ARM_HW_BREAK, &state,
		       offsetof(struct user_hwdebug_state, dbg_regs[1]));
}

int arch_break_at(pid_t pid, uint64_t addr)
{
	return set_breakpoint(pid, addr, 0xf << 5 | 2 << 1 | 1);
}

int arch_break_off(pid_t pid)
{
	return set_breakpoint(pid, 0, 0);
}

/* The third argument is still there, the first is the result. */
bool arch_call_maps(const struct user_regs_struct *registers)
{
	switch (registers->regs[8]) {
	case SYS_mmap:
	case SYS_mprotect:
		return registers->regs[2] & PROT_EXEC;
	case SYS_mremap:
		return true;
	default:
		return false;
	}
}

/* ERESTARTSYS to ERESTART_RESTARTBLOCK, which programs never see. */
bool arch_call_is_interrupted(const struct user_regs_struct *registers)
{
	int64_t result = (int64_t)registers->regs[0];

	return result <= -512 && result >= -516;
}

/* ---- single steps: the program cannot see them ---- */

enum arch_instruction arch_instruction(pid_t pid, uint64_t pc)
{
	return code_at(pid, pc) == SVC ? ARCH_CALLS : ARCH_OTHER;
}

int arch_hide_step(pid_t pid, enum arch_instruction done)
{
	(void)pid;
	(void)done;
	return 0;
}
