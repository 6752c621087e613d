/* icmp6.c: ICMPv6 in and out (RFC 4443): echo replies, and errors about packets of ours and of others. */
#include "wire/icmp6.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/net6.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/mld.h"

#define ERROR_MAX IP6_MTU_MIN /* bytes of an error with its IPv6 header (RFC 4443 2.4 (c)) */

/* What errors mean to connect(), as Linux maps them; "too big" lowers the MTU and is none. */
static int icmp6_errno(uint8_t type, uint8_t code)
{
	static const uint8_t unreach[] = {ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, EACCES, EACCES};

	switch (type) {
	case ICMP6_UNREACH:
		return code < RTE_DIM(unreach) ? unreach[code] : EPROTO;
	case ICMP6_TIME_EXCEEDED:
		return EHOSTUNREACH;
	case ICMP6_PARAM_PROBLEM:
		return EPROTO;
	default:
		return 0;
	}
}

static enum net_verdict icmp6_error(struct net *n, struct net_pkt *pkt, const struct icmp6_view *v)
{
	uint32_t off = pkt->l4_off + (uint32_t)ICMP6_HDR_LEN, have = pkt->m->data_len - off;
	uint32_t len = pkt->l4_len - (uint32_t)ICMP6_HDR_LEN;
	struct icmp6_quote q;

	if (v->type > ICMP6_PARAM_PROBLEM || !icmp6_quote_parse(&q, rte_pktmbuf_mtod_offset(pkt->m, const void *, off),
								RTE_MIN(len, have)))
		return net_drop(n, pkt->m, DROP_ICMP_BAD);
	pkt->key = (struct flow_key){.laddr_be = number6(n, &q.src, pkt->iface), .raddr_be = number6(n, &q.dst, pkt->iface),
				     .lport_be = q.sport_be, .rport_be = q.dport_be};
	if (!local6_named(local6_mark(n, pkt->key.laddr_be), pkt) || (q.proto != IPPROTO_TCP && q.proto != IPPROTO_UDP))
		return net_drop(n, pkt->m, DROP_ICMP_UNMATCHED);
	pkt->icmp.from = *net_pkt_raddr6(pkt);
	pkt->quoted = true;
	pkt->l3_off = (uint16_t)off;
	pkt->l4_off = (uint16_t)(off + q.hdr_len);
	pkt->l4_len = (uint16_t)(len - q.hdr_len);
	pkt->proto = q.proto;
	pkt->hash = ip6_hash(n, pkt);
	pkt->icmp.type = v->type;
	pkt->icmp.code = v->code;
	pkt->icmp.mtu = v->type == ICMP6_TOO_BIG ? (uint16_t)RTE_MIN(v->param, (uint32_t)UINT16_MAX) : 0;
	pkt->icmp.seq = q.seq;
	pkt->icmp.err = icmp6_errno(v->type, v->code);
	pkt->icmp.local = false;
	return NET_ICMP_ERROR;
}

/* ---- out ---- */

void icmp6_send(struct net *n, uint8_t iface, const struct rte_ether_addr *mac, const struct ip6_addr *src,
		const struct ip6_addr *dst, uint8_t hops, const void *msg, uint16_t len, bool alert)
{
	const struct net_iface *ifc = &n->iface[iface];
	uint16_t ext = alert ? MLD_HBH_LEN : 0, l4_off = (uint16_t)(ifc->l2_len + IP6_HDR_LEN + ext);
	struct pkt_tx *tx = &n->tx[ifc->port];
	struct rte_mbuf *m = pkt_tx_alloc(tx);
	uint8_t *b;

	if (m == NULL)
		return;
	b = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(l4_off + len));
	SPATE_ASSERT(b != NULL);
	net_l2_emit(ifc, m, mac, RTE_ETHER_TYPE_IPV6);
	ip6_emit(b + ifc->l2_len, src, dst, alert ? IP6_NEXT_HOP_BY_HOP : IP6_NEXT_ICMP, (uint16_t)(ext + len), hops);
	if (alert)
		mld_hbh_emit(b + ifc->l2_len + IP6_HDR_LEN);
	memcpy(b + l4_off, msg, len);
	pkt_tx_cksum_ip6(tx->port, m, ifc->l2_len, l4_off, IPPROTO_ICMPV6);
	pkt_tx_push(tx, m);
}

