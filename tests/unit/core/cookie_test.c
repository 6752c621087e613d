/* cookie_test.c: SYN cookies of both families between whole stacks: what they carry, and that the stack that the ACK reaches
 * need not be the one that answered the SYN. */
#include "cores.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/tcp.h"

#define PORT 80
#define OWNER 1u /* the stack that has the listener, of the far end's four */
#define HOME 3u  /* that of the flow in question */
#define MIB (1u << 20)

static int make_with(enum sim_rss rss)
{
	int fd;

	cores_make(&(struct cores_config){.n = {1, 4}, .sim.rss = rss});
	for (unsigned i = 0; i < 4; i++)
		cores.stack[FAR][i]->tcp.syncookies = TCP_SYNCOOKIES_ALWAYS;
	on(NEAR, 0);
	fd = cores_stream(0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -ECONNREFUSED); /* now the two ends know each other's hardware address */
	assert_int_equal(spate_sys_close(fd), 0);
	return 0;
}

static int make(void **state)
{
	(void)state;
	return make_with(SIM_RSS_YES);
}

static int make_without_rss(void **state)
{
	(void)state;
	return make_with(SIM_RSS_NONE);
}

static int listen_at(unsigned core)
{
	on(FAR, core);
	return cores_listener(CORES_FAR_IP, PORT);
}

/* A client whose flow's home at the far end is this core, with its SYN on the way. *port: from this one on; then what it has. */
static int connecting_to(unsigned home, uint16_t *port)
{
	int fd;

	on(NEAR, 0);
	*port = cores_port_for(FAR, home, CORES_FAR_IP, PORT, CORES_NEAR_IP, *port);
	fd = cores_bound(CORES_NEAR_IP, *port, SOCK_NONBLOCK);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	return fd;
}

static int connecting(uint16_t from) { return connecting_to(HOME, &from); }

static void delay(int dir, uint64_t ms)
{
	sim_set_link(cores.wire[NEAR], dir, &(struct sim_link){.delay_ns = ms * MS});
}

static const struct tcp_stats *far_stats(unsigned core) { return &cores.stack[FAR][core]->tcp.stats; }

static uint64_t received(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 4; i++)
		n += far_stats(i)->cookies_received;
	return n;
}

