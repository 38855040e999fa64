/* A program that is watched: found, started, and its end made one's own. */
#include "subject.h"

#include "find.h"
#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- options ---- */

static bool take_timeout(const char *command, unsigned *timeout)
{
	char *end;
	unsigned long seconds = strtoul(optarg, &end, 10);

	*timeout = (unsigned)seconds;
	if (*optarg >= '0' && *optarg <= '9' && !*end && seconds > 0 && seconds <= 1000000)
		return true;
	complain("%s: --timeout=%s: must be 1 to 1000000 seconds", command, optarg);
	return false;
}

enum taken subject_take(struct subject_options *options, const char *command, int c)
{
	switch (c) {
	case OPTION_ASLR:
	case OPTION_NO_ASLR:
		options->aslr = c == OPTION_ASLR;
		return TAKEN;
	case OPTION_EXECVE:
		options->by_execve = true;
		return TAKEN;
	case OPTION_LOADER:
		options->loader = optarg;
		return TAKEN;
	case OPTION_TIMEOUT:
		return take_timeout(command, &options->timeout) ? TAKEN : WRONG;
	default:
		return view_take(&options->view, command, c);
	}
}

/* ---- finding ---- */

static bool find_loader(struct subject *subject)
{
	const struct subject_options *options = subject->options;

	if (options->loader) {
		subject->loader_argv = split_command(options->loader, subject->program,
						     subject->argv, &subject->words);
		subject->loader =
			subject->loader_argv ? find_program(subject->loader_argv[0]) : NULL;
		if (!subject->loader)
			complain("%s: --loader=%s: not found", subject->command,
				 options->loader);
	} else {
		subject->loader = find_segload();
		if (!subject->loader)
			complain("%s: segload is neither beside segmap nor in PATH",
				 subject->command);
	}
	return subject->loader;
}

bool subject_find(struct subject *subject, const char *command,
		  const struct subject_options *options, char *const *argv)
{
	struct segmap_error err;

	*subject = (struct subject){
		.options = options, .command = command, .argv = argv, .status = EXIT_OWN};
	subject->program = find_program(argv[0]);
	if (!subject->program) {
		complain("%s: %s: not found in PATH", command, seen_name(argv[0]));
		subject->status = EXIT_MISSING;
		return false;
	}
	if (!options->by_execve && !find_loader(subject))
		return false;
	/* A script, or no program at all: whoever starts it will see. */
	if (segmap_image_inspect(&subject->image, subject->program, SEGMAP_PROGRAM, &err) < 0)
		subject->image = NULL;
	if (options->loader && !subject->image) {
		complain_about(subject->program, &err);
		subject->status = status_of(&err);
		return false;
	}
	return true;
}

void subject_setup(const struct subject *subject, struct segmap_tracee_setup *setup)
{
	bool foreign = subject->options->loader;

	*setup = (struct segmap_tracee_setup){
		.path = foreign ? subject->loader : subject->program,
		.argv = foreign ? subject->loader_argv : subject->argv,
		.loader = foreign || subject->options->by_execve ? NULL : subject->loader,
		.no_aslr = !subject->options->aslr,
		.user = (uid_t)-1,
		.standard = {-1, -1, -1},
		.started = guard_started,
	};
}

/* ---- running ---- */

/* It has ended before its program began: in the loader's words, or execve's. */
static void explain_end(struct subject *subject, const char *path)
{
	const struct segmap_tracee *t = &subject->tracee;

	if (t->exec_errno)
		complain("%s: %s: execve: %s", subject->command, path, strerror(t->exec_errno));
	else if (WIFSIGNALED(t->status))
		complain("%s: %s: killed by signal %d (%s) before its first instruction",
			 subject->command, path, WTERMSIG(t->status),
			 strsignal(WTERMSIG(t->status)));
	subject->status = WIFEXITED(t->status) ? WEXITSTATUS(t->status) : EXIT_REFUSED;
	if (t->exec_errno == ENOENT || t->exec_errno == ENOTDIR)
		subject->status = EXIT_MISSING;
	/* A loader that has run and ended well, without the program. */
	if (WIFEXITED(t->status) && WEXITSTATUS(t->status) == 0) {
		complain("%s: %s: the loader ended without executing its entry point",
			 subject->command, subject->program);
		subject->status = EXIT_OWN;
	}
}

static int reach_program(struct subject *subject)
{
	bool reached = true;
	int r = 0;

	if (subject->options->loader && !subject->tracee.ended)
		r = segmap_tracee_run_to_program(&subject->tracee, subject->image, &reached);
	if (r == 0 && !reached)
		r = segmap_tracee_finish(&subject->tracee);
	return r;
}

const char *subject_trouble(int error)
{
	return error == EOPNOTSUPP ? "this CPU can stop a program at no address"
				   : strerror(error);
}

/* R is what reaching the program has returned: it has not been reached. */
static void explain_failure(struct subject *subject, const char *path, int r)
{
	if (r < 0)
		complain("%s: cannot watch %s: %s", subject->command, path,
			 subject_trouble(-r));
	else if (subject->status != EXIT_OWN || subject->tracee.ended)
		explain_end(subject, path);
}

static void finish(struct subject *subject)
{
	if (subject->started && segmap_tracee_finish(&subject->tracee) < 0)
		segmap_tracee_destroy(&subject->tracee);
}

static int try_start(struct subject *subject, const struct segmap_tracee_setup *setup,
		     bool to_program)
{
	int r = segmap_tracee_start(&subject->tracee, setup);

	subject->started = r == 0;
	if (r == 0 && to_program)
		r = reach_program(subject);
	return r < 0 ? r : !subject->tracee.ended;
}

bool subject_launch(struct subject *subject, const struct segmap_tracee_setup *setup,
		    bool to_program)
{
	int r = try_start(subject, setup, to_program);

	if (r > 0)
		return true;
	finish(subject);
	if (!guard_is_over())
		explain_failure(subject, setup->path, r);
	return false;
}

bool subject_start(struct subject *subject, const struct segmap_tracee_setup *given)
{
	struct segmap_tracee_setup setup;

	subject_setup(subject, &setup);
	if (given)
		setup = *given;
	guard_begin(subject->options->timeout);
	int r = try_start(subject, &setup, true);
	if (r > 0)
		return true;
	subject_end(subject);
	explain_failure(subject, setup.path, r);
	return false;
}

void subject_end(struct subject *subject)
{
	finish(subject);
	struct guard_result result = guard_end();

	if (result.interrupted)
		guard_be_interrupted(result.interrupted);
	if (result.timed_out)
		complain("%s: %s: still running after %u s, killed", subject->command,
			 subject->program, subject->options->timeout);
}

int subject_status(const struct subject *subject)
{
	const struct rlimit no_core = {0};
	int status = subject->tracee.status;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	fflush(stdout);
	setrlimit(RLIMIT_CORE, &no_core); /* the program has left one, if it may */
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

void subject_free(struct subject *subject)
{
	if (subject->started)
		segmap_tracee_destroy(&subject->tracee);
	segmap_image_free(subject->image);
	free(subject->loader_argv);
	free(subject->words);
	free(subject->loader);
	free(subject->program);
	*subject = (struct subject){0};
}
