#include "spans.h"

#include <errno.h>
#include <stdlib.h>

int spans_add(struct spans *spans, const struct span *span)
{
	if (span->start >= span->end)
		return 0;
	if (spans->count == spans->room) {
		size_t room = spans->room ? spans->room * 2 : 64;
		struct span *items = reallocarray(spans->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		spans->items = items;
		spans->room = room;
	}
	spans->items[spans->count++] = *span;
	return 0;
}

void spans_free(struct spans *spans)
{
	free(spans->items);
	*spans = (struct spans){0};
}

/* ---- bss ---- */

static int add_segments(struct spans *segments, const struct span *span)
{
	struct span segment = *span;
	int r = 0;

	segment.of_file = false;
	for (size_t i = 0; r == 0 && i < span->object->image->phdr_count; i++) {
		if (!object_segment_range(span->object, i, &segment.start, &segment.end))
			continue;
		segment.start += span->bias;
		segment.end += span->bias;
		segment.segment = i;
		r = spans_add(segments, &segment);
	}
	return r;
}

static bool is_known(const struct spans *segments, const struct span *span)
{
	for (size_t i = segments->count; i > 0; i--)
		if (segments->items[i - 1].object == span->object &&
		    segments->items[i - 1].bias == span->bias)
			return true;
	return false;
}

/* The segments of all that is mapped, wherever their memory is. */
static int find_segments(struct spans *segments, const struct spans *mapped)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < mapped->count; i++)
		if (mapped->items[i].placed && !is_known(segments, &mapped->items[i]))
			r = add_segments(segments, &mapped->items[i]);
	return r;
}

/* The first segment that ends above ADDR, or NULL. */
static const struct span *segment_after(const struct spans *segments, uint64_t addr)
{
	const struct span *found = NULL;

	for (size_t i = 0; i < segments->count; i++) {
		const struct span *s = &segments->items[i];

		if (s->end > addr && (!found || s->start < found->start))
			found = s;
	}
	return found;
}

/* Cuts SPAN, anonymous memory, into what is bss and what is not. */
static int add_anonymous(struct spans *out, const struct spans *segments, struct span span)
{
	const struct span *segment;
	int r = 0;

	while (r == 0 && span.start < span.end &&
	       (segment = segment_after(segments, span.start)) && segment->start < span.end) {
		struct span before = span, bss = *segment;

		bss.start = segment->start > span.start ? segment->start : span.start;
		bss.end = segment->end < span.end ? segment->end : span.end;
		before.end = bss.start;
		r = spans_add(out, &before);
		if (r == 0)
			r = spans_add(out, &bss);
		span.start = bss.end;
	}
	return r == 0 ? spans_add(out, &span) : r;
}

static bool may_hold_bss(const struct span *span)
{
	return span->object->role == SEGMAP_ROLE_ANON || span->object->role == SEGMAP_ROLE_HEAP;
}

int spans_find_bss(struct spans *out, const struct spans *mapped)
{
	struct spans segments = {0};
	int r = find_segments(&segments, mapped);

	for (size_t i = 0; r == 0 && i < mapped->count; i++)
		r = may_hold_bss(&mapped->items[i])
			    ? add_anonymous(out, &segments, mapped->items[i])
			    : spans_add(out, &mapped->items[i]);
	spans_free(&segments);
	return r;
}

/* ---- merging ---- */

static int keep_below(struct spans *out, const struct span *span, uint64_t end)
{
	struct span left = *span;

	left.end = left.end < end ? left.end : end;
	return spans_add(out, &left);
}

static void cut_below(struct span *span, uint64_t start)
{
	if (span->start >= start)
		return;
	span->offset += start - span->start;
	span->start = start;
}

int spans_merge(struct spans *out, const struct spans *newer, const struct spans *old)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < old->count; i++) {
		struct span span = old->items[i];

		if (n > 0) /* the last one taken may reach into this one, too */
			cut_below(&span, newer->items[n - 1].end);
		for (; r == 0 && n < newer->count && newer->items[n].start < span.end; n++) {
			r = keep_below(out, &span, newer->items[n].start);
			if (r == 0)
				r = spans_add(out, &newer->items[n]);
			cut_below(&span, newer->items[n].end);
		}
		if (r == 0)
			r = keep_below(out, &span, UINT64_MAX);
	}
	for (; r == 0 && n < newer->count; n++)
		r = spans_add(out, &newer->items[n]);
	return r;
}

size_t spans_from(const struct spans *spans, uint64_t addr)
{
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans->items[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct span *spans_find(const struct spans *spans, uint64_t addr)
{
	size_t i = spans_from(spans, addr);

	return i < spans->count && spans->items[i].start <= addr ? &spans->items[i] : NULL;
}
