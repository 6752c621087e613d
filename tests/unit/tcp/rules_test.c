/* rules_test.c: what protects a connection: acceptability, PAWS, RFC 5961, ICMP; and the options. */
#include <linux/tcp.h>

#include "world.h"

/* RFC 9293 3.10.7.4, fifth step, with RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT. */
static void ack_range(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	in(w, ACK, 1, 10, 102); /* of what was never sent */
	out(w, ACK, 101, 0, 1);
	after_ms(w, TCP_ANSWER_MS);
	out_skip(w);            /* the text again */
	in(w, ACK, 1, 10, (uint32_t)-70000); /* older than any window */
	out(w, ACK, 101, 0, 1);
	assert_int_equal(tcp_unread(w->t, p), 0);
	assert_int_equal(w->h.drops.n[DROP_TCP_ACK], 2);
	in(w, ACK, 1, 0, 101);
	in(w, ACK, 1, 10, 50); /* merely old: its text counts */
	assert_int_equal(tcp_unread(w->t, p), 10);
	in(w, 0, 11, 10, 0);   /* no ACK bit */
	assert_int_equal(tcp_unread(w->t, p), 10);
	out_skip(w);
}

/* RFC 9293 table 6 */
static void sequence_range(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in(w, ACK, 70000, 100, 1); /* beyond */
	out(w, ACK, 1, 0, 1);
	in(w, ACK, 0, 0, 1);       /* before, without text */
	out(w, ACK, 1, 0, 1);
	in(w, ACK, 0, 1, 1);       /* before, with text */
	out(w, ACK, 1, 0, 1);
	in(w, ACK | FIN, 65537, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->h.drops.n[DROP_TCP_SEQ], 4);
	p->xflags &= ~TX_QUICK_MASK;
	in(w, ACK, 65536, 0, 1);   /* at the right edge, bare */
	out_none(w);
	in(w, ACK | TCPF_URG, 1, 10, 1); /* URG with pointer 0: its first byte is apart */
	assert_int_equal(tcp_unread(w->t, p), 9);
	out_none(w);
}

/* RFC 5961 section 7: one per connection and half a second; that of another connection does not count. */
static void challenge_limit(void **state)
{
	struct world *w = *state;
	uint16_t lport;

	app_connected(w);
	in(w, RST, 2, 0, 0);
	out(w, ACK, 1, 0, 1);
	for (unsigned i = 0; i < 2000; i++) {
		in(w, RST, 2 + i, 0, 0);
		in(w, SYN, 2 + i, 0, 0);
		in(w, ACK, 1, 0, 1000);
		out_none(w);
	}
	assert_int_equal(w->t->stats.challenge_acks, 1);
	lport = w->lport;
	w->know_iss = false;
	app_connected(w);
	assert_int_not_equal(lport, w->lport);
	in(w, RST, 2, 0, 0);
	out(w, ACK, 1, 0, 1);
	in(w, RST, 2, 0, 0);
	out_none(w);
	after_ms(w, TCP_ANSWER_MS);
	in(w, RST, 2, 0, 0);
	out(w, ACK, 1, 0, 1);
}

/* RFC 7323 section 5: an old timestamp is an old segment, except a RST's. */
static void paws(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->ts = true;
	p = app_connected(w);
	assert_true(w->got.o.has_ts);
	assert_int_equal(w->got.o.tsecr, 5000);
	w->peer_ts = 4999;
	in(w, ACK, 1, 10, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->got.o.tsecr, 5000);
	assert_int_equal(w->h.drops.n[DROP_TCP_PAWS], 1);
	w->ts = false;
	in(w, ACK, 1, 10, 1); /* none at all: RFC 7323 3.2 */
	out(w, ACK, 1, 0, 1);
	assert_int_equal(tcp_unread(w->t, p), 0);
	w->ts = true;
	w->peer_ts = 5010;
	in(w, ACK, 1, 10, 1);
	assert_int_equal(tcp_unread(w->t, p), 10);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 11);
	assert_int_equal(w->got.o.tsecr, 5010);
	w->peer_ts = 5100;
	in(w, ACK, 111, 10, 1); /* out of order: not the one to echo (RFC 7323 4.3) */
	out(w, ACK, 1, 0, 11);
	assert_int_equal(w->got.o.tsecr, 5010);
	w->ts = false;
	in(w, RST, 11, 0, 0);
	assert_int_equal(p->c.so_error, ECONNRESET);
}

