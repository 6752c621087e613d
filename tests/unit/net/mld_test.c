/* mld_test.c: groups of IPv6 (RFC 3810): reports of changes, answers to queries, version 1; datagrams to groups. */
#include "env6.h"

#include <errno.h>
#include <netinet/in.h>

#include "net/group.h"
#include "wire/cksum.h"

static const struct ip6_addr group = {{0xff, 5, [14] = 1, 2}}, none = {{0}}, all_mld2 = {{0xff, 2, [15] = 0x16}};

static int setup(void **state)
{
	int rc = env6_setup(state);
	struct env *e = *state;

	net_lead(&e->net);
	e->net.announce.pass = 3;
	env_advance_ms(e, 3000);
	env6_expect_silence(e);
	return rc;
}

static void expect_record(struct env *e, uint8_t type, const struct ip6_addr *of, uint16_t n_src)
{
	struct sent6 s;

	env6_expect(e, &s, ICMP6_MLD2_REPORT, 0);
	assert_memory_equal(&s.dst, &all_mld2, 16);
	assert_memory_equal(&s.src, &ll_us, 16);
	assert_int_equal(s.hops, 1);
	assert_int_equal(s.next, IP6_NEXT_HOP_BY_HOP);
	assert_int_equal(s.len, 28 + 16 * n_src);
	assert_int_equal(load16(s.msg + 6), 1);
	assert_int_equal(s.msg[8], type);
	assert_int_equal(load16(s.msg + 10), n_src);
	assert_memory_equal(s.msg + 12, of, 16);
}

static struct rte_mbuf *query(struct env *e, const struct ip6_addr *of, bool v2, uint16_t delay, uint8_t hops)
{
	uint8_t b[8 + 28] = {0}, *msg = b + 8;
	struct ip6_addr both[2] = {ll_gw, all_nodes6};
	uint16_t sum;
	uint32_t len = v2 ? 28 : 24;

	mld_hbh_emit(b);
	msg[0] = ICMP6_MLD_QUERY;
	store16(msg + 4, delay);
	memcpy(msg + 8, of, 16);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum6(both, IPPROTO_ICMPV6, len), msg, len));
	memcpy(msg + 2, &sum, 2);
	return env6_frame(e, &ll_gw, &all_nodes6, IP6_NEXT_HOP_BY_HOP, hops, b, 8 + len);
}

/* RFC 3810 6.1: a change is reported at once and once more within a second; the last leave likewise. */
static void join_and_leave(void **state)
{
	struct env *e = *state;

	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	expect_record(e, GROUP_TO_EX, &group, 0);
	env_expect_silence(e);
	env_advance_ms(e, 1200);
	expect_record(e, GROUP_TO_EX, &group, 0);
	env_advance_ms(e, 3000);
	env_expect_silence(e);
	net_group_leave(&e->net, 0, &group, 7);
	expect_record(e, GROUP_TO_IN, &group, 0);
	env_advance_ms(e, 1200);
	expect_record(e, GROUP_TO_IN, &group, 0);
	env_advance_ms(e, 3000);
	env_expect_silence(e);
}

/* RFC 3810 4.2.12: sources that are wanted. */
static void with_sources(void **state)
{
	struct env *e = *state;

	assert_int_equal(net_group_set(&e->net, 0, &group, 7, GROUP_INCLUDE, &far6, 1), 0);
	expect_record(e, GROUP_ALLOW, &group, 1);
	env_advance_ms(e, 1200);
	expect_record(e, GROUP_ALLOW, &group, 1);
	net_group_leave(&e->net, 0, &group, 7);
	expect_record(e, GROUP_BLOCK, &group, 1);
	env_advance_ms(e, 3000);
}

/* RFC 3810 6.2: a general query is answered for every group, solicited-node ones too, within its time. */
static void general_query(void **state)
{
	struct env *e = *state;
	const struct ip6_addr solicited = ip6_addr_solicited(&us6);

	env_input(e, query(e, &none, true, 500, 1), NET_DONE, NULL);
	env_advance_ms(e, 700);
	expect_record(e, GROUP_IS_EX, &solicited, 0); /* that of the link-local address is the same */
	env_expect_silence(e);
}

static void group_query_answered(void **state)
{
	struct env *e = *state;

	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	env_advance_ms(e, 3000);
	env6_expect_silence(e);
	env_input(e, query(e, &group, true, 100, 1), NET_DONE, NULL);
	env_advance_ms(e, 300);
	expect_record(e, GROUP_IS_EX, &group, 0);
	env_expect_silence(e);
}

/* RFC 3810 5.1.14, 6.2: not from other links, nor without a router alert. */
static void bad_queries(void **state)
{
	struct env *e = *state;
	uint8_t msg[28] = {ICMP6_MLD_QUERY};

	env_input_drop(e, query(e, &none, true, 100, 2), DROP_ICMP_BAD);
	env_input_drop(e, env6_icmp(e, &ll_gw, &all_nodes6, 1, msg, 28), DROP_ICMP_BAD);
	env_advance_ms(e, 300);
	env_expect_silence(e);
}

