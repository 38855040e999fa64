/* SPDX-License-Identifier: MIT */
/*
 * The base that the generator changes. It makes what a loader did with a changed header
 * visible: for each PT_LOAD in its file it prints the header and what is found in memory - how
 * many of the pages looked at are as in the file, all zero, something else, or cannot be read -
 * and a sum of the bytes. It prints no address, so the output is the same wherever it was
 * loaded. Ends with status 42.
 *
 * It looks only at the first 16 and the last 4 pages of a segment, through a pipe: write(2)
 * says EFAULT where a load instruction would fault. It writes to none of its segments before it
 * has looked.
 */
#include "tiny.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* So that the data and bss of the base are what a program would have. */
unsigned char data[PAGE_MAX + 0x800]
	__attribute__((section(".data.1"))) = {[0 ... PAGE_MAX + 0x7ff] = 0xda};
unsigned char bss[3 * PAGE_MAX] __attribute__((section(".bss.1")));

struct pages {
	unsigned same, zero, other, none;
	uint64_t sum;
};

struct walk {
	long fd;
	long pipe[2];
	uint64_t bias;
};

/*
 * Reads a page of memory: false if it cannot be read. The pipe is read in any case: in older
 * kernels (seen in 6.1) a write that fails leaves a buffer without a byte, and 16 fill it.
 */
static bool peek(const struct walk *walk, uint64_t address, unsigned char *page)
{
	long written = sys(write, walk->pipe[1], address, PAGE, 0);

	return sys(read, walk->pipe[0], page, PAGE, 0) == (long)PAGE && written == (long)PAGE;
}

static void look_at_page(const struct walk *walk, uint64_t address, uint64_t offset,
			 struct pages *pages)
{
	unsigned char memory[PAGE_MAX], file[PAGE_MAX];

	if (!peek(walk, address, memory)) {
		pages->none++;
		return;
	}
	memset(file, 0, PAGE);
	sys(pread64, walk->fd, file, PAGE, offset);
	if (all_zero(memory, PAGE))
		pages->zero++;
	else if (same_bytes(memory, file, PAGE))
		pages->same++;
	else
		pages->other++;
	for (unsigned i = 0; i < PAGE; i++)
		pages->sum = pages->sum * 31 + memory[i];
}

static void look_at_segment(const struct walk *walk, const Elf64_Phdr *ph, struct pages *pages)
{
	uint64_t skew = ph->p_vaddr % PAGE, from = ph->p_vaddr - skew + walk->bias;
	uint64_t count = (ph->p_memsz + skew + PAGE - 1) / PAGE;

	if (ph->p_memsz + skew < ph->p_memsz)
		return;
	for (uint64_t i = 0; i < count; i++) {
		if (i == 16 && count > 20)
			i = count - 4;
		look_at_page(walk, from + i * PAGE, ph->p_offset - skew + i * PAGE, pages);
	}
}

static void show_count(const char *what, uint64_t n)
{
	put(" ");
	put(what);
	put("=");
	put_number(n);
}

static void show_segment(const struct walk *walk, const Elf64_Phdr *ph)
{
	struct pages pages = {0};

	look_at_segment(walk, ph, &pages);
	put("load ");
	put(ph->p_flags & PF_R ? "r" : "-");
	put(ph->p_flags & PF_W ? "w" : "-");
	put(ph->p_flags & PF_X ? "x " : "- ");
	put_hex(ph->p_vaddr);
	put(" ");
	put_hex(ph->p_filesz);
	put("/");
	put_hex(ph->p_memsz);
	show_count("same", pages.same);
	show_count("zero", pages.zero);
	show_count("other", pages.other);
	show_count("none", pages.none);
	put(" sum=");
	put_hex(pages.sum);
	put("\n");
}

/* The permissions of the stack, which PT_GNU_STACK decides: from the line that holds our own
 * frame. */
static void show_stack(void)
{
	char maps[1 << 14];
	uint64_t here = (uint64_t)__builtin_frame_address(0), range[2] = {0, 0};
	const char *at = maps;

	slurp("/proc/self/maps", maps, sizeof(maps));
	while (*at) {
		range[0] = range[1] = 0;
		for (unsigned i = 0; i < 2; i++, at++)
			for (; *at != '-' && *at != ' '; at++)
				range[i] = range[i] * 16 +
					   (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
		if (range[0] <= here && here < range[1])
			break;
		while (*at && *at++ != '\n')
			;
	}
	put("stack ");
	put_bytes(at, 4);
	put("\n");
}

static void show_headers(struct start *start, const struct walk *walk, const Elf64_Ehdr *eh)
{
	/* Not by our own bias: this may run as the interpreter of another program. */
	uint64_t at_phdr = aux(start, AT_PHDR) - aux(start, AT_ENTRY) + eh->e_entry;

	put("argc ");
	put_number((uint64_t)start->argc);
	put(aux(start, AT_BASE) ? " interp" : " no-interp");
	put(aux(start, AT_ENTRY) == eh->e_entry + walk->bias ? " entry" : " other-entry");
	show_count("phnum", aux(start, AT_PHNUM));
	put(" phdr=");
	put_hex(at_phdr);
	put("\n");
}

int start_c(struct start *start)
{
	struct walk walk;
	int fds[2];
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	walk.fd = sys_open((const char *)aux(start, AT_EXECFN));
	if (sys(pread64, walk.fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
	    sys(pipe2, fds, 04000 /* O_NONBLOCK */, 0, 0) != 0)
		return check(false, "own file and a pipe");
	walk.pipe[0] = fds[0];
	walk.pipe[1] = fds[1];
#ifdef __PIE__
	walk.bias = (uint64_t)__ehdr_start; /* its link-time address is 0 */
#else
	walk.bias = 0;
#endif
	show_headers(start, &walk, &eh);
	for (unsigned i = 0; i < eh.e_phnum; i++)
		if (sys(pread64, walk.fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)) ==
			    sizeof(ph) &&
		    ph.p_type == PT_LOAD)
			show_segment(&walk, &ph);
	show_stack();
	return data[0] + bss[0] == 0 ? 43 : 42;
}
