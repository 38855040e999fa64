/*
 * What the kernel did at a fault, from literal events: for each case what was mapped, what
 * happened, and what each fault is to be called. Nothing is asked of this machine.
 */
#include <segmap/faults.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

enum { PAGE = 4096, PID = 100, CHILD = 200, THREAD = 101 };

/* The mappings that a process has, unless a case says otherwise. */
#define TEXT    0x400000 /* r-xp, of a file, 64 pages */
#define DATA    0x600000 /* rw-p, of a file, 32 pages */
#define BSS     0x620000 /* rw-p, anonymous, 32 pages */
#define SHARED  0x700000 /* rw-s, anonymous, 16 pages */
#define FILES   0x800000 /* rw-s, of a file, 16 pages */
#define RODATA  0x900000 /* r--p, of a file, 5 pages from the 4th of its 64 KiB on */
#define VDSO    0xa00000
#define STACK   0xb10000 /* rw-p, 16 pages */
#define NOWHERE 0x100000

static struct segmap_region mapped[] = {
	{TEXT, TEXT + 64 * PAGE, 0, 8, 1, 7, "r-xp", "/bin/x", NULL},
	{DATA, DATA + 32 * PAGE, 64 * PAGE, 8, 1, 7, "rw-p", "/bin/x", NULL},
	{BSS, BSS + 32 * PAGE, 0, 0, 0, 0, "rw-p", "", NULL},
	{SHARED, SHARED + 16 * PAGE, 0, 0, 1, 9, "rw-s", "/dev/zero (deleted)", NULL},
	{FILES, FILES + 16 * PAGE, 0, 8, 1, 8, "rw-s", "/tmp/file", NULL},
	{RODATA + 4 * PAGE, RODATA + 9 * PAGE, 0, 8, 1, 6, "r--p", "/lib/y", NULL},
	{VDSO, VDSO + 2 * PAGE, 0, 0, 0, 0, "r-xp", "[vdso]", NULL},
	{STACK, STACK + 16 * PAGE, 0, 0, 0, 0, "rw-p", "[stack]", NULL},
};
static const struct segmap_regions regions = {.items = mapped,
					      .count = sizeof(mapped) / sizeof(mapped[0])};

/* ---- cases ---- */

enum what { END, FAULT, KERNEL_FAULT, MAP, FORK, EXEC, EXIT };

#define ANY  SEGMAP_ACCESS_UNKNOWN
#define R    SEGMAP_ACCESS_READ
#define W    SEGMAP_ACCESS_WRITE
#define X    SEGMAP_ACCESS_EXECUTE
#define C(c) SEGMAP_FAULT_##c

/* One event. Between two there are 10 ms, unless it comes AT_ONCE after the one before. */
struct event {
	enum what what;
	uint64_t addr;
	enum segmap_access access;
	enum segmap_fault_class class; /* expected */
	unsigned around;               /* expected */
	pid_t pid, tid;                /* 0: PID, and the same */
	bool at_once;
	enum segmap_access found; /* expected, where ACCESS is not known */
	uint64_t end;             /* of a mapping */
	const char *perms, *name; /* of a mapping */
};

struct seen {
	uint64_t addr;
	enum segmap_page_state state;
	bool shared;
};

struct test_case {
	const char *name;
	bool no_zero_page, no_exit;
	int status;
	struct segmap_region moved; /* there at exit, and not at entry */
	struct seen entry[4], exit[36];
	struct event events[10];
};

/* 4 and 16 pages of the file that are there, from the Nth of DATA on. */
#define SEEN(n)                                                                                \
	{                                                                                      \
		DATA + (n)*PAGE, SEGMAP_PAGE_FILE                                              \
	}
#define SEEN4(n)  SEEN(n), SEEN((n) + 1), SEEN((n) + 2), SEEN((n) + 3)
#define SEEN16(n) SEEN4(n), SEEN4((n) + 4), SEEN4((n) + 8), SEEN4((n) + 12)

