/* sim_test.c: the simulated link on virtual time: what arrives, when, on which queue, and that a seed repeats it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../eal.h"
#include "drivers/sim/sim.h"
#include "frames.h"
#include "pkt/port.h"

#define ALL_OFFLOADS 0x3fu
#define MS 1000000ull

static struct rte_mempool *pool;
static struct port *port[2];
static struct sim_config cfg;

static void open_sim(void)
{
	struct rte_mempool *pools[PORT_QUEUES_MAX];

	for (unsigned i = 0; i < PORT_QUEUES_MAX; i++)
		pools[i] = pool;
	assert_int_equal(sim_open(&cfg, port), 0);
	assert_int_equal(port[0]->ops->start(port[0], pools), 0);
	assert_int_equal(port[1]->ops->start(port[1], pools), 0);
}

static int set_up(void **state)
{
	(void)state;
	cfg = (struct sim_config){.n_queues = {1, 1}, .offloads = ALL_OFFLOADS, .seed = 5};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	port[0]->ops->close(port[0]);
	port[1]->ops->close(port[1]);
	if (rte_mempool_in_use_count(pool) == 0)
		return 0;
	fprintf(stderr, "%u mbufs leaked\n", rte_mempool_in_use_count(pool));
	return -1;
}

static uint16_t put(struct rte_mbuf *m, uint64_t now_ns)
{
	uint16_t n = port[0]->ops->tx(port[0], 0, &m, 1, now_ns);

	if (n == 0)
		rte_pktmbuf_free(m);
	return n;
}

static uint16_t take(uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	return port[1]->ops->rx(port[1], queue, m, n, now_ns);
}

static void perfect_wire(void **state)
{
	static const uint16_t lens[] = {46, 60, 64, 70, 98, 99, 126, 184, 185, 240, 247, 248, 249, 600, 1514};
	struct rte_mbuf *m[1], *sent;
	struct port_stats st;
	uint64_t bytes = 0;

	(void)state;
	open_sim();
	assert_true(sim_next_ns(port[1]) == UINT64_MAX);
	for (unsigned i = 0; i < RTE_DIM(lens); i++) {
		uint8_t want[1514];

		sent = frame_new(pool, i, 1000, lens[i], true);
		memcpy(want, rte_pktmbuf_mtod(sent, void *), lens[i]);
		assert_int_equal(put(sent, 50 + i), 1);
		assert_true(sim_next_ns(port[1]) == 50 + i);
		assert_int_equal(take(0, m, 1, 50 + i), 1);
		assert_int_equal(m[0]->pkt_len, lens[i]);
		assert_int_equal(m[0]->data_len, lens[i]);
		assert_int_equal(m[0]->nb_segs, 1);
		assert_int_equal(rte_mbuf_refcnt_read(m[0]), 1);
		assert_memory_equal(rte_pktmbuf_mtod(m[0], void *), want, lens[i]);
		assert_true(m[0]->ol_flags == (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD |
					       RTE_MBUF_F_RX_RSS_HASH));
		rte_pktmbuf_free(m[0]);
		bytes += lens[i];
	}
	port[1]->ops->stats(port[1], &st);
	assert_int_equal(st.rx_packets, RTE_DIM(lens));
	assert_int_equal(st.rx_bytes, bytes);
	port[0]->ops->stats(port[0], &st);
	assert_int_equal(st.tx_packets, RTE_DIM(lens));
	assert_int_equal(st.tx_bytes, bytes);
}

static void own_checksums_stay_unknown(void **state)
{
	struct rte_mbuf *m[1];

	(void)state;
	open_sim();
	put(frame_new(pool, 0, 1, 100, false), 0);
	assert_int_equal(take(0, m, 1, 0), 1);
	assert_true((m[0]->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)) == 0);
	rte_pktmbuf_free(m[0]);
}

/* A receiver without checksum offload gets frames with the checksums that the sender's NIC computed. */
static void sender_nic_computes(void **state)
{
	struct rte_mbuf *m[1];

	(void)state;
	cfg.offloads = PORT_TX_IP4_CKSUM | PORT_TX_UDP_CKSUM;
	open_sim();
	for (uint16_t len = 46; len < 400; len += 7) {
		struct rte_mbuf *sent = frame_new(pool, len, 1, len, true);

		rte_mbuf_refcnt_update(sent, len & 1); /* every other one is shared */
		put(sent, 0);
		assert_int_equal(take(0, m, 1, 0), 1);
		assert_true(m[0]->ol_flags == 0);
		assert_true(frame_sums_right(m[0]));
		rte_pktmbuf_free(m[0]);
		if (len & 1)
			rte_pktmbuf_free(sent);
	}
}

