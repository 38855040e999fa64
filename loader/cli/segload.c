/* segload PROGRAM [ARG...]: becomes PROGRAM, as execve(2) would. */
#include <segmap/exec.h>

#include "attach.h"
#include "spool.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <unistd.h>

#ifndef SEGMAP_VERSION
#define SEGMAP_VERSION "unknown"
#endif

enum exit_status { /* as env(1) and timeout(1) have them */
		   EXIT_OWN_FAILURE = 125,
		   EXIT_REFUSED = 126,
		   EXIT_NOT_FOUND = 127,
};

enum {
	OPTION_ARGV0 = 256,
	OPTION_NO_ASLR,
	OPTION_STOP_AT,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"argv0", required_argument, NULL, OPTION_ARGV0},
	{"env", required_argument, NULL, 'E'},
	{"ignore-environment", no_argument, NULL, 'i'},
	{"no-aslr", no_argument, NULL, OPTION_NO_ASLR},
	{"stop-at", required_argument, NULL, OPTION_STOP_AT},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage: segload [OPTION...] PROGRAM [ARG...]\n"
	"Become PROGRAM, as execve(2) would: map its segments, build its stack, jump.\n"
	"\n"
	"PROGRAM with a slash is a path, without one it is looked up in PATH, and - reads\n"
	"the ELF file from standard input.\n"
	"\n"
	"      --argv0=NAME          give PROGRAM this name for itself\n"
	"  -E, --env=VAR[=VALUE]     set VAR in its environment; without VALUE, unset it\n"
	"  -i, --ignore-environment  begin with an empty environment\n"
	"      --no-aslr             without address randomisation, as setarch -R\n"
	"      --stop-at=entry       stop with SIGSTOP before PROGRAM's first instruction\n"
	"  -v, --verbose             tell each mapping that is made for the load, and why\n"
	"      --help                print this help\n"
	"      --version             print the version\n"
	"\n"
	"Exit status: PROGRAM's own; 125 if segload itself fails, 126 if PROGRAM is found\n"
	"but refused, 127 if it or its interpreter is not found.\n"
	"\n"
	"Examples:\n"
	"  segload /bin/busybox sh -c 'echo $0'\n"
	"  segload -v --no-aslr ./a.out\n"
	"  gzip -dc program.gz | segload -\n";

struct settings {
	const char *argv0;
	bool no_aslr;
	struct segmap_options load;
};

static void say_call(void *data, const char *call, const char *why)
{
	(void)data;
	fprintf(stderr, "segload: %s: %s\n", why, call);
}

static int exit_status(const struct segmap_error *err)
{
	if (err->verdict == SEGMAP_VERDICT_SYSTEM)
		return EXIT_OWN_FAILURE;
	if (err->reason == SEGMAP_REASON_OPEN && err->errnum == ENOENT)
		return EXIT_NOT_FOUND;
	return EXIT_REFUSED;
}

static int report(const char *program, const struct segmap_error *err)
{
	fputs("segload: ", stderr);
	put_error(stderr, program, err);
	return exit_status(err);
}

/* Is this an answer after which execvp(3) tries the next directory? */
static bool try_next(const struct segmap_error *err)
{
	return (err->reason == SEGMAP_REASON_OPEN || err->reason == SEGMAP_REASON_NOT_REGULAR ||
		err->reason == SEGMAP_REASON_NOT_EXECUTABLE) &&
	       (err->errnum == ENOENT || err->errnum == ENOTDIR || err->errnum == EACCES);
}

/* Looks for NAME in the directories of PATH. The file that is there but may not be executed is
 * what the user hears of if there is no better one. */
static int run_from_path(const char *name, char **argv, const struct settings *settings)
{
	const char *list = getenv("PATH");
	struct segmap_error err, best = {.reason = SEGMAP_REASON_OPEN,
					 .errnum = ENOENT,
					 .index = -1,
					 .step = "search in PATH"};
	char *path = NULL;

	for (const char *dir = list ? list : "/bin:/usr/bin"; dir;) {
		size_t length = strcspn(dir, ":");

		if (asprintf(&path, "%.*s%s%s", (int)length, dir, length ? "/" : "", name) < 0)
			return EXIT_OWN_FAILURE;
		segmap_execve(path, argv, environ, &settings->load, &err);
		if (!try_next(&err)) {
			int status = report(path, &err);

			free(path);
			return status;
		}
		if (err.errnum == EACCES && best.errnum == ENOENT)
			best = err;
		free(path);
		dir = dir[length] ? dir + length + 1 : NULL;
	}
	return report(name, &best);
}

