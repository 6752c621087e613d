/* cookie_test.c: SYN cookies (RFC 4987 3.6). */
#include "world.h"

#include "tcp/cookie.h"

/* The second bit pattern of our timestamp's end, see cookie.c. */
#define NO_WSCALE 15
#define SACK 0x10

static struct tcp_pcb *listen_always(struct world *w)
{
	w->t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	return app_listen(w, 8);
}

static void syn(struct world *w, uint16_t rport, struct tcp_opts o)
{
	w->rport = rport;
	w->know_iss = false;
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = o});
}

/* Nothing of the SYN is kept: no half-open connection, no path, no timer. The ACK has all that is needed. */
static void nothing_is_kept(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w), *p;
	uint32_t armed = w->h.flow.wheel.armed;

	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1300});
	out(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(w->got.o.mss, MSS);
	assert_int_equal(w->t->stats.synrcvd, 0);
	assert_int_equal(w->h.net.paths.pool.used, 0);
	assert_int_equal(w->h.flow.tcp.used, 0);
	assert_int_equal(w->h.flow.wheel.armed, armed);
	quiet_for_ms(w, 5000); /* and it is not repeated */
	in(w, ACK, 1, 50, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->mss, 1220); /* the next below 1300 */
	out(w, ACK, 1, 0, 51);
	assert_int_equal(app_recv(w, p, 1, 100), 50);
	assert_int_equal(p->srtt_us8, 0); /* nobody knows when the SYN-ACK left */
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 51);
	quiet_then_ms(w, 1000); /* RFC 6298 2.1 */
	out(w, ACK, 1, 10, 51);
	assert_int_equal(w->t->stats.cookies_sent, 1);
	assert_int_equal(w->t->stats.cookies_received, 1);
}

/* Without timestamps there is no place for the other options (RFC 4987 3.6): they are not agreed on. */
static void options_without_timestamps(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w), *p;

	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460, .has_wscale = true, .wscale = 7, .sack_ok = true});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.has_mss && !w->got.o.has_wscale && !w->got.o.sack_ok && !w->got.o.has_ts);
	in_wnd(w, ACK, 1, 0, 1, 1000);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->wscale, 0);
	assert_int_equal(p->snd_wnd, 1000);
	assert_int_equal(p->xflags & TX_SACK, 0);
}

/* With them: every window scale, with and without SACK. */
static void options_in_timestamps(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w), *p;

	w->ts = true;
	for (unsigned i = 0; i < 32; i++) {
		bool scaled = i % 16 != NO_WSCALE, sack = i & SACK;
		uint32_t now;

		after_ms(w, 7);
		syn(w, (uint16_t)(CPORT + i), (struct tcp_opts){.has_wscale = scaled, .wscale = i % 16, .sack_ok = sack});
		out(w, SYN | ACK, 0, 0, 1);
		assert_true(w->got.o.has_ts);
		assert_int_equal(w->got.o.has_wscale, scaled);
		assert_int_equal(w->got.o.sack_ok, sack);
		assert_int_equal(w->ts_seen & 63, i);
		in_wnd(w, ACK, 1, 0, 1, 100);
		p = tcp_accept(w->t, &l->c);
		assert_non_null(p);
		assert_int_equal(p->wscale & 15, scaled ? i % 16 : 0);
		assert_int_equal(p->wscale >> 4, scaled ? tcp_wscale_for(w->t, l) : 0);
		assert_int_equal(p->snd_wnd, 100u << (scaled ? i % 16 : 0));
		assert_int_equal(!!(p->xflags & TX_SACK), sack);
		now = w->h.clock.now_ms + p->ts_offset;
		assert_true(seq_le(w->ts_seen, now) && now - w->ts_seen < 64); /* RFC 7323 4.1: never back */
	}
}

/* A scale of more than 14 counts as 14 (RFC 7323 2.3), also here. */
static void scale_of_200(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w), *p;

	w->ts = true;
	syn(w, CPORT, (struct tcp_opts){.has_wscale = true, .wscale = 200});
	out(w, SYN | ACK, 0, 0, 1);
	in_wnd(w, ACK, 1, 0, 1, 100);
	p = tcp_accept(w->t, &l->c);
	assert_int_equal(p->snd_wnd, 100 << 14);
}

