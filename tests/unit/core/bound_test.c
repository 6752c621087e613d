/* bound_test.c: ports that are bound on one stack and what the others make of it: conflicts, and connections from a bound
 * port whose home is another stack: asked for there, granted or denied. */
#include "cores.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "flow/port_range.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define PORT 80
#define X 0u    /* the stack that connects, of the near end's four ... */
#define HOME 2u /* ... and the home of its tuple */

static int make(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {4, 2}});
}

static int make_few_ports(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {4, 2}, .lo = 40000, .hi = 40015});
}

/* An own port, from from on, with which the answers of the far end's PORT come home to this core. */
static uint16_t port_home(unsigned core, uint16_t from)
{
	while (cores_home(NEAR, CORES_NEAR_IP, from, CORES_FAR_IP, PORT) != core)
		from++;
	return from;
}

static int far_listener(void)
{
	on(FAR, 0);
	return cores_listener(CORES_FAR_IP, PORT);
}

static const struct flow *flow_of(unsigned core) { return &cores.stack[NEAR][core]->flow; }

static uint64_t ports_held(unsigned core)
{
	struct eport_stats es;

	eport_stats_get(cores.stack[NEAR][core]->eport, &es);
	return es.taken - es.returned;
}

static uint16_t local_port(int fd)
{
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);

	static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "of either family");
	assert_int_equal(spate_sys_getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin6_port);
}

static void finish(void)
{
	cores_run_ms(200000);
	cores_assert_clean();
}

/* ---- conflicts ---- */

static int bind_at(unsigned core, int fd, const char *ip, uint16_t port)
{
	on(NEAR, core);
	return cores_bind(fd, ip, port);
}

static int stream_at(unsigned core, int option)
{
	int fd;

	on(NEAR, core);
	fd = cores_stream(SOCK_NONBLOCK);
	if (option != 0)
		cores_option(fd, SOL_SOCKET, option, 1);
	return fd;
}

static int dgram_at(unsigned core, int option)
{
	int fd;

	on(NEAR, core);
	fd = cores_dgram(SOCK_NONBLOCK);
	if (option != 0)
		cores_option(fd, SOL_SOCKET, option, 1);
	return fd;
}

static void close_at(unsigned core, int fd)
{
	on(NEAR, core);
	assert_int_equal(spate_sys_close(fd), 0);
}

static int listen_at(unsigned core, int fd)
{
	on(NEAR, core);
	return spate_sys_listen(fd, 5);
}

static void conflicts_across_stacks(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		int (*at)(unsigned, int) = udp ? dgram_at : stream_at;
		int a = at(0, 0), b = at(1, 0), c = at(2, SO_REUSEADDR), d = at(3, SO_REUSEADDR);

		assert_int_equal(bind_at(0, a, "0.0.0.0", 5000), 0);
		assert_int_equal(bind_at(1, b, CORES_NEAR_IP, 5000), -EADDRINUSE);
		assert_int_equal(bind_at(2, c, CORES_NEAR_IP, 5000), -EADDRINUSE); /* one of two lacks it */
		assert_int_equal(bind_at(1, b, CORES_NEAR_IP, 5001), 0);
		assert_int_equal(bind_at(2, c, CORES_NEAR_IP2, 5001), 0); /* another address */
		close_at(0, a);
		assert_int_equal(bind_at(3, d, CORES_NEAR_IP, 5000), 0);
		close_at(2, c);
		c = at(2, SO_REUSEADDR);
		assert_int_equal(bind_at(2, c, "0.0.0.0", 5000), 0); /* both have it */
		if (!udp) {
			assert_int_equal(listen_at(2, c), 0);
			assert_int_equal(listen_at(3, d), 0); /* as within one stack: both have it */
			close_at(3, d);
			d = at(3, SO_REUSEADDR);
			assert_int_equal(bind_at(3, d, CORES_NEAR_IP, 5000), -EADDRINUSE); /* beside a listener */
		}
		close_at(1, b);
		close_at(2, c);
		close_at(3, d);
	}
	finish();
}

