/* bbr.c: BBR (draft-cardwell-iccrg-bbr-congestion-control-00, version 1, as Linux has it): the sender keeps a model of the path
 * (its bottleneck's rate, its round trip without queue) and paces by it; losses by themselves change nothing. Section numbers
 * are the draft's. Not here: the long-term sampling for token-bucket policers, which the draft leaves out too. */
#include "tcp/bbr.h"

#include "tcp/cc.h"
#include "tcp/ext.h"
#include "tcp/pace.h"

#define GAIN(num, den) ((num) * (1u << BBR_GAIN_SHIFT) / (den))
#define HIGH_GAIN (GAIN(2885, 1000) + 1)  /* 2/ln 2: the least gain that doubles each round */
#define DRAIN_GAIN GAIN(1000, 2885)
#define CWND_GAIN GAIN(2, 1)
#define CYCLE_PHASES 8
#define BW_ROUNDS (CYCLE_PHASES + 2)      /* 4.1.1: BtlBwFilterLen */
#define RTPROP_MS 10000                   /* 4.1.2 */
#define PROBE_RTT_MS 200
#define PROBE_RTT_SEGS 4                  /* BBRMinPipeCwnd */
#define FULL_BW_ROUNDS 3                  /* 4.3.2.2 */
#define EXTRA_MAX_US 100000u              /* of ACK aggregation at most this much time is made up for */

static const uint16_t cycle_gain[CYCLE_PHASES] = {
	GAIN(5, 4), GAIN(3, 4), GAIN(1, 1), GAIN(1, 1), GAIN(1, 1), GAIN(1, 1), GAIN(1, 1), GAIN(1, 1),
};

/* What one ACK's steps share. */
struct step {
	struct tcp *t;
	struct tcp_pcb *p;
	struct tcp_ext *x;
	struct bbr *s;
	const struct tcp_ack *a;
	uint32_t now_us;
};

/* ---- the model ---- */

static void max_reset(struct bbr_max *m, uint32_t now, uint64_t value)
{
	for (int i = 0; i < 3; i++) {
		m->value[i] = value;
		m->round[i] = now;
	}
}

static void max_set(struct bbr_max *m, int from, uint32_t now, uint64_t value)
{
	for (int i = from; i < 3; i++) {
		m->value[i] = value;
		m->round[i] = now;
	}
}

/* Kathleen Nichols' windowed maximum: three candidates, each later and not larger than the one before, renewed at a quarter and
 * at half of the window so that one is at hand when the best grows too old. */
void bbr_max_update(struct bbr_max *m, uint32_t rounds, uint32_t now, uint64_t value)
{
	uint32_t age;

	if (value >= m->value[0] || now - m->round[2] > rounds) {
		max_reset(m, now, value);
		return;
	}
	if (value >= m->value[1])
		max_set(m, 1, now, value);
	else if (value >= m->value[2])
		max_set(m, 2, now, value);
	age = now - m->round[0];
	if (age > rounds) { /* the best is too old: the others move up, at most twice */
		for (int turn = 0; turn < 2 && now - m->round[0] > rounds; turn++) {
			m->value[0] = m->value[1];
			m->round[0] = m->round[1];
			m->value[1] = m->value[2];
			m->round[1] = m->round[2];
			max_set(m, 2, now, value);
		}
	} else if (m->round[1] == m->round[0] && age > rounds / 4) {
		max_set(m, 1, now, value);
	} else if (m->round[2] == m->round[1] && age > rounds / 2) {
		max_set(m, 2, now, value);
	}
}

uint64_t bbr_bw(const struct bbr *s) { return s->btl_bw.value[0]; }

