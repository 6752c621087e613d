/* router.c: what routers say (RFC 4861 6.3, RFC 4862 5.5): prefixes, addresses made of them, default routes, the link's MTU and
 * hop limit; redirects (8.3). Believed only where the settings say so. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/neigh.h"
#include "net/net6.h"
#include "net/route.h"

#define METRIC_ROUTER 1024 /* of what routers say, so that what was set by hand comes first; as Linux */
#define AUTO_LEN 64        /* of a prefix that addresses are made of: an interface identifier has the rest */

static uint32_t until_s(const struct net *n, uint32_t life_s)
{
	uint64_t until = (uint64_t)net6_now_s(n) + life_s;

	return life_s == UINT32_MAX || until >= NET6_FOREVER ? NET6_FOREVER : (uint32_t)until;
}

/* ---- default routers ---- */

/* RFC 4191: of several, high preference first. */
static struct net_route default_route(const struct net6_router *r, int8_t preference)
{
	return (struct net_route){.type = ROUTE_GATEWAY, .iface = r->iface, .gw = r->addr,
				  .metric = (uint32_t)(METRIC_ROUTER - preference)};
}

static void router_remove(struct net *n, struct net6_router *r)
{
	for (int8_t p = -1; p <= 1; p++) {
		const struct net_route route = default_route(r, p);

		net_route_remove(n, &route);
	}
	n->net6->n_routers--;
	*r = n->net6->router[n->net6->n_routers];
}

static struct net6_router *router_find(struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	for (uint32_t i = 0; i < n->net6->n_routers; i++)
		if (n->net6->router[i].iface == iface && ip6_addr_eq(&n->net6->router[i].addr, addr))
			return &n->net6->router[i];
	return NULL;
}

void router_forget(struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	struct net6_router *r = router_find(n, iface, addr);

	if (r != NULL)
		router_remove(n, r);
}

static void router_heard(struct net *n, const struct net6_note *note)
{
	struct net6_router *r = router_find(n, note->iface, &note->addr);
	struct net_route route;

	if (note->valid_s == 0) {
		if (r != NULL)
			router_remove(n, r);
		return;
	}
	if (r == NULL) {
		if (n->net6->n_routers == IP6_ROUTERS_MAX)
			return;
		r = &n->net6->router[n->net6->n_routers++];
		*r = (struct net6_router){.addr = note->addr, .iface = note->iface};
	}
	r->until_s = until_s(n, note->valid_s);
	route = default_route(r, note->preference);
	if (net_route_add(n, &route) == -EEXIST)
		return;
	for (int8_t p = -1; p <= 1; p++) { /* it had another preference */
		route = default_route(r, p);
		if (p != note->preference)
			net_route_remove(n, &route);
	}
}

/* ---- prefixes ---- */

static struct net_route onlink_route(const struct net6_prefix *p)
{
	return (struct net_route){.prefix = p->prefix, .prefix_len = p->len, .type = ROUTE_ONLINK, .iface = p->iface,
				  .metric = METRIC_ROUTER};
}

static void prefix_remove(struct net *n, struct net6_prefix *p)
{
	const struct net_route route = onlink_route(p);

	net_route_remove(n, &route);
	n->net6->n_prefixes--;
	*p = n->net6->prefix[n->net6->n_prefixes];
}

static void prefix_onlink(struct net *n, const struct net6_note *note)
{
	struct net6_prefix fresh = {.prefix = note->addr, .len = note->prefix_len, .iface = note->iface}, *p = NULL;
	struct net_route route;

	for (uint32_t i = 0; i < n->net6->n_prefixes; i++)
		if (n->net6->prefix[i].iface == note->iface && n->net6->prefix[i].len == note->prefix_len &&
		    ip6_addr_eq(&n->net6->prefix[i].prefix, &note->addr))
			p = &n->net6->prefix[i];
	if (note->valid_s == 0) {
		if (p != NULL)
			prefix_remove(n, p);
		return;
	}
	if (p == NULL) {
		route = onlink_route(&fresh);
		if (n->net6->n_prefixes == IP6_PREFIXES_MAX || net_route_add(n, &route) < 0)
			return;
		p = &n->net6->prefix[n->net6->n_prefixes++];
		*p = fresh;
	}
	p->valid_s = until_s(n, note->valid_s);
}

/* The valid lifetime that an address has after an advertisement (RFC 4862 5.5.3 (e)): two hours are not taken away from it by
 * one that nobody has signed. */
