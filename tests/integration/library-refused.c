/* A refused load leaves the process as it was, and the next one works. */
#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <segmap/exec.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	NAMES_MAX = 512,
};

/* The names of the files of bad.table that nobody can run. */
static char *names[NAMES_MAX];
static size_t name_count;

static void read_table(void)
{
	char *text = read_whole(getenv("SEGMAP_TABLE"), NULL), *save = NULL;

	cr_assert_not_null(text);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char name[128], verdict[32], when[64];

		if (sscanf(l, "%127s | %*[^|]| %*[^|]| %31[a-z] %*[^|]| %*[^|]| %63[a-z0-9,.]",
			   name, verdict, when) != 3 &&
		    sscanf(l, "%127s | %*[^|]| %*[^|]| %31[a-z] | %*[^|]| %63[a-z0-9,.]", name,
			   verdict, when) != 3)
			continue;
		if (strncmp(name, "bad-", 4) == 0 && strcmp(when, "any") == 0 &&
		    name_count < NAMES_MAX)
			names[name_count++] = strdup(name);
	}
	free(text);
}

/* ---- all that a load could change ---- */

struct state {
	char maps[1 << 17];
	bool open[1024];
	uint64_t actions[64][4];
	uint64_t mask;
	int personality;
	bool locks;
	char name[16];
};

static void read_state(struct state *s)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned char there = 0;
	ssize_t n;
	size_t used = 0;

	memset(s, 0, sizeof(*s));
	while ((n = read(fd, s->maps + used, sizeof(s->maps) - used - 1)) > 0)
		used += (size_t)n;
	close(fd);
	for (int i = 0; i < 1024; i++)
		s->open[i] = fcntl(i, F_GETFD) >= 0;
	for (int i = 1; i <= 64; i++)
		syscall(SYS_rt_sigaction, i, NULL, s->actions[i - 1], 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &s->mask, 8);
	s->personality = personality(0xffffffff);
	void *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mincore(page, 4096, &there);
	s->locks = there & 1;
	munmap(page, 4096);
}

static void expect_same(const char *name, const struct state *a, const struct state *b)
{
	char text[2048];

	if (memcmp(a, b, sizeof(*a)) == 0)
		return;
	snprintf(text, sizeof(text), "%s: the process has changed: %s", name,
		 strcmp(a->maps, b->maps) ? first_difference(a->maps, b->maps)
					  : "not its mappings");
	must(false, text);
}

static void refuse(const char *name, struct segmap_error *err)
{
	char *argv[] = {(char *)(uintptr_t)name, NULL};
	char text[256];

	int r = segmap_execve(name, argv, test_environment, NULL, err);
	snprintf(text, sizeof(text), "%s: %d", name, r);
	must(r < 0, text);
}

/* Twice, with a place for the error and without one. */
static void refuse_all(const void *data)
{
	static struct state before, after;
	const int *habits = data;
	struct segmap_error err;

	must(chdir(testdata_dir()) == 0, "chdir");
	if (*habits)
		must(personality(READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE) >= 0 &&
			     mlockall(MCL_FUTURE) == 0,
		     "mlockall");
	refuse(names[0], &err); /* the heap grows to what a load needs */
	for (size_t i = 0; i < name_count; i++) {
		read_state(&before);
		refuse(names[i], &err);
		read_state(&after);
		expect_same(names[i], &before, &after);
		refuse(names[i], NULL);
		read_state(&after);
		expect_same(names[i], &before, &after);
	}
}

/* These have mapped something before they are refused. */
static void refuse_late(const void *data)
{
	static struct state before, after;
	const struct rlimit little = {UINT64_C(1) << 30, RLIM_INFINITY},
			    all = {RLIM_INFINITY, RLIM_INFINITY};
	const char *name = data;
	struct segmap_error err;

	must(chdir(testdata_dir()) == 0, "chdir");
	if (strstr(name, "bss"))
		must(setrlimit(RLIMIT_AS, &little) == 0, "RLIMIT_AS");
	else
		must(prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) == 0, "PR_SET_MDWE");
	refuse(name, &err);
	read_state(&before);
	refuse(name, &err);
	read_state(&after);
	expect_same(name, &before, &after);
	must(setrlimit(RLIMIT_AS, &all) == 0, "RLIMIT_AS");
}

static void check_refusals(void (*prepare)(const void *data), const void *data)
{
	struct trial trial = {
		.path = testdata("good-c-pie"),
		.prepare = prepare,
		.data = data,
	};
	struct sight s;

	see(&s, &trial, BY_LIBRARY);
	cr_expect_eq(s.status, 0, "%s: %s", status_text(s.status), s.said);
	cr_expect(strstr(s.inside, "ok"), "the good program says '%s'", s.inside);
	sight_free(&s);
}

Test(library, a_refused_load_changes_nothing, .timeout = 600)
{
	read_table();
	cr_expect(name_count >= 80, "only %zu files in the table", name_count);
	check_refusals(refuse_all, &(int){0});
	check_refusals(refuse_all, &(int){1});
	check_refusals(refuse_late, "show-attributes-execstack");
	check_refusals(refuse_late, "good-bss-1g-pie");
}
