/* Records of perf events, from literal bytes: whole ones, damaged ones, and ones cut short. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "observe/perf_records.h"

/* Records that are put one after the other. */
struct bytes {
	unsigned char data[1024];
	size_t size;
};

static void put(struct bytes *b, const void *data, size_t size)
{
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void put64(struct bytes *b, uint64_t value)
{
	put(b, &value, sizeof(value));
}

static void put32(struct bytes *b, uint32_t first, uint32_t second)
{
	put(b, &first, sizeof(first));
	put(b, &second, sizeof(second));
}

/* Where the record begins, for end_record. */
static size_t begin_record(struct bytes *b, uint32_t type, uint16_t misc)
{
	const struct perf_event_header header = {.type = type, .misc = misc};
	size_t at = b->size;

	put(b, &header, sizeof(header));
	return at;
}

static void end_record(struct bytes *b, size_t at)
{
	uint16_t size = (uint16_t)(b->size - at);

	memcpy(b->data + at + offsetof(struct perf_event_header, size), &size, sizeof(size));
}

static void put_sample(struct bytes *b, uint16_t misc, uint64_t addr)
{
	size_t at = begin_record(b, PERF_RECORD_SAMPLE, misc);

	put64(b, 0x401000);
	put32(b, 10, 11);
	put64(b, 5000);
	put64(b, addr);
	end_record(b, at);
}

/* The trailer of all but samples: pid, tid, time. */
static void put_end(struct bytes *b, size_t at, uint64_t time)
{
	put32(b, 10, 11);
	put64(b, time);
	end_record(b, at);
}

static void put_mmap2(struct bytes *b, uint32_t prot, uint32_t flags, const char *name)
{
	char padded[32] = {0};
	size_t at = begin_record(b, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);

	strncpy(padded, name, sizeof(padded) - 1);
	put32(b, 10, 11);
	put64(b, 0x400000);
	put64(b, 0x3000);
	put64(b, 0x1000);
	put32(b, 8, 1);
	put64(b, 77);
	put64(b, 0);
	put32(b, prot, flags);
	put(b, padded, sizeof(padded));
	put_end(b, at, 6000);
}

static void put_task(struct bytes *b, uint32_t type)
{
	size_t at = begin_record(b, type, 0);

	put32(b, 20, 10);
	put32(b, 21, 11);
	put64(b, 7000);
	put_end(b, at, 7000);
}

static void put_comm(struct bytes *b, uint16_t misc)
{
	size_t at = begin_record(b, PERF_RECORD_COMM, misc);

	put32(b, 10, 11);
	put(b, "name\0\0\0", 8);
	put_end(b, at, 8000);
}

static void put_lost(struct bytes *b, uint64_t lost)
{
	size_t at = begin_record(b, PERF_RECORD_LOST, 0);

	put64(b, 1);
	put64(b, lost);
	put_end(b, at, 9000);
}

static void put_all(struct bytes *b)
{
	put_sample(b, PERF_RECORD_MISC_USER, 0x402010);
	put_mmap2(b, PROT_READ | PROT_EXEC, MAP_PRIVATE, "/bin/x");
	put_task(b, PERF_RECORD_FORK);
	put_comm(b, PERF_RECORD_MISC_COMM_EXEC);
	put_lost(b, 3);
	put_sample(b, PERF_RECORD_MISC_KERNEL, 0x403020);
}

Test(perf_records, samples)
{
	struct bytes b = {0};
	struct perf_log log = {0};

	put_sample(&b, PERF_RECORD_MISC_USER, 0x402010);
	put_sample(&b, PERF_RECORD_MISC_KERNEL, 0x403020);
	cr_assert_eq(perf_records_parse(&log, b.data, b.size), 0);
	cr_assert_eq(log.fault_count, 2);
	cr_assert_eq(log.faults[0].addr, 0x402010);
	cr_assert_eq(log.faults[0].ip, 0x401000);
	cr_assert_eq(log.faults[0].time, 5000);
	cr_assert_eq(log.faults[0].pid, 10);
	cr_assert_eq(log.faults[0].tid, 11);
	cr_assert(!log.faults[0].kernel);
	cr_assert(log.faults[1].kernel);
	perf_log_free(&log);
}

struct mapping_case {
	uint32_t prot, flags;
	const char *name, *perms, *want;
};

Test(perf_records, mappings)
{
	static const struct mapping_case cases[] = {
		{PROT_READ | PROT_EXEC, MAP_PRIVATE, "/bin/x", "r-xp", "/bin/x"},
		{PROT_READ | PROT_WRITE, MAP_SHARED, "/tmp/f", "rw-s", "/tmp/f"},
		{PROT_NONE, MAP_PRIVATE, "//anon", "---p", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes b = {0};
		struct perf_log log = {0};

		put_mmap2(&b, cases[i].prot, cases[i].flags, cases[i].name);
		cr_assert_eq(perf_records_parse(&log, b.data, b.size), 0);
		cr_assert_eq(log.happening_count, 1);
		const struct segmap_happening *h = &log.happenings[0];
		cr_expect_eq(h->kind, SEGMAP_HAPPENED_MAP);
		cr_expect_eq(h->time, 6000);
		cr_expect_eq(h->region.start, 0x400000);
		cr_expect_eq(h->region.end, 0x403000);
		cr_expect_eq(h->region.offset, 0x1000);
		cr_expect_eq(h->region.inode, 77);
		cr_expect_str_eq(h->region.perms, cases[i].perms, "%zu", i);
		cr_expect_str_eq(h->region.name, cases[i].want, "%zu", i);
		perf_log_free(&log);
	}
}

Test(perf_records, tasks_and_execs)
{
	struct bytes b = {0};
	struct perf_log log = {0};

	put_task(&b, PERF_RECORD_FORK);
	put_task(&b, PERF_RECORD_EXIT);
	put_comm(&b, PERF_RECORD_MISC_COMM_EXEC);
	put_comm(&b, 0); /* only a new name */
	cr_assert_eq(perf_records_parse(&log, b.data, b.size), 0);
	cr_assert_eq(log.happening_count, 3);
	cr_assert_eq(log.happenings[0].kind, SEGMAP_HAPPENED_FORK);
	cr_assert_eq(log.happenings[0].pid, 20);
	cr_assert_eq(log.happenings[0].tid, 21);
	cr_assert_eq(log.happenings[0].parent, 10);
	cr_assert_eq(log.happenings[1].kind, SEGMAP_HAPPENED_EXIT);
	cr_assert_eq(log.happenings[2].kind, SEGMAP_HAPPENED_EXEC);
	cr_assert_eq(log.happenings[2].time, 8000);
	perf_log_free(&log);
}

Test(perf_records, lost_ones_are_summed)
{
	struct bytes b = {0};
	struct perf_log log = {0};

	put_lost(&b, 3);
	put_lost(&b, 4);
	cr_assert_eq(perf_records_parse(&log, b.data, b.size), 0);
	cr_assert_eq(log.lost, 7);
	perf_log_free(&log);
}

Test(perf_records, others_are_passed_over)
{
	struct bytes b = {0};
	struct perf_log log = {0};
	size_t at = begin_record(&b, PERF_RECORD_THROTTLE, 0);

	put64(&b, 1);
	put_end(&b, at, 1);
	at = begin_record(&b, 0xffff, 0);
	put_end(&b, at, 1);
	put_sample(&b, PERF_RECORD_MISC_USER, 1);
	cr_assert_eq(perf_records_parse(&log, b.data, b.size), 0);
	cr_assert_eq(log.fault_count, 1);
	perf_log_free(&log);
}

/* Every prefix: what is whole in it is taken, and what is not is told. Each in a block of its
 * own size, so that a sanitizer sees a step beyond it. */
Test(perf_records, cut_short_anywhere)
{
	struct bytes b = {0};
	size_t whole = 0;

	put_all(&b);
	for (size_t size = 0; size <= b.size; size++) {
		unsigned char *copy = malloc(size + !size);
		struct perf_log log = {0};

		memcpy(copy, b.data, size);
		int r = perf_records_parse(&log, copy, size);
		cr_expect(r == 0 || r == -EBADMSG, "%zu bytes: %d", size, r);
		cr_expect(r == 0 || size < b.size);
		whole += r == 0;
		perf_log_free(&log);
		free(copy);
	}
	cr_expect_eq(whole, 7, "at the 6 ends of records, and with none: %zu", whole);
}

/* Every size that a header can claim, from none to beyond the end. */
Test(perf_records, sizes_that_lie)
{
	struct bytes b = {0};

	put_all(&b);
	for (uint16_t size = 0; size < 200; size++) {
		struct perf_log log = {0};

		memcpy(b.data + offsetof(struct perf_event_header, size), &size, sizeof(size));
		int r = perf_records_parse(&log, b.data, b.size);
		cr_expect(r == 0 || r == -EBADMSG, "%u: %d", size, r);
		cr_expect(size >= 40 || r == -EBADMSG, "%u is less than a sample has", size);
		perf_log_free(&log);
	}
}
