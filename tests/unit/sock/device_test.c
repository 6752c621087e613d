/* device_test.c: sockets bound to a network interface (SO_BINDTODEVICE, F50) or to what needs no gateway (SO_DONTROUTE, F45), and
 * interfaces that go (F49). The ends have a link, and beside it a VLAN. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "net/mail.h"
#include "world.h"

#define LOOP_IP "127.0.0.1"
#define LINK "sim"    /* of the end: sim0 or sim1 */
#define LO_NUMBER (IFACES_MAX + 1)
#define VLAN 5
#define NEAR_V "10.5.0.1"
#define FAR_V "10.5.0.9"
#define ROUTED "10.77.0.9" /* behind a gateway of the link */
#define NOWHERE "192.168.1.1"

static bool is6(void) { return world_family == WORLD_IP6; }

static void vlan_add(int end, const char *ip)
{
	struct net *n = &world.stack[end]->net;
	int iface = net_iface_get(n, 0, VLAN, 0);
	const struct ip6_addr a = world_ip6(ip);

	assert_int_equal(iface, 1);
	assert_int_equal(net_addr_add_on(n, 1, ip4(ip, 0).sin_addr.s_addr, 24), 0);
	if (is6())
		assert_int_equal(net_addr6_add_on(n, 1, &a, 120), 0);
}

static void gateway_add(const char *prefix, uint8_t len, const char *gw)
{
	struct net_route r = {.prefix = ip6_addr_mapped(ip4(prefix, 0).sin_addr.s_addr), .iface = NET_IFACE_ANY,
			      .prefix_len = (uint8_t)(NET_PREFIX4 + len), .type = ROUTE_GATEWAY,
			      .gw = ip6_addr_mapped(ip4(gw, 0).sin_addr.s_addr)};

	if (is6()) {
		r.prefix = world_ip6(prefix);
		r.gw = world_ip6(gw);
	}
	assert_int_equal(net_route_add(&world.stack[NEAR]->net, &r), 0);
}

static int make(void **state)
{
	world_make(state);
	vlan_add(NEAR, NEAR_V);
	vlan_add(FAR, FAR_V);
	gateway_add("10.77.0.0", 16, FAR_IP);
	return 0;
}

/* The name of a device of the calling end. */
static const char *dev(const char *tail)
{
	static char name[2][32];
	static unsigned i;

	i ^= 1;
	snprintf(name[i], sizeof(name[i]), LINK "%d%s", sock_cur == &world.env[FAR], tail);
	return name[i];
}

static int bind_dev(int fd, const char *name)
{
	return spate_sys_setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
}

static int option(int fd, int name, int v) { return spate_sys_setsockopt(fd, SOL_SOCKET, name, &v, sizeof(v)); }

static int option_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v = -1, rc = spate_sys_getsockopt(fd, SOL_SOCKET, name, &v, &len);

	return rc < 0 ? rc : v;
}

static const char *dev_of(int fd)
{
	static char name[64];
	socklen_t len = sizeof(name);

	memset(name, 'x', sizeof(name));
	assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
	if (len == 0)
		return "";
	assert_int_equal(len, strlen(name) + 1);
	return name;
}

static int stream_on(const char *name)
{
	int fd = stream(SOCK_NONBLOCK);

	assert_int_equal(bind_dev(fd, name), 0);
	return fd;
}

static int dgram_on(const char *name)
{
	int fd = dgram(SOCK_NONBLOCK);

	assert_int_equal(bind_dev(fd, name), 0);
	return fd;
}

static bool from_ip(int fd, const char *ip)
{
	return strncmp(own_name(fd), ip, strlen(ip)) == 0 && own_name(fd)[strlen(ip)] == ':';
}

