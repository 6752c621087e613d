/* gro_test.c: what is joined and what is not, and that nothing changes its place. Every test runs for both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>

#include "../eal.h"
#include "pkt/gro.h"
#include "wire/bytes.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

#define L3 (ip6 ? 40 : 20)
#define L4 (14 + L3)
#define HDRS (L4 + 32)

static struct rte_mempool *pool;
static struct rte_mbuf *m[32];
static uint16_t n;
static bool ip6;

static void ip4_write(uint8_t *f, uint16_t len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f + 14);

	store16(f + 12, RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(52 + len));
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->next_proto_id = 6;
	ip->src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1));
	ip->dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 2));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	store16(f + 50, rte_be_to_cpu_16(rte_ipv4_udptcp_cksum(ip, f + 34)));
}

static void ip6_write(uint8_t *f, uint16_t len)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(f + 14);

	store16(f + 12, RTE_ETHER_TYPE_IPV6);
	ip->vtc_flow = RTE_BE32(0x60012345);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(32 + len));
	ip->proto = 6;
	ip->hop_limits = 64;
	memcpy(ip->src_addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	memcpy(ip->dst_addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16);
	store16(f + 70, rte_be_to_cpu_16(rte_ipv6_udptcp_cksum(ip, f + 54)));
}

/* A segment of flow (its port) with a timestamp, as sent, checksums inside. */
static struct rte_mbuf *segment(uint16_t flow, uint32_t seq, uint16_t len, uint8_t flags)
{
	const struct tcp_view v = {.sport = flow, .dport = 80, .seq = seq, .ack = 7, .flags = flags, .wnd = 1000};
	const struct tcp_opts o = {.has_ts = true, .tsval = 5, .tsecr = 6};
	struct rte_mbuf *b = rte_pktmbuf_alloc(pool);
	uint8_t *f = (uint8_t *)rte_pktmbuf_append(b, HDRS + len);

	memset(f, 0, HDRS);
	tcp_emit(f + L4, &v, &o);
	for (uint16_t i = 0; i < len; i++)
		f[HDRS + i] = (uint8_t)((seq + i) * 3 + flow);
	if (ip6)
		ip6_write(f, len);
	else
		ip4_write(f, len);
	return b;
}

static void put(uint16_t flow, uint32_t seq, uint16_t len, uint8_t flags) { m[n++] = segment(flow, seq, len, flags); }

static void expect(uint16_t at, uint16_t flow, uint32_t seq, uint32_t len, uint16_t pieces)
{
	const uint8_t *f = rte_pktmbuf_mtod(m[at], const uint8_t *);
	uint8_t buf[1];

	assert_true(at < n);
	assert_int_equal(load16(f + L4), flow);
	assert_int_equal(load32(f + L4 + 4), seq);
	assert_int_equal(m[at]->pkt_len, HDRS + len);
	assert_int_equal(m[at]->nb_segs, pieces);
	assert_int_equal(load16(f + (ip6 ? 18 : 16)), HDRS - 14 - (ip6 ? 40 : 0) + len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(*(const uint8_t *)rte_pktmbuf_read(m[at], HDRS + i, 1, buf), (uint8_t)((seq + i) * 3 + flow));
}

static int set_up4(void **state)
{
	(void)state;
	n = 0;
	ip6 = false;
	return 0;
}

static int set_up6(void **state)
{
	set_up4(state);
	ip6 = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_free(m[i]);
	return rte_mempool_in_use_count(pool) == 0 ? 0 : -1;
}

static void a_stream_becomes_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(1, 0xfffff000u + i * 1448, 1448, TCPF_ACK);
	n = pkt_gro(m, n);
	assert_int_equal(n, 1);
	expect(0, 1, 0xfffff000u, 8 * 1448, 8);
	assert_int_equal(pkt_segment_bytes(m[0], 8 * 1448), 1448);
	assert_true(m[0]->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD && m[0]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD);
}

static void two_streams_become_two(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		put(1, 100 + i * 1448, 1448, TCPF_ACK);
		put(2, 900 + i * 1000, 1000, TCPF_ACK);
	}
	n = pkt_gro(m, n);
	assert_int_equal(n, 2);
	expect(0, 1, 100, 4 * 1448, 4);
	expect(1, 2, 900, 4 * 1000, 4);
}

