/*
 * Copies on write, accounted for.
 *
 * The page tables say which pages are copies; the faults say which pages were copied. Each page
 * on which they differ is looked at again: some differences have a cause that is known.
 */
#include "account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- strips ---- */

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* All edges of all mappings at all looks, in order. NULL if there is no memory. */
static uint64_t *collect_edges(const struct segmap_evidence *e, size_t *count)
{
	size_t n = 0, total = 0;

	for (size_t i = 0; i < e->look_count; i++)
		total += e->looks[i].regions->count;
	uint64_t *edges = calloc(2 * total + 1, sizeof(*edges));
	if (!edges)
		return NULL;
	for (size_t i = 0; i < e->look_count; i++)
		for (size_t j = 0; j < e->looks[i].regions->count; j++) {
			edges[n++] = e->looks[i].regions->items[j].start;
			edges[n++] = e->looks[i].regions->items[j].end;
		}
	qsort(edges, n, sizeof(*edges), compare_addresses);
	*count = n;
	return edges;
}

/* The region of REGIONS that ADDR is in, from *AT on, which moves along: addresses only grow.
 */
static const struct segmap_region *advance(const struct segmap_regions *regions, size_t *at,
					   uint64_t addr)
{
	while (*at < regions->count && regions->items[*at].end <= addr)
		++*at;
	if (*at < regions->count && regions->items[*at].start <= addr)
		return &regions->items[*at];
	return NULL;
}

/* What STRIP was at each look. False if it was never mapped. */
static bool fill_strip(struct segmap_strip *strip, const struct segmap_evidence *e, size_t *at)
{
	bool mapped = false;

	for (size_t i = 0; i < e->look_count; i++) {
		const struct segmap_region *region =
			advance(e->looks[i].regions, &at[i], strip->start);

		strip->regions[i] = region;
		if (!region)
			continue;
		mapped = true;
		strip->kind = segmap_region_kind(region);
		strip->writable |= region->perms[1] == 'w';
	}
	return mapped;
}

static int make_strips(struct segmap_account *account, const struct segmap_evidence *e)
{
	size_t count, at[SEGMAP_LOOKS_MAX] = {0};
	uint64_t *edges = collect_edges(e, &count);

	if (!edges)
		return -ENOMEM;
	account->strips = calloc(count + 1, sizeof(*account->strips));
	for (size_t i = 0; account->strips && i + 1 < count; i++) {
		struct segmap_strip strip = {.start = edges[i], .end = edges[i + 1]};

		if (strip.start < strip.end && fill_strip(&strip, e, at))
			account->strips[account->strip_count++] = strip;
	}
	free(edges);
	return account->strips ? 0 : -ENOMEM;
}

