/*
 * Records of perf_event_open(2): bytes in, events out. A pure function over bytes that need not
 * be good: whoever has damaged records gets what is whole in them, and an error.
 */
#ifndef OBSERVE_PERF_RECORDS_H
#define OBSERVE_PERF_RECORDS_H

#include <segmap/faults.h>

struct perf_event_attr;

/* What records were turned into, in their order. */
struct perf_log {
	struct segmap_fault *faults; /* owned */
	size_t fault_count, fault_room;
	struct segmap_happening *happenings; /* owned, their names too */
	size_t happening_count, happening_room;
	uint64_t lost; /* sum of the PERF_RECORD_LOST */
};

/* Sets those parts of ATTR that perf_records_parse relies on. */
void perf_records_want(struct perf_event_attr *attr);

/*
 * Appends to LOG what is in SIZE bytes at DATA, which need not be aligned. Records of other
 * types are passed over. Returns 0; -EBADMSG if a record is shorter than its type, or longer
 * than the bytes that are left: all before it is in LOG; or -ENOMEM.
 */
int perf_records_parse(struct perf_log *log, const void *data, size_t size);

/* Appends a copy; the region's name belongs to LOG then. Returns 0 or -ENOMEM. */
int perf_log_add_happening(struct perf_log *log, const struct segmap_happening *happening);

void perf_log_free(struct perf_log *log);

#endif
