/* cores.c: see cores.h. */
#include "cores.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "drivers/share.h"
#include "wire/eth.h"
#include "../eal.h"

#define CONNS 4096
#define MBUFS 4095
#define WAIT_STEP_NS (1 * MS) /* waits look at the clock this often when nothing is due */
#define IDLE_TURNS 3 /* before time jumps */

struct cores cores;

int cores_eal(void **state)
{
	(void)state;
	return eal_for_test(512);
}

/* ---- turning ---- */

static uint64_t min64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The order of this turn: as they are numbered, or mixed (Fisher-Yates). */
static unsigned turn_order(struct stack *order[2 * CORES_MAX])
{
	unsigned n = 0;

	for (int e = 0; e < 2; e++)
		for (unsigned i = 0; i < cores.cfg.n[e]; i++)
			order[n++] = cores.stack[e][i];
	for (unsigned i = n; cores.cfg.shuffle && i > 1; i--) {
		unsigned k = prng_below(&cores.prng, i);
		struct stack *swap = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swap;
	}
	return n;
}

/* One turn of all; time goes on to what is due next, at most by step_ns. */
static uint32_t turn_all(uint64_t step_ns)
{
	struct stack *order[2 * CORES_MAX];
	unsigned n = turn_order(order);
	uint64_t next = cores.now_ns + step_ns;
	uint32_t work = 0;

	if (cores.every_turn != NULL)
		cores.every_turn();
	for (unsigned i = 0; i < n; i++)
		work += stack_poll(order[i], cores.now_ns);
	for (unsigned i = 0; i < n; i++)
		next = min64(next, stack_next_ns(order[i]));
	for (int e = 0; e < 2; e++)
		next = min64(next, sim_next_ns(cores.wire[e]));
	/* Work leaves mail, or packets that another stack carries to the device, and no stack's clock knows of those. */
	cores.idle_turns = work == 0 ? cores.idle_turns + 1 : 0;
	cores.now_ns = cores.idle_turns >= IDLE_TURNS && next > cores.now_ns ? next : cores.now_ns + 1000;
	return work;
}

static uint32_t waiting_turn(struct sock_env *env)
{
	(void)env;
	return turn_all(WAIT_STEP_NS);
}

void cores_turn(void) { turn_all(1000); }

void cores_run_ms(uint64_t ms)
{
	uint64_t until = cores.now_ns + ms * MS;

	cores.idle_turns = 0; /* the caller may have done something */
	while (cores.now_ns < until)
		turn_all(until - cores.now_ns);
}

/* ---- making ---- */

static void port_make(int e)
{
	const struct cores_config *c = &cores.cfg;

	cores.port[e] = cores.wire[e];
	if (c->bend != NULL)
		c->bend(e, cores.wire[e]);
	if (cores.wire[e]->n_queues < c->n[e])
		assert_int_equal(share_wrap(cores.wire[e], c->n[e], &cores.port[e]), 0);
}

