/* call_test.c: the calls of a client with a whole service: what they return and in which order they look, how they wait, and what
 * becomes of signals, threads and descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/client.h"
#include "sim.h"

static const struct sockaddr *sa(const struct sockaddr_in *a) { return (const struct sockaddr *)a; }

static unsigned ms_since(uint64_t began) { return (unsigned)((client_now_ns() - began) / 1000000u); }

static int stream(void)
{
	int fd = client_socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	return fd;
}

static void expect_error(int fd, int error)
{
	socklen_t len = sizeof(int);
	int got = -1;

	assert_int_equal(client_getsockopt(fd, SOL_SOCKET, SO_ERROR, &got, &len), 0);
	assert_int_equal(got, error);
}

/* ---- signals that count themselves ---- */

static volatile sig_atomic_t signals;
static int signal_fd;
static sigjmp_buf out_of_here;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void alarm_in_ms(void (*handler)(int), int flags, unsigned ms)
{
	struct sigaction sa_new = {.sa_handler = handler, .sa_flags = flags};
	struct itimerval timer = {.it_value.tv_usec = (suseconds_t)ms * 1000};

	signals = 0;
	sigaction(SIGALRM, &sa_new, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- descriptors ---- */

static void numbers_are_the_lowest(void **state)
{
	int pipes[2], a, b;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	a = stream();
	b = client_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
	assert_int_equal(a, pipes[1] + 1);
	assert_int_equal(b, pipes[1] + 2);
	close(pipes[0]);
	assert_int_equal(client_dup(b, 0, false), pipes[0]);
	assert_int_equal(client_close(pipes[0]), 0);
	assert_int_equal(client_close(a), 0);
	assert_int_equal(client_close(a), CLIENT_KERNEL);
	assert_int_equal(client_close(b), 0);
	close(pipes[1]);
}

static void other_families_are_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(client_socket(AF_UNIX, SOCK_STREAM, 0), CLIENT_KERNEL);
	assert_int_equal(client_socket(AF_INET, SOCK_RAW, 1), CLIENT_KERNEL);
	assert_int_equal(client_socket(AF_INET, SOCK_DGRAM, 136), CLIENT_KERNEL);
	assert_int_equal(client_socket(AF_INET, SOCK_STREAM | 0x100000, 0), CLIENT_KERNEL);
}

static void flags_belong_to_the_socket(void **state)
{
	struct stat st;
	int fd = client_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), twin = client_dup(fd, 20, false), on = 0;

	(void)state;
	assert_int_equal(twin, 20);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(twin, F_GETFD), 0);
	assert_int_equal(client_fcntl(fd, F_GETFL, 0), O_RDWR);
	assert_int_equal(client_fcntl(twin, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(client_fcntl(fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
	assert_int_equal(client_ioctl(fd, FIONBIO, &on), 0);
	assert_int_equal(client_fcntl(twin, F_GETFL, 0), O_RDWR);
	assert_int_equal(client_fcntl(fd, F_GETFD, 0), CLIENT_KERNEL);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	client_close(fd);
	assert_int_equal(client_fcntl(twin, F_GETFL, 0), O_RDWR);
	client_close(twin);
}

static void dup2_goes_both_ways(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), pipes[2];
	char c;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(client_dup2(fd, pipes[0], 0), pipes[0]); /* a socket over a pipe's end */
	assert_true(client_owns_socket(pipes[0]));
	assert_int_equal(client_sendto(pipes[0], "x", 1, 0, NULL, 0), 1);
	assert_int_equal(client_recvfrom(fd, &c, 1, 0, NULL, NULL), 1);
	assert_int_equal(write(pipes[1], "x", 1), -1); /* its reader has gone */
	assert_int_equal(client_dup2(pipes[1], fd, O_CLOEXEC), fd); /* a pipe's end over a socket */
	assert_false(client_owns(fd));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(client_dup2(1, 2, 0), CLIENT_KERNEL);
	close(fd);
	sim_far_has(1);
	client_close(pipes[0]);
	close(pipes[1]);
	sim_far_has(0);
}

static void hidden_ones_are_out_of_the_way(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), hidden = 0, seen = 0;

	(void)state;
	for (int i = 0; i < 1100; i++) {
		if (!client_hides(i))
			continue;
		hidden = i;
		seen++;
		assert_int_equal(client_close(i), -EBADF);
		assert_int_equal(client_fcntl(i, F_GETFD, 0), -EBADF);
		assert_int_equal(client_dup(i, 0, false), -EBADF);
	}
	assert_true(seen >= 2 && hidden >= 1000);
	/* A program that wants this very number gets it, and what was there goes on elsewhere. */
	for (int i = 1000; i < hidden + 3; i++) {
		assert_int_equal(client_dup2(fd, i, 0), i);
		assert_false(client_hides(i));
	}
	for (int i = 1000; i < hidden + 3; i++)
		assert_int_equal(client_close(i), 0);
	assert_true(stream() > fd);
	/* The range that holds everything leaves them alone. */
	assert_int_equal(client_close_range((unsigned)fd, ~0u, 0), 0);
	assert_false(client_owns(fd));
	sim_far_has(0);
	fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	client_close(fd);
}

/* ---- the order of checks: rows A ---- */

static void addresses_are_checked_in_order(void **state)
{
	struct sockaddr_in to = sim_addr(FAR_IP, ECHO_PORT);
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = client_socket(AF_INET, SOCK_STREAM, 0);
	char *end = pages + 4096 - sizeof(to);

	(void)state;
	assert_int_equal(munmap(pages + 4096, 4096), 0);
	assert_int_equal(client_connect(999, NULL, 16), -EBADF);                 /* A2 */
	assert_int_equal(client_connect(fd, NULL, 16), -EFAULT);                 /* A7 */
	assert_int_equal(client_connect(fd, (struct sockaddr *)1, 16), -EFAULT);
	assert_int_equal(client_connect(fd, (struct sockaddr *)(end + 8), 16), -EFAULT); /* A8 */
	assert_int_equal(client_connect(fd, NULL, 0), -EINVAL);                  /* A10 */
	assert_int_equal(client_connect(fd, NULL, 1), -EFAULT);                  /* A11 */
	assert_int_equal(client_connect(fd, sa(&to), 1), -EINVAL);               /* A12 */
	assert_int_equal(client_connect(fd, NULL, 129), -EINVAL);                /* A15 */
	assert_int_equal(client_connect(fd, sa(&to), (socklen_t)-1), -EINVAL);
	assert_int_equal(client_bind(fd, NULL, 16), -EFAULT);
	memcpy(end, &to, sizeof(to));
	assert_int_equal(client_connect(fd, (struct sockaddr *)end, sizeof(to)), 0); /* A9 */
	assert_int_equal(client_connect(fd, NULL, 16), -EFAULT);                 /* C8 */
	assert_int_equal(client_connect(fd, sa(&to), sizeof(to)), -EISCONN);     /* C7 */
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (void *)1, 4), -EFAULT);
	assert_int_equal(client_getsockname(fd, (struct sockaddr *)1, &(socklen_t){16}), -EFAULT);
	assert_int_equal(client_getsockname(fd, (struct sockaddr *)pages, &(socklen_t){-1}), -EINVAL);
	assert_int_equal(client_sendto(fd, NULL, 5, 0, NULL, 0), -EFAULT);
	assert_int_equal(client_recvfrom(fd, NULL, 5, 0, NULL, NULL), -EFAULT);
	client_close(fd);
	munmap(pages, 4096);
}

