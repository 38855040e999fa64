/* The report as JSON: docs/schemas/faults.schema.json says what is in it. */
#include "faults.h"
#include "json.h"

#include <errno.h>
#include <stdlib.h>

static json_t *name_json(const struct segmap_name *name)
{
	struct object object = object_new();

	set(&object, "role", json_text(segmap_role_name(name->role)));
	set(&object, "object", json_text_or_null(*name->object ? name->object : NULL));
	set(&object, "section", json_text_or_null(name->section));
	set(&object, "symbol", json_text_or_null(name->symbol));
	if (name->symbol)
		set(&object, "symbol_offset", json_count(name->symbol_offset));
	if (name->source) {
		set(&object, "source", json_text(name->source));
		set(&object, "line", json_integer(name->line));
	}
	return object_end(&object);
}

static json_t *fault_json(const struct faults_report *report, const struct segmap_fault *fault)
{
	struct object object = object_new();
	struct segmap_name name;

	set(&object, "time_ns", json_count(fault->time));
	set(&object, "address", json_hex(fault->addr));
	set(&object, "ip", json_hex(fault->ip));
	set(&object, "pid", json_integer(fault->pid));
	set(&object, "tid", json_integer(fault->tid));
	set(&object, "mode", json_text(fault->kernel ? "kernel" : "user"));
	if (fault->access == SEGMAP_ACCESS_UNKNOWN)
		set_unknown(&object, "access", "access_why",
			    "neither the instruction nor the page's later state tells");
	else
		set(&object, "access", json_text(segmap_access_name(fault->access)));
	set(&object, "class", json_text(segmap_fault_class_id(fault->class)));
	set(&object, "around", json_integer(fault->around));
	faults_find_where(report, fault, &name);
	set(&object, "where", name_json(&name));
	if (fault->kernel) {
		set_unknown(&object, "by", "by_why", "an instruction of the kernel");
	} else {
		faults_images_find(report->images, fault->pid, fault->time, fault->ip, true,
				   &name);
		set(&object, "by", name_json(&name));
	}
	return object_end(&object);
}

static json_t *list_json(const struct faults_report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->faults.count; i++)
		if (json_array_append_new(array, fault_json(report, &report->faults.items[i])) <
		    0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *sum_json(const struct faults_report *report, enum segmap_fault_class class)
{
	struct object object = object_new();

	set(&object, "class", json_text(segmap_fault_class_id(class)));
	set(&object, "meaning", json_text(segmap_fault_class_meaning(class)));
	set(&object, "faults", json_count(report->sums[class].count));
	set(&object, "around", json_count(report->sums[class].around));
	return object_end(&object);
}

static json_t *sums_json(const struct faults_report *report)
{
	json_t *array = json_array();

	for (int i = 0; i < SEGMAP_FAULT_CLASS_COUNT; i++)
		if (report->sums[i].count &&
		    json_array_append_new(array, sum_json(report, (enum segmap_fault_class)i)) <
			    0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *agreement_json(const struct faults_report *report)
{
	struct object object = object_new();
	struct faults_agreement a;

	faults_agree(report, &a);
	set(&object, "events", json_count(a.events));
	set(&object, "refused", json_count(a.refused));
	if (a.why) {
		set_unknown(&object, "counted", "why", a.why);
		set(&object, "agree", json_null());
	} else {
		set(&object, "counted", json_count(a.counted));
		set(&object, "agree", json_boolean(a.agree));
	}
	set(&object, "missing_kernel_mode",
	    a.missing_known ? json_count(a.missing) : json_null());
	return object_end(&object);
}

json_t *faults_json(const struct faults_report *report)
{
	const struct faults_options *options = report->options;
	struct object object = object_new();

	set(&object, "schema", json_text("segmap.faults/1"));
	set(&object, "program", json_text(report->subject->program));
	set(&object, "arguments", json_arguments(report->subject->argv));
	set(&object, "loader", json_text(faults_by(report)));
	set(&object, "aslr", json_boolean(options->subject.aslr));
	set(&object, "follow", json_boolean(options->follow));
	set(&object, "since",
	    json_text(options->at_exec          ? "exec"
		      : options->subject.loader ? "program-entry"
						: "first-instruction"));
	set(&object, "pid", json_integer(report->pid));
	set(&object, "page_size", json_count(report->page_size));
	set(&object, "zero_page", json_boolean(report->zero_page));
	set(&object, "kernel_mode_seen", json_boolean(report->faults.kernel_seen));
	if (!report->faults.kernel_seen)
		set(&object, "kernel_mode_why", json_text(faults_kernel_why(report)));
	set(&object, "lost", json_count(report->faults.lost));
	set(&object, "getrusage", agreement_json(report));
	set(&object, "classes", sums_json(report));
	if (!options->summary)
		set(&object, "faults", list_json(report));
	return object_end(&object);
}

int faults_print_json(const struct faults_report *report, FILE *out)
{
	return json_write(faults_json(report), out);
}
