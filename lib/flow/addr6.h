/* addr6.h: numbers for IPv6 addresses, so that keys, binds, paths and busy ports keep 32 bits of one. They are a stack's own;
 * what stacks tell each other has the addresses. Owned by one core. */
#ifndef FLOW_ADDR6_H
#define FLOW_ADDR6_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "base/pool.h"
#include "base/prng.h"
#include "pkt/rss.h"
#include "wire/ip6.h"

/* Number 1.. of an IPv6 address, as it stands in keys, binds and paths: as the IPv4 address 0.x.y.z, which is no host's (RFC 1122
 * 3.2.1.3). So whatever brings IPv4 addresses in, packets, calls or settings, refuses those. */
#define FLOW_ADDR6_MAX ((1u << 24) - 1)
static inline rte_be32_t flow_addr6_be(uint32_t number) { return rte_cpu_to_be_32(number); }
static inline uint32_t flow_addr6_number(rte_be32_t addr_be) { return rte_be_to_cpu_32(addr_be); }
static inline bool flow_addr_is6(rte_be32_t addr_be) { return (addr_be & RTE_BE32(~FLOW_ADDR6_MAX)) == 0 && addr_be != 0; }

/* An address that has a number (its index). The same link-local address on two links is two hosts (RFC 4007 5): they have
 * numbers of their own, and the same hash. */
struct addr6 {
	uint32_t next, refs;
	uint32_t hash_src, hash_dst; /* its parts of a tuple's hash, as remote and as local address */
	struct ip6_addr addr;
	uint32_t scope;              /* of a link-local one: interface + 1; else 0 */
	uint32_t mark;               /* the network layer's own; 0 for a new one */
	uint32_t spare[2];
};
static_assert(sizeof(struct addr6) == 48, "four in three cache lines");

struct addr6s {
	struct pool pool;            /* the index is the number */
	uint32_t *bucket;            /* heads of chains */
	uint32_t mask;
	uint64_t secret;             /* of the index: nobody can fill one chain */
	const struct rss *rss;
	struct region region;
};

/* Room for max addresses, at most FLOW_ADDR6_MAX. 0 or -ENOMEM. */
int addr6s_init(struct addr6s *s, uint32_t max, const struct rss *rss, struct prng *prng, int numa_node);
void addr6s_fini(struct addr6s *s);

/* The number as in keys, with one more reference; 0: too many. scope: 0 unless link-local (or multicast of that scope). */
rte_be32_t addr6_get(struct addr6s *s, const struct ip6_addr *a, uint32_t scope);
/* The same without a reference; 0: has none. */
rte_be32_t addr6_find(const struct addr6s *s, const struct ip6_addr *a, uint32_t scope);
/* One reference more, or less; the last one frees it. Nothing where addr_be is no number (then s may be NULL). */
void addr6_hold(struct addr6s *s, rte_be32_t addr_be);
void addr6_put(struct addr6s *s, rte_be32_t addr_be);

static inline struct addr6 *addr6_at(const struct addr6s *s, rte_be32_t addr_be)
{
	return (struct addr6 *)pool_at(&s->pool, flow_addr6_number(addr_be));
}

#endif
