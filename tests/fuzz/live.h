/* live.h: one whole stack on a device that a fuzzer writes: frames go in, what comes out is looked at and thrown away, and time goes on
 * when the fuzzer says so. */
#ifndef FUZZ_LIVE_H
#define FUZZ_LIVE_H

#include "core/stack.h"
#include "sent.h"

#define LIVE_US RTE_IPV4(10, 0, 0, 1)    /* /24 */
#define LIVE_CONNS 32
#define LIVE_QUEUE 64
#define LIVE_SETTLE_MIN 60u              /* closed sockets are gone after so many minutes; the longest user timeout of the targets ... */
#define LIVE_USER_TIMEOUT_MS (LIVE_SETTLE_MIN / 2 * 60000)
#define LIVE_ANSWERS_MAX 64              /* frames that one frame may bring about at once, beside those that waited */

extern const struct ip6_addr live_us6;   /* fd00::1/64 */

/* Who a packet is from: the peer (10.0.0.2, fd00::2), whose hardware address is known, another station of the link (..3), or one behind
 * a router that there is not (10.9.9.9, fd09::9). */
enum live_host { LIVE_PEER, LIVE_OTHER, LIVE_FAR, LIVE_HOSTS };
rte_be32_t live_addr(enum live_host who);
const struct ip6_addr *live_addr6(enum live_host who);

struct live {
	struct port port; /* first: ops get it back */
	struct stack *s;
	struct rte_mempool *pool;
	struct rte_mbuf *in[LIVE_QUEUE];
	unsigned n_in;
	unsigned mbufs;    /* free ones at the start */
	uint32_t addrs6;   /* numbers of addresses at the start */
	uint64_t now_ns;
	uint64_t frames_out;
	struct sent sent;
};

/* How a stack is set up, two bits each from the lowest: congestion control, ECN, SYN cookies, what is switched off (timestamps, SACK),
 * window scale and idle restart likewise, Fast Open cookies needed by servers and clients; then one bit each: GRO, user timeouts,
 * MTU probing, duplicate address detection and routers. */
#define LIVE_BITS 16

void live_eal(void);                /* once */
struct live *live_open(uint32_t how); /* a fresh stack, the same each time */
void live_close(struct live *l);    /* traps when anything is missing or left; sockets must be closed before */

/* A frame of len bytes for the next turn; split > 0: in mbufs of so many bytes. */
void live_frame(struct live *l, const void *frame, uint32_t len, uint32_t split);
void live_turn(struct live *l);
void live_pass(struct live *l, uint64_t ns); /* time goes by, with a turn at every timer */
void live_settle(struct live *l);            /* time goes on until no connection is left: traps when one stays */
void live_check(const struct live *l);       /* memory is bounded */

/* The IP side of a packet to us. */
struct live_ip {
	enum live_host from;
	bool ip6;
	uint8_t proto, tos, hops;
	uint8_t exts;      /* IPv6: bit 0 hop-by-hop options, bit 1 destination options */
	uint16_t piece;    /* > 0: in fragments of so many bytes (rounded down to eights) ... */
	bool backwards;    /* ... last one first */
	uint32_t split;    /* of live_frame() */
};

/* Sends len bytes (at most LIVE_L4_MAX) in IP, with all checksums. l4 is changed: its checksum. */
#define LIVE_L4_MAX 1440u
void live_packet(struct live *l, const struct live_ip *ip, void *l4, uint32_t len);

#endif
