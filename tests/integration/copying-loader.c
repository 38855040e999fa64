/*
 * A loader that does what a loader should not: it takes anonymous memory and reads the file
 * into it, so that no copy of a program has a page in common with another. For statically
 * linked programs with fixed addresses; `segmap share --loader` is tested with it.
 */
#include "test_jump.h"

#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADERS_MOST = 64 };

static Elf64_Ehdr ehdr;
static Elf64_Phdr phdrs[HEADERS_MOST];

static void read_at(int fd, void *to, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));

		if (n <= 0)
			err(125, "read");
		done += (size_t)n;
	}
}

static void *at(uint64_t addr)
{
	return (void *)(uintptr_t)addr; // NOLINT(performance-no-int-to-ptr)
}

static void copy_segment(int fd, const Elf64_Phdr *p)
{
	uint64_t start = p->p_vaddr & -(uint64_t)sysconf(_SC_PAGESIZE);
	int prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
		   (p->p_flags & PF_X ? PROT_EXEC : 0);

	if (mmap(at(start), p->p_vaddr + p->p_memsz - start, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		err(125, "mmap");
	read_at(fd, at(p->p_vaddr), p->p_filesz, p->p_offset);
	if (mprotect(at(start), p->p_vaddr + p->p_memsz - start, prot) < 0)
		err(125, "mprotect");
}

static uint64_t load(const char *path)
{
	uint64_t table = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(127, "%s", path);
	read_at(fd, &ehdr, sizeof(ehdr), 0);
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 || ehdr.e_type != ET_EXEC ||
	    ehdr.e_phnum > HEADERS_MOST)
		errx(126, "%s: not a statically linked program with fixed addresses", path);
	read_at(fd, phdrs, ehdr.e_phnum * sizeof(*phdrs), ehdr.e_phoff);
	for (int i = 0; i < ehdr.e_phnum; i++) {
		const Elf64_Phdr *p = &phdrs[i];

		if (p->p_type != PT_LOAD)
			continue;
		copy_segment(fd, p);
		if (ehdr.e_phoff >= p->p_offset && ehdr.e_phoff < p->p_offset + p->p_filesz)
			table = ehdr.e_phoff - p->p_offset + p->p_vaddr;
	}
	close(fd);
	return table;
}

static void change(Elf64_auxv_t *auxv, uint64_t table)
{
	for (; auxv->a_type != AT_NULL; auxv++)
		switch (auxv->a_type) {
		case AT_PHDR:
			auxv->a_un.a_val = table;
			break;
		case AT_PHNUM:
			auxv->a_un.a_val = ehdr.e_phnum;
			break;
		case AT_ENTRY:
			auxv->a_un.a_val = ehdr.e_entry;
			break;
		case AT_BASE:
			auxv->a_un.a_val = 0;
			break;
		default:
			break;
		}
}

/* The kernel's own initial stack serves, without the first argument: all of it moves by one
 * word. */
static uint64_t *make_stack(char **argv, char **envp, uint64_t table)
{
	uint64_t *stack = (uint64_t *)argv - 1;
	uint64_t *end = (uint64_t *)envp;

	while (*end)
		end++;
	Elf64_auxv_t *auxv = (Elf64_auxv_t *)(end + 1);
	change(auxv, table);
	while (auxv->a_type != AT_NULL)
		auxv++;
	stack[0]--;
	memmove(stack + 1, argv + 1, (size_t)((char *)(auxv + 1) - (char *)(argv + 1)));
	return stack;
}

int main(int argc, char **argv, char **envp)
{
	if (argc < 2)
		errx(125, "usage: copying-loader PROGRAM [ARG...]");
	uint64_t table = load(argv[1]);
	uint64_t *stack = make_stack(argv, envp, table);

	test_jump(stack, ehdr.e_entry);
}
