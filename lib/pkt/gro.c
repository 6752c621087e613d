/* gro.c: which packets of a burst rte_gro may see. It wants them parsed and does not check their checksums; what it does not
 * join it puts behind what it joined, so it gets stretches in which it can take every packet. */
#include "pkt/gro.h"

#include <netinet/in.h>

#include <rte_gro.h>

#include "config/limits.h"
#include "wire/cksum.h"
#include "wire/ecn.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

static bool cksums_right(const struct rte_mbuf *m, const uint8_t *ip, uint16_t total)
{
	uint64_t l3 = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (l3 == RTE_MBUF_F_RX_IP_CKSUM_BAD || l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	if (l3 == RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN && cksum_fold(cksum_bytes(0, ip, IP4_HDR_LEN)) != 0xffff)
		return false;
	return l4 != RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN ||
	       cksum_l4_ip4(m, ETH_HDR_LEN + IP4_HDR_LEN, total - IP4_HDR_LEN, load32_be(ip + 12), load32_be(ip + 16),
			    IPPROTO_TCP) == 0;
}

/* A full segment that may be joined with its neighbours; then it is made ready for rte_gro. */
static bool segment_fits(struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *), *ip = f + ETH_HDR_LEN, *tcp = ip + IP4_HDR_LEN;
	uint32_t tcp_len;
	uint16_t total;

	if (m->nb_segs != 1 || m->data_len < ETH_HDR_LEN + IP4_HDR_LEN + TCP_HDR_LEN + GRO_PAYLOAD_MIN)
		return false;
	if (load16(f + 12) != RTE_ETHER_TYPE_IPV4 || ip[0] != 0x45 || ip[9] != IPPROTO_TCP || (load16(ip + 6) & 0x3fff) != 0)
		return false;
	if ((ip[1] & ECN_CE) == ECN_CE) /* the joined packet has but one mark: whose bytes were marked would be lost (RFC 3168 5.3) */
		return false;
	total = load16(ip + 2);
	tcp_len = (tcp[12] >> 4) * 4u;
	if ((uint32_t)total + ETH_HDR_LEN != m->pkt_len || tcp_len < TCP_HDR_LEN || IP4_HDR_LEN + tcp_len + GRO_PAYLOAD_MIN > total ||
	    tcp[13] != TCPF_ACK || (m->ol_flags & RTE_MBUF_F_RX_LRO) || !cksums_right(m, ip, total))
		return false;
	m->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP;
	m->tx_offload = 0;
	m->l2_len = ETH_HDR_LEN;
	m->l3_len = IP4_HDR_LEN;
	m->l4_len = tcp_len;
	m->tso_segsz = (uint16_t)(total - IP4_HDR_LEN - tcp_len);
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_LRO;
	return true;
}

uint16_t pkt_gro(struct rte_mbuf **m, uint16_t n)
{
	static const struct rte_gro_param param = {
		.gro_types = RTE_GRO_TCP_IPV4, .max_flow_num = RX_BURST, .max_item_per_flow = RX_BURST,
	};
	uint16_t out = 0, i = 0;

	while (i < n) {
		uint16_t first = i, k;

		while (i < n && segment_fits(m[i]))
			i++;
		k = i - first;
		if (k > 1)
			k = rte_gro_reassemble_burst(&m[first], k, &param);
		memmove(&m[out], &m[first], k * sizeof(m[0]));
		out += k;
		if (i < n)
			m[out++] = m[i++];
	}
	return out;
}
