/* frag6_test.c: IPv6 fragments in (RFC 8200 4.5, RFC 5722, RFC 6946, RFC 7112) and out. */
#include "env6.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire/cksum.h"

#define WHOLE 3008u /* UDP header and payload */

static uint8_t whole[70000];

static int setup(void **state)
{
	int rc = env6_setup(state);
	struct env *e = *state;
	struct ip6_addr both[2] = {peer6, us6};
	struct sent6 s;
	uint16_t sum;

	for (uint32_t i = 0; i < sizeof(whole); i++)
		whole[i] = (uint8_t)(i * 7);
	udp_emit(whole, 53, 1000, WHOLE);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum6(both, IPPROTO_UDP, WHOLE), whole, WHOLE));
	memcpy(whole + 6, &sum, 2);
	env_input(e, env6_ns(e, &peer6, &us6, &mac_peer), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_NA, 0);
	return rc;
}

/* Bytes [off, off+len) of the datagram. */
static struct rte_mbuf *piece(struct env *e, uint32_t id, uint8_t next, uint32_t off, uint32_t len, bool more)
{
	uint8_t b[1500] = {next};

	store16(b + 2, (uint16_t)(off | more));
	store32(b + 4, id);
	memcpy(b + 8, whole + off, len);
	return env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, 8 + len);
}

static enum net_verdict take(struct env *e, struct rte_mbuf *m, struct net_pkt *pkt)
{
	enum net_verdict v = net_input(&e->net, 0, m, pkt);

	return v == NET_FRAGMENT ? net_reassemble(&e->net, pkt) : v;
}

static void expect_whole(struct env *e, const struct net_pkt *pkt)
{
	uint8_t copy[WHOLE];

	(void)e;
	assert_int_equal(pkt->proto, IPPROTO_UDP);
	assert_int_equal(pkt->l4_len, WHOLE);
	assert_int_equal(pkt->key.lport_be, RTE_BE16(1000));
	assert_memory_equal(net_pkt_raddr6(pkt), &peer6, 16);
	assert_memory_equal(rte_pktmbuf_read(pkt->m, pkt->l4_off, WHOLE, copy), whole, WHOLE);
	assert_int_equal(load16(rte_pktmbuf_mtod_offset(pkt->m, uint8_t *, pkt->l3_off + 4)), pkt->m->pkt_len - pkt->l3_off - 40);
	rte_pktmbuf_free(pkt->m);
}

