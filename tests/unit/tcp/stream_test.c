/* stream_test.c: data in order and out of order, acknowledgments, windows, Nagle. */
#include "world.h"

#include "tcp/ooo.h"

/* RFC 9293 3.8.6.3: one small segment is acknowledged after 40 ms, unless data goes the other way before. */
static void delayed_ack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	in(w, ACK | PSH, 1, 100, 1);
	out_none(w);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 101);
	in(w, ACK | PSH, 101, 100, 1);
	after_ms(w, 20);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 201);
	in(w, ACK, 201, 0, 11);
	quiet_for_ms(w, 1000);
	assert_int_equal(app_recv(w, p, 1, 500), 200);
}

/* RFC 5681 4.2: every second full-sized segment at once, also when the device has joined several; and one duplicate ACK for
 * each behind a gap, for the peer counts them. */
static void ack_of_joined_segments(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	w->rx_segsz = 600;
	in(w, ACK, 1, 1800, 1);
	out(w, ACK, 1, 0, 1801);
	assert_int_equal(p->rcv_mss, 600);
	w->rx_segsz = 0;
	in(w, ACK, 1801, 600, 1);
	out_none(w);
	in(w, ACK, 2401, 600, 1);
	out(w, ACK, 1, 0, 3001);
	w->rx_segsz = 600;
	in(w, ACK, 3601, 1700, 1);
	for (int i = 0; i < 3; i++)
		out(w, ACK, 1, 0, 3001);
	out_none(w);
	/* Not marked, but more than a segment may have. */
	w->rx_segsz = 0;
	in(w, ACK, 3001, 600, 1);
	out(w, ACK, 1, 0, 5301);
	in(w, ACK, 5301, 1900, 1);
	assert_int_equal(p->rcv_mss, MSS);
	app_recv(w, p, 1, 7200);
}

/* RFC 5681 4.2: every second full-sized segment at once. */
static void ack_every_second(void **state)
{
	struct world *w = *state;

	app_accepted(w);
	in(w, ACK, 1, MSS, 1);
	out_none(w);
	in(w, ACK, 1 + MSS, MSS, 1);
	out(w, ACK, 1, 0, 1 + 2 * MSS);
	for (unsigned i = 2; i < 12; i++) /* one ACK for all of a burst */
		in_held(w, ACK, 1 + i * MSS, MSS, 1);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 1 + 12 * MSS);
	quiet_for_ms(w, 100);
}

/* RFC 5681 4.2: out of order at once, one for each segment, also within one poll; a filled gap at once. */
static void ack_out_of_order(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	for (unsigned i = 1; i <= 3; i++)
		in_held(w, ACK, 1 + i * 100, 100, 1);
	host_flush(&w->h);
	for (unsigned i = 0; i < 3; i++)
		out(w, ACK, 1, 0, 1);
	out_none(w);
	assert_int_equal(tcp_unread(w->t, p), 0);
	in(w, ACK, 1, 100, 1);
	out(w, ACK, 1, 0, 401);
	assert_int_equal(app_recv(w, p, 1, 1000), 400);
	in(w, ACK, 1, 100, 1); /* an old one */
	out(w, ACK, 1, 0, 401);
	in(w, ACK, 301, 200, 1); /* half old */
	out(w, ACK, 1, 0, 501);
	assert_int_equal(app_recv(w, p, 401, 1000), 100);
	assert_int_equal(w->t->stats.ooo_segs, 3);
}

/* Segments of any place and length in any order, until the stream is whole. */
static void reassembly_random(struct world *w, uint32_t first_seq, uint32_t split)
{
	struct tcp_pcb *l, *p;
	struct prng r;
	uint32_t got = 1;

	prng_seed(&r, first_seq + split);
	w->peer_iss = first_seq;
	w->know_iss = false;
	l = app_listen(w, 8);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	w->rx_split = split;
	while (p->rcv_nxt - w->peer_iss < 20001) {
		uint32_t at = 1 + prng_below(&r, 20000), len = 1 + prng_below(&r, 1400);

		if (prng_below(&r, 50) == 0)
			at = p->rcv_nxt - w->peer_iss; /* else the last gaps take long to hit */
		if (at + len > 20001)
			len = 20001 - at;
		in_held(w, ACK, at, len, 1);
		if (prng_below(&r, 10) == 0) {
			ssize_t n = app_recv(w, p, got, prng_below(&r, 3000) + 1);

			got += n > 0 ? (uint32_t)n : 0;
			out_skip(w);
		}
	}
	while (got < 20001) {
		ssize_t n = app_recv(w, p, got, 100000);

		assert_true(n > 0);
		got += (uint32_t)n;
	}
	assert_int_equal(p->buf, 0);
	out_skip(w);
	w->rx_split = 0;
	app_close(w, l);
	tcp_disconnect(w->t, p);
	tcp_close(w->t, p);
	host_flush(&w->h);
	out_skip(w);
}

