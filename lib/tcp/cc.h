/* cc.h: congestion control as a table of functions, so that an algorithm is one file. The state they share is the pcb's
 * cwnd and ssthresh and, while data is in flight, tcp_buf; who may send what is decided elsewhere (out.c, rtx.c). */
#ifndef TCP_CC_H
#define TCP_CC_H

#include "tcp/buf.h"

/* What one ACK told: filled by rtx.c for the algorithm. Bytes, but for the names that say otherwise. */
struct tcp_ack {
	uint32_t acked;          /* newly acknowledged, cumulatively */
	uint32_t delivered;      /* newly known to have arrived: acked and SACKed, each byte once */
	uint32_t lost;           /* newly taken for lost */
	uint32_t prior_flight;   /* in flight (RFC 6675 pipe) before this ACK */
	uint32_t flight;         /* and after it */
	uint32_t rtt_us;         /* of the newest segment that it acknowledged and that was sent once; 0: none */
	/* Delivery rate (draft-cheng-iccrg-delivery-rate-estimation): rate_bytes arrived in rate_us; 0: no sample. */
	uint32_t rate_bytes, rate_us;
	uint32_t prior_delivered;/* tcp_ext.delivered when the newest acknowledged segment left */
	bool app_limited;        /* the sample was limited by the application */
	bool ece;                /* the segment had ECE (RFC 3168) */
};

enum tcp_cc_event {
	TCP_CC_RECOVERY,         /* fast recovery begins; ssthresh was asked for */
	TCP_CC_RECOVERED,        /* and is over */
	TCP_CC_RTO,              /* all in flight was taken for lost */
	TCP_CC_UNDO,             /* the loss was none: cwnd and ssthresh are as before it */
	TCP_CC_CWR,              /* ECE made the window smaller (RFC 3168 6.1.2) */
	TCP_CC_IDLE,             /* data leaves after an idle time (RFC 2861, 7661) */
};

struct tcp_cc {
	const char *name;
	/* The handshake is over, mss is known; also after an idle time. */
	void (*start)(struct tcp *t, struct tcp_pcb *p);
	/* An ACK told something; not called between loss and its repair where PRR decides (rtx.c), unless own_recovery. */
	void (*acked)(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a);
	/* Congestion was detected (loss, or ECE): the new ssthresh. */
	uint32_t (*ssthresh)(struct tcp *t, struct tcp_pcb *p, uint32_t flight);
	void (*event)(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_event e); /* NULL: nothing to do */
	bool own_recovery; /* sets cwnd in recovery itself (BBR): no PRR */
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
