/* igmp.c: IGMP (RFC 3376) of the end's leader, with the older versions where a querier speaks no other (7.2). */
#include "wire/igmp.h"

#include <netinet/in.h>
#include <string.h>

#include "net/group.h"
#include "net/private.h"
#include "wire/cksum.h"

#define OLDER_MS 260000      /* an older querier is gone: Robustness x Query Interval + Query Response Interval (8.12) */
#define ROUTER_ALERT_LEN 4   /* RFC 2113: every message has the option (section 4) */
#define TOS_INTERNETWORK 0xc0
#define ALL_ROUTERS RTE_BE32(0xe0000002)
#define ALL_V3 RTE_BE32(0xe0000016)

/* ---- out ---- */

/* 0 when the interface has no address: then it is sent from none (4.2.13). */
static rte_be32_t source_on(const struct net *n, uint8_t iface)
{
	for (uint32_t i = 0; i < n->n_addrs; i++)
		if (n->addr[i].iface == iface)
			return n->addr[i].addr_be;
	return 0;
}

/* Sends m, an IGMP message, to a group. */
static void igmp_send(struct net *n, uint8_t iface, struct rte_mbuf *m, rte_be32_t dst_be)
{
	const struct net_iface *ifc = &n->iface[iface];
	const struct ip6_addr group = ip6_addr_mapped(dst_be);
	const struct rte_ether_addr mac = group_mac(&group);
	uint16_t hdr_len = IP4_HDR_LEN + ROUTER_ALERT_LEN, total = (uint16_t)(hdr_len + m->pkt_len), sum;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, ifc->l2_len + hdr_len) + ifc->l2_len;

	net_l2_emit(ifc, m, &mac, RTE_ETHER_TYPE_IPV4);
	ip4_emit(ip, source_on(n, iface), dst_be, IPPROTO_IGMP, total, 0, TOS_INTERNETWORK, 1);
	ip[0] = (uint8_t)(0x40 | hdr_len / 4);
	memcpy(ip + IP4_HDR_LEN, (const uint8_t[]){0x94, ROUTER_ALERT_LEN, 0, 0}, ROUTER_ALERT_LEN);
	memset(ip + 10, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, ip, hdr_len));
	memcpy(ip + 10, &sum, sizeof(sum));
	pkt_tx_push(&n->tx[ifc->port], m);
}

static struct rte_mbuf *message_new(struct net *n, uint8_t iface, uint16_t len, uint8_t **b)
{
	struct rte_mbuf *m = pkt_tx_alloc(&n->tx[n->iface[iface].port]);

	if (m == NULL)
		return NULL;
	*b = (uint8_t *)rte_pktmbuf_append(m, len);
	SPATE_ASSERT(*b != NULL);
	return m;
}

static void send_v3(struct net *n, const struct net_group *g, enum group_record type, const struct ip6_addr *src, uint32_t n_src)
{
	uint16_t len = (uint16_t)(IGMP_LEN + IGMP_RECORD_LEN + 4 * n_src);
	uint8_t *b;
	struct rte_mbuf *m = message_new(n, g->iface, len, &b);

	if (m == NULL)
		return;
	igmp_emit_record(b, (uint8_t)type, ip6_addr_ip4(&g->addr), (uint16_t)n_src);
	for (uint32_t i = 0; i < n_src; i++)
		store32_be(b + IGMP_LEN + IGMP_RECORD_LEN + 4 * i, ip6_addr_ip4(&src[i]));
	igmp_finish(b, len);
	igmp_send(n, g->iface, m, ALL_V3);
}

static void send_older(struct net *n, const struct net_group *g, uint8_t type, rte_be32_t dst_be)
{
	uint8_t *b;
	struct rte_mbuf *m = message_new(n, g->iface, IGMP_LEN, &b);

	if (m == NULL)
		return;
	igmp_emit(b, type, ip6_addr_ip4(&g->addr));
	igmp_send(n, g->iface, m, dst_be);
}

