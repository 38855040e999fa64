/*
 * Looking at main, and at the symbol of --at.
 *
 * A stripped program has no symbol main. But libc's start is told where it is: the first
 * argument of __libc_start_main, in glibc and in musl, and libc's own symbols are not stripped.
 */
#include "cow.h"

#include <errno.h>
#include <string.h>

static bool is_programs(const struct cow *c, uint64_t addr)
{
	struct segmap_name name;

	segmap_names_find(c->processes[0]->names, addr, false, &name);
	return name.role == SEGMAP_ROLE_PROGRAM;
}

static bool find_in_program(const struct cow *c, const char *symbol, uint64_t *addr)
{
	return segmap_names_address(c->processes[0]->names, symbol, addr) &&
	       is_programs(c, *addr);
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

/* Runs to ADDR; if it does not get there, it has ended or is about to. */
static enum cow_missed run_to(struct cow *c, uint64_t addr)
{
	bool reached = false;

	int r = segmap_tracee_run_to(&c->subject.tracee, addr, &reached);
	if (r < 0)
		return r == -EOPNOTSUPP ? COW_NO_MEANS : COW_FAILED;
	return reached ? COW_SEEN : COW_NOT_PASSED;
}

static int look_at(struct cow *c, uint64_t addr, const char *name, const char *title,
		   enum cow_missed *missed)
{
	*missed = run_to(c, addr);
	return *missed == COW_SEEN ? cow_process_look(c, c->processes[0], name, title) : 0;
}

/* Runs to the program's own entry point: the interpreter has mapped its libraries then. */
static enum cow_missed load_libraries(struct cow *c)
{
	struct cow_process *p = c->processes[0];
	struct segmap_regions regions;
	bool reached = false;

	if (!c->subject.image)
		return COW_STRIPPED; /* a script: its interpreter is not known */
	int r = segmap_tracee_run_to_program(&c->subject.tracee, c->subject.image, &reached);
	if (r < 0)
		return r == -EOPNOTSUPP ? COW_NO_MEANS : COW_FAILED;
	if (!reached)
		return COW_NOT_PASSED;
	r = segmap_regions_read(&regions, p->pid, false);
	if (r == 0)
		r = segmap_names_update(p->names, &regions);
	segmap_regions_free(&regions);
	return r < 0 ? COW_FAILED : COW_SEEN;
}

static enum cow_missed ask_libc(struct cow *c, uint64_t *addr)
{
	enum cow_missed missed = load_libraries(c);
	uint64_t start;

	if (missed != COW_SEEN)
		return missed;
	if (!segmap_names_address(c->processes[0]->names, "__libc_start_main", &start))
		return COW_STRIPPED;
	missed = run_to(c, start);
	if (missed != COW_SEEN)
		return missed;
	if (segmap_tracee_argument(&c->subject.tracee, addr) < 0)
		return COW_FAILED;
	return is_programs(c, *addr) ? COW_SEEN : COW_STRIPPED;
}

int cow_look_at_main(struct cow *c, bool wanted)
{
	uint64_t addr, start;

	if (!wanted && is_too_far(c))
		c->main_missed = COW_SLOW;
	else if (find_in_program(c, "main", &addr))
		c->main_missed = COW_SEEN;
	else if (find_in_program(c, "_start", &start))
		c->main_missed = COW_NO_SYMBOL;
	else
		c->main_missed = ask_libc(c, &addr);
	if (c->main_missed != COW_SEEN)
		return 0;
	return look_at(c, addr, "main", wanted ? "AT MAIN" : NULL, &c->main_missed);
}

int cow_look_at_symbol(struct cow *c)
{
	const struct cow_process *p = c->processes[0];
	const char *symbol = c->options->at;
	uint64_t addr;

	if (!symbol)
		return 0;
	c->at_missed = c->main_missed;
	if (c->main_missed == COW_NOT_PASSED || strcmp(symbol, "main") == 0)
		return 0;
	bool found = segmap_names_address(p->names, symbol, &addr);
	if (!found && c->main_missed == COW_SLOW && load_libraries(c) == COW_SEEN)
		found = segmap_names_address(p->names, symbol, &addr);
	c->at_missed = COW_NO_SYMBOL;
	return found ? look_at(c, addr, "at", "AT SYMBOL", &c->at_missed) : 0;
}

const char *cow_missed_text(enum cow_missed missed)
{
	static const char *const texts[] = {
		[COW_SEEN] = NULL,
		[COW_NO_SYMBOL] = "there is no symbol of this name",
		[COW_STRIPPED] = "the program has no symbol table",
		[COW_SLOW] = "without breakpoint registers, the way there is too long",
		[COW_NOT_PASSED] = "it was not executed",
		[COW_FAILED] = "it could not be stopped there",
		[COW_NO_MEANS] = "this CPU can stop a program at no address",
	};

	return texts[missed];
}
