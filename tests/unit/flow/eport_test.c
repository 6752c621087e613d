/* eport_test.c: ephemeral ports against brute force: every home port exactly once, for many keys, tables and ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/eport.h"
#include "flow/eport_impl.h"

#define RADDR RTE_BE32(0xc6336401)
#define RPORT RTE_BE16(443)
#define LADDR RTE_BE32(0x0a000005)

enum key_kind { KEY_MICROSOFT, KEY_SYMMETRIC, KEY_RANDOM, KEY_RANDOM_52, KEY_ZERO, KEY_SPARSE,
	KEY_ONES, KEY_PERIOD_2, KEY_PERIOD_3, KEY_KINDS };

static const uint8_t microsoft[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static void make_rss(struct rss *r, enum key_kind kind, uint16_t reta_size, uint16_t queues, struct prng *p)
{
	uint8_t key[RSS_KEY_MAX] = { 0 };
	uint16_t reta[RSS_RETA_MAX];

	for (int i = 0; i < RSS_KEY_MAX; i++)
		if (kind == KEY_RANDOM || kind == KEY_RANDOM_52)
			key[i] = (uint8_t)prng_u32(p);
		else if (kind == KEY_SYMMETRIC)
			key[i] = i & 1 ? 0x5a : 0x6d;
		else if (kind == KEY_SPARSE)
			key[i] = i % 5 == 4 ? 0x10 : 0; /* the port bits reach few hash bits */
		else if (kind >= KEY_ONES) /* poor: the hashes of all ports are combinations of one, two or three */
			key[i] = kind == KEY_ONES ? 0xff : kind == KEY_PERIOD_2 ? 0xaa : (const uint8_t[]){ 0x92, 0x49, 0x24 }[i % 3];
	if (kind == KEY_MICROSOFT)
		memcpy(key, microsoft, sizeof(microsoft));
	for (int i = 0; i < reta_size; i++)
		reta[i] = (uint16_t)(kind == KEY_RANDOM ? prng_below(p, queues) : (uint32_t)i % queues);
	assert_int_equal(rss_init(r, key, kind == KEY_RANDOM_52 ? 52 : 40, reta, reta_size, queues), 0);
}

static uint32_t hash_of(const struct rss *r, const struct flow_key *k)
{
	return rss_hash4(r, k->raddr_be, k->laddr_be, k->rport_be, k->lport_be);
}

/* Which ports can be chosen, by looking at each. */
static uint32_t brute(const struct rss *r, uint16_t queue, rte_be32_t laddr, rte_be32_t raddr, uint16_t lo, uint16_t hi,
		      uint8_t *home)
{
	struct flow_key k = { laddr, raddr, 0, RPORT };
	uint32_t n = 0;

	memset(home, 0, 65536);
	for (uint32_t port = lo; port <= hi; port++) {
		k.lport_be = rte_cpu_to_be_16((uint16_t)port);
		home[port] = rss_queue(r, hash_of(r, &k)) == queue;
		n += home[port];
	}
	return n;
}

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
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &k, &hash), 0);
		assert_true(k.laddr_be == laddr && k.raddr_be == RADDR && k.rport_be == RPORT);
		assert_true(hash == hash_of(r, &k) && rss_queue(r, hash) == queue);
		got[i] = rte_be_to_cpu_16(k.lport_be);
		assert_int_equal(home[got[i]], 1); /* in the range, ours, not seen before */
		home[got[i]] = 2;
	}
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	for (uint32_t i = 0; i < 20 && want > 0; i++) {
		uint32_t one = prng_below(p, want);

		k = (struct flow_key){ laddr, RADDR, rte_cpu_to_be_16(got[one]), RPORT };
		eport_put(e, &k);
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &k, &hash), 0);
		assert_int_equal(rte_be_to_cpu_16(k.lport_be), got[one]);
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
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
		struct eport *e = eport_new(s, queue, 100, &p, -1);

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
		for (uint16_t size = 1; size <= RSS_RETA_MAX; size *= 2) {
			fill_case(kind, size, 1, 1, 65535);
			fill_case(kind, size, size > 128 ? 128 : size, 32768, 60999);
		}
		fill_case(kind, 2048, 7, 1024, 65535);
	}
}

