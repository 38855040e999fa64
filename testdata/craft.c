/* SPDX-License-Identifier: MIT */
/* clang-format off: the list is laid out by hand */
/*
 * craft: a copy of an ELF file with a few fields changed.
 *
 *   craft BASE OUT EDIT...
 *   craft --table FILE --bases DIR --out DIR [--cpu NAME] [--made FILE]
 *         [--define NAME=VALUE]...
 *
 * BASE `-` is an empty file. The edits are done from left to right:
 *
 *   FIELD=VALUE  FIELD+=VALUE  FIELD-=VALUE
 *       FIELD is a member of the ELF header (e_type, e_ident[4], ...) or ENTRY.MEMBER of a
 * program header: ph[N] is the N-th, load[N] the N-th PT_LOAD; likewise null, dynamic, interp,
 * note, phdr, tls, stack, relro, property. Without [N] it is the first: interp.p_filesz=4097
 *   phdrs=OFFSET[,extra=N][,total=N]
 *       the table is moved there (`end`: to the end of the file), where it can grow, and gets N
 * more PT_NULL entries, or as many as make N in total clone=N,COUNT,VSTEP,OSTEP appends COUNT
 * copies of ph[N], the k-th with p_vaddr and p_paddr + k * VSTEP and p_offset
 *       + k * OSTEP; needs a phdrs= before it
 *   swap=N,M
 *       exchanges two program headers
 *   interp-path=STRING
 *       the string of PT_INTERP, in place if it fits, else at the end of the file
 *   text@OFFSET=STRING  poke-string@OFFSET=STRING  bytes@OFFSET=HEX
 *       writes the bytes; poke-string adds a NUL
 *   truncate=SIZE  extend=SIZE
 *       extend makes a hole
 *   mode=0644
 *       permissions; 0755 otherwise
 *
 * Numbers are decimal, 0x or 0 octal, with K M G T behind them if wanted. A VALUE may be a sum,
 * with divisions in its terms, and may name FIELDs and `size` (of the file):
 * load[2].p_offset=size-4K, or a word that --define gave a value, with factors before it:
 * 3*page. In a STRING \s is a blank, \n a newline, \0 a NUL, \\ a backslash,
 * and %O the output's directory, absolute.
 *
 * e_phoff, e_phnum and e_phentsize are just fields: the table stays where it is, and its
 * entries can be changed, until phdrs= moves it. The output appears under its name when it is
 * complete.
 */
/* clang-format on */
#include "craft.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct output out;

void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "craft: %s: ", out.name ? out.name : "error");
	if (out.edit)
		fprintf(stderr, "%s: ", out.edit);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (out.temp[0])
		unlink(out.temp);
	exit(1);
}

enum { NAME, BASE, EDITS, VERDICT, END, WHEN, ROWS, REASON, COLUMNS };

struct table {
	const char *path;
	const char *bases;
	const char *directory;
	const char *cpu; /* NULL: the rows of all */
};

/* Cuts a line at its `|`s and trims the cells. */
static int split(char *line, char **cell)
{
	int n = 0;
	char *next;

	for (char *at = line; at; at = next) {
		next = strchr(at, '|');
		if (next)
			*next++ = 0;
		if (n == COLUMNS)
			return n + 1;
		at += strspn(at, " \t");
		cell[n++] = at;
		for (char *end = at + strlen(at); end > at && strchr(" \t\n", end[-1]);)
			*--end = 0;
	}
	return n;
}

/* The base is in the directory of bases, or a row above made it. */
static void make_row(char **cell, const char *bases, const char *directory)
{
	char base[PATH_MAX], path[PATH_MAX], *state = NULL;

	out.name = cell[0];
	snprintf(path, sizeof(path), "%s/%s", directory, cell[0]);
	snprintf(base, sizeof(base), "%s/%s", bases, cell[1]);
	if (access(base, R_OK) != 0)
		snprintf(base, sizeof(base), "%s/%s", directory, cell[1]);
	begin(strcmp(cell[1], "-") == 0 ? "-" : base, path);
	for (char *edit = strtok_r(cell[2], " \t", &state); edit;
	     edit = strtok_r(NULL, " \t", &state))
		apply(edit);
	finish();
}

/* Is a row for this CPU? `cpu=NAME` in its conditions says so, more than once for several. */
static bool is_for_cpu(const char *when, const char *cpu)
{
	bool named = false;

	for (const char *at = when; cpu && (at = strstr(at, "cpu=")); named = true) {
		size_t n = strcspn(at += strlen("cpu="), ",");

		if (n == strlen(cpu) && strncmp(at, cpu, n) == 0)
			return true;
	}
	return !named;
}

/* Makes the files of a table; MADE, if not NULL, gets the rows that were made. */
static void make_table(const struct table *t, FILE *made)
{
	FILE *file = fopen(t->path, "r");
	char *line = NULL, *copy, *cell[COLUMNS];
	size_t size = 0;
	unsigned number = 0;
	char where[PATH_MAX];

	if (!file)
		fail("%s: %s", t->path, strerror(errno));
	while (getline(&line, &size, file) > 0) {
		number++;
		line[strcspn(line, "\n")] = 0;
		if (line[strspn(line, " \t")] == 0 || line[0] == '#')
			continue;
		snprintf(where, sizeof(where), "%s:%u", t->path, number);
		out.name = where;
		copy = strdup(line);
		if (!copy)
			fail("%s", strerror(errno));
		if (split(copy, cell) != COLUMNS)
			fail("%d columns are expected", COLUMNS);
		if (is_for_cpu(cell[WHEN], t->cpu)) {
			make_row(cell, t->bases, t->directory);
			if (made)
				fprintf(made, "%s\n", line);
		}
		free(copy);
	}
	free(line);
	fclose(file);
	out.name = NULL;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: craft BASE OUT EDIT...\n"
		"       craft --table FILE --bases DIR --out DIR [--cpu NAME] [--made FILE]\n"
		"             [--define NAME=VALUE]...\n");
	return 2;
}

static int main_table(int argc, char **argv)
{
	const char *made_path = NULL;
	struct table t = {0};
	FILE *made = NULL;
	const struct {
		const char *name;
		const char **value;
	} options[] = {
		{"--table", &t.path}, {"--bases", &t.bases},  {"--out", &t.directory},
		{"--cpu", &t.cpu},    {"--made", &made_path},
	};
	const size_t count = sizeof(options) / sizeof(options[0]);

	for (int i = 1; i < argc; i += 2) {
		size_t option = 0;

		while (option < count && strcmp(argv[i], options[option].name) != 0)
			option++;
		if (i + 1 == argc)
			return usage();
		if (option < count)
			*options[option].value = argv[i + 1];
		else if (strcmp(argv[i], "--define") != 0 || !define_word(argv[i + 1]))
			return usage();
	}
	if (!t.path || !t.bases || !t.directory)
		return usage();
	if (made_path) {
		made = fopen(made_path, "w");
		if (!made)
			fail("%s: %s", made_path, strerror(errno));
	}
	make_table(&t, made);
	if (made && fclose(made) != 0)
		fail("%s: %s", made_path, strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strncmp(argv[1], "--", 2) == 0)
		return main_table(argc, argv);
	if (argc < 3)
		return usage();
	out.name = argv[2];
	begin(argv[1], argv[2]);
	for (int i = 3; i < argc; i++)
		apply(argv[i]);
	finish();
	return 0;
}
