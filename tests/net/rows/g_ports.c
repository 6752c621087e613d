// g_ports.c: section G: the local address and port.
#include "rows.h"
#include <errno.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static struct addr talk2(const struct net *n)
{
	return at(n->peer2, PORT_TALK);
}

static struct addr own(const struct net *n, int port)
{
	return at(n->own, port ? own_port(n, port) : 0);
}

static struct addr any(const struct net *n, int port)
{
	return at(n->any, port ? own_port(n, port) : 0);
}

static void see_bind(int fd, struct addr to, const char *want)
{
	see("bind", bind(fd, &to.sa, to.len), want);
}

static void g1(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, talk(n), "0");
	see_names(fd, "own:port", "peer:7001");
}

static void g2(const struct net *n)
{
	int fd = tcp(n, 0);

	see_bind(fd, any(n, 20602), "0");
	see_names(fd, "any:20602", "ENOTCONN");
	see_connect(fd, talk(n), "0");
	see_names(fd, "own:20602", "peer:7001");
}

static void g3(const struct net *n)
{
	int fd = tcp(n, 0), port;

	see_bind(fd, own(n, 0), "0");
	see_names(fd, "own:port", "ENOTCONN");
	port = local_port(fd);
	see_connect(fd, talk(n), "0");
	say("port", "kept", "%s", local_port(fd) == port ? "kept" : "another");
}

static void g4(const struct net *n)
{
	int fd = tcp(n, 0);

	set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	see_bind(fd, own(n, 0), "0");
	see_names(fd, "own:0", "ENOTCONN");
	see_connect(fd, talk(n), "0");
	see_names(fd, "own:port", "peer:7001");
}

static void g5(const struct net *n)
{
	int fd = tcp(n, 0), up = joined(n, 0);

	see_bind(fd, own(n, 20605), "0");
	see_bind(fd, own(n, 20606), "EINVAL");
	see_bind(up, own(n, 20607), "EINVAL");
}

static void g6(const struct net *n)
{
	int fd = tcp(n, 0);

	see_bind(fd, at(n->peer, 20000), "EADDRNOTAVAIL");
	see_connect(fd, talk(n), "0");
}

static void g7(const struct net *n)
{
	int fd = tcp(n, 0);

	set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
	see_bind(fd, at("10.77.0.77", own_port(n, 20608)), "0");
	see_connect(fd, talk(n), "ENETUNREACH");
}

static void g8(const struct net *n)
{
	int fd = tcp(n, 0);

	see_bind(fd, at("127.0.0.1", 0), "0");
	see_connect(fd, talk(n), "EINVAL");
}

static void g9(const struct net *n)
{
	see_bind(tcp(n, 0), at("239.1.2.3", own_port(n, 20609)), "0");
}

static void g10(const struct net *n)
{
	int fd = tcp(n, 0), fd2 = tcp(n, 0);

	see_bind(fd, own(n, 20610), "0");
	see_bind(fd2, own(n, 20610), "EADDRINUSE");
	see_connect(fd, talk(n), "0");
	see_connect(fd2, talk(n), "0");
	see_names(fd2, "own:port", "peer:7001");
}

static void both_with(const struct net *n, int option, int port)
{
	int fd = tcp(n, 0), fd2 = tcp(n, 0);

	set_int(fd, SOL_SOCKET, option, 1);
	set_int(fd2, SOL_SOCKET, option, 1);
	see_bind(fd, own(n, port), "0");
	see_bind(fd2, own(n, port), "0");
	see_connect(fd, talk(n), "0");
	see_connect(fd2, talk(n), "EADDRNOTAVAIL");
	see_poll(fd2, "OUT|HUP");
	see_connect(fd2, talk2(n), "0");
}

static void g11(const struct net *n)
{
	both_with(n, SO_REUSEADDR, 20611);
}

static void g12(const struct net *n)
{
	both_with(n, SO_REUSEPORT, 20612);
}

static void g13(const struct net *n)
{
	const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
	int on = tcp(n, 0);

	see_bind(on, own(n, 20613), "0");
	see("listen", listen(on, 1), "0");
	see_bind(tcp(n, 0), own(n, 20613), "EADDRINUSE");
	for (int i = 0; i < 2; i++) {
		int fd = tcp(n, 0);

		set_int(fd, SOL_SOCKET, options[i], 1);
		see_bind(fd, own(n, 20613), "EADDRINUSE");
	}
}

