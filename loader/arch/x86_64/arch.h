/* Which CPU this is. The same file name in every CPU's folder. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <elf.h>

#define ARCH_MACHINE EM_X86_64 /* its rules are in rules.c */

#endif
