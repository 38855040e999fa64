/*
 * Reading instructions. What accesses memory is a regular part of this CPU's instructions (The
 * RISC-V Instruction Set Manual, volume I, "RV32/64G Instruction Set Listings" and the chapter
 * about compressed ones), so no disassembler is needed. All addresses are in registers.
 */
#include "arch_instruction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct arch_decoder {
	char nothing;
};

int arch_decoder_open(struct arch_decoder **out)
{
	struct arch_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return -ENOMEM;
	*out = decoder;
	return 0;
}

void arch_decoder_free(struct arch_decoder *decoder)
{
	free(decoder);
}

/* Bits [LOW, LOW + COUNT) of an instruction. */
static uint32_t bits(uint32_t word, unsigned low, unsigned count)
{
	return word >> low & ((UINT32_C(1) << count) - 1);
}

enum opcode {
	LOAD = 0x03,
	LOAD_FP = 0x07,
	MISC_MEM = 0x0f,
	STORE = 0x23,
	STORE_FP = 0x27,
	AMO = 0x2f,
};

/* Atomic: all but LR write. */
static enum arch_effect effect_of_atomic(uint32_t word)
{
	return bits(word, 27, 5) == 2 ? ARCH_EFFECT_READ : ARCH_EFFECT_WRITE;
}

/* Zeroing a block of a cache (cbo.zero) writes, and the other operations on one do as well. */
static enum arch_effect effect_of_order(uint32_t word)
{
	return bits(word, 12, 3) == 2 ? ARCH_EFFECT_WRITE : ARCH_EFFECT_UNKNOWN;
}

static enum arch_effect effect_of_word(uint32_t word)
{
	switch (bits(word, 0, 7)) {
	case LOAD:
	case LOAD_FP: /* and vectors */
		return ARCH_EFFECT_READ;
	case STORE:
	case STORE_FP:
		return ARCH_EFFECT_WRITE;
	case AMO:
		return effect_of_atomic(word);
	case MISC_MEM:
		return effect_of_order(word);
	default:
		return ARCH_EFFECT_UNKNOWN;
	}
}

/* Of the first and the third quarter bits 13 to 15 tell: 1 to 3 load, 5 to 7 store, and 4 is
 * for bytes and halves (Zcb) or no access. */
static enum arch_effect effect_of_half(uint32_t half)
{
	const uint32_t quarter = bits(half, 0, 2), function = bits(half, 13, 3);

	if (quarter == 1 || function == 0)
		return ARCH_EFFECT_UNKNOWN;
	if (function == 4) {
		if (quarter == 2) /* c.jr, c.mv, c.add, c.ebreak */
			return ARCH_EFFECT_UNKNOWN;
		return bits(half, 10, 3) < 2 ? ARCH_EFFECT_READ : ARCH_EFFECT_WRITE;
	}
	return function < 4 ? ARCH_EFFECT_READ : ARCH_EFFECT_WRITE;
}

bool arch_decode(const struct arch_decoder *decoder, const uint8_t *bytes, size_t size,
		 uint64_t addr, struct arch_instruction *out)
{
	uint32_t word = 0;
	const bool half = size && (bytes[0] & 3) != 3;
	const unsigned length = half ? sizeof(uint16_t) : sizeof(uint32_t);

	(void)decoder;
	(void)addr;
	if (size < length)
		return false;
	memcpy(&word, bytes, length);
	*out = (struct arch_instruction){
		.length = length,
		.effect = half ? effect_of_half(word) : effect_of_word(word),
	};
	return true;
}
