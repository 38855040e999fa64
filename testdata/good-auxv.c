/* SPDX-License-Identifier: MIT */
/*
 * The initial stack, seen from inside: where each part lies, and what each auxv entry says.
 * Built as every kind of ELF file; with an interpreter ld.so has run before, but leaves the
 * stack as it was. The values that the machine decides (hardware bits) are only asked to be
 * there.
 */
#include "tiny.h"

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _start[] __attribute__((visibility("hidden")));

enum { PLATFORM_SIZE = sizeof(ARCH_PLATFORM) > 1 ? sizeof(ARCH_PLATFORM) : 0 };

/* The strings of argv, envp and the file name follow each other without a gap, and end the
 * stack. */
static int check_strings(struct start *start)
{
	const char *execfn = (const char *)aux(start, AT_EXECFN);
	char **envp = start_envp(start);
	const char *expected = start->argc ? start->argv[0] : execfn;
	bool argv_ok = true, envp_ok = true;
	int failed = 0;

	for (long i = 0; i < start->argc; i++) {
		argv_ok &= start->argv[i] == expected;
		expected = start->argv[i] + length(start->argv[i]) + 1;
	}
	for (long i = 0; envp[i]; i++) {
		envp_ok &= envp[i] == expected;
		expected = envp[i] + length(envp[i]) + 1;
	}
	failed |= check(start->argc >= 1 && start->argv[start->argc] == NULL,
			"argv ends in NULL");
	failed |= check(argv_ok, "argv strings follow each other");
	failed |= check(envp_ok, "envp strings follow argv's");
	failed |= check(execfn == expected, "AT_EXECFN follows envp");
	expected = execfn + length(execfn) + 1;
	failed |= check(((uint64_t)expected + 8) % PAGE == 0 && all_zero(expected, 8),
			"eight zero bytes end the stack");
	return failed;
}

/* Between the pointers and the strings: AT_PLATFORM, AT_RANDOM, and padding. */
static int check_block(struct start *start)
{
	uint64_t strings = (uint64_t)start->argv[0];
	uint64_t random = aux(start, AT_RANDOM), platform = random + 16;
	Elf64_auxv_t *end = start_auxv(start);
	char **envp = start_envp(start);
	uint64_t envc = 0, entries = 0, sp;
	int failed = 0;

	while (envp[envc])
		envc++;
	for (; end->a_type != AT_NULL; end++)
		entries++;
	sp = (random - 16 * (entries + 1) - 8 * ((uint64_t)start->argc + envc + 3)) & -16UL;
	failed |= check((uint64_t)start % 16 == 0, ARCH_SP " is a multiple of 16");
	failed |= check(sp == (uint64_t)start, ARCH_SP " is where the kernel's rule puts it");
	failed |= check((platform + PLATFORM_SIZE) % 16 == 0 && platform < strings &&
				strings - platform < ARCH_STACK_SHUFFLE + 32,
			"AT_RANDOM is below the strings");
	failed |= check(!PLATFORM_SIZE || platform == aux(start, AT_PLATFORM),
			"AT_PLATFORM is above AT_RANDOM");
	failed |= check(end->a_un.a_val == 0, "AT_NULL has the value 0");
	return failed;
}

/* The kernel's order. Entries unknown here may come between, but these must be in order. */
static int check_order(struct start *start)
{
	static const unsigned char order[] = {
		AT_SYSINFO_EHDR, AT_HWCAP, AT_PAGESZ, AT_CLKTCK, AT_PHDR,      AT_PHENT,
		AT_PHNUM,        AT_BASE,  AT_FLAGS,  AT_ENTRY,  AT_UID,       AT_EUID,
		AT_GID,          AT_EGID,  AT_SECURE, AT_RANDOM, ARCH_AUXV_END};
	const Elf64_auxv_t *a = start_auxv(start);
	unsigned found = 0;
	bool once = true;

	for (; a->a_type != AT_NULL; a++) {
		found += found < sizeof(order) && a->a_type == order[found];
		for (const Elf64_auxv_t *b = a + 1; b->a_type != AT_NULL; b++)
			once &= a->a_type != b->a_type;
	}
	return check(found == sizeof(order), "all entries are there, in order") |
	       check(once, "none is there twice");
}

