/* fastopen_test.c: TCP Fast Open at the sockets, row by row as in the connect semantics (J), with a server that takes data. */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <string.h>

#include "world.h"

#define PORT 80

/* A cookie is for one address of ours. */
static void one_address(void)
{
	struct net *n = &world.stack[NEAR]->net;
	const struct ip6_addr second = world_ip6(NEAR_IP2);

	net_addr_remove(n, inet_addr(NEAR_IP2));
	if (world_family == WORLD_IP6)
		net_addr6_remove(n, NET_IFACE_ANY, &second);
}

/* A listener at the far end that takes data in SYNs. */
static int fast_listener(void)
{
	int fd = far_listener(PORT, SOCK_NONBLOCK), on = 5;

	at(FAR);
	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &on, sizeof(on)), 0);
	at(NEAR);
	one_address();
	return fd;
}

static int fast_stream(int flags)
{
	int fd = stream(flags), on = 1;

	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)), 0);
	return fd;
}

static int far_accept(int listener)
{
	int fd;

	run_ms(2);
	at(FAR);
	fd = spate_sys_accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	at(NEAR);
	return fd;
}

/* J1: the first connect is an ordinary one, and brings the cookie. */
static void j1_learn(int listener)
{
	int fd = fast_stream(0);

	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_string_equal(peer_name(fd), FAR_IP ":80");
	spate_close(fd);
	at(FAR);
	spate_close(far_accept(listener));
	at(NEAR);
	run_ms(10);
}

static void j1_without_cookie(void **state)
{
	(void)state;
	j1_learn(fast_listener());
	assert_int_equal(world.stack[NEAR]->tcp.stats.fastopen_active, 0);
}

static void j2_to_j5_promised(void **state)
{
	int l = fast_listener(), fd, far;
	uint64_t segs;
	char buf[32];

	(void)state;
	j1_learn(l);
	fd = fast_stream(SOCK_NONBLOCK);
	segs = world.stack[NEAR]->tcp.stats.segs_out;
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0); /* J2 */
	run_ms(100);
	assert_int_equal(world.stack[NEAR]->tcp.stats.segs_out, segs);
	assert_int_equal(poll_now(fd), POLLOUT); /* E14 */
	assert_int_not_equal(own_port(fd), 0);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(call_connect(fd, FAR_IP, PORT), -EISCONN); /* J3 */
	assert_int_equal(spate_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN); /* J5 */
	assert_int_equal(spate_send(fd, "request", 7, 0), 7); /* J4 */
	run_ms(10);
	far = far_accept(l);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), -EISCONN);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 7);
	assert_memory_equal(buf, "request", 7);
	assert_int_equal(world.stack[FAR]->tcp.stats.fastopen_passive, 1);
	at(NEAR);
	assert_int_equal(world.stack[NEAR]->tcp.stats.fastopen_taken, 1);
}

static void j6_dissolved(void **state)
{
	int l = fast_listener(), fd;

	(void)state;
	j1_learn(l);
	fd = fast_stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_int_equal(dissolve(fd), 0);
	so_error(fd);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1);
	run_ms(10);
	assert_string_equal(peer_name(fd), FAR_IP ":80");
}

/* J6: and without the option it is a stream like others; nobody asked for the error of what was given up. */
static void j6_then_plain(void **state)
{
	int l = fast_listener(), fd, far, off = 0;
	char buf[8];

	(void)state;
	j1_learn(l);
	fd = fast_stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off)), 0);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_int_equal(spate_send(fd, "plain", 5, 0), 5);
	far = far_accept(l);
	run_ms(10);
	at(FAR);
	assert_int_equal(spate_sys_recvfrom(far, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL), 5);
	at(NEAR);
	assert_int_equal(so_error(fd), 0);
}

/* The cookie is by address, so another port is promised too; the first send finds out. */
static void j7_closed_port(void **state)
{
	int l = fast_listener(), fd;

	(void)state;
	j1_learn(l);
	fd = fast_stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, PORT + 1), 0);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
}

static ssize_t send_open(int fd, const void *data, size_t len, int flags)
{
	socklen_t to_len;
	struct sockaddr_storage to = world_addr(FAR_IP, PORT, &to_len);

	return spate_sys_sendto(fd, data, len, MSG_FASTOPEN | flags, (struct sockaddr *)&to, to_len);
}

