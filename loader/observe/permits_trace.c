/* Trials of what can be done with another process. */
#include "arch_tracee.h"
#include "compat_program.h"
#include "permits.h"
#include "tracee_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that waits to be killed, and dies with its parent in any case. */
static pid_t fork_waiting(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static _Noreturn void be_traced(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(errno & 0xff);
	raise(SIGSTOP);
	_exit(0);
}

int try_ptrace(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		be_traced();
	if (pid < 0)
		return TRIAL_UNKNOWN + errno;
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (WIFSTOPPED(status)) {
		end(pid);
		return 0;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EPERM;
}

/* Yama lets one trace one's descendants; so a sibling is what must be tried. */
static int attach(pid_t pid)
{
	int status = 0, error;
	pid_t tracer = fork();

	if (tracer == 0) {
		error = ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ? errno & 0xff : 0;
		_exit(error);
	}
	if (tracer < 0)
		return TRIAL_UNKNOWN + errno;
	while (waitpid(tracer, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

int try_attach(void)
{
	pid_t pid = fork_waiting();

	if (pid < 0)
		return TRIAL_UNKNOWN + errno;
	int error = attach(pid);
	end(pid);
	return error;
}

int try_breakpoints(void)
{
	int error = try_ptrace();

	if (error)
		return TRIAL_UNKNOWN + error % TRIAL_UNKNOWN;
	if (!arch_can_reach())
		return EOPNOTSUPP;
	return segmap_tracee_must_step() ? ENODEV : 0;
}

/* ---- randomisation ---- */

/* Where the stack of this program is at its first instruction. */
static int find_stack(bool no_aslr, uint64_t *sp)
{
	char path[PATH_MAX], name[] = "segmap", *argv[] = {name, NULL};
	struct user_regs_struct registers;
	struct segmap_tracee tracee;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (size < 0)
		return errno;
	path[size] = '\0';
	const struct segmap_tracee_setup setup = {
		.path = path,
		.argv = argv,
		.no_aslr = no_aslr,
		.user = (uid_t)-1,
		.standard = {-1, -1, -1},
	};
	int r = segmap_tracee_start(&tracee, &setup);
	if (r < 0)
		return -r;
	r = tracee.ended ? -EPERM : segmap_tracee_registers(&tracee, &registers);
	segmap_tracee_destroy(&tracee);
	*sp = r == 0 ? arch_sp(&registers) : 0;
	return -r;
}

static int compare_stacks(bool no_aslr, bool *same)
{
	uint64_t first = 0, again = 0;
	int error = try_ptrace();

	if (error)
		return error % TRIAL_UNKNOWN;
	error = find_stack(no_aslr, &first);
	if (!error)
		error = find_stack(no_aslr, &again);
	*same = first == again;
	return error;
}

int try_aslr(void)
{
	bool same = false;
	int error = compare_stacks(false, &same);

	if (error)
		return TRIAL_UNKNOWN + error;
	return same ? ENOTSUP : 0;
}

int try_no_aslr(void)
{
	bool same = false;
	int error = compare_stacks(true, &same);

	if (error)
		return error == EPERM ? EPERM : TRIAL_UNKNOWN + error;
	return same ? 0 : ENOTSUP;
}

/* ---- 32-bit programs ---- */

int try_compat(void)
{
	int fd = memfd_create("program", MFD_CLOEXEC), status = 0;
	char name[] = "program", *argv[] = {name, NULL};

	if (fd < 0 ||
	    write(fd, &compat_program, sizeof(compat_program)) != sizeof(compat_program))
		return TRIAL_UNKNOWN + errno;
	pid_t pid = fork();
	if (pid == 0) {
		fexecve(fd, argv, argv + 1);
		_exit(errno & 0xff);
	}
	if (pid < 0)
		return TRIAL_UNKNOWN + errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		return ENOEXEC;
	/* fexecve goes through /proc where there is no execveat. */
	return WEXITSTATUS(status) == ENOENT ? TRIAL_UNKNOWN + ENOENT : WEXITSTATUS(status);
}
