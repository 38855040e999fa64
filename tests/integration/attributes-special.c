/* What does not fit a row: company in the address space, mutexes, and known differences. */
#include "attributes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <segmap/exec.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- not alone ---- */

static void *wait_for_ever(void *data)
{
	for (;;)
		pause();
	return data;
}

static void start_thread(const void *data)
{
	pthread_t thread;

	(void)data;
	must(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0, "pthread_create");
}

static void start_thread_without_unshare(const void *data)
{
	forbid_call(SYS_unshare, EPERM);
	start_thread(data);
}

/* This process waits while another one uses its memory to become a program. */
static void load_in_vfork(const void *data)
{
	struct segmap_error err;

	pid_t pid = vfork(); // NOLINT: this is what is tested
	if (pid == 0) {
		shared->step =
			segmap_execve(data, (char *[]){NULL}, test_environment, NULL, &err);
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "vfork");
	_exit(0);
}

static void expect_result(const char *name, void (*prepare)(const void *), const char *program,
			  int result, const char *word)
{
	struct trial trial = {.path = testdata(program), .prepare = prepare};
	struct sight s;

	trial.data = trial.path;
	see(&s, &trial, BY_LIBRARY);
	cr_expect_eq(shared->result | shared->step, result, "%s: %d %d; it says '%s'", name,
		     shared->result, shared->step, s.said);
	cr_expect(strstr(s.said, word), "%s: no '%s' in '%s'", name, word, s.said);
	cr_expect_str_empty(s.inside, "%s: something has run", name);
	sight_free(&s);
}

Test(attributes, refused_when_not_alone, .timeout = 600)
{
	expect_result("a thread", start_thread, "show-attributes", -EBUSY, "thread");
	expect_result("a thread, unshare forbidden", start_thread_without_unshare,
		      "show-attributes", -EBUSY, "thread");
	expect_result("vfork", load_in_vfork, "show-attributes", -EBUSY, "");
}

/* ---- a mutex that is held ---- */

static void hold_mutex(const void *data)
{
	(void)data;
	must(pthread_mutex_lock(shared->mutex) == 0, "pthread_mutex_lock");
}

static pthread_mutex_t *make_mutex(void)
{
	pthread_mutex_t *mutex = mmap(NULL, sizeof(*mutex), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(mutex, &attributes);
	return mutex;
}

/* Looked at while the program waits: whoever wants the mutex then is told of its owner's end.
 */
static void try_mutex(pid_t pid)
{
	(void)pid;
	shared->step = pthread_mutex_trylock(shared->mutex);
}

Test(attributes, robust_mutexes, .timeout = 600)
{
	for (enum way way = 0; way < WAYS; way++) {
		struct trial trial = {
			.path = testdata("show-attributes"),
			.prepare = hold_mutex,
			.mutex = make_mutex(),
			.look = try_mutex,
		};
		struct sight s;

		see(&s, &trial, way);
		cr_expect_eq(s.status, 0, "%s: %s", way_names[way], status_text(s.status));
		cr_expect_eq(shared->step, EOWNERDEAD, "%s: trylock: %d", way_names[way],
			     shared->step);
		sight_free(&s);
	}
}

/* ---- what only the kernel can do: docs/kernel-differences.md ---- */

static void forbid_new_code(const void *data)
{
	(void)data;
	must(prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) == 0, "PR_SET_MDWE");
}

Test(attributes, executable_stack_under_mdwe, .timeout = 600)
{
	struct trial trial = {
		.path = testdata("show-attributes-execstack"),
		.prepare = forbid_new_code,
	};
	struct sight s;

	see(&s, &trial, BY_KERNEL);
	cr_expect_eq(s.status, 0);
	cr_expect(strstr(s.outside, "smaps rwxp"), "execve gives it an executable stack");
	sight_free(&s);
	see(&s, &trial, BY_PROGRAM);
	cr_expect_eq(s.status, 126 << 8, "segload: %s", status_text(s.status));
	sight_free(&s);
	expect_result("MDWE", forbid_new_code, "show-attributes-execstack", -EACCES, "stack");
}

