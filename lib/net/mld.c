/* mld.c: MLD (RFC 3810) of the end's leader, with version 1 where a querier speaks no other (8.2). */
#include "wire/mld.h"

#include "net/net6.h"

#define MESSAGE_MAX (MLD2_REPORT_LEN + MLD2_RECORD_LEN + 16 * GROUP_FILTER_MAX)

static const struct ip6_addr none = {{0}}, all_routers = {{0xff, 2, [15] = 2}}, all_mld2 = {{0xff, 2, [15] = 0x16}};

/* From a link-local address, or none while there is none (RFC 3590). */
static void mld_send(struct net *n, uint8_t iface, const struct ip6_addr *dst, const void *msg, uint32_t len)
{
	const struct net_addr6 *a = local6_towards(n, iface, &(struct ip6_addr){{0xfe, 0x80}});
	const struct ip6_addr *src = a != NULL ? net_addr6_at(n, a->addr_be) : &none;
	const struct rte_ether_addr mac = group_mac(dst);

	if (!n->iface[iface].ip6)
		return;
	icmp6_send(n, iface, &mac, ip6_addr_is_linklocal(src) ? src : &none, dst, 1, msg, (uint16_t)len, true);
}

bool mld_v1_on(struct net *n, uint8_t iface)
{
	struct net6_iface *v6 = &n->net6->iface[iface];

	if (v6->mld1 && n->clock->tick - v6->mld1_tick >= ticks_from_ms(MLD_V1_MS))
		v6->mld1 = false;
	return v6->mld1;
}

/* Version 1 knows no sources: a group is wanted, or no longer (RFC 2710 4). */
static void record_v1(struct net *n, struct net_group *g, enum group_record type, uint32_t n_src)
{
	uint8_t msg[MLD_HDR_LEN];

	if (type == GROUP_TO_IN && n_src == 0) {
		mld1_emit(msg, ICMP6_MLD_DONE, &g->addr);
		if (g->reported)
			mld_send(n, g->iface, &all_routers, msg, sizeof(msg));
		g->reported = false;
	} else if (type != GROUP_BLOCK) {
		mld1_emit(msg, ICMP6_MLD_REPORT, &g->addr);
		mld_send(n, g->iface, &g->addr, msg, sizeof(msg));
		g->reported = true;
	}
}

void mld_record(struct net *n, struct net_group *g, enum group_record type, const struct ip6_addr *src, uint32_t n_src)
{
	uint8_t msg[MESSAGE_MAX];

	if (mld_v1_on(n, g->iface))
		record_v1(n, g, type, n_src);
	else
		mld_send(n, g->iface, &all_mld2, msg, mld2_emit(msg, (uint8_t)type, &g->addr, src, (uint16_t)n_src));
}

static bool query_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg, bool alert)
{
	struct mld_query v;
	uint32_t k;

	if (!mld_query_parse(&v, msg, pkt->l4_len, net_pkt_raddr6(pkt), pkt->ttl, alert))
		return false;
	if (!v.v2) {
		n->net6->iface[pkt->iface].mld1 = true;
		n->net6->iface[pkt->iface].mld1_tick = n->clock->tick;
	}
	k = v.n_src <= GROUP_FILTER_MAX ? v.n_src : 0; /* more than is remembered: as if none had been named */
	group_query(n, pkt->iface, true, ip6_addr_is_none(&v.group) ? NULL : &v.group, v.src, k, v.max_delay_ms);
	return true;
}

/* Somebody else wants the group, too: where a querier of version 1 asks, one answer is enough (RFC 2710 4). It must be of the
 * link (5): others could make us silent. */
static bool report_heard(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	struct net_group *g;

	if (pkt->l4_len < MLD_HDR_LEN || !ip6_addr_is_linklocal(net_pkt_raddr6(pkt)))
		return false;
	g = group_find(n, pkt->iface, (const struct ip6_addr *)(msg + 8));
	if (g != NULL && g->answer && mld_v1_on(n, pkt->iface))
		g->answer = g->reported = false;
	return true;
}

bool mld_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg, bool alert)
{
	return msg[0] == ICMP6_MLD_QUERY ? query_input(n, pkt, msg, alert) : report_heard(n, pkt, msg);
}
