/* The account for people: strips of pages, the copies, and what the witnesses say. */
#include "cow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS_MAX = 100, /* mappings and copies that are shown without --all */
	WIDE = 64,      /* letters of a strip, where a line has no end */
	NARROW = 16,    /* at least; as much as `f*` and any number of pages */
	LABEL = 16,     /* characters that are left for what is mapped */
};

/* ---- words ---- */

static const char *label_of(const struct segmap_strip *strip)
{
	const char *name = "";

	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++)
		if (strip->regions[i])
			name = strip->regions[i]->name;
	const char *slash = *name == '/' ? strrchr(name, '/') : NULL;

	if (slash)
		return slash + 1;
	return *name ? name : "anon";
}

static const char *perms_of(const struct segmap_strip *strip)
{
	const char *perms = "";

	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++)
		if (strip->regions[i])
			perms = strip->regions[i]->perms;
	return perms;
}

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
	va_list args;
	char *out;

	va_start(args, format);
	int n = vasprintf(&out, format, args);
	va_end(args);
	return n < 0 ? NULL : out;
}

/* ---- the legend ---- */

static void count_all(const struct cow_report *report, uint64_t counts[256])
{
	const struct cow_process *p = report->process;

	memset(counts, 0, 256 * sizeof(*counts));
	for (size_t i = 0; i < p->account.strip_count; i++)
		for (size_t look = 0; look < p->look_count; look++)
			if (p->looks[look].title &&
			    (p->account.strips[i].kind != SEGMAP_KIND_KERNEL ||
			     report->options->all))
				cow_count_letters(p, &p->account.strips[i], look, counts);
}

/* The states that there always are, and those others that occur. */
static void print_legend(const struct cow_report *report)
{
	static const struct {
		char letter;
		const char *meaning;
	} rare[] = {{'s', "shared memory"},
		    {'w', "swapped out"},
		    {'k', "kernel's"},
		    {'?', "unknown"},
		    {'-', "not mapped"}};
	uint64_t counts[256];

	count_all(report, counts);
	fputs(". absent  f file  C copy  0 zero page  A anon", report->out);
	size_t width = 45;

	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++) {
		size_t more = strlen(rare[i].meaning) + 4;

		if (!counts[(unsigned char)rare[i].letter])
			continue;
		fprintf(report->out, "%s%c %s", width + more > 80 ? "\n" : "  ", rare[i].letter,
			rare[i].meaning);
		width = width + more > 80 ? more : width + more;
	}
	fputc('\n', report->out);
}

/* ---- strips ---- */

enum { STRIP_ADDRESS, STRIP_PERM, STRIP_LOOKS, STRIP_LABEL = STRIP_LOOKS + SEGMAP_LOOKS_MAX };
enum { STRIP_COLUMNS = STRIP_LABEL + 1 };

static size_t shown_looks(const struct cow_process *process)
{
	size_t shown = 0;

	for (size_t i = 0; i < process->look_count; i++)
		shown += process->looks[i].title != NULL;
	return shown;
}

static size_t strip_width(const struct cow_report *report)
{
	const struct cow_process *p = report->process;
	size_t width = view_width(report->out), looks = shown_looks(p);
	const size_t others = 12 + 1 + 4 + 1 + LABEL; /* address, protection and label */

	if (!width)
		return WIDE;
	return width > others + looks * (NARROW + 1) ? (width - others) / looks - 1 : NARROW;
}

static int add_strip_line(struct view_table *table, const struct cow_walk *walk,
			  struct cow_line *line)
{
	const struct segmap_strip *strip = walk->strip;
	bool first = line->start == strip->start;
	char *cells[STRIP_COLUMNS] = {
		[STRIP_ADDRESS] = text("%08" PRIx64, line->start),
		[STRIP_PERM] = text("%s", first ? perms_of(strip) : ""),
		[STRIP_LABEL] = text("%s", first ? label_of(strip) : ""),
	};

	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++) {
		cells[STRIP_LOOKS + i] = line->text[i];
		line->text[i] = NULL;
	}
	return view_table_line(table, cells, strip->copies ? "yellow" : NULL);
}

