/* The plan as the calls of mmap that it comes to, and why: what `segmap plan --json` says. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long count_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* ---- calls ---- */

static const char *prot_text(const char *prot, char text[40])
{
	snprintf(text, 40, "%s%s%s", prot[0] == 'r' ? "|PROT_READ" : "",
		 prot[1] == 'w' ? "|PROT_WRITE" : "", prot[2] == 'x' ? "|PROT_EXEC" : "");
	return *text ? text + 1 : "PROT_NONE";
}

/* Where the object's place is mmap's choice, addresses are distances from it. */
static void write_address(FILE *out, const json_t *mapping)
{
	const char *addr = json_string_value(json_object_get(mapping, "addr"));

	if (addr)
		html_text(out, addr);
	else
		html_format(out, "bias + %s", text_of(mapping, "vaddr"));
}

static const json_t *find_object(const json_t *objects, const char *name)
{
	const json_t *object;

	for (size_t i = 0; (object = json_array_get(objects, i)); i++)
		if (strcmp(text_of(object, "object"), name) == 0)
			return object;
	return NULL;
}

/* The first mapping of an object finds room for all of it: where mmap chooses, or at an address
 * that must be free. The others go where that has left room for them. */
static void write_call(FILE *out, const json_t *objects, const json_t *mapping, bool first)
{
	const char *offset = json_string_value(json_object_get(mapping, "offset"));
	const json_t *object = find_object(objects, text_of(mapping, "object"));
	bool chosen = first && json_is_null(json_object_get(object, "bias"));
	bool careful = first && json_is_true(json_object_get(object, "noreplace"));
	char prot[40];

	fputs("mmap(", out);
	if (chosen)
		html_text(out, text_of(object, "hint"));
	else
		write_address(out, mapping);
	fprintf(out, ", %lld, %s, MAP_PRIVATE%s%s, ", count_of(mapping, "length"),
		prot_text(text_of(mapping, "prot"), prot), offset ? "" : "|MAP_ANONYMOUS",
		chosen    ? ""
		: careful ? "|MAP_FIXED_NOREPLACE"
			  : "|MAP_FIXED");
	if (offset)
		html_format(out, "%s, %s)", text_of(mapping, "object"), offset);
	else
		fputs("-1, 0)", out);
	if (chosen)
		html_format(out, " = bias + %s", text_of(mapping, "vaddr"));
}

/* ---- reasons ---- */

static void write_sections(FILE *out, const json_t *sections)
{
	const json_t *name;

	for (size_t i = 0; (name = json_array_get(sections, i)); i++) {
		fputs(i ? " " : "<br><code>", out);
		html_text(out, json_string_value(name));
	}
	if (json_array_size(sections))
		fputs("</code>", out);
}

static void write_reason(FILE *out, const json_t *mapping)
{
	long long index = count_of(mapping, "index"), pages = count_of(mapping, "pages");
	bool file = json_object_get(mapping, "offset");

	if (file)
		fprintf(out, "segment %lld: %lld page%s of the file", index, pages,
			pages == 1 ? "" : "s");
	else
		fprintf(out, "bss of segment %lld: %lld page%s that are in no file, zeros",
			index, pages, pages == 1 ? "" : "s");
	if (count_of(mapping, "skew"))
		fprintf(out,
			"; it begins %lld bytes into its first page, the bytes before come "
			"along",
			count_of(mapping, "skew"));
	if (count_of(mapping, "reserve"))
		fprintf(out,
			"; at first %lld bytes are mapped, to find room for all segments "
			"together",
			count_of(mapping, "reserve"));
	write_sections(out, json_object_get(mapping, "sections"));
}

static void write_clear(FILE *out, const json_t *clear)
{
	fputs("<tr><td><td class=call>memset(", out);
	if (json_string_value(json_object_get(clear, "addr")))
		html_text(out, text_of(clear, "addr"));
	else
		html_format(out, "bias + %s", text_of(clear, "vaddr"));
	fprintf(out,
		", 0, %lld)<td>bss begins in the last page of the file's bytes: what follows "
		"them "
		"there is cleared, which copies the page\n",
		count_of(clear, "length"));
}

