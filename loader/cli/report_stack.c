/* The initial stack: what was at and above the stack pointer at the first instruction. */
#include "report.h"

#include <segmap/auxv.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = sizeof(uint64_t), TEXT_MOST = 4 << 10 };

/* The stack's bytes, and how far they have been read. */
struct reader {
	const struct segmap_bytes *bytes;
	uint64_t addr; /* of the first of them */
	uint64_t at;   /* address of the next word */
};

static bool read_word(struct reader *r, uint64_t *word)
{
	uint64_t offset = r->at - r->addr;

	if (r->at < r->addr || offset > r->bytes->size || r->bytes->size - offset < WORD)
		return false;
	memcpy(word, r->bytes->data + offset, WORD);
	r->at += WORD;
	return true;
}

/* The string at ADDR, or null: not every pointer of the vector is one into the stack. */
static json_t *string_json(const struct reader *r, uint64_t addr)
{
	uint64_t offset = addr - r->addr;
	char text[TEXT_MOST];

	if (addr < r->addr || offset >= r->bytes->size)
		return json_null();
	snprintf(text, sizeof(text), "%.*s", (int)(r->bytes->size - offset),
		 r->bytes->data + offset);
	return json_text(text);
}

/* Pointers up to a NULL. */
static json_t *strings_json(struct reader *r)
{
	json_t *array = json_array();
	uint64_t at = r->at, pointer;

	for (; read_word(r, &pointer) && pointer; at = r->at) {
		struct object o = object_new();

		set(&o, "at", json_hex(at));
		set(&o, "value", json_hex(pointer));
		set(&o, "text", string_json(r, pointer));
		if (json_array_append_new(array, object_end(&o)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static bool is_string(uint64_t type)
{
	const char *name = segmap_auxv_name(type);

	return name && (strcmp(name, "AT_PLATFORM") == 0 || strcmp(name, "AT_EXECFN") == 0 ||
			strcmp(name, "AT_BASE_PLATFORM") == 0);
}

static json_t *random_json(const struct reader *r, uint64_t addr)
{
	uint64_t offset = addr - r->addr;
	char text[33] = "";

	if (addr < r->addr || offset > r->bytes->size || r->bytes->size - offset < 16)
		return json_null();
	for (size_t i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)r->bytes->data[offset + i]);
	return json_string(text);
}

static json_t *pair_json(const struct reader *r, uint64_t at, uint64_t type, uint64_t value)
{
	const char *name = segmap_auxv_name(type);
	struct object o = object_new();

	set(&o, "at", json_hex(at));
	set(&o, "type", json_integer((json_int_t)type));
	set(&o, "name", name ? json_string(name) : json_sprintf("AT_%" PRIu64, type));
	set(&o, "value", json_hex(value));
	if (is_string(type))
		set(&o, "text", string_json(r, value));
	else if (name && strcmp(name, "AT_RANDOM") == 0)
		set(&o, "text", random_json(r, value));
	return object_end(&o);
}

static json_t *auxv_json(struct reader *r)
{
	json_t *array = json_array();
	uint64_t at = r->at, type, value;

	for (; read_word(r, &type) && read_word(r, &value) && type; at = r->at)
		if (json_array_append_new(array, pair_json(r, at, type, value)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *report_stack_json(const struct report *report)
{
	const struct segmap_process *start = &report->start;
	struct reader r = {&start->stack, start->stack_addr, start->sp};
	struct object o = object_new();
	uint64_t argc;

	if (start->stack.error || !read_word(&r, &argc)) {
		int error = start->stack.error;

		json_decref(object_end(&o));
		return json_pack("{s:n, s:s}", "sp", "why",
				 error ? strerror(error) : "the stack pointer is not in it");
	}
	set(&o, "sp", json_hex(start->sp));
	set(&o, "argc", json_integer((json_int_t)argc));
	set(&o, "argv", strings_json(&r));
	set(&o, "envp", strings_json(&r));
	set(&o, "auxv", auxv_json(&r));
	set(&o, "strings", json_hex(r.at));
	set(&o, "end", json_hex(start->stack_addr + start->stack.size));
	return object_end(&o);
}

/* ---- the section of the page ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void write_word(FILE *out, const char *zone, const json_t *item, const char *what)
{
	fprintf(out, "<tr class=\"z-%s\"><td class=n>", zone);
	html_text(out, text_of(item, "at"));
	fputs("<td>", out);
	html_text(out, what);
	fputs("<td class=n>", out);
	html_text(out, text_of(item, "value"));
	fputs("<td class=text>", out);
	html_text(out, text_of(item, "text"));
	fputs("\n", out);
}

/* And the NULL behind them; AT is the address of the first one. Returns the address behind. */
static uint64_t write_strings(FILE *out, const char *zone, const json_t *array, uint64_t at)
{
	uint64_t end = at + WORD * json_array_size(array);
	char what[32];
	json_t *item;

	for (size_t i = 0; (item = json_array_get(array, i)); i++) {
		snprintf(what, sizeof(what), "%s[%zu]", zone, i);
		write_word(out, zone, item, what);
	}
	fprintf(out,
		"<tr class=\"z-%s\"><td class=n>0x%" PRIx64
		"<td>NULL<td class=n>0x0<td>ends %s\n",
		zone, end, zone);
	return end + WORD;
}

void report_write_stack(const json_t *stack, FILE *out)
{
	const json_t *argc = json_object_get(stack, "argc");
	uint64_t at = strtoull(text_of(stack, "sp"), NULL, 16) + WORD;
	json_t *item;

	if (!argc) {
		fputs("<p>Not known: ", out);
		html_text(out, text_of(stack, "why"));
		return;
	}
	fputs("<p>Lowest address first. The stack pointer points to the number of arguments; "
	      "all that is above it was put there before the first instruction.\n"
	      "<div class=scroll tabindex=0 role=region aria-label=\"initial stack\">"
	      "<table class=stack><thead><tr><th>Address<th>What<th>Value<th>Points "
	      "to\n<tbody>",
	      out);
	fprintf(out,
		"<tr class=\"z-argc\"><td class=n>%s<td>argc, stack pointer<td class=n>%lld"
		"<td>\n",
		text_of(stack, "sp"), (long long)json_integer_value(argc));
	at = write_strings(out, "argv", json_object_get(stack, "argv"), at);
	at = write_strings(out, "envp", json_object_get(stack, "envp"), at);
	for (size_t i = 0; (item = json_array_get(json_object_get(stack, "auxv"), i)); i++)
		write_word(out, "auxv", item, text_of(item, "name"));
	at += json_array_size(json_object_get(stack, "auxv")) * 2 * WORD;
	fprintf(out,
		"<tr class=\"z-auxv\"><td class=n>0x%" PRIx64
		"<td>AT_NULL<td class=n>0x0<td>ends auxv\n",
		at);
	fprintf(out,
		"<tr class=\"z-strings\"><td class=n>%s<td>strings<td class=n>"
		"<td>padding, AT_RANDOM's bytes, the platform, argv, envp, the path\n"
		"<tr class=\"z-strings\"><td class=n>%s<td>end of the stack<td><td>\n"
		"</table></div>\n",
		text_of(stack, "strings"), text_of(stack, "end"));
}
