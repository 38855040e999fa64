/* What several page tables have in common, from literal ones. */
#include <segmap/sharing.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPIES = 4, PAGES = 8, REGIONS = 3, PAGE = 4096 };

/* A copy is a list of mappings, each with its pages from START on: "f12" is a page of the page
 * cache in frame 12, "A" an anonymous page, of which no frame is told, "A!" one that is
 * exclusive as well, "." an absent one. */
struct copy_text {
	struct {
		uint64_t start;
		const char *name; /* NULL: no mapping */
		const char *pages;
	} regions[REGIONS];
};

struct share_case {
	const char *name;
	size_t copies;
	struct copy_text text[COPIES];
	const char *want; /* for each mapping: a letter a page, 1 s P . ? */
	uint64_t mapped, frames, unknown;
};

/* clang-format off */
static const struct share_case cases[] = {
	{"one frame in all", 2, {{{{0x1000, "/a", "f7"}}}, {{{0x1000, "/a", "f7"}}}}, "1", 2, 1, 0},
	{"parted", 2, {{{{0x1000, "/a", "C7"}}}, {{{0x1000, "/a", "C8"}}}}, "P", 2, 2, 0},
	{"written by one only", 3, {{{{0x1000, "/a", "f7"}}}, {{{0x1000, "/a", "C8"}}}, {{{0x1000, "/a", "f7"}}}},
	 "P", 3, 2, 0},
	{"absent in all", 2, {{{{0x1000, "/a", "..."}}}, {{{0x1000, "/a", "..."}}}}, "...", 0, 0, 0},
	{"absent in one: in some", 2, {{{{0x1000, "/a", "f7 ."}}}, {{{0x1000, "/a", ". ."}}}}, "s.", 1, 1, 0},
	{"absent in one, parted in the others", 3,
	 {{{{0x1000, "/a", "C7"}}}, {{{0x1000, "/a", "."}}}, {{{0x1000, "/a", "C8"}}}}, "P", 2, 2, 0},
	{"a gap stays a gap", 2, {{{{0x1000, "/a", "f7 . f9"}}}, {{{0x1000, "/a", "f7 . f9"}}}}, "1.1", 4, 2, 0},
	{"a frame that is mapped twice counts once", 2,
	 {{{{0x1000, "/a", "f7"}, {0x9000, "/b", "f7"}}}, {{{0x1000, "/a", "f7"}, {0x9000, "/b", "f7"}}}}, "1 1", 4, 1, 0},
	{"the zero page is no memory", 2, {{{{0x1000, "", "03 A4"}}}, {{{0x1000, "", "03 A5"}}}}, "1P", 2, 2, 0},
	{"the kernel's pages are no memory", 2, {{{{0x1000, "[vdso]", "k3"}}}, {{{0x1000, "[vdso]", "k3"}}}}, "1", 0, 0, 0},

	{"no frames: the page cache is one", 2, {{{{0x1000, "/a", "f f"}}}, {{{0x1000, "/a", "f f"}}}}, "11", 4, 2, 0},
	{"no frames: exclusive is one's own", 2, {{{{0x1000, "/a", "C!"}}}, {{{0x1000, "/a", "C!"}}}}, "P", 2, 2, 0},
	{"no frames: copied by one", 2, {{{{0x1000, "/a", "f"}}}, {{{0x1000, "/a", "C!"}}}}, "P", 2, 2, 0},
	{"no frames: not exclusive is unknown", 2, {{{{0x1000, "", "A"}}}, {{{0x1000, "", "A!"}}}}, "?", 2, 2, 1},
	{"no frames: the zero page is one", 2, {{{{0x1000, "", "0"}}}, {{{0x1000, "", "0"}}}}, "1", 0, 0, 0},
	{"no frames: the kernel's are unknown", 2, {{{{0x1000, "[vdso]", "k"}}}, {{{0x1000, "[vdso]", "k"}}}}, "?", 0, 0, 0},
	{"swapped out is unknown", 2, {{{{0x1000, "", "w A7"}}}, {{{0x1000, "", "w A8"}}}}, "?P", 2, 2, 0},
	{"no frames: another place of the file is another page", 2,
	 {{{{0x1000, "/a", "f"}, {0x5000, "/a", "f"}}}, {{{0x1000, "/a", "f"}, {0x5000, "/a", "f"}}}}, "1 1", 4, 1, 0},

	{"other addresses: by their order", 2,
	 {{{{0x1000, "/a", "f7"}, {0x3000, "/a", "C8"}}}, {{{0x51000, "/a", "f7"}, {0x53000, "/a", "C9"}}}}, "1 P", 4, 3, 0},
	{"one at the same address, its like elsewhere", 2,
	 {{{{0x1000, "", "A7"}, {0x3000, "", "A8"}}}, {{{0x1000, "", "A9"}, {0x7000, "", "A10"}}}}, "P P", 4, 4, 0},
	{"another file at the same address", 2,
	 {{{{0x1000, "/a", "f7"}}}, {{{0x1000, "/b", "f8"}}}}, "s s", 2, 2, 0},
	{"one more mapping in one copy", 2,
	 {{{{0x1000, "/a", "f7"}}}, {{{0x1000, "/a", "f7"}, {0x8000, "", "A9"}}}}, "1 s", 3, 2, 0},
	{"a heap that has grown in one copy", 2,
	 {{{{0x1000, "[heap]", "A7"}}}, {{{0x1000, "[heap]", "A8 A9"}}}}, "Ps", 3, 3, 0},
	{"a stack grows at its start", 2,
	 {{{{0x3000, "[stack]", "A7"}}}, {{{0x2000, "[stack]", "A8 A9"}}}}, "sP", 3, 3, 0},
	{"nothing at all", 2, {{{{0}}}, {{{0}}}}, "", 0, 0, 0},
};
/* clang-format on */

