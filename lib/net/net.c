/* net.c: a stack's network layer as a whole: making it, taking it down. */
#include "net/net.h"

#include <string.h>

#include "net/group.h"
#include "net/neigh.h"
#include "net/net6.h"

int net_init(struct net *n, struct flow *flow, struct pkt_tx *tx, uint16_t n_ports, struct drops *drops,
	     const struct clock *clock, int numa_node)
{
	const size_t addrs = LOCAL_ADDRS_MAX * sizeof(n->addr[0]), sources = LOCAL_ADDRS_MAX * sizeof(n->source_be[0]);
	const size_t locals = NET_LOCAL_SLOTS * sizeof(n->local[0]);
	const size_t buckets = NEIGH_BUCKETS * sizeof(n->neigh_bucket[0]), ifaces = PORTS_MAX << 12;
	const size_t routes = NET_ROUTES_MAX * sizeof(n->route[0]);
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
	ret = region_map(&n->region, addrs + sources + locals + buckets + ifaces + routes + frags_bytes(), numa_node);
	if (ret != 0) {
		paths_fini(&n->paths);
		return ret;
	}
	mem = n->region.base;
	n->addr = (struct net_addr *)mem;
	n->source_be = (rte_be32_t *)(mem + addrs);
	n->local = (struct net_local *)(mem + addrs + sources);
	n->neigh_bucket = (uint32_t *)(mem + addrs + sources + locals);
	n->iface_of = mem + addrs + sources + locals + buckets;
	n->neigh_mult = prng_u64(flow->prng) | 1;
	for (unsigned i = 0; i < NET_ID_COUNTERS; i++)
		n->ip_id[i] = (uint16_t)prng_u32(flow->prng);
	n->route = (struct net_route *)(n->iface_of + ifaces);
	frags_init(n, &n->frags, n->iface_of + ifaces + routes);
	n->icmp_tokens = ICMP_ERRORS_BURST;
	n->icmp_ms = clock->now_ms;
	ret = groups_init(n, numa_node);
	if (ret != 0)
		goto no_groups;
	ret = net6_init(n, numa_node);
	if (ret != 0)
		goto no_net6;
	ret = loop_init(n);
	if (ret != 0)
		goto no_loop;
	return 0;
no_loop:
	net6_fini(n);
no_net6:
	groups_fini(n);
no_groups:
	region_unmap(&n->region);
	paths_fini(&n->paths);
	return ret;
}

void net_fini(struct net *n)
{
	struct rte_mbuf *m;

	neigh_fini(n);
	frags_fini(n);
	loop_fini(n);
	net6_fini(n);
	while ((m = mbuf_queue_take(&n->failed)) != NULL)
		rte_pktmbuf_free(m);
	while ((m = mbuf_queue_take(&n->released)) != NULL)
		rte_pktmbuf_free(m);
	net_filter_set(n, NULL);
	groups_fini(n);
	region_unmap(&n->region);
	paths_fini(&n->paths);
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

struct ip6_addr net_addr_whole(const struct net *n, rte_be32_t addr_be)
{
	return flow_addr_is6(addr_be) ? *net_addr6_at(n, addr_be) : ip6_addr_mapped(addr_be);
}
