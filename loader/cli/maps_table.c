/* The address space as a table: /proc's columns, then ours. */
#include "maps.h"
#include "plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMN_ADDRESS,
	COLUMN_PERMS,
	COLUMN_OFFSET,
	COLUMN_DEV,
	COLUMN_INODE,
	COLUMN_PATH,
	COLUMN_KIND,
	COLUMN_SEGMENT,
	COLUMN_FILE,
	COLUMN_BSS,
	COLUMN_SECTIONS,
	COLUMN_PAGES,
	COLUMN_OBJECT,
	COLUMN_SIZE,
	COLUMN_COUNT,
};

static const struct view_column columns[COLUMN_COUNT] = {
	[COLUMN_ADDRESS] = {"ADDRESS", 0, false},
	[COLUMN_PERMS] = {"PERMS", 0, false},
	[COLUMN_OFFSET] = {"OFFSET", 0, false},
	[COLUMN_DEV] = {"DEV", 0, false},
	[COLUMN_INODE] = {"INODE", SCOLS_FL_RIGHT, false},
	[COLUMN_PATH] = {"PATH", SCOLS_FL_TRUNC, false},
	[COLUMN_KIND] = {"KIND", 0, false},
	[COLUMN_SEGMENT] = {"SEG", 0, false},
	[COLUMN_FILE] = {"FILE", SCOLS_FL_RIGHT, false},
	[COLUMN_BSS] = {"BSS", SCOLS_FL_RIGHT, false},
	[COLUMN_SECTIONS] = {"SECTIONS", SCOLS_FL_TRUNC, false},
	[COLUMN_PAGES] = {"PAGES", 0, true},
	[COLUMN_OBJECT] = {"OBJECT", 0, true},
	[COLUMN_SIZE] = {"SIZE", SCOLS_FL_RIGHT, true},
};

enum {
	NARROW = 132,    /* characters: where not all of this has room */
	PERIOD_MOST = 2, /* mappings that alternate, as stacks and their guards do */
	FOLD_LEAST = 8,  /* lines that folding must save */
};

/* A table while it is filled. */
struct table {
	const struct maps_report *report;
	struct view_table view;
	bool narrow, raw, bytes;
};

bool maps_columns_valid(const struct view_options *view)
{
	return view_table_check(view, "maps", columns, COLUMN_COUNT);
}

/* ---- cells ---- */

