/*
 * What depends on the file: the name of the process, and the identity or the capabilities that
 * the file gives. Where they are not held already, we refuse what only the kernel can do.
 */
#include "attributes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RAW (1U << CAP_NET_RAW)

enum grant { /* what happens before the program is loaded */
	     AS_IT_IS,
	     NO_NEW_PRIVS,
	     NOSUID,  /* the file is on a mount of that kind */
	     HOLDING, /* the user has what the file gives, as an ambient capability */
	     UNBOUND, /* nobody can have it */
};

struct file_row {
	const char *name;
	mode_t mode;
	uid_t owner;
	gid_t group;
	uint32_t permitted, inheritable; /* capabilities of the file */
	bool effective;
	uid_t user;
	enum grant grant;
	int refused; /* the errno of segmap_execve, or 0 */
	const char *seen;
};

/* clang-format off */
#define SECURE(n) "auxv uid 65534 euid 65534 gid 65534 egid 65534 secure " #n "\n"
static const struct file_row rows[] = {
	{"set-uid to oneself", 04755, NOBODY, 0, 0, 0, 0, NOBODY, AS_IT_IS, 0, "personality 0x0\n"},
	{"set-uid root for root", 04755, 0, 0, 0, 0, 0, SAME_USER, AS_IT_IS, 0, "personality 0x0\n"},
	{"set-uid root for nobody", 04755, 0, 0, 0, 0, 0, NOBODY, AS_IT_IS, EACCES, NULL},
	{"set-uid nobody for root", 04755, NOBODY, 0, 0, 0, 0, SAME_USER, AS_IT_IS, EACCES, NULL},
	{"set-uid root, no_new_privs", 04755, 0, 0, 0, 0, 0, NOBODY, NO_NEW_PRIVS, 0, SECURE(0)},
	{"set-uid root, nosuid", 04755, 0, 0, 0, 0, 0, NOBODY, NOSUID, 0, SECURE(0)},
	{"set-gid to one's own", 02755, 0, NOBODY, 0, 0, 0, NOBODY, AS_IT_IS, 0, SECURE(0)},
	{"set-gid to another", 02755, 0, 0, 0, 0, 0, NOBODY, AS_IT_IS, EACCES, NULL},
	{"set-gid without the group's x", 02745, 0, 0, 0, 0, 0, NOBODY, AS_IT_IS, 0, SECURE(0)},
	{"set-uid and set-gid to oneself", 06755, NOBODY, NOBODY, 0, 0, 0, NOBODY, AS_IT_IS, 0,
	 SECURE(0)},

	{"capabilities for nobody", 0755, 0, 0, RAW, 0, true, NOBODY, AS_IT_IS, EACCES, NULL},
	{"not effective ones", 0755, 0, 0, RAW, 0, false, NOBODY, AS_IT_IS, EACCES, NULL},
	{"capabilities for root", 0755, 0, 0, RAW, 0, true, SAME_USER, AS_IT_IS, 0,
	 "CapPrm:\t000001fffeffffff\n"},
	{"capabilities, no_new_privs", 0755, 0, 0, RAW, 0, true, NOBODY, NO_NEW_PRIVS, 0, SECURE(1)},
	{"not effective ones, no_new_privs", 0755, 0, 0, RAW, 0, false, NOBODY, NO_NEW_PRIVS, 0,
	 SECURE(0)},
	{"capabilities, nosuid", 0755, 0, 0, RAW, 0, true, NOBODY, NOSUID, 0, SECURE(0)},
	{"capabilities that are held", 0755, 0, 0, RAW, 0, true, NOBODY, HOLDING, 0, SECURE(1)},
	{"not effective ones that are held", 0755, 0, 0, RAW, 0, false, NOBODY, HOLDING, 0,
	 "CapEff:\t0000000000000000\n"},
	{"inheritable ones that are held", 0755, 0, 0, 0, RAW, true, NOBODY, HOLDING, 0,
	 "CapEff:\t0000000000002000\n"},
	{"none, for one who holds some", 0755, 0, 0, 0, 0, true, NOBODY, HOLDING, 0, SECURE(1)},
	{"capabilities that nobody can have", 0755, 0, 0, RAW, 0, true, NOBODY, UNBOUND, EPERM, NULL},
};
/* clang-format on */

static char directory[] = "/tmp/segmap-attributes-XXXXXX";
static char file[128];

