/* SPDX-License-Identifier: MIT */
/*
 * PT_GNU_STACK both ways. Code is put on the stack and called: with PF_X it runs (EXECUTABLE),
 * without it the call faults at just that address. Heap and data are never executable.
 */
#include "check.h"

#include "arch_code.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

static sigjmp_buf after_fault;
static void *volatile fault_address;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fault_address = info->si_addr;
	siglongjmp(after_fault, 1);
}

/* Calls code at an address: what it returned, or -1 if the address cannot be executed. */
static int call(void *address)
{
	int (*function)(void);

	memcpy(&function, &address, sizeof(function));
	fault_address = NULL;
	__builtin___clear_cache(address, (char *)address + sizeof(return_42));
	__asm__ volatile(""
			 :
			 : "r"(address)
			 : "memory"); /* a call is no read of the code, for gcc */
	if (sigsetjmp(after_fault, 1))
		return fault_address == address ? -1 : -2;
	return function();
}

static unsigned char in_data[sizeof(return_42)] = {1};

int main(void)
{
	unsigned char on_stack[sizeof(return_42)];
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &action, NULL);
	memcpy(on_stack, return_42, sizeof(return_42));
	memcpy(in_data, return_42, sizeof(return_42));
#ifdef EXECUTABLE
	check(call(on_stack) == 42, "code on the stack runs");
#else
	check(call(on_stack) == -1, "code on the stack faults");
#endif
	check(call(in_data) == -1, "code in the data faults");
	return check_failed;
}