static void reassembly(void **state)
{
	struct world *w = *state;

	for (uint32_t i = 0; i < 20; i++)
		reassembly_random(w, 5000 + i, 0);
	for (uint32_t i = 0; i < 5; i++)
		reassembly_random(w, 9000 + i, 50 + i * 111);
	for (uint32_t i = 0; i < 10; i++)
		reassembly_random(w, (uint32_t)-10000 + i * 300, 0); /* through 2^32 */
}

static void ooo_limit(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	for (uint32_t i = 0; i < TCP_OOO_BLOCKS_MAX + 10; i++)
		in_held(w, ACK, 3 + i * 2, 1, 1);
	assert_int_equal(tcp_ooo_of(w->t, tcp_buf_of(w->t, p))->n, TCP_OOO_BLOCKS_MAX);
	assert_int_equal(w->h.drops.n[DROP_TCP_OOO_FULL], 10);
	host_flush(&w->h);
	out_skip(w);
}

/* Tinygrams share mbufs. */
static void coalescing(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	for (uint32_t i = 0; i < 3000; i++)
		in_held(w, ACK, 1 + i, 1, 1);
	host_flush(&w->h);
	out_skip(w);
	assert_true(rte_mempool_in_use_count(world_pool()) <= 4);
	assert_int_equal(app_recv(w, p, 1, 5000), 3000);
}

static void peek_and_discard(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);
	uint8_t b[100];
	struct iovec iov[2] = {{.iov_base = b, .iov_len = 30}, {.iov_base = b + 30, .iov_len = 20}};

	assert_int_equal(app_recv(w, p, 1, 10), -EAGAIN);
	in(w, ACK, 1, 60, 1);
	in(w, ACK, 61, 40, 1);
	assert_int_equal(tcp_recv(w->t, p, iov, 2, MSG_PEEK), 50);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(b[i], world_byte(1 + i));
	assert_int_equal(tcp_unread(w->t, p), 100);
	assert_int_equal(tcp_recv(w->t, p, iov, 1, MSG_TRUNC), 30);
	assert_int_equal(app_recv(w, p, 31, 200), 70);
	assert_int_equal(p->buf, 0);
}

/* RFC 9293 3.7.4, in Minshall's form. */
static void nagle(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	assert_int_equal(app_send(w, p, 101, 50), 50);
	out_none(w);
	assert_int_equal(app_send(w, p, 151, MSS), MSS); /* a full one may go, the rest waits */
	out(w, ACK, 101, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 101); /* the small one has arrived; the full one need not have */
	out(w, ACK, 101 + MSS, 50, 1);
	assert_int_equal(app_send(w, p, 151 + MSS, 10), 10);
	in(w, ACK, 1, 0, 101 + MSS);
	out_none(w);
	in(w, ACK, 1, 0, 151 + MSS);
	out(w, ACK, 151 + MSS, 10, 1);
	in(w, ACK, 1, 0, 161 + MSS);
	assert_int_equal(app_send(w, p, 161 + MSS, 2 * MSS + 20), 2 * MSS + 20); /* the end of a message goes with it */
	out(w, ACK, 161 + MSS, MSS, 1);
	out(w, ACK, 161 + 2 * MSS, MSS, 1);
	out(w, ACK, 161 + 3 * MSS, 20, 1);
	assert_int_equal(app_send(w, p, 181 + 3 * MSS, 5), 5);
	out_none(w);
	in(w, ACK, 1, 0, 181 + 3 * MSS);
	out(w, ACK, 181 + 3 * MSS, 5, 1);
	app_opt(w, p, IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
	assert_int_equal(app_send(w, p, 186 + 3 * MSS, 5), 5);
	out(w, ACK, 186 + 3 * MSS, 5, 1);
}

static void cork(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_TCP, 3 /* TCP_CORK */, 1);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out_none(w);
	app_opt(w, p, IPPROTO_TCP, 3, 0);
	host_flush(&w->h);
	out(w, ACK, 1, 100, 1);
	in(w, ACK, 1, 0, 101);
	assert_int_equal(app_send_flags(w, p, 101, 10, MSG_MORE), 10);
	out_none(w);
	assert_int_equal(app_send(w, p, 111, 10), 10);
	out(w, ACK, 101, 20, 1);
	in(w, ACK, 1, 0, 121);
	assert_int_equal(app_send_flags(w, p, 121, 10, MSG_MORE), 10);
	quiet_then_rto(w, 1); /* but not for ever */
	out(w, ACK, 121, 10, 1);
	in(w, ACK, 1, 0, 131);
	app_opt(w, p, IPPROTO_TCP, 3, 1);
	assert_int_equal(app_send(w, p, 131, 10), 10);
	out_none(w);
	app_opt(w, p, IPPROTO_TCP, 1 /* TCP_NODELAY */, 1); /* sends what is there, though it is corked (tcp(7)) */
	host_flush(&w->h);
	out(w, ACK, 131, 10, 1);
	in(w, ACK, 1, 0, 141);
	assert_int_equal(app_send(w, p, 141, 10), 10); /* and no more than that */
	out_none(w);
	app_opt(w, p, IPPROTO_TCP, 3, 0);
	host_flush(&w->h);
	out(w, ACK, 141, 10, 1);
	in(w, ACK, 1, 0, 151);
	assert_int_equal(app_send_flags(w, p, 151, 10, MSG_MORE), 10);
	app_close(w, p); /* FIN pushes */
	out(w, ACK | FIN, 151, 10, 1);
}

