/* loopback_test.c: an end whose stacks talk to each other over loopback and own addresses: no packet needs a device, each comes
 * home, and each socket is found wherever it is. */
#include "cores.h"

#include <arpa/inet.h>
#include <string.h>

#define N 48
#define BULK (1u << 20)
#define SERVER 1u /* the stack that listens */

static int make(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {4, 1}});
}

static int make_shared(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {4, 1}, .queues = {1, 1}, .shuffle = true});
}

static uint64_t sent(void)
{
	struct port_stats st;

	cores.wire[NEAR]->ops->stats(cores.wire[NEAR], &st);
	return st.tx_packets;
}

static void assert_all_inside(void)
{
	cores_run_ms(130000);
	cores_assert_clean();
	if (!cores_all_ip6) /* which has groups to report */
		assert_int_equal(sent(), 0);
	for (enum drop d = 0; d < DROP_MAX; d++)
		assert_int_equal(cores_dropped(NEAR, d), 0);
}

static void close_on(unsigned core, int fd)
{
	on(NEAR, core);
	assert_int_equal(spate_sys_close(fd), 0);
}

/* Accepts what waits at this stack; *n counts. */
static void accept_on(unsigned core, int l, int *fd, unsigned *at, int *n)
{
	int rc;

	on(NEAR, core);
	while ((rc = cores_accept(l)) >= 0) {
		fd[*n] = rc;
		at[(*n)++] = core;
	}
	assert_int_equal(rc, -EAGAIN);
}

/* Which of the clients, those of stack 0, 1, 2, 3, 0, ..., this accepted socket belongs to. */
static int client_of(const int *client, unsigned core, int fd)
{
	struct sockaddr_storage peer, own;
	socklen_t len = sizeof(peer);

	on(NEAR, core);
	assert_int_equal(spate_sys_getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	for (int k = 0; k < N; k++) {
		on(NEAR, (unsigned)k % 4);
		len = sizeof(own);
		assert_int_equal(spate_sys_getsockname(client[k], (struct sockaddr *)&own, &len), 0);
		if (memcmp(&own, &peer, len) == 0)
			return k;
	}
	fail_msg("accepted a connection that nobody made");
	return -1;
}

/* One listener, used by one stack or by all; every stack connects. The client's answers come home, by its choice of port. */
static void streams(const char *ip, bool twins)
{
	int client[N], server[N], l, accepted = 0;
	unsigned at[N];

	on(NEAR, SERVER);
	l = cores_listener("0.0.0.0", 80);
	cores_run_ms(1);
	for (unsigned c = 0; c < 4 && twins; c++) {
		on(NEAR, c);
		assert_int_equal(cores_accept(l), -EAGAIN);
	}
	for (int i = 0; i < N; i++) {
		on(NEAR, (unsigned)i % 4);
		client[i] = cores_stream(i % 2 ? SOCK_NONBLOCK : 0);
		assert_int_equal(cores_connect(client[i], ip, 80), i % 2 ? -EINPROGRESS : 0);
	}
	cores_run_ms(5);
	for (unsigned c = 0; c < 4; c++)
		if (twins || c == SERVER)
			accept_on(c, l, server, at, &accepted);
	assert_int_equal(accepted, N);
	for (int i = 0; i < N; i++) {
		int k = client_of(client, at[i], server[i]);

		cores_talk(NEAR, (unsigned)k % 4, client[k], NEAR, at[i], server[i]);
	}
	for (int i = 0; i < N; i++) { /* TIME-WAIT is on either side */
		close_on(i % 2 ? at[i] : (unsigned)i % 4, i % 2 ? server[i] : client[i]);
		cores_run_ms(1);
	}
	for (int i = 0; i < N; i++)
		close_on(i % 2 ? (unsigned)i % 4 : at[i], i % 2 ? client[i] : server[i]);
	close_on(SERVER, l);
	assert_true(cores_rehomed(NEAR, REHOME_LOOP) > N);
	if (twins)
		assert_int_equal(cores_rehomed(NEAR, REHOME_BOUND), 0);
	assert_all_inside();
}

static void loopback_streams(void **state)
{
	(void)state;
	streams("127.0.0.1", false);
}

static void loopback_streams_twins(void **state)
{
	(void)state;
	streams("127.0.0.1", true);
}

static void own_address_streams(void **state)
{
	(void)state;
	streams(CORES_NEAR_IP2, false);
}

/* A bound port, whose flow's home need not be its stack: B20 on every stack, and a self-connect of datagrams (H19). */
static void self_connects(void **state)
{
	char buf[4];

	(void)state;
	for (unsigned c = 0; c < 4; c++) {
		for (uint16_t port = (uint16_t)(7000 + 8 * c); port < 7008 + 8 * c; port++) {
			int fd, d;

			on(NEAR, c);
			fd = cores_bound("127.0.0.1", port, 0);
			assert_int_equal(cores_connect(fd, "127.0.0.1", port), 0);
			d = cores_dgram(SOCK_NONBLOCK);
			assert_int_equal(cores_bind(d, "127.0.0.1", port), 0);
			assert_int_equal(cores_connect(d, "127.0.0.1", port), 0);
			for (int i = 0; i < 2; i++) {
				assert_int_equal(spate_sys_sendto(i ? d : fd, "me", 2, 0, NULL, 0), 2);
				cores_run_ms(2);
				assert_int_equal(spate_sys_recvfrom(i ? d : fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL), 2);
				assert_memory_equal(buf, "me", 2);
			}
			assert_int_equal(spate_sys_close(fd), 0);
			assert_int_equal(spate_sys_close(d), 0);
			cores_run_ms(2);
		}
	}
	assert_all_inside();
}

/* B16, H9: nobody there, whoever asks. */
static void refused(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 4; c++) {
		for (int i = 0; i < 8; i++) {
			int fd, d;

			on(NEAR, c);
			fd = cores_stream(0);
			assert_int_equal(cores_connect(fd, "127.0.0.1", 99), -ECONNREFUSED);
			d = cores_dgram(SOCK_NONBLOCK);
			assert_int_equal(cores_connect(d, "127.0.0.1", 99), 0);
			assert_int_equal(spate_sys_sendto(d, "x", 1, 0, NULL, 0), 1);
			cores_run_ms(2);
			assert_int_equal(cores_so_error(d), ECONNREFUSED);
			assert_int_equal(spate_sys_close(fd), 0);
			assert_int_equal(spate_sys_close(d), 0);
		}
	}
	cores_run_ms(10);
	cores_assert_clean();
	assert_int_equal(cores_dropped(NEAR, DROP_UDP_NO_SOCKET), 32);
	assert_int_equal(cores_dropped(NEAR, DROP_ICMP_UNMATCHED), 0);
}

