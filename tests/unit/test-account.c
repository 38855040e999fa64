/* Copies on write accounted for, from literal mappings, pages and faults. */
#include <segmap/account.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PID = 100, CHILD = 101, MAPPINGS = 6, FAULTS = 8, TEXT = 600 };

#define FILE_BASE  0x404000
#define ANON_BASE  0x500000
#define PAGES_FILE 8

/* A look: one letter a page of the program's data, 'C' and so on as they are shown, and ' '
 * where nothing is mapped; then the same for four pages of anonymous memory. */
struct moment {
	const char *data;
	const char *anon;
	bool at_main;
	int error;       /* of reading the pages */
	uint64_t frames; /* number of the first page's frame, or 0 */
	bool other;      /* another file is mapped there */
};

struct event {
	unsigned page;
	enum segmap_fault_class class;
	uint64_t ip;
	bool kernel;
	pid_t pid; /* or 0 for PID */
	bool anon; /* of the anonymous memory */
};

struct account_case {
	const char *name;
	struct moment moments[SEGMAP_LOOKS_MAX];
	struct event events[FAULTS];
	bool no_faults, kernel_unseen, forked;
	uint64_t lost;
	enum segmap_main main;
	const char *want;
};

/* clang-format off */
#define FIRST  SEGMAP_FAULT_COPY_FIRST_WRITE
#define READ   SEGMAP_FAULT_COPY_AFTER_READ
#define FORK   SEGMAP_FAULT_COPY_AFTER_FORK
#define MAPPED SEGMAP_FAULT_FILE_MAPPED
/* A row with 0 for its class ends the list. */
#define UNKNOWN SEGMAP_FAULT_CLASS_COUNT

