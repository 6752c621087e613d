/* bugs_attack_test.c: one named test for each class of attack on connections: guessing, forging, flag nonsense, holders that
 * never let go, floods. Each bounds the memory and the answers that it may cost. */
#include <errno.h>
#include <netinet/ip_icmp.h>

#include "world.h"

/* The synchronized states. */
static const enum tcp_state synced[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT, TCP_CLOSING,
					TCP_LAST_ACK};

/* ---- what must not be guessed ---- */

/* ISNs of tuples that differ in one bit, of one instant: no two near each other, and no pattern of differences (RFC 6528). */
static void predictable_isn(void **state)
{
	struct world *w = *state;
	uint32_t isn[256], ts;

	for (unsigned i = 0; i < 256; i++) {
		const struct flow_key key = {US, PEER, RTE_BE16(80), rte_cpu_to_be_16((uint16_t)(40000 + i))};

		tcp_isn(w->t, &key, &isn[i], &ts);
	}
	for (unsigned i = 2; i < 256; i++) {
		assert_true(isn[i] - isn[i - 1] != isn[i - 1] - isn[i - 2]);
		assert_true(isn[i] - isn[i - 1] + 1000 > 2000); /* 256 chances of 1 in two million */
	}
}

/* Timestamps tell no uptime, and those of one connection nothing about another's (RFC 7323 5.4). */
static void predictable_timestamp(void **state)
{
	struct world *w = *state;
	uint32_t ts[256], near = 0;

	for (unsigned i = 0; i < 256; i++) {
		w->know_iss = false;
		tcp_close(w->t, app_connect(w)); /* all at one instant */
		assert_true(out_take(w) && w->got.o.has_ts);
		ts[i] = w->got.o.tsval;
		near += ts[i] - w->h.clock.now_ms + 100000 < 200000; /* milliseconds since the start */
		out_skip(w);
	}
	assert_true(near <= 1);
	for (unsigned i = 2; i < 256; i++) {
		assert_true(ts[i] - ts[i - 1] != ts[i - 1] - ts[i - 2]);
		assert_true(ts[i] - ts[i - 1] + 1000 > 2000);
	}
}

static void predictable_port(void **state)
{
	struct world *w = *state;
	unsigned steps[64] = {0}, same = 0;
	uint16_t last = 0;

	for (unsigned i = 0; i < 64; i++) {
		struct tcp_pcb *p = tcp_new(w->t);
		uint16_t port;

		assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
		port = rte_be_to_cpu_16(p->c.h.key.lport_be);
		steps[i] = (uint16_t)(port - last);
		last = port;
		tcp_close(w->t, p);
	}
	host_flush(&w->h);
	out_skip(w);
	for (unsigned i = 2; i < 64; i++)
		same += steps[i] == steps[i - 1] || steps[i] == 1 || steps[i] == 2;
	assert_true(same <= 1); /* RFC 6056: no sequence */
}

/* An identification that counts would tell a third party how many packets we send to others (idle scan): 0 with DF (RFC 6864
 * 4.1). */
static void predictable_ip_id(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct rte_mbuf *m;
	unsigned n = 0;

	app_send(w, p, 1, 5000);
	in(w, RST, 5, 0, 0);
	w->lport = 999; /* a RST without a connection */
	in(w, ACK, 0, 0, 1);
	while ((m = host_sent(&w->h)) != NULL) {
		const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);

		assert_int_equal(ip[4] << 8 | ip[5], 0);
		assert_int_equal(ip[6] & 0x40, 0x40);
		rte_pktmbuf_free(m);
		n++;
	}
	assert_true(n >= 5);
}

/* ---- blind injection (RFC 5961) ---- */

/* A RST for every place of the window but the one: the connection stands, at most one answer in half a second. */
static void blind_rst(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 6; i++) {
		struct tcp_pcb *p = app_in_state(w, synced[i]);
		uint32_t nxt = p->rcv_nxt - w->peer_iss;

		for (uint32_t off = 1; off < 70000; off += 13) {
			in(w, RST, nxt + off, 0, 0);
			in(w, RST, nxt - off, 0, 0);
		}
		assert_int_equal(p->state, synced[i]);
		assert_true(out_count(w) <= 1);
		out_skip(w);
		in(w, RST, nxt, 0, 0);
		assert_int_equal(p->state, TCP_CLOSED);
		out_none(w);
	}
}

