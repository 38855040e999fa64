/* What is embedded in the page: docs/schemas/report.schema.json. The documents in it are those
 * that the other commands print with --json. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum {
	FAULTS_WHOLE = 4000,  /* more are only in the timeline */
	FRAMES_WHOLE = 20000, /* pages whose frames are listed */
};

static json_t *json_letter(enum segmap_page_state state)
{
	return json_sprintf("%c", segmap_page_letter(state));
}

static json_t *run_json(const struct report_run *run)
{
	return json_pack("[I, I, o, o]", (json_int_t)run->page, (json_int_t)run->count,
			 json_letter(run->entry), json_letter(run->exit));
}

static json_t *runs_json(const struct report_row *row)
{
	json_t *runs = json_array();

	for (size_t i = 0; i < row->run_count; i++)
		if (json_array_append_new(runs, run_json(&row->runs[i])) < 0) {
			json_decref(runs);
			return NULL;
		}
	return runs;
}

/* [page, frame, how many page tables have it] for what was in memory at exit. */
static json_t *frames_json(const struct report *report, const struct report_row *row)
{
	const struct segmap_pages *pages = &report->faults->exit_pages;
	json_t *frames = json_array();

	for (size_t i = segmap_pages_from(pages, row->start);
	     i < pages->count && pages->items[i].addr < row->end; i++) {
		const struct segmap_page *page = &pages->items[i];
		uint64_t number = (page->addr - row->start) / pages->page_size;

		if (page->frame &&
		    json_array_append_new(frames, json_pack("[I, I, I]", (json_int_t)number,
							    (json_int_t)page->frame,
							    (json_int_t)page->mapcount)) < 0) {
			json_decref(frames);
			return NULL;
		}
	}
	return frames;
}

static void set_frames(struct object *o, const struct report *report,
		       const struct report_row *row)
{
	const struct segmap_pages *pages = &report->faults->exit_pages;

	if (pages->error || pages->frames_error)
		set_unknown(o, "frames", "frames_why",
			    strerror(pages->error ? pages->error : pages->frames_error));
	else if (pages->count > FRAMES_WHOLE)
		set_unknown(o, "frames", "frames_why", "too many pages to list");
	else
		set(o, "frames", frames_json(report, row));
}

static json_t *section_json(const struct segmap_section *section)
{
	return json_pack("{s:o, s:o, s:o}", "name", json_text(section->name), "addr",
			 json_hex(section->vaddr), "size", json_count(section->size));
}

static json_t *sections_json(const struct report *report, const struct report_row *row)
{
	size_t count = segmap_names_sections(report->names, row->start, row->end, NULL, 0);
	struct segmap_section *sections = calloc(count + 1, sizeof(*sections));
	json_t *array = sections ? json_array() : NULL;

	if (array)
		segmap_names_sections(report->names, row->start, row->end, sections, count);
	for (size_t i = 0; array && i < count; i++)
		json_array_append_new(array, section_json(&sections[i]));
	free(sections);
	return array;
}

static json_t *row_json(const struct report *report, const struct report_row *row)
{
	const struct segmap_region *region = row->region;
	struct object o = object_new();

	set(&o, "start", json_hex(row->start));
	set(&o, "end", json_hex(row->end));
	set(&o, "perms", json_string(region->perms));
	set(&o, "offset", json_hex(region->offset + (row->start - region->start)));
	set(&o, "name", json_text(region->name));
	set(&o, "kind", json_string(segmap_kind_name(segmap_region_kind(region))));
	set(&o, "role", json_string(segmap_role_name(row->part.role)));
	if (row->part.segment != SIZE_MAX)
		set(&o, "segment", json_count(row->part.segment));
	set(&o, "sections", sections_json(report, row));
	set(&o, "at_entry", json_boolean(!row->late));
	set(&o, "at_exit", json_boolean(!row->gone));
	set(&o, "pages", json_count(row->pages));
	set(&o, "pages_per_letter", json_count(row->per_cell));
	set(&o, "runs", runs_json(row));
	set_frames(&o, report, row);
	return object_end(&o);
}

static json_t *rows_json(const struct report *report)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < report->row_count; i++)
		if (json_array_append_new(rows, row_json(report, &report->rows[i])) < 0) {
			json_decref(rows);
			return NULL;
		}
	return rows;
}

/* As `segmap faults --json`; as `segmap faults --summary --json` if there are very many. */
static json_t *faults_document(const struct report *report)
{
	struct faults_report faults = *report->faults;
	struct faults_options options = *faults.options;

	options.summary = faults.faults.count > FAULTS_WHOLE;
	faults.options = &options;
	return faults_json(&faults);
}

static void set_document(struct object *o, const char *key, json_t *document)
{
	if (document)
		set(o, key, json_incref(document));
}

json_t *report_json(const struct report *report)
{
	const struct faults_report *faults = report->faults;
	struct object o = object_new();

	set(&o, "schema", json_string("segmap.report/1"));
	set(&o, "version", json_string(SEGMAP_VERSION));
	set(&o, "program", json_text(faults->subject->program));
	set(&o, "arguments", json_arguments(faults->subject->argv));
	set(&o, "loader", json_text(faults_by(faults)));
	set(&o, "page_size", json_count(faults->page_size));
	set(&o, "exit_seen", json_boolean(faults->has_exit));
	if (faults->entry_pages.error)
		set(&o, "pages_why", json_text(strerror(faults->entry_pages.error)));
	set(&o, "rows", rows_json(report));
	if (faults->watch_error)
		set_unknown(&o, "timeline", "timeline_why", strerror(-faults->watch_error));
	else
		set(&o, "timeline", report_timeline_json(report));
	set(&o, "stack", report_stack_json(report));
	set_document(&o, "plan", report->plan);
	set_document(&o, "maps", report->maps);
	if (faults->watch_error)
		set_unknown(&o, "faults", "faults_why", strerror(-faults->watch_error));
	else
		set(&o, "faults", faults_document(report));
	set_document(&o, "compare", report->compare);
	set_document(&o, "share", report->share);
	return object_end(&o);
}
