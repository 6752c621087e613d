/* ip6_test.c: what is IPv6's own about sockets: mapped addresses, IPV6_V6ONLY, scopes, options and ancillary data. Letters are
 * those of connect-semantics (I1 to I16) where there are some. */
#include "world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/net6.h"

static struct sockaddr_in6 name6(const char *ip, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};

	assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
	return a;
}

static int connect6(int fd, const char *ip, uint16_t port, uint32_t scope)
{
	const struct sockaddr_in6 a = name6(ip, port, scope);

	return spate_sys_connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int bind6(int fd, const char *ip, uint16_t port, uint32_t scope)
{
	const struct sockaddr_in6 a = name6(ip, port, scope);

	return spate_sys_bind(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int option(int fd, int name, int value) { return spate_sys_setsockopt(fd, IPPROTO_IPV6, name, &value, sizeof(value)); }

static int option_of(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);
	int rc = spate_sys_getsockopt(fd, level, name, &v, &len);

	return rc < 0 ? rc : v;
}

static const char *name_of(int rc, const struct sockaddr_in6 *a)
{
	static char text[80];
	char ip[INET6_ADDRSTRLEN];

	assert_int_equal(rc, 0);
	assert_int_equal(a->sin6_family, AF_INET6);
	snprintf(text, sizeof(text), "%s%%%u:%u", inet_ntop(AF_INET6, &a->sin6_addr, ip, sizeof(ip)), a->sin6_scope_id,
		 ntohs(a->sin6_port));
	return text;
}

static const char *own6(int fd)
{
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);
	int rc = spate_sys_getsockname(fd, (struct sockaddr *)&a, &len);

	assert_int_equal(len, sizeof(a));
	return name_of(rc, &a);
}

static const char *peer6(int fd)
{
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);

	return name_of(spate_sys_getpeername(fd, (struct sockaddr *)&a, &len), &a);
}

/* The link-local address of an end, as text. */
static const char *link_local(int end)
{
	static char text[2][INET6_ADDRSTRLEN];
	const struct net *n = &world.stack[end]->net;
	const struct rte_ether_addr *mac = &n->iface[0].mac;
	struct in6_addr a = {.s6_addr = {0xfe, 0x80, [8] = mac->addr_bytes[0] ^ 2, mac->addr_bytes[1], mac->addr_bytes[2], 0xff, 0xfe,
					 mac->addr_bytes[3], mac->addr_bytes[4], mac->addr_bytes[5]}};

	return inet_ntop(AF_INET6, &a, text[end], sizeof(text[end]));
}

#define FAR6 "2001:db8::a00:9"
#define NEAR6 "2001:db8::a00:1"
#define MAPPED_FAR "::ffff:" FAR_IP

static int far_listener6(const char *ip, uint16_t port)
{
	int fd;

	at(FAR);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(bind6(fd, ip, port, 0), 0);
	assert_int_equal(spate_sys_listen(fd, 16), 0);
	at(NEAR);
	return fd;
}

