/* tx_test.c: the transmit queue on a port that takes what it likes, and who computes checksums. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "../eal.h"
#include "pkt/tx.h"

static struct rte_mempool *pool;
static struct drops drops;
static struct pkt_tx tx;
static uint64_t now_ns = 77;

/* A device that takes at most `takes` packets a call and remembers their marks. */
static struct {
	uint16_t takes, last_n;
	unsigned calls, n;
	uint64_t last_now_ns;
	uint32_t mark[4 * TX_QUEUE_MAX];
} dev;

static uint16_t dev_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t t)
{
	uint16_t take = RTE_MIN(n, dev.takes);

	(void)p;
	assert_int_equal(queue, 3);
	dev.calls++;
	dev.last_n = n;
	dev.last_now_ns = t;
	for (uint16_t i = 0; i < take; i++) {
		dev.mark[dev.n++] = m[i]->hash.rss;
		rte_pktmbuf_free(m[i]);
	}
	return take;
}

static const struct port_ops dev_ops = {.tx = dev_tx};
static struct port port = {.ops = &dev_ops};

static int set_up(void **state)
{
	(void)state;
	memset(&dev, 0, sizeof(dev));
	memset(&drops, 0, sizeof(drops));
	port.offloads = 0;
	pkt_tx_init(&tx, &port, 3, pool, &drops, &now_ns);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pkt_tx_fini(&tx);
	return rte_mempool_in_use_count(pool) == 0 ? 0 : -1;
}

static void push(uint32_t mark)
{
	struct rte_mbuf *m = pkt_tx_alloc(&tx);

	assert_non_null(m);
	rte_pktmbuf_append(m, 60);
	m->hash.rss = mark;
	pkt_tx_push(&tx, m);
}

static void collects_and_leaves_in_one_burst(void **state)
{
	(void)state;
	dev.takes = UINT16_MAX;
	assert_int_equal(pkt_tx_flush(&tx), 0);
	assert_int_equal(dev.calls, 0);
	for (uint32_t i = 0; i < 100; i++)
		push(i);
	assert_int_equal(dev.calls, 0);
	assert_int_equal(pkt_tx_room(&tx), TX_QUEUE_MAX - TX_RESERVED - 100);
	assert_int_equal(pkt_tx_flush(&tx), 0);
	assert_int_equal(dev.calls, 1);
	assert_int_equal(dev.last_n, 100);
	assert_int_equal(dev.last_now_ns, 77);
	assert_int_equal(tx.packets, 100);
	assert_int_equal(tx.bytes, 6000);
}

static void keeps_what_is_not_taken_in_order(void **state)
{
	uint32_t next = 0;

	(void)state;
	dev.takes = 7;
	for (unsigned round = 0; round < 150; round++) {
		for (unsigned i = 0; i < 10 && pkt_tx_room(&tx) > 0; i++)
			push(next++);
		pkt_tx_flush(&tx);
	}
	dev.takes = UINT16_MAX;
	assert_int_equal(pkt_tx_flush(&tx), 0);
	assert_int_equal(dev.n, next);
	assert_int_equal(tx.packets, next);
	for (uint32_t i = 0; i < next; i++)
		assert_int_equal(dev.mark[i], i);
	assert_int_equal(drops.n[DROP_TX_FULL], 0);
}

static void full_queue_flushes_then_drops(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TX_QUEUE_MAX; i++)
		push(i);
	assert_int_equal(dev.calls, 0);
	assert_int_equal(pkt_tx_room(&tx), 0);
	push(9999);
	assert_int_equal(dev.calls, 1);
	assert_int_equal(drops.n[DROP_TX_FULL], 1);
	dev.takes = 1;
	push(TX_QUEUE_MAX); /* the flush makes room for it */
	assert_int_equal(drops.n[DROP_TX_FULL], 1);
	assert_int_equal(tx.n, TX_QUEUE_MAX);
	dev.takes = UINT16_MAX;
	assert_int_equal(pkt_tx_flush(&tx), 0);
	assert_int_equal(dev.n, TX_QUEUE_MAX + 1);
	for (uint32_t i = 0; i <= TX_QUEUE_MAX; i++)
		assert_int_equal(dev.mark[i], i);
}

static void empty_pool_is_counted(void **state)
{
	struct rte_mempool *tiny = rte_pktmbuf_pool_create("tiny", 3, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct rte_mbuf *m[3];

	(void)state;
	tx.pool = tiny;
	for (unsigned i = 0; i < 3; i++) {
		m[i] = pkt_tx_alloc(&tx);
		assert_non_null(m[i]);
		assert_int_equal(rte_pktmbuf_headroom(m[i]), RTE_PKTMBUF_HEADROOM);
	}
	assert_null(pkt_tx_alloc(&tx));
	assert_int_equal(drops.n[DROP_NO_MBUF], 1);
	rte_pktmbuf_free_bulk(m, 3);
	rte_mempool_free(tiny);
}

/* ---- checksums ---- */
static struct rte_mbuf *packet(uint8_t proto, uint16_t payload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint16_t l4 = proto == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	uint16_t len = (uint16_t)(sizeof(struct rte_ipv4_hdr) + l4 + payload);
	uint8_t *f = (uint8_t *)rte_pktmbuf_append(m, 14 + len);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f + 14);

	memset(f, 0, 14 + len);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(len);
	ip->time_to_live = 64;
	ip->next_proto_id = proto;
	ip->src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1));
	ip->dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 2));
	for (uint16_t i = 0; i < payload; i++)
		f[14 + sizeof(*ip) + l4 + i] = (uint8_t)(i * 7 + 1);
	return m;
}

