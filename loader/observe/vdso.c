#include "vdso.h"

#include <segmap/process.h>

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whether this process's vdso is SIZE bytes large: another size is another vdso. */
static bool is_as_large(uint64_t vdso, uint64_t size)
{
	struct segmap_regions own = {0};
	const struct segmap_region *region = NULL;

	if (segmap_regions_read(&own, getpid(), false) == 0)
		region = segmap_regions_find(&own, vdso);
	bool same = region && region->start == vdso && region->end - region->start == size;
	segmap_regions_free(&own);
	return same;
}

struct segmap_image *vdso_image(uint64_t size)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	struct segmap_image *image = NULL;
	struct segmap_error err;
	char link[32];

	if (!vdso || !is_as_large(vdso, size))
		return NULL;
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (write(fd, (const void *)(uintptr_t)vdso, size) != (ssize_t)size ||
	    segmap_image_inspect(&image, link, SEGMAP_PROGRAM, &err) < 0)
		image = NULL;
	close(fd);
	return image;
}