/* In any order, the same twice among them; home by the addresses' hash. */
static void orders(void **state)
{
	static const uint8_t order[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
	struct env *e = *state;

	for (size_t i = 0; i < RTE_DIM(order); i++) {
		struct net_pkt pkt;

		for (int k = 0; k < 3; k++) {
			uint32_t off = order[i][k] * 1200u, len = RTE_MIN(1200u, WHOLE - off);
			enum net_verdict v = net_input(&e->net, 0, piece(e, (uint32_t)i, IPPROTO_UDP, off, len, off + len < WHOLE), &pkt);

			assert_int_equal(v, NET_FRAGMENT);
			assert_int_equal(pkt.hash, rss_hash2_ip6(e->flow.rss, &peer6, &us6));
			v = net_reassemble(&e->net, &pkt);
			assert_int_equal(v, k == 2 ? NET_UDP : NET_FRAGMENT);
			if (k == 0)
				assert_int_equal(take(e, piece(e, (uint32_t)i, IPPROTO_UDP, off, len, off + len < WHOLE), &pkt), NET_DONE);
		}
		assert_int_equal(pkt.hash, rss_hash6(e->flow.rss, &peer6, &us6, RTE_BE16(53), RTE_BE16(1000)));
		expect_whole(e, &pkt);
	}
	assert_int_equal(e->drops.n[DROP_IP6_FRAG_DUP], 4);
	assert_int_equal(e->net.reassembled, 4);
}

/* Headers before the fragment header stay, the last of them then names what the fragment header named; what follows it is walked
 * when all is there (RFC 8200 4.5). */
static void with_headers(void **state)
{
	struct env *e = *state;
	uint8_t b[1500] = {IP6_NEXT_DST_OPTS, 0, 1, 4, 0, 0, 0, 0, /* hop by hop */ IP6_NEXT_FRAGMENT, 0, 1, 4, 0, 0, 0, 0,
			   IP6_NEXT_DST_OPTS, 0, 0, 1, 0, 0, 0, 9, IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0};
	struct net_pkt pkt;

	memcpy(b + 32, whole, 1200);
	assert_int_equal(take(e, env6_frame(e, &peer6, &us6, IP6_NEXT_HOP_BY_HOP, 64, b, 32 + 1200), &pkt), NET_FRAGMENT);
	store16(b + 18, 1208 | 1);
	memcpy(b + 24, whole + 1200, 1200);
	assert_int_equal(take(e, env6_frame(e, &peer6, &us6, IP6_NEXT_HOP_BY_HOP, 64, b, 24 + 1200), &pkt), NET_FRAGMENT);
	store16(b + 18, 2408);
	memcpy(b + 24, whole + 2400, WHOLE - 2400);
	assert_int_equal(take(e, env6_frame(e, &peer6, &us6, IP6_NEXT_HOP_BY_HOP, 64, b, 24 + WHOLE - 2400), &pkt), NET_UDP);
	assert_int_equal(pkt.l4_off - pkt.l3_off, 40 + 24);
	expect_whole(e, &pkt);
}

/* RFC 8200 4.5: headers before the fragment header that make the whole longer than a header can say. */
static void longer_with_headers(void **state)
{
	struct env *e = *state;
	const uint32_t total = 65535, part = 1440;
	uint8_t b[1500] = {IP6_NEXT_FRAGMENT, 0, 1, 4, 0, 0, 0, 0, IPPROTO_UDP};
	struct net_pkt pkt;

	udp_emit(whole, 53, 1000, 65535);
	memset(whole + 6, 0, 2);
	for (int longer = 1; longer >= 0; longer--) { /* 65535 with eight bytes more, then those inside of it */
		uint32_t end = total - (longer ? 0 : 8), off;

		store32(b + 12, (uint32_t)longer);
		for (off = part; off + part < end; off += part)
			assert_int_equal(take(e, piece(e, (uint32_t)longer, IPPROTO_UDP, off, part, true), &pkt), NET_FRAGMENT);
		assert_int_equal(take(e, piece(e, (uint32_t)longer, IPPROTO_UDP, off, end - off, false), &pkt), NET_FRAGMENT);
		store16(b + 10, 1); /* offset 0, more */
		memcpy(b + 16, whole, part);
		/* The checksum is wrong: what comes as far as that is as long as it may be. */
		assert_int_equal(take(e, env6_frame(e, &peer6, &us6, IP6_NEXT_HOP_BY_HOP, 64, b, 16 + part), &pkt), NET_DONE);
		assert_int_equal(e->net.reassembled, !longer);
		assert_int_equal(e->net.frags.held, 0);
	}
	assert_int_equal(e->drops.n[DROP_IP6_FRAG_BAD], 46);
}

/* RFC 3168 5.3: one that met congestion says so for all. */
static void congestion_in_one(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	for (uint32_t marked = 0; marked < 3; marked++) {
		for (uint32_t i = 0; i < 3; i++) {
			uint32_t off = i * 1200, len = RTE_MIN(1200u, WHOLE - off);
			struct rte_mbuf *m = piece(e, marked, IPPROTO_UDP, off, len, off + len < WHOLE);

			rte_pktmbuf_mtod(m, uint8_t *)[15] |= (i == marked ? 3 : 2) << 4;
			assert_int_equal(take(e, m, &pkt), i == 2 ? NET_UDP : NET_FRAGMENT);
		}
		assert_int_equal(pkt.tos, 3);
		expect_whole(e, &pkt);
	}
}

/* RFC 5722: what overlaps takes the whole datagram with it. */
static void overlap(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 0, 1200, true), &pkt), NET_FRAGMENT);
	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 1192, 1200, true), &pkt), NET_DONE);
	assert_int_equal(e->drops.n[DROP_IP6_FRAG_BAD], 2);
	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 1200, 1200, true), &pkt), NET_FRAGMENT);
	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 2400, WHOLE - 2400, false), &pkt), NET_FRAGMENT);
	assert_int_equal(e->net.reassembled, 0);
	env_expect_silence(e);
}

