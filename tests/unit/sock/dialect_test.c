/* dialect_test.c: what each dialect says about streams, row by row as in the connect semantics (A to E, G, L). */
#include "dialect.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <linux/tcp.h>

#include "config/config.h"
#include "net/filter.h"

#define DEAD_SET (POLLIN | POLLOUT | POLLHUP | POLLRDHUP)

static int set_int(int fd, int level, int name, int v) { return spate_sys_setsockopt(fd, level, name, &v, sizeof(v)); }

static void set_timeout(int fd, int name, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)), 0);
}

static ssize_t send_x(int fd) { return spate_sys_sendto(fd, "x", 1, 0, NULL, 0); }

static ssize_t recv_x(int fd)
{
	char c;

	return spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL);
}

/* The neighbour is known from now on. */
static void neighbour(void) { assert_int_equal(call_connect(stream(0), FAR_IP, 99), -ECONNREFUSED); }

static void filter(int end, const char *text)
{
	struct config_filter rule;
	struct net_filter *made;
	char err[256];

	assert_int_equal(config_parse_filter(text, &rule, err, sizeof(err)), 0);
	assert_int_equal(net_filter_new(&rule, 1, 1, -1, &made), 0);
	net_filter_set(&world.stack[end]->net, made);
}

/* The far end answers no SYN from now on, though it lives. */
static void deaf(void) { filter(FAR, "deny in tcp"); }

/* ---- A ---- */

static void a_arguments(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	struct sockaddr *a = (struct sockaddr *)&in, *long_;
	int fd = stream(SOCK_NONBLOCK), ep = spate_epoll_create1(0);
	char room[300] = {0};

	(void)state;
	ONLY_IP4();
	long_ = (struct sockaddr *)room;
	memcpy(room, &in, sizeof(in));
	assert_int_equal(spate_sys_connect(-1, a, 16), -EBADF); /* A1 */
	assert_int_equal(spate_sys_connect(-1, NULL, 16), by(-EBADF, -EFAULT, -EBADF)); /* A1, A2 */
	assert_int_equal(spate_sys_connect(ep, a, 16), -ENOTSOCK); /* A3 */
	assert_int_equal(spate_sys_connect(ep, NULL, 16), -EFAULT); /* A4 */
	assert_int_equal(spate_sys_connect(ep, long_, 129), by(-EINVAL, -ENOTSOCK, -EINVAL)); /* A5 */
	assert_int_equal(spate_sys_connect(ep, long_, 256), by(-EINVAL, -ENAMETOOLONG, -EINVAL));
	assert_int_equal(spate_sys_connect(fd, NULL, 16), -EFAULT); /* A7 */
	assert_int_equal(spate_sys_connect(fd, NULL, 0), -EINVAL); /* A10 */
	assert_int_equal(spate_sys_connect(fd, NULL, 1), by(-EFAULT, -EINVAL, -EFAULT)); /* A11 */
	assert_int_equal(spate_sys_connect(fd, a, 1), -EINVAL); /* A12 */
	assert_int_equal(spate_sys_connect(fd, a, 15), -EINVAL); /* A13 */
	assert_int_equal(spate_sys_connect(fd, long_, 129), -EINVAL); /* A15 */
	assert_int_equal(spate_sys_connect(fd, long_, 256), by(-EINVAL, -ENAMETOOLONG, -EINVAL));
	assert_int_equal(spate_sys_connect(fd, a, (socklen_t)-1), by(-EINVAL, -ENAMETOOLONG, -EINVAL));
	in.sin_family = AF_INET6;
	assert_int_equal(spate_sys_connect(fd, a, 16), -EAFNOSUPPORT); /* A18 */
	in.sin_family = AF_INET;
	assert_int_equal(spate_sys_connect(fd, long_, 17), by(-EINPROGRESS, -EINVAL, -EINPROGRESS)); /* A14 */
	memset(in.sin_zero, 0x55, sizeof(in.sin_zero));
	assert_int_equal(spate_sys_connect(stream(SOCK_NONBLOCK), a, 16), -EINPROGRESS); /* A21 */
}

