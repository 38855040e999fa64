/* Descriptors, and the files of /proc/PID, field by field. */
#include "../self.h"
#include "facts.h"

#include <segmap/plan.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const stat_names[] = {
	/* the numbers are those of proc(5) */
	[1] = "pid",          [2] = "comm",         [3] = "state",
	[4] = "ppid",         [5] = "pgrp",         [6] = "session",
	[7] = "tty_nr",       [8] = "tpgid",        [9] = "flags",
	[10] = "minflt",      [11] = "cminflt",     [12] = "majflt",
	[13] = "cmajflt",     [14] = "utime",       [15] = "stime",
	[16] = "cutime",      [17] = "cstime",      [18] = "priority",
	[19] = "nice",        [20] = "num_threads", [21] = "itrealvalue",
	[22] = "starttime",   [23] = "vsize",       [24] = "rss",
	[25] = "rsslim",      [26] = "startcode",   [27] = "endcode",
	[28] = "startstack",  [29] = "kstkesp",     [30] = "kstkeip",
	[31] = "signal",      [32] = "blocked",     [33] = "sigignore",
	[34] = "sigcatch",    [35] = "wchan",       [36] = "nswap",
	[37] = "cnswap",      [38] = "exit_signal", [39] = "processor",
	[40] = "rt_priority", [41] = "policy",      [42] = "delayacct_blkio_ticks",
	[43] = "guest_time",  [44] = "cguest_time", [45] = "start_data",
	[46] = "end_data",    [47] = "start_brk",   [48] = "arg_start",
	[49] = "arg_end",     [50] = "env_start",   [51] = "env_end",
	[52] = "exit_code",
};

enum { STAT_FIELDS = sizeof(stat_names) / sizeof(stat_names[0]) };

static bool stat_is_address(int number)
{
	return (number >= 26 && number <= 30) || (number >= 45 && number <= 51);
}

/* The text behind the name, which may itself have blanks and parentheses: field 3. */
static const char *stat_rest(const struct segmap_process *process)
{
	const struct segmap_bytes *stat = &process->proc[SEGMAP_PROC_STAT];
	const char *end = stat->data ? memrchr(stat->data, ')', stat->size) : NULL;

	return end && end[1] ? end + 2 : NULL;
}

uint64_t stat_field(const struct segmap_process *process, int number)
{
	const char *p = stat_rest(process);

	for (int i = 3; p && i < number; i++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

/* What validate_prctl_map_addr() of the kernel refuses, which execve itself may well make. */
static bool is_refused(const struct segmap_process *process)
{
	static const int fields[] = {26, 27, 45, 46, 47, 28, 48, 49, 50, 51};
	const uint64_t lowest = 65536; /* the usual mmap_min_addr */
	struct segmap_rules rules;

	segmap_rules_native(&rules, (uint64_t)sysconf(_SC_PAGESIZE));
	self_reach(&rules);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint64_t addr = stat_field(process, fields[i]);

		if (addr < lowest || addr >= rules.task_size)
			return true;
	}
	return stat_field(process, 26) >= stat_field(process, 27) ||
	       stat_field(process, 45) > stat_field(process, 46);
}

static void about_stat(struct facts *facts, const struct segmap_process *process,
		       const struct roles *roles)
{
	const char *p = stat_rest(process);
	char value[ROLE_SIZE], name[24];

	facts->layout_refused = is_refused(process);
	for (int i = 3; p && *p && *p != '\n'; i++) {
		size_t length = strcspn(p, " \n");

		if (stat_is_address(i))
			role_of(roles, strtoull(p, NULL, 10), value);
		else
			snprintf(value, sizeof(value), "%.*s", (int)length, p);
		snprintf(name, sizeof(name), "%d", i);
		facts_add(facts, value, "stat %s", i < STAT_FIELDS ? stat_names[i] : name);
		p += length + (p[length] == ' ');
	}
}

static void about_statm(struct facts *facts, const struct segmap_process *process)
{
	static const char *const names[] = {"size", "resident", "shared", "text",
					    "lib",  "data",     "dt"};
	char *copy = strdup(process->proc[SEGMAP_PROC_STATM].data), *save = NULL, *field;

	if (!copy) {
		facts->failed = true;
		return;
	}
	field = strtok_r(copy, " \n", &save);
	for (size_t i = 0; field && i < sizeof(names) / sizeof(names[0]); i++) {
		facts_add(facts, field, "statm %s", names[i]);
		field = strtok_r(NULL, " \n", &save);
	}
	free(copy);
}

/* "Umask:\t0022" in status; "Max open files  1024  4096  files" in limits. */
static void about_lines(struct facts *facts, const struct segmap_bytes *bytes, const char *what,
			const char *separator)
{
	char *copy = strdup(bytes->data), *save = NULL;

	if (!copy) {
		facts->failed = true;
		return;
	}
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *rest = strstr(line, separator);
		char *value = rest ? rest + strlen(separator) : line + strlen(line);
		size_t name = rest ? (size_t)(rest - line) : strlen(line);

		value += strspn(value, " \t");
		size_t length = strlen(value);
		while (length && value[length - 1] == ' ')
			value[--length] = '\0';
		facts_add(facts, value, "%s %.*s", what, (int)name, line);
	}
	free(copy);
}

