/* The headers that say something about the whole program: PT_INTERP, PT_GNU_STACK and
 * PT_GNU_PROPERTY (exec.md 1.1, step 9, and 1.3). */
#include "elffile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/image.h>
#include <string.h>

enum { OFFSET = 0x2000 }; /* of the string */

struct interp_case {
	const char *name;
	const char *string; /* NULL: zeros */
	uint64_t length;    /* p_filesz */
	uint64_t offset;    /* p_offset if not OFFSET */
	int errnum;
	enum segmap_reason reason;
	uint64_t value[3];
	const char *path;
};

/* clang-format off */
static const struct interp_case interp_cases[] = {
	{"usual", "/lib/ld.so", 11, 0, 0, 0, {0}, "/lib/ld.so"},
	{"relative [C16]", "ld.so", 6, 0, 0, 0, {0}, "ld.so"},
	{"NUL inside [C02]", "/lib\0/ld.so", 12, 0, 0, 0, {0}, "/lib"},
	{"empty path [C01]", NULL, 2, 0, 0, 0, {0}, ""},
	{"4096 bytes [C01]", NULL, 4096, 0, 0, 0, {0}, ""},
	{"0 bytes [C01]", NULL, 0, 0, ENOEXEC, SEGMAP_REASON_INTERP_SIZE, {0, 4096}, NULL},
	{"1 byte [C01]", NULL, 1, 0, ENOEXEC, SEGMAP_REASON_INTERP_SIZE, {1, 4096}, NULL},
	{"4097 bytes [C01]", NULL, 4097, 0, ENOEXEC, SEGMAP_REASON_INTERP_SIZE, {4097, 4096}, NULL},
	{"2^64 - 1 bytes", NULL, UINT64_MAX, 0, ENOEXEC, SEGMAP_REASON_INTERP_SIZE, {UINT64_MAX, 4096}, NULL},
	{"no NUL [C02]", "/lib/ld.so", 10, 0, ENOEXEC, SEGMAP_REASON_INTERP_NUL, {OFFSET + 9, 'o'}, NULL},
	{"a last byte above 127", "/\xff", 2, 0, ENOEXEC, SEGMAP_REASON_INTERP_NUL, {OFFSET + 1, 0xff}, NULL},
	{"at the end of the file", NULL, 16, ELFFILE_SIZE - 16, 0, 0, {0}, ""},
	{"a byte past it [C03]", NULL, 16, ELFFILE_SIZE - 15, EIO, SEGMAP_REASON_INTERP_READ, {ELFFILE_SIZE - 15, 16, ELFFILE_SIZE}, NULL},
	{"all past it [C03]", NULL, 16, 0x10000000, EIO, SEGMAP_REASON_INTERP_READ, {0x10000000, 16, ELFFILE_SIZE}, NULL},
	{"negative offset: seen to be EINVAL", NULL, 16, UINT64_MAX - 4095, EINVAL, SEGMAP_REASON_INTERP_READ, {UINT64_MAX - 4095, 16, ELFFILE_SIZE}, NULL},
	{"across 2^63: seen to be EINVAL", NULL, 16, INT64_MAX - 4, EINVAL, SEGMAP_REASON_INTERP_READ, {INT64_MAX - 4, 16, ELFFILE_SIZE}, NULL},
};
/* clang-format on */

static int open_file(struct elffile *file, struct segmap_image **image,
		     struct segmap_error *err)
{
	elffile_write(file);
	int r = segmap_image_open(image, file->path, SEGMAP_PROGRAM, err);
	elffile_remove(file);
	return r;
}

static void check_interp(const struct interp_case *c)
{
	static struct elffile file;
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	int before = count_descriptors();

	elffile_init(&file);
	elffile_add_string(&file, 2, PT_INTERP, OFFSET, c->string ? c->string : "",
			   c->string ? c->length : 0);
	elffile_phdr(&file, 2)->p_filesz = c->length;
	if (c->offset)
		elffile_phdr(&file, 2)->p_offset = c->offset;
	/* neither of these is looked at */
	elffile_phdr(&file, 2)->p_vaddr = elffile_phdr(&file, 2)->p_memsz = UINT64_MAX;
	int r = open_file(&file, &image, &err);
	cr_expect_eq(r, -c->errnum, "%s: %d (%s)", c->name, r, segmap_reason_name(err.reason));
	cr_expect_eq(count_descriptors(), before + (r == 0), "%s: descriptors", c->name);
	if (r == 0) {
		cr_expect_str_eq(image->interp, c->path ? c->path : "?", "%s: '%s'", c->name,
				 image->interp);
		cr_expect_eq(image->interp_index, 2, "%s: header %d", c->name,
			     image->interp_index);
		segmap_image_free(image);
		return;
	}
	cr_expect_null(image, "%s: a refusal has changed the output", c->name);
	cr_expect_eq(err.reason, c->reason, "%s: %s", c->name, segmap_reason_name(err.reason));
	cr_expect_eq(err.index, 2, "%s: header %d", c->name, err.index);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(err.value[i], c->value[i], "%s: value %d is %#lx", c->name, i,
			     err.value[i]);
}

