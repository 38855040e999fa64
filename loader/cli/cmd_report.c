/* segmap report: all that there is to see of a program, as one page for a browser. */
#include "compare.h"
#include "find.h"
#include "guard.h"
#include "maps.h"
#include "plan.h"
#include "report.h"
#include "share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 600 };

/* ---- what the other commands learn ---- */

static bool plan(struct report *report, const char *name)
{
	char *path = find_program(name);

	/* One that is not found is for the run to complain about. */
	report->plan = plan_json(path ? path : name);
	if (!report->plan)
		complain("report: out of memory");
	free(path);
	return report->plan;
}

static int keep_comparison(void *data, const struct compare_report *result)
{
	struct report *report = data;

	report->compare = compare_json(result);
	return report->compare ? 0 : -ENOMEM;
}

/* A difference is in the page; it is no failure. */
static void compare_beside(struct report *report, char **argv)
{
	const struct subject_options *how = &report->options->faults.subject;
	const struct compare_options options = {
		.aslr = how->aslr,
		.json = true,
		.timeout = how->timeout,
		.loader = how->loader,
	};

	compare_run(&options, argv, keep_comparison, report);
}

static int keep_sharing(void *data, const struct share_report *result)
{
	struct report *report = data;

	report->share = share_json(result);
	return report->share ? 0 : EXIT_OWN;
}

static int share_among(struct report *report, char **argv)
{
	const struct share_options options = {
		.subject = report->options->faults.subject,
		.copies = report->options->copies,
		.place = SHARE_AT_EXIT,
	};

	return share_copies(&options, argv, keep_sharing, report);
}

/* ---- the run that is shown ---- */

static json_t *maps_at_entry(const struct report *report, const struct faults_report *faults)
{
	const struct maps_options options = {.subject = report->options->faults.subject};
	const struct maps_report maps = {
		.options = &options,
		.program = faults->subject->program,
		.argv = faults->subject->argv,
		.by = faults_by(faults),
		.at = options.subject.loader ? "program-entry" : "first-instruction",
		.pid = faults->pid,
		.regions = faults->entry,
		.pages = faults->entry_pages,
		.names = report->names,
	};

	return maps_json(&maps);
}

static int begin(void *data, const struct faults_report *faults)
{
	struct report *report = data;
	int r = segmap_process_read(&report->start, faults->pid);

	if (r == 0)
		r = segmap_names_open(&report->names, faults->pid, faults->subject->program);
	if (r == 0)
		r = segmap_names_update(report->names, &faults->entry);
	if (r == 0)
		report->maps = maps_at_entry(report, faults);
	return r == 0 && !report->maps ? -ENOMEM : r;
}

static int write_page(const struct report *report)
{
	FILE *out = fopen(report->options->output, "we");

	if (!out) {
		complain("report: %s: %s", report->options->output, strerror(errno));
		return EXIT_OWN;
	}
	int r = report_write(report, out);
	if (r < 0)
		complain("report: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

static int show(void *data, const struct faults_report *faults)
{
	struct report *report = data;
	int status = EXIT_OWN;

	report->faults = faults;
	int r = faults->has_exit ? segmap_names_update(report->names, &faults->exit) : 0;
	if (r == 0)
		r = report_find_rows(report);
	if (r == 0)
		status = write_page(report);
	else
		complain("report: out of memory");
	report_free_rows(report);
	return status;
}

/* The program's own run is the last: it may end this process, as it was ended itself. */
static int run(struct report *report, char **argv)
{
	const struct report_options *options = report->options;
	const struct faults_viewer viewer = {
		.begin = begin, .show = show, .data = report, .unwatched = true};
	int status;

	if (!plan(report, argv[0]))
		return EXIT_OWN;
	if (options->copies && (status = share_among(report, argv)) != 0)
		return status;
	if (!options->no_compare)
		compare_beside(report, argv);
	return faults_run(&options->faults, argv, &viewer);
}

static int report_program(const struct report_options *options, char **argv)
{
	struct report report = {.options = options};
	int status = run(&report, argv);

	json_decref(report.plan);
	json_decref(report.maps);
	json_decref(report.compare);
	json_decref(report.share);
	segmap_process_free(&report.start);
	segmap_names_free(report.names);
	return status;
}

/* ---- options ---- */

enum { OPTION_NO_COMPARE = OPTION_OWN };

static const struct option long_options[] = {
	SUBJECT_LONG_OPTIONS,
	{"output", required_argument, NULL, 'o'},
	{"copies", required_argument, NULL, 'n'},
	{"no-compare", no_argument, NULL, OPTION_NO_COMPARE},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool take_copies(struct report_options *options)
{
	char *end;

	options->copies = strtoul(optarg, &end, 10);
	if (*optarg >= '0' && *optarg <= '9' && !*end && options->copies >= 2 &&
	    options->copies <= GUARD_MOST)
		return true;
	complain("report: -n %s: must be 2 to %d copies", optarg, GUARD_MOST);
	return false;
}

static bool take_option(struct report_options *options, int c)
{
	switch (c) {
	case 'o':
		options->output = optarg;
		return true;
	case 'n':
		return take_copies(options);
	case OPTION_NO_COMPARE:
		options->no_compare = true;
		return true;
	default:
		return subject_take(&options->faults.subject, "report", c) == TAKEN;
	}
}

static int run_report(int argc, char **argv)
{
	struct report_options options = {.faults.subject.timeout = TIMEOUT};
	char name[] = "segmap report";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	while ((c = getopt_long(argc, argv, "+o:n:h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_report.help, stdout);
			return 0;
		}
		if (!take_option(&options, c))
			goto usage;
	}
	if (optind < argc && options.output)
		return report_program(&options, argv + optind);
	complain(options.output ? "report: no PROGRAM given" : "report: no -o FILE given");
usage:
	fputs("Try 'segmap report --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_report = {
	.name = "report",
	.run = run_report,
	.summary = "write all of it into one page for a browser",
	.help = "Usage: segmap report -o FILE [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap report -o cat.html /bin/cat /etc/hostname\n"
		"                                       then open cat.html in a browser\n"
		"  segmap report -o cat.html -n 20 /bin/true\n"
		"                                       and what 20 copies have in common\n"
		"\n"
		"The page needs no network and no other file: the file, the address space and "
		"the\n"
		"frames side by side, every page at entry and at exit, every page fault in "
		"order,\n"
		"the plan, the initial stack, and what differs from the kernel's execve. The\n"
		"program's environment is in it.\n"
		"\n"
		"PROGRAM runs as it would; before, without input, it runs twice or more for "
		"the\n"
		"comparison, and N times with -n.\n"
		"\n"
		"Options:\n"
		"  -o, --output=FILE       where the page is written; must be given\n"
		"  -n, --copies=N          so many copies at once, and what they share\n"
		"      --no-compare        do not run it beside execve\n" SUBJECT_HELP
		"  -h, --help              this text\n"
		"\n"
		"Exit status: the program's; 125 if segmap fails, 126 or 127 if the program\n"
		"cannot be run or found.\n",
};
