/* group_test.c: multicast over several stacks of an end: all know who is in which group, a datagram that lands on one stack comes
 * to the sockets of all, and what routers and links say reaches the leader and everybody. */
#include "cores.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/group.h"
#include "wire/cksum.h"
#include "wire/igmp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/mld.h"

#define GROUP "239.1.2.3"
#define GROUP6 "ff05::1:2"
#define PORT 5353
#define CORES 4

static struct port_ops watched;          /* the far end's device, whose groups and link the test sees and sets */
static struct rte_ether_addr passing[PORT_GROUPS_MAX];
static uint32_t n_passing;
static bool link_is_up;

static void groups_said(struct port *p, const struct rte_ether_addr *mac, uint32_t n)
{
	(void)p;
	memcpy(passing, mac, n * sizeof(mac[0]));
	n_passing = n;
}

static bool link_said(struct port *p)
{
	(void)p;
	return link_is_up;
}

static void watch(int end, struct port *port)
{
	if (end != FAR)
		return;
	watched = *port->ops;
	watched.groups = groups_said;
	watched.link_up = link_said;
	port->ops = &watched;
}

static int make(void **state)
{
	(void)state;
	link_is_up = true;
	n_passing = 0;
	return cores_make(&(struct cores_config){.n = {2, CORES}, .ip6 = true, .bend = watch});
}

static bool passes(const struct rte_ether_addr mac)
{
	for (uint32_t i = 0; i < n_passing; i++)
		if (rte_is_same_ether_addr(&passing[i], &mac))
			return true;
	return false;
}

/* ---- sockets ---- */

static int join(int fd, bool on)
{
	struct ip_mreqn r = {.imr_multiaddr.s_addr = inet_addr(GROUP)};
	struct ipv6_mreq r6 = {.ipv6mr_interface = 1};

	inet_pton(AF_INET6, GROUP6, &r6.ipv6mr_multiaddr);
	if (cores.ip6)
		return spate_sys_setsockopt(fd, IPPROTO_IPV6, on ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &r6, sizeof(r6));
	return spate_sys_setsockopt(fd, IPPROTO_IP, on ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &r, sizeof(r));
}

static int member(unsigned core, bool joined)
{
	int fd;

	on(FAR, core);
	fd = cores_dgram(SOCK_NONBLOCK);
	cores_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(cores_bind(fd, "0.0.0.0", PORT), 0);
	if (joined)
		assert_int_equal(join(fd, true), 0);
	else
		cores_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	return fd;
}

static void send_to_group(int fd, int value)
{
	struct sockaddr_in in = cores_addr(GROUP, PORT);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_scope_id = 1};
	const struct sockaddr *to = cores.ip6 ? (const void *)&in6 : (const void *)&in;

	inet_pton(AF_INET6, GROUP6, &in6.sin6_addr);
	assert_int_equal(spate_sys_sendto(fd, &value, sizeof(value), 0, to, cores.ip6 ? sizeof(in6) : sizeof(in)), sizeof(value));
}

static int take(unsigned core, int fd)
{
	int value = 0;
	ssize_t n;

	on(FAR, core);
	n = spate_sys_recvfrom(fd, &value, sizeof(value), 0, NULL, NULL);
	return n < 0 ? (int)n : value;
}

static void assert_no_groups(void)
{
	for (unsigned i = 0; i < CORES; i++) {
		assert_int_equal(cores.stack[FAR][i]->net.groups.member.used, 0);
		assert_int_equal(cores.stack[FAR][i]->net.groups.group.used, 0);
	}
}

/* Two stacks have members, two do not, one of these a socket at that port: every datagram comes to each member once, whatever stack
 * it lands on, and to nobody else. */
