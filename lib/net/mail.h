/* mail.h: what the network layer tells the other stacks of its end. */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <rte_ether.h>

#include "net/net.h"

/* MAIL_LINK */
struct net_link_note {
	uint8_t port;
	bool up, off;
};

/* ARP or NDP told this on iface: neigh_learn() or neigh_learn6() for everybody else. IPv4: ::ffff:a.b.c.d. */
struct neigh_news;
void net_tell_neigh(struct net *n, uint8_t iface, const struct ip6_addr *addr, const struct neigh_news *news);

/* A port's link came up or went down, or it was switched on or off, as the leader saw. */
void net_link_changed(struct net *n, const struct net_link_note *note);

#endif
