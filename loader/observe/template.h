/* The parts of a template, as its maker has them. */
#ifndef OBSERVE_TEMPLATE_H
#define OBSERVE_TEMPLATE_H

#include "template/agent.h"

#include <segmap/process.h>
#include <segmap/template.h>
#include <segmap/tracee.h>

/* Where children go on, which decides what can be set for them. */
enum template_place { PLACE_ENTRY, PLACE_MAIN, PLACE_OTHER };

struct segmap_template {
	pid_t pid;
	int pidfd, socket;
	bool ended; /* and has been waited for, with STATUS */
	int status; /* as wait(2) gives it, or -1 */
	enum template_place place;
	bool aslr;
	char *path;               /* owned */
	struct segmap_bytes auxv; /* at the first instruction */
	struct agent_args args;   /* as the agent has them */
};

/* template_fail(err, PROBLEM, errno, .step = "fork") is -errno, after ERR is filled. */
int template_error_set(struct segmap_template_error *err,
		       const struct segmap_template_error *failure);
/* clang-format off */
#define template_fail(err, problem_, errnum_, ...)                                     \
	(template_error_set(err, &(const struct segmap_template_error){              \
		.problem = SEGMAP_TEMPLATE_##problem_, .errnum = (errnum_), __VA_ARGS__}))
/* clang-format on */

/* template_place.c: runs the tracee to the place of SETUP, and finds the variables of libc that
 * are to be set there. */
int template_reach(struct segmap_template *t, struct segmap_tracee *tracee,
		   const struct segmap_template_setup *setup,
		   struct segmap_template_error *err);

/* template_install.c: puts the agent into the stopped tracee, and lets go of it. */
int template_install(struct segmap_template *t, struct segmap_tracee *tracee,
		     struct segmap_template_error *err);

#endif