/* Each announced MSS, and what becomes of it: never more. */
static void mss_steps(void **state)
{
	const struct { uint16_t said, want; } row[] = {
		{0, 88}, {8, 88}, {88, 88}, {535, 88}, {536, 536}, {1219, 536}, {1220, 1220}, {1459, 1440}, {1460, 1460}, {8959, 1460},
		{65535, 1460}, /* ours is less */
	};
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w), *p;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		syn(w, (uint16_t)(CPORT + i), (struct tcp_opts){.has_mss = true, .mss = row[i].said});
		out(w, SYN | ACK, 0, 0, 1);
		in(w, ACK, 1, 0, 1);
		p = tcp_accept(w->t, &l->c);
		assert_non_null(p);
		assert_int_equal(p->mss, row[i].want);
		tcp_opt_need(w->t, p)->linger_s = 0;
		app_close(w, p);
		out_skip(w);
	}
}

/* Numbers that were not sent, to other tuples, or too long ago, open nothing. */
static void forged(void **state)
{
	struct world *w = *state;

	listen_always(w);
	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460});
	out(w, SYN | ACK, 0, 0, 1);
	for (unsigned i = 1; i < 2000; i++) { /* another number: another minute, check or IRS */
		in(w, ACK, 1, 0, 1 + (i << 5));
		out(w, RST, 1 + (i << 5), 0, 0);
		in(w, ACK, 1 + i, 0, 1);
		out(w, RST, 1, 0, 0);
	}
	w->rport++;
	in(w, ACK, 1, 0, 1);
	out(w, RST, 1, 0, 0);
	w->rport--;
	in(w, ACK | SYN, 0, 0, 1);
	out(w, RST, 1, 0, 0);
	assert_int_equal(conns_used(w), 1);
	after_ms(w, 2 * 60000);
	in(w, ACK, 1, 0, 1);
	out(w, RST, 1, 0, 0);
	assert_int_equal(conns_used(w), 1);
	assert_true(w->t->stats.cookies_failed >= 3999);
}

/* A cookie lives through the turn of its minute. */
static void next_minute(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w);

	after_ms(w, 58500); /* it began at 1 s */
	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460});
	out(w, SYN | ACK, 0, 0, 1);
	after_ms(w, 60300);
	in(w, ACK, 1, 0, 1);
	assert_non_null(tcp_accept(w->t, &l->c));
}

/* Nobody was sent a cookie: nobody may come with one. */
static void not_asked_for(void **state)
{
	struct world *w = *state;

	listen_always(w);
	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460});
	out(w, SYN | ACK, 0, 0, 1);
	w->t->stats.cookies_sent = 0;
	in(w, ACK, 1, 0, 1);
	out(w, RST, 1, 0, 0);
	assert_int_equal(w->t->stats.cookies_failed, 0);
}

/* Two SYNs of one tuple get numbers that have nothing to do with each other beyond their own; so do two tuples. */
static void not_predictable(void **state)
{
	struct world *w = *state;
	uint32_t iss[64];

	listen_always(w);
	for (unsigned i = 0; i < 64; i++) {
		syn(w, (uint16_t)(CPORT + i), (struct tcp_opts){.has_mss = true, .mss = 1460});
		out(w, SYN | ACK, 0, 0, 1);
		iss[i] = w->our_iss;
		for (unsigned k = 0; k < i; k++)
			assert_true(iss[k] - iss[i] + 65536 > 131072); /* one in 500 seeds would do it */
	}
}

