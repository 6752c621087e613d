/* group_tell.c: what the leader tells of groups: reports to routers when membership changes and when they ask (RFC 3376 section
 * 5, RFC 3810 section 6), and to devices which groups to let pass. Times are rounded up to CHORE_MS. */
#include <string.h>

#include "net/group.h"
#include "net/net6.h"

static struct net_group *group_at(const struct net *n, uint32_t idx) { return pool_at(&n->groups.group, idx); }

static bool due(const struct net *n, uint32_t tick) { return (int32_t)(n->clock->tick - tick) >= 0; }

static uint32_t random_tick(const struct net *n, uint32_t max_ms)
{
	return n->clock->tick + prng_below(n->flow->prng, ticks_from_ms(max_ms) + 1);
}

/* Groups that are never reported: all hosts (RFC 3376 section 5, RFC 3810 section 6), and what does not leave the host. */
static bool is_reported(const struct net_group *g)
{
	if (!group_is6(g))
		return ip6_addr_ip4(&g->addr) != RTE_BE32(0xe0000001);
	return (g->addr.b[1] & 0xf) > 1 && !(ip6_addr_eq(&g->addr, &(struct ip6_addr){{0xff, 2, [15] = 1}}));
}

static void record(struct net *n, struct net_group *g, enum group_record type, const struct ip6_addr *src, uint32_t n_src)
{
	if (group_is6(g))
		mld_record(n, g, type, src, n_src);
	else
		igmp_record(n, g, type, src, n_src);
}

/* The sources of a that are (in) or are not in b. */
static uint32_t sources_where(const struct group_sources *a, const struct group_sources *b, bool in, struct ip6_addr *out)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < a->n_src; i++) {
		bool found = false;

		for (uint32_t j = 0; j < b->n_src && !found; j++)
			found = ip6_addr_eq(&a->src[i], &b->src[j]);
		if (found == in)
			out[k++] = a->src[i];
	}
	return k;
}

/* ---- changes (RFC 3376 5.1) ---- */

/* The difference from what was told last. */
static void change_report(struct net *n, struct net_group *g)
{
	struct ip6_addr fresh[GROUP_FILTER_MAX], gone[GROUP_FILTER_MAX];
	struct group_sources now;
	uint32_t n_fresh, n_gone;
	bool include;

	group_filter_of(n, g, &now);
	include = now.mode == GROUP_INCLUDE;
	if (now.mode != g->told.mode || g->whole) {
		record(n, g, include ? GROUP_TO_IN : GROUP_TO_EX, now.src, now.n_src);
	} else {
		n_fresh = sources_where(&now, &g->told, false, fresh);
		n_gone = sources_where(&g->told, &now, false, gone);
		if (include ? n_fresh : n_gone)
			record(n, g, GROUP_ALLOW, include ? fresh : gone, include ? n_fresh : n_gone);
		if (include ? n_gone : n_fresh)
			record(n, g, GROUP_BLOCK, include ? gone : fresh, include ? n_gone : n_fresh);
	}
	g->change_left--;
	g->change_tick = random_tick(n, GROUP_UNSOLICITED_MS);
	if (g->change_left > 0)
		return;
	g->told = now;
	g->whole = false;
}

static bool filter_eq(const struct group_sources *a, const struct group_sources *b)
{
	return a->mode == b->mode && a->n_src == b->n_src && memcmp(a->src, b->src, a->n_src * sizeof(a->src[0])) == 0;
}

void group_changed(struct net *n, struct net_group *g, const struct group_sources *before)
{
	struct group_sources now;

	group_filter_of(n, g, &now);
	if (n->announce.leader && !filter_eq(&now, before)) {
		group_filter_ports(n);
		if (is_reported(g)) {
			if (g->change_left == 0)
				g->told = *before;
			else
				g->whole = true;
			g->change_left = GROUP_ROBUSTNESS;
			change_report(n, g);
		}
	}
	group_free_if_unused(n, g);
}

/* ---- answers (RFC 3376 5.2) ---- */

static void answer(struct net *n, struct net_group *g)
{
	struct ip6_addr src[GROUP_FILTER_MAX];
	struct group_sources now;
	uint32_t k;

	group_filter_of(n, g, &now);
	g->answer = false;
	if (now.mode == GROUP_INCLUDE && now.n_src == 0)
		return;
	if (g->answer_all) {
		record(n, g, now.mode == GROUP_INCLUDE ? GROUP_IS_IN : GROUP_IS_EX, now.src, now.n_src);
		return;
	}
	k = sources_where(&g->asked, &now, now.mode == GROUP_INCLUDE, src);
	if (k > 0)
		record(n, g, GROUP_IS_IN, src, k);
}

/* Every group of the interface and family, at once. */
static void answer_general(struct net *n, uint8_t iface, bool is6)
{
	for (uint32_t i = 1; i < n->groups.group.fresh; i++) {
		struct net_group *g = group_at(n, i);

		if (g->members == 0 || g->iface != iface || group_is6(g) != is6 || !is_reported(g))
			continue;
		g->answer_all = true;
		answer(n, g);
	}
}

