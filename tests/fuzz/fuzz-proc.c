/* SPDX-License-Identifier: MIT */
/*
 * What the observer reads of another process is input too: its parsers. The first byte chooses
 * one by its letter, the rest is the file. A new parser is a function and a line in the table.
 */
#include "target.h"

#include "observe/facts.h"
#include "observe/perf_records.h"
#include "observe/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *copy_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static void check_regions(const struct segmap_regions *regions)
{
	const struct roles roles = {.regions = regions, .sp = 0x7ffffffde000};
	struct facts facts = {0};
	char role[ROLE_SIZE], label[LABEL_SIZE];

	for (size_t i = 0; i < regions->count; i++) {
		MUST(regions->items[i].name && strlen(regions->items[i].perms) < 5);
		MUST(role_of(&roles, regions->items[i].start, role)[0]);
		MUST(region_label(regions, i, label)[0]);
	}
	facts_about_regions(&facts, regions, &roles);
	MUST(!facts.failed);
	facts_free(&facts);
}

static void parse_regions(const uint8_t *data, size_t size)
{
	struct segmap_regions regions = {0};
	char *text = copy_of(data, size);
	int r = regions_parse(&regions, text);

	MUST(r == 0 || r == -EPROTO);
	if (regions.count < 64) /* naming one region looks at all before it */
		check_regions(&regions);
	segmap_regions_free(&regions);
	free(text);
}

/* A process of which only one file could be read, and two mappings. */
static void init_process(struct segmap_process *process, struct segmap_region regions[2])
{
	static char name[] = "/bin/program", stack[] = "[stack]";

	memset(process, 0, sizeof(*process));
	for (int i = 0; i < SEGMAP_PROC_COUNT; i++)
		process->proc[i].error = ENOENT;
	process->stack.error = process->xstate.error = ENOENT;
	regions[0] = (struct segmap_region){
		.start = 0x400000, .end = 0x402000, .inode = 1, .perms = "r-xp", .name = name};
	regions[1] = (struct segmap_region){
		.start = 0x7ffffffde000, .end = 0x7ffffffff000, .perms = "rw-p", .name = stack};
	process->regions.items = regions;
	process->regions.count = 2;
	process->sp = 0x7fffffffe000;
}

static void check_facts(struct facts *facts)
{
	MUST(!facts->failed);
	for (size_t i = 0; i < facts->count; i++) {
		MUST(facts->items[i].what && facts->items[i].what[0]);
		MUST((facts->items[i].value != NULL) != (facts->items[i].why != NULL));
	}
	facts_free(facts);
}

static void parse_file(enum segmap_proc proc, const uint8_t *data, size_t size)
{
	struct segmap_region regions[2];
	struct segmap_process process;
	struct facts facts = {0};

	init_process(&process, regions);
	const struct roles roles = {.regions = &process.regions, .sp = process.sp};
	process.proc[proc] = (struct segmap_bytes){.data = copy_of(data, size), .size = size};
	facts_about_files(&facts, &process, &roles);
	if (proc == SEGMAP_PROC_AUXV)
		facts_about_auxv(&facts, &process, &roles);
	check_facts(&facts);
	free(process.proc[proc].data);
}

static void parse_auxv(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_AUXV, data, size);
}

static void parse_cmdline(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_CMDLINE, data, size);
}

static void parse_environ(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_ENVIRON, data, size);
}

static void parse_limits(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_LIMITS, data, size);
}

static void parse_stat(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_STAT, data, size);
}

static void parse_statm(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_STATM, data, size);
}

static void parse_status(const uint8_t *data, size_t size)
{
	parse_file(SEGMAP_PROC_STATUS, data, size);
}

/* The bytes from the stack pointer to the stack's end. */
static void parse_stack(const uint8_t *data, size_t size)
{
	struct segmap_region regions[2];
	struct segmap_process process;
	struct facts facts = {0};

	init_process(&process, regions);
	const struct roles roles = {.regions = &process.regions, .sp = process.sp};
	process.stack = (struct segmap_bytes){.data = copy_of(data, size), .size = size};
	process.stack_addr = process.sp;
	facts_about_stack(&facts, &process, &roles);
	check_facts(&facts);
	free(process.stack.data);
}

/* Records as a ring of perf events has them; in memory that ends where they do. */
static void parse_records(const uint8_t *data, size_t size)
{
	struct perf_log log = {0};
	void *copy = malloc(size ? size : 1);

	MUST(copy);
	memcpy(copy, data, size);
	int r = perf_records_parse(&log, copy, size);
	MUST(r == 0 || r == -EBADMSG);
	for (size_t i = 0; i < log.happening_count; i++)
		if (log.happenings[i].region.name)
			MUST(strlen(log.happenings[i].region.name) < size);
	perf_log_free(&log);
	free(copy);
}

static const struct {
	char letter;
	void (*parse)(const uint8_t *data, size_t size);
} parsers[] = {
	{'r', parse_regions}, {'a', parse_auxv},    {'c', parse_cmdline}, {'e', parse_environ},
	{'l', parse_limits},  {'t', parse_stat},    {'m', parse_statm},   {'s', parse_status},
	{'k', parse_stack},   {'p', parse_records},
};

enum { PARSERS = sizeof(parsers) / sizeof(parsers[0]) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	for (size_t i = 0; i < PARSERS; i++)
		if (parsers[i].letter == (char)data[0])
			parsers[i].parse(data + 1, size - 1);
	return 0;
}
