/* fill_test.c: four stacks behind four queues fill every port of one local address to three destinations, on a simulated
 * link, in one thread and virtual time: each connection stays on the queue that was predicted for it, the next connect()
 * fails at once, and one that ends makes room for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "core/stack.h"
#include "drivers/sim/sim.h"
#include "../eal.h"

#define STACKS 4
#define DESTS 3
#define LO 1024
#define HI 65535
#define PORTS (HI - LO + 1)
#define POOL_MBUFS 16383
#define AT_ONCE 64   /* connects of one stack between two turns: the rings of the link hold them */
#define TURNS_MAX 20000
#define SERVER_PORT RTE_BE16(80)
#define MS 1000000ull

#define SERVER STACKS /* its stack comes last */

static struct {
	struct port *port[2];
	struct rte_mempool *pool[2];
	struct mail_office *office;
	struct eport_space *space[2];
	struct stack *stack[STACKS + 1];
	struct tcp_pcb *listener;
	struct tcp_pcb *client[DESTS][65536], *server[DESTS][65536]; /* by the client's port */
	uint32_t made[STACKS][DESTS];
	uint64_t now_ns;
} w;

static rte_be32_t dest_addr(int d) { return rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 10 + d)); }
static rte_be32_t client_addr(void) { return RTE_BE32(RTE_IPV4(10, 0, 0, 1)); }

/* ---- the world ---- */

static int group_setup(void **state)
{
	(void)state;
	if (eal_for_test(256) != 0)
		return -1;
	for (int e = 0; e < 2; e++)
		w.pool[e] = rte_pktmbuf_pool_create(e == 0 ? "clients" : "server", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
						    SOCKET_ID_ANY);
	return w.pool[0] != NULL && w.pool[1] != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	for (int e = 0; e < 2; e++)
		rte_mempool_free(w.pool[e]);
	return rte_eal_cleanup();
}

static struct stack *stack_make(int end, uint16_t self, uint32_t max_conns)
{
	struct stack *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
	const struct stack_config cfg = {
		.ports = &w.port[end], .n_ports = 1, .self = self, .office = end == 0 ? w.office : NULL, .pool = w.pool[end],
		.eports = w.space[end], .max_conns = max_conns, .port_lo = LO, .port_hi = HI, .seed = 40u + (unsigned)end * 10 + self,
		.now_ns = w.now_ns, .numa_node = -1,
	};

	assert_non_null(s);
	assert_int_equal(stack_init(s, &cfg), 0);
	return s;
}

static void listen_everywhere(void)
{
	struct tcp *t = &w.stack[SERVER]->tcp;

	w.listener = tcp_new(t);
	assert_int_equal(tcp_bind(t, w.listener, 0, SERVER_PORT), 0);
	assert_int_equal(tcp_listen(t, w.listener, 1 << 20), 0);
}

static int world_make(void **state)
{
	const struct sim_config cfg = {.n_queues = {STACKS, 1}, .seed = 5};
	struct rte_mempool *pools[STACKS] = {w.pool[0], w.pool[0], w.pool[0], w.pool[0]};

	(void)state;
	w.now_ns = 1000 * MS;
	assert_int_equal(sim_open(&cfg, w.port), 0);
	assert_int_equal(w.port[0]->ops->start(w.port[0], pools), 0);
	assert_int_equal(w.port[1]->ops->start(w.port[1], &w.pool[1]), 0);
	w.office = mail_office_new(STACKS, -1);
	assert_non_null(w.office);
	for (int e = 0; e < 2; e++)
		w.space[e] = eport_space_new(&w.port[e]->rss, LO, HI);
	for (uint16_t i = 0; i < STACKS; i++) {
		w.stack[i] = stack_make(0, i, DESTS * PORTS / 2); /* half of all: more than a stack can get by any table */
		assert_int_equal(net_addr_add(&w.stack[i]->net, client_addr(), 24), 0);
	}
	w.stack[SERVER] = stack_make(1, 0, DESTS * PORTS + 16);
	for (int d = 0; d < DESTS; d++)
		assert_int_equal(net_addr_add(&w.stack[SERVER]->net, dest_addr(d), 24), 0);
	listen_everywhere();
	return 0;
}

