/* env.c: a network layer on a device that keeps what is sent. */
#include "env.h"

#include <netinet/in.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "wire/cksum.h"
#include "../eal.h"

#define POOL_MBUFS 8191

const struct rte_ether_addr mac_us = {{2, 0, 0, 0, 0, 1}}, mac_us1 = {{2, 0, 0, 0, 1, 1}}, mac_peer = {{2, 0, 0, 0, 0, 2}};
const struct rte_ether_addr mac_other = {{2, 0, 0, 0, 0, 3}};
const struct rte_ether_addr mac_all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static struct rte_mempool *pool;
static struct env *now; /* of the running test */

static uint16_t fake_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct env *e = now;

	(void)queue;
	(void)now_ns;
	for (uint16_t i = 0; i < n; i++)
		m[i]->port = p == &e->port1;
	assert_true(e->n_sent + n <= SENT_MAX);
	memcpy(&e->sent[e->n_sent], m, n * sizeof(*m));
	e->n_sent += n;
	return n;
}

static const struct port_ops fake_ops = {.tx = fake_tx};

int env_group_setup(void **state)
{
	(void)state;
	if (eal_for_test(64) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("t-net", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool != NULL ? 0 : -1;
}

int env_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

int env_setup(void **state)
{
	const struct flow_config fc = {
		.max_conns = 16, .numa_node = -1, .size_bytes[FLOW_NEIGH] = net_neigh_bytes, .cap[FLOW_NEIGH] = 64};
	struct env *e = test_calloc(1, sizeof(*e));
	uint8_t key[40];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 73 + 5);
	e->port.ops = &fake_ops;
	e->port.mac = mac_us;
	e->port.mtu = MTU;
	e->port.offloads = PORT_TX_MULTI_SEG;
	e->port1 = e->port;
	e->port1.mac = mac_us1;
	now = e;
	assert_int_equal(rss_init(&e->port.rss, key, sizeof(key), NULL, 128, 1), 0);
	clock_set(&e->clock, 1000000000);
	prng_seed(&e->prng, 1);
	e->pool = pool;
	e->seed = 1;
	pkt_tx_init(&e->tx[0], &e->port, 0, pool, &e->drops, &e->clock.now_ns);
	pkt_tx_init(&e->tx[1], &e->port1, 0, pool, &e->drops, &e->clock.now_ns);
	assert_int_equal(flow_init(&e->flow, &fc, &e->port.rss, &e->clock, &e->prng), 0);
	assert_int_equal(net_init(&e->net, &e->flow, e->tx, 2, &e->drops, &e->clock, -1), 0);
	assert_int_equal(net_addr_add(&e->net, US, 24), 0);
	*state = e;
	return 0;
}

int env_teardown(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;

	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
	net_fini(&e->net);
	assert_int_equal(e->flow.wheel.armed, 0);
	pkt_tx_fini(&e->tx[0]);
	pkt_tx_fini(&e->tx[1]);
	flow_fini(&e->flow);
	test_free(e);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

void env_advance_ms(struct env *e, uint32_t ms)
{
	uint64_t end_ns = e->clock.now_ns + (uint64_t)ms * 1000000;
	flow_ref due[4];

	while (e->clock.now_ns < end_ns) {
		uint64_t step_ns = end_ns - e->clock.now_ns < 1000000 ? end_ns - e->clock.now_ns : 1000000;
		uint32_t n;

		clock_set(&e->clock, e->clock.now_ns + step_ns);
		net_chores(&e->net);
		do {
			n = wheel_advance(&e->flow.wheel, e->flow.pool, e->clock.tick, due, RTE_DIM(due));
			for (uint32_t i = 0; i < n; i++)
				net_timer(&e->net, due[i]);
		} while (n == RTE_DIM(due));
	}
}

struct rte_mbuf *env_sent(struct env *e)
{
	do {
		net_flush(&e->net);
	} while (pkt_tx_flush(&e->tx[0]) + pkt_tx_flush(&e->tx[1]) != 0 || e->net.released != NULL);
	if (e->n_taken < e->n_sent)
		return e->sent[e->n_taken++];
	e->n_sent = e->n_taken = 0;
	return NULL;
}

void env_expect_silence(struct env *e) { assert_null(env_sent(e)); }

void env_expect_arp(struct env *e, uint16_t op, const struct rte_ether_addr *dst, rte_be32_t spa_be, rte_be32_t tpa_be)
{
	struct rte_mbuf *m = env_sent(e);
	struct eth_view eth = {0};
	struct arp_view a = {0};

	assert_non_null(m);
	assert_int_equal(m->pkt_len, 42);
	assert_true(eth_parse(&eth, rte_pktmbuf_mtod(m, void *), m->data_len));
	assert_int_equal(eth.type, RTE_ETHER_TYPE_ARP);
	assert_memory_equal(&eth.hdr->dst_addr, dst, 6);
	assert_memory_equal(&eth.hdr->src_addr, &mac_us, 6);
	assert_true(arp_parse(&a, rte_pktmbuf_mtod_offset(m, void *, 14), 28));
	assert_int_equal(a.op, op);
	assert_memory_equal(&a.sha, &mac_us, 6);
	assert_int_equal(a.spa_be, spa_be);
	assert_int_equal(a.tpa_be, tpa_be);
	if (op == ARP_REPLY)
		assert_memory_equal(&a.tha, dst, 6);
	rte_pktmbuf_free(m);
}

struct rte_mbuf *env_mbuf(struct env *e, const void *data, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(e->pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	return m;
}

uint8_t *env_prepend(struct rte_mbuf *m, uint16_t len)
{
	assert_non_null(rte_pktmbuf_prepend(m, len));
	return rte_pktmbuf_mtod(m, uint8_t *);
}

struct rte_mbuf *env_split(struct env *e, struct rte_mbuf *m, uint32_t first, uint32_t rest)
{
	uint32_t total = m->pkt_len, off = RTE_MIN(first, total);
	struct rte_mbuf *head = env_mbuf(e, rte_pktmbuf_mtod(m, void *), off);

	assert_int_equal(m->nb_segs, 1);
	while (off < total) {
		uint32_t n = RTE_MIN(rest, total - off);

		assert_int_equal(rte_pktmbuf_chain(head, env_mbuf(e, rte_pktmbuf_mtod_offset(m, void *, off), n)), 0);
		off += n;
	}
	rte_pktmbuf_free(m);
	return head;
}

struct rte_mbuf *env_tag(struct rte_mbuf *m, uint16_t tci)
{
	uint8_t *b = env_prepend(m, 4);

	memmove(b, b + 4, 12);
	store16(b + 12, RTE_ETHER_TYPE_VLAN);
	store16(b + 14, tci);
	return m;
}

struct rte_mbuf *env_arp(struct env *e, uint16_t op, const struct rte_ether_addr *sha, rte_be32_t spa_be,
			 rte_be32_t tpa_be, const struct rte_ether_addr *dst)
{
	const struct arp_view a = {.op = op, .sha = *sha, .spa_be = spa_be, .tpa_be = tpa_be};
	uint8_t b[60] = {0};

	eth_emit(b, dst, sha, RTE_ETHER_TYPE_ARP);
	arp_emit(b + 14, &a);
	return env_mbuf(e, b, sizeof(b));
}

struct rte_mbuf *env_ip4(struct env *e, rte_be32_t src_be, uint8_t proto, const void *l4, uint32_t len)
{
	uint8_t b[1600] = {0};

	eth_emit(b, &mac_us, &mac_peer, RTE_ETHER_TYPE_IPV4);
	ip4_emit(b + 14, src_be, US, proto, (uint16_t)(20 + len), 7, 0, 64);
	memcpy(b + 34, l4, len);
	return env_mbuf(e, b, 34 + len < 60 ? 60 : 34 + len);
}

static void count_up(uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
}

struct rte_mbuf *env_tcp(struct env *e, rte_be32_t src_be, uint32_t payload)
{
	const struct tcp_view v = {.sport = 80, .dport = 1000, .seq = 1, .ack = 2, .flags = TCPF_ACK, .wnd = 100};
	const struct tcp_opts o = {0};
	uint8_t l4[1500];
	struct rte_mbuf *m;
	uint16_t sum;

	tcp_emit(l4, &v, &o);
	count_up(l4 + 20, payload);
	m = env_ip4(e, src_be, IPPROTO_TCP, l4, 20 + payload);
	sum = cksum_l4_ip4(m, 34, 20 + payload, src_be, US, IPPROTO_TCP);
	memcpy(rte_pktmbuf_mtod_offset(m, void *, 34 + 16), &sum, 2);
	return m;
}

struct rte_mbuf *env_udp(struct env *e, rte_be32_t src_be, uint32_t payload)
{
	uint8_t l4[1500];
	struct rte_mbuf *m;
	uint16_t sum;

	udp_emit(l4, 53, 1000, (uint16_t)(8 + payload));
	count_up(l4 + 8, payload);
	m = env_ip4(e, src_be, IPPROTO_UDP, l4, 8 + payload);
	sum = cksum_l4_ip4(m, 34, 8 + payload, src_be, US, IPPROTO_UDP);
	memcpy(rte_pktmbuf_mtod_offset(m, void *, 34 + 6), &sum, 2);
	return m;
}

void env_fix_ip4(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	uint16_t sum;

	memset(ip + 10, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, ip, (ip[0] & 15u) * 4));
	memcpy(ip + 10, &sum, 2);
}

void env_fix_icmp(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14), *icmp = ip + 20;
	uint16_t sum;

	memset(icmp + 2, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, icmp, load16(ip + 2) - 20u));
	memcpy(icmp + 2, &sum, 2);
}

