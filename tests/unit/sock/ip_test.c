/* ip_test.c: IP at datagram sockets: groups, broadcast, ancillary data, queued errors, fragments and DF, routes and the
 * filter. */
#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <time.h>

/* after <time.h> */
#include <linux/errqueue.h>

#include "config/config.h"
#include "net/filter.h"
#include "world.h"

#define GROUP "239.1.2.3"

static ssize_t send_to(int fd, const char *text, const char *ip, uint16_t port)
{
	struct sockaddr_in a = ip4(ip, port);

	return spate_sys_sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof(a));
}

static int set_int(int fd, int level, int name, int v) { return spate_sys_setsockopt(fd, level, name, &v, sizeof(v)); }

static int get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = 0, rc = spate_sys_getsockopt(fd, level, name, &v, &len);

	return rc < 0 ? rc : v;
}

/* At this end, bound to ip. */
static int bound(int end, const char *ip, uint16_t port)
{
	int fd;

	at(end);
	fd = dgram(SOCK_NONBLOCK);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(call_bind(fd, ip, port), 0);
	return fd;
}

static int membership(int fd, int name, const char *group, int ifindex)
{
	struct ip_mreqn r = {.imr_ifindex = ifindex};

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	return spate_sys_setsockopt(fd, IPPROTO_IP, name, &r, sizeof(r));
}

static int source(int fd, int name, const char *group, const char *src)
{
	struct ip_mreq_source r = {0};

	inet_pton(AF_INET, group, &r.imr_multiaddr);
	inet_pton(AF_INET, src, &r.imr_sourceaddr);
	return spate_sys_setsockopt(fd, IPPROTO_IP, name, &r, sizeof(r));
}

