// h_datagrams.c: section H: datagram sockets.
#include "rows.h"
#include <errno.h>
#include <stdio.h>

static struct addr echo(const struct net *n)
{
	return at(n->peer, PORT_ECHO);
}

static struct addr echo2(const struct net *n)
{
	return at(n->peer2, PORT_ECHO);
}

static struct addr closed_port(const struct net *n)
{
	return at(n->peer, PORT_CLOSED);
}

static int associated(const struct net *n)
{
	int fd = udp(n);

	dial(fd, echo(n));
	return fd;
}

// Connected, and an error of its peer waits.
static int unheard(const struct net *n)
{
	int fd = udp(n);

	dial(fd, closed_port(n));
	see_send(fd, "h", "1");
	await(fd, POLLERR);
	return fd;
}

static void h1(const struct net *n)
{
	int fd = udp(n), fd2 = udp(n);

	see_connect(fd, echo(n), "0");
	see_names(fd, "own:port", "peer:7010");
	set_blocking(fd2, false);
	see_connect(fd2, at(n->nobody, 9), "0");
	see_names(fd2, "own:port", "nobody:9");
}

static void h2(const struct net *n)
{
	int fd = associated(n), port = local_port(fd);

	see_connect(fd, echo2(n), "0");
	say("port", "kept", "%s", local_port(fd) == port ? "kept" : "another");
	see_names(fd, "own:port", "peer2:7010");
	see_send(fd, "h2", "2");
	see_recv(fd, "h2");
}

static void h3(const struct net *n)
{
	int fd = associated(n);

	see_connect(fd, at(n->nowhere, 9), "ENETUNREACH");
	see_connect(fd, at(n->prohibited, 9), "EACCES");
	see_names(fd, "own:port", "peer:7010");
	see_send(fd, "h3", "2");
	see_recv(fd, "h3");
}

static void h4(const struct net *n)
{
	int fd = associated(n);

	see_send_to(fd, "other", echo2(n), "5");
	see_names(fd, "own:port", "peer:7010");
	pause_ms(50);
	see_send(fd, "h4", "2");
	see_recv(fd, "h4");
}

static void h5(const struct net *n)
{
	int fd = udp(n);

	see_send(fd, "h5", "EDESTADDRREQ");
	see_names(fd, NULL, "ENOTCONN");
}

static void h6(const struct net *n)
{
	int fd = associated(n);

	see_send(fd, "X", "1");
	see_recv(fd, "X-refused");
}

static void h7(const struct net *n)
{
	int fd = udp(n);

	bind_to(fd, at(n->own, own_port(n, 20707)));
	see_connect(fd, echo(n), "0");
	see_connect(fd, unspec(), "0");
	see_send_to(fd, "X", echo(n), "1");
	see_recv(fd, "other");
	see_recv(fd, "X-silence");
}

static void h8(const struct net *n)
{
	int fd = udp(n);

	bind_to(fd, at(n->own, own_port(n, 20708)));
	see_send_to(fd, "queued", echo(n), "6");
	await(fd, POLLIN);
	see_connect(fd, echo2(n), "0");
	see_poll(fd, "IN|OUT");
	see_recv(fd, "queued");
}

static void h9(const struct net *n)
{
	int fd = unheard(n), fd2 = unheard(n), fd3 = unheard(n);

	see_poll(fd, "OUT|ERR");
	see_recv(fd, "ECONNREFUSED");
	see_poll(fd, "OUT");
	see_soerr(fd, "0");
	see_send(fd2, "h", "ECONNREFUSED");
	pause_ms(50);
	see_poll(fd2, "OUT");
	see_soerr(fd3, "ECONNREFUSED");
	see_soerr(fd3, "0");
	see_poll(fd3, "OUT");
}

static void h10(const struct net *n)
{
	int fd = unheard(n);

	see_connect(fd, echo(n), "0");
	see_soerr(fd, "ECONNREFUSED");
}

static void h11(const struct net *n)
{
	int fd = unheard(n);

	see_connect(fd, unspec(), "0");
	see_soerr(fd, "ECONNREFUSED");
}

static void h12(const struct net *n)
{
	int fd = udp(n);

	see_send_to(fd, "h12", closed_port(n), "3");
	pause_ms(150);
	see_poll(fd, "OUT");
	see_soerr(fd, "0");
}

// A datagram that is answered with an ICMP error.
static int answered(const struct net *n, int type, int code, int level, int option)
{
	int fd = udp(n);

	if (option)
		set_int(fd, level, option, 1);
	see_connect(fd, at(n->wire, type * 1000 + code), "0");
	see_send(fd, "icmp", "4");
	return fd;
}

static void see_unreported(const struct net *n, int type, int code)
{
	int fd = answered(n, type, code, 0, 0);

	pause_ms(120);
	see_poll(fd, "OUT");
	see_soerr(fd, "0");
}

static void see_reported(const struct net *n, int type, int code, const char *want)
{
	int fd = answered(n, type, code, 0, 0);

	await(fd, POLLERR);
	see_poll(fd, "OUT|ERR");
	see_soerr(fd, want);
	see_poll(fd, "OUT");
}

// With the error queue, which keeps poll() telling until it is read.
static void see_queued(const struct net *n, int type, int code, int level, int option, const char *want)
{
	int fd = answered(n, type, code, level, option);
	char text[16], room[256];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};

	await(fd, POLLERR);
	see_poll(fd, "OUT|ERR");
	see_soerr(fd, want);
	see_poll(fd, "OUT|ERR");
	see("queue", recvmsg(fd, &m, MSG_ERRQUEUE), NULL);
	see_poll(fd, "OUT");
}

