/* The account as JSON: docs/schemas/cow.schema.json. */
#include "cow.h"
#include "json.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

/* Appends VALUE to the list that FAILED belongs to. */
static void append(json_t *array, json_t *value, bool *failed)
{
	if (json_array_append_new(array, value) < 0)
		*failed = true;
}

static json_t *list_end(json_t *array, bool failed)
{
	if (!failed && array)
		return array;
	json_decref(array);
	return NULL;
}

/* ---- mappings ---- */

static const char *state_name(char letter)
{
	for (int s = 0; s < SEGMAP_PAGE_STATE_COUNT; s++)
		if (segmap_page_letter((enum segmap_page_state)s) == letter)
			return segmap_page_state_name((enum segmap_page_state)s);
	return "not-mapped";
}

/* Runs of pages in one state: [["absent", 3], ["copy", 1]]. */
static json_t *json_runs(const struct cow_process *p, const struct segmap_strip *strip,
			 size_t look)
{
	const uint64_t page_size = p->looks[0].pages.page_size;
	json_t *runs = json_array();
	bool failed = false;
	uint64_t end;

	for (uint64_t addr = strip->start; addr < strip->end; addr = end) {
		end = strip->end;
		const char *state = state_name(cow_run_at(p, strip, look, addr, &end));

		append(runs, json_pack("[s, I]", state, (json_int_t)((end - addr) / page_size)),
		       &failed);
	}
	return list_end(runs, failed);
}

static json_t *json_moment(const struct cow_process *p, const struct segmap_strip *strip,
			   size_t look)
{
	const struct segmap_region *region = strip->regions[look];
	struct object o = object_new();

	set(&o, "look", json_string(p->looks[look].name));
	set(&o, "permissions", region ? json_string(region->perms) : json_null());
	set(&o, "name", region ? json_text(region->name) : json_null());
	set(&o, "pages", json_runs(p, strip, look));
	return object_end(&o);
}

static json_t *json_mapping(const struct cow_process *p, const struct segmap_strip *strip)
{
	struct object o = object_new();
	json_t *moments = json_array();
	bool failed = false;

	for (size_t i = 0; i < p->look_count; i++)
		append(moments, json_moment(p, strip, i), &failed);
	set(&o, "start", json_hex(strip->start));
	set(&o, "end", json_hex(strip->end));
	set(&o, "kind", json_string(segmap_kind_name(strip->kind)));
	set(&o, "copies", json_count(strip->copies));
	set(&o, "looks", list_end(moments, failed));
	return object_end(&o);
}

static json_t *json_mappings(const struct cow_process *p)
{
	json_t *mappings = json_array();
	bool failed = false;

	for (size_t i = 0; i < p->account.strip_count; i++)
		append(mappings, json_mapping(p, &p->account.strips[i]), &failed);
	return list_end(mappings, failed);
}

/* ---- copies ---- */

static void set_symbol(struct object *o, const struct segmap_name *name)
{
	set(o, "symbol", json_text_or_null(name->symbol));
	if (name->symbol)
		set(o, "symbol_offset", json_count(name->symbol_offset));
	else
		set(o, "symbol_why", json_string("the file has no symbol for it"));
}

static json_t *json_written(const struct cow_process *p, const struct segmap_copy *copy,
			    uint64_t addr)
{
	struct object o = object_new();
	struct segmap_name name;

	segmap_names_find(p->names, addr, false, &name);
	set(&o, "address", json_hex(addr));
	set(&o, "known_by", json_string(copy->fault ? "fault" : "bytes"));
	set_symbol(&o, &name);
	return object_end(&o);
}

static json_t *json_writer(const struct cow_process *p, const struct segmap_fault *fault)
{
	struct object o = object_new();
	struct segmap_name name = {0};

	set(&o, "tid", json_integer(fault->tid));
	set(&o, "time_ns", json_count(fault->time));
	set(&o, "class", json_string(segmap_fault_class_id(fault->class)));
	set(&o, "kernel", json_boolean(fault->kernel));
	set(&o, "instruction", json_hex(fault->ip));
	if (!fault->kernel)
		segmap_names_find(p->names, fault->ip, true, &name);
	set_symbol(&o, &name);
	set(&o, "source", json_text_or_null(name.source));
	set(&o, "line", name.source ? json_integer(name.line) : json_null());
	return object_end(&o);
}