/* RFC 8200 4.5: lengths that are no multiple of 8 and ends beyond 65535 are told; nothing in it is dropped. RFC 7112: first ones
 * without all headers are told. */
static void bad(void **state)
{
	struct env *e = *state;
	uint8_t b[100] = {IP6_NEXT_DST_OPTS, 0, 0, 1, 0, 0, 0, 9, IPPROTO_UDP, 30};
	struct net_pkt pkt;
	struct sent6 s;

	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 0, 1199, true), &pkt), NET_DONE);
	env6_expect(e, &s, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD);
	assert_int_equal(load32(s.msg + 4), 4);
	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 65528, 8, false), &pkt), NET_DONE);
	env6_expect(e, &s, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD);
	assert_int_equal(load32(s.msg + 4), 42);
	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 1200, 0, false), &pkt), NET_DONE);
	env_expect_silence(e);
	assert_int_equal(take(e, piece(e, 1, IPPROTO_TCP, 0, 16, true), &pkt), NET_DONE);
	env6_expect(e, &s, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_CHAIN);
	assert_int_equal(take(e, env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, 24), &pkt), NET_DONE);
	env6_expect(e, &s, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_CHAIN);
	assert_int_equal(e->drops.n[DROP_IP6_FRAG_BAD], 5);
	assert_int_equal(e->net.frags.held, 0);
	b[0] = IP6_NEXT_FRAGMENT; /* a fragment header behind a fragment header */
	store16(b + 2, 0);
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, 40), DROP_IP6_EXT);
}

/* RFC 6946: one that is whole never meets fragments of the same identification. */
static void atomic(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env6_udp(e, &peer6, &us6, 100);
	uint8_t b[300] = {IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 1};
	struct net_pkt pkt;

	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 0, 1200, true), &pkt), NET_FRAGMENT);
	memcpy(b + 8, rte_pktmbuf_mtod_offset(m, void *, 54), 108);
	rte_pktmbuf_free(m);
	assert_int_equal(take(e, env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, 116), &pkt), NET_UDP);
	assert_int_equal(pkt.l4_len, 108);
	rte_pktmbuf_free(pkt.m);
	assert_int_equal(e->net.frags.held, 1);
}

/* RFC 8200 4.5: 60 seconds, then the sender is told when the first one is there. IPv4's end after 30 all the same. */
static void timeout(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;
	struct sent6 s;

	assert_int_equal(take(e, piece(e, 1, IPPROTO_UDP, 0, 1200, true), &pkt), NET_FRAGMENT);
	assert_int_equal(take(e, piece(e, 2, IPPROTO_UDP, 1200, 1200, true), &pkt), NET_FRAGMENT);
	env_advance_ms(e, 59000);
	assert_int_equal(e->drops.n[DROP_IP6_FRAG_TIMEOUT], 0);
	env_expect_silence(e);
	env_advance_ms(e, 1200);
	assert_int_equal(e->drops.n[DROP_IP6_FRAG_TIMEOUT], 2);
	/* The neighbour has become old meanwhile: the packet leaves, and it is asked for. */
	env6_expect(e, &s, ICMP6_TIME_EXCEEDED, ICMP6_TIME_REASSEMBLY);
	assert_memory_equal(&s.dst, &peer6, 16);
	assert_memory_equal(s.msg + 8 + 8, &peer6, 16);
}