static void a_lengths6(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	struct sockaddr_storage a;
	socklen_t len;
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	if (world_family != WORLD_IP6)
		skip();
	a = world_addr(FAR_IP, 80, &len);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, 23), -EINVAL); /* A17 */
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, 16), -EINVAL); /* A19 */
	memcpy(&a, &in, sizeof(in));
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, 28), -EAFNOSUPPORT); /* A20 */
	a = world_addr(FAR_IP, 80, &len);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, 24), by(-EINPROGRESS, -EINVAL, -EINPROGRESS)); /* A16 */
}

/* A25: here for want of a place in the table. */
static void a25_no_memory(void **state)
{
	struct table *t = &world.stack[NEAR]->flow.tcp;
	uint32_t used = t->used;

	(void)state;
	far_listener(80, 0);
	neighbour();
	t->used = t->max;
	assert_int_equal(call_connect(stream(0), FAR_IP, 80), by(-ENOBUFS, -ENOBUFS, -EIO));
	t->used = used;
	assert_int_equal(call_connect(stream(0), FAR_IP, 80), 0); /* retry ok */
}

/* ---- B ---- */

/* What BSD says about AF_UNSPEC: too short for IPv6, else no family. */
static int no_unspec(void) { return world_family == WORLD_IP4 ? -EAFNOSUPPORT : -EINVAL; }

static void b1_b10_unconnected_unspec(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(dissolve(fd), by(0, no_unspec(), 0)); /* B1 */
	assert_int_equal(spate_sys_connect(fd, &unspec, 2), by(0, -EINVAL, 0));
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(dissolve(fd), by(0, no_unspec(), 0)); /* B10 */
	assert_string_equal(own_name(fd), NEAR_IP ":7000");
}

static void b3_b5_b6_connected_unspec(void **state)
{
	int far, fd = pair(80, &far);

	(void)state;
	assert_int_equal(dissolve(fd), by(0, -EISCONN, 0)); /* B3 */
	assert_string_equal(peer_name(fd), dialect == DIALECT_BSD ? FAR_IP ":80" : "-ENOTCONN");
	assert_int_equal(so_error(fd), by(ECONNRESET, 0, ECONNRESET));
	far_listener(81, 0);
	fd = stream(0);
	assert_int_equal(call_bind(fd, NEAR_IP2, 7000), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);
	assert_int_equal(dissolve(fd), by(0, -EISCONN, 0)); /* B5 */
	assert_string_equal(own_name(fd), NEAR_IP2 ":7000");
	fd = stream(0);
	assert_int_equal(call_bind(fd, "0.0.0.0", 7001), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);
	assert_int_equal(dissolve(fd), by(0, -EISCONN, 0)); /* B6 */
	assert_int_equal(own_port(fd), 7001);
}

/* B4: unlike Linux the number is not shown any more either: N says that this need not be copied. */
static void b4_port_is_free(void **state)
{
	int far, fd = pair(80, &far);
	uint16_t port = own_port(fd);

	(void)state;
	assert_int_equal(dissolve(fd), by(0, -EISCONN, 0));
	if (dialect == DIALECT_BSD)
		return;
	assert_int_equal(own_port(fd), 0);
	assert_int_equal(call_bind(stream(0), "0.0.0.0", port), 0);
}

static void b7_b8_attempts_unspec(void **state)
{
	int fd;

	(void)state;
	neighbour();
	fd = connecting();
	assert_int_equal(dissolve(fd), by(0, -EALREADY, 0)); /* B7 */
	assert_int_equal(so_error(fd), by(ECONNRESET, 0, ECONNRESET));
	assert_int_equal(poll_now(fd), by(IDLE_SET, 0, IDLE_SET));
	cut(FAR, false);
	fd = refused();
	assert_int_equal(dissolve(fd), by(0, -ECONNREFUSED, 0)); /* B8 */
	assert_int_equal(so_error(fd), by(ECONNREFUSED, 0, ECONNREFUSED));
	assert_int_equal(call_connect(fd, FAR_IP, 99), by(-EINPROGRESS, -ECONNREFUSED, -EINPROGRESS));
}

static void b9_c26_listener(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(spate_sys_listen(fd, 5), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(-EISCONN, -EOPNOTSUPP, -EOPNOTSUPP)); /* C26 */
	assert_int_equal(spate_sys_accept4(fd, NULL, NULL, 0), -EAGAIN);
	assert_int_equal(poll_now(fd), 0); /* E7 */
	assert_int_equal(dissolve(fd), by(0, -EOPNOTSUPP, 0)); /* B9 */
	assert_int_equal(spate_sys_accept4(fd, NULL, NULL, 0), by(-EINVAL, -EAGAIN, -EINVAL));
}

