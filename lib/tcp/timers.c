/* timers.c: every timer of TCP.
 *
 *   timer       where    starts                                   stops                        when it fires
 *   SYN         t_rtx    SYN sent (connect)                       SYN-ACK, reset               SYN again, or ETIMEDOUT
 *   rtx         t_rtx    first segment in flight                  all is acknowledged          tcp_rtx_timeout()
 *               (restarts with every ACK of new data, RFC 6298 5.3)
 *   loss probe  t_rtx    in place of rtx, with SACK while nothing is lost (RFC 8985 7.2)       tcp_tlp_fire(), then rtx runs
 *               or a FIN is alone in flight
 *   reordering  t_rtx    in place of both, when something is missed but may be late (6.2)      what is lost is sent again
 *   probe       t_rtx    nothing in flight and unsent data        window opens, data leaves    window probe (9293 3.8.6.1)
 *               that must not go
 *   delayed ACK t_ack    flush finds an owed ACK alone            any segment leaves           ACK (9293 3.8.6.3)
 *   pacing      ext      a send must wait for its time            the rate goes                it goes on sending
 *   keepalive   t_misc   established, SO_KEEPALIVE on             connection ends              probe or ETIMEDOUT (9293 3.8.4)
 *   FIN-WAIT-2  t_misc   orphan gets there                        peer's FIN                   the connection is dropped
 *   SYN-ACK     synrcvd  SYN-ACK sent                             handshake ends               SYN-ACK again, or forgotten
 *   TIME-WAIT   timewait last ACK sent; again with each FIN       new SYN takes over           the tuple is free
 *
 * A pcb has one node in the wheel, armed at or before the earliest of its deadlines. Moving a deadline later does not touch the
 * wheel: a node that fires early is armed anew. */
#include "tcp/timers.h"

#include <errno.h>

#include "tcp/in.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/pace.h"
#include "tcp/rtx.h"

static void timers_sync(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t now = t->clock->tick;
	int32_t first = INT32_MAX;

	if (p->tflags & TF_T_RTX)
		first = (int32_t)(p->t_rtx - now);
	if ((p->tflags & TF_T_ACK) && (int32_t)(p->t_ack - now) < first)
		first = (int32_t)(p->t_ack - now);
	if ((p->tflags & TF_T_MISC) && (int32_t)(p->t_misc - now) < first)
		first = (int32_t)(p->t_misc - now);
	if (unlikely(p->xflags & TX_PACED) && tcp_pace_next(t, p) < first)
		first = tcp_pace_next(t, p);
	if (first == INT32_MAX)
		return;
	if ((p->tflags & TF_TIMER) && seq_le(p->c.h.timer.tick, now + (uint32_t)first))
		return;
	flow_timer_set(t->flow, tcp_pcb_ref(t, p), now + (uint32_t)first);
	p->tflags |= TF_TIMER;
}

void tcp_timer_rtx_in(struct tcp *t, struct tcp_pcb *p, uint64_t us)
{
	p->t_rtx = t->clock->tick + ticks_from_us(us);
	p->tflags = (p->tflags & ~TF_PERSIST) | TF_T_RTX;
	p->xflags &= ~(TX_T_TLP | TX_T_REO);
	timers_sync(t, p);
}

void tcp_timer_probe_in(struct tcp *t, struct tcp_pcb *p, uint64_t us)
{
	p->t_rtx = t->clock->tick + ticks_from_us(us);
	p->tflags |= TF_PERSIST | TF_T_RTX;
	p->xflags &= ~(TX_T_TLP | TX_T_REO);
	timers_sync(t, p);
}

void tcp_timer_ack_in(struct tcp *t, struct tcp_pcb *p, uint64_t us)
{
	p->t_ack = t->clock->tick + ticks_from_us(us);
	p->tflags |= TF_T_ACK;
	timers_sync(t, p);
}

void tcp_timer_misc_in(struct tcp *t, struct tcp_pcb *p, uint64_t ms)
{
	p->t_misc = t->clock->tick + ticks_from_ms(ms);
	p->tflags |= TF_T_MISC;
	timers_sync(t, p);
}

void tcp_timer_pace_at(struct tcp *t, struct tcp_pcb *p, uint64_t tick)
{
	struct tcp_pace *c = &tcp_ext_of(t, p)->pace;

	c->tick = (uint32_t)tick;
	c->armed = true;
	timers_sync(t, p);
}

