// f_answers.c: section F: what the network answers to a SYN, and what keeps one from leaving.
#include "rows.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

static const char dead[] = "IN|OUT|ERR|HUP|RDHUP";

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

// The attempt ends with an error, not blocking and blocking.
static void see_fails(const struct net *n, struct addr to, const char *error)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, to, "EINPROGRESS");
	await(fd, POLLERR);
	see_poll(fd, dead);
	see_soerr(fd, error);
	see_connect(tcp(n, 0), to, error);
}

// The first answer changes nothing; the second SYN, a second later, is accepted.
static void see_ignored(const struct net *n, int port)
{
	int fd = tcp(n, SOCK_NONBLOCK);
	int64_t begun = now_ms();

	see_connect(fd, at(n->wire, port), "EINPROGRESS");
	pause_ms(200);
	see_poll(fd, "none");
	see_soerr(fd, "0");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	see_time("took", now_ms() - begun, 1000, 450);
}

static void f1(const struct net *n)
{
	see_fails(n, at(n->wire, PORT_REFUSE), "ECONNREFUSED");
}

static void f2(const struct net *n)
{
	see_ignored(n, 5002);
}

// An unacceptable ACK makes Linux send the next SYN at once, which the table does not ask for.
static void see_goes_on(const struct net *n, int port)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->wire, port), "EINPROGRESS");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
}

static void f3(const struct net *n)
{
	see_goes_on(n, 5003);
}

static void f4(const struct net *n)
{
	see_goes_on(n, 5004);
	see_asked("rst", "yes", "rst %c 5004", n->af == AF_INET ? '4' : '6');
}

static void f5(const struct net *n)
{
	see_ignored(n, 5005);
}

static void f6(const struct net *n)
{
	see_ignored(n, 5006);
}

static void f7(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->wire, 5007), "EINPROGRESS");
	pause_ms(200);
	see_poll(fd, "none");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	see_names(fd, "own:port", "wire:5007");
}

static void f8(const struct net *n)
{
	see_fails(n, at(n->wire, 5008), "ECONNRESET");
}

static void f9(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->wire, 5009), "EINPROGRESS");
	await(fd, POLLERR);
	see_poll(fd, dead);
	see_soerr(fd, "ECONNRESET");
	see_recv(fd, "0");
	see_connect(fd, talk(n), "ECONNABORTED");
}

static void f10(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	see_connect(fd, at(n->wire, 5010), "EINPROGRESS");
	await(fd, POLLRDHUP);
	see_poll(fd, "IN|OUT|RDHUP");
	see_soerr(fd, "0");
	see_recv(fd, "0");
	see_connect(fd, talk(n), "0");
}

static void see_icmp(const struct net *n, int type, int code, const char *error)
{
	see_fails(n, at(n->wire, type * 1000 + code), error);
}

static void f11(const struct net *n)
{
	see_icmp(n, 3, 0, "ENETUNREACH");
}

static void f12(const struct net *n)
{
	see_icmp(n, 3, 1, "EHOSTUNREACH");
	see_fails(n, at(n->wire, PORT_BOTH), "EHOSTUNREACH");
}

static void f13(const struct net *n)
{
	see_icmp(n, 3, 2, "ENOPROTOOPT");
}

static void f14(const struct net *n)
{
	see_icmp(n, 3, 3, "ECONNREFUSED");
}

// To an address of its own: what is learned about the path stays.
static void lower_mss(const struct net *n, int port, int mtu)
{
	int fd = tcp(n, SOCK_NONBLOCK), mss = 0;

	see_connect(fd, at(n->wire2, port), "EINPROGRESS");
	see_ready(fd, "OUT");
	see_soerr(fd, "0");
	getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &(socklen_t){sizeof(mss)});
	say("mss", "lowered", "%s", mss > 0 && mss <= mtu - 40 ? "lowered" : "as-before");
}

static void f15(const struct net *n)
{
	lower_mss(n, 3004, 1000);
}

static void f16(const struct net *n)
{
	see_icmp(n, 3, 5, "EOPNOTSUPP");
}

static void f17(const struct net *n)
{
	see_icmp(n, 3, 6, "ENETUNREACH");
}

static void f18(const struct net *n)
{
	see_icmp(n, 3, 7, "EHOSTDOWN");
}

static void f19(const struct net *n)
{
	see_icmp(n, 3, 8, "ENONET");
}

static void f20(const struct net *n)
{
	see_icmp(n, 3, 9, "ENETUNREACH");
}

static void f21(const struct net *n)
{
	see_icmp(n, 3, 10, "EHOSTUNREACH");
}

static void f22(const struct net *n)
{
	see_icmp(n, 3, 11, "ENETUNREACH");
}

static void f23(const struct net *n)
{
	see_icmp(n, 3, 12, "EHOSTUNREACH");
}

static void f24(const struct net *n)
{
	for (int code = 13; code <= 15; code++)
		see_icmp(n, 3, code, "EHOSTUNREACH");
}

static void f25(const struct net *n)
{
	see_ignored(n, 3016);
	see_ignored(n, 3200);
}

static void f26(const struct net *n)
{
	see_icmp(n, 11, 0, "EHOSTUNREACH");
}

static void f27(const struct net *n)
{
	see_ignored(n, 11001);
}

static void f28(const struct net *n)
{
	see_icmp(n, 12, 0, "EPROTO");
}

static void f29(const struct net *n)
{
	see_ignored(n, 4000);
}

static void f30(const struct net *n)
{
	see_ignored(n, PORT_WRONG_QUOTE);
}

static void f31(const struct net *n)
{
	see_icmp(n, 1, 0, "ENETUNREACH");
}