struct built {
	struct segmap_region regions[COPIES][REGIONS];
	struct segmap_regions lists[COPIES];
	struct segmap_page items[COPIES][REGIONS * PAGES];
	struct segmap_pages pages[COPIES];
	struct segmap_copy copies[COPIES];
};

static enum segmap_page_state state_of(char letter)
{
	for (int i = 0; i < SEGMAP_PAGE_STATE_COUNT; i++)
		if (segmap_page_letter((enum segmap_page_state)i) == letter)
			return (enum segmap_page_state)i;
	cr_assert_fail("no state '%c'", letter);
	return SEGMAP_PAGE_UNKNOWN;
}

static void build_pages(struct segmap_pages *pages, const char *text, uint64_t *addr)
{
	for (; *text; text++) {
		struct segmap_page page = {.addr = *addr, .state = state_of(*text)};
		char *end;

		page.frame = strtoull(text + 1, &end, 10);
		if (page.frame == 0)
			end = (char *)(uintptr_t)text + 1;
		page.exclusive = *end == '!';
		text = end + page.exclusive - (*(end + page.exclusive) != ' ');
		*addr += PAGE;
		if (page.state != SEGMAP_PAGE_ABSENT)
			pages->items[pages->count++] = page;
	}
}

static void build(struct built *b, const struct share_case *c)
{
	for (size_t i = 0; i < c->copies; i++) {
		b->lists[i].items = b->regions[i];
		b->pages[i] = (struct segmap_pages){.items = b->items[i], .page_size = PAGE};
		for (int k = 0; k < REGIONS && c->text[i].regions[k].name; k++) {
			struct segmap_region *region = &b->regions[i][b->lists[i].count++];
			uint64_t end = c->text[i].regions[k].start;

			*region = (struct segmap_region){
				.start = end,
				.perms = "rw-p",
				.inode = c->text[i].regions[k].name[0] == '/' ? 5 : 0,
				.name = (char *)(uintptr_t)c->text[i].regions[k].name,
			};
			build_pages(&b->pages[i], c->text[i].regions[k].pages, &end);
			region->end = end;
		}
		b->copies[i].regions = &b->lists[i];
		b->copies[i].pages = &b->pages[i];
	}
}

static void draw(const struct segmap_sharing_account *account, char *out)
{
	static const char letters[SEGMAP_SHARING_COUNT + 1] = ".1sP?";

	for (size_t i = 0; i < account->region_count; i++) {
		const struct segmap_shared_region *region = &account->regions[i];

		if (i)
			*out++ = ' ';
		memset(out, '.', region->pages);
		for (size_t k = region->first; k < region->first + region->count; k++) {
			uint64_t at = (account->pages[k].addr - region->start) / PAGE;

			cr_assert_lt(at, region->pages);
			out[at] = letters[account->pages[k].sharing];
		}
		out += region->pages;
	}
	*out = '\0';
}

