/* Starting many copies of a program, stopping each at the same place, and looking at them all
 * together. */
#include "guard.h"
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
	struct subject *subject;
	const struct share_options *options;
	struct segmap_tracee *tracees; /* of STARTED copies */
	size_t started;
	struct share_reach reach;
	int null;      /* descriptor of /dev/null */
	bool progress; /* is shown */
};

/* ---- progress ---- */

/* Whatever is said next is written over it. */
static void show_progress(const struct run *run)
{
	if (run->progress)
		fprintf(stderr, "\033[Ksegmap: share: %zu of %zu copies\r", run->started,
			run->options->copies);
}

static void clear_progress(const struct run *run)
{
	if (run->progress)
		fputs("\033[K", stderr);
}

/* ---- starting ---- */

/* What it starts is in its group, and can be killed with it. */
static void lead_group(void *data)
{
	(void)data;
	setpgid(0, 0);
}

static void setup_copy(const struct run *run, struct segmap_tracee_setup *setup)
{
	subject_setup(run->subject, setup);
	setup->prepare = lead_group;
	setup->standard[0] = run->null;
	if (!run->options->show_output)
		setup->standard[1] = setup->standard[2] = run->null;
}

/* It has ended without having been at its exit, by SIGKILL; or could not be run. */
static bool explain_stop(const struct run *run, const struct segmap_tracee *tracee, int r)
{
	if (guard_is_over())
		return false;
	if (r < 0)
		complain("share: %s: %s", run->subject->program, strerror(-r));
	else
		complain("share: %s: killed by signal %d before it was at its exit",
			 run->subject->program, WTERMSIG(tracee->status));
	return false;
}

/* From its beginning to the place where it is to be looked at. */
static bool bring_to_place(struct run *run, struct segmap_tracee *tracee)
{
	if (run->options->place == SHARE_AT_SYMBOL)
		return share_reach(&run->reach, tracee);
	int r = run->options->place == SHARE_AT_EXIT ? segmap_tracee_run_to_exit(tracee) : 0;

	return (r == 0 && !tracee->ended) || explain_stop(run, tracee, r);
}

/* Which one it was, if it was not the first. */
static void name_copy(const struct run *run)
{
	if (run->started && !guard_is_over())
		fprintf(stderr, "  copy %zu of %zu\n", run->started + 1, run->options->copies);
}

static void hint_limit(const struct run *run)
{
	name_copy(run);
	if (run->started && !guard_is_over())
		fputs("  hint: 'ulimit -u' and 'ulimit -v' limit processes and memory; fewer "
		      "with "
		      "-n\n",
		      stderr);
}

static bool launch(const struct run *run, const struct segmap_tracee_setup *setup)
{
	return subject_launch(run->subject, setup, run->options->place != SHARE_AT_EXIT);
}

/* One that does not count, and that executes nothing of the program: if the loader has to
 * refuse it, its words must be seen. */
static bool try_one(const struct run *run)
{
	struct segmap_tracee_setup setup;

	setup_copy(run, &setup);
	setup.standard[2] = -1;
	if (!launch(run, &setup))
		return false;
	segmap_tracee_destroy(&run->subject->tracee);
	run->subject->started = false;
	return true;
}

static bool start_all(struct run *run)
{
	struct segmap_tracee_setup setup;

	setup_copy(run, &setup);
	if (!try_one(run))
		return false;
	for (; run->started < run->options->copies; run->started++) {
		show_progress(run);
		if (guard_is_over())
			return false;
		if (!launch(run, &setup)) {
			hint_limit(run);
			return false;
		}
		struct segmap_tracee *tracee = &run->tracees[run->started];
		*tracee = run->subject->tracee;
		run->subject->started = false; /* it is in the array now */
		if (!bring_to_place(run, tracee)) {
			segmap_tracee_destroy(tracee);
			name_copy(run);
			return false;
		}
	}
	return true;
}

/* ---- looking ---- */

/* A copy that has had an error of its own: its account would be wrong. */
static int read_copy(struct share_side *side, struct segmap_copy *copy, pid_t pid)
{
	struct segmap_regions *regions = &side->regions[side->count];
	struct segmap_pages *pages = &side->pages[side->count];
	int r = segmap_regions_read(regions, pid, false);

	if (r == 0)
		r = segmap_pages_read(pages, pid, regions);
	if (r < 0) {
		segmap_regions_free(regions);
		return r;
	}
	side->count++;
	*copy = (struct segmap_copy){.regions = regions, .pages = pages};
	copy->pss_error = -segmap_pss_read(pid, &copy->pss);
	return copy->pss_error == ENOMEM ? -ENOMEM : 0;
}

static int look(struct share_side *side, const struct run *run)
{
	struct segmap_copy *copies = calloc(run->started, sizeof(*copies));
	int r = 0;

	side->regions = calloc(run->started, sizeof(*side->regions));
	side->pages = calloc(run->started, sizeof(*side->pages));
	if (!copies || !side->regions || !side->pages)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < run->started && !guard_is_over(); i++)
		r = read_copy(side, &copies[i], run->tracees[i].pid);
	if (r == 0 && !guard_is_over())
		r = segmap_sharing_compute(&side->account, copies, side->count);
	free(copies);
	if (r < 0)
		complain("share: out of memory");
	else if (side->account.error)
		complain("share: the pages of %s: %s", run->subject->program,
			 strerror(side->account.error));
	return r < 0 || side->account.error ? EXIT_OWN : 0;
}

static void end_all(struct run *run)
{
	for (size_t i = 0; i < run->started; i++)
		segmap_tracee_destroy(&run->tracees[i]);
	struct guard_result result = guard_end();

	if (result.interrupted)
		guard_be_interrupted(result.interrupted);
	if (result.timed_out)
		complain("share: %s: not all %zu copies were at %s after %u s, killed",
			 run->subject->program, run->options->copies,
			 share_place_name(run->options), run->options->subject.timeout);
}

int share_run(struct share_side *side, struct subject *subject,
	      const struct share_options *options)
{
	struct run run = {
		.subject = subject,
		.options = options,
		.reach = {.subject = subject, .symbol = options->symbol},
		.tracees = calloc(options->copies, sizeof(*run.tracees)),
		.null = open("/dev/null", O_RDWR | O_CLOEXEC),
		.progress = isatty(STDERR_FILENO) && options->copies > 1,
	};
	struct share_side s = {.by = side->by};
	int status = EXIT_OWN;

	if (!run.tracees || run.null < 0) {
		complain("share: %s",
			 run.tracees ? "/dev/null cannot be opened" : "out of memory");
		goto out;
	}
	guard_begin(options->subject.timeout);
	bool good = start_all(&run);
	clear_progress(&run);
	status = good ? look(&s, &run) : subject->status;
	if (guard_is_over())
		status = EXIT_OWN;
	end_all(&run);
out:
	if (run.null >= 0)
		close(run.null);
	free(run.tracees);
	if (status == 0)
		*side = s;
	else
		share_side_free(&s);
	return status;
}

void share_side_free(struct share_side *side)
{
	for (size_t i = 0; i < side->count; i++) {
		segmap_regions_free(&side->regions[i]);
		segmap_pages_free(&side->pages[i]);
	}
	free(side->regions);
	free(side->pages);
	segmap_sharing_free(&side->account);
	*side = (struct share_side){.by = side->by};
}
