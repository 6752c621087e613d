// c_life.c: section C: the life cycle of a stream.
#include "rows.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static struct addr closed_port(const struct net *n)
{
	return at(n->peer, PORT_CLOSED);
}

// Connected without blocking, and no connect() since.
static int finished(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	dial(fd, talk(n));
	await(fd, POLLOUT);
	return fd;
}

static void c1(const struct net *n)
{
	int fd = tcp(n, 0);

	see_names(fd, "any:0", "ENOTCONN");
	see_poll(fd, "OUT|HUP");
	see_select(fd, "1/1/0");
	see_send(fd, "c1", "EPIPE");
	see_recv(fd, "ENOTCONN");
}

static void c2(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, talk(n), "0");
	see_poll(fd, "OUT");
	see_soerr(fd, "0");
	see_names(fd, "own:port", "peer:7001");
	see_send(fd, "hello", "5");
	see_recv(fd, "hello");
}

static void c3(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, talk(n), "EINPROGRESS");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	see_names(fd, "own:port", "peer:7001");
}

static void c4(const struct net *n)
{
	int fd = finished(n);

	see_connect(fd, talk(n), "0");
	see_connect(finished(n), at(n->nowhere, 9), "0");
	see_send(fd, "c4", "2");
}

static void c5(const struct net *n)
{
	int fd = finished(n);

	see_connect(fd, talk(n), "0");
	see_connect(fd, talk(n), "EISCONN");
	see_connect(fd, at(n->peer2, PORT_TALK), "EISCONN");
}

static void c6(const struct net *n)
{
	int fd = finished(n);

	see_send(fd, "c6", "2");
	see_connect(fd, talk(n), "0");
	see_connect(fd, talk(n), "EISCONN");
}

static void c7(const struct net *n)
{
	int fd = joined(n, 0);

	see_connect(fd, talk(n), "EISCONN");
	see_connect(fd, at(n->peer2, PORT_TALK), "EISCONN");
	see_names(fd, "own:port", "peer:7001");
	see_send(fd, "c7", "2");
	see_recv(fd, "c7");
}

static void c8(const struct net *n)
{
	int fd = joined(n, 0);

	see("connect", connect(fd, NULL, 16), "EFAULT");
	see_send(fd, "c8", "2");
	see_recv(fd, "c8");
}

static void c9(const struct net *n)
{
	int fd = joined(n, 0), fd2 = joined(n, 0);

	see("shutdown", shutdown(fd, SHUT_RD), "0");
	see_connect(fd, talk(n), "EISCONN");
	see("shutdown", shutdown(fd2, SHUT_WR), "0");
	see_connect(fd2, talk(n), "EISCONN");
}

static void c10(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, at(n->peer, PORT_FIN), "0");
	await(fd, POLLRDHUP);
	see("shutdown", shutdown(fd, SHUT_WR), "0");
	await(fd, POLLHUP);
	pause_ms(100);
	see_poll(fd, "IN|OUT|HUP|RDHUP");
	see_connect(fd, talk(n), "EISCONN");
	see("unspec", dial(fd, unspec()), "0");
	see_connect(fd, talk(n), "0");
	see_names(fd, "own:port", "peer:7001");
}

static void c11(const struct net *n)
{
	struct addr shorter = talk(n);
	int fd = pending(n, PORT_LATE);

	see_connect(fd, at(n->wire, PORT_LATE), "EALREADY");
	see_connect(fd, talk(n), "EALREADY");
	shorter.len = 4;
	see_connect(fd, shorter, "EALREADY");
	see_ready(fd, "OUT");
	see_names(fd, "own:port", "wire:5015");
}

static void c12(const struct net *n)
{
	int fd = pending(n, PORT_SILENT + 212);

	see("connect", connect(fd, NULL, 0), "EINVAL");
	see_connect(fd, talk(n), "EALREADY");
}

static void c13(const struct net *n)
{
	int fd = pending(n, PORT_SILENT + 213);

	see_poll(fd, "none");
	see_select(fd, "0/0/0");
	see_soerr(fd, "0");
	see_names(fd, "own:port", "ENOTCONN");
}

static void c14(const struct net *n)
{
	int fd = pending(n, PORT_SILENT + 214);

	see_send(fd, "c14", "EAGAIN");
	see_recv(fd, "EAGAIN");
}

static void c15(const struct net *n)
{
	int fd = pending(n, PORT_LATE), fd2 = pending(n, PORT_LATE_REFUSE);

	set_blocking(fd, true);
	set_blocking(fd2, true);
	see_send(fd, "c15", "3");
	see_send(fd2, "c15", "ECONNREFUSED");
}

static void c16(const struct net *n)
{
	struct addr any = at(n->any, 0);
	int fd = pending(n, PORT_SILENT + 216);

	see("bind", bind(fd, &any.sa, any.len), "EINVAL");
	see("listen", listen(fd, 1), "EINVAL");
}

static void c17(const struct net *n)
{
	int fd = pending(n, PORT_LATE), fd2 = pending(n, PORT_LATE_REFUSE);

	set_blocking(fd, true);
	see_connect(fd, at(n->wire, PORT_LATE), "0");
	see_connect(fd, at(n->wire, PORT_LATE), "EISCONN");
	set_blocking(fd2, true);
	see_connect(fd2, at(n->wire, PORT_LATE_REFUSE), "ECONNREFUSED");
}

static void c18(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, closed_port(n), "ECONNREFUSED");
	see_soerr(fd, "0");
	see_poll(fd, "OUT|HUP");
	see_names(fd, "any:port", "ENOTCONN");
}

