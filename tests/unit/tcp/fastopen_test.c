/* fastopen_test.c: TCP Fast Open, both roles (RFC 7413), exact segments; and TCP_DEFER_ACCEPT. */
#include <linux/tcp.h>
#include <netinet/ip_icmp.h>

#include <rte_ip.h>

#include "world.h"

#include "tcp/fastopen.h"
#include "tcp/info.h"

static const uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* ---- server ---- */

static struct tcp_pcb *listen_fast(struct world *w, int qlen)
{
	struct tcp_pcb *l;

	w->t->fastopen = TCP_FO_CLIENT | TCP_FO_SERVER;
	l = app_listen(w, 8);
	app_opt(w, l, IPPROTO_TCP, TCP_FASTOPEN, qlen);
	return l;
}

static void syn_from(struct world *w, uint16_t rport, const uint8_t *c, uint8_t c_len, uint32_t len)
{
	w->rport = rport;
	w->know_iss = false;
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .len = len,
				.o = {.has_mss = true, .mss = MSS, .has_fo = c != NULL, .fo = c, .fo_len = c_len}});
}

/* 4.1.1, 4.2.2: a SYN that wishes for a cookie gets one with its SYN-ACK, and a handshake like any other. */
static void ask(struct world *w, struct tcp_pcb *l, uint8_t *to)
{
	struct tcp_pcb *p;

	syn_from(w, CPORT, to, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.has_fo && !w->got.o.fo_exp);
	assert_int_equal(w->got.o.fo_len, 8);
	memcpy(to, w->got.o.fo, 8);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	tcp_opt_need(w->t, p)->linger_s = 0;
	app_close(w, p);
	out_skip(w);
}

static void server_takes_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101); /* the data with it */
	assert_false(w->got.o.has_fo);
	out_none(w);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	assert_int_equal(tcp_poll(w->t, p), EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(app_recv(w, p, 1, 200), 100);
	assert_int_equal(app_send(w, p, 1, 2920), 2920); /* the answer before the handshake is over */
	out(w, ACK, 1, 1460, 101);
	out(w, ACK, 1461, 1460, 101);
	in(w, ACK, 101, 0, 1461); /* of the SYN and a part of the answer */
	assert_int_equal(p->state, TCP_ESTABLISHED);
	in(w, ACK, 101, 0, 2921);
	assert_int_equal(tcp_unsent(w->t, p), 0);
	assert_int_equal(w->t->stats.fastopen_passive, 1);
	assert_int_equal(w->t->stats.synrcvd, 0);
	assert_true(p->xflags & TX_FO_TAKEN); /* TCPI_OPT_SYN_DATA */
	in(w, ACK | FIN, 101, 0, 2921);
	out(w, ACK, 2921, 0, 102);
	app_close(w, p);
	out(w, ACK | FIN, 2921, 0, 102);
	in(w, ACK, 102, 0, 2922);
}

/* The SYN-ACK announces what is left of the buffer behind the SYN's text; text that does not fit is not taken. */
static void server_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	app_opt(w, l, SOL_SOCKET, SO_RCVBUF, 2500);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	assert_int_equal(w->got.wnd, 5000 - 100);
	in(w, ACK, 101, 0, 1);
	p = tcp_accept(w->t, &l->c);
	for (uint32_t at = 101; at < 5001; at += 700)
		in(w, ACK, at, 700, 1);
	out_skip(w);
	assert_int_equal(app_recv(w, p, 1, 5000), 5000); /* all that was announced */
	out_skip(w);
	l->rcvbuf = 60;
	syn_from(w, CPORT + 2, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 61);
	assert_int_equal(w->got.wnd, 0);
	in(w, RST, 61, 0, 0);
}

