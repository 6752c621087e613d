/* mail.h: what the network layer tells the other stacks of its end. */
#ifndef NET_MAIL_H
#define NET_MAIL_H

#include <rte_ether.h>

#include "net/net.h"

/* ARP told this: neigh_learn() for everybody. */
void net_tell_neigh(struct net *n, rte_be32_t addr_be, const struct rte_ether_addr *mac, bool create);

#endif