static void end_make(int e)
{
	const struct cores_config *c = &cores.cfg;
	struct port *port = cores.port[e];
	const char *ip[2][2] = {{CORES_NEAR_IP, CORES_NEAR_IP2}, {CORES_FAR_IP, CORES_FAR_IP2}};

	cores.office[e] = mail_office_new(c->n[e], -1);
	assert_non_null(cores.office[e]);
	for (unsigned i = 0; i < c->n[e]; i++) {
		char name[16];

		snprintf(name, sizeof(name), "cores_%d_%u", e, i);
		cores.pool[e][i] = rte_pktmbuf_pool_create(name, c->mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
		assert_non_null(cores.pool[e][i]);
	}
	assert_int_equal(port->ops->start(port, cores.pool[e]), 0);
	cores.eports[e] = eport_space_new(&port->rss, c->lo, c->hi);
	assert_non_null(cores.eports[e]);
	for (unsigned i = 0; i < c->n[e]; i++) {
		const struct stack_config cfg = {
			.secret = {.k0 = c->seed + 1, .k1 = (uint64_t)e}, .syncookies = TCP_SYNCOOKIES_AUTO,
			.ports = &cores.port[e], .n_ports = 1, .self = (uint16_t)i, .office = cores.office[e],
			.pool = cores.pool[e][i], .eports = cores.eports[e], .max_conns = c->max_conns, .port_lo = c->lo,
			.port_hi = c->hi, .seed = c->seed + 100u * (unsigned)e + i, .now_ns = cores.now_ns, .numa_node = -1,
		};
		struct stack *s = aligned_alloc(64, (sizeof(struct stack) + 63) / 64 * 64);

		assert_non_null(s);
		cores.stack[e][i] = s;
		assert_int_equal(stack_init(s, &cfg), 0);
		assert_int_equal(sock_env_init(&cores.env[e][i], s, e * c->n[NEAR] + i, c->n[NEAR] + c->n[FAR], c->max_conns, -1), 0);
		cores.env[e][i].turn = waiting_turn;
		for (int a = 0; a < 2; a++)
			assert_int_equal(net_addr_add(&s->net, inet_addr(ip[e][a]), 24), 0);
		for (int a = 0; a < 2 && c->ip6; a++) {
			const struct ip6_addr addr = cores_ip6(ip[e][a]);

			assert_int_equal(net_addr6_add_on(&s->net, 0, &addr, 120), 0);
		}
	}
}

int cores_make(const struct cores_config *cfg)
{
	struct cores_config *c = &cores.cfg;

	memset(&cores, 0, sizeof(cores));
	*c = *cfg;
	c->lo = c->lo != 0 ? c->lo : 1024;
	c->hi = c->hi != 0 ? c->hi : 65535;
	c->max_conns = c->max_conns != 0 ? c->max_conns : CONNS;
	c->mbufs = c->mbufs != 0 ? c->mbufs : MBUFS;
	c->seed = c->seed != 0 ? c->seed : 5;
	c->ip6 |= cores_all_ip6;
	cores.ip6 = cores_all_ip6;
	for (int e = 0; e < 2; e++) {
		assert_in_range(c->n[e], 1, CORES_MAX);
		c->sim.n_queues[e] = c->queues[e] != 0 ? c->queues[e] : c->n[e];
	}
	c->sim.seed = c->seed;
	prng_seed(&cores.prng, c->seed);
	cores.now_ns = 1000 * MS;
	assert_int_equal(sim_open(&c->sim, cores.wire), 0);
	for (int e = 0; e < 2; e++)
		port_make(e);
	for (int e = 0; e < 2; e++)
		end_make(e);
	cores.addr6s = cores.stack[NEAR][0]->flow.addr6s.pool.used;
	on(NEAR, 0);
	return 0;
}

int cores_end(void **state)
{
	(void)state;
	cores_refill(); /* what a failed test left */
	sock_enter(NULL);
	for (int e = 0; e < 2; e++)
		cores.port[e]->ops->close(cores.port[e]);
	for (int e = 0; e < 2; e++) {
		for (unsigned i = 0; i < cores.cfg.n[e]; i++) {
			stack_fini(cores.stack[e][i]);
			sock_env_fini(&cores.env[e][i]);
			free(cores.stack[e][i]);
		}
		mail_office_free(cores.office[e]);
		eport_space_free(cores.eports[e]);
	}
	/* Only now: a mailed packet is of the sender's pool. */
	for (int e = 0; e < 2; e++) {
		for (unsigned i = 0; i < cores.cfg.n[e]; i++) {
			assert_int_equal(rte_mempool_avail_count(cores.pool[e][i]), cores.cfg.mbufs);
			rte_mempool_free(cores.pool[e][i]);
		}
	}
	return 0;
}

void on(int end, unsigned core)
{
	assert_true(core < cores.cfg.n[end]);
	sock_enter(&cores.env[end][core]);
}

void cores_cut(int dir, bool cut)
{
	struct sim_link link = {.loss = cut ? sim_prob(1) : 0};

	sim_set_link(cores.wire[NEAR], dir, &link);
}

/* ---- looking ---- */

static void assert_clean_one(const struct stack *s)
{
	struct eport_stats es;

	eport_stats_get(s->eport, &es);
	assert_int_equal(es.taken, es.returned);
	assert_int_equal(s->flow.pool[FLOW_CONN].used, 0);
	assert_int_equal(s->flow.pool[FLOW_SYNRCVD].used, 0);
	assert_int_equal(s->flow.pool[FLOW_TIMEWAIT].used, 0);
	assert_int_equal(s->flow.pool[FLOW_AWAY].used, 0);
	assert_int_equal(s->flow.tcp.used, 0);
	assert_int_equal(s->flow.udp.used, 0);
	assert_int_equal(s->tcp.binds.pool.used, 0);
	assert_int_equal(s->udp.binds.pool.used, 0);
	assert_int_equal(s->tcp.bufs.used, 0);
	assert_int_equal(s->tcp.optexts.used, 0);
	assert_int_equal(s->net.paths.pool.used, 0);
	/* Neighbours hold the numbers of theirs. */
	assert_in_range(s->flow.addr6s.pool.used, cores.addr6s, cores.addr6s + s->flow.pool[FLOW_NEIGH].used);
	assert_int_equal(s->tcp.shared.used, 0);
	assert_int_equal(s->mail.debts.used, 0);
	assert_int_equal(s->mail.n_late, 0);
}

void cores_assert_clean(void)
{
	for (int e = 0; e < 2; e++)
		for (unsigned i = 0; i < cores.cfg.n[e]; i++)
			assert_clean_one(cores.stack[e][i]);
}

struct sockaddr_in cores_addr(const char *ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(ip)};
}