/* The answer is lost, and the SYN-ACK too: the SYN-ACK goes again after a second, the answer as soon as its RTO says so. */
static void server_repeats(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	p = tcp_accept(w->t, &l->c);
	assert_int_equal(app_recv(w, p, 1, 200), 100);
	assert_int_equal(app_send(w, p, 1, 50), 50);
	out(w, ACK, 1, 50, 101);
	quiet_then_ms(w, 1000);
	out(w, SYN | ACK, 0, 0, 101);
	in(w, SYN, 0, 0, 0); /* the client's, without data now: 4.2.1 */
	out(w, SYN | ACK, 0, 0, 101);
	in(w, ACK, 101, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	out_none(w);
	quiet_then_ms(w, 1000); /* RFC 6298 2.1: nothing was timed */
	out(w, ACK, 1, 50, 101);
	in(w, ACK, 101, 0, 51);
	assert_int_equal(tcp_unsent(w->t, p), 0);
}

/* Nobody answers: 1, 2, 4, 8, 16 and 32 s, as for every SYN-ACK. */
static void server_gives_up(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 10);
	out(w, SYN | ACK, 0, 0, 11);
	p = tcp_accept(w->t, &l->c);
	for (unsigned s = 1; s <= 16; s *= 2) {
		quiet_then_ms(w, s * 1000);
		out(w, SYN | ACK, 0, 0, 11);
	}
	quiet_for_ms(w, 31990);
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	quiet_for_ms(w, 20);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(app_recv(w, p, 1, 100), 10);
	assert_int_equal(app_recv(w, p, 11, 100), -ETIMEDOUT);
}

/* 4.1.2: a wrong, short or old cookie is no cookie: the data is not taken, and a good cookie comes back. */
static void server_refuses(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5);
	uint8_t c[16], bad[16];

	ask(w, l, c);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t len = (uint8_t[]){8, 4, 16, 8}[i];

		memcpy(bad, c, sizeof(bad));
		bad[i] ^= 1;
		syn_from(w, (uint16_t)(CPORT + 1 + i), bad, len, 100);
		out(w, SYN | ACK, 0, 0, 1);
		assert_true(w->got.o.has_fo);
		assert_memory_equal(w->got.o.fo, c, 8);
		in(w, RST, 1, 0, 0);
	}
	assert_int_equal(w->t->stats.fastopen_refused, 4);
	syn_from(w, CPORT + 9, NULL, 0, 100); /* none at all: no answer about cookies either */
	out(w, SYN | ACK, 0, 0, 1);
	assert_false(w->got.o.has_fo);
	in(w, RST, 1, 0, 0);
	assert_null(tcp_accept(w->t, &l->c));
}

/* The experimental option (RFC 7413 appendix) is answered by itself. */
static void server_experimental(void **state)
{
	struct world *w = *state;

	listen_fast(w, 5);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_fo = true, .fo_exp = true}});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.has_fo && w->got.o.fo_exp);
	assert_int_equal(w->got.o.fo_len, 8);
}

/* A valid cookie without data: the connection is there at once all the same. A SYN-ACK is no SYN, a FIN none either. */
static void server_cookie_alone(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 0);
	out(w, SYN | ACK, 0, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	app_close(w, p); /* its FIN waits for ESTABLISHED (RFC 9293 3.10.4) */
	out_none(w);
	in(w, ACK, 1, 0, 1);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK, 1, 0, 2);
}

/* 5.1: no more unfinished ones than TCP_FASTOPEN says; resets keep their place for a minute; then there is room again. */
static void server_queue(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 2);
	uint32_t iss[4];
	uint8_t c[16];

	ask(w, l, c);
	for (unsigned i = 0; i < 4; i++) {
		syn_from(w, (uint16_t)(CPORT + 1 + i), c, 8, 100);
		out(w, SYN | ACK, 0, 0, i < 2 ? 101 : 1); /* the others' data is dropped, RFC 7413 5.1 */
		iss[i] = w->our_iss;
	}
	assert_int_equal(w->t->stats.fastopen_overflow, 2);
	w->rport = CPORT + 1;
	w->our_iss = iss[0];
	in(w, RST, 101, 0, 0);
	syn_from(w, CPORT + 10, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 1); /* still full */
	in(w, RST, 1, 0, 0);
	w->rport = CPORT + 2;
	w->our_iss = iss[1];
	in(w, ACK, 101, 0, 1); /* this one is finished */
	syn_from(w, CPORT + 11, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	in(w, ACK, 101, 0, 1);
	after_ms(w, 2 * TCP_FO_FAILED_MS);
	out_skip(w);
	for (unsigned i = 0; i < 3; i++) {
		syn_from(w, (uint16_t)(CPORT + 20 + i), c, 8, 100);
		out(w, SYN | ACK, 0, 0, i < 2 ? 101 : 1);
	}
}

