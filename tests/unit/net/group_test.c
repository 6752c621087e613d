/* group_test.c: memberships and what routers are told of them: IGMP version 3 (RFC 3376), 2 (RFC 2236) and 1, and who
 * gets what. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#include "net/group.h"
#include "wire/cksum.h"
#include "wire/igmp.h"

#define G1 IP(239, 1, 2, 3)
#define G2 IP(239, 129, 2, 3) /* the same link-layer address */
#define S1 IP(192, 0, 2, 1)
#define S2 IP(192, 0, 2, 2)
#define ALL_V3 IP(224, 0, 0, 22)

static void set(struct env *e, rte_be32_t group_be, uint32_t owner, enum group_mode mode, uint32_t n, rte_be32_t s1, rte_be32_t s2)
{
	const struct ip6_addr group = ip6_addr_mapped(group_be), src[2] = {ip6_addr_mapped(s1), ip6_addr_mapped(s2)};

	assert_int_equal(net_group_set(&e->net, 0, &group, owner, mode, src, n), 0);
}

static bool joined(struct env *e, rte_be32_t group_be)
{
	const struct ip6_addr group = ip6_addr_mapped(group_be);

	return net_group_joined(&e->net, 0, &group);
}

/* The next frame is this IGMP message: whole, from us, with TTL 1 and the router alert (RFC 3376 section 4). */
static void expect(struct env *e, rte_be32_t dst_be, const uint8_t *msg, uint32_t len)
{
	static const uint8_t alert[4] = {0x94, 4, 0, 0};
	struct rte_mbuf *m = env_sent(e);
	const uint8_t *b, *igmp;
	uint8_t got[128];

	assert_non_null(m);
	b = rte_pktmbuf_mtod(m, const uint8_t *);
	igmp = b + 14 + 24;
	assert_int_equal(m->pkt_len, 14 + 24 + len);
	assert_int_equal(b[0], 1);
	assert_int_equal(b[3], ((const uint8_t *)&dst_be)[1] & 0x7f);
	assert_memory_equal(b + 4, (const uint8_t *)&dst_be + 2, 2);
	assert_int_equal(b[14], 0x46);
	assert_int_equal(b[15], 0xc0);
	assert_int_equal(b[14 + 8], 1);
	assert_int_equal(b[14 + 9], IPPROTO_IGMP);
	assert_int_equal(cksum_fold(cksum_bytes(0, b + 14, 24)), 0xffff);
	assert_int_equal(load32_be(b + 26), US);
	assert_int_equal(load32_be(b + 30), dst_be);
	assert_memory_equal(b + 34, alert, 4);
	assert_int_equal(cksum_fold(cksum_bytes(0, igmp, len)), 0xffff);
	memcpy(got, igmp, len);
	memset(got + 2, 0, 2);
	assert_memory_equal(got, msg, len);
	rte_pktmbuf_free(m);
}

static void expect_record(struct env *e, enum group_record type, rte_be32_t group_be, uint32_t n, rte_be32_t s1, rte_be32_t s2)
{
	uint8_t msg[24] = {0x22, [7] = 1, [8] = (uint8_t)type, [11] = (uint8_t)n};

	store32_be(msg + 12, group_be);
	store32_be(msg + 16, s1);
	store32_be(msg + 20, s2);
	expect(e, ALL_V3, msg, 16 + 4 * n);
}

static void expect_old(struct env *e, uint8_t type, rte_be32_t group_be, rte_be32_t dst_be)
{
	uint8_t msg[8] = {type};

	store32_be(msg + 4, group_be);
	expect(e, dst_be, msg, 8);
}

/* A change is told at once and once more within a second (RFC 3376 5.1). */
static void expect_twice(struct env *e, enum group_record type, rte_be32_t group_be, uint32_t n, rte_be32_t s1, rte_be32_t s2)
{
	expect_record(e, type, group_be, n, s1, s2);
	env_expect_silence(e);
	for (uint32_t ms = 0; ms < GROUP_UNSOLICITED_MS + 2 * CHORE_MS; ms += CHORE_MS) {
		env_advance_ms(e, CHORE_MS);
		net_chores(&e->net);
	}
	expect_record(e, type, group_be, n, s1, s2);
	env_expect_silence(e);
}

static void wait_ms(struct env *e, uint32_t ms)
{
	for (uint32_t done = 0; done < ms; done += CHORE_MS) {
		env_advance_ms(e, CHORE_MS);
		net_chores(&e->net);
	}
}