static void listeners_conflict(void **state)
{
	int a = stream_at(0, SO_REUSEPORT), b = stream_at(1, SO_REUSEPORT), c = stream_at(2, 0);

	(void)state;
	assert_int_equal(bind_at(0, a, CORES_NEAR_IP, 5000), 0);
	assert_int_equal(listen_at(0, a), 0);
	assert_int_equal(bind_at(1, b, CORES_NEAR_IP, 5000), 0);
	assert_int_equal(listen_at(1, b), 0);
	assert_int_equal(bind_at(2, c, CORES_NEAR_IP, 5000), -EADDRINUSE);
	close_at(0, a);
	assert_int_equal(bind_at(2, c, CORES_NEAR_IP, 5000), -EADDRINUSE);
	close_at(1, b);
	assert_int_equal(bind_at(2, c, CORES_NEAR_IP, 5000), 0);
	close_at(2, c);
	finish();
}

/* bind() with port 0 takes no port that another stack has; all of the range are given, none twice. */
static void automatic_ports(void **state)
{
	int fd[16], more = stream_at(1, 0);
	uint32_t seen = 0;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		fd[i] = stream_at(i % 4, 0);
		assert_int_equal(bind_at(i % 4, fd[i], "0.0.0.0", 0), 0);
		seen |= 1u << (local_port(fd[i]) - 40000);
	}
	assert_int_equal(seen, 0xffff);
	assert_int_equal(bind_at(1, more, "0.0.0.0", 0), -EADDRINUSE);
	for (unsigned i = 0; i < 16; i++)
		close_at(i % 4, fd[i]);
	assert_int_equal(bind_at(1, more, "0.0.0.0", 0), 0);
	close_at(1, more);
	finish();
}

/* ---- bound connects ---- */

static void granted(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int l = far_listener(), fd, other, got;

	(void)state;
	on(NEAR, X);
	fd = cores_bound(CORES_NEAR_IP, port, 0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), 0);
	assert_int_equal(flow_of(HOME)->pool[FLOW_AWAY].used, 1);
	assert_int_equal(ports_held(HOME), 1);
	cores_run_ms(1);
	on(FAR, 0);
	got = cores_accept(l);
	assert_true(got > 0);
	cores_talk(NEAR, X, fd, FAR, 0, got);
	assert_true(cores_rehomed(NEAR, REHOME_BOUND) >= 2); /* the SYN-ACK, and the answer */
	/* At its home the tuple is taken, too. */
	on(NEAR, HOME);
	other = cores_bound(CORES_NEAR_IP, port, 0);
	assert_int_equal(cores_connect(other, CORES_FAR_IP, PORT), -EADDRNOTAVAIL);
	assert_int_equal(spate_sys_close(other), 0);
	on(NEAR, X);
	assert_int_equal(spate_sys_close(fd), 0);
	cores_run_ms(5);
	on(FAR, 0);
	assert_int_equal(spate_sys_close(got), 0);
	assert_int_equal(spate_sys_close(l), 0);
	cores_run_ms(1000);
	assert_int_equal(flow_of(HOME)->pool[FLOW_AWAY].used, 1); /* TIME-WAIT */
	finish();
	assert_int_equal(cores_dropped(NEAR, DROP_TCP_NO_SOCKET), 0);
}

