/* The table of copies: which page, which symbol was written, by which instruction. */
#include "cow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	COPY_PAGE,
	COPY_OBJECT,
	COPY_SECTION,
	COPY_WRITTEN,
	COPY_BY,
	COPY_SOURCE,
	COPY_TID,
	COPY_ADDRESS,
	COPY_IP,
	COPY_TIME,
	COPY_DIFFER,
	COPY_FILE,
	COPY_CAUSE,
	COPY_SEGMENT,
	COPY_COLUMNS,
};

const struct view_column cow_columns[] = {
	[COPY_PAGE] = {.name = "PAGE", .flags = SCOLS_FL_RIGHT},
	[COPY_OBJECT] = {.name = "OBJECT", .flags = SCOLS_FL_TRUNC},
	[COPY_SECTION] = {.name = "SECTION", .flags = SCOLS_FL_TRUNC},
	[COPY_WRITTEN] = {.name = "WRITTEN", .flags = SCOLS_FL_TRUNC},
	[COPY_BY] = {.name = "BY", .flags = SCOLS_FL_TRUNC},
	[COPY_SOURCE] = {.name = "SOURCE", .hidden = true},
	[COPY_TID] = {.name = "TID", .flags = SCOLS_FL_RIGHT, .hidden = true},
	[COPY_ADDRESS] = {.name = "ADDRESS", .flags = SCOLS_FL_RIGHT, .hidden = true},
	[COPY_IP] = {.name = "IP", .flags = SCOLS_FL_RIGHT, .hidden = true},
	[COPY_TIME] = {.name = "TIME", .flags = SCOLS_FL_RIGHT, .hidden = true},
	[COPY_DIFFER] = {.name = "DIFFER", .flags = SCOLS_FL_RIGHT},
	[COPY_FILE] = {.name = "FILE", .hidden = true},
	[COPY_CAUSE] = {.name = "CAUSE"},
	[COPY_SEGMENT] = {.name = "SEGMENT", .flags = SCOLS_FL_RIGHT, .hidden = true},
};

const size_t cow_column_count = COPY_COLUMNS;

/* Where the instruction of FAULT is in the source: "write-one.c:22". */
static char *source_text(const struct cow_process *p, const struct segmap_fault *fault)
{
	struct segmap_name name;

	if (!fault || fault->kernel)
		return cow_text("%s", "");
	segmap_names_find(p->names, fault->ip, true, &name);
	if (!name.source)
		return cow_text("%s", "");
	return cow_text("%s:%d", cow_base_name(name.source), name.line);
}

static void fill_written(const struct cow_process *p, size_t i, char **cells)
{
	const struct segmap_copy *copy = &p->account.copies[i];
	uint64_t addr = copy->addr;
	bool known = cow_written_at(p, i, &addr);
	struct segmap_name name;

	segmap_names_find(p->names, addr, false, &name);
	cells[COPY_OBJECT] = cow_text("%s", cow_base_name(name.object));
	cells[COPY_SECTION] = cow_text("%s", name.section ? name.section : "");
	cells[COPY_WRITTEN] = known ? cow_address_text(p, addr) : cow_text("?");
	/* Behind the last section there is nothing but what fills the page. */
	if (copy->cause == SEGMAP_CAUSE_LOADER && !name.section) {
		free(cells[COPY_WRITTEN]);
		cells[COPY_WRITTEN] = cow_text("tail");
	}
	cells[COPY_SEGMENT] =
		name.segment == SIZE_MAX ? cow_text("%s", "") : cow_text("%zu", name.segment);
}

static void fill_fault(const struct cow_process *p, const struct segmap_copy *copy,
		       char **cells)
{
	const struct segmap_fault *fault = copy->fault;

	if (copy->cause == SEGMAP_CAUSE_LOADER || copy->cause == SEGMAP_CAUSE_PARENT)
		cells[COPY_BY] = cow_text("%s", segmap_cause_name(copy->cause));
	else
		cells[COPY_BY] = cow_writer_text(p, fault);
	cells[COPY_SOURCE] = source_text(p, fault);
	if (!fault)
		return;
	cells[COPY_TID] = cow_text("%d", fault->tid);
	cells[COPY_ADDRESS] = cow_text("0x%" PRIx64, fault->addr);
	cells[COPY_IP] = cow_text("0x%" PRIx64, fault->ip);
	cells[COPY_TIME] = cow_text("%" PRIu64 "us", fault->time / 1000);
}

static int add_copy(struct view_table *table, const struct cow_process *p, size_t i)
{
	const struct segmap_copy *copy = &p->account.copies[i];
	const struct segmap_contents *c = &p->contents[i];
	char *cells[COPY_COLUMNS] = {
		[COPY_PAGE] = cow_text("%08" PRIx64, copy->addr),
		[COPY_DIFFER] = c->error ? cow_text("?") : cow_text("%" PRIu64, c->differing),
		[COPY_FILE] = cow_text("%s", segmap_file_verdict_name(c->file)),
		[COPY_CAUSE] = cow_text("%s", segmap_cause_name(copy->cause)),
	};

	fill_written(p, i, cells);
	fill_fault(p, copy, cells);
	return view_table_line(table, cells, NULL);
}

/* Whether more than one thread has made a copy: else it goes without saying. */
static bool has_threads(const struct cow_process *p)
{
	pid_t first = 0;

	for (size_t i = 0; i < p->account.copy_count; i++) {
		const struct segmap_fault *fault = p->account.copies[i].fault;

		if (fault && first && fault->tid != first)
			return true;
		if (fault)
			first = fault->tid;
	}
	return false;
}

/* Whether some file is not known to be unchanged: the last line says so of all others. */
static bool has_changes(const struct cow_process *p)
{
	for (size_t i = 0; i < p->account.copy_count; i++)
		if (p->contents[i].file != SEGMAP_FILE_UNCHANGED)
			return true;
	return false;
}

static bool has_lines(const struct cow_process *p)
{
	struct segmap_name name;

	for (size_t i = 0; i < p->account.copy_count; i++) {
		const struct segmap_fault *fault = p->account.copies[i].fault;

		if (!fault || fault->kernel)
			continue;
		segmap_names_find(p->names, fault->ip, true, &name);
		if (name.source)
			return true;
	}
	return false;
}

int cow_print_copies(const struct cow *cow, const struct cow_process *p, FILE *out)
{
	const struct view_options *view = &cow->options->subject.view;
	bool fold = !cow->options->all && !view->raw && !view->columns;
	size_t width = view_width(out), count = p->account.copy_count;
	struct view_column columns[COPY_COLUMNS];
	struct view_table table;

	if (count == 0)
		return 0;
	memcpy(columns, cow_columns, sizeof(columns));
	columns[COPY_TID].hidden = !has_threads(p);
	columns[COPY_FILE].hidden = !has_changes(p);
	/* Where a line is short, names say more than line numbers. */
	columns[COPY_SOURCE].hidden = (width && width < 110) || !has_lines(p);
	if (fold && count > COW_ROWS_MAX)
		count = COW_ROWS_MAX;
	int r = view_table_begin(&table, view, "cow", out, columns, COPY_COLUMNS);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_copy(&table, p, i);
	r = view_table_end(&table, r);
	if (r == 0 && count < p->account.copy_count)
		fprintf(out, "... %zu more copies; --all shows them\n",
			p->account.copy_count - count);
	return r;
}
