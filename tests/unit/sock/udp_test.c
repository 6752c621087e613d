/* udp_test.c: datagram sockets through the calls: section H of the connect semantics, and the datagram rows of the
 * other sections. */
#include <arpa/inet.h>
#include <string.h>

#include "world.h"

/* A datagram socket at the far end's port. */
static int far_dgram(uint16_t port)
{
	int fd;

	at(FAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(fd, FAR_IP, port), 0);
	at(NEAR);
	return fd;
}

static ssize_t send_text(int fd, const char *text) { return spate_sys_sendto(fd, text, strlen(text), 0, NULL, 0); }

static ssize_t send_to(int fd, const char *text, const char *ip, uint16_t port)
{
	socklen_t len;
	struct sockaddr_storage a = world_addr(ip, port, &len);

	return spate_sys_sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, len);
}

/* What arrived, as text; "" with -errno in *rc when nothing did. */
static const char *recv_text(int fd, ssize_t *rc, struct sockaddr_in *from)
{
	static char buf[2048];
	socklen_t len = sizeof(*from);
	struct sockaddr *name = (struct sockaddr *)from;

	*rc = spate_sys_recvfrom(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT, name, from != NULL ? &len : NULL);
	buf[*rc > 0 ? *rc : 0] = 0;
	return buf;
}

static void expect_text(int fd, const char *want)
{
	ssize_t rc;

	run_ms(5);
	assert_string_equal(recv_text(fd, &rc, NULL), want);
}

static void expect_nothing(int fd)
{
	ssize_t rc;

	run_ms(5);
	recv_text(fd, &rc, NULL);
	assert_int_equal(rc, -EAGAIN);
}

static void h1_connect_is_local(void **state)
{
	uint64_t sent = world.stack[NEAR]->udp.tx;
	int fd = dgram(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_string_equal(peer_name(fd), FAR_IP ":53");
	assert_memory_equal(own_name(fd), NEAR_IP ":", sizeof(NEAR_IP));
	assert_true(own_port(fd) >= 1024);
	run_ms(5);
	assert_int_equal(world.stack[NEAR]->udp.tx, sent);
	assert_int_equal(poll_now(fd), POLLOUT); /* E10 */
}

static void h2_connect_again_keeps_port(void **state)
{
	int fd = dgram(0), b = far_dgram(54);
	uint16_t port;

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	port = own_port(fd);
	assert_int_equal(call_connect(fd, FAR_IP, 54), 0);
	assert_int_equal(own_port(fd), port);
	assert_int_equal(send_text(fd, "two"), 3);
	at(FAR);
	expect_text(b, "two");
}

static void h3_failed_connect_keeps_peer(void **state)
{
	int fd = dgram(0), b = far_dgram(53);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(call_connect(fd, "192.168.7.7", 53), -ENETUNREACH);
	assert_string_equal(peer_name(fd), FAR_IP ":53");
	assert_int_equal(send_text(fd, "still"), 5);
	at(FAR);
	expect_text(b, "still");
}

static void h4_sendto_while_connected(void **state)
{
	int fd = dgram(0), b = far_dgram(53), other = far_dgram(54);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(send_to(fd, "once", FAR_IP, 54), 4);
	assert_int_equal(send_text(fd, "peer"), 4);
	at(FAR);
	expect_text(other, "once");
	expect_text(b, "peer");
	expect_nothing(other);
}

static void h5_no_address(void **state)
{
	int fd = dgram(0);

	(void)state;
	assert_int_equal(send_text(fd, "x"), -EDESTADDRREQ);
	assert_int_not_equal(own_port(fd), 0); /* as Linux */
}

static void h6_h7_filter(void **state)
{
	int fd = dgram(SOCK_NONBLOCK), friend_ = far_dgram(53), stranger = far_dgram(54);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	at(FAR);
	assert_int_equal(call_connect(stranger, NEAR_IP, 7000), 0); /* to hear the port unreachable */
	assert_int_equal(send_text(stranger, "no"), 2);
	assert_int_equal(send_to(friend_, "yes", NEAR_IP, 7000), 3);
	at(NEAR);
	expect_text(fd, "yes");
	expect_nothing(fd);
	at(FAR);
	assert_int_equal(so_error(stranger), ECONNREFUSED);
	at(NEAR);
	/* H7: from anyone again after dissolving; the bound port is kept (B11). */
	assert_int_equal(spate_sys_connect(fd, &unspec, sizeof(unspec)), 0);
	assert_string_equal(own_name(fd), NEAR_IP ":7000");
	at(FAR);
	assert_int_equal(send_text(stranger, "now"), 3);
	at(NEAR);
	expect_text(fd, "now");
}

static void h8_queued_before_connect(void **state)
{
	int fd = dgram(SOCK_NONBLOCK), b = far_dgram(54);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	at(FAR);
	assert_int_equal(send_to(b, "early", NEAR_IP, 7000), 5);
	run_ms(5);
	at(NEAR);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	expect_text(fd, "early");
}

static int refused_dgram(void)
{
	int fd = dgram(SOCK_NONBLOCK);

	assert_int_equal(call_connect(fd, FAR_IP, 99), 0);
	assert_int_equal(send_text(fd, "x"), 1);
	run_ms(5);
	return fd;
}

static void h9_e11_port_closed(void **state)
{
	int fd = refused_dgram();
	uint64_t sent;
	ssize_t rc;

	(void)state;
	assert_int_equal(poll_now(fd), POLLOUT | POLLERR);
	recv_text(fd, &rc, NULL);
	assert_int_equal(rc, -ECONNREFUSED);
	recv_text(fd, &rc, NULL);
	assert_int_equal(rc, -EAGAIN);
	assert_int_equal(poll_now(fd), POLLOUT);
	fd = refused_dgram();
	sent = world.stack[NEAR]->udp.tx;
	assert_int_equal(send_text(fd, "x"), -ECONNREFUSED); /* and does not transmit */
	assert_int_equal(world.stack[NEAR]->udp.tx, sent);
	assert_int_equal(send_text(fd, "x"), 1);
	run_ms(5);
	assert_int_equal(so_error(fd), ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
}

static void h10_h11_error_stays(void **state)
{
	int fd = refused_dgram();

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 98), 0);
	assert_int_equal(so_error(fd), ECONNREFUSED);
	fd = refused_dgram();
	assert_int_equal(spate_sys_connect(fd, &unspec, sizeof(unspec)), 0);
	assert_int_equal(so_error(fd), ECONNREFUSED);
}

