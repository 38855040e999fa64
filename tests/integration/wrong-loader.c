/*
 * A loader with one mistake, named by the variable SEGMAP_WRONG: takes segload's arguments,
 * spoils something, and lets segload do the rest. What `segmap compare` is tested with.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char **arguments; /* segload --stop-at=entry --argv0=NAME -- PROGRAM [ARG...] */

static void set_variable(void)
{
	setenv("EXTRA", "1", 1);
}

static void lose_variable(void)
{
	unsetenv("TMPDIR");
}

static void change_name(void)
{
	static char name[] = "--argv0=another";

	for (char **arg = arguments; *arg; arg++)
		if (strncmp(*arg, "--argv0=", 8) == 0)
			*arg = name;
}

static void add_argument(void)
{
	static char more[] = "more";
	char **end = arguments;

	while (*end)
		end++;
	*end = more; /* main() has left room */
}

static void change_program(void)
{
	static char program[] = "/bin/true";

	for (char **arg = arguments; *arg; arg++)
		if (strcmp(*arg, "--") == 0)
			arg[1] = program;
}

static void be_nice(void)
{
	setpriority(PRIO_PROCESS, 0, 7);
}

static void change_umask(void)
{
	umask(0123);
}

static void leak_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY);

	dup2(fd, 17);
	close(fd);
}

static void lose_descriptor(void)
{
	close(0);
}

static void ignore_signal(void)
{
	signal(SIGUSR1, SIG_IGN);
}

static void block_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void change_directory(void)
{
	if (chdir("/") < 0)
		_exit(99);
}

static void change_limit(void)
{
	const struct rlimit limit = {123456, 123456};

	setrlimit(RLIMIT_CORE, &limit);
}

static void change_personality(void)
{
	personality((unsigned long)personality(0xffffffff) | SHORT_INODE);
}

static void change_slack(void)
{
	prctl(PR_SET_TIMERSLACK, 12345);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(99);
	close(fd);
}

static void change_core(void)
{
	write_file("/proc/self/coredump_filter", "0x1");
}

static void volunteer(void)
{
	write_file("/proc/self/oom_score_adj", "500");
}

static void forbid_privileges(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void keep_talking(void)
{
	if (write(1, "loading\n", 8) != 8)
		_exit(99);
}

static const struct {
	const char *name;
	void (*spoil)(void);
} mistakes[] = {
	{"variable", set_variable},  {"no-variable", lose_variable},
	{"argv0", change_name},      {"argument", add_argument},
	{"program", change_program}, {"nice", be_nice},
	{"umask", change_umask},     {"fd", leak_descriptor},
	{"no-fd", lose_descriptor},  {"ignore", ignore_signal},
	{"block", block_signal},     {"directory", change_directory},
	{"limit", change_limit},     {"personality", change_personality},
	{"slack", change_slack},     {"core", change_core},
	{"oom", volunteer},          {"privileges", forbid_privileges},
	{"output", keep_talking},
};

int main(int argc, char **argv)
{
	const char *name = getenv("SEGMAP_WRONG"), *loader = getenv("SEGMAP_SEGLOAD");

	arguments = calloc((size_t)argc + 2, sizeof(*argv));
	if (!arguments || !name || !loader)
		return 99;
	memcpy(arguments, argv, (size_t)argc * sizeof(*argv));
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		if (strcmp(mistakes[i].name, name) == 0)
			mistakes[i].spoil();
	execv(loader, arguments);
	return 99;
}
