/* neigh.c: the neighbours of a stack: their states and timers. */
#include "net/neigh.h"

#include <errno.h>
#include <string.h>

#include "net/net6.h"
#include "net/route.h"
#include "wire/arp.h"

const uint32_t net_neigh_bytes = sizeof(struct neigh);

static const struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct rte_ether_addr unknown;

static uint32_t *bucket_of(const struct net *n, uint8_t iface, rte_be32_t addr_be)
{
	return &n->neigh_bucket[((addr_be ^ (uint64_t)iface << 32) * n->neigh_mult >> 32) % NEIGH_BUCKETS];
}

static void timer_in_ms(struct net *n, uint32_t idx, uint32_t ms)
{
	flow_timer_set(n->flow, ref_make(FLOW_NEIGH, idx), n->clock->tick + ticks_from_ms(ms));
}

uint32_t neigh_find(const struct net *n, uint8_t iface, rte_be32_t addr_be)
{
	uint32_t idx = *bucket_of(n, iface, addr_be);

	while (idx != 0 && (neigh_at(n, idx)->h.key.raddr_be != addr_be || neigh_at(n, idx)->iface != iface))
		idx = neigh_at(n, idx)->chain;
	return idx;
}

static void neigh_free(struct net *n, uint32_t idx)
{
	struct neigh *ne = neigh_at(n, idx);
	uint32_t *link = bucket_of(n, ne->iface, ne->h.key.raddr_be);

	SPATE_ASSERT(ne->paths == 0 && ne->wait == NULL);
	while (*link != idx)
		link = &neigh_at(n, *link)->chain;
	*link = ne->chain;
	flow_timer_clear(n->flow, ref_make(FLOW_NEIGH, idx));
	ne->state = NEIGH_FREE;
	addr6_put(&n->flow->addr6s, ne->h.key.raddr_be);
	pool_put(&n->flow->pool[FLOW_NEIGH], idx);
}

/* All objects are in use: forgets the next known one that no path leads over, within NEIGH_CONFIRM_WALK tries. */
static void neigh_reclaim(struct net *n)
{
	const struct pool *pool = &n->flow->pool[FLOW_NEIGH];

	for (int i = 0; i < NEIGH_CONFIRM_WALK; i++) {
		const struct neigh *ne;

		n->neigh_hand = n->neigh_hand + 1 < pool->cap ? n->neigh_hand + 1 : 1;
		ne = neigh_at(n, n->neigh_hand);
		if (neigh_known(ne) && ne->paths == 0) {
			neigh_free(n, n->neigh_hand);
			return;
		}
	}
}

/* One of our addresses to ask from: of the network where addr is. 0: none any more, and a probe must do (RFC 5227). */
static rte_be32_t ask_from(const struct net *n, uint8_t iface, rte_be32_t addr_be)
{
	const struct net_addr6 *a = flow_addr_is6(addr_be) ? local6_towards(n, iface, net_addr6_at(n, addr_be)) : NULL;
	const struct net_route *r;

	if (unlikely(flow_addr_is6(addr_be)))
		return a != NULL ? a->addr_be : 0;
	r = route_onlink_find(n, iface, addr_be);
	return r != NULL ? n->source_be[r->src_first] : 0;
}

uint32_t neigh_get(struct net *n, uint8_t iface, rte_be32_t addr_be)
{
	struct pool *pool = &n->flow->pool[FLOW_NEIGH];
	uint32_t idx = neigh_find(n, iface, addr_be), *head;
	struct neigh *ne;

	if (idx != 0)
		return idx;
	idx = pool_get(pool);
	if (idx == 0) {
		neigh_reclaim(n);
		idx = pool_get(pool);
		if (idx == 0)
			return 0;
	}
	ne = neigh_at(n, idx);
	memset(ne, 0, sizeof(*ne));
	ne->h.key.laddr_be = ask_from(n, iface, addr_be);
	ne->h.key.raddr_be = addr_be;
	addr6_hold(&n->flow->addr6s, addr_be);
	ne->iface = iface;
	ne->state = NEIGH_NONE;
	ne->heard_tick = ne->used_tick = n->clock->tick;
	head = bucket_of(n, iface, addr_be);
	ne->chain = *head;
	*head = idx;
	return idx;
}

