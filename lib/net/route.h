/* route.h: the routing table, as the rest of net/ changes it. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/net.h"

static inline uint32_t prefix_mask(uint8_t prefix_len) { return prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len); }

/* Adds addr (host order) to the on-link route of its prefix, which is made when there is none yet. Returns where in
 * source_be addr belongs (those from there on move up by one), or -ENOSPC. */
int route_onlink_add(struct net *n, uint32_t addr, uint8_t prefix_len);

/* The on-link route to raddr, or NULL. */
const struct net_route *route_onlink_find(const struct net *n, rte_be32_t raddr_be);

#endif
