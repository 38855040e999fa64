/* SPDX-License-Identifier: MIT */
/*
 * A static PIE whose first p_vaddr is not 0: what is added to its addresses is not where it
 * begins. Without a libc, because glibc 2.36's own start takes the two for the same.
 */
#include "tiny.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _start[] __attribute__((visibility("hidden")));

static int data = 5;
static int bss[5000];

int start_c(struct start *start)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)__ehdr_start;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR);
	int *zero = bss, *five = &data;

	__asm__ volatile("" : "+r"(zero), "+r"(five)); /* the compiler knows these values */
	while (ph->p_type != PT_LOAD)
		ph++;
	return check(ph->p_vaddr == 0x10000000, "first p_vaddr is not 0") |
	       check(aux(start, AT_PHDR) == (uint64_t)__ehdr_start + eh->e_phoff, "AT_PHDR") |
	       check(aux(start, AT_ENTRY) == (uint64_t)_start, "AT_ENTRY") |
	       check((uint64_t)_start - eh->e_entry == (uint64_t)__ehdr_start - ph->p_vaddr,
		     "one bias for everything") |
	       check(*five == 5 && all_zero(zero, sizeof(bss)), "data and bss");
}
