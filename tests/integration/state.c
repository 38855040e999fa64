#include "state.h"

#include "trial.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

void process_state_read(struct process_state *s)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned char there = 0;
	ssize_t n;
	size_t used = 0;

	memset(s, 0, sizeof(*s));
	while ((n = read(fd, s->maps + used, sizeof(s->maps) - used - 1)) > 0)
		used += (size_t)n;
	close(fd);
	for (int i = 0; i < 1024; i++)
		s->open[i] = fcntl(i, F_GETFD) >= 0;
	for (int i = 1; i <= 64; i++)
		syscall(SYS_rt_sigaction, i, NULL, s->actions[i - 1], 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &s->mask, 8);
	s->personality = personality(0xffffffff);
	void *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mincore(page, 4096, &there);
	s->locks = there & 1;
	munmap(page, 4096);
}

void must_be_same(const char *name, const struct process_state *a,
		  const struct process_state *b)
{
	char text[2048];

	if (memcmp(a, b, sizeof(*a)) == 0)
		return;
	snprintf(text, sizeof(text), "%s: the process has changed: %s", name,
		 strcmp(a->maps, b->maps) ? first_difference(a->maps, b->maps)
					  : "not its mappings");
	must(false, text);
}