/* The setting auto: from half the table on, and no longer than that. What is half open goes on as it was. */
static void under_pressure(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 64);
	uint32_t first;

	w->t->syncookies = TCP_SYNCOOKIES_AUTO;
	w->t->cookie_from = 4;
	for (unsigned i = 0; i < 20; i++) {
		syn(w, (uint16_t)(CPORT + i), (struct tcp_opts){.has_mss = true, .mss = 1460, .sack_ok = true});
		out(w, SYN | ACK, 0, 0, 1);
		assert_int_equal(w->got.o.sack_ok, i < 4);
		if (i == 0)
			first = w->our_iss;
	}
	assert_int_equal(w->t->stats.synrcvd, 4);
	assert_int_equal(w->t->stats.cookies_sent, 16);
	in(w, ACK, 1, 0, 1); /* the last one */
	assert_int_equal(w->t->stats.cookies_received, 1);
	w->rport = CPORT;
	w->our_iss = first;
	in(w, ACK, 1, 0, 1);
	assert_int_equal(w->t->stats.synrcvd, 3);
	assert_non_null(tcp_accept(w->t, &l->c));
	assert_non_null(tcp_accept(w->t, &l->c));
	syn(w, CPORT + 100, (struct tcp_opts){.sack_ok = true});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.sack_ok); /* pressure is over */
	out_skip(w);
}

/* The setting no: a full table drops. */
static void switched_off(void **state)
{
	struct world *w = *state;

	app_listen(w, 64);
	w->t->cookie_from = 0;
	w->t->synrcvd_max = 2;
	for (unsigned i = 0; i < 3; i++) {
		syn(w, (uint16_t)(CPORT + i), (struct tcp_opts){.has_mss = true, .mss = 1460});
		assert_int_equal(out_count(w), i < 2);
		out_skip(w);
	}
	assert_int_equal(w->h.drops.n[DROP_TCP_SYN_FULL], 1);
}

/* With a full accept queue nobody is answered; an ACK that comes then is dropped, and its data opens the connection later. */
static void accept_queue_full(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l;
	uint32_t iss[3];

	w->t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	l = app_listen(w, 1);
	for (unsigned i = 0; i < 3; i++) {
		syn(w, (uint16_t)(CPORT + i), (struct tcp_opts){.has_mss = true, .mss = 1460});
		out(w, SYN | ACK, 0, 0, 1);
		iss[i] = w->our_iss;
	}
	for (unsigned i = 0; i < 3; i++) {
		w->rport = (uint16_t)(CPORT + i);
		w->our_iss = iss[i];
		in(w, ACK, 1, 10, 1);
		assert_int_equal(w->h.net.paths.pool.used, 1);
	}
	assert_int_equal(w->h.drops.n[DROP_TCP_BACKLOG], 1);
	after_ms(w, 100); /* the others' delayed ACKs */
	out_skip(w);
	assert_non_null(tcp_accept(w->t, &l->c));
	in(w, ACK, 1, 10, 1);
	assert_int_equal(w->t->stats.cookies_received, 3);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 11);
}

/* No sockets left: nothing is lost, and nothing leaks. */
static void no_sockets(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *more[CONNS];
	unsigned n = 0;

	listen_always(w);
	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460});
	out(w, SYN | ACK, 0, 0, 1);
	while (n < CONNS && (more[n] = tcp_new(w->t)) != NULL)
		n++;
	in(w, ACK, 1, 0, 1);
	out_none(w);
	assert_int_equal(w->h.net.paths.pool.used, 0);
	while (n > 0)
		tcp_close(w->t, more[--n]);
	in(w, ACK, 1, 0, 1);
	assert_int_equal(w->t->stats.cookies_received, 1);
}

/* After TIME-WAIT the number must lie beyond the old ones (RFC 6191, RFC 1122 4.2.2.13): no cookie. */
static void after_timewait(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_always(w), *p;
	uint32_t old;

	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	assert_int_equal(w->t->stats.timewait, 1);
	old = w->our_iss;
	w->peer_iss += 1000;
	syn(w, CPORT, (struct tcp_opts){.has_mss = true, .mss = 1460});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(seq_gt(w->our_iss, old + 2));
	assert_int_equal(w->t->stats.synrcvd, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(nothing_is_kept), world_test(options_without_timestamps), world_test(options_in_timestamps),
		world_test(scale_of_200), world_test(mss_steps), world_test(forged), world_test(next_minute), world_test(not_asked_for),
		world_test(not_predictable), world_test(under_pressure), world_test(switched_off), world_test(accept_queue_full),
		world_test(no_sockets), world_test(after_timewait),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
