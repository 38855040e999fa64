/* segmap lab: what each kind of mapping does, predicted, done and observed. */
#include "lab_show.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_DISAGREES = 1 };

/* A run of the command: its experiments, ended by one without a name, and what has come of
 * them. */
struct session {
	const struct lab_options *options;
	struct lab_experiment *chosen; /* owned */
	size_t count;
	FILE *out;
	json_t *json; /* array, or NULL */
	struct lab_sum sum;
	struct lab_score score;
};

/* ---- choosing ---- */

static size_t count_all(void)
{
	size_t count = 0;

	for (size_t g = 0; lab_groups[g]; g++)
		for (const struct lab_experiment *e = lab_groups[g]; e->name; e++)
			count++;
	return count;
}

/* Whether one of the NAMES, which may be patterns, is NAME's; all are if there are none. */
static bool is_named(const char *name, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (fnmatch(*names, name, 0) == 0)
			return true;
	return false;
}

static bool is_known(const char *name)
{
	for (size_t g = 0; lab_groups[g]; g++)
		for (const struct lab_experiment *e = lab_groups[g]; e->name; e++)
			if (fnmatch(name, e->name, 0) == 0)
				return true;
	complain("lab: %s: no such experiment; 'segmap lab --list' lists them",
		 seen_name(name));
	return false;
}

static bool choose(struct session *session, char *const *names)
{
	for (char *const *name = names; *name; name++)
		if (!is_known(*name))
			return false;
	session->chosen = calloc(count_all() + 1, sizeof(*session->chosen));
	if (!session->chosen) {
		complain("lab: out of memory");
		return false;
	}
	for (size_t g = 0; lab_groups[g]; g++)
		for (const struct lab_experiment *e = lab_groups[g]; e->name; e++)
			if (is_named(e->name, names))
				session->chosen[session->count++] = *e;
	return true;
}

/* ---- running ---- */

void lab_sum_add(struct lab_sum *sum, const struct lab_result *result)
{
	sum->experiments++;
	sum->verdicts[result->verdict]++;
	for (size_t i = 0; i < result->count; i++) {
		const struct lab_observation *o = &result->observations[i];
		size_t at = 0;

		if (o->verdict != LAB_UNKNOWN)
			continue;
		while (at < sum->lack_count && sum->lacks[at].witness != o->witness)
			at++;
		if (at == sum->lack_count) {
			sum->lacks[sum->lack_count].witness = o->witness;
			memcpy(sum->lacks[sum->lack_count++].why, o->why, sizeof(o->why));
		}
		sum->lacks[at].observations++;
	}
}

/* On a terminal, for a report that goes elsewhere. */
static void show_progress(const struct session *session, size_t done)
{
	if (!isatty(STDERR_FILENO) || isatty(fileno(session->out)) || session->options->quiz)
		return;
	if (done < session->count)
		fprintf(stderr, "\r%zu of %zu: %s\033[K", done + 1, session->count,
			session->chosen[done].name);
	else
		fputs("\r\033[K", stderr);
}

static int take_result(struct session *session, const struct lab_result *result)
{
	const struct lab_options *options = session->options;
	bool first = session->sum.experiments == 0;

	lab_sum_add(&session->sum, result);
	if (!session->json)
		return lab_print_result(session->out, options, result, first);
	json_t *json = lab_json_experiment(result->experiment, result, options->code);
	return json_array_append_new(session->json, json) < 0 ? -ENOMEM : 0;
}

static int run_all(struct session *session)
{
	struct lab_result result;
	bool more = true;
	int r = 0;

	for (size_t i = 0; r == 0 && more && i < session->count; i++) {
		show_progress(session, i);
		r = lab_run(&session->chosen[i], &result);
		if (r == 0 && session->options->quiz)
			more = lab_quiz(&result, &session->score);
		if (r == 0 && more)
			r = take_result(session, &result);
	}
	show_progress(session, session->count);
	return r;
}

static void print_end(const struct session *session)
{
	if (!session->options->view.raw)
		lab_print_sum(session->out, &session->sum);
	if (session->options->quiz)
		printf("%squiz: %zu of %zu right\n", session->out == stdout ? "" : "\n",
		       session->score.right, session->score.asked);
}

static int run_experiments(struct session *session)
{
	if (session->options->view.json)
		session->json = json_array();
	int r = run_all(session);
	if (r == 0 && session->json) {
		r = json_write(lab_json_report(session->json, &session->sum), session->out);
		session->json = NULL; /* the report has taken it */
	} else if (r == 0) {
		print_end(session);
	}
	json_decref(session->json);
	if (r < 0) {
		complain("lab: %s", strerror(-r));
		return EXIT_OWN;
	}
	return session->sum.verdicts[LAB_DISAGREES] ? STATUS_DISAGREES : 0;
}

