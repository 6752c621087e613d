/* ndp_test.c: neighbour discovery: asking and answering, states, duplicate addresses (RFC 4861 7, RFC 4862 5.4). */
#include "env6.h"

#include <errno.h>
#include <netinet/in.h>

#include "wire/cksum.h"

/* A TCP segment sent by env6_output() left to this hardware address. */
static void expect_segment(struct env *e, const struct rte_ether_addr *to, uint16_t tag)
{
	struct rte_mbuf *m = env_sent(e);
	const uint8_t *b;

	assert_non_null(m);
	b = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_int_equal(m->pkt_len, 14 + 40 + 20);
	assert_memory_equal(b, to, 6);
	assert_int_equal(load16(b + 12), RTE_ETHER_TYPE_IPV6);
	assert_int_equal(load16(b + 54), tag);
	assert_int_equal(cksum_fold(cksum_bytes(cksum_pseudo_sum6(b + 22, IPPROTO_TCP, 20), b + 54, 20)), 0xffff);
	rte_pktmbuf_free(m);
}

/* RFC 4861 7.2.2: the packet waits, a solicitation goes to the solicited-node group; 7.2.5: the answer lets it go. */
static void resolves(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);

	assert_int_equal(env6_output(e, path, 1), 0);
	env6_expect_ns(e, &us6, &peer6, NULL);
	env_expect_silence(e);
	env_input(e, env6_na(e, &peer6, &us6, &mac_peer, true, true), NET_DONE, NULL);
	expect_segment(e, &mac_peer, 1);
	assert_int_equal(env6_output(e, path, 2), 0);
	expect_segment(e, &mac_peer, 2);
	net_path_put(&e->net, path);
}

/* RFC 4861 7.2.2: three questions a second apart, then the packets come back as "address unreachable". */
static void nobody_answers(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);
	struct net_pkt pkt;

	assert_int_equal(env6_output(e, path, 7), 0);
	for (int i = 0; i < 3; i++) {
		env6_expect_ns(e, &us6, &peer6, NULL);
		env_expect_silence(e);
		assert_false(net_error_next(&e->net, &pkt));
		env_advance_ms(e, 1000);
	}
	assert_true(net_error_next(&e->net, &pkt));
	assert_true(pkt.ip6 && pkt.quoted && pkt.icmp.local);
	assert_int_equal(pkt.icmp.err, EHOSTUNREACH);
	assert_int_equal(pkt.proto, IPPROTO_TCP);
	assert_int_equal(pkt.key.laddr_be, env6_us(e));
	assert_int_equal(pkt.key.raddr_be, path_at(&e->net.paths, path)->raddr_be);
	assert_int_equal(pkt.key.lport_be, RTE_BE16(7));
	assert_int_equal(pkt.key.rport_be, RTE_BE16(80));
	assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
	assert_int_equal(pkt.icmp.seq, 0x01020307);
	rte_pktmbuf_free(pkt.m);
	assert_int_equal(env6_output(e, path, 8), -EHOSTUNREACH);
	net_path_put(&e->net, path);
}

/* A path to a link-local address asks on its scope's interface, from the link-local address. */
static void linklocal_scope(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &ll_peer, 1);
	int err;

	assert_int_equal(net_path6_get(&e->net, env6_us(e), &ll_peer, 0, &err), 0);
	assert_int_equal(err, -EINVAL);
	assert_int_equal(net_path6_get(&e->net, env6_us(e), &ll_peer, 9, &err), 0);
	assert_int_equal(err, -ENETUNREACH);
	assert_int_equal(env6_output(e, path, 1), 0);
	env6_expect_ns(e, &ll_us, &ll_peer, NULL);
	net_path_put(&e->net, path);
}

/* RFC 4861 7.2.4: who asks for our address is answered at the address in its option, solicited and override set; it is known
 * then, but not as reachable (7.2.3). */
