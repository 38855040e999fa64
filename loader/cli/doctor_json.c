/* `segmap doctor --json`: docs/schemas/doctor.schema.json describes it. */
#include "doctor.h"
#include "json.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The words of LIST, which are divided by one blank. */
static json_t *json_words(const char *list)
{
	json_t *array = json_array();

	while (array && *list) {
		size_t size = strcspn(list, " ");

		if (json_array_append_new(array, json_stringn(list, size)) < 0) {
			json_decref(array);
			return NULL;
		}
		list += size + (list[size] == ' ');
	}
	return array;
}

static json_t *json_steps(const struct doctor_text *text)
{
	json_t *array = json_array();

	for (int i = 0; array && i < 2 && text->how[i]; i++)
		if (json_array_append_new(array, json_string(text->how[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *json_permit(const struct doctor_report *report, int i)
{
	const struct segmap_permit_state *state = &report->states[i];
	const struct doctor_text *text = &doctor_texts[i];
	struct object o = object_new();
	char reason[128];

	set(&o, "permit", json_string(segmap_permit_name((enum segmap_permit)i)));
	if (state->answer == SEGMAP_ANSWER_UNKNOWN)
		set(&o, "permitted", json_null());
	else
		set(&o, "permitted", json_boolean(state->answer == SEGMAP_ANSWER_YES));
	if (state->answer != SEGMAP_ANSWER_YES)
		set(&o, "why", json_string(doctor_reason(state, reason)));
	if (state->value != SEGMAP_PERMIT_NO_VALUE)
		set(&o, "setting", json_integer(state->value));
	set(&o, "needed_by", json_words(text->needed_by));
	set(&o, "indispensable_for", json_words(text->musts));
	set(&o, "without", json_string(text->without));
	set(&o, "how", json_steps(text));
	return object_end(&o);
}

static json_t *json_permits(const struct doctor_report *report)
{
	json_t *array = json_array();

	for (int i = 0; array && i < SEGMAP_PERMIT_COUNT; i++)
		if (json_array_append_new(array, json_permit(report, i)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *json_commands(const struct doctor_report *report)
{
	struct object o = object_new();

	for (const char *const *command = doctor_commands; *command; command++)
		set(&o, *command, json_boolean(doctor_can_run(report, *command)));
	return object_end(&o);
}

int doctor_print_json(const struct doctor_report *report, FILE *out)
{
	struct object o = object_new();
	struct utsname system = {0};

	uname(&system);
	set(&o, "schema", json_string("segmap.doctor/1"));
	set(&o, "kernel", json_text(system.release));
	set(&o, "machine", json_text(system.machine));
	set(&o, "user", json_integer(geteuid()));
	set(&o, "permits", json_permits(report));
	set(&o, "commands", json_commands(report));
	return json_write(object_end(&o), out);
}
