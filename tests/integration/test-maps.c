/*
 * The address space. At the first instruction it is, by both loaders, what the plan says; and a
 * program that looks at its own sees nothing of segload.
 */
#include "harness.h"

#include "test_registers.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <inttypes.h>
#include <segmap/exec.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

struct entry_state {
	char *maps;
	char *auxv;
	size_t auxv_size;
	struct user_regs_struct regs;
	bool reached;
};

static char *read_proc(pid_t pid, const char *name, size_t *size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return read_whole(path, size);
}

static void look_at_entry(struct entry_state *state, const char *path, enum loader loader)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL};
	struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.envp = test_environment,
		.loader = loader == BY_SEGLOAD ? segload_path() : NULL,
		.no_aslr = true,
		.user = SAME_USER,
		.standard = {-1, -1, -1},
	};
	struct segmap_tracee tracee;

	memset(state, 0, sizeof(*state));
	cr_assert_eq(segmap_tracee_start(&tracee, &setup), 0, "%s", path);
	state->reached = !tracee.ended;
	if (state->reached) {
		state->maps = read_proc(tracee.pid, "maps", NULL);
		state->auxv = read_proc(tracee.pid, "auxv", &state->auxv_size);
		cr_expect_eq(segmap_tracee_registers(&tracee, &state->regs), 0);
	}
	segmap_tracee_destroy(&tracee);
}

static void forget(struct entry_state *state)
{
	free(state->maps);
	free(state->auxv);
}

static uint64_t auxv_value(const struct entry_state *state, uint64_t type)
{
	const uint64_t *pair = (const uint64_t *)(const void *)state->auxv;

	for (size_t i = 0; i + 1 < state->auxv_size / sizeof(*pair) && pair[i]; i += 2)
		if (pair[i] == type)
			return pair[i + 1];
	return 0;
}

/* ---- the plan as lines of /proc/PID/maps ---- */

static bool continues(const struct segmap_mapping *a, const struct segmap_mapping *b)
{
	if (a->addr + a->length != b->addr || a->prot != b->prot || a->kind != b->kind)
		return false;
	return a->kind == SEGMAP_ANON_PRIVATE ||
	       (a->object == b->object && a->offset + a->length == b->offset);
}

/* One line of maps, up to the inode; true if MAPS has it. */
static bool has_line(const char *maps, const struct segmap_mapping *m,
		     const struct segmap_image *image, char *line, size_t size)
{
	bool file = m->kind == SEGMAP_FILE_PRIVATE;
	struct stat st;

	stat(image->path, &st);
	snprintf(line, size, "%08" PRIx64 "-%08" PRIx64 " %c%c%cp %08" PRIx64 " %02x:%02x %lu ",
		 m->addr, m->addr + m->length, m->prot & PROT_READ ? 'r' : '-',
		 m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-', m->offset,
		 file ? (unsigned)(st.st_dev >> 8 & 0xfff) : 0,
		 file ? (unsigned)(st.st_dev & 0xff) : 0, file ? st.st_ino : 0);
	return strstr(maps, line) != NULL;
}

/* Before Linux 6.6 what only touches the heap is called [heap]; see count_lines. */
static bool is_named(const char *maps, const char *line)
{
	const char *found = strstr(maps, line);

	return found && strncmp(found + strcspn(found, "[\n"), "[heap]", 6) == 0;
}

static size_t count_lines(const char *maps)
{
	size_t n = 0;

	for (const char *p = maps; (p = strchr(p, '\n')); p++)
		n++;
	for (const char *p = maps; (p = strstr(p, " [")); p++)
		n--; /* the kernel's own: stack, vdso and the like */
	return n;
}

static void settle(struct segmap_plan *plan, const struct entry_state *state)
{
	uint64_t entry = auxv_value(state, AT_ENTRY);

	segmap_plan_settle(plan, SEGMAP_PROGRAM, entry - plan->objects[SEGMAP_PROGRAM].entry);
	if (plan->object_count > 1)
		segmap_plan_settle(plan, SEGMAP_INTERPRETER, auxv_value(state, AT_BASE));
}