struct ip6_addr cores_ip6(const char *ip)
{
	struct ip6_addr a = {{0x20, 0x01, 0x0d, 0xb8}};
	const in_addr_t ip4 = inet_addr(ip);

	if (net_is_loopback4(ip4))
		return (struct ip6_addr){{[15] = 1}};
	memcpy(a.b + 12, &ip4, sizeof(ip4));
	return a;
}

struct sockaddr_storage cores_name(const char *ip, uint16_t port, socklen_t *len)
{
	const struct sockaddr_in in = cores_addr(ip, port);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};
	const struct ip6_addr a = cores_ip6(ip);
	struct sockaddr_storage name;

	if (in.sin_addr.s_addr != 0)
		memcpy(&in6.sin6_addr, &a, sizeof(a));
	*len = cores.ip6 ? sizeof(in6) : sizeof(in);
	memcpy(&name, cores.ip6 ? (const void *)&in6 : (const void *)&in, *len);
	return name;
}

unsigned cores_home(int end, const char *ip, uint16_t port, const char *peer_ip, uint16_t peer_port)
{
	const struct flow_key key = {.laddr_be = inet_addr(ip), .raddr_be = inet_addr(peer_ip), .lport_be = htons(port),
				     .rport_be = htons(peer_port)};
	const struct flow *f = &cores.stack[end][0]->flow;
	const struct ip6_addr a = cores_ip6(ip), peer = cores_ip6(peer_ip);

	if (cores.ip6)
		return flow_home(f, rss_hash6(f->rss, &peer, &a, key.rport_be, key.lport_be));
	return flow_home(f, flow_hash(f, &key));
}

uint16_t cores_port_for(int end, unsigned core, const char *ip, uint16_t port, const char *peer_ip, uint16_t from)
{
	uint16_t p = from;

	while (cores_home(end, ip, port, peer_ip, p) != core) {
		p++;
		assert_true(p != 0);
	}
	return p;
}

uint64_t cores_rehomed(int end, enum rehome why)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < cores.cfg.n[end]; i++)
		sum += cores.stack[end][i]->rehomes.n[why];
	return sum;
}