/* ---- connect ---- */

static void refused_blocking_and_not(void **state)
{
	struct sockaddr_in to = sim_addr(FAR_IP, CLOSED_PORT), echo = sim_addr(FAR_IP, ECHO_PORT);
	int fd = stream();

	(void)state;
	assert_int_equal(client_connect(fd, sa(&to), sizeof(to)), -ECONNREFUSED); /* C18 */
	expect_error(fd, 0);
	assert_int_equal(client_connect(fd, sa(&echo), sizeof(echo)), 0); /* C19 */
	client_close(fd);
	fd = client_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(client_connect(fd, sa(&to), sizeof(to)), -EINPROGRESS); /* C20 */
	assert_int_equal(client_poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, CLIENT_FOREVER, NULL), 1);
	expect_error(fd, ECONNREFUSED);
	expect_error(fd, 0);
	client_close(fd);
}

static void connect_gives_up_by_sndtimeo(void **state)
{
	struct sockaddr_in nobody = sim_addr("10.0.0.77", ECHO_PORT);
	struct timeval tv = {.tv_usec = 80000}, got;
	socklen_t len = sizeof(got);
	uint64_t began = client_now_ns();
	int fd = stream();

	(void)state;
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(client_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &got, &len), 0);
	assert_memory_equal(&got, &tv, sizeof(tv));
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_usec = 1000000}, sizeof(tv)), -EDOM);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv) - 1), -EINVAL);
	assert_int_equal(client_connect(fd, sa(&nobody), sizeof(nobody)), -EINPROGRESS); /* D1 */
	assert_int_equal(client_connect(fd, sa(&nobody), sizeof(nobody)), -EALREADY);    /* D2 */
	assert_true(ms_since(began) >= 160);
	client_close(fd);
}

