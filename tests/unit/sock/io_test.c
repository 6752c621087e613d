/* io_test.c: descriptors, accept, sending and receiving. */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

/* ---- descriptors ---- */

static void descriptors(void **state)
{
	int a = stream(0), b = dgram(0), far;

	(void)state;
	assert_true(a >= 3 && b >= 3 && a != b);
	assert_true(a < FD_SETSIZE && b < FD_SETSIZE);
	at(FAR);
	far = stream(0);
	assert_int_equal(spate_sys_close(a), -EBADF); /* another stack's */
	at(NEAR);
	assert_int_equal(spate_sys_close(far), -EBADF);
	for (int fd = -5; fd < 3; fd++)
		assert_int_equal(spate_sys_close(fd), -EBADF);
	assert_int_equal(spate_sys_close(INT32_MAX), -EBADF);
	assert_int_equal(spate_sys_close(a), 0);
	assert_int_equal(spate_sys_close(a), -EBADF);
	assert_int_equal(stream(0), a); /* warm slots come back first */
}

static void orphans_are_gone(void **state)
{
	int far, fd = pair(80, &far);

	(void)state;
	assert_int_equal(spate_send(fd, "bye", 3, 0), 3);
	assert_int_equal(spate_close(fd), 0);
	assert_int_equal(spate_close(fd), -1);
	assert_int_equal(errno, EBADF);
	run_ms(5);
	at(FAR);
	char buf[8];
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 3); /* yet what was sent arrives */
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 0);
	at(NEAR);
}

static void not_yet_accepted_is_no_descriptor(void **state)
{
	int l = far_listener(80, 0), fd = stream(0), c;

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	run_ms(5);
	at(FAR);
	for (int i = 0; i < 100; i++)
		if (i != l)
			assert_int_equal(spate_sys_shutdown(i, SHUT_RDWR), -EBADF);
	c = spate_sys_accept4(l, NULL, NULL, 0);
	assert_true(c > 2);
	assert_int_equal(spate_sys_shutdown(c, SHUT_RDWR), 0);
	at(NEAR);
}

static void too_many_sockets(void **state)
{
	int n = 0, fd;

	(void)state;
	while ((fd = spate_sys_socket(AF_INET, SOCK_DGRAM, 0)) > 0)
		n++;
	assert_int_equal(fd, -ENOBUFS);
	assert_in_range(n, 4000, 4200);
}

