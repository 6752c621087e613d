// e_ready.c: section E: what poll(), select() and epoll show in each state.
#include "rows.h"
#include <errno.h>
#include <sys/epoll.h>

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static void see_level(int fd, const char *want)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP};
	int ep = keep(epoll_create1(0));

	see("epoll_ctl", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), "0");
	see_epoll(ep, 0, want);
	see_epoll(ep, 0, want);
}

static void see_state(int fd, const char *poll_want, const char *select_want)
{
	see_poll(fd, poll_want);
	see_select(fd, select_want);
	see_level(fd, poll_want);
}

static void e1(const struct net *n)
{
	see_state(tcp(n, 0), "OUT|HUP", "1/1/0");
}

static void e2(const struct net *n)
{
	see_state(pending(n, PORT_SILENT + 402), "none", "0/0/0");
}

static void e3(const struct net *n)
{
	see_state(joined(n, 0), "OUT", "0/1/0");
}

static void e4(const struct net *n)
{
	see_state(refused(n), "IN|OUT|ERR|HUP|RDHUP", "1/1/0");
}

static void e5(const struct net *n)
{
	int fd = refused(n);

	see_soerr(fd, "ECONNREFUSED");
	see_state(fd, "IN|OUT|HUP|RDHUP", "1/1/0");
}

static void e6(const struct net *n)
{
	int fd = refused(n);

	see_connect(fd, talk(n), "ECONNREFUSED");
	see_state(fd, "OUT|HUP", "1/1/0");
}

static void e7(const struct net *n)
{
	see_state(listening(n, n->own), "none", "0/0/0");
}

static void e8(const struct net *n)
{
	int fd = joined(n, 0);

	see_send(fd, "R", "1");
	await(fd, POLLERR);
	see_state(fd, "IN|OUT|ERR|HUP|RDHUP", "1/1/0");
	see_soerr(fd, "ECONNRESET");
}

static void e9(const struct net *n)
{
	int fd = joined(n, 0);

	see_send(fd, "F", "1");
	await(fd, POLLRDHUP);
	see_state(fd, "IN|OUT|RDHUP", "1/1/0");
	see_recv(fd, "0");
}

static void e10(const struct net *n)
{
	int fd = udp(n);

	see_state(fd, "OUT", "0/1/0");
	see_connect(fd, at(n->peer, PORT_ECHO), "0");
	see_state(fd, "OUT", "0/1/0");
}

static void e11(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at(n->peer, PORT_CLOSED), "0");
	see_send(fd, "e11", "3");
	await(fd, POLLERR);
	see_state(fd, "OUT|ERR", "1/1/0");
}

static int edge(int fd)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int ep = keep(epoll_create1(0));

	see("epoll_ctl", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), "0");
	return ep;
}

static void e12(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK), ep = edge(fd);

	see_epoll(ep, 0, "OUT|HUP");
	see_epoll(ep, 0, "none");
	see_connect(fd, at(n->wire, PORT_LATE), "EINPROGRESS");
	see_epoll(ep, 0, "none");
	see_epoll(ep, 5000, "OUT");
	see_epoll(ep, 300, "none");
}

static void e13(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK), ep = edge(fd);

	see_epoll(ep, 0, "OUT|HUP");
	see_connect(fd, at(n->wire, PORT_LATE_REFUSE), "EINPROGRESS");
	see_epoll(ep, 0, "none");
	see_epoll(ep, 5000, "IN|OUT|ERR|HUP|RDHUP");
	see_epoll(ep, 300, "none");
}

const struct row rows_e[] = {
	{"E1", e1, ROW_BOTH},
	{"E2", e2, ROW_BOTH},
	{"E3", e3, ROW_BOTH},
	{"E4", e4, ROW_BOTH},
	{"E5", e5, ROW_BOTH},
	{"E6", e6, ROW_BOTH},
	{"E7", e7, ROW_BOTH},
	{"E8", e8, ROW_BOTH},
	{"E9", e9, ROW_BOTH},
	{"E10", e10, ROW_BOTH},
	{"E11", e11, ROW_BOTH},
	{"E12", e12, ROW_BOTH},
	{"E13", e13, ROW_BOTH},
	{0},
};