static const char *no_fault_text(const struct cow_process *p, const struct segmap_copy *copy)
{
	if (copy->cause == SEGMAP_CAUSE_LOADER)
		return "it was there at entry";
	if (copy->cause == SEGMAP_CAUSE_PARENT)
		return "it was there at the fork";
	if (p->faults_error)
		return strerror(p->faults_error);
	if (p->end != COW_ENDED)
		return cow_end_text(p->end);
	return p->faults.kernel_seen ? "no fault was seen"
				     : "faults in kernel mode are not shown to this user";
}

static void set_contents(struct object *o, const struct segmap_contents *contents)
{
	if (contents->error)
		set_unknown(o, "differing_bytes", "differing_bytes_why",
			    strerror(contents->error));
	else
		set(o, "differing_bytes", json_count(contents->differing));
	set(o, "file", json_string(segmap_file_verdict_name(contents->file)));
	if (contents->file == SEGMAP_FILE_UNKNOWN)
		set(o, "file_why",
		    json_string(contents->file_error
					? strerror(contents->file_error)
					: "it was changed before it was first seen mapped"));
}

static json_t *json_page_copy(const struct cow_process *p, size_t i)
{
	const struct segmap_copy *copy = &p->account.copies[i];
	struct object o = object_new();
	uint64_t addr = copy->addr;
	bool known = cow_written_at(p, i, &addr);
	struct segmap_name name;

	segmap_names_find(p->names, addr, false, &name);
	set(&o, "page", json_hex(copy->addr));
	set(&o, "object", json_text(name.object));
	set(&o, "segment", name.segment == SIZE_MAX ? json_null() : json_count(name.segment));
	set(&o, "section", json_text_or_null(name.section));
	set(&o, "cause", json_string(segmap_cause_name(copy->cause)));
	if (known)
		set(&o, "written", json_written(p, copy, addr));
	else
		set_unknown(&o, "written", "written_why",
			    "no fault was seen, and no byte differs");
	if (copy->fault)
		set(&o, "writer", json_writer(p, copy->fault));
	else
		set_unknown(&o, "writer", "writer_why", no_fault_text(p, copy));
	set_contents(&o, &p->contents[i]);
	return object_end(&o);
}

static json_t *json_copies(const struct cow_process *p)
{
	json_t *copies = json_array();
	bool failed = false;

	for (size_t i = 0; i < p->account.copy_count; i++)
		append(copies, json_page_copy(p, i), &failed);
	return list_end(copies, failed);
}

static json_t *json_totals(const struct segmap_account *a)
{
	struct object o = object_new();

	set(&o, "data_pages", json_count(a->data_pages));
	set(&o, "copies", json_count(a->copy_count));
	for (size_t i = 0; i < SEGMAP_CAUSE_COUNT; i++)
		set(&o, segmap_cause_name((enum segmap_cause)i), json_count(a->causes[i]));
	return object_end(&o);
}

/* ---- witnesses ---- */

static json_t *json_differences(const struct segmap_account *a)
{
	json_t *list = json_array();
	bool failed = false;

	for (size_t i = 0; i < a->difference_count; i++) {
		const struct segmap_difference *d = &a->differences[i];
		struct object o = object_new();

		set(&o, "page", json_hex(d->addr));
		set(&o, "kind", json_string(segmap_difference_name(d->kind)));
		set(&o, "instruction", d->fault ? json_hex(d->fault->ip) : json_null());
		append(list, object_end(&o), &failed);
	}
	return list_end(list, failed);
}

