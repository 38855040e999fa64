/*
 * The stub: what runs after the point of no return, when the loader itself goes away.
 *
 * It is copied to a block of its own and runs there, on a stack in that block. So it must not
 * need relocation, libc, thread-local storage or anything outside its section, and every string
 * and table it uses comes from struct stub_args. A step that fails here can only kill, as in
 * the kernel; all that can be tried beforehand has been.
 */
#include "stub_reset.h"

#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <stddef.h>

STUB_HELPER void unmap_loader(const struct stub_args *a)
{
	for (uint64_t i = 0; i < a->gap_count; i++)
		check(a, STEP_UNMAP, sys2(__NR_munmap, a->gaps[i].start, a->gaps[i].length));
}

STUB_HELPER void move_home(const struct stub_args *a, int64_t object)
{
	uint64_t bias = object < 0 ? 0 : a->objects[object].bias;

	for (uint64_t i = 0; i < a->move_count; i++) {
		const struct stub_move *m = &a->moves[i];

		if (m->object == object)
			check(a, STEP_MOVE,
			      sys5(__NR_mremap, m->from, m->length, m->length,
				   MREMAP_MAYMOVE | MREMAP_FIXED, m->to + bias));
	}
}

/* Asks mmap for the place that it would have given the kernel's own loader, and frees it. */
STUB_HELPER void ask_for_place(const struct stub_args *a, struct stub_object *o)
{
	uint64_t got = check(
		a, STEP_PLACE,
		sys6(__NR_mmap, o->hint, o->span, o->prot, MAP_PRIVATE, o->fd, o->offset));

	check(a, STEP_PLACE, sys2(__NR_munmap, got, o->span));
	if (o->align)
		got &= ~(o->align - 1);
	o->bias = got - o->base;
	if ((int64_t)got + o->empty_low < 0 || o->empty_high >= (int64_t)(a->task_size - got))
		die(a, STEP_EMPTY, 0);
}

STUB_HELPER void place_objects(struct stub_args *a)
{
	move_home(a, -1);
	for (int64_t i = 0; i < 2; i++) {
		if (!a->objects[i].wanted)
			continue;
		ask_for_place(a, &a->objects[i]);
		move_home(a, i);
	}
	for (uint64_t i = 0; i < a->fixup_count; i++)
		*(uint64_t *)a->fixups[i].where += a->objects[a->fixups[i].object].bias;
}

/* A vdso where execve would put it: the free room that mmap offers for its size, near the hint.
 * Returns the address of its code. */
STUB_HELPER uint64_t place_vdso(const struct stub_args *a)
{
	if (a->vdso_kept_length) /* resident for the program only when that reads it */
		sys3(__NR_madvise, a->vdso_kept, a->vdso_kept_length, MADV_DONTNEED);
	if (a->vdso_kept || !a->vdso_length)
		return a->vdso_kept;
	uint64_t at = check(a, STEP_VDSO,
			    sys6(__NR_mmap, a->vdso_hint, a->vdso_length, 0,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0));
	check(a, STEP_VDSO, sys2(__NR_munmap, at, a->vdso_length));
	check(a, STEP_VDSO, arch_map_vdso(a, at));
	return at + a->vdso_offset;
}

/* Byte by byte: the compiler must not find a memset in it. */
STUB_HELPER void clear(uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		*(volatile uint8_t *)from = 0;
}

STUB_HELPER void write_stack(const struct stub_args *a)
{
	uint64_t page = a->sp & ~(a->page_size - 1);
	uint64_t length = a->stack_end - a->stack_start;

	clear(page, a->sp);
	arch_copy((void *)a->sp, a->stack_bytes, a->stack_end - a->sp);
	/* nothing of what the loader had there must be left, one way or the other */
	if (page > a->stack_start &&
	    failed(sys3(__NR_madvise, a->stack_start, page - a->stack_start, MADV_DONTNEED)))
		clear(a->stack_start, page);
	if (a->stack_prot)
		check(a, STEP_STACK,
		      sys3(__NR_mprotect, a->stack_start, length, a->stack_prot));
	if (!(a->flags & STUB_RESET_ATTRIBUTES))
		return;
	sys3(__NR_madvise, a->stack_start, length, MADV_NORMAL);
	sys3(__NR_madvise, a->stack_start, length, MADV_DOFORK);
	sys3(__NR_madvise, a->stack_start, length, MADV_DODUMP);
	sys3(__NR_madvise, a->stack_start, length, MADV_KEEPONFORK);
}

/* The layout that /proc shows. Where the exe link is not permitted the rest still is; where
 * nothing is, the program runs all the same. */
STUB_HELPER void describe_layout(struct stub_args *a)
{
	a->mm.exe_fd = (uint32_t)a->exe_fd;
	uint64_t r =
		sys5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (uint64_t)&a->mm, sizeof(a->mm), 0);
	if (!failed(r))
		return;
	a->mm.exe_fd = (uint32_t)-1;
	sys5(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (uint64_t)&a->mm, sizeof(a->mm), 0);
}

/* Whoever shares the table keeps what is closed here, but for the loader's own. The second way
 * is for a container whose filter forbids the first; it closes a number that there cannot be.
 */
STUB_HELPER void unshare_descriptors(const struct stub_args *a)
{
	const uint64_t last = (uint32_t)-1;

	if (a->flags & STUB_RESET_ATTRIBUTES && failed(sys1(__NR_unshare, CLONE_FILES)))
		sys3(__NR_close_range, last, last, CLOSE_RANGE_UNSHARE);
}

/* An error of the file's is no matter, if only the number is free. */
STUB_HELPER void close_one(const struct stub_args *a, uint64_t fd)
{
	uint64_t result = sys1(__NR_close, fd);

	if (failed(result) && !failed(sys3(__NR_fcntl, fd, F_GETFD, 0)))
		die(a, STEP_CLOSE, -result);
}

STUB_HELPER void close_descriptors(const struct stub_args *a)
{
	for (uint64_t i = 0; i < a->fd_count; i++) {
		if (i == a->fd_own)
			unshare_descriptors(a);
		close_one(a, (uint64_t)a->fds[i]);
	}
}

STUB_HELPER void stop_if_asked(const struct stub_args *a)
{
	if (a->flags & STUB_STOP_AT_ENTRY)
		sys3(__NR_tgkill, sys0(__NR_getpid), sys0(__NR_gettid), SIGSTOP);
}

STUB _Noreturn void segmap_stub_run(struct stub_args *a)
{
	const bool lived = a->flags & STUB_RESET_ATTRIBUTES;
	uint64_t all = ~(uint64_t)0;

	/* no handler may run from here on, if there are any */
	if (lived)
		check(a, STEP_MASK,
		      sys4(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&all, (uint64_t)&a->mask,
			   SIGSET));
	forget_libc(a);
	reset_attributes(a);
	check(a, STEP_VDSO, arch_keep_vdso(a));
	unmap_loader(a);
	place_objects(a);
	if (a->entry >= a->entry_limit)
		die(a, STEP_ENTRY, 0);
	uint64_t vdso = place_vdso(a);
	if (a->vdso_slot)
		*a->vdso_slot = vdso;
	write_stack(a);
	describe_layout(a);
	sys5(__NR_prctl, PR_SET_NAME, (uint64_t)a->name, 0, 0, 0);
	close_descriptors(a);
	reset_credentials(a);
	secure(a);
	check(a, STEP_BASES, arch_reset_registers(a));
	if (lived)
		check(a, STEP_MASK,
		      sys4(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&a->mask, 0, SIGSET));
	stop_if_asked(a);
	arch_leave(a, vdso);
}
