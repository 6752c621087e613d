/* ip6_test.c: IPv6, ICMPv6, neighbour discovery and MLD messages: golden bytes, every truncation, random bytes. Buffers end where
 * the data ends, so that a sanitizer sees every step beyond. */
#include "wire_test.h"

#include <stdlib.h>

#include "base/prng.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"
#include "wire/mld.h"
#include "wire/ndp.h"

static const struct ip6_addr a1 = {{0x20, 1, 0xd, 0xb8, [15] = 1}}, a2 = {{0x20, 1, 0xd, 0xb8, [15] = 2}};
static const struct ip6_addr ll = {{0xfe, 0x80, [15] = 9}}, nodes = {{0xff, 2, [15] = 1}};
static const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 7}};

/* RFC 8200 3. */
static void header_golden(void **state)
{
	static const uint8_t want[40] = {0x60, 0, 0, 0, 0x12, 0x34, 17, 64, 0x20, 1, 0xd, 0xb8, [23] = 1, 0x20, 1, 0xd, 0xb8, [39] = 2};
	uint8_t b[40 + 0x1234] = {0};
	struct ip6_view v;

	(void)state;
	ip6_emit(b, &a1, &a2, 17, 0x1234, 64);
	assert_memory_equal(b, want, 40);
	b[0] = 0x6a;
	b[1] = 0xb5;
	b[3] = 0x77;
	assert_int_equal(ip6_parse(&v, b, sizeof(b)), IP6_OK);
	assert_int_equal(v.tclass, 0xab);
	assert_int_equal(v.flow_label, 0x50077);
	assert_int_equal(v.payload_len, 0x1234);
	assert_int_equal(v.next, 17);
	assert_int_equal(v.hops, 64);
	assert_memory_equal(v.src, &a1, 16);
	assert_memory_equal(v.dst, &a2, 16);
	assert_int_equal(ip6_parse(&v, b, sizeof(b) - 1), IP6_BAD_SHORT);
	assert_int_equal(ip6_parse(&v, b, 39), IP6_BAD_SHORT);
	b[0] = 0x4a;
	assert_int_equal(ip6_parse(&v, b, sizeof(b)), IP6_BAD_VERSION);
}

/* RFC 4291 2: kinds and scopes. */
static void addresses(void **state)
{
	const struct ip6_addr mapped = ip6_addr_mapped(RTE_BE32(0x0a000001)), s = ip6_addr_solicited(&a2), none = {{0}}, lo = {{[15] = 1}};
	static const struct ip6_addr want = {{0xff, 2, [11] = 1, 0xff, 0, 0, 2}};

	(void)state;
	assert_memory_equal(&s, &want, 16);
	assert_true(ip6_addr_is_mapped(&mapped) && !ip6_addr_is_mapped(&a1));
	assert_true(ip6_addr_is_linklocal(&ll) && !ip6_addr_is_linklocal(&a1));
	assert_true(ip6_addr_is_none(&none) && !ip6_addr_is_none(&lo) && ip6_addr_is_loopback(&lo));
	assert_int_equal(ip6_addr_scope(&ll), 2);
	assert_int_equal(ip6_addr_scope(&nodes), 2);
	assert_int_equal(ip6_addr_scope(&a1), 14);
	assert_int_equal(ip6_addr_common(&a1, &a1), 128);
	assert_int_equal(ip6_addr_common(&a1, &a2), 126);
	assert_int_equal(ip6_addr_common(&a1, &ll), 0);
}

/* Calls f on every prefix of b in a block of just that length. */
static void each_prefix(const uint8_t *b, uint32_t len, bool (*f)(const uint8_t *b, uint32_t len, bool whole))
{
	for (uint32_t n = 0; n <= len; n++) {
		uint8_t *block = malloc(n > 0 ? n : 1);

		memcpy(block, b, n);
		assert_int_equal(f(block, n, n == len), n == len);
		free(block);
	}
}

