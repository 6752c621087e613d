/* wheel_test.c: the timer wheel against a list that is searched by brute force, over all levels and the wrap of
 * ticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/prng.h"
#include "base/seq.h"
#include "flow/flow.h"

#define N 400

struct model {
	bool armed[N + 1];
	uint32_t tick[N + 1];
	uint32_t n_armed;
};

static struct pool pools[FLOW_KINDS];
static struct wheel w;
static struct model m;

/* Objects of two kinds: odd indices are conns, even ones TIME-WAITs. */
static flow_ref ref_of(uint32_t i) { return ref_make(i & 1 ? FLOW_CONN : FLOW_TIMEWAIT, i); }

static void reset(uint32_t now)
{
	for (int k = 0; k < FLOW_KINDS; k++) {
		pool_fini(&pools[k]);
		assert_int_equal(pool_init(&pools[k], N, 64, -1), 0);
	}
	memset(&m, 0, sizeof(m));
	wheel_init(&w, now);
}

static struct wheel_node *node(flow_ref r)
{
	return &((struct flow_head *)pool_at(&pools[ref_kind(r)], ref_index(r)))->timer;
}

/* The earliest deadline as the wheel sees it: what is past is due at once. */
static bool model_first(uint32_t *first)
{
	bool any = false;

	for (uint32_t i = 1; i <= N; i++) {
		uint32_t t = seq_lt(m.tick[i], w.now) ? w.now : m.tick[i];

		if (m.armed[i] && (!any || seq_lt(t, *first))) {
			*first = t;
			any = true;
		}
	}
	return any;
}

static void check_next(void)
{
	uint32_t first, next = wheel_next(&w);

	if (!model_first(&first)) {
		assert_int_equal(next, w.now + 0x7fffffff);
		return;
	}
	assert_true(seq_le(next, first) && seq_ge(next, w.now));
	if (first - w.now < 256 && first >> 8 == w.now >> 8)
		assert_int_equal(next, first); /* exact on the lowest level */
}

static void advance(uint32_t now, uint32_t max, struct prng *p)
{
	flow_ref out[N];
	uint32_t n, last = 0;
	bool have_last = false;

	do {
		n = wheel_advance(&w, pools, now, out, max);
		assert_true(n <= max);
		for (uint32_t j = 0; j < n; j++) {
			uint32_t i = ref_index(out[j]);

			assert_true(out[j] == ref_of(i) && m.armed[i] && seq_le(m.tick[i], now));
			assert_false(wheel_armed(node(out[j])));
			if (have_last && seq_gt(m.tick[i], w.now - 100000))
				assert_true(seq_ge(m.tick[i], last) || seq_lt(m.tick[i], w.now));
			last = m.tick[i];
			have_last = true;
			m.armed[i] = false;
			m.n_armed--;
		}
		if (seq_le(wheel_next(&w), now) && prng_below(p, 2) == 0) { /* meanwhile somebody clears one that is due */
			uint32_t i = 1 + prng_below(p, N);

			wheel_clear(&w, pools, ref_of(i));
			m.n_armed -= m.armed[i];
			m.armed[i] = false;
		}
	} while (n == max || seq_le(wheel_next(&w), now));
	for (uint32_t i = 1; i <= N; i++)
		assert_true(!m.armed[i] || seq_gt(m.tick[i], now));
	assert_int_equal(w.now, now);
	assert_int_equal(w.armed, m.n_armed);
}

static uint32_t random_delta(struct prng *p)
{
	return prng_u32(p) >> (1 + prng_below(p, 31)); /* up to 2^31 - 1, all sizes alike */
}

static void run(uint32_t start, uint64_t seed, uint32_t steps)
{
	struct prng p;

	prng_seed(&p, seed);
	reset(start);
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t what = prng_below(&p, 100), i = 1 + prng_below(&p, N);

		if (what < 60) {
			uint32_t tick = w.now + random_delta(&p);

			if (prng_below(&p, 20) == 0)
				tick = w.now - random_delta(&p) / 2;
			wheel_set(&w, pools, ref_of(i), tick);
			m.n_armed += !m.armed[i];
			m.armed[i] = true;
			m.tick[i] = tick;
			assert_true(wheel_armed(node(ref_of(i))));
		} else if (what < 80) {
			wheel_clear(&w, pools, ref_of(i));
			m.n_armed -= m.armed[i];
			m.armed[i] = false;
			assert_false(wheel_armed(node(ref_of(i))));
		} else if (what < 85) {
			advance(wheel_next(&w), 1 + prng_below(&p, 5), &p);
		} else {
			advance(w.now + (random_delta(&p) >> 2), 1 + prng_below(&p, N - 1), &p);
		}
		check_next();
	}
}

static void wheel_model(void **state)
{
	(void)state;
	run(0, 1, 100000);
	run(0xffffff00, 2, 100000);
	run(0x7fffff80, 3, 100000);
	run(0xfffffffe, 4, 20000);
}

/* Small steps over the wrap, so that every level is spread where its byte turns. */
static void wheel_small_steps(void **state)
{
	struct prng p;

	(void)state;
	prng_seed(&p, 9);
	reset(0xfffe0000);
	for (uint32_t step = 0; step < 400000; step++) {
		uint32_t i = 1 + prng_below(&p, N);

		if (!m.armed[i]) {
			m.tick[i] = w.now + 1 + (random_delta(&p) >> 13);
			m.armed[i] = true;
			m.n_armed++;
			wheel_set(&w, pools, ref_of(i), m.tick[i]);
		}
		if (step % 8 == 0)
			advance(w.now + 1 + prng_below(&p, 8), 7, &p);
	}
}

