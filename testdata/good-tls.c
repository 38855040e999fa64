/* SPDX-License-Identifier: MIT */
/* Thread-local variables, initialised and zero, aligned, in the main thread and in others. */
#include "check.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

static __thread int initialised = 1234;
static __thread int zero[100];
static __thread struct {
	char c;
} aligned __attribute__((aligned(64))) = {'a'};

/* NULL if this thread has fresh variables, which it then makes dirty for the next to see. */
static void *fresh(void *unused)
{
	volatile int *value = &initialised;
	int wrong = *value != 1234 || aligned.c != 'a' || (uintptr_t)&aligned % 64;

	(void)unused;
	for (size_t i = 0; i < 100; i++)
		wrong |= zero[i] != 0;
	*value = 99;
	zero[50] = 1;
	aligned.c = 'b';
	return wrong ? &check_failed : NULL;
}

int main(void)
{
	pthread_t thread[4];
	int ok = 1;

	check(fresh(NULL) == NULL, "variables of the main thread");
	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, fresh, NULL) != 0)
			return 1;
	for (int i = 0; i < 4; i++) {
		void *result;

		ok &= pthread_join(thread[i], &result) == 0 && result == NULL;
	}
	check(ok, "variables of other threads");
	check(initialised == 99 && zero[50] == 1, "the main thread's are kept");
	return check_failed;
}
