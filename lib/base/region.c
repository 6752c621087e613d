/* region.c: reserving address space that the kernel fills in as it is touched. */
#include "base/region.h"

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 << 20)
#define HUGE_FROM_BYTES (2 * HUGE_BYTES) /* smaller regions would waste more by rounding than they win in TLB misses */

static size_t round_up(size_t n, size_t unit) { return (n + unit - 1) & ~(unit - 1); }

/* A preference, not a demand: on a node that is full, memory further away is better than none. */
static void prefer_node(const struct region *r, int numa_node)
{
	struct bitmask *nodes;

	if (numa_node < 0 || numa_available() < 0 || numa_node > numa_max_node())
		return;
	nodes = numa_allocate_nodemask();
	if (nodes == NULL)
		return;
	numa_bitmask_setbit(nodes, (unsigned)numa_node);
	mbind(r->base, r->len_bytes, MPOL_PREFERRED, nodes->maskp, nodes->size + 1, 0);
	numa_free_nodemask(nodes);
}

int region_map(struct region *r, size_t len_bytes, int numa_node)
{
	size_t align = len_bytes >= HUGE_FROM_BYTES ? HUGE_BYTES : (size_t)sysconf(_SC_PAGESIZE);
	size_t len = round_up(len_bytes != 0 ? len_bytes : 1, align);
	size_t slack = align == HUGE_BYTES ? HUGE_BYTES : 0, head;
	uint8_t *p;

	r->base = NULL;
	r->len_bytes = 0;
	if (len < len_bytes || len + slack < len)
		return -ENOMEM;
	p = mmap(NULL, len + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	/* Cut to alignment, so that huge pages fit from the first byte on. */
	head = round_up((uintptr_t)p, align) - (uintptr_t)p;
	if (head > 0)
		munmap(p, head);
	if (slack > head)
		munmap(p + head + len, slack - head);
	r->base = p + head;
	r->len_bytes = len;
	if (align == HUGE_BYTES)
		madvise(r->base, r->len_bytes, MADV_HUGEPAGE);
	prefer_node(r, numa_node);
	return 0;
}

void region_unmap(struct region *r)
{
	if (r->base != NULL)
		munmap(r->base, r->len_bytes);
	r->base = NULL;
	r->len_bytes = 0;
}
