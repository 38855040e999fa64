/* SPDX-License-Identifier: MIT */
/*
 * differential: changes the headers of good ELF files at random, and has each by execve and by
 * segload: the same verdict, the same memory map at the first instruction, the same end?
 *
 * Every case depends on the seed and its number only, so any can be had again by
 * --seed=S --first=N --cases=1. A disagreement is shrunk and written to the corpus, which
 * --replay goes through.
 */
#include "fuzz.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64, STALL_SECONDS = 60, WRITTEN_MAX = 200 };

struct options {
	uint64_t seed, first, cases;
	unsigned jobs;
	bool verbose;
	const char *corpus, *replay, *directory, *segload;
	struct workshop shop;
};

/* What the workers tell: one line each, so that nobody has to lock. */
struct tally {
	uint64_t count[BROKEN + 1], done, next;
	uint64_t written;
};

#define TABLE_EDIT "phdrs=0x40,total=10"
#define INTERP_EDIT                                                                            \
	TABLE_EDIT " ph[4].p_type=3 ph[4].p_flags=4 ph[4].p_offset=0x300 ph[4].p_filesz=9"     \
		   " text@0x300=./interp\\0"

static struct base bases[] = {
	{.name = {"base-exec"}, .edits = {TABLE_EDIT}},
	{.name = {"base-dyn"}, .edits = {TABLE_EDIT}},
	{.name = {"base-exec", "base-dyn"}, .edits = {INTERP_EDIT, TABLE_EDIT}},
	{.name = {"base-dyn", "base-dyn"}, .edits = {INTERP_EDIT, TABLE_EDIT}},
	{.name = {"base-dyn", "base-exec"}, .edits = {INTERP_EDIT, TABLE_EDIT}},
	{.name = {"base-exec", "base-exec"}, .edits = {INTERP_EDIT, TABLE_EDIT}},
};

enum { BASES = sizeof(bases) / sizeof(bases[0]) };

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* ---- a worker ---- */

static void report(const struct options *o, const struct fuzz_case *c,
		   const struct judgement *j)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "seed %" PRIu64 ", case %" PRIu64 ": %s\n", o->seed, c->number, j->text);
	case_print(c, out);
	fputc('\n', out);
	fclose(out);
	fwrite(text, 1, size, stdout); /* one piece: the workers share it */
	fflush(stdout);
	free(text);
}

static enum opinion run_case(const struct options *o, uint64_t number, struct place *place,
			     struct tally *tally)
{
	static struct file file[FILES];
	static struct fuzz_case c;
	static struct judgement j;

	mutate(&c, o->seed, number, bases, BASES);
	case_build(&c, NULL, file);
	for (enum which which = PROGRAM; which < FILES; which++)
		if (c.base->name[which] && !place_put(place, which, &file[which]))
			return BROKEN;
	judge(place, &j);
	enum opinion opinion = j.opinion;
	if (opinion == DISAGREE && tally->written++ < WRITTEN_MAX) {
		shrink(&c, place, &j);
		report(o, &c, &j);
		if (o->corpus)
			corpus_write(o->corpus, &c, o->seed, &j);
	} else if (o->verbose || opinion == BROKEN) {
		if (!j.text[0])
			snprintf(j.text, sizeof(j.text), "%s",
				 opinion == BROKEN ? "BROKEN" : "no disagreement");
		report(o, &c, &j);
	}
	return opinion;
}

static int work(const struct options *o, unsigned job, struct tally *tally)
{
	struct place place;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!place_open(&place, o->directory, o->segload)) {
		perror("differential: scratch folder");
		return 2;
	}
	for (uint64_t n = job; n < o->cases && !stop; n += o->jobs) {
		tally[job].next = o->first + n;
		tally[job].count[run_case(o, o->first + n, &place, &tally[job])]++;
		tally[job].done++;
	}
	place_close(&place);
	return 0;
}

/* ---- the parent ---- */

static struct tally sum(const struct tally *tally, unsigned jobs)
{
	struct tally all = {0};

	for (unsigned job = 0; job < jobs; job++) {
		all.done += tally[job].done;
		for (int i = AGREE; i <= BROKEN; i++)
			all.count[i] += tally[job].count[i];
	}
	return all;
}

static void show_progress(const struct options *o, const struct tally *tally, time_t start)
{
	struct tally all = sum(tally, o->jobs);
	time_t seconds = time(NULL) - start;

	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"\r%" PRIu64 "/%" PRIu64 " cases, %" PRIu64 " disagree, %" PRIu64 "/s ",
			all.done, o->cases, all.count[DISAGREE],
			all.done / (uint64_t)(seconds ? seconds : 1));
}

struct watch {
	pid_t pid;
	uint64_t done;
	time_t since;
};

/* A worker that has been at one case for so long never ends: its children die with it. */
static void end_stalled(struct watch *w, const struct tally *t)
{
	time_t now = time(NULL);

	if (w->done != t->done || w->since == 0) {
		w->done = t->done;
		w->since = now;
	} else if (now - w->since > STALL_SECONDS) {
		fprintf(stderr, "differential: case %" PRIu64 " does not end\n", t->next);
		kill(w->pid, SIGKILL);
	}
}

/* Waits for all workers; true if each has ended well. */
static bool attend(const struct options *o, struct watch *watch, struct tally *tally)
{
	unsigned left = o->jobs;
	time_t start = time(NULL);
	bool good = true;

	while (left) {
		usleep(200000);
		for (unsigned job = 0; job < o->jobs; job++) {
			int status;

			if (watch[job].pid == 0)
				continue;
			if (stop)
				kill(watch[job].pid, SIGTERM);
			end_stalled(&watch[job], &tally[job]);
			if (waitpid(watch[job].pid, &status, WNOHANG) != watch[job].pid)
				continue;
			good = good && status == 0;
			watch[job].pid = 0;
			left--;
		}
		show_progress(o, tally, start);
	}
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	return good;
}

