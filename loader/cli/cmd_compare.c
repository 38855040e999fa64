/* segmap compare: our load beside the kernel's execve, and everything that differs. */
#include "compare.h"
#include "find.h"
#include "guard.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_DIFFERS = 1, TIMEOUT = 60 };

/* What is run, in which way. All of it is owned except OPTIONS, DATA and ARGV. */
struct comparison {
	const struct compare_options *options;
	compare_show *show;
	void *data;
	char **argv;   /* of the program */
	char *program; /* path */
	char *loader;  /* path of segload, or of the first word of --loader */
	char *words;   /* the words of --loader, ended by NUL each */
	char **loader_argv;
	struct segmap_image *image; /* of the program, if both are to run to its entry */
	struct segmap_observation sides[SIDES], again;
	bool has_again, timed_out[SIDES];
};

const char *report_place(const struct compare_report *report)
{
	const struct segmap_observation *k = report->sides[BY_EXECVE];
	const struct segmap_observation *l = report->sides[BY_LOADER];

	if (k->began && l->began)
		return report->options->loader ? "program-entry" : "first-instruction";
	return k->started && l->started ? "end" : "start";
}

/* ---- running ---- */

static void lead_group(void *data)
{
	(void)data;
	setpgid(0, 0);
}

/* Runs one process from its beginning to its end. False, with a complaint, if that failed. */
static bool observe(const struct comparison *c, int side, struct segmap_observation *o,
		    bool *timed_out)
{
	bool foreign = side == BY_LOADER && c->options->loader;
	const struct segmap_tracee_setup setup = {
		.path = foreign ? c->loader : c->program,
		.argv = foreign ? c->loader_argv : c->argv,
		.loader = side == BY_LOADER && !foreign ? c->loader : NULL,
		.no_aslr = !c->options->aslr,
		.user = (uid_t)-1,
		.prepare = lead_group,
		.started = guard_started,
	};

	guard_begin(c->options->timeout);
	int r = segmap_observe(o, &setup, c->image);
	struct guard_result result = guard_end();
	if (result.interrupted)
		guard_be_interrupted(result.interrupted);
	*timed_out = result.timed_out;
	if (result.timed_out)
		complain("compare: %s: still running after %u s, killed",
			 side == BY_EXECVE ? "by execve" : "by the loader",
			 c->options->timeout);
	if (r == 0 && foreign && o->exec_errno) {
		complain("compare: %s: %s", c->loader, strerror(o->exec_errno));
		return false;
	}
	if (r < 0)
		complain("compare: cannot watch %s: %s", setup.path, strerror(-r));
	return r == 0;
}

static int report(const struct comparison *c, const struct segmap_comparison *result)
{
	const struct compare_report report = {
		.options = c->options,
		.program = c->program,
		.argv = c->argv,
		.loader = c->options->loader ? c->options->loader : "segload",
		.sides = {&c->sides[BY_EXECVE], &c->sides[BY_LOADER]},
		.timed_out = {c->timed_out[BY_EXECVE], c->timed_out[BY_LOADER]},
		.comparison = result,
	};

	return c->show(c->data, &report);
}

static int judge(const struct comparison *c, struct segmap_comparison *result)
{
	const struct segmap_compare_options options = {
		.aslr = c->options->aslr,
		.foreign = c->options->loader != NULL,
	};

	return segmap_compare(result, &c->sides[BY_EXECVE], &c->sides[BY_LOADER],
			      c->has_again ? &c->again : NULL, &options);
}

/* What is unexpected may be something in which the program never repeats itself: execve is
 * asked once more. */
static int judge_fairly(struct comparison *c, struct segmap_comparison *result)
{
	bool timed_out = c->timed_out[BY_EXECVE] || c->timed_out[BY_LOADER];
	int r = judge(c, result);

	if (r < 0 || result->counts[SEGMAP_UNEXPECTED] == 0 || timed_out ||
	    !c->sides[BY_EXECVE].started || !observe(c, BY_EXECVE, &c->again, &timed_out))
		return r;
	c->has_again = !timed_out;
	segmap_comparison_free(result);
	return judge(c, result);
}

static int compare(struct comparison *c)
{
	struct segmap_comparison result = {0};
	int status = EXIT_OWN;

	if (!observe(c, BY_EXECVE, &c->sides[BY_EXECVE], &c->timed_out[BY_EXECVE]) ||
	    !observe(c, BY_LOADER, &c->sides[BY_LOADER], &c->timed_out[BY_LOADER]))
		return EXIT_OWN;
	if (judge_fairly(c, &result) < 0 || report(c, &result) < 0)
		complain("compare: out of memory");
	else
		status = result.counts[SEGMAP_UNEXPECTED] ? STATUS_DIFFERS : 0;
	segmap_comparison_free(&result);
	return status;
}

/* ---- preparing ---- */

static bool split_loader(struct comparison *c)
{
	c->loader_argv = split_command(c->options->loader, c->program, c->argv, &c->words);
	c->loader = c->loader_argv ? find_program(c->loader_argv[0]) : NULL;
	return c->loader;
}

static bool open_image(struct comparison *c)
{
	struct segmap_error err;

	if (segmap_image_inspect(&c->image, c->program, SEGMAP_PROGRAM, &err) == 0)
		return true;
	complain_about(c->program, &err);
	return false;
}