static void h12_unconnected_hears_nothing(void **state)
{
	int fd = dgram(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(send_to(fd, "x", FAR_IP, 99), 1);
	run_ms(5);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(send_to(fd, "x", FAR_IP, 99), 1);
}

static void h17_shutdown(void **state)
{
	int fd = dgram(SOCK_NONBLOCK);
	ssize_t rc;

	(void)state;
	assert_int_equal(spate_sys_shutdown(fd, SHUT_RDWR), -ENOTCONN);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(send_text(fd, "x"), -EPIPE);
	recv_text(fd, &rc, NULL);
	assert_int_equal(rc, 0);
}

static void h18_same_pair_twice(void **state)
{
	int a = dgram(0), b = dgram(0), one = 1;

	(void)state;
	assert_int_equal(spate_sys_setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(spate_sys_setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(call_bind(a, NEAR_IP, 7000), 0);
	assert_int_equal(call_bind(b, NEAR_IP, 7000), 0);
	assert_int_equal(call_connect(a, FAR_IP, 53), 0);
	assert_int_equal(call_connect(b, FAR_IP, 53), 0);
}

static void h19_self_connect(void **state)
{
	int fd = dgram(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(call_connect(fd, NEAR_IP, 7000), 0);
	assert_int_equal(send_text(fd, "me"), 2);
	expect_text(fd, "me");
}

static void h21_port_bound_without_route(void **state)
{
	int fd = dgram(0);

	(void)state;
	assert_int_equal(call_connect(fd, "192.168.7.7", 53), -ENETUNREACH);
	assert_true(own_port(fd) != 0);
	assert_memory_equal(own_name(fd), "0.0.0.0:", 8);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
}

static void g18_ports_exhausted(void **state)
{
	int fd[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fd[i] = dgram(0);
		assert_int_equal(call_connect(fd[i], FAR_IP, (uint16_t)(53 + i)), 0);
	}
	assert_int_equal(call_connect(dgram(0), FAR_IP, 60), -EAGAIN);
	assert_int_equal(spate_sys_close(fd[2]), 0);
	assert_int_equal(call_connect(dgram(0), FAR_IP, 60), 0);
}

static int four_ports(void **state)
{
	(void)state;
	return world_make_ports(5000, 5003);
}

static void b2_b11_b12_b13_dissolve(void **state)
{
	struct sockaddr_in zero = {0};
	int fd = dgram(0);

	(void)state;
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&zero, sizeof(zero)), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&zero, 1), -EINVAL);
	assert_string_equal(peer_name(fd), FAR_IP ":53");
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&zero, sizeof(zero)), 0);
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(send_text(fd, "x"), -EDESTADDRREQ);
}

