/* Which CPU this is. The same file name in every CPU's folder. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <elf.h>

#define ARCH_MACHINE EM_X86_64 /* its rules are in rules.c */

/* The program is given a new vdso. */
#define ARCH_MOVES_VDSO 0

#define ARCH_RSEQ_SIGNATURE 0x53053053 /* stands before the handlers of libc's sequences */

#endif
