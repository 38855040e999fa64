/* How a report looks, and where it goes: the same for all commands. */
#include "subject.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum taken view_take(struct view_options *view, const char *command, int c)
{
	switch (c) {
	case 'J':
		view->json = true;
		return TAKEN;
	case 'n':
		view->noheadings = true;
		return TAKEN;
	case 'r':
		view->raw = true;
		return TAKEN;
	case 'b':
		view->bytes = true;
		return TAKEN;
	case 'o':
		view->columns = optarg;
		return TAKEN;
	case OPTION_OUTPUT_FILE:
		view->output_file = optarg;
		return TAKEN;
	case OPTION_COLOR:
		if (choose_color(optarg ? optarg : "always", &view->color))
			return TAKEN;
		complain("%s: --color=%s: must be auto, always or never", command, optarg);
		return WRONG;
	case '?':
		return WRONG;
	default:
		return NOT_MINE;
	}
}

FILE *view_open(const struct view_options *view, const char *command)
{
	if (!view->output_file)
		return stdout;
	FILE *out = fopen(view->output_file, "we");

	if (!out)
		complain("%s: %s: %s", command, view->output_file, strerror(errno));
	return out;
}

int view_close(FILE *out, int status)
{
	if (out == stdout)
		return finish_output(status, EXIT_OWN);
	bool failed = fflush(out) != 0 || ferror(out);
	int error = errno;

	if (fclose(out) != 0 && !failed) {
		failed = true;
		error = errno;
	}
	if (!failed)
		return status;
	complain("report: %s", strerror(error));
	return EXIT_OWN;
}

char *size_text(uint64_t bytes, bool exact)
{
	static const char units[] = "KMGTP";
	double value = (double)bytes;
	int unit = -1;
	char *text = NULL;

	if (exact || bytes < 1024)
		return asprintf(&text, "%" PRIu64, bytes) < 0 ? NULL : text;
	do {
		value /= 1024;
		unit++;
	} while (value >= 1024 && units[unit + 1]);
	bool whole = value >= 100 || value - (double)(uint64_t)value < 0.05;

	return asprintf(&text, whole ? "%.0f%c" : "%.1f%c", value, units[unit]) < 0 ? NULL
										    : text;
}

/* ---- tables ---- */

static bool find_column(const struct view_column *columns, size_t count, const char *name,
			size_t *found)
{
	for (*found = 0; *found < count; ++*found)
		if (strcasecmp(columns[*found].name, name) == 0)
			return true;
	return false;
}

/* The columns of --output, or those that are shown unless it says otherwise; both, if it begins
 * with '+'. */
static bool choose_columns(struct view_table *table, const char *list)
{
	bool adds = list && *list == '+';
	char *names = strdup(list ? list + adds : ""), *save = NULL;
	bool good = names;

	for (size_t i = 0; good && (!list || adds) && i < table->column_count; i++)
		if (!table->columns[i].hidden)
			table->shown[table->shown_count++] = i;
	for (char *name = good && list ? strtok_r(names, ",", &save) : NULL; good && name;
	     name = strtok_r(NULL, ",", &save)) {
		size_t at;

		good = table->shown_count < VIEW_COLUMNS &&
		       find_column(table->columns, table->column_count, name, &at);
		if (good)
			table->shown[table->shown_count++] = at;
		else
			complain("%s: --output: %s: no such column; --help lists them",
				 table->command, name);
	}
	free(names);
	if (good && table->shown_count == 0) {
		complain("%s: --output: no column given", table->command);
		good = false;
	}
	return good;
}

bool view_table_check(const struct view_options *view, const char *command,
		      const struct view_column *columns, size_t count)
{
	struct view_table table = {
		.command = command, .columns = columns, .column_count = count};

	return choose_columns(&table, view->columns);
}

size_t view_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (width || !isatty(fileno(out)))
		return width;
	return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void set_width(struct libscols_table *table, FILE *out)
{
	size_t width = view_width(out);

	scols_table_set_termforce(table,
				  width ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (width)
		scols_table_set_termwidth(table, width);
}

int view_table_begin(struct view_table *table, const struct view_options *view,
		     const char *command, FILE *out, const struct view_column *columns,
		     size_t count)
{
	*table = (struct view_table){
		.command = command, .columns = columns, .column_count = count};
	if (!choose_columns(table, view->columns))
		return -EINVAL;
	table->table = scols_new_table();
	if (!table->table)
		return -ENOMEM;
	scols_table_set_stream(table->table, out);
	scols_table_enable_noheadings(table->table, view->noheadings);
	scols_table_enable_raw(table->table, view->raw);
	scols_table_enable_colors(table->table, view->color);
	set_width(table->table, out);
	for (size_t i = 0; i < table->shown_count; i++) {
		const struct view_column *column = &columns[table->shown[i]];

		if (!scols_table_new_column(table->table, column->name, 0, column->flags))
			return -ENOMEM;
	}
	return 0;
}

int view_table_line(struct view_table *table, char **cells, const char *color)
{
	struct libscols_line *line = scols_table_new_line(table->table, NULL);
	int r = line ? 0 : -ENOMEM;

	for (size_t i = 0; i < table->shown_count; i++) {
		char **cell = &cells[table->shown[i]];
		char *text = *cell ? strdup(*cell) : NULL;

		if (text && r == 0 && scols_line_refer_data(line, i, text) == 0)
			continue;
		free(text);
		if (*cell)
			r = -ENOMEM;
	}
	/* the line frees what it has taken: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	for (size_t i = 0; i < table->column_count; i++)
		free(cells[i]);
	if (r == 0 && color)
		scols_line_set_color(line, color);
	return r;
}

int view_table_note(struct view_table *table, char *text)
{
	struct view_note *notes =
		text ? reallocarray(table->notes, table->note_count + 1, sizeof(*notes)) : NULL;

	if (!notes) {
		free(text);
		return -ENOMEM;
	}
	table->notes = notes;
	notes[table->note_count++] =
		(struct view_note){.text = text, .line = scols_table_get_nlines(table->table)};
	return 0;
}

/* The lines of the table, each with the notes that belong below it. */
static int print_with_notes(const struct view_table *table)
{
	FILE *out = scols_table_get_stream(table->table);
	bool heading = !scols_table_is_noheadings(table->table);
	size_t line = 0, note = 0;
	char *text = NULL;

	if (scols_print_table_to_string(table->table, &text) != 0)
		return -ENOMEM;
	for (const char *p = text; p && *p; line++) {
		size_t length = strcspn(p, "\n");

		fprintf(out, "%.*s\n", (int)length, p);
		for (;
		     note < table->note_count && table->notes[note].line + heading <= line + 1;
		     note++)
			fprintf(out, "%s\n", table->notes[note].text);
		p += length + (p[length] == '\n');
	}
	for (; note < table->note_count; note++) /* of a table without a line */
		fprintf(out, "%s\n", table->notes[note].text);
	free(text);
	return 0;
}

int view_table_end(struct view_table *table, int r)
{
	if (r == 0 && table->note_count)
		r = print_with_notes(table);
	else if (r == 0 && scols_table_get_nlines(table->table) &&
		 scols_print_table(table->table) < 0)
		r = -ENOMEM;
	for (size_t i = 0; i < table->note_count; i++)
		free(table->notes[i].text);
	free(table->notes);
	scols_unref_table(table->table);
	*table = (struct view_table){0};
	return r;
}
