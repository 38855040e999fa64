/* What the files of the planner share while one object is planned. */
#ifndef LOADER_PLAN_JOB_H
#define LOADER_PLAN_JOB_H

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
	int guard;  /* PROT_* bits for executable segments, besides what their flags say */
	bool first; /* no PT_LOAD of the object has been planned yet */
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

/* Decides where the object goes, or notes who will say so. */
int plan_place(const struct job *job);

#endif
