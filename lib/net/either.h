/* either.h: what protocols ask of the network layer about an address of a key, of whichever family it is. */
#ifndef NET_EITHER_H
#define NET_EITHER_H

#include "net/net.h"

/* It is ours, and may be used. */
static inline bool net_is_ours(const struct net *n, rte_be32_t addr_be)
{
	const struct addr6 *a;

	if (likely(!flow_addr_is6(addr_be)))
		return net_is_local(n, addr_be);
	a = addr6_at(&n->flow->addr6s, addr_be);
	return net_local6(n, &a->addr, a->scope) == addr_be;
}

/* net_sources_via(), net_unreachable_via() */
static inline const rte_be32_t *net_sources_to(struct net *n, rte_be32_t raddr_be, uint8_t via, uint32_t *count)
{
	const struct addr6 *a;

	if (likely(!flow_addr_is6(raddr_be)))
		return net_sources_via(n, raddr_be, via, count);
	a = addr6_at(&n->flow->addr6s, raddr_be);
	return net_sources6_via(n, &a->addr, a->scope, via, count);
}

static inline int net_unreachable_to(const struct net *n, rte_be32_t raddr_be, uint8_t via)
{
	const struct addr6 *a;

	if (likely(!flow_addr_is6(raddr_be)))
		return net_unreachable_via(n, raddr_be, via);
	a = addr6_at(&n->flow->addr6s, raddr_be);
	return net_unreachable6_via(n, &a->addr, a->scope, via);
}

/* net_path_get() to who sent an arriving packet; *key, a copy of the packet's, then has the remote address's number, which the
 * path holds. */
uint32_t net_path_back_via(struct net *n, const struct net_pkt *pkt, struct flow_key *key, uint8_t via, int *err);
static inline uint32_t net_path_back(struct net *n, const struct net_pkt *pkt, struct flow_key *key, int *err)
{
	return net_path_back_via(n, pkt, key, 0, err);
}

/* flow_release_stale() for the flow of a packet, whether its addresses have numbers here or not. */
void net_release_stale(struct net *n, const struct net_pkt *pkt);

/* Where a datagram comes from or goes to. */
struct net_end {
	struct ip6_addr addr;   /* IPv4 is ::ffff:a.b.c.d */
	uint32_t scope;         /* of a link-local address: interface + 1; 0: not named */
	rte_be16_t port_be;
};

static inline struct net_end net_end4(rte_be32_t addr_be, rte_be16_t port_be)
{
	return (struct net_end){.addr = ip6_addr_mapped(addr_be), .port_be = port_be};
}

#endif
