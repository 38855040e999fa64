/* Which files can be opened for execution at all: exec.md 1.1, step 2. */
#include "elffile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <segmap/image.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef AT_EXECVE_CHECK /* Linux 6.14 */
#define AT_EXECVE_CHECK 0x10000
#endif

enum { NOBODY = 65534 };

static char folder[] = "/tmp/segmap-test-XXXXXX";
static char path[sizeof(folder) + 300];

static void make_folder(void)
{
	cr_assert_not_null(mkdtemp(folder), "%s: %m", folder);
	cr_assert_eq(chmod(folder, 0755), 0);
}

static const char *in_folder(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

/* A file that is no program is refused before anything is read from it. */
static void expect_refused(const char *name, const char *file, enum segmap_object_id role,
			   int errnum, enum segmap_reason reason)
{
	struct segmap_image *const untouched = (struct segmap_image *)(void *)folder;
	struct segmap_image *image = untouched;
	struct segmap_error err = {0};
	int before = count_descriptors();
	int r = segmap_image_open(&image, file, role, &err);

	cr_expect_eq(r, -errnum, "%s: %d (%s)", name, r, segmap_reason_name(err.reason));
	cr_expect_eq(err.reason, reason, "%s: %s", name, segmap_reason_name(err.reason));
	cr_expect_eq(err.verdict, SEGMAP_VERDICT_ERRNO, "%s: %s", name,
		     segmap_verdict_name(err.verdict));
	cr_expect_eq(err.object, role, "%s: of the wrong object", name);
	cr_expect_eq(image, untouched, "%s: the output has changed", name);
	cr_expect_eq(count_descriptors(), before, "%s: descriptors", name);
}

Test(image_open, not_there)
{
	static const struct {
		const char *path;
		enum segmap_object_id role;
		int errnum;
		enum segmap_reason reason;
	} cases[] = {
		{"/nonexistent/file", SEGMAP_PROGRAM, ENOENT, SEGMAP_REASON_OPEN},
		{"/nonexistent/file", SEGMAP_INTERPRETER, ENOENT, SEGMAP_REASON_OPEN},
		{"", SEGMAP_PROGRAM, ENOENT, SEGMAP_REASON_OPEN},
		{"", SEGMAP_INTERPRETER, EACCES, SEGMAP_REASON_NOT_REGULAR}, /* [C01] */
		{"/dev/null/file", SEGMAP_PROGRAM, ENOTDIR, SEGMAP_REASON_OPEN},
		{"/tmp", SEGMAP_PROGRAM, EACCES, SEGMAP_REASON_NOT_REGULAR},
		{"/tmp", SEGMAP_INTERPRETER, EACCES, SEGMAP_REASON_NOT_REGULAR}, /* [C06] */
		{"/dev/null", SEGMAP_PROGRAM, EACCES, SEGMAP_REASON_NOT_REGULAR},
		{"/proc/self/mem", SEGMAP_PROGRAM, EACCES, SEGMAP_REASON_NOT_EXECUTABLE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_refused(cases[i].path, cases[i].path, cases[i].role, cases[i].errnum,
			       cases[i].reason);
}

Test(image_open, name_too_long)
{
	make_folder();
	memset(path, 'n', sizeof(path) - 1);
	memcpy(path, "/tmp/", 5);
	expect_refused("name too long", path, SEGMAP_PROGRAM, ENAMETOOLONG, SEGMAP_REASON_OPEN);
	remove_folder();
}

Test(image_open, symbolic_link_loop)
{
	make_folder();
	cr_assert_eq(symlink("loop", in_folder("loop")), 0);
	expect_refused("loop", path, SEGMAP_PROGRAM, ELOOP, SEGMAP_REASON_OPEN);
	remove_folder();
}

/* Opening it would wait for a writer. */
Test(image_open, fifo, .timeout = 600)
{
	make_folder();
	cr_assert_eq(mkfifo(in_folder("fifo"), 0755), 0);
	expect_refused("FIFO", path, SEGMAP_PROGRAM, EACCES, SEGMAP_REASON_NOT_REGULAR);
	expect_refused("FIFO", path, SEGMAP_INTERPRETER, EACCES, SEGMAP_REASON_NOT_REGULAR);
	remove_folder();
}

Test(image_open, sockets)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	make_folder();
	strcpy(address.sun_path, in_folder("socket"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_refused("socket", path, SEGMAP_PROGRAM, EACCES, SEGMAP_REASON_NOT_REGULAR);
	close(fd);
	remove_folder();
}

static struct elffile file;

Test(image_open, no_x_bit)
{
	static const mode_t modes[] = {0644, 0600, 0666};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct segmap_image *image = NULL;
		struct segmap_error err;

		elffile_init(&file);
		file.mode = modes[i];
		elffile_write(&file);
		expect_refused("no x bit", file.path, SEGMAP_PROGRAM, EACCES,
			       SEGMAP_REASON_NOT_EXECUTABLE);
		expect_refused("no x bit", file.path, SEGMAP_INTERPRETER, EACCES,
			       SEGMAP_REASON_NOT_EXECUTABLE); /* [C05] */
		cr_expect_eq(segmap_image_inspect(&image, file.path, SEGMAP_PROGRAM, &err), 0,
			     "looking is allowed");
		segmap_image_free(image);
		elffile_remove(&file);
	}
}

/* No longer root, if it was. */
static void become_nobody(void)
{
	if (geteuid() == 0 && setresgid(NOBODY, NOBODY, NOBODY) < 0 && errno == EINVAL)
		cr_skip_test("root is the only user of this user namespace");
	if (geteuid() == 0)
		cr_assert(setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
			  setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

/* The kernel runs what it may not read; a loader cannot. */
Test(image_open, unreadable)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};

	become_nobody();
	elffile_init(&file);
	file.mode = 0111;
	elffile_write(&file);
	cr_expect_eq(segmap_image_open(&image, file.path, SEGMAP_PROGRAM, &err), -EACCES);
	cr_expect_eq(err.reason, SEGMAP_REASON_UNREADABLE, "%s",
		     segmap_reason_name(err.reason));
	cr_expect_eq(err.verdict, SEGMAP_VERDICT_UNSUPPORTED);
	elffile_remove(&file);
	file.mode = 0000;
	elffile_write(&file);
	expect_refused("mode 0", file.path, SEGMAP_PROGRAM, EACCES, SEGMAP_REASON_OPEN);
	elffile_remove(&file);
}

/* Permission for others only does not help the owner. */
Test(image_open, permission_of_others)
{
	become_nobody();
	elffile_init(&file);
	file.mode = 0655;
	elffile_write(&file);
	expect_refused("owner without x", file.path, SEGMAP_PROGRAM, EACCES,
		       SEGMAP_REASON_NOT_EXECUTABLE);
	elffile_remove(&file);
}

/* Can this kernel be asked whether a file may be executed? */
static bool kernel_can_be_asked(void)
{
	char *const argv[] = {(char[]){"true"}, NULL};

	return syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, argv + 1, AT_EXECVE_CHECK) ==
	       0;
}

/* A file that someone is writing to. Before Linux 6.14 nobody but execve itself could know. */
Test(image_open, busy)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};

	elffile_init(&file);
	elffile_write(&file);
	int fd = open(file.path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	if (kernel_can_be_asked()) {
		expect_refused("busy", file.path, SEGMAP_PROGRAM, ETXTBSY, SEGMAP_REASON_BUSY);
		expect_refused("busy", file.path, SEGMAP_INTERPRETER, ETXTBSY,
			       SEGMAP_REASON_BUSY);
	}
	close(fd);
	cr_expect_eq(segmap_image_open(&image, file.path, SEGMAP_PROGRAM, &err), 0, "%s",
		     segmap_reason_name(err.reason));
	segmap_image_free(image);
	elffile_remove(&file);
}

/* What the image knows of its file, and that its descriptor is its own. */
Test(image_open, facts)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	struct stat st;

	elffile_init(&file);
	file.mode = 04751;
	elffile_write(&file);
	cr_assert_eq(stat(file.path, &st), 0);
	cr_assert_eq(segmap_image_open(&image, file.path, SEGMAP_PROGRAM, &err), 0);
	cr_expect(image->device == st.st_dev && image->inode == st.st_ino);
	cr_expect(image->mode == st.st_mode && image->owner == st.st_uid &&
		  image->group == st.st_gid);
	cr_expect_eq(image->file_size, ELFFILE_SIZE);
	cr_expect_eq(fcntl(image->fd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(fcntl(image->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	segmap_image_free(image);
	segmap_image_free(NULL);
	elffile_remove(&file);
}

static int memory_file(void)
{
	int fd = memfd_create("program", 0);

	cr_assert_geq(fd, 0);
	elffile_init(&file);
	cr_assert_eq(write(fd, file.bytes, file.size), (ssize_t)file.size);
	cr_assert_eq(fchmod(fd, 0755), 0);
	return fd;
}

/* A read-only descriptor of FD's file, which is closed. */
static int reopen(int fd)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	int again = open(name, O_RDONLY);
	cr_assert_geq(again, 0);
	close(fd);
	return again;
}

Test(image_open, from_a_descriptor)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	int fd = reopen(memory_file());

	cr_assert_eq(lseek(fd, 17, SEEK_SET), 17);
	cr_assert_eq(segmap_image_fdopen(&image, fd, "a name", SEGMAP_PROGRAM, &err), 0, "%s",
		     segmap_reason_name(err.reason));
	cr_expect_str_eq(image->path, "a name");
	cr_expect_neq(image->fd, fd, "the descriptor is duplicated");
	cr_expect_eq(fcntl(image->fd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(fcntl(fd, F_GETFD), 0, "the caller's stays as it is");
	cr_expect_eq(lseek(fd, 0, SEEK_CUR), 17, "its position too");
	cr_expect_eq(image->phdr_count, ELFFILE_HEADERS);
	segmap_image_free(image);
	cr_expect_eq(fcntl(fd, F_GETFD), 0, "the caller's is still open");
	close(fd);
}

Test(image_open, from_a_bad_descriptor)
{
	struct segmap_image *image = NULL;
	struct segmap_error err = {0};
	int fds[2];

	cr_expect_eq(segmap_image_fdopen(&image, -1, "none", SEGMAP_PROGRAM, &err), -EBADF);
	cr_expect_eq(err.reason, SEGMAP_REASON_OPEN);
	cr_expect_str_eq(err.path, "none");
	cr_assert_eq(pipe(fds), 0);
	int before = count_descriptors();
	cr_expect_eq(segmap_image_fdopen(&image, fds[0], "pipe", SEGMAP_PROGRAM, &err),
		     -EACCES);
	cr_expect_eq(err.reason, SEGMAP_REASON_NOT_REGULAR);
	cr_expect_eq(count_descriptors(), before, "a descriptor is left open");
	cr_expect_null(image);
	int fd = memory_file();
	cr_assert_eq(fchmod(fd, 0644), 0);
	fd = reopen(fd);
	cr_expect_eq(segmap_image_fdopen(&image, fd, "no x", SEGMAP_PROGRAM, &err), -EACCES);
	cr_expect_eq(err.reason, SEGMAP_REASON_NOT_EXECUTABLE, "%s",
		     segmap_reason_name(err.reason));
}
