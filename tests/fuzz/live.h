/* live.h: one whole stack on a device that a fuzzer writes: frames go in, what comes out is thrown away, and time goes on when
 * the fuzzer says so. */
#ifndef FUZZ_LIVE_H
#define FUZZ_LIVE_H

#include "core/stack.h"

#define LIVE_US RTE_IPV4(10, 0, 0, 1)    /* /24 */
#define LIVE_PEER RTE_IPV4(10, 0, 0, 2)  /* its hardware address is known */
#define LIVE_CONNS 32
#define LIVE_QUEUE 64

struct live {
	struct port port; /* first: ops get it back */
	struct stack *s;
	struct rte_mempool *pool;
	struct rte_mbuf *in[LIVE_QUEUE];
	unsigned n_in;
	unsigned mbufs;    /* free ones at the start */
	uint64_t now_ns;
	uint64_t frames_out;
};

void live_eal(void);               /* once */
struct live *live_open(void);      /* a fresh stack, the same each time */
void live_close(struct live *l);   /* traps when a buffer is missing; connections must be closed before */

/* A frame of len bytes for the next turn; split > 0: in mbufs of so many bytes. */
void live_frame(struct live *l, const void *frame, uint32_t len, uint32_t split);
void live_turn(struct live *l);
void live_pass(struct live *l, uint64_t ns); /* time goes by, with a turn at every timer */
void live_settle(struct live *l);            /* time goes on until no connection is left: traps when one stays */

/* Writes link and IPv4 headers to the peer's address in front of len bytes at frame + LIVE_HEADERS and completes all checksums.
 * Returns the frame's length. */
#define LIVE_HEADERS 34u
uint32_t live_ip4(struct live *l, uint8_t *frame, uint8_t proto, uint32_t len);

#endif
