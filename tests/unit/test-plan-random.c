/*
 * What must hold for every plan, whatever the program headers: tried with random ones, the same
 * in every run. SEGMAP_SEED=0x... in the environment tries others. With --tap Criterion drops
 * what a test prints, so each failure's message begins with the seed and the table.
 */
#include "random-case.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CASES = 40000,
	PLANS_WANTED = 10000, /* accepted and small enough to be painted */
	TEXT = 32768,
};

#define DEFAULT_SEED 0x5e97ab1e0ddba11

static char row[TEXT];

static uint64_t seed(void)
{
	const char *wanted = getenv("SEGMAP_SEED");

	return wanted ? strtoull(wanted, NULL, 0) : DEFAULT_SEED;
}

static void describe_row(const struct random_case *c, int number)
{
	int n = snprintf(row, sizeof(row), "SEGMAP_SEED=%#" PRIx64 ", table %d, ", seed(),
			 number);

	random_case_describe(c, row + n, sizeof(row) - (size_t)n);
}

static bool aligned(uint64_t value, uint64_t page)
{
	return value % page == 0;
}

/* The clearing of bss's beginning stays in the last page of its mapping. */
static bool clear_is_inside(const struct segmap_mapping *m, uint64_t page)
{
	uint64_t end = m->addr + m->length;

	if (m->clear_length == 0)
		return m->clear_addr == 0;
	return m->kind == SEGMAP_FILE_PRIVATE && m->clear_addr + m->clear_length == end &&
	       m->clear_length < page;
}

static void check_mapping(const struct random_case *c, const struct segmap_mapping *m)
{
	const struct segmap_policy *policy = &c->s.policy;
	const struct segmap_object *o = &c->s.plan->objects[m->object];
	uint64_t page = policy->rules.page_size;
	uint64_t end = m->addr + m->length;

	cr_assert(m->length && aligned(m->addr, page) && aligned(m->length, page) &&
			  aligned(m->offset, page) && aligned(m->reserve, page) &&
			  m->skew < page,
		  "not whole pages:\n%s", row);
	cr_assert(clear_is_inside(m, page), "clears outside its last page:\n%s", row);
	if (o->place == SEGMAP_PLACE_FIXED)
		cr_assert(end > m->addr && end <= policy->rules.task_size,
			  "outside the address space:\n%s", row);
	if (o->place == SEGMAP_PLACE_FIXED && m->kind == SEGMAP_FILE_PRIVATE)
		cr_assert(end <= policy->stack_start || m->addr >= policy->stack_end,
			  "file bytes on the stack:\n%s", row);
	cr_assert(m->object == SEGMAP_PROGRAM || c->s.has_interp);
	cr_assert_eq(c->phdrs[m->object][m->index].type, PT_LOAD, "%s", row);
	if (m->index == 0 && o->place == SEGMAP_PLACE_SEARCH && m->kind == SEGMAP_FILE_PRIVATE)
		cr_assert_geq(m->reserve, m->length, "reserves less than it maps:\n%s", row);
}

static bool is_part_of(const struct segmap_mapping *piece, const struct segmap_mapping *m)
{
	uint64_t from = piece->addr - m->addr; /* wraps where M does */
	bool inside = from < m->length && piece->length <= m->length - from;

	return inside && piece->kind == m->kind && piece->object == m->object &&
	       piece->index == m->index && piece->prot == m->prot && piece->reserve == 0 &&
	       (m->kind == SEGMAP_ANON_PRIVATE ? piece->offset == 0
					       : piece->offset - m->offset == from);
}

static void check_piece(const struct segmap_plan *plan, const struct segmap_mapping *piece)
{
	size_t i = 0;

	while (i < plan->mapping_count && !is_part_of(piece, &plan->mappings[i]))
		i++;
	cr_assert_lt(i, plan->mapping_count, "a piece of no mapping:\n%s", row);
}

static const struct page *find_page(const struct page_model *model, int space, uint64_t addr)
{
	for (size_t i = 0; i < model->count; i++)
		if (model->page[i].addr == addr && model->page[i].space == space)
			return &model->page[i];
	return NULL;
}