/* MSG_MORE holds back until something was acknowledged, and no longer (as Linux). */
static void more_until_ack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
	assert_int_equal(app_send_flags(w, p, 1, 2 * MSS + 100, MSG_MORE), 2 * MSS + 100);
	out(w, ACK, 1, MSS, 1);
	out(w, ACK, 1 + MSS, MSS, 1);
	out_none(w);
	after_ms(w, 10);
	in(w, ACK, 1, 10, 1); /* acknowledges nothing */
	out_none(w);
	in(w, ACK, 11, 0, 1 + MSS);
	out(w, ACK, 1 + 2 * MSS, 100, 11);
	assert_int_equal(app_send_flags(w, p, 101 + 2 * MSS, 10, MSG_MORE), 10); /* that was of the one before */
	out_none(w);
	in(w, ACK, 11, 0, 101 + 2 * MSS);
	out(w, ACK, 101 + 2 * MSS, 10, 11);
}

/* MSG_EOR: no segment has bytes of two records; all but the last one go whatever Nagle says. */
static void records(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	const uint32_t at = 1 + 10 * MSS;

	assert_int_equal(app_send(w, p, 1, 10 * MSS + 400), 10 * MSS + 400);
	for (uint32_t i = 0; i < 10; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	out_none(w);
	for (uint32_t i = 0; i < 3; i++) /* the first one joins what has no end */
		assert_int_equal(app_send_flags(w, p, at + 400 + i * 300, 300, MSG_EOR), 300);
	assert_int_equal(app_send(w, p, at + 1300, 2 * MSS), 2 * MSS);
	in(w, ACK, 1, 0, at);
	out(w, ACK, at, 700, 1);
	out(w, ACK, at + 700, 300, 1);
	out(w, ACK, at + 1000, 300, 1);
	out(w, ACK, at + 1300, MSS, 1);
	out(w, ACK, at + 1300 + MSS, MSS, 1);
	out_none(w);
	quiet_then_rto(w, 1); /* nor when it goes again */
	out(w, ACK, at, 700, 1);
	out(w, ACK, at + 700, 300, 1);
	out(w, ACK, at + 1000, 300, 1);
	out_none(w); /* a window of one segment */
	in(w, ACK, 1, 0, at + 1300 + 2 * MSS);
	out_none(w);
	assert_int_equal(w->t->bufs.used, 0); /* nothing of it is left */
	assert_int_equal(app_send_flags(w, p, at + 1300 + 2 * MSS, MSS + 100, MSG_EOR), MSS + 100); /* larger than a segment */
	out(w, ACK, at + 1300 + 2 * MSS, MSS, 1);
	out(w, ACK, at + 1300 + 3 * MSS, 100, 1);
	assert_int_equal(app_send(w, p, at + 1400 + 3 * MSS, 50), 50); /* the last one: it waits */
	out_none(w);
	in(w, ACK, 1, 0, at + 1400 + 3 * MSS);
	out(w, ACK, at + 1400 + 3 * MSS, 50, 1);
}

/* A record whose end did not fit is none yet: its caller sends the rest with the flag again. */
static void record_in_parts(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, SOL_SOCKET, SO_SNDBUF, 4096);
	assert_true(p->sndbuf < 10000);
	assert_int_equal(app_send_flags(w, p, 1, 10000, MSG_EOR), p->sndbuf);
	assert_int_equal(tcp_buf_of(w->t, p)->tell & BUF_EOR, 0);
	out_skip(w);
	in(w, ACK, 1, 0, 1 + p->sndbuf);
	out_skip(w);
}