uint32_t neigh_get_whole(struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	rte_be32_t addr_be;
	uint32_t idx;

	if (ip6_addr_is_mapped(addr))
		return neigh_get(n, iface, ip6_addr_ip4(addr));
	addr_be = addr6_get(&n->flow->addr6s, addr, scope6_of(addr, iface));
	idx = addr_be != 0 ? neigh_get(n, iface, addr_be) : 0;
	addr6_put(&n->flow->addr6s, addr_be); /* the neighbour holds it */
	return idx;
}

/* One question: by multicast or broadcast, or (PROBE) whether it is still there. */
static void ask_once(struct net *n, const struct neigh *ne, bool probe)
{
	if (likely(!flow_addr_is6(ne->h.key.raddr_be)))
		arp_send(n, ne->iface, ARP_REQUEST, probe ? &ne->mac : &broadcast, ne->h.key.laddr_be, &unknown, ne->h.key.raddr_be);
	else if (ne->h.key.laddr_be != 0) /* from nobody it would be a probe for an address of our own */
		ndp_solicit(n, ne->iface, ne->h.key.raddr_be, ne->h.key.laddr_be, probe ? &ne->mac : NULL);
}

/* Asks, and sets the timer for the next time. */
static void neigh_ask(struct net *n, uint32_t idx, enum neigh_state state)
{
	struct neigh *ne = neigh_at(n, idx);

	if (ne->state != state) {
		ne->state = (uint8_t)state;
		ne->probes = 0;
	}
	ne->probes++;
	if (unlikely(!net_is_local(n, ne->h.key.laddr_be))) /* removed since */
		ne->h.key.laddr_be = ask_from(n, ne->iface, ne->h.key.raddr_be);
	ask_once(n, ne, state == NEIGH_PROBE);
	timer_in_ms(n, idx, NEIGH_PROBE_MS);
}

static void path_resolve(struct path *p, const struct neigh *ne)
{
	p->resolved = neigh_known(ne);
	memcpy(p->hdr + PATH_L2_MAX - p->l2_len, &ne->mac, RTE_ETHER_ADDR_LEN);
}

static void paths_resolve(struct net *n, const struct neigh *ne)
{
	struct path *p;

	for (uint32_t i = ne->paths; i != 0; i = p->neigh_next) {
		p = path_at(&n->paths, i);
		path_resolve(p, ne);
	}
}

void neigh_attach(struct net *n, uint32_t idx, uint32_t path)
{
	struct neigh *ne = neigh_at(n, idx);
	struct path *p = path_at(&n->paths, path);

	p->neigh = idx;
	p->neigh_next = ne->paths;
	if (ne->paths != 0)
		path_at(&n->paths, ne->paths)->neigh_prev = path;
	ne->paths = path;
	p->confirmed_tick = ne->heard_tick;
	path_resolve(p, ne);
	if (ne->state != NEIGH_REACHABLE || n->clock->tick - ne->heard_tick < ticks_from_ms(NEIGH_REACHABLE_MS))
		return;
	if (flow_addr_is6(ne->h.key.raddr_be))
		timer_in_ms(n, idx, NDP_DELAY_MS); /* RFC 4861 7.3.2, DELAY: flows may hear from it */
	else
		neigh_ask(n, idx, NEIGH_PROBE); /* was idle for long */
}

void neigh_detach(struct net *n, uint32_t path)
{
	const struct path *p = path_at(&n->paths, path);
	struct neigh *ne = neigh_at(n, p->neigh);

	if (p->neigh_prev != 0)
		path_at(&n->paths, p->neigh_prev)->neigh_next = p->neigh_next;
	else
		ne->paths = p->neigh_next;
	if (p->neigh_next != 0)
		path_at(&n->paths, p->neigh_next)->neigh_prev = p->neigh_prev;
	if (ne->paths != 0)
		return;
	ne->used_tick = n->clock->tick;
	if (ne->state == NEIGH_NONE)
		neigh_free(n, p->neigh);
}

