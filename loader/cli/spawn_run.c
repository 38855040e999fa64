/*
 * Starting a program many times, from a template and by posix_spawn.
 *
 * The two take turns, a round of each, so that both see the same machine. A start's latency is
 * from before the call until its end has been heard.
 */
#include "guard.h"
#include "spawning.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20 };

/* A child that is running. */
struct running {
	pid_t pid; /* 0: none */
	uint64_t begun;
};

struct starter {
	const struct spawn_options *options;
	const char *program;
	char *const *argv;
	struct segmap_template *template;
	struct running *running; /* one for each job */
	int null;                /* /dev/null, or -1 to let them write */
	posix_spawn_file_actions_t actions;
	int status; /* to exit with if it fails */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void complain_about_template(const struct starter *s,
				    const struct segmap_template_error *err)
{
	char text[512];

	segmap_template_describe(err, text, sizeof(text));
	char *hint = strchr(text, '\n');
	if (hint)
		*hint = '\0';
	complain("spawn: %s: %s", s->program, text);
	if (hint)
		fprintf(stderr, "%s\n", hint + 1);
}

/* ---- one start ---- */

static bool start_from_template(struct starter *s, pid_t *pid)
{
	bool arguments = !s->options->symbol || strcmp(s->options->symbol, "main") == 0;
	const struct segmap_template_start start = {
		.argv = arguments ? s->argv : NULL,
		.standard = {s->null, s->null, s->null},
	};
	struct segmap_template_error err;

	if (segmap_template_spawn(s->template, &start, pid, &err) == 0)
		return true;
	complain_about_template(s, &err);
	return false;
}

static bool start_by_execve(struct starter *s, pid_t *pid)
{
	int error = posix_spawn(pid, s->program, &s->actions, NULL, s->argv, environ);

	if (error)
		complain("spawn: %s: posix_spawn: %s", s->program, strerror(error));
	return error == 0;
}

static struct running *find_running(struct starter *s, pid_t pid)
{
	for (size_t i = 0; i < s->options->jobs; i++)
		if (s->running[i].pid == pid)
			return &s->running[i];
	return NULL;
}

static bool start(struct starter *s, enum spawn_way way)
{
	struct running *r = find_running(s, 0);

	r->begun = now();
	return way == SPAWN_TEMPLATE ? start_from_template(s, &r->pid)
				     : start_by_execve(s, &r->pid);
}

/* Waits for one of them, whichever ends first. */
static bool take_end(struct starter *s, struct spawn_figures *figures)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(-1, &status, 0);
	while (pid < 0 && errno == EINTR && !guard_is_over());
	if (pid < 0 || guard_is_over())
		return false;
	struct running *r = find_running(s, pid);
	if (!r) { /* the template itself: there is no other child */
		complain_about_template(
			s, &(const struct segmap_template_error){
				   .problem = SEGMAP_TEMPLATE_DEAD, .status = status});
		return false;
	}
	figures->latencies[figures->count++] = now() - r->begun;
	if (status && figures->failed++ == 0)
		figures->status = status;
	r->pid = 0;
	return true;
}

static void end_all(struct starter *s)
{
	for (size_t i = 0; i < s->options->jobs; i++)
		if (s->running[i].pid) {
			kill(s->running[i].pid, SIGKILL);
			waitpid(s->running[i].pid, NULL, 0);
			s->running[i].pid = 0;
		}
}

/* ---- many ---- */

static bool run_round(struct starter *s, enum spawn_way way, struct spawn_figures *figures,
		      size_t starts)
{
	size_t alive = 0, begun = 0;
	uint64_t from = now();
	bool good = true;

	while (good && (begun < starts || alive)) {
		if (begun < starts && alive < s->options->jobs) {
			good = !guard_is_over() && start(s, way);
			begun++;
			alive++;
		} else {
			good = take_end(s, figures);
			alive--;
		}
	}
	figures->busy += now() - from;
	if (!good)
		end_all(s);
	return good;
}