static void copy_program(const char *to)
{
	cr_assert(copy_file(testdata("show-attributes"), to, 0755), "%s", to);
}

static void make_directory(void)
{
	cr_assert_not_null(mkdtemp(directory));
	chmod(directory, 0755);
	snprintf(file, sizeof(file), "%s/program", directory);
}

static void remove_directory(void)
{
	umount2(directory, MNT_DETACH);
	remove(file);
	remove(directory);
}

static bool make_file(const struct file_row *row)
{
	struct vfs_cap_data data = {
		.magic_etc =
			VFS_CAP_REVISION_2 | (row->effective ? VFS_CAP_FLAGS_EFFECTIVE : 0),
		.data[0] = {row->permitted, row->inheritable},
	};
	bool caps = row->permitted || row->inheritable || row->effective;

	remove(file);
	copy_program(file);
	return chown(file, row->owner, row->group) == 0 && chmod(file, row->mode) == 0 &&
	       (!caps || setxattr(file, "security.capability", &data, sizeof(data), 0) == 0);
}

static void hold(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{RAW, RAW, RAW}, {0}};

	must(syscall(SYS_capset, &head, d) == 0, "capset");
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0, "ambient");
}

static void prepare(const void *data)
{
	const struct file_row *row = data;
	enum grant g = row->grant;
	uid_t u = row->user;

	must(g != NO_NEW_PRIVS || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	must(g != HOLDING || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "keepcaps");
	must(g != UNBOUND || prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0, "bounding set");
	must(u == SAME_USER || (setresgid(u, u, u) == 0 && setresuid(u, u, u) == 0 &&
				prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0),
	     "setresuid");
	if (g == HOLDING)
		hold();
	must(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0, "PR_SET_PDEATHSIG"); /* AT_SECURE ends it */
}

static void check_refusal(const struct file_row *row)
{
	struct trial trial = {.path = file, .prepare = prepare, .data = row};
	struct sight s;

	see(&s, &trial, BY_LIBRARY);
	cr_expect_eq(shared->result, -row->refused, "%s: segmap_execve: %d", row->name,
		     shared->result);
	cr_expect(strstr(s.said, row->permitted ? "capabilit" : "user or group"),
		  "%s: no reason in '%s'", row->name, s.said);
	sight_free(&s);
	see(&s, &trial, BY_PROGRAM);
	cr_expect_eq(s.status, 126 << 8, "%s: segload: %s", row->name, status_text(s.status));
	cr_expect_str_empty(s.inside, "%s: something has run", row->name);
	sight_free(&s);
}

static void check_file_row(const struct file_row *row)
{
	const struct row as_row = {
		.name = row->name,
		.prepare = prepare,
		.data = row,
		.seen = {row->seen},
		.aside = true,
		.random = true,
	};

	if (row->grant == NOSUID)
		cr_assert(mount("none", directory, "tmpfs", MS_NOSUID, "mode=755") == 0);
	cr_expect(make_file(row), "%s: cannot be made: %s", row->name, strerror(errno));
	if (row->refused)
		check_refusal(row);
	else
		check_row_at(&as_row, file, SAME_USER);
	if (row->grant == NOSUID)
		umount2(directory, MNT_DETACH);
}

Test(attributes, files_that_give_privileges_as_root, .timeout = 600)
{
	uid_t users[2];

	if (test_users(users) < 2)
		cr_skip_test("needs root: CAP_CHOWN, CAP_SETFCAP, CAP_SETUID, CAP_SYS_ADMIN");
	make_directory();
	cr_assert(unshare(CLONE_NEWNS) == 0 && keep_mounts_private());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_file_row(&rows[i]);
	remove_directory();
}

/* ---- names ---- */

static const char *const names[][2] = {
	{"program", "comm program\n"},
	{"twelve-and-three", "comm twelve-and-thre\n"},
	{"a name of more than 15 characters", "comm a name of more \n"},
	{".//././/x", "comm x\n"},
	{"-", "comm -\n"},
};

Test(attributes, names, .timeout = 600)
{
	char path[256];

	make_directory();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct row row = {.name = names[i][0], .seen = {names[i][1]}};

		snprintf(path, sizeof(path), "%s/%s", directory, names[i][0]);
		copy_program(path);
		check_row_at(&row, path, SAME_USER);
		remove(path);
	}
	remove_directory();
}
