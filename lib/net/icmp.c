/* icmp.c: ICMP in and out (RFC 792, RFC 1122 3.2.2): echo replies, and errors about packets of ours and of others. */
#include "wire/icmp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/private.h"
#include "wire/cksum.h"

#define ERROR_MAX 576      /* bytes of an error with its IP header (RFC 1812 4.3.2.3) */
#define TOS_INTERNETWORK 0xc0 /* the precedence of errors (RFC 1812 4.3.2.5) */

/* What "destination unreachable" means to connect(), by code. Linux's mapping; 4 lowers the MTU and is no error. */
static const uint8_t unreach_errno[] = {
	ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT, ECONNREFUSED, 0, EOPNOTSUPP, ENETUNREACH, EHOSTDOWN,
	ENONET, ENETUNREACH, EHOSTUNREACH, ENETUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH,
};

static int icmp_errno(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP_UNREACH:
		return code < RTE_DIM(unreach_errno) ? unreach_errno[code] : 0;
	case ICMP_TIME_EXCEEDED:
		return code == 1 ? 0 : EHOSTUNREACH; /* 1: of reassembly */
	default:
		return EPROTO; /* parameter problem */
	}
}

/* The MTU that a router meant which named none: the next plateau below the packet it dropped (RFC 1191 section 7). */
static uint16_t plateau_below(uint16_t total_len)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};

	for (size_t i = 0; i < RTE_DIM(plateaus); i++)
		if (plateaus[i] < total_len)
			return plateaus[i];
	return 68;
}

static enum net_verdict icmp_error(struct net *n, struct net_pkt *pkt, const struct icmp_view *v)
{
	uint32_t off = pkt->l4_off + (uint32_t)ICMP_HDR_LEN, have = pkt->m->data_len - off;
	uint32_t len = pkt->l4_len - (uint32_t)ICMP_HDR_LEN;
	struct icmp_quote q;

	if (!icmp_quote_parse(&q, rte_pktmbuf_mtod_offset(pkt->m, const void *, off), RTE_MIN(len, have)))
		return net_drop(n, pkt->m, DROP_ICMP_BAD);
	if (flow_addr_is6(q.src_be) || flow_addr_is6(q.dst_be)) /* 0.x.y.z: we never sent to there, and it is a number among ours */
		return net_drop(n, pkt->m, DROP_ICMP_UNMATCHED);
	if ((net_local_find(n, q.src_be) != LOCAL_OURS && net_local_find(n, q.src_be) != LOCAL_OLD &&
	     !net_pkt_names_loopback(n, pkt, q.src_be)) ||
	    (q.proto != IPPROTO_TCP && q.proto != IPPROTO_UDP))
		return net_drop(n, pkt->m, DROP_ICMP_UNMATCHED);
	pkt->icmp.from = ip6_addr_mapped(pkt->key.raddr_be);
	pkt->key = (struct flow_key){.laddr_be = q.src_be, .raddr_be = q.dst_be, .lport_be = q.sport_be,
				     .rport_be = q.dport_be};
	pkt->hash = flow_hash(n->flow, &pkt->key);
	pkt->quoted = true;
	pkt->l3_off = (uint16_t)off;
	pkt->l4_off = (uint16_t)(off + q.hdr_len);
	pkt->l4_len = (uint16_t)(len - q.hdr_len);
	pkt->proto = q.proto;
	pkt->icmp.type = v->type;
	pkt->icmp.code = v->code;
	pkt->icmp.mtu = 0;
	pkt->icmp.seq = q.seq;
	pkt->icmp.err = icmp_errno(v->type, v->code);
	pkt->icmp.local = false;
	if (v->type == ICMP_UNREACH && v->code == ICMP_UNREACH_FRAG)
		pkt->icmp.mtu = v->mtu != 0 ? v->mtu : plateau_below(q.total_len);
	return NET_ICMP_ERROR;
}

/* The message of a request becomes that of the reply, checksum included. */
static void echo_turn(uint8_t *icmp)
{
	uint16_t word[2], was;

	memcpy(word, icmp, sizeof(word));
	was = word[0];
	icmp[0] = ICMP_ECHO_REPLY;
	memcpy(word, icmp, 2);
	word[1] = cksum_update(word[1], was, word[0]);
	memcpy(icmp, word, sizeof(word));
}

/* A reply that does not fit one packet goes the way of all datagrams. */
static void echo_reply_large(struct net *n, const struct net_pkt *pkt, struct rte_mbuf *m)
{
	int err;
	uint32_t path = net_path_get(n, pkt->key.laddr_be, pkt->key.raddr_be, &err);

	if (path == 0) {
		net_drop(n, m, DROP_NO_ROUTE);
		return;
	}
	net_ip4_fragment(n, path_at(&n->paths, path), m, IPPROTO_ICMP, pkt->tos, NET_TTL);
	net_path_put(n, path);
}

