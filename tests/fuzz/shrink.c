/* SPDX-License-Identifier: MIT */
/* To the fewest edits: first halves, quarters... are left out, then one after the other, until
 * there is none left that can be missed. */
#include "fuzz.h"

#include <string.h>

static bool still(const struct fuzz_case *c, const bool *skip, struct place *place,
		  struct judgement *j)
{
	static struct file file[FILES];
	struct judgement now;

	case_build(c, skip, file);
	for (enum which which = PROGRAM; which < FILES; which++)
		if (c->base->name[which] && !place_put(place, which, &file[which]))
			return false;
	judge(place, &now);
	if (now.opinion != DISAGREE || strcmp(now.kind, j->kind) != 0)
		return false;
	*j = now;
	return true;
}

static void drop(struct fuzz_case *c, const bool *skip)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++)
		if (!skip[i])
			c->edits[kept++] = c->edits[i];
	c->count = kept;
}

/* Tries to do without each run of LENGTH edits. */
static bool drop_runs(struct fuzz_case *c, size_t length, struct place *place,
		      struct judgement *j)
{
	bool dropped = false;

	for (size_t from = 0; from < c->count;) {
		bool skip[EDITS_MAX] = {false};

		for (size_t i = from; i < from + length && i < c->count; i++)
			skip[i] = true;
		if (still(c, skip, place, j)) {
			drop(c, skip);
			dropped = true;
		} else {
			from += length;
		}
	}
	return dropped;
}

void shrink(struct fuzz_case *c, struct place *place, struct judgement *j)
{
	size_t length = c->count / 2;

	while (length > 1) {
		drop_runs(c, length, place, j);
		length /= 2;
	}
	while (drop_runs(c, 1, place, j))
		;
	still(c, NULL, place, j); /* so that the text is this case's */
}
