/* path.c: paths: which neighbour they lead over, and the headers that every packet on them starts with. */
#include <errno.h>
#include <string.h>

#include "net/group.h"
#include "net/neigh.h"
#include "net/net6.h"
#include "net/route.h"

/* The headers of packets that leave by iface. */
static void path_template(const struct net *n, struct path *p, uint8_t iface)
{
	const struct net_iface *ifc = &n->iface[iface];
	uint8_t *ip = p->hdr + PATH_L2_MAX, *l2 = ip - ifc->l2_len;
	bool ip6 = flow_addr_is6(p->raddr_be);
	uint16_t type = ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;

	p->iface = iface;
	p->port = ifc->port;
	p->l2_len = ifc->l2_len;
	p->vlan_tci = 0;
	if (ifc->l2_len != ETH_HDR_LEN) {
		eth_emit_vlan(l2, &ifc->mac, &ifc->mac, ifc->vlan_id, type);
	} else {
		eth_emit(l2, &ifc->mac, &ifc->mac, type);
		p->vlan_tci = ifc->vlan_id;
	}
	p->l3_len = ip6 ? IP6_HDR_LEN : IP4_HDR_LEN;
	if (ip6) {
		p->hop_limit = n->net6->iface[iface].hops;
		ip6_emit(ip, net_addr6_at(n, p->laddr_be), net_addr6_at(n, p->raddr_be), 0, 0, p->hop_limit);
		return;
	}
	ip4_emit(ip, p->laddr_be, p->raddr_be, 0, 0, 0, 0, NET_TTL);
	memset(ip + 10, 0, 2); /* the checksum is made when the packet is complete */
}

/* The interface of an address of ours, of either family. */
static uint8_t own_iface(const struct net *n, rte_be32_t addr_be)
{
	return flow_addr_is6(addr_be) ? net_local6_iface(n, addr_be) : net_local_iface(n, addr_be);
}

/* Makes it a path that comes back to us, over no neighbour: never resolved. Packets come as if by the interface of the address
 * that they are for, as on Linux. */
static void path_to_self(struct net *n, struct path *p)
{
	path_template(n, p, NET_IFACE_LO);
	p->iface = own_iface(n, p->raddr_be);
	p->pmtu = LOOP_MTU;
}

/* Makes it a path on which everything is lost: from ::1, which no link may see (RFC 4291 2.5.3), to somebody else, or by a device
 * that does not lead there. */
static void path_to_nowhere(struct net *n, struct path *p)
{
	path_template(n, p, NET_IFACE_LO);
	p->pmtu = LOOP_MTU;
	p->nowhere = true;
}

/* Where packets go first, and how long they may be there. */
struct hop {
	uint32_t neigh;
	uint8_t iface;
	uint16_t mtu;
	bool nowhere;
};

/* The MTU of a link for a family: routers may say less of IPv6 (RFC 4861 6.3.4). */
static uint16_t iface_mtu(const struct net *n, uint8_t iface, bool ip6)
{
	uint16_t said = ip6 ? n->net6->iface[iface].mtu : 0;

	return said != 0 ? said : n->iface[iface].mtu;
}

/* Makes it a path to all of a link, or those of a group there: over no neighbour, to an address that follows from the group. */
static void path_to_all(struct net *n, struct path *p)
{
	const struct ip6_addr group = net_addr_whole(n, p->raddr_be);
	struct rte_ether_addr mac = group_mac(&group);
	bool ip6 = flow_addr_is6(p->raddr_be);
	uint8_t iface = ip6 ? (uint8_t)(addr6_at(&n->flow->addr6s, p->raddr_be)->scope - 1) :
			p->via & NET_VIA_DEV ? net_via_iface(p->via) : net_local_iface(n, p->laddr_be);

	if (iface == NET_IFACE_LO || p->raddr_be == NET_LOOPBACK_BROADCAST_BE) {
		path_to_self(n, p);
		return;
	}
	path_template(n, p, iface);
	if (!ip6 && net_is_broadcast(n, p->raddr_be))
		memset(&mac, 0xff, sizeof(mac));
	memcpy(p->hdr + PATH_L2_MAX - p->l2_len, &mac, sizeof(mac));
	p->pmtu = iface_mtu(n, p->iface, ip6);
	p->resolved = true;
}

static uint16_t route_mtu(const struct net *n, const struct net_route *r, bool ip6)
{
	uint16_t mtu = iface_mtu(n, r->iface, ip6);

	return r->mtu != 0 ? RTE_MIN(r->mtu, mtu) : mtu;
}

static const struct net_route *route_of(const struct net *n, const struct path *p)
{
	if (flow_addr_is6(p->raddr_be))
		return net_route_lookup(n, net_local6_iface(n, p->laddr_be), net_addr6_at(n, p->raddr_be));
	return route_find_from(n, net_local_iface(n, p->laddr_be), p->raddr_be);
}

