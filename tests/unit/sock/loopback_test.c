/* loopback_test.c: a stack that talks to itself: 127.0.0.0/8, ::1 and its own addresses. Rows are those of connect-semantics. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define LOOP_IP "127.0.0.1"
#define BULK (1u << 20)

static int option(int fd, int level, int name, int value) { return spate_sys_setsockopt(fd, level, name, &value, sizeof(value)); }

static int option_of(int fd, int level, int name)
{
	int v = -1, rc;
	socklen_t len = sizeof(v);

	rc = spate_sys_getsockopt(fd, level, name, &v, &len);
	return rc < 0 ? rc : v;
}

/* A listener of the near end itself. */
static int listener(const char *ip, uint16_t port)
{
	int fd = stream(SOCK_NONBLOCK);

	assert_int_equal(call_bind(fd, ip, port), 0);
	assert_int_equal(spate_sys_listen(fd, 16), 0);
	return fd;
}

static uint64_t sent_to_the_link(void)
{
	struct port_stats st;

	world.port[NEAR]->ops->stats(world.port[NEAR], &st);
	return st.tx_packets;
}

/* Nothing of what this program does may leave. */
static int loop_end(void **state)
{
	run_ms(1);
	assert_int_equal(world_family == WORLD_IP6 ? 0 : sent_to_the_link(), 0);
	assert_int_equal(world.stack[NEAR]->flow.pool[FLOW_NEIGH].used, 0);
	return world_end(state);
}

/* own_name() is of this address and any port. */
static void assert_own_ip(int fd, const char *ip)
{
	char want[32];

	snprintf(want, sizeof(want), "%s:", ip);
	assert_int_equal(strncmp(own_name(fd), want, strlen(want)), 0);
	assert_int_not_equal(own_port(fd), 0);
}

static void b16_refused(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_connect(fd, LOOP_IP, 99), -EINPROGRESS); /* never at once */
	run_ms(1);
	assert_int_equal(poll_now(fd), FULL_SET);
	assert_int_equal(so_error(fd), ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	fd = stream(0);
	assert_int_equal(call_connect(fd, LOOP_IP, 99), -ECONNREFUSED);
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_int_equal(call_connect(fd, NEAR_IP, 99), -ECONNREFUSED); /* B19 */
	listener(LOOP_IP, 99);
	assert_int_equal(call_connect(fd, LOOP_IP, 99), 0);
}

static void b17_in_progress(void **state)
{
	int l = listener("0.0.0.0", 80), fd = stream(SOCK_NONBLOCK), peer;
	char want[32];

	(void)state;
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0), -EAGAIN);
	assert_int_equal(call_connect(fd, LOOP_IP, 80), -EINPROGRESS);
	assert_own_ip(fd, LOOP_IP);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	run_ms(1);
	assert_int_equal(poll_now(fd), POLLOUT);
	assert_int_equal(poll_now(l), POLLIN);
	assert_int_equal(call_connect(fd, LOOP_IP, 80), 0);        /* C4 */
	assert_int_equal(call_connect(fd, LOOP_IP, 80), -EISCONN); /* C5 */
	peer = spate_sys_accept4(l, NULL, NULL, 0);
	assert_true(peer > 2);
	snprintf(want, sizeof(want), "%s", own_name(fd));
	assert_string_equal(peer_name(peer), want);
	assert_string_equal(peer_name(fd), LOOP_IP ":80");
	assert_string_equal(own_name(peer), LOOP_IP ":80");
}

/* The whole network is this host, and a server sees by which of its addresses it was called. */
static void b18_any_of_127(void **state)
{
	int l, fd = stream(0), other = stream(0), peer, d = dgram(0);

	(void)state;
	if (world_family == WORLD_IP6) /* has one address */
		skip();
	l = listener("0.0.0.0", 80);
	assert_int_equal(call_connect(fd, "127.5.6.7", 80), 0);
	assert_own_ip(fd, LOOP_IP);
	run_ms(1);
	peer = spate_sys_accept4(l, NULL, NULL, 0);
	assert_string_equal(own_name(peer), "127.5.6.7:80");
	if (world_family == WORLD_IP4)
		assert_int_equal(call_connect(stream(0), "127.255.255.255", 80), -ENETUNREACH); /* its broadcast address */
	assert_int_equal(call_connect(stream(0), "127.255.255.254", 80), 0);
	assert_int_equal(call_bind(other, "127.9.9.9", 7000), 0);
	assert_int_equal(call_connect(other, "127.0.0.0", 80), 0);
	assert_string_equal(own_name(other), "127.9.9.9:7000");
	listener("127.0.0.2", 81);
	assert_int_equal(call_connect(stream(0), LOOP_IP, 81), -ECONNREFUSED);
	assert_int_equal(call_connect(stream(0), "127.0.0.2", 81), 0);
	assert_int_equal(call_connect(d, "127.5.6.7", 53), 0);
	assert_own_ip(d, LOOP_IP);
}

