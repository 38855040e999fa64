/* SPDX-License-Identifier: MIT */
/* The file that craft makes: copied, read, written and resized without touching its holes. */
#include "craft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t file_size(void)
{
	struct stat st;

	if (fstat(out.fd, &st) != 0)
		fail("%s", strerror(errno));
	return (uint64_t)st.st_size;
}

void write_at(uint64_t offset, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t done = pwrite(out.fd, at, n, (off_t)offset);

		if (done <= 0)
			fail("write at 0x%jx: %s", (uintmax_t)offset, strerror(errno));
		at += done;
		offset += (uint64_t)done;
		n -= (size_t)done;
	}
}

/* What lies beyond the end of the file reads as zeros. */
static void read_at(uint64_t offset, void *bytes, size_t n)
{
	char *at = bytes;

	memset(bytes, 0, n);
	while (n) {
		ssize_t done = pread(out.fd, at, n, (off_t)offset);

		if (done < 0)
			fail("read at 0x%jx: %s", (uintmax_t)offset, strerror(errno));
		if (done == 0)
			return;
		at += done;
		offset += (uint64_t)done;
		n -= (size_t)done;
	}
}

void resize(uint64_t size)
{
	if (ftruncate(out.fd, (off_t)size) != 0)
		fail("size 0x%jx: %s", (uintmax_t)size, strerror(errno));
}

/* Only what has data is copied: a base may be sparse, and is so again in the copy. */
static void copy_base(const char *path)
{
	char buffer[65536];
	struct stat st;
	off_t from, to;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		fail("%s: %s", path, strerror(errno));
	resize((uint64_t)st.st_size);
	for (to = 0; (from = lseek(fd, to, SEEK_DATA)) >= 0;) {
		to = lseek(fd, from, SEEK_HOLE);
		while (from < to) {
			size_t want = (size_t)(to - from);
			ssize_t n = pread(fd, buffer,
					  want < sizeof(buffer) ? want : sizeof(buffer), from);

			if (n <= 0)
				fail("%s: %s", path, n < 0 ? strerror(errno) : "shrank");
			write_at((uint64_t)from, buffer, (size_t)n);
			from += n;
		}
	}
	close(fd);
}

void flush_headers(void)
{
	if (out.eh_changed)
		write_at(0, &out.eh, sizeof(out.eh));
	if (out.ph_changed)
		write_at(out.table, out.ph, out.count * sizeof(out.ph[0]));
	out.eh_changed = out.ph_changed = false;
}

/* After bytes were changed that may belong to the headers. */
void reload_headers(void)
{
	read_at(0, &out.eh, sizeof(out.eh));
	read_at(out.table, out.ph, out.count * sizeof(out.ph[0]));
}

/* A base that is no ELF file has no program headers to select, but can be edited as bytes. */
static void load_headers(void)
{
	out.count = 0;
	out.table = sizeof(out.eh);
	out.can_grow = false;
	reload_headers();
	if (memcmp(out.eh.e_ident, ELFMAG, SELFMAG) == 0 &&
	    out.eh.e_phentsize == sizeof(out.ph[0]) && out.eh.e_phnum <= MAX_PHDRS) {
		out.table = out.eh.e_phoff;
		out.count = out.eh.e_phnum;
		reload_headers();
	}
}

void begin(const char *base, const char *path)
{
	char *slash;

	out.edit = NULL;
	if (snprintf(out.path, sizeof(out.path), "%s", path) >= (int)sizeof(out.path))
		fail("%s", strerror(ENAMETOOLONG));
	snprintf(out.temp, sizeof(out.temp), "%s.XXXXXX", path);
	out.fd = mkostemp(out.temp, O_CLOEXEC);
	if (out.fd < 0) {
		out.temp[0] = 0;
		fail("%s: %s", path, strerror(errno));
	}
	if (!realpath(out.temp, out.directory))
		fail("%s", strerror(errno));
	slash = strrchr(out.directory, '/');
	slash[slash == out.directory] = 0;
	out.mode = 0755;
	if (strcmp(base, "-") != 0)
		copy_base(base);
	load_headers();
}

void finish(void)
{
	out.edit = NULL;
	if (fchmod(out.fd, out.mode) != 0 || close(out.fd) != 0 ||
	    rename(out.temp, out.path) != 0)
		fail("%s: %s", out.path, strerror(errno));
	out.temp[0] = 0;
}
