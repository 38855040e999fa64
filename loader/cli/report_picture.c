/* The picture: file, address space and frames, side by side, on a broken scale. A mapping is as
 * high as its letters need, and what lies between mappings is folded. */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* In units of the SVG, which are pixels at its natural size. */
enum {
	WIDTH = 1080,
	FILE_WIDTH = 238,
	SPACE_X = 306,
	SPACE_WIDTH = 432,
	CELL_X = 320,
	CELL_WIDTH = 10,
	CELL_HEIGHT = 14,
	CELL_COLUMNS = 40,
	FRAMES_X = 806,
	FRAMES_WIDTH = WIDTH - FRAMES_X,
	HEAD = 36, /* of the two lines above the letters */
	FOOT = 8,
	BLOCK = 20,     /* a block of frames */
	FOLD = 26,      /* a gap */
	NAME_MOST = 56, /* characters of a line */
};

struct picture {
	const struct report *report;
	FILE *out;
	int y; /* where the next row begins */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* ---- rows of letters ---- */

static void write_letters(FILE *out, const struct report_cell *cells, size_t count, int y)
{
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && cells[end].exit == cells[i].exit; end++)
			;
		if (cells[i].exit != SEGMAP_PAGE_ABSENT)
			fprintf(out,
				"<rect class=s%d x=\"%zu\" y=\"%d\" width=\"%zu\" "
				"height=\"%d\"/>",
				cells[i].exit, CELL_X + i * CELL_WIDTH, y,
				(end - i) * CELL_WIDTH, CELL_HEIGHT - 1);
	}
	fputs("<text class=l x=\"", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, i ? " %zu" : "%zu", CELL_X + i * CELL_WIDTH + CELL_WIDTH / 2);
	fprintf(out, "\" y=\"%d\">", y + 10);
	for (size_t i = 0; i < count; i++)
		fputc(segmap_page_letter(cells[i].exit), out);
	fputs("</text>\n", out);
}

static int lines_of(const struct report_row *row)
{
	return (int)((row->cells + CELL_COLUMNS - 1) / CELL_COLUMNS);
}

static void write_cells(const struct picture *p, const struct report_row *row, int y)
{
	struct report_cell *cells = report_cells(row);
	size_t at = 0;

	fprintf(p->out, "<g class=cells id=\"cells-%zu\" data-y=\"%d\">\n",
		(size_t)(row - p->report->rows), y);
	for (; cells && at < row->cells; at += CELL_COLUMNS, y += CELL_HEIGHT) {
		size_t n = row->cells - at < CELL_COLUMNS ? row->cells - at : CELL_COLUMNS;

		write_letters(p->out, cells + at, n, y);
	}
	fputs("</g>\n", p->out);
	size_t widest = row->cells < CELL_COLUMNS ? row->cells : CELL_COLUMNS;
	fprintf(p->out, "<rect class=grid x=\"%d\" y=\"%d\" width=\"%zu\" height=\"%d\"/>\n",
		CELL_X, y - lines_of(row) * CELL_HEIGHT, widest * CELL_WIDTH,
		lines_of(row) * CELL_HEIGHT);
	free(cells);
}

/* ---- the address space ---- */

static void write_name(const struct report_row *row, FILE *out)
{
	char text[256];
	const char *name = base_name(row->region->name);
	int length =
		snprintf(text, sizeof(text), "%s%s%s%s%s",
			 segmap_kind_name(segmap_region_kind(row->region)), *name ? ", " : "",
			 name, *row->sections ? ": " : "", row->sections);

	if (length > NAME_MOST)
		snprintf(text + NAME_MOST - 3, 4, "...");
	html_text(out, text);
}

static void write_pages(const struct report_row *row, FILE *out)
{
	fprintf(out, "%" PRIu64 " page%s", row->pages, row->pages == 1 ? "" : "s");
	if (row->per_cell > 1)
		fprintf(out, ", %" PRIu64 " a letter", row->per_cell);
	if (row->gone)
		fputs(", gone at exit", out);
	else if (row->late)
		fputs(", new", out);
}

static void write_space(const struct picture *p, const struct report_row *row, int height)
{
	FILE *out = p->out;

	fprintf(out, "<rect class=\"map k%d%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
		segmap_region_kind(row->region), row->gone ? " gone" : "", SPACE_X, p->y,
		SPACE_WIDTH, height);
	fprintf(out,
		"<text class=m x=\"%d\" y=\"%d\">%08" PRIx64 "-%08" PRIx64 " %s</text>"
		"<text class=\"t end\" x=\"%d\" y=\"%d\">",
		CELL_X, p->y + 16, row->start, row->end, row->region->perms,
		SPACE_X + SPACE_WIDTH - 10, p->y + 16);
	write_pages(row, out);
	fprintf(out, "</text><text class=t x=\"%d\" y=\"%d\">", CELL_X, p->y + 30);
	write_name(row, out);
	fputs("</text>\n", out);
	write_cells(p, row, p->y + HEAD);
}

/* ---- the file ---- */

