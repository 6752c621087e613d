/* rtx.c: the retransmission timer (RFC 6298) and what it stands for: RTO, loss probe, reordering timer, window probes, SYN
 * retransmission. What is lost is decided in recovery.c; out.c sends. */
#include "tcp/rtx.h"

#include <errno.h>
#include <netinet/in.h>

#include "flow/away.h"
#include "tcp/dialect.h"
#include "tcp/fastopen.h"
#include "tcp/in.h"
#include "tcp/life.h"
#include "tcp/mtu_probe.h"
#include "tcp/out.h"
#include "tcp/recovery.h"
#include "tcp/timers.h"

static bool give_up(struct tcp *t, struct tcp_pcb *p)
{
	t->stats.timeouts++;
	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED)))
		t->stats.attempt_fails++;
	tcp_done(t, p, p->soft_error != 0 ? p->soft_error : ETIMEDOUT);
	return false;
}

/* Linux's tcp_clamp_rto_to_user_timeout: the timer fires no later than TCP_USER_TIMEOUT is over. */
static uint64_t clamp_to_user_timeout(const struct tcp *t, const struct tcp_pcb *p, uint64_t us)
{
	uint64_t limit = (uint64_t)tcp_user_timeout_ms(t, p) * 1000;
	uint64_t elapsed = (uint64_t)(t->clock->tick - p->rtx_tick) * TICK_US;

	if (limit == 0)
		return us;
	if (elapsed >= limit)
		return 0;
	return limit - elapsed < us ? limit - elapsed : us;
}

/* ---- SYN ---- */

/* connect-semantics D18: the first linear + 1 waits are a second each, then they double. */
uint32_t tcp_syn_interval_us(unsigned retries, unsigned linear)
{
	uint64_t us = retries <= linear ? TCP_RTO_INITIAL_US :
		      (uint64_t)TCP_RTO_INITIAL_US << (retries - linear < 20 ? retries - linear : 20);

	return us < TCP_RTO_MAX_US ? (uint32_t)us : TCP_RTO_MAX_US;
}

/* How long an attempt with a time limit lasts: TCP_USER_TIMEOUT's, TCP_KEEPINIT's, the dialect's; 0: it has none. */
static uint32_t syn_time_ms(const struct tcp *t, const struct tcp_pcb *p)
{
	uint32_t user_ms = tcp_user_timeout_ms(t, p), init_ms = tcp_opt(t, p)->keepinit_s * 1000u;

	return user_ms != 0 ? user_ms : init_ms != 0 ? init_ms : tcp_dialect_of(p)->connect_ms;
}

static uint64_t syn_limit_ms(const struct tcp *t, const struct tcp_pcb *p)
{
	uint32_t ms = syn_time_ms(t, p), n = tcp_opt(t, p)->syncnt;

	return ms != 0 ? ms : ((2ull << (n < 20 ? n : 20)) - 1) * 1000;
}

static bool syn_retries_spent(const struct tcp *t, const struct tcp_pcb *p)
{
	return tcp_dialect_of(p)->connect_ms == 0 && p->backoff >= tcp_opt(t, p)->syncnt + TCP_SYN_LINEAR;
}

/* The last wait ends with the time limit. */
static uint64_t syn_wait_us(const struct tcp *t, const struct tcp_pcb *p)
{
	uint64_t us = tcp_syn_interval_us(p->backoff, tcp_dialect_of(p)->linear), limit_us = (uint64_t)syn_time_ms(t, p) * 1000;
	uint64_t elapsed_us = (uint64_t)(t->clock->tick - p->rtx_tick) * TICK_US;

	if (limit_us == 0 || elapsed_us + us <= limit_us)
		return us;
	return elapsed_us < limit_us ? limit_us - elapsed_us : 0;
}