static void rss_spreads(void **state)
{
	struct rte_mbuf *m[32];
	unsigned got = 0, used = 0;

	(void)state;
	cfg.n_queues[1] = 5;
	open_sim();
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(put(frame_new(pool, i, (uint16_t)(i * 31), 60 + i % 300, true), 0), 1);
		if (i % 20 != 19)
			continue;
		for (uint16_t q = 0; q < 5; q++) {
			uint16_t n = take(q, m, 32, 0);

			used |= n > 0 ? 1u << q : 0;
			for (uint16_t k = 0; k < n; k++) {
				uint16_t sport = (uint16_t)(frame_mark(m[k]) * 31);
				uint32_t hash = rss_hash4(&port[1]->rss, RTE_BE32(RTE_IPV4(10, 0, 0, 1)),
							  RTE_BE32(RTE_IPV4(10, 0, 0, 2)), rte_cpu_to_be_16(sport),
							  RTE_BE16(7));

				assert_int_equal(m[k]->hash.rss, hash);
				assert_int_equal(rss_queue(&port[1]->rss, hash), q);
			}
			got += n;
			rte_pktmbuf_free_bulk(m, n);
		}
	}
	assert_int_equal(got, 1000);
	assert_int_equal(used, 31);
}

/* What RSS knows by its addresses only, and what it does not know at all. */
static void rss_of_other_frames(void **state)
{
	struct rte_mbuf *m[1], *fragment, *arp, *vlan;
	uint32_t hash2;
	uint16_t q;

	(void)state;
	cfg.n_queues[1] = 4;
	open_sim();
	hash2 = rss_hash2(&port[1]->rss, RTE_BE32(RTE_IPV4(10, 0, 0, 1)), RTE_BE32(RTE_IPV4(10, 0, 0, 2)));
	fragment = frame_new(pool, 1, 99, 80, false);
	rte_pktmbuf_mtod(fragment, uint8_t *)[20] = 0x20;
	put(fragment, 0);
	assert_int_equal(take(rss_queue(&port[1]->rss, hash2), m, 1, 0), 1);
	assert_int_equal(m[0]->hash.rss, hash2);
	rte_pktmbuf_free(m[0]);

	arp = frame_new(pool, 1, 99, 60, false);
	rte_pktmbuf_mtod(arp, uint8_t *)[13] = 6;
	put(arp, 0);
	assert_int_equal(take(0, m, 1, 0), 1);
	assert_true(m[0]->ol_flags == 0);
	rte_pktmbuf_free(m[0]);

	vlan = frame_new(pool, 1, 99, 80, false);
	memmove(rte_pktmbuf_prepend(vlan, 4), rte_pktmbuf_mtod(vlan, uint8_t *) + 4, 12);
	memcpy(rte_pktmbuf_mtod_offset(vlan, void *, 12), "\x81\0\0\x05", 4);
	hash2 = rss_hash4(&port[1]->rss, RTE_BE32(RTE_IPV4(10, 0, 0, 1)), RTE_BE32(RTE_IPV4(10, 0, 0, 2)), RTE_BE16(99),
			  RTE_BE16(7));
	q = rss_queue(&port[1]->rss, hash2);
	put(vlan, 0);
	assert_int_equal(take(q, m, 1, 0), 1);
	assert_int_equal(m[0]->hash.rss, hash2);
	rte_pktmbuf_free(m[0]);
}

/* Frames that somebody still holds, and chains, arrive as copies of one segment. */
static void shared_and_chained(void **state)
{
	static const uint16_t lens[] = {60, 248, 249, 1400};
	struct rte_mbuf *m[1], *sent, *tail;

	(void)state;
	open_sim();
	for (unsigned i = 0; i < RTE_DIM(lens); i++) {
		sent = frame_new(pool, i, 1, lens[i], true);
		rte_mbuf_refcnt_update(sent, 1);
		put(sent, 0);
		assert_int_equal(rte_mbuf_refcnt_read(sent), 1);
		assert_int_equal(take(0, m, 1, 0), 1);
		assert_ptr_not_equal(m[0], sent);
		assert_memory_equal(rte_pktmbuf_mtod(m[0], void *), rte_pktmbuf_mtod(sent, void *), lens[i]);
		rte_pktmbuf_free(m[0]);
		rte_pktmbuf_free(sent);

		sent = frame_new(pool, i, 1, lens[i], true);
		tail = frame_new(pool, i, 1, 100, true);
		rte_pktmbuf_chain(sent, tail);
		put(sent, 0);
		assert_int_equal(take(0, m, 1, 0), 1);
		assert_int_equal(m[0]->nb_segs, 1);
		assert_int_equal(m[0]->pkt_len, lens[i] + 100);
		assert_int_equal(frame_mark(m[0]), i);
		rte_pktmbuf_free(m[0]);
	}
}

