/* cc.h: congestion control as a table of functions, so that an algorithm is one file. The state they share is the pcb's
 * cwnd and ssthresh and, while data is in flight, tcp_buf; who may send what is decided elsewhere (out.c, rtx.c). */
#ifndef TCP_CC_H
#define TCP_CC_H

#include "tcp/buf.h"

struct tcp_cc {
	const char *name;
	/* The handshake is over, mss is known. */
	void (*start)(struct tcp_pcb *p);
	/* acked bytes of new data were acknowledged outside of recovery; flight: bytes in flight before that. */
	void (*acked)(struct tcp_pcb *p, struct tcp_buf *b, uint32_t acked, uint32_t flight);
	/* Loss was detected: the new ssthresh. */
	uint32_t (*ssthresh)(const struct tcp_pcb *p, uint32_t flight);
};

extern const struct tcp_cc tcp_cc_newreno;

const struct tcp_cc *tcp_cc_find(const char *name, uint32_t len); /* NULL: unknown */

/* All connections of today use the one algorithm there is. */
static inline const struct tcp_cc *tcp_cc_of(const struct tcp_pcb *p)
{
	(void)p;
	return &tcp_cc_newreno;
}

#endif