static void send_to(struct net *n, const struct neigh *ne, struct rte_mbuf *m)
{
	memcpy(rte_pktmbuf_mtod(m, void *), &ne->mac, RTE_ETHER_ADDR_LEN);
	pkt_tx_push(&n->tx[n->iface[ne->iface].port], m);
}

/* What flows heard before counts no more; those that neigh_silence() asks. */
static void paths_doubt(struct net *n, const struct neigh *ne)
{
	struct path *p;
	uint32_t i = ne->paths;

	for (int walk = 0; i != 0 && walk < NEIGH_CONFIRM_WALK; walk++, i = p->neigh_next) {
		p = path_at(&n->paths, i);
		p->confirmed_tick = ne->heard_tick;
	}
}

/* Its hardware address is known. Not confirmed (RFC 4861 7.3.2, STALE): it has said something, but may not hear us. */
static void neigh_known_as(struct net *n, uint32_t idx, const struct rte_ether_addr *mac, bool confirmed)
{
	struct neigh *ne = neigh_at(n, idx);
	bool news = !neigh_known(ne) || memcmp(&ne->mac, mac, sizeof(*mac)) != 0;
	const struct ip6_addr gw = net_addr_whole(n, ne->h.key.raddr_be);
	struct rte_mbuf *m;

	ne->mac = *mac;
	ne->state = NEIGH_REACHABLE;
	ne->heard_tick = n->clock->tick - (confirmed ? 0 : ticks_from_ms(NEIGH_REACHABLE_MS));
	timer_in_ms(n, idx, confirmed ? NEIGH_REACHABLE_MS : NDP_DELAY_MS);
	if (!confirmed)
		paths_doubt(n, ne);
	if (!news)
		return;
	route_gateway_set(n, ne->iface, &gw, false);
	paths_resolve(n, ne);
	while ((m = mbuf_queue_take(&ne->wait)) != NULL) {
		memcpy(rte_pktmbuf_mtod(m, void *), &ne->mac, RTE_ETHER_ADDR_LEN);
		m->port = n->iface[ne->iface].port; /* where it leaves */
		mbuf_queue_put(&n->released, &n->released_last, m);
	}
	ne->n_wait = 0;
	net_flush(n);
}

void net_flush(struct net *n)
{
	struct rte_mbuf *m;

	while (n->released != NULL && pkt_tx_room(&n->tx[n->released->port]) > 0) {
		m = mbuf_queue_take(&n->released);
		pkt_tx_push(&n->tx[m->port], m);
		n->n_waiting--;
	}
}

void neigh_learn(struct net *n, uint8_t iface, rte_be32_t addr_be, const struct rte_ether_addr *mac, bool create)
{
	const struct pool *pool = &n->flow->pool[FLOW_NEIGH];
	uint32_t idx = neigh_find(n, iface, addr_be);
	const struct neigh *ne;

	if (idx == 0) {
		/* A quarter is kept for those that we want to reach: asking us costs a stranger nothing. */
		if (!create || pool->used >= pool->cap / 4 * 3 || route_onlink_find(n, iface, addr_be) == NULL)
			return;
		idx = neigh_get(n, iface, addr_be);
		if (idx == 0)
			return;
	}
	ne = neigh_at(n, idx);
	/* Two stations that quarrel about an address must not make us rewrite all paths for each of their packets. */
	if (ne->state == NEIGH_REACHABLE && memcmp(&ne->mac, mac, sizeof(*mac)) != 0 &&
	    n->clock->tick - ne->heard_tick < ticks_from_ms(NEIGH_PROBE_MS))
		return;
	neigh_known_as(n, idx, mac, true);
}

static uint32_t neigh_create6(struct net *n, uint8_t iface, const struct ip6_addr *addr, const struct neigh_news *news)
{
	const struct pool *pool = &n->flow->pool[FLOW_NEIGH];

	if (!news->create || news->mac == NULL || pool->used >= pool->cap / 4 * 3)
		return 0;
	if (!ip6_addr_is_linklocal(addr) && route_onlink_find6(n, iface, addr) == NULL)
		return 0;
	return neigh_get_whole(n, iface, addr);
}

