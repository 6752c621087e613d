/* addr6.c: the index of IPv6 addresses that have numbers. */
#include "flow/addr6.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"

int addr6s_init(struct addr6s *s, uint32_t max, const struct rss *rss, struct prng *prng, int numa_node)
{
	uint32_t buckets = 64;
	int err;

	memset(s, 0, sizeof(*s));
	SPATE_ASSERT(max <= FLOW_ADDR6_MAX);
	while (buckets < max)
		buckets *= 2;
	err = pool_init(&s->pool, max, sizeof(struct addr6), numa_node);
	if (err != 0)
		return err;
	err = region_map(&s->region, (size_t)buckets * sizeof(s->bucket[0]), numa_node);
	if (err != 0) {
		pool_fini(&s->pool);
		return err;
	}
	s->bucket = s->region.base;
	s->mask = buckets - 1;
	s->secret = prng_u64(prng);
	s->rss = rss;
	return 0;
}

void addr6s_fini(struct addr6s *s)
{
	region_unmap(&s->region);
	pool_fini(&s->pool);
	memset(s, 0, sizeof(*s));
}

/* Keyed; folding the 128-bit product mixes all 16 bytes. */
static uint32_t *bucket_of(const struct addr6s *s, const struct ip6_addr *a, uint32_t scope)
{
	uint64_t part[2];
	unsigned __int128 x;

	memcpy(part, a, sizeof(part));
	x = (unsigned __int128)(part[0] ^ s->secret) * (part[1] ^ (s->secret >> 32 | s->secret << 32) ^ 0x9e3779b97f4a7c15u ^ scope);
	return &s->bucket[(uint32_t)((uint64_t)x ^ (uint64_t)(x >> 64)) & s->mask];
}

static uint32_t find(const struct addr6s *s, uint32_t head, const struct ip6_addr *a, uint32_t scope)
{
	const struct addr6 *x;

	for (uint32_t idx = head; idx != 0; idx = x->next) {
		x = pool_at(&s->pool, idx);
		if (ip6_addr_eq(&x->addr, a) && x->scope == scope)
			return idx;
	}
	return 0;
}

rte_be32_t addr6_find(const struct addr6s *s, const struct ip6_addr *a, uint32_t scope)
{
	return flow_addr6_be(find(s, *bucket_of(s, a, scope), a, scope));
}

rte_be32_t addr6_get(struct addr6s *s, const struct ip6_addr *a, uint32_t scope)
{
	uint32_t *head = bucket_of(s, a, scope), idx = find(s, *head, a, scope);

	if (idx == 0) {
		idx = pool_get(&s->pool);
		if (idx == 0)
			return 0;
		*(struct addr6 *)pool_at(&s->pool, idx) = (struct addr6){
			.next = *head, .addr = *a, .scope = scope,
			.hash_src = rss_hash6_src(s->rss, a->b), .hash_dst = rss_hash6_dst(s->rss, a->b),
		};
		*head = idx;
	}
	((struct addr6 *)pool_at(&s->pool, idx))->refs++;
	return flow_addr6_be(idx);
}

void addr6_hold(struct addr6s *s, rte_be32_t addr_be)
{
	if (flow_addr_is6(addr_be))
		addr6_at(s, addr_be)->refs++;
}

void addr6_put(struct addr6s *s, rte_be32_t addr_be)
{
	uint32_t *link, idx = flow_addr6_number(addr_be);
	struct addr6 *x;

	if (!flow_addr_is6(addr_be))
		return;
	x = addr6_at(s, addr_be);
	SPATE_ASSERT(x->refs > 0);
	if (--x->refs != 0)
		return;
	link = bucket_of(s, &x->addr, x->scope);
	while (*link != idx)
		link = &((struct addr6 *)pool_at(&s->pool, *link))->next;
	*link = x->next;
	pool_put(&s->pool, idx);
}
