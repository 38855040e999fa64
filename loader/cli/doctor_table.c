/* `segmap doctor` as a table, and below it the steps, which one can copy as they are. */
#include "doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum column { COLUMN_PERMIT, COLUMN_STATE, COLUMN_NEEDED, COLUMN_WITHOUT, COLUMN_HOW, COLUMNS };

const struct view_column doctor_columns[COLUMNS] = {
	[COLUMN_PERMIT] = {"PERMIT", 0, false},
	[COLUMN_STATE] = {"STATE", 0, false},
	[COLUMN_NEEDED] = {"NEEDED-BY", SCOLS_FL_WRAP, false},
	[COLUMN_WITHOUT] = {"WITHOUT-IT", SCOLS_FL_WRAP, false},
	[COLUMN_HOW] = {"HOW", SCOLS_FL_WRAP, true},
};
const size_t doctor_column_count = COLUMNS;

/* Where a line of a cell may be at most as long. Without a terminal it may be longer. */
static const size_t widths[COLUMNS] = {[COLUMN_NEEDED] = 18, [COLUMN_WITHOUT] = 34};

/* Divides TEXT into lines of WIDTH, between words. */
static char *fold(const char *text, size_t width)
{
	char *copy = strdup(text);
	size_t line = 0, blank = SIZE_MAX;

	for (size_t i = 0; copy && width && copy[i]; i++) {
		if (copy[i] == ' ')
			blank = i;
		if (i - line >= width && blank != SIZE_MAX && blank > line) {
			copy[blank] = '\n';
			line = blank + 1;
		}
	}
	return copy;
}

/* "no (paranoid 2)": the answer, and the setting that decides. */
static char *state_text(const struct segmap_permit_state *state)
{
	char *text;

	if (state->value == SEGMAP_PERMIT_NO_VALUE)
		return strdup(doctor_answer(state));
	return asprintf(&text, "%s (%d)", doctor_answer(state), state->value) < 0 ? NULL : text;
}

static char *how_text(const struct doctor_text *text)
{
	char *how;

	if (!text->how[1])
		return strdup(text->how[0]);
	return asprintf(&how, "%s\n%s", text->how[0], text->how[1]) < 0 ? NULL : how;
}

static const char *state_color(const struct segmap_permit_state *state)
{
	if (state->answer == SEGMAP_ANSWER_YES)
		return NULL;
	return state->answer == SEGMAP_ANSWER_NO ? "red" : "yellow";
}

static int add_line(struct view_table *table, const struct doctor_report *report, int i,
		    bool folded)
{
	const struct segmap_permit_state *state = &report->states[i];
	const struct doctor_text *text = &doctor_texts[i];
	bool lost = state->answer != SEGMAP_ANSWER_YES;
	char *cells[COLUMNS] = {
		[COLUMN_PERMIT] = strdup(segmap_permit_name((enum segmap_permit)i)),
		[COLUMN_STATE] = state_text(state),
		[COLUMN_NEEDED] = fold(*text->needed_by ? text->needed_by : "-",
				       folded ? widths[COLUMN_NEEDED] : 0),
		[COLUMN_WITHOUT] =
			fold(lost ? text->without : "-", folded ? widths[COLUMN_WITHOUT] : 0),
		[COLUMN_HOW] = lost ? how_text(text) : strdup("-"),
	};

	return view_table_line(table, cells, state_color(state));
}

/* Lines of a cell are those of its text, and are not folded once more. */
static int keep_lines(const struct view_table *table)
{
	for (size_t i = 0; i < table->shown_count; i++) {
		struct libscols_column *column = scols_table_get_column(table->table, i);

		if (doctor_columns[table->shown[i]].flags & SCOLS_FL_WRAP &&
		    (scols_column_set_safechars(column, "\n") < 0 ||
		     scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
					       scols_wrapnl_nextchunk, NULL) < 0))
			return -ENOMEM;
	}
	return 0;
}

static int print_rows(const struct doctor_report *report, FILE *out, bool folded)
{
	const struct view_options *view = &report->options->view;
	struct view_table table;
	int r = view_table_begin(&table, view, "doctor", out, doctor_columns, COLUMNS);

	if (r == 0 && !view->raw)
		r = keep_lines(&table);
	for (int i = 0; r == 0 && i < SEGMAP_PERMIT_COUNT; i++)
		r = add_line(&table, report, i, folded);
	return view_table_end(&table, r);
}

/* It is not the permit that is missing, but what one would see it by. */
static bool is_for_lack_of_proc(const struct doctor_report *report, int i)
{
	return i != SEGMAP_PERMIT_PROC && i != SEGMAP_PERMIT_TRACEFS &&
	       report->states[i].error == ENOENT &&
	       report->states[SEGMAP_PERMIT_PROC].answer != SEGMAP_ANSWER_YES;
}

static void print_steps(const struct doctor_report *report, FILE *out)
{
	char reason[128];

	fputs("\nTo permit what is not:\n", out);
	for (int i = 0; i < SEGMAP_PERMIT_COUNT; i++) {
		const struct segmap_permit_state *state = &report->states[i];
		const struct doctor_text *text = &doctor_texts[i];

		if (state->answer == SEGMAP_ANSWER_YES)
			continue;
		fprintf(out, "  %s: %s: %s\n", segmap_permit_name((enum segmap_permit)i),
			doctor_answer(state), doctor_reason(state, reason));
		if (is_for_lack_of_proc(report, i)) {
			fputs("    as for proc\n", out);
			continue;
		}
		fprintf(out, "    %s\n", text->how[0]);
		if (text->how[1])
			fprintf(out, "    or: %s\n", text->how[1]);
	}
}

static void print_commands(const struct doctor_report *report, FILE *out)
{
	const char *divider = "\nCannot run: ";

	for (const char *const *command = doctor_commands; *command; command++)
		if (!doctor_can_run(report, *command)) {
			fprintf(out, "%s%s", divider, *command);
			divider = ", ";
		}
	fputs(divider[0] == ',' ? "\n" : "\nAll commands can run.\n", out);
}

int doctor_print_table(const struct doctor_report *report, FILE *out)
{
	const struct view_options *view = &report->options->view;
	bool color = view->color, any = false;
	bool folded = !view->raw && (isatty(fileno(out)) || getenv("COLUMNS"));
	struct utsname system = {0};

	for (int i = 0; i < SEGMAP_PERMIT_COUNT; i++)
		any = any || report->states[i].answer != SEGMAP_ANSWER_YES;
	uname(&system);
	if (!view->raw)
		fprintf(out, "%s%s %s, %s, user %u%s\n", style_on(STYLE_TITLE, color),
			system.sysname, system.release, system.machine, (unsigned)geteuid(),
			style_off(color));
	int r = print_rows(report, out, folded);
	if (r == 0 && !view->raw && any)
		print_steps(report, out);
	if (r == 0 && !view->raw)
		print_commands(report, out);
	return r;
}
