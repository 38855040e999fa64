/*
 * What is left of the plan's mappings when later ones have replaced earlier ones. The kernel
 * lets MAP_FIXED do this; a loader that has to put some of them elsewhere for a while must know
 * the outcome beforehand.
 */
#include <segmap/plan.h>

#include "checked.h"

#include <errno.h>
#include <stdlib.h>

struct pieces {
	struct segmap_mapping *list;
	size_t count;
	size_t room;
};

static bool push(struct pieces *p, const struct segmap_mapping *m)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		struct segmap_mapping *list = reallocarray(p->list, room, sizeof(*list));

		if (!list)
			return false;
		p->list = list;
		p->room = room;
	}
	p->list[p->count++] = *m;
	return true;
}

/* The part of M between the addresses FROM and TO, which lie inside it. */
static struct segmap_mapping part(const struct segmap_mapping *m, uint64_t from, uint64_t to)
{
	struct segmap_mapping n = *m;

	n.addr = from;
	n.length = to - from;
	n.reserve = 0;
	if (m->kind == SEGMAP_FILE_PRIVATE)
		n.offset += from - m->addr;
	if (from != m->addr)
		n.skew = 0;
	if (m->clear_length && (m->clear_addr < from || m->clear_addr >= to))
		n.clear_addr = n.clear_length = 0;
	return n;
}

/* Two mappings can only meet if they are of one object, or both have final addresses. */
static bool share_space(const struct segmap_plan *plan, const struct segmap_mapping *a,
			const struct segmap_mapping *b)
{
	return a->object == b->object ||
	       (plan->objects[a->object].place == SEGMAP_PLACE_FIXED &&
		plan->objects[b->object].place == SEGMAP_PLACE_FIXED);
}

/* Takes the range of M out of piece I; what is left over on its right becomes a new piece. */
static bool cut(struct pieces *p, size_t i, uint64_t from, uint64_t to)
{
	struct segmap_mapping old = p->list[i];
	uint64_t end = old.addr + old.length;
	struct segmap_mapping right;

	if (from <= old.addr)
		p->list[i].length = 0;
	else
		p->list[i] = part(&old, old.addr, from);
	if (to >= end)
		return true;
	right = part(&old, to, end);
	if (p->list[i].length == 0) {
		p->list[i] = right;
		return true;
	}
	return push(p, &right);
}

/* Addresses that are relative to a bias may lie around 0: while they are compared they are
 * moved to the middle of all numbers. */
static uint64_t shift_of(const struct segmap_plan *plan, const struct segmap_mapping *m)
{
	const struct segmap_object *o = &plan->objects[m->object];

	return o->place == SEGMAP_PLACE_FIXED ? 0 : (UINT64_C(1) << 63) - o->base;
}

static struct segmap_mapping shifted(const struct segmap_mapping *m, uint64_t shift)
{
	struct segmap_mapping n = *m;

	n.addr += shift;
	n.clear_addr += n.clear_length ? shift : 0;
	return n;
}

static bool lay_over(struct pieces *p, const struct segmap_plan *plan,
		     const struct segmap_mapping *m)
{
	uint64_t from = m->addr;
	uint64_t to = m->addr + max_u64(m->length, m->reserve);
	size_t before = p->count;
	struct segmap_mapping whole = part(m, m->addr, m->addr + m->length);

	for (size_t i = 0; i < before; i++) {
		const struct segmap_mapping *q = &p->list[i];

		if (q->length == 0 || !share_space(plan, q, m) || q->addr >= to ||
		    q->addr + q->length <= from)
			continue;
		if (!cut(p, i, from, to))
			return false;
	}
	return push(p, &whole);
}

static int compare(const void *a, const void *b)
{
	const struct segmap_mapping *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void drop_empty(struct pieces *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].length)
			p->list[kept++] = p->list[i];
	p->count = kept;
}

int segmap_plan_flatten(const struct segmap_plan *plan, struct segmap_mapping **pieces,
			size_t *count)
{
	struct pieces p = {0};

	for (size_t i = 0; i < plan->mapping_count; i++) {
		struct segmap_mapping m =
			shifted(&plan->mappings[i], shift_of(plan, &plan->mappings[i]));

		if (!lay_over(&p, plan, &m)) {
			free(p.list);
			return -ENOMEM;
		}
	}
	drop_empty(&p);
	if (p.count)
		qsort(p.list, p.count, sizeof(*p.list), compare);
	for (size_t i = 0; i < p.count; i++)
		p.list[i] = shifted(&p.list[i], -shift_of(plan, &p.list[i]));
	*pieces = p.list;
	*count = p.count;
	return 0;
}
