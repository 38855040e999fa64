#include "random-case.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

uint64_t random_next(struct random_source *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1d;
}

uint64_t random_below(struct random_source *random, uint64_t limit)
{
	return random_next(random) % limit;
}

static bool one_in(struct random_source *random, uint64_t n)
{
	return random_below(random, n) == 0;
}

/* A number of the kind that finds mistakes: around powers of two and the known limits. */
static uint64_t wild_number(struct random_source *random)
{
	static const uint64_t base[] = {0, 0x7ffffffff000, 0x800000000000, 0x7fffffffffffe000,
					0x8000000000000000};

	if (one_in(random, 3))
		return random_next(random) >> random_below(random, 64);
	uint64_t near = base[random_below(random, 5)];
	return near + random_below(random, 0x6000) - 0x3000;
}

static void make_wild(struct segmap_phdr *p, struct random_source *random)
{
	uint64_t *field[] = {&p->offset, &p->vaddr, &p->filesz, &p->memsz, &p->align};

	*field[random_below(random, 5)] = wild_number(random);
	if (one_in(random, 3))
		*field[random_below(random, 5)] = wild_number(random);
}

/* One random number for each statement: what is in one initializer comes in any order. */
static void make_load(struct segmap_phdr *p, struct random_source *random, uint64_t page,
		      uint64_t base)
{
	uint64_t skew = one_in(random, 2) ? 0 : random_below(random, page);

	p->type = PT_LOAD;
	p->flags = (uint32_t)random_below(random, 8);
	p->vaddr = base + random_below(random, 24) * page + skew;
	p->offset = random_below(random, 16) * page + skew;
	p->filesz = one_in(random, 5) ? 0 : random_below(random, 4 * page);
	if (one_in(random, 4))
		p->filesz &= ~(page - 1);
	p->memsz = p->filesz;
	p->memsz += one_in(random, 2) ? 0 : random_below(random, 4 * page);
	p->align = (uint64_t)1 << random_below(random, 23);
	if (one_in(random, 40))
		p->offset++; /* incongruent */
	if (one_in(random, 60))
		make_wild(p, random);
}

static void make_table(struct segmap_phdr *table, struct random_source *random, uint64_t page,
		       uint64_t base)
{
	static const uint32_t other[] = {PT_NOTE, PT_TLS, PT_GNU_STACK, PT_PHDR, PT_LOPROC};
	uint64_t count = random_below(random, HEADERS + 1);

	memset(table, 0, HEADERS * sizeof(*table));
	for (uint64_t i = 0; i < count; i++) {
		make_load(&table[i], random, page, base);
		if (one_in(random, 6))
			table[i].type = other[random_below(random, 5)];
	}
}

void random_case_make(struct random_case *c, struct random_source *random)
{
	static const uint64_t page_size[] = {4096, 4096, 16384, 65536};
	uint64_t page = page_size[random_below(random, 4)];
	struct subject *s = &c->s;

	uint64_t base[2] = {64 * page, 72 * page};
	for (int id = 0; id < 2; id++)
		make_table(c->phdrs[id], random, page, one_in(random, 3) ? 0 : base[id]);
	subject_init(s, one_in(random, 2) ? ET_EXEC : ET_DYN, c->phdrs[0], page);
	if (one_in(random, 2))
		subject_add_interp(s, one_in(random, 2) ? ET_EXEC : ET_DYN, c->phdrs[1]);
	for (int id = 0; id < 2; id++) {
		s->images[id].ehdr.entry = c->phdrs[id][0].vaddr;
		s->images[id].ehdr.phoff = random_below(random, 4 * page);
		if (one_in(random, 8))
			s->images[id].file_size = random_below(random, 16 * page);
	}
	s->policy.randomize = one_in(random, 2);
	s->policy.randomize_brk = s->policy.randomize && one_in(random, 2);
	s->policy.random[0] = random_next(random);
	s->policy.random[1] = random_next(random);
}