/* To where the request came from, without a question for its hardware address. */
static void echo_reply(struct net *n, struct net_pkt *pkt)
{
	const struct net_iface *iface = &n->iface[pkt->iface];
	struct pkt_tx *tx = &n->tx[iface->port];
	struct rte_ether_addr to = rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr;
	struct rte_mbuf *m;
	uint8_t *b;

	if (unlikely(net_from_group(pkt))) {
		net_drop(n, pkt->m, DROP_ETH_SRC);
		return;
	}
	m = net_own(n, pkt->m);
	if (m == NULL)
		return;
	echo_turn((uint8_t *)rte_pktmbuf_adj(m, pkt->l4_off)); /* IP options are not echoed */
	m->ol_flags = 0;
	m->tx_offload = 0;
	if (m->pkt_len + IP4_HDR_LEN > iface->mtu || pkt->port == NET_PORT_LOOP) {
		echo_reply_large(n, pkt, m);
		return;
	}
	if (m->nb_segs > 1 && !(tx->port->offloads & PORT_TX_MULTI_SEG) && rte_pktmbuf_linearize(m) != 0) {
		net_drop(n, m, DROP_NO_MBUF);
		return;
	}
	b = (uint8_t *)rte_pktmbuf_prepend(m, iface->l2_len + IP4_HDR_LEN);
	SPATE_ASSERT(b != NULL);
	net_l2_emit(iface, m, &to, RTE_ETHER_TYPE_IPV4);
	ip4_emit(b + iface->l2_len, pkt->key.laddr_be, pkt->key.raddr_be, IPPROTO_ICMP, pkt->l4_len + IP4_HDR_LEN,
		 0, pkt->tos, NET_TTL);
	pkt_tx_push(tx, m);
}

enum net_verdict icmp_input(struct net *n, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;
	struct icmp_view v;

	if (!icmp_parse(&v, rte_pktmbuf_mtod_offset(m, const void *, pkt->l4_off), pkt->l4_len) ||
	    cksum_fold(cksum_mbuf(0, m, pkt->l4_off, pkt->l4_len)) != 0xffff)
		return net_drop(n, m, DROP_ICMP_BAD);
	switch (v.type) {
	case ICMP_ECHO:
		echo_reply(n, pkt);
		return NET_DONE;
	case ICMP_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAM_PROBLEM:
		return icmp_error(n, pkt, &v);
	default: /* replies to questions that we do not ask; source quench (RFC 6633) */
		return net_drop(n, m, DROP_ICMP_UNMATCHED);
	}
}

/* A token bucket: ICMP_ERRORS_PER_SEC, at most ICMP_ERRORS_BURST at once. */
bool icmp_error_allowed(struct net *n)
{
	uint32_t ms = n->clock->now_ms - n->icmp_ms;
	uint64_t tokens = n->icmp_tokens + (uint64_t)ms * ICMP_ERRORS_PER_SEC / 1000;

	n->icmp_ms = n->clock->now_ms;
	n->icmp_tokens = (uint32_t)RTE_MIN(tokens, (uint64_t)ICMP_ERRORS_BURST);
	if (n->icmp_tokens == 0)
		return false;
	n->icmp_tokens--;
	return true;
}

/* The message: header, and as much of the packet as an error may quote. */
static struct rte_mbuf *error_build(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code, uint8_t pointer)
{
	uint32_t len = (uint32_t)pkt->l4_off - pkt->l3_off + pkt->l4_len, sum16;
	struct rte_mbuf *m = pkt_tx_alloc(n->tx);
	const void *quoted;
	uint8_t *b;

	if (m == NULL)
		return NULL;
	len = RTE_MIN(len, (uint32_t)(ERROR_MAX - IP4_HDR_LEN - ICMP_HDR_LEN));
	b = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(ICMP_HDR_LEN + len));
	SPATE_ASSERT(b != NULL);
	icmp_emit(b, type, code, 0);
	b[4] = pointer;
	quoted = rte_pktmbuf_read(pkt->m, pkt->l3_off, len, b + ICMP_HDR_LEN);
	SPATE_ASSERT(quoted != NULL);
	if (quoted != b + ICMP_HDR_LEN)
		memcpy(b + ICMP_HDR_LEN, quoted, len);
	sum16 = ~(uint32_t)cksum_fold(cksum_bytes(0, b, ICMP_HDR_LEN + len));
	memcpy(b + 2, &(uint16_t){(uint16_t)sum16}, 2);
	return m;
}

static void send_error(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code, uint8_t pointer)
{
	struct rte_mbuf *m;
	uint32_t path;
	int err;

	/* net_input() lets neither broadcasts nor fragments pass; ICMP is never answered with an error. */
	if (pkt->proto == IPPROTO_ICMP || (pkt->port != NET_PORT_LOOP && !icmp_error_allowed(n)))
		return;
	if (net_is_group(n, pkt->key.laddr_be)) /* nor is what came for many (RFC 1122 3.2.2) */
		return;
	path = net_path_get(n, pkt->key.laddr_be, pkt->key.raddr_be, &err);
	if (path == 0)
		return;
	m = error_build(n, pkt, type, code, pointer);
	if (m != NULL)
		net_ip4_output(n, path_at(&n->paths, path), m, IPPROTO_ICMP, TOS_INTERNETWORK, NET_TTL);
	net_path_put(n, path);
}

void icmp_send_error(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code)
{
	send_error(n, pkt, type, code, 0);
}

void icmp_send_problem(struct net *n, const struct net_pkt *pkt, uint8_t pointer)
{
	send_error(n, pkt, ICMP_PARAM_PROBLEM, 0, pointer);
}

void net_icmp_unreachable(struct net *n, const struct net_pkt *pkt, uint8_t code)
{
	icmp_send_error(n, pkt, ICMP_UNREACH, code);
}
