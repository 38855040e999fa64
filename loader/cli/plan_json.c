/* The plan as JSON. Absent is what a file does not have; null, with a "why", what is unknown.
 */
#include "json.h"
#include "plan.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *object_name(enum segmap_object_id id)
{
	return id == SEGMAP_INTERPRETER ? "interpreter" : "program";
}

/* An address that moves with object ID: {"vaddr": link-time, "addr": in memory}. */
static json_t *json_address(const struct plan_file *file, enum segmap_object_id id,
			    uint64_t addr)
{
	struct object o = object_new();
	struct segmap_symbol symbol;
	uint64_t vaddr = addr - file->plan->objects[id].bias;

	if (is_placed(file, id))
		set(&o, "addr", json_hex(addr));
	else
		set_unknown(&o, "addr", "why", "mmap chooses the address");
	set(&o, "vaddr", json_hex(vaddr));
	if (segmap_symbols_find(file->symbols[id], vaddr, &symbol)) {
		set(&o, "symbol", json_text(symbol.name));
		set(&o, "symbol_offset", json_count(symbol.offset));
	}
	return object_end(&o);
}

static json_t *json_phdr(const struct segmap_phdr *p, size_t index)
{
	struct object o = object_new();
	char type[16], flags[4];

	set(&o, "index", json_count(index));
	set(&o, "type", json_string(name_phdr(p->type, type)));
	set(&o, "flags", json_string(name_flags(p->flags, flags)));
	set(&o, "offset", json_hex(p->offset));
	set(&o, "vaddr", json_hex(p->vaddr));
	set(&o, "filesz", json_hex(p->filesz));
	set(&o, "memsz", json_hex(p->memsz));
	set(&o, "align", json_hex(p->align));
	return object_end(&o);
}

