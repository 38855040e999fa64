/*
 * Finding in the vdso what the handover uses last, after everything of its own is gone: a
 * system call followed by a return, and the trampoline behind a signal handler.
 */
#include "gadget.h"

#include <string.h>

enum {
	HALF = sizeof(uint16_t), /* instructions begin at any of these */
	WORD = sizeof(uint32_t),
};

#define ECALL        UINT32_C(0x00000073)
#define RET          UINT32_C(0x00008067) /* to ra */
#define RET_SHORT    UINT32_C(0x8082)     /* the same in two bytes */
#define LI_A7        UINT32_C(0x00000893) /* the number is in the bits from 20 on */
#define RT_SIGRETURN UINT32_C(139)

/* The SIZE bytes at OFFSET, the first one lowest. */
static uint32_t read_at(const uint8_t *code, size_t offset, size_t size)
{
	uint32_t word = 0;

	memcpy(&word, code + offset, size);
	return word;
}

static bool is_return(const uint8_t *code, size_t size, size_t offset)
{
	if (offset + HALF <= size && read_at(code, offset, HALF) == RET_SHORT)
		return true;
	return offset + WORD <= size && read_at(code, offset, WORD) == RET;
}

static bool find_call(const uint8_t *code, size_t size, struct arch_gadget *out)
{
	for (size_t i = 0; i + WORD <= size; i += HALF) {
		out->call = i;
		if (read_at(code, i, WORD) == ECALL && is_return(code, size, i + WORD))
			return true;
	}
	return false;
}

static bool find_sigreturn(const uint8_t *code, size_t size, struct arch_gadget *out)
{
	for (size_t i = 0; i + 2 * (size_t)WORD <= size; i += HALF) {
		out->sigreturn = i;
		if (read_at(code, i, WORD) == (LI_A7 | RT_SIGRETURN << 20) &&
		    read_at(code, i + WORD, WORD) == ECALL)
			return true;
	}
	return false;
}

bool arch_find_gadget(const uint8_t *code, size_t size, struct arch_gadget *out)
{
	struct arch_gadget found = {0};

	if (!find_call(code, size, &found) || !find_sigreturn(code, size, &found))
		return false;
	*out = found;
	return true;
}
