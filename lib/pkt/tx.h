/* tx.h: one core's way out: packets collect here and leave in bursts. What the driver does not take at once stays for the
 * next flush; TCP looks at pkt_tx_room() before it makes more, so a slow device slows the sender and loses nothing. */
#ifndef PKT_TX_H
#define PKT_TX_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "base/drop.h"
#include "config/limits.h"
#include "pkt/port.h"
#include "wire/cksum.h"

struct pkt_tx {
	struct port *port;
	struct rte_mempool *pool;  /* where this core's packets come from */
	struct drops *drops;
	const uint64_t *now_ns;
	uint16_t queue;
	uint16_t head, n;          /* m[head..head+n) wait */
	uint64_t packets, bytes;
	uint64_t linearized;       /* chains for a device that takes none */
	struct rte_mbuf *m[TX_QUEUE_MAX];
};

void pkt_tx_init(struct pkt_tx *tx, struct port *port, uint16_t queue, struct rte_mempool *pool, struct drops *drops,
		 const uint64_t *now_ns);
/* Gives waiting packets to the driver. Returns how many still wait. */
uint16_t pkt_tx_flush(struct pkt_tx *tx);
void pkt_tx_fini(struct pkt_tx *tx); /* frees what waits */

/* How many packets those may queue who can wait; the rest is for those who cannot. */
static inline uint32_t pkt_tx_room(const struct pkt_tx *tx)
{
	return tx->n < TX_QUEUE_MAX - TX_RESERVED ? TX_QUEUE_MAX - TX_RESERVED - tx->n : 0;
}

/* Queues m, which it then owns: complete, with link header and checksums (or offload flags). When the queue stays full even
 * after a flush, m is dropped and counted as TX_FULL. A chain for a device that takes none (no PORT_TX_MULTI_SEG) is made one
 * piece; where that is longer than an mbuf it is dropped as TX_TOO_BIG. */
void pkt_tx_push_any(struct pkt_tx *tx, struct rte_mbuf *m);

/* The same, shorter for one segment with room behind the others. */
static inline void pkt_tx_push(struct pkt_tx *tx, struct rte_mbuf *m)
{
	if (unlikely(m->nb_segs > 1 || tx->head + tx->n == TX_QUEUE_MAX)) {
		pkt_tx_push_any(tx, m);
		return;
	}
	tx->bytes += rte_pktmbuf_pkt_len(m);
	tx->m[tx->head + tx->n++] = m;
}

/* A fresh mbuf with full headroom, or NULL (counted as NO_MBUF). The caller owns it. */
struct rte_mbuf *pkt_tx_alloc(struct pkt_tx *tx);

/* Completes the checksums of an IPv4 packet whose L3 header starts at l3_off and L4 at l4_off, whose IP checksum field and
 * L4 checksum field are zero: by offload where the port has it (flags, l2_len/l3_len, pseudo header), else in
 * software. proto: IPPROTO_TCP or IPPROTO_UDP, anything else gets only the IP checksum. */
void pkt_tx_cksum_ip4_any(const struct port *port, struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off, uint8_t proto);

/* The same, shorter for TCP on a device that does both. */
static inline void pkt_tx_cksum_ip4(const struct port *port, struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off, uint8_t proto)
{
	const uint32_t both = PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM;
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, l3_off);
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, l4_off);

	if (unlikely(proto != IPPROTO_TCP || (port->offloads & both) != both)) {
		pkt_tx_cksum_ip4_any(port, m, l3_off, l4_off, proto);
		return;
	}
	tcp->cksum = cksum_pseudo_ip4(ip->src_addr, ip->dst_addr, IPPROTO_TCP,
				      (uint16_t)(rte_be_to_cpu_16(ip->total_length) - (l4_off - l3_off)));
	m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
	m->l2_len = l3_off;
	m->l3_len = l4_off - l3_off;
}

/* After that, for a frame that the device will cut (PORT_TX_TSO; l4_len, tso_segsz and RTE_MBUF_F_TX_TCP_SEG are set): the
 * pseudo header's sum as rte_mbuf.h wants it then, without a length. */
void pkt_tx_tso_ip4(struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off);

/* The same two for IPv6, whose payload length field is right; there is no header checksum. proto may be IPPROTO_ICMPV6, too. */
void pkt_tx_cksum_ip6(const struct port *port, struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off, uint8_t proto);
void pkt_tx_tso_ip6(struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off);

#endif