static int world_end(void **state)
{
	(void)state;
	for (int e = 0; e < 2; e++)
		w.port[e]->ops->close(w.port[e]);
	for (int i = 0; i <= STACKS; i++) {
		stack_fini(w.stack[i]);
		free(w.stack[i]);
	}
	mail_office_free(w.office);
	for (int e = 0; e < 2; e++) {
		eport_space_free(w.space[e]);
		assert_int_equal(rte_mempool_in_use_count(w.pool[e]), 0);
	}
	return 0;
}

static void accept_all(void)
{
	struct tcp_pcb *p;

	while ((p = tcp_accept(&w.stack[SERVER]->tcp, &w.listener->c)) != NULL) {
		const struct flow_key *k = &p->c.h.key;
		uint32_t d = rte_be_to_cpu_32(k->laddr_be) - rte_be_to_cpu_32(dest_addr(0));

		assert_true(d < DESTS && k->raddr_be == client_addr());
		assert_null(w.server[d][rte_be_to_cpu_16(k->rport_be)]); /* nobody had the port */
		w.server[d][rte_be_to_cpu_16(k->rport_be)] = p;
	}
}

/* Turns until nothing is under way. Time goes on to what is due within 10 ms. */
static void settle(void)
{
	for (uint32_t idle = 0, turns = 0; idle < 3; turns++) {
		uint64_t next = RTE_MIN(sim_next_ns(w.port[0]), sim_next_ns(w.port[1]));
		uint32_t work = 0;

		assert_true(turns < TURNS_MAX);
		for (int i = 0; i <= STACKS; i++) {
			work += stack_poll(w.stack[i], w.now_ns);
			next = RTE_MIN(next, stack_next_ns(w.stack[i]));
		}
		accept_all();
		idle = work != 0 || next < w.now_ns + 10 * MS ? 0 : idle + 1;
		w.now_ns = next > w.now_ns && next < w.now_ns + 10 * MS ? next : w.now_ns + 1000;
	}
}

static void pass_ms(uint64_t ms)
{
	w.now_ns += ms * MS;
	settle();
}

/* ---- what is shown ---- */

/* The error, or 0 and the connection on its way. */
static int connect_one(int i, int d)
{
	struct tcp *t = &w.stack[i]->tcp;
	struct tcp_pcb *p = tcp_new(t);
	uint16_t port;
	int err;

	assert_non_null(p);
	err = tcp_connect(t, p, dest_addr(d), SERVER_PORT);
	if (err != 0) {
		assert_int_equal(p->state, TCP_CLOSED);
		tcp_close(t, p);
		return err;
	}
	port = rte_be_to_cpu_16(p->c.h.key.lport_be);
	assert_in_range(port, LO, HI);
	assert_int_equal(rss_queue(&w.port[0]->rss, p->c.h.hash), i);
	assert_null(w.client[d][port]);
	w.client[d][port] = p;
	w.made[i][d]++;
	return 0;
}

/* Destination by destination, the stacks in turn, until all are told that there are no ports. */
static void fill(int d)
{
	uint32_t full = 0;

	while (full != (1u << STACKS) - 1) {
		for (int i = 0; i < STACKS; i++) {
			for (int n = 0; n < AT_ONCE && !(full >> i & 1); n++) {
				int err = connect_one(i, d);

				assert_true(err == 0 || err == -EADDRNOTAVAIL);
				full |= (uint32_t)(err != 0) << i;
			}
		}
		settle();
	}
}

static void all_full(void)
{
	for (int i = 0; i < STACKS; i++)
		for (int d = 0; d < DESTS; d++)
			assert_int_equal(connect_one(i, d), -EADDRNOTAVAIL);
}

/* The ports that come home to a stack, by looking at each. */
static uint32_t home_ports(int i, int d)
{
	const struct rss *r = &w.port[0]->rss;
	uint32_t n = 0;

	for (uint32_t port = LO; port <= HI; port++)
		n += rss_queue(r, rss_hash4(r, dest_addr(d), client_addr(), SERVER_PORT,
					    rte_cpu_to_be_16((uint16_t)port))) == i;
	return n;
}

