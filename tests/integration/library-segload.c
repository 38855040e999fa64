/* segload's command line: options, PATH, standard input, exit statuses. */
#include "trial.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum input {
	NOTHING,
	BY_FILE, /* standard input is the file `from` */
	BY_PIPE, /* a pipe into which it is written */
};

struct command {
	const char *args[7]; /* after the program's own name; ended by NULL */
	int status;          /* as wait(2) gives it */
	const char *out;     /* what its output begins with, or NULL */
	const char *err;     /* what is in its messages, or NULL if there are none */
	enum input input;
	const char *from;
	const char *path; /* PATH, or NULL to leave it out */
};

#define EXIT(n) ((n) << 8)
#define ENV     "envp LC_ALL=C\nenvp TWO=2\n"

/* All are run in testdata, with LC_ALL and TWO in the environment. */
static const struct command commands[] = {
	{{"--help"}, 0, "Usage: segload [OPTION...] PROGRAM [ARG...]\n", .err = NULL},
	{{"--version"}, 0, "segload (segmap) ", .err = NULL},
	{{NULL}, EXIT(125), NULL, .err = "no PROGRAM given"},
	{{"--"}, EXIT(125), NULL, .err = "no PROGRAM given"},
	{{"--bogus", "./good-args"}, EXIT(125), NULL, .err = "--help"},
	{{"-x", "./good-args"}, EXIT(125), NULL, .err = "--help"},
	{{"-E"}, EXIT(125), NULL, .err = "--help"},
	{{"-E", "", "./good-args"}, EXIT(125), NULL, .err = "-E"},
	{{"--argv0"}, EXIT(125), NULL, .err = "--help"},
	{{"--stop-at=exit", "./good-args"}, EXIT(125), NULL, .err = "entry"},

	{{"./good-args"}, 0, "argc 1\nargv ./good-args\n" ENV, .err = NULL},
	{{"./good-args", "-v", "--help", ""},
	 0,
	 "argc 4\nargv ./good-args\nargv -v\nargv --help\nargv \n" ENV,
	 .err = NULL},
	{{"--", "./good-args", "--"},
	 0,
	 "argc 2\nargv ./good-args\nargv --\n" ENV,
	 .err = NULL},
	{{"--argv0=other", "./good-args"}, 0, "argc 1\nargv other\n" ENV, .err = NULL},
	{{"--argv0=", "./good-args"}, 0, "argc 1\nargv \n" ENV, .err = NULL},
	{{"-E", "A=1", "-EB=", "./good-args"},
	 0,
	 "argc 1\nargv ./good-args\n" ENV "envp A=1\nenvp B=\n",
	 .err = NULL},
	{{"-E", "LC_ALL", "--env=TWO=x=y", "./good-args"},
	 0,
	 "argc 1\nargv ./good-args\nenvp TWO=x=y\n",
	 .err = NULL},
	{{"-i", "./good-args"}, 0, "argc 1\nargv ./good-args\n", .err = NULL},
	{{"-i", "-E", "A=1", "./good-args"},
	 0,
	 "argc 1\nargv ./good-args\nenvp A=1\n",
	 .err = NULL},
	{{"-v", "./good-args"}, 0, "argc 1\n", .err = "mmap("},
	{{"-v", "./good-args-pie"}, 0, "argc 1\n", .err = "interpreter"},
	{{"--no-aslr", "./good-args", "x"},
	 0,
	 "argc 2\nargv ./good-args\nargv x\n" ENV,
	 .err = NULL},
	{{"--no-aslr", "./good-c"}, EXIT(127), NULL, .err = "No such file"},

	{{"./good-end-42"}, EXIT(42), "ending by ", .err = NULL},
	{{"./good-end-255"}, EXIT(255), "ending by ", .err = NULL},
	{{"./good-end-segv"}, SIGSEGV, "ending by ", .err = NULL},
	{{"./good-end-kill"}, SIGKILL, "ending by ", .err = NULL},
	{{"./nothing-of-that-name"}, EXIT(127), NULL, .err = "No such file"},
	{{""}, EXIT(127), NULL, .err = "No such file"},
	{{"./bad.table"}, EXIT(126), NULL, .err = "execut"},
	{{"."}, EXIT(126), NULL, .err = "regular"},
	{{"/dev/null"}, EXIT(126), NULL, .err = "regular"},
	{{"./good-args/x"}, EXIT(126), NULL, .err = "Not a directory"},

	{{"-", "x"}, 0, "argc 2\nargv -\nargv x\n" ENV, NULL, BY_FILE, .from = "good-args"},
	{{"-", "x"}, 0, "argc 2\nargv -\nargv x\n" ENV, NULL, BY_PIPE, .from = "good-args"},
	{{"--argv0=y", "-"}, 0, "argc 1\nargv y\n" ENV, NULL, BY_PIPE, .from = "good-args-pie"},
	{{"-i", "-"}, 0, "argc 1\nargv -\n", NULL, BY_FILE, .from = "good-args-static-pie"},
	{{"-"}, EXIT(126), NULL, "not an ELF file", BY_PIPE, .from = "/dev/null"},
	{{"-"}, EXIT(126), NULL, "not an ELF file", BY_PIPE, .from = "/etc/passwd"},
	{{"-"}, EXIT(126), NULL, "execut", BY_FILE, .from = "bad.table"},
};

