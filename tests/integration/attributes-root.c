/* Identities and capabilities: rows that only root can prepare. */
#include "attributes.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEEP            ((uid_t)-1)
#define BIT(capability) (UINT64_C(1) << (capability))

struct identity {
	uid_t uid[3]; /* real, effective, saved; KEEP to keep */
	gid_t gid[3];
	uid_t fsuid;
	unsigned long securebits;
	bool no_new_privs;
};

static void become(const void *data)
{
	const struct identity *i = data;

	must(setgroups(2, (gid_t[]){7, 9}) == 0, "setgroups");
	must(prctl(PR_SET_SECUREBITS, i->securebits, 0, 0, 0) == 0, "securebits");
	must(!i->no_new_privs || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	must(setresgid(i->gid[0], i->gid[1], i->gid[2]) == 0, "setresgid");
	must(setresuid(i->uid[0], i->uid[1], i->uid[2]) == 0, "setresuid");
	if (i->fsuid)
		setfsuid(i->fsuid);
}

/* What AT_SECURE takes away. */
static void become_with_more(const void *data)
{
	struct rlimit stack;

	getrlimit(RLIMIT_STACK, &stack);
	stack.rlim_cur = 64 << 20;
	must(setrlimit(RLIMIT_STACK, &stack) == 0, "RLIMIT_STACK");
	become(data);
	must(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0, "PR_SET_PDEATHSIG");
	must(prctl(PR_SET_DUMPABLE, 1) == 0, "PR_SET_DUMPABLE");
}

/* clang-format off */
#define SAME {KEEP, KEEP, KEEP}
__attribute__((unused)) static const struct identity
	nobody = {{NOBODY, NOBODY, NOBODY}, {NOBODY, NOBODY, NOBODY}, 0, 0, 0},
	effective_user = {{KEEP, NOBODY, KEEP}, SAME, 0, 0, 0},
	real_user = {{NOBODY, 0, 0}, SAME, 0, 0, 0},
	saved_user = {{NOBODY, NOBODY, 0}, SAME, 0, 0, 0},
	three_users = {{1000, 1001, 1002}, {2000, 2001, 2002}, 0, 0, 0},
	effective_group = {SAME, {KEEP, NOBODY, KEEP}, 0, 0, 0},
	real_group = {SAME, {NOBODY, 0, 0}, 0, 0, 0},
	saved_group = {SAME, {KEEP, KEEP, NOBODY}, 0, 0, 0},
	fs_user = {SAME, SAME, NOBODY, 0, 0},
	restricted = {{1000, 1001, 1002}, SAME, 0, 0, true},
	kept = {{NOBODY, NOBODY, NOBODY}, {NOBODY, NOBODY, NOBODY}, 0, SECBIT_KEEP_CAPS, 0},
	kept_saved = {{NOBODY, NOBODY, 0}, SAME, 0, SECBIT_KEEP_CAPS, 0},
	no_root = {SAME, SAME, 0, SECBIT_NOROOT, 0},
	no_fixup = {{NOBODY, NOBODY, NOBODY}, SAME, 0, SECBIT_NO_SETUID_FIXUP, 0};
/* clang-format on */

/* ---- capabilities ---- */

struct sets {
	const struct identity *identity; /* NULL to stay root */
	uint64_t permitted, effective, inheritable, ambient, unbound;
};

static void set_capabilities(uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		 (uint32_t)(inheritable >> 32)},
	};

	must(syscall(SYS_capset, &head, d) == 0, "capset");
}

static void capabilities(const void *data)
{
	const struct sets *s = data;

	if (s->identity)
		become(s->identity);
	if (s->permitted)
		set_capabilities(s->permitted, s->effective, s->inheritable);
	for (unsigned long c = 0; c < 64; c++)
		if (s->unbound & BIT(c))
			must(prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0, "PR_CAPBSET_DROP");
	for (unsigned long c = 0; c < 64; c++)
		if (s->ambient & BIT(c))
			must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) == 0,
			     "PR_CAP_AMBIENT");
}

#define RAW  BIT(CAP_NET_RAW)
#define BIND BIT(CAP_NET_BIND_SERVICE)
/* all that there are but CAP_SYS_RESOURCE, which a container may lack */
#define MOST UINT64_C(0x1fffeffffff)

static const struct sets caps_kept = {&kept, RAW | BIND, RAW, 0, 0, 0},
			 caps_inheritable = {&kept, RAW | BIND, 0, RAW, 0, 0},
			 caps_ambient = {&kept, RAW | BIND, BIND, RAW | BIND, RAW, 0},
			 caps_ambient_saved = {&kept_saved, RAW | BIND, BIND,
					       RAW | BIND,  RAW,        0},
			 caps_ambient_root = {NULL, MOST, MOST, RAW, RAW, 0},
			 caps_unbound = {NULL, 0, 0, 0, 0, RAW},
			 caps_unbound_inherited = {NULL, MOST, MOST, RAW, 0, RAW},
			 caps_not_effective = {NULL, MOST, BIND, 0, 0, 0},
			 caps_no_root = {&no_root, MOST, MOST, RAW, RAW, 0};

