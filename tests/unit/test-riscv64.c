/* riscv64: what of its vdso the last step borrows, and what its instructions do to memory. */
#include <criterion/criterion.h>
#include <string.h>

#include "arch_instruction.h"
#include "gadget.h"

#define ECALL        0x73, 0x00, 0x00, 0x00
#define RET          0x67, 0x80, 0x00, 0x00
#define RET_SHORT    0x82, 0x80
#define LI_SIGRETURN 0x93, 0x08, 0xb0, 0x08 /* li a7, 139 */
#define LI_OTHER     0x93, 0x08, 0xa0, 0x08 /* li a7, 138 */
#define NOP_SHORT    0x01, 0x00
#define TRAMPOLINE   LI_SIGRETURN, ECALL

enum { CODE = 32 };

static const struct {
	const char *name;
	uint8_t code[CODE];
	size_t size;
	bool found;
	uint64_t call, sigreturn;
} gadgets[] = {
	{"both", {ECALL, RET, TRAMPOLINE}, 16, true, 0, 8},
	{"a short return", {ECALL, RET_SHORT, TRAMPOLINE}, 14, true, 0, 6},
	{"at half a word", {NOP_SHORT, ECALL, RET, TRAMPOLINE}, 18, true, 2, 10},
	{"the other way round", {TRAMPOLINE, NOP_SHORT, ECALL, RET_SHORT}, 16, true, 10, 0},
	{"the first that returns", {ECALL, NOP_SHORT, ECALL, RET, TRAMPOLINE}, 22, true, 6, 14},
	{"no return", {ECALL, NOP_SHORT, TRAMPOLINE}, 14, false, 0, 0},
	{"no trampoline", {ECALL, RET, LI_OTHER, ECALL}, 16, false, 0, 0},
	{"a trampoline cut off", {ECALL, RET, TRAMPOLINE}, 15, false, 0, 0},
	{"a return cut off", {TRAMPOLINE, ECALL, RET}, 15, false, 0, 0},
	{"nothing", {0}, 0, false, 0, 0},
};

Test(riscv64, gadgets)
{
	for (size_t i = 0; i < sizeof(gadgets) / sizeof(gadgets[0]); i++) {
		struct arch_gadget got = {77, 77};
		const char *name = gadgets[i].name;

		cr_expect_eq(arch_find_gadget(gadgets[i].code, gadgets[i].size, &got),
			     gadgets[i].found, "%s", name);
		cr_expect_eq(got.call, gadgets[i].found ? gadgets[i].call : 77, "%s: %lu", name,
			     got.call);
		cr_expect_eq(got.sigreturn, gadgets[i].found ? gadgets[i].sigreturn : 77,
			     "%s: %lu", name, got.sigreturn);
	}
}

#define UNKNOWN ARCH_EFFECT_UNKNOWN
#define READ    ARCH_EFFECT_READ
#define WRITE   ARCH_EFFECT_WRITE

static const struct {
	const char *name;
	enum arch_effect effect;
	unsigned length;
	uint32_t word;
} instructions[] = {
	{"ld a0, 0(a1)", READ, 4, 0x0005b503},
	{"lbu t1, 0(a1)", READ, 4, 0x0005c303},
	{"sd a0, 0(a1)", WRITE, 4, 0x00a5b023},
	{"sb a0, 0(a1)", WRITE, 4, 0x00a58023},
	{"fld fa0, 0(a1)", READ, 4, 0x0005b507},
	{"fsd fa0, 0(a1)", WRITE, 4, 0x00a5b027},
	{"lr.w a0, (a1)", READ, 4, 0x1005a52f},
	{"sc.w a0, a2, (a1)", WRITE, 4, 0x18c5a52f},
	{"amoadd.w a0, a2, (a1)", WRITE, 4, 0x00c5a52f},
	{"cbo.zero (a0)", WRITE, 4, 0x0045200f},
	{"fence", UNKNOWN, 4, 0x0ff0000f},
	{"addi a0, a0, 1", UNKNOWN, 4, 0x00150513},
	{"ecall", UNKNOWN, 4, 0x00000073},
	{"c.lw a0, 0(a1)", READ, 2, 0x4188},
	{"c.ld a0, 0(a1)", READ, 2, 0x6188},
	{"c.fld fa0, 0(a1)", READ, 2, 0x2188},
	{"c.sw a0, 0(a1)", WRITE, 2, 0xc188},
	{"c.sd a0, 0(a1)", WRITE, 2, 0xe188},
	{"c.fsd fa0, 0(a1)", WRITE, 2, 0xa188},
	{"c.ldsp a0, 0(sp)", READ, 2, 0x6502},
	{"c.sdsp a0, 0(sp)", WRITE, 2, 0xe02a},
	{"c.addi4spn a0, sp, 8", UNKNOWN, 2, 0x0028},
	{"c.addi a0, 1", UNKNOWN, 2, 0x0505},
	{"c.mv a0, a1", UNKNOWN, 2, 0x852e},
	{"c.slli a0, 1", UNKNOWN, 2, 0x0506},
	{"ret", UNKNOWN, 2, 0x8082},
	{"c.lbu a0, 0(a1)", READ, 2, 0x8188},
	{"c.sb a0, 0(a1)", WRITE, 2, 0x8988},
};

Test(riscv64, instructions)
{
	struct arch_decoder *decoder;

	cr_assert_eq(arch_decoder_open(&decoder), 0);
	for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		const char *name = instructions[i].name;
		struct arch_instruction got = {0};
		uint8_t bytes[4];

		memcpy(bytes, &instructions[i].word, sizeof(bytes));
		cr_expect(arch_decode(decoder, bytes, instructions[i].length, 0, &got), "%s",
			  name);
		cr_expect_eq(got.effect, instructions[i].effect, "%s: effect %d", name,
			     got.effect);
		cr_expect_eq(got.length, instructions[i].length, "%s: %u bytes", name,
			     got.length);
		cr_expect(!arch_decode(decoder, bytes, instructions[i].length - 1, 0, &got),
			  "%s, cut off", name);
	}
	arch_decoder_free(decoder);
}
