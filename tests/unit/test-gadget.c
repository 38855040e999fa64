/*
 * Finding "syscall ... ret" in machine code. What stands between the two may only be what the
 * handover can live with: registers set to zero, and words taken off the stack, which it puts
 * there. Anything else must not be taken for one: a wrong guess jumps into the void.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gadget.h"

#define SYSCALL 0x0f, 0x05
#define RET     0xc3
#define NOP     0x90
#define PADDING NOP, NOP, NOP, NOP

enum { CODE = 40 };

struct code_case {
	const char *name;
	uint8_t code[CODE]; /* zeros behind what is given */
	bool found;
	uint64_t offset, pops;
};

/* clang-format off */
static const struct code_case cases[] = {
	{"syscall; ret", {SYSCALL, RET, PADDING}, true, 0, 0},
	{"not at the beginning", {NOP, NOP, NOP, SYSCALL, RET, PADDING}, true, 3, 0},
	{"pop rbx; pop rbp; ret", {SYSCALL, 0x5b, 0x5d, RET, PADDING}, true, 0, 2},
	{"pop r12; pop r15; ret", {SYSCALL, 0x41, 0x5c, 0x41, 0x5f, RET, PADDING}, true, 0, 2},
	{"pop rax and pop rdi: first and last of the byte's range",
	 {SYSCALL, 0x58, 0x5f, RET, PADDING}, true, 0, 2},
	{"xor edx, edx; xor ecx, ecx; xor esi, esi; xor edi, edi; xor r11d, r11d; ret",
	 {SYSCALL, 0x31, 0xd2, 0x31, 0xc9, 0x31, 0xf6, 0x31, 0xff, 0x45, 0x31, 0xdb, RET, PADDING},
	 true, 0, 0},
	{"pops and zeroing mixed", {SYSCALL, 0x5b, 0x31, 0xd2, 0x41, 0x5c, 0x45, 0x31, 0xc0, RET, PADDING},
	 true, 0, 2},
	{"xor eax, eax; ret", {SYSCALL, 0x31, 0xc0, RET, PADDING}, true, 0, 0},
	{"the first that will do", {SYSCALL, RET, SYSCALL, 0x5b, RET, PADDING}, true, 0, 0},
	{"not the one before it, and its pops do not count",
	 {SYSCALL, 0x5b, NOP, SYSCALL, 0x5d, RET, PADDING}, true, 4, 1},
	{"syscall right before another", {SYSCALL, SYSCALL, RET, PADDING}, true, 2, 0},
	{"0f in front of it", {0x0f, SYSCALL, RET, PADDING}, true, 1, 0},
	{"no system call", {0x0f, 0x0b, RET, 0x05, RET, PADDING}, false, 0, 0},
	{"no return", {SYSCALL, 0x5b, NOP, PADDING}, false, 0, 0},
	{"ret 8", {SYSCALL, 0xc2, 8, 0, PADDING}, false, 0, 0},
	{"far ret", {SYSCALL, 0xcb, PADDING}, false, 0, 0},
	{"pop rsp", {SYSCALL, 0x5c, RET, PADDING}, false, 0, 0},
	{"leave", {SYSCALL, 0xc9, RET, PADDING}, false, 0, 0},
	{"push rbx", {SYSCALL, 0x53, RET, PADDING}, false, 0, 0},
	{"xor of two registers", {SYSCALL, 0x31, 0xc8, RET, PADDING}, false, 0, 0},
	{"xor of eax and r8d", {SYSCALL, 0x44, 0x31, 0xc0, RET, PADDING}, false, 0, 0},
	{"xor in memory, of the same register's number", {SYSCALL, 0x31, 0x1b, RET, PADDING}, false, 0, 0},
	{"xor with a displacement", {SYSCALL, 0x31, 0x5b, 0x08, RET, PADDING}, false, 0, 0},
	{"a jump", {SYSCALL, 0xeb, 0x00, RET, PADDING}, false, 0, 0},
	{"a test of the result", {SYSCALL, 0x85, 0xc0, RET, PADDING}, false, 0, 0},
	{"nothing but zeros", {0}, false, 0, 0},
};
/* clang-format on */

static void check(const struct code_case *c)
{
	struct arch_gadget got = {0};
	bool found = arch_find_gadget(c->code, CODE, &got);

	cr_expect_eq(found, c->found, "%s", c->name);
	if (!found || !c->found)
		return;
	cr_expect_eq(got.call, c->offset, "%s: at %lu", c->name, got.call);
	cr_expect_eq(got.pops, c->pops, "%s: %lu pops", c->name, got.pops);
}

Test(gadget, code)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(&cases[i]);
}

/* "xor esp, esp" sets a register to zero too: the one that the return needs. */
Test(gadget, not_the_stack_pointer)
{
	static const struct code_case c = {
		"xor esp, esp", {SYSCALL, 0x31, 0xe4, RET, PADDING}, false, 0, 0};

	check(&c);
}

/* Cut off anywhere, at the end of a page with nothing mapped behind it. */
Test(gadget, reads_no_further)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	cr_assert_neq(two, MAP_FAILED);
	cr_assert_eq(mprotect(two + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t size = 0; size < CODE; size++) {
			uint8_t *code = two + page - size;
			struct arch_gadget got = {0};

			memcpy(code, cases[i].code, size);
			bool found = arch_find_gadget(code, size, &got);
			cr_expect(!found || (cases[i].found && got.call + 3 <= size),
				  "%s, %zu bytes: found at %lu", cases[i].name, size, got.call);
		}
	}
}