static void lay_down(const void *data)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	(void)data;
	must(syscall(SYS_capget, &head, d) == 0, "capget");
	d[0].effective &= ~(1U << CAP_NET_RAW);
	d[0].permitted &= ~(1U << CAP_NET_RAW);
	must(syscall(SYS_capset, &head, d) == 0, "capset");
}

Test(attributes, what_root_has_laid_down_only_execve_gives_back, .timeout = 600)
{
	if (geteuid() != 0)
		cr_skip_test("needs root: capabilities that are root's by exec");
	for (enum way way = 0; way < WAYS; way++) {
		struct trial trial = {.path = testdata("show-attributes"), .prepare = lay_down};
		const char *line = way == BY_LIBRARY ? "CapPrm:\t000001fffeffdfff\n"
						     : "CapPrm:\t000001fffeffffff\n";
		struct sight s;

		see(&s, &trial, way);
		cr_expect_eq(s.status, 0, "%s: %s", way_names[way], status_text(s.status));
		cr_expect(strstr(s.outside, line), "%s:\n%s", way_names[way], s.outside);
		sight_free(&s);
	}
}

/* ---- fexecve ---- */

enum from {
	BY_NUMBER,     /* the descriptor stays open in the program */
	CLOSE_ON_EXEC, /* it does not */
	IN_MEMORY,
	SCRIPT,
};

static void open_it(const void *data)
{
	const enum from *from = data;
	int fd = open(testdata("show-attributes"), O_RDONLY | O_CLOEXEC);
	char line[4200];

	must(fd >= 0, "open");
	trial_fd = 77;
	if (*from == BY_NUMBER || *from == CLOSE_ON_EXEC) {
		must(dup3(fd, 77, *from == CLOSE_ON_EXEC ? O_CLOEXEC : 0) == 77, "dup3");
		close(fd);
		return;
	}
	int memory = memfd_create("a file in memory", MFD_CLOEXEC);
	must(memory >= 0, "memfd_create");
	if (*from == IN_MEMORY) {
		must(sendfile(memory, fd, NULL, 1 << 24) > 0, "sendfile");
		must(dup3(memory, 77, O_CLOEXEC) == 77, "dup3");
	} else {
		snprintf(line, sizeof(line), "#!%s\n", testdata("show-attributes"));
		must(write(memory, line, strlen(line)) > 0, "write");
		must(dup2(memory, 77) == 77, "dup2");
	}
	must(lseek(77, 5, SEEK_SET) == 5, "lseek");
	close(memory);
	close(fd);
}

static const enum from ways_in[] = {BY_NUMBER, CLOSE_ON_EXEC, IN_MEMORY, SCRIPT};
static const char *const seen_then[] = {"\nexecfn /dev/fd/77\n", "\ncomm show-attributes\n",
					"\ncomm memfd:a file in\n", "\nexecfn /dev/fd/77\n"};

Test(attributes, from_a_descriptor, .timeout = 600)
{
	for (size_t i = 0; i < sizeof(ways_in) / sizeof(ways_in[0]); i++) {
		struct trial trial = {
			.path = testdata("show-attributes"),
			.prepare = open_it,
			.data = &ways_in[i],
			.from_fd = true,
		};
		struct sight kernel, ours;

		see(&kernel, &trial, BY_KERNEL);
		see(&ours, &trial, BY_LIBRARY);
		cr_expect_eq(ours.status, 0, "%zu: %s '%s'", i, status_text(ours.status),
			     ours.said);
		cr_expect(strstr(ours.inside, seen_then[i]), "%zu: %s", i, ours.inside);
		const char *inside = first_difference(kernel.inside, ours.inside);
		cr_expect_null(inside, "%zu, inside: %s", i, inside);
		const char *outside = first_difference(kernel.outside, ours.outside);
		cr_expect_null(outside, "%zu, outside: %s", i, outside);
		sight_free(&kernel);
		sight_free(&ours);
	}
}