/* RFC 9293 3.10.7.4 in SYN-RECEIVED, for these: RST, ACKs of what was not sent, another SYN. */
static void server_segments(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	p = tcp_accept(w->t, &l->c);
	in(w, ACK, 101, 0, 2);
	out(w, RST, 2, 0, 0);
	in(w, ACK, 101, 0, 0);
	out(w, RST, 0, 0, 0);
	in(w, 0, 101, 10, 0);
	out_none(w);
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	in(w, RST, 101, 0, 0);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->c.so_error, ECONNRESET);
	out_none(w);
}

/* More data comes before the ACK of the SYN-ACK was seen: it has an ACK of its own. */
static void server_more_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	in(w, ACK | FIN, 201, 50, 1);
	out(w, ACK, 1, 0, 101);
	in(w, ACK, 101, 100, 1);
	p = tcp_accept(w->t, &l->c);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	assert_int_equal(app_recv(w, p, 1, 1000), 250);
}

/* Without the option on the listener, or switched off: data in SYNs is not taken, cookies are not given. */
static void server_off(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5);
	uint8_t c[16];

	ask(w, l, c);
	app_opt(w, l, IPPROTO_TCP, TCP_FASTOPEN, 0);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 1);
	assert_false(w->got.o.has_fo);
	app_opt(w, l, IPPROTO_TCP, TCP_FASTOPEN, 5);
	w->t->fastopen = TCP_FO_CLIENT;
	syn_from(w, CPORT + 2, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 1);
	assert_false(w->got.o.has_fo);
}

/* TCP_FASTOPEN_NO_COOKIE: everybody's data is taken. TCP_FO_SERVER_ALL: listeners need not ask. */
static void server_without_cookies(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l;

	w->t->fastopen = TCP_FO_SERVER | TCP_FO_SERVER_ALL;
	l = app_listen(w, 3);
	syn_from(w, CPORT, NULL, 0, 100);
	out(w, SYN | ACK, 0, 0, 1);
	app_opt(w, l, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	syn_from(w, CPORT + 1, NULL, 0, 100);
	out(w, SYN | ACK, 0, 0, 101);
	out_skip(w);
}

/* TCP_FASTOPEN_KEY: two keys; cookies of the second are believed, and replaced. Values as Linux. */
static void server_keys(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5);
	uint8_t c[16], keys[32], got[40];
	uint32_t len = sizeof(got);

	ask(w, l, c);
	assert_int_equal(tcp_getopt(w->t, l, IPPROTO_TCP, TCP_FASTOPEN_KEY, got, &len), 0);
	assert_int_equal(len, 16);
	memset(keys, 0x5a, 16);
	memcpy(keys + 16, got, 16);
	assert_int_equal(tcp_setopt(w->t, l, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, 15), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, l, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, 33), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, l, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, 32), 0);
	len = sizeof(got);
	assert_int_equal(tcp_getopt(w->t, l, IPPROTO_TCP, TCP_FASTOPEN_KEY, got, &len), 0);
	assert_int_equal(len, 32);
	assert_memory_equal(got, keys, 32);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	assert_true(w->got.o.has_fo); /* of the first key from now on */
	assert_memory_not_equal(w->got.o.fo, c, 8);
	memcpy(c, w->got.o.fo, 8);
	syn_from(w, CPORT + 2, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	assert_false(w->got.o.has_fo);
}

/* Under pressure there are cookies of the other sort only (as Linux). */
static void server_under_pressure(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5);
	uint8_t c[16];

	ask(w, l, c);
	w->t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(conns_used(w), 1);
}

static void option_rules(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t), *q;
	int v, bad = -1, two = 2, one = 1;
	uint32_t len = sizeof(v);

	w->t->fastopen = TCP_FO_CLIENT;
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN, &bad, sizeof(bad)), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &two, sizeof(two)), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &two, sizeof(two)), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)), 0);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &v, &len), 0);
	assert_int_equal(v, 1);
	app_opt(w, p, IPPROTO_TCP, TCP_FASTOPEN, 7);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN, &v, &len), 0);
	assert_int_equal(v, 7);
	w->t->fastopen = 0;
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)), -EOPNOTSUPP);
	assert_int_equal(tcp_fastopen_once(w->t, p, true), -EOPNOTSUPP);
	w->t->fastopen = TCP_FO_CLIENT;
	tcp_close(w->t, p);
	q = app_connected(w);
	assert_int_equal(tcp_setopt(w->t, q, IPPROTO_TCP, TCP_FASTOPEN, &one, sizeof(one)), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, q, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)), -EINVAL);
}

