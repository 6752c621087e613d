// j_fastopen.c: section J: TCP Fast Open, and the row of section E that belongs to it.
#include "rows.h"
#include <errno.h>
#include <netinet/tcp.h>

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static int deferring(const struct net *n, int flags)
{
	int fd = tcp(n, flags);

	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	return fd;
}

// A connection that fetches the peer's cookie.
static void fetch_cookie(const struct net *n)
{
	int fd = deferring(n, 0);

	dial(fd, talk(n));
	see_send(fd, "cookie", "6");
	see_recv(fd, "cookie");
}

static int promised(const struct net *n, int flags)
{
	int fd;

	fetch_cookie(n);
	fd = deferring(n, flags);
	see_connect(fd, talk(n), "0");
	return fd;
}

// peer2 has sent nobody a cookie before.
static void fo1(const struct net *n)
{
	int fd = deferring(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->peer2, PORT_TALK), "EINPROGRESS");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	see_names(fd, "own:port", "peer2:7001");
}

static void fo2(const struct net *n)
{
	int fd = promised(n, SOCK_NONBLOCK);

	see_poll(fd, "OUT");
	see_names(fd, "own:port", "ENOTCONN");
}

static void fo3(const struct net *n)
{
	int fd = promised(n, SOCK_NONBLOCK);

	see_connect(fd, talk(n), "EISCONN");
}

static void fo4(const struct net *n)
{
	int fd = promised(n, SOCK_NONBLOCK);

	see_send(fd, "j4", "2");
	await(fd, POLLIN);
	see_recv(fd, "j4");
	see_names(fd, "own:port", "peer:7001");
	see_connect(fd, talk(n), "0");
	see_connect(fd, talk(n), "EISCONN");
}

static void fo5(const struct net *n)
{
	see_recv(promised(n, SOCK_NONBLOCK), "EAGAIN");
}

static void fo6(const struct net *n)
{
	int fd = promised(n, 0);

	see("unspec", dial(fd, unspec()), "0");
	set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0);
	see_connect(fd, talk(n), "0");
	see_send(fd, "j6", "2");
	see_recv(fd, "j6");
}

static void fo7(const struct net *n)
{
	int fd;

	fetch_cookie(n);
	fd = deferring(n, 0);
	see_connect(fd, at(n->peer, PORT_CLOSED), "0");
	see_send(fd, "j7", "ECONNREFUSED");
	see_soerr(fd, "0");
}

static void fo8(const struct net *n)
{
	struct addr to = talk(n);
	int fd = tcp(n, 0);

	fetch_cookie(n);
	see("sendto", sendto(fd, "j8", 2, MSG_FASTOPEN | MSG_NOSIGNAL, &to.sa, to.len), "2");
	see_recv(fd, "j8");
	see_connect(fd, to, "EISCONN");
}

static void e14(const struct net *n)
{
	int fd = promised(n, SOCK_NONBLOCK);

	see_poll(fd, "OUT");
	see_select(fd, "0/1/0");
}

const struct row rows_j[] = {
	{"J1", fo1, ROW_BOTH},
	{"J2", fo2, ROW_BOTH},
	{"J3", fo3, ROW_BOTH},
	{"J4", fo4, ROW_BOTH},
	{"J5", fo5, ROW_BOTH},
	{"J6", fo6, ROW_BOTH},
	{"J7", fo7, ROW_BOTH},
	{"J8", fo8, ROW_BOTH},
	{"E14", e14, ROW_BOTH},
	{0},
};
