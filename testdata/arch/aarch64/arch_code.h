/* SPDX-License-Identifier: MIT */
/* A function as bytes: it returns 42. */
#ifndef TESTDATA_ARCH_CODE_H
#define TESTDATA_ARCH_CODE_H

static const unsigned char return_42[] __attribute__((aligned(4))) = {
	0x40, 0x05, 0x80, 0x52, /* mov w0, #42 */
	0xc0, 0x03, 0x5f, 0xd6, /* ret */
};

#endif