static void forget_sent(struct env *e)
{
	struct rte_mbuf *m;

	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
}

/* The leader, whose addresses are announced already. */
static void lead(struct env *e)
{
	net_lead(&e->net);
	wait_ms(e, 10000);
	forget_sent(e);
}

/* RFC 3376 section 3.2 and 5.1: what each change of a socket's filter makes of the interface's, and how that is told. */
static void filters_and_reports(void **state)
{
	struct env *e = *state;

	lead(e);
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0); /* a join */
	expect_twice(e, GROUP_TO_EX, G1, 0, 0, 0);
	set(e, G1, 2, GROUP_INCLUDE, 1, S1, 0); /* all come anyway */
	env_expect_silence(e);
	set(e, G1, 1, GROUP_EXCLUDE, 2, S1, S2); /* S1 is wanted by another */
	expect_twice(e, GROUP_BLOCK, G1, 1, S2, 0);
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0);
	expect_twice(e, GROUP_ALLOW, G1, 1, S2, 0);
	set(e, G1, 1, GROUP_INCLUDE, 0, 0, 0);
	expect_twice(e, GROUP_TO_IN, G1, 1, S1, 0);
	set(e, G1, 2, GROUP_INCLUDE, 2, S2, S1);
	expect_twice(e, GROUP_ALLOW, G1, 1, S2, 0);
	set(e, G1, 2, GROUP_INCLUDE, 1, S2, 0);
	expect_twice(e, GROUP_BLOCK, G1, 1, S1, 0);
	assert_true(joined(e, G1));
	set(e, G1, 2, GROUP_INCLUDE, 0, 0, 0);
	expect_twice(e, GROUP_BLOCK, G1, 1, S2, 0);
	assert_false(joined(e, G1));
	assert_int_equal(e->net.groups.group.used, 0);
	assert_int_equal(e->net.groups.member.used, 0);
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0);
	expect_record(e, GROUP_TO_EX, G1, 0, 0, 0);
	set(e, G1, 1, GROUP_INCLUDE, 0, 0, 0); /* before the join was told twice */
	expect_twice(e, GROUP_TO_IN, G1, 0, 0, 0);
	assert_int_equal(e->net.groups.group.used, 0);
}

static void limits(void **state)
{
	struct env *e = *state;
	struct ip6_addr group = ip6_addr_mapped(US), src[GROUP_SOURCES_MAX + 1];

	assert_int_equal(net_group_join(&e->net, 0, &group, 1), -EINVAL);
	group = ip6_addr_mapped(G1);
	assert_int_equal(net_group_join(&e->net, 1, &group, 1), -EINVAL);
	assert_int_equal(net_group_set(&e->net, 0, &group, 1, GROUP_INCLUDE, src, GROUP_SOURCES_MAX + 1), -ENOBUFS);
	for (uint32_t i = 0; i < GROUPS_MAX; i++) {
		group = ip6_addr_mapped(rte_cpu_to_be_32(0xef000000 + i));
		assert_int_equal(net_group_join(&e->net, 0, &group, 1), 0);
	}
	group = ip6_addr_mapped(G1);
	assert_int_equal(net_group_join(&e->net, 0, &group, 1), -ENOBUFS);
	assert_true(joined(e, IP(224, 0, 0, 1))); /* everybody always is */
	assert_true(joined(e, IP(239, 0, 0, 1)));
	assert_false(joined(e, G1));
	/* More sources than a filter holds: all of them (RFC 3376 section 3.2). */
	for (uint32_t i = 0; i <= GROUP_FILTER_MAX; i++) {
		group = ip6_addr_mapped(IP(239, 0, 0, 2));
		src[0] = ip6_addr_mapped(rte_cpu_to_be_32(0xc0000200 + i));
		assert_int_equal(net_group_set(&e->net, 0, &group, i == 0 ? 1 : i + 1, GROUP_INCLUDE, src, 1), 0);
	}
	{
		struct group_sources f;

		group_filter_of(&e->net, group_find(&e->net, 0, &group), &f);
		assert_int_equal(f.mode, GROUP_EXCLUDE);
		assert_int_equal(f.n_src, 0);
	}
	env_expect_silence(e); /* not the leader */
}

