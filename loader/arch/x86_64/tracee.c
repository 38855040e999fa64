#include "arch_tracee.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* clang-format off */
#define REGISTER(name) {#name, offsetof(struct user_regs_struct, name), false}
/* clang-format on */

const struct arch_register arch_registers[] = {
	REGISTER(rip),     REGISTER(rsp), REGISTER(rax),    REGISTER(rbx), REGISTER(rcx),
	REGISTER(rdx),     REGISTER(rsi), REGISTER(rdi),    REGISTER(rbp), REGISTER(r8),
	REGISTER(r9),      REGISTER(r10), REGISTER(r11),    REGISTER(r12), REGISTER(r13),
	REGISTER(r14),     REGISTER(r15), REGISTER(eflags), REGISTER(cs),  REGISTER(ss),
	REGISTER(ds),      REGISTER(es),  REGISTER(fs),     REGISTER(gs),  REGISTER(fs_base),
	REGISTER(gs_base),
};
const size_t arch_register_count = sizeof(arch_registers) / sizeof(arch_registers[0]);

/*
 * Intel SDM volume 1, 10.5.1 and 13.4: the FXSAVE area, then the XSAVE header. Of the
 * components in use, SSE (bit 1) is left out: a CPU may call in use what is in its initial
 * form, and with this one it comes and goes between two looks at the same process.
 */
const struct arch_state_part arch_state_parts[] = {
	{"fcw", 0, 2, UINT64_MAX},        {"fsw", 2, 2, UINT64_MAX}, {"ftw", 4, 2, UINT64_MAX},
	{"fop", 6, 2, UINT64_MAX},        {"fip", 8, 8, UINT64_MAX}, {"fdp", 16, 8, UINT64_MAX},
	{"mxcsr", 24, 4, UINT64_MAX},     {"st", 32, 128, 0},        {"xmm", 160, 256, 0},
	{"in use", 512, 8, ~UINT64_C(2)}, {"extended", 576, 0, 0},
};
const size_t arch_state_part_count = sizeof(arch_state_parts) / sizeof(arch_state_parts[0]);

uint64_t arch_pc(const struct user_regs_struct *registers)
{
	return registers->rip;
}

int arch_get_registers(pid_t pid, struct user_regs_struct *registers)
{
	return ptrace(PTRACE_GETREGS, pid, NULL, registers) < 0 ? -errno : 0;
}

int arch_set_registers(pid_t pid, const struct user_regs_struct *registers)
{
	return ptrace(PTRACE_SETREGS, pid, NULL, registers) < 0 ? -errno : 0;
}

int arch_end_of_exec(void)
{
	return PTRACE_SYSCALL;
}

int arch_way_out(void)
{
	return PTRACE_SINGLESTEP;
}

bool arch_can_reach(void)
{
	return true;
}

/* A return: to the program's entry, which waits on the stack. */
bool arch_leaves(pid_t pid, uint64_t pc)
{
	const int ret = 0xc3;

	return (ptrace(PTRACE_PEEKTEXT, pid, (void *)pc, NULL) & 0xff) == ret; // NOLINT
}

int arch_read_state(pid_t pid, struct iovec *area)
{
	return ptrace(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, area) < 0 ? -errno : 0;
}

uint64_t arch_sp(const struct user_regs_struct *registers)
{
	return registers->rsp;
}

uint64_t arch_argument(const struct user_regs_struct *registers)
{
	return registers->rdi;
}

/* RF: go on without stopping at the same breakpoint again. */
void arch_forget_trap(struct user_regs_struct *registers)
{
	registers->eflags &= ~UINT64_C(0x10000);
}

static int set_debug_register(pid_t pid, size_t number, uint64_t value)
{
	size_t at = offsetof(struct user, u_debugreg) + number * sizeof(unsigned long);

	return ptrace(PTRACE_POKEUSER, pid, (void *)at, (void *)value) < 0 ? -errno : 0;
}