static bool prepare(struct comparison *c)
{
	c->program = find_program(c->argv[0]);
	if (!c->program) {
		complain("compare: %s: not found in PATH", seen_name(c->argv[0]));
		return false;
	}
	if (!c->options->loader) {
		c->loader = find_segload();
		if (!c->loader)
			complain("compare: segload is neither beside segmap nor in PATH");
		return c->loader;
	}
	if (!split_loader(c)) {
		complain("compare: --loader=%s: not found", c->options->loader);
		return false;
	}
	return open_image(c);
}

int compare_run(const struct compare_options *options, char **argv, compare_show *show,
		void *data)
{
	struct comparison c = {.options = options, .argv = argv, .show = show, .data = data};
	int status = prepare(&c) ? compare(&c) : EXIT_OWN;

	for (int i = 0; i < SIDES; i++)
		segmap_observation_free(&c.sides[i]);
	segmap_observation_free(&c.again);
	segmap_image_free(c.image);
	free(c.loader_argv);
	free(c.words);
	free(c.loader);
	free(c.program);
	return status;
}

static int print(void *data, const struct compare_report *report)
{
	(void)data;
	return report->options->json ? compare_print_json(report) : compare_print_table(report);
}

/* ---- options ---- */

enum { OPTION_ASLR = 256, OPTION_NO_ASLR, OPTION_COLOR, OPTION_LOADER, OPTION_TIMEOUT };

static const struct option long_options[] = {
	{"aslr", no_argument, NULL, OPTION_ASLR},
	{"no-aslr", no_argument, NULL, OPTION_NO_ASLR},
	{"loader", required_argument, NULL, OPTION_LOADER},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"json", no_argument, NULL, 'J'},
	{"verbose", no_argument, NULL, 'v'},
	{"noheadings", no_argument, NULL, 'n'},
	{"raw", no_argument, NULL, 'r'},
	{"color", optional_argument, NULL, OPTION_COLOR},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool take_timeout(unsigned *timeout)
{
	char *end;
	unsigned long seconds = strtoul(optarg, &end, 10);

	*timeout = (unsigned)seconds;
	if (*optarg >= '0' && *optarg <= '9' && !*end && seconds > 0 && seconds <= 1000000)
		return true;
	complain("compare: --timeout=%s: must be 1 to 1000000 seconds", optarg);
	return false;
}

/* False if C is an option that cannot be followed, which has been said. */
static bool take_option(struct compare_options *options, int c)
{
	switch (c) {
	case OPTION_ASLR:
	case OPTION_NO_ASLR:
		options->aslr = c == OPTION_ASLR;
		return true;
	case OPTION_LOADER:
		options->loader = optarg;
		return true;
	case OPTION_TIMEOUT:
		return take_timeout(&options->timeout);
	case 'J':
		options->json = true;
		return true;
	case 'v':
		options->verbose = true;
		return true;
	case 'n':
		options->noheadings = true;
		return true;
	case 'r':
		options->raw = true;
		return true;
	case OPTION_COLOR:
		if (choose_color(optarg ? optarg : "always", &options->color))
			return true;
		complain("compare: --color=%s: must be auto, always or never", optarg);
		return false;
	default: /* getopt has complained */
		return false;
	}
}

static int run_compare(int argc, char **argv)
{
	struct compare_options options = {.timeout = TIMEOUT};
	char name[] = "segmap compare";
	int c;

	argv[0] = name; /* what getopt's messages begin with */
	choose_color(NULL, &options.color);
	while ((c = getopt_long(argc, argv, "+Jvnrh", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(command_compare.help, stdout);
			return 0;
		}
		if (!take_option(&options, c))
			goto usage;
	}
	if (optind < argc)
		return compare_run(&options, argv + optind, print, NULL);
	complain("compare: no PROGRAM given");
usage:
	fputs("Try 'segmap compare --help'.\n", stderr);
	return EXIT_OWN;
}

const struct command command_compare = {
	.name = "compare",
	.run = run_compare,
	.summary = "show every difference between execve and segload for a program",
	.help = "Usage: segmap compare [OPTION...] PROGRAM [ARG...]\n"
		"\n"
		"  segmap compare /bin/cat /etc/passwd     run it by execve and by segload\n"
		"  segmap compare --verbose /bin/true      also what is the same\n"
		"  segmap compare --aslr /bin/true         with randomised addresses\n"
		"  segmap compare --loader=/lib64/ld-linux-x86-64.so.2 /bin/cat\n"
		"                                          another loader in segload's place\n"
		"\n"
		"PROGRAM is run twice, without input, and looked at when it begins and when "
		"it\n"
		"ends: memory, auxiliary vector, stack, registers, descriptors, what /proc "
		"says,\n"
		"output and exit status. Where something differs that should not, it is run "
		"by\n"
		"execve once more, to see whether it repeats itself.\n"
		"\n"
		"Options:\n"
		"      --aslr             with randomisation: compare distances, not "
		"addresses\n"
		"      --no-aslr          without: compare byte for byte; the default\n"
		"      --loader=CMD       compare with CMD PROGRAM [ARG...]; CMD is split at\n"
		"                         blanks. Both are looked at when PROGRAM's entry "
		"point\n"
		"                         is reached\n"
		"      --timeout=SECONDS  kill what runs longer; 60 unless given\n"
		"  -J, --json             JSON, as docs/schemas/compare.schema.json describes "
		"it\n"
		"  -v, --verbose          what is the same, too\n"
		"  -n, --noheadings       no headings\n"
		"  -r, --raw              only the table, with whole values\n"
		"      --color[=WHEN]     auto, always or never\n"
		"  -h, --help             this text\n"
		"\n"
		"Exit status: 0 if no difference is unexpected, 1 if some is, 125 if segmap\n"
		"fails.\n"
		"",
};
