/* cc_test.c: the algorithms by themselves: ACKs are made up, and the windows compared with the formulas in floating point. */
#include <math.h>

#include "tcp/ext.h"
#include "tcp/hystart.h"
#include "tcp/rtx.h"

#include "world.h"

#define SMSS 1460.0

/* A connection with this algorithm, its ext, and a window that is used up. */
static struct tcp_pcb *flow(struct world *w, const char *cc)
{
	struct tcp_pcb *p = app_connected(w);

	p->srtt_us8 = 50000 << 3;
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, 13 /* TCP_CONGESTION */, cc, (uint32_t)strlen(cc)), 0);
	assert_non_null(tcp_ext_need(w->t, p));
	tcp_ext_of(w->t, p)->cwnd_limited = true;
	return p;
}

static void time_passes(struct world *w, uint64_t us) { clock_set(&w->h.clock, w->h.clock.now_ns + us * 1000); }

/* A round trip's worth of ACKs, each of one segment; una and snd_nxt move as they would. */
static void round_trip(struct world *w, struct tcp_pcb *p, uint32_t rtt_us)
{
	struct tcp_buf *b = tcp_buf_need(w->t, p);
	uint32_t n = p->cwnd / p->mss, una = p->snd_una;

	p->snd_nxt = una + n * MSS;
	for (uint32_t i = 0; i < n; i++) {
		struct tcp_ack a = {.una = una + (i + 1) * MSS, .acked = MSS, .delivered = MSS, .prior_flight = n * MSS,
				    .flight = (n - 1) * MSS, .rtt_us = rtt_us};

		time_passes(w, rtt_us / n);
		tcp_rtt_sample(p, rtt_us);
		p->snd_nxt += MSS;
		tcp_cc_acked(w->t, p, b, &a);
		p->snd_una = a.una;
	}
	p->snd_nxt = p->snd_una;
}

static void loss(struct world *w, struct tcp_pcb *p)
{
	p->ssthresh = tcp_cc_of(p)->ssthresh(w->t, p, p->cwnd);
	p->cwnd = p->ssthresh;
}

static void clean(struct world *w, struct tcp_pcb *p)
{
	p->snd_una = p->snd_nxt;
	tcp_buf_free(w->t, p);
}

/* ---- CUBIC (RFC 9438) ---- */

/* Figures 1 and 2 for windows, segment sizes and times of all orders. */
static void cubic_curve(void **state)
{
	(void)state;
	for (uint32_t mss = 88; mss < 9000; mss = mss * 5 / 2) {
		for (double segs = 4; segs * mss < 1e9; segs *= 3) {
			struct cubic_epoch e = {.w_max = (uint32_t)(segs * mss)};
			double k = cbrt(segs * 0.3 / 0.4);

			e.k = cubic_k(e.w_max, (uint32_t)(segs * 0.7 * mss), mss);
			assert_true(fabs(e.k / 1024.0 - k) < 0.002 + k * 0.001);
			for (double t = 0; t < 3 * k; t += k / 7) {
				double w = 0.4 * pow(t - e.k / 1024.0, 3) + segs;
				double got = cubic_window(&e, mss, (uint32_t)(t * 1024)) / (double)mss;

				if (w * mss > TCP_CWND_MAX)
					assert_int_equal(cubic_window(&e, mss, (uint32_t)(t * 1024)), TCP_CWND_MAX);
				else
					assert_true(fabs(got - w) < 1 + w * 0.005);
			}
		}
	}
	assert_int_equal(cubic_k(1000, 2000, 1460), 0);
	assert_int_equal(cubic_window(&(struct cubic_epoch){.w_max = 14600}, 1460, UINT32_MAX), (uint64_t)TCP_CWND_MAX);
}

/* Sections 4.2 to 4.6 over a whole epoch: down to 0.7, concave to W_max, convex beyond, each ACK's step as in figure 1. */
static void cubic_epoch(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "cubic");
	double k = cbrt(1000 * 0.3 / 0.4), t = 0, at;

	p->cwnd = 1000 * MSS;
	p->ssthresh = 500 * MSS;
	loss(w, p);
	assert_int_equal(p->cwnd, 700 * MSS);
	for (int i = 0; i < 100; i++) { /* to 10 s; K is 9.1 s */
		round_trip(w, p, 100000);
		t = 0.1 * (i + 1);
		at = 0.4 * pow(t - k, 3) + 1000;
		/* A round trip's steps come a little after the curve that they aim at. */
		assert_true(p->cwnd / SMSS <= 0.4 * pow(t + 0.1 - k, 3) + 1000 + 2);
		assert_true(p->cwnd / SMSS >= 0.4 * pow(t - 0.1 - k, 3) + 1000 - 3 || at < 720);
	}
	clean(w, p);
}