static void full_ring_pushes_back(void **state)
{
	struct rte_mbuf *m[32];
	unsigned sent = 0, got = 0;
	uint16_t n;

	(void)state;
	cfg.ring_packets = 16;
	open_sim();
	while (put(frame_new(pool, sent, 1, 60, true), 0) == 1)
		sent++;
	assert_int_equal(sent, 16);
	assert_int_equal(take(0, m, 5, 0), 5);
	rte_pktmbuf_free_bulk(m, 5);
	got = 5;
	for (unsigned i = 0; i < 8; i++)
		m[i] = frame_new(pool, sent + i, 1, 60, true);
	n = port[0]->ops->tx(port[0], 0, m, 8, 0);
	assert_int_equal(n, 5);
	rte_pktmbuf_free_bulk(m + n, 8 - n);
	n = take(0, m, 32, 0);
	assert_int_equal(n, 16);
	for (uint16_t i = 0; i < n; i++)
		assert_int_equal(frame_mark(m[i]), got + i);
	rte_pktmbuf_free_bulk(m, n);
}

static void oversized_and_undersized(void **state)
{
	struct rte_mbuf *m[1], *runt = rte_pktmbuf_alloc(pool);
	struct port_stats st;

	(void)state;
	cfg.mtu = 600;
	open_sim();
	rte_pktmbuf_append(runt, 13);
	assert_int_equal(put(runt, 0), 1);
	assert_int_equal(put(frame_new(pool, 1, 1, 619, true), 0), 1);
	assert_int_equal(put(frame_new(pool, 2, 1, 618, true), 0), 1); /* 600, link header, VLAN tag */
	assert_int_equal(take(0, m, 1, 0), 1);
	assert_int_equal(frame_mark(m[0]), 2);
	rte_pktmbuf_free(m[0]);
	assert_int_equal(take(0, m, 1, 0), 0);
	port[0]->ops->stats(port[0], &st);
	assert_int_equal(st.tx_errors, 2);
}

static void empty_receive_pool(void **state)
{
	struct rte_mempool *tiny = rte_pktmbuf_pool_create("rxtiny", 8, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct rte_mbuf *m[32];

	(void)state;
	open_sim();
	assert_int_equal(port[1]->ops->start(port[1], &tiny), 0);
	for (unsigned i = 0; i < 20; i++)
		put(frame_new(pool, i, 1, 60, true), 0);
	for (unsigned got = 0, i = 0; i < 20; i += got) { /* nothing is lost, it waits for mbufs */
		got = take(0, m, 32, 0);
		assert_in_range(got, 1, 8);
		for (unsigned k = 0; k < got; k++)
			assert_int_equal(frame_mark(m[k]), i + k);
		rte_pktmbuf_free_bulk(m, got);
		assert_int_equal(rte_mempool_in_use_count(tiny), 0);
	}
	rte_mempool_free(tiny);
}

static void exact_delay(void **state)
{
	struct rte_mbuf *m[32];

	(void)state;
	cfg.link[0].delay_ns = 5 * MS;
	open_sim();
	for (unsigned i = 0; i < 10; i++)
		put(frame_new(pool, i, 1, 100 + i * 100, true), i * 1000);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t at = sim_next_ns(port[1]);

		assert_true(at == 5 * MS + i * 1000);
		assert_int_equal(take(0, m, 32, at - 1), 0);
		assert_int_equal(take(0, m, 32, at), 1);
		assert_int_equal(frame_mark(m[0]), i);
		assert_true(m[0]->ol_flags == (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD |
					       RTE_MBUF_F_RX_RSS_HASH));
		rte_pktmbuf_free(m[0]);
	}
	assert_true(sim_next_ns(port[1]) == UINT64_MAX);
	assert_true(sim_next_ns(port[0]) == UINT64_MAX);
}

/* Sends n packets 1 us apart, receives to the end on virtual time; mark[k] and at[k] tell what came when. */
static unsigned story(unsigned n, uint32_t *mark, uint64_t *at)
{
	struct rte_mbuf *m[32];
	unsigned sent = 0, got = 0;
	uint64_t now = 0;

	while (sent < n || sim_next_ns(port[1]) != UINT64_MAX) {
		uint64_t next = sim_next_ns(port[1]);
		uint16_t k;

		now = sent < n ? RTE_MIN(next, (uint64_t)sent * 1000) : next;
		if (sent < n && now == (uint64_t)sent * 1000) {
			put(frame_new(pool, sent, (uint16_t)sent, 100, true), now);
			sent++;
		}
		k = take(0, m, 32, now);
		for (uint16_t i = 0; i < k; i++) {
			mark[got] = frame_mark(m[i]);
			at[got++] = now;
		}
		rte_pktmbuf_free_bulk(m, k);
	}
	return got;
}

#define STORY 20000
static uint32_t mark[2][2 * STORY];
static uint64_t at[2][2 * STORY];

