/* segmap spawn: one image, loaded once and started many times. */
#include "spawning.h"

#include <stdlib.h>
#include <string.h>

enum { STARTS = 1000, STARTS_MOST = 10000000, JOBS_MOST = 1024, TIMEOUT = 600 };

enum { OPTION_AT = OPTION_OWN, OPTION_SHOW_OUTPUT };

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'J'},
	{"starts", required_argument, NULL, 'n'},
	{"jobs", required_argument, NULL, 'j'},
	{"at", required_argument, NULL, OPTION_AT},
	{"show-output", no_argument, NULL, OPTION_SHOW_OUTPUT},
	{"execve", no_argument, NULL, OPTION_EXECVE},
	{"aslr", no_argument, NULL, OPTION_ASLR},
	{"no-aslr", no_argument, NULL, OPTION_NO_ASLR},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"noheadings", no_argument, NULL, 'N'},
	{"raw", no_argument, NULL, 'r'},
	{"output", required_argument, NULL, 'o'},
	{"output-file", required_argument, NULL, OPTION_OUTPUT_FILE},
	{"color", optional_argument, NULL, OPTION_COLOR},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int print(const struct spawn_report *report)
{
	const struct view_options *view = &report->options->subject.view;
	FILE *out = view_open(view, "spawn");

	if (!out)
		return EXIT_OWN;
	int r = view->json ? spawn_print_json(report, out) : spawn_print_table(report, out);
	if (r < 0)
		complain("spawn: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

static int spawn(const struct spawn_options *options, char **argv)
{
	struct subject subject;
	struct spawn_report report = {.options = options, .argv = argv};
	int status = 0;

	fflush(stdout); /* children are forked */
	if (!subject_find(&subject, "spawn", &options->subject, argv))
		status = subject.status;
	report.program = subject.program;
	if (status == 0)
		status = spawn_run(&report, &subject);
	if (status == 0)
		status = print(&report);
	spawn_free(&report);
	subject_free(&subject);
	return status;
}

/* ---- options ---- */

static enum taken take_number(size_t *number, const char *what, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(optarg, &end, 10);

	*number = value;
	if (*optarg >= '0' && *optarg <= '9' && !*end && value >= 1 && value <= most)
		return TAKEN;
	complain("spawn: %s %s: must be 1 to %lu", what, optarg, most);
	return WRONG;
}

static enum taken take_option(struct spawn_options *options, int c)
{
	switch (c) {
	case 'n':
		return take_number(&options->starts, "-n", STARTS_MOST);
	case 'j':
		return take_number(&options->jobs, "-j", JOBS_MOST);
	case 'N':
		return subject_take(&options->subject, "spawn", 'n');
	case OPTION_AT:
		options->symbol = strcmp(optarg, "entry") == 0 ? NULL : optarg;
		return TAKEN;
	case OPTION_SHOW_OUTPUT:
		options->show_output = true;
		return TAKEN;
	default:
		return subject_take(&options->subject, "spawn", c);
	}
}

static int run_spawn(int argc, char **argv)
{
	struct spawn_options options = {
		.starts = STARTS,
		.jobs = 1,
		.subject = {.timeout = TIMEOUT, .aslr = true},
	};
	char name[] = "segmap spawn";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.subject.view.color);
	while ((c = getopt_long(argc, argv, "+Jn:j:ro:h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_spawn.help, stdout);
			return 0;
		}
		if (take_option(&options, c) != TAKEN)
			goto usage;
	}
	if (!view_table_check(&options.subject.view, "spawn", spawn_columns,
			      spawn_column_count))
		goto usage;
	if (optind < argc)
		return spawn(&options, argv + optind);
	complain("spawn: no PROGRAM given");
usage:
	fputs("Try 'segmap spawn --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_spawn = {
	.name = "spawn",
	.run = run_spawn,
	.summary = "load a program once, and start it many times",
	.help = "Usage: segmap spawn [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap spawn /bin/true                   1000 starts from one image\n"
		"  segmap spawn -n 10000 -j 4 /bin/true     10000, four at a time\n"
		"  segmap spawn --at=main ./program         each begins at main\n"
		"\n"
		"PROGRAM is loaded into a process that does not run it, but forks a child for\n"
		"each start. Beside that, in turns, it is started as often by posix_spawn and\n"
		"execve. Shown are starts per second, and how long a start took, from the "
		"call\n"
		"to its end.\n"
		"\n"
		"Options:\n"
		"  -n, --starts=N          so many starts in each way; 1000 unless given\n"
		"  -j, --jobs=N            so many at a time; 1 unless given\n"
		"      --at=PLACE          entry: children begin at the first instruction, "
		"the\n"
		"                          default; main, or another symbol: there\n"
		"      --show-output       let the children write to standard output and "
		"error\n"
		"      --execve            load by execve(2), not by segload\n"
		"      --no-aslr           without randomised addresses; --aslr is the "
		"default\n"
		"      --timeout=SECONDS   kill all if it takes longer; 600 unless given\n"
		"  -J, --json              JSON, as docs/schemas/spawn.schema.json describes "
		"it\n"
		"  -o, --output=LIST       columns, by name, divided by commas; +LIST adds: "
		"BY,\n"
		"                          STARTS, PER-SECOND, RATIO, P50, P90, P99; LEAST, "
		"MOST,\n"
		"                          FAILED\n"
		"      --noheadings        no headings\n"
		"  -r, --raw               only the table, columns divided by one blank\n"
		"      --output-file=FILE  write the report there, not to standard output\n"
		"      --color[=WHEN]      auto, always or never\n"
		"  -h, --help              this text\n"
		"\n"
		"Exit status: 0 if all starts have ended, however they did; else 125, 126 or "
		"127.\n",
};
