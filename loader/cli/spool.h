#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

/* Makes of *FD a descriptor whose file can be mapped: *FD itself if it is a regular file, else
 * a close-on-exec file in memory with all that can be read from it. Returns 0 or a negative
 * errno. */
int spool_input(int *fd);

#endif
