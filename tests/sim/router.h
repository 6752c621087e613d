/* router.h: a port in front of another that does to what its stack sends what routers do: the next link may be narrower, with
 * ICMP that says so or without, and queues that are long mark packets (RFC 3168). */
#ifndef SIM_ROUTER_H
#define SIM_ROUTER_H

#include "base/prng.h"
#include "pkt/port.h"

#define ROUTER_SAYS_MAX 16

struct router {
	struct port port;       /* first: ops get it back */
	struct port *inner;
	struct rte_mempool *pool;
	struct prng prng;
	uint16_t mtu;           /* of the next link, IP bytes; 0: any */
	bool silent;            /* a black hole: no ICMP */
	uint32_t mark;          /* probability of CE, as struct sim_link's */
	struct rte_mbuf *says[ROUTER_SAYS_MAX]; /* ICMP that the stack has not received yet */
	uint16_t n_says;
	uint64_t too_large, marked; /* packets */
};

/* inner stays the caller's to close. */
void router_open(struct router *r, struct port *inner, struct rte_mempool *pool, uint64_t seed);
void router_close(struct router *r);

#endif
