/* The plan as a person reads it: a title, the table, and what the table does not say. */
#include "plan.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

#define HEX "0x%" PRIx64

static size_t count_loads(const struct segmap_image *image)
{
	size_t count = 0;

	for (size_t i = next_load(image, 0); i < image->phdr_count; i = next_load(image, i + 1))
		count++;
	return count;
}

/* An address in memory, with the name that the file has for it. */
static void put_address(const struct plan_file *file, enum segmap_object_id id, uint64_t addr)
{
	char name[128];
	uint64_t bias = file->plan->objects[id].bias;

	printf(HEX, addr);
	put_text(stdout, name_address(file->symbols[id], addr - bias, name));
}

/* "t-static: EXEC x86-64, entry 0x401530 (_start), 4 LOAD, page 4096": what the file says. */
static void print_title(const struct plan_file *file, enum segmap_object_id id, bool color)
{
	const struct segmap_image *image = file->images[id];
	char type[16], machine[16], name[128];

	fputs(style_on(STYLE_TITLE, color), stdout);
	put_text(stdout, image->path);
	printf(": %s%s %s, entry " HEX, id == SEGMAP_INTERPRETER ? "interpreter, " : "",
	       name_type(image->ehdr.type, type), name_machine(image->ehdr.machine, machine),
	       image->ehdr.entry);
	put_text(stdout, name_address(file->symbols[id], image->ehdr.entry, name));
	printf(", %zu LOAD, page %" PRIu64 "%s\n", count_loads(image), file->rules.page_size,
	       style_off(color));
}

static void print_place(const struct plan_file *file, enum segmap_object_id id)
{
	const struct segmap_object *o = &file->plan->objects[id];

	if (o->place == SEGMAP_PLACE_SEARCH) {
		printf("  place   mmap chooses the address; addresses are relative to it");
		if (o->base)
			printf(", less " HEX, o->base);
		if (o->hint)
			printf("; it is asked for " HEX, o->hint);
	} else if (file->images[id]->ehdr.type == ET_EXEC || o->bias == 0) {
		printf("  place   fixed: the addresses are the file's own");
	} else {
		printf("  place   bias " HEX " without randomisation, which would add up to "
		       "2^%u pages",
		       o->bias, file->rules.mmap_rnd_bits);
	}
	if (o->align)
		printf("; aligned to " HEX, o->align);
	putchar('\n');
}

static void print_entry(const struct plan_file *file)
{
	const struct segmap_plan *plan = file->plan;
	bool interp = plan->object_count > 1;

	printf("  entry   ");
	if (lacks_interpreter(file)) {
		printf("in the interpreter; AT_ENTRY ");
		put_address(file, SEGMAP_PROGRAM, plan->objects[SEGMAP_PROGRAM].entry);
		printf("\n  phdr    " HEX ", %zu headers\n", plan->phdr_addr, plan->phdr_count);
		return;
	}
	put_address(file, interp ? SEGMAP_INTERPRETER : SEGMAP_PROGRAM, plan->entry);
	if (interp) {
		printf(" %s; AT_ENTRY ", is_placed(file, SEGMAP_INTERPRETER)
						 ? "in the interpreter"
						 : "beyond the interpreter's address");
		put_address(file, SEGMAP_PROGRAM, plan->objects[SEGMAP_PROGRAM].entry);
	}
	printf("\n  phdr    " HEX ", %zu headers\n", plan->phdr_addr, plan->phdr_count);
}

static void print_brk(const struct plan_file *file)
{
	const struct segmap_plan *plan = file->plan;
	char range[24];

	printf("  brk     " HEX "%s; randomisation would add up to %s\n", plan->brk,
	       plan->brk_moved ? ", away from the program, as it has no interpreter" : "",
	       name_size(plan->rules.brk_rnd_range, false, range));
}

/* The header that the kernel obeys: the last PT_GNU_STACK. */
static int stack_header(const struct segmap_image *image)
{
	int index = -1;

	for (size_t i = 0; i < image->phdr_count; i++)
		if (image->phdrs[i].type == PT_GNU_STACK)
			index = (int)i;
	return index;
}

static void print_stack(const struct plan_file *file)
{
	const struct segmap_image *image = file->images[SEGMAP_PROGRAM];

	printf("  stack   %s: ", file->plan->stack_exec ? "rwx" : "rw-");
	if (image->stack_request == SEGMAP_STACK_UNSAID)
		printf("no GNU_STACK header asks for anything else\n");
	else
		printf("GNU_STACK[%d] asks for %s\n", stack_header(image),
		       file->plan->stack_exec ? "execution" : "no execution");
}

static void print_interp(const struct plan_file *file)
{
	const struct segmap_image *image = file->images[SEGMAP_PROGRAM];
	const struct segmap_plan *plan = file->plan;
	size_t mappings = 0;
	uint64_t length = 0;

	if (plan->object_count < 2 && !image->interp) {
		printf("  interp  none\n");
		return;
	}
	for (size_t i = 0; i < plan->mapping_count; i++) {
		if (plan->mappings[i].object != SEGMAP_INTERPRETER)
			continue;
		mappings++;
		length += plan->mappings[i].length;
	}
	printf("  interp  ");
	put_text(stdout, image->interp);
	if (lacks_interpreter(file)) {
		printf(", named by INTERP[%d]: not here for this CPU, so not planned\n",
		       image->interp_index);
		return;
	}
	printf(", named by INTERP[%d]: %zu mappings, %" PRIu64 " pages, %s\n",
	       image->interp_index, mappings, length / file->rules.page_size,
	       is_placed(file, SEGMAP_INTERPRETER) ? "at fixed addresses"
						   : "where mmap chooses");
}

static int print_object(const struct plan_file *file, enum segmap_object_id id,
			const struct plan_options *options)
{
	if (options->raw)
		return table_print(file, id, options);
	print_title(file, id, options->color);
	int r = table_print(file, id, options);
	print_place(file, id);
	return r;
}

int text_print(const struct plan_file *file, const struct plan_options *options)
{
	int r = print_object(file, SEGMAP_PROGRAM, options);

	if (!options->raw) {
		print_entry(file);
		print_brk(file);
		print_stack(file);
		print_interp(file);
	}
	if (r == 0 && options->interp && file->plan->object_count > 1) {
		if (!options->raw)
			putchar('\n');
		r = print_object(file, SEGMAP_INTERPRETER, options);
	}
	return r;
}
