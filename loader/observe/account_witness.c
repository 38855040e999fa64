/* The faults as a witness for copies, and where they differ from the page tables. */
#include "account.h"

#include <errno.h>
#include <stdlib.h>

/* ---- which pages were copied ---- */

static bool is_copying(const struct segmap_fault *fault)
{
	return fault->class == SEGMAP_FAULT_COPY_FIRST_WRITE ||
	       fault->class == SEGMAP_FAULT_COPY_AFTER_READ ||
	       fault->class == SEGMAP_FAULT_COPY_AFTER_FORK;
}

/* Worth being looked at: one that copies, or of which it is not known what it did. */
static bool may_copy(const struct segmap_fault *fault)
{
	return is_copying(fault) || fault->class == SEGMAP_FAULT_UNCLASSIFIED;
}

/* A copy after a fork may also be one of anonymous memory: only some look can tell. A page that
 * no look has seen mapped is taken by the fault's class alone. */
static bool is_of_private_file(const struct segmap_account *account,
			       const struct segmap_evidence *e, const struct segmap_fault *f)
{
	const struct segmap_strip *strip = account_find_strip(account, f->addr);

	for (size_t i = 0; strip && i < e->look_count; i++)
		if (strip->regions[i] &&
		    segmap_region_kind(strip->regions[i]) == SEGMAP_KIND_FILE_PRIVATE)
			return true;
	return !strip && is_copying(f) && f->class != SEGMAP_FAULT_COPY_AFTER_FORK;
}

/* By page, and the last in time first. */
static int compare_faults(const void *a, const void *b)
{
	const struct segmap_fault *x = *(const struct segmap_fault *const *)a;
	const struct segmap_fault *y = *(const struct segmap_fault *const *)b;

	if (x->addr != y->addr)
		return x->addr > y->addr ? 1 : -1;
	return (y->time > x->time) - (y->time < x->time);
}

static uint64_t page_of(const struct faulted *faulted, uint64_t addr)
{
	return addr - addr % faulted->page_size;
}

/* Whether F says more of a page than OTHER does: it copies, or both do and it was later. */
static bool is_better(const struct segmap_fault *f, const struct segmap_fault *other)
{
	if (is_copying(f) != is_copying(other))
		return is_copying(f);
	return f->time > other->time;
}

/* Leaves one fault for each page: its last. The faults come sorted by address. */
static void keep_last(struct faulted *faulted)
{
	size_t kept = 0;

	for (size_t i = 0; i < faulted->count; i++) {
		const struct segmap_fault *f = faulted->items[i];
		const struct segmap_fault **last = kept ? &faulted->items[kept - 1] : NULL;

		if (!last || page_of(faulted, (*last)->addr) != page_of(faulted, f->addr))
			faulted->items[kept++] = f;
		else if (is_better(f, *last))
			*last = f;
	}
	faulted->count = kept;
}

int faulted_make(struct faulted *faulted, const struct segmap_account *account,
		 const struct segmap_evidence *e)
{
	const struct segmap_faults *faults = e->faults;

	*faulted = (struct faulted){.page_size = e->looks[0].pages->page_size};
	if (!faults || faults->count == 0)
		return 0;
	faulted->items = calloc(faults->count, sizeof(const struct segmap_fault *));
	if (!faulted->items)
		return -ENOMEM;
	for (size_t i = 0; i < faults->count; i++) {
		const struct segmap_fault *f = &faults->items[i];

		if (f->pid == e->pid && may_copy(f) && is_of_private_file(account, e, f))
			faulted->items[faulted->count++] = f;
	}
	qsort(faulted->items, faulted->count, sizeof(const struct segmap_fault *),
	      compare_faults);
	keep_last(faulted);
	return 0;
}

void faulted_free(struct faulted *faulted)
{
	free(faulted->items);
	*faulted = (struct faulted){0};
}