static void b15_any_is_self(void **state)
{
	int fd = dgram(0);

	(void)state;
	if (world_family == WORLD_MAPPED) /* :: is of IPv6 */
		skip();
	assert_int_equal(call_connect(fd, "0.0.0.0", 53), 0);
	assert_string_equal(peer_name(fd), "127.0.0.1:53");
	assert_memory_equal(own_name(fd), "127.0.0.1:", 10);
}

static void b25_broadcast(void **state)
{
	int fd = dgram(0), one = 1, zero = 0;

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(call_connect(fd, "10.0.0.255", 53), -EACCES);
	assert_string_equal(peer_name(fd), FAR_IP ":53");
	assert_int_equal(send_to(fd, "x", "10.0.0.255", 53), -EACCES);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)), 0);
	assert_int_equal(call_connect(fd, "10.0.0.255", 53), 0); /* B26 */
	assert_string_equal(peer_name(fd), "10.0.0.255:53");
	assert_int_equal(send_to(fd, "x", "255.255.255.255", 53), 1);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &zero, sizeof(zero)), 0);
	assert_int_equal(send_to(fd, "x", "255.255.255.255", 53), -EACCES);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1); /* clearing the option does not stop what is connected */
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)), 0);
	assert_int_equal(send_to(fd, "x", "255.255.255.255", 53), 1);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &zero, sizeof(zero)), 0);
	assert_int_equal(send_to(fd, "x", "255.255.255.255", 53), -EACCES);
}

static void b29_port_zero(void **state)
{
	int fd = dgram(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 0), 0);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(send_text(fd, "x"), 1);
}

static void recv_flags_and_names(void **state)
{
	int fd = dgram(SOCK_NONBLOCK), b = far_dgram(53), n = -1;
	char buf[8] = {0};
	struct sockaddr_in from = {0};
	struct iovec iov[2] = {{buf, 2}, {buf + 4, 2}};
	struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = iov, .msg_iovlen = 2,
			     .msg_controllen = 0};
	ssize_t rc;

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_bind(fd, "0.0.0.0", 7000), 0);
	at(FAR);
	assert_int_equal(send_to(b, "abcdef", NEAR_IP2, 7000), 6);
	assert_int_equal(send_to(b, "second", NEAR_IP2, 7000), 6);
	run_ms(5);
	at(NEAR);
	assert_int_equal(spate_ioctl(fd, FIONREAD, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(spate_sys_recvmsg(fd, &msg, MSG_PEEK), 4);
	assert_int_equal(msg.msg_flags, MSG_TRUNC);
	assert_memory_equal(buf, "ab\0\0cd\0\0", 8);
	assert_int_equal(msg.msg_namelen, sizeof(from));
	assert_int_equal(from.sin_port, htons(53));
	assert_int_equal(from.sin_addr.s_addr, inet_addr(FAR_IP));
	assert_int_equal(spate_sys_recvfrom(fd, buf, 3, MSG_TRUNC, NULL, NULL), 6);
	assert_string_equal(recv_text(fd, &rc, &from), "second");
	assert_int_equal(spate_sys_recvfrom(fd, buf, 3, 0, NULL, NULL), -EAGAIN);
}

static void blocking_recv_and_timeout(void **state)
{
	int fd = dgram(0), b = far_dgram(53);
	struct timeval tv = {.tv_usec = 30000};
	uint64_t before;
	char buf[8];

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	at(FAR);
	assert_int_equal(send_to(b, "wake", NEAR_IP, 7000), 4);
	at(NEAR);
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 4);
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	before = world.now_ns;
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_in_range(world.now_ns - before, 30 * MS, 33 * MS);
}

