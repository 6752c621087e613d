/* eport_property_test.c: ephemeral ports under random keys, tables, ranges and reserved ports, for both families, against
 * looking at every port. EPORT_SEED in the environment repeats one world; EPORT_WORLDS says how many are run. */
#include "eport_test.h"

#define SUBRANGE(lo, hi) ((uint32_t)(lo) | (uint32_t)(hi) << 16)

/* One allocator of one family, and what is known about the ports of one destination. */
struct world {
	struct rss rss;
	struct eport_space *space;
	struct eport *e;
	struct prng p;
	bool ip6;
	struct ip6_addr addr6[2]; /* local, remote */
	struct addr6s addrs;
	uint32_t laddr, raddr; /* as the allocator is given them */
	rte_be16_t rport_be;
	uint16_t lo, hi, queue;
	uint8_t home[65536];   /* can be chosen */
	uint8_t busy[65536];   /* 1: taken automatically, 2: explicitly */
	uint16_t got[65536];   /* ports taken automatically */
	uint32_t n_home, n_got;
	uint64_t seed;
};

static struct world w;

/* ---- making one ---- */

static void random_key(uint8_t key[RSS_KEY_MAX])
{
	uint32_t kind = prng_below(&w.p, 8), period = 1 + prng_below(&w.p, 3), some = prng_below(&w.p, 30);

	for (uint32_t i = 0; i < RSS_KEY_MAX; i++)
		key[i] = (uint8_t)prng_u32(&w.p);
	for (uint32_t i = 0; kind == 0 && i < RSS_KEY_MAX; i++) /* Woo and Park's symmetric key: the rank is poor */
		key[i] = i & 1 ? 0x5a : 0x6d;
	for (uint32_t i = period; kind == 1 && i < RSS_KEY_MAX; i++) /* repeats itself */
		key[i] = key[i - period];
	if (kind == 2)
		memset(key, 0, RSS_KEY_MAX);
	if (kind == 3) /* zeros but for a few bytes */
		memset(key + some, 0, RSS_KEY_MAX - some);
}

static uint16_t random_size(void)
{
	switch (prng_below(&w.p, 3)) {
	case 0: return (uint16_t)(1u << prng_below(&w.p, 12));
	case 1: return (uint16_t)(1 + prng_below(&w.p, RSS_RETA_MAX));
	default: return (uint16_t)(1 + prng_below(&w.p, 130));
	}
}

static void random_rss(void)
{
	uint8_t key[RSS_KEY_MAX];
	uint16_t reta[RSS_RETA_MAX], size = random_size();
	uint16_t queues = (uint16_t)(1 + prng_below(&w.p, prng_below(&w.p, 2) ? 4 : PORT_QUEUES_MAX));
	uint32_t shape = prng_below(&w.p, 4);

	random_key(key);
	for (uint32_t i = 0; i < size; i++)
		reta[i] = (uint16_t)(shape == 0 ? prng_below(&w.p, queues) :            /* uneven, some may be empty */
				     shape == 1 ? (prng_below(&w.p, 20) ? 0 : prng_below(&w.p, queues)) : /* one has nearly all */
						  i % queues);
	assert_int_equal(rss_init(&w.rss, key, prng_below(&w.p, 2) ? 40 : 52, reta, size, queues), 0);
	w.queue = (uint16_t)(prng_below(&w.p, 3) ? reta[prng_below(&w.p, size)] : prng_below(&w.p, queues));
}

static void random_range(void)
{
	static const uint16_t usual[][2] = {{1, 65535}, {1024, 65535}, {32768, 60999}};
	uint32_t which = prng_below(&w.p, 5);

	if (which < 3) {
		w.lo = usual[which][0];
		w.hi = usual[which][1];
	} else {
		w.lo = (uint16_t)(1 + prng_below(&w.p, 65535));
		w.hi = (uint16_t)(w.lo + prng_below(&w.p, which == 3 ? 65536u - w.lo : RTE_MIN(300u, 65536u - w.lo)));
	}
	w.space = eport_space_new(&w.rss, w.lo, w.hi);
	assert_non_null(w.space);
}

static void random_reserved(void)
{
	uint32_t n = prng_below(&w.p, 2) ? 0 : prng_below(&w.p, 40);

	for (uint32_t port = w.lo; port <= w.hi; port++)
		w.home[port] = 1;
	while (n-- > 0) {
		uint16_t lo = (uint16_t)prng_below(&w.p, 65536);
		uint16_t hi = (uint16_t)RTE_MIN(65535u, lo + prng_below(&w.p, prng_below(&w.p, 8) ? 20 : 5000));

		eport_space_reserve(w.space, lo, hi);
		for (uint32_t port = lo; port <= hi; port++)
			w.home[port] = 0;
	}
}

