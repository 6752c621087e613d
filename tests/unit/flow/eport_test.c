/* eport_test.c: ephemeral ports against brute force: every home port exactly once, for many keys, tables, ranges. */
#include "eport_test.h"

#include <rte_common.h>

/* Takes all ports of a destination, then one more; frees one and gets that one; gives all back. */
static void fill_one(const struct rss *r, struct eport *e, uint16_t queue, rte_be32_t laddr, uint16_t lo, uint16_t hi,
		     struct prng *p)
{
	static uint8_t home[65536];
	static uint16_t got[65536];
	uint32_t want = brute(r, queue, laddr, RADDR, lo, hi, home), hash;
	struct flow_key k = { laddr, RADDR, 0, RPORT };
	rte_be32_t list[1] = { laddr };

	for (uint32_t i = 0; i < want; i++) {
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), 0);
		assert_true(k.laddr_be == laddr && k.raddr_be == RADDR && k.rport_be == RPORT);
		assert_true(hash == hash_of(r, &k) && rss_queue(r, hash) == queue);
		got[i] = rte_be_to_cpu_16(k.lport_be);
		assert_int_equal(home[got[i]], 1); /* in the range, ours, not seen before */
		home[got[i]] = 2;
	}
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	for (uint32_t i = 0; i < 20 && want > 0; i++) {
		uint32_t one = prng_below(p, want);

		k = (struct flow_key){ laddr, RADDR, rte_cpu_to_be_16(got[one]), RPORT };
		eport_put(e, &k);
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), 0);
		assert_int_equal(rte_be_to_cpu_16(k.lport_be), got[one]);
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	}
	for (uint32_t i = want; i > 0; i--) {
		uint32_t one = prng_below(p, i);

		k = (struct flow_key){ laddr, RADDR, rte_cpu_to_be_16(got[one]), RPORT };
		eport_put(e, &k);
		got[one] = got[i - 1];
	}
	assert_int_equal(e->groups.used, 0);
	assert_int_equal(e->dests.used, 0);
	assert_int_equal(e->lists.used, 0);
	for (int m = SET_SMALL; m < SET_MODES; m++)
		assert_int_equal(e->set[m].used, 0);
}

static void fill_case(enum key_kind kind, uint16_t reta_size, uint16_t queues, uint16_t lo, uint16_t hi)
{
	static struct rss r;
	struct eport_space *s;
	struct prng p;

	prng_seed(&p, (uint64_t)kind << 32 | (uint32_t)queues << 16 | reta_size);
	make_rss(&r, kind, reta_size, queues, &p);
	s = eport_space_new(&r, lo, hi);
	assert_non_null(s);
	for (int i = 0; i < 3; i++) {
		uint16_t queue = (uint16_t)(i == 0 ? 0 : prng_below(&p, queues));
		struct eport *e = eport_new(s, queue, NULL, 100, &p, -1);

		assert_non_null(e);
		fill_one(&r, e, queue, LADDR + (rte_be32_t)i * 0x01000000, lo, hi, &p);
		eport_free(e);
	}
	eport_space_free(s);
}

static void fill_every_key(void **state)
{
	static const uint16_t queues[] = { 1, 2, 3, 4, 16, 64, 128 };

	(void)state;
	for (enum key_kind kind = 0; kind < KEY_KINDS; kind++)
		for (unsigned q = 0; q < 7; q++)
			fill_case(kind, 128, queues[q], 1024, 65535);
}

static void fill_every_table(void **state)
{
	(void)state;
	for (enum key_kind kind = 0; kind < KEY_KINDS; kind++) {
		for (uint16_t size = 1; size <= RSS_RETA_MAX; size *= 2)
			fill_case(kind, size, size > 128 ? 128 : size, 32768, 60999);
		fill_case(kind, 1, 1, 1, 65535);
		fill_case(kind, RSS_RETA_MAX, 1, 1, 65535);
		fill_case(kind, RSS_RETA_MAX, 7, 1024, 65535);
	}
}

