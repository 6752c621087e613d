/* source6.c: which of our IPv6 addresses a flow should start from (RFC 6724 section 5). */
#include <errno.h>

#include "net/net6.h"
#include "net/route.h"

/* Where packets to dst leave: an interface, or why they cannot. *src: the route's preferred address, if it has one. */
static int out_iface(const struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint8_t via, const struct ip6_addr **src)
{
	const struct net_route *r;
	uint8_t iface;

	*src = NULL;
	via &= NET_VIA_DEV;
	if (unlikely(via != 0)) {
		if (scope_id != 0 && scope_id != via && (ip6_addr_is_linklocal(dst) || ip6_addr_is_multicast(dst))) /* I13 */
			return -EINVAL;
		scope_id = via;
	}
	if (ip6_addr_is_linklocal(dst) || ip6_addr_scope(dst) <= 2) {
		if (scope_id == 0)
			return -EINVAL;
		return scope_id <= n->n_ifaces && n->iface[scope_id - 1].ip6 ? (int)scope_id - 1 : -ENETUNREACH;
	}
	if (ip6_addr_is_multicast(dst) && scope_id != 0)
		return scope_id <= n->n_ifaces && n->iface[scope_id - 1].ip6 ? (int)scope_id - 1 : -ENETUNREACH;
	if (ip6_addr_is_none(dst) || ip6_addr_is_mapped(dst))
		return -ENETUNREACH;
	if (unlikely(via != 0) && route_via(n, via, dst, &iface, &r) != 0)
		return -ENETUNREACH;
	if (likely(via == 0))
		r = net_route_lookup(n, NET_IFACE_ANY, dst);
	if (net_route_error(r) != 0)
		return net_route_error(r);
	if (!ip6_addr_is_none(&r->src))
		*src = &r->src;
	return r->iface;
}

int net_unreachable6_via(const struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint8_t via)
{
	rte_be32_t self = net_local6(n, dst, scope_id);
	const struct ip6_addr *src;
	int iface;

	if (self != 0)
		return net_via_takes(via, net_local6_iface(n, self)) ? 0 : -ENETUNREACH;
	iface = out_iface(n, dst, scope_id, via, &src);
	return iface < 0 ? iface : 0;
}

/* Rule 6, reduced to the one distinction that matters within native IPv6: unique local addresses talk to such (fc00::/7). */
static bool is_ula(const struct ip6_addr *a) { return (a->b[0] & 0xfe) == 0xfc; }

/* The greater the better; rules 2, 3, 5, 6 and 8 in this order. 0: not usable. */
static uint32_t rank(const struct net *n, const struct net_addr6 *a, const struct ip6_addr *dst, int iface)
{
	const struct ip6_addr *src = net_addr6_at(n, a->addr_be);
	uint8_t src_scope = ip6_addr_scope(src), dst_scope = ip6_addr_scope(dst);
	uint32_t r = RTE_MIN(ip6_addr_common(src, dst), a->prefix_len);

	if (a->state != ADDR6_PREFERRED && a->state != ADDR6_DEPRECATED)
		return 0;
	if (src_scope == 2 && a->iface != iface)
		return 0; /* of another link */
	r |= (uint32_t)(is_ula(src) == is_ula(dst)) << 8 | (uint32_t)(a->iface == iface) << 9;
	r |= (uint32_t)(a->state == ADDR6_PREFERRED) << 10;
	/* Of scopes that reach dst's the smallest, then of the others the largest. */
	return r | (src_scope >= dst_scope ? 32u - src_scope : src_scope) << 11;
}

static uint32_t sources_find(struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint8_t via)
{
	struct net6 *v6 = n->net6;
	rte_be32_t self = net_local6(n, dst, scope_id);
	uint32_t best = 0, count = 0;
	const struct ip6_addr *src;
	int iface;

	if (self != 0) { /* rule 1 */
		v6->source_be[0] = self;
		return net_via_takes(via, net_local6_iface(n, self));
	}
	iface = out_iface(n, dst, scope_id, via, &src);
	if (iface < 0)
		return 0;
	v6->source_be[0] = src != NULL ? net_local6(n, src, (uint32_t)iface + 1) : 0;
	if (v6->source_be[0] != 0)
		return 1;
	for (uint32_t i = 0; i < v6->n_addrs; i++) {
		uint32_t r = rank(n, &v6->addr[i], dst, iface);

		if (r == 0 || r < best)
			continue;
		if (r > best)
			count = 0;
		best = r;
		v6->source_be[count++] = v6->addr[i].addr_be;
	}
	return count;
}

const rte_be32_t *net_sources6_via(struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint8_t via, uint32_t *count)
{
	struct net6 *v6 = n->net6;

	if (v6->last.gen != n->route_gen || v6->last.tick != n->clock->tick || v6->last.scope != scope_id ||
	    v6->last.via != via || !ip6_addr_eq(&v6->last.dst, dst)) {
		v6->last.count = sources_find(n, dst, scope_id, via);
		v6->last.via = via;
		v6->last.dst = *dst;
		v6->last.scope = scope_id;
		v6->last.gen = n->route_gen;
		v6->last.tick = n->clock->tick;
	}
	*count = v6->last.count;
	return v6->last.count != 0 ? v6->source_be : NULL;
}

int net_gw6_add_on(struct net *n, uint8_t iface, const struct ip6_addr *gw)
{
	const struct net_route r = {.type = ROUTE_GATEWAY, .iface = iface, .gw = *gw};

	return net_route_add(n, &r);
}

int net_gw6_remove(struct net *n, uint8_t iface, const struct ip6_addr *gw)
{
	const struct net_route r = {.type = ROUTE_GATEWAY, .iface = iface, .gw = *gw};

	return net_route_remove(n, &r);
}