static void b19_own_addresses(void **state)
{
	int l = listener("0.0.0.0", 80), fd = stream(0), bound = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, NEAR_IP2, 80), 0);
	assert_own_ip(fd, NEAR_IP2);
	assert_int_equal(call_bind(bound, NEAR_IP, 0), 0);
	assert_int_equal(call_connect(bound, LOOP_IP, 80), 0); /* from where it is bound to */
	assert_own_ip(bound, NEAR_IP);
	run_ms(1);
	assert_string_equal(own_name(spate_sys_accept4(l, NULL, NULL, 0)), NEAR_IP2 ":80");
	assert_string_equal(own_name(spate_sys_accept4(l, NULL, NULL, 0)), LOOP_IP ":80");
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0), -EAGAIN);
	bound = stream(0);
	assert_int_equal(call_bind(bound, LOOP_IP, 0), 0);
	assert_int_equal(call_connect(bound, NEAR_IP, 80), 0);
	assert_own_ip(bound, LOOP_IP);
}

/* Any is the address that the socket is bound to, or loopback; over IPv6 always loopback. */
static void b14_b15_any(void **state)
{
	bool ip4 = world_family != WORLD_IP6;

	(void)state;
	if (world_family == WORLD_MAPPED) /* :: is of IPv6; i3_i8_mapped is about the rest */
		skip();
	listener("0.0.0.0", 80);
	for (int tcp = 0; tcp < 2; tcp++) {
		int any = tcp ? stream(0) : dgram(0), bound = tcp ? stream(0) : dgram(0);

		assert_int_equal(call_connect(any, "0.0.0.0", 80), 0);
		assert_own_ip(any, LOOP_IP);
		assert_string_equal(peer_name(any), LOOP_IP ":80");
		assert_int_equal(call_bind(bound, NEAR_IP2, 0), 0);
		assert_int_equal(call_connect(bound, "0.0.0.0", 80), 0);
		assert_own_ip(bound, NEAR_IP2);
		assert_string_equal(peer_name(bound), ip4 ? NEAR_IP2 ":80" : LOOP_IP ":80");
	}
	assert_int_equal(call_connect(stream(0), "0.0.0.0", 81), -ECONNREFUSED);
}

static int connect6(int fd, const char *ip, uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
	return spate_sys_connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static void i3_i8_mapped(void **state)
{
	(void)state;
	if (world_family != WORLD_MAPPED)
		skip();
	listener("0.0.0.0", 80);
	for (int tcp = 0; tcp < 2; tcp++) {
		int any = tcp ? stream(0) : dgram(0), loopback = tcp ? stream(0) : dgram(0), bound = tcp ? stream(0) : dgram(0);

		assert_int_equal(connect6(any, "::ffff:0.0.0.0", 80), 0);
		assert_string_equal(peer_name(any), LOOP_IP ":80");
		assert_own_ip(any, LOOP_IP);
		assert_int_equal(connect6(loopback, "::ffff:127.0.0.1", 80), 0);
		assert_string_equal(peer_name(loopback), LOOP_IP ":80");
		assert_int_equal(call_bind(bound, NEAR_IP2, 0), 0);
		assert_int_equal(connect6(bound, "::", 80), 0); /* not the address that it is bound to: as Linux */
		assert_string_equal(peer_name(bound), LOOP_IP ":80");
		assert_own_ip(bound, NEAR_IP2);
	}
}

static void b20_self_connect(void **state)
{
	char buf[4] = {0};

	(void)state;
	for (int blocking = 0; blocking < 2; blocking++) {
		int fd = stream(blocking ? 0 : SOCK_NONBLOCK), rc;

		assert_int_equal(call_bind(fd, LOOP_IP, 7000), 0);
		rc = call_connect(fd, LOOP_IP, 7000);
		assert_int_equal(rc, blocking ? 0 : -EINPROGRESS);
		run_ms(1);
		assert_int_equal(poll_now(fd), POLLOUT);
		assert_int_equal(spate_send(fd, "me", 2, 0), 2);
		run_ms(1);
		assert_int_equal(spate_recv(fd, buf, sizeof(buf), 0), 2);
		assert_string_equal(buf, "me");
		assert_string_equal(own_name(fd), peer_name(fd));
		assert_int_equal(spate_sys_close(fd), 0);
		run_ms(130000); /* TIME-WAIT, with itself */
	}
	assert_int_equal(world.stack[NEAR]->flow.tcp.used, 0);
}

/* A port that is chosen is never the one that is called: a refusal stays one. */
static void no_chance_self_connect(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd = stream(0);

		assert_int_equal(call_connect(fd, LOOP_IP, 5001), -ECONNREFUSED);
		assert_int_equal(spate_sys_close(fd), 0);
	}
}