static void fill_every_range(void **state)
{
	static const uint16_t range[][2] = {
		{ 1, 1 }, { 65535, 65535 }, { 40000, 40009 }, { 40000, 40039 }, { 1000, 1300 }, { 20000, 21999 }, { 512, 1023 },
	};

	(void)state;
	for (enum key_kind kind = 0; kind < KEY_KINDS; kind++)
		for (unsigned i = 0; i < 7; i++) {
			fill_case(kind, 128, 1, range[i][0], range[i][1]);
			fill_case(kind, 512, 3, range[i][0], range[i][1]);
			fill_case(kind, 128, 64, range[i][0], range[i][1]);
		}
}

/* ---- random takes, exact takes and puts against a model ---- */

#define M_LADDRS 5
#define M_RADDRS 3

struct model {
	uint8_t busy[M_LADDRS][M_RADDRS][65536];
	struct flow_key live[200000];
	uint32_t n_live;
};

static void model_add(struct model *m, const struct flow_key *k)
{
	uint32_t l = rte_be_to_cpu_32(k->laddr_be) & 0xff, r = rte_be_to_cpu_32(k->raddr_be) & 0xff;

	assert_int_equal(m->busy[l][r][rte_be_to_cpu_16(k->lport_be)], 0);
	m->busy[l][r][rte_be_to_cpu_16(k->lport_be)] = 1;
	m->live[m->n_live++] = *k;
}

static void model_put(struct model *m, struct eport *e, uint32_t i)
{
	struct flow_key k = m->live[i];

	eport_put(e, &k);
	m->busy[rte_be_to_cpu_32(k.laddr_be) & 0xff][rte_be_to_cpu_32(k.raddr_be) & 0xff][rte_be_to_cpu_16(k.lport_be)] = 0;
	m->live[i] = m->live[--m->n_live];
}

