/* `segmap spawn --json`: docs/schemas/spawn.schema.json describes it. */
#include "json.h"
#include "spawning.h"

static json_t *json_latencies(const struct spawn_figures *figures)
{
	static const struct {
		const char *key;
		unsigned percent;
	} shown[] = {{"least", 0}, {"p50", 50}, {"p90", 90}, {"p99", 99}, {"most", 100}};
	struct object o = object_new();

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		set(&o, shown[i].key, json_count(spawn_percentile(figures, shown[i].percent)));
	return object_end(&o);
}

static json_t *json_way(const struct spawn_report *report, enum spawn_way way)
{
	const struct spawn_figures *f = &report->figures[way];
	double other = spawn_rate(&report->figures[SPAWN_EXECVE]);
	struct object o = object_new();

	set(&o, "by", json_string(spawn_way_name(way)));
	set(&o, "starts", json_count(f->count));
	set(&o, "failed", json_count(f->failed));
	set(&o, "nanoseconds", json_count(f->busy));
	set(&o, "per_second", json_real(spawn_rate(f)));
	set(&o, "ratio", json_real(other > 0 ? spawn_rate(f) / other : 0));
	set(&o, "latency_ns", json_latencies(f));
	return object_end(&o);
}

static json_t *json_ways(const struct spawn_report *report)
{
	json_t *ways = json_array();

	for (int way = 0; way < SPAWN_WAYS; way++)
		if (json_array_append_new(ways, json_way(report, (enum spawn_way)way)) < 0) {
			json_decref(ways);
			return NULL;
		}
	return ways;
}

int spawn_print_json(const struct spawn_report *report, FILE *out)
{
	const struct spawn_options *options = report->options;
	struct object o = object_new();

	set(&o, "schema", json_string("segmap.spawn/1"));
	set(&o, "program", json_text(report->program));
	set(&o, "arguments", json_arguments(report->argv));
	set(&o, "aslr", json_boolean(options->subject.aslr));
	set(&o, "at", json_text(options->symbol ? options->symbol : "entry"));
	set(&o, "jobs", json_count(options->jobs));
	set(&o, "load_ns", json_count(report->load));
	set(&o, "ways", json_ways(report));
	return json_write(object_end(&o), out);
}
