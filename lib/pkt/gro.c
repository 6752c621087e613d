/* gro.c: which packets of a burst may be joined, and joining them. rte_gro of DPDK 22.11 knows no IPv6, and one that does both
 * families is less than two. */
#include "pkt/gro.h"

#include <netinet/in.h>

#include "config/limits.h"
#include "wire/cksum.h"
#include "wire/ecn.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

#define IP4_FF_OFF 6 /* flags and fragment offset, TTL, protocol */
#define IP4_ADDRS_OFF 12
#define TCP_ACK_OFF 8
#define TCP_WND_OFF 14

/* What has been joined: the first packet, its last buffer, and what would come next. */
struct joined {
	struct rte_mbuf *m, *last;
	uint32_t next_seq;
	bool ended; /* by a shorter segment: all others are of one size */
};

static inline const uint8_t *l3_of(const struct rte_mbuf *m) { return rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH_HDR_LEN); }

static bool cksums_right4(const struct rte_mbuf *m, const uint8_t *ip, uint32_t l4_len)
{
	uint64_t l3 = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (l3 == RTE_MBUF_F_RX_IP_CKSUM_BAD || l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	if (l3 == RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN && cksum_fold(cksum_bytes(0, ip, IP4_HDR_LEN)) != 0xffff)
		return false;
	return l4 != RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN ||
	       cksum_l4_ip4(m, ETH_HDR_LEN + IP4_HDR_LEN, l4_len, load32_be(ip + IP4_ADDRS_OFF), load32_be(ip + IP4_ADDRS_OFF + 4),
			    IPPROTO_TCP) == 0;
}

static bool cksum_right6(const struct rte_mbuf *m, const uint8_t *ip, uint32_t l4_len)
{
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	return l4 != RTE_MBUF_F_RX_L4_CKSUM_BAD &&
	       (l4 != RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN ||
		cksum_l4_ip6(m, ETH_HDR_LEN + IP6_HDR_LEN, l4_len, ip + IP6_SRC_OFF, IPPROTO_TCP) == 0);
}

/* Length of the IP header of a frame that holds TCP and nothing strange; 0: another frame. l4_len: of the TCP segment. What the
 * network marked is left alone: a joined packet has but one mark, and whose bytes were marked would be lost (RFC 3168 5.3). */
static uint32_t ip_fits(const struct rte_mbuf *m, const uint8_t *ip, uint16_t type, uint32_t *l4_len)
{
	uint32_t hdr = type == RTE_ETHER_TYPE_IPV4 ? IP4_HDR_LEN : IP6_HDR_LEN;

	*l4_len = m->pkt_len - ETH_HDR_LEN - hdr;
	if (type == RTE_ETHER_TYPE_IPV4)
		return ip[0] == 0x45 && ip[9] == IPPROTO_TCP && (load16(ip + IP4_FF_OFF) & 0x3fff) == 0 && (ip[1] & ECN_CE) != ECN_CE &&
				       load16(ip + 2) == *l4_len + hdr ? hdr : 0;
	return type == RTE_ETHER_TYPE_IPV6 && ip[0] >> 4 == 6 && ip[IP6_NEXT_OFF] == IPPROTO_TCP && (ip[1] >> 4 & ECN_CE) != ECN_CE &&
			       load16(ip + IP6_LEN_OFF) == *l4_len ? hdr : 0;
}

/* A full segment that may be joined with its neighbours; then its lengths and that its checksums are right are noted. */
static bool segment_fits(struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *), *ip = f + ETH_HDR_LEN, *tcp;
	uint32_t l3_len, l4_len, tcp_len;

	if (m->nb_segs != 1 || m->data_len < ETH_HDR_LEN + IP4_HDR_LEN + TCP_HDR_LEN + GRO_PAYLOAD_MIN)
		return false;
	l3_len = ip_fits(m, ip, load16(f + 12), &l4_len);
	if (l3_len == 0)
		return false;
	tcp = ip + l3_len;
	tcp_len = (tcp[12] >> 4) * 4u;
	if (tcp_len < TCP_HDR_LEN || tcp_len + GRO_PAYLOAD_MIN > l4_len || tcp[13] != TCPF_ACK || (m->ol_flags & RTE_MBUF_F_RX_LRO) ||
	    !(l3_len == IP4_HDR_LEN ? cksums_right4(m, ip, l4_len) : cksum_right6(m, ip, l4_len)))
		return false;
	m->tx_offload = 0;
	m->l3_len = l3_len;
	m->l4_len = tcp_len;
	m->tso_segsz = (uint16_t)(l4_len - tcp_len);
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return true;
}

