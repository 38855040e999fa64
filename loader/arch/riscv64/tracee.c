/*
 * ptrace has neither single steps nor breakpoint registers here. So a program can be stopped at
 * what the kernel sees of it, but not at an address.
 */
#include "arch_tracee.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* clang-format off */
#define REGISTER(name) {#name, offsetof(struct user_regs_struct, name), false}
#define CALLERS(name)  {#name, offsetof(struct user_regs_struct, name), true}

/* Of these execve sets pc, sp and its result. */
const struct arch_register arch_registers[] = {
	REGISTER(pc), CALLERS(ra), REGISTER(sp), CALLERS(gp),  CALLERS(tp),  CALLERS(t0),
	CALLERS(t1),  CALLERS(t2), CALLERS(s0),  CALLERS(s1),  REGISTER(a0), CALLERS(a1),
	CALLERS(a2),  CALLERS(a3), CALLERS(a4),  CALLERS(a5),  CALLERS(a6),  CALLERS(a7),
	CALLERS(s2),  CALLERS(s3), CALLERS(s4),  CALLERS(s5),  CALLERS(s6),  CALLERS(s7),
	CALLERS(s8),  CALLERS(s9), CALLERS(s10), CALLERS(s11), CALLERS(t3),  CALLERS(t4),
	CALLERS(t5),  CALLERS(t6),
};
/* clang-format on */
const size_t arch_register_count = sizeof(arch_registers) / sizeof(arch_registers[0]);

/* struct __riscv_d_ext_state */
enum {
	STATE_FCSR = 256,
	STATE_SIZE = 264,
};

const struct arch_state_part arch_state_parts[] = {
	{"f", 0, STATE_FCSR, 0},
	{"fcsr", STATE_FCSR, 4, UINT64_MAX},
};
const size_t arch_state_part_count = sizeof(arch_state_parts) / sizeof(arch_state_parts[0]);

static int get_set(pid_t pid, uintptr_t type, void *to, size_t size)
{
	struct iovec area = {to, size};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)type, &area) < 0) // NOLINT
		return -errno;
	return area.iov_len == size ? 0 : -EIO;
}

int arch_get_registers(pid_t pid, struct user_regs_struct *registers)
{
	return get_set(pid, NT_PRSTATUS, registers, sizeof(*registers));
}

int arch_set_registers(pid_t pid, const struct user_regs_struct *registers)
{
	const uintptr_t type = NT_PRSTATUS;
	struct iovec area = {(void *)(uintptr_t)registers, sizeof(*registers)}; // NOLINT

	return ptrace(PTRACE_SETREGSET, pid, (void *)type, &area) < 0 ? -errno : 0; // NOLINT
}

int arch_read_state(pid_t pid, struct iovec *area)
{
	int r = get_set(pid, NT_PRFPREG, area->iov_base, STATE_SIZE);

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
	return registers->a0;
}

void arch_forget_trap(struct user_regs_struct *registers)
{
	(void)registers;
}

int arch_end_of_exec(void)
{
	return PTRACE_SYSCALL;
}

/* The stub's last instruction is a system call, the end of which is a stop in the program. */
int arch_way_out(void)
{
	return PTRACE_SYSCALL;
}

/* Within rt_sigreturn. */
bool arch_leaves(pid_t pid, uint64_t pc)
{
	struct user_regs_struct registers = {0};

	(void)pc;
	return arch_get_registers(pid, &registers) == 0 && registers.a7 == SYS_rt_sigreturn;
}

bool arch_can_reach(void)
{
	return false;
}

int arch_break_at(pid_t pid, uint64_t addr)
{
	(void)pid;
	(void)addr;
	return -EOPNOTSUPP;
}

int arch_break_off(pid_t pid)
{
	(void)pid;
	return 0;
}

/* The third argument is still there, the first is the result. */
bool arch_call_maps(const struct user_regs_struct *registers)
{
	switch (registers->a7) {
	case SYS_mmap:
	case SYS_mprotect:
		return registers->a2 & PROT_EXEC;
	case SYS_mremap:
		return true;
	default:
		return false;
	}
}

/* ERESTARTSYS to ERESTART_RESTARTBLOCK, which programs never see. */
bool arch_call_is_interrupted(const struct user_regs_struct *registers)
{
	int64_t result = (int64_t)registers->a0;

	return result <= -512 && result >= -516;
}

enum arch_instruction arch_instruction(pid_t pid, uint64_t pc)
{
	(void)pid;
	(void)pc;
	return ARCH_OTHER;
}

int arch_hide_step(pid_t pid, enum arch_instruction done)
{
	(void)pid;
	(void)done;
	return 0;
}
