/*
 * What an ELF file's header and table must be like: the checks of exec.md 1.1, steps 7 to 10,
 * in the kernel's order and with its verdicts. Each row changes a good file a little.
 */
#include "elffile.h"

#include "arch.h"
#include "cpu.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <segmap/image.h>
#include <string.h>
#include <unistd.h>

/* SIZE bytes at OFFSET become VALUE. */
struct edit {
	size_t offset, size;
	uint64_t value;
};

#define EHDR(member, value)                                                                    \
	{                                                                                      \
		offsetof(Elf64_Ehdr, member), sizeof(((Elf64_Ehdr *)0)->member), value         \
	}
#define IDENT(index, value)                                                                    \
	{                                                                                      \
		index, 1, value                                                                \
	}
#define PHDR(index, member, value)                                                             \
	{                                                                                      \
		sizeof(Elf64_Ehdr) + (index) * sizeof(Elf64_Phdr) +                            \
			offsetof(Elf64_Phdr, member),                                          \
			sizeof(((Elf64_Phdr *)0)->member), value                               \
	}

struct image_case {
	const char *name;
	struct edit edits[6];
	enum segmap_object_id role;
	int errnum; /* 0: accepted */
	enum segmap_reason reason;
	uint64_t value[3];
	size_t cut; /* the file's size; 0 for all of it */
	enum segmap_verdict verdict;
};

#define PROGRAM   SEGMAP_PROGRAM
#define INTERP    SEGMAP_INTERPRETER
#define FILE_SIZE ELFFILE_SIZE

