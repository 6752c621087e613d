/* frag_test.c: fragments: datagrams put together from them in any order, what is refused, what is given up, and our own. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire/cksum.h"

#define BIG 65507 /* UDP payload that fills IPv4 */

static uint8_t l4[65535 + 60]; /* the datagram that fragments are cut from */
static uint32_t l4_len;

/* A UDP datagram, or with TCP a segment, to port 1000. */
static void datagram(uint8_t proto, uint32_t payload)
{
	const struct tcp_view v = {.sport = 80, .dport = 1000, .seq = 1, .ack = 2, .flags = TCPF_ACK, .wnd = 100};
	const struct tcp_opts o = {0};
	uint32_t hdr = proto == IPPROTO_TCP ? 20 : 8, field = proto == IPPROTO_TCP ? 16 : 6;
	uint16_t sum;

	l4_len = hdr + payload;
	if (proto == IPPROTO_TCP)
		tcp_emit(l4, &v, &o);
	else
		udp_emit(l4, 53, 1000, (uint16_t)l4_len);
	for (uint32_t i = 0; i < payload; i++)
		l4[hdr + i] = (uint8_t)(i * 7 + i / 251);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum(PEER, US, proto, l4_len), l4, l4_len));
	memcpy(l4 + field, &sum, 2);
}

/* Bytes [off, off + len) of it as a frame; more: not the last. */
static struct rte_mbuf *cut_id(struct env *e, uint8_t proto, uint16_t id, uint32_t off, uint32_t len, bool more)
{
	struct rte_mbuf *m = env_ip4(e, PEER, proto, l4 + off, len);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	store16(ip + 4, id);
	store16(ip + 6, (uint16_t)(off / 8 | (more ? IP4_MF : 0)));
	env_fix_ip4(m);
	return m;
}

static struct rte_mbuf *cut(struct env *e, uint8_t proto, uint32_t off, uint32_t len)
{
	return cut_id(e, proto, 7, off, len, off + len < l4_len);
}

/* Stage one and reassembly; what becomes whole is in *pkt. */
static enum net_verdict take(struct env *e, struct rte_mbuf *m, struct net_pkt *pkt)
{
	enum net_verdict v = net_input(&e->net, 0, m, pkt);

	assert_int_equal(v, NET_FRAGMENT);
	assert_int_equal(pkt->hash, rss_hash2(&e->port.rss, PEER, US));
	return net_reassemble(&e->net, pkt);
}

static void expect_whole(struct env *e, const struct net_pkt *pkt, uint8_t proto)
{
	static uint8_t got[sizeof(l4)];
	const uint8_t *p = rte_pktmbuf_read(pkt->m, pkt->l4_off, l4_len, got), *ip;
	const char *why;

	assert_int_equal(rte_mbuf_check(pkt->m, 1, &why), 0);
	assert_int_equal(pkt->l4_len, l4_len);
	assert_int_equal(pkt->m->pkt_len, pkt->l4_off + l4_len);
	assert_memory_equal(p, l4, l4_len);
	assert_int_equal(pkt->proto, proto);
	assert_true(pkt->verified);
	assert_int_equal(pkt->key.lport_be, RTE_BE16(1000));
	assert_int_equal(pkt->hash, flow_hash(&e->flow, &pkt->key));
	ip = rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l3_off);
	assert_int_equal(load16(ip + 6), 0);
	assert_int_equal(load16(ip + 2), 20 + l4_len);
	assert_int_equal(cksum_fold(cksum_bytes(0, ip, 20)), 0xffff);
	rte_pktmbuf_free(pkt->m);
	assert_int_equal(e->net.frags.held, 0);
}

static void any_order(void **state)
{
	static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct env *e = *state;
	struct net_pkt pkt;

	for (int proto = 0; proto < 2; proto++) {
		const uint8_t p = proto ? IPPROTO_TCP : IPPROTO_UDP;

		datagram(p, 3000);
		for (int k = 0; k < 6; k++) {
			for (int i = 0; i < 3; i++) {
				uint32_t off = orders[k][i] * 1480u;
				enum net_verdict v = take(e, cut(e, p, off, RTE_MIN(1480u, l4_len - off)), &pkt);

				assert_int_equal(v, i < 2 ? NET_FRAGMENT : proto ? NET_TCP : NET_UDP);
			}
			expect_whole(e, &pkt, p);
		}
	}
	assert_int_equal(e->net.reassembled, 12);
}

