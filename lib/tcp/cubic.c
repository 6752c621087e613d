/* cubic.c: CUBIC (RFC 9438) with HyStart++ (RFC 9406), in whole numbers of bytes and 2^-10 seconds. Section numbers are RFC
 * 9438's. C = 0.4, beta = 0.7, both as in its section 5. Without the connection's ext it grows as Reno does. */
#include "tcp/cubic.h"

#include "tcp/cc.h"
#include "tcp/ext.h"

#define T_MAX (512 * CUBIC_SECOND) /* the curve is far beyond the largest window by then */

static struct cubic *cubic_of(const struct tcp *t, const struct tcp_pcb *p)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	return x != NULL ? &x->cc.cubic : NULL;
}

/* The whole cube root, bit by bit: 21 steps, once per epoch. */
static uint32_t cube_root(uint64_t a)
{
	uint32_t r = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t next = r | 1u << bit;

		if (next * next * next <= a)
			r = (uint32_t)next;
	}
	return r;
}

/* K = cubic_root((W_max - cwnd_epoch) / C) in seconds and segments: with bytes and 2^-10 s, 2^30 * 5/2 / mss in the root. */
uint32_t cubic_k(uint32_t w_max, uint32_t cwnd_epoch, uint32_t mss)
{
	uint64_t diff = w_max > cwnd_epoch ? w_max - cwnd_epoch : 0;

	return cube_root((diff << 30) / mss * 5 / 2);
}

/* C * (t - K)^3 + W_max */
uint32_t cubic_window(const struct cubic_epoch *e, uint32_t mss, uint32_t t)
{
	uint64_t d, offset;

	if (t > T_MAX)
		t = T_MAX;
	d = t > e->k ? t - e->k : e->k - t;
	if (d > T_MAX)
		d = T_MAX;
	/* Below 2^57; the low bits of a large cube do not matter. */
	offset = d * d * d;
	offset = offset < 1ull << 45 ? offset * mss * 2 / 5 >> 30 : ((offset >> 20) * mss * 2 / 5) >> 10;
	if (t < e->k)
		return offset < e->w_max ? (uint32_t)(e->w_max - offset) : 0;
	return offset < TCP_CWND_MAX - e->w_max ? (uint32_t)(e->w_max + offset) : TCP_CWND_MAX;
}

static void cubic_attach(struct tcp *t, struct tcp_pcb *p)
{
	struct cubic *c = cubic_of(t, p);

	c->ack_us = (uint32_t)t->clock->now_us;
	if (p->ssthresh >= TCP_CWND_MAX)
		hystart_begin(&c->hystart, p);
}

/* 4.2, 4.8 and 4.10: what the curve starts from. */
static void epoch_begin(struct cubic *c, const struct tcp_pcb *p, uint32_t now_us)
{
	struct cubic_epoch *e = &c->e;

	if (e->after_rto || e->w_max < p->cwnd)
		e->w_max = p->cwnd;
	e->k = cubic_k(e->w_max, p->cwnd, p->mss);
	if (e->cwnd_prior == 0) /* slow start ended without a loss */
		e->cwnd_prior = p->cwnd;
	e->w_est16 = (uint64_t)p->cwnd << 16;
	e->t_epoch_us = now_us;
	e->running = true;
	e->after_rto = false;
	c->cwnd_frac = 0;
}

/* 4.3, figure 4: what Reno with CUBIC's beta would have. alpha is 3 (1 - beta) / (1 + beta) = 9/17, and 1 once the window is back
 * where it was. */
static uint32_t reno_estimate(struct cubic_epoch *e, const struct tcp_pcb *p, uint32_t acked)
{
	uint64_t grow = ((uint64_t)acked * p->mss << 16) / p->cwnd;

	e->w_est16 += e->w_est16 >> 16 >= e->cwnd_prior ? grow : grow * 9 / 17;
	if (e->w_est16 > (uint64_t)TCP_CWND_MAX << 16)
		e->w_est16 = (uint64_t)TCP_CWND_MAX << 16;
	return (uint32_t)(e->w_est16 >> 16);
}

