/* neigh.h: neighbours: stations on the link by their IPv4 address (RFC 826, RFC 1122 2.3.2) or the number of their IPv6 address
 * (RFC 4861 7), which a neighbour holds. One object per address that a path leads over, or that asked for ours.
 *
 * NONE        nothing known and nothing asked: fresh, or failed a while ago
 * INCOMPLETE  asked by broadcast, NEIGH_PROBES times; packets wait
 * REACHABLE   the hardware address is known. Confirmed by ARP or by what flows hear for NEIGH_REACHABLE_MS
 * PROBE       confirmed too long ago while paths lead over it: asked by unicast; packets flow
 * FAILED      did not answer; packets are refused for NEIGH_PROBE_MS, then NONE
 *
 * Timers: INCOMPLETE and PROBE: the next question; REACHABLE: ages, and is forgotten when no path has led over it for
 * NEIGH_GC_MS; FAILED: the end of refusal; NONE has none and is forgotten with its last path. */
#ifndef NET_NEIGH_H
#define NET_NEIGH_H

#include <rte_ether.h>

#include "net/net.h"

#define NEIGH_BUCKETS 65536u /* one per neighbour there may be; memory is taken page by page */

enum neigh_state { NEIGH_FREE = 0, NEIGH_NONE, NEIGH_INCOMPLETE, NEIGH_REACHABLE, NEIGH_PROBE, NEIGH_FAILED };

struct neigh {
	struct flow_head h;          /* key.raddr_be: its address; key.laddr_be: ours to ask from */
	struct rte_ether_addr mac;
	uint8_t state;               /* enum neigh_state */
	uint8_t probes;              /* questions asked in this state */
	uint32_t chain;              /* next in the bucket */
	uint32_t paths;              /* first of the paths over it */
	struct rte_mbuf *wait, *wait_last; /* complete but for the destination's hardware address */
	uint32_t n_wait;
	uint32_t heard_tick;         /* last confirmation known here */
	uint32_t used_tick;          /* when the last path left */
	uint8_t iface;
} __rte_cache_aligned;
static_assert(sizeof(struct neigh) == 128, "two cache lines");

static inline struct neigh *neigh_at(const struct net *n, uint32_t idx)
{
	return (struct neigh *)pool_at(&n->flow->pool[FLOW_NEIGH], idx);
}

static inline bool neigh_known(const struct neigh *ne)
{
	return ne->state == NEIGH_REACHABLE || ne->state == NEIGH_PROBE;
}

uint32_t neigh_find(const struct net *n, uint8_t iface, rte_be32_t addr_be); /* index, 0: none */
uint32_t neigh_get(struct net *n, uint8_t iface, rte_be32_t addr_be);        /* likewise, made when there is none; 0: full */
void neigh_attach(struct net *n, uint32_t idx, uint32_t path);/* path leads over idx from now on */
void neigh_detach(struct net *n, uint32_t path);              /* path, about to be freed, no longer does */

/* addr has this hardware address, says ARP. create: make a neighbour of it even if no path leads there. */
void neigh_learn(struct net *n, uint8_t iface, rte_be32_t addr_be, const struct rte_ether_addr *mac, bool create);

/* What neighbour discovery says of a neighbour (RFC 4861 7.2). */
struct neigh_news {
	const struct rte_ether_addr *mac; /* NULL: says none */
	bool create;       /* make a neighbour of it even if no path leads there */
	bool advert;       /* an advertisement: it has not merely asked */
	bool solicited;    /* the answer to a question: it lives */
	bool override;     /* another hardware address than the known one counts */
};
void neigh_learn6(struct net *n, uint8_t iface, const struct ip6_addr *addr, const struct neigh_news *news);
/* neigh_get() of an address that may have no number. IPv4: ::ffff:a.b.c.d. */
uint32_t neigh_get_whole(struct net *n, uint8_t iface, const struct ip6_addr *addr);

/* Sends a frame that lacks only the destination's hardware address, now or when that is known. Owns m. 0 or
 * -EHOSTUNREACH. */
int neigh_output(struct net *n, uint32_t idx, struct rte_mbuf *m);

/* The link of this port came up again: who was known there is asked, who failed may be asked again. */
void neigh_renew(struct net *n, uint8_t port);

void neigh_fini(struct net *n); /* frees all waiting packets */

#endif
