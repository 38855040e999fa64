/* The other mode of this CPU, which not every kernel has, nor every CPU; see compat_program.h.
 */
#ifndef ARCH_AARCH64_ARCH_COMPAT_H
#define ARCH_AARCH64_ARCH_COMPAT_H

#define ARCH_COMPAT_MACHINE EM_ARM
#define ARCH_COMPAT_FLAGS   EF_ARM_EABI_VER5

/* r0 = 0, r7 = 1, svc 0 */
#define ARCH_COMPAT_CODE 0x00, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef

#endif