/* 4.3: with a small window Reno would be faster: alpha is 9/17 per round trip up to the old window, then 1. */
static void cubic_reno_friendly(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "cubic");
	double w_est;

	p->cwnd = 40 * MSS;
	p->ssthresh = 20 * MSS;
	loss(w, p);
	w_est = 28;
	for (int i = 0; i < 40; i++) {
		round_trip(w, p, 10000);
		w_est += w_est < 40 ? 9.0 / 17 : 1;
		assert_true(fabs(p->cwnd / SMSS - w_est) < 1.2);
	}
	assert_true(p->cwnd > 55 * MSS);
	clean(w, p);
}

/* 4.7: a flow that lost before it was where it had been makes room: W_max is lower than the window. */
static void cubic_fast_convergence(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "cubic");
	struct cubic *c = &tcp_ext_of(w->t, p)->cc.cubic;

	p->cwnd = 100 * MSS;
	loss(w, p);
	assert_int_equal(c->e.w_max, 100 * MSS);
	p->cwnd = 80 * MSS;
	loss(w, p);
	assert_int_equal(c->e.w_max, 80 * MSS * 17 / 20);
	assert_int_equal(p->ssthresh, 56 * MSS);
	p->cwnd = 90 * MSS;
	loss(w, p);
	assert_int_equal(c->e.w_max, 90 * MSS);
	p->cwnd = 2 * MSS; /* 4.6: never below two segments */
	loss(w, p);
	assert_int_equal(p->ssthresh, 2 * MSS);
}

/* 4.8: after a timeout the curve begins at the window of then. */
static void cubic_timeout(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "cubic");
	struct cubic *c = &tcp_ext_of(w->t, p)->cc.cubic;

	p->cwnd = 100 * MSS;
	loss(w, p);
	tcp_cc_of(p)->event(w->t, p, TCP_CC_RTO);
	p->cwnd = 70 * MSS; /* slow start is over */
	round_trip(w, p, 50000);
	assert_true(c->e.running);
	assert_int_equal(c->e.k, 0);
	assert_in_range(c->e.w_max, 70 * MSS, 71 * MSS);
	clean(w, p);
}

/* 4.9: the loss was none: the epoch goes on as if nothing had been. */
static void cubic_undo(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "cubic");
	struct cubic *c = &tcp_ext_of(w->t, p)->cc.cubic;
	struct cubic_epoch before;

	p->cwnd = 100 * MSS;
	loss(w, p);
	round_trip(w, p, 50000);
	before = c->e;
	loss(w, p);
	assert_false(c->e.running);
	tcp_cc_of(p)->event(w->t, p, TCP_CC_UNDO);
	assert_memory_equal(&before, &c->e, sizeof(before));
	clean(w, p);
}

/* 5.8: a window that is not used does not grow, and the curve waits. */
static void cubic_idle(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "cubic");
	struct tcp_ext *x = tcp_ext_of(w->t, p);
	uint32_t origin_us, cwnd;

	p->cwnd = 100 * MSS;
	p->ssthresh = 50 * MSS;
	loss(w, p);
	round_trip(w, p, 50000);
	origin_us = x->cc.cubic.e.t_epoch_us;
	cwnd = p->cwnd;
	x->cwnd_limited = false;
	x->use_max = 10 * MSS;
	for (int i = 0; i < 20; i++)
		round_trip(w, p, 50000);
	assert_int_equal(p->cwnd, cwnd);
	assert_in_range(x->cc.cubic.e.t_epoch_us - origin_us, 990000, 1000000);
	time_passes(w, 3000000);
	tcp_cc_of(p)->event(w->t, p, TCP_CC_IDLE);
	assert_in_range(x->cc.cubic.e.t_epoch_us - origin_us, 3990000, 4000000);
	clean(w, p);
}

/* ---- HyStart++ (RFC 9406) ---- */

/* One round of n ACKs that each tell this time; returns by how much the window grew. */
static uint32_t hystart_round(struct hystart *h, struct tcp_pcb *p, unsigned n, uint32_t rtt_us)
{
	uint32_t grew = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t n_bytes;

		p->snd_una += p->mss;
		n_bytes = hystart_acked(h, p, p->snd_una, p->mss, rtt_us);
		p->cwnd += n_bytes;
		grew += n_bytes;
	}
	p->snd_nxt = p->snd_una + n * p->mss; /* the next round's */
	h->window_end = p->snd_nxt;
	return grew;
}

