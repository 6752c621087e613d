/* path.c: paths: which neighbour they lead over, and the headers that every packet on them starts with. */
#include <errno.h>
#include <string.h>

#include "net/neigh.h"
#include "net/private.h"

static void path_template(const struct net *n, struct path *p)
{
	uint8_t *ip = p->hdr + ETH_HDR_LEN;

	p->l2_len = ETH_HDR_LEN;
	eth_emit(p->hdr, &n->tx->port->mac, &n->tx->port->mac, RTE_ETHER_TYPE_IPV4);
	ip4_emit(ip, p->laddr_be, p->raddr_be, 0, 0, 0, 0, NET_TTL);
	memset(ip + 10, 0, 2); /* the checksum is made when the packet is complete */
}

/* Finds the next hop of a new path. One to ourselves has no neighbour (0) and is never resolved. */
static int path_fill(struct net *n, uint32_t idx)
{
	struct path *p = path_at(&n->paths, idx);
	const struct net_route *r;
	uint32_t neigh;

	path_template(n, p);
	p->pmtu = n->tx->port->mtu;
	p->pmtu_tick = n->clock->tick;
	if (net_is_local(n, p->raddr_be))
		return 0;
	r = net_route_find(n, p->raddr_be);
	if (r == NULL)
		return -ENETUNREACH;
	neigh = neigh_get(n, r->type == ROUTE_GATEWAY ? r->gw_be : p->raddr_be);
	if (neigh == 0)
		return -ENOBUFS;
	neigh_attach(n, neigh, idx);
	return 0;
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
	if (unlikely(p->pmtu < n->tx->port->mtu) && n->clock->tick - p->pmtu_tick >= ticks_from_ms(PMTU_AGE_MS))
		p->pmtu = n->tx->port->mtu;
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
