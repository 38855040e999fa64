/* A program that makes others: family-victim HOW [PROGRAM]. Exit status 0 if all went well. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char **arguments;

static bool ends_with(pid_t pid, int expected)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == expected;
}

static bool by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	return ends_with(pid, 7 << 8);
}

static bool by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl(arguments[2], arguments[2], NULL);
		_exit(99);
	}
	return ends_with(pid, 42 << 8);
}

static void *idle(void *data)
{
	return data;
}

/* Threads come and go; one of them is still there when all end, and one forks. */
static void *wait_for_ever(void *data)
{
	for (;;)
		pause();
	return data;
}

static void *make_child(void *data)
{
	return by_fork() ? data : NULL;
}

static bool by_threads(void)
{
	pthread_t thread[3];
	void *result = NULL;

	pthread_create(&thread[0], NULL, idle, NULL);
	pthread_join(thread[0], NULL);
	pthread_create(&thread[1], NULL, wait_for_ever, NULL);
	pthread_create(&thread[2], NULL, make_child, &result);
	pthread_join(thread[2], &result);
	return result != NULL;
}

/* Another thread than the first becomes another program. */
static void *execute(void *data)
{
	execl(arguments[2], arguments[2], NULL);
	return data;
}

static bool by_thread_and_exec(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, execute, NULL);
	pthread_join(thread, NULL);
	return false;
}

/* The child waits until its parent has ended. */
static bool by_orphan(void)
{
	int pipes[2];
	char byte;

	if (pipe(pipes) < 0)
		return false;
	if (fork() == 0) {
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) == 0 ? 5 : 6);
	}
	return true;
}

static bool by_kill(void)
{
	pid_t pid = fork();

	if (pid == 0)
		wait_for_ever(NULL);
	kill(pid, SIGKILL);
	return ends_with(pid, SIGKILL);
}

/* A child that is stopped stays stopped until it is continued. */
static bool by_stop(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		raise(SIGSTOP);
		_exit(3);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return false;
	kill(pid, SIGCONT);
	return ends_with(pid, 3 << 8);
}

/* Nobody of these ever ends. */
static bool by_crowd(void)
{
	fork();
	fork();
	wait_for_ever(NULL);
	return false;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool (*way)(void);
	} ways[] = {
		{"fork", by_fork},       {"vfork", by_vfork},
		{"threads", by_threads}, {"exec", by_thread_and_exec},
		{"orphan", by_orphan},   {"kill", by_kill},
		{"stop", by_stop},       {"crowd", by_crowd},
	};

	arguments = argv;
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			return ways[i].way() ? 0 : 1;
	return 99;
}