void neigh_learn6(struct net *n, uint8_t iface, const struct ip6_addr *addr, const struct neigh_news *news)
{
	rte_be32_t addr_be = number6(n, addr, iface);
	uint32_t idx = addr_be != 0 ? neigh_find(n, iface, addr_be) : 0;
	const struct rte_ether_addr *mac = news->mac;
	struct neigh *ne;
	bool other;

	if (idx == 0)
		idx = neigh_create6(n, iface, addr, news);
	if (idx == 0)
		return;
	ne = neigh_at(n, idx);
	if (!neigh_known(ne)) { /* RFC 4861 7.2.3, 7.2.5: without an address there is nothing to know */
		if (mac != NULL)
			neigh_known_as(n, idx, mac, news->solicited);
		return;
	}
	other = mac != NULL && !rte_is_same_ether_addr(mac, &ne->mac);
	if (other && !news->override) { /* it is asked who is right */
		if (ne->state == NEIGH_REACHABLE)
			neigh_known_as(n, idx, &ne->mac, false);
		return;
	}
	/* Two stations that quarrel about an address, as in neigh_learn(). */
	if (other && ne->state == NEIGH_REACHABLE && n->clock->tick - ne->heard_tick < ticks_from_ms(NEIGH_PROBE_MS))
		return;
	if (news->solicited || other)
		neigh_known_as(n, idx, mac != NULL ? mac : &ne->mac, news->solicited);
}

static void neigh_wait(struct net *n, struct neigh *ne, struct rte_mbuf *m)
{
	m = net_own(n, m);
	if (m == NULL)
		return;
	if (ne->n_wait == NEIGH_QUEUE_MAX || n->n_waiting == NEIGH_WAITING_MAX) {
		struct rte_mbuf *oldest = mbuf_queue_take(&ne->wait);

		if (oldest == NULL) { /* all wait for others */
			net_drop(n, m, DROP_NEIGH_QUEUE);
			return;
		}
		net_drop(n, oldest, DROP_NEIGH_QUEUE);
		ne->n_wait--;
		n->n_waiting--;
	}
	mbuf_queue_put(&ne->wait, &ne->wait_last, m);
	ne->n_wait++;
	n->n_waiting++;
}

int neigh_output(struct net *n, uint32_t idx, struct rte_mbuf *m)
{
	struct neigh *ne = neigh_at(n, idx);

	switch ((enum neigh_state)ne->state) {
	case NEIGH_REACHABLE:
	case NEIGH_PROBE:
		send_to(n, ne, m);
		return 0;
	case NEIGH_NONE:
		neigh_wait(n, ne, m);
		neigh_ask(n, idx, NEIGH_INCOMPLETE);
		return 0;
	case NEIGH_INCOMPLETE:
		neigh_wait(n, ne, m);
		return 0;
	case NEIGH_FREE:
	case NEIGH_FAILED:
		break;
	}
	net_drop(n, m, DROP_NEIGH_FAILED);
	return -EHOSTUNREACH;
}

static void neigh_fail(struct net *n, uint32_t idx)
{
	struct neigh *ne = neigh_at(n, idx);
	const struct ip6_addr gw = net_addr_whole(n, ne->h.key.raddr_be);
	struct rte_mbuf *m;

	ne->state = NEIGH_FAILED;
	route_gateway_set(n, ne->iface, &gw, true);
	while ((m = mbuf_queue_take(&ne->wait)) != NULL) {
		drop_count(n->drops, DROP_NEIGH_FAILED);
		m->port = ne->iface;
		mbuf_queue_put(&n->failed, &n->failed_last, m);
	}
	n->n_waiting -= ne->n_wait;
	ne->n_wait = 0;
	timer_in_ms(n, idx, NEIGH_PROBE_MS);
}

/* Ticks since the neighbour was last heard, by ARP or by a flow on one of its paths. */
static uint32_t neigh_silence(struct net *n, struct neigh *ne)
{
	uint32_t silence = n->clock->tick - ne->heard_tick, i = ne->paths;

	for (int walk = 0; i != 0 && walk < NEIGH_CONFIRM_WALK; walk++) {
		const struct path *p = path_at(&n->paths, i);

		if (n->clock->tick - p->confirmed_tick < silence)
			silence = n->clock->tick - p->confirmed_tick;
		i = p->neigh_next;
	}
	ne->heard_tick = n->clock->tick - silence;
	return silence;
}