/* ---- client ---- */

static struct tcp_pcb *connect_fast(struct world *w)
{
	struct tcp_pcb *p = tcp_new(w->t);

	w->t->fastopen = TCP_FO_CLIENT;
	w->know_iss = false;
	app_opt(w, p, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	return p;
}

/* The same, and its SYN has left with len bytes. */
static struct tcp_pcb *open_fast(struct world *w, uint32_t len)
{
	struct tcp_pcb *p = connect_fast(w);

	assert_int_equal(app_send(w, p, 1, len), len);
	out(w, SYN, 0, len, 0);
	return p;
}

static void synack(struct world *w, uint32_t ack, const uint8_t *c, uint8_t c_len)
{
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = ack, .wnd = w->peer_wnd,
				.o = {.has_mss = true, .mss = MSS, .has_fo = c != NULL, .fo = c, .fo_len = c_len}});
}

/* J1: without a cookie a normal connect that asks for one (RFC 7413 4.1.1). */
static void learn(struct world *w)
{
	struct tcp_pcb *p = connect_fast(w);

	assert_false(tcp_fastopen_waits(p));
	out(w, SYN, 0, 0, 0);
	assert_true(w->got.o.has_fo && !w->got.o.fo_exp);
	assert_int_equal(w->got.o.fo_len, 0);
	synack(w, 1, cookie, 8);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	tcp_opt_need(w->t, p)->linger_s = 0;
	app_close(w, p);
	out_skip(w);
}

static void client_asks(void **state) { learn(*state); }

/* J2 to J5: with a cookie connect() sends nothing; the first data leaves with the SYN. */
static void client_sends_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	out_none(w);
	assert_true(tcp_fastopen_waits(p));
	assert_int_equal(tcp_poll(w->t, p), EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(app_recv(w, p, 0, 10), -EAGAIN);
	quiet_for_ms(w, 10000);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	assert_int_equal(tcp_poll(w->t, p), 0);
	out(w, SYN, 0, 100, 0);
	assert_true(w->got.o.has_fo && w->got.o.has_mss && w->got.o.has_ts && w->got.o.has_wscale);
	assert_int_equal(w->got.o.fo_len, 8);
	assert_memory_equal(w->got.o.fo, cookie, 8);
	assert_int_equal(app_send(w, p, 101, 10), -EAGAIN);
	synack(w, 101, NULL, 0);
	out(w, ACK, 101, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(tcp_unsent(w->t, p), 0);
	assert_int_equal(w->t->stats.fastopen_taken, 1);
	assert_int_equal(app_send(w, p, 101, 10), 10);
	out(w, ACK, 101, 10, 1);
	in(w, ACK, 1, 20, 111);
	assert_int_equal(app_recv(w, p, 1, 100), 20);
}

/* 4.2.1: what does not fit into the SYN is the caller's; with the cached MSS, all options counted. */
static void client_fills_the_syn(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	assert_int_equal(app_send(w, p, 1, 5000), MSS - 40);
	out(w, SYN, 0, MSS - 40, 0);
	synack(w, 1 + MSS - 40, NULL, 0);
	out(w, ACK, 1 + MSS - 40, 0, 1);
}

/* The server did not take the data, or a part: it goes again at once, with the handshake's ACK (4.2.1). */
static void client_data_refused(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	for (uint32_t taken = 0; taken <= 40; taken += 40) {
		p = open_fast(w, 100);
		synack(w, 1 + taken, NULL, 0);
		out(w, ACK, 1 + taken, 100 - taken, 1);
		out_none(w);
		in(w, ACK, 1, 0, 101);
		assert_int_equal(tcp_unsent(w->t, p), 0);
	}
}

/* What goes again is neither timed nor small for Nagle; TCP_INFO knows it as a retransmission. It is repaired like any loss. */
static void client_data_again(void **state)
{
	struct world *w = *state;
	struct tcp_info i;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, SYN, 0, 100, 0);
	after_ms(w, 50);
	synack(w, 1, NULL, 0);
	out(w, ACK, 1, 100, 1);
	tcp_info_get(w->t, p, &i);
	assert_int_equal(i.tcpi_retrans, 1);
	assert_int_equal(i.tcpi_unacked, 1);
	assert_false(p->xflags & TX_FO_TAKEN);
	assert_int_equal(app_send(w, p, 101, 10), 10);
	out(w, ACK, 101, 10, 1);
	quiet_then_ms(w, 250);
	out(w, ACK, 1, 110, 1);
	in(w, ACK, 1, 0, 111);
	assert_int_equal(p->srtt_us8 >> 3, 50000); /* the handshake's */
	assert_int_equal(tcp_unsent(w->t, p), 0);
}

