/* ext.c: the extension of busy connections: its life, and the books that TCP_INFO shows. */
#include "tcp/ext.h"

#include "tcp/cc.h"
#include "tcp/flight.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/pace.h"
#include "tcp/rate.h"
#include "tcp/rtx.h"

struct tcp_ext *tcp_ext_need(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_ext *x;
	uint32_t idx;

	if (p->xflags & TX_EXT)
		return pool_at(&t->exts, p->ext);
	if (!TCP_IN(p->state, TCP_SYNCHRONIZED)) /* the word may be syn_us yet */
		return NULL;
	idx = pool_get(&t->exts);
	if (idx == 0)
		return NULL;
	x = pool_at(&t->exts, idx);
	memset(x, 0, sizeof(*x));
	p->ext = idx;
	p->xflags |= TX_EXT;
	/* It may begin in mid-flight. */
	x->use_max = tcp_flight_pipe(p, p->buf != 0 ? tcp_flight_of(t, tcp_buf_of(t, p)) : NULL);
	x->cwnd_limited = x->use_max + p->mss > p->cwnd;
	x->use_seq = p->snd_nxt;
	x->used_ms = x->full_ms = t->clock->now_ms;
	x->n.data_sent_ms = t->clock->now_ms;
	x->n.data_rcvd_ms = x->n.ack_rcvd_ms = t->clock->now_ms - (t->clock->tick - p->rcv_tick) / ticks_from_ms(1);
	x->n.limit_us_since = (uint32_t)t->clock->now_us;
	x->n.rcv_seen = p->rcv_nxt;
	tcp_rate_flushed(t, p, tcp_buf_of(t, p));
	tcp_cc_attach(t, p);
	tcp_pace_attach(t, p);
	return x;
}

void tcp_ext_free(struct tcp *t, struct tcp_pcb *p)
{
	if (p->xflags & TX_EXT) {
		pool_put(&t->exts, p->ext);
		p->ext = 0;
	}
	p->xflags &= ~(TX_EXT | TX_PACED);
}

void tcp_ext_idle(struct tcp *t, struct tcp_pcb *p)
{
	const struct tcp_ext *x = tcp_ext_of(t, p);

	if (x != NULL && x->keep == 0)
		tcp_ext_free(t, p);
}

static void limit_set(struct tcp *t, struct tcp_counts *n, enum tcp_limit to)
{
	uint32_t now_us = (uint32_t)t->clock->now_us;

	n->limit_us[n->limit] += now_us - n->limit_us_since;
	n->limit_us_since = now_us;
	n->limit = (uint8_t)to;
}

void tcp_ext_sent(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint32_t len, uint32_t segs)
{
	struct tcp_ext *x = tcp_ext_of(t, p);
	struct tcp_counts *n = &x->n;

	n->segs_out += segs;
	if (len == 0)
		return;
	n->data_segs_out += segs;
	n->bytes_sent += len;
	n->data_sent_ms = x->used_ms = t->clock->now_ms;
	if (seq_lt(seq, p->snd_nxt)) {
		n->bytes_retrans += len;
		n->retrans += segs;
	}
	if (n->limit == TCP_LIMIT_NONE)
		limit_set(t, n, TCP_LIMIT_BUSY);
}

void tcp_ext_received(struct tcp *t, struct tcp_pcb *p, uint32_t len, uint32_t segs)
{
	struct tcp_counts *n = &tcp_ext_of(t, p)->n;

	n->segs_in += segs;
	n->bytes_received += p->rcv_nxt - n->rcv_seen;
	n->rcv_seen = p->rcv_nxt;
	n->ack_rcvd_ms = t->clock->now_ms;
	if (len > 0) {
		n->data_segs_in += segs;
		n->data_rcvd_ms = t->clock->now_ms;
	}
}

/* As Linux tcp_cwnd_validate(): whether the congestion window held the sender back is asked over a window's worth of data,
 * since within it most ACKs find less in flight than was sent. */
static void window_use(const struct tcp *t, struct tcp_pcb *p, struct tcp_ext *x, uint32_t flight, bool limited)
{
	uint32_t now_ms = t->clock->now_ms;

	if (flight > x->full_max)
		x->full_max = flight;
	if (limited) {
		x->full_ms = now_ms;
		x->full_max = 0;
	} else if (now_ms - x->full_ms >= tcp_rtt_rto_us(p) / 1000 && x->n.limit != TCP_LIMIT_SNDBUF) {
		if (!tcp_cc_of(p)->own_recovery && !(p->tflags & (TF_RECOVERY | TF_LOSS)))
			tcp_cc_unused(p, x->full_max);
		x->full_ms = now_ms;
		x->full_max = 0;
	}
	if (seq_ge(p->snd_una, x->use_seq) || limited || (!x->cwnd_limited && flight > x->use_max)) {
		x->cwnd_limited = limited;
		x->use_max = flight;
		x->use_seq = p->snd_nxt;
	}
}

void tcp_ext_flushed(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_ext *x = tcp_ext_of(t, p);
	const struct tcp_buf *b = tcp_buf_of(t, p);
	const struct tcp_flight *fl = b != NULL ? tcp_flight_of(t, b) : NULL;
	uint32_t flight = tcp_flight_pipe(p, fl);
	bool unsent = b != NULL && seq_lt(p->snd_nxt, tcp_data_end(p, b));

	if (flight > 0)
		window_use(t, p, x, flight, flight + p->mss > p->cwnd);
	if (flight == 0 && !unsent)
		limit_set(t, &x->n, TCP_LIMIT_NONE);
	else if (unsent && p->snd_wnd < flight + p->mss && p->snd_wnd < p->cwnd)
		limit_set(t, &x->n, TCP_LIMIT_RWND);
	else
		limit_set(t, &x->n, !unsent && b != NULL && b->snd_len >= p->sndbuf ? TCP_LIMIT_SNDBUF : TCP_LIMIT_BUSY);
}

void tcp_ext_reordered(struct tcp *t, struct tcp_pcb *p, uint32_t bytes)
{
	struct tcp_counts *n = &tcp_ext_of(t, p)->n;

	n->reord_seen++;
	if (bytes > n->reord_bytes)
		n->reord_bytes = bytes;
}

void tcp_ext_acked(struct tcp *t, struct tcp_pcb *p, const struct tcp_ack *a)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	x->n.bytes_acked += a->acked;
	if (a->ece)
		x->n.delivered_ce += a->delivered;
	if (a->rtt_us != 0 && (x->min_rtt_us == 0 || a->rtt_us <= x->min_rtt_us ||
			       t->clock->tick - x->min_rtt_tick > ticks_from_ms(TCP_MIN_RTT_MS))) {
		x->min_rtt_us = a->rtt_us;
		x->min_rtt_tick = t->clock->tick;
	}
	if (a->rate_us != 0) {
		x->rate.last_bytes = a->rate_bytes;
		x->rate.last_us = a->rate_us;
		x->rate.last_app_limited = a->app_limited;
	}
}