/* One socket of datagrams for all, and its answers. */
static void datagrams(void **state)
{
	int server, client[16], seen = 0, value;
	struct sockaddr_storage from;
	socklen_t len;

	(void)state;
	on(NEAR, SERVER);
	server = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(cores_bind(server, "0.0.0.0", 53), 0);
	cores_run_ms(1);
	for (int i = 0; i < 16; i++) {
		on(NEAR, (unsigned)i % 4);
		client[i] = cores_dgram(SOCK_NONBLOCK);
		assert_int_equal(cores_connect(client[i], i % 8 < 4 ? "127.0.0.1" : CORES_NEAR_IP, 53), 0);
		assert_int_equal(spate_sys_sendto(client[i], &i, sizeof(i), 0, NULL, 0), sizeof(i));
	}
	cores_run_ms(5);
	on(NEAR, SERVER);
	while (len = sizeof(from), spate_sys_recvfrom(server, &value, sizeof(value), 0, (struct sockaddr *)&from, &len) > 0) {
		seen |= 1 << value;
		assert_int_equal(spate_sys_sendto(server, &value, sizeof(value), 0, (struct sockaddr *)&from, len),
				 sizeof(value));
	}
	assert_int_equal(seen, 0xffff);
	cores_run_ms(5);
	for (int i = 0; i < 16; i++) {
		on(NEAR, (unsigned)i % 4);
		assert_int_equal(spate_sys_recvfrom(client[i], &value, sizeof(value), 0, NULL, NULL), sizeof(value));
		assert_int_equal(value, i);
		assert_int_equal(spate_sys_close(client[i]), 0);
	}
	close_on(SERVER, server);
	assert_all_inside();
}

static uint8_t byte_at(uint32_t i) { return (uint8_t)(i * 2654435761u >> 23); }

