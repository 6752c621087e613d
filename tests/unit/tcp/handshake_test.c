/* handshake_test.c: opening connections, both roles. */
#include "world.h"

/* RFC 9293 3.5 figure 6, active side. The third ACK and the request share a packet when the request comes in time. */
static void active_open(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	assert_int_equal(tcp_poll(w->t, p), 0);
	out(w, SYN, 0, 0, 0);
	assert_true(w->got.o.has_mss && w->got.o.has_ts && w->got.o.has_wscale && w->got.o.sack_ok);
	assert_int_equal(w->got.o.mss, MSS);
	assert_int_equal(w->got.o.wscale, 7); /* 6 MiB: 65535 << 7 is the first that covers it */
	assert_int_equal(w->got.wnd, 65535);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(w->t->stats.established, 1);
	assert_true(p->tflags & TF_CONNECTED);
}

static void third_ack_rides_on_request(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in_held(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	out_none(w);
}

/* RFC 9293 3.5 figure 6, passive side. */
static void passive_open(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	assert_int_equal(tcp_poll(w->t, l), 0);
	assert_null(tcp_accept(w->t, &l->c));
	in_seg(w, &(struct seg){.flags = SYN, .wnd = 1000, .o = {.has_mss = true, .mss = 1000, .has_wscale = true, .wscale = 3}});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.has_mss && w->got.o.has_wscale && !w->got.o.has_ts); /* only what the SYN had */
	assert_int_equal(w->t->stats.synrcvd, 1);
	assert_int_equal(conns_used(w), 1); /* no socket before the handshake is over */
	in_wnd(w, ACK, 1, 0, 1, 500);
	out_none(w);
	assert_int_equal(tcp_poll(w->t, l), EPOLLIN | EPOLLRDNORM);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->snd_wnd, 500 << 3);
	assert_int_equal(p->mss, 1000);
	assert_int_equal(w->t->stats.synrcvd, 0);
	assert_int_equal(tcp_poll(w->t, l), 0);
}

/* Settings: what is not to be offered is not agreed to either. */
static void options_without(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->t->without = TCP_NO_TIMESTAMPS | TCP_NO_SACK | TCP_NO_WINDOW_SCALE;
	p = app_connect(w);
	out(w, SYN, 0, 0, 0);
	assert_true(w->got.o.has_mss && !w->got.o.has_wscale && !w->got.o.has_ts && !w->got.o.sack_ok);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 1000, .o = {.has_mss = true, .mss = 1000, .has_wscale = true,
				.wscale = 3, .sack_ok = true, .has_ts = true, .tsval = 7}});
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->wscale, 0);
	assert_false((p->tflags & TF_TS) || (p->xflags & TX_SACK));
	out_skip(w);
	app_close(w, p);
	out_skip(w);
	app_listen(w, 8);
	w->know_iss = false;
	in_seg(w, &(struct seg){.flags = SYN, .wnd = 1000, .o = {.has_mss = true, .mss = 1000, .has_wscale = true, .wscale = 3,
				.sack_ok = true, .has_ts = true, .tsval = 7}});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.has_mss && !w->got.o.has_wscale && !w->got.o.has_ts && !w->got.o.sack_ok);
}

/* Data on the handshake's last ACK is taken. */
static void passive_open_with_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in_held(w, ACK | PSH, 1, 100, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(app_send(w, p, 1, 50), 50); /* the answer carries the ACK: one packet */
	out(w, ACK, 1, 50, 101);
	out_none(w);
	assert_int_equal(app_recv(w, p, 1, 200), 100);
	out_none(w);
}

/* RFC 9293 3.5 figure 8; connect-semantics F7: no poll bits before the peer's ACK. */
static void simultaneous_open(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	assert_int_equal(tcp_poll(w->t, p), 0);
	in(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLWRNORM);
	out_skip(w);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 1);
}