static void blind_syn(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 6; i++) {
		struct tcp_pcb *p = app_in_state(w, synced[i]);
		uint32_t nxt = p->rcv_nxt - w->peer_iss;

		for (uint32_t off = 0; off < 70000; off += 13) {
			in(w, SYN, nxt + off, 0, 0);
			in(w, SYN | ACK, nxt - off, 0, off);
			in(w, SYN | RST, nxt + off + 1, 0, 0);
		}
		assert_int_equal(p->state, synced[i]);
		assert_true(out_count(w) <= 1);
		out_skip(w);
	}
}

/* Data needs an ACK number between the oldest that can be on its way and the newest (5.2): one guess in 32768 at the least. */
static void blind_data(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	for (uint32_t ack = 2; ack != 0 && ack < 0xfffd0000; ack += 65521 * 7)
		in(w, ACK | PSH, 1, 10, ack);
	assert_int_equal(tcp_unread(w->t, p), 0);
	assert_int_equal(p->snd_una - w->our_iss, 1);
	assert_true(out_count(w) <= 1);
	out_skip(w);
	in(w, 0, 1, 10, 0); /* and one at all */
	assert_int_equal(tcp_unread(w->t, p), 0);
}

/* CVE-2016-5696: who has a connection of his own counts its challenge ACKs while he guesses at another's tuple. Whatever he does
 * there, he gets as many. */
static void challenge_side_channel(void **state)
{
	struct world *w = *state;
	uint16_t victim, own;
	uint32_t iss;

	app_connected(w);
	victim = w->lport;
	w->know_iss = false;
	app_connected(w);
	own = w->lport;
	iss = w->our_iss;
	for (unsigned round = 0; round < 2; round++) {
		unsigned got = 0;

		after_ms(w, 1024);
		for (unsigned i = 0; i < 500; i++) {
			w->lport = round == 0 ? victim : (uint16_t)(victim + 1); /* a right guess, a wrong one */
			in(w, RST, 2 + i, 0, 0);
			out_skip(w);
			w->lport = own;
			w->our_iss = iss;
			in(w, RST, 2 + i, 0, 0);
			got += out_count(w);
			out_skip(w);
		}
		assert_int_equal(got, 1);
	}
	w->lport = own;
}

/* ICMP about what is not in flight, of every type; and a path MTU below all reason. */
static void forged_icmp(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t cwnd = p->cwnd;

	for (uint32_t seq = 1; seq < 0xf0000000; seq += 0x01000193) {
		in_icmp(w, ICMP_DEST_UNREACH, (uint8_t)(seq % 16), 68, seq);
		in_icmp(w, ICMP_TIME_EXCEEDED, 0, 0, seq);
		in_icmp(w, ICMP_SOURCE_QUENCH, 0, 0, seq);
	}
	assert_int_equal(p->state, TCP_ESTABLISHED);
	assert_int_equal(p->soft_error, 0);
	assert_int_equal(p->cwnd, cwnd);
	assert_int_equal(path_at(&w->h.net.paths, p->c.h.path)->pmtu, WORLD_MTU);
	assert_int_equal(app_send(w, p, 1, 1000), 1000);
	out(w, ACK, 1, 1000, 1);
	in_icmp(w, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0, 1); /* in flight: no more than a soft error (RFC 5927 5.2) */
	assert_int_equal(p->state, TCP_ESTABLISHED);
	for (uint16_t mtu = 0; mtu < 600; mtu = (uint16_t)(mtu + 25))
		in_icmp(w, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu, 1);
	assert_true(path_at(&w->h.net.paths, p->c.h.path)->pmtu >= PMTU_MIN);
	out_skip(w);
}

/* ---- nonsense ---- */

static struct tcp_pcb *simultaneous(struct world *w)
{
	struct tcp_pcb *p;

	w->know_iss = false;
	p = app_connect(w);
	out(w, SYN, 0, 0, 0);
	in(w, SYN, 0, 0, 0);
	out_skip(w);
	assert_int_equal(p->state, TCP_SYN_RECEIVED);
	return p;
}

/* The right RST in every state there is: no answer to any, the connection is gone at once with all it held; LISTEN, CLOSED and
 * TIME-WAIT (RFC 1337) stay what they are. */