static uint32_t hash_at(uint16_t port)
{
	rte_be16_t port_be = rte_cpu_to_be_16(port);

	return w.ip6 ? rss_hash6(&w.rss, &w.addr6[1], &w.addr6[0], w.rport_be, port_be) :
		       rss_hash4(&w.rss, w.raddr, w.laddr, w.rport_be, port_be);
}

static void make_addresses(void)
{
	for (int i = 0; i < 32; i++)
		w.addr6[i / 16].b[i % 16] = (uint8_t)prng_u32(&w.p);
	w.rport_be = (rte_be16_t)(1 + prng_below(&w.p, 65535));
	/* 0.x.y.z is nobody's IPv4 address */
	w.laddr = w.ip6 ? addr6_get(&w.addrs, &w.addr6[0], 0) : rte_cpu_to_be_32(prng_u32(&w.p) | 1u << 24);
	w.raddr = w.ip6 ? addr6_get(&w.addrs, &w.addr6[1], 0) : rte_cpu_to_be_32(prng_u32(&w.p) | 1u << 24);
}

static void world_make(uint64_t seed)
{
	memset(&w, 0, sizeof(w));
	w.seed = seed;
	prng_seed(&w.p, seed);
	w.ip6 = prng_below(&w.p, 2);
	random_rss();
	random_range();
	random_reserved();
	assert_int_equal(addr6s_init(&w.addrs, 64, &w.rss, &w.p, -1), 0);
	w.e = eport_new(w.space, w.queue, &w.addrs, 64, &w.p, -1);
	assert_non_null(w.e);
	make_addresses();
	for (uint32_t port = 0; port < 65536; port++) {
		w.home[port] = w.home[port] && rss_queue(&w.rss, hash_at((uint16_t)port)) == w.queue;
		w.n_home += w.home[port];
	}
}

/* ---- what it is asked ---- */

static struct flow_key key_at(uint16_t port)
{
	return (struct flow_key){w.laddr, w.raddr, rte_cpu_to_be_16(port), w.rport_be};
}

/* -EADDRNOTAVAIL, or a port that is home and was free, now busy. */
static int take_one(uint32_t range)
{
	struct flow_key k;
	uint32_t hash;
	uint16_t port;
	int err = eport_take(w.e, &w.laddr, 1, w.raddr, w.rport_be, range, &k, &hash);

	if (err != 0)
		return err;
	port = rte_be_to_cpu_16(k.lport_be);
	assert_true(k.laddr_be == w.laddr && k.raddr_be == w.raddr && k.rport_be == w.rport_be);
	assert_true(hash == hash_at(port) && rss_queue(&w.rss, hash) == w.queue);
	assert_true(w.home[port] && !w.busy[port]);
	w.busy[port] = 1;
	w.got[w.n_got++] = port;
	return port;
}

static int take_exact(uint16_t port)
{
	struct flow_key k = key_at(port);

	return eport_take_exact(w.e, &k);
}

static void put_port(uint16_t port)
{
	struct flow_key k = key_at(port);

	eport_put(w.e, &k);
	w.busy[port] = 0;
}

static void put_got(uint32_t i)
{
	put_port(w.got[i]);
	w.got[i] = w.got[--w.n_got];
}

static uint32_t count(const uint8_t *v, uint8_t what)
{
	uint32_t n = 0;

	for (uint32_t port = 0; port < 65536; port++)
		n += v[port] == what;
	return n;
}

/* Explicit takes of ports that are free and of ports that are not, of any kind. Returns how many home ports they took. */
static uint32_t explicit_some(uint32_t tries)
{
	uint32_t n = 0;

	while (tries-- > 0) {
		uint16_t port = (uint16_t)(1 + prng_below(&w.p, 65535));
		int err = take_exact(port);

		assert_int_equal(err, w.busy[port] ? -EADDRINUSE : 0);
		if (err == 0) {
			w.busy[port] = 2;
			n += w.home[port];
		}
	}
	return n;
}

/* Fills up, and that is all that there is. */
static void fill(uint32_t want)
{
	while (w.n_got < want)
		assert_true(take_one(0) > 0);
	assert_int_equal(take_one(0), -EADDRNOTAVAIL);
}