struct attempt {
	pthread_t thread;
	int fd, rc;
	unsigned ms;
};

static void *attempt(void *arg)
{
	struct sockaddr_in nobody = sim_addr("10.0.0.77", ECHO_PORT);
	struct attempt *a = arg;
	uint64_t began = client_now_ns();

	a->rc = client_connect(a->fd, sa(&nobody), sizeof(nobody));
	a->ms = ms_since(began);
	return NULL;
}

static void begin_attempt(struct attempt *a)
{
	a->fd = stream();
	assert_int_equal(pthread_create(&a->thread, NULL, attempt, a), 0);
	usleep(30000);
}

/* L2, L3: what another thread does to an attempt that is waited for. */
static void attempts_are_ended_by_others(void **state)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_in echo = sim_addr(FAR_IP, ECHO_PORT);
	struct attempt a;

	(void)state;
	begin_attempt(&a);
	assert_int_equal(client_shutdown(a.fd, SHUT_WR), 0);
	pthread_join(a.thread, NULL);
	assert_int_equal(a.rc, -ECONNRESET);
	assert_true(a.ms < 1000);
	expect_error(a.fd, 0);
	assert_int_equal(client_connect(a.fd, sa(&echo), sizeof(echo)), 0);
	client_close(a.fd);
	begin_attempt(&a);
	assert_int_equal(client_connect(a.fd, &none, sizeof(none)), 0);
	pthread_join(a.thread, NULL);
	assert_int_equal(a.rc, -EPIPE);
	expect_error(a.fd, ECONNRESET);
	client_close(a.fd);
}

