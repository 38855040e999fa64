/*
 * Copied pages beside their files.
 *
 * A file is known by device and inode, as the mapping has them, and is opened by its path: who
 * finds another file there says so instead of comparing with the wrong one.
 */
#include <segmap/contents.h>
#include <segmap/pages.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SAVED_MAX = 16 << 20 };

/* A page of a file as it was. */
struct saved {
	uint64_t offset;
	char *bytes; /* owned */
};

struct file {
	uint64_t inode;
	unsigned major, minor;
	struct stat then;
	int error; /* positive errno of opening it then */
	bool late; /* it may have changed between the first look and when it was first seen */
	struct saved *saved; /* owned; by no order */
	size_t saved_count;
};

struct segmap_files {
	struct file *items;
	size_t count;
	size_t saved_size; /* of all, bytes */
	size_t page_size;
	char *pages;           /* owned; two, to be compared */
	bool looked;           /* once at least */
	struct timespec since; /* by the clock that files are dated by */
	/* The file that was asked for last stays open. */
	int fd;
	uint64_t fd_inode;
	unsigned fd_major, fd_minor;
};

int segmap_files_open(struct segmap_files **files)
{
	struct segmap_files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->fd = -1;
	f->page_size = (size_t)sysconf(_SC_PAGESIZE);
	f->pages = calloc(2, f->page_size);
	if (!f->pages) {
		free(f);
		return -ENOMEM;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &f->since);
	*files = f;
	return 0;
}

void segmap_files_free(struct segmap_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->items[i];

		for (size_t j = 0; j < file->saved_count; j++)
			free(file->saved[j].bytes);
		free(file->saved);
	}
	free(files->items);
	free(files->pages);
	if (files->fd >= 0)
		close(files->fd);
	free(files);
}

/* ---- finding ---- */

static struct file *find_file(const struct segmap_files *files,
			      const struct segmap_region *region)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->items[i].inode == region->inode &&
		    files->items[i].major == region->major &&
		    files->items[i].minor == region->minor)
			return &files->items[i];
	return NULL;
}

/* Opens the file of REGION: 0, or a negative errno; -ESTALE if its name is another's now. */
static int open_file(struct segmap_files *files, const struct segmap_region *region,
		     struct stat *st)
{
	if (files->fd >= 0 && files->fd_inode == region->inode &&
	    files->fd_major == region->major && files->fd_minor == region->minor)
		return fstat(files->fd, st) < 0 ? -errno : 0;
	/* Not to wait for whoever feeds a FIFO that has been put in the file's place. */
	int fd = open(region->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, st) < 0 ? -errno : 0;
	if (r == 0 && (st->st_ino != region->inode || major(st->st_dev) != region->major ||
		       minor(st->st_dev) != region->minor))
		r = -ESTALE;
	if (r < 0) {
		close(fd);
		return r;
	}
	if (files->fd >= 0)
		close(files->fd);
	files->fd = fd;
	files->fd_inode = region->inode;
	files->fd_major = region->major;
	files->fd_minor = region->minor;
	return 0;
}

/* ---- remembering ---- */

static struct saved *add_saved(struct file *file)
{
	size_t n = file->saved_count;

	if ((n & (n - 1)) == 0) {
		struct saved *more =
			reallocarray(file->saved, n ? 2 * n : 1, sizeof(*file->saved));
		if (!more)
			return NULL;
		file->saved = more;
	}
	return &file->saved[n];
}

/* Only what is in the page cache: what would have to be read now could not be written to by
 * the program through a mapping, and reading it would change what its faults find. */
static int save_page(struct segmap_files *files, struct file *file, uint64_t offset)
{
	const size_t size = files->page_size;
	struct iovec vec = {.iov_base = files->pages, .iov_len = size};
	struct saved *saved;
	char *bytes;

	memset(files->pages, 0, size); /* the end of the file may be in it */
	if (files->saved_size + size > SAVED_MAX ||
	    preadv2(files->fd, &vec, 1, (off_t)offset, RWF_NOWAIT) <= 0)
		return 0;
	saved = add_saved(file);
	bytes = saved ? malloc(size) : NULL;
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, files->pages, size);
	*saved = (struct saved){.offset = offset, .bytes = bytes};
	file->saved_count++;
	files->saved_size += size;
	return 0;
}

