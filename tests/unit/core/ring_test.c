/* ring_test.c: TCP over DPDK's net_ring: two ports joined by rings, a stack or two on each side, in one thread and virtual
 * time. Files go both ways on several connections and are compared byte by byte. net_ring has no RSS and its queues lead
 * straight across, so with two stacks packets are passed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "config/config.h"
#include "core/stack.h"
#include "drivers/ethdev/ethdev.h"
#include "../eal.h"

#define CLIENT 0
#define SERVER 1
#define STACKS_MAX 2
#define CONNS 24          /* of all client stacks together */
#define BYTES 150000u     /* each way on each connection */
#define CHUNK 5000
#define RING_PACKETS 1024
#define POOL_MBUFS 16383
#define SERVER_PORT RTE_BE16(80)
#define MS UINT64_C(1000000)
#define END_MS 60000u     /* of virtual time */
#define STEPS_MAX 400000u

struct side {
	struct stack *s;
	struct tcp_pcb *p;
	uint32_t sent, received;
	unsigned stream;
	bool ended;
};

static struct {
	uint16_t n; /* stacks of each end */
	struct rte_mempool *pool[2];
	struct rte_ring *ring[2][STACKS_MAX]; /* by the end that sends */
	struct port *port[2];
	struct mail_office *office[2];
	struct eport_space *space[2];
	struct stack *stack[2][STACKS_MAX];
	struct tcp_pcb *listener[STACKS_MAX];
	struct side side[2][CONNS];
	unsigned n_accepted;
	uint64_t now_ns;
} w;

static rte_be32_t addr_of(int end) { return rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 1 + (uint8_t)end)); }

