/* What is suspicious about an ELF file although the kernel runs it. Facts: exec.md 1.1 to 1.4.
 */
#include "plan.h"

#include "../checked.h"

#include <elf.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>

#define HEX "0x%" PRIx64

/* What vm.mmap_min_addr is by default; what it is here says nothing about where a file will be
 * run. */
#define USUAL_MMAP_MIN_ADDR 65536

enum rule {
	RULE_CLASS,
	RULE_DATA,
	RULE_VERSION,
	RULE_NO_LOAD,
	RULE_NO_SECTIONS,
	RULE_SET_ID,
	RULE_INTERP_SEVERAL,
	RULE_PHDR_MISMATCH,
	RULE_PHDR_UNMAPPED,
	RULE_ENTRY,
	RULE_EXEC_STACK,
	RULE_NO_GNU_STACK,
	RULE_WRITE_EXECUTE,
	RULE_PAST_EOF,
	RULE_BSS_JUNK,
	RULE_BSS_WRITABLE,
	RULE_ALIGN_POWER,
	RULE_ALIGN_SMALL,
	RULE_ALIGN_INCONGRUENT,
	RULE_UNORDERED,
	RULE_OVERLAP,
	RULE_SHARED_PAGE,
	RULE_LOW_ADDRESS,
	RULE_COUNT,
};

/* clang-format off */
static const struct {
	const char *name;
	enum severity severity;
	const char *cause;
	const char *kernel;
} rules[RULE_COUNT] = {
	[RULE_CLASS] = {"class", SEVERITY_WARNING, "EI_CLASS is not that of a 64-bit file",
		"does not look; other tools read the file as another class or not at all"},
	[RULE_DATA] = {"data", SEVERITY_WARNING, "EI_DATA is not that of a little-endian file",
		"does not look; other tools swap the bytes or do not read the file"},
	[RULE_VERSION] = {"version", SEVERITY_WARNING, "EI_VERSION or e_version is not 1",
		"does not look; other tools may not read the file"},
	[RULE_NO_LOAD] = {"no-load", SEVERITY_WARNING, "no PT_LOAD: nothing would be mapped",
		"runs it, and the first instruction is a SIGSEGV"},
	[RULE_NO_SECTIONS] = {"no-sections", SEVERITY_INFO, "no section headers",
		"does not look; tools have no names for sections and symbols"},
	[RULE_SET_ID] = {"set-id", SEVERITY_WARNING, "the file has a set-id bit",
		"gives the program another user or group, which only the kernel can"},
	[RULE_INTERP_SEVERAL] = {"interp-several", SEVERITY_WARNING, "more than one PT_INTERP",
		"takes the first one and ignores this"},
	[RULE_PHDR_MISMATCH] = {"phdr-mismatch", SEVERITY_WARNING,
		"PT_PHDR does not describe the program header table",
		"ignores PT_PHDR; the program and its interpreter may believe it"},
	[RULE_PHDR_UNMAPPED] = {"phdr-unmapped", SEVERITY_WARNING,
		"the program header table is in no segment",
		"gives an AT_PHDR that does not point to it; libc reads it at the start"},
	[RULE_ENTRY] = {"entry", SEVERITY_WARNING, "the entry point is in no executable segment",
		"does not look; the first instruction there is a SIGSEGV"},
	[RULE_EXEC_STACK] = {"exec-stack", SEVERITY_WARNING, "the stack will be executable",
		"maps the stack rwx"},
	[RULE_NO_GNU_STACK] = {"no-gnu-stack", SEVERITY_WARNING,
		"no PT_GNU_STACK says whether the stack may be executable",
		"maps the stack rw-; before Linux 5.8, rwx"},
	[RULE_WRITE_EXECUTE] = {"write-execute", SEVERITY_WARNING,
		"can be written and executed", "maps it so"},
	[RULE_PAST_EOF] = {"past-eof", SEVERITY_WARNING, "extends past the end of the file",
		"maps it; touching a page that lies wholly past the end is a SIGBUS"},
	[RULE_BSS_JUNK] = {"bss-junk", SEVERITY_WARNING,
		"the beginning of its bss is not zero, since it is not writable",
		"fails to clear the tail of the last file page and goes on: the file's bytes stay"},
	[RULE_BSS_WRITABLE] = {"bss-writable", SEVERITY_WARNING,
		"its bss is writable although it is not",
		"maps whole pages of bss rw- whatever the flags say"},
	[RULE_ALIGN_POWER] = {"align-power", SEVERITY_WARNING, "p_align is no power of two",
		"ignores the value"},
	[RULE_ALIGN_SMALL] = {"align-small", SEVERITY_WARNING,
		"p_align is less than the page size", "aligns to pages all the same"},
	[RULE_ALIGN_INCONGRUENT] = {"align-incongruent", SEVERITY_WARNING,
		"file offset and address differ modulo p_align",
		"only wants them to agree modulo the page size"},
	[RULE_UNORDERED] = {"unordered", SEVERITY_WARNING,
		"lies below the one before it in the table",
		"maps them in the table's order; other loaders expect ascending addresses"},
	[RULE_OVERLAP] = {"overlap", SEVERITY_WARNING, "overlaps an earlier one",
		"maps it over the earlier one, whose bytes there are lost"},
	[RULE_SHARED_PAGE] = {"shared-page", SEVERITY_WARNING,
		"shares a page with an earlier one",
		"gives the page to the later one, with its bytes and its protection"},
	[RULE_LOW_ADDRESS] = {"low-address", SEVERITY_WARNING,
		"is so low that only a privileged user may map it",
		"kills the process where vm.mmap_min_addr is above it, unless CAP_SYS_RAWIO is there"},
};
/* clang-format on */