/* A mebibyte from each of the other stacks to the server, and back. */
static void bulk(void **state)
{
	int l, client[4], server[4], n = 0;
	uint32_t out[2][4] = {{0}}, in[2][4] = {{0}}, turns = 0;
	static uint8_t buf[65536];
	unsigned at[4];

	(void)state;
	on(NEAR, SERVER);
	l = cores_listener("127.0.0.1", 80);
	cores_run_ms(1);
	for (unsigned c = 0; c < 4; c++) {
		on(NEAR, c);
		client[c] = cores_stream(0);
		assert_int_equal(cores_connect(client[c], "127.0.0.1", 80), 0);
		cores_run_ms(1);
		accept_on(SERVER, l, server, at, &n);
		assert_int_equal(n, c + 1);
	}
	for (uint32_t done = 0; done < 8;) {
		assert_true(turns++ < 300); /* no ACK is waited for */
		done = 0;
		for (int k = 0; k < 8; k++) {
			int dir = k / 4, c = k % 4;
			ssize_t rc = 1;

			on(NEAR, dir ? SERVER : (unsigned)c);
			for (uint32_t *o = &out[dir][c]; *o < BULK && rc > 0; *o += rc > 0 ? (uint32_t)rc : 0) {
				uint32_t len = RTE_MIN((uint32_t)sizeof(buf), BULK - *o);

				for (uint32_t i = 0; i < len; i++)
					buf[i] = byte_at(*o + i);
				rc = spate_sys_sendto(dir ? server[c] : client[c], buf, len, MSG_DONTWAIT, NULL, 0);
			}
			on(NEAR, dir ? (unsigned)c : SERVER);
			while ((rc = spate_sys_recvfrom(dir ? client[c] : server[c], buf, sizeof(buf), MSG_DONTWAIT, NULL,
							NULL)) > 0) {
				for (ssize_t i = 0; i < rc; i++)
					assert_int_equal(buf[i], byte_at(in[dir][c] + (uint32_t)i));
				in[dir][c] += (uint32_t)rc;
			}
			done += in[dir][c] == BULK;
		}
		cores_turn();
	}
	for (unsigned c = 0; c < 4; c++) {
		assert_int_equal(cores.stack[NEAR][c]->tcp.stats.rtx_segs, 0);
		close_on(c, client[c]);
		close_on(SERVER, server[c]);
	}
	close_on(SERVER, l);
	assert_all_inside();
}

/* From the wire, no packet has to do with loopback. */
static void martians(void **state)
{
	const in_addr_t lo = htonl(INADDR_LOOPBACK), near = inet_addr(CORES_NEAR_IP), far = inet_addr(CORES_FAR_IP);
	uint8_t ip[28] = {0x45, [3] = 28, [8] = 64, [9] = 17, [20] = 0x1f, 0x40, 0, 53, 0, 8};
	int d;

	(void)state;
	if (cores_all_ip6)
		skip();
	on(NEAR, 0);
	d = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(cores_bind(d, "0.0.0.0", 53), 0);
	for (int i = 0; i < 3; i++) {
		uint32_t sum = 0;

		memcpy(ip + 12, i == 0 ? &lo : &far, 4);
		memcpy(ip + 16, i == 1 ? &lo : &near, 4);
		memset(ip + 10, 0, 2);
		for (int k = 0; k < 20; k += 2)
			sum += (uint32_t)ip[k] << 8 | ip[k + 1];
		sum = ~((sum & 0xffff) + (sum >> 16));
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
		cores_inject(FAR, ip, sizeof(ip));
	}
	cores_run_ms(5);
	assert_int_equal(cores_dropped(NEAR, DROP_IP4_SRC), 1);
	assert_int_equal(cores_dropped(NEAR, DROP_IP4_DST), 1);
	on(NEAR, 0);
	assert_int_equal(spate_sys_recvfrom(d, ip, sizeof(ip), 0, NULL, NULL), 0);
	assert_int_equal(spate_sys_recvfrom(d, ip, sizeof(ip), 0, NULL, NULL), -EAGAIN);
}

static int device_of(int fd)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, &len), 0);
	return v;
}

static int receiver(unsigned core, int device, int want)
{
	int fd;

	on(NEAR, core);
	fd = cores_dgram(SOCK_NONBLOCK);
	cores_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device);
	assert_int_equal(cores_bind(fd, "0.0.0.0", 53), want);
	cores_run_ms(1);
	on(NEAR, core);
	return fd;
}

