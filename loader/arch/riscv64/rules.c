/* riscv64. A CPU has 39, 48 or 57 bits of address, half of them the kernel's. With 48 or more
 * what mmap chooses is in the lower 47, as seen on Debian's 6.12 with 57; a CPU with 39 has
 * less than is said here. */
#include "cpu.h"

#include <elf.h>

static void limits(struct segmap_rules *rules)
{
	rules->task_size = (uint64_t)1 << 47;
	rules->wide_task_size = (uint64_t)1 << 56;
	rules->stack_top_max = rules->task_size;
	rules->et_dyn_base = rules->task_size / 3 * 2;
	rules->mmap_rnd_bits = 18;
	rules->stack_shift_range = rules->page_size;
}

const struct cpu cpu_riscv64 = {
	.machine = EM_RISCV,
	.class = ELFCLASS64, /* the 32-bit mode has the same e_machine */
	.compat = {EM_RISCV},
	.page_sizes = 4 << 10,
	.brk_rnd_range = 1 << 30,
	.keeps_implied_exec = true,
	.limits = limits,
};
