/* SPDX-License-Identifier: MIT */
/* The values that fields get: those at which a check of the kernel's turns, those that are an
 * address of something in a process without randomisation, and those near the old one. */
#include "mutate.h"

#include <string.h>

#define TASK_SIZE    0x7ffffffff000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t numbers[] = {
	0,
	1,
	2,
	7,
	8,
	0x38,
	0x40,
	0x800,
	PAGE - 1,
	PAGE,
	PAGE + 1,
	2 * PAGE - 1,
	2 * PAGE,
	0x10000,
	0x1fffff,
	0x200000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x8000000000,
	0x10000000000,
	0x3ffffffff000,
	0x400000000000,
	TASK_SIZE - PAGE,
	TASK_SIZE - 1,
	TASK_SIZE,
	TASK_SIZE + 1,
	0x7fffffffffff,
	0x800000000000,
	0xffffffffff600000, /* vsyscall */
	0xffff800000000000,
	0x7fffffffffffe000,
	0x7ffffffffffff000,
	0x7fffffffffffffff,
	0x8000000000000000,
	0x8000000000001000,
	(uint64_t)-2 * PAGE,
	(uint64_t)-PAGE,
	(uint64_t)-PAGE + 1,
	(uint64_t)-1,
};

/* Where something is, or begins, in one of the two processes when nothing is random. */
static const uint64_t addresses[] = {
	0,
	PAGE,
	0x10000,
	0x200000,
	0x400000,
	0x403000,
	0x404000,
	0x409000,
	0x10000000,
	0x555555554000, /* ET_DYN with an interpreter */
	0x555555555000, /* the heap of one without */
	0x555555558000,
	0x7ffff7dd0000, /* mmap area: libraries of another, the interpreter, the vdso */
	0x7ffff7f00000,
	0x7ffff7fe0000,
	0x7ffff7ff0000,
	0x7ffff7ff4000,
	0x7ffff7ff9000,
	0x7ffff7ffd000,
	0x7ffff7fff000, /* mmap_base */
	0x7ffff8000000,
	0x7fffff7fd000,
	0x7ffffffde000, /* the stack */
	0x7ffffffef000,
	0x7fffffffe000,
	TASK_SIZE,
};

uint64_t some_boundary(struct maker *m)
{
	uint64_t size = m->file[m->which].size;
	const uint64_t own[] = {size,   size - 1, size + 1, (size + PAGE_MASK) & ~PAGE_MASK,
				0x3000, 0x1800,   0x4800,   0x2ff0};
	uint64_t i = below(&m->random, COUNT(numbers) + COUNT(own));

	return i < COUNT(own) ? own[i] : numbers[i - COUNT(own)];
}

uint64_t some_size(struct maker *m)
{
	uint64_t bits = chance(&m->random, 85) ? 18 : 48;
	uint64_t size = random64(&m->random) >> (64 - 1 - below(&m->random, bits));

	return chance(&m->random, 40) ? size & ~PAGE_MASK : size;
}

uint64_t some_address(struct maker *m)
{
	uint64_t address = addresses[below(&m->random, COUNT(addresses))];

	if (chance(&m->random, 10))
		address = random64(&m->random) >> 17;
	if (chance(&m->random, 50))
		address += (below(&m->random, 65) - 32) * PAGE;
	if (chance(&m->random, 10))
		address += below(&m->random, 2 * PAGE);
	return address;
}

static uint64_t near(struct maker *m, uint64_t old)
{
	static const uint64_t steps[] = {
		1, 2, 8, 16, 0x800, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 0x200000, 0x10000000};
	uint64_t step = steps[below(&m->random, COUNT(steps))];

	return chance(&m->random, 50) ? old + step : old - step;
}

/* What stands in another field of the same table: p_filesz = p_memsz, equal addresses... */
static uint64_t borrowed(struct maker *m)
{
	enum phdr_field field = (enum phdr_field)(P_OFFSET + below(&m->random, 6));

	return phdr_value(m, (int)below(&m->random, PHDRS), field);
}

static uint64_t anything(struct maker *m, uint64_t old, unsigned bits)
{
	switch (below(&m->random, 7)) {
	case 0:
	case 1:
		return some_boundary(m);
	case 2:
		return old ^ (uint64_t)1 << below(&m->random, bits);
	case 3:
		return near(m, old);
	case 4:
		return borrowed(m);
	case 5:
		return some_address(m);
	default:
		return random64(&m->random) >> below(&m->random, 64);
	}
}

uint64_t some_ehdr_value(struct maker *m, int field, uint64_t old)
{
	const char *name = ehdr_fields[field].name;
	unsigned bits = 8 * (unsigned)ehdr_fields[field].width;

	if (strcmp(name, "e_type") == 0)
		return chance(&m->random, 80) ? 2 + below(&m->random, 2)
					      : anything(m, old, bits);
	if (strcmp(name, "e_phnum") == 0 && chance(&m->random, 70))
		return below(&m->random, 40);
	if (strcmp(name, "e_phoff") == 0 && chance(&m->random, 60))
		return TABLE + (below(&m->random, 9) - 2) * sizeof(Elf64_Phdr) *
				       (chance(&m->random, 80) ? 1 : 8);
	if (strcmp(name, "e_entry") == 0 && chance(&m->random, 30))
		return borrowed(m) + below(&m->random, PAGE);
	if (strcmp(name, "e_machine") == 0 && chance(&m->random, 40))
		return chance(&m->random, 50) ? EM_386 : 6;
	return anything(m, old, bits);
}

static uint64_t some_type(struct maker *m, uint64_t old)
{
	static const uint64_t types[] = {PT_LOAD,    PT_LOAD,      PT_LOAD,      PT_INTERP,
					 PT_NULL,    PT_NOTE,      PT_TLS,       PT_PHDR,
					 PT_DYNAMIC, PT_GNU_STACK, PT_GNU_STACK, PT_GNU_RELRO,
					 0x6474e553, /* PT_GNU_PROPERTY */
					 0x70000000, 0x7fffffff};

	return chance(&m->random, 90) ? types[below(&m->random, COUNT(types))]
				      : anything(m, old, 32);
}

uint64_t some_phdr_value(struct maker *m, int phdr, enum phdr_field field)
{
	uint64_t old = phdr_value(m, phdr, field);

	switch (field) {
	case P_TYPE:
		return some_type(m, old);
	case P_FLAGS:
		return chance(&m->random, 80) ? below(&m->random, 8) : anything(m, old, 32);
	case P_ALIGN:
		return chance(&m->random, 60) ? (uint64_t)1 << below(&m->random, 64)
					      : anything(m, old, 64);
	case P_VADDR:
		return chance(&m->random, 50) ? some_address(m) : anything(m, old, 64);
	case P_OFFSET:
	case P_FILESZ:
	case P_MEMSZ:
		return chance(&m->random, 40) ? some_size(m) : anything(m, old, 64);
	default:
		return anything(m, old, 64);
	}
}
