/* link_test.c: Ethernet, ARP, IPv4, UDP and ICMP headers: golden bytes, every truncation, every malformed field. */
#include "wire_test.h"

#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/udp.h"

#define IP(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static const struct rte_ether_addr mac_a = {{2, 0, 0, 0, 0, 0xa}}, mac_b = {{2, 0, 0, 0, 0, 0xb}};

static void eth_golden(void **state)
{
	static const uint8_t frame[18] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x08, 0x00, 1, 2, 3, 4};
	static const uint8_t tagged[18] = {2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x81, 0x00, 0xe1, 0x23, 0x08, 0x06};
	uint8_t out[14];
	struct eth_view v = {0};

	(void)state;
	eth_emit(out, &mac_b, &mac_a, RTE_ETHER_TYPE_IPV4);
	assert_memory_equal(out, frame, 14);
	for (uint32_t len = 0; len <= 18; len++) {
		uint8_t *p = exact(frame, len), *t = exact(tagged, len);

		assert_int_equal(eth_parse(&v, p, len), len >= 14);
		assert_int_equal(eth_parse(&v, t, len), len >= 18);
		free(p);
		free(t);
	}
	assert_true(eth_parse(&v, frame, 18));
	assert_int_equal(v.type, 0x0800);
	assert_int_equal(v.len, 14);
	assert_int_equal(v.vlan_id, 0);
	assert_true(eth_parse(&v, tagged, 18));
	assert_int_equal(v.type, 0x0806);
	assert_int_equal(v.len, 18);
	assert_int_equal(v.vlan_id, 0x123);
}

static const uint8_t arp_request[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xa, 10, 0, 0, 1,
					0, 0, 0, 0, 0, 0, 10, 0, 0, 2};

static void arp_golden(void **state)
{
	struct arp_view v = {.op = ARP_REQUEST, .sha = mac_a, .spa_be = IP(10, 0, 0, 1), .tpa_be = IP(10, 0, 0, 2)};
	uint8_t out[28];

	(void)state;
	arp_emit(out, &v);
	assert_memory_equal(out, arp_request, 28);
	for (uint32_t len = 0; len <= 28; len++) {
		uint8_t *p = exact(arp_request, len);

		assert_int_equal(arp_parse(&v, p, len), len == 28);
		free(p);
	}
	assert_int_equal(v.op, ARP_REQUEST);
	assert_memory_equal(&v.sha, &mac_a, 6);
	assert_int_equal(v.spa_be, IP(10, 0, 0, 1));
	assert_int_equal(v.tpa_be, IP(10, 0, 0, 2));
}

static void arp_malformed(void **state)
{
	static const struct {
		uint8_t at, value;
	} bad[] = {{1, 6}, {2, 0x86}, {3, 1}, {4, 8}, {5, 16}, {7, 0}, {7, 3}, {6, 1}, {8, 3}};
	struct arp_view v = {0};
	uint8_t p[28];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(p, arp_request, 28);
		p[bad[i].at] = bad[i].value;
		assert_false(arp_parse(&v, p, 28));
	}
	memcpy(p, arp_request, 28);
	memset(p + 8, 0, 6);
	assert_false(arp_parse(&v, p, 28));
}

/* By hand: 4500 + 0028 + 1234 + 4000 + 4006 + 0a00 + 0001 + 0a00 + 0102 = ec65, complement 139a. */
static const uint8_t ip4_hdr[20] = {0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, 6, 0x13, 0x9a, 10, 0, 0, 1, 10, 0, 1, 2};

static void ip4_golden(void **state)
{
	uint8_t out[20], padded[60] = {0};
	struct ip4_view v = {0};

	(void)state;
	ip4_emit(out, IP(10, 0, 0, 1), IP(10, 0, 1, 2), 6, 40, 0x1234, 0, 64);
	assert_memory_equal(out, ip4_hdr, 20);
	memcpy(padded, ip4_hdr, 20);
	for (uint32_t len = 0; len <= 60; len++) {
		uint8_t *p = exact(padded, len);

		assert_int_equal(ip4_parse(&v, p, len, false), len >= 40 ? IP4_OK : IP4_BAD_SHORT);
		free(p);
	}
	assert_int_equal(v.hdr_len, 20);
	assert_int_equal(v.total_len, 40);
	assert_int_equal(v.id, 0x1234);
	assert_int_equal(v.proto, 6);
	assert_int_equal(v.ttl, 64);
	assert_int_equal(v.tos, 0);
	assert_false(v.fragment);
	assert_int_equal(v.src_be, IP(10, 0, 0, 1));
	assert_int_equal(v.dst_be, IP(10, 0, 1, 2));
}

static void ip4_malformed(void **state)
{
	uint8_t p[64] = {0};
	struct ip4_view v = {0};

	(void)state;
	memcpy(p, ip4_hdr, 20);
	for (int bit = 0; bit < 160; bit++) { /* the checksum sees any single bit, if nothing else does */
		p[bit / 8] ^= 1 << bit % 8;
		assert_int_not_equal(ip4_parse(&v, p, 60, false), IP4_OK);
		p[bit / 8] ^= 1 << bit % 8;
	}
	p[0] = 0x65;
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_BAD_VERSION);
	for (int ihl = 0; ihl < 16; ihl++) {
		p[0] = (uint8_t)(0x40 | ihl);
		assert_int_equal(ip4_parse(&v, p, 60, true),
				 ihl < 5 ? IP4_BAD_VERSION : ihl > 10 ? IP4_BAD_SHORT : IP4_OK);
	}
	p[0] = 0x45;
	p[3] = 19;
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_BAD_SHORT);
	p[3] = 61;
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_BAD_SHORT);
	p[3] = 60;
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_OK);
	p[10] ^= 1;
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_OK);
	assert_int_equal(ip4_parse(&v, p, 60, false), IP4_BAD_CKSUM);
	p[6] = 0x20; /* more fragments */
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_OK);
	assert_true(v.fragment);
	p[6] = 0x40;
	p[7] = 1; /* an offset */
	assert_int_equal(ip4_parse(&v, p, 60, true), IP4_OK);
	assert_true(v.fragment);
}

