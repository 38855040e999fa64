/*
 * What an address belongs to. What is known is a list of spans, ranges of addresses that do not
 * overlap: a mapping each, or of anonymous memory that holds the bss of an object and something
 * else, a part of one. New mappings replace what was known of their addresses, and no more.
 */
#include <segmap/names.h>

#include "names_state.h"
#include "read.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- roles ---- */

static void find_interpreter(struct segmap_names *names, const struct segmap_image *program)
{
	struct segmap_image *image =
		program->interp ? image_seen_by(names->pid, program->interp) : NULL;

	names->has_interpreter = image && file_id_of_fd(&names->interpreter_id, image->fd);
	segmap_image_free(image);
}

static void find_program(struct segmap_names *names)
{
	struct segmap_image *image = NULL;
	struct segmap_error err;

	if (segmap_image_inspect(&image, names->program, SEGMAP_PROGRAM, &err) < 0)
		return;
	names->has_program = file_id_of_fd(&names->program_id, image->fd);
	find_interpreter(names, image);
	segmap_image_free(image);
}

static void set_role(const struct segmap_names *names, struct object *object)
{
	if (object->role != SEGMAP_ROLE_LIBRARY)
		return;
	if (names->has_program && file_id_equal(&object->id, &names->program_id))
		object->role = SEGMAP_ROLE_PROGRAM;
	else if (names->has_interpreter && file_id_equal(&object->id, &names->interpreter_id))
		object->role = SEGMAP_ROLE_INTERPRETER;
}

/* ---- objects ---- */

/* The object of REGION, known or new; NULL if out of memory. */
static struct object *take_object(struct segmap_names *names,
				  const struct segmap_region *region)
{
	for (size_t i = 0; i < names->object_count; i++)
		if (object_is_of(names->objects[i], region))
			return names->objects[i];
	struct object **objects =
		reallocarray(names->objects, names->object_count + 1, sizeof(struct object *));
	if (!objects)
		return NULL;
	names->objects = objects;
	struct object *object = object_open(names->pid, region);
	if (!object)
		return NULL;
	set_role(names, object);
	return objects[names->object_count++] = object;
}

/* ---- mappings ---- */

/* The bias that OBJECT has had in the nearest mapping before, or NULL. */
static const uint64_t *bias_before(const struct spans *spans, const struct object *object)
{
	for (size_t i = spans->count; i > 0; i--) {
		const struct span *span = &spans->items[i - 1];

		if (span->object == object && span->placed)
			return &span->bias;
	}
	return NULL;
}

/* One span for each region, as if no memory were bss. */
static int spans_of_regions(struct segmap_names *names, const struct segmap_regions *regions,
			    struct spans *spans)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < regions->count; i++) {
		const struct segmap_region *region = &regions->items[i];
		struct span span = {
			.start = region->start,
			.end = region->end,
			.offset = region->offset,
			.object = take_object(names, region),
		};

		if (!span.object)
			return -ENOMEM;
		span.of_file = span.object->image;
		if (span.of_file)
			span.placed = object_bias(span.object, region,
						  bias_before(spans, span.object), &span.bias,
						  &span.segment);
		r = spans_add(spans, &span);
	}
	return r;
}

/* The value of TYPE in the auxiliary vector, or 0. */
static uint64_t auxv_value(pid_t pid, uint64_t type)
{
	struct segmap_bytes auxv = {0};
	uint64_t pair[2], value = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	if (bytes_read(&auxv, path) < 0)
		return 0;
	for (size_t at = 0; auxv.data && at + sizeof(pair) <= auxv.size; at += sizeof(pair)) {
		memcpy(pair, auxv.data + at, sizeof(pair));
		if (pair[0] == type)
			value = pair[1];
	}
	bytes_free(&auxv);
	return value;
}

/* Where the path is that of a script, the program is what has the entry point. */
static void find_program_by_entry(struct segmap_names *names)
{
	const struct span *span = spans_find(&names->spans, auxv_value(names->pid, AT_ENTRY));

	if (!span || !span->object->image || span->object->role != SEGMAP_ROLE_LIBRARY)
		return;
	names->program_id = span->object->id;
	names->has_program = true;
	find_interpreter(names, span->object->image);
	for (size_t i = 0; i < names->object_count; i++)
		set_role(names, names->objects[i]);
}

/* ---- public ---- */

int segmap_names_open(struct segmap_names **out, pid_t pid, const char *program)
{
	struct segmap_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->pid = pid;
	names->program = strdup(program);
	if (!names->program) {
		free(names);
		return -ENOMEM;
	}
	find_program(names);
	*out = names;
	return 0;
}