/* The strings of cmdline, by number. */
static void about_cmdline(struct facts *facts, const struct segmap_bytes *bytes)
{
	char name[32], count[24];
	size_t n = 0;

	for (size_t at = 0; at < bytes->size; at += strlen(bytes->data + at) + 1) {
		const char *string = bytes->data + at;

		snprintf(name, sizeof(name), "cmdline[%zu]", n++);
		facts_add_bytes(facts, string, strlen(string), name);
	}
	snprintf(count, sizeof(count), "%zu bytes", bytes->size);
	facts_add(facts, count, "cmdline size");
}

/* The strings of environ, by the variable's name. */
static void about_environ(struct facts *facts, const struct segmap_bytes *bytes)
{
	char name[96], count[24];

	for (size_t at = 0; at < bytes->size; at += strlen(bytes->data + at) + 1) {
		const char *string = bytes->data + at;
		size_t length = strcspn(string, "=");

		if (!*string) /* of these there can be thousands; the size tells of them */
			continue;
		snprintf(name, sizeof(name), "environ %.*s", (int)(length < 64 ? length : 64),
			 string);
		string += length + (string[length] == '=');
		facts_add_bytes(facts, string, strlen(string), name);
	}
	snprintf(count, sizeof(count), "%zu bytes", bytes->size);
	facts_add(facts, count, "environ size");
}

static void about_file(struct facts *facts, const struct segmap_process *process,
		       enum segmap_proc proc, const struct roles *roles)
{
	const struct segmap_bytes *bytes = &process->proc[proc];
	const char *name = segmap_proc_name(proc);

	if (bytes->error) {
		facts_add_unknown(facts, bytes->error, "%s", name);
		return;
	}
	switch (proc) {
	case SEGMAP_PROC_AUXV: /* has its own function */
		return;
	case SEGMAP_PROC_CMDLINE:
		about_cmdline(facts, bytes);
		return;
	case SEGMAP_PROC_ENVIRON:
		about_environ(facts, bytes);
		return;
	case SEGMAP_PROC_STAT:
		about_stat(facts, process, roles);
		return;
	case SEGMAP_PROC_STATM:
		about_statm(facts, process);
		return;
	case SEGMAP_PROC_STATUS:
		about_lines(facts, bytes, name, ":");
		return;
	case SEGMAP_PROC_LIMITS:
		about_lines(facts, bytes, name, "  ");
		return;
	default:
		facts_add_bytes(facts, bytes->data,
				bytes->size -
					(bytes->size && bytes->data[bytes->size - 1] == '\n'),
				name);
	}
}

void facts_about_files(struct facts *facts, const struct segmap_process *process,
		       const struct roles *roles)
{
	for (int i = 0; i < SEGMAP_PROC_COUNT; i++)
		about_file(facts, process, (enum segmap_proc)i, roles);
}

void facts_about_descriptors(struct facts *facts, const struct segmap_process *process)
{
	if (process->descriptors_error) {
		facts_add_unknown(facts, process->descriptors_error, "fd");
		return;
	}
	for (size_t i = 0; i < process->descriptor_count; i++) {
		const struct segmap_descriptor *fd = &process->descriptors[i];
		char flags[32];

		if (fd->error) {
			facts_add_unknown(facts, fd->error, "fd %d", fd->number);
			continue;
		}
		snprintf(flags, sizeof(flags), "0%o", fd->flags);
		facts_add(facts, fd->target, "fd %d", fd->number);
		facts_add(facts, flags, "fd %d flags", fd->number);
	}
}
