/* neigh_test.c: ARP in both roles (RFC 826, RFC 5227), and the life of a neighbour: asked, waited for, known, probed, failed,
 * forgotten. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#define PROBE_MS NEIGH_PROBE_MS

static struct neigh *peer(struct env *e)
{
	uint32_t idx = neigh_find(&e->net, 0, PEER);

	return idx != 0 ? neigh_at(&e->net, idx) : NULL;
}

static void expect_segment(struct env *e, const struct rte_ether_addr *dst, uint16_t tag)
{
	struct rte_mbuf *m = env_sent(e);

	assert_non_null(m);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), dst, 6);
	assert_int_equal(load16(rte_pktmbuf_mtod_offset(m, void *, 34)), tag);
	rte_pktmbuf_free(m);
}

static void reply_from(struct env *e, const struct rte_ether_addr *mac)
{
	env_input(e, env_arp(e, ARP_REPLY, mac, PEER, US, &mac_us), NET_DONE, NULL);
}

static void answers_requests(void **state)
{
	struct env *e = *state;

	env_peer_known(e, PEER, &mac_peer);
	assert_non_null(peer(e)); /* it will want an answer soon */
	assert_int_equal(peer(e)->state, NEIGH_REACHABLE);
	env_input(e, env_arp(e, ARP_REQUEST, &mac_peer, PEER, IP(10, 0, 0, 9), &mac_all), NET_DONE, NULL);
	env_expect_silence(e);
	/* A probe for our address (RFC 5227): defended, and nothing is learnt about 0.0.0.0. */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_other, 0, US, &mac_all), NET_DONE, NULL);
	env_expect_arp(e, ARP_REPLY, &mac_other, US, 0);
	assert_int_equal(neigh_find(&e->net, 0, 0), 0);
	/* Requests from beyond the link are answered, not remembered. */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_other, FAR, US, &mac_all), NET_DONE, NULL);
	env_expect_arp(e, ARP_REPLY, &mac_other, US, FAR);
	assert_int_equal(neigh_find(&e->net, 0, FAR), 0);
}

static void asks_and_sends_in_order(void **state)
{
	struct env *e = *state;
	uint32_t path = env_path(e, PEER);

	env_expect_silence(e); /* a path alone asks nothing */
	for (uint16_t i = 1; i <= 5; i++)
		assert_int_equal(env_output(e, path, i), 0);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
	env_expect_silence(e);
	assert_false(path_at(&e->net.paths, path)->resolved);
	reply_from(e, &mac_peer);
	for (uint16_t i = 1; i <= 5; i++)
		expect_segment(e, &mac_peer, i);
	assert_true(path_at(&e->net.paths, path)->resolved);
	assert_int_equal(env_output(e, path, 6), 0);
	expect_segment(e, &mac_peer, 6);
	env_expect_silence(e);
	net_path_put(&e->net, path);
}

static void unasked_reply_is_ignored(void **state)
{
	struct env *e = *state;

	reply_from(e, &mac_other);
	assert_null(peer(e));
	env_input(e, env_arp(e, ARP_REQUEST, &mac_other, PEER, PEER, &mac_all), NET_DONE, NULL); /* gratuitous */
	assert_null(peer(e));
	env_expect_silence(e);
}

static void queue_overflow_drops_oldest(void **state)
{
	struct env *e = *state;
	uint32_t path = env_path(e, PEER);

	for (uint16_t i = 0; i < NEIGH_QUEUE_MAX + 3; i++)
		assert_int_equal(env_output(e, path, i), 0);
	assert_int_equal(e->drops.n[DROP_NEIGH_QUEUE], 3);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
	reply_from(e, &mac_peer);
	for (uint16_t i = 3; i < NEIGH_QUEUE_MAX + 3; i++)
		expect_segment(e, &mac_peer, i);
	env_expect_silence(e);
	net_path_put(&e->net, path);
}

