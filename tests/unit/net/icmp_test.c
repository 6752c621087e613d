/* icmp_test.c: ICMP both ways (RFC 792): echo, every row of the errno table, hostile quotes, errors of ours and their limit. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire/cksum.h"

static void expect_reply(struct env *e, uint32_t payload)
{
	struct rte_mbuf *m = env_sent(e);
	struct ip4_view ip = {0};
	struct eth_view eth = {0};
	uint8_t flat[1600];
	const uint8_t *b;

	assert_non_null(m);
	assert_int_equal(m->pkt_len, 14 + 20 + 8 + payload);
	assert_int_equal(m->ol_flags, 0);
	b = rte_pktmbuf_read(m, 0, m->pkt_len, flat);
	assert_true(eth_parse(&eth, b, m->pkt_len));
	assert_memory_equal(&eth.hdr->dst_addr, &mac_peer, 6);
	assert_memory_equal(&eth.hdr->src_addr, &mac_us, 6);
	assert_int_equal(ip4_parse(&ip, b + 14, m->pkt_len - 14, false), IP4_OK);
	assert_int_equal(ip.src_be, US);
	assert_int_equal(ip.dst_be, PEER);
	assert_int_equal(ip.ttl, 64);
	assert_int_equal(ip.total_len, 28 + payload);
	assert_int_equal(cksum_fold(cksum_bytes(0, b + 34, 8 + payload)), 0xffff);
	assert_memory_equal(b + 34, "\0\0", 2);
	assert_memory_equal(b + 38, "\x12\x34\0\1", 4);
	for (uint32_t i = 0; i < payload; i++)
		assert_int_equal(b[42 + i], (uint8_t)i);
	rte_pktmbuf_free(m);
	env_expect_silence(e);
}

static void echo_of_any_size(void **state)
{
	struct env *e = *state;

	for (uint32_t n = 0; n <= 1472; n += n < 100 ? 1 : 49) {
		env_input(e, env_echo(e, n), NET_DONE, NULL);
		expect_reply(e, n);
	}
	env_input(e, env_split(e, env_echo(e, 1000), 200, 111), NET_DONE, NULL);
	expect_reply(e, 1000);
	e->port.offloads = 0; /* the device takes one segment only */
	env_input(e, env_split(e, env_echo(e, 1000), 200, 111), NET_DONE, NULL);
	expect_reply(e, 1000);
}

static void echo_with_ip_options(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env_echo(e, 64);
	uint8_t *b = env_prepend(m, 8);

	memmove(b, b + 8, 34);
	memset(b + 34, 1, 8);
	b[14] = 0x47;
	store16(b + 16, 20 + 8 + 72);
	env_fix_ip4(m);
	env_input(e, m, NET_DONE, NULL);
	expect_reply(e, 64);
}

/* A frame that somebody else also holds is not written to. */
static void echo_of_a_shared_frame(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env_echo(e, 64);
	uint8_t before[110];

	memcpy(before, rte_pktmbuf_mtod(m, void *), 106);
	rte_mbuf_refcnt_update(m, 1);
	env_input(e, m, NET_DONE, NULL);
	expect_reply(e, 64);
	assert_int_equal(m->pkt_len, 106);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), before, 106);
	rte_pktmbuf_free(m);
}

static void bad_messages(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;

	for (uint32_t bit = 0; bit < 16 * 8; bit++) {
		m = env_echo(e, 8);
		rte_pktmbuf_mtod_offset(m, uint8_t *, 34)[bit / 8] ^= 1 << bit % 8;
		env_input_drop(e, m, DROP_ICMP_BAD);
	}
	for (uint32_t len = 0; len < 8; len++)
		env_input_drop(e, env_ip4(e, PEER, IPPROTO_ICMP, "\x8\0\xf7\xff\0\0\0\0", len), DROP_ICMP_BAD);
	for (int type = 0; type < 256; type++) { /* nothing else is answered */
		uint8_t l4[8] = {(uint8_t)type};

		if (type == ICMP_ECHO || type == ICMP_UNREACH || type == ICMP_TIME_EXCEEDED ||
		    type == ICMP_PARAM_PROBLEM)
			continue;
		m = env_ip4(e, PEER, IPPROTO_ICMP, l4, 8);
		env_fix_icmp(m);
		env_input_drop(e, m, DROP_ICMP_UNMATCHED);
	}
	env_expect_silence(e);
}

