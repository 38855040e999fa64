/* The timeline of faults for the page's slider: in columns, with every name once, so that
 * 100,000 faults take two or three megabytes. */
#include "report.h"

#include <stdlib.h>

enum { FAULTS_MOST = 120000 }; /* of those that are shown */

struct timeline {
	const struct report *report;
	struct object names; /* text to number */
	json_t *texts;
	bool failed;
};

static void append(struct timeline *t, json_t *array, json_int_t value)
{
	if (json_array_append_new(array, json_integer(value)) < 0)
		t->failed = true;
}

/* Without the distance from a symbol: there are fewer names then. */
static char *name_text(const struct segmap_name *name)
{
	struct segmap_name near = *name;

	near.symbol_offset = 0;
	return faults_name_text(&near);
}

/* The number of the name of ADDR. */
static json_int_t number_name(struct timeline *t, const struct segmap_fault *fault,
			      uint64_t addr)
{
	struct segmap_name name;

	faults_images_find(t->report->faults->images, fault->pid, fault->time, addr, false,
			   &name);
	char *text = name_text(&name);
	json_t *json = text ? json_text(text) : NULL;
	json_int_t next = (json_int_t)json_array_size(t->texts);

	free(text);
	if (!json) {
		t->failed = true;
		return -1;
	}
	json_t *found = json_object_get(t->names.json, json_string_value(json));
	if (found) {
		json_decref(json);
		return json_integer_value(found);
	}
	set(&t->names, json_string_value(json), json_integer(next));
	if (json_array_append_new(t->texts, json) < 0)
		t->failed = true;
	return next;
}

enum column { TIME, ROW, PAGE, CLASS, ACCESS, KERNEL, AROUND, WHERE, BY, COLUMNS };

static const char *const column_names[COLUMNS] = {
	[TIME] = "time_ns",  [ROW] = "row",       [PAGE] = "page",
	[CLASS] = "class",   [ACCESS] = "access", [KERNEL] = "kernel",
	[AROUND] = "around", [WHERE] = "where",   [BY] = "by",
};

static void add_fault(struct timeline *t, json_t *const columns[COLUMNS],
		      const struct segmap_fault *fault)
{
	const struct report *report = t->report;
	const struct report_row *row = report_row_at(report, fault->addr);

	append(t, columns[TIME], (json_int_t)fault->time);
	append(t, columns[ROW], row ? row - report->rows : -1);
	append(t, columns[PAGE],
	       row ? (json_int_t)((fault->addr - row->start) / report->faults->page_size) : -1);
	append(t, columns[CLASS], fault->class);
	append(t, columns[ACCESS], fault->access);
	append(t, columns[KERNEL], fault->kernel);
	append(t, columns[AROUND], fault->around);
	append(t, columns[WHERE], number_name(t, fault, fault->addr));
	append(t, columns[BY], fault->kernel ? -1 : number_name(t, fault, fault->ip));
}

static json_t *class_ids(void)
{
	json_t *ids = json_array();

	for (int i = 0; i < SEGMAP_FAULT_CLASS_COUNT; i++)
		json_array_append_new(
			ids, json_string(segmap_fault_class_id((enum segmap_fault_class)i)));
	return ids;
}

json_t *report_timeline_json(const struct report *report)
{
	const struct segmap_faults *faults = &report->faults->faults;
	struct timeline t = {.report = report, .names = object_new(), .texts = json_array()};
	struct object o = object_new();
	json_t *columns[COLUMNS];
	size_t every = faults->count / FAULTS_MOST + 1, shown = 0;

	for (int i = 0; i < COLUMNS; i++) {
		columns[i] = json_array();
		set(&o, column_names[i], columns[i]);
	}
	for (size_t i = 0; i < faults->count; i++)
		if (faults->items[i].pid == report->faults->pid && shown++ % every == 0)
			add_fault(&t, columns, &faults->items[i]);
	set(&o, "of", json_integer((json_int_t)shown));
	set(&o, "every", json_integer((json_int_t)every));
	set(&o, "classes", class_ids());
	set(&o, "names", t.texts);
	if (t.failed || t.names.failed)
		o.failed = true;
	json_decref(t.names.json);
	return object_end(&o);
}