static const struct test_case cases[] = {
	{.name = "a page of the file is read, and one executed",
	 .events = {{FAULT, RODATA + 5 * PAGE, R, C(FILE_MAPPED)},
		    {FAULT, TEXT + 0x10, X, C(FILE_MAPPED)}}},
	{.name = "written at once", .events = {{FAULT, DATA + 0x123, W, C(COPY_FIRST_WRITE)}}},
	{.name = "read, then written",
	 .events = {{FAULT, DATA, R, C(FILE_MAPPED)},
		    {FAULT, DATA + 8, W, C(COPY_AFTER_READ)}}},
	{.name = "a neighbour of what was read is written",
	 .events = {{FAULT, DATA, R, C(FILE_MAPPED), .around = 1},
		    {FAULT, DATA + 3 * PAGE, W, C(COPY_AFTER_READ)},
		    {FAULT, DATA + 16 * PAGE, W, C(COPY_FIRST_WRITE)}}},
	{.name = "a neighbour that did not come along is read",
	 .events = {{FAULT, DATA, R, C(FILE_MAPPED)}, {FAULT, DATA + PAGE, R, C(FILE_MAPPED)}}},
	{.name = "zero page, then written",
	 .events = {{FAULT, BSS, R, C(ZERO_PAGE)}, {FAULT, BSS, W, C(ZERO_REPLACED)}}},
	{.name = "no zero page on this machine",
	 .no_zero_page = true,
	 .events = {{FAULT, BSS, R, C(ZERO_FILLED)}}},
	{.name = "anonymous memory is written", .events = {{FAULT, BSS, W, C(ZERO_FILLED)}}},
	{.name = "the stack grows twice",
	 .events = {{FAULT, STACK - 8, W, C(STACK_GROWTH)},
		    {MAP, STACK - PAGE, .end = STACK + 16 * PAGE, .perms = "rw-p",
		     .name = "[stack]"},
		    {FAULT, STACK - PAGE - 8, W, C(STACK_GROWTH)},
		    {MAP, STACK - 2 * PAGE, .end = STACK + 16 * PAGE, .perms = "rw-p",
		     .name = "[stack]"},
		    {FAULT, STACK + 8, W, C(ZERO_FILLED)}}},
	{.name = "the stack does not grow", .events = {{FAULT, STACK - 8, W, C(SIGNAL)}}},
	{.name = "fork: the first to write copies, the other keeps the page",
	 .events = {{FAULT, BSS, W, C(ZERO_FILLED)},
		    {FORK, .pid = CHILD},
		    {FAULT, BSS, W, C(COPY_AFTER_FORK)},
		    {FAULT, BSS, W, C(REUSED), .pid = CHILD}}},
	{.name = "fork: the child ends",
	 .events = {{FAULT, DATA, W, C(COPY_FIRST_WRITE)},
		    {FORK, .pid = CHILD},
		    {EXIT, .pid = CHILD},
		    {FAULT, DATA, W, C(REUSED)}}},
	{.name = "fork: the child executes something else",
	 .events = {{FAULT, DATA, W, C(COPY_FIRST_WRITE)},
		    {FORK, .pid = CHILD},
		    {EXEC, .pid = CHILD},
		    {FAULT, DATA, W, C(REUSED)}}},
	{.name = "fork: a child has no page of a file in which nothing was copied",
	 .events = {{FAULT, DATA, R, C(FILE_MAPPED)},
		    {FORK, .pid = CHILD},
		    {FAULT, DATA, W, C(COPY_FIRST_WRITE), .pid = CHILD},
		    {FAULT, DATA, W, C(COPY_AFTER_READ)}}},
	{.name = "a thread is no fork",
	 .events = {{FAULT, BSS, W, C(ZERO_FILLED)},
		    {FORK, .pid = PID, .tid = THREAD},
		    {FAULT, BSS, W, C(REFAULT)}}},
	{.name = "shared anonymous memory",
	 .events = {{FAULT, SHARED, W, C(SHARED_MAPPED)},
		    {FAULT, SHARED + 8 * PAGE, R, C(SHARED_MAPPED)}}},
	{.name = "a shared file is read, then written",
	 .events = {{FAULT, FILES, R, C(FILE_MAPPED)}, {FAULT, FILES, W, C(REUSED)}}},
	{.name = "taken away",
	 .events = {{FAULT, BSS, W, C(ZERO_FILLED)},
		    {FAULT, BSS, W, C(REFAULT)},
		    {FAULT, TEXT, X, C(FILE_MAPPED)},
		    {FAULT, TEXT, X, C(REFAULT)}}},
	{.name = "a copy is taken away, and written again",
	 .events = {{FAULT, DATA, W, C(COPY_FIRST_WRITE)},
		    {FAULT, DATA, W, C(COPY_FIRST_WRITE)},
		    {FAULT, DATA, R, C(REFAULT)},
		    {FAULT, DATA, W, C(COPY_AFTER_READ)}}},
	{.name = "what must not be",
	 .events = {{FAULT, NOWHERE, R, C(SIGNAL)},
		    {FAULT, TEXT, W, C(SIGNAL)},
		    {FAULT, DATA, X, C(SIGNAL)}}},
	{.name = "what must not be, after mprotect",
	 .events = {{MAP, DATA, .end = DATA + PAGE, .perms = "---p", .name = "/bin/x"},
		    {FAULT, DATA, R, C(SIGNAL)},
		    {FAULT, DATA + PAGE, R, C(FILE_MAPPED)}}},
	{.name = "the last one ends in SIGBUS",
	 .status = SIGBUS,
	 .events = {{FAULT, TEXT, X, C(FILE_MAPPED)}, {FAULT, FILES, R, C(SIGNAL)}}},
	{.name = "SIGSEGV came from somewhere else",
	 .status = SIGSEGV,
	 .exit = {{TEXT, SEGMAP_PAGE_FILE}},
	 .events = {{FAULT, TEXT, X, C(FILE_MAPPED)}}},
	{.name = "two threads at once, and one later",
	 .events = {{FAULT, BSS, W, C(ZERO_FILLED)},
		    {FAULT, BSS, W, C(ALREADY_THERE), .tid = THREAD, .at_once = true},
		    {FAULT, BSS, W, C(REFAULT), .tid = THREAD}}},
	{.name = "two threads at once, the second needs more",
	 .events = {{FAULT, BSS, R, C(ZERO_PAGE)},
		    {FAULT, BSS, W, C(ZERO_REPLACED), .tid = THREAD, .at_once = true}}},
	{.name = "a page of the kernel's", .events = {{FAULT, VDSO, X, C(KERNEL)}}},
	{.name = "mprotect keeps the pages",
	 .events = {{FAULT, DATA, R, C(FILE_MAPPED)},
		    {MAP, DATA, .end = DATA + 2 * PAGE, .perms = "r--p", .name = "/bin/x"},
		    {MAP, DATA, .end = DATA + 2 * PAGE, .perms = "rw-p", .name = "/bin/x"},
		    {FAULT, DATA, W, C(COPY_AFTER_READ)}}},
	{.name = "a written page is made writable again after mprotect",
	 .events = {{FAULT, BSS, W, C(ZERO_FILLED)},
		    {MAP, BSS, .end = BSS + PAGE, .perms = "r--p", .name = ""},
		    {MAP, BSS, .end = BSS + PAGE, .perms = "rw-p", .name = ""},
		    {FAULT, BSS, W, C(REUSED)}}},
	{.name = "another mapping in its place",
	 .events = {{FAULT, DATA, W, C(COPY_FIRST_WRITE)},
		    {MAP, DATA, .end = DATA + 4 * PAGE, .perms = "rw-p", .name = ""},
		    {FAULT, DATA, W, C(ZERO_FILLED)}}},
	{.name = "the same mapping made twice",
	 .events = {{MAP, NOWHERE, .end = NOWHERE + PAGE, .perms = "rw-p", .name = ""},
		    {FAULT, NOWHERE, W, C(ZERO_FILLED)},
		    {MAP, NOWHERE, .end = NOWHERE + PAGE, .perms = "rw-p", .name = ""},
		    {FAULT, NOWHERE, W, C(ZERO_FILLED)}}},
	{.name = "the mapping was moved there, which nobody has told",
	 .moved = {NOWHERE, NOWHERE + PAGE, 0, 0, 0, 0, "rw-p", "", NULL},
	 .exit = {{NOWHERE, SEGMAP_PAGE_ANON}},
	 .events = {{FAULT, NOWHERE, W, C(ZERO_FILLED)}}},
	{.name = "unknown access: the page at exit tells",
	 .exit = {{DATA, SEGMAP_PAGE_COPY},
		  {DATA + 16 * PAGE, SEGMAP_PAGE_FILE},
		  {BSS, SEGMAP_PAGE_ANON},
		  {BSS + PAGE, SEGMAP_PAGE_ZERO}},
	 .events = {{KERNEL_FAULT, DATA, ANY, C(COPY_FIRST_WRITE), .found = W},
		    {KERNEL_FAULT, DATA + 16 * PAGE, ANY, C(FILE_MAPPED), .found = R},
		    {KERNEL_FAULT, BSS, ANY, C(ZERO_FILLED), .found = W},
		    {KERNEL_FAULT, BSS + PAGE, ANY, C(ZERO_PAGE), .found = R}}},
	{.name = "unknown access: the next fault tells",
	 .events = {{KERNEL_FAULT, DATA, ANY, C(FILE_MAPPED), .found = R},
		    {KERNEL_FAULT, DATA, ANY, C(COPY_AFTER_READ), .found = W},
		    {KERNEL_FAULT, BSS, ANY, C(ZERO_PAGE), .found = R},
		    {FAULT, BSS, ANY, C(ZERO_REPLACED), .found = W}}},
	{.name = "unknown access: nothing tells",
	 .no_exit = true,
	 .events = {{KERNEL_FAULT, DATA, ANY, C(UNCLASSIFIED), .found = ANY},
		    {KERNEL_FAULT, TEXT, ANY, C(FILE_MAPPED), .found = R}}},
	{.name = "exec writes the tail of bss itself",
	 .events = {{FORK, .pid = CHILD},
		    {EXEC, .pid = CHILD},
		    {MAP, DATA, .end = DATA + 4 * PAGE, .perms = "rw-p", .name = "/bin/x",
		     .pid = CHILD},
		    {KERNEL_FAULT, DATA, ANY, C(COPY_FIRST_WRITE), .pid = CHILD, .found = W},
		    {FAULT, DATA + PAGE, R, C(FILE_MAPPED), .around = 1, .pid = CHILD},
		    {KERNEL_FAULT, DATA + 2 * PAGE, ANY, C(UNCLASSIFIED), .pid = CHILD}}},
	{.name = "pages that were there before",
	 .entry = {{DATA, SEGMAP_PAGE_FILE},
		   {DATA + PAGE, SEGMAP_PAGE_COPY, true},
		   {BSS, SEGMAP_PAGE_ZERO}},
	 .events = {{FAULT, DATA, W, C(COPY_AFTER_READ)},
		    {FAULT, DATA + PAGE, W, C(COPY_AFTER_FORK)},
		    {FAULT, BSS, W, C(ZERO_REPLACED)}}},
	{.name = "those that came along: only what is there, and what was not before",
	 .entry = {{TEXT + PAGE, SEGMAP_PAGE_FILE}},
	 .exit = {{TEXT, SEGMAP_PAGE_FILE},
		  {TEXT + PAGE, SEGMAP_PAGE_FILE},
		  {TEXT + 2 * PAGE, SEGMAP_PAGE_FILE},
		  {TEXT + 15 * PAGE, SEGMAP_PAGE_FILE},
		  {TEXT + 16 * PAGE, SEGMAP_PAGE_FILE}},
	 .events = {{FAULT, TEXT, X, C(FILE_MAPPED), .around = 2},
		    {FAULT, TEXT + 16 * PAGE, X, C(FILE_MAPPED)}}},
	{.name = "those that came along: not beyond the mapping",
	 .exit = {{RODATA + 3 * PAGE, SEGMAP_PAGE_FILE},
		  {RODATA + 4 * PAGE, SEGMAP_PAGE_FILE},
		  {RODATA + 5 * PAGE, SEGMAP_PAGE_FILE},
		  {RODATA + 8 * PAGE, SEGMAP_PAGE_FILE},
		  {RODATA + 9 * PAGE, SEGMAP_PAGE_FILE}},
	 .events = {{FAULT, RODATA + 5 * PAGE, R, C(FILE_MAPPED), .around = 2}}},
	{.name = "those that came along: all of a large folio",
	 .exit = {SEEN16(0), SEEN16(16)},
	 .events = {{FAULT, DATA + PAGE, R, C(FILE_MAPPED), .around = 31}}},
	{.name = "those that came along: no large folio, the next part has a fault of its own",
	 .exit = {SEEN16(0), SEEN16(16)},
	 .events = {{FAULT, DATA + PAGE, R, C(FILE_MAPPED), .around = 15},
		    {FAULT, DATA + 20 * PAGE, R, C(FILE_MAPPED), .around = 15}}},
	{.name = "nothing comes along with a write",
	 .exit = {{DATA, SEGMAP_PAGE_COPY}, {DATA + PAGE, SEGMAP_PAGE_FILE}},
	 .events = {{FAULT, DATA, W, C(COPY_FIRST_WRITE)}}},
};

