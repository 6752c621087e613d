/* eport_model_test.c: random use of ephemeral ports against a model; many local addresses. */
#include "eport_test.h"

/* ---- random takes, exact takes and puts against a model ---- */

#define M_LADDRS 5
#define M_RADDRS 3

struct model {
	uint8_t busy[M_LADDRS][M_RADDRS][65536];
	struct flow_key live[200000];
	uint32_t n_live;
};

static uint8_t *model_at(struct model *m, const struct flow_key *k)
{
	uint32_t l = rte_be_to_cpu_32(k->laddr_be) & 0xff, r = rte_be_to_cpu_32(k->raddr_be) & 0xff;

	return &m->busy[l][r][rte_be_to_cpu_16(k->lport_be)];
}

static void model_add(struct model *m, const struct flow_key *k)
{
	assert_int_equal(*model_at(m, k), 0);
	*model_at(m, k) = 1;
	m->live[m->n_live++] = *k;
}

static void model_put(struct model *m, struct eport *e, uint32_t i)
{
	struct flow_key k = m->live[i];

	eport_put(e, &k);
	*model_at(m, &k) = 0;
	m->live[i] = m->live[--m->n_live];
}

static bool model_none_free(const struct model *m, const uint8_t home[][M_RADDRS][65536], const rte_be32_t *list,
			    uint32_t n, uint32_t r)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t l = rte_be_to_cpu_32(list[i]) & 0xff;

		for (uint32_t port = 0; port < 65536; port++)
			if (home[l][r][port] && !m->busy[l][r][port])
				return false;
	}
	return true;
}

static uint32_t random_list(rte_be32_t *list, struct prng *p)
{
	uint32_t n = prng_below(p, 8) == 0 ? 1 + prng_below(p, M_LADDRS) : M_LADDRS, start = prng_below(p, M_LADDRS);

	if (prng_below(p, 4) != 0)
		start = 0;
	for (uint32_t i = 0; i < n; i++)
		list[i] = rte_cpu_to_be_32(0x0a000000 + (start + i) % M_LADDRS);
	return n;
}

static void model_run(enum key_kind kind, uint16_t queues, uint16_t lo, uint16_t hi, uint32_t steps)
{
	static struct model m;
	static uint8_t home[M_LADDRS][M_RADDRS][65536];
	static struct rss r;
	struct eport_space *s;
	struct eport_stats st;
	struct eport *e;
	struct flow_key k;
	struct prng p;
	rte_be32_t list[M_LADDRS];
	uint32_t hash, n, refused = 0;

	memset(&m, 0, sizeof(m));
	prng_seed(&p, (uint64_t)kind << 16 | queues);
	make_rss(&r, kind, 128, queues, &p);
	s = eport_space_new(&r, lo, hi);
	e = eport_new(s, 0, NULL, M_LADDRS * M_RADDRS * 2, &p, -1);
	for (uint32_t l = 0; l < M_LADDRS; l++)
		for (uint32_t ra = 0; ra < M_RADDRS; ra++)
			brute(&r, 0, rte_cpu_to_be_32(0x0a000000 + l), rte_cpu_to_be_32(0xc0a80000 + ra), lo, hi,
			      home[l][ra]);
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t ra = prng_below(&p, M_RADDRS), what = prng_below(&p, 100);
		/* Filling for a while, then emptying, so that sets cross all their sizes both ways. */
		uint32_t put_share = step / (steps / 6) % 2 == 0 ? 25 : 75;
		rte_be32_t raddr = rte_cpu_to_be_32(0xc0a80000 + ra);

		if (what < put_share) {
			if (m.n_live > 0)
				model_put(&m, e, prng_below(&p, m.n_live));
		} else if (what < put_share + 5) {
			k = (struct flow_key){ rte_cpu_to_be_32(0x0a000000 + prng_below(&p, M_LADDRS)), raddr,
					       rte_cpu_to_be_16((uint16_t)(1 + prng_below(&p, 65535))), RPORT };
			n = *model_at(&m, &k);
			assert_int_equal(eport_take_exact(e, &k), n ? -EADDRINUSE : 0);
			if (!n)
				model_add(&m, &k);
		} else {
			n = random_list(list, &p);
			int err = eport_take(e, list, n, raddr, RPORT, 0, &k, &hash);

			if (err == 0) {
				uint32_t l = rte_be_to_cpu_32(k.laddr_be) & 0xff;

				assert_true(home[l][ra][rte_be_to_cpu_16(k.lport_be)] && hash == hash_of(&r, &k));
				model_add(&m, &k);
			} else {
				assert_int_equal(err, -EADDRNOTAVAIL);
				assert_true(refused++ % 64 != 0 || model_none_free(&m, home, list, n, ra));
			}
		}
	}
	eport_stats_get(e, &st);
	assert_true(st.taken - st.returned == m.n_live && st.failed == refused);
	while (m.n_live > 0)
		model_put(&m, e, m.n_live - 1);
	assert_int_equal(e->groups.used + e->dests.used + e->lists.used + e->port_bitmaps.used, 0);
	for (int i = SET_SMALL; i < SET_MODES; i++)
		assert_int_equal(e->set[i].used, 0);
	eport_free(e);
	eport_space_free(s);
}

