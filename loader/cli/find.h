#ifndef CLI_FIND_H
#define CLI_FIND_H

/* The path of the program NAME: NAME itself if there is a slash in it, else the first
 * executable file of that name in the directories of PATH. The caller frees it; NULL if there
 * is none. */
char *find_program(const char *name);

/* The path of the loader that was built or installed together with this program, or else of
 * the one in PATH. The caller frees it; NULL if there is none. */
char *find_segload(void);

/*
 * The words of COMMAND, divided at blanks, then PROGRAM, then ARGV without its first: ended by
 * NULL, and owned by the caller, as *WORDS is, where the first ones are. NULL if COMMAND has no
 * word.
 */
char **split_command(const char *command, char *program, char *const *argv, char **words);

#endif
