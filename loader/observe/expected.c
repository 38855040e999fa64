#include "expected.h"

#include "arch_tracee.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum expected {
	REFUSED_EARLY,
	UNSUPPORTED,
	EXE_LINK,
	MEMORY_PEAK,
	FAULT_COUNTS,
	PAGE_TABLES,
	RSS_ESTIMATE,
	VDSO_PAGE,
	LAYOUT_REFUSED,
	BELOW_STACK,
	FLAGS_REGISTER,
	USED_PRIVILEGES,
	REGISTERS_LEFT,
	REGISTERS_KEPT,
	RSS_LAG,
	DENY_WRITE,
	EXPECTED_COUNT,
};

/* Each id is that of a line in docs/kernel-differences.md. */
static const struct segmap_expectation expectations[EXPECTED_COUNT] = {
	[REFUSED_EARLY] = {"refused-early", "segload refuses what execve kills"},
	[UNSUPPORTED] = {"unsupported", "only the kernel can load it"},
	[EXE_LINK] = {"exe-link", "to set it needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN"},
	[MEMORY_PEAK] = {"memory-peak", "is that of the loader and its mappings"},
	[FAULT_COUNTS] = {"fault-counts", "includes the loader's own page faults"},
	[PAGE_TABLES] = {"page-tables", "munmap keeps tables that something else is near"},
	[RSS_ESTIMATE] = {"rss-estimate", "an estimate that lags behind; statm is exact"},
	[VDSO_PAGE] = {"vdso-page", "the last munmap is in the vdso, and has touched its page"},
	[LAYOUT_REFUSED] = {"layout-refused",
			    "the kernel does not take such a layout from a program"},
	[BELOW_STACK] = {"below-stack", "the last munmap needs a return address"},
	[FLAGS_REGISTER] = {"flags-register", "results of the loader's last instruction"},
	[USED_PRIVILEGES] = {"used-privileges", "the loader has used a capability"},
	[REGISTERS_LEFT] = {"registers-left", "the last system call, in the vdso, leaves it"},
	[REGISTERS_KEPT] = {"registers-kept", "execve leaves those of its caller"},
	[RSS_LAG] = {"rss-lag", "before Linux 6.2 a count that lags behind"},
	[DENY_WRITE] = {"deny-write", "only execve's mappings could keep writers out"},
};

const struct segmap_expectation not_repeatable = {"not-repeatable",
						  "two runs by execve differ in it as well"};

const struct segmap_expectation *segmap_expectations(size_t *count)
{
	*count = EXPECTED_COUNT;
	return expectations;
}

/* ---- conditions ---- */

static const char *value_of(const struct facts *facts, const char *what)
{
	for (size_t i = 0; i < facts->count; i++)
		if (strcmp(facts->items[i].what, what) == 0)
			return facts->items[i].value;
	return NULL;
}

static bool are(const struct fact_pair *pair, const char *kernel, const char *loader)
{
	return strcmp(pair->kernel->value, kernel) == 0 &&
	       strcmp(pair->loader->value, loader) == 0;
}

static bool is_refused_early(const struct fact_pair *pair)
{
	return are(pair, FACT_KILLED, FACT_REFUSED_EARLY);
}

static bool is_unsupported(const struct fact_pair *pair)
{
	return are(pair, FACT_RUNS, FACT_UNSUPPORTED) ||
	       are(pair, FACT_RUNS, FACT_UNSUPPORTED_MODE) ||
	       are(pair, "ENOEXEC", FACT_UNSUPPORTED_MODE);
}

enum { VDSO_SIZE_MAX = 65536 };

enum { CAP_OF_ADMIN = 21, CAP_OF_CHECKPOINT = 40 };

static bool lacks_capability(const struct fact_pair *pair)
{
	const char *text = value_of(pair->loader_all, "status CapEff");
	uint64_t caps = text ? strtoull(text, NULL, 16) : 0;
	const char *name = strrchr(pair->loader->value, '/');

	return !(caps >> CAP_OF_ADMIN & 1) && !(caps >> CAP_OF_CHECKPOINT & 1) && name &&
	       strcmp(name, "/segload") == 0;
}

static bool is_more(const struct fact_pair *pair)
{
	return strtoull(pair->loader->value, NULL, 10) >
	       strtoull(pair->kernel->value, NULL, 10);
}

