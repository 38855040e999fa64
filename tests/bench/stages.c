/*
 * How long each stage of a load takes, in a forked process that loads by the library.
 *
 *   stages REPEAT PROGRAM
 *
 * PROGRAM writes the time of its first instruction to standard output (testdata/stamp.c).
 * Prints one JSON object with nanoseconds for each stage: median, quartiles, least.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <segmap/exec.h>
#include <segmap/handover.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum stage { IMAGE, SELF, PLAN, STACK, MAP, PREPARE, HANDOVER, STAGES };

static const char *const names[STAGES] = {"image", "self",    "plan",    "stack",
					  "map",   "prepare", "handover"};

enum { NOT_STARTED = 125, RESERVE = 4 };

/* What a load has in its hands. */
struct load {
	struct segmap_image *images[2];
	struct segmap_self self;
	struct segmap_policy policy;
	struct segmap_plan *plan;
	struct segmap_stack stack;
	struct segmap_map *map;
	struct segmap_handover *handover;
	struct segmap_error err;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int make_plan(struct load *l)
{
	segmap_rules_native(&l->policy.rules, l->self.page_size);
	segmap_rules_set_kernel(&l->policy.rules, l->self.kernel);
	l->policy.randomize = l->self.randomize;
	l->policy.randomize_brk = l->self.randomize_brk;
	l->policy.stack_end = l->self.stack.end;
	l->policy.stack_start = l->self.stack.start;
	if (getrandom(l->policy.random, sizeof(l->policy.random), 0) < 0)
		return -1;
	return segmap_plan_make(&l->plan, l->images[0], l->images[1], &l->policy, &l->err);
}

static int build_stack(struct load *l, const char *path)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL};
	const struct segmap_auxv_facts facts = {.has_ids = false};
	struct segmap_auxv auxv[SEGMAP_AUXV_MAX];
	static const uint8_t random[16];
	const struct segmap_stack_input input = {
		.page_size = l->self.page_size,
		.stack_end = l->self.stack.end,
		.rlimit_stack = l->self.rlimit_stack,
		.execfn = path,
		.platform = l->plan->rules.platform,
		.argv = argv,
		.envp = environ,
		.random = random,
		.auxv = auxv,
		.plan = l->plan,
	};

	if (segmap_auxv_make(auxv, l->self.auxv, l->plan, &facts) < 0)
		return -1;
	return segmap_stack_build(&l->stack, &input, &l->err);
}

static int prepare(struct load *l)
{
	const struct segmap_handover_input input = {
		.plan = l->plan,
		.map = l->map,
		.images = (const struct segmap_image *const *)l->images,
		.stack = &l->stack,
		.self = &l->self,
		.name = "stages",
	};

	return segmap_handover_prepare(&l->handover, &input, &l->err);
}

static int do_stage(struct load *l, enum stage stage, const char *path)
{
	switch (stage) {
	case IMAGE:
		return segmap_open_pair(&l->images[0], &l->images[1], path, false, &l->err);
	case SELF:
		return segmap_self_read(&l->self, &l->err);
	case PLAN:
		return make_plan(l);
	case STACK:
		return build_stack(l, path);
	case MAP:
		return segmap_map_create(&l->map, l->plan,
					 (const struct segmap_image *const *)l->images, NULL,
					 &l->err);
	default:
		return prepare(l);
	}
}

/* Writes when each stage began; the program adds when it did itself. */
static void be_program(const char *path)
{
	uint64_t begun[STAGES];
	struct load load = {.plan = NULL};

	for (enum stage s = IMAGE; s < HANDOVER; s++) {
		begun[s] = now();
		if (do_stage(&load, s, path) < 0)
			_exit(NOT_STARTED);
	}
	begun[HANDOVER] = now();
	if (write(STDOUT_FILENO, begun, sizeof(begun)) != sizeof(begun))
		_exit(NOT_STARTED);
	segmap_handover_commit(load.handover);
}

static bool run_once(const char *path, int from, uint64_t times[STAGES])
{
	uint64_t stamps[STAGES + 1];
	int status;
	pid_t pid = fork();

	if (pid == 0)
		be_program(path);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ||
	    read(from, stamps, sizeof(stamps)) != sizeof(stamps))
		return false;
	for (int s = 0; s < STAGES; s++)
		times[s] = stamps[s + 1] - stamps[s];
	return true;
}

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static void print_times(FILE *report, int stage, uint64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), by_size);
	fprintf(report,
		"%s\"%s\": {\"median\": %" PRIu64 ", \"quartiles\": [%" PRIu64 ", %" PRIu64
		"], \"least\": %" PRIu64 "}",
		stage ? ", " : "{", names[stage], times[count / 2], times[count / 4],
		times[count - 1 - count / 4], times[0]);
}

static int measure(const char *path, size_t count, FILE *report, int from)
{
	uint64_t *times = calloc(count * STAGES, sizeof(*times)), round[STAGES];

	for (size_t i = 0; times && i < count + RESERVE; i++) {
		if (!run_once(path, from, round)) {
			fprintf(stderr, "stages: %s has not started\n", path);
			free(times);
			return 1;
		}
		/* the first rounds only fill caches */
		for (size_t s = 0; i >= RESERVE && s < STAGES; s++)
			times[s * count + i - RESERVE] = round[s];
	}
	for (int s = 0; times && s < STAGES; s++)
		print_times(report, s, times + (size_t)s * count, count);
	fputs("}\n", report);
	free(times);
	return times && fclose(report) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	int pipes[2];

	if (count == 0) {
		fputs("usage: stages REPEAT PROGRAM\n", stderr);
		return 2;
	}
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	FILE *report = out < 0 ? NULL : fdopen(out, "w");
	if (!report || pipe2(pipes, O_CLOEXEC) < 0 || dup2(pipes[1], STDOUT_FILENO) < 0)
		return 1;
	return measure(argv[2], count, report, pipes[0]);
}