static void failure_after_three_probes(void **state)
{
	struct env *e = *state;
	uint32_t path = env_path(e, PEER);
	struct net_pkt pkt = {0};

	for (uint16_t i = 1; i <= 2; i++)
		env_output(e, path, i);
	for (int i = 0; i < NEIGH_PROBES; i++) {
		env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
		env_expect_silence(e);
		assert_false(net_error_next(&e->net, &pkt));
		env_advance_ms(e, PROBE_MS - 1);
		env_expect_silence(e);
		env_advance_ms(e, 1);
	}
	env_expect_silence(e); /* 3 s: no fourth question */
	assert_int_equal(e->drops.n[DROP_NEIGH_FAILED], 2);
	for (uint16_t i = 1; i <= 2; i++) {
		assert_true(net_error_next(&e->net, &pkt));
		assert_true(pkt.icmp.local);
		assert_int_equal(pkt.icmp.err, EHOSTUNREACH);
		assert_int_equal(pkt.icmp.type, ICMP_UNREACH);
		assert_int_equal(pkt.icmp.code, ICMP_UNREACH_HOST);
		assert_int_equal(pkt.icmp.seq, 0x01020300u + i);
		assert_int_equal(pkt.proto, IPPROTO_TCP);
		assert_int_equal(pkt.key.laddr_be, US);
		assert_int_equal(pkt.key.raddr_be, PEER);
		assert_int_equal(pkt.key.lport_be, rte_cpu_to_be_16(i));
		assert_int_equal(pkt.key.rport_be, RTE_BE16(80));
		assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
		assert_int_equal(pkt.l4_off, 34);
		assert_int_equal(pkt.l4_len, 20);
		rte_pktmbuf_free(pkt.m);
	}
	assert_false(net_error_next(&e->net, &pkt));
	/* Refused for a second, then asked afresh. */
	assert_int_equal(env_output(e, path, 7), -EHOSTUNREACH);
	assert_int_equal(e->drops.n[DROP_NEIGH_FAILED], 3);
	env_advance_ms(e, PROBE_MS);
	env_expect_silence(e);
	assert_int_equal(env_output(e, path, 8), 0);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
	reply_from(e, &mac_peer);
	expect_segment(e, &mac_peer, 8);
	net_path_put(&e->net, path);
}

/* A packet that waited as the last sign of a neighbour: the neighbour is forgotten after it failed. */
static void failed_without_path_is_forgotten(void **state)
{
	struct env *e = *state;
	uint32_t path = env_path(e, PEER);
	struct net_pkt pkt = {0};

	env_output(e, path, 1);
	net_path_put(&e->net, path);
	assert_non_null(peer(e));
	env_advance_ms(e, PROBE_MS * NEIGH_PROBES);
	assert_true(net_error_next(&e->net, &pkt));
	rte_pktmbuf_free(pkt.m);
	env_advance_ms(e, PROBE_MS);
	assert_null(peer(e));
	assert_int_equal(e->flow.pool[FLOW_NEIGH].used, 0);
}

static void path_never_used_leaves_nothing(void **state)
{
	struct env *e = *state;

	net_path_put(&e->net, env_path(e, PEER));
	assert_null(peer(e));
	assert_int_equal(e->flow.pool[FLOW_NEIGH].used, 0);
	assert_int_equal(e->net.paths.pool.used, 0);
}

static uint32_t known_path(struct env *e)
{
	uint32_t path;

	env_peer_known(e, PEER, &mac_peer);
	path = env_path(e, PEER);
	assert_true(path_at(&e->net.paths, path)->resolved);
	return path;
}

static void probed_by_unicast_when_old(void **state)
{
	struct env *e = *state;
	uint32_t path = known_path(e);

	env_advance_ms(e, NEIGH_REACHABLE_MS - 1);
	env_expect_silence(e);
	env_advance_ms(e, 1);
	env_expect_arp(e, ARP_REQUEST, &mac_peer, US, PEER);
	assert_int_equal(env_output(e, path, 1), 0); /* meanwhile packets flow */
	expect_segment(e, &mac_peer, 1);
	reply_from(e, &mac_peer);
	env_advance_ms(e, NEIGH_REACHABLE_MS - 1);
	env_expect_silence(e);
	env_advance_ms(e, 1);
	env_expect_arp(e, ARP_REQUEST, &mac_peer, US, PEER);
	net_path_put(&e->net, path);
}

/* No answer to unicast: asked by broadcast, packets wait, the new station is used; or it fails. */
static void moved_neighbour(void **state)
{
	struct env *e = *state;
	uint32_t path = known_path(e);
	struct net_pkt pkt = {0};

	env_advance_ms(e, NEIGH_REACHABLE_MS);
	for (int i = 0; i < NEIGH_PROBES; i++) {
		env_expect_arp(e, ARP_REQUEST, &mac_peer, US, PEER);
		env_advance_ms(e, PROBE_MS);
	}
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
	env_output(e, path, 1);
	env_expect_silence(e);
	reply_from(e, &mac_other);
	expect_segment(e, &mac_other, 1);
	env_advance_ms(e, NEIGH_REACHABLE_MS + 2 * NEIGH_PROBES * PROBE_MS);
	for (int i = 0; i < 2 * NEIGH_PROBES; i++)
		env_expect_arp(e, ARP_REQUEST, i < NEIGH_PROBES ? &mac_other : &mac_all, US, PEER);
	env_expect_silence(e);
	assert_false(net_error_next(&e->net, &pkt)); /* nothing waited */
	env_advance_ms(e, PROBE_MS);
	env_output(e, path, 2);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, PEER);
	net_path_put(&e->net, path);
}

