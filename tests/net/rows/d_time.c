// d_time.c: section D: how long connect() blocks, signals, timeouts, and when SYNs are sent.
#include "rows.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

enum { SHORT_MS = 500, SLACK_MS = 400, SIGNAL_MS = 200 };

static struct addr silent(const struct net *n, int port)
{
	return at(n->wire, PORT_SILENT + port);
}

static struct addr late(const struct net *n)
{
	return at(n->wire, PORT_LATE);
}

// A blocking connect() and how long it takes.
static void see_timed(int fd, struct addr to, const char *want, int want_ms, int slack_ms)
{
	int64_t begun = now_ms();

	see_connect(fd, to, want);
	see_time("took", now_ms() - begun, want_ms, slack_ms);
}

static void d1(const struct net *n)
{
	int fd = tcp(n, 0);

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	see_timed(fd, silent(n, 301), "EINPROGRESS", SHORT_MS, SLACK_MS);
	see_poll(fd, "none");
	see_soerr(fd, "0");
	see_names(fd, "own:port", "ENOTCONN");
}

static void d2(const struct net *n)
{
	int fd = tcp(n, 0);

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	see_connect(fd, silent(n, 302), "EINPROGRESS");
	see_timed(fd, silent(n, 302), "EALREADY", SHORT_MS, SLACK_MS);
}

static void d3(const struct net *n)
{
	int fd = tcp(n, 0);
	int64_t begun;

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	see_connect(fd, silent(n, 303), "EINPROGRESS");
	begun = now_ms();
	see_send(fd, "d3", "EAGAIN");
	see_time("took", now_ms() - begun, SHORT_MS, SLACK_MS);
}

static void d4(const struct net *n)
{
	int fd = tcp(n, 0), slow = tcp(n, 0);

	set_timeout(fd, SO_SNDTIMEO, SHORT_MS);
	set_timeout(fd, SO_RCVTIMEO, SHORT_MS);
	see_connect(fd, silent(n, 304), "EINPROGRESS");
	see_recv(fd, "EAGAIN");
	set_timeout(slow, SO_RCVTIMEO, 100);
	see_timed(slow, late(n), "0", LATE_MS, SLACK_MS);
}

// A blocking connect() that a signal comes into.
static void see_interrupted(int fd, struct addr to, int sig, const char *want)
{
	struct later *l = later_signal(SIGNAL_MS, sig);

	see_connect(fd, to, want);
	later_join(l);
}

static void d5(const struct net *n)
{
	int fd = tcp(n, 0);

	see_interrupted(fd, late(n), SIGUSR1, "EINTR");
	see_poll(fd, "none");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
}

static void d6(const struct net *n)
{
	int fd = tcp(n, 0);

	see_interrupted(fd, silent(n, 306), SIGUSR1, "EINTR");
	set_blocking(fd, false);
	see_connect(fd, silent(n, 306), "EALREADY");
}

static void d7(const struct net *n)
{
	int fd = tcp(n, 0), no = tcp(n, 0);

	see_interrupted(fd, late(n), SIGUSR1, "EINTR");
	see_connect(fd, late(n), "0");
	see_connect(fd, late(n), "EISCONN");
	see_interrupted(no, at(n->wire, PORT_LATE_REFUSE), SIGUSR1, "EINTR");
	see_connect(no, at(n->wire, PORT_LATE_REFUSE), "ECONNREFUSED");
}

static void d8(const struct net *n)
{
	int fd = tcp(n, 0), no = tcp(n, 0);

	see_interrupted(fd, late(n), SIGUSR1, "EINTR");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	see_connect(fd, late(n), "0");
	see_connect(fd, late(n), "EISCONN");
	see_interrupted(no, at(n->wire, PORT_LATE_REFUSE), SIGUSR1, "EINTR");
	await(no, POLLERR);
	see_poll(no, "IN|OUT|ERR|HUP|RDHUP");
	see_soerr(no, "ECONNREFUSED");
}

static void d9(const struct net *n)
{
	see_interrupted(tcp(n, 0), late(n), SIGUSR2, "0");
	see_interrupted(tcp(n, 0), at(n->wire, PORT_LATE_REFUSE), SIGUSR2, "ECONNREFUSED");
}

