/*
 * Finding a system call that ends in a return inside the vdso: the last thing the handover
 * uses, after everything of its own is gone.
 */
#include "gadget.h"

#include <string.h>

/* "xor %r32, %r32" of a register with itself, not the stack pointer; LENGTH bytes. */
static bool is_zeroing(const uint8_t *p, size_t *length)
{
	size_t rex = *p == 0x45 ? 1 : 0; /* both operands among r8...r15 */

	if (p[rex] != 0x31 || (p[rex + 1] & 0xc0) != 0xc0)
		return false;
	*length = rex + 2;
	bool stack_pointer = !rex && (p[rex + 1] & 7) == 4;
	return (p[rex + 1] >> 3 & 7) == (p[rex + 1] & 7) && !stack_pointer;
}

/* "pop %r64", not of the stack pointer. */
static bool is_pop(const uint8_t *p, size_t *length)
{
	size_t rex = *p == 0x41 ? 1 : 0;

	*length = rex + 1;
	return p[rex] >= 0x58 && p[rex] <= 0x5f && (rex || p[rex] != 0x5c);
}

/* Follows the code after a system call to its return; anything unknown ends the attempt. */
static bool reaches_return(const uint8_t *p, const uint8_t *end, uint64_t *pops)
{
	size_t length;

	*pops = 0;
	while (p + 4 <= end) {
		if (*p == 0xc3)
			return true;
		if (is_pop(p, &length))
			++*pops;
		else if (!is_zeroing(p, &length))
			return false;
		p += length;
	}
	return false;
}

bool arch_find_gadget(const uint8_t *code, size_t size, struct arch_gadget *out)
{
	uint64_t pops;
	const uint8_t *end = code + size;

	for (const uint8_t *p = code; p + 2 < end; p++) {
		p = memchr(p, 0x0f, (size_t)(end - 2 - p));
		if (!p)
			break;
		if (p[1] != 0x05 || !reaches_return(p + 2, end, &pops))
			continue;
		*out = (struct arch_gadget){(uint64_t)(p - code), pops};
		return true;
	}
	return false;
}
