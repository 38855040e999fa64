/* Names for addresses: what a program says of its own memory is what the library says of it. */
#include "harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <segmap/names.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program of testdata that has printed where its memory is, and is about to end. */
struct told {
	struct segmap_tracee tracee;
	struct segmap_names *names;
	char *text;
	int out;
};

static void start_at(struct told *told, const char *path, const char *loader, uid_t user)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL};
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.envp = test_environment,
		.loader = loader,
		.user = user,
		.standard = {-1, memfd_create("out", MFD_CLOEXEC), -1},
	};

	*told = (struct told){.out = setup.standard[1]};
	cr_assert_eq(segmap_tracee_start(&told->tracee, &setup), 0, "%s", path);
	cr_assert(!told->tracee.ended, "%s", path);
	cr_assert_eq(segmap_names_open(&told->names, told->tracee.pid, path), 0);
}

static void update(struct told *told)
{
	struct segmap_regions regions;

	cr_assert_eq(segmap_regions_read(&regions, told->tracee.pid, false), 0);
	cr_assert_eq(regions.error, 0);
	cr_assert_eq(segmap_names_update(told->names, &regions), 0);
	segmap_regions_free(&regions);
}

/* To its end; its output is there then, and the process no more. */
static void run(struct told *told)
{
	char link[32];

	cr_assert_eq(segmap_tracee_run_to_exit(&told->tracee), 0);
	update(told);
	cr_assert_eq(segmap_tracee_finish(&told->tracee), 0);
	cr_assert(told->tracee.ended);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", told->out);
	told->text = read_whole(link, NULL);
	cr_assert(told->text);
}

static void end(struct told *told)
{
	segmap_tracee_destroy(&told->tracee);
	segmap_names_free(told->names);
	free(told->text);
	close(told->out);
}

/* The value that the program has printed after WHAT and a blank. */
static uint64_t value_of(const struct told *told, const char *what)
{
	char line[64];

	snprintf(line, sizeof(line), "%s ", what);
	for (const char *p = told->text; p && *p; p = strchr(p, '\n') + 1)
		if (strncmp(p, line, strlen(line)) == 0)
			return strtoull(p + strlen(line), NULL, 0);
	cr_assert_fail("no '%s' in: %s", what, told->text);
	return 0;
}

static const struct {
	const char *what, *symbol, *section;
	uint64_t offset;
	enum segmap_role role;
} expected[] = {
	{"main", "main", ".text", 0, SEGMAP_ROLE_PROGRAM},
	{"some_data", "some_data", ".data", 8, SEGMAP_ROLE_PROGRAM},
	{"some_bss", "some_bss", ".bss", 3 * 4096 - 1, SEGMAP_ROLE_PROGRAM},
	{"some_constant", "some_constant", ".rodata", 0, SEGMAP_ROLE_PROGRAM},
	{"heap", NULL, NULL, 0, SEGMAP_ROLE_HEAP},
	{"stack", NULL, NULL, 0, SEGMAP_ROLE_STACK},
	{"vdso", NULL, NULL, 0, SEGMAP_ROLE_KERNEL},
};

static void assert_same_text(const char *a, const char *b, const char *program,
			     const char *what)
{
	cr_assert((!a && !b) || (a && b && strcmp(a, b) == 0), "%s: %s: %s, not %s", program,
		  what, a ? a : "(none)", b ? b : "(none)");
}

static void check_names(struct told *told, const char *program)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint64_t addr = value_of(told, expected[i].what);
		struct segmap_name name;

		segmap_names_find(told->names, addr, false, &name);
		cr_assert_eq(name.role, expected[i].role, "%s: %s has the role %s", program,
			     expected[i].what, segmap_role_name(name.role));
		if (expected[i].role != SEGMAP_ROLE_PROGRAM)
			continue;
		assert_same_text(name.symbol, expected[i].symbol, program, expected[i].what);
		assert_same_text(name.section, expected[i].section, program, expected[i].what);
		cr_assert_eq(name.symbol_offset, expected[i].offset, "%s: %s", program,
			     expected[i].what);
		cr_assert_neq(name.segment, SIZE_MAX);
	}
}

static void check_inside(struct told *told, const char *program)
{
	struct segmap_name name;
	uint64_t addr = value_of(told, "main+");

	segmap_names_find(told->names, addr, false, &name);
	cr_assert_str_eq(name.symbol, "main", "%s", program);
	cr_assert_eq(name.symbol_offset, addr - value_of(told, "main"), "%s", program);
	segmap_names_find(told->names, addr - 1, true, &name); /* in the call */
	cr_assert(name.source && strstr(name.source, "show-names.c"), "%s: %s", program,
		  name.source ? name.source : "no source");
	cr_assert_eq((uint64_t)name.line, value_of(told, "line"), "%s: line %d", program,
		     name.line);
}

