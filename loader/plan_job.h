/* What the files of the planner share while one object is planned. */
#ifndef LOADER_PLAN_JOB_H
#define LOADER_PLAN_JOB_H

#include "checked.h"

#include <elf.h>
#include <segmap/plan.h>
#include <sys/mman.h>

struct job {
	struct segmap_plan *plan;
	const struct segmap_image *image;
	const struct segmap_policy *policy;
	struct segmap_object *object;
	enum segmap_object_id id;
	struct segmap_error *err;
	uint64_t page;
	int guard;   /* PROT_* bits for executable segments, besides what their flags say */
	bool joined; /* the object has one bss (plan_joined.c) */
	bool first;  /* no PT_LOAD of the object has been planned yet */
};

/* The object's one bss, from the PT_LOADs so far. Addresses are with the bias. */
struct joined {
	bool any;
	uint64_t file_end, end; /* of the highest file byte and of the highest byte of memory */
	int index;              /* of the header that ends there, */
	uint32_t flags;         /* and its p_flags */
	uint64_t made_from, made_to; /* what has been mapped of it */
};

/* PROT_* for PF_*: exactly the bits the header has, no more. */
static inline int plan_protection(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

/* Whether IMAGE's PT_GNU_PROPERTY asks for what RULES have for such a one: *ASKS, untouched if
 * there is none. Errors: -ENOEXEC and -EIO, as the kernel has them, for a malformed one. */
int plan_property(const struct segmap_image *image, const struct segmap_rules *rules,
		  bool *asks, struct segmap_error *err);

/* Is something of the file mapped for P? Where bss is joined the kernel also maps the page in
 * which an empty segment begins, unless it begins with the page. */
static inline bool plan_has_file_part(const struct job *job, const struct segmap_phdr *p)
{
	return p->filesz || (job->joined && page_offset(p->vaddr, job->page));
}

/* Adds the whole pages of P's bss to the plan, or refuses. */
int plan_bss(const struct job *job, int index, const struct segmap_phdr *p);

/* What is done of a joined bss before a PT_LOAD, what one adds to it, and what is done at last.
 */
int plan_joined_before(const struct job *job, struct joined *joined);
void plan_joined_note(const struct job *job, struct joined *joined, int index,
		      const struct segmap_phdr *p);
int plan_joined_end(const struct job *job, struct joined *joined);

/* Decides where the object goes, or notes who will say so. */
int plan_place(const struct job *job);

#endif