static void b21_to_b24_destinations(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_connect(fd, "255.255.255.255", 80), by(-ENETUNREACH, -EACCES, -ENETUNREACH)); /* B21 */
	assert_int_equal(call_connect(fd, "10.0.0.255", 80), by(-ENETUNREACH, -EACCES, -ENETUNREACH)); /* B22 */
	assert_int_equal(set_int(fd, SOL_SOCKET, SO_BROADCAST, 1), 0);
	assert_int_equal(call_connect(fd, "10.0.0.255", 80), by(-ENETUNREACH, -EACCES, -ENETUNREACH));
	assert_int_equal(call_connect(fd, "224.0.0.5", 80), by(-ENETUNREACH, -EAFNOSUPPORT, -ENETUNREACH)); /* B23 */
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	assert_int_equal(net_gw_add(&world.stack[NEAR]->net, ip4(FAR_IP, 0).sin_addr.s_addr), 0);
	assert_int_equal(call_connect(fd, "240.0.0.1", 80), -EINPROGRESS); /* B24 */
	assert_int_equal(call_connect(stream(SOCK_NONBLOCK), "255.255.255.254", 80), -EINPROGRESS);
}

static void b23_group6(void **state)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr.s6_addr = {0xff, 0x0e, [15] = 1}};

	(void)state;
	if (world_family != WORLD_IP6)
		skip();
	assert_int_equal(spate_sys_connect(stream(0), (struct sockaddr *)&to, sizeof(to)), by(-ENETUNREACH, -EAFNOSUPPORT, -ENETUNREACH));
}

static void b28_port_zero(void **state)
{
	(void)state;
	assert_int_equal(call_connect(stream(0), FAR_IP, 0), by(-ECONNREFUSED, -EADDRNOTAVAIL, -ECONNREFUSED));
}

/* ---- C, E ---- */

static void c1_e1_fresh(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	struct timeval none = {0};
	fd_set rd, wr;
	int fd = stream(SOCK_NONBLOCK), far;

	(void)state;
	assert_int_equal(poll_now(fd), by(IDLE_SET, 0, IDLE_SET));
	FD_ZERO(&rd);
	FD_SET(fd, &rd);
	wr = rd;
	assert_int_equal(spate_select(fd + 1, &rd, &wr, NULL, &none), by(2, 0, 2));
	assert_int_equal(send_x(fd), by(-EPIPE, -ENOTCONN, -EPIPE));
	assert_int_equal(recv_x(fd), -ENOTCONN);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)), by(-EPIPE, -ENOTCONN, -EPIPE)); /* C30 */
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	fd = pair(80, &far);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)), by(1, -EISCONN, 1));
	assert_int_equal(poll_now(fd), POLLOUT); /* E3 */
}

static void c4_c5_c6_first_repeat(void **state)
{
	(void)state;
	far_listener(80, 0);
	for (int sent = 0; sent < 2; sent++) { /* C6: sending first changes nothing */
		int fd = stream(SOCK_NONBLOCK);

		assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS); /* C3 */
		run_ms(5);
		if (sent)
			assert_int_equal(send_x(fd), 1);
		assert_int_equal(so_error(fd), 0);
		assert_int_equal(call_connect(fd, FAR_IP, 81), by(0, -EISCONN, -EISCONN)); /* C4 */
		assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN); /* C5 */
	}
}

static void c10_closed_on_both_sides(void **state)
{
	int far, fd = pair(80, &far);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN); /* C7 */
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN); /* C9 */
	at(FAR);
	assert_int_equal(spate_sys_close(far), 0);
	at(NEAR);
	run_ms(100);
	far_listener(81, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), by(-EISCONN, -ECONNREFUSED, -EISCONN));
	assert_int_equal(dissolve(fd), by(0, -ECONNREFUSED, 0));
	assert_int_equal(call_connect(fd, FAR_IP, 81), by(0, -ECONNREFUSED, 0));
}

