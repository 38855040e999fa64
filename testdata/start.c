/*
 * Says what it has been started with, for the tests of templates; or does what its first
 * argument names. With THREADS it has a second thread before main.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

#ifdef THREADS
static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		abort();
}
#endif

static void show_file(const char *path, const char *name)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	printf("%s", name);
	for (ssize_t i = 0; i < n; i++)
		putchar(text[i] ? text[i] : '|');
	putchar('\n');
	if (fd >= 0)
		close(fd);
}

__attribute__((noinline)) static void show_ids(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t mutex;

	/* a lock that looks for its owner, by the id that libc has of this thread */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex, &attributes);
	pthread_mutex_lock(&mutex);
	printf("pid %d tid %ld owner %d relock %d\n", getpid(), syscall(SYS_gettid),
	       mutex.__data.__owner, pthread_mutex_lock(&mutex) == EDEADLK);
}

static void show_random(void)
{
	const uint8_t *random = (const uint8_t *)(uintptr_t)getauxval(AT_RANDOM);

	printf("random ");
	for (int i = 0; i < 16; i++)
		printf("%02x", random[i]);
	putchar('\n');
}

static void show_descriptors(void)
{
	printf("descriptors");
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd);
	putchar('\n');
}

static void show(int argc, char **argv, char **envp)
{
	char directory[4096];

	for (int i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (char **e = envp; *e; e++)
		printf("env %s\n", *e);
	printf("same %d\n", envp == environ);
	printf("getenv %s\n", getenv("SEGMAP_WORD") ? getenv("SEGMAP_WORD") : "(none)");
	printf("name %s %s\n", program_invocation_name, program_invocation_short_name);
	printf("cwd %s\n", getcwd(directory, sizeof(directory)));
	show_ids();
	show_random();
	show_descriptors();
	show_file("/proc/self/cmdline", "cmdline ");
	show_file("/proc/self/environ", "environment ");
	printf("vector %#" PRIxPTR "\n", (uintptr_t)&vfprintf);
}

int main(int argc, char **argv, char **envp)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "exit") == 0)
		return argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
	if (strcmp(what, "signal") == 0)
		raise(argc > 2 ? (int)strtol(argv[2], NULL, 10) : SIGTERM);
	if (strcmp(what, "wait") == 0)
		for (;;)
			pause();
	if (strcmp(what, "copy") == 0) {
		char text[256];
		ssize_t n = read(0, text, sizeof(text));

		return n > 0 && write(1, text, (size_t)n) == n && write(2, text, (size_t)n) == n
			       ? 0
			       : 1;
	}
	show(argc, argv, envp);
	return 0;
}
