/*
 * A process that has lived before it calls the library: caller [--fail-malloc N] PROGRAM. If
 * the load is refused it compares itself with what it was, says what has been refused as
 * segload does, and ends with segload's status; with 99 if something is not as it was.
 */
#include <segmap/exec.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CHANGED = 99, HEAP = 1 << 22 };

/* ---- an allocator that fails when it is told to ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static long until_failure = -1;
static size_t blocks; /* that are in use */

static bool fails_now(void)
{
	if (until_failure < 0 || until_failure-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	void *p = fails_now() ? NULL : __libc_malloc(size);

	blocks += p != NULL;
	return p;
}

void *calloc(size_t count, size_t size)
{
	void *p = fails_now() ? NULL : __libc_calloc(count, size);

	blocks += p != NULL;
	return p;
}

void *realloc(void *old, size_t size)
{
	void *p = fails_now() ? NULL : __libc_realloc(old, size);

	blocks += p && !old;
	return p;
}

void free(void *p)
{
	blocks -= p != NULL;
	__libc_free(p);
}

/* ---- all that a load could change ---- */

struct state {
	char maps[1 << 16];
	int descriptors[64][2]; /* flags of the number and of the file, or -1 */
	uint64_t actions[64][4];
	uint64_t blocked;
	stack_t stack;
	int persona;
	size_t blocks;
};

static struct state before, after;

static void read_maps(char *text, size_t size)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(fd, text, size - 1)) > 0) {
		text += n;
		size -= (size_t)n;
	}
	*text = '\0';
	close(fd);
}

static void read_state(struct state *s)
{
	memset(s, 0, sizeof(*s));
	read_maps(s->maps, sizeof(s->maps));
	for (int i = 0; i < 64; i++) {
		s->descriptors[i][0] = fcntl(i, F_GETFD);
		s->descriptors[i][1] = fcntl(i, F_GETFL);
		syscall(SYS_rt_sigaction, i + 1, NULL, s->actions[i], 8);
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &s->blocked, 8);
	sigaltstack(NULL, &s->stack);
	s->persona = personality(0xffffffff);
	s->blocks = blocks;
}

static const char *find_change(void)
{
	if (strcmp(before.maps, after.maps) != 0)
		return "mappings";
	if (memcmp(before.descriptors, after.descriptors, sizeof(before.descriptors)) != 0)
		return "descriptors";
	if (memcmp(before.actions, after.actions, sizeof(before.actions)) != 0 ||
	    before.blocked != after.blocked ||
	    memcmp(&before.stack, &after.stack, sizeof(before.stack)) != 0)
		return "signals";
	if (before.persona != after.persona)
		return "personality";
	return before.blocks != after.blocks ? "heap" : NULL;
}

/* ---- a life before the load ---- */

static void handler(int signal)
{
	(void)signal;
}

/* The heap is as large as it will be from the beginning, so that it need not grow meanwhile. */
static void live(void)
{
	static char stack[1 << 16];
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	timer_t timer;
	sigset_t set;

	mallopt(M_MMAP_THRESHOLD, HEAP);
	mallopt(M_TRIM_THRESHOLD, 2 * HEAP);
	mallopt(M_TOP_PAD, HEAP);
	free(malloc(4096));
	sigaltstack(&other, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGWINCH, SIG_IGN);
	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0 ||
	    open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		_exit(CHANGED);
}

static int exit_status(const struct segmap_error *err)
{
	if (err->verdict == SEGMAP_VERDICT_SYSTEM)
		return 125;
	return err->reason == SEGMAP_REASON_OPEN && err->errnum == ENOENT ? 127 : 126;
}

int main(int argc, char **argv)
{
	char *const environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};
	char **program = argv + 1, text[1536];
	long fail_at = -1;
	struct segmap_error err = {0};

	if (argc > 3 && strcmp(program[0], "--fail-malloc") == 0) {
		fail_at = strtol(program[1], NULL, 10);
		program += 2;
	}
	live();
	read_state(&before);
	raise(SIGSTOP);
	until_failure = fail_at;
	int r = segmap_execve(program[0], program, environment, NULL, &err);
	until_failure = -1;
	raise(SIGSTOP);
	read_state(&after);
	const char *change = find_change();
	if (change || r != -err.errnum || r == 0) {
		fprintf(stderr, "caller: returns %d, has changed: %s (%zu blocks, then %zu)\n",
			r, change ? change : "nothing", before.blocks, after.blocks);
		return CHANGED;
	}
	segmap_error_format(&err, text, sizeof(text));
	fprintf(stderr, "segload: %s: %s", program[0], text);
	return exit_status(&err);
}
