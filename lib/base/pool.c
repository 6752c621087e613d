/* pool.c: setting up and giving back pools; taking and returning objects is inline in pool.h. */
#include "base/pool.h"

#include <errno.h>
#include <string.h>

int pool_init(struct pool *p, uint32_t cap, uint32_t size_bytes, int numa_node)
{
	int err;

	memset(p, 0, sizeof(*p));
	if (size_bytes < 8 || size_bytes % 4 != 0 || cap == UINT32_MAX)
		return -EINVAL;
	err = region_map(&p->region, ((size_t)cap + 1) * size_bytes, numa_node);
	if (err != 0)
		return err;
	p->base = p->region.base;
	p->size_bytes = size_bytes;
	p->fresh = 1;
	p->cap = cap + 1;
	return 0;
}

void pool_fini(struct pool *p)
{
	region_unmap(&p->region);
	memset(p, 0, sizeof(*p));
}