/* A16, A17, A19, A20: lengths and families. */
static void lengths(void **state)
{
	struct sockaddr_in6 a = name6(FAR6, 80, 77);
	struct sockaddr_in in = ip4(FAR_IP, 80);
	int fd = stream(0), d = dgram(0);

	(void)state;
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, 23), -EINVAL);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, sizeof(in)), -EINVAL);
	memcpy(&a, &in, sizeof(in));
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, sizeof(a)), -EAFNOSUPPORT);
	a = name6(FAR6, 80, 77); /* a scope means nothing to a global address (I15) */
	far_listener6("::", 80);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, 24), 0);
	assert_string_equal(peer6(fd), FAR6 "%0:80");
	/* H23: a datagram socket takes AF_INET, unless it is for IPv6 only. */
	assert_int_equal(spate_sys_connect(d, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_string_equal(peer6(d), MAPPED_FAR "%0:80");
	d = dgram(0);
	assert_int_equal(option(d, IPV6_V6ONLY, 1), 0);
	assert_int_equal(spate_sys_connect(d, (struct sockaddr *)&in, sizeof(in)), -EAFNOSUPPORT);
}

/* I1, I2, I4, I5 */
static void mapped_addresses(void **state)
{
	int fd = stream(0), d = dgram(0), only = stream(0);

	(void)state;
	far_listener6("::", 80);
	assert_int_equal(connect6(fd, MAPPED_FAR, 80, 0), 0);
	assert_string_equal(peer6(fd), MAPPED_FAR "%0:80");
	assert_int_equal(dissolve(fd), 0);
	so_error(fd);
	assert_int_equal(connect6(fd, FAR6, 80, 0), 0); /* Linux hangs here */
	assert_string_equal(peer6(fd), FAR6 "%0:80");
	assert_int_equal(option(only, IPV6_V6ONLY, 1), 0);
	assert_int_equal(connect6(only, MAPPED_FAR, 80, 0), -ENETUNREACH);
	assert_int_equal(connect6(only, FAR6, 80, 0), 0);
	assert_int_equal(connect6(d, MAPPED_FAR, 53, 0), 0);
	assert_int_equal(connect6(d, FAR6, 53, 0), -EAFNOSUPPORT);
	assert_string_equal(peer6(d), MAPPED_FAR "%0:53");
	assert_int_equal(dissolve(d), 0);
	assert_int_equal(connect6(d, FAR6, 53, 0), 0);
}

/* I6, I7, I8 */
static void bound_to_one_family(void **state)
{
	int native = stream(0), mapped = stream(0), any4 = stream(0), wrong = stream(0);

	(void)state;
	assert_int_equal(bind6(native, NEAR6, 7000, 0), 0);
	assert_int_equal(connect6(native, MAPPED_FAR, 80, 0), -ENETUNREACH);
	assert_int_equal(bind6(mapped, "::ffff:" NEAR_IP, 7001, 0), 0);
	assert_string_equal(own6(mapped), "::ffff:" NEAR_IP "%0:7001");
	assert_int_equal(connect6(mapped, FAR6, 80, 0), -EAFNOSUPPORT);
	assert_int_equal(bind6(any4, "::ffff:0.0.0.0", 7002, 0), 0);
	assert_string_equal(own6(any4), "::ffff:0.0.0.0%0:7002");
	assert_int_equal(connect6(any4, FAR6, 80, 0), -EAFNOSUPPORT);
	assert_int_equal(connect6(any4, "::", 99, 0), -ECONNREFUSED); /* of IPv4: the host itself */
	assert_int_equal(option(wrong, IPV6_V6ONLY, 1), 0);
	assert_int_equal(bind6(wrong, "::ffff:" NEAR_IP, 7003, 0), -EINVAL);
	assert_int_equal(bind6(wrong, "2001:db8::77", 7003, 0), -EADDRNOTAVAIL);
	assert_int_equal(bind6(wrong, "ff02::1", 7003, 0), -EINVAL);
}

/* RFC 3493 5.3: one port for both families, or one for each. */
static void dual_stack_listeners(void **state)
{
	int dual = far_listener6("::", 80), v4, v6, fd;

	(void)state;
	at(FAR);
	v4 = spate_sys_socket(AF_INET, SOCK_STREAM, 0);
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(80)};
	assert_int_equal(spate_sys_bind(v4, (const struct sockaddr *)&any, sizeof(any)), -EADDRINUSE);
	assert_int_equal(option(dual, IPV6_V6ONLY, 1), -EINVAL); /* it has its port */
	assert_int_equal(spate_sys_close(dual), 0);
	v6 = stream(SOCK_NONBLOCK);
	assert_int_equal(option(v6, IPV6_V6ONLY, 1), 0);
	assert_int_equal(option_of(v6, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	assert_int_equal(bind6(v6, "::", 80, 0), 0);
	assert_int_equal(spate_sys_bind(v4, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(spate_sys_listen(v6, 4), 0);
	at(NEAR);
	fd = stream(0);
	assert_int_equal(connect6(fd, MAPPED_FAR, 80, 0), -ECONNREFUSED); /* the one of IPv4 does not listen */
	assert_int_equal(connect6(fd, FAR6, 80, 0), 0);
	run_ms(1);
	at(FAR);
	fd = spate_sys_accept4(v6, NULL, NULL, 0);
	assert_true(fd > 2);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	assert_int_equal(option_of(v4, SOL_SOCKET, SO_DOMAIN), AF_INET);
	at(NEAR);
}

/* A connection from IPv4 to a dual listener is an AF_INET6 socket with mapped names. */
static void ip4_peers_of_ip6_listeners(void **state)
{
	int l = far_listener6("::", 80), v4 = spate_sys_socket(AF_INET, SOCK_STREAM, 0), fd;
	const struct sockaddr_in to = ip4(FAR_IP, 80);
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);

	(void)state;
	assert_int_equal(spate_sys_connect(v4, (const struct sockaddr *)&to, sizeof(to)), 0);
	at(FAR);
	run_ms(1);
	fd = spate_sys_accept4(l, (struct sockaddr *)&a, &len, 0);
	assert_true(fd > 2);
	assert_int_equal(len, sizeof(a));
	assert_true(IN6_IS_ADDR_V4MAPPED(&a.sin6_addr));
	assert_string_equal(own6(fd), MAPPED_FAR "%0:80");
	at(NEAR);
}

/* I9, I10, I12, I13, I14 (RFC 4007) */
static void link_local_scopes(void **state)
{
	int fd = stream(0), bound = stream(0), d = dgram(0), tied;
	socklen_t len = sizeof(tied);
	char want[80];

	(void)state;
	far_listener6("::", 80);
	assert_int_equal(connect6(fd, link_local(FAR), 80, 0), -EINVAL);
	assert_int_equal(connect6(fd, link_local(FAR), 80, 9), -ENETUNREACH);
	assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &tied, &len), 0);
	assert_int_equal(tied, 0);
	assert_int_equal(connect6(fd, link_local(FAR), 80, 1), 0);
	assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &tied, &len), 0);
	assert_int_equal(tied, 1);
	snprintf(want, sizeof(want), "%s%%1:80", link_local(FAR));
	assert_string_equal(peer6(fd), want);
	snprintf(want, sizeof(want), "%s%%1:", link_local(NEAR));
	assert_int_equal(strncmp(own6(fd), want, strlen(want)), 0);
	assert_int_equal(bind6(bound, link_local(NEAR), 7000, 0), -EINVAL);
	assert_int_equal(bind6(bound, link_local(NEAR), 7000, 9), -ENODEV);
	assert_int_equal(bind6(bound, link_local(NEAR), 7000, 1), 0);
	assert_int_equal(connect6(bound, link_local(FAR), 80, 2), -EINVAL);
	assert_int_equal(connect6(bound, link_local(FAR), 80, 0), 0);
	assert_int_equal(connect6(d, link_local(FAR), 53, 0), -EINVAL);
	assert_int_equal(connect6(d, link_local(FAR), 53, 1), 0);
}

