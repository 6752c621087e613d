/* world.c: see world.h. */
#include "world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "../eal.h"

#define POOL_MBUFS 8191
#define CONNS 4096
#define IDLE_STEP_NS (1 * MS) /* waits look at the clock this often when nothing is due */

struct world world;

int world_eal(void **state)
{
	(void)state;
	if (eal_for_test(256) != 0)
		return -1;
	for (int e = 0; e < 2; e++) {
		world.pool[e] = rte_pktmbuf_pool_create(e == NEAR ? "near" : "far", POOL_MBUFS, 0, 0,
							RTE_MBUF_DEFAULT_BUF_SIZE, 0);
		if (world.pool[e] == NULL)
			return -1;
	}
	return 0;
}

static uint64_t min64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* One turn of both ends; when both are idle, time goes on to the next thing that is due. */
static uint32_t turn(struct sock_env *env)
{
	uint32_t work = 0;
	uint64_t next = world.now_ns + IDLE_STEP_NS;

	(void)env;
	if (world.every_turn != NULL)
		world.every_turn();
	for (int e = 0; e < 2; e++)
		work += stack_poll(world.stack[e], world.now_ns);
	for (int e = 0; e < 2; e++) {
		next = min64(next, stack_next_ns(world.stack[e]));
		next = min64(next, sim_next_ns(world.port[e]));
	}
	world.now_ns = next > world.now_ns ? next : world.now_ns + 1000;
	return work;
}

static void end_make(int e, uint16_t lo, uint16_t hi)
{
	struct stack_config cfg = {.ports = &world.port[e], .n_ports = 1, .pool = world.pool[e], .max_conns = CONNS, .port_lo = lo,
				   .port_hi = hi, .seed = 7 + (uint64_t)e, .fastopen = TCP_FO_CLIENT | TCP_FO_SERVER, .now_ns = world.now_ns, .numa_node = -1};
	struct rte_mempool *pools[PORT_QUEUES_MAX];

	cfg.self = (uint16_t)(world.port[e]->n_queues - 1);
	for (unsigned q = 0; q <= cfg.self; q++)
		pools[q] = world.pool[e];

	world.eports[e] = eport_space_new(&world.port[e]->rss, lo, hi);
	assert_non_null(world.eports[e]);
	cfg.eports = world.eports[e];
	world.stack[e] = aligned_alloc(64, (sizeof(struct stack) + 63) / 64 * 64);
	assert_non_null(world.stack[e]);
	assert_int_equal(stack_init(world.stack[e], &cfg), 0);
	assert_int_equal(sock_env_init(&world.env[e], world.stack[e], (uint32_t)e, 2, CONNS, -1), 0);
	world.env[e].turn = turn;
	assert_int_equal(world.port[e]->ops->start(world.port[e], pools), 0);
}

struct ip6_addr world_ip6(const char *ip)
{
	struct ip6_addr a = {{0x20, 0x01, 0x0d, 0xb8}};
	const in_addr_t ip4 = inet_addr(ip);

	if (net_is_loopback4(ip4))
		return (struct ip6_addr){{[15] = 1}};
	memcpy(a.b + 12, &ip4, sizeof(ip4));
	return a;
}

static void add6(int end, const char *ip)
{
	struct net *n = &world.stack[end]->net;
	const struct ip6_addr a = world_ip6(ip);

	assert_int_equal(net_addr6_add_on(n, 0, &a, 120), 0);
}

int world_make_sim(const struct sim_config *sim, uint16_t lo, uint16_t hi)
{
	world.sim = *sim;
	world.now_ns = 1000 * MS;
	world.every_turn = NULL;
	assert_int_equal(sim_open(&world.sim, world.port), 0);
	for (int e = 0; e < 2; e++)
		end_make(e, lo, hi);
	assert_int_equal(net_addr_add(&world.stack[NEAR]->net, ip4(NEAR_IP, 0).sin_addr.s_addr, 24), 0);
	assert_int_equal(net_addr_add(&world.stack[NEAR]->net, ip4(NEAR_IP2, 0).sin_addr.s_addr, 24), 0);
	assert_int_equal(net_addr_add(&world.stack[FAR]->net, ip4(FAR_IP, 0).sin_addr.s_addr, 24), 0);
	if (world_family == WORLD_IP6) {
		add6(NEAR, NEAR_IP);
		add6(NEAR, NEAR_IP2);
		add6(FAR, FAR_IP);
	}
	at(NEAR);
	return 0;
}

int world_make_ports(uint16_t lo, uint16_t hi)
{
	const struct sim_config sim = {.n_queues = {1, 1}, .seed = 3};

	return world_make_sim(&sim, lo, hi);
}

int world_make(void **state)
{
	(void)state;
	return world_make_ports(1024, 65535);
}

int world_end(void **state)
{
	(void)state;
	sock_enter(NULL);
	for (int e = 0; e < 2; e++)
		world.port[e]->ops->close(world.port[e]);
	for (int e = 0; e < 2; e++) {
		stack_fini(world.stack[e]);
		sock_env_fini(&world.env[e]);
		eport_space_free(world.eports[e]);
		free(world.stack[e]);
	}
	for (int e = 0; e < 2; e++)
		assert_int_equal(rte_mempool_avail_count(world.pool[e]), POOL_MBUFS);
	return 0;
}

