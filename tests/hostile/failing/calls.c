/* Which errnos a system call has, by its manual page. */
#include "failing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define LIST(...)                                                                              \
	{                                                                                      \
		__VA_ARGS__, 0                                                                 \
	}

static const struct {
	long number;
	const char *name;
	int errnos[40];
} calls[] = {
	/* clang-format off */
	{SYS_arch_prctl, "arch_prctl", LIST(EFAULT, EINVAL, ENODEV, EEXIST, ENOMEM)},
	{SYS_brk, "brk", LIST(ENOMEM)},
	{SYS_capget, "capget", LIST(EFAULT, EINVAL, EPERM, ESRCH)},
	{SYS_capset, "capset", LIST(EFAULT, EINVAL, ESRCH)},
	{SYS_close, "close", LIST(EBADF, EINTR, EIO, ENOSPC, EDQUOT)},
	{SYS_close_range, "close_range", LIST(EINVAL, EMFILE, ENOMEM)},
	{SYS_execveat, "execveat", LIST(E2BIG, EACCES, EAGAIN, EBADF, EFAULT, EINVAL, EIO, EISDIR, ELIBBAD,
		ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOEXEC, ENOMEM, ENOTDIR, ETXTBSY)},
	{SYS_faccessat, "faccessat", LIST(EACCES, EBADF, EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT,
		ENOMEM, ENOTDIR, EROFS, ETXTBSY)},
	{SYS_faccessat2, "faccessat", LIST(EACCES, EBADF, EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT,
		ENOMEM, ENOTDIR, EROFS, ETXTBSY)},
	{SYS_fcntl, "fcntl", LIST(EACCES, EAGAIN, EBADF, EBUSY, EFAULT, EINTR, EINVAL, EMFILE, ENOTDIR)},
	{SYS_fgetxattr, "fgetxattr", LIST(E2BIG, ENODATA, EOPNOTSUPP, ERANGE, EBADF, EIO)},
	{SYS_fstatfs, "fstatfs", LIST(EBADF, EFAULT, EINTR, EIO, ENOMEM, EOVERFLOW)},
	{SYS_futex, "futex", LIST(EACCES, EAGAIN, EFAULT, EINVAL)},
	{SYS_get_robust_list, "get_robust_list", LIST(EFAULT, ESRCH)},
	{SYS_getdents64, "getdents64", LIST(EBADF, EFAULT, EINVAL, ENOENT, ENOTDIR)},
	{SYS_getegid, "getegid", LIST(ENOSYS)},
	{SYS_geteuid, "geteuid", LIST(ENOSYS)},
	{SYS_getgid, "getgid", LIST(ENOSYS)},
	{SYS_getpid, "getpid", LIST(ENOSYS)},
	{SYS_getrandom, "getrandom", LIST(EAGAIN, EFAULT, EINTR, EINVAL)},
	{SYS_getresgid, "getresgid", LIST(EFAULT)},
	{SYS_getresuid, "getresuid", LIST(EFAULT)},
	{SYS_gettid, "gettid", LIST(ENOSYS)},
	{SYS_getuid, "getuid", LIST(ENOSYS)},
	{SYS_ioctl, "ioctl", LIST(E2BIG, EBADF, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOTTY, ESRCH)},
	{SYS_lseek, "lseek", LIST(EBADF, EINVAL, ENXIO, EOVERFLOW, ESPIPE)},
	{SYS_madvise, "madvise", LIST(EACCES, EAGAIN, EBADF, EBUSY, EFAULT, EHWPOISON, EINVAL, EIO, ENOMEM,
		EPERM)},
	{SYS_memfd_create, "memfd_create", LIST(EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, EPERM)},
	{SYS_mincore, "mincore", LIST(EAGAIN, EFAULT, EINVAL, ENOMEM)},
	{SYS_mlockall, "mlockall", LIST(EAGAIN, EINVAL, ENOMEM, EPERM)},
	{SYS_mmap, "mmap", LIST(EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW,
		EPERM, ETXTBSY)},
	{SYS_mprotect, "mprotect", LIST(EACCES, EINVAL, ENOMEM)},
	{SYS_mremap, "mremap", LIST(EAGAIN, EFAULT, EINVAL, ENOMEM)},
	{SYS_munlockall, "munlockall", LIST(EPERM)},
	{SYS_munmap, "munmap", LIST(EINVAL, ENOMEM)},
	/* Which of several calls for one thing it is depends on the libc: they have one name. */
	{SYS_stat, "stat", LIST(EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR,
		EOVERFLOW)},
	{SYS_fstat, "stat", LIST(EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR,
		EOVERFLOW)},
	{SYS_newfstatat, "stat", LIST(EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR,
		EOVERFLOW)},
	{SYS_open, "open", LIST(EACCES, EBADF, EBUSY, EINTR, EINVAL, EIO, EISDIR, ELOOP, EMFILE,
		ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOTDIR, ENXIO, EOVERFLOW, EPERM, EROFS, ETXTBSY,
		EWOULDBLOCK)},
	{SYS_openat, "open", LIST(EACCES, EBADF, EBUSY, EINTR, EINVAL, EIO, EISDIR, ELOOP, EMFILE,
		ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOTDIR, ENXIO, EOVERFLOW, EPERM, EROFS, ETXTBSY,
		EWOULDBLOCK)},
	{SYS_personality, "personality", LIST(EINVAL)},
	{SYS_prctl, "prctl", LIST(EACCES, EBADF, EBUSY, EFAULT, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, EPERM,
		ERANGE)},
	{SYS_pread64, "pread", LIST(EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW,
		ESPIPE)},
	{SYS_prlimit64, "prlimit", LIST(EFAULT, EINVAL, EPERM, ESRCH)},
	{SYS_read, "read", LIST(EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR)},
	{SYS_readlink, "readlink", LIST(EACCES, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR)},
	{SYS_rseq, "rseq", LIST(EINVAL, EPERM, EBUSY, EFAULT)},
	{SYS_rt_sigaction, "rt_sigaction", LIST(EFAULT, EINVAL)},
	{SYS_rt_sigprocmask, "rt_sigprocmask", LIST(EFAULT, EINVAL)},
	{SYS_rt_sigqueueinfo, "rt_sigqueueinfo", LIST(EAGAIN, EINVAL, EPERM, ESRCH)},
	{SYS_rt_sigtimedwait, "rt_sigtimedwait", LIST(EAGAIN, EINTR, EINVAL)},
	{SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo", LIST(EAGAIN, EINVAL, EPERM, ESRCH)},
	{SYS_process_vm_readv, "process_vm_readv", LIST(EFAULT, EINVAL, ENOMEM, EPERM, ESRCH)},
	{SYS_process_vm_writev, "process_vm_writev", LIST(EFAULT, EINVAL, ENOMEM, EPERM, ESRCH)},
	{SYS_set_robust_list, "set_robust_list", LIST(EINVAL)},
	{SYS_set_tid_address, "set_tid_address", LIST(ENOSYS)},
	{SYS_setfsgid, "setfsgid", LIST(ENOSYS)},
	{SYS_setfsuid, "setfsuid", LIST(ENOSYS)},
	{SYS_setresgid, "setresgid", LIST(EAGAIN, EINVAL, EPERM)},
	{SYS_setresuid, "setresuid", LIST(EAGAIN, EINVAL, EPERM)},
	{SYS_sigaltstack, "sigaltstack", LIST(EFAULT, EINVAL, ENOMEM, EPERM)},
	{SYS_timer_delete, "timer_delete", LIST(EINVAL)},
	{SYS_uname, "uname", LIST(EFAULT)},
	{SYS_unshare, "unshare", LIST(EINVAL, ENOMEM, ENOSPC, EPERM, EUSERS)},
	{SYS_writev, "write", LIST(EAGAIN, EBADF, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM, EPIPE)},
	{SYS_write, "write", LIST(EAGAIN, EBADF, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM, EPIPE)},
	{-1, "malloc", LIST(ENOMEM)},
	/* clang-format on */
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

const char *call_name(long number)
{
	static char other[32];

	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].number == number)
			return calls[i].name;
	snprintf(other, sizeof(other), "call %ld", number);
	return other;
}

static bool contains(const int *list, size_t count, int errnum)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == errnum)
			return true;
	return false;
}

size_t call_errnos_by_name(const char *name, int errnos[64])
{
	static const int by_filter[] = {ENOSYS, EPERM};
	size_t call = 0, n = 0;

	while (call < CALLS && strcmp(calls[call].name, name) != 0)
		call++;
	if (call == CALLS)
		return 0;
	while (calls[call].errnos[n]) {
		errnos[n] = calls[call].errnos[n];
		n++;
	}
	for (size_t i = 0; calls[call].number >= 0 && i < 2; i++)
		if (!contains(errnos, n, by_filter[i]))
			errnos[n++] = by_filter[i];
	return n;
}

size_t call_errnos(long number, int errnos[64])
{
	return call_errnos_by_name(call_name(number), errnos);
}
