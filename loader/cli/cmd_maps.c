/* segmap maps: the address space of a program at its beginning, or of a running process. */
#include "guard.h"
#include "maps.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- for both kinds of report ---- */

struct segmap_part maps_part(const struct maps_report *report,
			     const struct segmap_region *region)
{
	struct segmap_part parts[8], found = {.segment = SIZE_MAX, .object = ""};
	const size_t room = sizeof(parts) / sizeof(parts[0]);
	uint64_t file = 0, bss = 0;
	size_t count =
		segmap_names_parts(report->names, region->start, region->end, parts, room);

	for (size_t i = 0; i < count && i < room; i++) {
		file += parts[i].file_bytes;
		bss += parts[i].bss_bytes;
		if (i == 0 || (found.segment == SIZE_MAX && parts[i].segment != SIZE_MAX))
			found = parts[i];
	}
	found.file_bytes = file;
	found.bss_bytes = bss;
	return found;
}

bool maps_count_pages(const struct maps_report *report, const struct segmap_region *region,
		      uint64_t counts[SEGMAP_PAGE_STATE_COUNT])
{
	const struct segmap_pages *pages = &report->pages;
	uint64_t present = 0;

	if (pages->error)
		return false;
	memset(counts, 0, SEGMAP_PAGE_STATE_COUNT * sizeof(*counts));
	for (size_t i = segmap_pages_from(pages, region->start);
	     i < pages->count && pages->items[i].addr < region->end; i++, present++)
		counts[pages->items[i].state]++;
	counts[SEGMAP_PAGE_ABSENT] = (region->end - region->start) / pages->page_size - present;
	return true;
}

struct segmap_section *maps_sections(const struct maps_report *report,
				     const struct segmap_region *region, size_t *count)
{
	*count = segmap_names_sections(report->names, region->start, region->end, NULL, 0);
	struct segmap_section *sections = calloc(*count + 1, sizeof(*sections));

	if (sections)
		segmap_names_sections(report->names, region->start, region->end, sections,
				      *count);
	return sections;
}

/* ---- looking ---- */

static char *link_target(const char *link)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target));

	return n > 0 ? strndup(target, (size_t)n) : NULL;
}

static void complain_unreadable(pid_t pid, int error)
{
	if (error == ENOENT || error == ESRCH) {
		complain("maps: process %d: there is none", pid);
		return;
	}
	complain("maps: process %d: its memory map cannot be read: %s", pid, strerror(error));
	if (error == EACCES || error == EPERM)
		fputs("  hint: only its own user, or root, may look at a process, and nobody "
		      "else at one\n"
		      "  that has more rights than its user; "
		      "/proc/sys/kernel/yama/ptrace_scope may forbid more\n",
		      stderr);
}

/* Reads all that there is to know: an exit status. */
static int look(struct maps_report *report, const char *program)
{
	int r = segmap_regions_read(&report->regions, report->pid, false);

	if (r == 0 && report->regions.error) {
		complain_unreadable(report->pid, report->regions.error);
		return EXIT_OWN;
	}
	if (r == 0 && report->regions.count == 0) {
		complain("maps: process %d: it has no memory: it has ended, or is a thread of "
			 "the kernel",
			 report->pid);
		return EXIT_OWN;
	}
	if (r == 0)
		r = segmap_names_open(&report->names, report->pid, program);
	if (r == 0)
		r = segmap_names_update(report->names, &report->regions);
	if (r == 0)
		r = segmap_pages_read(&report->pages, report->pid, &report->regions);
	if (r == 0)
		return 0;
	complain("maps: out of memory");
	return EXIT_OWN;
}

static int print(const struct maps_report *report)
{
	const struct view_options *view = &report->options->subject.view;
	FILE *out = view_open(view, "maps");

	if (!out)
		return EXIT_OWN;
	int r = view->json ? maps_print_json(report, out) : maps_print_table(report, out);
	if (r == -ENOMEM)
		complain("maps: out of memory");
	return view_close(out, r < 0 ? EXIT_OWN : 0);
}