static char *format(const char *template, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *template, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, template);
	if (vasprintf(&text, template, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

/* Where there is little room, the name says more than the directories. */
static char *path_cell(const struct table *table, const struct segmap_region *region)
{
	const char *slash = table->narrow ? strrchr(region->name, '/') : NULL;

	return strdup(slash && slash[1] ? slash + 1 : region->name);
}

/* The kernel's half of the address space would make the column wide for a single line. */
static char *address_cell(const struct table *table, const struct segmap_region *r)
{
	if (table->narrow && r->start > INT64_MAX)
		return format("%" PRIx64 "+%" PRIx64, r->start, r->end - r->start);
	return format("%08" PRIx64 "-%08" PRIx64, r->start, r->end);
}

static char *segment_cell(const struct segmap_part *part)
{
	char flags[4];

	if (part->error)
		return strdup("?");
	if (part->segment == SIZE_MAX)
		return strdup("");
	return format("%zu %s", part->segment, name_flags(part->flags, flags));
}

static char *bytes_cell(const struct table *table, const struct segmap_part *part,
			uint64_t bytes)
{
	if (part->error)
		return strdup("?");
	return bytes ? size_text(bytes, table->bytes) : strdup("");
}

static char *sections_cell(const struct table *table, const struct segmap_region *region)
{
	size_t count;
	struct segmap_section *sections = maps_sections(table->report, region, &count);
	char *text = sections ? shorten_sections(sections, count) : NULL;

	free(sections);
	return text;
}

/* "12f 3C": how many in each state. */
static char *pages_cell(const struct table *table, const struct segmap_region *region)
{
	uint64_t counts[SEGMAP_PAGE_STATE_COUNT];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (!maps_count_pages(table->report, region, counts))
		fputc('?', out);
	else
		for (int i = 0; i < SEGMAP_PAGE_STATE_COUNT; i++)
			if (counts[i])
				fprintf(out, "%s%" PRIu64 "%c", ftell(out) ? " " : "",
					counts[i],
					segmap_page_letter((enum segmap_page_state)i));
	fclose(out);
	return text;
}

static char *cell(const struct table *table, const struct segmap_region *r,
		  const struct segmap_part *part, size_t column)
{
	switch (column) {
	case COLUMN_ADDRESS:
		return address_cell(table, r);
	case COLUMN_PERMS:
		return strdup(r->perms);
	case COLUMN_OFFSET:
		return format("%08" PRIx64, r->offset);
	case COLUMN_DEV:
		return format("%02x:%02x", r->major, r->minor);
	case COLUMN_INODE:
		return format("%" PRIu64, r->inode);
	case COLUMN_PATH:
		return path_cell(table, r);
	case COLUMN_KIND:
		return strdup(segmap_kind_name(segmap_region_kind(r)));
	case COLUMN_SEGMENT:
		return segment_cell(part);
	case COLUMN_FILE:
		return bytes_cell(table, part, part->file_bytes);
	case COLUMN_BSS:
		return bytes_cell(table, part, part->bss_bytes);
	case COLUMN_SECTIONS:
		return sections_cell(table, r);
	case COLUMN_PAGES:
		return pages_cell(table, r);
	case COLUMN_OBJECT:
		return strdup(segmap_role_name(part->role));
	default:
		return size_text(r->end - r->start, table->bytes);
	}
}

static bool is_shown(const struct table *table, size_t column)
{
	for (size_t i = 0; i < table->view.shown_count; i++)
		if (table->view.shown[i] == column)
			return true;
	return false;
}

static int add_region(struct table *table, const struct segmap_region *region)
{
	struct segmap_part part = maps_part(table->report, region);
	bool both = region->perms[1] == 'w' && region->perms[2] == 'x';
	char *cells[COLUMN_COUNT] = {0};
	bool failed = false;

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (!is_shown(table, i))
			continue;
		cells[i] = cell(table, region, &part, i);
		failed |= !cells[i];
	}
	int r = view_table_line(&table->view, cells, both ? "red" : NULL);
	return failed ? -ENOMEM : r;
}

/* ---- folding ---- */

static bool are_alike(const struct segmap_region *a, const struct segmap_region *b)
{
	return a->end - a->start == b->end - b->start && strcmp(a->perms, b->perms) == 0 &&
	       strcmp(a->name, b->name) == 0 && segmap_region_kind(a) == segmap_region_kind(b);
}

/* How many regions from FROM on repeat those that are PERIOD before them. */
static size_t repeats(const struct segmap_regions *regions, size_t from, size_t period)
{
	size_t i = from + period;

	while (i < regions->count && are_alike(&regions->items[i], &regions->items[i - period]))
		i++;
	return i - from - period;
}

/* The period of what begins at FROM and can be folded, and in *MORE how many lines that saves;
 * 0 if nothing can be. */
static size_t find_fold(const struct table *table, size_t from, size_t *more)
{
	if (table->report->options->all || table->raw)
		return 0;
	for (size_t period = 1; period <= PERIOD_MOST; period++) {
		*more = repeats(&table->report->regions, from, period);
		*more -= *more % period;
		if (*more > FOLD_LEAST)
			return period;
	}
	return 0;
}

/* "9990": as people write it, "9,990". */
static char *grouped(uint64_t number)
{
	if (number < 1000)
		return format("%" PRIu64, number);
	if (number < 1000000)
		return format("%" PRIu64 ",%03" PRIu64, number / 1000, number % 1000);
	return format("%" PRIu64 ",%03" PRIu64 ",%03" PRIu64, number / 1000000,
		      number / 1000 % 1000, number % 1000);
}

/* "anon-private rw-p 4K": what was folded. */
static char *describe(const struct table *table, const struct segmap_region *region)
{
	char *size = size_text(region->end - region->start, table->bytes);
	char *text = size ? format("%s %s %s", segmap_kind_name(segmap_region_kind(region)),
				   region->perms, size)
			  : NULL;

	free(size);
	return text;
}

static int add_fold(struct table *table, size_t from, size_t period, size_t more)
{
	const struct segmap_region *regions = table->report->regions.items;
	char *count = grouped(more), *first = describe(table, &regions[from]), *text = NULL;
	char *second = period > 1 ? describe(table, &regions[from + 1]) : strdup("");

	if (count && first && second)
		text = format("... %s more of the same: %s%s%s", count, first,
			      *second ? " and " : "", second);
	free(count);
	free(first);
	free(second);
	return view_table_note(&table->view, text);
}

/* ---- all of it ---- */

static int fill(struct table *table)
{
	const struct segmap_regions *regions = &table->report->regions;
	size_t period, more = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < regions->count;) {
		period = find_fold(table, i, &more);
		for (size_t n = period ? period : 1; r == 0 && n > 0; n--)
			r = add_region(table, &regions->items[i++]);
		if (r == 0 && period) {
			r = add_fold(table, i - period, period, more);
			i += more;
		}
	}
	return r;
}

