/* segmap cow: every page before and after, and who copied what. */
#include "cow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is run and what is seen of it. */
struct cow {
	const struct cow_options *options;
	struct subject subject;
	struct segmap_files *files;
	struct cow_process process;
	enum segmap_main main;
};

/* ---- looking ---- */

/* Adds a look at the stopped process. */
static int look(struct cow *c, const char *name, const char *title)
{
	struct cow_process *p = &c->process;
	struct cow_look *l = &p->looks[p->look_count];
	int r = segmap_regions_read(&l->regions, p->pid, false);

	if (r == 0 && l->regions.error)
		r = -l->regions.error;
	if (r == 0)
		r = segmap_pages_read(&l->pages, p->pid, &l->regions);
	if (r == 0)
		r = segmap_files_look(c->files, &l->regions);
	if (r < 0) {
		segmap_regions_free(&l->regions);
		segmap_pages_free(&l->pages);
		return r;
	}
	l->name = name;
	l->title = title;
	p->look_count++;
	return 0;
}

static int draw_account(struct cow *c)
{
	struct cow_process *p = &c->process;
	struct segmap_evidence evidence = {
		.pid = p->pid, .look_count = p->look_count, .main = c->main};

	for (size_t i = 0; i < p->look_count; i++)
		evidence.looks[i] = (struct segmap_look){.regions = &p->looks[i].regions,
							 .pages = &p->looks[i].pages};
	return segmap_account(&p->account, &evidence);
}

/* What can only be read while the process is still there. */
static int read_contents(struct cow *c)
{
	struct cow_process *p = &c->process;
	const struct segmap_account *a = &p->account;

	p->contents = calloc(a->copy_count + 1, sizeof(*p->contents));
	if (!p->contents)
		return -ENOMEM;
	for (size_t i = 0; i < a->copy_count; i++)
		segmap_contents_compare(c->files, p->pid, a->copies[i].region,
					a->copies[i].addr, p->looks[0].pages.page_size,
					&p->contents[i]);
	p->anonymous_error = -segmap_anonymous_read(p->pid, &p->anonymous);
	return 0;
}

static int watch(struct cow *c)
{
	int r = look(c, "entry", "AT ENTRY");

	if (r == 0)
		r = segmap_tracee_run_to_exit(&c->subject.tracee);
	if (r == 0 && !c->subject.tracee.ended) {
		r = look(c, "exit", "AT EXIT");
		c->process.has_exit = r == 0;
	}
	if (r == 0)
		r = draw_account(c);
	if (r == 0)
		r = read_contents(c);
	return r;
}

/* ---- the report ---- */

static int print_report(const struct cow *c)
{
	struct cow_report report = {
		.options = c->options,
		.subject = &c->subject,
		.process = &c->process,
		.main = c->main,
		.out = view_open(&c->options->subject.view, "cow"),
	};

	if (!report.out)
		return EXIT_OWN;
	int r = cow_print_table(&report);

	if (r == -ENOMEM)
		complain("cow: out of memory");
	return view_close(report.out, r < 0 ? EXIT_OWN : 0);
}

static void free_process(struct cow_process *p)
{
	segmap_account_free(&p->account);
	free(p->contents);
	for (size_t i = 0; i < p->look_count; i++) {
		segmap_regions_free(&p->looks[i].regions);
		segmap_pages_free(&p->looks[i].pages);
	}
}

static int run_subject(struct cow *c)
{
	if (!subject_start(&c->subject, NULL))
		return c->subject.status;
	c->process.pid = c->subject.tracee.pid;
	int r = segmap_files_open(&c->files);

	if (r == 0)
		r = watch(c);
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
	free_process(&c.process);
	segmap_files_free(c.files);
	subject_free(&c.subject);
	return status;
}

/* ---- options ---- */

static const struct option long_options[] = {
	{"all", no_argument, NULL, 'a'},
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
	while ((c = getopt_long(argc, argv, "+a" VIEW_LETTERS, long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_cow.help, stdout);
			return 0;
		}
		if (c == 'a')
			options.all = true;
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
		"\n"
		"Options:\n"
		"  -a, --all               all mappings and copies, however many there "
		"are\n" SUBJECT_HELP VIEW_HELP "\n"
		"Exit status: the program's own; 125 if segmap fails, 126 if the program "
		"cannot\n"
		"be loaded, 127 if it is not found.\n",
};