/* ---- running one ---- */

enum { EVENTS = 10 };

struct history {
	struct segmap_fault faults[EVENTS];
	const struct event *expected[EVENTS];
	struct segmap_happening happenings[EVENTS];
	size_t fault_count, happening_count;
};

static void add_fault(struct history *h, const struct event *e, uint64_t time)
{
	pid_t pid = e->pid ? e->pid : PID;

	h->expected[h->fault_count] = e;
	h->faults[h->fault_count++] = (struct segmap_fault){
		.time = time,
		.addr = e->addr,
		.pid = pid,
		.tid = e->tid ? e->tid : pid,
		.kernel = e->what == KERNEL_FAULT,
		.access = e->access,
	};
}

static void add_happening(struct history *h, const struct event *e, uint64_t time)
{
	static const enum segmap_happening_kind kinds[] = {
		[MAP] = SEGMAP_HAPPENED_MAP,
		[FORK] = SEGMAP_HAPPENED_FORK,
		[EXEC] = SEGMAP_HAPPENED_EXEC,
		[EXIT] = SEGMAP_HAPPENED_EXIT,
	};
	pid_t pid = e->pid ? e->pid : PID;
	struct segmap_happening happening = {
		.time = time,
		.kind = kinds[e->what],
		.pid = pid,
		.tid = e->tid ? e->tid : pid,
		.parent = e->what == FORK ? PID : 0,
	};
	struct segmap_region *region = &happening.region;

	if (e->what == MAP) {
		region->start = e->addr;
		region->end = e->end;
		region->name = strdup(e->name);
		memcpy(region->perms, e->perms, sizeof(region->perms));
		if (*e->name == '/') { /* as DATA */
			region->major = 8;
			region->minor = 1;
			region->inode = 7;
			region->offset = 64 * PAGE + e->addr - DATA;
		}
	}
	h->happenings[h->happening_count++] = happening;
}

