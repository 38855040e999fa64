/* SPDX-License-Identifier: MIT */
/*
 * An interpreter of our own: it looks at what the kernel tells an interpreter (AT_BASE,
 * AT_ENTRY, AT_PHDR), then jumps to the program with the stack as it got it. Needs no
 * relocation.
 */
#define TINY_OWN_START
#include "tiny.h"

#include "arch_interp.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static uint64_t entry;

uint64_t program_entry(void);
uint64_t program_entry(void)
{
	return entry;
}

/* AT_BASE is what is added to our own link-time addresses; not where our first page is. */
static uint64_t own_bias(void)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)__ehdr_start;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(const void *)(__ehdr_start + eh->e_phoff);

	while (ph->p_type != PT_LOAD)
		ph++;
	return (uint64_t)__ehdr_start - ph->p_vaddr + ph->p_offset;
}

int start_c(struct start *start)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR);
	bool interp = false, executable = false;
	uint64_t bias = 0;
	int failed = 0;

	entry = aux(start, AT_ENTRY);
	failed |= check(aux(start, AT_BASE) == own_bias(), "interpreter: AT_BASE");
	for (uint64_t i = 0; i < aux(start, AT_PHNUM); i++)
		if (ph[i].p_type == PT_PHDR)
			bias = (uint64_t)ph - ph[i].p_vaddr;
	for (uint64_t i = 0; i < aux(start, AT_PHNUM); i++) {
		interp |= ph[i].p_type == PT_INTERP;
		executable |= ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X &&
			      entry - bias - ph[i].p_vaddr < ph[i].p_memsz;
	}
	failed |= check(interp, "interpreter: AT_PHDR has a PT_INTERP");
	failed |= check(executable, "interpreter: AT_ENTRY is in the program's code");
	return failed;
}
