/* PT_GNU_PROPERTY, which kernels for aarch64 read (exec.md 1.1, step 11): what malformed ones
 * are refused for, and what a good one does to the protection of code. */
#include "elffile.h"
#include "subject.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { BTI = 0x10, AT = 0x2000 };

#define RXG (PROT_READ | PROT_EXEC | BTI)

/* Words of the note: name's size, contents' size, type, "GNU". */
#define NOTE(size)       4, size, 5, 0x554e47
#define FEATURES(value)  0xc0000000, 4, value, 0
#define OTHER(type, ...) type, sizeof((uint32_t[]){__VA_ARGS__}), __VA_ARGS__

/* clang-format off */
static const struct {
	const char *name;
	uint32_t words[32];
	size_t size;   /* p_filesz */
	size_t there;  /* bytes of it that are in the file; 0 for all */
	int errnum;    /* 0 for none */
	bool asks;
} cases[] = {
	{"BTI", {NOTE(16), FEATURES(1)}, 32, 0, 0, true},
	{"BTI and PAC", {NOTE(16), FEATURES(3)}, 32, 0, 0, true},
	{"PAC alone", {NOTE(16), FEATURES(2)}, 32, 0, 0, false},
	{"no feature", {NOTE(16), FEATURES(0)}, 32, 0, 0, false},
	{"no property", {NOTE(0)}, 16, 0, 0, false},
	{"another one", {NOTE(16), OTHER(0xc0000002, 1), 0}, 32, 0, 0, false},
	{"a lower one before it", {NOTE(32), OTHER(0xb0000000, 1), 0, FEATURES(1)}, 48, 0, 0, true},
	{"an empty one before it", {NOTE(24), 1, 0, FEATURES(1)}, 40, 0, 0, true},
	{"a higher one after it", {NOTE(32), FEATURES(1), OTHER(0xc0000001, 1), 0}, 48, 0, 0, true},
	{"bytes after the note", {NOTE(16), FEATURES(1), 7, 7, 7}, 44, 0, 0, true},
	{"1024 bytes", {NOTE(16), FEATURES(1)}, 1024, 0, 0, true},
	{"the end of the file after the note", {NOTE(16), FEATURES(1)}, 1024, 32, 0, true},
	/* malformed */
	{"1025 bytes", {NOTE(16), FEATURES(1)}, 1025, 0, ENOEXEC, false},
	{"huge", {NOTE(16), FEATURES(1)}, SIZE_MAX, 0, ENOEXEC, false},
	{"empty", {0}, 0, 0, EIO, false},
	{"15 bytes", {NOTE(0)}, 15, 0, EIO, false},
	{"15 bytes are there", {NOTE(16), FEATURES(1)}, 32, 15, EIO, false},
	{"16 bytes are there", {NOTE(16), FEATURES(1)}, 32, 16, ENOEXEC, false},
	{"31 bytes are there", {NOTE(16), FEATURES(1)}, 32, 31, ENOEXEC, false},
	{"size of the name", {8, 16, 5, 0x554e47, FEATURES(1)}, 32, 0, ENOEXEC, false},
	{"type of the note", {4, 16, 1, 0x554e47, FEATURES(1)}, 32, 0, ENOEXEC, false},
	{"name", {4, 16, 5, 0x554e48, FEATURES(1)}, 32, 0, ENOEXEC, false},
	{"name without an end", {4, 16, 5, 0x78554e47, FEATURES(1)}, 32, 0, ENOEXEC, false},
	{"contents are longer than it", {NOTE(17), FEATURES(1)}, 32, 0, ENOEXEC, false},
	{"contents are endless", {NOTE(UINT32_MAX), FEATURES(1)}, 32, 0, ENOEXEC, false},
	{"half a head", {NOTE(4), 0xc0000000}, 32, 0, ENOEXEC, false},
	{"half a head behind it", {NOTE(20), FEATURES(1), 0xc0000001}, 36, 0, ENOEXEC, false},
	{"longer than what is left", {NOTE(16), 0xc0000000, 9, 1, 0}, 32, 0, ENOEXEC, false},
	{"endless", {NOTE(16), 0xc0000000, UINT32_MAX, 1, 0}, 32, 0, ENOEXEC, false},
	{"not filled up", {NOTE(12), 0xc0000000, 4, 1}, 28, 0, ENOEXEC, false},
	{"of 8 bytes", {NOTE(16), 0xc0000000, 8, 1, 0}, 32, 0, ENOEXEC, false},
	{"of none", {NOTE(8), 0xc0000000, 0}, 24, 0, ENOEXEC, false},
	{"twice", {NOTE(32), FEATURES(1), FEATURES(1)}, 48, 0, ENOEXEC, false},
	{"in descending order", {NOTE(32), OTHER(0xc0000001, 1), 0, FEATURES(1)}, 48, 0, ENOEXEC, false},
};
/* clang-format on */

