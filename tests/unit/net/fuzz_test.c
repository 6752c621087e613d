/* fuzz_test.c: random damage to valid frames: no crash, no leak, and every verdict keeps its promises. The seed is
 * fixed, or SPATE_SEED from the environment. */
#include "env.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 200000

static uint32_t rnd(struct env *e, uint32_t below) { return prng_below(&e->prng, below); }

static struct rte_mbuf *valid(struct env *e)
{
	struct rte_mbuf *m;

	switch (rnd(e, 7)) {
	case 6: /* to everybody (group_in.c) */
		m = env_udp(e, PEER, rnd(e, 200));
		memset(rte_pktmbuf_mtod(m, void *), 0xff, 6);
		store32(rte_pktmbuf_mtod_offset(m, void *, 30), UINT32_MAX);
		env_fix_ip4(m);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		return m;
	case 0:
		return env_tcp(e, PEER, rnd(e, 200));
	case 1:
		return env_udp(e, PEER, rnd(e, 200));
	case 2:
		return env_echo(e, rnd(e, 200));
	case 3:
		return env_icmp_error(e, 3, (uint8_t)rnd(e, 20), 1400, US, rnd(e, 2) ? IPPROTO_TCP : IPPROTO_UDP,
				      rnd(e, 40));
	case 4:
		return env_arp(e, ARP_REQUEST, &mac_peer, rte_cpu_to_be_32(0x0a000000 + rnd(e, 256)), US, &mac_all);
	default:
		return env_arp(e, ARP_REPLY, &mac_other, rte_cpu_to_be_32(0x0a000000 + rnd(e, 8)), US, &mac_us);
	}
}

static struct rte_mbuf *damaged(struct env *e)
{
	struct rte_mbuf *m = valid(e);
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t hits = rnd(e, 5);

	for (uint32_t i = 0; i < hits; i++) {
		uint32_t at = rnd(e, rnd(e, 2) ? RTE_MIN(m->pkt_len, 64u) : m->pkt_len);

		b[at] = rnd(e, 2) ? (uint8_t)rnd(e, 256) : b[at] ^ (uint8_t)(1u << rnd(e, 8));
	}
	if (rnd(e, 4) == 0)
		rte_pktmbuf_trim(m, (uint16_t)rnd(e, m->pkt_len + 1));
	if (rnd(e, 4) == 0 && m->pkt_len >= 60 && load16(b + 12) == 0x0800) /* a fragment, of few datagrams */
		store16(b + 20, (uint16_t)(rnd(e, 2) << 13 | rnd(e, rnd(e, 4) ? 3 : 0x2000)));
	if (rnd(e, 2) && m->pkt_len >= 74 && load16(b + 12) == 0x0800) { /* so that damage gets past the checksum */
		env_fix_ip4(m);
		if (b[23] == IPPROTO_ICMP && b[14] == 0x45 && load16(b + 16) >= 28 &&
		    load16(b + 16) + 14u <= m->pkt_len)
			env_fix_icmp(m);
	}
	if (rnd(e, 3) == 0)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (rnd(e, 4) == 0 && m->pkt_len > 0)
		m = env_split(e, m, rnd(e, m->pkt_len) + 1, rnd(e, 80) + 16);
	return m;
}

static void check_verdict(const struct env *e, enum net_verdict v, const struct net_pkt *pkt)
{
	const char *why;

	assert_int_equal(rte_mbuf_check(pkt->m, 1, &why), 0);
	assert_true(net_is_local(&e->net, pkt->key.laddr_be) || (v == NET_GROUP && net_is_group(&e->net, pkt->key.laddr_be)));
	assert_true(pkt->l4_off >= pkt->l3_off + 20);
	assert_true((uint32_t)pkt->l4_off + pkt->l4_len <= pkt->m->pkt_len);
	if (v == NET_TCP)
		assert_true(pkt->proto == IPPROTO_TCP && pkt->l4_len >= 20 && pkt->l4_off + 20u <= pkt->m->data_len);
	else if (v == NET_UDP)
		assert_true(pkt->proto == IPPROTO_UDP && pkt->l4_len >= 8 && pkt->l4_off + 8u <= pkt->m->data_len);
	else
		assert_true(pkt->proto == IPPROTO_TCP || pkt->proto == IPPROTO_UDP);
}

static void drain(struct env *e)
{
	struct rte_mbuf *m;
	struct net_pkt pkt = {0};

	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
	while (net_error_next(&e->net, &pkt))
		rte_pktmbuf_free(pkt.m);
}

static void malformed_sweep(void **state)
{
	struct env *e = *state;
	const char *given = getenv("SPATE_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	uint32_t seen[NET_ICMP_ERROR + 1] = {0};
	struct net_pkt pkt = {0};

	print_message("seed %llu\n", (unsigned long long)seed);
	prng_seed(&e->prng, seed);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		enum net_verdict v = net_input(&e->net, 0, damaged(e), &pkt);

		seen[v]++;
		if (v == NET_FRAGMENT)
			v = net_reassemble(&e->net, &pkt);
		if (v != NET_DONE && v != NET_FRAGMENT) {
			check_verdict(e, v, &pkt);
			if (v == NET_UDP)
				net_icmp_unreachable(&e->net, &pkt, ICMP_UNREACH_PORT);
			rte_pktmbuf_free(pkt.m);
		}
		if (i % 64 == 0)
			env_advance_ms(e, rnd(e, 40));
		drain(e);
	}
	for (int v = NET_DONE; v <= NET_ICMP_ERROR; v++)
		assert_true(seen[v] > ROUNDS / 200); /* the sweep reaches every branch */
	assert_true(e->net.reassembled > 0);
	env_advance_ms(e, FRAG_TIMEOUT_MS + CHORE_MS);
	drain(e);
	env_advance_ms(e, NEIGH_PROBES * NEIGH_PROBE_MS + 10);
	drain(e);
	assert_int_equal(rte_mempool_in_use_count(e->pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(malformed_sweep, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