/* RFC 7323 5.5: after 24 idle days the remembered timestamp says nothing. */
static void paws_idle(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->ts = true;
	p = app_connected(w);
	after_ms(w, 1000);
	p->ts_recent_ms -= 24u * 86400 * 1000; /* as if set 24 days ago */
	w->peer_ts -= 1000;
	in(w, ACK, 1, 10, 1);
	assert_int_equal(tcp_unread(w->t, p), 10);
}

/* Timestamps through their wrap. */
static void timestamp_wrap(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->ts = true;
	w->peer_ts = UINT32_MAX - 1;
	p = app_connected(w);
	w->peer_ts += 5;
	in(w, ACK, 1, 10, 1);
	assert_int_equal(tcp_unread(w->t, p), 10);
	w->peer_ts -= 5;
	in(w, ACK, 11, 10, 1);
	assert_int_equal(tcp_unread(w->t, p), 10);
	out_skip(w);
}

/* F11 to F29: SYN-SENT ends with any mapped error. */
static void icmp_syn_sent(void **state)
{
	static const struct { uint8_t type, code; int err; } row[] = {
		{3, 0, ENETUNREACH}, {3, 1, EHOSTUNREACH}, {3, 2, ENOPROTOOPT}, {3, 3, ECONNREFUSED}, {3, 5, EOPNOTSUPP},
		{3, 6, ENETUNREACH}, {3, 7, EHOSTDOWN}, {3, 8, ENONET}, {3, 9, ENETUNREACH}, {3, 10, EHOSTUNREACH},
		{3, 11, ENETUNREACH}, {3, 12, EHOSTUNREACH}, {3, 13, EHOSTUNREACH}, {3, 15, EHOSTUNREACH}, {3, 16, 0},
		{11, 0, EHOSTUNREACH}, {11, 1, 0}, {12, 0, EPROTO}, {4, 0, 0},
	};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct tcp_pcb *p;

		w->know_iss = false;
		p = app_connect(w);
		out(w, SYN, 0, 0, 0);
		in_icmp(w, row[i].type, row[i].code, 0, 5); /* F30: not the SYN's number */
		in_icmp(w, row[i].type, row[i].code, 0, (uint32_t)-1);
		assert_int_equal(p->state, TCP_SYN_SENT);
		in_icmp(w, row[i].type, row[i].code, 0, 0);
		assert_int_equal(p->c.so_error, row[i].err);
		assert_int_equal(p->state, row[i].err != 0 ? TCP_CLOSED : TCP_SYN_SENT);
		out_none(w);
	}
}

/* RFC 9293 3.9.2.2: established, an error is soft: it only explains a time-out. */
static void icmp_established(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_icmp(w, 3, 1, 0, 1); /* nothing in flight */
	assert_int_equal(p->soft_error, 0);
	app_opt(w, p, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 1);
	in_icmp(w, 3, 3, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	in_icmp(w, 3, 1, 0, 1);
	assert_int_equal(p->c.so_error, 0);
	after_ms(w, 3100);
	assert_int_equal(p->c.so_error, EHOSTUNREACH);
	out_skip(w);
}

static void icmp_synrcvd(void **state)
{
	struct world *w = *state;

	app_listen(w, 5);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in_icmp(w, 3, 1, 0, 7);
	assert_int_equal(w->t->stats.synrcvd, 1);
	in_icmp(w, 3, 1, 0, 0);
	assert_int_equal(w->t->stats.synrcvd, 0);
}

/* The path of a half-open connection is narrower: its segments will be. */
static void icmp_synrcvd_frag_needed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 5), *p;

	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, SYN | ACK, 0, 0, 1);
	in_icmp(w, 3, 4, 1000, 7); /* another number */
	in_icmp(w, 3, 4, 1200, 0);
	assert_int_equal(w->t->stats.synrcvd, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(app_send(w, p, 1, MSS), MSS);
	out(w, ACK, 1, 1160, 1);
	out(w, ACK, 1161, 300, 1);
	out_none(w);
}