static void answers(void **state)
{
	struct env *e = *state;
	struct ndp_neigh v;
	struct sent6 s;
	uint32_t path;

	env_input(e, env6_ns(e, &peer6, &us6, &mac_peer), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_NA, 0);
	assert_true(ndp_na_parse(&v, s.msg, s.len, &s.dst, s.hops));
	assert_true(v.solicited && v.override && !v.router && v.opts.has_tlla);
	assert_memory_equal(&v.target, &us6, 16);
	assert_memory_equal(&v.opts.tlla, &mac_us, 6);
	assert_memory_equal(&s.dst, &peer6, 16);
	assert_memory_equal(&s.src, &us6, 16);
	assert_memory_equal(&s.to, &mac_peer, 6);
	path = env6_path(e, &peer6, 0);
	assert_int_equal(env6_output(e, path, 1), 0);
	expect_segment(e, &mac_peer, 1);
	env_advance_ms(e, 4900);
	env_expect_silence(e);
	env_advance_ms(e, 200); /* RFC 4861 10: DELAY_FIRST_PROBE_TIME */
	env6_expect_ns(e, &us6, &peer6, &mac_peer);
	env_input(e, env6_na(e, &peer6, &us6, &mac_peer, true, false), NET_DONE, NULL);
	env_advance_ms(e, 29000);
	env_expect_silence(e);
	net_path_put(&e->net, path);
}

/* A question for somebody else's address, or for one of another interface, is not ours to answer. */
static void others_are_not_answered(void **state)
{
	struct env *e = *state;
	const struct ip6_addr other = {{0x20, 1, 0xd, 0xb8, [13] = 1, [15] = 1}};

	env_input(e, env6_ns(e, &peer6, &other, &mac_peer), NET_DONE, NULL);
	env_expect_silence(e);
}

/* RFC 4861 7.1.1, 7.1.2: hop limit 255, code 0, no option of length 0, no multicast target, no option with the unspecified
 * source. */
static void bad_messages(void **state)
{
	struct env *e = *state;
	uint8_t msg[NDP_MSG_MAX], na[NDP_MSG_MAX];
	uint32_t len = ndp_ns_emit(msg, &us6, &mac_peer);

	env_input_drop(e, env6_icmp(e, &peer6, &us6, 254, msg, len), DROP_NDP_BAD);
	msg[1] = 1;
	env_input_drop(e, env6_icmp(e, &peer6, &us6, 255, msg, len), DROP_NDP_BAD);
	msg[1] = 0;
	msg[25] = 0;
	env_input_drop(e, env6_icmp(e, &peer6, &us6, 255, msg, len), DROP_NDP_BAD);
	msg[25] = 2;
	env_input_drop(e, env6_icmp(e, &peer6, &us6, 255, msg, len), DROP_NDP_BAD);
	ndp_ns_emit(msg, &all_nodes6, &mac_peer);
	env_input_drop(e, env6_icmp(e, &peer6, &us6, 255, msg, len), DROP_NDP_BAD);
	env_input_drop(e, env6_ns(e, &none6, &us6, &mac_peer), DROP_NDP_BAD);
	env_input_drop(e, env6_icmp(e, &peer6, &us6, 255, msg, 20), DROP_NDP_BAD);
	len = ndp_na_emit(na, &peer6, &mac_peer, true, true);
	env_input_drop(e, env6_icmp(e, &peer6, &all_nodes6, 255, na, len), DROP_NDP_BAD);
	msg[2] ^= 1;
	env_input_drop(e, env6_frame(e, &peer6, &us6, IPPROTO_ICMPV6, 255, msg, 32), DROP_ICMP_BAD);
	env_expect_silence(e);
}

/* IPv4's neighbours answer ARP: a mapped target would be told to the other stacks as one of IPv4. */
static void mapped_targets(void **state)
{
	const struct ip6_addr mapped[] = {ip6_addr_mapped(PEER), ip6_addr_mapped(RTE_BE32(1))};
	struct env *e = *state;
	uint8_t na[NDP_MSG_MAX];

	for (size_t i = 0; i < RTE_DIM(mapped); i++) {
		uint32_t len = ndp_na_emit(na, &mapped[i], &mac_other, true, true);

		env_input_drop(e, env6_icmp(e, &peer6, &us6, 255, na, len), DROP_NDP_BAD);
		env_input_drop(e, env6_ns(e, &peer6, &mapped[i], &mac_peer), DROP_NDP_BAD);
	}
	env_expect_silence(e);
}

