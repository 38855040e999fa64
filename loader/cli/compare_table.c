/* The differences as a table, and the line that counts them. */
#include "compare.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_ITEM, COLUMN_EXECVE, COLUMN_LOADER, COLUMN_VERDICT, COLUMN_WHY, COLUMN_COUNT };

static const char *const headings[COLUMN_COUNT] = {"ITEM", "EXECVE", "LOADER", "VERDICT",
						   "WHY"};

enum { CELL = 40, BEFORE = 8 }; /* characters of a long value, and how many before it differs */

static size_t common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* Of a long text, the part where it begins to differ from OTHER. */
static char *excerpt(const char *text, const char *other, bool whole)
{
	size_t length = strlen(text), from = common_length(text, other ? other : "");
	char *out = NULL;

	if (whole || length <= CELL)
		return strdup(text);
	from = from > BEFORE ? from - BEFORE : 0;
	if (from + CELL > length)
		from = length - CELL;
	int n = asprintf(&out, "%s%.*s%s", from ? "..." : "", CELL, text + from,
			 from + CELL < length ? "..." : "");
	return n < 0 ? NULL : out;
}

static char *value_cell(const char *value, const char *why, const char *other, bool whole)
{
	char *out = NULL;

	if (value)
		return excerpt(*value ? value : "(empty)", other, whole);
	return asprintf(&out, "(%s)", why ? why : "?") < 0 ? NULL : out;
}

static const char *verdict_color(enum segmap_likeness likeness)
{
	switch (likeness) {
	case SEGMAP_UNEXPECTED:
		return "red";
	case SEGMAP_EXPECTED:
		return "cyan";
	default:
		return NULL;
	}
}

static int set_cells(struct libscols_line *line, const struct segmap_item *item, bool whole)
{
	char *cells[COLUMN_COUNT] = {
		strdup(item->what),
		value_cell(item->kernel, item->kernel_why, item->loader, whole),
		value_cell(item->loader, item->loader_why, item->kernel, whole),
		strdup(segmap_likeness_name(item->likeness)),
		strdup(item->why ? item->why : ""),
	};
	int r = 0;

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (r == 0 && cells[i] && scols_line_refer_data(line, i, cells[i]) == 0)
			continue;
		free(cells[i]);
		r = -ENOMEM;
	}
	return r;
}

static int add_line(struct libscols_table *table, const struct segmap_item *item, bool whole)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	const char *color = verdict_color(item->likeness);

	if (!line || set_cells(line, item, whole) < 0)
		return -ENOMEM;
	if (color)
		scols_cell_set_color(scols_line_get_cell(line, COLUMN_VERDICT), color);
	return 0;
}

/* Where nothing runs, the one item says so: "unexpected: 0" alone would sound like a program
 * that does. */
static bool is_shown(const struct compare_report *report, const struct segmap_item *item)
{
	return report->options->verbose || item->likeness == SEGMAP_EXPECTED ||
	       item->likeness == SEGMAP_UNEXPECTED ||
	       strcmp(report_place(report), "start") == 0;
}

/* The number of lines, or a negative errno. */
static int fill(struct libscols_table *table, const struct compare_report *report)
{
	const struct segmap_comparison *c = report->comparison;
	const struct compare_options *options = report->options;
	int lines = 0;

	scols_table_enable_noheadings(table, options->noheadings);
	scols_table_enable_raw(table, options->raw);
	scols_table_enable_colors(table, options->color);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (!scols_table_new_column(table, headings[i], 0,
					    i == COLUMN_WHY ? SCOLS_FL_TRUNC : 0))
			return -ENOMEM;
	for (size_t i = 0; i < c->item_count; i++) {
		if (!is_shown(report, &c->items[i]))
			continue;
		if (add_line(table, &c->items[i], options->raw) < 0)
			return -ENOMEM;
		lines++;
	}
	return lines;
}

static int print_items(const struct compare_report *report)
{
	struct libscols_table *table = scols_new_table();
	int lines = table ? fill(table, report) : -ENOMEM;

	if (lines > 0)
		scols_print_table(table);
	scols_unref_table(table);
	return lines < 0 ? lines : 0;
}

static void print_heading(const struct compare_report *report)
{
	static const char *const places[][2] = {
		{"first-instruction", "at the first instruction and at the end"},
		{"program-entry", "at the program's entry point and at the end"},
		{"end",
		 "only at the end: the loader does not execute the program's entry point"},
		{"start", "only as to whether it runs"},
	};
	const char *place = report_place(report);

	put_text(stdout, report->program);
	fputs(": execve and ", stdout);
	put_text(stdout, report->loader);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (strcmp(places[i][0], place) == 0)
			printf(" compared %s", places[i][1]);
	printf("%s\n", report->options->aslr ? ", with randomisation" : "");
}

int compare_print_table(const struct compare_report *report)
{
	const struct segmap_comparison *c = report->comparison;
	int r;

	if (!report->options->raw)
		print_heading(report);
	r = print_items(report);
	if (r < 0 || report->options->raw)
		return r;
	if (c->counts[SEGMAP_VARIES])
		printf("%zu vary between any two runs\n", c->counts[SEGMAP_VARIES]);
	if (c->counts[SEGMAP_UNKNOWN])
		printf("%zu cannot be known; --verbose says why\n", c->counts[SEGMAP_UNKNOWN]);
	printf("%zu compared, %zu expected, unexpected: %zu\n", c->item_count,
	       c->counts[SEGMAP_EXPECTED], c->counts[SEGMAP_UNEXPECTED]);
	return 0;
}