/* RFC 9293 3.8.6.2.1: no silly segments into a small window. */
static void sender_sws(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->peer_wnd = 2000;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 3000), 3000);
	out(w, ACK, 1, MSS, 1);
	out_none(w); /* 540 bytes of window are left: less than half of it */
	in(w, ACK, 1, 0, 1 + MSS);
	out(w, ACK, 1 + MSS, MSS, 1);
	in(w, ACK, 1, 0, 1 + 2 * MSS);
	out(w, ACK, 1 + 2 * MSS, 80, 1);
}

/* A window that stays below a segment: half of the largest is enough. */
static void sender_small_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->peer_wnd = 1000;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 2000), 2000);
	out(w, ACK, 1, 1000, 1);
	in_wnd(w, ACK, 1, 0, 1001, 400); /* less than half: held, and forced out by the probe timer */
	out_none(w);
	quiet_then_rto(w, 1);
	out(w, ACK, 1001, 400, 1);
	in_wnd(w, ACK, 1, 0, 1401, 500);
	out(w, ACK, 1401, 500, 1);
}

/* RFC 9293 3.10.7.4 fifth step, and where it says too little: a segment that is sent again comes with an older number, a newer
 * acknowledgment and a smaller window. The window before, counted from there, would reach beyond what the peer offers. */
static void window_of_newer_ack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->peer_wnd = 3000;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 8000), 8000);
	out(w, ACK, 1, MSS, 1);
	out(w, ACK, 1 + MSS, MSS, 1);
	in_wnd(w, ACK, 101, 100, 1, 3000);
	out(w, ACK, 1 + 2 * MSS, 0, 1);
	in_wnd(w, ACK, 1, 100, 1 + 2 * MSS, 1000);
	out(w, ACK, 1 + 2 * MSS, 0, 201);
	out_none(w);
	in_wnd(w, ACK, 201, 0, 1 + 2 * MSS, 3000);
	out(w, ACK, 1 + 2 * MSS, MSS, 201);
	out(w, ACK, 1 + 3 * MSS, MSS, 201);
	out_none(w);
}

/* RFC 9293 3.8.6.2.2: the window closes without shrinking, and opens in big steps only. */
static void receiver_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	app_opt(w, l, SOL_SOCKET, SO_RCVBUF, 5000);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(w->got.wnd, 10000); /* Linux doubles */
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	for (uint32_t at = 1; at < 10001; at += 1000)
		in_held(w, ACK, at, 1000, 1);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 10001);
	assert_int_equal(w->got.wnd, 0);
	in(w, ACK, 10001, 1, 1); /* a probe: not taken, answered */
	out(w, ACK, 1, 0, 10001);
	assert_int_equal(w->got.wnd, 0);
	assert_int_equal(app_recv(w, p, 1, 1000), 1000);
	out_none(w);
	in(w, ACK, 10001, 1, 1); /* 1000 bytes of space are no reason to open */
	out(w, ACK, 1, 0, 10001);
	assert_int_equal(w->got.wnd, 0);
	assert_int_equal(app_recv(w, p, 1001, 1919), 1919);
	out_none(w);
	assert_int_equal(app_recv(w, p, 2920, 1), 1); /* two segments are */
	out(w, ACK, 1, 0, 10001);
	assert_int_equal(w->got.wnd, 2920);
	in_held(w, ACK, 10001, 1400, 1);
	in(w, ACK, 11401, 1600, 1); /* more than the window: cut */
	out(w, ACK, 1, 0, 12921);
	assert_int_equal(w->got.wnd, 0);
	assert_int_equal(app_recv(w, p, 2921, 20000), 10000);
	out(w, ACK, 1, 0, 12921);
	assert_int_equal(w->got.wnd, 10000);
}

