/* The planner's first question: where an object goes (exec.md 1.3). Pure, like all of it. */
#include "checked.h"
#include "fail.h"
#include "plan_job.h"

#include <errno.h>

static const struct segmap_phdr *first_load(const struct segmap_image *image)
{
	for (size_t i = 0; i < image->phdr_count; i++)
		if (image->phdrs[i].type == PT_LOAD)
			return &image->phdrs[i];
	return NULL;
}

/* total_mapping_size(): 0 without a PT_LOAD. Once it was from the beginning of the first in the
 * table to the end of the last, whichever these are. [B03, F06, F07] */
static uint64_t total_span(const struct job *job)
{
	const struct segmap_image *image = job->image;
	bool by_order = job->policy->rules.span_by_order;
	uint64_t low = UINT64_MAX, high = 0;
	bool any = false;

	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];
		uint64_t start = page_down(p->vaddr, job->page), end = p->vaddr + p->memsz;

		if (p->type != PT_LOAD)
			continue;
		low = by_order && any ? low : min_u64(low, start);
		high = by_order ? end : max_u64(high, end);
		any = true;
	}
	return any ? high - low : 0;
}

/* maximum_alignment(): the largest p_align that is a power of two. [F03, F04] */
static uint64_t largest_alignment(const struct segmap_image *image, uint64_t page)
{
	uint64_t align = 0;

	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];

		if (p->type == PT_LOAD && is_power_of_two(p->align))
			align = max_u64(align, p->align);
	}
	return page_up(align, page);
}

/* mmap will choose: remember what it is to be asked. [F01, F03, C22] */
static void place_by_search(const struct job *job, const struct segmap_phdr *p, uint64_t hint)
{
	struct segmap_object *o = job->object;
	uint64_t skew = page_offset(p->vaddr, job->page);

	o->base = page_down(p->vaddr, job->page);
	if (!plan_has_file_part(
		    job,
		    p)) { /* nothing is mapped of the file: the hint is the address [F08] */
		o->bias = job->id == SEGMAP_PROGRAM ? page_down(-p->vaddr, job->page)
						    : page_down(hint, job->page) - o->base;
		return;
	}
	o->place = SEGMAP_PLACE_SEARCH;
	o->hint = page_down(hint, job->page);
	o->offset = p->offset - skew;
	o->prot = plan_protection(p->flags);
}

/*
 * To learn an aligned address the kernel maps the first segment's file bytes and unmaps the
 * span again, from where it got them. Without such bytes that is address 0, and all up to the
 * span goes: also the lower part of the stack, if it reaches so far.
 */
static int check_emptied(const struct job *job, const struct segmap_phdr *p)
{
	const struct segmap_object *o = job->object;
	const struct segmap_policy *policy = job->policy;
	uint64_t end = page_up(o->span, job->page);

	if (!o->align || plan_has_file_part(job, p) || !policy->stack_end ||
	    end <= policy->stack_start)
		return 0;
	return fail(job->err, STACK_CUT, UNSUPPORTED, EEXIST, .object = job->id,
		    .index = (int)(p - job->image->phdrs),
		    .value = {0, end, policy->stack_start, policy->stack_end});
}

static int place_dyn_program(const struct job *job, const struct segmap_phdr *p)
{
	const struct segmap_policy *policy = job->policy;
	struct segmap_object *o = job->object;
	uint64_t align = largest_alignment(job->image, job->page);
	uint64_t base = policy->rules.et_dyn_base;
	uint64_t mask = ((uint64_t)1 << policy->rules.mmap_rnd_bits) - 1;

	if (!job->image->interp) {
		o->align = align > job->page && policy->rules.static_pie_aligned ? align : 0;
		place_by_search(job, p, 0);
		if (o->align) /* the bias is rounded down once more, after the alignment */
			o->base = page_up(p->vaddr, job->page);
		return check_emptied(job, p);
	}
	if (policy->randomize)
		base += (policy->random[0] & mask) * job->page;
	if (align)
		base &= ~(align - 1);
	o->base = page_down(p->vaddr, job->page);
	o->bias = page_down(base - p->vaddr, job->page);
	o->noreplace = true;
	return 0;
}

int plan_place(const struct job *job)
{
	struct segmap_object *o = job->object;
	const struct segmap_phdr *p = first_load(job->image);
	bool program = job->id == SEGMAP_PROGRAM;
	bool fixed = job->image->ehdr.type == ET_EXEC;

	if (!program && !fixed && job->image->ehdr.type != ET_DYN)
		return fail(job->err, INTERP_TYPE, KILLS, ELIBBAD, .object = job->id,
			    .value = {job->image->ehdr.type});
	if (!program || !fixed)
		o->span = total_span(job);
	if (o->span == 0 && (!program || (!fixed && p)))
		return fail(job->err, NO_SPAN, KILLS, EINVAL, .object = job->id);
	if (!p)
		return 0;
	/* A span that wraps, in whole pages, is a length of 0 for mmap, which is asked for it
	 * only where there are file bytes. */
	if (o->span && page_up(o->span, job->page) == 0 && plan_has_file_part(job, p))
		return fail(job->err, NO_SPAN, KILLS, EINVAL, .object = job->id);
	if (fixed)
		o->noreplace = program;
	else if (program)
		return place_dyn_program(job, p);
	else /* with a program at bias 0, the link-time address is a hint [C22] */
		place_by_search(job, p,
				job->plan->objects[0].place == SEGMAP_PLACE_FIXED &&
						job->plan->objects[0].bias == 0
					? p->vaddr
					: 0);
	return 0;
}