/* D5, D7, D9, D10, C17 */
static void attempts_survive_signals(void **state)
{
	struct sockaddr_in nobody = sim_addr("10.0.0.77", ECHO_PORT), echo = sim_addr(FAR_IP, ECHO_PORT);
	struct timeval tv = {.tv_sec = 20};
	int fd = stream();
	uint64_t began;

	(void)state;
	alarm_in_ms(count_signal, 0, 30);
	assert_int_equal(client_connect(fd, sa(&nobody), sizeof(nobody)), -EINTR); /* D5 */
	client_fcntl(fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(client_connect(fd, sa(&nobody), sizeof(nobody)), -EALREADY); /* D6 */
	client_fcntl(fd, F_SETFL, 0);
	began = client_now_ns();
	alarm_in_ms(count_signal, SA_RESTART, 30);
	assert_int_equal(client_connect(fd, sa(&nobody), sizeof(nobody)), -EHOSTUNREACH); /* D7, D9, F40 */
	assert_int_equal(signals, 1);
	assert_true(ms_since(began) > 1000);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	alarm_in_ms(count_signal, SA_RESTART, 30);
	assert_int_equal(client_connect(fd, sa(&nobody), sizeof(nobody)), -EINTR); /* D10 */
	client_close(fd);
	fd = client_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(client_connect(fd, sa(&echo), sizeof(echo)), -EINPROGRESS);
	client_fcntl(fd, F_SETFL, 0);
	assert_int_equal(client_connect(fd, sa(&echo), sizeof(echo)), 0); /* C17 */
	assert_int_equal(client_connect(fd, sa(&echo), sizeof(echo)), -EISCONN);
	client_close(fd);
}

/* ---- closing ---- */

static void closing_lingers(void **state)
{
	struct linger l = {.l_onoff = 1, .l_linger = 1};
	int fd = sim_connected(SOCK_STREAM, DEAF_PORT);
	char *data = calloc(1, 1 << 20);
	uint64_t began;

	(void)state;
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	while (client_sendto(fd, data, 1 << 20, MSG_DONTWAIT, NULL, 0) > 0)
		;
	began = client_now_ns();
	assert_int_equal(client_close(client_dup(fd, 0, false)), 0); /* not the last */
	assert_true(ms_since(began) < 500);
	assert_int_equal(client_close(fd), 0); /* the peer does not read: all of the time */
	assert_true(ms_since(began) >= 1000);
	free(data);
	fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(client_sendto(fd, "x", 1, 0, NULL, 0), 1);
	began = client_now_ns();
	assert_int_equal(client_close(fd), 0);
	assert_true(ms_since(began) < 900); /* acknowledged */
}

/* ---- moving bytes ---- */

/* SIZE bytes there and back, sent by another thread. */
#define SIZE (3u << 20)

struct sender {
	int fd;
	const char *data;
	ssize_t sent;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	s->sent = client_sendto(s->fd, s->data, SIZE, 0, NULL, 0);
	return NULL;
}

static void blocking_send_takes_all(void **state)
{
	struct sender s = {.fd = sim_connected(SOCK_STREAM, ECHO_PORT)};
	char *data = malloc(SIZE), *back = calloc(1, SIZE);
	pthread_t t;

	(void)state;
	for (unsigned i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 + (i >> 8));
	s.data = data;
	assert_int_equal(pthread_create(&t, NULL, send_all, &s), 0);
	assert_int_equal(client_recvfrom(s.fd, back, SIZE, MSG_WAITALL, NULL, NULL), SIZE);
	pthread_join(t, NULL);
	assert_int_equal(s.sent, SIZE);
	assert_memory_equal(data, back, SIZE);
	client_close(s.fd);
	free(data);
	free(back);
}

static void a_full_pipe_says_again(void **state)
{
	int fd = sim_connected(SOCK_STREAM, DEAF_PORT);
	struct timeval tv = {.tv_usec = 50000};
	char *data = calloc(1, SIZE);
	uint64_t began;
	ssize_t n, total = 0;

	(void)state;
	while ((n = client_sendto(fd, data, SIZE, MSG_DONTWAIT, NULL, 0)) > 0)
		total += n;
	assert_int_equal(n, -EAGAIN);
	assert_true(total > 0);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	began = client_now_ns();
	n = client_sendto(fd, data, SIZE, 0, NULL, 0); /* some may have left meanwhile */
	assert_true(n == -EAGAIN || (n > 0 && n < (ssize_t)SIZE));
	assert_true(ms_since(began) >= 49);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger)), 0);
	client_close(fd); /* by RST, as the peer would never read */
	sim_far_has(0);
	free(data);
}

