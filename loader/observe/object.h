/* What mappings are of: a file, or one of the kernel's names for memory that has none. */
#ifndef OBSERVE_OBJECT_H
#define OBSERVE_OBJECT_H

#include "mapped_file.h"
#include "source.h"

#include <segmap/names.h>
#include <segmap/symbols.h>

struct object {
	char *name; /* owned: as maps has it */
	struct file_id id;
	enum segmap_role role;
	struct segmap_image *image;     /* owned: NULL if it is no ELF file, or not readable */
	int error;                      /* positive errno, if its file cannot be opened */
	struct segmap_symbols *symbols; /* owned: NULL until they are asked for */
	struct source *source;          /* owned: likewise */
	bool has_symbols, has_source;   /* they have been looked for */
};

/* The object of REGION, a mapping of PID; its role is LIBRARY or FILE if it is a file. NULL if
 * out of memory. */
struct object *object_open(pid_t pid, const struct segmap_region *region);
void object_close(struct object *object);

/* Whether REGION is a mapping of OBJECT. */
bool object_is_of(const struct object *object, const struct segmap_region *region);

/*
 * The bias by which REGION, a mapping of OBJECT's image, has its place. Where a page of the
 * file belongs to two segments it can be either's; then LIKELY, a bias that the object is
 * known to have (or NULL), decides. The segment's index is in *SEGMENT.
 */
bool object_bias(const struct object *object, const struct segmap_region *region,
		 const uint64_t *likely, uint64_t *bias, size_t *segment);

/* The addresses of segment INDEX, rounded to whole pages: false if it has none. */
bool object_segment_range(const struct object *object, size_t index, uint64_t *start,
			  uint64_t *end);

/* The index of the PT_LOAD that VADDR belongs to; SIZE_MAX if there is none. */
size_t object_segment_at(const struct object *object, uint64_t vaddr);

/* The same for a byte of the file, and its link-time address in *VADDR. */
size_t object_segment_of_offset(const struct object *object, uint64_t offset, uint64_t *vaddr);

/* Both are looked for when they are wanted first; NULL if there are none. */
const struct segmap_symbols *object_symbols(struct object *object);
struct source *object_source(struct object *object);

#endif
