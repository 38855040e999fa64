/* Where struct user_regs_struct is: each CPU has this header. libc's <sys/user.h> has nothing
 * in it on this one. */
#ifndef SEGMAP_REGISTERS_H
#define SEGMAP_REGISTERS_H

#include <asm/ptrace.h>

#endif
