/* segmap doctor: what this kernel and this user permit, found out by trying. */
#include "doctor.h"

#include <string.h>

enum { STATUS_CANNOT = 1 };

enum { OPTION_CHECK = OPTION_OWN };

static const struct option long_options[] = {
	VIEW_LONG_OPTIONS,
	{"check", required_argument, NULL, OPTION_CHECK},
	{NULL, 0, NULL, 0},
};

static void try_all(struct doctor_report *report)
{
	for (int i = 0; i < SEGMAP_PERMIT_COUNT; i++)
		segmap_permit_try((enum segmap_permit)i, &report->states[i]);
}

/* For scripts: nothing is said if it can run. */
static int check(const struct doctor_report *report)
{
	const char *command = report->options->check;
	char reason[128];

	if (doctor_can_run(report, command))
		return 0;
	for (int i = 0; i < SEGMAP_PERMIT_COUNT; i++) {
		const struct segmap_permit_state *state = &report->states[i];

		if (state->answer == SEGMAP_ANSWER_YES ||
		    !doctor_has(doctor_texts[i].musts, command))
			continue;
		complain("doctor: %s cannot run: %s: %s", command,
			 segmap_permit_name((enum segmap_permit)i),
			 doctor_reason(state, reason));
		fprintf(stderr, "  hint: %s\n", doctor_texts[i].how[0]);
	}
	return STATUS_CANNOT;
}

static int examine(const struct doctor_options *options)
{
	struct doctor_report report = {.options = options};

	fflush(stdout); /* children are forked */
	try_all(&report);
	if (options->check)
		return check(&report);
	FILE *out = view_open(&options->view, "doctor");
	if (!out)
		return EXIT_OWN;
	int r = options->view.json ? doctor_print_json(&report, out)
				   : doctor_print_table(&report, out);
	if (r < 0)
		complain("doctor: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

static bool take_check(struct doctor_options *options)
{
	for (const char *const *command = doctor_commands; *command; command++)
		if (strcmp(*command, optarg) == 0) {
			options->check = optarg;
			return true;
		}
	complain("doctor: --check=%s: no such command, or it needs no permit", optarg);
	return false;
}

static int run_doctor(int argc, char **argv)
{
	struct doctor_options options = {0};
	char name[] = "segmap doctor";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.view.color);
	while ((c = getopt_long(argc, argv, "+" VIEW_LETTERS, long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_doctor.help, stdout);
			return 0;
		}
		if (c == OPTION_CHECK ? !take_check(&options)
				      : view_take(&options.view, "doctor", c) != TAKEN)
			goto usage;
	}
	if (!view_table_check(&options.view, "doctor", doctor_columns, doctor_column_count))
		goto usage;
	if (optind == argc)
		return examine(&options);
	complain("doctor: %s: there are no arguments", argv[optind]);
usage:
	fputs("Try 'segmap doctor --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_doctor = {
	.name = "doctor",
	.run = run_doctor,
	.summary = "show what this kernel and user permit, and how to permit the rest",
	.help = "Usage: segmap doctor [OPTION...]\n"
		"\n"
		"  segmap doctor                     what is permitted, and what is lost "
		"without\n"
		"  segmap doctor --check=faults      for scripts: can 'segmap faults' run?\n"
		"  segmap doctor -o permit,state,how the steps in the table\n"
		"\n"
		"Each thing is tried, in a child; no version or setting is believed.\n"
		"\n"
		"Options:\n"
		"      --check=COMMAND     say nothing if COMMAND can run, else why "
		"not\n" VIEW_HELP "\n"
		"Columns: PERMIT, STATE, NEEDED-BY, WITHOUT-IT; HOW.\n"
		"\n"
		"Exit status: 0 if it could look, whatever it saw; with --check 0 if COMMAND "
		"can\n"
		"run, 1 if not; 125 if segmap fails.\n",
};
