/*
 * Reading instructions. What accesses memory is a regular part of this CPU's instructions (Arm
 * Architecture Reference Manual, C4.1, "Loads and Stores"), so no disassembler is needed.
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

static enum arch_effect by_load_bit(uint32_t load)
{
	return load ? ARCH_EFFECT_READ : ARCH_EFFECT_WRITE;
}

/* One register, at an address of any form, or an atomic operation. */
static enum arch_effect effect_of_single(uint32_t word)
{
	const uint32_t size = bits(word, 30, 2), opc = bits(word, 22, 2);
	const bool vector = bits(word, 26, 1);
	const bool unsigned_offset = bits(word, 24, 1);

	if (!unsigned_offset && bits(word, 21, 1) && bits(word, 10, 2) != 2) {
		if (bits(word, 10, 1)) /* with authentication */
			return ARCH_EFFECT_READ;
		/* atomic, of which only LDAPR does not write */
		return bits(word, 12, 4) == 0xc ? ARCH_EFFECT_READ : ARCH_EFFECT_WRITE;
	}
	if (vector)
		return by_load_bit(opc & 1);
	if (size == 3 && opc == 2)
		return ARCH_EFFECT_UNKNOWN; /* a prefetch never faults */
	return by_load_bit(opc != 0);
}

/* Exclusive, ordered, and compare and swap. */
static enum arch_effect effect_of_exclusive(uint32_t word)
{
	const bool ordered = bits(word, 23, 1), pair = bits(word, 21, 1);

	if (pair && (ordered || !bits(word, 31, 1)))
		return ARCH_EFFECT_WRITE; /* compare and swap */
	return by_load_bit(bits(word, 22, 1));
}

static enum arch_effect effect_of_access(uint32_t word)
{
	const uint32_t kind = bits(word, 28, 2);
	const bool vector = bits(word, 26, 1), high = bits(word, 24, 1);

	switch (kind) {
	case 0:
		if (vector) /* several structures, or one */
			return by_load_bit(bits(word, 22, 1));
		return high ? ARCH_EFFECT_UNKNOWN : effect_of_exclusive(word);
	case 1:
		if (!high) /* near the instruction */
			return !vector && bits(word, 30, 2) == 3 ? ARCH_EFFECT_UNKNOWN
								 : ARCH_EFFECT_READ;
		if (bits(word, 21, 1)) /* tags */
			return bits(word, 22, 2) == 1 ? ARCH_EFFECT_READ : ARCH_EFFECT_WRITE;
		/* ordered, with an offset */
		return by_load_bit(bits(word, 22, 2) != 0);
	case 2: /* a pair */
		return by_load_bit(bits(word, 22, 1));
	default:
		return effect_of_single(word);
	}
}

/* DC ZVA zeroes a block of memory, DC GVA and GZVA its tags. */
static bool is_zeroing(uint32_t word)
{
	const uint32_t operation = word & ~UINT32_C(0x1f);

	return operation == 0xd50b7420 || operation == 0xd50b7460 || operation == 0xd50b7480;
}

/* The address of an operand that does not depend on registers. */
static uint64_t find_operand(uint32_t word, uint64_t addr)
{
	const uint32_t sign = UINT32_C(1) << 18;
	uint32_t distance = bits(word, 5, 19); /* words */

	if (bits(word, 27, 3) != 3 || bits(word, 24, 2) != 0)
		return 0;
	return addr + (uint64_t)(((int64_t)(distance ^ sign) - (int64_t)sign) * 4);
}

bool arch_decode(const struct arch_decoder *decoder, const uint8_t *bytes, size_t size,
		 uint64_t addr, struct arch_instruction *out)
{
	uint32_t word;

	(void)decoder;
	if (size < sizeof(word))
		return false;
	memcpy(&word, bytes, sizeof(word));
	*out = (struct arch_instruction){.length = sizeof(word)};
	if (is_zeroing(word)) {
		out->effect = ARCH_EFFECT_WRITE;
	} else if (bits(word, 27, 1) && !bits(word, 25, 1)) {
		out->effect = effect_of_access(word);
		out->operand = find_operand(word, addr);
	}
	return true;
}
