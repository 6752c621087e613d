/* port_test.c: local ports of active opens: a socket's own range, ports that are bound or in TIME-WAIT, and accepted
 * connections with the very tuple. Letters and numbers are rows of connect-semantics. */
#include "world.h"

#include "flow/port_range.h"

#define ONE 25000 /* port */

static struct tcp_pcb *ranged(struct world *w, uint16_t lo, uint16_t hi)
{
	struct tcp_pcb *p = tcp_new(w->t);

	assert_non_null(p);
	app_opt(w, p, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(lo | (uint32_t)hi << 16));
	return p;
}

static int connect_to(struct world *w, struct tcp_pcb *p, uint16_t rport)
{
	int err = tcp_connect(w->t, p, PEER, rte_cpu_to_be_16(rport));

	w->rport = rport;
	w->know_iss = false;
	host_flush(&w->h);
	return err;
}

static void must_fail(struct world *w, uint16_t lo, uint16_t hi, uint16_t rport)
{
	struct tcp_pcb *p = ranged(w, lo, hi);

	assert_int_equal(connect_to(w, p, rport), -EADDRNOTAVAIL);
	assert_int_equal(p->state, TCP_CLOSED);
	assert_int_equal(p->c.h.key.lport_be, 0);
	out_none(w);
	tcp_close(w->t, p);
}

static void answer_syn(struct world *w)
{
	const struct seg s = {.flags = SYN | ACK, .ack = 1, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS,
			      .has_ts = w->ts, .tsval = w->peer_ts, .tsecr = w->ts_seen}};

	out(w, SYN, 0, 0, 0);
	in_seg(w, &s);
	out(w, ACK, 1, 0, 1);
}

static struct tcp_pcb *established(struct world *w, uint16_t lo, uint16_t hi, uint16_t rport)
{
	struct tcp_pcb *p = ranged(w, lo, hi);

	assert_int_equal(connect_to(w, p, rport), 0);
	answer_syn(w);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	return p;
}

/* p is what w talks about: the last one established. */
static void into_timewait(struct world *w, struct tcp_pcb *p)
{
	uint64_t before = w->t->stats.timewait;

	app_close(w, p);
	out(w, ACK | FIN, 1, 0, 1);
	in(w, ACK | FIN, 1, 0, 2);
	out(w, ACK, 2, 0, 2);
	assert_int_equal(w->t->stats.timewait, before + 1);
}

/* G21: after a second, with timestamps; the new connection's numbers lie beyond the old one's. */
static void reuse_after_a_second(void **state)
{
	struct world *w = *state;
	uint32_t old_iss, old_ts;
	struct tcp_pcb *p;

	w->ts = true;
	into_timewait(w, established(w, ONE, ONE, PORT));
	old_iss = w->our_iss;
	old_ts = w->ts_seen;
	must_fail(w, ONE, ONE, PORT);
	after_ms(w, 999);
	must_fail(w, ONE, ONE, PORT);
	assert_int_equal(w->t->stats.port_exhausted, 2);
	after_ms(w, 1);
	p = ranged(w, ONE, ONE);
	assert_int_equal(connect_to(w, p, PORT), 0);
	assert_int_equal(w->t->stats.timewait, 0);
	assert_int_equal(w->t->stats.timewait_reused, 1);
	answer_syn(w);
	assert_int_equal(w->lport, ONE);
	assert_int_equal(w->our_iss, old_iss + 2 + 65535 + 2); /* SND.NXT of the old one, and more than any window without scale */
	assert_true(seq_gt(w->ts_seen, old_ts));
	assert_int_equal(p->state, TCP_ESTABLISHED);
	must_fail(w, ONE, ONE, PORT);
}

/* Without them the peer could not tell: 2 MSL it is. */
static void no_reuse_without_timestamps(void **state)
{
	struct world *w = *state;

	into_timewait(w, established(w, ONE, ONE, PORT));
	after_ms(w, 59000);
	must_fail(w, ONE, ONE, PORT);
	after_ms(w, 1000);
	established(w, ONE, ONE, PORT);
	assert_int_equal(w->t->stats.timewait_reused, 0);
}