/* clang-format off */
static const struct image_case header_cases[] = {
	{"as it is", {{0}}, PROGRAM, 0, 0},
	{"e_type ET_DYN", {EHDR(e_type, ET_DYN)}, PROGRAM, 0, 0},
	/* magic [A02] */
	{"first byte", {IDENT(0, 0x7e)}, PROGRAM, ENOEXEC, SEGMAP_REASON_NOT_ELF, {0x464c457e, 64}},
	{"last byte of the magic", {IDENT(3, 'G')}, PROGRAM, ENOEXEC, SEGMAP_REASON_NOT_ELF, {0x474c457f, 64}},
	/* e_type [A03] */
	{"ET_NONE", {EHDR(e_type, 0)}, PROGRAM, ENOEXEC, SEGMAP_REASON_ELF_TYPE, {0, 64}},
	{"ET_REL", {EHDR(e_type, ET_REL)}, PROGRAM, ENOEXEC, SEGMAP_REASON_ELF_TYPE, {ET_REL, 64}},
	{"ET_CORE", {EHDR(e_type, ET_CORE)}, PROGRAM, ENOEXEC, SEGMAP_REASON_ELF_TYPE, {ET_CORE, 64}},
	{"e_type 0xfe00", {EHDR(e_type, 0xfe00)}, PROGRAM, ENOEXEC, SEGMAP_REASON_ELF_TYPE, {0xfe00, 64}},
	/* e_machine [A04] */
	{"another CPU", {EHDR(e_machine, EM_68K)}, PROGRAM, ENOEXEC, SEGMAP_REASON_MACHINE, {EM_68K, ARCH_MACHINE}},
	{"e_machine 0", {EHDR(e_machine, 0)}, PROGRAM, ENOEXEC, SEGMAP_REASON_MACHINE, {0, ARCH_MACHINE}},
	{"386, but the table is no 32-bit one", {EHDR(e_machine, EM_386)}, PROGRAM, ENOEXEC, SEGMAP_REASON_MACHINE, {EM_386, ARCH_MACHINE}},
	/* what the kernel never looks at [A05-A08] */
	{"EI_CLASS 0", {IDENT(EI_CLASS, 0)}, PROGRAM, 0, 0},
	{"EI_CLASS 32", {IDENT(EI_CLASS, ELFCLASS32)}, PROGRAM, 0, 0},
	{"EI_CLASS 9", {IDENT(EI_CLASS, 9)}, PROGRAM, 0, 0},
	{"EI_DATA 0", {IDENT(EI_DATA, 0)}, PROGRAM, 0, 0},
	{"EI_DATA big endian", {IDENT(EI_DATA, ELFDATA2MSB)}, PROGRAM, 0, 0},
	{"EI_VERSION 0", {IDENT(EI_VERSION, 0)}, PROGRAM, 0, 0},
	{"EI_VERSION 7", {IDENT(EI_VERSION, 7)}, PROGRAM, 0, 0},
	{"EI_OSABI", {IDENT(EI_OSABI, 0xff)}, PROGRAM, 0, 0},
	{"e_version 0", {EHDR(e_version, 0)}, PROGRAM, 0, 0},
	{"e_version 9", {EHDR(e_version, 9)}, PROGRAM, 0, 0},
	{"e_flags", {EHDR(e_flags, 0xffffffff)}, PROGRAM, 0, 0},
	{"e_ehsize 0", {EHDR(e_ehsize, 0)}, PROGRAM, 0, 0},
	{"sections out of bounds", {EHDR(e_shoff, UINT64_MAX), EHDR(e_shentsize, 1), EHDR(e_shnum, 0xffff), EHDR(e_shstrndx, 0xffff)}, PROGRAM, 0, 0},
	/* e_phentsize [A09] */
	{"e_phentsize 0", {EHDR(e_phentsize, 0)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHENTSIZE, {0, 56}},
	{"e_phentsize 32", {EHDR(e_phentsize, 32)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHENTSIZE, {32, 56}},
	{"e_phentsize 55", {EHDR(e_phentsize, 55)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHENTSIZE, {55, 56}},
	{"e_phentsize 57", {EHDR(e_phentsize, 57)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHENTSIZE, {57, 56}},
	{"e_phentsize 64", {EHDR(e_phentsize, 64)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHENTSIZE, {64, 56}},
	/* e_phnum [A10] */
	{"e_phnum 0", {EHDR(e_phnum, 0)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHNUM, {0, 1170}},
	{"e_phnum 1", {EHDR(e_phnum, 1)}, PROGRAM, 0, 0},
	{"e_phnum 74", {EHDR(e_phnum, 74)}, PROGRAM, 0, 0},
	{"e_phnum 1170", {EHDR(e_phnum, 1170)}, PROGRAM, 0, 0},
	{"e_phnum 1171", {EHDR(e_phnum, 1171)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHNUM, {1171, 1170}},
	{"PN_XNUM", {EHDR(e_phnum, PN_XNUM)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHNUM, {PN_XNUM, 1170}},
	/* e_phoff [A11] */
	{"e_phoff at the end of the file", {EHDR(e_phoff, FILE_SIZE)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {FILE_SIZE, 336, FILE_SIZE}},
	{"table ends with the file", {EHDR(e_phoff, FILE_SIZE - 336)}, PROGRAM, 0, 0},
	{"table a byte too far", {EHDR(e_phoff, FILE_SIZE - 335)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {FILE_SIZE - 335, 336, FILE_SIZE}},
	{"e_phoff negative", {EHDR(e_phoff, UINT64_MAX - 63)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {UINT64_MAX - 63, 336, FILE_SIZE}},
	{"e_phoff 2^63 - 1", {EHDR(e_phoff, INT64_MAX)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {INT64_MAX, 336, FILE_SIZE}},
	{"e_phoff odd", {EHDR(e_phoff, 0x4001)}, PROGRAM, 0, 0},
	{"e_phoff 0: the header itself", {EHDR(e_phoff, 0)}, PROGRAM, 0, 0},
	/* files that end early [A12]: what is missing is 0 */
	{"empty", {{0}}, PROGRAM, ENOEXEC, SEGMAP_REASON_NOT_ELF, {0, 0}, .cut = SIZE_MAX},
	{"3 bytes", {{0}}, PROGRAM, ENOEXEC, SEGMAP_REASON_NOT_ELF, {0x4c457f, 3}, .cut = 3},
	{"4 bytes", {{0}}, PROGRAM, ENOEXEC, SEGMAP_REASON_ELF_TYPE, {0, 4}, .cut = 4},
	{"63 bytes", {EHDR(e_phnum, 1)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {64, 56, 63}, .cut = 63},
	{"64 bytes", {EHDR(e_phnum, 1)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {64, 56, 64}, .cut = 64},
	{"119 bytes", {EHDR(e_phnum, 1)}, PROGRAM, ENOEXEC, SEGMAP_REASON_PHDR_TABLE, {64, 56, 119}, .cut = 119},
	{"120 bytes", {EHDR(e_phnum, 1)}, PROGRAM, 0, 0, {0}, .cut = 120},
};

/* The same for an interpreter, where ENOEXEC is ELIBBAD [C07-C12]. */
static const struct image_case interp_role_cases[] = {
	{"as it is", {{0}}, INTERP, 0, 0},
	{"magic", {IDENT(0, 0x7e)}, INTERP, ELIBBAD, SEGMAP_REASON_NOT_ELF, {0x464c457e, 64}},
	{"its e_type comes later [C11]", {EHDR(e_type, ET_REL)}, INTERP, 0, 0},
	{"e_machine", {EHDR(e_machine, EM_386)}, INTERP, ELIBBAD, SEGMAP_REASON_MACHINE, {EM_386, ARCH_MACHINE}},
	{"e_phentsize", {EHDR(e_phentsize, 57)}, INTERP, ELIBBAD, SEGMAP_REASON_PHENTSIZE, {57, 56}},
	{"e_phnum 0", {EHDR(e_phnum, 0)}, INTERP, ELIBBAD, SEGMAP_REASON_PHNUM, {0, 1170}},
	{"e_phnum 1170", {EHDR(e_phnum, 1170)}, INTERP, 0, 0},
	{"e_phnum 1171", {EHDR(e_phnum, 1171)}, INTERP, ELIBBAD, SEGMAP_REASON_PHNUM, {1171, 1170}},
	{"e_phoff", {EHDR(e_phoff, FILE_SIZE)}, INTERP, ELIBBAD, SEGMAP_REASON_PHDR_TABLE, {FILE_SIZE, 336, FILE_SIZE}},
	{"EI_CLASS 32 [C10]", {IDENT(EI_CLASS, ELFCLASS32)}, INTERP, 0, 0},
	{"empty [C08]", {{0}}, INTERP, EIO, SEGMAP_REASON_INTERP_SHORT, {0, 64}, .cut = SIZE_MAX},
	{"63 bytes [C08]", {{0}}, INTERP, EIO, SEGMAP_REASON_INTERP_SHORT, {63, 64}, .cut = 63},
	{"63 bytes that are no ELF", {IDENT(0, '#')}, INTERP, EIO, SEGMAP_REASON_INTERP_SHORT, {63, 64}, .cut = 63},
	{"64 bytes", {{0}}, INTERP, ELIBBAD, SEGMAP_REASON_PHDR_TABLE, {64, 336, 64}, .cut = 64},
	{"its own PT_INTERP is not looked at [C17]", {PHDR(1, p_type, PT_INTERP), PHDR(1, p_filesz, 9999)}, INTERP, 0, 0},
};
/* clang-format on */

static void apply(struct elffile *file, const struct image_case *c)
{
	elffile_init(file);
	for (size_t i = 0; i < sizeof(c->edits) / sizeof(*c->edits); i++)
		memcpy(file->bytes + c->edits[i].offset, &c->edits[i].value, c->edits[i].size);
	if (c->cut)
		file->size = c->cut == SIZE_MAX ? 0 : c->cut;
}

static void check_refusal(const struct image_case *c, const struct segmap_error *err)
{
	cr_expect_eq(err->reason, c->reason, "%s: reason %s, not %s", c->name,
		     segmap_reason_name(err->reason), segmap_reason_name(c->reason));
	cr_expect_eq(err->errnum, c->errnum, "%s: errno %d noted", c->name, err->errnum);
	cr_expect_eq(err->verdict, c->verdict, "%s: verdict %s", c->name,
		     segmap_verdict_name(err->verdict));
	cr_expect_eq(err->object, c->role, "%s: of the wrong object", c->name);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(err->value[i], c->value[i], "%s: value %d is %#lx", c->name, i,
			     err->value[i]);
}

/* Where the kernel looks at EI_CLASS another one is refused; elsewhere C is as it was. */
static struct image_case with_class(const struct image_case *c)
{
	const struct cpu *cpu = cpu_find(ARCH_MACHINE);
	struct image_case changed = *c;

	if (!cpu->class || c->edits[0].offset != EI_CLASS || c->edits[0].size != 1)
		return changed;
	changed.errnum = c->role == INTERP ? ELIBBAD : ENOEXEC;
	changed.reason = SEGMAP_REASON_CLASS;
	changed.value[0] = c->edits[0].value;
	changed.value[1] = cpu->class;
	return changed;
}

/* Opens what C makes and returns the image, or NULL if that was refused, as C says. */
static struct segmap_image *open_case(const struct image_case *given, struct elffile *file)
{
	const struct image_case changed = with_class(given), *c = &changed;
	struct segmap_image *const untouched = (struct segmap_image *)(void *)file;
	struct segmap_image *image = untouched;
	struct segmap_error err = {0};
	int before = count_descriptors();

	apply(file, c);
	elffile_write(file);
	int r = segmap_image_open(&image, file->path, c->role, &err);
	elffile_remove(file);
	cr_expect_eq(r, -c->errnum, "%s: %d (%s)", c->name, r, segmap_reason_name(err.reason));
	cr_expect_eq(count_descriptors(), before + (r == 0), "%s: descriptors", c->name);
	if (r == 0)
		return image;
	cr_expect_eq(image, untouched, "%s: a refusal has changed the output", c->name);
	cr_expect_str_eq(err.path, file->path, "%s: path '%s'", c->name, err.path);
	if (c->errnum)
		check_refusal(c, &err);
	return NULL;
}

/* The table as the kernel would see it. */
static void compare_table(const struct image_case *c, const struct segmap_image *image,
			  struct elffile *file)
{
	const Elf64_Ehdr *e = elffile_ehdr(file);

	cr_assert_eq(image->phdr_count, e->e_phnum, "%s: %zu headers", c->name,
		     image->phdr_count);
	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];
		Elf64_Phdr want;

		memcpy(&want, file->bytes + e->e_phoff + i * sizeof(want), sizeof(want));
		cr_assert(p->type == want.p_type && p->flags == want.p_flags &&
				  p->offset == want.p_offset && p->vaddr == want.p_vaddr &&
				  p->filesz == want.p_filesz && p->memsz == want.p_memsz &&
				  p->align == want.p_align,
			  "%s: header %zu", c->name, i);
	}
}

static void compare_header(const struct image_case *c, const struct segmap_image *image,
			   struct elffile *file)
{
	const Elf64_Ehdr *e = elffile_ehdr(file);
	const struct segmap_ehdr *h = &image->ehdr;

	cr_expect_eq(memcmp(h->ident, e->e_ident, 16), 0, "%s: e_ident", c->name);
	cr_expect(h->type == e->e_type && h->machine == e->e_machine &&
			  h->version == e->e_version && h->entry == e->e_entry &&
			  h->phoff == e->e_phoff && h->shoff == e->e_shoff &&
			  h->flags == e->e_flags && h->ehsize == e->e_ehsize &&
			  h->phentsize == e->e_phentsize && h->phnum == e->e_phnum &&
			  h->shentsize == e->e_shentsize && h->shnum == e->e_shnum &&
			  h->shstrndx == e->e_shstrndx,
		  "%s: the header's fields", c->name);
	cr_expect_eq(image->role, c->role, "%s: role", c->name);
	cr_expect_eq(image->file_size, file->size, "%s: %lu bytes", c->name, image->file_size);
	cr_expect_str_eq(image->path, file->path, "%s: path", c->name);
}

static void check_all(const struct image_case *cases, size_t count)
{
	static struct elffile file;

	for (size_t i = 0; i < count; i++) {
		struct segmap_image *image = open_case(&cases[i], &file);

		if (!image)
			continue;
		compare_header(&cases[i], image, &file);
		compare_table(&cases[i], image, &file);
		cr_expect_null(image->interp, "%s: interpreter", cases[i].name);
		cr_expect(image->interp_index == -1 || cases[i].role == SEGMAP_INTERPRETER,
			  "%s: interpreter", cases[i].name);
		int before = count_descriptors();
		segmap_image_free(image);
		cr_expect_eq(count_descriptors(), before - 1, "%s: not closed", cases[i].name);
	}
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof(*(cases)))

Test(image, header)
{
	CHECK_ALL(header_cases);
}

Test(image, header_of_an_interpreter)
{
	CHECK_ALL(interp_role_cases);
}

/* Everything is wrong, and is put right in the kernel's order of looking: each time the next
 * thing is found. */
Test(image, order_of_checks)
{
	static const struct {
		struct edit repair;
		enum segmap_reason found;
	} steps[] = {
		{{0}, SEGMAP_REASON_NOT_ELF},
		{IDENT(0, 0x7f), SEGMAP_REASON_ELF_TYPE},
		{EHDR(e_type, ET_EXEC), SEGMAP_REASON_MACHINE},
		{EHDR(e_machine, ARCH_MACHINE), SEGMAP_REASON_PHENTSIZE},
		{EHDR(e_phentsize, 56), SEGMAP_REASON_PHNUM},
		{EHDR(e_phnum, 2), SEGMAP_REASON_PHDR_TABLE},
		{EHDR(e_phoff, 64), SEGMAP_REASON_INTERP_SIZE},
		{PHDR(1, p_filesz, 9), SEGMAP_REASON_INTERP_READ},
		{PHDR(1, p_offset, 0x1000), SEGMAP_REASON_INTERP_NUL},
		{{0x1008, 1, 0}, SEGMAP_REASON_NONE},
	};
	static struct elffile file;

	elffile_init(&file);
	elffile_add_string(&file, 1, PT_INTERP, 0x1000, "/bin/true", 9);
	file.bytes[0] = '#';
	elffile_ehdr(&file)->e_type = ET_REL;
	elffile_ehdr(&file)->e_machine = EM_68K;
	elffile_ehdr(&file)->e_phentsize = 1;
	elffile_ehdr(&file)->e_phnum = 0;
	elffile_ehdr(&file)->e_phoff = ELFFILE_SIZE;
	elffile_phdr(&file, 1)->p_filesz = 1;
	elffile_phdr(&file, 1)->p_offset = ELFFILE_SIZE;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct segmap_image *image = NULL;
		struct segmap_error err = {0};

		memcpy(file.bytes + steps[i].repair.offset, &steps[i].repair.value,
		       steps[i].repair.size);
		elffile_write(&file);
		segmap_image_open(&image, file.path, SEGMAP_PROGRAM, &err);
		elffile_remove(&file);
		cr_expect_eq(err.reason, steps[i].found, "step %zu: %s, not %s", i,
			     segmap_reason_name(err.reason),
			     segmap_reason_name(steps[i].found));
		segmap_image_free(image);
	}
}

/* A 32-bit program that the kernel would run is not called malformed. */
Test(image, compat_program)
{
	enum { OTHER = 2 };
	static const struct {
		const char *name;
		unsigned machine; /* of those that the CPU's 32-bit mode has, or OTHER */
		uint16_t phentsize, phnum;
		uint32_t phoff;
		enum segmap_reason reason;
	} cases[] = {
		{"its machine", 0, 32, 1, 52, SEGMAP_REASON_COMPAT},
		{"its other machine", 1, 32, 1, 52, SEGMAP_REASON_COMPAT},
		{"2048 headers", 0, 32, 2048, 52, SEGMAP_REASON_COMPAT},
		{"2049 headers", 0, 32, 2049, 52, SEGMAP_REASON_MACHINE},
		{"no headers", 0, 32, 0, 52, SEGMAP_REASON_MACHINE},
		{"e_phentsize of 64 bits", 0, 56, 1, 52, SEGMAP_REASON_MACHINE},
		{"table past the end", 0, 32, 1, ELFFILE_SIZE, SEGMAP_REASON_MACHINE},
		{"another CPU", OTHER, 32, 1, 52, SEGMAP_REASON_MACHINE},
	};
	const struct cpu *cpu = cpu_find(ARCH_MACHINE);
	static struct elffile file;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct segmap_image *image = NULL;
		struct segmap_error err = {0};
		uint16_t machine =
			cases[i].machine == OTHER ? EM_68K : cpu->compat[cases[i].machine];
		const Elf32_Ehdr ehdr = {
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = machine,
			.e_phoff = cases[i].phoff,
			.e_phentsize = cases[i].phentsize,
			.e_phnum = cases[i].phnum,
		};

		if (machine == 0) /* there is only one */
			continue;
		elffile_init(&file);
		memset(file.bytes, 0, 1024);
		memcpy(file.bytes, &ehdr, sizeof(ehdr));
		elffile_write(&file);
		int r = segmap_image_open(&image, file.path, SEGMAP_PROGRAM, &err);
		elffile_remove(&file);
		cr_expect_eq(r, -ENOEXEC, "%s: %d", cases[i].name, r);
		bool by_class =
			cases[i].reason == SEGMAP_REASON_MACHINE && machine == cpu->machine;
		cr_expect_eq(err.reason, by_class ? SEGMAP_REASON_CLASS : cases[i].reason,
			     "%s: %s", cases[i].name, segmap_reason_name(err.reason));
		cr_expect_eq(err.verdict,
			     cases[i].reason == SEGMAP_REASON_COMPAT
				     ? SEGMAP_VERDICT_UNSUPPORTED
				     : SEGMAP_VERDICT_ERRNO,
			     "%s: %s", cases[i].name, segmap_verdict_name(err.verdict));
	}
}