struct check {
	struct findings *findings;
	const struct segmap_image *image;
	enum segmap_object_id id;
	uint64_t page;
};

static void found(const struct check *check, enum rule rule, int index, const char *evidence,
		  ...) __attribute__((format(printf, 4, 5)));

/* INDEX is that of the program header, or -1. */
static void found(const struct check *check, enum rule rule, int index, const char *evidence,
		  ...)
{
	struct finding finding = {
		.severity = rules[rule].severity,
		.object = check->id,
		.index = index,
		.name = rules[rule].name,
	};
	bool load = index >= 0 && check->image->phdrs[index].type == PT_LOAD;
	va_list args;

	if (load)
		snprintf(finding.cause, sizeof(finding.cause), "segment %d: %s", index,
			 rules[rule].cause);
	else
		snprintf(finding.cause, sizeof(finding.cause), "%s", rules[rule].cause);
	va_start(args, evidence);
	vsnprintf(finding.evidence, sizeof(finding.evidence), evidence, args);
	va_end(args);
	snprintf(finding.kernel, sizeof(finding.kernel), "execve(2): %s", rules[rule].kernel);
	finding_add(check->findings, &finding);
}

static void check_header(const struct check *check)
{
	const struct segmap_ehdr *e = &check->image->ehdr;

	if (e->ident[EI_CLASS] != ELFCLASS64)
		found(check, RULE_CLASS, -1, "EI_CLASS %d: ELFCLASS64 is %d",
		      e->ident[EI_CLASS], ELFCLASS64);
	if (e->ident[EI_DATA] != ELFDATA2LSB)
		found(check, RULE_DATA, -1, "EI_DATA %d: ELFDATA2LSB is %d", e->ident[EI_DATA],
		      ELFDATA2LSB);
	if (e->ident[EI_VERSION] != EV_CURRENT || e->version != EV_CURRENT)
		found(check, RULE_VERSION, -1, "EI_VERSION %d, e_version %" PRIu32,
		      e->ident[EI_VERSION], e->version);
	if (e->shoff == 0 || e->shnum == 0)
		found(check, RULE_NO_SECTIONS, -1, "e_shoff " HEX ", e_shnum %d", e->shoff,
		      e->shnum);
}

/* The byte at ADDR belongs to an executable segment, or to its last page. */
static bool is_executable(const struct check *check, uint64_t addr)
{
	for (size_t i = 0; i < check->image->phdr_count; i++) {
		const struct segmap_phdr *p = &check->image->phdrs[i];
		uint64_t start = page_down(p->vaddr, check->page);

		if (p->type == PT_LOAD && p->flags & PF_X && p->memsz &&
		    addr - start < page_up(p->vaddr + p->memsz, check->page) - start)
			return true;
	}
	return false;
}

