/* mail.h: what the network layer tells the other stacks of its end. */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <rte_ether.h>

#include "net/net.h"

/* MAIL_LINK */
struct net_link_note {
	uint8_t port;
	bool up;
};

/* ARP told this on iface: neigh_learn() for everybody. */
void net_tell_neigh(struct net *n, uint8_t iface, rte_be32_t addr_be, const struct rte_ether_addr *mac, bool create);

/* A port's link came up or went down, as the leader saw. */
void net_link_changed(struct net *n, const struct net_link_note *note);

#endif