static void tell(struct history *h, const struct test_case *c)
{
	uint64_t time = 0;

	for (const struct event *e = c->events; e->what != END; e++) {
		time += e->at_once ? 1000 : 10000000;
		if (e->what == FAULT || e->what == KERNEL_FAULT)
			add_fault(h, e, time);
		else
			add_happening(h, e, time);
	}
}

static size_t set_pages(struct segmap_page *pages, const struct seen *seen, size_t room)
{
	size_t count = 0;

	while (count < room && seen[count].addr) {
		pages[count] = (struct segmap_page){.addr = seen[count].addr,
						    .state = seen[count].state,
						    .exclusive = !seen[count].shared};
		count++;
	}
	return count;
}

static void check_faults(const struct test_case *c, const struct history *h)
{
	for (size_t i = 0; i < h->fault_count; i++) {
		const struct segmap_fault *fault = &h->faults[i];
		const struct event *e = h->expected[i];

		cr_expect_str_eq(segmap_fault_class_id(fault->class),
				 segmap_fault_class_id(e->class), "%s: fault %zu is %s, not %s",
				 c->name, i, segmap_fault_class_id(fault->class),
				 segmap_fault_class_id(e->class));
		cr_expect_eq(fault->around, e->around, "%s: fault %zu: %u came along, not %u",
			     c->name, i, fault->around, e->around);
		if (e->access == ANY)
			cr_expect_eq(fault->access, e->found, "%s: fault %zu: access is %s",
				     c->name, i, segmap_access_name(fault->access));
	}
}