static bool ns_try(const uint8_t *b, uint32_t len, bool whole)
{
	struct ndp_neigh v;
	bool ok = ndp_ns_parse(&v, b, len, &a1, &a2, 255);

	if (len == 24)
		return whole; /* without its option it is one, too */
	if (ok) {
		assert_memory_equal(&v.target, &a2, 16);
		assert_true(v.opts.has_slla && !v.opts.has_tlla);
		assert_memory_equal(&v.opts.slla, &mac, 6);
	}
	return ok;
}

static bool na_try(const uint8_t *b, uint32_t len, bool whole)
{
	struct ndp_neigh v;
	bool ok = ndp_na_parse(&v, b, len, &a1, 255);

	if (len == 24)
		return whole;
	if (ok)
		assert_true(v.solicited && !v.override && !v.router && v.opts.has_tlla);
	return ok;
}

static const uint8_t ra[] = {
	134, 0, 0, 0, 64, 0xc8, 0x07, 0x08, 0, 0, 0x75, 0x30, 0, 0, 3, 0xe8,
	5, 1, 0, 0, 0, 0, 5, 0x78,
	3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	25, 1, 1, 2, 3, 4, 5, 6, /* of no kind that is known */
};

static bool ra_try(const uint8_t *b, uint32_t len, bool whole)
{
	struct ndp_ra v;
	bool ok = ndp_ra_parse(&v, b, len, &ll, 255);

	if (len == 16 || len == 24 || len == 56)
		return whole;
	if (ok) {
		assert_int_equal(v.hops, 64);
		assert_true(v.managed && v.other);
		assert_int_equal(v.preference, 1);
		assert_int_equal(v.lifetime_s, 1800);
		assert_int_equal(v.reachable_ms, 30000);
		assert_int_equal(v.retrans_ms, 1000);
		assert_int_equal(v.opts.mtu, 1400);
		assert_int_equal(v.opts.n_prefixes, 1);
		assert_int_equal(v.opts.prefix[0].len, 64);
		assert_true(v.opts.prefix[0].onlink && v.opts.prefix[0].autonomous);
		assert_int_equal(v.opts.prefix[0].valid_s, 3600);
		assert_int_equal(v.opts.prefix[0].preferred_s, UINT32_MAX);
	}
	return ok;
}

/* RFC 4861 4: what is written is read, and cut anywhere it is none. */
static void discovery(void **state)
{
	uint8_t b[NDP_MSG_MAX];
	struct ndp_neigh v;
	struct ndp_ra r;

	(void)state;
	each_prefix(b, ndp_ns_emit(b, &a2, &mac), ns_try);
	each_prefix(b, ndp_na_emit(b, &a2, &mac, true, false), na_try);
	each_prefix(ra, sizeof(ra), ra_try);
	assert_false(ndp_ra_parse(&r, ra, sizeof(ra), &a1, 255));
	assert_false(ndp_ra_parse(&r, ra, sizeof(ra), &ll, 254));
	ndp_probe_emit(b, &a2, 0x123456789abc);
	assert_true(ndp_ns_parse(&v, b, 32, &(struct ip6_addr){{0}}, &(struct ip6_addr){{0xff, 2, [11] = 1, 0xff, 0, 0, 2}}, 255));
	assert_true(v.opts.nonce == 0x123456789abc);
	assert_int_equal(ndp_rs_emit(b, &mac), 16);
	assert_int_equal(b[0], ICMP6_RS);
}

/* More prefixes than are kept are passed over. */
static void prefixes_bounded(void **state)
{
	uint8_t b[32 * (NDP_PREFIXES_MAX + 3)] = {0};
	struct ndp_opts o;

	(void)state;
	for (uint32_t i = 0; i < sizeof(b); i += 32)
		memcpy(b + i, (uint8_t[]){3, 4, 64, 0xc0}, 4);
	assert_true(ndp_opts_parse(&o, b, sizeof(b)));
	assert_int_equal(o.n_prefixes, NDP_PREFIXES_MAX);
}