static void report_free(struct maps_report *report)
{
	segmap_names_free(report->names);
	segmap_pages_free(&report->pages);
	segmap_regions_free(&report->regions);
	free(report->program);
}

static int show_process(const struct maps_options *options)
{
	struct maps_report report = {.options = options, .at = "running", .pid = options->pid};
	char link[32];

	snprintf(link, sizeof(link), "/proc/%d/exe", options->pid);
	report.program = link_target(link);
	int status = look(&report, link);
	if (status == 0)
		status = print(&report);
	report_free(&report);
	return status;
}

/* ---- going on to --at=SYMBOL ---- */

/* Where SYMBOL is, by what is mapped now: 1 if there is one, 0 if not, or a negative errno. */
static int find_symbol(const struct subject *subject, const char *symbol, uint64_t *addr)
{
	struct segmap_regions regions;
	struct segmap_names *names = NULL;
	int r = segmap_regions_read(&regions, subject->tracee.pid, false);

	if (r == 0 && regions.error)
		r = -regions.error;
	if (r == 0)
		r = segmap_names_open(&names, subject->tracee.pid, subject->program);
	if (r == 0)
		r = segmap_names_update(names, &regions);
	if (r == 0)
		r = segmap_names_address(names, symbol, addr);
	segmap_names_free(names);
	segmap_regions_free(&regions);
	return r;
}

/* A library's symbols are there when the interpreter has done its work. */
static int find_symbol_later(struct subject *subject, const char *symbol, uint64_t *addr,
			     bool *reached)
{
	int r = find_symbol(subject, symbol, addr);

	if (r != 0 || !subject->image || !subject->image->interp)
		return r;
	r = segmap_tracee_run_to_program(&subject->tracee, subject->image, reached);
	return r == 0 && *reached ? find_symbol(subject, symbol, addr) : r;
}

/* False after a complaint. */
static bool reach_symbol(struct subject *subject, const char *symbol)
{
	uint64_t addr = 0;
	bool reached = true;
	int r = find_symbol_later(subject, symbol, &addr, &reached);

	if (r == 0 && reached) {
		complain("maps: --at=%s: neither the program nor a library that it begins with "
			 "has such a symbol",
			 symbol);
		return false;
	}
	if (r > 0)
		r = segmap_tracee_run_to(&subject->tracee, addr, &reached);
	if (r < 0)
		complain("maps: --at=%s: %s", symbol, subject_trouble(-r));
	else if (!reached && !guard_is_over())
		complain("maps: --at=%s: %s has ended without coming there", symbol,
			 subject->program);
	return r == 0 && reached;
}

/* Nobody wants what the program would go on to do: it is killed as soon as it was looked at. */
static int show_started(const struct maps_options *options, struct subject *subject)
{
	struct maps_report report = {
		.options = options,
		.argv = subject->argv,
		.by = options->subject.by_execve ? "execve" : "segload",
		.at = options->subject.loader ? "program-entry" : "first-instruction",
		.pid = subject->tracee.pid,
		.program = strdup(subject->program),
	};
	int status = report.program ? 0 : EXIT_OWN;

	if (options->subject.loader)
		report.by = options->subject.loader;
	if (options->symbol)
		report.at = "symbol";
	if (status == 0 && options->symbol && !reach_symbol(subject, options->symbol))
		status = EXIT_OWN;
	if (status == 0)
		status = look(&report, subject->program);
	segmap_tracee_destroy(&subject->tracee);
	subject_end(subject);
	if (status == 0)
		status = print(&report);
	report_free(&report);
	return status;
}

static int show_program(const struct maps_options *options, char **argv)
{
	struct subject subject;
	int status;

	if (subject_find(&subject, "maps", &options->subject, argv) &&
	    subject_start(&subject, NULL))
		status = show_started(options, &subject);
	else
		status = subject.status;
	subject_free(&subject);
	return status;
}