/* RFC 9293 3.10.7.3: text of a SYN that crosses ours is queued, and there after the handshake. */
static void simultaneous_open_text(void **state)
{
	struct world *w = *state;

	for (unsigned again = 0; again < 3; again++) {
		struct tcp_pcb *p;

		w->know_iss = false;
		p = app_connect(w);
		out(w, SYN, 0, 0, 0);
		in(w, SYN, 0, 30, 0);
		out(w, SYN | ACK, 0, 0, 1); /* not acknowledged yet */
		out_none(w);
		assert_int_equal(app_recv(w, p, 1, 100), -EAGAIN);
		if (again == 0)
			in(w, ACK, 31, 0, 1);
		else if (again == 1)
			in(w, ACK, 1, 40, 1); /* it was not acknowledged, so the peer repeats it, and has more by now */
		else
			in(w, ACK | FIN, 1, 30, 1);
		out(w, ACK, 1, 0, again == 0 ? 31 : again == 1 ? 41 : 32);
		out_none(w);
		assert_int_equal(p->state, again < 2 ? TCP_ESTABLISHED : TCP_CLOSE_WAIT);
		assert_int_equal(app_recv(w, p, 1, 100), again == 1 ? 40 : 30);
		tcp_opt_need(w->t, p)->linger_s = 0;
		app_close(w, p);
		out_skip(w);
	}
}

static void simultaneous_open_plain_ack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	quiet_then_ms(w, 1000); /* the SYN-ACK is repeated */
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 2); /* acknowledges what was never sent */
	out(w, RST, 2, 0, 0);
	in(w, ACK, 1, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	out_none(w);
}

/* F8: SYN, then RST */
static void simultaneous_open_reset(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, RST, 1, 0, 0);
	assert_int_equal(p->c.so_error, ECONNRESET);
	out_none(w);
}

/* F1 to F6: what SYN-SENT does with what is not its SYN-ACK (RFC 9293 3.10.7.3). */
static void synsent_garbage(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, RST, 0, 0, 0);            /* F2 */
	in(w, RST | ACK, 0, 0, 0);      /* F3 */
	in(w, RST | ACK, 0, 0, 2);
	in(w, ACK, 0, 0, 1);            /* F5 */
	in(w, FIN | ACK, 0, 0, 1);      /* F6 */
	in(w, 0, 0, 10, 0);
	in(w, FIN, 0, 0, 0);
	out_none(w);
	in(w, SYN | ACK, 0, 0, 5);      /* F4 */
	out(w, RST, 5, 0, 0);
	in(w, ACK, 0, 0, 0);
	out(w, RST, 0, 0, 0);
	assert_int_equal(p->state, TCP_SYN_SENT);
	in(w, RST | ACK, 0, 0, 1);      /* F1 */
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->c.so_error, ECONNREFUSED);
	assert_int_equal(tcp_poll(w->t, p), EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM);
	assert_int_equal(app_recv(w, p, 0, 10), -ECONNREFUSED); /* C24 */
	assert_int_equal(app_recv(w, p, 0, 10), 0);
	assert_int_equal(app_send(w, p, 0, 10), -EPIPE);
}

/* A new attempt on the same socket after a failed one (C19), from another or the same port. */
static void connect_again(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, RST | ACK, 0, 0, 1);
	p->c.so_error = 0;
	assert_int_equal(tcp_disconnect(w->t, p), 0);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLHUP | EPOLLWRNORM); /* E6 */
	w->know_iss = false;
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), -EALREADY);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), -EISCONN);
}

/* D13, D18: SYNs at 0, 1, 2 s and ETIMEDOUT at 3 s with TCP_SYNCNT 1; 2: at 7 s; 3: at 19 s. Exact ticks. */
static void syn_schedule(struct world *w, int syncnt, const unsigned *wait_s, unsigned n, unsigned last_s)
{
	struct tcp_pcb *p = tcp_new(w->t);

	app_opt(w, p, IPPROTO_TCP, 7 /* TCP_SYNCNT */, syncnt);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	w->know_iss = false;
	out(w, SYN, 0, 0, 0);
	for (unsigned i = 0; i < n; i++) {
		quiet_then_ms(w, wait_s[i] * 1000);
		out(w, SYN, 0, 0, 0);
	}
	after_us(w, last_s * 1000000 - 2 * TICK_US);
	assert_int_equal(p->state, TCP_SYN_SENT);
	after_us(w, 2 * TICK_US);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
	out_none(w);
	tcp_close(w->t, p);
}