/* The right edge stays where it is, whatever the scale's unit, and data is taken up to it (RFC 7323 2.4). */
static void scaled_window_edge(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;
	uint32_t edge = 0, at = 1;

	app_opt(w, l, SOL_SOCKET, SO_RCVBUF, 200001);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS, .has_wscale = true}});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_int_equal(p->wscale >> 4, 3);
	while (p->rcv_adv != p->rcv_nxt) {
		uint32_t left = p->rcv_adv - p->rcv_nxt, n = left < 1001 ? left : 1001;

		in_held(w, ACK, at, n, 1);
		at += n;
		in(w, ACK, at - 1, 1, 1); /* an old byte: an ACK at once */
		while (out_count(w) > 0) {
			out(w, ACK, 1, 0, at);
			if (edge != 0)
				assert_true(seq_ge(at + ((uint32_t)w->got.wnd << 3) + 7, edge));
			edge = at + ((uint32_t)w->got.wnd << 3);
		}
		assert_true(at <= 400002 + 7 + 1);
	}
	assert_true(tcp_unread(w->t, p) >= 400002 && tcp_unread(w->t, p) <= 400002 + 7);
}

/* RFC 9293 3.10.7.4: with the window closed, ACKs, RSTs and what they bring are still taken. */
static void closed_window_takes_acks(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	app_opt(w, l, SOL_SOCKET, SO_RCVBUF, 2500);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 1);
	for (uint32_t i = 0; i < 5; i++)
		in_held(w, ACK, 1 + i * 1000, 1000, 1);
	in(w, ACK, 5001, 100, 11);
	assert_int_equal(p->snd_una - w->our_iss, 11);
	out(w, ACK, 11, 0, 5001);
	assert_int_equal(w->got.wnd, 0);
}

/* RFC 6928: ten segments; TCP_OUT_BURST bounds a turn; the rest follows. */
static void initial_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 60000), 60000);
	assert_int_equal(out_count(w), 10);
	for (uint32_t i = 0; i < 10; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	in(w, ACK, 1, 0, 1 + 2 * MSS); /* slow start: two acknowledged, four more */
	for (uint32_t i = 10; i < 14; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	out_none(w);
	assert_int_equal(p->cwnd, 12 * MSS);
}

static void out_burst(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	p->cwnd = 100 * MSS;
	assert_int_equal(app_send(w, p, 1, 60000), 60000);
	assert_int_equal(out_count(w), 2 * TCP_OUT_BURST); /* a flush is two turns */
	out_skip(w);
}

/* A device that takes nothing: TCP keeps its data, and sends it all when it can. */
static void device_stuck(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	w->h.tx_stuck = true;
	for (unsigned i = 0; i < TX_QUEUE_MAX - TX_RESERVED - 2; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(world_pool());

		rte_pktmbuf_append(m, 60);
		pkt_tx_push(w->h.tx, m);
	}
	assert_int_equal(app_send(w, p, 1, 10000), 10000);
	host_flush(&w->h);
	assert_int_equal(p->snd_nxt - w->our_iss, 1 + 2 * MSS);
	assert_int_equal(pkt_tx_room(w->h.tx), 0);
	w->h.tx_stuck = false;
	host_flush(&w->h);
	for (unsigned i = 0; i < TX_QUEUE_MAX - TX_RESERVED - 2; i++)
		rte_pktmbuf_free(host_sent(&w->h));
	for (uint32_t i = 0; i < 6; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	out(w, ACK, 1 + 6 * MSS, 10000 - 6 * MSS, 1);
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TX_FULL], 0);
}

/* The send buffer's limit, and EPOLLOUT when there is space again. */
static void send_buffer(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct conn *ep = conn_new(&w->h.flow, CONN_EPOLL);

	app_opt(w, p, SOL_SOCKET, SO_SNDBUF, 5000);
	assert_int_equal(app_send(w, p, 1, 20000), 10000);
	assert_int_equal(app_send(w, p, 1, 1), -EAGAIN);
	assert_int_equal(tcp_poll(w->t, p), 0);
	assert_int_equal(tcp_unsent(w->t, p), 10000);
	out_skip(w);
	p->c.ep = conn_ref(&w->h.flow, ep);
	p->c.ep_events = EPOLLOUT | EPOLLIN | EPOLLET;
	in(w, ACK, 1, 0, 1 + 2 * MSS);
	assert_false(p->c.flags & CONN_READY); /* 2920 free, 7080 queued */
	in(w, ACK, 1, 0, 1 + 4 * MSS);
	assert_true(p->c.flags & CONN_READY);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLWRNORM);
	ready_unlink(&w->h.flow, &p->c);
	in(w, ACK, 1, 10, 1 + 4 * MSS);
	assert_true(p->c.flags & CONN_READY); /* every arrival is an edge */
	ready_unlink(&w->h.flow, &p->c);
	in(w, ACK, 11, 10, 1 + 4 * MSS);
	assert_true(p->c.flags & CONN_READY);
	ready_unlink(&w->h.flow, &p->c);
	p->c.ep = 0;
	conn_free(&w->h.flow, ep);
	out_skip(w);
}

