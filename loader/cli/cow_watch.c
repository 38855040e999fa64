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
#include <segmap/permits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- looking ---- */

static void free_look(struct cow_look *l)
{
	segmap_regions_free(&l->regions);
	segmap_pages_free(&l->pages);
}

/* Adds a look at the stopped process P. */
static int look(struct cow *c, struct cow_process *p, const char *name, const char *title)
{
	struct cow_look *l = &p->looks[p->look_count];
	int r = segmap_regions_read(&l->regions, p->pid, false);

	if (r == 0 && l->regions.error)
		r = -l->regions.error;
	if (r == 0)
		r = segmap_pages_read(&l->pages, p->pid, &l->regions);
	if (r == 0)
		r = segmap_files_look(c->files, &l->regions);
	if (r == 0)
		r = segmap_names_update(p->names, &l->regions);
	if (r < 0) {
		free_look(l);
		return r;
	}
	l->name = name;
	l->title = title;
	p->look_count++;
	return 0;
}

static struct cow_process *add_process(struct cow *c, pid_t pid, pid_t parent)
{
	struct cow_process **more =
		reallocarray(c->processes, c->process_count + 1, sizeof(struct cow_process *));
	struct cow_process *p = calloc(1, sizeof(*p));

	if (more)
		c->processes = more;
	if (!more || !p || segmap_names_open(&p->names, pid, c->subject.program) < 0) {
		free(p);
		return NULL;
	}
	p->pid = pid;
	p->parent = parent;
	p->end = COW_KILLED; /* unless it is seen to end otherwise */
	c->processes[c->process_count++] = p;
	return p;
}

static struct cow_process *find_process(const struct cow *c, pid_t pid)
{
	for (size_t i = c->process_count; i > 0; i--)
		if (c->processes[i - 1]->pid == pid)
			return c->processes[i - 1];
	return NULL;
}

static void free_process(struct cow_process *p)
{
	segmap_account_free(&p->account);
	segmap_names_free(p->names);
	segmap_faults_free(&p->faults);
	free(p->contents);
	for (size_t i = 0; i < p->look_count; i++)
		free_look(&p->looks[i]);
	free(p);
}

void cow_free(struct cow *c)
{
	for (size_t i = 0; i < c->process_count; i++)
		free_process(c->processes[i]);
	free(c->processes);
	segmap_files_free(c->files);
}

/* ---- going on ---- */

static bool is_programs(const struct cow *c, const char *symbol, uint64_t *addr)
{
	struct segmap_name name;

	if (!segmap_names_address(c->processes[0]->names, symbol, addr))
		return false;
	segmap_names_find(c->processes[0]->names, *addr, false, &name);
	return name.role == SEGMAP_ROLE_PROGRAM;
}

/* The code before main is the interpreter's, mostly: too much to be single-stepped. */
static bool is_too_far(const struct cow *c)
{
	const struct segmap_regions *regions = &c->processes[0]->looks[0].regions;
	struct segmap_name name;

	if (!segmap_tracee_must_step())
		return false;
	for (size_t i = 0; i < regions->count; i++) {
		segmap_names_find(c->processes[0]->names, regions->items[i].start, false,
				  &name);
		if (name.role == SEGMAP_ROLE_INTERPRETER)
			return true;
	}
	return false;
}

/* Runs to ADDR and looks there. */
static int look_at(struct cow *c, uint64_t addr, const char *name, const char *title,
		   enum cow_missed *missed)
{
	bool reached = false;
	int r = segmap_tracee_run_to(&c->subject.tracee, addr, &reached);

	*missed = r < 0 ? COW_FAILED : reached ? COW_SEEN : COW_NOT_PASSED;
	return reached ? look(c, c->processes[0], name, title) : 0;
}

static int look_at_main(struct cow *c, bool wanted)
{
	uint64_t addr;

	if (!is_programs(c, "main", &addr))
		c->main_missed = is_programs(c, "_start", &addr) ? COW_NO_SYMBOL : COW_STRIPPED;
	else if (!wanted && is_too_far(c))
		c->main_missed = COW_SLOW;
	else
		return look_at(c, addr, "main", wanted ? "AT MAIN" : NULL, &c->main_missed);
	return 0;
}

