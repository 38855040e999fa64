/*
 * Names from section headers and symbol tables, through libelf: the one other place where it
 * is used. All of it is decoration, so whatever libelf does not understand has no name.
 */
#include <segmap/symbols.h>

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
	const char *name;
	uint64_t vaddr;
	uint64_t size;
	size_t section; /* its index in the file */
	bool local;
};

struct section {
	struct segmap_section public;
	size_t index; /* in the file */
};

struct segmap_symbols {
	int fd;   /* owned */
	Elf *elf; /* owned; the names are in it. NULL if libelf sees no ELF file */
	struct section *sections; /* owned, sorted by address */
	size_t section_count;
	struct entry *entries; /* owned, sorted by address, the best name of an address last */
	size_t entry_count;
};

static int compare_sections(const void *a, const void *b)
{
	const struct segmap_section *x = &((const struct section *)a)->public;
	const struct segmap_section *y = &((const struct section *)b)->public;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

/* Of several names for one address the last is taken: a global one with a size. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	if ((x->size == 0) != (y->size == 0))
		return x->size == 0 ? -1 : 1;
	return (int)y->local - (int)x->local;
}

static bool occupies_memory(const GElf_Shdr *shdr)
{
	bool tls_bss = shdr->sh_flags & SHF_TLS && shdr->sh_type == SHT_NOBITS;

	return shdr->sh_flags & SHF_ALLOC && shdr->sh_size != 0 && !tls_bss;
}

static int read_sections(struct segmap_symbols *symbols, size_t count, size_t names)
{
	Elf_Scn *scn = NULL;

	symbols->sections = calloc(count, sizeof(*symbols->sections));
	if (!symbols->sections)
		return -ENOMEM;
	while (symbols->section_count < count && (scn = elf_nextscn(symbols->elf, scn))) {
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr) || !occupies_memory(&shdr))
			continue;
		const char *name = elf_strptr(symbols->elf, names, shdr.sh_name);
		if (!name || !*name)
			continue;
		symbols->sections[symbols->section_count++] = (struct section){
			.public = {name, shdr.sh_addr, shdr.sh_size,
				   shdr.sh_type == SHT_NOBITS},
			.index = elf_ndxscn(scn),
		};
	}
	qsort(symbols->sections, symbols->section_count, sizeof(*symbols->sections),
	      compare_sections);
	return 0;
}

static Elf_Scn *find_table(Elf *elf, GElf_Word type, GElf_Shdr *shdr)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, shdr) && shdr->sh_type == type)
			return scn;
	return NULL;
}

/* A name for a place in memory: no file, no section, no thread-local offset, no constant. */
static bool names_memory(const GElf_Sym *sym, const char *name)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	if (type != STT_NOTYPE && type != STT_OBJECT && type != STT_FUNC &&
	    type != STT_GNU_IFUNC)
		return false;
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE)
		return false;
	return name && *name && *name != '$';
}

static int read_entries(struct segmap_symbols *symbols)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = find_table(symbols->elf, SHT_SYMTAB, &shdr);

	if (!scn)
		scn = find_table(symbols->elf, SHT_DYNSYM, &shdr);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	size_t each = gelf_fsize(symbols->elf, ELF_T_SYM, 1, EV_CURRENT);
	size_t count = data && data->d_buf && each ? data->d_size / each : 0;

	symbols->entries = calloc(count + 1, sizeof(*symbols->entries));
	if (!symbols->entries)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		const char *name = elf_strptr(symbols->elf, shdr.sh_link, sym.st_name);
		if (names_memory(&sym, name))
			symbols->entries[symbols->entry_count++] =
				(struct entry){name, sym.st_value, sym.st_size, sym.st_shndx,
					       GELF_ST_BIND(sym.st_info) == STB_LOCAL};
	}
	qsort(symbols->entries, symbols->entry_count, sizeof(*symbols->entries),
	      compare_entries);
	return 0;
}