/* A band from a block at the left to one at the right. */
static void write_band(FILE *out, const char *class, int x0, int y0, int h0, int x1, int y1,
		       int h1)
{
	int middle = (x0 + x1) / 2;

	fprintf(out,
		"<path class=\"band %s\" d=\"M%d %dC%d %d %d %d %d %dV%dC%d %d %d %d %d "
		"%dz\"/>",
		class, x0, y0, middle, y0, middle, y1, x1, y1, y1 + h1, middle, y1 + h1, middle,
		y0 + h0, x0, y0 + h0);
}

static bool is_file(const struct report_row *row)
{
	enum segmap_kind kind = segmap_region_kind(row->region);

	return kind == SEGMAP_KIND_FILE_PRIVATE || kind == SEGMAP_KIND_FILE_SHARED;
}

static void write_file_lines(const struct report_row *row, FILE *out, int y)
{
	char name[40];

	snprintf(name, sizeof(name), "%.34s", base_name(row->region->name));
	fprintf(out, "<text class=t x=\"10\" y=\"%d\">", y + 15);
	html_text(out, name);
	if (row->part.segment != SIZE_MAX)
		fprintf(out, " <tspan class=d>segment %zu</tspan>", row->part.segment);
	fprintf(out,
		"</text><text class=m x=\"10\" y=\"%d\">0x%" PRIx64 " + 0x%" PRIx64 "</text>\n",
		y + 30, row->region->offset + (row->start - row->region->start),
		row->end - row->start);
}

static void write_file(const struct picture *p, const struct report_row *row, int height)
{
	FILE *out = p->out;
	int h = height < 38 ? height : 38;

	if (is_file(row)) {
		char class[8];

		snprintf(class, sizeof(class), "k%d", segmap_region_kind(row->region));
		write_band(out, class, FILE_WIDTH, p->y, h, SPACE_X, p->y, height);
		fprintf(out,
			"<rect class=\"block %s\" x=\"0\" y=\"%d\" width=\"%d\" "
			"height=\"%d\"/>",
			class, p->y, FILE_WIDTH, h);
		write_file_lines(row, out, p->y);
	} else if (row->part.segment != SIZE_MAX &&
		   segmap_region_kind(row->region) != SEGMAP_KIND_KERNEL) {
		fprintf(out,
			"<text class=\"t d\" x=\"10\" y=\"%d\">bss of segment %zu: in no file",
			p->y + 15, row->part.segment);
		fputs("</text>\n", out);
	}
}

/* ---- frames ---- */

/* The least and the most of page table entries that have a frame of ROW in STATE. */
static bool mapcounts(const struct report *report, const struct report_row *row,
		      enum segmap_page_state state, uint64_t *least, uint64_t *most)
{
	const struct segmap_pages *pages = &report->faults->exit_pages;

	*least = UINT64_MAX;
	*most = 0;
	for (size_t i = segmap_pages_from(pages, row->start);
	     i < pages->count && pages->items[i].addr < row->end; i++) {
		uint64_t count = pages->items[i].mapcount;

		if (pages->items[i].state != state || count == 0)
			continue;
		*least = count < *least ? count : *least;
		*most = count > *most ? count : *most;
	}
	return *most > 0;
}

static void write_frames_text(const struct picture *p, const struct report_row *row,
			      enum segmap_page_state state, uint64_t count)
{
	static const char *const texts[SEGMAP_PAGE_STATE_COUNT] = {
		[SEGMAP_PAGE_FILE] = "of the page cache",
		[SEGMAP_PAGE_COPY] = "copied, its own",
		[SEGMAP_PAGE_ZERO] = "the zero page",
		[SEGMAP_PAGE_ANON] = "its own",
		[SEGMAP_PAGE_SHARED] = "of shared memory",
		[SEGMAP_PAGE_SWAPPED] = "in swap",
		[SEGMAP_PAGE_KERNEL] = "of the kernel",
		[SEGMAP_PAGE_UNKNOWN] = "not known whose",
	};
	uint64_t least, most;

	fprintf(p->out, "%c  %" PRIu64 " %s, %s", segmap_page_letter(state), count,
		state == SEGMAP_PAGE_ZERO      ? "times"
		: state == SEGMAP_PAGE_SWAPPED ? "pages"
		: count == 1                   ? "frame"
					       : "frames",
		texts[state]);
	if (state == SEGMAP_PAGE_ZERO || !mapcounts(p->report, row, state, &least, &most))
		return;
	if (most == 1 && state != SEGMAP_PAGE_FILE)
		return;
	if (least == most)
		fprintf(p->out, ", mapped %" PRIu64 "x", most);
	else
		fprintf(p->out, ", mapped %" PRIu64 "-%" PRIu64 "x", least, most);
}