static void h13(const struct net *n)
{
	const int codes[] = {0, 1, 5, 11, 12};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		see_unreported(n, 3, codes[i]);
}

static void h14(const struct net *n)
{
	see_reported(n, 3, 2, "ENOPROTOOPT");
	see_reported(n, 3, 3, "ECONNREFUSED");
	see_reported(n, 3, 6, "ENETUNREACH");
	see_reported(n, 3, 7, "EHOSTDOWN");
	see_reported(n, 3, 8, "ENONET");
	see_reported(n, 3, 9, "ENETUNREACH");
	see_reported(n, 3, 10, "EHOSTUNREACH");
	for (int code = 13; code <= 15; code++)
		see_reported(n, 3, code, "EHOSTUNREACH");
}

static void h14_too_big(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at(n->wire2, 3004), "0");
	see_send(fd, "icmp", "4");
	await(fd, POLLERR);
	see_soerr(fd, "EMSGSIZE");
}

static void h15(const struct net *n)
{
	const char *const want[] = {"ENETUNREACH", "EHOSTUNREACH", "ENOPROTOOPT", "ECONNREFUSED"};

	for (int code = 0; code < 4; code++)
		see_queued(n, 3, code, IPPROTO_IP, IP_RECVERR, want[code]);
	see_queued(n, 3, 5, IPPROTO_IP, IP_RECVERR, "EOPNOTSUPP");
	see_queued(n, 3, 11, IPPROTO_IP, IP_RECVERR, "ENETUNREACH");
	see_queued(n, 11, 0, IPPROTO_IP, IP_RECVERR, "EHOSTUNREACH");
	see_queued(n, 12, 0, IPPROTO_IP, IP_RECVERR, "EPROTO");
}

static void h16(const struct net *n)
{
	see_unreported(n, 1, 0);
	see_unreported(n, 1, 2);
	see_unreported(n, 1, 3);
	see_reported(n, 1, 1, "EACCES");
	see_reported(n, 1, 5, "EACCES");
	see_reported(n, 1, 6, "EACCES");
	see_reported(n, 1, 4, "ECONNREFUSED");
	see_reported(n, 1, 7, "EPROTO");
	see_queued(n, 1, 0, IPPROTO_IPV6, IPV6_RECVERR, "ENETUNREACH");
	see_queued(n, 1, 3, IPPROTO_IPV6, IPV6_RECVERR, "EHOSTUNREACH");
}

static void h17(const struct net *n)
{
	int fd = associated(n), fd2 = udp(n);

	see("shutdown", shutdown(fd, SHUT_RDWR), "0");
	see_connect(fd, echo2(n), "0");
	see_send(fd, "h17", "EPIPE");
	see("shutdown", shutdown(fd2, SHUT_RDWR), NULL);
	see_connect(fd2, echo2(n), "0");
	see_send(fd2, "h17", "EPIPE");
}

static void h18(const struct net *n)
{
	for (int i = 0; i < 2; i++) {
		int fd = udp(n);

		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		bind_to(fd, at(n->own, own_port(n, 20718)));
		see_connect(fd, echo(n), "0");
	}
}

static void h19(const struct net *n)
{
	struct addr self = at(n->own, own_port(n, 20719));
	int fd = udp(n);

	bind_to(fd, self);
	see_connect(fd, self, "0");
	see_send(fd, "self", "4");
	see_recv(fd, "self");
	see_names(fd, "own:20719", "own:20719");
}

static void h20(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at(n->peer, PORT_DENIED), "0");
	see_send(fd, "h20", "EPERM");
	see_poll(fd, "OUT");
}

static void h21(const struct net *n)
{
	int fd = udp(n), fd2 = udp(n);

	see_connect(fd, at(n->nowhere, 9), "ENETUNREACH");
	see_names(fd, "any:port", "ENOTCONN");
	if (n->af == AF_INET6) {
		see_connect(fd2, at("fe80::1", PORT_ECHO), "EINVAL");
		see_names(fd2, "any:port", "ENOTCONN");
	}
}

static void h22(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at("240.0.0.1", 9), "0");
	see_names(fd, "own:port", "240.0.0.1:9");
}

static void h23(const struct net *n)
{
	int fd = udp(n), only = udp(n);

	see_connect(fd, at(net4.peer, PORT_ECHO), "0");
	see_names(fd, "mapped-own:port", "mapped-peer:7010");
	see_send(fd, "h23", "3");
	see_recv(fd, "h23");
	set_int(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	see_connect(only, at(net4.peer, PORT_ECHO), "EAFNOSUPPORT");
}

const struct row rows_h[] = {
	{"H1", h1, ROW_BOTH},
	{"H2", h2, ROW_BOTH},
	{"H3", h3, ROW_BOTH},
	{"H4", h4, ROW_BOTH},
	{"H5", h5, ROW_BOTH},
	{"H6", h6, ROW_BOTH},
	{"H7", h7, ROW_BOTH},
	{"H8", h8, ROW_BOTH},
	{"H9", h9, ROW_BOTH},
	{"H10", h10, ROW_BOTH},
	{"H11", h11, ROW_BOTH},
	{"H12", h12, ROW_BOTH},
	{"H13", h13, 0},
	{"H14", h14, 0},
	{"H14-mtu", h14_too_big, 0},
	{"H15", h15, 0},
	{"H16", h16, ROW_IP6},
	{"H17", h17, ROW_BOTH},
	{"H18", h18, ROW_BOTH},
	{"H19", h19, ROW_BOTH},
	{"H20", h20, ROW_BOTH},
	{"H21", h21, ROW_BOTH},
	{"H22", h22, 0},
	{"H23", h23, ROW_IP6},
	{0},
};
