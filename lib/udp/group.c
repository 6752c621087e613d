/* group.c: multicast and broadcast: memberships of sockets, and datagrams that many of them get. */
#include <errno.h>
#include <string.h>

#include "net/group.h"
#include "udp/private.h"
#include "udp/queue.h"

/* One membership of a socket. */
struct udp_group {
	uint32_t next;
	uint8_t iface, mode, n_src;
	struct ip6_addr addr;
	struct ip6_addr src[GROUP_SOURCES_MAX];
};

int udp_groups_init(struct udp *u, int numa_node)
{
	return pool_init(&u->groups, GROUP_MEMBERS_MAX, sizeof(struct udp_group), numa_node);
}

static struct udp_group *group_at(const struct udp *u, uint32_t idx) { return pool_at(&u->groups, idx); }

/* ---- memberships ---- */

/* What points to p's membership, or to the 0 at the end. */
static uint32_t *group_link(const struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *addr)
{
	uint32_t *link = &p->member;

	while (*link != 0 && !((iface == NET_IFACE_ANY || group_at(u, *link)->iface == iface) &&
			       ip6_addr_eq(&group_at(u, *link)->addr, addr)))
		link = &group_at(u, *link)->next;
	return link;
}

static bool is_group(const struct ip6_addr *a)
{
	return ip6_addr_is_mapped(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

/* The interface that a route leads to the group by. */
static int iface_for(const struct udp *u, uint8_t iface, const struct ip6_addr *addr)
{
	rte_be32_t from_be;
	int err;

	if (iface != NET_IFACE_ANY || !ip6_addr_is_mapped(addr))
		return iface != NET_IFACE_ANY ? iface : 0;
	from_be = net_source_to_group(u->net, NET_IFACE_ANY, ip6_addr_ip4(addr), &err);
	return from_be != 0 ? udp_iface(u, from_be, 0) : -ENODEV;
}

int udp_iface(const struct udp *u, rte_be32_t addr_be, int ifindex)
{
	const struct net *n = u->net;

	if (ifindex != 0)
		return ifindex > 0 && (uint32_t)ifindex <= n->n_ifaces ? ifindex - 1 : -1;
	if (addr_be == 0)
		return NET_IFACE_ANY;
	for (uint32_t i = 0; i < n->n_addrs; i++)
		if (n->addr[i].addr_be == addr_be)
			return n->addr[i].iface;
	return -1;
}

static int tell(struct udp *u, const struct udp_pcb *p, const struct udp_group *g)
{
	return net_group_set(u->net, g->iface, &g->addr, udp_ref(u, p), (enum group_mode)g->mode, g->src, g->n_src);
}

static uint32_t count(const struct udp *u, const struct udp_pcb *p)
{
	uint32_t n = 0;

	for (uint32_t i = p->member; i != 0; i = group_at(u, i)->next)
		n++;
	return n;
}

/* A membership with this first source (NULL: all sources). */
static int group_new(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *addr, const struct ip6_addr *src)
{
	uint32_t idx = count(u, p) < UDP_MEMBERS_MAX ? pool_get(&u->groups) : 0;
	struct udp_group *g;
	int rc;

	if (idx == 0)
		return -ENOBUFS;
	g = group_at(u, idx);
	*g = (struct udp_group){.next = p->member, .iface = iface, .mode = src != NULL ? GROUP_INCLUDE : GROUP_EXCLUDE, .addr = *addr,
				.n_src = src != NULL};
	if (src != NULL)
		g->src[0] = *src;
	rc = tell(u, p, g);
	if (rc < 0)
		pool_put(&u->groups, idx);
	else
		p->member = idx;
	return rc;
}

int udp_group_join(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *addr)
{
	int on = iface_for(u, iface, addr);

	if (!is_group(addr))
		return -EINVAL;
	if (on < 0)
		return on;
	if (*group_link(u, p, (uint8_t)on, addr) != 0)
		return -EADDRINUSE;
	return group_new(u, p, (uint8_t)on, addr, NULL);
}

static void group_drop(struct udp *u, const struct udp_pcb *p, uint32_t *link)
{
	uint32_t idx = *link;
	const struct udp_group *g = group_at(u, idx);

	net_group_leave(u->net, g->iface, &g->addr, udp_ref(u, p));
	*link = g->next;
	pool_put(&u->groups, idx);
}

int udp_group_leave(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *addr)
{
	uint32_t *link = group_link(u, p, iface, addr);

	if (!is_group(addr))
		return -EINVAL;
	if (*link == 0)
		return -EADDRNOTAVAIL;
	group_drop(u, p, link);
	return 0;
}

void udp_groups_leave_all(struct udp *u, struct udp_pcb *p)
{
	while (p->member != 0)
		group_drop(u, p, &p->member);
}

/* ---- sources (RFC 3678 section 4) ---- */

static uint32_t source_index(const struct udp_group *g, const struct ip6_addr *src)
{
	uint32_t i = 0;

	while (i < g->n_src && !ip6_addr_eq(&g->src[i], src))
		i++;
	return i;
}

/* On failure it is as before. */
static int source_change(struct udp *u, const struct udp_pcb *p, struct udp_group *g, const struct ip6_addr *src, bool add)
{
	const struct udp_group before = *g;
	uint32_t i = source_index(g, src);
	int rc;

	if ((i < g->n_src) == add)
		return -EADDRNOTAVAIL; /* Linux: there already, or not there */
	if (add && g->n_src == GROUP_SOURCES_MAX)
		return -ENOBUFS;
	if (add)
		g->src[g->n_src++] = *src;
	else
		g->src[i] = g->src[--g->n_src];
	rc = tell(u, p, g);
	if (rc < 0)
		*g = before;
	return rc;
}

int udp_group_source(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *addr, const struct ip6_addr *src,
		     bool block, bool add)
{
	int on = iface_for(u, iface, addr);
	uint32_t *link;
	struct udp_group *g;

	if (!is_group(addr))
		return -EINVAL;
	if (on < 0)
		return on;
	link = group_link(u, p, (uint8_t)on, addr);
	if (*link == 0)
		return block ? -EINVAL : add ? group_new(u, p, (uint8_t)on, addr, src) : -EINVAL;
	g = group_at(u, *link);
	if ((g->mode == GROUP_EXCLUDE) != block)
		return -EINVAL;
	if (!block && !add && g->n_src == 1 && source_index(g, src) == 0) {
		group_drop(u, p, link);
		return 0;
	}
	return source_change(u, p, g, src, add);
}

/* ---- datagrams ---- */

static bool wanted(const struct udp *u, const struct udp_pcb *p, const struct net_pkt *pkt)
{
	const struct ip6_addr group = pkt->ip6 ? *net_pkt_laddr6(pkt) : ip6_addr_mapped(pkt->key.laddr_be);
	const struct ip6_addr src = pkt->ip6 ? *net_pkt_raddr6(pkt) : ip6_addr_mapped(pkt->key.raddr_be);
	int allows;

	if (!pkt->ip6 && (rte_be_to_cpu_32(pkt->key.laddr_be) >> 28) != 0xe)
		return true;
	allows = net_group_allows(u->net, pkt->iface, &group, udp_ref(u, p), &src);
	return allows < 0 ? p->opts & UDP_OPT_MC_ALL : allows > 0;
}

void udp_group_stacks(const struct udp *u, const struct net_pkt *pkt, uint64_t set[PORT_QUEUES_MAX / 64])
{
	uint32_t cursor = 0;
	flow_ref r;

	while ((r = bind_each(&u->binds, pkt->iface, pkt->key.laddr_be, pkt->key.lport_be, &cursor)) != 0)
		if (ref_kind(r) == FLOW_REMOTE)
			set[ref_index(r) / 64] |= 1ull << ref_index(r) % 64;
}

/* Each has a copy but the last, who has the packet itself. Nobody there is no error to tell (RFC 1122 3.2.2). */
void udp_input_group(struct udp *u, struct net_pkt *pkt)
{
	struct udp_pcb *last = NULL;
	uint32_t cursor = 0;
	flow_ref r;

	if (!udp_trim(pkt, pkt->m)) {
		drop_count(u->drops, DROP_UDP_BAD);
		rte_pktmbuf_free(pkt->m);
		return;
	}
	while ((r = bind_each(&u->binds, pkt->iface, pkt->key.laddr_be, pkt->key.lport_be, &cursor)) != 0) {
		struct udp_pcb *p = ref_kind(r) == FLOW_CONN ? (struct udp_pcb *)conn_at(u->flow, r) : NULL;
		struct rte_mbuf *copy;

		if (p == NULL || !wanted(u, p, pkt))
			continue;
		copy = last != NULL ? rte_pktmbuf_copy(pkt->m, u->net->tx->pool, 0, UINT32_MAX) : NULL;
		if (copy != NULL)
			udp_deliver(u, last, pkt, copy);
		else if (last != NULL)
			drop_count(u->drops, DROP_NO_MBUF);
		last = p;
	}
	if (last != NULL) {
		udp_deliver(u, last, pkt, pkt->m);
		return;
	}
	drop_count(u->drops, DROP_UDP_NO_SOCKET);
	rte_pktmbuf_free(pkt->m);
}
