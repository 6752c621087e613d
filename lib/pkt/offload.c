/* offload.c: who computes an outgoing packet's checksums: the device where it can, we where it cannot. */
#include <netinet/in.h>

#include "base/assert.h"
#include "pkt/tx.h"
#include "wire/cksum.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define TCP_CKSUM_OFF 16
#define UDP_CKSUM_OFF 6
#define ICMP6_CKSUM_OFF 2

static void cksum_l4(struct rte_mbuf *m, const struct rte_ipv4_hdr *ip, uint16_t l3_off, uint16_t l4_off, uint8_t proto,
		     bool offload)
{
	uint16_t l4_len = (uint16_t)(rte_be_to_cpu_16(ip->total_length) - (l4_off - l3_off));
	uint16_t field_off = proto == IPPROTO_TCP ? TCP_CKSUM_OFF : UDP_CKSUM_OFF;
	uint16_t *field = rte_pktmbuf_mtod_offset(m, uint16_t *, l4_off + field_off);
	uint16_t sum;

	if (offload) {
		*field = cksum_pseudo_ip4(ip->src_addr, ip->dst_addr, proto, l4_len);
		return;
	}
	sum = cksum_l4_ip4(m, l4_off, l4_len, ip->src_addr, ip->dst_addr, proto);
	if (sum == 0 && proto == IPPROTO_UDP)
		sum = 0xffff; /* RFC 768: zero on the wire means that there is none */
	*field = sum;
}

void pkt_tx_cksum_ip4_any(const struct port *port, struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off, uint8_t proto)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, l3_off);
	uint32_t offloads = port->offloads;
	uint64_t flags = 0;

	SPATE_ASSERT(l4_off >= l3_off + IP4_HDR_LEN);
	if (proto == IPPROTO_TCP) {
		flags = offloads & PORT_TX_TCP_CKSUM ? RTE_MBUF_F_TX_TCP_CKSUM : 0;
		cksum_l4(m, ip, l3_off, l4_off, proto, flags != 0);
	} else if (proto == IPPROTO_UDP) {
		flags = offloads & PORT_TX_UDP_CKSUM ? RTE_MBUF_F_TX_UDP_CKSUM : 0;
		cksum_l4(m, ip, l3_off, l4_off, proto, flags != 0);
	}
	if (offloads & PORT_TX_IP4_CKSUM)
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	else
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (flags != 0) {
		m->ol_flags |= flags | RTE_MBUF_F_TX_IPV4;
		m->l2_len = l3_off;
		m->l3_len = l4_off - l3_off;
	}
}

void pkt_tx_tso_ip4(struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, l3_off);
	uint16_t sum = cksum_pseudo_ip4(ip->src_addr, ip->dst_addr, IPPROTO_TCP, 0);

	*rte_pktmbuf_mtod_offset(m, uint16_t *, l4_off + TCP_CKSUM_OFF) = sum;
	m->ol_flags &= ~RTE_MBUF_F_TX_TCP_CKSUM; /* TCP_SEG says it, too, and some drivers look at one of them only */
	m->l2_len = l3_off;
	m->l3_len = l4_off - l3_off;
}

void pkt_tx_cksum_ip6(const struct port *port, struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off, uint8_t proto)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l3_off);
	uint16_t l4_len = (uint16_t)(load16(ip + IP6_LEN_OFF) - (l4_off - l3_off - IP6_HDR_LEN)), field_off = ICMP6_CKSUM_OFF, sum;
	uint64_t flags = 0;
	uint16_t *field;

	SPATE_ASSERT(l4_off >= l3_off + IP6_HDR_LEN);
	if (likely(proto == IPPROTO_TCP)) {
		flags = port->offloads & PORT_TX_TCP_CKSUM ? RTE_MBUF_F_TX_TCP_CKSUM : 0;
		field_off = TCP_CKSUM_OFF;
	} else if (proto == IPPROTO_UDP) {
		flags = port->offloads & PORT_TX_UDP_CKSUM ? RTE_MBUF_F_TX_UDP_CKSUM : 0;
		field_off = UDP_CKSUM_OFF;
	} else if (proto != IPPROTO_ICMPV6) {
		return;
	}
	field = rte_pktmbuf_mtod_offset(m, uint16_t *, l4_off + field_off);
	if (flags != 0) {
		*field = cksum_fold(cksum_pseudo_sum6(ip + IP6_SRC_OFF, proto, l4_len));
		m->ol_flags |= flags | RTE_MBUF_F_TX_IPV6;
		m->l2_len = l3_off;
		m->l3_len = l4_off - l3_off;
		return;
	}
	sum = cksum_l4_ip6(m, l4_off, l4_len, ip + IP6_SRC_OFF, proto);
	*field = sum == 0 && proto == IPPROTO_UDP ? 0xffff : sum;
}

void pkt_tx_tso_ip6(struct rte_mbuf *m, uint16_t l3_off, uint16_t l4_off)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l3_off);

	*rte_pktmbuf_mtod_offset(m, uint16_t *, l4_off + TCP_CKSUM_OFF) =
		cksum_fold(cksum_pseudo_sum6(ip + IP6_SRC_OFF, IPPROTO_TCP, 0));
	m->ol_flags &= ~RTE_MBUF_F_TX_TCP_CKSUM;
	m->l2_len = l3_off;
	m->l3_len = l4_off - l3_off;
}