/* By DPDK's own function, which wants the field to be zero. */
static bool l4_sum_is_right(struct rte_ipv4_hdr *ip)
{
	uint16_t *field = (uint16_t *)((uint8_t *)(ip + 1) + (ip->next_proto_id == IPPROTO_TCP ? 16 : 6));
	uint16_t sum = *field;

	*field = 0;
	*field = rte_ipv4_udptcp_cksum(ip, ip + 1);
	return *field == sum;
}

static void software_checksums(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (uint16_t payload = 0; payload < 70; payload++) {
			struct rte_mbuf *m = packet(protos[i], payload);
			struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

			pkt_tx_cksum_ip4(&port, m, 14, 34, protos[i]);
			assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
			assert_int_equal(rte_raw_cksum(ip, sizeof(*ip)), 0xffff);
			assert_true(l4_sum_is_right(ip));
			rte_pktmbuf_free(m);
		}
	}
}

static void udp_sum_zero_becomes_ffff(void **state)
{
	struct rte_mbuf *m = packet(IPPROTO_UDP, 2);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	(void)state;
	memset(udp + 1, 0, 2);
	*(uint16_t *)(udp + 1) = (uint16_t)~rte_ipv4_phdr_cksum(ip, 0);
	assert_int_equal(rte_ipv4_udptcp_cksum(ip, udp), 0xffff); /* DPDK's says that it would be zero */
	pkt_tx_cksum_ip4(&port, m, 14, 34, IPPROTO_UDP);
	assert_int_equal(udp->dgram_cksum, 0xffff);
	rte_pktmbuf_free(m);
}

static void offloaded_checksums(void **state)
{
	struct rte_mbuf *m = packet(IPPROTO_TCP, 10);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(ip + 1);

	(void)state;
	port.offloads = PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM;
	pkt_tx_cksum_ip4(&port, m, 14, 34, IPPROTO_TCP);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(ip->hdr_checksum, 0);
	assert_int_equal(tcp->cksum, rte_ipv4_phdr_cksum(ip, m->ol_flags));
	rte_pktmbuf_free(m);

	m = packet(IPPROTO_UDP, 10); /* this device has no UDP checksum */
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	pkt_tx_cksum_ip4(&port, m, 14, 34, IPPROTO_UDP);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	assert_true(l4_sum_is_right(ip));
	rte_pktmbuf_free(m);
}

/* A chain of n mbufs with len bytes each. */
static struct rte_mbuf *chain(unsigned n, uint16_t len)
{
	struct rte_mbuf *m = pkt_tx_alloc(&tx), *last = m;

	rte_pktmbuf_append(m, len);
	for (unsigned i = 1; i < n; i++) {
		last->next = pkt_tx_alloc(&tx);
		last = last->next;
		last->data_len = len;
		m->pkt_len += len;
		m->nb_segs++;
	}
	for (last = m; last != NULL; last = last->next)
		for (unsigned i = 0; i < len; i++)
			rte_pktmbuf_mtod(last, uint8_t *)[i] = (uint8_t)(i + len * 3);
	return m;
}

static void chains_become_one_piece(void **state)
{
	(void)state;
	pkt_tx_push(&tx, chain(3, 500));
	assert_int_equal(tx.linearized, 1);
	assert_int_equal(tx.n, 1);
	assert_int_equal(tx.m[0]->nb_segs, 1);
	assert_int_equal(tx.m[0]->data_len, 1500);
	for (unsigned i = 0; i < 1500; i++)
		assert_int_equal(rte_pktmbuf_mtod(tx.m[0], uint8_t *)[i], (uint8_t)(i % 500 + 1500));
	/* What no mbuf holds cannot be sent by such a device. */
	pkt_tx_push(&tx, chain(4, 1000));
	assert_int_equal(tx.n, 1);
	assert_int_equal(drops.n[DROP_TX_TOO_BIG], 1);
	/* One that takes them gets them as they are. */
	port.offloads = PORT_TX_MULTI_SEG;
	pkt_tx_push(&tx, chain(4, 1000));
	assert_int_equal(tx.m[1]->nb_segs, 4);
	assert_int_equal(tx.linearized, 1);
}

static void segmentation_offload(void **state)
{
	struct rte_mbuf *m;
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;

	(void)state;
	port.offloads = PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_TSO;
	m = packet(IPPROTO_TCP, 100);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	tcp = (struct rte_tcp_hdr *)(ip + 1);
	m->l4_len = 20;
	m->tso_segsz = 30;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	pkt_tx_cksum_ip4(&port, m, 14, 34, IPPROTO_TCP);
	pkt_tx_tso_ip4(m, 14, 34);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK,
			 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
	assert_true(m->l2_len == 14 && m->l3_len == 20 && m->l4_len == 20 && m->tso_segsz == 30);
	assert_int_equal(tcp->cksum, rte_ipv4_phdr_cksum(ip, RTE_MBUF_F_TX_TCP_SEG)); /* DPDK's own idea of it */
	assert_int_equal(rte_validate_tx_offload(m), 0);
	rte_pktmbuf_free(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(collects_and_leaves_in_one_burst), TEST(keeps_what_is_not_taken_in_order),
		TEST(full_queue_flushes_then_drops),    TEST(empty_pool_is_counted),
		TEST(software_checksums),               TEST(udp_sum_zero_becomes_ffff),
		TEST(offloaded_checksums),              TEST(chains_become_one_piece),
		TEST(segmentation_offload),
	};

	if (eal_for_test(192) != 0)
		return 1;
	pool = pool_for_test("tx", 2047);
	return pool == NULL || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
