#ifndef LOADER_PRIVILEGE_H
#define LOADER_PRIVILEGE_H

#include <segmap/image.h>

/* Refuses a program for which execve would change user, group or capabilities: that is the
 * kernel's alone to do. Returns 0 or -EACCES with reason SETID or FILE_CAPS. */
int segmap_privilege_check(const struct segmap_image *program, struct segmap_error *err);

#endif