static void fcntl_and_ioctl(void **state)
{
	int fd = stream(SOCK_NONBLOCK), on = 0;

	(void)state;
	assert_int_equal(spate_fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	assert_int_equal(spate_fcntl(fd, F_SETFL, O_RDWR), 0);
	assert_int_equal(spate_fcntl(fd, F_GETFL), O_RDWR);
	on = 1;
	assert_int_equal(spate_ioctl(fd, FIONBIO, &on), 0);
	assert_int_equal(spate_fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	assert_int_equal(spate_fcntl(fd, F_SETFD, 0), 0);
	assert_int_equal(spate_fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(spate_fcntl(fd, F_GETLK), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(spate_ioctl(fd, TIOCGWINSZ, &on), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(spate_ioctl(fd, FIONBIO, NULL), -1);
	assert_int_equal(errno, EFAULT);
}

/* ---- accept ---- */

static void accept_names_and_flags(void **state)
{
	int l = far_listener(80, 0), fd = stream(0), c;
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	struct timeval tv = {.tv_usec = 20000};

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_bind(fd, NEAR_IP2, 7000), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	at(FAR);
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0x100), -EINVAL);
	assert_int_equal(spate_sys_accept4(l, (struct sockaddr *)&a, NULL, 0), -EFAULT);
	assert_int_equal(spate_sys_accept4(stream(0), NULL, NULL, 0), -EINVAL);
	assert_int_equal(spate_sys_accept4(dgram(0), NULL, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(spate_sys_listen(dgram(0), 1), -EOPNOTSUPP);
	assert_int_equal(spate_setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	c = spate_sys_accept4(l, (struct sockaddr *)&a, &len, SOCK_NONBLOCK);
	assert_true(c > 2);
	assert_int_equal(len, sizeof(a));
	assert_int_equal(a.sin_addr.s_addr, inet_addr(NEAR_IP2));
	assert_int_equal(a.sin_port, htons(7000));
	assert_string_equal(peer_name(c), NEAR_IP2 ":7000");
	assert_string_equal(own_name(c), FAR_IP ":80");
	assert_int_equal(spate_fcntl(c, F_GETFL), O_RDWR | O_NONBLOCK);
	assert_int_equal(call_connect(c, NEAR_IP, 7000), -EISCONN);
	/* SO_RCVTIMEO: inherited, and it limits accept(). */
	memset(&tv, 0, sizeof(tv));
	len = sizeof(tv);
	assert_int_equal(spate_getsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
	assert_int_equal(tv.tv_usec, 20000);
	uint64_t t0 = world.now_ns;
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0), -EAGAIN);
	assert_in_range(world.now_ns - t0, 20 * MS, 23 * MS);
	at(NEAR);
}

static int waking_fd;

static void connect_once(void)
{
	struct sock_env *who = sock_cur;

	if (waking_fd < 0)
		return;
	at(NEAR);
	assert_int_equal(call_connect(waking_fd, FAR_IP, 80), -EINPROGRESS);
	waking_fd = -1;
	sock_enter(who);
}

static void accept_blocks(void **state)
{
	int l = far_listener(80, 0);

	(void)state;
	waking_fd = stream(SOCK_NONBLOCK);
	world.every_turn = connect_once;
	at(FAR);
	assert_true(spate_accept(l, NULL, NULL) > 2);
	at(NEAR);
}

/* ---- streams ---- */

/* Urgent data by the calls that programs use. */
static void urgent(void **state)
{
	int far, fd = pair(80, &far), n = -1, on = 1;
	char buf[8] = {0};
	struct pollfd p;

	(void)state;
	assert_int_equal(spate_recv(fd, buf, 1, MSG_OOB), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(spate_send(fd, "abc", 3, MSG_OOB), 3);
	at(FAR);
	p = (struct pollfd){.fd = far, .events = POLLIN | POLLPRI};
	assert_int_equal(spate_poll(&p, 1, -1), 1);
	assert_int_equal(p.revents, POLLIN | POLLPRI);
	assert_int_equal(spate_recv(far, buf, 8, 0), 2);
	assert_int_equal(spate_ioctl(far, SIOCATMARK, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(spate_recv(far, buf, 8, MSG_OOB), 1);
	assert_int_equal(buf[0], 'c');
	assert_int_equal(spate_setsockopt(far, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
	at(NEAR);
	assert_int_equal(spate_send(fd, "de", 2, MSG_OOB), 2);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, 1, 0), 1); /* 'c' stays where it was: its mark was passed in line */
	at(NEAR);
}

static void short_stream(void **state)
{
	int far, fd = pair(80, &far), n = -1;
	char buf[32] = {0};
	struct iovec out[3] = {{"ab", 2}, {NULL, 0}, {"cdef", 4}};
	struct iovec in[2] = {{buf, 3}, {buf + 8, 20}};

	(void)state;
	assert_int_equal(spate_writev(fd, out, 3), 6);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), MSG_PEEK), 6);
	assert_int_equal(spate_ioctl(far, FIONREAD, &n), 0);
	assert_int_equal(n, 6);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(spate_readv(far, in, 2), 6);
	assert_string_equal(buf, "abc");
	assert_string_equal(buf + 8, "def");
	assert_int_equal(spate_recv(far, buf, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(spate_write(far, "xyz", 3), 3);
	at(NEAR);
	assert_int_equal(spate_recv(fd, NULL, 2, MSG_TRUNC), 2); /* thrown away */
	assert_int_equal(spate_read(fd, buf, 5), 1);
	assert_int_equal(buf[0], 'z');
	assert_int_equal(spate_sys_recvfrom(fd, NULL, 2, 0, NULL, NULL), -EFAULT);
	assert_int_equal(spate_sys_sendto(fd, NULL, 2, 0, NULL, 0), -EFAULT);
	assert_int_equal(spate_sys_recvfrom(fd, buf, 1, MSG_OOB, NULL, NULL), -EINVAL);
	assert_int_equal(spate_ioctl(fd, SIOCOUTQ, &n), 0);
	assert_int_equal(n, 0);
}

static int drain_fd;
static uint64_t drained;
static uint32_t drain_sum;

static void drain(void)
{
	static uint8_t buf[20000];
	struct sock_env *who = sock_cur;
	ssize_t n;

	at(FAR);
	n = spate_sys_recvfrom(drain_fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL);
	for (ssize_t i = 0; i < n; i++)
		drain_sum = drain_sum * 31 + buf[i];
	if (n > 0)
		drained += (uint64_t)n;
	sock_enter(who);
}

/* A blocking send of more than the buffers hold, in many pieces, read by the other end meanwhile. */
static void blocking_send_of_much(void **state)
{
	enum { PIECES = 300, PIECE = 17777 };
	int far, fd = pair(80, &far);
	uint8_t *data = malloc(PIECE);
	struct iovec iov[PIECES];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = PIECES};
	uint32_t sum = 0;

	(void)state;
	assert_non_null(data);
	for (int i = 0; i < PIECE; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	for (int i = 0; i < PIECES; i++) {
		iov[i] = (struct iovec){data + i, (size_t)(PIECE - i)};
		for (int k = i; k < PIECE; k++)
			sum = sum * 31 + data[k];
	}
	drain_fd = far;
	drained = 0;
	drain_sum = 0;
	world.every_turn = drain;
	uint64_t want = (uint64_t)PIECES * PIECE - PIECES * (PIECES - 1) / 2;
	assert_int_equal(spate_sys_sendmsg(fd, &msg, 0), want);
	run_ms(500);
	assert_int_equal(drained, want);
	assert_int_equal(drain_sum, sum);
	free(data);
}

static void send_timeout_and_nonblocking(void **state)
{
	enum { BIG = 8 << 20 };
	int far, fd = pair(80, &far);
	struct timeval tv = {.tv_usec = 50000};
	uint8_t *data = calloc(1, BIG);
	ssize_t part;

	(void)state;
	assert_non_null(data);
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	part = spate_send(fd, data, BIG, 0); /* nobody reads: the part that fits */
	assert_true(part > 0 && part < BIG);
	assert_int_equal(spate_sys_sendto(fd, data, 1, MSG_DONTWAIT, NULL, 0), -EAGAIN);
	assert_int_equal(spate_sys_sendto(fd, data, BIG, 0, NULL, 0), -EAGAIN);
	assert_int_equal(poll_now(fd), 0);
	free(data);
}

static void write_in_two(void)
{
	static int turns;
	struct sock_env *who = sock_cur;

	if (drain_fd < 0 || ++turns % 5 != 0)
		return;
	at(FAR);
	assert_int_equal(spate_sys_sendto(drain_fd, "12345", 5, MSG_DONTWAIT, NULL, 0), 5);
	sock_enter(who);
}

static void waitall(void **state)
{
	int far, fd = pair(80, &far);
	char buf[64];
	struct timeval tv = {.tv_usec = 20000};

	(void)state;
	drain_fd = far;
	world.every_turn = write_in_two;
	assert_int_equal(spate_recv(fd, buf, 23, MSG_WAITALL), 23);
	assert_memory_equal(buf, "12345123451234512345123", 23);
	world.every_turn = NULL;
	run_ms(5);
	while (spate_recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	at(FAR);
	assert_int_equal(spate_send(far, "end", 3, 0), 3);
	at(NEAR);
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(spate_recv(fd, buf, 10, MSG_WAITALL), 3); /* time over: what there is */
	at(FAR);
	assert_int_equal(spate_send(far, "fin", 3, 0), 3);
	assert_int_equal(spate_shutdown(far, SHUT_WR), 0);
	at(NEAR);
	assert_int_equal(spate_recv(fd, buf, 10, MSG_WAITALL), 3); /* stream over */
	assert_int_equal(spate_recv(fd, buf, 10, MSG_WAITALL), 0);
}

static void lowat_set(int fd, int v) { assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &v, sizeof(v)), 0); }

static int int_option(int fd, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(spate_getsockopt(fd, SOL_SOCKET, name, &v, &len), 0);
	return v;
}

/* socket(7), tcp_set_rcvlowat(): a blocking call waits for that many bytes, but for no more than it asks for. */
static void lowat_blocks(void **state)
{
	int far, fd = pair(80, &far);
	struct timeval tv = {.tv_usec = 20000};
	char buf[64];

	(void)state;
	lowat_set(fd, 12);
	drain_fd = far;
	world.every_turn = write_in_two;
	assert_in_range(spate_recv(fd, buf, sizeof(buf), 0), 12, 20);
	assert_int_equal(spate_recv(fd, buf, 7, 0), 7);
	assert_in_range(spate_recv(fd, buf, sizeof(buf), MSG_PEEK), 12, 25);
	assert_int_equal(spate_recv(fd, buf, 40, MSG_PEEK | MSG_WAITALL), 40);
	assert_int_equal(spate_recv(fd, buf, 40, MSG_WAITALL), 40);
	world.every_turn = NULL;
	run_ms(5);
	while (spate_recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	at(FAR);
	assert_int_equal(spate_send(far, "end", 3, 0), 3);
	at(NEAR);
	run_ms(5);
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), MSG_PEEK), 3);
	assert_int_equal(spate_recv(fd, buf, 1, MSG_DONTWAIT), 1); /* without waiting: what there is */
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 2);  /* time over: the same */
	at(FAR);
	assert_int_equal(spate_send(far, "fin", 3, 0), 3);
	assert_int_equal(spate_shutdown(far, SHUT_WR), 0);
	at(NEAR);
	tv = (struct timeval){.tv_sec = 0};
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), MSG_PEEK), 3); /* stream over */
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 3);
	assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 0);
}

