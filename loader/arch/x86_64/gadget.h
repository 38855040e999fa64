#ifndef ARCH_GADGET_H
#define ARCH_GADGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks in the SIZE bytes of a vdso at CODE for a system call followed by nothing but pops,
 * zeroing of registers and a return. *OFFSET is where it begins, *POPS how many words it takes
 * off the stack before the return. */
bool arch_find_gadget(const uint8_t *code, size_t size, uint64_t *offset, uint64_t *pops);

#endif
