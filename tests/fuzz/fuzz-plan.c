/* SPDX-License-Identifier: MIT */
/*
 * Program header tables through the planner. The input is not a file but a short description of
 * one or two tables, so that every mutation is a table; seeds.py writes the same language.
 */
#include "target.h"

#include <elf.h>
#include <string.h>

enum {
	TABLE_MAX = 12, /* headers */
	PROGRAM_IS_DYN = 1,
	INTERP = 2, /* there is one */
	INTERP_IS_DYN = 4,
	RANDOMIZE = 8,
	RANDOMIZE_BRK = 16,
	SMALL_FILE = 32, /* a file size follows; else it is 16 MiB */
	BIG_PAGES = 64,
};

/* A number, in the forms that reach limits and neighbours: the first byte says which. */
static uint64_t take_number(struct input *in, const struct segmap_phdr *before, uint64_t page)
{
	static const uint64_t limits[] = {0x7ffffffff000, 0x800000000000, 1ULL << 63,
					  0x555555554000, 0};
	uint64_t form = input_take(in, 1);

	switch (form) {
	case 9:
		return input_take(in, 1) * page;
	case 10:
		return input_take(in, 1) * page + input_take(in, 2);
	case 11: /* near where the header before ends or begins */
		return before->vaddr + before->memsz + (uint64_t)(int8_t)input_take(in, 1);
	case 12:
		return before->vaddr + input_take(in, 2);
	case 13:
		return before->offset + before->filesz + (uint64_t)(int8_t)input_take(in, 1);
	case 14:
		return UINT64_C(1) << input_take(in, 1) % 64;
	case 15:
		return limits[input_take(in, 1) % 5] + (uint64_t)(int16_t)input_take(in, 2);
	default:
		return input_take(in, form % 9);
	}
}

static void take_header(struct input *in, struct segmap_phdr *p,
			const struct segmap_phdr *before, uint64_t page)
{
	static const uint32_t types[] = {PT_LOAD, PT_NULL, PT_DYNAMIC,   PT_INTERP,   PT_NOTE,
					 PT_PHDR, PT_TLS,  PT_GNU_STACK, PT_GNU_RELRO};
	uint64_t what = input_take(in, 1); /* the type and the flags */

	p->type = types[(what >> 3) % (sizeof(types) / sizeof(types[0]))];
	p->flags = what & 7;
	p->offset = take_number(in, before, page);
	p->vaddr = take_number(in, before, page);
	p->filesz = take_number(in, before, page);
	p->memsz = take_number(in, before, page);
	p->align = take_number(in, before, page);
}

static void take_image(struct input *in, struct segmap_image *image, struct segmap_phdr *table,
		       bool dyn, uint64_t page)
{
	const struct segmap_phdr none = {0};

	image->fd = -1;
	image->interp_index = image->property_index = -1;
	image->phdrs = table;
	image->phdr_count = input_take(in, 1) % (TABLE_MAX + 1);
	image->ehdr.type = dyn ? ET_DYN : ET_EXEC;
	image->ehdr.phnum = (uint16_t)image->phdr_count;
	image->ehdr.phoff = take_number(in, &none, page);
	image->ehdr.entry = take_number(in, &none, page);
	image->file_size = 16 << 20;
	for (size_t i = 0; i < image->phdr_count; i++) {
		take_header(in, &table[i], i ? &table[i - 1] : &none, page);
		if (table[i].type == PT_GNU_STACK)
			image->stack_request =
				table[i].flags & PF_X ? SEGMAP_STACK_EXEC : SEGMAP_STACK_NOEXEC;
	}
}

static void take_policy(struct input *in, struct segmap_policy *policy, uint64_t flags,
			uint64_t page)
{
	static const char *const kernels[] = {"6.18", "6.12", "6.1", "5.10", "4.19"};
	uint64_t stack = (UINT64_C(33) << 12) / page * page + page;

	segmap_rules_native(&policy->rules, page);
	MUST(segmap_rules_set_kernel(&policy->rules, kernels[input_take(in, 1) % 5]) == 0);
	policy->randomize = flags & RANDOMIZE;
	policy->randomize_brk = policy->randomize && (flags & RANDOMIZE_BRK);
	policy->random[0] = policy->randomize ? input_take(in, 8) : 0;
	policy->random[1] = policy->randomize_brk ? input_take(in, 8) : 0;
	policy->stack_end = policy->rules.stack_top_max;
	policy->stack_start = policy->stack_end - stack;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segmap_image images[2] = {{.role = SEGMAP_PROGRAM},
					 {.role = SEGMAP_INTERPRETER}};
	struct segmap_phdr tables[2][TABLE_MAX];
	char path[] = "/interpreter";
	struct input in = {data, size};
	struct segmap_policy policy = {0};
	uint64_t flags = input_take(&in, 1);
	uint64_t page = flags & BIG_PAGES ? 65536 : 4096;

	memset(tables, 0, sizeof(tables));
	take_policy(&in, &policy, flags, page);
	take_image(&in, &images[0], tables[0], flags & PROGRAM_IS_DYN, page);
	if (flags & INTERP) {
		images[0].interp = path;
		take_image(&in, &images[1], tables[1], flags & INTERP_IS_DYN, page);
	}
	if (flags & SMALL_FILE)
		images[0].file_size = images[1].file_size = input_take(&in, 4);
	check_plan(&images[0], flags & INTERP ? &images[1] : NULL, &policy);
	return 0;
}
