/*
 * Each system call of a load made to fail, one in each run, with each errno that it documents:
 * what becomes of the load is a row of docs/failing-calls.md.
 */
#ifndef FAILING_H
#define FAILING_H

#include <segmap/compare.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STEPS_MAX = 1024, /* system calls of one load */
	OUTCOME = 160,    /* bytes of an outcome in words */
};

/* ---- calls.c: what a system call can answer ---- */

/* Its name, "call 123" if it is not in the table. */
const char *call_name(long number);

/* Fills ERRNOS with those that its manual page has, and with what a filter answers; returns how
 * many. 0 if the call is not in the table: that must be put right. */
size_t call_errnos(long number, int errnos[64]);

/* The same by name; "malloc" is one too. */
size_t call_errnos_by_name(const char *name, int errnos[64]);

/* ---- trace.c: a load under ptrace ---- */

enum phase { BEFORE, AFTER }; /* the point of no return */

struct load {
	const char *name;
	char *const *argv;
	const char *input; /* its standard input, or NULL for /dev/null */
	bool caller;   /* caller.c: stops where the load begins, and where it has come back */
	bool as_other; /* its real user id is another one: AT_SECURE */
};

/* How a load goes if nothing fails: its calls, where those of START to END are the load's, and
 * where the program's code is when it makes its first one. */
struct reference {
	long numbers[STEPS_MAX];
	enum phase phases[STEPS_MAX];
	size_t start, end, count;
	uint64_t text_start, text_end;
	/* twice: what differs here is no measure */
	struct segmap_observation seen[2];
};

/* Runs LOAD without a failure. Returns 0, or -1 after a message. Given to reference_free. */
int reference_take(struct reference *reference, const struct load *load);
void reference_free(struct reference *reference);

#define NO_CALL SIZE_MAX

/* Runs LOAD with its call INDEX, or none, failing with ERRNUM. The observation is the caller's,
 * to be given to segmap_observation_free; BEGAN tells whether the program has. Returns 0, or -1
 * after a message. */
int load_with_failure(struct segmap_observation *end, const struct load *load,
		      const struct reference *reference, size_t index, int errnum);

/* ---- outcome.c: what has become of it ---- */

/* Writes it to TEXT in words without numbers. False if it is none of those that may be. */
bool outcome_describe(char text[OUTCOME], const struct reference *reference,
		      const struct segmap_observation *end, enum phase phase, int errnum);

/* ---- document.c: the rows of docs/failing-calls.md ---- */

struct row {
	enum phase phase;
	const char *call; /* in static memory */
	int errnum;
	char outcome[OUTCOME];
};

struct rows {
	struct row *list;
	size_t count, room;
};

void rows_add(struct rows *rows, enum phase phase, const char *call, int errnum,
	      const char *outcome);

/* Writes the document to the file PATH, or compares it with ROWS: prints each row that is only
 * on one side, and returns how many there are. Rows of the document are not missed if not ALL
 * was tried, nor on another kernel than the document's or as another user. */
int rows_write(struct rows *rows, const char *path);
int rows_compare(const struct rows *rows, const char *path, bool all);

#endif
