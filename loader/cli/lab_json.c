/* Experiments as JSON: docs/schemas/lab.schema.json. */
#include "lab_show.h"

static json_t *json_observation(const struct lab_observation *o)
{
	struct object object = object_new();

	set(&object, "what", json_text(o->what));
	set(&object, "witness", json_string(lab_witness_name(o->witness)));
	set(&object, "predicted", json_text(o->predicted));
	if (*o->observed)
		set(&object, "observed", json_text(o->observed));
	else
		set_unknown(&object, "observed", "why", o->why);
	set(&object, "verdict", json_string(lab_verdict_name(o->verdict)));
	return object_end(&object);
}

static json_t *json_observations(const struct lab_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < result->count; i++)
		if (json_array_append_new(array, json_observation(&result->observations[i])) <
		    0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static void set_result(struct object *object, const struct lab_result *result)
{
	set(object, "note", json_text_or_null(*result->note ? result->note : NULL));
	if (result->verdict == LAB_UNKNOWN)
		set_unknown(object, "verdict", "why", result->missing);
	else
		set(object, "verdict", json_string(lab_verdict_name(result->verdict)));
	set(object, "observations", json_observations(result));
}

json_t *lab_json_experiment(const struct lab_experiment *e, const struct lab_result *result,
			    bool code)
{
	struct object object = object_new();

	set(&object, "name", json_string(e->name));
	set(&object, "mapping", json_text_or_null(*e->mapping ? e->mapping : NULL));
	set(&object, "event", json_string(e->event));
	set(&object, "title", json_string(e->title));
	if (code)
		set(&object, "code", json_text_or_null(lab_code_of(e)));
	if (result)
		set_result(&object, result);
	return object_end(&object);
}

static json_t *json_counts(const struct lab_sum *sum)
{
	struct object object = object_new();

	set(&object, "experiments", json_count(sum->experiments));
	set(&object, "agree", json_count(sum->verdicts[LAB_AGREES]));
	set(&object, "disagree", json_count(sum->verdicts[LAB_DISAGREES]));
	set(&object, "without_verdict", json_count(sum->verdicts[LAB_UNKNOWN]));
	return object_end(&object);
}

json_t *lab_json_report(json_t *experiments, const struct lab_sum *sum)
{
	struct object object = object_new();

	set(&object, "schema", json_string("segmap.lab/1"));
	set(&object, "experiments", experiments);
	if (sum)
		set(&object, "counts", json_counts(sum));
	return object_end(&object);
}
