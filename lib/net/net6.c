/* net6.c: a stack's IPv6 as a whole: its memory, what its stacks tell each other, what has no hurry. */
#include "net/net6.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define LIFE_MS 1000 /* lifetimes are in seconds */

int net6_init(struct net *n, int numa_node)
{
	struct region region;
	int rc = region_map(&region, sizeof(struct net6), numa_node);

	if (rc != 0)
		return rc;
	n->net6 = region.base;
	n->net6->region = region;
	n->net6->nonce = prng_u64(n->flow->prng) >> 16 | 1;
	n->net6->last.gen = UINT32_MAX;
	n->label_mult = prng_u32(n->flow->prng) | 1;
	return 0;
}

void net6_fini(struct net *n)
{
	struct region region = n->net6->region;

	for (uint32_t i = 0; i < n->net6->n_addrs; i++)
		addr6_put(&n->flow->addr6s, n->net6->addr[i].addr_be);
	n->net6 = NULL;
	region_unmap(&region);
}

void net_ip6_set(struct net *n, const struct net_ip6_settings *s) { n->net6->set = *s; }

/* ---- what stacks tell each other ---- */

static void addr_good(struct net *n, const struct net6_note *note)
{
	struct net_addr6 *a = local6_at(n, note->iface, &note->addr);

	if (a != NULL && a->state == ADDR6_TENTATIVE)
		local6_state(n, a, ADDR6_PREFERRED);
}

/* Somebody has, or wants, an address of ours. One that is in use stays (RFC 4862 5.4 decides before), and is defended. */
static void addr_duplicate(struct net *n, const struct net6_note *note)
{
	struct net_addr6 *a = local6_at(n, note->iface, &note->addr);

	if (a == NULL || a->state == ADDR6_DUPLICATE)
		return;
	a->conflict = true;
	if (a->state == ADDR6_TENTATIVE)
		local6_state(n, a, ADDR6_DUPLICATE);
}

void net6_apply(struct net *n, const struct net6_note *note)
{
	switch ((enum net6_news)note->kind) {
	case NEWS_ADDR_GOOD:
		addr_good(n, note);
		return;
	case NEWS_ADDR_DUPLICATE:
		addr_duplicate(n, note);
		return;
	case NEWS_PREFIX:
	case NEWS_ROUTER:
	case NEWS_LINK:
	case NEWS_REDIRECT:
		router_apply(n, note);
		return;
	}
}

void net6_tell(struct net *n, const struct net6_note *note)
{
	struct mailbox *b = n->flow->mail;

	net6_apply(n, note);
	/* Routers repeat themselves; of what they do not, nobody else may miss it. */
	if (mail_alone(b))
		return;
	if (note->kind == NEWS_ADDR_GOOD || note->kind == NEWS_ADDR_DUPLICATE)
		mail_note_sure(b, MAIL_ALL, MAIL_IP6, note, sizeof(*note));
	else if (b->n_late == 0)
		mail_note(b, MAIL_ALL, MAIL_IP6, note, sizeof(*note));
}

/* ---- chores ---- */

/* A tentative address's next step: the probe after a random delay (RFC 4862 5.4.2), the end of the wait for an answer. */
static void addr_step(struct net *n, struct net_addr6 *a)
{
	struct net6_note note = {.kind = NEWS_ADDR_GOOD, .iface = a->iface, .addr = *net_addr6_at(n, a->addr_be)};

	if (!n->iface[a->iface].up)
		return;
	if (!a->asked) {
		a->asked = true;
		ndp_probe(n, a);
		a->due_tick = n->clock->tick + ticks_from_ms(NDP_DAD_MS);
	} else {
		net6_tell(n, &note);
	}
}

static void addrs_step(struct net *n)
{
	int sent = 0;

	for (uint32_t i = 0; i < n->net6->n_addrs && sent < ANNOUNCE_BURST; i++) {
		struct net_addr6 *a = &n->net6->addr[i];

		if (a->state != ADDR6_TENTATIVE || (int32_t)(n->clock->tick - a->due_tick) < 0)
			continue;
		sent += !a->asked;
		addr_step(n, a);
	}
}

static void addrs_age(struct net *n)
{
	uint32_t now_s = net6_now_s(n);

	for (uint32_t i = n->net6->n_addrs; i > 0; i--) {
		struct net_addr6 *a = &n->net6->addr[i - 1];

		if (a->valid_s != NET6_FOREVER && now_s >= a->valid_s)
			local6_remove(n, a);
		else if (a->state == ADDR6_PREFERRED && a->preferred_s != NET6_FOREVER && now_s >= a->preferred_s)
			local6_state(n, a, ADDR6_DEPRECATED);
	}
}

bool net6_chores(struct net *n)
{
	struct net6 *v6 = n->net6;

	if (v6->n_addrs == 0)
		return false;
	if (n->announce.leader) {
		addrs_step(n);
		router_asks_run(n);
	}
	if ((int32_t)(n->clock->tick - v6->life_tick) >= 0) {
		v6->life_tick = n->clock->tick + ticks_from_ms(LIFE_MS);
		addrs_age(n);
		router_age(n);
	}
	return v6->set.routers;
}
