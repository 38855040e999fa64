/*
 * What the kernel did at a fault: the rules, for one moment. Their source is mm/memory.c of
 * Linux 6.18: do_anonymous_page, do_read_fault, do_cow_fault, do_shared_fault, do_wp_page.
 */
#include "fault_replay.h"

static bool is_writable(const struct moment *m)
{
	return m->region->region.perms[1] == 'w';
}

/* A write is the only access that a page which is there, for reading, does not allow. */
static bool only_writes_fault(const struct moment *m)
{
	return m->before != SEGMAP_PAGE_ABSENT && !m->predicted &&
	       (m->before == SEGMAP_PAGE_ZERO || m->before == SEGMAP_PAGE_FILE ||
		m->sharers > 0 || m->changed);
}

static bool is_own(enum segmap_page_state state)
{
	return state == SEGMAP_PAGE_COPY || state == SEGMAP_PAGE_ANON;
}

/* Where the instruction did not tell: what happened afterwards may. */
static enum segmap_access find_access(const struct moment *m)
{
	if (m->fault->access != SEGMAP_ACCESS_UNKNOWN)
		return m->fault->access;
	if (!is_writable(m))
		return SEGMAP_ACCESS_READ;
	if (only_writes_fault(m) || m->loading)
		return SEGMAP_ACCESS_WRITE;
	if (m->repeats) /* a page that has been written does not fault again */
		return SEGMAP_ACCESS_READ;
	if (!m->after_known)
		return SEGMAP_ACCESS_UNKNOWN;
	if (m->after == SEGMAP_PAGE_FILE || m->after == SEGMAP_PAGE_ZERO)
		return m->kind == SEGMAP_KIND_FILE_SHARED ? SEGMAP_ACCESS_UNKNOWN
							  : SEGMAP_ACCESS_READ;
	if (is_own(m->after) && (m->zero_page || m->kind == SEGMAP_KIND_FILE_PRIVATE))
		return SEGMAP_ACCESS_WRITE;
	return SEGMAP_ACCESS_UNKNOWN;
}

static bool is_forbidden(const char *perms, enum segmap_access access)
{
	switch (access) {
	case SEGMAP_ACCESS_WRITE:
		return perms[1] != 'w';
	case SEGMAP_ACCESS_EXECUTE:
		return perms[2] != 'x';
	default: /* what may be written or executed may be read */
		return perms[0] == '-' && perms[1] == '-' && perms[2] == '-';
	}
}

/* Nothing was mapped. The page that is there at the end speaks against it: the mapping can have
 * been moved, which no record tells. */
static bool is_refused(const struct moment *m)
{
	bool stays = m->after_known && m->after != SEGMAP_PAGE_ABSENT && !m->repeats;

	if (!m->region)
		return !m->grows;
	if (stays)
		return false;
	return (m->last && m->after_known) ||
	       is_forbidden(m->region->region.perms, m->fault->access);
}

/* The page allows ACCESS as it is. */
static bool allows(const struct moment *m, enum segmap_access access)
{
	if (m->before == SEGMAP_PAGE_ABSENT || m->predicted || m->sharers)
		return false;
	return access != SEGMAP_ACCESS_WRITE || is_own(m->before) ||
	       m->before == SEGMAP_PAGE_SHARED;
}

static struct outcome write_private(const struct moment *m, enum segmap_page_state own)
{
	struct outcome out = {.access = SEGMAP_ACCESS_WRITE, .state = own};
	bool file = m->kind == SEGMAP_KIND_FILE_PRIVATE;