Test(image_notes, interpreter)
{
	for (size_t i = 0; i < sizeof(interp_cases) / sizeof(*interp_cases); i++)
		check_interp(&interp_cases[i]);
}

/* [C13]: the first one decides, for better or worse */
Test(image_notes, first_interpreter)
{
	static struct elffile file;
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};

	elffile_init(&file);
	elffile_add_string(&file, 1, PT_INTERP, 0x2000, "/first", 7);
	elffile_add_string(&file, 2, PT_INTERP, 0x3000, "/second", 7); /* no NUL */
	elffile_add_string(&file, 3, PT_INTERP, 0x4000, "", 1);
	cr_assert_eq(open_file(&file, &image, &err), 0);
	cr_expect_str_eq(image->interp, "/first");
	cr_expect_eq(image->interp_index, 1);
	segmap_image_free(image);
	elffile_phdr(&file, 1)->p_filesz = 6;
	cr_expect_eq(open_file(&file, &image, &err), -ENOEXEC);
	cr_expect_eq(err.index, 1);
}

/* [G01-G07]: the last one decides, and only its PF_X */
Test(image_notes, stack)
{
	static const struct {
		const char *name;
		int count;
		uint32_t flags[3];
		enum segmap_stack_request want;
	} cases[] = {
		{"none", 0, {0}, SEGMAP_STACK_UNSAID},
		{"RW", 1, {PF_R | PF_W}, SEGMAP_STACK_NOEXEC},
		{"RWX", 1, {PF_R | PF_W | PF_X}, SEGMAP_STACK_EXEC},
		{"X alone", 1, {PF_X}, SEGMAP_STACK_EXEC},
		{"no flags", 1, {0}, SEGMAP_STACK_NOEXEC},
		{"other bits", 1, {~(uint32_t)PF_X}, SEGMAP_STACK_NOEXEC},
		{"RWX, then RW", 2, {PF_R | PF_W | PF_X, PF_R | PF_W}, SEGMAP_STACK_NOEXEC},
		{"RW, then RWX", 2, {PF_R | PF_W, PF_R | PF_W | PF_X}, SEGMAP_STACK_EXEC},
		{"three", 3, {PF_X, 0, PF_X}, SEGMAP_STACK_EXEC},
	};
	static struct elffile file;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_image *image = NULL;
		struct segmap_error err = {0};

		elffile_init(&file);
		for (int k = 0; k < cases[i].count; k++)
			*elffile_phdr(&file, 1 + (size_t)k) =
				(Elf64_Phdr){.p_type = PT_GNU_STACK,
					     .p_flags = cases[i].flags[k],
					     .p_memsz = 0x100000};
		cr_assert_eq(open_file(&file, &image, &err), 0, "%s", cases[i].name);
		cr_expect_eq(image->stack_request, cases[i].want, "%s: %d", cases[i].name,
			     image->stack_request);
		segmap_image_free(image);
	}
}

Test(image_notes, property)
{
	static struct elffile file;
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};

	elffile_init(&file);
	cr_assert_eq(open_file(&file, &image, &err), 0);
	cr_expect_eq(image->property_index, -1);
	segmap_image_free(image);
	elffile_phdr(&file, 2)->p_type = PT_GNU_PROPERTY;
	elffile_phdr(&file, 2)->p_filesz = UINT64_MAX; /* x86 does not look */
	elffile_phdr(&file, 4)->p_type = PT_GNU_PROPERTY;
	cr_assert_eq(open_file(&file, &image, &err), 0);
	cr_expect_eq(image->property_index, 4); /* the last one */
	segmap_image_free(image);
}
