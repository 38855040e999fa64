/* The file behind an image: opened and asked about as execve does. */
#ifndef LOADER_FILE_H
#define LOADER_FILE_H

#include <segmap/image.h>

/* A descriptor of PATH for reading, or a negative errno. */
int file_open(const char *path, struct segmap_error *err);

/* A descriptor of one's own for the file that FD is open on, or a negative errno. */
int file_take(int fd, struct segmap_error *err);

/* The first look at IMAGE's file: what it is, and unless INSPECT is set whether it may be
 * executed. Later looks are segmap_image_check's. */
int file_look(struct segmap_image *image, bool inspect, struct segmap_error *err);

/*
 * As segmap_image_open, or segmap_image_fdopen if FD is not -1. If the file was opened and is
 * refused, *KEPT is a descriptor of it, the caller's, so that what is read next is of the very
 * file that has been looked at, whatever has its name by then; else -1.
 */
int image_open_keeping(struct segmap_image **image, const char *path, int fd, int *kept,
		       struct segmap_error *err);

/* Reads up to LENGTH bytes at OFFSET of FD: LEAST, if there are as many, or more. Returns how
 * many, or a negative errno. */
ssize_t file_read_some(int fd, void *buffer, size_t least, size_t length, uint64_t offset);

/* The same where all is wanted. */
ssize_t file_read_at(int fd, void *buffer, size_t length, uint64_t offset);

#endif
