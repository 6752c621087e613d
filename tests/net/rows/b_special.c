// b_special.c: section B: AF_UNSPEC, null addresses, loopback and our own, broadcast, multicast and other special destinations.
#include "rows.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static struct addr echo(const struct net *n)
{
	return at(n->peer, PORT_ECHO);
}

static void see_unspec(int fd, const char *want)
{
	see("unspec", dial(fd, unspec()), want);
}

static void b1(const struct net *n)
{
	const socklen_t lengths[] = {2, 8, 16, 28, 128};
	int fd = tcp(n, 0);

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct addr to = unspec();

		to.len = lengths[i];
		see("unspec", dial(fd, to), "0");
	}
	see_names(fd, "any:0", "ENOTCONN");
	see_poll(fd, "OUT|HUP");
	see_connect(fd, talk(n), "0");
}

static void b2(const struct net *n)
{
	int fd = udp(n);

	see_unspec(fd, "0");
	see_names(fd, "any:0", "ENOTCONN");
	see_connect(fd, echo(n), "0");
}

static void b3(const struct net *n)
{
	int fd = joined(n, 0), port = local_port(fd);

	see_unspec(fd, "0");
	pause_ms(100);
	see_asked("peer-saw", "RST", "ended %d", port);
	see_poll(fd, "OUT|ERR|HUP");
	see_soerr(fd, "ECONNRESET");
	see_soerr(fd, "0");
	see_poll(fd, "OUT|HUP");
	see("peer", getpeername(fd, &(struct sockaddr){0}, &(socklen_t){sizeof(struct sockaddr)}), "ENOTCONN");
	see_connect(fd, talk(n), "0");
	see_names(fd, "own:port", "peer:7001");
}

static void b4(const struct net *n)
{
	int fd = joined(n, 0), port = local_port(fd), other = tcp(n, 0);
	struct addr same = at(n->any, port);

	see_unspec(fd, "0");
	see_names(fd, "any:port", "ENOTCONN");
	see("bind", bind(other, &same.sa, same.len), "0");
}

static void bound_then_unspec(const struct net *n, const char *host, int port, const char *own)
{
	int fd = tcp(n, 0);

	bind_to(fd, at(host, own_port(n, port)));
	see_connect(fd, talk(n), "0");
	see_unspec(fd, "0");
	see_names(fd, own, "ENOTCONN");
}

static void b5(const struct net *n)
{
	bound_then_unspec(n, n->own, 20105, "own:20105");
}

static void b6(const struct net *n)
{
	bound_then_unspec(n, n->any, 20106, "any:20106");
}

static void b7(const struct net *n)
{
	int fd = pending(n, PORT_SILENT + 107);

	see_unspec(fd, "0");
	see_soerr(fd, "ECONNRESET");
	see_poll(fd, "OUT|HUP");
	set_blocking(fd, true);
	see_connect(fd, talk(n), "0");
}

static void b8(const struct net *n)
{
	int fd = refused(n);

	see_unspec(fd, "0");
	see_soerr(fd, "ECONNREFUSED");
	set_blocking(fd, true);
	see_connect(fd, talk(n), "0");
}

static void b9(const struct net *n)
{
	int fd = listening(n, n->own);

	see_unspec(fd, "0");
	see("accept", accept(fd, NULL, NULL), "EINVAL");
	see_connect(fd, talk(n), "0");
}

static void b10(const struct net *n)
{
	int fd = tcp(n, 0), fd2 = tcp(n, 0);

	bind_to(fd, at(n->any, own_port(n, 20110)));
	see_unspec(fd, "0");
	see_names(fd, "any:20110", "ENOTCONN");
	bind_to(fd2, at(n->own, own_port(n, 20111)));
	see_unspec(fd2, "0");
	see_names(fd2, "own:20111", "ENOTCONN");
}

