/* in_ack.c: fifth step of RFC 9293 3.10.7.4: the acknowledgment and the send window. */
#include <errno.h>

#include "tcp/cc.h"
#include "tcp/dialect.h"
#include "tcp/ecn.h"
#include "tcp/ext.h"
#include "tcp/fastopen.h"
#include "tcp/in.h"
#include "tcp/out.h"
#include "tcp/rate.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"
#include "tcp/uto.h"

void tcp_rtt_from_timestamp(const struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	uint32_t ms = tcp_now_ts(t, p->ts_offset) - s->o.tsecr;

	if (ms <= TCP_RTO_MAX_US / 1000)
		tcp_rtt_sample(p, ms * 1000);
}

/* The handshake's own round trip. A SYN that was sent again is not timed (Karn), but for its timestamp; without one the
 * first RTO is 3 s (RFC 6298 5.7). More than one repetition is taken for congestion (RFC 6928 section 2). */
static void handshake_timing(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	if (unlikely(p->xflags & TX_UNTIMED))
		p->xflags &= ~TX_UNTIMED;
	else if (p->backoff == 0)
		tcp_rtt_sample(p, (uint32_t)t->clock->now_us - p->syn_us);
	else if ((p->tflags & TF_TS) && s->o.has_ts)
		tcp_rtt_from_timestamp(t, p, s);
	else
		p->rttvar_us4 = TCP_RTO_AFTER_SYN_LOSS_US;
	if (p->backoff > 1)
		p->cwnd = p->mss;
	p->backoff = 0;
	p->ext = 0; /* was syn_us */
}

void tcp_in_established(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	bool early = p->xflags & TX_FO_PASSIVE;
	bool silent = p->state == TCP_SYN_SENT && tcp_dialect_of(p)->shut_is_silent;

	if (unlikely(early)) {
		tcp_fo_established(t, p);
	} else {
		p->snd_una++; /* the SYN */
		p->snd_nxt = p->snd_una;
		handshake_timing(t, p, s);
	}
	p->tflags |= TF_CONNECTED;
	tcp_timer_rtx_stop(p);
	if (unlikely(early) && p->snd_una != p->snd_nxt)
		tcp_timer_rtx_in(t, p, tcp_rtt_rto_us(p));
	tcp_state_set(t, p, TCP_ESTABLISHED);
	tcp_ext_established(t, p);
	net_confirm(t->net, p->c.h.path);
	tcp_timer_keepalive(t, p);
	if (unlikely(t->uto))
		tcp_uto_tell(t, p);
	ready_mark(t->flow, &p->c, EPOLLOUT);
	if (p->buf != 0) /* text that was in the SYN, perhaps */
		tcp_out_mark(t, p);
	if ((p->tflags & TF_SHUT_WR) && !silent) { /* CLOSE or SHUT_WR came before: now its FIN */
		tcp_state_set(t, p, TCP_FIN_WAIT_1);
		tcp_out_mark(t, p);
	}
}

/* SND.WND from segments that are not older than the last one that set it. One that acknowledges more is never older, though data
 * that is sent again may carry it: were its window not taken, the old one would count from the new SND.UNA and reach too far. */
static void window_update(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	uint32_t wnd = (uint32_t)s->wnd << (p->wscale & 15);

	if (!seq_gt(s->ack, p->snd_una) && (seq_gt(p->snd_wl1, s->seq) || (p->snd_wl1 == s->seq && seq_gt(p->snd_wl2, s->ack))))
		return;
	p->snd_wl1 = s->seq;
	p->snd_wl2 = s->ack;
	if (s->wnd > p->snd_wnd_max)
		p->snd_wnd_max = s->wnd;
	if (wnd > p->snd_wnd && p->buf != 0)
		tcp_out_mark(t, p);
	p->snd_wnd = wnd;
	if (p->tflags & TF_PERSIST) {
		p->rtx_tick = t->clock->tick; /* the peer is alive */
		if (wnd > 0) {
			p->backoff = 0;
			tcp_timer_rtx_stop(p);
			tcp_out_mark(t, p);
		}
	}
}

