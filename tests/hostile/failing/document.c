/* docs/failing-calls.md: written by a run, and compared with one. */
#include "failing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char beginning[] =
	"# Failing calls\n"
	"\n"
	"What becomes of a load when one of its system calls fails. Written by `failing-calls "
	"--write`, which makes\n"
	"each call of several loads fail in turn, by segload and by a caller of the library, "
	"with each errno that the\n"
	"call's manual page has, and with ENOSYS and EPERM as a filter answers them. A test "
	"does the same and\n"
	"compares. `#` stands for a number or a path, and \"any\" for all of these errnos.\n"
	"\n"
	"- **status 125, 126, 127**: segload's status, with its message; the library returns "
	"the errno instead, and\n"
	"  its caller's mappings, descriptors, signals and heap are as before.\n"
	"- **runs**: the program runs, and is as it is after any other load, but for what is "
	"named.\n"
	"- **SIGSEGV**: the process dies as in execve after its point of no return; the line "
	"is the last on standard\n"
	"  error, behind `segmap: NAME: killed after the point of no return:`.\n"
	"\n"
	"`malloc` is no system call; libc's allocator is made to fail in the same way.\n";

static const char *const titles[] = {
	[BEFORE] = "Before the point of no return",
	[AFTER] = "After it",
};

void rows_add(struct rows *rows, enum phase phase, const char *call, int errnum,
	      const char *outcome)
{
	struct row row = {.phase = phase, .call = call, .errnum = errnum};

	snprintf(row.outcome, sizeof(row.outcome), "%s", outcome);
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->list[i];

		if (r->phase == phase && r->errnum == errnum && strcmp(r->call, call) == 0 &&
		    strcmp(r->outcome, row.outcome) == 0)
			return;
	}
	if (rows->count == rows->room) {
		rows->room = rows->room ? 2 * rows->room : 256;
		rows->list = reallocarray(rows->list, rows->room, sizeof(row));
		if (!rows->list)
			abort();
	}
	rows->list[rows->count++] = row;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = (int)x->phase - (int)y->phase;

	if (r == 0)
		r = strcmp(x->call, y->call);
	if (r == 0)
		r = strcmp(x->outcome, y->outcome);
	return r ? r : strcmp(strerrorname_np(x->errnum), strerrorname_np(y->errnum));
}

static bool same_but_errno(const struct row *a, const struct row *b)
{
	return a->phase == b->phase && strcmp(a->call, b->call) == 0 &&
	       strcmp(a->outcome, b->outcome) == 0;
}

/* The rows from FIRST on that have one outcome, as one line; returns how many they are. */
static size_t write_line(FILE *file, const struct rows *rows, size_t first)
{
	const struct row *row = &rows->list[first];
	int all[64];
	size_t n = 1;

	while (first + n < rows->count && same_but_errno(row, &row[n]))
		n++;
	fprintf(file, "| %s | ", row->call);
	if (n == call_errnos_by_name(row->call, all) && n > 1)
		fputs("any", file);
	else
		for (size_t i = 0; i < n; i++)
			fprintf(file, "%s%s", i ? " " : "", strerrorname_np(row[i].errnum));
	fprintf(file, " | %s |\n", row->outcome);
	return n;
}

/* What rows that are only sometimes missed depend on. */
static void describe_machine(char *text, size_t size)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	snprintf(text, size, "Made on Linux %d.%d, by %s.", major, minor,
		 geteuid() == 0 ? "root" : "a user");
}

int rows_write(struct rows *rows, const char *path)
{
	FILE *file = fopen(path, "we");
	char machine[64];

	if (!file) {
		perror(path);
		return 1;
	}
	qsort(rows->list, rows->count, sizeof(*rows->list), compare);
	describe_machine(machine, sizeof(machine));
	fprintf(file, "%s\n%s\n", beginning, machine);
	for (size_t i = 0; i < rows->count;) {
		if (i == 0 || rows->list[i].phase != rows->list[i - 1].phase)
			fprintf(file, "\n## %s\n\n| call | errno | outcome |\n|---|---|---|\n",
				titles[rows->list[i].phase]);
		i += write_line(file, rows, i);
	}
	return fclose(file) == 0 ? 0 : 1;
}

/* ---- reading it again ---- */

static int errno_of(const char *name)
{
	for (int i = 1; i < 256; i++)
		if (strerrorname_np(i) && strcmp(strerrorname_np(i), name) == 0)
			return i;
	return 0;
}

static void add_line(struct rows *rows, enum phase phase, char *line)
{
	char *save = NULL, *call = strtok_r(line, "|", &save);
	char *errnos = strtok_r(NULL, "|", &save), *outcome = strtok_r(NULL, "|\n", &save);

	if (!call || !errnos || !outcome || outcome[0] != ' ')
		return;
	call = strdup(strtok(call, " "));
	outcome[strlen(outcome) - 1] = '\0'; /* the blank before the last bar */
	for (char *e = strtok_r(errnos, " ", &save); e; e = strtok_r(NULL, " ", &save)) {
		int all[64];
		size_t n = strcmp(e, "any") == 0 ? call_errnos_by_name(call, all) : 0;

		for (size_t i = 0; i < n; i++)
			rows_add(rows, phase, call, all[i], outcome + 1);
		if (n == 0)
			rows_add(rows, phase, call, errno_of(e), outcome + 1);
	}
}

static bool read_document(struct rows *rows, const char *path, bool *same_machine)
{
	FILE *file = fopen(path, "re");
	char line[512], machine[64];
	enum phase phase = BEFORE;

	if (!file) {
		perror(path);
		return false;
	}
	describe_machine(machine, sizeof(machine));
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, machine, strlen(machine)) == 0)
			*same_machine = true;
		if (strncmp(line, "## ", 3) == 0)
			phase = strstr(line, titles[BEFORE]) ? BEFORE : AFTER;
		if (strncmp(line, "| call", 6) != 0 && strncmp(line, "| ", 2) == 0)
			add_line(rows, phase, line);
	}
	fclose(file);
	return true;
}

static bool has_row(const struct rows *rows, const struct row *row)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->list[i].errnum == row->errnum && same_but_errno(&rows->list[i], row))
			return true;
	return false;
}

static int print_missing(const struct rows *from, const struct rows *in, const char *where)
{
	int missing = 0;

	for (size_t i = 0; i < from->count; i++) {
		const struct row *r = &from->list[i];

		if (has_row(in, r))
			continue;
		missing++;
		printf("# %s: %s | %s | %s | %s\n", where, titles[r->phase], r->call,
		       strerrorname_np(r->errnum), r->outcome);
	}
	return missing;
}

int rows_compare(const struct rows *rows, const char *path, bool all)
{
	struct rows document = {0};
	bool same_machine = false;

	if (!read_document(&document, path, &same_machine))
		return 1;
	int missing = print_missing(rows, &document, "not in the document");
	if (all && same_machine)
		missing += print_missing(&document, rows, "only in the document");
	free(document.list);
	return missing;
}