static int add_strip(struct view_table *table, const struct cow_report *report,
		     const struct segmap_strip *strip)
{
	struct cow_walk walk = {
		.process = report->process,
		.strip = strip,
		.addr = strip->start,
		.width = strip_width(report),
	};
	struct cow_line line;
	int r;

	while ((r = cow_walk_next(&walk, &line)) > 0) {
		r = add_strip_line(table, &walk, &line);
		cow_line_free(&line);
		if (r < 0)
			break;
	}
	return r;
}

/* "f*12 A*3": how many pages of each letter a number of strips have. */
static char *format_counts(const uint64_t counts[256])
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	if (!stream)
		return NULL;
	for (int i = 0; i < 256; i++)
		if (counts[i])
			fprintf(stream, "%s%c*%" PRIu64, ftell(stream) ? " " : "", i,
				counts[i]);
	return fclose(stream) == 0 ? out : NULL;
}

/* One line for the strips [FROM, TO). */
static int add_folded(struct view_table *table, const struct cow_report *report, size_t from,
		      size_t to)
{
	const struct cow_process *p = report->process;
	char *cells[STRIP_COLUMNS] = {
		[STRIP_ADDRESS] = text("..."),
		[STRIP_PERM] = text("%s", ""),
		[STRIP_LABEL] = text("%zu more mappings", to - from),
	};

	for (size_t look = 0; look < p->look_count; look++) {
		uint64_t counts[256] = {0};

		for (size_t i = from; i < to; i++)
			cow_count_letters(p, &p->account.strips[i], look, counts);
		cells[STRIP_LOOKS + look] = format_counts(counts);
	}
	return view_table_line(table, cells, NULL);
}

static bool is_hidden(const struct cow_report *report, const struct segmap_strip *strip)
{
	return strip->kind == SEGMAP_KIND_KERNEL && !report->options->all;
}

/* Too many to read: those without a copy are folded, and then also what is beyond the last. */
static int add_strips(struct view_table *table, const struct cow_report *report)
{
	const struct segmap_account *a = &report->process->account;
	bool fold = !report->options->all && a->strip_count > ROWS_MAX;
	size_t shown = 0, from = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i <= a->strip_count; i++) {
		bool end = i == a->strip_count;

		if (!end && fold && (!a->strips[i].copies || shown >= ROWS_MAX))
			continue;
		if (from < i && fold)
			r = add_folded(table, report, from, i);
		from = i + 1;
		if (r < 0 || end || is_hidden(report, &a->strips[i]))
			continue;
		r = add_strip(table, report, &a->strips[i]);
		shown++;
	}
	return r;
}

static int print_strips(const struct cow_report *report)
{
	struct view_column columns[STRIP_COLUMNS] = {
		[STRIP_ADDRESS] = {.name = "ADDRESS", .flags = SCOLS_FL_RIGHT},
		[STRIP_PERM] = {.name = "PERM"},
		[STRIP_LABEL] = {.name = "MAPPING", .flags = SCOLS_FL_TRUNC},
	};
	struct view_options view = report->options->subject.view;
	struct view_table table;

	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++) {
		bool shown = i < report->process->look_count && report->process->looks[i].title;

		columns[STRIP_LOOKS + i] = (struct view_column){
			.name = shown ? report->process->looks[i].title : "", .hidden = !shown};
	}
	view.columns = NULL; /* --output is for the copies */
	int r = view_table_begin(&table, &view, "cow", report->out, columns, STRIP_COLUMNS);

	if (r == 0)
		r = add_strips(&table, report);
	return view_table_end(&table, r);
}

/* ---- copies ---- */

enum { COPY_PAGE, COPY_MAPPING, COPY_BYTES, COPY_FILE, COPY_CAUSE, COPY_COLUMNS };

const struct view_column cow_columns[] = {
	[COPY_PAGE] = {.name = "PAGE", .flags = SCOLS_FL_RIGHT},
	[COPY_MAPPING] = {.name = "MAPPING", .flags = SCOLS_FL_TRUNC},
	[COPY_BYTES] = {.name = "DIFFER", .flags = SCOLS_FL_RIGHT},
	[COPY_FILE] = {.name = "FILE"},
	[COPY_CAUSE] = {.name = "CAUSE"},
};