static bool model_none_free(const struct model *m, const uint8_t home[][M_RADDRS][65536], const rte_be32_t *list, uint32_t n,
			    uint32_t r)
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
	e = eport_new(s, 0, M_LADDRS * M_RADDRS * 2, &p, -1);
	for (uint32_t l = 0; l < M_LADDRS; l++)
		for (uint32_t ra = 0; ra < M_RADDRS; ra++)
			brute(&r, 0, rte_cpu_to_be_32(0x0a000000 + l), rte_cpu_to_be_32(0xc0a80000 + ra), lo, hi, home[l][ra]);
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
			n = m.busy[rte_be_to_cpu_32(k.laddr_be) & 0xff][ra][rte_be_to_cpu_16(k.lport_be)];
			assert_int_equal(eport_take_exact(e, &k), n ? -EADDRINUSE : 0);
			if (!n)
				model_add(&m, &k);
		} else {
			n = random_list(list, &p);
			int err = eport_take(e, list, n, raddr, RPORT, &k, &hash);

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
	assert_int_equal(e->groups.used + e->dests.used + e->lists.used + e->foreign_bitmaps.used, 0);
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
	e = eport_new(s, 5, 2 * N, &p, -1);
	for (uint32_t i = 0; i < N; i++) {
		list[i] = rte_cpu_to_be_32(0x0a010000 + i);
		other[i] = rte_cpu_to_be_32(0x0a010000 + (i + 1) % N);
	}
	while (eport_take(e, list, N, RADDR, RPORT, &key[n], &hash) == 0) {
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
	assert_int_equal(eport_take(e, other, N, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	assert_int_equal(eport_take(e, other, N - 1, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	assert_int_equal(eport_take(e, other, 1, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	/* One comes back: found through any list that has its address, and through no other. */
	for (int i = 0; i < 50; i++) {
		uint32_t one = prng_below(&p, n);
		rte_be32_t not_it[2] = { list[0], list[1] };

		if (key[one].laddr_be == list[0] || key[one].laddr_be == list[1])
			continue;
		eport_put(e, &key[one]);
		assert_int_equal(eport_take(e, not_it, 2, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
		assert_int_equal(eport_take(e, i & 1 ? list : other, N, RADDR, RPORT, &k, &hash), 0);
		assert_true(flow_key_eq(&k, &key[one]));
		assert_int_equal(eport_take(e, list, N, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	}
	/* Another destination is not touched by that. */
	assert_int_equal(eport_take(e, list, N, RADDR, RTE_BE16(444), &k, &hash), 0);
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
	static const rte_be32_t full[2] = { LADDR, LADDR + 1 }, fresh[2] = { LADDR + 2, LADDR + 3 }, half[2] = { LADDR, LADDR + 4 };
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
	e = eport_new(s, 5, 16, &p, -1);
	while (eport_take(e, full, 2, RADDR, RPORT, &k, &hash) == 0)
		;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(eport_take(e, fresh, 2, RADDR, RPORT, &k, &hash), 0);
		assert_true(k.laddr_be == fresh[0] || k.laddr_be == fresh[1]);
		assert_int_equal(eport_take(e, half, 2, RADDR, RPORT, &k, &hash), 0);
		assert_true(k.laddr_be == half[1]);
		assert_int_equal(eport_take(e, full, 2, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	}
	eport_free(e);
	eport_space_free(s);
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
	e = eport_new(s, 0, 4, &p, -1);
	for (uint32_t n = 0; n < 1000; n++) {
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &key[n], &hash), 0);
		g = eport_group_find(e, LADDR, RADDR, RPORT, false);
		assert_int_equal(g->used, n + 1);
		assert_int_equal(g->mode, n < 15 ? SET_INLINE : n < 64 ? SET_SMALL : n < 256 ? SET_LARGE : SET_BITMAP);
		for (uint32_t i = 0; i <= n; i++)
			assert_int_equal(eport_take_exact(e, &key[i]), -EADDRINUSE);
	}
	assert_int_equal(g->left, 64512 - 1000);
	for (uint32_t n = 1000; n-- > 0;) {
		eport_put(e, &key[n]);
		g = eport_group_find(e, LADDR, RADDR, RPORT, false);
		if (n > 0)
			assert_int_equal(g->mode, n > 8 ? SET_BITMAP : SET_INLINE);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(eport_take_exact(e, &key[i]), -EADDRINUSE);
	}
	assert_null(g);
	/* Groups are bounded. */
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(eport_take(e, list, 1, RADDR, (rte_be16_t)(i + 1), &key[i], &hash), 0);
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &key[4], &hash), -ENOBUFS);
	eport_put(e, &key[0]);
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &key[4], &hash), 0);
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
	e = eport_new(s, 2, 4, &p, -1);
	for (uint32_t port = 1; port <= 65535; port++) {
		k.lport_be = rte_cpu_to_be_16((uint16_t)port);
		assert_int_equal(eport_take_exact(e, &k), 0);
		assert_int_equal(eport_take_exact(e, &k), -EADDRINUSE);
	}
	assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &k, &hash), -EADDRNOTAVAIL);
	for (uint32_t port = 1; port <= 65535; port++) {
		k.lport_be = rte_cpu_to_be_16((uint16_t)port);
		eport_put(e, &k);
	}
	assert_int_equal(e->groups.used + e->dests.used + e->foreign_bitmaps.used + e->set[SET_BITMAP].used, 0);
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
	r.reta_size = 127;
	assert_null(eport_space_new(&r, 1024, 65535));
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
	e = eport_new(s, 3, 4, &p, -1);
	for (int i = 0; i < 64000; i++) {
		assert_int_equal(eport_take(e, list, 1, RADDR, RPORT, &k, &hash), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fill_every_key),
		cmocka_unit_test(fill_every_table),
		cmocka_unit_test(fill_every_range),
		cmocka_unit_test(random_model),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(other_addresses),
		cmocka_unit_test(set_sizes),
		cmocka_unit_test(exact_takes_all),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(unpredictable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