static int three_ports(void **state)
{
	(void)state;
	return world_make_ports(5000, 5002);
}

/* G8: a loopback address cannot call others. Over IPv6 it may try. */
static void g8_bound_to_loopback(void **state)
{
	bool ip6 = world_family == WORLD_IP6;

	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		int fd = tcp ? stream(SOCK_NONBLOCK) : dgram(0), pending = tcp ? -EINPROGRESS : 0;
		uint16_t port;

		assert_int_equal(call_bind(fd, LOOP_IP, 0), 0);
		port = own_port(fd);
		assert_int_equal(call_connect(fd, "192.168.1.1", 80), -ENETUNREACH); /* the route is judged first */
		assert_int_equal(call_connect(fd, FAR_IP, 80), ip6 ? pending : -EINVAL);
		assert_own_ip(fd, LOOP_IP);
		assert_int_equal(own_port(fd), port);
		if (ip6 && tcp) {
			assert_int_equal(poll_now(fd), 0);
			run_ms(3000);
			assert_int_equal(poll_now(fd), 0);
			assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY);
			assert_int_equal(dissolve(fd), 0);
		} else if (ip6) {
			assert_int_equal(spate_send(fd, "x", 1, 0), 1);
		}
		listener(LOOP_IP, 80 + (uint16_t)tcp);
		if (tcp)
			assert_int_equal(call_connect(fd, LOOP_IP, 81), -EINPROGRESS);
	}
	assert_int_equal(world.stack[FAR]->tcp.stats.segs_in, 0);
	if (ip6)
		assert_true(world.stack[NEAR]->drops.n[DROP_NO_ROUTE] > 0);
}

static void h9_port_closed(void **state)
{
	int fd = dgram(SOCK_NONBLOCK), far;
	char c;

	(void)state;
	assert_int_equal(call_connect(fd, LOOP_IP, 99), 0);
	for (int i = 0; i < 2000; i++) { /* no limit is for our own */
		assert_int_equal(spate_send(fd, "x", 1, 0), 1);
		spate_turn(); /* the datagram comes, an error goes */
		spate_turn(); /* and comes */
		assert_int_equal(poll_now(fd), POLLOUT | POLLERR);
		if (i % 3 == 0)
			assert_int_equal(so_error(fd), ECONNREFUSED);
		else if (i % 3 == 1)
			assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ECONNREFUSED);
		else
			assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -ECONNREFUSED);
		assert_int_equal(poll_now(fd), POLLOUT);
	}
	far = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(far, LOOP_IP, 99), 0);
	assert_int_equal(spate_send(fd, "y", 1, 0), 1);
	run_ms(1);
	assert_int_equal(spate_recv(far, &c, 1, 0), 1);
	assert_int_equal(c, 'y');
}

static void h19_self_connect(void **state)
{
	int fd = dgram(SOCK_NONBLOCK);
	char buf[8] = {0};

	(void)state;
	assert_int_equal(call_bind(fd, LOOP_IP, 7000), 0);
	assert_int_equal(call_connect(fd, LOOP_IP, 7000), 0);
	assert_int_equal(spate_send(fd, "me", 2, 0), 2);
	assert_int_equal(spate_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN); /* not within the call */
	run_ms(1);
	assert_int_equal(spate_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL), 2);
	assert_string_equal(buf, "me");
}

