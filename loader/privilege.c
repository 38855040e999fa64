#include "privilege.h"

#include "fail.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Where the bits and capabilities of a file count for nothing. */
static bool is_ignored(const struct segmap_image *program)
{
	struct statvfs fs;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	       (fstatvfs(program->fd, &fs) == 0 && (fs.f_flag & ST_NOSUID));
}

int segmap_privilege_check(const struct segmap_image *program, struct segmap_error *err)
{
	mode_t mode = program->mode;
	bool set_uid = (mode & S_ISUID) && program->owner != geteuid();
	/* Without the group's x bit S_ISGID means mandatory locking. */
	bool set_gid = (mode & S_ISGID) && (mode & S_IXGRP) && program->group != getegid();
	bool caps =
		geteuid() != 0 && fgetxattr(program->fd, "security.capability", NULL, 0) > 0;

	if (!(set_uid || set_gid || caps) || is_ignored(program))
		return 0;
	if (set_uid || set_gid)
		return fail(err, SETID, UNSUPPORTED, EACCES,
			    .value = {mode, program->owner, program->group});
	return fail(err, FILE_CAPS, UNSUPPORTED, EACCES);
}
