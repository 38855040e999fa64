/* Reading files whose size is not known beforehand. */
#ifndef OBSERVE_READ_H
#define OBSERVE_READ_H

#include <segmap/process.h>

/* All of the file PATH, or BYTES->error. Returns 0 or -ENOMEM. */
int bytes_read(struct segmap_bytes *bytes, const char *path);

/* All of the descriptor FD from its beginning, by pread(2) or read(2). */
int bytes_read_fd(struct segmap_bytes *bytes, int fd);

/* What the link PATH says. */
int bytes_read_link(struct segmap_bytes *bytes, const char *path);

/* Adds the regions that TEXT tells, the contents of maps or smaps, which is cut into lines by
 * it. Returns 0, -EPROTO if it is something else, or -ENOMEM; REGIONS is to be freed in any
 * case. */
int regions_parse(struct segmap_regions *regions, char *text);

void bytes_free(struct segmap_bytes *bytes);

#endif
