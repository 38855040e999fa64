/*
 * Finding in the vdso what the handover uses last, after everything of its own is gone: a
 * system call followed by a return, and the trampoline behind a signal handler.
 */
#include "gadget.h"

#include <string.h>

enum { WORD = sizeof(uint32_t) };

#define SVC          UINT32_C(0xd4000001)
#define RET          UINT32_C(0xd65f03c0) /* to x30 */
#define AUTIASP      UINT32_C(0xd50323bf) /* x30, which was signed with the stack pointer */
#define MOV_TO_X8    UINT32_C(0xd2800008) /* the number is in the bits from 5 on */
#define RT_SIGRETURN UINT32_C(139)

static uint32_t word_at(const uint8_t *code, size_t offset)
{
	uint32_t word;

	memcpy(&word, code + offset, sizeof(word));
	return word;
}

static bool find_call(const uint8_t *code, size_t size, struct arch_gadget *out)
{
	for (size_t i = 0; i + 3 * WORD <= size; i += WORD) {
		if (word_at(code, i) != SVC)
			continue;
		uint32_t next = word_at(code, i + WORD);
		out->is_signed = next == AUTIASP;
		if (out->is_signed)
			next = word_at(code, i + 2 * WORD);
		out->call = i;
		if (next == RET)
			return true;
	}
	return false;
}

static bool find_sigreturn(const uint8_t *code, size_t size, struct arch_gadget *out)
{
	for (size_t i = 0; i + 2 * WORD <= size; i += WORD) {
		out->sigreturn = i;
		if (word_at(code, i) == (MOV_TO_X8 | RT_SIGRETURN << 5) &&
		    word_at(code, i + WORD) == SVC)
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
