/* SPDX-License-Identifier: MIT */
/* Programs for the kernel's 32-bit mode, which not every kernel has. */
#include "fuzz.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The smallest program there is for it: exit(0). */
static const struct {
	Elf32_Ehdr ehdr;
	Elf32_Phdr phdr;
	unsigned char code[8];
} program = {
	.ehdr =
		{
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = 0x100000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			.e_phoff = sizeof(Elf32_Ehdr),
			.e_ehsize = sizeof(Elf32_Ehdr),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = 1,
		},
	.phdr =
		{
			.p_type = PT_LOAD,
			.p_vaddr = 0x100000,
			.p_filesz = sizeof(program),
			.p_memsz = sizeof(program),
			.p_flags = PF_R | PF_X,
			.p_align = 4096,
		},
	.code = {0x31, 0xc0, 0x40, 0x31, 0xdb, 0xcd, 0x80}, /* eax = 1, ebx = 0, int 0x80 */
};

/* With an errno of its own there is none. */
static bool has_mode(void)
{
	int fd = memfd_create("program", MFD_CLOEXEC), status;
	char *argv[] = {(char[]){"program"}, NULL};
	bool made = fd >= 0 && write(fd, &program, sizeof(program)) == sizeof(program);
	pid_t pid = made ? fork() : -1;

	if (pid == 0) {
		fexecve(fd, argv, argv + 1);
		_exit(errno == ENOEXEC ? 1 : 2);
	}
	if (fd >= 0)
		close(fd);
	if (pid < 0)
		return true;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 1;
}

static bool is_for_mode(const struct place *place)
{
	unsigned char header[20] = {0};
	int fd = open(place->path[PROGRAM], O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header);

	if (fd >= 0)
		close(fd);
	return ok && header[19] == 0 && (header[18] == EM_386 || header[18] == 6);
}

bool is_compat(const struct place *place, const struct run *kernel)
{
	static int mode = -1;

	if (!is_for_mode(place))
		return false;
	if (mode < 0)
		mode = has_mode();
	return kernel->ending != FAILS || (!mode && kernel->error == ENOEXEC);
}
