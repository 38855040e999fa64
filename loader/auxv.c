#include <segmap/auxv.h>

#include <elf.h>
#include <errno.h>

uint64_t segmap_auxv_get(const struct segmap_auxv *auxv, uint64_t type, uint64_t fallback)
{
	for (; auxv->type != AT_NULL; auxv++)
		if (auxv->type == type)
			return auxv->value;
	return fallback;
}

static uint64_t replace_id(const struct segmap_auxv *pair,
			   const struct segmap_auxv_facts *facts)
{
	switch (pair->type) {
	case AT_UID:
		return facts->uid;
	case AT_EUID:
		return facts->euid;
	case AT_GID:
		return facts->gid;
	case AT_EGID:
		return facts->egid;
	case AT_SECURE:
		return facts->secure;
	default:
		return pair->value;
	}
}

/* Entries about the program; the order of the cases is that of the vector (exec.md 2). */
static uint64_t replace(const struct segmap_auxv *pair, const struct segmap_plan *plan,
			const struct segmap_auxv_facts *facts)
{
	switch (pair->type) {
	case AT_PHDR:
		return plan->phdr_addr;
	case AT_PHNUM:
		return plan->phdr_count;
	case AT_BASE:
		return plan->object_count > 1 ? plan->objects[SEGMAP_INTERPRETER].bias : 0;
	case AT_FLAGS:
		return 0;
	case AT_ENTRY:
		return plan->objects[SEGMAP_PROGRAM].entry;
	default:
		return facts->has_ids ? replace_id(pair, facts) : pair->value;
	}
}

int segmap_auxv_make(struct segmap_auxv *out, const struct segmap_auxv *inherited,
		     const struct segmap_plan *plan, const struct segmap_auxv_facts *facts)
{
	int n = 0;

	for (const struct segmap_auxv *p = inherited; p->type != AT_NULL; p++) {
		if (p->type == AT_EXECFD)
			continue;
		if (n == SEGMAP_AUXV_MAX - 1)
			return -E2BIG;
		out[n++] = (struct segmap_auxv){p->type, replace(p, plan, facts)};
	}
	out[n] = (struct segmap_auxv){AT_NULL, 0};
	return n;
}