static void put_and_take_again(uint32_t want)
{
	for (uint32_t round = 0; round < 3 && w.n_got > 0; round++) {
		uint32_t some = 1 + prng_below(&w.p, w.n_got);

		while (some-- > 0)
			put_got(prng_below(&w.p, w.n_got));
		fill(want);
	}
}

/* A part of the range: exact too. Bounds outside the automatic range mean its own, as on Linux. */
static void fill_part(void)
{
	uint16_t lo = (uint16_t)prng_below(&w.p, 65536), hi = (uint16_t)prng_below(&w.p, 65536), from, to;
	uint32_t want = 0, before = w.n_got, hash;
	struct flow_key k;
	int err;

	if (prng_below(&w.p, 2)) {
		lo = (uint16_t)(w.lo + prng_below(&w.p, (uint32_t)w.hi - w.lo + 1));
		hi = (uint16_t)RTE_MIN(65535u, lo + prng_below(&w.p, 200));
	}
	if (lo > hi || (lo == 0 && hi == 0))
		return;
	from = lo >= w.lo && lo <= w.hi ? lo : w.lo;
	to = hi >= w.lo && hi <= w.hi ? hi : w.hi;
	for (uint32_t port = from; port <= to; port++)
		want += w.home[port] && !w.busy[port];
	for (uint32_t i = 0; i < want; i++) {
		int port = take_one(SUBRANGE(lo, hi));

		assert_in_range(port, from, to);
	}
	assert_int_equal(take_one(SUBRANGE(lo, hi)), -EADDRNOTAVAIL);
	err = eport_guess(w.e, &w.laddr, 1, w.raddr, w.rport_be, SUBRANGE(lo, hi), &k, &hash);
	if (err == 0) {
		assert_in_range(rte_be_to_cpu_16(k.lport_be), from, to);
		assert_true(w.home[rte_be_to_cpu_16(k.lport_be)] && hash == hash_at(rte_be_to_cpu_16(k.lport_be)));
	}
	while (w.n_got > before)
		put_got(w.n_got - 1);
}

/* In a report are the home ports of every queue and destination, so also those of this one. */
static void check_report(void)
{
	struct eport_report r;
	char text[256];

	eport_space_report(w.space, w.ip6, &r);
	assert_int_equal(r.queues, w.rss.n_queues);
	assert_true(r.ports_min <= r.ports_max || r.queues_empty == r.queues);
	if (w.e->n_home == 0)
		assert_true(r.queues_empty > 0 && w.n_home == 0);
	else if (!r.odd)
		assert_in_range(w.n_home, r.ports_min, r.ports_max);
	eport_report_text(&r, text, sizeof(text));
	assert_true(strstr(text, "per destination") != NULL);
	assert_int_equal(strstr(text, "key is poor") != NULL, r.poor);
}

static void world_run(uint64_t seed)
{
	uint32_t explicit_home;

	world_make(seed);
	if (seed % 16 == 0) /* a million steps each */
		check_report();
	fill_part();
	explicit_home = explicit_some(prng_below(&w.p, 2) ? 100 : 1);
	for (uint32_t i = prng_below(&w.p, 2) ? 300 : 0; i > 0 && w.n_got + explicit_home < w.n_home; i--)
		take_one(0);
	fill_part();
	explicit_home += explicit_some(50);
	fill(w.n_home - explicit_home);
	assert_int_equal(count(w.busy, 1), w.n_home - explicit_home);
	assert_int_equal(explicit_some(20), 0); /* home ports are all busy */
	put_and_take_again(w.n_home - explicit_home);
	for (uint32_t port = 1; port < 65536; port++)
		if (w.busy[port] == 2)
			put_port((uint16_t)port);
	fill(w.n_home);
	while (w.n_got > 0)
		put_got(prng_below(&w.p, w.n_got));
	assert_int_equal(w.e->groups.used + w.e->dests.used + w.e->lists.used + w.e->port_bitmaps.used, 0);
	for (int m = SET_SMALL; m < SET_MODES; m++)
		assert_int_equal(w.e->set[m].used, 0);
	addr6_put(&w.addrs, w.laddr); /* which does nothing to an IPv4 address */
	addr6_put(&w.addrs, w.raddr);
	assert_int_equal(w.addrs.pool.used, 0);
	addr6s_fini(&w.addrs);
	eport_free(w.e);
	eport_space_free(w.space);
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v != NULL ? strtoull(v, NULL, 0) : otherwise;
}