static void too_large(void **state)
{
	static char big[70000];
	int fd = dgram(0), b = far_dgram(53);
	ssize_t rc;

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(spate_sys_sendto(fd, big, 65508, 0, NULL, 0), -EMSGSIZE);
	assert_int_equal(spate_sys_sendto(fd, big, 1473, 0, NULL, 0), 1473); /* in two fragments */
	assert_int_equal(spate_sys_sendto(fd, big, 1472, 0, NULL, 0), 1472);
	assert_int_equal(spate_sys_sendto(fd, big, 0, 0, NULL, 0), 0);
	at(FAR);
	run_ms(5);
	recv_text(b, &rc, NULL);
	assert_int_equal(rc, 1473);
	recv_text(b, &rc, NULL);
	assert_int_equal(rc, 1472);
	recv_text(b, &rc, NULL);
	assert_int_equal(rc, 0);
	recv_text(b, &rc, NULL);
	assert_int_equal(rc, -EAGAIN);
}

static void receive_buffer_is_bounded(void **state)
{
	int fd = dgram(0), b = far_dgram(53), size = 2048, n = 0;
	static char data[1000];
	ssize_t rc = 0;

	(void)state;
	at(FAR);
	assert_int_equal(spate_sys_setsockopt(b, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0); /* doubled: 4096 */
	at(NEAR);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(spate_sys_sendto(fd, data, sizeof(data), 0, NULL, 0), 1000);
		run_ms(1);
	}
	at(FAR);
	while (recv_text(b, &rc, NULL), rc > 0)
		n++;
	assert_int_equal(n, 4);
	assert_int_equal(world.stack[FAR]->drops.n[DROP_UDP_FULL], 6);
}

static void bind_rules(void **state)
{
	int a = dgram(0), b = dgram(0);
	struct sockaddr_in in = ip4(NEAR_IP, 7000);

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_bind(a, "10.0.0.77", 7000), -EADDRNOTAVAIL); /* G6 */
	assert_int_equal(spate_sys_bind(a, (struct sockaddr *)&in, 15), -EINVAL);
	assert_int_equal(spate_sys_bind(a, NULL, 16), -EFAULT);
	in.sin_family = AF_INET6;
	assert_int_equal(spate_sys_bind(a, (struct sockaddr *)&in, 16), -EAFNOSUPPORT);
	assert_int_equal(call_bind(a, NEAR_IP, 7000), 0);
	assert_int_equal(call_bind(a, NEAR_IP, 7001), -EINVAL); /* G5 */
	assert_int_equal(call_bind(b, NEAR_IP, 7000), -EADDRINUSE);
	assert_int_equal(call_bind(b, NEAR_IP2, 7000), 0);
	assert_int_equal(call_bind(dgram(0), "0.0.0.0", 7000), -EADDRINUSE);
}

static void g4_bind_address_no_port(void **state)
{
	int fd = dgram(0), one = 1;

	(void)state;
	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)), 0);
	assert_int_equal(call_bind(fd, NEAR_IP2, 0), 0);
	assert_string_equal(own_name(fd), NEAR_IP2 ":0");
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_memory_equal(own_name(fd), NEAR_IP2 ":", sizeof(NEAR_IP2));
	assert_true(own_port(fd) != 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(h1_connect_is_local),
		IN_WORLD(h2_connect_again_keeps_port),
		IN_WORLD(h3_failed_connect_keeps_peer),
		IN_WORLD(h4_sendto_while_connected),
		IN_WORLD(h5_no_address),
		IN_WORLD(h6_h7_filter),
		IN_WORLD(h8_queued_before_connect),
		IN_WORLD(h9_e11_port_closed),
		IN_WORLD(h10_h11_error_stays),
		IN_WORLD(h12_unconnected_hears_nothing),
		IN_WORLD(h17_shutdown),
		IN_WORLD(h18_same_pair_twice),
		IN_WORLD(h19_self_connect),
		IN_WORLD(h21_port_bound_without_route),
		IN_WORLD(b2_b11_b12_b13_dissolve),
		IN_WORLD(b15_any_is_self),
		IN_WORLD(b25_broadcast),
		IN_WORLD(b29_port_zero),
		IN_WORLD(recv_flags_and_names),
		IN_WORLD(blocking_recv_and_timeout),
		IN_WORLD(too_large),
		IN_WORLD(receive_buffer_is_bounded),
		IN_WORLD(bind_rules),
		IN_WORLD(g4_bind_address_no_port),
		cmocka_unit_test_setup_teardown(g18_ports_exhausted, four_ports, world_end),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