static void b11(const struct net *n)
{
	int fd = udp(n), fd2 = udp(n);

	see_connect(fd, echo(n), "0");
	see_names(fd, "own:port", "peer:7010");
	see_unspec(fd, "0");
	see_names(fd, "any:0", "ENOTCONN");
	see_send(fd, "b11", "EDESTADDRREQ");
	bind_to(fd2, at(n->own, own_port(n, 20112)));
	see_connect(fd2, echo(n), "0");
	see_unspec(fd2, "0");
	see_names(fd2, "own:20112", "ENOTCONN");
	see_send_to(fd2, "b11", echo(n), "3");
	see_recv(fd2, "b11");
}

static void b12(const struct net *n)
{
	struct addr zero = {.len = n->af == AF_INET ? sizeof(zero.in) : sizeof(zero.in6)};
	int fd = udp(n);

	see_connect(fd, echo(n), "0");
	see_connect(fd, zero, "0");
	see_names(fd, "any:0", "ENOTCONN");
	see_send(fd, "b12", "EDESTADDRREQ");
}

static void b13(const struct net *n)
{
	struct addr to = unspec();
	int fd = udp(n);

	to.len = 1;
	see_connect(fd, echo(n), "0");
	see_connect(fd, to, "EINVAL");
	see_names(fd, "own:port", "peer:7010");
	see_send(fd, "b13", "3");
	see_recv(fd, "b13");
}

static void b14(const struct net *n)
{
	int fd = tcp(n, 0), on = listening(n, n->loop);

	see_connect(fd, at(n->any, local_port(on)), "0");
	see_names(fd, "loop:port", "loop:port");
	see_connect(tcp(n, 0), at(n->any, own_port(n, 20199)), "ECONNREFUSED");
}

static void b15(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at(n->any, own_port(n, 20198)), "0");
	see_names(fd, "loop:port", "loop:20198");
}

static void b16(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(tcp(n, 0), at(n->loop, own_port(n, 20197)), "ECONNREFUSED");
	see_connect(fd, at(n->loop, own_port(n, 20197)), "EINPROGRESS");
	await(fd, POLLERR);
	see_poll(fd, "IN|OUT|ERR|HUP|RDHUP");
	see_soerr(fd, "ECONNREFUSED");
}

static void b17(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK), on = listening(n, n->loop);

	see_connect(fd, at(n->loop, local_port(on)), "EINPROGRESS");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	see_names(fd, "loop:port", "loop:port");
}

static void b18(const struct net *n)
{
	int fd = tcp(n, 0), on = listening(n, n->any), taken;

	see_connect(fd, at("127.9.9.9", local_port(on)), "0");
	see_names(fd, "loop:port", "127.9.9.9:port");
	taken = keep(accept(on, NULL, NULL));
	see_names(taken, "127.9.9.9:port", "loop:port");
}

static void b19(const struct net *n)
{
	int fd = tcp(n, 0), on = listening(n, n->own), soon = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->own, local_port(on)), "0");
	see_names(fd, "own:port", "own:port");
	see_send(fd, "b19", "3");
	see_recv(keep(accept(on, NULL, NULL)), "b19");
	see_connect(tcp(n, 0), at(n->own, own_port(n, 20196)), "ECONNREFUSED");
	see_connect(soon, at(n->own, local_port(on)), "EINPROGRESS");
	see_ready(soon, "OUT");
}

static void self_connect(const struct net *n, const char *host, int port)
{
	struct addr self = at(host, own_port(n, port));
	int fd = tcp(n, 0);

	bind_to(fd, self);
	see_connect(fd, self, "0");
	see_send(fd, "crossed", "7");
	see_recv(fd, "crossed");
	see_connect(fd, self, "EISCONN");
}

static void b20(const struct net *n)
{
	self_connect(n, n->own, 20120);
	self_connect(n, n->loop, 20121);
}

static void refused_place(const struct net *n, struct addr to, bool broadcast)
{
	int fd = tcp(n, 0);

	set_int(fd, SOL_SOCKET, SO_BROADCAST, broadcast);
	see_connect(fd, to, "ENETUNREACH");
	see_names(fd, "any:0", "ENOTCONN");
	see_connect(fd, talk(n), "0");
}

static void b21(const struct net *n)
{
	refused_place(n, at("255.255.255.255", PORT_TALK), false);
}

