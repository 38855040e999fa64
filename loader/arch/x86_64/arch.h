/* What this CPU is called and how it counts. The same file name in every CPU's folder. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <elf.h>

#define ARCH_MACHINE  EM_X86_64
#define ARCH_PLATFORM "x86_64"

#define ARCH_TASK_SIZE(page)     (0x800000000000 - (page)) /* 4-level paging: 47 bits */
#define ARCH_STACK_TOP_MAX(page) ARCH_TASK_SIZE(page)
#define ARCH_ET_DYN_BASE(page)   (ARCH_TASK_SIZE(page) / 3 * 2)
#define ARCH_MMAP_RND_BITS       28
#define ARCH_BRK_RND_RANGE       0x40000000 /* 1 GiB */

#endif
