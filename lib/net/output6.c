/* output6.c: packets out over IPv6: headers from the path's template, labels, fragments by their source alone (RFC 8200 4.5). */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/neigh.h"
#include "net/net6.h"
#include "wire/cksum.h"

#define UDP_CKSUM_OFF 6

/* Prepends the path's headers; what follows the IPv6 header is in m, next names it. */
static inline void headers6_add(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t next, uint8_t tos, uint8_t ttl,
				uint32_t flow)
{
	uint16_t len = (uint16_t)m->pkt_len, l2_len = p->l2_len;
	uint8_t *ip;

	SPATE_ASSERT(rte_pktmbuf_headroom(m) >= PATH_HDR6_LEN);
	ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(l2_len + IP6_HDR_LEN)) + l2_len;
	memcpy(ip - PATH_L2_MAX, p->hdr, PATH_HDR6_LEN);
	store32(ip, 6u << 28 | (uint32_t)tos << 20 | net6_flow_label(n, flow));
	store16(ip + IP6_LEN_OFF, len);
	ip[IP6_NEXT_OFF] = next;
	ip[IP6_HOPS_OFF] = ttl != 0 ? ttl : p->hop_limit;
	if (unlikely(p->vlan_tci != 0)) {
		m->vlan_tci = p->vlan_tci;
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
	}
}

/* The same of a whole packet, which gets its checksum. */
static inline void headers6_complete(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos,
				     uint8_t ttl, uint32_t flow)
{
	headers6_add(n, p, m, proto, tos, ttl, flow);
	pkt_tx_cksum_ip6(n->tx[p->port].port, m, p->l2_len, (uint16_t)(p->l2_len + IP6_HDR_LEN), proto);
}

void net6_headers_add(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl,
		      uint32_t flow)
{
	headers6_complete(n, p, m, proto, tos, ttl, flow);
}

static __rte_noinline int output6_slow(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl,
				       uint32_t flow)
{
	bool large = m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
	uint32_t len = large ? m->tso_segsz + m->l4_len : m->pkt_len;

	if (!p->resolved && p->route_gen != n->route_gen)
		path_lead_anew(n, p);
	if (len + IP6_HDR_LEN > p->pmtu) {
		net_drop(n, m, DROP_TX_TOO_BIG);
		return -EMSGSIZE;
	}
	net6_headers_add(n, p, m, proto, tos, ttl, flow);
	if (large)
		pkt_tx_tso_ip6(m, p->l2_len, (uint16_t)(p->l2_len + IP6_HDR_LEN));
	return net_send_on(n, p, m);
}

int net_ip6_output(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl, uint32_t flow)
{
	if (unlikely(!net_filter_passes_out(n, p, m, proto)))
		return net_filter_drop(n, m);
	if (unlikely(!p->resolved || m->pkt_len + IP6_HDR_LEN > p->pmtu))
		return output6_slow(n, p, m, proto, tos, ttl, flow);
	headers6_complete(n, p, m, proto, tos, ttl, flow);
	pkt_tx_push(&n->tx[p->port], m);
	return 0;
}

/* ---- fragments ---- */

/* The checksum covers the whole datagram, so it is made here, and no device can help. */
static void whole_cksum(const struct path *p, struct rte_mbuf *m, uint8_t proto)
{
	uint32_t off = proto == IPPROTO_ICMPV6 ? 2 : UDP_CKSUM_OFF;
	uint16_t sum;

	if (proto != IPPROTO_UDP && proto != IPPROTO_ICMPV6)
		return;
	sum = cksum_l4_ip6(m, 0, m->pkt_len, p->hdr + PATH_L2_MAX + IP6_SRC_OFF, proto);
	if (sum == 0 && proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(rte_pktmbuf_mtod_offset(m, void *, off), &sum, sizeof(sum));
}

/* Payload bytes of all fragments but the last: what the path takes, and a port without chains can send. */
static uint32_t fragment_bytes(const struct path *p, const struct pkt_tx *tx)
{
	uint32_t room = p->pmtu - IP6_HDR_LEN - IP6_FRAG_HDR_LEN;

	if (!(tx->port->offloads & PORT_TX_MULTI_SEG))
		room = RTE_MIN(room, (uint32_t)rte_pktmbuf_data_room_size(tx->pool) - RTE_PKTMBUF_HEADROOM);
	return room & ~7u;
}

int net_ip6_fragment(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl, uint32_t flow)
{
	const struct pkt_tx *tx = &n->tx[p->port];
	uint32_t total = m->pkt_len, part = fragment_bytes(p, tx), id = prng_u32(n->flow->prng); /* RFC 7739: not to be guessed */
	int rc = 0;

	if (!net_filter_passes_out(n, p, m, proto))
		return net_filter_drop(n, m);
	whole_cksum(p, m, proto);
	for (uint32_t off = 0; off < total && rc == 0; off += part) {
		struct rte_mbuf *f = rte_pktmbuf_copy(m, tx->pool, off, RTE_MIN(part, total - off));
		uint8_t *hdr;

		if (f == NULL) {
			drop_count(n->drops, DROP_NO_MBUF);
			break;
		}
		f->ol_flags = 0;
		f->tx_offload = 0;
		hdr = (uint8_t *)rte_pktmbuf_prepend(f, IP6_FRAG_HDR_LEN);
		store16(hdr, (uint16_t)(proto << 8));
		store16(hdr + 2, (uint16_t)(off | (off + part < total)));
		store32(hdr + 4, id);
		headers6_add(n, p, f, IP6_NEXT_FRAGMENT, tos, ttl, flow);
		n->fragments_out++;
		rc = net_send_on(n, p, f);
	}
	rte_pktmbuf_free(m);
	return rc;
}