/* ---- options ---- */

enum { OPTION_AT = OPTION_OWN };

static const struct option long_options[] = {
	VIEW_LONG_OPTIONS,
	SUBJECT_LONG_OPTIONS,
	{"pid", required_argument, NULL, 'p'},
	{"all", no_argument, NULL, 'a'},
	{"at", required_argument, NULL, OPTION_AT},
	{NULL, 0, NULL, 0},
};

static bool take_pid(struct maps_options *options)
{
	char *end;
	long pid = strtol(optarg, &end, 10);

	options->pid = (pid_t)pid;
	if (*optarg >= '0' && *optarg <= '9' && !*end && pid > 0 && pid <= INT_MAX)
		return true;
	complain("maps: --pid=%s: must be the number of a process", optarg);
	return false;
}

static bool take_option(struct maps_options *options, int c)
{
	if (c == 'p')
		return take_pid(options);
	if (c == 'a')
		options->all = true;
	if (c == OPTION_AT)
		options->symbol = optarg;
	return c == 'a' || c == OPTION_AT ||
	       subject_take(&options->subject, "maps", c) == TAKEN;
}

static int show(const struct maps_options *options, char **argv)
{
	if (!maps_columns_valid(&options->subject.view))
		return EXIT_OWN;
	if (options->pid && !*argv && !options->symbol)
		return show_process(options);
	if (!options->pid && *argv)
		return show_program(options, argv);
	if (!options->pid)
		complain("maps: no PROGRAM given, and no --pid");
	else
		complain("maps: --pid goes with neither PROGRAM nor --at");
	fputs("Try 'segmap maps --help'.\n", stderr);
	return EXIT_OWN;
}

static int run_maps(int argc, char **argv)
{
	struct maps_options options = {0};
	char name[] = "segmap maps";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.subject.view.color);
	while ((c = getopt_long(argc, argv, "+p:a" VIEW_LETTERS, long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_maps.help, stdout);
			return 0;
		}
		if (!take_option(&options, c)) {
			fputs("Try 'segmap maps --help'.\n", stderr);
			return EXIT_OWN;
		}
	}
	return show(&options, argv + optind);
}

const struct command command_maps = {
	.name = "maps",
	.run = run_maps,
	.summary = "show the address space of a program or process, mapping by mapping",
	.help = "Usage: segmap maps [OPTION...] PROGRAM [ARG...]\n"
		"       segmap maps [OPTION...] -p PID\n"
		"\n"
		"  segmap maps /bin/cat                      before its first instruction\n"
		"  segmap maps --execve /bin/cat             the same by the kernel's loader\n"
		"  segmap maps -p 4711                       of a running process\n"
		"  segmap maps -o +PAGES,SECTIONS -p 4711    and what is in its memory\n"
		"  segmap maps -rno ADDRESS,KIND -p 4711     for scripts\n"
		"\n"
		"PROGRAM is killed as soon as it was looked at: none of its instructions is\n"
		"executed, unless --at says so. A running process is not stopped.\n"
		"\n"
		"Options:\n"
		"  -p, --pid=PID           look at this process\n"
		"      --at=SYMBOL         run PROGRAM up to SYMBOL first: main, "
		"libc.so.6:exit\n"
		"  -a, --all               every mapping; else many alike are one "
		"line\n" VIEW_HELP SUBJECT_HELP "\n"
		"Columns: ADDRESS PERMS OFFSET DEV INODE PATH KIND SEG FILE BSS SECTIONS\n"
		"PAGES OBJECT SIZE. On a narrow terminal not all are shown.\n"
		"\n"
		"Exit status: 0, 125 if segmap fails or the process cannot be looked at, 126 "
		"if\n"
		"PROGRAM is refused, 127 if it or its interpreter is not there.\n",
};
