/* The address space as JSON: docs/schemas/maps.schema.json. */
#include "json.h"
#include "maps.h"
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Adds what there is of VALUE; NULL takes both away. */
static json_t *append(json_t *array, json_t *value)
{
	if (array && json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static void set_segment(struct object *object, const struct segmap_part *part)
{
	static const char *const keys[] = {"segment", "segment_flags", "file_bytes",
					   "bss_bytes"};
	char flags[4] = "   ";

	if (part->error)
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			set(object, keys[i], json_null());
	if (part->error) {
		set(object, "segment_why", json_text(strerror(part->error)));
		return;
	}
	if (part->segment == SIZE_MAX)
		return;
	set(object, "segment", json_count(part->segment));
	set(object, "segment_flags", json_string(name_flags(part->flags, flags)));
	set(object, "file_bytes", json_count(part->file_bytes));
	set(object, "bss_bytes", json_count(part->bss_bytes));
}

static json_t *json_section(const struct segmap_section *section)
{
	struct object object = object_new();

	set(&object, "name", json_text(section->name));
	set(&object, "addr", json_hex(section->vaddr));
	set(&object, "size", json_count(section->size));
	set(&object, "nobits", json_boolean(section->nobits));
	return object_end(&object);
}

static json_t *json_sections(const struct maps_report *report,
			     const struct segmap_region *region)
{
	size_t count;
	struct segmap_section *sections = maps_sections(report, region, &count);
	json_t *array = sections ? json_array() : NULL;

	for (size_t i = 0; array && i < count; i++)
		array = append(array, json_section(&sections[i]));
	free(sections);
	return array;
}

static json_t *json_part(const struct segmap_part *part)
{
	struct object object = object_new();

	set(&object, "start", json_hex(part->start));
	set(&object, "end", json_hex(part->end));
	set(&object, "role", json_string(segmap_role_name(part->role)));
	set_segment(&object, part);
	return object_end(&object);
}

static json_t *json_parts(const struct maps_report *report, const struct segmap_region *region)
{
	size_t count = segmap_names_parts(report->names, region->start, region->end, NULL, 0);
	struct segmap_part *parts = calloc(count + 1, sizeof(*parts));
	json_t *array = parts ? json_array() : NULL;

	if (parts)
		segmap_names_parts(report->names, region->start, region->end, parts, count);
	for (size_t i = 0; array && i < count; i++)
		array = append(array, json_part(&parts[i]));
	free(parts);
	return array;
}

static void set_pages(struct object *object, const struct maps_report *report,
		      const struct segmap_region *region)
{
	uint64_t counts[SEGMAP_PAGE_STATE_COUNT];
	struct object pages;

	if (!maps_count_pages(report, region, counts)) {
		set_unknown(object, "pages", "pages_why", strerror(report->pages.error));
		return;
	}
	pages = object_new();
	for (int i = 0; i < SEGMAP_PAGE_STATE_COUNT; i++)
		if (counts[i])
			set(&pages, segmap_page_state_name((enum segmap_page_state)i),
			    json_count(counts[i]));
	set(object, "pages", object_end(&pages));
}

static json_t *json_region(const struct maps_report *report, const struct segmap_region *region)
{
	struct object object = object_new();

	set(&object, "start", json_hex(region->start));
	set(&object, "end", json_hex(region->end));
	set(&object, "size", json_count(region->end - region->start));
	set(&object, "perms", json_string(region->perms));
	set(&object, "offset", json_hex(region->offset));
	set(&object, "device", json_sprintf("%02x:%02x", region->major, region->minor));
	set(&object, "inode", json_count(region->inode));
	if (region->name[0])
		set(&object, "path", json_text(region->name));
	set(&object, "kind", json_string(segmap_kind_name(segmap_region_kind(region))));
	set(&object, "parts", json_parts(report, region));
	set(&object, "sections", json_sections(report, region));
	set_pages(&object, report, region);
	return object_end(&object);
}

static json_t *json_regions(const struct maps_report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < report->regions.count; i++)
		array = append(array, json_region(report, &report->regions.items[i]));
	return array;
}

json_t *maps_json(const struct maps_report *report)
{
	struct object root = object_new();

	set(&root, "schema", json_string("segmap.maps/1"));
	set(&root, "at", json_string(report->at));
	if (report->options->symbol)
		set(&root, "symbol", json_text(report->options->symbol));
	if (report->program)
		set(&root, "program", json_text(report->program));
	else
		set_unknown(&root, "program", "program_why", "its exe link cannot be read");
	if (report->argv)
		set(&root, "arguments", json_arguments(report->argv));
	if (report->by)
		set(&root, "loader", json_text(report->by));
	if (report->options->pid)
		set(&root, "pid", json_count((uint64_t)report->pid));
	set(&root, "mappings", json_regions(report));
	return object_end(&root);
}

int maps_print_json(const struct maps_report *report, FILE *out)
{
	return json_write(maps_json(report), out);
}
