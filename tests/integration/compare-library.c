/* The comparison as a library: each mistake of a loader is found, and each line of
 * docs/kernel-differences.md is seen. */
#include "harness.h"

#include "arch_tracee.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <segmap/compare.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* How a program is compared. */
struct trial {
	const char *path;
	const char *loader; /* NULL for segload */
	uid_t user;
	bool aslr;
	void (*prepare)(void *data);
	char *const *envp; /* NULL for the tests' own */
};

static void observe(struct segmap_observation *o, const struct trial *trial, bool by_loader)
{
	char *argv[] = {(char *)(uintptr_t)trial->path, (char[]){"one"}, NULL};
	const char *loader = trial->loader ? trial->loader : segload_path();
	const struct segmap_tracee_setup setup = {
		.path = trial->path,
		.argv = argv,
		.envp = trial->envp ? trial->envp : test_environment,
		.loader = by_loader ? loader : NULL,
		.no_aslr = !trial->aslr,
		.user = trial->user,
		.prepare = trial->prepare,
	};
	int r = segmap_observe(o, &setup, NULL);

	cr_assert_eq(r, 0, "%s: %s", trial->path, strerror(-r));
}

static void compare(struct segmap_comparison *c, const struct trial *trial)
{
	const struct segmap_compare_options options = {.aslr = trial->aslr};
	struct segmap_observation kernel, loader;

	observe(&kernel, trial, false);
	observe(&loader, trial, true);
	cr_assert_eq(segmap_compare(c, &kernel, &loader, NULL, &options), 0);
	segmap_observation_free(&kernel);
	segmap_observation_free(&loader);
}

static const struct segmap_item *find_item(const struct segmap_comparison *c, const char *what)
{
	for (size_t i = 0; i < c->item_count; i++)
		if (strcmp(c->items[i].what, what) == 0)
			return &c->items[i];
	return NULL;
}

static const char *testdata(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", testdata_dir(), name);
	return path;
}

/* ---- loaders with a mistake ---- */

static const struct {
	const char *mistake, *what;
} mistakes[] = {
	{"variable", "environ EXTRA"},
	{"no-variable", "environ TMPDIR"},
	{"argv0", "cmdline[0]"},
	{"argv0", "stack strings"},
	{"argument", "cmdline[2]"},
	{"argument", "stack argc"},
	{"argument", "register rsp"},
	{"program", "exe"},
	{"program", "auxv AT_ENTRY"},
	{"program", "standard error"},
	{"nice", "stat nice"},
	{"umask", "status Umask"},
	{"fd", "fd 17"},
	{"fd", "fd 17 flags"},
	{"no-fd", "fd 0"},
	{"ignore", "status SigIgn"},
	{"ignore", "stat sigignore"},
	{"block", "status SigBlk"},
	{"directory", "cwd"},
	{"limit", "limits Max core file size"},
	{"personality", "personality"},
	{"slack", "timerslack_ns"},
	{"core", "coredump_filter"},
	{"oom", "oom_score_adj"},
	{"privileges", "status NoNewPrivs"},
	{"output", "standard output"},
};

static void expect_found(const char *mistake, const char *what, bool aslr)
{
	const char *wrong = getenv("SEGMAP_WRONG_LOADER");
	char name[64], loader[4096];
	char *envp[] = {test_environment[0], test_environment[2], name, loader, NULL};
	struct trial trial = {
		.path = "/bin/busybox",
		.loader = wrong,
		.user = SAME_USER,
		.aslr = aslr,
		.envp = envp,
	};
	struct segmap_comparison c;

	cr_assert_not_null(wrong);
	snprintf(name, sizeof(name), "SEGMAP_WRONG=%s", mistake);
	snprintf(loader, sizeof(loader), "SEGMAP_SEGLOAD=%s", segload_path());
	compare(&c, &trial);
	const struct segmap_item *item = find_item(&c, what);
	cr_expect(item && item->likeness == SEGMAP_UNEXPECTED, "%s: %s is %s", mistake, what,
		  item ? segmap_likeness_name(item->likeness) : "absent");
	segmap_comparison_free(&c);
}

Test(compare_library, every_mistake_is_found, .timeout = 600)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		expect_found(mistakes[i].mistake, mistakes[i].what, false);
		if (strcmp(mistakes[i].what, "register rsp") != 0) /* random anyway */
			expect_found(mistakes[i].mistake, mistakes[i].what, true);
	}
}

