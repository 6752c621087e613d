/* close_test.c: ending connections: every order of FINs, TIME-WAIT, resets, orphans. */
#include "world.h"

/* RFC 9293 3.6 figure 12, the side that closes first. */
static void active_close(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	assert_int_equal(p->state, TCP_FIN_WAIT_1);
	in(w, ACK, 1, 0, 2);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	assert_int_equal(conns_used(w), 0); /* TIME-WAIT is 64 bytes of its own */
	assert_int_equal(w->t->stats.timewait, 1);
	quiet_for_ms(w, 59990);
	assert_int_equal(w->t->stats.timewait, 1);
	quiet_for_ms(w, 20);
	assert_int_equal(w->t->stats.timewait, 0);
}

/* Data, FIN and the peer's ACK and FIN, each in one packet. */
static void close_with_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct iovec iov = {.iov_base = "x", .iov_len = 1};

	assert_int_equal(tcp_send(w->t, p, &iov, 1, 0), 1);
	app_close(w, p);
	assert_int_equal(out_count(w), 1);
	out_skip(w);
	in(w, ACK | FIN, 1, 0, 3);
	out(w, ACK, 3, 0, 2);
	assert_int_equal(w->t->stats.timewait, 1);
}

/* RFC 9293 3.6, the side that closes second; FIN and ACK of FIN in one packet. */
static void passive_close(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	in_held(w, ACK | FIN, 1, 100, 1);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	assert_int_equal(tcp_poll(w->t, p), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM); /* E9 */
	{
		char b[200];
		struct iovec iov = {.iov_base = b, .iov_len = sizeof(b)};

		assert_int_equal(tcp_recv(w->t, p, &iov, 1, 0), 100);
		assert_int_equal(tcp_recv(w->t, p, &iov, 1, 0), 0);
	}
	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 102);
	out_none(w);
	assert_int_equal(p->state, TCP_LAST_ACK);
	in(w, ACK, 102, 0, 2);
	out_none(w);
	assert_int_equal(conns_used(w), 1); /* the listener */
	assert_int_equal(w->t->stats.timewait, 0);
}

/* RFC 9293 3.6 figure 13 */
static void simultaneous_close(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 1);
	assert_int_equal(p->state, TCP_CLOSING);
	out(w, ACK, 2, 0, 2);
	in(w, ACK, 2, 0, 2);
	out_none(w);
	assert_int_equal(conns_used(w), 0);
	assert_int_equal(w->t->stats.timewait, 1);
}

/* We have sent our FIN and go on reading. */
static void half_close_ours(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_shutdown(w, p, SHUT_WR);
	out(w, ACK | FIN, 1, 0, 1);
	assert_int_equal(app_send(w, p, 1, 1), -EPIPE);
	in(w, ACK, 1, 0, 2);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLWRNORM);
	in(w, ACK, 1, 100, 2);
	assert_int_equal(app_recv(w, p, 1, 200), 100);
	quiet_then_ms(w, 40);
	out(w, ACK, 2, 0, 101);
	quiet_for_ms(w, 200000); /* no orphan: it may last */
	in(w, ACK | FIN, 101, 50, 2);
	out(w, ACK, 2, 0, 152);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(w->t->stats.timewait, 1);
	assert_int_equal(app_recv(w, p, 101, 200), 50); /* unread data outlives the connection */
	assert_int_equal(app_recv(w, p, 151, 200), 0);
	assert_int_equal(p->c.so_error, 0);
	app_close(w, p);
	out_none(w);
	assert_int_equal(conns_used(w), 0);
}

/* The peer has sent its FIN and goes on reading. */
static void half_close_theirs(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	in(w, ACK | FIN, 1, 0, 1);
	out(w, ACK, 1, 0, 2);
	assert_int_equal(app_recv(w, p, 1, 10), 0);
	assert_int_equal(app_send(w, p, 1, 3000), 3000);
	out(w, ACK, 1, MSS, 2);
	out(w, ACK, 1 + MSS, MSS, 2);
	in(w, ACK, 2, 0, 1 + 2 * MSS);
	out(w, ACK, 1 + 2 * MSS, 80, 2);
	app_close(w, p);
	out(w, ACK | FIN, 3001, 0, 2);
	in(w, ACK, 2, 0, 3001);
	assert_int_equal(p->state, TCP_LAST_ACK);
	in(w, ACK, 2, 0, 3002);
	assert_int_equal(conns_used(w), 1);
}

