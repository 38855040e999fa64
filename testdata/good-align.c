/* SPDX-License-Identifier: MIT */
/*
 * Segments with a p_align of 2 MiB: the addresses of a position independent program are a
 * multiple of it, so that what is aligned in the file is aligned in memory.
 */
#include "check.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>

#define ALIGN (2UL << 20)

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static char aligned[4096] __attribute__((aligned(4096)));

int main(void)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	uint64_t align = 0, bias = (uint64_t)ph - 64;

	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (align == 0)
			bias -= ph[i].p_vaddr;
		align = ph[i].p_align > align ? ph[i].p_align : align;
	}
	check(align == ALIGN, "p_align is 2 MiB");
	check(bias % ALIGN == 0, "the base is a multiple of 2 MiB");
	check((uint64_t)__ehdr_start % ALIGN == 0, "so is the start of the image");
	check((uint64_t)aligned % 4096 == 0 && aligned[17] == 0, "bss");
	return check_failed;
}
