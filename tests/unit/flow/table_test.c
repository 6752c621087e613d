/* table_test.c: the connection table against a model, with equal hashes and long chains; lookups by key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "flow/conn.h"
#include "flow/flow.h"

#define MODEL_MAX 3000

struct entry {
	uint32_t hash;
	flow_ref ref;
};

static uint32_t count(const struct table *t, uint32_t hash, flow_ref ref)
{
	const struct table_bucket *b = table_bucket_of(t, hash);
	uint32_t n = 0;

	for (;;) {
		for (uint32_t m = table_match(b, hash); m != 0; m &= m - 1)
			n += b->ref[__builtin_ctz(m)] == ref;
		if (b->next == 0)
			return n;
		b = table_next(t, b);
	}
}

/* 100 k random operations; hashes from a small set, so that many are equal and chains get long. */
static void table_model(void **state)
{
	static struct entry in[MODEL_MAX];
	static const uint32_t hash_kinds[] = { 1, 7, 100, 2000, UINT32_MAX };
	struct table t;
	struct prng p;

	(void)state;
	prng_seed(&p, 3);
	for (unsigned kind = 0; kind < 5; kind++) {
		uint32_t n = 0, next_ref = 1;

		assert_int_equal(table_init(&t, MODEL_MAX, -1), 0);
		for (uint32_t step = 0; step < 100000; step++) {
			uint32_t what = prng_below(&p, 100), grow = step / 10000 % 2 == 0 ? 60 : 30;
			uint32_t i = n > 0 ? prng_below(&p, n) : 0;

			if (what < grow) {
				struct entry e = { prng_below(&p, hash_kinds[kind]), next_ref };

				assert_int_equal(table_insert(&t, e.hash, e.ref), n < MODEL_MAX ? 0 : -ENOBUFS);
				if (n < MODEL_MAX) {
					in[n++] = e;
					next_ref++;
				}
			} else if (what < 90 && n > 0) {
				assert_true(table_remove(&t, in[i].hash, in[i].ref));
				assert_false(table_remove(&t, in[i].hash, in[i].ref));
				in[i] = in[--n];
			} else if (n > 0) {
				flow_ref tw = ref_make(FLOW_TIMEWAIT, next_ref++);

				assert_true(table_replace(&t, in[i].hash, in[i].ref, tw));
				assert_false(table_replace(&t, in[i].hash, in[i].ref, 1));
				in[i].ref = tw;
			}
			assert_int_equal(t.used, n);
			if (n > 0) {
				i = prng_below(&p, n);
				assert_int_equal(count(&t, in[i].hash, in[i].ref), 1);
				assert_int_equal(count(&t, in[i].hash ^ 0x80000000, in[i].ref), 0);
			}
			if (step % 5000 == 0)
				for (i = 0; i < n; i++)
					assert_int_equal(count(&t, in[i].hash, in[i].ref), 1);
		}
		while (n > 0) {
			n--;
			assert_true(table_remove(&t, in[n].hash, in[n].ref));
		}
		assert_int_equal(t.overflow.used, 0);
		table_fini(&t);
	}
}

/* All in one bucket: the most overflow buckets that can be. */
static void table_one_chain(void **state)
{
	struct table t;

	(void)state;
	assert_int_equal(table_init(&t, 1000, -1), 0);
	for (uint32_t i = 1; i <= 1000; i++)
		assert_int_equal(table_insert(&t, 0, i), 0);
	assert_int_equal(table_insert(&t, 0, 1001), -ENOBUFS);
	assert_int_equal(t.overflow.used, 142);
	for (uint32_t i = 1; i <= 1000; i++)
		assert_true(table_remove(&t, 0, i));
	assert_int_equal(t.overflow.used, 0);
	table_fini(&t);
	assert_int_equal(table_init(&t, 0, -1), -EINVAL);
	assert_int_equal(table_init_expect(&t, 10, 5, -1), -EINVAL);
	assert_int_equal(table_init(&t, 1, -1), 0);
	assert_int_equal(table_insert(&t, 0xffffffff, 1), 0);
	assert_int_equal(count(&t, 0xffffffff, 1), 1);
	table_fini(&t);
}