/* As on a kernel's loopback: what was sent is there when send() returns. */
static void loopback_is_there_at_once(void **state)
{
	struct sockaddr_in at = sim_addr("127.0.0.1", 0);
	socklen_t len = sizeof(at);
	int l = stream(), out = stream(), in;
	struct pollfd p;
	char c;

	(void)state;
	assert_int_equal(client_bind(l, sa(&at), sizeof(at)), 0);
	assert_int_equal(client_listen(l, 5), 0);
	assert_int_equal(client_getsockname(l, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(client_connect(out, sa(&at), sizeof(at)), 0);
	assert_int_equal(client_setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
	in = client_accept4(l, NULL, NULL, SOCK_NONBLOCK);
	p = (struct pollfd){.fd = in, .events = POLLIN};
	for (int i = 0; i < 200; i++) {
		assert_int_equal(client_sendto(out, "x", 1, 0, NULL, 0), 1);
		assert_int_equal(client_poll(&p, 1, 0, NULL), 1);
		assert_int_equal(client_recvfrom(in, &c, 1, 0, NULL, NULL), 1);
	}
	client_close(in);
	client_close(out);
	client_close(l);
}

static void scattered(void **state)
{
	char a[3] = "", b[10] = "", c[2] = "";
	struct iovec out[3] = {{(void *)"one", 3}, {NULL, 0}, {(void *)"three", 5}}, in[3] = {{a, 2}, {b, 4}, {c, 2}};
	struct msghdr msg = {.msg_iov = in, .msg_iovlen = 3};
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);

	(void)state;
	assert_int_equal(client_writev(fd, out, 3), 8);
	assert_int_equal(client_recvmsg(fd, &msg, MSG_WAITALL), 8);
	assert_memory_equal(a, "on", 2);
	assert_memory_equal(b, "ethr", 4);
	assert_memory_equal(c, "ee", 2);
	assert_int_equal(client_writev(fd, out, -1), -EINVAL);
	assert_int_equal(client_writev(fd, out, 0), 0);
	client_close(fd);
}

static void datagrams_keep_their_bounds(void **state)
{
	struct sockaddr_in to = sim_addr(FAR_IP, ECHO_PORT), from;
	static char big[70000];
	struct mmsghdr m[2] = {0};
	struct iovec iov[2] = {{big, 4}, {big + 100, 4}};
	socklen_t len = sizeof(from);
	int fd = client_socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_int_equal(client_sendto(fd, "a", 1, 0, NULL, 0), -EDESTADDRREQ);
	assert_int_equal(client_sendto(fd, big, 65536, 0, sa(&to), sizeof(to)), -EMSGSIZE);
	assert_int_equal(client_sendto(fd, "abcdef", 6, 0, sa(&to), sizeof(to)), 6);
	assert_int_equal(client_recvfrom(fd, big, 4, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from, &len), 6);
	assert_int_equal(len, sizeof(from));
	assert_memory_equal(&from, &to, offsetof(struct sockaddr_in, sin_zero));
	assert_memory_equal(big, "abcd\0", 5);
	m[0].msg_hdr = m[1].msg_hdr = (struct msghdr){.msg_iovlen = 1};
	m[0].msg_hdr.msg_iov = &iov[0];
	m[1].msg_hdr.msg_iov = &iov[1];
	assert_int_equal(client_sendto(fd, "zz", 2, 0, sa(&to), sizeof(to)), 2);
	assert_int_equal(client_recvmmsg(fd, m, 2, 0, NULL), 2);
	assert_int_equal(m[0].msg_len, 4);
	assert_int_equal(m[0].msg_hdr.msg_flags, MSG_TRUNC);
	assert_int_equal(m[1].msg_len, 2);
	assert_memory_equal(big + 100, "zz", 2);
	assert_int_equal(client_recvfrom(fd, big, 4, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
	client_close(fd);
}

static void files_are_sent(void **state)
{
	FILE *f = tmpfile();
	off_t at = 5;
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), pipes[2];
	char got[20] = "";

	(void)state;
	fputs("0123456789abcdef", f);
	fflush(f);
	lseek(fileno(f), 10, SEEK_SET);
	assert_int_equal(client_sendfile(fd, fileno(f), &at, 4), 4);
	assert_int_equal(at, 9);
	assert_int_equal(client_sendfile(fd, fileno(f), NULL, 100), 6);
	assert_int_equal(lseek(fileno(f), 0, SEEK_CUR), 16);
	assert_int_equal(client_recvfrom(fd, got, 10, MSG_WAITALL, NULL, NULL), 10);
	assert_string_equal(got, "5678abcdef");
	assert_int_equal(client_sendfile(fd, fd, NULL, 100), -EINVAL);
	fclose(f);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "through", 7), 7);
	assert_int_equal(client_splice(pipes[0], NULL, fd, NULL, 100, 0), 7);
	assert_int_equal(client_splice(pipes[0], NULL, fd, NULL, 100, SPLICE_F_NONBLOCK), -EAGAIN);
	assert_int_equal(client_poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, CLIENT_FOREVER, NULL), 1);
	assert_int_equal(client_splice(fd, NULL, pipes[1], NULL, 100, 0), 7);
	assert_int_equal(read(pipes[0], got, 20), 7);
	assert_memory_equal(got, "through", 7);
	assert_int_equal(client_splice(fd, NULL, fd, NULL, 100, 0), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	client_close(fd);
}

/* ---- signals ---- */

/* Calls within the call that was interrupted. */
static void use_in_signal(int sig)
{
	(void)sig;
	signals++;
	client_sendto(signal_fd, "from the handler", 16, 0, NULL, 0);
}

static void jump(int sig)
{
	(void)sig;
	siglongjmp(out_of_here, 1);
}

static void handlers_end_waits_or_not(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	struct timeval tv = {.tv_sec = 5};
	uint64_t began = client_now_ns();
	char got[20];

	(void)state;
	alarm_in_ms(count_signal, 0, 30);
	assert_int_equal(client_recvfrom(fd, got, 1, 0, NULL, NULL), -EINTR);
	signal_fd = fd;
	alarm_in_ms(use_in_signal, SA_RESTART, 30); /* goes on waiting, and gets what the handler sent */
	assert_int_equal(client_recvfrom(fd, got, 16, MSG_WAITALL, NULL, NULL), 16);
	assert_memory_equal(got, "from the handler", 16);
	assert_int_equal(signals, 1);
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	alarm_in_ms(count_signal, SA_RESTART, 30); /* never with a timeout */
	assert_int_equal(client_recvfrom(fd, got, 1, 0, NULL, NULL), -EINTR);
	alarm_in_ms(count_signal, SA_RESTART, 30); /* and never poll() */
	assert_int_equal(client_poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, CLIENT_FOREVER, NULL), -EINTR);
	assert_true(ms_since(began) < 2000);
	tv = (struct timeval){.tv_usec = 40000};
	assert_int_equal(client_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	assert_int_equal(client_recvfrom(fd, got, 1, 0, NULL, NULL), -EAGAIN);
	client_close(fd);
}

static void __attribute__((noinline)) wait_in_vain(int fd)
{
	char c;

	alarm_in_ms(jump, 0, 20);
	client_recvfrom(fd, &c, 1, 0, NULL, NULL);
}

/* Calls that are left by longjmp() leave nothing held. */
static void jumps_out_of_calls(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	volatile int jumps = 0;
	int type;
	char c;

	(void)state;
	while (sigsetjmp(out_of_here, 1) != 0 || jumps == 0)
		if (jumps++ < 10)
			wait_in_vain(fd);
		else
			break;
	assert_int_equal(jumps, 11);
	assert_int_equal(client_sendto(fd, "x", 1, 0, NULL, 0), 1);
	assert_int_equal(client_recvfrom(fd, &c, 1, 0, NULL, NULL), 1);
	assert_int_equal(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type), 0);
	assert_int_equal(type, PTHREAD_CANCEL_DEFERRED);
	client_close(fd);
	sim_far_has(0); /* the last reference was that of the descriptor */
}

