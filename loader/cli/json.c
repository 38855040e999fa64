#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct object object_new(void)
{
	json_t *json = json_object();

	return (struct object){json, json == NULL};
}

void set(struct object *object, const char *key, json_t *value)
{
	if (json_object_set_new(object->json, key, value) != 0)
		object->failed = true;
}

json_t *object_end(struct object *object)
{
	if (!object->failed)
		return object->json;
	json_decref(object->json);
	return NULL;
}

json_t *json_text(const char *text)
{
	json_t *json = json_string(text);
	char *escaped = NULL;
	size_t size;

	if (json)
		return json;
	FILE *out = open_memstream(&escaped, &size);
	if (!out)
		return NULL;
	for (; *text; text++)
		fprintf(out, (unsigned char)*text < 0x80 ? "%c" : "\\x%02x",
			(unsigned char)*text);
	fclose(out);
	json = json_string(escaped);
	free(escaped);
	return json;
}

json_t *json_hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

json_t *json_text_or_null(const char *text)
{
	return text ? json_text(text) : json_null();
}

void set_unknown(struct object *object, const char *key, const char *why_key, const char *why)
{
	set(object, key, json_null());
	set(object, why_key, json_text(why));
}

json_t *json_arguments(char *const *argv)
{
	json_t *array = json_array();

	for (; *argv; argv++)
		if (json_array_append_new(array, json_text(*argv)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

int json_write(json_t *root, FILE *out)
{
	int r = root && json_dumpf(root, out, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;

	fputc('\n', out);
	json_decref(root);
	return r;
}
