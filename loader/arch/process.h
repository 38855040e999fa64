/* What the handover asks of the CPU while libc is still there. Each CPU's folder has process.c
 * for it. */
#ifndef ARCH_PROCESS_H
#define ARCH_PROCESS_H

#include "stub.h"

/* Prepares what the stub resets registers with: ARGS->fpu, and flags about it. */
void arch_prepare_registers(struct stub_args *args);

/* Could the stub get a new vdso? Returns 0 or a negative errno; nothing is changed. */
int arch_try_vdso(void);

/* Calls RUN(ARGS) at its new address, on the stack that ends at TOP. */
_Noreturn void arch_run_stub(uint64_t run, struct stub_args *args, uint64_t top);

#endif
