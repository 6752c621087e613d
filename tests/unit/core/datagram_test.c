/* datagram_test.c: UDP sockets of one stack and datagrams that land on another: bound, connected, and neither. */
#include "cores.h"

#include <arpa/inet.h>
#include <string.h>

#define PORT 53

static struct sockaddr_in last; /* whom take() heard from */

static int make(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {2, 4}});
}

static int make_hashes(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {2, 4}, .sim = {.offloads = PORT_RX_HASH}});
}

static int make_one_queue(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {2, 4}, .queues = {1, 1}, .shuffle = true});
}

static int bound_at(int end, unsigned core, const char *ip, uint16_t port)
{
	int fd;

	on(end, core);
	fd = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(cores_bind(fd, ip, port), 0);
	return fd;
}

static void send_to(int fd, const char *ip, uint16_t port, int value)
{
	socklen_t len;
	const struct sockaddr_storage a = cores_name(ip, port, &len);

	assert_int_equal(spate_sys_sendto(fd, &value, sizeof(value), 0, (const struct sockaddr *)&a, len), sizeof(value));
}

/* The next datagram's number, or -errno. */
static int take(int fd)
{
	socklen_t len = sizeof(last);
	int value = 0;
	ssize_t n = spate_sys_recvfrom(fd, &value, sizeof(value), 0, (struct sockaddr *)&last, &len);

	return n < 0 ? (int)n : value;
}

static void close_at(int end, unsigned core, int fd)
{
	on(end, core);
	assert_int_equal(spate_sys_close(fd), 0);
}

static void finish(void)
{
	cores_run_ms(10);
	cores_assert_clean();
}

/* One socket on far stack 1; peers whose datagrams come home to each of the four. All arrive, and all are answered. */
static void one_socket_for_all(void **state)
{
	int server = bound_at(FAR, 1, "0.0.0.0", PORT), seen = 0, client[16];
	uint16_t from = 20000;

	(void)state;
	for (int i = 0; i < 16; i++) {
		from = cores_port_for(FAR, (unsigned)i % 4, CORES_FAR_IP, PORT, CORES_NEAR_IP, (uint16_t)(from + 1));
		client[i] = bound_at(NEAR, (unsigned)i % 2, CORES_NEAR_IP, from);
		send_to(client[i], CORES_FAR_IP, PORT, 100 + i);
	}
	cores_run_ms(5);
	on(FAR, 1);
	for (int v; (v = take(server)) >= 0;) {
		assert_in_range(v, 100, 115);
		assert_int_equal(seen >> (v - 100) & 1, 0);
		seen |= 1 << (v - 100);
		send_to(server, CORES_NEAR_IP, ntohs(last.sin_port), v + 100);
	}
	assert_int_equal(seen, 0xffff);
	assert_int_equal(cores_rehomed(FAR, REHOME_BOUND), 12);
	cores_run_ms(5);
	for (int i = 0; i < 16; i++) {
		on(NEAR, (unsigned)i % 2);
		assert_int_equal(take(client[i]), 200 + i);
		assert_int_equal(take(client[i]), -EAGAIN);
		close_at(NEAR, (unsigned)i % 2, client[i]);
	}
	close_at(FAR, 1, server);
	assert_int_equal(cores_dropped(FAR, DROP_UDP_NO_SOCKET) + cores_dropped(NEAR, DROP_UDP_NO_SOCKET), 0);
	finish();
}

/* SO_REUSEPORT: each stack's own socket gets what has its home there. */
static void one_socket_each(void **state)
{
	int server[4], client;
	uint16_t from = 20000;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		on(FAR, i);
		server[i] = cores_dgram(SOCK_NONBLOCK);
		cores_option(server[i], SOL_SOCKET, SO_REUSEPORT, 1);
		assert_int_equal(cores_bind(server[i], i % 2 ? CORES_FAR_IP : "0.0.0.0", PORT), 0);
	}
	/* Stacks 1 and 3 name the address: 0 and 2 must leave its datagrams to them. */
	for (int i = 0; i < 40; i++) {
		from = cores_port_for(FAR, (unsigned)i % 4, CORES_FAR_IP, PORT, CORES_NEAR_IP, (uint16_t)(from + 1));
		client = bound_at(NEAR, 0, CORES_NEAR_IP, from);
		send_to(client, CORES_FAR_IP, PORT, i);
		cores_run_ms(2);
		if (i % 4 % 2) {
			on(FAR, (unsigned)i % 4);
			assert_int_equal(take(server[i % 4]), i);
		} else {
			int v1, v3;

			on(FAR, 1);
			v1 = take(server[1]);
			on(FAR, 3);
			v3 = take(server[3]);
			assert_true((v1 == i && v3 == -EAGAIN) || (v1 == -EAGAIN && v3 == i));
		}
		on(NEAR, 0);
		/* Of the other address only the general ones hear, at home. */
		send_to(client, CORES_FAR_IP2, PORT, i);
		cores_run_ms(2);
		for (unsigned k = 0; k < 4; k++) {
			bool mine = k % 2 == 0 && (cores_home(FAR, CORES_FAR_IP2, PORT, CORES_NEAR_IP, from) == k);
			int v;

			on(FAR, k);
			v = take(server[k]);
			if (cores_home(FAR, CORES_FAR_IP2, PORT, CORES_NEAR_IP, from) % 2 == 0)
				assert_int_equal(v, mine ? i : -EAGAIN);
			else
				assert_true(v == -EAGAIN || (v == i && k % 2 == 0));
		}
		close_at(NEAR, 0, client);
	}
	for (unsigned i = 0; i < 4; i++)
		close_at(FAR, i, server[i]);
	finish();
}