const struct segmap_fault *faulted_find(const struct faulted *faulted, uint64_t addr)
{
	size_t low = 0, high = faulted->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (page_of(faulted, faulted->items[middle]->addr) < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < faulted->count && page_of(faulted, faulted->items[low]->addr) == addr
		       ? faulted->items[low]
		       : NULL;
}

/* ---- differences ---- */

static int add_difference(struct segmap_account *account, uint64_t addr,
			  enum segmap_difference_kind kind, const struct segmap_fault *fault)
{
	size_t n = account->difference_count;

	if ((n & (n - 1)) == 0) { /* full: its room is a power of two */
		struct segmap_difference *more = reallocarray(
			account->differences, n ? 2 * n : 1, sizeof(*account->differences));
		if (!more)
			return -ENOMEM;
		account->differences = more;
	}
	account->differences[account->difference_count++] =
		(struct segmap_difference){addr, kind, fault};
	return 0;
}

static enum segmap_difference_kind judge_unseen(const struct segmap_faults *faults)
{
	if (faults->lost)
		return SEGMAP_COPY_LOST;
	return faults->kernel_seen ? SEGMAP_COPY_WITHOUT_FAULT : SEGMAP_COPY_IN_KERNEL;
}

static bool is_same_mapping(const struct segmap_region *a, const struct segmap_region *b)
{
	return a->inode == b->inode && a->major == b->major && a->minor == b->minor &&
	       a->start - a->offset == b->start - b->offset;
}

/* Whether what is now at STRIP has always been there, as far as the looks can say. */
static bool has_stayed(const struct segmap_evidence *e, const struct segmap_strip *strip)
{
	const struct segmap_region *last = strip ? strip->regions[e->look_count - 1] : NULL;

	if (!last || segmap_region_kind(last) != SEGMAP_KIND_FILE_PRIVATE)
		return false;
	for (size_t i = 0; i < e->look_count; i++)
		if (strip->regions[i] && !is_same_mapping(strip->regions[i], last))
			return false;
	return true;
}

/* A fault after F that may have mapped the page of F again, by itself or from its neighbour. */
static bool was_mapped_again(const struct segmap_evidence *e, const struct segmap_fault *f,
			     uint64_t page_size)
{
	const uint64_t window =
		page_size < SEGMAP_FAULT_AROUND ? SEGMAP_FAULT_AROUND : page_size;

	for (size_t i = 0; i < e->faults->count; i++) {
		const struct segmap_fault *later = &e->faults->items[i];

		if (later->pid == f->pid && later->time > f->time && !is_copying(later) &&
		    later->addr / window == f->addr / window)
			return true;
	}
	return false;
}

static enum segmap_difference_kind judge_gone(const struct segmap_account *account,
					      const struct segmap_evidence *e,
					      const struct segmap_fault *f)
{
	const struct segmap_pages *pages = e->looks[e->look_count - 1].pages;

	if (!is_copying(f))
		return SEGMAP_FAULT_UNCLEAR;
	if (!has_stayed(e, account_find_strip(account, f->addr)))
		return SEGMAP_COPY_UNMAPPED;
	switch (segmap_pages_state(pages, f->addr)) {
	case SEGMAP_PAGE_ABSENT: /* a fault that copies leaves a page: it was taken away */
		return SEGMAP_COPY_DROPPED;
	case SEGMAP_PAGE_FILE:
		return was_mapped_again(e, f, pages->page_size) ? SEGMAP_COPY_DROPPED
								: SEGMAP_FAULT_WITHOUT_COPY;
	default:
		return SEGMAP_FAULT_WITHOUT_COPY;
	}
}

/* ---- the comparison ---- */

/* Walks the copies and the faulted pages beside each other: both are sorted by address. */
static int compare_pages(struct segmap_account *account, const struct segmap_evidence *e,
			 const struct faulted *faulted)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r == 0 && (i < account->copy_count || j < faulted->count)) {
		const struct segmap_copy *copy =
			i < account->copy_count ? &account->copies[i] : NULL;
		const struct segmap_fault *f = j < faulted->count ? faulted->items[j] : NULL;
		uint64_t page = f ? page_of(faulted, f->addr) : 0;

		if (!f || (copy && copy->addr < page)) {
			if (copy && copy->is_new)
				r = add_difference(account, copy->addr, judge_unseen(e->faults),
						   NULL);
			i++;
		} else if (copy && copy->addr == page) {
			if (!is_copying(f))
				r = add_difference(account, page, SEGMAP_FAULT_UNCLEAR, f);
			i++;
			j++;
		} else {
			r = add_difference(account, page, judge_gone(account, e, f), f);
			j++;
		}
	}
	return r;
}

int account_reconcile(struct segmap_account *account, const struct segmap_evidence *e,
		      const struct faulted *faulted)
{
	bool pages_known = true;

	for (size_t i = 0; i < e->look_count; i++)
		pages_known &= e->looks[i].pages->error == 0;
	account->agreement = SEGMAP_WITNESS_MISSING;
	for (size_t i = 0; i < faulted->count; i++)
		account->faulted_pages += is_copying(faulted->items[i]);
	if (!e->faults || !pages_known)
		return 0;
	int r = compare_pages(account, e, faulted);

	account->agreement =
		account->difference_count ? SEGMAP_WITNESSES_EXPLAINED : SEGMAP_WITNESSES_AGREE;
	for (size_t i = 0; i < account->difference_count; i++)
		if (account->differences[i].kind >= SEGMAP_COPY_WITHOUT_FAULT)
			account->agreement = SEGMAP_WITNESSES_DISAGREE;
	return r;
}

const char *segmap_difference_name(enum segmap_difference_kind kind)
{
	static const char *const names[SEGMAP_DIFFERENCE_COUNT] = {
		[SEGMAP_COPY_IN_KERNEL] = "copy-in-kernel",
		[SEGMAP_COPY_LOST] = "copy-lost",
		[SEGMAP_COPY_DROPPED] = "copy-dropped",
		[SEGMAP_COPY_UNMAPPED] = "copy-unmapped",
		[SEGMAP_FAULT_UNCLEAR] = "fault-unclear",
		[SEGMAP_COPY_WITHOUT_FAULT] = "copy-without-fault",
		[SEGMAP_FAULT_WITHOUT_COPY] = "fault-without-copy",
	};

	return names[kind];
}

const char *segmap_agreement_name(enum segmap_agreement agreement)
{
	static const char *const names[SEGMAP_AGREEMENT_COUNT] = {
		[SEGMAP_WITNESS_MISSING] = "missing",
		[SEGMAP_WITNESSES_AGREE] = "agree",
		[SEGMAP_WITNESSES_EXPLAINED] = "explained",
		[SEGMAP_WITNESSES_DISAGREE] = "DISAGREE",
	};

	return names[agreement];
}