static void syn_retransmission(void **state)
{
	struct world *w = *state;

	syn_schedule(w, 1, (const unsigned[]){1, 1}, 2, 1);
	syn_schedule(w, 2, (const unsigned[]){1, 1, 1, 1, 1}, 5, 2);
	syn_schedule(w, 3, (const unsigned[]){1, 1, 1, 1, 1, 2, 4}, 7, 8);
	syn_schedule(w, 6, (const unsigned[]){1, 1, 1, 1, 1, 2, 4, 8, 16, 32}, 10, 64);
}

/* D14, D15: TCP_USER_TIMEOUT replaces the time limit, the retry count stays. */
static void syn_user_timeout(void **state)
{
	const struct { unsigned user_ms; unsigned end_ms; int syncnt; } row[] = {{1500, 1500, 6}, {3500, 3500, 1}, {10000, 7000, 1}};
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		struct tcp_pcb *p = tcp_new(w->t);

		app_opt(w, p, IPPROTO_TCP, 7, row[i].syncnt);
		app_opt(w, p, IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */, (int)row[i].user_ms);
		assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
		after_us(w, row[i].end_ms * 1000 - 2 * TICK_US);
		assert_int_equal(p->state, TCP_SYN_SENT);
		after_us(w, 2 * TICK_US);
		assert_int_equal(p->c.so_error, ETIMEDOUT);
		out_skip(w);
		tcp_close(w->t, p);
	}
}

/* D16 */
static void first_syn_lost(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	quiet_then_ms(w, 1000);
	out(w, SYN, 0, 0, 0);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(p->srtt_us8, 0); /* Karn */
	assert_int_equal(p->cwnd, 10 * 536); /* RFC 6928 section 2: one loss alone is forgiven */
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 1);
	quiet_then_ms(w, 3000); /* RFC 6298 5.7 */
	out(w, ACK, 1, 10, 1);
}

/* With timestamps the repeated SYN is timed after all. Two repetitions are congestion. */
static void two_syns_lost(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	w->ts = true;
	out(w, SYN, 0, 0, 0);
	quiet_then_ms(w, 1000);
	out(w, SYN, 0, 0, 0);
	quiet_then_ms(w, 1000);
	out(w, SYN, 0, 0, 0);
	after_ms(w, 80);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(p->srtt_us8 >> 3, 80000);
	assert_int_equal(p->cwnd, p->mss);
}

/* An odd segment as the handshake's last one: what it carries is refused, but the connection stands. */
static void last_ack_at_the_edge(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 65536, 10, 1);
	out(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(tcp_unread(w->t, p), 0);
}

/* The SYN-ACK is repeated after 1, 2, 4, 8, 16 s and given up 32 s later. A SYN that comes again gets it at once. */
static void synack_retransmission(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	for (unsigned s = 1; s <= 16; s *= 2) {
		quiet_then_ms(w, s * 1000);
		out(w, SYN | ACK, 0, 0, 1);
	}
	quiet_for_ms(w, 31990);
	assert_int_equal(w->t->stats.synrcvd, 1);
	quiet_for_ms(w, 20);
	assert_int_equal(w->t->stats.synrcvd, 0);
	in(w, ACK, 1, 0, 1); /* too late */
	out(w, RST, 1, 0, 0);
}

