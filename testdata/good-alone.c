/* SPDX-License-Identifier: MIT */
/*
 * Nothing but this program is in the address space: every mapping is this file, lies inside one
 * of its segments, or is one of the kernel's own. A loader that left something behind is seen
 * here.
 */
#include "tiny.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static char maps[1 << 16];
static unsigned char bss[3 * PAGE_MAX];

/* One line of /proc/self/maps: `from-to perms offset major:minor inode name`. */
struct line {
	uint64_t from, to, major, minor, inode;
	const char *name;
};

static uint64_t parse(const char **at, unsigned base)
{
	uint64_t value = 0;

	for (;; (*at)++) {
		unsigned c = (unsigned char)**at;

		if (c >= '0' && c <= '9')
			value = value * base + c - '0';
		else if (base == 16 && c >= 'a' && c <= 'f')
			value = value * base + c - 'a' + 10;
		else
			return value;
	}
}

/* Parses a line and ends its name with a NUL; returns the next line. */
static char *parse_line(char *text, struct line *line)
{
	const char *at = text;

	line->from = parse(&at, 16);
	at++;
	line->to = parse(&at, 16);
	at += sizeof(" rwxp ") - 1;
	parse(&at, 16);
	at++;
	line->major = parse(&at, 16);
	at++;
	line->minor = parse(&at, 16);
	at++;
	line->inode = parse(&at, 10);
	while (*at == ' ')
		at++;
	line->name = at;
	text += at - text;
	while (*text != '\n' && *text)
		text++;
	if (*text)
		*text++ = 0;
	return text;
}

/* The bss counts as the program's: an anonymous mapping inside a PT_LOAD. */
static bool in_segment(struct start *start, const struct line *line)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR);
	uint64_t bias = (uint64_t)ph - ph[0].p_vaddr -
			((const Elf64_Ehdr *)(const void *)__ehdr_start)->e_phoff;

	for (uint64_t i = 0; i < aux(start, AT_PHNUM); i++) {
		uint64_t from = ph[i].p_vaddr + bias, to = from + ph[i].p_memsz;

		if (ph[i].p_type == PT_LOAD && line->from >= (from & -PAGE) &&
		    line->to <= ((to + PAGE - 1) & -PAGE))
			return true;
	}
	return false;
}

static bool is_kernels(const char *name)
{
	static const char names[][16] = {"[stack]", "[heap]",        "[vdso]",
					 "[vvar]",  "[vvar_vclock]", "[vsyscall]"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (same_string(name, names[i]))
			return true;
	return false;
}

static bool is_ours(struct start *start, const struct line *line)
{
	if (line->inode == 0)
		return is_kernels(line->name) || (*line->name == 0 && in_segment(start, line));
	/* Overlay file systems show one device in stat and another one here: compare the inode.
	 */
	struct stat st;

	return sys_stat((const char *)aux(start, AT_EXECFN), &st) == 0 &&
	       st.st_ino == line->inode && in_segment(start, line);
}

int start_c(struct start *start)
{
	unsigned stacks = 0, vdsos = 0, strangers = 0;
	char *at = maps;
	struct line line;

	bss[PAGE] = 1;
	if (slurp("/proc/self/maps", maps, sizeof(maps)) <= 0)
		return check(false, "/proc/self/maps");
	while (*at) {
		at = parse_line(at, &line);
		stacks += same_string(line.name, "[stack]") && line.from < (uint64_t)start &&
			  line.to > (uint64_t)start;
		vdsos += same_string(line.name, "[vdso]") &&
			 line.from == aux(start, AT_SYSINFO_EHDR);
		strangers += !is_ours(start, &line);
	}
	return check(stacks == 1, "one [stack], and it is in use") |
	       check(vdsos == 1, "one [vdso], where AT_SYSINFO_EHDR says") |
	       check(strangers == 0, "no mapping of anybody else") | (bss[PAGE] != 1);
}