/* Readiness waits for it too, also an edge; setting less may be what makes a socket ready. */
static void lowat_readiness(void **state)
{
	int far, fd = pair(80, &far), ep = spate_epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	char buf[200];

	(void)state;
	lowat_set(fd, 100);
	assert_int_equal(spate_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(poll_now(fd) & POLLIN, 0);
		assert_int_equal(spate_epoll_wait(ep, &ev, 1, 0), 0);
		at(FAR);
		assert_int_equal(spate_send(far, buf, 50, 0), 50);
		at(NEAR);
		run_ms(5);
	}
	assert_int_equal(poll_now(fd) & POLLIN, POLLIN);
	assert_int_equal(spate_epoll_wait(ep, &ev, 1, 0), 1);
	assert_int_equal(spate_epoll_wait(ep, &ev, 1, 0), 0);
	assert_int_equal(spate_recv(fd, buf, 40, MSG_DONTWAIT), 40);
	assert_int_equal(poll_now(fd) & POLLIN, 0);
	lowat_set(fd, 60);
	assert_int_equal(spate_epoll_wait(ep, &ev, 1, 0), 1);
	lowat_set(fd, 61);
	at(FAR);
	assert_int_equal(spate_shutdown(far, SHUT_WR), 0);
	at(NEAR);
	run_ms(5);
	assert_int_equal(poll_now(fd) & POLLIN, POLLIN); /* the end */
}

