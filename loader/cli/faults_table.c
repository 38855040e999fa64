/* The timeline, the sums, and what getrusage says of them. */
#include "faults.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	COLUMN_TIME,
	COLUMN_PID,
	COLUMN_ADDRESS,
	COLUMN_CAUSE,
	COLUMN_DONE,
	COLUMN_WHERE,
	COLUMN_TID,
	COLUMN_IP,
	COLUMN_OBJECT,
	COLUMN_SOURCE,
	COLUMN_COUNT,
};

static const struct view_column timeline_columns[COLUMN_COUNT] = {
	[COLUMN_TIME] = {"TIME", SCOLS_FL_RIGHT, false},
	[COLUMN_PID] = {"PID", SCOLS_FL_RIGHT, true},
	[COLUMN_ADDRESS] = {"ADDRESS", SCOLS_FL_RIGHT, false},
	[COLUMN_CAUSE] = {"CAUSE", 0, false},
	[COLUMN_DONE] = {"KERNEL-DID", 0, false},
	[COLUMN_WHERE] = {"WHERE", SCOLS_FL_TRUNC, false},
	[COLUMN_TID] = {"TID", SCOLS_FL_RIGHT, true},
	[COLUMN_IP] = {"IP", SCOLS_FL_RIGHT, true},
	[COLUMN_OBJECT] = {"OBJECT", 0, true},
	[COLUMN_SOURCE] = {"SOURCE", 0, true},
};

enum { SUM_CLASS, SUM_FAULTS, SUM_AROUND, SUM_MEANING, SUM_COUNT };

static const struct view_column sum_columns[SUM_COUNT] = {
	[SUM_CLASS] = {"KERNEL-DID", 0, false},
	[SUM_FAULTS] = {"FAULTS", SCOLS_FL_RIGHT, false},
	[SUM_AROUND] = {"NEAR", SCOLS_FL_RIGHT, false},
	[SUM_MEANING] = {"MEANING", SCOLS_FL_WRAP, false},
};

enum {
	LIMIT_TERMINAL = 200,
	SUM_OTHERS = 38, /* characters of the other columns of a sum, mostly */
	SUM_LEAST = 20,  /* of the meaning, however narrow the terminal */
};

bool faults_check_columns(const struct faults_options *options)
{
	const struct view_options *view = &options->subject.view;

	return options->summary
		       ? view_table_check(view, "faults", sum_columns, SUM_COUNT)
		       : view_table_check(view, "faults", timeline_columns, COLUMN_COUNT);
}

/* ---- the timeline ---- */

static char *hex(uint64_t value)
{
	char *text = NULL;

	return asprintf(&text, "0x%" PRIx64, value) < 0 ? NULL : text;
}

static char *decimal(uint64_t value)
{
	char *text = NULL;

	return asprintf(&text, "%" PRIu64, value) < 0 ? NULL : text;
}

static char *source_text(const struct segmap_name *name)
{
	char *text = NULL;

	if (!name->source)
		return strdup("-");
	return asprintf(&text, "%s:%d", name->source, name->line) < 0 ? NULL : text;
}

static bool is_shown(const struct view_table *table, size_t column)
{
	for (size_t i = 0; i < table->shown_count; i++)
		if (table->shown[i] == column)
			return true;
	return false;
}

static const char *color_of(const struct segmap_fault *fault)
{
	switch (fault->class) {
	case SEGMAP_FAULT_COPY_FIRST_WRITE:
	case SEGMAP_FAULT_COPY_AFTER_READ:
	case SEGMAP_FAULT_COPY_AFTER_FORK:
		return "yellow";
	case SEGMAP_FAULT_SIGNAL:
	case SEGMAP_FAULT_UNCLASSIFIED:
		return "red";
	default:
		return NULL;
	}
}

