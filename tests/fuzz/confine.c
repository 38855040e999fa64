/* SPDX-License-Identifier: MIT */
/*
 * A changed program may jump anywhere in its own few instructions, one of which is `syscall`
 * with whatever is in the registers. So it gets a user without rights (the tracee's own doing),
 * limits, a time to live, and a list of system calls that fail. Both loaders get the same.
 *
 * There is no RLIMIT_AS: segload and its program share it for a while (kernel-differences.md),
 * and the little processor time does not suffice to fill the memory.
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	CPU_MSEC = 60,     /* a load by segload takes 2 */
	REAL_MSEC = 2000,  /* for one that waits */
	OUTPUT_MAX = 8192, /* the whole of base.c's output has a few hundred bytes */
};

/* What reaches other processes, the network or the file system. Neither a loader nor base.c
 * needs any of these; tgkill is segload's own SIGSTOP (--stop-at=entry). */
static const int denied[] = {
	SYS_kill,     SYS_tkill,       SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_clone,    SYS_clone3,      SYS_ptrace,          SYS_process_vm_writev,
	SYS_socket,   SYS_socketpair,  SYS_mount,           SYS_unshare,
	SYS_setns,    SYS_bpf,         SYS_perf_event_open, SYS_io_uring_setup,
	SYS_unlinkat, SYS_renameat2,   SYS_linkat,          SYS_symlinkat,
	SYS_mkdirat,  SYS_mknodat,     SYS_fchmodat,        SYS_fchownat,
	SYS_shmget,   SYS_msgget,      SYS_semget,          SYS_keyctl,
	SYS_add_key,  SYS_setpriority, SYS_pidfd_open,      SYS_pidfd_send_signal,
#ifdef SYS_fork /* where the old calls are still there */
	SYS_fork,     SYS_vfork,       SYS_unlink,          SYS_rename,
	SYS_link,     SYS_symlink,     SYS_mkdir,           SYS_rmdir,
	SYS_mknod,    SYS_chmod,       SYS_chown,           SYS_creat,
#endif
};

enum { DENIED = sizeof(denied) / sizeof(denied[0]) };

static bool deny_calls(void)
{
	struct sock_filter code[2 * DENIED + 2];
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < DENIED; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned)denied[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							 SECCOMP_RET_ERRNO | EPERM);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool limit(int what, rlim_t value)
{
	struct rlimit r = {value, value};

	return setrlimit((__rlimit_resource_t)what, &r) == 0;
}

static bool limit_time(int which, unsigned msec)
{
	struct itimerval t = {
		.it_value = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000}};

	return setitimer((__itimer_which_t)which, &t, NULL) == 0;
}

/* The timers survive execve, and the death they bring is the same for both. */
void confine(void *data)
{
	const struct limits *limits = data;

	for (int n = 1; n < 32; n++)
		signal(n, SIG_DFL);
	if (chdir(limits->directory) < 0 || !limit(RLIMIT_CORE, 0) ||
	    !limit(RLIMIT_FSIZE, OUTPUT_MAX) || !limit(RLIMIT_CPU, 2 + limits->scale) ||
	    !limit(RLIMIT_NOFILE, 64) || !limit_time(ITIMER_PROF, CPU_MSEC * limits->scale) ||
	    !limit_time(ITIMER_REAL, REAL_MSEC * limits->scale) || !deny_calls())
		_exit(124);
}
