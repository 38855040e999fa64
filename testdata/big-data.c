/* SPDX-License-Identifier: MIT */
/*
 * The base of good-data-4k, good-data-4g and good-rodata-4g, which differ in their last PT_LOAD
 * only: it reads the first, the middle and the last bytes of that segment and writes to them if
 * it may. The generator puts these bytes into the file: 'A' to the start, 'M' to the middle,
 * 'Z' to the end.
 */
#include "tiny.h"

/* The segment must exist for the generator to change; the linker script gives it a page. */
static const unsigned char big[PAGE_MAX] __attribute__((section(".big"), used)) = {'A'};

static int check_byte(volatile unsigned char *at, unsigned char expected, bool write,
		      const char *what)
{
	bool ok = *at == expected;

	if (write) {
		*at = (unsigned char)(expected + 1);
		ok &= *at == (unsigned char)(expected + 1);
	}
	return check(ok, what);
}

int start_c(struct start *start)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR), *last = NULL;
	volatile unsigned char *at;
	bool write;

	for (uint64_t i = 0; i < aux(start, AT_PHNUM); i++)
		if (ph[i].p_type == PT_LOAD)
			last = &ph[i];
	if (!last)
		return check(false, "a segment");
	at = (volatile unsigned char *)last->p_vaddr;
	write = last->p_flags & PF_W;
	return check(last->p_memsz == last->p_filesz, "all of the segment is in the file") |
	       check_byte(at, 'A', write, "first byte") |
	       check_byte(at + last->p_filesz / 2, 'M', write, "middle byte") |
	       check_byte(at + last->p_filesz - 1, 'Z', write, "last byte") |
	       check_byte(at + 1, 0, write, "a byte of the hole");
}
