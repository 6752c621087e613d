/* loss_test.c: retransmission, congestion control, window probes, keepalive. */
#include "tcp/rtx.h"

#include "world.h"

static void rtt_estimator(void **state)
{
	struct tcp_pcb p = {0};

	(void)state;
	assert_int_equal(tcp_rtt_rto_us(&p), 1000000);  /* RFC 6298 2.1 */
	tcp_rtt_sample(&p, 400000);                     /* 2.2: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR */
	assert_int_equal(tcp_rtt_rto_us(&p), 1200000);
	tcp_rtt_sample(&p, 400000);                     /* 2.3: RTTVAR = 3/4 * 200 ms */
	assert_int_equal(tcp_rtt_rto_us(&p), 1000000);
	tcp_rtt_sample(&p, 800000);                     /* RTTVAR = 3/4 * 150 + 1/4 * 400 = 212.5, SRTT = 450 */
	assert_int_equal(tcp_rtt_rto_us(&p), 1300000);
	for (int i = 0; i < 100; i++)
		tcp_rtt_sample(&p, 10);
	assert_in_range(tcp_rtt_rto_us(&p), 200010, 200020); /* a variance of 200 ms at least */
	p.backoff = 3;
	assert_in_range(tcp_rtt_rto_backed_us(&p), 1600080, 1600160);
	p = (struct tcp_pcb){0};
	tcp_rtt_sample(&p, 300000);
	for (int i = 0; i < 100; i++)
		tcp_rtt_sample(&p, 300000);
	assert_int_equal(tcp_rtt_rto_us(&p), 500000); /* an RTT that never varies is no reason for a timeout right behind it */
	p.backoff = 60;
	assert_int_equal(tcp_rtt_rto_backed_us(&p), 120000000);
}

/* RFC 6298 5.4 to 5.6: again after RTO, twice RTO, ... and Karn's rule. */
static void rto_backoff(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t srtt;

	assert_int_equal(app_send(w, p, 1, MSS), MSS);
	out(w, ACK, 1, MSS, 1);
	assert_int_equal(p->cwnd, 10 * MSS);
	for (unsigned times = 1; times <= 16; times *= 2) {
		quiet_then_rto(w, times);
		out(w, ACK, 1, MSS, 1);
		out_none(w);
		assert_int_equal(p->cwnd, MSS);
		assert_int_equal(p->ssthresh, 2 * MSS);
	}
	assert_int_equal(w->t->stats.rtos, 5);
	srtt = p->srtt_us8;
	in(w, ACK, 1, 0, 1 + MSS);
	assert_int_equal(p->srtt_us8, srtt);
	assert_int_equal(p->backoff, 0);
	assert_int_equal(app_send(w, p, 1 + MSS, 540), 540);
	out(w, ACK, 1 + MSS, 540, 1);
	in(w, ACK, 1, 0, 2001);
	quiet_for_ms(w, 5000);
}

/* Without SACK the ACK of a hole that was filled late covers what had arrived long before: none of it is a measure (RFC
 * 6298 3). */
static void rtt_of_a_filled_hole(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t srtt;

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	after_ms(w, 40);
	in(w, ACK, 1, 0, 101);
	srtt = p->srtt_us8;
	assert_int_equal(app_send(w, p, 101, 3 * MSS), 3 * MSS);
	for (uint32_t i = 0; i < 3; i++)
		out(w, ACK, 101 + i * MSS, MSS, 1);
	in(w, ACK, 1, 0, 101); /* the second and third have arrived */
	in(w, ACK, 1, 0, 101);
	after_ms(w, 3000);
	out_skip(w);
	in(w, ACK, 1, 0, 101 + 3 * MSS);
	assert_int_equal(p->srtt_us8, srtt);
}

/* With timestamps the time of a retransmitted segment is known (RFC 7323 4.1). */
static void rtt_from_timestamp(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->ts = true;
	p = app_connected(w);
	assert_true(p->tflags & TF_TS);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	quiet_then_rto(w, 1);
	out(w, ACK, 1, 100, 1);
	after_ms(w, 150);
	in(w, ACK, 1, 0, 101);
	assert_in_range(p->srtt_us8 >> 3, 10000, 30000); /* 1/8 of 150 ms beside a handshake of no time */
}

/* RFC 6298 5.3: progress restarts the timer. */
static void rto_restart(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 3 * MSS), 3 * MSS);
	out_skip(w);
	after_ms(w, 150);
	in(w, ACK, 1, 0, 1 + MSS); /* also a sample of 150 ms */
	assert_int_equal(p->srtt_us8 >> 3, 18750);
	quiet_then(w, (tcp_rtt_rto_us(p) + TICK_US - 1) / TICK_US * TICK_US);
	out(w, ACK, 1 + MSS, MSS, 1);
	in(w, ACK, 1, 0, 1 + 3 * MSS);
	out_none(w);
}

