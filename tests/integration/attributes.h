/* The rows of exec.md 3.1: how a process is prepared, and what must be seen after a load. */
#ifndef TESTS_ATTRIBUTES_H
#define TESTS_ATTRIBUTES_H

#include "trial.h"

struct row {
	const char *name;
	void (*prepare)(const void *data);
	const void *data;
	const char *program; /* of testdata; NULL for show-attributes */
	const char *seen[5]; /* beginnings of lines, inside or outside, by every way */
	bool aside;          /* see struct trial; and a small environment */
	bool random; /* addresses are, so how many pages of the stack are touched is too */
};

/* What anybody can set, and what only root can. */
extern const struct row signal_rows[], process_rows[], memory_rows[], root_rows[];
extern const size_t signal_row_count, process_row_count, memory_row_count, root_row_count;

/* Loads ROW's program in all three ways, as USER, and compares what is seen. */
void check_row(const struct row *row, uid_t user);

/* The same for a file that has been made: PATH instead of the row's program. */
void check_row_at(const struct row *row, const char *path, uid_t user);

#endif