static void broken_pipes_are_signalled(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	struct sigaction counting = {.sa_handler = count_signal}, old;

	(void)state;
	sigaction(SIGPIPE, &counting, &old);
	signals = 0;
	assert_int_equal(client_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(client_sendto(fd, "x", 1, MSG_NOSIGNAL, NULL, 0), -EPIPE);
	assert_int_equal(signals, 0);
	assert_int_equal(client_sendto(fd, "x", 1, 0, NULL, 0), -EPIPE);
	assert_int_equal(signals, 1);
	sigaction(SIGPIPE, &old, NULL);
	client_close(fd);
}

/* ---- threads ---- */

static void *wait_for_byte(void *arg)
{
	char c = 0;

	return (void *)(intptr_t)(client_recvfrom(*(int *)arg, &c, 1, 0, NULL, NULL) == 1 ? c : -1);
}

/* AddressSanitizer takes what a cancelled thread leaves of its stack for poisoned. */
extern void __asan_init(void) __attribute__((weak));

/* A call that waits keeps its socket although the descriptor is closed (L1). */
static void close_does_not_wake(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), twin = client_dup(fd, 0, true);
	pthread_t t;
	void *got;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, wait_for_byte, &fd), 0);
	usleep(20000);
	assert_int_equal(client_sendto(fd, "y", 1, 0, NULL, 0), 1);
	pthread_join(t, &got);
	assert_int_equal((intptr_t)got, 'y');
	assert_int_equal(pthread_create(&t, NULL, wait_for_byte, &fd), 0);
	usleep(20000);
	assert_int_equal(client_close(fd), 0);
	usleep(20000);
	sim_far_has(1);
	if (__asan_init != NULL)
		client_sendto(twin, "z", 1, 0, NULL, 0);
	client_close(twin);
	if (__asan_init == NULL)
		pthread_cancel(t);
	pthread_join(t, &got);
	assert_true(got == PTHREAD_CANCELED || (intptr_t)got == 'z');
	sim_far_has(0); /* what the cancelled thread held has gone with it */
}

