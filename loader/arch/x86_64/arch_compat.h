/* The other mode of this CPU, which not every kernel has; see compat_program.h. */
#ifndef ARCH_X86_64_ARCH_COMPAT_H
#define ARCH_X86_64_ARCH_COMPAT_H

#define ARCH_COMPAT_MACHINE EM_386
#define ARCH_COMPAT_FLAGS   0

/* eax = 1, ebx = 0, int 0x80 */
#define ARCH_COMPAT_CODE 0x31, 0xc0, 0x40, 0x31, 0xdb, 0xcd, 0x80

#endif
