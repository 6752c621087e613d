/* eport_addr6.c: numbers for IPv6 addresses, so that groups and destinations keep 32 bits of one. */
#include <string.h>

#include "base/assert.h"
#include "flow/eport_impl.h"

/* Keyed as the other indexes are; folding the 128-bit product mixes all 16 bytes. */
static uint32_t *bucket_of(const struct eport *e, const uint8_t addr[16])
{
	uint64_t part[2];
	unsigned __int128 x;

	memcpy(part, addr, sizeof(part));
	x = (unsigned __int128)(part[0] ^ e->secret) * (part[1] ^ (e->secret >> 32 | e->secret << 32) ^ 0x9e3779b97f4a7c15u);
	return &e->addr6_bucket[(uint32_t)((uint64_t)x ^ (uint64_t)(x >> 64)) & e->mask];
}

uint32_t eport_addr6_get(struct eport *e, const uint8_t addr[16])
{
	uint32_t *head = bucket_of(e, addr), idx;
	struct eport_addr6 *a;

	for (idx = *head; idx != 0; idx = a->next) {
		a = eport_addr6_at(e, idx);
		if (memcmp(a->addr, addr, sizeof(a->addr)) == 0) {
			a->refs++;
			return idx;
		}
	}
	idx = pool_get(&e->addr6s);
	if (idx == 0)
		return 0;
	a = eport_addr6_at(e, idx);
	*a = (struct eport_addr6){.next = *head, .refs = 1};
	memcpy(a->addr, addr, sizeof(a->addr));
	*head = idx;
	return idx;
}

void eport_addr6_put(struct eport *e, uint32_t number)
{
	struct eport_addr6 *a = eport_addr6_at(e, number);
	uint32_t *link;

	SPATE_ASSERT(number != 0 && a->refs > 0);
	if (--a->refs != 0)
		return;
	link = bucket_of(e, a->addr);
	while (*link != number)
		link = &eport_addr6_at(e, *link)->next;
	*link = a->next;
	pool_put(&e->addr6s, number);
}
