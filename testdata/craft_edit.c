/* SPDX-License-Identifier: MIT */
/* The edits: each function gets what follows the edit's name. */
#include "craft.h"

#include <string.h>

static void edit_text(const char *text)
{
	uint64_t offset = parse_value(&text);
	char *string;
	size_t n;

	expect(&text, "=");
	string = parse_string(text, &n);
	write_at(offset, string, n);
	reload_headers();
}

static void edit_poke_string(const char *text)
{
	uint64_t offset = parse_value(&text);
	char *string;
	size_t n;

	expect(&text, "=");
	string = parse_string(text, &n);
	write_at(offset, string, n + 1);
	reload_headers();
}

static void edit_bytes(const char *text)
{
	uint64_t offset = parse_value(&text);

	expect(&text, "=");
	if (strlen(text) % 2 != 0)
		fail("an even number of hex digits is expected");
	for (; *text; text += 2, offset++) {
		unsigned char byte =
			(unsigned char)(hex_digit(text[0]) * 16 + hex_digit(text[1]));

		write_at(offset, &byte, 1);
	}
	reload_headers();
}

static void edit_truncate(const char *text)
{
	uint64_t size = parse_value(&text);

	expect_end(text);
	if (size > file_size())
		fail("the file has only 0x%jx bytes", (uintmax_t)file_size());
	resize(size);
	reload_headers();
}

static void edit_extend(const char *text)
{
	uint64_t size = parse_value(&text);

	expect_end(text);
	if (size < file_size())
		fail("the file has 0x%jx bytes already", (uintmax_t)file_size());
	resize(size);
}

static void edit_mode(const char *text)
{
	out.mode = (mode_t)parse_value(&text);
	expect_end(text);
	if (out.mode > 07777)
		fail("not a file mode");
}

static void set_count(size_t count)
{
	if (!out.can_grow || count > MAX_PHDRS)
		fail("no room for %zu program headers%s", count,
		     out.can_grow ? "" : ": use phdrs= first");
	out.count = count;
	out.eh.e_phnum = (Elf64_Half)count;
	out.eh_changed = out.ph_changed = true;
}

static void add_empty(size_t n)
{
	size_t old = out.count;

	set_count(old + n);
	memset(out.ph + old, 0, n * sizeof(out.ph[0]));
}

static void edit_phdrs(const char *text)
{
	if (skip(&text, "end"))
		out.table = (file_size() + 7) / 8 * 8;
	else
		out.table = parse_value(&text);
	out.can_grow = true;
	out.eh.e_phoff = out.table;
	set_count(out.count);
	if (skip(&text, ",extra=")) {
		add_empty((size_t)parse_number(&text));
	} else if (skip(&text, ",total=")) {
		size_t total = (size_t)parse_number(&text);

		if (total < out.count)
			fail("there are %zu already", out.count);
		add_empty(total - out.count);
	}
	expect_end(text);
}

static void edit_clone(const char *text)
{
	size_t source = (size_t)parse_value(&text), first = out.count, count;
	uint64_t vstep, ostep;

	expect(&text, ",");
	count = (size_t)parse_value(&text);
	expect(&text, ",");
	vstep = parse_value(&text);
	expect(&text, ",");
	ostep = parse_value(&text);
	expect_end(text);
	nth(source);
	set_count(first + count);
	for (size_t k = 1; k <= count; k++) {
		Elf64_Phdr *copy = &out.ph[first + k - 1];

		*copy = out.ph[source];
		copy->p_vaddr += k * vstep;
		copy->p_paddr += k * vstep;
		copy->p_offset += k * ostep;
	}
}

static void edit_swap(const char *text)
{
	Elf64_Phdr *a = nth((size_t)parse_value(&text)), *b, saved;

	expect(&text, ",");
	b = nth((size_t)parse_value(&text));
	expect_end(text);
	saved = *a;
	*a = *b;
	*b = saved;
	out.ph_changed = true;
}

static void edit_interp_path(const char *text)
{
	Elf64_Phdr *interp = nth_of_type(PT_INTERP, 0);
	size_t n;
	char *path = parse_string(text, &n);

	if (n + 1 > interp->p_filesz)
		interp->p_offset = file_size();
	interp->p_filesz = interp->p_memsz = n + 1;
	out.ph_changed = true;
	write_at(interp->p_offset, path, n + 1);
}

static void edit_field(const char *text)
{
	struct place place;
	uint64_t old, value;

	if (!parse_field(&text, &place))
		fail("unknown field or edit");
	old = get(&place);
	if (skip(&text, "="))
		value = parse_value(&text);
	else if (skip(&text, "+="))
		value = old + parse_value(&text);
	else if (skip(&text, "-="))
		value = old - parse_value(&text);
	else
		fail("`=`, `+=` or `-=` is expected at `%s`", text);
	expect_end(text);
	set(&place, value);
}

static const struct {
	const char *name;
	void (*apply)(const char *text);
} edits[] = {
	{"bytes@", edit_bytes},
	{"clone=", edit_clone},
	{"extend=", edit_extend},
	{"interp-path=", edit_interp_path},
	{"mode=", edit_mode},
	{"phdrs=", edit_phdrs},
	{"poke-string@", edit_poke_string},
	{"swap=", edit_swap},
	{"text@", edit_text},
	{"truncate=", edit_truncate},
	{"", edit_field},
};

void apply(const char *edit)
{
	const char *text = edit;
	size_t i = 0;

	out.edit = edit;
	while (!skip(&text, edits[i].name))
		i++;
	edits[i].apply(text);
	flush_headers();
	out.edit = NULL;
}