struct rte_mbuf *env_echo(struct env *e, uint32_t payload)
{
	uint8_t l4[1500] = {ICMP_ECHO, 0, 0, 0, 0x12, 0x34, 0, 1};
	struct rte_mbuf *m;

	count_up(l4 + 8, payload);
	m = env_ip4(e, PEER, IPPROTO_ICMP, l4, 8 + payload);
	env_fix_icmp(m);
	return m;
}

struct rte_mbuf *env_icmp_error(struct env *e, uint8_t type, uint8_t code, uint16_t mtu, rte_be32_t src_be,
				uint8_t quoted_proto, uint32_t quoted_len)
{
	const struct tcp_view v = {.sport = 1000, .dport = 80, .seq = 0x01020304, .flags = TCPF_SYN};
	const struct tcp_opts o = {0};
	uint8_t l4[8 + 20 + 60] = {0};
	struct rte_mbuf *m;

	icmp_emit(l4, type, code, mtu);
	ip4_emit(l4 + 8, src_be, FAR, quoted_proto, 1500, 9, 0, 3);
	tcp_emit(l4 + 28, &v, &o);
	m = env_ip4(e, GW, IPPROTO_ICMP, l4, 8 + quoted_len);
	env_fix_icmp(m);
	return m;
}

void env_input(struct env *e, struct rte_mbuf *m, enum net_verdict want, struct net_pkt *pkt)
{
	struct net_pkt mine;

	if (pkt == NULL)
		pkt = &mine;
	assert_int_equal(net_input(&e->net, e->from, m, pkt), want);
	if (want != NET_DONE) {
		assert_ptr_equal(pkt->m, m);
		rte_pktmbuf_free(m);
	}
}

