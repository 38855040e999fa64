/*
 * What execve's rules depend on in a CPU, as data. Every build has the rules of every CPU, each
 * from arch/CPU/rules.c, so that a file for another CPU can be explained; only the one built
 * for can be loaded. meson.build has the list.
 */
#ifndef LOADER_CPU_H
#define LOADER_CPU_H

#include <segmap/plan.h>

struct cpu {
	uint16_t machine;     /* e_machine of its 64-bit programs */
	uint8_t class;        /* EI_CLASS that the kernel insists on; ELFCLASSNONE for none */
	const char *platform; /* AT_PLATFORM, or NULL if there is no such entry */
	uint16_t compat[2];   /* e_machine of the programs of its 32-bit mode; 0 for none */
	uint64_t page_sizes;  /* the sizes of a page that its kernels can have, added up */
	uint64_t brk_rnd_range;
	/* In PT_GNU_PROPERTY: the word that the kernel looks at, and the bit of it that asks
	 * for PROPERTY_PROT on executable segments; and the bit of AT_HWCAP2 of a CPU that has
	 * it. All 0 where the kernel does not read such headers. */
	uint32_t property_type, property_bit;
	int property_prot;
	uint64_t property_hwcap2;
	bool keeps_implied_exec; /* execve leaves READ_IMPLIES_EXEC in the personality */
	bool vdso_above_stack;   /* by kernels before 6.12; else where mmap puts it */
	/* The address space and its randomness: what depends on RULES->page_size. */
	void (*limits)(struct segmap_rules *rules);
};

/* The CPU whose 64-bit programs have MACHINE as e_machine, or NULL. */
const struct cpu *cpu_find(uint16_t machine);

#endif