static void d10(const struct net *n)
{
	int fd = tcp(n, 0);

	set_timeout(fd, SO_SNDTIMEO, 3000);
	see_interrupted(fd, late(n), SIGUSR2, "EINTR");
	see_ready(fd, "OUT");
}

static void d11(const struct net *n)
{
	sigset_t one, before;

	see_interrupted(tcp(n, 0), late(n), SIGWINCH, "0");
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &one, &before);
	see_interrupted(tcp(n, 0), late(n), SIGUSR1, "0");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void d12(const struct net *n)
{
	see_timed(tcp(n, 0), silent(n, 312), "ETIMEDOUT", 132000, 3000);
	see_asked("syns", "0,1,2,3,4,5,7,11,19,35,67", "syns %c %d", n->af == AF_INET ? '4' : '6', PORT_SILENT + 312);
}

static void see_schedule(const struct net *n, int port, int count, const char *syns, int ms)
{
	int fd = tcp(n, 0);

	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, count);
	see_timed(fd, silent(n, port), "ETIMEDOUT", ms, 700);
	see_asked("syns", syns, "syns %c %d", n->af == AF_INET ? '4' : '6', PORT_SILENT + port);
}

static void d13(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	see_connect(fd, silent(n, 314), "EINPROGRESS");
	see_schedule(n, 313, 1, "0,1,2", 3000);
	await(fd, POLLERR);
	see_poll(fd, "IN|OUT|ERR|HUP|RDHUP");
	see_soerr(fd, "ETIMEDOUT");
}

static void user_timeout(const struct net *n, int port, int count, int limit_ms, int want_ms)
{
	int fd = tcp(n, 0);

	if (count)
		set_int(fd, IPPROTO_TCP, TCP_SYNCNT, count);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, limit_ms);
	see_timed(fd, silent(n, port), "ETIMEDOUT", want_ms, 450);
}

static void d14(const struct net *n)
{
	user_timeout(n, 315, 0, 1500, 1500);
}

static void d15(const struct net *n)
{
	user_timeout(n, 316, 1, 3500, 3500);
	user_timeout(n, 317, 1, 10000, 7200);
}

static void d16(const struct net *n)
{
	see_timed(tcp(n, 0), at(n->wire, PORT_LOST), "0", 1000, SLACK_MS);
}

static void d17(const struct net *n)
{
	int port = n->af == AF_INET ? PORT_FULL : PORT_FULL + 1, fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->peer, port), "EINPROGRESS");
	pause_ms(1300);
	see_poll(fd, "none");
	see_asked("drain", "done", "drain %d", port);
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
}

static void d18(const struct net *n)
{
	see_schedule(n, 318, 2, "0,1,2,3,4,5", 7000);
}

// Under the same name: the two that take long.
static void d18_long(const struct net *n)
{
	see_schedule(n, 319, 3, "0,1,2,3,4,5,7,11", 20000);
	see_schedule(n, 320, 4, "0,1,2,3,4,5,7,11,19", 36000);
}

const struct row rows_d[] = {
	{"D1", d1, ROW_BOTH},
	{"D2", d2, ROW_BOTH},
	{"D3", d3, ROW_BOTH},
	{"D4", d4, ROW_BOTH},
	{"D5", d5, ROW_BOTH},
	{"D6", d6, ROW_BOTH},
	{"D7", d7, ROW_BOTH},
	{"D8", d8, ROW_BOTH},
	{"D9", d9, ROW_BOTH},
	{"D10", d10, ROW_BOTH},
	{"D11", d11, ROW_BOTH},
	{"D12", d12, ROW_BOTH | ROW_LONG},
	{"D13", d13, ROW_BOTH},
	{"D14", d14, ROW_BOTH},
	{"D15", d15, ROW_BOTH},
	{"D16", d16, ROW_BOTH},
	{"D17", d17, ROW_BOTH},
	{"D18", d18, ROW_BOTH},
	{"D18-long", d18_long, ROW_BOTH | ROW_LONG},
	{0},
};