/* A FIN that comes before data that is missing waits for it. */
static void early_fin(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	in(w, ACK | FIN, 101, 100, 1);
	out(w, ACK, 1, 0, 1);
	out_none(w);
	in(w, ACK | FIN, 201, 0, 1); /* again, alone */
	out(w, ACK, 1, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	in(w, ACK, 1, 100, 1);
	out(w, ACK, 1, 0, 202);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	assert_int_equal(app_recv(w, p, 1, 500), 200);
	assert_int_equal(app_recv(w, p, 201, 500), 0);
	assert_int_equal(p->buf, 0);
}

/* RFC 9293 3.10.7.4: what comes after the peer's FIN is not taken. */
static void text_after_fin(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	in(w, ACK | FIN, 1, 0, 1);
	out(w, ACK, 1, 0, 2);
	in(w, ACK, 2, 10, 1);
	out(w, ACK, 1, 0, 2);
	assert_int_equal(tcp_unread(w->t, p), 0);
	in(w, ACK | FIN, 1, 0, 1);
	out(w, ACK, 1, 0, 2);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
}

/* The FIN is retransmitted like data; an orphan gives up after TCP_ORPHAN_RETRIES. */
static void fin_retransmission(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	for (unsigned i = 0; i < TCP_ORPHAN_RETRIES; i++) {
		quiet_then_rto(w, 1u << i);
		out(w, ACK | FIN, 1, 0, 1);
		out_none(w);
	}
	quiet_for_ms(w, 120000);
	assert_int_equal(conns_used(w), 0);
	assert_int_equal(w->t->stats.timeouts, 1);
}

static void last_ack_retransmission(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	in(w, ACK | FIN, 1, 0, 1);
	out(w, ACK, 101, 0, 2);
	app_close(w, p);
	out(w, ACK | FIN, 101, 0, 2);
	quiet_then_rto(w, 1);
	out(w, ACK | FIN, 1, 100, 2); /* data and FIN packed together */
	in(w, ACK, 2, 0, 102);
	out_none(w);
	assert_int_equal(conns_used(w), 1);
}

/* Unsent data goes before the FIN, however the window is. */
static void fin_behind_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->peer_wnd = MSS;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 2 * MSS), 2 * MSS);
	app_close(w, p);
	out(w, ACK, 1, MSS, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1 + MSS);
	out(w, ACK | FIN, 1 + MSS, MSS, 1);
	in(w, ACK, 1, 0, 2 + 2 * MSS);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
}

/* Linux tcp_fin_timeout, TCP_LINGER2 */
static void orphan_fin_wait_2(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 0, 2);
	quiet_for_ms(w, 59900);
	assert_int_equal(conns_used(w), 1);
	quiet_for_ms(w, 200);
	assert_int_equal(conns_used(w), 0);
	w->know_iss = false;
	p = app_connected(w);
	app_opt(w, p, IPPROTO_TCP, 8 /* TCP_LINGER2 */, 5);
	app_shutdown(w, p, SHUT_WR);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 0, 2);
	quiet_for_ms(w, 20000);
	app_close(w, p); /* now it is an orphan */
	quiet_for_ms(w, 4900);
	assert_int_equal(conns_used(w), 1);
	quiet_for_ms(w, 200);
	assert_int_equal(conns_used(w), 0);
}

/* RFC 2525 2.17 */
static void close_with_unread_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	in_held(w, ACK, 1, 10, 1);
	app_close(w, p);
	out(w, RST | ACK, 1, 0, 11);
	out_none(w);
	assert_int_equal(conns_used(w), 1);
}

static void linger_zero(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct linger l = {.l_onoff = 1, .l_linger = 0}, got;
	uint32_t len = sizeof(got);

	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(tcp_getopt(w->t, p, SOL_SOCKET, SO_LINGER, &got, &len), 0);
	assert_memory_equal(&got, &l, sizeof(l));
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out_skip(w);
	app_close(w, p);
	out(w, RST | ACK, 11, 0, 1);
	assert_int_equal(conns_used(w), 0);
}

/* RFC 1122 4.2.2.13: data that nobody will read. */
static void data_to_orphan(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 0, 2);
	in(w, ACK, 1, 100, 2);
	out(w, RST, 2, 0, 0);
	assert_int_equal(conns_used(w), 0);
	w->know_iss = false;
	p = app_connected(w);
	app_shutdown(w, p, SHUT_RDWR); /* the same with the descriptor still open */
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 100, 1); /* it has not seen our FIN, and would not believe a reset behind it (RFC 5961 3.2) */
	out(w, RST, 1, 0, 0);
	assert_int_equal(p->c.so_error, ECONNRESET);
}

/* B3 */
static void disconnect(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in(w, ACK, 1, 10, 1);
	assert_int_equal(tcp_disconnect(w->t, p), 0);
	host_flush(&w->h);
	out(w, RST | ACK, 1, 0, 11);
	assert_int_equal(p->c.so_error, ECONNRESET);
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWRNORM);
	assert_int_equal(p->c.h.key.lport_be, 0);
	assert_int_equal(p->c.h.key.laddr_be, 0);
	p->c.so_error = 0;
	w->know_iss = false;
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	assert_int_equal(tcp_disconnect(w->t, p), 0); /* B7: silently */
	host_flush(&w->h);
	out_none(w);
	assert_int_equal(p->c.so_error, ECONNRESET);
}

