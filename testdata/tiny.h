/* SPDX-License-Identifier: MIT */
/*
 * What a program without a libc needs: its first instruction, raw system calls, and a way to
 * say `ok what` or `FAIL what`. Including it makes the file a program whose main is start_c.
 *
 * Nothing here needs a relocation, so the same source links as ET_EXEC and as static PIE; keep
 * it that way: no initialised pointers, no tables of strings (char arrays only).
 */
#ifndef TESTDATA_TINY_H
#define TESTDATA_TINY_H

#include "arch_start.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The initial stack, from the stack pointer at the first instruction on: argc, argv[], NULL,
 * envp[], NULL, auxv. */
struct start {
	long argc;
	char *argv[];
};

/* Called with the stack pointer of the first instruction; what it returns is the exit status.
 */
int start_c(struct start *start);

#define sys(nr, a, b, c, d) sys6(__NR_##nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static inline size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline bool same_bytes(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	while (n && *x == *y)
		x++, y++, n--;
	return n == 0;
}

static inline bool same_string(const char *a, const char *b)
{
	size_t n = length(a);

	return n == length(b) && same_bytes(a, b, n);
}

static inline bool all_zero(const void *p, size_t n)
{
	const unsigned char *byte = p;

	while (n && *byte == 0)
		byte++, n--;
	return n == 0;
}

static inline void put_bytes(const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		long done = sys(write, 1, at, n, 0);

		if (done <= 0)
			sys(exit_group, 99, 0, 0, 0);
		at += done;
		n -= (size_t)done;
	}
}

static inline void put(const char *s)
{
	put_bytes(s, length(s));
}

static inline void put_base(uint64_t value, unsigned base)
{
	char buffer[24], *at = buffer + sizeof(buffer);

	*--at = 0;
	do {
		unsigned digit = (unsigned)(value % base);

		*--at = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
		value /= base;
	} while (value);
	put(at);
}

static inline void put_number(uint64_t value)
{
	put_base(value, 10);
}

static inline void put_hex(uint64_t value)
{
	put("0x");
	put_base(value, 16);
}

/* Says what was checked; the caller adds up the result: failed |= check(...). */
static inline int check(bool ok, const char *what)
{
	put(ok ? "ok " : "FAIL ");
	put(what);
	put("\n");
	return !ok;
}

static inline char **start_envp(struct start *start)
{
	return start->argv + start->argc + 1;
}

static inline Elf64_auxv_t *start_auxv(struct start *start)
{
	char **p = start_envp(start);

	while (*p)
		p++;
	return (Elf64_auxv_t *)(p + 1);
}

static inline Elf64_auxv_t *find_aux(struct start *start, uint64_t type)
{
	for (Elf64_auxv_t *a = start_auxv(start); a->a_type != AT_NULL; a++)
		if (a->a_type == type)
			return a;
	return NULL;
}

/* The value of an auxv entry; 0 when it is not there. */
static inline uint64_t aux(struct start *start, uint64_t type)
{
	Elf64_auxv_t *entry = find_aux(start, type);

	return entry ? entry->a_un.a_val : 0;
}

/* Reads a whole file from /proc; it ends in a NUL that is not counted. Negative errno on
 * failure. */
static inline long slurp(const char *path, char *buffer, size_t size)
{
	long fd = sys_open(path), done = 0, n;

	if (fd < 0)
		return fd;
	while ((n = sys(read, fd, buffer + done, size - 1 - (size_t)done, 0)) > 0)
		done += n;
	sys(close, fd, 0, 0, 0);
	buffer[done] = 0;
	return n < 0 ? n : done;
}

#endif
