/*
 * segmap_execve in a process that has a life of its own: what it brings along is either gone in
 * the program, as by execve, or the load is refused before anything has happened.
 */
#include "state.h"
#include "trial.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <segmap/exec.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const programs[] = {"show-attributes", "show-attributes-pie",
				       "show-attributes-static-pie"};

enum {
	PROGRAMS = sizeof(programs) / sizeof(programs[0]),
};

/* The process after PREPARE, which may load by itself, becomes what execve makes of a process
 * after BEFORE. */
static void compare(const char *name, void (*before)(const void *),
		    void (*prepare)(const void *))
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		char *path = strdup(testdata(programs[i]));
		struct trial plain = {.path = path, .prepare = before};
		struct trial trial = {.path = path, .prepare = prepare, .data = path};
		struct sight kernel, ours;

		see(&kernel, &plain, BY_KERNEL);
		see(&ours, &trial, BY_LIBRARY);
		cr_expect_eq(ours.status, 0, "%s, %s: %s: %s", name, programs[i],
			     status_text(ours.status), ours.said);
		const char *inside = first_difference(kernel.inside, ours.inside);
		cr_expect_null(inside, "%s, %s: %s", name, programs[i], inside);
		const char *outside = first_difference(kernel.outside, ours.outside);
		cr_expect_null(outside, "%s, %s: %s", name, programs[i], outside);
		sight_free(&kernel);
		sight_free(&ours);
		free(path);
	}
}

/* ---- threads ---- */

static void *wait_for_ever(void *data)
{
	for (;;)
		pause();
	return data;
}

static void load_with_a_thread(const void *data)
{
	static struct process_state before, after;
	char *argv[] = {(char *)(uintptr_t)data, NULL};
	struct segmap_error err = {.reason = SEGMAP_REASON_NONE};
	struct segmap_error_text text;
	pthread_t thread;

	must(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0, "pthread_create");
	for (int i = 0; i < 2; i++) { /* at first the heap grows to what it needs */
		process_state_read(&before);
		must(segmap_execve(data, argv, test_environment, NULL, &err) == -EBUSY,
		     "EBUSY");
		process_state_read(&after);
	}
#ifndef SEGMAP_SANITIZED /* whose runtime maps what it likes */
	must_be_same("a thread", &before, &after);
#endif
	segmap_error_describe(&err, &text);
	must(err.reason == SEGMAP_REASON_THREADS && strstr(text.cause, "thread"), text.cause);
	must(pthread_kill(thread, 0) == 0, "the thread is gone");
	_exit(42);
}

Test(embed, threads_are_refused_before_anything_happens, .timeout = 60)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		struct trial trial = {.prepare = load_with_a_thread};
		struct sight s;

		trial.path = trial.data = testdata(programs[i]);
		see(&s, &trial, BY_LIBRARY);
		cr_expect_eq(s.status, 42 << 8, "%s: %s: %s", programs[i],
			     status_text(s.status), s.said);
		sight_free(&s);
	}
}

/* ---- handlers ---- */

static void handle(int number)
{
	(void)number;
	abort();
}

static void install_handlers(const void *data)
{
	static char other_stack[1 << 16];
	const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};
	struct sigaction action = {.sa_handler = handle,
				   .sa_flags = SA_ONSTACK | SA_RESTART | SA_NODEFER};

	(void)data;
	must(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	sigfillset(&action.sa_mask);
	for (int n = 1; n <= SIGRTMAX; n++)
		if (n != SIGKILL && n != SIGSTOP && n != SIGALRM && (n < 32 || n >= SIGRTMIN))
			must(sigaction(n, &action, NULL) == 0, "sigaction");
}

Test(embed, signal_handlers, .timeout = 60)
{
	compare("handlers", install_handlers, install_handlers);
	compare("handlers beside none", NULL, install_handlers);
}

/* ---- a locale ---- */

/* Others than C's are not everywhere. */
static void set_locale(const void *data)
{
	static const char *const names[] = {"de_DE.UTF-8", "tr_TR.UTF-8", "fr_FR.UTF-8",
					    "C.UTF-8"};
	bool set = false;

	(void)data;
	for (size_t i = 0; !set && i < sizeof(names) / sizeof(names[0]); i++)
		set = setlocale(LC_ALL, names[i]);
	must(set && strcmp(nl_langinfo(CODESET), "UTF-8") == 0, "setlocale");
}

Test(embed, a_locale, .timeout = 60)
{
	compare("a locale", NULL, set_locale);
}

/* ---- the shared library ---- */

typedef int load_fn(const char *path, char *const argv[], char *const envp[],
		    const struct segmap_options *options, struct segmap_error *err);

static load_fn *find_in_library(void)
{
	void *library = dlopen(getenv("SEGMAP_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
	load_fn *load = library ? (load_fn *)dlsym(library, "segmap_execve") : NULL;

	must(load, "dlopen");
	must(load != segmap_execve, "it is not the library's");
	return load;
}

static void load_by_library(const void *data)
{
	char *argv[] = {(char *)(uintptr_t)data, NULL};
	struct segmap_error err;
	load_fn *load = find_in_library();

	load(data, argv, test_environment, NULL, &err);
	must(false, segmap_reason_name(err.reason));
}

Test(embed, from_a_shared_library, .timeout = 60)
{
	compare("libsegmap.so", NULL, load_by_library);
}

/* ---- again after a failure ---- */

static void fail_twice(const void *data)
{
	static const char *const bad[] = {"bad-text", "bad-incongruent", "bad-interp-missing",
					  "good-c-pie"};
	struct segmap_error err;

	(void)data;
	for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		const char *path = testdata(bad[i / 2]);
		char *argv[] = {(char *)(uintptr_t)path, NULL};
		static char large[1 << 18]; /* more than a string may be */
		char *too_big[] = {large, NULL};

		memset(large, 'x', sizeof(large) - 1);
		must(segmap_execve(path, argv, i / 2 == 3 ? too_big : test_environment, NULL,
				   &err) < 0,
		     path);
	}
}

Test(embed, after_failures, .timeout = 60)
{
	compare("after failures", NULL, fail_twice);
}

/* ---- where the program wants to be ---- */

static void map_at(uint64_t addr, uint64_t length, int prot, int flags)
{
	void *got = mmap((void *)addr, length, prot,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | flags, -1, 0);

	must(got == (void *)addr || errno == EEXIST, "mmap");
}

/* Of all kinds: plain, locked, without access, growing downwards, of a file, and shared. */
static void occupy(const void *data)
{
	const int rw = PROT_READ | PROT_WRITE;

	(void)data;
	map_at(0x400000, 0x1000, rw, 0);
	map_at(0x401000, 0x3000, PROT_NONE, 0);
	map_at(0x404000, 0x1000, rw, MAP_LOCKED);
	map_at(0x405000, 0x1000, PROT_READ | PROT_EXEC, 0);
	map_at(0x10000, 0x10000, rw, MAP_GROWSDOWN);
	map_at(0x555555554000, 0x4000, rw, MAP_NORESERVE);
	memset((void *)0x400000, 0xcc, 0x1000);
	void *shared_page = mmap((void *)0x406000, 0x1000, rw,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(shared_page != MAP_FAILED, "shared");
}

Test(embed, in_a_place_that_is_taken, .timeout = 60)
{
	compare("occupied", NULL, occupy);
}