static void c11_to_c17_in_progress(void **state)
{
	int fd;

	(void)state;
	neighbour();
	fd = connecting();
	assert_int_equal(call_connect(fd, FAR_IP, 81), -EALREADY); /* C11, D6 */
	assert_int_equal(poll_now(fd), 0); /* C13, E2 */
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(send_x(fd), by(-EAGAIN, -ENOTCONN, -EAGAIN)); /* C14 */
	assert_int_equal(recv_x(fd), by(-EAGAIN, -ENOTCONN, -EAGAIN));
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), -EINVAL); /* C16 */
	assert_int_equal(spate_sys_listen(fd, 1), -EINVAL);
	cut(FAR, false);
	far_listener(80, 0);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(send_x(fd), by(1, -ENOTCONN, 1)); /* C15 */
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(0, -EALREADY, -EALREADY)); /* C17 */
	run_ms(5);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
}

static void c18_c19_refused_blocking(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED); /* C18 */
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), by(IDLE_SET, DEAD_SET, IDLE_SET)); /* E6 */
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(0, -ECONNREFUSED, -ECONNREFUSED)); /* C19 */
}

static void c20_c21_c22_refused(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(poll_now(fd), by(FULL_SET, POLLIN | POLLOUT | POLLHUP, FULL_SET)); /* C20, E4 */
	assert_int_equal(so_error(fd), ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), DEAD_SET); /* E5 */
	assert_int_equal(call_connect(fd, FAR_IP, 99), by(-ECONNABORTED, -ECONNREFUSED, -ECONNABORTED)); /* C21 */
	assert_int_equal(call_connect(fd, FAR_IP, 99), by(-EINPROGRESS, -ECONNREFUSED, -ECONNREFUSED));
	fd = refused();
	assert_int_equal(call_connect(fd, FAR_IP, 99), -ECONNREFUSED); /* C22 */
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 99), by(-EINPROGRESS, -ECONNREFUSED, -ECONNREFUSED));
}

static void c23_c24_c25_refused(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(send_x(fd), by(-ECONNREFUSED, -EPIPE, -ECONNREFUSED)); /* C23 */
	assert_int_equal(send_x(fd), -EPIPE);
	assert_int_equal(so_error(fd), by(0, ECONNREFUSED, 0));
	fd = refused();
	assert_int_equal(recv_x(fd), -ECONNREFUSED); /* C24 */
	assert_int_equal(recv_x(fd), 0);
	fd = refused();
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED); /* C25 */
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(0, -ECONNREFUSED, -ECONNREFUSED));
}

static void c27_shut_before(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(spate_sys_shutdown(fd, SHUT_RD), -ENOTCONN);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(poll_now(fd), by(POLLIN | POLLOUT | POLLRDHUP, POLLOUT, POLLIN | POLLOUT | POLLRDHUP));
}

static void c28_shut_in_progress(void **state)
{
	int fd, l, far;

	(void)state;
	neighbour();
	fd = connecting();
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(poll_now(fd), by(POLLOUT | POLLERR | POLLHUP, 0, POLLOUT | POLLERR | POLLHUP));
	assert_int_equal(so_error(fd), by(ECONNRESET, 0, ECONNRESET));
	cut(FAR, false);
	l = far_listener(80, SOCK_NONBLOCK);
	run_ms(1500);
	at(FAR);
	far = spate_sys_accept4(l, NULL, NULL, 0);
	if (dialect != DIALECT_BSD) {
		assert_int_equal(far, -EAGAIN);
	} else {
		assert_true(far > 0);
		assert_int_equal(recv_x(far), 0); /* the FIN came with the handshake */
		assert_int_equal(send_x(far), 1);
		run_ms(5);
		at(NEAR);
		assert_int_equal(recv_x(fd), 1);
	}
	at(NEAR);
}

/* ---- D ---- */

static void d1_to_d4_send_timeout(void **state)
{
	int fd = stream(0);
	uint64_t t0;

	(void)state;
	neighbour();
	deaf();
	set_timeout(fd, SO_SNDTIMEO, 50);
	set_timeout(fd, SO_RCVTIMEO, 20);
	t0 = world.now_ns;
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(-EINPROGRESS, -ETIMEDOUT, -EINPROGRESS)); /* D1 */
	if (dialect == DIALECT_BSD)
		assert_in_range(world.now_ns - t0, 74990 * MS, 75010 * MS);
	else
		assert_in_range(world.now_ns - t0, 50 * MS, 53 * MS);
	if (dialect == DIALECT_BSD) {
		fd = stream(SOCK_NONBLOCK);
		assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
		set_blocking(fd, true);
		set_timeout(fd, SO_SNDTIMEO, 50);
	}
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY); /* D2 */
	assert_int_equal(send_x(fd), by(-EAGAIN, -ENOTCONN, -EAGAIN)); /* D3 */
	assert_int_equal(recv_x(fd), by(-EAGAIN, -ENOTCONN, -EAGAIN)); /* D4 */
}

