/* connect_net_test.c: connect() of streams, row by row as in the connect semantics: time, readiness, what the network
 * answers, local addresses and ports (D to G). */
#include <arpa/inet.h>
#include <string.h>

#include "world.h"

static void set_timeout(int fd, int name, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)), 0);
}

/* ---- D ---- */

static void d1_d2_d3_d4_timeouts(void **state)
{
	int fd = stream(0);
	uint64_t t0;
	char c;

	(void)state;
	cut(FAR, true);
	set_timeout(fd, SO_SNDTIMEO, 50);
	set_timeout(fd, SO_RCVTIMEO, 20);
	t0 = world.now_ns;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	assert_in_range(world.now_ns - t0, 50 * MS, 53 * MS);
	assert_int_equal(poll_now(fd), 0);
	assert_int_equal(so_error(fd), 0);
	t0 = world.now_ns;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY);
	assert_in_range(world.now_ns - t0, 50 * MS, 53 * MS);
	t0 = world.now_ns;
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EAGAIN);
	assert_in_range(world.now_ns - t0, 50 * MS, 53 * MS);
	t0 = world.now_ns;
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -EAGAIN);
	assert_in_range(world.now_ns - t0, 20 * MS, 23 * MS);
	cut(FAR, false);
	far_listener(80, 0);
	set_timeout(fd, SO_SNDTIMEO, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void d16_first_syn_lost(void **state)
{
	int fd = stream(SOCK_NONBLOCK);
	uint64_t t0 = world.now_ns;

	(void)state;
	far_listener(80, 0);
	call_connect(stream(0), FAR_IP, 99); /* the neighbour is known from now on */
	cut(NEAR, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(10);
	cut(NEAR, false);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_in_range(world.now_ns - t0, 1000 * MS, 1050 * MS);
}

static void d12_nobody_answers(void **state)
{
	int fd = stream(0);
	uint64_t t0;

	(void)state;
	call_connect(stream(0), FAR_IP, 99); /* the neighbour is known */
	cut(NEAR, true);
	t0 = world.now_ns;
	assert_true(call_connect(fd, FAR_IP, 80) < 0);
	assert_in_range(world.now_ns - t0, 2500 * MS, 140000 * MS);
}

static void f40_neighbour_never_answers(void **state)
{
	int fd = stream(0);
	uint64_t t0 = world.now_ns;

	(void)state;
	assert_int_equal(call_connect(fd, "10.0.0.77", 80), -EHOSTUNREACH);
	assert_in_range(world.now_ns - t0, 2900 * MS, 3200 * MS);
}

static void f41_no_route(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, "192.168.7.7", 80), -ENETUNREACH);
	assert_string_equal(own_name(fd), "0.0.0.0:0"); /* G24 */
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

/* ---- E ---- */

static void e9_peer_fin(void **state)
{
	int far, fd = pair(80, &far);
	char c;

	(void)state;
	at(FAR);
	assert_int_equal(spate_sys_shutdown(far, SHUT_WR), 0);
	at(NEAR);
	run_ms(5);
	assert_int_equal(poll_now(fd), POLLIN | POLLOUT | POLLRDHUP);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
}

static void e_select_view(void **state)
{
	int far, fd = pair(80, &far), fresh = stream(0), waiting;
	struct timeval none = {0};
	fd_set rd, wr, ex;

	(void)state;
	waiting = connecting();
	FD_ZERO(&rd);
	FD_SET(fd, &rd);
	FD_SET(fresh, &rd);
	FD_SET(waiting, &rd);
	wr = rd;
	ex = rd;
	assert_int_equal(spate_select(waiting + 1, &rd, &wr, &ex, &none), 3);
	assert_false(FD_ISSET(fd, &rd));      /* E3: 0/1/0 */
	assert_true(FD_ISSET(fd, &wr));
	assert_true(FD_ISSET(fresh, &rd));    /* E1: 1/1/0 */
	assert_true(FD_ISSET(fresh, &wr));
	assert_false(FD_ISSET(waiting, &rd)); /* E2: 0/0/0 */
	assert_false(FD_ISSET(waiting, &wr));
	assert_false(FD_ISSET(fresh, &ex));
}

/* ---- G ---- */

static void g1_g2_g3_names(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_bind(fd, "0.0.0.0", 7000), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_memory_equal(own_name(fd), "10.0.0.", 7);
	assert_int_equal(own_port(fd), 7000);
	fd = stream(0);
	assert_int_equal(call_bind(fd, NEAR_IP2, 0), 0);
	assert_true(own_port(fd) != 0);
	uint16_t port = own_port(fd);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(own_port(fd), port);
	assert_memory_equal(own_name(fd), NEAR_IP2 ":", sizeof(NEAR_IP2));
}

static void g4_bind_address_no_port(void **state)
{
	int fd = stream(0), one = 1;

	(void)state;
	far_listener(80, 0);
	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)), 0);
	assert_int_equal(call_bind(fd, NEAR_IP2, 0), 0);
	assert_string_equal(own_name(fd), NEAR_IP2 ":0");
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_memory_equal(own_name(fd), NEAR_IP2 ":", sizeof(NEAR_IP2));
	assert_true(own_port(fd) != 0);
}

