/* What an instruction of this CPU does to memory. Each CPU's folder has instruction.c for it.
 */
#ifndef ARCH_INSTRUCTION_H
#define ARCH_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARCH_INSTRUCTION_MAX = 15 }; /* bytes of the longest one of any CPU */

enum arch_effect {
	ARCH_EFFECT_UNKNOWN,
	ARCH_EFFECT_READ,
	ARCH_EFFECT_WRITE, /* or both: a fault of it is for writing */
	ARCH_EFFECT_PUSH,  /* reads its operand, writes the stack */
	ARCH_EFFECT_POP,   /* reads the stack, writes its operand */
};

struct arch_instruction {
	unsigned length;  /* bytes */
	uint64_t operand; /* address of its operand in memory; 0 if registers decide it */
	enum arch_effect effect;
};

struct arch_decoder;

/* On success *DECODER is the caller's, to be given to arch_decoder_free. 0 or -ENOMEM. */
int arch_decoder_open(struct arch_decoder **decoder);
void arch_decoder_free(struct arch_decoder *decoder);

/* The instruction at ADDR, of which SIZE bytes are at BYTES. False if it is not known. */
bool arch_decode(const struct arch_decoder *decoder, const uint8_t *bytes, size_t size,
		 uint64_t addr, struct arch_instruction *out);

#endif