/* Rows F11-F29: what Linux makes of each message. -1: not passed on. */
struct row {
	uint8_t type, first, last;
	int err;
};

static const struct row rows[] = {
	{3, 0, 0, ENETUNREACH},   {3, 1, 1, EHOSTUNREACH},  {3, 2, 2, ENOPROTOOPT},    {3, 3, 3, ECONNREFUSED},
	{3, 4, 4, 0},             {3, 5, 5, EOPNOTSUPP},    {3, 6, 6, ENETUNREACH},    {3, 7, 7, EHOSTDOWN},
	{3, 8, 8, ENONET},        {3, 9, 9, ENETUNREACH},   {3, 10, 10, EHOSTUNREACH}, {3, 11, 11, ENETUNREACH},
	{3, 12, 12, EHOSTUNREACH},{3, 13, 15, EHOSTUNREACH},{3, 16, 255, 0},           {11, 0, 0, EHOSTUNREACH},
	{11, 1, 1, 0},            {12, 0, 2, EPROTO},
};

static void errno_rows(void **state)
{
	struct env *e = *state;

	for (size_t i = 0; i < RTE_DIM(rows); i++)
		for (uint32_t code = rows[i].first; code <= rows[i].last; code++) {
			struct net_pkt pkt = {0};
			struct rte_mbuf *m;

			m = env_icmp_error(e, rows[i].type, (uint8_t)code, 0, US, IPPROTO_TCP, 28);
			env_input(e, m, NET_ICMP_ERROR, &pkt);
			assert_int_equal(pkt.icmp.err, rows[i].err);
			assert_int_equal(pkt.icmp.type, rows[i].type);
			assert_int_equal(pkt.icmp.code, code);
			assert_false(pkt.icmp.local);
			assert_int_equal(pkt.icmp.seq, 0x01020304);
			assert_int_equal(pkt.proto, IPPROTO_TCP);
			assert_int_equal(pkt.key.laddr_be, US);
			assert_int_equal(pkt.key.raddr_be, FAR);
			assert_int_equal(pkt.key.lport_be, RTE_BE16(1000));
			assert_int_equal(pkt.key.rport_be, RTE_BE16(80));
			assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
			assert_int_equal(pkt.l4_off, 14 + 20 + 8 + 20);
		}
	/* F29, source quench */
	env_input_drop(e, env_icmp_error(e, 4, 0, 0, US, IPPROTO_TCP, 28), DROP_ICMP_UNMATCHED);
}

static void fragmentation_needed(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt = {0};

	env_input(e, env_icmp_error(e, 3, 4, 1400, US, IPPROTO_UDP, 28), NET_ICMP_ERROR, &pkt);
	assert_int_equal(pkt.icmp.mtu, 1400);
	assert_int_equal(pkt.proto, IPPROTO_UDP);
	/* A router from before RFC 1191: the plateau below the 1500 bytes that were quoted. */
	env_input(e, env_icmp_error(e, 3, 4, 0, US, IPPROTO_TCP, 28), NET_ICMP_ERROR, &pkt);
	assert_int_equal(pkt.icmp.mtu, 1492);
	env_input(e, env_icmp_error(e, 3, 1, 1400, US, IPPROTO_TCP, 28), NET_ICMP_ERROR, &pkt);
	assert_int_equal(pkt.icmp.mtu, 0);
}

static void hostile_quotes(void **state)
{
	struct env *e = *state;

	for (uint32_t len = 0; len < 28; len++)
		env_input_drop(e, env_icmp_error(e, 3, 3, 0, US, IPPROTO_TCP, len), DROP_ICMP_BAD);
	env_input_drop(e, env_icmp_error(e, 3, 3, 0, PEER, IPPROTO_TCP, 28), DROP_ICMP_UNMATCHED);
	env_input_drop(e, env_icmp_error(e, 3, 3, 0, US, IPPROTO_ICMP, 28), DROP_ICMP_UNMATCHED);
	env_expect_silence(e);
}

