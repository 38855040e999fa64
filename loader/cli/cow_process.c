/* What is seen of one process, and what follows from it: its looks, its faults, its account. */
#include "cow.h"

#include <errno.h>
#include <segmap/permits.h>
#include <stdlib.h>
#include <string.h>

/* ---- looking ---- */

static void free_look(struct cow_look *l)
{
	segmap_regions_free(&l->regions);
	segmap_pages_free(&l->pages);
}

int cow_process_look(struct cow *c, struct cow_process *p, const char *name, const char *title)
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

struct cow_process *cow_process_add(struct cow *c, pid_t pid, pid_t parent)
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

struct cow_process *cow_process_find(const struct cow *c, pid_t pid)
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

int cow_pages_error(const struct cow_process *p)
{
	int error = 0;

	for (size_t i = 0; i < p->look_count; i++)
		if (p->looks[i].pages.error)
			error = p->looks[i].pages.error;
	return error;
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
		[COW_NO_MEANS] = SEGMAP_MAIN_UNKNOWN,
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
					a->copies[i].addr, &p->contents[i]);
	p->anonymous_error = -segmap_anonymous_read(p->pid, &p->anonymous);
	return p->anonymous_error == ENOMEM ? -ENOMEM : 0;
}

int cow_process_conclude(struct cow *c, struct cow_process *p)
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