static void hystart_leaves(void **state)
{
	struct tcp_pcb p = {.mss = 1000, .cwnd = 100000, .ssthresh = TCP_CWND_MAX, .snd_nxt = 10000};
	struct hystart h = {0};

	(void)state;
	hystart_begin(&h, &p);
	assert_int_equal(hystart_round(&h, &p, 10, 80000), 10000);
	assert_int_equal(hystart_round(&h, &p, 10, 89000), 10000); /* 4.2: an eighth more is not yet there */
	assert_int_equal(h.css_rounds, 0);
	hystart_round(&h, &p, 10, 101000); /* the eighth sample of the round says so; its last three count a quarter */
	assert_true(h.css_rounds > 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(hystart_round(&h, &p, 10, 101000), 2500);
	assert_int_equal(p.ssthresh, p.cwnd); /* 4.3: CSS_ROUNDS are over */
	assert_false(h.on);
}

/* 4.2: the delay falls again: it was jitter, slow start goes on. */
static void hystart_resumes(void **state)
{
	struct tcp_pcb p = {.mss = 1000, .cwnd = 100000, .ssthresh = TCP_CWND_MAX, .snd_nxt = 10000};
	struct hystart h = {0};

	(void)state;
	hystart_begin(&h, &p);
	hystart_round(&h, &p, 10, 40000);
	hystart_round(&h, &p, 10, 50000);
	assert_true(h.css_rounds > 0);
	hystart_round(&h, &p, 10, 42000);
	assert_int_equal(h.css_rounds, 0);
	assert_int_equal(hystart_round(&h, &p, 10, 42000), 10000);
	assert_int_equal(p.ssthresh, (uint64_t)TCP_CWND_MAX);
}

/* 4.3: less than 4 ms more is never a sign, 16 ms more always is, and seven samples are too few. */
static void hystart_thresholds(void **state)
{
	static const struct {
		uint32_t first_us, then_us;
		unsigned n;
		bool leaves;
	} rows[] = {
		{1000, 4900, 10, false}, {1000, 5000, 10, true}, {400000, 415000, 10, false}, {400000, 416000, 10, true},
		{1000, 9000, 7, false}, {1000, 9000, 8, true},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tcp_pcb p = {.mss = 1000, .cwnd = 100000, .ssthresh = TCP_CWND_MAX, .snd_nxt = 10000};
		struct hystart h = {0};

		hystart_begin(&h, &p);
		hystart_round(&h, &p, 10, rows[i].first_us);
		hystart_round(&h, &p, rows[i].n, rows[i].then_us);
		assert_int_equal(h.css_rounds > 0, rows[i].leaves);
	}
}

/* ---- DCTCP (RFC 8257) ---- */

/* 3.3: alpha follows the share of marked bytes, one sixteenth of the way per window. */
static void dctcp_alpha(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "dctcp");
	struct dctcp *d = &tcp_ext_of(w->t, p)->cc.dctcp;
	struct tcp_buf *b = tcp_buf_need(w->t, p);
	double alpha = 1;

	assert_int_equal(d->alpha, DCTCP_ALPHA_ONE);
	p->ssthresh = MSS; /* no slow start */
	for (int round = 0; round < 60; round++) {
		bool marked = round >= 40;

		d->window_end = p->snd_una + 9 * MSS;
		p->snd_nxt = p->snd_una + 20 * MSS;
		for (int i = 0; i < 10; i++) {
			struct tcp_ack a = {.una = p->snd_una + MSS, .acked = MSS, .prior_flight = p->cwnd, .ece = marked && i < 5};

			tcp_cc_acked(w->t, p, b, &a);
			p->snd_una += MSS;
		}
		alpha += ((marked ? 0.5 : 0) - alpha) / 16;
		assert_true(fabs(d->alpha / 1024.0 - alpha) < 0.016);
	}
	p->cwnd = 100 * MSS;
	assert_in_range(tcp_cc_of(p)->ssthresh_ecn(w->t, p), 80 * MSS, 85 * MSS); /* alpha is 0.38 by now: less by 0.19 */
	assert_int_equal(tcp_cc_of(p)->ssthresh(w->t, p, 100 * MSS), 50 * MSS);   /* 3.5 */
	clean(w, p);
}

/* ---- BBR ---- */

