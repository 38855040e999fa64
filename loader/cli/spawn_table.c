/* `segmap spawn` as a table: a line for each way. */
#include "spawning.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum column {
	COLUMN_WAY,
	COLUMN_STARTS,
	COLUMN_RATE,
	COLUMN_RATIO,
	COLUMN_LEAST,
	COLUMN_P50,
	COLUMN_P90,
	COLUMN_P99,
	COLUMN_MOST,
	COLUMN_FAILED,
	COLUMNS,
};

const struct view_column spawn_columns[COLUMNS] = {
	[COLUMN_WAY] = {"BY", 0, false},
	[COLUMN_STARTS] = {"STARTS", SCOLS_FL_RIGHT, false},
	[COLUMN_RATE] = {"PER-SECOND", SCOLS_FL_RIGHT, false},
	[COLUMN_RATIO] = {"RATIO", SCOLS_FL_RIGHT, false},
	[COLUMN_LEAST] = {"LEAST", SCOLS_FL_RIGHT, true},
	[COLUMN_P50] = {"P50", SCOLS_FL_RIGHT, false},
	[COLUMN_P90] = {"P90", SCOLS_FL_RIGHT, false},
	[COLUMN_P99] = {"P99", SCOLS_FL_RIGHT, false},
	[COLUMN_MOST] = {"MOST", SCOLS_FL_RIGHT, true},
	[COLUMN_FAILED] = {"FAILED", SCOLS_FL_RIGHT, true},
};
const size_t spawn_column_count = COLUMNS;

const char *spawn_way_name(enum spawn_way way)
{
	return way == SPAWN_TEMPLATE ? "template" : "posix_spawn";
}

double spawn_rate(const struct spawn_figures *figures)
{
	return figures->busy ? (double)figures->count * 1e9 / (double)figures->busy : 0;
}

uint64_t spawn_percentile(const struct spawn_figures *figures, unsigned percent)
{
	size_t rank = (figures->count * percent + 99) / 100;

	return figures->latencies[rank ? rank - 1 : 0];
}

static char *number_text(const char *format, double number)
{
	char *text;

	/* one of the formats below: NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
	return asprintf(&text, format, number) < 0 ? NULL : text;
}

static char *latency(const struct spawn_figures *figures, unsigned percent)
{
	return number_text("%.0f", (double)spawn_percentile(figures, percent) / 1000);
}

static int add_line(struct view_table *table, const struct spawn_report *report,
		    enum spawn_way way)
{
	const struct spawn_figures *f = &report->figures[way];
	double other = spawn_rate(&report->figures[SPAWN_EXECVE]);
	char *cells[COLUMNS] = {
		[COLUMN_WAY] = strdup(spawn_way_name(way)),
		[COLUMN_STARTS] = number_text("%.0f", (double)f->count),
		[COLUMN_RATE] = number_text("%.0f", spawn_rate(f)),
		[COLUMN_RATIO] = number_text("%.2f", other > 0 ? spawn_rate(f) / other : 0),
		[COLUMN_LEAST] = latency(f, 0),
		[COLUMN_P50] = latency(f, 50),
		[COLUMN_P90] = latency(f, 90),
		[COLUMN_P99] = latency(f, 99),
		[COLUMN_MOST] = latency(f, 100),
		[COLUMN_FAILED] = number_text("%.0f", (double)f->failed),
	};

	return view_table_line(table, cells, f->failed ? "red" : NULL);
}

static void print_title(const struct spawn_report *report, FILE *out)
{
	const struct spawn_options *options = report->options;
	bool color = options->subject.view.color;

	fputs(style_on(STYLE_TITLE, color), out);
	put_text(out, report->program);
	fprintf(out, ": %zu starts, %zu at a time, at ", options->starts, options->jobs);
	put_text(out, options->symbol ? options->symbol : "the first instruction");
	fprintf(out, "%s\n", style_off(color));
	fprintf(out,
		"loaded once in %.1f ms; latencies in microseconds, from the call to the "
		"end\n",
		(double)report->load / 1e6);
}

static void print_failures(const struct spawn_report *report, FILE *out)
{
	for (int way = 0; way < SPAWN_WAYS; way++) {
		const struct spawn_figures *f = &report->figures[way];

		if (f->failed == 0)
			continue;
		fprintf(out, "%s: %zu of %zu have not ended with status 0; the first: ",
			spawn_way_name((enum spawn_way)way), f->failed, f->count);
		if (WIFSIGNALED(f->status))
			fprintf(out, "signal %d\n", WTERMSIG(f->status));
		else
			fprintf(out, "status %d\n", WEXITSTATUS(f->status));
	}
}

int spawn_print_table(const struct spawn_report *report, FILE *out)
{
	const struct view_options *view = &report->options->subject.view;
	struct view_table table;

	if (!view->raw)
		print_title(report, out);
	int r = view_table_begin(&table, view, "spawn", out, spawn_columns, COLUMNS);
	for (int way = 0; r == 0 && way < SPAWN_WAYS; way++)
		r = add_line(&table, report, (enum spawn_way)way);
	r = view_table_end(&table, r);
	if (r == 0 && !view->raw)
		print_failures(report, out);
	return r;
}
