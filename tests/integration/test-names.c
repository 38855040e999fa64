/* Names for addresses: what a program says of its own memory is what the library says of it. */
#include "harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <segmap/names.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

/* A whole file mapped as data, and its size; the descriptor is closed. */
static char *map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	cr_assert(fd >= 0 && fstat(fd, &st) == 0, "%s", path);
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	close(fd);
	*size = (size_t)st.st_size;
	return map;
}

static struct segmap_names *names_of_this_process(void)
{
	struct segmap_regions regions;
	struct segmap_names *names;

	cr_assert_eq(segmap_names_open(&names, getpid(), "/proc/self/exe"), 0);
	cr_assert_eq(segmap_regions_read(&regions, getpid(), false), 0);
	cr_assert_eq(segmap_names_update(names, &regions), 0);
	segmap_regions_free(&regions);
	return names;
}

/* In how many of the file's places there is the symbol main. */
static size_t count_main(struct segmap_names *names, const char *map, size_t size,
			 const char *path)
{
	struct segmap_name name;
	size_t found = 0;

	for (size_t at = 0; at < size; at += 4) {
		segmap_names_find(names, (uintptr_t)map + at, false, &name);
		cr_assert(strstr(name.object, path), "%s", name.object);
		cr_assert(name.role == SEGMAP_ROLE_LIBRARY || name.role == SEGMAP_ROLE_FILE);
		found += name.symbol && strcmp(name.symbol, "main") == 0;
	}
	return found;
}

/* Whether this user may open what is in map_files. */
static bool may_open_mapped(const char *map, size_t size)
{
	char path[128];

	size = (size + 4095) & ~(size_t)4095;
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)map,
		 (unsigned long)map + size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Mapped as data, not as its segments ask: names go by the place in the file. */
Test(names, of_a_file_that_is_mapped_whole)
{
	char path[64];
	size_t size;

	copy_of("show-names-pie", path);
	char *map = map_file(path, &size);
	struct segmap_names *names = names_of_this_process();

	cr_assert_neq(count_main(names, map, size, path), 0);
	segmap_names_free(names);
	unlink(path);
	names = names_of_this_process();
	cr_assert_eq(count_main(names, map, size, path) != 0, may_open_mapped(map, size));
	segmap_names_free(names);
}

/* Another file has got the name of the mapped one: its names must not be taken. */
Test(names, of_a_file_that_was_replaced)
{
	char path[64], other[64], deleted[96];
	size_t size;

	copy_of("base-exec", path);
	copy_of("show-names", other);
	char *map = map_file(path, &size);
	/* maps calls it by this name from now on */
	snprintf(deleted, sizeof(deleted), "%s (deleted)", path);
	cr_assert(copy_file(other, deleted, 0755), "%s", deleted);
	rename(other, path);
	struct segmap_names *names = names_of_this_process();

	cr_assert_eq(count_main(names, map, size, path), 0);
	segmap_names_free(names);
	unlink(deleted);
	unlink(path);
}

/* ---- a file system whose device numbers are not those of stat ---- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

/* Mounts are this process's own from now on, also for an unprivileged user. */
static bool own_mounts(void)
{
	char users[64], groups[64];
	uid_t user = getuid();
	gid_t group = getgid();

	if (user == 0)
		return unshare(CLONE_NEWNS) == 0 && keep_mounts_private();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	snprintf(users, sizeof(users), "%u %u 1", user, user);
	snprintf(groups, sizeof(groups), "%u %u 1", group, group);
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", users) &&
	       write_file("/proc/self/gid_map", groups) && keep_mounts_private();
}

/* Testdata through an overlay in the directory AT; false if that is not permitted here. */
static bool mount_overlay(const char *at)
{
	static const char *const parts[] = {"upper", "work", "all"};
	char path[256], options[8192];

	if (!own_mounts() || mount("segmap-test", at, "tmpfs", 0, NULL) < 0)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", at, parts[i]);
		mkdir(path, 0755);
	}
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		 testdata_dir(), at, at);
	return mount("segmap-test", path, "overlay", 0, options) == 0;
}

enum { OVERLAY_REFUSED = 77 };

/* Programs of an overlay's lower layer, and one that has been copied up from there. */
static _Noreturn void look_through_overlay(uid_t user, const char *at)
{
	char path[256];

	if (user != SAME_USER && (setgid(user) < 0 || setuid(user) < 0))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1); /* /proc/self is this user's again */
	if (!mount_overlay(at))
		_exit(OVERLAY_REFUSED);
	snprintf(path, sizeof(path), "%s/all/show-names-static-pie", at);
	chmod(path, 0711);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct told told;

		snprintf(path, sizeof(path), "%s/all/%s", at, programs[i]);
		start_at(&told, path, NULL, SAME_USER);
		run(&told);
		check_names(&told, path);
		end(&told);
	}
	_exit(0);
}

Test(names, through_an_overlay)
{
	uid_t users[2];
	size_t count = test_users(users), refused = 0;

	for (size_t u = 0; u < count; u++) {
		char at[] = "/tmp/segmap-names-XXXXXX";
		int status;

		cr_assert(mkdtemp(at) &&
			  (users[u] == SAME_USER || chown(at, users[u], users[u]) == 0));
		pid_t pid = fork();
		if (pid == 0)
			look_through_overlay(users[u], at);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		rmdir(at);
		cr_assert(WIFEXITED(status), "status 0x%x", status);
		refused += WEXITSTATUS(status) == OVERLAY_REFUSED;
		cr_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == OVERLAY_REFUSED,
			  "user %zu: status %d", u, WEXITSTATUS(status));
	}
	if (refused > 0) /* nothing of this program's: not every kernel has or permits it */
		cr_log_warn("no overlay can be mounted by %zu of %zu users", refused, count);
}
