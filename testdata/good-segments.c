/* SPDX-License-Identifier: MIT */
/*
 * One program for several layouts of its segments. The layout comes from a linker script and
 * from the sizes given when compiling; the program looks at its own program headers to see that
 * it is what was asked for (EXPECT_...), then checks every byte of data and bss, writes them
 * all, and checks again.
 */
#include "tiny.h"

#ifndef DATA_SIZE
#define DATA_SIZE 100
#endif
#ifndef BSS_SIZE
#define BSS_SIZE (2 * PAGE_MAX + 1808)
#endif
#ifndef SEGMENTS
#define SEGMENTS 1
#endif

#define DATA(n)                                                                                \
	static unsigned char data##n[DATA_SIZE] __attribute__((                                \
		section(".data." #n), aligned(64))) = {[0 ... DATA_SIZE - 1] = 0xd0 + (n)}
#define BSS(n)                                                                                 \
	static unsigned char bss##n[BSS_SIZE] __attribute__((section(".bss." #n), aligned(1)))

#if !defined(EXPECT_FILESZ0)
DATA(1);
#endif
#if BSS_SIZE > 0
BSS(1);
#endif
#if SEGMENTS >= 2
DATA(2);
BSS(2);
#endif
#if SEGMENTS >= 3
DATA(3);
BSS(3);
#endif

#ifdef EXPECT_SHARED_PAGE
static const unsigned char read_only[300] = {[0 ... 299] = 0xcc};
#endif

#ifdef EXPECT_XONLY
/* An own segment with PF_X alone, thus a mapping that is --x. */
__attribute__((section(".xonly"), noinline)) static int execute_only(int n)
{
	return n * 3 + 1;
}
#endif

/* Every byte is what it should be; then each is made something else, and looked at again. */
static int exercise(volatile unsigned char *at, size_t size, unsigned expected,
		    const char *what)
{
	bool initial = true, kept = true;

	for (size_t i = 0; i < size; i++)
		initial &= at[i] == expected;
	for (size_t i = 0; i < size; i++)
		at[i] = (unsigned char)(i % 251 + 1);
	for (size_t i = 0; i < size; i++)
		kept &= at[i] == i % 251 + 1;
	return check(initial && kept, what);
}

/* What the program headers say, added up. */
struct layout {
	unsigned writable;  /* PT_LOADs with PF_W */
	unsigned bss;       /* of these with p_memsz > p_filesz */
	unsigned shared;    /* of these whose bss starts inside the last file page */
	unsigned crossing;  /* of these whose bss goes beyond that page */
	unsigned no_file;   /* of these with p_filesz 0 */
	unsigned xonly;     /* PT_LOADs with PF_X alone */
	unsigned same_page; /* PT_LOADs that start in the page in which another one ends */
};

static void add_writable(struct layout *layout, const Elf64_Phdr *ph)
{
	uint64_t file_end = ph->p_vaddr + ph->p_filesz, mem_end = ph->p_vaddr + ph->p_memsz;

	layout->writable++;
	layout->bss += mem_end > file_end;
	layout->no_file += ph->p_filesz == 0;
	layout->shared += mem_end > file_end && file_end % PAGE;
	layout->crossing += mem_end > ((file_end + PAGE - 1) & -PAGE);
}

static struct layout read_layout(struct start *start)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR);
	struct layout layout = {0};
	uint64_t previous_end = 0;

	for (uint64_t i = 0; i < aux(start, AT_PHNUM); i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_flags & PF_W)
			add_writable(&layout, &ph[i]);
		layout.xonly += ph[i].p_flags == PF_X;
		layout.same_page +=
			previous_end && ph[i].p_vaddr / PAGE == (previous_end - 1) / PAGE;
		previous_end = ph[i].p_vaddr + ph[i].p_memsz;
	}
	return layout;
}

static int check_layout(struct start *start)
{
	struct layout layout = read_layout(start);
	int failed = 0;

#ifdef EXPECT_FILESZ0
	failed |= check(layout.no_file == 1, "a writable segment without file bytes");
#else
	failed |= check(layout.writable == SEGMENTS, "number of writable segments");
#endif
#ifdef EXPECT_NO_BSS
	failed |= check(layout.bss == 0, "no bss");
#endif
#ifdef EXPECT_SHARED
	failed |= check(layout.shared > 0 && layout.crossing > 0, "bss starts in a data page");
#endif
#ifdef EXPECT_IN_PAGE
	failed |= check(layout.shared > 0 && layout.crossing == 0, "bss ends in its data page");
#endif
#ifdef EXPECT_ALIGNED
	failed |= check(layout.bss > 0 && layout.shared == 0, "bss starts on a page boundary");
#endif
#ifdef EXPECT_XONLY
	failed |= check(layout.xonly == 1, "an execute-only segment");
	failed |= check(execute_only(13) == 40, "it can be executed");
#endif
#ifdef EXPECT_SHARED_PAGE
	bool same = true;

	for (unsigned i = 0; i < sizeof(read_only); i++)
		same &= ((volatile const unsigned char *)read_only)[i] == 0xcc;
	failed |= check(layout.same_page > 0, "two segments in one page");
	failed |= check(same, "read-only data in the shared page");
#endif
	return failed + !layout.writable;
}

int start_c(struct start *start)
{
	int failed = check_layout(start);

#if !defined(EXPECT_FILESZ0)
	failed |= exercise(data1, DATA_SIZE, 0xd1, "data 1");
#endif
#if BSS_SIZE > 0
	failed |= exercise(bss1, BSS_SIZE, 0, "bss 1");
#endif
#if SEGMENTS >= 2
	failed |= exercise(data2, DATA_SIZE, 0xd2, "data 2");
	failed |= exercise(bss2, BSS_SIZE, 0, "bss 2");
#endif
#if SEGMENTS >= 3
	failed |= exercise(data3, DATA_SIZE, 0xd3, "data 3");
	failed |= exercise(bss3, BSS_SIZE, 0, "bss 3");
#endif
	return failed;
}