static void names(void **state)
{
	char name[64];
	socklen_t len = 15;

	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		int fd = tcp ? stream(0) : dgram(0);

		assert_string_equal(dev_of(fd), "");
		assert_int_equal(option_of(fd, SO_BINDTOIFINDEX), 0);
		assert_int_equal(bind_dev(fd, "lo"), 0);
		assert_string_equal(dev_of(fd), "lo");
		assert_int_equal(option_of(fd, SO_BINDTOIFINDEX), LO_NUMBER);
		assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "sim0.5\0junk", 11), 0);
		assert_string_equal(dev_of(fd), "sim0.5");
		assert_int_equal(option_of(fd, SO_BINDTOIFINDEX), 2);
		assert_int_equal(bind_dev(fd, "sim0.6"), -ENODEV);
		assert_int_equal(bind_dev(fd, "0123456789012345678901234567890123456789012345678901234567890123456789"), -ENODEV);
		assert_string_equal(dev_of(fd), "sim0.5");
		/* Less than IFNAMSIZ. */
		assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), -EINVAL);
		assert_int_equal(option(fd, SO_BINDTOIFINDEX, 1), 0);
		assert_string_equal(dev_of(fd), "sim0");
		assert_int_equal(option(fd, SO_BINDTOIFINDEX, -1), -EINVAL);
		assert_int_equal(option(fd, SO_BINDTOIFINDEX, 3), -ENODEV);
		assert_int_equal(option(fd, SO_BINDTOIFINDEX, 1000000), -ENODEV);
		assert_int_equal(option_of(fd, SO_DONTROUTE), 0);
		assert_int_equal(option(fd, SO_DONTROUTE, 7), 0);
		assert_int_equal(option_of(fd, SO_DONTROUTE), 1);
		assert_string_equal(dev_of(fd), "sim0");
		assert_int_equal(bind_dev(fd, ""), 0);
		assert_string_equal(dev_of(fd), "");
		assert_int_equal(option_of(fd, SO_DONTROUTE), 1);
		assert_int_equal(option(fd, SO_DONTROUTE, 0), 0);
		assert_int_equal(option_of(fd, SO_DONTROUTE), 0);
		assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_DONTROUTE, name, 3), -EINVAL);
	}
}

/* F45. IPv6 does not know it, on Linux. */
static void f45_dontroute(void **state)
{
	int refused = is6() ? 0 : -ENETUNREACH, l, fd;

	(void)state;
	far_listener(80, 0);
	l = stream(SOCK_NONBLOCK);
	assert_int_equal(call_bind(l, "0.0.0.0", 81), 0);
	assert_int_equal(spate_sys_listen(l, 4), 0);
	for (int tcp = 0; tcp < 2; tcp++) {
		fd = tcp ? stream(0) : dgram(0);
		assert_int_equal(option(fd, SO_DONTROUTE, 1), 0);
		if (!is6() || !tcp)
			assert_int_equal(call_connect(fd, ROUTED, 80), refused);
		if (!is6() && tcp)
			assert_int_equal(own_port(fd), 0);
		assert_int_equal(call_connect(fd, NOWHERE, 80), -ENETUNREACH);
		assert_int_equal(call_connect(fd, FAR_IP, 80), 0); /* retry ok */
		fd = tcp ? stream(0) : dgram(0);
		assert_int_equal(option(fd, SO_DONTROUTE, 1), 0);
		assert_int_equal(call_connect(fd, LOOP_IP, 81), 0);
		fd = tcp ? stream(0) : dgram(0);
		assert_int_equal(option(fd, SO_DONTROUTE, 1), 0);
		assert_int_equal(call_connect(fd, NEAR_IP2, 81), 0);
	}
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, ROUTED, 80), -EINPROGRESS); /* without, it goes there */
}

static int send_flags(int fd, const char *ip, uint16_t port, int flags)
{
	socklen_t len;
	const struct sockaddr_storage to = world_addr(ip, port, &len);

	return (int)spate_sys_sendto(fd, "x", 1, flags, (const struct sockaddr *)&to, len);
}