/* What waits at end's socket, as text; "" when nothing does. */
static const char *got(int end, int fd)
{
	static char buf[2048];
	ssize_t n;

	run_ms(5);
	at(end);
	n = spate_sys_recvfrom(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT, NULL, NULL);
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

/* Every member has a copy; SO_REUSEADDR lets them share the port. */
static void group_to_many(void **state)
{
	int a = bound(FAR, "0.0.0.0", 5000), b = bound(FAR, GROUP, 5000), c = bound(FAR, FAR_IP, 5000), d = bound(FAR, "0.0.0.0", 5001);
	int from;

	(void)state;
	assert_int_equal(membership(a, IP_ADD_MEMBERSHIP, GROUP, 0), 0);
	assert_int_equal(membership(b, IP_ADD_MEMBERSHIP, GROUP, 1), 0);
	assert_int_equal(membership(d, IP_ADD_MEMBERSHIP, GROUP, 1), 0);
	assert_int_equal(membership(a, IP_ADD_MEMBERSHIP, GROUP, 0), -EADDRINUSE);
	assert_int_equal(membership(a, IP_ADD_MEMBERSHIP, "10.0.0.7", 0), -EINVAL);
	assert_int_equal(membership(a, IP_ADD_MEMBERSHIP, GROUP, 9), -ENODEV);
	assert_int_equal(membership(c, IP_DROP_MEMBERSHIP, GROUP, 0), -EADDRNOTAVAIL);
	at(NEAR);
	from = dgram(0);
	assert_int_equal(send_to(from, "all", GROUP, 5000), 3);
	assert_string_equal(got(FAR, a), "all");
	assert_string_equal(got(FAR, b), "all");
	assert_string_equal(got(FAR, c), ""); /* bound to a unicast address */
	assert_string_equal(got(FAR, d), ""); /* another port */
	assert_int_equal(membership(a, IP_DROP_MEMBERSHIP, GROUP, 0), 0);
	at(NEAR);
	assert_int_equal(send_to(from, "two", GROUP, 5000), 3);
	assert_string_equal(got(FAR, a), "two"); /* IP_MULTICAST_ALL: b has it joined */
	assert_string_equal(got(FAR, b), "two");
	assert_int_equal(set_int(a, IPPROTO_IP, IP_MULTICAST_ALL, 0), 0);
	at(NEAR);
	assert_int_equal(send_to(from, "three", GROUP, 5000), 5);
	assert_string_equal(got(FAR, a), "");
	assert_string_equal(got(FAR, b), "three");
	at(FAR);
	assert_int_equal(spate_sys_close(b), 0);
	assert_int_equal(spate_sys_close(d), 0); /* which leaves the group */
	assert_int_equal(world.stack[FAR]->net.groups.member.used, 0);
	at(NEAR);
}

/* RFC 3678: sources wanted and not wanted. */
static void sources(void **state)
{
	int a = bound(FAR, "0.0.0.0", 5000), b = bound(FAR, "0.0.0.0", 5000), from;

	(void)state;
	assert_int_equal(source(a, IP_ADD_SOURCE_MEMBERSHIP, GROUP, NEAR_IP2), 0);
	assert_int_equal(membership(b, IP_ADD_MEMBERSHIP, GROUP, 0), 0);
	assert_int_equal(source(b, IP_BLOCK_SOURCE, GROUP, NEAR_IP2), 0);
	assert_int_equal(source(b, IP_BLOCK_SOURCE, GROUP, NEAR_IP2), -EADDRNOTAVAIL);
	assert_int_equal(source(a, IP_BLOCK_SOURCE, GROUP, NEAR_IP), -EINVAL);
	assert_int_equal(source(b, IP_ADD_SOURCE_MEMBERSHIP, GROUP, NEAR_IP), -EINVAL);
	at(NEAR);
	from = dgram(0);
	assert_int_equal(send_to(from, "one", GROUP, 5000), 3);
	assert_string_equal(got(FAR, a), "");
	assert_string_equal(got(FAR, b), "one");
	at(NEAR);
	{
		struct in_addr second;

		inet_pton(AF_INET, NEAR_IP2, &second);
		assert_int_equal(spate_sys_setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &second, sizeof(second)), 0);
	}
	assert_int_equal(send_to(from, "two", GROUP, 5000), 3);
	assert_string_equal(got(FAR, a), "two");
	assert_string_equal(got(FAR, b), "");
	assert_int_equal(source(b, IP_UNBLOCK_SOURCE, GROUP, NEAR_IP2), 0);
	assert_int_equal(source(a, IP_DROP_SOURCE_MEMBERSHIP, GROUP, NEAR_IP2), 0);
	assert_int_equal(source(a, IP_DROP_SOURCE_MEMBERSHIP, GROUP, NEAR_IP2), -EINVAL);
	at(NEAR);
}