static void check_address(struct told *told, const char *program)
{
	uint64_t addr = 0;

	cr_assert(segmap_names_address(told->names, "main", &addr), "%s", program);
	cr_assert_eq(addr, value_of(told, "main"), "%s", program);
	cr_assert(!segmap_names_address(told->names, "no_such_symbol", &addr));
	cr_assert(!segmap_names_address(told->names, "no-such-object:main", &addr));
}

static const char *const programs[] = {"show-names", "show-names-static-pie", "show-names-pie",
				       "show-names-exec"};

static void check_program(const char *program, const char *loader, uid_t user)
{
	char path[4096];
	struct told told;

	snprintf(path, sizeof(path), "%s/%s", testdata_dir(), program);
	start_at(&told, path, loader, user);
	run(&told);
	check_names(&told, program);
	check_inside(&told, program);
	check_address(&told, program);
	end(&told);
}

Test(names, of_a_program_after_its_end)
{
	uid_t users[2];
	size_t count = test_users(users);

	for (size_t u = 0; u < count; u++)
		for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
			check_program(programs[i], NULL, users[u]);
			check_program(programs[i], segload_path(), users[u]);
		}
}

Test(names, of_libc_the_interpreter_and_nothing)
{
	char path[4096];
	struct told told;
	struct segmap_name name;
	uint64_t addr;

	snprintf(path, sizeof(path), "%s/show-names-pie", testdata_dir());
	start_at(&told, path, NULL, SAME_USER);
	run(&told);
	segmap_names_find(told.names, value_of(&told, "malloc"), false, &name);
	cr_assert_eq(name.role, SEGMAP_ROLE_LIBRARY);
	cr_assert(strstr(name.object, "/libc.so.6"), "%s", name.object);
	cr_assert(strstr(name.symbol, "malloc"), "%s", name.symbol);
	cr_assert(segmap_names_address(told.names, "libc.so.6:malloc", &addr));
	cr_assert_eq(addr, value_of(&told, "malloc"));
	cr_assert(segmap_names_address(told.names, "_dl_debug_state", &addr));
	segmap_names_find(told.names, addr, false, &name);
	cr_assert_eq(name.role, SEGMAP_ROLE_INTERPRETER);
	cr_assert_eq(name.symbol_offset, 0);
	segmap_names_find(told.names, 1, false, &name);
	cr_assert_eq(name.role, SEGMAP_ROLE_NONE);
	cr_assert_str_eq(name.object, "");
	end(&told);
}

Test(names, of_the_vdso)
{
	char path[4096];
	struct told told;
	struct segmap_name name;
	uint64_t addr;

	snprintf(path, sizeof(path), "%s/show-names", testdata_dir());
	start_at(&told, path, NULL, SAME_USER);
	run(&told);
	cr_assert(segmap_names_address(told.names, "__vdso_clock_gettime", &addr));
	segmap_names_find(told.names, addr, false, &name);
	cr_assert_eq(name.role, SEGMAP_ROLE_KERNEL);
	cr_assert_str_eq(name.object, "[vdso]");
	cr_assert(strstr(name.symbol, "clock_gettime"), "%s", name.symbol);
	end(&told);
}

/* ---- files that are not where they were ---- */

static void copy_of(const char *program, char copy[64])
{
	char path[4096];

	strcpy(copy, "/tmp/segmap-names-XXXXXX");
	close(mkstemp(copy));
	unlink(copy);
	snprintf(path, sizeof(path), "%s/%s", testdata_dir(), program);
	cr_assert(copy_file(path, copy, 0755), "%s", copy);
}

Test(names, of_a_program_whose_file_is_gone)
{
	uid_t users[2];
	size_t count = test_users(users);

	for (size_t u = 0; u < count; u++) {
		char copy[64];
		struct told told;

		copy_of("show-names-pie", copy);
		start_at(&told, copy, NULL, users[u]);
		unlink(copy);
		run(&told);
		check_names(&told, "show-names-pie, deleted");
		end(&told);
	}
}

/* Another file has got the name of the mapped one: its names must not be taken. */
Test(names, of_a_file_that_was_replaced)
{
	char copy[64], other[64];
	struct segmap_regions regions;
	struct segmap_names *names;
	struct segmap_name name;
	struct stat st;

	copy_of("base-exec", copy);
	copy_of("show-names", other);
	int fd = open(copy, O_RDONLY | O_CLOEXEC);
	fstat(fd, &st);
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	close(fd);
	rename(other, copy);
	cr_assert_eq(segmap_names_open(&names, getpid(), "/proc/self/exe"), 0);
	cr_assert_eq(segmap_regions_read(&regions, getpid(), false), 0);
	cr_assert_eq(segmap_names_update(names, &regions), 0);
	for (off_t at = 0; at < st.st_size; at += 16) {
		segmap_names_find(names, (uintptr_t)map + (uint64_t)at, false, &name);
		cr_assert(strstr(name.object, copy), "%s", name.object);
		cr_assert(!name.symbol || strcmp(name.symbol, "main") != 0);
	}
	unlink(copy);
	segmap_regions_free(&regions);
	segmap_names_free(names);
}
