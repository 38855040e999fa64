/* Building JSON, for all commands. Absent is what there is not; null, with a "why", what is
 * unknown. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Every json_object_set_new takes a NULL for the value as a failure, so these set FAILED once
 * and the caller looks at the end. */
struct object {
	json_t *json;
	bool failed;
};

struct object object_new(void);
void set(struct object *object, const char *key, json_t *value);

/* KEY is null, and WHY_KEY says why. */
void set_unknown(struct object *object, const char *key, const char *why_key, const char *why);

/* What is in OBJECT; NULL if a part of it is missing. */
json_t *object_end(struct object *object);

/* Bytes of a file need not be UTF-8: then all that is not ASCII becomes \xNN. */
json_t *json_text(const char *text);

/* NULL becomes null. */
json_t *json_text_or_null(const char *text);

/* Sizes and counts, all of which fit. */
static inline json_t *json_count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* "0x401000": addresses and offsets. */
json_t *json_hex(uint64_t value);

/* A list of strings that ends with NULL. */
json_t *json_arguments(char *const *argv);

/* Writes ROOT and a line end to OUT, and frees ROOT, which may be NULL. 0 or -ENOMEM. */
int json_write(json_t *root, FILE *out);

#endif
