/* Words for the auxiliary vector. */
#include <segmap/auxv.h>

#include <elf.h>

static const struct {
	uint64_t type;
	const char *name;
	bool address;
} auxv_entries[] = {
	{AT_EXECFD, "AT_EXECFD", false},
	{AT_PHDR, "AT_PHDR", true},
	{AT_PHENT, "AT_PHENT", false},
	{AT_PHNUM, "AT_PHNUM", false},
	{AT_PAGESZ, "AT_PAGESZ", false},
	{AT_BASE, "AT_BASE", true},
	{AT_FLAGS, "AT_FLAGS", false},
	{AT_ENTRY, "AT_ENTRY", true},
	{AT_UID, "AT_UID", false},
	{AT_EUID, "AT_EUID", false},
	{AT_GID, "AT_GID", false},
	{AT_EGID, "AT_EGID", false},
	{AT_PLATFORM, "AT_PLATFORM", true},
	{AT_HWCAP, "AT_HWCAP", false},
	{AT_CLKTCK, "AT_CLKTCK", false},
	{AT_SECURE, "AT_SECURE", false},
	{24, "AT_BASE_PLATFORM", true},
	{AT_RANDOM, "AT_RANDOM", true},
	{AT_HWCAP2, "AT_HWCAP2", false},
	{27, "AT_RSEQ_FEATURE_SIZE", false},
	{28, "AT_RSEQ_ALIGN", false},
	{29, "AT_HWCAP3", false},
	{30, "AT_HWCAP4", false},
	{AT_EXECFN, "AT_EXECFN", true},
	{AT_SYSINFO_EHDR, "AT_SYSINFO_EHDR", true},
	{AT_MINSIGSTKSZ, "AT_MINSIGSTKSZ", false},
};

enum { AUXV_ENTRIES = sizeof(auxv_entries) / sizeof(auxv_entries[0]) };

const char *segmap_auxv_name(uint64_t type)
{
	for (size_t i = 0; i < AUXV_ENTRIES; i++)
		if (auxv_entries[i].type == type)
			return auxv_entries[i].name;
	return NULL;
}

bool segmap_auxv_is_address(uint64_t type)
{
	for (size_t i = 0; i < AUXV_ENTRIES; i++)
		if (auxv_entries[i].type == type)
			return auxv_entries[i].address;
	return false;
}
