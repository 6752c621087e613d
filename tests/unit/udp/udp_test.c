/* udp_test.c: UDP below the socket calls: which ICMP errors are told, bad datagrams, ports and RSS, big frames. */
#include <arpa/inet.h>
#include <string.h>

#include <rte_mbuf.h>

#include "../sock/world.h"
#include "udp/udp.h"
#include "wire/udp.h"

static struct udp *near_udp(void) { return &world.stack[NEAR]->udp; }

static struct udp_pcb *connected(void)
{
	const struct net_end to = net_end4(inet_addr(FAR_IP), htons(53));
	struct udp_pcb *p = udp_new(near_udp());

	assert_non_null(p);
	assert_int_equal(udp_connect(near_udp(), p, &to), 0);
	return p;
}

/* What the socket is told of an ICMP error about its own datagram. */
static int told(struct udp_pcb *p, uint8_t type, uint8_t code, int err, bool local)
{
	struct net_pkt pkt = {.key = p->c.h.key, .hash = p->c.h.hash};
	int got;

	pkt.icmp.type = type;
	pkt.icmp.code = code;
	pkt.icmp.err = err;
	pkt.icmp.local = local;
	udp_icmp(near_udp(), &pkt);
	assert_int_equal(udp_poll(p), p->c.so_error != 0 ? EPOLLOUT | EPOLLERR : EPOLLOUT);
	got = p->c.so_error;
	p->c.so_error = 0;
	return got;
}

/* RFC 1122 4.1.3.3: ICMP errors are passed up. */
static void h13_h14_icmp_codes(void **state)
{
	static const int err[16] = {
		ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT, ECONNREFUSED, 0, EOPNOTSUPP, ENETUNREACH, EHOSTDOWN,
		ENONET, ENETUNREACH, EHOSTUNREACH, ENETUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH,
	};
	static const bool hidden[16] = {[0] = true, [1] = true, [5] = true, [11] = true, [12] = true};
	struct udp_pcb *p = connected();

	(void)state;
	for (uint8_t code = 0; code < 16; code++)
		assert_int_equal(told(p, 3, code, err[code], false),
				 hidden[code] ? 0 : code == 4 ? EMSGSIZE : err[code]);
	assert_int_equal(told(p, 3, 16, 0, false), 0);
	assert_int_equal(told(p, 11, 0, EHOSTUNREACH, false), 0); /* time exceeded may pass */
	assert_int_equal(told(p, 12, 0, EPROTO, false), EPROTO);
	assert_int_equal(told(p, 3, 1, EHOSTUNREACH, true), 0);   /* the neighbour did not answer */
}

static void icmp_for_nobody(void **state)
{
	struct net_pkt pkt = {.key = {.laddr_be = inet_addr(NEAR_IP), .raddr_be = inet_addr(FAR_IP),
				      .lport_be = htons(4000), .rport_be = htons(53)}};
	uint64_t *drops = world.stack[NEAR]->drops.n;

	(void)state;
	pkt.icmp.type = 3;
	pkt.icmp.code = 3;
	pkt.icmp.err = ECONNREFUSED;
	pkt.hash = flow_hash(&world.stack[NEAR]->flow, &pkt.key);
	udp_icmp(near_udp(), &pkt);
	assert_int_equal(drops[DROP_ICMP_UNMATCHED], 1);
}

/* A packet as net_input() hands it over: IPv4 header at 14, UDP header behind it. claimed: the UDP length field. */
static void input(const char *payload, uint16_t claimed, uint16_t padding, uint16_t lport)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.pool[NEAR]);
	struct net_pkt pkt = {.m = m, .l3_off = 14, .l4_off = 34, .proto = IPPROTO_UDP};
	uint16_t len = (uint16_t)strlen(payload);
	uint8_t *b;

	assert_non_null(m);
	b = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(42 + len + padding));
	memset(b, 0, 42u + len + padding);
	pkt.key = (struct flow_key){inet_addr(NEAR_IP), inet_addr(FAR_IP), htons(lport), htons(53)};
	pkt.hash = flow_hash(&world.stack[NEAR]->flow, &pkt.key);
	pkt.l4_len = (uint16_t)(8 + len);
	b[14] = 0x45;
	memcpy(b + 14 + 12, &pkt.key.raddr_be, 4);
	memcpy(b + 14 + 16, &pkt.key.laddr_be, 4);
	udp_emit(b + 34, 53, lport, claimed);
	memcpy(b + 42, payload, len);
	udp_input(near_udp(), &pkt);
}