static int by_address(const void *a, const void *b)
{
	const struct segmap_mapping *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void compare_with_plan(const char *name, const struct segmap_plan *plan,
			      struct segmap_image *const images[2],
			      const struct entry_state *state)
{
	struct segmap_mapping *pieces;
	size_t count, lines = 0;
	char line[160];

	cr_assert_eq(segmap_plan_flatten(plan, &pieces, &count), 0);
	qsort(pieces, count, sizeof(*pieces), by_address);
	for (size_t i = 0; i < count; i++) {
		struct segmap_mapping m = pieces[i];

		while (i + 1 < count && continues(&m, &pieces[i + 1]))
			m.length += pieces[++i].length;
		cr_expect(has_line(state->maps, &m, images[m.object], line, sizeof(line)),
			  "%s: no line '%s' in:\n%s", name, line, state->maps);
		lines += !is_named(state->maps, line);
	}
	cr_expect_eq(lines, count_lines(state->maps), "%s: more is mapped than planned:\n%s",
		     name, state->maps);
	free(pieces);
}

static void check_plan(const char *path, const char *name, const struct entry_state *state)
{
	struct segmap_image *images[2];
	struct segmap_policy policy = {0};
	struct segmap_plan *plan;
	struct segmap_error err;
	struct utsname name_of_kernel;

	uname(&name_of_kernel);
	cr_assert_eq(segmap_open_pair(&images[0], &images[1], path, false, &err), 0);
	segmap_rules_native(&policy.rules, (uint64_t)sysconf(_SC_PAGESIZE));
	segmap_rules_set_kernel(&policy.rules, name_of_kernel.release);
	cr_assert_eq(segmap_plan_make(&plan, images[0], images[1], &policy, &err), 0);
	settle(plan, state);
	cr_expect_eq(plan->entry, test_pc(&state->regs), "%s: entry", name);
	cr_expect_eq(plan->phdr_addr, auxv_value(state, AT_PHDR), "%s: AT_PHDR", name);
	compare_with_plan(name, plan, images, state);
	segmap_plan_free(plan);
	segmap_image_free(images[0]);
	segmap_image_free(images[1]);
}

static void compare_registers(const char *name, struct user_regs_struct a,
			      struct user_regs_struct b)
{
	uint64_t x[sizeof(a) / sizeof(uint64_t)], y[sizeof(b) / sizeof(uint64_t)];

	test_forgive(&a, &b, vdso_clears_registers());
	memcpy(x, &a, sizeof(a));
	memcpy(y, &b, sizeof(b));
	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
		cr_expect_eq(x[i], y[i],
			     "%s: word %zu of user_regs_struct: %" PRIx64 ", segload: %" PRIx64,
			     name, i, x[i], y[i]);
}

static void check_entry(const char *path, const char *name, void *data)
{
	struct entry_state kernel, ours;
	int *reached = data;

	look_at_entry(&kernel, path, BY_EXECVE);
	look_at_entry(&ours, path, BY_SEGLOAD);
	cr_expect(kernel.reached && ours.reached,
		  "%s: entry reached by execve: %d, segload: %d", name, kernel.reached,
		  ours.reached);
	if (kernel.reached && ours.reached) {
		cr_expect_str_eq(ours.maps, kernel.maps, "%s: execve:\n%s\nsegload:\n%s", name,
				 kernel.maps, ours.maps);
		compare_registers(name, kernel.regs, ours.regs);
		check_plan(path, name, &ours);
		++*reached;
	}
	forget(&kernel);
	forget(&ours);
}

Test(maps, at_entry_as_planned_and_as_by_execve, .timeout = 600)
{
	int reached = 0;

	each_program("good-", check_entry, &reached);
	check_entry("/bin/busybox", "busybox", &reached);
	check_entry("/bin/bash", "bash", &reached);
	if (access("/usr/bin/python3", X_OK) == 0) /* not in a small system for another CPU */
		check_entry("/usr/bin/python3", "python3", &reached);
	cr_expect(reached >= 83, "only %d programs were looked at", reached);
}

/* ---- what a program sees of its own ---- */

/* Permissions, sizes and names: what is left when addresses are random. What the kernel has
 * added comes last: where the program is aligned to more than a page, chance decides whether
 * the vdso has room above it or goes into a hole of it. */
static void shape(const char *maps, char *out, size_t size)
{
	char added[1024] = "";
	size_t used = 0, n = 0;

	out[0] = '\0';
	for (const char *line = maps; *line; line = strchr(line, '\n') + 1) {
		uint64_t start, end;
		char perms[8], field[256] = "";

		sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s%255[^\n]", &start, &end,
		       perms, field);
		const char *name = field + strspn(field, " ");
		bool is_added = strncmp(name, "[v", 2) == 0; /* [vdso], [vvar], ... */
		char *to = is_added ? added : out;
		size_t *at = is_added ? &n : &used, most = is_added ? sizeof(added) : size;
		*at += (size_t)snprintf(to + *at, most - *at, "%s %" PRIu64 "%s\n", perms,
					end - start, name);
		cr_assert_lt(*at, most, "more mappings than this test has room for");
	}
	cr_assert_lt(used + n, size);
	strcpy(out + used, added);
}