/* How long an attempt that nobody answers lasts. */
static uint64_t attempt_ms(int fd)
{
	uint64_t t0 = world.now_ns;

	assert_int_equal(call_connect(fd, FAR_IP, 80), -ETIMEDOUT);
	return (world.now_ns - t0) / MS;
}

static void d12_d13_d14_limits(void **state)
{
	int fd;

	(void)state;
	neighbour();
	deaf();
	fd = stream(0);
	assert_in_range(attempt_ms(fd), by(130000, 74990, 130000), by(134000, 75010, 134000)); /* D12 */
	fd = stream(0);
	assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 1), 0);
	assert_in_range(attempt_ms(fd), by(3000, 74990, 3000), by(3010, 75010, 3010)); /* D13 */
	fd = stream(0);
	assert_int_equal(set_int(fd, IPPROTO_TCP, SPATE_TCP_KEEPINIT, 10), 0);
	assert_in_range(attempt_ms(fd), 9999, 10010);
	fd = stream(0);
	assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500), 0);
	assert_in_range(attempt_ms(fd), 1500, 1510); /* D14 */
	assert_int_equal(set_int(fd, IPPROTO_TCP, SPATE_TCP_KEEPINIT, 0), -EINVAL);
}

/* D18: when the SYNs leave, in seconds. */
static void d18_schedule(void **state)
{
	static const uint32_t linux_s[] = {0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67}, bsd_s[] = {0, 1, 3, 7, 15, 31, 63};
	const uint32_t *when = dialect == DIALECT_BSD ? bsd_s : linux_s;
	size_t n = dialect == DIALECT_BSD ? RTE_DIM(bsd_s) : RTE_DIM(linux_s);
	const struct tcp_stats *stats = &world.stack[NEAR]->tcp.stats;
	uint64_t before, t0;

	(void)state;
	neighbour();
	deaf();
	before = stats->segs_out;
	t0 = world.now_ns;
	assert_int_equal(call_connect(stream(SOCK_NONBLOCK), FAR_IP, 80), -EINPROGRESS);
	for (size_t i = 0; i < n; i++) {
		run_ms((t0 + when[i] * 1000 * MS - world.now_ns) / MS - (i > 0 ? 10 : 0));
		assert_int_equal(stats->segs_out - before, i > 0 ? i : 1);
		run_ms(20);
		assert_int_equal(stats->segs_out - before, i + 1);
	}
}

static int turns_to_signal;

static void signal_later(void)
{
	if (turns_to_signal > 0 && --turns_to_signal == 0)
		kill(getpid(), SIGUSR1);
}

static void on_signal(int sig) { (void)sig; }

static void handle(int flags)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = flags};

	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	turns_to_signal = 20;
	world.every_turn = signal_later;
}

static void d5_to_d10_signals(void **state)
{
	int fd = stream(0);

	(void)state;
	neighbour();
	cut(FAR, true);
	handle(0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINTR); /* D5 */
	cut(FAR, false);
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(0, -EALREADY, -EALREADY)); /* D7 */
	run_ms(1100);
	assert_int_equal(poll_now(fd), POLLOUT); /* D8 */
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	handle(SA_RESTART);
	assert_int_equal(call_connect(stream(0), "10.0.0.77", 80), by(-EHOSTUNREACH, -EINTR, -EINTR)); /* D9 */
	handle(SA_RESTART);
	fd = stream(0);
	set_timeout(fd, SO_SNDTIMEO, 2000);
	assert_int_equal(call_connect(fd, "10.0.0.78", 80), -EINTR); /* D10 */
}

/* ---- F ---- */

static void f46_filtered(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	neighbour();
	filter(NEAR, "deny out tcp");
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(-EINPROGRESS, -EACCES, -EINPROGRESS));
	run_ms(5);
	assert_int_equal(poll_now(fd), 0);
	assert_int_equal(so_error(fd), 0);
}

