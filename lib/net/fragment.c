/* fragment.c: sending what is larger than the path's MTU (RFC 791 2.3). Pieces are copied: there are few, and what is sent then
 * is like any other packet. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/private.h"
#include "wire/cksum.h"

#define UDP_CKSUM_OFF 6

/* The checksum covers the whole datagram, so it is made here, and no device can help. Other protocols bring theirs. */
static void udp_cksum(const struct path *p, struct rte_mbuf *m)
{
	uint16_t sum = cksum_l4_ip4(m, 0, m->pkt_len, p->laddr_be, p->raddr_be, IPPROTO_UDP);

	if (sum == 0)
		sum = 0xffff; /* RFC 768: zero on the wire means that there is none */
	memcpy(rte_pktmbuf_mtod_offset(m, void *, UDP_CKSUM_OFF), &sum, sizeof(sum));
}

/* Payload bytes of all fragments but the last: what the path takes, and a port without chains can send. */
static uint32_t fragment_bytes(const struct path *p, const struct pkt_tx *tx)
{
	uint32_t room = p->pmtu - IP4_HDR_LEN;

	if (!(tx->port->offloads & PORT_TX_MULTI_SEG))
		room = RTE_MIN(room, (uint32_t)rte_pktmbuf_data_room_size(tx->pool) - RTE_PKTMBUF_HEADROOM);
	return room & ~7u;
}

static void fragment_headers(struct net *n, const struct path *p, struct rte_mbuf *m, const uint8_t *fields, uint16_t id,
			     uint16_t offset_word)
{
	uint16_t total = (uint16_t)(m->pkt_len + IP4_HDR_LEN), l2_len = p->l2_len;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(l2_len + IP4_HDR_LEN)) + l2_len;

	memcpy(ip - PATH_L2_MAX, p->hdr, PATH_HDR_LEN);
	ip[1] = fields[0];
	store16(ip + 2, total);
	store16(ip + 4, id);
	store16(ip + 6, offset_word);
	ip[8] = fields[1];
	ip[9] = fields[2];
	m->ol_flags = p->vlan_tci != 0 ? RTE_MBUF_F_TX_VLAN : 0;
	m->vlan_tci = p->vlan_tci;
	m->tx_offload = 0;
	pkt_tx_cksum_ip4(n->tx[p->port].port, m, l2_len, (uint16_t)(l2_len + IP4_HDR_LEN), IPPROTO_RAW);
}

uint16_t net_datagram_id(struct net *n, const struct path *p)
{
	uint64_t host = ((uint64_t)p->raddr_be << 32 | p->laddr_be) * n->neigh_mult;
	uint16_t *id = &n->ip_id[host >> 32 & (NET_ID_COUNTERS - 1)];

	*id = (uint16_t)(*id + 1 + prng_below(n->flow->prng, NET_ID_STEP_MAX));
	return *id;
}

int net_ip4_fragment(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl)
{
	const struct pkt_tx *tx = &n->tx[p->port];
	const uint8_t fields[3] = {tos, ttl, proto};
	uint32_t total = m->pkt_len, part = fragment_bytes(p, tx);
	uint16_t id = net_datagram_id(n, p);
	int rc = 0;

	if (!net_filter_passes_out(n, p, m, proto))
		return net_filter_drop(n, m);
	if (proto == IPPROTO_UDP)
		udp_cksum(p, m);
	for (uint32_t off = 0; off < total && rc == 0; off += part) {
		struct rte_mbuf *f = rte_pktmbuf_copy(m, tx->pool, off, RTE_MIN(part, total - off));
		uint16_t more = off + part < total ? IP4_MF : 0;

		if (f == NULL) {
			drop_count(n->drops, DROP_NO_MBUF);
			break;
		}
		fragment_headers(n, p, f, fields, id, (uint16_t)(off / 8 | more));
		n->fragments_out++;
		rc = net_send_on(n, p, f);
	}
	rte_pktmbuf_free(m);
	return rc;
}