static void b22(const struct net *n)
{
	refused_place(n, at("10.77.0.255", PORT_TALK), false);
	refused_place(n, at("10.77.0.255", PORT_TALK), true);
}

static void b23(const struct net *n)
{
	if (n->af == AF_INET) {
		refused_place(n, at("224.0.0.9", PORT_TALK), false);
		refused_place(n, at("239.1.2.3", PORT_TALK), false);
	} else {
		refused_place(n, at_scope("ff02::9", PORT_TALK, OUR_DEVICE), false);
		refused_place(n, at_scope("ff05::9", PORT_TALK, OUR_DEVICE), false);
	}
}

// Both lie behind a gateway; answers of 0.0.0.0/8 are not taken by anyone.
static void b24(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK), fd2 = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at("240.0.0.1", PORT_ACCEPT), "EINPROGRESS");
	see_ready(fd, "OUT");
	see_names(fd, "own:port", "240.0.0.1:5000");
	see_connect(fd2, at("0.0.0.1", PORT_SILENT + 124), "EINPROGRESS");
	pause_ms(200);
	see_poll(fd2, "none");
	see_asked("syns", "0", "syns 4 %d", PORT_SILENT + 124);
}

static void b25(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, echo(n), "0");
	see_connect(fd, at("10.77.0.255", 9), "EACCES");
	see_names(fd, "own:port", "peer:7010");
	see_connect(fd, at("255.255.255.255", 9), "EACCES");
	set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
	see_connect(fd, at("10.77.0.255", 9), "0");
}

static void b26(const struct net *n)
{
	int fd = udp(n);

	set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
	see_connect(fd, at("10.77.0.255", 9), "0");
	see_names(fd, "own:port", "10.77.0.255:9");
	see_send(fd, "b26", "3");
	set_int(fd, SOL_SOCKET, SO_BROADCAST, 0);
	see_send(fd, "b26", "3");
}

static void b27(const struct net *n)
{
	int fd = udp(n);

	if (n->af == AF_INET)
		see_connect(fd, at("239.1.2.3", 9), "0");
	else
		see_connect(fd, at_scope("ff02::9", 9, OUR_DEVICE), "0");
	see_names(fd, n->af == AF_INET ? "own:port" : NULL, n->af == AF_INET ? "239.1.2.3:9" : "ff02::9:9");
	see_send(fd, "b27", "3");
}

static void b28(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(tcp(n, 0), at(n->peer, 0), "ECONNREFUSED");
	see_connect(fd, at(n->peer, 0), "EINPROGRESS");
	await(fd, POLLERR);
	see_soerr(fd, "ECONNREFUSED");
}

static void b29(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at(n->peer, 0), "0");
	see_names(fd, "own:port", "ENOTCONN");
	see_send(fd, "b29", "3");
}

const struct row rows_b[] = {
	{"B1", b1, ROW_BOTH},
	{"B2", b2, ROW_BOTH},
	{"B3", b3, ROW_BOTH},
	{"B4", b4, ROW_BOTH},
	{"B5", b5, ROW_BOTH},
	{"B6", b6, ROW_BOTH},
	{"B7", b7, ROW_BOTH},
	{"B8", b8, ROW_BOTH},
	{"B9", b9, ROW_BOTH},
	{"B10", b10, ROW_BOTH},
	{"B11", b11, ROW_BOTH},
	{"B12", b12, ROW_BOTH},
	{"B13", b13, ROW_BOTH},
	{"B14", b14, ROW_BOTH},
	{"B15", b15, ROW_BOTH},
	{"B16", b16, ROW_BOTH},
	{"B17", b17, ROW_BOTH},
	{"B18", b18, 0},
	{"B19", b19, ROW_BOTH},
	{"B20", b20, ROW_BOTH},
	{"B21", b21, 0},
	{"B22", b22, 0},
	{"B23", b23, ROW_BOTH},
	{"B24", b24, 0},
	{"B25", b25, 0},
	{"B26", b26, 0},
	{"B27", b27, ROW_BOTH},
	{"B28", b28, ROW_BOTH},
	{"B29", b29, ROW_BOTH},
	{0},
};