/* The same loader without a mistake: it is not by being in between that it is found. */
Test(compare_library, no_mistake_is_found, .timeout = 600)
{
	char loader[4096];
	char *envp[] = {(char[]){"SEGMAP_WRONG=no"}, loader, NULL};
	struct trial trial = {
		.path = "/bin/busybox",
		.loader = getenv("SEGMAP_WRONG_LOADER"),
		.user = SAME_USER,
		.envp = envp,
	};
	struct segmap_comparison c;

	snprintf(loader, sizeof(loader), "SEGMAP_SEGLOAD=%s", segload_path());
	compare(&c, &trial);
	for (size_t i = 0; i < c.item_count; i++)
		cr_expect(c.items[i].likeness != SEGMAP_UNEXPECTED, "%s: %s, %s",
			  c.items[i].what, c.items[i].kernel, c.items[i].loader);
	segmap_comparison_free(&c);
}

/* ---- every line of docs/kernel-differences.md ---- */

static char scratch[] = "/tmp/segmap-compare-XXXXXX";

static const char *make_copy(const char *name, mode_t mode)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	cr_assert(copy_file(testdata("good-asm"), path, mode), "%s", path);
	return path;
}

static const char *make_privileged(void)
{
	const struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1 << CAP_NET_RAW,
	};
	const char *path = make_copy("capable", 0755);

	return setxattr(path, "security.capability", &caps, sizeof(caps), 0) == 0 ? path : NULL;
}

static void expect_reason(const char *path, uid_t user, const char *what, const char *id)
{
	struct trial trial = {.path = path, .user = user};
	struct segmap_comparison c;

	cr_assert_not_null(path, "%s %s", what, id);
	compare(&c, &trial);
	const struct segmap_item *item = find_item(&c, what);
	cr_expect(item && item->reason && strcmp(item->reason, id) == 0, "%s: %s: %s, %s", path,
		  what, item ? item->kernel : "?", item ? item->loader : "?");
	for (size_t i = 0; i < c.item_count; i++)
		cr_expect(c.items[i].likeness != SEGMAP_UNEXPECTED, "%s: %s", path,
			  c.items[i].what);
	segmap_comparison_free(&c);
}

static const struct {
	const char *id, *file, *what;
	bool nobody;
} seen[] = {
	{"unsupported", "unsupported-elf32", "start", false},
	{"refused-early", "bad-incongruent", "start", false},
	{"exe-link", "good-asm", "exe", true},
	{"memory-peak", "good-asm", "status VmPeak", false},
	{"memory-peak", "good-asm", "status VmHWM", false},
	{"fault-counts", "good-asm", "stat minflt", false},
	{"page-tables", "good-asm", "status VmPTE", false},
	{"rss-estimate", "good-asm", "stat rss", false},
	{"vdso-page", "good-asm", "statm resident", false},
	{"vdso-page", "good-asm", "statm shared", false},
	{"vdso-page", "good-asm", "status VmRSS", false},
	{"vdso-page", "good-asm", "status RssFile", false},
	{"layout-refused", "odd-no-exec", "cmdline[0]", false},
	{"layout-refused", "odd-no-exec", "exe", false},
	{"below-stack", "good-asm", "stack below", false},
	{"flags-register", "good-asm", "register eflags", false},
	{"used-privileges", "good-asm", "stat flags", false},
	{"registers-left", "good-asm", "register rcx", false},
	{"registers-kept", "good-asm", "register ra", false},
	{"rss-lag", "good-args-pie", "status RssAnon", false},
	{"deny-write", "good-asm", "flags good-asm[0]", false},
};

/* Some differences are those of a kernel. */
static bool can_be_seen(const char *id)
{
	if (strcmp(id, "registers-left") == 0)
		return !vdso_clears_registers();
	if (strcmp(id, "registers-kept") == 0)
		return arch_registers[1].callers;
	if (strcmp(id, "deny-write") == 0)
		return !kernel_is_since(5, 15);
	return strcmp(id, "rss-lag") != 0 || !kernel_is_since(6, 2);
}

/* Each that the code knows is in the table above, and in the document. */
static void expect_all_known(void)
{
	char path[4096], word[64];
	size_t count;
	const struct segmap_expectation *all = segmap_expectations(&count);

	snprintf(path, sizeof(path), "%s/kernel-differences.md", getenv("SEGMAP_DOCS"));
	char *document = read_whole(path, NULL);
	cr_assert_not_null(document, "%s", path);
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t j = 0; j < sizeof(seen) / sizeof(seen[0]); j++)
			found |= strcmp(seen[j].id, all[i].id) == 0;
		cr_expect(found, "%s is not tested", all[i].id);
		snprintf(word, sizeof(word), "\n| `%s` |", all[i].id);
		cr_expect(strstr(document, word), "%s is not documented", all[i].id);
	}
	free(document);
}

