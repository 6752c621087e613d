/* path.c: the index of paths by their two addresses. */
#include "flow/path.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"

int paths_init(struct paths *ps, uint32_t max, int numa_node)
{
	uint32_t buckets = 16;
	int err;

	memset(ps, 0, sizeof(*ps));
	if (max == 0 || max > 1u << 30)
		return -EINVAL;
	while (buckets < max)
		buckets *= 2;
	err = pool_init(&ps->pool, max, sizeof(struct path), numa_node);
	if (err != 0)
		return err;
	err = region_map(&ps->region, (size_t)buckets * sizeof(ps->bucket[0]), numa_node);
	if (err != 0) {
		pool_fini(&ps->pool);
		return err;
	}
	ps->bucket = ps->region.base;
	ps->mask = buckets - 1;
	return 0;
}

void paths_fini(struct paths *ps)
{
	region_unmap(&ps->region);
	pool_fini(&ps->pool);
	memset(ps, 0, sizeof(*ps));
}

static uint32_t *bucket_of(const struct paths *ps, rte_be32_t laddr_be, rte_be32_t raddr_be)
{
	uint64_t x = ((uint64_t)laddr_be << 32 | raddr_be) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
	return &ps->bucket[(x >> 32) & ps->mask];
}

uint32_t path_get(struct paths *ps, rte_be32_t laddr_be, rte_be32_t raddr_be, uint8_t via, bool *fresh)
{
	uint32_t *head = bucket_of(ps, laddr_be, raddr_be), idx;
	struct path *p;

	*fresh = false;
	for (idx = *head; idx != 0; idx = p->hash_next) {
		p = path_at(ps, idx);
		if (p->laddr_be == laddr_be && p->raddr_be == raddr_be && p->via == via) {
			p->refs++;
			return idx;
		}
	}
	idx = pool_get(&ps->pool);
	if (idx == 0)
		return 0;
	p = path_at(ps, idx);
	memset(p, 0, sizeof(*p));
	p->laddr_be = laddr_be;
	p->raddr_be = raddr_be;
	p->via = via;
	p->refs = 1;
	p->hash_next = *head;
	*head = idx;
	*fresh = true;
	return idx;
}

bool path_put(struct paths *ps, uint32_t idx)
{
	struct path *p = path_at(ps, idx);
	uint32_t *link;

	SPATE_ASSERT(p->refs > 0);
	if (--p->refs > 0)
		return false;
	link = bucket_of(ps, p->laddr_be, p->raddr_be);
	while (*link != idx)
		link = &path_at(ps, *link)->hash_next;
	*link = p->hash_next;
	pool_put(&ps->pool, idx);
	return true;
}