/* RFC 9293 3.10.7.4 in SYN-RECEIVED, with RFC 5961. */
static void synrcvd_rules(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 7);       /* unacceptable ACK: RST with its number */
	out(w, RST, 7, 0, 0);
	in(w, 0, 1, 5, 0);         /* no ACK: dropped */
	out_none(w);
	in(w, ACK, 70000, 0, 1);   /* out of window: ACK */
	out(w, ACK, 1, 0, 1);
	in(w, RST, 70000, 0, 0);   /* out of window: nothing */
	out_none(w);
	in(w, RST, 2, 0, 0);       /* in window, not exact: challenge, but one answer of such kind in half a second */
	out_none(w);
	after_ms(w, TCP_ANSWER_MS);
	in(w, RST, 2, 0, 0);
	out(w, ACK, 1, 0, 1);
	in(w, SYN, 5, 0, 0);       /* another SYN in the window: the same */
	out_none(w);
	after_ms(w, 460);
	in(w, SYN, 5, 0, 0);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->t->stats.synrcvd, 1);
	in(w, RST, 1, 0, 0);
	out_none(w);
	assert_int_equal(w->t->stats.synrcvd, 0);
}

/* RFC 9293 3.10.7.1: CLOSED. */
static void closed_rules(void **state)
{
	struct world *w = *state;

	w->lport = 999;
	in(w, SYN, 0, 0, 0);
	w->our_iss = 0;
	out(w, RST | ACK, 0, 0, 1);
	in(w, FIN, 10, 20, 0);
	out(w, RST | ACK, 0, 0, 31);
	in(w, ACK, 10, 20, 77);
	out(w, RST, 77, 0, 0);
	in(w, RST, 10, 0, 0);
	in(w, RST | ACK, 10, 0, 1);
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TCP_NO_SOCKET], 5);
}

/* RFC 9293 3.10.7.2: LISTEN. */
static void listen_rules(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	in(w, RST, 0, 0, 0);
	in(w, FIN, 0, 0, 0);
	in(w, 0, 0, 10, 0);
	in(w, SYN | FIN, 0, 0, 0);
	out_none(w);
	in(w, ACK, 0, 0, 9);
	out(w, RST, 9, 0, 0);
	in(w, SYN | ACK, 0, 0, 9);
	out(w, RST, 9, 0, 0);
	assert_int_equal(w->t->stats.synrcvd, 0);
}

/* A late SYN of a connection that the peer has in TIME-WAIT: it answers each of our answers. */
static void synrcvd_answers_are_limited(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 0x20000000, 0, 77);
	out(w, ACK, 1, 0, 1);
	for (int i = 0; i < 10; i++) {
		in(w, ACK, 0x20000000, 0, 77);
		out_none(w);
	}
	in(w, ACK, 0x20000000, 10, 77); /* text is no part of such a loop */
	out(w, ACK, 1, 0, 1);
	after_ms(w, 600);
	in(w, ACK, 0x20000000, 0, 77);
	out(w, ACK, 1, 0, 1);
	in(w, RST, 1, 0, 0);
	out_none(w);
	assert_int_equal(w->t->stats.synrcvd, 0);
}

/* Linux's rule: backlog + 1 connections may wait; then SYNs and last ACKs are dropped, and the peer tries again. */
static void backlog_full(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 1), *p;

	uint32_t iss[3];

	for (unsigned i = 0; i < 3; i++) { /* three half-open ones */
		w->rport = (uint16_t)(CPORT + i);
		w->know_iss = false;
		in(w, SYN, 0, 0, 0);
		out(w, SYN | ACK, 0, 0, 1);
		iss[i] = w->our_iss;
	}
	for (unsigned i = 0; i < 3; i++) { /* for the third there is no room */
		w->rport = (uint16_t)(CPORT + i);
		w->our_iss = iss[i];
		in(w, ACK, 1, 0, 1);
	}
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TCP_BACKLOG], 1);
	assert_int_equal(w->t->stats.synrcvd, 1);
	w->rport = CPORT + 3;
	in(w, SYN, 0, 0, 0);
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TCP_BACKLOG], 2);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	w->rport = CPORT + 2;
	quiet_then_ms(w, 1000);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	assert_int_equal(w->t->stats.synrcvd, 0);
	assert_int_equal(((struct tcp_listener *)l)->n_accept, 2);
	assert_int_equal(tcp_listen(w->t, l, 5), 0); /* again: another backlog */
}