uint64_t cores_dropped(int end, enum drop why)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < cores.cfg.n[end]; i++)
		sum += cores.stack[end][i]->drops.n[why];
	return sum;
}

/* ---- sockets ---- */

static int made(int fd)
{
	assert_true(fd > 2);
	return fd;
}

static int domain(void) { return cores.ip6 ? AF_INET6 : AF_INET; }
int cores_stream(int flags) { return made(spate_sys_socket(domain(), SOCK_STREAM | flags, 0)); }
int cores_dgram(int flags) { return made(spate_sys_socket(domain(), SOCK_DGRAM | flags, 0)); }

int cores_bind(int fd, const char *ip, uint16_t port)
{
	socklen_t len;
	const struct sockaddr_storage a = cores_name(ip, port, &len);

	return spate_sys_bind(fd, (const struct sockaddr *)&a, len);
}

int cores_connect(int fd, const char *ip, uint16_t port)
{
	socklen_t len;
	const struct sockaddr_storage a = cores_name(ip, port, &len);

	return spate_sys_connect(fd, (const struct sockaddr *)&a, len);
}

void cores_option(int fd, int level, int name, int value)
{
	assert_int_equal(spate_sys_setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

int cores_listener(const char *ip, uint16_t port)
{
	int fd = cores_stream(SOCK_NONBLOCK);

	assert_int_equal(cores_bind(fd, ip, port), 0);
	assert_int_equal(spate_sys_listen(fd, 128), 0);
	return fd;
}

int cores_bound(const char *ip, uint16_t port, int flags)
{
	int fd = cores_stream(flags);

	cores_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(cores_bind(fd, ip, port), 0);
	return fd;
}

int cores_so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	assert_int_equal(spate_sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err;
}

int cores_accept(int fd) { return spate_sys_accept4(fd, NULL, NULL, SOCK_NONBLOCK); }

static void one_way(int end, unsigned core, int fd, int peer_end, unsigned peer_core, int peer, char byte)
{
	char got = 0;
	ssize_t n = -EAGAIN;

	on(end, core);
	assert_int_equal(spate_sys_sendto(fd, &byte, 1, 0, NULL, 0), 1);
	on(peer_end, peer_core);
	for (int ms = 0; n == -EAGAIN && ms < 20000; ms++) {
		cores_run_ms(1);
		n = spate_sys_recvfrom(peer, &got, 1, MSG_DONTWAIT, NULL, NULL);
	}
	assert_int_equal(n, 1);
	assert_int_equal(got, byte);
}

void cores_talk(int end, unsigned core, int fd, int peer_end, unsigned peer_core, int peer)
{
	one_way(end, core, fd, peer_end, peer_core, peer, '>');
	one_way(peer_end, peer_core, peer, end, core, fd, '<');
}

void cores_inject(int dir, const void *ip, uint16_t len)
{
	struct port *from = cores.wire[dir], *to = cores.wire[!dir];
	struct rte_mbuf *m = rte_pktmbuf_alloc(cores.pool[dir][0]);
	char *b;

	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, (uint16_t)(ETH_HDR_LEN + len)));
	b = rte_pktmbuf_mtod(m, char *);
	eth_emit(b, &to->mac, &from->mac, RTE_ETHER_TYPE_IPV4);
	memcpy(b + ETH_HDR_LEN, ip, len);
	assert_int_equal(from->ops->tx(from, 0, &m, 1, cores.now_ns), 1);
}

static struct rte_mbuf *drained[1 << 16];
static unsigned n_drained;

void cores_drain(int end, unsigned core)
{
	while (n_drained < RTE_DIM(drained) && (drained[n_drained] = rte_pktmbuf_alloc(cores.pool[end][core])) != NULL)
		n_drained++;
}

void cores_refill(void)
{
	rte_pktmbuf_free_bulk(drained, n_drained);
	n_drained = 0;
}