static void check_sums(const struct segmap_sharing_account *account, const char *name)
{
	uint64_t all = 0, sum = 0;

	for (size_t i = 0; i < account->region_count; i++) {
		uint64_t here = 0;

		for (int k = 0; k < SEGMAP_SHARING_COUNT; k++)
			here += account->regions[i].counts[k];
		cr_expect_eq(here, account->regions[i].pages, "%s: mapping %zu", name, i);
		all += account->regions[i].pages;
	}
	for (int k = 0; k < SEGMAP_SHARING_COUNT; k++)
		sum += account->counts[k];
	cr_expect_eq(sum, all, "%s: columns do not add up", name);
}

Test(sharing, literal_page_tables)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct share_case *c = &cases[i];
		struct segmap_sharing_account account;
		struct built b = {0};
		char drawn[REGIONS * PAGES * 2];

		build(&b, c);
		cr_assert_eq(segmap_sharing_compute(&account, b.copies, c->copies), 0);
		draw(&account, drawn);
		cr_expect_str_eq(drawn, c->want, "%s: '%s', not '%s'", c->name, drawn, c->want);
		cr_expect_eq(account.memory.mapped, c->mapped, "%s: mapped %lu", c->name,
			     account.memory.mapped);
		cr_expect_eq(account.memory.frames, c->frames, "%s: frames %lu", c->name,
			     account.memory.frames);
		cr_expect_eq(account.memory.unknown, c->unknown, "%s: unknown %lu", c->name,
			     account.memory.unknown);
		check_sums(&account, c->name);
		segmap_sharing_free(&account);
	}
}

static struct segmap_sharing_account compute(struct built *b, const char *first,
					     const char *second)
{
	const struct share_case c = {
		.copies = 2,
		.text = {{{{0x1000, "/a", first}}}, {{{0x1000, "/a", second}}}},
	};
	struct segmap_sharing_account account;

	build(b, &c);
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < b->pages[i].count; k++)
			b->items[i][k].mapcount = 2;
	cr_assert_eq(segmap_sharing_compute(&account, b->copies, 2), 0);
	return account;
}

Test(sharing, counts_are_checked)
{
	struct built b = {0};
	struct segmap_sharing_account account = compute(&b, "f7 f8 f9 C1", "f7 f8 f9 C2");

	cr_expect_eq(account.mapcounts.checked, 3);
	cr_expect_eq(account.mapcounts.fewer, 0);
	cr_expect_eq(account.mapcounts.elsewhere, 0);
	segmap_sharing_free(&account);
	b.items[0][0].mapcount = 1;
	b.items[0][1].mapcount = 5;
	cr_assert_eq(segmap_sharing_compute(&account, b.copies, 2), 0);
	cr_expect_eq(account.mapcounts.fewer, 1);
	cr_expect_eq(account.mapcounts.elsewhere, 1);
	segmap_sharing_free(&account);
}

Test(sharing, pss_is_the_sum_of_the_parts)
{
	struct built b = {0};
	struct segmap_sharing_account account = compute(&b, "f7 f8", "f7 f8");

	cr_expect(account.mapcounts.pss_known);
	cr_expect_eq(account.mapcounts.pss, 2 * PAGE);
	segmap_sharing_free(&account);
	for (int i = 0; i < 2; i++)
		b.items[i][1].mapcount = 8; /* six other processes have it */
	cr_assert_eq(segmap_sharing_compute(&account, b.copies, 2), 0);
	cr_expect_eq(account.mapcounts.pss, PAGE + 2 * PAGE / 8);
	segmap_sharing_free(&account);
	b.items[1][1].mapcount = 0;
	cr_assert_eq(segmap_sharing_compute(&account, b.copies, 2), 0);
	cr_expect_not(account.mapcounts.pss_known);
	segmap_sharing_free(&account);
}

Test(sharing, errors_of_a_copy_are_kept)
{
	struct built b = {0};
	struct segmap_sharing_account account = compute(&b, "f7", "f7");

	cr_expect_eq(account.error, 0);
	segmap_sharing_free(&account);
	b.pages[1].error = EACCES;
	b.pages[0].frames_error = EPERM;
	b.copies[1].pss_error = ENOENT;
	cr_assert_eq(segmap_sharing_compute(&account, b.copies, 2), 0);
	cr_expect_eq(account.error, EACCES);
	cr_expect_eq(account.frames_error, EPERM);
	cr_expect_eq(account.memory.pss_error, ENOENT);
	segmap_sharing_free(&account);
}