/* A page, in what the value counts: pages or kB. */
static uint64_t page_of(const struct fact_pair *pair)
{
	return strstr(pair->kernel->value, "kB") ? (uint64_t)sysconf(_SC_PAGESIZE) / 1024 : 1;
}

/* One page more. */
static bool is_page_more(const struct fact_pair *pair)
{
	return strtoull(pair->loader->value, NULL, 10) ==
	       strtoull(pair->kernel->value, NULL, 10) + page_of(pair);
}

static bool is_any(const struct fact_pair *pair)
{
	(void)pair;
	return true;
}

/* Only bits of MASK differ. */
static bool differ_in(const struct fact_pair *pair, uint64_t mask)
{
	uint64_t a = strtoull(pair->kernel->value, NULL, 0);
	uint64_t b = strtoull(pair->loader->value, NULL, 0);

	return ((a ^ b) & ~mask) == 0;
}

static bool are_results(const struct fact_pair *pair)
{
	/* carry, parity, adjust, zero, sign, overflow; and bit 1, which is always set in the
	 * register, but which older kernels do not show before it is loaded */
	return differ_in(pair, 0x8d7);
}

static bool is_superpriv(const struct fact_pair *pair)
{
	return differ_in(pair, 0x100); /* PF_SUPERPRIV */
}

/* A vdso that was not built to clear registers: rcx is where its system call returned to. */
static bool is_left(const struct fact_pair *pair)
{
	const char *vdso = value_of(pair->loader_all, "auxv AT_SYSINFO_EHDR");
	const char *rcx = value_of(pair->loader_all, "register rcx");

	if (!vdso || !rcx)
		return false;
	return strtoull(rcx, NULL, 0) - strtoull(vdso, NULL, 0) < VDSO_SIZE_MAX &&
	       strtoull(pair->kernel->value, NULL, 0) == 0;
}

/* One that execve does not set. */
static bool is_callers(const struct fact_pair *pair)
{
	const char *name = pair->kernel->what + strlen("register ");

	for (size_t i = 0; i < arch_register_count; i++)
		if (strcmp(arch_registers[i].name, name) == 0)
			return arch_registers[i].callers &&
			       strtoull(pair->loader->value, NULL, 0) == 0;
	return false;
}

static bool is_before(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned own[2];

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &own[0], &own[1]) == 2 &&
	       (own[0] < major || (own[0] == major && own[1] < minor));
}

static bool differ_by_at_most(const struct fact_pair *pair, uint64_t pages)
{
	uint64_t a = strtoull(pair->kernel->value, NULL, 10);
	uint64_t b = strtoull(pair->loader->value, NULL, 10);

	return (a > b ? a - b : b - a) <= pages * page_of(pair);
}

/* Each task kept its counts to itself for 64 page faults; one maps up to 16 pages of a file. */
enum { LAG = 64, LAG_FILE = 64 * 16 };

static bool is_lagging(const struct fact_pair *pair)
{
	return is_before(6, 2) && differ_by_at_most(pair, LAG);
}

static bool is_lagging_of_file(const struct fact_pair *pair)
{
	return is_before(6, 2) && differ_by_at_most(pair, LAG_FILE);
}

/* Flags of a mapping that are the same but for "dw ". */
static bool lacks_deny_write(const struct fact_pair *pair)
{
	const char *kernel = pair->kernel->value, *at = strstr(kernel, "dw ");
	const char *loader = pair->loader->value;

	return at && strncmp(kernel, loader, (size_t)(at - kernel)) == 0 &&
	       strcmp(at + strlen("dw "), loader + (at - kernel)) == 0;
}

/* ---- the tables ---- */

