/* hist_test.c: histogram quantiles, wrap-safe comparison, drop reasons, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/drop.h"
#include "base/hist.h"
#include "base/log.h"
#include "base/prng.h"
#include "base/seq.h"

#define SAMPLES 20000

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void hist_quantiles(void **state)
{
	static struct hist h, part[2];
	static uint64_t v[SAMPLES];
	static const double q[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };
	struct prng p;
	double sum = 0;

	(void)state;
	prng_seed(&p, 1);
	hist_reset(&h);
	hist_reset(&part[0]);
	hist_reset(&part[1]);
	assert_true(hist_quantile(&h, 0.5) == 0);
	assert_true(hist_mean(&h) == 0);
	for (int i = 0; i < SAMPLES; i++) {
		v[i] = prng_u64(&p) >> (20 + prng_below(&p, 44));
		hist_add(&part[i & 1], v[i]);
		sum += (double)v[i];
	}
	hist_merge(&h, &part[0]);
	hist_merge(&h, &part[1]);
	qsort(v, SAMPLES, sizeof(v[0]), cmp_u64);
	assert_true(h.count == SAMPLES && h.min == v[0] && h.max == v[SAMPLES - 1]);
	assert_true(hist_mean(&h) > sum / SAMPLES * 0.9999 && hist_mean(&h) < sum / SAMPLES * 1.0001);
	for (unsigned i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
		double rank = q[i] * SAMPLES;
		uint64_t r = (uint64_t)rank, got = hist_quantile(&h, q[i]), want;

		r += (double)r < rank || r == 0;
		want = v[r - 1];
		assert_true(got >= want && (double)got <= (double)want * (1 + 1.0 / 64));
	}
}

static void hist_edges(void **state)
{
	static struct hist h;

	(void)state;
	for (uint64_t x = 1; x != 0; x <<= 1)
		for (int d = -1; d <= 1; d++) {
			uint64_t v = x + (uint64_t)(int64_t)d, q;

			hist_reset(&h);
			hist_add(&h, v);
			hist_add(&h, UINT64_MAX); /* so that max does not hide the bucket's edge */
			q = hist_quantile(&h, 0.5);
			if (v < ((uint64_t)1 << 45) - ((uint64_t)1 << 38)) /* below the open-ended bucket */
				assert_true(q >= v && q - v <= v / 64);
			else
				assert_true(q >= v);
			assert_true(hist_quantile(&h, 1) == UINT64_MAX);
		}
}

static void seq_wraps(void **state)
{
	(void)state;
	assert_true(seq_lt(0xffffffff, 0) && seq_lt(0, 1) && !seq_lt(1, 1) && !seq_lt(0, 0xffffffff));
	assert_true(seq_le(1, 1) && seq_le(0xfffffff0, 5) && !seq_le(5, 0xfffffff0));
	assert_true(seq_gt(0, 0xffffffff) && seq_gt(0x80000000, 1) && !seq_gt(0x80000001, 0));
	assert_true(seq_ge(7, 7) && seq_ge(0, 0x80000001));
	assert_int_equal(seq_max(0xffffffff, 1), 1);
	assert_int_equal(seq_min(0xffffffff, 1), 0xffffffff);
}

static void drop_names(void **state)
{
	struct drops d = { { 0 } };

	(void)state;
	for (int i = 0; i < DROP_MAX; i++) {
		assert_true(strlen(drop_name((enum drop)i)) > 2);
		assert_true(strlen(drop_text((enum drop)i)) > 5);
	}
	assert_string_equal(drop_name(DROP_TCP_SEQ), "TCP_SEQ");
	drop_count(&d, DROP_TCP_SEQ);
	assert_true(d.n[DROP_TCP_SEQ] == 1);
}

static void clock_units(void **state)
{
	struct clock c;

	(void)state;
	clock_set(&c, 5000000000000123456u);
	assert_true(c.now_us == 5000000000000123u);
	assert_int_equal(c.tick, (uint32_t)(50000000000001u));
	assert_int_equal(c.now_ms, (uint32_t)5000000000000u);
	assert_int_equal(ticks_from_us(1), 1);
	assert_int_equal(ticks_from_us(100), 1);
	assert_int_equal(ticks_from_us(101), 2);
	assert_int_equal(ticks_from_ms(60000), 600000);
}

static void log_level(void **state)
{
	(void)state;
	assert_true(spate_logtype > 0);
	assert_int_equal(rte_log_get_level(spate_logtype), RTE_LOG_INFO);
	for (int i = 0; i < 2; i++)
		LOG_ONCE(INFO, "said once, %d", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hist_quantiles),
		cmocka_unit_test(hist_edges),
		cmocka_unit_test(seq_wraps),
		cmocka_unit_test(drop_names),
		cmocka_unit_test(clock_units),
		cmocka_unit_test(log_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