static int read_names(struct segmap_symbols *symbols)
{
	size_t count = 0, names = 0;

	elf_version(EV_CURRENT);
	/* Not ELF_C_READ_MMAP: a file that shrinks meanwhile would be a SIGBUS. */
	symbols->elf = elf_begin(symbols->fd, ELF_C_READ, NULL);
	if (!symbols->elf || elf_kind(symbols->elf) != ELF_K_ELF)
		return 0;
	if (elf_getshdrnum(symbols->elf, &count) != 0 || count == 0)
		return 0;
	if (elf_getshdrstrndx(symbols->elf, &names) != 0)
		return 0;
	int r = read_sections(symbols, count, names);
	return r == 0 ? read_entries(symbols) : r;
}

int segmap_symbols_open(struct segmap_symbols **out, int fd, struct segmap_error *err)
{
	struct segmap_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	symbols->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (symbols->fd < 0) {
		int r = fail(err, OPEN, SYSTEM, errno, .step = "fcntl");

		free(symbols);
		return r;
	}
	if (read_names(symbols) != 0) {
		segmap_symbols_free(symbols);
		return fail(err, MEMORY, SYSTEM, ENOMEM);
	}
	*out = symbols;
	return 0;
}

void segmap_symbols_free(struct segmap_symbols *symbols)
{
	if (!symbols)
		return;
	elf_end(symbols->elf);
	close(symbols->fd);
	free(symbols->sections);
	free(symbols->entries);
	free(symbols);
}

size_t segmap_symbols_sections(const struct segmap_symbols *symbols, uint64_t start,
			       uint64_t end, struct segmap_section *out, size_t room)
{
	size_t found = 0;

	for (size_t i = 0; symbols && i < symbols->section_count; i++) {
		const struct segmap_section *s = &symbols->sections[i].public;

		if (s->vaddr >= end || (s->vaddr < start && start - s->vaddr >= s->size))
			continue;
		if (found < room)
			out[found] = *s;
		found++;
	}
	return found;
}

/* The number of entries at or before VADDR. */
static size_t entries_up_to(const struct segmap_symbols *symbols, uint64_t vaddr)
{
	size_t low = 0, high = symbols->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->entries[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool in_section(const struct segmap_symbols *symbols, size_t index, uint64_t vaddr)
{
	for (size_t i = 0; i < symbols->section_count; i++)
		if (symbols->sections[i].index == index)
			return vaddr - symbols->sections[i].public.vaddr <
			       symbols->sections[i].public.size;
	return false;
}

bool segmap_symbols_find(const struct segmap_symbols *symbols, uint64_t vaddr,
			 struct segmap_symbol *out)
{
	for (size_t i = symbols ? entries_up_to(symbols, vaddr) : 0; i > 0; i--) {
		const struct entry *e = &symbols->entries[i - 1];
		bool covers = e->size ? vaddr - e->vaddr < e->size
				      : in_section(symbols, e->section, vaddr);

		if (!covers)
			continue;
		*out = (struct segmap_symbol){e->name, e->vaddr, e->size, vaddr - e->vaddr};
		return true;
	}
	return false;
}

/* .symtab of a program has the version in names of a library's: "environ@GLIBC_2.2.5". */
static bool is_named(const struct entry *entry, const char *name, size_t length)
{
	return strncmp(entry->name, name, length) == 0 &&
	       (entry->name[length] == '\0' || entry->name[length] == '@');
}

bool segmap_symbols_lookup(const struct segmap_symbols *symbols, const char *name,
			   struct segmap_symbol *out)
{
	const struct entry *found = NULL;
	size_t length = strlen(name);

	for (size_t i = 0; symbols && i < symbols->entry_count; i++) {
		const struct entry *e = &symbols->entries[i];

		if ((!found || (found->local && !e->local)) && is_named(e, name, length))
			found = e;
	}
	if (found)
		*out = (struct segmap_symbol){found->name, found->vaddr, found->size, 0};
	return found;
}
