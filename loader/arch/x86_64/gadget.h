#ifndef ARCH_GADGET_H
#define ARCH_GADGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the vdso the last step of the handover borrows. */
struct arch_gadget {
	uint64_t call; /* offset of a system call that ends in a return; 0: there is none */
	uint64_t pops; /* words it takes off the stack before it returns */
};

/* Looks in the SIZE bytes of a vdso at CODE for a system call followed by nothing but pops,
 * zeroing of registers and a return. False, and *OUT untouched, if there is none. */
bool arch_find_gadget(const uint8_t *code, size_t size, struct arch_gadget *out);

#endif