static int fuzz(const struct options *o)
{
	struct watch watch[JOBS_MAX] = {0};
	struct tally *tally = mmap(NULL, JOBS_MAX * sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tally == MAP_FAILED)
		return 2;
	printf("seed %" PRIu64 "\n", o->seed);
	fflush(NULL);
	for (unsigned job = 0; job < o->jobs; job++) {
		watch[job].pid = fork();
		if (watch[job].pid == 0)
			exit(work(o, job, tally));
	}
	bool good = attend(o, watch, tally);
	struct tally all = sum(tally, o->jobs);
	if (all.count[EXPECTED])
		printf("%" PRIu64 " of those that agree but for a known difference\n",
		       all.count[EXPECTED]);
	if (all.count[BROKEN] || !good)
		printf("%" PRIu64 " could not be run\n",
		       o->cases - all.done + all.count[BROKEN]);
	printf("%" PRIu64 " cases, %" PRIu64 " agree, %" PRIu64 " disagree, %" PRIu64
	       " not repeatable; seed %" PRIu64 "\n",
	       all.done, all.count[AGREE] + all.count[EXPECTED], all.count[DISAGREE],
	       all.count[NOT_REPEATABLE], o->seed);
	if (!good || all.count[BROKEN] || all.done != o->cases)
		return 2;
	return all.count[DISAGREE] ? 1 : 0;
}

static int with_place(struct options *o)
{
	struct place place;
	int status = 2;

	if (!place_open(&place, o->directory, o->segload)) {
		perror("differential: scratch folder");
		return 2;
	}
	if (o->replay) {
		status = corpus_replay(o->replay, &o->shop, &place);
		status = status < 0 ? 2 : status > 0;
		place_close(&place);
		return status;
	}
	for (size_t i = 0; i < BASES; i++)
		if (!base_make(&bases[i], &o->shop, &place)) {
			fputs("differential: craft cannot make the bases\n", stderr);
			place_close(&place);
			return 2;
		}
	place_close(&place);
	return fuzz(o);
}

/* ---- options ---- */

static const char usage[] =
	"Usage: differential --testdata=DIR --segload=FILE [OPTION...]\n"
	"      --seed=N      what everything depends on; 1 without it\n"
	"      --first=N     number of the first case\n"
	"      --cases=N     how many; SEGMAP_FUZZ_CASES or 1000 without it\n"
	"  -j, --jobs=N      so many at once; as many as there are processors without it\n"
	"      --corpus=DIR  write shrunk disagreements there\n"
	"      --replay=DIR  run the cases there, and no others\n"
	"      --dir=DIR     where the scratch folders are made; TMPDIR or /tmp without it\n"
	"      --craft=FILE  the maker of changed files; DIR/craft without it\n"
	"  -v, --verbose     print every case\n";

static const struct option long_options[] = {
	{"seed", required_argument, NULL, 's'},     {"first", required_argument, NULL, 'f'},
	{"cases", required_argument, NULL, 'n'},    {"jobs", required_argument, NULL, 'j'},
	{"corpus", required_argument, NULL, 'c'},   {"replay", required_argument, NULL, 'r'},
	{"dir", required_argument, NULL, 'd'},      {"craft", required_argument, NULL, 'C'},
	{"testdata", required_argument, NULL, 't'}, {"segload", required_argument, NULL, 'l'},
	{"verbose", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0},
};

static bool take_number(struct options *o, int option)
{
	char *end;
	uint64_t n = strtoull(optarg, &end, 0);

	if (end == optarg || *end)
		return false;
	if (option == 's')
		o->seed = n;
	else if (option == 'f')
		o->first = n;
	else if (option == 'n')
		o->cases = n;
	else
		o->jobs = n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (unsigned)n;
	return true;
}

static bool take_option(struct options *o, int option)
{
	switch (option) {
	case 'c':
		o->corpus = optarg;
		return true;
	case 'r':
		o->replay = optarg;
		return true;
	case 'd':
		o->directory = optarg;
		return true;
	case 'C':
		o->shop.craft = optarg;
		return true;
	case 't':
		o->shop.testdata = optarg;
		return true;
	case 'l':
		o->segload = optarg;
		return true;
	case 'v':
		return o->verbose = true;
	case '?':
		return false;
	default:
		return take_number(o, option);
	}
}

static void set_defaults(struct options *o)
{
	const char *cases = getenv("SEGMAP_FUZZ_CASES"), *tmp = getenv("TMPDIR");
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*o = (struct options){
		.seed = 1,
		.cases = cases ? strtoull(cases, NULL, 0) : 1000,
		.jobs = processors < 1          ? 1
			: processors > JOBS_MAX ? JOBS_MAX
						: (unsigned)processors,
		.directory = tmp ? tmp : "/tmp",
	};
}

int main(int argc, char **argv)
{
	static char craft[4096];
	struct options o;
	int option;

	set_defaults(&o);
	while ((option = getopt_long(argc, argv, "j:v", long_options, NULL)) != -1)
		if (!take_option(&o, option)) {
			fputs(usage, stderr);
			return 2;
		}
	if (!o.shop.testdata || !o.segload || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	snprintf(craft, sizeof(craft), "%s/craft", o.shop.testdata);
	if (!o.shop.craft)
		o.shop.craft = craft;
	char *segload =
		realpath(o.segload, NULL); /* for a child with another working directory */
	o.segload = segload;
	if (!segload) {
		perror("differential: --segload");
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	int status = with_place(&o);
	free(segload);
	return status;
}
