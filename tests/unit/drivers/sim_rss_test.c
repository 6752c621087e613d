/* sim_rss_test.c: NICs that do not spread packets as they say: none of the connections of four stacks notices. The NIC spreads
 * right, and its table is changed under load; it claims a key or a table that it does not use; it does not spread at all. Every
 * connection sends and gets back all its bytes, packets for other stacks are passed on, and it is said once. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>

#include "../eal.h"
#include "core/stack.h"
#include "drivers/drivers.h"
#include "drivers/sim/sim.h"

#define STACKS 4
#define CONNS (STACKS * 16)
#define BYTES 40000u
#define NEAR_IP RTE_BE32(RTE_IPV4(10, 8, 0, 1))
#define FAR_IP RTE_BE32(RTE_IPV4(10, 8, 0, 2))
#define SERVICE RTE_BE16(80)
#define STEPS_MAX 200000

/* One connection: what the near end sends, the far end sends back. */
struct conn_at {
	struct stack *s;
	struct tcp_pcb *p;
	uint32_t sent, received;
	bool fin;
};

static struct {
	struct port *port[2];
	struct mail_office *office;
	struct eport_space *eports[2];
	struct stack *near[STACKS], *far;
	struct tcp_pcb *listener;
	struct conn_at client[CONNS], server[CONNS];
	unsigned n_server;
	uint64_t now_ns;
	char *said;            /* warnings */
	size_t said_len;
	FILE *log;
} w;

static struct rte_mempool *pool;

static struct stack *stack_at(unsigned end, uint16_t self, rte_be32_t ip_be)
{
	struct stack *s = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(struct stack)));
	const struct stack_config cfg = {
		.ports = &w.port[end], .n_ports = 1, .self = self, .office = end == 0 ? w.office : NULL, .pool = pool,
		.eports = w.eports[end], .max_conns = 256, .port_lo = 1024, .port_hi = 65535, .seed = 10 * end + self + 1,
		.now_ns = w.now_ns, .numa_node = -1,
	};

	assert_non_null(s);
	assert_int_equal(stack_init(s, &cfg), 0);
	assert_int_equal(net_addr_add(&s->net, ip_be, 24), 0);
	return s;
}

static void world_open(enum sim_rss rss)
{
	const struct sim_config cfg = {.n_queues = {STACKS, 1}, .seed = 3, .offloads = 0x3f, .rss = rss};
	struct rte_mempool *pools[STACKS] = {pool, pool, pool, pool};

	memset(&w, 0, sizeof(w));
	w.now_ns = 1000000000;
	w.log = open_memstream(&w.said, &w.said_len);
	rte_openlog_stream(w.log);
	assert_int_equal(sim_open(&cfg, w.port), 0);
	w.office = mail_office_new(STACKS, -1);
	for (unsigned e = 0; e < 2; e++) {
		assert_int_equal(w.port[e]->ops->start(w.port[e], pools), 0);
		w.eports[e] = eport_space_new(&w.port[e]->rss, 1024, 65535);
		assert_non_null(w.eports[e]);
	}
	for (uint16_t i = 0; i < STACKS; i++)
		w.near[i] = stack_at(0, i, NEAR_IP);
	w.far = stack_at(1, 0, FAR_IP);
	w.listener = tcp_new(&w.far->tcp);
	assert_int_equal(tcp_bind(&w.far->tcp, w.listener, 0, SERVICE), 0);
	assert_int_equal(tcp_listen(&w.far->tcp, w.listener, CONNS), 0);
}

static void world_close(void)
{
	for (unsigned e = 0; e < 2; e++)
		w.port[e]->ops->close(w.port[e]);
	for (unsigned i = 0; i <= STACKS; i++) {
		stack_fini(i < STACKS ? w.near[i] : w.far);
		free(i < STACKS ? w.near[i] : w.far);
	}
	mail_office_free(w.office);
	eport_space_free(w.eports[0]);
	eport_space_free(w.eports[1]);
	rte_openlog_stream(NULL);
	fclose(w.log);
	free(w.said);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static uint8_t byte_at(unsigned conn, uint32_t off) { return (uint8_t)(conn * 31 + off * 7 + (off >> 8)); }

static void client_turn(unsigned i)
{
	struct conn_at *c = &w.client[i];
	uint8_t buf[3000];
	struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
	ssize_t n;

	if (c->p == NULL || c->p->state == TCP_SYN_SENT)
		return;
	n = tcp_recv(&c->s->tcp, c->p, &iov, 1, 0);
	assert_true(n > 0 || n == -EAGAIN || (n == 0 && c->received == BYTES));
	for (ssize_t k = 0; k < n; k++)
		assert_int_equal(buf[k], byte_at(i, c->received++));
	/* Some every turn, so that the load lasts while the table changes. */
	for (uint32_t k = 0; k < 500; k++)
		buf[k] = byte_at(i, c->sent + k);
	iov.iov_len = RTE_MIN(500, BYTES - c->sent);
	if (iov.iov_len > 0) {
		n = tcp_send(&c->s->tcp, c->p, &iov, 1, 0);
		assert_true(n > 0 || n == -EAGAIN);
		c->sent += n > 0 ? (uint32_t)n : 0;
	}
	if (c->received == BYTES) {
		tcp_close(&c->s->tcp, c->p);
		c->p = NULL;
	}
}

static void server_turn(struct conn_at *c)
{
	uint8_t buf[3000];
	struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
	ssize_t n;

	if (c->p == NULL)
		return;
	n = tcp_recv(&w.far->tcp, c->p, &iov, 1, 0);
	if (n == -EAGAIN)
		return;
	assert_true(n >= 0);
	if (n == 0) {
		tcp_close(&w.far->tcp, c->p);
		c->p = NULL;
		return;
	}
	iov.iov_len = (size_t)n;
	assert_int_equal(tcp_send(&w.far->tcp, c->p, &iov, 1, 0), n);
}

static bool step(void)
{
	struct tcp_pcb *p;
	bool open = false;

	for (unsigned i = 0; i < STACKS; i++)
		stack_poll(w.near[i], w.now_ns);
	stack_poll(w.far, w.now_ns);
	while ((p = tcp_accept(&w.far->tcp, &w.listener->c)) != NULL) {
		assert_true(w.n_server < CONNS);
		w.server[w.n_server++].p = p;
	}
	for (unsigned i = 0; i < CONNS; i++) {
		client_turn(i);
		server_turn(&w.server[i]);
		open |= w.client[i].p != NULL || w.server[i].p != NULL;
	}
	w.now_ns += 10000;
	return open;
}

static uint64_t rehomed(enum rehome why)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < STACKS; i++)
		n += w.near[i]->rehomes.n[why];
	return n;
}

