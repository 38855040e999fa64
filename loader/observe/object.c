/* Objects: which there are, where their segments lie, and what names they have. */
#include "object.h"

#include "vdso.h"

#include <segmap/pages.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t page_floor(uint64_t value)
{
	return value & ~(page_size() - 1);
}

static uint64_t page_ceil(uint64_t value)
{
	return page_floor(value + page_size() - 1);
}

static enum segmap_role role_without_file(const struct segmap_region *region)
{
	if (segmap_region_kind(region) == SEGMAP_KIND_KERNEL)
		return SEGMAP_ROLE_KERNEL;
	if (strcmp(region->name, "[heap]") == 0)
		return SEGMAP_ROLE_HEAP;
	return strcmp(region->name, "[stack]") == 0 ? SEGMAP_ROLE_STACK : SEGMAP_ROLE_ANON;
}

static bool is_of_file(const struct segmap_region *region)
{
	enum segmap_kind kind = segmap_region_kind(region);

	return kind == SEGMAP_KIND_FILE_PRIVATE || kind == SEGMAP_KIND_FILE_SHARED;
}

struct object *object_open(pid_t pid, const struct segmap_region *region)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->id = file_id_of_region(region);
	object->name = strdup(region->name);
	if (!object->name) {
		free(object);
		return NULL;
	}
	object->role = role_without_file(region);
	if (is_of_file(region)) {
		object->image = image_of_region(pid, region, &object->error);
		object->role = object->image ? SEGMAP_ROLE_LIBRARY : SEGMAP_ROLE_FILE;
	} else if (strcmp(region->name, "[vdso]") == 0) {
		object->image = vdso_image(region->end - region->start);
	}
	return object;
}

void object_close(struct object *object)
{
	if (!object)
		return;
	source_free(object->source);
	segmap_symbols_free(object->symbols);
	segmap_image_free(object->image);
	free(object->name);
	free(object);
}

bool object_is_of(const struct object *object, const struct segmap_region *region)
{
	const struct file_id id = file_id_of_region(region);

	return file_id_equal(&object->id, &id) && strcmp(object->name, region->name) == 0;
}

/* ---- segments ---- */

static const struct segmap_phdr *load_at(const struct object *object, size_t index)
{
	const struct segmap_phdr *p = &object->image->phdrs[index];

	return p->type == PT_LOAD && p->memsz && p->vaddr + p->memsz > p->vaddr ? p : NULL;
}

/* As maps would have it: the kernel maps what may be written or executed readable, too, only
 * if the segment says so. */
static bool permits_alike(const struct segmap_phdr *p, const char *perms)
{
	return (perms[0] == 'r') == !!(p->flags & PF_R) &&
	       (perms[1] == 'w') == !!(p->flags & PF_W) &&
	       (perms[2] == 'x') == !!(p->flags & PF_X);
}

/* How well REGION fits the segment P: 0 if it is none of its pages. */
static int fitness(const struct segmap_phdr *p, const struct segmap_region *region,
		   const uint64_t *likely, uint64_t bias)
{
	uint64_t start = page_floor(p->offset);

	if (region->offset < start || region->offset >= p->offset + p->filesz)
		return 0;
	return 1 + 8 * (likely && bias == *likely) + 2 * (region->offset == start) +
	       permits_alike(p, region->perms);
}

/* Whether the last page of REGION is some segment's, too: that of a file that was mapped whole,
 * as data, is not. */
static bool is_segment_to_its_end(const struct object *object,
				  const struct segmap_region *region, uint64_t bias)
{
	uint64_t length = region->end - region->start - page_size();
	uint64_t last = region->start + length - bias;

	for (size_t i = 0; i < object->image->phdr_count; i++) {
		const struct segmap_phdr *p = load_at(object, i);
		uint64_t first = p ? page_floor(p->vaddr) : 0;

		if (p && last >= first && last < page_ceil(p->vaddr + p->filesz) &&
		    page_floor(p->offset) + (last - first) == region->offset + length)
			return true;
	}
	return false;
}

bool object_bias(const struct object *object, const struct segmap_region *region,
		 const uint64_t *likely, uint64_t *bias, size_t *segment)
{
	const uint64_t fixed = 0;
	uint64_t best_bias = 0;
	size_t best = SIZE_MAX;
	int most = 0;

	if (!object->image)
		return false;
	if (!likely && object->image->ehdr.type == ET_EXEC)
		likely = &fixed;
	for (size_t i = 0; i < object->image->phdr_count; i++) {
		const struct segmap_phdr *p = load_at(object, i);

		if (!p)
			continue;
		uint64_t first = region->start - (region->offset - page_floor(p->offset));
		uint64_t its = first - page_floor(p->vaddr);
		int fits = fitness(p, region, likely, its);
		if (fits > most) {
			most = fits;
			best = i;
			best_bias = its;
		}
	}
	if (best == SIZE_MAX || !is_segment_to_its_end(object, region, best_bias))
		return false;
	*bias = best_bias;
	*segment = best;
	return true;
}

bool object_segment_range(const struct object *object, size_t index, uint64_t *start,
			  uint64_t *end)
{
	const struct segmap_phdr *p = load_at(object, index);

	if (!p)
		return false;
	*start = page_floor(p->vaddr);
	*end = page_ceil(p->vaddr + p->memsz);
	return true;
}

/* Of two segments that have a page in common, the one whose byte it is comes first. */
size_t object_segment_at(const struct object *object, uint64_t vaddr)
{
	size_t same_page = SIZE_MAX;
	uint64_t start, end;

	for (size_t i = 0; i < object->image->phdr_count; i++) {
		const struct segmap_phdr *p = load_at(object, i);

		if (p && vaddr >= p->vaddr && vaddr - p->vaddr < p->memsz)
			return i;
		if (object_segment_range(object, i, &start, &end) && vaddr >= start &&
		    vaddr < end)
			same_page = i;
	}
	return same_page;
}

size_t object_segment_of_offset(const struct object *object, uint64_t offset, uint64_t *vaddr)
{
	for (size_t i = 0; i < object->image->phdr_count; i++) {
		const struct segmap_phdr *p = load_at(object, i);

		if (!p || offset < p->offset || offset - p->offset >= p->filesz)
			continue;
		*vaddr = p->vaddr + (offset - p->offset);
		return i;
	}
	return SIZE_MAX;
}

/* ---- names ---- */

const struct segmap_symbols *object_symbols(struct object *object)
{
	struct segmap_error err;

	if (!object->has_symbols && object->image &&
	    segmap_symbols_open(&object->symbols, object->image->fd, &err) < 0)
		object->symbols = NULL;
	object->has_symbols = true;
	return object->symbols;
}

struct source *object_source(struct object *object)
{
	if (!object->has_source && object->image)
		object->source = source_open(object->image, object->name);
	object->has_source = true;
	return object->source;
}
