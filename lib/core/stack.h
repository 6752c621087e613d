/* stack.h: one stack: everything that one core owns, and the loop that drives it. */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "base/clock.h"
#include "base/drop.h"
#include "base/prng.h"
#include "flow/eport.h"
#include "flow/flow.h"
#include "net/net.h"
#include "pkt/port.h"
#include "pkt/tx.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

struct stack_config {
	struct port *port;
	uint16_t queue;               /* this stack's queue of the port */
	struct rte_mempool *pool;     /* mbufs for sending, and for receiving on this queue */
	const struct eport_space *eports;
	uint32_t max_conns;
	uint16_t port_lo, port_hi;
	uint64_t seed;                /* 0: from the system */
	uint64_t now_ns;              /* the time at start */
	int numa_node;
};

struct stack {
	struct clock clock;
	struct prng prng;
	struct flow flow;
	struct tcp tcp;
	struct net net;
	struct udp udp;
	struct eport *eport;
	struct port *port;
	uint16_t queue;
	uint64_t rx_packets, rx_bytes, polls, busy_polls;
	struct drops drops;
	struct pkt_tx tx;
};

/* A stack without addresses (net_addr_add(&s->net, ...) gives it some). 0, -ENOMEM, -EINVAL. */
int stack_init(struct stack *s, const struct stack_config *cfg);
void stack_fini(struct stack *s);

/* One turn at time now_ns: output that the application asked for, received packets, timers, answers. Returns how many
 * packets and timers it handled (0: idle). */
uint32_t stack_poll(struct stack *s, uint64_t now_ns);
/* Only the sending half: what the application queued since the last turn leaves now. */
void stack_flush(struct stack *s);
/* The time at which stack_poll() has something to do even if nothing arrives; UINT64_MAX when never. */
uint64_t stack_next_ns(const struct stack *s);

#endif
