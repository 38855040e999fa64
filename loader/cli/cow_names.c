/* Addresses in words, for the account of copies. */
#include "cow.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

char *cow_text(const char *format, ...)
{
	va_list args;
	char *out;

	va_start(args, format);
	int n = vasprintf(&out, format, args);
	va_end(args);
	return n < 0 ? NULL : out;
}

const char *cow_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The address where the section that ADDR is in begins. */
static uint64_t section_start(const struct cow_process *process, uint64_t addr)
{
	struct segmap_section section;

	return segmap_names_sections(process->names, addr, addr + 1, &section, 1)
		       ? section.vaddr
		       : addr;
}

char *cow_address_text(const struct cow_process *process, uint64_t addr)
{
	struct segmap_name name;

	segmap_names_find(process->names, addr, false, &name);
	if (name.symbol)
		return name.symbol_offset
			       ? cow_text("%s+0x%" PRIx64, name.symbol, name.symbol_offset)
			       : cow_text("%s", name.symbol);
	if (name.section)
		return cow_text("%s+0x%" PRIx64, name.section,
				addr - section_start(process, addr));
	return cow_text("0x%" PRIx64, addr);
}

char *cow_writer_text(const struct cow_process *process, const struct segmap_fault *fault)
{
	if (!fault)
		return cow_text("?");
	return fault->kernel ? cow_text("kernel") : cow_address_text(process, fault->ip);
}

bool cow_written_at(const struct cow_process *process, size_t i, uint64_t *addr)
{
	const struct segmap_copy *copy = &process->account.copies[i];
	const struct segmap_contents *contents = &process->contents[i];

	if (copy->fault)
		*addr = copy->fault->addr;
	else if (!contents->error && contents->differing)
		*addr = copy->addr + contents->first;
	return copy->fault || (!contents->error && contents->differing);
}