static void loss_rate(void **state)
{
	struct sim_counts c;
	unsigned got;

	(void)state;
	cfg.link[0].loss = sim_prob(0.01);
	open_sim();
	got = story(STORY, mark[0], at[0]);
	sim_counts(port[0], 0, &c);
	assert_int_equal(c.sent, STORY);
	assert_int_equal(c.delivered, got);
	assert_int_equal(c.lost, STORY - got);
	assert_in_range(c.lost, 150, 250); /* 200 expected, standard deviation 14 */
	for (unsigned i = 1; i < got; i++)
		assert_true(mark[0][i] > mark[0][i - 1]);
}

static void duplicates(void **state)
{
	struct sim_counts c;
	unsigned got, twins = 0;

	(void)state;
	cfg.link[0].duplicate = sim_prob(0.02);
	open_sim();
	got = story(STORY, mark[0], at[0]);
	sim_counts(port[1], 0, &c);
	for (unsigned i = 1; i < got; i++)
		twins += mark[0][i] == mark[0][i - 1];
	assert_int_equal(got, STORY + twins);
	assert_int_equal(c.duplicated, twins);
	assert_in_range(twins, 300, 500);
}

/* Packets that follow each other closer than the jitter cannot pass: they wait for the one before. */
static void jitter_keeps_order(void **state)
{
	struct rte_mbuf *m[1];
	uint64_t least = UINT64_MAX, most = 0;
	unsigned got;

	(void)state;
	cfg.link[0].delay_ns = 2 * MS;
	cfg.link[0].jitter_ns = MS;
	open_sim();
	got = story(2000, mark[0], at[0]);
	assert_int_equal(got, 2000);
	for (unsigned i = 0; i < got; i++) {
		assert_int_equal(mark[0][i], i);
		assert_in_range(at[0][i], i * 1000ull + 2 * MS, i * 1000ull + 3 * MS);
	}
	for (uint64_t now = 100 * MS; now < 1100 * MS; now += 10 * MS) {
		put(frame_new(pool, 1, 1, 60, true), now);
		least = RTE_MIN(least, sim_next_ns(port[1]) - now);
		most = RTE_MAX(most, sim_next_ns(port[1]) - now);
		assert_int_equal(take(0, m, 1, now + 3 * MS), 1);
		rte_pktmbuf_free(m[0]);
	}
	assert_in_range(least, 2 * MS, 2 * MS + MS / 10);
	assert_in_range(most, 3 * MS - MS / 10, 3 * MS);
}

static void reorder_swaps_neighbours(void **state)
{
	struct sim_counts c;
	unsigned got, back = 0;
	bool alone;

	(void)state;
	cfg.link[0].reorder = sim_prob(0.05);
	open_sim();
	got = story(2000, mark[0], at[0]);
	assert_int_equal(got, 2000);
	sim_counts(port[0], 0, &c);
	assert_in_range(c.reordered, 60, 140);
	for (unsigned i = 1; i < got; i++) {
		assert_in_range(mark[0][i], i - 1, i + 1);
		back += mark[0][i] < mark[0][i - 1];
	}
	alone = at[0][got - 1] == 1999 * 1000 + MS; /* the last one was chosen, too: nobody passed it */
	assert_int_equal(back + alone, c.reordered);
}

static void reorder_skips_the_delay(void **state)
{
	struct sim_counts c;
	unsigned got, skipped = 0;

	(void)state;
	cfg.link[0].delay_ns = MS;
	cfg.link[0].reorder = sim_prob(0.05);
	open_sim();
	got = story(2000, mark[0], at[0]);
	assert_int_equal(got, 2000);
	sim_counts(port[0], 0, &c);
	for (unsigned i = 0; i < got; i++) {
		uint64_t took = at[0][i] - mark[0][i] * 1000ull;

		assert_true(took == 0 || took == MS);
		skipped += took == 0;
	}
	assert_in_range(skipped, 60, 140);
	assert_int_equal(skipped, c.reordered);
}

/* The last packet is chosen to be overtaken, and nobody comes: it arrives anyway. */
static void reorder_releases_the_last(void **state)
{
	struct rte_mbuf *m[2];

	(void)state;
	cfg.link[0].reorder = UINT32_MAX;
	open_sim();
	put(frame_new(pool, 1, 1, 60, true), 1000);
	assert_true(sim_next_ns(port[1]) == 1000 + MS);
	assert_int_equal(take(0, m, 2, 1000 + MS - 1), 0);
	assert_int_equal(take(0, m, 2, 1000 + MS), 1);
	rte_pktmbuf_free(m[0]);
	put(frame_new(pool, 2, 1, 60, true), 2 * MS);
	put(frame_new(pool, 3, 1, 60, true), 2 * MS + 5);
	assert_int_equal(take(0, m, 2, 2 * MS + 5), 2);
	assert_int_equal(frame_mark(m[0]), 3);
	assert_int_equal(frame_mark(m[1]), 2);
	rte_pktmbuf_free_bulk(m, 2);
}

