/* Opening a program that may turn out to be a script. */
#ifndef LOADER_KEEP_H
#define LOADER_KEEP_H

#include <segmap/image.h>

/*
 * As segmap_image_open, or segmap_image_fdopen if FD is not -1. If the file was opened and is
 * refused, *KEPT is a descriptor of it, the caller's, so that what is read next is of the very
 * file that has been looked at, whatever has its name by then; else -1.
 */
int image_open_keeping(struct segmap_image **image, const char *path, int fd, int *kept,
		       struct segmap_error *err);

#endif
