/* segmap share: many copies of a program, and which of their pages are one frame. */
#include "guard.h"
#include "share.h"

#include <stdlib.h>
#include <string.h>

enum { COPIES = 20, TIMEOUT = 600 };

enum { OPTION_AT = OPTION_OWN, OPTION_SHOW_OUTPUT };

static const struct option long_options[] = {
	VIEW_LONG_OPTIONS,
	SUBJECT_LONG_OPTIONS,
	{"all", no_argument, NULL, 'a'},
	{"at", required_argument, NULL, OPTION_AT},
	{"copies", required_argument, NULL, 'N'},
	{"show-output", no_argument, NULL, OPTION_SHOW_OUTPUT},
	{NULL, 0, NULL, 0},
};

const char *share_place_name(const struct share_options *options)
{
	if (options->place == SHARE_AT_SYMBOL)
		return options->symbol;
	return options->place == SHARE_AT_EXIT ? "exit" : "entry";
}

/* ---- running ---- */

/* One of the two sides: by the loader that OPTIONS name. */
static int run_side(struct share_side *side, const struct share_options *options,
		    char *const *argv, char **program)
{
	const struct subject_options *how = &options->subject;
	struct subject subject;
	int status = EXIT_OWN;

	*side = (struct share_side){.by = how->loader      ? how->loader
					  : how->by_execve ? "execve"
							   : "segload"};
	if (subject_find(&subject, "share", how, argv))
		status = share_run(side, &subject, options);
	else
		status = subject.status;
	if (status == 0 && !*program) {
		*program = subject.program;
		subject.program = NULL;
	}
	subject_free(&subject);
	return status;
}

static int print(void *data, const struct share_report *report)
{
	(void)data;
	const struct view_options *view = &report->options->subject.view;
	FILE *out = view_open(view, "share");

	if (!out)
		return EXIT_OWN;
	int r = view->json ? share_print_json(report, out) : share_print_table(report, out);
	if (r < 0)
		complain("share: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

/* With --loader twice: by segload or execve, and by that loader. */
int share_copies(const struct share_options *options, char **argv, share_show *show, void *data)
{
	struct share_options first = *options;
	struct share_side sides[2] = {0};
	size_t count = options->subject.loader ? 2 : 1;
	char *program = NULL;

	first.subject.loader = NULL;
	int status = run_side(&sides[0], &first, argv, &program);
	if (status == 0 && count == 2)
		status = run_side(&sides[1], options, argv, &program);
	if (status == 0) {
		const struct share_report report = {
			.options = options,
			.program = program,
			.argv = argv,
			.sides = sides,
			.side_count = count,
		};

		status = show(data, &report);
	}
	for (size_t i = 0; i < count; i++)
		share_side_free(&sides[i]);
	free(program);
	return status;
}

/* ---- options ---- */

static enum taken take_copies(struct share_options *options)
{
	char *end;
	unsigned long copies = strtoul(optarg, &end, 10);

	options->copies = copies;
	if (*optarg >= '0' && *optarg <= '9' && !*end && copies >= 2 && copies <= GUARD_MOST)
		return TAKEN;
	complain("share: -n %s: must be 2 to %d copies", optarg, GUARD_MOST);
	return WRONG;
}

static enum taken take_place(struct share_options *options)
{
	if (strcmp(optarg, "entry") == 0)
		options->place = SHARE_AT_ENTRY;
	else if (strcmp(optarg, "exit") == 0)
		options->place = SHARE_AT_EXIT;
	else {
		options->place = SHARE_AT_SYMBOL;
		options->symbol = optarg;
	}
	return TAKEN;
}

static enum taken take_option(struct share_options *options, int c, bool *placed)
{
	switch (c) {
	case 'a':
		options->all = true;
		return TAKEN;
	case OPTION_AT:
		*placed = true;
		return take_place(options);
	case OPTION_SHOW_OUTPUT:
		options->show_output = true;
		return TAKEN;
	case 'N':
		return take_copies(options);
	case 'n': /* -n N, or --noheadings */
		if (optarg)
			return take_copies(options);
		break;
	default:
		break;
	}
	return subject_take(&options->subject, "share", c);
}

static int run_share(int argc, char **argv)
{
	struct share_options options = {.copies = COPIES, .subject.timeout = TIMEOUT};
	char name[] = "segmap share";
	bool placed = false;
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.subject.view.color);
	while ((c = getopt_long(argc, argv, "+Jn:rbo:ha", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_share.help, stdout);
			return 0;
		}
		if (take_option(&options, c, &placed) != TAKEN)
			goto usage;
	}
	/* A loader that copies leaves no mapping by which its program's entry could be found.
	 */
	if (options.subject.loader && !placed)
		options.place = SHARE_AT_EXIT;
	if (!view_table_check(&options.subject.view, "share", share_columns,
			      share_column_count))
		goto usage;
	if (optind < argc)
		return share_copies(&options, argv + optind, print, NULL);
	complain("share: no PROGRAM given");
usage:
	fputs("Try 'segmap share --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_share = {
	.name = "share",
	.run = run_share,
	.summary = "show which pages of many copies of a program are one frame",
	.help = "Usage: segmap share [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap share /bin/cat                    20 copies at their first "
		"instruction\n"
		"  segmap share -n 100 --at=exit /bin/true  100 that have done their work\n"
		"  segmap share --loader=./my-loader /bin/true\n"
		"                                           beside another loader's copies\n"
		"\n"
		"Starts copies of PROGRAM, stops each at the same place, and looks at them "
		"all:\n"
		"which pages are one frame of memory in all copies, and which have parted. "
		"Then\n"
		"the copies are killed. They read nothing and their output is dropped.\n"
		"\n"
		"Options:\n"
		"  -n, --copies=N          so many copies; 20 unless given\n"
		"      --at=PLACE          entry: at the first instruction, the default; "
		"exit:\n"
		"                          about to end, the default with --loader; or a "
		"symbol,\n"
		"                          when it is called first: main, or libc.so.6:malloc\n"
		"  -a, --all               all mappings, and a letter for each page\n"
		"      --show-output       let the copies write to standard output and error\n"
		"      --execve            start the program by execve(2), not by segload\n"
		"      --loader=CMD        as well by CMD PROGRAM [ARG...], in a second "
		"table;\n"
		"                          CMD is split at blanks\n"
		"      --aslr              with randomised addresses; --no-aslr is the "
		"default\n"
		"      --timeout=SECONDS   kill all if it takes longer; 600 unless given\n"
		"  -J, --json              JSON, as docs/schemas/share.schema.json describes "
		"it\n"
		"  -o, --output=LIST       columns, by name, divided by commas: ADDRESS, END,\n"
		"                          PERM, KIND, COPIES, PAGES, ONE, SOME, PARTED, "
		"ABSENT,\n"
		"                          UNKNOWN, STRIP, NAME\n"
		"      --noheadings        no headings\n"
		"  -r, --raw               only the table, columns divided by one blank\n"
		"  -b, --bytes             sizes in bytes, not in KiB and MiB\n"
		"      --output-file=FILE  write the report there, not to standard output\n"
		"      --color[=WHEN]      auto, always or never\n"
		"  -h, --help              this text\n"
		"\n"
		"Exit status: 0 if the copies have been looked at; else 125, 126 or 127, and\n"
		"what the loader ended with if it refused PROGRAM.\n",
};
