/* smoke.c: libspate-packetdrill.so driven as packetdrill drives it: loaded by dlopen(), calls through the interface, packets
 * made by hand; a blocking call from a second thread while the first one goes on. Argument: the library. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "packetdrill/interface.h"

#define LOCAL "10.1.0.1"
#define REMOTE "192.0.2.1"
#define PORT 8080
#define PEER_PORT 40000
#define PEER_ISN 5000u
#define PATIENCE_MS 5000 /* real time */
#define FLAGS "ip=10.1.0.1/16 mtu=1400 mbufs=4096;log-level=error"

static struct packetdrill_interface ifc;

/* A packet of the peer's, or one of the stack's. */
struct segment {
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint8_t rest[1500]; /* options and payload */
} __attribute__((packed));

struct seen {
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t port;    /* its own */
	uint16_t mss;     /* 0: the option was not there */
	size_t len;       /* payload */
	uint8_t data[1500];
	long long time_us;
};

static void inject(uint16_t from, uint16_t to, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, size_t len)
{
	struct segment s = {
		.ip = {.version_ihl = 0x45, .time_to_live = 64, .next_proto_id = IPPROTO_TCP},
		.tcp = {.src_port = htons(from), .dst_port = htons(to), .sent_seq = htonl(seq), .recv_ack = htonl(ack),
			.data_off = 5 << 4, .tcp_flags = flags, .rx_win = htons(65535)},
	};
	size_t total = sizeof(s.ip) + sizeof(s.tcp) + len;

	s.ip.total_length = htons((uint16_t)total);
	inet_pton(AF_INET, REMOTE, &s.ip.src_addr);
	inet_pton(AF_INET, LOCAL, &s.ip.dst_addr);
	if (len > 0)
		memcpy(s.rest, data, len);
	s.ip.hdr_checksum = rte_ipv4_cksum(&s.ip);
	s.tcp.cksum = rte_ipv4_udptcp_cksum(&s.ip, &s.tcp);
	assert_int_equal(ifc.netdev_send(ifc.userdata, &s, total), 0);
}

/* The next packet of the stack: to the peer, with good checksums. */
static struct seen expect(void)
{
	struct segment s;
	struct seen v = {0};
	size_t len = 0, hdr;
	uint16_t cksum;

	/* Again when nothing comes: a call from another thread may be still under way to the stack. */
	for (unsigned ms = 0; ms < PATIENCE_MS && len == 0; ms++) {
		nanosleep(&(struct timespec){.tv_nsec = ms > 0 ? 1000000 : 0}, NULL);
		len = sizeof(s);
		assert_int_equal(ifc.netdev_receive(ifc.userdata, &s, &len, &v.time_us), 0);
	}
	assert_true(len >= sizeof(s.ip) + sizeof(s.tcp));
	assert_int_equal(ntohs(s.ip.total_length), len);
	assert_int_equal(s.ip.dst_addr, inet_addr(REMOTE));
	assert_int_equal(s.ip.src_addr, inet_addr(LOCAL));
	cksum = s.tcp.cksum;
	s.tcp.cksum = 0;
	assert_int_equal(rte_ipv4_udptcp_cksum(&s.ip, &s.tcp), cksum);
	hdr = (size_t)(s.tcp.data_off >> 4) * 4;
	v.port = ntohs(s.tcp.src_port);
	v.flags = s.tcp.tcp_flags;
	v.seq = ntohl(s.tcp.sent_seq);
	v.ack = ntohl(s.tcp.recv_ack);
	if (hdr > sizeof(s.tcp) && s.rest[0] == TCPOPT_MAXSEG)
		v.mss = (uint16_t)(s.rest[2] << 8 | s.rest[3]);
	v.len = len - sizeof(s.ip) - hdr;
	memcpy(v.data, s.rest + hdr - sizeof(s.tcp), v.len);
	return v;
}

static struct sockaddr_in name_of(const char *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

static int listener(void)
{
	struct sockaddr_in a = name_of(LOCAL, PORT);
	int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);

	assert_true(fd > 2);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC); /* the kernel's, too */
	assert_int_equal(ifc.bind(ifc.userdata, fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(ifc.listen(ifc.userdata, fd, 1), 0);
	return fd;
}

/* A connection with the peer; the peer's next sequence number is PEER_ISN + 1. */
static int accepted(int fd, uint32_t *seq)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct seen v;
	int conn;

	inject(PEER_PORT, PORT, RTE_TCP_SYN_FLAG, PEER_ISN, 0, NULL, 0);
	v = expect();
	assert_int_equal(v.flags, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG);
	assert_int_equal(v.ack, PEER_ISN + 1);
	assert_int_equal(v.mss, 1360); /* the MTU given in flags */
	inject(PEER_PORT, PORT, RTE_TCP_ACK_FLAG, PEER_ISN + 1, v.seq + 1, NULL, 0);
	conn = ifc.accept(ifc.userdata, fd, (struct sockaddr *)&peer, &len);
	assert_true(conn > 2 && conn != fd);
	assert_int_equal(ntohs(peer.sin_port), PEER_PORT);
	*seq = v.seq + 1;
	return conn;
}

