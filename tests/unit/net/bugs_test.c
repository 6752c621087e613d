/* bugs_test.c: one named test for each class of bug that packets have brought about below TCP: lengths that disagree, fragments
 * of all hostile kinds, identifications that can be foretold. (IPv6's chains of headers: input6_test.c.) Each bounds what it may
 * hold. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire/cksum.h"

static uint8_t payload[9000];

static struct rte_mbuf *fragment(struct env *e, uint8_t proto, uint16_t id, uint32_t off, uint32_t len, bool more)
{
	struct rte_mbuf *m = env_ip4(e, PEER, proto, payload, len);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	store16(ip + 4, id);
	store16(ip + 6, (uint16_t)(off / 8 | (more ? IP4_MF : 0)));
	env_fix_ip4(m);
	return m;
}

static enum net_verdict take(struct env *e, struct rte_mbuf *m)
{
	struct net_pkt pkt;
	enum net_verdict v = net_input(&e->net, 0, m, &pkt);

	if (v == NET_FRAGMENT)
		v = net_reassemble(&e->net, &pkt);
	if (v != NET_FRAGMENT && v != NET_DONE)
		rte_pktmbuf_free(pkt.m);
	return v;
}

/* The IP length against the frame's: longer is dropped, shorter is cut to, for every value there is. */
static void ip_length(void **state)
{
	struct env *e = *state;

	for (uint32_t total = 0; total < 65536; total += total < 200 ? 1 : 97) {
		struct rte_mbuf *m = env_tcp(e, PEER, 100); /* 20 + 20 + 100 */
		struct net_pkt pkt;
		enum net_verdict v;

		store16(rte_pktmbuf_mtod_offset(m, uint8_t *, 16), (uint16_t)total);
		env_fix_ip4(m);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD; /* this is not about checksums */
		v = net_input(&e->net, 0, m, &pkt);
		if (total >= 40 && total <= 140) {
			assert_int_equal(v, NET_TCP);
			assert_int_equal(pkt.l4_len, total - 20);
			assert_int_equal(pkt.m->pkt_len, 14 + total);
			rte_pktmbuf_free(pkt.m);
		} else {
			assert_int_equal(v, NET_DONE);
		}
	}
}

/* Teardrop and its kin: pieces that overlap, in part, in full, from both sides: the datagram is given up, nothing is held. */
static void overlapping_fragments(void **state)
{
	struct env *e = *state;
	uint16_t id = 1;

	for (uint32_t off = 0; off <= 64; off += 8) {
		for (uint32_t len = 8; len <= 64; len += 8, id++) {
			bool apart = off >= 56 || off + len <= 24; /* the first one is 24 to 56 */

			take(e, fragment(e, IPPROTO_UDP, id, 24, 32, true));
			take(e, fragment(e, IPPROTO_UDP, id, off, len, true));
			if (!apart && !(off == 24 && len == 32)) /* the very same again is merely dropped */
				assert_true(e->drops.n[DROP_IP4_FRAG_BAD] >= 1);
			assert_true(e->net.frags.held <= 2u * id);
		}
	}
	env_advance_ms(e, FRAG_TIMEOUT_MS + 2 * CHORE_MS);
	assert_int_equal(e->net.frags.held, 0);
}

/* A first fragment too small for the ports and flags that a filter would look at (RFC 1858, RFC 3128). */
static void tiny_fragments(void **state)
{
	struct env *e = *state;
	uint64_t bad = 0;

	for (uint32_t len = 8; len < 20; len += 8) {
		assert_int_equal(take(e, fragment(e, IPPROTO_TCP, 9, 0, len, true)), NET_DONE);
		assert_int_equal(e->drops.n[DROP_IP4_FRAG_BAD], ++bad);
	}
	assert_int_equal(take(e, fragment(e, IPPROTO_TCP, 9, 8, 80, false)), NET_DONE);
	assert_int_equal(e->drops.n[DROP_IP4_FRAG_BAD], ++bad);
	assert_int_equal(e->net.frags.held, 0);
}

static void zero_length_fragments(void **state)
{
	struct env *e = *state;
	uint64_t bad = 0;

	for (uint32_t off = 0; off < 4096; off += 8) {
		assert_int_equal(take(e, fragment(e, IPPROTO_UDP, 9, off, 0, true)), NET_DONE);
		assert_int_equal(e->drops.n[DROP_IP4_FRAG_BAD], ++bad);
	}
	assert_int_equal(e->net.frags.held, 0);
}

/* The ping of death: pieces that end beyond what an IPv4 packet can be. */
static void fragments_over_64k(void **state)
{
	struct env *e = *state;
	uint64_t bad = 0;

	for (uint32_t off = 65528; off > 65528 - 1400; off -= 8) {
		assert_int_equal(take(e, fragment(e, IPPROTO_ICMP, (uint16_t)off, off, 1480, false)), NET_DONE);
		assert_int_equal(e->drops.n[DROP_IP4_FRAG_BAD], ++bad);
	}
	assert_int_equal(e->net.frags.held, 0);
}