static void one_datagram_to_many_stacks(void **state)
{
	int in1, in3, out0, sender;

	(void)state;
	in1 = member(1, true);
	in3 = member(3, true);
	out0 = member(0, false);
	cores_run_ms(2);
	for (unsigned i = 0; i < CORES; i++)
		assert_int_equal(cores.stack[FAR][i]->net.groups.member.used, 2);
	for (int i = 0; i < 32; i++) {
		on(NEAR, 0);
		sender = cores_dgram(SOCK_NONBLOCK);
		assert_int_equal(cores_bind(sender, CORES_NEAR_IP, (uint16_t)(20000 + i)), 0);
		send_to_group(sender, 100 + i);
		assert_int_equal(spate_sys_close(sender), 0);
		cores_run_ms(2);
		assert_int_equal(take(1, in1), 100 + i);
		assert_int_equal(take(3, in3), 100 + i);
	}
	assert_int_equal(take(1, in1), -EAGAIN);
	assert_int_equal(take(3, in3), -EAGAIN);
	assert_int_equal(take(0, out0), -EAGAIN);
	/* Copies to the three stacks that have the port, but for the one that it came to, if it is one of them. */
	assert_in_range(cores_rehomed(FAR, REHOME_GROUP), 2 * 32 + 1, 3 * 32 - 1);
	on(FAR, 3);
	assert_int_equal(join(in3, false), 0);
	cores_run_ms(2);
	on(NEAR, 0);
	sender = cores_dgram(SOCK_NONBLOCK);
	send_to_group(sender, 7);
	cores_run_ms(2);
	assert_int_equal(take(1, in1), 7);
	assert_int_equal(take(3, in3), 7); /* IP_MULTICAST_ALL is the default: what the host is in */
	on(FAR, 1);
	assert_int_equal(spate_sys_close(in1), 0);
	cores_run_ms(2);
	assert_no_groups();
	on(NEAR, 0);
	send_to_group(sender, 8);
	cores_run_ms(2);
	assert_int_equal(take(3, in3), -EAGAIN);
	on(NEAR, 0);
	assert_int_equal(spate_sys_close(sender), 0);
	on(FAR, 3);
	assert_int_equal(spate_sys_close(in3), 0);
	on(FAR, 0);
	assert_int_equal(spate_sys_close(out0), 0);
	cores_run_ms(5);
	cores_assert_clean();
}

static void one_datagram_to_many_stacks6(void **state)
{
	cores.ip6 = true;
	one_datagram_to_many_stacks(state);
}

/* ---- sources ---- */

static void assert_filter(enum group_mode mode, unsigned n, const char *s1, const char *s2)
{
	const struct ip6_addr group = ip6_addr_mapped(inet_addr(GROUP));
	const char *want[2] = {s1, s2};
	struct group_sources f;

	for (unsigned i = 0; i < CORES; i++) {
		const struct net *net = &cores.stack[FAR][i]->net;
		const struct net_group *g = group_find(net, 0, &group);

		assert_non_null(g);
		group_filter_of(net, g, &f);
		assert_int_equal(f.mode, mode);
		assert_int_equal(f.n_src, n);
		for (unsigned k = 0; k < n; k++) {
			const struct ip6_addr src = ip6_addr_mapped(inet_addr(want[k]));

			assert_true(ip6_addr_eq(&f.src[k], &src));
		}
	}
}

static void source(unsigned core, int fd, int name, const char *src)
{
	struct ip_mreq_source r = {.imr_multiaddr.s_addr = inet_addr(GROUP), .imr_sourceaddr.s_addr = inet_addr(src)};

	on(FAR, core);
	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, name, &r, sizeof(r)), 0);
	cores_run_ms(2);
}

/* RFC 3376 3.2: the filters of sockets of several stacks are one on each of them. */
static void sources_of_all_stacks(void **state)
{
	int a, b;

	(void)state;
	on(FAR, 1);
	a = cores_dgram(SOCK_NONBLOCK);
	on(FAR, 2);
	b = cores_dgram(SOCK_NONBLOCK);
	source(1, a, IP_ADD_SOURCE_MEMBERSHIP, "192.0.2.2");
	assert_filter(GROUP_INCLUDE, 1, "192.0.2.2", NULL);
	source(1, a, IP_ADD_SOURCE_MEMBERSHIP, "192.0.2.1");
	assert_filter(GROUP_INCLUDE, 2, "192.0.2.1", "192.0.2.2");
	on(FAR, 2);
	assert_int_equal(join(b, true), 0);
	cores_run_ms(2);
	assert_filter(GROUP_EXCLUDE, 0, NULL, NULL);
	source(2, b, IP_BLOCK_SOURCE, "192.0.2.9");
	source(2, b, IP_BLOCK_SOURCE, "192.0.2.1"); /* wanted by the other */
	assert_filter(GROUP_EXCLUDE, 1, "192.0.2.9", NULL);
	source(1, a, IP_DROP_SOURCE_MEMBERSHIP, "192.0.2.1");
	assert_filter(GROUP_EXCLUDE, 2, "192.0.2.1", "192.0.2.9");
	source(2, b, IP_UNBLOCK_SOURCE, "192.0.2.9");
	assert_filter(GROUP_EXCLUDE, 1, "192.0.2.1", NULL);
	on(FAR, 2);
	assert_int_equal(spate_sys_close(b), 0);
	cores_run_ms(2);
	assert_filter(GROUP_INCLUDE, 1, "192.0.2.2", NULL);
	source(1, a, IP_DROP_SOURCE_MEMBERSHIP, "192.0.2.2");
	assert_no_groups();
	on(FAR, 1);
	assert_int_equal(spate_sys_close(a), 0);
}

