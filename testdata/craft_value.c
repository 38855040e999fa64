/* SPDX-License-Identifier: MIT */
/* What stands in an edit: fields, numbers, sums and strings. */
#include "craft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member {
	const char *name;
	size_t offset, width;
};

#define MEMBER(type, name)                                                                     \
	{                                                                                      \
#name, offsetof(type, name), sizeof(((type *)NULL)->name)                      \
	}

static const struct member eh_members[] = {
	MEMBER(Elf64_Ehdr, e_type),      MEMBER(Elf64_Ehdr, e_machine),
	MEMBER(Elf64_Ehdr, e_version),   MEMBER(Elf64_Ehdr, e_entry),
	MEMBER(Elf64_Ehdr, e_phoff),     MEMBER(Elf64_Ehdr, e_shoff),
	MEMBER(Elf64_Ehdr, e_flags),     MEMBER(Elf64_Ehdr, e_ehsize),
	MEMBER(Elf64_Ehdr, e_phentsize), MEMBER(Elf64_Ehdr, e_phnum),
	MEMBER(Elf64_Ehdr, e_shentsize), MEMBER(Elf64_Ehdr, e_shnum),
	MEMBER(Elf64_Ehdr, e_shstrndx),  {NULL, 0, 0},
};

static const struct member ph_members[] = {
	MEMBER(Elf64_Phdr, p_type),  MEMBER(Elf64_Phdr, p_flags), MEMBER(Elf64_Phdr, p_offset),
	MEMBER(Elf64_Phdr, p_vaddr), MEMBER(Elf64_Phdr, p_paddr), MEMBER(Elf64_Phdr, p_filesz),
	MEMBER(Elf64_Phdr, p_memsz), MEMBER(Elf64_Phdr, p_align), {NULL, 0, 0},
};

static const struct {
	const char *name;
	uint32_t type;
} selectors[] = {
	{"load", PT_LOAD},       {"null", PT_NULL},
	{"dynamic", PT_DYNAMIC}, {"interp", PT_INTERP},
	{"note", PT_NOTE},       {"phdr", PT_PHDR},
	{"tls", PT_TLS},         {"stack", PT_GNU_STACK},
	{"relro", PT_GNU_RELRO}, {"property", PT_GNU_PROPERTY},
};

bool skip(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) != 0)
		return false;
	*text += n;
	return true;
}

uint64_t parse_number(const char **text)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(*text, &end, 0);
	if (end == *text || errno || **text == '-' || **text == '+')
		fail("a number is expected at `%s`", *text);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (suffix) {
		value <<= 10 * (suffix - suffixes + 1);
		end++;
	}
	*text = end;
	return value;
}

/* [N], or nothing for 0. */
static size_t parse_index(const char **text)
{
	size_t n = 0;

	if (skip(text, "[")) {
		n = (size_t)parse_number(text);
		if (!skip(text, "]"))
			fail("`]` is expected at `%s`", *text);
	}
	return n;
}

static bool parse_member(const char **text, const struct member *members, void *base,
			 struct place *place)
{
	for (const struct member *m = members; m->name; m++) {
		if (skip(text, m->name)) {
			place->bytes = (unsigned char *)base + m->offset;
			place->width = m->width;
			return true;
		}
	}
	return false;
}

Elf64_Phdr *nth_of_type(uint32_t type, size_t n)
{
	for (size_t i = 0; i < out.count; i++)
		if (out.ph[i].p_type == type && n-- == 0)
			return &out.ph[i];
	fail("there are not so many program headers of this type");
}

Elf64_Phdr *nth(size_t n)
{
	if (n >= out.count)
		fail("there is no ph[%zu], only %zu", n, out.count);
	return &out.ph[n];
}

/* An entry of the program header table, and the dot behind it; NULL if none is named. */
static Elf64_Phdr *parse_entry(const char **text)
{
	Elf64_Phdr *entry = NULL;

	if (strncmp(*text, "ph[", 3) == 0) {
		*text += 2;
		entry = nth(parse_index(text));
	}
	for (size_t i = 0; !entry && i < sizeof(selectors) / sizeof(selectors[0]); i++)
		if (skip(text, selectors[i].name))
			entry = nth_of_type(selectors[i].type, parse_index(text));
	if (entry && !skip(text, "."))
		fail("`.` and a field are expected at `%s`", *text);
	return entry;
}