/* A link-local address is where its scope says. */
static int hop_onlink6(struct net *n, const struct path *p, uint32_t scope, struct hop *h)
{
	if (scope > n->n_ifaces || !n->iface[scope - 1].ip6 || n->iface[scope - 1].off)
		return -ENETUNREACH;
	h->iface = (uint8_t)(scope - 1);
	h->mtu = iface_mtu(n, h->iface, true);
	h->neigh = neigh_get(n, h->iface, p->raddr_be);
	return h->neigh != 0 ? 0 : -ENOBUFS;
}

/* The same where the way is restricted. The device is a scope, too. */
static int hop_find_via(struct net *n, const struct path *p, uint32_t scope, struct hop *h)
{
	const struct ip6_addr dst = net_addr_whole(n, p->raddr_be);
	bool ip6 = flow_addr_is6(p->raddr_be), loopback = net_is_loopback4(p->laddr_be) || p->laddr_be == n->loopback6_be;
	const struct net_route *r = NULL;
	int rc;

	if (net_is_local(n, p->raddr_be)) { /* by another device */
		h->nowhere = true;
		return ip6 ? -ENETUNREACH : 0;
	}
	if (scope != 0 && !loopback)
		return net_via_takes(p->via, (uint8_t)(scope - 1)) ? hop_onlink6(n, p, scope, h) : -EINVAL;
	rc = route_via(n, ip6 ? p->via & NET_VIA_DEV : p->via, &dst, &h->iface, &r);
	if (rc != 0)
		return rc;
	h->nowhere = h->iface == NET_IFACE_LO || (ip6 && loopback);
	if (h->nowhere)
		return 0;
	if (loopback)
		return -EINVAL;
	h->mtu = r != NULL ? route_mtu(n, r, ip6) : iface_mtu(n, h->iface, ip6);
	if (r != NULL && r->type == ROUTE_GATEWAY)
		h->neigh = neigh_get_whole(n, h->iface, &r->gw);
	else
		h->neigh = neigh_get(n, h->iface, p->raddr_be);
	return h->neigh != 0 ? 0 : -ENOBUFS;
}

static int hop_find(struct net *n, const struct path *p, struct hop *h)
{
	bool ip6 = flow_addr_is6(p->raddr_be);
	uint32_t scope = ip6 ? addr6_at(&n->flow->addr6s, p->raddr_be)->scope : 0;
	const struct net_route *r;

	if (unlikely((ip6 ? p->via & NET_VIA_DEV : p->via) != 0))
		return hop_find_via(n, p, scope, h);
	if (scope != 0 && p->laddr_be != n->loopback6_be)
		return hop_onlink6(n, p, scope, h);
	r = route_of(n, p);
	if (net_route_error(r) != 0)
		return net_route_error(r);
	h->nowhere = p->laddr_be == n->loopback6_be;
	if (h->nowhere)
		return 0;
	if (net_is_loopback4(p->laddr_be)) /* G8 */
		return -EINVAL;
	h->iface = r->iface;
	h->mtu = route_mtu(n, r, ip6);
	h->neigh = r->type == ROUTE_GATEWAY ? neigh_get_whole(n, r->iface, &r->gw) : neigh_get(n, r->iface, p->raddr_be);
	return h->neigh != 0 ? 0 : -ENOBUFS;
}

/* To ourselves, by a device that it may take. */
static bool is_to_self(const struct net *n, const struct path *p)
{
	return net_is_local(n, p->raddr_be) && net_via_takes(p->via, own_iface(n, p->raddr_be));
}

/* Finds the next hop of a path that has none. */
static int path_fill(struct net *n, uint32_t idx)
{
	struct path *p = path_at(&n->paths, idx);
	struct hop h = {0};
	int rc;

	p->route_gen = n->route_gen;
	p->pmtu_tick = n->clock->tick;
	if (is_to_self(n, p)) {
		path_to_self(n, p);
		return 0;
	}
	if (net_is_group(n, p->raddr_be)) {
		path_to_all(n, p);
		return 0;
	}
	rc = hop_find(n, p, &h);
	if (rc != 0)
		return rc;
	if (h.nowhere) {
		path_to_nowhere(n, p);
		return 0;
	}
	path_template(n, p, h.iface);
	p->pmtu = h.mtu;
	p->pmtu_failed = 0;
	neigh_attach(n, h.neigh, idx);
	return 0;
}

/* Addresses or routes have changed since the path was led: does it still lead there? Those that use it move with it. When
 * there is no way any more they go on over the old one, and new flows are refused. */
