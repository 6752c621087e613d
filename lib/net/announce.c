/* announce.c: what one stack does for all of its end: it looks at the ports' links, and makes our addresses known (RFC 5227),
 * at start and when a link came up. First each address is asked for, so that whoever else has it answers and is reported;
 * then it is announced twice, so that peers and switches learn where it is. Nobody waits for that: addresses here are given,
 * not negotiated. An address that somebody else was heard using is not announced. */
#include "base/log.h"
#include "net/group.h"
#include "net/mail.h"
#include "net/neigh.h"
#include "net/net6.h"
#include "wire/arp.h"

#define PASS_PROBE 0
#define PASS_DONE 3
#define PASS_MS 2000 /* between two of them: RFC 5227's ANNOUNCE_WAIT and ANNOUNCE_INTERVAL */

static const struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct rte_ether_addr unknown;

void net_chores_want(struct net *n)
{
	if (n->chores)
		return;
	n->chores = true;
	n->chore_tick = n->clock->tick + ticks_from_ms(CHORE_MS);
}

void announce_begin(struct net *n)
{
	n->announce.pass = PASS_PROBE;
	n->announce.next = 0;
	n->announce.pass_tick = n->clock->tick;
}

void net_lead(struct net *n)
{
	n->announce.leader = true;
	local6_groups_join(n);
	announce_begin(n);
	group_filter_ports(n);
	n->chores = true;
	n->chore_tick = n->clock->tick;
}

static void announce4(struct net *n, const struct net_addr *a, uint8_t pass)
{
	if (!a->conflict && n->iface[a->iface].up)
		arp_send(n, a->iface, ARP_REQUEST, &broadcast, pass == PASS_PROBE ? 0 : a->addr_be, &unknown, a->addr_be);
}

/* Where addresses are tentative at first (net_ip6_set()), they have been asked for. */
static void announce6(struct net *n, const struct net_addr6 *a, uint8_t pass)
{
	if (a->conflict || !n->iface[a->iface].up || a->state == ADDR6_TENTATIVE || a->state == ADDR6_DUPLICATE)
		return;
	if (pass != PASS_PROBE)
		ndp_announce(n, a);
	else if (!n->net6->set.dad)
		ndp_probe(n, a);
}

void announce_run(struct net *n)
{
	struct net_announce *w = &n->announce;
	uint32_t total = n->n_addrs + n->net6->n_addrs;

	if (w->pass == PASS_DONE || (int32_t)(n->clock->tick - w->pass_tick) < 0)
		return;
	for (int burst = 0; burst < ANNOUNCE_BURST && w->next < total; burst++, w->next++) {
		if (w->next < n->n_addrs)
			announce4(n, &n->addr[w->next], w->pass);
		else
			announce6(n, &n->net6->addr[w->next - n->n_addrs], w->pass);
	}
	if (w->next < total)
		return;
	w->pass++;
	w->next = 0;
	w->pass_tick += ticks_from_ms(PASS_MS);
}

static void link_said(struct net *n, const struct port *p, bool up)
{
	if (up) {
		n->link_ups++;
		LOG_WARN("%s: the link is up again", p->name);
	} else {
		n->link_downs++;
		LOG_WARN("%s: the link is down", p->name);
	}
}

static void links_watch(struct net *n)
{
	uint8_t known = 0; /* ports that were looked at */

	for (uint32_t i = 0; i < n->n_ifaces; i++) {
		struct net_link_note note = {.port = n->iface[i].port};
		struct port *p = n->tx[note.port].port;

		if (p->ops->link_up == NULL || known >> note.port & 1)
			continue;
		known |= (uint8_t)(1u << note.port);
		note.up = p->ops->link_up(p);
		note.off = p->ops->off != NULL && p->ops->off(p);
		if (note.up == n->iface[i].up && note.off == n->iface[i].off)
			continue;
		if (note.up != n->iface[i].up)
			link_said(n, p, note.up);
		net_link_changed(n, &note);
		if (!mail_alone(n->flow->mail)) /* nobody else looks, and routes depend on it */
			mail_note_sure(n->flow->mail, MAIL_ALL, MAIL_LINK, &note, sizeof(note));
	}
}

void net_link_changed(struct net *n, const struct net_link_note *note)
{
	for (uint32_t i = 0; i < n->n_ifaces; i++) {
		if (n->iface[i].port != note->port)
			continue;
		n->route_gen += n->iface[i].off != note->off; /* paths are led anew */
		n->iface[i].up = note->up;
		n->iface[i].off = note->off;
	}
	if (!note->up)
		return;
	neigh_renew(n, note->port);
	if (n->announce.leader)
		announce_begin(n);
}

void net_chores_run(struct net *n)
{
	bool more;

	n->chores = false;
	if (n->announce.leader) {
		links_watch(n);
		announce_run(n);
		groups_run(n);
	}
	frags_expire(n);
	more = net6_chores(n);
	if (more || n->announce.leader || n->frags.oldest != 0)
		net_chores_want(n);
}
