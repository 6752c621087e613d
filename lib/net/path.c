/* path.c: paths: which neighbour they lead over, and the headers that every packet on them starts with. */
#include <errno.h>
#include <string.h>

#include "net/group.h"
#include "net/neigh.h"
#include "net/private.h"
#include "net/route.h"

/* The headers of packets that leave by iface. */
static void path_template(const struct net *n, struct path *p, uint8_t iface)
{
	const struct net_iface *ifc = &n->iface[iface];
	uint8_t *ip = p->hdr + PATH_L2_MAX, *l2 = ip - ifc->l2_len;

	p->iface = iface;
	p->port = ifc->port;
	p->l2_len = ifc->l2_len;
	p->vlan_tci = 0;
	if (ifc->l2_len != ETH_HDR_LEN) {
		eth_emit_vlan(l2, &ifc->mac, &ifc->mac, ifc->vlan_id, RTE_ETHER_TYPE_IPV4);
	} else {
		eth_emit(l2, &ifc->mac, &ifc->mac, RTE_ETHER_TYPE_IPV4);
		p->vlan_tci = ifc->vlan_id;
	}
	ip4_emit(ip, p->laddr_be, p->raddr_be, 0, 0, 0, 0, NET_TTL);
	memset(ip + 10, 0, 2); /* the checksum is made when the packet is complete */
}

/* Makes it a path to ourselves, over no neighbour: never resolved. */
static void path_to_self(struct net *n, struct path *p)
{
	path_template(n, p, 0);
	p->pmtu = n->iface[0].mtu;
}

/* Makes it a path to all of a link, or those of a group there: over no neighbour, to an address that follows from the group. */
static void path_to_all(struct net *n, struct path *p)
{
	const struct ip6_addr group = ip6_addr_mapped(p->raddr_be);
	struct rte_ether_addr mac = group_mac(&group);

	path_template(n, p, net_local_iface(n, p->laddr_be));
	if (net_is_broadcast(n, p->raddr_be))
		memset(&mac, 0xff, sizeof(mac));
	memcpy(p->hdr + PATH_L2_MAX - p->l2_len, &mac, sizeof(mac));
	p->pmtu = n->iface[p->iface].mtu;
	p->resolved = true;
}

static rte_be32_t next_hop(const struct path *p, const struct net_route *r)
{
	return r->type == ROUTE_GATEWAY ? ip6_addr_ip4(&r->gw) : p->raddr_be;
}

static uint16_t route_mtu(const struct net *n, const struct net_route *r)
{
	uint16_t mtu = n->iface[r->iface].mtu;

	return r->mtu != 0 ? RTE_MIN(r->mtu, mtu) : mtu;
}

/* Finds the next hop of a path that has none. */
static int path_fill(struct net *n, uint32_t idx)
{
	struct path *p = path_at(&n->paths, idx);
	const struct net_route *r;
	uint32_t neigh;

	p->route_gen = n->route_gen;
	p->pmtu_tick = n->clock->tick;
	if (net_is_local(n, p->raddr_be)) {
		path_to_self(n, p);
		return 0;
	}
	if (net_is_group(n, p->raddr_be)) {
		path_to_all(n, p);
		return 0;
	}
	r = route_find_from(n, net_local_iface(n, p->laddr_be), p->raddr_be);
	if (net_route_error(r) != 0)
		return net_route_error(r);
	neigh = neigh_get(n, r->iface, next_hop(p, r));
	if (neigh == 0)
		return -ENOBUFS;
	path_template(n, p, r->iface);
	p->pmtu = route_mtu(n, r);
	neigh_attach(n, neigh, idx);
	return 0;
}

/* Addresses or routes have changed since the path was led: does it still lead there? Those that use it move with it. When
 * there is no way any more they go on over the old one, and new flows are refused. */
static int path_reroute(struct net *n, uint32_t idx)
{
	struct path *p = path_at(&n->paths, idx);
	const struct net_route *r = route_find_from(n, net_local_iface(n, p->laddr_be), p->raddr_be);
	bool self = net_is_local(n, p->raddr_be);
	uint32_t neigh = 0;

	if (net_is_group(n, p->raddr_be)) { /* it follows from its address alone */
		p->route_gen = n->route_gen;
		return 0;
	}
	if (!self && net_route_error(r) != 0)
		return net_route_error(r);
	if (!self) {
		neigh = neigh_get(n, r->iface, next_hop(p, r));
		if (neigh == 0)
			return -ENOBUFS;
	}
	p->route_gen = n->route_gen;
	if (neigh == p->neigh)
		return 0;
	if (p->neigh != 0)
		neigh_detach(n, idx);
	p->neigh = p->neigh_prev = p->neigh_next = 0;
	p->resolved = false;
	return path_fill(n, idx);
}

void path_lead_anew(struct net *n, struct path *p)
{
	path_reroute(n, pool_index(&n->paths.pool, p));
}

/* What was learned of the path's MTU is too old: it may have grown. */
static void path_pmtu_forget(const struct net *n, struct path *p)
{
	const struct net_route *r = route_find_from(n, net_local_iface(n, p->laddr_be), p->raddr_be);

	p->pmtu = p->neigh != 0 && net_route_error(r) == 0 ? route_mtu(n, r) : n->iface[p->iface].mtu;
	p->pmtu_tick = n->clock->tick;
}

uint32_t net_path_get(struct net *n, rte_be32_t laddr_be, rte_be32_t raddr_be, int *err)
{
	bool fresh;
	uint32_t idx = path_get(&n->paths, laddr_be, raddr_be, &fresh);
	struct path *p;

	if (unlikely(idx == 0)) {
		*err = -ENOBUFS;
		return 0;
	}
	*err = 0;
	if (fresh) {
		*err = path_fill(n, idx);
		if (*err == 0)
			return idx;
		path_put(&n->paths, idx);
		return 0;
	}
	p = path_at(&n->paths, idx);
	if (unlikely(p->route_gen != n->route_gen)) {
		*err = path_reroute(n, idx);
		if (*err != 0) {
			net_path_put(n, idx);
			return 0;
		}
	}
	if (unlikely(p->pmtu < n->iface[p->iface].mtu) && n->clock->tick - p->pmtu_tick >= ticks_from_ms(PMTU_AGE_MS))
		path_pmtu_forget(n, p);
	return idx;
}

void net_path_put(struct net *n, uint32_t path)
{
	struct path *p = path_at(&n->paths, path);

	if (p->refs == 1 && p->neigh != 0)
		neigh_detach(n, path);
	path_put(&n->paths, path);
}

void net_pmtu_lower(struct net *n, uint32_t path, uint16_t mtu)
{
	struct path *p = path_at(&n->paths, path);

	if (mtu < PMTU_MIN)
		mtu = PMTU_MIN;
	if (mtu >= p->pmtu)
		return;
	p->pmtu = mtu;
	p->pmtu_tick = n->clock->tick;
}