/* B9: a listener that is disconnected is a bound socket again. */
static void disconnect_listener(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 5);

	assert_int_equal(tcp_disconnect(w->t, l), 0);
	assert_int_equal(l->c.type, CONN_TCP);
	in(w, SYN, 0, 0, 0);
	w->our_iss = 0;
	out(w, RST | ACK, 0, 0, 1);
	assert_int_equal(tcp_listen(w->t, l, 5), 0);
	w->know_iss = false;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	app_shutdown(w, l, SHUT_RD); /* as Linux: the same */
	assert_int_equal(l->state, TCP_CLOSED);
}

/* close() before the peer's ACK of a crossed SYN: the FIN follows the handshake. */
static void close_in_syn_received(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	app_close(w, p);
	out_none(w);
	in(w, ACK, 1, 0, 1);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 0, 2);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
}

/* ---- RST in every state ---- */

/* RFC 9293 3.10.7.4 second step with RFC 5961 3.2: exact number: reset; in the window: challenge; else silence. */
static void reset_in_every_state(void **state)
{
	static const enum tcp_state all[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT, TCP_CLOSING,
					     TCP_LAST_ACK};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct tcp_pcb *p = app_in_state(w, all[i]);
		uint32_t nxt = p->rcv_nxt - w->peer_iss, our = p->snd_nxt - w->our_iss;

		in(w, RST, nxt + 100000, 0, 0);
		in(w, RST, nxt - 1, 0, 0);
		out_none(w);
		in(w, RST, nxt + 1, 0, 0);
		out(w, ACK, our, 0, nxt);
		in(w, RST | ACK, nxt + 65000, 0, 1); /* at most one challenge in half a second */
		out_none(w);
		assert_int_equal(p->state, all[i]);
		in(w, RST, nxt, 0, 0);
		out_none(w);
		assert_int_equal(p->state, TCP_CLOSED);
		assert_int_equal(p->c.so_error, all[i] == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
		assert_int_equal(tcp_poll(w->t, p),
				 EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM);
	}
	assert_int_equal(w->t->stats.resets_in, 6);
}

/* RFC 5961 4.2: a SYN in any of them is answered by a challenge. */
static void syn_in_every_state(void **state)
{
	static const enum tcp_state all[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT, TCP_CLOSING,
					     TCP_LAST_ACK};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct tcp_pcb *p = app_in_state(w, all[i]);
		uint32_t nxt = p->rcv_nxt - w->peer_iss, our = p->snd_nxt - w->our_iss;

		in(w, SYN, nxt + 10, 0, 0);
		out(w, ACK, our, 0, nxt);
		after_ms(w, TCP_ANSWER_MS);
		out_skip(w); /* FINs again */
		in(w, SYN, nxt + 200000, 0, 0); /* outside: by the first step */
		out(w, ACK, our, 0, nxt);
		after_ms(w, TCP_ANSWER_MS);
		out_skip(w);
		in(w, SYN | ACK, nxt, 0, 1);
		out(w, ACK, our, 0, nxt);
		assert_int_equal(p->state, all[i]);
	}
}

/* ---- TIME-WAIT ---- */

