/* input_test.c: what net_input() makes of received frames: verdicts, keys, and a counted reason for every drop. */
#include "env.h"

#include <netinet/in.h>

#include "wire/cksum.h"

static uint8_t *at(struct rte_mbuf *m, uint32_t off) { return rte_pktmbuf_mtod_offset(m, uint8_t *, off); }

static void tcp_verdict(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt = {0};

	env_input(e, env_tcp(e, PEER, 100), NET_TCP, &pkt);
	assert_int_equal(pkt.key.laddr_be, US);
	assert_int_equal(pkt.key.raddr_be, PEER);
	assert_int_equal(pkt.key.lport_be, RTE_BE16(1000));
	assert_int_equal(pkt.key.rport_be, RTE_BE16(80));
	assert_int_equal(pkt.hash, rss_hash4(&e->port.rss, PEER, US, RTE_BE16(80), RTE_BE16(1000)));
	assert_int_equal(pkt.l3_off, 14);
	assert_int_equal(pkt.l4_off, 34);
	assert_int_equal(pkt.l4_len, 120);
	assert_int_equal(pkt.proto, IPPROTO_TCP);
	assert_int_equal(pkt.ttl, 64);
	env_expect_silence(e);
}

static void udp_verdict(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt = {0};
	struct rte_mbuf *m;

	env_input(e, env_udp(e, PEER, 100), NET_UDP, &pkt);
	assert_int_equal(pkt.key.lport_be, RTE_BE16(1000));
	assert_int_equal(pkt.key.rport_be, RTE_BE16(53));
	assert_int_equal(pkt.l4_len, 108);
	m = env_udp(e, PEER, 100);
	memset(at(m, 40), 0, 2); /* no checksum was sent */
	at(m, 60)[0] ^= 1;
	env_input(e, m, NET_UDP, NULL);
}

static void padding_is_trimmed(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt = {0};
	struct rte_mbuf *m = env_tcp(e, PEER, 0);

	assert_int_equal(m->pkt_len, 60);
	assert_int_equal(net_input(&e->net, 0, m, &pkt), NET_TCP);
	assert_int_equal(m->pkt_len, 54);
	assert_int_equal(m->data_len, 54);
	assert_int_equal(pkt.l4_len, 20);
	rte_pktmbuf_free(m);
	/* Padding that fills segments of its own. */
	m = env_tcp(e, PEER, 300);
	memset(rte_pktmbuf_append(m, 90), 0xee, 90);
	m = env_split(e, m, 200, 40);
	assert_int_equal(net_input(&e->net, 0, m, &pkt), NET_TCP);
	assert_int_equal(m->pkt_len, 354);
	assert_int_equal(m->nb_segs, 5);
	assert_int_equal(rte_pktmbuf_lastseg(m)->data_len, 34);
	assert_int_equal(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
	rte_pktmbuf_free(m);
}

static void segments(void **state)
{
	struct env *e = *state;

	for (uint32_t first = 1; first < 400; first += 7)
		for (uint32_t rest = 33; rest < 200; rest += 50) {
			struct net_pkt pkt = {0};

			env_input(e, env_split(e, env_tcp(e, PEER, 500), first, rest), NET_TCP, &pkt);
			assert_int_equal(pkt.l4_len, 520);
			env_input(e, env_split(e, env_udp(e, PEER, 333), first, rest), NET_UDP, &pkt);
			assert_int_equal(pkt.l4_len, 341);
		}
}

static void link_drops(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;

	for (uint32_t len = 0; len < 14; len++)
		env_input_drop(e, env_mbuf(e, "\2\0\0\0\0\1\2\0\0\0\0\2\x08", len), DROP_ETH_SHORT);
	m = env_tcp(e, PEER, 0);
	memcpy(at(m, 0), &mac_other, 6);
	env_input_drop(e, m, DROP_ETH_DST);
	m = env_tcp(e, PEER, 0);
	memcpy(at(m, 0), &mac_all, 6); /* unicast IP by broadcast: RFC 1122 3.3.6 */
	env_input_drop(e, m, DROP_IP4_DST);
	m = env_tcp(e, PEER, 0);
	memcpy(at(m, 12), "\x86\xdd", 2);
	env_input_drop(e, m, DROP_ETH_TYPE);
}

static void vlan_drops(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env_tcp(e, PEER, 60);
	struct net_pkt pkt = {0};
	uint8_t *b = env_prepend(m, 4);

	memmove(b, b + 4, 12);
	memcpy(b + 12, "\x81\x00\x00\x05", 4);
	env_input_drop(e, m, DROP_VLAN);
	m = env_tcp(e, PEER, 60);
	b = env_prepend(m, 4);
	memmove(b, b + 4, 12);
	memcpy(b + 12, "\x81\x00\xe0\x00", 4); /* a priority and no VLAN */
	env_input(e, m, NET_TCP, &pkt);
	assert_int_equal(pkt.l4_off, 38);
}

static void ip_drops(void **state)
{
	static const struct {
		uint8_t off, value;
		enum drop why;
		bool fix;
	} cases[] = {
		{0, 0x65, DROP_IP4_VERSION, true},  {0, 0x44, DROP_IP4_VERSION, true},
		{0, 0x4f, DROP_IP4_SHORT, true},    {2, 0x20, DROP_IP4_SHORT, true},
		{3, 19, DROP_IP4_SHORT, true},      {10, 0xff, DROP_IP4_CKSUM, false},
		{8, 0, DROP_MAX, true},             {9, 47, DROP_IP4_PROTO, true},
		{16, 11, DROP_IP4_DST, true},       {19, 255, DROP_GROUP_PROTO, true},
		{12, 224, DROP_IP4_SRC, true},      {12, 0, DROP_IP4_SRC, true},
		{12, 127, DROP_IP4_SRC, true},      {12, 255, DROP_IP4_SRC, true},
		{12, 240, DROP_TCP_CKSUM, true}, /* B24: class E comes as far as that */
		{15, 255, DROP_IP4_SRC, true},      {15, 1, DROP_IP4_SRC, true},
	};
	struct env *e = *state;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct rte_mbuf *m = env_tcp(e, PEER, 0);

		at(m, 14 + cases[i].off)[0] = cases[i].value;
		if (cases[i].fix && (at(m, 14)[0] & 15) >= 5 && cases[i].why != DROP_IP4_SHORT)
			env_fix_ip4(m);
		if (cases[i].why == DROP_MAX) /* a received TTL says nothing */
			env_input(e, m, NET_TCP, NULL);
		else
			env_input_drop(e, m, cases[i].why);
	}
	for (uint32_t len = 14; len < 54; len++) {
		struct rte_mbuf *m = env_tcp(e, PEER, 0);

		rte_pktmbuf_trim(m, (uint16_t)(60 - len));
		env_input_drop(e, m, DROP_IP4_SHORT);
	}
}