/* A listener that closes resets what nobody accepted, and half-open ones find nobody. */
static void listener_close(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8);

	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	app_close(w, l);
	out(w, RST | ACK, 1, 0, 1);
	assert_int_equal(conns_used(w), 0);
	l = app_listen(w, 8);
	w->know_iss = false;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	app_close(w, l);
	in(w, ACK, 1, 0, 1);
	out(w, RST, 1, 0, 0);
	assert_int_equal(w->t->stats.synrcvd, 0);
}

/* A connection that is reset before it is accepted is handed out all the same, with its error (as Linux). */
static void reset_in_accept_queue(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 10, 1);
	in(w, RST, 11, 0, 0);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(app_recv(w, p, 1, 100), 10);
	assert_int_equal(app_recv(w, p, 11, 100), -ECONNRESET);
	assert_int_equal(app_recv(w, p, 11, 100), 0);
}

/* MSS: the smaller of both, less the timestamp option, never below the floor; 536 without the option. */
static void mss_rules(void **state)
{
	const struct { bool has; uint16_t mss; bool ts; uint16_t want; } row[] = {
		{true, 1460, false, 1460}, {true, 9000, false, 1460}, {true, 1460, true, 1448}, {false, 0, false, 536},
		{true, 10, false, 88}, {true, 10, true, 76},
	};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct tcp_pcb *p = app_connect(w);

		w->know_iss = false;
		out(w, SYN, 0, 0, 0);
		w->ts = row[i].ts;
		in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.has_mss = row[i].has, .mss = row[i].mss}});
		out(w, ACK, 1, 0, 1);
		assert_int_equal(w->got.o.has_ts, row[i].ts);
		assert_int_equal(p->mss, row[i].want);
		w->ts = false;
	}
}

/* RFC 7323 2.2, 2.3: scale in SYNs only by both, not above 14, window in SYN not scaled. */
static void window_scale(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 1000, .o = {.has_wscale = true, .wscale = 200}});
	out(w, ACK, 1, 0, 1);
	assert_int_equal(p->wscale & 15, 14);
	assert_int_equal(p->snd_wnd, 1000);
	assert_int_equal(w->got.wnd, (128 << 10) >> 7);
	in_wnd(w, ACK, 1, 0, 1, 2);
	assert_int_equal(p->snd_wnd, 2 << 14);
}

static void no_window_scale(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(p->wscale, 0);
	assert_int_equal(w->got.wnd, 65535);
}

/* F10: SYN-ACK then FIN. And text with the SYN-ACK itself. */
static void synack_with_text(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, SYN | ACK | FIN, 0, 10, 1);
	out_skip(w);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	/* The segment's sequence numbers: SYN 0, text 1..10, FIN 11. */
	assert_int_equal(p->rcv_nxt - w->peer_iss, 12);
	assert_int_equal(tcp_poll(w->t, p), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM);
	assert_int_equal(tcp_unread(w->t, p), 10);
}

/* RFC 6528: the ISN of a tuple moves with the clock; another tuple's is elsewhere. */
static void isn_rules(void **state)
{
	struct world *w = *state;
	struct flow_key a = {US, PEER, RTE_BE16(1), RTE_BE16(2)}, b = {US, PEER, RTE_BE16(1), RTE_BE16(3)};
	uint32_t isn1, isn2, isn3, ts1, ts2, ts3;

	tcp_isn(w->t, &a, &isn1, &ts1);
	tcp_isn(w->t, &b, &isn3, &ts3);
	assert_int_not_equal(isn1, isn3);
	assert_int_not_equal(ts1, ts3);
	after_ms(w, 1000);
	tcp_isn(w->t, &a, &isn2, &ts2);
	assert_int_equal(isn2 - isn1, 15625000); /* 64 ns a step */
	assert_int_equal(ts1, ts2);
}