static int check_program(struct start *start)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)__ehdr_start;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)aux(start, AT_PHDR);
	bool interp = false, load = false;
	int failed = 0;

	failed |= check((const char *)ph == __ehdr_start + eh->e_phoff, "AT_PHDR");
	failed |= check(aux(start, AT_PHENT) == sizeof(*ph), "AT_PHENT");
	failed |= check(aux(start, AT_PHNUM) == eh->e_phnum, "AT_PHNUM");
	failed |= check(aux(start, AT_ENTRY) == (uint64_t)_start, "AT_ENTRY");
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		interp |= ph[i].p_type == PT_INTERP;
		load |= ph[i].p_type == PT_LOAD;
	}
	failed |= check(load, "the program headers have a PT_LOAD");
	if (interp)
		failed |= check(same_bytes((void *)aux(start, AT_BASE), ELFMAG, SELFMAG),
				"AT_BASE is the interpreter");
	else
		failed |= check(aux(start, AT_BASE) == 0, "AT_BASE is 0");
	return failed;
}

/* AT_EXECFN names the file that runs: its header is the one in memory. */
static int check_execfn(struct start *start)
{
	const char *execfn = (const char *)aux(start, AT_EXECFN);
	long fd = sys_open(execfn);
	Elf64_Ehdr eh;

	if (sys(read, fd, &eh, sizeof(eh), 0) != sizeof(eh))
		return check(false, "AT_EXECFN can be read");
	sys(close, fd, 0, 0, 0);
	return check(same_bytes(&eh, __ehdr_start, sizeof(eh)), "AT_EXECFN is this file");
}

static int check_system(struct start *start)
{
	const char *vdso = (const char *)aux(start, AT_SYSINFO_EHDR);
	int failed = 0;

	failed |= check(vdso && (uint64_t)vdso % PAGE == 0 && same_bytes(vdso, ELFMAG, SELFMAG),
			"AT_SYSINFO_EHDR is an ELF image");
	failed |= check(aux(start, AT_PAGESZ) == PAGE, "AT_PAGESZ");
	failed |= check(aux(start, AT_CLKTCK) == 100, "AT_CLKTCK");
	failed |= check(aux(start, AT_FLAGS) == 0, "AT_FLAGS");
	failed |= check(aux(start, AT_HWCAP) != 0, "AT_HWCAP");
	if (PLATFORM_SIZE)
		failed |= check(same_string((char *)aux(start, AT_PLATFORM), ARCH_PLATFORM),
				"AT_PLATFORM");
	else
		failed |= check(!find_aux(start, AT_PLATFORM), "there is no AT_PLATFORM");
	failed |= check(!all_zero((void *)aux(start, AT_RANDOM), 16), "AT_RANDOM is not zero");
	return failed;
}

static int check_ids(struct start *start)
{
	int failed = 0;

	failed |= check(aux(start, AT_UID) == (uint64_t)sys(getuid, 0, 0, 0, 0), "AT_UID");
	failed |= check(aux(start, AT_EUID) == (uint64_t)sys(geteuid, 0, 0, 0, 0), "AT_EUID");
	failed |= check(aux(start, AT_GID) == (uint64_t)sys(getgid, 0, 0, 0, 0), "AT_GID");
	failed |= check(aux(start, AT_EGID) == (uint64_t)sys(getegid, 0, 0, 0, 0), "AT_EGID");
	failed |= check(find_aux(start, AT_SECURE) && aux(start, AT_SECURE) == 0, "AT_SECURE");
	return failed;
}

int start_c(struct start *start)
{
	return check_strings(start) | check_block(start) | check_order(start) |
	       check_program(start) | check_execfn(start) | check_system(start) |
	       check_ids(start);
}