static const struct account_case cases[] = {
	{"nothing happens", {{"........"}, {"........"}}, {{0}},
	 .want = "0/8 tables 0 faults 0 agree"},
	{"one page copied, and both have seen it", {{"........"}, {".C......"}},
	 {{.page = 1, .class = FIRST}}, .main = SEGMAP_MAIN_NONE,
	 .want = "1:program! 1/8 tables 1 faults 1 agree"},
	{"the loader's copies are no fault's", {{".......C"}, {"f......C"}}, {{.page = 0, .class = MAPPED}},
	 .want = "7:loader 1/8 tables 0 faults 0 agree"},
	{"before main and after it", {{"........"}, {"CC......", .at_main = true}, {"CCCf...."}},
	 {{.page = 0, .class = READ}, {.page = 1, .class = FIRST}, {.page = 2, .class = FIRST}},
	 .main = SEGMAP_MAIN_SEEN,
	 .want = "0:start! 1:start! 2:program! 3/8 tables 3 faults 3 agree"},
	{"where main is is not known", {{"........"}, {"CC......"}},
	 {{.page = 0, .class = READ, .ip = 0x7000}, {.page = 1, .class = FIRST, .ip = 0x9000}},
	 .want = "0:start! 1:entered! 2/8 tables 2 faults 2 agree"},
	{"a kernel's write is not the interpreter's", {{"........"}, {"C......."}},
	 {{.page = 0, .class = READ, .ip = 0x7000, .kernel = true}},
	 .want = "0:entered! 1/8 tables 1 faults 1 agree"},
	{"two faults, one copy: the last made it", {{"........"}, {"C......."}},
	 {{.page = 0, .class = MAPPED}, {.page = 0, .class = READ}}, .main = SEGMAP_MAIN_NONE,
	 .want = "0:program! 1/8 tables 1 faults 1 agree"},
	{"another process's faults", {{"........"}, {"........"}},
	 {{.page = 0, .class = FIRST, .pid = CHILD}}, .want = "0/8 tables 0 faults 0 agree"},
	{"anonymous memory copied after a fork is no copy of a file", {{"........", "AAAA"}, {"........", "AAAA"}},
	 {{.page = 0, .class = FORK, .anon = true}}, .want = "0/8 tables 0 faults 0 agree"},
	{"swapped out is still a copy", {{"........"}, {"w......."}}, {{.page = 0, .class = FIRST}},
	 .main = SEGMAP_MAIN_NONE, .want = "0:program! 1/8 tables 1 faults 1 agree"},

	{"a witness that could not be heard", {{"........"}, {"C......."}}, {{0}}, .no_faults = true,
	 .want = "0:entered 1/8 tables 1 faults 0 missing"},
	{"pages that could not be read", {{"........"}, {"........", .error = 13}}, {{.page = 0, .class = FIRST}},
	 .want = "0/8 tables 0 faults 1 missing"},

	{"a copy without a fault", {{"........"}, {"CC......"}}, {{.page = 0, .class = FIRST}},
	 .main = SEGMAP_MAIN_NONE,
	 .want = "0:program! 1:program 2/8 tables 2 faults 1 DISAGREE 1=copy-without-fault"},
	{"a fault that is no copying one is no witness", {{"........"}, {"C......."}}, {{.page = 0, .class = MAPPED}},
	 .main = SEGMAP_MAIN_NONE,
	 .want = "0:program 1/8 tables 1 faults 0 DISAGREE 0=copy-without-fault"},
	{"a fault without a copy", {{"........"}, {"f......."}}, {{.page = 0, .class = FIRST}},
	 .want = "0/8 tables 0 faults 1 DISAGREE 0=fault-without-copy"},
	{"as many of each, but not the same pages", {{"........"}, {".Cf....."}}, {{.page = 2, .class = FIRST}},
	 .main = SEGMAP_MAIN_NONE,
	 .want = "1:program 1/8 tables 1 faults 1 DISAGREE 1=copy-without-fault 2=fault-without-copy"},
	{"an explained difference does not excuse another", {{"........"}, {"C......."}},
	 {{.page = 3, .class = FIRST}}, .main = SEGMAP_MAIN_NONE,
	 .want = "0:program 1/8 tables 1 faults 1 DISAGREE 0=copy-without-fault 3=copy-dropped"},

	{"the kernel's own faults are not shown", {{"........"}, {"C......."}}, {{0}}, .kernel_unseen = true,
	 .main = SEGMAP_MAIN_NONE,
	 .want = "0:program 1/8 tables 1 faults 0 explained 0=copy-in-kernel"},
	{"records were lost", {{"........"}, {"C......."}}, {{0}}, .lost = 3, .main = SEGMAP_MAIN_NONE,
	 .want = "0:program 1/8 tables 1 faults 0 explained 0=copy-lost"},
	{"a fault of which nobody knows what it did, and a copy", {{"........"}, {"C......."}},
	 {{.page = 0, .class = UNKNOWN}}, .main = SEGMAP_MAIN_NONE,
	 .want = "0:program! 1/8 tables 1 faults 0 explained 0=fault-unclear"},
	{"such a fault, and no copy", {{"........"}, {"........"}}, {{.page = 3, .class = UNKNOWN}},
	 .want = "0/8 tables 0 faults 0 explained 3=fault-unclear"},
	{"one that copies says more", {{"........"}, {"C......."}},
	 {{.page = 0, .class = FIRST}, {.page = 0, .class = UNKNOWN}}, .main = SEGMAP_MAIN_NONE,
	 .want = "0:program! 1/8 tables 1 faults 1 agree"},
	{"copied, and given back", {{"........"}, {"........"}}, {{.page = 4, .class = FIRST}},
	 .want = "0/8 tables 0 faults 1 explained 4=copy-dropped"},
	{"copied, given back, and read again", {{"........"}, {"....f..."}},
	 {{.page = 4, .class = FIRST}, {.page = 4, .class = MAPPED}},
	 .want = "0/8 tables 0 faults 1 explained 4=copy-dropped"},
	{"copied, given back, and mapped again beside a neighbour", {{"........"}, {"....ff.."}},
	 {{.page = 4, .class = FIRST}, {.page = 5, .class = MAPPED}},
	 .want = "0/8 tables 0 faults 1 explained 4=copy-dropped"},
	{"copied, and unmapped", {{"........"}, {"...     "}}, {{.page = 4, .class = FIRST}},
	 .want = "0/8 tables 0 faults 1 explained 4=copy-unmapped"},
	{"copied, and another file is there now", {{"........"}, {"........", .other = true}},
	 {{.page = 4, .class = FIRST}}, .want = "0/8 tables 0 faults 1 explained 4=copy-unmapped"},

	{"a child's inheritance is its parent's", {{"CC......"}, {"CCC....."}},
	 {{.page = 1, .class = FORK}, {.page = 2, .class = FIRST}}, .forked = true,
	 .want = "0:parent 1:program! 2:program! 3/8 tables 2 faults 2 agree"},
	{"without faults, by frames", {{"CC......", .frames = 10}, {"CC......", .frames = 20}}, {{0}},
	 .no_faults = true, .forked = true,
	 .want = "0:program 1:program 2/8 tables 2 faults 0 missing"},
	{"without faults and frames nobody knows", {{"CC......"}, {"CC......"}}, {{0}},
	 .no_faults = true, .forked = true,
	 .want = "0:forked 1:forked 2/8 tables 0 faults 0 missing"},
	{"a loader's copy that its program's fork has made it copy again", {{"C......."}, {"C......."}},
	 {{.page = 0, .class = FORK}}, .want = "0:loader! 1/8 tables 1 faults 1 agree"},
};
/* clang-format on */

