/* Runs an experiment in a child, and comes to a verdict. */
#include "inside.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HANG = 300 }; /* seconds, after which an experiment is ended */

const char *lab_witness_name(enum lab_witness witness)
{
	static const char *const names[LAB_WITNESS_COUNT] = {
		[LAB_PAGE_TABLE] = "page table",
		[LAB_GETRUSAGE] = "getrusage",
		[LAB_PERF] = "perf",
		[LAB_FRAMES] = "frames",
		[LAB_MAPPERS] = "kpagecount",
		[LAB_BYTES] = "bytes",
		[LAB_MAPS] = "maps",
		[LAB_CACHESTAT] = "cachestat",
		[LAB_KERNEL] = "kernel",
	};

	return names[witness];
}

const char *lab_verdict_name(enum lab_verdict verdict)
{
	static const char *const names[LAB_VERDICT_COUNT] = {
		[LAB_AGREES] = "agree",
		[LAB_DISAGREES] = "DISAGREE",
		[LAB_UNKNOWN] = "unknown",
	};

	return names[verdict];
}

bool lab_witness_is_extra(enum lab_witness witness)
{
	return witness == LAB_PERF || witness == LAB_FRAMES || witness == LAB_MAPPERS ||
	       witness == LAB_CACHESTAT;
}

const char *lab_code_of(const struct lab_experiment *experiment)
{
	for (const struct lab_code *code = lab_codes; code->function; code++) {
		const char *a = code->function, *b = experiment->name;

		while (*a && (*a == *b || (*a == '_' && *b == '-')))
			a++, b++;
		if (!*a && !*b)
			return code->text;
	}
	return NULL;
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

void lab_add(struct lab *lab, enum lab_witness witness, const char *what, const char *predicted,
	     const char *observed, const char *why)
{
	struct lab_result *result = &lab->common->result;

	if (result->count == LAB_OBSERVATIONS)
		lab_give_up(lab, "more observations than there is room for", 0);
	struct lab_observation *o = &result->observations[result->count++];
	o->witness = witness;
	copy_text(o->what, sizeof(o->what), what);
	copy_text(o->predicted, sizeof(o->predicted), predicted);
	copy_text(o->observed, sizeof(o->observed), observed);
	copy_text(o->why, sizeof(o->why), observed ? NULL : why);
	if (!observed)
		o->verdict = LAB_UNKNOWN;
	else
		o->verdict = strcmp(predicted, observed) == 0 ? LAB_AGREES : LAB_DISAGREES;
}

void lab_add_range(struct lab *lab, enum lab_witness witness, const char *what,
		   const char *predicted, const char *observed, bool inside)
{
	struct lab_result *result = &lab->common->result;

	lab_add(lab, witness, what, predicted, observed, NULL);
	result->observations[result->count - 1].verdict = inside ? LAB_AGREES : LAB_DISAGREES;
}

/* The others may be waiting for this process: they must not wait for ever. */
void lab_give_up(struct lab *lab, const char *what, int error)
{
	char *missing = lab->common->result.missing;

	if (!*missing)
		snprintf(missing, LAB_REASON, "%s%s%s", what, error ? ": " : "",
			 error ? strerror(error) : "");
	for (int i = 0; i < LAB_TURNS; i++)
		sem_post(&lab->common->turns[i]);
	_exit(EXIT_FAILURE);
}

int lab_need(struct lab *lab, const char *what, int r)
{
	if (r < 0)
		lab_give_up(lab, what, errno);
	return r;
}

/* A frame that another CPU still has in a list of its own is not reused at a write, but copied.
 * So all of an experiment happens on one. */
static void stay_on_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_SET((size_t)cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
}

__attribute__((noreturn)) static void run_here(struct lab *lab)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	alarm(HANG);
	stay_on_cpu();
	lab->common->result.experiment->run(lab);
	lab->common->ended = true;
	_exit(EXIT_SUCCESS);
}

/* The child's own end is predicted, too. */
static void judge_end(struct lab *lab, int status)
{
	struct lab_result *result = &lab->common->result;

	if (*result->missing)
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(result->missing, sizeof(result->missing),
			 "it was not finished after %d s", HANG);
	else if (WIFSIGNALED(status))
		lab_add(lab, LAB_KERNEL, "the experiment's end", "exit",
			sigabbrev_np(WTERMSIG(status)), NULL);
	else if (!lab->common->ended)
		lab_add(lab, LAB_KERNEL, "the experiment's end", "return", "exit", NULL);
}

static void judge(struct lab_result *result)
{
	bool disagrees = false, unknown = *result->missing || result->count == 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct lab_observation *o = &result->observations[i];

		disagrees |= o->verdict == LAB_DISAGREES;
		if (o->verdict != LAB_UNKNOWN || lab_witness_is_extra(o->witness))
			continue;
		unknown = true;
		if (!*result->missing)
			copy_text(result->missing, sizeof(result->missing), o->why);
	}
	if (unknown && !*result->missing)
		copy_text(result->missing, sizeof(result->missing), "nothing was observed");
	result->verdict = disagrees ? LAB_DISAGREES : unknown ? LAB_UNKNOWN : LAB_AGREES;
}

int lab_run(const struct lab_experiment *experiment, struct lab_result *result)
{
	struct lab lab = {0};
	int status = 0, r = 0;

	lab.common = mmap(NULL, sizeof(*lab.common), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lab.common == MAP_FAILED)
		return -errno;
	lab.common->result.experiment = experiment;
	for (int i = 0; i < LAB_TURNS; i++)
		sem_init(&lab.common->turns[i], 1, 0);
	pid_t child = fork();
	if (child == 0)
		run_here(&lab);
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		r = -errno;
		goto out;
	}
	judge_end(&lab, status);
	judge(&lab.common->result);
	*result = lab.common->result;
out:
	munmap(lab.common, sizeof(*lab.common));
	return r;
}