static void *touch(void *arg)
{
	int fd = stream();

	(void)arg;
	client_close(fd);
	return NULL;
}

/* Many more threads than channels, one after the other. */
static void threads_give_their_channels_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SVC_CHANS + 100; i++) {
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, touch, NULL), 0);
		pthread_join(t, NULL);
	}
}

/* Two threads that take turns at one socket: neither waits for the stack, and the bytes keep their order. */
#define TURNS 1000
static struct {
	int fd;
	_Atomic unsigned turn;
} taking_turns;

static void *say_in_turn(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	for (unsigned i = self; i < TURNS; i += 2) {
		const char c = (char)('a' + i % 26);

		while (atomic_load(&taking_turns.turn) != i)
			sched_yield();
		assert_int_equal(client_sendto(taking_turns.fd, &c, 1, 0, NULL, 0), 1);
		atomic_store(&taking_turns.turn, i + 1);
	}
	return NULL;
}

static void sends_keep_their_order(void **state)
{
	pthread_t t[2];
	char got[TURNS];

	(void)state;
	taking_turns.fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	atomic_store(&taking_turns.turn, 0);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, say_in_turn, (void *)i), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* The end is behind them all. */
	assert_int_equal(client_shutdown(taking_turns.fd, SHUT_WR), 0);
	assert_int_equal(client_recvfrom(taking_turns.fd, got, TURNS, MSG_WAITALL, NULL, NULL), TURNS);
	for (int i = 0; i < TURNS; i++)
		assert_int_equal(got[i], 'a' + i % 26);
	assert_int_equal(client_recvfrom(taking_turns.fd, got, 1, 0, NULL, NULL), 0);
	client_close(taking_turns.fd);
	sim_far_has(0);
}