static void corruption_flips_one_bit(void **state)
{
	unsigned ip_bad = 0, l4_bad = 0, arrived = 0;

	(void)state;
	cfg.link[0].corrupt = UINT32_MAX;
	open_sim();
	for (unsigned i = 0; i < 3000; i++) {
		struct rte_mbuf *m[1], *clean = frame_new(pool, i, (uint16_t)i, 60 + i % 300, false);
		uint16_t len = 60 + i % 300;
		unsigned bits = 0, where = 0;

		put(frame_new(pool, i, (uint16_t)i, len, true), i);
		assert_int_equal(take(0, m, 1, i), 1);
		for (unsigned k = 0; k < len; k++) {
			uint8_t diff = rte_pktmbuf_mtod(m[0], uint8_t *)[k] ^ rte_pktmbuf_mtod(clean, uint8_t *)[k];

			bits += (unsigned)__builtin_popcount(diff);
			where = diff != 0 ? k : where;
		}
		assert_int_equal(bits, 1);
		if (where >= 34) { /* UDP: caught (a bit of the length field makes it unparsable or wrong) */
			assert_false(m[0]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD);
			l4_bad += (m[0]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_BAD) != 0;
		} else if (where >= 14) {
			assert_false(m[0]->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD);
			ip_bad += (m[0]->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_BAD) != 0;
		}
		arrived++;
		rte_pktmbuf_free(m[0]);
		rte_pktmbuf_free(clean);
	}
	assert_int_equal(arrived, 3000);
	assert_true(ip_bad > 200);
	assert_true(l4_bad > 2000);
}

static void exact_rate_and_tail_drop(void **state)
{
	struct rte_mbuf *m[32];
	struct sim_counts c;
	uint64_t bits = 0;

	(void)state;
	cfg.link[0].rate_bps = 999999937; /* does not divide evenly */
	cfg.link[0].queue_packets = 1000;
	open_sim();
	for (unsigned i = 0; i < 1300; i++)
		put(frame_new(pool, i, 1, 100 + i % 1000, true), 0);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t next = sim_next_ns(port[1]);

		bits += (100 + i % 1000) * 8;
		assert_true(next == (uint64_t)((unsigned __int128)bits * 1000000000 / 999999937));
		assert_int_equal(take(0, m, 32, next), 1);
		assert_int_equal(frame_mark(m[0]), i);
		rte_pktmbuf_free(m[0]);
	}
	assert_true(sim_next_ns(port[1]) == UINT64_MAX);
	sim_counts(port[0], 0, &c);
	assert_int_equal(c.overflowed, 300);
}

static void seed_repeats(void **state)
{
	unsigned got[2];

	for (unsigned run = 0; run < 2; run++) {
		if (run > 0)
			tear_down(state);
		assert_int_equal(sim_parse(&cfg, "loss=2%,duplicate=1%,corrupt=1%,reorder=3%,delay=50us,jitter=20us,rate=2G",
					   NULL, 0), 0);
		open_sim();
		got[run] = story(STORY, mark[run], at[run]);
	}
	assert_int_equal(got[0], got[1]);
	assert_memory_equal(mark[0], mark[1], got[0] * sizeof(mark[0][0]));
	assert_memory_equal(at[0], at[1], got[0] * sizeof(at[0][0]));
	tear_down(state);
	cfg.seed++;
	open_sim();
	story(STORY, mark[1], at[1]);
	assert_memory_not_equal(mark[0], mark[1], got[0] * sizeof(mark[0][0]));
}

static void link_changes_while_packets_fly(void **state)
{
	struct sim_link slow = {.delay_ns = 10 * MS}, perfect = {0};
	struct rte_mbuf *m[8];

	(void)state;
	open_sim();
	put(frame_new(pool, 1, 1, 60, true), 0);
	sim_set_link(port[0], 0, &slow);
	put(frame_new(pool, 2, 1, 60, true), 0);
	sim_set_link(port[0], 0, &perfect);
	put(frame_new(pool, 3, 1, 60, true), 5);
	assert_int_equal(take(0, m, 8, 5), 2);
	assert_int_equal(frame_mark(m[0]), 1);
	assert_int_equal(frame_mark(m[1]), 3);
	assert_true(sim_next_ns(port[1]) == 10 * MS);
	assert_int_equal(take(0, m + 2, 6, 10 * MS), 1);
	rte_pktmbuf_free_bulk(m, 3);
	put(frame_new(pool, 4, 1, 60, true), 11 * MS); /* stays in the ring: closing frees it */
	sim_set_link(port[0], 0, &slow);
	put(frame_new(pool, 5, 1, 60, true), 11 * MS); /* stays on the wire */
}

