/* Running a copy to a symbol of its program or of a library. */
#include "guard.h"
#include "share.h"

#include <segmap/names.h>
#include <string.h>

/* Where SYMBOL is in what TRACEE has mapped by now; *FOUND is false if it is not there. */
static int look_up(const struct share_reach *reach, const struct segmap_tracee *tracee,
		   uint64_t *addr, bool *found)
{
	struct segmap_regions regions = {0};
	struct segmap_names *names = NULL;
	int r = segmap_names_open(&names, tracee->pid, reach->subject->program);

	if (r == 0)
		r = segmap_regions_read(&regions, tracee->pid, false);
	if (r == 0 && regions.error)
		r = -regions.error;
	if (r == 0)
		r = segmap_names_update(names, &regions);
	*found = r == 0 && segmap_names_address(names, reach->symbol, addr);
	segmap_regions_free(&regions);
	segmap_names_free(names);
	return r;
}

/* What the interpreter has not mapped yet is there when it has done its work. */
static int find(struct share_reach *reach, struct segmap_tracee *tracee, bool *found)
{
	bool reached = true;
	int r = look_up(reach, tracee, &reach->addr, found);

	if (r < 0 || *found || !reach->subject->image)
		return r;
	r = segmap_tracee_run_to_program(tracee, reach->subject->image, &reached);
	if (r == 0 && reached)
		r = look_up(reach, tracee, &reach->addr, found);
	return r;
}

bool share_reach(struct share_reach *reach, struct segmap_tracee *tracee)
{
	bool found = reach->known, reached = false;
	int r = found ? 0 : find(reach, tracee, &found);

	/* With randomisation it is elsewhere in each. */
	reach->known = found && !reach->subject->options->aslr;
	if (r == 0 && found)
		r = segmap_tracee_run_to(tracee, reach->addr, &reached);
	if (r == 0 && reached)
		return true;
	if (guard_is_over())
		return false;
	if (r < 0)
		complain("share: %s: %s", reach->subject->program, strerror(-r));
	else if (!found)
		complain("share: --at=%s: %s has no such symbol", reach->symbol,
			 reach->subject->program);
	else
		complain("share: --at=%s: %s has ended without executing it", reach->symbol,
			 reach->subject->program);
	return false;
}
