/* spurious_test.c: losses that were none: F-RTO (RFC 5682), Eifel by timestamps (RFC 3522, 4015), D-SACK (RFC 3708). */
#include "sack_world.h"

/* Five segments, four more waiting; nothing comes back until the timeout. The probe has sent a new one (5). */
static struct tcp_pcb *timed_out(struct world *w)
{
	struct tcp_pcb *p = sack_connected(w);

	p->cwnd = 5 * MSS;
	assert_int_equal(app_send(w, p, 1, 9 * MSS), 9 * MSS);
	for (uint32_t i = 0; i < 5; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, SEQ(5), MSS, 1);
	quiet_then_ms(w, 300);
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(p->cwnd, MSS);
	assert_int_equal(flight_of(w, p)->lost, 6 * MSS);
	return p;
}

/* RFC 5682 2.1: new data on the first ACK; the second acknowledges what was not sent again: it was only slow. */
static void frto_spurious(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = timed_out(w);
	uint32_t ssthresh = p->ssthresh;

	after_ms(w, 10);
	in(w, ACK, 1, 0, SEQ(1));
	out(w, ACK, SEQ(6), MSS, 1);
	out(w, ACK, SEQ(7), MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, SEQ(2));
	assert_false(p->tflags & TF_LOSS);
	assert_int_equal(w->t->stats.undone, 1);
	assert_int_equal(p->cwnd, 5 * MSS);
	assert_true(p->ssthresh > ssthresh);
	assert_int_equal(flight_of(w, p)->lost, 0);
	out_none(w); /* six in flight */
	in(w, ACK, 1, 0, SEQ(5));
	out(w, ACK, SEQ(8), MSS, 1);
	in(w, ACK, 1, 0, SEQ(9));
	assert_int_equal(w->t->stats.rtx_segs, 1);
}

/* 3.1: with SACK also a block of what was not sent again shows it. */
static void frto_spurious_sack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = timed_out(w);

	after_ms(w, 10);
	in_sack(w, 1, {SEQ(2), SEQ(3)});
	assert_false(p->tflags & TF_LOSS);
	assert_int_equal(w->t->stats.undone, 1);
	out_skip(w);
	in(w, ACK, 1, 0, SEQ(9));
	out_skip(w);
}

/* Step 3a: new data arrives, the old does not: it was lost. */
static void frto_real(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = timed_out(w);

	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(1));
	out(w, ACK, SEQ(6), MSS, 1);
	out(w, ACK, SEQ(7), MSS, 1);
	after_ms(w, RTT_MS);
	in_sack(w, SEQ(1), {SEQ(6), SEQ(7)});
	assert_true(p->tflags & TF_LOSS);
	out(w, ACK, SEQ(1), MSS, 1);
	out_none(w);
	in_sack(w, SEQ(1), {SEQ(6), SEQ(8)});
	out(w, ACK, SEQ(2), MSS, 1);
	out_none(w);
	assert_int_equal(w->t->stats.undone, 0);
	after_ms(w, RTT_MS);
	in_sack(w, SEQ(3), {SEQ(6), SEQ(8)});
	out(w, ACK, SEQ(3), MSS, 1);
	out_skip(w);
	in(w, ACK, 1, 0, SEQ(9));
	out_skip(w);
}

/* Step 2b without new data: as ever. */
static void frto_nothing_new(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	sent(w, p, 0, 4);
	quiet_then_rto(w, 1);
	out(w, ACK, SEQ(0), MSS, 1);
	in(w, ACK, 1, 0, SEQ(1));
	out(w, ACK, SEQ(1), MSS, 1);
	out(w, ACK, SEQ(2), MSS, 1);
	in(w, ACK, 1, 0, SEQ(4));
	out_none(w);
}

/* Without SACK: two duplicates of new data say that the timeout was right. */
static void frto_without_sack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	p->cwnd = 4 * MSS;
	assert_int_equal(app_send(w, p, 1, 8 * MSS), 8 * MSS);
	for (uint32_t i = 0; i < 4; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	quiet_then_rto(w, 1);
	out(w, ACK, SEQ(0), MSS, 1);
	in(w, ACK, 1, 0, SEQ(1));
	out(w, ACK, SEQ(4), MSS, 1);
	out(w, ACK, SEQ(5), MSS, 1);
	in(w, ACK, 1, 0, SEQ(1));
	out(w, ACK, SEQ(1), MSS, 1);
	assert_int_equal(w->t->stats.undone, 0);
	assert_int_equal(w->t->stats.fast_rtx, 0);
	in(w, ACK, 1, 0, SEQ(6));
	out_skip(w);
	in(w, ACK, 1, 0, SEQ(8));
}

static struct tcp_pcb *ts_connected(struct world *w)
{
	struct tcp_pcb *p;