static void nobody_at_the_other_end(void **state)
{
	struct port_stats st;

	(void)state;
	assert_int_equal(sim_open(&cfg, port), 0); /* the far end does not start */
	assert_int_equal(port[0]->ops->start(port[0], &pool), 0);
	assert_int_equal(put(frame_new(pool, 1, 1, 60, true), 0), 1);
	port[0]->ops->stats(port[0], &st);
	assert_int_equal(st.tx_errors, 1);
}

/* A large TCP frame of payload bytes in mbufs of 1000, as PORT_TX_TSO wants it. */
static struct rte_mbuf *large_new(uint32_t payload, uint16_t segsz, uint8_t tcp_flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *last = m;
	uint8_t *f = (uint8_t *)rte_pktmbuf_append(m, 54);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f + 14);

	memset(f, 0, 54);
	f[12] = 8;
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(40 + payload));
	ip->packet_id = RTE_BE16(65534);
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1));
	ip->dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 2));
	memcpy(f + 38, "\xff\xff\xff\0", 4); /* sequence number: it wraps inside */
	f[46] = 5 << 4;
	f[47] = tcp_flags;
	for (uint32_t i = 0; i < payload; i++) {
		if (last == m || last->data_len == 1000) {
			last->next = rte_pktmbuf_alloc(pool);
			last = last->next;
			m->nb_segs++;
		}
		rte_pktmbuf_mtod(last, uint8_t *)[last->data_len++] = (uint8_t)(i * 5 + (i >> 8));
	}
	m->pkt_len += payload;
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 20;
	m->tso_segsz = segsz;
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4;
	return m;
}

/* Piece i of n: length, id, sequence number, flags, bytes, checksums. */
static void expect_piece(struct rte_mbuf *m, unsigned i, unsigned n, uint32_t payload, uint32_t segsz)
{
	uint32_t len = i + 1 < n ? segsz : payload - i * segsz;
	uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f + 14);
	uint16_t sum;
	uint32_t seq;

	assert_int_equal(m->pkt_len, 54 + len);
	assert_int_equal(rte_be_to_cpu_16(ip->total_length), 40 + len);
	assert_int_equal(rte_be_to_cpu_16(ip->packet_id), (uint16_t)(65534 + i));
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	memcpy(&sum, f + 50, 2);
	memset(f + 50, 0, 2);
	assert_int_equal(sum, rte_ipv4_udptcp_cksum(ip, f + 34));
	memcpy(&seq, f + 38, 4);
	assert_int_equal(rte_be_to_cpu_32(seq), 0xffffff00u + i * segsz);
	assert_int_equal(f[47], (i == 0 ? 0x80 : 0) | 0x10 | (i + 1 == n ? 0x09 : 0)); /* CWR first, PSH and FIN last */
	for (uint32_t k = 0; k < len; k++)
		assert_int_equal(f[54 + k], (uint8_t)((i * segsz + k) * 5 + ((i * segsz + k) >> 8)));
}

static void large_frames_are_cut(void **state)
{
	static const uint32_t payloads[] = {1, 999, 1000, 1001, 1460, 1461, 2920, 14600, 16000};
	struct rte_mbuf *m[32];

	(void)state;
	cfg.offloads = PORT_TX_TSO;
	open_sim();
	assert_int_equal(port[0]->offloads, PORT_TX_TSO | PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_MULTI_SEG);
	for (unsigned i = 0; i < RTE_DIM(payloads); i++) {
		unsigned n = (payloads[i] + 1459) / 1460;

		assert_int_equal(put(large_new(payloads[i], 1460, 0x99), 0), 1);
		assert_int_equal(take(0, m, 32, 0), n);
		for (unsigned k = 0; k < n; k++)
			expect_piece(m[k], k, n, payloads[i], 1460);
		rte_pktmbuf_free_bulk(m, n);
	}
}

/* Pieces go together or not at all, between others, in order. */
static void a_full_ring_keeps_large_frames_out(void **state)
{
	struct rte_mbuf *m[80], *two[2];

	(void)state;
	cfg.offloads = PORT_TX_TSO;
	cfg.ring_packets = 64;
	open_sim();
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(put(frame_new(pool, i, 1, 60, false), 0), 1);
	two[0] = frame_new(pool, 60, 1, 60, false);
	two[1] = large_new(5000, 1000, 0x10);
	assert_int_equal(port[0]->ops->tx(port[0], 0, two, 2, 0), 1);
	assert_int_equal(take(0, m, 32, 0), 32);
	rte_pktmbuf_free_bulk(m, 32);
	assert_int_equal(port[0]->ops->tx(port[0], 0, two + 1, 1, 0), 1);
	assert_int_equal(take(0, m, 32, 0) + take(0, m + 32, 32, 0), 34);
	assert_int_equal(frame_mark(m[28]), 60);
	assert_int_equal(m[29]->pkt_len, 1054);
	rte_pktmbuf_free_bulk(m, 34);
}

