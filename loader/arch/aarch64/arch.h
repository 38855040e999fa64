/* Which CPU this is. The same file name in every CPU's folder. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <elf.h>

#define ARCH_MACHINE EM_AARCH64 /* its rules are in rules.c */

/* The kernel maps no second vdso, so the program is given the process's own. */
#define ARCH_MOVES_VDSO 1

#define ARCH_RSEQ_SIGNATURE 0xd428bc00 /* stands before the handlers of libc's sequences */

#endif