/* While all addresses are tentative (RFC 4862 5.4) there is none to go from; then the same socket can. */
static void tentative_addresses(void **state)
{
	const struct net_ip6_settings careful = {.dad = true};
	struct net *n = &world.stack[NEAR]->net;
	const struct ip6_addr own = world_ip6(NEAR_IP);
	int fd = stream(0), d = dgram(0);

	(void)state;
	far_listener6("::", 80);
	net_lead(n);
	net_ip6_set(n, &careful);
	while (n->net6->n_addrs > 0) {
		const struct ip6_addr a = *net_addr6_at(n, n->net6->addr[0].addr_be);

		assert_int_equal(net_addr6_remove(n, 0, &a), 0);
	}
	assert_int_equal(net_addr6_add_on(n, 0, &own, 120), 0);
	assert_int_equal(connect6(fd, FAR6, 80, 0), -EADDRNOTAVAIL);
	assert_int_equal(connect6(d, FAR6, 80, 0), -EADDRNOTAVAIL);
	run_ms(3000);
	assert_int_equal(connect6(fd, FAR6, 80, 0), 0);
	assert_int_equal(connect6(d, FAR6, 80, 0), 0);
}

/* B14, B23 */
static void special_destinations(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(connect6(fd, "::", 99, 0), -ECONNREFUSED);
	assert_int_equal(connect6(fd, "ff02::1", 80, 1), -ENETUNREACH);
	assert_int_equal(connect6(fd, "ff0e::1", 80, 0), -ENETUNREACH);
	assert_int_equal(connect6(fd, "2001:db9::1", 80, 0), -ENETUNREACH);
}