void at(int end) { sock_enter(&world.env[end]); }

void run_ms(uint64_t ms)
{
	uint64_t until = world.now_ns + ms * MS;

	while (world.now_ns < until)
		turn(NULL);
}

void cut(int dir, bool on)
{
	struct sim_link link = {.loss = on ? sim_prob(1) : 0};

	sim_set_link(world.port[NEAR], dir, &link);
}

struct sockaddr_in ip4(const char *ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(ip)};
}

struct sockaddr_storage world_addr(const char *ip, uint16_t port, socklen_t *len)
{
	struct sockaddr_in in = ip4(ip, port);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};
	struct ip6_addr a = world_family == WORLD_MAPPED ? ip6_addr_mapped(in.sin_addr.s_addr) : world_ip6(ip);
	struct sockaddr_storage to;

	if (in.sin_addr.s_addr != 0) /* :: for any, of both families where it is mapped */
		memcpy(&in6.sin6_addr, &a, sizeof(a));
	*len = world_family == WORLD_IP4 ? sizeof(in) : sizeof(in6);
	memcpy(&to, world_family == WORLD_IP4 ? (void *)&in : (void *)&in6, *len);
	return to;
}

int call_connect(int fd, const char *ip, uint16_t port)
{
	socklen_t len;
	struct sockaddr_storage a = world_addr(ip, port, &len);

	return spate_sys_connect(fd, (struct sockaddr *)&a, len);
}

int call_bind(int fd, const char *ip, uint16_t port)
{
	socklen_t len;
	struct sockaddr_storage a = world_addr(ip, port, &len);

	return spate_sys_bind(fd, (struct sockaddr *)&a, len);
}

static int made(int fd)
{
	assert_true(fd > 2);
	return fd;
}

static int domain(void) { return world_family == WORLD_IP4 ? AF_INET : AF_INET6; }
int stream(int flags) { return made(spate_sys_socket(domain(), SOCK_STREAM | flags, 0)); }
int dgram(int flags) { return made(spate_sys_socket(domain(), SOCK_DGRAM | flags, 0)); }

int far_listener(uint16_t port, int flags)
{
	int fd;

	at(FAR);
	fd = stream(flags);
	assert_int_equal(call_bind(fd, "0.0.0.0", port), 0);
	assert_int_equal(spate_sys_listen(fd, 16), 0);
	at(NEAR);
	return fd;
}

/* Tests count single bytes: nothing waits for an ACK of what went before. */
static void no_delay(int fd)
{
	int one = 1;

	assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_TCP, OPT_TCP_NODELAY, &one, sizeof(one)), 0);
}

int pair(uint16_t port, int *far)
{
	int l = far_listener(port, 0), fd = stream(0);

	assert_int_equal(call_connect(fd, FAR_IP, port), 0);
	at(FAR);
	*far = made(spate_sys_accept4(l, NULL, NULL, 0));
	assert_int_equal(spate_sys_close(l), 0);
	no_delay(*far);
	at(NEAR);
	no_delay(fd);
	return fd;
}

int so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err;
}

int poll_now(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

	assert_true(spate_poll(&p, 1, 0) >= 0);
	return p.revents;
}

static const char *name_text(int rc, const struct sockaddr_storage *s, char *text, size_t size)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)s;
	const struct sockaddr_in *in = (const struct sockaddr_in *)s;
	struct in_addr a = in->sin_addr;

	if (rc < 0) {
		snprintf(text, size, "-%s", strerrorname_np(-rc));
		return text;
	}
	assert_int_equal(s->ss_family, domain());
	if (s->ss_family == AF_INET6) {
		if (!IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
			assert_int_equal(IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr), world_family == WORLD_MAPPED);
		memcpy(&a, in6->sin6_addr.s6_addr + 12, sizeof(a));
		if (IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr))
			a.s_addr = htonl(INADDR_LOOPBACK);
	}
	snprintf(text, size, "%s:%u", inet_ntoa(a), ntohs(in->sin_port));
	return text;
}

const char *own_name(int fd)
{
	static char text[64];
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	return name_text(spate_sys_getsockname(fd, (struct sockaddr *)&a, &len), &a, text, sizeof(text));
}

const char *peer_name(int fd)
{
	static char text[64];
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	return name_text(spate_sys_getpeername(fd, (struct sockaddr *)&a, &len), &a, text, sizeof(text));
}

uint16_t own_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	assert_int_equal(spate_sys_getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

/* ---- connect() ---- */

const struct sockaddr unspec = {.sa_family = AF_UNSPEC};

int dissolve(int fd) { return spate_sys_connect(fd, &unspec, sizeof(unspec)); }

int refused(void)
{
	int fd = stream(SOCK_NONBLOCK);

	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
	run_ms(5);
	return fd;
}

int connecting(void)
{
	int fd = stream(SOCK_NONBLOCK);

	cut(FAR, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	return fd;
}

void set_blocking(int fd, bool on) { assert_int_equal(spate_fcntl(fd, F_SETFL, on ? 0 : O_NONBLOCK), 0); }