/* Two that exclude: what both do not want (RFC 3376 3.2). */
static void sources_that_both_exclude(void **state)
{
	int a, b;

	(void)state;
	on(FAR, 0);
	a = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(join(a, true), 0);
	on(FAR, 3);
	b = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(join(b, true), 0);
	source(0, a, IP_BLOCK_SOURCE, "192.0.2.1");
	source(0, a, IP_BLOCK_SOURCE, "192.0.2.2");
	source(3, b, IP_BLOCK_SOURCE, "192.0.2.2");
	source(3, b, IP_BLOCK_SOURCE, "192.0.2.3");
	assert_filter(GROUP_EXCLUDE, 1, "192.0.2.2", NULL);
	on(FAR, 0);
	assert_int_equal(spate_sys_close(a), 0);
	cores_run_ms(2);
	assert_filter(GROUP_EXCLUDE, 2, "192.0.2.2", "192.0.2.3");
	on(FAR, 3);
	assert_int_equal(spate_sys_close(b), 0);
	cores_run_ms(2);
	assert_no_groups();
}

/* ---- the leader ---- */

/* A general query of IGMP (version 3, 0.2 s) from this router. */
static void query(const char *from)
{
	uint8_t ip[IP4_HDR_LEN + 12], *igmp = ip + IP4_HDR_LEN;

	memset(ip, 0, sizeof(ip));
	ip4_emit(ip, inet_addr(from), inet_addr("224.0.0.1"), IPPROTO_IGMP, sizeof(ip), 0, 0, 1);
	igmp[0] = 0x11;
	igmp[1] = 2;
	igmp_finish(igmp, 12);
	cores_inject(NEAR, ip, sizeof(ip));
	cores_turn();
	cores_turn();
	cores_turn();
}

static uint64_t sent(void)
{
	struct port_stats st = {0};

	cores.wire[FAR]->ops->stats(cores.wire[FAR], &st);
	return st.tx_packets;
}

/* Whatever stack a query lands on: the leader answers. The device hears which groups to let pass, whosesoever they are. */
static void the_leader_speaks(void **state)
{
	const struct ip6_addr group = ip6_addr_mapped(inet_addr(GROUP)), ours = cores_ip6(CORES_FAR_IP);
	const struct ip6_addr solicited = ip6_addr_solicited(&ours);
	struct net *leader = &cores.stack[FAR][0]->net;
	uint64_t mailed = 0;
	char from[16];
	int fd;

	(void)state;
	net_lead(leader);
	fd = member(2, true);
	cores_run_ms(5000);
	assert_true(passes(group_mac(&group)));
	assert_true(passes(group_mac(&solicited)));
	assert_true(passes((struct rte_ether_addr){{1, 0, 0x5e, 0, 0, 1}}));
	assert_true(passes((struct rte_ether_addr){{0x33, 0x33, 0, 0, 0, 1}}));
	for (unsigned i = 0; i < n_passing; i++) /* none twice */
		for (unsigned k = 0; k < i; k++)
			assert_false(rte_is_same_ether_addr(&passing[i], &passing[k]));
	for (int i = 1; i <= 8; i++) {
		uint64_t before = sent();

		snprintf(from, sizeof(from), "10.0.0.%d", 100 + i);
		query(from);
		for (unsigned c = 1; c < CORES; c++)
			assert_false(cores.stack[FAR][c]->net.groups.iface[0].answer[0]);
		assert_true(leader->groups.iface[0].answer[0]);
		cores_run_ms(400);
		assert_false(leader->groups.iface[0].answer[0]);
		assert_int_equal(sent(), before + 1); /* one group, one report */
	}
	for (unsigned c = 1; c < CORES; c++)
		mailed += cores.stack[FAR][c]->mail.sent;
	assert_true(mailed >= 4); /* not all of the eight landed on the leader */
	on(FAR, 2);
	assert_int_equal(join(fd, false), 0);
	cores_run_ms(2);
	assert_false(passes(group_mac(&group)));
	assert_int_equal(spate_sys_close(fd), 0);
	cores_run_ms(3000);
}

/* A link that goes down and comes up again while the leader has no packet buffers: the others hear it all the same, since routes
 * depend on it. */
static void nobody_misses_the_link(void **state)
{
	(void)state;
	net_lead(&cores.stack[FAR][0]->net);
	cores_run_ms(1000);
	for (int up = 0; up <= 1; up++) {
		cores_drain(FAR, 0);
		link_is_up = up;
		cores_run_ms(500);
		assert_int_equal(cores.stack[FAR][0]->net.iface[0].up, up);
		cores_refill();
		cores_run_ms(500);
		for (unsigned c = 1; c < CORES; c++)
			assert_int_equal(cores.stack[FAR][c]->net.iface[0].up, up);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make, cores_end)
	const struct CMUnitTest tests[] = {
		T(one_datagram_to_many_stacks), T(one_datagram_to_many_stacks6), T(sources_of_all_stacks), T(sources_that_both_exclude),
		T(the_leader_speaks), T(nobody_misses_the_link),
	};

	return cmocka_run_group_tests_name("core_group", tests, cores_eal, NULL);
}