static void compare_own_maps(const char *path, char *const *argv, uid_t user, bool no_aslr)
{
	struct run run = {.path = path, .argv = argv, .user = user, .no_aslr = no_aslr};
	static char a[65536], b[65536];
	struct outcome kernel, ours;

	run_program(&kernel, &run);
	run.loader = BY_SEGLOAD;
	run_program(&ours, &run);
	shape(kernel.out, a, sizeof(a));
	shape(ours.out, b, sizeof(b));
	cr_expect_str_eq(b, a, "%s: by segload:\n%sby execve:\n%s", path, ours.out, kernel.out);
	cr_expect(strstr(ours.out, "[stack]"), "%s: these are no maps: %s", path, ours.out);
	cr_expect_null(strstr(ours.out, "segload"), "%s: segload is mapped", path);
	if (no_aslr)
		cr_expect_str_eq(ours.out, kernel.out, "%s: by segload:\n%sby execve:\n%s",
				 path, ours.out, kernel.out);
	outcome_free(&kernel);
	outcome_free(&ours);
}

static void check_own_maps(const char *path, const char *name, void *data)
{
	const uid_t *user = data;

	(void)name;
	compare_own_maps(path, NULL, *user, false);
	compare_own_maps(path, NULL, *user, true);
}

Test(maps, seen_from_inside, .timeout = 600)
{
	char *cat[] = {(char[]){"cat"}, (char[]){"/proc/self/maps"}, NULL};
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t i = 0; i < n; i++) {
		compare_own_maps("/bin/cat", cat, users[i], false);
		compare_own_maps("/bin/cat", cat, users[i], true);
		cr_expect(each_program("show-maps", check_own_maps, &users[i]) >= 3);
	}
}

/* Makes every line of TEXT that begins like LINE, which is its newline and more, the same. */
static void forget_lines(char *text, const char *line)
{
	for (char *p = text; (p = strstr(p, line));)
		for (p++; *p && *p != '\n'; p++)
			*p = '?';
}

/* Whether another process has a page mapped at the moment is not a difference of the load; and
 * the last munmap has touched a page of the vdso (vdso-page, docs/kernel-differences.md). */
static void forget_chance(char *smaps)
{
	char *vdso = strstr(smaps, " [vdso]\n"), *end = vdso ? strstr(vdso, "\nVmFlags") : NULL;

	forget_lines(smaps, "\nPss:");
	forget_lines(smaps, "\nShared_Clean:");
	forget_lines(smaps, "\nPrivate_Clean:");
	if (!end)
		return;
	*end = '\0';
	forget_lines(vdso, "\nRss:");
	forget_lines(vdso, "\nReferenced:");
	*end = '\n';
}

/* execve alone can keep writers out by a mapping (deny-write), which Linux 5.10 shows. */
static void forget_deny_write(char *smaps)
{
	for (char *p = smaps; (p = strstr(p, " dw "));)
		memmove(p, p + 3, strlen(p + 3) + 1);
}

static bool is_same(struct outcome *kernel, struct outcome *ours)
{
	if (!kernel_is_since(5, 15) && strlen(ours->out) == ours->out_size) {
		forget_deny_write(kernel->out);
		return strcmp(kernel->out, ours->out) == 0;
	}
	return kernel->out_size == ours->out_size &&
	       memcmp(kernel->out, ours->out, ours->out_size) == 0;
}

static void compare_proc_file(const char *file, uid_t user)
{
	char *argv[] = {(char[]){"cat"}, (char *)(uintptr_t)file, NULL};
	struct run run = {.path = "/bin/cat", .argv = argv, .user = user, .no_aslr = true};
	struct outcome kernel, ours;

	run_program(&kernel, &run);
	run.loader = BY_SEGLOAD;
	run_program(&ours, &run);
	forget_chance(kernel.out);
	forget_chance(ours.out);
	cr_expect(ours.out_size > 0 && is_same(&kernel, &ours), "%s: execve:\n%s\nsegload:\n%s",
		  file, kernel.out, ours.out);
	outcome_free(&kernel);
	outcome_free(&ours);
}

/* Before Linux 6.2 statm counts late what is resident, and in 6.12 the last munmap touches a
 * page of the vdso that no program would (docs/kernel-differences.md); 6.18's vdso is another.
 */
static bool is_exact(const char *file)
{
	return strcmp(file, "/proc/self/statm") != 0 || kernel_is_since(6, 18);
}

/* Byte for byte what /proc says of a program that has been loaded without randomisation. */
Test(maps, proc_files_from_inside, .timeout = 600)
{
	static const char *const files[] = {
		"/proc/self/maps",    "/proc/self/smaps",   "/proc/self/auxv",
		"/proc/self/environ", "/proc/self/cmdline", "/proc/self/comm",
		"/proc/self/statm",   "/proc/self/limits",
	};
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t u = 0; u < n; u++)
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			if (is_exact(files[i]))
				compare_proc_file(files[i], users[u]);
}
