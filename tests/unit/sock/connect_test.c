/* connect_test.c: streams: connect() row by row as in the connect semantics (A, B, C, D, E, G; rows are named). */
#include <arpa/inet.h>
#include <string.h>

#include "world.h"

static const struct sockaddr unspec = {.sa_family = AF_UNSPEC};

static int dissolve(int fd) { return spate_sys_connect(fd, &unspec, sizeof(unspec)); }

/* A non-blocking socket whose attempt was refused; the error is unread. */
static int refused(void)
{
	int fd = stream(SOCK_NONBLOCK);

	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
	run_ms(5);
	return fd;
}

/* A non-blocking socket whose attempt is under way and gets no answer. */
static int connecting(void)
{
	int fd = stream(SOCK_NONBLOCK);

	cut(FAR, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	return fd;
}

static void set_blocking(int fd, bool on)
{
	assert_int_equal(spate_fcntl(fd, F_SETFL, on ? 0 : O_NONBLOCK), 0);
}

static void set_timeout(int fd, int name, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)), 0);
}

/* ---- A ---- */

static void a_descriptor_and_pointers(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	struct sockaddr *a = (struct sockaddr *)&in;
	char long_[200] = {0};
	int fd = stream(0), ep = spate_epoll_create1(0);

	(void)state;
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
	assert_int_equal(spate_sys_socket(AF_INET6, SOCK_STREAM, 0), -EAFNOSUPPORT);
	assert_int_equal(spate_sys_socket(AF_UNIX, SOCK_STREAM, 0), -EAFNOSUPPORT);
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_RAW, 0), -ESOCKTNOSUPPORT);
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
	assert_int_equal(spate_sys_socket(AF_INET, SOCK_STREAM | 0x100, 0), -EINVAL);
	assert_true(spate_sys_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) > 2);
	assert_int_equal(spate_socket(AF_INET6, SOCK_STREAM, 0), -1);
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
	assert_int_equal(call_connect(fd, "0.0.0.0", 99), -ECONNREFUSED);
	assert_int_equal(call_bind(l, "0.0.0.0", 80), 0);
	assert_int_equal(spate_sys_listen(l, 1), 0);
	assert_int_equal(call_connect(fd, "0.0.0.0", 80), 0);
	assert_string_equal(peer_name(fd), NEAR_IP ":80");
	assert_int_equal(call_connect(stream(0), NEAR_IP2, 80), 0); /* B19 */
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

/* ---- C ---- */

static void c1_e1_never_connected(void **state)
{
	int fd = stream(SOCK_NONBLOCK);
	char c;

	(void)state;
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EPIPE);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ENOTCONN);
}

static void c2_c7_blocking(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(poll_now(fd), POLLOUT); /* E3 */
	assert_int_equal(so_error(fd), 0);
	assert_memory_equal(own_name(fd), "10.0.0.", 7);
	assert_string_equal(peer_name(fd), FAR_IP ":80");
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	assert_int_equal(call_connect(fd, FAR_IP, 81), -EISCONN);
	assert_int_equal(poll_now(fd), POLLOUT);
}

static void c3_c4_c5_nonblocking(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(poll_now(fd), POLLOUT);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);         /* C4: exactly once, address ignored */
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);  /* C5 */
}

static void c6_sent_before_first_repeat(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
}

static void c9_c10_closed_sides(void **state)
{
	int far, fd = pair(80, &far);

	(void)state;
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	at(FAR);
	assert_int_equal(spate_sys_close(far), 0);
	at(NEAR);
	run_ms(100);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	assert_int_equal(dissolve(fd), 0);
	far_listener(81, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);
}