static void run_case(const struct test_case *c)
{
	struct segmap_page entry_pages[4], exit_pages[36];
	struct segmap_region exit_regions[10];
	struct history h = {0};

	tell(&h, c);
	memcpy(exit_regions, mapped, sizeof(mapped));
	exit_regions[regions.count] = c->moved;
	const struct segmap_pages entry = {entry_pages, set_pages(entry_pages, c->entry, 4),
					   .page_size = PAGE};
	const struct segmap_pages exit = {exit_pages, set_pages(exit_pages, c->exit, 36),
					  .page_size = PAGE};
	const struct segmap_regions at_exit = {exit_regions,
					       regions.count + (c->moved.end != 0), .error = 0};
	const struct segmap_fault_context context = {
		.pid = PID,
		.entry = &regions,
		.exit = c->no_exit ? NULL : &at_exit,
		.entry_pages = &entry,
		.exit_pages = c->no_exit ? NULL : &exit,
		.page_size = PAGE,
		.zero_page = !c->no_zero_page,
		.status = c->status,
	};
	struct segmap_faults faults = {
		.items = h.faults,
		.count = h.fault_count,
		.happenings = h.happenings,
		.happening_count = h.happening_count,
		.kernel_seen = true,
	};

	cr_assert_eq(segmap_faults_classify(&faults, &context), 0, "%s", c->name);
	check_faults(c, &h);
	for (size_t i = 0; i < h.happening_count; i++)
		free(h.happenings[i].region.name);
}

