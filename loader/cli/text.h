/* Words for a terminal, for both programs: what comes from a file cannot control it. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <segmap/error.h>
#include <stdio.h>

/* Writes TEXT, which may come from a file, with its control characters as \xNN. */
void put_text(FILE *out, const char *text);

/* NAME as messages write it: an empty one is seen as ''. */
const char *seen_name(const char *name);

/* "PATH: cause" and the lines that belong to it. */
void put_error(FILE *out, const char *path, const struct segmap_error *err);

#endif
