/* route.c: where a destination is, and from which of our addresses it is reached. */
#include "net/route.h"

#include <errno.h>
#include <string.h>

#include "net/private.h"

#define NET_THIS 0u      /* 0.0.0.0/8 and 127.0.0.0/8 never appear on a link (RFC 1122 3.2.1.3) */
#define NET_LOOPBACK 127u
#define CLASS_D 224u     /* multicast and everything above has no single neighbour */

/* Makes room behind the routes with at least as long a prefix. NULL: full. */
static struct net_route *route_insert(struct net *n, uint8_t iface, uint32_t prefix, uint8_t prefix_len, enum route_type type)
{
	uint32_t i = n->n_routes;

	if (n->n_routes == NET_ROUTES_MAX)
		return NULL;
	for (; i > 0 && n->route[i - 1].prefix_len < prefix_len; i--)
		n->route[i] = n->route[i - 1];
	n->route[i] = (struct net_route){.prefix = prefix, .prefix_len = prefix_len, .type = (uint8_t)type, .iface = iface};
	n->n_routes++;
	n->route_gen++;
	return &n->route[i];
}

static void route_remove(struct net *n, struct net_route *r)
{
	n->n_routes--;
	memmove(r, r + 1, (size_t)(&n->route[n->n_routes] - r) * sizeof(*r));
	n->route_gen++;
}

/* The on-link route of exactly this prefix. */
static struct net_route *route_onlink_of(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len)
{
	uint32_t prefix = addr & prefix_mask(prefix_len);

	for (uint32_t i = 0; i < n->n_routes; i++) {
		struct net_route *r = &n->route[i];

		if (r->type == ROUTE_ONLINK && r->prefix == prefix && r->prefix_len == prefix_len && r->iface == iface)
			return r;
	}
	return NULL;
}

int route_onlink_add(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len)
{
	struct net_route *r = route_onlink_of(n, iface, addr, prefix_len);
	uint16_t at;

	if (r != NULL) {
		at = r->src_first + r->src_count++;
		for (uint32_t k = 0; k < n->n_routes; k++)
			n->route[k].src_first += &n->route[k] != r && n->route[k].src_first >= at;
		return at;
	}
	r = route_insert(n, iface, addr & prefix_mask(prefix_len), prefix_len, ROUTE_ONLINK);
	if (r == NULL)
		return -ENOSPC;
	r->src_first = (uint16_t)n->n_addrs;
	r->src_count = 1;
	return r->src_first;
}

uint32_t route_onlink_remove(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len)
{
	struct net_route *r = route_onlink_of(n, iface, addr, prefix_len);
	uint32_t at;

	SPATE_ASSERT(r != NULL && r->src_count > 0);
	at = r->src_first;
	while (n->source_be[at] != rte_cpu_to_be_32(addr))
		at++;
	r->src_count--;
	for (uint32_t k = 0; k < n->n_routes; k++)
		n->route[k].src_first -= n->route[k].src_first > at;
	if (r->src_count == 0)
		route_remove(n, r);
	return at;
}

static bool route_covers(const struct net_route *r, uint32_t addr)
{
	return (addr & prefix_mask(r->prefix_len)) == r->prefix;
}

const struct net_route *route_onlink_find(const struct net *n, uint8_t iface, rte_be32_t raddr_be)
{
	for (uint32_t i = 0; i < n->n_routes; i++) {
		const struct net_route *r = &n->route[i];

		if (r->type == ROUTE_ONLINK && (iface == NET_IFACE_ANY || r->iface == iface) &&
		    route_covers(r, rte_be_to_cpu_32(raddr_be)))
			return r;
	}
	return NULL;
}

static struct net_route *gateway_find(struct net *n, rte_be32_t gw_be)
{
	for (uint32_t i = 0; i < n->n_routes; i++)
		if (n->route[i].type == ROUTE_GATEWAY && n->route[i].gw_be == gw_be)
			return &n->route[i];
	return NULL;
}

int net_gw_add_on(struct net *n, uint8_t iface, rte_be32_t gw_be)
{
	const struct net_route *onlink = route_onlink_find(n, iface, gw_be);
	struct net_route *r;

	if (onlink == NULL || net_local_find(n, gw_be) == LOCAL_OURS || net_local_find(n, gw_be) == LOCAL_BROADCAST)
		return -ENETUNREACH;
	if (gateway_find(n, gw_be) != NULL)
		return -EEXIST;
	r = route_insert(n, onlink->iface, 0, 0, ROUTE_GATEWAY);
	if (r == NULL)
		return -ENOSPC;
	r->gw_be = gw_be;
	return 0;
}

int net_gw_remove(struct net *n, rte_be32_t gw_be)
{
	struct net_route *r = gateway_find(n, gw_be);

	if (r == NULL)
		return -ENOENT;
	route_remove(n, r);
	return 0;
}

void route_gateways_check(struct net *n)
{
	for (uint32_t i = n->n_routes; i > 0; i--) {
		struct net_route *r = &n->route[i - 1];

		if (r->type == ROUTE_GATEWAY && route_onlink_find(n, r->iface, r->gw_be) == NULL)
			route_remove(n, r);
	}
}

const struct net_route *route_find_from(const struct net *n, uint8_t iface, rte_be32_t raddr_be)
{
	const struct net_route *first = net_route_find(n, raddr_be);

	if (first == NULL || first->iface == iface)
		return first;
	for (const struct net_route *r = first; r < &n->route[n->n_routes] && r->prefix_len == first->prefix_len; r++)
		if (r->iface == iface && route_covers(r, rte_be_to_cpu_32(raddr_be)))
			return r;
	return first;
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
		r = route_onlink_find(n, r->iface, r->gw_be);
	*count = r->src_count;
	return &n->source_be[r->src_first];
}
