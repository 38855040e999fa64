/* Which mappings of several processes belong together. */
#include "alignment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_same_origin(const struct segmap_region *a, const struct segmap_region *b)
{
	return a->inode == b->inode && a->offset == b->offset && a->major == b->major &&
	       a->minor == b->minor && memcmp(a->perms, b->perms, sizeof(a->perms)) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

bool region_grows_down(const struct segmap_region *region)
{
	return strcmp(region->name, "[stack]") == 0;
}

static int add_region(struct alignment *alignment, const struct segmap_region *region)
{
	struct segmap_sharing_account *account = alignment->account;

	if (account->region_count == alignment->room) {
		size_t room = alignment->room ? alignment->room * 2 : 64;
		struct segmap_shared_region *items =
			reallocarray(account->regions, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		account->regions = items;
		bool *used = reallocarray(alignment->used, room, sizeof(*used));
		if (!used)
			return -ENOMEM;
		alignment->used = used;
		alignment->room = room;
	}
	account->regions[account->region_count++] = (struct segmap_shared_region){
		.region = region,
	};
	return 0;
}

/* The mapping at the very same address, as it is without randomisation. Those of the first copy
 * are sorted by it; those that only others have come behind. */
static size_t find_at(const struct alignment *alignment, const struct segmap_region *region)
{
	const struct segmap_sharing_account *account = alignment->account;
	size_t known = alignment->first_count, low = 0, high = known;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (account->regions[middle].region->start < region->start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == known || account->regions[low].region->start != region->start)
		for (low = known; low < account->region_count; low++)
			if (account->regions[low].region->start == region->start)
				break;
	if (low < account->region_count && is_same_origin(account->regions[low].region, region))
		return low;
	return SIZE_MAX;
}

/* The next one of the same origin, from *CURSOR on, that this copy has no mapping for yet. */
static size_t find_alike(const struct alignment *alignment, const struct segmap_region *region,
			 size_t *cursor)
{
	const struct segmap_sharing_account *account = alignment->account;

	for (size_t n = 0; n < account->region_count; n++) {
		size_t i = (*cursor + n) % account->region_count;

		if (!alignment->used[i] && is_same_origin(account->regions[i].region, region)) {
			*cursor = i + 1;
			return i;
		}
	}
	return SIZE_MAX;
}

static void use_region(struct alignment *alignment, size_t index,
		       const struct segmap_region *region)
{
	struct segmap_shared_region *shared = &alignment->account->regions[index];
	uint64_t pages = (region->end - region->start) / alignment->account->page_size;

	alignment->used[index] = true;
	shared->copies++;
	if (pages > shared->pages)
		shared->pages = pages;
}

/* Which of the account's regions REGION is, after the others have found theirs. */
static int place_region(struct alignment *alignment, const struct segmap_region *region,
			size_t *place, size_t *cursor)
{
	*place = find_alike(alignment, region, cursor);
	if (*place == SIZE_MAX) {
		*place = alignment->account->region_count;
		if (add_region(alignment, region) < 0)
			return -ENOMEM;
	}
	use_region(alignment, *place, region);
	return 0;
}

int alignment_place(struct alignment *alignment, const struct segmap_regions *regions,
		    size_t *places)
{
	size_t cursor = 0;
	int r = 0;

	if (!alignment->account->region_count) {
		for (size_t i = 0; r == 0 && i < regions->count; i++)
			r = add_region(alignment, &regions->items[i]);
		alignment->first_count = alignment->account->region_count;
	}
	if (r < 0)
		return r;
	if (alignment->room)
		memset(alignment->used, 0, alignment->room * sizeof(*alignment->used));
	for (size_t i = 0; i < regions->count; i++) {
		places[i] = find_at(alignment, &regions->items[i]);
		if (places[i] != SIZE_MAX)
			use_region(alignment, places[i], &regions->items[i]);
	}
	for (size_t i = 0; r == 0 && i < regions->count; i++)
		if (places[i] == SIZE_MAX)
			r = place_region(alignment, &regions->items[i], &places[i], &cursor);
	return r;
}

void alignment_free(struct alignment *alignment)
{
	free(alignment->used);
	*alignment = (struct alignment){0};
}