static void random_model(void **state)
{
	(void)state;
	model_run(KEY_MICROSOFT, 1, 1024, 65535, 300000);
	model_run(KEY_RANDOM, 4, 1024, 65535, 300000);
	model_run(KEY_MICROSOFT, 64, 1024, 65535, 200000);
	model_run(KEY_RANDOM_52, 1, 40000, 40600, 100000);
	model_run(KEY_SYMMETRIC, 16, 32768, 60999, 200000);
	model_run(KEY_SPARSE, 128, 1024, 65535, 100000);
	model_run(KEY_RANDOM, 128, 30000, 30100, 50000);
}

/* ---- many local addresses ---- */

static void many_addresses(void **state)
{
	enum { N = LOCAL_ADDRS_MAX };
	static rte_be32_t list[N], other[N];
	static uint32_t per_addr[N];
	static struct flow_key key[N * 600];
	static struct rss r;
	struct eport_space *s;
	struct eport *e;
	struct flow_key k;
	struct prng p;
	uint32_t hash, n = 0, low = UINT32_MAX, high = 0, some;

	(void)state;
	prng_seed(&p, 77);
	make_rss(&r, KEY_MICROSOFT, 128, 128, &p);
	s = eport_space_new(&r, 1024, 65535);
	e = eport_new(s, 5, NULL, 2 * N, &p, -1);
	for (uint32_t i = 0; i < N; i++) {
		list[i] = rte_cpu_to_be_32(0x0a010000 + i);
		other[i] = rte_cpu_to_be_32(0x0a010000 + (i + 1) % N);
	}
	while (eport_take(e, list, N, RADDR, RPORT, 0, &key[n], &hash) == 0) {
		per_addr[rte_be_to_cpu_32(key[n].laddr_be) & 0x3ff]++;
		assert_int_equal(rss_queue(&r, hash), 5);
		if (++n == N * 100) { /* evenly: mean 100, a standard deviation of 10 */
			for (uint32_t i = 0; i < N; i++) {
				low = per_addr[i] < low ? per_addr[i] : low;
				high = per_addr[i] > high ? per_addr[i] : high;
			}
			assert_true(low > 50 && high < 150);
		}
	}
	/* 64512 ports over 128 queues, per address: each class has 504 of them on average, and all add up. */
	some = 0;
	for (uint32_t i = 0; i < N; i++) {
		static uint8_t home[65536];

		if (i % 64 == 0)
			assert_int_equal(per_addr[i], brute(&r, 5, list[i], RADDR, 1024, 65535, home));
		some += per_addr[i];
	}
	assert_int_equal(some, n);
	assert_int_equal(eport_take(e, other, N, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	assert_int_equal(eport_take(e, other, N - 1, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	assert_int_equal(eport_take(e, other, 1, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	/* One comes back: found through any list that has its address, and through no other. */
	for (int i = 0; i < 50; i++) {
		uint32_t one = prng_below(&p, n);
		rte_be32_t not_it[2] = { list[0], list[1] };

		if (key[one].laddr_be == list[0] || key[one].laddr_be == list[1])
			continue;
		eport_put(e, &key[one]);
		assert_int_equal(eport_take(e, not_it, 2, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
		assert_int_equal(eport_take(e, i & 1 ? list : other, N, RADDR, RPORT, 0, &k, &hash), 0);
		assert_true(flow_key_eq(&k, &key[one]));
		assert_int_equal(eport_take(e, list, N, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	}
	/* Another destination is not touched by that. */
	assert_int_equal(eport_take(e, list, N, RADDR, RTE_BE16(444), 0, &k, &hash), 0);
	eport_put(e, &k);
	for (uint32_t i = 0; i < n; i++)
		eport_put(e, &key[i]);
	assert_int_equal(e->groups.used + e->dests.used + e->lists.used, 0);
	eport_free(e);
	eport_space_free(s);
}

/* Another list of the same length: what was full of the one says nothing about the other. */
static void other_addresses(void **state)
{
	static const rte_be32_t full[2] = { LADDR, LADDR + 1 }, fresh[2] = { LADDR + 2, LADDR + 3 };
	static const rte_be32_t half[2] = { LADDR, LADDR + 4 };
	static struct rss r;
	struct eport_space *s;
	struct eport *e;
	struct flow_key k;
	struct prng p;
	uint32_t hash;

	(void)state;
	prng_seed(&p, 9);
	make_rss(&r, KEY_MICROSOFT, 128, 128, &p);
	s = eport_space_new(&r, 1024, 65535);
	e = eport_new(s, 5, NULL, 16, &p, -1);
	while (eport_take(e, full, 2, RADDR, RPORT, 0, &k, &hash) == 0)
		;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(eport_take(e, fresh, 2, RADDR, RPORT, 0, &k, &hash), 0);
		assert_true(k.laddr_be == fresh[0] || k.laddr_be == fresh[1]);
		assert_int_equal(eport_take(e, half, 2, RADDR, RPORT, 0, &k, &hash), 0);
		assert_true(k.laddr_be == half[1]);
		assert_int_equal(eport_take(e, full, 2, RADDR, RPORT, 0, &k, &hash), -EADDRNOTAVAIL);
	}
	eport_free(e);
	eport_space_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_model),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(other_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
