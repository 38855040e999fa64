#ifndef OBSERVE_VDSO_H
#define OBSERVE_VDSO_H

#include <segmap/image.h>

/* The ELF image of the vdso, SIZE bytes large, from this process's own: one kernel has the same
 * for all of a CPU's programs. NULL if this process has none. */
struct segmap_image *vdso_image(uint64_t size);

#endif
