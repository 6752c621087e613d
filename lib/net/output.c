/* output.c: packets out: to the wire, to a neighbour not known yet, to ourselves; and back, when nobody answers. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/group.h"
#include "net/neigh.h"
#include "net/net6.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

/* Prepends the path's headers and completes them. With DF set the identification stays 0: it means nothing then (RFC 6864 4.1),
 * and one that counted would tell everybody how much we send to others. The copy is one of constant length for every link: what
 * of the link header is not used falls into the headroom in front of the frame. */
static inline void headers_add(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos,
			       uint8_t ttl, bool df)
{
	uint16_t total = (uint16_t)(m->pkt_len + IP4_HDR_LEN), l2_len = p->l2_len;
	uint8_t *ip;

	SPATE_ASSERT(rte_pktmbuf_headroom(m) >= PATH_HDR_LEN);
	ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(l2_len + IP4_HDR_LEN)) + l2_len;
	memcpy(ip - PATH_L2_MAX, p->hdr, PATH_HDR_LEN);
	ip[1] = tos;
	store16(ip + 2, total);
	if (unlikely(!df)) {
		store16(ip + 4, net_datagram_id(n, p));
		store16(ip + 6, 0);
	}
	ip[8] = ttl;
	ip[9] = proto;
	if (unlikely(p->vlan_tci != 0)) {
		m->vlan_tci = p->vlan_tci;
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
	}
	pkt_tx_cksum_ip4(n->tx[p->port].port, m, l2_len, (uint16_t)(l2_len + IP4_HDR_LEN), proto);
}

int net_send_on(struct net *n, struct path *p, struct rte_mbuf *m)
{
	if (p->neigh == 0 && !net_path_is_group(p))
		return loop_output(n, p, m);
	if (!p->resolved)
		return neigh_output(n, p->neigh, m);
	pkt_tx_push(&n->tx[p->port], m);
	return 0;
}

static __rte_noinline int output_slow(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos,
				      uint8_t ttl, unsigned how)
{
	bool large = m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
	uint32_t len = large ? m->tso_segsz + m->l4_len : m->pkt_len;

	if (!p->resolved && p->route_gen != n->route_gen)
		path_lead_anew(n, p);
	if (len + IP4_HDR_LEN > (how & NET_OUT_PROBE ? net_path_mtu_max(n, p) : p->pmtu)) {
		net_drop(n, m, DROP_TX_TOO_BIG);
		return -EMSGSIZE;
	}
	headers_add(n, p, m, proto, tos, ttl, !(how & NET_OUT_NO_DF));
	if (large)
		pkt_tx_tso_ip4(m, p->l2_len, (uint16_t)(p->l2_len + IP4_HDR_LEN));
	return net_send_on(n, p, m);
}

int net_ip4_output(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl)
{
	if (unlikely(!net_filter_passes_out(n, p, m, proto)))
		return net_filter_drop(n, m);
	if (unlikely(!p->resolved || m->pkt_len + IP4_HDR_LEN > p->pmtu))
		return output_slow(n, p, m, proto, tos, ttl, 0);
	headers_add(n, p, m, proto, tos, ttl, true);
	pkt_tx_push(&n->tx[p->port], m);
	return 0;
}

int net_ip4_output_as(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl, unsigned how)
{
	if (!net_filter_passes_out(n, p, m, proto))
		return net_filter_drop(n, m);
	return output_slow(n, p, m, proto, tos, ttl, how);
}

void net_group_loop(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl)
{
	const struct ip6_addr group = net_addr_whole(n, p->raddr_be);
	struct rte_mbuf *copy;

	if (!net_is_broadcast(n, p->raddr_be) && !net_group_joined(n, p->iface, &group))
		return;
	copy = rte_pktmbuf_copy(m, n->tx->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		drop_count(n->drops, DROP_NO_MBUF);
		return;
	}
	if (p->l3_len == IP6_HDR_LEN)
		net6_headers_add(n, p, copy, proto, tos, ttl, 0);
	else
		headers_add(n, p, copy, proto, tos, ttl, true);
	loop_output(n, p, copy);
}

