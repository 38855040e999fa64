/*
 * What the stub takes away because exec does: what the kernel holds about libc, handlers,
 * privileges. Included by stub.c only, under its rules.
 */
#ifndef LOADER_STUB_RESET_H
#define LOADER_STUB_RESET_H

#include "stub_die.h"

#include <linux/futex.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/time.h>

enum {
	RSEQ_UNREGISTER = 1,
	ROBUST_LIST_HEAD = sizeof(struct robust_list_head),
	SIGSET = 8, /* bytes of the kernel's sigset_t */
	SIGNALS = 64,
};

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
	/* else the kernel would go on writing there, or kill */
	if (a->rseq)
		check(a, STEP_RSEQ,
		      sys4(__NR_rseq, a->rseq, a->rseq_length, RSEQ_UNREGISTER,
			   ARCH_RSEQ_SIGNATURE));
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

STUB_HELPER void reset_altstack(const struct stub_args *a)
{
	stack_t stack = {0};

	/* exec forgets where it is, but not that it is disarmed in a handler */
	sys2(__NR_sigaltstack, 0, (uint64_t)&stack);
	stack.ss_flags = (int)((SS_AUTODISARM & (unsigned)stack.ss_flags) | SS_DISABLE);
	check(a, STEP_HANDLERS, sys2(__NR_sigaltstack, (uint64_t)&stack, 0));
}

STUB_HELPER void reset_signals(const struct stub_args *a)
{
	uint64_t kept = take_queue(a);

	for (uint64_t n = 1; n <= SIGNALS; n++) {
		uint64_t action[4]; /* handler, flags, restorer, mask */

		action[0] = 0; /* word by word: an initialiser could become a call of memset */
		if (!(a->signals >> (n - 1) & 1))
			continue;
		check(a, STEP_HANDLERS,
		      sys4(__NR_rt_sigaction, n, 0, (uint64_t)action, SIGSET));
		action[0] = action[0] == (uint64_t)SIG_IGN ? action[0] : (uint64_t)SIG_DFL;
		action[1] = action[2] = action[3] = 0;
		check(a, STEP_HANDLERS,
		      sys4(__NR_rt_sigaction, n, (uint64_t)action, 0, SIGSET));
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
	reset_altstack(a);
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
	bool set_ids = a->flags & STUB_SET_IDS;

	if (!(a->flags & (STUB_RESET_ATTRIBUTES | STUB_SET_SETS)))
		return;
	/* to set it makes new credentials, also where nothing changes */
	if (set_ids || sys5(__NR_prctl, PR_GET_KEEPCAPS, 0, 0, 0, 0) != 0)
		sys5(__NR_prctl, PR_SET_KEEPCAPS, set_ids, 0, 0, 0);
	if (a->flags & STUB_DIFFERENT) {
		sys1(__NR_setfsgid, a->gid);
		sys1(__NR_setfsgid, a->egid);
		sys1(__NR_setfsuid, a->uid);
		sys1(__NR_setfsuid, a->euid);
	}
	if (set_ids) {
		/* only with an effective id do file system ids follow */
		check(a, STEP_CREDENTIALS, sys3(__NR_setresgid, keep, a->egid, a->egid));
		check(a, STEP_CREDENTIALS, sys3(__NR_setresuid, keep, a->euid, a->euid));
	}
	if (a->flags & STUB_SET_SETS && !a->ambient)
		sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (uint64_t c = 0; c < 64; c++)
		if (a->flags & (STUB_SET_SETS | STUB_SET_IDS) && (a->ambient >> c & 1))
			sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
	if (a->flags & (STUB_SET_SETS | STUB_SET_IDS))
		check(a, STEP_CREDENTIALS,
		      sys2(__NR_capset, (uint64_t)a->sets, (uint64_t)(a->sets + 2)));
	if (set_ids)
		sys5(__NR_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

/* What AT_SECURE brings besides itself. */
STUB_HELPER void secure(const struct stub_args *a)
{
	uint64_t limit[2];

	limit[0] = limit[1] = 0;
	if (!(a->flags & STUB_SECURE))
		return;
	check(a, STEP_CREDENTIALS, sys5(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0));
	sys4(__NR_prlimit64, 0, RLIMIT_STACK, 0, (uint64_t)limit);
	if (limit[0] <= a->stack_soft)
		return;
	limit[0] = a->stack_soft;
	sys4(__NR_prlimit64, 0, RLIMIT_STACK, (uint64_t)limit, 0);
}

#endif