static void random_worlds(void **state)
{
	uint64_t first = from_env("EPORT_SEED", 1), n = from_env("EPORT_WORLDS", getenv("EPORT_SEED") != NULL ? 1 : 150);

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++)
		world_run(seed);
	w.seed = 0;
}

static int tell_seed(void **state)
{
	(void)state;
	if (w.seed != 0)
		print_message("this world again: EPORT_SEED=%llu\n", (unsigned long long)w.seed);
	return 0;
}

/* ---- pools of local addresses ---- */

/* n local addresses, one destination, a part of the range: together exactly what each has, and evenly. */
static void pool_run(bool ip6, uint16_t reta_size, uint32_t range)
{
	enum { N = 24 };
	static uint8_t seen[N][65536];
	uint32_t list[N], per_addr[N] = {0}, want = 0, n = 0, hash, raddr;
	struct ip6_addr a6 = {{0xfd, [15] = 9}};
	struct flow_key k;

	memset(&w, 0, sizeof(w));
	memset(seen, 0, sizeof(seen));
	prng_seed(&w.p, reta_size + (uint64_t)ip6);
	make_rss(&w.rss, KEY_RANDOM_52, reta_size, 16, &w.p);
	w.space = eport_space_new(&w.rss, 1024, 65535);
	eport_space_reserve(w.space, 5000, 5999);
	assert_int_equal(addr6s_init(&w.addrs, 64, &w.rss, &w.p, -1), 0);
	w.e = eport_new(w.space, 7, &w.addrs, 64, &w.p, -1);
	raddr = ip6 ? addr6_get(&w.addrs, &a6, 0) : RADDR;
	for (uint32_t i = 0; i < N; i++) {
		struct ip6_addr l6 = {{0xfd, [14] = 1, [15] = (uint8_t)i}};
		uint32_t l4 = rte_cpu_to_be_32(0x0a000000 + i);

		list[i] = ip6 ? addr6_get(&w.addrs, &l6, 0) : l4;
		for (uint32_t port = 1024; port < 65536; port++) {
			rte_be16_t be = rte_cpu_to_be_16((uint16_t)port);
			uint32_t h = ip6 ? rss_hash6(&w.rss, &a6, &l6, RPORT, be) : rss_hash4(&w.rss, RADDR, l4, RPORT, be);

			want += rss_queue(&w.rss, h) == 7 && (port < 5000 || port > 5999) &&
				(range == 0 || (port >= (range & 0xffff) && port <= range >> 16));
		}
	}
	while (eport_take(w.e, list, N, raddr, RPORT, range, &k, &hash) == 0) {
		uint32_t i = 0;

		while (list[i] != k.laddr_be)
			i++;
		assert_int_equal(seen[i][rte_be_to_cpu_16(k.lport_be)]++, 0);
		per_addr[i]++;
		if (++n == N * 100)
			for (i = 0; i < N; i++)
				assert_in_range(per_addr[i], 50, 150);
	}
	assert_int_equal(n, want);
	addr6s_fini(&w.addrs);
	eport_free(w.e);
	eport_space_free(w.space);
}

static void pools(void **state)
{
	(void)state;
	for (int ip6 = 0; ip6 < 2; ip6++) {
		pool_run(ip6, 128, 0);
		pool_run(ip6, 100, 0);
		pool_run(ip6, 128, SUBRANGE(4000, 20000));
		pool_run(ip6, 100, SUBRANGE(4000, 20000));
	}
}

/* ---- the algebra ---- */

/* What takes of a part of the range lean on: within a class, ports rise with their rank. */
static void ranks_rise(void **state)
{
	static struct rss r;
	struct prng p;

	(void)state;
	prng_seed(&p, 3);
	for (enum key_kind kind = 0; kind < KEY_KINDS; kind++)
		for (uint16_t size = 1; size <= RSS_RETA_MAX; size *= 2) {
			make_rss(&r, kind, size, 1, &p);
			struct eport_space *s = eport_space_new(&r, 1, 65535);

			for (int ip6 = 0; ip6 < 2; ip6++) {
				const struct eport_map *m = &s->map[ip6];

				for (uint32_t x = 1; x < 65536; x++)
					if (x & m->rank_mask)
						assert_true(eport_from_x(m, (uint16_t)x) > eport_from_x(m, (uint16_t)(x - 1)));
				for (uint32_t x = 0; x < 65536; x += 1021)
					assert_int_equal(eport_x(m, eport_from_x(m, (uint16_t)x)), x);
			}
			eport_space_free(s);
		}
}

