/*
 * Which pages of several processes are one frame. Pure: page tables in, an account out.
 *
 * Every page of every copy becomes an entry that says where it belongs (a mapping that the
 * copies have in common, and a place in it) and which memory it is. Sorted by place, they tell
 * what has parted; sorted by memory, how much of it there is.
 */
#include "alignment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Which memory a page is: two are the same if all of this is. */
enum source { SOURCE_FRAME, SOURCE_FILE, SOURCE_ZERO, SOURCE_OWN, SOURCE_UNKNOWN };

struct identity {
	enum source source;
	uint64_t a, b, c;
};

struct entry {
	size_t region;
	uint64_t slot; /* in pages, from the mapping's fixed end */
	size_t copy;
	const struct segmap_page *page;
	struct identity identity;
};

struct job {
	const struct segmap_copy *copies;
	size_t count;
	struct segmap_sharing_account *account;
	struct alignment alignment;
	struct entry *entries;
	size_t entry_count, entry_room;
};

/* ---- entries ---- */

static struct identity identify(const struct segmap_page *page,
				const struct segmap_region *region, size_t copy)
{
	uint64_t device = (uint64_t)region->major << 32 | region->minor;

	if (page->state == SEGMAP_PAGE_SWAPPED)
		return (struct identity){.source = SOURCE_UNKNOWN};
	if (page->frame)
		return (struct identity){SOURCE_FRAME, page->frame, 0, 0};
	if (page->state == SEGMAP_PAGE_ZERO)
		return (struct identity){.source = SOURCE_ZERO};
	if (page->state == SEGMAP_PAGE_FILE)
		return (struct identity){SOURCE_FILE, device, region->inode,
					 region->offset + (page->addr - region->start)};
	if (page->exclusive && page->state != SEGMAP_PAGE_KERNEL)
		return (struct identity){SOURCE_OWN, copy, page->addr, 0};
	return (struct identity){.source = SOURCE_UNKNOWN};
}

static int add_entry(struct job *job, const struct entry *entry)
{
	if (job->entry_count == job->entry_room) {
		size_t room = job->entry_room ? job->entry_room * 2 : 1024;
		struct entry *entries = reallocarray(job->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		job->entries = entries;
		job->entry_room = room;
	}
	job->entries[job->entry_count++] = *entry;
	return 0;
}

static int add_pages(struct job *job, size_t copy, const struct segmap_region *region,
		     size_t place)
{
	const struct segmap_pages *pages = job->copies[copy].pages;
	int r = 0;

	for (size_t i = segmap_pages_from(pages, region->start);
	     r == 0 && i < pages->count && pages->items[i].addr < region->end; i++) {
		const struct segmap_page *page = &pages->items[i];
		uint64_t distance = region_grows_down(region) ? region->end - page->addr
							      : page->addr - region->start;
		const struct entry entry = {
			.region = place,
			.slot = distance / job->account->page_size,
			.copy = copy,
			.page = page,
			.identity = identify(page, region, copy),
		};

		r = add_entry(job, &entry);
	}
	return r;
}

static int take_copy(struct job *job, size_t copy)
{
	const struct segmap_regions *regions = job->copies[copy].regions;
	size_t *places = calloc(regions->count + 1, sizeof(*places));
	int r = places ? alignment_place(&job->alignment, regions, places) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < regions->count; i++)
		r = add_pages(job, copy, &regions->items[i], places[i]);
	free(places);
	return r;
}

/* ---- order ---- */