/* 1 or 2 while such a querier is on the link. */
static uint8_t version_on(struct net *n, uint8_t iface)
{
	for (uint8_t v = 1; v <= 2; v++) {
		bool *older = &n->groups.iface[iface].older[v];

		if (*older && n->clock->tick - n->groups.iface[iface].older_tick[v] >= ticks_from_ms(OLDER_MS))
			*older = false;
		if (*older)
			return v;
	}
	return 3;
}

/* Older versions know no sources: a group is wanted, or no longer (RFC 2236 section 3; version 1 does not say goodbye). */
static void record_older(struct net *n, struct net_group *g, enum group_record type, uint32_t n_src, uint8_t version)
{
	const rte_be32_t group_be = ip6_addr_ip4(&g->addr);

	if (type == GROUP_TO_IN && n_src == 0) {
		if (version == 2 && g->reported)
			send_older(n, g, IGMP_LEAVE, ALL_ROUTERS);
		g->reported = false;
	} else if (type != GROUP_BLOCK) {
		send_older(n, g, version == 1 ? IGMP_REPORT_V1 : IGMP_REPORT_V2, group_be);
		g->reported = true;
	}
}

void igmp_record(struct net *n, struct net_group *g, enum group_record type, const struct ip6_addr *src, uint32_t n_src)
{
	uint8_t version = version_on(n, g->iface);

	if (version == 3)
		send_v3(n, g, type, src, n_src);
	else
		record_older(n, g, type, n_src, version);
}

/* ---- in ---- */

static void query_input(struct net *n, uint8_t iface, const uint8_t *msg, const struct igmp_view *v)
{
	const struct ip6_addr group = ip6_addr_mapped(v->group_be);
	struct ip6_addr src[GROUP_FILTER_MAX];
	uint32_t k = RTE_MIN((uint32_t)v->n_src, (uint32_t)GROUP_FILTER_MAX);

	if (v->version < 3) {
		n->groups.iface[iface].older[v->version] = true;
		n->groups.iface[iface].older_tick[v->version] = n->clock->tick;
	}
	for (uint32_t i = 0; i < k; i++)
		src[i] = ip6_addr_mapped(igmp_source(msg, i));
	if (v->n_src > GROUP_FILTER_MAX)
		k = 0; /* more than is remembered: as if none had been named */
	group_query(n, iface, false, v->group_be != 0 ? &group : NULL, src, k, v->max_ms);
}

/* Somebody else wants the group, too: where an older querier asks, one answer is enough (RFC 2236 section 3). */
static void report_heard(struct net *n, uint8_t iface, rte_be32_t group_be)
{
	const struct ip6_addr addr = ip6_addr_mapped(group_be);
	struct net_group *g = group_find(n, iface, &addr);

	if (g == NULL || version_on(n, iface) == 3 || !g->answer)
		return;
	g->answer = false;
	g->reported = false;
}

void igmp_input(struct net *n, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;
	struct igmp_view v;
	const uint8_t *msg;

	if (!n->announce.leader) {
		if (mail_alone(n->flow->mail) || pkt->port == NET_PORT_LOOP)
			rte_pktmbuf_free(m);
		else
			mail_packet(n->flow->mail, 0, pkt->port, m); /* the leader's */
		return;
	}
	if (pkt->l4_len > m->data_len - pkt->l4_off && rte_pktmbuf_linearize(m) != 0)
		goto bad;
	msg = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	if (!igmp_parse(&v, msg, pkt->l4_len) || cksum_fold(cksum_mbuf(0, m, pkt->l4_off, pkt->l4_len)) != 0xffff)
		goto bad;
	if (v.type == IGMP_QUERY)
		query_input(n, pkt->iface, msg, &v);
	else if (v.type == IGMP_REPORT_V1 || v.type == IGMP_REPORT_V2)
		report_heard(n, pkt->iface, v.group_be);
	rte_pktmbuf_free(m);
	return;
bad:
	net_drop(n, m, DROP_IGMP_BAD);
}