	w->ts = true;
	p = app_connect(w);
	out(w, SYN, 0, 0, 0);
	after_ms(w, RTT_MS);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.has_mss = true, .mss = MSS, .sack_ok = true}});
	out(w, ACK, 1, 0, 1);
	app_opt(w, p, IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
	return p;
}

static void sent_1000(struct world *w, struct tcp_pcb *p, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		assert_int_equal(app_send(w, p, 1 + i * 1000, 1000), 1000);
		out(w, ACK, 1 + i * 1000, 1000, 1);
	}
}

/* An ACK that echoes this timestamp, with a block or without (right 0). */
static void in_echo(struct world *w, uint32_t ack, uint32_t tsecr, uint32_t left, uint32_t right)
{
	struct seg s = {.flags = ACK, .seq = 1, .ack = ack, .wnd = 65535,
			.o = {.has_ts = true, .tsval = w->peer_ts, .tsecr = tsecr, .n_sack = right != 0}};

	s.o.sack[0].left = w->our_iss + left;
	s.o.sack[0].right = w->our_iss + right;
	in_seg(w, &s);
}

/* RFC 3522: the ACK after a timeout echoes the first transmission's timestamp. */
static void eifel_timeout(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = ts_connected(w);
	uint32_t first_ts;

	sent_1000(w, p, 0, 4);
	first_ts = w->ts_seen;
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, 3001, 1000, 1);
	quiet_then_ms(w, 300);
	out(w, ACK, 1, 1000, 1);
	assert_true(p->tflags & TF_LOSS);
	in_echo(w, 1001, first_ts, 0, 0);
	assert_false(p->tflags & TF_LOSS);
	assert_int_equal(w->t->stats.undone, 1);
	assert_true(p->cwnd >= 10 * 1448);
	out_none(w);
	in_echo(w, 4001, first_ts, 0, 0);
	out_none(w);
	assert_int_equal(p->buf, 0);
}

static void eifel_timeout_real(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = ts_connected(w);

	sent_1000(w, p, 0, 4);
	quiet_then_ms(w, 2 * RTT_MS);
	out(w, ACK, 3001, 1000, 1);
	quiet_then_ms(w, 300);
	out(w, ACK, 1, 1000, 1);
	in_echo(w, 1001, w->ts_seen, 0, 0);
	assert_true(p->tflags & TF_LOSS);
	assert_int_equal(w->t->stats.undone, 0);
	out_skip(w);
	in_echo(w, 4001, w->ts_seen, 0, 0);
}

/* The same in fast recovery: it was reordering. */
static void eifel_recovery(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = ts_connected(w);
	uint32_t first_ts;

	sent_1000(w, p, 0, 8);
	first_ts = w->ts_seen;
	after_ms(w, RTT_MS);
	in_echo(w, 1, first_ts, 1001, 5001);
	out(w, ACK, 1, 1000, 1);
	assert_true(p->tflags & TF_RECOVERY);
	after_ms(w, 5);
	in_echo(w, 5001, first_ts, 0, 0);
	assert_false(p->tflags & TF_RECOVERY);
	assert_int_equal(w->t->stats.undone, 1);
	assert_true(p->xflags & TX_REORDERS);
	assert_true(p->cwnd >= 10 * 1448);
	in_echo(w, 8001, first_ts, 0, 0);
}

/* D-SACKs of all that was sent again, after the recovery is over. */
static void dsack_undo(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 8);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(5)});
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(p->ssthresh, 4 * MSS);
	after_ms(w, 5);
	in(w, ACK, 1, 0, SEQ(7)); /* the first one, late */
	assert_true(p->tflags & TF_RECOVERY);
	sent(w, p, 8, 1);
	in_sack(w, SEQ(8), {SEQ(0), SEQ(1)});
	assert_false(p->tflags & TF_RECOVERY);
	assert_int_equal(w->t->stats.undone, 1);
	assert_int_equal(w->t->stats.dsacks_in, 1);
	assert_int_equal(p->cwnd, 10 * MSS);
	assert_true(p->ssthresh > 10 * MSS);
	in(w, ACK, 1, 0, SEQ(9));
}

/* One D-SACK of two that were sent again is not enough. */
static void dsack_of_half(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 10);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(2), SEQ(8)});
	out(w, ACK, SEQ(0), MSS, 1);
	out(w, ACK, SEQ(1), MSS, 1);
	after_ms(w, RTT_MS);
	in_sack(w, SEQ(8), {SEQ(0), SEQ(1)});
	in(w, ACK, 1, 0, SEQ(10));
	assert_int_equal(w->t->stats.undone, 0);
	assert_int_equal(p->cwnd, 5 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(frto_spurious), world_test(frto_spurious_sack), world_test(frto_real), world_test(frto_nothing_new),
		world_test(frto_without_sack), world_test(eifel_timeout), world_test(eifel_timeout_real), world_test(eifel_recovery),
		world_test(dsack_undo), world_test(dsack_of_half),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