static void flows_confirm(void **state)
{
	struct env *e = *state;
	uint32_t path = known_path(e);

	for (int i = 0; i < 10; i++) {
		env_advance_ms(e, NEIGH_REACHABLE_MS / 2);
		net_confirm(&e->net, path);
	}
	env_expect_silence(e);
	env_advance_ms(e, 1);
	assert_true((int32_t)(peer(e)->h.timer.tick - e->clock.tick) > 1); /* sleeps, does not spin */
	env_advance_ms(e, NEIGH_REACHABLE_MS - 2);
	env_expect_silence(e);
	env_advance_ms(e, 1); /* 30 s after the last confirmation, not later */
	env_expect_arp(e, ARP_REQUEST, &mac_peer, US, PEER);
	net_confirm(&e->net, path); /* what a flow hears ends the probing */
	env_advance_ms(e, PROBE_MS);
	env_expect_silence(e);
	assert_int_equal(peer(e)->state, NEIGH_REACHABLE);
	net_path_put(&e->net, path);
}

static void unused_is_kept_then_forgotten(void **state)
{
	struct env *e = *state;
	uint32_t path = known_path(e);

	env_advance_ms(e, 1000);
	net_path_put(&e->net, path);
	env_advance_ms(e, NEIGH_GC_MS - 1);
	env_expect_silence(e); /* nobody uses it: not probed */
	assert_non_null(peer(e));
	env_advance_ms(e, 1);
	assert_null(peer(e));
	assert_int_equal(e->flow.wheel.armed, 0);
}

static void old_entry_is_probed_when_used_again(void **state)
{
	struct env *e = *state;
	uint32_t path;

	env_peer_known(e, PEER, &mac_peer);
	env_advance_ms(e, NEIGH_REACHABLE_MS * 2);
	env_expect_silence(e);
	path = env_path(e, PEER);
	env_expect_arp(e, ARP_REQUEST, &mac_peer, US, PEER);
	assert_int_equal(env_output(e, path, 1), 0);
	expect_segment(e, &mac_peer, 1);
	net_path_put(&e->net, path);
}

/* A timer that came due together with others is handled late: what happened in between counts. */
static void timer_overtaken(void **state)
{
	struct env *e = *state;
	flow_ref due[2];
	uint32_t path;

	env_peer_known(e, PEER, &mac_peer);
	env_advance_ms(e, NEIGH_GC_MS - 1);
	clock_set(&e->clock, e->clock.now_ns + 1000000);
	assert_int_equal(wheel_advance(&e->flow.wheel, e->flow.pool, e->clock.tick, due, 2), 1);
	path = env_path(e, PEER);
	env_expect_arp(e, ARP_REQUEST, &mac_peer, US, PEER);
	net_timer(&e->net, due[0]);
	env_expect_silence(e);
	net_path_put(&e->net, path);
	/* Forgotten in between. */
	env_advance_ms(e, NEIGH_PROBES * NEIGH_PROBE_MS);
	assert_null(peer(e));
	net_timer(&e->net, due[0]);
	env_peer_known(e, IP(10, 0, 0, 77), &mac_other); /* in the same place */
	net_timer(&e->net, due[0]);
	assert_int_not_equal(neigh_find(&e->net, 0, IP(10, 0, 0, 77)), 0);
}

static void gratuitous_updates_known(void **state)
{
	struct env *e = *state;
	uint32_t path = known_path(e), second = env_path(e, PEER);
	int err;
	uint32_t third;

	net_addr_add(&e->net, IP(10, 0, 0, 5), 24);
	third = net_path_get(&e->net, IP(10, 0, 0, 5), PEER, &err);
	assert_int_equal(path, second);
	assert_int_not_equal(path, third);
	/* Within a second of hearing from the old station the new one is not believed. */
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, PEER, PEER, &mac_all), NET_DONE, NULL);
	env_output(e, path, 1);
	expect_segment(e, &mac_peer, 1);
	env_advance_ms(e, PROBE_MS);
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, PEER, PEER, &mac_all), NET_DONE, NULL);
	env_output(e, path, 2);
	expect_segment(e, &mac_other, 2);
	env_output(e, third, 3);
	expect_segment(e, &mac_other, 3);
	net_path_put(&e->net, path);
	net_path_put(&e->net, second);
	net_path_put(&e->net, third);
}

