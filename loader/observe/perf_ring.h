/* One ring of perf records: those of one CPU. */
#ifndef OBSERVE_PERF_RING_H
#define OBSERVE_PERF_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_event_attr;

struct perf_ring {
	int fd;        /* of the event */
	void *mapping; /* the control page, and then the ring */
	size_t size;   /* of the ring: a power of two, in bytes */
	char *data;    /* owned: what has been taken from it, record after record */
	size_t data_size, data_room;
};

/* Opens the event ATTR of PID on CPU, without a ring. Returns 0 or a negative errno. */
int perf_ring_open(struct perf_ring *ring, const struct perf_event_attr *attr, pid_t pid,
		   int cpu);

/* Maps a ring of SIZE bytes. -EPERM if that is more than may be locked. */
int perf_ring_map(struct perf_ring *ring, size_t size);
void perf_ring_unmap(struct perf_ring *ring);

/* Moves what is in the ring to DATA, so that there is room for more. What exceeds LIMIT bytes,
 * or memory, is dropped. */
void perf_ring_drain(struct perf_ring *ring, size_t limit);

/* How many events there were, those without a record included. */
uint64_t perf_ring_count(const struct perf_ring *ring);

/* To be called for each ring that perf_ring_open has opened. */
void perf_ring_free(struct perf_ring *ring);

#endif
