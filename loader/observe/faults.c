/*
 * Watching page faults: a perf event on each CPU, because one that children inherit must have a
 * ring for each; a thread that empties the rings; and the records of all of them in order of
 * time.
 *
 * Children are always watched, even those that nobody wants to see: whether a page is copied or
 * reused after a fork depends on what the other process has done with it.
 */
#include <segmap/faults.h>

#include "perf_records.h"
#include "perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define RINGS_SIZE ((size_t)64 << 20) /* of all rings together, at most */
#define RING_MAX   ((size_t)4 << 20)  /* of one: 100,000 records */
#define WATERMARK  32768              /* bytes in a ring that wake the thread up */
#define DATA_MAX   ((size_t)2 << 30)  /* records of one CPU that are kept: 50 million */

struct segmap_watch {
	pid_t pid;
	bool follow, on_exec;
	int kernel_error;
	uint64_t began;          /* nanoseconds of CLOCK_MONOTONIC */
	struct perf_ring *rings; /* owned */
	size_t ring_count;
	pthread_t drainer;
	bool drains;           /* there is that thread */
	int stop;              /* an eventfd: the thread is to end */
	pthread_mutex_t mutex; /* held by whoever drains */
};

/* ---- draining ---- */

static void drain(struct segmap_watch *watch)
{
	pthread_mutex_lock(&watch->mutex);
	for (size_t i = 0; i < watch->ring_count; i++)
		perf_ring_drain(&watch->rings[i], DATA_MAX);
	pthread_mutex_unlock(&watch->mutex);
}

/* A ring is ready when WATERMARK bytes are in it; and it hangs up when nobody is watched any
 * more.
 */
static void *run_drainer(void *data)
{
	struct segmap_watch *watch = data;
	struct pollfd *polls = calloc(watch->ring_count + 1, sizeof(*polls));

	if (!polls)
		return NULL; /* the rings are emptied by who reads them: some records are lost
			      */
	for (size_t i = 0; i < watch->ring_count; i++)
		polls[i] = (struct pollfd){.fd = watch->rings[i].fd, .events = POLLIN};
	polls[watch->ring_count] = (struct pollfd){.fd = watch->stop, .events = POLLIN};
	while (!(polls[watch->ring_count].revents & POLLIN)) {
		if (poll(polls, watch->ring_count + 1, -1) < 0 && errno != EINTR)
			break;
		drain(watch);
		for (size_t i = 0; i < watch->ring_count; i++)
			if (polls[i].revents & (POLLHUP | POLLERR))
				polls[i].fd = -1;
	}
	free(polls);
	return NULL;
}