/* Handshake, data both ways, close: every packet is there when the call that caused it has returned. */
static void test_passive(void **state)
{
	int fd = listener(), conn;
	char buf[100];
	struct timeval tv;
	struct seen v;
	uint32_t seq;

	(void)state;
	conn = accepted(fd, &seq);
	inject(PEER_PORT, PORT, RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG, PEER_ISN + 1, seq, "hello", 5);
	assert_int_equal(ifc.read(ifc.userdata, conn, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(ifc.write(ifc.userdata, conn, "world!", 6), 6);
	assert_int_equal(ifc.gettimeofday(ifc.userdata, &tv, NULL), 0);
	do
		v = expect();
	while (v.len == 0); /* the ACK may have gone before */
	assert_memory_equal(v.data, "world!", 6);
	assert_int_equal(v.seq, seq);
	assert_int_equal(v.ack, PEER_ISN + 6);
	assert_true(v.time_us <= tv.tv_sec * 1000000LL + tv.tv_usec);
	inject(PEER_PORT, PORT, RTE_TCP_ACK_FLAG, PEER_ISN + 6, seq + 6, NULL, 0);
	assert_int_equal(ifc.close(ifc.userdata, conn), 0);
	assert_int_equal(fcntl(conn, F_GETFD), -1);
	v = expect();
	assert_int_equal(v.flags, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG);
	assert_int_equal(v.seq, seq + 6);
	inject(PEER_PORT, PORT, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, PEER_ISN + 6, seq + 7, NULL, 0);
	v = expect();
	assert_int_equal(v.flags, RTE_TCP_ACK_FLAG);
	assert_int_equal(v.ack, PEER_ISN + 7);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
}

static void *connect_blocking(void *arg)
{
	struct sockaddr_in a = name_of(REMOTE, PORT);
	int rc = ifc.connect(ifc.userdata, *(int *)arg, (struct sockaddr *)&a, sizeof(a));

	return (void *)(intptr_t)(rc < 0 ? -errno : rc);
}

/* A blocked connect() of one thread does not keep the other from the stack. */
static void test_blocking(void **state)
{
	int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, 0);
	struct seen v;
	pthread_t thread;
	void *rc;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, connect_blocking, &fd), 0);
	v = expect();
	assert_int_equal(v.flags, RTE_TCP_SYN_FLAG);
	assert_int_equal(v.mss, 1360);
	assert_int_equal(close(listener()), 0); /* the system's close(), with which packetdrill ends */
	inject(PORT, v.port, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, 0, v.seq + 1, NULL, 0);
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, -ECONNREFUSED);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
}

/* TCP_INFO by the system's getsockopt(), as %{ }% blocks read it; of other descriptors it is the kernel's. */
static void test_around(void **state)
{
	int fd = listener(), pair[2], type = 0;
	socklen_t len = sizeof(type);

	(void)state;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &type, &len), 0);
	assert_int_equal(type, 1);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &len), 0);
	assert_int_equal(type, SOCK_DGRAM);
	close(pair[0]);
	close(pair[1]);
}

static uint64_t now_us(void)
{
	struct timeval tv;

	assert_int_equal(ifc.gettimeofday(ifc.userdata, &tv, NULL), 0);
	return (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
}

/* Time passes when packetdrill waits: the SYN comes again after 1 s (RFC 6298 2.1), at once. */
static void test_time(void **state)
{
	struct sockaddr_in a = name_of(REMOTE, PORT);
	int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	uint64_t began = now_us();
	struct seen first, again;

	(void)state;
	assert_int_equal(ifc.connect(ifc.userdata, fd, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, EINPROGRESS);
	first = expect();
	assert_in_range((uint64_t)first.time_us, began, began + 100);
	again = expect();
	assert_int_equal(again.flags, RTE_TCP_SYN_FLAG);
	assert_in_range((uint64_t)again.time_us, (uint64_t)first.time_us + 1000000 - 100, (uint64_t)first.time_us + 1000100); /* a tick */
	assert_int_equal(ifc.usleep(ifc.userdata, 500000), 0);
	assert_in_range(now_us(), (uint64_t)again.time_us + 500000, (uint64_t)again.time_us + 500300);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
}

/* Descriptors that are not ours are the kernel's. */
static void test_pipe(void **state)
{
	int fds[2];
	char c = 0;

	(void)state;
	assert_int_equal(ifc.pipe(ifc.userdata, fds), 0);
	assert_int_equal(ifc.write(ifc.userdata, fds[1], "x", 1), 1);
	assert_int_equal(ifc.read(ifc.userdata, fds[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(ifc.close(ifc.userdata, fds[0]), 0);
	assert_int_equal(ifc.close(ifc.userdata, fds[1]), 0);
	assert_int_equal(ifc.listen(ifc.userdata, fds[0], 1), -1);
	assert_int_equal(errno, EBADF);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passive),
		cmocka_unit_test(test_blocking),
		cmocka_unit_test(test_around),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_pipe),
	};
	void (*init)(const char *flags, struct packetdrill_interface *ifc);
	void *so = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND) : NULL;
	int rc;

	if (so == NULL) {
		fprintf(stderr, "usage: %s libspate-packetdrill.so\n%s\n", argv[0], argc == 2 ? dlerror() : "");
		return 2;
	}
	*(void **)&init = dlsym(so, "packetdrill_interface_init");
	init(FLAGS, &ifc);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ifc.free(ifc.userdata);
	return rc;
}