/* The bands leave a mapping in proportion to its pages, those that are absent last. */
static void write_frames(const struct picture *p, const struct report_row *row, int height,
			 const uint64_t counts[SEGMAP_PAGE_STATE_COUNT])
{
	double share = (double)height / (double)row->pages;
	double left = p->y;
	int y = p->y;

	for (int s = 1; s < SEGMAP_PAGE_STATE_COUNT; s++) {
		char class[8];
		double h = (double)counts[s] * share;

		if (!counts[s])
			continue;
		snprintf(class, sizeof(class), "s%d", s);
		write_band(p->out, class, SPACE_X + SPACE_WIDTH, (int)left, h < 2 ? 2 : (int)h,
			   FRAMES_X, y, BLOCK - 2);
		fprintf(p->out,
			"<rect class=\"block %s\" x=\"%d\" y=\"%d\" width=\"%d\" "
			"height=\"%d\"/>"
			"<text class=t x=\"%d\" y=\"%d\">",
			class, FRAMES_X, y, FRAMES_WIDTH, BLOCK - 2, FRAMES_X + 8, y + 13);
		write_frames_text(p, row, (enum segmap_page_state)s, counts[s]);
		fputs("</text>\n", p->out);
		left += h;
		y += BLOCK;
	}
}

/* ---- all of it ---- */

static int row_height(const struct report_row *row,
		      const uint64_t counts[SEGMAP_PAGE_STATE_COUNT])
{
	int height = HEAD + lines_of(row) * CELL_HEIGHT + FOOT, blocks = 0;

	for (int s = 1; s < SEGMAP_PAGE_STATE_COUNT; s++)
		blocks += counts[s] > 0;
	return height > blocks * BLOCK ? height : blocks * BLOCK;
}

static void write_row(struct picture *p, const struct report_row *row)
{
	uint64_t counts[SEGMAP_PAGE_STATE_COUNT];
	FILE *out = p->out;

	report_count(row, counts);
	int height = row_height(row, counts);
	fprintf(out,
		"<g class=row data-row=\"%zu\" tabindex=\"0\" role=\"img\" "
		"aria-label=\"%" PRIx64 " to %" PRIx64 ", %s, %s",
		(size_t)(row - p->report->rows), row->start, row->end, row->region->perms,
		segmap_kind_name(segmap_region_kind(row->region)));
	html_format(out, "%s%s, %" PRIu64 " pages", *row->region->name ? ", " : "",
		    row->region->name, row->pages);
	for (int s = 1; s < SEGMAP_PAGE_STATE_COUNT; s++)
		if (counts[s])
			fprintf(out, ", %" PRIu64 " %s", counts[s],
				segmap_page_state_name((enum segmap_page_state)s));
	fputs("\">\n", out);
	write_file(p, row, height);
	write_space(p, row, height);
	write_frames(p, row, height, counts);
	fputs("</g>\n", out);
	p->y += height;
}

static void write_gap(struct picture *p, uint64_t bytes)
{
	char *size = size_text(bytes, false);

	if (bytes && size)
		fprintf(p->out,
			"<text class=\"t d middle\" x=\"%d\" y=\"%d\">\u22ee %s not mapped "
			"\u22ee</text>\n",
			SPACE_X + SPACE_WIDTH / 2, p->y + 18, size);
	p->y += bytes ? FOLD : 3;
	free(size);
}

static int total_height(const struct report *report)
{
	uint64_t counts[SEGMAP_PAGE_STATE_COUNT];
	int height = 34;

	for (size_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];

		report_count(row, counts);
		height += row_height(row, counts);
		if (i)
			height += row->start > row[-1].end ? FOLD : 3;
	}
	return height + 4;
}

void report_write_picture(const struct report *report, FILE *out)
{
	struct picture p = {.report = report, .out = out, .y = 34};
	int height = total_height(report);

	if (!report->faults->has_exit)
		fputs("<p>The program was not stopped when it ended, so nothing is known of "
		      "that "
		      "time: its beginning is drawn.\n",
		      out);
	fputs("<div id=player hidden></div>\n"
	      "<p id=detail role=status aria-live=polite></p>\n"
	      "<div class=scroll>\n",
	      out);
	fprintf(out,
		"<svg id=map viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"group\" "
		"aria-label=\"file, address space and frames\" data-x=\"%d\" "
		"data-columns=\"%d\" data-width=\"%d\" data-height=\"%d\">\n"
		"<pattern id=grid width=\"%d\" height=\"%d\" patternUnits=\"userSpaceOnUse\">"
		"<path d=\"M0 0V%d\"/></pattern>\n"
		"<text class=h x=\"0\" y=\"16\">File</text>"
		"<text class=h x=\"%d\" y=\"16\">Address space</text>"
		"<text class=h x=\"%d\" y=\"16\">Frames at %s</text>\n",
		WIDTH, height, WIDTH, height, CELL_X, CELL_COLUMNS, CELL_WIDTH, CELL_HEIGHT,
		CELL_WIDTH, CELL_HEIGHT, CELL_HEIGHT, SPACE_X, FRAMES_X,
		report->faults->has_exit ? "exit" : "entry");
	for (size_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];

		if (i)
			write_gap(&p, row->start > row[-1].end ? row->start - row[-1].end : 0);
		write_row(&p, row);
	}
	fputs("<rect id=cursor width=\"10\" height=\"13\" visibility=\"hidden\"/>\n"
	      "</svg></div>\n",
	      out);
}
