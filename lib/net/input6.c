/* input6.c: an IPv6 packet's way to a verdict: header, extension headers, checksums, the flow's key. */
#include <netinet/in.h>
#include <string.h>

#include "net/net6.h"
#include "wire/tcp.h"

/* ICMPv6 pays for what arrives damaged or unknown: to who sent it alone (icmp6_send_error()). */
static enum net_verdict problem(struct net *n, const struct net_pkt *pkt, uint8_t code, uint32_t pointer, enum drop why)
{
	icmp6_send_error(n, pkt, ICMP6_PARAM_PROBLEM, code, pointer);
	return net_drop(n, pkt->m, why);
}

static enum net_verdict chain_refuse(struct net *n, const struct net_pkt *pkt, const struct ip6_chain *c,
				     enum ip6_chain_verdict verdict)
{
	bool group = pkt->key.laddr_be == 0;

	switch (verdict) {
	case IP6_CHAIN_SHORT:
		if (c->fragment) /* RFC 7112 5 */
			return problem(n, pkt, ICMP6_PARAM_CHAIN, 0, DROP_IP6_FRAG_BAD);
		break;
	case IP6_CHAIN_ROUTING:
		return problem(n, pkt, ICMP6_PARAM_FIELD, c->problem_off, DROP_IP6_EXT);
	case IP6_CHAIN_ORDER:
		return problem(n, pkt, ICMP6_PARAM_NEXT, c->problem_off, DROP_IP6_EXT);
	case IP6_CHAIN_OPTION:
		if (c->option_action == 2 || (c->option_action == 3 && !group))
			return problem(n, pkt, ICMP6_PARAM_OPTION, c->problem_off, DROP_IP6_EXT);
		break;
	case IP6_CHAIN_LONG:
	case IP6_CHAIN_OK:
		break;
	}
	return net_drop(n, pkt->m, DROP_IP6_EXT);
}

uint32_t ip6_hash(const struct net *n, const struct net_pkt *pkt)
{
	return rss_hash6(n->flow->rss, net_pkt_raddr6(pkt), net_pkt_laddr6(pkt), pkt->key.rport_be, pkt->key.lport_be);
}

/* The first fragment's upper header must be there (RFC 7112); what ports it has matters when all is whole. */
static enum net_verdict fragment_identify(struct net *n, struct net_pkt *pkt, const struct ip6_chain *c)
{
	uint32_t need = c->proto == IPPROTO_TCP ? TCP_HDR_LEN : ICMP6_HDR_LEN;
	uint32_t part_off = (uint32_t)pkt->l3_off + c->frag_hdr_off + IP6_FRAG_HDR_LEN, end = (uint32_t)pkt->l4_off + pkt->l4_len;

	if (c->frag_more && (end - part_off) % 8 != 0)
		return problem(n, pkt, ICMP6_PARAM_FIELD, IP6_LEN_OFF, DROP_IP6_FRAG_BAD);
	if (c->frag_off == 0 && c->proto != IP6_NEXT_NONE && pkt->l4_len < need)
		return problem(n, pkt, ICMP6_PARAM_CHAIN, 0, DROP_IP6_FRAG_BAD);
	/* From here on l4 is what the fragment header leads: the fragmentable part. */
	pkt->l4_off = (uint16_t)part_off;
	pkt->l4_len = (uint16_t)(end - part_off);
	pkt->key.lport_be = pkt->key.rport_be = 0;
	pkt->hash = rss_hash2_ip6(n->flow->rss, net_pkt_raddr6(pkt), net_pkt_laddr6(pkt));
	return NET_FRAGMENT;
}

/* To a group: datagrams only. */
static enum net_verdict group_transport6(struct net *n, struct net_pkt *pkt)
{
	enum net_verdict v;

	if (pkt->proto != IPPROTO_UDP)
		return net_drop(n, pkt->m, DROP_GROUP_PROTO);
	v = net_l4_identify(n, pkt);
	return v == NET_UDP ? NET_GROUP : v;
}

static bool icmp6_is_ndp(const struct net_pkt *pkt)
{
	uint8_t type = pkt->l4_len > 0 ? *rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l4_off) : 0;

	return type >= ICMP6_RS && type <= ICMP6_REDIRECT;
}

static inline enum net_verdict upper(struct net *n, struct net_pkt *pkt, const struct ip6_chain *c)
{
	if (pkt->proto == IPPROTO_ICMPV6) /* without neighbour discovery nothing would pass: no rule is about that */
		return icmp6_is_ndp(pkt) || net_filter_passes_in(n, pkt) ? icmp6_input(n, pkt, c != NULL && c->router_alert) :
									   net_drop(n, pkt->m, DROP_FILTER);
	if (unlikely(ip6_addr_is_none(net_pkt_raddr6(pkt))))
		return net_drop(n, pkt->m, DROP_IP6_SRC);
	if (unlikely(pkt->key.laddr_be == 0))
		return group_transport6(n, pkt);
	if (likely(pkt->proto == IPPROTO_TCP || pkt->proto == IPPROTO_UDP))
		return net_l4_identify(n, pkt);
	if (pkt->proto == IP6_NEXT_NONE)
		return net_drop(n, pkt->m, DROP_IP4_PROTO);
	return problem(n, pkt, ICMP6_PARAM_NEXT, c != NULL ? c->next_off : IP6_NEXT_OFF, DROP_IP4_PROTO);
}