static void avoid_congestion(struct cubic *c, struct tcp_pcb *p, uint32_t acked, uint32_t now_us)
{
	uint32_t us, w_est, target, t;

	if (!c->e.running)
		epoch_begin(c, p, now_us);
	us = now_us - c->e.t_epoch_us;
	if (us > INT32_MAX) { /* half an hour: the clock's word must not wrap */
		c->e.t_epoch_us = now_us - INT32_MAX;
		us = INT32_MAX;
	}
	t = (uint32_t)(((uint64_t)us * CUBIC_SECOND) / 1000000);
	w_est = reno_estimate(&c->e, p, acked);
	if (cubic_window(&c->e, p->mss, t) < w_est) { /* 4.3 */
		if (w_est > p->cwnd)
			p->cwnd = w_est;
		return;
	}
	us += p->srtt_us8 >> 3; /* 4.4, 4.5: where the curve will be a round trip from now */
	target = cubic_window(&c->e, p->mss, (uint32_t)(((uint64_t)us * CUBIC_SECOND) / 1000000));
	if (target > p->cwnd + p->cwnd / 2)
		target = p->cwnd + p->cwnd / 2;
	if (target > p->cwnd) {
		uint64_t grow = (((uint64_t)(target - p->cwnd) * acked << 16) / p->cwnd) + c->cwnd_frac;

		c->cwnd_frac = grow & 0xffff;
		p->cwnd += (uint32_t)(grow >> 16);
	}
	if (p->cwnd > TCP_CWND_MAX)
		p->cwnd = TCP_CWND_MAX;
}

static uint32_t slow_start(struct cubic *c, struct tcp_pcb *p, const struct tcp_ack *a)
{
	uint32_t grow = tcp_cc_acked_anew(a);

	if (!c->hystart.on)
		return tcp_cc_slow_start(p, grow);
	grow = hystart_acked(&c->hystart, p, a->una, grow, a->rtt_us);
	tcp_cc_slow_start(p, grow);
	return 0;
}

static void cubic_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a)
{
	struct cubic *c = cubic_of(t, p);
	uint32_t now_us = (uint32_t)t->clock->now_us, acked = tcp_cc_acked_anew(a);

	if (c == NULL) {
		tcp_reno_acked(t, p, b, a);
		return;
	}
	/* 5.8: time in which the window was not used does not count. */
	if (!tcp_cc_limited(t, p, a)) {
		if (c->e.running)
			c->e.t_epoch_us += now_us - c->ack_us;
		acked = 0;
	}
	c->ack_us = now_us;
	if (acked == 0 || a->cwr)
		return;
	if (p->cwnd < p->ssthresh)
		acked = slow_start(c, p, a);
	if (acked > 0)
		avoid_congestion(c, p, acked, now_us);
}

/* 4.6, 4.7. As Linux (and as 4.6 allows to one that validates its window), from cwnd: what is in flight is less by what the
 * duplicate ACKs took away. */
static uint32_t cubic_ssthresh(struct tcp *t, struct tcp_pcb *p, uint32_t flight)
{
	struct cubic *c = cubic_of(t, p);
	uint32_t ssthresh = (uint32_t)((uint64_t)p->cwnd * 7 / 10), least = 2u * p->mss;

	(void)flight;
	if (c != NULL) {
		c->undo = c->e;
		c->e.w_max = p->cwnd < c->e.w_max ? (uint32_t)((uint64_t)p->cwnd * 17 / 20) : p->cwnd;
		c->e.cwnd_prior = p->cwnd;
		c->e.running = c->e.after_rto = false;
		c->hystart.on = false;
	}
	return ssthresh > least ? ssthresh : least;
}

static void cubic_event(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_event ev)
{
	struct cubic *c = cubic_of(t, p);
	uint32_t now_us = (uint32_t)t->clock->now_us;

	if (c == NULL)
		return;
	switch (ev) {
	case TCP_CC_RTO:
		c->e.after_rto = true;
		break;
	case TCP_CC_UNDO:
		c->e = c->undo;
		break;
	case TCP_CC_IDLE:
		if (c->e.running)
			c->e.t_epoch_us += now_us - c->ack_us;
		c->ack_us = now_us;
		break;
	default:
		break;
	}
}

const struct tcp_cc tcp_cc_cubic = {
	.name = "cubic",
	.start = tcp_reno_start,
	.acked = cubic_acked,
	.ssthresh = cubic_ssthresh,
	.event = cubic_event,
	.attach = cubic_attach,
};
