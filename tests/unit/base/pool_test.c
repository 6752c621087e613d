/* pool_test.c: index pools, and the regions they live in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/pool.h"

static void pool_all(void **state)
{
	struct pool p;
	uint32_t idx;

	(void)state;
	assert_int_equal(pool_init(&p, 1000, 64, -1), 0);
	for (uint32_t i = 1; i <= 1000; i++) {
		idx = pool_get(&p);
		assert_int_equal(idx, i);
		assert_int_equal((uintptr_t)pool_at(&p, idx) % 64, 0);
		assert_int_equal(pool_index(&p, pool_at(&p, idx)), idx);
		for (unsigned j = 0; j < 64; j++)
			assert_int_equal(((uint8_t *)pool_at(&p, idx))[j], 0);
		memset(pool_at(&p, idx), 0xee, 64);
	}
	assert_int_equal(pool_get(&p), 0);
	assert_int_equal(p.used, 1000);
	pool_put(&p, 7);
	pool_put(&p, 400);
	assert_int_equal(p.used, 998);
	assert_int_equal(pool_get(&p), 400); /* newest first */
	assert_int_equal(pool_get(&p), 7);
	assert_int_equal(pool_get(&p), 0);
	pool_fini(&p);
}

static void pool_args(void **state)
{
	struct pool p;

	(void)state;
	assert_int_equal(pool_init(&p, 10, 4, -1), -EINVAL);
	assert_int_equal(pool_init(&p, 10, 10, -1), -EINVAL);
	assert_int_equal(pool_init(&p, UINT32_MAX, 8, -1), -EINVAL);
	assert_int_equal(pool_init(&p, 0, 8, -1), 0);
	assert_int_equal(pool_get(&p), 0);
	pool_fini(&p);
}

static void region_sizes(void **state)
{
	static const size_t len[] = { 0, 1, 4095, 4097, (4u << 20) - 1, 4u << 20, (5u << 20) + 1, (size_t)8 << 30 };
	struct region r;

	(void)state;
	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		assert_int_equal(region_map(&r, len[i], 0), 0);
		assert_true(r.len_bytes >= len[i]);
		assert_int_equal((uintptr_t)r.base % 4096, 0);
		if (len[i] >= 4u << 20)
			assert_int_equal((uintptr_t)r.base % (2u << 20), 0);
		if (len[i] > 0) {
			assert_int_equal(((uint8_t *)r.base)[len[i] - 1], 0);
			((uint8_t *)r.base)[0] = ((uint8_t *)r.base)[len[i] - 1] = 1;
		}
		region_unmap(&r);
		assert_null(r.base);
		region_unmap(&r);
	}
	assert_int_equal(region_map(&r, SIZE_MAX - 100, -1), -ENOMEM);
	assert_int_equal(region_map(&r, (size_t)1 << 60, -1), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_all),
		cmocka_unit_test(pool_args),
		cmocka_unit_test(region_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