static void retries_spent(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint64_t start_ns = w->h.clock.now_ns;
	unsigned n = 0;

	assert_int_equal(app_send(w, p, 1, 10), 10);
	while (p->state == TCP_ESTABLISHED) {
		after_ms(w, 100);
		n += out_count(w);
		out_skip(w);
	}
	assert_int_equal(n, 1 + TCP_RETRIES);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
	assert_in_range((w->h.clock.now_ns - start_ns) / 1000000000, 924, 926); /* as Linux says of tcp_retries2 15 */
}

static void user_timeout(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */, 1000);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	after_us(w, 1000000 - 2 * TICK_US);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	after_us(w, 2 * TICK_US);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
	out_skip(w);
}

/* The longest that can be asked for are more than the clock of ticks holds: they count for days, not for what is left of them. */
static void user_timeout_of_days(void **state)
{
	static const int ms[] = {429496730, 430000000, INT32_MAX};
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		struct tcp_pcb *p;

		w->know_iss = false;
		p = app_connected(w);
		app_opt(w, p, IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */, ms[i]);
		assert_int_equal(app_send(w, p, 1, 10), 10);
		for (unsigned min = 0; min < 60; min++) {
			after_ms(w, 60000);
			out_skip(w);
		}
		assert_int_equal(p->state, TCP_ESTABLISHED);
		tcp_opt_need(w->t, p)->user_timeout_ms = 1;
		after_ms(w, 120000);
		out_skip(w);
		assert_int_equal(p->state, TCP_CLOSED);
	}
}

/* Hundreds of retransmissions: the last are as far apart as those before them, and it does not begin anew. */
static void backoff_saturates(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */, 50000000);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	for (unsigned h = 0; h < 13; h++) {
		unsigned n = 0;

		for (unsigned min = 0; min < 60; min++) {
			after_ms(w, 60000);
			n += out_count(w);
			out_skip(w);
		}
		assert_true(h == 0 || n <= 31);
		assert_true(n >= 29);
	}
	assert_int_equal(p->backoff, UINT8_MAX);
	after_ms(w, 50000000 - 13 * 3600000);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
	out_skip(w);
}

/* RFC 5681 3.2, RFC 3042: two new segments on the first two duplicates, the lost one on the third. ssthresh is half of what was
 * in flight without these two. Then PRR (RFC 6937): half a segment for each that arrives, until the window is ssthresh. */
static void fast_retransmit(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 30 * MSS), 30 * MSS);
	for (uint32_t i = 0; i < 10; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	in(w, ACK, 1, 0, 1);
	out(w, ACK, 1 + 10 * MSS, MSS, 1);
	in(w, ACK, 1, 0, 1);
	out(w, ACK, 1 + 11 * MSS, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1);
	out(w, ACK, 1, MSS, 1);
	assert_int_equal(p->ssthresh, 5 * MSS);
	assert_int_equal(p->cwnd, 9 * MSS); /* 12, less 3 that arrived and the lost one, and its repetition */
	for (unsigned i = 0; i < 2; i++) {
		in(w, ACK, 1, 0, 1);
		out_none(w);
	}
	in(w, ACK, 1, 0, 1); /* four have arrived since: two may have left */
	out(w, ACK, 1 + 12 * MSS, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1 + 12 * MSS); /* full acknowledgment of what was out at the loss */
	assert_int_equal(p->cwnd, 5 * MSS);
	assert_false(p->tflags & TF_RECOVERY);
	for (uint32_t i = 13; i < 17; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	out_none(w);
	assert_int_equal(w->t->stats.fast_rtx, 1);
	assert_int_equal(w->t->stats.rtos, 0);
}

/* RFC 6582 3.2 step 3 (2): a partial ACK retransmits the next hole at once. */
static void newreno_partial_ack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 10 * MSS), 10 * MSS);
	out_skip(w);
	for (unsigned i = 0; i < 3; i++)
		in(w, ACK, 1, 0, 1);
	out(w, ACK, 1, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1 + 4 * MSS);
	out(w, ACK, 1 + 4 * MSS, MSS, 1);
	assert_true(p->tflags & TF_RECOVERY);
	in(w, ACK, 1, 0, 1 + 7 * MSS);
	out(w, ACK, 1 + 7 * MSS, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1 + 10 * MSS);
	out_none(w);
	assert_false(p->tflags & TF_RECOVERY);
	assert_int_equal(p->cwnd, 5 * MSS);
	assert_int_equal(w->t->stats.fast_rtx, 1);
}

