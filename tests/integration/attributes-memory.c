/* The address space and the registers as a prepared process leaves them: exec.md 3.1. */
#include "attributes.h"

#include <fenv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

/* ---- locks ---- */

static void lock_page(const void *data)
{
	static char page[8192];

	(void)data;
	must(mlock(page, sizeof(page)) == 0, "mlock");
}

static void lock_stack(const void *data)
{
	must(mlock((const void *)((uintptr_t)&data & ~4095UL), 1) == 0, "mlock");
}

static void lock_future(const void *data)
{
	const int *flags = data;

	must(mlockall(*flags) == 0, "mlockall");
	must(malloc(1 << 20) != NULL, "malloc"); /* a mapping that is locked */
}

static const int future = MCL_FUTURE, on_fault = MCL_FUTURE | MCL_ONFAULT;

/* ---- protection ---- */

static void no_new_code(const void *data)
{
	(void)data;
	must(prctl(PR_SET_MDWE, 1 /* PR_MDWE_REFUSE_EXEC_GAIN */, 0, 0, 0) == 0, "PR_SET_MDWE");
}

static void executable_stack(const void *data)
{
	uintptr_t page = (uintptr_t)&data & ~4095UL;
	int prot = PROT_READ | PROT_WRITE | PROT_EXEC;

	/* all of it, up to its end: the page after that is not mapped */
	for (; mprotect((void *)page, 4096, prot) == 0; page += 4096) // NOLINT
		;
	must(((uintptr_t)&data & ~4095UL) != page, "mprotect");
}

static void advised_stack(const void *data)
{
	uintptr_t page = (uintptr_t)&data & ~4095UL;

	for (; madvise((void *)page, 4096, MADV_DONTFORK) == 0; page += 4096) // NOLINT
		madvise((void *)page, 4096, MADV_DONTDUMP);                   // NOLINT
}

#include "test_attributes.h" /* the rows of registers */

/* ---- what libc has told the kernel about a thread ---- */

static void *come_and_go(void *data)
{
	return data;
}

static void libc_thread(const void *data)
{
	static pthread_mutex_t mutex;
	pthread_mutexattr_t robust;
	pthread_t thread;

	(void)data;
	pthread_mutexattr_init(&robust);
	pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &robust);
	must(pthread_mutex_lock(&mutex) == 0, "pthread_mutex_lock");
	/* one that has come and gone: signals 32 and 33 may have handlers since */
	must(pthread_create(&thread, NULL, come_and_go, NULL) == 0 &&
		     pthread_join(thread, NULL) == 0,
	     "pthread_create");
}

/* clang-format off */
#define NO_LOCKS "VmLck:\t       0 kB\n"
#define NEW_THREAD "no-robust-list 0x1\n", "no-clear-child-tid 0x1\n", "rseq-free 0x1\n"

const struct row memory_rows[] = {
	{"a locked page", lock_page, NULL, NULL, {NO_LOCKS}, 0, 0},
	{"a locked stack", lock_stack, NULL, NULL, {NO_LOCKS}, 0, 0},
	{"everything that is mapped is locked", lock_future, &future, NULL, {NO_LOCKS}, 0, 0},
	{"the same, with an interpreter", lock_future, &future, "show-attributes-pie", {NO_LOCKS}, 0, 0},
	{"the same, when it is touched", lock_future, &on_fault, NULL, {NO_LOCKS}, 0, 0},
	{"MDWE", no_new_code, NULL, NULL, {"mdwe 0x1\n"}, 0, 0},
	{"MDWE, static PIE", no_new_code, NULL, "show-attributes-static-pie", {"mdwe 0x1\n"}, 0, 0},
	{"MDWE, with an interpreter", no_new_code, NULL, "show-attributes-pie", {"mdwe 0x1\n"}, 0, 0},
	{"an executable stack", executable_stack, NULL, NULL, {"smaps rw-p"}, 0, 0},
	{"an executable stack for the program too", executable_stack, NULL,
	 "show-attributes-execstack", {"smaps rwxp"}, 0, 0},
	{"advice about the stack", advised_stack, NULL, NULL, {"smaps rw-p"}, 0, 0},
	TEST_REGISTER_ROWS
	{"a thread of libc's", libc_thread, NULL, NULL, {NEW_THREAD}, 0, 0},
};
/* clang-format on */
const size_t memory_row_count = sizeof(memory_rows) / sizeof(memory_rows[0]);
