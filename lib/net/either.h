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

/* net_sources(), net_unreachable() */
static inline const rte_be32_t *net_sources_to(struct net *n, rte_be32_t raddr_be, uint32_t *count)
{
	const struct addr6 *a;

	if (likely(!flow_addr_is6(raddr_be)))
		return net_sources(n, raddr_be, count);
	a = addr6_at(&n->flow->addr6s, raddr_be);
	return net_sources6(n, &a->addr, a->scope, count);
}

static inline int net_unreachable_to(const struct net *n, rte_be32_t raddr_be)
{
	const struct addr6 *a;

	if (likely(!flow_addr_is6(raddr_be)))
		return net_unreachable(n, raddr_be);
	a = addr6_at(&n->flow->addr6s, raddr_be);
	return net_unreachable6(n, &a->addr, a->scope);
}

/* net_path_get() to who sent an arriving packet; *key, a copy of the packet's, then has the remote address's number, which the
 * path holds. */
static inline uint32_t net_path_back(struct net *n, const struct net_pkt *pkt, struct flow_key *key, int *err)
{
	uint32_t path;

	if (likely(!pkt->ip6))
		return net_path_get(n, key->laddr_be, key->raddr_be, err);
	path = net_path6_get(n, key->laddr_be, net_pkt_raddr6(pkt), net_pkt_scope6(pkt), err);
	if (path != 0)
		key->raddr_be = path_at(&n->paths, path)->raddr_be;
	return path;
}

#endif
