/* option_test.c: options, timeouts that are kept beside the slots, names. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "flow/port_range.h"
#include "world.h"

static void set_int(int fd, int level, int name, int v)
{
	assert_int_equal(spate_sys_setsockopt(fd, level, name, &v, sizeof(v)), 0);
}

static int get_int(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(spate_sys_getsockopt(fd, level, name, &v, &len), 0);
	assert_int_equal(len, sizeof(v));
	return v;
}

static void options(void **state)
{
	int s = stream(0), d = dgram(0), l = far_listener(80, 0), v = 1;
	struct timeval tv = {.tv_sec = 3, .tv_usec = 250000}, got = {0};
	struct linger li = {.l_onoff = 1, .l_linger = 5}, li_got = {0};
	socklen_t len;

	(void)state;
	assert_int_equal(get_int(s, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(get_int(d, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_DOMAIN), AF_INET);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	assert_int_equal(get_int(d, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_ACCEPTCONN), 0);
	at(FAR);
	assert_int_equal(get_int(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	at(NEAR);
	for (int i = 0; i < 2; i++) {
		int fd = i == 0 ? s : d;

		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 5);
		set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
		set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		set_int(fd, IPPROTO_IP, IP_TOS, 0x10);
		set_int(fd, IPPROTO_IP, IP_TTL, 7);
		set_int(fd, SOL_SOCKET, SO_RCVBUF, 50000);
		set_int(fd, SOL_SOCKET, SO_SNDBUF, 60000);
		assert_int_equal(get_int(fd, SOL_SOCKET, SO_REUSEADDR), 1);
		assert_int_equal(get_int(fd, SOL_SOCKET, SO_REUSEPORT), 1);
		assert_int_equal(get_int(fd, SOL_SOCKET, SO_BROADCAST), 1);
		assert_int_equal(get_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), 1);
		assert_int_equal(get_int(fd, IPPROTO_IP, IP_TOS), 0x10);
		assert_int_equal(get_int(fd, IPPROTO_IP, IP_TTL), 7);
		assert_int_equal(get_int(fd, SOL_SOCKET, SO_RCVBUF), 100000);
		assert_int_equal(get_int(fd, SOL_SOCKET, SO_SNDBUF), 120000);
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0);
		assert_int_equal(get_int(fd, SOL_SOCKET, SO_REUSEADDR), 0);
		assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_TYPE, &v, sizeof(v)), -ENOPROTOOPT);
		assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, 9999, &v, sizeof(v)), -ENOPROTOOPT);
		assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, 3), -EINVAL);
		assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4), -EFAULT);
		assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
		len = sizeof(got);
		assert_int_equal(spate_getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got, &len), 0);
		assert_memory_equal(&got, &tv, sizeof(tv));
		assert_int_equal(spate_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &got, &len), 0);
		assert_int_equal(got.tv_sec + got.tv_usec, 0);
	}
	tv.tv_usec = 1000000;
	assert_int_equal(spate_sys_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), -EDOM);
	assert_int_equal(spate_sys_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, 8), -EINVAL);
	set_int(s, SOL_SOCKET, SO_KEEPALIVE, 1);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_KEEPALIVE), 1);
	set_int(s, IPPROTO_TCP, OPT_TCP_NODELAY, 1);
	assert_int_equal(get_int(s, IPPROTO_TCP, OPT_TCP_NODELAY), 1);
	assert_int_equal(spate_sys_setsockopt(s, SOL_SOCKET, SO_LINGER, &li, sizeof(li)), 0);
	len = sizeof(li_got);
	assert_int_equal(spate_sys_getsockopt(s, SOL_SOCKET, SO_LINGER, &li_got, &len), 0);
	assert_memory_equal(&li, &li_got, sizeof(li));
	assert_int_equal(spate_sys_getsockopt(d, IPPROTO_TCP, OPT_TCP_NODELAY, &v, &len), -ENOPROTOOPT);
}

/* G14 to G16 for both kinds of socket, and Linux's checks of the value. */
static void port_range(void **state)
{
	const uint32_t range = 40000 | 40003u << 16, backwards = 40003 | 40000u << 16;
	int l = far_listener(80, 0), fds[2] = {stream(0), dgram(0)};

	(void)state;
	assert_true(l > 0);
	for (int i = 0; i < 2; i++) {
		int fd = fds[i];

		assert_int_equal(get_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE), 0);
		assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &backwards, 4), -EINVAL);
		assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, 1), -EINVAL);
		assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, 8), -EINVAL);
		set_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)range);
		assert_int_equal(get_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE), (int)range);
		assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
		assert_in_range(own_port(fd), 40000, 40003);
	}
	/* A stream's port is busy to one destination from one of our two addresses, a datagram's to all from all (G18). */
	for (int i = 0; i < 8; i++) {
		int s = stream(0), d = dgram(0);

		set_int(s, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)range);
		set_int(d, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)range);
		assert_int_equal(call_connect(s, FAR_IP, 80), i < 7 ? 0 : -EADDRNOTAVAIL);
		assert_int_equal(call_bind(d, "0.0.0.0", 0), i < 3 ? 0 : -EADDRINUSE);
		if (i < 3)
			assert_in_range(own_port(d), 40000, 40003);
		else
			assert_int_equal(call_connect(d, FAR_IP, 81), -EAGAIN);
	}
}

/* Timeouts live beside the slots: many, set, cleared and given back with the socket. */
static void many_timeouts(void **state)
{
	static int fd[1000];
	struct timeval tv = {0};
	socklen_t len = sizeof(tv);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++) {
			fd[i] = i % 2 ? dgram(0) : stream(0);
			tv = (struct timeval){.tv_sec = i + 1};
			assert_int_equal(spate_setsockopt(fd[i], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
		}
		for (int i = 0; i < 1000; i++) {
			assert_int_equal(spate_getsockopt(fd[i], SOL_SOCKET, SO_SNDTIMEO, &tv, &len), 0);
			assert_int_equal(tv.tv_sec, i + 1);
		}
		assert_int_equal(world.env[NEAR].sides.used, 1000);
		for (int i = 0; i < 1000; i++)
			assert_int_equal(spate_close(fd[(i * 7) % 1000]), 0);
		assert_int_equal(world.env[NEAR].sides.used, 0);
	}
}

static void names_are_cut(void **state)
{
	int fd = stream(0);
	struct sockaddr_in a;
	socklen_t len = 4;

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	memset(&a, 0xaa, sizeof(a));
	assert_int_equal(spate_getsockname(fd, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(len, 16);
	assert_int_equal(a.sin_port, htons(7000));
	assert_int_equal(a.sin_addr.s_addr, 0xaaaaaaaa);
	len = (socklen_t)-1;
	assert_int_equal(spate_sys_getsockname(fd, (struct sockaddr *)&a, &len), -EINVAL);
	assert_int_equal(spate_sys_getsockname(fd, NULL, &len), -EFAULT);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(options),
		IN_WORLD(port_range),
		IN_WORLD(many_timeouts),
		IN_WORLD(names_are_cut),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
