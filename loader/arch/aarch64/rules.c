/* aarch64. How many bits an address has is the kernel's configuration: 48 in Debian's 6.1 with
 * pages of 4 KiB. One for 52 is for CPUs that have fewer, too, and what mmap chooses keeps to
 * these: 48, but with pages of 16 KiB 47 (seen in Debian's 6.12). */
#include "cpu.h"

#include <elf.h>

static void limits(struct segmap_rules *rules)
{
	rules->task_size = (uint64_t)1 << (rules->page_size == 16 << 10 ? 47 : 48);
	rules->wide_task_size = (uint64_t)1 << 52;
	rules->stack_top_max = rules->task_size;
	rules->et_dyn_base = 2 * rules->task_size / 3;
	/* the least that there may be, which is what a kernel has unless told otherwise */
	rules->mmap_rnd_bits = rules->page_size == 64 << 10   ? 14
			       : rules->page_size == 16 << 10 ? 16
							      : 18;
	rules->stack_shift_range = rules->page_size;
}

/* elf.h, sys/mman.h and sys/auxv.h have these on aarch64 alone. */
enum {
	FEATURE_1_BTI = 1 << 0,     /* in GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	GUARDED = 0x10,             /* PROT_BTI: indirect branches go to landing pads */
	HAS_GUARDED_PAGES = 1 << 17 /* HWCAP2_BTI */
};

const struct cpu cpu_aarch64 = {
	.machine = EM_AARCH64,
	.platform = "aarch64",
	.compat = {EM_ARM},
	.page_sizes = (4 << 10) + (16 << 10) + (64 << 10),
	.brk_rnd_range = 1 << 30,
	.property_type = 0xc0000000, /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.property_bit = FEATURE_1_BTI,
	.property_prot = GUARDED,
	.property_hwcap2 = HAS_GUARDED_PAGES,
	.limits = limits,
};