static uint32_t valid_after(const struct net *n, const struct net_addr6 *a, uint32_t valid_s)
{
	uint32_t now_s = net6_now_s(n), left_s = a->valid_s == NET6_FOREVER ? NET6_FOREVER : a->valid_s - now_s;

	if (valid_s > IP6_PREFIX_KEEP_S || valid_s > left_s)
		return until_s(n, valid_s);
	return left_s <= IP6_PREFIX_KEEP_S ? a->valid_s : until_s(n, IP6_PREFIX_KEEP_S);
}

static uint32_t auto_addrs(const struct net *n, uint8_t iface)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n->net6->n_addrs; i++)
		count += n->net6->addr[i].autoconf && n->net6->addr[i].iface == iface;
	return count;
}

static void prefix_address(struct net *n, const struct net6_note *note)
{
	struct ip6_addr addr = local6_eui64(&n->iface[note->iface], &note->addr);
	struct net_addr6 *a = local6_at(n, note->iface, &addr);

	if (a == NULL) {
		if (note->valid_s != 0 && auto_addrs(n, note->iface) < IP6_AUTO_ADDRS_MAX &&
		    local6_add(n, note->iface, &addr, note->prefix_len, true, until_s(n, note->valid_s),
			       until_s(n, note->preferred_s)) == 0 && n->announce.leader)
			net_chores_want(n);
		return;
	}
	if (!a->autoconf)
		return;
	a->valid_s = valid_after(n, a, note->valid_s);
	a->preferred_s = until_s(n, note->preferred_s);
	if (a->state == ADDR6_DEPRECATED && note->preferred_s != 0)
		local6_state(n, a, ADDR6_PREFERRED);
	else if (a->state == ADDR6_PREFERRED && note->preferred_s == 0)
		local6_state(n, a, ADDR6_DEPRECATED);
}

/* ---- the link ---- */

static void link_heard(struct net *n, const struct net6_note *note)
{
	struct net6_iface *v6 = &n->net6->iface[note->iface];

	v6->asks_left = 0;
	if (note->hops != 0)
		v6->hops = note->hops;
	if (note->mtu == 0 || note->mtu == v6->mtu)
		return;
	v6->mtu = note->mtu;
	n->route_gen++;
}

/* A better first hop for one destination (RFC 4861 8.3): only from the router that packets to it go to now. */
static void redirected(struct net *n, const struct net6_note *note)
{
	bool onlink = ip6_addr_eq(&note->addr, &note->dst);
	struct net_route r = {.prefix = note->dst, .prefix_len = 128, .iface = note->iface, .metric = METRIC_ROUTER,
			      .type = onlink ? ROUTE_ONLINK : ROUTE_GATEWAY};
	const struct net_route any = {.prefix = note->dst, .prefix_len = 128, .iface = note->iface, .metric = METRIC_ROUTER,
				      .type = ROUTE_GATEWAY};

	if (!onlink)
		r.gw = note->addr;
	net_route_remove(n, &any); /* an earlier one */
	net_route_add(n, &r);
}

void router_apply(struct net *n, const struct net6_note *note)
{
	if (note->iface >= n->n_ifaces || !n->iface[note->iface].ip6)
		return;
	switch ((enum net6_news)note->kind) {
	case NEWS_ROUTER:
		router_heard(n, note);
		break;
	case NEWS_PREFIX:
		if (note->onlink)
			prefix_onlink(n, note);
		if (note->autonomous)
			prefix_address(n, note);
		break;
	case NEWS_LINK:
		link_heard(n, note);
		break;
	case NEWS_REDIRECT:
		redirected(n, note);
		break;
	default:
		break;
	}
	net_chores_want(n);
}

/* ---- messages ---- */

/* A prefix that a host may believe (RFC 4861 6.3.4, RFC 4862 5.5.3). */
static bool prefix_note(struct net6_note *note, const struct ndp_prefix *p, uint8_t iface)
{
	*note = (struct net6_note){.kind = NEWS_PREFIX, .iface = iface, .prefix_len = p->len, .valid_s = p->valid_s,
				   .preferred_s = p->preferred_s, .onlink = p->onlink,
				   .autonomous = p->autonomous && p->len == AUTO_LEN && p->preferred_s <= p->valid_s};
	if (p->len > 128 || ip6_addr_is_linklocal(&p->prefix) || ip6_addr_is_multicast(&p->prefix) || ip6_addr_is_mapped(&p->prefix))
		return false;
	for (uint8_t i = 0; i < p->len; i++)
		note->addr.b[i / 8] |= p->prefix.b[i / 8] & 0x80 >> i % 8;
	return p->len != 0 && (note->onlink || note->autonomous);
}