/* F15, RFC 1191: smaller segments at once, for all on the path, and no congestion. */
static void icmp_frag_needed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t len = 0;

	assert_int_equal(app_send(w, p, 1, 2 * MSS), 2 * MSS);
	out(w, ACK, 1, MSS, 1);
	out(w, ACK, 1 + MSS, MSS, 1);
	in_icmp(w, 3, 4, 1000, 90000); /* not in flight */
	out_none(w);
	in_icmp(w, 3, 4, 1000, 1);
	for (; len < 2 * MSS; len += w->got.len)
		out(w, ACK, 1 + len, 2 * MSS - len < 960 ? 2 * MSS - len : 960, 1);
	assert_int_equal(len, 2 * MSS);
	out_none(w);
	assert_int_equal(p->cwnd, 10 * MSS);
	in_icmp(w, 3, 4, 100, 1); /* Linux min_pmtu */
	out_skip(w);
	in(w, ACK, 1, 0, 1 + 2 * MSS);
	assert_int_equal(app_send(w, p, 1 + 2 * MSS, 80), 80);
	out(w, ACK, 1 + 2 * MSS, 80, 1);
	in(w, ACK, 1, 0, 3001);
	assert_int_equal(app_send(w, p, 3001, 1000), 1000);
	out(w, ACK, 3001, 512, 1);
	in_icmp(w, 3, 4, 1400, 3001); /* never up */
	in(w, ACK, 1, 0, 3513);
	out(w, ACK, 3513, 488, 1);
	in(w, ACK, 1, 0, 4001);
}

static void icmp_old_router(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, MSS), MSS);
	out(w, ACK, 1, MSS, 1);
	in_icmp(w, 3, 4, 0, 1); /* RFC 1191 section 5: no MTU: the next plateau */
	out(w, ACK, 1, 1452, 1);
	out(w, ACK, 1453, 8, 1);
}

static int get_int(struct world *w, struct tcp_pcb *p, int level, int name)
{
	uint32_t len = sizeof(int);
	int v = -99, err = tcp_getopt(w->t, p, level, name, &v, &len);

	return err != 0 ? err : v;
}

static int set_int(struct world *w, struct tcp_pcb *p, int level, int name, int v)
{
	return tcp_setopt(w->t, p, level, name, &v, sizeof(v));
}

static void options(void **state)
{
	static const struct { int level, name, dflt, set, get, bad; } row[] = {
		{IPPROTO_TCP, TCP_NODELAY, 0, 7, 1, INT32_MAX}, {IPPROTO_TCP, TCP_CORK, 0, 1, 1, INT32_MAX},
		{IPPROTO_TCP, TCP_QUICKACK, 1, 0, 0, INT32_MAX}, {SOL_SOCKET, SO_OOBINLINE, 0, 9, 1, INT32_MAX},
		{IPPROTO_TCP, TCP_KEEPIDLE, 7200, 60, 60, 0}, {IPPROTO_TCP, TCP_KEEPINTVL, 75, 30, 30, 40000},
		{IPPROTO_TCP, TCP_KEEPCNT, 9, 4, 4, 128}, {IPPROTO_TCP, TCP_SYNCNT, 6, 2, 2, 0},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 5000, 5000, -1}, {IPPROTO_TCP, TCP_MAXSEG, 536, 1000, 1000, 10},
		{IPPROTO_TCP, TCP_LINGER2, 60, 7, 7, INT32_MAX}, {SOL_SOCKET, SO_SNDBUF, 1 << 20, 30000, 60000, INT32_MAX},
		{SOL_SOCKET, SO_RCVBUF, 1 << 17, 1, 4096, INT32_MAX}, {SOL_SOCKET, SO_KEEPALIVE, 0, 1, 1, INT32_MAX},
		{IPPROTO_IP, IP_TOS, 0, 0x13, 0x10, INT32_MAX}, {IPPROTO_IP, IP_TTL, 64, 3, 3, 256},
		{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 1, 1, INT32_MAX}, {IPPROTO_IP, IP_MINTTL, 0, 5, 5, 256},
		{SOL_SOCKET, SO_RCVLOWAT, 1, 50, 50, INT32_MAX}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 9000, 9000, INT32_MAX},
	};
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);
	struct tcp_info info;
	uint32_t len = sizeof(info);
	char name[16];

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(get_int(w, p, row[i].level, row[i].name), row[i].dflt);
		assert_int_equal(set_int(w, p, row[i].level, row[i].name, row[i].set), 0);
		if (row[i].bad != INT32_MAX)
			assert_int_equal(set_int(w, p, row[i].level, row[i].name, row[i].bad), -EINVAL);
		assert_int_equal(get_int(w, p, row[i].level, row[i].name), row[i].get);
	}
	/* Options of IP may be one byte, those of others not. */
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_IP, IP_TTL, "\x21\xff\xff", 1), 0);
	assert_int_equal(get_int(w, p, IPPROTO_IP, IP_TTL), 0x21);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_IP, IP_TTL, "", 0), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_KEEPALIVE, "\1\1\1", 3), -EINVAL);
	assert_int_equal(set_int(w, p, IPPROTO_TCP, 9999, 1), -ENOPROTOOPT);
	assert_int_equal(set_int(w, p, 9999, 1, 1), -ENOPROTOOPT);
	assert_int_equal(get_int(w, p, IPPROTO_TCP, 9999), -ENOPROTOOPT);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_NODELAY, &len, 1), -EINVAL);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8), -ENOENT);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_int_equal(info.tcpi_state, 7);
	len = sizeof(name);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_string_equal(name, "reno");
	assert_int_equal(get_int(w, p, IPPROTO_IP, IP_MTU), -ENOTCONN);
	assert_int_equal(set_int(w, p, SOL_SOCKET, SO_RCVBUF, INT32_MAX), 0);
	assert_int_equal(get_int(w, p, SOL_SOCKET, SO_RCVBUF), TCP_BUF_MAX);
}

