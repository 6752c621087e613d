/* nic.c: what the two simulated NICs do with a frame: hash, checksums, and the copy that DMA makes. */
#include <netinet/in.h>

#include <rte_ip.h>

#include "drivers/sim/sim_int.h"
#include "wire/cksum.h"
#include "wire/ip6.h"

#define FRAME_HEAD_MAX (14 + 4 + 60 + 4) /* Ethernet, VLAN, the longest IPv4 header (IPv6's is shorter), two ports */
#define FRAG_MASK RTE_BE16(0x3fff)       /* more fragments, and the offset */

/* An IPv4 packet inside a frame. */
struct ip4_at {
	const struct rte_ipv4_hdr *ip;
	uint32_t off, hdr_len;
};

static bool ip4_find(struct ip4_at *at, const uint8_t *f, uint32_t len)
{
	uint32_t off = 14;

	if (len < off)
		return false;
	if (f[12] == 0x81 && f[13] == 0x00)
		off += 4;
	if (len < off + sizeof(struct rte_ipv4_hdr) || f[off - 2] != 0x08 || f[off - 1] != 0x00)
		return false;
	at->off = off;
	at->ip = (const struct rte_ipv4_hdr *)(f + off);
	at->hdr_len = rte_ipv4_hdr_len(at->ip);
	return at->ip->version_ihl >> 4 == 4 && at->hdr_len >= sizeof(struct rte_ipv4_hdr) && len >= off + at->hdr_len;
}

static bool has_ports(const struct rte_ipv4_hdr *ip)
{
	return (ip->next_proto_id == IPPROTO_TCP || ip->next_proto_id == IPPROTO_UDP) &&
	       (ip->fragment_offset & FRAG_MASK) == 0;
}

/* An IPv6 packet inside a frame: where it begins, 0 when there is none. */
static uint32_t ip6_find(const uint8_t *f, uint32_t len)
{
	uint32_t off = len >= 18 && f[12] == 0x81 && f[13] == 0x00 ? 18 : 14;

	if (len < off + IP6_HDR_LEN || f[off - 2] != 0x86 || f[off - 1] != 0xdd || f[off] >> 4 != 6)
		return 0;
	return off;
}

/* By ports where they follow the header at once: like most NICs this one walks no extension headers. */
static bool hash6(const struct rss *r, const uint8_t *f, uint32_t len, uint32_t *hash)
{
	uint32_t off = ip6_find(f, len), port = off + IP6_HDR_LEN;
	const uint8_t *ip = f + off;

	if (off == 0)
		return false;
	*hash = rss_hash2_ip6(r, ip + IP6_SRC_OFF, ip + IP6_DST_OFF);
	if ((ip[IP6_NEXT_OFF] == IPPROTO_TCP || ip[IP6_NEXT_OFF] == IPPROTO_UDP) && len >= port + 4)
		*hash ^= rss_hash6_sport(r, raw16(f + port)) ^ rss_hash6_dport(r, raw16(f + port + 2));
	return true;
}

bool nic_hash_any(const struct rss *r, const struct rte_mbuf *m, uint32_t *hash)
{
	uint8_t buf[FRAME_HEAD_MAX];
	uint32_t len = RTE_MIN(rte_pktmbuf_pkt_len(m), sizeof(buf));
	const uint8_t *f = rte_pktmbuf_read(m, 0, len, buf);
	const uint8_t *port;
	struct ip4_at at;

	if (f == NULL)
		return false;
	if (!ip4_find(&at, f, len))
		return hash6(r, f, len, hash);
	if (has_ports(at.ip) && len >= at.off + at.hdr_len + 4) {
		port = f + at.off + at.hdr_len;
		*hash = rss_hash4(r, at.ip->src_addr, at.ip->dst_addr, raw16(port), raw16(port + 2));
	} else {
		*hash = rss_hash2(r, at.ip->src_addr, at.ip->dst_addr);
	}
	return true;
}

static void store_be16(struct rte_mbuf *m, uint32_t off, uint16_t value)
{
	memcpy(rte_pktmbuf_mtod_offset(m, void *, off), &value, sizeof(value));
}

