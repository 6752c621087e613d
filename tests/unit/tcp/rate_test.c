/* rate_test.c: delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation). */
#include "tcp/ext.h"

#include "sack_world.h"

static struct tcp_rate *rate_of(struct world *w, struct tcp_pcb *p)
{
	struct tcp_ext *x = tcp_ext_need(w->t, p);

	assert_non_null(x);
	x->keep |= EXT_KEEP_INFO;
	return &x->rate;
}

/* 3.3: from when the flight began to be delivered; each sample is over a round trip. */
static void acknowledged(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	struct tcp_rate *r = rate_of(w, p);

	sent(w, p, 0, 10);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(2));
	assert_int_equal(r->last_bytes, 2 * MSS);
	assert_int_equal(r->last_us, 100000);
	after_ms(w, 10);
	in(w, ACK, 1, 0, SEQ(4));
	assert_int_equal(r->last_bytes, 4 * MSS);
	assert_int_equal(r->last_us, 110000);
	assert_int_equal(r->delivered, 4 * MSS);
	sent(w, p, 10, 2); /* when four had been delivered */
	after_ms(w, 90);
	in(w, ACK, 1, 0, SEQ(10));
	assert_int_equal(r->last_bytes, 10 * MSS);
	after_ms(w, 10);
	in(w, ACK, 1, 0, SEQ(12));
	assert_int_equal(r->last_bytes, 8 * MSS);
	assert_int_equal(r->last_us, 110000); /* it took so long to send them, and 100 ms to hear of them */
	assert_true(r->last_app_limited);
}

/* What is SACKed counts then, and not again when it is acknowledged. */
static void sacked(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	struct tcp_rate *r = rate_of(w, p);

	sent(w, p, 0, 6);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(3)});
	assert_int_equal(r->delivered, 2 * MSS);
	assert_int_equal(r->last_bytes, 2 * MSS);
	in(w, ACK, 1, 0, SEQ(3));
	assert_int_equal(r->delivered, 3 * MSS);
	in(w, ACK, 1, 0, SEQ(6));
	assert_int_equal(r->delivered, 6 * MSS);
}

/* One segment at a time needs no records. */
static void single(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	struct tcp_rate *r = rate_of(w, p);

	sent(w, p, 0, 1);
	assert_int_equal(tcp_buf_of(w->t, p)->flight, 0);
	after_ms(w, 50);
	in(w, ACK, 1, 0, SEQ(1));
	assert_int_equal(r->last_bytes, MSS);
	assert_int_equal(r->last_us, 50000);
	assert_int_equal(r->delivered, MSS);
	assert_int_equal(w->t->flights.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {world_test(acknowledged), world_test(sacked), world_test(single)};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
