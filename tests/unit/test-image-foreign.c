/* Files for other CPUs: explained by segmap_image_explain, refused by whatever loads. */
#include "elffile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/image.h>
#include <segmap/plan.h>

#define NONE SEGMAP_REASON_NONE

/* clang-format off */
static const struct {
	const char *name;
	uint16_t machine;  /* of the file */
	uint8_t class;
	uint16_t wanted;
	enum segmap_reason reason, interp_reason;
	uint64_t value[2];
} cases[] = {
	{"x86-64", EM_X86_64, ELFCLASS64, EM_X86_64, NONE, NONE, {0}},
	{"aarch64", EM_AARCH64, ELFCLASS64, EM_AARCH64, NONE, NONE, {0}},
	{"riscv64", EM_RISCV, ELFCLASS64, EM_RISCV, NONE, NONE, {0}},
	{"aarch64 does not look at EI_CLASS", EM_AARCH64, 9, EM_AARCH64, NONE, NONE, {0}},
	{"riscv64 does", EM_RISCV, 9, EM_RISCV, SEGMAP_REASON_CLASS, SEGMAP_REASON_CLASS, {9, 2}},
	{"and the table is no 32-bit one", EM_RISCV, ELFCLASS32, EM_RISCV, SEGMAP_REASON_CLASS, SEGMAP_REASON_CLASS, {1, 2}},
	{"32-bit ARM for aarch64", EM_ARM, ELFCLASS32, EM_AARCH64, SEGMAP_REASON_MACHINE, SEGMAP_REASON_MACHINE, {EM_ARM, EM_AARCH64}},
	{"another than asked for", EM_X86_64, ELFCLASS64, EM_AARCH64, SEGMAP_REASON_MACHINE, SEGMAP_REASON_MACHINE, {EM_X86_64, EM_AARCH64}},
};
/* clang-format on */

static struct elffile file;

static uint16_t native_machine(void)
{
	struct segmap_rules rules;

	segmap_rules_native(&rules, 4096);
	return rules.machine;
}

static void write_case(size_t i)
{
	elffile_init(&file);
	elffile_ehdr(&file)->e_machine = cases[i].machine;
	elffile_ehdr(&file)->e_ident[EI_CLASS] = cases[i].class;
	elffile_write(&file);
}

static void explain(size_t i, enum segmap_object_id role)
{
	bool program = role == SEGMAP_PROGRAM;
	enum segmap_reason reason = program ? cases[i].reason : cases[i].interp_reason;
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	int r = segmap_image_explain(&image, file.path, role, cases[i].wanted, &err);

	cr_expect_eq(r,
		     reason == NONE ? 0
		     : program      ? -ENOEXEC
				    : -ELIBBAD,
		     "%s, %d: %d", cases[i].name, role, r);
	cr_expect_eq(err.reason, reason, "%s, %d: %s", cases[i].name, role,
		     segmap_reason_name(err.reason));
	if (r == 0)
		cr_expect_eq(image->ehdr.machine, cases[i].machine, "%s", cases[i].name);
	else
		cr_expect(err.value[0] == cases[i].value[0] &&
				  err.value[1] == cases[i].value[1],
			  "%s: %lu, %lu", cases[i].name, err.value[0], err.value[1]);
	segmap_image_free(image);
}

Test(image_foreign, explained)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		write_case(i);
		explain(i, SEGMAP_PROGRAM);
		explain(i, SEGMAP_INTERPRETER);
		elffile_remove(&file);
	}
}

/* A program of riscv's 32-bit mode, which has the same e_machine. */
Test(image_foreign, compat)
{
	struct segmap_error err = {0};
	struct segmap_image *image = NULL;
	Elf32_Ehdr ehdr = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_RISCV,
		.e_phoff = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};

	elffile_init(&file);
	*(Elf32_Ehdr *)(void *)file.bytes = ehdr;
	elffile_write(&file);
	cr_expect_eq(segmap_image_explain(&image, file.path, SEGMAP_PROGRAM, EM_RISCV, &err),
		     -ENOEXEC);
	cr_expect_eq(err.reason, SEGMAP_REASON_COMPAT, "%s", segmap_reason_name(err.reason));
	elffile_remove(&file);
}

/* Whatever may become a process wants this CPU's. */
Test(image_foreign, not_loaded)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_image *image = NULL;
		struct segmap_error err = {0};
		uint16_t native = native_machine();

		if (cases[i].machine == native)
			continue;
		write_case(i);
		cr_expect_eq(segmap_image_open(&image, file.path, SEGMAP_PROGRAM, &err),
			     -ENOEXEC, "%s", cases[i].name);
		cr_expect_eq(err.reason, SEGMAP_REASON_MACHINE, "%s", cases[i].name);
		cr_expect(err.value[0] == cases[i].machine && err.value[1] == native, "%s",
			  cases[i].name);
		cr_expect_eq(segmap_image_inspect(&image, file.path, SEGMAP_INTERPRETER, &err),
			     -ELIBBAD, "%s", cases[i].name);
		elffile_remove(&file);
	}
}

Test(image_foreign, no_rules)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};

	cr_expect_eq(segmap_image_explain(&image, "/", SEGMAP_PROGRAM, EM_S390, &err),
		     -ENOEXEC);
	cr_expect_eq(err.reason, SEGMAP_REASON_MACHINE);
	cr_expect_eq(err.value[0], EM_S390);
}
