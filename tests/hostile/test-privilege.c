/*
 * What a user may not execute is not run, whatever else could be done with it; and a program
 * finds nothing of its loader's memory in its own.
 */
#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char directory[] = "/tmp/segmap-privilege-XXXXXX";
static char file[64];

static void make_directory(void)
{
	cr_assert_not_null(mkdtemp(directory));
	chmod(directory, 0755);
	snprintf(file, sizeof(file), "%s/file", directory);
}

static void remove_directory(void)
{
	chmod(directory, 0700);
	remove(file);
	cr_expect_eq(rmdir(directory), 0, "%s: %s", directory, strerror(errno));
}

/* ---- who may execute what ---- */

enum kind { PROGRAM, SCRIPT };

struct permission {
	const char *name;
	mode_t mode, directory;
	uid_t owner;
	gid_t group;
	enum kind kind;
	uid_t user;
	const char *by_fd;   /* opened before: how messages call it */
	bool denied_by_list; /* an access control list takes x away from the user */
};

/* clang-format off */
static const struct permission permissions[] = {
	{"0644", 0644, 0755, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"0644 for root", 0644, 0755, 0, 0, PROGRAM, SAME_USER, NULL, 0},
	{"0666 for its owner", 0666, 0755, NOBODY, NOBODY, PROGRAM, NOBODY, NULL, 0},
	{"0755 but for its owner", 0655, 0755, NOBODY, 0, PROGRAM, NOBODY, NULL, 0},
	{"0755 but for its group", 0745, 0755, 0, NOBODY, PROGRAM, NOBODY, NULL, 0},
	{"0755 but for others", 0754, 0755, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"0750 for its group", 0750, 0755, 0, NOBODY, PROGRAM, NOBODY, NULL, 0},
	{"0700 of root's", 0700, 0755, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"0711: execute only", 0711, 0755, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"0111 for root", 0111, 0755, 0, 0, PROGRAM, SAME_USER, NULL, 0},
	{"0000 for root", 0000, 0755, 0, 0, PROGRAM, SAME_USER, NULL, 0},
	{"0755", 0755, 0755, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"in a directory that is closed", 0755, 0700, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"in a directory that can only be listed", 0755, 0744, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"in a directory that cannot be listed", 0755, 0711, 0, 0, PROGRAM, NOBODY, NULL, 0},
	{"an access control list", 0755, 0755, 0, 0, PROGRAM, NOBODY, NULL, true},
	{"a script, 0644", 0644, 0755, 0, 0, SCRIPT, NOBODY, NULL, 0},
	{"a script, 0755", 0755, 0755, 0, 0, SCRIPT, NOBODY, NULL, 0},
	{"a descriptor of 0644", 0644, 0755, 0, 0, PROGRAM, NOBODY, "fd", 0},
	{"a descriptor of 0700, opened by root", 0700, 0755, 0, 0, PROGRAM, NOBODY, "fd", 0},
	{"a descriptor of 0755 in a closed directory", 0755, 0700, 0, 0, PROGRAM, NOBODY, "fd", 0},
};
/* clang-format on */

/* posix_acl_xattr.h: version 2; owner, the user NOBODY without x, group, mask, others. */
static bool set_list(void)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entries[5];
	} list = {2,
		  {{0x01, 7, UINT32_MAX},
		   {0x02, 4, NOBODY},
		   {0x04, 5, UINT32_MAX},
		   {0x10, 7, UINT32_MAX},
		   {0x20, 5, UINT32_MAX}}};

	return setxattr(file, "system.posix_acl_access", &list, sizeof(list), 0) == 0;
}

static void make_file(const struct permission *p)
{
	FILE *script;

	remove(file);
	if (p->kind == PROGRAM) {
		cr_assert(copy_file(testdata("good-asm"), file, p->mode));
	} else {
		script = fopen(file, "we");
		cr_assert_not_null(script);
		fprintf(script, "#!%s\n", testdata("good-asm"));
		fclose(script);
	}
	cr_assert(chown(file, p->owner, p->group) == 0 && chmod(file, p->mode) == 0);
	cr_assert(chmod(directory, p->directory) == 0);
}

static void become(const void *data)
{
	const struct permission *p = data;
	uid_t u = p->user;

	if (p->by_fd) {
		trial_fd = open(file, O_RDONLY);
		must(trial_fd >= 0, file);
	}
	must(u == SAME_USER || (setresgid(u, u, u) == 0 && setresuid(u, u, u) == 0 &&
				prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0),
	     "setresuid");
}

