/*
 * The numbers of a CPU, and what has changed from one kernel to the next: each difference that
 * a load can meet has one name, set here and read where the rule is applied (exec.md 1.6).
 */
#include <segmap/plan.h>

#include "arch.h"
#include "cpu.h"
#include "cpu_table.h" /* meson makes it: CPU_TABLE(ENTRY) is ENTRY(NAME) for each folder */

#include <errno.h>
#include <stdlib.h>

/* A kernel's version as one number that can be compared. */
#define VERSION(major, minor) ((major) << 16 | (minor))

#define DECLARE(name) extern const struct cpu cpu_##name;
#define ADDRESS(name) &cpu_##name,

CPU_TABLE(DECLARE)

static const struct cpu *const cpus[] = {CPU_TABLE(ADDRESS) NULL};

enum { PHDR_TABLE_MAX = 64 << 10 }; /* bytes: 1170 headers */

const struct cpu *cpu_find(uint16_t machine)
{
	const struct cpu *const *cpu = cpus;

	while (*cpu && (*cpu)->machine != machine)
		cpu++;
	return *cpu;
}

static void apply_version(struct segmap_rules *rules, unsigned version)
{
	const struct cpu *cpu = cpu_find(rules->machine);
	/* a page was the bound as well, 73 headers of 4 KiB; seen changed in 6.18, and not yet
	 * in 6.12 */
	bool one_page = version < VERSION(6, 18) && rules->page_size < PHDR_TABLE_MAX;

	rules->phdr_table_max = one_page ? rules->page_size : PHDR_TABLE_MAX;
	/* seen in 6.12 and not in 6.1; that 6.7 is the first has not been tried on a kernel */
	rules->tail_fault_kills = version >= VERSION(6, 7);
	rules->interp_bss_joined = version < VERSION(6, 7);
	/* since 6.14, and in stable releases of older ones: seen in Debian's 6.1.176 and
	 * 6.12.95, and not in 5.10.223 */
	rules->named_by_file = version >= VERSION(6, 1);
	/* seen in 6.12 and not in 6.18; what lies between has not been tried */
	rules->differing_ids_gain = version < VERSION(6, 18);
	/* seen in 5.10 and not in Debian's 6.1; what lies between has not been tried */
	rules->program_bss_joined = version < VERSION(6, 1);
	rules->span_by_order = version < VERSION(6, 1);
	rules->static_pie_aligned = version >= VERSION(6, 1);
	rules->heap_always_moved = version >= VERSION(6, 1);
	/* by its documentation; no older kernel has been tried on a CPU that has such headers
	 */
	bool reads = cpu && version >= VERSION(5, 8);
	rules->property_type = reads ? cpu->property_type : 0;
	/* above it in 6.1, not in 6.12; what lies between has not been tried */
	rules->vdso_above_stack = cpu && cpu->vdso_above_stack && version < VERSION(6, 12);
}

uint64_t segmap_rules_page_sizes(uint16_t machine)
{
	const struct cpu *cpu = cpu_find(machine);

	return cpu ? cpu->page_sizes : 0;
}

int segmap_rules_for(struct segmap_rules *rules, uint16_t machine, uint64_t page_size)
{
	const struct cpu *cpu = cpu_find(machine);

	if (!cpu)
		return -ENOEXEC;
	*rules = (struct segmap_rules){
		.machine = machine,
		.platform = cpu->platform,
		.page_size = page_size,
		.brk_rnd_range = cpu->brk_rnd_range,
		.property_bit = cpu->property_bit,
		.property_prot = cpu->property_prot,
	};
	cpu->limits(rules);
	apply_version(rules, VERSION(6, 18));
	return 0;
}

void segmap_rules_native(struct segmap_rules *rules, uint64_t page_size)
{
	segmap_rules_for(rules, ARCH_MACHINE, page_size);
}

void segmap_rules_set_hwcap2(struct segmap_rules *rules, uint64_t hwcap2)
{
	const struct cpu *cpu = cpu_find(rules->machine);

	if (cpu && !(hwcap2 & cpu->property_hwcap2))
		rules->property_prot = 0;
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
