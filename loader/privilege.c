/*
 * Credentials, as cap_bprm_creds_from_file() and bprm_fill_uid() compute them. A process can
 * give up what it has, so all that exec takes away is taken away here as well; what exec would
 * give is refused. Root that has laid down capabilities gets them back by exec, as long as they
 * are in its bounding set; from us it does not, and runs with those it has.
 */
#include "privilege.h"

#include "fail.h"
#include "status.h"
#include "stub.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <segmap/plan.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What a program that gives privileges must not inherit: include/linux/personality.h. */
#define PER_CLEAR_ON_SETID                                                                     \
	(READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO)

enum {
	STACK_SOFT_MAX = 8 << 20, /* _STK_LIM: of RLIMIT_STACK, with AT_SECURE */
};

struct sets { /* of this process */
	uint64_t inheritable, permitted, effective, bounding, ambient;
};

struct file_sets {
	bool present, effective;
	uint64_t permitted, inheritable;
};

/* One after the other, up to the last capability that the kernel has. */
static bool ask_for_bounding(struct sets *s)
{
	unsigned c = 0;
	int r;

	for (; c < 64 && (r = prctl(PR_CAPBSET_READ, c, 0, 0, 0)) >= 0; c++)
		s->bounding |= (uint64_t)r << c;
	return c > CAP_LAST_CAP; /* of Linux 5.9, or more */
}

/* What is not both permitted and inheritable cannot be ambient. */
static bool ask_for_ambient(struct sets *s)
{
	const uint64_t possible = s->permitted & s->inheritable;

	for (unsigned c = 0; c < 64; c++) {
		int r = possible >> c & 1
				? prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0)
				: 0;

		if (r < 0)
			return false;
		s->ambient |= (uint64_t)r << c;
	}
	return true;
}

/* Some 50 calls, which take less time together than a file in /proc. */
static bool ask_for_sets(struct sets *s, bool bounding)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	memset(s, 0, sizeof(*s));
	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	s->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	s->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	s->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	return ask_for_ambient(s) && (!bounding || ask_for_bounding(s));
}

/* For where such a call is forbidden, or unknown. */
static bool read_sets(struct sets *s)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int found = 0;

	memset(s, 0, sizeof(*s));
	while (file && fgets(line, sizeof(line), file)) {
		found += status_field(line, "CapInh:", &s->inheritable);
		found += status_field(line, "CapPrm:", &s->permitted);
		found += status_field(line, "CapEff:", &s->effective);
		found += status_field(line, "CapBnd:", &s->bounding);
		status_field(line, "CapAmb:", &s->ambient); /* since Linux 4.3 */
	}
	if (file)
		fclose(file);
	return found == 4;
}

static void find_sets(struct sets *s, bool bounding)
{
	struct sets told;

	if (!ask_for_sets(s, bounding) && read_sets(&told))
		*s = told;
}

/* Those of the third revision belong to a user namespace; its root is 0 only inside it. */
static void read_file_sets(struct file_sets *f, int fd)
{
	struct vfs_ns_cap_data data = {0};
	ssize_t n = fgetxattr(fd, "security.capability", &data, sizeof(data));
	uint32_t magic = le32toh(data.magic_etc);

	memset(f, 0, sizeof(*f));
	if (n < (ssize_t)XATTR_CAPS_SZ_1 || data.rootid != 0)
		return;
	f->present = true;
	f->effective = magic & VFS_CAP_FLAGS_EFFECTIVE;
	f->permitted = le32toh(data.data[0].permitted);
	f->inheritable = le32toh(data.data[0].inheritable);
	if ((magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_1)
		return;
	f->permitted |= (uint64_t)le32toh(data.data[1].permitted) << 32;
	f->inheritable |= (uint64_t)le32toh(data.data[1].inheritable) << 32;
}

static bool is_nosuid(const struct segmap_image *program)
{
	struct statvfs fs;

	return fstatvfs(program->fd, &fs) == 0 && (fs.f_flag & ST_NOSUID);
}

static bool has_no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* The set-id bits: to become whom one is already is allowed. */
static int check_mode(struct segmap_privilege *p, const struct segmap_image *program,
		      struct segmap_error *err)
{
	mode_t mode = program->mode;
	bool set_uid = mode & S_ISUID;
	/* Without the group's x bit S_ISGID means mandatory locking. */
	bool set_gid = (mode & S_ISGID) && (mode & S_IXGRP);

	if (!(set_uid || set_gid) || has_no_new_privs() || is_nosuid(program))
		return 0;
	if ((set_uid && program->owner != p->euid) || (set_gid && program->group != p->egid))
		return fail(err, SETID, UNSUPPORTED, EACCES,
			    .value = {mode, program->owner, program->group});
	p->unpersona = PER_CLEAR_ON_SETID;
	return 0;
}

/* Is root's privilege in force? A file's own capabilities are what counts for a process that
 * has become root, but is another user. */
static bool is_root(const struct segmap_privilege *p, const struct file_sets *f)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	if (bits > 0 && (bits & SECBIT_NOROOT))
		return false;
	if (f->present && p->euid == 0 && p->uid != 0)
		return false;
	return p->uid == 0 || p->euid == 0;
}

