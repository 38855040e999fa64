/* `segmap share` as tables: a line for each mapping, then the sums and their witnesses. */
#include "share.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	CELLS = 16, /* letters of a strip, unless all pages are to be shown */
	RUN = 32,   /* alike letters that are written as one and a number */
	ROWS = 48,  /* mappings, unless all are to be shown */
	ROWS_LAST = 12,
};

enum column {
	COLUMN_ADDRESS,
	COLUMN_END,
	COLUMN_PERM,
	COLUMN_KIND,
	COLUMN_COPIES,
	COLUMN_PAGES,
	COLUMN_ONE,
	COLUMN_SOME,
	COLUMN_PARTED,
	COLUMN_ABSENT,
	COLUMN_UNKNOWN,
	COLUMN_STRIP,
	COLUMN_NAME,
	COLUMN_COUNT,
};

const struct view_column share_columns[COLUMN_COUNT] = {
	[COLUMN_ADDRESS] = {"ADDRESS", SCOLS_FL_RIGHT, false},
	[COLUMN_END] = {"END", SCOLS_FL_RIGHT, true},
	[COLUMN_PERM] = {"PERM", 0, false},
	[COLUMN_KIND] = {"KIND", 0, true},
	[COLUMN_COPIES] = {"COPIES", SCOLS_FL_RIGHT, true},
	[COLUMN_PAGES] = {"PAGES", SCOLS_FL_RIGHT, false},
	[COLUMN_ONE] = {"ONE", SCOLS_FL_RIGHT, false},
	[COLUMN_SOME] = {"SOME", SCOLS_FL_RIGHT, false},
	[COLUMN_PARTED] = {"PARTED", SCOLS_FL_RIGHT, false},
	[COLUMN_ABSENT] = {"ABSENT", SCOLS_FL_RIGHT, false},
	[COLUMN_UNKNOWN] = {"UNKNOWN", SCOLS_FL_RIGHT, false},
	[COLUMN_STRIP] = {"STRIP", 0, false},
	[COLUMN_NAME] = {"NAME", SCOLS_FL_TRUNC, false},
};
const size_t share_column_count = COLUMN_COUNT;

char share_letter(const struct segmap_shared_page *page, size_t copies)
{
	switch (page->sharing) {
	case SEGMAP_SHARING_ABSENT:
		return '.';
	case SEGMAP_SHARING_ONE:
		return page->state == SEGMAP_PAGE_ZERO ? '0' : '1';
	case SEGMAP_SHARING_SOME:
		return '-';
	case SEGMAP_SHARING_PARTED:
		return page->frames == copies ? 'N' : 'm';
	default:
		return '?';
	}
}

/* ---- strips ---- */

/* Pages of a region from its first to its last, as runs of alike letters. */
struct walk {
	const struct segmap_sharing_account *account;
	const struct segmap_shared_region *region;
	size_t next;  /* in the account's pages */
	uint64_t at;  /* page of the region */
	uint64_t run; /* pages from there that are alike */
	char letter;
};

static char page_letter(const struct walk *w, size_t index)
{
	return share_letter(&w->account->pages[index], w->account->copies);
}

static uint64_t page_number(const struct walk *w, size_t index)
{
	return (w->account->pages[index].addr - w->region->start) / w->account->page_size;
}

/* False when there is none left. */
static bool walk_on(struct walk *w)
{
	size_t end = w->region->first + w->region->count;

	w->at += w->run;
	w->run = 0;
	if (w->at >= w->region->pages)
		return false;
	if (w->next == end || page_number(w, w->next) > w->at) {
		uint64_t to = w->next == end ? w->region->pages : page_number(w, w->next);

		w->letter = '.';
		w->run = to - w->at;
		return true;
	}
	w->letter = page_letter(w, w->next);
	while (w->next < end && page_number(w, w->next) == w->at + w->run &&
	       page_letter(w, w->next) == w->letter) {
		w->run++;
		w->next++;
	}
	return true;
}

/* A letter a page; long runs as "1{120}". */
static char *whole_strip(struct walk walk)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	while (out && walk_on(&walk)) {
		if (walk.run >= RUN)
			fprintf(out, "%c{%" PRIu64 "}", walk.letter, walk.run);
		else
			for (uint64_t i = 0; i < walk.run; i++)
				fputc(walk.letter, out);
	}
	if (out)
		fclose(out);
	return text;
}

/* So many letters at most, each for as many pages; '*' where they differ. */
static char *folded_strip(struct walk walk)
{
	uint64_t pages = walk.region->pages, each = (pages + CELLS - 1) / CELLS;
	char cells[CELLS + 1] = "";

	while (walk_on(&walk))
		for (uint64_t cell = walk.at / each; cell <= (walk.at + walk.run - 1) / each;
		     cell++) {
			char *c = &cells[cell];

			if (*c && *c != walk.letter)
				*c = '*';
			else
				*c = walk.letter;
		}
	return strdup(cells);
}