static void rst_in_every_state(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p, *l;

	for (unsigned i = 0; i < 6; i++) {
		p = app_in_state(w, synced[i]);
		if (TCP_IN(p->state, ST(ESTABLISHED) | ST(CLOSE_WAIT)))
			app_send(w, p, 1, 5000);
		out_skip(w);
		in(w, RST, p->rcv_nxt - w->peer_iss, 0, 0);
		assert_int_equal(p->state, TCP_CLOSED);
		assert_int_equal(w->t->snd_held, 0);
		out_none(w);
		in(w, RST, p->rcv_nxt - w->peer_iss, 0, 0); /* CLOSED */
		out_none(w);
	}
	p = app_in_state(w, TCP_SYN_SENT);
	in(w, RST, 0, 0, 0); /* acknowledges nothing */
	in(w, RST | ACK, 0, 0, 2);
	assert_int_equal(p->state, TCP_SYN_SENT);
	in(w, RST | ACK, 0, 0, 1);
	assert_int_equal(p->c.so_error, ECONNREFUSED);
	p = simultaneous(w);
	in(w, RST, 1, 0, 0);
	assert_int_equal(p->state, TCP_CLOSED);
	p = app_in_state(w, TCP_FIN_WAIT_2);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	in(w, RST, 2, 0, 0);
	assert_int_equal(w->t->stats.timewait, 1);
	l = app_listen(w, 8);
	w->rport++;
	w->know_iss = false;
	in(w, RST, 0, 0, 0);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, RST, 1, 0, 0);
	assert_int_equal(w->t->stats.synrcvd, 0);
	out_none(w);
	assert_int_equal(l->c.type, CONN_LISTEN);
}

/* Every combination of the eight flags in every state, in and out of the window: at most one answer to each, no state that is
 * none, and nothing left over. SYN with FIN opens nothing. */
static void flag_nonsense(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 7; i++) {
		enum tcp_state st = i < 6 ? synced[i] : TCP_SYN_SENT;

		for (unsigned flags = 0; flags < 256; flags++) {
			struct tcp_pcb *p = app_in_state(w, st);
			uint32_t nxt = st == TCP_SYN_SENT ? 0 : p->rcv_nxt - w->peer_iss;
			uint32_t snd = p->snd_nxt - w->our_iss;

			in(w, (uint8_t)flags, nxt + 80000, 0, snd);
			assert_true(out_count(w) <= 1);
			out_skip(w);
			in(w, (uint8_t)flags, nxt, 0, snd);
			assert_true(out_count(w) <= 2); /* our FIN may be due with it */
			out_skip(w);
			assert_true(p->state < TCP_STATES && p->state != TCP_LISTEN);
			tcp_opt_need(w->t, p)->linger_s = 0;
			app_close(w, p);
			out_skip(w);
			after_ms(w, 10);
			out_skip(w);
		}
		assert_int_equal(conns_used(w), 0);
		assert_int_equal(w->t->bufs.used, 0);
		after_ms(w, TCP_TIMEWAIT_MS + 1000);
		out_skip(w);
	}
}

static void flag_nonsense_listening(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	for (unsigned flags = 0; flags < 256; flags++) {
		bool syn = (flags & (SYN | FIN | RST | ACK)) == SYN;

		w->rport++;
		w->know_iss = false;
		in(w, (uint8_t)flags, 0, flags % 3 * 10, 5);
		assert_true(out_count(w) <= 1);
		assert_int_equal(w->t->stats.synrcvd, syn);
		out_skip(w);
		in(w, RST, 1, 0, 0);
		assert_int_equal(w->t->stats.synrcvd, 0);
	}
	assert_int_equal(conns_used(w), 1);
	assert_int_equal(w->h.net.paths.pool.used, 0);
}

/* ---- those who never let go ---- */

/* The peer falls silent after each of our close()s: every orphan is gone in bounded time, with all it held. */
static void stuck_orphans(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 6; i++) {
		struct tcp_pcb *p = app_in_state(w, synced[i]);

		if (TCP_IN(synced[i], ST(ESTABLISHED) | ST(CLOSE_WAIT)))
			app_send(w, p, 1, 20000);
		app_close(w, p);
		out_skip(w);
	}
	for (unsigned s = 0; s < 400 && conns_used(w) > 0; s++) {
		after_ms(w, 1000);
		out_skip(w);
	}
	assert_int_equal(conns_used(w), 0);
	assert_int_equal(w->t->bufs.used, 0);
	after_ms(w, TCP_TIMEWAIT_MS);
	out_skip(w);
	assert_int_equal(w->h.flow.tcp.used, 0);
}