static const struct segmap_phdr phdrs[HEADERS] = {
	LOAD(RX, 0, 0x400000, 0x1000, 0x1000),
	LOAD(RW, 0x1000, 0x411000, 0x1000, 0x3000),
	{.type = PT_GNU_PROPERTY, .offset = AT},
	LOAD(RX, 0x3000, 0x423000, 0x1000, 0x3000),
};

static void init(struct subject *s, uint16_t machine, const char *release)
{
	subject_init(s, ET_EXEC, phdrs, 4096);
	cr_assert_eq(segmap_rules_for(&s->policy.rules, machine, 4096), 0);
	cr_assert_eq(segmap_rules_set_kernel(&s->policy.rules, release), 0);
}

/* IMAGE has the property of case I, in a copy of its headers. */
static void give(struct segmap_image *image, size_t i)
{
	static struct segmap_phdr copies[2][HEADERS];
	struct segmap_phdr *copy = copies[image->role];

	memcpy(copy, image->phdrs, sizeof(copies[0]));
	copy[2].filesz = cases[i].size;
	image->phdrs = copy;
	image->property_index = 2;
	image->property = (uint8_t *)(uintptr_t)cases[i].words;
	image->property_size = cases[i].there ? cases[i].there : cases[i].size;
}

static void check_refused(const struct subject *s, size_t i, enum segmap_object_id id)
{
	cr_expect_eq(s->err.reason, SEGMAP_REASON_PROPERTY, "%s: %s", cases[i].name,
		     segmap_reason_name(s->err.reason));
	cr_expect_eq(s->err.verdict, SEGMAP_VERDICT_ERRNO, "%s", cases[i].name);
	cr_expect_eq(s->err.object, id, "%s", cases[i].name);
	cr_expect_eq(s->err.index, 2, "%s", cases[i].name);
	cr_expect(s->err.step && s->err.value[0] == AT && s->err.value[1] == cases[i].size,
		  "%s: what is wrong, and where", cases[i].name);
}

/* Of a program without an interpreter: code is guarded, bss and data are not. */
Test(plan_property, static_program)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct subject s;

		init(&s, EM_AARCH64, "6.1");
		give(&s.images[0], i);
		s.images[0].ehdr.entry = 0x400000;
		int r = subject_plan(&s);
		cr_expect_eq(r, -cases[i].errnum, "%s: %d", cases[i].name, r);
		if (r < 0) {
			check_refused(&s, i, SEGMAP_PROGRAM);
			continue;
		}
		for (size_t m = 0; m < s.plan->mapping_count; m++) {
			bool code = s.plan->mappings[m].kind == SEGMAP_FILE_PRIVATE &&
				    s.plan->mappings[m].prot & PROT_EXEC;
			bool guarded = s.plan->mappings[m].prot & BTI;

			cr_expect_eq(guarded, code && cases[i].asks, "%s: mapping %zu",
				     cases[i].name, m);
		}
		subject_clear(&s);
	}
}

static int plan_pair(struct subject *s, size_t program, size_t interp, int prot[2])
{
	init(s, EM_AARCH64, "6.1");
	subject_add_interp(s, ET_DYN, phdrs);
	give(&s->images[0], program);
	give(&s->images[1], interp);
	int r = subject_plan(s);

	prot[0] = prot[1] = 0;
	for (size_t m = 0; r == 0 && m < s->plan->mapping_count; m++)
		if (s->plan->mappings[m].kind == SEGMAP_FILE_PRIVATE)
			prot[s->plan->mappings[m].object] |= s->plan->mappings[m].prot;
	subject_clear(s);
	return r;
}