/* A packet of ours, as an error about itself. */
static void error_fill(const struct net *n, struct net_pkt *pkt, struct rte_mbuf *m, uint16_t l2_len)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2_len), *l4 = ip + IP4_HDR_LEN;

	memset(pkt, 0, sizeof(*pkt));
	pkt->m = m;
	pkt->key.laddr_be = load32_be(ip + 12);
	pkt->key.raddr_be = load32_be(ip + 16);
	memcpy(&pkt->key.lport_be, l4, 2);
	memcpy(&pkt->key.rport_be, l4 + 2, 2);
	pkt->hash = flow_hash(n->flow, &pkt->key);
	pkt->l3_off = l2_len;
	pkt->l4_off = l2_len + IP4_HDR_LEN;
	pkt->l4_len = (uint16_t)(m->pkt_len - pkt->l4_off);
	pkt->proto = ip[9];
	pkt->tos = ip[1];
	pkt->ttl = ip[8];
	pkt->icmp.type = ICMP_UNREACH;
	pkt->icmp.code = ICMP_UNREACH_HOST;
	pkt->icmp.err = EHOSTUNREACH;
	pkt->icmp.local = true;
	pkt->icmp.from = ip6_addr_mapped(pkt->key.laddr_be);
	pkt->quoted = true;
	if (pkt->proto == IPPROTO_TCP)
		pkt->icmp.seq = load32(l4 + 4);
}

/* The same over IPv6. False: nobody waits for news of it. */
static bool error_fill6(const struct net *n, struct net_pkt *pkt, struct rte_mbuf *m, uint16_t l2_len)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2_len), *l4 = ip + IP6_HDR_LEN;

	if (ip[IP6_NEXT_OFF] != IPPROTO_TCP && ip[IP6_NEXT_OFF] != IPPROTO_UDP)
		return false;
	memset(pkt, 0, sizeof(*pkt));
	pkt->m = m;
	pkt->ip6 = pkt->quoted = true;
	pkt->iface = (uint8_t)m->port; /* neigh_fail() wrote it */
	pkt->l3_off = l2_len;
	pkt->l4_off = l2_len + IP6_HDR_LEN;
	pkt->l4_len = (uint16_t)(m->pkt_len - pkt->l4_off);
	pkt->proto = ip[IP6_NEXT_OFF];
	pkt->ttl = ip[IP6_HOPS_OFF];
	pkt->key.laddr_be = number6(n, net_pkt_laddr6(pkt), pkt->iface);
	pkt->key.raddr_be = number6(n, net_pkt_raddr6(pkt), pkt->iface);
	memcpy(&pkt->key.lport_be, l4, 2);
	memcpy(&pkt->key.rport_be, l4 + 2, 2);
	pkt->hash = ip6_hash(n, pkt);
	pkt->icmp.type = ICMP6_UNREACH;
	pkt->icmp.code = ICMP6_UNREACH_ADDR;
	pkt->icmp.from = *net_pkt_laddr6(pkt);
	pkt->icmp.err = EHOSTUNREACH;
	pkt->icmp.local = true;
	if (pkt->proto == IPPROTO_TCP)
		pkt->icmp.seq = load32(l4 + 4);
	return true;
}

bool net_error_next(struct net *n, struct net_pkt *pkt)
{
	struct rte_mbuf *m;

	while ((m = mbuf_queue_take(&n->failed)) != NULL) {
		uint16_t l2_len = eth_len(rte_pktmbuf_mtod(m, const void *));
		const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2_len);

		if (ip[0] >> 4 == 6) {
			if (error_fill6(n, pkt, m, l2_len))
				return true;
		} else if ((ip[9] == IPPROTO_TCP || ip[9] == IPPROTO_UDP) && !(load16(ip + 6) & IP4_OFFSET_MASK)) {
			error_fill(n, pkt, m, l2_len);
			return true;
		}
		rte_pktmbuf_free(m); /* nobody waits for news of an ICMP message, or of a later fragment */
	}
	return false;
}
