/* What a template's process is made to do from outside, in this CPU's registers. */
#include "template/agent.h"

#include "arch_saved.h"
#include "arch_tracee.h"

#include <string.h>

#define SVC UINT32_C(0xd4000001)

bool arch_find_call(const uint8_t *code, size_t size, size_t *offset)
{
	uint32_t word;

	for (size_t i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, code + i, sizeof(word));
		if (word == SVC) {
			*offset = i;
			return true;
		}
	}
	return false;
}

/* BTYPE, two bits: how the last jump was made, which a guarded page asks for. */
static void forget_jump(struct user_regs_struct *registers)
{
	registers->pstate &= ~UINT64_C(0xc00);
}

void arch_prepare_call(struct user_regs_struct *registers, uint64_t pc, uint64_t number,
		       const uint64_t arguments[6])
{
	registers->pc = pc;
	registers->regs[8] = number;
	for (int i = 0; i < 6; i++)
		registers->regs[i] = arguments[i];
	forget_jump(registers);
}

uint64_t arch_call_result(const struct user_regs_struct *registers)
{
	return registers->regs[0];
}

void arch_prepare_function(struct user_regs_struct *registers, uint64_t pc, uint64_t sp,
			   uint64_t argument)
{
	registers->pc = pc;
	registers->sp = sp & ~UINT64_C(15);
	registers->regs[0] = argument;
	forget_jump(registers);
}

void arch_save(const struct user_regs_struct *registers, uint64_t *saved,
	       struct agent_registers *own)
{
	for (int i = 0; i < SAVED_PC; i++)
		saved[i] = registers->regs[i];
	saved[SAVED_PC] = registers->pc;
	saved[SAVED_FLAGS] = registers->pstate & UINT64_C(0xf0000000);
	own->sp = registers->sp;
	for (int i = 0; i < 3; i++)
		own->argument[i] = registers->regs[i];
}
