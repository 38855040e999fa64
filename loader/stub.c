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

#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/time.h>
#include <stdbool.h>
#include <stddef.h>

#define STUB        __attribute__((section("segmap_stub")))
#define STUB_HELPER static inline __attribute__((always_inline))

enum {
	RSEQ_UNREGISTER = 1,
	ROBUST_LIST_HEAD = sizeof(struct robust_list_head),
	SIGSET = 8, /* bytes of the kernel's sigset_t */
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

/* Memory that is not there must not be touched: the list below is not ours. */
STUB_HELPER bool is_mapped(const struct stub_args *a, uint64_t addr)
{
	uint8_t there;

	return !failed(
		sys3(__NR_mincore, addr & ~(a->page_size - 1), a->page_size, (uint64_t)&there));
}

/* Tells whoever waits for a mutex that its owner is no more. */
STUB_HELPER void abandon_mutex(const struct stub_args *a, uint64_t addr, uint32_t tid)
{
	uint32_t *word = (uint32_t *)addr, value;

	if (addr % sizeof(*word) || !is_mapped(a, addr))
		return;
	value = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	do
		if ((value & FUTEX_TID_MASK) != tid)
			return;
	while (!__atomic_compare_exchange_n(word, &value,
					    (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	if (value & FUTEX_WAITERS)
		sys3(__NR_futex, addr, FUTEX_WAKE, 1);
}

/* The robust mutexes that are held, as the kernel goes through them when memory is given up.
 * The lowest bit of a link says that the mutex inherits priorities. */
STUB_HELPER void abandon_mutexes(const struct stub_args *a)
{
	struct robust_list_head *head = (struct robust_list_head *)0;
	uint32_t tid = (uint32_t)sys0(__NR_gettid);
	uint64_t length, next;

	sys3(__NR_get_robust_list, 0, (uint64_t)&head, (uint64_t)&length);
	if (!head || !is_mapped(a, (uint64_t)head))
		return;
	next = (uint64_t)head->list.next & ~(uint64_t)1;
	for (int i = 0; i < ROBUST_LIST_LIMIT && next != (uint64_t)head; i++) {
		if (!is_mapped(a, next))
			return;
		uint64_t entry = next;

		next = *(uint64_t *)entry & ~(uint64_t)1;
		abandon_mutex(a, entry + (uint64_t)head->futex_offset, tid);
	}
}

/* What the kernel holds about this thread's libc. */
STUB_HELPER void forget_libc(const struct stub_args *a)
{
	if (a->rseq)
		sys4(__NR_rseq, a->rseq, a->rseq_length, RSEQ_UNREGISTER, ARCH_RSEQ_SIGNATURE);
	if (a->flags & STUB_RESET_ATTRIBUTES)
		abandon_mutexes(a);
	sys2(__NR_set_robust_list, 0, ROBUST_LIST_HEAD);
	sys1(__NR_set_tid_address, 0);
}

/* Takes pending signals from the queue, this thread's own first, less those that a timer has
 * sent: they go with it. Returns how many. */
STUB_HELPER uint64_t take_queue(const struct stub_args *a)
{
	uint64_t none[2] = {0, 0}, n = 0;

	while (a->queued && n < STUB_QUEUE_MAX) {
		int32_t *info = (int32_t *)a->queue[n];

		if (failed(sys4(__NR_rt_sigtimedwait, (uint64_t)&a->queued, (uint64_t)info,
				(uint64_t)none, SIGSET)))
			break;
		n += info[2] != SI_TIMER; /* si_code */
	}
	return n;
}

/* Of a signal below SIGRTMIN only one can wait for the thread. */
STUB_HELPER void give_back_queue(const struct stub_args *a, uint64_t count)
{
	uint64_t pid = sys0(__NR_getpid), tid = sys0(__NR_gettid), own = a->own;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t info = (uint64_t)a->queue[i];
		uint64_t n = (uint64_t) * (int32_t *)info;
		uint64_t bit = (uint64_t)1 << (n - 1);

		if (own & bit)
			sys4(__NR_rt_tgsigqueueinfo, pid, tid, n, info);
		else
			sys3(__NR_rt_sigqueueinfo, pid, n, info);
		if (n < SIGRTMIN)
			own &= ~bit;
	}
}

STUB_HELPER void reset_altstack(void)
{
	stack_t stack = {0};

	/* exec forgets where it is, but not that it is disarmed in a handler */
	sys2(__NR_sigaltstack, 0, (uint64_t)&stack);
	stack.ss_flags = (int)((SS_AUTODISARM & (unsigned)stack.ss_flags) | SS_DISABLE);
	sys2(__NR_sigaltstack, (uint64_t)&stack, 0);
}

STUB_HELPER void reset_signals(const struct stub_args *a)
{
	uint64_t kept = take_queue(a);

	for (uint64_t n = 1; n <= SIGNALS; n++) {
		uint64_t action[4]; /* handler, flags, restorer, mask */

		action[0] = 0; /* word by word: an initialiser could become a call of memset */
		if (!(a->signals >> (n - 1) & 1))
			continue;
		sys4(__NR_rt_sigaction, n, 0, (uint64_t)action, SIGSET);
		action[0] = action[0] == (uint64_t)SIG_IGN ? action[0] : (uint64_t)SIG_DFL;
		action[1] = action[2] = action[3] = 0;
		sys4(__NR_rt_sigaction, n, (uint64_t)action, 0, SIGSET);
	}
	give_back_queue(a, kept);
}

/* Only for a process that has lived before: a fresh one has none of this. */
STUB_HELPER void reset_attributes(const struct stub_args *a)
{
	if (!(a->flags & STUB_RESET_ATTRIBUTES))
		return;
	sys5(__NR_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
	for (uint64_t i = 0; i < a->timer_count; i++)
		sys1(__NR_timer_delete, (uint64_t)a->timers[i]);
	reset_altstack();
	reset_signals(a);
	sys0(__NR_munlockall);
	sys5(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/*
 * Saved and file system ids, then capabilities. A change of these ids has the kernel do the
 * rest as exec would: a process that becomes more than its user is dumpable as the system says
 * (which PR_SET_DUMPABLE cannot always set), and hears no more of its parent's death. With
 * KEEPCAPS capabilities outlive a saved id of root's, but ambient ones do not.
 */
STUB_HELPER void reset_credentials(const struct stub_args *a)
{
	const uint64_t keep = (uint32_t)-1;

	if (!(a->flags & (STUB_RESET_ATTRIBUTES | STUB_SET_SETS)))
		return;
	sys5(__NR_prctl, PR_SET_KEEPCAPS, (a->flags & STUB_SET_IDS) != 0, 0, 0, 0);
	if (a->flags & STUB_DIFFERENT) {
		sys1(__NR_setfsgid, a->gid);
		sys1(__NR_setfsgid, a->egid);
		sys1(__NR_setfsuid, a->uid);
		sys1(__NR_setfsuid, a->euid);
	}
	if (a->flags & STUB_SET_IDS) {
		/* only with an effective id do file system ids follow */
		sys3(__NR_setresgid, keep, a->egid, a->egid);
		sys3(__NR_setresuid, keep, a->euid, a->euid);
	}
	if (a->flags & STUB_SET_SETS && !a->ambient)
		sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (uint64_t c = 0; c < 64; c++)
		if (a->flags & (STUB_SET_SETS | STUB_SET_IDS) && (a->ambient >> c & 1))
			sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
	if (a->flags & (STUB_SET_SETS | STUB_SET_IDS))
		sys2(__NR_capset, (uint64_t)a->sets, (uint64_t)(a->sets + 2));
	sys5(__NR_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

/* What AT_SECURE brings besides itself. */
STUB_HELPER void secure(const struct stub_args *a)
{
	uint64_t limit[2];

	limit[0] = limit[1] = 0;
	if (!(a->flags & STUB_SECURE))
		return;
	sys5(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
	sys4(__NR_prlimit64, 0, RLIMIT_STACK, 0, (uint64_t)limit);
	if (limit[0] <= a->stack_soft)
		return;
	limit[0] = a->stack_soft;
	sys4(__NR_prlimit64, 0, RLIMIT_STACK, (uint64_t)limit, 0);
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
	check((int64_t)got + o->empty_low >= 0);
	check(o->empty_high < (int64_t)(a->task_size - got));
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
	uint64_t length = a->stack_end - a->stack_start;

	for (uint64_t p = page; p < a->sp; p++)
		*(volatile uint8_t *)p = 0;
	arch_copy((void *)a->sp, a->stack_bytes, a->stack_end - a->sp);
	if (page > a->stack_start)
		sys3(__NR_madvise, a->stack_start, page - a->stack_start, MADV_DONTNEED);
	if (a->stack_prot)
		sys3(__NR_mprotect, a->stack_start, length, a->stack_prot);
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

STUB_HELPER void close_descriptors(const struct stub_args *a)
{
	for (uint64_t i = 0; i < a->fd_count; i++) {
		if (i == a->fd_own)
			unshare_descriptors(a);
		sys1(__NR_close, (uint64_t)a->fds[i]);
	}
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
	reset_credentials(a);
	secure(a);
	arch_reset_registers(a);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (uint64_t)&a->mask, 0, SIGSET);
	stop_if_asked(a);
	arch_leave(a, vdso);
}
