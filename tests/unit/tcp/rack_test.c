/* rack_test.c: losses found by time (RFC 8985 section 6), and tail loss probes (section 7). */
#include "tcp/recovery.h"

#include "sack_world.h"

/* ---- 6: RACK ---- */

/* 6.2 step 5: less than three SACKed: what was sent before them may be late by a quarter of the least RTT. */
static void reorder_timer(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 4);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(2)});
	out_none(w);
	assert_true(p->xflags & TX_T_REO);
	quiet_then_ms(w, RTT_MS / 4);
	out(w, ACK, SEQ(0), MSS, 1);
	assert_true(p->tflags & TF_RECOVERY);
	assert_int_equal(w->t->stats.fast_rtx, 1);
	assert_int_equal(w->t->stats.rtos, 0);
	in(w, ACK, 1, 0, SEQ(4));
}

/* The window counts from the latest round trip (RACK.rtt). */
static void reorder_timer_moves(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 4);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(2)});
	after_ms(w, 10);
	in_sack(w, 1, {SEQ(1), SEQ(3)});
	quiet_then_ms(w, RTT_MS / 4);
	out(w, ACK, SEQ(0), MSS, 1);
	in(w, ACK, 1, 0, SEQ(4));
}

/* Step 4: with three SACKed and no reordering seen, at once (DupThresh). */
static void three_sacked(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 5);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(3)});
	out_none(w);
	in_sack(w, 1, {SEQ(1), SEQ(4)});
	out(w, ACK, SEQ(0), MSS, 1);
	out_none(w); /* what was sent after the SACKed is not lost */
	in(w, ACK, 1, 0, SEQ(5));
}

/* Steps 3 and 4: a path that was seen to reorder gets the window however many are SACKed. */
static void reordering_seen(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 4);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(3)});
	assert_false(p->xflags & TX_REORDERS);
	after_ms(w, RTT_MS / 5);
	in(w, ACK, 1, 0, SEQ(3)); /* late, not lost */
	assert_true(p->xflags & TX_REORDERS);
	out_none(w);
	in(w, ACK, 1, 0, SEQ(4));
	sent(w, p, 4, 6);
	after_ms(w, RTT_MS);
	in_sack(w, SEQ(4), {SEQ(5), SEQ(9)});
	out_none(w);
	quiet_then_ms(w, RTT_MS / 4);
	out(w, ACK, SEQ(4), MSS, 1);
	assert_int_equal(w->t->stats.fast_rtx, 1);
	in(w, ACK, 1, 0, SEQ(10));
}

/* 3.1: a retransmission that is lost is found as soon as something sent after it has arrived. */
static void lost_retransmission(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	assert_int_equal(app_send(w, p, 1, 20 * MSS), 20 * MSS);
	out_skip(w);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(5)});
	out(w, ACK, SEQ(0), MSS, 1);
	out_none(w);
	in_sack(w, 1, {SEQ(1), SEQ(10)}); /* sent before it: says nothing about it */
	for (uint32_t i = 10; i < 14; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	out_none(w);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(11)});
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(w->t->stats.rtos, 0);
	assert_int_equal(w->t->stats.fast_rtx, 1);
	in(w, ACK, 1, 0, SEQ(14));
	out_skip(w);
}

/* Step 2: the ACK of a retransmission that comes too early for it is of the first transmission. */
static void too_early_for_retransmission(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	uint32_t rack_us;

	sent(w, p, 0, 8);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(2), SEQ(5)});
	out(w, ACK, SEQ(0), MSS, 1);
	rack_us = flight_of(w, p)->rack_us;
	after_ms(w, RTT_MS / 2);
	in_sack(w, SEQ(1), {SEQ(2), SEQ(5)});
	assert_int_equal(flight_of(w, p)->rack_us, rack_us);
	out_skip(w);
	in(w, ACK, 1, 0, SEQ(8));
}