/* C28, C29, B7 */
static void give_up_attempt(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	app_shutdown(w, p, SHUT_WR);
	assert_int_equal(p->c.so_error, ECONNRESET);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWRNORM);
	out_none(w);
	w->know_iss = false;
	p->c.so_error = 0;
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	app_close(w, p);
	out_none(w);
	assert_int_equal(conns_used(w), 0);
	quiet_for_ms(w, 2000);
}

/* B20: connect to the own bound address and port, by crossed SYNs. */
static void self_connect(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);
	struct rte_mbuf *m;
	char buf[8];
	struct iovec iov = {.iov_base = "hello", .iov_len = 5}, into = {.iov_base = buf, .iov_len = sizeof(buf)};

	assert_int_equal(tcp_bind(w->t, p, US, RTE_BE16(1234)), 0);
	assert_int_equal(tcp_connect(w->t, p, US, RTE_BE16(1234)), 0);
	for (int i = 0; i < 10; i++) {
		while ((m = net_loop_next(&w->h.net)) != NULL)
			host_looped(&w->h, m);
		host_flush(&w->h);
		if (i == 4) {
			assert_int_equal(p->state, TCP_ESTABLISHED);
			assert_int_equal(tcp_send(w->t, p, &iov, 1, 0), 5);
			host_flush(&w->h);
		}
	}
	assert_int_equal(tcp_recv(w->t, p, &into, 1, 0), 5);
	assert_memory_equal(buf, "hello", 5);
	tcp_close(w->t, p);
	for (int i = 0; i < 10; i++) {
		host_flush(&w->h);
		while ((m = net_loop_next(&w->h.net)) != NULL)
			host_looped(&w->h, m);
	}
}

/* G: bound ports and addresses. */
static void bound_connect(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *a = tcp_new(w->t), *b = tcp_new(w->t), *c = tcp_new(w->t);

	a->c.flags |= CONN_REUSEADDR;
	b->c.flags |= CONN_REUSEADDR;
	assert_int_equal(tcp_bind(w->t, a, 0, RTE_BE16(5555)), 0);
	assert_int_equal(tcp_bind(w->t, a, 0, RTE_BE16(5556)), -EINVAL);                /* G5 */
	assert_int_equal(tcp_bind(w->t, b, IP(1, 2, 3, 4), 0), -EADDRNOTAVAIL);         /* G6 */
	assert_int_equal(tcp_bind(w->t, b, 0, RTE_BE16(5555)), 0);
	assert_int_equal(tcp_bind(w->t, c, 0, RTE_BE16(5555)), -EADDRINUSE);            /* G10 */
	assert_int_equal(tcp_connect(w->t, a, PEER, RTE_BE16(PORT)), 0);
	assert_int_equal(tcp_connect(w->t, b, PEER, RTE_BE16(PORT)), -EADDRNOTAVAIL);   /* G11 */
	assert_int_equal(b->state, TCP_CLOSED);
	assert_int_equal(b->c.h.key.raddr_be, 0);                                       /* G24 */
	assert_int_equal(tcp_connect(w->t, b, PEER, RTE_BE16(PORT + 1)), 0);            /* G15 */
	app_opt(w, c, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	assert_int_equal(tcp_bind(w->t, c, US, 0), 0);                                  /* G4 */
	assert_int_equal(c->c.h.key.lport_be, 0);
	assert_int_equal(tcp_connect(w->t, c, PEER, RTE_BE16(PORT)), 0);
	assert_int_not_equal(c->c.h.key.lport_be, 0);
	out_skip(w);
	tcp_disconnect(w->t, a);                                                        /* B6 */
	assert_int_equal(a->c.h.key.lport_be, RTE_BE16(5555));
	assert_int_equal(a->c.h.key.laddr_be, 0);
	tcp_disconnect(w->t, c);                                                        /* B5 */
	assert_int_equal(c->c.h.key.laddr_be, US);
	assert_int_equal(c->c.h.key.lport_be, 0);
}

/* B21 to B23, F41 */
static void unreachable(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	assert_int_equal(tcp_connect(w->t, p, IP(255, 255, 255, 255), RTE_BE16(1)), -ENETUNREACH);
	assert_int_equal(tcp_connect(w->t, p, IP(10, 0, 0, 255), RTE_BE16(1)), -ENETUNREACH);
	assert_int_equal(tcp_connect(w->t, p, IP(224, 0, 0, 1), RTE_BE16(1)), -ENETUNREACH);
	assert_int_equal(tcp_connect(w->t, p, IP(192, 0, 2, 1), RTE_BE16(1)), -ENETUNREACH);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(app_send(w, p, 0, 1), -EPIPE); /* C1 */
	assert_int_equal(app_recv(w, p, 0, 1), -ENOTCONN);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLHUP | EPOLLWRNORM);
	assert_int_equal(tcp_shutdown(w->t, p, SHUT_RD), -ENOTCONN); /* C27 */
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	assert_int_equal(tcp_poll(w->t, p), EPOLLIN | EPOLLRDNORM | EPOLLRDHUP);
	out_skip(w);
}