/* Hashes of one of 128 queues share their low 7 bits: they spread all the same. */
static void table_spread(void **state)
{
	enum { N = 1 << 17 };
	struct table t;
	struct prng p;

	(void)state;
	prng_seed(&p, 4);
	assert_int_equal(table_init(&t, N, -1), 0);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(table_insert(&t, prng_u32(&p) << 7 | 42, i + 1), 0);
	/* 32 K buckets with 4 on average: 5 % of Poisson's buckets exceed 7. */
	assert_in_range(t.overflow.used, 1, N / 4 * 6 / 100);
	table_fini(&t);
}

static void staged_find(void **state)
{
	enum { N = 5000, BURST = 32 };
	static struct flow f;
	static struct rss rss;
	static struct flow_key key[N];
	static const uint8_t rss_key[40] = { 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a }; /* few different hashes */
	const struct flow_config cfg = { .max_conns = N, .size_bytes = { [FLOW_TIMEWAIT] = 64 }, .numa_node = -1 };
	struct clock clock = { .tick = 1 };
	struct flow_key no;
	struct prng p;

	(void)state;
	prng_seed(&p, 5);
	assert_int_equal(rss_init(&rss, rss_key, 40, NULL, 128, 1), 0);
	assert_int_equal(flow_init(&f, &cfg, &rss, &clock, &p), 0);
	for (uint32_t i = 0; i < N; i++) {
		struct conn *c = conn_new(&f, CONN_TCP);

		assert_non_null(c);
		assert_int_equal((uintptr_t)c % 64, 0);
		c->h.key = key[i] = (struct flow_key){ prng_u32(&p), prng_u32(&p) | RTE_BE32(1u << 24), (uint16_t)i, 80 };
		c->h.hash = flow_hash(&f, &key[i]);
		assert_int_equal(table_insert(&f.tcp, c->h.hash, conn_ref(&f, c)), 0);
	}
	assert_null(conn_new(&f, CONN_TCP));
	for (uint32_t i = 0; i + BURST <= N; i += BURST) {
		for (uint32_t j = i; j < i + BURST; j++)
			table_prefetch(&f.tcp, flow_hash(&f, &key[j]));
		for (uint32_t j = i; j < i + BURST; j++)
			flow_prefetch(&f, &f.tcp, flow_hash(&f, &key[j]));
		for (uint32_t j = i; j < i + BURST; j++) {
			flow_ref r = flow_find(&f, &f.tcp, flow_hash(&f, &key[j]), &key[j]);

			assert_true(r != 0 && flow_key_eq(&flow_at(&f, r)->key, &key[j]));
			no = key[j];
			no.rport_be ^= 1;
			assert_int_equal(flow_find(&f, &f.tcp, flow_hash(&f, &key[j]), &no), 0);
		}
	}
	assert_int_equal(flow_find(&f, &f.udp, flow_hash(&f, &key[0]), &key[0]), 0);
	/* A stand-in of another kind takes a socket's place. */
	uint32_t idx = pool_get(&f.pool[FLOW_TIMEWAIT]);
	flow_ref tw = ref_make(FLOW_TIMEWAIT, idx), old = flow_find(&f, &f.tcp, flow_hash(&f, &key[9]), &key[9]);

	flow_at(&f, tw)->key = key[9];
	assert_true(table_replace(&f.tcp, flow_hash(&f, &key[9]), old, tw));
	assert_int_equal(flow_find(&f, &f.tcp, flow_hash(&f, &key[9]), &key[9]), tw);
	conn_free(&f, conn_at(&f, old));
	assert_non_null(conn_new(&f, CONN_UDP));
	flow_fini(&f);
}

static void flow_bad_config(void **state)
{
	static struct flow f;
	static struct rss rss;
	struct clock clock = { .tick = 1 };
	struct flow_config cfg = { .max_conns = 10, .size_bytes = { 128 }, .numa_node = -1 };

	(void)state;
	assert_int_equal(flow_init(&f, &cfg, &rss, &clock, NULL), -EINVAL);
	cfg = (struct flow_config){ .max_conns = 10, .size_bytes = { [FLOW_NEIGH] = 30 }, .numa_node = -1 };
	assert_int_equal(flow_init(&f, &cfg, &rss, &clock, NULL), -EINVAL);
	cfg = (struct flow_config){ .max_conns = 0, .numa_node = -1 };
	assert_int_equal(flow_init(&f, &cfg, &rss, &clock, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_model),
		cmocka_unit_test(table_one_chain),
		cmocka_unit_test(table_spread),
		cmocka_unit_test(staged_find),
		cmocka_unit_test(flow_bad_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
