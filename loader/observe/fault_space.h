/* What is believed of an address space while its faults are replayed: mappings and pages. */
#ifndef OBSERVE_FAULT_SPACE_H
#define OBSERVE_FAULT_SPACE_H

#include <segmap/pages.h>

struct known_page {
	uint64_t key;  /* address of the page + 1; 0 for a free place of the table */
	uint64_t step; /* when this was known */
	uint64_t time; /* of its last fault */
	pid_t tid;     /* that took it, or 0 */
	size_t frame;  /* that processes have in common after a fork, or 0 */
	enum segmap_page_state state;
	bool predicted; /* not seen, but what a fault of a neighbour does */
};

struct known_region {
	struct segmap_region region; /* its name is borrowed */
	uint64_t born;               /* step: pages known before are of another mapping */
	uint64_t changed;            /* step at which its protection has changed, or 0 */
	struct {
		uint64_t start, end, step;
	} told;      /* by the last record of it, which may have been of its neighbours too */
	bool copied; /* a page of it is the process's own */
};

struct space {
	pid_t pid;
	bool loading;                 /* in exec: not yet a fault in user mode */
	struct known_region *regions; /* owned; by address, without overlaps */
	size_t region_count, region_room;
	struct known_page *pages; /* owned; a hash table */
	size_t page_count, page_room;
};

void space_free(struct space *space);

/* FROM's knowledge, for the child PID of a fork. Returns 0 or -ENOMEM. */
int space_copy(struct space *to, const struct space *from, pid_t pid);

/* Two mappings, or two looks at one, of the same file at the same place; or both anonymous. */
bool is_same_origin(const struct segmap_region *a, const struct segmap_region *b);

/*
 * Takes in REGION, a mapping as it is from STEP on. It may be a new one, or one that there was
 * and that has another protection or more neighbours now: what is of the same origin keeps its
 * pages, unless nothing else has changed. Returns 0 or -ENOMEM.
 */
int space_add_region(struct space *space, const struct segmap_region *region, uint64_t step);

/* The mapping that ADDR is in, and the first one above ADDR; or NULL. */
struct known_region *space_find_region(const struct space *space, uint64_t addr);
const struct known_region *space_find_above(const struct space *space, uint64_t addr);

/* What is known of the page at ADDR, or NULL. */
struct known_page *space_find_page(const struct space *space, uint64_t addr);

/* The same, absent if nothing is known; NULL if there is no memory. Valid until the next one.
 */
struct known_page *space_take_page(struct space *space, uint64_t addr);

#endif
