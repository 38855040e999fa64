/*
 * Lines of source through libdw: from the file itself, or from the debug file that its build id
 * or .gnu_debuglink names, where that is installed.
 */
#include "source.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source {
	const struct segmap_image *image;
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf_Addr bias; /* libdw's, from a link-time address to its own */
};

/* libdw would map the file, and one that shrinks meanwhile would be a SIGBUS; so it is given
 * one that is read. */
static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		    char **file, Elf **elf)
{
	const struct source *source = *data;
	int fd = fcntl(source->image->fd, F_DUPFD_CLOEXEC, 3);

	(void)module;
	(void)base;
	if (fd < 0)
		return -1;
	*elf = elf_begin(fd, ELF_C_READ, NULL);
	*file = strdup(name);
	if (*elf && *file)
		return fd;
	elf_end(*elf);
	free(*file);
	*elf = NULL;
	*file = NULL;
	close(fd);
	return -1;
}

/* The addresses of the file, from its first segment as libdw aligns it. */
static bool find_range(const struct segmap_image *image, uint64_t *start, uint64_t *end)
{
	bool first = true;

	*start = *end = 0;
	for (size_t i = 0; i < image->phdr_count; i++) {
		const struct segmap_phdr *p = &image->phdrs[i];
		uint64_t mem_end;

		if (p->type != PT_LOAD || __builtin_add_overflow(p->vaddr, p->memsz, &mem_end))
			continue;
		if (first)
			*start = p->align ? p->vaddr & -p->align : p->vaddr;
		first = false;
		*end = mem_end > *end ? mem_end : *end;
	}
	return !first && *end > *start;
}

static bool open_module(struct source *source, const char *name)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	uint64_t start, end;
	void **data;

	if (!find_range(source->image, &start, &end))
		return false;
	source->dwfl = dwfl_begin(&callbacks);
	if (!source->dwfl)
		return false;
	dwfl_report_begin(source->dwfl);
	source->module = dwfl_report_module(source->dwfl, name, start, end);
	if (source->module &&
	    dwfl_module_info(source->module, &data, NULL, NULL, NULL, NULL, NULL, NULL))
		*data = source;
	return dwfl_report_end(source->dwfl, NULL, NULL) == 0 && source->module &&
	       dwfl_module_getelf(source->module, &source->bias);
}

struct source *source_open(const struct segmap_image *image, const char *name)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->image = image;
	elf_version(EV_CURRENT);
	if (open_module(source, name))
		return source;
	source_free(source);
	return NULL;
}

static const char *by_table(struct source *source, uint64_t vaddr, int *line)
{
	Dwfl_Line *found = dwfl_module_getsrc(source->module, vaddr + source->bias);

	return found ? dwfl_lineinfo(found, NULL, line, NULL, NULL, NULL) : NULL;
}

/* clang writes no table of what addresses a unit has (.debug_aranges): each unit is asked. */
static const char *by_units(struct source *source, uint64_t vaddr, int *line)
{
	Dwarf_Die *unit = NULL;
	Dwarf_Addr bias;

	while ((unit = dwfl_module_nextcu(source->module, unit, &bias))) {
		Dwarf_Addr pc = vaddr + source->bias - bias;
		Dwarf_Line *found =
			dwarf_haspc(unit, pc) == 1 ? dwarf_getsrc_die(unit, pc) : NULL;

		if (found && dwarf_lineno(found, line) == 0)
			return dwarf_linesrc(found, NULL, NULL);
	}
	return NULL;
}

bool source_find(struct source *source, uint64_t vaddr, const char **file, int *line)
{
	int number = 0;
	const char *name = source ? by_table(source, vaddr, &number) : NULL;

	if (source && !name)
		name = by_units(source, vaddr, &number);
	if (!name || number <= 0)
		return false;
	*file = name;
	*line = number;
	return true;
}

void source_free(struct source *source)
{
	if (!source)
		return;
	dwfl_end(source->dwfl);
	free(source);
}