/* Accepts wherever it waits; the stack in *at. */
static int accept_somewhere(int l, unsigned *at)
{
	for (*at = 0; *at < 4; (*at)++) {
		int fd;

		on(FAR, *at);
		fd = cores_accept(l);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static void end(int fd, int got, unsigned at, int l)
{
	on(NEAR, 0);
	assert_int_equal(spate_sys_close(fd), 0);
	on(FAR, at);
	assert_int_equal(spate_sys_close(got), 0);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	cores_run_ms(130000);
	cores_assert_clean();
}

static struct tcp_pcb *pcb(int fd) { return (struct tcp_pcb *)sock_at(sock_cur, fd); }

/* Nothing is remembered of the SYN; the timestamp brings back window scale and SACK, the number the MSS (rounded down). */
static void options_come_back(void **state)
{
	int l = listen_at(HOME), fd = connecting(20000), got, own_scale, peer_scale;
	unsigned at;

	(void)state;
	on(NEAR, 0);
	delay(FAR, 20);
	cores_run_ms(10);
	assert_int_equal(far_stats(HOME)->cookies_sent, 1);
	assert_int_equal(far_stats(HOME)->synrcvd, 0);
	assert_int_equal(cores.stack[FAR][HOME]->net.paths.pool.used, 0);
	cores_run_ms(30);
	assert_int_equal(cores_so_error(fd), 0);
	got = accept_somewhere(l, &at);
	assert_true(got >= 0);
	assert_int_equal(at, HOME);
	assert_true(pcb(got)->xflags & TX_SACK);
	assert_int_equal(pcb(got)->mss, (cores.ip6 ? 1440 : 1460) - 12);
	own_scale = pcb(got)->wscale >> 4;
	peer_scale = pcb(got)->wscale & 15;
	on(NEAR, 0);
	assert_true(pcb(fd)->xflags & TX_SACK);
	assert_int_equal(pcb(fd)->wscale >> 4, peer_scale);
	assert_int_equal(pcb(fd)->wscale & 15, own_scale);
	assert_true(own_scale > 0);
	delay(FAR, 0);
	cores_talk(NEAR, 0, fd, FAR, at, got);
	on(FAR, HOME);
	assert_int_equal(spate_sys_close(l), 0);
	end(fd, got, at, listen_at(OWNER));
}

/* A megabyte over it, with losses: SACK and scaled windows are what both think they are. */
static void bulk(void **state)
{
	int l = listen_at(HOME), fd = connecting(21000), got;
	uint8_t *data = malloc(MIB), *in = malloc(MIB);
	size_t sent = 0, n = 0;
	unsigned at;

	(void)state;
	for (size_t i = 0; i < MIB; i++)
		data[i] = (uint8_t)(i * 31 + (i >> 8));
	cores_run_ms(10);
	got = accept_somewhere(l, &at);
	assert_true(got >= 0);
	sim_set_link(cores.wire[NEAR], NEAR, &(struct sim_link){.loss = sim_prob(0.02), .delay_ns = MS});
	for (int ms = 0; n < MIB && ms < 60000; ms++) {
		ssize_t k;

		on(NEAR, 0);
		k = spate_sys_sendto(fd, data + sent, MIB - sent, MSG_DONTWAIT, NULL, 0);
		sent += k > 0 ? (size_t)k : 0;
		on(FAR, at);
		k = spate_sys_recvfrom(got, in + n, MIB - n, MSG_DONTWAIT, NULL, NULL);
		n += k > 0 ? (size_t)k : 0;
		cores_run_ms(1);
	}
	assert_int_equal(n, MIB);
	assert_memory_equal(in, data, MIB);
	sim_set_link(cores.wire[NEAR], NEAR, &(struct sim_link){.loss = 0});
	free(data);
	free(in);
	on(FAR, HOME);
	assert_int_equal(spate_sys_close(l), 0);
	end(fd, got, at, listen_at(OWNER));
}

/* The owner answered; meanwhile the flow's home has a twin. */
static void twin_appears(void **state)
{
	int l = listen_at(OWNER), fd = connecting(22000), got;
	unsigned at;

	(void)state;
	delay(FAR, 20);
	cores_run_ms(10);
	assert_int_equal(far_stats(OWNER)->cookies_sent, 1);
	assert_int_equal(far_stats(HOME)->cookies_sent, 0);
	on(FAR, HOME);
	assert_int_equal(cores_accept(l), -EAGAIN);
	cores_run_ms(30);
	delay(FAR, 0);
	on(NEAR, 0);
	assert_int_equal(cores_so_error(fd), 0);
	got = accept_somewhere(l, &at);
	assert_true(got >= 0);
	assert_int_equal(at, HOME); /* who knows of cookies, and has no reason to send it on */
	assert_int_equal(far_stats(HOME)->cookies_received, 1);
	cores_talk(NEAR, 0, fd, FAR, at, got);
	end(fd, got, at, l);
}

/* The twin answered, and is gone when the ACK comes: it goes to the owner, who never sent a cookie. */
static void twin_goes(void **state)
{
	int l = listen_at(OWNER), fd, got;
	unsigned at;

	(void)state;
	on(FAR, HOME);
	assert_int_equal(cores_accept(l), -EAGAIN);
	fd = connecting(23000);
	delay(FAR, 20);
	cores_run_ms(10);
	assert_int_equal(far_stats(HOME)->cookies_sent, 1);
	on(FAR, HOME);
	assert_int_equal(spate_sys_close(l), 0); /* the twin alone */
	cores_run_ms(30);
	delay(FAR, 0);
	on(NEAR, 0);
	assert_int_equal(cores_so_error(fd), 0);
	got = accept_somewhere(l, &at);
	assert_true(got >= 0);
	assert_int_equal(at, OWNER);
	assert_int_equal(far_stats(OWNER)->cookies_sent, 0);
	assert_int_equal(far_stats(OWNER)->cookies_received, 1);
	cores_talk(NEAR, 0, fd, FAR, at, got);
	end(fd, got, at, l);
}

/* An end whose stacks send none believes in none, whoever listens. */
static void none_are_sent(void **state)
{
	int l, fd;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		cores.stack[FAR][i]->tcp.syncookies = TCP_SYNCOOKIES_AUTO;
	l = listen_at(OWNER);
	fd = connecting(24000);
	cores_run_ms(10);
	for (unsigned i = 0; i < 4; i++)
		assert_false(cores.stack[FAR][i]->tcp.cookie_elsewhere);
	on(NEAR, 0);
	assert_int_equal(spate_sys_close(fd), 0);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
}

/* The client's ACK is lost, and what it sends until then; its data is as good an ACK within the cookie's life. */
static void late(uint64_t ms, int secret, bool good)
{
	int l = listen_at(HOME), fd = connecting(25000);
	unsigned at;

	delay(FAR, 20);
	cores_run_ms(10);
	cores_cut(NEAR, true);
	cores_run_ms(30);
	delay(FAR, 0);
	on(NEAR, 0);
	assert_int_equal(cores_so_error(fd), 0);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), 1);
	cores_run_ms(ms);
	cores.stack[FAR][HOME]->tcp.cookie_key.k0 ^= (uint64_t)secret;
	cores_cut(NEAR, false);
	cores_run_ms(130000);
	on(NEAR, 0);
	assert_int_equal(cores_so_error(fd), good ? 0 : ECONNRESET);
	assert_int_equal(accept_somewhere(l, &at) >= 0, good);
	assert_int_equal(received(), good);
	assert_int_equal(far_stats(HOME)->cookies_failed > 0, secret != 0);
}

