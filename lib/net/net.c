/* net.c: a stack's network layer as a whole: making it, its addresses, taking it down. */
#include "net/net.h"

#include <errno.h>
#include <string.h>

#include "net/neigh.h"
#include "net/private.h"
#include "net/route.h"

#define MULTICAST_FIRST 0xe0000000u /* multicast, reserved and limited broadcast lie from here on */

int net_init(struct net *n, struct flow *flow, struct pkt_tx *tx, uint16_t n_ports, struct drops *drops,
	     const struct clock *clock, int numa_node)
{
	const size_t addrs = LOCAL_ADDRS_MAX * sizeof(n->addr[0]), sources = LOCAL_ADDRS_MAX * sizeof(n->source_be[0]);
	const size_t locals = NET_LOCAL_SLOTS * sizeof(n->local[0]);
	const size_t buckets = NEIGH_BUCKETS * sizeof(n->neigh_bucket[0]);
	uint8_t *mem;
	int ret;

	memset(n, 0, sizeof(*n));
	n->flow = flow;
	n->tx = tx;
	n->n_ports = n_ports;
	n->drops = drops;
	n->clock = clock;
	ret = paths_init(&n->paths, PATHS_MAX, numa_node);
	if (ret != 0)
		return ret;
	ret = region_map(&n->region, addrs + sources + locals + buckets, numa_node);
	if (ret != 0) {
		paths_fini(&n->paths);
		return ret;
	}
	mem = n->region.base;
	n->addr = (struct net_addr *)mem;
	n->source_be = (rte_be32_t *)(mem + addrs);
	n->local = (struct net_local *)(mem + addrs + sources);
	n->neigh_bucket = (uint32_t *)(mem + addrs + sources + locals);
	n->neigh_mult = prng_u64(flow->prng) | 1;
	n->icmp_tokens = ICMP_ERRORS_BURST;
	n->icmp_ms = clock->now_ms;
	return 0;
}

void net_fini(struct net *n)
{
	struct rte_mbuf *m;

	neigh_fini(n);
	while ((m = mbuf_queue_take(&n->failed)) != NULL)
		rte_pktmbuf_free(m);
	while ((m = mbuf_queue_take(&n->released)) != NULL)
		rte_pktmbuf_free(m);
	while ((m = mbuf_queue_take(&n->loop)) != NULL)
		rte_pktmbuf_free(m);
	region_unmap(&n->region);
	paths_fini(&n->paths);
}

static void local_set(struct net *n, rte_be32_t addr_be, enum local_kind kind)
{
	uint32_t i = rte_be_to_cpu_32(addr_be) * 2654435769u >> (32 - NET_LOCAL_BITS);

	while (n->local[i].addr_be != 0 && n->local[i].addr_be != addr_be)
		i = (i + 1) % NET_LOCAL_SLOTS;
	n->local[i].addr_be = addr_be;
	n->local[i].kind = kind;
}

int net_addr_add(struct net *n, rte_be32_t addr_be, uint8_t prefix_len)
{
	uint32_t addr = rte_be_to_cpu_32(addr_be), i = n->n_addrs;
	rte_be32_t broadcast_be;
	int at;

	if (prefix_len > 32 || addr == 0 || addr >= MULTICAST_FIRST)
		return -EINVAL;
	broadcast_be = rte_cpu_to_be_32(addr | ~prefix_mask(prefix_len));
	if (prefix_len < 31 && addr_be == broadcast_be)
		return -EINVAL;
	if (net_is_local(n, addr_be))
		return -EEXIST;
	if (n->n_addrs == LOCAL_ADDRS_MAX)
		return -ENOSPC;
	at = route_onlink_add(n, addr, prefix_len);
	if (at < 0)
		return at;
	memmove(&n->source_be[at + 1], &n->source_be[at], (n->n_addrs - (uint32_t)at) * sizeof(n->source_be[0]));
	n->source_be[at] = addr_be;
	for (; i > 0 && rte_be_to_cpu_32(n->addr[i - 1].addr_be) > addr; i--)
		n->addr[i] = n->addr[i - 1];
	n->addr[i] = (struct net_addr){.addr_be = addr_be, .prefix_len = prefix_len};
	n->n_addrs++;
	local_set(n, addr_be, LOCAL_OURS);
	if (prefix_len < 31 && !net_is_local(n, broadcast_be))
		local_set(n, broadcast_be, LOCAL_BROADCAST);
	return 0;
}

bool net_is_local(const struct net *n, rte_be32_t addr_be)
{
	return net_local_find(n, addr_be) == LOCAL_OURS;
}

struct rte_mbuf *net_own(struct net *n, struct rte_mbuf *m)
{
	const struct rte_mbuf *seg = m;
	struct rte_mbuf *copy;

	while (seg != NULL && RTE_MBUF_DIRECT(seg) && rte_mbuf_refcnt_read(seg) == 1)
		seg = seg->next;
	if (likely(seg == NULL))
		return m;
	copy = rte_pktmbuf_copy(m, n->tx->pool, 0, UINT32_MAX);
	if (copy == NULL)
		drop_count(n->drops, DROP_NO_MBUF);
	rte_pktmbuf_free(m);
	return copy;
}