/* Nor is it forgotten when the SYN-ACK takes nothing and has no window: that is probed. */
static void client_data_waits(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, SYN, 0, 100, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 0, .o = {.has_mss = true, .mss = 1460}});
	out(w, ACK, 1, 0, 1);
	after_ms(w, 300);
	out(w, ACK, 0, 0, 1);
	in_seg(w, &(struct seg){.flags = ACK, .seq = 1, .ack = 1, .wnd = 1000});
	out(w, ACK, 1, 100, 1);
	in(w, ACK, 1, 0, 101);
	assert_int_equal(tcp_unsent(w->t, p), 0);
}

/* 4.2.1, and RFC 1191: a router has no room for the SYN: it goes again at once, without data and option. */
static void client_narrowed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	assert_int_equal(app_send(w, p, 1, 1000), 1000);
	out(w, SYN, 0, 1000, 0);
	after_ms(w, 10);
	in_icmp(w, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 800, 1); /* of nothing that was sent */
	out_none(w);
	in_icmp(w, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 800, 0);
	out(w, SYN, 0, 0, 0);
	assert_false(w->got.o.has_fo);
	assert_int_equal(w->got.o.mss, 760);
	in_icmp(w, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 800, 0); /* known by now */
	out_none(w);
	after_ms(w, 20);
	synack(w, 1, NULL, 0);
	out(w, ACK, 1, 760, 1);
	out(w, ACK, 761, 240, 1);
	assert_int_equal(p->srtt_us8 >> 3, 20000); /* of the SYN that arrived */
	in(w, ACK, 1, 0, 1001);
}