/* The path's bytes at this gain (4.2.3.2), before any round trip was seen the initial window. */
static uint32_t bdp(const struct tcp_pcb *p, const struct bbr *s, uint64_t bw, uint32_t gain)
{
	uint64_t bytes;

	if (s->rtprop_us == UINT32_MAX)
		return tcp_cc_initial_window(p);
	bytes = (bw * s->rtprop_us / 1000000 * gain) >> BBR_GAIN_SHIFT;
	return bytes < TCP_CWND_MAX ? (uint32_t)bytes : TCP_CWND_MAX;
}

/* Room for what moves in bursts (4.2.3.3): three of the pacer's, in whole segments, and a little for probing with small BDPs. */
static uint32_t inflight(const struct tcp_ext *x, const struct tcp_pcb *p, const struct bbr *s, uint64_t bw, uint32_t gain)
{
	uint64_t burst = x->pace.rate >> TCP_PACE_SHIFT, bytes = bdp(p, s, bw, gain);

	burst = burst > 2u * p->mss ? burst : 2u * p->mss;
	if (burst > TCP_PACE_QUANTUM_MAX)
		burst = TCP_PACE_QUANTUM_MAX;
	bytes += 3 * burst;
	bytes = (bytes + 2u * p->mss - 1) / (2u * p->mss) * (2u * p->mss);
	if (s->mode == BBR_PROBE_BW && s->cycle_index == 0)
		bytes += 2u * p->mss;
	return bytes < TCP_CWND_MAX ? (uint32_t)bytes : TCP_CWND_MAX;
}

static void update_round(struct step *k)
{
	struct bbr *s = k->s;

	s->round_start = (int32_t)(k->a->prior_delivered - s->next_round_delivered) >= 0;
	if (s->round_start) {
		s->next_round_delivered = k->x->rate.delivered;
		s->round_count++;
		s->packet_conservation = false;
	}
}

/* 4.1.1.3: what the application limited says nothing unless it is more. */
static void update_btl_bw(struct step *k)
{
	uint64_t bw = (uint64_t)k->a->rate_bytes * 1000000 / k->a->rate_us;

	if (!k->a->app_limited || bw >= bbr_bw(k->s))
		bbr_max_update(&k->s->btl_bw, BW_ROUNDS, k->s->round_count, bw);
}

/* How much more is acknowledged at a time than arrives at the bottleneck's rate: the window must cover what waits in
 * such ACKs. */
static void update_extra_acked(struct step *k)
{
	struct bbr *s = k->s;
	uint64_t expected = bbr_bw(s) * (k->now_us - s->extra_us) / 1000000, extra;

	if (s->extra_bytes <= expected || s->extra_bytes + (uint64_t)k->a->delivered >= TCP_CWND_MAX) {
		s->extra_bytes = 0;
		s->extra_us = k->now_us;
		expected = 0;
	}
	s->extra_bytes += k->a->delivered;
	extra = s->extra_bytes - expected;
	bbr_max_update(&s->extra_acked, BW_ROUNDS, s->round_count, extra < k->p->cwnd ? extra : k->p->cwnd);
}

static uint32_t aggregation(const struct bbr *s)
{
	uint64_t most = bbr_bw(s) * EXTRA_MAX_US / 1000000;

	if (!s->filled_pipe)
		return 0;
	return (uint32_t)(s->extra_acked.value[0] < most ? s->extra_acked.value[0] : most);
}

/* ---- the states (4.3) ---- */

static void enter_probe_bw(struct step *k)
{
	struct bbr *s = k->s;

	s->mode = BBR_PROBE_BW;
	/* 4.3.4.2: any phase but the one that gives way: flows should not probe in step. The next one is taken at once. */
	s->cycle_index = (uint8_t)((CYCLE_PHASES - 1 - prng_below(k->t->prng, CYCLE_PHASES - 1) + 1) % CYCLE_PHASES);
	s->cycle_us = k->now_us;
}