static void fill_every_range(void **state)
{
	static const uint16_t range[][2] = {
		{ 1, 1 }, { 65535, 65535 }, { 40000, 40009 }, { 40000, 40039 }, { 1000, 1300 }, { 20000, 21999 },
		{ 512, 1023 },
	};

	(void)state;
	for (enum key_kind kind = 0; kind < KEY_KINDS; kind++)
		for (unsigned i = 0; i < 7; i++) {
			fill_case(kind, 128, 1, range[i][0], range[i][1]);
			fill_case(kind, 512, 3, range[i][0], range[i][1]);
			fill_case(kind, 128, 64, range[i][0], range[i][1]);
		}
}

/* ---- sizes of sets ---- */

static void set_sizes(void **state)
{
	static struct flow_key key[1000];
	static struct rss r;
	struct eport_space *s;
	struct eport *e;
	struct eport_group *g;
	struct prng p;
	const rte_be32_t list[1] = { LADDR };
	uint32_t hash;

	(void)state;
	prng_seed(&p, 5);
	make_rss(&r, KEY_RANDOM_52, 128, 1, &p);
	s = eport_space_new(&r, 1024, 65535);
	e = eport_new(s, 0, NULL, 4, &p, -1);
	for (uint32_t n = 0; n < 1000; n++) {
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &key[n], &hash), 0);
		g = eport_group_find(e, LADDR, RADDR, RPORT, 0);
		assert_int_equal(g->used, n + 1);
		assert_int_equal(g->mode, n < 15 ? SET_INLINE : n < 64 ? SET_SMALL : n < 256 ? SET_LARGE : SET_BITMAP);
		for (uint32_t i = 0; i <= n; i++)
			assert_int_equal(eport_take_exact(e, &key[i]), -EADDRINUSE);
	}
	assert_int_equal(g->left, 64512 - 1000);
	for (uint32_t n = 1000; n-- > 0;) {
		eport_put(e, &key[n]);
		g = eport_group_find(e, LADDR, RADDR, RPORT, 0);
		if (n > 0)
			assert_int_equal(g->mode, n > 8 ? SET_BITMAP : SET_INLINE);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(eport_take_exact(e, &key[i]), -EADDRINUSE);
	}
	assert_null(g);
	/* Groups are bounded. */
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(eport_take(e, list, 1, RADDR, (rte_be16_t)(i + 1), 0, &key[i], &hash), 0);
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &key[4], &hash), -ENOBUFS);
	eport_put(e, &key[0]);
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &key[4], &hash), 0);
	eport_free(e);
	eport_space_free(s);
}

static void exact_takes_all(void **state)
{
	static struct rss r;
	struct eport_space *s;
	struct eport *e;
	struct flow_key k = { LADDR, RADDR, 0, RPORT };
	const rte_be32_t list[1] = { LADDR };
	struct prng p;
	uint32_t hash;

	(void)state;
	prng_seed(&p, 6);
	make_rss(&r, KEY_MICROSOFT, 128, 4, &p);
	s = eport_space_new(&r, 1024, 65535);
	e = eport_new(s, 2, NULL, 4, &p, -1);
	for (uint32_t port = 1; port <= 65535; port++) {
		k.lport_be = rte_cpu_to_be_16((uint16_t)port);
		assert_int_equal(eport_take_exact(e, &k), 0);
		assert_int_equal(eport_take_exact(e, &k), -EADDRINUSE);
	}
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	for (uint32_t port = 1; port <= 65535; port++) {
		k.lport_be = rte_cpu_to_be_16((uint16_t)port);
		eport_put(e, &k);
	}
	assert_int_equal(e->groups.used + e->dests.used + e->port_bitmaps.used + e->set[SET_BITMAP].used, 0);
	eport_free(e);
	eport_space_free(s);
}