/* ---- from a row to evidence ---- */

struct scene {
	struct segmap_region regions[SEGMAP_LOOKS_MAX][MAPPINGS];
	struct segmap_page pages[SEGMAP_LOOKS_MAX][PAGES_FILE + MAPPINGS];
	struct segmap_regions region_lists[SEGMAP_LOOKS_MAX];
	struct segmap_pages page_lists[SEGMAP_LOOKS_MAX];
	struct segmap_fault faults[FAULTS];
	struct segmap_faults fault_list;
	struct segmap_evidence evidence;
};

static char no_name[] = "", program_name[] = "/bin/program";

static enum segmap_page_state state_of(char letter)
{
	for (int s = 0; s < SEGMAP_PAGE_STATE_COUNT; s++)
		if (segmap_page_letter((enum segmap_page_state)s) == letter)
			return (enum segmap_page_state)s;
	cr_assert_fail("'%c' is no page's letter", letter);
	return SEGMAP_PAGE_UNKNOWN;
}

/* One mapping as long as LETTERS, but for blanks at its end. */
static void add_mapping(struct scene *s, size_t look, uint64_t base, const char *letters,
			const struct moment *m)
{
	struct segmap_regions *regions = &s->region_lists[look];
	struct segmap_pages *pages = &s->page_lists[look];
	size_t count = letters ? strcspn(letters, " ") : 0;
	bool file = base == FILE_BASE;

	if (count == 0)
		return;
	regions->items[regions->count++] = (struct segmap_region){
		.start = base,
		.end = base + count * 4096,
		.offset = file ? 0x3000 : 0,
		.inode = !file      ? 0
			 : m->other ? 8
				    : 7,
		.perms = "rw-p",
		.name = file ? program_name : no_name,
	};
	for (size_t i = 0; i < count; i++) {
		if (letters[i] == '.')
			continue;
		pages->items[pages->count++] = (struct segmap_page){
			.addr = base + i * 4096,
			.frame = m->frames ? m->frames + i : 0,
			.state = state_of(letters[i]),
		};
	}
}

static void add_events(struct scene *s, const struct account_case *c)
{
	for (size_t i = 0; i < FAULTS && c->events[i].class; i++) {
		const struct event *e = &c->events[i];

		s->faults[i] = (struct segmap_fault){
			.time = 10 * (i + 1),
			.addr = (e->anon ? ANON_BASE : FILE_BASE) + e->page * 4096 + 0x18,
			.ip = e->ip,
			.pid = e->pid ? e->pid : PID,
			.tid = e->pid ? e->pid : PID,
			.kernel = e->kernel,
			.class = e->class == UNKNOWN ? SEGMAP_FAULT_UNCLASSIFIED : e->class,
		};
		s->fault_list.count++;
	}
}

static void build(struct scene *s, const struct account_case *c)
{
	*s = (struct scene){.evidence = {.pid = PID,
					 .forked = c->forked,
					 .main = c->main,
					 .interp_start = 0x7000,
					 .interp_end = 0x8000}};
	s->fault_list = (struct segmap_faults){
		.items = s->faults, .lost = c->lost, .kernel_seen = !c->kernel_unseen};
	for (size_t i = 0; i < SEGMAP_LOOKS_MAX && c->moments[i].data; i++) {
		const struct moment *m = &c->moments[i];

		s->region_lists[i].items = s->regions[i];
		s->page_lists[i] = (struct segmap_pages){
			.items = s->pages[i], .page_size = 4096, .error = m->error};
		add_mapping(s, i, FILE_BASE, m->data, m);
		add_mapping(s, i, ANON_BASE, m->anon, m);
		s->evidence.looks[s->evidence.look_count++] =
			(struct segmap_look){.regions = &s->region_lists[i],
					     .pages = &s->page_lists[i],
					     .at_main = m->at_main};
	}
	add_events(s, c);
	s->evidence.faults = c->no_faults ? NULL : &s->fault_list;
}

/* ---- from an account to words ---- */

static unsigned page_number(uint64_t addr)
{
	return (unsigned)((addr - FILE_BASE) / 4096);
}

