#ifndef ARCH_GADGET_H
#define ARCH_GADGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of the vdso the last step of the handover borrows. */
struct arch_gadget {
	uint64_t call;      /* offset of a system call that returns to ra; 0: there is none */
	uint64_t sigreturn; /* offset of the trampoline that returns from a signal handler */
};

/* Looks for both in the SIZE bytes of a vdso at CODE. False, and *OUT untouched, if one is
 * missing. */
bool arch_find_gadget(const uint8_t *code, size_t size, struct arch_gadget *out);

#endif