void tcp_timers_clear(struct tcp *t, struct tcp_pcb *p)
{
	if (p->tflags & TF_TIMER)
		flow_timer_clear(t->flow, tcp_pcb_ref(t, p));
	if (p->xflags & TX_PACED)
		tcp_ext_of(t, p)->pace.armed = false;
	p->tflags &= ~(TF_TIMER | TF_T_RTX | TF_PERSIST | TF_T_ACK | TF_T_MISC);
}

/* ---- keepalive ---- */

/* States in which SO_KEEPALIVE watches the peer; an orphan in FIN-WAIT-2 has a limit of its own. */
static bool keepalive_applies(const struct tcp_pcb *p)
{
	return (p->tflags & TF_KEEPALIVE) && TCP_IN(p->state, TCP_SYNCHRONIZED) &&
	       !(p->state == TCP_FIN_WAIT_2 && (p->c.flags & CONN_ORPHAN));
}

void tcp_timer_keepalive(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t idle_ticks = t->clock->tick - p->rcv_tick;
	uint32_t limit = ticks_from_ms((uint64_t)tcp_opt(t, p)->keepidle_s * 1000);

	if (!keepalive_applies(p))
		return;
	tcp_timer_misc_in(t, p, idle_ticks < limit ? (limit - idle_ticks) / ticks_from_ms(1) : 0);
}

/* RFC 9293 3.8.4: a probe is a segment that the peer has seen, so that it answers with an ACK. False: p is gone. */
static bool keepalive_fire(struct tcp *t, struct tcp_pcb *p)
{
	const struct tcp_optext *x = tcp_opt(t, p);
	uint32_t idle_ticks = t->clock->tick - p->rcv_tick;
	uint32_t limit = ticks_from_ms((uint64_t)x->keepidle_s * 1000), user_ms = tcp_user_timeout_ms(t, p);

	if (!keepalive_applies(p))
		return true;
	if (p->snd_una != p->snd_nxt) { /* retransmission watches the peer now */
		tcp_timer_misc_in(t, p, (uint64_t)x->keepidle_s * 1000);
		return true;
	}
	if (idle_ticks < limit) {
		tcp_timer_keepalive(t, p);
		return true;
	}
	if (user_ms != 0 ? p->probes > 0 && idle_ticks >= ticks_from_ms(user_ms) : p->probes >= x->keepcnt) {
		t->stats.timeouts++;
		tcp_abort(t, p, p->soft_error != 0 ? p->soft_error : ETIMEDOUT);
		return false;
	}
	p->probes++;
	tcp_out_ack_at(t, p, p->snd_una - 1);
	tcp_timer_misc_in(t, p, (uint64_t)x->keepintvl_s * 1000);
	return true;
}

static bool misc_fire(struct tcp *t, struct tcp_pcb *p)
{
	if (p->state == TCP_FIN_WAIT_2 && (p->c.flags & CONN_ORPHAN)) {
		tcp_done(t, p, 0);
		return false;
	}
	return keepalive_fire(t, p);
}

static void pcb_fire(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t now = t->clock->tick;

	p->tflags &= ~TF_TIMER;
	if ((p->tflags & TF_T_ACK) && seq_le(p->t_ack, now)) {
		tcp_timer_ack_stop(p);
		if (p->tflags & TF_ACK_DELAY)
			tcp_out_ack_now(t, p);
	}
	if ((p->tflags & TF_T_MISC) && seq_le(p->t_misc, now)) {
		tcp_timer_misc_stop(p);
		if (!misc_fire(t, p))
			return;
	}
	if ((p->tflags & TF_T_RTX) && seq_le(p->t_rtx, now)) {
		bool probe = p->tflags & TF_PERSIST;

		tcp_timer_rtx_stop(p);
		if (!(probe ? tcp_rtx_probe(t, p) : tcp_rtx_timeout(t, p)))
			return;
	}
	if (unlikely(p->xflags & TX_PACED))
		tcp_pace_fire(t, p);
	timers_sync(t, p);
}

void tcp_timer(struct tcp *t, flow_ref r)
{
	switch (ref_kind(r)) {
	case FLOW_CONN:
		pcb_fire(t, tcp_pcb_at(t, r));
		break;
	case FLOW_SYNRCVD:
		tcp_synrcvd_timeout(t, tcp_synrcvd_at(t, r));
		break;
	default:
		tcp_timewait_end(t, tcp_timewait_at(t, r));
		break;
	}
}