/* What does not count as a duplicate (RFC 5681 section 2). */
static void not_duplicates(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	for (unsigned i = 0; i < 5; i++)
		in(w, ACK, 1, 0, 1); /* nothing is out */
	assert_int_equal(app_send(w, p, 1, 3 * MSS), 3 * MSS);
	out_skip(w);
	for (uint16_t i = 0; i < 5; i++)
		in_wnd(w, ACK, 1, 0, 1, 60000 + i); /* window updates */
	for (unsigned i = 0; i < 4; i++)
		in_wnd(w, ACK, 1 + i * 100, 100, 1, 60004); /* data */
	assert_int_equal(w->t->stats.dup_acks, 0);
	out_skip(w);
}

/* After an RTO all is sent again in slow start, and its duplicates start no recovery. */
static void go_back(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 8 * MSS), 8 * MSS);
	out_skip(w);
	quiet_then_rto(w, 1);
	out(w, ACK, 1, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1 + MSS);
	out(w, ACK, 1 + MSS, MSS, 1);
	out(w, ACK, 1 + 2 * MSS, MSS, 1);
	out_none(w);
	for (unsigned i = 0; i < 5; i++)
		in(w, ACK, 1, 0, 1 + MSS);
	assert_int_equal(w->t->stats.fast_rtx, 0);
	out_none(w);
	in(w, ACK, 1, 0, 1 + 6 * MSS);
	out(w, ACK, 1 + 6 * MSS, MSS, 1);
	out(w, ACK, 1 + 7 * MSS, MSS, 1);
	in(w, ACK, 1, 0, 1 + 8 * MSS);
	assert_false(p->tflags & TF_LOSS);
}

/* RFC 5681 3.1: above ssthresh a window's worth of ACKs adds one segment. */
static void congestion_avoidance(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t una = 1;

	p->ssthresh = p->cwnd = 10 * MSS;
	assert_int_equal(app_send(w, p, 1, 100 * MSS), 100 * MSS);
	for (unsigned round = 0; round < 3; round++) {
		uint32_t cwnd = p->cwnd, n = cwnd / MSS;

		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(p->cwnd, cwnd);
			una += MSS;
			in(w, ACK, 1, 0, una);
			out_skip(w);
		}
		assert_int_equal(p->cwnd, cwnd + MSS);
	}
}

/* RFC 7661: an unused window does not grow. RFC 5681 4.1: an idle one shrinks. */
static void window_validation(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out_skip(w);
	in(w, ACK, 1, 0, 101);
	assert_int_equal(p->cwnd, 10 * MSS);
	p->cwnd = 50 * MSS;
	after_ms(w, 5000);
	assert_int_equal(app_send(w, p, 101, 40 * MSS), 40 * MSS);
	assert_int_equal(out_count(w), 10);
	assert_int_equal(p->cwnd, 10 * MSS);
	out_skip(w);
}

/* RFC 9293 3.8.6.1: a closed window is probed with a segment that asks for an ACK, more and more rarely, for as long as the peer
 * answers. */
static void zero_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_wnd(w, ACK, 1, 0, 1, 0);
	assert_int_equal(app_send(w, p, 1, 3000), 3000);
	out_none(w);
	for (unsigned i = 0; i < 30; i++) {
		if (i < 10 && (TCP_RTO_MIN_US << i) < TCP_RTO_MAX_US)
			quiet_then_rto(w, 1u << i);
		else
			quiet_then(w, TCP_RTO_MAX_US);
		out(w, ACK, 0, 0, 1);
		in_wnd(w, ACK, 1, 0, 1, 0);
		out_none(w);
	}
	assert_int_equal(p->state, TCP_ESTABLISHED);
	in_wnd(w, ACK, 1, 0, 1, 5000); /* opens: at once, all of it */
	out(w, ACK, 1, MSS, 1);
	out(w, ACK, 1 + MSS, MSS, 1);
	in_wnd(w, ACK, 1, 0, 1 + 2 * MSS, 5000);
	out(w, ACK, 1 + 2 * MSS, 80, 1);
	assert_int_equal(p->backoff, 0);
}

/* Both ends have closed their windows and probe; then both open. */
static void zero_windows(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_wnd(w, ACK, 1, 0, 1, 0);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	quiet_then_rto(w, 1);
	out(w, ACK, 0, 0, 1);
	in_wnd(w, ACK, 0, 0, 1, 0); /* the peer's probe, whose window is still closed */
	out(w, ACK, 1, 0, 1);
	in_wnd(w, ACK, 1, 1, 1, 0); /* or a peer that probes with data: it is taken, and our numbers do not fall behind */
	out_skip(w);
	in_wnd(w, ACK, 2, 0, 1, 1000);
	out(w, ACK, 1, 100, 2);
}

