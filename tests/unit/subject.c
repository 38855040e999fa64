#include "subject.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void image_init(struct segmap_image *image, enum segmap_object_id role, uint16_t type,
		       const struct segmap_phdr *phdrs)
{
	size_t count = 0;

	while (count < HEADERS && phdrs[count].type != PT_NULL)
		count++;
	*image = (struct segmap_image){
		.role = role,
		.fd = -1,
		.file_size = 16 << 20,
		.ehdr = {.type = type, .phnum = (uint16_t)count},
		.phdrs = (struct segmap_phdr *)(uintptr_t)phdrs, /* only read */
		.phdr_count = count,
		.interp_index = -1,
		.property_index = -1,
	};
}

void subject_init(struct subject *s, uint16_t type, const struct segmap_phdr *phdrs,
		  uint64_t page)
{
	memset(s, 0, sizeof(*s));
	image_init(&s->images[SEGMAP_PROGRAM], SEGMAP_PROGRAM, type, phdrs);
	segmap_rules_for(&s->policy.rules, EM_X86_64, page); /* on whatever CPU it runs */
	s->policy.stack_start = STACK_START & ~(page - 1);
	s->policy.stack_end = STACK_END & ~(page - 1);
}

void subject_add_interp(struct subject *s, uint16_t type, const struct segmap_phdr *phdrs)
{
	static char path[] = "/ld.so";

	image_init(&s->images[SEGMAP_INTERPRETER], SEGMAP_INTERPRETER, type, phdrs);
	s->images[SEGMAP_PROGRAM].interp = path;
	s->has_interp = true;
}

int subject_plan(struct subject *s)
{
	struct segmap_plan *const untouched = (struct segmap_plan *)(void *)s;
	struct segmap_plan *plan = untouched;
	int r = segmap_plan_make(&plan, &s->images[SEGMAP_PROGRAM],
				 s->has_interp ? &s->images[SEGMAP_INTERPRETER] : NULL,
				 &s->policy, &s->err);

	if (r < 0)
		cr_expect(plan == untouched, "a refusal has changed the output");
	s->plan = r < 0 ? NULL : plan;
	return r;
}

void subject_clear(struct subject *s)
{
	segmap_plan_free(s->plan);
	s->plan = NULL;
}

static size_t add(char *text, size_t size, size_t used, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text + used, size - used, format, args);
	va_end(args);
	cr_assert(n >= 0 && (size_t)n < size - used, "the test's buffer is too small");
	return used + (size_t)n;
}

static size_t describe(const struct segmap_mapping *m, char *text, size_t size, size_t used)
{
	const char prot[] = {m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-',
			     m->prot & PROT_EXEC ? 'x' : '-', '\0'};
	bool file = m->kind == SEGMAP_FILE_PRIVATE;

	used = add(text, size, used, "%s %c%d %s %" PRIx64 "+%" PRIx64, file ? "file" : "anon",
		   m->object == SEGMAP_PROGRAM ? 'p' : 'i', m->index, prot, m->addr, m->length);
	if (file || m->offset)
		used = add(text, size, used, " @%" PRIx64, m->offset);
	if (m->skew)
		used = add(text, size, used, " skew %" PRIx64, m->skew);
	if (m->clear_addr || m->clear_length)
		used = add(text, size, used, " clear %" PRIx64 "+%" PRIx64, m->clear_addr,
			   m->clear_length);
	if (m->reserve)
		used = add(text, size, used, " reserve %" PRIx64, m->reserve);
	return add(text, size, used, "\n");
}

void describe_mappings(const struct segmap_mapping *list, size_t count, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used = describe(&list[i], text, size, used);
}

void describe_flat(const struct segmap_plan *plan, char *text, size_t size)
{
	struct segmap_mapping *pieces;
	size_t count;

	cr_assert_eq(segmap_plan_flatten(plan, &pieces, &count), 0);
	describe_mappings(pieces, count, text, size);
	free(pieces);
}
