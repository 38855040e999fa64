/* SPDX-License-Identifier: MIT */
/* What must hold for every plan and every refusal. */
#include "target.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

uint64_t input_take(struct input *input, size_t width)
{
	uint64_t number = 0;

	for (size_t i = 0; i < width && input->size; i++) {
		number |= (uint64_t)*input->data++ << 8 * i;
		input->size--;
	}
	return number;
}

void check_refusal(int r, const struct segmap_error *err)
{
	struct segmap_error_text text;
	char all[2048];

	MUST(r < 0);
	MUST(err->errnum == -r);
	MUST(err->reason > SEGMAP_REASON_NONE && err->reason < SEGMAP_REASON_COUNT);
	MUST(segmap_reason_name(err->reason)[0]);
	MUST(segmap_verdict_name(err->verdict)[0]);
	segmap_error_describe(err, &text);
	MUST(text.cause[0] && !strchr(text.cause, '{') && !strchr(text.evidence, '{'));
	segmap_error_format(err, all, sizeof(all));
	MUST(all[0] && strlen(all) < sizeof(all) - 1);
}

static int first_load(const struct segmap_image *image)
{
	size_t i = 0;

	while (i < image->phdr_count && image->phdrs[i].type != PT_LOAD)
		i++;
	return (int)i;
}

/* FIRST is the object's first PT_LOAD: that replaces nothing, so not the stack either. */
static void check_mapping(const struct segmap_plan *plan, const struct segmap_policy *policy,
			  const struct segmap_mapping *m, int first)
{
	const struct segmap_object *o = &plan->objects[m->object];
	uint64_t page = policy->rules.page_size, end = m->addr + m->length;

	MUST(m->length && m->object < plan->object_count);
	MUST((m->addr | m->length | m->offset | m->reserve) % page == 0);
	MUST(m->skew < page);
	MUST(m->offset + m->length >= m->offset && m->offset + m->length <= INT64_MAX);
	if (m->clear_length) {
		uint64_t left = end - m->clear_addr; /* to the end of the last page */

		MUST(m->kind == SEGMAP_FILE_PRIVATE && left < page);
		MUST(m->clear_length == left ||
		     (m->clear_length < left && policy->rules.program_bss_joined));
	}
	if (o->place == SEGMAP_PLACE_FIXED)
		MUST(end > m->addr && end <= policy->rules.task_size);
	if (m->index == first && o->place == SEGMAP_PLACE_FIXED && o->noreplace &&
	    m->kind == SEGMAP_FILE_PRIVATE)
		MUST(end <= policy->stack_start || m->addr >= policy->stack_end);
}

/* A piece is what is left of one of the mappings. */
static bool is_part_of(const struct segmap_mapping *piece, const struct segmap_mapping *m)
{
	uint64_t from = piece->addr - m->addr; /* wraps where M does */
	bool inside = from < m->length && piece->length <= m->length - from;

	return inside && piece->kind == m->kind && piece->object == m->object &&
	       piece->index == m->index && piece->prot == m->prot && piece->reserve == 0 &&
	       (m->kind == SEGMAP_ANON_PRIVATE || piece->offset - m->offset == from);
}

static void check_piece(const struct segmap_plan *plan, const struct segmap_mapping *piece)
{
	size_t i = 0;

	while (i < plan->mapping_count && !is_part_of(piece, &plan->mappings[i]))
		i++;
	MUST(i < plan->mapping_count);
}

/* Addresses of an object that mmap is to place are relative, and may lie around 0: what counts
 * is the distance from the one before. */
static void check_order(const struct segmap_mapping *before, const struct segmap_mapping *m)
{
	MUST(before->object <= m->object);
	if (before->object == m->object)
		MUST(m->addr - before->addr >= before->length &&
		     (int64_t)(m->addr - before->addr) > 0);
}

/* Objects that are at their final addresses share these; so then may two pieces not meet that
 * belong to different objects. */
static void check_apart(const struct segmap_plan *plan, const struct segmap_mapping *pieces,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++) {
			const struct segmap_mapping *a = &pieces[i], *b = &pieces[j];

			if (a->object == b->object ||
			    plan->objects[0].place != SEGMAP_PLACE_FIXED ||
			    plan->objects[1].place != SEGMAP_PLACE_FIXED)
				continue;
			MUST(a->addr + a->length <= b->addr || b->addr + b->length <= a->addr);
		}
}

static void check_flat(const struct segmap_plan *plan)
{
	struct segmap_mapping *pieces = NULL;
	size_t count = 0;

	MUST(segmap_plan_flatten(plan, &pieces, &count) == 0);
	for (size_t i = 0; i < count; i++) {
		check_piece(plan, &pieces[i]);
		if (i)
			check_order(&pieces[i - 1], &pieces[i]);
	}
	check_apart(plan, pieces, count);
	free(pieces);
}

static bool same_mapping(const struct segmap_mapping *a, const struct segmap_mapping *b)
{
	return a->kind == b->kind && a->object == b->object && a->index == b->index &&
	       a->prot == b->prot && a->addr == b->addr && a->length == b->length &&
	       a->offset == b->offset && a->skew == b->skew && a->clear_addr == b->clear_addr &&
	       a->clear_length == b->clear_length && a->reserve == b->reserve;
}

static void check_same(const struct segmap_plan *one, const struct segmap_plan *two)
{
	struct segmap_plan a = *one, b = *two;

	MUST(a.mapping_count == b.mapping_count);
	for (size_t i = 0; i < a.mapping_count; i++)
		MUST(same_mapping(&a.mappings[i], &b.mappings[i]));
	a.mappings = b.mappings = NULL;
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
}

/* Objects that are left to mmap get a place. */
static void settle(struct segmap_plan *plan, uint64_t page)
{
	for (size_t i = 0; i < plan->object_count; i++)
		if (plan->objects[i].place == SEGMAP_PLACE_SEARCH)
			segmap_plan_settle(plan, (enum segmap_object_id)i, 16 * page);
	for (size_t i = 0; i < plan->object_count; i++)
		MUST(plan->objects[i].place == SEGMAP_PLACE_FIXED);
}

void check_plan(const struct segmap_image *program, const struct segmap_image *interp,
		const struct segmap_policy *policy)
{
	struct segmap_plan *plan = NULL, *again = NULL;
	struct segmap_error err = {0}, other = {0};
	int r = segmap_plan_make(&plan, program, interp, policy, &err);

	MUST(segmap_plan_make(&again, program, interp, policy, &other) == r);
	MUST((r == 0) == (plan != NULL) && (r == 0) == (again != NULL));
	if (r != 0) {
		check_refusal(r, &err);
		MUST(err.reason == other.reason && err.index == other.index &&
		     memcmp(err.value, other.value, sizeof(err.value)) == 0);
		return;
	}
	for (size_t i = 0; i < plan->mapping_count; i++) {
		const struct segmap_mapping *m = &plan->mappings[i];

		check_mapping(plan, policy, m,
			      first_load(m->object == SEGMAP_PROGRAM ? program : interp));
	}
	check_same(plan, again);
	check_flat(plan);
	settle(again, policy->rules.page_size);
	segmap_plan_free(again);
	segmap_plan_free(plan);
}
