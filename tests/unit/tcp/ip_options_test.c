/* ip_options_test.c: options of IP on streams: IP_MINTTL (RFC 5082), IP_MTU_DISCOVER; and black holes (RFC 4821, RFC 2923). */
#include "tcp/mtu_probe.h"

#include "world.h"

#include <netinet/ip_icmp.h>

/* The world's segments have a TTL of 64. */
static void min_ttl_of_a_connection(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_IP, IP_MINTTL, 64);
	in(w, ACK, 1, 10, 1);
	assert_int_equal(app_recv(w, p, 1, 100), 10);
	out_skip(w);
	app_opt(w, p, IPPROTO_IP, IP_MINTTL, 65);
	in(w, ACK, 11, 10, 1);
	in(w, RST | ACK, 11, 0, 1);
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TCP_MINTTL], 2);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	app_opt(w, p, IPPROTO_IP, IP_MINTTL, 0);
	in(w, ACK, 11, 10, 1);
	assert_int_equal(app_recv(w, p, 11, 100), 10);
}

/* Also a listener's, and what it accepts has it, too. */
static void min_ttl_of_a_listener(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 5), *p;

	app_opt(w, l, IPPROTO_IP, IP_MINTTL, 65);
	in(w, SYN, 0, 0, 0);
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TCP_MINTTL], 1);
	app_opt(w, l, IPPROTO_IP, IP_MINTTL, 64);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_true(p->xflags & TX_MIN_TTL);
	assert_int_equal(tcp_opt(w->t, p)->min_ttl, 64);
}

static void option_values(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	int bad[] = {-1, 6};
	uint32_t len = sizeof(int);
	int v = 256;

	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_IP, IP_MINTTL, &v, sizeof(v)), -EINVAL);
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(tcp_setopt(w->t, p, IPPROTO_IP, IP_MTU_DISCOVER, &bad[i], sizeof(v)), -EINVAL);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_IP, IP_MTU_DISCOVER, &v, &len), 0);
	assert_int_equal(v, IP_PMTUDISC_WANT);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_IP, IP_MTU, &v, &len), 0);
	assert_int_equal(v, WORLD_MTU);
}

static bool next_has_df(struct world *w)
{
	struct rte_mbuf *m = host_sent(&w->h);
	bool df;

	assert_non_null(m);
	df = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + 6)[0] & 0x40;
	rte_pktmbuf_free(m);
	return df;
}

/* IP_PMTUDISC_DONT: routers may cut, and their messages are not believed. */
static void without_path_mtu_discovery(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 10), 10);
	assert_true(next_has_df(w));
	app_opt(w, p, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	assert_int_equal(app_send(w, p, 11, MSS), MSS);
	in(w, ACK, 1, 0, 11);
	assert_false(next_has_df(w));
	in_icmp(w, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1000, 11);
	assert_int_equal(path_at(&w->h.net.paths, p->c.h.path)->pmtu, WORLD_MTU);
	app_opt(w, p, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	in_icmp(w, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1000, 11);
	assert_int_equal(path_at(&w->h.net.paths, p->c.h.path)->pmtu, 1000);
}

/* Full segments that are lost TCP_HOLE_RTOS times are cut to the base, then by halves (RFC 4821 7.6.2). */
static void black_hole(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;
	uint32_t len[8] = {0};

	w->t->mtu_probing = 1;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, MSS), MSS);
	out(w, ACK, 1, MSS, 1);
	for (unsigned i = 0; i < 5; i++) {
		while (!out_take(w))
			after_ms(w, 1);
		while (w->got.seq != 1)
			assert_true(out_take(w));
		len[i] = w->got.len;
		out_skip(w);
	}
	/* A tail loss probe may come first; then the timer, and the third time it fires the path is taken for narrower. */
	assert_int_equal(len[0], MSS);
	assert_int_equal(len[1], MSS);
	assert_int_equal(w->t->stats.mtu_holes >= 1, 1);
	assert_true(len[4] <= TCP_BASE_MSS);
	in(w, ACK, 1, 0, 1 + MSS);
	out_skip(w);
	assert_int_equal(p->state, TCP_ESTABLISHED);
}

/* Steps are from what is sent, not from what the path would take if the peer did. */
static void black_hole_of_small_mss(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->t->mtu_probing = 1;
	p = app_connected(w);
	p->mss = 1100;
	assert_int_equal(app_send(w, p, 1, 1100), 1100);
	out_skip(w);
	p->backoff = TCP_HOLE_RTOS;
	tcp_mtu_black_hole(w->t, p);
	assert_int_equal(path_at(&w->h.net.paths, p->c.h.path)->pmtu, TCP_BASE_MSS + 40);
	tcp_mtu_black_hole(w->t, p);
	assert_int_equal(path_at(&w->h.net.paths, p->c.h.path)->pmtu, TCP_BASE_MSS / 2 + 40);
	p->backoff = 0;
}

/* A segment need not be full to be too large. */
static void black_hole_of_a_part(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;
	uint32_t least = UINT32_MAX;

	w->t->mtu_probing = 1;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 700), 700);
	for (unsigned s = 0; s < 60; s++) {
		after_ms(w, 1000);
		while (out_take(w))
			least = w->got.seq == 1 && w->got.len < least ? w->got.len : least;
	}
	assert_int_equal(least, TCP_BASE_MSS / 2);
	in(w, ACK, 1, 0, 701);
	out_skip(w);
	assert_int_equal(tcp_unsent(w->t, p), 0);
}

/* IPv6's step is to 1280, not to the base, which no link is as narrow as; and there is no further one. */
static void black_hole_ip6(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;
	struct path *path;

	w->t->mtu_probing = 1;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 2 * MSS), 2 * MSS);
	out_skip(w);
	path = path_at(&w->h.net.paths, p->c.h.path);
	path->l3_len = IP6_HDR_LEN; /* for this question alone: nothing is sent */
	p->backoff = TCP_HOLE_RTOS - 1;
	tcp_mtu_black_hole(w->t, p);
	assert_int_equal(path->pmtu, WORLD_MTU);
	p->backoff = TCP_HOLE_RTOS;
	for (int i = 0; i < 2; i++) {
		tcp_mtu_black_hole(w->t, p);
		assert_int_equal(path->pmtu, IP6_MTU_MIN);
		assert_int_equal(w->t->stats.mtu_holes, 1);
	}
	path->l3_len = IP4_HDR_LEN;
	p->backoff = 0;
}

/* Small segments are not lost for their size, and without the setting nothing is. */
static void no_black_hole(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->t->mtu_probing = 1;
	p = app_connected(w);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	after_ms(w, 30000);
	w->t->mtu_probing = 0;
	assert_int_equal(app_send(w, p, 101, MSS), MSS);
	after_ms(w, 60000);
	out_skip(w);
	assert_true(p->backoff >= TCP_HOLE_RTOS);
	assert_int_equal(w->t->stats.mtu_holes, 0);
	assert_int_equal(path_at(&w->h.net.paths, p->c.h.path)->pmtu, WORLD_MTU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(min_ttl_of_a_connection), world_test(min_ttl_of_a_listener), world_test(option_values),
		world_test(without_path_mtu_discovery), world_test(black_hole), world_test(black_hole_of_a_part), world_test(black_hole_of_small_mss), world_test(black_hole_ip6), world_test(no_black_hole),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