/* The home, or a third stack, has the tuple already. */
static void denied(void **state)
{
	static const unsigned first[] = {HOME, 3};
	uint16_t port = port_home(HOME, 5000);

	(void)state;
	for (int i = 0; i < 2; i++) {
		int l = far_listener(), fd, fd2, late, got;

		on(NEAR, first[i]);
		fd = cores_bound(CORES_NEAR_IP, port, 0);
		assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), 0);
		on(NEAR, X);
		fd2 = cores_bound(CORES_NEAR_IP, port, 0);
		assert_int_equal(cores_connect(fd2, CORES_FAR_IP, PORT), -EADDRNOTAVAIL);
		assert_int_equal(spate_fcntl(fd2, F_SETFL, O_NONBLOCK), 0);
		assert_int_equal(cores_connect(fd2, CORES_FAR_IP, PORT), -EINPROGRESS);
		cores_run_ms(5);
		assert_int_equal(cores_so_error(fd2), EADDRNOTAVAIL);
		/* The one that has it does not notice. */
		on(FAR, 0);
		got = cores_accept(l);
		assert_true(got > 0);
		assert_int_equal(cores_accept(l), -EAGAIN);
		cores_talk(NEAR, first[i], fd, FAR, 0, got);
		/* Elsewhere the same port may be used. */
		on(FAR, 1);
		late = cores_listener(CORES_FAR_IP2, PORT);
		on(NEAR, X);
		assert_int_equal(cores_connect(fd2, CORES_FAR_IP2, PORT), -ECONNABORTED);
		assert_int_equal(cores_connect(fd2, CORES_FAR_IP2, PORT), -EINPROGRESS);
		cores_run_ms(5);
		assert_int_equal(cores_so_error(fd2), 0);
		assert_int_equal(spate_sys_close(fd2), 0);
		on(NEAR, first[i]);
		assert_int_equal(spate_sys_close(fd), 0);
		on(FAR, 0);
		assert_int_equal(spate_sys_close(got), 0);
		assert_int_equal(spate_sys_close(l), 0);
		on(FAR, 1);
		assert_int_equal(spate_sys_close(late), 0);
		finish();
	}
}

/* Its automatic port is this one. */
static int at_port(uint16_t port)
{
	int fd = cores_stream(SOCK_NONBLOCK);

	cores_option(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, port | port << 16);
	return fd;
}

/* The same where bind() chose the port: the attempt goes on with another one. */
static void denied_chosen(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int l = far_listener(), has, fd, got;

	(void)state;
	on(NEAR, HOME);
	has = at_port(port);
	assert_int_equal(cores_connect(has, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(5);
	assert_int_equal(local_port(has), port);
	on(NEAR, X);
	fd = at_port(port);
	assert_int_equal(cores_bind(fd, CORES_NEAR_IP, 0), 0);
	assert_int_equal(local_port(fd), port);
	cores_option(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, 0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(5);
	assert_int_equal(cores_so_error(fd), 0);
	assert_int_not_equal(local_port(fd), port);
	for (int i = 0; i < 2; i++) { /* in the order in which they came */
		on(FAR, 0);
		got = cores_accept(l);
		assert_true(got > 0);
		cores_talk(NEAR, i == 0 ? HOME : X, i == 0 ? has : fd, FAR, 0, got);
		on(FAR, 0);
		assert_int_equal(spate_sys_close(got), 0);
	}
	assert_int_equal(spate_sys_close(l), 0);
	on(NEAR, HOME);
	assert_int_equal(spate_sys_close(has), 0);
	on(NEAR, X);
	assert_int_equal(spate_sys_close(fd), 0);
	finish();
}

static void refused_by_the_peer(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int fd;

	(void)state;
	on(NEAR, X);
	fd = cores_bound(CORES_NEAR_IP, port, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -ECONNREFUSED);
		cores_run_ms(1);
		assert_int_equal(flow_of(HOME)->pool[FLOW_AWAY].used, 0);
	}
	assert_int_equal(spate_sys_close(fd), 0);
	finish();
}

/* ICMP port unreachable about the SYN of this socket, from a router. It lands where the hash of that address says. */
static void unreachable(const struct tcp_pcb *p, const char *router)
{
	const struct flow_key *k = &p->c.h.key;
	uint8_t b[IP4_HDR_LEN + ICMP_HDR_LEN + IP4_HDR_LEN + 8] = {0}, *quote = b + IP4_HDR_LEN + ICMP_HDR_LEN;
	rte_be32_t seq_be = rte_cpu_to_be_32(p->snd_una);
	uint16_t sum;

	ip4_emit(b, inet_addr(router), k->laddr_be, IPPROTO_ICMP, sizeof(b), 1, 0, 64);
	icmp_emit(b + IP4_HDR_LEN, ICMP_UNREACH, ICMP_UNREACH_PORT, 0);
	ip4_emit(quote, k->laddr_be, k->raddr_be, IPPROTO_TCP, IP4_HDR_LEN + TCP_HDR_LEN, 1, 0, 64);
	memcpy(quote + IP4_HDR_LEN, &k->lport_be, 2);
	memcpy(quote + IP4_HDR_LEN + 2, &k->rport_be, 2);
	memcpy(quote + IP4_HDR_LEN + 4, &seq_be, 4);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, b + IP4_HDR_LEN, sizeof(b) - IP4_HDR_LEN));
	memcpy(b + IP4_HDR_LEN + 2, &sum, 2);
	cores_inject(FAR, b, sizeof(b));
}

