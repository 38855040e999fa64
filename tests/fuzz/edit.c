/* SPDX-License-Identifier: MIT */
/* What can be done to a file, in memory as craft does it on disk: the text that case_print
 * writes makes the same bytes there. */
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

#define EHDR(member)                                                                           \
	{                                                                                      \
#member, offsetof(Elf64_Ehdr, member), sizeof(((Elf64_Ehdr *)NULL)->member)    \
	}
#define IDENT(n)                                                                               \
	{                                                                                      \
		"e_ident[" #n "]", n, 1                                                        \
	}
#define PHDR(member)                                                                           \
	{                                                                                      \
#member, offsetof(Elf64_Phdr, member), sizeof(((Elf64_Phdr *)NULL)->member)    \
	}

const struct field ehdr_fields[] = {
	EHDR(e_entry),     EHDR(e_phoff),   EHDR(e_phnum),    EHDR(e_type),  EHDR(e_phentsize),
	EHDR(e_machine),   EHDR(e_version), EHDR(e_shoff),    EHDR(e_flags), EHDR(e_ehsize),
	EHDR(e_shentsize), EHDR(e_shnum),   EHDR(e_shstrndx), IDENT(0),      IDENT(3),
	IDENT(4),          IDENT(5),        IDENT(6),         IDENT(7),      IDENT(8),
	IDENT(15),
};

const struct field phdr_fields[] = {
	PHDR(p_type),  PHDR(p_flags),  PHDR(p_offset), PHDR(p_vaddr),
	PHDR(p_paddr), PHDR(p_filesz), PHDR(p_memsz),  PHDR(p_align),
};

const int ehdr_field_count = sizeof(ehdr_fields) / sizeof(ehdr_fields[0]);
const int phdr_field_count = sizeof(phdr_fields) / sizeof(phdr_fields[0]);

static size_t phdr_offset(uint64_t n)
{
	return TABLE + n * sizeof(Elf64_Phdr);
}

static size_t field_offset(const struct edit *edit, size_t *width)
{
	const struct field *f =
		edit->kind == SET_EHDR ? &ehdr_fields[edit->field] : &phdr_fields[edit->field];

	*width = f->width;
	return f->offset + (edit->kind == SET_EHDR ? 0 : phdr_offset((uint64_t)edit->phdr));
}

uint64_t edit_get(const struct file *file, const struct edit *edit)
{
	size_t width, offset = field_offset(edit, &width);
	uint64_t value = 0;

	memcpy(&value, file->bytes + offset, width); /* little endian, as the files are */
	return value;
}

static void swap_headers(struct file *file, uint64_t a, uint64_t b)
{
	Elf64_Phdr x, y;

	memcpy(&x, file->bytes + phdr_offset(a), sizeof(x));
	memcpy(&y, file->bytes + phdr_offset(b), sizeof(y));
	memcpy(file->bytes + phdr_offset(a), &y, sizeof(y));
	memcpy(file->bytes + phdr_offset(b), &x, sizeof(x));
}

static void resize(struct file *file, uint64_t size)
{
	if (size < file->size)
		memset(file->bytes + size, 0, file->size - size);
	file->size = size;
}

void edit_apply(struct file *file, const struct edit *edit)
{
	size_t width, offset;

	switch (edit->kind) {
	case SET_EHDR:
	case SET_PHDR:
		offset = field_offset(edit, &width);
		memcpy(file->bytes + offset, &edit->value, width);
		break;
	case SWAP:
		swap_headers(file, (uint64_t)edit->phdr, edit->value);
		break;
	case RESIZE:
		resize(file, edit->value);
		break;
	}
}

void case_build(const struct fuzz_case *c, const bool *skip, struct file out[FILES])
{
	for (int which = PROGRAM; which < FILES; which++)
		out[which] = c->base->file[which];
	for (size_t i = 0; i < c->count; i++)
		if (!skip || !skip[i])
			edit_apply(&out[c->edits[i].which], &c->edits[i]);
}

static void print_edit(const struct edit *e, uint64_t *size, FILE *out)
{
	switch (e->kind) {
	case SET_EHDR:
		fprintf(out, " %s=0x%" PRIx64, ehdr_fields[e->field].name, e->value);
		break;
	case SET_PHDR:
		fprintf(out, " ph[%d].%s=0x%" PRIx64, e->phdr, phdr_fields[e->field].name,
			e->value);
		break;
	case SWAP:
		fprintf(out, " swap=%d,%" PRIu64, e->phdr, e->value);
		break;
	case RESIZE:
		fprintf(out, " %s=0x%" PRIx64, e->value > *size ? "extend" : "truncate",
			e->value);
		*size = e->value;
		break;
	}
}

void case_print(const struct fuzz_case *c, FILE *out)
{
	static const char *const words[] = {"program", "interp"};

	for (int which = PROGRAM; which < FILES && c->base->name[which]; which++) {
		uint64_t size = c->base->file[which].size;

		fprintf(out, "%s %s %s", words[which], c->base->name[which],
			c->base->edits[which]);
		for (size_t i = 0; i < c->count; i++)
			if ((int)c->edits[i].which == which)
				print_edit(&c->edits[i], &size, out);
		fputc('\n', out);
	}
}
