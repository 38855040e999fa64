/* What a template's process is made to do from outside, in this CPU's registers. */
#include "template/agent.h"

#include "arch_saved.h"
#include "arch_tracee.h"

bool arch_find_call(const uint8_t *code, size_t size, size_t *offset)
{
	for (size_t i = 0; i + 1 < size; i++)
		if (code[i] == 0x0f && code[i + 1] == 0x05) {
			*offset = i;
			return true;
		}
	return false;
}

void arch_prepare_call(struct user_regs_struct *registers, uint64_t pc, uint64_t number,
		       const uint64_t arguments[6])
{
	registers->rip = pc;
	registers->rax = number;
	registers->orig_rax = UINT64_MAX; /* no call that the kernel would begin again */
	registers->rdi = arguments[0];
	registers->rsi = arguments[1];
	registers->rdx = arguments[2];
	registers->r10 = arguments[3];
	registers->r8 = arguments[4];
	registers->r9 = arguments[5];
}

uint64_t arch_call_result(const struct user_regs_struct *registers)
{
	return registers->rax;
}

void arch_prepare_function(struct user_regs_struct *registers, uint64_t pc, uint64_t sp,
			   uint64_t argument)
{
	const uint64_t flags = 0x202;

	registers->rip = pc;
	registers->rsp = (sp & ~UINT64_C(15)) - 8; /* as after a call */
	registers->rdi = argument;
	registers->eflags = flags;
	registers->orig_rax = UINT64_MAX;
}

void arch_save(const struct user_regs_struct *registers, uint64_t *saved,
	       struct agent_registers *own)
{
	saved[SAVED_RAX] = registers->rax;
	saved[SAVED_RBX] = registers->rbx;
	saved[SAVED_RCX] = registers->rcx;
	saved[SAVED_RBP] = registers->rbp;
	saved[SAVED_R8] = registers->r8;
	saved[SAVED_R9] = registers->r9;
	saved[SAVED_R10] = registers->r10;
	saved[SAVED_R11] = registers->r11;
	saved[SAVED_R12] = registers->r12;
	saved[SAVED_R13] = registers->r13;
	saved[SAVED_R14] = registers->r14;
	saved[SAVED_R15] = registers->r15;
	saved[SAVED_FLAGS] = registers->eflags & ~UINT64_C(0x10100); /* without RF and TF */
	saved[SAVED_PC] = registers->rip;
	own->sp = registers->rsp;
	own->argument[0] = registers->rdi;
	own->argument[1] = registers->rsi;
	own->argument[2] = registers->rdx;
}
