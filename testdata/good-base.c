/* SPDX-License-Identifier: MIT */
/*
 * ET_DYN whose first p_vaddr is not 0: what is added to its addresses is not where it begins.
 * Checked with relocated pointers, which are wrong if a loader mixes up the two.
 */
#include "check.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static const char *const names[] = {"first", "second"}; /* relocated */
static int zero[5000];

int main(void)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR), *first = NULL;

	for (unsigned long i = 0; !first && i < getauxval(AT_PHNUM); i++)
		if (ph[i].p_type == PT_LOAD)
			first = &ph[i];
	check((const char *)ph == __ehdr_start + 64, "AT_PHDR");
	check(first && first->p_vaddr == 0x10000000, "first p_vaddr is not 0");
	check(strcmp(*(const char *const volatile *)&names[1], "second") == 0, "relocations");
	check(*(volatile int *)&zero[4999] == 0, "bss");
	return check_failed;
}
