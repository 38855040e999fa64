/* The comparison as JSON: docs/schemas/compare.schema.json. */
#include "compare.h"
#include "json.h"

#include <errno.h>

/* A value, or null and why. */
static void put_value(json_t *object, const char *key, const char *why_key, const char *value,
		      const char *why)
{
	json_object_set_new(object, key, json_text_or_null(value));
	if (!value)
		json_object_set_new(object, why_key, json_text_or_null(why));
}

static json_t *json_item(const struct segmap_item *item)
{
	json_t *object = json_object();

	json_object_set_new(object, "item", json_text(item->what));
	json_object_set_new(object, "stage", json_string(item->at_end ? "end" : "entry"));
	put_value(object, "execve", "execve_why", item->kernel, item->kernel_why);
	put_value(object, "loader", "loader_why", item->loader, item->loader_why);
	json_object_set_new(object, "verdict",
			    json_string(segmap_likeness_name(item->likeness)));
	json_object_set_new(object, "reason", json_text_or_null(item->reason));
	json_object_set_new(object, "why", json_text_or_null(item->why));
	return object;
}

static json_t *json_items(const struct compare_report *report)
{
	const struct segmap_comparison *c = report->comparison;
	json_t *items = json_array();

	for (size_t i = 0; i < c->item_count; i++)
		if (report->options->verbose || c->items[i].likeness != SEGMAP_SAME)
			json_array_append_new(items, json_item(&c->items[i]));
	return items;
}

static json_t *json_counts(const struct segmap_comparison *c)
{
	static const char *const keys[SEGMAP_LIKENESS_COUNT] = {
		[SEGMAP_SAME] = "same",         [SEGMAP_VARIES] = "varies",
		[SEGMAP_EXPECTED] = "expected", [SEGMAP_UNEXPECTED] = "unexpected",
		[SEGMAP_UNKNOWN] = "unknown",
	};
	json_t *object = json_object();

	json_object_set_new(object, "compared", json_count(c->item_count));
	for (int i = 0; i < SEGMAP_LIKENESS_COUNT; i++)
		json_object_set_new(object, keys[i], json_count(c->counts[i]));
	return object;
}

static json_t *json_timed_out(const struct compare_report *report)
{
	json_t *object = json_object();

	json_object_set_new(object, "execve", json_boolean(report->timed_out[BY_EXECVE]));
	json_object_set_new(object, "loader", json_boolean(report->timed_out[BY_LOADER]));
	return object;
}

json_t *compare_json(const struct compare_report *report)
{
	json_t *root = json_object();

	json_object_set_new(root, "schema", json_string("segmap.compare/1"));
	json_object_set_new(root, "program", json_text(report->program));
	json_object_set_new(root, "arguments", json_arguments(report->argv));
	json_object_set_new(root, "loader", json_text(report->loader));
	json_object_set_new(root, "aslr", json_boolean(report->options->aslr));
	json_object_set_new(root, "compared_at", json_string(report_place(report)));
	json_object_set_new(root, "timed_out", json_timed_out(report));
	json_object_set_new(root, "items", json_items(report));
	json_object_set_new(root, "counts", json_counts(report->comparison));
	return root;
}

int compare_print_json(const struct compare_report *report)
{
	return json_write(compare_json(report), stdout);
}