/* Our FIN is acknowledged. False: p is gone from here. */
static bool fin_acked(struct tcp *t, struct tcp_pcb *p)
{
	switch (p->state) {
	case TCP_FIN_WAIT_1:
		tcp_state_set(t, p, TCP_FIN_WAIT_2);
		if (p->c.flags & CONN_ORPHAN)
			return tcp_orphan_finwait2(t, p);
		return true;
	case TCP_CLOSING:
		tcp_timewait_enter(t, p);
		return false;
	default: /* LAST-ACK */
		tcp_done(t, p, 0);
		return false;
	}
}

/* Congestion control looks at it. */
static __rte_noinline void ack_weigh(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_seg *s, uint32_t rtt_us)
{
	struct tcp_ack a = {.una = s->ack, .acked = s->ack - p->snd_una, .delivered = s->ack - p->snd_una, .rtt_us = rtt_us,
			    .prior_flight = p->snd_nxt - p->snd_una, .flight = p->snd_nxt - s->ack,
			    .ece = (s->flags & TCPF_ECE) && (p->xflags & TX_ECN)};

	if (p->xflags & TX_EXT) {
		if (rtt_us != 0)
			tcp_rate_single(t, p, b, &a);
		tcp_ext_acked(t, p, &a);
	}
	tcp_cc_acked(t, p, b, &a);
}

/* Nothing but (part of) what left last is acknowledged, or there is no data at all: nothing to ask the scoreboard. RFC 6298
 * section 3: what was sent once is timed; after a retransmission only the timestamp option tells. */
static void ack_single(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_seg *s)
{
	uint32_t rtt_us = 0;

	if (b != NULL && b->snd_len > 0 && s->ack == p->snd_nxt && likely(p->backoff == 0)) {
		rtt_us = (uint32_t)t->clock->now_us - b->sent_us;
		rtt_us += rtt_us == 0;
		tcp_rtt_sample(p, rtt_us);
	} else if (p->backoff > 0 && (p->tflags & TF_TS) && s->o.has_ts) {
		tcp_rtt_from_timestamp(t, p, s);
	}
	if (tcp_cc_watches(p))
		ack_weigh(t, p, b, s, rtt_us);
	p->dupacks = 0;
	p->snd_una = s->ack;
}

/* There is data, and a scoreboard or a reason to make one. */
static bool asks_scoreboard(const struct tcp_pcb *p, const struct tcp_buf *b, const struct tcp_seg *s)
{
	return b != NULL && (b->flight != 0 || unlikely(tcp_data_in_flight(p, b) && ((p->xflags & TX_TLP) || s->o.n_sack != 0)));
}

/* All in flight is acknowledged; or there are so many FINs alone in flight that it goes without. */
static void scoreboard_end(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	if (p->snd_una != p->snd_nxt && (b->snd_len > 0 || t->flights.used <= t->snd_held_max))
		return;
	if ((p->xflags & TX_TLP) && (tcp_flight_of(t, b)->tlp_new || tcp_flight_of(t, b)->tlp_end != p->snd_una))
		p->xflags &= ~TX_TLP;
	p->tflags &= ~(TF_RECOVERY | TF_LOSS);
	tcp_flight_free(t, b);
}

