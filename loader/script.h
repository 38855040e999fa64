/* Files that begin with "#!": which program interprets them, and with which arguments. */
#ifndef LOADER_SCRIPT_H
#define LOADER_SCRIPT_H

#include <segmap/image.h>

enum {
	SCRIPT_DEPTH_MAX = 5, /* scripts that interpret scripts; exec_binprm() */
};

/* The arguments that a script's interpreter gets, made from those of the script. */
struct segmap_script {
	char *lines[SCRIPT_DEPTH_MAX +
		    1]; /* owned; first bytes of each file, cut into strings */
	int depth;      /* how many there are */
	char **argv; /* owned, the strings are not; ended by NULL; NULL if there was no script
		      */
};

/*
 * Opens PATH, or takes the descriptor FD if that is not -1, for execution, and follows "#!"
 * lines to the program that is to be mapped. PATH is how the interpreter is told to find the
 * script. *ARGV, at first the arguments of PATH, is what the program gets; SCRIPT owns it, if
 * it changes. On success *PROGRAM is the caller's. Errors: those of segmap_image_open for every
 * file on the way; -ELOOP after too many; -ENOENT for a script through a descriptor that exec
 * closes.
 */
int segmap_script_follow(struct segmap_script *script, struct segmap_image **program,
			 const char *path, int fd, const char *name, char *const **argv,
			 struct segmap_error *err);

void segmap_script_free(struct segmap_script *script);

#endif