/* As Linux 6.18 says them back: half of the largest buffer is the most; a buffer that may grow does. */
static void lowat_values(void **state)
{
	int fd = stream(0), v = 10000;

	(void)state;
	assert_int_equal(int_option(fd, SO_RCVLOWAT), 1);
	lowat_set(fd, 0);
	assert_int_equal(int_option(fd, SO_RCVLOWAT), 1);
	lowat_set(fd, 1000000);
	assert_int_equal(int_option(fd, SO_RCVLOWAT), 1000000);
	assert_int_equal(int_option(fd, SO_RCVBUF), 2000000);
	lowat_set(fd, -1);
	assert_int_equal(int_option(fd, SO_RCVLOWAT), int_option(fd, SO_RCVBUF) / 2);
	fd = stream(0);
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)), 0);
	lowat_set(fd, 1000000);
	assert_int_equal(int_option(fd, SO_RCVLOWAT), 10000);
	assert_int_equal(int_option(fd, SO_RCVBUF), 20000);
}

/* More than fits: when the peer may not send any more, what there is counts. */
static void lowat_beyond_the_buffer(void **state)
{
	int far, fd = pair(80, &far), small = 4096;
	char *buf = calloc(1, 65536);

	(void)state;
	lowat_set(fd, 60000);
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	at(FAR);
	assert_int_equal(spate_send(far, buf, 65536, 0), 65536);
	at(NEAR);
	run_ms(2000);
	assert_int_equal(poll_now(fd) & POLLIN, POLLIN);
	assert_int_equal(spate_recv(fd, buf, 65536, 0) >= 60000, 1); /* reading makes room for the rest */
	free(buf);
}