static int compare_words(const uint64_t *x, const uint64_t *y, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int by_memory(const void *a, const void *b)
{
	const struct identity *i = &((const struct entry *)a)->identity;
	const struct identity *k = &((const struct entry *)b)->identity;
	const uint64_t x[] = {i->source, i->a, i->b, i->c};
	const uint64_t y[] = {k->source, k->a, k->b, k->c};

	return compare_words(x, y, 4);
}

static int by_place(const void *a, const void *b)
{
	const struct entry *i = a, *k = b;
	const uint64_t x[] = {i->region, i->slot};
	const uint64_t y[] = {k->region, k->slot};
	int order = compare_words(x, y, 2);

	if (order == 0)
		order = by_memory(a, b);
	return order ? order : (i->copy > k->copy) - (i->copy < k->copy);
}

/* ---- one page in all copies ---- */

/* How many different pieces of memory COUNT sorted entries are; 0 if one is unknown. */
static size_t count_frames(const struct entry *entries, size_t count)
{
	size_t frames = 0;

	for (size_t i = 0; i < count; i++) {
		if (entries[i].identity.source == SOURCE_UNKNOWN)
			return 0;
		frames += i == 0 || by_memory(&entries[i - 1], &entries[i]) != 0;
	}
	return frames;
}

static enum segmap_sharing judge(size_t frames, size_t having, size_t copies)
{
	if (frames == 0)
		return SEGMAP_SHARING_UNKNOWN;
	if (frames > 1)
		return SEGMAP_SHARING_PARTED;
	return having == copies ? SEGMAP_SHARING_ONE : SEGMAP_SHARING_SOME;
}

static const struct segmap_page *of_first_copy(const struct entry *entries, size_t count)
{
	const struct entry *first = entries;

	for (size_t i = 1; i < count; i++)
		if (entries[i].copy < first->copy)
			first = &entries[i];
	return first->page;
}

static void check_count(struct segmap_sharing_account *account, const struct segmap_page *page)
{
	struct segmap_sharing_counts *counts = &account->mapcounts;

	if (!page->mapcount || page->state == SEGMAP_PAGE_ZERO ||
	    page->state == SEGMAP_PAGE_KERNEL)
		return;
	counts->checked++;
	counts->fewer += page->mapcount < account->copies;
	counts->elsewhere += page->mapcount > account->copies;
}

/* COUNT entries of one place. */
static void take_place(struct job *job, const struct entry *entries, size_t count)
{
	struct segmap_sharing_account *account = job->account;
	struct segmap_shared_region *region = &account->regions[entries->region];
	size_t frames = count_frames(entries, count);
	enum segmap_sharing sharing = judge(frames, count, account->copies);
	uint64_t slot = entries->slot;

	if (region_grows_down(region->region))
		slot = region->pages - slot;
	if (region->count++ == 0)
		region->first = account->page_count;
	region->counts[sharing]++;
	account->pages[account->page_count++] = (struct segmap_shared_page){
		.addr = region->start + slot * account->page_size,
		.copies = count,
		.frames = frames,
		.sharing = sharing,
		.state = of_first_copy(entries, count)->state,
	};
	if (sharing == SEGMAP_SHARING_ONE)
		check_count(account, entries->page);
}

static int by_address(const void *a, const void *b)
{
	const struct segmap_shared_page *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void finish_region(struct segmap_sharing_account *account,
			  struct segmap_shared_region *region)
{
	uint64_t there = 0;

	if (region->count && region_grows_down(region->region))
		qsort(&account->pages[region->first], region->count, sizeof(*account->pages),
		      by_address);
	for (int i = 0; i < SEGMAP_SHARING_COUNT; i++)
		there += region->counts[i];
	region->counts[SEGMAP_SHARING_ABSENT] = region->pages - there;
	for (int i = 0; i < SEGMAP_SHARING_COUNT; i++)
		account->counts[i] += region->counts[i];
}

static int compare_places(struct job *job)
{
	struct segmap_sharing_account *account = job->account;

	for (size_t i = 0; i < account->region_count; i++) {
		struct segmap_shared_region *shared = &account->regions[i];

		shared->start =
			region_grows_down(shared->region)
				? shared->region->end - shared->pages * account->page_size
				: shared->region->start;
	}
	account->pages = calloc(job->entry_count + 1, sizeof(*account->pages));
	if (!account->pages)
		return -ENOMEM;
	for (size_t i = 0, end; i < job->entry_count; i = end) {
		const struct entry *first = &job->entries[i];

		for (end = i + 1; end < job->entry_count; end++)
			if (job->entries[end].region != first->region ||
			    job->entries[end].slot != first->slot)
				break;
		take_place(job, first, end - i);
	}
	for (size_t i = 0; i < account->region_count; i++)
		finish_region(account, &account->regions[i]);
	return 0;
}

/* ---- memory ---- */

/* Nobody is charged for the zero page, nor for what the kernel maps of itself. */
static bool is_charged(const struct segmap_page *page)
{
	return page->state != SEGMAP_PAGE_ZERO && page->state != SEGMAP_PAGE_KERNEL &&
	       page->state != SEGMAP_PAGE_SWAPPED;
}

enum { PSS_SHIFT = 12 }; /* of the kernel's fixed point, whatever a page's size */

/* PSS as the kernel computes it: the page's size divided by its mappings, in fixed point. */
static void expect_pss(struct segmap_sharing_account *account, const struct segmap_page *page,
		       uint64_t *fixed)
{
	if (page->mapcount && page->state != SEGMAP_PAGE_ZERO)
		*fixed += (account->page_size << PSS_SHIFT) / page->mapcount;
	else if (is_charged(page))
		account->mapcounts.pss_known = false;
}

static void sum_memory(struct job *job)
{
	struct segmap_sharing_account *account = job->account;
	struct segmap_sharing_memory *memory = &account->memory;
	uint64_t fixed = 0;

	account->mapcounts.pss_known = true;
	for (size_t i = 0; i < job->entry_count; i++) {
		const struct entry *e = &job->entries[i];

		expect_pss(account, e->page, &fixed);
		if (!is_charged(e->page))
			continue;
		memory->mapped++;
		if (e->identity.source == SOURCE_UNKNOWN)
			memory->unknown++;
		memory->frames += e->identity.source == SOURCE_UNKNOWN || i == 0 ||
				  by_memory(e - 1, e) != 0;
	}
	account->mapcounts.pss = fixed >> PSS_SHIFT;
	for (size_t i = 0; i < job->count; i++) {
		memory->pss += job->copies[i].pss;
		if (job->copies[i].pss_error)
			memory->pss_error = job->copies[i].pss_error;
	}
}

static void take_errors(struct segmap_sharing_account *account,
			const struct segmap_copy *copies)
{
	for (size_t i = 0; i < account->copies; i++) {
		const struct segmap_copy *copy = &copies[i];

		if (copy->regions->error || copy->pages->error)
			account->error = copy->regions->error ? copy->regions->error
							      : copy->pages->error;
		if (copy->pages->frames_error)
			account->frames_error = copy->pages->frames_error;
		if (copy->pages->counts_error)
			account->counts_error = copy->pages->counts_error;
	}
}

int segmap_sharing_compute(struct segmap_sharing_account *out, const struct segmap_copy *copies,
			   size_t count)
{
	struct segmap_sharing_account account = {
		.copies = count,
		.page_size = count ? copies[0].pages->page_size : 0,
	};
	struct job job = {
		.copies = copies,
		.count = count,
		.account = &account,
		.alignment = {.account = &account},
	};
	int r = 0;

	take_errors(&account, copies);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_copy(&job, i);
	if (r == 0 && job.entry_count)
		qsort(job.entries, job.entry_count, sizeof(*job.entries), by_place);
	if (r == 0)
		r = compare_places(&job);
	if (r == 0 && job.entry_count)
		qsort(job.entries, job.entry_count, sizeof(*job.entries), by_memory);
	if (r == 0)
		sum_memory(&job);
	free(job.entries);
	alignment_free(&job.alignment);
	if (r == 0)
		*out = account;
	else
		segmap_sharing_free(&account);
	return r;
}

void segmap_sharing_free(struct segmap_sharing_account *account)
{
	free(account->regions);
	free(account->pages);
	*account = (struct segmap_sharing_account){0};
}

const char *segmap_sharing_name(enum segmap_sharing sharing)
{
	static const char *const names[SEGMAP_SHARING_COUNT] = {
		[SEGMAP_SHARING_ABSENT] = "absent",   [SEGMAP_SHARING_ONE] = "one",
		[SEGMAP_SHARING_SOME] = "some",       [SEGMAP_SHARING_PARTED] = "parted",
		[SEGMAP_SHARING_UNKNOWN] = "unknown",
	};

	return names[sharing];
}