static int add_fault(struct view_table *table, const struct faults_report *report,
		     const struct segmap_fault *fault)
{
	struct segmap_name addr, ip;

	faults_find_where(report, fault, &addr);
	faults_images_find(report->images, fault->pid, fault->time, fault->ip,
			   is_shown(table, COLUMN_SOURCE), &ip);
	char *cells[COLUMN_COUNT] = {
		[COLUMN_TIME] = faults_time_text(fault->time),
		[COLUMN_PID] = decimal((uint64_t)fault->pid),
		[COLUMN_ADDRESS] = hex(fault->addr),
		[COLUMN_CAUSE] = strdup(faults_cause_text(fault)),
		[COLUMN_DONE] = faults_done_text(fault),
		[COLUMN_WHERE] = faults_where_text(report, fault),
		[COLUMN_TID] = decimal((uint64_t)fault->tid),
		[COLUMN_IP] = hex(fault->ip),
		[COLUMN_OBJECT] = strdup(*addr.object ? addr.object : "-"),
		[COLUMN_SOURCE] = source_text(&ip),
	};
	bool complete = true;

	for (size_t i = 0; i < COLUMN_COUNT; i++)
		complete = complete && cells[i];
	int r = view_table_line(table, cells, color_of(fault));
	return complete ? r : -ENOMEM;
}

static int add_fold(struct view_table *table, size_t count)
{
	char *cells[COLUMN_COUNT] = {0};

	if (asprintf(&cells[COLUMN_WHERE], "(%zu more; --limit=0 shows all)", count) < 0)
		return -ENOMEM;
	cells[COLUMN_TIME] = strdup("...");
	return view_table_line(table, cells, NULL);
}

static size_t limit_of(const struct faults_report *report, FILE *out)
{
	if (report->options->has_limit)
		return report->options->limit;
	return isatty(fileno(out)) ? LIMIT_TERMINAL : 0;
}

/* The first and the last lines, if there are too many. */
static int fill_timeline(struct view_table *table, const struct faults_report *report,
			 size_t limit)
{
	const struct segmap_faults *faults = &report->faults;
	size_t first = faults->count, last = faults->count;
	int r = 0;

	if (limit && limit < faults->count) {
		first = limit - limit / 2;
		last = faults->count - limit / 2;
	}
	for (size_t i = 0; r == 0 && i < faults->count; i++) {
		if (i == first && last > first) {
			r = add_fold(table, last - first);
			i = last;
		}
		if (r == 0 && i < faults->count)
			r = add_fault(table, report, &faults->items[i]);
	}
	return r;
}

static int print_timeline(const struct faults_report *report, FILE *out)
{
	struct view_column columns[COLUMN_COUNT];
	struct view_table table = {0};

	memcpy(columns, timeline_columns, sizeof(columns));
	columns[COLUMN_PID].hidden = !report->options->follow;
	int r = view_table_begin(&table, &report->options->subject.view, "faults", out, columns,
				 COLUMN_COUNT);
	if (r == 0)
		r = fill_timeline(&table, report, limit_of(report, out));
	return view_table_end(&table, r);
}

/* ---- sums ---- */

/* Breaks TEXT between words so that no line has more than WIDTH characters; 0 is no limit. */
static char *break_words(const char *text, size_t width)
{
	char *broken = strdup(text);
	size_t begin = 0, blank = 0;

	for (size_t i = 0; broken && width && broken[i]; i++) {
		blank = broken[i] == ' ' ? i : blank;
		if (i - begin < width || blank <= begin)
			continue;
		broken[blank] = '\n';
		begin = blank + 1;
	}
	return broken;
}

/* What is left for the meaning beside the other columns. */
static size_t meaning_width(FILE *out)
{
	size_t width = view_width(out);

	if (width == 0)
		return 0;
	return width > SUM_OTHERS + SUM_LEAST ? width - SUM_OTHERS : SUM_LEAST;
}

static int add_sum(struct view_table *table, const struct faults_report *report,
		   enum segmap_fault_class class, size_t width)
{
	const struct faults_sum *sum = &report->sums[class];
	char *cells[SUM_COUNT] = {
		[SUM_CLASS] = strdup(segmap_fault_class_name(class)),
		[SUM_FAULTS] = decimal(sum->count),
		[SUM_AROUND] = decimal(sum->around),
		[SUM_MEANING] = break_words(segmap_fault_class_meaning(class), width),
	};

	return view_table_line(table, cells, NULL);
}

