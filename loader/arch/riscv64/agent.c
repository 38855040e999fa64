/* What a template's process is made to do from outside, in this CPU's registers. */
#include "template/agent.h"

#include "arch_saved.h"
#include "arch_tracee.h"

#include <string.h>

#define ECALL UINT32_C(0x00000073)

_Static_assert(sizeof(struct user_regs_struct) == SAVED_COUNT * sizeof(uint64_t),
	       "one word for each register");

bool arch_find_call(const uint8_t *code, size_t size, size_t *offset)
{
	uint32_t word;

	for (size_t i = 0; i + sizeof(word) <= size; i += 2) {
		memcpy(&word, code + i, sizeof(word));
		if (word == ECALL) {
			*offset = i;
			return true;
		}
	}
	return false;
}

void arch_prepare_call(struct user_regs_struct *registers, uint64_t pc, uint64_t number,
		       const uint64_t arguments[6])
{
	registers->pc = pc;
	registers->a7 = number;
	registers->a0 = arguments[0];
	registers->a1 = arguments[1];
	registers->a2 = arguments[2];
	registers->a3 = arguments[3];
	registers->a4 = arguments[4];
	registers->a5 = arguments[5];
}

uint64_t arch_call_result(const struct user_regs_struct *registers)
{
	return registers->a0;
}

void arch_prepare_function(struct user_regs_struct *registers, uint64_t pc, uint64_t sp,
			   uint64_t argument)
{
	registers->pc = pc;
	registers->sp = sp & ~UINT64_C(15);
	registers->a0 = argument;
}

void arch_save(const struct user_regs_struct *registers, uint64_t *saved,
	       struct agent_registers *own)
{
	memcpy(saved, registers, sizeof(*registers));
	own->sp = registers->sp;
	own->argument[0] = registers->a0;
	own->argument[1] = registers->a1;
	own->argument[2] = registers->a2;
}
