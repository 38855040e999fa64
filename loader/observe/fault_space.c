#include "fault_space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void space_free(struct space *space)
{
	free(space->regions);
	free(space->pages);
	*space = (struct space){0};
}

int space_copy(struct space *to, const struct space *from, pid_t pid)
{
	struct space copy = *from;

	copy.pid = pid;
	copy.region_room = copy.region_count;
	copy.regions = calloc(copy.region_count + 1, sizeof(*copy.regions));
	copy.pages = calloc(copy.page_room + 1, sizeof(*copy.pages));
	if (!copy.regions || !copy.pages) {
		free(copy.regions);
		free(copy.pages);
		return -ENOMEM;
	}
	if (copy.region_count)
		memcpy(copy.regions, from->regions, copy.region_count * sizeof(*copy.regions));
	if (copy.page_room)
		memcpy(copy.pages, from->pages, copy.page_room * sizeof(*copy.pages));
	*to = copy;
	return 0;
}

/* ---- mappings ---- */

/* Where the first mapping is that ends above ADDR. */
static size_t first_above(const struct space *space, uint64_t addr)
{
	size_t low = 0, high = space->region_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->regions[middle].region.end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct known_region *space_find_region(const struct space *space, uint64_t addr)
{
	size_t i = first_above(space, addr);

	return i < space->region_count && space->regions[i].region.start <= addr
		       ? &space->regions[i]
		       : NULL;
}

const struct known_region *space_find_above(const struct space *space, uint64_t addr)
{
	size_t i = first_above(space, addr);

	return i < space->region_count ? &space->regions[i] : NULL;
}

static bool is_same_file(const struct segmap_region *a, const struct segmap_region *b)
{
	/* On some file systems the two sources differ in the number of an inode. */
	return (a->inode == b->inode && a->major == b->major && a->minor == b->minor) ||
	       (a->inode && b->inode && a->name && b->name && strcmp(a->name, b->name) == 0);
}

bool is_same_origin(const struct segmap_region *a, const struct segmap_region *b)
{
	return is_same_file(a, b) && a->perms[3] == b->perms[3] &&
	       (a->inode == 0 || a->start - a->offset == b->start - b->offset);
}

/* NEW says what the record by which OLD came to be has said: so it is not mprotect that has
 * changed it, but a new mapping in its place. */
static bool is_repeated(const struct known_region *old, const struct known_region *new)
{
	return old->born == old->told.step && old->told.start == new->region.start &&
	       old->told.end ==
		       new->region.end &&memcmp(old->region.perms, new->region.perms, 4) == 0;
}

/* A part of OLD, which begins and ends where it is said. */
static struct known_region cut(const struct known_region *old, uint64_t start, uint64_t end)
{
	struct known_region part = *old;

	part.region.start = start;
	part.region.end = end;
	part.region.offset += old->region.inode ? start - old->region.start : 0;
	return part;
}

/* What becomes of OLD where NEW is now: kept, changed, or gone. Writes up to 3 parts. */
static size_t overlay(const struct known_region *old, const struct known_region *new,
		      struct known_region *parts)
{
	const struct segmap_region *o = &old->region, *n = &new->region;
	size_t count = 0;

	if (o->start < n->start)
		parts[count++] = cut(old, o->start, n->start);
	if (is_same_origin(o, n) && !is_repeated(old, new)) {
		uint64_t start = o->start > n->start ? o->start : n->start;
		uint64_t end = o->end < n->end ? o->end : n->end;

		parts[count] = cut(old, start, end);
		if (memcmp(o->perms, n->perms, 4) != 0)
			parts[count].changed = new->born;
		memcpy(parts[count].region.perms, n->perms, sizeof(n->perms));
		parts[count].region.name = n->name;
		parts[count].told = new->told;
		count++;
	}
	if (o->end > n->end)
		parts[count++] = cut(old, n->end, o->end);
	return count;
}

/* NEW's pieces between FROM and TO that none of the COUNT parts at PARTS covers, and those,
 * by address. */
static size_t fill_gaps(const struct known_region *new, const struct known_region *parts,
			size_t count, struct known_region *out)
{
	uint64_t at = new->region.start;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct segmap_region *part = &parts[i].region;

		if (part->start >= new->region.end && at < new->region.end) {
			out[n++] = cut(new, at, new->region.end);
			at = new->region.end;
		} else if (part->start > at && part->start < new->region.end) {
			out[n++] = cut(new, at, part->start);
		}
		if (part->end > at && part->start < new->region.end)
			at = part->end;
		out[n++] = parts[i];
	}
	if (at < new->region.end)
		out[n++] = cut(new, at, new->region.end);
	return n;
}

/* Puts the COUNT regions of WITH in the place of those from FIRST to LAST. */
static int replace(struct space *space, size_t first, size_t last,
		   const struct known_region *with, size_t count)
{
	size_t total = space->region_count - (last - first) + count;

	if (total > space->region_room) {
		struct known_region *moved =
			reallocarray(space->regions, total * 2, sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		space->regions = moved;
		space->region_room = total * 2;
	}
	if (space->region_count > last)
		memmove(&space->regions[first + count], &space->regions[last],
			(space->region_count - last) * sizeof(*with));
	memcpy(&space->regions[first], with, count * sizeof(*with));
	space->region_count = total;
	return 0;
}

int space_add_region(struct space *space, const struct segmap_region *region, uint64_t step)
{
	const struct known_region new = {
		.region = *region, .born = step, .told = {region->start, region->end, step}};
	size_t first = first_above(space, region->start), last = first, count = 0;

	if (region->start >= region->end)
		return 0;
	while (last < space->region_count && space->regions[last].region.start < region->end)
		last++;
	struct known_region *parts = calloc((last - first) * 3 + 1, sizeof(*parts));
	struct known_region *all = calloc((last - first) * 6 + 2, sizeof(*all));
	int r = parts && all ? 0 : -ENOMEM;
	for (size_t i = first; r == 0 && i < last; i++)
		count += overlay(&space->regions[i], &new, parts + count);
	if (r == 0)
		r = replace(space, first, last, all, fill_gaps(&new, parts, count, all));
	free(parts);
	free(all);
	return r;
}

/* ---- pages ---- */

/* The place in the table where KEY is, or is to be. There is always a free one. */
static size_t place_of(const struct known_page *pages, size_t room, uint64_t key)
{
	size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (room - 1);

	while (pages[at].key && pages[at].key != key)
		at = (at + 1) & (room - 1);
	return at;
}

static int grow(struct space *space)
{
	size_t room = space->page_room ? space->page_room * 2 : 256;
	struct known_page *pages = calloc(room, sizeof(*pages));

	if (!pages)
		return -ENOMEM;
	for (size_t i = 0; i < space->page_room; i++)
		if (space->pages[i].key)
			pages[place_of(pages, room, space->pages[i].key)] = space->pages[i];
	free(space->pages);
	space->pages = pages;
	space->page_room = room;
	return 0;
}

struct known_page *space_find_page(const struct space *space, uint64_t addr)
{
	if (space->page_room == 0)
		return NULL;
	size_t at = place_of(space->pages, space->page_room, addr + 1);

	return space->pages[at].key ? &space->pages[at] : NULL;
}

struct known_page *space_take_page(struct space *space, uint64_t addr)
{
	if (space->page_count * 2 >= space->page_room && grow(space) < 0)
		return NULL;
	struct known_page *page =
		&space->pages[place_of(space->pages, space->page_room, addr + 1)];

	if (!page->key) {
		page->key = addr + 1;
		space->page_count++;
	}
	return page;
}
