/* arp.c: ARP packets in and out (RFC 826, RFC 5227). */
#include "wire/arp.h"

#include "base/log.h"
#include "net/mail.h"
#include "net/neigh.h"
#include "net/private.h"

void arp_send(struct net *n, uint16_t op, const struct rte_ether_addr *dst, rte_be32_t spa_be,
	      const struct rte_ether_addr *tha, rte_be32_t tpa_be)
{
	const struct arp_view a = {.op = op, .sha = n->tx->port->mac, .spa_be = spa_be, .tha = *tha, .tpa_be = tpa_be};
	struct rte_mbuf *m = pkt_tx_alloc(n->tx);
	uint8_t *frame;

	if (m == NULL)
		return;
	frame = (uint8_t *)rte_pktmbuf_append(m, ETH_HDR_LEN + ARP_LEN);
	SPATE_ASSERT(frame != NULL);
	eth_emit(frame, dst, &n->tx->port->mac, RTE_ETHER_TYPE_ARP);
	arp_emit(frame + ETH_HDR_LEN, &a);
	pkt_tx_push(n->tx, m);
}

/* Somebody claims to be us. Nothing is answered (RFC 5227 2.4 (c)): addresses here are given, not negotiated. */
static void arp_conflict(struct net *n, const struct arp_view *a)
{
	const uint8_t *ip = (const uint8_t *)&a->spa_be;

	if (n->addr_conflicts++ == 0)
		LOG_WARN("address conflict: " RTE_ETHER_ADDR_PRT_FMT " uses our address %u.%u.%u.%u",
			 RTE_ETHER_ADDR_BYTES(&a->sha), ip[0], ip[1], ip[2], ip[3]);
}

void arp_input(struct net *n, struct rte_mbuf *m, const struct eth_view *eth)
{
	struct arp_view a;
	bool asks_us;

	if (!arp_parse(&a, rte_pktmbuf_mtod_offset(m, const void *, eth->len), m->data_len - eth->len)) {
		net_drop(n, m, DROP_ARP_BAD);
		return;
	}
	rte_pktmbuf_free(m);
	if (rte_is_same_ether_addr(&a.sha, &n->tx->port->mac))
		return; /* our own, sent back to us */
	if (net_is_local(n, a.spa_be)) {
		arp_conflict(n, &a);
		return;
	}
	asks_us = a.op == ARP_REQUEST && net_is_local(n, a.tpa_be);
	if (a.spa_be != 0) /* 0: a probe for an address that the sender would like to use (RFC 5227 2.1.1) */
		neigh_learn(n, a.spa_be, &a.sha, asks_us);
	/* What was meant for us, or for everybody. */
	if (a.spa_be != 0 && (net_is_local(n, a.tpa_be) || a.spa_be == a.tpa_be))
		net_tell_neigh(n, a.spa_be, &a.sha, asks_us);
	if (asks_us)
		arp_send(n, ARP_REPLY, &a.sha, a.tpa_be, &a.sha, a.spa_be);
}
