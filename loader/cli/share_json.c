/* `segmap share --json`: docs/schemas/share.schema.json describes it. */
#include "json.h"
#include "share.h"

#include <errno.h>
#include <string.h>

static const enum segmap_sharing shown[] = {
	SEGMAP_SHARING_ONE,    SEGMAP_SHARING_SOME,    SEGMAP_SHARING_PARTED,
	SEGMAP_SHARING_ABSENT, SEGMAP_SHARING_UNKNOWN,
};

static json_t *json_pages(const uint64_t *counts)
{
	struct object o = object_new();
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		set(&o, segmap_sharing_name(shown[i]), json_count(counts[shown[i]]));
		all += counts[shown[i]];
	}
	set(&o, "all", json_count(all));
	return object_end(&o);
}

/* ---- runs of alike pages ---- */

static bool is_alike(const struct segmap_shared_page *a, const struct segmap_shared_page *b)
{
	return a->sharing == b->sharing && a->copies == b->copies && a->frames == b->frames &&
	       a->state == b->state;
}

static json_t *json_run(const struct segmap_shared_page *page, size_t pages)
{
	struct object o = object_new();

	set(&o, "address", json_hex(page->addr));
	set(&o, "pages", json_count(pages));
	set(&o, "sharing", json_string(segmap_sharing_name(page->sharing)));
	set(&o, "state", json_string(segmap_page_state_name(page->state)));
	set(&o, "copies", json_count(page->copies));
	if (page->frames)
		set(&o, "frames", json_count(page->frames));
	else
		set_unknown(&o, "frames", "frames_why",
			    page->state == SEGMAP_PAGE_SWAPPED ? "swapped out"
							       : "frames are not told");
	return object_end(&o);
}

static json_t *json_runs(const struct segmap_sharing_account *account,
			 const struct segmap_shared_region *region)
{
	const struct segmap_shared_page *pages = account->pages + region->first;
	json_t *runs = json_array();

	for (size_t i = 0, end; i < region->count; i = end) {
		for (end = i + 1; end < region->count; end++)
			if (!is_alike(&pages[i], &pages[end]) ||
			    pages[end].addr != pages[end - 1].addr + account->page_size)
				break;
		if (json_array_append_new(runs, json_run(&pages[i], end - i)) < 0) {
			json_decref(runs);
			return NULL;
		}
	}
	return runs;
}

static json_t *json_region(const struct segmap_sharing_account *account,
			   const struct segmap_shared_region *shared)
{
	const struct segmap_region *region = shared->region;
	struct object o = object_new();

	set(&o, "start", json_hex(shared->start));
	set(&o, "end", json_hex(shared->start + shared->pages * account->page_size));
	set(&o, "permissions", json_string(region->perms));
	set(&o, "offset", json_hex(region->offset));
	set(&o, "name", json_text(region->name));
	set(&o, "kind", json_string(segmap_kind_name(segmap_region_kind(region))));
	set(&o, "copies", json_count(shared->copies));
	set(&o, "pages", json_pages(shared->counts));
	set(&o, "runs", json_runs(account, shared));
	return object_end(&o);
}

static json_t *json_regions(const struct segmap_sharing_account *account)
{
	json_t *regions = json_array();

	for (size_t i = 0; i < account->region_count; i++)
		if (json_array_append_new(regions, json_region(account, &account->regions[i])) <
		    0) {
			json_decref(regions);
			return NULL;
		}
	return regions;
}

/* ---- sums ---- */

static json_t *json_memory(const struct segmap_sharing_account *account)
{
	const struct segmap_sharing_memory *memory = &account->memory;
	uint64_t saved = memory->mapped - memory->frames;
	struct object o = object_new();

	set(&o, "unshared_pages", json_count(memory->mapped));
	set(&o, "unshared_bytes", json_count(memory->mapped * account->page_size));
	set(&o, "pages", json_count(memory->frames));
	set(&o, "bytes", json_count(memory->frames * account->page_size));
	set(&o, "saved_pages", json_count(saved));
	set(&o, "saved_bytes", json_count(saved * account->page_size));
	set(&o, "unknown_pages", json_count(memory->unknown));
	return object_end(&o);
}

static json_t *json_counts(const struct segmap_sharing_account *account)
{
	const struct segmap_sharing_counts *counts = &account->mapcounts;
	struct object o = object_new();
	int error = account->frames_error ? account->frames_error : account->counts_error;

	set(&o, "verdict", json_string(share_verdict_name(share_judge_counts(account))));
	if (error) {
		set_unknown(&o, "checked", "why", strerror(error));
		set(&o, "fewer", json_null());
		set(&o, "more", json_null());
		return object_end(&o);
	}
	set(&o, "checked", json_count(counts->checked));
	set(&o, "fewer", json_count(counts->fewer));
	set(&o, "more", json_count(counts->elsewhere));
	return object_end(&o);
}

static json_t *json_pss(const struct segmap_sharing_account *account)
{
	struct object o = object_new();
	int error = account->memory.pss_error;

	set(&o, "verdict", json_string(share_verdict_name(share_judge_pss(account))));
	if (error)
		set_unknown(&o, "bytes", "why", strerror(error));
	else
		set(&o, "bytes", json_count(account->memory.pss));
	set(&o, "expected_bytes", json_count(share_expected_pss(account)));
	set(&o, "expected_by",
	    json_string(account->mapcounts.pss_known ? "kpagecount" : "pages"));
	return object_end(&o);
}

static json_t *json_side(const struct share_side *side)
{
	const struct segmap_sharing_account *account = &side->account;
	struct object o = object_new();

	set(&o, "by", json_text(side->by));
	set(&o, "frames_told", json_boolean(!account->frames_error));
	set(&o, "pages", json_pages(account->counts));
	set(&o, "memory", json_memory(account));
	set(&o, "kpagecount", json_counts(account));
	set(&o, "pss", json_pss(account));
	set(&o, "mappings", json_regions(account));
	return object_end(&o);
}

static json_t *json_sides(const struct share_report *report)
{
	json_t *sides = json_array();

	for (size_t i = 0; i < report->side_count; i++)
		if (json_array_append_new(sides, json_side(&report->sides[i])) < 0) {
			json_decref(sides);
			return NULL;
		}
	return sides;
}

json_t *share_json(const struct share_report *report)
{
	const struct share_options *options = report->options;
	struct object o = object_new();

	set(&o, "schema", json_string("segmap.share/1"));
	set(&o, "program", json_text(report->program));
	set(&o, "arguments", json_arguments(report->argv));
	set(&o, "aslr", json_boolean(options->subject.aslr));
	set(&o, "copies", json_count(options->copies));
	set(&o, "at", json_string(share_place_name(options)));
	set(&o, "page_size", json_count(report->sides[0].account.page_size));
	set(&o, "loads", json_sides(report));
	return object_end(&o);
}

int share_print_json(const struct share_report *report, FILE *out)
{
	return json_write(share_json(report), out);
}
