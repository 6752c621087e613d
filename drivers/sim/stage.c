/* stage.c: what a simulated NIC does to a frame before it reaches the wire, when asked: it inserts the VLAN tag and cuts a
 * large TCP frame into segments (TSO); and on the way in: it strips the tag. Written from rte_mbuf.h's and the data sheets'
 * description of these offloads, not after spate's TCP, so that the two check each other. */
#include <rte_ip.h>
#include <rte_tcp.h>

#include "drivers/sim/sim_int.h"
#include "wire/cksum.h"

#define PIECES_MAX SIM_TSO_RING_MIN /* of one large frame; they must fit into a ring together */
#define TAG_LEN 4

/* A large frame: where its headers are, and how it will be cut. */
struct large {
	uint32_t l3_off, l4_off, hdr_len;
	uint32_t payload, segsz, pieces;
};

static bool large_measure(struct large *l, const struct rte_mbuf *m)
{
	l->l3_off = m->l2_len;
	l->l4_off = l->l3_off + m->l3_len;
	l->hdr_len = l->l4_off + m->l4_len;
	l->segsz = m->tso_segsz;
	if (m->l3_len < sizeof(struct rte_ipv4_hdr) || m->l4_len < sizeof(struct rte_tcp_hdr) || l->hdr_len > m->data_len ||
	    l->segsz == 0 || m->pkt_len <= l->hdr_len)
		return false;
	l->payload = m->pkt_len - l->hdr_len;
	l->pieces = (l->payload + l->segsz - 1) / l->segsz;
	return l->pieces <= PIECES_MAX;
}

/* Length, id, sequence number and flags of piece i. The checksums are asked for, as for any frame. */
static void piece_headers(struct rte_mbuf *p, const struct large *l, uint32_t i, uint32_t len)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(p, struct rte_ipv4_hdr *, l->l3_off);
	struct rte_ipv6_hdr *ip6 = rte_pktmbuf_mtod_offset(p, struct rte_ipv6_hdr *, l->l3_off);
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(p, struct rte_tcp_hdr *, l->l4_off);

	if (ip->version_ihl >> 4 == 6) {
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)(l->hdr_len - l->l3_off - sizeof(*ip6) + len));
		p->ol_flags = RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM;
	} else {
		ip->total_length = rte_cpu_to_be_16((uint16_t)(l->hdr_len - l->l3_off + len));
		ip->packet_id = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->packet_id) + i));
		ip->hdr_checksum = 0;
		p->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	}
	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + i * l->segsz);
	if (i + 1 < l->pieces)
		tcp->tcp_flags &= (uint8_t)~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (i > 0)
		tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	p->l2_len = l->l3_off;
	p->l3_len = l->l4_off - l->l3_off;
}

static struct rte_mbuf *piece_new(const struct rte_mbuf *m, const struct large *l, uint32_t i)
{
	uint32_t off = i * l->segsz, len = RTE_MIN(l->segsz, l->payload - off);
	struct rte_mbuf *p = rte_pktmbuf_alloc(m->pool);
	const void *src;
	uint8_t *dst;

	if (p == NULL)
		return NULL;
	dst = (uint8_t *)rte_pktmbuf_append(p, (uint16_t)(l->hdr_len + len));
	if (dst == NULL) {
		rte_pktmbuf_free(p);
		return NULL;
	}
	memcpy(dst, rte_pktmbuf_mtod(m, const uint8_t *), l->hdr_len);
	src = rte_pktmbuf_read(m, l->hdr_len + off, len, dst + l->hdr_len);
	if (src != dst + l->hdr_len)
		memcpy(dst + l->hdr_len, src, len);
	piece_headers(p, l, i, len);
	return p;
}

static uint16_t cable(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	return d->impaired ? wire_tx(d, queue, m, n, now_ns) : line_tx(d, queue, m, n, now_ns);
}

static void tx_error(struct sim_dir *d, uint16_t queue, struct rte_mbuf *m)
{
	d->txq[queue].errors++;
	rte_pktmbuf_free(m);
}

/* One large frame, whole or not at all: its pieces have one flow and so one receiving queue. False: no room, or no mbufs. */
static bool large_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf *m, uint64_t now_ns)
{
	struct rte_mbuf *piece[PIECES_MAX];
	struct large l;
	uint32_t n;

	if (!large_measure(&l, m)) {
		tx_error(d, queue, m);
		return true;
	}
	if (!d->impaired && line_room(d, queue, m) < l.pieces)
		return false;
	for (n = 0; n < l.pieces; n++) {
		piece[n] = piece_new(m, &l, n);
		if (piece[n] == NULL) {
			rte_pktmbuf_free_bulk(piece, n);
			return false;
		}
	}
	rte_pktmbuf_free(m);
	cable(d, queue, piece, (uint16_t)n, now_ns);
	return true;
}

/* Puts the tag between the addresses and the type. False: no headroom. */
static bool tag_insert(struct rte_mbuf *m)
{
	uint8_t *f = (uint8_t *)rte_pktmbuf_prepend(m, TAG_LEN);
	rte_be16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(m->vlan_tci)};

	if (f == NULL)
		return false;
	memmove(f, f + TAG_LEN, 2 * RTE_ETHER_ADDR_LEN);
	memcpy(f + 2 * RTE_ETHER_ADDR_LEN, tag, TAG_LEN);
	m->ol_flags &= ~RTE_MBUF_F_TX_VLAN;
	m->l2_len += TAG_LEN;
	return true;
}

uint16_t stage_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	uint16_t i = 0;

	while (i < n) {
		uint16_t run = i, sent;

		for (; run < n && !(m[run]->ol_flags & d->stage_flags & RTE_MBUF_F_TX_TCP_SEG); run++) {
			if ((m[run]->ol_flags & d->stage_flags & RTE_MBUF_F_TX_VLAN) && !tag_insert(m[run]))
				break;
		}
		sent = run > i ? cable(d, queue, m + i, run - i, now_ns) : 0;
		i += sent;
		if (i < run)
			return i;
		if (i == n)
			break;
		if ((m[i]->ol_flags & d->stage_flags & RTE_MBUF_F_TX_VLAN) && !tag_insert(m[i]))
			tx_error(d, queue, m[i]);
		else if (!large_tx(d, queue, m[i], now_ns))
			return i;
		i++;
	}
	return i;
}

void stage_rx(struct rte_mbuf **m, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *f = rte_pktmbuf_mtod(m[i], uint8_t *);

		if (m[i]->data_len < RTE_ETHER_HDR_LEN + TAG_LEN || raw16(f + 12) != RTE_BE16(RTE_ETHER_TYPE_VLAN))
			continue;
		m[i]->vlan_tci = rte_be_to_cpu_16(raw16(f + 14));
		m[i]->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		memmove(f + TAG_LEN, f, 2 * RTE_ETHER_ADDR_LEN);
		rte_pktmbuf_adj(m[i], TAG_LEN);
	}
}