static void into_timewait(struct world *w)
{
	struct tcp_pcb *p = app_accepted(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	assert_int_equal(w->t->stats.timewait, 1);
}

static void timewait_rules(void **state)
{
	struct world *w = *state;

	into_timewait(w);
	in(w, ACK, 2, 0, 2);        /* in step: silence */
	in(w, RST, 2, 0, 0);        /* RFC 1337 */
	out_none(w);
	after_ms(w, 50000);
	in(w, ACK | FIN, 1, 0, 2);  /* our ACK was lost: again, and 2 MSL anew */
	out(w, ACK, 2, 0, 2);
	quiet_for_ms(w, 59900);
	in(w, ACK, 2, 10, 2);       /* text: an ACK */
	out(w, ACK, 2, 0, 2);
	in(w, SYN, 1, 0, 0);        /* an old SYN: an ACK, but one answer in half a second to what may be an answer */
	out_none(w);
	assert_int_equal(w->t->stats.timewait, 1);
	quiet_for_ms(w, 200);
	assert_int_equal(w->t->stats.timewait, 0);
}

/* RFC 1122 4.2.2.13 without timestamps: a higher number opens anew. */
static void timewait_reopen_by_number(void **state)
{
	struct world *w = *state;
	uint32_t old_iss;

	into_timewait(w);
	old_iss = w->our_iss;
	w->know_iss = false;
	w->peer_iss += 100;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(seq_gt(w->our_iss, old_iss + 2));
	assert_int_equal(w->t->stats.timewait, 0);
	in(w, ACK, 1, 0, 1);
	assert_int_equal(w->t->stats.synrcvd, 0);
}

/* RFC 6191: a newer timestamp opens anew, whatever the number; an older one does not. */
static void timewait_reopen_by_timestamp(void **state)
{
	struct world *w = *state;

	w->ts = true;
	into_timewait(w);
	w->peer_ts--;
	in(w, SYN, 5000, 0, 0);
	out(w, ACK, 2, 0, 2);
	w->peer_ts += 2;
	w->know_iss = false;
	w->peer_iss -= 100000;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(w->t->stats.timewait, 0);
}

/* Without a listener nobody takes over. */
static void timewait_without_listener(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	in(w, SYN, 500000, 0, 0);
	out(w, ACK, 2, 0, 2);
	assert_int_equal(w->t->stats.timewait, 1);
}

/* The port is busy until TIME-WAIT is over. G19: a socket bound to it may take over, with timestamps. */
static void timewait_port(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);
	struct eport_stats es;
	uint32_t old_iss;

	p->c.flags |= CONN_REUSEADDR;
	w->ts = true;
	assert_int_equal(tcp_bind(w->t, p, 0, RTE_BE16(7777)), 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	eport_stats_get(w->h.eport, &es);
	assert_int_equal(es.taken - es.returned, 1);
	old_iss = w->our_iss;
	p = tcp_new(w->t);
	p->c.flags |= CONN_REUSEADDR;
	assert_int_equal(tcp_bind(w->t, p, 0, RTE_BE16(7777)), 0);
	after_ms(w, 10);
	w->know_iss = false;
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	assert_int_equal(w->t->stats.timewait, 0);
	{
		uint32_t ts = w->ts_seen;

		out(w, SYN, 0, 0, 0);
		assert_true(seq_gt(w->ts_seen, ts)); /* the tuple's timestamps only grow */
	}
	assert_true(seq_gt(w->our_iss, old_iss + 2));
}

/* When all are in use the oldest gives way. */
static void timewait_overflow(void **state)
{
	struct world *w = *state;

	w->t->timewait_max = 3;
	for (unsigned i = 0; i < 5; i++) {
		struct tcp_pcb *p;

		w->know_iss = false;
		p = app_connected(w);
		app_close(w, p);
		out(w, ACK | FIN, 1, 0, 1);
		in(w, ACK | FIN, 1, 0, 2);
		out(w, ACK, 2, 0, 2);
	}
	assert_int_equal(w->t->stats.timewait, 3);
	assert_int_equal(w->t->stats.timewait_overflow, 2);
	in(w, ACK | FIN, 1, 0, 2); /* the newest is among those that are left */
	out(w, ACK, 2, 0, 2);
}

/* When not even the oldest can give way, there is no TIME-WAIT: the connection is gone, and its port free. */
static void timewait_none(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct eport_stats es;

	w->t->timewait_max = 0;
	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	assert_int_equal(w->t->stats.timewait, 0);
	assert_int_equal(w->t->stats.timewait_overflow, 1);
	assert_int_equal(conns_used(w), 0);
	eport_stats_get(w->h.eport, &es);
	assert_int_equal(es.taken, es.returned);
	in(w, ACK | FIN, 1, 0, 2); /* nobody's */
	out(w, RST, 2, 0, 0);
}

/* TCP_LINGER2 below zero, as on Linux: an orphan does not wait in FIN-WAIT-2 at all. */
static void linger2_negative(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_TCP, 8 /* TCP_LINGER2 */, -1);
	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 0, 2);
	out(w, RST | ACK, 2, 0, 1);
	assert_int_equal(conns_used(w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(active_close), world_test(close_with_data), world_test(passive_close), world_test(simultaneous_close),
		world_test(half_close_ours), world_test(half_close_theirs), world_test(early_fin), world_test(text_after_fin),
		world_test(fin_retransmission), world_test(last_ack_retransmission), world_test(fin_behind_data),
		world_test(orphan_fin_wait_2), world_test(close_with_unread_data), world_test(linger_zero),
		world_test(data_to_orphan), world_test(disconnect), world_test(disconnect_listener),
		world_test(close_in_syn_received), world_test(reset_in_every_state), world_test(syn_in_every_state),
		world_test(timewait_rules), world_test(timewait_reopen_by_number), world_test(timewait_reopen_by_timestamp),
		world_test(timewait_without_listener), world_test(timewait_port), world_test(timewait_overflow),
		world_test(timewait_none), world_test(linger2_negative),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