static void bbr_maximum(void **state)
{
	struct bbr_max m = {0};

	(void)state;
	bbr_max_update(&m, 10, 1, 100);
	bbr_max_update(&m, 10, 4, 80);
	bbr_max_update(&m, 10, 7, 60);
	assert_int_equal(m.value[0], 100);
	bbr_max_update(&m, 10, 11, 50);
	assert_int_equal(m.value[0], 100);
	bbr_max_update(&m, 10, 12, 50); /* the hundred is eleven rounds old */
	assert_int_equal(m.value[0], 80);
	bbr_max_update(&m, 10, 15, 50);
	assert_int_equal(m.value[0], 60);
	bbr_max_update(&m, 10, 16, 70); /* the largest is all there is to know */
	assert_int_equal(m.value[0], 70);
	assert_int_equal(m.value[2], 70);
	bbr_max_update(&m, 10, 40, 10); /* a long time without */
	assert_int_equal(m.value[0], 10);
}

/* A round trip of 50 ms on a path of this rate: one ACK for all, the next one a round later. */
static void bbr_round(struct world *w, struct tcp_pcb *p, uint32_t bytes_per_s, uint32_t flight)
{
	struct tcp_ext *x = tcp_ext_of(w->t, p);
	uint32_t bytes = bytes_per_s / 20;
	struct tcp_ack a = {.una = p->snd_una, .acked = bytes, .delivered = bytes, .prior_flight = flight + bytes, .flight = flight,
			    .rtt_us = 50000, .rate_bytes = bytes, .rate_us = 50000, .prior_delivered = x->rate.delivered};

	time_passes(w, 50000);
	x->rate.app_limited = 0;
	x->rate.delivered += bytes;
	tcp_cc_acked(w->t, p, tcp_buf_need(w->t, p), &a);
}

/* The draft's section 4.3: STARTUP until three rounds bring no quarter more, DRAIN until no more than the BDP is in flight, then
 * the cycle of eight phases, a round trip each; PROBE_RTT after ten seconds without a lower round trip. */
static void bbr_states(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "bbr");
	struct tcp_ext *x = tcp_ext_of(w->t, p);
	struct bbr *s = &x->cc.bbr;
	const uint32_t rate = 10000000, bdp = rate / 20;
	unsigned gains[3] = {0};

	assert_int_equal(s->mode, BBR_STARTUP);
	assert_int_equal(s->pacing_gain, 739); /* 2/ln 2 */
	for (uint32_t r = rate / 8; r < rate; r *= 2) {
		bbr_round(w, p, r, r / 20);
		assert_int_equal(s->mode, BBR_STARTUP);
		assert_in_range(x->pace.rate, (uint64_t)r * 28 / 10, (uint64_t)r * 29 / 10);
	}
	bbr_round(w, p, rate, 2 * bdp); /* the rate, first seen */
	bbr_round(w, p, rate, 2 * bdp);
	bbr_round(w, p, rate, 2 * bdp);
	assert_int_equal(s->mode, BBR_STARTUP);
	bbr_round(w, p, rate, 2 * bdp);
	assert_int_equal(s->mode, BBR_DRAIN);
	assert_in_range(x->pace.rate, rate * 33 / 100, rate * 35 / 100);
	bbr_round(w, p, rate, 2 * bdp);
	assert_int_equal(s->mode, BBR_DRAIN);
	bbr_round(w, p, rate, bdp);
	assert_int_equal(s->mode, BBR_PROBE_BW);
	assert_int_not_equal(s->cycle_index, 1); /* 4.3.4.2: it does not begin by giving way */
	for (int i = 0; i < 80; i++) { /* the cycle needs a little more than a round trip for a phase */
		bbr_round(w, p, rate, s->pacing_gain > 256 ? bdp * 5 / 4 : bdp);
		gains[s->pacing_gain > 256 ? 0 : s->pacing_gain < 256 ? 1 : 2]++;
		assert_in_range(p->cwnd, bdp, 4 * bdp); /* ACKs that come once per round trip want room */
	}
	assert_true(gains[0] >= 5 && gains[1] >= 5 && gains[2] >= 40);
	assert_in_range(bbr_bw(s), rate - 1000, rate);
	clean(w, p);
}

