/* sent.c: see sent.h. */
#include "sent.h"

#include <netinet/in.h>

#include "base/assert.h"
#include "base/seq.h"
#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/udp.h"

#define FRAME_MAX 2048

/* Where a packet's upper layer is. */
struct upper {
	bool ip6;
	struct ip6_addr to;
	const uint8_t *l4;
	uint32_t len;
	uint8_t proto;
	uint64_t pseudo;
};

static void syn_note(struct sent_syn *n, const struct upper *u, const struct tcp_view *v, const struct tcp_opts *o)
{
	*n = (struct sent_syn){.seen = true, .ip6 = u->ip6, .to = u->to, .us = v->sport, .peer = v->dport, .seq = v->seq, .ack = v->ack,
			       .has_ts = o->has_ts, .tsval = o->has_ts ? o->tsval : 0, .sack_ok = o->sack_ok,
			       .ece = v->flags & TCPF_ECE, .len = u->len - v->hdr_len};
	if (o->has_fo) {
		n->fo_len = o->fo_len;
		memcpy(n->fo, o->fo, o->fo_len);
	}
}

static void tcp_check(struct sent *s, const struct upper *u)
{
	struct tcp_view v;
	struct tcp_opts o;
	uint32_t seq;

	SPATE_ASSERT(tcp_parse(&v, u->l4, u->len));
	tcp_opts_parse(&o, u->l4 + TCP_HDR_LEN, v.hdr_len - TCP_HDR_LEN);
	SPATE_ASSERT(!(v.flags & TCPF_SYN) || !(v.flags & (TCPF_FIN | TCPF_RST)));
	SPATE_ASSERT(!o.has_mss || (v.flags & TCPF_SYN));
	for (uint32_t i = 0; i < o.n_sack; i++)
		SPATE_ASSERT(seq_lt(o.sack[i].left, o.sack[i].right));
	seq = v.seq + !!(v.flags & TCPF_SYN);
	for (uint32_t i = v.hdr_len; i < u->len; i++)
		SPATE_ASSERT(u->l4[i] == sent_byte(seq + i - v.hdr_len));
	if (v.flags & TCPF_SYN)
		syn_note(v.flags & TCPF_ACK ? &s->synack : &s->syn, u, &v, &o);
}

static void upper_check(struct sent *s, const struct upper *u)
{
	struct udp_view udp;

	if (u->proto == IPPROTO_TCP || u->proto == IPPROTO_UDP || u->proto == IPPROTO_ICMP || u->proto == IPPROTO_ICMPV6 ||
	    u->proto == IPPROTO_IGMP)
		SPATE_ASSERT(cksum_fold(cksum_bytes(u->pseudo, u->l4, u->len)) == 0xffff);
	if (u->proto == IPPROTO_TCP)
		tcp_check(s, u);
	else if (u->proto == IPPROTO_UDP)
		SPATE_ASSERT(udp_parse(&udp, u->l4, u->len) && udp.len == u->len);
}

/* What is for one station goes to one station: else whoever sends from a group's hardware address has answers multiplied. */
static bool to_group(const uint8_t *frame) { return frame[0] & 1; }

static void ip4_check(struct sent *s, const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + ETH_HDR_LEN;
	struct ip4_view v;
	struct upper u = {0};

	SPATE_ASSERT(ip4_parse(&v, ip, len, false) == IP4_OK && v.total_len <= s->mtu);
	SPATE_ASSERT(to_group(frame) == (rte_be_to_cpu_32(v.dst_be) >> 28 == 14 || ip[19] == 255));
	SPATE_ASSERT(v.total_len == len || len == RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN - ETH_HDR_LEN);
	if (v.fragment)
		return;
	u.l4 = ip + v.hdr_len;
	u.len = v.total_len - v.hdr_len;
	u.proto = v.proto;
	u.to = ip6_addr_mapped(v.dst_be);
	if (u.proto == IPPROTO_TCP || u.proto == IPPROTO_UDP)
		u.pseudo = cksum_pseudo_sum(v.src_be, v.dst_be, v.proto, u.len);
	upper_check(s, &u);
}

static void ip6_check(struct sent *s, const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + ETH_HDR_LEN;
	struct upper u = {.ip6 = true};
	struct ip6_chain c;
	struct ip6_view v;

	SPATE_ASSERT(ip6_parse(&v, ip, len) == IP6_OK && v.payload_len + IP6_HDR_LEN <= s->mtu && v.hops > 0);
	SPATE_ASSERT(to_group(frame) == ip6_addr_is_multicast(v.dst));
	SPATE_ASSERT(!ip6_addr_is_multicast(v.src) && !ip6_addr_is_mapped(v.src) && !ip6_addr_is_mapped(v.dst));
	SPATE_ASSERT(ip6_chain_walk(&c, ip, v.payload_len + IP6_HDR_LEN) == IP6_CHAIN_OK);
	if (c.fragment)
		return;
	u.l4 = ip + c.l4_off;
	u.len = v.payload_len + IP6_HDR_LEN - c.l4_off;
	u.proto = c.proto;
	u.to = *v.dst;
	u.pseudo = cksum_pseudo_sum6(ip + IP6_SRC_OFF, c.proto, u.len);
	upper_check(s, &u);
}

void sent_check(struct sent *s, const struct rte_mbuf *m)
{
	uint8_t copy[FRAME_MAX];
	const uint8_t *b = rte_pktmbuf_read(m, 0, m->pkt_len, copy);
	struct arp_view arp;

	SPATE_ASSERT(m->pkt_len <= sizeof(copy) && b != NULL && m->pkt_len >= ETH_HDR_LEN);
	SPATE_ASSERT(memcmp(b + 6, &s->us, 6) == 0);
	switch (load16(b + 12)) {
	case RTE_ETHER_TYPE_ARP:
		SPATE_ASSERT(arp_parse(&arp, b + ETH_HDR_LEN, m->pkt_len - ETH_HDR_LEN));
		break;
	case RTE_ETHER_TYPE_IPV4:
		ip4_check(s, b, m->pkt_len - ETH_HDR_LEN);
		break;
	case RTE_ETHER_TYPE_IPV6:
		ip6_check(s, b, m->pkt_len - ETH_HDR_LEN);
		break;
	default:
		SPATE_ASSERT(!"a frame of an unknown type");
	}
}