static void bad_arguments(void **state)
{
	static struct rss r;
	struct prng p;

	(void)state;
	prng_seed(&p, 7);
	make_rss(&r, KEY_MICROSOFT, 128, 4, &p);
	assert_null(eport_space_new(&r, 2, 1));
	assert_null(eport_space_new(&r, 0, 65535));
}

/* Every port is about equally likely, and runs do not follow each other. */
static void unpredictable(void **state)
{
	static uint32_t seen[64];
	static struct rss r;
	struct eport_space *s;
	struct eport *e;
	struct flow_key k;
	const rte_be32_t list[1] = { LADDR };
	struct prng p;
	uint32_t hash, near = 0, last = 0;

	(void)state;
	prng_seed(&p, 8);
	make_rss(&r, KEY_MICROSOFT, 128, 16, &p);
	s = eport_space_new(&r, 1024, 65535);
	e = eport_new(s, 3, NULL, 4, &p, -1);
	for (int i = 0; i < 64000; i++) {
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), 0);
		uint32_t port = rte_be_to_cpu_16(k.lport_be);

		seen[port / 1024]++;
		near += port - last + 64 < 128;
		last = port;
		eport_put(e, &k);
	}
	assert_int_equal(seen[0], 0);
	for (int i = 1; i < 64; i++)
		assert_in_range(seen[i], 800, 1250);
	assert_true(near < 300); /* 64000 * 128 / 64512 = 127 expected */
	eport_free(e);
	eport_space_free(s);
}

/* RFC 6056: the ports of one destination, taken one after the other and kept, from the first in the group's line to the
 * bitmap. Counters, counters per destination, fixed steps and a sequence that does not depend on the seed would show. */
static void sequence(enum key_kind kind, uint16_t reta_size, uint16_t queues)
{
	enum { N = 2000 };
	static uint16_t got[2][N];
	static struct rss r;
	const rte_be32_t list[1] = { LADDR };
	uint32_t hash, up = 0, near = 0, same = 0, steps[65536 / 256] = { 0 }, most = 0;
	struct eport_space *s;
	struct flow_key k;
	struct prng p;

	prng_seed(&p, 10);
	make_rss(&r, kind, reta_size, queues, &p);
	s = eport_space_new(&r, 1024, 65535);
	for (int seed = 0; seed < 2; seed++) {
		prng_seed(&p, 20 + (uint64_t)seed);
		struct eport *e = eport_new(s, 1, NULL, 4, &p, -1);

		for (int i = 0; i < N; i++) {
			assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, 0, &k, &hash), 0);
			got[seed][i] = rte_be_to_cpu_16(k.lport_be);
		}
		eport_free(e);
	}
	for (int i = 1; i < N; i++) {
		uint16_t step = (uint16_t)(got[0][i] - got[0][i - 1]);

		up += got[0][i] > got[0][i - 1];
		near += (uint16_t)(step + 64) < 128;
		same += got[0][i] == got[1][i];
		steps[step / 256]++;
	}
	for (unsigned i = 0; i < RTE_DIM(steps); i++)
		most = steps[i] > most ? steps[i] : most;
	assert_in_range(up, N / 2 - 150, N / 2 + 150); /* a standard deviation is 13 (not 22: neighbours depend) */
	assert_true(near < 20);                        /* 4 expected */
	assert_true(same < 8);
	assert_true(most < 40);                        /* 8 expected, up to 16 for small steps */
	eport_space_free(s);
}

static void sequences(void **state)
{
	(void)state;
	sequence(KEY_MICROSOFT, 128, 4);
	sequence(KEY_RANDOM_52, 128, 16);
	sequence(KEY_RANDOM_52, 100, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fill_every_key),
		cmocka_unit_test(fill_every_table),
		cmocka_unit_test(fill_every_range),
		cmocka_unit_test(set_sizes),
		cmocka_unit_test(exact_takes_all),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(unpredictable),
		cmocka_unit_test(sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
