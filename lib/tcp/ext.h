/* ext.h: what a connection has besides its pcb once it is busy or was asked for something special: the state of congestion
 * control and pacing, delivery rates, and the counters of TCP_INFO. A connection that never sends more than its initial window
 * has none. Valid while TX_EXT is set; private to lib/tcp. */
#ifndef TCP_EXT_H
#define TCP_EXT_H

#include "tcp/bbr.h"
#include "tcp/buf.h"
#include "tcp/cc.h"
#include "tcp/cubic.h"
#include "tcp/dctcp.h"
#include "tcp/life.h"

/* Reasons to keep it while nothing is sent. */
#define EXT_KEEP_CC   (1u << 0) /* the algorithm is a model of the path (BBR, DCTCP) */
#define EXT_KEEP_PACE (1u << 1) /* SO_MAX_PACING_RATE */
#define EXT_KEEP_INFO (1u << 2) /* somebody reads TCP_INFO */

/* Delivery rate (draft-cheng-iccrg-delivery-rate-estimation), kept by the sender's loss recovery. */
struct tcp_rate {
	uint32_t delivered;      /* bytes known to have arrived; wraps */
	uint32_t delivered_us;   /* when that changed last */
	uint32_t first_sent_us;  /* when the segment left that was acknowledged last */
	uint32_t app_limited;    /* delivered that ends the time in which the application had too little to send; 0: it had enough */
	uint32_t last_bytes, last_us; /* the latest sample, for TCP_INFO */
	bool last_app_limited;
};

struct tcp_pace {
	uint64_t rate;           /* bytes per second now; 0: as fast as windows allow */
	uint64_t wanted;         /* what the algorithm asked for */
	uint64_t next_ns;        /* nothing leaves before, but for the burst ... */
	uint64_t burst_ns;       /* ... that began at this time ... */
	uint64_t burst_end_ns;   /* ... and is used up when next_ns gets here */
	uint32_t tick;           /* wakes the connection then, while armed */
	bool armed;
};

/* A segment that is larger than the path is known to take (mtu_probe.h). */
struct tcp_probe {
	uint32_t start, end;     /* of its payload */
	uint32_t retrans;        /* segments that had been sent again when it left */
	uint16_t bytes;          /* of IP; 0: none is under way */
	bool due;                /* one should be sent */
};

/* What limits the sender (TCP_INFO's busy, rwnd_limited and sndbuf_limited times). */
enum tcp_limit { TCP_LIMIT_NONE, TCP_LIMIT_BUSY, TCP_LIMIT_RWND, TCP_LIMIT_SNDBUF, TCP_LIMITS };

struct tcp_counts {
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint64_t limit_us[TCP_LIMITS];
	uint32_t segs_in, segs_out, data_segs_in, data_segs_out, retrans, delivered_ce;
	uint32_t lost;           /* segments taken for lost (by loss recovery) */
	uint32_t dsack_dups, reord_seen; /* told by loss recovery */
	uint32_t reord_bytes;    /* how far behind the highest delivered number something came that was sent once */
	uint32_t data_sent_ms, data_rcvd_ms, ack_rcvd_ms; /* clock.now_ms */
	uint32_t rcv_seen;       /* rcv_nxt up to which bytes_received counts */
	uint32_t limit_us_since; /* of the present limit */
	uint8_t limit;           /* enum tcp_limit */
};

/* Auto-tuning of the receive buffer (autotune.h). */
struct tcp_drs {
	uint32_t rtt_us8;        /* as the receiver sees it, us << 3; 0: not known */
	uint32_t tsecr;          /* of the latest sample */
	uint32_t wnd_seq, wnd_us;/* without timestamps: when a window began, and where it ends */
	uint32_t space, seq, us; /* taken in the round trip before; since when and from where the present one is measured */
};

struct tcp_ext {
	uint32_t pool_link;
	uint8_t keep;            /* EXT_KEEP_* */
	bool cwnd_limited;       /* in the window of data that ends at use_seq, cwnd was what held the sender back */
	uint32_t used_ms;        /* clock.now_ms: when data left last, or an idle time was taken account of */
	uint32_t full_ms, full_max; /* when cwnd was used up last, and the most in flight since (RFC 2861) */
	uint32_t use_seq, use_max; /* ... and the most that was in flight in it (RFC 7661 4.2's pipeACK, as Linux keeps it) */
	uint32_t min_rtt_us, min_rtt_tick; /* least RTT of the last TCP_MIN_RTT_MS, and when it was seen; 0: none */
	struct tcp_rate rate;
	struct tcp_pace pace;
	union {
		struct cubic cubic;
		struct bbr bbr;
		struct dctcp dctcp;
	} cc;
	struct tcp_drs drs;
	struct tcp_probe mtu;
	struct tcp_counts n;
} __attribute__((aligned(64)));

static inline struct tcp_ext *tcp_ext_of(const struct tcp *t, const struct tcp_pcb *p)
{
	return p->xflags & TX_EXT ? (struct tcp_ext *)pool_at(&t->exts, p->ext) : NULL;
}

/* The connection's, made when there is none. NULL: before the handshake's end, or the pool is empty; every user copes. */
struct tcp_ext *tcp_ext_need(struct tcp *t, struct tcp_pcb *p);
void tcp_ext_free(struct tcp *t, struct tcp_pcb *p);
/* Nothing is in flight and the window is back at its start: gives it back unless something keeps it. */
void tcp_ext_idle(struct tcp *t, struct tcp_pcb *p);
/* The handshake is over: what options asked for begins. */
static inline void tcp_ext_established(struct tcp *t, struct tcp_pcb *p)
{
	if (unlikely(tcp_cc_of(p)->keeps_state || tcp_opt(t, p)->max_pacing != 0))
		tcp_ext_need(t, p);
}

/* Call these only while TX_EXT is set. */
void tcp_ext_sent(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint32_t len, uint32_t segs); /* before snd_nxt moves */
void tcp_ext_received(struct tcp *t, struct tcp_pcb *p, uint32_t len, uint32_t segs);
void tcp_ext_flushed(struct tcp *t, struct tcp_pcb *p); /* all that may leave now has left: what stopped it? */
void tcp_ext_reordered(struct tcp *t, struct tcp_pcb *p, uint32_t bytes);
void tcp_ext_acked(struct tcp *t, struct tcp_pcb *p, const struct tcp_ack *a);

#endif