static bool syn_timeout(struct tcp *t, struct tcp_pcb *p)
{
	uint64_t elapsed_ms = (uint64_t)(t->clock->tick - p->rtx_tick) * TICK_US / 1000;

	if (elapsed_ms >= syn_limit_ms(t, p) || syn_retries_spent(t, p))
		return give_up(t, p);
	p->backoff++;
	if (p->tflags & TF_CLAIMING) {
		flow_claim(t->flow, IPPROTO_TCP, &p->c.h.key, p->c.h.hash, true); /* no buffer: the next time */
	} else {
		if (p->backoff == 1)
			tcp_fo_syn_lost(t, p);
		t->stats.rtx_segs++;
		tcp_out_syn(t, p);
	}
	tcp_timer_rtx_in(t, p, syn_wait_us(t, p));
	return true;
}

/* ---- established ---- */

static bool retries_spent(const struct tcp *t, const struct tcp_pcb *p, unsigned retries)
{
	uint32_t user_ms = tcp_user_timeout_ms(t, p);

	if (user_ms != 0)
		return t->clock->tick - p->rtx_tick >= ticks_from_ms(user_ms);
	return retries > (p->c.flags & CONN_ORPHAN ? TCP_ORPHAN_RETRIES : TCP_RETRIES);
}

/* When the first in flight left. */
static uint32_t head_sent_us(const struct tcp *t, const struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_of(t, b);

	return f != NULL ? tcp_flight_first((struct tcp *)t, f).r->sent_us : b->sent_us;
}

/* What is left of the RTO that began then; at least 1. */
static uint64_t rto_left_us(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b)
{
	int64_t left = (int64_t)tcp_rtt_rto_backed_us(p) - (uint32_t)((uint32_t)t->clock->now_us - head_sent_us(t, b));

	return left > 0 ? (uint64_t)left : 1;
}

void tcp_rtx_arm(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b)
{
	if (likely(tcp_tlp_wanted(t, p, b))) {
		uint32_t us = tcp_rtt_rto_us(p), pto_us = tcp_tlp_pto_us(p);

		tcp_timer_rtx_in(t, p, pto_us < us ? pto_us : us);
		p->xflags |= TX_T_TLP;
	} else {
		tcp_timer_rtx_in(t, p, tcp_rtt_rto_backed_us(p));
	}
}

void tcp_rtx_postpone_probe(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b)
{
	uint64_t pto_us = tcp_tlp_pto_us(p), left_us = rto_left_us(t, p, b);

	tcp_timer_rtx_in(t, p, pto_us < left_us ? pto_us : left_us);
	p->xflags |= TX_T_TLP;
}

void tcp_rtx_rearm(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, bool anew, uint32_t reorder_us)
{
	if (p->snd_una == p->snd_nxt)
		return;
	if (reorder_us != 0) {
		tcp_timer_rtx_in(t, p, reorder_us);
		p->xflags |= TX_T_REO;
	} else if (anew) {
		tcp_rtx_arm(t, p, b);
	} else if ((p->xflags & TX_T_REO) || !(p->tflags & TF_T_RTX)) {
		tcp_timer_rtx_in(t, p, rto_left_us(t, p, b));
	}
}

/* All in flight is to be sent again, when the window allows. */
static void lose_all(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t from_bytes)
{
	struct tcp_flight *f = tcp_flight_need(t, p, b);

	for (struct tcp_rec_at at = tcp_flight_first(t, f); at.r != NULL; at = tcp_flight_next(t, f, at)) {
		if (!(at.r->flags & REC_SACKED) && at.r->end - at.r->start >= from_bytes &&
		    (at.r->flags & (REC_LOST | REC_RETRANS)) != REC_LOST)
			tcp_flight_mark_lost(f, at);
	}
	if (!(p->xflags & TX_SACK))
		f->sacked = 0;
}

void tcp_rtx_narrowed(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_buf *b = tcp_buf_of(t, p);

	if (!tcp_data_in_flight(p, b))
		return;
	lose_all(t, p, b, tcp_out_mss(t, p) + 1);
	tcp_out_mark(t, p);
}

