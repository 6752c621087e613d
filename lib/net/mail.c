/* mail.c: what the stacks of one end tell each other about the network, and what other threads want of it. */
#include "net/mail.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/neigh.h"
#include "net/private.h"

struct neigh_note {
	rte_be32_t addr_be;
	struct rte_ether_addr mac;
	uint8_t iface;
	bool create;
};

void net_tell_neigh(struct net *n, uint8_t iface, rte_be32_t addr_be, const struct rte_ether_addr *mac, bool create)
{
	const struct neigh_note note = {.addr_be = addr_be, .mac = *mac, .iface = iface, .create = create};
	struct mailbox *b = n->flow->mail;

	/* Others can ask for themselves: a flood of ARP must not fill what holds notes that may not be lost. */
	if (!mail_alone(b) && b->n_late == 0)
		mail_note(b, MAIL_ALL, MAIL_NEIGH, &note, sizeof(note));
}

/* Said by one of the stacks: what does not fit one fits none. */
static void addr_change(const struct net *n, int rc, const char *what, rte_be32_t addr_be)
{
	const uint8_t *ip = (const uint8_t *)&addr_be;
	bool done = rc == -EEXIST || rc == -ENOENT; /* it is as it was wanted */

	if (rc < 0 && !done && n->announce.leader)
		LOG_WARN("%s %u.%u.%u.%u: %s", what, ip[0], ip[1], ip[2], ip[3], strerror(-rc));
}

static void gateway_change(struct net *n, const struct net_gw_note *note)
{
	if (note->remove)
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

void net_mail(struct net *n, enum mail_kind kind, const void *body)
{
	const struct neigh_note *neigh = body;
	const struct net_addr_note *addr = body;

	switch (kind) {
	case MAIL_NEIGH:
		neigh_learn(n, neigh->iface, neigh->addr_be, &neigh->mac, neigh->create);
		break;
	case MAIL_ADDR_ADD:
		addr_add(n, addr);
		break;
	case MAIL_ADDR_REMOVE:
		addr_change(n, net_addr_remove(n, addr->addr_be), "removing address", addr->addr_be);
		break;
	case MAIL_GATEWAY:
		gateway_change(n, body);
		break;
	case MAIL_LINK:
		net_link_changed(n, body);
		break;
	default:
		break;
	}
}
