/*
 * Following a process, its threads and its children by ptrace's own events.
 *
 * Every thread is a tracee of its own: a member. The kernel attaches new ones by itself and
 * stops them before their first instruction. As all are seized, a stop by a signal (ctrl-Z) is
 * told apart from others, and kept up until SIGCONT comes.
 */
#include <segmap/family.h>

#include "tracee_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

struct member {
	pid_t thread, pid;
	bool held;   /* stopped for an event, until the next is asked for */
	bool ending; /* has no part in the process's life any more */
};

struct segmap_family {
	struct member *members;
	size_t count, room;
};

/* ---- members ---- */

static struct member *find(const struct segmap_family *family, pid_t thread)
{
	for (size_t i = 0; i < family->count; i++)
		if (family->members[i].thread == thread)
			return &family->members[i];
	return NULL;
}

static int add(struct segmap_family *family, pid_t thread, pid_t pid)
{
	if (family->count == family->room) {
		size_t room = family->room ? 2 * family->room : 8;
		struct member *members = reallocarray(family->members, room, sizeof(*members));

		if (!members)
			return -ENOMEM;
		family->members = members;
		family->room = room;
	}
	family->members[family->count++] = (struct member){.thread = thread, .pid = pid};
	return 0;
}

static void drop(struct segmap_family *family, pid_t thread)
{
	struct member *m = find(family, thread);

	if (m)
		*m = family->members[--family->count];
}

static bool is_last(const struct segmap_family *family, const struct member *member)
{
	for (size_t i = 0; i < family->count; i++)
		if (family->members[i].pid == member->pid && &family->members[i] != member &&
		    !family->members[i].ending)
			return false;
	return true;
}

/* The process that THREAD belongs to; itself where that cannot be read. */
static pid_t process_of(pid_t thread)
{
	char path[64], line[128];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", thread);
	FILE *file = fopen(path, "re");
	while (file && !pid && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &pid) != 1) // NOLINT
			pid = 0;
	if (file)
		fclose(file);
	return pid ? pid : thread;
}

/* ---- waiting ---- */

static pid_t poll_all(const struct segmap_family *family, int *status)
{
	for (size_t i = 0; i < family->count; i++) {
		pid_t pid = waitpid(family->members[i].thread, status, __WALL | WNOHANG);

		if (pid > 0)
			return pid;
	}
	return 0;
}

/* Another child of this process, whose status is not ours to take, may hide a member's. */
static pid_t wait_for_any(const struct segmap_family *family, int *status)
{
	const struct timespec moment = {0, 1000000};
	siginfo_t info = {0};

	for (;;) {
		pid_t pid = poll_all(family, status);

		if (pid > 0)
			return pid;
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0) {
			if (errno != EINTR)
				return -1;
		} else if (!find(family, info.si_pid)) {
			nanosleep(&moment, NULL);
		}
	}
}

static void resume(const struct member *member, enum __ptrace_request how, int signal)
{
	ptrace(how, member->thread, NULL, (void *)(intptr_t)signal); /* ESRCH: it is killed */
}

static void resume_held(struct segmap_family *family)
{
	for (size_t i = 0; i < family->count; i++) {
		if (family->members[i].held)
			resume(&family->members[i], PTRACE_CONT, 0);
		family->members[i].held = false;
	}
}

/* ---- what stops mean: 1 for an event, 0 for none ---- */

static pid_t message_of(pid_t thread)
{
	unsigned long message = 0;

	return ptrace(PTRACE_GETEVENTMSG, thread, NULL, &message) < 0 ? 0 : (pid_t)message;
}

/* Its first stop, before it executes anything. False if it has been killed before that. */
static bool wait_for_newborn(pid_t thread)
{
	int status = 0;

	while (waitpid(thread, &status, __WALL) < 0)
		if (errno != EINTR)
			return false;
	return WIFSTOPPED(status);
}

static int take_in(struct segmap_family *family, pid_t maker, int how,
		   struct segmap_family_event *event)
{
	pid_t thread = message_of(maker);
	pid_t parent = find(family, maker)->pid;

