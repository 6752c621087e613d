/* private.h: what the files of net/ share. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include "base/assert.h"
#include "net/net.h"
#include "pkt/queue.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define NET_TTL 64            /* RFC 1700's default */

/* What there is to know about an address that a packet names. */
static inline enum local_kind net_local_find(const struct net *n, rte_be32_t addr_be)
{
	uint32_t i = rte_be_to_cpu_32(addr_be) * 2654435769u >> (32 - NET_LOCAL_BITS);

	while (n->local[i].addr_be != addr_be && n->local[i].addr_be != 0)
		i = (i + 1) % NET_LOCAL_SLOTS;
	return n->local[i].addr_be == addr_be ? (enum local_kind)n->local[i].kind : LOCAL_NONE;
}

static inline enum net_verdict net_drop(struct net *n, struct rte_mbuf *m, enum drop why)
{
	drop_count(n->drops, why);
	rte_pktmbuf_free(m);
	return NET_DONE;
}

/* m, or a copy of m where somebody else holds a part of it too; NULL (counted, m is gone) without buffers. */
struct rte_mbuf *net_own(struct net *n, struct rte_mbuf *m);

/* Receives an ARP packet; owns m. */
void arp_input(struct net *n, struct rte_mbuf *m, const struct eth_view *eth);
/* Asks for or answers with (op) tpa's or spa's hardware address. dst: where the frame goes. */
void arp_send(struct net *n, uint16_t op, const struct rte_ether_addr *dst, rte_be32_t spa_be,
	      const struct rte_ether_addr *tha, rte_be32_t tpa_be);

/* Receives an ICMP message, pkt filled but for ports and hash; owns pkt->m. */
enum net_verdict icmp_input(struct net *n, struct net_pkt *pkt);

#endif