static void g5_g6_g10_bind_rules(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_bind(fd, "10.0.0.77", 7000), -EADDRNOTAVAIL);
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(call_bind(fd, NEAR_IP, 7001), -EINVAL);
	assert_int_equal(call_bind(stream(0), NEAR_IP, 7000), -EADDRINUSE);
	far_listener(80, 0);
	fd = stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(call_bind(fd, NEAR_IP, 7002), -EINVAL);
}

static void g11_same_destination(void **state)
{
	int a = stream(0), b = stream(0), one = 1;

	(void)state;
	far_listener(80, 0);
	far_listener(81, 0);
	assert_int_equal(spate_sys_setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(spate_sys_setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(call_bind(a, NEAR_IP, 7000), 0);
	assert_int_equal(call_bind(b, NEAR_IP, 7000), 0);
	assert_int_equal(call_connect(a, FAR_IP, 80), 0);
	assert_int_equal(call_connect(b, FAR_IP, 80), -EADDRNOTAVAIL);
	assert_int_equal(call_connect(b, FAR_IP, 81), 0);
}

static void g13_port_of_a_listener(void **state)
{
	int l = stream(0), one = 1, fd = stream(0);

	(void)state;
	assert_int_equal(call_bind(l, NEAR_IP, 7000), 0);
	assert_int_equal(spate_sys_listen(l, 1), 0);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), -EADDRINUSE);
}

static void g17_ports_exhausted(void **state)
{
	int fd, last = -1;

	(void)state;
	far_listener(80, 0);
	far_listener(81, 0);
	for (int i = 0; i < 8; i++) { /* four ports on each of two addresses */
		last = stream(0);
		assert_int_equal(call_connect(last, FAR_IP, 80), 0);
	}
	fd = stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EADDRNOTAVAIL);
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_int_equal(call_connect(stream(0), FAR_IP, 81), 0);
	assert_int_equal(dissolve(last), 0); /* a reset: no TIME-WAIT */
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static int four_ports(void **state)
{
	(void)state;
	return world_make_ports(5000, 5003);
}

/* A flood's SYN cookies also serve who connects to himself: the answer comes by no link. */
static void cookies_for_ourselves(void **state)
{
	struct tcp *t = &world.stack[FAR]->tcp;
	int l = far_listener(80, SOCK_NONBLOCK), fd, got;
	char c = 0;

	(void)state;
	t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	at(FAR);
	fd = stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	run_ms(2);
	assert_int_equal(t->stats.cookies_sent, 1);
	assert_int_equal(t->stats.cookies_received, 1);
	got = spate_sys_accept4(l, NULL, NULL, 0);
	assert_true(got >= 0);
	assert_string_equal(peer_name(got), own_name(fd));
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), 1);
	assert_int_equal(spate_sys_recvfrom(got, &c, 1, 0, NULL, NULL), 1);
	assert_int_equal(c, 'x');
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(d1_d2_d3_d4_timeouts),
		IN_WORLD(d12_nobody_answers),
		IN_WORLD(d16_first_syn_lost),
		IN_WORLD(f40_neighbour_never_answers),
		IN_WORLD(f41_no_route),
		IN_WORLD(e9_peer_fin),
		IN_WORLD(e_select_view),
		IN_WORLD(g1_g2_g3_names),
		IN_WORLD(g4_bind_address_no_port),
		IN_WORLD(g5_g6_g10_bind_rules),
		IN_WORLD(g11_same_destination),
		IN_WORLD(g13_port_of_a_listener),
		IN_WORLD(cookies_for_ourselves),
		cmocka_unit_test_setup_teardown(g17_ports_exhausted, four_ports, world_end),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