/* RFC 3810 8.2.1, RFC 2710: a querier of version 1 is answered as such, to the group itself; and told goodbye. */
static void version_1(void **state)
{
	struct env *e = *state;
	const struct ip6_addr solicited = ip6_addr_solicited(&us6);
	struct sent6 s;

	env_input(e, query(e, &none, false, 500, 1), NET_DONE, NULL);
	env_advance_ms(e, 700);
	env6_expect(e, &s, ICMP6_MLD_REPORT, 0);
	assert_memory_equal(&s.dst, &solicited, 16);
	assert_memory_equal(s.msg + 8, &solicited, 16);
	assert_int_equal(s.len, 24);
	assert_int_equal(s.hops, 1);
	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	env6_expect(e, &s, ICMP6_MLD_REPORT, 0);
	env_advance_ms(e, 1200);
	env6_expect(e, &s, ICMP6_MLD_REPORT, 0);
	net_group_leave(&e->net, 0, &group, 7);
	env6_expect(e, &s, ICMP6_MLD_DONE, 0);
	assert_int_equal(s.dst.b[15], 2);
	env_advance_ms(e, MLD_V1_MS);
	env6_expect_silence(e);
	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	expect_record(e, GROUP_TO_EX, &group, 0);
}

static struct rte_mbuf *report(struct env *e, const struct ip6_addr *from, const struct ip6_addr *of, uint32_t len)
{
	uint8_t msg[MLD_HDR_LEN];

	mld1_emit(msg, ICMP6_MLD_REPORT, of);
	return env6_icmp(e, from, of, 1, msg, len);
}

/* RFC 2710 4, 5: where somebody else answers a querier of version 1, that is enough; but it must be somebody of the link. */
static void version_1_reports_of_others(void **state)
{
	static const uint32_t lens[] = {MLD_HDR_LEN, MLD_HDR_LEN, MLD_HDR_LEN - 1};
	const struct ip6_addr from[] = {ll_peer, peer6, ll_peer};
	struct env *e = *state;
	struct sent6 s;

	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	env_advance_ms(e, 3000);
	env6_expect_silence(e);
	env_input(e, query(e, &group, false, 500, 1), NET_DONE, NULL);
	env_input(e, report(e, &ll_peer, &group, MLD_HDR_LEN), NET_DONE, NULL);
	env_advance_ms(e, 1000);
	env_expect_silence(e);
	for (int i = 1; i < 3; i++) {
		env_input(e, query(e, &group, false, 500, 1), NET_DONE, NULL);
		env_input_drop(e, report(e, &from[i], &group, lens[i]), DROP_ICMP_BAD);
		env_advance_ms(e, 1000);
		env6_expect(e, &s, ICMP6_MLD_REPORT, 0);
		assert_memory_equal(s.msg + 8, &group, 16);
	}
	/* Queriers of version 2 count every member (RFC 3810 6): nobody is silent for another's sake. */
	env_advance_ms(e, MLD_V1_MS);
	env6_expect_silence(e);
	env_input(e, query(e, &group, true, 500, 1), NET_DONE, NULL);
	env_input(e, report(e, &ll_peer, &group, MLD_HDR_LEN), NET_DONE, NULL);
	env_advance_ms(e, 1000);
	expect_record(e, GROUP_IS_EX, &group, 0);
}

/* The leader speaks for all; a stack that is alone and none says nothing. */
static void not_the_leader(void **state)
{
	struct env *e = *state;

	e->net.announce.leader = false;
	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	env_input(e, query(e, &group, true, 100, 1), NET_DONE, NULL);
	env_advance_ms(e, 1000);
	env_expect_silence(e);
	net_group_leave(&e->net, 0, &group, 7);
}

/* Datagrams to a group that somebody is in; to others not; and out to one without asking for anybody. */
static void datagrams(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;
	struct rte_mbuf *m;
	uint32_t path;
	int err;

	env_input_drop(e, env6_udp(e, &peer6, &group, 10), DROP_IP6_DST);
	assert_int_equal(net_group_join(&e->net, 0, &group, 7), 0);
	env6_expect_silence(e);
	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &peer6, &group, 10), &pkt), NET_GROUP);
	assert_int_equal(pkt.key.laddr_be, 0);
	assert_memory_equal(net_pkt_laddr6(&pkt), &group, 16);
	rte_pktmbuf_free(pkt.m);
	path = net_path6_get(&e->net, env6_us(e), &group, 0, &err);
	assert_int_not_equal(path, 0);
	assert_true(net_path_is_group(path_at(&e->net.paths, path)));
	assert_int_equal(env6_output(e, path, 1), 0);
	m = env_sent(e);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), ((uint8_t[]){0x33, 0x33, 0, 0, 1, 2}), 6);
	rte_pktmbuf_free(m);
	net_group_loop(&e->net, path_at(&e->net.paths, path), (m = env_segment(e, 1)), IPPROTO_TCP, 0, 1);
	rte_pktmbuf_free(m);
	m = net_loop_next(&e->net);
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[14], 0x60);
	env_input_drop(e, m, DROP_IP6_SRC);
	net_path_put(&e->net, path);
	env_advance_ms(e, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(join_and_leave, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(with_sources, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(general_query, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(group_query_answered, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(bad_queries, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(version_1, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(version_1_reports_of_others, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(not_the_leader, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(datagrams, setup, env6_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
