/* connect_test.c: connect() of streams, row by row as in the connect semantics: what the arguments say, and special
 * destinations (A and B; rows are named). */
#include <arpa/inet.h>
#include <string.h>

#include "world.h"

/* ---- A ---- */

static void a_descriptor_and_pointers(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	struct sockaddr *a = (struct sockaddr *)&in;
	char long_[200] = {0};
	int fd = stream(0), ep = spate_epoll_create1(0);

	(void)state;
	ONLY_IP4();
	assert_int_equal(spate_sys_connect(-1, a, 16), -EBADF);      /* A1 */
	assert_int_equal(spate_sys_connect(1, a, 16), -EBADF);       /* A1 */
	assert_int_equal(spate_sys_connect(fd + 2, NULL, 16), ep == fd + 2 ? -EFAULT : -EBADF); /* A2, A4 */
	assert_int_equal(spate_sys_connect(9999, NULL, 16), -EBADF); /* A2 */
	assert_int_equal(spate_sys_connect(ep, a, 16), -ENOTSOCK);   /* A3 */
	assert_int_equal(spate_sys_connect(ep, NULL, 16), -EFAULT);  /* A4 */
	assert_int_equal(spate_sys_connect(ep, a, 129), -EINVAL);    /* A5 */
	assert_int_equal(spate_sys_connect(fd, NULL, 16), -EFAULT);  /* A7 */
	assert_int_equal(spate_sys_connect(fd, NULL, 0), -EINVAL);   /* A10 */
	assert_int_equal(spate_sys_connect(fd, NULL, 1), -EFAULT);   /* A11 */
	assert_int_equal(spate_sys_connect(fd, a, 0), -EINVAL);      /* A12 */
	assert_int_equal(spate_sys_connect(fd, a, 1), -EINVAL);
	assert_int_equal(spate_sys_connect(fd, a, 2), -EINVAL);      /* A13 */
	assert_int_equal(spate_sys_connect(fd, a, 15), -EINVAL);
	memcpy(long_, &in, sizeof(in));
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)long_, 129), -EINVAL); /* A15 */
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)long_, (socklen_t)-1), -EINVAL);
	in.sin_family = AF_UNIX;
	assert_int_equal(spate_sys_connect(fd, a, 16), -EAFNOSUPPORT); /* A18 */
	in.sin_family = AF_INET6;
	assert_int_equal(spate_sys_connect(fd, a, 16), -EAFNOSUPPORT);
	/* Nothing of that touched the socket. A14 and A21: a tail, and what stands after sin_addr, do not matter. */
	far_listener(80, 0);
	memset(long_ + 8, 0x55, 100);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)long_, 128), 0);
	/* A13: the state is looked at before the length. */
	assert_int_equal(spate_sys_connect(fd, a, 5), -EISCONN);
	assert_int_equal(spate_sys_connect(fd, a, 1), -EINVAL); /* A12 */
	assert_int_equal(spate_sys_connect(fd, NULL, 16), -EFAULT); /* C8 */
}

static void a_other_threads_have_no_stack(void **state)
{
	(void)state;
	sock_enter(NULL);
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_STREAM, 0), -ENXIO);
	assert_int_equal(spate_sys_connect(5, NULL, 0), -ENXIO);
	at(NEAR);
}

static void socket_arguments(void **state)
{
	(void)state;
	assert_true(spate_sys_socket(AF_INET6, SOCK_STREAM, 0) > 2);
	assert_int_equal(spate_sys_socket(AF_UNIX, SOCK_RAW + 7, 0), -ESOCKTNOSUPPORT); /* the kernel's word (kernel_test.c) */
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_RAW, 0), -ESOCKTNOSUPPORT);
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_STREAM | 0x100, 0), -EINVAL);
	assert_true(spate_sys_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) > 2);
	assert_int_equal(spate_socket(AF_MAX, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
}

/* ---- B ---- */

static void b1_fresh_unspec(void **state)
{
	struct sockaddr_in zero = {0};
	int fd = stream(0);

	(void)state;
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&zero, 2), 0);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), IDLE_SET);
}

