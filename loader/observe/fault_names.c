/* Words for faults, and finding one. */
#include <segmap/faults.h>

struct class_words {
	const char *name, *id, *meaning;
};

static const struct class_words words[SEGMAP_FAULT_CLASS_COUNT] = {
	[SEGMAP_FAULT_UNCLASSIFIED] = {"unclassified", "unclassified",
				       "What is known does not tell what was done."},
	[SEGMAP_FAULT_FILE_MAPPED] = {"file page", "file-mapped",
				      "The page cache's own page of a file was mapped, with "
				      "neighbours."},
	[SEGMAP_FAULT_COPY_FIRST_WRITE] = {"copy on first write", "copy-first-write",
					   "A file's page was copied at once, its first access "
					   "being a write."},
	[SEGMAP_FAULT_COPY_AFTER_READ] = {"copy after read", "copy-after-read",
					  "A file's page that was mapped for reading was "
					  "replaced by a copy."},
	[SEGMAP_FAULT_ZERO_PAGE] = {"zero page", "zero-page",
				    "The zero page that all have in common was mapped, for "
				    "reading."},
	[SEGMAP_FAULT_ZERO_FILLED] = {"zero-filled page", "zero-filled",
				      "A new page of zeros was made."},
	[SEGMAP_FAULT_ZERO_REPLACED] = {"zero page replaced", "zero-replaced",
					"A new page of zeros took the zero page's place at "
					"the first write."},
	[SEGMAP_FAULT_STACK_GROWTH] = {"stack growth", "stack-growth",
				       "The stack's mapping grew down, and a new page of "
				       "zeros was made."},
	[SEGMAP_FAULT_COPY_AFTER_FORK] = {"copy after fork", "copy-after-fork",
					  "A page that a fork had left to two processes was "
					  "copied for this one."},
	[SEGMAP_FAULT_REUSED] = {"made writable", "reused",
				 "The page was there and needs no copy: nobody else has it, or "
				 "all are to see the write."},
	[SEGMAP_FAULT_SHARED_MAPPED] = {"shared page", "shared-mapped",
					"A page of shared anonymous memory was mapped."},
	[SEGMAP_FAULT_REFAULT] = {"refault", "refault",
				  "The page had been there before and was taken away; it is "
				  "there again."},
	[SEGMAP_FAULT_SIGNAL] = {"nothing: refused", "signal",
				 "Nothing was mapped: SIGSEGV, SIGBUS, or a system call's "
				 "EFAULT."},
	[SEGMAP_FAULT_ALREADY_THERE] = {"nothing: there already", "already-there",
					"Another thread had done it at the same time."},
	[SEGMAP_FAULT_KERNEL] = {"kernel's page", "kernel",
				 "A page of the kernel's own was mapped, as of the vdso."},
};

const char *segmap_fault_class_name(enum segmap_fault_class class)
{
	return words[class].name;
}

const char *segmap_fault_class_id(enum segmap_fault_class class)
{
	return words[class].id;
}

const char *segmap_fault_class_meaning(enum segmap_fault_class class)
{
	return words[class].meaning;
}

const char *segmap_access_name(enum segmap_access access)
{
	static const char *const names[] = {
		[SEGMAP_ACCESS_UNKNOWN] = "unknown",
		[SEGMAP_ACCESS_READ] = "read",
		[SEGMAP_ACCESS_WRITE] = "write",
		[SEGMAP_ACCESS_EXECUTE] = "execute",
	};

	return names[access];
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