static void none_rehomed(void)
{
	for (int i = 0; i < STACKS; i++) {
		for (int reason = 0; reason < REHOME_MAX; reason++)
			assert_int_equal(w.stack[i]->rehomes.n[reason], 0);
		assert_true(w.stack[i]->rss_checked > 0);
	}
}

static void check_full(void)
{
	uint64_t established = 0;

	for (int d = 0; d < DESTS; d++) {
		for (int i = 0; i < STACKS; i++)
			assert_int_equal(w.made[i][d], home_ports(i, d));
		for (uint32_t port = LO; port <= HI; port++)
			assert_true(w.client[d][port]->state == TCP_ESTABLISHED && w.server[d][port]->state == TCP_ESTABLISHED);
	}
	for (int i = 0; i < STACKS; i++) {
		established += w.stack[i]->tcp.stats.established;
		print_message("stack %d: %u, %u and %u connections to the three destinations, %llu packets, none of them rehomed\n", i,
			      w.made[i][0], w.made[i][1], w.made[i][2], (unsigned long long)w.stack[i]->rss_checked);
	}
	print_message("%llu established: %d ports x %d destinations\n", (unsigned long long)established, PORTS, DESTS);
	assert_int_equal(established, (uint64_t)PORTS * DESTS);
	none_rehomed();
}

/* Some connection of stack i to d; both ends forget it. */
static uint16_t forget_one(int i, int d, struct tcp_pcb **client, struct tcp_pcb **server)
{
	uint16_t port = LO;

	while (rss_queue(&w.port[0]->rss, w.client[d][port]->c.h.hash) != i)
		port++;
	*client = w.client[d][port];
	*server = w.server[d][port];
	w.client[d][port] = w.server[d][port] = NULL;
	return port;
}

/* One more on this stack, to this destination, from this port; then all is full again. */
static void exactly_one(int i, int d, uint16_t port)
{
	for (int k = 0; k < STACKS; k++)
		for (int e = 0; e < DESTS; e++)
			assert_int_equal(connect_one(k, e), k == i && e == d ? 0 : -EADDRNOTAVAIL);
	settle();
	assert_int_equal(w.client[d][port]->state, TCP_ESTABLISHED);
	assert_int_equal(w.server[d][port]->state, TCP_ESTABLISHED);
	all_full();
}

/* The server closes first, so that TIME-WAIT is there: the port is free at once. */
static void server_closes(int i, int d)
{
	struct tcp_pcb *c, *s;
	uint16_t port = forget_one(i, d, &c, &s);

	tcp_close(&w.stack[SERVER]->tcp, s);
	settle();
	assert_int_equal(c->state, TCP_CLOSE_WAIT);
	all_full();
	tcp_close(&w.stack[i]->tcp, c);
	settle();
	pass_ms(2); /* a newer timestamp: the server's TIME-WAIT gives way */
	exactly_one(i, d, port);
}

/* The client closes first: busy through TIME-WAIT, until timestamps allow to take it over after a second (RFC 6191). */
static void client_closes(int i, int d)
{
	struct tcp_pcb *c, *s;
	uint16_t port = forget_one(i, d, &c, &s);

	tcp_close(&w.stack[i]->tcp, c);
	settle();
	tcp_close(&w.stack[SERVER]->tcp, s);
	settle();
	assert_int_equal(w.stack[i]->tcp.stats.timewait, 1);
	pass_ms(900);
	all_full();
	pass_ms(100);
	exactly_one(i, d, port);
	assert_int_equal(w.stack[i]->tcp.stats.timewait, 0);
	assert_int_equal(w.stack[i]->tcp.stats.timewait_reused, 1);
}

static void every_port(void **state)
{
	(void)state;
	for (int d = 0; d < DESTS; d++)
		fill(d);
	check_full();
	all_full();
	for (int i = 0; i < STACKS; i++) {
		server_closes(i, i % DESTS);
		client_closes(i, (i + 1) % DESTS);
	}
	none_rehomed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_port, world_make, world_end),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