/* ---- fork ---- */

static pid_t fork_here(void)
{
	pid_t pid;

	client_fork_prepare();
	pid = fork();
	if (pid == 0)
		client_fork_child();
	else
		client_fork_parent();
	return pid;
}

static void children_share_sockets(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), status;
	char got[6] = "";
	pid_t pid;

	(void)state;
	pid = fork_here();
	if (pid == 0) {
		int own = client_socket(AF_INET, SOCK_STREAM, 0);
		bool good = own == fd + 1 && client_sendto(fd, "child", 5, 0, NULL, 0) == 5;

		_exit(good && client_fcntl(fd, F_SETFL, O_NONBLOCK) == 0 ? 7 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(client_fcntl(fd, F_GETFL, 0), O_RDWR | O_NONBLOCK); /* L8 */
	client_fcntl(fd, F_SETFL, 0);
	assert_int_equal(client_recvfrom(fd, got, 5, MSG_WAITALL, NULL, NULL), 5);
	assert_string_equal(got, "child");
	sim_far_has(1);
	/* The parent's descriptor goes first; the child's still holds the connection. */
	pid = fork_here();
	if (pid == 0) {
		bool good = client_sendto(fd, "still", 5, 0, NULL, 0) == 5 &&
			    client_recvfrom(fd, got, 5, MSG_WAITALL, NULL, NULL) == 5 && memcmp(got, "still", 5) == 0;

		kill(getpid(), good ? SIGKILL : SIGTERM);
	}
	client_close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	sim_far_has(0); /* and nothing is left of one that was killed */
}

static void a_vforked_child_touches_nothing(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	pid_t pid;
	char c;

	(void)state;
	pid = vfork();
	if (pid == 0) {
		int rc = client_close(fd);

		_exit(rc == CLIENT_KERNEL && client_dup2(fd, 1, 0) == CLIENT_KERNEL ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &(int){0}, 0), pid);
	assert_int_equal(client_sendto(fd, "x", 1, 0, NULL, 0), 1);
	assert_int_equal(client_recvfrom(fd, &c, 1, 0, NULL, NULL), 1);
	client_close(fd);
	sim_far_has(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_the_lowest),
		cmocka_unit_test(other_families_are_the_kernels),
		cmocka_unit_test(flags_belong_to_the_socket),
		cmocka_unit_test(dup2_goes_both_ways),
		cmocka_unit_test(hidden_ones_are_out_of_the_way),
		cmocka_unit_test(addresses_are_checked_in_order),
		cmocka_unit_test(refused_blocking_and_not),
		cmocka_unit_test(connect_gives_up_by_sndtimeo),
		cmocka_unit_test(attempts_are_ended_by_others),
		cmocka_unit_test(attempts_survive_signals),
		cmocka_unit_test(blocking_send_takes_all),
		cmocka_unit_test(a_full_pipe_says_again),
		cmocka_unit_test(loopback_is_there_at_once),
		cmocka_unit_test(scattered),
		cmocka_unit_test(datagrams_keep_their_bounds),
		cmocka_unit_test(files_are_sent),
		cmocka_unit_test(handlers_end_waits_or_not),
		cmocka_unit_test(jumps_out_of_calls),
		cmocka_unit_test(broken_pipes_are_signalled),
		cmocka_unit_test(close_does_not_wake),
		cmocka_unit_test(threads_give_their_channels_back),
		cmocka_unit_test(sends_keep_their_order),
		cmocka_unit_test(children_share_sockets),
		cmocka_unit_test(a_vforked_child_touches_nothing),
		cmocka_unit_test(closing_lingers),
	};
	static const char *const rules[] = {"spate any"}; /* loopback, too */
	int failed;

	signal(SIGPIPE, SIG_IGN);
	failed = sim_begin(rules, 1);
	if (failed != 0)
		return failed;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sim_end();
	return failed;
}