static void wrap_meaning(const struct view_table *table)
{
	for (size_t i = 0; i < table->shown_count; i++) {
		struct libscols_column *column = scols_table_get_column(table->table, i);

		if (table->shown[i] != SUM_MEANING)
			continue;
		scols_column_set_safechars(column, "\n");
		scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
					  scols_wrapnl_nextchunk, NULL);
	}
}

static int print_sums(const struct faults_report *report, FILE *out)
{
	struct view_table table = {0};
	int r = view_table_begin(&table, &report->options->subject.view, "faults", out,
				 sum_columns, SUM_COUNT);

	if (r == 0)
		wrap_meaning(&table);
	for (int i = 0; r == 0 && i < SEGMAP_FAULT_CLASS_COUNT; i++)
		if (report->sums[i].count)
			r = add_sum(&table, report, (enum segmap_fault_class)i,
				    meaning_width(out));
	return view_table_end(&table, r);
}

static void print_sum_line(const struct faults_report *report, FILE *out)
{
	const char *before = "";
	int width = 0;

	for (int i = 0; i < SEGMAP_FAULT_CLASS_COUNT; i++) {
		const char *name = segmap_fault_class_name((enum segmap_fault_class)i);
		uint64_t count = report->sums[i].count;

		if (count == 0)
			continue;
		int length = snprintf(NULL, 0, "%" PRIu64 " %s", count, name);
		bool wrap = width + length + 3 > 80; /* with the commas around it */

		fprintf(out, "%s%s%" PRIu64 " %s", before,
			wrap      ? "\n  "
			: *before ? " "
				  : "",
			count, name);
		width = (wrap ? 2 : width + 2) + length;
		before = ",";
	}
	fputs("\n", out);
}

/* ---- two witnesses ---- */

static void explain_difference(const struct faults_report *report,
			       const struct faults_agreement *a, FILE *out)
{
	if (a->missing_known) {
		fprintf(out,
			"  %" PRIu64 " more in kernel mode, which may not be watched here: %s\n"
			"  hint: root, CAP_PERFMON or sysctl kernel.perf_event_paranoid=1 "
			"permits it\n",
			a->missing, faults_kernel_why(report));
		return;
	}
	if (report->faults.lost)
		fprintf(out, "  %" PRIu64 " records were lost\n", report->faults.lost);
	if (a->execs)
		fputs("  the program has executed another: while exec copies the arguments, "
		      "the kernel counts\n"
		      "  faults that are no events\n",
		      out);
	else
		fputs("  the kernel also counts what it touches for itself, without an event: "
		      "for direct I/O,\n"
		      "  or for a debugger\n",
		      out);
}

static void print_agreement(const struct faults_report *report, FILE *out)
{
	struct faults_agreement a;

	faults_agree(report, &a);
	fprintf(out, "%" PRIu64 " events%s", a.events,
		report->faults.kernel_seen ? "" : " in user mode");
	if (report->options->follow && a.events != report->faults.count)
		fprintf(out, " of %zu in the first process", report->faults.count);
	if (a.refused)
		fprintf(out, ", %" PRIu64 " of them refused", a.refused);
	if (a.why) {
		fprintf(out, ", getrusage unknown: %s\n", a.why);
	} else {
		fprintf(out, ", %" PRIu64 " in getrusage%s\n", a.counted,
			a.agree           ? ": agree"
			: a.missing_known ? ""
					  : ": DISAGREE");
		if (!a.agree)
			explain_difference(report, &a, out);
	}
	fprintf(out, "%" PRIu64 " lost\n", report->faults.lost);
}

static void print_heading(const struct faults_report *report, FILE *out)
{
	put_text(out, report->subject->program);
	fputs(" by ", out);
	put_text(out, faults_by(report));
	fprintf(out, ", from %s\n",
		report->options->at_exec          ? "its exec on"
		: report->options->subject.loader ? "its entry point on"
						  : "its first instruction on");
}

int faults_print_table(const struct faults_report *report, FILE *out)
{
	const struct view_options *view = &report->options->subject.view;
	int r;

	if (!view->raw)
		print_heading(report, out);
	r = report->options->summary ? print_sums(report, out) : print_timeline(report, out);
	if (r < 0 || view->raw)
		return r;
	if (!report->options->summary)
		print_sum_line(report, out);
	print_agreement(report, out);
	return 0;
}
