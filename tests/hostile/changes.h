/* What can happen to a file under the hands of who loads it. */
#ifndef TESTS_CHANGES_H
#define TESTS_CHANGES_H

#include <stddef.h>

enum change {
	TRUNCATED,  /* to nothing */
	CUT,        /* within its last page */
	GROWN,      /* bytes are added at the end */
	REWRITTEN,  /* in place, with the bytes of another program */
	TOUCHED_UP, /* one byte is written, the size stays */
	REPLACED,   /* another program is renamed over it */
	REMOVED,
	FORBIDDEN, /* mode 0 */
	CHANGES,
};

extern const char *const change_names[CHANGES];

/* May a load go on after it, since the file that was opened is still what it was? */
extern const int change_is_harmless[CHANGES];

/* Makes the directory that the files are in, for USER (or SAME_USER), and enters it. */
void changes_begin(unsigned user);
void changes_end(void);

/* The file NAME, a copy of testdata's PROGRAM, as if it had been there for a long time. */
void make_old_copy(const char *name, const char *program);
void make_old(const char *name);

/* Does it to the file NAME; OTHER is the program to replace it by. False with errno. */
int change_file(enum change change, const char *name, const char *other);

#endif
