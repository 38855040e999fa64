/* Where struct user_regs_struct is: each CPU has this header. */
#ifndef SEGMAP_REGISTERS_H
#define SEGMAP_REGISTERS_H

#include <sys/user.h>

#endif
