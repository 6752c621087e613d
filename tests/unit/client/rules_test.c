/* rules_test.c: sockets that the rules give to the kernel become its own under their numbers, with what was set on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client/client.h"
#include "client/private.h"
#include "sim.h"

static int kernel_listener(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = client_socket(AF_INET, SOCK_STREAM, 0);

	*at = sim_addr("127.0.0.1", 0);
	assert_int_equal(client_bind(fd, (struct sockaddr *)at, sizeof(*at)), CLIENT_KERNEL);
	assert_false(client_owns(fd));
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

static int option_of(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void a_kernels_socket_keeps_what_was_set(void **state)
{
	struct timeval tv = {.tv_sec = 3, .tv_usec = 500000}, got_tv;
	struct sockaddr_in at;
	int listener = kernel_listener(&at), e = client_epoll_create(0), fd, twin, on = 1, size = 50000;
	struct epoll_event ev = {.events = EPOLLOUT, .data.u64 = 1234}, got;
	socklen_t len = sizeof(got_tv);

	(void)state;
	fd = client_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	twin = client_dup(fd, 0, true);
	assert_int_equal(client_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), 0);
	assert_int_equal(client_connect(fd, (struct sockaddr *)&at, sizeof(at)), CLIENT_KERNEL);
	assert_false(client_owns(fd) || client_owns(twin));
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fcntl(twin, F_GETFD), FD_CLOEXEC);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option_of(twin, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_SNDBUF), 2 * size);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &got_tv, &len), 0);
	assert_int_equal(got_tv.tv_sec, 3);
	assert_true(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 || errno == EINPROGRESS);
	assert_int_equal(client_epoll_wait(e, &got, 1, 5000000000, NULL), 1);
	assert_int_equal(got.data.u64, 1234);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_DEL, fd, NULL), 0);
	close(fd);
	close(twin);
	client_close(e);
	close(listener);
}

static void datagrams_go_where_the_first_goes(void **state)
{
	struct sockaddr_in far = sim_addr(FAR_IP, ECHO_PORT), near = sim_addr("127.0.0.1", 9999);
	int fd = client_socket(AF_INET, SOCK_DGRAM, 0), kernels = client_socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_int_equal(client_sendto(kernels, "x", 1, 0, (struct sockaddr *)&near, sizeof(near)), CLIENT_KERNEL);
	assert_false(client_owns(kernels));
	assert_int_equal(client_sendto(fd, "x", 1, 0, (struct sockaddr *)&far, sizeof(far)), 1);
	client_sendto(fd, "x", 1, 0, (struct sockaddr *)&near, sizeof(near));
	assert_true(client_owns(fd)); /* for good */
	client_close(fd);
	close(kernels);
}

static bool is_kernels(const char *ip, uint16_t port, bool peer)
{
	struct sockaddr_storage a = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
	socklen_t len = sizeof(*v4);

	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, ip, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		len = sizeof(*v6);
	}
	return rule_kernel(&a, len, peer);
}

static void rules_match(void **state)
{
	(void)state;
	assert_true(is_kernels("127.9.9.9", 80, true));
	assert_true(is_kernels("::1", 80, true));
	assert_true(is_kernels("::ffff:127.0.0.1", 80, true));
	assert_false(is_kernels("::2", 80, true));
	assert_false(is_kernels("128.0.0.1", 80, true));
	assert_true(is_kernels("0.0.0.0", 80, true)); /* a peer "any" is this host */
	assert_true(is_kernels("::", 80, true));
	assert_false(is_kernels("0.0.0.0", 80, false)); /* all addresses of our own are not */
	assert_true(is_kernels("192.168.80.1", 53, true));
	assert_false(is_kernels("192.168.80.1", 54, true));
	assert_false(is_kernels("192.168.79.1", 53, true));
	assert_false(is_kernels("192.168.64.1", 53, true)); /* the first that matches */
	assert_true(is_kernels("192.168.128.1", 53, true));
}

static void an_unspecified_address_names_nothing(void **state)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_in at;
	int fd = client_socket(AF_INET, SOCK_STREAM, 0), listener;

	(void)state;
	assert_int_equal(client_connect(fd, &none, sizeof(none)), 0);
	listener = kernel_listener(&at);
	assert_int_equal(client_connect(fd, (struct sockaddr *)&at, sizeof(at)), CLIENT_KERNEL);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	close(listener);
}

int main(void)
{
	static const char *const rules[] = {
		"kernel 127.0.0.0/8", "kernel ::1/128", "spate 192.168.64.0/20", "kernel 192.168.0.0/16 port 53", "spate any",
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernels_socket_keeps_what_was_set),
		cmocka_unit_test(datagrams_go_where_the_first_goes),
		cmocka_unit_test(rules_match),
		cmocka_unit_test(an_unspecified_address_names_nothing),
	};
	int failed = sim_begin(rules, sizeof(rules) / sizeof(rules[0]));

	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sim_end();
	return failed;
}
