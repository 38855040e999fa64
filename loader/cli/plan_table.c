/* The table of an object's mappings, with the notes about a segment under its row. */
#include "plan.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum column {
	COLUMN_INDEX,
	COLUMN_FLG,
	COLUMN_FILE,
	COLUMN_MEMORY,
	COLUMN_PROT,
	COLUMN_PAGES,
	COLUMN_KIND,
	COLUMN_SECTIONS,
	COLUMN_USUAL, /* the number of those that are shown unless -o says otherwise */
	COLUMN_SIZE = COLUMN_USUAL,
	COLUMN_ALIGN,
	COLUMN_COUNT,
};

static const struct {
	const char *name;
	const char *heading;
	int flags;
} columns[COLUMN_COUNT] = {
	[COLUMN_INDEX] = {"INDEX", "#", SCOLS_FL_RIGHT},
	[COLUMN_FLG] = {"FLG", "FLG", 0},
	[COLUMN_FILE] = {"FILE", "FILE", 0},
	[COLUMN_MEMORY] = {"MEMORY", "MEMORY", 0},
	[COLUMN_PROT] = {"PROT", "PROT", 0},
	[COLUMN_PAGES] = {"PAGES", "PAGES", SCOLS_FL_RIGHT},
	[COLUMN_KIND] = {"KIND", "KIND", 0},
	[COLUMN_SECTIONS] = {"SECTIONS", "SECTIONS", SCOLS_FL_TRUNC},
	[COLUMN_SIZE] = {"SIZE", "SIZE", SCOLS_FL_RIGHT},
	[COLUMN_ALIGN] = {"ALIGN", "ALIGN", SCOLS_FL_RIGHT},
};

/* A table while it is filled. Each line of it is a mapping, or a segment that has none. */
struct table {
	const struct plan_file *file;
	const struct plan_options *options;
	enum segmap_object_id id;
	struct libscols_table *scols;
	enum column shown[2 * COLUMN_COUNT];
	size_t shown_count;
	size_t *segment; /* by line: the program header it belongs to */
	bool *follows;   /* by line: bss, under the line of its segment's file bytes */
	size_t line_count;
};

struct line {
	size_t index;
	const struct segmap_phdr *phdr;
	const struct segmap_mapping *mapping; /* NULL if there is none */
	bool follows;
};

static int find_column(const char *name, size_t length)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (strlen(columns[i].name) == length &&
		    strncasecmp(columns[i].name, name, length) == 0)
			return i;
	return -1;
}

bool table_columns_valid(const char *list)
{
	for (list += *list == '+';;) {
		size_t length = strcspn(list, ",");

		if (find_column(list, length) < 0) {
			complain("plan: %.*s: no such column; 'segmap plan --help' lists them",
				 (int)length, list);
			return false;
		}
		if (!list[length])
			return true;
		list += length + 1;
	}
}

/* A list that is too long for the table only repeats itself. */
static void choose_columns(struct table *table)
{
	const char *list = table->options->columns;

	if (!list || *list == '+')
		for (int i = 0; i < COLUMN_USUAL; i++)
			table->shown[table->shown_count++] = (enum column)i;
	if (!list)
		return;
	for (list += *list == '+'; table->shown_count < (size_t)2 * COLUMN_COUNT;) {
		size_t length = strcspn(list, ",");

		table->shown[table->shown_count++] = (enum column)find_column(list, length);
		if (!list[length])
			return;
		list += length + 1;
	}
}