static void pipe_in(const char *from)
{
	char *bytes;
	size_t size;
	int ends[2];

	must(pipe(ends) == 0, "pipe");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		close(ends[0]);
		bytes = read_whole(from, &size);
		_exit(bytes && write(ends[1], bytes, size) == (ssize_t)size ? 0 : 1);
	}
	must(dup2(ends[0], 0) == 0, "dup2");
	close(ends[0]);
	close(ends[1]);
}

static void prepare(const void *data)
{
	const struct command *c = data;

	must(chdir(testdata_dir()) == 0, "chdir");
	if (c->input == BY_PIPE)
		pipe_in(c->from);
	if (c->input == BY_FILE)
		must(dup2(open(c->from, O_RDONLY | O_CLOEXEC), 0) == 0, c->from);
}

static void run_command(struct sight *s, const char *program, const struct command *c)
{
	char *argv[9] = {(char *)(uintptr_t)program};
	char *envp[4] = {(char[]){"LC_ALL=C"}, (char[]){"TWO=2"}};
	char path[4096];
	struct trial trial = {.path = program, .argv = argv, .envp = envp, .prepare = prepare};

	for (size_t i = 0; c->args[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)c->args[i];
	if (c->path) {
		snprintf(path, sizeof(path), "PATH=%s", c->path);
		envp[2] = path;
	}
	trial.data = c;
	trial.randomize = true;
	see(s, &trial, BY_KERNEL);
}

static void check_command(const struct command *c)
{
	char name[256] = "segload";
	struct sight s;

	for (size_t i = 0; c->args[i]; i++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " '%s'", c->args[i]);
	run_command(&s, segload_path(), c);
	cr_expect_eq(s.status & ~0x80, c->status, "%s: %s; it says '%s'", name,
		     status_text(s.status), s.said);
	cr_expect(strncmp(s.inside, c->out ? c->out : "", c->out ? strlen(c->out) : 1) == 0,
		  "%s: output '%s'", name, s.inside);
	if (c->err)
		cr_expect(strstr(s.said, c->err), "%s: no '%s' in '%s'", name, c->err, s.said);
	else
		cr_expect_str_empty(s.said, "%s: it says '%s'", name, s.said);
	sight_free(&s);
}

Test(segload, commands, .timeout = 600)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		check_command(&commands[i]);
}

/* ---- PATH, beside env(1) ---- */

static char directory[] = "/tmp/segmap-path-XXXXXX";

/* In directory/NAME, a copy of PROGRAM with MODE; a directory if PROGRAM is NULL. */
static void put_file(const char *name, const char *program, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (program)
		cr_assert(copy_file(testdata(program), path, mode), "%s", path);
	else
		cr_assert_eq(mkdir(path, mode), 0, "%s", path);
}

static void fill_directory(void)
{
	cr_assert_not_null(mkdtemp(directory));
	put_file("plain", NULL, 0755);
	put_file("plain/tool", "good-args", 0644); /* not executable */
	put_file("folder", NULL, 0755);
	put_file("folder/tool", NULL, 0755);
	put_file("first", NULL, 0755);
	put_file("first/tool", "good-end-42", 0755);
	put_file("second", NULL, 0755);
	put_file("second/tool", "good-args", 0755);
	put_file("second/broken", "show-auxv", 0755);
	put_file("file", "good-args", 0755); /* no directory at all */
}

/* D is the directory. "segload" finds what "env" finds, and ends as it does. */
static const char *const paths[] = {
	"D/second",          "D/first:D/second", "D/plain:D/second",     "D/folder:D/second",
	"D/plain",           "D/folder",         "D/missing:D/second",   "D/missing",
	"D/file:D/second",   "D/file:D/missing", "D/missing:D/plain",    "D/plain:D/missing",
	"D/second:D/first",  ":D/second",        "D/plain::D/second:",   "",
	"D/second/:D/first", "D/first//",        "D/plain:D/folder:D/x", ":",
};

static void expand(const char *pattern, char *out)
{
	for (; *pattern; pattern++) {
		if (*pattern == 'D')
			out = stpcpy(out, directory);
		else
			*out++ = *pattern;
	}
	*out = '\0';
}

Test(segload, looks_in_path_as_env_does, .timeout = 600)
{
	char path[1024];

	fill_directory();
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct command c = {.args = {"tool", "x"}, .path = path};
		struct sight env, ours;

		expand(paths[i], path);
		run_command(&env, "/usr/bin/env", &c);
		run_command(&ours, segload_path(), &c);
		cr_expect_eq(ours.status, env.status, "PATH=%s: %s, by env %s; it says '%s'",
			     paths[i], status_text(ours.status), status_text(env.status),
			     ours.said);
		cr_expect_str_eq(ours.inside, env.inside, "PATH=%s", paths[i]);
		sight_free(&env);
		sight_free(&ours);
	}
	snprintf(path, sizeof(path), "rm -r %s", directory);
	cr_expect_eq(system(path), 0); // NOLINT
}

/* ---- --stop-at ---- */

Test(segload, stops_at_entry, .timeout = 600)
{
	int status, out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out, 1);
		execl(segload_path(), "segload", "--stop-at=entry", testdata("good-end-42"),
		      NULL);
		_exit(99);
	}
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
	cr_expect(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "%x", (unsigned)status);
	kill(pid, SIGCONT);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, EXIT(42), "%s", status_text(status));
	close(out);
}