static void options(void **state)
{
	int fd = stream(0), d = dgram(0), v4 = spate_sys_socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	for (int i = 0; i < 2; i++) {
		int s = i == 0 ? fd : d;

		assert_int_equal(option_of(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
		assert_int_equal(option(s, IPV6_UNICAST_HOPS, 0), -EINVAL);
		assert_int_equal(option(s, IPV6_UNICAST_HOPS, 256), -EINVAL);
		assert_int_equal(option(s, IPV6_UNICAST_HOPS, 7), 0);
		assert_int_equal(option_of(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 7);
		assert_int_equal(option(s, IPV6_UNICAST_HOPS, -1), 0);
		assert_int_equal(option_of(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
		assert_int_equal(option(s, IPV6_TCLASS, 0xb8), 0);
		assert_int_equal(option_of(s, IPPROTO_IPV6, IPV6_TCLASS), 0xb8);
		assert_int_equal(option_of(s, IPPROTO_IPV6, IPV6_MTU), -ENOTCONN);
		assert_int_equal(option(s, 9999, 1), -ENOPROTOOPT);
		assert_int_equal(option(s, IPV6_AUTOFLOWLABEL, 1), 0);
	}
	assert_int_equal(option(v4, IPV6_V6ONLY, 1), -ENOPROTOOPT);
	far_listener6("::", 80);
	assert_int_equal(connect6(fd, FAR6, 80, 0), 0);
	assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_MTU), 1500);
}

static int far_receiver(void)
{
	int fd;

	at(FAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(bind6(fd, "::", 53, 0), 0);
	return fd;
}

/* RFC 3542 6: what a datagram came with, and what one leaves with. */
static void ancillary_data(void **state)
{
	int d = dgram(0), far = far_receiver(), hops = -1, tclass = -1, mine = 33;
	char buf[16], control[256];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct in6_pktinfo info = {.ipi6_ifindex = 0};
	struct sockaddr_in6 to = name6(FAR6, 53, 0);
	char out[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr send = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &(struct iovec){"hello", 5}, .msg_iovlen = 1,
			      .msg_control = out, .msg_controllen = sizeof(out)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&send);

	(void)state;
	assert_int_equal(option(far, IPV6_RECVPKTINFO, 1), 0);
	assert_int_equal(option(far, IPV6_RECVHOPLIMIT, 1), 0);
	assert_int_equal(option(far, IPV6_RECVTCLASS, 1), 0);
	at(NEAR);
	assert_int_equal(option(d, IPV6_TCLASS, 0x20), 0);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_HOPLIMIT};
	memcpy(CMSG_DATA(c), &mine, sizeof(mine));
	assert_int_equal(spate_sys_sendmsg(d, &send, 0), 5);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_recvmsg(far, &msg, 0), 5);
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		assert_int_equal(c->cmsg_level, IPPROTO_IPV6);
		if (c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
		else if (c->cmsg_type == IPV6_TCLASS)
			memcpy(&tclass, CMSG_DATA(c), sizeof(tclass));
		else if (c->cmsg_type == IPV6_PKTINFO)
			memcpy(&info, CMSG_DATA(c), sizeof(info));
	}
	assert_int_equal(hops, 33);
	assert_int_equal(tclass, 0x20);
	assert_int_equal(info.ipi6_ifindex, 1);
	assert_memory_equal(&info.ipi6_addr, &to.sin6_addr, sizeof(info.ipi6_addr));
	at(NEAR);
}

/* Datagrams: 65527 bytes at most (RFC 8200 3, RFC 768), in fragments beyond the MTU unless IPV6_DONTFRAG. */
static void large_datagrams(void **state)
{
	static char big[65528], back[65528];
	int d = dgram(0), far = far_receiver();
	const struct sockaddr_in6 to = name6(FAR6, 53, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	at(NEAR);
	assert_int_equal(spate_sys_sendto(d, big, 65528, 0, (const struct sockaddr *)&to, sizeof(to)), -EMSGSIZE);
	assert_int_equal(spate_sys_sendto(d, big, 65527, 0, (const struct sockaddr *)&to, sizeof(to)), 65527);
	run_ms(20);
	at(FAR);
	assert_int_equal(spate_sys_recvfrom(far, back, sizeof(back), 0, NULL, NULL), 65527);
	assert_memory_equal(big, back, 65527);
	at(NEAR);
	assert_int_equal(option(d, IPV6_DONTFRAG, 1), 0);
	assert_int_equal(spate_sys_sendto(d, big, 1453, 0, (const struct sockaddr *)&to, sizeof(to)), -EMSGSIZE);
	assert_int_equal(spate_sys_sendto(d, big, 1452, 0, (const struct sockaddr *)&to, sizeof(to)), 1452);
}

/* I16: a group of the link needs a scope. Who has joined hears. */
static void groups(void **state)
{
	int d = dgram(0), far = far_receiver();
	struct sockaddr_in6 to = name6("ff02::4242", 53, 0);
	struct ipv6_mreq join = {.ipv6mr_multiaddr = to.sin6_addr, .ipv6mr_interface = 1};
	char buf[8];

	(void)state;
	assert_int_equal(spate_sys_setsockopt(far, IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof(join)), 0);
	run_ms(2000);
	at(NEAR);
	assert_int_equal(spate_sys_sendto(d, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), -EINVAL);
	to.sin6_scope_id = 1;
	assert_int_equal(spate_sys_sendto(d, "many", 4, 0, (const struct sockaddr *)&to, sizeof(to)), 4);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_recvfrom(far, buf, sizeof(buf), 0, NULL, NULL), 4);
	assert_int_equal(spate_sys_setsockopt(far, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &join, sizeof(join)), 0);
	at(NEAR);
	assert_int_equal(spate_sys_sendto(d, "none", 4, 0, (const struct sockaddr *)&to, sizeof(to)), 4);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_recvfrom(far, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL), -EAGAIN);
	at(NEAR);
}

/* RFC 8201 section 4: no link takes less than 1280: who says so, or 0, is not believed. */
static void too_big_for_no_link(void **state)
{
	static const struct { uint16_t says, pmtu; } row[] = {{0, 1500}, {1279, 1500}, {1400, 1400}, {68, 1400}, {0, 1400}, {1280, 1280}};
	struct tcp *t = &world.stack[NEAR]->tcp;
	struct net_pkt pkt = {.ip6 = true, .quoted = true, .proto = IPPROTO_TCP, .icmp = {.type = 2}};
	int far, fd = pair(80, &far);
	const struct conn *c = sock_at(&world.env[NEAR], fd);

	(void)state;
	cut(NEAR, true);
	assert_int_equal(spate_sys_sendto(fd, "in flight", 9, 0, NULL, 0), 9);
	run_ms(1);
	pkt.key = c->h.key;
	pkt.hash = c->h.hash;
	pkt.icmp.seq = ((const struct tcp_pcb *)c)->snd_una;
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		pkt.icmp.mtu = row[i].says;
		assert_int_equal(tcp_icmp(t, &pkt), FLOW_DONE);
		assert_int_equal(path_at(&t->net->paths, c->h.path)->pmtu, row[i].pmtu);
	}
	cut(NEAR, false);
}