/* The rest of a request that leaves with the handshake's ACK: what comes back is an answer, whose ACK may wait. */
static void client_request_goes_on(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	for (unsigned alone = 0; alone < 2; alone++) {
		p = connect_fast(w);
		assert_int_equal(app_send(w, p, 1, 100), 100);
		out(w, SYN, 0, 100, 0);
		in_seg_held(w, &(struct seg){.flags = SYN | ACK, .ack = 101, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
		if (alone) {
			host_flush(&w->h);
			out(w, ACK, 101, 0, 1);
		}
		assert_int_equal(app_send(w, p, 101, 50), 50);
		out(w, ACK, 101, 50, 1);
		in(w, ACK, 1, 20, 151);
		if (!alone)
			quiet_then(w, TCP_DELACK_US);
		out(w, ACK, 151, 0, 21);
	}
}

/* An ACK of more than was sent, or of less than the SYN, is none (RFC 9293 3.10.7.3). */
static void client_ack_range(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	w->lport = rte_be_to_cpu_16(p->c.h.key.lport_be);
	in(w, SYN | ACK, 0, 0, 1); /* before there was a SYN */
	in(w, RST | ACK, 0, 0, 1);
	out_none(w);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, SYN, 0, 100, 0);
	synack(w, 0, NULL, 0);
	out(w, RST, 0, 0, 0);
	synack(w, 102, NULL, 0);
	out(w, RST, 102, 0, 0);
	assert_int_equal(p->state, TCP_SYN_SENT);
	in(w, RST | ACK, 0, 0, 101); /* J7 */
	assert_int_equal(p->c.so_error, ECONNREFUSED);
	assert_int_equal(w->t->bufs.used, 0);
}

/* 4.2.1: repeated without data and option. An ACK of the first one's data is still good. */
static void client_repeats(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = open_fast(w, 100);
	quiet_then_ms(w, 1000);
	out(w, SYN, 0, 0, 0);
	assert_false(w->got.o.has_fo);
	synack(w, 101, NULL, 0);
	out(w, ACK, 101, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
}

/* 4.1.3.1: SYNs with data vanish: after the second one plain SYNs go, for four minutes; then it is tried again. */
static void client_black_hole(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	for (int i = 0; i < 2; i++) {
		p = open_fast(w, 100);
		quiet_then_ms(w, 1000);
		out(w, SYN, 0, 0, 0);
		synack(w, 1, NULL, 0);
		out(w, ACK, 1, 100, 1);
		in(w, ACK, 1, 0, 101);
	}
	p = connect_fast(w);
	out(w, SYN, 0, 0, 0);
	assert_false(w->got.o.has_fo);
	synack(w, 1, NULL, 0);
	out(w, ACK, 1, 0, 1);
	after_ms(w, 4 * TCP_FO_LOSS_MS);
	p = connect_fast(w);
	out_none(w);
	assert_true(tcp_fastopen_waits(p));
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, SYN, 0, 100, 0);
	synack(w, 101, NULL, 0); /* all is well */
	out(w, ACK, 101, 0, 1);
	p = connect_fast(w);
	assert_true(tcp_fastopen_waits(p));
}

/* A cookie that nobody asked for is not kept; one in the answer to data replaces the old one. */
static void client_cookie_rules(void **state)
{
	static const uint8_t other[4] = {9, 9, 9, 9};
	struct world *w = *state;
	struct tcp_pcb *p;

	app_connect(w);
	out(w, SYN, 0, 0, 0);
	synack(w, 1, cookie, 8);
	out(w, ACK, 1, 0, 1);
	learn(w);
	p = open_fast(w, 1);
	synack(w, 1, other, 4);
	out(w, ACK, 1, 1, 1);
	p = open_fast(w, 1);
	assert_int_equal(w->got.o.fo_len, 4);
	assert_memory_equal(w->got.o.fo, other, 4);
	synack(w, 2, NULL, 0);
	out(w, ACK, 2, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
}

/* TCP_FASTOPEN_NO_COOKIE: data at once, without option. */
static void client_without_cookie(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	w->t->fastopen = TCP_FO_CLIENT;
	app_opt(w, p, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	assert_int_equal(tcp_fastopen_once(w->t, p, true), 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	assert_true(tcp_fastopen_waits(p));
	assert_int_equal(app_send(w, p, 1, 1000), MSS - 40 < 536 - 40 ? MSS - 40 : 536 - 40); /* no MSS is known yet */
	out(w, SYN, 0, 496, 0);
	assert_false(w->got.o.has_fo);
	synack(w, 497, NULL, 0);
	out(w, ACK, 497, 0, 1);
}

/* J6, C28, C29: giving up what was only promised. */
static void client_gives_up(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	assert_int_equal(tcp_disconnect(w->t, p), 0);
	assert_int_equal(p->state, TCP_CLOSED);
	p->c.so_error = 0;
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0); /* the option stays: Linux */
	assert_true(tcp_fastopen_waits(p));
	app_shutdown(w, p, SHUT_RDWR);
	assert_int_equal(p->state, TCP_CLOSED);
	p = connect_fast(w);
	app_close(w, p);
	p = open_fast(w, 100);
	app_close(w, p);
	out_none(w);
	assert_int_equal(conns_used(w), 1); /* the one that was shut down */
	assert_int_equal(w->t->bufs.used, 0);
}

/* Crossed SYNs (RFC 9293 figure 8): the data goes after the handshake. */
static void client_crossed_syns(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = open_fast(w, 100);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	out(w, ACK, 1, 100, 1);
}

/* The peer takes our SYN's text; its own text we cannot vouch for, and its answer to that is to send it again. */
static void client_crossed_requests(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	learn(w);
	p = connect_fast(w);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, SYN, 0, 100, 0);
	in_seg(w, &(struct seg){.flags = SYN, .len = 30, .wnd = 65535,
				.o = {.has_mss = true, .mss = MSS, .sack_ok = true, .has_fo = true, .fo = cookie, .fo_len = 8}});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, SYN | ACK, 0, 0, 102); /* more than there was */
	out(w, RST, 102, 0, 0);
	in(w, SYN | ACK, 0, 0, 101);
	out(w, ACK, 101, 0, 1);
	assert_int_equal(w->got.o.n_sack, 1); /* the SYN came twice (RFC 2883) */
	assert_int_equal(w->got.o.sack[0].right - w->got.o.sack[0].left, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(tcp_unsent(w->t, p), 0);
	assert_true(p->xflags & TX_FO_TAKEN);
	in(w, ACK, 1, 30, 101);
	out(w, ACK, 101, 0, 31);
	assert_int_equal(app_recv(w, p, 1, 100), 30);
}

/* TCP_INFO tells how a connection began also when it was reset. */
static void server_reset_is_told(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = listen_fast(w, 5), *p;
	struct tcp_info i;
	uint8_t c[16];

	ask(w, l, c);
	syn_from(w, CPORT + 1, c, 8, 100);
	out(w, SYN | ACK, 0, 0, 101);
	p = tcp_accept(w->t, &l->c);
	in(w, RST, 101, 0, 0);
	assert_int_equal(p->state, TCP_CLOSED);
	tcp_info_get(w->t, p, &i);
	assert_true(i.tcpi_options & TCPI_OPT_SYN_DATA);
	assert_false(tcp_fastopen_waits(p));
	app_close(w, p);
}

/* The cache is bounded: sets of four by addresses, of which the oldest goes. */
static void client_cache_is_bounded(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);
	uint32_t n = 0;
	const struct tcp_fo_peer *e = w->t->fo_cache.base;

	for (uint32_t i = 1; i <= 4 * TCP_FO_PEERS; i++) {
		p->c.h.key = (struct flow_key){US, rte_cpu_to_be_32(RTE_IPV4(11, 0, 0, 0) + i), 1, 2};
		p->xflags |= TX_FO_SYN;
		tcp_fo_synack(w->t, p, &(struct tcp_seg){.o = {.has_fo = true, .fo = cookie, .fo_len = 8}});
	}
	for (uint32_t i = 0; i < TCP_FO_PEERS; i++)
		n += e[i].len == 8;
	assert_true(n > TCP_FO_PEERS * 9 / 10 && n <= TCP_FO_PEERS);
	p->c.h.key = (struct flow_key){0};
}

/* ---- TCP_DEFER_ACCEPT ---- */

/* The ACK alone opens nothing; data does. */
static void defer_until_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	app_opt(w, l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	out_none(w);
	assert_null(tcp_accept(w->t, &l->c));
	quiet_for_ms(w, 2500); /* the SYN-ACK is not repeated: it was acknowledged */
	in(w, ACK, 1, 10, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(app_recv(w, p, 1, 100), 10);
}

/* At the end of the time the SYN-ACK goes once more, and its ACK opens the connection; or it is forgotten. */
static void defer_runs_out(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8);

	app_opt(w, l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3); /* 1 + 2 s: two repetitions */
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	quiet_then_ms(w, 3000);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	assert_non_null(tcp_accept(w->t, &l->c));
}

/* Seconds become repetitions, as on Linux, and what is asked back is the time of those. */
static void defer_values(void **state)
{
	const struct { int set, want; } row[] = {{0, 0}, {-5, 0}, {1, 1}, {2, 3}, {3, 3}, {4, 7}, {7, 7}, {8, 15}, {200, 247}};
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);
	uint32_t len = sizeof(int);
	int v;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		app_opt(w, p, IPPROTO_TCP, TCP_DEFER_ACCEPT, row[i].set);
		assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_DEFER_ACCEPT, &v, &len), 0);
		assert_int_equal(v, row[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(server_takes_data), world_test(server_window), world_test(server_repeats), world_test(server_gives_up), world_test(server_refuses),
		world_test(server_experimental), world_test(server_cookie_alone), world_test(server_queue), world_test(server_segments),
		world_test(server_more_data), world_test(server_off), world_test(server_without_cookies), world_test(server_keys),
		world_test(server_under_pressure), world_test(option_rules), world_test(client_asks), world_test(client_sends_data),
		world_test(client_fills_the_syn), world_test(client_data_refused), world_test(client_ack_range), world_test(client_repeats),
		world_test(client_black_hole), world_test(client_cookie_rules), world_test(client_without_cookie),
		world_test(client_gives_up), world_test(client_crossed_syns), world_test(client_crossed_requests), world_test(client_data_again), world_test(client_data_waits),
		world_test(client_narrowed), world_test(client_request_goes_on), world_test(server_reset_is_told), world_test(client_cache_is_bounded),
		world_test(defer_until_data), world_test(defer_runs_out), world_test(defer_values),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