static void f32(const struct net *n)
{
	see_icmp(n, 1, 1, "EACCES");
	see_icmp(n, 1, 5, "EACCES");
	see_icmp(n, 1, 6, "EACCES");
}

static void f33(const struct net *n)
{
	see_icmp(n, 1, 2, "EHOSTUNREACH");
	see_icmp(n, 1, 3, "EHOSTUNREACH");
}

static void f34(const struct net *n)
{
	see_icmp(n, 1, 4, "ECONNREFUSED");
}

static void f35(const struct net *n)
{
	see_icmp(n, 1, 7, "EPROTO");
	see_icmp(n, 1, 200, "EPROTO");
}

static void f36(const struct net *n)
{
	lower_mss(n, 2000, 1280);
}

static void f37(const struct net *n)
{
	see_icmp(n, 3, 0, "EHOSTUNREACH");
}

static void f38(const struct net *n)
{
	for (int code = 0; code <= 2; code++)
		see_icmp(n, 4, code, "EPROTO");
}

static void f40(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);
	int64_t begun = now_ms();

	see_connect(fd, at(n->nobody, PORT_TALK), "EINPROGRESS");
	await(fd, POLLERR);
	see_time("took", now_ms() - begun, 3000, 700);
	see_poll(fd, dead);
	see_soerr(fd, "EHOSTUNREACH");
}

// At once, nothing is bound or changed, and the socket is as good as new.
static void see_no_way(const struct net *n, const char *host, const char *error)
{
	const int flags[] = {0, SOCK_NONBLOCK};

	for (int i = 0; i < 2; i++) {
		int fd = tcp(n, flags[i]);

		see_connect(fd, at(host, PORT_TALK), error);
		see_names(fd, "any:0", "ENOTCONN");
		see_soerr(fd, "0");
		see_poll(fd, "OUT|HUP");
		see_connect(fd, talk(n), flags[i] ? "EINPROGRESS" : "0");
	}
}

static void f41(const struct net *n)
{
	see_no_way(n, n->nowhere, "ENETUNREACH");
}

static void f42(const struct net *n)
{
	see_no_way(n, n->unreachable, "EHOSTUNREACH");
}

static void f43(const struct net *n)
{
	see_no_way(n, n->prohibited, "EACCES");
}

static void f44(const struct net *n)
{
	see_no_way(n, n->hole, "EINVAL");
}

static void f45(const struct net *n)
{
	int fd = tcp(n, 0);

	set_int(fd, SOL_SOCKET, SO_DONTROUTE, 1);
	see_connect(fd, at(n->far, PORT_ACCEPT), "ENETUNREACH");
	set_int(fd, SOL_SOCKET, SO_DONTROUTE, 0);
	see_connect(fd, at(n->far, PORT_ACCEPT), "0");
	see_names(fd, "own:port", "far:5000");
}

static void f46(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
	see_connect(fd, at(n->peer, PORT_DENIED), "EINPROGRESS");
	pause_ms(300);
	see_poll(fd, "none");
	see_soerr(fd, "0");
	await(fd, POLLERR);
	see_soerr(fd, "ETIMEDOUT");
}

static void f49(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, talk(n), "ENETUNREACH");
	see_names(fd, "any:0", "ENOTCONN");
	see_connect(udp(n), at(n->peer, PORT_ECHO), "ENETUNREACH");
}

static void f50(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	device_bind(fd, "lo");
	if (n->af == AF_INET6) { // a route of lo there is none
		see_connect(fd, talk(n), "ENETUNREACH");
		return;
	}
	see_connect(fd, talk(n), "EINPROGRESS");
	pause_ms(300);
	see_poll(fd, "none");
	see_soerr(fd, "0");
}

const struct row rows_f[] = {
	{"F1", f1, ROW_BOTH},
	{"F2", f2, ROW_BOTH},
	{"F3", f3, ROW_BOTH},
	{"F4", f4, ROW_BOTH},
	{"F5", f5, ROW_BOTH},
	{"F6", f6, ROW_BOTH},
	{"F7", f7, ROW_BOTH},
	{"F8", f8, ROW_BOTH},
	{"F9", f9, ROW_BOTH},
	{"F10", f10, ROW_BOTH},
	{"F11", f11, 0},
	{"F12", f12, 0},
	{"F13", f13, 0},
	{"F14", f14, 0},
	{"F15", f15, 0},
	{"F16", f16, 0},
	{"F17", f17, 0},
	{"F18", f18, 0},
	{"F19", f19, 0},
	{"F20", f20, 0},
	{"F21", f21, 0},
	{"F22", f22, 0},
	{"F23", f23, 0},
	{"F24", f24, 0},
	{"F25", f25, 0},
	{"F26", f26, 0},
	{"F27", f27, 0},
	{"F28", f28, 0},
	{"F29", f29, 0},
	{"F30", f30, ROW_BOTH},
	{"F31", f31, ROW_IP6},
	{"F32", f32, ROW_IP6},
	{"F33", f33, ROW_IP6},
	{"F34", f34, ROW_IP6},
	{"F35", f35, ROW_IP6},
	{"F36", f36, ROW_IP6},
	{"F37", f37, ROW_IP6},
	{"F38", f38, ROW_IP6},
	{"F40", f40, ROW_BOTH},
	{"F41", f41, ROW_BOTH},
	{"F42", f42, ROW_BOTH},
	{"F43", f43, ROW_BOTH},
	{"F44", f44, ROW_BOTH},
	{"F45", f45, 0},
	{"F46", f46, ROW_BOTH},
	{"F49", f49, ROW_BOTH | ROW_DOWN},
	{"F50", f50, ROW_BOTH},
	{0},
};