static void f45_msg_dontroute(void **state)
{
	int fd = dgram(0), far;
	char c;

	(void)state;
	at(FAR);
	far = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(far, "0.0.0.0", 53), 0);
	at(NEAR);
	assert_int_equal(send_flags(fd, ROUTED, 53, MSG_DONTROUTE), is6() ? 1 : -ENETUNREACH);
	assert_int_equal(send_flags(fd, ROUTED, 53, 0), 1);
	assert_int_equal(send_flags(fd, FAR_IP, 53, MSG_DONTROUTE), 1);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_recvfrom(far, &c, 1, 0, NULL, NULL), 1);
	assert_int_equal(spate_sys_recvfrom(far, &c, 1, 0, NULL, NULL), -EAGAIN);
	at(NEAR);
}

/* F50: what is for others is sent on lo, and lost. Over IPv6 lo has no route to them. */
static void f50_bound_to_lo(void **state)
{
	static const char *const others[] = {FAR_IP, NOWHERE, ROUTED, NEAR_IP};
	uint64_t before = world.stack[NEAR]->tx[0].packets;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(others); i++) {
		int fd = stream_on("lo"), d = dgram_on("lo");

		assert_int_equal(call_connect(fd, others[i], 80), is6() ? -ENETUNREACH : -EINPROGRESS);
		assert_int_equal(call_connect(d, others[i], 80), is6() ? -ENETUNREACH : 0);
		if (is6()) {
			assert_int_equal(own_port(fd), 0);
			continue;
		}
		assert_true(from_ip(fd, NEAR_IP) || from_ip(fd, NEAR_IP2) || from_ip(fd, NEAR_V));
		assert_int_equal(spate_send(d, "x", 1, 0), 1);
		run_ms(2500);
		assert_int_equal(poll_now(fd), 0);
		assert_int_equal(poll_now(d), POLLOUT);
		assert_int_equal(call_connect(fd, others[i], 80), -EALREADY);
	}
	if (!is6())
		assert_int_equal(world.stack[NEAR]->tx[0].packets, before);
	else
		skip();
	int bound = stream_on("lo");

	assert_int_equal(call_bind(bound, LOOP_IP, 0), 0); /* even that, which G8 would refuse */
	assert_int_equal(call_connect(bound, FAR_IP, 80), -EINPROGRESS);
}

static void f50_loopback_by_device(void **state)
{
	int l = stream_on("lo"), all = stream(SOCK_NONBLOCK), fd;

	(void)state;
	assert_int_equal(call_bind(l, "0.0.0.0", 80), 0);
	assert_int_equal(spate_sys_listen(l, 4), 0);
	assert_int_equal(call_bind(all, "0.0.0.0", 81), 0);
	assert_int_equal(spate_sys_listen(all, 4), 0);
	assert_int_equal(call_connect(stream_on("lo"), LOOP_IP, 80), -EINPROGRESS);
	run_ms(1);
	fd = spate_sys_accept4(l, NULL, NULL, 0);
	assert_true(fd > 2);
	assert_string_equal(dev_of(fd), "lo"); /* inherited */
	assert_int_equal(call_connect(stream(0), LOOP_IP, 80), 0);
	assert_int_equal(call_connect(stream(0), NEAR_IP, 80), -ECONNREFUSED); /* comes by its address's device, as on Linux */
	assert_int_equal(call_connect(stream(0), NEAR_IP, 81), 0);
	fd = stream_on(dev(""));
	assert_int_equal(call_connect(fd, NEAR_IP, 81), -EINPROGRESS);
	run_ms(1);
	assert_int_equal(poll_now(fd), POLLOUT);
	fd = stream_on(dev("")); /* loopback is not there */
	assert_int_equal(call_connect(fd, LOOP_IP, 81), is6() ? -ENETUNREACH : -EINPROGRESS);
	run_ms(2500);
	assert_int_equal(poll_now(fd), is6() ? IDLE_SET : 0);
	at(FAR);
	assert_int_equal(call_connect(stream(0), NEAR_IP, 80), -ECONNREFUSED);
	assert_int_equal(call_connect(stream(0), NEAR_IP, 81), 0);
	at(NEAR);
}