/* Step 4: the window grows with each round that has a D-SACK, and shrinks after 16 recoveries without. */
static void window_adapts(void **state)
{
	static struct tcp_flight f;
	struct tcp_pcb p = {.snd_una = 100, .snd_nxt = 1000};

	(void)state;
	f.reo_mult = 1;
	tcp_rack_adapt(&p, &f, true, false);
	assert_int_equal(f.reo_mult, 2);
	p.snd_nxt = 2000;
	tcp_rack_adapt(&p, &f, true, false);
	assert_int_equal(f.reo_mult, 2); /* the same round */
	p.snd_una = 1000;
	tcp_rack_adapt(&p, &f, true, false);
	assert_int_equal(f.reo_mult, 3);
	p.snd_una = 2000;
	for (unsigned i = 0; i < 15; i++)
		tcp_rack_adapt(&p, &f, false, true);
	assert_int_equal(f.reo_mult, 3);
	tcp_rack_adapt(&p, &f, false, true);
	assert_int_equal(f.reo_mult, 1);
}

/* 6.3: at a timeout what was sent less than a round trip ago is not taken for lost, but for the first. */
static void timeout_spares_recent(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	uint64_t rto_ms;

	sent(w, p, 0, 4);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(2));
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(3), MSS, 1); /* the probe */
	rto_ms = tcp_rtt_rto_us(p) / 1000;
	after_ms(w, rto_ms - 50);
	sent(w, p, 4, 1);
	quiet_then_ms(w, 50);
	out(w, ACK, SEQ(2), MSS, 1);
	out_none(w);
	assert_int_equal(w->t->stats.rtos, 1);
	assert_int_equal(flight_of(w, p)->lost, 2 * MSS);
	assert_int_equal(p->cwnd, 2 * MSS);
	in(w, ACK, 1, 0, SEQ(5));
}

/* ---- 7: TLP ---- */

/* 7.2, 7.3: two round trips after the last segment left, that goes again; then the RTO takes over. */
static void probe_last(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 3);
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(2), MSS, 1);
	out_none(w);
	assert_int_equal(p->cwnd, 10 * MSS);
	quiet_then_ms(w, 300);
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(w->t->stats.tlp_probes, 1);
	assert_int_equal(w->t->stats.rtos, 1);
	in(w, ACK, 1, 0, SEQ(3));
	out_skip(w);
}

/* Two round trips of a short way are less than what a busy host takes to answer. */
static void probe_not_at_once(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	p->srtt_us8 = 8 * 100;
	sent(w, p, 0, 3);
	quiet_then(w, TCP_TLP_MIN_US);
	out(w, ACK, SEQ(2), MSS, 1);
	in(w, ACK, 1, 0, SEQ(3));
}

/* 7.2: new data puts the probe off, though not beyond the RTO. */
static void probe_waits_for_new(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 2);
	after_ms(w, 80);
	sent(w, p, 2, 2);
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(3), MSS, 1);
	in_sack(w, SEQ(4), {SEQ(3), SEQ(4)});
	after_ms(w, 1000);
	sent(w, p, 4, 2);
	p->rttvar_us4 = 130000;
	after_ms(w, 150);
	sent(w, p, 6, 2);
	assert_true(2 * (p->srtt_us8 >> 3) > tcp_rtt_rto_us(p) - 150000);
	quiet_then(w, tcp_rtt_rto_us(p) - 150000 + TICK_US);
	out(w, ACK, SEQ(7), MSS, 1);
	in(w, ACK, 1, 0, SEQ(8));
}

/* A FIN alone has a probe, too, as on Linux: the timeout after it is not doubled yet. */
static void probe_fin(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	quiet_then_ms(w, 300);
	out(w, ACK | FIN, 1, 0, 1);
	assert_int_equal(w->t->stats.tlp_probes, 1);
	assert_int_equal(w->t->stats.rtos, 0);
	quiet_then_ms(w, 300);
	out(w, ACK | FIN, 1, 0, 1);
	quiet_then_ms(w, 600);
	out(w, ACK | FIN, 1, 0, 1);
	assert_int_equal(w->t->stats.rtos, 2);
	in(w, ACK, 1, 0, 2);
	out_none(w);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
}

