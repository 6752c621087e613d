/* cksum_test.c: the Internet checksum against the definition (RFC 1071), over any cut into segments. */
#include "wire_test.h"

#include "wire/cksum.h"

#define DATA_MAX 4096
#define SEGS_MAX 16

/* The definition: 16-bit big-endian words, one's complement sum. Host order, not complemented. */
static uint16_t naive(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint16_t naive_l4(const uint8_t *p, uint32_t n, uint32_t src, uint32_t dst, uint8_t proto)
{
	uint32_t pseudo = (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + proto + (uint16_t)n;

	return (uint16_t)~naive(pseudo, p, n);
}

/* mbufs without a pool: each segment in a heap block of exactly its size. */
static void chain(struct rte_mbuf *m, const uint8_t *data, const uint32_t *len, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		memset(&m[i], 0, sizeof(m[i]));
		m[i].buf_addr = exact(data, len[i]);
		m[i].data_len = (uint16_t)len[i];
		m[i].next = i + 1 < n ? &m[i + 1] : NULL;
		m[0].pkt_len += len[i];
		data += len[i];
	}
	m[0].nb_segs = (uint16_t)n;
}

static void unchain(struct rte_mbuf *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(m[i].buf_addr);
}

static void flat(void **state)
{
	uint64_t s = 11;
	uint8_t b[200];

	(void)state;
	rnd_fill(&s, b, sizeof(b));
	for (uint32_t off = 0; off < 8; off++)
		for (uint32_t len = 0; len + off <= sizeof(b); len++) {
			uint8_t *p = exact(b + off, len);

			assert_int_equal(rte_be_to_cpu_16(cksum_fold(cksum_bytes(0, p, len))), naive(0, p, len));
			free(p);
		}
	memset(b, 0xff, sizeof(b)); /* every addition carries */
	assert_int_equal(cksum_fold(cksum_bytes(UINT64_MAX, b, sizeof(b))), 0xffff);
	memset(b, 0, sizeof(b));
	assert_int_equal(cksum_fold(cksum_bytes(0, b, sizeof(b))), 0);
}

static void segments(void **state)
{
	static uint8_t data[DATA_MAX];
	struct rte_mbuf m[SEGS_MAX];
	uint64_t s = 5;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t n = 1 + rnd(&s) % SEGS_MAX, total = 0, len[SEGS_MAX], off, l4;
		uint32_t src = rnd(&s) * 2, dst = rnd(&s) * 2;
		uint16_t got, want;

		for (uint32_t k = 0; k < n; k++)
			total += len[k] = rnd(&s) % 4 == 0 ? rnd(&s) % 3 : rnd(&s) % (DATA_MAX / SEGS_MAX);
		rnd_fill(&s, data, total);
		if (rnd(&s) % 8 == 0)
			memset(data, 0xff, total);
		chain(m, data, len, n);
		off = rnd(&s) % (total + 1);
		l4 = rnd(&s) % (total - off + 1);
		got = cksum_l4_ip4(m, off, l4, rte_cpu_to_be_32(src), rte_cpu_to_be_32(dst), 6);
		want = naive_l4(data + off, l4, src, dst, 6);
		/* 0 and 0xffff are the same number; the definition's sum here is never all zero. */
		assert_int_equal(rte_be_to_cpu_16(got), want);
		unchain(m, n);
	}
}

/* A field filled with the checksum verifies as 0, and any flipped bit shows. */
static void verify(void **state)
{
	uint64_t s = 9;
	uint8_t b[101];
	struct rte_mbuf m[2];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint32_t len[2] = {rnd(&s) % 102}, bit = rnd(&s) % (sizeof(b) * 8);
		rte_be32_t src = rnd(&s), dst = rnd(&s);
		uint16_t c;

		len[1] = (uint32_t)sizeof(b) - len[0];
		rnd_fill(&s, b, sizeof(b));
		b[16] = b[17] = 0;
		chain(m, b, len, 2);
		c = cksum_l4_ip4(m, 0, sizeof(b), src, dst, 17);
		unchain(m, 2);
		memcpy(b + 16, &c, 2);
		chain(m, b, len, 2);
		assert_int_equal(cksum_l4_ip4(m, 0, sizeof(b), src, dst, 17), 0);
		unchain(m, 2);
		b[bit / 8] ^= 1 << bit % 8;
		chain(m, b, len, 2);
		assert_int_not_equal(cksum_l4_ip4(m, 0, sizeof(b), src, dst, 17), 0);
		unchain(m, 2);
	}
}

static void short_chain(void **state)
{
	uint8_t b[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	uint32_t len[2] = {3, 7};
	struct rte_mbuf m[2];

	(void)state;
	chain(m, b, len, 2);
	assert_int_equal(rte_be_to_cpu_16(cksum_fold(cksum_mbuf(0, m, 4, 1000))), naive(0, b + 4, 6));
	assert_int_equal(cksum_mbuf(0, m, 10, 5), 0);
	assert_int_equal(cksum_mbuf(0, m, 1000, 5), 0);
	unchain(m, 2);
}

static void pseudo_and_update(void **state)
{
	uint64_t s = 21;
	uint8_t b[64];

	(void)state;
	/* 0a00 + 0001 + 0a00 + 0002 + 0006 + 0014 = 141d */
	assert_int_equal(cksum_pseudo_ip4(RTE_BE32(0x0a000001), RTE_BE32(0x0a000002), 6, 20), RTE_BE16(0x141d));
	for (int i = 0; i < 10000; i++) {
		uint16_t before, from, to = (uint16_t)rnd(&s), after;

		rnd_fill(&s, b, sizeof(b));
		before = (uint16_t)~cksum_fold(cksum_bytes(0, b, sizeof(b)));
		memcpy(&from, b + 10, 2);
		memcpy(b + 10, &to, 2);
		after = (uint16_t)~cksum_fold(cksum_bytes(0, b, sizeof(b)));
		assert_int_equal(cksum_update(before, from, to), after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat),        cmocka_unit_test(segments),          cmocka_unit_test(verify),
		cmocka_unit_test(short_chain), cmocka_unit_test(pseudo_and_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