static struct rte_mbuf *ip4_to(struct env *e, rte_be32_t dst_be, uint8_t proto, const void *l4, uint32_t len)
{
	const struct ip6_addr group = ip6_addr_mapped(dst_be);
	const struct rte_ether_addr mac = group_mac(&group);
	struct rte_mbuf *m = env_ip4(e, PEER, proto, l4, len);

	memcpy(rte_pktmbuf_mtod(m, void *), &mac, 6);
	store32_be(rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 16), dst_be);
	env_fix_ip4(m);
	return m;
}

static void query(struct env *e, const uint8_t *msg, uint32_t len, rte_be32_t dst_be)
{
	uint8_t copy[64];

	memcpy(copy, msg, len);
	igmp_finish(copy, len);
	env_input(e, ip4_to(e, dst_be, IPPROTO_IGMP, copy, len), NET_DONE, NULL);
}

/* RFC 3376 5.2. */
static void queries_are_answered(void **state)
{
	struct env *e = *state;
	uint8_t general[12] = {0x11, 10}, specific[20] = {0x11, 10, 0, 0, 239, 1, 2, 3};

	lead(e);
	set(e, G1, 1, GROUP_EXCLUDE, 1, S1, 0);
	set(e, IP(224, 0, 0, 1), 1, GROUP_EXCLUDE, 0, 0, 0); /* never told */
	wait_ms(e, 2000);
	forget_sent(e);
	query(e, general, 12, IP(224, 0, 0, 1));
	env_expect_silence(e);
	wait_ms(e, 1100);
	expect_record(e, GROUP_IS_EX, G1, 1, S1, 0);
	env_expect_silence(e);
	query(e, specific, 12, G1);
	wait_ms(e, 1100);
	expect_record(e, GROUP_IS_EX, G1, 1, S1, 0);
	specific[11] = 2; /* sources: those of them that are wanted */
	store32_be(specific + 12, S1);
	store32_be(specific + 16, S2);
	query(e, specific, 20, G1);
	wait_ms(e, 1100);
	expect_record(e, GROUP_IS_IN, G1, 1, S2, 0);
	specific[11] = 1;
	query(e, specific, 16, G1); /* none is wanted */
	wait_ms(e, 1100);
	env_expect_silence(e);
	store32_be(specific + 4, G2); /* joined by nobody: not even looked at */
	igmp_finish(specific, 16);
	env_input_drop(e, ip4_to(e, G2, IPPROTO_IGMP, specific, 16), DROP_IP4_DST);
}

/* RFC 3376 7.2: as long as an older querier was heard its version is spoken. */
static void older_queriers(void **state)
{
	struct env *e = *state;
	const uint8_t v2[8] = {0x11, 10}, v1[8] = {0x11}, heard[8] = {0x16, 0, 0, 0, 239, 1, 2, 3};

	lead(e);
	query(e, v2, 8, IP(224, 0, 0, 1));
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0);
	expect_old(e, IGMP_REPORT_V2, G1, G1);
	wait_ms(e, 1200);
	expect_old(e, IGMP_REPORT_V2, G1, G1);
	query(e, v2, 8, IP(224, 0, 0, 1));
	wait_ms(e, 1100);
	expect_old(e, IGMP_REPORT_V2, G1, G1);
	query(e, v2, 8, IP(224, 0, 0, 1));
	query(e, heard, 8, G1); /* somebody else answers: then we need not */
	wait_ms(e, 1100);
	env_expect_silence(e);
	query(e, v2, 8, IP(224, 0, 0, 1));
	wait_ms(e, 1100);
	expect_old(e, IGMP_REPORT_V2, G1, G1);
	set(e, G1, 1, GROUP_INCLUDE, 0, 0, 0);
	expect_old(e, IGMP_LEAVE, G1, IP(224, 0, 0, 2));
	wait_ms(e, 1200);
	env_expect_silence(e); /* said once */
	query(e, v1, 8, IP(224, 0, 0, 1));
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0);
	expect_old(e, IGMP_REPORT_V1, G1, G1);
	wait_ms(e, 1200);
	expect_old(e, IGMP_REPORT_V1, G1, G1);
	wait_ms(e, 260000);
	forget_sent(e);
	set(e, G1, 1, GROUP_INCLUDE, 0, 0, 0);
	expect_record(e, GROUP_TO_IN, G1, 0, 0, 0);
}