static void write_mappings(FILE *out, const json_t *plan)
{
	const json_t *objects = json_object_get(plan, "objects"), *mapping, *last = NULL;

	fputs("<div class=scroll tabindex=0 role=region aria-label=\"calls of mmap\">"
	      "<table class=calls><thead><tr><th class=r>#<th>Call<th>Reason\n<tbody>\n",
	      out);
	for (size_t i = 0; (mapping = json_array_get(json_object_get(plan, "mappings"), i));
	     i++) {
		const json_t *clear = json_object_get(mapping, "clear");
		bool first = !last ||
			     strcmp(text_of(last, "object"), text_of(mapping, "object")) != 0;

		fprintf(out, "<tr><td class=r>%zu<td class=call>", i + 1);
		write_call(out, objects, mapping, first);
		fputs("<td>", out);
		write_reason(out, mapping);
		fputs("\n", out);
		if (clear)
			write_clear(out, clear);
		last = mapping;
	}
	fputs("</table></div>\n", out);
}

/* ---- addresses ---- */

static void write_place(FILE *out, const json_t *plan, const char *key, const char *what)
{
	const json_t *address = json_object_get(plan, key);
	const char *addr = json_string_value(json_object_get(address, "addr"));

	if (!address)
		return;
	fprintf(out, "<tr><th scope=row>%s<td class=n>", what);
	if (addr)
		html_text(out, addr);
	else
		html_format(out, "bias + %s", text_of(address, "vaddr"));
	fputs("<td>", out);
	html_text(out, text_of(address, "symbol"));
	fputs("\n", out);
}

static void write_places(FILE *out, const json_t *plan)
{
	fputs("<table><tbody>\n", out);
	write_place(out, plan, "entry", "first instruction");
	write_place(out, plan, "at_entry", "AT_ENTRY");
	write_place(out, plan, "at_phdr", "AT_PHDR");
	write_place(out, plan, "brk", "heap begins");
	fputs("<tr><th scope=row>stack<td>", out);
	html_text(out, text_of(plan, "stack_prot"));
	fputs("<td>\n</table>\n", out);
}

/* ---- headers ---- */

static void write_headers(FILE *out, const json_t *image)
{
	static const char *const keys[] = {"flags",  "offset", "vaddr",
					   "filesz", "memsz",  "align"};
	const json_t *header;

	fputs("<details><summary>", out);
	html_format(out, "Program headers of %s", text_of(image, "path"));
	fputs("</summary><div class=scroll tabindex=0 role=region aria-label=\"program "
	      "headers\">"
	      "<table><thead><tr><th class=r>#<th>Type<th>Flags<th>Offset<th>Vaddr<th>Filesz"
	      "<th>Memsz<th>Align\n<tbody>\n",
	      out);
	for (size_t i = 0; (header = json_array_get(json_object_get(image, "headers"), i));
	     i++) {
		fprintf(out, "<tr><td class=r>%zu<th scope=row>", i);
		html_text(out, text_of(header, "type"));
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			fputs("<td class=n>", out);
			html_text(out, text_of(header, keys[k]));
		}
		fputs("\n", out);
	}
	fputs("</table></div></details>\n", out);
}

static void write_error(FILE *out, const json_t *error)
{
	fputs("<p>Refused: ", out);
	html_text(out, text_of(error, "cause"));
	fputs("<br><code>", out);
	html_text(out, text_of(error, "evidence"));
	fputs("</code><br>", out);
	html_text(out, text_of(error, "kernel"));
	fputs("\n", out);
}

void report_write_plan(const json_t *document, FILE *out)
{
	const json_t *file = json_array_get(json_object_get(document, "files"), 0);
	const json_t *plan = json_object_get(file, "plan");

	if (!json_is_object(plan)) {
		write_error(out, json_object_get(file, "error"));
		return;
	}
	fputs("<p>Without randomisation; <i>bias</i> is where mmap puts an object whose place "
	      "is "
	      "its own choice. The kernel makes the same calls inside execve.\n",
	      out);
	write_mappings(out, plan);
	write_places(out, plan);
	write_headers(out, json_object_get(file, "program"));
	if (json_object_get(file, "interpreter"))
		write_headers(out, json_object_get(file, "interpreter"));
}