static void cycle_next(struct step *k)
{
	struct bbr *s = k->s;
	uint32_t gain = cycle_gain[s->cycle_index];
	bool long_enough = k->now_us - s->cycle_us > s->rtprop_us, next = long_enough;

	if (gain > GAIN(1, 1)) /* until the queue has really been tried */
		next = long_enough && (k->a->lost > 0 || k->a->prior_flight >= inflight(k->x, k->p, s, bbr_bw(s), gain));
	else if (gain < GAIN(1, 1)) /* or as soon as it is gone */
		next = long_enough || k->a->prior_flight <= inflight(k->x, k->p, s, bbr_bw(s), GAIN(1, 1));
	if (next) {
		s->cycle_index = (uint8_t)((s->cycle_index + 1) % CYCLE_PHASES);
		s->cycle_us = k->now_us;
	}
}

/* 4.3.2.2: three rounds without a quarter more. */
static void check_full_pipe(struct step *k)
{
	struct bbr *s = k->s;

	if (s->filled_pipe || !s->round_start || k->a->app_limited)
		return;
	if (bbr_bw(s) >= s->full_bw + s->full_bw / 4) {
		s->full_bw = bbr_bw(s);
		s->full_bw_count = 0;
		return;
	}
	s->filled_pipe = ++s->full_bw_count >= FULL_BW_ROUNDS;
}

static void check_drain(struct step *k)
{
	struct bbr *s = k->s;

	if (s->mode == BBR_STARTUP && s->filled_pipe) {
		s->mode = BBR_DRAIN;
		k->p->ssthresh = inflight(k->x, k->p, s, bbr_bw(s), GAIN(1, 1));
	}
	if (s->mode == BBR_DRAIN && k->a->flight <= inflight(k->x, k->p, s, bbr_bw(s), GAIN(1, 1)))
		enter_probe_bw(k);
}

static void save_cwnd(struct tcp_pcb *p, struct bbr *s)
{
	if (!s->in_recovery && s->mode != BBR_PROBE_RTT)
		s->prior_cwnd = p->cwnd;
	else if (p->cwnd > s->prior_cwnd)
		s->prior_cwnd = p->cwnd;
}

static void restore_cwnd(struct tcp_pcb *p, const struct bbr *s)
{
	if (p->cwnd < s->prior_cwnd)
		p->cwnd = s->prior_cwnd;
}

static void check_probe_rtt_done(struct step *k)
{
	struct bbr *s = k->s;

	if (!s->probe_rtt_timed || seq_lt(k->t->clock->tick, s->probe_rtt_done_tick))
		return;
	s->rtprop_tick = k->t->clock->tick;
	restore_cwnd(k->p, s);
	if (s->filled_pipe)
		enter_probe_bw(k);
	else
		s->mode = BBR_STARTUP;
}

/* 4.3.5: the window is small for 200 ms and a round, so that the queue runs empty. */
static void probe_rtt(struct step *k)
{
	struct bbr *s = k->s;

	k->x->rate.app_limited = (k->x->rate.delivered + k->a->flight) | 1; /* samples of now are of our own making */
	if (!s->probe_rtt_timed) {
		if (k->a->flight > PROBE_RTT_SEGS * (uint32_t)k->p->mss)
			return;
		s->probe_rtt_timed = true;
		s->probe_rtt_done_tick = k->t->clock->tick + ticks_from_ms(PROBE_RTT_MS);
		s->probe_rtt_round_done = false;
		s->next_round_delivered = k->x->rate.delivered;
		return;
	}
	s->probe_rtt_round_done |= s->round_start;
	if (s->probe_rtt_round_done)
		check_probe_rtt_done(k);
}

static void update_rtprop(struct step *k)
{
	struct bbr *s = k->s;
	bool expired = k->t->clock->tick - s->rtprop_tick > ticks_from_ms(RTPROP_MS);

	if (k->a->rtt_us != 0 && (k->a->rtt_us < s->rtprop_us || expired)) {
		s->rtprop_us = k->a->rtt_us;
		s->rtprop_tick = k->t->clock->tick;
	}
	if (expired && !s->idle_restart && s->mode != BBR_PROBE_RTT) {
		save_cwnd(k->p, s);
		s->mode = BBR_PROBE_RTT;
		s->probe_rtt_timed = false;
	}
	if (s->mode == BBR_PROBE_RTT)
		probe_rtt(k);
	if (k->a->delivered > 0)
		s->idle_restart = false;
}