static json_t *json_phdrs(const struct segmap_image *image)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < image->phdr_count; i++) {
		if (json_array_append_new(array, json_phdr(&image->phdrs[i], i)) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

/* What the file itself says. */
static json_t *json_image(const struct segmap_image *image)
{
	struct object o = object_new();
	char type[16], machine[16];

	set(&o, "path", json_text(image->path));
	set(&o, "type", json_string(name_type(image->ehdr.type, type)));
	set(&o, "machine", json_string(name_machine(image->ehdr.machine, machine)));
	set(&o, "entry", json_hex(image->ehdr.entry));
	set(&o, "file_size", json_count(image->file_size));
	if (image->interp) {
		set(&o, "interp", json_text(image->interp));
		set(&o, "interp_index", json_integer(image->interp_index));
	}
	set(&o, "headers", json_phdrs(image));
	return object_end(&o);
}

/* Where an object goes. */
static json_t *json_place(const struct plan_file *file, enum segmap_object_id id)
{
	const struct segmap_object *place = &file->plan->objects[id];
	struct object o = object_new();

	set(&o, "object", json_string(object_name(id)));
	if (is_placed(file, id))
		set(&o, "bias", json_hex(place->bias));
	else
		set_unknown(&o, "bias", "why", "mmap chooses the address");
	set(&o, "noreplace", json_boolean(place->noreplace));
	set(&o, "base", json_hex(place->base));
	set(&o, "hint", json_hex(place->hint));
	set(&o, "span", json_count(place->span));
	set(&o, "align", json_hex(place->align));
	return object_end(&o);
}

static json_t *json_sections(const struct plan_file *file, const struct segmap_mapping *m)
{
	/* a mapping has an image that it is of:
	 * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	const struct segmap_phdr *p = &file->images[m->object]->phdrs[m->index];
	size_t count;
	struct segmap_section *sections =
		list_sections(file->symbols[m->object], p, m->kind, &count);
	json_t *array = sections ? json_array() : NULL;

	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, json_text(sections[i].name)) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	free(sections);
	return array;
}

static json_t *json_clear(const struct plan_file *file, const struct segmap_mapping *m)
{
	json_t *json = json_address(file, m->object, m->clear_addr);

	if (json && json_object_set_new(json, "length", json_count(m->clear_length)) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *json_mapping(const struct plan_file *file, const struct segmap_mapping *m)
{
	struct object o = object_new();
	uint64_t vaddr = m->addr - file->plan->objects[m->object].bias;
	char prot[5];

	set(&o, "object", json_string(object_name(m->object)));
	set(&o, "index", json_integer(m->index));
	set(&o, "kind", json_string(segmap_mapping_kind_name(m->kind)));
	set(&o, "prot", json_stringn(name_prot(m->prot, prot), 3));
	if (is_guarded(m))
		set(&o, "bti", json_true());
	if (is_placed(file, m->object))
		set(&o, "addr", json_hex(m->addr));
	else
		set_unknown(&o, "addr", "why", "mmap chooses the address");
	set(&o, "vaddr", json_hex(vaddr));
	set(&o, "length", json_count(m->length));
	set(&o, "pages", json_count(m->length / file->rules.page_size));
	if (m->kind == SEGMAP_FILE_PRIVATE)
		set(&o, "offset", json_hex(m->offset));
	set(&o, "skew", json_count(m->skew));
	set(&o, "reserve", json_count(m->reserve));
	if (m->clear_length)
		set(&o, "clear", json_clear(file, m));
	set(&o, "sections", json_sections(file, m));
	return object_end(&o);
}

static json_t *json_mappings(const struct plan_file *file)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < file->plan->mapping_count; i++) {
		json_t *mapping = json_mapping(file, &file->plan->mappings[i]);

		if (json_array_append_new(array, mapping) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *json_range(const struct plan_file *file, uint64_t start, uint64_t end)
{
	struct object o = object_new();

	set(&o, "start", json_address(file, SEGMAP_PROGRAM, start));
	set(&o, "end", json_address(file, SEGMAP_PROGRAM, end));
	return object_end(&o);
}

/* A heap away from the program does not move with it. */
static json_t *json_brk(const struct plan_file *file)
{
	if (!file->plan->brk_moved)
		return json_address(file, SEGMAP_PROGRAM, file->plan->brk);
	struct object o = object_new();
	set(&o, "addr", json_hex(file->plan->brk));
	return object_end(&o);
}

static json_t *json_places(const struct plan_file *file)
{
	json_t *array = json_array();

	for (size_t id = 0; array && id < file->plan->object_count; id++) {
		json_t *place = json_place(file, (enum segmap_object_id)id);

		if (json_array_append_new(array, place) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

/* The first instruction. */
static json_t *json_entry(const struct plan_file *file)
{
	const struct segmap_plan *plan = file->plan;
	bool interp = plan->object_count > 1;

	if (!lacks_interpreter(file))
		return json_address(file, interp ? SEGMAP_INTERPRETER : SEGMAP_PROGRAM,
				    plan->entry);
	struct object o = object_new();
	set_unknown(&o, "addr", "why", "the interpreter is not here");
	return object_end(&o);
}

static json_t *json_plan(const struct plan_file *file)
{
	const struct segmap_plan *plan = file->plan;
	struct object o = object_new();

	set(&o, "page_size", json_count(plan->rules.page_size));
	set(&o, "randomised", json_false());
	set(&o, "objects", json_places(file));
	set(&o, "mappings", json_mappings(file));
	set(&o, "entry", json_entry(file));
	set(&o, "at_entry",
	    json_address(file, SEGMAP_PROGRAM, plan->objects[SEGMAP_PROGRAM].entry));
	set(&o, "at_phdr", json_address(file, SEGMAP_PROGRAM, plan->phdr_addr));
	set(&o, "at_phnum", json_count(plan->phdr_count));
	if (plan->end_code > 0) /* else there is no executable segment */
		set(&o, "code", json_range(file, plan->start_code, plan->end_code));
	set(&o, "data", json_range(file, plan->start_data, plan->end_data));
	set(&o, "brk", json_brk(file));
	set(&o, "stack_prot", json_string(plan->stack_exec ? "rwx" : "rw-"));
	return object_end(&o);
}

static json_t *json_error(const struct segmap_error *err)
{
	const char *name = strerrorname_np(err->errnum);
	struct segmap_error_text text;
	struct object o = object_new();

	segmap_error_describe(err, &text);
	set(&o, "reason", json_string(segmap_reason_name(err->reason)));
	set(&o, "verdict", json_string(segmap_verdict_name(err->verdict)));
	set(&o, "object", json_string(object_name(err->object)));
	set(&o, "errno", name ? json_string(name) : json_sprintf("%d", err->errnum));
	if (err->index >= 0)
		set(&o, "index", json_integer(err->index));
	set(&o, "cause", json_text(text.cause));
	set(&o, "evidence", json_text(text.evidence));
	set(&o, "kernel", json_text(text.kernel));
	set(&o, "hint", json_text(text.hint));
	return object_end(&o);
}

static json_t *json_finding(const struct finding *finding)
{
	struct object o = object_new();

	set(&o, "severity", json_string(severity_name(finding->severity)));
	set(&o, "name", json_string(finding->name));
	set(&o, "object", json_string(object_name(finding->object)));
	if (finding->index >= 0)
		set(&o, "index", json_integer(finding->index));
	set(&o, "cause", json_text(finding->cause));
	set(&o, "evidence", json_text(finding->evidence));
	set(&o, "kernel", json_text(finding->kernel));
	return object_end(&o);
}

static json_t *json_findings(const struct findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < findings->count; i++) {
		if (json_array_append_new(array, json_finding(&findings->items[i])) == 0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

json_t *json_file(const struct plan_file *file, const struct findings *findings)
{
	struct object o = object_new();

	set(&o, "path", json_text(file->path));
	if (file->images[SEGMAP_PROGRAM])
		set(&o, "program", json_image(file->images[SEGMAP_PROGRAM]));
	if (file->images[SEGMAP_INTERPRETER])
		set(&o, "interpreter", json_image(file->images[SEGMAP_INTERPRETER]));
	if (file->plan) {
		set(&o, "plan", json_plan(file));
	} else {
		set_unknown(&o, "plan", "why", "see error");
		set(&o, "error", json_error(&file->error));
	}
	if (file->here.reason)
		set(&o, "here", json_error(&file->here));
	if (findings)
		set(&o, "findings", json_findings(findings));
	return object_end(&o);
}
