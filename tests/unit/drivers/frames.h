/* frames.h: UDP frames with a number inside, for tests of links. */
#ifndef TEST_FRAMES_H
#define TEST_FRAMES_H

#include <string.h>

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define FRAME_HDRS (14 + 20 + 8)
#define FRAME_TX_FLAGS (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM)

/* A frame of len bytes (at least FRAME_HDRS + 4) whose payload starts with mark; with checksum offload requested, or with
 * right checksums inside. */
static inline struct rte_mbuf *frame_new(struct rte_mempool *pool, uint32_t mark, uint16_t sport, uint16_t len,
					 bool offload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *f;
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;

	if (m == NULL)
		return NULL;
	f = (uint8_t *)rte_pktmbuf_append(m, len);
	if (f == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(f, 0, FRAME_HDRS);
	for (uint16_t i = FRAME_HDRS; i < len; i++)
		f[i] = (uint8_t)(mark + i * 13);
	memcpy(f, "\x02sim\0\2\x02sim\0\1\x08", 13);
	ip = (struct rte_ipv4_hdr *)(f + 14);
	udp = (struct rte_udp_hdr *)(ip + 1);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(len - 14);
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1));
	ip->dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 2));
	udp->src_port = rte_cpu_to_be_16(sport);
	udp->dst_port = RTE_BE16(7);
	udp->dgram_len = rte_cpu_to_be_16(len - 34);
	memcpy(f + FRAME_HDRS, &mark, sizeof(mark));
	if (offload) {
		m->ol_flags = FRAME_TX_FLAGS;
		m->l2_len = 14;
		m->l3_len = 20;
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, 0);
	} else {
		udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	return m;
}

static inline uint32_t frame_mark(const struct rte_mbuf *m)
{
	uint32_t mark;

	memcpy(&mark, rte_pktmbuf_mtod_offset(m, const uint8_t *, FRAME_HDRS), sizeof(mark));
	return mark;
}

/* Both checksums are inside and right (the frame is one segment). */
static inline bool frame_sums_right(const struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint16_t sum = udp->dgram_cksum, right;

	udp->dgram_cksum = 0;
	right = rte_ipv4_udptcp_cksum(ip, udp);
	udp->dgram_cksum = sum;
	return right == sum && rte_raw_cksum(ip, sizeof(*ip)) == 0xffff;
}

#endif
