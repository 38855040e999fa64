/*
 * The stub: what runs after the point of no return, when the loader itself goes away.
 *
 * It is copied to a block of its own and runs there, on a stack in that block. So it must not
 * need relocation, libc, thread-local storage or anything outside its section, and every string
 * and table it uses comes from struct stub_args. A step that fails here can only kill, as in
 * the kernel; all that can be tried beforehand has been.
 */
#include "stub.h"

#include "arch_stub.h"

#include <linux/mman.h>
#include <linux/signal.h>
#include <linux/time.h>
#include <stdbool.h>
#include <stddef.h>

#define STUB        __attribute__((section("segmap_stub")))
#define STUB_HELPER static inline __attribute__((always_inline))

enum {
	RSEQ_UNREGISTER = 1,
	ROBUST_LIST_HEAD = 24, /* sizeof(struct robust_list_head) */
	SIGSET = 8,            /* bytes of the kernel's sigset_t */
	SIGNALS = 64,
};

/* Dies as a process does that execve cannot load any more. */
STUB_HELPER void check(bool ok)
{
	if (!ok)
		arch_die();
}

STUB_HELPER bool failed(uint64_t result)
{
	return result >= (uint64_t)-4095;
}

/* What the kernel holds about this thread's libc. */
STUB_HELPER void forget_libc(const struct stub_args *a)
{
	if (a->rseq)
		sys4(__NR_rseq, a->rseq, a->rseq_length, RSEQ_UNREGISTER, ARCH_RSEQ_SIGNATURE);
	sys2(__NR_set_robust_list, 0, ROBUST_LIST_HEAD);
	sys1(__NR_set_tid_address, 0);
}

STUB_HELPER void reset_signals(const struct stub_args *a)
{
	stack_t none = {.ss_flags = SS_DISABLE};

	sys2(__NR_sigaltstack, (uint64_t)&none, 0);
	for (uint64_t n = 1; n <= SIGNALS; n++) {
		uint64_t action[4] = {0}; /* handler, flags, restorer, mask */

		if (!(a->signals >> (n - 1) & 1))
			continue;
		sys4(__NR_rt_sigaction, n, 0, (uint64_t)action, SIGSET);
		action[0] = action[0] == (uint64_t)SIG_IGN ? action[0] : (uint64_t)SIG_DFL;
		action[1] = action[2] = action[3] = 0;
		sys4(__NR_rt_sigaction, n, (uint64_t)action, 0, SIGSET);
	}
}

/* Only for a process that has lived before: a fresh one has none of this. */
STUB_HELPER void reset_attributes(const struct stub_args *a)
{
	if (!(a->flags & STUB_RESET_ATTRIBUTES))
		return;
	reset_signals(a);
	sys0(__NR_munlockall);
	for (uint64_t i = 0; i < a->timer_count; i++)
		sys1(__NR_timer_delete, (uint64_t)a->timers[i]);
	sys5(__NR_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
	sys5(__NR_prctl, PR_SET_DUMPABLE, a->dumpable, 0, 0, 0);
	sys1(__NR_personality, a->personality);
}

STUB_HELPER void unmap_loader(const struct stub_args *a)
{
	for (uint64_t i = 0; i < a->gap_count; i++)
		check(!failed(sys2(__NR_munmap, a->gaps[i].start, a->gaps[i].length)));
}

STUB_HELPER void move_home(const struct stub_args *a, int64_t object)
{
	uint64_t bias = object < 0 ? 0 : a->objects[object].bias;

	for (uint64_t i = 0; i < a->move_count; i++) {
		const struct stub_move *m = &a->moves[i];

		if (m->object == object)
			check(!failed(sys5(__NR_mremap, m->from, m->length, m->length,
					   MREMAP_MAYMOVE | MREMAP_FIXED, m->to + bias)));
	}
}

/* Asks mmap for the place that it would have given the kernel's own loader, and frees it. */
STUB_HELPER void ask_for_place(const struct stub_args *a, struct stub_object *o)
{
	uint64_t got =
		sys6(__NR_mmap, o->hint, o->span, o->prot, MAP_PRIVATE, o->fd, o->offset);

	check(!failed(got));
	sys2(__NR_munmap, got, o->span);
	if (o->align)
		got &= ~(o->align - 1);
	o->bias = got - o->base;
	(void)a;
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

/* A vdso where execve would put it: the free room that mmap offers for its size. Returns the
 * address of its code. */
STUB_HELPER uint64_t place_vdso(const struct stub_args *a)
{
	if (!a->vdso_length)
		return 0;
	uint64_t at = sys6(__NR_mmap, 0, a->vdso_length, 0,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0);
	check(!failed(at));
	sys2(__NR_munmap, at, a->vdso_length);
	check(!failed(arch_map_vdso(at)));
	return at + a->vdso_offset;
}

/* Byte by byte: the compiler must not find a memcpy or memset in it. */
STUB_HELPER void write_stack(const struct stub_args *a)
{
	uint64_t page = a->sp & ~(a->page_size - 1);

	for (uint64_t p = page; p < a->sp; p++)
		*(volatile uint8_t *)p = 0;
	arch_copy((void *)a->sp, a->stack_bytes, a->stack_end - a->sp);
	if (page > a->stack_start)
		sys3(__NR_madvise, a->stack_start, page - a->stack_start, MADV_DONTNEED);
	if (a->stack_prot)
		sys3(__NR_mprotect, a->stack_start, a->stack_end - a->stack_start,
		     a->stack_prot);
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

STUB_HELPER void close_descriptors(const struct stub_args *a)
{
	for (uint64_t i = 0; i < a->fd_count; i++)
		sys1(__NR_close, (uint64_t)a->fds[i]);
}

STUB_HELPER void stop_if_asked(const struct stub_args *a)
{
	if (a->flags & STUB_STOP_AT_ENTRY)
		sys3(__NR_tgkill, sys0(__NR_getpid), sys0(__NR_gettid), SIGSTOP);
}

STUB _Noreturn void segmap_stub_run(struct stub_args *a)
{
	uint64_t all = ~(uint64_t)0;

	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&all, (uint64_t)&a->mask, SIGSET);
	forget_libc(a);
	reset_attributes(a);
	unmap_loader(a);
	place_objects(a);
	check(a->entry < a->entry_limit);
	uint64_t vdso = place_vdso(a);
	if (a->vdso_slot)
		*a->vdso_slot = vdso;
	write_stack(a);
	describe_layout(a);
	sys5(__NR_prctl, PR_SET_NAME, (uint64_t)a->name, 0, 0, 0);
	close_descriptors(a);
	arch_reset_registers(a);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&a->mask, 0, SIGSET);
	stop_if_asked(a);
	arch_leave(a, vdso);
}
