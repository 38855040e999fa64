/*
 * The numbers of a CPU, and what has changed from one kernel to the next: each difference that
 * a load can meet has one name, set here and read where the rule is applied (exec.md 1.6).
 */
#include <segmap/plan.h>

#include "arch.h"

#include <errno.h>
#include <stdlib.h>

/* A kernel's version as one number that can be compared. */
#define VERSION(major, minor) ((major) << 16 | (minor))

enum {
	PHDR_TABLE_LARGE = 65536, /* bytes: 1170 headers */
	PHDR_TABLE_PAGE = 4096,   /* bytes: 73 headers */
};

static void apply_version(struct segmap_rules *rules, unsigned version)
{
	/* ELF_MIN_ALIGN was the bound; seen changed in 6.18, and not yet in 6.12 */
	rules->phdr_table_max = version >= VERSION(6, 18) ? PHDR_TABLE_LARGE : PHDR_TABLE_PAGE;
	/* seen in 6.12 and not in 6.1; that 6.7 is the first has not been tried on a kernel */
	rules->tail_fault_kills = version >= VERSION(6, 7);
	rules->interp_bss_joined = version < VERSION(6, 7);
	/* above it in 6.1, not in 6.12; what lies between has not been tried */
	rules->vdso_above_stack = version < VERSION(6, 12);
}

void segmap_rules_native(struct segmap_rules *rules, uint64_t page_size)
{
	*rules = (struct segmap_rules){
		.machine = ARCH_MACHINE,
		.platform = ARCH_PLATFORM,
		.page_size = page_size,
		.task_size = ARCH_TASK_SIZE(page_size),
		.stack_top_max = ARCH_STACK_TOP_MAX(page_size),
		.et_dyn_base = ARCH_ET_DYN_BASE(page_size),
		.mmap_rnd_bits = ARCH_MMAP_RND_BITS,
		.brk_rnd_range = ARCH_BRK_RND_RANGE,
	};
	apply_version(rules, VERSION(6, 18));
}

int segmap_rules_set_kernel(struct segmap_rules *rules, const char *release)
{
	char *rest;
	unsigned long major = strtoul(release, &rest, 10);

	if (rest == release || *rest != '.')
		return -EINVAL;
	const char *second = rest + 1;
	unsigned long minor = strtoul(second, &rest, 10);
	if (rest == second || major > 0xffff || minor > 0xffff)
		return -EINVAL;
	apply_version(rules, (unsigned)VERSION(major, minor));
	return 0;
}