/* An address of a link is not one of loopback, and the other way round. */
static void listeners_apart(void **state)
{
	(void)state;
	listener(LOOP_IP, 80);
	listener(NEAR_IP, 81);
	assert_int_equal(call_connect(stream(0), NEAR_IP, 80), -ECONNREFUSED);
	assert_int_equal(call_connect(stream(0), LOOP_IP, 81), -ECONNREFUSED);
	assert_int_equal(call_connect(stream(0), NEAR_IP2, 81), -ECONNREFUSED);
	assert_int_equal(call_connect(stream(0), LOOP_IP, 80), 0);
	assert_int_equal(call_connect(stream(0), NEAR_IP, 81), 0);
}

/* ---- data ---- */

static uint8_t byte_at(uint32_t i, int dir) { return (uint8_t)(i * 2654435761u >> 23 ^ (uint32_t)dir); }

static void fill_some(int fd, uint32_t *sent, int dir)
{
	uint8_t buf[7000];
	ssize_t n;

	while (*sent < BULK) {
		uint32_t len = RTE_MIN((uint32_t)sizeof(buf), BULK - *sent);

		for (uint32_t i = 0; i < len; i++)
			buf[i] = byte_at(*sent + i, dir);
		n = spate_sys_sendto(fd, buf, len, MSG_DONTWAIT, NULL, 0);
		if (n == -EAGAIN)
			return;
		assert_true(n > 0);
		*sent += (uint32_t)n;
	}
}

static void drain_some(int fd, uint32_t *got, int dir)
{
	uint8_t buf[5000];
	ssize_t n;

	while ((n = spate_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], byte_at(*got + (uint32_t)i, dir));
		*got += (uint32_t)n;
	}
	assert_int_equal(n, -EAGAIN);
}

/* A mebibyte each way at once, over loopback and an own address. It takes no time, and loses nothing. */
static void bulk(void **state)
{
	const struct stack *s = world.stack[NEAR];
	const char *ip[] = {LOOP_IP, NEAR_IP};

	(void)state;
	for (int way = 0; way < 2; way++) {
		uint32_t sent[2] = {0}, got[2] = {0}, turns = 0;
		int l = listener(ip[way], 80), fd[2];
		uint64_t start_ns = world.now_ns;

		fd[0] = stream(0);
		assert_int_equal(call_connect(fd[0], ip[way], 80), 0);
		run_ms(1);
		fd[1] = spate_sys_accept4(l, NULL, NULL, 0);
		assert_true(option_of(fd[0], IPPROTO_TCP, 2 /* TCP_MAXSEG */) > 1460);
		while (got[0] < BULK || got[1] < BULK) {
			for (int d = 0; d < 2; d++) {
				fill_some(fd[d], &sent[d], d);
				drain_some(fd[!d], &got[d], d);
			}
			spate_turn();
			assert_true(turns++ < 600); /* no ACK is waited for */
		}
		assert_in_range(world.now_ns - start_ns, 0, 500 * MS);
		for (int i = 0; i < 2; i++)
			assert_int_equal(spate_sys_close(fd[i]), 0);
		assert_int_equal(spate_sys_close(l), 0);
	}
	assert_int_equal(s->tcp.stats.rtx_segs, 0);
	assert_int_equal(s->drops.n[DROP_TX_FULL], 0);
	assert_true(s->tcp.stats.segs_out > 4 * BULK / 65535);
	run_ms(130000);
	assert_int_equal(s->flow.tcp.used, 0);
	assert_int_equal(s->net.paths.pool.used, 0);
}

/* Datagrams of any size come in one piece: those that are no larger than lo's MTU uncut. */
static void large_datagrams(void **state)
{
	const struct stack *s = world.stack[NEAR];
	static uint8_t out[65535], in[65535];
	int from = dgram(0), to = dgram(SOCK_NONBLOCK), most = world_family == WORLD_IP6 ? 65527 : 65507;

	(void)state;
	for (uint32_t i = 0; i < sizeof(out); i++)
		out[i] = byte_at(i, 3);
	assert_int_equal(option(to, SOL_SOCKET, SO_RCVBUF, 1 << 20), 0);
	assert_int_equal(call_bind(to, LOOP_IP, 53), 0);
	assert_int_equal(call_connect(from, LOOP_IP, 53), 0);
	for (int i = 0; i < 4; i++) {
		int len[] = {0, 1472, 60000, most};

		memset(in, 0, sizeof(in));
		assert_int_equal(spate_send(from, out, (size_t)len[i], 0), len[i]);
		run_ms(1);
		assert_int_equal(spate_sys_recvfrom(to, in, sizeof(in), 0, NULL, NULL), len[i]);
		assert_memory_equal(in, out, len[i]);
		assert_int_equal(s->net.fragments_out, i == 3 && world_family == WORLD_IP6 ? 2 : 0);
	}
	assert_int_equal(spate_sys_sendto(from, out, (size_t)most + 1, 0, NULL, 0), -EMSGSIZE);
}