static void set_gains(struct bbr *s)
{
	switch (s->mode) {
	case BBR_STARTUP:
		s->pacing_gain = s->cwnd_gain = HIGH_GAIN;
		break;
	case BBR_DRAIN:
		s->pacing_gain = DRAIN_GAIN;
		s->cwnd_gain = HIGH_GAIN;
		break;
	case BBR_PROBE_BW:
		s->pacing_gain = cycle_gain[s->cycle_index];
		s->cwnd_gain = CWND_GAIN;
		break;
	default:
		s->pacing_gain = s->cwnd_gain = GAIN(1, 1);
		break;
	}
}

/* ---- the controls (4.2) ---- */

/* One percent below what the model says, so that no queue stands (as Linux). */
static uint64_t paced(uint64_t bw, uint32_t gain) { return (bw * gain >> BBR_GAIN_SHIFT) / 100 * 99; }

/* 4.2.1: before there is a bandwidth, the window per round trip. */
static void pacing_init(struct tcp *t, struct tcp_pcb *p, struct bbr *s)
{
	uint32_t rtt_us = p->srtt_us8 != 0 ? p->srtt_us8 >> 3 : 1000;

	s->rtt_seen = p->srtt_us8 != 0;
	tcp_pace_set(t, p, paced((uint64_t)p->cwnd * 1000000 / (rtt_us != 0 ? rtt_us : 1), HIGH_GAIN));
}

static void set_pacing_rate(struct step *k)
{
	struct bbr *s = k->s;
	uint64_t rate = paced(bbr_bw(s), s->pacing_gain);

	if (!s->rtt_seen && k->p->srtt_us8 != 0)
		pacing_init(k->t, k->p, s);
	if (rate != 0 && (s->filled_pipe || rate > k->x->pace.wanted))
		tcp_pace_set(k->t, k->p, rate);
}

/* 4.2.3.4: in the first round of recovery only as much leaves as arrives. */
static bool modulated_for_recovery(struct step *k)
{
	struct bbr *s = k->s;
	struct tcp_pcb *p = k->p;
	uint32_t conserved = k->a->flight + k->a->delivered;

	if (conserved < p->mss)
		conserved = p->mss;
	if (k->a->lost > 0)
		p->cwnd = p->cwnd > k->a->lost + p->mss ? p->cwnd - k->a->lost : p->mss;
	if (s->recovery_begins)
		p->cwnd = conserved;
	s->recovery_begins = false;
	if (!s->packet_conservation)
		return false;
	if (conserved > p->cwnd)
		p->cwnd = conserved;
	return true;
}

/* 4.2.3.1 */
static void set_cwnd(struct step *k)
{
	struct bbr *s = k->s;
	struct tcp_pcb *p = k->p;
	uint32_t delivered = k->a->delivered, least = PROBE_RTT_SEGS * (uint32_t)p->mss;

	if (delivered > 0 && !modulated_for_recovery(k)) {
		uint32_t target = inflight(k->x, p, s, bbr_bw(s), s->cwnd_gain) + aggregation(s);

		if (s->filled_pipe)
			p->cwnd = p->cwnd + delivered < target ? p->cwnd + delivered : target;
		else if (p->cwnd < target || k->x->rate.delivered < tcp_cc_initial_window(p))
			p->cwnd += delivered;
		if (p->cwnd < least)
			p->cwnd = least;
	}
	if (p->cwnd > TCP_CWND_MAX)
		p->cwnd = TCP_CWND_MAX;
	if (s->mode == BBR_PROBE_RTT && p->cwnd > least)
		p->cwnd = least;
}

