/* The other mode of this CPU, which not every kernel has, nor every CPU; see compat_program.h.
 */
#ifndef ARCH_RISCV64_ARCH_COMPAT_H
#define ARCH_RISCV64_ARCH_COMPAT_H

#define ARCH_COMPAT_MACHINE EM_RISCV
#define ARCH_COMPAT_FLAGS   0

/* a0 = 0, a7 = 93, ecall */
#define ARCH_COMPAT_CODE 0x13, 0x05, 0x00, 0x00, 0x93, 0x08, 0xd0, 0x05, 0x73, 0x00, 0x00, 0x00

#endif
