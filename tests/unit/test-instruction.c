/* What instructions do to memory, from their bytes. */
#include <criterion/criterion.h>

#include "arch_instruction.h"

#define UNKNOWN ARCH_EFFECT_UNKNOWN
#define READ    ARCH_EFFECT_READ
#define WRITE   ARCH_EFFECT_WRITE
#define PUSH    ARCH_EFFECT_PUSH
#define POP     ARCH_EFFECT_POP

enum { ADDR = 0x400000 };

struct instruction_case {
	const char *name;
	enum arch_effect effect;
	unsigned length;
	uint8_t bytes[ARCH_INSTRUCTION_MAX];
	uint64_t operand;
};

/* clang-format off */
static const struct instruction_case cases[] = {
	{"mov [rdi], rax", WRITE, 3, {0x48, 0x89, 0x07}},
	{"mov rax, [rdi]", READ, 3, {0x48, 0x8b, 0x07}},
	{"mov byte [rdi], 1", WRITE, 3, {0xc6, 0x07, 0x01}},
	{"mov byte [rip+0x3efc3], 2", WRITE, 7, {0xc6, 0x05, 0xc3, 0xef, 0x03, 0x00, 0x02}, ADDR + 7 + 0x3efc3},
	{"movzx eax, byte [rdi]", READ, 3, {0x0f, 0xb6, 0x07}},
	{"movups [rdi], xmm0", WRITE, 3, {0x0f, 0x11, 0x07}},
	{"movups xmm0, [rdi]", READ, 3, {0x0f, 0x10, 0x07}},
	{"movaps [rdi], xmm0", WRITE, 3, {0x0f, 0x29, 0x07}},
	{"movq [rdi], xmm0", WRITE, 4, {0x66, 0x0f, 0xd6, 0x07}},
	{"movhps [rdi], xmm0", WRITE, 3, {0x0f, 0x17, 0x07}},
	{"movntdq [rdi], xmm0", WRITE, 4, {0x66, 0x0f, 0xe7, 0x07}},
	{"movnti [rdi], eax", WRITE, 3, {0x0f, 0xc3, 0x07}},
	{"vmovdqu [rdi], ymm0", WRITE, 4, {0xc5, 0xfe, 0x7f, 0x07}},
	{"vmovdqu ymm0, [rdi]", READ, 4, {0xc5, 0xfe, 0x6f, 0x07}},
	{"vmovdqu64 [rdi], ymm16", WRITE, 6, {0x62, 0xe1, 0xfe, 0x28, 0x7f, 0x07}},
	{"vextracti128 [rdi], ymm0, 1", WRITE, 6, {0xc4, 0xe3, 0x7d, 0x39, 0x07, 0x01}},
	{"vpcmpeqb ymm0, ymm0, [rdi]", READ, 4, {0xc5, 0xfd, 0x74, 0x07}},
	{"cmp [rdi], rax", READ, 3, {0x48, 0x39, 0x07}},
	{"test [rdi], al", READ, 2, {0x84, 0x07}},
	{"bt [rdi], eax", READ, 3, {0x0f, 0xa3, 0x07}},
	{"bts [rdi], rax", WRITE, 4, {0x48, 0x0f, 0xab, 0x07}},
	{"add [rdi], rax", WRITE, 3, {0x48, 0x01, 0x07}},
	{"lock cmpxchg [rdi], ecx", WRITE, 4, {0xf0, 0x0f, 0xb1, 0x0f}},
	{"xchg [rdi], eax", WRITE, 2, {0x87, 0x07}},
	{"mul qword [rdi]", READ, 3, {0x48, 0xf7, 0x27}},
	{"neg dword [rdi]", WRITE, 2, {0xf7, 0x1f}},
	{"sete [rdi]", WRITE, 3, {0x0f, 0x94, 0x07}},
	{"fld qword [rdi]", READ, 2, {0xdd, 0x07}},
	{"fstp qword [rdi]", WRITE, 2, {0xdd, 0x1f}},
	{"fnstcw [rdi]", WRITE, 2, {0xd9, 0x3f}},
	{"stmxcsr [rdi]", WRITE, 3, {0x0f, 0xae, 0x1f}},
	{"ldmxcsr [rdi]", READ, 3, {0x0f, 0xae, 0x17}},
	{"xsavec [rdi]", WRITE, 3, {0x0f, 0xc7, 0x27}},
	{"xrstor [rdi]", READ, 3, {0x0f, 0xae, 0x2f}},
	{"prefetcht0 [rdi]", READ, 3, {0x0f, 0x18, 0x0f}},
	{"rep stosq", WRITE, 3, {0xf3, 0x48, 0xab}},
	{"rep movsb: reads, and writes somewhere else", UNKNOWN, 2, {0xf3, 0xa4}},
	{"cmpsb", READ, 1, {0xa6}},
	{"scasb", READ, 1, {0xae}},
	{"lodsb", READ, 1, {0xac}},
	{"push rax", WRITE, 1, {0x50}},
	{"pop rax", READ, 1, {0x58}},
	{"call", WRITE, 5, {0xe8}},
	{"ret", READ, 1, {0xc3}},
	{"leave", READ, 1, {0xc9}},
	{"push [rdi]", PUSH, 2, {0xff, 0x37}},
	{"pop [rdi]", POP, 2, {0x8f, 0x07}},
	{"call [rip+0x10]", PUSH, 6, {0xff, 0x15, 0x10}, ADDR + 6 + 0x10},
	{"jmp [rdi]", READ, 2, {0xff, 0x27}},
	{"lea rax, [rdi]: touches nothing, so it cannot fault", READ, 3, {0x48, 0x8d, 0x07}},
	{"endbr64", UNKNOWN, 4, {0xf3, 0x0f, 0x1e, 0xfa}},
};
/* clang-format on */

Test(instruction, effects)
{
	struct arch_decoder *decoder;

	cr_assert_eq(arch_decoder_open(&decoder), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct instruction_case *c = &cases[i];
		struct arch_instruction got = {0};

		cr_expect(arch_decode(decoder, c->bytes, sizeof(c->bytes), ADDR, &got), "%s",
			  c->name);
		cr_expect_eq(got.effect, c->effect, "%s: effect %d, not %d", c->name,
			     got.effect, c->effect);
		cr_expect_eq(got.length, c->length, "%s: length %u", c->name, got.length);
		cr_expect_eq(got.operand, c->operand, "%s: operand 0x%lx", c->name,
			     (unsigned long)got.operand);
	}
	arch_decoder_free(decoder);
}

Test(instruction, what_is_none)
{
	static const uint8_t cut[] = {0x48, 0x89}, wrong[] = {0x06, 0x06};
	struct arch_decoder *decoder;
	struct arch_instruction got = {.length = 77};

	cr_assert_eq(arch_decoder_open(&decoder), 0);
	cr_expect(!arch_decode(decoder, cut, sizeof(cut), ADDR, &got));
	cr_expect(!arch_decode(decoder, wrong, sizeof(wrong), ADDR, &got));
	cr_expect_eq(got.length, 77, "untouched");
	arch_decoder_free(decoder);
	arch_decoder_free(NULL);
}