/* ---- listing ---- */

static int list_json(struct session *session)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < session->count; i++)
		json_array_append_new(array, lab_json_experiment(&session->chosen[i], NULL,
								 session->options->code));
	return json_write(lab_json_report(array, NULL), session->out);
}

static int print_code(struct session *session)
{
	for (size_t i = 0; i < session->count; i++)
		fprintf(session->out, "%s/* %s: %s */\n%s", i ? "\n" : "",
			session->chosen[i].name, session->chosen[i].title,
			lab_code_of(&session->chosen[i]));
	return 0;
}

static int list(struct session *session)
{
	int r;

	if (session->options->view.json)
		r = list_json(session);
	else if (session->options->code)
		r = print_code(session);
	else
		r = lab_print_list(session->out, session->options, session->chosen);
	if (r == 0)
		return 0;
	complain("lab: %s", strerror(-r));
	return EXIT_OWN;
}

static int run_session(const struct lab_options *options, char *const *names)
{
	struct session session = {.options = options};
	int status = EXIT_OWN;

	if (choose(&session, names) && lab_check_columns(options) &&
	    (session.out = view_open(&options->view, "lab")))
		status = view_close(session.out, options->list || options->code
							 ? list(&session)
							 : run_experiments(&session));
	free(session.chosen);
	return status;
}

/* ---- options ---- */

enum { OPTION_CODE = OPTION_OWN, OPTION_QUIZ };

static const struct option long_options[] = {
	{"list", no_argument, NULL, 'l'},
	{"code", no_argument, NULL, OPTION_CODE},
	{"quiz", no_argument, NULL, OPTION_QUIZ},
	{"json", no_argument, NULL, 'J'},
	{"noheadings", no_argument, NULL, 'n'},
	{"raw", no_argument, NULL, 'r'},
	{"output", required_argument, NULL, 'o'},
	{"output-file", required_argument, NULL, OPTION_OUTPUT_FILE},
	{"color", optional_argument, NULL, OPTION_COLOR},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* False if C is an option that cannot be followed, which has been said. */
static bool take_option(struct lab_options *options, int c)
{
	switch (c) {
	case 'l':
		options->list = true;
		return true;
	case OPTION_CODE:
		options->code = true;
		return true;
	case OPTION_QUIZ:
		options->quiz = true;
		return true;
	default:
		return view_take(&options->view, "lab", c) == TAKEN;
	}
}

static int run_lab(int argc, char **argv)
{
	struct lab_options options = {0};
	char name[] = "segmap lab";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.view.color);
	while ((c = getopt_long(argc, argv, "lJnro:h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_lab.help, stdout);
			return 0;
		}
		if (!take_option(&options, c))
			goto usage;
	}
	if (!options.quiz || !(options.view.json || options.list || options.code))
		return run_session(&options, argv + optind);
	complain("lab: --quiz asks and shows; it does not go with --json, --list or --code");
usage:
	fputs("Try 'segmap lab --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_lab = {
	.name = "lab",
	.run = run_lab,
	.summary = "show what each kind of mapping does, by experiments",
	.help = "Usage: segmap lab [OPTION...] [EXPERIMENT...]\n"
		"\n"
		"  segmap lab                          all experiments\n"
		"  segmap lab --list                   what there is\n"
		"  segmap lab private-file-write       one of them\n"
		"  segmap lab 'shared-*'               some, by a pattern\n"
		"  segmap lab --code shared-data       the C function that is run\n"
		"  segmap lab --quiz private-anon-fork say first what you expect\n"
		"\n"
		"Each experiment is a short C function. It says what it predicts, does it in "
		"a\n"
		"process of its own, and asks page tables, counters and the bytes themselves.\n"
		"\n"
		"Options:\n"
		"  -l, --list              the experiments and what they are about\n"
		"      --code              their source, instead of running them\n"
		"      --quiz              ask before showing; reads standard input\n"
		"  -J, --json              JSON, as docs/schemas/lab.schema.json describes it\n"
		"  -o, --output=LIST       columns, by name, divided by commas: EXPERIMENT, "
		"WHAT,\n"
		"                          WITNESS, PREDICTED, OBSERVED, VERDICT, WHY; with\n"
		"                          --list NAME, MAPPING, EVENT, TITLE\n"
		"  -n, --noheadings        no headings\n"
		"  -r, --raw               only the tables, columns divided by one blank\n"
		"      --output-file=FILE  write the report there, not to standard output\n"
		"      --color[=WHEN]      auto, always or never\n"
		"  -h, --help              this text\n"
		"\n"
		"Exit status: 0 if no experiment disagrees, 1 if one does, 125 if segmap "
		"fails.\n",
};
