#include "narrow.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

/* ---- limits ---- */

struct limit {
	__rlimit_resource_t resource;
	rlim_t most;
};

static void set_limit(const void *data)
{
	const struct limit *l = data;
	struct rlimit limit;

	getrlimit(l->resource, &limit);
	limit.rlim_cur = l->most;
	must(setrlimit(l->resource, &limit) == 0, "setrlimit");
}

#define LIMIT(resource, most)                                                                  \
	set_limit, &(const struct limit)                                                       \
	{                                                                                      \
		RLIMIT_##resource, most                                                        \
	}

/* Leaves room for *DATA mappings more. */
static void use_mappings_up(const void *data)
{
	const int *room = data;
	size_t page = 4096, count = 1 << 21;
	char *area = mmap(NULL, count * page, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t used = 1;

	must(area != MAP_FAILED, "mmap");
	while (used < count && mprotect(area + used * page, page, PROT_READ) == 0)
		used += 2;
	must(used > 2, "mprotect"); /* with a limit that is higher there is room for all */
	for (int i = 0; i < *room && used > 2; i += 2)
		munmap(area + (used -= 2) * page, page);
}

/* ---- descriptors ---- */

static void close_streams(const void *data)
{
	(void)data;
	close(0);
	close(2);
}

static void close_all_streams(const void *data)
{
	(void)data;
	close(0);
	close(1);
	close(2);
}

static void open_it(int flags, const char *name)
{
	trial_fd = open(testdata(name), flags);
	must(trial_fd >= 0, name);
}

static void open_path(const void *data)
{
	open_it(O_PATH, data);
}

static void open_path_cloexec(const void *data)
{
	open_it(O_PATH | O_CLOEXEC, data);
}

/* A copy in memory of the program DATA. */
static void make_memfd(const void *data)
{
	size_t size;
	char *bytes = read_whole(testdata(data), &size);

	trial_fd = memfd_create("narrow", MFD_CLOEXEC);
	must(trial_fd >= 0 && bytes && write(trial_fd, bytes, size) == (ssize_t)size, "memfd");
	free(bytes);
}

static void make_empty_memfd(const void *data)
{
	(void)data;
	trial_fd = memfd_create("narrow", MFD_CLOEXEC);
	must(trial_fd >= 0, "memfd_create");
}

static void open_pipe(const void *data)
{
	int ends[2];

	(void)data;
	must(pipe(ends) == 0, "pipe");
	trial_fd = ends[0];
}

static void open_socket(const void *data)
{
	(void)data;
	trial_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	must(trial_fd >= 0, "socket");
}

static void open_directory(const void *data)
{
	(void)data;
	trial_fd = open("/", O_RDONLY | O_DIRECTORY);
	must(trial_fd >= 0, "/");
}

/* ---- files ---- */

static void nothing(const void *data)
{
	(void)data;
}

/* Names are fixed, so that all three ways load the same; who comes later finds them made. */
static void make_fifo(const void *data)
{
	must(mkfifo(data, 0755) == 0 || errno == EEXIST, data);
	chmod(data, 0755);
}

/* ---- what is forbidden ---- */

static void forbid(const void *data)
{
	const unsigned *number = data;

	forbid_call(*number, EPERM);
}

#define FORBID(name)                                                                           \
	forbid, &(const unsigned)                                                              \
	{                                                                                      \
		SYS_##name                                                                     \
	}

#include "test_forbidden.h" /* rows with FORBID */

static void no_new_privileges(const void *data)
{
	(void)data;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

/* As root of a user namespace of one's own, where that is permitted at all. */
static void user_namespace(const void *data)
{
	char map[64];
	uid_t uid = geteuid();

	(void)data;
	if (unshare(CLONE_NEWUSER) < 0)
		return;
	snprintf(map, sizeof(map), "0 %u 1\n", uid);
	write_to("/proc/self/uid_map", map);
}

/* The same, and nobody in it: the user has no name there. */
static void unmapped_user(const void *data)
{
	(void)data;
	(void)!unshare(CLONE_NEWUSER);
}

/* ---- what root can mount ---- */

static void own_mounts(void)
{
	must(unshare(CLONE_NEWNS) == 0, "CLONE_NEWNS");
	must(keep_mounts_private(), "private mounts");
}

static void hide_proc(const void *data)
{
	(void)data;
	own_mounts();
	must(mount("none", "/proc", "tmpfs", MS_RDONLY, NULL) == 0, "/proc");
}

/* The program DATA at /mnt/program, on a file system of its own, mounted with FLAGS. */
static void mount_program(const char *program, unsigned long flags)
{
	const char *from = testdata(program);
	size_t size;
	char *bytes = read_whole(from, &size);

	own_mounts();
	must(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0, "/mnt");
	int fd = open("/mnt/program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	must(fd >= 0 && bytes && write(fd, bytes, size) == (ssize_t)size, "/mnt/program");
	close(fd);
	free(bytes);
	must(mount("none", "/mnt", NULL, MS_REMOUNT | flags, "mode=755") == 0, "remount");
}

static void on_noexec(const void *data)
{
	mount_program(data, MS_NOEXEC);
}

static void on_read_only(const void *data)
{
	mount_program(data, MS_RDONLY | MS_NOATIME);
}

/* The dynamic linker is on a file system where nothing may be executed; DATA is its path. */
static void noexec_interpreter(const void *data)
{
	own_mounts();
	must(mount(data, data, NULL, MS_BIND, NULL) == 0, data);
	must(mount("none", data, NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL) == 0, "noexec");
}

static void enter_empty_root(const void *data)
{
	open_it(O_RDONLY, data);
	own_mounts();
	must(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0, "/mnt");
	must(chroot("/mnt") == 0 && chdir("/") == 0, "chroot");
}

/* The same, but /proc is there, which is all that is needed. */
static void enter_root_with_proc(const void *data)
{
	open_it(O_RDONLY, data);
	own_mounts();
	must(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0, "/mnt");
	must(mkdir("/mnt/proc", 0755) == 0, "/mnt/proc");
	must(mount("/proc", "/mnt/proc", NULL, MS_BIND | MS_REC, NULL) == 0, "bind /proc");
	must(chroot("/mnt") == 0 && chdir("/") == 0, "chroot");
}

/* Its interpreter is a file of a tebibyte, nearly all of it a hole. */
static void huge_interpreter(const void *data)
{
	mount_program("own-interp", 0);
	must(truncate("/mnt/program", INT64_C(1) << 40) == 0, "truncate");
	must(mount("/mnt/program", data, NULL, MS_BIND, NULL) == 0, data);
}

/* ---- the rows ---- */

/* clang-format off */
const struct narrow narrow_rows[] = {
	{"RLIMIT_AS: enough", LIMIT(AS, 256 * MIB), "good-c-pie", NULL, 0},
	{"RLIMIT_AS: not for both at once", LIMIT(AS, 1024 * MIB + 1216 * KIB), "good-bss-1g", "ulimit", 0},
	{"RLIMIT_AS: not for the program", LIMIT(AS, 512 * MIB), "good-bss-1g", NULL, 0},
	{"RLIMIT_AS: for nothing more", LIMIT(AS, 4 * KIB), "good-asm", "", BY_LIBRARY_ONLY},
	{"RLIMIT_DATA: enough", LIMIT(DATA, 64 * MIB), "good-c-pie", NULL, 0},
	{"RLIMIT_DATA: not for the program", LIMIT(DATA, 512 * MIB), "good-bss-1g", NULL, 0},
	{"RLIMIT_DATA: for nothing", LIMIT(DATA, 0), "good-asm", "", BY_LIBRARY_ONLY | PERHAPS},
	{"RLIMIT_STACK: 128 KiB", LIMIT(STACK, 128 * KIB), "good-c-static", NULL, 0},
	{"RLIMIT_STACK: 64 KiB", LIMIT(STACK, 64 * KIB), "good-c-pie", NULL, 0},
	{"RLIMIT_STACK: 64 KiB, a 32-bit program", LIMIT(STACK, 64 * KIB), "unsupported-elf32", "32-bit", 0},
	{"RLIMIT_STACK: 64 KiB, a script", LIMIT(STACK, 64 * KIB), "odd-script", NULL, 0},
	{"RLIMIT_STACK: 20 KiB", LIMIT(STACK, 20 * KIB), "good-asm", "", PERHAPS | BY_LIBRARY_ONLY},
	{"RLIMIT_STACK: 4 KiB", LIMIT(STACK, 4 * KIB), "good-asm", "", PERHAPS | BY_LIBRARY_ONLY},
	{"RLIMIT_STACK: unlimited", LIMIT(STACK, RLIM_INFINITY), "good-c-pie", NULL, 0},
	{"RLIMIT_STACK: unlimited, static PIE", LIMIT(STACK, RLIM_INFINITY), "good-c-static-pie", NULL, 0},
	{"RLIMIT_NOFILE: 3", LIMIT(NOFILE, 3), "good-c-static", "ulimit -n", 0},
	{"RLIMIT_NOFILE: 4", LIMIT(NOFILE, 4), "good-c-static", "ulimit -n", PERHAPS},
	{"RLIMIT_NOFILE: 5", LIMIT(NOFILE, 5), "good-c-pie", "ulimit -n", PERHAPS},
	{"RLIMIT_NOFILE: 6", LIMIT(NOFILE, 6), "good-c-pie", NULL, 0},
	{"RLIMIT_NOFILE: 0", LIMIT(NOFILE, 0), "good-asm", "ulimit -n", 0},
	{"RLIMIT_FSIZE: 0", LIMIT(FSIZE, 0), "good-c-pie", NULL, 0},
	{"RLIMIT_NPROC: 0", LIMIT(NPROC, 0), "good-c-pie", NULL, 0},
	{"RLIMIT_MEMLOCK: 0", LIMIT(MEMLOCK, 0), "good-c-pie", NULL, 0},

	{"no mapping more", use_mappings_up, &(const int){0}, "good-c-pie", "", BY_LIBRARY_ONLY},
	{"2 mappings more", use_mappings_up, &(const int){2}, "good-c-pie", "", BY_LIBRARY_ONLY | PERHAPS},
	{"6 mappings more", use_mappings_up, &(const int){6}, "good-c-pie", "", BY_LIBRARY_ONLY | PERHAPS},
	{"10 mappings more", use_mappings_up, &(const int){10}, "good-c-pie", "", BY_LIBRARY_ONLY | PERHAPS},
	{"14 mappings more", use_mappings_up, &(const int){14}, "good-c-pie", "", BY_LIBRARY_ONLY | PERHAPS},
	{"20 mappings more", use_mappings_up, &(const int){20}, "good-c-pie", "", BY_LIBRARY_ONLY | PERHAPS},
	{"40 mappings more", use_mappings_up, &(const int){40}, "good-c-pie", NULL, BY_LIBRARY_ONLY},

	{"standard input and error closed", close_streams, NULL, "show-fds", NULL, 0},
	{"all streams closed", close_all_streams, NULL, "good-end-42", NULL, 0},
	{"all streams closed, with an interpreter", close_all_streams, NULL, "good-c-pie", NULL, 0},

	{"O_PATH", open_path, "good-c-static", "good-c-static", NULL, FROM_FD},
	{"O_PATH, closed by exec", open_path_cloexec, "good-c-pie", "good-c-pie", NULL, FROM_FD},
	{"O_PATH, a script", open_path, "odd-script", "odd-script", NULL, FROM_FD},
	{"O_PATH, a script that exec closes", open_path_cloexec, "odd-script", "good-asm", NULL, FROM_FD},
	{"a memfd", make_memfd, "good-c-pie", "good-c-pie", NULL, FROM_FD},
	{"a memfd, static PIE", make_memfd, "good-c-static-pie", "good-asm", NULL, FROM_FD},
	{"an empty memfd", make_empty_memfd, NULL, "good-asm", NULL, FROM_FD},
	{"a pipe", open_pipe, NULL, "good-asm", NULL, FROM_FD},
	{"a socket", open_socket, NULL, "good-asm", NULL, FROM_FD},
	{"a directory's descriptor", open_directory, NULL, "good-asm", NULL, FROM_FD},
	{"a descriptor that is none", nothing, NULL, "good-asm", NULL, FROM_FD},

	{"a directory", nothing, NULL, "/", NULL, 0},
	{"/dev/null", nothing, NULL, "/dev/null", NULL, 0},
	{"/dev/zero", nothing, NULL, "/dev/zero", NULL, 0},
	{"/dev/tty", nothing, NULL, "/dev/tty", NULL, 0},
	{"/proc/self/mem", nothing, NULL, "/proc/self/mem", NULL, 0},
	{"/proc/self/exe/x", nothing, NULL, "/proc/self/exe/x", NULL, 0},
	{"a FIFO that nobody writes to", make_fifo, NARROW_FIFO, NARROW_FIFO, NULL, 0},

	{"an interpreter that is missing", nothing, NULL, "bad-interp-missing", NULL, 0},

	{"no_new_privs", no_new_privileges, NULL, "good-c-pie", NULL, 0},
	{"a user namespace", user_namespace, NULL, "good-c-pie", NULL, 0},
	{"an unmapped user", unmapped_user, NULL, "good-c-pie", NULL, 0},
	{"no prctl", FORBID(prctl), "good-c-pie", NULL, 0},
	{"no ptrace", FORBID(ptrace), "good-c-pie", NULL, 0},
	{"no execveat", FORBID(execveat), "good-c-pie", NULL, 0},
	{"no unshare", FORBID(unshare), "good-c-pie", NULL, 0},
	{"no personality", FORBID(personality), "good-c-pie", NULL, 0},
	{"no memfd_create", FORBID(memfd_create), "good-c-pie", NULL, 0},
	{"no process_vm_writev", FORBID(process_vm_writev), "good-c-pie", NULL, 0},
	{"no getrandom", FORBID(getrandom), "good-asm", "getrandom", 0},
	TEST_FORBIDDEN_ROWS
};
const size_t narrow_row_count = sizeof(narrow_rows) / sizeof(narrow_rows[0]);

const struct narrow narrow_root_rows[] = {
	{"no /proc", hide_proc, NULL, "good-c-pie", "/proc", PERHAPS}, /* segload, if static */
	{"noexec", on_noexec, "good-c-static", "/mnt/program", NULL, 0},
	{"read-only", on_read_only, "good-c-pie", "/mnt/program", NULL, 0},
	{"noexec where the interpreter is", noexec_interpreter, "/lib64/ld-linux-x86-64.so.2", "good-c-pie", NULL, 0},
	{"a chroot with nothing in it", enter_empty_root, "good-c-static", "good-asm", "/proc", FROM_FD},
	{"a chroot without the interpreter", enter_empty_root, "good-c-pie", "good-asm", NULL, FROM_FD},
	{"a chroot with /proc", enter_root_with_proc, "good-c-static", "good-asm", NULL, FROM_FD},
	{"a huge interpreter", huge_interpreter, "/lib64/ld-linux-x86-64.so.2", "good-c-pie", NULL, 0},
};
const size_t narrow_root_row_count = sizeof(narrow_root_rows) / sizeof(narrow_root_rows[0]);
/* clang-format on */
