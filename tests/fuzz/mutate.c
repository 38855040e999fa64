/* SPDX-License-Identifier: MIT */
/*
 * From a seed and a number to the edits of a case. Three kinds are made, about equally often: a
 * few fields set to anything; segments that are plausible and lie anywhere, so that it is the
 * mapping that is compared and not the first check that fails; and the two mixed.
 */
#include "mutate.h"

#include <string.h>

/* ---- random numbers: splitmix64 ---- */

uint64_t random64(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t below(struct random *r, uint64_t n)
{
	return random64(r) % n;
}

bool chance(struct random *r, unsigned percent)
{
	return below(r, 100) < percent;
}

/* ---- the case so far ---- */

static void add(struct maker *m, struct edit edit)
{
	struct fuzz_case *c = m->c;

	if (c->count == EDITS_MAX)
		return;
	edit.which = m->which;
	c->edits[c->count++] = edit;
	edit_apply(&m->file[m->which], &edit);
}

static void set_ehdr(struct maker *m, int field, uint64_t value)
{
	size_t width = ehdr_fields[field].width;

	if (width < 8)
		value &= ((uint64_t)1 << 8 * width) - 1;
	add(m, (struct edit){.kind = SET_EHDR, .field = field, .value = value});
}

static void set_phdr(struct maker *m, int phdr, enum phdr_field field, uint64_t value)
{
	if (phdr_fields[field].width < 8)
		value &= ((uint64_t)1 << 8 * phdr_fields[field].width) - 1;
	add(m,
	    (struct edit){.kind = SET_PHDR, .phdr = phdr, .field = (int)field, .value = value});
}

uint64_t phdr_value(const struct maker *m, int phdr, enum phdr_field field)
{
	struct edit e = {.kind = SET_PHDR, .phdr = phdr, .field = (int)field};

	return edit_get(&m->file[m->which], &e);
}

static bool is_load(const struct maker *m, int phdr)
{
	return phdr_value(m, phdr, P_TYPE) == PT_LOAD;
}

/* Most often a PT_LOAD, because little depends on the others. */
static int some_phdr(struct maker *m)
{
	int phdr = (int)below(&m->random, PHDRS);

	for (int tries = 0; tries < 12 && !is_load(m, phdr) && !chance(&m->random, 15); tries++)
		phdr = (int)below(&m->random, PHDRS);
	return phdr;
}

/* ---- one field set to anything ---- */

static void mutate_ehdr(struct maker *m)
{
	/* entry, phoff, phnum and type are the first; the others are seldom looked at */
	uint64_t count = chance(&m->random, 80) ? 4 : (uint64_t)ehdr_field_count;
	int field = (int)below(&m->random, count);
	struct edit e = {.kind = SET_EHDR, .field = field};
	uint64_t old = edit_get(&m->file[m->which], &e);

	set_ehdr(m, field, some_ehdr_value(m, field, old));
}

static void mutate_phdr(struct maker *m)
{
	int phdr = some_phdr(m);
	enum phdr_field field = (enum phdr_field)below(&m->random, P_FIELDS);

	if (field == P_PADDR || (field == P_TYPE && chance(&m->random, 50)))
		field = P_VADDR;
	set_phdr(m, phdr, field, some_phdr_value(m, phdr, field));
}

/* ---- segments that fit together ---- */

static void keep_congruent(struct maker *m, int phdr)
{
	uint64_t offset = phdr_value(m, phdr, P_OFFSET), vaddr = phdr_value(m, phdr, P_VADDR);

	if (chance(&m->random, 50))
		set_phdr(m, phdr, P_OFFSET, (offset & ~PAGE_MASK) | (vaddr & PAGE_MASK));
	else
		set_phdr(m, phdr, P_VADDR, (vaddr & ~PAGE_MASK) | (offset & PAGE_MASK));
}

static void mutate_segment(struct maker *m)
{
	int phdr = some_phdr(m);
	uint64_t size = m->file[m->which].size;

	if (!is_load(m, phdr))
		set_phdr(m, phdr, P_TYPE, PT_LOAD);
	if (chance(&m->random, 60))
		set_phdr(m, phdr, P_FLAGS, below(&m->random, 8));
	if (chance(&m->random, 70))
		set_phdr(m, phdr, P_VADDR, some_address(m));
	if (chance(&m->random, 50))
		set_phdr(m, phdr, P_OFFSET, below(&m->random, size + 0x2000));
	if (chance(&m->random, 50))
		set_phdr(m, phdr, P_FILESZ, chance(&m->random, 20) ? 0 : some_size(m));
	if (chance(&m->random, 80)) {
		uint64_t filesz = phdr_value(m, phdr, P_FILESZ);

		set_phdr(m, phdr, P_MEMSZ,
			 filesz + (chance(&m->random, 30) ? 0 : some_size(m)));
	}
	if (chance(&m->random, 30))
		set_phdr(m, phdr, P_ALIGN, (uint64_t)1 << below(&m->random, 64));
	if (chance(&m->random, 85))
		keep_congruent(m, phdr);
}

/* ---- the table ---- */

static void copy_header(struct maker *m)
{
	int from = some_phdr(m), to = (int)below(&m->random, PHDRS);

	for (enum phdr_field f = P_TYPE; f < P_FIELDS; f++)
		if (phdr_value(m, to, f) != phdr_value(m, from, f))
			set_phdr(m, to, f, phdr_value(m, from, f));
}

static void swap_headers(struct maker *m)
{
	add(m, (struct edit){
		       .kind = SWAP, .phdr = some_phdr(m), .value = below(&m->random, PHDRS)});
}

/* Away by any multiple of a page: the same segment somewhere else. */
static void move_segment(struct maker *m)
{
	int phdr = some_phdr(m);
	uint64_t vaddr = phdr_value(m, phdr, P_VADDR);

	set_phdr(m, phdr, P_VADDR, (some_address(m) & ~PAGE_MASK) | (vaddr & PAGE_MASK));
}

/* All of them: still a program that works, if its code does not mind. */
static void move_all(struct maker *m)
{
	uint64_t by = some_address(m) & ~PAGE_MASK;

	for (int i = 0; i < PHDRS; i++)
		if (is_load(m, i))
			set_phdr(m, i, P_VADDR, phdr_value(m, i, P_VADDR) + by);
	if (chance(&m->random, 70)) {
		struct edit e = {.kind = SET_EHDR, .field = 0};

		set_ehdr(m, 0, edit_get(&m->file[m->which], &e) + by);
	}
}

static void mutate_table(struct maker *m)
{
	switch (below(&m->random, 6)) {
	case 0:
		swap_headers(m);
		break;
	case 1:
		copy_header(m);
		break;
	case 2:
		set_phdr(m, some_phdr(m), P_TYPE, PT_NULL);
		break;
	case 3:
		move_all(m);
		break;
	default:
		move_segment(m);
		break;
	}
}

/* Last, because craft's other edits would write beyond a shorter end again. */
static void mutate_size(struct maker *m)
{
	uint64_t size = m->file[m->which].size, new;

	if (chance(&m->random, 50))
		new = below(&m->random, size + 1);
	else
		new = some_boundary(m);
	if (new < FILE_MAX &&new != size)
		add(m, (struct edit){.kind = RESIZE, .value = new});
}

static void mutate_file(struct maker *m, unsigned count)
{
	unsigned segments = (unsigned)below(&m->random, 3) * 40; /* percent: 0, 40, 80 */

	for (unsigned i = 0; i < count; i++) {
		if (chance(&m->random, segments))
			mutate_segment(m);
		else if (chance(&m->random, 20))
			mutate_table(m);
		else if (chance(&m->random, 30))
			mutate_ehdr(m);
		else
			mutate_phdr(m);
	}
	if (chance(&m->random, 6))
		mutate_size(m);
}

void mutate(struct fuzz_case *c, uint64_t seed, uint64_t number, const struct base *bases,
	    size_t count)
{
	static struct maker m;

	m.random.state = seed;
	m.random.state = random64(&m.random) ^ number;
	m.random.state = random64(&m.random);
	*c = (struct fuzz_case){.base = &bases[below(&m.random, count)], .number = number};
	m.c = c;
	case_build(c, NULL, m.file);
	unsigned total = 1 + (unsigned)(chance(&m.random, 70) ? below(&m.random, 4)
							      : below(&m.random, 9));
	unsigned interp = 0;
	if (c->base->name[INTERPRETER] && chance(&m.random, 60))
		interp = 1 + (unsigned)below(&m.random, total);
	for (enum which which = PROGRAM; which < FILES; which++) {
		m.which = which;
		if (which == PROGRAM || interp)
			mutate_file(&m, which == PROGRAM ? total - interp : interp);
	}
}
