/* sim_threads_test.c: two threads, a perfect link with several queues, two million packets: all arrive, in order per flow. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../eal.h"
#include "drivers/sim/sim.h"
#include "frames.h"
#include "pkt/port.h"

#define PACKETS 2000000u
#define QUEUES 3
#define FLOWS 64
#define BURST 32

static struct rte_mempool *pool;
static struct port *port[2];
static bool receiver_ready;

/* Sends numbered packets, flow i % FLOWS, some large enough to cross as mbufs. */
static void *sender(void *arg)
{
	struct rte_mbuf *m[BURST];
	uint32_t next = 0;
	uint16_t have = 0, sent;

	(void)arg;
	while (next < PACKETS || have > 0) {
		while (have < BURST && next < PACKETS) {
			m[have] = frame_new(pool, next, (uint16_t)(next % FLOWS), next % 100 ? 60 : 700, true);
			if (m[have] == NULL)
				break;
			have++;
			next++;
		}
		sent = port[0]->ops->tx(port[0], 0, m, have, 0);
		memmove(m, m + sent, (have - sent) * sizeof(m[0]));
		have -= sent;
		if (sent == 0)
			sched_yield();
	}
	return NULL;
}

struct seen {
	uint32_t total, disorder, wrong_queue;
};

static void *receiver(void *arg)
{
	static uint32_t last[FLOWS];
	struct seen *seen = arg;
	struct rte_mbuf *m[BURST];

	__atomic_store_n(&receiver_ready, true, __ATOMIC_RELEASE);
	while (seen->total < PACKETS) {
		uint32_t before = seen->total;

		for (uint16_t q = 0; q < QUEUES; q++) {
			uint16_t n = port[1]->ops->rx(port[1], q, m, BURST, 0);

			for (uint16_t i = 0; i < n; i++) {
				uint32_t mark = frame_mark(m[i]), *l = &last[mark % FLOWS];

				seen->disorder += mark + 1 <= *l;
				seen->wrong_queue += rss_queue(&port[1]->rss, m[i]->hash.rss) != q;
				*l = mark + 1;
			}
			rte_pktmbuf_free_bulk(m, n);
			seen->total += n;
		}
		if (before == seen->total)
			sched_yield();
	}
	return NULL;
}

static void two_threads(void **state)
{
	struct sim_config cfg = {.n_queues = {1, QUEUES}, .offloads = 0x3f, .seed = 3, .ring_packets = 256};
	struct rte_mempool *pools[PORT_QUEUES_MAX] = {pool, pool, pool};
	struct seen seen = {0};
	pthread_t rx, tx;

	(void)state;
	assert_int_equal(sim_open(&cfg, port), 0);
	port[0]->ops->start(port[0], pools);
	port[1]->ops->start(port[1], pools);
	assert_int_equal(pthread_create(&rx, NULL, receiver, &seen), 0);
	while (!__atomic_load_n(&receiver_ready, __ATOMIC_ACQUIRE))
		sched_yield();
	assert_int_equal(pthread_create(&tx, NULL, sender, NULL), 0);
	pthread_join(tx, NULL);
	pthread_join(rx, NULL);
	assert_int_equal(seen.total, PACKETS);
	assert_int_equal(seen.disorder, 0);
	assert_int_equal(seen.wrong_queue, 0);
	port[0]->ops->close(port[0]);
	port[1]->ops->close(port[1]);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(two_threads)};

	if (eal_for_test(192) != 0)
		return 1;
	pool = pool_for_test("threads", 8191);
	return pool == NULL || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
