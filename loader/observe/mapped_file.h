/* The file of a mapping, found again: the very one, not another that has its name by now. */
#ifndef OBSERVE_MAPPED_FILE_H
#define OBSERVE_MAPPED_FILE_H

#include <segmap/image.h>
#include <segmap/process.h>

/* A file as /proc/PID/maps tells it from others. */
struct file_id {
	unsigned major, minor;
	uint64_t inode;
};

bool file_id_equal(const struct file_id *a, const struct file_id *b);
struct file_id file_id_of_region(const struct segmap_region *region);

/* What maps would say of the file open at FD; false if that cannot be learnt. */
bool file_id_of_fd(struct file_id *id, int fd);

/* The ELF file PATH as PID sees it; a path that is not absolute begins at PID's directory.
 * NULL if it cannot be opened or is none. */
struct segmap_image *image_seen_by(pid_t pid, const char *path);

/*
 * The ELF file that REGION of PID is a mapping of; NULL if it is none (*ERROR is 0 then), or
 * cannot be opened (*ERROR is a positive errno).
 */
struct segmap_image *image_of_region(pid_t pid, const struct segmap_region *region, int *error);

#endif
