/*
 * A program watched from its first instruction to its end, for the account of its copies.
 *
 * It is looked at when it begins, when it reaches main and the symbol of --at, and when it is
 * about to end; between, only its page faults are noted down.
 */
#include "cow.h"
#include "guard.h"

#include <errno.h>
#include <segmap/family.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* ---- running ---- */

/* A child that has borrowed its parent's memory, by vfork, has none of its own to look at. */
static int on_born(struct cow *c, const struct segmap_family_event *event)
{
	guard_started(NULL, event->pid);
	if (event->borrowed)
		return 0;
	struct cow_process *p = cow_process_add(c, event->pid, event->parent);

	return p ? cow_process_look(c, p, "fork", "AT FORK") : -ENOMEM;
}

static int on_executed(struct cow *c, pid_t pid)
{
	struct cow_process *p = cow_process_find(c, pid);

	if (!p || p->concluded)
		return 0;
	p->end = COW_EXECUTED;
	return cow_process_conclude(c, p);
}

static int on_ending(struct cow *c, pid_t pid)
{
	struct cow_process *p = cow_process_find(c, pid);

	if (!p || p->concluded)
		return 0;
	int r = cow_process_look(c, p, "exit", "AT EXIT");

	if (r < 0)
		return r;
	p->end = COW_ENDED;
	return cow_process_conclude(c, p);
}

static int on_event(struct cow *c, const struct segmap_family_event *event)
{
	switch (event->kind) {
	case SEGMAP_FAMILY_BORN:
		return on_born(c, event);
	case SEGMAP_FAMILY_EXECUTED:
		return on_executed(c, event->pid);
	case SEGMAP_FAMILY_ENDING:
		return on_ending(c, event->pid);
	case SEGMAP_FAMILY_ENDED:
		if (event->pid == c->subject.tracee.pid)
			c->subject.tracee.status = event->status;
	}
	return 0;
}

/* Until the last of them has ended. If the program itself is killed, the others are: it was
 * the time limit, or somebody who wanted an end. */
static int run_family(struct cow *c)
{
	struct segmap_family_event event;
	struct segmap_family *family;
	bool killed = false;
	int r = segmap_family_create(&family, &c->subject.tracee);

	if (r < 0)
		return r;
	while (!killed && (r = segmap_family_next(family, &event)) > 0) {
		r = on_event(c, &event);
		if (r < 0)
			break;
		killed = event.kind == SEGMAP_FAMILY_ENDED &&
			 event.pid == c->subject.tracee.pid && WIFSIGNALED(event.status) &&
			 WTERMSIG(event.status) == SIGKILL;
	}
	segmap_family_destroy(family);
	return r < 0 ? r : 0;
}

static int run_to_end(struct cow *c)
{
	struct segmap_tracee *tracee = &c->subject.tracee;

	/* What has not been reached has been waited for until the end. */
	if (c->options->follow && c->main_missed != COW_NOT_PASSED &&
	    c->at_missed != COW_NOT_PASSED)
		return run_family(c);
	int r = segmap_tracee_run_to_exit(tracee);

	return r < 0 || tracee->ended ? r : on_ending(c, tracee->pid);
}

static int run(struct cow *c)
{
	bool main_wanted = c->options->at && strcmp(c->options->at, "main") == 0;
	int r = cow_look_at_main(c, main_wanted);

	if (r == 0)
		r = cow_look_at_symbol(c);
	if (r == 0)
		r = run_to_end(c);
	for (size_t i = 0; r == 0 && i < c->process_count; i++)
		if (!c->processes[i]->concluded)
			r = cow_process_conclude(c, c->processes[i]);
	return r;
}

static int run_watched(struct cow *c)
{
	int r = segmap_watch_open(&c->watch, c->subject.tracee.pid, false, c->options->follow);

	if (r == -ENOMEM)
		return r;
	c->watch_error = -r;
	r = run(c);
	segmap_watch_free(c->watch);
	c->watch = NULL;
	return r;
}

int cow_watch(struct cow *c)
{
	int r = segmap_files_open(&c->files);

	if (r == 0 && !cow_process_add(c, c->subject.tracee.pid, 0))
		r = -ENOMEM;
	if (r == 0)
		r = cow_process_look(c, c->processes[0], "entry", "AT ENTRY");
	return r < 0 ? r : run_watched(c);
}

const char *cow_end_text(enum cow_end end)
{
	static const char *const texts[] = {
		[COW_ENDED] = NULL,
		[COW_KILLED] = "it was killed, and its memory was gone",
		[COW_EXECUTED] = "it has become another program by execve",
	};

	return texts[end];
}