/* F49: with its last address an interface is gone. */
static void f49_interface_gone(void **state)
{
	struct net *n = &world.stack[NEAR]->net;

	(void)state;
	ONLY_IP4();
	assert_int_equal(net_addr_remove(n, ip4(NEAR_IP, 0).sin_addr.s_addr), 0);
	assert_int_equal(call_connect(stream(0), "192.168.7.7", 80), -ENETUNREACH); /* F41 */
	assert_int_equal(net_addr_remove(n, ip4(NEAR_IP2, 0).sin_addr.s_addr), 0);
	assert_int_equal(call_connect(stream(0), FAR_IP, 80), by(-ENETUNREACH, -ENETDOWN, -EIO));
	assert_int_equal(call_connect(dgram(0), FAR_IP, 80), by(-ENETUNREACH, -ENETDOWN, -EIO));
}

/* ---- G ---- */

static void g9_bind_to_group(void **state)
{
	int fd = stream(0);

	(void)state;
	ONLY_IP4();
	far_listener(80, 0);
	assert_int_equal(call_bind(fd, "224.0.0.5", 7000), by(0, -EADDRNOTAVAIL, 0));
	if (dialect == DIALECT_BSD)
		return;
	assert_string_equal(own_name(fd), "224.0.0.5:7000");
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0); /* from the route's address, as on Linux */
	assert_memory_equal(own_name(fd), "10.0.0.", 7);
	assert_int_equal(own_port(fd), 7000);
}

static void g11_g12_same_destination(void **state)
{
	const int option[2] = {SO_REUSEADDR, SO_REUSEPORT}; /* G11, G12 */

	(void)state;
	far_listener(80, 0);
	far_listener(81, 0);
	for (int i = 0; i < 2; i++) {
		int a = stream(0), b = stream(0);

		assert_int_equal(set_int(a, SOL_SOCKET, option[i], 1), 0);
		assert_int_equal(set_int(b, SOL_SOCKET, option[i], 1), 0);
		assert_int_equal(call_bind(a, NEAR_IP, (uint16_t)(7000 + i)), 0);
		assert_int_equal(call_bind(b, NEAR_IP, (uint16_t)(7000 + i)), 0);
		assert_int_equal(call_connect(a, FAR_IP, 80), 0);
		assert_int_equal(call_connect(b, FAR_IP, 80), by(-EADDRNOTAVAIL, -EADDRINUSE, -EADDRNOTAVAIL));
		assert_int_equal(call_connect(b, FAR_IP, 81), 0);
	}
}

static void g19_time_wait(void **state)
{
	int l = far_listener(80, 0), fd, far;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fd = stream(0);
		assert_int_equal(set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
		assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
		assert_int_equal(call_connect(fd, FAR_IP, 80), i == 0 ? 0 : by(0, -EADDRINUSE, 0));
		if (i > 0)
			break;
		at(FAR);
		far = spate_sys_accept4(l, NULL, NULL, 0);
		assert_true(far > 0);
		at(NEAR);
		assert_int_equal(spate_sys_close(fd), 0);
		run_ms(5);
		at(FAR);
		assert_int_equal(spate_sys_close(far), 0);
		at(NEAR);
		run_ms(5);
		assert_int_equal(world.stack[NEAR]->tcp.stats.timewait, 1);
	}
}

/* ---- L: what others do to the socket while connect() waits ---- */

static int waited_fd, others_said;
static int (*other)(int fd);

static void other_later(void)
{
	if (turns_to_signal > 0 && --turns_to_signal == 0)
		others_said = other(waited_fd);
}

static int blocked_connect(int (*what)(int fd), uint64_t limit_ms)
{
	waited_fd = stream(0);
	set_timeout(waited_fd, SO_SNDTIMEO, limit_ms);
	other = what;
	turns_to_signal = 20;
	world.every_turn = other_later;
	return call_connect(waited_fd, FAR_IP, 80);
}

static int shut(int fd) { return spate_sys_shutdown(fd, SHUT_WR); }
static int connect_too(int fd) { return call_connect(fd, FAR_IP, 80); }

