/* rtx.c: loss: the retransmission timer (RFC 6298), fast retransmit and recovery (RFC 5681, NewReno of RFC 6582), window
 * probes, SYN retransmission. What to do about a loss is decided here; out.c sends. Selective acknowledgments would replace
 * "the head" by a scoreboard in tcp_buf and leave the rest as it is. */
#include "tcp/rtx.h"

#include <errno.h>
#include <netinet/in.h>

#include "flow/away.h"
#include "tcp/cc.h"
#include "tcp/in.h"
#include "tcp/life.h"
#include "tcp/out.h"
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
	uint64_t limit = (uint64_t)tcp_opt(t, p)->user_timeout_ms * 1000;
	uint64_t elapsed = (uint64_t)(t->clock->tick - p->rtx_tick) * TICK_US;

	if (limit == 0)
		return us;
	if (elapsed >= limit)
		return 0;
	return limit - elapsed < us ? limit - elapsed : us;
}

/* ---- SYN ---- */

/* connect-semantics D18: the first TCP_SYN_LINEAR + 1 waits are a second each, then they double. */
uint32_t tcp_syn_interval_us(unsigned retries)
{
	uint64_t us = retries <= TCP_SYN_LINEAR ? TCP_RTO_INITIAL_US :
		      (uint64_t)TCP_RTO_INITIAL_US << (retries - TCP_SYN_LINEAR < 20 ? retries - TCP_SYN_LINEAR : 20);

	return us < TCP_RTO_MAX_US ? (uint32_t)us : TCP_RTO_MAX_US;
}

static bool syn_timeout(struct tcp *t, struct tcp_pcb *p)
{
	const struct tcp_optext *x = tcp_opt(t, p);
	uint64_t elapsed_ms = (uint64_t)(t->clock->tick - p->rtx_tick) * TICK_US / 1000;
	uint64_t limit_ms = x->user_timeout_ms != 0 ? x->user_timeout_ms :
			    ((2ull << (x->syncnt < 20 ? x->syncnt : 20)) - 1) * 1000;

	if (p->backoff >= x->syncnt + TCP_SYN_LINEAR || elapsed_ms >= limit_ms)
		return give_up(t, p);
	p->backoff++;
	if (p->tflags & TF_CLAIMING) {
		flow_claim(t->flow, IPPROTO_TCP, &p->c.h.key, p->c.h.hash, true); /* no buffer: the next time */
	} else {
		t->stats.rtx_segs++;
		tcp_out_syn(t, p);
	}
	tcp_timer_rtx_in(t, p, clamp_to_user_timeout(t, p, tcp_syn_interval_us(p->backoff)));
	return true;
}

/* ---- established ---- */

static bool retries_spent(const struct tcp *t, const struct tcp_pcb *p, unsigned retries)
{
	uint32_t user_ms = tcp_opt(t, p)->user_timeout_ms;

	if (user_ms != 0)
		return t->clock->tick - p->rtx_tick >= ticks_from_ms(user_ms);
	return retries > (p->c.flags & CONN_ORPHAN ? TCP_ORPHAN_RETRIES : TCP_RETRIES);
}

bool tcp_rtx_timeout(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_buf *b;

	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED)))
		return syn_timeout(t, p);
	if (p->snd_una == p->snd_max)
		return true;
	b = tcp_buf_of(t, p);
	if (p->snd_wnd == 0 && b != NULL && b->snd_len > 0) { /* the window closed over what was in flight */
		p->snd_nxt = p->snd_una;
		return tcp_rtx_probe(t, p);
	}
	if (retries_spent(t, p, p->backoff + 1u))
		return give_up(t, p);
	if (p->backoff++ == 0) { /* RFC 5681 equation 4: once per loss, not per repetition */
		uint32_t flight = p->snd_max - p->snd_una;

		p->ssthresh = tcp_cc_of(p)->ssthresh(t, p, flight < p->cwnd ? flight : p->cwnd);
	}
	t->stats.rtos++;
	p->cwnd = p->mss;
	p->dupacks = 0;
	p->snd_nxt = p->snd_una; /* go back: without SACK all that is unacknowledged counts as lost */
	p->tflags &= ~(TF_RECOVERY | TF_RTX_HEAD);
	if (b != NULL) {
		b->recover = p->snd_max;
		b->cc_acked = 0;
		p->tflags |= TF_LOSS;
	}
	tcp_timer_rtx_in(t, p, clamp_to_user_timeout(t, p, tcp_rtt_rto_backed_us(p)));
	tcp_out_mark(t, p);
	return true;
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
	p->probes++;
	if (p->backoff < 20)
		p->backoff++;
	p->tflags &= ~TF_RTT;
	/* As Linux, by what was acknowledged: a byte of new data that the peer takes as its window opens would leave the numbers of
	 * our ACKs behind its window, and two ends that probe each other would never listen to each other again. */
	tcp_out_ack_at(t, p, p->snd_una - 1);
	tcp_timer_probe_in(t, p, clamp_to_user_timeout(t, p, tcp_rtt_rto_backed_us(p)));
	return true;
}

/* ---- fast retransmit and recovery ---- */

void tcp_rtx_dupack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	uint32_t flight = p->snd_max - p->snd_una;

	t->stats.dup_acks++;
	if (p->dupacks < UINT8_MAX)
		p->dupacks++;
	if (b == NULL || b->snd_len == 0 || (p->tflags & TF_LOSS))
		return;
	if (p->tflags & TF_RECOVERY) { /* RFC 6582 3.2 step 3: a segment has left the network */
		p->cwnd += p->mss;
	} else if (p->dupacks == 3) {  /* step 2 */
		p->ssthresh = tcp_cc_of(p)->ssthresh(t, p, flight);
		p->cwnd = p->ssthresh + 3u * p->mss;
		b->recover = p->snd_max;
		b->cc_acked = 0;
		p->tflags |= TF_RECOVERY | TF_RTX_HEAD;
		t->stats.fast_rtx++;
	}
	tcp_out_mark(t, p);
}

/* An ACK of new data during recovery (RFC 6582 3.2 step 5). */
static void recovery_acked(struct tcp_pcb *p, const struct tcp_buf *b, uint32_t ack, uint32_t acked)
{
	uint32_t left = p->snd_max - ack;

	if (b == NULL || seq_ge(ack, b->recover)) {
		uint32_t flight = (left > p->mss ? left : p->mss) + p->mss;

		p->cwnd = p->ssthresh < flight ? p->ssthresh : flight;
		p->tflags &= ~(TF_RECOVERY | TF_RTX_HEAD);
		return;
	}
	p->cwnd -= acked < p->cwnd - p->mss ? acked : p->cwnd - p->mss;
	if (acked >= p->mss)
		p->cwnd += p->mss;
	p->tflags |= TF_RTX_HEAD;
}

void tcp_rtx_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t ack)
{
	struct tcp_ack a = {.una = ack, .acked = ack - p->snd_una, .prior_flight = p->snd_max - p->snd_una};

	if (p->tflags & TF_RECOVERY) {
		recovery_acked(p, b, ack, a.acked);
	} else if (p->tflags & TF_LOSS) {
		/* Much may be acknowledged at once that was never lost: slow start by one segment (RFC 5681 3.1). */
		a.prior_flight = p->cwnd;
		a.acked = a.acked < p->mss ? a.acked : p->mss;
		tcp_cc_acked(t, p, b, &a);
		if (b == NULL || seq_ge(ack, b->recover))
			p->tflags &= ~TF_LOSS;
	} else {
		tcp_cc_acked(t, p, b, &a);
	}
	p->dupacks = 0;
}