/* Out: pieces that the path takes, one identification, and what comes back together is what went out. */
static void out_and_in(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0), id = 0, count = 0;
	struct rte_mbuf *m = env_mbuf(e, whole, 1500), *more = env_mbuf(e, whole + 1500, WHOLE - 1500), *f;
	uint8_t frame[1600];
	enum net_verdict v = NET_FRAGMENT;
	struct net_pkt pkt;

	memset(rte_pktmbuf_mtod_offset(m, void *, 6), 0, 2);
	rte_pktmbuf_chain(m, more);
	net_pmtu_lower(&e->net, path, 1280);
	assert_int_equal(net_fragment(&e->net, path_at(&e->net.paths, path), m, IPPROTO_UDP, 0, 64, 5), 0);
	while ((f = env_sent(e)) != NULL) {
		const uint8_t *ip = rte_pktmbuf_read(f, 14, f->pkt_len - 14, frame);
		uint16_t word = load16(ip + 42);

		assert_true(f->pkt_len <= 14 + 1280);
		assert_int_equal(ip[6], IP6_NEXT_FRAGMENT);
		assert_int_equal(word & 0xfff8, count * 1232);
		assert_int_equal(word & 1, count < 2);
		if (count++ == 0)
			id = load32(ip + 44);
		assert_int_equal(load32(ip + 44), id);
		/* The way back: addresses change places, which no sum notices; ports do not. */
		memmove(frame + 14, ip, f->pkt_len - 14);
		eth_emit(frame, &mac_us, &mac_peer, RTE_ETHER_TYPE_IPV6);
		memcpy(frame + 14 + 8, &peer6, 16);
		memcpy(frame + 14 + 24, &us6, 16);
		v = take(e, env_mbuf(e, frame, f->pkt_len), &pkt);
		rte_pktmbuf_free(f);
	}
	assert_int_equal(count, 3);
	assert_int_equal(v, NET_UDP);
	expect_whole(e, &pkt);
	net_path_put(&e->net, path);
}

/* A ping larger than a packet: its answer comes in fragments. */
static void large_ping(void **state)
{
	struct env *e = *state;
	struct ip6_addr both[2] = {peer6, us6};
	struct net_pkt pkt;
	struct rte_mbuf *m;
	uint16_t sum;
	int count = 0;

	memcpy(whole, (uint8_t[]){ICMP6_ECHO, 0, 0, 0, 0, 1, 0, 1}, 8);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum6(both, IPPROTO_ICMPV6, WHOLE), whole, WHOLE));
	memcpy(whole + 2, &sum, 2);
	for (uint32_t off = 0; off < WHOLE; off += 1200) {
		uint32_t len = RTE_MIN(1200u, WHOLE - off);

		take(e, piece(e, 3, IPPROTO_ICMPV6, off, len, off + len < WHOLE), &pkt);
	}
	for (; (m = env_sent(e)) != NULL; count++) {
		const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);

		assert_int_equal(b[14 + 6], IP6_NEXT_FRAGMENT);
		if (count == 0)
			assert_int_equal(b[14 + 40 + 8], ICMP6_ECHO_REPLY);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(count, 3);
}

/* As many small pieces as there can be, of one datagram and of many: what is kept is bounded, and is given back. */
static void many(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	for (uint32_t i = 0; i < 8000; i++)
		take(e, piece(e, 77, IPPROTO_UDP, 16 + i * 7919 % 8000 * 8, 8, true), &pkt);
	assert_true(e->net.frags.held <= FRAG_PIECES_MAX);
	for (uint32_t i = 0; i < 8000; i++)
		take(e, piece(e, 100 + i, IPPROTO_UDP, 16, 8, true), &pkt);
	assert_true(e->net.frags.held <= e->net.frags.held_max && e->net.frags.held <= FRAG_DATAGRAMS_MAX);
	env_advance_ms(e, FRAG6_TIMEOUT_MS + 2 * CHORE_MS);
	assert_int_equal(e->net.frags.held, 0);
	env_expect_silence(e); /* without their first pieces nothing can be told */
}

/* Identifications of what we send in fragments follow no pattern (RFC 7739). */
static void identification(void **state)
{
	static uint32_t seen[512];
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0), near = 0;

	for (uint32_t i = 0; i < RTE_DIM(seen); i++) {
		struct rte_mbuf *m = env_mbuf(e, whole, 1600);

		assert_int_equal(net_fragment(&e->net, path_at(&e->net.paths, path), m, IPPROTO_UDP, 0, 64, 5), 0);
		pkt_tx_flush(&e->tx[0]);
		m = env_sent(e);
		seen[i] = load32(rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + IP6_HDR_LEN + 4));
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(env_sent(e));
		if (i > 1)
			assert_true(seen[i] - seen[i - 1] != seen[i - 1] - seen[i - 2]);
		near += i > 0 && seen[i] - seen[i - 1] + 65536 < 131072;
	}
	assert_true(near <= 2); /* 512 chances of 1 in 32768 */
	net_path_put(&e->net, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(orders, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(with_headers, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(overlap, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(bad, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(atomic, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(timeout, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(out_and_in, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(many, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(identification, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(large_ping, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(longer_with_headers, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(congestion_in_one, setup, env6_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