/* RFC 3168 5.3: one that met congestion says so for all. */
static void congestion_in_one(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	datagram(IPPROTO_UDP, 3000);
	for (uint32_t marked = 0; marked < 3; marked++) {
		for (uint32_t i = 0; i < 3; i++) {
			struct rte_mbuf *m = cut(e, IPPROTO_UDP, i * 1480, RTE_MIN(1480u, l4_len - i * 1480));

			rte_pktmbuf_mtod_offset(m, uint8_t *, 14)[1] |= i == marked ? 3 : 2;
			env_fix_ip4(m);
			assert_int_equal(take(e, m, &pkt), i == 2 ? NET_UDP : NET_FRAGMENT);
		}
		assert_int_equal(pkt.tos, 3);
		expect_whole(e, &pkt, IPPROTO_UDP);
	}
}

/* The same twice, whichever: ignored. Small first fragments: the headers are brought together. */
static void duplicates_and_small_ones(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	datagram(IPPROTO_UDP, 400);
	for (uint32_t off = 0; off < l4_len; off += 8) {
		bool last = off + 8 >= l4_len;

		assert_int_equal(take(e, cut(e, IPPROTO_UDP, off, 8), &pkt), last ? NET_UDP : NET_FRAGMENT);
		if (!last)
			assert_int_equal(take(e, cut(e, IPPROTO_UDP, off, 8), &pkt), NET_DONE);
	}
	assert_true(pkt.m->data_len >= 14 + 20 + 8 + 60); /* what parsers read lies together */
	expect_whole(e, &pkt, IPPROTO_UDP);
	assert_int_equal(e->drops.n[DROP_IP4_FRAG_DUP], 50);
}

static void largest(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;
	enum net_verdict v = NET_DONE;

	datagram(IPPROTO_UDP, BIG);
	for (uint32_t off = 0; off < l4_len; off += 1480)
		v = take(e, cut(e, IPPROTO_UDP, off, RTE_MIN(1480u, l4_len - off)), &pkt);
	assert_int_equal(v, NET_UDP);
	expect_whole(e, &pkt, IPPROTO_UDP);
}

static void wrong_checksum_over_the_chain(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;
	struct net_pkt pkt;

	datagram(IPPROTO_UDP, 2000);
	m = cut(e, IPPROTO_UDP, 1480, l4_len - 1480);
	rte_pktmbuf_mtod_offset(m, uint8_t *, 100)[0] ^= 1;
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD; /* a NIC cannot know */
	take(e, m, &pkt);
	assert_int_equal(take(e, cut(e, IPPROTO_UDP, 0, 1480), &pkt), NET_DONE);
	assert_int_equal(e->drops.n[DROP_UDP_CKSUM], 1);
}

static void refused(void **state)
{
	static const struct {
		uint8_t proto;
		uint32_t off, len;
		bool more;
	} rows[] = {
		{IPPROTO_UDP, 0, 0, true},        /* nothing in it */
		{IPPROTO_UDP, 8, 12, true},       /* not the last, no multiple of 8 */
		{IPPROTO_TCP, 0, 16, true},       /* RFC 1858: tiny first one ... */
		{IPPROTO_TCP, 8, 100, false},     /* ... and the one that would override its flags */
		{IPPROTO_UDP, 65528, 8, false},   /* ends at 65536 - 20 */
		{IPPROTO_UDP, 65512, 1480, true},
	};
	struct env *e = *state;
	struct net_pkt pkt;

	datagram(IPPROTO_UDP, BIG);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct rte_mbuf *m = cut_id(e, rows[i].proto, 7, rows[i].off % 8192, rows[i].len, rows[i].more);

		store16(rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 6), (uint16_t)(rows[i].off / 8 | (rows[i].more ? IP4_MF : 0)));
		env_fix_ip4(m);
		assert_int_equal(take(e, m, &pkt), NET_DONE);
		assert_int_equal(e->drops.n[DROP_IP4_FRAG_BAD], i + 1);
		assert_int_equal(e->net.frags.oldest, 0);
	}
}