/* IP_MULTICAST_LOOP and TTL 0 (RFC 1112 6.1): who of this host and of the link hears it. */
static void loop_and_ttl(void **state)
{
	int near = bound(NEAR, "0.0.0.0", 5000), far = bound(FAR, "0.0.0.0", 5000), from;

	(void)state;
	assert_int_equal(membership(far, IP_ADD_MEMBERSHIP, GROUP, 0), 0);
	at(NEAR);
	assert_int_equal(membership(near, IP_ADD_MEMBERSHIP, GROUP, 0), 0);
	from = dgram(0);
	assert_int_equal(get_int(from, IPPROTO_IP, IP_MULTICAST_TTL), 1);
	assert_int_equal(get_int(from, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
	assert_int_equal(send_to(from, "both", GROUP, 5000), 4);
	assert_string_equal(got(FAR, far), "both");
	assert_string_equal(got(NEAR, near), "both");
	assert_int_equal(set_int(from, IPPROTO_IP, IP_MULTICAST_LOOP, 0), 0);
	assert_int_equal(send_to(from, "others", GROUP, 5000), 6);
	assert_string_equal(got(FAR, far), "others");
	assert_string_equal(got(NEAR, near), "");
	assert_int_equal(set_int(from, IPPROTO_IP, IP_MULTICAST_LOOP, 1), 0);
	assert_int_equal(set_int(from, IPPROTO_IP, IP_MULTICAST_TTL, 0), 0);
	assert_int_equal(set_int(from, IPPROTO_IP, IP_MULTICAST_TTL, 256), -EINVAL);
	assert_int_equal(send_to(from, "here", GROUP, 5000), 4);
	assert_string_equal(got(FAR, far), "");
	assert_string_equal(got(NEAR, near), "here");
	at(NEAR);
}

static void broadcasts(void **state)
{
	int a = bound(FAR, "0.0.0.0", 5000), b = bound(FAR, "10.0.0.255", 5000), from;

	(void)state;
	at(NEAR);
	from = dgram(0);
	set_int(from, SOL_SOCKET, SO_BROADCAST, 1);
	assert_int_equal(send_to(from, "subnet", "10.0.0.255", 5000), 6);
	assert_string_equal(got(FAR, a), "subnet");
	assert_string_equal(got(FAR, b), "subnet");
	at(NEAR);
	assert_int_equal(send_to(from, "all", "255.255.255.255", 5000), 3);
	assert_string_equal(got(FAR, a), "all");
	assert_string_equal(got(FAR, b), "");
	at(NEAR);
	run_ms(5);
	assert_int_equal(send_to(from, "x", "10.0.0.255", 5999), 1); /* nobody's: no error comes back (RFC 1122 3.2.2) */
	run_ms(5);
	assert_int_equal(so_error(from), 0);
	at(NEAR);
}

/* Everything that ip(7) says of a datagram, and how it is left out when there is no room. */
static void ancillary_in(void **state)
{
	int to = bound(FAR, "0.0.0.0", 5000), from, n = 0;
	char text[16], control[256];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct sockaddr_in name;
	struct msghdr msg = {.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct timespec before, after;

	(void)state;
	set_int(to, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(to, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(to, IPPROTO_IP, IP_RECVTOS, 1);
	set_int(to, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	set_int(to, SOL_SOCKET, SO_TIMESTAMP, 1);
	set_int(to, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	assert_int_equal(get_int(to, SOL_SOCKET, SO_TIMESTAMP), 0); /* the last one counts */
	at(NEAR);
	from = dgram(0);
	set_int(from, IPPROTO_IP, IP_TTL, 33);
	set_int(from, IPPROTO_IP, IP_TOS, 0x28);
	assert_int_equal(send_to(from, "hello", FAR_IP, 5000), 5);
	assert_int_equal(send_to(from, "again", FAR_IP, 5000), 5);
	run_ms(5);
	at(FAR);
	clock_gettime(CLOCK_REALTIME, &before);
	assert_int_equal(spate_sys_recvmsg(to, &msg, 0), 5);
	clock_gettime(CLOCK_REALTIME, &after);
	assert_int_equal(msg.msg_flags, 0);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c), n++) {
		struct in_pktinfo info;
		struct sockaddr_in dst;
		struct timespec ts;
		int ttl;

		if (c->cmsg_level == SOL_SOCKET) {
			assert_int_equal(c->cmsg_type, SCM_TIMESTAMPNS);
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			assert_in_range(ts.tv_sec, before.tv_sec - 1, after.tv_sec);
		} else if (c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			assert_int_equal(info.ipi_ifindex, 1);
			assert_int_equal(info.ipi_addr.s_addr, inet_addr(FAR_IP));
			assert_int_equal(info.ipi_spec_dst.s_addr, inet_addr(FAR_IP));
		} else if (c->cmsg_type == IP_TTL) {
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
			assert_int_equal(ttl, 33);
		} else if (c->cmsg_type == IP_TOS) {
			assert_int_equal(c->cmsg_len, CMSG_LEN(1));
			assert_int_equal(*CMSG_DATA(c), 0x28);
		} else {
			assert_int_equal(c->cmsg_type, IP_ORIGDSTADDR);
			memcpy(&dst, CMSG_DATA(c), sizeof(dst));
			assert_int_equal(dst.sin_port, htons(5000));
		}
	}
	assert_int_equal(n, 5);
	msg.msg_controllen = 20;
	assert_int_equal(spate_sys_recvmsg(to, &msg, 0), 5);
	assert_int_equal(msg.msg_flags, MSG_CTRUNC);
	assert_int_equal(msg.msg_controllen, 20);
	at(NEAR);
}

static ssize_t send_with(int fd, int type, const void *data, size_t len)
{
	char control[64] = {0};
	struct sockaddr_in to = ip4(FAR_IP, 5000);
	struct iovec iov = {.iov_base = "x", .iov_len = 1};
	struct msghdr msg = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = CMSG_SPACE(len)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return spate_sys_sendmsg(fd, &msg, 0);
}

static void ancillary_out(void **state)
{
	int to = bound(FAR, "0.0.0.0", 5000), from, ttl = 7, bad = 256;
	struct in_pktinfo info = {0};
	char text[4], control[64];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct sockaddr_in name;
	struct msghdr msg = {.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control)};

	(void)state;
	set_int(to, IPPROTO_IP, IP_RECVTTL, 1);
	at(NEAR);
	from = dgram(0);
	assert_int_equal(send_with(from, IP_TTL, &bad, sizeof(bad)), -EINVAL);
	assert_int_equal(send_with(from, IP_RECVERR, &bad, sizeof(bad)), -EINVAL);
	inet_pton(AF_INET, FAR_IP, &info.ipi_spec_dst);
	assert_int_equal(send_with(from, IP_PKTINFO, &info, sizeof(info)), -EINVAL); /* not ours */
	inet_pton(AF_INET, NEAR_IP2, &info.ipi_spec_dst);
	assert_int_equal(send_with(from, IP_PKTINFO, &info, sizeof(info)), 1);
	assert_int_equal(send_with(from, IP_TTL, &ttl, sizeof(ttl)), 1);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_recvmsg(to, &msg, 0), 1);
	assert_int_equal(name.sin_addr.s_addr, inet_addr(NEAR_IP2));
	msg.msg_controllen = sizeof(control);
	assert_int_equal(spate_sys_recvmsg(to, &msg, 0), 1);
	assert_int_equal(name.sin_addr.s_addr, inet_addr(NEAR_IP));
	memcpy(&ttl, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(ttl));
	assert_int_equal(ttl, 7);
	at(NEAR);
}

struct told {
	struct sock_extended_err ee;
	struct sockaddr_in offender;
};

static ssize_t read_error(int fd, struct told *t, char *text, size_t room, struct sockaddr_in *to)
{
	char control[128];
	struct iovec iov = {.iov_base = text, .iov_len = room};
	struct msghdr msg = {.msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = spate_sys_recvmsg(fd, &msg, MSG_ERRQUEUE);

	if (n < 0)
		return n;
	assert_true(msg.msg_flags & MSG_ERRQUEUE);
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_type, IP_RECVERR);
	memcpy(t, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(*t));
	return n;
}

/* H15: with IP_RECVERR unconnected sockets are told, too, of what and by whom. */
static void queued_errors(void **state)
{
	int fd;
	struct sockaddr_in to;
	struct told t;
	char text[16];

	(void)state;
	at(NEAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(read_error(fd, &t, text, sizeof(text), &to), -EAGAIN);
	assert_int_equal(set_int(fd, IPPROTO_IP, IP_RECVERR, 1), 0);
	assert_int_equal(send_to(fd, "hello", FAR_IP, 5999), 5);
	run_ms(5);
	assert_int_equal(poll_now(fd) & POLLERR, POLLERR);
	assert_int_equal(send_to(fd, "hello", FAR_IP, 5999), -ECONNREFUSED);
	assert_int_equal(poll_now(fd) & POLLERR, POLLERR); /* until the queue is read */
	assert_int_equal(read_error(fd, &t, text, sizeof(text), &to), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(to.sin_addr.s_addr, inet_addr(FAR_IP));
	assert_int_equal(to.sin_port, htons(5999));
	assert_int_equal(t.ee.ee_errno, ECONNREFUSED);
	assert_int_equal(t.ee.ee_origin, SO_EE_ORIGIN_ICMP);
	assert_int_equal(t.ee.ee_type, ICMP_DEST_UNREACH);
	assert_int_equal(t.ee.ee_code, ICMP_PORT_UNREACH);
	assert_int_equal(t.offender.sin_addr.s_addr, inet_addr(FAR_IP));
	assert_int_equal(poll_now(fd) & POLLERR, 0);
	assert_int_equal(read_error(fd, &t, text, sizeof(text), &to), -EAGAIN);
	for (unsigned i = 0; i < UDP_ERRORS_MAX + 10; i++) { /* bounded */
		send_to(fd, "x", FAR_IP, 5999);
		send_to(fd, "x", FAR_IP, 5999);
		run_ms(2);
	}
	for (unsigned i = 0; i < UDP_ERRORS_MAX; i++)
		assert_int_equal(read_error(fd, &t, text, sizeof(text), &to), 1);
	assert_int_equal(read_error(fd, &t, text, sizeof(text), &to), -EAGAIN);
}

/* IP_MTU_DISCOVER: who may be cut into fragments, and what is told when not. */
static void mtu_discover(void **state)
{
	static char large[3000];
	struct sockaddr_in to = ip4(FAR_IP, 5000), about;
	int fd, far = bound(FAR, FAR_IP, 5000);
	struct told t;
	char text[4];

	(void)state;
	at(NEAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(get_int(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
	assert_int_equal(set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, 6), -EINVAL);
	assert_int_equal(get_int(fd, IPPROTO_IP, IP_MTU), -ENOTCONN);
	assert_int_equal(spate_sys_sendto(fd, large, sizeof(large), 0, (struct sockaddr *)&to, sizeof(to)), sizeof(large));
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	assert_int_equal(spate_sys_sendto(fd, large, 1473, 0, (struct sockaddr *)&to, sizeof(to)), -EMSGSIZE);
	assert_int_equal(read_error(fd, &t, text, sizeof(text), &about), 0);
	assert_int_equal(t.ee.ee_origin, SO_EE_ORIGIN_LOCAL);
	assert_int_equal(t.ee.ee_info, 1500);
	assert_int_equal(about.sin_port, htons(5000));
	assert_int_equal(spate_sys_sendto(fd, large, 1472, 0, (struct sockaddr *)&to, sizeof(to)), 1472);
	assert_int_equal(call_connect(fd, FAR_IP, 5000), 0);
	assert_int_equal(get_int(fd, IPPROTO_IP, IP_MTU), 1500);
	/* A path that is known to be narrower: DO must not, PROBE may all the same, DONT and WANT in fragments. */
	net_pmtu_lower(&world.stack[NEAR]->net, sock_at(sock_cur, fd)->h.path, 1000);
	assert_int_equal(get_int(fd, IPPROTO_IP, IP_MTU), 1000);
	assert_int_equal(spate_sys_sendto(fd, large, 1472, 0, NULL, 0), -EMSGSIZE);
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	assert_int_equal(spate_sys_sendto(fd, large, 1472, 0, NULL, 0), 1472);
	assert_int_equal(spate_sys_sendto(fd, large, 1473, 0, NULL, 0), -EMSGSIZE);
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_INTERFACE);
	assert_int_equal(spate_sys_sendto(fd, large, 1472, 0, NULL, 0), 1472);
	assert_int_equal(spate_sys_sendto(fd, large, 1473, 0, NULL, 0), -EMSGSIZE);
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	assert_int_equal(spate_sys_sendto(fd, large, 2000, 0, NULL, 0), 2000);
	run_ms(50);
	at(FAR);
	assert_int_equal(sock_udp(sock_at(sock_cur, far))->n_queued, 5);
	at(NEAR);
}

static int add_route(enum route_type type, const char *prefix, uint8_t len)
{
	struct net_route r = {.prefix = ip6_addr_mapped(inet_addr(prefix)), .prefix_len = NET_PREFIX4 + len, .type = (uint8_t)type,
			      .iface = NET_IFACE_ANY};

	return net_route_add(&world.stack[NEAR]->net, &r);
}

/* F41 to F44, of both kinds of sockets. */
static void routes_that_refuse(void **state)
{
	static const struct {
		enum route_type type;
		const char *prefix, *addr;
		int err;
	} rows[] = {
		{ROUTE_UNREACHABLE, "10.7.0.0", "10.7.0.1", -EHOSTUNREACH},
		{ROUTE_PROHIBIT, "10.8.0.0", "10.8.0.1", -EACCES},
		{ROUTE_BLACKHOLE, "10.9.0.0", "10.9.0.1", -EINVAL},
		{ROUTE_UNREACHABLE, "10.10.0.0", "10.11.0.1", -ENETUNREACH},
	};
	int s, d;

	(void)state;
	at(NEAR);
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(add_route(rows[i].type, rows[i].prefix, 16), 0);
		s = stream(0);
		d = dgram(0);
		assert_int_equal(call_connect(s, rows[i].addr, 80), rows[i].err);
		assert_int_equal(call_connect(d, rows[i].addr, 80), rows[i].err);
		assert_int_equal(send_to(d, "x", rows[i].addr, 80), rows[i].err);
		assert_int_equal(call_connect(d, FAR_IP, 80), 0); /* retry ok */
	}
}

static void filter(const char *const *rules, unsigned n)
{
	static struct config_filter f[8];
	struct net_filter *made;
	char err[256];

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(config_parse_filter(rules[i], &f[i], err, sizeof(err)), 0);
	assert_int_equal(net_filter_new(f, n, 1, -1, &made), 0);
	net_filter_set(&world.stack[NEAR]->net, made);
}

/* H20, F46: connect() of a datagram socket succeeds and send() says EPERM; a stream's SYN just does not leave. */
static void filtered(void **state)
{
	const char *const rules[] = {"allow out udp dst 10.0.0.9 port 5000", "deny out udp dst 10.0.0.0/24",
				     "deny out tcp src 10.0.0.0/8 dst any port 80-90", "deny in udp src 10.0.0.9 port 1-1023",
				     "deny in icmp"};
	int d, s, far, low;
	uint64_t dropped;

	(void)state;
	far_listener(79, 0);
	far_listener(80, 0);
	far = bound(FAR, FAR_IP, 5000);
	low = bound(FAR, FAR_IP, 500);
	at(NEAR);
	filter(rules, RTE_DIM(rules));
	d = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(d, NEAR_IP, 7000), 0);
	assert_int_equal(send_to(d, "good", FAR_IP, 5000), 4);
	assert_int_equal(call_connect(d, FAR_IP, 5001), 0);
	assert_int_equal(spate_sys_sendto(d, "bad", 3, 0, NULL, 0), -EPERM);
	assert_string_equal(got(FAR, far), "good");
	assert_int_equal(send_to(low, "low", NEAR_IP, 7000), 3);
	run_ms(5);
	at(NEAR);
	dropped = world.stack[NEAR]->drops.n[DROP_FILTER];
	assert_int_equal(dropped, 2);
	s = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(s, FAR_IP, 79), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(call_connect(s, FAR_IP, 79), 0);
	s = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(s, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(call_connect(s, FAR_IP, 80), -EALREADY);
	assert_true(world.stack[NEAR]->drops.n[DROP_FILTER] > dropped);
	filter(NULL, 0); /* then the next SYN gets through */
	run_ms(1100);
	assert_int_equal(call_connect(s, FAR_IP, 80), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(group_to_many), T(sources), T(loop_and_ttl), T(broadcasts), T(ancillary_in), T(ancillary_out), T(queued_errors),
		T(mtu_discover), T(routes_that_refuse), T(filtered),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
