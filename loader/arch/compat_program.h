/*
 * The smallest program there is for a CPU's 32-bit mode: exit(0). By executing it one sees
 * whether this kernel and this CPU have that mode.
 */
#ifndef ARCH_COMPAT_PROGRAM_H
#define ARCH_COMPAT_PROGRAM_H

#include "arch_compat.h"

#include <elf.h>

static const struct {
	Elf32_Ehdr ehdr;
	Elf32_Phdr phdr;
	unsigned char code[12];
} compat_program = {
	.ehdr =
		{
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = ARCH_COMPAT_MACHINE,
			.e_version = EV_CURRENT,
			.e_flags = ARCH_COMPAT_FLAGS,
			.e_entry = 0x100000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1,
		},
	.phdr =
		{
			.p_type = PT_LOAD,
			.p_vaddr = 0x100000,
			.p_filesz = sizeof(compat_program),
			.p_memsz = sizeof(compat_program),
			.p_flags = PF_R | PF_X,
			.p_align = 64 << 10, /* the largest page there is */
		},
	.code = {ARCH_COMPAT_CODE},
};

#endif
