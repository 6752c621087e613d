/* queue.h: the datagrams that wait in a socket: whole packets, linked through a dynamic mbuf field, with the place of
 * their headers in l2_len and l3_len of the transmit offload word, which a received packet does not use; the time of their
 * arrival in place of the hash, and the interface in that of the port. */
#ifndef UDP_QUEUE_H
#define UDP_QUEUE_H

#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf_dyn.h>

#include "udp/udp.h"
#include "wire/udp.h"

extern int udp_next_offset; /* of the link in an mbuf, set by udp_init() */

static inline struct rte_mbuf **udp_next(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, udp_next_offset, struct rte_mbuf **);
}

static inline void udp_arrival_set(struct rte_mbuf *m, uint64_t ns) { memcpy(&m->hash, &ns, sizeof(ns)); }
static inline uint64_t udp_arrival(const struct rte_mbuf *m)
{
	uint64_t ns;

	memcpy(&ns, &m->hash, sizeof(ns));
	return ns;
}

/* Offset and length of the payload of a queued datagram. */
static inline uint32_t udp_payload_off(const struct rte_mbuf *m) { return m->l2_len + m->l3_len + UDP_HDR_LEN; }
static inline uint32_t udp_payload_len(const struct rte_mbuf *m) { return rte_pktmbuf_pkt_len(m) - udp_payload_off(m); }

/* An IPv6 header has its place right before UDP's: extension headers may be longer than l3_len can say. Returns where UDP's is
 * then. */
static inline uint16_t udp_queue_join6(struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off)
{
	uint16_t more = l4_off - l3_off - IP6_HDR_LEN;
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, l3_off);

	if (likely(more == 0))
		return l4_off;
	memmove(ip + more, ip, IP6_HDR_LEN);
	rte_pktmbuf_adj(m, more); /* what was the link header is not looked at any more */
	return l4_off - more;
}

static inline void udp_queue_add(struct udp_pcb *p, struct rte_mbuf *m)
{
	*udp_next(m) = NULL;
	if (p->tail != NULL)
		*udp_next(p->tail) = m;
	else
		p->head = m;
	p->tail = m;
	p->queued_bytes += udp_payload_len(m);
	p->n_queued++;
}

/* Takes the oldest one out; the caller owns it. There is one. */
static inline struct rte_mbuf *udp_queue_take(struct udp_pcb *p)
{
	struct rte_mbuf *m = p->head;

	p->head = *udp_next(m);
	if (p->head == NULL)
		p->tail = NULL;
	p->queued_bytes -= udp_payload_len(m);
	p->n_queued--;
	return m;
}

static inline void udp_queue_drop(struct udp_pcb *p)
{
	while (p->head != NULL)
		rte_pktmbuf_free(udp_queue_take(p));
}

#endif
