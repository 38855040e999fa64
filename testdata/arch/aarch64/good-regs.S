/* SPDX-License-Identifier: MIT */
/*
 * The registers at the first instruction, as the kernel leaves them: all general purpose registers
 * 0 except sp, which is a multiple of 16. x0 matters most: by the ABI the program registers it
 * with atexit, so a stray value is called when the program ends.
 */
	.macro zero reg, bit
	cbz \reg, 1f
	orr x0, x0, #(1 << \bit)
1:
	.endm

	.section .text
	.globl _start
	.type _start, @function
_start:
	/* No register may be lost before it was looked at: x0 waits in the register of threads. */
	msr tpidr_el0, x0
	mov x0, #0
	.irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	zero x\n, \n
	.endr
	.irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	zero x\n, \n
	.endr
	mrs x1, tpidr_el0
	zero x1, 0
	mov x1, sp
	and x1, x1, #15
	zero x1, 31			/* sp: misaligned */
	mov x19, x0			/* the set of registers that were not 0 */
	adrp x21, names
	add x21, x21, :lo12:names
	mov x20, #0
next_register:
	adrp x1, ok
	add x1, x1, :lo12:ok
	mov x2, #3
	lsr x3, x19, x20
	tbz x3, #0, 3f
	add x1, x1, #3			/* fail, which is behind ok */
	mov x2, #5
3:
	bl print
	add x1, x21, x20, lsl #3
	mov x2, #8
	bl print
	add x20, x20, #1
	cmp x20, #32
	b.ne next_register
	cmp x19, #0
	cset x0, ne
	mov x8, #94			/* exit_group */
	svc #0
	udf #0

print:					/* x1, x2: write to standard output */
	mov x0, #1
	mov x8, #64
	svc #0
	ret
	.size _start, . - _start

	.section .rodata
ok:	.ascii "ok "
	.ascii "FAIL "
names:	.ascii "x0    0\nx1    0\nx2    0\nx3    0\nx4    0\nx5    0\nx6    0\nx7    0\n"
	.ascii "x8    0\nx9    0\nx10   0\nx11   0\nx12   0\nx13   0\nx14   0\nx15   0\n"
	.ascii "x16   0\nx17   0\nx18   0\nx19   0\nx20   0\nx21   0\nx22   0\nx23   0\n"
	.ascii "x24   0\nx25   0\nx26   0\nx27   0\nx28   0\nx29   0\nx30   0\nsp   16\n"

	.section .note.GNU-stack, "", @progbits
