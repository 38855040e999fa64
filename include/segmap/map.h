/*
 * Stage 3, map: the plan's mappings, made. File bytes by private mappings of the file, bss by
 * private anonymous ones; no byte of a segment is ever read. What cannot be at its final
 * address yet, because this process itself is in the way or because the kernel is to choose the
 * address, is mapped where there is room, and moved by the handover.
 */
#ifndef SEGMAP_MAP_H
#define SEGMAP_MAP_H

#include <segmap/exec.h>
#include <segmap/plan.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One mapping as it is now; final.addr says where it belongs (relative to the object's bias if
 * the object's place is SEGMAP_PLACE_SEARCH). */
struct segmap_piece {
	struct segmap_mapping final;
	uint64_t where; /* where it is now; equal to final.addr if it is at home */
};

struct segmap_map {
	const struct segmap_plan *plan; /* not owned; must outlive the map */
	struct segmap_piece *pieces;    /* owned; those that are mapped */
	size_t count;
	uint64_t cursor;      /* next address to try for what is not at home */
	uint64_t below_stack; /* end of what is free yet of the plan's room */
};

/*
 * Maps PLAN from the descriptors of IMAGES, which are indexed by enum segmap_object_id; the
 * second is NULL without an interpreter. OPTIONS may be NULL. Never replaces a mapping that it
 * has not made itself. On success *MAP is the caller's, to be given to segmap_map_destroy.
 * Errors: -ENOMEM, -EPERM, -EACCES, -ENODEV and what else mmap(2) says; -EFAULT when the page
 * with the beginning of bss is not in the file any more, -ETXTBSY as segmap_image_check. All
 * that was mapped is unmapped then, and *MAP is untouched.
 */
int segmap_map_create(struct segmap_map **map, const struct segmap_plan *plan,
		      const struct segmap_image *const images[2],
		      const struct segmap_options *options, struct segmap_error *err);

/*
 * Maps LENGTH bytes of private anonymous memory, readable and writable, where nothing of the
 * plan belongs. The caller unmaps it. Errors: -ENOMEM.
 */
int segmap_map_room(struct segmap_map *map, uint64_t length, uint64_t *addr,
		    struct segmap_error *err);

/* Unmaps all pieces and frees MAP; NULL is allowed. */
void segmap_map_destroy(struct segmap_map *map);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
