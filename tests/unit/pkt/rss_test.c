/* rss_test.c: the Toeplitz hash against Microsoft's verification suite and DPDK's own, and the redirection table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_thash.h>

#include "base/prng.h"
#include "pkt/rss.h"

/* "Verifying the RSS Hash Calculation" (Microsoft): key and IPv4 rows. */
static const uint8_t ms_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
	uint32_t dst, src;
	uint16_t dport, sport;
	uint32_t ip_hash, tcp_hash;
} ms_rows[] = {
	{RTE_IPV4(161, 142, 100, 80), RTE_IPV4(66, 9, 149, 187), 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{RTE_IPV4(65, 69, 140, 83), RTE_IPV4(199, 92, 111, 2), 4739, 14230, 0xd718262a, 0xc626b0ea},
	{RTE_IPV4(12, 22, 207, 184), RTE_IPV4(24, 19, 198, 95), 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{RTE_IPV4(209, 142, 163, 6), RTE_IPV4(38, 27, 205, 30), 2217, 48228, 0x82989176, 0xafc7327f},
	{RTE_IPV4(202, 188, 127, 2), RTE_IPV4(153, 39, 163, 191), 1303, 44251, 0x5d1809c5, 0x10e828a2},
};

static void microsoft_vectors(void **state)
{
	static struct rss r;

	(void)state;
	assert_int_equal(rss_init(&r, ms_key, 40, NULL, 128, 4), 0);
	for (unsigned i = 0; i < RTE_DIM(ms_rows); i++) {
		rte_be32_t src = rte_cpu_to_be_32(ms_rows[i].src), dst = rte_cpu_to_be_32(ms_rows[i].dst);

		assert_int_equal(rss_hash2(&r, src, dst), ms_rows[i].ip_hash);
		assert_int_equal(rss_hash4(&r, src, dst, rte_cpu_to_be_16(ms_rows[i].sport),
					   rte_cpu_to_be_16(ms_rows[i].dport)), ms_rows[i].tcp_hash);
	}
}

/* The IPv6 rows. */
static const struct {
	const char *dst, *src;
	uint16_t dport, sport;
	uint32_t ip_hash, tcp_hash;
} ms_rows6[] = {
	{"3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d},
	{"ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf},
	{"fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251, 0x4b61e985, 0x02d1feef},
};

static void microsoft_vectors6(void **state)
{
	static struct rss r;

	(void)state;
	assert_int_equal(rss_init(&r, ms_key, 40, NULL, 128, 4), 0);
	for (unsigned i = 0; i < RTE_DIM(ms_rows6); i++) {
		uint8_t src[16], dst[16];
		rte_be16_t sport = rte_cpu_to_be_16(ms_rows6[i].sport), dport = rte_cpu_to_be_16(ms_rows6[i].dport);

		assert_int_equal(inet_pton(AF_INET6, ms_rows6[i].src, src), 1);
		assert_int_equal(inet_pton(AF_INET6, ms_rows6[i].dst, dst), 1);
		assert_int_equal(rss_hash2_ip6(&r, src, dst), ms_rows6[i].ip_hash);
		assert_int_equal(rss_hash6(&r, src, dst, sport, dport), ms_rows6[i].tcp_hash);
	}
}

/* Random keys and IPv6 tuples; and the parts, whose sum is the whole. */
static void same_as_softrss6(void **state)
{
	static struct rss r;
	struct prng prng;
	uint8_t key[RSS_KEY_MAX], key_be[RSS_KEY_MAX];

	(void)state;
	prng_seed(&prng, 43);
	for (unsigned round = 0; round < 200; round++) {
		uint16_t key_len = round % 2 ? 52 : 40;

		for (unsigned i = 0; i < key_len; i++)
			key[i] = (uint8_t)prng_u32(&prng);
		rte_convert_rss_key((const uint32_t *)key, (uint32_t *)key_be, key_len);
		assert_int_equal(rss_init(&r, key, key_len, NULL, 512, 16), 0);
		for (unsigned i = 0; i < 50; i++) {
			uint32_t t[9], be[8], hash; /* src, dst, sport << 16 | dport */
			rte_be16_t sport, dport;

			for (unsigned k = 0; k < 9; k++)
				t[k] = prng_u32(&prng);
			for (unsigned k = 0; k < 8; k++)
				be[k] = rte_cpu_to_be_32(t[k]);
			sport = rte_cpu_to_be_16((uint16_t)(t[8] >> 16));
			dport = rte_cpu_to_be_16((uint16_t)t[8]);
			hash = rss_hash6(&r, be, be + 4, sport, dport);
			assert_int_equal(hash, rte_softrss(t, 9, key));
			assert_int_equal(hash, rte_softrss_be(t, 9, key_be));
			assert_int_equal(rss_hash2_ip6(&r, be, be + 4), rte_softrss(t, 8, key));
			assert_int_equal(hash, rss_hash6_src(&r, be) ^ rss_hash6_dst(&r, be + 4) ^ rss_hash6_sport(&r, sport) ^
						       rss_hash6_dport(&r, dport));
		}
	}
}

/* A key for IPv4 only: IPv6 is hashed as with zeros behind it. */
static void short_key(void **state)
{
	static struct rss r, padded;
	uint8_t key[RSS_KEY_MAX] = {0};
	uint8_t a[16], b[16];

	(void)state;
	memcpy(key, ms_key, 16);
	assert_int_equal(rss_init(&r, key, 16, NULL, 128, 4), 0);
	assert_int_equal(rss_init(&padded, key, 52, NULL, 128, 4), 0);
	memset(a, 0x5a, sizeof(a));
	memset(b, 0xc3, sizeof(b));
	assert_int_equal(rss_hash6(&r, a, b, 1, 2), rss_hash6(&padded, a, b, 1, 2));
	assert_int_equal(rss_hash6_dport(&r, 0x1234), 0);
	assert_int_not_equal(rss_hash4_dport(&r, 0x1234), 0);
}

static void same_as_softrss(void **state)
{
	static struct rss r;
	struct prng prng;
	uint8_t key[RSS_KEY_MAX];

	(void)state;
	prng_seed(&prng, 42);
	for (unsigned round = 0; round < 200; round++) {
		uint16_t key_len = round % 2 ? 52 : 40;

		for (unsigned i = 0; i < key_len; i++)
			key[i] = (uint8_t)prng_u32(&prng);
		assert_int_equal(rss_init(&r, key, key_len, NULL, 512, 16), 0);
		for (unsigned i = 0; i < 50; i++) {
			uint32_t t[3] = {prng_u32(&prng), prng_u32(&prng), prng_u32(&prng)}; /* src, dst, sport << 16 | dport */
			uint32_t hash = rss_hash4(&r, rte_cpu_to_be_32(t[0]), rte_cpu_to_be_32(t[1]),
						  rte_cpu_to_be_16((uint16_t)(t[2] >> 16)), rte_cpu_to_be_16((uint16_t)t[2]));

			assert_int_equal(hash, rte_softrss(t, 3, key));
			/* What eport.h leans on. */
			assert_int_equal(hash, rss_hash4(&r, rte_cpu_to_be_32(t[0]), rte_cpu_to_be_32(t[1]),
							 rte_cpu_to_be_16((uint16_t)(t[2] >> 16)), 0) ^
						       rss_hash4_dport(&r, rte_cpu_to_be_16((uint16_t)t[2])));
		}
	}
}

static void reta(void **state)
{
	static struct rss r;
	uint16_t table[6] = {2, 1, 0, 2, 2, 1};

	(void)state;
	assert_int_equal(rss_init(&r, ms_key, 40, NULL, 128, 3), 0);
	for (uint32_t h = 0; h < 1000; h++)
		assert_int_equal(rss_queue(&r, h), h % 128 % 3);
	assert_int_equal(rss_init(&r, ms_key, 40, table, 6, 3), 0); /* no power of two */
	for (uint32_t h = 0xfffffff0; h != 5; h++)
		assert_int_equal(rss_queue(&r, h), table[h % 6]);
	for (uint16_t size = 1; size <= RSS_RETA_MAX; size += 89) { /* any size */
		uint16_t n = size < 7 ? size : 7;

		assert_int_equal(rss_init(&r, ms_key, 40, NULL, size, n), 0);
		for (uint32_t h = 1; h < 0xf0000000; h += 0x1234567)
			assert_int_equal(rss_queue(&r, h), h % size % n);
	}
}

static void bad_sizes(void **state)
{
	static struct rss r;
	static uint8_t key[RSS_KEY_MAX + 1];
	uint16_t table[2] = {0, 4};

	(void)state;
	assert_int_equal(rss_init(&r, key, 15, NULL, 128, 1), -EINVAL);
	assert_int_equal(rss_init(&r, key, RSS_KEY_MAX + 1, NULL, 128, 1), -EINVAL);
	assert_int_equal(rss_init(&r, key, 40, NULL, 0, 1), -EINVAL);
	assert_int_equal(rss_init(&r, key, 40, NULL, RSS_RETA_MAX + 1, 1), -EINVAL);
	assert_int_equal(rss_init(&r, key, 40, NULL, 128, 0), -EINVAL);
	assert_int_equal(rss_init(&r, key, 40, NULL, 128, PORT_QUEUES_MAX + 1), -EINVAL);
	assert_int_equal(rss_init(&r, key, 40, table, 2, 4), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(microsoft_vectors),
		cmocka_unit_test(microsoft_vectors6),
		cmocka_unit_test(same_as_softrss),
		cmocka_unit_test(same_as_softrss6),
		cmocka_unit_test(short_key),
		cmocka_unit_test(reta),
		cmocka_unit_test(bad_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
