/* segmap cow: every page before and after, and who copied what. */
#include "cow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int print_report(const struct cow *c)
{
	FILE *out = view_open(&c->options->subject.view, "cow");

	if (!out)
		return EXIT_OWN;
	int r = c->options->subject.view.json ? cow_print_json(c, out)
					      : cow_print_table(c, out);

	if (r == -ENOMEM)
		complain("cow: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

static int run_subject(struct cow *c)
{
	if (!subject_start(&c->subject, NULL))
		return c->subject.status;
	int r = cow_watch(c);

	subject_end(&c->subject);
	if (r < 0) {
		complain("cow: cannot watch %s: %s", c->subject.program, strerror(-r));
		return EXIT_OWN;
	}
	int status = print_report(c);

	return status ? status : subject_status(&c->subject);
}

static int run_program(const struct cow_options *options, char *const *argv)
{
	struct cow c = {.options = options};
	int status;

	if (subject_find(&c.subject, "cow", &options->subject, argv))
		status = run_subject(&c);
	else
		status = c.subject.status;
	cow_free(&c);
	subject_free(&c.subject);
	return status;
}

/* ---- options ---- */

enum { OPTION_AT = OPTION_OWN };

static const struct option long_options[] = {
	{"at", required_argument, NULL, OPTION_AT},
	{"all", no_argument, NULL, 'a'},
	{"follow", no_argument, NULL, 'f'},
	SUBJECT_LONG_OPTIONS,
	VIEW_LONG_OPTIONS,
	{NULL, 0, NULL, 0},
};

static int run_cow(int argc, char **argv)
{
	struct cow_options options = {0};
	char name[] = "segmap cow";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.subject.view.color);
	while ((c = getopt_long(argc, argv, "+af" VIEW_LETTERS, long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_cow.help, stdout);
			return 0;
		}
		if (c == 'a')
			options.all = true;
		else if (c == 'f')
			options.follow = true;
		else if (c == OPTION_AT)
			options.at = optarg;
		else if (subject_take(&options.subject, "cow", c) != TAKEN)
			goto usage;
	}
	if (!view_table_check(&options.subject.view, "cow", cow_columns, cow_column_count))
		goto usage;
	if (optind < argc)
		return run_program(&options, argv + optind);
	complain("cow: no PROGRAM given");
usage:
	fputs("Try 'segmap cow --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_cow = {
	.name = "cow",
	.run = run_cow,
	.summary = "show which pages a program copies by writing, and who copies them",
	.help = "Usage: segmap cow [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap cow ./program            its pages at entry and at exit, and each "
		"copy\n"
		"  segmap cow --execve ./program   started by the kernel, not by segload\n"
		"  segmap cow --at=work ./program  also when it calls work for the first time\n"
		"\n"
		"Options:\n"
		"      --at=SYMBOL         a look when SYMBOL is reached, after main has "
		"begun\n"
		"  -f, --follow            also the children that it forks\n"
		"  -a, --all               all mappings and copies, however many there "
		"are\n" SUBJECT_HELP VIEW_HELP "\n"
		"Exit status: the program's own; 125 if segmap fails, 126 if the program "
		"cannot\n"
		"be loaded, 127 if it is not found.\n",
};
