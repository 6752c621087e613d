/* flood_test.c: what a SYN flood may cost (RFC 4987 3): a turn's share of answers, and who gets them. */
#include "world.h"

#include "tcp/flood.h"
#include "wire/eth.h"
#include "wire/ip6.h"

#define FRAME 94 /* bytes that are written of each */

enum kind { IP4, IP6, IP4_OPTIONS, IP4_FRAGMENT, TAGGED, UDP };

/* A frame of peer number who, who says flags. */
static struct rte_mbuf *frame(enum kind kind, uint32_t who, uint8_t flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world_pool());
	uint8_t *b = (uint8_t *)rte_pktmbuf_append(m, FRAME), *l3 = b + ETH_HDR_LEN, *l4 = l3 + IP4_HDR_LEN;

	memset(b, 0, FRAME);
	store16(b + 12, kind == IP6 ? RTE_ETHER_TYPE_IPV6 : kind == TAGGED ? RTE_ETHER_TYPE_VLAN : RTE_ETHER_TYPE_IPV4);
	if (kind == IP6) {
		l3[6] = IPPROTO_TCP;
		store32(l3 + 20, who);
		l4 = l3 + IP6_HDR_LEN;
	} else {
		l3[0] = kind == IP4_OPTIONS ? 0x46 : 0x45;
		store16(l3 + 6, kind == IP4_FRAGMENT ? 1 : IP4_DF);
		l3[9] = kind == UDP ? IPPROTO_UDP : IPPROTO_TCP;
		store32(l3 + 12, who);
		l4 += kind == IP4_OPTIONS ? 4 : 0;
	}
	store16(l4, CPORT);
	l4[TCP_FLAGS_OFF] = flags;
	return m;
}

/* Whether one such frame is dropped, as a burst of its own. */
static bool dropped(struct world *w, enum kind kind, uint32_t who, uint8_t flags)
{
	struct rte_mbuf *m = frame(kind, who, flags);
	bool is = tcp_without_excess(w->t, &m, 1) == 0;

	if (!is)
		rte_pktmbuf_free(m);
	return is;
}

/* Whether such a frame is answered that was parsed. glanced: after tcp_without_excess() saw it. */
static bool taken(struct world *w, enum kind kind, uint32_t who, bool glanced)
{
	uint16_t l4 = ETH_HDR_LEN + (kind == IP6 ? IP6_HDR_LEN : IP4_HDR_LEN) + (kind == IP4_OPTIONS ? 4 : 0);
	struct net_pkt pkt = {.m = frame(kind, who, SYN), .l3_off = ETH_HDR_LEN, .l4_off = l4, .ip6 = kind == IP6, .glanced = glanced};
	bool is = tcp_syn_taken(w->t, &pkt);

	rte_pktmbuf_free(pkt.m);
	return is;
}

static void turn(struct world *w)
{
	host_flush(&w->h);
	out_skip(w);
}

static void later_ms(struct world *w, uint32_t ms)
{
	host_time(&w->h, w->h.clock.now_ns + ms * 1000000ull);
	out_skip(w);
}

/* Requests beyond a turn's share: all of them are answered; from the next turn on there is a flood. */
static void flood_begin(struct world *w)
{
	w->t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	app_listen(w, 8);
	for (unsigned i = 0; i < TCP_SYNS_PER_TURN; i++) {
		w->rport = (uint16_t)(CPORT + i);
		in_held(w, SYN, 0, 0, 0);
	}
	assert_false(tcp_syn_flooded(w->t));
	assert_int_equal(w->t->stats.cookies_sent, TCP_SYNS_PER_TURN);
	turn(w);
	assert_true(tcp_syn_flooded(w->t));
}

/* The share goes to those who come first; who repeats at once is dropped, and after a second answered, once a second. */
static void first_come(void **state)
{
	struct world *w = *state;

	flood_begin(w);
	for (uint32_t i = 0; i < TCP_SYNS_PER_TURN; i++)
		assert_false(dropped(w, i % 2 ? IP6 : IP4, i, SYN));
	for (unsigned k = 0; k < 3; k++)
		for (uint32_t i = 0; i < 100; i++)
			assert_true(dropped(w, i % 2 ? IP6 : IP4, i, SYN));
	assert_int_equal(w->h.drops.n[DROP_TCP_SYN_EXCESS], 300);
	for (unsigned k = 0; k < 4; k++) {
		later_ms(w, 1000);
		tcp_syns_exceed(w->t); /* the flood goes on */
		assert_false(dropped(w, IP4, 50, SYN | TCPF_ECE | TCPF_CWR));
		assert_true(dropped(w, IP4, 50, SYN));
		assert_false(dropped(w, IP6, 51, SYN));
		assert_true(dropped(w, IP6, 51, SYN));
	}
}

/* Those who repeat have a share of their own; who does not get one is not forgotten. */
static void repetitions(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	flood_begin(w);
	for (uint32_t i = 0; i < 100; i++)
		n += dropped(w, IP4, i, SYN);
	assert_int_equal(n, 100 - TCP_SYNS_PER_TURN);
	later_ms(w, 1000);
	for (uint32_t left = 100; left > 0; turn(w)) {
		tcp_syns_exceed(w->t);
		n = 0;
		for (uint32_t i = 0; i < 100; i++)
			n += !dropped(w, IP4, i, SYN);
		assert_int_equal(n, RTE_MIN(left, (uint32_t)TCP_SYN_REPEATS_PER_TURN));
		left -= n;
	}
	assert_false(dropped(w, IP4, 1000, SYN)); /* the others' share is untouched */
}