static void input_lengths(void **state)
{
	struct udp_pcb *p = udp_new(near_udp());
	uint64_t *drops = world.stack[NEAR]->drops.n;
	char buf[64];
	struct iovec iov = {buf, sizeof(buf)};
	struct udp_meta meta;

	(void)state;
	assert_int_equal(udp_bind(near_udp(), p, 0, htons(7000)), 0);
	input("hello", 13, 0, 7000);
	input("hello", 13, 20, 7000); /* link padding */
	input("hello", 10, 0, 7000);  /* RFC 768: the length rules, the rest is not data */
	input("hello", 14, 0, 7000);  /* longer than the packet */
	input("hello", 7, 0, 7000);   /* shorter than the header */
	input("hello", 13, 0, 7001);  /* nobody */
	assert_int_equal(drops[DROP_UDP_BAD], 2);
	assert_int_equal(drops[DROP_UDP_NO_SOCKET], 1);
	assert_int_equal(p->n_queued, 3);
	assert_int_equal(udp_unread(p), 5);
	assert_int_equal(udp_recv(near_udp(), p, &iov, 1, 0, &meta), 5);
	assert_int_equal(ip6_addr_ip4(&meta.from.addr), inet_addr(FAR_IP));
	assert_int_equal(meta.from.port_be, htons(53));
	assert_int_equal(udp_recv(near_udp(), p, &iov, 1, 0, NULL), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(udp_recv(near_udp(), p, &iov, 1, 0, NULL), 2);
	assert_int_equal(udp_recv(near_udp(), p, &iov, 1, 0, NULL), -EAGAIN);
	udp_close(near_udp(), p);
}

static void queue_is_bounded_in_datagrams(void **state)
{
	struct udp_pcb *p = udp_new(near_udp());

	(void)state;
	assert_int_equal(udp_bind(near_udp(), p, 0, htons(7000)), 0);
	for (int i = 0; i < UDP_QUEUE_MAX + 10; i++)
		input("", 8, 0, 7000); /* no bytes: the byte limit does not help */
	assert_int_equal(p->n_queued, UDP_QUEUE_MAX);
	assert_int_equal(world.stack[NEAR]->drops.n[DROP_UDP_FULL], 10);
	udp_close(near_udp(), p);
}

/* Automatic ports are such that answers come to this stack's queue. */
static void ports_come_home(void **state)
{
	const struct rss *rss = &world.port[NEAR]->rss;

	(void)state;
	assert_int_equal(rss->n_queues, 4);
	for (int i = 0; i < 100; i++)
		assert_int_equal(rss_queue(rss, connected()->c.h.hash), 3);
}

static int four_queues(void **state)
{
	const struct sim_config sim = {.n_queues = {4, 1}, .seed = 3};

	(void)state;
	return world_make_sim(&sim, 1024, 65535);
}

/* A datagram of several mbufs, out and in. */
static void jumbo(void **state)
{
	static uint8_t out[8972], in[9000];
	struct iovec parts[3] = {{out, 1}, {out + 1, 5000}, {out + 5001, sizeof(out) - 5001}};
	struct iovec into[2] = {{in, 3000}, {in + 3000, 6000}};
	struct udp *far = &world.stack[FAR]->udp;
	struct udp_pcb *p = connected(), *q = udp_new(far);

	(void)state;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(udp_bind(far, q, 0, htons(53)), 0);
	assert_int_equal(udp_send(near_udp(), p, parts, 3, NULL, NULL), sizeof(out));
	run_ms(5);
	assert_int_equal(udp_recv(far, q, into, 2, 0, NULL), sizeof(out));
	assert_memory_equal(in, out, sizeof(out));
}

static int jumbo_world(void **state)
{
	const struct sim_config sim = {.n_queues = {1, 1}, .seed = 3, .mtu = 9000, .offloads = PORT_TX_MULTI_SEG};

	(void)state;
	return world_make_sim(&sim, 1024, 65535);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(h13_h14_icmp_codes),
		IN_WORLD(icmp_for_nobody),
		IN_WORLD(input_lengths),
		IN_WORLD(queue_is_bounded_in_datagrams),
		cmocka_unit_test_setup_teardown(ports_come_home, four_queues, world_end),
		cmocka_unit_test_setup_teardown(jumbo, jumbo_world, world_end),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
