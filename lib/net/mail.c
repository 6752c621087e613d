/* mail.c: what the stacks of one end tell each other about the network: what ARP told one of them. */
#include "net/mail.h"

#include "net/neigh.h"
#include "net/private.h"

struct neigh_note {
	rte_be32_t addr_be;
	struct rte_ether_addr mac;
	bool create;
};

void net_tell_neigh(struct net *n, rte_be32_t addr_be, const struct rte_ether_addr *mac, bool create)
{
	const struct neigh_note note = {.addr_be = addr_be, .mac = *mac, .create = create};
	struct mailbox *b = n->flow->mail;

	/* Others can ask for themselves: a flood of ARP must not fill what holds notes that may not be lost. */
	if (!mail_alone(b) && b->late == NULL)
		mail_note(b, MAIL_ALL, MAIL_NEIGH, &note, sizeof(note));
}

void net_mail(struct net *n, enum mail_kind kind, const void *body)
{
	const struct neigh_note *note = body;

	if (kind == MAIL_NEIGH)
		neigh_learn(n, note->addr_be, &note->mac, note->create);
}