/* The device leads, whatever routes say: over IPv4 also to where none leads. */
static void leads_out_of_device(void **state)
{
	int fd, d;

	(void)state;
	far_listener(80, 0);
	fd = stream_on("sim0");
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(poll_now(fd), POLLOUT);
	fd = stream_on("sim0");
	assert_int_equal(call_connect(fd, ROUTED, 80), -EINPROGRESS); /* a route of the device, over its gateway */
	assert_true(from_ip(fd, NEAR_IP) || from_ip(fd, NEAR_IP2));
	assert_int_equal(spate_sys_close(fd), 0);
	for (int i = 0; i < 2; i++) { /* nobody there has the address */
		fd = stream_on(i ? "sim0" : "sim0.5");
		assert_int_equal(call_connect(fd, i ? FAR_V : FAR_IP, 80), is6() ? -ENETUNREACH : -EINPROGRESS);
		if (is6())
			continue;
		assert_true(i ? from_ip(fd, NEAR_IP) || from_ip(fd, NEAR_IP2) : from_ip(fd, NEAR_V));
		run_ms(4000);
		assert_int_equal(poll_now(fd), FULL_SET);
		assert_int_equal(so_error(fd), EHOSTUNREACH);
	}
	fd = stream_on("sim0.5");
	assert_int_equal(call_connect(fd, NOWHERE, 80), is6() ? -ENETUNREACH : -EINPROGRESS);
	assert_int_equal(call_connect(stream(0), NOWHERE, 80), -ENETUNREACH);
	d = dgram_on("sim0.5");
	assert_int_equal(call_connect(d, NEAR_IP, 80), is6() ? -ENETUNREACH : 0); /* own, and not there: lost */
	fd = stream_on("sim0.5");
	assert_int_equal(call_connect(fd, FAR_V, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(poll_now(fd), POLLOUT);
	assert_true(from_ip(fd, NEAR_V));
}

/* Refusing routes are of no device (as Linux); with SO_DONTROUTE they are of no link. */
static void routes_that_refuse(void **state)
{
	struct net_route r = {.prefix = ip6_addr_mapped(ip4("10.8.0.0", 0).sin_addr.s_addr), .prefix_len = NET_PREFIX4 + 16,
			      .type = ROUTE_PROHIBIT, .iface = NET_IFACE_ANY};
	int fd;

	(void)state;
	if (is6())
		r.prefix = world_ip6("10.8.0.0");
	if (is6())
		r.prefix_len = 112;
	assert_int_equal(net_route_add(&world.stack[NEAR]->net, &r), 0);
	assert_int_equal(call_connect(stream(0), "10.8.0.9", 80), -EACCES);
	fd = stream_on("sim0");
	assert_int_equal(call_connect(fd, "10.8.0.9", 80), is6() ? -ENETUNREACH : -EINPROGRESS);
	fd = stream(0);
	assert_int_equal(option(fd, SO_DONTROUTE, 1), 0);
	assert_int_equal(call_connect(fd, "10.8.0.9", 80), is6() ? -EACCES : -ENETUNREACH);
}

static int try_bind(const char *name, bool tcp, int *fd)
{
	*fd = tcp ? stream(SOCK_NONBLOCK) : dgram(SOCK_NONBLOCK);
	assert_int_equal(bind_dev(*fd, name), 0);
	return call_bind(*fd, "0.0.0.0", 80);
}

/* One port on each device: no conflict, and each has what came by its own. */
static void listeners_of_devices(void **state)
{
	int l[3], fd, other;

	(void)state;
	assert_int_equal(try_bind("sim0", true, &l[0]), 0);
	assert_int_equal(try_bind("sim0.5", true, &l[1]), 0);
	assert_int_equal(try_bind("lo", true, &l[2]), 0);
	assert_int_equal(try_bind("sim0", true, &fd), -EADDRINUSE);
	assert_int_equal(try_bind("", true, &fd), -EADDRINUSE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(spate_sys_listen(l[i], 4), 0);
	assert_int_equal(bind_dev(l[1], "sim0"), -EADDRINUSE);
	assert_string_equal(dev_of(l[1]), "sim0.5");
	for (int i = 0; i < 3; i++) {
		at(i == 2 ? NEAR : FAR);
		fd = stream(0);
		assert_int_equal(call_connect(fd, i == 0 ? NEAR_IP : i == 1 ? NEAR_V : LOOP_IP, 80), 0);
		run_ms(5);
		at(NEAR);
		for (int k = 0; k < 3; k++) {
			other = spate_sys_accept4(l[k], NULL, NULL, 0);
			if (k != i)
				assert_int_equal(other, -EAGAIN);
			else
				assert_true(other > 2);
		}
	}
	assert_int_equal(bind_dev(l[0], ""), -EADDRINUSE); /* it would listen for the others */
	assert_int_equal(spate_sys_close(l[1]), 0);
	at(FAR);
	assert_int_equal(call_connect(stream(0), NEAR_V, 80), -ECONNREFUSED);
	at(NEAR);
}

/* Datagrams: a port on each device, a socket that is connected, and one that changes. */
static void datagrams_of_devices(void **state)
{
	static const char *const to[3] = {NEAR_IP, NEAR_V, LOOP_IP};
	int s[3], fd, far;
	char c;

	(void)state;
	assert_int_equal(try_bind("sim0", false, &s[0]), 0);
	assert_int_equal(try_bind("sim0.5", false, &s[1]), 0);
	assert_int_equal(try_bind("lo", false, &s[2]), 0);
	assert_int_equal(try_bind("", false, &fd), -EADDRINUSE);
	for (int i = 0; i < 3; i++) {
		at(i == 2 ? NEAR : FAR);
		fd = dgram(0);
		for (int k = 0; k < 20; k++) /* whatever the hash says */
			assert_int_equal(send_flags(fd, to[i], 80, 0), 1);
		run_ms(5);
		at(NEAR);
		for (int k = 0; k < 3; k++) {
			for (int n = 0; k == i && n < 20; n++)
				assert_int_equal(spate_sys_recvfrom(s[k], &c, 1, 0, NULL, NULL), 1);
			assert_int_equal(spate_sys_recvfrom(s[k], &c, 1, 0, NULL, NULL), -EAGAIN);
		}
	}
	at(FAR);
	far = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(far, "0.0.0.0", 53), 0);
	at(NEAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	assert_int_equal(spate_send(fd, "1", 1, 0), 1);
	assert_int_equal(bind_dev(fd, is6() ? "sim0" : "lo"), 0);
	assert_int_equal(spate_send(fd, "2", 1, 0), 1); /* over IPv4: lost, on lo */
	assert_int_equal(bind_dev(fd, "sim0"), 0);
	assert_int_equal(spate_send(fd, "3", 1, 0), 1);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_recv(far, &c, 1, 0), 1);
	assert_int_equal(c, '1');
	assert_int_equal(spate_recv(far, &c, 1, 0), 1);
	assert_int_equal(c, is6() ? '2' : '3');
	at(NEAR);
}

/* I13, I14: the device is a link-local address's scope. */
static void i13_i14_link_local(void **state)
{
	const uint8_t *mac = world.stack[FAR]->net.iface[0].mac.addr_bytes;
	const struct in6_addr far = {.s6_addr = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4],
						 mac[5]}};
	struct sockaddr_in6 own, a = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = far};
	socklen_t len = sizeof(own);
	int fd, wrong;

	(void)state;
	if (!is6())
		skip();
	far_listener(80, 0);
	assert_int_equal(spate_sys_connect(stream(0), (struct sockaddr *)&a, sizeof(a)), -EINVAL); /* I9 */
	fd = stream(0);
	assert_int_equal(bind_dev(fd, "sim0"), 0);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(spate_sys_getsockname(fd, (struct sockaddr *)&own, &len), 0);
	assert_int_equal(own.sin6_scope_id, 1);
	assert_int_equal(spate_sys_getpeername(fd, (struct sockaddr *)&own, &len), 0);
	assert_int_equal(own.sin6_scope_id, 1);
	a.sin6_scope_id = 1;
	for (int tcp = 0; tcp < 2; tcp++) {
		wrong = tcp ? stream(0) : dgram(0);
		assert_int_equal(bind_dev(wrong, "sim0.5"), 0);
		assert_int_equal(spate_sys_connect(wrong, (struct sockaddr *)&a, sizeof(a)), -EINVAL);
	}
	a.sin6_scope_id = LO_NUMBER;
	assert_int_equal(spate_sys_connect(stream(0), (struct sockaddr *)&a, sizeof(a)), -ENETUNREACH);
}