static const struct rule {
	const char *what; /* a pattern for fnmatch(3) */
	enum expected id;
	bool (*holds)(const struct fact_pair *pair); /* both have a value */
} rules[] = {
	{"start", REFUSED_EARLY, is_refused_early},
	{"start", UNSUPPORTED, is_unsupported},
	{"exe", EXE_LINK, lacks_capability},
	{"status VmPeak", MEMORY_PEAK, is_any},
	{"status VmHWM", MEMORY_PEAK, is_more},
	{"stat m[ia][nj]flt", FAULT_COUNTS, is_any},
	{"status VmPTE", PAGE_TABLES, is_more},
	{"stat rss", RSS_ESTIMATE, is_any},
	{"statm resident", VDSO_PAGE, is_page_more},
	{"statm shared", VDSO_PAGE, is_page_more},
	{"status VmRSS", VDSO_PAGE, is_page_more},
	{"status RssFile", VDSO_PAGE, is_page_more},
	{"stack below", BELOW_STACK, is_any},
	{"register eflags", FLAGS_REGISTER, are_results},
	{"stat flags", USED_PRIVILEGES, is_superpriv},
	{"register rcx", REGISTERS_LEFT, is_left},
	{"register r[sd]i", REGISTERS_LEFT, is_left},
	{"register r11", REGISTERS_LEFT, is_left},
	{"register *", REGISTERS_KEPT, is_callers},
	{"statm resident", RSS_LAG, is_lagging_of_file},
	{"statm shared", RSS_LAG, is_lagging_of_file},
	{"status VmRSS", RSS_LAG, is_lagging_of_file},
	{"status RssFile", RSS_LAG, is_lagging_of_file},
	{"status Rss[AS]*", RSS_LAG, is_lagging},
	{"flags *", DENY_WRITE, lacks_deny_write},
};

static const struct segmap_expectation varying[] = {
	{"stat pid", "the process id"},
	{"stat pgrp", "the process id"},
	{"status Tgid", "the process id"},
	{"status Pid", "the process id"},
	{"status NStgid", "the process id"},
	{"status NSpid", "the process id"},
	{"status NSpgid", "the process id"},
	{"status SigQ", "counts signals of all processes of the user"},
	{"stat utime", "time"},
	{"stat stime", "time"},
	{"stat starttime", "time"},
	{"stat processor", "chance"},
	{"status *voluntary_ctxt_switches", "chance"},
	{"stack random bytes", "random"},
};

/* With randomisation: how many pages an initial stack takes, and how many tables they take. */
static const char *const random_counts[] = {
	"statm resident", "status VmRSS", "exit maps [stack]",
	"status RssAnon", "status VmPTE", "status VmHWM",
};

static const struct segmap_expectation random_count = {"", "depends on random addresses"};

enum {
	RANDOM_COUNTS = sizeof(random_counts) / sizeof(random_counts[0]),
	RULES = sizeof(rules) / sizeof(rules[0]),
	VARYING = sizeof(varying) / sizeof(varying[0]),
};

/* What is told to the kernel by PR_SET_MM_MAP, all or nothing, and what follows from it. */
static const char *const layout[] = {
	"auxv AT_*",    "cmdline*",           "environ*",        "exe",        "stat start?*",
	"stat end*",    "stat arg_*",         "stat env_*",      "statm text", "status VmExe",
	"status VmLib", "exit maps [[]heap]", "exit maps anon*",
};

enum { LAYOUT = sizeof(layout) / sizeof(layout[0]) };

static const char *name_of(const struct fact_pair *pair)
{
	return pair->kernel ? pair->kernel->what : pair->loader->what;
}

static bool has_values(const struct fact_pair *pair)
{
	return pair->kernel && pair->loader && pair->kernel->value && pair->loader->value;
}

const struct segmap_expectation *why_varies(const struct fact_pair *pair)
{
	for (size_t i = 0; has_values(pair) && i < VARYING; i++)
		if (fnmatch(varying[i].id, name_of(pair), 0) == 0)
			return &varying[i];
	for (size_t i = 0; pair->aslr && i < RANDOM_COUNTS; i++)
		if (strcmp(random_counts[i], name_of(pair)) == 0)
			return &random_count;
	return NULL;
}

const struct segmap_expectation *why_expected(const struct fact_pair *pair)
{
	for (size_t i = 0; has_values(pair) && i < RULES; i++)
		if (fnmatch(rules[i].what, name_of(pair), 0) == 0 && rules[i].holds(pair))
			return &expectations[rules[i].id];
	for (size_t i = 0; pair->kernel_all->layout_refused && i < LAYOUT; i++)
		if (fnmatch(layout[i], name_of(pair), 0) == 0)
			return &expectations[LAYOUT_REFUSED];
	return NULL;
}
