/*
 * Running a program to an address: by breakpoint registers where they work, and everywhere by
 * single steps, which SEGMAP_STEP=1 asks for. Each test is a process of its own, so that each
 * can choose.
 */
#include "harness.h"

#include "test_registers.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <segmap/permits.h>
#include <segmap/symbols.h>
#include <segmap/tracee.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *victim(void)
{
	char *path = getenv("SEGMAP_STEP_VICTIM");

	cr_assert_not_null(path,
			   "SEGMAP_STEP_VICTIM is not set: run the tests by 'meson test'");
	return path;
}

static void start(struct segmap_tracee *tracee, char *path, char *argument)
{
	char *argv[] = {path, argument, NULL};
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.envp = test_environment,
		.user = SAME_USER,
		.no_aslr = true,
		.standard = {-1, -1, -1},
	};

	cr_assert_eq(segmap_tracee_start(tracee, &setup), 0);
	cr_assert(!tracee->ended);
}

/* Where the function is that is to be reached: the program is not relocated. */
static uint64_t address_of_here(void)
{
	struct segmap_symbols *symbols;
	struct segmap_section sections[64];
	struct segmap_error err;
	uint64_t addr = 0;
	int fd = open(victim(), O_RDONLY | O_CLOEXEC);

	cr_assert_eq(segmap_symbols_open(&symbols, fd, &err), 0);
	close(fd);
	size_t n = segmap_symbols_sections(symbols, 0, UINT64_MAX, sections, 64);
	for (size_t i = 0; i < n; i++)
		if (strcmp(sections[i].name, ".here") == 0)
			addr = sections[i].vaddr;
	segmap_symbols_free(symbols);
	cr_assert_neq(addr, 0);
	return addr;
}

static void expect_clean_end(struct segmap_tracee *tracee)
{
	cr_expect_eq(segmap_tracee_run_to_exit(tracee), 0);
	cr_expect(!tracee->ended);
	cr_expect_eq(segmap_tracee_finish(tracee), 0);
	cr_expect_eq(tracee->status, 0, "%s", status_text(tracee->status));
	segmap_tracee_destroy(tracee);
}

static void expect_reached(void)
{
	uint64_t addr = address_of_here();
	struct user_regs_struct regs;
	struct segmap_tracee tracee;
	bool reached = false;

	start(&tracee, victim(), NULL);
	cr_expect_eq(segmap_tracee_run_to(&tracee, addr, &reached), 0);
	cr_assert(reached, "%s", status_text(tracee.status));
	cr_assert_eq(segmap_tracee_registers(&tracee, &regs), 0);
	cr_expect_eq(test_pc(&regs), addr);
	cr_expect(!test_steps(&regs));
	reached = false;
	cr_expect_eq(segmap_tracee_run_to(&tracee, addr, &reached), 0);
	cr_expect(reached, "it is there already");
	expect_clean_end(&tracee);
}

/* An address that nothing executes. */
static void expect_not_reached(char *argument)
{
	struct segmap_tracee tracee;
	bool reached = true;

	start(&tracee, victim(), argument);
	cr_expect_eq(
		segmap_tracee_run_to(&tracee, argument ? address_of_here() : 0x10, &reached),
		0);
	cr_expect(!reached && !tracee.ended);
	expect_clean_end(&tracee);
}

Test(reach, by_the_best_way, .timeout = 3000)
{
	expect_reached();
	expect_not_reached(NULL);
	expect_not_reached((char[]){"again"});
}

Test(reach, by_single_steps, .timeout = 3000)
{
	setenv("SEGMAP_STEP", "1", 1);
	cr_assert(segmap_tracee_must_step());
	expect_reached();
	expect_not_reached(NULL);
	expect_not_reached((char[]){"again"});
}

/* ---- the entry point ---- */

static void run_to_entry(struct user_regs_struct *regs)
{
	char path[4096];
	struct segmap_image *image;
	struct segmap_error err;
	struct segmap_tracee tracee;
	bool reached = false;

	snprintf(path, sizeof(path), "%s/good-c-pie", testdata_dir());
	cr_assert_eq(segmap_image_open(&image, path, SEGMAP_PROGRAM, &err), 0);
	start(&tracee, path, NULL);
	cr_expect_eq(segmap_tracee_run_to_program(&tracee, image, &reached), 0);
	cr_assert(reached);
	cr_assert_eq(segmap_tracee_registers(&tracee, regs), 0);
	expect_clean_end(&tracee);
	segmap_image_free(image);
}

/* The same registers, whichever way the interpreter has been passed. */
Test(reach, entry_point, .timeout = 3000)
{
	struct user_regs_struct regs[2];
	int pipes[2];

	cr_assert_eq(pipe(pipes), 0);
	pid_t pid = fork(); /* which way is known once in a process */
	if (pid == 0) {
		setenv("SEGMAP_STEP", "1", 1);
		run_to_entry(&regs[1]);
		_exit(write(pipes[1], &regs[1], sizeof(regs[1])) == sizeof(regs[1]) ? 0 : 1);
	}
	close(pipes[1]);
	cr_assert_eq(read(pipes[0], &regs[1], sizeof(regs[1])), sizeof(regs[1]));
	waitpid(pid, NULL, 0);
	run_to_entry(&regs[0]);
	cr_expect_eq(test_pc(&regs[0]), test_pc(&regs[1]));
	cr_expect_eq(test_sp(&regs[0]), test_sp(&regs[1]));
	cr_expect_eq(test_scratch(&regs[0]), test_scratch(&regs[1]), "%" PRIx64 " %" PRIx64,
		     test_scratch(&regs[0]), test_scratch(&regs[1]));
	cr_expect(!test_steps(&regs[0]) && !test_steps(&regs[1]));
}

/* ---- the zero page ---- */

/* The kernel counts a mapped zero page as no memory of the process. */
Test(permits, zero_page)
{
	const size_t pages = 64, page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, pages * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char first[32], *found;
	size_t rss = 0;

	cr_assert_neq(memory, MAP_FAILED);
	cr_assert_eq(madvise(memory, pages * page, MADV_NOHUGEPAGE), 0);
	for (size_t i = 0; i < pages; i++)
		(void)*(volatile char *)(memory + i * page);
	snprintf(first, sizeof(first), "\n%lx-", (unsigned long)memory);
	char *smaps = read_whole("/proc/self/smaps", NULL);
	cr_assert(smaps && (found = strstr(smaps, first)) && (found = strstr(found, "\nRss:")));
	cr_assert_eq(sscanf(found, "\nRss: %zu", &rss), 1);
	cr_expect_eq(segmap_zero_page_is_used(), rss == 0, "Rss %zu kB", rss);
	free(smaps);
}