int segmap_names_update(struct segmap_names *names, const struct segmap_regions *regions)
{
	struct spans mapped = {0}, newer = {0}, all = {0};
	int r = spans_of_regions(names, regions, &mapped);

	if (r == 0)
		r = spans_find_bss(&newer, &mapped);
	if (r == 0)
		r = spans_merge(&all, &newer, &names->spans);
	if (r == 0) {
		spans_free(&names->spans);
		names->spans = all;
		all = (struct spans){0};
		if (!names->has_program)
			find_program_by_entry(names);
	}
	spans_free(&all);
	spans_free(&newer);
	spans_free(&mapped);
	return r;
}

void segmap_names_free(struct segmap_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->object_count; i++)
		object_close(names->objects[i]);
	free(names->objects);
	spans_free(&names->spans);
	free(names->program);
	free(names);
}

/* Where ADDR is in the image of its object: the segment's index, or SIZE_MAX. */
static size_t locate(const struct span *span, uint64_t addr, uint64_t *vaddr)
{
	const struct segmap_image *image = span->object->image;
	uint64_t offset = addr - span->start + span->offset;
	size_t segment = SIZE_MAX;

	if (span->placed) {
		*vaddr = addr - span->bias;
		segment = object_segment_at(span->object, *vaddr);
	}
	if (!span->of_file)
		return segment;
	/* A file that is mapped as it is, not as its segments ask: by what the bytes are. */
	if (segment == SIZE_MAX ||
	    image->phdrs[segment].offset + (*vaddr - image->phdrs[segment].vaddr) != offset)
		segment = object_segment_of_offset(span->object, offset, vaddr);
	return segment;
}

static void find_names(struct object *object, bool lines, struct segmap_name *out)
{
	const struct segmap_symbols *symbols = object_symbols(object);
	struct segmap_section section;
	struct segmap_symbol symbol;

	if (segmap_symbols_sections(symbols, out->vaddr, out->vaddr + 1, &section, 1))
		out->section = section.name;
	if (segmap_symbols_find(symbols, out->vaddr, &symbol)) {
		out->symbol = symbol.name;
		out->symbol_offset = symbol.offset;
		out->symbol_size = symbol.size;
	}
	if (lines)
		source_find(object_source(object), out->vaddr, &out->source, &out->line);
}

void segmap_names_find(struct segmap_names *names, uint64_t addr, bool lines,
		       struct segmap_name *out)
{
	const struct span *span = spans_find(&names->spans, addr);

	*out = (struct segmap_name){
		.role = span ? span->object->role : SEGMAP_ROLE_NONE,
		.object = span ? span->object->name : "",
		.vaddr = addr,
		.segment = SIZE_MAX,
	};
	if (!span || !span->object->image)
		return;
	out->segment = locate(span, addr, &out->vaddr);
	if (out->segment != SIZE_MAX)
		find_names(span->object, lines, out);
}

/* ---- by name ---- */

/* NAME, or what follows in it on the name of OBJECT and a colon. */
static const char *name_within(const struct object *object, const char *name)
{
	const char *slash = strrchr(object->name, '/');
	const char *base = slash ? slash + 1 : object->name;
	size_t whole = strlen(object->name), length = strlen(base);

	if (whole && strncmp(name, object->name, whole) == 0 && name[whole] == ':')
		return name + whole + 1;
	if (length && strncmp(name, base, length) == 0 && name[length] == ':')
		return name + length + 1;
	return name;
}

/* Looks in the objects of ROLE, by address. */
static bool address_in(struct segmap_names *names, enum segmap_role role, const char *name,
		       uint64_t *addr)
{
	const struct object *last = NULL;
	struct segmap_symbol symbol;

	for (size_t i = 0; i < names->spans.count; i++) {
		const struct span *span = &names->spans.items[i];

		if (!span->placed || span->object->role != role || span->object == last)
			continue;
		last = span->object;
		if (!segmap_symbols_lookup(object_symbols(span->object),
					   name_within(last, name), &symbol))
			continue;
		*addr = symbol.vaddr + span->bias;
		return true;
	}
	return false;
}

bool segmap_names_address(struct segmap_names *names, const char *name, uint64_t *addr)
{
	static const enum segmap_role order[] = {SEGMAP_ROLE_PROGRAM, SEGMAP_ROLE_LIBRARY,
						 SEGMAP_ROLE_INTERPRETER, SEGMAP_ROLE_KERNEL};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (address_in(names, order[i], name, addr))
			return true;
	return false;
}

const char *segmap_role_name(enum segmap_role role)
{
	static const char *const names[SEGMAP_ROLE_COUNT] = {
		[SEGMAP_ROLE_PROGRAM] = "program", [SEGMAP_ROLE_INTERPRETER] = "interpreter",
		[SEGMAP_ROLE_LIBRARY] = "library", [SEGMAP_ROLE_FILE] = "file",
		[SEGMAP_ROLE_HEAP] = "heap",       [SEGMAP_ROLE_STACK] = "stack",
		[SEGMAP_ROLE_KERNEL] = "kernel",   [SEGMAP_ROLE_ANON] = "anon",
		[SEGMAP_ROLE_NONE] = "none",
	};

	return names[role];
}