const size_t cow_column_count = COPY_COLUMNS;

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int add_copy(struct view_table *table, const struct cow_process *p, size_t i)
{
	const struct segmap_copy *copy = &p->account.copies[i];
	const struct segmap_contents *c = &p->contents[i];
	char *cells[COPY_COLUMNS] = {
		[COPY_PAGE] = text("%08" PRIx64, copy->addr),
		[COPY_MAPPING] = text("%s", base_name(copy->region->name)),
		[COPY_BYTES] = c->error ? text("?") : text("%" PRIu64, c->differing),
		[COPY_FILE] = text("%s", segmap_file_verdict_name(c->file)),
		[COPY_CAUSE] = text("%s", segmap_cause_name(copy->cause)),
	};

	return view_table_line(table, cells, NULL);
}

static int print_copies(const struct cow_report *report)
{
	const struct cow_process *p = report->process;
	const struct view_options *view = &report->options->subject.view;
	bool fold = !report->options->all && !view->raw && !view->columns;
	size_t count = p->account.copy_count;
	struct view_table table;

	if (count == 0)
		return 0;
	if (fold && count > ROWS_MAX)
		count = ROWS_MAX;
	if (!view->raw)
		fputc('\n', report->out);
	int r = view_table_begin(&table, view, "cow", report->out, cow_columns,
				 cow_column_count);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_copy(&table, p, i);
	r = view_table_end(&table, r);
	if (r == 0 && count < p->account.copy_count)
		fprintf(report->out, "... %zu more copies; --all shows them\n",
			p->account.copy_count - count);
	return r;
}

/* ---- totals ---- */

static void print_totals(const struct cow_report *report)
{
	static const char *const causes[SEGMAP_CAUSE_COUNT] = {
		[SEGMAP_CAUSE_LOADER] = "by the loader",
		[SEGMAP_CAUSE_PARENT] = "by its parent before the fork",
		[SEGMAP_CAUSE_FORKED] = "by its parent before the fork or by itself",
		[SEGMAP_CAUSE_START] = "by libc's start",
		[SEGMAP_CAUSE_PROGRAM] = "by the program",
		[SEGMAP_CAUSE_ENTERED] = "after entry, by libc's start or the program",
	};
	const struct segmap_account *a = &report->process->account;
	const uint64_t page_size = report->process->looks[0].pages.page_size;
	const char *before = ": ";

	fprintf(report->out, "%zu of %zu data pages copied (%" PRIu64 " KiB)", a->copy_count,
		a->data_pages, a->copy_count * page_size / 1024);
	for (size_t i = 0; i < SEGMAP_CAUSE_COUNT; i++) {
		if (!a->causes[i])
			continue;
		fprintf(report->out, "%s%zu %s", before, a->causes[i], causes[i]);
		before = ", ";
	}
	fputc('\n', report->out);
}

static void print_smaps(const struct cow_report *report)
{
	const struct cow_process *p = report->process;
	uint64_t bytes = p->account.copy_count * p->looks[0].pages.page_size;

	if (p->anonymous_error)
		fprintf(report->out, "smaps: not known: %s\n", strerror(p->anonymous_error));
	else if (p->anonymous == bytes)
		fprintf(report->out,
			"smaps: %" PRIu64 " KiB anonymous in private file mappings: agrees\n",
			p->anonymous / 1024);
	else
		fprintf(report->out,
			"smaps: %" PRIu64
			" KiB anonymous in private file mappings, but %" PRIu64
			" KiB of copies: DISAGREES\n",
			p->anonymous / 1024, bytes / 1024);
}

int cow_print_table(const struct cow_report *report)
{
	bool raw = report->options->subject.view.raw;
	int r = 0;

	if (!raw) {
		print_legend(report);
		r = print_strips(report);
	}
	if (r == 0)
		r = print_copies(report);
	if (r < 0 || raw)
		return r;
	fputc('\n', report->out);
	print_totals(report);
	print_smaps(report);
	return 0;
}