static void bbr_probe_rtt(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "bbr");
	struct tcp_ext *x = tcp_ext_of(w->t, p);
	struct bbr *s = &x->cc.bbr;
	const uint32_t rate = 10000000, bdp = rate / 20;
	uint32_t cwnd = 0;

	s->rtprop_us = 40000; /* no round trip is that short any more */
	for (int i = 0; i < 20; i++)
		bbr_round(w, p, rate, bdp / 2);
	assert_int_equal(s->mode, BBR_PROBE_BW);
	while (s->mode != BBR_PROBE_RTT) {
		cwnd = p->cwnd;
		bbr_round(w, p, rate, bdp);
		assert_true(w->h.clock.now_ns < 20000000000);
	}
	assert_in_range(w->h.clock.now_ns / 1000000, 11000, 11200); /* the world begins at 1 s */
	assert_int_equal(p->cwnd, 4 * MSS);
	assert_int_equal(s->rtprop_us, 50000);
	for (int i = 0; i < 4; i++) { /* 200 ms from when no more than four segments are in flight */
		bbr_round(w, p, 4 * MSS * 20, 4 * MSS);
		assert_int_equal(s->mode, BBR_PROBE_RTT);
		assert_int_equal(p->cwnd, 4 * MSS);
	}
	bbr_round(w, p, 4 * MSS * 20, 4 * MSS);
	assert_int_equal(s->mode, BBR_PROBE_BW);
	assert_in_range(p->cwnd, cwnd / 2, cwnd * 2);
	clean(w, p);
}

/* A loss changes the window for a round trip, and then it is back. */
static void bbr_recovery(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "bbr");
	const uint32_t rate = 10000000, bdp = rate / 20;
	uint32_t cwnd;

	for (int i = 0; i < 20; i++)
		bbr_round(w, p, rate, bdp);
	cwnd = p->cwnd;
	p->ssthresh = tcp_cc_of(p)->ssthresh(w->t, p, cwnd);
	tcp_ext_of(w->t, p)->rate.delivered += bdp; /* the ACK that tells of the loss is of a round that has begun */
	tcp_cc_of(p)->event(w->t, p, TCP_CC_RECOVERY);
	tcp_ext_of(w->t, p)->rate.delivered -= bdp;
	bbr_round(w, p, rate / 2, bdp / 2);
	assert_in_range(p->cwnd, bdp / 2, bdp + MSS); /* as much as arrives */
	tcp_cc_of(p)->event(w->t, p, TCP_CC_RECOVERED);
	assert_true(p->cwnd >= cwnd);
	clean(w, p);
}

/* ---- Reno ---- */

/* RFC 5681 3.1, a segment per window; while ECE's answer is less than a round trip old it does not grow. */
static void reno_growth(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "reno");
	struct tcp_buf *b = tcp_buf_need(w->t, p);
	struct tcp_ack a = {.una = p->snd_una + MSS, .acked = 10 * MSS, .delivered = 10 * MSS, .prior_flight = 10 * MSS};

	p->cwnd = p->ssthresh = 10 * MSS;
	tcp_cc_acked(w->t, p, b, &a);
	assert_int_equal(p->cwnd, 11 * MSS);
	b->cwr = true;
	b->cwr_seq = a.una;
	tcp_cc_acked(w->t, p, b, &a);
	assert_int_equal(p->cwnd, 11 * MSS);
	a.una++;
	a.acked = a.delivered = 11 * MSS;
	a.cwr = false;
	tcp_cc_acked(w->t, p, b, &a);
	assert_int_equal(p->cwnd, 12 * MSS);
	assert_false(b->cwr);
	clean(w, p);
}

/* RFC 2861 section 3, as Linux: half per RTO of silence, and ssthresh remembers three quarters. */
static void idle_decay(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = flow(w, "reno");
	struct tcp_ext *x = tcp_ext_of(w->t, p);

	p->srtt_us8 = 100000 << 3;
	p->rttvar_us4 = 25000 << 2; /* RTO 300 ms */
	p->cwnd = 80 * MSS;
	p->ssthresh = 40 * MSS;
	x->used_ms = w->h.clock.now_ms;
	time_passes(w, 290000);
	tcp_cc_idle(w->t, p);
	assert_int_equal(p->cwnd, 80 * MSS);
	time_passes(w, 350000); /* 640 ms: two whole ones */
	tcp_cc_idle(w->t, p);
	assert_int_equal(p->cwnd, 20 * MSS);
	assert_int_equal(p->ssthresh, 60 * MSS);
	time_passes(w, 5000000);
	tcp_cc_idle(w->t, p);
	assert_int_equal(p->cwnd, 10 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cubic_curve), world_test(cubic_epoch), world_test(cubic_reno_friendly),
		world_test(cubic_fast_convergence), world_test(cubic_timeout), world_test(cubic_undo), world_test(cubic_idle),
		cmocka_unit_test(hystart_leaves), cmocka_unit_test(hystart_resumes), cmocka_unit_test(hystart_thresholds),
		world_test(dctcp_alpha), cmocka_unit_test(bbr_maximum), world_test(bbr_states), world_test(bbr_probe_rtt),
		world_test(bbr_recovery), world_test(reno_growth), world_test(idle_decay),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
