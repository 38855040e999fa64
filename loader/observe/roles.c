/* Names for mappings, and for addresses by the mapping that they are in. */
#include "facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *base_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* Anonymous memory directly behind a file's mapping is that file's bss. Returns the index of
 * the file's last mapping before it, or INDEX itself. */
static size_t owner_of(const struct segmap_regions *regions, size_t index)
{
	size_t i = index;

	while (i > 0 && !regions->items[i].name[0] &&
	       regions->items[i - 1].end == regions->items[i].start)
		i--;
	return regions->items[i].inode ? i : index;
}

static const char *label_name(const struct segmap_regions *regions, size_t index, bool *bss)
{
	size_t owner = owner_of(regions, index);
	const char *name = base_name(regions->items[owner].name);

	*bss = owner != index;
	return *name ? name : "anon";
}

const char *region_label(const struct segmap_regions *regions, size_t index,
			 char out[LABEL_SIZE])
{
	bool bss, other_bss;
	const char *name = label_name(regions, index, &bss);
	size_t ordinal = 0;

	for (size_t i = 0; i < index; i++)
		if (strcmp(label_name(regions, i, &other_bss), name) == 0 && other_bss == bss)
			ordinal++;
	if (name[0] == '[' && ordinal == 0)
		snprintf(out, LABEL_SIZE, "%s", name);
	else
		snprintf(out, LABEL_SIZE, "%.64s%s[%zu]", name, bss ? " bss" : "", ordinal);
	return out;
}

static const char *role_on_stack(const struct roles *roles, const struct segmap_region *stack,
				 uint64_t addr, char out[ROLE_SIZE])
{
	if (addr >= roles->arg_start)
		snprintf(out, ROLE_SIZE, "end of stack - 0x%" PRIx64, stack->end - addr);
	else
		snprintf(out, ROLE_SIZE, "sp + 0x%" PRIx64, addr - roles->sp);
	return out;
}

/* An address in no mapping: where it lies between them is all that can be said. */
static const char *role_outside(const struct roles *roles, uint64_t addr, char out[ROLE_SIZE])
{
	char label[LABEL_SIZE] = "0";

	for (size_t i = 0; i < roles->regions->count; i++)
		if (roles->regions->items[i].end <= addr)
			region_label(roles->regions, i, label);
	/* not an address, or not one of a program's */
	if (addr < (uint64_t)sysconf(_SC_PAGESIZE) || addr > INT64_MAX)
		snprintf(out, ROLE_SIZE, "0x%" PRIx64, addr);
	else
		snprintf(out, ROLE_SIZE, "unmapped, after %s", label);
	return out;
}

const char *role_of(const struct roles *roles, uint64_t addr, char out[ROLE_SIZE])
{
	const struct segmap_region *region =
		roles->numbers ? NULL : segmap_regions_find(roles->regions, addr);
	char label[LABEL_SIZE];

	if (roles->numbers)
		snprintf(out, ROLE_SIZE, "0x%" PRIx64, addr);
	else if (!region)
		return role_outside(roles, addr, out);
	else if (roles->sp && strcmp(region->name, "[stack]") == 0)
		return role_on_stack(roles, region, addr, out);
	else
		snprintf(out, ROLE_SIZE, "%s + 0x%" PRIx64,
			 region_label(roles->regions, (size_t)(region - roles->regions->items),
				      label),
			 addr - region->start);
	return out;
}

/* Distances within one file are fixed; those between files are drawn. */
static bool is_of_previous(const struct segmap_regions *regions, size_t index)
{
	const struct segmap_region *here = &regions->items[index], *before = here - 1;

	if (index == 0)
		return false;
	if (!here->inode)
		return owner_of(regions, index) != index;
	const struct segmap_region *owner = &regions->items[owner_of(regions, index - 1)];
	return owner->inode == here->inode && owner->major == here->major &&
	       owner->minor == here->minor && before->end <= here->start;
}

static void place_of(const struct segmap_regions *regions, size_t index,
		     const struct roles *roles, char *out, size_t size)
{
	const struct segmap_region *r = &regions->items[index];

	if (roles->numbers)
		snprintf(out, size, "%08" PRIx64 "-%08" PRIx64, r->start, r->end);
	else if (is_of_previous(regions, index))
		snprintf(out, size, "0x%" PRIx64 " bytes 0x%" PRIx64 " after the last",
			 r->end - r->start, r->start - r[-1].end);
	else
		snprintf(out, size, "0x%" PRIx64 " bytes", r->end - r->start);
}

static void add_region(struct facts *facts, const struct segmap_regions *regions, size_t index,
		       const struct roles *roles)
{
	const struct segmap_region *r = &regions->items[index];
	const char *when = facts->at_end ? "exit " : "";
	char label[LABEL_SIZE], place[96], text[4352 + 160];

	region_label(regions, index, label);
	place_of(regions, index, roles, place, sizeof(place));
	snprintf(text, sizeof(text), "%s %s %08" PRIx64 " %02x:%02x %" PRIu64 "%s%s", place,
		 r->perms, r->offset, r->major, r->minor, r->inode, r->name[0] ? " " : "",
		 r->name);
	facts_add(facts, text, "%smaps %s", when, label);
	if (r->flags)
		facts_add(facts, r->flags, "%sflags %s", when, label);
}

/* What a program has got from a random place may touch its neighbour or not, and becomes one
 * mapping with it: only the sum is the same in every process. */
static void add_anonymous_sum(struct facts *facts, const struct segmap_regions *regions)
{
	uint64_t readable = 0, other = 0;
	char text[32];

	for (size_t i = 0; i < regions->count; i++) {
		const struct segmap_region *r = &regions->items[i];

		if (!r->name[0])
			*(r->perms[0] == 'r' ? &readable : &other) += r->end - r->start;
	}
	snprintf(text, sizeof(text), "0x%" PRIx64 " bytes", readable);
	facts_add(facts, text, "exit maps anonymous");
	snprintf(text, sizeof(text), "0x%" PRIx64 " bytes", other);
	facts_add(facts, text, "exit maps reserved");
}

void facts_about_regions(struct facts *facts, const struct segmap_regions *regions,
			 const struct roles *roles)
{
	bool sum = facts->at_end && !roles->numbers;

	if (regions->error) {
		facts_add_unknown(facts, regions->error, "%smaps",
				  facts->at_end ? "exit " : "");
		return;
	}
	for (size_t i = 0; i < regions->count; i++)
		if (!sum || regions->items[i].name[0])
			add_region(facts, regions, i, roles);
	if (sum)
		add_anonymous_sum(facts, regions);
}