static int run_from_input(char **argv, const struct settings *settings)
{
	struct segmap_error err;
	int fd = STDIN_FILENO;
	int r = spool_input(&fd);

	if (r < 0) {
		fprintf(stderr, "segload: -: standard input cannot be read: %s\n",
			strerror(-r));
		return EXIT_OWN_FAILURE;
	}
	segmap_fexecve(fd, "-", argv, environ, &settings->load, &err);
	return report("-", &err);
}

static int run(char **argv, const struct settings *settings)
{
	const char *program = argv[0];
	struct segmap_error err;

	if (settings->argv0)
		argv[0] = (char *)(uintptr_t)settings->argv0;
	if (strcmp(program, "-") == 0)
		return run_from_input(argv, settings);
	if (!strchr(program, '/') && program[0])
		return run_from_path(program, argv, settings);
	segmap_execve(program, argv, environ, &settings->load, &err);
	return report(program, &err);
}

/* Where the stack and the mmap area are was drawn when segload itself was executed, so it has
 * to be executed once more, with the flag that the program then has too, as under setarch -R.
 */
static int start_again(char **argv)
{
	int persona = personality(0xffffffff);

	if (persona >= 0 && (persona & ADDR_NO_RANDOMIZE))
		return 0;
	if (persona < 0 || personality((unsigned long)persona | ADDR_NO_RANDOMIZE) < 0) {
		fprintf(stderr, "segload: --no-aslr: personality: %s\n", strerror(errno));
		return EXIT_OWN_FAILURE;
	}
	execv("/proc/self/exe", argv);
	fprintf(stderr, "segload: --no-aslr: cannot start again: /proc/self/exe: %s\n",
		strerror(errno));
	return EXIT_OWN_FAILURE;
}

static int set_variable(char *assignment)
{
	if (strchr(assignment, '='))
		return putenv(assignment);
	return unsetenv(assignment);
}

static int report_option(const char *option, const char *why)
{
	fprintf(stderr, "segload: %s", option);
	put_text(stderr, optarg);
	fprintf(stderr, ": %s\n", why);
	return EXIT_OWN_FAILURE;
}

/* Returns -1 to go on, or the exit status. */
static int take_option(int option, struct settings *settings)
{
	switch (option) {
	case OPTION_ARGV0:
		settings->argv0 = optarg;
		return -1;
	case 'E':
		if (set_variable(optarg) == 0)
			return -1;
		return report_option("-E ", strerror(errno));
	case 'i':
		return clearenv() == 0 ? -1 : EXIT_OWN_FAILURE;
	case OPTION_NO_ASLR:
		settings->no_aslr = true;
		return -1;
	case OPTION_STOP_AT:
		settings->load.stop_at_entry = strcmp(optarg, "entry") == 0;
		settings->load.ready = attach_tell;
		if (settings->load.stop_at_entry)
			return -1;
		return report_option("--stop-at=", "must be 'entry'");
	case 'v':
		settings->load.trace = say_call;
		return -1;
	case OPTION_HELP:
		fputs(help, stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_OWN_FAILURE;
	case OPTION_VERSION:
		puts("segload (segmap) " SEGMAP_VERSION);
		return fflush(stdout) == 0 ? 0 : EXIT_OWN_FAILURE;
	default:
		fputs("Try 'segload --help'.\n", stderr);
		return EXIT_OWN_FAILURE;
	}
}

/* Nothing runs before main() that would change what execve has given, except in a build with
 * sanitizers, whose runtime has handlers and an alternate stack. */
#ifdef SEGLOAD_LIVED
static const bool pristine = false;
#else
static const bool pristine = true;
#endif

int main(int argc, char **argv)
{
	/* What an exec of segload has given beyond the user's own, the next exec takes back. */
	struct settings settings = {.load = {.pristine = pristine && !getauxval(AT_SECURE)}};
	int option, status;

	while ((option = getopt_long(argc, argv, "+E:iv", long_options, NULL)) != -1) {
		status = take_option(option, &settings);
		if (status >= 0)
			return status;
	}
	if (optind == argc) {
		fputs("segload: no PROGRAM given\nTry 'segload --help'.\n", stderr);
		return EXIT_OWN_FAILURE;
	}
	status = settings.no_aslr ? start_again(argv) : 0;
	return status ? status : run(argv + optind, &settings);
}
