/* arp.c: ARP packets in and out (RFC 826, RFC 5227). */
#include "wire/arp.h"

#include "base/log.h"
#include "net/mail.h"
#include "net/neigh.h"
#include "net/private.h"

void arp_send(struct net *n, uint8_t iface, uint16_t op, const struct rte_ether_addr *dst, rte_be32_t spa_be,
	      const struct rte_ether_addr *tha, rte_be32_t tpa_be)
{
	const struct net_iface *ifc = &n->iface[iface];
	const struct arp_view a = {.op = op, .sha = ifc->mac, .spa_be = spa_be, .tha = *tha, .tpa_be = tpa_be};
	struct pkt_tx *tx = &n->tx[ifc->port];
	struct rte_mbuf *m = pkt_tx_alloc(tx);
	uint8_t *frame;

	if (m == NULL)
		return;
	frame = (uint8_t *)rte_pktmbuf_append(m, ifc->l2_len + ARP_LEN);
	SPATE_ASSERT(frame != NULL);
	net_l2_emit(ifc, m, dst, RTE_ETHER_TYPE_ARP);
	arp_emit(frame + ifc->l2_len, &a);
	pkt_tx_push(tx, m);
}

/* Somebody claims to be us. Nothing is answered (RFC 5227 2.4 (c)): addresses here are given, not negotiated. */
static void addr_conflict(struct net *n, const struct arp_view *a)
{
	const uint8_t *ip = (const uint8_t *)&a->spa_be;

	for (uint32_t i = 0; i < n->n_addrs; i++)
		if (n->addr[i].addr_be == a->spa_be)
			n->addr[i].conflict = true;
	if (n->addr_conflicts++ == 0)
		LOG_WARN("address conflict: " RTE_ETHER_ADDR_PRT_FMT " uses our address %u.%u.%u.%u",
			 RTE_ETHER_ADDR_BYTES(&a->sha), ip[0], ip[1], ip[2], ip[3]);
}

/* Somebody with an address that is none of ours sends with our hardware address: switches will bring our packets there. */
static void mac_conflict(struct net *n, const struct arp_view *a)
{
	const uint8_t *ip = (const uint8_t *)&a->spa_be;

	if (n->mac_conflicts++ == 0)
		LOG_WARN("hardware address conflict: %u.%u.%u.%u uses our " RTE_ETHER_ADDR_PRT_FMT ", too", ip[0], ip[1], ip[2], ip[3],
			 RTE_ETHER_ADDR_BYTES(&a->sha));
}

bool net_mac_is_ours(const struct net *n, const struct rte_ether_addr *mac)
{
	for (uint16_t i = 0; i < n->n_ports; i++)
		if (rte_is_same_ether_addr(mac, &n->tx[i].port->mac))
			return true;
	return false;
}

/* True when the sender is not simply another station: we, heard by our other port or sent back to us, or a conflict. */
static bool arp_sender_odd(struct net *n, const struct arp_view *a)
{
	enum local_kind kind = net_local_find(n, a->spa_be);

	if (net_mac_is_ours(n, &a->sha)) {
		if (a->spa_be != 0 && kind == LOCAL_NONE)
			mac_conflict(n, a);
		return true;
	}
	if (kind == LOCAL_OURS)
		addr_conflict(n, a);
	return kind == LOCAL_OURS;
}

/* Is it for us to answer? Addresses of other interfaces are not here. One that was ours is defended against nobody: who
 * looks for it by broadcast shall find its new owner; but who talked to us and asks whether we are still there hears us. */
static bool arp_asks_us(const struct net *n, uint8_t iface, const struct arp_view *a, bool unicast)
{
	enum local_kind kind = net_local_find(n, a->tpa_be);

	if (a->op != ARP_REQUEST || (kind != LOCAL_OURS && !(kind == LOCAL_OLD && unicast)))
		return false;
	return kind == LOCAL_OLD || net_local_iface(n, a->tpa_be) == iface;
}

void arp_input(struct net *n, uint8_t iface, struct rte_mbuf *m, const struct eth_view *eth)
{
	bool asks_us, unicast = !rte_is_multicast_ether_addr(&eth->hdr->dst_addr);
	struct arp_view a;

	if (!arp_parse(&a, rte_pktmbuf_mtod_offset(m, const void *, eth->len), m->data_len - eth->len) ||
	    flow_addr_is6(a.spa_be) || flow_addr_is6(a.tpa_be)) { /* 0.x.y.z is nobody's, and a number among ours */
		net_drop(n, m, DROP_ARP_BAD);
		return;
	}
	rte_pktmbuf_free(m);
	if (arp_sender_odd(n, &a))
		return;
	asks_us = arp_asks_us(n, iface, &a, unicast);
	if (a.spa_be != 0) /* 0: a probe for an address that the sender would like to use (RFC 5227 2.1.1) */
		neigh_learn(n, iface, a.spa_be, &a.sha, asks_us);
	/* What was meant for us, or for everybody. */
	if (a.spa_be != 0 && (net_is_local(n, a.tpa_be) || a.spa_be == a.tpa_be)) {
		const struct ip6_addr spa = ip6_addr_mapped(a.spa_be);
		const struct neigh_news news = {.mac = &a.sha, .create = asks_us};

		net_tell_neigh(n, iface, &spa, &news);
	}
	if (asks_us)
		arp_send(n, iface, ARP_REPLY, &a.sha, a.tpa_be, &a.sha, a.spa_be);
}