/* Wherever the error lands, it refuses exactly the connect that it is about. */
static void icmp_on_any_core(void **state)
{
	uint64_t lands[4] = {0};
	int fd[3];

	(void)state;
	if (cores.ip6) /* it looks into packets and keys of IPv4 */
		skip();
	cores_cut(NEAR, true);
	on(NEAR, X);
	for (int i = 0; i < 3; i++) {
		fd[i] = cores_bound(CORES_NEAR_IP, port_home(i == 0 ? X : HOME, (uint16_t)(5000 + 100 * i)), SOCK_NONBLOCK);
		assert_int_equal(cores_connect(fd[i], CORES_FAR_IP, PORT), -EINPROGRESS);
	}
	cores_run_ms(5);
	for (int r = 1; r < 17; r++) {
		int hit = r % 3;
		char router[16];
		uint64_t before[4];

		snprintf(router, sizeof(router), "10.%d.%d.%d", 20 + r * 11, r * 37 % 250, r * 91 % 250);
		for (unsigned c = 0; c < 4; c++)
			before[c] = cores.stack[NEAR][c]->rx_packets;
		on(NEAR, X);
		unreachable(sock_tcp(sock_at(sock_cur, fd[hit])), router);
		cores_run_ms(2);
		for (unsigned c = 0; c < 4; c++)
			lands[c] += cores.stack[NEAR][c]->rx_packets - before[c];
		for (int i = 0; i < 3; i++)
			assert_int_equal(cores_so_error(fd[i]), i == hit ? ECONNREFUSED : 0);
		assert_int_equal(cores_connect(fd[hit], CORES_FAR_IP, PORT), -ECONNABORTED);
		assert_int_equal(cores_connect(fd[hit], CORES_FAR_IP, PORT), -EINPROGRESS);
		cores_run_ms(2);
	}
	for (unsigned c = 0; c < 4; c++)
		assert_true(lands[c] > 0);
	assert_true(cores_rehomed(NEAR, REHOME_ICMP) > 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(spate_sys_close(fd[i]), 0);
	cores_cut(NEAR, false);
	finish();
}

/* The home cannot answer for want of packet buffers: it is asked again, no SYN leaves before. */
static void home_without_memory(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int l = far_listener(), fd;

	(void)state;
	on(NEAR, X);
	fd = cores_bound(CORES_NEAR_IP, port, SOCK_NONBLOCK);
	cores_drain(NEAR, HOME);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(2500);
	assert_int_equal(cores_so_error(fd), 0);
	assert_int_equal(cores.stack[FAR][0]->tcp.stats.segs_in + cores.stack[FAR][1]->tcp.stats.segs_in, 0);
	cores_refill();
	cores_run_ms(1500);
	assert_int_equal(cores_so_error(fd), 0);
	assert_int_equal(sock_tcp(sock_at(sock_cur, fd))->state, TCP_ESTABLISHED);
	assert_int_equal(spate_sys_close(fd), 0);
	on(FAR, 0);
	assert_int_equal(spate_sys_close(l), 0);
	finish();
}

/* Calls that can fail do so and leave nothing; what cannot fail is told later. */
static void no_memory_for_notes(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int fd, fd2, udp;

	(void)state;
	on(NEAR, X);
	fd = cores_bound(CORES_NEAR_IP, port, SOCK_NONBLOCK);
	fd2 = cores_stream(0);
	udp = cores_dgram(0);
	cores_turn();
	cores_drain(NEAR, X);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -ENOBUFS);
	assert_int_equal(ports_held(X), 0);
	assert_int_equal(cores_bind(fd2, CORES_NEAR_IP, 6000), -ENOBUFS);
	assert_int_equal(cores_bind(udp, CORES_NEAR_IP, 6000), -ENOBUFS);
	assert_int_equal(spate_sys_listen(fd2, 1), -ENOBUFS);
	assert_int_equal(cores_connect(udp, CORES_FAR_IP, 53), 0); /* from a port at home: nobody need know */
	cores_refill();
	cores_cut(NEAR, true);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(5);
	cores_drain(NEAR, X);
	assert_int_equal(spate_sys_close(fd), 0);
	assert_int_equal(spate_sys_close(fd2), 0);
	assert_int_equal(spate_sys_close(udp), 0);
	cores_run_ms(10);
	assert_int_equal(flow_of(HOME)->pool[FLOW_AWAY].used, 1);
	assert_true(cores.stack[NEAR][X]->mail.debts.used > 0);
	assert_int_equal(bind_at(1, fd2 = stream_at(1, 0), CORES_NEAR_IP, port), -EADDRINUSE);
	cores_refill();
	cores_run_ms(2);
	assert_int_equal(flow_of(HOME)->pool[FLOW_AWAY].used, 0);
	assert_int_equal(bind_at(1, fd2, CORES_NEAR_IP, port), 0);
	close_at(1, fd2);
	cores_cut(NEAR, false);
	finish();
}