/* One port, on lo of stack 0 and on the link of stack 1: all stacks know who is meant. */
static void datagrams_of_devices(void **state)
{
	int lo = receiver(0, IFACES_MAX + 1, 0), link = receiver(1, 1, 0), none = receiver(2, 0, -EADDRINUSE), fd, value;

	(void)state;
	assert_int_equal(spate_sys_close(none), 0);
	for (int i = 0; i < 32; i++) {
		on(i % 2 ? FAR : NEAR, i % 2 ? 0 : (unsigned)i / 2 % 4);
		fd = cores_dgram(0);
		assert_int_equal(cores_connect(fd, i % 2 ? CORES_NEAR_IP : "127.0.0.1", 53), 0);
		assert_int_equal(spate_sys_sendto(fd, &i, sizeof(i), 0, NULL, 0), sizeof(i));
		cores_run_ms(2);
		on(NEAR, i % 2);
		assert_int_equal(spate_sys_recvfrom(i % 2 ? link : lo, &value, sizeof(value), 0, NULL, NULL), sizeof(value));
		assert_int_equal(value, i);
		on(i % 2 ? FAR : NEAR, i % 2 ? 0 : (unsigned)i / 2 % 4);
		assert_int_equal(spate_sys_close(fd), 0);
	}
	on(NEAR, 0);
	assert_int_equal(spate_sys_recvfrom(lo, &value, sizeof(value), 0, NULL, NULL), -EAGAIN);
	close_on(0, lo);
	on(NEAR, 1);
	assert_int_equal(spate_sys_recvfrom(link, &value, sizeof(value), 0, NULL, NULL), -EAGAIN);
	close_on(1, link);
	cores_run_ms(10);
	cores_assert_clean();
}

/* A listener's device is that of its twins, also when it changes. */
static void listener_of_device(void **state)
{
	int fd, l, accepted[16], n = 0;
	unsigned at[16];

	(void)state;
	on(NEAR, SERVER);
	l = cores_stream(SOCK_NONBLOCK);
	cores_option(l, SOL_SOCKET, SO_BINDTOIFINDEX, IFACES_MAX + 1);
	assert_int_equal(cores_bind(l, "0.0.0.0", 80), 0);
	assert_int_equal(spate_sys_listen(l, 16), 0);
	cores_run_ms(1);
	for (unsigned c = 0; c < 4; c++)
		accept_on(c, l, accepted, at, &n);
	for (int i = 0; i < 8; i++) {
		on(FAR, 0);
		fd = cores_stream(0);
		assert_int_equal(cores_connect(fd, CORES_NEAR_IP, 80), -ECONNREFUSED);
		assert_int_equal(spate_sys_close(fd), 0);
		on(NEAR, (unsigned)i % 4);
		fd = cores_stream(0);
		assert_int_equal(cores_connect(fd, "127.0.0.1", 80), 0);
		assert_int_equal(spate_sys_close(fd), 0);
	}
	cores_run_ms(2);
	for (unsigned c = 0; c < 4; c++)
		accept_on(c, l, accepted, at, &n);
	assert_int_equal(n, 8);
	for (int i = 0; i < n; i++) {
		on(NEAR, at[i]);
		assert_int_equal(device_of(accepted[i]), IFACES_MAX + 1);
		close_on(at[i], accepted[i]);
	}
	on(NEAR, SERVER);
	cores_option(l, SOL_SOCKET, SO_BINDTOIFINDEX, 0);
	cores_run_ms(1);
	n = 0;
	for (int i = 0; i < 8; i++) {
		on(FAR, 0);
		fd = cores_stream(0);
		assert_int_equal(cores_connect(fd, CORES_NEAR_IP, 80), 0);
		cores_run_ms(1);
		for (unsigned c = 0; c < 4; c++)
			accept_on(c, l, accepted, at, &n);
		assert_int_equal(n, i + 1);
		close_on(at[i], accepted[i]);
		on(FAR, 0);
		assert_int_equal(spate_sys_close(fd), 0);
	}
	close_on(SERVER, l);
	cores_run_ms(130000);
	cores_assert_clean();
}

#define ON_BOTH(test) \
	cmocka_unit_test_setup_teardown(test, make, cores_end), cmocka_unit_test_setup_teardown(test, make_shared, cores_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(loopback_streams), ON_BOTH(loopback_streams_twins), ON_BOTH(own_address_streams), ON_BOTH(self_connects),
		ON_BOTH(refused), ON_BOTH(datagrams), ON_BOTH(bulk), ON_BOTH(martians), ON_BOTH(datagrams_of_devices),
		ON_BOTH(listener_of_device),
	};

	return cmocka_run_group_tests(tests, cores_eal, NULL);
}
