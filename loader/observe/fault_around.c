/* Which neighbours come along when a page of a file is mapped. */
#include "fault_replay.h"

/* What a page of a page table maps: an entry has 8 bytes on every CPU there are rules for. */
static uint64_t table_size(const struct replay *r)
{
	return r->context->page_size * (r->context->page_size / sizeof(uint64_t));
}

/* Did the fault at INDEX bring the neighbour at PAGE? It did if the page is there in the end
 * without a fault that read it. */
static bool came_along(const struct replay *r, const struct segmap_fault *fault, size_t index,
		       const struct segmap_region *region, uint64_t page)
{
	const struct segmap_fault *next = replay_next_at(r, fault->pid, page, index);
	enum segmap_page_state after;

	if (next)
		return region->perms[1] == 'w' && next->access != SEGMAP_ACCESS_READ &&
		       next->access != SEGMAP_ACCESS_EXECUTE;
	return replay_find_after(r, fault, region, page, &after) && after != SEGMAP_PAGE_ABSENT;
}

/* do_fault_around: the aligned window that the page is in, cut off at the mapping's beginning
 * (and then longer behind), at its end, and at the page table's. */
static void find_window(const struct replay *r, const struct segmap_region *region,
			uint64_t page, uint64_t *from, uint64_t *to)
{
	const uint64_t table = table_size(r);

	*from = page - page % SEGMAP_FAULT_AROUND;
	if (*from < page - page % table)
		*from = page - page % table;
	if (*from < region->start)
		*from = region->start;
	*to = *from + SEGMAP_FAULT_AROUND;
	if (*to > page - page % table + table)
		*to = page - page % table + table;
	if (*to > region->end)
		*to = region->end;
}

static bool is_whole(const struct replay *r, const struct space *space,
		     const struct segmap_fault *fault, size_t index,
		     const struct segmap_region *region, uint64_t from, uint64_t to)
{
	for (uint64_t page = from; page < to; page += r->context->page_size)
		if (page != replay_page_of(r, fault->addr) &&
		    replay_state_at(space, page) == SEGMAP_PAGE_ABSENT &&
		    !came_along(r, fault, index, region, page))
			return false;
	return true;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * filemap_map_pages, since Linux 6.18: where the page cache has several pages in one large
 * folio, all of it is mapped, also beyond the window. Folios are not told to users, but they
 * are powers of two, and aligned in the file: the largest one at EDGE of which all is there in
 * the end, and nothing was read by a later fault, is what has come.
 */
static void widen(const struct replay *r, const struct space *space,
		  const struct segmap_fault *fault, size_t index,
		  const struct segmap_region *region, uint64_t edge, uint64_t *from,
		  uint64_t *to)
{
	const uint64_t table = table_size(r);
	const uint64_t low = greater(region->start, edge - edge % table);
	const uint64_t high = less(region->end, edge - edge % table + table);
	const uint64_t in_file = edge - region->start + region->offset;

	for (uint64_t folio = table; folio > SEGMAP_FAULT_AROUND; folio /= 2) {
		const uint64_t before = in_file % folio;
		const uint64_t start = edge - low > before ? edge - before : low;
		const uint64_t end = less(high, edge - before + folio);

		if (!is_whole(r, space, fault, index, region, start, end))
			continue;
		*from = less(*from, start);
		*to = greater(*to, end);
		return;
	}
}

int replay_map_around(struct replay *r, struct space *space, struct segmap_fault *fault,
		      size_t index, const struct segmap_region *region,
		      enum segmap_page_state state)
{
	const uint64_t own = replay_page_of(r, fault->addr);
	uint64_t from, to;
	int error = 0;

	find_window(r, region, own, &from, &to);
	const uint64_t first = from, last = to - r->context->page_size;
	if (region->inode) {
		widen(r, space, fault, index, region, first, &from, &to);
		widen(r, space, fault, index, region, last, &from, &to);
	}
	for (uint64_t page = from; error == 0 && page < to; page += r->context->page_size) {
		if (page == own || replay_state_at(space, page) != SEGMAP_PAGE_ABSENT ||
		    !came_along(r, fault, index, region, page))
			continue;
		fault->around++;
		error = replay_set_page(r, space, page, state, NULL);
	}
	return error;
}