static void given_up_while_asking(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int fd;

	(void)state;
	on(NEAR, X);
	for (int i = 0; i < 3; i++) {
		fd = cores_bound(CORES_NEAR_IP, port, SOCK_NONBLOCK);
		assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
		if (i == 1)
			assert_int_equal(spate_sys_shutdown(fd, SHUT_RDWR), 0);
		assert_int_equal(spate_sys_close(fd), 0);
	}
	finish();
}

/* The home's own connection with this tuple is in TIME-WAIT: it gives way, as within one stack (RFC 6191). */
static void over_time_wait_at_home(void **state)
{
	uint16_t port = port_home(HOME, 5000);
	int l = far_listener(), fd, got;
	static const unsigned who[] = {HOME, X, 3, HOME};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		on(NEAR, who[i]);
		fd = cores_bound(CORES_NEAR_IP, port, SOCK_NONBLOCK);
		if (i < 2) {
			assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
			cores_run_ms(5);
			assert_int_equal(cores_so_error(fd), 0);
			on(FAR, 0);
			got = cores_accept(l);
			assert_true(got > 0);
			cores_talk(NEAR, who[i], fd, FAR, 0, got);
			on(NEAR, who[i]);
			assert_int_equal(spate_sys_close(fd), 0);
			cores_run_ms(5);
			on(FAR, 0);
			assert_int_equal(spate_sys_close(got), 0);
			cores_run_ms(5);
			assert_int_equal(cores.stack[NEAR][who[i]]->tcp.stats.timewait, 1);
			continue;
		}
		/* In TIME-WAIT on a third stack it is in use. */
		if (cores_connect(fd, CORES_FAR_IP, PORT) == -EINPROGRESS) {
			cores_run_ms(5);
			assert_int_equal(cores_so_error(fd), EADDRNOTAVAIL);
		} else {
			assert_int_equal(who[i], HOME);
		}
		assert_int_equal(spate_sys_close(fd), 0);
	}
	assert_int_equal(cores.stack[NEAR][HOME]->tcp.stats.timewait, 0);
	on(FAR, 0);
	assert_int_equal(spate_sys_close(l), 0);
	finish();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make, cores_end)
	const struct CMUnitTest tests[] = {
		T(conflicts_across_stacks), T(listeners_conflict),
		cmocka_unit_test_setup_teardown(automatic_ports, make_few_ports, cores_end), T(granted), T(denied), T(denied_chosen),
		T(refused_by_the_peer), T(icmp_on_any_core), T(home_without_memory), T(no_memory_for_notes),
		T(given_up_while_asking), T(over_time_wait_at_home),
	};

	return cmocka_run_group_tests_name("core_bound", tests, cores_eal, NULL);
}