static char last_bytes(int fd)
{
	char got[8];

	assert_int_equal(spate_sys_recvfrom(fd, got, sizeof(got), 0, NULL, NULL), 4);
	return got[3];
}

/* SYN cookies: nothing is kept of the SYN, and what the last ACK brings back is of this connection alone (RFC 4987 3.6). */
static void syn_cookies(void **state)
{
	struct tcp *t = &world.stack[FAR]->tcp;
	int l, fd[2], far;

	(void)state;
	t->syncookies = TCP_SYNCOOKIES_ALWAYS;
	l = far_listener(80, SOCK_NONBLOCK);
	at(NEAR);
	for (int i = 0; i < 2; i++) {
		fd[i] = stream(0);
		assert_int_equal(connect6(fd[i], FAR6, 80, 0), 0);
	}
	run_ms(5);
	assert_int_equal(t->stats.cookies_sent, 2);
	assert_int_equal(t->stats.cookies_received, 2);
	assert_int_equal(t->stats.synrcvd, 0);
	for (int i = 0; i < 2; i++) {
		const char data[4] = {1, 2, 3, (char)(10 + own_port(fd[i]) % 100)};

		assert_int_equal(spate_sys_sendto(fd[i], data, 4, 0, NULL, 0), 4);
	}
	run_ms(5);
	at(FAR);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in6 from;
		socklen_t len = sizeof(from);

		far = spate_sys_accept4(l, (struct sockaddr *)&from, &len, SOCK_NONBLOCK);
		assert_true(far >= 0);
		assert_int_equal(last_bytes(far), (char)(10 + ntohs(from.sin6_port) % 100));
	}
	assert_int_equal(t->stats.cookies_failed, 0);
	at(NEAR);
}

/* Every call that brings an address in, with 0.0.0.0/8's: inside they would be IPv6 addresses' numbers, some of which are in use
 * (ours are), and most of which are nobody's. */