static void b3_connected_unspec(void **state)
{
	int far, fd = pair(80, &far);
	char c;

	(void)state;
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(poll_now(fd), POLLOUT | POLLERR | POLLHUP);
	assert_int_equal(so_error(fd), ECONNRESET);
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_memory_equal(own_name(fd), "0.0.0.0:", 8);
	run_ms(5);
	at(FAR);
	assert_int_equal(poll_now(far), FULL_SET); /* E8 */
	assert_int_equal(spate_sys_recvfrom(far, &c, 1, 0, NULL, NULL), -ECONNRESET);
	at(NEAR);
	far_listener(81, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);
}

static void b5_b6_bound_unspec(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_bind(fd, NEAR_IP2, 7000), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(dissolve(fd), 0);
	assert_string_equal(own_name(fd), NEAR_IP2 ":7000");
	fd = stream(0);
	assert_int_equal(call_bind(fd, "0.0.0.0", 7001), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(dissolve(fd), 0);
	assert_string_equal(own_name(fd), "0.0.0.0:7001");
}

static void b7_connecting_unspec(void **state)
{
	int fd = connecting();

	(void)state;
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(so_error(fd), ECONNRESET);
	assert_int_equal(poll_now(fd), IDLE_SET);
	cut(FAR, false);
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void b8_refused_unspec(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(so_error(fd), ECONNREFUSED);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
}

static void b9_listener_unspec(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(spate_sys_listen(fd, 5), 0);
	assert_int_equal(dissolve(fd), 0);
	assert_int_equal(spate_sys_accept4(fd, NULL, NULL, 0), -EINVAL);
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void b10_bound_unspec(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_bind(fd, "0.0.0.0", 7000), 0);
	assert_int_equal(dissolve(fd), 0);
	assert_string_equal(own_name(fd), "0.0.0.0:7000");
}

static void b14_any_is_self(void **state)
{
	int fd = stream(0), l = stream(0);

	(void)state;
	if (world_family == WORLD_MAPPED) /* :: is of IPv6 */
		skip();
	assert_int_equal(call_connect(fd, "0.0.0.0", 99), -ECONNREFUSED);
	assert_int_equal(call_bind(l, "0.0.0.0", 80), 0);
	assert_int_equal(spate_sys_listen(l, 1), 0);
	assert_int_equal(call_connect(fd, "0.0.0.0", 80), 0);
	assert_string_equal(peer_name(fd), "127.0.0.1:80");
	assert_memory_equal(own_name(fd), "127.0.0.1:", 10);
}

static void b20_self_connect(void **state)
{
	int fd = stream(0);
	char buf[4] = {0};

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(call_connect(fd, NEAR_IP, 7000), 0);
	assert_int_equal(spate_send(fd, "me", 2, 0), 2);
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 2);
	assert_string_equal(buf, "me");
}

static void b21_b22_b23_no_stream_to_many(void **state)
{
	int fd = stream(0), one = 1;

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, "255.255.255.255", 80), -ENETUNREACH);
	assert_int_equal(call_connect(fd, "10.0.0.255", 80), -ENETUNREACH);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)), 0);
	assert_int_equal(call_connect(fd, "10.0.0.255", 80), -ENETUNREACH);
	assert_int_equal(call_connect(fd, "224.0.0.5", 80), -ENETUNREACH);
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void b28_port_zero(void **state)
{
	(void)state;
	assert_int_equal(call_connect(stream(0), FAR_IP, 0), -ECONNREFUSED);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_descriptor_and_pointers),
		IN_WORLD(a_other_threads_have_no_stack),
		IN_WORLD(socket_arguments),
		IN_WORLD(b1_fresh_unspec),
		IN_WORLD(b3_connected_unspec),
		IN_WORLD(b5_b6_bound_unspec),
		IN_WORLD(b7_connecting_unspec),
		IN_WORLD(b8_refused_unspec),
		IN_WORLD(b9_listener_unspec),
		IN_WORLD(b10_bound_unspec),
		IN_WORLD(b14_any_is_self),
		IN_WORLD(b20_self_connect),
		IN_WORLD(b21_b22_b23_no_stream_to_many),
		IN_WORLD(b28_port_zero),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