static void l4_drops(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;

	for (uint32_t bit = 0; bit < 30 * 8; bit++) { /* TCP header and 10 bytes of data */
		m = env_tcp(e, PEER, 10);
		at(m, 34)[bit / 8] ^= 1 << bit % 8;
		env_input_drop(e, m, DROP_TCP_CKSUM);
		if (bit / 8 >= 6 && bit / 8 < 8)
			continue;
		m = env_udp(e, PEER, 22);
		at(m, 34)[bit / 8] ^= 1 << bit % 8;
		env_input_drop(e, m, bit / 8 == 4 || (bit / 8 == 5 && load16(at(m, 38)) != 0 &&
						      (load16(at(m, 38)) > 30 || load16(at(m, 38)) < 8)) ?
					     DROP_UDP_BAD : DROP_UDP_CKSUM);
	}
	for (uint32_t len = 0; len < 20; len++)
		env_input_drop(e, env_ip4(e, PEER, IPPROTO_TCP, "01234567890123456789", len), DROP_TCP_BAD);
	for (uint32_t len = 0; len < 8; len++)
		env_input_drop(e, env_ip4(e, PEER, IPPROTO_UDP, "\0\1\0\2\0\7\0\0", len), DROP_UDP_BAD);
	env_input_drop(e, env_ip4(e, PEER, IPPROTO_UDP, "\0\1\0\2\0\7\0\0", 8), DROP_UDP_BAD);
	env_input_drop(e, env_ip4(e, PEER, IPPROTO_UDP, "\0\1\0\2\0\x9\0\0", 8), DROP_UDP_BAD);
}

