// i_ip6.c: section I: IPv6: mapped addresses, scopes, flow labels.
#include "rows.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND 33
#endif
#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR 32
#endif

static const char link_peer[] = "fe80::1";

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static struct addr mapped(int port)
{
	return at_mapped(net4.peer, port);
}

static struct addr linked(int port)
{
	return at_scope(link_peer, port, OUR_DEVICE);
}

static void i1(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, mapped(PORT_TALK), "0");
	see_names(fd, "mapped-own:port", "mapped-peer:7001");
	see_send(fd, "i1", "2");
	see_recv(fd, "i1");
}

static void i2(const struct net *n)
{
	int fd = tcp(n, 0);

	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	see_connect(fd, mapped(PORT_TALK), "ENETUNREACH");
	see_connect(fd, talk(n), "0");
	see_names(fd, "own:port", "peer:7001");
}

static void i3(const struct net *n)
{
	int on = listening(&net4, net4.loop), fd = tcp(n, 0), fd2 = tcp(n, 0);

	see_connect(fd, at_mapped("0.0.0.0", local_port(on)), "0");
	see_names(fd, "mapped-loop:port", "mapped-loop:port");
	see_connect(fd2, at_mapped("127.0.0.1", local_port(on)), "0");
	see_names(fd2, "mapped-loop:port", "mapped-loop:port");
}

static void i4(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, mapped(PORT_TALK), "0");
	see("unspec", dial(fd, unspec()), "0");
	see_soerr(fd, "ECONNRESET");
	set_blocking(fd, false);
	see_connect(fd, talk(n), "EINPROGRESS");
	pause_ms(700);
	see_poll(fd, "none");
}

static void i5(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, mapped(PORT_ECHO), "0");
	see_connect(fd, at(n->peer, PORT_ECHO), "EAFNOSUPPORT");
	see_names(fd, "mapped-own:port", "mapped-peer:7010");
	see("unspec", dial(fd, unspec()), "0");
	see_connect(fd, at(n->peer, PORT_ECHO), "0");
	see_names(fd, "own:port", "peer:7010");
}

static void i6(const struct net *n)
{
	int fd = tcp(n, 0);

	bind_to(fd, at(n->own, own_port(n, 20806)));
	see_connect(fd, mapped(PORT_TALK), "ENETUNREACH");
}

static void i7(const struct net *n)
{
	int fd = tcp(n, 0);

	bind_to(fd, at_mapped(net4.own, own_port(n, 20807)));
	see_connect(fd, talk(n), "EAFNOSUPPORT");
}

static void i8(const struct net *n)
{
	int on = listening(&net4, net4.loop), fd = tcp(n, 0);

	bind_to(fd, at_mapped(net4.loop, own_port(n, 20808)));
	see_connect(fd, at("::", local_port(on)), "0");
	see_names(fd, "mapped-loop:20808", "mapped-loop:port");
}

static void i9(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, at(link_peer, PORT_TALK), "EINVAL");
	see_connect(fd, linked(PORT_TALK), "0");
}

static void i10(const struct net *n)
{
	char device[IFNAMSIZ] = "";
	int fd = tcp(n, 0);

	see_connect(fd, linked(PORT_TALK), "0");
	see_names(fd, "own-link%device:port", "peer-link%device:7001");
	see_send(fd, "i10", "3");
	see_recv(fd, "i10");
	see("getsockopt", getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &(socklen_t){sizeof(device)}), "0");
	say("tied", OUR_DEVICE, "%s", device);
}

static void i11(const struct net *n)
{
	struct addr to = linked(PORT_TALK);

	to.len = 24;
	see_connect(tcp(n, 0), to, "EINVAL");
}

static void i12(const struct net *n)
{
	struct addr to = linked(PORT_TALK);

	to.in6.sin6_scope_id = 4711;
	see_connect(tcp(n, 0), to, "ENETUNREACH");
}

static void i13(const struct net *n)
{
	int fd = tcp(n, 0);

	device_bind(fd, "lo");
	see_connect(fd, linked(PORT_TALK), "EINVAL");
}

static void i14(const struct net *n)
{
	int fd = tcp(n, 0);

	device_bind(fd, OUR_DEVICE);
	see_connect(fd, at(link_peer, PORT_TALK), "0");
	see_names(fd, "own-link%device:port", "peer-link%device:7001");
}

static void i15(const struct net *n)
{
	struct addr to = talk(n);
	int fd = tcp(n, 0);

	to.in6.sin6_scope_id = 4711;
	see_connect(fd, to, "0");
	see_names(fd, "own:port", "peer:7001");
}

static void i16(const struct net *n)
{
	int fd = udp(n);

	see_connect(fd, at("ff02::9", 9), "EINVAL");
	see_connect(fd, at_scope("ff02::9", 9, OUR_DEVICE), "0");
	see_connect(fd, at(n->peer, PORT_ECHO), "0");
	see_names(fd, NULL, "peer:7010");
}

static void i17(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, at(n->nowhere, PORT_TALK), "ENETUNREACH");
	see_connect(fd, talk(n), "0");
}

// Linux looks only while somebody has a label for himself.
static void take_label(const struct net *n)
{
	struct {
		struct in6_addr dst;
		uint32_t label;
		uint8_t action, share;
		uint16_t flags, expires, linger;
		uint32_t pad;
	} ask = {.label = htonl(0x54321), .action = 0, .share = 1, .flags = 1};

	inet_pton(AF_INET6, n->peer, &ask.dst);
	setsockopt(tcp(n, 0), IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &ask, sizeof(ask));
}

static void i18(const struct net *n)
{
	struct addr to = talk(n);
	int fd = tcp(n, 0);

	set_int(fd, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
	to.in6.sin6_flowinfo = htonl(0x12345);
	take_label(n);
	see_connect(fd, to, "EINVAL");
	see_connect(fd, talk(n), "0");
}

static void i19(const struct net *n)
{
	const char *const hosts[] = {"fec0::1", "::10.1.2.3"};

	for (int i = 0; i < 2; i++) {
		int fd = tcp(n, SOCK_NONBLOCK), port = PORT_SILENT + 819 + i;

		see_connect(fd, at(hosts[i], port), "EINPROGRESS");
		pause_ms(200);
		see_asked("syns", "0", "syns 6 %d", port);
	}
}

const struct row rows_i[] = {
	{"I1", i1, ROW_IP6},
	{"I2", i2, ROW_IP6},
	{"I3", i3, ROW_IP6},
	{"I4", i4, ROW_IP6},
	{"I5", i5, ROW_IP6},
	{"I6", i6, ROW_IP6},
	{"I7", i7, ROW_IP6},
	{"I8", i8, ROW_IP6},
	{"I9", i9, ROW_IP6},
	{"I10", i10, ROW_IP6},
	{"I11", i11, ROW_IP6},
	{"I12", i12, ROW_IP6},
	{"I13", i13, ROW_IP6},
	{"I14", i14, ROW_IP6},
	{"I15", i15, ROW_IP6},
	{"I16", i16, ROW_IP6},
	{"I17", i17, ROW_IP6},
	{"I18", i18, ROW_IP6},
	{"I19", i19, ROW_IP6},
	{0},
};
