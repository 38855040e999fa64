/* Does this machine have a shared zero page? */
#include <segmap/permits.h>

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static long faults(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* With huge pages it would be another zero page. */
static bool is_written_twice(volatile char *page, size_t size)
{
	(void)madvise((void *)(uintptr_t)page, size, MADV_NOHUGEPAGE);
	faults(); /* once beforehand: its own page faults are not counted then */
	(void)*page;
	long before = faults();
	*page = 1;
	return faults() > before;
}

bool segmap_zero_page_is_used(void)
{
	enum { UNKNOWN, USED, UNUSED };
	static atomic_int known = UNKNOWN;
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	if (atomic_load(&known) == UNKNOWN) {
		void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return true;
		atomic_store(&known, is_written_twice(page, size) ? USED : UNUSED);
		munmap(page, size);
	}
	return atomic_load(&known) == USED;
}
