/* Words for what has been seen. */
#include "faults.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool has_executed(const struct faults_report *report)
{
	const struct segmap_faults *faults = &report->faults;

	for (size_t i = 0; i < faults->happening_count; i++)
		if (faults->happenings[i].kind == SEGMAP_HAPPENED_EXEC &&
		    faults->happenings[i].pid == report->pid)
			return true;
	return false;
}

static const char *why_not_counted(const struct faults_report *report)
{
	if (report->options->at_exec)
		return "it has counted since before the exec";
	if (!report->has_exit)
		return "the program was not stopped at its end";
	if (report->before.error || report->after.error)
		return strerror(report->before.error ? report->before.error
						     : report->after.error);
	return NULL;
}

void faults_agree(const struct faults_report *report, struct faults_agreement *out)
{
	const struct segmap_faults *faults = &report->faults;

	*out = (struct faults_agreement){.why = why_not_counted(report),
					 .execs = has_executed(report)};
	for (size_t i = 0; i < faults->count; i++) {
		if (faults->items[i].pid != report->pid)
			continue;
		out->events++;
		out->refused += faults->items[i].class == SEGMAP_FAULT_SIGNAL;
	}
	if (out->why)
		return;
	out->counted = report->after.minor + report->after.major - report->before.minor -
		       report->before.major;
	out->agree = out->events - out->refused == out->counted;
	out->missing_known = !faults->kernel_seen && out->counted > out->events - out->refused;
	if (out->missing_known)
		out->missing = out->counted - (out->events - out->refused);
}

const char *faults_by(const struct faults_report *report)
{
	const struct subject_options *options = &report->options->subject;

	if (options->by_execve)
		return "execve";
	return options->loader ? options->loader : "segload";
}

const char *faults_kernel_why(const struct faults_report *report)
{
	return report->faults.kernel_seen ? NULL : strerror(report->faults.kernel_error);
}

char *faults_time_text(uint64_t nanoseconds)
{
	char *text = NULL;

	return asprintf(&text, "+%" PRIu64 "us", nanoseconds / 1000) < 0 ? NULL : text;
}

const char *faults_cause_text(const struct segmap_fault *fault)
{
	static const char *const texts[2][4] = {
		{
			[SEGMAP_ACCESS_UNKNOWN] = "user access",
			[SEGMAP_ACCESS_READ] = "user read",
			[SEGMAP_ACCESS_WRITE] = "user write",
			[SEGMAP_ACCESS_EXECUTE] = "exec",
		},
		{
			[SEGMAP_ACCESS_UNKNOWN] = "kernel access",
			[SEGMAP_ACCESS_READ] = "kernel read",
			[SEGMAP_ACCESS_WRITE] = "kernel write",
			[SEGMAP_ACCESS_EXECUTE] = "kernel access",
		},
	};

	return texts[fault->kernel][fault->access];
}

char *faults_done_text(const struct segmap_fault *fault)
{
	const char *name = segmap_fault_class_name(fault->class);
	char *text = NULL;
	int n = fault->around ? asprintf(&text, "%s (+%u near)", name, fault->around)
			      : asprintf(&text, "%s", name);

	return n < 0 ? NULL : text;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* The best that there is: a symbol, a section, an object, what kind of memory. */
char *faults_name_text(const struct segmap_name *name)
{
	char *text = NULL;
	int n;

	if (name->symbol && name->symbol_offset)
		n = asprintf(&text, "%s+0x%" PRIx64, name->symbol, name->symbol_offset);
	else if (name->symbol)
		n = asprintf(&text, "%s", name->symbol);
	else if (name->section && name->role == SEGMAP_ROLE_PROGRAM)
		n = asprintf(&text, "%s", name->section);
	else if (name->section)
		n = asprintf(&text, "%s %s", base_name(name->object), name->section);
	else if (name->object && *name->object)
		n = asprintf(&text, "%s", base_name(name->object));
	else
		n = asprintf(&text, "%s",
			     name->role == SEGMAP_ROLE_NONE ? "no mapping"
							    : "anonymous memory");
	return n < 0 ? NULL : text;
}

/* A mapping without a name that is gone at the end is not known, but there was one. */
void faults_find_where(const struct faults_report *report, const struct segmap_fault *fault,
		       struct segmap_name *name)
{
	faults_images_find(report->images, fault->pid, fault->time, fault->addr, false, name);
	if (name->role == SEGMAP_ROLE_NONE && fault->class != SEGMAP_FAULT_SIGNAL)
		name->role = SEGMAP_ROLE_ANON;
}

char *faults_where_text(const struct faults_report *report, const struct segmap_fault *fault)
{
	struct segmap_name name;
	char *text = NULL;

	faults_find_where(report, fault, &name);
	char *where = faults_name_text(&name);
	if (!where || fault->kernel || fault->access == SEGMAP_ACCESS_EXECUTE)
		return where;
	faults_images_find(report->images, fault->pid, fault->time, fault->ip, false, &name);
	char *by = faults_name_text(&name);
	if (!by || asprintf(&text, "%s by %s", where, by) < 0)
		text = NULL;
	free(where);
	free(by);
	return text;
}
