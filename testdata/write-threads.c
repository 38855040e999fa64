/* SPDX-License-Identifier: MIT */
/* Four threads, each of which writes to a page of initialised data of its own. */
#include "arch_page.h"

#include <pthread.h>

#define THREADS 4

struct page {
	long value;
	char rest[PAGE_MAX - sizeof(long)];
} __attribute__((aligned(PAGE_MAX)));

volatile struct page pages[THREADS] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};

static void *write_page(void *page)
{
	((volatile struct page *)page)->value += THREADS;
	return page;
}

int main(void)
{
	pthread_t threads[THREADS];
	int wrong = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, write_page, (void *)&pages[i]) != 0)
			return 2;
	for (int i = 0; i < THREADS; i++)
		wrong += pthread_join(threads[i], NULL) != 0;
	for (int i = 0; i < THREADS; i++)
		wrong += pages[i].value != i + 1 + THREADS;
	return wrong;
}
