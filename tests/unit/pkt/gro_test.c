/* gro_test.c: what is joined and what is not, and that nothing changes its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>

#include "eal.h"
#include "pkt/gro.h"
#include "wire/bytes.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define HDRS (14 + 20 + 32)

static struct rte_mempool *pool;
static struct rte_mbuf *m[32];
static uint16_t n;

/* A segment of flow (its port) with a timestamp, as sent, checksums inside. */
static struct rte_mbuf *segment(uint16_t flow, uint32_t seq, uint16_t len, uint8_t flags)
{
	const struct tcp_view v = {.sport = flow, .dport = 80, .seq = seq, .ack = 7, .flags = flags, .wnd = 1000};
	const struct tcp_opts o = {.has_ts = true, .tsval = 5, .tsecr = 6};
	struct rte_mbuf *b = rte_pktmbuf_alloc(pool);
	uint8_t *f = (uint8_t *)rte_pktmbuf_append(b, HDRS + len);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f + 14);

	memset(f, 0, HDRS);
	store16(f + 12, RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(52 + len));
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->next_proto_id = 6;
	ip->src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1));
	ip->dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 2));
	tcp_emit(f + 34, &v, &o);
	for (uint16_t i = 0; i < len; i++)
		f[HDRS + i] = (uint8_t)((seq + i) * 3 + flow);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	store16(f + 50, rte_be_to_cpu_16(rte_ipv4_udptcp_cksum(ip, f + 34)));
	return b;
}

static void put(uint16_t flow, uint32_t seq, uint16_t len, uint8_t flags) { m[n++] = segment(flow, seq, len, flags); }

static void expect(uint16_t at, uint16_t flow, uint32_t seq, uint32_t len, uint16_t pieces)
{
	const uint8_t *f = rte_pktmbuf_mtod(m[at], const uint8_t *);
	uint8_t buf[1];

	assert_true(at < n);
	assert_int_equal(load16(f + 34), flow);
	assert_int_equal(load32(f + 38), seq);
	assert_int_equal(m[at]->pkt_len, HDRS + len);
	assert_int_equal(m[at]->nb_segs, pieces);
	assert_int_equal(load16(f + 16), 52 + len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(*(const uint8_t *)rte_pktmbuf_read(m[at], HDRS + i, 1, buf), (uint8_t)((seq + i) * 3 + flow));
}

static int set_up(void **state)
{
	(void)state;
	n = 0;
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

/* Joining would hide them: a wrong checksum is left for the stack to find. */
/* What the network marked keeps its mark, and nobody else gets it (RFC 3168 5.3). */
static void marks_are_not_joined(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct rte_ipv4_hdr *ip;

		put(1, i * 1448, 1448, TCPF_ACK);
		ip = rte_pktmbuf_mtod_offset(m[i], struct rte_ipv4_hdr *, 14);
		ip->type_of_service = i == 2 ? 3 : 2; /* CE, ECT(0) */
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	n = pkt_gro(m, n);
	assert_int_equal(n, 3);
	expect(0, 1, 0, 2 * 1448, 2);
	expect(1, 1, 2 * 1448, 1448, 1);
	assert_int_equal(rte_pktmbuf_mtod_offset(m[1], const struct rte_ipv4_hdr *, 14)->type_of_service, 3);
	expect(2, 1, 3 * 1448, 1448, 1);
}

static void wrong_checksums_are_not_joined(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		put(1, i * 1448, 1448, TCPF_ACK);
	rte_pktmbuf_mtod(m[1], uint8_t *)[HDRS + 700] ^= 4;
	rte_pktmbuf_mtod(m[3], uint8_t *)[24] ^= 4;
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
	} bend[] = {{12, 0x81}, {14, 0x46}, {14, 0x65}, {16, 0}, {17, 0}, {20, 0x20}, {21, 1}, {23, 17}, {46, 0x40}, {46, 0xf0}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bend); i++) {
		put(1, 0, 1448, TCPF_ACK);
		put(1, 1448, 1448, TCPF_ACK);
		m[n - 1]->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		rte_pktmbuf_mtod(m[n - 1], uint8_t *)[bend[i].off] = bend[i].value;
	}
	assert_int_equal(pkt_gro(m, n), n);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_becomes_one),  TEST(two_streams_become_two),         TEST(others_keep_their_places),
		TEST(a_hole_is_not_joined),  TEST(marks_are_not_joined), TEST(wrong_checksums_are_not_joined), TEST(strange_frames_stay),
	};

	if (eal_for_test() != 0)
		return 1;
	pool = pool_for_test("gro", 1023);
	return pool == NULL || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