/* Several sources are remembered until the answer; more than can be are as if none had been named. */
static void asked_add(struct net_group *g, const struct ip6_addr *src, uint32_t n_src)
{
	for (uint32_t i = 0; i < n_src; i++) {
		if (g->asked.n_src == GROUP_FILTER_MAX) {
			g->answer_all = true;
			return;
		}
		g->asked.src[g->asked.n_src++] = src[i];
	}
}

static void group_asked(struct net_group *g, const struct ip6_addr *src, uint32_t n_src, uint32_t tick)
{
	if (!g->answer) {
		g->answer = true;
		g->answer_all = n_src == 0;
		g->asked.n_src = 0;
		g->answer_tick = tick;
	} else if ((int32_t)(tick - g->answer_tick) < 0) {
		g->answer_tick = tick;
	}
	g->answer_all |= n_src == 0;
	asked_add(g, src, n_src);
}

/* Older versions answer for each group at a time of its own (RFC 2236 section 3). */
static void groups_asked_each(struct net *n, uint8_t iface, bool is6, uint32_t max_ms)
{
	for (uint32_t i = 1; i < n->groups.group.fresh; i++) {
		struct net_group *g = group_at(n, i);

		if (g->members != 0 && g->iface == iface && group_is6(g) == is6 && is_reported(g))
			group_asked(g, NULL, 0, random_tick(n, max_ms));
	}
}

void group_query(struct net *n, uint8_t iface, bool is6, const struct ip6_addr *group, const struct ip6_addr *src, uint32_t n_src,
		 uint32_t max_ms)
{
	bool *pending = &n->groups.iface[iface].answer[is6];
	uint32_t *tick = &n->groups.iface[iface].answer_tick[is6], when = random_tick(n, max_ms);
	struct net_group *g;

	if (*pending && (int32_t)(when - *tick) >= 0)
		return; /* all will be told sooner anyway */
	if (group == NULL && (is6 ? mld_v1_on(n, iface) : n->groups.iface[iface].older[2])) {
		groups_asked_each(n, iface, is6, max_ms);
	} else if (group == NULL) {
		*pending = true;
		*tick = when;
	} else {
		g = group_find(n, iface, group);
		if (g != NULL && g->members != 0 && is_reported(g))
			group_asked(g, src, n_src, when);
	}
}

void groups_run(struct net *n)
{
	for (uint32_t i = 1; n->groups.group.used > 0 && i < n->groups.group.fresh; i++) {
		struct net_group *g = group_at(n, i);

		if (g->change_left > 0 && due(n, g->change_tick)) {
			change_report(n, g);
			group_free_if_unused(n, g);
		} else if (g->answer && g->members != 0 && due(n, g->answer_tick)) {
			answer(n, g);
		}
	}
	for (uint8_t i = 0; i < n->n_ifaces; i++) {
		for (int is6 = 0; is6 < 2; is6++) {
			if (!n->groups.iface[i].answer[is6] || !due(n, n->groups.iface[i].answer_tick[is6]))
				continue;
			n->groups.iface[i].answer[is6] = false;
			answer_general(n, i, is6);
		}
	}
}

/* ---- devices ---- */

struct rte_ether_addr group_mac(const struct ip6_addr *g)
{
	if (ip6_addr_is_mapped(g))
		return (struct rte_ether_addr){{1, 0, 0x5e, g->b[13] & 0x7f, g->b[14], g->b[15]}};
	return (struct rte_ether_addr){{0x33, 0x33, g->b[12], g->b[13], g->b[14], g->b[15]}};
}

struct mac_list {
	struct rte_ether_addr mac[PORT_GROUPS_MAX];
	uint32_t n;
};

static void list_add(struct mac_list *l, const struct ip6_addr *group)
{
	const struct rte_ether_addr mac = group_mac(group);

	for (uint32_t i = 0; i < l->n; i++)
		if (rte_is_same_ether_addr(&l->mac[i], &mac))
			return;
	l->mac[l->n++] = mac;
}

static void port_groups(struct net *n, uint16_t port)
{
	struct mac_list l = {.mac = {{{1, 0, 0x5e, 0, 0, 1}}, {{0x33, 0x33, 0, 0, 0, 1}}}, .n = 2}; /* all hosts */
	struct port *p = n->tx[port].port;

	if (p->ops == NULL || p->ops->groups == NULL)
		return;
	for (uint32_t i = 1; i < n->groups.group.fresh; i++) {
		const struct net_group *g = group_at(n, i);

		if (g->members != 0 && n->iface[g->iface].port == port)
			list_add(&l, &g->addr);
	}
	for (uint32_t i = 0; i < n->net6->n_addrs; i++) {
		const struct net_addr6 *a = &n->net6->addr[i];
		struct ip6_addr solicited = {{0xff, 2, [11] = 1, 0xff}}; /* RFC 4291 2.7.1 */

		memcpy(solicited.b + 13, net_addr6_at(n, a->addr_be)->b + 13, 3);
		if (n->iface[a->iface].port == port)
			list_add(&l, &solicited);
	}
	p->ops->groups(p, l.mac, l.n);
}

void group_filter_ports(struct net *n)
{
	for (uint16_t i = 0; i < n->n_ports; i++)
		port_groups(n, i);
}