/* All that the two headers say alike but lengths, the IPv4 identification, sequence numbers and checksums. */
static bool headers_alike(const struct rte_mbuf *a, const struct rte_mbuf *b)
{
	const uint8_t *x = l3_of(a), *y = l3_of(b), *s = x + a->l3_len, *t = y + b->l3_len;

	if (a->l3_len != b->l3_len || a->l4_len != b->l4_len || a->vlan_tci != b->vlan_tci ||
	    memcmp(x - ETH_HDR_LEN, y - ETH_HDR_LEN, ETH_HDR_LEN) != 0)
		return false;
	if (a->l3_len == IP4_HDR_LEN ? x[1] != y[1] || memcmp(x + IP4_FF_OFF, y + IP4_FF_OFF, 4) != 0 ||
					       memcmp(x + IP4_ADDRS_OFF, y + IP4_ADDRS_OFF, 8) != 0
				     : memcmp(x, y, IP6_LEN_OFF) != 0 || memcmp(x + IP6_NEXT_OFF, y + IP6_NEXT_OFF, 34) != 0)
		return false;
	return memcmp(s, t, 4) == 0 && memcmp(s + TCP_ACK_OFF, t + TCP_ACK_OFF, TCP_WND_OFF + 2 - TCP_ACK_OFF) == 0 &&
	       memcmp(s + TCP_HDR_LEN, t + TCP_HDR_LEN, a->l4_len - TCP_HDR_LEN) == 0;
}

static void length_add(struct rte_mbuf *m, uint16_t len)
{
	uint8_t *field = rte_pktmbuf_mtod_offset(m, uint8_t *, ETH_HDR_LEN + (m->l3_len == IP4_HDR_LEN ? 2 : IP6_LEN_OFF));

	store16(field, (uint16_t)(load16(field) + len));
	m->pkt_len += len;
	m->nb_segs++;
	m->ol_flags |= RTE_MBUF_F_RX_LRO;
}

/* Puts m's payload behind what it continues. False: nothing. */
static bool join(struct joined *j, uint16_t n, struct rte_mbuf *m)
{
	uint32_t seq = load32(l3_of(m) + m->l3_len + 4);
	uint16_t len = m->tso_segsz;

	for (; n > 0; n--, j++) {
		if (j->next_seq != seq || j->ended || len > j->m->tso_segsz || j->m->pkt_len + len > UINT16_MAX || !headers_alike(j->m, m))
			continue;
		length_add(j->m, len);
		rte_pktmbuf_adj(m, (uint16_t)(ETH_HDR_LEN + m->l3_len + m->l4_len));
		j->last = j->last->next = m;
		j->next_seq += len;
		j->ended = len < j->m->tso_segsz;
		return true;
	}
	return false;
}

static uint16_t stretch_join(struct rte_mbuf **m, uint16_t n)
{
	struct joined j[RX_BURST];
	uint16_t out = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (out > 0 && join(j, out, m[i]))
			continue;
		j[out] = (struct joined){.m = m[i], .last = m[i], .next_seq = load32(l3_of(m[i]) + m[i]->l3_len + 4) + m[i]->tso_segsz};
		m[out++] = m[i];
	}
	return out;
}

uint16_t pkt_gro(struct rte_mbuf **m, uint16_t n)
{
	uint16_t out = 0, i = 0;

	while (i < n) {
		uint16_t first = i, k;

		while (i < n && segment_fits(m[i]))
			i++;
		k = i - first > 1 ? stretch_join(&m[first], i - first) : i - first;
		memmove(&m[out], &m[first], k * sizeof(m[0]));
		out += k;
		if (i < n)
			m[out++] = m[i++];
	}
	return out;
}
