/* autotune_test.c: the receive buffer grows with what is read per round trip, as on Linux. */
#include <linux/tcp.h>

#include "world.h"

#include "tcp/ext.h"

#define RTT_MS 20

/* A connection whose round trip takes RTT_MS, with window scaling, or timestamps, too. */
static struct tcp_pcb *slow(struct world *w, bool ts, int rcvbuf)
{
	struct tcp_pcb *l = app_listen(w, 8), *p;

	if (rcvbuf != 0)
		app_opt(w, l, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	w->ts = ts;
	w->know_iss = false;
	in_seg(w, &(struct seg){.flags = SYN, .wnd = 65535, .o = {.has_mss = true, .mss = MSS, .has_wscale = true, .wscale = 7}});
	out(w, SYN | ACK, 0, 0, 1);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	return p;
}

/* One round trip: the peer sends as much as the window of the last ACK lets it, at most bytes, and the application reads it (or
 * does not). */
static uint32_t round_trip(struct world *w, struct tcp_pcb *p, uint32_t bytes, bool read)
{
	uint32_t from = p->rcv_nxt - w->peer_iss, window = p->rcv_adv - p->rcv_nxt, n = bytes < window ? bytes : window;

	after_ms(w, RTT_MS);
	w->peer_ts += RTT_MS;
	for (uint32_t at = 0; at < n; at += 1000)
		in_held(w, ACK, from + at, n - at < 1000 ? n - at : 1000, 1);
	if (read)
		while (app_recv(w, p, p->rcv_nxt - w->peer_iss - tcp_unread(w->t, p), 1 << 20) > 0)
			;
	host_flush(&w->h);
	if (out_count(w) > 0)
		out_take(w);
	out_skip(w);
	return n;
}

/* A SYN announces 64 KB and a scale for 6 MB; then it doubles with the sender's window, up to the setting. */
static void grows(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = slow(w, true, 0);
	uint32_t offered = 10000;

	w->t->rcvbuf_max = 1 << 20;
	assert_int_equal(p->wscale >> 4, 7);
	assert_int_equal(p->rcvbuf, 128 << 10);
	for (unsigned i = 0; i < 12; i++, offered *= 2) {
		uint32_t sent = round_trip(w, p, offered, true);

		assert_true(sent == (offered < 1 << 20 ? offered : 1 << 20)); /* the window was never what limited it */
	}
	assert_int_equal(p->rcvbuf, 1 << 20);
}

/* Not by timestamps, but by the time that a window takes. */
static void grows_without_timestamps(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = slow(w, false, 0);
	const struct tcp_ext *x;

	for (unsigned i = 0; i < 12; i++)
		round_trip(w, p, 500000, true);
	x = tcp_ext_of(w->t, p);
	assert_non_null(x);
	assert_true(x->drs.rtt_us8 >> 3 >= RTT_MS * 1000 - 1000 && x->drs.rtt_us8 >> 3 <= RTT_MS * 1000 + 1000);
	assert_true(p->rcvbuf >= 1000000);
}

/* What nobody reads is no reason to take more. */
static void not_unread(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = slow(w, true, 0);

	for (unsigned i = 0; i < 8; i++)
		round_trip(w, p, 30000, false);
	assert_int_equal(p->rcvbuf, 128 << 10);
}

/* SO_RCVBUF fixes it, and the scale. */
static void fixed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = slow(w, true, 100000);

	assert_int_equal(p->wscale >> 4, 2);
	for (unsigned i = 0; i < 8; i++)
		round_trip(w, p, 200000, true);
	assert_int_equal(p->rcvbuf, 200000);
}

/* Requests and small answers cost nothing. */
static void not_for_small(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = slow(w, true, 0);

	for (unsigned i = 0; i < 40; i++) {
		round_trip(w, p, 900, true);
		after_ms(w, 50);
		out_skip(w);
	}
	assert_false(p->xflags & TX_EXT);
	assert_int_equal(p->rcvbuf, 128 << 10);
	assert_int_equal(p->buf, 0);
}

/* When packet buffers are short it stays as it is. */
static void not_under_pressure(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = slow(w, true, 0);
	uint32_t held = w->t->rcv_held_max;

	for (unsigned i = 0; i < 8; i++) {
		w->t->rcv_held += held / 2;
		round_trip(w, p, 60000, true);
		w->t->rcv_held -= held / 2;
	}
	assert_int_equal(p->rcvbuf, 128 << 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(grows), world_test(grows_without_timestamps), world_test(not_unread), world_test(fixed),
		world_test(not_for_small), world_test(not_under_pressure),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