static void advertised(struct net *n, const struct net_pkt *pkt, const struct ndp_ra *ra)
{
	struct net6_note note = {.kind = NEWS_LINK, .iface = pkt->iface, .hops = ra->hops};

	if (ra->opts.mtu >= IP6_MTU_MIN && ra->opts.mtu <= n->iface[pkt->iface].mtu)
		note.mtu = (uint16_t)ra->opts.mtu;
	net6_tell(n, &note);
	for (uint8_t i = 0; i < ra->opts.n_prefixes; i++)
		if (prefix_note(&note, &ra->opts.prefix[i], pkt->iface))
			net6_tell(n, &note);
	note = (struct net6_note){.kind = NEWS_ROUTER, .iface = pkt->iface, .valid_s = ra->lifetime_s, .preference = ra->preference,
				  .addr = *net_pkt_raddr6(pkt)};
	net6_tell(n, &note);
}

static bool ra_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	struct ndp_ra ra;

	if (!ndp_ra_parse(&ra, msg, pkt->l4_len, net_pkt_raddr6(pkt), pkt->ttl))
		return false;
	if (!n->net6->set.routers)
		return true;
	if (ra.opts.has_slla) {
		const struct neigh_news news = {.mac = &ra.opts.slla, .create = true, .override = true};

		neigh_learn6(n, pkt->iface, net_pkt_raddr6(pkt), &news);
	}
	advertised(n, pkt, &ra);
	return true;
}

static bool redirect_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	struct net6_note note = {.kind = NEWS_REDIRECT, .iface = pkt->iface};
	const struct net_route *r;
	struct ndp_redirect v;

	if (!ndp_redirect_parse(&v, msg, pkt->l4_len, net_pkt_raddr6(pkt), pkt->ttl))
		return false;
	r = net_route_lookup(n, pkt->iface, &v.dst);
	if (!n->net6->set.redirects || r == NULL || r->type != ROUTE_GATEWAY || r->iface != pkt->iface ||
	    !ip6_addr_eq(&r->gw, net_pkt_raddr6(pkt)))
		return true;
	if (v.opts.has_tlla) {
		const struct neigh_news news = {.mac = &v.opts.tlla, .create = true, .override = true};

		neigh_learn6(n, pkt->iface, &v.target, &news);
	}
	note.addr = v.target;
	note.dst = v.dst;
	net6_tell(n, &note);
	return true;
}

bool router_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg)
{
	return msg[0] == ICMP6_RA ? ra_input(n, pkt, msg) : redirect_input(n, pkt, msg);
}

/* ---- asking, and forgetting ---- */

void router_ask_begin(struct net *n, uint8_t iface)
{
	struct net6_iface *v6 = &n->net6->iface[iface];

	v6->asks_left = NDP_RS_MAX;
	v6->ask_tick = n->clock->tick + prng_below(n->flow->prng, ticks_from_ms(NDP_START_MS)); /* RFC 4861 6.3.7 */
}

static void ask(struct net *n, uint8_t iface)
{
	static const struct ip6_addr routers = {{0xff, 2, [15] = 2}};
	const struct net_addr6 *a = local6_towards(n, iface, &(struct ip6_addr){{0xfe, 0x80}});
	const struct ip6_addr none = {{0}}, *src = a != NULL ? net_addr6_at(n, a->addr_be) : &none;
	const struct rte_ether_addr mac = group_mac(&routers);
	uint8_t msg[NDP_MSG_MAX];

	icmp6_send(n, iface, &mac, src, &routers, NDP_HOPS, msg, (uint16_t)ndp_rs_emit(msg, a != NULL ? &n->iface[iface].mac : NULL),
		   false);
}

void router_asks_run(struct net *n)
{
	for (uint8_t i = 0; i < n->n_ifaces; i++) {
		struct net6_iface *v6 = &n->net6->iface[i];

		if (v6->asks_left == 0 || !n->iface[i].up || (int32_t)(n->clock->tick - v6->ask_tick) < 0)
			continue;
		v6->asks_left--;
		v6->ask_tick = n->clock->tick + ticks_from_ms(NDP_RS_MS);
		ask(n, i);
	}
}

void router_age(struct net *n)
{
	uint32_t now_s = net6_now_s(n);

	for (uint32_t i = n->net6->n_routers; i > 0; i--)
		if (n->net6->router[i - 1].until_s <= now_s)
			router_remove(n, &n->net6->router[i - 1]);
	for (uint32_t i = n->net6->n_prefixes; i > 0; i--)
		if (n->net6->prefix[i - 1].valid_s <= now_s)
			prefix_remove(n, &n->net6->prefix[i - 1]);
}
