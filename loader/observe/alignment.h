/* Which mappings of several processes belong together: for sharing.c. */
#ifndef OBSERVE_ALIGNMENT_H
#define OBSERVE_ALIGNMENT_H

#include <segmap/sharing.h>

struct alignment {
	struct segmap_sharing_account *account; /* its regions are made here */
	size_t room;                            /* of its regions */
	size_t first_count;                     /* of its regions: the first copy's, sorted */
	bool *used; /* of its regions: the copy at hand has a mapping for it. Owned */
};

/* Finds for each of REGIONS, of one copy, which of the account's it is, in PLACES; those that
 * are in none yet are added. Returns 0 or -ENOMEM. */
int alignment_place(struct alignment *alignment, const struct segmap_regions *regions,
		    size_t *places);
void alignment_free(struct alignment *alignment);

/* The stack's top is fixed and its bottom grows; of anything else it is the other way round. */
bool region_grows_down(const struct segmap_region *region);

#endif
