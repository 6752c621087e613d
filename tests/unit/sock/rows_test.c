/* rows_test.c: rows of the connect semantics that belong to no other test's story. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>

#include "flow/port_range.h"
#include "world.h"

#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND 33 /* <linux/in6.h> */
#endif

static int set_int(int fd, int level, int name, int v) { return spate_sys_setsockopt(fd, level, name, &v, sizeof(v)); }

/* A9: nothing behind the length given is read. */
static void a9_end_of_page(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_storage a;
	socklen_t len;

	(void)state;
	assert_ptr_not_equal(two, MAP_FAILED);
	assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
	a = world_addr(FAR_IP, 80, &len);
	memcpy(two + page - len, &a, len);
	far_listener(80, 0);
	assert_int_equal(spate_sys_connect(stream(0), (struct sockaddr *)(two + page - len), len), 0);
	assert_int_equal(spate_sys_connect(dgram(0), (struct sockaddr *)(two + page - len), len), 0);
	if (len == sizeof(struct sockaddr_in6)) { /* A16 */
		memmove(two + page - 24, two + page - len, 24);
		assert_int_equal(spate_sys_connect(stream(0), (struct sockaddr *)(two + page - 24), 24), 0);
	}
	assert_int_equal(munmap(two, 2 * page), 0);
}

/* D17: to the client a full backlog is silence. */
static void d17_backlog_full(void **state)
{
	int l, fd[3];

	(void)state;
	at(FAR);
	l = stream(0);
	assert_int_equal(call_bind(l, "0.0.0.0", 80), 0);
	assert_int_equal(spate_sys_listen(l, 1), 0);
	at(NEAR);
	for (int i = 0; i < 2; i++) { /* Linux: one more than the backlog */
		fd[i] = stream(0);
		assert_int_equal(call_connect(fd[i], FAR_IP, 80), 0);
	}
	run_ms(5); /* both are in the queue */
	fd[2] = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd[2], FAR_IP, 80), -EINPROGRESS);
	run_ms(2500);
	assert_int_equal(poll_now(fd[2]), 0);
	at(FAR);
	assert_true(spate_sys_accept4(l, NULL, NULL, 0) > 2);
	at(NEAR);
	run_ms(2000);
	assert_int_equal(poll_now(fd[2]), POLLOUT);
	assert_int_equal(call_connect(fd[2], FAR_IP, 80), 0);
}

static int made_and_ended(int hard)
{
	struct linger reset = {.l_onoff = hard};
	int l = far_listener(80, 0), fd = stream(SOCK_NONBLOCK), far;

	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	at(FAR);
	far = spate_sys_accept4(l, NULL, NULL, 0);
	assert_true(far > 2);
	assert_int_equal(spate_sys_setsockopt(far, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	assert_int_equal(spate_sys_close(far), 0);
	run_ms(5);
	at(NEAR);
	return fd;
}

/* F9: the peer is gone before anybody looked. F10: it said goodbye. */
static void f9_f10_ended_unseen(void **state)
{
	int fd = made_and_ended(1);
	char c;

	(void)state;
	assert_int_equal(poll_now(fd), FULL_SET);
	assert_int_equal(so_error(fd), ECONNRESET);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNABORTED);
	at(FAR);
	world_end(state);
	world_make(state);
	fd = made_and_ended(0);
	assert_int_equal(poll_now(fd), POLLIN | POLLOUT | POLLRDHUP);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

/* F48: who resets, the peer or a filter before it, cannot be seen. */
static void f48_reset_by_whomever(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(so_error(fd), ECONNREFUSED);
}

/* G7: a foreign address may be bound, and leads nowhere, until it is ours. */
static void g7_freebind(void **state)
{
	const rte_be32_t foreign = ip4("10.0.0.77", 0).sin_addr.s_addr;
	int s = stream(0), d = dgram(0), late = stream(0);

	(void)state;
	ONLY_IP4();
	far_listener(80, 0);
	assert_int_equal(call_bind(s, "10.0.0.77", 7000), -EADDRNOTAVAIL); /* G6 */
	assert_int_equal(set_int(s, IPPROTO_IP, IP_FREEBIND, 1), 0);
	assert_int_equal(set_int(d, IPPROTO_IP, IP_FREEBIND, 1), 0);
	assert_int_equal(set_int(late, IPPROTO_IP, IP_FREEBIND, 1), 0);
	assert_int_equal(call_bind(s, "10.0.0.77", 7000), 0);
	assert_string_equal(own_name(s), "10.0.0.77:7000");
	assert_int_equal(call_connect(s, FAR_IP, 80), -ENETUNREACH);
	assert_int_equal(call_bind(d, "10.0.0.77", 7000), 0);
	assert_int_equal(call_connect(d, FAR_IP, 80), -ENETUNREACH);
	assert_int_equal(call_bind(late, "10.0.0.77", 7001), 0);
	assert_int_equal(net_addr_add(&world.stack[NEAR]->net, foreign, 24), 0);
	assert_int_equal(call_connect(late, FAR_IP, 80), 0);
	assert_string_equal(own_name(late), "10.0.0.77:7001");
}

/* G20: in its first second of TIME-WAIT the only port is busy. (After it G21: as tcp_tw_reuse 1.) G22: reserved ports are
 * eport_test's. */
static void g20_only_port_in_time_wait(void **state)
{
	const uint32_t range = 40000 | 40000u << 16;
	int l = far_listener(80, 0), fd = stream(0), far, again = stream(0);

	(void)state;
	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)), 0);
	assert_int_equal(spate_sys_setsockopt(again, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)), 0);
	assert_int_equal(net_addr_remove(&world.stack[NEAR]->net, ip4(NEAR_IP2, 0).sin_addr.s_addr), 0);
	if (world_family == WORLD_IP6) {
		const struct ip6_addr second = world_ip6(NEAR_IP2);

		assert_int_equal(net_addr6_remove(&world.stack[NEAR]->net, NET_IFACE_ANY, &second), 0);
	}
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	at(FAR);
	far = spate_sys_accept4(l, NULL, NULL, 0);
	at(NEAR);
	assert_int_equal(spate_sys_close(fd), 0);
	run_ms(5);
	at(FAR);
	assert_int_equal(spate_sys_close(far), 0);
	at(NEAR);
	run_ms(100);
	assert_int_equal(world.stack[NEAR]->tcp.stats.timewait, 1);
	assert_int_equal(call_connect(again, FAR_IP, 80), -EADDRNOTAVAIL);
	run_ms(1000);
	assert_int_equal(call_connect(again, FAR_IP, 80), 0);
}

/* I18: a label that nobody has leased. */
static void i18_flow_label(void **state)
{
	struct sockaddr_storage a;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a;
	socklen_t len;
	int fd[2] = {stream(0), dgram(0)};

	(void)state;
	if (world_family != WORLD_IP6)
		skip();
	far_listener(80, 0);
	a = world_addr(FAR_IP, 80, &len);
	in6->sin6_flowinfo = htonl(0x12345);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(set_int(fd[i], IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1), 0);
		assert_int_equal(spate_sys_connect(fd[i], (struct sockaddr *)&a, len), -EINVAL);
		assert_int_equal(set_int(fd[i], IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 0), 0);
		assert_int_equal(spate_sys_connect(fd[i], (struct sockaddr *)&a, len), 0);
	}
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a9_end_of_page), IN_WORLD(d17_backlog_full), IN_WORLD(f9_f10_ended_unseen), IN_WORLD(f48_reset_by_whomever),
		IN_WORLD(g7_freebind), IN_WORLD(g20_only_port_in_time_wait), IN_WORLD(i18_flow_label),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
