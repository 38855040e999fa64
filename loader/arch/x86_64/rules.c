/* x86-64. User space has 47 bits, or 56 with page tables of five levels, less a page that keeps
 * `syscall` from returning to an address that is not canonical. */
#include "cpu.h"

#include <elf.h>

static void limits(struct segmap_rules *rules)
{
	rules->task_size = ((uint64_t)1 << 47) - rules->page_size;
	rules->wide_task_size = ((uint64_t)1 << 56) - rules->page_size;
	rules->stack_top_max = rules->task_size;
	rules->et_dyn_base = rules->task_size / 3 * 2;
	rules->mmap_rnd_bits = 28;
	rules->stack_shift_range = 8 << 10;
}

const struct cpu cpu_x86_64 = {
	.machine = EM_X86_64,
	.platform = "x86_64",
	.compat = {EM_386, 6}, /* EM_486, which elf.h has given another name */
	.page_sizes = 4 << 10,
	.brk_rnd_range = 1 << 30,
	.vdso_above_stack = true,
	.limits = limits,
};