static void shutdown_rules(void **state)
{
	int far, fd = pair(80, &far);
	char c;

	(void)state;
	assert_int_equal(spate_sys_shutdown(fd, 7), -EINVAL);
	assert_int_equal(spate_sys_shutdown(stream(0), SHUT_WR), -ENOTCONN);
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EPIPE);
	at(FAR);
	assert_int_equal(spate_recv(far, &c, 1, 0), 0);
	assert_int_equal(spate_send(far, "y", 1, 0), 1);
	at(NEAR);
	assert_int_equal(spate_recv(fd, &c, 1, 0), 1);
	assert_int_equal(c, 'y');
}

#define NARROW 1350

/* A link that takes less than both ends think, and drops the rest without a word. */
static int narrow_make(void **state)
{
	const struct sim_config sim = {.n_queues = {1, 1}, .seed = 3, .mtu = NARROW};

	(void)state;
	world_make_sim(&sim, 1024, 65535);
	for (int e = 0; e < 2; e++)
		world.stack[e]->net.iface[0].mtu = 1500;
	return 0;
}

/* RFC 4821 7.6.2, of both families: what no ICMP message tells, losses do; and without the setting nothing arrives. */
static void black_hole(void **state)
{
	const struct path *path;
	size_t n = 0;
	ssize_t got;
	char *buf = calloc(1, 100000);
	int far, fd = pair(80, &far);

	(void)state;
	path = path_at(&world.stack[NEAR]->net.paths, sock_at(sock_cur, fd)->h.path);
	assert_int_equal(path->pmtu, 1500);
	assert_int_equal(spate_send(fd, buf, 100000, MSG_DONTWAIT), 100000);
	run_ms(4000);
	at(FAR);
	assert_int_equal(spate_sys_recvfrom(far, buf, 1, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
	world.stack[NEAR]->tcp.mtu_probing = 1;
	run_ms(30000);
	while ((got = spate_sys_recvfrom(far, buf, 100000, MSG_DONTWAIT, NULL, NULL)) > 0) {
		n += (size_t)got;
		run_ms(1000);
	}
	assert_int_equal(n, 100000);
	assert_int_equal(world.stack[NEAR]->tcp.stats.mtu_holes, 1);
	assert_in_range(path->pmtu, world_family == WORLD_IP6 ? 1280 : 1024, NARROW);
	free(buf);
	at(NEAR);
}

/* Moves total bytes from fd to far; how often the window was reduced on the way. */
static unsigned move(int fd, int far, size_t total)
{
	static char buf[65536];
	const struct tcp_pcb *p = (const struct tcp_pcb *)sock_at(sock_cur, fd);
	size_t in = 0, out = 0;
	unsigned reduced = 0;

	for (unsigned ms = 0; in < total; ms++) {
		uint32_t cwnd = p->cwnd, ssthresh = p->ssthresh;
		ssize_t n = out < total ? spate_sys_sendto(fd, buf, RTE_MIN(sizeof(buf), total - out), MSG_DONTWAIT, NULL, 0) : 0;

		assert_true(ms < 120000);
		out += n > 0 ? (size_t)n : 0;
		run_ms(1);
		reduced += p->ssthresh != ssthresh && p->ssthresh < cwnd;
		at(FAR);
		n = spate_sys_recvfrom(far, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL);
		in += n > 0 ? (size_t)n : 0;
		at(NEAR);
	}
	return reduced;
}

/* RFC 4821 7.3: then larger segments are tried, up to what passes; a lost one is no congestion (7.6.1). */
static void larger_again(void **state)
{
	const struct tcp_stats *st = &world.stack[NEAR]->tcp.stats;
	const struct sim_link slow = {.delay_ns = 5 * MS};
	const struct tcp_pcb *p;
	int far, fd = pair(80, &far);
	struct path *path;
	uint64_t rtos, probes;

	(void)state;
	world.stack[NEAR]->tcp.mtu_probing = 1;
	sim_set_link(world.port[NEAR], 0, &slow);
	sim_set_link(world.port[NEAR], 1, &slow);
	p = (const struct tcp_pcb *)sock_at(sock_cur, fd);
	path = path_at(&world.stack[NEAR]->net.paths, p->c.h.path);
	move(fd, far, 10000);
	assert_int_equal(st->mtu_holes, 1);
	assert_int_equal(path->pmtu_failed, 1500);
	rtos = st->rtos;
	assert_int_equal(move(fd, far, 3000000), 0);
	assert_int_equal(st->rtos, rtos);
	assert_in_range(path->pmtu, NARROW + 4 - 2 * TCP_MTU_NEAR, NARROW + 4); /* the link leaves room for a VLAN tag */
	assert_int_equal(path->pmtu_failed, 0);
	assert_true(st->mtu_raised >= 1 && st->mtu_probes > st->mtu_raised);
	probes = st->mtu_probes;
	move(fd, far, 1000000);
	assert_int_equal(st->mtu_probes, probes);
	/* The router says so: there is nothing to look for. */
	path->pmtu_failed = 1500;
	net_pmtu_lower(&world.stack[NEAR]->net, p->c.h.path, 1285);
	assert_int_equal(path->pmtu_failed, 0);
	assert_int_equal(st->mtu_holes, 1);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(descriptors),
		IN_WORLD(orphans_are_gone),
		IN_WORLD(not_yet_accepted_is_no_descriptor),
		IN_WORLD(too_many_sockets),
		IN_WORLD(fcntl_and_ioctl),
		IN_WORLD(accept_names_and_flags),
		IN_WORLD(accept_blocks),
		IN_WORLD(urgent),
		IN_WORLD(short_stream),
		IN_WORLD(blocking_send_of_much),
		IN_WORLD(send_timeout_and_nonblocking),
		IN_WORLD(waitall),
		IN_WORLD(lowat_blocks),
		IN_WORLD(lowat_readiness),
		IN_WORLD(lowat_values),
		IN_WORLD(lowat_beyond_the_buffer),
		IN_WORLD(shutdown_rules),
		cmocka_unit_test_setup_teardown(black_hole, narrow_make, world_end),
		cmocka_unit_test_setup_teardown(larger_again, narrow_make, world_end),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