/* On time to the tick, when turned tick by tick. */
static void wheel_on_time(void **state)
{
	flow_ref out[4];

	(void)state;
	for (uint32_t delta = 1; delta < 70000; delta = delta < 600 ? delta + 1 : delta + 509) {
		reset(0xffffff37);
		wheel_set(&w, pools, ref_of(1), w.now + delta);
		for (uint32_t t = 1; t < delta; t++)
			assert_int_equal(wheel_advance(&w, pools, 0xffffff37 + t, out, 4), 0);
		assert_int_equal(wheel_advance(&w, pools, 0xffffff37 + delta, out, 4), 1);
		assert_int_equal(out[0], ref_of(1));
	}
}

static void wheel_past(void **state)
{
	flow_ref out[4];

	(void)state;
	reset(1000);
	wheel_set(&w, pools, ref_of(1), 999);
	assert_int_equal(wheel_next(&w), 1000);
	assert_int_equal(wheel_advance(&w, pools, 1000, out, 4), 1); /* next advance, though time did not move */
	assert_int_equal(wheel_advance(&w, pools, 1000, out, 4), 0);
	/* Oldest first, and the clock does not run ahead of what did not fit. */
	wheel_set(&w, pools, ref_of(3), 5000);
	wheel_set(&w, pools, ref_of(2), 1300);
	wheel_set(&w, pools, ref_of(1), 1100);
	assert_int_equal(wheel_advance(&w, pools, 9000, out, 2), 2);
	assert_true(out[0] == ref_of(1) && out[1] == ref_of(2));
	assert_int_equal(w.now, 1300);
	assert_int_equal(wheel_advance(&w, pools, 9000, out, 2), 1);
	assert_int_equal(out[0], ref_of(3));
	/* Time does not go back. */
	assert_int_equal(wheel_advance(&w, pools, 8000, out, 2), 0);
	assert_int_equal(w.now, 9000);
}

/* How many of the test's nodes are at a level. */
static uint32_t nodes_at(uint32_t level)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < WHEEL_SLOTS; slot++)
		for (flow_ref r = w.slot[level][slot]; r != 0; r = node(r)->next)
			n++;
	return n;
}

/* In a slot that begins 256 ticks after 0x10000 they go to the level below ahead of it, some in each turn. */
static void wheel_spreads_ahead(void **state)
{
	flow_ref out[10];
	uint32_t before;

	(void)state;
	reset(0xff00 - 1);
	for (uint32_t i = 1; i <= N; i++)
		wheel_set(&w, pools, ref_of(i), 0x10100 + i % 256);
	assert_int_equal(nodes_at(1), N);
	assert_int_equal(wheel_advance(&w, pools, 0xffff, out, 10), 0);
	assert_int_equal(nodes_at(1), N);
	for (before = N; before > 0; before = nodes_at(1)) {
		assert_int_equal(wheel_advance(&w, pools, 0x10000, out, 10), 0);
		assert_int_equal(w.now, 0x10000);
		assert_int_equal(nodes_at(1), before > 2 ? before - 2 : 0);
		assert_int_equal(wheel_next(&w), 0x10100);
	}
	assert_int_equal(nodes_at(0), N);
}

/* When there was no time for that, turns are as short, and the wheel waits for them; whoever is set or cleared meanwhile is where
 * he belongs. */
static void wheel_spreads_in_steps(void **state)
{
	flow_ref out[10];
	uint32_t calls;

	(void)state;
	reset(0);
	for (uint32_t i = 1; i <= N; i++)
		wheel_set(&w, pools, ref_of(i), 0x50200 + i);
	assert_int_equal(nodes_at(2), N);
	assert_int_equal(wheel_advance(&w, pools, 0x50005, out, 10), 0);
	assert_int_equal(w.now, 0x50000);
	assert_int_equal(wheel_next(&w), 0x50000);
	assert_int_equal(nodes_at(2), N - 40);
	wheel_clear(&w, pools, ref_of(N)); /* the last one that was set was the first to move, ... */
	wheel_clear(&w, pools, ref_of(1)); /* ... and the first is the last */
	wheel_set(&w, pools, ref_of(2), 0x50001);
	for (calls = 0; nodes_at(2) > 0; calls++)
		assert_int_equal(wheel_advance(&w, pools, 0x50000, out, 10), 0);
	assert_int_equal(calls, (N - 42 + 39) / 40);
	assert_int_equal(wheel_advance(&w, pools, 0x50005, out, 10), 1);
	assert_int_equal(out[0], ref_of(2));
	for (uint32_t i = 3; i < N; i++) {
		while (wheel_next(&w) < 0x50200 + i)
			assert_int_equal(wheel_advance(&w, pools, wheel_next(&w), out, 10), 0);
		assert_int_equal(wheel_advance(&w, pools, 0x50200 + i, out, 10), 1);
		assert_int_equal(out[0], ref_of(i));
	}
	assert_int_equal(w.armed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wheel_model),
		cmocka_unit_test(wheel_small_steps),
		cmocka_unit_test(wheel_on_time),
		cmocka_unit_test(wheel_past),
		cmocka_unit_test(wheel_spreads_ahead),
		cmocka_unit_test(wheel_spreads_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
