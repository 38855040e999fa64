/* What the kernel did at each fault. */
#include <segmap/faults.h>

struct class_names {
	const char *name, *id;
};

static const struct class_names class_names[SEGMAP_FAULT_CLASS_COUNT] = {
	[SEGMAP_FAULT_UNCLASSIFIED] = {"unclassified", "unclassified"},
	[SEGMAP_FAULT_FILE_MAPPED] = {"file page", "file-mapped"},
	[SEGMAP_FAULT_COPY_FIRST_WRITE] = {"copy on first write", "copy-first-write"},
	[SEGMAP_FAULT_COPY_AFTER_READ] = {"copy after read", "copy-after-read"},
	[SEGMAP_FAULT_ZERO_PAGE] = {"zero page", "zero-page"},
	[SEGMAP_FAULT_ZERO_FILLED] = {"zero-filled page", "zero-filled"},
	[SEGMAP_FAULT_ZERO_REPLACED] = {"zero page replaced", "zero-replaced"},
	[SEGMAP_FAULT_STACK_GROWTH] = {"stack growth", "stack-growth"},
	[SEGMAP_FAULT_COPY_AFTER_FORK] = {"copy after fork", "copy-after-fork"},
	[SEGMAP_FAULT_REUSED] = {"made writable", "reused"},
	[SEGMAP_FAULT_SHARED_MAPPED] = {"shared page", "shared-mapped"},
	[SEGMAP_FAULT_REFAULT] = {"refault", "refault"},
	[SEGMAP_FAULT_SIGNAL] = {"signal", "signal"},
	[SEGMAP_FAULT_KERNEL] = {"kernel's page", "kernel"},
};

const char *segmap_fault_class_name(enum segmap_fault_class class)
{
	return class_names[class].name;
}

const char *segmap_fault_class_id(enum segmap_fault_class class)
{
	return class_names[class].id;
}

static bool copies(enum segmap_fault_class class)
{
	return class == SEGMAP_FAULT_COPY_FIRST_WRITE ||
	       class == SEGMAP_FAULT_COPY_AFTER_READ || class == SEGMAP_FAULT_COPY_AFTER_FORK;
}

const struct segmap_fault *segmap_faults_find_copy(const struct segmap_faults *faults,
						   pid_t pid, uint64_t addr, uint64_t page_size)
{
	const uint64_t page = addr / page_size;

	for (size_t i = faults->count; i > 0; i--) {
		const struct segmap_fault *fault = &faults->items[i - 1];

		if (fault->pid == pid && fault->addr / page_size == page &&
		    copies(fault->class))
			return fault;
	}
	return NULL;
}