static void conflict_is_told_and_not_believed(void **state)
{
	struct env *e = *state;

	env_input(e, env_arp(e, ARP_REQUEST, &mac_other, US, US, &mac_all), NET_DONE, NULL);
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, US, PEER, &mac_us), NET_DONE, NULL);
	assert_int_equal(e->net.addr_conflicts, 2);
	assert_int_equal(neigh_find(&e->net, 0, US), 0);
	env_input(e, env_arp(e, ARP_REQUEST, &mac_us, US, PEER, &mac_all), NET_DONE, NULL); /* our own comes back */
	assert_int_equal(e->net.addr_conflicts, 2);
	env_expect_silence(e);
}

static void gateway_is_shared(void **state)
{
	struct env *e = *state;
	uint32_t a, b;

	assert_int_equal(net_gw_add(&e->net, GW), 0);
	a = env_path(e, FAR);
	b = env_path(e, IP(198, 51, 100, 1));
	env_output(e, a, 1);
	env_output(e, b, 2);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, GW);
	env_expect_silence(e); /* one question for both */
	env_input(e, env_arp(e, ARP_REPLY, &mac_peer, GW, US, &mac_us), NET_DONE, NULL);
	expect_segment(e, &mac_peer, 1);
	expect_segment(e, &mac_peer, 2);
	assert_true(path_at(&e->net.paths, a)->resolved && path_at(&e->net.paths, b)->resolved);
	net_path_put(&e->net, a);
	net_path_put(&e->net, b);
}

/* Paths leave the neighbour's list in any order. */
static void many_paths_over_one_neighbour(void **state)
{
	struct env *e = *state;
	uint32_t path[50];

	assert_int_equal(net_gw_add(&e->net, GW), 0);
	for (uint32_t i = 0; i < 50; i++)
		path[i] = env_path(e, rte_cpu_to_be_32(0xc6336400 + i));
	for (uint32_t i = 0; i < 50; i++)
		if (i % 7 != 3)
			net_path_put(&e->net, path[i]);
	env_peer_known(e, GW, &mac_other);
	for (uint32_t i = 3; i < 50; i += 7) {
		assert_true(path_at(&e->net.paths, path[i])->resolved);
		env_output(e, path[i], (uint16_t)i);
		expect_segment(e, &mac_other, (uint16_t)i);
		net_path_put(&e->net, path[i]);
	}
	assert_int_equal(e->net.paths.pool.used, 0);
}

/* The pool holds 64: strangers fill three quarters at most, and unused ones make room for those in use. */
static void full_pool(void **state)
{
	struct env *e = *state;
	uint32_t path[64], n = 0;
	int err;

	for (uint32_t i = 0; i < 100; i++)
		env_peer_known(e, rte_cpu_to_be_32(0x0a000064 + i), &mac_peer);
	assert_in_range(e->flow.pool[FLOW_NEIGH].used, 40, 48);
	for (; n < 64; n++) {
		path[n] = env_path(e, rte_cpu_to_be_32(0x0a000002 + n));
		assert_int_not_equal(path[n], 0);
	}
	assert_int_equal(net_path_get(&e->net, US, IP(10, 0, 0, 99), &err), 0);
	assert_int_equal(err, -ENOBUFS);
	while (n > 0)
		net_path_put(&e->net, path[--n]);
	assert_int_equal(e->net.paths.pool.used, 0);
}

static void malformed_arp(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;

	for (uint32_t len = 14; len < 42; len++) {
		m = env_arp(e, ARP_REQUEST, &mac_peer, PEER, US, &mac_all);
		rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - len));
		env_input_drop(e, m, DROP_ARP_BAD);
	}
	env_input_drop(e, env_arp(e, ARP_REQUEST, &mac_all, PEER, US, &mac_all), DROP_ARP_BAD);
	env_input_drop(e, env_arp(e, 3, &mac_peer, PEER, US, &mac_all), DROP_ARP_BAD);
	env_expect_silence(e);
}

#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers_requests), T(asks_and_sends_in_order), T(unasked_reply_is_ignored),
		T(queue_overflow_drops_oldest), T(failure_after_three_probes), T(failed_without_path_is_forgotten),
		T(path_never_used_leaves_nothing), T(probed_by_unicast_when_old), T(moved_neighbour), T(flows_confirm),
		T(unused_is_kept_then_forgotten), T(old_entry_is_probed_when_used_again), T(timer_overtaken),
		T(gratuitous_updates_known),
		T(conflict_is_told_and_not_believed), T(gateway_is_shared), T(many_paths_over_one_neighbour),
		T(full_pool), T(malformed_arp),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