/* A query of version 3 about a group, with n sources from 192.0.2.0 on. */
static void query_sources(struct env *e, rte_be32_t group_be, uint8_t max_resp, uint32_t first, uint32_t n)
{
	uint8_t msg[12 + 4 * 100] = {0x11, max_resp, [11] = (uint8_t)n};

	store32_be(msg + 4, group_be);
	for (uint32_t i = 0; i < n; i++)
		store32_be(msg + 12 + 4 * i, rte_cpu_to_be_32(0xc0000200 + first + i));
	igmp_finish(msg, 12 + 4 * n);
	env_input(e, ip4_to(e, group_be, IPPROTO_IGMP, msg, 12 + 4 * n), NET_DONE, NULL);
}

/* RFC 3376 5.2: more sources than are remembered, in one query or in several, are as if none had been named; the sooner of two
 * queries counts; somebody else's report does not matter where version 3 is spoken. */
static void queries_with_many_sources(void **state)
{
	struct env *e = *state;
	const uint8_t heard[8] = {0x16, 0, 0, 0, 239, 1, 2, 3};

	lead(e);
	set(e, G1, 1, GROUP_EXCLUDE, 1, S1, 0);
	wait_ms(e, 2000);
	forget_sent(e);
	query_sources(e, G1, 10, 0, GROUP_FILTER_MAX + 1);
	wait_ms(e, 1100);
	expect_record(e, GROUP_IS_EX, G1, 1, S1, 0);
	query_sources(e, G1, 10, 0, 40);
	query_sources(e, G1, 10, 40, 40);
	wait_ms(e, 1100);
	expect_record(e, GROUP_IS_EX, G1, 1, S1, 0);
	query_sources(e, G1, 10, 1, 2); /* 192.0.2.1 is not wanted */
	wait_ms(e, 1100);
	expect_record(e, GROUP_IS_IN, G1, 1, S2, 0);
	for (int i = 0; i < 20; i++) {
		query_sources(e, G1, 0x7f, 0, 0); /* 12.7 s */
		query_sources(e, G1, 1, 0, 0);
		query(e, heard, 8, G1);
		wait_ms(e, 200);
		expect_record(e, GROUP_IS_EX, G1, 1, S1, 0);
	}
	env_expect_silence(e);
}

/* What arrives in several mbufs is read whole. */
static void query_in_segments(void **state)
{
	struct env *e = *state;
	uint8_t msg[12] = {0x11, 1};
	struct rte_mbuf *m;

	lead(e);
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0);
	wait_ms(e, 2000);
	forget_sent(e);
	igmp_finish(msg, sizeof(msg));
	m = env_split(e, ip4_to(e, IP(224, 0, 0, 1), IPPROTO_IGMP, msg, sizeof(msg)), 14 + 20 + 3, 4);
	assert_true(m->nb_segs > 1);
	env_input(e, m, NET_DONE, NULL);
	wait_ms(e, 200);
	expect_record(e, GROUP_IS_EX, G1, 0, 0, 0);
}

static struct rte_mbuf *taken[8192];

/* No packet buffer for a report: the next one follows all the same, and tells all. */
static void reports_without_buffers(void **state)
{
	struct env *e = *state;
	uint32_t n = 0;

	lead(e);
	while ((taken[n] = rte_pktmbuf_alloc(e->pool)) != NULL)
		assert_true(++n < RTE_DIM(taken));
	set(e, G1, 1, GROUP_EXCLUDE, 0, 0, 0);
	env_expect_silence(e);
	rte_pktmbuf_free_bulk(taken, n);
	wait_ms(e, GROUP_UNSOLICITED_MS + 2 * CHORE_MS);
	expect_record(e, GROUP_TO_EX, G1, 0, 0, 0);
	env_expect_silence(e);
}