static unsigned said(const char *what)
{
	unsigned n = 0;

	fflush(w.log);
	for (const char *at = w.said; at != NULL && (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void connect_all(void)
{
	for (unsigned i = 0; i < CONNS; i++) {
		struct conn_at *c = &w.client[i];

		c->s = w.near[i % STACKS];
		c->p = tcp_new(&c->s->tcp);
		assert_int_equal(tcp_connect(&c->s->tcp, c->p, FAR_IP, SERVICE), 0);
	}
}

/* To the end. change: once in the middle of it. Nothing may be sent twice: no packet was lost. */
static void run(void (*change)(void))
{
	unsigned steps = 0;

	connect_all();
	while (step()) {
		assert_true(++steps < STEPS_MAX);
		if (steps == 30 && change != NULL)
			change();
	}
	assert_int_equal(w.n_server, CONNS);
	for (unsigned i = 0; i < STACKS; i++)
		assert_int_equal(w.near[i]->tcp.stats.rtos, 0);
	assert_int_equal(w.far->tcp.stats.rtos, 0);
}

static void a_nic_that_does_what_it_says(void **state)
{
	(void)state;
	world_open(SIM_RSS_YES);
	run(NULL);
	assert_int_equal(rehomed(REHOME_RSS) + rehomed(REHOME_NO_RSS), 0);
	assert_int_equal(said("belongs to another"), 0);
	world_close();
}

/* Every entry to the next stack: as somebody with ethtool might do. */
static void change_table(void)
{
	uint16_t reta[RSS_RETA_MAX];
	const struct rss *r = &w.port[0]->rss;

	assert_int_equal(rehomed(REHOME_RSS), 0);
	for (unsigned i = 0; i < CONNS; i++)
		assert_true(w.client[i].p != NULL && w.client[i].received < BYTES);
	for (unsigned i = 0; i < r->reta_size; i++)
		reta[i] = (uint16_t)((r->reta[i] + 1) % STACKS);
	sim_set_reta(w.port[0], reta);
	assert_int_equal(r->reta[0], 0);
}

static void a_table_changed_under_load(void **state)
{
	(void)state;
	world_open(SIM_RSS_YES);
	run(change_table);
	assert_true(rehomed(REHOME_RSS) > CONNS);
	assert_in_range(said("belongs to another"), 1, STACKS); /* once a stack */
	world_close();
}

static void a_nic_with_another_table(void **state)
{
	(void)state;
	world_open(SIM_RSS_QUEUE);
	run(NULL);
	assert_true(rehomed(REHOME_RSS) > CONNS);
	assert_in_range(said("belongs to another"), 1, STACKS);
	assert_int_equal(said("is not that of its key"), 0);
	world_close();
}

static void a_nic_with_another_key(void **state)
{
	(void)state;
	world_open(SIM_RSS_OTHER);
	run(NULL);
	assert_true(rehomed(REHOME_RSS) > CONNS);
	assert_in_range(said("belongs to another"), 1, STACKS);
	assert_in_range(said("is not that of its key"), 1, STACKS + 1); /* the far end's NIC is one of these, too */
	world_close();
}

static void a_nic_without_rss(void **state)
{
	(void)state;
	world_open(SIM_RSS_NONE);
	assert_false(w.port[0]->rss_trusted);
	assert_false(w.port[0]->offloads & PORT_RX_HASH);
	run(NULL);
	assert_true(rehomed(REHOME_NO_RSS) > CONNS);
	assert_int_equal(rehomed(REHOME_RSS), 0);
	assert_int_equal(said("belongs to another"), 0);
	for (unsigned i = 1; i < STACKS; i++)
		assert_int_equal(w.near[i]->rx_packets, 0);
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nic_that_does_what_it_says), cmocka_unit_test(a_table_changed_under_load),
		cmocka_unit_test(a_nic_with_another_table), cmocka_unit_test(a_nic_with_another_key),
		cmocka_unit_test(a_nic_without_rss),
	};
	int failed;

	if (eal_for_test(192) != 0)
		return 1;
	pool = drivers_mbuf_pool("rss", 16383, -1);
	if (pool == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return failed;
}
