/* Predictions beside what the witnesses say. */
#include "inside.h"

#include <errno.h>
#include <inttypes.h>
#include <segmap/process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- numbers and bytes ---- */

static const char *count_text(char text[LAB_TEXT], uint64_t count, const char *unit)
{
	snprintf(text, LAB_TEXT, "%" PRIu64 " %s%s", count, unit, count == 1 ? "" : "s");
	return text;
}

void lab_number(struct lab *lab, const char *what, enum lab_witness witness, long observed,
		long predicted)
{
	char a[LAB_TEXT], b[LAB_TEXT];

	snprintf(a, sizeof(a), "%ld", predicted);
	snprintf(b, sizeof(b), "%ld", observed);
	lab_add(lab, witness, what, a, b, NULL);
}

void lab_errno(struct lab *lab, const char *what, int observed, int predicted)
{
	lab_add(lab, LAB_KERNEL, what, predicted ? strerrorname_np(predicted) : "success",
		observed ? strerrorname_np(observed) : "success", NULL);
}

/* 'a', or \0 as it is written in C. */
static const char *byte_text(char text[LAB_TEXT], char byte)
{
	if (byte == '\0')
		snprintf(text, LAB_TEXT, "'\\0'");
	else if (byte > ' ' && byte < 0x7f)
		snprintf(text, LAB_TEXT, "'%c'", byte);
	else
		snprintf(text, LAB_TEXT, "0x%02x", (unsigned char)byte);
	return text;
}

static void add_byte(struct lab *lab, const char *what, char observed, char expected)
{
	char a[LAB_TEXT], b[LAB_TEXT];

	lab_add(lab, LAB_BYTES, what, byte_text(a, expected), byte_text(b, observed), NULL);
}

void lab_holds(struct lab *lab, const char *what, int file, off_t offset, char expected)
{
	char byte = 0;

	if (pread(file, &byte, 1, offset) != 1)
		lab_give_up(lab, "pread", errno);
	add_byte(lab, what, byte, expected);
}

/* cachestat(2) is of Linux 6.5, newer than many headers; these are its structures. */
void lab_dirty(struct lab *lab, const char *what, int file, uint64_t predicted)
{
	const long number = 451; /* of the call, on all CPUs */
	struct {
		uint64_t offset, length;
	} all = {0};
	struct {
		uint64_t cached, dirty, writeback, evicted, recently_evicted;
	} pages = {0};
	char a[LAB_TEXT], b[LAB_TEXT], why[LAB_REASON];
	long r = syscall(number, file, &all, &pages, 0);

	snprintf(why, sizeof(why), "cachestat: %s", strerror(errno));
	count_text(a, predicted, "page");
	lab_add(lab, LAB_CACHESTAT, what, a,
		r < 0 ? NULL : count_text(b, pages.dirty + pages.writeback, "page"), why);
}

/* ---- accesses ---- */

static void add_faults(struct lab *lab, const char *what, const struct lab_faults *seen,
		       unsigned faults)
{
	char a[LAB_TEXT], b[LAB_TEXT], why[LAB_REASON];

	count_text(a, faults, "fault");
	lab_add(lab, LAB_GETRUSAGE, what, a, count_text(b, seen->rusage, "fault"), NULL);
	snprintf(why, sizeof(why), "perf_event_open: %s", strerror(seen->perf_error));
	lab_add(lab, LAB_PERF, what, a,
		seen->perf_error ? NULL : count_text(b, seen->perf, "fault"), why);
}

void lab_read(struct lab *lab, const char *what, const char *addr, char expected,
	      unsigned faults)
{
	char byte = 0;
	struct lab_faults seen = lab_touch((char *)(uintptr_t)addr, false, &byte);

	add_byte(lab, what, byte, expected);
	add_faults(lab, what, &seen, faults);
}

void lab_write(struct lab *lab, const char *what, char *addr, char byte, unsigned faults)
{
	struct lab_faults seen = lab_touch(addr, true, &byte);

	add_faults(lab, what, &seen, faults);
}

/* It may die as anybody may: no core file, and no handler of a sanitizer. */
static void dies(struct lab *lab, const char *what, char *addr, bool write, int signal_number)
{
	const struct rlimit none = {0};
	char byte = 'x', text[LAB_TEXT], predicted[LAB_TEXT];
	int status;

	pid_t child = lab_need(lab, "fork", fork());
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(signal_number, SIG_DFL);
		lab_touch(addr, write, &byte);
		_exit(EXIT_SUCCESS);
	}
	lab_need(lab, "waitpid", waitpid(child, &status, 0));
	snprintf(predicted, sizeof(predicted), "SIG%s", sigabbrev_np(signal_number));
	snprintf(text, sizeof(text), "no signal");
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "SIG%s", sigabbrev_np(WTERMSIG(status)));
	lab_add(lab, LAB_KERNEL, what, predicted, text, NULL);
}

void lab_read_dies(struct lab *lab, const char *what, const char *addr, int signal_number)
{
	dies(lab, what, (char *)(uintptr_t)addr, false, signal_number);
}

void lab_write_dies(struct lab *lab, const char *what, char *addr, int signal_number)
{
	dies(lab, what, addr, true, signal_number);
}

/* ---- mappings ---- */

static void read_regions(struct lab *lab, struct segmap_regions *regions, pid_t pid)
{
	int r = segmap_regions_read(regions, pid, false);

	if (r < 0 || regions->error)
		lab_give_up(lab, "/proc/PID/maps", r < 0 ? -r : regions->error);
}

void lab_mapped(struct lab *lab, const char *what, pid_t pid, const char *addr, bool mapped)
{
	struct segmap_regions regions;

	read_regions(lab, &regions, pid);
	const struct segmap_region *found = segmap_regions_find(&regions, (uintptr_t)addr);
	lab_add(lab, LAB_MAPS, what, mapped ? "mapped" : "not mapped",
		found ? "mapped" : "not mapped", NULL);
	segmap_regions_free(&regions);
}

void lab_named(struct lab *lab, const char *what, const char *addr, const char *name)
{
	struct segmap_regions regions;

	read_regions(lab, &regions, getpid());
	const struct segmap_region *found = segmap_regions_find(&regions, (uintptr_t)addr);
	const char *seen = !found ? "not mapped" : *found->name ? found->name : "no file";
	lab_add(lab, LAB_MAPS, what, *name ? name : "no file", seen, NULL);
	segmap_regions_free(&regions);
}