static void neigh_age(struct net *n, uint32_t idx)
{
	const uint32_t reachable = ticks_from_ms(NEIGH_REACHABLE_MS), gc = ticks_from_ms(NEIGH_GC_MS);
	struct neigh *ne = neigh_at(n, idx);
	uint32_t silence = neigh_silence(n, ne), now = n->clock->tick;
	flow_ref r = ref_make(FLOW_NEIGH, idx);

	if (silence < reachable)
		flow_timer_set(n->flow, r, ne->heard_tick + reachable);
	else if (ne->paths != 0)
		neigh_ask(n, idx, NEIGH_PROBE);
	else if (now - ne->used_tick < gc)
		flow_timer_set(n->flow, r, ne->used_tick + gc);
	else
		neigh_free(n, idx);
}

static void neigh_probe_next(struct net *n, uint32_t idx)
{
	struct neigh *ne = neigh_at(n, idx);

	if (ne->paths == 0) {
		neigh_free(n, idx);
	} else if (neigh_silence(n, ne) < ticks_from_ms(NEIGH_REACHABLE_MS)) {
		ne->state = NEIGH_REACHABLE;
		neigh_age(n, idx);
	} else if (ne->probes < NEIGH_PROBES) {
		neigh_ask(n, idx, NEIGH_PROBE);
	} else { /* perhaps it lives on behind another hardware address */
		neigh_ask(n, idx, NEIGH_INCOMPLETE);
		paths_resolve(n, ne);
	}
}

void net_timer(struct net *n, flow_ref r)
{
	uint32_t idx = ref_index(r);
	struct neigh *ne = neigh_at(n, idx);

	if (wheel_armed(&ne->h.timer))
		return; /* set anew after it came due and before it got here */
	switch ((enum neigh_state)ne->state) {
	case NEIGH_INCOMPLETE:
		if (ne->paths == 0 && ne->n_wait == 0)
			neigh_free(n, idx);
		else if (ne->probes < NEIGH_PROBES)
			neigh_ask(n, idx, NEIGH_INCOMPLETE);
		else
			neigh_fail(n, idx);
		return;
	case NEIGH_PROBE:
		neigh_probe_next(n, idx);
		return;
	case NEIGH_REACHABLE:
		neigh_age(n, idx);
		return;
	case NEIGH_FAILED:
		ne->state = NEIGH_NONE;
		if (ne->paths == 0)
			neigh_free(n, idx);
		return;
	case NEIGH_NONE:
	case NEIGH_FREE:
		return; /* freed after it came due */
	}
}

void neigh_renew(struct net *n, uint8_t port)
{
	const struct pool *pool = &n->flow->pool[FLOW_NEIGH];
	uint32_t asked = 0;

	for (uint32_t i = 1; i < pool->fresh && asked < NEIGH_RENEW_MAX; i++) {
		struct neigh *ne = neigh_at(n, i);

		if (ne->state == NEIGH_FREE || n->iface[ne->iface].port != port || ne->paths == 0)
			continue;
		if (ne->state == NEIGH_FAILED) {
			ne->state = NEIGH_NONE;
			flow_timer_clear(n->flow, ref_make(FLOW_NEIGH, i));
		} else if (ne->state != NEIGH_NONE) {
			ne->probes = 0;
			neigh_ask(n, i, neigh_known(ne) ? NEIGH_PROBE : NEIGH_INCOMPLETE);
			asked++;
		}
	}
}

void neigh_fini(struct net *n)
{
	for (uint32_t i = 1; i < n->flow->pool[FLOW_NEIGH].fresh; i++) {
		struct neigh *ne = neigh_at(n, i);
		struct rte_mbuf *m;

		if (ne->state == NEIGH_FREE)
			continue;
		while ((m = mbuf_queue_take(&ne->wait)) != NULL)
			rte_pktmbuf_free(m);
		flow_timer_clear(n->flow, ref_make(FLOW_NEIGH, i));
	}
}