/* m, an ICMPv6 message with checksum zero, to pkt's sender, from its destination or, where that is a group, the best address. */
static void answer(struct net *n, const struct net_pkt *pkt, struct rte_mbuf *m, uint8_t tos)
{
	const struct ip6_addr raddr = *net_pkt_raddr6(pkt);
	uint32_t scope = net_pkt_scope6(pkt), path, count;
	rte_be32_t laddr_be = pkt->key.laddr_be;
	const rte_be32_t *sources;
	struct path *p;
	int err;

	if (laddr_be == 0) {
		sources = net_sources6(n, &raddr, scope, &count);
		laddr_be = sources != NULL ? sources[0] : 0;
	}
	path = laddr_be != 0 ? net_path6_get(n, laddr_be, &raddr, scope, &err) : 0;
	if (path == 0) {
		net_drop(n, m, DROP_NO_ROUTE);
		return;
	}
	p = path_at(&n->paths, path);
	if (m->pkt_len + IP6_HDR_LEN > p->pmtu)
		net_ip6_fragment(n, p, m, IPPROTO_ICMPV6, tos, 0, 0);
	else
		net_ip6_output(n, p, m, IPPROTO_ICMPV6, tos, 0, 0);
	net_path_put(n, path);
}

/* To where the request came from, without a question for its hardware address; m's data starts at the message, checksum
 * and all. */
static void echo_direct(struct net *n, const struct net_pkt *pkt, struct rte_mbuf *m, const struct rte_ether_addr *to,
			const struct ip6_addr *src, const struct ip6_addr *dst)
{
	const struct net_iface *iface = &n->iface[pkt->iface];
	struct pkt_tx *tx = &n->tx[iface->port];
	uint32_t len = m->pkt_len;
	uint8_t *b;

	if (m->nb_segs > 1 && !(tx->port->offloads & PORT_TX_MULTI_SEG) && rte_pktmbuf_linearize(m) != 0) {
		net_drop(n, m, DROP_NO_MBUF);
		return;
	}
	b = (uint8_t *)rte_pktmbuf_prepend(m, iface->l2_len + IP6_HDR_LEN);
	SPATE_ASSERT(b != NULL);
	net_l2_emit(iface, m, to, RTE_ETHER_TYPE_IPV6);
	ip6_emit(b + iface->l2_len, src, dst, IPPROTO_ICMPV6, (uint16_t)len, n->net6->iface[pkt->iface].hops);
	store32(b + iface->l2_len, 6u << 28 | (uint32_t)pkt->tos << 20);
	pkt_tx_push(tx, m);
}

static void echo_reply(struct net *n, struct net_pkt *pkt)
{
	struct rte_ether_addr to = rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr;
	struct ip6_addr src = *net_pkt_laddr6(pkt), dst = *net_pkt_raddr6(pkt);
	struct net_pkt asked = *pkt;
	struct rte_mbuf *m;
	uint16_t word[2], was;
	uint8_t *b;

	if (unlikely(net_from_group(pkt))) {
		net_drop(n, pkt->m, DROP_ETH_SRC);
		return;
	}
	m = net_own(n, pkt->m);
	if (m == NULL)
		return;
	pkt->m = m;
	b = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l4_off);
	memcpy(word, b, sizeof(word));
	was = word[0];
	b[0] = ICMP6_ECHO_REPLY;
	memcpy(word, b, 2);
	word[1] = cksum_update(word[1], was, word[0]);
	m->ol_flags = 0;
	m->tx_offload = 0;
	if (pkt->key.laddr_be != 0 && pkt->l4_len + IP6_HDR_LEN <= n->iface[pkt->iface].mtu && pkt->port != NET_PORT_LOOP) {
		memcpy(b, word, sizeof(word)); /* the two addresses change places, which no sum notices */
		rte_pktmbuf_adj(m, pkt->l4_off);
		echo_direct(n, pkt, m, &to, &src, &dst);
		return;
	}
	/* answer() wants the addresses while it makes room for new headers. */
	asked.m = pkt_tx_alloc(n->tx);
	if (asked.m == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	asked.l3_off = 0;
	ip6_emit(rte_pktmbuf_append(asked.m, IP6_HDR_LEN), &dst, &src, IPPROTO_ICMPV6, 0, 0);
	store16(b + 2, 0);
	rte_pktmbuf_adj(m, pkt->l4_off);
	answer(n, &asked, m, pkt->tos);
	rte_pktmbuf_free(asked.m);
}

/* The message: header, and as much of the packet as an error may quote. */
static struct rte_mbuf *error_build(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code, uint32_t param)
{
	uint32_t len = pkt->m->pkt_len - pkt->l3_off;
	struct rte_mbuf *m = pkt_tx_alloc(n->tx);
	const void *quoted;
	uint8_t *b;

	if (m == NULL)
		return NULL;
	len = RTE_MIN(len, (uint32_t)(ERROR_MAX - IP6_HDR_LEN - ICMP6_HDR_LEN));
	b = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(ICMP6_HDR_LEN + len));
	SPATE_ASSERT(b != NULL);
	icmp6_emit(b, type, code, param);
	quoted = rte_pktmbuf_read(pkt->m, pkt->l3_off, len, b + ICMP6_HDR_LEN);
	SPATE_ASSERT(quoted != NULL);
	if (quoted != b + ICMP6_HDR_LEN)
		memcpy(b + ICMP6_HDR_LEN, quoted, len);
	return m;
}