static void zero_window_unanswered(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	unsigned n = 0;

	in_wnd(w, ACK, 1, 0, 1, 0);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	while (p->state == TCP_ESTABLISHED) {
		after_ms(w, 100);
		n += out_count(w);
		out_skip(w);
	}
	assert_int_equal(n, TCP_RETRIES);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
}

/* The window closes over what is in flight: the RTO turns into probing. */
static void window_closes_in_flight(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 2 * MSS), 2 * MSS);
	out_skip(w);
	in_wnd(w, ACK, 1, 0, 1, 0);
	quiet_then_rto(w, 1);
	out(w, ACK, 0, 0, 1);
	in_wnd(w, ACK, 1, 0, 1, 0);
	quiet_then_rto(w, 2);
	out(w, ACK, 0, 0, 1);
	in_wnd(w, ACK, 1, 0, 1, 4000);
	out(w, ACK, 1, MSS, 1);
	out(w, ACK, 1 + MSS, MSS, 1);
	in(w, ACK, 1, 0, 1 + 2 * MSS);
	assert_int_equal(p->buf, 0);
}

static void keepalive_options(struct world *w, struct tcp_pcb *p)
{
	app_opt(w, p, IPPROTO_TCP, 4 /* TCP_KEEPIDLE */, 10);
	app_opt(w, p, IPPROTO_TCP, 5 /* TCP_KEEPINTVL */, 5);
	app_opt(w, p, IPPROTO_TCP, 6 /* TCP_KEEPCNT */, 3);
	app_opt(w, p, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* RFC 9293 3.8.4 */
/* RFC 1122 4.2.3.6: an idle connection is probed, and not for ever. */
static void keepalive_gives_up(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	keepalive_options(w, p);
	quiet_then_ms(w, 10000);
	out(w, ACK, 0, 0, 1);
	quiet_then_ms(w, 5000);
	out(w, ACK, 0, 0, 1);
	quiet_then_ms(w, 5000);
	out(w, ACK, 0, 0, 1);
	quiet_then_ms(w, 5000);
	out(w, RST | ACK, 1, 0, 1);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
}

/* While something is in flight retransmission watches the peer, whatever he is silent about (RFC 9293 3.8.4, Linux). */
static void keepalive_waits_for_retransmission(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	unsigned n = 0;

	keepalive_options(w, p);
	after_ms(w, 5000);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	after_ms(w, 40000); /* more than keepalive would wait */
	for (; out_take(w); n++) {
		assert_int_equal(w->got.seq, 1); /* the text, and never the number before it */
		assert_int_equal(w->got.len, 100);
	}
	assert_in_range(n, 5, 10);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	in(w, ACK, 1, 0, 101);
	quiet_then_ms(w, 10000); /* from when he was last heard */
	out(w, ACK, 100, 0, 1);
	in(w, ACK, 1, 0, 101);
}

static void keepalive_answered(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	keepalive_options(w, p);
	for (unsigned i = 0; i < 5; i++) {
		quiet_then_ms(w, 10000);
		out(w, ACK, 0, 0, 1);
		quiet_then_ms(w, 5000);
		out(w, ACK, 0, 0, 1);
		in(w, ACK, 1, 0, 1);
	}
	after_ms(w, 9000);
	in(w, ACK, 1, 10, 1); /* data too shows that the peer lives */
	after_ms(w, 9900);
	out(w, ACK, 1, 0, 11);
	out_none(w);
	quiet_then_ms(w, 100);
	out(w, ACK, 0, 0, 11);
	app_opt(w, p, SOL_SOCKET, SO_KEEPALIVE, 0);
	quiet_for_ms(w, 60000);
	in(w, ACK, 0, 0, 1); /* the peer's probe */
	out(w, ACK, 1, 0, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtt_estimator), world_test(rto_backoff), world_test(rtt_of_a_filled_hole), world_test(rtt_from_timestamp), world_test(rto_restart),
		world_test(retries_spent), world_test(user_timeout), world_test(user_timeout_of_days),
		world_test(backoff_saturates), world_test(fast_retransmit), world_test(newreno_partial_ack),
		world_test(not_duplicates), world_test(go_back), world_test(congestion_avoidance), world_test(window_validation),
		world_test(zero_window), world_test(zero_windows), world_test(zero_window_unanswered),
		world_test(window_closes_in_flight), world_test(keepalive_gives_up), world_test(keepalive_waits_for_retransmission), world_test(keepalive_answered),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