/* C27: what was shut before connect() stays shut without a word; its FIN leaves with close(), or when it is shut once more. */
static void shut_before_connect(void **state)
{
	struct world *w = *state;

	for (int again = 0; again < 2; again++) {
		struct tcp_pcb *p = tcp_new(w->t);

		w->know_iss = false;
		assert_int_equal(tcp_shutdown(w->t, p, SHUT_WR), -ENOTCONN);
		assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
		host_flush(&w->h);
		out(w, SYN, 0, 0, 0);
		in(w, SYN | ACK, 0, 0, 1);
		assert_int_equal(p->state, TCP_ESTABLISHED);
		out(w, ACK, 1, 0, 1);
		assert_int_equal(app_send(w, p, 0, 1), -EPIPE);
		assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLWRNORM);
		quiet_for_ms(w, 2000);
		if (again)
			app_shutdown(w, p, SHUT_WR);
		else
			app_close(w, p);
		out(w, FIN | ACK, 1, 0, 1);
		tcp_abort(w->t, p, 0);
		host_flush(&w->h);
		out_skip(w);
	}
}

/* F40: nobody answers for the address: EHOSTUNREACH after 3 s. */
static void neighbour_dead(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	assert_int_equal(tcp_connect(w->t, p, IP(10, 0, 0, 77), RTE_BE16(PORT)), 0);
	after_ms(w, 3100);
	out_skip(w);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->c.so_error, EHOSTUNREACH);
}

/* Text that came with the SYN-ACK, more than the window that the SYN had offered: what lies beyond it is not taken, nor the FIN. */
static void synack_text_beyond_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	app_opt(w, p, SOL_SOCKET, SO_RCVBUF, 100);
	p->rcvbuf = 1000;
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK | FIN, .ack = 1, .len = 1200, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(tcp_unread(w->t, p), 1000);
	out(w, ACK, 1, 0, 1001);
	out_none(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(active_open), world_test(third_ack_rides_on_request), world_test(passive_open), world_test(options_without),
		world_test(passive_open_with_data), world_test(simultaneous_open), world_test(simultaneous_open_plain_ack), world_test(simultaneous_open_text),
		world_test(simultaneous_open_reset), world_test(synsent_garbage), world_test(connect_again), world_test(shut_before_connect),
		world_test(syn_retransmission), world_test(syn_user_timeout), world_test(first_syn_lost), world_test(two_syns_lost), world_test(last_ack_at_the_edge),
		
		world_test(synack_retransmission), world_test(synrcvd_rules), world_test(closed_rules), world_test(listen_rules),
		world_test(synrcvd_answers_are_limited), world_test(backlog_full), world_test(listener_close), world_test(reset_in_accept_queue), world_test(mss_rules),
		world_test(window_scale), world_test(no_window_scale), world_test(synack_with_text), world_test(isn_rules),
		world_test(give_up_attempt), world_test(self_connect), world_test(bound_connect), world_test(unreachable),
		world_test(neighbour_dead),
		world_test(synack_text_beyond_window),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