/* Connected from a port of its own choice, whose home is another stack. */
static void connected_away(void **state)
{
	int server = bound_at(NEAR, 1, CORES_NEAR_IP, PORT), fd[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint16_t port = (uint16_t)(30000 + 100 * i);

		while (cores_home(FAR, CORES_FAR_IP, port, CORES_NEAR_IP, PORT) != i % 4)
			port++;
		fd[i] = bound_at(FAR, 0, CORES_FAR_IP, port);
		assert_int_equal(cores_connect(fd[i], CORES_NEAR_IP, PORT), 0);
		assert_int_equal(spate_sys_sendto(fd[i], &i, sizeof(i), 0, NULL, 0), sizeof(i));
	}
	cores_run_ms(5);
	on(NEAR, 1);
	for (int v; (v = take(server)) >= 0;)
		send_to(server, CORES_FAR_IP, ntohs(last.sin_port), v + 100);
	cores_run_ms(5);
	on(FAR, 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(take(fd[i]), 100 + i);
	assert_int_equal(cores_rehomed(FAR, REHOME_BOUND), 6);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(cores.stack[FAR][i]->flow.pool[FLOW_AWAY].used, 2);
	/* Nobody there any more: the error comes to each one's stack. */
	close_at(NEAR, 1, server);
	on(FAR, 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(spate_sys_sendto(fd[i], &i, sizeof(i), 0, NULL, 0), sizeof(i));
	cores_run_ms(5);
	for (int i = 0; i < 8; i++)
		assert_int_equal(cores_so_error(fd[i]), ECONNREFUSED);
	/* Another peer, none, and the end. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(cores_connect(fd[i], CORES_NEAR_IP2, PORT), 0);
	for (int i = 4; i < 6; i++) {
		const struct sockaddr unspec = {.sa_family = AF_UNSPEC};

		assert_int_equal(spate_sys_connect(fd[i], &unspec, sizeof(unspec)), 0);
	}
	for (int i = 0; i < 8; i++)
		assert_int_equal(spate_sys_close(fd[i]), 0);
	finish();
}

/* Two sockets of one stack with one key: the home forgets the flow with the second. */
static void two_with_one_key(void **state)
{
	int fd[2], server = bound_at(NEAR, 0, CORES_NEAR_IP, PORT);
	uint16_t port = 30000;

	(void)state;
	while (cores_home(FAR, CORES_FAR_IP, port, CORES_NEAR_IP, PORT) != 2)
		port++;
	on(FAR, 0);
	for (int i = 0; i < 2; i++) {
		fd[i] = cores_dgram(SOCK_NONBLOCK);
		cores_option(fd[i], SOL_SOCKET, SO_REUSEADDR, 1);
		assert_int_equal(cores_bind(fd[i], CORES_FAR_IP, port), 0);
		assert_int_equal(cores_connect(fd[i], CORES_NEAR_IP, PORT), 0);
	}
	assert_int_equal(spate_sys_close(fd[0]), 0);
	cores_run_ms(1);
	on(NEAR, 0);
	send_to(server, CORES_FAR_IP, port, 7);
	cores_run_ms(5);
	on(FAR, 0);
	assert_int_equal(take(fd[1]), 7);
	assert_int_equal(spate_sys_close(fd[1]), 0);
	close_at(NEAR, 0, server);
	finish();
}

/* A socket that got its port by sending hears from everybody, wherever that lands. */
static void port_by_sending(void **state)
{
	int fd, peer[8], got = 0;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	(void)state;
	on(FAR, 3);
	fd = cores_dgram(SOCK_NONBLOCK);
	peer[0] = bound_at(NEAR, 0, CORES_NEAR_IP, 9000);
	on(FAR, 3);
	send_to(fd, CORES_NEAR_IP, 9000, 1);
	assert_int_equal(spate_sys_getsockname(fd, (struct sockaddr *)&own, &len), 0);
	assert_int_equal(cores_home(FAR, CORES_FAR_IP, ntohs(own.sin_port), CORES_NEAR_IP, 9000), 3);
	cores_run_ms(5);
	for (int i = 0; i < 8; i++) {
		if (i > 0)
			peer[i] = bound_at(NEAR, 0, CORES_NEAR_IP, (uint16_t)(9000 + i));
		on(NEAR, 0);
		send_to(peer[i], CORES_FAR_IP, ntohs(own.sin_port), 10 + i);
	}
	cores_run_ms(5);
	on(FAR, 3);
	while (take(fd) >= 10)
		got++;
	assert_int_equal(got, 8);
	/* Connected, only its peer is heard; dissolved, the port is gone, for the others too. */
	assert_int_equal(cores_connect(fd, CORES_NEAR_IP, 9001), 0);
	cores_run_ms(1);
	on(NEAR, 0);
	for (int i = 0; i < 8; i++)
		send_to(peer[i], CORES_FAR_IP, ntohs(own.sin_port), 20 + i);
	cores_run_ms(5);
	on(FAR, 3);
	assert_int_equal(take(fd), 21);
	assert_int_equal(take(fd), -EAGAIN);
	assert_int_equal(cores_dropped(FAR, DROP_UDP_NO_SOCKET), 7);
	assert_int_equal(spate_sys_close(fd), 0);
	on(FAR, 0);
	fd = bound_at(FAR, 0, CORES_FAR_IP, ntohs(own.sin_port));
	close_at(FAR, 0, fd);
	for (int i = 0; i < 8; i++)
		close_at(NEAR, 0, peer[i]);
	finish();
}

/* The NIC writes another hash than that of its key: noticed, and the datagram arrives all the same. */
static void hash_that_is_not_ours(void **state)
{
	int server = bound_at(FAR, 0, CORES_FAR_IP, 30000), client = bound_at(NEAR, 0, CORES_NEAR_IP, PORT);
	struct net_pkt pkt = {.nic_hash = true, .key = {.laddr_be = inet_addr(CORES_FAR_IP), .raddr_be = inet_addr(CORES_NEAR_IP),
							.lport_be = htons(30000), .rport_be = htons(PORT)}};
	struct stack *s = cores.stack[FAR][0];
	struct rte_mbuf *m;

	(void)state;
	if (cores.ip6) /* it looks into packets and keys of IPv4 */
		skip();
	on(FAR, 0);
	assert_int_equal(cores_connect(server, CORES_NEAR_IP, PORT), 0);
	m = rte_pktmbuf_alloc(cores.pool[FAR][0]);
	assert_non_null(rte_pktmbuf_append(m, 42));
	memset(rte_pktmbuf_mtod(m, void *), 0, 42);
	rte_pktmbuf_mtod(m, uint8_t *)[34 + 5] = 8; /* the UDP length */
	pkt.m = m;
	pkt.l3_off = 14;
	pkt.l4_off = 34;
	pkt.l4_len = 8;
	pkt.hash = flow_hash(&s->flow, &pkt.key) ^ 0x10000;
	assert_int_equal(udp_input(&s->udp, &pkt), FLOW_REHASHED);
	assert_int_equal(pkt.hash, flow_hash(&s->flow, &pkt.key));
	assert_false(pkt.nic_hash);
	assert_int_equal(s->net.hash_wrong, 1);
	assert_int_equal(udp_input(&s->udp, &pkt), FLOW_DONE); /* an empty datagram */
	assert_int_equal(take(server), 0);
	assert_int_equal(take(server), -EAGAIN);
	assert_int_equal(spate_sys_close(server), 0);
	close_at(NEAR, 0, client);
	finish();
}

int main(void)
{
#define T(f, make) cmocka_unit_test_setup_teardown(f, make, cores_end)
	const struct CMUnitTest tests[] = {
		T(one_socket_for_all, make), T(one_socket_for_all, make_hashes), T(one_socket_for_all, make_one_queue),
		T(one_socket_each, make), T(one_socket_each, make_hashes), T(connected_away, make),
		T(connected_away, make_hashes), T(connected_away, make_one_queue), T(two_with_one_key, make),
		T(port_by_sending, make), T(hash_that_is_not_ours, make_hashes),
	};

	return cmocka_run_group_tests_name("core_datagram", tests, cores_eal, NULL);
}
