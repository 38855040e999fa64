/*
 * The auxiliary vector: what the kernel tells a new program, as pairs of a type and a value.
 */
#ifndef SEGMAP_AUXV_H
#define SEGMAP_AUXV_H

#include <segmap/plan.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One pair, as it lies on the initial stack. */
struct segmap_auxv {
	uint64_t type; /* AT_*, AT_NULL ends the vector */
	uint64_t value;
};

/* Most pairs, AT_NULL included, that a vector here can have; the kernel's own bound for
 * /proc/PID/auxv is 28 on x86-64 (exec.md 2). */
#define SEGMAP_AUXV_MAX 64

/* What differs between the loader's own vector and the program's. */
struct segmap_auxv_facts {
	bool has_ids; /* uid, euid, gid, egid and secure are to be replaced too */
	uint64_t uid, euid, gid, egid, secure;
};

/*
 * Writes to OUT (of SEGMAP_AUXV_MAX pairs) the vector for PLAN: INHERITED, ended by AT_NULL,
 * with the entries that describe the program replaced. Entries that are not known here are
 * copied, AT_EXECFD is dropped: it belongs to whoever started the loader. Entries that hold
 * pointers into the stack, and AT_SYSINFO_EHDR, are left for segmap_stack_build and the
 * handover. Returns the number of pairs, AT_NULL not counted, or -E2BIG.
 */
int segmap_auxv_make(struct segmap_auxv *out, const struct segmap_auxv *inherited,
		     const struct segmap_plan *plan, const struct segmap_auxv_facts *facts);

/* The value of TYPE in AUXV, or FALLBACK if there is no such entry. */
uint64_t segmap_auxv_get(const struct segmap_auxv *auxv, uint64_t type, uint64_t fallback);

/* "AT_PHDR"; NULL for a type that is not known here. */
const char *segmap_auxv_name(uint64_t type);

/* Whether an entry of TYPE holds an address, and not a number. */
bool segmap_auxv_is_address(uint64_t type);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