/* Overlaps and ends that disagree cost the whole datagram. */
static void overlaps(void **state)
{
	static const struct {
		uint32_t off, len;
		bool more;
	} second[] = {
		{1472, 1480, true}, {0, 1472, true}, {0, 800, true}, {8, 8, true}, {800, 1000, false}, {8, 800, false}, {0, 1488, true},
	};
	struct env *e = *state;
	struct net_pkt pkt;

	datagram(IPPROTO_UDP, 3000);
	for (size_t i = 0; i < RTE_DIM(second); i++) {
		uint64_t bad = e->drops.n[DROP_IP4_FRAG_BAD];

		assert_int_equal(take(e, cut(e, IPPROTO_UDP, 0, 1480), &pkt), NET_FRAGMENT);
		assert_int_equal(take(e, cut_id(e, IPPROTO_UDP, 7, second[i].off, second[i].len, second[i].more), &pkt), NET_DONE);
		assert_int_equal(e->drops.n[DROP_IP4_FRAG_BAD], bad + 2);
		assert_int_equal(e->net.frags.oldest, 0);
	}
	take(e, cut_id(e, IPPROTO_UDP, 7, 1480, 80, false), &pkt);
	assert_int_equal(take(e, cut_id(e, IPPROTO_UDP, 7, 1560, 80, false), &pkt), NET_DONE); /* two ends */
	take(e, cut_id(e, IPPROTO_UDP, 7, 1480, 80, false), &pkt);
	assert_int_equal(take(e, cut_id(e, IPPROTO_UDP, 7, 1600, 80, true), &pkt), NET_DONE); /* behind the end */
	assert_int_equal(e->net.frags.held, 0);
}

static void gives_up_and_tells(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;
	struct rte_mbuf *m;
	const uint8_t *b;

	env_peer_known(e, PEER, &mac_peer);
	datagram(IPPROTO_UDP, 3000);
	take(e, cut_id(e, IPPROTO_UDP, 1, 0, 1480, true), &pkt);
	take(e, cut_id(e, IPPROTO_UDP, 2, 1480, 1480, true), &pkt);
	env_advance_ms(e, FRAG_TIMEOUT_MS - 1);
	assert_int_equal(e->drops.n[DROP_IP4_FRAG_TIMEOUT], 0);
	env_advance_ms(e, CHORE_MS + 1);
	assert_int_equal(e->drops.n[DROP_IP4_FRAG_TIMEOUT], 2);
	m = env_sent(e); /* about the first: its first fragment can be quoted */
	assert_non_null(m);
	if (load16(rte_pktmbuf_mtod_offset(m, void *, 12)) == RTE_ETHER_TYPE_ARP) { /* the neighbour is asked again by then */
		rte_pktmbuf_free(m);
		m = env_sent(e);
	}
	assert_non_null(m);
	b = rte_pktmbuf_mtod_offset(m, const uint8_t *, 34);
	assert_int_equal(b[0], ICMP_TIME_EXCEEDED);
	assert_int_equal(b[1], 1);
	assert_int_equal(load16(b + 8 + 4), 1);
	rte_pktmbuf_free(m);
	assert_int_equal(e->net.frags.oldest, 0);
	assert_false(e->net.chores); /* nothing to do any more */
}

static void bounded(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	datagram(IPPROTO_UDP, 3000);
	e->net.frags.held_max = UINT32_MAX;
	for (uint32_t i = 0; i < FRAG_DATAGRAMS_MAX + 3; i++)
		assert_int_equal(take(e, cut_id(e, IPPROTO_UDP, (uint16_t)i, 0, 80, true), &pkt), NET_FRAGMENT);
	assert_int_equal(e->net.frags.held, FRAG_DATAGRAMS_MAX);
	assert_int_equal(e->drops.n[DROP_IP4_FRAG_FULL], 3);
	e->net.frags.held_max = 10; /* buffers: the newest stay */
	assert_int_equal(take(e, cut_id(e, IPPROTO_UDP, 5000, 0, 80, true), &pkt), NET_FRAGMENT);
	assert_int_equal(e->net.frags.held, 10);
	/* More fragments than one may have. */
	for (uint32_t i = 0; i <= FRAG_PIECES_MAX; i++)
		take(e, cut_id(e, IPPROTO_UDP, 6000, i * 8, 8, true), &pkt);
	assert_true(e->net.frags.held <= 10);
}