/* Does this kernel take ids that differ for what a set-id bit has given? */
static bool takes_for_setid(const struct segmap_privilege *p)
{
	struct segmap_rules rules;
	struct utsname running;

	if (!p->differ || uname(&running) < 0)
		return false;
	segmap_rules_native(&rules, 1);
	segmap_rules_set_kernel(&rules, running.release);
	return rules.differing_ids_gain;
}

static int compute(struct segmap_privilege *p, const struct sets *old,
		   const struct file_sets *f, bool root, struct segmap_error *err)
{
	bool effective = f->effective || (root && p->euid == 0);
	uint64_t permitted =
		(old->bounding & f->permitted) | (old->inheritable & f->inheritable);

	if (f->effective && (f->permitted & ~permitted))
		return fail(err, FILE_CAPS, ERRNO, EPERM);
	if (root)
		permitted = old->bounding | old->inheritable;
	if (permitted & ~old->permitted) {
		if (!root && !has_no_new_privs())
			return fail(err, FILE_CAPS, UNSUPPORTED, EACCES);
		p->unpersona = PER_CLEAR_ON_SETID;
	}
	p->ambient = f->present || p->like_setid ? 0 : old->ambient;
	p->permitted = (permitted & old->permitted) | p->ambient;
	p->effective = effective ? p->permitted : p->ambient;
	p->inheritable = old->inheritable;
	p->secure |= p->uid != 0 && (effective || (p->permitted & ~p->ambient));
	p->set_capabilities = p->permitted != old->permitted ||
			      p->effective != old->effective || p->ambient != old->ambient;
	return 0;
}

/* An exec that has just been has told them. */
static bool take_told_ids(struct segmap_privilege *p)
{
	errno = 0;
	p->uid = (uint32_t)getauxval(AT_UID);
	p->euid = (uint32_t)getauxval(AT_EUID);
	p->gid = (uint32_t)getauxval(AT_GID);
	p->egid = (uint32_t)getauxval(AT_EGID);
	return errno == 0;
}

/* Tells whether the saved or the file system's ids are others than the effective ones. */
static bool ask_for_ids(struct segmap_privilege *p)
{
	uid_t u[3];
	gid_t g[3];
	bool known = getresuid(&u[0], &u[1], &u[2]) == 0 && getresgid(&g[0], &g[1], &g[2]) == 0;

	p->uid = known ? u[0] : getuid();
	p->euid = known ? u[1] : geteuid();
	p->gid = known ? g[0] : getgid();
	p->egid = known ? g[1] : getegid();
	return (known && (u[2] != u[1] || g[2] != g[1])) ||
	       (uid_t)setfsuid((uid_t)-1) != p->euid || (gid_t)setfsgid((gid_t)-1) != p->egid;
}

int segmap_privilege_check(struct segmap_privilege *p, const struct segmap_image *program,
			   bool pristine, struct segmap_error *err)
{
	struct file_sets file;
	struct sets sets;
	bool others = (pristine && take_told_ids(p)) ? false : ask_for_ids(p);
	int r = check_mode(p, program, err);

	if (r < 0)
		return r;
	read_file_sets(&file, program->fd);
	if (file.present && is_nosuid(program))
		memset(&file, 0, sizeof(file));
	p->differ = p->uid != p->euid || p->gid != p->egid;
	p->secure = p->differ;
	p->set_ids = !pristine && others;
	if (pristine && !file.present)
		return 0;
	p->like_setid = takes_for_setid(p);
	bool root = is_root(p, &file);
	find_sets(&sets, root || file.present);
	r = compute(p, &sets, &file, root, err);
	if (r == 0 && p->like_setid && has_no_new_privs()) { /* nothing may be gained */
		p->euid = p->uid;
		p->egid = p->gid;
		p->set_ids = true;
	}
	return r;
}

void segmap_privilege_tell(const struct segmap_privilege *p, struct stub_args *args,
			   bool pristine)
{
	const uint64_t sets[] = {p->effective, p->permitted, p->inheritable};

	args->uid = p->uid;
	args->euid = p->euid;
	args->gid = p->gid;
	args->egid = p->egid;
	args->ambient = p->ambient;
	args->sets[0] = _LINUX_CAPABILITY_VERSION_3;
	for (size_t i = 0; i < 3; i++) {
		args->sets[2 + i] = (uint32_t)sets[i];
		args->sets[5 + i] = (uint32_t)(sets[i] >> 32);
	}
	args->stack_soft = STACK_SOFT_MAX;
	if (p->secure)
		args->flags |= STUB_SECURE;
	if (p->differ && !pristine)
		args->flags |= STUB_DIFFERENT;
	if (p->set_ids)
		args->flags |= STUB_SET_IDS;
	if (p->set_capabilities)
		args->flags |= STUB_SET_SETS;
}
