/* start_test.c: spate_start() and its threads on the simulated link: two threads, a stack each, a real clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spate/socket.h"

#define REQUESTS 200

static struct spate_config *config;
static atomic_int server_state; /* 1: listening; the client sets 2: done */

static void set(const char *name, const char *value)
{
	char err[256] = "";

	if (spate_config_set(config, name, value, err, sizeof(err)) != 0)
		fail_msg("%s=%s: %s", name, value, err);
}

static struct sockaddr_in far_address(void)
{
	const in_addr_t far = inet_addr("10.1.0.2");

	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = far};
}

/* Echoes on the far end until the client is done. Returns NULL, or the number of the line that failed. */
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			return (void *)(intptr_t)__LINE__; \
	} while (0)

static void *server(void *arg)
{
	struct sockaddr_in in = far_address();
	struct epoll_event ev[16], add = {.events = EPOLLIN};
	int l, ep, one = 1;
	char buf[64];

	(void)arg;
	CHECK(spate_attach(1) == 0);
	l = spate_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(spate_setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	CHECK(spate_bind(l, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(spate_listen(l, 64) == 0);
	ep = spate_epoll_create1(0);
	add.data.fd = l;
	CHECK(spate_epoll_ctl(ep, EPOLL_CTL_ADD, l, &add) == 0);
	atomic_store(&server_state, 1);
	while (atomic_load(&server_state) != 2) {
		int n = spate_epoll_wait(ep, ev, 16, 10);

		CHECK(n >= 0);
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;
			ssize_t got;

			if (fd == l) {
				add.data.fd = spate_accept4(l, NULL, NULL, SOCK_NONBLOCK);
				CHECK(add.data.fd > 2);
				CHECK(spate_epoll_ctl(ep, EPOLL_CTL_ADD, add.data.fd, &add) == 0);
				continue;
			}
			got = spate_read(fd, buf, sizeof(buf));
			if (got <= 0)
				CHECK(spate_close(fd) == 0);
			else
				CHECK(spate_write(fd, buf, (size_t)got) == got);
		}
	}
	spate_detach();
	return NULL;
}

static void request(int i)
{
	struct sockaddr_in in = far_address();
	int fd = spate_socket(AF_INET, SOCK_STREAM, 0);
	char out[32], back[32] = {0};

	snprintf(out, sizeof(out), "request %d", i);
	assert_true(fd > 2);
	assert_int_equal(spate_connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(spate_write(fd, out, strlen(out)), strlen(out));
	assert_int_equal(spate_read(fd, back, sizeof(back) - 1), strlen(out));
	assert_string_equal(back, out);
	assert_int_equal(spate_close(fd), 0);
}

static uint64_t counter(const char *wanted)
{
	const char *name;
	uint64_t value;

	for (unsigned i = 0; spate_counter(i, &name, &value) == 0; i++)
		if (strcmp(name, wanted) == 0)
			return value;
	fail_msg("no counter %s", wanted);
	return 0;
}

static int bind_to(int fd, const char *ip)
{
	const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(ip)};

	return spate_sys_bind(fd, (const struct sockaddr *)&in, sizeof(in));
}

static void expect_error(int rc, int want, const char *err, const char *words)
{
	assert_int_equal(rc, want);
	if (strstr(err, words) == NULL)
		fail_msg("'%s' does not say '%s'", err, words);
}

static int bind_to6(int fd, const char *ip)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
	return spate_sys_bind(fd, (const struct sockaddr *)&a, sizeof(a));
}

/* The same of IPv6 as far as it is different. */
static void addresses6_come_and_go(void)
{
	char err[256] = "";
	int fd = spate_socket(AF_INET6, SOCK_STREAM, 0), late = spate_socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(81)};

	assert_true(spate_settled()); /* sim asks nobody */
	assert_int_equal(inet_pton(AF_INET6, "fd00::2", &to.sin6_addr), 1);
	assert_int_equal(bind_to6(fd, "fd00::77"), -EADDRNOTAVAIL);
	expect_error(spate_address_add("fd00::77", NULL, err, sizeof(err)), -EINVAL, err, "prefix length");
	expect_error(spate_address_add("fd00::7-fd00::9/64", NULL, err, sizeof(err)), -EINVAL, err, "one address");
	expect_error(spate_address_add("fd00::77/64", "sim", err, sizeof(err)), -ENODEV, err, "no such network interface");
	expect_error(spate_address_add("fd00::1/64", NULL, err, sizeof(err)), -EEXIST, err, "already");
	expect_error(spate_address_remove("fd00::77", err, sizeof(err)), -ENOENT, err, "not one of ours");
	expect_error(spate_gateway_add("fd09::1", NULL, err, sizeof(err)), -EINVAL, err, "none of our addresses");
	assert_int_equal(spate_address_add("fd00::77/64", "sim.7", err, sizeof(err)), 0);
	assert_int_equal(spate_gateway_add("fd00::2", NULL, err, sizeof(err)), 0);
	assert_int_equal(spate_gateway_add("fe80::2", "sim.7", err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(bind_to6(fd, "fd00::77"), 0);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&to, sizeof(to)), -ECONNREFUSED); /* there and back */
	assert_int_equal(bind_to6(late, "fd00::77"), 0);
	assert_int_equal(spate_address_remove("fd00::77/64", err, sizeof(err)), 0);
	assert_int_equal(spate_gateway_remove("fd00::2", err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(spate_sys_connect(late, (struct sockaddr *)&to, sizeof(to)), -EADDRNOTAVAIL);
	assert_int_equal(spate_close(fd), 0);
	assert_int_equal(spate_close(late), 0);
}

/* A connection from an address that comes, and goes while it is used. */
static void addresses_come_and_go(void)
{
	char err[256] = "", back[8] = "";
	struct sockaddr_in to = far_address();
	int fd = spate_socket(AF_INET, SOCK_STREAM, 0), other = spate_socket(AF_INET, SOCK_STREAM, 0);
	int late = spate_socket(AF_INET, SOCK_STREAM, 0), dgram = spate_socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind_to(fd, "10.1.0.77"), -EADDRNOTAVAIL);
	expect_error(spate_address_add("10.1.0.77", NULL, err, sizeof(err)), -EINVAL, err, "prefix length");
	expect_error(spate_address_add("10.1.0.7-10.1.0.9/24", NULL, err, sizeof(err)), -EINVAL, err, "one address");
	expect_error(spate_address_add("10.1.0.77/24", "sim", err, sizeof(err)), -ENODEV, err, "no such network interface");
	expect_error(spate_address_add("10.1.0.1/24", NULL, err, sizeof(err)), -EEXIST, err, "already");
	expect_error(spate_address_remove("10.1.0.77", err, sizeof(err)), -ENOENT, err, "not one of ours");
	expect_error(spate_gateway_add("10.9.0.1", NULL, err, sizeof(err)), -EINVAL, err, "none of our addresses");
	assert_int_equal(spate_address_add("10.1.0.77/24", "sim.7", err, sizeof(err)), 0);
	assert_int_equal(spate_gateway_add("10.1.0.2", NULL, err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(bind_to(fd, "10.1.0.77"), 0);
	assert_int_equal(spate_connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(bind_to(late, "10.1.0.77"), 0);
	assert_int_equal(bind_to(dgram, "10.1.0.77"), 0);
	assert_int_equal(spate_address_remove("10.1.0.77/24", err, sizeof(err)), 0);
	assert_int_equal(spate_gateway_remove("10.1.0.2", err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(bind_to(other, "10.1.0.77"), -EADDRNOTAVAIL);
	assert_int_equal(spate_sys_connect(late, (struct sockaddr *)&to, sizeof(to)), -EADDRNOTAVAIL);
	assert_int_equal(spate_sys_connect(dgram, (struct sockaddr *)&to, sizeof(to)), -EADDRNOTAVAIL);
	assert_int_equal(spate_write(fd, "still", 5), 5); /* goes on to its end */
	assert_int_equal(spate_read(fd, back, sizeof(back)), 5);
	assert_memory_equal(back, "still", 5);
	assert_int_equal(spate_close(fd), 0);
	assert_int_equal(spate_close(other), 0);
	assert_int_equal(spate_close(late), 0);
	assert_int_equal(spate_close(dgram), 0);
}

/* The errno of a connect() to this address and port, 0 for none. */
static int connect_errno(const char *ip, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool ip4 = inet_pton(AF_INET, ip, &in.sin_addr) == 1;
	int fd, rc;

	assert_true(ip4 || inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1);
	fd = spate_socket(ip4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	rc = ip4 ? spate_sys_connect(fd, (struct sockaddr *)&in, sizeof(in)) : spate_sys_connect(fd, (struct sockaddr *)&in6, sizeof(in6));
	assert_int_equal(spate_close(fd), 0);
	return -rc;
}

/* Routes of the configuration, and those that come and go. */
static void routes_come_and_go(void)
{
	static const struct { const char *route, *interface; int rc; const char *says; } bad[] = {
		{"10.1.0.1/16", NULL, -EINVAL, "bits behind its prefix"},
		{"198.51.100.0/24 via 10.1.0.2", "sim", -ENODEV, "no such network interface"},
		{"2001:db8:1::/48 via 10.1.0.2", NULL, -EINVAL, "mixes"},
	};
	char err[256] = "";

	assert_int_equal(connect_errno("203.0.113.9", 80), EHOSTUNREACH); /* of the configuration */
	assert_int_equal(connect_errno("2001:db8:9::9", 80), EACCES);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		expect_error(spate_route_add(bad[i].route, bad[i].interface, err, sizeof(err)), bad[i].rc, err, bad[i].says);
		expect_error(spate_route_remove(bad[i].route, bad[i].interface, err, sizeof(err)), bad[i].rc, err, bad[i].says);
	}
	assert_int_equal(connect_errno("198.51.100.9", 80), ENETUNREACH);
	assert_int_equal(spate_route_add("prohibit 198.51.100.0/24", NULL, err, sizeof(err)), 0);
	assert_int_equal(spate_route_add("unreachable 2001:db8:7::/48", NULL, err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(connect_errno("198.51.100.9", 80), EACCES);
	assert_int_equal(connect_errno("2001:db8:7::9", 80), EHOSTUNREACH);
	assert_int_equal(spate_route_remove("prohibit 198.51.100.0/24", NULL, err, sizeof(err)), 0);
	assert_int_equal(spate_route_remove("unreachable 2001:db8:7::/48", NULL, err, sizeof(err)), 0);
	assert_int_equal(spate_route_remove("unreachable 203.0.113.0/24", NULL, err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(connect_errno("198.51.100.9", 80), ENETUNREACH);
	assert_int_equal(connect_errno("203.0.113.9", 80), ENETUNREACH);
}

/* What a datagram to this address and port meets: 0 or an errno. */
static int send_errno(const char *ip, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool ip4 = inet_pton(AF_INET, ip, &in.sin_addr) == 1;
	const struct sockaddr *to = ip4 ? (const void *)&in : (const void *)&in6;
	ssize_t rc;
	int fd;

	assert_true(ip4 || inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1);
	fd = spate_socket(ip4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	rc = spate_sys_sendto(fd, "x", 1, 0, to, ip4 ? sizeof(in) : sizeof(in6));
	assert_int_equal(spate_close(fd), 0);
	return rc == 1 ? 0 : (int)-rc;
}

/* Rules of the configuration, others in their place, and none. */
static void filters_come_and_go(void)
{
	const char *const rules[] = {"deny out udp dst 10.1.0.2/32 port 98"}, *const wrong[] = {"deny udp"};
	const char *many[1000] = {NULL};
	char err[256] = "";

	assert_int_equal(send_errno("10.1.0.2", 99), EPERM);
	assert_int_equal(send_errno("fd00::2", 99), EPERM);
	assert_int_equal(send_errno("10.1.0.2", 98), 0);
	expect_error(spate_filter_set(wrong, 1, err, sizeof(err)), -EINVAL, err, "in or out");
	expect_error(spate_filter_set(many, 1000, err, sizeof(err)), -EINVAL, err, "more than can be");
	assert_int_equal(spate_filter_set(rules, 1, err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(send_errno("10.1.0.2", 99), 0);
	assert_int_equal(send_errno("fd00::2", 98), 0);
	assert_int_equal(send_errno("10.1.0.2", 98), EPERM);
	assert_int_equal(spate_filter_set(NULL, 0, err, sizeof(err)), 0);
	spate_turn();
	assert_int_equal(send_errno("10.1.0.2", 98), 0);
	assert_int_equal(send_errno("fd00::2", 99), 0);
}

static void before_start(void **state)
{
	const char *name;
	char err[128];
	uint64_t value;

	(void)state;
	assert_int_equal(spate_attach(0), -EINVAL);
	assert_int_equal(spate_stacks(), 0);
	assert_int_equal(spate_socket(AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, ENXIO);
	assert_int_equal(spate_address_add("10.0.0.1/24", NULL, err, sizeof(err)), -ENXIO);
	assert_int_equal(spate_route_add("192.0.2.0/24 via 10.0.0.254", NULL, err, sizeof(err)), -ENXIO);
	assert_int_equal(spate_filter_set(NULL, 0, err, sizeof(err)), -ENXIO);
	assert_string_equal(err, "filter: spate is not running");
	assert_int_equal(spate_turn(), 0);
	assert_int_equal(spate_counter(0, &name, &value), -1);
}

static void bad_configuration(void **state)
{
	struct spate_config *c = spate_config_new();
	char err[256] = "";

	(void)state;
	assert_non_null(c);
	assert_true(spate_start(c, err, sizeof(err)) < 0); /* no device, no address */
	assert_true(strlen(err) > 5);
	/* The environment is asked for the dialect, as long as no setting names one (two_threads()). */
	assert_int_equal(spate_config_set(c, "dev", "sim", err, sizeof(err)), 0);
	assert_int_equal(spate_config_set(c, "ip", "10.1.0.1/24", err, sizeof(err)), 0);
	assert_int_equal(spate_config_set(c, "peer-ip", "10.1.0.2/24", err, sizeof(err)), 0);
	assert_int_equal(setenv("SPATE_DIALECT", "sco", 1), 0);
	assert_int_equal(spate_start(c, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "SPATE_DIALECT must be linux, bsd or zos"));
	spate_config_free(c);
}

static void two_threads(void **state)
{
	char err[256] = "";
	uint64_t before;
	pthread_t thread;
	void *line;
	int far;

	(void)state;
	config = spate_config_new();
	set("dev", "sim");
	set("vlan", "7"); /* both ends, so that tags are everywhere */
	set("ip", "10.1.0.1/24");
	set("peer-ip", "10.1.0.2/24, fd00::2/64");
	set("ip", "fd00::1/64");
	set("route", "unreachable 203.0.113.0/24");
	set("route", "prohibit 2001:db8:9::/48");
	set("route", "2001:db8:8::/48 via fd00::2"); /* a gateway of our IPv6 network */
	set("deny", "out udp dst any port 99");
	set("dialect", "linux"); /* SPATE_DIALECT is still wrong */
	set("max-connections", "4096");
	set("mbufs", "8191");
	if (spate_start(config, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(spate_start(config, err, sizeof(err)), -EALREADY);
	assert_int_equal(spate_stacks(), 2);
	assert_int_equal(spate_attach(2), -EINVAL);
	assert_int_equal(spate_attach(0), 0);
	assert_int_equal(spate_attach(0), -EBUSY);
	assert_int_equal(spate_switch(1), -EINVAL);
	assert_int_equal(spate_attach(1), 0); /* both: each has its own descriptors */
	far = spate_socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(spate_switch(0), 0);
	assert_int_equal(spate_close(far), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(spate_switch(1), 0);
	assert_int_equal(spate_close(far), 0);
	spate_detach();
	assert_int_equal(spate_switch(1), -EINVAL);
	assert_int_equal(spate_switch(0), 0);
	assert_int_equal(pthread_create(&thread, NULL, server, NULL), 0);
	while (atomic_load(&server_state) != 1)
		spate_turn();
	before = spate_now_ns();
	for (int i = 0; i < REQUESTS; i++)
		request(i);
	spate_turn();
	assert_true(spate_now_ns() > before);
	assert_int_equal(counter("tcp.active_opens"), REQUESTS);
	assert_int_equal(counter("ports.taken"), REQUESTS);
	assert_true(counter("rx.packets") >= 3 * REQUESTS);
	assert_int_equal(counter("drop.TCP_BAD"), 0);
	addresses_come_and_go();
	addresses6_come_and_go();
	routes_come_and_go();
	filters_come_and_go();
	atomic_store(&server_state, 2);
	assert_int_equal(pthread_join(thread, &line), 0);
	assert_int_equal((intptr_t)line, 0);
	spate_detach();
	assert_int_equal(spate_attach(1), 0); /* free again */
	spate_detach();
	spate_stop();
	spate_config_free(config);
	assert_int_equal(spate_stacks(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_start),
		cmocka_unit_test(bad_configuration),
		cmocka_unit_test(two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