/* RFC 4443 2.4 (e): never about errors and redirects, nor to who is no single station; about what went to a group only when that
 * says something about the path or the packet. */
static bool error_fits(const struct net_pkt *pkt, uint8_t type, uint8_t code)
{
	const struct rte_ether_addr *dst = &rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->dst_addr;
	const struct ip6_addr *src = net_pkt_raddr6(pkt);
	bool group = ip6_addr_is_multicast(net_pkt_laddr6(pkt)) || rte_is_multicast_ether_addr(dst);

	if (ip6_addr_is_none(src) || ip6_addr_is_multicast(src))
		return false;
	if (group && !(type == ICMP6_PARAM_PROBLEM && code == ICMP6_PARAM_OPTION))
		return false;
	if (pkt->proto != IPPROTO_ICMPV6 || pkt->l4_off >= pkt->m->data_len)
		return pkt->proto != IPPROTO_ICMPV6;
	return rte_pktmbuf_mtod(pkt->m, const uint8_t *)[pkt->l4_off] >= ICMP6_INFORMATIONAL &&
	       rte_pktmbuf_mtod(pkt->m, const uint8_t *)[pkt->l4_off] != ICMP6_REDIRECT;
}

void icmp6_send_error(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code, uint32_t param)
{
	struct rte_mbuf *m;

	if (!error_fits(pkt, type, code) || (pkt->port != NET_PORT_LOOP && !icmp_error_allowed(n)))
		return;
	m = error_build(n, pkt, type, code, param);
	if (m != NULL)
		answer(n, pkt, m, 0);
}

void net_port_unreachable(struct net *n, const struct net_pkt *pkt)
{
	if (pkt->ip6)
		icmp6_send_error(n, pkt, ICMP6_UNREACH, ICMP6_UNREACH_PORT, 0);
	else
		net_icmp_unreachable(n, pkt, ICMP_UNREACH_PORT);
}

/* ---- in ---- */

/* Neighbour discovery and MLD read their messages whole. What routers ask about groups the leader answers. */
static enum net_verdict discovery(struct net *n, struct net_pkt *pkt, bool mld, bool alert)
{
	struct rte_mbuf *m = pkt->m;
	bool good = false;

	if (mld && !n->announce.leader) {
		if (mail_alone(n->flow->mail) || pkt->port == NET_PORT_LOOP)
			rte_pktmbuf_free(m);
		else
			mail_packet(n->flow->mail, 0, pkt->port, m);
		return NET_DONE;
	}
	if (m->nb_segs > 1) {
		m = net_own(n, m);
		if (m == NULL)
			return NET_DONE;
		if (rte_pktmbuf_linearize(m) != 0)
			return net_drop(n, m, DROP_NDP_BAD);
		pkt->m = m;
	}
	if (mld)
		good = mld_input(n, pkt, rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off), alert);
	else
		good = ndp_input(n, pkt, rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off));
	if (!good)
		return net_drop(n, m, mld ? DROP_ICMP_BAD : DROP_NDP_BAD);
	rte_pktmbuf_free(m);
	return NET_DONE;
}

enum net_verdict icmp6_input(struct net *n, struct net_pkt *pkt, bool alert)
{
	struct rte_mbuf *m = pkt->m;
	struct icmp6_view v;

	if (!icmp6_parse(&v, rte_pktmbuf_mtod_offset(m, const void *, pkt->l4_off), pkt->l4_len) ||
	    cksum_l4_ip6(m, pkt->l4_off, pkt->l4_len, rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_off + IP6_SRC_OFF),
			 IPPROTO_ICMPV6) != 0)
		return net_drop(n, m, DROP_ICMP_BAD);
	switch (v.type) {
	case ICMP6_ECHO:
		if (ip6_addr_is_none(net_pkt_raddr6(pkt)))
			return net_drop(n, m, DROP_IP6_SRC);
		echo_reply(n, pkt);
		return NET_DONE;
	case ICMP6_RS: /* for routers */
		rte_pktmbuf_free(m);
		return NET_DONE;
	case ICMP6_RA:
	case ICMP6_NS:
	case ICMP6_NA:
	case ICMP6_REDIRECT:
		return discovery(n, pkt, false, alert);
	case ICMP6_MLD_QUERY:
	case ICMP6_MLD_REPORT:
		return discovery(n, pkt, true, alert);
	default: /* replies to questions that we do not ask */
		if (v.type < ICMP6_INFORMATIONAL)
			return icmp6_error(n, pkt, &v);
		return net_drop(n, m, DROP_ICMP_UNMATCHED);
	}
}