static void l2_l3_l4_others(void **state)
{
	(void)state;
	neighbour();
	deaf();
	/* Here the other is a signal's handler, of the same thread: unlike L1 the call ends, and touches nothing that is gone. */
	assert_int_equal(blocked_connect(spate_sys_close, 2000), -EBADF);
	assert_int_equal(others_said, 0);
	/* L2 */
	assert_int_equal(blocked_connect(shut, 2000), by(-ECONNRESET, -ETIMEDOUT, -ECONNRESET));
	assert_int_equal(others_said, 0);
	assert_int_equal(so_error(waited_fd), 0);
	/* L3 */
	assert_int_equal(blocked_connect(dissolve, 2000), by(-EPIPE, -ETIMEDOUT, -EPIPE));
	assert_int_equal(others_said, by(0, -EALREADY, 0));
	assert_int_equal(so_error(waited_fd), by(ECONNRESET, 0, ECONNRESET));
	/* L4: the other has waited for its time, in Linux, which is the first one's too */
	assert_int_equal(blocked_connect(connect_too, 50), by(-EINPROGRESS, -ETIMEDOUT, -EINPROGRESS));
	assert_int_equal(others_said, -EALREADY);
}

/* ---- choosing ---- */

static void chosen_per_socket(void **state)
{
	int fd, far, l = far_listener(80, 0), v = -1;
	socklen_t len = sizeof(v);

	(void)state;
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(spate_sys_getsockopt(fd, SOL_SPATE, SPATE_SO_DIALECT, &v, &len), 0);
	assert_int_equal(v, dialect);
	assert_int_equal(set_int(fd, SOL_SPATE, SPATE_SO_DIALECT, DIALECTS), -EINVAL);
	assert_int_equal(set_int(fd, SOL_SPATE, 2, 0), -ENOPROTOOPT);
	assert_int_equal(set_int(fd, SOL_SPATE, SPATE_SO_DIALECT, SPATE_DIALECT_BSD), 0);
	assert_int_equal(poll_now(fd), 0);
	assert_int_equal(spate_sys_connect(fd, NULL, 1), -EINVAL); /* the socket's, not the process's */
	/* accept() hands the listener's on */
	at(FAR);
	assert_int_equal(set_int(l, SOL_SPATE, SPATE_SO_DIALECT, SPATE_DIALECT_ZOS), 0);
	at(NEAR);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	at(FAR);
	far = spate_sys_accept4(l, NULL, NULL, 0);
	assert_int_equal(spate_sys_getsockopt(far, SOL_SPATE, SPATE_SO_DIALECT, &v, &len), 0);
	assert_int_equal(v, SPATE_DIALECT_ZOS);
	at(NEAR);
	assert_int_equal(sock_dialect_named("zos"), DIALECT_ZOS);
	assert_int_equal(sock_dialect_named("sco"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIALECTS(a_arguments), IN_DIALECTS(a_lengths6), IN_DIALECTS(a25_no_memory),
		IN_DIALECTS(b1_b10_unconnected_unspec), IN_DIALECTS(b3_b5_b6_connected_unspec), IN_DIALECTS(b4_port_is_free),
		IN_DIALECTS(b7_b8_attempts_unspec), IN_DIALECTS(b9_c26_listener), IN_DIALECTS(b21_to_b24_destinations),
		IN_DIALECTS(b23_group6), IN_DIALECTS(b28_port_zero), IN_DIALECTS(c1_e1_fresh), IN_DIALECTS(c4_c5_c6_first_repeat),
		IN_DIALECTS(c10_closed_on_both_sides), IN_DIALECTS(c11_to_c17_in_progress), IN_DIALECTS(c18_c19_refused_blocking),
		IN_DIALECTS(c20_c21_c22_refused), IN_DIALECTS(c23_c24_c25_refused), IN_DIALECTS(c27_shut_before),
		IN_DIALECTS(c28_shut_in_progress), IN_DIALECTS(d1_to_d4_send_timeout), IN_DIALECTS(d12_d13_d14_limits),
		IN_DIALECTS(d18_schedule), IN_DIALECTS(d5_to_d10_signals), IN_DIALECTS(f46_filtered), IN_DIALECTS(f49_interface_gone), IN_DIALECTS(g9_bind_to_group),
		IN_DIALECTS(g11_g12_same_destination), IN_DIALECTS(g19_time_wait), IN_DIALECTS(l2_l3_l4_others),
		IN_DIALECTS(chosen_per_socket),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