/* Each page of PIECE is what the model says; returns how many there are. */
static size_t compare_piece(const struct random_case *c, const struct page_model *model,
			    const struct segmap_mapping *piece)
{
	const struct segmap_plan *plan = c->s.plan;
	bool fixed = plan->objects[piece->object].place == SEGMAP_PLACE_FIXED;
	uint64_t size = plan->rules.page_size;
	size_t pages = 0;

	for (uint64_t at = 0; at < piece->length; at += size, pages++) {
		bool last = at + size == piece->length;
		bool file = piece->kind == SEGMAP_FILE_PRIVATE;
		uint64_t addr = piece->addr + at;
		const struct page *p = find_page(model, fixed ? -1 : (int)piece->object, addr);

		cr_assert(p, "%#" PRIx64 " should be empty:\n%s", addr, row);
		cr_assert(p->file == file && p->object == (int)piece->object &&
				  p->index == piece->index && p->prot == piece->prot &&
				  p->offset == (file ? piece->offset + at : 0) &&
				  p->clear == (last ? piece->clear_length : 0),
			  "%#" PRIx64 " should be another page:\n%s", addr, row);
	}
	return pages;
}

static bool compare_with_model(const struct random_case *c, const struct segmap_mapping *pieces,
			       size_t count)
{
	static struct page_model model;
	size_t pages = 0;

	if (!page_model_paint(&model, c))
		return false;
	for (size_t i = 0; i < count; i++)
		pages += compare_piece(c, &model, &pieces[i]);
	cr_assert_eq(pages, model.count, "%zu pages, should be %zu:\n%s", pages, model.count,
		     row);
	return true;
}

static bool check_flat(const struct random_case *c)
{
	const struct segmap_plan *plan = c->s.plan;
	struct segmap_mapping *pieces;
	size_t count;

	cr_assert_eq(segmap_plan_flatten(plan, &pieces, &count), 0);
	for (size_t i = 0; i < count; i++) {
		check_piece(plan, &pieces[i]);
		cr_assert(clear_is_inside(&pieces[i], plan->rules.page_size), "%s", row);
		if (i && pieces[i].object == pieces[i - 1].object)
			cr_assert(pieces[i].addr - pieces[i - 1].addr >= pieces[i - 1].length &&
					  pieces[i].addr > pieces[i - 1].addr,
				  "pieces overlap, or are not sorted:\n%s", row);
		cr_assert(!i || pieces[i].object >= pieces[i - 1].object, "%s", row);
	}
	bool compared = compare_with_model(c, pieces, count);
	free(pieces);
	return compared;
}

/* Planning C once more gives the same. */
static void check_repeatable(struct random_case *c)
{
	static char one[TEXT], two[TEXT];
	struct segmap_plan *first = c->s.plan;

	cr_assert_eq(subject_plan(&c->s), 0);
	struct segmap_plan *second = c->s.plan;
	describe_mappings(first->mappings, first->mapping_count, one, sizeof(one));
	describe_mappings(second->mappings, second->mapping_count, two, sizeof(two));
	cr_assert_str_eq(one, two, "two plans for one input:\n%s", row);
	struct segmap_plan a = *first, b = *second;
	a.mappings = b.mappings = NULL;
	cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0, "two plans for one input:\n%s", row);
	segmap_plan_free(first);
}

static void check_refusal(const struct random_case *c, int r)
{
	const struct segmap_error *err = &c->s.err;
	struct segmap_error_text text;

	cr_assert(err->reason > SEGMAP_REASON_NONE && err->reason < SEGMAP_REASON_COUNT, "%s",
		  row);
	cr_assert(err->verdict == SEGMAP_VERDICT_KILLS ||
			  err->verdict == SEGMAP_VERDICT_UNSUPPORTED,
		  "%s", row);
	cr_assert_eq(err->errnum, -r, "%s", row);
	cr_assert(err->index >= -1 && err->index < HEADERS, "index %d:\n%s", err->index, row);
	if (err->index >= 0)
		cr_assert_eq(c->phdrs[err->object][err->index].type, PT_LOAD,
			     "%s of a header that is no PT_LOAD:\n%s",
			     segmap_reason_name(err->reason), row);
	segmap_error_describe(err, &text);
	cr_assert(text.cause[0] && !strchr(text.cause, '{'), "%s", row);
}

Test(plan_random, invariants, .timeout = 600)
{
	static struct random_case c;
	struct random_source random = {seed()};
	size_t compared = 0, refused = 0;

	for (int i = 0; i < CASES; i++) {
		random_case_make(&c, &random);
		describe_row(&c, i);
		int r = subject_plan(&c.s);
		if (r < 0) {
			check_refusal(&c, r);
			refused++;
			continue;
		}
		for (size_t m = 0; m < c.s.plan->mapping_count; m++)
			check_mapping(&c, &c.s.plan->mappings[m]);
		compared += check_flat(&c);
		check_repeatable(&c);
		subject_clear(&c.s);
	}
	cr_log_info("seed %#" PRIx64 ": %d tables, %zu refused, %zu painted", seed(), CASES,
		    refused, compared);
	cr_assert(compared >= PLANS_WANTED && refused >= CASES / 20,
		  "too few to mean something: %zu painted, %zu refused", compared, refused);
}
