/* The numbers of each CPU, whatever this one is (exec.md 1.2, 1.3, 6). */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <segmap/plan.h>
#include <string.h>

enum { K = 1024, G = 1 << 30 };

/* clang-format off */
static const struct {
	const char *name;
	uint16_t machine;
	uint64_t page, task_size, wide_task_size, et_dyn_base;
	unsigned mmap_rnd_bits;
	uint64_t shift_range, brk_rnd_range, phdr_table_6_1;
	const char *platform;
} cases[] = {
	{"x86-64", EM_X86_64, 4 * K, 0x7ffffffff000, 0xfffffffffff000, 0x555555554aaa, 28, 8 * K, G, 4 * K, "x86_64"},
	{"aarch64", EM_AARCH64, 4 * K, 0x1000000000000, 0x10000000000000, 0xaaaaaaaaaaaa, 18, 4 * K, G, 4 * K, "aarch64"},
	{"aarch64, 16 KiB", EM_AARCH64, 16 * K, 0x800000000000, 0x10000000000000, 0x555555555555, 16, 16 * K, G, 16 * K, "aarch64"},
	{"aarch64, 64 KiB", EM_AARCH64, 64 * K, 0x1000000000000, 0x10000000000000, 0xaaaaaaaaaaaa, 14, 64 * K, G, 64 * K, "aarch64"},
	{"riscv64", EM_RISCV, 4 * K, 0x800000000000, 0x100000000000000, 0x555555555554, 18, 4 * K, G, 4 * K, NULL},
};
/* clang-format on */

Test(cpus, numbers)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *name = cases[i].name;
		struct segmap_rules r;

		cr_assert_eq(segmap_rules_for(&r, cases[i].machine, cases[i].page), 0, "%s",
			     name);
		cr_expect(segmap_rules_page_sizes(r.machine) & cases[i].page, "%s: page", name);
		cr_expect_eq(r.machine, cases[i].machine, "%s: machine", name);
		cr_expect_eq(r.page_size, cases[i].page, "%s: page size", name);
		cr_expect_eq(r.task_size, cases[i].task_size, "%s: task size", name);
		cr_expect_eq(r.wide_task_size, cases[i].wide_task_size, "%s: with more bits",
			     name);
		cr_expect_eq(r.stack_top_max, cases[i].task_size, "%s: top of stack", name);
		cr_expect_eq(r.et_dyn_base, cases[i].et_dyn_base, "%s: ET_DYN %lx", name,
			     r.et_dyn_base);
		cr_expect_eq(r.mmap_rnd_bits, cases[i].mmap_rnd_bits, "%s: random bits", name);
		cr_expect_eq(r.stack_shift_range, cases[i].shift_range, "%s: shift", name);
		cr_expect_eq(r.brk_rnd_range, cases[i].brk_rnd_range, "%s: heap", name);
		cr_expect_eq(r.phdr_table_max, 64 * K, "%s: newest table", name);
		cr_assert_eq(segmap_rules_set_kernel(&r, "6.1"), 0);
		cr_expect_eq(r.phdr_table_max, cases[i].phdr_table_6_1, "%s: table", name);
		if (cases[i].platform)
			cr_expect_str_eq(r.platform, cases[i].platform, "%s", name);
		else
			cr_expect_null(r.platform, "%s: platform", name);
	}
}

Test(cpus, page_sizes)
{
	cr_expect_eq(segmap_rules_page_sizes(EM_X86_64), 4 * K);
	cr_expect_eq(segmap_rules_page_sizes(EM_AARCH64), 84 * K);
	cr_expect_eq(segmap_rules_page_sizes(EM_RISCV), 4 * K);
	cr_expect_eq(segmap_rules_page_sizes(EM_S390), 0);
	cr_expect_eq(segmap_rules_page_sizes(EM_NONE), 0);
}

Test(cpus, unknown)
{
	struct segmap_rules rules, before;

	memset(&rules, 0x5a, sizeof(rules));
	before = rules;
	cr_expect_eq(segmap_rules_for(&rules, EM_S390, 4 * K), -ENOEXEC);
	cr_expect_eq(memcmp(&rules, &before, sizeof(rules)), 0);
}

/* This build's own CPU is one of them. */
Test(cpus, native)
{
	struct segmap_rules native, same;

	segmap_rules_native(&native, 4 * K);
	cr_assert_eq(segmap_rules_for(&same, native.machine, 4 * K), 0);
	cr_expect_eq(native.task_size, same.task_size);
	cr_expect_eq(native.platform, same.platform);
	cr_expect(segmap_rules_page_sizes(native.machine));
}