static void check_entry(const struct check *check)
{
	uint64_t entry = check->image->ehdr.entry;

	if (!is_executable(check, entry))
		found(check, RULE_ENTRY, -1, "entry " HEX, entry);
}

/* The link-time address of the table, as the kernel finds it: in the last segment that has it.
 */
static bool table_address(const struct segmap_image *image, uint64_t *addr)
{
	bool is_mapped = false;

	for (size_t i = next_load(image, 0); i < image->phdr_count;
	     i = next_load(image, i + 1)) {
		const struct segmap_phdr *p = &image->phdrs[i];

		if (image->ehdr.phoff < p->offset || image->ehdr.phoff - p->offset >= p->filesz)
			continue;
		*addr = image->ehdr.phoff - p->offset + p->vaddr;
		is_mapped = true;
	}
	return is_mapped;
}

static void check_table(const struct check *check)
{
	const struct segmap_image *image = check->image;
	uint64_t addr = 0;
	bool is_mapped = table_address(image, &addr);

	if (!is_mapped)
		found(check, RULE_PHDR_UNMAPPED, -1, "e_phoff " HEX, image->ehdr.phoff);
	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];

		if (p->type == PT_PHDR &&
		    (p->offset != image->ehdr.phoff || (is_mapped && p->vaddr != addr)))
			found(check, RULE_PHDR_MISMATCH, (int)i,
			      "PHDR[%zu] offset " HEX " vaddr " HEX
			      ": the table is at offset " HEX " vaddr " HEX,
			      i, p->offset, p->vaddr, image->ehdr.phoff, addr);
		if (p->type == PT_INTERP && (int)i != image->interp_index)
			found(check, RULE_INTERP_SEVERAL, (int)i,
			      "INTERP[%zu] offset " HEX ": INTERP[%d] comes first", i,
			      p->offset, image->interp_index);
	}
}

static void check_stack(const struct check *check)
{
	const struct segmap_image *image = check->image;
	size_t i = image->phdr_count;

	if (image->stack_request == SEGMAP_STACK_UNSAID) {
		found(check, RULE_NO_GNU_STACK, -1, "none among %zu headers", i);
		return;
	}
	while (i > 0 && image->phdrs[i - 1].type != PT_GNU_STACK)
		i--;
	if (image->stack_request == SEGMAP_STACK_EXEC && i > 0)
		found(check, RULE_EXEC_STACK, (int)i - 1, "GNU_STACK[%zu] flags " HEX, i - 1,
		      (uint64_t)image->phdrs[i - 1].flags);
}

/* What only matters of the program: the kernel does not look at it in an interpreter. */
static void check_program(const struct check *check)
{
	const struct segmap_image *image = check->image;

	if (image->mode & (S_ISUID | S_ISGID))
		found(check, RULE_SET_ID, -1, "mode %#o, owner %u, group %u",
		      image->mode & 07777, image->owner, image->group);
	check_table(check);
	check_stack(check);
}

static void check_bss(const struct check *check, int i, const struct segmap_phdr *p)
{
	uint64_t file_end = p->vaddr + p->filesz, end = p->vaddr + p->memsz;
	uint64_t file_top = page_up(file_end, check->page);

	if (p->memsz <= p->filesz || p->flags & PF_W)
		return;
	if (p->filesz && file_end != file_top)
		found(check, RULE_BSS_JUNK, i,
		      "LOAD[%d] file bytes end at " HEX ", their page at " HEX, i, file_end,
		      file_top);
	if (p->filesz == 0 || end > file_top)
		found(check, RULE_BSS_WRITABLE, i, "LOAD[%d] filesz " HEX " memsz " HEX, i,
		      p->filesz, p->memsz);
}

static void check_align(const struct check *check, int i, const struct segmap_phdr *p)
{
	if (p->align > 1 && !is_power_of_two(p->align))
		found(check, RULE_ALIGN_POWER, i, "LOAD[%d] p_align " HEX, i, p->align);
	else if (p->align < check->page)
		found(check, RULE_ALIGN_SMALL, i, "LOAD[%d] p_align " HEX ", page " HEX, i,
		      p->align, check->page);
	else if (p->filesz && ((p->offset ^ p->vaddr) & (p->align - 1)) != 0)
		found(check, RULE_ALIGN_INCONGRUENT, i,
		      "LOAD[%d] offset " HEX " vaddr " HEX " p_align " HEX, i, p->offset,
		      p->vaddr, p->align);
}