/* If execve does not run it, we do not; if it does, we do, or say that we cannot read it. */
static int check_permission(const struct permission *p)
{
	const struct trial trial = {
		.path = file,
		.prepare = become,
		.data = p,
		.from_fd = p->by_fd,
		.aside = true,
	};
	struct sight kernel, ours;

	make_file(p);
	if (p->denied_by_list && !set_list()) {
		cr_log_warn("no access control lists in /tmp: %s", strerror(errno));
		return 0;
	}
	see(&kernel, &trial, BY_KERNEL);
	bool denied = *kernel.said;
	for (enum way way = BY_PROGRAM; way < WAYS; way++) {
		if (p->by_fd && way == BY_PROGRAM)
			continue;
		see(&ours, &trial, way);
		bool unreadable = strstr(ours.said, "may be executed, but not read");
		cr_expect(denied ? !*ours.inside && *ours.said
				 : unreadable || strcmp(ours.inside, kernel.inside) == 0,
			  "%s, by %s: '%s', by execve '%s%s': %s", p->name, way_names[way],
			  ours.inside, kernel.inside, kernel.said, ours.said);
		cr_expect(!denied || way == BY_PROGRAM || shared->result == -EACCES, "%s: %d",
			  p->name, shared->result);
		sight_free(&ours);
	}
	sight_free(&kernel);
	return denied;
}

Test(privilege, what_may_not_be_executed_is_not_run, .timeout = 120)
{
	uid_t users[2];
	int denied = 0;

	if (test_users(users) < 2)
		cr_skip_test("needs root: files of other users");
	make_directory();
	for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++)
		denied += check_permission(&permissions[i]);
	cr_expect(denied >= 12, "execve denies only %d", denied);
	remove_directory();
}

/* ---- what a program finds of its loader ---- */

/* Put together when it is wanted, so that it is in no program's text. */
static void make_secret(char secret[32])
{
	snprintf(secret, 32, "%s-%s-%08x", "secret", "segmap", 0xc0ffee);
}

/* Into FD, by a child: the program, a gap that no page of it reaches over, and the secret. */
static void write_program(int fd)
{
	char gap[3 * 4096] = {0};
	size_t size;
	char *bytes = read_whole(testdata("show-attributes"), &size);

	make_secret(gap + sizeof(gap) - 32);
	if (!bytes || write(fd, bytes, size) != (ssize_t)size ||
	    write(fd, gap, sizeof(gap)) != (ssize_t)sizeof(gap))
		_exit(1);
	_exit(0);
}

static int start_writer(pid_t *pid)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	*pid = fork();
	if (*pid == 0)
		write_program(ends[1]);
	close(ends[1]);
	return ends[0];
}

/* The first line of a script has a secret in it, behind what counts. */
static void make_script(void)
{
	char secret[32];
	FILE *script = fopen(file, "we");

	cr_assert_not_null(script);
	make_secret(secret);
	fprintf(script, "#!%s\n%s\n%s\n", testdata("show-attributes"), secret, secret);
	fclose(script);
	chmod(file, 0755);
}

static int count_secrets(const char *path, int input, char *const *envp)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL}, secret[32];
	struct segmap_tracee tracee;
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.envp = envp,
		.loader = segload_path(),
		.user = SAME_USER,
		.standard = {input, -1, -1},
	};

	make_secret(secret);
	cr_assert_eq(segmap_tracee_start(&tracee, &setup), 0, "%s", path);
	cr_assert_not(tracee.ended, "%s: %s", path, status_text(tracee.status));
	int count = count_in_memory(tracee.pid, secret);
	segmap_tracee_destroy(&tracee);
	return count;
}

Test(privilege, no_file_contents_are_left, .timeout = 60)
{
	char variable[64] = "SECRET=";
	char *with[] = {variable, NULL};
	pid_t writer;
	int input;

	make_directory();
	make_script();
	make_secret(variable + strlen(variable));
	cr_expect(count_secrets(testdata("show-attributes"), -1, with) > 0, "nothing is found");
	cr_expect_eq(count_secrets(file, -1, test_environment), 0, "of a script");
	input = start_writer(&writer);
	cr_expect_eq(count_secrets("-", input, test_environment), 0, "of standard input");
	close(input);
	cr_expect_eq(waitpid(writer, NULL, 0), writer);
	remove_directory();
}