/* "1:program! ", with a mark if the fault is known. */
static void describe(const struct segmap_account *a, char *text)
{
	int n = 0;

	for (size_t i = 0; i < a->copy_count; i++)
		n += snprintf(
			text + n, TEXT - (size_t)n, "%u:%s%s ", page_number(a->copies[i].addr),
			segmap_cause_name(a->copies[i].cause), a->copies[i].fault ? "!" : "");
	n += snprintf(text + n, TEXT - (size_t)n, "%zu/%zu tables %zu faults %zu %s",
		      a->copy_count, a->data_pages, a->copied_pages, a->faulted_pages,
		      segmap_agreement_name(a->agreement));
	for (size_t i = 0; i < a->difference_count; i++)
		n += snprintf(text + n, TEXT - (size_t)n, " %u=%s",
			      page_number(a->differences[i].addr),
			      segmap_difference_name(a->differences[i].kind));
}

Test(account, rows)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s;
		struct segmap_account account;
		char text[TEXT];

		build(&s, &cases[i]);
		cr_assert_eq(segmap_account(&account, &s.evidence), 0, "%s", cases[i].name);
		describe(&account, text);
		cr_expect_str_eq(text, cases[i].want, "%s:\n got '%s'\nwant '%s'",
				 cases[i].name, text, cases[i].want);
		segmap_account_free(&account);
	}
}

Test(account, the_last_fault_on_a_page_is_named)
{
	const struct account_case c = {
		.moments = {{"........"}, {"C......."}},
		.events = {{.class = FIRST, .ip = 1}, {.class = FIRST, .ip = 2}}};
	struct scene s;
	struct segmap_account account;

	build(&s, &c);
	s.faults[1].addr -= 0x10; /* lower, but later */
	cr_assert_eq(segmap_account(&account, &s.evidence), 0);
	cr_assert_eq(account.copy_count, 1);
	cr_expect_eq(account.copies[0].fault->ip, 2);
	segmap_account_free(&account);
}

/* ---- strips ---- */

struct edges {
	uint64_t start, end;
	const char *perms[SEGMAP_LOOKS_MAX]; /* NULL where it is not mapped */
};

static struct segmap_region region(uint64_t start, uint64_t end, const char *perms)
{
	struct segmap_region r = {.start = start, .end = end, .inode = 7, .name = program_name};

	strcpy(r.perms, perms);
	return r;
}

/* A mapping of which mprotect takes a part, one that grows, and one that comes and goes. */
Test(account, strips_end_where_any_mapping_ends)
{
	static const struct edges want[] = {
		{0x1000, 0x3000, {"rw-p", "r--p"}}, {0x3000, 0x5000, {"rw-p", "rw-p"}},
		{0x7000, 0x8000, {"rw-p", "rw-p"}}, {0x8000, 0x9000, {NULL, "rw-p"}},
		{0xa000, 0xb000, {"r--p", NULL}},
	};
	struct segmap_region before[] = {region(0x1000, 0x5000, "rw-p"),
					 region(0x7000, 0x8000, "rw-p"),
					 region(0xa000, 0xb000, "r--p")};
	struct segmap_region after[] = {region(0x1000, 0x3000, "r--p"),
					region(0x3000, 0x5000, "rw-p"),
					region(0x7000, 0x9000, "rw-p")};
	const struct segmap_regions lists[] = {{.items = before, .count = 3},
					       {.items = after, .count = 3}};
	const struct segmap_pages pages = {.page_size = 4096};
	const struct segmap_evidence evidence = {
		.looks = {{.regions = &lists[0], .pages = &pages},
			  {.regions = &lists[1], .pages = &pages}},
		.look_count = 2,
	};
	struct segmap_account account;

	cr_assert_eq(segmap_account(&account, &evidence), 0);
	cr_assert_eq(account.strip_count, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < account.strip_count; i++) {
		const struct segmap_strip *s = &account.strips[i];

		cr_expect_eq(s->start, want[i].start, "strip %zu", i);
		cr_expect_eq(s->end, want[i].end, "strip %zu", i);
		for (size_t look = 0; look < 2; look++) {
			const char *perms = want[i].perms[look];

			cr_expect(perms ? s->regions[look] &&
						  strcmp(s->regions[look]->perms, perms) == 0
					: !s->regions[look],
				  "strip %zu at look %zu", i, look);
		}
	}
	/* What can be written, as data pages: 4 + 1 + 1. */
	cr_expect_eq(account.data_pages, 6);
	segmap_account_free(&account);
}