/* After main, where there is one: what the interpreter has loaded is known then. */
static int look_at_symbol(struct cow *c)
{
	const char *symbol = c->options->at;
	uint64_t addr;

	if (!symbol || c->subject.tracee.ended)
		return 0;
	if (strcmp(symbol, "main") == 0) {
		c->at_missed = c->main_missed;
		return 0;
	}
	c->at_missed = COW_NO_SYMBOL;
	if (!segmap_names_address(c->processes[0]->names, symbol, &addr))
		return 0;
	return look_at(c, addr, "at", "AT SYMBOL", &c->at_missed);
}

/* ---- another program ---- */

static bool is_mapped(const struct segmap_regions *regions, const struct segmap_region *file)
{
	for (size_t i = 0; i < regions->count; i++)
		if (regions->items[i].inode == file->inode &&
		    regions->items[i].major == file->major &&
		    regions->items[i].minor == file->minor)
			return true;
	return false;
}

/* Whether it has become another program: by its faults, or by what is mapped. */
static bool has_executed(const struct cow_process *p)
{
	const struct segmap_regions *first = &p->looks[0].regions;

	for (size_t i = 0; !p->faults_error && i < p->faults.happening_count; i++)
		if (p->faults.happenings[i].kind == SEGMAP_HAPPENED_EXEC &&
		    p->faults.happenings[i].pid == p->pid)
			return true;
	for (size_t i = 0; i < first->count; i++)
		if (segmap_region_kind(&first->items[i]) == SEGMAP_KIND_FILE_PRIVATE)
			return !is_mapped(&p->looks[p->look_count - 1].regions,
					  &first->items[i]);
	return false;
}

/* The look at the end was at another program's pages: nothing can be said of them. */
static void forget_other_program(struct cow_process *p)
{
	if (p->end != COW_ENDED || !has_executed(p))
		return;
	p->end = COW_EXECUTED;
	free_look(&p->looks[--p->look_count]);
}

/* ---- faults ---- */

static int read_faults(struct cow *c, struct cow_process *p)
{
	const struct cow_look *first = &p->looks[0], *last = &p->looks[p->look_count - 1];
	const struct segmap_fault_context context = {
		.pid = p->pid,
		.entry = &first->regions,
		.entry_pages = &first->pages,
		.exit = p->end == COW_ENDED ? &last->regions : NULL,
		.exit_pages = p->end == COW_ENDED ? &last->pages : NULL,
		.page_size = first->pages.page_size,
		.zero_page = segmap_zero_page_is_used(),
	};
	int r = c->watch ? segmap_watch_read(c->watch, &p->faults) : -c->watch_error;

	p->faults_error = -r;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = segmap_faults_find_access(&p->faults, &context);
	return r < 0 ? r : segmap_faults_classify(&p->faults, &context);
}

/* ---- the account ---- */

static void find_interpreter(const struct cow_process *p, struct segmap_evidence *e)
{
	const struct segmap_regions *regions = &p->looks[0].regions;
	struct segmap_name name;

	for (size_t i = 0; i < regions->count; i++) {
		segmap_names_find(p->names, regions->items[i].start, false, &name);
		if (name.role != SEGMAP_ROLE_INTERPRETER)
			continue;
		if (!e->interp_end)
			e->interp_start = regions->items[i].start;
		e->interp_end = regions->items[i].end;
	}
}