/* Segments with PSH, FIN or little in them stay, and where they are: nothing overtakes them. */
static void others_keep_their_places(void **state)
{
	(void)state;
	put(1, 0, 1448, TCPF_ACK);
	put(1, 1448, 1448, TCPF_ACK);
	put(1, 2896, 1448, TCPF_ACK | TCPF_PSH);
	put(1, 4344, 1448, TCPF_ACK);
	put(1, 5792, 1448, TCPF_ACK);
	put(1, 7240, 100, TCPF_ACK);
	put(1, 7340, 1448, TCPF_ACK | TCPF_FIN);
	put(1, 0, 0, TCPF_ACK);
	n = pkt_gro(m, n);
	assert_int_equal(n, 6);
	expect(0, 1, 0, 2896, 2);
	expect(1, 1, 2896, 1448, 1);
	expect(2, 1, 4344, 2896, 2);
	expect(3, 1, 7240, 100, 1);
	expect(4, 1, 7340, 1448, 1);
	expect(5, 1, 0, 0, 1);
}

static void a_hole_is_not_joined(void **state)
{
	(void)state;
	put(1, 0, 1448, TCPF_ACK);
	put(1, 2896, 1448, TCPF_ACK);
	put(1, 4344, 1448, TCPF_ACK);
	n = pkt_gro(m, n);
	assert_int_equal(n, 2);
	expect(0, 1, 0, 1448, 1);
	expect(1, 1, 2896, 2896, 2);
}

/* A shorter one ends what is joined: ACKs count segments by the size of the first. A longer one begins anew. */
static void sizes_are_told_apart(void **state)
{
	(void)state;
	put(1, 0, 1000, TCPF_ACK);
	put(1, 1000, 1000, TCPF_ACK);
	put(1, 2000, 900, TCPF_ACK);
	put(1, 2900, 900, TCPF_ACK);
	put(1, 3800, 1000, TCPF_ACK);
	n = pkt_gro(m, n);
	assert_int_equal(n, 3);
	expect(0, 1, 0, 2900, 3);
	expect(1, 1, 2900, 900, 1);
	expect(2, 1, 3800, 1000, 1);
	assert_int_equal(pkt_segment_bytes(m[0], 2900), 1000);
	assert_int_equal(pkt_segment_bytes(m[1], 900), 900);
	assert_false(m[1]->ol_flags & RTE_MBUF_F_RX_LRO);
}

/* A byte of the Ethernet, IP or TCP header that differs keeps a segment apart, and its successors join it. */
static void headers_are_alike(void **state)
{
	static const uint8_t at[2][8] = {{5, 11, 15, 22, 26, 30, 36, 48}, {5, 11, 17, 21, 22, 38, 56, 68}};
	uint16_t k;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(at[0]); i++) {
		for (k = 0; k < 4; k++) {
			put(1, k * 1448u, 1448, TCPF_ACK);
			rte_pktmbuf_mtod(m[k], uint8_t *)[at[ip6][i]] ^= k >= 2 ? 4 : 0;
			m[k]->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		}
		n = pkt_gro(m, n);
		assert_int_equal(n, 2);
		assert_int_equal(m[0]->nb_segs, 2);
		assert_int_equal(m[1]->nb_segs, 2);
		rte_pktmbuf_free_bulk(m, n);
		n = 0;
	}
}

/* Options too: another timestamp is news. */
static void options_are_alike(void **state)
{
	(void)state;
	put(1, 0, 1448, TCPF_ACK);
	put(1, 1448, 1448, TCPF_ACK);
	rte_pktmbuf_mtod(m[1], uint8_t *)[L4 + 20 + 7] ^= 1;
	m[1]->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	n = pkt_gro(m, n);
	assert_int_equal(n, 2);
}

/* No packet is longer than its length can say. */
static void a_length_has_its_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++)
		put(1, i * 3000, 3000, TCPF_ACK);
	n = pkt_gro(m, n);
	assert_int_equal(n, 2);
	expect(0, 1, 0, 21 * 3000, 21);
	expect(1, 1, 21 * 3000, 11 * 3000, 11);
}

