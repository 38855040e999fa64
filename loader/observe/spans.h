/* Ranges of addresses that do not overlap, and what each belongs to. */
#ifndef OBSERVE_SPANS_H
#define OBSERVE_SPANS_H

#include "object.h"

struct span {
	uint64_t start, end;
	uint64_t offset; /* in the file, of START; for a file's mapping */
	bool of_file;    /* the bytes are the image's, at OFFSET, until something is written */
	bool placed;     /* OBJECT has a segment here, and BIAS is its bias */
	uint64_t bias;
	size_t segment;        /* index of its first program header here, if PLACED */
	struct object *object; /* borrowed */
};

struct spans {
	struct span *items; /* owned; by address */
	size_t count, room;
};

/* Adds a copy of SPAN at the end, unless it is empty. Returns 0 or -ENOMEM. */
int spans_add(struct spans *spans, const struct span *span);

/*
 * Adds to OUT, which is empty, the spans of MAPPED, with anonymous memory cut into what is some
 * object's bss, as the segments of the mapped ones have it, and what is not. 0 or -ENOMEM.
 */
int spans_find_bss(struct spans *out, const struct spans *mapped);

/* Adds to OUT, which is empty, NEWER, and of OLD what is not in NEWER's addresses. 0 or
 * -ENOMEM. */
int spans_merge(struct spans *out, const struct spans *newer, const struct spans *old);

/* The index of the first that ends above ADDR; COUNT if there is none. */
size_t spans_from(const struct spans *spans, uint64_t addr);

/* The one that ADDR is in, or NULL. */
const struct span *spans_find(const struct spans *spans, uint64_t addr);

void spans_free(struct spans *spans);

#endif