/* What a listener was given, its connections have. */
static void options_inherited(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 5), *p;

	set_int(w, l, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(w, l, IPPROTO_TCP, TCP_KEEPIDLE, 77);
	set_int(w, l, SOL_SOCKET, SO_SNDBUF, 50000);
	set_int(w, l, IPPROTO_TCP, TCP_MAXSEG, 700);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = 65535, .o = {.has_mss = true, .mss = MSS}});
	out(w, SYN | ACK, 0, 0, 1);
	assert_int_equal(w->got.o.mss, 700);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_int_equal(get_int(w, p, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(get_int(w, p, IPPROTO_TCP, TCP_KEEPIDLE), 77);
	assert_int_equal(get_int(w, p, SOL_SOCKET, SO_SNDBUF), 100000);
	assert_int_equal(get_int(w, p, IPPROTO_TCP, TCP_MAXSEG), 700);
	assert_int_equal(get_int(w, p, IPPROTO_IP, IP_MTU), WORLD_MTU);
}

/* Ports run out: EADDRNOTAVAIL, counted, and the socket can be used for another destination. Slots: ENOBUFS. */
static void exhaustion(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p[CONNS];

	for (unsigned i = 0; i < CONNS; i++)
		assert_non_null(p[i] = tcp_new(w->t));
	assert_null(tcp_new(w->t));
	assert_int_equal(w->t->stats.conn_full, 1);
	tcp_close(w->t, p[0]);
	assert_non_null(tcp_new(w->t));
}

/* A passive connection that finds no slot: the last ACK is dropped, the SYN-ACK comes again. */
static void slots_exhausted_passive(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 5), *p[CONNS];

	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	for (unsigned i = 1; i < CONNS; i++)
		assert_non_null(p[i] = tcp_new(w->t));
	in(w, ACK, 1, 0, 1);
	assert_null(tcp_accept(w->t, &l->c));
	assert_int_equal(w->t->stats.synrcvd, 1);
	tcp_close(w->t, p[1]);
	quiet_then_ms(w, 1000);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	assert_non_null(tcp_accept(w->t, &l->c));
}

/* The table of half-open connections is full: SYNs are dropped and counted. */
static void synrcvd_full(void **state)
{
	struct world *w = *state;

	app_listen(w, 5);
	w->t->synrcvd_max = 2;
	for (unsigned i = 0; i < 3; i++) {
		w->rport = (uint16_t)(CPORT + i);
		in(w, SYN, 0, 0, 0);
	}
	assert_int_equal(out_count(w), 2);
	assert_int_equal(w->h.drops.n[DROP_TCP_SYN_FULL], 1);
	out_skip(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(ack_range), world_test(sequence_range), world_test(challenge_limit), world_test(paws),
		world_test(paws_idle), world_test(timestamp_wrap), world_test(icmp_syn_sent), world_test(icmp_established),
		world_test(icmp_synrcvd), world_test(icmp_synrcvd_frag_needed), world_test(icmp_old_router), world_test(icmp_frag_needed), world_test(options),
		world_test(options_inherited), world_test(exhaustion), world_test(slots_exhausted_passive),
		world_test(synrcvd_full),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