static size_t add_table(char *text, size_t size, size_t used, const struct segmap_phdr *p)
{
	for (int i = 0; i < HEADERS && p[i].type; i++) {
		int n = snprintf(text + used, size - used,
				 "  HEADER(%#x, %#x, %#" PRIx64 ", %#" PRIx64 ", %#" PRIx64
				 ", %#" PRIx64 ", %#" PRIx64 ")\n",
				 p[i].type, p[i].flags, p[i].offset, p[i].vaddr, p[i].filesz,
				 p[i].memsz, p[i].align);
		cr_assert(n > 0 && (size_t)n < size - used);
		used += (size_t)n;
	}
	return used;
}

void random_case_describe(const struct random_case *c, char *text, size_t size)
{
	const struct subject *s = &c->s;
	size_t used = (size_t)snprintf(
		text, size, "page %" PRIu64 ", program e_type %d, %" PRIu64 " bytes\n",
		s->policy.rules.page_size, s->images[0].ehdr.type, s->images[0].file_size);

	used = add_table(text, size, used, c->phdrs[0]);
	if (!s->has_interp)
		return;
	used += (size_t)snprintf(text + used, size - used,
				 "interpreter e_type %d, %" PRIu64 " bytes\n",
				 s->images[1].ehdr.type, s->images[1].file_size);
	add_table(text, size, used, c->phdrs[1]);
}

/* Addresses wrap: those of an interpreter are relative till mmap has placed it. */
static void erase(struct page_model *model, int space, uint64_t from, uint64_t length)
{
	size_t kept = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct page *p = &model->page[i];

		if (p->space != space || p->addr - from >= length)
			model->page[kept++] = *p;
	}
	model->count = kept;
}

static bool put(struct page_model *model, const struct page *page, uint64_t size)
{
	erase(model, page->space, page->addr, size);
	if (model->count == PAGES_MAX)
		return false;
	model->page[model->count++] = *page;
	return true;
}

/* One PT_LOAD, a page at a time: each page that holds a byte of the file's part is the file's,
 * each further page that holds a byte of the memory's is empty. */
static bool paint_segment(struct page_model *model, const struct segmap_phdr *p,
			  struct page like, uint64_t start, uint64_t size)
{
	uint64_t skew = start % size;
	uint64_t file_end = p->filesz ? skew + p->filesz : 0; /* from the first page's start */
	uint64_t mem_end = p->memsz ? skew + p->memsz : 0;

	for (uint64_t at = 0; at < mem_end; at += size) {
		like.addr = start - skew + at;
		like.file = at < file_end;
		like.prot = (p->flags & PF_X ? PROT_EXEC : 0) | PROT_READ | PROT_WRITE;
		like.offset = like.clear = 0;
		if (like.file) {
			like.prot = (p->flags & PF_X ? PROT_EXEC : 0) |
				    (p->flags & PF_W ? PROT_WRITE : 0) |
				    (p->flags & PF_R ? PROT_READ : 0);
			like.offset = p->offset - skew + at;
		}
		if (like.file && p->flags & PF_W && mem_end > file_end && at + size > file_end)
			like.clear = at + size - file_end;
		if (!put(model, &like, size))
			return false;
	}
	return true;
}

static bool paint_object(struct page_model *model, const struct random_case *c, int id)
{
	const struct segmap_object *o = &c->s.plan->objects[id];
	uint64_t size = c->s.policy.rules.page_size;
	struct page like = {.space = o->place == SEGMAP_PLACE_FIXED ? -1 : id, .object = id};
	bool first = true;

	for (int i = 0; i < HEADERS && c->phdrs[id][i].type; i++) {
		const struct segmap_phdr *p = &c->phdrs[id][i];
		uint64_t start = p->vaddr + o->bias;

		if (p->type != PT_LOAD)
			continue;
		if (p->memsz / size > PAGES_MAX / 2)
			return false;
		if (first && p->filesz) /* mapped for the whole span, then cut to size */
			erase(model, like.space, start / size * size,
			      (o->span + size - 1) / size * size);
		first = false;
		like.index = i;
		if (!paint_segment(model, p, like, start, size))
			return false;
	}
	return true;
}

bool page_model_paint(struct page_model *model, const struct random_case *c)
{
	model->count = 0;
	for (int id = 0; id < (int)c->s.plan->object_count; id++)
		if (!paint_object(model, c, id))
			return false;
	return true;
}
