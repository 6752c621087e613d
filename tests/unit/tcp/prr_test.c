/* prr_test.c: how much is sent during fast recovery (RFC 6937, RFC 9937). */
#include "sack_world.h"

/* RFC 6937 section 3: while more is in flight than ssthresh, ssthresh/RecoverFS segments leave for each that arrives; with
 * half, every other ACK sends. In the end the window is ssthresh. */
static void proportional(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	uint32_t next = 20;

	p->cwnd = 20 * MSS;
	assert_int_equal(app_send(w, p, 1, 60 * MSS), 60 * MSS);
	host_flush(&w->h);
	for (uint32_t i = 0; i < 20; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	out_none(w);
	after_ms(w, RTT_MS);
	for (uint32_t i = 2; i < 4; i++) { /* limited transmit */
		in_sack(w, 1, {SEQ(1), SEQ(i)});
		out(w, ACK, SEQ(next++), MSS, 1);
		out_none(w);
	}
	in_sack(w, 1, {SEQ(1), SEQ(4)});
	assert_int_equal(p->ssthresh, 10 * MSS);
	out(w, ACK, SEQ(0), MSS, 1);
	out_none(w);
	for (uint32_t k = 2; k <= 17; k++) {
		in_sack(w, 1, {SEQ(1), SEQ(k + 3)});
		if ((k % 2 == 0 && k >= 4 && k <= 14) || k == 17) /* at 16 the flight is ssthresh, and stays so */
			out(w, ACK, SEQ(next++), MSS, 1);
		out_none(w);
	}
	assert_int_equal(next, 20 + 2 + 7);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(22));
	assert_false(p->tflags & TF_RECOVERY);
	assert_int_equal(p->cwnd, 10 * MSS);
	assert_int_equal(p->ssthresh, 10 * MSS);
	out_count(w);
	in(w, ACK, 1, 0, SEQ(60));
	out_skip(w);
}

/* Section 3.1, slow start reduction bound: with less in flight than ssthresh as much leaves as arrives, and one segment more
 * for an ACK that makes progress and tells of no other loss (RFC 9937 section 6.2: SafeACK). */
static void slow_start_bound(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 10);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(7), SEQ(10)});
	assert_int_equal(flight_of(w, p)->lost, 7 * MSS);
	for (uint32_t i = 0; i < 3; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	out_none(w);
	assert_int_equal(p->cwnd, 3 * MSS);
	after_ms(w, RTT_MS);
	in_sack(w, SEQ(1), {SEQ(7), SEQ(10)});
	out(w, ACK, SEQ(3), MSS, 1);
	out(w, ACK, SEQ(4), MSS, 1);
	out_none(w);
	in_sack(w, SEQ(2), {SEQ(7), SEQ(10)});
	out(w, ACK, SEQ(5), MSS, 1);
	out(w, ACK, SEQ(6), MSS, 1);
	out_none(w);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(10));
	assert_int_equal(p->cwnd, 5 * MSS);
	assert_int_equal(w->t->stats.rtos, 0);
}

/* Twenty segments left a round trip ago. */
static struct tcp_pcb *twenty_away(struct world *w)
{
	struct tcp_pcb *p = sack_connected(w);

	p->cwnd = 20 * MSS;
	assert_int_equal(app_send(w, p, 1, 20 * MSS), 20 * MSS);
	host_flush(&w->h);
	out_skip(w);
	after_ms(w, RTT_MS);
	return p;
}

/* An ACK that tells of another loss is not safe: no more leaves than has arrived (packet conservation). */
static void no_more_than_arrives(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = twenty_away(w);

	in_sack(w, 1, {SEQ(12), SEQ(15)}); /* 12 lost, 5 in flight: under ssthresh 10 */
	for (uint32_t i = 0; i < 3; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	out_none(w);
	in_sack(w, 1, {SEQ(12), SEQ(15)}, {SEQ(17), SEQ(18)}); /* two more lost, one arrived */
	assert_int_equal(flight_of(w, p)->lost, 14 * MSS);
	out(w, ACK, SEQ(3), MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, SEQ(20));
}

/* What bursts of loss cost: three holes in one flight are repaired in one round trip after they are known. */
static void burst_in_one_round(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = twenty_away(w);

	for (uint32_t i = 5; i <= 20; i++) { /* 1, 2 and 4 are lost */
		in_sack_n(w, SEQ(1), i > 5 ? 2 : 1, (struct range[]){{SEQ(3), SEQ(4)}, {SEQ(5), SEQ(i)}});
	}
	out(w, ACK, SEQ(1), MSS, 1);
	out(w, ACK, SEQ(2), MSS, 1);
	out(w, ACK, SEQ(4), MSS, 1);
	out_none(w);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(20));
	assert_int_equal(p->buf, 0);
	assert_int_equal(w->t->stats.rtos, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(proportional), world_test(slow_start_bound), world_test(no_more_than_arrives), world_test(burst_in_one_round),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