static void c19(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, closed_port(n), "ECONNREFUSED");
	see_connect(fd, closed_port(n), "ECONNREFUSED");
	see_connect(fd, talk(n), "0");
	see_names(fd, "own:port", "peer:7001");
	see_send(fd, "c19", "3");
	see_recv(fd, "c19");
}

static void c20(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, closed_port(n), "EINPROGRESS");
	await(fd, POLLERR);
	see_poll(fd, "IN|OUT|ERR|HUP|RDHUP");
	see_soerr(fd, "ECONNREFUSED");
	see_soerr(fd, "0");
	see_poll(fd, "IN|OUT|HUP|RDHUP");
}

static void c21(const struct net *n)
{
	int fd = refused(n);

	see_soerr(fd, "ECONNREFUSED");
	see_connect(fd, talk(n), "ECONNABORTED");
	see_connect(fd, talk(n), "EINPROGRESS");
	see_ready(fd, "OUT");
}

static void c22(const struct net *n)
{
	int fd = refused(n);

	see_connect(fd, talk(n), "ECONNREFUSED");
	see_soerr(fd, "0");
	see_poll(fd, "OUT|HUP");
	see_connect(fd, talk(n), "EINPROGRESS");
	see_ready(fd, "OUT");
}

static void c23(const struct net *n)
{
	int fd = refused(n);

	see_send(fd, "c23", "ECONNREFUSED");
	see_send(fd, "c23", "EPIPE");
	see_soerr(fd, "0");
}

static void c24(const struct net *n)
{
	int fd = refused(n);

	see_recv(fd, "ECONNREFUSED");
	see_recv(fd, "0");
}

static void c25(const struct net *n)
{
	int fd = refused(n);

	set_blocking(fd, true);
	see_connect(fd, talk(n), "ECONNREFUSED");
	see_connect(fd, talk(n), "0");
}

static void c26(const struct net *n)
{
	int on = listening(n, n->own), fd = tcp(n, 0);

	see_connect(on, talk(n), "EISCONN");
	see_connect(fd, at(n->own, local_port(on)), "0");
	await(on, POLLIN);
	see_poll(on, "IN");
}

static void c27_shut(const struct net *n, int how, const char *want)
{
	int fd = tcp(n, 0);

	see("shutdown", shutdown(fd, how), "ENOTCONN");
	see_connect(fd, talk(n), "0");
	pause_ms(50);
	see_poll(fd, want);
	see_send(fd, "c27", how == SHUT_RD ? "3" : "EPIPE");
}

static void c27(const struct net *n)
{
	c27_shut(n, SHUT_RD, "IN|OUT|RDHUP");
	c27_shut(n, SHUT_WR, NULL);
	c27_shut(n, SHUT_RDWR, "IN|OUT|HUP|RDHUP");
}

static void c28(const struct net *n)
{
	const int ways[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};

	for (int i = 0; i < 3; i++) {
		int fd = pending(n, PORT_SILENT + 228);

		see("shutdown", shutdown(fd, ways[i]), "0");
		see_poll(fd, "OUT|ERR|HUP");
		see_soerr(fd, "ECONNRESET");
		see_connect(fd, talk(n), "EINPROGRESS");
		await(fd, POLLOUT);
		see_soerr(fd, "0");
	}
}

// On a number that no other row's sockets take meanwhile.
static void c29(const struct net *n)
{
	int low = socket(n->af, SOCK_STREAM | SOCK_NONBLOCK, 0), fd = fcntl(low, F_DUPFD, 900);

	close(low);
	see_connect(fd, at(n->wire, PORT_SILENT + 229), "EINPROGRESS");
	pause_ms(50);
	see("close", close(fd), "0");
	see_connect(fd, talk(n), "EBADF");
	pause_ms(2300);
	see_asked("syns", "0", "syns %c %d", n->af == AF_INET ? '4' : '6', PORT_SILENT + 229);
}

static void c30(const struct net *n)
{
	int fd = tcp(n, 0);

	see_send_to(fd, "c30", talk(n), "EPIPE");
	see_names(fd, "any:0", "ENOTCONN");
}

const struct row rows_c[] = {
	{"C1", c1, ROW_BOTH},
	{"C2", c2, ROW_BOTH},
	{"C3", c3, ROW_BOTH},
	{"C4", c4, ROW_BOTH},
	{"C5", c5, ROW_BOTH},
	{"C6", c6, ROW_BOTH},
	{"C7", c7, ROW_BOTH},
	{"C8", c8, ROW_BOTH},
	{"C9", c9, ROW_BOTH},
	{"C10", c10, ROW_BOTH},
	{"C11", c11, ROW_BOTH},
	{"C12", c12, ROW_BOTH},
	{"C13", c13, ROW_BOTH},
	{"C14", c14, ROW_BOTH},
	{"C15", c15, ROW_BOTH},
	{"C16", c16, ROW_BOTH},
	{"C17", c17, ROW_BOTH},
	{"C18", c18, ROW_BOTH},
	{"C19", c19, ROW_BOTH},
	{"C20", c20, ROW_BOTH},
	{"C21", c21, ROW_BOTH},
	{"C22", c22, ROW_BOTH},
	{"C23", c23, ROW_BOTH},
	{"C24", c24, ROW_BOTH},
	{"C25", c25, ROW_BOTH},
	{"C26", c26, ROW_BOTH},
	{"C27", c27, ROW_BOTH},
	{"C28", c28, ROW_BOTH},
	{"C29", c29, ROW_BOTH},
	{"C30", c30, ROW_BOTH},
	{0},
};
