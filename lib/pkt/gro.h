/* gro.h: received segments of one stream joined before the stack looks at them: what a NIC with LRO does, in software. */
#ifndef PKT_GRO_H
#define PKT_GRO_H

#include <stdint.h>

#include <rte_mbuf.h>

/* Joins what belongs together among the n packets of one burst (at most RX_BURST) and returns how many are left, in order.
 * Only whole TCP segments over plain IPv4 or IPv6 (no options, no extension headers) with right checksums, at least
 * GRO_PAYLOAD_MIN bytes and no flag but ACK: all others stay as they are, and nothing moves past them. Headers must say the
 * same; all but the last segment have the same size. What is joined is marked as a NIC marks it (RTE_MBUF_F_RX_LRO with
 * tso_segsz, and good checksums). */
uint16_t pkt_gro(struct rte_mbuf **m, uint16_t n);

/* The size of the segments that a received packet of payload bytes is made of. */
static inline uint32_t pkt_segment_bytes(const struct rte_mbuf *m, uint32_t payload)
{
	return unlikely(m->ol_flags & RTE_MBUF_F_RX_LRO) && m->tso_segsz != 0 && m->tso_segsz < payload ? m->tso_segsz : payload;
}

#endif