void env_input_drop(struct env *e, struct rte_mbuf *m, enum drop why)
{
	struct drops before = e->drops;

	env_input(e, m, NET_DONE, NULL);
	for (int d = 0; d < DROP_MAX; d++)
		if (e->drops.n[d] - before.n[d] != (d == (int)why))
			fail_msg("counted %s, expected %s", drop_name(d), drop_name(why));
}

void env_peer_known(struct env *e, rte_be32_t addr_be, const struct rte_ether_addr *mac)
{
	env_input(e, env_arp(e, ARP_REQUEST, mac, addr_be, US, &mac_all), NET_DONE, NULL);
	env_expect_arp(e, ARP_REPLY, mac, US, addr_be);
}

struct rte_mbuf *env_segment(struct env *e, uint16_t tag)
{
	const struct tcp_view v = {.sport = tag, .dport = 80, .seq = 0x01020300u + tag, .flags = TCPF_SYN, .wnd = 1};
	const struct tcp_opts o = {0};
	struct rte_mbuf *m = pkt_tx_alloc(&e->tx[0]);

	assert_non_null(m);
	tcp_emit(rte_pktmbuf_append(m, 20), &v, &o);
	return m;
}

int env_output(struct env *e, uint32_t path, uint16_t tag)
{
	return net_ip4_output(&e->net, path_at(&e->net.paths, path), env_segment(e, tag), IPPROTO_TCP, 0, 64);
}

uint32_t env_path(struct env *e, rte_be32_t raddr_be)
{
	int err = 1;
	uint32_t idx = net_path_get(&e->net, US, raddr_be, &err);

	assert_int_not_equal(idx, 0);
	assert_int_equal(err, 0);
	return idx;
}