static char *format(const char *template, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *template, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, template);
	if (vasprintf(&text, template, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

static char *sections_cell(const struct table *table, const struct line *line)
{
	size_t count;
	struct segmap_section *sections = list_sections(
		table->file->symbols[table->id], line->phdr, line->mapping->kind, &count);
	char *text = sections ? shorten_sections(sections, count) : NULL;

	free(sections);
	return text;
}

/* Cells that need a mapping. */
static char *mapping_cell(const struct table *table, const struct line *line,
			  enum column column)
{
	const struct segmap_mapping *m = line->mapping;
	char buffer[24];

	switch (column) {
	case COLUMN_MEMORY:
		return format("%08" PRIx64 "-%08" PRIx64, m->addr, m->addr + m->length);
	case COLUMN_PROT:
		return format("%s", name_prot(m->prot, buffer));
	case COLUMN_PAGES:
		return format("%" PRIu64, m->length / table->file->rules.page_size);
	case COLUMN_KIND:
		return format("%s", segmap_mapping_kind_name(m->kind));
	case COLUMN_SIZE:
		return format("%s", name_size(m->length, table->options->bytes, buffer));
	default:
		return sections_cell(table, line);
	}
}

static char *cell(const struct table *table, const struct line *line, enum column column)
{
	const struct segmap_phdr *p = line->phdr;
	bool repeat = table->options->raw || !line->follows;
	char buffer[24];

	switch (column) {
	case COLUMN_INDEX:
		return repeat ? format("%zu", line->index) : strdup("");
	case COLUMN_FLG:
		return format("%s", repeat ? name_flags(p->flags, buffer) : " `-");
	case COLUMN_FILE:
		if (line->follows || p->filesz == 0)
			return format("%s", p->memsz ? "bss" : "-");
		return format("0x%06" PRIx64 "+0x%" PRIx64, p->offset, p->filesz);
	case COLUMN_ALIGN:
		return format("%s", name_size(p->align, table->options->bytes, buffer));
	default:
		return line->mapping ? mapping_cell(table, line, column) : format("-");
	}
}

/* Memory that can be written and executed is worth a second look. */
static const char *cell_color(const struct line *line, enum column column)
{
	int both = PROT_WRITE | PROT_EXEC;

	if (column == COLUMN_PROT && line->mapping && (line->mapping->prot & both) == both)
		return "red";
	return NULL;
}

static int add_line(struct table *table, const struct line *line)
{
	struct libscols_line *ln = scols_table_new_line(table->scols, NULL);

	if (!ln)
		return -ENOMEM;
	for (size_t i = 0; i < table->shown_count; i++) {
		char *text = cell(table, line, table->shown[i]);
		const char *color = cell_color(line, table->shown[i]);

		if (!text || scols_line_refer_data(ln, i, text) != 0) {
			free(text);
			return -ENOMEM;
		}
		/* the line frees its text: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (color)
			scols_cell_set_color(scols_line_get_cell(ln, i), color);
	}
	table->segment[table->line_count] = line->index;
	table->follows[table->line_count++] = line->follows;
	return 0;
}

static int add_segment(struct table *table, size_t index)
{
	const struct segmap_plan *plan = table->file->plan;
	struct line line = {
		.index = index,
		.phdr = &table->file->images[table->id]->phdrs[index],
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->mapping_count; i++) {
		if (plan->mappings[i].object != table->id ||
		    plan->mappings[i].index != (int)index)
			continue;
		line.mapping = &plan->mappings[i];
		r = add_line(table, &line);
		line.follows = true;
	}
	return line.mapping ? r : add_line(table, &line);
}

static int fill(struct table *table)
{
	const struct segmap_image *image = table->file->images[table->id];
	size_t most = 2 * image->phdr_count;
	int r = 0;

	table->segment = calloc(most, sizeof(*table->segment));
	table->follows = calloc(most, sizeof(*table->follows));
	table->scols = scols_new_table();
	if (!table->segment || !table->follows || !table->scols)
		return -ENOMEM;
	scols_table_enable_noheadings(table->scols, table->options->noheadings);
	scols_table_enable_raw(table->scols, table->options->raw);
	scols_table_enable_colors(table->scols, table->options->color);
	for (size_t i = 0; i < table->shown_count; i++)
		if (!scols_table_new_column(table->scols, columns[table->shown[i]].heading, 0,
					    columns[table->shown[i]].flags))
			return -ENOMEM;
	for (size_t i = next_load(image, 0); r == 0 && i < image->phdr_count;
	     i = next_load(image, i + 1))
		r = add_segment(table, i);
	return r;
}

/* Without the blanks at its end, which libsmartcols pads the last column with. */
static void print_line(const char *text, size_t length)
{
	while (length && text[length - 1] == ' ')
		length--;
	printf("%.*s\n", (int)length, text);
}

/* Where the row of the bss has its branch: in the column FLG. 0 without that column. */
static int branch_column(const struct table *table)
{
	size_t last = table->segment[table->line_count - 1];
	bool usual = table->shown[0] == COLUMN_INDEX && table->shown[1] == COLUMN_FLG;

	return usual ? snprintf(NULL, 0, "%zu", last) + 2 : 0;
}

static int print_notes(const struct table *table, size_t line)
{
	bool bss_follows = line + 1 < table->line_count && table->follows[line + 1];
	bool color = table->options->color;
	int column = branch_column(table);
	struct notes notes;
	int r = notes_collect(&notes, table->file, table->id, table->segment[line]);

	for (size_t i = 0; i < notes.count; i++) {
		bool last = i + 1 == notes.count && !(bss_follows && column);

		printf("%s%*s%s %s%s\n", style_on(STYLE_NOTE, color), column, "",
		       last ? "`-" : "|-", notes.lines[i], style_off(color));
	}
	notes_free(&notes);
	return r;
}

static int print(const struct table *table)
{
	size_t line = 0;
	bool heading = !table->options->noheadings;
	char *text = NULL;
	int r = 0;

	if (scols_print_table_to_string(table->scols, &text) != 0)
		return -ENOMEM;
	for (char *p = text; r == 0 && p && *p;) {
		size_t length = strcspn(p, "\n");

		print_line(p, length);
		if (!heading && !table->options->raw && line < table->line_count &&
		    !table->follows[line])
			r = print_notes(table, line);
		line += !heading;
		heading = false;
		p += length + (p[length] == '\n');
	}
	free(text);
	return r;
}

int table_print(const struct plan_file *file, enum segmap_object_id id,
		const struct plan_options *options)
{
	struct table table = {.file = file, .options = options, .id = id};
	int r;

	choose_columns(&table);
	r = fill(&table);
	if (r == 0)
		r = print(&table);
	scols_unref_table(table.scols);
	free(table.segment);
	free(table.follows);
	return r;
}
