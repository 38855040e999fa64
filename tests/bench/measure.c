/*
 * How long a start takes in several ways, which take turns on one CPU.
 *
 *   measure REPEAT SEGLOAD PROGRAM [ARG...]     whole processes, from the call to the end
 *   measure --first REPEAT SEGLOAD PROGRAM ...  up to what PROGRAM has stamped itself
 *   measure --cost SEGLOAD PROGRAM [ARG...]     system calls, page faults, peak memory
 *
 * Prints one JSON object with nanoseconds for each way: median, quartiles, least.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <segmap/exec.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum way { POSIX_SPAWN, FORK_EXECVE, FORK_SEGMAP, SEGLOAD, WAYS };

static const char *const names[WAYS] = {"posix_spawn", "fork_execve", "fork_segmap_execve",
					"segload"};

enum { NOT_STARTED = 125, RESERVE = 4 };

struct plan {
	char *segload, *program;
	char **argv;    /* of the program */
	char **through; /* of segload: its name, then those */
	bool first;     /* PROGRAM says when it has begun */
	int pipes[2];   /* for that */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void be_program(const struct plan *plan, enum way way)
{
	struct segmap_error err;

	if (plan->first) { /* the last thing before the call */
		uint64_t begun = now();

		if (write(plan->pipes[1], &begun, sizeof(begun)) != sizeof(begun))
			_exit(NOT_STARTED);
	}
	if (way == SEGLOAD)
		execve(plan->segload, plan->through, environ);
	else if (way == FORK_SEGMAP)
		segmap_execve(plan->program, plan->argv, environ, NULL, &err);
	else
		execve(plan->program, plan->argv, environ);
	_exit(NOT_STARTED);
}

static pid_t start(const struct plan *plan, enum way way)
{
	bool spawned = !plan->first && (way == POSIX_SPAWN || way == SEGLOAD);
	pid_t pid;

	if (spawned) {
		const char *path = way == SEGLOAD ? plan->segload : plan->program;
		char **argv = way == SEGLOAD ? plan->through : plan->argv;

		return posix_spawn(&pid, path, NULL, NULL, argv, environ) == 0 ? pid : -1;
	}
	pid = fork();
	if (pid == 0)
		be_program(plan, way);
	return pid;
}

static bool has_failed(const struct plan *plan, enum way way, int status)
{
	if (!WIFSIGNALED(status) && WEXITSTATUS(status) != NOT_STARTED)
		return false;
	fprintf(stderr, "measure: %s: %s: status %#x\n", names[way], plan->program, status);
	return true;
}

/* Nanoseconds, or 0 after a complaint. */
static uint64_t run_once(const struct plan *plan, enum way way)
{
	uint64_t stamps[2], from = now();
	pid_t pid = start(plan, way);
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || has_failed(plan, way, status))
		return 0;
	if (!plan->first)
		return now() - from;
	return read(plan->pipes[0], stamps, sizeof(stamps)) == sizeof(stamps)
		       ? stamps[1] - stamps[0]
		       : 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static void print_times(enum way way, uint64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), by_size);
	printf("%s\"%s\": {\"median\": %" PRIu64 ", \"quartiles\": [%" PRIu64 ", %" PRIu64
	       "], \"least\": %" PRIu64 "}",
	       way ? ", " : "{", names[way], times[count / 2], times[count / 4],
	       times[count - 1 - count / 4], times[0]);
}

static int measure(const struct plan *plan, size_t count)
{
	uint64_t *times = calloc(count * WAYS, sizeof(*times));

	for (size_t i = 0; times && i < count + RESERVE; i++)
		for (int way = 0; way < WAYS; way++) {
			/* the first rounds only fill caches */
			size_t at = i < RESERVE ? 0 : i - RESERVE;
			uint64_t *slot = &times[(size_t)way * count + at];

			*slot = run_once(plan, (enum way)way);
			if (!*slot)
				return 1;
		}
	for (int way = 0; times && way < WAYS; way++)
		print_times((enum way)way, times + (size_t)way * count, count);
	puts("}");
	free(times);
	return times ? 0 : 1;
}

/* ---- what a start costs beside time ---- */

static uint64_t peak_memory(pid_t pid)
{
	char path[64], line[256];
	uint64_t peak = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %" SCNu64, &peak) == 1)
			break;
	if (file)
		fclose(file);
	return peak;
}

/* Counts from the exec to the end. */
static int count_costs(const struct plan *plan, enum way way)
{
	uint64_t calls = 0, peak = 0;
	struct rusage usage = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		be_program(plan, way);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC));
	while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 &&
	       wait4(pid, &status, 0, &usage) == pid && WIFSTOPPED(status)) {
		calls += WSTOPSIG(status) == (SIGTRAP | 0x80);
		if (status >> 16 == PTRACE_EVENT_EXIT)
			peak = peak_memory(pid);
		if (status >> 16 == PTRACE_EVENT_EXEC)
			calls = 1; /* of the exec, the end is to come */
	}
	printf("%s\"%s\": {\"calls\": %" PRIu64 ", \"faults\": %ld, \"peak_kib\": %" PRIu64 "}",
	       way == FORK_EXECVE ? "{" : ", ", names[way], calls / 2, usage.ru_minflt, peak);
	return has_failed(plan, way, status);
}

/* ---- */

static void pin(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	for (size_t cpu = CPU_SETSIZE; cpu-- > 0;)
		if (CPU_ISSET(cpu, &set)) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			sched_setaffinity(0, sizeof(set), &set);
			return;
		}
}

static bool prepare(struct plan *plan, int argc, char **argv)
{
	static char name[] = "segload";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	plan->segload = argv[0];
	plan->program = argv[1];
	plan->argv = argv + 1;
	plan->through = calloc((size_t)argc + 1, sizeof(char *));
	if (!plan->through || null < 0 || (plan->first && pipe2(plan->pipes, O_CLOEXEC) < 0))
		return false;
	plan->through[0] = name;
	memcpy(plan->through + 1, plan->argv, (size_t)(argc - 1) * sizeof(char *));
	pin();
	return true;
}

/* What programs write goes nowhere, or into the pipe; the report to where it did before. */
static bool redirect(const struct plan *plan, int *report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	*report = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return null >= 0 && *report >= 0 && dup2(null, 0) == 0 &&
	       dup2(plan->first ? plan->pipes[1] : null, 1) == 1;
}

int main(int argc, char **argv)
{
	struct plan plan = {.first = argc > 1 && strcmp(argv[1], "--first") == 0};
	bool cost = argc > 1 && strcmp(argv[1], "--cost") == 0;
	int skip = 1 + plan.first + cost, report, r = 1;
	size_t count = 0;

	if (argc - skip < 2 + !cost) {
		fputs("usage: measure [--first] REPEAT SEGLOAD PROGRAM [ARG...]\n", stderr);
		return 2;
	}
	if (!cost)
		count = strtoul(argv[skip++], NULL, 10);
	if (!prepare(&plan, argc - skip, argv + skip) || !redirect(&plan, &report))
		return 1;
	FILE *out = stdout;
	char *text = NULL;
	size_t size;
	stdout = open_memstream(&text, &size);
	if (cost) {
		r = count_costs(&plan, FORK_EXECVE);
		r = r || count_costs(&plan, SEGLOAD);
		puts("}");
	} else if (count > 0) {
		r = measure(&plan, count);
	}
	fclose(stdout);
	stdout = out;
	if (r == 0 && write(report, text, size) != (ssize_t)size)
		r = 1;
	free(text);
	free(plan.through);
	return r;
}
