/* segmap faults: every page fault of a program, in order, and what the kernel did at each. */
#include "faults.h"
#include "guard.h"

#include <segmap/permits.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- watching ---- */

struct watching {
	const struct faults_options *options;
	struct segmap_watch *watch;
	int error; /* of segmap_watch_open */
};

/* As soon as there is a child, which has not yet executed anything. */
static void watch_exec(void *data, pid_t pid)
{
	struct watching *w = data;

	guard_started(NULL, pid);
	w->error = segmap_watch_open(&w->watch, pid, true, w->options->follow);
}

static void complain_unwatched(int error)
{
	complain("faults: page faults cannot be watched: %s: %s",
		 error == -ENOBUFS ? "memory for the records may not be locked"
				   : "perf_event_open",
		 strerror(-error));
	if (error == -EACCES || error == -EPERM)
		fputs("  hint: sysctl kernel.perf_event_paranoid=2, or less, permits it to "
		      "all; "
		      "in a container\n"
		      "  also its seccomp filter must. A program that may not be read is only "
		      "for root to watch\n",
		      stderr);
	else if (error == -ENOSYS || error == -ENOENT)
		fputs("  hint: this kernel is built without CONFIG_PERF_EVENTS, or a seccomp "
		      "filter hides it\n",
		      stderr);
	else if (error == -ENOBUFS)
		fputs("  hint: other watchers of this user have it all: let them end, or raise "
		      "'ulimit -l'\n"
		      "  or sysctl kernel.perf_event_mlock_kb\n",
		      stderr);
	else if (error == -EMFILE)
		fputs("  hint: one descriptor for each CPU is needed: raise 'ulimit -n'\n",
		      stderr);
}

/* ---- looking ---- */

static int look(struct faults_report *report, struct segmap_regions *regions,
		struct segmap_pages *pages, struct segmap_fault_counts *counts)
{
	int r = segmap_fault_counts_read(counts, report->pid);

	if (r == 0)
		r = segmap_regions_read(regions, report->pid, false);
	if (r == 0)
		r = segmap_pages_read(pages, report->pid, regions);
	if (r == 0)
		r = faults_images_look(report->images, regions);
	return r;
}

static struct segmap_fault_context context_of(const struct faults_report *report)
{
	bool entry = !report->options->at_exec;

	return (struct segmap_fault_context){
		.pid = report->pid,
		.entry = entry ? &report->entry : NULL,
		.entry_pages = entry ? &report->entry_pages : NULL,
		.exit = report->has_exit ? &report->exit : NULL,
		.exit_pages = report->has_exit ? &report->exit_pages : NULL,
		.page_size = report->page_size,
		.zero_page = report->zero_page,
		.status = report->subject->tracee.status,
	};
}

/* Up to where it is about to end, with all that can only be read while it is there. */
static int run(struct faults_report *report, struct segmap_tracee *tracee,
	       struct segmap_watch *watch)
{
	int r = segmap_tracee_run_to_exit(tracee);

	if (r == 0 && !tracee->ended) {
		r = look(report, &report->exit, &report->exit_pages, &report->after);
		report->has_exit = r == 0;
	}
	if (r == 0 && watch)
		r = segmap_watch_read(watch, &report->faults);
	const struct segmap_fault_context context = context_of(report);
	if (r == 0)
		r = segmap_faults_find_access(&report->faults, &context);
	return r;
}

static int classify(struct faults_report *report)
{
	const struct segmap_fault_context context = context_of(report);
	int r = segmap_faults_classify(&report->faults, &context);

	if (r == 0)
		r = faults_images_replay(report->images, &report->faults);
	for (size_t i = 0; i < report->faults.count; i++) {
		struct faults_sum *sum = &report->sums[report->faults.items[i].class];

		sum->count++;
		sum->around += report->faults.items[i].around;
	}
	return r;
}

/* ---- the command ---- */

static void report_free(struct faults_report *report)
{
	faults_images_free(report->images);
	segmap_faults_free(&report->faults);
	segmap_regions_free(&report->entry);
	segmap_regions_free(&report->exit);
	segmap_pages_free(&report->entry_pages);
	segmap_pages_free(&report->exit_pages);
}