/* A fragmented ping is answered in fragments. */
static void large_echo(void **state)
{
	struct env *e = *state;
	uint32_t off = 0;
	struct net_pkt pkt;
	struct rte_mbuf *m;
	uint16_t sum;

	env_peer_known(e, PEER, &mac_peer);
	l4_len = 3008;
	memset(l4, 0x5a, l4_len);
	memset(l4, 0, 8);
	l4[0] = ICMP_ECHO;
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, l4, l4_len));
	memcpy(l4 + 2, &sum, 2);
	for (uint32_t at = 0; at < l4_len; at += 1480)
		take(e, cut(e, IPPROTO_ICMP, at, RTE_MIN(1480u, l4_len - at)), &pkt);
	l4[0] = ICMP_ECHO_REPLY;
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, (memset(l4 + 2, 0, 2), l4), l4_len));
	memcpy(l4 + 2, &sum, 2);
	while ((m = env_sent(e)) != NULL) {
		const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
		uint32_t len = load16(ip + 2) - 20u;

		assert_true(len + 20 <= MTU);
		assert_int_equal(cksum_fold(cksum_bytes(0, ip, 20)), 0xffff);
		assert_int_equal(load16(ip + 6), off / 8 | (off + len < l4_len ? IP4_MF : 0));
		assert_memory_equal(ip + 20, l4 + off, len);
		assert_int_equal(m->pkt_len, 34 + len);
		off += len;
		rte_pktmbuf_free(m);
	}
	assert_int_equal(off, l4_len);
}

/* What we cut, we can put together; also a port that takes no chains. */
static void sends_fragments(void **state)
{
	struct env *e = *state;

	for (int chains = 0; chains < 2; chains++) {
		uint32_t path = env_path(e, US), rest; /* to ourselves */
		struct rte_mbuf *m, *last;
		struct net_pkt pkt = {0};
		enum net_verdict v = NET_DONE;

		e->port.offloads = chains ? PORT_TX_MULTI_SEG : 0;
		path_at(&e->net.paths, path)->port = 0; /* it comes back as that would send it */
		path_at(&e->net.paths, path)->pmtu = MTU;
		datagram(IPPROTO_UDP, 20000);
		m = last = env_mbuf(e, l4, 1000);
		memset(rte_pktmbuf_mtod_offset(m, void *, 6), 0, 2);
		for (rest = l4_len - 1000; rest > 0; rest -= RTE_MIN(rest, 1700u)) {
			struct rte_mbuf *seg = env_mbuf(e, l4 + l4_len - rest, RTE_MIN(rest, 1700u));

			last->next = seg;
			last = seg;
			m->nb_segs++;
			m->pkt_len += seg->data_len;
		}
		assert_int_equal(net_ip4_fragment(&e->net, path_at(&e->net.paths, path), m, IPPROTO_UDP, 0, 64), 0);
		while ((m = net_loop_next(&e->net)) != NULL) {
			assert_int_equal(net_input(&e->net, NET_PORT_LOOP, m, &pkt), NET_FRAGMENT);
			v = net_reassemble(&e->net, &pkt);
		}
		assert_int_equal(v, NET_UDP);
		assert_int_equal(pkt.l4_len, l4_len);
		assert_int_equal(pkt.key.raddr_be, US);
		rte_pktmbuf_free(pkt.m);
		net_path_put(&e->net, path);
	}
	assert_int_equal(e->net.fragments_out, 2 * 14);
}

/* Fragments that came to two stacks meet at the home of their addresses, as frames. */
static void two_stacks(void **state)
{
	struct env *e = *state, *other;
	void *second = NULL;
	struct net_pkt pkt, pkt2;

	assert_int_equal(env_setup(&second), 0);
	other = second;
	datagram(IPPROTO_TCP, 2000);
	assert_int_equal(net_input(&other->net, 0, cut(e, IPPROTO_TCP, 0, 1480), &pkt2), NET_FRAGMENT);
	assert_int_equal(take(e, cut(e, IPPROTO_TCP, 1480, l4_len - 1480), &pkt), NET_FRAGMENT);
	/* rx.c sends the frame on, and there it begins anew. */
	pkt2.m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	assert_int_equal(take(e, pkt2.m, &pkt), NET_TCP);
	/* The whole one goes on to the home of its ports: again as a frame. */
	pkt.m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_int_equal(net_input(&other->net, 0, pkt.m, &pkt2), NET_TCP);
	expect_whole(other, &pkt2, IPPROTO_TCP);
	net_fini(&other->net);
	flow_fini(&other->flow);
	test_free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_order), TEST(duplicates_and_small_ones), TEST(largest), TEST(wrong_checksum_over_the_chain), TEST(refused),
		TEST(overlaps), TEST(gives_up_and_tells), TEST(bounded), TEST(large_echo), TEST(sends_fragments), TEST(two_stacks),
		TEST(congestion_in_one),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