bool parse_field(const char **text, struct place *place)
{
	Elf64_Phdr *entry;

	place->in_table = false;
	if (skip(text, "e_ident")) {
		size_t i = parse_index(text);

		if (i >= EI_NIDENT)
			fail("e_ident has %d bytes", EI_NIDENT);
		place->bytes = &out.eh.e_ident[i];
		place->width = 1;
		return true;
	}
	if (parse_member(text, eh_members, &out.eh, place))
		return true;
	entry = parse_entry(text);
	if (!entry)
		return false;
	place->in_table = true;
	if (!parse_member(text, ph_members, entry, place))
		fail("unknown field `%s`", *text);
	return true;
}

uint64_t get(const struct place *place)
{
	uint64_t value = 0;

	memcpy(&value, place->bytes, place->width); /* little endian, as the files are */
	return value;
}

void set(const struct place *place, uint64_t value)
{
	uint64_t limit = place->width < 8 ? (uint64_t)1 << (8 * place->width) : 0;

	if (limit && value >= limit && value < -(limit / 2))
		fail("0x%jx does not fit %zu bytes", (uintmax_t)value, place->width);
	memcpy(place->bytes, &value, place->width);
	if (place->in_table)
		out.ph_changed = true;
	else
		out.eh_changed = true;
}

/* Of --define. */
static struct word {
	char name[16];
	uint64_t value;
} words[8];
static size_t word_count;

bool define_word(const char *text)
{
	size_t n = strcspn(text, "=");
	struct word *word = &words[word_count];

	if (!text[n] || n == 0 || n >= sizeof(word->name) ||
	    word_count == sizeof(words) / sizeof(words[0]))
		return false;
	memcpy(word->name, text, n);
	text += n + 1;
	word->value = parse_number(&text);
	word_count++;
	return *text == 0;
}

static uint64_t parse_term(const char **text)
{
	struct place place;

	for (size_t i = 0; i < word_count; i++)
		if (skip(text, words[i].name))
			return words[i].value;
	if (parse_field(text, &place))
		return get(&place);
	if (skip(text, "size"))
		return file_size();
	return parse_number(text);
}

/* A term, or parts of it, or several: load[1].p_filesz/2, 3*page. */
static uint64_t parse_part(const char **text)
{
	uint64_t value = parse_term(text);

	for (;;) {
		if (skip(text, "*")) {
			value *= parse_term(text);
		} else if (skip(text, "/")) {
			uint64_t divisor = parse_number(text);

			if (divisor == 0)
				fail("division by 0");
			value /= divisor;
		} else {
			return value;
		}
	}
}

uint64_t parse_value(const char **text)
{
	uint64_t value = 0;
	bool minus = skip(text, "-");

	for (;;) {
		uint64_t term = parse_part(text);

		value += minus ? -term : term;
		if (skip(text, "+"))
			minus = false;
		else if (skip(text, "-"))
			minus = true;
		else
			return value;
	}
}

void expect(const char **text, const char *word)
{
	if (!skip(text, word))
		fail("`%s` is expected at `%s`", word, *text);
}

void expect_end(const char *text)
{
	if (*text)
		fail("`%s` is too much", text);
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	fail("`%c` is no lower-case hex digit", c);
}

static char unescape(char c)
{
	switch (c) {
	case 's':
		return ' ';
	case 'n':
		return '\n';
	case '0':
		return '\0';
	case '\\':
		return '\\';
	default:
		fail("unknown escape `\\%c`", c);
	}
}

char *parse_string(const char *text, size_t *n)
{
	static char buffer[65536];
	size_t used = 0;

	for (; *text; text++) {
		if (used + PATH_MAX >= sizeof(buffer))
			fail("the string is too long");
		if (*text == '\\') {
			buffer[used++] = unescape(*++text);
		} else if (strncmp(text, "%O", 2) == 0) {
			used = (size_t)(stpcpy(buffer + used, out.directory) - buffer);
			text++;
		} else {
			buffer[used++] = *text;
		}
	}
	buffer[used] = 0;
	*n = used;
	return buffer;
}
