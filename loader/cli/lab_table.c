/* Experiments as text. */
#include "lab_show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EXPERIMENT, WHAT, WITNESS, PREDICTED, OBSERVED, VERDICT, WHY, COLUMNS };

static const struct view_column columns[COLUMNS] = {
	[EXPERIMENT] = {"EXPERIMENT", 0, true},
	[WHAT] = {"WHAT", 0, false},
	[WITNESS] = {"WITNESS", 0, false},
	[PREDICTED] = {"PREDICTED", 0, false},
	[OBSERVED] = {"OBSERVED", 0, false},
	[VERDICT] = {"VERDICT", 0, false},
	[WHY] = {"WHY", 0, true},
};

enum { NAME, MAPPING, EVENT, TITLE, LIST_COLUMNS };

static const struct view_column list_columns[LIST_COLUMNS] = {
	[NAME] = {"NAME", 0, false},
	[MAPPING] = {"MAPPING", 0, false},
	[EVENT] = {"EVENT", 0, false},
	[TITLE] = {"TITLE", SCOLS_FL_TRUNC, false},
};

bool lab_check_columns(const struct lab_options *options)
{
	if (options->list)
		return view_table_check(&options->view, "lab", list_columns, LIST_COLUMNS);
	return view_table_check(&options->view, "lab", columns, COLUMNS);
}

int lab_print_list(FILE *out, const struct lab_options *options,
		   const struct lab_experiment *experiments)
{
	struct view_table table;
	int r = view_table_begin(&table, &options->view, "lab", out, list_columns,
				 LIST_COLUMNS);

	for (; r == 0 && experiments->name; experiments++) {
		char *cells[LIST_COLUMNS] = {
			[NAME] = strdup(experiments->name),
			[MAPPING] = strdup(experiments->mapping),
			[EVENT] = strdup(experiments->event),
			[TITLE] = strdup(experiments->title),
		};

		r = view_table_line(&table, cells, NULL);
	}
	return view_table_end(&table, r);
}

static const char *color_of(enum lab_verdict verdict)
{
	return verdict == LAB_DISAGREES ? "red" : verdict == LAB_UNKNOWN ? "brown" : NULL;
}

static int print_table(FILE *out, const struct view_options *view,
		       const struct lab_result *result)
{
	struct view_table table;
	int r = view_table_begin(&table, view, "lab", out, columns, COLUMNS);

	for (size_t i = 0; r == 0 && i < result->count; i++) {
		const struct lab_observation *o = &result->observations[i];
		char *cells[COLUMNS] = {
			[EXPERIMENT] = strdup(result->experiment->name),
			[WHAT] = strdup(o->what),
			[WITNESS] = strdup(lab_witness_name(o->witness)),
			[PREDICTED] = strdup(o->predicted),
			[OBSERVED] = strdup(*o->observed ? o->observed : "unknown"),
			[VERDICT] = strdup(*o->observed ? lab_verdict_name(o->verdict) : ""),
			[WHY] = strdup(o->why),
		};

		r = view_table_line(&table, cells, color_of(o->verdict));
	}
	return view_table_end(&table, r);
}

static void print_verdict(FILE *out, const struct lab_result *result, bool color)
{
	enum style style = result->verdict == LAB_DISAGREES ? STYLE_REFUSED : STYLE_WARNING;
	bool colored = color && result->verdict != LAB_AGREES;
	size_t differ = 0;

	for (size_t i = 0; i < result->count; i++)
		differ += result->observations[i].verdict == LAB_DISAGREES;
	fputs(style_on(style, colored), out);
	if (result->verdict == LAB_AGREES)
		fputs("agree", out);
	else if (result->verdict == LAB_DISAGREES)
		fprintf(out, "DISAGREE: %zu of %zu observations", differ, result->count);
	else
		fprintf(out, "without a verdict: %s", result->missing);
	fprintf(out, "%s\n", style_off(colored));
}

int lab_print_result(FILE *out, const struct lab_options *options,
		     const struct lab_result *result, bool first)
{
	struct view_options view = options->view;
	const struct lab_experiment *e = result->experiment;

	if (view.raw) {
		view.noheadings |= !first;
		return print_table(out, &view, result);
	}
	fprintf(out, "%s%s%s%s\n", first ? "" : "\n", style_on(STYLE_TITLE, view.color),
		e->name, style_off(view.color));
	fprintf(out, "%s\n", e->title);
	int r = print_table(out, &view, result);
	if (*result->note)
		fprintf(out, "note: %s\n", result->note);
	print_verdict(out, result, view.color);
	return r;
}

void lab_print_sum(FILE *out, const struct lab_sum *sum)
{
	fputc('\n', out);
	for (size_t i = 0; i < sum->lack_count; i++) {
		const struct lab_lack *lack = &sum->lacks[i];

		fprintf(out, "unknown here: %s, %zu observation%s: %s\n",
			lab_witness_name(lack->witness), lack->observations,
			lack->observations == 1 ? "" : "s", lack->why);
	}
	fprintf(out, "%zu experiment%s: %zu agree, %zu disagree, %zu without a verdict\n",
		sum->experiments, sum->experiments == 1 ? "" : "s", sum->verdicts[LAB_AGREES],
		sum->verdicts[LAB_DISAGREES], sum->verdicts[LAB_UNKNOWN]);
}