static void change_root(const void *data)
{
	(void)data;
	must(unshare(0x00020000 /* CLONE_NEWNS */) == 0, "unshare");
	must(keep_mounts_private(), "mount");
	must(mount("/", "/mnt", NULL, MS_BIND | MS_REC, NULL) == 0, "mount --bind");
	must(chroot("/mnt") == 0 && chdir("/") == 0, "chroot");
}

/* clang-format off */
const struct row root_rows[] = {
	/* AT_SECURE: the five cases, and what is kept or lost by them */
	{"nobody", become, &nobody, NULL, {"auxv uid 65534 euid 65534 gid 65534 egid 65534 secure 0\n",
	 "groups 7 9\n", "dumpable 0x1\n"}, true, 0},
	{"another effective user", become_with_more, &effective_user, NULL,
	 {"auxv uid 0 euid 65534 gid 0 egid 0 secure 1\n", "uid 0 euid 65534 suid 65534 fsuid 65534\n",
	  "pdeathsig 0x0\n", "limit 3 soft 0x800000"}, true, 0},
	{"another real user", become_with_more, &real_user, NULL,
	 {"auxv uid 65534 euid 0 gid 0 egid 0 secure 1\n", "uid 65534 euid 0 suid 0 fsuid 0\n"}, true, 0},
	{"another effective group", become_with_more, &effective_group, NULL,
	 {"auxv uid 0 euid 0 gid 0 egid 65534 secure 1\n", "gid 0 egid 65534 sgid 65534 fsgid 65534\n"},
	 true, 0},
	{"another real group", become_with_more, &real_group, NULL,
	 {"auxv uid 0 euid 0 gid 65534 egid 0 secure 1\n", "gid 65534 egid 0 sgid 0 fsgid 0\n"}, true, 0},
	{"all different", become_with_more, &three_users, NULL,
	 {"uid 1000 euid 1001 suid 1001 fsuid 1001\n", "gid 2000 egid 2001 sgid 2001 fsgid 2001\n",
	  "pdeathsig 0x0\n", "capabilities permitted 0x0 effective 0x0"}, true, 0},
	{"all different, with no_new_privs", become_with_more, &restricted, NULL,
	 {"no-new-privs 0x1\n"}, true, 0},
	{"a saved user", become_with_more, &saved_user, NULL,
	 {"uid 65534 euid 65534 suid 65534 fsuid 65534\n", "pdeathsig 0xc\n", "dumpable 0x1\n",
	  "capabilities permitted 0x0 effective 0x0"}, true, 0},
	{"a saved group", become_with_more, &saved_group, NULL,
	 {"gid 0 egid 0 sgid 0 fsgid 0\n", "pdeathsig 0xc\n"}, true, 0},
#ifndef SEGMAP_SANITIZED /* in such a build segload cannot leave alone what its exec has given */
	{"a file system user", become_with_more, &fs_user, NULL,
	 {"uid 0 euid 0 suid 0 fsuid 0\n", "pdeathsig 0x0\n"}, true, 0},
#endif

	/* capabilities */
	{"a user with capabilities", capabilities, &caps_kept, NULL,
	 {"capabilities permitted 0x0 effective 0x0 inheritable 0x0 ambient 0x0", "keepcaps 0x0\n",
	  "securebits 0x0\n"}, true, 0},
	{"a user with inheritable ones", capabilities, &caps_inheritable, NULL,
	 {"capabilities permitted 0x0 effective 0x0 inheritable 0x2000 ambient 0x0"}, true, 0},
	{"a user with ambient ones", capabilities, &caps_ambient, NULL,
	 {"capabilities permitted 0x2000 effective 0x2000 inheritable 0x2400 ambient 0x2000"}, true, 0},
	{"the same, with a saved user", capabilities, &caps_ambient_saved, NULL,
	 {"capabilities permitted 0x2000 effective 0x2000 inheritable 0x2400 ambient 0x2000",
	  "uid 65534 euid 65534 suid 65534"}, true, 0},
	{"root with ambient ones", capabilities, &caps_ambient_root, NULL,
	 {"CapAmb:\t0000000000002000\n"}, true, 0},
	{"root with a smaller bounding set", capabilities, &caps_unbound, NULL,
	 {"CapBnd:\t000001fffeffdfff\n", "CapPrm:\t000001fffeffdfff\n"}, true, 0},
	{"the same, inheritable", capabilities, &caps_unbound_inherited, NULL,
	 {"CapBnd:\t000001fffeffdfff\n", "CapPrm:\t000001fffeffffff\n"}, true, 0},
	{"root with few effective ones", capabilities, &caps_not_effective, NULL,
	 {"CapEff:\t000001fffeffffff\n"}, true, 0},
	{"root without privilege", become, &no_root, NULL,
	 {"securebits 0x1\n", "CapPrm:\t0000000000000000\n"}, true, 0},
	{"the same, with ambient ones", capabilities, &caps_no_root, NULL,
	 {"CapPrm:\t0000000000002000\n"}, true, 0},
	{"a user without fixup", become, &no_fixup, NULL,
	 {"securebits 0x4\n", "CapPrm:\t0000000000000000\n"}, true, 0},
	/* its name depends on where the root of the test itself is */
	{"another root directory", change_root, NULL, NULL, {NULL}, true, 0},
};
/* clang-format on */
const size_t root_row_count = sizeof(root_rows) / sizeof(root_rows[0]);
