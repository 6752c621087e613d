/* recovery.h: what one ACK does to what is in flight, between the files that do it. Private to lib/tcp. */
#ifndef TCP_RECOVERY_H
#define TCP_RECOVERY_H

#include "tcp/flight.h"
#include "tcp/in.h"

/* One ACK on its way through sack.c, rack.c and recovery.c. */
struct tcp_news {
	struct tcp_ack a;        /* what congestion control will be told */
	const struct tcp_seg *s;
	uint32_t now_us;
	uint32_t prior_una;      /* SND.UNA before it */
	uint32_t rtt_us;         /* longest round trip of what was sent once and is delivered by this ACK; 0: none */
	uint32_t rtt_sent_us;    /* when that left which a.rtt_us is of */
	/* Of the record that was sent last of those delivered (valid with rate): see tcp_rec. */
	uint32_t rate_sent_us, rate_first_us, rate_delivered_us;
	uint32_t dsack_left, dsack_right;
	bool dsack;              /* dsack_* are a D-SACK (RFC 2883) */
	bool sacked;             /* something was SACKed that was not before */
	bool advanced;           /* SND.UNA moved */
	bool original;           /* something was delivered that was sent once, before the loss was noticed (RFC 5682) */
	bool rate;
	bool dup;                /* a duplicate ACK in the sense of RFC 5681 section 2 */
};

/* len bytes of r, not SACKed before, have arrived (recovery.c). */
void tcp_delivered(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n, const struct tcp_rec *r,
		   uint32_t len);

/* ---- sack.c ---- */
/* The segment's SACK blocks, of which there is at least one; its acknowledgment has been taken. */
void tcp_sack_take(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n);

/* ---- rack.c ---- */
void tcp_rack_delivered(const struct tcp *t, const struct tcp_pcb *p, struct tcp_flight *f, const struct tcp_news *n,
			const struct tcp_rec *r);
/* Marks what is lost by now (RFC 8985 6.2 step 5); returns in how many microseconds more may be, 0: nothing. */
uint32_t tcp_rack_detect(struct tcp *t, const struct tcp_pcb *p, struct tcp_flight *f);
/* A timeout: what is lost then (6.3); false: r may still be on its way. */
bool tcp_rack_overdue(const struct tcp *t, const struct tcp_flight *f, const struct tcp_rec *r);
void tcp_rack_adapt(struct tcp_pcb *p, struct tcp_flight *f, bool dsack, bool recovered); /* the reordering window */

/* ---- tlp.c ---- */
/* Whether a probe is due before the RTO, and after how long (RFC 8985 7.2). */
static inline bool tcp_tlp_wanted(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b)
{
	if ((p->xflags & (TX_SACK | TX_TLP)) != TX_SACK || (p->tflags & (TF_RECOVERY | TF_LOSS)) || p->backoff != 0)
		return false;
	return b == NULL || likely(b->flight == 0) || tcp_flight_of(t, b)->sacked == 0;
}

static inline uint32_t tcp_tlp_pto_us(const struct tcp_pcb *p)
{
	uint32_t us = RTE_MAX(p->srtt_us8 >> 2, TCP_TLP_MIN_US); /* twice SRTT */

	if (p->srtt_us8 == 0)
		return TCP_RTO_INITIAL_US;
	return p->snd_nxt - p->snd_una <= p->mss ? us + TCP_TLP_DELACK_US : us;
}

void tcp_tlp_fire(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);
/* An ACK while a probe is not accounted for (TX_TLP), 7.4. f: NULL when nothing but the probe's flight was out. */
void tcp_tlp_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, const struct tcp_news *n);

/* ---- recovery.c ---- */
/* An ACK that is new, or a duplicate, or has SACK blocks; takes SND.UNA along. b->snd_len > 0, something is in flight. */
void tcp_recovery_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_seg *s, bool dup);
/* The retransmission timer fired (p->backoff counts it already). */
void tcp_recovery_rto(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);
void tcp_recovery_enter(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, const struct tcp_news *n);
/* A single loss was noticed only when it was repaired already: the window answers, nothing is to be sent again. */
void tcp_recovery_repaired(struct tcp *t, struct tcp_pcb *p);
void tcp_recovery_reorder_fire(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);

/* ---- undo.c ---- */
void tcp_undo_begin(struct tcp_pcb *p, struct tcp_flight *f);
/* All that was sent again has arrived twice, or the ACK is of what was sent first: there was no loss. */
bool tcp_undo_may(const struct tcp_pcb *p, const struct tcp_flight *f, const struct tcp_news *n);
bool tcp_undo_delayed(const struct tcp_pcb *p, const struct tcp_flight *f, const struct tcp_news *n); /* the latter alone */
void tcp_undo(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f);

#endif
