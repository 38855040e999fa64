/* SPDX-License-Identifier: MIT */
/* Prints the auxv on the stack, one `type value` a line, in order; AT_NULL included. */
#include "tiny.h"

int start_c(struct start *start)
{
	Elf64_auxv_t *a = start_auxv(start);

	put("rsp ");
	put_hex((uint64_t)start);
	put("\n");
	do {
		put_number(a->a_type);
		put(" ");
		put_hex(a->a_un.a_val);
		put("\n");
	} while ((a++)->a_type != AT_NULL);
	return 0;
}