static void tx_cksum6(struct rte_mbuf *m, uint64_t l4)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len);
	uint32_t l4_off = m->l2_len + m->l3_len, field_off = l4_off + (l4 == RTE_MBUF_F_TX_TCP_CKSUM ? 16 : 6);
	uint32_t l4_len = rte_be_to_cpu_16(raw16(ip + IP6_LEN_OFF)) - (m->l3_len - IP6_HDR_LEN);
	uint16_t sum;

	if (l4 == 0 || field_off + 2 > m->data_len || l4_off + l4_len > rte_pktmbuf_pkt_len(m))
		return;
	store_be16(m, field_off, 0);
	sum = cksum_l4_ip6(m, l4_off, l4_len, ip + IP6_SRC_OFF, l4 == RTE_MBUF_F_TX_TCP_CKSUM ? IPPROTO_TCP : IPPROTO_UDP);
	if (sum == 0 && l4 == RTE_MBUF_F_TX_UDP_CKSUM)
		sum = 0xffff; /* RFC 8200 8.1 */
	store_be16(m, field_off, sum);
}

static void tx_cksum4(struct rte_mbuf *m, uint64_t tx_flags)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);
	uint64_t l4 = tx_flags & RTE_MBUF_F_TX_L4_MASK;
	uint32_t l4_off = m->l2_len + m->l3_len;
	uint32_t field_off = l4_off + (l4 == RTE_MBUF_F_TX_TCP_CKSUM ? 16 : 6);
	uint16_t l4_len, sum;

	if (tx_flags & RTE_MBUF_F_TX_IP_CKSUM) {
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	l4_len = (uint16_t)(rte_be_to_cpu_16(ip->total_length) - m->l3_len);
	if (l4 == 0 || field_off + 2 > m->data_len || l4_off + l4_len > rte_pktmbuf_pkt_len(m))
		return;
	store_be16(m, field_off, 0);
	sum = cksum_l4_ip4(m, l4_off, l4_len, ip->src_addr, ip->dst_addr, ip->next_proto_id);
	if (sum == 0 && l4 == RTE_MBUF_F_TX_UDP_CKSUM)
		sum = 0xffff; /* RFC 768: zero would mean that there is none */
	store_be16(m, field_off, sum);
}

void nic_tx_cksum(struct rte_mbuf *m, uint64_t tx_flags)
{
	if (m->ol_flags & RTE_MBUF_F_TX_IPV6) {
		tx_cksum6(m, tx_flags & RTE_MBUF_F_TX_L4_MASK);
		return;
	}
	tx_cksum4(m, tx_flags);
}

static uint64_t l4_flags(const struct rte_mbuf *m, const struct ip4_at *at)
{
	uint32_t off = at->off + at->hdr_len, total = rte_be_to_cpu_16(at->ip->total_length);
	uint32_t min_len = at->ip->next_proto_id == IPPROTO_TCP ? 20 : 8, len;

	if (!has_ports(at->ip) || total < at->hdr_len + min_len || at->off + total > rte_pktmbuf_pkt_len(m) ||
	    off + min_len > m->data_len)
		return 0;
	len = total - at->hdr_len;
	if (at->ip->next_proto_id == IPPROTO_UDP && raw16(rte_pktmbuf_mtod_offset(m, const uint8_t *, off + 6)) == 0)
		return 0;
	return cksum_l4_ip4(m, off, len, at->ip->src_addr, at->ip->dst_addr, at->ip->next_proto_id) == 0 ?
		RTE_MBUF_F_RX_L4_CKSUM_GOOD : RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

uint64_t nic_rx_cksum(const struct rte_mbuf *m)
{
	struct ip4_at at;

	if (!ip4_find(&at, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len))
		return 0;
	if (rte_raw_cksum(at.ip, at.hdr_len) != 0xffff)
		return RTE_MBUF_F_RX_IP_CKSUM_BAD;
	return RTE_MBUF_F_RX_IP_CKSUM_GOOD | l4_flags(m, &at);
}

struct rte_mbuf *nic_copy(struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

	rte_pktmbuf_free(m);
	return copy;
}
