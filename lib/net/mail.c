/* mail.c: what the stacks of one end tell each other about the network, and what other threads want of it. */
#include "net/mail.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/neigh.h"
#include "net/net6.h"

struct neigh_note {
	struct ip6_addr addr;
	struct rte_ether_addr mac;
	uint8_t iface;
	bool has_mac, create, advert, solicited, override;
};
static_assert(sizeof(struct neigh_note) <= MAIL_BODY_MAX, "one note");

void net_tell_neigh(struct net *n, uint8_t iface, const struct ip6_addr *addr, const struct neigh_news *news)
{
	struct neigh_note note = {.addr = *addr, .iface = iface, .has_mac = news->mac != NULL, .create = news->create,
				  .advert = news->advert, .solicited = news->solicited, .override = news->override};
	struct mailbox *b = n->flow->mail;

	if (news->mac != NULL)
		note.mac = *news->mac;
	/* Others can ask for themselves: a flood of ARP must not fill what holds notes that may not be lost. */
	if (!mail_alone(b) && b->n_late == 0)
		mail_note(b, MAIL_ALL, MAIL_NEIGH, &note, sizeof(note));
}

static void neigh_heard(struct net *n, const struct neigh_note *note)
{
	const struct neigh_news news = {.mac = note->has_mac ? &note->mac : NULL, .create = note->create, .advert = note->advert,
					.solicited = note->solicited, .override = note->override};

	if (ip6_addr_is_mapped(&note->addr))
		neigh_learn(n, note->iface, ip6_addr_ip4(&note->addr), &note->mac, note->create);
	else
		neigh_learn6(n, note->iface, &note->addr, &news);
}

/* Said by one of the stacks: what does not fit one fits none. */
static void addr_change(const struct net *n, int rc, const char *what, rte_be32_t addr_be)
{
	const uint8_t *ip = (const uint8_t *)&addr_be;
	bool done = rc == -EEXIST || rc == -ENOENT; /* it is as it was wanted */

	if (rc < 0 && !done && n->announce.leader)
		LOG_WARN("%s %u.%u.%u.%u: %s", what, ip[0], ip[1], ip[2], ip[3], strerror(-rc));
}

static void addr6_change(const struct net *n, int rc, const char *what, const struct ip6_addr *a)
{
	if (rc < 0 && rc != -EEXIST && rc != -ENOENT && n->announce.leader)
		LOG_WARN("%s " IP6_PRT_FMT ": %s", what, IP6_BYTES(a), strerror(-rc));
}

static void gateway6_change(struct net *n, const struct net_gw_note *note)
{
	if (note->remove)
		addr6_change(n, net_gw6_remove(n, note->iface, &note->gw6), "removing gateway", &note->gw6);
	else
		addr6_change(n, net_gw6_add_on(n, note->iface, &note->gw6), "adding gateway", &note->gw6);
}

static void gateway_change(struct net *n, const struct net_gw_note *note)
{
	if (note->gw_be == 0)
		gateway6_change(n, note);
	else if (note->remove)
		addr_change(n, net_gw_remove(n, note->gw_be), "removing gateway", note->gw_be);
	else
		addr_change(n, net_gw_add_on(n, note->iface, note->gw_be), "adding gateway", note->gw_be);
}

static void addr_add(struct net *n, const struct net_addr_note *note)
{
	int rc = net_addr_add_on(n, note->iface, note->addr_be, note->prefix_len);

	addr_change(n, rc, "adding address", note->addr_be);
	if (rc == 0 && n->announce.leader)
		announce_begin(n);
}

static void addr6_add(struct net *n, const struct net_addr6_note *note)
{
	int rc = net_addr6_add_on(n, note->iface, &note->addr, note->prefix_len);

	addr6_change(n, rc, "adding address", &note->addr);
	if (rc == 0 && n->announce.leader)
		announce_begin(n);
}

static void addr6_remove(struct net *n, const struct net_addr6_note *note)
{
	addr6_change(n, net_addr6_remove(n, note->iface, &note->addr), "removing address", &note->addr);
}

/* Said by one of the stacks. */
static void route_change(struct net *n, const struct net_route_note *note)
{
	const struct net_route r = {.prefix = note->prefix, .gw = note->gw, .src = note->src, .metric = note->metric, .mtu = note->mtu,
				    .prefix_len = note->prefix_len, .type = note->type, .iface = note->iface};
	int rc = note->remove ? net_route_remove(n, &r) : net_route_add(n, &r);

	if (rc < 0 && rc != -EEXIST && rc != -ENOENT && n->announce.leader)
		LOG_WARN("%s a route: %s", note->remove ? "removing" : "adding", strerror(-rc));
}

void net_mail(struct net *n, enum mail_kind kind, const void *body)
{
	const struct net_addr_note *addr = body;

	switch (kind) {
	case MAIL_NEIGH:
		neigh_heard(n, body);
		break;
	case MAIL_ADDR_ADD:
		addr_add(n, addr);
		break;
	case MAIL_ADDR_REMOVE:
		addr_change(n, net_addr_remove(n, addr->addr_be), "removing address", addr->addr_be);
		break;
	case MAIL_ADDR6_ADD:
		addr6_add(n, body);
		break;
	case MAIL_ADDR6_REMOVE:
		addr6_remove(n, body);
		break;
	case MAIL_IP6:
		net6_apply(n, body);
		break;
	case MAIL_GATEWAY:
		gateway_change(n, body);
		break;
	case MAIL_ROUTE:
		route_change(n, body);
		break;
	case MAIL_FILTER:
		net_filter_set(n, ((const struct net_filter_note *)body)->filter);
		break;
	case MAIL_LINK:
		net_link_changed(n, body);
		break;
	default:
		break;
	}
}
