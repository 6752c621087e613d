/* route.c: where a destination is, and from which of our addresses it is reached. */
#include "net/route.h"

#include <errno.h>
#include <string.h>

#include "net/private.h"

#define NET_THIS 0u      /* 0.0.0.0/8 and 127.0.0.0/8 never appear on a link (RFC 1122 3.2.1.3) */
#define NET_LOOPBACK 127u
#define CLASS_D 224u     /* multicast and everything above has no single neighbour */

/* Makes room behind the routes with at least as long a prefix. NULL: full. */
static struct net_route *route_insert(struct net *n, uint32_t prefix, uint8_t prefix_len, enum route_type type)
{
	uint32_t i = n->n_routes;

	if (n->n_routes == NET_ROUTES_MAX)
		return NULL;
	for (; i > 0 && n->route[i - 1].prefix_len < prefix_len; i--)
		n->route[i] = n->route[i - 1];
	n->route[i] = (struct net_route){.prefix = prefix, .prefix_len = prefix_len, .type = (uint8_t)type};
	n->n_routes++;
	return &n->route[i];
}

int route_onlink_add(struct net *n, uint32_t addr, uint8_t prefix_len)
{
	uint32_t prefix = addr & prefix_mask(prefix_len);
	struct net_route *r;
	uint16_t at;

	for (uint32_t i = 0; i < n->n_routes; i++) {
		r = &n->route[i];
		if (r->type != ROUTE_ONLINK || r->prefix != prefix || r->prefix_len != prefix_len)
			continue;
		at = r->src_first + r->src_count++;
		for (uint32_t k = 0; k < n->n_routes; k++)
			n->route[k].src_first += k != i && n->route[k].src_first >= at;
		return at;
	}
	r = route_insert(n, prefix, prefix_len, ROUTE_ONLINK);
	if (r == NULL)
		return -ENOSPC;
	r->src_first = (uint16_t)n->n_addrs;
	r->src_count = 1;
	return r->src_first;
}

static bool route_covers(const struct net_route *r, uint32_t addr)
{
	return (addr & prefix_mask(r->prefix_len)) == r->prefix;
}

const struct net_route *route_onlink_find(const struct net *n, rte_be32_t raddr_be)
{
	for (uint32_t i = 0; i < n->n_routes; i++)
		if (n->route[i].type == ROUTE_ONLINK && route_covers(&n->route[i], rte_be_to_cpu_32(raddr_be)))
			return &n->route[i];
	return NULL;
}

int net_gw_add(struct net *n, rte_be32_t gw_be)
{
	struct net_route *r;

	if (route_onlink_find(n, gw_be) == NULL || net_local_find(n, gw_be) != LOCAL_NONE)
		return -ENETUNREACH;
	r = route_insert(n, 0, 0, ROUTE_GATEWAY);
	if (r == NULL)
		return -ENOSPC;
	r->gw_be = gw_be;
	return 0;
}

const struct net_route *net_route_find(const struct net *n, rte_be32_t raddr_be)
{
	uint32_t raddr = rte_be_to_cpu_32(raddr_be), net8 = raddr >> 24;

	if (net8 == NET_THIS || net8 == NET_LOOPBACK || net8 >= CLASS_D ||
	    net_local_find(n, raddr_be) == LOCAL_BROADCAST)
		return NULL;
	for (uint32_t i = 0; i < n->n_routes; i++)
		if (route_covers(&n->route[i], raddr))
			return &n->route[i];
	return NULL;
}

const rte_be32_t *net_sources(const struct net *n, rte_be32_t raddr_be, uint32_t *count)
{
	const struct net_route *r = net_route_find(n, raddr_be);

	*count = 0;
	if (r == NULL) {
		if (!net_is_local(n, raddr_be))
			return NULL;
		*count = n->n_addrs;
		return n->source_be;
	}
	if (r->type == ROUTE_GATEWAY)
		r = route_onlink_find(n, r->gw_be);
	*count = r->src_count;
	return &n->source_be[r->src_first];
}