static int draw_account(const struct cow *c, struct cow_process *p)
{
	static const enum segmap_main mains[] = {
		[COW_SEEN] = SEGMAP_MAIN_SEEN,
		[COW_NO_SYMBOL] = SEGMAP_MAIN_NONE,
		[COW_FAILED] = SEGMAP_MAIN_UNKNOWN,
	};
	struct segmap_evidence evidence = {
		.pid = p->pid,
		.look_count = p->look_count,
		.forked = p->parent != 0,
		.main = mains[c->main_missed],
		/* What was copied after the last look is not to be seen. */
		.faults = p->faults_error || p->end != COW_ENDED ? NULL : &p->faults,
		.faults_error = p->faults_error,
	};

	for (size_t i = 0; i < p->look_count; i++)
		evidence.looks[i] = (struct segmap_look){
			.regions = &p->looks[i].regions,
			.pages = &p->looks[i].pages,
			.at_main = strcmp(p->looks[i].name, "main") == 0,
		};
	find_interpreter(p, &evidence);
	return segmap_account(&p->account, &evidence);
}

/* What can only be read while the process is still there. */
static int read_contents(struct cow *c, struct cow_process *p)
{
	const struct segmap_account *a = &p->account;

	p->contents = calloc(a->copy_count + 1, sizeof(*p->contents));
	if (!p->contents)
		return -ENOMEM;
	for (size_t i = 0; i < a->copy_count; i++)
		p->contents[i] = (struct segmap_contents){
			.error = ESRCH, .file = SEGMAP_FILE_UNKNOWN, .file_error = ESRCH};
	p->anonymous_error = ESRCH;
	if (p->end != COW_ENDED)
		return 0;
	for (size_t i = 0; i < a->copy_count; i++)
		segmap_contents_compare(c->files, p->pid, a->copies[i].region,
					a->copies[i].addr, p->looks[0].pages.page_size,
					&p->contents[i]);
	p->anonymous_error = -segmap_anonymous_read(p->pid, &p->anonymous);
	return p->anonymous_error == ENOMEM ? -ENOMEM : 0;
}

/* Once, when it ends or has become another program; or when it is known to be gone. */
static int conclude(struct cow *c, struct cow_process *p)
{
	int r = read_faults(c, p);

	if (r == 0)
		forget_other_program(p);
	if (r == 0)
		r = draw_account(c, p);
	if (r == 0)
		r = read_contents(c, p);
	p->concluded = r == 0;
	return r;
}

/* ---- running ---- */

/* A child that has borrowed its parent's memory, by vfork, has none of its own to look at. */
static int on_born(struct cow *c, const struct segmap_family_event *event)
{
	guard_started(NULL, event->pid);
	if (event->borrowed)
		return 0;
	struct cow_process *p = add_process(c, event->pid, event->parent);

	return p ? look(c, p, "fork", "AT FORK") : -ENOMEM;
}

static int on_executed(struct cow *c, pid_t pid)
{
	struct cow_process *p = find_process(c, pid);

	if (!p || p->concluded)
		return 0;
	p->end = COW_EXECUTED;
	return conclude(c, p);
}

static int on_ending(struct cow *c, pid_t pid)
{
	struct cow_process *p = find_process(c, pid);

	if (!p || p->concluded)
		return 0;
	int r = look(c, p, "exit", "AT EXIT");

	if (r < 0)
		return r;
	p->end = COW_ENDED;
	return conclude(c, p);
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
	int r = look_at_main(c, main_wanted);

	if (r == 0)
		r = look_at_symbol(c);
	if (r == 0)
		r = run_to_end(c);
	for (size_t i = 0; r == 0 && i < c->process_count; i++)
		if (!c->processes[i]->concluded)
			r = conclude(c, c->processes[i]);
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

	if (r == 0 && !add_process(c, c->subject.tracee.pid, 0))
		r = -ENOMEM;
	if (r == 0)
		r = look(c, c->processes[0], "entry", "AT ENTRY");
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

const char *cow_missed_text(enum cow_missed missed)
{
	static const char *const texts[] = {
		[COW_SEEN] = NULL,
		[COW_NO_SYMBOL] = "there is no symbol of this name",
		[COW_STRIPPED] = "the program has no symbol table",
		[COW_SLOW] = "this machine has no working breakpoint registers, and "
			     "single-stepping the interpreter takes long",
		[COW_NOT_PASSED] = "it was not executed",
		[COW_FAILED] = "it could not be stopped there",
	};

	return texts[missed];
}
