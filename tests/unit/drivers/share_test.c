/* share_test.c: a device with fewer queues than there are stacks: who receives, who carries whose packets out, and whose
 * homing function it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../eal.h"
#include "drivers/share.h"

#define INNER 2
#define STACKS 5
#define SENT_MAX 4096

static struct rte_mempool *pool;

/* A device of two queues that remembers what it sent, and has one packet to receive per queue. */
static struct {
	struct port port;
	uint32_t mark[INNER][SENT_MAX];
	unsigned n[INNER];
	uint16_t takes;
	bool closed;
} dev;
static struct port *outer;

static uint16_t dev_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	uint16_t take = RTE_MIN(n, dev.takes);

	(void)p;
	(void)now_ns;
	assert_true(queue < INNER);
	for (uint16_t i = 0; i < take; i++) {
		dev.mark[queue][dev.n[queue]++] = m[i]->hash.usr;
		rte_pktmbuf_free(m[i]);
	}
	return take;
}

static uint16_t dev_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	(void)p;
	(void)now_ns;
	assert_true(queue < INNER && n > 0);
	m[0] = rte_pktmbuf_alloc(pool);
	return 1;
}

static int dev_start(struct port *p, struct rte_mempool **pools)
{
	(void)pools;
	p->offloads = PORT_RX_CKSUM; /* settled at start */
	return 0;
}

static bool dev_link_up(struct port *p) { return p == &dev.port; }
static void dev_close(struct port *p) { dev.closed = p == &dev.port; }

static const struct port_ops dev_ops = {
	.rx = dev_rx, .tx = dev_tx, .start = dev_start, .link_up = dev_link_up, .close = dev_close,
};

static int set_up(void **state)
{
	struct rte_mempool *pools[STACKS] = {pool, pool, pool, pool, pool};
	uint8_t key[40];

	(void)state;
	memset(&dev, 0, sizeof(dev));
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(37 * i + 1);
	dev.port = (struct port){.ops = &dev_ops, .n_queues = INNER, .rss_trusted = true, .numa_node = -1};
	dev.takes = UINT16_MAX;
	assert_int_equal(rss_init(&dev.port.rss, key, sizeof(key), NULL, 128, INNER), 0);
	assert_int_equal(share_wrap(&dev.port, STACKS, &outer), 0);
	return outer->ops->start(outer, pools);
}

static int tear_down(void **state)
{
	(void)state;
	outer->ops->close(outer);
	assert_true(dev.closed);
	return rte_mempool_in_use_count(pool) == 0 ? 0 : -1;
}

static uint16_t send(uint16_t queue, uint32_t mark, uint16_t n)
{
	struct rte_mbuf *m[32];
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++) {
		m[i] = rte_pktmbuf_alloc(pool);
		assert_non_null(m[i]);
		m[i]->hash.usr = mark + i;
	}
	sent = outer->ops->tx(outer, queue, m, n, 0);
	rte_pktmbuf_free_bulk(m + sent, n - sent);
	return sent;
}

static uint16_t receive(uint16_t queue)
{
	struct rte_mbuf *m[4];
	uint16_t n = outer->ops->rx(outer, queue, m, 4, 0);

	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static void homes_of_all(void **state)
{
	unsigned entries[STACKS] = {0};

	(void)state;
	assert_int_equal(outer->n_queues, STACKS);
	assert_int_equal(outer->rss.n_queues, STACKS);
	assert_false(outer->rss_trusted);
	assert_int_equal(outer->offloads, PORT_RX_CKSUM);
	assert_memory_equal(outer->rss.key, dev.port.rss.key, 40);
	assert_true(outer->ops->link_up(outer));
	for (unsigned i = 0; i < outer->rss.reta_size; i++)
		entries[outer->rss.reta[i]]++;
	for (unsigned i = 0; i < STACKS; i++)
		assert_in_range(entries[i], 128 / STACKS, 128 / STACKS + 1);
}

static void only_real_queues_receive(void **state)
{
	(void)state;
	for (uint16_t q = 0; q < STACKS; q++)
		assert_int_equal(receive(q), q < INNER ? 1 : 0);
}

/* Queue 2 and 4 go out by 0, queue 3 by 1, whenever those receive. */
static void carried(void **state)
{
	(void)state;
	for (uint16_t q = 0; q < STACKS; q++)
		assert_int_equal(send(q, q * 100u, 3), 3);
	assert_int_equal(dev.n[0], 3);
	assert_int_equal(dev.n[1], 3);
	receive(0);
	assert_int_equal(dev.n[0], 9);
	assert_int_equal(dev.n[1], 3);
	receive(1);
	assert_int_equal(dev.n[1], 6);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(dev.mark[0][i], i);
		assert_int_equal(dev.mark[0][3 + i], 200 + i);
		assert_int_equal(dev.mark[0][6 + i], 400 + i);
		assert_int_equal(dev.mark[1][3 + i], 300 + i);
	}
}

/* A device that takes little loses nothing and keeps the order; a full ring says so to its sender. */
static void slow_device(void **state)
{
	uint32_t sent = 0;

	(void)state;
	dev.takes = 1;
	while (send(2, sent, 1) == 1)
		sent++;
	assert_true(sent > 100);
	while (dev.n[0] < sent) {
		unsigned before = dev.n[0];

		receive(0);
		assert_int_equal(dev.n[0], before + 1);
	}
	for (uint32_t i = 0; i < sent; i++)
		assert_int_equal(dev.mark[0][i], i);
}

/* What was under way is freed by close(): tear_down() looks. */
static void closed_with_packets(void **state)
{
	(void)state;
	send(3, 0, 20);
	dev.takes = 1;
	receive(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(homes_of_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_real_queues_receive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(carried, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slow_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closed_with_packets, set_up, tear_down),
	};

	if (eal_for_test(192) != 0)
		return 1;
	pool = pool_for_test("share", 4095);
	return pool != NULL ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