/* For an address that was removed: only what belongs to a flow that was there before, and lives here. */
static __rte_noinline enum net_verdict upper_old(struct net *n, struct net_pkt *pkt, const struct ip6_chain *c)
{
	const struct table *t = pkt->proto == IPPROTO_TCP ? &n->flow->tcp : &n->flow->udp;
	enum net_verdict v;

	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)
		return net_drop(n, pkt->m, DROP_IP6_DST);
	v = upper(n, pkt, c);
	if (v == NET_DONE)
		return v;
	pkt->hash = ip6_hash(n, pkt);
	pkt->nic_hash = false;
	if (flow_home(n->flow, pkt->hash) == n->flow->self && flow_find(n->flow, t, pkt->hash, &pkt->key) == 0)
		return net_drop(n, pkt->m, DROP_IP6_DST);
	return v;
}

static inline enum net_verdict upper_any(struct net *n, struct net_pkt *pkt, const struct ip6_chain *c)
{
	if (unlikely(local6_kind(local6_mark(n, pkt->key.laddr_be)) == LOCAL_OLD))
		return upper_old(n, pkt, c);
	return upper(n, pkt, c);
}

static __rte_noinline enum net_verdict chain_input(struct net *n, struct net_pkt *pkt)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l3_off);
	uint32_t have = pkt->m->data_len - pkt->l3_off;
	enum ip6_chain_verdict verdict;
	struct ip6_chain c;

	verdict = ip6_chain_walk(&c, ip, RTE_MIN(have, pkt->m->pkt_len - pkt->l3_off));
	pkt->proto = c.proto;
	pkt->l4_off = (uint16_t)(pkt->l3_off + c.l4_off);
	if (verdict != IP6_CHAIN_OK)
		return chain_refuse(n, pkt, &c, verdict);
	pkt->l4_len = (uint16_t)(pkt->m->pkt_len - pkt->l4_off);
	return c.fragment ? fragment_identify(n, pkt, &c) : upper_any(n, pkt, &c);
}

enum net_verdict ip6_transport(struct net *n, struct net_pkt *pkt) { return chain_input(n, pkt); }

/* A source that no packet from the link may have (RFC 4291 2.5.2, 2.5.3, 2.7): a group, loopback, IPv4 in disguise, or we. None
 * at all is for ICMPv6. */
static inline bool source_bad(const struct net *n, const struct net_pkt *pkt, const struct ip6_addr *src)
{
	if (unlikely(ip6_addr_is_multicast(src) || (src->b[0] == 0 && (ip6_addr_is_loopback(src) || ip6_addr_is_mapped(src)))))
		return !ip6_addr_is_loopback(src) || pkt->port != NET_PORT_LOOP;
	return local6_kind(local6_mark(n, pkt->key.raddr_be)) == LOCAL_OURS && pkt->port != NET_PORT_LOOP;
}

/* Groups that every host is in (RFC 4291 2.8), of all nodes and of those in which our addresses are asked for (what a message
 * there says decides whom it concerns), and that sockets are in. */
static bool group_ours(const struct net *n, uint8_t iface, const struct ip6_addr *dst)
{
	static const uint8_t solicited[13] = {0xff, 2, [11] = 1, 0xff};

	return memcmp(dst, solicited, sizeof(solicited)) == 0 || net_group_joined(n, iface, dst);
}

/* Is it for us? Sets the key's addresses. */
static inline bool ip6_addressed(const struct net *n, struct net_pkt *pkt, const struct ip6_view *ip, bool to_us)
{
	uint32_t mark;

	pkt->key.raddr_be = number6(n, ip->src, pkt->iface);
	if (unlikely(ip6_addr_is_multicast(ip->dst))) {
		pkt->key.laddr_be = 0;
		return group_ours(n, pkt->iface, ip->dst);
	}
	pkt->key.laddr_be = number6(n, ip->dst, pkt->iface);
	mark = local6_mark(n, pkt->key.laddr_be);
	return likely(to_us) && local6_named(mark, pkt);
}

enum net_verdict ip6_input(struct net *n, struct rte_mbuf *m, struct net_pkt *pkt, uint16_t l3_off, bool to_us)
{
	enum ip6_verdict verdict;
	struct ip6_view ip;

	if (unlikely(m->nb_segs > 1 && m->data_len < NET_HEADERS6_MAX) && !net_gather(m, NET_HEADERS6_MAX))
		return net_drop(n, m, DROP_IP6_SHORT);
	verdict = ip6_parse(&ip, rte_pktmbuf_mtod_offset(m, const void *, l3_off), m->pkt_len - l3_off);
	if (unlikely(verdict != IP6_OK))
		return net_drop(n, m, verdict == IP6_BAD_SHORT ? DROP_IP6_SHORT : DROP_IP6_VERSION);
	pkt->ip6 = true;
	if (unlikely(!ip6_addressed(n, pkt, &ip, to_us)))
		return net_drop(n, m, DROP_IP6_DST);
	if (unlikely(source_bad(n, pkt, ip.src)))
		return net_drop(n, m, DROP_IP6_SRC);
	net_trim(m, (uint32_t)l3_off + IP6_HDR_LEN + ip.payload_len);

	pkt->m = m;
	pkt->l3_off = l3_off;
	pkt->l4_off = l3_off + IP6_HDR_LEN;
	pkt->l4_len = ip.payload_len;
	pkt->proto = ip.next;
	pkt->tos = ip.tclass;
	pkt->ttl = ip.hops;
	pkt->flow_label = ip.flow_label;
	if (likely(ip.next == IPPROTO_TCP || ip.next == IPPROTO_UDP || ip.next == IPPROTO_ICMPV6))
		return upper_any(n, pkt, NULL);
	return chain_input(n, pkt);
}
