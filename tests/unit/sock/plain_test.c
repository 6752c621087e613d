/* plain_test.c: options that are kept without an effect, those of UDP that cut and collect, and what is asked about interfaces. */
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include <linux/sockios.h>
#include <linux/udp.h>

#include "world.h"

static int set_int(int fd, int level, int name, int v) { return spate_sys_setsockopt(fd, level, name, &v, sizeof(v)); }

static int get_int(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);
	int rc = spate_sys_getsockopt(fd, level, name, &v, &len);

	return rc < 0 ? rc : v;
}

static void kept(void **state)
{
	static const struct {
		int level, name, v, streams, datagrams; /* accepted by these */
	} rows[] = {
		{SOL_SOCKET, SO_DEBUG, 1, 1, 1}, {SOL_SOCKET, SO_NO_CHECK, 1, 1, 1}, {SOL_SOCKET, SO_PRIORITY, 6, 1, 1},
		{SOL_SOCKET, SO_MARK, 77, 1, 1}, {SOL_SOCKET, SO_BUSY_POLL, 50, 1, 1}, {SOL_SOCKET, SO_PREFER_BUSY_POLL, 1, 1, 1},
		{SOL_SOCKET, SO_INCOMING_CPU, 3, 1, 1}, {SOL_SOCKET, SO_TXREHASH, 1, 1, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1, 1, 1},
		{SOL_SOCKET, SO_OOBINLINE, 1, 1, 1}, {SOL_SOCKET, SO_RCVLOWAT, 5, 1, 1}, {IPPROTO_IP, IP_PKTINFO, 1, 1, 1},
		{IPPROTO_IP, IP_RECVTTL, 1, 1, 1}, {IPPROTO_IP, IP_RECVOPTS, 1, 1, 1}, {IPPROTO_IP, IP_FREEBIND, 1, 1, 1},
		{IPPROTO_UDP, UDP_GRO, 1, 0, 1}, {IPPROTO_UDP, UDP_NO_CHECK6_TX, 1, 0, 1}, {IPPROTO_UDP, UDP_SEGMENT, 900, 0, 1},
		{IPPROTO_UDP, UDP_CORK, 1, 0, 1}, {SOL_SOCKET, SO_RXQ_OVFL, 1, 0, 1}, {IPPROTO_TCP, 16, 1, 1, 0},
		/* refused */
		{SOL_SOCKET, SO_ZEROCOPY, 1, 0, 0}, {SOL_SOCKET, SO_TIMESTAMPING, 1, 0, 0}, {SOL_SOCKET, SO_PEEK_OFF, 1, 0, 0},
		{SOL_SOCKET, SO_TXTIME, 1, 0, 0}, {IPPROTO_IP, IP_TRANSPARENT, 1, 0, 0}, {IPPROTO_IP, IP_HDRINCL, 1, 0, 0},
		{IPPROTO_IP, IP_RECVFRAGSIZE, 1, 0, 0}, {IPPROTO_TCP, 14 /* TCP_MD5SIG */, 1, 0, 0}, {IPPROTO_TCP, 19 /* TCP_REPAIR */, 1, 0, 0},
		{IPPROTO_TCP, 31 /* TCP_ULP */, 1, 0, 0}, {IPPROTO_UDP, UDP_ENCAP, 1, 0, 0}, {12345, 1, 1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		for (int udp = 0; udp < 2; udp++) {
			int fd = udp ? dgram(0) : stream(0), ok = udp ? rows[i].datagrams : rows[i].streams;

			print_message("level %d option %d\n", rows[i].level, rows[i].name);
			assert_int_equal(set_int(fd, rows[i].level, rows[i].name, rows[i].v), ok ? 0 : -ENOPROTOOPT);
			assert_int_equal(get_int(fd, rows[i].level, rows[i].name), ok ? rows[i].v : -ENOPROTOOPT);
			if (ok && rows[i].v == 1)
				assert_int_equal(set_int(fd, rows[i].level, rows[i].name, 0), 0);
			if (ok && rows[i].v == 1)
				assert_int_equal(get_int(fd, rows[i].level, rows[i].name), 0);
			assert_int_equal(spate_sys_close(fd), 0);
		}
	}
	assert_int_equal(world.env[NEAR].sides.used, 0); /* what was kept went with the sockets */
}

/* accept() hands them on. */
static void inherited(void **state)
{
	int l = far_listener(80, 0), fd;

	(void)state;
	at(FAR);
	assert_int_equal(set_int(l, SOL_SOCKET, SO_PRIORITY, 6), 0);
	at(NEAR);
	assert_int_equal(call_connect(stream(0), FAR_IP, 80), 0);
	at(FAR);
	fd = spate_sys_accept4(l, NULL, NULL, 0);
	assert_int_equal(get_int(fd, SOL_SOCKET, SO_PRIORITY), 6);
	at(NEAR);
}

static void told(void **state)
{
	int a = stream(0), b = dgram(0);
	uint64_t one = 0, two = 0, again = 0;
	struct timeval tv = {.tv_sec = 2};
	socklen_t len = sizeof(one);
	char options[40];

	(void)state;
	assert_int_equal(spate_sys_getsockopt(a, SOL_SOCKET, SO_COOKIE, &one, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(spate_sys_getsockopt(b, SOL_SOCKET, SO_COOKIE, &two, &len), 0);
	assert_int_equal(spate_sys_getsockopt(a, SOL_SOCKET, SO_COOKIE, &again, &len), 0);
	assert_true(one != two && one == again && one != 0);
	len = 4;
	assert_int_equal(spate_sys_getsockopt(a, SOL_SOCKET, SO_COOKIE, &again, &len), -EINVAL);
	len = sizeof(options);
	assert_int_equal(spate_sys_getsockopt(a, IPPROTO_IP, IP_OPTIONS, options, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(get_int(a, SOL_SOCKET, SO_SNDLOWAT), 1);
	assert_int_equal(spate_sys_setsockopt(a, SOL_SOCKET, SO_RCVTIMEO_NEW, &tv, sizeof(tv)), 0);
	tv.tv_sec = 0;
	len = sizeof(tv);
	assert_int_equal(spate_sys_getsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
	assert_int_equal(tv.tv_sec, 2);
	assert_int_equal(set_int(b, SOL_SOCKET, SO_RCVBUFFORCE, 50000), 0);
	assert_int_equal(get_int(b, SOL_SOCKET, SO_RCVBUF), 100000);
}

/* ---- datagrams ---- */

static int far_dgram(void)
{
	int fd;

	at(FAR);
	fd = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(fd, FAR_IP, 53), 0);
	at(NEAR);
	return fd;
}

/* The next datagram's length, or -errno; its bytes count up from first. */
static ssize_t got(int fd, uint8_t first)
{
	static uint8_t buf[70000];
	ssize_t n;

	run_ms(5);
	at(FAR);
	n = spate_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL);
	at(NEAR);
	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(buf[i], (uint8_t)(first + i));
	return n;
}

static uint8_t data[70000];

static int connected(void)
{
	int fd = dgram(0);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	return fd;
}

static void segments(void **state)
{
	int fd = connected(), far = far_dgram();
	uint16_t size = 100;
	char control[CMSG_SPACE(sizeof(size))] = {0};
	struct iovec iov[2] = {{data, 150}, {data + 150, 60}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	(void)state;
	assert_int_equal(set_int(fd, IPPROTO_UDP, UDP_SEGMENT, 1000), 0);
	assert_int_equal(set_int(fd, IPPROTO_UDP, UDP_SEGMENT, 65536), -EINVAL);
	assert_int_equal(spate_send(fd, data, 2500, 0), 2500);
	assert_int_equal(got(far, 0), 1000);
	assert_int_equal(got(far, (uint8_t)1000), 1000);
	assert_int_equal(got(far, (uint8_t)2000), 500);
	assert_int_equal(spate_send(fd, data, 800, 0), 800);
	assert_int_equal(got(far, 0), 800);
	c->cmsg_level = IPPROTO_UDP; /* of one call, across pieces */
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	assert_int_equal(spate_sendmsg(fd, &msg, 0), 210);
	assert_int_equal(got(far, 0), 100);
	assert_int_equal(got(far, 100), 100);
	assert_int_equal(got(far, 200), 10);
	assert_int_equal(got(far, 0), -EAGAIN);
	assert_int_equal(set_int(fd, IPPROTO_UDP, UDP_SEGMENT, 10), 0);
	assert_int_equal(spate_sys_sendto(fd, data, 1281, 0, NULL, 0), -EINVAL); /* more than 128 */
}

static void corked(void **state)
{
	int fd = connected(), far = far_dgram(), other = dgram(0);
	socklen_t len;
	struct sockaddr_storage to = world_addr(FAR_IP, 53, &len);

	(void)state;
	assert_int_equal(set_int(fd, IPPROTO_UDP, UDP_CORK, 1), 0);
	assert_int_equal(spate_send(fd, data, 10, 0), 10);
	assert_int_equal(spate_send(fd, data + 10, 5000, 0), 5000);
	assert_int_equal(got(far, 0), -EAGAIN);
	assert_int_equal(set_int(fd, IPPROTO_UDP, UDP_CORK, 0), 0);
	assert_int_equal(got(far, 0), 5010);
	/* MSG_MORE, to an address: the first counts */
	assert_int_equal(spate_sendto(other, data, 3, MSG_MORE, (struct sockaddr *)&to, len), 3);
	assert_int_equal(spate_sendto(other, data + 3, 4, MSG_MORE, NULL, 0), 4);
	assert_int_equal(got(far, 0), -EAGAIN);
	assert_int_equal(spate_sendto(other, data + 7, 2, 0, NULL, 0), 2);
	assert_int_equal(got(far, 0), 9);
	assert_int_equal(spate_sys_sendto(other, data, 1, MSG_MORE, NULL, 0), -EDESTADDRREQ);
	/* Too much loses all of it. */
	assert_int_equal(spate_sys_sendto(fd, data, 60000, MSG_MORE, NULL, 0), 60000);
	assert_int_equal(spate_sys_sendto(fd, data, 6000, 0, NULL, 0), -EMSGSIZE);
	assert_int_equal(spate_sys_sendto(fd, data, 7, 0, NULL, 0), 7);
	assert_int_equal(got(far, 0), 7);
	assert_int_equal(spate_sys_sendto(fd, data, 100, MSG_MORE, NULL, 0), 100); /* its buffers go with the socket */
	assert_int_equal(spate_sys_close(fd), 0);
}

static void overflow(void **state)
{
	int fd = connected(), far = far_dgram(), n = 0;
	char buf[1200], control[64];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control)};

	(void)state;
	at(FAR);
	assert_int_equal(set_int(far, SOL_SOCKET, SO_RCVBUF, 2048), 0);
	assert_int_equal(set_int(far, SOL_SOCKET, SO_RXQ_OVFL, 1), 0);
	at(NEAR);
	for (int i = 0; i < 10; i++)
		assert_int_equal(spate_send(fd, data, 1000, 0), 1000);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_recvmsg(far, &msg, 0), 1000);
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_type, SO_RXQ_OVFL);
	memcpy(&n, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(n));
	assert_int_equal(n, 6);
	at(NEAR);
}

/* ---- interfaces ---- */

static void interfaces(void **state)
{
	int fd = dgram(0);
	struct ifreq r = {.ifr_ifindex = 1}, all[4];
	struct ifconf conf = {.ifc_len = sizeof(all), .ifc_req = all};
	const struct net_iface *iface = &world.stack[NEAR]->net.iface[0];
	struct sockaddr_in in;

	(void)state;
	assert_int_equal(spate_ioctl(fd, SIOCGIFNAME, &r), 0);
	assert_string_equal(r.ifr_name, iface->name);
	assert_int_equal(spate_ioctl(fd, SIOCGIFADDR, &r), 0);
	memcpy(&in, &r.ifr_addr, sizeof(in));
	assert_int_equal(in.sin_family, AF_INET);
	assert_int_equal(in.sin_addr.s_addr, ip4(NEAR_IP, 0).sin_addr.s_addr);
	assert_int_equal(spate_ioctl(fd, SIOCGIFNETMASK, &r), 0);
	memcpy(&in, &r.ifr_netmask, sizeof(in));
	assert_int_equal(in.sin_addr.s_addr, ip4("255.255.255.0", 0).sin_addr.s_addr);
	assert_int_equal(spate_ioctl(fd, SIOCGIFBRDADDR, &r), 0);
	memcpy(&in, &r.ifr_broadaddr, sizeof(in));
	assert_int_equal(in.sin_addr.s_addr, ip4("10.0.0.255", 0).sin_addr.s_addr);
	assert_int_equal(spate_ioctl(fd, SIOCGIFFLAGS, &r), 0);
	assert_int_equal(r.ifr_flags, IFF_UP | IFF_BROADCAST | IFF_MULTICAST | IFF_RUNNING);
	assert_int_equal(spate_ioctl(fd, SIOCGIFMTU, &r), 0);
	assert_int_equal(r.ifr_mtu, 1500);
	assert_int_equal(spate_ioctl(fd, SIOCGIFHWADDR, &r), 0);
	assert_int_equal(r.ifr_hwaddr.sa_family, ARPHRD_ETHER);
	assert_memory_equal(r.ifr_hwaddr.sa_data, &iface->mac, 6);
	assert_int_equal(spate_ioctl(fd, SIOCGIFINDEX, &r), 0);
	assert_int_equal(r.ifr_ifindex, 1);
	assert_int_equal(spate_ioctl(fd, SIOCGIFCONF, &conf), 0);
	assert_int_equal(conf.ifc_len, 3 * sizeof(struct ifreq));
	memcpy(&in, &all[1].ifr_addr, sizeof(in));
	assert_int_equal(in.sin_addr.s_addr, ip4(NEAR_IP2, 0).sin_addr.s_addr);
	assert_string_equal(all[1].ifr_name, iface->name);
	memcpy(&in, &all[2].ifr_addr, sizeof(in));
	assert_int_equal(in.sin_addr.s_addr, ip4("127.0.0.1", 0).sin_addr.s_addr);
	assert_string_equal(all[2].ifr_name, "lo");
	conf = (struct ifconf){.ifc_len = 7};
	assert_int_equal(spate_ioctl(fd, SIOCGIFCONF, &conf), 0);
	assert_int_equal(conf.ifc_len, 3 * sizeof(struct ifreq));
	conf = (struct ifconf){.ifc_len = 2 * sizeof(struct ifreq), .ifc_req = all};
	assert_int_equal(spate_ioctl(fd, SIOCGIFCONF, &conf), 0);
	assert_int_equal(conf.ifc_len, 2 * sizeof(struct ifreq));
	strcpy(r.ifr_name, "lo");
	assert_int_equal(spate_ioctl(fd, SIOCGIFADDR, &r), 0);
	memcpy(&in, &r.ifr_addr, sizeof(in));
	assert_int_equal(in.sin_addr.s_addr, ip4("127.0.0.1", 0).sin_addr.s_addr);
	assert_int_equal(spate_ioctl(fd, SIOCGIFFLAGS, &r), 0);
	assert_true(r.ifr_flags & IFF_LOOPBACK);
	strcpy(r.ifr_name, "nobody");
	assert_int_equal(spate_sys_ioctl(fd, SIOCGIFADDR, &r), -ENODEV);
	assert_int_equal(spate_sys_ioctl(fd, SIOCGIFADDR, NULL), -EFAULT);
	assert_int_equal(spate_sys_ioctl(fd, SIOCSIFADDR, &r), -ENOTTY);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(kept), IN_WORLD(inherited), IN_WORLD(told), IN_WORLD(segments), IN_WORLD(corked), IN_WORLD(overflow), IN_WORLD(interfaces),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