/* Also the first start of either way, which is not counted: files are in the cache then. */
static bool run_all(struct starter *s, struct spawn_report *report)
{
	size_t rounds = s->options->starts < ROUNDS ? s->options->starts : ROUNDS, done = 0;
	struct spawn_figures *figures = report->figures;

	for (int way = 0; way < SPAWN_WAYS; way++) {
		if (!run_round(s, (enum spawn_way)way, &figures[way], 1))
			return false;
		figures[way].count = figures[way].busy = figures[way].failed = 0;
	}
	for (size_t i = 1; i <= rounds; i++) {
		size_t upto = s->options->starts * i / rounds;

		for (int way = 0; way < SPAWN_WAYS; way++)
			if (!run_round(s, (enum spawn_way)way, &figures[way], upto - done))
				return false;
		done = upto;
	}
	return true;
}

/* ---- preparing ---- */

/* As the loader ended, or as a shell would say what execve answered. */
static int status_of_refusal(const struct segmap_template_error *err)
{
	if (err->problem != SEGMAP_TEMPLATE_REFUSED)
		return EXIT_OWN;
	if (!err->step)
		return WIFEXITED(err->status) && WEXITSTATUS(err->status)
			       ? WEXITSTATUS(err->status)
			       : EXIT_REFUSED;
	return err->errnum == ENOENT || err->errnum == ENOTDIR ? EXIT_MISSING : EXIT_REFUSED;
}

static bool load(struct starter *s, const struct subject *subject, uint64_t *took)
{
	const struct segmap_template_setup setup = {
		.path = s->program,
		.argv = s->argv,
		.loader = s->options->subject.by_execve ? NULL : subject->loader,
		.symbol = s->options->symbol,
		.no_aslr = !s->options->subject.aslr,
		.started = guard_started,
	};
	struct segmap_template_error err;
	uint64_t from = now();

	if (segmap_template_create(&s->template, &setup, &err) < 0) {
		s->status = status_of_refusal(&err);
		if (!guard_is_over())
			complain_about_template(s, &err);
		return false;
	}
	*took = now() - from;
	return true;
}

static bool make_room(struct starter *s, struct spawn_report *report)
{
	s->running = calloc(s->options->jobs, sizeof(*s->running));
	bool good = s->running;

	for (int way = 0; way < SPAWN_WAYS; way++) {
		report->figures[way].latencies = calloc(s->options->starts, sizeof(uint64_t));
		good = good && report->figures[way].latencies;
	}
	if (!good)
		complain("spawn: out of memory");
	return good;
}

static bool open_output(struct starter *s)
{
	if (s->options->show_output)
		return true;
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->null < 0) {
		complain("spawn: /dev/null: %s", strerror(errno));
		return false;
	}
	for (int fd = 0; fd < 3; fd++)
		if (posix_spawn_file_actions_adddup2(&s->actions, s->null, fd) != 0)
			return false;
	return true;
}

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static void sort(struct spawn_report *report)
{
	for (int way = 0; way < SPAWN_WAYS; way++)
		if (report->figures[way].count)
			qsort(report->figures[way].latencies, report->figures[way].count,
			      sizeof(uint64_t), by_size);
}

int spawn_run(struct spawn_report *report, const struct subject *subject)
{
	struct starter s = {.options = report->options,
			    .program = report->program,
			    .argv = report->argv,
			    .null = -1,
			    .status = EXIT_OWN};
	bool good = posix_spawn_file_actions_init(&s.actions) == 0;

	guard_begin(report->options->subject.timeout);
	good = good && open_output(&s) && make_room(&s, report) &&
	       load(&s, subject, &report->load) && run_all(&s, report);
	segmap_template_destroy(s.template);
	struct guard_result result = guard_end();
	if (result.interrupted)
		guard_be_interrupted(result.interrupted);
	if (result.timed_out) {
		complain("spawn: not all starts have ended after %u s, killed",
			 report->options->subject.timeout);
		good = false;
	}
	if (s.null >= 0)
		close(s.null);
	posix_spawn_file_actions_destroy(&s.actions);
	free(s.running);
	sort(report);
	return good ? 0 : s.status;
}

void spawn_free(struct spawn_report *report)
{
	for (int way = 0; way < SPAWN_WAYS; way++)
		free(report->figures[way].latencies);
}
