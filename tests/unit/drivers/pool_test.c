/* pool_test.c: memory pools of one core: the owner takes and frees, other threads take and free, and the count is always
 * right; with threads that pass mbufs round at the same time, nothing is lost and nothing is given out twice. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <rte_lcore.h>
#include <rte_ring.h>

#include "../eal.h"
#include "drivers/drivers.h"

#define N 2048

static struct rte_mempool *pool;
static struct rte_mbuf *held[N];

static int setup(void **state)
{
	(void)state;
	if (eal_for_test(192) != 0)
		return -1;
	pool = drivers_mbuf_pool("core", N, SOCKET_ID_ANY);
	return pool != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return 0;
}

static unsigned take(unsigned max)
{
	unsigned n = 0;

	while (n < max && (held[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	return n;
}

static void expect_all_free(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), N);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void counts_taken_and_free(unsigned n)
{
	assert_int_equal(take(n), n);
	assert_int_equal(rte_mempool_in_use_count(pool), n);
	rte_pktmbuf_free_bulk(held, n);
	expect_all_free();
}

static void test_every_mbuf_can_be_had_owned_or_not(void **state)
{
	(void)state;
	expect_all_free();
	counts_taken_and_free(N);
	drivers_pool_own(pool);
	expect_all_free();
	counts_taken_and_free(N);
	counts_taken_and_free(1);
	assert_int_equal(take(N), N);
	assert_null(rte_pktmbuf_alloc(pool));
	rte_pktmbuf_free_bulk(held, N);
	drivers_pool_disown(pool);
	expect_all_free();
	counts_taken_and_free(N);
}

static void test_no_mbuf_is_given_out_twice(void **state)
{
	(void)state;
	drivers_pool_own(pool);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(take(N), N);
		for (unsigned i = 0; i < N; i++) {
			assert_int_equal(held[i]->hash.usr & 0x80000000, 0);
			held[i]->hash.usr = 0x80000000;
		}
		for (unsigned i = 0; i < N; i++) {
			held[i]->hash.usr = 0;
			rte_pktmbuf_free(held[i]);
		}
	}
	drivers_pool_disown(pool);
}

/* Nobody but the owner may use the stack: what other threads free waits in the ring until the owner needs it. */
static void *free_all(void *arg)
{
	rte_pktmbuf_free_bulk(held, *(unsigned *)arg);
	return NULL;
}

static void test_what_another_thread_freed_comes_back(void **state)
{
	unsigned n;
	pthread_t t;

	(void)state;
	drivers_pool_own(pool);
	for (unsigned round = 0; round < 4; round++) {
		n = take(N);
		assert_int_equal(n, N);
		pthread_create(&t, NULL, free_all, &n);
		pthread_join(t, NULL);
		expect_all_free();
	}
	drivers_pool_disown(pool);
}

static void *take_some(void *arg)
{
	*(unsigned *)arg = take(32);
	rte_pktmbuf_free_bulk(held, *(unsigned *)arg);
	return NULL;
}

/* A thread that is no lcore finds some although the owner has nearly all of them. */
static void test_a_foreign_thread_can_take(void **state)
{
	unsigned n = 0;
	pthread_t t;

	(void)state;
	drivers_pool_own(pool);
	counts_taken_and_free(N);
	pthread_create(&t, NULL, take_some, &n);
	pthread_join(t, NULL);
	assert_int_equal(n, 32);
	drivers_pool_disown(pool);
	expect_all_free();
}

/* The cache of an lcore stays behind when its thread ends: disowning empties it. */
static void *own_and_leave(void *arg)
{
	struct rte_mbuf *m;

	(void)arg;
	if (rte_thread_register() < 0)
		return NULL;
	drivers_pool_own(pool);
	m = rte_pktmbuf_alloc(pool);
	rte_pktmbuf_free(m);
	drivers_pool_disown(pool);
	rte_thread_unregister();
	return pool;
}

static void test_an_owner_leaves_nothing_behind(void **state)
{
	void *ret = NULL;
	pthread_t t;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		pthread_create(&t, NULL, own_and_leave, NULL);
		pthread_join(t, &ret);
		assert_ptr_equal(ret, pool);
		counts_taken_and_free(N - 8); /* all but what might be in a cache could not be had then */
	}
}

/* Two threads with a ring between: the owner allocates, the other frees (as the far end of sim does with large frames), and
 * sometimes the owner frees itself. */
#define ROUNDS 200000u

static struct rte_ring *between;
static bool finished;

static void *consumer(void *arg)
{
	struct rte_mbuf *m[32];
	bool lcore = rte_thread_register() == 0;

	(void)arg;
	for (;;) {
		bool last = __atomic_load_n(&finished, __ATOMIC_ACQUIRE);
		unsigned n = rte_ring_sc_dequeue_burst(between, (void **)m, 32, NULL);

		for (unsigned i = 0; i < n; i++) {
			if (m[i]->hash.usr != 77)
				return NULL;
			m[i]->hash.usr = 0;
		}
		rte_pktmbuf_free_bulk(m, n);
		if (n == 0 && last)
			break;
		if (n == 0)
			sched_yield();
	}
	if (lcore)
		rte_thread_unregister();
	return between;
}

static void test_threads_pass_mbufs_round(void **state)
{
	unsigned sent = 0, idle = 0;
	void *ret = NULL;
	pthread_t t;

	(void)state;
	between = rte_ring_create("between", 512, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	assert_non_null(between);
	drivers_pool_own(pool);
	pthread_create(&t, NULL, consumer, NULL);
	while (sent < ROUNDS && idle < 100000000) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL) {
			idle++;
			sched_yield();
			continue;
		}
		assert_int_equal(m->hash.usr == 77, 0); /* in use over there */
		m->hash.usr = 77;
		if (sent % 3 != 0 && rte_ring_sp_enqueue(between, m) == 0) {
			sent++;
			continue;
		}
		m->hash.usr = 0;
		rte_pktmbuf_free(m);
		sent += sent % 3 == 0;
	}
	__atomic_store_n(&finished, true, __ATOMIC_RELEASE);
	pthread_join(t, &ret);
	rte_ring_free(between);
	drivers_pool_disown(pool);
	assert_ptr_equal(ret, between);
	assert_int_equal(sent, ROUNDS);
	expect_all_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mbuf_can_be_had_owned_or_not),
		cmocka_unit_test(test_no_mbuf_is_given_out_twice),
		cmocka_unit_test(test_what_another_thread_freed_comes_back),
		cmocka_unit_test(test_a_foreign_thread_can_take),
		cmocka_unit_test(test_an_owner_leaves_nothing_behind),
		cmocka_unit_test(test_threads_pass_mbufs_round),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