// Ports that a row has for itself must lie within what the system chooses from; no other row's sockets go to where these go.
static int range_port(const struct net *n, int port)
{
	return port + (n->af == AF_INET6 ? 100 : 0);
}

static void limit(const struct net *n, int fd, int low, int high)
{
	set_port_range(fd, range_port(n, low), range_port(n, high));
}

static int with_range(const struct net *n, int low, int high)
{
	int fd = tcp(n, 0);

	limit(n, fd, low, high);
	return fd;
}

static struct addr quiet(const struct net *n)
{
	return at(n->peer, PORT_QUIET);
}

static struct addr quiet2(const struct net *n)
{
	return at(n->peer2, PORT_QUIET);
}

static void see_port(const struct net *n, int fd, int low, int high)
{
	int port = local_port(fd);

	say("port", "of-its-range", "%s", port >= range_port(n, low) && port <= range_port(n, high) ? "of-its-range" : "another");
}

static void g14(const struct net *n)
{
	int fd = with_range(n, 40014, 40014), fd2 = with_range(n, 40014, 40014);

	see_connect(fd, quiet(n), "0");
	see_port(n, fd, 40014, 40014);
	see_connect(fd2, quiet(n), "EADDRNOTAVAIL");
	see_names(fd2, "any:0", "ENOTCONN");
	see_poll(fd2, "OUT|HUP");
	set_port_range(fd2, 0, 0);
	see_connect(fd2, quiet(n), "0");
}

static void g15(const struct net *n)
{
	int fd = with_range(n, 40015, 40015), fd2 = with_range(n, 40015, 40015);

	see_connect(fd, quiet(n), "0");
	see_connect(fd2, quiet2(n), "0");
	see_port(n, fd2, 40015, 40015);
	see_names(fd2, "own:port", "peer2:7002");
}

static void g16(const struct net *n)
{
	uint32_t range = 20000U << 16 | 20010;

	see("setsockopt", setsockopt(tcp(n, 0), IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)), "EINVAL");
}

static void g17(const struct net *n)
{
	int fd;

	for (int i = 0; i < 4; i++) {
		fd = with_range(n, 40020, 40023);
		see_connect(fd, quiet(n), "0");
		see_port(n, fd, 40020, 40023);
	}
	fd = with_range(n, 40020, 40023);
	see_connect(fd, quiet(n), "EADDRNOTAVAIL");
	see_bind(with_range(n, 40020, 40023), any(n, 0), "EADDRINUSE");
	see_connect(fd, quiet2(n), "0");
	see_port(n, fd, 40020, 40023);
}

static int datagram_range(const struct net *n)
{
	int fd = udp(n);

	limit(n, fd, 40030, 40032);
	return fd;
}

static void g18(const struct net *n)
{
	for (int i = 0; i < 3; i++) {
		int fd = datagram_range(n);

		see_connect(fd, at(n->peer, PORT_ECHO), "0");
		see_port(n, fd, 40030, 40032);
	}
	see_connect(datagram_range(n), at(n->peer, PORT_ECHO), "EAGAIN");
	see_connect(datagram_range(n), at(n->peer2, PORT_ECHO), "EAGAIN");
}

// Closes first and last: TIME-WAIT stays here.
static void leave_time_wait(int fd)
{
	see("shutdown", shutdown(fd, SHUT_WR), "0");
	await(fd, POLLHUP);
	pause_ms(100);
	see_recv(fd, "0");
	see("close", close(fd), "0");
}

static void g19(const struct net *n)
{
	int fd = socket(n->af, SOCK_STREAM, 0), again = tcp(n, 0);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	see_bind(fd, own(n, 20640), "0");
	see_connect(fd, talk(n), "0");
	leave_time_wait(fd);
	see_bind(again, own(n, 20640), "EADDRINUSE");
	set_int(again, SOL_SOCKET, SO_REUSEADDR, 1);
	see_bind(again, own(n, 20640), "0");
	see_connect(again, talk(n), "0");
	see_send(again, "g19", "3");
	see_recv(again, "g19");
}