static int print(void *data, const struct faults_report *report)
{
	(void)data;
	const struct view_options *view = &report->options->subject.view;
	FILE *out = view_open(view, "faults");

	if (!out)
		return EXIT_OWN;
	int r = view->json ? faults_print_json(report, out) : faults_print_table(report, out);
	if (r == -ENOMEM)
		complain("faults: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

static int watch_program(struct faults_report *report, struct subject *subject,
			 struct watching *w, const struct faults_viewer *viewer)
{
	int r = faults_images_open(&report->images, report->pid, subject->program);

	if (r == 0)
		r = look(report, &report->entry, &report->entry_pages, &report->before);
	report->page_size = report->entry_pages.page_size;
	if (r == 0 && viewer->begin)
		r = viewer->begin(viewer->data, report);
	if (r == 0 && !report->options->at_exec)
		w->error = segmap_watch_open(&w->watch, report->pid, false,
					     report->options->follow);
	if (r == 0 && !w->watch) {
		complain_unwatched(w->error);
		report->watch_error = w->error;
		if (!viewer->unwatched)
			return w->error;
	}
	if (r == 0)
		r = run(report, &subject->tracee, w->watch);
	if (r < 0)
		complain("faults: %s: %s", subject->program, strerror(-r));
	return r;
}

static int show_started(const struct faults_options *options, struct subject *subject,
			struct watching *w, const struct faults_viewer *viewer)
{
	struct faults_report report = {
		.options = options,
		.subject = subject,
		.pid = subject->tracee.pid,
		.zero_page = segmap_zero_page_is_used(),
	};
	int r = watch_program(&report, subject, w, viewer);
	int status = EXIT_OWN;

	if (r < 0)
		segmap_tracee_destroy(&subject->tracee);
	subject_end(subject);
	segmap_watch_free(w->watch);
	if (r == 0 && classify(&report) < 0)
		complain("faults: out of memory");
	else if (r == 0)
		status = viewer->show(viewer->data, &report);
	report_free(&report);
	return r == 0 && status == 0 ? subject_status(subject) : EXIT_OWN;
}

int faults_run(const struct faults_options *options, char **argv,
	       const struct faults_viewer *viewer)
{
	struct watching w = {.options = options};
	struct segmap_tracee_setup setup;
	struct subject subject;
	int status;

	if (subject_find(&subject, "faults", &options->subject, argv)) {
		subject_setup(&subject, &setup);
		if (options->at_exec) {
			setup.started = watch_exec;
			setup.data = &w;
		}
		status = subject_start(&subject, &setup)
				 ? show_started(options, &subject, &w, viewer)
				 : subject.status;
	} else {
		status = subject.status;
	}
	subject_free(&subject);
	return status;
}

/* ---- options ---- */

enum { OPTION_AT_EXEC = OPTION_OWN, OPTION_LIMIT };

static const struct option long_options[] = {
	VIEW_LONG_OPTIONS,
	SUBJECT_LONG_OPTIONS,
	{"summary", no_argument, NULL, 's'},
	{"follow", no_argument, NULL, 'f'},
	{"at-exec", no_argument, NULL, OPTION_AT_EXEC},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{NULL, 0, NULL, 0},
};

static bool take_limit(struct faults_options *options)
{
	char *end;

	errno = 0;
	options->limit = strtoul(optarg, &end, 10);
	options->has_limit = true;
	if (*optarg >= '0' && *optarg <= '9' && !*end && !errno)
		return true;
	complain("faults: --limit=%s: must be a number of lines, or 0 for all", optarg);
	return false;
}

static bool take_option(struct faults_options *options, int c)
{
	switch (c) {
	case 's':
		options->summary = true;
		return true;
	case 'f':
		options->follow = true;
		return true;
	case OPTION_AT_EXEC:
		options->at_exec = true;
		return true;
	case OPTION_LIMIT:
		return take_limit(options);
	default:
		return subject_take(&options->subject, "faults", c) == TAKEN;
	}
}

static int run_faults(int argc, char **argv)
{
	const struct faults_viewer viewer = {.show = print};
	struct faults_options options = {0};
	char name[] = "segmap faults";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.subject.view.color);
	while ((c = getopt_long(argc, argv, "+" VIEW_LETTERS "sf", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_faults.help, stdout);
			return 0;
		}
		if (!take_option(&options, c))
			goto usage;
	}
	if (!faults_check_columns(&options))
		goto usage;
	if (optind < argc)
		return faults_run(&options, argv + optind, &viewer);
	complain("faults: no PROGRAM given");
usage:
	fputs("Try 'segmap faults --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_faults = {
	.name = "faults",
	.run = run_faults,
	.summary = "show every page fault of a program, and what the kernel did",
	.help = "Usage: segmap faults [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap faults ./program              one line for each page fault\n"
		"  segmap faults --summary /bin/bash -c :\n"
		"                                       only how many of which class\n"
		"  segmap faults -f sh -c 'ls; true'    those of its children too\n"
		"  segmap faults -o TIME,ADDRESS,IP,SOURCE ./program\n"
		"                                       other columns\n"
		"\n"
		"The program runs as it would, and its faults are noted down. When it has "
		"ended,\n"
		"the report shows them in order: when, at which address, by what access, what "
		"the\n"
		"kernel did, and which symbol's memory was touched by which instruction.\n"
		"\n"
		"Options:\n"
		"  -s, --summary           only the sums, with what each class means\n"
		"  -f, --follow            processes that it creates, too\n"
		"      --at-exec           from the exec on: the loader's own faults, too\n"
		"      --limit=N           the first and last N/2 lines; 0 is all. On a "
		"terminal\n"
		"                          200\n"
		"" SUBJECT_HELP VIEW_HELP "\n"
		"Columns: TIME, ADDRESS, CAUSE, KERNEL-DID, WHERE; PID, TID, IP, OBJECT, "
		"SOURCE.\n"
		"With --summary: KERNEL-DID, FAULTS, NEAR, MEANING.\n"
		"\n"
		"Exit status: the program's; 125 if segmap fails, 126 or 127 if the program\n"
		"cannot be run or found.\n"
		"",
};