static void ip4_options(void **state)
{
	uint8_t p[60] = {0x4f, 0, 0, 60, 0, 0, 0, 0, 1, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	uint16_t sum;
	struct ip4_view v = {0};

	(void)state;
	for (int i = 20; i < 60; i++)
		p[i] = (uint8_t)(i * 37);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, p, 60));
	memcpy(p + 10, &sum, 2);
	assert_int_equal(ip4_parse(&v, p, 60, false), IP4_OK);
	assert_int_equal(v.hdr_len, 60);
	p[59] ^= 0x80;
	assert_int_equal(ip4_parse(&v, p, 60, false), IP4_BAD_CKSUM);
}

static void udp_golden(void **state)
{
	static const uint8_t dgram[12] = {0x12, 0x34, 0x00, 0x35, 0, 10, 0xab, 0xcd, 1, 2, 3, 4};
	uint8_t out[8], p[12];
	struct udp_view v = {0};

	(void)state;
	for (uint32_t len = 0; len <= 12; len++) {
		uint8_t *q = exact(dgram, len);

		assert_int_equal(udp_parse(&v, q, len), len >= 10);
		free(q);
	}
	assert_int_equal(v.sport, 0x1234);
	assert_int_equal(v.dport, 53);
	assert_int_equal(v.len, 10);
	assert_true(v.has_cksum);
	memcpy(p, dgram, 12);
	p[5] = 7;
	assert_false(udp_parse(&v, p, 12));
	p[5] = 8;
	p[6] = p[7] = 0;
	assert_true(udp_parse(&v, p, 12));
	assert_false(v.has_cksum);
	udp_emit(out, 0x1234, 53, 8);
	assert_memory_equal(out, p, 8);
}

static void icmp_golden(void **state)
{
	uint8_t msg[36] = {3, 4, 0, 0, 0, 0, 0x05, 0xdc}, out[8];
	struct icmp_view v = {0};
	struct icmp_quote q = {0};

	(void)state;
	icmp_emit(out, ICMP_UNREACH, ICMP_UNREACH_FRAG, 1500);
	assert_memory_equal(out, msg, 8);
	memcpy(msg + 8, ip4_hdr, 20);
	memcpy(msg + 28, "\x12\x34\x00\x50\xde\xad\xbe\xef", 8);
	for (uint32_t len = 0; len <= 36; len++) {
		uint8_t *p = exact(msg, len);

		assert_int_equal(icmp_parse(&v, p, len), len >= 8);
		if (len >= 8)
			assert_int_equal(icmp_quote_parse(&q, p + 8, len - 8), len == 36);
		free(p);
	}
	assert_int_equal(v.type, 3);
	assert_int_equal(v.code, 4);
	assert_int_equal(v.mtu, 1500);
	assert_int_equal(q.src_be, IP(10, 0, 0, 1));
	assert_int_equal(q.dst_be, IP(10, 0, 1, 2));
	assert_int_equal(q.sport_be, RTE_BE16(0x1234));
	assert_int_equal(q.dport_be, RTE_BE16(80));
	assert_int_equal(q.seq, 0xdeadbeef);
	assert_int_equal(q.proto, 6);
	assert_int_equal(q.total_len, 40);
	msg[8] = 0x46; /* quoted options, but not enough behind them */
	assert_false(icmp_quote_parse(&q, msg + 8, 28));
	msg[8] = 0x44;
	assert_false(icmp_quote_parse(&q, msg + 8, 28));
	msg[8] = 0x65;
	assert_false(icmp_quote_parse(&q, msg + 8, 28));
	msg[8] = 0x45;
	msg[15] = 1; /* a later fragment quotes no ports */
	assert_false(icmp_quote_parse(&q, msg + 8, 28));
}

/* Any bytes at all: nothing is read past the end (AddressSanitizer), and what is accepted keeps its promises. */
static void random_bytes(void **state)
{
	uint64_t s = 1;
	uint8_t b[80];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t len = rnd(&s) % 81;
		uint8_t *p;
		struct eth_view e;
		struct ip4_view ip;
		struct udp_view u;
		struct arp_view a;
		struct icmp_view ic;
		struct icmp_quote q;

		rnd_fill(&s, b, len);
		if (len > 0 && rnd(&s) % 2)
			b[0] = (uint8_t)(0x40 | b[0] % 16);
		p = exact(b, len);
		if (eth_parse(&e, p, len))
			assert_true(e.len <= len);
		if (ip4_parse(&ip, p, len, rnd(&s) % 2) == IP4_OK)
			assert_true(ip.hdr_len >= 20 && ip.hdr_len <= ip.total_len && ip.total_len <= len);
		if (udp_parse(&u, p, len))
			assert_true(u.len >= 8 && u.len <= len);
		arp_parse(&a, p, len);
		icmp_parse(&ic, p, len);
		if (icmp_quote_parse(&q, p, len))
			assert_true(q.hdr_len + 8u <= len);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eth_golden), cmocka_unit_test(arp_golden), cmocka_unit_test(arp_malformed),
		cmocka_unit_test(ip4_golden), cmocka_unit_test(ip4_malformed), cmocka_unit_test(ip4_options),
		cmocka_unit_test(udp_golden), cmocka_unit_test(icmp_golden), cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