/* With an interpreter only that one's counts: it does the rest. */
Test(plan_property, interpreter)
{
	enum { ASKS = 0, ASKS_NOT = 2, MALFORMED = 20 };
	struct subject s;
	int prot[2];

	cr_assert(cases[ASKS].asks && !cases[ASKS_NOT].asks && cases[MALFORMED].errnum);
	cr_assert_eq(plan_pair(&s, ASKS_NOT, ASKS, prot), 0);
	cr_expect(!(prot[0] & BTI) && (prot[1] & RXG) == RXG);
	cr_assert_eq(plan_pair(&s, ASKS, ASKS_NOT, prot), 0);
	cr_expect(!(prot[0] & BTI) && !(prot[1] & BTI));
	cr_assert_eq(plan_pair(&s, MALFORMED, ASKS, prot), 0);
	cr_expect(prot[1] & BTI);
	cr_assert_eq(plan_pair(&s, ASKS, MALFORMED, prot), -cases[MALFORMED].errnum);
	check_refused(&s, MALFORMED, SEGMAP_INTERPRETER);
}

/* Who looks, and who can do what is asked for. */
Test(plan_property, kernels_and_cpus)
{
	static const struct {
		const char *name;
		uint16_t machine;
		const char *release;
		uint64_t hwcap2;
		bool guards, refuses;
	} rows[] = {
		{"aarch64", EM_AARCH64, "6.18", 1 << 17, true, true},
		{"first kernel", EM_AARCH64, "5.8", 1 << 17, true, true},
		{"last without", EM_AARCH64, "5.7", 1 << 17, false, false},
		{"a CPU without", EM_AARCH64, "6.1", ~(UINT64_C(1) << 17), false, true},
		{"x86-64", EM_X86_64, "6.18", UINT64_MAX, false, false},
		{"riscv64", EM_RISCV, "6.18", UINT64_MAX, false, false},
	};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		bool malformed = i % 2;
		struct subject s;

		init(&s, rows[i / 2].machine, rows[i / 2].release);
		segmap_rules_set_hwcap2(&s.policy.rules, rows[i / 2].hwcap2);
		give(&s.images[0], malformed ? 20 : 0);
		s.images[0].ehdr.entry = 0x400000;
		int r = subject_plan(&s);
		cr_expect_eq(r, malformed && rows[i / 2].refuses ? -ENOEXEC : 0, "%s: %d",
			     rows[i / 2].name, r);
		if (r == 0)
			cr_expect_eq(s.plan->mappings[0].prot & BTI,
				     !malformed && rows[i / 2].guards ? BTI : 0, "%s",
				     rows[i / 2].name);
		subject_clear(&s);
	}
}

/* ---- what the image stage reads ---- */

static struct elffile file;

static struct segmap_image *explain(uint16_t machine, enum segmap_object_id role)
{
	struct segmap_image *image = NULL;
	struct segmap_error err;

	elffile_ehdr(&file)->e_machine = machine;
	elffile_write(&file);
	cr_assert_eq(segmap_image_explain(&image, file.path, role, machine, &err), 0);
	elffile_remove(&file);
	return image;
}

static size_t bytes_read(uint16_t machine, enum segmap_object_id role)
{
	struct segmap_image *image = explain(machine, role);
	size_t size = image->property_size;

	cr_expect(size == 0 || memcmp(image->property, file.bytes + AT, size) == 0);
	segmap_image_free(image);
	return size;
}

static void add_property(size_t index, uint64_t offset, uint64_t size)
{
	*elffile_phdr(&file, index) =
		(Elf64_Phdr){.p_type = PT_GNU_PROPERTY, .p_offset = offset, .p_filesz = size};
}

Test(plan_property, bytes)
{
	static const char interp[] = "/lib/ld.so";

	elffile_init(&file);
	memset(file.bytes + AT, 'p', SEGMAP_PROPERTY_MAX);
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 0);
	add_property(1, 0, 3);
	add_property(2, AT, 48);
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 48, "the last one counts");
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_INTERPRETER), 48);
	cr_expect_eq(bytes_read(EM_X86_64, SEGMAP_PROGRAM), 0, "no kernel for it reads it");
	add_property(2, AT, SEGMAP_PROPERTY_MAX);
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), SEGMAP_PROPERTY_MAX);
	add_property(2, AT, SEGMAP_PROPERTY_MAX + 1);
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 0);
	add_property(2, AT, 0);
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 0);
	add_property(2, UINT64_MAX, 48);
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 0, "nothing is there");
	add_property(2, AT, 48);
	file.size = AT + 20;
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 20, "the end of the file");
	file.size = ELFFILE_SIZE;
	elffile_add_string(&file, 3, PT_INTERP, 0x3000, interp, sizeof(interp));
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_PROGRAM), 0, "the interpreter's counts");
	cr_expect_eq(bytes_read(EM_AARCH64, SEGMAP_INTERPRETER), 48);
}