static int group_setup(void **state)
{
	(void)state;
	if (eal_for_test(256) != 0)
		return -1;
	for (int e = 0; e < 2; e++)
		w.pool[e] = rte_pktmbuf_pool_create(e == CLIENT ? "clients" : "servers", POOL_MBUFS, 0, 0,
						    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return w.pool[CLIENT] != NULL && w.pool[SERVER] != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	for (int e = 0; e < 2; e++)
		rte_mempool_free(w.pool[e]);
	return rte_eal_cleanup();
}

/* ---- the world ---- */

static const char *device_name(int end) { return end == CLIENT ? "net_ring_client" : "net_ring_server"; }

/* What one end sends on queue i, the other receives on queue i. */
static void rings_join(void)
{
	char name[32];

	for (int e = 0; e < 2; e++) {
		for (unsigned q = 0; q < w.n; q++) {
			snprintf(name, sizeof(name), "wire%d.%u", e, q);
			w.ring[e][q] = rte_ring_create(name, RING_PACKETS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
			assert_non_null(w.ring[e][q]);
		}
	}
	for (int e = 0; e < 2; e++)
		assert_true(rte_eth_from_rings(device_name(e) + strlen("net_ring_"), w.ring[!e], w.n, w.ring[e], w.n, 0) >= 0);
}

/* The devices are there already, as those on the PCI bus are. */
static void port_open(int end)
{
	struct rte_mempool *pools[STACKS_MAX] = {w.pool[end], w.pool[end]};
	struct dev_name d = {.kind = DEV_PCI};
	struct spate_config c;
	char err[256] = "";

	config_defaults(&c);
	snprintf(d.what, sizeof(d.what), "%s", device_name(end));
	snprintf(c.dev, sizeof(c.dev), "%s", device_name(end));
	if (ethdev_open(&d, &c, w.n, 7 + (uint64_t)end, &w.port[end], err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(w.port[end]->n_queues, w.n);
	assert_int_equal(w.port[end]->rss.n_queues, w.n);
	assert_int_equal(w.port[end]->ops->start(w.port[end], pools), 0);
	assert_true(w.n == 1 || !w.port[end]->rss_trusted);
}

static struct stack *stack_make(int end, uint16_t self)
{
	struct stack *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
	const struct stack_config cfg = {
		.ports = &w.port[end], .n_ports = 1, .self = self, .office = w.office[end], .pool = w.pool[end],
		.eports = w.space[end], .max_conns = 256, .port_lo = 1024, .port_hi = 65535,
		.seed = 70u + (unsigned)end * 10 + self, .now_ns = w.now_ns, .numa_node = -1,
	};

	assert_non_null(s);
	assert_int_equal(stack_init(s, &cfg), 0);
	assert_int_equal(net_addr_add(&s->net, addr_of(end), 24), 0);
	return s;
}

static void listen_on(unsigned i)
{
	struct tcp *t = &w.stack[SERVER][i]->tcp;

	w.listener[i] = tcp_new(t);
	assert_int_equal(tcp_bind(t, w.listener[i], 0, SERVER_PORT), 0);
	assert_int_equal(tcp_listen(t, w.listener[i], CONNS), 0);
}

static void world_make(uint16_t n)
{
	struct rte_mempool *pool[2] = {w.pool[0], w.pool[1]};

	memset(&w, 0, sizeof(w));
	memcpy(w.pool, pool, sizeof(pool));
	w.n = n;
	w.now_ns = 1000 * MS;
	rings_join();
	for (int e = 0; e < 2; e++) {
		port_open(e);
		w.office[e] = n > 1 ? mail_office_new(n, -1) : NULL;
		w.space[e] = eport_space_new(&w.port[e]->rss, 1024, 65535);
		for (uint16_t i = 0; i < n; i++)
			w.stack[e][i] = stack_make(e, i);
	}
	for (unsigned i = 0; i < n; i++)
		listen_on(i);
}

static void rings_part(int end)
{
	struct rte_mbuf *m;

	assert_int_equal(rte_vdev_uninit(device_name(end)), 0);
	for (unsigned q = 0; q < w.n; q++) {
		while (rte_ring_dequeue(w.ring[end][q], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(w.ring[end][q]);
	}
}

static void world_end(void)
{
	for (int e = 0; e < 2; e++) {
		for (unsigned i = 0; i < w.n; i++) {
			stack_fini(w.stack[e][i]);
			free(w.stack[e][i]);
		}
		mail_office_free(w.office[e]);
		w.port[e]->ops->close(w.port[e]);
		eport_space_free(w.space[e]);
	}
	for (int e = 0; e < 2; e++)
		rings_part(e);
	for (int e = 0; e < 2; e++)
		assert_int_equal(rte_mempool_in_use_count(w.pool[e]), 0);
}

/* ---- the applications ---- */

static char stream_byte(unsigned stream, uint32_t at) { return (char)((at * 2654435761u >> 13) + stream * 37); }

static void side_send(struct side *a)
{
	struct tcp *t = &a->s->tcp;
	char buf[CHUNK];
	uint32_t len = RTE_MIN(BYTES - a->sent, (uint32_t)CHUNK);
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	ssize_t n;

	if (len == 0)
		return;
	for (uint32_t i = 0; i < len; i++)
		buf[i] = stream_byte(a->stream, a->sent + i);
	n = tcp_send(t, a->p, &iov, 1, 0);
	if (n == -EAGAIN)
		return;
	assert_true(n > 0);
	a->sent += (uint32_t)n;
	if (a->sent == BYTES)
		assert_int_equal(tcp_shutdown(t, a->p, SHUT_WR), 0);
}

static void side_receive(struct side *a, const struct side *peer)
{
	char buf[CHUNK];
	struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
	ssize_t n = tcp_recv(&a->s->tcp, a->p, &iov, 1, 0);

	if (n == -EAGAIN)
		return;
	assert_true(n >= 0);
	for (uint32_t i = 0; i < (uint32_t)n; i++) {
		if (buf[i] != stream_byte(peer->stream, a->received + i))
			fail_msg("stream %u: wrong byte at %u", peer->stream, a->received + i);
	}
	a->received += (uint32_t)n;
	a->ended = n == 0;
}

/* True when this side is through. */
static bool side_turn(struct side *a, const struct side *peer)
{
	if (a->p != NULL && a->p->state != TCP_SYN_SENT && !(a->ended && a->sent == BYTES)) {
		side_send(a);
		if (!a->ended)
			side_receive(a, peer);
	}
	return a->ended && a->sent == BYTES;
}

static void connect_all(void)
{
	for (unsigned i = 0; i < CONNS; i++) {
		struct stack *s = w.stack[CLIENT][i % w.n];

		w.side[CLIENT][i] = (struct side){.s = s, .p = tcp_new(&s->tcp), .stream = i * 2};
		assert_int_equal(tcp_connect(&s->tcp, w.side[CLIENT][i].p, addr_of(SERVER), SERVER_PORT), 0);
	}
}

static void accept_all(void)
{
	for (unsigned k = 0; k < w.n; k++) {
		struct stack *s = w.stack[SERVER][k];
		struct tcp_pcb *p;

		while ((p = tcp_accept(&s->tcp, &w.listener[k]->c)) != NULL) {
			unsigned i = 0;

			while (i < CONNS && w.side[CLIENT][i].p->c.h.key.lport_be != p->c.h.key.rport_be)
				i++;
			assert_true(i < CONNS && w.side[SERVER][i].p == NULL);
			w.side[SERVER][i] = (struct side){.s = s, .p = p, .stream = i * 2 + 1};
			w.n_accepted++;
		}
	}
}

/* A turn of everybody; time goes on to what is due next when nobody had anything to do. */
static void step(void)
{
	uint64_t next = UINT64_MAX;
	uint32_t work = 0;

	for (int e = 0; e < 2; e++)
		for (unsigned i = 0; i < w.n; i++)
			work += stack_poll(w.stack[e][i], w.now_ns);
	for (int e = 0; e < 2; e++)
		for (unsigned i = 0; i < w.n; i++)
			next = RTE_MIN(next, stack_next_ns(w.stack[e][i]));
	w.now_ns = work != 0 || next <= w.now_ns ? w.now_ns + 1000 : RTE_MIN(next, w.now_ns + MS);
}

static bool everybody_turn(void)
{
	bool done = true;

	for (unsigned i = 0; i < CONNS; i++)
		for (int e = 0; e < 2; e++)
			done &= side_turn(&w.side[e][i], &w.side[!e][i]);
	return done;
}

static uint64_t rehomed(int end, enum rehome why)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < w.n; i++)
		n += w.stack[end][i]->rehomes.n[why];
	return n;
}

static void transfer(uint16_t n)
{
	const uint64_t end_ns = 1000 * MS + END_MS * MS;
	uint32_t steps = 0;
	bool done = false;

	world_make(n);
	connect_all();
	for (; !done && w.now_ns < end_ns && steps < STEPS_MAX; steps++) {
		step();
		accept_all();
		done = everybody_turn();
	}
	assert_int_equal(w.n_accepted, CONNS);
	for (unsigned i = 0; i < CONNS; i++)
		for (int e = 0; e < 2; e++)
			assert_int_equal(w.side[e][i].received, BYTES);
	assert_true(done);
	print_message("%u connections, %u bytes each way, %u queues: %" PRIu64 " ms, passed on: %" PRIu64 " and %" PRIu64 " packets\n",
		      CONNS, BYTES, n, (w.now_ns - 1000 * MS) / MS, rehomed(CLIENT, REHOME_NO_RSS), rehomed(SERVER, REHOME_NO_RSS));
	if (n == 1)
		assert_int_equal(rehomed(CLIENT, REHOME_NO_RSS) + rehomed(SERVER, REHOME_NO_RSS), 0);
	else
		assert_true(rehomed(CLIENT, REHOME_NO_RSS) > 0 && rehomed(SERVER, REHOME_NO_RSS) > 0);
	for (unsigned i = 0; i < CONNS; i++)
		for (int e = 0; e < 2; e++)
			tcp_close(&w.side[e][i].s->tcp, w.side[e][i].p);
	world_end();
}

static void one_queue(void **state)
{
	(void)state;
	transfer(1);
}

static void two_queues(void **state)
{
	(void)state;
	transfer(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_queue),
		cmocka_unit_test(two_queues),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
