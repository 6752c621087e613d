/* dialect_udp_test.c: what each dialect says about datagram sockets, row by row as in the connect semantics (B, G, H). */
#include "dialect.h"

#include <string.h>

static int far_dgram(uint16_t port)
{
	int fd;

	at(FAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(fd, FAR_IP, port), 0);
	at(NEAR);
	return fd;
}

static ssize_t send_x(int fd) { return spate_sys_sendto(fd, "x", 1, 0, NULL, 0); }

static ssize_t send_to(int fd, const char *ip, uint16_t port)
{
	socklen_t len;
	struct sockaddr_storage a = world_addr(ip, port, &len);

	return spate_sys_sendto(fd, "x", 1, 0, (struct sockaddr *)&a, len);
}

/* -EAGAIN: nothing came. */
static ssize_t recv_x(int end, int fd)
{
	ssize_t n;
	char c;

	run_ms(5);
	at(end);
	n = spate_sys_recvfrom(fd, &c, 1, MSG_DONTWAIT, NULL, NULL);
	at(NEAR);
	return n;
}

static int set_int(int fd, int name, int v) { return spate_sys_setsockopt(fd, SOL_SOCKET, name, &v, sizeof(v)); }

/* What BSD says about AF_UNSPEC of this length. */
static int no_unspec(socklen_t len) { return len == sizeof(struct sockaddr_in) ? -EAFNOSUPPORT : -EINVAL; }

static void b2_b11_b12_b13_dissolve(void **state)
{
	struct sockaddr_in zero = {0};
	const struct sockaddr *a = (const struct sockaddr *)&zero;
	int fd = dgram(0);

	(void)state;
	assert_int_equal(spate_sys_connect(fd, a, sizeof(zero)), by(0, no_unspec(16), 0)); /* B2 */
	assert_int_equal(spate_sys_connect(fd, a, 2), by(0, no_unspec(2), 0));
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(spate_sys_connect(fd, a, 1), -EINVAL); /* B13 */
	assert_string_equal(peer_name(fd), FAR_IP ":53");
	assert_int_equal(spate_sys_connect(fd, a, sizeof(zero)), by(0, no_unspec(16), 0)); /* B11, B12: dissolved all the same */
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(send_x(fd), -EDESTADDRREQ);
}

static void b25_b26_broadcast(void **state)
{
	int fd = dgram(0);

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(call_connect(fd, "10.0.0.255", 53), by(-EACCES, 0, -EACCES)); /* B25 */
	assert_string_equal(peer_name(fd), dialect == DIALECT_BSD ? "10.0.0.255:53" : FAR_IP ":53");
	assert_int_equal(send_x(fd), by(1, -EACCES, 1));
	assert_int_equal(set_int(fd, SO_BROADCAST, 1), 0);
	assert_int_equal(call_connect(fd, "10.0.0.255", 53), 0); /* B26 */
	assert_int_equal(send_x(fd), 1);
	assert_int_equal(set_int(fd, SO_BROADCAST, 0), 0);
	assert_int_equal(send_x(fd), by(1, -EACCES, 1));
}

/* B27: the source is the route's, and only the group's own datagrams would be for it. */
static void b27_multicast(void **state)
{
	int fd = dgram(SOCK_NONBLOCK), far = far_dgram(53);

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, "239.1.2.3", 53), 0);
	assert_memory_equal(own_name(fd), NEAR_IP ":", sizeof(NEAR_IP));
	at(FAR);
	assert_int_equal(send_to(far, NEAR_IP, own_port(far)), 1);
	at(NEAR);
	assert_int_equal(recv_x(NEAR, fd), -EAGAIN);
}

static void b29_port_zero(void **state)
{
	int fd = dgram(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 0), by(0, -EADDRNOTAVAIL, 0));
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(send_x(fd), by(1, -EDESTADDRREQ, 1));
}

static void h3_failed_connect(void **state)
{
	int fd = dgram(0), far = far_dgram(53);

	(void)state;
	ONLY_IP4(); /* of IPv6: dialect_ip6_test.c, I5 */
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0); /* H1 */
	assert_int_equal(call_connect(fd, "192.168.7.7", 53), -ENETUNREACH);
	assert_string_equal(peer_name(fd), dialect == DIALECT_BSD ? "-ENOTCONN" : FAR_IP ":53");
	assert_int_equal(send_x(fd), by(1, -EDESTADDRREQ, 1));
	assert_int_equal(recv_x(FAR, far), by(1, -EAGAIN, 1));
}