static void c11_to_c16_in_progress(void **state)
{
	int fd = connecting();
	struct sockaddr_in in = ip4(FAR_IP, 80);
	char c;

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY);
	assert_int_equal(call_connect(fd, FAR_IP, 81), -EALREADY);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, 3), -EALREADY);
	assert_int_equal(spate_sys_connect(fd, NULL, 0), -EINVAL); /* C12 */
	assert_int_equal(poll_now(fd), 0);                         /* C13, E2 */
	assert_int_equal(so_error(fd), 0);
	assert_memory_equal(own_name(fd), "10.0.0.", 7);           /* G23 */
	assert_true(own_port(fd) != 0);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EAGAIN); /* C14 */
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -EAGAIN);
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), -EINVAL);   /* C16 */
	assert_int_equal(spate_sys_listen(fd, 1), -EINVAL);
}

static void c15_blocking_send_waits(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -ECONNREFUSED);
}

static void c17_switch_to_blocking(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
}

static void c18_c19_e6_blocking_refused(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_memory_equal(own_name(fd), "0.0.0.0:", 8);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void c20_c21_e4_e5_error_read(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(poll_now(fd), FULL_SET);
	assert_int_equal(so_error(fd), ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -ECONNABORTED);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
}

static void c22_error_delivered_by_connect(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 99), -ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
}

static void c23_c24_send_and_recv_take_the_error(void **state)
{
	int fd = refused();
	char c;

	(void)state;
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -ECONNREFUSED);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EPIPE);
	fd = refused();
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ECONNREFUSED);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
}

static void c25_then_blocking(void **state)
{
	int fd = refused();

	(void)state;
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void c26_e7_listener(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(spate_sys_listen(fd, 5), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	assert_int_equal(poll_now(fd), 0);
	assert_int_equal(spate_sys_accept4(fd, NULL, NULL, 0), -EAGAIN);
}

static void c27_shutdown_before_connect(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(spate_sys_shutdown(fd, SHUT_RD), -ENOTCONN);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(poll_now(fd), POLLIN | POLLOUT | POLLRDHUP);
}

static void c28_shutdown_in_progress(void **state)
{
	int fd = connecting();

	(void)state;
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(poll_now(fd), POLLOUT | POLLERR | POLLHUP);
	assert_int_equal(so_error(fd), ECONNRESET);
	cut(FAR, false);
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void c29_close_in_progress(void **state)
{
	int fd = connecting();
	uint64_t sent;

	(void)state;
	assert_int_equal(spate_sys_close(fd), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EBADF);
	assert_int_equal(spate_sys_close(fd), -EBADF);
	run_ms(10);
	sent = world.stack[NEAR]->tcp.stats.segs_out;
	run_ms(5000);
	assert_int_equal(world.stack[NEAR]->tcp.stats.segs_out, sent);
}

static void c30_sendto_never_connects(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	int fd = stream(0);

	(void)state;
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)), -EPIPE);
	assert_string_equal(own_name(fd), "0.0.0.0:0");
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
		IN_WORLD(c1_e1_never_connected),
		IN_WORLD(c2_c7_blocking),
		IN_WORLD(c3_c4_c5_nonblocking),
		IN_WORLD(c6_sent_before_first_repeat),
		IN_WORLD(c9_c10_closed_sides),
		IN_WORLD(c11_to_c16_in_progress),
		IN_WORLD(c15_blocking_send_waits),
		IN_WORLD(c17_switch_to_blocking),
		IN_WORLD(c18_c19_e6_blocking_refused),
		IN_WORLD(c20_c21_e4_e5_error_read),
		IN_WORLD(c22_error_delivered_by_connect),
		IN_WORLD(c23_c24_send_and_recv_take_the_error),
		IN_WORLD(c25_then_blocking),
		IN_WORLD(c26_e7_listener),
		IN_WORLD(c27_shutdown_before_connect),
		IN_WORLD(c28_shutdown_in_progress),
		IN_WORLD(c29_close_in_progress),
		IN_WORLD(c30_sendto_never_connects),
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
		cmocka_unit_test_setup_teardown(g17_ports_exhausted, four_ports, world_end),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