/* Signals are for the thread that has started the child. */
static int start_drainer(struct segmap_watch *watch)
{
	sigset_t all, before;
	int r;

	watch->stop = eventfd(0, EFD_CLOEXEC);
	if (watch->stop < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&watch->drainer, NULL, run_drainer, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	watch->drains = r == 0;
	return -r;
}

static void stop_drainer(struct segmap_watch *watch)
{
	const uint64_t one = 1;

	if (watch->drains && write(watch->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(watch->drainer, NULL);
	if (watch->stop >= 0)
		close(watch->stop);
}

/* ---- opening ---- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A power of two, such that all rings together are not too much. */
static size_t largest_ring(size_t cpus)
{
	size_t size = RING_MAX;

	while (size > (size_t)sysconf(_SC_PAGESIZE) && size * cpus > RINGS_SIZE)
		size /= 2;
	return size;
}

/* How much a user may lock is perf_event_mlock_kb for each CPU, and RLIMIT_MEMLOCK: all rings
 * shall be as large as that allows, and equally large. */
static int map_rings(struct segmap_watch *watch)
{
	size_t size = largest_ring(watch->ring_count), mapped = 0;
	int r = 0;

	for (; size >= (size_t)sysconf(_SC_PAGESIZE); size /= 2) {
		for (mapped = 0; mapped < watch->ring_count; mapped++) {
			r = perf_ring_map(&watch->rings[mapped], size);
			if (r < 0)
				break;
		}
		if (r != -EPERM && r != -ENOMEM)
			break;
		for (size_t i = 0; i < mapped; i++)
			perf_ring_unmap(&watch->rings[i]);
	}
	return r == -EPERM ? -ENOBUFS : r;
}

/* Faults in kernel mode are asked for, and left out if that is not permitted. */
static int open_ring(struct segmap_watch *watch, struct perf_event_attr *attr, int cpu)
{
	struct perf_ring ring;
	int r = perf_ring_open(&ring, attr, watch->pid, cpu);

	if ((r == -EACCES || r == -EPERM) && !attr->exclude_kernel) {
		watch->kernel_error = -r;
		attr->exclude_kernel = 1;
		r = perf_ring_open(&ring, attr, watch->pid, cpu);
	}
	if (r < 0)
		return r;
	struct perf_ring *rings =
		reallocarray(watch->rings, watch->ring_count + 1, sizeof(*rings));
	if (!rings) {
		perf_ring_free(&ring);
		return -ENOMEM;
	}
	watch->rings = rings;
	rings[watch->ring_count++] = ring;
	return 0;
}

static int open_rings(struct segmap_watch *watch)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.disabled = watch->on_exec,
		.enable_on_exec = watch->on_exec,
		.inherit = 1,
		.exclude_hv = 1,
		.watermark = 1,
		.wakeup_watermark = WATERMARK,
	};
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int r = 0;

	perf_records_want(&attr);
	for (int cpu = 0; cpu < cpus; cpu++) {
		r = open_ring(watch, &attr, cpu);
		if (r < 0 && r != -ENODEV) /* one that is not in use */
			return r;
	}
	return watch->ring_count ? 0 : r;
}

int segmap_watch_open(struct segmap_watch **out, pid_t pid, bool on_exec, bool follow)
{
	struct segmap_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	*watch = (struct segmap_watch){.pid = pid,
				       .follow = follow,
				       .on_exec = on_exec,
				       .stop = -1,
				       .mutex = PTHREAD_MUTEX_INITIALIZER};
	int r = open_rings(watch);
	if (r == 0)
		r = map_rings(watch);
	if (r == 0)
		r = start_drainer(watch);
	watch->began = now();
	if (r < 0)
		segmap_watch_free(watch);
	else
		*out = watch;
	return r;
}

void segmap_watch_free(struct segmap_watch *watch)
{
	if (!watch)
		return;
	stop_drainer(watch);
	for (size_t i = 0; i < watch->ring_count; i++)
		perf_ring_free(&watch->rings[i]);
	free(watch->rings);
	free(watch);
}

/* ---- reading ---- */

/* Both kinds of item begin with their time. Of two at one time the first stays the first: the
 * pointers are to where they were. */
static int compare_times(const void *a, const void *b)
{
	const uint64_t *const *x = a, *const *y = b;

	if (**x != **y)
		return **x < **y ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* The COUNT items of SIZE bytes, which are freed, by time; NULL if there is no memory. */
static void *sort_by_time(void *items, size_t count, size_t size)
{
	const void **order = calloc(count + 1, sizeof(*order));
	char *sorted = order ? calloc(count + 1, size) : NULL;

	for (size_t i = 0; sorted && i < count; i++)
		order[i] = (char *)items + i * size;
	if (sorted)
		qsort(order, count, sizeof(*order), compare_times);
	for (size_t i = 0; sorted && i < count; i++)
		memcpy(sorted + i * size, order[i], size);
	free(order);
	if (sorted)
		free(items);
	return sorted;
}

static int sort_log(struct perf_log *log)
{
	void *faults = sort_by_time(log->faults, log->fault_count, sizeof(*log->faults));

	if (!faults)
		return -ENOMEM;
	log->faults = faults;
	log->fault_room = log->fault_count;
	void *happenings =
		sort_by_time(log->happenings, log->happening_count, sizeof(*log->happenings));
	if (!happenings)
		return -ENOMEM;
	log->happenings = happenings;
	log->happening_room = log->happening_count;
	return 0;
}

/* All that has been recorded, and in *COUNT how many faults the kernel has seen. */
static int parse_rings(struct segmap_watch *watch, struct perf_log *log, uint64_t *count)
{
	int r = 0;

	*count = 0;
	for (size_t i = 0; i < watch->ring_count; i++)
		*count += perf_ring_count(&watch->rings[i]);
	drain(watch);
	pthread_mutex_lock(&watch->mutex);
	for (size_t i = 0; r == 0 && i < watch->ring_count; i++)
		r = perf_records_parse(log, watch->rings[i].data, watch->rings[i].data_size);
	pthread_mutex_unlock(&watch->mutex);
	return r == 0 ? sort_log(log) : r;
}

/* When counting began: at an exec, where that was to be waited for. */
static uint64_t beginning(const struct segmap_watch *watch, const struct perf_log *log)
{
	for (size_t i = 0; watch->on_exec && i < log->happening_count; i++)
		if (log->happenings[i].kind == SEGMAP_HAPPENED_EXEC)
			return log->happenings[i].time;
	return watch->began;
}

static uint64_t since(uint64_t time, uint64_t beginning)
{
	return time > beginning ? time - beginning : 0;
}

/* Faults of processes that are not followed become happenings. */
static int set_aside(struct perf_log *log, pid_t pid)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < log->fault_count; i++) {
		const struct segmap_fault *fault = &log->faults[i];
		const struct segmap_happening elsewhere = {
			.time = fault->time,
			.kind = SEGMAP_HAPPENED_FAULT,
			.pid = fault->pid,
			.tid = fault->tid,
			.region = {.start = fault->addr, .end = fault->addr + 1},
		};

		if (fault->pid == pid)
			log->faults[kept++] = *fault;
		else
			r = perf_log_add_happening(log, &elsewhere);
	}
	log->fault_count = kept;
	return r;
}

static void count_from(struct perf_log *log, uint64_t began)
{
	for (size_t i = 0; i < log->fault_count; i++)
		log->faults[i].time = since(log->faults[i].time, began);
	for (size_t i = 0; i < log->happening_count; i++)
		log->happenings[i].time = since(log->happenings[i].time, began);
}

int segmap_watch_read(struct segmap_watch *watch, struct segmap_faults *faults)
{
	struct perf_log log = {0};
	uint64_t count;
	int r = parse_rings(watch, &log, &count);

	/* The last ones to be lost are followed by no record that says so. */
	if (r == 0 && count > log.fault_count + log.lost)
		log.lost = count - log.fault_count;
	if (r == 0)
		count_from(&log, beginning(watch, &log));
	if (r == 0 && !watch->follow)
		r = set_aside(&log, watch->pid);
	if (r == 0 && !watch->follow)
		r = sort_log(&log);
	if (r < 0) {
		perf_log_free(&log);
		return r;
	}
	*faults = (struct segmap_faults){
		.items = log.faults,
		.count = log.fault_count,
		.happenings = log.happenings,
		.happening_count = log.happening_count,
		.lost = log.lost,
		.kernel_seen = !watch->kernel_error,
		.kernel_error = watch->kernel_error,
	};
	return 0;
}

void segmap_faults_free(struct segmap_faults *faults)
{
	struct perf_log log = {
		.faults = faults->items,
		.happenings = faults->happenings,
		.happening_count = faults->happening_count,
	};

	perf_log_free(&log);
	*faults = (struct segmap_faults){0};
}