static void in_time(void **state)
{
	(void)state;
	late(30000, 0, true);
}

static void too_late(void **state)
{
	(void)state;
	late(200000, 0, false);
}

static void another_secret(void **state)
{
	(void)state;
	late(100, 1, false);
}

/* Requests of one turn, none of whose handshakes ends: how many are answered. */
static uint64_t answered_of(unsigned n, unsigned home, uint16_t *port)
{
	uint64_t sent = far_stats(home)->cookies_sent, excess = cores_dropped(FAR, DROP_TCP_SYN_EXCESS);
	int fd[64];

	for (unsigned i = 0; i < n; i++, ++*port)
		fd[i] = connecting_to(home, port);
	cores_run_ms(1);
	sent = far_stats(home)->cookies_sent - sent;
	assert_int_equal(sent + cores_dropped(FAR, DROP_TCP_SYN_EXCESS) - excess, n);
	on(NEAR, 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(spate_sys_close(fd[i]), 0);
	return sent;
}

/* A flood's requests have their share (tcp/flood.h) on whatever way they come to whichever stack. */
static void flood(void **state)
{
	uint16_t port = 30000;

	(void)state;
	cores_cut(FAR, true);
	for (unsigned home = 0; home < 4; home++) {
		int l = listen_at(home);

		assert_int_equal(answered_of(2 * TCP_SYNS_PER_TURN, home, &port), 2 * TCP_SYNS_PER_TURN);
		assert_in_range(answered_of(60, home, &port), 1, 2 * TCP_SYNS_PER_TURN);
		on(FAR, home);
		assert_int_equal(spate_sys_close(l), 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, cores_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_come_back), TEST(bulk), TEST(twin_appears), TEST(twin_goes), TEST(none_are_sent), TEST(in_time), TEST(too_late),
		TEST(another_secret), TEST(flood), cmocka_unit_test_setup_teardown(flood, make_without_rss, cores_end),
	};

	return cmocka_run_group_tests(tests, cores_eal, NULL);
}
