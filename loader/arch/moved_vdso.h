/*
 * The stub's part that CPUs have in common whose kernels map no second vdso, and whose last
 * step is an rt_sigreturn. Included by their arch_stub.h, behind its system calls.
 */
#ifndef ARCH_MOVED_VDSO_H
#define ARCH_MOVED_VDSO_H

/* The vdso's mappings, one after the other. */
ARCH_STUB_HELPER uint64_t move_vdso(const struct stub_args *a, uint64_t from, uint64_t to)
{
	for (uint64_t i = 0; i < a->vdso_part_count; i++) {
		uint64_t length = a->vdso_parts[i].length;
		uint64_t r = sys5(__NR_mremap, from, length, length,
				  MREMAP_MAYMOVE | MREMAP_FIXED, to);

		if (r != to)
			return r;
		from += length;
		to += length;
	}
	return 0;
}

/* Out of the way of what may have to be where it is. */
ARCH_STUB_HELPER uint64_t arch_keep_vdso(const struct stub_args *a)
{
	return move_vdso(a, a->vdso_parts[0].start, a->vdso_room);
}

/* The vdso block at ADDR, which is free. */
ARCH_STUB_HELPER uint64_t arch_map_vdso(const struct stub_args *a, uint64_t addr)
{
	return move_vdso(a, a->vdso_room, addr);
}

/* The frame has the signals that are blocked, too. Where there may be handlers all are by now,
 * and what the program is to have is known. */
ARCH_STUB_HELPER uint64_t ask_mask(struct stub_args *a)
{
	if (a->flags & STUB_RESET_ATTRIBUTES)
		return 0;
	return sys4(__NR_rt_sigprocmask, 0, 0, (uint64_t)&a->mask, sizeof(a->mask));
}

#endif