static int path_reroute(struct net *n, uint32_t idx)
{
	struct path *p = path_at(&n->paths, idx);
	struct hop h = {.iface = p->iface};
	int rc;

	if (net_is_group(n, p->raddr_be)) { /* it follows from its address alone */
		p->route_gen = n->route_gen;
		return 0;
	}
	rc = is_to_self(n, p) ? 0 : hop_find(n, p, &h);
	if (rc != 0)
		return rc;
	p->route_gen = n->route_gen;
	if (h.neigh == p->neigh && h.nowhere == p->nowhere)
		return 0;
	if (p->neigh != 0)
		neigh_detach(n, idx);
	p->neigh = p->neigh_prev = p->neigh_next = 0;
	p->resolved = p->nowhere = false;
	return path_fill(n, idx);
}

void path_lead_anew(struct net *n, struct path *p)
{
	path_reroute(n, pool_index(&n->paths.pool, p));
}

/* What was learned of the path's MTU is too old: it may have grown. */
static void path_pmtu_forget(const struct net *n, struct path *p)
{
	const struct net_route *r = route_of(n, p);
	bool ip6 = flow_addr_is6(p->raddr_be);

	p->pmtu_failed = 0;
	p->pmtu = p->neigh != 0 && net_route_error(r) == 0 ? route_mtu(n, r, ip6) : iface_mtu(n, p->iface, ip6);
	p->pmtu_tick = n->clock->tick;
}

uint32_t net_path_get_via(struct net *n, rte_be32_t laddr_be, rte_be32_t raddr_be, uint8_t via, int *err)
{
	bool fresh;
	uint32_t idx = path_get(&n->paths, laddr_be, raddr_be, via, &fresh);
	struct path *p;

	if (unlikely(idx == 0)) {
		*err = -ENOBUFS;
		return 0;
	}
	*err = 0;
	if (fresh) {
		addr6_hold(&n->flow->addr6s, laddr_be);
		addr6_hold(&n->flow->addr6s, raddr_be);
		*err = path_fill(n, idx);
		if (*err == 0)
			return idx;
		net_path_put(n, idx);
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
	rte_be32_t laddr_be = p->laddr_be, raddr_be = p->raddr_be;

	if (p->refs == 1 && p->neigh != 0)
		neigh_detach(n, path);
	if (!path_put(&n->paths, path) || likely(!flow_addr_is6(raddr_be)))
		return;
	addr6_put(&n->flow->addr6s, laddr_be);
	addr6_put(&n->flow->addr6s, raddr_be);
}

/* A group is always one on some link: that of our address, unless another is named. */
static uint32_t scope6_wanted(const struct net *n, rte_be32_t laddr_be, const struct ip6_addr *raddr, uint32_t scope_id)
{
	if (ip6_addr_is_multicast(raddr) && scope_id == 0)
		return net_local6_iface(n, laddr_be) + 1u;
	return ip6_addr_is_multicast(raddr) || ip6_addr_is_linklocal(raddr) ? scope_id : 0;
}

uint32_t net_path6_get_via(struct net *n, rte_be32_t laddr_be, const struct ip6_addr *raddr, uint32_t scope_id, uint8_t via,
			   int *err)
{
	uint32_t scope, path;
	rte_be32_t raddr_be;

	if (scope_id == 0)
		scope_id = via & NET_VIA_DEV;
	scope = scope6_wanted(n, laddr_be, raddr, scope_id);
	if (ip6_addr_scope(raddr) <= 2 && scope_id == 0 && !ip6_addr_is_loopback(raddr)) {
		*err = -EINVAL;
		return 0;
	}
	if (scope > n->n_ifaces) {
		*err = -ENETUNREACH;
		return 0;
	}
	raddr_be = addr6_get(&n->flow->addr6s, raddr, scope);
	if (raddr_be == 0) {
		*err = -ENOBUFS;
		return 0;
	}
	path = net_path_get_via(n, laddr_be, raddr_be, via, err);
	addr6_put(&n->flow->addr6s, raddr_be); /* the path holds it */
	return path;
}

void net_pmtu_lower(struct net *n, uint32_t path, uint16_t mtu)
{
	struct path *p = path_at(&n->paths, path);

	if (mtu < PMTU_MIN)
		mtu = PMTU_MIN;
	if (p->l3_len == IP6_HDR_LEN && mtu < IP6_MTU_MIN)
		return; /* a lie: every link takes 1280 (RFC 8201 4), and fragments below that are no longer made (RFC 8021) */
	if (mtu >= p->pmtu)
		return;
	p->pmtu = mtu;
	p->pmtu_failed = 0;
	p->pmtu_tick = n->clock->tick;
}

void net_pmtu_raise(struct net *n, uint32_t path, uint16_t mtu)
{
	struct path *p = path_at(&n->paths, path);

	if (mtu > p->pmtu && mtu < p->pmtu_failed)
		p->pmtu = mtu;
}
