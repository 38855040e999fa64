/* A program for the other mode of this CPU, which not every kernel has, nor every CPU. */
#ifndef ARCH_RISCV64_ARCH_COMPAT_H
#define ARCH_RISCV64_ARCH_COMPAT_H

#include <elf.h>

/* The smallest program there is: exit(0). */
static const struct {
	Elf32_Ehdr ehdr;
	Elf32_Phdr phdr;
	uint32_t code[3];
} arch_compat_program = {
	.ehdr =
		{
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = EM_RISCV,
			.e_version = EV_CURRENT,
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
			.p_filesz = sizeof(arch_compat_program),
			.p_memsz = sizeof(arch_compat_program),
			.p_flags = PF_R | PF_X,
			.p_align = 4 << 10,
		},
	.code = {0x00000513, 0x05d00893, 0x00000073}, /* a0 = 0, a7 = 93, ecall */
};

#endif