/* SegmentSmack's sister: as many small pieces as there can be, of one datagram and of many. What is kept is bounded, by datagram
 * and altogether, and so is what one more costs: a list of at most FRAG_PIECES_MAX. */
static void many_fragments(void **state)
{
	struct env *e = *state;

	for (uint32_t i = 0; i < 8000; i++)
		take(e, fragment(e, IPPROTO_UDP, 77, 16 + i * 7919 % 8000 * 8, 8, true));
	assert_true(e->net.frags.held <= FRAG_PIECES_MAX);
	for (uint32_t i = 0; i < 8000; i++)
		take(e, fragment(e, IPPROTO_UDP, (uint16_t)(100 + i), 16, 8, true));
	assert_true(e->net.frags.held <= e->net.frags.held_max);
	assert_true(e->net.frags.held <= FRAG_DATAGRAMS_MAX);
	env_advance_ms(e, FRAG_TIMEOUT_MS + 2 * CHORE_MS);
	assert_int_equal(e->net.frags.held, 0);
}

/* The next identification of datagrams in fragments, of one host: never the same for long, and no step that is always the same.
 * Another host's say nothing about it. */
static void fragment_identification(void **state)
{
	static uint16_t seen[2048];
	struct env *e = *state;
	unsigned ones = 0;
	int err;
	uint32_t path = net_path_get(&e->net, US, PEER, &err);

	assert_int_not_equal(path, 0);
	env_peer_known(e, PEER, &mac_peer);
	for (unsigned i = 0; i < RTE_DIM(seen); i++) {
		struct rte_mbuf *m = env_mbuf(e, payload, 1600);

		assert_int_equal(net_ip4_fragment(&e->net, path_at(&e->net.paths, path), m, IPPROTO_ICMP, 0, 64), 0);
		pkt_tx_flush(&e->tx[0]);
		for (unsigned k = 0; (m = env_sent(e)) != NULL; k++) {
			if (k == 0)
				seen[i] = load16(rte_pktmbuf_mtod_offset(m, const uint8_t *, 18));
			else
				assert_int_equal(seen[i], load16(rte_pktmbuf_mtod_offset(m, const uint8_t *, 18)));
			rte_pktmbuf_free(m);
		}
		if (i > 0) {
			uint16_t step = (uint16_t)(seen[i] - seen[i - 1]);

			assert_true(step >= 1 && step <= NET_ID_STEP_MAX);
			ones += step == 1;
		}
	}
	assert_true(ones > 100 && ones < 500); /* one in eight */
	net_path_put(&e->net, path);
}

#define net_test(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

/* Addresses of 0.0.0.0/8 are nobody's (RFC 1122 3.2.1.3), and stand for numbers of IPv6 addresses inside: from outside they are
 * refused. */
static void numbers_from_outside(void **state)
{
	struct env *e = *state;

	env_input_drop(e, env_arp(e, ARP_REQUEST, &mac_peer, RTE_BE32(5), US, &mac_all), DROP_ARP_BAD);
	env_input_drop(e, env_arp(e, ARP_REQUEST, &mac_peer, PEER, RTE_BE32(0xffffff), &mac_all), DROP_ARP_BAD);
	env_input_drop(e, env_icmp_error(e, 3, 1, 0, RTE_BE32(9), IPPROTO_TCP, 40), DROP_ICMP_UNMATCHED);
	env_input_drop(e, env_ip4(e, RTE_BE32(7), IPPROTO_UDP, "12345678", 8), DROP_IP4_SRC);
}

static struct rte_mbuf *from_group(struct rte_mbuf *m, bool broadcast)
{
	memset(rte_pktmbuf_mtod_offset(m, uint8_t *, 6), broadcast ? 0xff : 3, 6);
	return m;
}

/* Frames that claim to come from a group's hardware address get no answer: it would go to all of the link. */
static void answers_to_groups(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	for (uint64_t i = 0; i < 2; i++) {
		env_input_drop(e, from_group(env_echo(e, 10), i != 0), DROP_ETH_SRC);
		env_input(e, from_group(env_udp(e, PEER, 10), i != 0), NET_UDP, &pkt);
		net_back(&e->net, &pkt, env_segment(e, 1), IPPROTO_TCP, 0, 64); /* as a SYN cookie leaves */
		assert_int_equal(e->drops.n[DROP_ETH_SRC], 2 * (i + 1));
		rte_pktmbuf_free(pkt.m);
		env_expect_silence(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		net_test(ip_length), net_test(overlapping_fragments), net_test(tiny_fragments), net_test(zero_length_fragments),
		net_test(fragments_over_64k), net_test(many_fragments), net_test(fragment_identification),
		net_test(numbers_from_outside), net_test(answers_to_groups),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