static void print_heading(const struct maps_report *report, FILE *out)
{
	const struct maps_options *options = report->options;

	put_text(out, report->program ? report->program : "(program unknown)");
	if (options->pid) {
		fprintf(out, ": process %d, running\n", report->pid);
		return;
	}
	fputs(options->symbol ? ": at " : ": ", out);
	if (options->symbol)
		put_text(out, options->symbol);
	else if (options->subject.loader)
		fputs("at the program's entry point", out);
	else
		fputs("before its first instruction", out);
	fputs(", by ", out);
	put_text(out, report->by);
	fputc('\n', out);
}

static int print_sum(const struct table *table, FILE *out)
{
	const struct segmap_regions *regions = &table->report->regions;
	uint64_t bytes[SEGMAP_KIND_COUNT] = {0}, all = 0;

	for (size_t i = 0; i < regions->count; i++) {
		const struct segmap_region *r = &regions->items[i];

		bytes[segmap_region_kind(r)] += r->end - r->start;
		all += r->end - r->start;
	}
	char *size = size_text(all, table->bytes);
	fprintf(out, "%zu mappings, %s:", regions->count, size ? size : "?");
	bool failed = !size;
	free(size);
	for (int i = 0; i < SEGMAP_KIND_COUNT; i++) {
		size = bytes[i] ? size_text(bytes[i], table->bytes) : NULL;
		failed |= bytes[i] && !size;
		if (size)
			fprintf(out, " %s %s", segmap_kind_name((enum segmap_kind)i), size);
		free(size);
	}
	fputc('\n', out);
	return failed ? -ENOMEM : 0;
}

/* What a narrow terminal has room for. */
static void choose_view(struct table *table, struct view_options *view, FILE *out)
{
	static const char least[] = "ADDRESS,PERMS,PATH,KIND,SEG,FILE,BSS";
	size_t width = view_width(out);

	table->narrow = !view->raw && width && width < NARROW;
	if (table->narrow && !view->columns)
		view->columns = least;
}

int maps_print_table(const struct maps_report *report, FILE *out)
{
	struct view_options view = report->options->subject.view;
	struct table table = {.report = report, .raw = view.raw, .bytes = view.bytes};

	choose_view(&table, &view, out);
	if (!view.raw)
		print_heading(report, out);
	int r = view_table_begin(&table.view, &view, "maps", out, columns, COLUMN_COUNT);
	if (r == 0)
		r = fill(&table);
	r = view_table_end(&table.view, r);
	return r == 0 && !view.raw ? print_sum(&table, out) : r;
}