/* DR7: the lowest bit enables DR0 for this task; length and type bits 0 are "execution". */
int arch_break_at(pid_t pid, uint64_t addr)
{
	int r = arch_break_off(pid);

	if (r == 0)
		r = set_debug_register(pid, 0, addr);
	if (r == 0)
		r = set_debug_register(pid, 7, 1);
	return r;
}

int arch_break_off(pid_t pid)
{
	return set_debug_register(pid, 7, 0);
}

bool arch_call_maps(const struct user_regs_struct *registers)
{
	switch (registers->orig_rax) {
	case SYS_mmap:
	case SYS_mprotect:
		return registers->rdx & PROT_EXEC;
	case SYS_mremap:
		return true;
	default:
		return false;
	}
}

/* ERESTARTSYS to ERESTART_RESTARTBLOCK, which programs never see. */
bool arch_call_is_interrupted(const struct user_regs_struct *registers)
{
	int64_t result = (int64_t)registers->rax;

	return result <= -512 && result >= -516;
}

/* ---- single steps ---- */

#define TRAP_FLAG UINT64_C(0x100)

/* The bytes at PC, the first one lowest; less than eight where the mapping ends. */
static uint64_t code_at(pid_t pid, uint64_t pc)
{
	errno = 0;
	uint64_t code = (uint64_t)ptrace(PTRACE_PEEKTEXT, pid, (void *)pc, NULL); // NOLINT
	if (!errno)
		return code;
	errno = 0;
	code = (uint64_t)ptrace(PTRACE_PEEKTEXT, pid, (void *)(pc & ~UINT64_C(7)),
				NULL); // NOLINT
	return errno ? 0 : code >> (pc & 7) * 8;
}

static bool is_prefix(uint64_t byte)
{
	switch (byte) {
	case 0x26: /* segments */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66: /* operand size */
	case 0x67:
	case 0xf2: /* rep */
	case 0xf3:
		return true;
	default:
		return byte >> 4 == 4; /* REX */
	}
}

enum arch_instruction arch_instruction(pid_t pid, uint64_t pc)
{
	uint64_t code = code_at(pid, pc);

	while (is_prefix(code & 0xff))
		code >>= 8;
	switch (code & 0xff) {
	case 0x9c: /* pushf */
		return ARCH_SAVES_FLAGS;
	case 0x9d: /* popf */
	case 0xcf: /* iret */
		return ARCH_LOADS_FLAGS;
	case 0x0f: /* syscall */
		return (code >> 8 & 0xff) == 0x05 ? ARCH_CALLS : ARCH_OTHER;
	case 0xcd: /* int 0x80 */
		return (code >> 8 & 0xff) == 0x80 ? ARCH_CALLS : ARCH_OTHER;
	default:
		return ARCH_OTHER;
	}
}

static int clear_word(pid_t pid, uint64_t addr)
{
	errno = 0;
	uint64_t word = (uint64_t)ptrace(PTRACE_PEEKDATA, pid, (void *)addr, NULL); // NOLINT

	if (errno)
		return -errno;
	word &= ~TRAP_FLAG;
	return ptrace(PTRACE_POKEDATA, pid, (void *)addr, (void *)word) < 0 // NOLINT
		       ? -errno
		       : 0;
}

/* pushf has put the flags on the stack, syscall into r11; but sigreturn, which leaves no number
 * of a system call behind, has given r11 back. */
int arch_hide_step(pid_t pid, enum arch_instruction done)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return -errno;
	if (done == ARCH_SAVES_FLAGS)
		return clear_word(pid, regs.rsp);
	if (done != ARCH_CALLS || !(regs.r11 & TRAP_FLAG) || (int64_t)regs.orig_rax < 0)
		return 0;
	regs.r11 &= ~TRAP_FLAG;
	return ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user, regs.r11),
		      (void *)regs.r11) < 0 // NOLINT
		       ? -errno
		       : 0;
}