const struct segmap_strip *account_find_strip(const struct segmap_account *account,
					      uint64_t addr)
{
	size_t low = 0, high = account->strip_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (account->strips[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < account->strip_count && account->strips[low].start <= addr
		       ? &account->strips[low]
		       : NULL;
}

/* ---- copies ---- */

bool segmap_is_copy(const struct segmap_look *look, const struct segmap_region *region,
		    uint64_t addr)
{
	enum segmap_page_state state = segmap_pages_state(look->pages, addr);

	return region && segmap_region_kind(region) == SEGMAP_KIND_FILE_PRIVATE &&
	       (state == SEGMAP_PAGE_COPY || state == SEGMAP_PAGE_SWAPPED);
}

/* The first look from which on ADDR was a copy without a break; it is one at the last. */
static size_t copied_by(const struct segmap_evidence *e, const struct segmap_strip *strip,
			uint64_t addr)
{
	size_t look = e->look_count - 1;

	while (look > 0 && segmap_is_copy(&e->looks[look - 1], strip->regions[look - 1], addr))
		look--;
	return look;
}

static size_t main_look(const struct segmap_evidence *e)
{
	size_t i = 0;

	while (i < e->look_count && !e->looks[i].at_main)
		i++;
	return i;
}

/* Of a page that is a copy at the first look and at the last: whether it is another one now. */
static bool is_renewed(const struct segmap_evidence *e, uint64_t addr,
		       const struct segmap_fault *fault)
{
	const struct segmap_page *then = segmap_pages_find(e->looks[0].pages, addr);
	const struct segmap_page *now =
		segmap_pages_find(e->looks[e->look_count - 1].pages, addr);

	return fault || (then && now && then->frame && now->frame && then->frame != now->frame);
}

/* Of a copy that is still the one of the first look, as far as is known. */
static enum segmap_cause first_cause(const struct segmap_evidence *e, uint64_t addr)
{
	const struct segmap_page *then = segmap_pages_find(e->looks[0].pages, addr);

	if (!e->forked)
		return SEGMAP_CAUSE_LOADER;
	return e->faults || (then && then->frame) ? SEGMAP_CAUSE_PARENT : SEGMAP_CAUSE_FORKED;
}

/* Of a copy that was made since the first look, and was there at LOOK. */
static enum segmap_cause later_cause(const struct segmap_evidence *e, size_t look,
				     const struct segmap_fault *fault)
{
	if (e->forked)
		return SEGMAP_CAUSE_PROGRAM;
	if (e->main == SEGMAP_MAIN_SEEN)
		return look <= main_look(e) ? SEGMAP_CAUSE_START : SEGMAP_CAUSE_PROGRAM;
	if (fault && !fault->kernel && fault->ip >= e->interp_start &&
	    fault->ip < e->interp_end)
		return SEGMAP_CAUSE_START;
	return e->main == SEGMAP_MAIN_NONE ? SEGMAP_CAUSE_PROGRAM : SEGMAP_CAUSE_ENTERED;
}

static int add_copy(struct segmap_account *account, const struct segmap_copy *copy)
{
	size_t n = account->copy_count;

	if ((n & (n - 1)) == 0) { /* full: its room is a power of two */
		struct segmap_copy *more =
			reallocarray(account->copies, n ? 2 * n : 1, sizeof(*account->copies));
		if (!more)
			return -ENOMEM;
		account->copies = more;
	}
	account->copies[account->copy_count++] = *copy;
	account->causes[copy->cause]++;
	return 0;
}

static struct segmap_copy judge_copy(const struct segmap_evidence *e,
				     const struct faulted *faulted,
				     const struct segmap_strip *strip, uint64_t addr)
{
	struct segmap_copy copy = {
		.addr = addr,
		.region = strip->regions[e->look_count - 1],
		.fault = faulted_find(faulted, addr),
	};
	size_t look = copied_by(e, strip, addr);

	copy.is_new = look > 0 || is_renewed(e, addr, copy.fault);
	/* A process that has forked copies its loader's pages again: they were its loader's. */
	copy.cause = look > 0 || (copy.is_new && e->forked) ? later_cause(e, look, copy.fault)
							    : first_cause(e, addr);
	return copy;
}

static int add_copies_of(struct segmap_account *account, const struct segmap_evidence *e,
			 const struct faulted *faulted, struct segmap_strip *strip)
{
	const struct segmap_look *last = &e->looks[e->look_count - 1];
	const struct segmap_region *region = strip->regions[e->look_count - 1];
	int r = 0;

	for (size_t i = segmap_pages_from(last->pages, strip->start);
	     r == 0 && i < last->pages->count && last->pages->items[i].addr < strip->end; i++) {
		uint64_t addr = last->pages->items[i].addr;

		if (!segmap_is_copy(last, region, addr))
			continue;
		struct segmap_copy copy = judge_copy(e, faulted, strip, addr);

		account->copied_pages += copy.is_new;
		strip->copies++;
		r = add_copy(account, &copy);
	}
	return r;
}

static int make_copies(struct segmap_account *account, const struct segmap_evidence *e,
		       const struct faulted *faulted)
{
	const uint64_t page_size = e->looks[0].pages->page_size;
	int r = 0;

	for (size_t i = 0; r == 0 && i < account->strip_count; i++) {
		struct segmap_strip *strip = &account->strips[i];

		r = add_copies_of(account, e, faulted, strip);
		if (strip->kind == SEGMAP_KIND_FILE_PRIVATE)
			account->data_pages += strip->writable
						       ? (strip->end - strip->start) / page_size
						       : strip->copies;
	}
	return r;
}

/* ---- the whole ---- */

int segmap_account(struct segmap_account *out, const struct segmap_evidence *evidence)
{
	struct segmap_account account = {0};
	struct faulted faulted = {0};
	int r = make_strips(&account, evidence);

	if (r == 0)
		r = faulted_make(&faulted, &account, evidence);
	if (r == 0)
		r = make_copies(&account, evidence, &faulted);
	if (r == 0)
		r = account_reconcile(&account, evidence, &faulted);
	faulted_free(&faulted);
	if (r == 0)
		*out = account;
	else
		segmap_account_free(&account);
	return r;
}

void segmap_account_free(struct segmap_account *account)
{
	free(account->strips);
	free(account->copies);
	free(account->differences);
	*account = (struct segmap_account){0};
}

const char *segmap_cause_name(enum segmap_cause cause)
{
	static const char *const names[SEGMAP_CAUSE_COUNT] = {
		[SEGMAP_CAUSE_LOADER] = "loader",   [SEGMAP_CAUSE_PARENT] = "parent",
		[SEGMAP_CAUSE_FORKED] = "forked",   [SEGMAP_CAUSE_START] = "start",
		[SEGMAP_CAUSE_PROGRAM] = "program", [SEGMAP_CAUSE_ENTERED] = "entered",
	};

	return names[cause];
}