static void numbers_from_outside(void **state)
{
	static const uint32_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 1000, 0xffff, FLOW_ADDR6_MAX};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(numbers); i++) {
		const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(numbers[i])};
		const struct ip_mreqn from = {.imr_address = to.sin_addr, .imr_ifindex = 1};
		char mapped[40], cbuf[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0}, cbuf6[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
		struct sockaddr_in good = ip4(FAR_IP, 53);
		struct sockaddr_in6 good6 = name6("::ffff:" FAR_IP, 53, 0), to6;
		struct iovec iov = {"x", 1};
		struct msghdr msg = {.msg_name = &good, .msg_namelen = sizeof(good), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = cbuf,
				     .msg_controllen = sizeof(cbuf)};
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		int s4 = sock_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), d4 = sock_socket(AF_INET, SOCK_DGRAM, 0);
		int s6 = stream(SOCK_NONBLOCK), d6 = dgram(0);

		snprintf(mapped, sizeof(mapped), "::ffff:%s", inet_ntoa(to.sin_addr));
		to6 = name6(mapped, 53, 0);
		assert_int_equal(spate_sys_connect(s4, (const struct sockaddr *)&to, sizeof(to)), -ENETUNREACH);
		assert_int_equal(spate_sys_connect(d4, (const struct sockaddr *)&to, sizeof(to)), -ENETUNREACH);
		assert_int_equal(spate_sys_sendto(d4, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)), -ENETUNREACH);
		assert_int_equal(spate_sys_sendto(s4, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&to, sizeof(to)), -ENETUNREACH);
		assert_int_equal(spate_sys_bind(s4, (const struct sockaddr *)&to, sizeof(to)), -EADDRNOTAVAIL);
		assert_int_equal(spate_sys_bind(d4, (const struct sockaddr *)&to, sizeof(to)), -EADDRNOTAVAIL);
		assert_int_equal(connect6(s6, mapped, 53, 0), -ENETUNREACH);
		assert_int_equal(connect6(d6, mapped, 53, 0), -ENETUNREACH);
		assert_int_equal(spate_sys_sendto(d6, "x", 1, 0, (const struct sockaddr *)&to6, sizeof(to6)), -ENETUNREACH);
		assert_int_equal(bind6(s6, mapped, 53, 0), -EADDRNOTAVAIL);
		assert_int_equal(bind6(d6, mapped, 53, 0), -EADDRNOTAVAIL);

		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
		memcpy(CMSG_DATA(c), &(struct in_pktinfo){.ipi_spec_dst = to.sin_addr}, sizeof(struct in_pktinfo));
		assert_int_equal(spate_sys_sendmsg(d4, &msg, 0), -EINVAL);
		msg.msg_name = &good6;
		msg.msg_namelen = sizeof(good6);
		assert_int_equal(spate_sys_sendmsg(d6, &msg, 0), -EINVAL);
		msg.msg_control = cbuf6;
		msg.msg_controllen = sizeof(cbuf6);
		c = CMSG_FIRSTHDR(&msg);
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo)), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
		memcpy(CMSG_DATA(c), &(struct in6_pktinfo){.ipi6_addr = to6.sin6_addr}, sizeof(struct in6_pktinfo));
		assert_int_equal(spate_sys_sendmsg(d6, &msg, 0), -EINVAL);

		assert_int_equal(spate_sys_setsockopt(d4, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)), -EADDRNOTAVAIL);
		assert_int_equal(spate_sys_setsockopt(d4, IPPROTO_IP, IP_MULTICAST_IF, &to.sin_addr, sizeof(to.sin_addr)), -EADDRNOTAVAIL);
		spate_close(s4);
		spate_close(d4);
		spate_close(s6);
		spate_close(d6);
	}
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(lengths),
		IN_WORLD(mapped_addresses),
		IN_WORLD(bound_to_one_family),
		IN_WORLD(dual_stack_listeners),
		IN_WORLD(ip4_peers_of_ip6_listeners),
		IN_WORLD(link_local_scopes),
		IN_WORLD(special_destinations),
		IN_WORLD(tentative_addresses),
		IN_WORLD(options),
		IN_WORLD(ancillary_data),
		IN_WORLD(large_datagrams),
		IN_WORLD(groups),
		IN_WORLD(syn_cookies),
		IN_WORLD(too_big_for_no_link),
		IN_WORLD(numbers_from_outside),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