static void j8_sendto(void **state)
{
	int l = fast_listener(), fd, far;
	char buf[32];

	(void)state;
	fd = stream(0);
	assert_int_equal(send_open(fd, "hello", 5, 0), 5); /* no cookie yet: connects, then sends */
	assert_int_equal(call_connect(fd, FAR_IP, PORT), -EISCONN);
	assert_int_equal(send_open(fd, "hello", 5, 0), -EISCONN);
	far_accept(l);
	fd = stream(0);
	assert_int_equal(send_open(fd, "hello", 5, 0), 5);
	assert_int_equal(world.stack[NEAR]->tcp.stats.fastopen_taken, 1);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), -EISCONN);
	far = far_accept(l);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 5);
	at(NEAR);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(send_open(fd, "hello", 5, 0), 5);
	assert_int_equal(send_open(fd, "hello", 5, 0), -EALREADY);
	run_ms(10);
	assert_int_equal(spate_send(fd, "!", 1, 0), 1);
}

static void sendto_without_cookie(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	fast_listener();
	assert_int_equal(send_open(fd, "hello", 5, 0), -EINPROGRESS);
	run_ms(10);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	assert_int_equal(spate_send(fd, "hello", 5, 0), 5);
}

/* More than a SYN holds: a blocking send sends the rest behind the handshake, a non-blocking one says what fitted. */
static void more_than_a_syn(void **state)
{
	static char data[20000], got[20000];
	int l = fast_listener(), fd, far;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31 + (i >> 8));
	j1_learn(l);
	fd = stream(0);
	assert_int_equal(send_open(fd, data, sizeof(data), 0), sizeof(data));
	far = far_accept(l);
	run_ms(100);
	at(FAR);
	while (n < sizeof(got)) {
		ssize_t k = spate_recv(far, got + n, sizeof(got) - n, 0);

		assert_true(k > 0);
		n += (size_t)k;
	}
	assert_memory_equal(got, data, sizeof(data));
	at(NEAR);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(send_open(fd, data, sizeof(data), 0), (world_family == WORLD_IP6 ? 1440 : 1460) - 40);
}

/* Refusals in Linux's order. */
static void refusals(void **state)
{
	struct sockaddr_in to = ip4(FAR_IP, PORT);
	int fd = stream(SOCK_NONBLOCK), l = fast_listener();

	(void)state;
	ONLY_IP4();
	assert_int_equal(spate_sys_sendto(fd, "x", 1, MSG_FASTOPEN, NULL, 0), -EINVAL);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, MSG_FASTOPEN, &unspec, sizeof(unspec)), -EOPNOTSUPP);
	to.sin_family = AF_INET6;
	assert_int_equal(spate_sys_sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to)), -EAFNOSUPPORT);
	j1_learn(l);
	/* None of them made the next connect() wait for data. */
	assert_int_equal(call_connect(fd, FAR_IP, PORT), -EINPROGRESS);
	world.stack[NEAR]->tcp.fastopen = 0;
	fd = stream(0);
	assert_int_equal(send_open(fd, "x", 1, 0), -EOPNOTSUPP);
}

/* A request and its answer while the SYN-ACK is on its way: one round trip for all. */
static void one_round_trip(void **state)
{
	struct sim_link slow = {.delay_ns = 20 * MS};
	int l = fast_listener(), fd, far;
	uint64_t start_ns;
	char buf[32];

	(void)state;
	j1_learn(l);
	sim_set_link(world.port[NEAR], 0, &slow);
	sim_set_link(world.port[NEAR], 1, &slow);
	fd = fast_stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, PORT), 0);
	start_ns = world.now_ns;
	assert_int_equal(spate_send(fd, "request", 7, 0), 7);
	run_ms(21);
	far = far_accept(l);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 7);
	assert_int_equal(spate_send(far, "answer", 6, 0), 6);
	at(NEAR);
	run_ms(21);
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 6);
	assert_true(world.now_ns - start_ns < 2 * 20 * MS + 5 * MS);
}

#define row(f) cmocka_unit_test_setup_teardown(f, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(j1_without_cookie), row(j2_to_j5_promised), row(j6_dissolved), row(j6_then_plain), row(j7_closed_port), row(j8_sendto),
		row(sendto_without_cookie), row(more_than_a_syn), row(refusals), row(one_round_trip),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
