/* Every testdata program by execve and by segload: the same output and the same end. */
#include "harness.h"

#include "test_registers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct setting {
	uid_t user;
	bool no_aslr;
	int repeat;
	int bad;
};

static void compare_once(const char *path, const char *name, struct setting *s)
{
	struct run run = {.path = path, .user = s->user, .no_aslr = s->no_aslr};
	char *argv[] = {(char *)(uintptr_t)name, (char[]){"one"}, (char[]){""},
			(char[]){"three words here"}, NULL};
	struct outcome kernel, ours;
	char why[1024];

	run.argv = argv;
	run_program(&kernel, &run);
	run.loader = BY_SEGLOAD;
	run_program(&ours, &run);
	if (kernel.exec_errno || !outcomes_equal(&kernel, &ours, why, sizeof(why))) {
		s->bad++;
		cr_log_error("%s (%s, randomisation %s): %s", name,
			     s->user == SAME_USER ? "same user" : "nobody",
			     s->no_aslr ? "off" : "on",
			     kernel.exec_errno ? "execve fails" : why);
	}
	outcome_free(&kernel);
	outcome_free(&ours);
}

static void compare(const char *path, const char *name, void *data)
{
	struct setting *s = data;

	if (strncmp(name, "good-regs", 9) == 0 &&
	    test_leaves_registers(vdso_clears_registers())) {
		cr_log_info("%s: left out: the last munmap leaves registers here", name);
		return;
	}

	for (int i = 0; i < s->repeat; i++)
		compare_once(path, name, s);
}

static void compare_all(bool no_aslr)
{
	uid_t users[2];
	size_t n = test_users(users);

	for (size_t i = 0; i < n; i++) {
		struct setting s = {users[i], no_aslr, repetitions(2), 0};
		size_t count = each_program("good-", compare, &s);

		cr_expect(count >= 80, "only %zu programs were found", count);
		cr_expect_eq(s.bad, 0, "%d differences", s.bad);
	}
}

Test(programs, same_with_randomisation, .timeout = 3000)
{
	compare_all(false);
}

Test(programs, same_without_randomisation, .timeout = 3000)
{
	compare_all(true);
}
