/* cc.h: congestion control as a table of functions, so that an algorithm is one file. The state they share is the pcb's
 * cwnd and ssthresh and, while data is in flight, tcp_buf; who may send what is decided elsewhere (out.c, rtx.c). */
#ifndef TCP_CC_H
#define TCP_CC_H

#include "tcp/buf.h"

/* What one ACK told: filled by rtx.c for the algorithm. Bytes, but for the names that say otherwise. */
struct tcp_ack {
	uint32_t una;            /* up to where all is acknowledged now */
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
	bool cwr;                /* ECE has made the window smaller less than a round trip ago: it does not grow */
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
	uint32_t (*ssthresh_ecn)(struct tcp *t, struct tcp_pcb *p); /* for ECE; NULL: as for a loss */
	void (*event)(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_event e); /* NULL: nothing to do */
	void (*attach)(struct tcp *t, struct tcp_pcb *p); /* the connection has got its ext, zeroed; NULL: nothing to do */
	bool own_recovery; /* sets cwnd in recovery itself (BBR): no PRR */
	bool keeps_state;  /* of little use without its ext, which it needs from the start and keeps */
	bool needs_ecn;    /* asks for ECN whatever the setting, and marks all segments (DCTCP) */
};

extern const struct tcp_cc tcp_cc_newreno, tcp_cc_cubic, tcp_cc_bbr, tcp_cc_dctcp;
extern const struct tcp_cc *const tcp_ccs[1u << 3]; /* by enum tcp_cc_id; further ones are CUBIC */

int tcp_cc_find(const char *name, uint32_t len); /* enum tcp_cc_id; -ENOENT: unknown */

static inline const struct tcp_cc *tcp_cc_of(const struct tcp_pcb *p)
{
	return tcp_ccs[(p->xflags & TX_CC_MASK) >> TX_CC_SHIFT];
}

static inline void tcp_cc_tell(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_event e)
{
	if (tcp_cc_of(p)->event != NULL)
		tcp_cc_of(p)->event(t, p, e);
}

/* What windows grow by: acknowledged, and not told by SACK or a duplicate ACK before (RFC 5681 3.1 limits an ACK that covers more
 * to a segment; Linux grows by what was delivered). */
static inline uint32_t tcp_cc_acked_anew(const struct tcp_ack *a) { return a->acked < a->delivered ? a->acked : a->delivered; }

/* Another algorithm for this socket (TCP_CONGESTION), also in mid-flow. */
void tcp_cc_set(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_id id);
/* An ACK told something (see acked): what to call. Completes a->cwr, and makes the ext when the window outgrows its start. */
void tcp_cc_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_ack *a);
/* Data is about to leave, and nothing is in flight. */
void tcp_cc_idle(struct tcp *t, struct tcp_pcb *p);
/* What did not use its window for an RTO loses half of the difference (RFC 2861 section 3). */
void tcp_cc_unused(struct tcp_pcb *p, uint32_t used);
/* The connection has got its ext. */
void tcp_cc_attach(struct tcp *t, struct tcp_pcb *p);

/* ---- parts that algorithms share ---- */
#define TCP_CWND_MAX (1u << 30) /* a sequence space quarter: RFC 7323 2.3's largest window */

/* RFC 6928 section 2. */
static inline uint32_t tcp_cc_initial_window(const struct tcp_pcb *p)
{
	uint32_t iw = TCP_INITIAL_WINDOW * (uint32_t)p->mss, bytes = 2u * p->mss > 14600 ? 2u * p->mss : 14600;

	return iw < bytes ? iw : bytes;
}

void tcp_reno_start(struct tcp *t, struct tcp_pcb *p);
void tcp_reno_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a);
uint32_t tcp_reno_ssthresh(struct tcp *t, struct tcp_pcb *p, uint32_t flight);
/* Slow start by these bytes, at most up to ssthresh; returns what is left of them. */
uint32_t tcp_cc_slow_start(struct tcp_pcb *p, uint32_t acked);
/* Whether the sender uses its window: if not, it learns nothing about a larger one (RFC 7661 section 4.1). */
bool tcp_cc_limited(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_ack *a);

/* The same without an ext, from what is in flight. */
static inline bool tcp_cc_filled(const struct tcp_pcb *p, uint32_t flight)
{
	return p->cwnd < p->ssthresh ? p->cwnd <= 2 * (uint64_t)flight : p->cwnd <= (uint64_t)flight + p->mss;
}

/* Whether an ACK changes anything for congestion control. It does not as long as a window that was never outgrown is not used:
 * requests and answers. */
static inline bool tcp_cc_watches(const struct tcp_pcb *p)
{
	return (p->xflags & (TX_EXT | TX_ECN)) || tcp_cc_filled(p, p->snd_nxt - p->snd_una) ||
	       p->cwnd > TCP_INITIAL_WINDOW * (uint32_t)p->mss;
}

#endif
