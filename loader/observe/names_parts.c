/* Names for ranges of addresses: which parts of them are which segment's, and what is in them.
 */
#include "names_state.h"

#include <elf.h>

/* How many bytes [START, END) and [FROM, TO) have in common. */
static uint64_t common_bytes(uint64_t start, uint64_t end, uint64_t from, uint64_t to)
{
	uint64_t first = start > from ? start : from, last = end < to ? end : to;

	return first < last ? last - first : 0;
}

/* A mapping may go on through several segments, which the file and memory have side by side. */
static void count_bytes(const struct span *span, struct segmap_part *part)
{
	const struct segmap_image *image = span->object->image;
	uint64_t start = part->start - span->bias, end = part->end - span->bias;

	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];
		uint64_t file_end, mem_end;

		if (p->type != PT_LOAD ||
		    __builtin_add_overflow(p->vaddr, p->filesz, &file_end) ||
		    __builtin_add_overflow(p->vaddr, p->memsz, &mem_end))
			continue;
		if (span->of_file)
			part->file_bytes += common_bytes(start, end, p->vaddr, file_end);
		part->bss_bytes += common_bytes(start, end, file_end, mem_end);
	}
}

static void describe(const struct span *span, uint64_t start, uint64_t end,
		     struct segmap_part *part)
{
	*part = (struct segmap_part){
		.start = span->start > start ? span->start : start,
		.end = span->end < end ? span->end : end,
		.role = span->object->role,
		.object = span->object->name,
		.error = span->object->error,
		.segment = SIZE_MAX,
	};
	if (!span->placed)
		return;
	part->segment = span->segment;
	part->flags = span->object->image->phdrs[span->segment].flags;
	count_bytes(span, part);
}

size_t segmap_names_parts(const struct segmap_names *names, uint64_t start, uint64_t end,
			  struct segmap_part *out, size_t room)
{
	size_t count = 0;

	for (size_t i = spans_from(&names->spans, start);
	     i < names->spans.count && names->spans.items[i].start < end; i++) {
		if (count < room)
			describe(&names->spans.items[i], start, end, &out[count]);
		count++;
	}
	return count;
}

static size_t sections_of(const struct span *span, uint64_t start, uint64_t end,
			  struct segmap_section *out, size_t room)
{
	uint64_t first = span->start > start ? span->start : start;
	uint64_t last = span->end < end ? span->end : end;
	size_t count = segmap_symbols_sections(object_symbols(span->object), first - span->bias,
					       last - span->bias, out, room);

	for (size_t i = 0; i < count && i < room; i++)
		out[i].vaddr += span->bias;
	return count;
}

size_t segmap_names_sections(struct segmap_names *names, uint64_t start, uint64_t end,
			     struct segmap_section *out, size_t room)
{
	size_t count = 0;

	for (size_t i = spans_from(&names->spans, start);
	     i < names->spans.count && names->spans.items[i].start < end; i++) {
		size_t left = count < room ? room - count : 0;

		if (names->spans.items[i].placed)
			count += sections_of(&names->spans.items[i], start, end,
					     left ? out + count : NULL, left);
	}
	return count;
}
