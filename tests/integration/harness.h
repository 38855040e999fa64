/* Running a program by execve and by segload, and keeping all that can be seen of it. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NOBODY    65534
#define SAME_USER ((uid_t)-1)

enum loader {
	BY_EXECVE,
	BY_SEGLOAD,
};

struct run {
	const char *path;
	char *const *argv; /* NULL: the path alone */
	enum loader loader;
	bool no_aslr;
	uid_t user;        /* SAME_USER to stay */
	const char *cwd;   /* NULL to stay */
	const char *input; /* file to be standard input; NULL for /dev/null */
};

struct outcome {
	int status;     /* as wait(2) gives it */
	int exec_errno; /* of a failed execve, else 0 */
	char *out;      /* ended by NUL */
	char *err;
	size_t out_size;
};

/* Directories and programs, from the environment that meson gives the tests. */
const char *testdata_dir(void);
const char *segload_path(void);

/* The environment every program is given: small, and the same for both loaders. */
extern char *const test_environment[];

/* Runs it to its end, which must come within five minutes. The outcome is given to
 * outcome_free. */
void run_program(struct outcome *outcome, const struct run *run);
void outcome_free(struct outcome *outcome);

/* "exit 3", "signal 11": in static memory, one call at a time. */
const char *status_text(int status);

/* Both the same? If not, writes what differs to WHY (of SIZE bytes). */
bool outcomes_equal(const struct outcome *a, const struct outcome *b, char *why, size_t size);

/* The users to test as: this one, and as root also nobody. Returns how many. */
size_t test_users(uid_t users[2]);

/* In a mount namespace of this process's own: makes what is mounted in it from now on stay
 * there. False if that cannot be had. */
bool keep_mounts_private(void);

/* Calls VISIT with the path and name of each executable file of testdata whose name begins with
 * PREFIX, in order; returns how many there were. */
size_t each_program(const char *prefix,
		    void (*visit)(const char *path, const char *name, void *data), void *data);

/* How often a repeated test repeats: SEGMAP_REPEAT, or FALLBACK. */
int repetitions(int fallback);

/* Makes TO a file with the bytes of FROM and with MODE. False with errno if that fails. */
bool copy_file(const char *from, const char *to, mode_t mode);

/* What a process that leaks has more and more of. */
struct traces {
	size_t descriptors, mappings;
	size_t pages; /* of address space */
};
struct traces count_traces(void);

/* Is this kernel MAJOR.MINOR or newer? */
bool kernel_is_since(unsigned major, unsigned minor);

/* Does the vdso clear registers after a system call? It depends on how the kernel was built. */
bool vdso_clears_registers(void);

/* The whole of a file, ended by NUL; the caller frees it. NULL if it cannot be read. */
char *read_whole(const char *path, size_t *size);

#endif
