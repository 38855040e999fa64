#include "perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int perf_ring_open(struct perf_ring *ring, const struct perf_event_attr *attr, pid_t pid,
		   int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ring = (struct perf_ring){.fd = (int)fd};
	return 0;
}

int perf_ring_map(struct perf_ring *ring, size_t size)
{
	void *mapping =
		mmap(NULL, size + page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);

	if (mapping == MAP_FAILED)
		return -errno;
	ring->mapping = mapping;
	ring->size = size;
	return 0;
}

void perf_ring_unmap(struct perf_ring *ring)
{
	if (ring->mapping)
		munmap(ring->mapping, ring->size + page_size());
	ring->mapping = NULL;
}

static bool make_room(struct perf_ring *ring, size_t more)
{
	size_t room = ring->data_room ? ring->data_room : ring->size;

	while (room < ring->data_size + more)
		room *= 2;
	if (room == ring->data_room)
		return true;
	char *data = realloc(ring->data, room);

	if (!data)
		return false;
	ring->data = data;
	ring->data_room = room;
	return true;
}

void perf_ring_drain(struct perf_ring *ring, size_t limit)
{
	struct perf_event_mmap_page *control = ring->mapping;
	const char *bytes = (const char *)ring->mapping + page_size();
	uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = control->data_tail;
	size_t size = (size_t)(head - tail), from = (size_t)(tail & (ring->size - 1));
	size_t first = size < ring->size - from ? size : ring->size - from;

	if (size && ring->data_size + size <= limit && make_room(ring, size)) {
		memcpy(ring->data + ring->data_size, bytes + from, first);
		memcpy(ring->data + ring->data_size + first, bytes, size - first);
		ring->data_size += size;
	}
	__atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
}

uint64_t perf_ring_count(const struct perf_ring *ring)
{
	uint64_t count;

	return read(ring->fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

void perf_ring_free(struct perf_ring *ring)
{
	perf_ring_unmap(ring);
	close(ring->fd);
	free(ring->data);
}