/* ---- the table ---- */

static void bbr_attach(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_ext *x = tcp_ext_of(t, p);
	struct bbr *s = &x->cc.bbr;

	s->rtprop_us = x->min_rtt_us != 0 ? x->min_rtt_us : p->srtt_us8 != 0 ? p->srtt_us8 >> 3 : UINT32_MAX;
	s->rtprop_tick = t->clock->tick;
	s->next_round_delivered = x->rate.delivered;
	s->extra_us = (uint32_t)t->clock->now_us;
	s->mode = BBR_STARTUP;
	set_gains(s);
	pacing_init(t, p, s);
}

static void bbr_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a)
{
	struct step k = {.t = t, .p = p, .x = tcp_ext_of(t, p), .a = a, .now_us = (uint32_t)t->clock->now_us};

	if (k.x == NULL) { /* without the model's room: as Reno */
		tcp_reno_acked(t, p, b, a);
		return;
	}
	k.s = &k.x->cc.bbr;
	k.s->round_start = false;
	if (a->rate_us != 0) {
		update_round(&k);
		update_btl_bw(&k);
		update_extra_acked(&k);
	}
	if (k.s->mode == BBR_PROBE_BW)
		cycle_next(&k);
	check_full_pipe(&k);
	check_drain(&k);
	update_rtprop(&k);
	set_gains(k.s);
	set_pacing_rate(&k);
	set_cwnd(&k);
}

/* A loss is no sign of congestion to it; the window of now comes back afterwards. */
static uint32_t bbr_ssthresh(struct tcp *t, struct tcp_pcb *p, uint32_t flight)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	if (x == NULL)
		return tcp_reno_ssthresh(t, p, flight);
	save_cwnd(p, &x->cc.bbr);
	return p->ssthresh;
}

/* Data leaves after nothing was in flight: at the path's rate, not faster (4.3.4.4). */
static void idle_restart(struct step *k)
{
	struct bbr *s = k->s;

	if (k->x->rate.app_limited == 0)
		return;
	s->idle_restart = true;
	s->extra_us = k->now_us;
	s->extra_bytes = 0;
	if (s->mode == BBR_PROBE_BW)
		tcp_pace_set(k->t, k->p, paced(bbr_bw(s), GAIN(1, 1)));
	else if (s->mode == BBR_PROBE_RTT)
		check_probe_rtt_done(k);
}

static void bbr_event(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_event ev)
{
	struct step k = {.t = t, .p = p, .x = tcp_ext_of(t, p), .now_us = (uint32_t)t->clock->now_us};
	struct bbr *s;

	if (k.x == NULL)
		return;
	s = k.s = &k.x->cc.bbr;
	switch (ev) {
	case TCP_CC_RECOVERY:
		s->in_recovery = s->packet_conservation = true;
		s->next_round_delivered = k.x->rate.delivered; /* a round of it begins */
		s->recovery_begins = true;
		break;
	case TCP_CC_RECOVERED:
		s->in_recovery = s->packet_conservation = false;
		restore_cwnd(p, s);
		break;
	case TCP_CC_RTO:
		s->in_recovery = true;
		s->full_bw = 0;
		break;
	case TCP_CC_UNDO:
		s->full_bw = 0; /* what looked like a full pipe was none */
		s->full_bw_count = 0;
		s->in_recovery = s->packet_conservation = false;
		restore_cwnd(p, s);
		break;
	case TCP_CC_IDLE:
		idle_restart(&k);
		break;
	default:
		break;
	}
}

const struct tcp_cc tcp_cc_bbr = {
	.name = "bbr",
	.start = tcp_reno_start,
	.acked = bbr_acked,
	.ssthresh = bbr_ssthresh,
	.event = bbr_event,
	.attach = bbr_attach,
	.own_recovery = true,
	.keeps_state = true,
};