static void unreachable_quotes(void **state)
{
	struct env *e = *state;
	static const uint32_t sizes[] = {0, 1, 100, 520, 521, 1400};

	env_peer_known(e, PEER, &mac_peer);
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		struct rte_mbuf *m = env_udp(e, PEER, sizes[i]), *sent;
		uint32_t quoted = RTE_MIN(28 + sizes[i], 548u);
		struct net_pkt pkt = {0};
		struct ip4_view ip = {0};
		const uint8_t *b;

		if (sizes[i] == 1400)
			m = env_split(e, m, 300, 100);
		assert_int_equal(net_input(&e->net, 0, m, &pkt), NET_UDP);
		net_icmp_unreachable(&e->net, &pkt, ICMP_UNREACH_PORT);
		sent = env_sent(e);
		assert_non_null(sent);
		b = rte_pktmbuf_mtod(sent, const uint8_t *);
		assert_int_equal(sent->pkt_len, 14 + 20 + 8 + quoted);
		assert_memory_equal(b, &mac_peer, 6);
		assert_int_equal(ip4_parse(&ip, b + 14, sent->pkt_len - 14, false), IP4_OK);
		assert_true(ip.src_be == US && ip.dst_be == PEER && ip.proto == IPPROTO_ICMP && ip.tos == 0xc0);
		assert_int_equal(cksum_fold(cksum_bytes(0, b + 34, 8 + quoted)), 0xffff);
		assert_memory_equal(b + 34, "\3\3", 2);
		assert_memory_equal(b + 38, "\0\0\0\0", 4);
		assert_memory_equal(b + 42, rte_pktmbuf_mtod_offset(m, void *, 14), RTE_MIN(quoted, 280u));
		rte_pktmbuf_free(sent);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(e->net.paths.pool.used, 0);
}

static void unknown_protocol_is_answered(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;

	env_peer_known(e, PEER, &mac_peer);
	env_input_drop(e, env_ip4(e, PEER, 47, "01234567", 8), DROP_IP4_PROTO);
	m = env_sent(e);
	assert_non_null(m);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, void *, 34), "\3\2", 2);
	rte_pktmbuf_free(m);
	env_expect_silence(e);
}

/* Sends until the limit says no; returns how many went out. */
static uint32_t errors_sent(struct env *e, uint32_t tries)
{
	uint32_t n = 0;
	struct rte_mbuf *m;
	struct net_pkt pkt = {0};

	for (uint32_t i = 0; i < tries; i++) {
		m = env_udp(e, PEER, 0);
		assert_int_equal(net_input(&e->net, 0, m, &pkt), NET_UDP);
		net_icmp_unreachable(&e->net, &pkt, ICMP_UNREACH_PORT);
		rte_pktmbuf_free(m);
		while ((m = env_sent(e)) != NULL) {
			rte_pktmbuf_free(m);
			n++;
		}
	}
	return n;
}

/* RFC 1812 4.3.2.8. */
static void errors_are_limited(void **state)
{
	struct env *e = *state;

	env_peer_known(e, PEER, &mac_peer);
	assert_int_equal(errors_sent(e, 200), ICMP_ERRORS_BURST);
	env_advance_ms(e, 10);
	assert_int_equal(errors_sent(e, 200), 10);
	env_advance_ms(e, 10000);
	assert_int_equal(errors_sent(e, 200), ICMP_ERRORS_BURST);
}

/* An error to somebody whose hardware address is not known waits for it like any packet. */
static void error_waits_for_neighbour(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env_udp(e, PEER, 0);
	struct net_pkt pkt = {0};

	assert_int_equal(net_input(&e->net, 0, m, &pkt), NET_UDP);
	net_icmp_unreachable(&e->net, &pkt, ICMP_UNREACH_PORT);
	rte_pktmbuf_free(m);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
	env_advance_ms(e, NEIGH_PROBES * NEIGH_PROBE_MS);
	assert_false(net_error_next(&e->net, &pkt)); /* about ICMP nobody is told */
	assert_int_equal(e->drops.n[DROP_NEIGH_FAILED], 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(echo_of_any_size), T(echo_with_ip_options), T(echo_of_a_shared_frame), T(bad_messages), T(errno_rows),
		T(fragmentation_needed), T(hostile_quotes), T(unreachable_quotes), T(unknown_protocol_is_answered),
		T(errors_are_limited), T(error_waits_for_neighbour),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