Test(compare_library, every_difference_is_seen, .timeout = 600)
{
	expect_all_known();
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		bool as_root = strcmp(seen[i].id, "used-privileges") == 0;
		uid_t users[2];
		size_t n = test_users(users);

		if ((as_root && geteuid() != 0) || !can_be_seen(seen[i].id))
			continue;
		expect_reason(testdata(seen[i].file), seen[i].nobody ? users[n - 1] : SAME_USER,
			      seen[i].what, seen[i].id);
	}
}

Test(compare_library, unsupported_files, .timeout = 600)
{
	if (geteuid() != 0)
		cr_skip_test("needs root: files of another user");
	test_users((uid_t[2]){0}); /* so that nobody reaches segload */
	cr_assert(mkdtemp(scratch) && chmod(scratch, 0755) == 0);
	expect_reason(make_copy("set-id", 04755), NOBODY, "start", "unsupported");
	expect_reason(make_copy("unreadable", 0711), NOBODY, "start", "unsupported");
	expect_reason(make_privileged(), NOBODY, "start", "unsupported");
	for (const char *const *name =
		     (const char *const[]){"set-id", "unreadable", "capable", NULL};
	     *name; name++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", scratch, *name);
		unlink(path);
	}
	rmdir(scratch);
}

/* What a kernel without a 32-bit mode answers. */
static void refuse_format(void *data)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOEXEC),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	(void)data;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(99);
}

Test(compare_library, kernel_without_a_32_bit_mode, .timeout = 600)
{
	const struct segmap_compare_options options = {.aslr = false};
	struct trial trial = {.path = testdata("unsupported-elf32"), .user = SAME_USER};
	struct segmap_observation kernel, loader;
	struct segmap_comparison c;

	observe(&loader, &trial, true);
	trial.prepare = refuse_format;
	observe(&kernel, &trial, false);
	cr_assert_eq(segmap_compare(&c, &kernel, &loader, NULL, &options), 0);
	const struct segmap_item *item = find_item(&c, "start");
	cr_expect(item && item->likeness == SEGMAP_EXPECTED, "%s, %s",
		  item ? item->kernel : "?", item ? item->loader : "?");
	segmap_comparison_free(&c);
	segmap_observation_free(&kernel);
	segmap_observation_free(&loader);
}

/* "not-busy": while it runs, its file may be written to. */
static int open_running(const char *path, uid_t user, bool by_loader)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL};
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.loader = by_loader ? segload_path() : NULL,
		.user = user,
		.standard = {-1, -1, -1},
	};
	struct segmap_tracee tracee;

	cr_assert_eq(segmap_tracee_start(&tracee, &setup), 0);
	cr_assert(!tracee.ended);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	segmap_tracee_destroy(&tracee);
	return error;
}

Test(compare_library, running_file_is_busy, .timeout = 600)
{
	test_users((uid_t[2]){0}); /* so that nobody reaches segload */
	cr_assert(mkdtemp(scratch) && chmod(scratch, 0755) == 0);
	const char *path = make_copy("running", 0755);

	cr_expect_eq(open_running(path, SAME_USER, false), ETXTBSY);
	if (geteuid() == 0) {
		cr_expect_eq(open_running(path, SAME_USER, true), ETXTBSY);
		cr_expect_eq(open_running(path, NOBODY, false), ETXTBSY);
		cr_expect_eq(open_running(path, NOBODY, true), 0, "not-busy");
	}
	unlink(path);
	rmdir(scratch);
}

static rlim_t memory_limit; /* bytes */

static void limit_memory(void *data)
{
	const struct rlimit limit = {memory_limit, memory_limit};

	(void)data;
	setrlimit(RLIMIT_AS, &limit);
}

static rlim_t memory_of(const struct segmap_observation *o)
{
	rlim_t sum = 0;

	for (size_t i = 0; i < o->entry.regions.count; i++)
		sum += o->entry.regions.items[i].end - o->entry.regions.items[i].start;
	return sum;
}

/* "earlier-limits": what the program takes and a little more is not enough for the loader as
 * well. */
Test(compare_library, memory_limit_is_met_earlier, .timeout = 600)
{
	struct trial trial = {
		.path = testdata("good-asm"),
		.user = SAME_USER,
		.prepare = limit_memory,
	};
	struct segmap_observation free_kernel, kernel, loader;

	memory_limit = RLIM_INFINITY;
	observe(&free_kernel, &trial, false);
	memory_limit = memory_of(&free_kernel) + (128 << 10); /* of stack, while it execs */
	observe(&kernel, &trial, false);
	observe(&loader, &trial, true);
	cr_expect(kernel.started && !loader.started, "earlier-limits");
	segmap_observation_free(&free_kernel);
	segmap_observation_free(&kernel);
	segmap_observation_free(&loader);
}