/* A peer that acknowledges and keeps its window at 0 holds an orphan's data for ever, if it is let. */
static void zero_window_holder(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	unsigned s = 0;

	in_wnd(w, ACK, 1, 0, 1, 0);
	assert_int_equal(app_send(w, p, 1, 100000), 100000);
	app_close(w, p);
	for (; s < 3600 && conns_used(w) > 0; s++) {
		after_ms(w, 1000);
		if (out_count(w) > 0)
			in_wnd(w, ACK, 1, 0, 1, 0); /* alive, and closed */
		out_skip(w);
	}
	assert_true(s < 3600);
	assert_int_equal(w->t->bufs.used, 0);
	assert_int_equal(w->t->snd_held, 0);
}

/* ---- floods ---- */

/* Requests from as many ports as there are: half-open connections, paths and packet buffers stay bounded, each costs one answer
 * at most and none later, and who means it gets in. */
static void syn_flood(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8);
	unsigned bufs = rte_mempool_in_use_count(world_pool());

	w->t->syncookies = TCP_SYNCOOKIES_AUTO;
	w->t->cookie_from = 16;
	for (unsigned port = 1; port < 60000; port++) {
		w->rport = (uint16_t)port;
		w->know_iss = false;
		in_held(w, SYN, port, 0, 0);
		if (port % 64 == 0) {
			host_flush(&w->h);
			assert_true(out_count(w) <= 64);
			out_skip(w);
		}
	}
	host_flush(&w->h);
	out_skip(w);
	assert_int_equal(w->t->stats.synrcvd, 16);
	assert_int_equal(w->h.net.paths.pool.used, 1);
	assert_int_equal(rte_mempool_in_use_count(world_pool()), bufs);
	w->rport = 60001;
	w->know_iss = false;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	assert_non_null(tcp_accept(w->t, &l->c));
}

/* RSTs for what is half open free it; ACKs that acknowledge nothing open nothing. */
static void ack_flood(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	w->t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	w->know_iss = false;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	for (uint32_t i = 1; i < 100000; i++) {
		in_held(w, ACK, 1 + i * 2654435761u, 0, 2 + i * 40503u);
		if (i % 256 == 0) {
			host_flush(&w->h);
			out_skip(w);
		}
	}
	host_flush(&w->h);
	out_skip(w);
	assert_int_equal(conns_used(w), 1);
	assert_int_equal(w->t->stats.cookies_received, 0);
}

/* close() in every state, and then everything that may still come for it, timers too: the address sanitizer sees what nobody else
 * does. */
static void use_after_close(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 7; i++) {
		for (unsigned flags = 0; flags < 32; flags++) {
			enum tcp_state st = i < 6 ? synced[i] : TCP_SYN_SENT;
			struct tcp_pcb *p = app_in_state(w, st);
			uint32_t nxt = st == TCP_SYN_SENT ? 0 : p->rcv_nxt - w->peer_iss, snd = p->snd_nxt - w->our_iss;

			if (flags & 1)
				in(w, ACK, nxt, 50, snd); /* unread: a RST */
			if (flags & 2)
				app_send(w, p, snd, 3000);
			tcp_close(w->t, p);
			in(w, (uint8_t)(flags | ACK), nxt, 20, snd);
			in(w, (uint8_t)(flags | ACK), nxt + 20, 0, snd + 1);
			in_icmp(w, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, snd);
			in(w, RST, nxt, 0, 0);
			host_flush(&w->h);
			out_skip(w);
		}
	}
	for (unsigned s = 0; s < 300; s++) {
		after_ms(w, 1000);
		out_skip(w);
	}
	assert_int_equal(conns_used(w), 0);
	assert_int_equal(w->t->bufs.used, 0);
	assert_int_equal(w->h.flow.tcp.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(predictable_isn), world_test(predictable_timestamp), world_test(predictable_port),
		world_test(predictable_ip_id), world_test(blind_rst), world_test(rst_in_every_state),
		world_test(blind_syn), world_test(blind_data), world_test(challenge_side_channel), world_test(forged_icmp),
		world_test(flag_nonsense), world_test(flag_nonsense_listening), world_test(stuck_orphans), world_test(zero_window_holder),
		world_test(syn_flood), world_test(ack_flood), world_test(use_after_close),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