/* A second of 100 000 strangers: nearly all are known for such, and whoever came before them still is. */
static void strangers(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	flood_begin(w);
	for (uint32_t i = 0; i < TCP_SYNS_PER_TURN; i++)
		assert_false(dropped(w, IP4, i, SYN));
	assert_true(dropped(w, IP4, 77, SYN));
	for (uint32_t i = 0; i < 100000; i++)
		n += dropped(w, IP4, 1000 + i * 2654435761u, SYN);
	assert_true(n > 99900);
	later_ms(w, 1000);
	tcp_syns_exceed(w->t);
	assert_false(dropped(w, IP4, 77, SYN));
}

/* Other frames go on, in order, and so do requests that cannot be known at a glance. */
static void others(void **state)
{
	static const struct { enum kind kind; uint8_t flags; } other[] = {
		{IP4, ACK}, {IP4, SYN | ACK}, {IP6, RST}, {IP4, FIN | ACK}, {IP4_FRAGMENT, SYN}, {TAGGED, SYN}, {UDP, SYN}, {IP4_OPTIONS, SYN},
		{IP6, SYN | ACK},
	};
	struct world *w = *state;
	struct rte_mbuf *m[RX_BURST], *kept[RX_BURST];

	flood_begin(w);
	w->t->syns_left = 0;
	for (uint16_t i = 0; i < RX_BURST; i++) {
		bool is = i % 3 == 1 && i / 3 < RTE_DIM(other);

		m[i] = is ? frame(other[i / 3].kind, i, other[i / 3].flags) : frame(i % 2 ? IP6 : IP4, i, SYN);
		if (is)
			kept[i / 3] = m[i];
	}
	assert_int_equal(tcp_without_excess(w->t, m, RX_BURST), RTE_DIM(other));
	for (uint16_t i = 0; i < RTE_DIM(other); i++)
		assert_ptr_equal(m[i], kept[i]);
	rte_pktmbuf_free_bulk(m, RTE_DIM(other));
}

/* What tcp_without_excess() did not see, or could not know for a request, is counted when it was parsed. */
static void counted_late(void **state)
{
	static const struct { enum kind kind; bool glanced; } late[] = {{IP4_OPTIONS, true}, {IP4, false}, {IP6, false}};
	struct world *w = *state;

	flood_begin(w);
	w->t->syns_left = 0;
	assert_true(taken(w, IP4, 1, true));
	assert_true(taken(w, IP6, 2, true));
	for (uint32_t i = 0; i < RTE_DIM(late); i++) {
		assert_false(taken(w, late[i].kind, 5 + i, late[i].glanced));
		assert_false(taken(w, late[i].kind, 5 + i, late[i].glanced));
	}
	later_ms(w, 1000);
	tcp_syns_exceed(w->t);
	for (uint32_t i = 0; i < RTE_DIM(late); i++) {
		w->t->syns_left = 0;
		assert_true(taken(w, late[i].kind, 5 + i, late[i].glanced));
		w->t->syns_left = 1;
		assert_true(taken(w, late[i].kind, 600 + i, late[i].glanced));
		assert_false(taken(w, late[i].kind, 700 + i, late[i].glanced));
	}
}

/* Frames that are too short for what they say. */
static void cut_short(void **state)
{
	struct world *w = *state;

	flood_begin(w);
	w->t->syns_left = 0;
	for (int v = 0; v < 2; v++) {
		uint16_t whole = ETH_HDR_LEN + (v ? IP6_HDR_LEN : IP4_HDR_LEN) + TCP_HDR_LEN;

		for (uint16_t len = 0; len <= whole; len++) {
			struct rte_mbuf *m = frame(v ? IP6 : IP4, len, SYN);
			uint16_t left;

			rte_pktmbuf_trim(m, FRAME - len);
			left = tcp_without_excess(w->t, &m, 1);
			assert_int_equal(left, len < whole);
			if (left == 1)
				rte_pktmbuf_free(m);
		}
	}
}

/* Handshakes that end well earn answers for others; without requests the flood is soon over. */
static void earned(void **state)
{
	struct world *w = *state;

	flood_begin(w);
	assert_int_equal(w->t->syns_left, TCP_SYNS_PER_TURN);
	for (unsigned i = 0; i < 2 * TCP_SYNS_EARNED_MAX; i++)
		tcp_syn_earned(w->t);
	assert_in_range(w->t->syns_left, TCP_SYNS_EARNED_MAX, TCP_SYNS_EARNED_MAX + TCP_SYNS_EARNED);
	turn(w);
	assert_in_range(w->t->syns_left, TCP_SYNS_EARNED_MAX, TCP_SYNS_EARNED_MAX + TCP_SYNS_EARNED);
	for (uint32_t i = 1; i < TCP_SYNS_EARNED_MAX; i++)
		assert_false(dropped(w, IP4, i, SYN));
	later_ms(w, TCP_SYN_FLOODED_MS);
	assert_false(tcp_syn_flooded(w->t));
}

/* An ACK of a cookie is such an end. */
static void handshake_earns(void **state)
{
	struct world *w = *state;
	uint32_t before;

	w->t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	app_listen(w, 8);
	in(w, SYN, 0, 0, 0);
	out(w, SYN | ACK, 0, 0, 1);
	before = w->t->syns_left;
	in(w, ACK, 1, 0, 1);
	assert_int_equal(w->t->stats.cookies_received, 1);
	assert_int_equal(w->t->syns_left, before + TCP_SYNS_EARNED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(first_come), world_test(repetitions), world_test(strangers), world_test(others), world_test(counted_late),
		world_test(cut_short), world_test(earned), world_test(handshake_earns),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