void tcp_rtx_syn_text(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	p->snd_nxt = p->snd_una + b->snd_len;
	b->sent_us = (uint32_t)t->clock->now_us;
	lose_all(t, p, b, 0);
	tcp_timer_rtx_in(t, p, tcp_rtt_rto_us(p)); /* the peer's window may be closed */
	tcp_out_mark(t, p);
}

static bool rto(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	bool data = tcp_data_in_flight(p, b);

	if (p->snd_wnd == 0 && data) { /* the window closed over what was in flight */
		lose_all(t, p, b, 0);
		return tcp_rtx_probe(t, p);
	}
	if (retries_spent(t, p, p->backoff + 1u))
		return give_up(t, p);
	if (p->backoff < UINT8_MAX) /* TCP_USER_TIMEOUT may allow for more */
		p->backoff++;
	t->stats.rtos++;
	p->dupacks = 0;
	if (data || (b != NULL && b->flight != 0)) {
		tcp_mtu_black_hole(t, p);
		tcp_recovery_rto(t, p, b);
	} else { /* a FIN alone */
		p->cwnd = p->mss;
		p->tflags |= TF_RTX_FIN;
	}
	tcp_timer_rtx_in(t, p, clamp_to_user_timeout(t, p, tcp_rtt_rto_backed_us(p)));
	tcp_out_mark(t, p);
	return true;
}

bool tcp_rtx_timeout(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t kind = p->xflags & (TX_T_TLP | TX_T_REO);
	struct tcp_buf *b;

	if (unlikely(p->xflags & TX_FO_PASSIVE))
		return tcp_fo_synack_timeout(t, p);
	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED)))
		return syn_timeout(t, p);
	if (p->snd_una == p->snd_nxt)
		return true;
	b = tcp_buf_of(t, p);
	p->xflags &= ~kind;
	if (kind != 0 && b != NULL && (b->flight != 0 || tcp_data_in_flight(p, b))) {
		if (kind & TX_T_REO)
			tcp_recovery_reorder_fire(t, p, b);
		else
			tcp_tlp_fire(t, p, b);
		return true;
	}
	if (kind & TX_T_TLP) { /* a FIN alone */
		t->stats.tlp_probes++;
		p->tflags |= TF_RTX_FIN;
		tcp_timer_rtx_in(t, p, tcp_rtt_rto_us(p));
		tcp_out_mark(t, p);
		return true;
	}
	return rto(t, p, b);
}

/* RFC 9293 3.8.6.1, RFC 1122 4.2.2.17: probes go on for as long as the peer answers. */
bool tcp_rtx_probe(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_buf *b = tcp_buf_of(t, p);

	if (b == NULL || b->snd_len == 0)
		return true;
	if (p->snd_wnd > p->snd_nxt - p->snd_una) { /* held back by Nagle, CORK or SWS avoidance: not longer than this */
		p->tflags |= TF_FORCE;
		tcp_out_mark(t, p);
		return true;
	}
	if (retries_spent(t, p, p->probes + 1u))
		return give_up(t, p);
	/* Nobody waits for this any more, and a peer that answers with a closed window could have us keep it for ever: until the
	 * intervals are at their longest, as Linux (tcp_probe_timer()). It is told. */
	if (unlikely(p->c.flags & CONN_ORPHAN) && p->backoff >= TCP_ORPHAN_RETRIES && tcp_rtt_rto_backed_us(p) >= TCP_RTO_MAX_US) {
		t->stats.timeouts++;
		tcp_abort(t, p, 0);
		return false;
	}
	p->probes++;
	if (p->backoff < 20)
		p->backoff++;
	/* As Linux, by what was acknowledged: a byte of new data that the peer takes as its window opens would leave the numbers of
	 * our ACKs behind its window, and two ends that probe each other would never listen to each other again. */
	tcp_out_ack_at(t, p, p->snd_una - 1);
	tcp_timer_probe_in(t, p, clamp_to_user_timeout(t, p, tcp_rtt_rto_backed_us(p)));
	return true;
}
