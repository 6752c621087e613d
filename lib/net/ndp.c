/* ndp.c: neighbour solicitations and advertisements (RFC 4861 7, RFC 4862 5.4), in and out. */
#include "net/neigh.h"
#include "net/net6.h"

#include <string.h>

#include "base/log.h"
#include "net/mail.h"

static const struct ip6_addr none = {{0}}, all_nodes = {{0xff, 2, [15] = 1}};

/* ---- out ---- */

void ndp_solicit(struct net *n, uint8_t iface, rte_be32_t target_be, rte_be32_t from_be, const struct rte_ether_addr *mac)
{
	const struct ip6_addr *target = net_addr6_at(n, target_be);
	const struct ip6_addr dst = mac != NULL ? *target : ip6_addr_solicited(target);
	const struct rte_ether_addr to = mac != NULL ? *mac : group_mac(&dst);
	uint8_t msg[NDP_MSG_MAX];

	icmp6_send(n, iface, &to, net_addr6_at(n, from_be), &dst, NDP_HOPS, msg,
		   (uint16_t)ndp_ns_emit(msg, target, &n->iface[iface].mac), false);
}

void ndp_probe(struct net *n, const struct net_addr6 *a)
{
	const struct ip6_addr *target = net_addr6_at(n, a->addr_be), dst = ip6_addr_solicited(target);
	const struct rte_ether_addr to = group_mac(&dst);
	uint8_t msg[NDP_MSG_MAX];

	icmp6_send(n, a->iface, &to, &none, &dst, NDP_HOPS, msg, (uint16_t)ndp_probe_emit(msg, target, n->net6->nonce), false);
}

static void advertise(struct net *n, uint8_t iface, const struct ip6_addr *target, const struct ip6_addr *dst,
		      const struct rte_ether_addr *to, bool solicited)
{
	uint8_t msg[NDP_MSG_MAX];

	icmp6_send(n, iface, to, target, dst, NDP_HOPS, msg,
		   (uint16_t)ndp_na_emit(msg, target, &n->iface[iface].mac, solicited, true), false);
}

void ndp_announce(struct net *n, const struct net_addr6 *a)
{
	const struct rte_ether_addr to = group_mac(&all_nodes);

	advertise(n, a->iface, net_addr6_at(n, a->addr_be), &all_nodes, &to, false);
}

/* ---- in ---- */

/* Somebody else uses an address of ours, or is about to. */
static void conflict(struct net *n, const struct net_pkt *pkt, const struct ip6_addr *addr)
{
	const struct rte_ether_addr *mac = &rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr;
	struct net6_note note = {.kind = NEWS_ADDR_DUPLICATE, .iface = pkt->iface, .addr = *addr};

	if (n->addr6_conflicts++ == 0)
		LOG_WARN("address conflict: " RTE_ETHER_ADDR_PRT_FMT " uses our address " IP6_PRT_FMT, RTE_ETHER_ADDR_BYTES(mac),
			 IP6_BYTES(addr));
	net6_tell(n, &note);
}

/* A probe for an address of ours (RFC 4862 5.4.3): when both only would like it nobody gets it; when we have it, all
 * shall hear. */
static void probed(struct net *n, const struct net_pkt *pkt, const struct ndp_neigh *v, const struct net_addr6 *a)
{
	const struct rte_ether_addr to = group_mac(&all_nodes);

	if (v->opts.nonce != 0 && v->opts.nonce == n->net6->nonce)
		return; /* ours, sent back to us */
	if (a->state == ADDR6_TENTATIVE)
		conflict(n, pkt, &v->target);
	else if (a->state != ADDR6_DUPLICATE)
		advertise(n, pkt->iface, &v->target, &all_nodes, &to, false);
}

static bool ns_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	const struct ip6_addr *src = net_pkt_raddr6(pkt);
	const struct rte_ether_addr *from = &rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr;
	const struct net_addr6 *a;
	struct neigh_news news;
	struct ndp_neigh v;

	if (net_from_group(pkt) || !ndp_ns_parse(&v, msg, pkt->l4_len, src, net_pkt_laddr6(pkt), pkt->ttl))
		return false;
	a = local6_at(n, pkt->iface, &v.target);
	if (a == NULL || a->iface != pkt->iface)
		return true;
	if (ip6_addr_is_none(src)) {
		probed(n, pkt, &v, a);
		return true;
	}
	if (a->state == ADDR6_TENTATIVE || a->state == ADDR6_DUPLICATE)
		return true;
	/* An unicast question may come without the option: then its frame says who asked. */
	news = (struct neigh_news){.mac = v.opts.has_slla ? &v.opts.slla : NULL, .create = v.opts.has_slla, .override = true};
	if (news.mac != NULL) {
		neigh_learn6(n, pkt->iface, src, &news);
		net_tell_neigh(n, pkt->iface, src, &news);
	}
	advertise(n, pkt->iface, &v.target, src, v.opts.has_slla ? &v.opts.slla : from, true);
	return true;
}

static bool na_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	const struct net_addr6 *a;
	struct neigh_news news;
	struct ndp_neigh v;

	if (!ndp_na_parse(&v, msg, pkt->l4_len, net_pkt_laddr6(pkt), pkt->ttl))
		return false;
	a = local6_at(n, pkt->iface, &v.target);
	if (a != NULL && a->iface == pkt->iface) {
		conflict(n, pkt, &v.target); /* RFC 4862 5.4.4 */
		return true;
	}
	news = (struct neigh_news){.mac = v.opts.has_tlla ? &v.opts.tlla : NULL, .advert = true, .solicited = v.solicited,
				   .override = v.override};
	neigh_learn6(n, pkt->iface, &v.target, &news);
	net_tell_neigh(n, pkt->iface, &v.target, &news);
	if (!v.router && n->net6->set.routers)
		router_forget(n, pkt->iface, &v.target); /* RFC 4861 7.2.5 */
	return true;
}

bool ndp_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	const struct rte_ether_addr *from = &rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr;

	if (pkt->port != NET_PORT_LOOP && net_mac_is_ours(n, from))
		return true; /* we, heard by our other port or sent back to us */
	switch (msg[0]) {
	case ICMP6_NS:
		return ns_input(n, pkt, msg);
	case ICMP6_NA:
		return na_input(n, pkt, msg);
	default:
		return router_input(n, pkt, msg);
	}
}
