/*
 * Reading instructions. Of the disassembler's answers the operands are used, but not what it
 * says of access to them: Capstone 4 takes many stores of vector registers for reads.
 */
#include "arch_instruction.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <stdlib.h>

struct arch_decoder {
	csh capstone;
};

int arch_decoder_open(struct arch_decoder **out)
{
	struct arch_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder || cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->capstone) != CS_ERR_OK) {
		free(decoder);
		return -ENOMEM;
	}
	cs_option(decoder->capstone, CS_OPT_DETAIL, CS_OPT_ON);
	*out = decoder;
	return 0;
}

void arch_decoder_free(struct arch_decoder *decoder)
{
	if (!decoder)
		return;
	cs_close(&decoder->capstone);
	free(decoder);
}

/* The first operand is the destination, except of these. */
static bool reads_first(unsigned id)
{
	static const unsigned ids[] = {
		X86_INS_CMP,        X86_INS_TEST,        X86_INS_BT,         X86_INS_MUL,
		X86_INS_IMUL,       X86_INS_DIV,         X86_INS_IDIV,       X86_INS_JMP,
		X86_INS_LJMP,       X86_INS_FLD,         X86_INS_FILD,       X86_INS_FADD,
		X86_INS_FIADD,      X86_INS_FSUB,        X86_INS_FSUBR,      X86_INS_FISUB,
		X86_INS_FMUL,       X86_INS_FIMUL,       X86_INS_FDIV,       X86_INS_FDIVR,
		X86_INS_FIDIV,      X86_INS_FIDIVR,      X86_INS_FISUBR,     X86_INS_FICOM,
		X86_INS_FICOMP,     X86_INS_FBLD,        X86_INS_PREFETCHT0, X86_INS_PREFETCHT1,
		X86_INS_PREFETCHT2, X86_INS_PREFETCHNTA, X86_INS_PREFETCHW,  X86_INS_FCOM,
		X86_INS_FCOMP,      X86_INS_FLDCW,       X86_INS_FLDENV,     X86_INS_FRSTOR,
		X86_INS_LDMXCSR,    X86_INS_VLDMXCSR,    X86_INS_FXRSTOR,    X86_INS_XRSTOR,
		X86_INS_XRSTOR64,   X86_INS_FXRSTOR64,   X86_INS_CMPSB,      X86_INS_CMPSW,
		X86_INS_CMPSD,      X86_INS_CMPSQ,       X86_INS_SCASB,      X86_INS_SCASW,
		X86_INS_SCASD,      X86_INS_SCASQ,       X86_INS_PREFETCH,   X86_INS_CLFLUSH,
		X86_INS_CLFLUSHOPT,
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i] == id)
			return true;
	return false;
}

static enum arch_effect effect_on_stack(unsigned id)
{
	switch (id) {
	case X86_INS_CALL:
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
	case X86_INS_ENTER:
		return ARCH_EFFECT_PUSH;
	case X86_INS_RET:
	case X86_INS_POP:
	case X86_INS_POPFQ:
	case X86_INS_LEAVE:
		return ARCH_EFFECT_POP;
	default:
		return ARCH_EFFECT_UNKNOWN;
	}
}

/* An instruction on the stack that has no other operand in memory. */
static enum arch_effect without_operand(enum arch_effect effect)
{
	if (effect == ARCH_EFFECT_PUSH)
		return ARCH_EFFECT_WRITE;
	return effect == ARCH_EFFECT_POP ? ARCH_EFFECT_READ : ARCH_EFFECT_UNKNOWN;
}

/* The address of an operand that does not depend on registers. */
static uint64_t find_operand(const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;

	for (unsigned i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP &&
		    op->mem.index == X86_REG_INVALID)
			return instruction->address + instruction->size +
			       (uint64_t)op->mem.disp;
	}
	return 0;
}

static enum arch_effect find_effect(const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;
	enum arch_effect stack = effect_on_stack(instruction->id);
	unsigned count = 0, at = 0;

	for (unsigned i = 0; i < x86->op_count; i++)
		if (x86->operands[i].type == X86_OP_MEM && count++ == 0)
			at = i;
	if (count == 0)
		return without_operand(stack);
	if (stack != ARCH_EFFECT_UNKNOWN)
		return stack;
	if (at > 0 || reads_first(instruction->id))
		return ARCH_EFFECT_READ;
	return count == 1 ? ARCH_EFFECT_WRITE : ARCH_EFFECT_UNKNOWN; /* movs: either */
}

bool arch_decode(const struct arch_decoder *decoder, const uint8_t *bytes, size_t size,
		 uint64_t addr, struct arch_instruction *out)
{
	cs_insn *instruction;

	if (cs_disasm(decoder->capstone, bytes, size, addr, 1, &instruction) == 0)
		return false;
	*out = (struct arch_instruction){
		.length = instruction->size,
		.operand = find_operand(instruction),
		.effect = find_effect(instruction),
	};
	cs_free(instruction, 1);
	return true;
}