static void check_segment(const struct check *check, int i, const struct segmap_phdr *p)
{
	uint64_t size = check->image->file_size;
	uint32_t both = PF_W | PF_X;
	char flags[4];

	if ((p->flags & both) == both)
		found(check, RULE_WRITE_EXECUTE, i,
		      "LOAD[%d] vaddr " HEX " memsz " HEX " flags %s", i, p->vaddr, p->memsz,
		      name_flags(p->flags, flags));
	if (p->filesz && (p->offset > size || p->filesz > size - p->offset))
		found(check, RULE_PAST_EOF, i,
		      "LOAD[%d] offset " HEX " + " HEX " bytes, the file has " HEX, i,
		      p->offset, p->filesz, size);
	check_bss(check, i, p);
	check_align(check, i, p);
}

/* A and B, both with bytes, rounded to ALIGN. Ends before the beginnings have been refused. */
static bool meet(const struct segmap_phdr *a, const struct segmap_phdr *b, uint64_t align)
{
	return page_down(a->vaddr, align) < page_up(b->vaddr + b->memsz, align) &&
	       page_down(b->vaddr, align) < page_up(a->vaddr + a->memsz, align);
}

/* Only the first earlier segment that J collides with is told. */
static void check_neighbours(const struct check *check, size_t j)
{
	const struct segmap_phdr *phdrs = check->image->phdrs, *b = &phdrs[j];

	for (size_t i = 0; i < j; i++) {
		const struct segmap_phdr *a = &phdrs[i];

		if (a->type != PT_LOAD || !a->memsz || !b->memsz || !meet(a, b, check->page))
			continue;
		found(check, meet(a, b, 1) ? RULE_OVERLAP : RULE_SHARED_PAGE, (int)j,
		      "LOAD[%zu] " HEX "-" HEX ", LOAD[%zu] " HEX "-" HEX, j, b->vaddr,
		      b->vaddr + b->memsz, i, a->vaddr, a->vaddr + a->memsz);
		return;
	}
}

static void check_segments(const struct check *check)
{
	const struct segmap_image *image = check->image;
	const struct segmap_phdr *before = NULL;

	for (size_t i = next_load(image, 0); i < image->phdr_count;
	     i = next_load(image, i + 1)) {
		const struct segmap_phdr *p = &image->phdrs[i];

		check_segment(check, (int)i, p);
		if (before && p->vaddr < before->vaddr)
			found(check, RULE_UNORDERED, (int)i, "LOAD[%zu] vaddr " HEX " < " HEX,
			      i, p->vaddr, before->vaddr);
		check_neighbours(check, i);
		before = p;
	}
	if (!before)
		found(check, RULE_NO_LOAD, -1, "none among %zu headers", image->phdr_count);
}

/* Only the lowest mapping is told. */
static void check_places(const struct check *check, const struct segmap_plan *plan)
{
	const struct segmap_mapping *lowest = NULL;

	if (!plan || plan->objects[check->id].place != SEGMAP_PLACE_FIXED)
		return;
	for (size_t i = 0; i < plan->mapping_count; i++) {
		const struct segmap_mapping *m = &plan->mappings[i];

		if (m->object == check->id && (!lowest || m->addr < lowest->addr))
			lowest = m;
	}
	if (lowest && lowest->addr < USUAL_MMAP_MIN_ADDR)
		found(check, RULE_LOW_ADDRESS, lowest->index,
		      "LOAD[%d] mapped at " HEX ": vm.mmap_min_addr is usually " HEX,
		      lowest->index, lowest->addr, (uint64_t)USUAL_MMAP_MIN_ADDR);
}

void check_image(struct findings *findings, const struct plan_file *file,
		 enum segmap_object_id id)
{
	const struct check check = {findings, file->images[id], id, file->rules.page_size};

	check_header(&check);
	if (id == SEGMAP_PROGRAM)
		check_program(&check);
	check_entry(&check);
	check_segments(&check);
	check_places(&check, file->plan);
}
