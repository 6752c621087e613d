/* route.h: the routing table, as the rest of net/ changes it. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/net.h"

static inline uint32_t prefix_mask(uint8_t prefix_len) { return prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len); }

/* Adds addr (host order) to the on-link route of its prefix, which is made when there is none yet. Returns where in
 * source_be addr belongs (those from there on move up by one), or -ENOSPC. */
int route_onlink_add(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len);

/* Takes addr out of the on-link route of its prefix, and with its last address the route. Returns where in source_be it was
 * (those behind it move down by one). */
uint32_t route_onlink_remove(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len);

/* Takes out the gateways that are on no local prefix any more. */
void route_gateways_check(struct net *n);

/* The on-link route of iface (NET_IFACE_ANY: any) to addr, the longest, or NULL. */
const struct net_route *route_onlink_find6(const struct net *n, uint8_t iface, const struct ip6_addr *addr);
const struct net_route *route_onlink_find(const struct net *n, uint8_t iface, rte_be32_t raddr_be);

/* The route to raddr for packets from an address of iface, as net_route_lookup(); NULL also for what is no station's. */
const struct net_route *route_find_from(const struct net *n, uint8_t iface, rte_be32_t raddr_be);

/* Where packets to dst, which is not ours, leave: by *iface, over *r or (NULL) as if dst were on its link; of NET_IFACE_LO:
 * nowhere. -ENETUNREACH. */
int route_via(const struct net *n, uint8_t via, const struct ip6_addr *dst, uint8_t *iface, const struct net_route **r);

/* A neighbour did not answer, or does again: the routes over it are avoided for ROUTE_DEAD_MS, or used. */
void route_gateway_set(struct net *n, uint8_t iface, const struct ip6_addr *gw, bool dead);

#endif