/* RFC 4861 7.2.5: without override another hardware address does not count, but makes us ask; with override it does. */
static void override(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);

	assert_int_equal(env6_output(e, path, 1), 0);
	env6_expect_ns(e, &us6, &peer6, NULL);
	env_input(e, env6_na(e, &peer6, &us6, &mac_peer, true, true), NET_DONE, NULL);
	expect_segment(e, &mac_peer, 1);
	env_advance_ms(e, 2000);
	env_input(e, env6_na(e, &peer6, &us6, &mac_other, true, false), NET_DONE, NULL);
	assert_int_equal(env6_output(e, path, 2), 0);
	expect_segment(e, &mac_peer, 2);
	env_advance_ms(e, 5100);
	env6_expect_ns(e, &us6, &peer6, &mac_peer);
	env_input(e, env6_na(e, &peer6, &us6, &mac_other, true, true), NET_DONE, NULL);
	assert_int_equal(env6_output(e, path, 3), 0);
	expect_segment(e, &mac_other, 3);
	net_path_put(&e->net, path);
}

/* RFC 4861 7.2.5: advertisements about nobody that we talk to, and one without an address, make nothing known. */
static void unasked(void **state)
{
	struct env *e = *state;
	uint32_t path, used = e->flow.pool[FLOW_NEIGH].used;

	env_input(e, env6_na(e, &peer6, &all_nodes6, &mac_peer, false, true), NET_DONE, NULL);
	assert_int_equal(e->flow.pool[FLOW_NEIGH].used, used);
	path = env6_path(e, &peer6, 0);
	assert_int_equal(env6_output(e, path, 1), 0);
	env6_expect_ns(e, &us6, &peer6, NULL);
	env_input(e, env6_na(e, &peer6, &us6, NULL, true, true), NET_DONE, NULL);
	env_expect_silence(e);
	net_path_put(&e->net, path);
}

/* The numbers of neighbours and peers go with the last who holds them. */
static void numbers_return(void **state)
{
	struct env *e = *state;
	uint32_t used = e->flow.addr6s.pool.used, path;

	assert_int_equal(net_gw6_add_on(&e->net, NET_IFACE_ANY, &gw6), 0);
	path = env6_path(e, &far6, 0);
	assert_int_equal(e->flow.addr6s.pool.used, used + 2); /* peer and gateway */
	net_path_put(&e->net, path);
	assert_int_equal(e->flow.addr6s.pool.used, used);
	path = env6_path(e, &peer6, 0);
	assert_int_equal(net_addr6_remove(&e->net, 0, &us6), 0);
	assert_int_equal(env6_us(e), 0);
	assert_int_equal(e->flow.addr6s.pool.used, used + 1); /* the flow goes on */
	net_path_put(&e->net, path);
	assert_int_equal(e->flow.addr6s.pool.used, used - 1);
}

/* ---- duplicate address detection ---- */

static const struct ip6_addr fresh = {{0x20, 1, 0xd, 0xb8, [15] = 0x77}};

static void dad_begin(struct env *e)
{
	const struct net_ip6_settings set = {.dad = true};

	net_ip6_set(&e->net, &set);
	net_lead(&e->net);
	env_advance_ms(e, 4500); /* what was there before is announced */
	while (env_sent(e) != NULL)
		rte_pktmbuf_free(e->sent[e->n_taken - 1]);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &fresh, 64), 0);
	assert_false(net_ip6_settled(&e->net));
	assert_int_equal(net_local6(&e->net, &fresh, 0), 0);
}

/* RFC 4862 5.4: one probe from nobody to the solicited-node group, within a second; a second later the address is ours. Until
 * then it receives nothing and answers nothing. */
static void dad_good(void **state)
{
	struct env *e = *state;
	uint32_t waited = 0;

	dad_begin(e);
	env_input_drop(e, env6_udp(e, &peer6, &fresh, 10), DROP_IP6_DST);
	env_input(e, env6_ns(e, &peer6, &fresh, &mac_peer), NET_DONE, NULL);
	env6_expect_silence(e);
	env6_expect_silence(e);
	while (!e->net.net6->addr[2].asked && waited < 1200) {
		env_advance_ms(e, 10);
		waited += 10;
	}
	assert_true(waited <= 1100);
	env6_expect_ns(e, &none6, &fresh, NULL);
	env_advance_ms(e, 900);
	assert_false(net_ip6_settled(&e->net));
	env_advance_ms(e, 250);
	assert_true(net_ip6_settled(&e->net));
	assert_int_not_equal(net_local6(&e->net, &fresh, 0), 0);
	env_input(e, env6_udp(e, &peer6, &fresh, 10), NET_UDP, NULL);
}

