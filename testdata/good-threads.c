/* SPDX-License-Identifier: MIT */
/*
 * Threads: mutex, condition variable, joining. glibc registers rseq and a robust list for every
 * one of them, and for the main thread at the start, which fails if a loader left its own in
 * place.
 */
#include "check.h"

#include <pthread.h>
#include <stddef.h>

#define THREADS 4
#define ROUNDS  2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static long counter;
static int waiting;

static void *work(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&mutex);
	if (++waiting == THREADS)
		pthread_cond_broadcast(&all_here);
	while (waiting < THREADS)
		pthread_cond_wait(&all_here, &mutex);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return &counter;
}

int main(void)
{
	pthread_t thread[THREADS];
	void *result;
	int joined = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++)
		joined += pthread_join(thread[i], &result) == 0 && result == &counter;
	check(joined == THREADS, "threads end and are joined");
	check(counter == (long)THREADS * ROUNDS, "the mutex excludes");
	return check_failed;
}