static void a_large_frame_without_size_is_an_error(void **state)
{
	struct port_stats st;

	(void)state;
	cfg.offloads = PORT_TX_TSO;
	open_sim();
	assert_int_equal(put(large_new(3000, 0, 0x10), 0), 1);
	port[0]->ops->stats(port[0], &st);
	assert_int_equal(st.tx_errors, 1);
}

static void chains_for_a_nic_that_takes_none(void **state)
{
	struct port_stats st;

	(void)state;
	cfg.offloads = 0;
	open_sim();
	assert_int_equal(put(large_new(100, 0, 0x10), 0), 1);
	port[0]->ops->stats(port[0], &st);
	assert_int_equal(st.tx_errors, 1);
}

/* The tag is on the wire between, and stripped where the receiver's NIC does that. */
static void vlan_tags(void **state)
{
	struct rte_mbuf *m[1], *sent;

	(void)state;
	cfg.offloads = PORT_TX_VLAN;
	for (int strip = 0; strip < 2; strip++) {
		for (unsigned len = 60; len <= 600; len += 540) {
			if (strip)
				cfg.offloads |= PORT_RX_VLAN;
			open_sim();
			sent = frame_new(pool, 9, 1, (uint16_t)len, false);
			sent->ol_flags |= RTE_MBUF_F_TX_VLAN;
			sent->vlan_tci = 0x6123;
			assert_int_equal(put(sent, 0), 1);
			assert_int_equal(take(0, m, 1, 0), 1);
			assert_int_equal(m[0]->pkt_len, strip ? len : len + 4);
			if (strip) {
				assert_int_equal(frame_mark(m[0]), 9);
				assert_int_equal(m[0]->vlan_tci, 0x6123);
				assert_true((m[0]->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED)) ==
					    (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED));
				assert_true(frame_sums_right(m[0]));
			} else {
				assert_memory_equal(rte_pktmbuf_mtod(m[0], uint8_t *), "\x02sim\0\2\x02sim\0\1\x81\0\x61\x23\x08\0", 18);
				assert_false(m[0]->ol_flags & RTE_MBUF_F_RX_VLAN);
			}
			rte_pktmbuf_free(m[0]);
			if (!strip || len < 600) {
				port[0]->ops->close(port[0]);
				port[1]->ops->close(port[1]);
			}
		}
	}
}

static uint16_t queue_of_arrival(struct rte_mbuf **m)
{
	for (uint16_t q = 0; q < port[1]->n_queues; q++) {
		if (take(q, m, 1, 0) == 1)
			return q;
	}
	fail();
	return 0;
}

/* What each kind of NIC does with queue and hash, and what port says about it. */
static void nics_that_spread_otherwise(void **state)
{
	static const enum sim_rss kinds[] = {SIM_RSS_YES, SIM_RSS_NONE, SIM_RSS_OTHER, SIM_RSS_QUEUE};

	(void)state;
	cfg.n_queues[1] = 4;
	for (unsigned k = 0; k < RTE_DIM(kinds); k++) {
		unsigned hash_right = 0, queue_right = 0, on_0 = 0;

		cfg.rss = kinds[k];
		open_sim();
		assert_int_equal(port[1]->rss_trusted, kinds[k] != SIM_RSS_NONE);
		assert_int_equal(!(port[1]->offloads & PORT_RX_HASH), kinds[k] == SIM_RSS_NONE);
		for (uint16_t i = 0; i < 256; i++) {
			uint32_t hash = rss_hash4(&port[1]->rss, RTE_BE32(RTE_IPV4(10, 0, 0, 1)), RTE_BE32(RTE_IPV4(10, 0, 0, 2)),
						  rte_cpu_to_be_16(i), RTE_BE16(7));
			struct rte_mbuf *m[1];
			uint16_t q;

			put(frame_new(pool, i, i, 60, true), 0);
			q = queue_of_arrival(m);
			on_0 += q == 0;
			queue_right += q == rss_queue(&port[1]->rss, hash);
			hash_right += (m[0]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) && m[0]->hash.rss == hash;
			rte_pktmbuf_free(m[0]);
		}
		assert_int_equal(hash_right, kinds[k] == SIM_RSS_YES || kinds[k] == SIM_RSS_QUEUE ? 256 : 0);
		assert_true(kinds[k] == SIM_RSS_YES ? queue_right == 256 : kinds[k] == SIM_RSS_QUEUE ? queue_right == 0 : queue_right < 128);
		assert_true(kinds[k] == SIM_RSS_NONE ? on_0 == 256 : on_0 < 128);
		if (k + 1 < RTE_DIM(kinds)) {
			port[0]->ops->close(port[0]);
			port[1]->ops->close(port[1]);
		}
	}
}