/* What the network marked keeps its mark, and nobody else gets it (RFC 3168 5.3). */
static void mark(struct rte_mbuf *b, uint8_t ecn)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(b, uint8_t *, 14);

	if (ip6) {
		ip[1] |= (uint8_t)(ecn << 4);
		return;
	}
	ip[1] = ecn;
	store16(ip + 10, 0);
	store16(ip + 10, rte_be_to_cpu_16(rte_ipv4_cksum((struct rte_ipv4_hdr *)ip)));
}

static void marks_are_not_joined(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		put(1, i * 1448, 1448, TCPF_ACK);
		mark(m[i], i == 2 ? 3 : 2); /* CE, ECT(0) */
	}
	n = pkt_gro(m, n);
	assert_int_equal(n, 3);
	expect(0, 1, 0, 2 * 1448, 2);
	expect(1, 1, 2 * 1448, 1448, 1);
	assert_int_equal(rte_pktmbuf_mtod(m[1], const uint8_t *)[15] & (ip6 ? 0x30 : 3), ip6 ? 0x30 : 3);
	expect(2, 1, 3 * 1448, 1448, 1);
}

/* Joining would hide them: a wrong checksum is left for the stack to find. */
static void wrong_checksums_are_not_joined(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		put(1, i * 1448, 1448, TCPF_ACK);
	rte_pktmbuf_mtod(m[1], uint8_t *)[HDRS + 700] ^= 4;
	rte_pktmbuf_mtod(m[3], uint8_t *)[ip6 ? L4 + 16 : 24] ^= 4; /* the checksum of IPv4, and of TCP where IP has none */
	m[5]->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	n = pkt_gro(m, n);
	assert_int_equal(n, 6);
	for (unsigned i = 1; i < 6; i += 2)
		assert_false(m[i]->ol_flags & (RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_LRO));
}

/* What is no TCP segment in a plain frame, whatever its bytes say. */
static void strange_frames_stay(void **state)
{
	static const struct {
		uint16_t off;
		uint8_t value;
	} bend[2][10] = {
		{{12, 0x81}, {14, 0x46}, {14, 0x65}, {16, 0}, {17, 0}, {20, 0x20}, {21, 1}, {23, 17}, {46, 0x40}, {46, 0xf0}},
		{{12, 0x81}, {13, 0}, {14, 0x45}, {18, 0}, {19, 0}, {20, 17}, {20, 0}, {20, 44}, {66, 0x40}, {66, 0xf0}},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bend[0]); i++) {
		put(1, 0, 1448, TCPF_ACK);
		put(1, 1448, 1448, TCPF_ACK);
		m[n - 1]->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		rte_pktmbuf_mtod(m[n - 1], uint8_t *)[bend[ip6][i].off] = bend[ip6][i].value;
	}
	assert_int_equal(pkt_gro(m, n), n);
}

/* One stream of each family, frame by frame in turn. */
static void families_are_told_apart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		ip6 = i % 2;
		put(1, i / 2 * 1448, 1448, TCPF_ACK);
	}
	n = pkt_gro(m, n);
	assert_int_equal(n, 2);
	for (uint16_t i = 0; i < 2; i++) {
		ip6 = i;
		expect(i, 1, 0, 4 * 1448, 4);
	}
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, set_up4, tear_down), \
	{"ip6_" #f, f, set_up6, tear_down, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_becomes_one), TEST(two_streams_become_two), TEST(others_keep_their_places), TEST(a_hole_is_not_joined),
		TEST(sizes_are_told_apart), TEST(headers_are_alike), TEST(options_are_alike), TEST(a_length_has_its_limit),
		TEST(marks_are_not_joined), TEST(wrong_checksums_are_not_joined), TEST(strange_frames_stay),
		TEST(families_are_told_apart),
	};

	if (eal_for_test(192) != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("gro", 1023, 256, 0, RTE_PKTMBUF_HEADROOM + 4096, SOCKET_ID_ANY);
	return pool == NULL || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
