/* The rows of the picture: all mappings at exit, those that were gone by then, and the states
 * of their pages at both times. Time and memory go with pages that are there, not with sizes.
 */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_MOST = 480 }; /* letters of one row */

/* ---- which rows there are ---- */

static bool is_at(const struct segmap_regions *regions, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < regions->count; i++)
		if (regions->items[i].start < end && regions->items[i].end > start)
			return true;
	return false;
}

static int add_row(struct report *report, const struct segmap_region *region, uint64_t start,
		   uint64_t end)
{
	struct report_row *rows =
		reallocarray(report->rows, report->row_count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	report->rows = rows;
	rows[report->row_count++] =
		(struct report_row){.region = region, .start = start, .end = end};
	return 0;
}

/* What is left of REGION where none of OTHERS is. */
static int add_rest(struct report *report, const struct segmap_region *region,
		    const struct segmap_regions *others)
{
	uint64_t at = region->start;
	int r = 0;

	for (size_t i = 0; r == 0 && i < others->count && at < region->end; i++) {
		const struct segmap_region *other = &others->items[i];

		if (other->end <= at)
			continue;
		if (other->start >= region->end)
			break;
		if (other->start > at)
			r = add_row(report, region, at, other->start);
		at = other->end;
	}
	if (r == 0 && at < region->end)
		r = add_row(report, region, at, region->end);
	return r;
}

static int by_address(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* ---- the pages of a row ---- */

static bool is_next(const struct report_run *last, const struct report_run *run)
{
	return last->page + last->count == run->page && last->entry == run->entry &&
	       last->exit == run->exit;
}

static int add_run(struct report_row *row, size_t *room, const struct report_run *run)
{
	struct report_run *last = row->run_count ? &row->runs[row->run_count - 1] : NULL;

	if (last && is_next(last, run)) {
		last->count += run->count;
		return 0;
	}
	if (!row->runs || row->run_count == *room) {
		*room = *room ? *room * 2 : 16;
		struct report_run *runs = reallocarray(row->runs, *room, sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		row->runs = runs;
	}
	row->runs[row->run_count++] = *run;
	return 0;
}

/* Both lists are sorted by address: they are read side by side. */
static int find_runs(struct report_row *row, const struct segmap_pages *entry,
		     const struct segmap_pages *exit, uint64_t page_size)
{
	size_t e = segmap_pages_from(entry, row->start),
	       x = segmap_pages_from(exit, row->start);
	size_t room = 0;
	int r = 0;

	while (r == 0) {
		uint64_t at_e = e < entry->count ? entry->items[e].addr : UINT64_MAX;
		uint64_t at_x = x < exit->count ? exit->items[x].addr : UINT64_MAX;
		uint64_t addr = at_e < at_x ? at_e : at_x;

		if (addr >= row->end)
			break;
		const struct report_run run = {
			.page = (addr - row->start) / page_size,
			.count = 1,
			.entry = addr == at_e ? entry->items[e].state : SEGMAP_PAGE_ABSENT,
			.exit = addr == at_x ? exit->items[x].state : SEGMAP_PAGE_ABSENT,
		};
		e += addr == at_e;
		x += addr == at_x;
		r = add_run(row, &room, &run);
	}
	return r;
}

static char *join_sections(struct segmap_names *names, uint64_t start, uint64_t end)
{
	struct segmap_section sections[8];
	size_t most = sizeof(sections) / sizeof(sections[0]), size;
	size_t count = segmap_names_sections(names, start, end, sections, most);
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < count && i < most; i++)
		fprintf(out, "%s%s", i ? " " : "", sections[i].name);
	if (count > most)
		fprintf(out, " and %zu more", count - most);
	fclose(out);
	return text;
}

/* The first part that is a segment's, or else the first. */
static struct segmap_part find_part(const struct segmap_names *names, uint64_t start,
				    uint64_t end)
{
	struct segmap_part parts[8] = {{.segment = SIZE_MAX, .object = ""}};
	const size_t room = sizeof(parts) / sizeof(parts[0]);
	size_t count = segmap_names_parts(names, start, end, parts, room);

	for (size_t i = 0; i < count && i < room; i++)
		if (parts[i].segment != SIZE_MAX)
			return parts[i];
	return parts[0];
}

static int fill_row(const struct report *report, struct report_row *row)
{
	const struct faults_report *faults = report->faults;
	uint64_t page_size = faults->page_size;

	row->pages = (row->end - row->start) / page_size;
	row->per_cell = 1;
	while (row->pages / row->per_cell > CELLS_MOST)
		row->per_cell *= 2;
	row->cells = (size_t)((row->pages + row->per_cell - 1) / row->per_cell);
	row->gone = faults->has_exit && !is_at(&faults->exit, row->start, row->end);
	row->late = !is_at(&faults->entry, row->start, row->end);
	row->part = find_part(report->names, row->start, row->end);
	row->sections = join_sections(report->names, row->start, row->end);
	if (!row->sections)
		return -ENOMEM;
	/* Of a program that was not stopped at its end, the beginning is drawn. */
	return find_runs(row, &faults->entry_pages,
			 faults->has_exit ? &faults->exit_pages : &faults->entry_pages,
			 page_size);
}

int report_find_rows(struct report *report)
{
	const struct faults_report *faults = report->faults;
	int r = 0;

	for (size_t i = 0; r == 0 && i < faults->exit.count; i++)
		r = add_row(report, &faults->exit.items[i], faults->exit.items[i].start,
			    faults->exit.items[i].end);
	for (size_t i = 0; r == 0 && i < faults->entry.count; i++)
		r = add_rest(report, &faults->entry.items[i], &faults->exit);
	if (r == 0 && report->row_count)
		qsort(report->rows, report->row_count, sizeof(*report->rows), by_address);
	for (size_t i = 0; r == 0 && i < report->row_count; i++)
		r = fill_row(report, &report->rows[i]);
	return r;
}

void report_free_rows(struct report *report)
{
	for (size_t i = 0; i < report->row_count; i++) {
		free(report->rows[i].runs);
		free(report->rows[i].sections);
	}
	free(report->rows);
	report->rows = NULL;
	report->row_count = 0;
}

const struct report_row *report_row_at(const struct report *report, uint64_t addr)
{
	size_t low = 0, high = report->row_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct report_row *row = &report->rows[middle];

		if (addr < row->start)
			high = middle;
		else if (addr >= row->end)
			low = middle + 1;
		else
			return row;
	}
	return NULL;
}

/* ---- letters ---- */

/* What is said of a letter that stands for several pages: the rarest thing that a page can
 * be. page.js has the same order. */
static int rank(enum segmap_page_state state)
{
	static const int ranks[SEGMAP_PAGE_STATE_COUNT] = {
		[SEGMAP_PAGE_COPY] = 8,    [SEGMAP_PAGE_ANON] = 7,    [SEGMAP_PAGE_SHARED] = 6,
		[SEGMAP_PAGE_SWAPPED] = 5, [SEGMAP_PAGE_ZERO] = 4,    [SEGMAP_PAGE_FILE] = 3,
		[SEGMAP_PAGE_KERNEL] = 2,  [SEGMAP_PAGE_UNKNOWN] = 1,
	};

	return ranks[state];
}

struct report_cell *report_cells(const struct report_row *row)
{
	struct report_cell *cells = calloc(row->cells + 1, sizeof(*cells));

	for (size_t i = 0; cells && i < row->run_count; i++) {
		const struct report_run *run = &row->runs[i];
		uint64_t last = (run->page + run->count - 1) / row->per_cell;

		for (uint64_t c = run->page / row->per_cell; c <= last; c++) {
			if (rank(run->entry) > rank(cells[c].entry))
				cells[c].entry = run->entry;
			if (rank(run->exit) > rank(cells[c].exit))
				cells[c].exit = run->exit;
		}
	}
	return cells;
}

void report_count(const struct report_row *row, uint64_t counts[SEGMAP_PAGE_STATE_COUNT])
{
	uint64_t present = 0;

	memset(counts, 0, SEGMAP_PAGE_STATE_COUNT * sizeof(*counts));
	for (size_t i = 0; i < row->run_count; i++) {
		if (row->runs[i].exit == SEGMAP_PAGE_ABSENT)
			continue;
		counts[row->runs[i].exit] += row->runs[i].count;
		present += row->runs[i].count;
	}
	counts[SEGMAP_PAGE_ABSENT] = row->pages - present;
}