	if (is_own(m->before) && m->sharers > 1)
		out.class = SEGMAP_FAULT_COPY_AFTER_FORK;
	else if (is_own(m->before) && (m->sharers == 1 || m->changed))
		out.class = SEGMAP_FAULT_REUSED;
	else if (m->before == SEGMAP_PAGE_SWAPPED)
		out.class = SEGMAP_FAULT_REFAULT;
	else if (file)
		out.class = m->before == SEGMAP_PAGE_FILE ? SEGMAP_FAULT_COPY_AFTER_READ
							  : SEGMAP_FAULT_COPY_FIRST_WRITE;
	else if (m->before == SEGMAP_PAGE_ZERO || m->before == SEGMAP_PAGE_UNKNOWN)
		out.class = SEGMAP_FAULT_ZERO_REPLACED;
	else
		out.class = m->before == SEGMAP_PAGE_ABSENT ? SEGMAP_FAULT_ZERO_FILLED
							    : SEGMAP_FAULT_REFAULT;
	return out;
}

static struct outcome read_file(const struct moment *m, enum segmap_access access)
{
	bool again = m->before != SEGMAP_PAGE_ABSENT && !m->predicted;

	return (struct outcome){
		.class = again ? SEGMAP_FAULT_REFAULT : SEGMAP_FAULT_FILE_MAPPED,
		.state = SEGMAP_PAGE_FILE,
		.access = access,
	};
}

static struct outcome read_anon(const struct moment *m, enum segmap_access access)
{
	bool again = m->before != SEGMAP_PAGE_ABSENT && !m->predicted;
	bool zero = m->zero_page && access != SEGMAP_ACCESS_UNKNOWN;
	struct outcome out = {
		.class = zero ? SEGMAP_FAULT_ZERO_PAGE : SEGMAP_FAULT_ZERO_FILLED,
		.state = zero ? SEGMAP_PAGE_ZERO : SEGMAP_PAGE_ANON,
		.access = access,
	};

	if (again)
		out.class = SEGMAP_FAULT_REFAULT;
	return out;
}

static struct outcome map_shared(const struct moment *m, enum segmap_access access)
{
	bool file = m->kind == SEGMAP_KIND_FILE_SHARED;
	bool again = m->before != SEGMAP_PAGE_ABSENT && !m->predicted;
	struct outcome out = {
		.class = file ? SEGMAP_FAULT_FILE_MAPPED : SEGMAP_FAULT_SHARED_MAPPED,
		.state = file ? SEGMAP_PAGE_FILE : SEGMAP_PAGE_SHARED,
		.access = access,
	};

	/* The file system is told of the first write to a page: until then it is read-only. */
	if (file && m->before == SEGMAP_PAGE_FILE && access == SEGMAP_ACCESS_WRITE)
		out.class = SEGMAP_FAULT_REUSED;
	else if (again)
		out.class = SEGMAP_FAULT_REFAULT;
	return out;
}

static struct outcome decide_private_file(const struct moment *m, enum segmap_access access)
{
	if (access == SEGMAP_ACCESS_WRITE)
		return write_private(m, SEGMAP_PAGE_COPY);
	if (access != SEGMAP_ACCESS_UNKNOWN)
		return read_file(m, access);
	return (struct outcome){.class = SEGMAP_FAULT_UNCLASSIFIED, .state = m->before};
}

struct outcome fault_decide(const struct moment *m)
{
	enum segmap_access access = m->fault->access;

	if (is_refused(m))
		return (struct outcome){SEGMAP_FAULT_SIGNAL, m->before, access};
	if (m->grows)
		return (struct outcome){SEGMAP_FAULT_STACK_GROWTH, SEGMAP_PAGE_ANON,
					SEGMAP_ACCESS_WRITE};
	access = find_access(m);
	if (m->elsewhere && allows(m, access))
		return (struct outcome){SEGMAP_FAULT_ALREADY_THERE, m->before, access};
	switch (m->kind) {
	case SEGMAP_KIND_FILE_PRIVATE:
		return decide_private_file(m, access);
	case SEGMAP_KIND_ANON_PRIVATE:
		return access == SEGMAP_ACCESS_WRITE ? write_private(m, SEGMAP_PAGE_ANON)
						     : read_anon(m, access);
	case SEGMAP_KIND_FILE_SHARED:
	case SEGMAP_KIND_ANON_SHARED:
		return map_shared(m, access);
	default:
		return (struct outcome){SEGMAP_FAULT_KERNEL, SEGMAP_PAGE_KERNEL, access};
	}
}
