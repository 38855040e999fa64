/* Which CPU this is. The same file name in every CPU's folder. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <elf.h>
#include <stdint.h>

#define ARCH_MACHINE EM_RISCV /* its rules are in rules.c */

/* The kernel maps no second vdso, so the program is given the process's own. */
#define ARCH_MOVES_VDSO 1

/* What stands before the handlers of libc's sequences: 32 bits, extended as registers have it.
 * Any other way the compiler would put it into memory, which the stub has not. */
#define ARCH_RSEQ_SIGNATURE UINT64_C(0xfffffffff1401073)

#endif