static void g20(const struct net *n)
{
	int fd = socket(n->af, SOCK_STREAM, 0), again = with_range(n, 40041, 40041);

	limit(n, fd, 40041, 40041);
	see_connect(fd, quiet(n), "0");
	leave_time_wait(fd);
	see_connect(again, quiet(n), "EADDRNOTAVAIL");
	pause_ms(1300);
	see_connect(again, quiet(n), "EADDRNOTAVAIL");
	see_connect(again, quiet2(n), "0");
}

// On loopback, where tcp_tw_reuse 2 is what 1 is elsewhere.
static void g21(const struct net *n)
{
	int on = listening(n, n->loop), fd = socket(n->af, SOCK_STREAM, 0), again = with_range(n, 40042, 40042);
	struct addr to = at(n->loop, local_port(on));
	int taken;

	limit(n, fd, 40042, 40042);
	see_connect(fd, to, "0");
	taken = accept(on, NULL, NULL);
	see("shutdown", shutdown(fd, SHUT_WR), "0");
	see_recv(taken, "0");
	see("close", close(taken), "0");
	see_recv(fd, "0");
	see("close", close(fd), "0");
	pause_ms(50);
	see_connect(again, to, "EADDRNOTAVAIL");
	pause_ms(1400);
	see_connect(again, to, "0");
	see_port(n, again, 40042, 40042);
}

// Of the range of three, two are reserved.
static void g22(const struct net *n)
{
	int low = n->af == AF_INET ? 33000 : 33010, fd = tcp(n, 0), fd2 = tcp(n, 0), fd3 = tcp(n, 0);

	set_port_range(fd, low, low + 2);
	set_port_range(fd2, low, low + 2);
	see_connect(fd, quiet(n), "0");
	say("chosen", "the-third", "%s", local_port(fd) == low + 2 ? "the-third" : "reserved");
	see_connect(fd2, quiet(n), "EADDRNOTAVAIL");
	see_bind(fd3, at(n->own, low), "0");
	see_connect(fd3, quiet(n), "0");
}

static void g23(const struct net *n)
{
	int fd = pending(n, PORT_LATE), port = local_port(fd);

	see_names(fd, "own:port", "ENOTCONN");
	see_ready(fd, "OUT");
	see_names(fd, "own:port", "wire:5015");
	say("port", "kept", "%s", local_port(fd) == port ? "kept" : "another");
}

static void g24(const struct net *n)
{
	int fd = tcp(n, 0), fd2 = tcp(n, 0), busy = with_range(n, 40050, 40050), fd3 = with_range(n, 40050, 40050);

	see_connect(fd, at(n->nowhere, 9), "ENETUNREACH");
	see_names(fd, "any:0", "ENOTCONN");
	see_bind(fd2, any(n, 20651), "0");
	see_connect(fd2, at(n->nowhere, 9), "ENETUNREACH");
	see_names(fd2, "any:20651", "ENOTCONN");
	see_connect(busy, quiet(n), "0");
	see_connect(fd3, quiet(n), "EADDRNOTAVAIL");
	see_names(fd3, "any:0", "ENOTCONN");
}

const struct row rows_g[] = {
	{"G1", g1, ROW_BOTH},
	{"G2", g2, ROW_BOTH},
	{"G3", g3, ROW_BOTH},
	{"G4", g4, ROW_BOTH},
	{"G5", g5, ROW_BOTH},
	{"G6", g6, ROW_BOTH},
	{"G7", g7, 0},
	{"G8", g8, 0},
	{"G9", g9, 0},
	{"G10", g10, ROW_BOTH},
	{"G11", g11, ROW_BOTH},
	{"G12", g12, ROW_BOTH},
	{"G13", g13, ROW_BOTH},
	{"G14", g14, ROW_BOTH},
	{"G15", g15, ROW_BOTH},
	{"G16", g16, ROW_BOTH},
	{"G17", g17, ROW_BOTH},
	{"G18", g18, ROW_BOTH | ROW_ALONE},
	{"G19", g19, ROW_BOTH},
	{"G20", g20, ROW_BOTH},
	{"G21", g21, ROW_BOTH},
	{"G22", g22, ROW_BOTH},
	{"G23", g23, ROW_BOTH},
	{"G24", g24, ROW_BOTH},
	{0},
};