static void h2_h4_sendto_connected(void **state)
{
	int fd = dgram(0), far = far_dgram(53), other = far_dgram(54);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 60), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0); /* H2 */
	assert_int_equal(send_to(fd, FAR_IP, 54), by(1, -EISCONN, 1)); /* H4 */
	assert_int_equal(send_x(fd), 1);
	assert_int_equal(recv_x(FAR, other), by(1, -EAGAIN, 1));
	assert_int_equal(recv_x(FAR, far), 1);
}

static int refused_dgram(void)
{
	int fd = dgram(SOCK_NONBLOCK);

	assert_int_equal(call_connect(fd, FAR_IP, 99), 0);
	assert_int_equal(send_x(fd), 1);
	run_ms(5);
	return fd;
}

static void h9_h10_h11_pending_errors(void **state)
{
	int fd = refused_dgram();

	(void)state;
	assert_int_equal(poll_now(fd), by(POLLOUT | POLLERR, POLLIN | POLLOUT, POLLOUT | POLLERR)); /* H9, E11 */
	assert_int_equal(send_x(fd), -ECONNREFUSED);
	fd = refused_dgram();
	assert_int_equal(call_connect(fd, FAR_IP, 98), 0); /* H10 */
	assert_int_equal(so_error(fd), by(ECONNREFUSED, 0, ECONNREFUSED));
	fd = refused_dgram();
	assert_int_equal(dissolve(fd), by(0, no_unspec(sizeof(unspec)), 0)); /* H11 */
	assert_int_equal(so_error(fd), by(ECONNREFUSED, 0, ECONNREFUSED));
}

static void h18_same_pair(void **state)
{
	int a = dgram(0), b = dgram(0);

	(void)state;
	assert_int_equal(set_int(a, SO_REUSEPORT, 1), 0);
	assert_int_equal(set_int(b, SO_REUSEPORT, 1), 0);
	assert_int_equal(call_bind(a, NEAR_IP, 7000), 0);
	assert_int_equal(call_bind(b, NEAR_IP, 7000), 0);
	assert_int_equal(call_connect(a, FAR_IP, 53), 0);
	assert_int_equal(call_connect(b, FAR_IP, 53), by(0, -EADDRINUSE, 0));
	assert_string_equal(peer_name(a), FAR_IP ":53");
	assert_string_equal(peer_name(b), dialect == DIALECT_BSD ? "-ENOTCONN" : FAR_IP ":53");
	assert_int_equal(call_connect(b, FAR_IP, 54), 0);
}

static void h21_no_route(void **state)
{
	int fd = dgram(0);

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, "192.168.7.7", 53), -ENETUNREACH);
	assert_true(dialect == DIALECT_BSD ? own_port(fd) == 0 : own_port(fd) != 0);
}

static void h22_class_e(void **state)
{
	(void)state;
	ONLY_IP4();
	assert_int_equal(net_gw_add(&world.stack[NEAR]->net, ip4(FAR_IP, 0).sin_addr.s_addr), 0);
	assert_int_equal(call_connect(dgram(0), "240.0.0.1", 53), 0);
}

/* G18; of memory that is short A25 speaks. */
static void g18_ports(void **state)
{
	uint16_t *hi = &world.stack[NEAR]->udp.port_hi, before = *hi;

	(void)state;
	*hi = (uint16_t)(world.stack[NEAR]->udp.port_lo + 1);
	assert_int_equal(call_connect(dgram(0), FAR_IP, 53), 0);
	assert_int_equal(call_connect(dgram(0), FAR_IP, 54), 0);
	assert_int_equal(call_connect(dgram(0), FAR_IP, 55), by(-EAGAIN, -EADDRNOTAVAIL, -EAGAIN));
	*hi = before;
}

/* H23: AF_INET on a datagram socket of AF_INET6. */
static void h23_family(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 53);

	(void)state;
	if (world_family != WORLD_IP6)
		skip();
	assert_int_equal(spate_sys_connect(dgram(0), (struct sockaddr *)&in, sizeof(in)), by(0, -EINVAL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIALECTS(b2_b11_b12_b13_dissolve), IN_DIALECTS(b25_b26_broadcast), IN_DIALECTS(b27_multicast),
		IN_DIALECTS(b29_port_zero), IN_DIALECTS(h3_failed_connect), IN_DIALECTS(h2_h4_sendto_connected),
		IN_DIALECTS(h9_h10_h11_pending_errors), IN_DIALECTS(h18_same_pair), IN_DIALECTS(h21_no_route),
		IN_DIALECTS(h22_class_e), IN_DIALECTS(g18_ports), IN_DIALECTS(h23_family),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