/* RFC 3810 5.1.3: delays are numbers up to 32767, and floating-point ones above. */
static void mld_delays(void **state)
{
	uint8_t q[28] = {130};
	struct mld_query v;

	(void)state;
	store16(q + 4, 32767);
	assert_true(mld_query_parse(&v, q, 28, &ll, 1, true));
	assert_int_equal(v.max_delay_ms, 32767);
	store16(q + 4, 0x8000);
	assert_true(mld_query_parse(&v, q, 28, &ll, 1, true));
	assert_int_equal(v.max_delay_ms, 32768);
	store16(q + 4, 0xffff);
	assert_true(mld_query_parse(&v, q, 28, &ll, 1, true));
	assert_int_equal(v.max_delay_ms, 0x1fff << 10);
	store16(q + 26, 1); /* a source that is not there */
	assert_false(mld_query_parse(&v, q, 28, &ll, 1, true));
	assert_false(mld_query_parse(&v, q, 26, &ll, 1, true));
	store16(q + 26, 0);
	assert_false(mld_query_parse(&v, q, 28, &a1, 1, true));
	assert_false(mld_query_parse(&v, q, 28, &ll, 2, true));
	assert_false(mld_query_parse(&v, q, 28, &ll, 1, false));
}

/* RFC 4443 3: quotes that are cut short, of later fragments, or of another version. */
static void quotes(void **state)
{
	uint8_t b[56] = {0};
	struct icmp6_quote q;

	(void)state;
	ip6_emit(b, &a1, &a2, 44, 100, 3);
	b[40] = 6;
	memcpy(b + 48, (uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
	assert_true(icmp6_quote_parse(&q, b, 56));
	assert_true(q.fragmented);
	assert_int_equal(q.proto, 6);
	assert_int_equal(q.hdr_len, 48);
	assert_int_equal(q.seq, 0x05060708);
	assert_false(icmp6_quote_parse(&q, b, 55));
	b[43] = 8;
	assert_false(icmp6_quote_parse(&q, b, 56));
	b[43] = 1; /* a first one */
	assert_true(icmp6_quote_parse(&q, b, 56));
	b[0] = 0x45;
	assert_false(icmp6_quote_parse(&q, b, 56));
}

/* Random bytes through every parser: nothing is read beyond them, and what a chain says lies within. */
static void random_bytes(void **state)
{
	static const uint8_t nexts[] = {0, 43, 44, 60, 58, 6, 17, 59};
	struct prng p;

	(void)state;
	prng_seed(&p, 1);
	for (int i = 0; i < 200000; i++) {
		uint32_t len = prng_below(&p, 200);
		uint8_t *b = malloc(40 + len);
		struct ndp_redirect redirect;
		struct icmp6_quote quote;
		struct mld_query query;
		struct ndp_neigh neigh;
		struct ip6_chain c;
		struct ndp_ra adv;

		for (uint32_t k = 0; k < 40 + len; k++)
			b[k] = (uint8_t)(prng_below(&p, 3) ? prng_below(&p, 4) : prng_u32(&p));
		b[6] = nexts[prng_below(&p, sizeof(nexts))];
		if (len > 0)
			b[40] = nexts[prng_below(&p, sizeof(nexts))];
		if (len > 8)
			b[48] = nexts[prng_below(&p, sizeof(nexts))];
		if (ip6_chain_walk(&c, b, 40 + len) == IP6_CHAIN_OK) {
			assert_true(c.l4_off >= 40 && c.l4_off <= 40 + len && c.l4_off <= 40 + IP6_EXT_BYTES_MAX);
			assert_true(c.next_off < c.l4_off && b[c.next_off] == c.proto);
		} else {
			assert_true(c.problem_off < 40 + len);
		}
		b[0] = 0x60;
		icmp6_quote_parse(&quote, b, 40 + len);
		b[1] = 0;
		if (40 + len >= 8) {
			ndp_ns_parse(&neigh, b, 40 + len, &a1, &a2, 255);
			ndp_na_parse(&neigh, b, 40 + len, &a2, 255);
			ndp_ra_parse(&adv, b, 40 + len, &ll, 255);
			ndp_redirect_parse(&redirect, b, 40 + len, &ll, 255);
			mld_query_parse(&query, b, 40 + len, &ll, 1, true);
		}
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_golden), cmocka_unit_test(addresses), cmocka_unit_test(discovery),
		cmocka_unit_test(prefixes_bounded), cmocka_unit_test(mld_delays), cmocka_unit_test(quotes),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