/* What the NIC says counts more than the bytes. */
static void nic_verdicts(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;
	struct net_pkt pkt = {0};

	m = env_tcp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
	env_input_drop(e, m, DROP_IP4_CKSUM);
	m = env_tcp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	env_input_drop(e, m, DROP_TCP_CKSUM);
	m = env_udp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	env_input_drop(e, m, DROP_UDP_CKSUM);
	m = env_tcp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	at(m, 24)[0] ^= 1;
	at(m, 60)[0] ^= 1;
	env_input(e, m, NET_TCP, NULL);
	m = env_tcp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	at(m, 60)[0] ^= 1;
	env_input_drop(e, m, DROP_TCP_CKSUM);
	m = env_tcp(e, PEER, 10); /* a virtual link: intact, but the field holds a partial sum */
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	at(m, 50)[0] ^= 1;
	env_input(e, m, NET_TCP, NULL);

	m = env_tcp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	m->hash.rss = 0x12345678;
	env_input(e, m, NET_TCP, &pkt); /* not from a port that promised the right hash */
	assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
	e->port.offloads |= PORT_RX_HASH;
	m = env_tcp(e, PEER, 10);
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	m->hash.rss = 0x12345678;
	env_input(e, m, NET_TCP, &pkt);
	assert_int_equal(pkt.hash, 0x12345678);
	env_input(e, env_tcp(e, PEER, 10), NET_TCP, &pkt);
	assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
}

static void ip_options_are_skipped(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env_tcp(e, PEER, 50);
	struct net_pkt pkt = {0};
	uint8_t *b = env_prepend(m, 40);

	memmove(b, b + 40, 34);
	memset(b + 34, 1, 40);
	b[14] = 0x4f;
	store16(b + 16, 20 + 40 + 70);
	env_fix_ip4(m);
	env_input(e, m, NET_TCP, &pkt);
	assert_int_equal(pkt.l4_off, 74);
	assert_int_equal(pkt.l4_len, 70);
}

/* A TCP segment with these 12 bytes of options. */
static struct rte_mbuf *with_options(struct env *e, const uint8_t opts[12])
{
	struct rte_mbuf *m = env_tcp(e, PEER, 0);
	uint8_t *b = env_prepend(m, 12);

	memmove(b, b + 12, 34);
	memcpy(b + 34, opts, 12);
	b[14] = 0x48;
	store16(b + 16, 20 + 12 + 20);
	env_fix_ip4(m);
	return m;
}

/* RFC 791 3.1, RFC 1122 3.2.1.8 and 3.2.2.5, RFC 7126. problem: where the error that is sent points; 0: none. */
static void ip_options(void **state)
{
	static const struct {
		uint8_t opts[12];
		bool pass;
		uint8_t problem;
	} rows[] = {
		{{0}, true, 0},                                      /* end of list */
		{{1, 1, 1, 0, 255, 255}, true, 0},                   /* what is behind the end is padding */
		{{148, 4, 0, 0}, true, 0},                           /* router alert */
		{{7, 11, 4}, true, 0},                               /* record route */
		{{7, 11, 12}, true, 0},                              /* ... which is full */
		{{68, 12, 5, 0}, true, 0},                           /* timestamps */
		{{200, 6, 1, 2, 3, 4}, true, 0},                     /* unknown */
		{{131, 7, 4, 10, 0, 0, 3}, false, 0},                /* loose source route */
		{{1, 137, 7, 4, 10, 0, 0, 3}, false, 0},             /* strict */
		{{200, 0}, false, 20},                               /* length 0 */
		{{1, 200, 1}, false, 21},                            /* 1 */
		{{200, 13}, false, 20},                              /* overrun */
		{{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 200}, false, 31}, /* no length at all */
		{{7, 11, 3}, false, 20},                             /* pointers */
		{{7, 11, 13}, false, 20},
		{{68, 3, 4}, false, 20},
	};
	struct env *e = *state;

	env_peer_known(e, PEER, &mac_peer);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct rte_mbuf *m = with_options(e, rows[i].opts);
		const uint8_t *b;

		if (rows[i].pass)
			env_input(e, m, NET_TCP, NULL);
		else
			env_input_drop(e, m, DROP_IP4_OPTIONS);
		if (rows[i].problem == 0)
			continue;
		m = env_sent(e);
		assert_non_null(m);
		b = rte_pktmbuf_mtod(m, const uint8_t *);
		assert_int_equal(b[34], ICMP_PARAM_PROBLEM);
		assert_int_equal(b[35], 0);
		assert_int_equal(b[38], rows[i].problem);
		assert_int_equal(cksum_fold(cksum_bytes(0, b + 34, m->pkt_len - 34)), 0xffff);
		rte_pktmbuf_free(m);
	}
	env_expect_silence(e);
}

#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tcp_verdict), T(udp_verdict), T(padding_is_trimmed), T(segments), T(link_drops), T(vlan_drops),
		T(ip_drops), T(l4_drops), T(nic_verdicts), T(ip_options_are_skipped), T(ip_options),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