/* RFC 4862 5.4.4: somebody advertises it. It is never used, and no longer waited for. */
static void dad_taken(void **state)
{
	struct env *e = *state;

	dad_begin(e);
	env_advance_ms(e, 1100);
	env6_expect_ns(e, &none6, &fresh, NULL);
	env_input(e, env6_na(e, &fresh, &all_nodes6, &mac_peer, false, true), NET_DONE, NULL);
	env_advance_ms(e, 3000);
	assert_true(net_ip6_settled(&e->net));
	assert_int_equal(net_local6(&e->net, &fresh, 0), 0);
	assert_int_equal(e->net.addr6_conflicts, 1);
	env_input_drop(e, env6_udp(e, &peer6, &fresh, 10), DROP_IP6_DST);
	env_input(e, env6_ns(e, &peer6, &fresh, &mac_peer), NET_DONE, NULL);
	env6_expect_silence(e);
}

/* RFC 4862 5.4.3: somebody else probes for it at the same time: neither gets it. Our own probe, sent back to us, is no other
 * (RFC 7527). */
static void dad_both(void **state)
{
	struct env *e = *state;
	const struct ip6_addr group = ip6_addr_solicited(&fresh);
	uint8_t msg[NDP_MSG_MAX];
	uint32_t len = ndp_probe_emit(msg, &fresh, e->net.net6->nonce);

	dad_begin(e);
	env_input(e, env6_icmp(e, &none6, &group, 255, msg, len), NET_DONE, NULL);
	assert_false(net_ip6_settled(&e->net));
	env_input(e, env6_ns(e, &none6, &fresh, NULL), NET_DONE, NULL);
	assert_true(net_ip6_settled(&e->net));
	assert_int_equal(net_local6(&e->net, &fresh, 0), 0);
}

/* RFC 4861 7.2.4, RFC 4862 5.4.3: a probe for an address that we have is answered to all nodes. */
static void dad_defended(void **state)
{
	struct env *e = *state;
	struct sent6 s;

	env_input(e, env6_ns(e, &none6, &us6, NULL), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_NA, 0);
	assert_memory_equal(&s.dst, &all_nodes6, 16);
	assert_int_equal(s.msg[4] & 0x40, 0); /* not solicited */
	assert_int_equal(s.msg[4] & 0x20, 0x20);
	assert_int_not_equal(env6_us(e), 0);
}

/* Without detection addresses are asked for and announced all the same, but used at once. */
static void announced(void **state)
{
	struct env *e = *state;
	struct sent6 s;

	assert_int_not_equal(env6_us(e), 0);
	net_lead(&e->net);
	env6_expect(e, &s, ICMP6_MLD2_REPORT, 0); /* the group of both (mld_test.c) */
	net_chores(&e->net);
	env_expect_arp(e, ARP_REQUEST, &mac_all, 0, US);
	env6_expect_ns(e, &none6, &ll_us, NULL);
	env6_expect_ns(e, &none6, &us6, NULL);
	env6_expect_silence(e);
	for (int i = 0; i < 2; i++) {
		env_advance_ms(e, 1100);
		env6_expect_silence(e);
		env_advance_ms(e, 1000);
		env_expect_arp(e, ARP_REQUEST, &mac_all, US, US);
		env6_expect(e, &s, ICMP6_NA, 0);
		assert_memory_equal(&s.src, &ll_us, 16);
		env6_expect(e, &s, ICMP6_NA, 0);
		assert_memory_equal(&s.src, &us6, 16);
		assert_memory_equal(&s.dst, &all_nodes6, 16);
		assert_memory_equal(s.to.addr_bytes, ((uint8_t[]){0x33, 0x33, 0, 0, 0, 1}), 6);
		env6_expect_silence(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(resolves, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(nobody_answers, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(linklocal_scope, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(answers, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(others_are_not_answered, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(bad_messages, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(mapped_targets, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(override, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(unasked, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(numbers_return, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(dad_good, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(dad_taken, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(dad_both, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(dad_defended, env6_setup, env6_teardown),
		cmocka_unit_test_setup_teardown(announced, env6_setup, env6_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