static json_t *json_witnesses(const struct cow_process *p)
{
	const struct segmap_account *a = &p->account;
	int error = cow_pages_error(p);
	struct object o = object_new();

	set(&o, "verdict", json_string(segmap_agreement_name(a->agreement)));
	if (error)
		set_unknown(&o, "page_tables", "page_tables_why", strerror(error));
	else
		set(&o, "page_tables", json_count(a->copied_pages));
	if (p->faults_error) {
		set_unknown(&o, "faults", "faults_why", strerror(p->faults_error));
	} else if (p->end != COW_ENDED) {
		set_unknown(&o, "faults", "faults_why", cow_end_text(p->end));
	} else {
		set(&o, "faults", json_count(a->faulted_pages));
		set(&o, "kernel_faults_seen", json_boolean(p->faults.kernel_seen));
		set(&o, "records_lost", json_count(p->faults.lost));
	}
	set(&o, "differences", json_differences(a));
	return object_end(&o);
}

static json_t *json_smaps(const struct cow_process *p)
{
	uint64_t bytes = p->account.copy_count * p->looks[0].pages.page_size;
	struct object o = object_new();

	if (p->anonymous_error || p->end != COW_ENDED) {
		set_unknown(&o, "anonymous_bytes", "anonymous_bytes_why",
			    p->end == COW_ENDED ? strerror(p->anonymous_error)
						: cow_end_text(p->end));
		set(&o, "agrees", json_null());
	} else {
		set(&o, "anonymous_bytes", json_count(p->anonymous));
		set(&o, "agrees",
		    cow_pages_error(p) ? json_null() : json_boolean(p->anonymous == bytes));
	}
	return object_end(&o);
}

/* ---- the whole ---- */

static json_t *json_process(const struct cow_process *p)
{
	struct object o = object_new();
	json_t *looks = json_array();
	bool failed = false;

	for (size_t i = 0; i < p->look_count; i++)
		append(looks, json_string(p->looks[i].name), &failed);
	set(&o, "pid", json_integer(p->pid));
	if (p->parent)
		set(&o, "parent", json_integer(p->parent));
	set(&o, "looks", list_end(looks, failed));
	if (p->end != COW_ENDED)
		set(&o, "exit_why", json_string(cow_end_text(p->end)));
	set(&o, "mappings", json_mappings(p));
	set(&o, "copies", json_copies(p));
	if (cow_pages_error(p))
		set_unknown(&o, "totals", "totals_why", strerror(cow_pages_error(p)));
	else
		set(&o, "totals", json_totals(&p->account));
	set(&o, "witnesses", json_witnesses(p));
	set(&o, "smaps", json_smaps(p));
	return object_end(&o);
}

static json_t *json_processes(const struct cow *cow)
{
	json_t *list = json_array();
	bool failed = false;

	for (size_t i = 0; i < cow->process_count; i++)
		append(list, json_process(cow->processes[i]), &failed);
	return list_end(list, failed);
}

/* Whether there was a look at a symbol, or why not. */
static void set_missed(struct object *o, const char *key, const char *why_key,
		       enum cow_missed missed)
{
	set(o, key, json_boolean(missed == COW_SEEN));
	if (missed != COW_SEEN)
		set(o, why_key, json_string(cow_missed_text(missed)));
}

static void set_end(struct object *o, int status)
{
	set(o, "exit_status",
	    WIFEXITED(status) ? json_integer(WEXITSTATUS(status)) : json_null());
	set(o, "signal", WIFSIGNALED(status) ? json_integer(WTERMSIG(status)) : json_null());
}

int cow_print_json(const struct cow *cow, FILE *out)
{
	const struct subject_options *options = &cow->options->subject;
	struct object o = object_new();

	set(&o, "schema", json_string("segmap.cow/1"));
	set(&o, "program", json_text(cow->subject.program));
	set(&o, "arguments", json_arguments(cow->subject.argv));
	set(&o, "loader",
	    json_text(options->by_execve ? "execve"
		      : options->loader  ? options->loader
					 : "segload"));
	set(&o, "aslr", json_boolean(options->aslr));
	set(&o, "page_size", json_count(cow->processes[0]->looks[0].pages.page_size));
	set_missed(&o, "main_seen", "main_seen_why", cow->main_missed);
	set(&o, "at", json_text_or_null(cow->options->at));
	if (cow->options->at)
		set_missed(&o, "at_seen", "at_seen_why", cow->at_missed);
	set(&o, "processes", json_processes(cow));
	set_end(&o, cow->subject.tracee.status);
	return json_write(object_end(&o), out);
}