Test(faults, classes)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i]);
}

Test(faults, find_copy)
{
	struct segmap_fault items[] = {
		{.pid = PID, .addr = DATA + 1, .class = C(COPY_FIRST_WRITE)},
		{.pid = PID, .addr = DATA + 2, .class = C(COPY_AFTER_FORK)},
		{.pid = PID, .addr = DATA + 3, .class = C(REUSED)},
		{.pid = CHILD, .addr = DATA + 4, .class = C(COPY_AFTER_FORK)},
	};
	const struct segmap_faults faults = {.items = items, .count = 4};

	cr_assert_eq(segmap_faults_find_copy(&faults, PID, DATA + 8, PAGE), &items[1]);
	cr_assert_eq(segmap_faults_find_copy(&faults, CHILD, DATA, PAGE), &items[3]);
	cr_assert_null(segmap_faults_find_copy(&faults, PID, DATA + PAGE, PAGE));
}

Test(faults, every_class_has_words)
{
	for (int i = 0; i < SEGMAP_FAULT_CLASS_COUNT; i++) {
		cr_expect_not_null(segmap_fault_class_name((enum segmap_fault_class)i), "%d",
				   i);
		cr_expect_not_null(segmap_fault_class_id((enum segmap_fault_class)i), "%d", i);
		cr_expect_not_null(segmap_fault_class_meaning((enum segmap_fault_class)i), "%d",
				   i);
	}
}
