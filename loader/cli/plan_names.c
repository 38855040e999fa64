/* Words for the numbers of an ELF file. */
#include "plan.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct word {
	uint32_t number;
	const char *name;
};

/* The table ends with a NULL name. */
static const char *find_word(const struct word *words, uint32_t number, char buffer[16])
{
	for (; words->name; words++)
		if (words->number == number)
			return words->name;
	snprintf(buffer, 16, "0x%" PRIx32, number);
	return buffer;
}

const char *name_type(uint16_t type, char buffer[16])
{
	static const struct word words[] = {
		{ET_NONE, "NONE"}, {ET_REL, "REL"},   {ET_EXEC, "EXEC"},
		{ET_DYN, "DYN"},   {ET_CORE, "CORE"}, {0, NULL},
	};

	return find_word(words, type, buffer);
}

const char *name_machine(uint16_t machine, char buffer[16])
{
	static const struct word words[] = {
		{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_RISCV, "riscv"},
		{EM_386, "i386"},      {EM_ARM, "arm"},         {0, NULL},
	};

	return find_word(words, machine, buffer);
}

const char *name_phdr(uint32_t type, char buffer[16])
{
	static const struct word words[] = {
		{PT_NULL, "NULL"},
		{PT_LOAD, "LOAD"},
		{PT_DYNAMIC, "DYNAMIC"},
		{PT_INTERP, "INTERP"},
		{PT_NOTE, "NOTE"},
		{PT_SHLIB, "SHLIB"},
		{PT_PHDR, "PHDR"},
		{PT_TLS, "TLS"},
		{PT_GNU_EH_FRAME, "GNU_EH_FRAME"},
		{PT_GNU_STACK, "GNU_STACK"},
		{PT_GNU_RELRO, "GNU_RELRO"},
		{PT_GNU_PROPERTY, "GNU_PROPERTY"},
		{0, NULL},
	};

	return find_word(words, type, buffer);
}

const char *name_flags(uint32_t flags, char buffer[4])
{
	buffer[0] = flags & PF_R ? 'R' : ' ';
	buffer[1] = flags & PF_W ? 'W' : ' ';
	buffer[2] = flags & PF_X ? 'E' : ' ';
	buffer[3] = '\0';
	return buffer;
}

const char *name_prot(int prot, char buffer[5])
{
	buffer[0] = prot & PROT_READ ? 'r' : '-';
	buffer[1] = prot & PROT_WRITE ? 'w' : '-';
	buffer[2] = prot & PROT_EXEC ? 'x' : '-';
	buffer[3] = 'p';
	buffer[4] = '\0';
	return buffer;
}

const char *name_size(uint64_t size, bool bytes, char buffer[24])
{
	static const char units[] = " KMGTPE";
	unsigned unit = 0;
	double value = (double)size;

	while (value >= 1024 && !bytes) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(buffer, 24, "%" PRIu64 "%s", size, bytes ? "" : "B");
	else
		snprintf(buffer, 24, "%.*f%c", value < 10 && value != (int)value, value,
			 units[unit]);
	return buffer;
}

const char *name_address(const struct segmap_symbols *symbols, uint64_t vaddr, char buffer[128])
{
	struct segmap_symbol symbol;

	buffer[0] = '\0';
	if (!segmap_symbols_find(symbols, vaddr, &symbol))
		return buffer;
	if (symbol.offset)
		snprintf(buffer, 128, " (%.96s+0x%" PRIx64 ")", symbol.name, symbol.offset);
	else
		snprintf(buffer, 128, " (%.120s)", symbol.name);
	return buffer;
}

struct segmap_section *list_sections(const struct segmap_symbols *symbols,
				     const struct segmap_phdr *p, enum segmap_mapping_kind kind,
				     size_t *count)
{
	bool bss = kind == SEGMAP_ANON_PRIVATE;
	uint64_t start = p->vaddr + (bss ? p->filesz : 0);
	uint64_t end = p->vaddr + (bss ? p->memsz : p->filesz);
	size_t found = segmap_symbols_sections(symbols, start, end, NULL, 0);
	struct segmap_section *sections = calloc(found + 1, sizeof(*sections));

	*count = 0;
	if (!sections)
		return NULL;
	segmap_symbols_sections(symbols, start, end, sections, found);
	for (size_t i = 0; i < found; i++)
		if (sections[i].nobits == bss)
			sections[(*count)++] = sections[i];
	return sections;
}

/* The length of ".note." in ".note.ABI-tag"; 0 if the name has no second part. */
static size_t family_length(const char *name)
{
	const char *dot = *name == '.' ? strchr(name + 1, '.') : NULL;

	return dot ? (size_t)(dot - name) + 1 : 0;
}

static bool same_family(const char *a, const char *b)
{
	size_t length = family_length(a);

	return length && length == family_length(b) && strncmp(a, b, length) == 0;
}

/* How many of the COUNT sections after I are of its family, wherever they stand. */
static bool has_later_kin(const struct segmap_section *sections, size_t count, size_t i)
{
	for (size_t j = i + 1; j < count; j++)
		if (same_family(sections[i].name, sections[j].name))
			return true;
	return false;
}

static bool has_earlier_kin(const struct segmap_section *sections, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (same_family(sections[i].name, sections[j].name))
			return true;
	return false;
}

char *shorten_sections(const struct segmap_section *sections, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *name = sections[i].name;

		if (has_earlier_kin(sections, i))
			continue;
		fputs(i ? " " : "", out);
		if (has_later_kin(sections, count, i))
			fprintf(out, "%.*s*", (int)family_length(name), name);
		else
			fputs(name, out);
	}
	fclose(out);
	return text;
}