static int save_region(struct segmap_files *files, struct file *file,
		       const struct segmap_region *region)
{
	uint64_t size = region->end - region->start;
	int r = 0;

	if (size > SAVED_MAX)
		size = SAVED_MAX;
	for (uint64_t at = 0; r == 0 && at < size; at += files->page_size)
		r = save_page(files, file, region->offset + at);
	return r;
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static struct file *add_file(struct segmap_files *files, const struct segmap_region *region)
{
	struct file *more = reallocarray(files->items, files->count + 1, sizeof(*more));

	if (!more)
		return NULL;
	files->items = more;
	struct file *file = &more[files->count++];
	*file = (struct file){
		.inode = region->inode, .major = region->major, .minor = region->minor};
	file->error = -open_file(files, region, &file->then);
	file->late = files->looked && !is_before(file->then.st_ctim, files->since);
	return file;
}

int segmap_files_look(struct segmap_files *files, const struct segmap_regions *regions)
{
	size_t known = files->count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < regions->count; i++) {
		const struct segmap_region *region = &regions->items[i];
		struct stat now;

		if (segmap_region_kind(region) != SEGMAP_KIND_FILE_PRIVATE)
			continue;
		struct file *file = find_file(files, region);
		if (!file)
			file = add_file(files, region);
		if (!file)
			return -ENOMEM;
		/* Of a file that was known before, what it holds now is not what it held. */
		if ((size_t)(file - files->items) >= known && !file->error &&
		    region->perms[1] == 'w' && open_file(files, region, &now) == 0)
			r = save_region(files, file, region);
	}
	files->looked = true;
	return r;
}

/* ---- comparing ---- */

static void count_differing(const char *a, const char *b, size_t size,
			    struct segmap_contents *contents)
{
	for (size_t i = 0; i < size; i++) {
		if (a[i] == b[i])
			continue;
		if (contents->differing++ == 0)
			contents->first = i;
	}
}

/* A page of the file that is open; what is beyond its end stays 0. */
static int read_page(const struct segmap_files *files, uint64_t offset, char *page, size_t size)
{
	memset(page, 0, size);
	return pread(files->fd, page, size, (off_t)offset) < 0 ? -errno : 0;
}

static const struct saved *find_saved(const struct file *file, uint64_t offset)
{
	for (size_t i = 0; i < file->saved_count; i++)
		if (file->saved[i].offset == offset)
			return &file->saved[i];
	return NULL;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_unchanged(const struct file *file, const struct stat *now, uint64_t offset,
			 const char *page, size_t page_size)
{
	const struct saved *saved = find_saved(file, offset);

	return file->then.st_size == now->st_size &&
	       is_same_time(file->then.st_mtim, now->st_mtim) &&
	       is_same_time(file->then.st_ctim, now->st_ctim) &&
	       (!saved || memcmp(saved->bytes, page, page_size) == 0);
}

static int read_process(pid_t pid, uint64_t addr, char *page, size_t size)
{
	struct iovec here = {.iov_base = page, .iov_len = size};
	struct iovec there = {.iov_base = (void *)(uintptr_t)addr, .iov_len = size};
	ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

void segmap_contents_compare(struct segmap_files *files, pid_t pid,
			     const struct segmap_region *region, uint64_t addr,
			     struct segmap_contents *contents)
{
	const uint64_t offset = region->offset + addr - region->start;
	const struct file *file = find_file(files, region);
	const size_t size = files->page_size;
	char *in_file = files->pages, *in_process = files->pages + size;
	struct stat now = {0};

	*contents = (struct segmap_contents){.file = SEGMAP_FILE_UNKNOWN};
	int r = open_file(files, region, &now);
	if (r == 0)
		r = read_page(files, offset, in_file, size);
	contents->file_error = file && file->error ? file->error : -r;
	if (r == 0 && file && !file->error && !file->late)
		contents->file = is_unchanged(file, &now, offset, in_file, size)
					 ? SEGMAP_FILE_UNCHANGED
					 : SEGMAP_FILE_CHANGED;
	if (r == 0)
		r = read_process(pid, addr, in_process, size);
	contents->error = -r;
	if (r == 0)
		count_differing(in_file, in_process, size, contents);
}

const char *segmap_file_verdict_name(enum segmap_file_verdict verdict)
{
	static const char *const names[] = {
		[SEGMAP_FILE_UNCHANGED] = "unchanged",
		[SEGMAP_FILE_CHANGED] = "CHANGED",
		[SEGMAP_FILE_UNKNOWN] = "unknown",
	};

	return names[verdict];
}