/* Each of those that wait once, and none of those that do not, of another destination, or outside of the range. */
static void reuse_is_exact(void **state)
{
	struct world *w = *state;
	uint8_t waits[10] = {0};

	w->ts = true;
	for (unsigned i = 0; i < 10; i++) {
		struct tcp_pcb *p = established(w, ONE, ONE + 9, PORT);

		assert_in_range(w->lport, ONE, ONE + 9);
		if (i % 3 == 0) {
			waits[w->lport - ONE] = 1;
			into_timewait(w, p);
		}
	}
	into_timewait(w, established(w, ONE, ONE + 9, PORT + 1));
	into_timewait(w, established(w, ONE + 10, ONE + 10, PORT));
	after_ms(w, 1000);
	for (unsigned i = 0; i < 4; i++) {
		established(w, ONE, ONE + 9, PORT);
		assert_in_range(w->lport, ONE, ONE + 9);
		assert_int_equal(waits[w->lport - ONE]--, 1);
	}
	must_fail(w, ONE, ONE + 9, PORT);
	assert_int_equal(w->t->stats.timewait, 2);
	assert_int_equal(w->t->stats.timewait_reused, 4);
}

/* Free ports come first. */
static void free_before_waiting(void **state)
{
	struct world *w = *state;

	w->ts = true;
	into_timewait(w, established(w, ONE, ONE, PORT));
	after_ms(w, 2000);
	for (unsigned i = 0; i < 4; i++)
		established(w, ONE, ONE + 4, PORT);
	assert_int_equal(w->t->stats.timewait_reused, 0);
	established(w, ONE, ONE + 4, PORT);
	assert_int_equal(w->lport, ONE);
	assert_int_equal(w->t->stats.timewait_reused, 1);
}

/* Many of other destinations have waited longer: ports of this one are looked up instead. */
static void reuse_by_guess(void **state)
{
	struct world *w = *state;

	w->ts = true;
	for (unsigned i = 0; i < TCP_REUSE_OLDEST; i++)
		into_timewait(w, established(w, 0, 0, PORT + 1));
	for (unsigned i = 0; i < 3; i++)
		established(w, ONE, ONE + 3, PORT);
	into_timewait(w, established(w, ONE, ONE + 3, PORT));
	after_ms(w, 1000);
	established(w, ONE, ONE + 3, PORT);
	assert_int_equal(w->t->stats.timewait_reused, 1);
	assert_int_equal(w->t->stats.timewait, TCP_REUSE_OLDEST);
	must_fail(w, ONE, ONE + 3, PORT);
}

/* G14 to G16, G18's first half: the range limits connect(), bind() and listen(). */
static void own_range(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = ranged(w, ONE, ONE + 1), *q = ranged(w, ONE, ONE + 1), *r = ranged(w, ONE, ONE + 1);
	const uint32_t backwards = (ONE + 1) | (uint32_t)ONE << 16, only_hi = (uint32_t)20001 << 16;
	uint32_t v = 0, len = sizeof(v);

	assert_int_equal(tcp_bind(w->t, p, US, 0), 0);
	assert_in_range(rte_be_to_cpu_16(p->c.h.key.lport_be), ONE, ONE + 1);
	assert_int_equal(tcp_listen(w->t, q, 1), 0);
	assert_in_range(rte_be_to_cpu_16(q->c.h.key.lport_be), ONE, ONE + 1);
	assert_int_not_equal(p->c.h.key.lport_be, q->c.h.key.lport_be);
	assert_int_equal(tcp_bind(w->t, r, US, 0), -EADDRINUSE);
	assert_int_equal(tcp_setopt(w->t, r, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &backwards, 4), -EINVAL);
	assert_int_equal(tcp_getopt(w->t, r, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &v, &len), 0);
	assert_int_equal(v, ONE | (uint32_t)(ONE + 1) << 16);
	assert_int_equal(tcp_setopt(w->t, r, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &only_hi, 4), 0);
	for (unsigned i = 0; i < 2; i++) {
		p = tcp_new(w->t);
		assert_int_equal(tcp_setopt(w->t, p, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &only_hi, 4), 0);
		assert_int_equal(connect_to(w, p, PORT), 0);
		assert_in_range(rte_be_to_cpu_16(p->c.h.key.lport_be), 20000, 20001); /* the world's range begins there */
	}
	out_skip(w);
	assert_int_equal(connect_to(w, r, PORT), -EADDRNOTAVAIL);
	assert_int_equal(connect_to(w, r, PORT + 1), 0);
	out_skip(w);
}

/* G10: a port that a socket is bound to is left to it while there are others. */
static void bound_ports_last(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *b = tcp_new(w->t);

	assert_int_equal(tcp_bind(w->t, b, 0, RTE_BE16(ONE)), 0);
	for (unsigned i = 1; i <= 20; i++) {
		struct tcp_pcb *p = ranged(w, ONE, ONE + 1);

		assert_int_equal(connect_to(w, p, (uint16_t)(PORT + i)), 0);
		assert_int_equal(p->c.h.key.lport_be, RTE_BE16(ONE + 1));
	}
	b = ranged(w, ONE, ONE + 1);
	assert_int_equal(connect_to(w, b, PORT + 1), 0);
	assert_int_equal(b->c.h.key.lport_be, RTE_BE16(ONE));
	out_skip(w);
}