static void options(void **state)
{
	struct sim_config c = {.offloads = ALL_OFFLOADS};
	char err[256];
	static const struct {
		const char *text, *sentence;
	} bad[] = {
		{"los=1%", "sim has no option 'los': it has loss, duplicate, corrupt, reorder, delay, jitter, rate, queue (each "
			   "also as ab.* or ba.*), queues, mtu, reta, ring, seed, rss, offload"},
		{"loss=1", "sim: loss=1: write a percentage such as 1%, or a fraction such as 0.01"},
		{"loss=101%", "sim: loss=101%: write a percentage such as 1%, or a fraction such as 0.01"},
		{"delay=5", "sim: delay=5: write a time with its unit, such as 5ms or 250us"},
		{"ba.rate=fast", "sim: ba.rate=fast: write a whole number; k, M and G are thousands, millions and billions"},
		{"queues=0", "sim: queues=0: must be from 1 to 128"},
		{"delay=2000000s", "sim: delay=2000000s: must be from 0 to 3600000000000 ns"},
		{"rss=maybe", "sim: rss=maybe: write yes, none, other (hashes and queues are wrong) or queue (only the queues are)"},
		{"offload=2", "sim: offload=2: write 1, 0, or some of cksum, tso and vlan with colons between, such as cksum:tso"},
		{"offload=tso:", "sim: offload=tso:: write 1, 0, or some of cksum, tso and vlan with colons between, such as "
				 "cksum:tso"},
		{"loss", "sim: 'loss' has no value: write name=value, with commas between"},
	};

	(void)state;
	assert_int_equal(sim_parse(&c, "loss=1%,delay=5ms,jitter=1.5ms,reorder=5%,duplicate=0.5,corrupt=0.1%,rate=1G,queue=9,"
				   "queues=4,seed=7,offload=0,mtu=9000,reta=64,ring=32,ab.loss=0.25,ba.delay=0", err,
				   sizeof(err)), 0);
	assert_int_equal(c.link[0].loss, 1u << 30);
	assert_int_equal(c.link[1].loss, sim_prob(0.01));
	assert_true(c.link[0].delay_ns == 5 * MS && c.link[1].delay_ns == 0);
	assert_true(c.link[0].jitter_ns == 3 * MS / 2 && c.link[1].rate_bps == 1000000000);
	assert_true(c.link[0].duplicate == 1u << 31 && c.link[0].queue_packets == 9);
	assert_true(c.n_queues[0] == 4 && c.n_queues[1] == 4 && c.seed == 7 && c.offloads == 0);
	assert_true(c.mtu == 9000 && c.reta_size == 64 && c.ring_packets == 32);
	assert_int_equal(sim_parse(&c, "rss=queue,offload=tso:vlan", err, sizeof(err)), 0);
	assert_int_equal(c.rss, SIM_RSS_QUEUE);
	assert_int_equal(c.offloads, PORT_TX_TSO | PORT_TX_VLAN | PORT_RX_VLAN | PORT_TX_MULTI_SEG | PORT_RX_HASH);
	assert_int_equal(sim_parse(&c, "offload=1,rss=yes", err, sizeof(err)), 0);
	assert_true(c.offloads & PORT_TX_TSO && c.rss == SIM_RSS_YES);
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(sim_parse(&c, bad[i].text, err, sizeof(err)), -EINVAL);
		assert_string_equal(err, bad[i].sentence);
	}
	c = (struct sim_config){.n_queues = {1, PORT_QUEUES_MAX + 1}};
	assert_int_equal(sim_open(&c, port), -EINVAL);
	open_sim();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(perfect_wire), TEST(own_checksums_stay_unknown), TEST(sender_nic_computes), TEST(rss_spreads),
		TEST(rss_of_other_frames), TEST(shared_and_chained), TEST(full_ring_pushes_back),
		TEST(oversized_and_undersized), TEST(empty_receive_pool), TEST(exact_delay), TEST(loss_rate),
		TEST(duplicates), TEST(jitter_keeps_order), TEST(reorder_swaps_neighbours),
		TEST(reorder_skips_the_delay), TEST(reorder_releases_the_last),
		TEST(corruption_flips_one_bit), TEST(exact_rate_and_tail_drop), TEST(seed_repeats),
		TEST(link_changes_while_packets_fly), TEST(nobody_at_the_other_end), TEST(options),
		TEST(large_frames_are_cut), TEST(a_full_ring_keeps_large_frames_out), TEST(a_large_frame_without_size_is_an_error),
		TEST(chains_for_a_nic_that_takes_none), TEST(vlan_tags), TEST(nics_that_spread_otherwise),
	};

	if (eal_for_test(192) != 0)
		return 1;
	pool = pool_for_test("sim", 8191);
	return pool == NULL || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
