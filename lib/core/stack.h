/* stack.h: one stack: everything that one core owns, and the loop that drives it. */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "base/clock.h"
#include "base/drop.h"
#include "base/prng.h"
#include "base/rehome.h"
#include "flow/eport.h"
#include "flow/flow.h"
#include "net/net.h"
#include "pkt/mail.h"
#include "pkt/port.h"
#include "pkt/tx.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

struct stack_config {
	struct port *const *ports;    /* of the end; the first one's rss is the homing function of all */
	uint16_t n_ports;
	uint16_t self;                /* number of this stack at its end, and of its queue of every port */
	struct mail_office *office;   /* of the end; NULL: this is its only stack */
	struct rte_mempool *pool;     /* mbufs for sending, and for receiving on this queue */
	const struct eport_space *eports;
	uint32_t max_conns;
	uint16_t port_lo, port_hi;
	uint64_t seed;                /* 0: from the system */
	struct siphash_key secret;    /* of all stacks of the end: what one promises (cookies), others keep; zero: one of its own */
	uint8_t syncookies;           /* TCP_SYNCOOKIES_* */
	uint8_t without;              /* TCP_NO_* */
	const struct siphash_key *fastopen_key; /* NULL: from secret */
	uint16_t fastopen;            /* TCP_FO_* */
	uint64_t now_ns;              /* the time at start */
	uint32_t rcvbuf_max;          /* of TCP; 0: the default */
	bool uto;                     /* user timeout option */
	uint8_t mtu_probing;          /* as struct tcp_config's */
	uint8_t congestion, ecn;      /* enum tcp_cc_id, enum tcp_ecn_mode */
	bool gro;                     /* join received segments (pkt/gro.h) */
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
	struct mailbox mail;
	struct port *port[PORTS_MAX];
	uint16_t n_ports, self;
	bool gro;
	uint64_t gro_joined;              /* packets that vanished into others */
	uint64_t rx_packets, rx_bytes, polls, busy_polls;
	uint64_t rss_checked, hash_given; /* packets looked at for their home; those whose hash the NIC gave */
	struct rehomes rehomes;           /* sent on to other stacks */
	struct drops drops;
	struct pkt_tx tx[NET_PORT_LOOP + 1];
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
