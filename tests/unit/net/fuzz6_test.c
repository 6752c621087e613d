/* fuzz6_test.c: damaged IPv6 frames of every kind, whole and in pieces: nothing is lost or read where it is not, whatever comes.
 * SPATE_SEED replays. */
#include "env6.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "net/group.h"

#define ROUNDS 60000

static const struct ip6_addr group = {{0xff, 5, [14] = 1, 2}};

static uint32_t rnd(struct env *e, uint32_t n) { return prng_below(&e->prng, n); }

static struct rte_mbuf *frame_any(struct env *e)
{
	static const uint8_t ra[] = {134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 2,
				     3, 4, 64, 0xc0, 0, 0, 0, 60, 0, 0, 0, 30, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 7, [55] = 0};
	uint8_t b[400] = {0};

	switch (rnd(e, 10)) {
	case 0:
		return env6_udp(e, &peer6, &us6, rnd(e, 1000));
	case 1:
		return env6_udp(e, &peer6, &group, rnd(e, 100));
	case 2:
		return env6_echo(e, rnd(e, 2) ? &peer6 : &far6, &us6, rnd(e, 1400));
	case 3:
		return env6_ns(e, rnd(e, 3) ? &peer6 : &none6, &us6, rnd(e, 2) ? &mac_peer : NULL);
	case 4:
		return env6_na(e, &peer6, rnd(e, 2) ? &us6 : &all_nodes6, &mac_peer, rnd(e, 2), rnd(e, 2));
	case 5:
		memcpy(b, ra, sizeof(ra));
		return env6_icmp(e, &ll_gw, &all_nodes6, 255, b, sizeof(ra));
	case 6:
		icmp6_emit(b, (uint8_t)(1 + rnd(e, 4)), (uint8_t)rnd(e, 8), 1300);
		ip6_emit(b + 8, &us6, &peer6, rnd(e, 2) ? IPPROTO_TCP : IPPROTO_UDP, 100, 3);
		return env6_icmp(e, &gw6, &us6, 64, b, 8 + 40 + rnd(e, 40));
	case 7:
		b[0] = IPPROTO_UDP;
		store16(b + 2, (uint16_t)(rnd(e, 6) * 64 | rnd(e, 2)));
		b[7] = (uint8_t)rnd(e, 4);
		return env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, 8 + 64 * (1 + rnd(e, 2)));
	case 8:
		for (uint32_t i = 0; i < 4; i++)
			memcpy(b + 8 * i, (uint8_t[]){i < 3 ? IP6_NEXT_DST_OPTS : IPPROTO_UDP, 0, 1, 4}, 4);
		return env6_frame(e, &peer6, &us6, rnd(e, 2) ? IP6_NEXT_HOP_BY_HOP : IP6_NEXT_ROUTING, 64, b, 100);
	default:
		mld_hbh_emit(b);
		b[8] = ICMP6_MLD_QUERY;
		return env6_frame(e, &ll_gw, &all_nodes6, IP6_NEXT_HOP_BY_HOP, 1, b, 36);
	}
}

static struct rte_mbuf *damaged(struct env *e)
{
	struct rte_mbuf *m = frame_any(e);
	uint32_t flips = rnd(e, 3) ? rnd(e, 4) : 0;

	for (uint32_t i = 0; i < flips; i++)
		rte_pktmbuf_mtod(m, uint8_t *)[12 + rnd(e, RTE_MIN(m->data_len - 12u, 120u))] ^= (uint8_t)(1u << rnd(e, 8));
	if (rnd(e, 8) == 0)
		rte_pktmbuf_trim(m, (uint16_t)rnd(e, m->data_len));
	if (rnd(e, 2)) /* as if the device had verified it: damage goes further */
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return rnd(e, 3) == 0 ? env_split(e, m, 1 + rnd(e, 90), 1 + rnd(e, 200)) : m;
}

static void drain(struct env *e)
{
	struct rte_mbuf *m;
	struct net_pkt pkt;

	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
	while (net_error_next(&e->net, &pkt))
		rte_pktmbuf_free(pkt.m);
}

static void check(struct env *e, enum net_verdict v, struct net_pkt *pkt)
{
	const char *why;

	assert_int_equal(rte_mbuf_check(pkt->m, 1, &why), 0);
	assert_true(pkt->l4_off >= pkt->l3_off + 40);
	assert_true((uint32_t)pkt->l4_off + pkt->l4_len <= pkt->m->pkt_len);
	assert_true(pkt->l4_off + 8u <= pkt->m->data_len);
	if (v == NET_UDP || v == NET_TCP)
		assert_int_equal(pkt->hash, ip6_hash(&e->net, pkt));
	if (v == NET_UDP)
		net_port_unreachable(&e->net, pkt);
}

static void malformed_sweep(void **state)
{
	const struct net_ip6_settings set = {.dad = true, .routers = true, .redirects = true};
	struct env *e = *state;
	const char *given = getenv("SPATE_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	uint32_t seen[NET_ICMP_ERROR + 1] = {0}, path = env6_path(e, &peer6, 0);

	print_message("seed %llu\n", (unsigned long long)seed);
	prng_seed(&e->prng, seed);
	net_lead(&e->net);
	net_ip6_set(&e->net, &set);
	assert_int_equal(net_group_join(&e->net, 0, &group, 1), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct net_pkt pkt;
		enum net_verdict v = net_input(&e->net, 0, damaged(e), &pkt);

		seen[v]++;
		if (v == NET_FRAGMENT)
			v = net_reassemble(&e->net, &pkt);
		if (v != NET_DONE && v != NET_FRAGMENT) {
			check(e, v, &pkt);
			rte_pktmbuf_free(pkt.m);
		}
		if (i % 64 == 0)
			env_advance_ms(e, rnd(e, 40));
		drain(e);
	}
	assert_true(seen[NET_DONE] > 0 && seen[NET_UDP] > 0 && seen[NET_FRAGMENT] > 0 && seen[NET_ICMP_ERROR] > 0 && seen[NET_GROUP] > 0);
	assert_true(e->net.reassembled > 0);
	assert_int_not_equal(env6_us(e), 0); /* an address in use is not given up, whatever is heard */
	net_path_put(&e->net, path);
	env_advance_ms(e, FRAG6_TIMEOUT_MS + 2 * CHORE_MS);
	drain(e);
	env_advance_ms(e, NEIGH_PROBES * NEIGH_PROBE_MS + 200);
	drain(e);
	assert_int_equal(e->net.frags.held, 0);
	assert_int_equal(rte_mempool_in_use_count(e->pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(malformed_sweep, env6_setup, env6_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