/* A burst beyond the queue is dropped and counted, a turn handles a bounded part of it, and the clock knows of what waits. */
static void burst(void **state)
{
	struct stack *s = world.stack[NEAR];
	int from = dgram(0), to = dgram(SOCK_NONBLOCK), n = 0;
	char c;

	(void)state;
	assert_int_equal(option(to, SOL_SOCKET, SO_RCVBUF, 1 << 20), 0);
	assert_int_equal(call_bind(to, LOOP_IP, 53), 0);
	assert_int_equal(call_connect(from, LOOP_IP, 53), 0);
	run_ms(1);
	for (int i = 0; i < TX_QUEUE_MAX + 7; i++)
		assert_int_equal(spate_send(from, "x", 1, 0), 1);
	assert_int_equal(s->drops.n[DROP_TX_FULL], 7);
	assert_int_equal(stack_next_ns(s), s->clock.now_ns);
	stack_poll(s, world.now_ns);
	while (spate_sys_recvfrom(to, &c, 1, MSG_DONTWAIT, NULL, NULL) == 1)
		n++;
	assert_in_range(n, 1, RX_BURST * RX_BURSTS_PER_POLL);
	assert_int_equal(stack_next_ns(s), s->clock.now_ns);
	run_ms(1);
	while (spate_sys_recvfrom(to, &c, 1, MSG_DONTWAIT, NULL, NULL) == 1)
		n++;
	assert_int_equal(n, TX_QUEUE_MAX);
	assert_true(stack_next_ns(s) > s->clock.now_ns);
}

/* What is queued when a stack ends goes with it (loop_end looks for lost buffers). */
static void queued_at_the_end(void **state)
{
	int fd = dgram(0);

	(void)state;
	assert_int_equal(call_connect(fd, LOOP_IP, 53), 0);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1);
}

/* The broadcast address of 127.0.0.0/8, for those that listen here; it does not leave either. */
static void broadcast(void **state)
{
	int from = dgram(0), to = dgram(SOCK_NONBLOCK);
	char c = 0;

	(void)state;
	ONLY_IP4();
	assert_int_equal(call_bind(to, "0.0.0.0", 53), 0);
	assert_int_equal(call_connect(from, "127.255.255.255", 53), -EACCES);
	assert_int_equal(option(from, SOL_SOCKET, SO_BROADCAST, 1), 0);
	assert_int_equal(call_connect(from, "127.255.255.255", 53), 0);
	assert_own_ip(from, LOOP_IP);
	assert_int_equal(spate_send(from, "b", 1, 0), 1);
	run_ms(1);
	assert_int_equal(spate_recv(to, &c, 1, 0), 1);
	assert_int_equal(c, 'b');
	assert_int_equal(spate_sys_recvfrom(to, &c, 1, 0, NULL, NULL), -EAGAIN); /* once */
	from = dgram(0);
	assert_int_equal(option(from, SOL_SOCKET, SO_BROADCAST, 1), 0);
	assert_int_equal(call_bind(from, NEAR_IP, 0), 0); /* of a link, which sees nothing of it (loop_end) */
	assert_int_equal(call_connect(from, "127.255.255.255", 53), 0);
	assert_int_equal(spate_send(from, "c", 1, 0), 1);
	run_ms(1);
	assert_int_equal(spate_recv(to, &c, 1, 0), 1);
	assert_int_equal(c, 'c');
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, loop_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(b14_b15_any),
		IN_WORLD(b16_refused),
		IN_WORLD(b17_in_progress),
		IN_WORLD(b18_any_of_127),
		IN_WORLD(b19_own_addresses),
		IN_WORLD(b20_self_connect),
		cmocka_unit_test_setup_teardown(no_chance_self_connect, three_ports, loop_end),
		IN_WORLD(g8_bound_to_loopback),
		IN_WORLD(h9_port_closed),
		IN_WORLD(h19_self_connect),
		IN_WORLD(i3_i8_mapped),
		IN_WORLD(listeners_apart),
		IN_WORLD(bulk),
		IN_WORLD(large_datagrams),
		IN_WORLD(burst),
		IN_WORLD(broadcast),
		cmocka_unit_test_setup_teardown(queued_at_the_end, world_make, world_end),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
