#include "perf_records.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* What follows each record's header, for the attributes of perf_records_want: see
 * perf_event_open(2). */
struct record_sample {
	uint64_t ip;
	uint32_t pid, tid;
	uint64_t time, addr;
};

struct record_mmap2 {
	uint32_t pid, tid;
	uint64_t addr, length, offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t prot, flags;
	/* and the name of the file */
};

struct record_task {
	uint32_t pid, parent;
	uint32_t tid, parent_tid;
	uint64_t time;
};

struct record_comm {
	uint32_t pid, tid;
};

struct record_lost {
	uint64_t id, lost;
};

/* The last bytes of all that is no sample. */
struct record_end {
	uint32_t pid, tid;
	uint64_t time;
};

void perf_records_want(struct perf_event_attr *attr)
{
	attr->sample_type =
		PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR;
	attr->sample_id_all = 1;
	attr->mmap = 1;
	attr->mmap_data = 1;
	attr->mmap2 = 1;
	attr->comm = 1;
	attr->comm_exec = 1;
	attr->task = 1;
	/* One clock for all CPUs, and for whoever asks when the watch began. */
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
}

/* ---- lists ---- */

/* Room for one more of SIZE bytes: the list, which may have moved, or NULL. */
static void *make_room(void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;
	size_t more = *room ? *room * 2 : 64;
	void *moved = reallocarray(items, more, size);

	*room = moved ? more : *room;
	return moved;
}

static int add_fault(struct perf_log *log, const struct segmap_fault *fault)
{
	struct segmap_fault *items =
		make_room(log->faults, log->fault_count, &log->fault_room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	log->faults = items;
	items[log->fault_count++] = *fault;
	return 0;
}

int perf_log_add_happening(struct perf_log *log, const struct segmap_happening *happening)
{
	struct segmap_happening *items = make_room(log->happenings, log->happening_count,
						   &log->happening_room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	log->happenings = items;
	items[log->happening_count++] = *happening;
	return 0;
}

void perf_log_free(struct perf_log *log)
{
	for (size_t i = 0; i < log->happening_count; i++)
		free(log->happenings[i].region.name);
	free(log->happenings);
	free(log->faults);
	*log = (struct perf_log){0};
}

/* ---- records ---- */

/* One record: its header, and what follows. */
struct record {
	struct perf_event_header header;
	const char *body;
	size_t size; /* of the body; without the record_end, where there is one */
	struct record_end end;
};

static int take_sample(struct perf_log *log, const struct record *record)
{
	unsigned mode = record->header.misc & PERF_RECORD_MISC_CPUMODE_MASK;
	struct record_sample sample;

	if (record->size < sizeof(sample))
		return -EBADMSG;
	memcpy(&sample, record->body, sizeof(sample));
	const struct segmap_fault fault = {
		.time = sample.time,
		.addr = sample.addr,
		.ip = sample.ip,
		.pid = (pid_t)sample.pid,
		.tid = (pid_t)sample.tid,
		.kernel = mode == PERF_RECORD_MISC_KERNEL,
	};

	return add_fault(log, &fault);
}

static void set_perms(struct segmap_region *region, const struct record_mmap2 *mmap2)
{
	region->perms[0] = mmap2->prot & PROT_READ ? 'r' : '-';
	region->perms[1] = mmap2->prot & PROT_WRITE ? 'w' : '-';
	region->perms[2] = mmap2->prot & PROT_EXEC ? 'x' : '-';
	region->perms[3] = mmap2->flags & MAP_SHARED ? 's' : 'p';
}

static int take_mmap2(struct perf_log *log, const struct record *record)
{
	struct record_mmap2 mmap2;

	if (record->size < sizeof(mmap2))
		return -EBADMSG;
	memcpy(&mmap2, record->body, sizeof(mmap2));
	const char *name = record->body + sizeof(mmap2);
	size_t room = record->size - sizeof(mmap2), length = strnlen(name, room);
	struct segmap_happening happening = {
		.kind = SEGMAP_HAPPENED_MAP,
		.time = record->end.time,
		.pid = (pid_t)mmap2.pid,
		.tid = (pid_t)mmap2.tid,
		.region = {.start = mmap2.addr,
			   .end = mmap2.addr + mmap2.length,
			   .offset = mmap2.offset,
			   .major = mmap2.major,
			   .minor = mmap2.minor,
			   .inode = mmap2.inode},
	};

	set_perms(&happening.region, &mmap2);
	/* perf's name for what has none in /proc. */
	if (length >= 6 && memcmp(name, "//anon", 6) == 0)
		length = 0;
	happening.region.name = strndup(name, length);
	int r = happening.region.name ? perf_log_add_happening(log, &happening) : -ENOMEM;
	if (r < 0)
		free(happening.region.name);
	return r;
}

static int take_task(struct perf_log *log, const struct record *record)
{
	bool fork = record->header.type == PERF_RECORD_FORK;
	struct record_task task;

	if (record->size < sizeof(task))
		return -EBADMSG;
	memcpy(&task, record->body, sizeof(task));
	const struct segmap_happening happening = {
		.kind = fork ? SEGMAP_HAPPENED_FORK : SEGMAP_HAPPENED_EXIT,
		.time = task.time,
		.pid = (pid_t)task.pid,
		.tid = (pid_t)task.tid,
		.parent = (pid_t)task.parent,
	};

	return perf_log_add_happening(log, &happening);
}

static int take_comm(struct perf_log *log, const struct record *record)
{
	struct record_comm comm;

	if (record->size < sizeof(comm))
		return -EBADMSG;
	if (!(record->header.misc & PERF_RECORD_MISC_COMM_EXEC))
		return 0; /* only a new name */
	memcpy(&comm, record->body, sizeof(comm));
	const struct segmap_happening happening = {
		.kind = SEGMAP_HAPPENED_EXEC,
		.time = record->end.time,
		.pid = (pid_t)comm.pid,
		.tid = (pid_t)comm.tid,
	};

	return perf_log_add_happening(log, &happening);
}

static int take_lost(struct perf_log *log, const struct record *record)
{
	struct record_lost lost;

	if (record->size < sizeof(lost))
		return -EBADMSG;
	memcpy(&lost, record->body, sizeof(lost));
	log->lost += lost.lost;
	return 0;
}

static int take_record(struct perf_log *log, struct record *record)
{
	if (record->header.type == PERF_RECORD_SAMPLE)
		return take_sample(log, record);
	if (record->size < sizeof(record->end))
		return -EBADMSG;
	record->size -= sizeof(record->end);
	memcpy(&record->end, record->body + record->size, sizeof(record->end));
	switch (record->header.type) {
	case PERF_RECORD_MMAP2:
		return take_mmap2(log, record);
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return take_task(log, record);
	case PERF_RECORD_COMM:
		return take_comm(log, record);
	case PERF_RECORD_LOST:
		return take_lost(log, record);
	default:
		return 0;
	}
}

int perf_records_parse(struct perf_log *log, const void *data, size_t size)
{
	const char *at = data, *end = at + size;
	int r = 0;

	while (r == 0 && at < end) {
		struct record record = {0};
		size_t left = (size_t)(end - at);

		if (left < sizeof(record.header))
			return -EBADMSG;
		memcpy(&record.header, at, sizeof(record.header));
		if (record.header.size < sizeof(record.header) || record.header.size > left)
			return -EBADMSG;
		record.body = at + sizeof(record.header);
		record.size = record.header.size - sizeof(record.header);
		r = take_record(log, &record);
		at += record.header.size;
	}
	return r;
}
