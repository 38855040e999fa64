/*
 * Where a template's children go on, and what libc keeps there about a start: variables that
 * were set from the arguments and the environment before main, and must be set again.
 */
#include "template.h"

#include <errno.h>
#include <segmap/image.h>
#include <segmap/names.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum agent_value value;
} variables[] = {
	{"environ", AGENT_ENVIRON},
	{"__environ", AGENT_ENVIRON},
	{"_environ", AGENT_ENVIRON},
	{"libc.so.6:environ", AGENT_ENVIRON},
	{"__libc_argv", AGENT_ARGV},
	{"_dl_argv", AGENT_ARGV},
	{"libc.so.6:__libc_argv", AGENT_ARGV},
	{"__libc_argc", AGENT_ARGC},
	{"_dl_argc", AGENT_ARGC},
	{"libc.so.6:__libc_argc", AGENT_ARGC},
	{"program_invocation_name", AGENT_NAME},
	{"__progname_full", AGENT_NAME},
	{"libc.so.6:program_invocation_name", AGENT_NAME},
	{"program_invocation_short_name", AGENT_SHORT_NAME},
	{"__progname", AGENT_SHORT_NAME},
	{"libc.so.6:program_invocation_short_name", AGENT_SHORT_NAME},
};

enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

_Static_assert((int)VARIABLES <= (int)AGENT_WORDS, "room for each variable");

/* What is mapped now, and its names. To be closed by close_names in any case. */
struct known {
	struct segmap_regions regions;
	struct segmap_names *names;
};

static void close_names(struct known *known)
{
	segmap_regions_free(&known->regions);
	segmap_names_free(known->names);
	*known = (struct known){0};
}

static int open_names(struct known *known, pid_t pid, const char *path)
{
	*known = (struct known){0};
	int r = segmap_names_open(&known->names, pid, path);

	if (r == 0)
		r = segmap_regions_read(&known->regions, pid, false);
	if (r == 0 && known->regions.error)
		r = -known->regions.error;
	if (r == 0)
		r = segmap_names_update(known->names, &known->regions);
	return r;
}

static bool is_writable(const struct known *known, uint64_t addr)
{
	const struct segmap_region *region = segmap_regions_find(&known->regions, addr);

	return region && region->perms[1] == 'w';
}

static void add_word(struct agent_args *args, uint64_t addr, enum agent_value value)
{
	for (uint64_t i = 0; i < args->word_count; i++)
		if (args->words[i].addr == addr)
			return;
	args->words[args->word_count++] = (struct agent_word){addr, value};
}

/* A variable that is read-only by now (_dl_argv of a shared libc) has done its work. */
static int find_variables(struct segmap_template *t, pid_t pid)
{
	struct known known;
	int r = open_names(&known, pid, t->path);

	for (size_t i = 0; r == 0 && i < VARIABLES; i++) {
		uint64_t addr;

		if (t->place == PLACE_OTHER && variables[i].value != AGENT_ENVIRON)
			continue;
		if (segmap_names_address(known.names, variables[i].name, &addr) &&
		    is_writable(&known, addr))
			add_word(&t->args, addr, variables[i].value);
	}
	close_names(&known);
	return r;
}

static int look_up(const struct segmap_template *t, pid_t pid, const char *symbol,
		   uint64_t *addr, bool *found)
{
	struct known known;
	int r = open_names(&known, pid, t->path);

	*found = r == 0 && segmap_names_address(known.names, symbol, addr);
	close_names(&known);
	return r;
}

/* What the interpreter has not mapped yet is there when it has done its work. */
static int find_symbol(const struct segmap_template *t, struct segmap_tracee *tracee,
		       const char *symbol, uint64_t *addr, bool *found)
{
	struct segmap_image *image;
	struct segmap_error ignored;
	bool reached = false;
	int r = look_up(t, tracee->pid, symbol, addr, found);

	if (r < 0 || *found ||
	    segmap_image_inspect(&image, t->path, SEGMAP_PROGRAM, &ignored) < 0)
		return r;
	r = segmap_tracee_run_to_program(tracee, image, &reached);
	segmap_image_free(image);
	if (r == 0 && reached)
		r = look_up(t, tracee->pid, symbol, addr, found);
	return r;
}

int template_reach(struct segmap_template *t, struct segmap_tracee *tracee,
		   const struct segmap_template_setup *setup, struct segmap_template_error *err)
{
	bool found = false, reached = false;
	uint64_t addr = 0;

	t->place = PLACE_ENTRY;
	if (!setup->symbol)
		return 0;
	t->place = strcmp(setup->symbol, "main") == 0 ? PLACE_MAIN : PLACE_OTHER;
	int r = find_symbol(t, tracee, setup->symbol, &addr, &found);
	if (r == 0 && !found)
		return template_fail(err, NO_SYMBOL, ENOENT);
	if (r == 0)
		r = segmap_tracee_run_to(tracee, addr, &reached);
	if (r == 0 && !reached) {
		segmap_tracee_finish(tracee);
		return template_fail(err, NOT_REACHED, ESRCH, .status = tracee->status);
	}
	if (r == 0)
		r = find_variables(t, tracee->pid);
	return r < 0 ? template_fail(err, SYSTEM, -r, .step = "running to the place") : 0;
}