/* 7.2: the ACK of a single segment may be delayed; the RTO comes before that, and is a probe. */
static void probe_single(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 1);
	quiet_then_ms(w, 300);
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(w->t->stats.rtos, 0);
	assert_int_equal(w->t->stats.tlp_probes, 1);
	assert_int_equal(p->cwnd, 10 * MSS);
	quiet_then_ms(w, 300);
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(w->t->stats.rtos, 1);
	assert_int_equal(p->cwnd, MSS);
	quiet_then_ms(w, 600);
	out(w, ACK, SEQ(0), MSS, 1);
	in(w, ACK, 1, 0, SEQ(1));
}

/* 7.3: new data is the better probe, whatever cwnd says. */
static void probe_new_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	p->cwnd = 3 * MSS;
	assert_int_equal(app_send(w, p, 1, 5 * MSS), 5 * MSS);
	for (uint32_t i = 0; i < 3; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(3), MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, SEQ(4));
	assert_true(p->cwnd >= 3 * MSS);
	assert_int_equal(w->t->stats.tlp_repaired, 0);
	out(w, ACK, SEQ(4), MSS, 1);
	in(w, ACK, 1, 0, SEQ(5));
}

/* A probe that is SACKed shows what was lost before it: fast recovery instead of an RTO. */
static void probe_starts_recovery(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 5);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(3));
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(4), MSS, 1);
	after_ms(w, RTT_MS);
	in_sack(w, SEQ(3), {SEQ(4), SEQ(5)});
	quiet_then_ms(w, RTT_MS / 4);
	out(w, ACK, SEQ(3), MSS, 1);
	assert_true(p->tflags & TF_RECOVERY);
	assert_int_equal(w->t->stats.rtos, 0);
	in(w, ACK, 1, 0, SEQ(5));
}

static struct tcp_pcb *probed(struct world *w)
{
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 3);
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(2), MSS, 1);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(3));
	assert_true(p->xflags & TX_TLP);
	assert_int_equal(p->buf, 0);
	assert_int_equal(p->cwnd, 10 * MSS);
	return p;
}

/* 7.4.2: more is acknowledged, and nothing said that the probe was too much: it has repaired a loss, and the window answers. */
static void probe_repaired(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = probed(w);

	sent(w, p, 3, 1);
	in(w, ACK, 1, 0, SEQ(4));
	assert_false(p->xflags & TX_TLP);
	assert_int_equal(w->t->stats.tlp_repaired, 1);
	assert_int_equal(p->ssthresh, 5 * MSS);
	assert_int_equal(p->cwnd, 5 * MSS);
}

/* 7.4.2 case 1: a D-SACK of the probe, with nothing in flight and with something. */
static void probe_dsacked(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = probed(w);

	in_sack(w, SEQ(3), {SEQ(2), SEQ(3)});
	assert_false(p->xflags & TX_TLP);
	sent(w, p, 3, 1);
	in(w, ACK, 1, 0, SEQ(4));
	assert_int_equal(w->t->stats.tlp_repaired, 0);
	assert_int_equal(p->cwnd, 10 * MSS);
}

static void probe_dsacked_in_flight(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = probed(w);

	sent(w, p, 3, 2);
	in_sack(w, SEQ(3), {SEQ(2), SEQ(3)});
	assert_false(p->xflags & TX_TLP);
	in(w, ACK, 1, 0, SEQ(5));
	assert_int_equal(w->t->stats.tlp_repaired, 0);
}

/* 7.2: no probe without SACK, and none in recovery. */
static void no_probe(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	sent(w, p, 0, 3);
	quiet_then_rto(w, 1);
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(w->t->stats.tlp_probes, 0);
	assert_int_equal(w->t->stats.rtos, 1);
	in(w, ACK, 1, 0, SEQ(3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(reorder_timer), world_test(reorder_timer_moves), world_test(three_sacked), world_test(reordering_seen),
		world_test(lost_retransmission), world_test(too_early_for_retransmission), cmocka_unit_test(window_adapts),
		world_test(timeout_spares_recent), world_test(probe_last), world_test(probe_not_at_once),
		world_test(probe_waits_for_new), world_test(probe_fin), world_test(probe_single),
		world_test(probe_new_data), world_test(probe_starts_recovery), world_test(probe_repaired), world_test(probe_dsacked),
		world_test(probe_dsacked_in_flight), world_test(no_probe),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
