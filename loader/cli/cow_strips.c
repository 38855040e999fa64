/* Mappings as strips of letters, and what the letters mean. */
#include "cow.h"
#include "plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDE = 64,     /* letters of a strip, where a line has no end */
	NARROW = 16,   /* at least; as much as `f*` and any number of pages */
	LABEL = 16,    /* characters that are left for what is mapped */
	SECTIONS = 32, /* that are looked at for one label */
};

enum {
	STRIP_ADDRESS,
	STRIP_PERM,
	STRIP_LOOKS,
	STRIP_LABEL = STRIP_LOOKS + SEGMAP_LOOKS_MAX,
	STRIP_COLUMNS,
};

/* Where the strips of one process are written. */
struct page {
	const struct cow *cow;
	const struct cow_process *process;
	struct view_table table;
	size_t width; /* characters of a strip */
};

/* ---- words ---- */

/* What was mapped there last. */
static const struct segmap_region *last_region(const struct segmap_strip *strip)
{
	size_t i = SEGMAP_LOOKS_MAX - 1;

	while (i > 0 && !strip->regions[i])
		i--;
	return strip->regions[i];
}

/* "cat .data .bss": the file and the sections in it, or what else it is. */
static char *label_of(const struct cow_process *p, const struct segmap_strip *strip)
{
	struct segmap_section sections[SECTIONS];
	const char *name = last_region(strip)->name;
	size_t count =
		segmap_names_sections(p->names, strip->start, strip->end, sections, SECTIONS);
	char *list = shorten_sections(sections, count < SECTIONS ? count : SECTIONS);

	if (!list)
		return NULL;
	if (*name == '/')
		name = cow_base_name(name);
	else if (!*name)
		name = count ? "" : "anon";
	char *text = cow_text("%s%s%s", name, *name && *list ? " " : "", list);
	free(list);
	return text;
}

/* ---- the legend ---- */

static bool is_hidden(const struct cow *cow, const struct segmap_strip *strip)
{
	return strip->kind == SEGMAP_KIND_KERNEL && !cow->options->all;
}

static void count_all(const struct cow *cow, const struct cow_process *p, uint64_t counts[256])
{
	for (size_t i = 0; i < p->account.strip_count; i++)
		for (size_t look = 0; look < p->look_count; look++)
			if (p->looks[look].title && !is_hidden(cow, &p->account.strips[i]))
				cow_count_letters(p, &p->account.strips[i], look, counts);
}

/* The states that there always are, and those others that occur. */
static void print_legend(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	static const char usual[] = ". absent  f file  C copy  0 zero page  A anon";
	static const struct {
		char letter;
		const char *meaning;
	} rare[] = {{'s', "shared memory"},
		    {'w', "swapped out"},
		    {'k', "kernel's"},
		    {'?', "unknown"},
		    {'-', "not mapped"}};
	size_t width = sizeof(usual) - 1;
	uint64_t counts[256] = {0};

	count_all(cow, p, counts);
	fputs(usual, out);
	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++) {
		size_t more = strlen(rare[i].meaning) + 4;
		bool wrap = width + more > 80;

		if (!counts[(unsigned char)rare[i].letter])
			continue;
		fprintf(out, "%s%c %s", wrap ? "\n" : "  ", rare[i].letter, rare[i].meaning);
		width = wrap ? more - 2 : width + more;
	}
	fputc('\n', out);
}

/* ---- strips ---- */

static size_t strip_width(const struct cow_process *p, FILE *out)
{
	const size_t others = 12 + 1 + 4 + 1 + LABEL; /* address, protection and label */
	size_t width = view_width(out), looks = 0;

	for (size_t i = 0; i < p->look_count; i++)
		looks += p->looks[i].title != NULL;
	if (!width || !looks)
		return WIDE;
	return width > others + looks * (NARROW + 1) ? (width - others) / looks - 1 : NARROW;
}

static int add_line(struct page *page, const struct segmap_strip *strip, struct cow_line *line)
{
	bool first = line->start == strip->start;
	char *cells[STRIP_COLUMNS] = {
		[STRIP_ADDRESS] = cow_text("%08" PRIx64, line->start),
		[STRIP_PERM] = cow_text("%s", first ? last_region(strip)->perms : ""),
		[STRIP_LABEL] = first ? label_of(page->process, strip) : cow_text("%s", ""),
	};

	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++) {
		cells[STRIP_LOOKS + i] = line->text[i];
		line->text[i] = NULL;
	}
	return view_table_line(&page->table, cells, strip->copies ? "yellow" : NULL);
}

static int add_strip(struct page *page, const struct segmap_strip *strip)
{
	struct cow_walk walk = {
		.process = page->process,
		.strip = strip,
		.addr = strip->start,
		.width = page->width,
	};
	struct cow_line line;
	int r;

	while ((r = cow_walk_next(&walk, &line)) > 0) {
		r = add_line(page, strip, &line);
		cow_line_free(&line);
		if (r < 0)
			break;
	}
	return r;
}

/* One line for the strips [FROM, TO): how many they are, and how many copies are in them. */
static int add_folded(struct page *page, size_t from, size_t to)
{
	size_t copies = 0;

	for (size_t i = from; i < to; i++)
		copies += page->process->account.strips[i].copies;
	return view_table_note(&page->table,
			       cow_text("... %zu mappings with %zu copies; --all shows them",
					to - from, copies));
}

/* Too many to read: those without a copy are folded, and then also what is beyond the last. */
static int add_strips(struct page *page)
{
	const struct segmap_account *a = &page->process->account;
	bool fold = !page->cow->options->all && a->strip_count > COW_ROWS_MAX;
	size_t shown = 0, from = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i <= a->strip_count; i++) {
		bool end = i == a->strip_count;

		if (!end && fold && (!a->strips[i].copies || shown >= COW_ROWS_MAX))
			continue;
		if (from < i && fold)
			r = add_folded(page, from, i);
		from = i + 1;
		if (r < 0 || end || is_hidden(page->cow, &a->strips[i]))
			continue;
		r = add_strip(page, &a->strips[i]);
		shown++;
	}
	return r;
}

int cow_print_strips(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	struct page page = {.cow = cow, .process = p, .width = strip_width(p, out)};
	struct view_column columns[STRIP_COLUMNS] = {
		[STRIP_ADDRESS] = {.name = "ADDRESS", .flags = SCOLS_FL_RIGHT},
		[STRIP_PERM] = {.name = "PERM"},
		[STRIP_LABEL] = {.name = "MAPPING", .flags = SCOLS_FL_TRUNC},
	};
	struct view_options view = cow->options->subject.view;

	for (size_t i = 0; i < SEGMAP_LOOKS_MAX; i++) {
		const char *title = i < p->look_count ? p->looks[i].title : NULL;

		columns[STRIP_LOOKS + i].name = title ? title : "";
		columns[STRIP_LOOKS + i].hidden = !title;
	}
	view.columns = NULL; /* --output is for the copies */
	print_legend(cow, p, out);
	int r = view_table_begin(&page.table, &view, "cow", out, columns, STRIP_COLUMNS);

	if (r == 0)
		r = add_strips(&page);
	return view_table_end(&page.table, r);
}
