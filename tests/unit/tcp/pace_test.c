/* pace_test.c: SO_MAX_PACING_RATE: what leaves when. */
#include "tcp/ext.h"

#include "world.h"

static void rate_set(struct world *w, struct tcp_pcb *p, uint64_t rate)
{
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), 0);
}

/* 1 MB/s: two segments (more than a millisecond of it) at a time, 2.92 ms apart, give or take a tick; never faster on average. */
static void two_segments(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint64_t start_ns = w->h.clock.now_ns;

	rate_set(w, p, 1000000);
	assert_int_equal(app_send(w, p, 1, 8 * MSS), 8 * MSS);
	for (uint32_t i = 0; i < 8; i += 2) {
		assert_in_range((w->h.clock.now_ns - start_ns) / 1000, i * MSS, i * MSS + 2 * TICK_US);
		out(w, ACK, 1 + i * MSS, MSS, 1);
		out(w, ACK, 1 + (i + 1) * MSS, MSS, 1);
		out_none(w);
		if (i < 6)
			quiet_then(w, ((i + 2) * MSS + TICK_US - 1) / TICK_US * TICK_US - (w->h.clock.now_ns - start_ns) / 1000);
	}
	in(w, ACK, 1, 0, 1 + 8 * MSS);
	quiet_for_ms(w, 500);
}

/* 100 MB/s: a millisecond of data in one go. */
static void millisecond(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	unsigned n;

	rate_set(w, p, 100000000);
	p->cwnd = 1000 * MSS;
	p->snd_wnd = 2000 * MSS;
	assert_int_equal(app_send(w, p, 1, 300 * MSS), 300 * MSS);
	for (int i = 0; i < 50; i++) /* TCP_OUT_BURST at a time */
		host_flush(&w->h);
	n = out_count(w);
	assert_in_range(n, (100000000 >> 10) / MSS, (100000000 >> 10) / MSS + 1);
	after_us(w, 1000);
	for (int i = 0; i < 50; i++)
		host_flush(&w->h);
	assert_in_range(out_count(w), 100000 / MSS, 100000 / MSS * 2 + 4);
	out_skip(w);
}

/* A time without data is made good by half a burst at most. */
static void no_credit(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	rate_set(w, p, 1000000);
	assert_int_equal(app_send(w, p, 1, MSS), MSS);
	out(w, ACK, 1, MSS, 1);
	in(w, ACK, 1, 0, 1 + MSS);
	after_ms(w, 150);
	assert_int_equal(app_send(w, p, 1 + MSS, 8 * MSS), 8 * MSS);
	out(w, ACK, 1 + MSS, MSS, 1);
	out(w, ACK, 1 + 2 * MSS, MSS, 1);
	out_none(w);
	quiet_then(w, 1500);
	out(w, ACK, 1 + 3 * MSS, MSS, 1);
	out(w, ACK, 1 + 4 * MSS, MSS, 1);
	out_none(w);
	quiet_then(w, 2900);
	out_skip(w);
}

/* Data that waited for its time leaves late when the core looks late: the rate holds ... */
static void stalled(struct world *w, uint64_t stall_ms, unsigned segs)
{
	struct tcp_pcb *p = app_connected(w);

	rate_set(w, p, 1000000);
	p->cwnd = 100 * MSS;
	assert_int_equal(app_send(w, p, 1, 40 * MSS), 40 * MSS);
	assert_int_equal(out_count(w), 2);
	host_time(&w->h, w->h.clock.now_ns + stall_ms * 1000000);
	assert_int_equal(out_count(w), 2 + segs);
	host_time(&w->h, w->h.clock.now_ns + 500000); /* and then it is in step again */
	assert_int_equal(out_count(w), 2 + segs);
	out_skip(w);
}

static void late_turn(void **state) { stalled(*state, 8, 5); }

/* ... over stalls of up to TCP_PACE_LATE_NS. */
static void very_late_turn(void **state) { stalled(*state, 100, 8); }

/* No limit any more: all leaves at once; and without one nothing is paced. */
static void lifted(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t none = UINT32_MAX;

	rate_set(w, p, 100000);
	assert_true(p->xflags & TX_PACED);
	assert_int_equal(app_send(w, p, 1, 8 * MSS), 8 * MSS);
	assert_int_equal(out_count(w), 2);
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &none, sizeof(none)), 0);
	assert_false(p->xflags & TX_PACED);
	host_flush(&w->h);
	assert_int_equal(out_count(w), 8);
	out_skip(w);
}

/* Set before connect() it counts from the first byte on; retransmissions wait for their time too. */
static void before_connect(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	rate_set(w, p, 1000000);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, ACK, 1, 0, 1);
	assert_true(p->xflags & TX_PACED);
	assert_int_equal(app_send(w, p, 1, 3 * MSS), 3 * MSS);
	assert_int_equal(out_count(w), 2);
	out_skip(w);
	app_close(w, p);
}

static void value_read(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t small = 77, len = sizeof(small);
	uint64_t large;

	assert_int_equal(tcp_getopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &small, &len), 0);
	assert_int_equal(small, UINT32_MAX);
	rate_set(w, p, 5000000000ull);
	assert_int_equal(tcp_getopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &small, &len), 0);
	assert_int_equal(small, UINT32_MAX); /* does not fit */
	len = sizeof(large);
	assert_int_equal(tcp_getopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &large, &len), 0);
	assert_true(large == 5000000000ull);
	small = 1234;
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &small, 2), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &small, sizeof(small)), 0);
	assert_int_equal(tcp_getopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &large, &len), 0);
	assert_true(large == 1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(two_segments), world_test(millisecond), world_test(no_credit), world_test(late_turn),
		world_test(very_late_turn), world_test(lifted), world_test(before_connect), world_test(value_read),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