static char *strip(const struct segmap_sharing_account *account,
		   const struct segmap_shared_region *region, bool all)
{
	const struct walk walk = {.account = account, .region = region, .next = region->first};

	return all ? whole_strip(walk) : folded_strip(walk);
}

/* ---- lines ---- */

static char *number(uint64_t value)
{
	char *text;

	return asprintf(&text, "%" PRIu64, value) < 0 ? NULL : text;
}

static char *address(uint64_t value)
{
	char *text;

	return asprintf(&text, "%08" PRIx64, value) < 0 ? NULL : text;
}

static void set_counts(char **cells, const uint64_t *counts, uint64_t pages)
{
	cells[COLUMN_PAGES] = number(pages);
	cells[COLUMN_ONE] = number(counts[SEGMAP_SHARING_ONE]);
	cells[COLUMN_SOME] = number(counts[SEGMAP_SHARING_SOME]);
	cells[COLUMN_PARTED] = number(counts[SEGMAP_SHARING_PARTED]);
	cells[COLUMN_ABSENT] = number(counts[SEGMAP_SHARING_ABSENT]);
	cells[COLUMN_UNKNOWN] = number(counts[SEGMAP_SHARING_UNKNOWN]);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return *path == '/' && slash ? slash + 1 : path;
}

static int add_region(struct view_table *table, const struct segmap_sharing_account *account,
		      const struct segmap_shared_region *shared,
		      const struct share_options *options)
{
	const struct segmap_region *region = shared->region;
	char *cells[COLUMN_COUNT] = {
		[COLUMN_ADDRESS] = address(shared->start),
		[COLUMN_END] = address(shared->start + shared->pages * account->page_size),
		[COLUMN_PERM] = strdup(region->perms),
		[COLUMN_KIND] = strdup(segmap_kind_name(segmap_region_kind(region))),
		[COLUMN_COPIES] = number(shared->copies),
		[COLUMN_STRIP] = strip(account, shared, options->all),
		[COLUMN_NAME] = strdup(options->subject.view.raw ? region->name
								 : base_name(region->name)),
	};

	set_counts(cells, shared->counts, shared->pages);
	return view_table_line(table, cells, NULL);
}

/* One line for COUNT mappings that are not shown. */
static int add_rest(struct view_table *table, const struct segmap_shared_region *regions,
		    size_t count)
{
	uint64_t counts[SEGMAP_SHARING_COUNT] = {0}, pages = 0;
	char *cells[COLUMN_COUNT] = {0};

	for (size_t i = 0; i < count; i++) {
		pages += regions[i].pages;
		for (int k = 0; k < SEGMAP_SHARING_COUNT; k++)
			counts[k] += regions[i].counts[k];
	}
	set_counts(cells, counts, pages);
	cells[COLUMN_ADDRESS] = strdup("...");
	if (asprintf(&cells[COLUMN_NAME], "(%zu more: --all)", count) < 0)
		cells[COLUMN_NAME] = NULL;
	return view_table_line(table, cells, NULL);
}

static int fill(struct view_table *table, const struct share_side *side,
		const struct share_options *options)
{
	const struct segmap_sharing_account *account = &side->account;
	size_t count = account->region_count, hidden = 0;
	int r = 0;

	if (!options->all && !options->subject.view.raw && count > ROWS)
		hidden = count - ROWS + 1;
	size_t from = count - ROWS_LAST - hidden;
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (hidden && i == from) {
			r = add_rest(table, &account->regions[i], hidden);
			i += hidden - 1;
		} else {
			r = add_region(table, account, &account->regions[i], options);
		}
	}
	return r;
}

/* ---- one table ---- */

static int print_side(const struct share_report *report, const struct share_side *side,
		      FILE *out)
{
	const struct view_options *view = &report->options->subject.view;
	const uint64_t *counts = side->account.counts;
	struct view_column columns[COLUMN_COUNT];
	struct view_table table;

	memcpy(columns, share_columns, sizeof(columns));
	columns[COLUMN_SOME].hidden = counts[SEGMAP_SHARING_SOME] == 0;
	columns[COLUMN_UNKNOWN].hidden = counts[SEGMAP_SHARING_UNKNOWN] == 0;
	if (report->options->all)
		columns[COLUMN_STRIP].flags = SCOLS_FL_WRAP;
	int r = view_table_begin(&table, view, "share", out, columns, COLUMN_COUNT);
	if (r == 0)
		r = fill(&table, side, report->options);
	return view_table_end(&table, r);
}

int share_print_table(const struct share_report *report, FILE *out)
{
	bool raw = report->options->subject.view.raw;
	int r = 0;

	for (size_t i = 0; r == 0 && i < report->side_count; i++) {
		const struct share_side *side = &report->sides[i];

		if (!raw)
			share_print_title(report, side, out);
		r = print_side(report, side, out);
		if (r == 0 && !raw)
			share_print_sums(report, side, out);
	}
	if (r == 0 && !raw && report->side_count > 1)
		share_print_beside(report, out);
	return r;
}