/* No mbufs: a send is cut short or refused, and what was taken leaves when there are some. */
static void mbufs_exhausted(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	static struct rte_mbuf *all[20000];
	unsigned n = 0;

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	while ((all[n] = rte_pktmbuf_alloc(world_pool())) != NULL)
		n++;
	assert_int_equal(app_send(w, p, 101, 5000), RTE_MBUF_DEFAULT_BUF_SIZE - 100);
	assert_true(p->tflags & TF_NOMBUF);
	assert_int_equal(app_send(w, p, 101, 5000), -EAGAIN);
	out_none(w);
	while (n > 0)
		rte_pktmbuf_free(all[--n]);
	host_flush(&w->h);
	out(w, ACK, 101, MSS, 1);
	in(w, ACK, 1, 0, 101 + MSS);
	assert_false(p->tflags & TF_NOMBUF);
	out(w, ACK, 101 + MSS, RTE_MBUF_DEFAULT_BUF_SIZE - 100 - MSS, 1);
	in(w, ACK, 1, 0, 1 + RTE_MBUF_DEFAULT_BUF_SIZE);
	assert_int_equal(p->buf, 0);
	while ((all[n] = rte_pktmbuf_alloc(world_pool())) != NULL)
		n++;
	assert_int_equal(app_send(w, p, 1, 10), -EAGAIN);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLOUT, 0);
	while (n > 0)
		rte_pktmbuf_free(all[--n]);
	host_flush(&w->h); /* nothing in flight whose ACK would tell: the flush does */
	assert_int_equal(tcp_poll(w->t, p) & EPOLLOUT, EPOLLOUT);
}

/* An idle connection holds nothing but its slot. */
static void idle_footprint(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	assert_int_not_equal(p->buf, 0);
	in(w, ACK, 1, 100, 101);
	assert_int_equal(app_recv(w, p, 1, 100), 100);
	quiet_then_ms(w, 40);
	out(w, ACK, 101, 0, 101);
	assert_int_equal(p->buf, 0);
	assert_int_equal(p->opts, 0);
	after_ms(w, 1000);
	assert_false(wheel_armed(&p->c.h.timer));
}

/* Our own numbers through 2^32: a secret is searched that makes the ISN of the bound tuple fall just before it. */
static void own_wrap_around(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);
	struct flow_key key = {US, PEER, RTE_BE16(3333), RTE_BE16(PORT)};
	uint32_t isn, offset;

	do {
		w->t->secret.k0++;
		tcp_isn(w->t, &key, &isn, &offset);
	} while (isn < (uint32_t)-8000);
	assert_int_equal(tcp_bind(w->t, p, US, RTE_BE16(3333)), 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	assert_int_equal(w->our_iss, isn);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.has_mss = true, .mss = MSS}});
	out(w, ACK, 1, 0, 1);
	assert_int_equal(app_send(w, p, 1, 8 * MSS), 8 * MSS);
	for (uint32_t i = 0; i < 8; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	quiet_then_rto(w, 1);
	out(w, ACK, 1, MSS, 1);
	in(w, ACK, 1, 0, 1 + 8 * MSS);
	assert_true(p->snd_una < 20000);
	assert_int_equal(p->buf, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(delayed_ack), world_test(ack_every_second), world_test(ack_of_joined_segments), world_test(ack_out_of_order),
		world_test(reassembly), world_test(ooo_limit), world_test(coalescing), world_test(peek_and_discard),
		world_test(nagle), world_test(cork), world_test(more_until_ack), world_test(records), world_test(record_in_parts), world_test(sender_sws), world_test(sender_small_window), world_test(window_of_newer_ack),
		world_test(receiver_window), world_test(scaled_window_edge), world_test(closed_window_takes_acks),
		world_test(initial_window), world_test(out_burst), world_test(device_stuck), world_test(send_buffer),
		world_test(mbufs_exhausted), world_test(idle_footprint), world_test(own_wrap_around),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
