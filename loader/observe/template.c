/* Making a template, and ending it. */
#include "template.h"

#include "read.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(struct segmap_tracee *tracee, const struct segmap_template_setup *setup,
		 struct segmap_template_error *err)
{
	const struct segmap_tracee_setup how = {
		.path = setup->path,
		.argv = setup->argv,
		.envp = setup->envp,
		.loader = setup->loader,
		.no_aslr = setup->no_aslr,
		.user = (uid_t)-1,
		.standard = {-1, -1, -1},
		.started = setup->started,
		.data = setup->data,
	};
	int r = segmap_tracee_start(tracee, &how);

	if (r < 0)
		return template_fail(err, SYSTEM, -r, .step = "ptrace");
	if (!tracee->ended)
		return 0;
	if (tracee->exec_errno)
		return template_fail(err, REFUSED, tracee->exec_errno, .step = "execve");
	return template_fail(err, REFUSED, ENOEXEC, .status = tracee->status);
}

static void free_template(struct segmap_template *t)
{
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->socket >= 0)
		close(t->socket);
	bytes_free(&t->auxv);
	free(t->path);
	free(t);
}

static struct segmap_template *new_template(const struct segmap_template_setup *setup)
{
	struct segmap_template *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->pidfd = t->socket = -1;
	t->aslr = !setup->no_aslr;
	t->path = strdup(setup->path);
	if (t->path)
		return t;
	free_template(t);
	return NULL;
}

int segmap_template_create(struct segmap_template **template,
			   const struct segmap_template_setup *setup,
			   struct segmap_template_error *err)
{
	struct segmap_template *t = new_template(setup);
	struct segmap_tracee tracee;

	if (!t)
		return template_fail(err, SYSTEM, ENOMEM, .step = "malloc");
	int r = start(&tracee, setup, err);
	if (r < 0) {
		free_template(t);
		return r;
	}
	t->pid = tracee.pid;
	t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	if (t->pidfd < 0)
		r = template_fail(err, SYSTEM, errno, .step = "pidfd_open");
	if (r == 0)
		r = template_reach(t, &tracee, setup, err);
	if (r == 0)
		r = template_install(t, &tracee, err);
	if (r == 0) {
		*template = t;
		return 0;
	}
	segmap_tracee_destroy(&tracee);
	free_template(t);
	return r;
}

int segmap_template_fd(const struct segmap_template *template)
{
	return template->socket;
}

pid_t segmap_template_pid(const struct segmap_template *template)
{
	return template->pid;
}

int segmap_template_wait(pid_t pid, bool nohang, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, nohang ? WNOHANG : 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got > 0;
}

/* By the descriptor: the number may be another's by now, if somebody has waited for it. */
void segmap_template_destroy(struct segmap_template *t)
{
	if (!t)
		return;
	if (!t->ended) {
		syscall(SYS_pidfd_send_signal, t->pidfd, SIGKILL, NULL, 0);
		while (waitpid(t->pid, &t->status, 0) < 0 && errno == EINTR)
			;
	}
	free_template(t);
}