static void numbers(void **state)
{
	static struct rss r;
	struct eport_report rep;
	struct eport_space *s;
	char text[256];
	struct prng p;

	(void)state;
	prng_seed(&p, 4);
	make_rss(&r, KEY_MICROSOFT, 128, 4, &p);
	s = eport_space_new(&r, 1024, 65535);
	eport_space_report(s, false, &rep);
	assert_true(!rep.poor && !rep.odd && rep.ports_min == 64512 / 4 && rep.ports_max == 64512 / 4);
	eport_report_text(&rep, text, sizeof(text));
	assert_string_equal(text, "16128 to 16128 of 64512 local ports per destination come home to a stack");
	eport_space_free(s);

	make_rss(&r, KEY_ZERO, 128, 4, &p); /* every hash is 0: queue 0 has all, the others none */
	s = eport_space_new(&r, 1024, 65535);
	eport_space_report(s, false, &rep);
	assert_true(rep.poor && rep.key_bits == 0 && rep.ports_min == 0 && rep.ports_max == 64512);
	eport_report_text(&rep, text, sizeof(text));
	assert_string_equal(text, "0 to 64512 of 64512 local ports per destination come home to a stack; the key is poor: local "
				  "ports change 0 of the 7 hash bits that choose a queue");
	eport_space_free(s);

	make_rss(&r, KEY_RANDOM_52, 3, 4, &p);
	s = eport_space_new(&r, 1024, 65535);
	eport_space_report(s, true, &rep);
	assert_true(rep.odd && !rep.poor && rep.queues_empty == 1 && rep.ports_min > 21000 && rep.ports_max < 22000);
	eport_report_text(&rep, text, sizeof(text));
	assert_true(strncmp(text, "about 21", 8) == 0 &&
		    strstr(text, "; 1 of 4 stacks have no entry in the redirection table and no ports") != NULL);
	eport_space_free(s);
}

/* ---- numbers of IPv6 addresses ---- */

static void addresses(void **state)
{
	enum { N = 1000 };
	static struct rss r;
	struct addr6s s;
	rte_be32_t number[N];
	struct ip6_addr a = {{0x20, 1}};
	struct prng p;

	(void)state;
	prng_seed(&p, 5);
	make_rss(&r, KEY_MICROSOFT, 128, 4, &p);
	assert_int_equal(addr6s_init(&s, N, &r, &p, -1), 0);
	for (uint32_t i = 0; i < N; i++) {
		a.b[9] = (uint8_t)i;
		a.b[15] = (uint8_t)(i >> 9);
		assert_int_equal(addr6_find(&s, &a, i >> 8 & 1), 0);
		number[i] = addr6_get(&s, &a, i >> 8 & 1); /* one link or the other: two hosts with one address */
		assert_true(flow_addr_is6(number[i]));
		assert_int_equal(addr6_get(&s, &a, i >> 8 & 1), number[i]);
		assert_int_equal(addr6_find(&s, &a, i >> 8 & 1), number[i]);
		assert_int_equal(addr6_at(&s, number[i])->hash_src ^ addr6_at(&s, number[0])->hash_dst,
				 rss_hash2_ip6(&r, &a, &addr6_at(&s, number[0])->addr));
		for (uint32_t j = 0; j < i; j++)
			assert_true(number[j] != number[i]);
	}
	a.b[0] = 0xfd;
	assert_int_equal(addr6_get(&s, &a, 0), 0);
	for (uint32_t i = 0; i < N; i++)
		addr6_put(&s, number[i]);
	assert_int_equal(s.pool.used, N);
	assert_int_equal(addr6_get(&s, &a, 0), 0);
	addr6_hold(&s, number[0]);
	for (uint32_t i = 0; i < N; i++)
		addr6_put(&s, number[i]);
	assert_int_equal(s.pool.used, 1);
	addr6_put(&s, number[0]);
	assert_int_equal(s.pool.used, 0);
	assert_int_equal(addr6_find(&s, &a, 0), 0);
	assert_true(addr6_get(&s, &a, 0) != 0);
	addr6s_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(random_worlds, tell_seed),
		cmocka_unit_test(pools),
		cmocka_unit_test(ranks_rise),
		cmocka_unit_test(numbers),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