/* Reserved ports are not given to bind() either (G22), but may be named. */
static void reserved_ports(void **state)
{
	struct world *w = *state;
	static uint64_t all_but_one[65536 / 64];
	struct tcp_pcb *p = ranged(w, ONE, ONE + 1), *q = ranged(w, ONE, ONE + 1);

	memset(all_but_one, 0xff, sizeof(all_but_one));
	all_but_one[ONE / 64] &= ~((uint64_t)1 << ONE % 64);
	w->t->binds.auto_ports = all_but_one;
	assert_int_equal(tcp_bind(w->t, p, 0, 0), 0);
	assert_int_equal(p->c.h.key.lport_be, RTE_BE16(ONE + 1));
	assert_int_equal(tcp_bind(w->t, q, 0, 0), -EADDRINUSE);
	assert_int_equal(tcp_bind(w->t, q, 0, RTE_BE16(ONE)), 0);
}

/* bind() chose a port that a connection has to the very destination: nobody asked for that one, so connect() takes another (on
 * Linux bind() would not have chosen it). Where it was named the clash is told (G11). */
static void chosen_port_is_given_up(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *has = ranged(w, ONE, ONE), *p = ranged(w, ONE, ONE), *named = tcp_new(w->t), *other;

	assert_int_equal(connect_to(w, has, PORT), 0);
	assert_int_equal(tcp_bind(w->t, p, US, 0), 0);
	assert_int_equal(p->c.h.key.lport_be, RTE_BE16(ONE));
	assert_int_equal(connect_to(w, p, PORT), -EADDRNOTAVAIL); /* there is no other */
	assert_int_equal(p->c.h.key.lport_be, RTE_BE16(ONE));
	app_opt(w, p, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(ONE | (uint32_t)(ONE + 1) << 16));
	assert_int_equal(connect_to(w, p, PORT), 0);
	assert_int_equal(p->c.h.key.lport_be, RTE_BE16(ONE + 1));
	assert_int_equal(p->c.h.key.laddr_be, US);
	/* The port that was bound is free again. */
	assert_int_equal(tcp_bind(w->t, named, US, RTE_BE16(ONE)), 0);
	assert_int_equal(connect_to(w, named, PORT), -EADDRNOTAVAIL);
	/* To elsewhere it is kept (G3), ... */
	other = ranged(w, ONE + 2, ONE + 2);
	assert_int_equal(tcp_bind(w->t, other, US, 0), 0);
	assert_int_equal(connect_to(w, other, PORT), 0);
	assert_int_equal(other->c.h.key.lport_be, RTE_BE16(ONE + 2));
	/* ... and given back with the connection (B4), the address not. */
	assert_int_equal(tcp_disconnect(w->t, other), 0);
	assert_int_equal(other->c.h.key.lport_be, 0);
	assert_int_equal(other->c.h.key.laddr_be, US);
	assert_int_equal(tcp_bind(w->t, tcp_new(w->t), US, RTE_BE16(ONE + 2)), 0);
	assert_int_equal(tcp_disconnect(w->t, named), 0);
	assert_int_equal(named->c.h.key.lport_be, RTE_BE16(ONE));
	out_skip(w);
}

/* An accepted connection has the tuple that chance chose: it is busy, now also for the allocator, until that one ends. */
static void accepted_has_it(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = tcp_new(w->t), *p, *a;
	struct eport_stats es;

	assert_int_equal(tcp_bind(w->t, l, 0, RTE_BE16(ONE)), 0);
	assert_int_equal(tcp_listen(w->t, l, 1), 0);
	w->lport = ONE;
	w->rport = PORT;
	w->know_iss = false;
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	a = tcp_accept(w->t, &l->c);
	assert_non_null(a);
	for (unsigned i = 0; i < 3; i++) {
		p = ranged(w, ONE, ONE);
		assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), -EADDRNOTAVAIL);
		eport_stats_get(w->h.eport, &es);
		assert_int_equal(es.taken - es.returned, 1);
	}
	in(w, RST, 1, 0, 0);
	assert_int_equal(a->state, TCP_CLOSED);
	eport_stats_get(w->h.eport, &es);
	assert_int_equal(es.taken - es.returned, 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	out_skip(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(reuse_after_a_second), world_test(no_reuse_without_timestamps), world_test(reuse_is_exact),
		world_test(free_before_waiting), world_test(reuse_by_guess), world_test(own_range),
		world_test(bound_ports_last), world_test(reserved_ports), world_test(accepted_has_it),
		world_test(chosen_port_is_given_up),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