static bool ack_new(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	uint32_t end = tcp_data_end(p, b);
	bool fin = TCP_IN(p->state, TCP_FIN_DUE) && s->ack == end + 1;
	uint32_t data = s->ack - p->snd_una - fin;
	bool was_writable = tcp_writable(t, p, b), scoreboard = asks_scoreboard(p, b, s);

	p->rtx_tick = t->clock->tick;
	if (scoreboard)
		tcp_recovery_ack(t, p, b, s, false);
	else
		ack_single(t, p, b, s);
	if (data > 0)
		tcp_buf_snd_acked(t, b, data, s->ack);
	p->backoff = 0;
	net_confirm(t->net, p->c.h.path);
	if (scoreboard)
		scoreboard_end(t, p, b);
	if (p->snd_una == p->snd_nxt) { /* RFC 6298 5.2 */
		tcp_timer_rtx_stop(p);
		p->tflags &= ~TF_RTX_FIN;
	} else if (!scoreboard) {       /* 5.3 */
		tcp_rtx_arm(t, p, b);
	}
	if (b != NULL) {
		if ((!was_writable || (p->tflags & TF_NOMBUF)) && tcp_writable(t, p, b)) {
			p->tflags &= ~TF_NOMBUF;
			ready_mark(t->flow, &p->c, EPOLLOUT);
		}
		if (b->snd_len > 0) {
			if (unlikely(p->tflags & TF_MORE)) /* it held back what was there when it was said, no longer (as Linux) */
				p->tflags &= ~TF_MORE;
			tcp_out_mark(t, p);
		} else {
			tcp_buf_settle(t, p, b);
		}
	}
	if (fin)
		return fin_acked(t, p);
	if (TCP_IN(p->state, TCP_FIN_DUE))
		tcp_out_mark(t, p);
	return true;
}

/* RFC 5681 section 2: what counts as a duplicate. */
static bool is_dupack(const struct tcp_pcb *p, const struct tcp_seg *s, uint32_t old_wnd)
{
	return s->ack == p->snd_una && p->snd_una != p->snd_nxt && s->len == 0 && !(s->flags & TCPF_FIN) &&
	       ((uint32_t)s->wnd << (p->wscale & 15)) == old_wnd && !(p->tflags & TF_PERSIST);
}

/* Nothing new by number: duplicates and SACK blocks may tell something all the same. */
static void ack_old(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s, bool dup)
{
	struct tcp_buf *b;

	if (likely(!dup && s->o.n_sack == 0))
		return;
	t->stats.dup_acks += dup;
	b = tcp_buf_of(t, p);
	if (b != NULL && (b->flight != 0 || tcp_data_in_flight(p, b))) {
		tcp_recovery_ack(t, p, b, s, dup);
	} else if (unlikely(p->xflags & TX_TLP)) {
		if (s->o.n_sack != 0 ? s->o.sack[0].right == p->snd_una : dup)
			p->xflags &= ~TX_TLP; /* both copies of the probe arrived (RFC 8985 7.4.2, cases 1 and 3) */
	}
}

bool tcp_in_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	uint32_t old_wnd = p->snd_wnd, max_wnd = (uint32_t)p->snd_wnd_max << (p->wscale & 15);

	if (p->state == TCP_SYN_RECEIVED) {
		bool passive = p->xflags & TX_FO_PASSIVE;
		uint32_t least = passive ? p->snd_una : p->snd_nxt; /* and text that may be acknowledged with the SYN */

		if (s->ack - least > (passive ? p->snd_nxt - p->snd_una : tcp_fo_syn_text(t, p))) {
			tcp_in_reset(t, s, p->c.h.path);
			tcp_in_drop(t, s, DROP_TCP_ACK);
			return false;
		}
		tcp_in_established(t, p, s);
		if (unlikely(p->xflags & TX_FO_SYN))
			tcp_fo_synack(t, p, s);
		if (unlikely(p->buf != 0))
			tcp_in_text_due(t, p, s);
	}
	if (seq_gt(s->ack, p->snd_nxt) || seq_lt(s->ack, p->snd_una - max_wnd)) { /* RFC 5961 5.2 */
		tcp_out_challenge(t, p);
		tcp_in_drop(t, s, DROP_TCP_ACK);
		return false;
	}
	if (seq_lt(s->ack, p->snd_una)) {
		ack_old(t, p, s, false);
		return true;
	}
	window_update(t, p, s);
	if (unlikely((s->flags & TCPF_ECE) && (p->xflags & TX_ECN)))
		tcp_ecn_echo(t, p, s->ack);
	if (s->ack != p->snd_una)
		return ack_new(t, p, s);
	ack_old(t, p, s, is_dupack(p, s, old_wnd));
	return true;
}