static void bad_igmp(void **state)
{
	struct env *e = *state;
	static const uint8_t lens[] = {0, 7, 9, 11, 13};
	uint8_t msg[16] = {0x11, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	struct igmp_view v;

	lead(e);
	for (size_t i = 0; i < RTE_DIM(lens); i++) {
		memset(msg + 4, 0, 12);
		msg[11] = lens[i] == 13;
		if (lens[i] >= 8)
			igmp_finish(msg, lens[i]);
		env_input_drop(e, ip4_to(e, IP(224, 0, 0, 1), IPPROTO_IGMP, msg, lens[i]), DROP_IGMP_BAD);
	}
	msg[2] ^= 1;
	env_input_drop(e, ip4_to(e, IP(224, 0, 0, 1), IPPROTO_IGMP, msg, 12), DROP_IGMP_BAD);
	/* Times above 12.7 s have an exponent (RFC 3376 4.1.1). */
	msg[11] = 0;
	msg[1] = 0x8f;
	assert_true(igmp_parse(&v, msg, 12));
	assert_int_equal(v.max_ms, 31 * 8 * 100);
}

/* RFC 1112 6.4 and 7.2; RFC 1122 3.2.1.3, 3.3.6. */
static void who_gets_what(void **state)
{
	struct env *e = *state;
	const struct ip6_addr group = ip6_addr_mapped(G1), s1 = ip6_addr_mapped(S1), s2 = ip6_addr_mapped(S2);
	uint8_t udp[12] = {0, 9, 0, 7, 0, 12};
	struct net_pkt pkt;

	set(e, G1, 1, GROUP_EXCLUDE, 1, S1, 0);
	set(e, G1, 2, GROUP_INCLUDE, 1, S1, 0);
	assert_int_equal(net_group_allows(&e->net, 0, &group, 1, &s1), 0);
	assert_int_equal(net_group_allows(&e->net, 0, &group, 1, &s2), 1);
	assert_int_equal(net_group_allows(&e->net, 0, &group, 2, &s1), 1);
	assert_int_equal(net_group_allows(&e->net, 0, &group, 2, &s2), 0);
	assert_int_equal(net_group_allows(&e->net, 0, &group, 3, &s2), -1);
	assert_int_equal(net_group_allows(&e->net, 1, &group, 1, &s2), -1);
	env_input(e, ip4_to(e, G1, IPPROTO_UDP, udp, 12), NET_GROUP, &pkt);
	env_input_drop(e, ip4_to(e, G2, IPPROTO_UDP, udp, 12), DROP_IP4_DST); /* the NIC cannot tell them apart */
	env_input(e, ip4_to(e, IP(255, 255, 255, 255), IPPROTO_UDP, udp, 12), NET_GROUP, NULL);
	env_input(e, ip4_to(e, IP(10, 0, 0, 255), IPPROTO_UDP, udp, 12), NET_GROUP, NULL);
	env_input_drop(e, ip4_to(e, IP(10, 0, 1, 255), IPPROTO_UDP, udp, 12), DROP_IP4_DST);
	env_input_drop(e, ip4_to(e, US, IPPROTO_UDP, udp, 12), DROP_IP4_DST); /* ours, but by link-layer multicast */
	env_input_drop(e, ip4_to(e, G1, IPPROTO_TCP, udp, 12), DROP_GROUP_PROTO);
	env_input_drop(e, ip4_to(e, G1, IPPROTO_ICMP, udp, 12), DROP_GROUP_PROTO);
	env_expect_silence(e);
}

/* What goes to a group needs no neighbour and no route, and leaves by the interface of its source. */
static void paths_to_groups(void **state)
{
	struct env *e = *state;
	const struct ip6_addr group = ip6_addr_mapped(G1);
	const struct rte_ether_addr mac = group_mac(&group);
	struct rte_mbuf *m;
	uint32_t path;
	int err;

	assert_int_equal(net_source_to_group(&e->net, NET_IFACE_ANY, G1, &err), US);
	assert_int_equal(net_source_to_group(&e->net, 1, G1, &err), 0);
	assert_int_equal(err, -ENETUNREACH);
	path = env_path(e, G1);
	assert_int_equal(env_output(e, path, 1), 0);
	m = env_sent(e);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), &mac, 6);
	rte_pktmbuf_free(m);
	assert_int_equal(net_gw_add(&e->net, GW), 0); /* a change of routes does not lead it elsewhere */
	assert_int_equal(env_path(e, G1), path);
	net_path_put(&e->net, path);
	net_path_put(&e->net, path);
	path = env_path(e, IP(10, 0, 0, 255));
	assert_int_equal(env_output(e, path, 1), 0);
	m = env_sent(e);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), &mac_all, 6);
	rte_pktmbuf_free(m);
	net_path_put(&e->net, path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(filters_and_reports), T(limits), T(queries_are_answered), T(older_queriers), T(queries_with_many_sources), T(query_in_segments),
		T(reports_without_buffers), T(bad_igmp), T(who_gets_what),
		T(paths_to_groups),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
