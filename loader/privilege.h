#ifndef LOADER_PRIVILEGE_H
#define LOADER_PRIVILEGE_H

#include <segmap/image.h>

/* The credentials that exec leaves, and what of this process's must change for that. */
struct segmap_privilege {
	bool secure;             /* AT_SECURE */
	bool differ;             /* real and effective ids: the program is not dumpable */
	bool set_ids;            /* saved and file system ids are not the effective ones */
	bool like_setid;         /* this kernel sees a set-id bit where ids differ */
	bool set_capabilities;   /* to those below */
	unsigned long unpersona; /* bits of the personality that go away */
	uint32_t uid, euid, gid, egid;
	uint64_t permitted, effective, inheritable, ambient;
};

/*
 * Computes what execve of PROGRAM would make of this process's user, group and capabilities.
 * PRISTINE says that an exec has done so since they last changed, and only what PROGRAM itself
 * brings is to be looked at. Refuses a program that would give what the process does not have:
 * that is the kernel's alone to do. Returns 0, -EACCES with reason SETID or FILE_CAPS, or
 * -EPERM where execve would not run it either.
 */
int segmap_privilege_check(struct segmap_privilege *privilege,
			   const struct segmap_image *program, bool pristine,
			   struct segmap_error *err);

struct stub_args;

/* Writes to ARGS what the stub has to do for that. */
void segmap_privilege_tell(const struct segmap_privilege *privilege, struct stub_args *args,
			   bool pristine);

#endif