	find(family, maker)->held = true;
	if (!thread || !wait_for_newborn(thread)) {
		resume_held(family);
		return 0;
	}
	pid_t pid = process_of(thread);
	int r = add(family, thread, pid);
	if (r < 0)
		return r;
	find(family, thread)->held = true;
	if (pid == parent) {
		resume_held(family);
		return 0;
	}
	*event = (struct segmap_family_event){
		.kind = SEGMAP_FAMILY_BORN,
		.pid = pid,
		.thread = thread,
		.parent = parent,
		.borrowed = how == PTRACE_EVENT_VFORK,
	};
	return 1;
}

static int hold(struct member *member, enum segmap_family_event_kind kind,
		struct segmap_family_event *event)
{
	member->held = true;
	*event = (struct segmap_family_event){
		.kind = kind,
		.pid = member->pid,
		.thread = member->thread,
	};
	return 1;
}

/* The thread that executes becomes the first of its process, and the others are gone. */
static int take_over(struct segmap_family *family, pid_t pid, struct segmap_family_event *event)
{
	pid_t former = message_of(pid);

	if (former && former != pid)
		drop(family, former);
	find(family, pid)->ending = false;
	return hold(find(family, pid), SEGMAP_FAMILY_EXECUTED, event);
}

static bool stops_processes(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static int understand_stop(struct segmap_family *family, pid_t thread, int status,
			   struct segmap_family_event *event)
{
	struct member *m = find(family, thread);
	int signal = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		return take_in(family, thread, status >> 16, event);
	case PTRACE_EVENT_EXEC:
		return take_over(family, thread, event);
	case PTRACE_EVENT_EXIT:
		m->ending = true;
		if (is_last(family, m))
			return hold(m, SEGMAP_FAMILY_ENDING, event);
		resume(m, PTRACE_CONT, 0);
		return 0;
	case PTRACE_EVENT_STOP:
		resume(m, stops_processes(signal) ? PTRACE_LISTEN : PTRACE_CONT, 0);
		return 0;
	default:
		resume(m, PTRACE_CONT, signal);
		return 0;
	}
}

static int understand(struct segmap_family *family, pid_t thread, int status,
		      struct segmap_family_event *event)
{
	if (WIFSTOPPED(status))
		return understand_stop(family, thread, status, event);
	bool first = find(family, thread)->pid == thread;
	drop(family, thread);
	if (!first)
		return 0;
	*event = (struct segmap_family_event){
		.kind = SEGMAP_FAMILY_ENDED,
		.pid = thread,
		.status = status,
	};
	return 1;
}

/* ---- the family ---- */

int segmap_family_create(struct segmap_family **family, struct segmap_tracee *tracee)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	struct segmap_family *f = calloc(1, sizeof(*f));
	int r = f ? add(f, tracee->pid, tracee->pid) : -ENOMEM;

	if (r == 0 && ptrace(PTRACE_SETOPTIONS, tracee->pid, NULL, (void *)options) < 0)
		r = -errno;
	if (r < 0) {
		if (f)
			free(f->members);
		free(f);
		return r;
	}
	f->members[0].held = tracee->signal == 0;
	if (tracee->signal)
		resume(&f->members[0], PTRACE_CONT, tracee->signal);
	tracee->ended = true;
	*family = f;
	return 0;
}

int segmap_family_next(struct segmap_family *family, struct segmap_family_event *event)
{
	int status, r = 0;

	resume_held(family);
	while (r == 0 && family->count) {
		pid_t thread = wait_for_any(family, &status);

		r = thread < 0 ? -errno : understand(family, thread, status, event);
	}
	return r;
}

static void kill_all(const struct segmap_family *family)
{
	for (size_t i = 0; i < family->count; i++)
		kill(family->members[i].pid, SIGKILL);
}

/* Some may have made others just before: those are killed when they show. */
void segmap_family_destroy(struct segmap_family *family)
{
	struct segmap_family_event event;
	int r = 1;

	if (!family)
		return;
	while (r > 0) {
		kill_all(family);
		r = segmap_family_next(family, &event);
	}
	free(family->members);
	free(family);
}
