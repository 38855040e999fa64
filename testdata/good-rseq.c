/* SPDX-License-Identifier: MIT */
/*
 * glibc registers a restartable-sequence area at the start and says so in __rseq_size. If a
 * loader has left its own registration behind, the kernel refuses glibc's, which gives up
 * silently.
 */
#include "check.h"

#include <sched.h>
#include <stddef.h>
#include <sys/rseq.h>

int main(void)
{
	const struct rseq *area =
		(const void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	volatile const unsigned *cpu = &area->cpu_id;

	check(__rseq_size > 0, "rseq is registered");
	check(*cpu < 1U << 20, "and the kernel keeps the CPU number in it");
	sched_yield();
	check(*cpu < 1U << 20, "after a reschedule too");
	return check_failed;
}
