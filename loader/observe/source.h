/* Lines of source, from an ELF file's debug information or from what is installed for it. */
#ifndef OBSERVE_SOURCE_H
#define OBSERVE_SOURCE_H

#include <segmap/image.h>

struct source;

/* The debug information of IMAGE, which must outlive it; NULL if there is none. NAME is the
 * path by which its separate debug file is looked for. */
struct source *source_open(const struct segmap_image *image, const char *name);

/* The line of VADDR, a link-time address: true if there is one, in *FILE (borrowed) and *LINE.
 */
bool source_find(struct source *source, uint64_t vaddr, const char **file, int *line);

void source_free(struct source *source);

#endif