/* The near end's device, in the system. */
static void switched_off(bool off)
{
	const struct net_link_note note = {.port = 0, .up = !off, .off = off};

	net_link_changed(&world.stack[NEAR]->net, &note);
}

/* F49: one that is switched off has no routes, a link without carrier keeps them, as on Linux; without its addresses
 * there are none. */
static void f49_interface_gone(void **state)
{
	static const char *const own[] = {NEAR_IP, NEAR_IP2};
	struct net *n = &world.stack[NEAR]->net;
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	n->iface[0].up = false;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	assert_int_equal(spate_sys_close(fd), 0);
	n->iface[0].up = true;
	switched_off(true);
	for (int tcp = 0; tcp < 2; tcp++) {
		fd = tcp ? stream(0) : dgram(0);
		assert_int_equal(call_connect(fd, FAR_IP, 80), -ENETUNREACH);
		assert_int_equal(call_connect(fd, ROUTED, 80), -ENETUNREACH);
		assert_int_equal(bind_dev(fd, "sim0"), 0);
		assert_int_equal(call_connect(fd, FAR_IP, 80), -ENETUNREACH);
		assert_int_equal(bind_dev(fd, ""), 0);
		assert_int_equal(call_connect(fd, NEAR_IP, 80), tcp ? -ECONNREFUSED : 0); /* own addresses stay */
	}
	switched_off(false);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	for (int i = 0; i < 2; i++) {
		const struct ip6_addr a = world_ip6(own[i]);

		assert_int_equal(net_addr_remove(n, ip4(own[i], 0).sin_addr.s_addr), 0);
		if (is6())
			assert_int_equal(net_addr6_remove(n, 0, &a), 0);
	}
	fd = stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ENETUNREACH);
	assert_int_equal(call_connect(fd, NEAR_IP, 80), -ENETUNREACH); /* no longer ours */
	assert_int_equal(call_connect(dgram(0), FAR_IP, 80), -ENETUNREACH);
	if (!is6()) {
		assert_int_equal(net_addr_add(n, ip4(NEAR_IP, 0).sin_addr.s_addr, 24), 0);
		assert_int_equal(call_connect(fd, FAR_IP, 80), 0); /* retry ok */
	}
	assert_int_equal(call_connect(stream(0), LOOP_IP, 80), -ECONNREFUSED); /* that stays */
}

/* Groups and broadcasts leave by the device, from its address. */
static void to_many(void **state)
{
	int fd = dgram(0), one = 1;

	(void)state;
	if (world_family != WORLD_IP4)
		skip();
	assert_int_equal(bind_dev(fd, "sim0.5"), 0);
	assert_int_equal(call_connect(fd, "224.1.1.1", 80), 0);
	assert_true(from_ip(fd, NEAR_V));
	assert_int_equal(option(fd, SO_BROADCAST, one), 0);
	assert_int_equal(call_connect(fd, "255.255.255.255", 80), 0);
	assert_true(from_ip(fd, NEAR_V));
	assert_int_equal(call_connect(stream_on("sim0"), "255.255.255.255", 80), -ENETUNREACH);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(names), IN_WORLD(f45_dontroute), IN_WORLD(f45_msg_dontroute), IN_WORLD(f50_bound_to_lo),
		IN_WORLD(f50_loopback_by_device), IN_WORLD(leads_out_of_device), IN_WORLD(routes_that_refuse),
		IN_WORLD(listeners_of_devices), IN_WORLD(datagrams_of_devices), IN_WORLD(i13_i14_link_local),
		IN_WORLD(f49_interface_gone), IN_WORLD(to_many),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
