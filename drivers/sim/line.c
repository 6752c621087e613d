/* line.c: the perfect wire: a matrix of single-producer single-consumer rings, one per pair of queues. Indices are
 * published once a burst. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "drivers/sim/sim_int.h"

#define AHEAD 8 /* slots that the sender fetches for writing before it fills them */

static size_t ring_bytes(uint32_t packets)
{
	return sizeof(struct sim_ring) + packets * sizeof(struct sim_slot);
}

static struct sim_ring *ring_at(const struct sim_dir *d, uint16_t tx, uint16_t rx)
{
	return (struct sim_ring *)((char *)d->rings.base + ring_bytes(d->ring_mask + 1) * ((size_t)tx * d->n_rx + rx));
}

static int line_alloc(struct sim_dir *d)
{
	d->txq = rte_calloc("sim_txq", d->n_tx, sizeof(*d->txq), RTE_CACHE_LINE_SIZE);
	d->rxq = rte_calloc("sim_rxq", d->n_rx, sizeof(*d->rxq), RTE_CACHE_LINE_SIZE);
	if (d->txq == NULL || d->rxq == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < d->n_tx; i++) {
		d->txq[i].to = rte_calloc("sim_prod", d->n_rx, sizeof(struct sim_prod), RTE_CACHE_LINE_SIZE);
		if (d->txq[i].to == NULL)
			return -ENOMEM;
	}
	for (unsigned j = 0; j < d->n_rx; j++) {
		d->rxq[j].from = rte_calloc("sim_cons", d->n_tx, sizeof(struct sim_ring *), RTE_CACHE_LINE_SIZE);
		if (d->rxq[j].from == NULL)
			return -ENOMEM;
	}
	return region_map(&d->rings, ring_bytes(d->ring_mask + 1) * d->n_tx * d->n_rx, -1);
}

int line_init(struct sim_dir *d, uint32_t ring_packets)
{
	int rc;

	d->ring_mask = rte_align32pow2(ring_packets) - 1;
	rc = line_alloc(d);
	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < d->n_tx; i++) {
		for (unsigned j = 0; j < d->n_rx; j++) {
			d->txq[i].to[j].ring = ring_at(d, i, j);
			d->rxq[j].from[i] = ring_at(d, i, j);
		}
	}
	return 0;
}

static void ring_drain(struct sim_ring *r, uint32_t mask)
{
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);

	for (; r->head != tail; r->head++) {
		const struct sim_slot *s = &r->slot[r->head & mask];

		if (s->flags & SIM_SLOT_MBUF)
			rte_pktmbuf_free(s->m);
	}
	r->tail_seen = tail;
}

void line_drain(struct sim_dir *d)
{
	for (unsigned i = 0; d->rings.base != NULL && i < d->n_tx; i++) {
		for (unsigned j = 0; j < d->n_rx; j++)
			ring_drain(ring_at(d, i, j), d->ring_mask);
	}
}

void line_fini(struct sim_dir *d)
{
	line_drain(d);
	region_unmap(&d->rings);
	for (unsigned i = 0; d->txq != NULL && i < d->n_tx; i++)
		rte_free(d->txq[i].to);
	for (unsigned j = 0; d->rxq != NULL && j < d->n_rx; j++)
		rte_free(d->rxq[j].from);
	rte_free(d->txq);
	rte_free(d->rxq);
}

static inline bool prod_full(struct sim_prod *p, uint32_t mask)
{
	if (likely(p->tail - p->head_seen <= mask))
		return false;
	p->head_seen = __atomic_load_n(&p->ring->head, __ATOMIC_ACQUIRE);
	return p->tail - p->head_seen > mask;
}

/* Announces what was written to the ring of every receiving queue whose bit is set. */
static inline void publish(struct sim_txq *q, uint64_t touched[2], uint64_t now_ns)
{
	for (unsigned w = 0; w < 2; w++) {
		for (; touched[w] != 0; touched[w] &= touched[w] - 1) {
			struct sim_prod *p = &q->to[w * 64 + (unsigned)__builtin_ctzll(touched[w])];

			p->ring->push_ns = now_ns;
			__atomic_store_n(&p->ring->tail, p->tail, __ATOMIC_RELEASE);
		}
	}
}

/* Copies 56 bytes and then whole lines of the slot, as many as the frame has. There may be more bytes behind the frame on
 * both sides: the caller knows that there is room for SIM_INLINE_MAX. */
static inline void copy_lines(uint8_t *to, const uint8_t *from, uint32_t len)
{
	memcpy(to, from, 56);
	for (uint32_t off = 56; off < len; off += 64)
		memcpy(to + off, from + off, 64);
}

/* A chain, or a frame close to its buffer's end. */
static void copy_exact(uint8_t *to, const struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		memcpy(to, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		to += m->data_len;
	}
}

/* mbufs that are done with, returned to their pool in one go. */
struct done {
	struct rte_mempool *pool;
	uint16_t n;
	struct rte_mbuf *m[TX_BURST];
};

static inline void done_flush(struct done *d)
{
	if (d->n > 0)
		rte_mempool_put_bulk(d->pool, (void **)d->m, d->n);
	d->n = 0;
}

static inline void done_add(struct done *d, struct rte_mbuf *m)
{
	if (unlikely(!nic_alone(m))) {
		rte_pktmbuf_free(m);
		return;
	}
	if (m->pool != d->pool || d->n == TX_BURST) {
		done_flush(d);
		d->pool = m->pool;
	}
	d->m[d->n++] = m;
}

/* Moves one frame into a slot; the mbuf is gone then. False: dropped, because there is no mbuf for a copy. */
static inline bool slot_fill(struct sim_dir *d, struct sim_slot *s, struct rte_mbuf *m, struct done *done)
{
	bool rx_cksum = d->rx_offloads & PORT_RX_CKSUM;
	uint64_t tx_flags = m->ol_flags & d->tx_flags;
	bool fill = !rx_cksum && tx_flags != 0;

	if (unlikely((m->pkt_len > SIM_INLINE_MAX || fill) && !nic_alone(m))) {
		m = nic_copy(m);
		if (m == NULL)
			return false;
	}
	if (unlikely(fill))
		nic_tx_cksum(m, tx_flags);
	s->len = (uint16_t)m->pkt_len;
	s->flags |= rx_cksum ? (uint16_t)nic_rx_flags_clean(tx_flags) : 0;
	if (unlikely(m->pkt_len > SIM_INLINE_MAX)) {
		m->ol_flags = s->flags;
		m->hash.rss = s->hash;
		m->packet_type = 0;
		s->flags = SIM_SLOT_MBUF;
		s->m = m;
		return true;
	}
	if (likely(m->nb_segs == 1 && m->data_off + SIM_INLINE_MAX <= m->buf_len))
		copy_lines(s->frame, rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len);
	else
		copy_exact(s->frame, m);
	done_add(done, m);
	return true;
}

uint16_t line_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct sim_txq *q = &d->txq[queue];
	const bool rx_hash = d->rx_offloads & PORT_RX_HASH;
	const struct rss *rss = nic_rss(d);
	uint64_t touched[2] = {0, 0}, bytes = 0;
	struct done done = {.n = 0};
	uint16_t i, sent = 0;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *b = m[i];
		uint32_t hash, len = b->pkt_len;
		bool hashed;
		uint16_t to = nic_queue(rss, b, &hashed, &hash);
		struct sim_prod *p = &q->to[to];
		struct sim_slot *s = &p->ring->slot[p->tail & d->ring_mask];

		if (unlikely(prod_full(p, d->ring_mask)))
			break;
		__builtin_prefetch(&p->ring->slot[(p->tail + AHEAD) & d->ring_mask], 1);
		__builtin_prefetch(&p->ring->slot[(p->tail + AHEAD) & d->ring_mask].frame[56], 1);
		if (unlikely(len > d->frame_max || b->data_len < RTE_ETHER_HDR_LEN || b->nb_segs > d->segs_max)) {
			q->errors++;
			rte_pktmbuf_free(b);
			continue;
		}
		s->hash = hash;
		s->flags = hashed && rx_hash ? RTE_MBUF_F_RX_RSS_HASH : 0;
		if (unlikely(!slot_fill(d, s, b, &done))) {
			q->missed++;
			continue;
		}
		p->tail++;
		touched[to >> 6] |= 1ull << (to & 63);
		bytes += len;
		sent++;
	}
	publish(q, touched, now_ns);
	done_flush(&done);
	q->packets += sent;
	q->bytes += bytes;
	return i;
}

uint32_t line_room(struct sim_dir *d, uint16_t queue, const struct rte_mbuf *m)
{
	struct sim_prod *p;
	uint32_t hash;
	bool hashed;

	p = &d->txq[queue].to[nic_queue(nic_rss(d), m, &hashed, &hash)];
	p->head_seen = __atomic_load_n(&p->ring->head, __ATOMIC_ACQUIRE);
	return d->ring_mask + 1 - (p->tail - p->head_seen);
}

/* How many of up to n frames wait. Their first lines are on the way when this returns. */
static inline uint16_t ring_avail(struct sim_ring *r, uint16_t n, uint32_t mask)
{
	uint32_t avail = r->tail_seen - r->head;

	if (avail < n) {
		r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		avail = r->tail_seen - r->head;
	}
	avail = RTE_MIN(avail, n);
	for (uint32_t i = 0; i < avail; i++) {
		rte_prefetch0(&r->slot[(r->head + i) & mask]);
		rte_prefetch0(&r->slot[(r->head + i) & mask].frame[56]);
	}
	return (uint16_t)avail;
}

/* The next ring's first frames, while this one's are handled. */
static inline void ring_ahead(struct sim_ring *r, uint32_t mask)
{
	r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	for (uint32_t i = r->head; i != r->tail_seen && i != r->head + AHEAD; i++) {
		rte_prefetch0(&r->slot[i & mask]);
		rte_prefetch0(&r->slot[i & mask].frame[56]);
	}
}

/* n mbufs, or as many as there are by halving. */
static inline uint16_t fresh_get(struct rte_mempool *pool, struct rte_mbuf **fresh, uint16_t n)
{
	while (n > 0 && unlikely(rte_mempool_get_bulk(pool, (void **)fresh, n) != 0))
		n /= 2;
	return n;
}

/* Makes a fresh mbuf of a slot's bytes, as a driver does: next, nb_segs and refcnt are right in a pool (rte_mbuf.h). */
static inline void slot_take(const struct sim_slot *s, struct rte_mbuf *m)
{
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->port = RTE_MBUF_PORT_INVALID;
	m->ol_flags = s->flags;
	m->packet_type = 0;
	m->pkt_len = s->len;
	m->data_len = s->len;
	m->hash.rss = s->hash;
	copy_lines((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, s->frame, s->len);
}

static inline uint16_t ring_pop(struct sim_ring *r, struct sim_rxq *q, struct rte_mempool *pool, struct rte_mbuf **m,
				uint16_t n, uint32_t mask)
{
	struct rte_mbuf *fresh[RX_BURST];
	uint16_t i, have, used = 0;
	uint32_t head = r->head;
	uint64_t bytes = 0;

	n = ring_avail(r, RTE_MIN(n, (uint16_t)RX_BURST), mask);
	if (n == 0)
		return 0;
	have = fresh_get(pool, fresh, n);
	for (i = 0; i < n; i++) {
		const struct sim_slot *s = &r->slot[(head + i) & mask];

		if (unlikely(s->flags & SIM_SLOT_MBUF)) {
			m[i] = s->m;
			rte_prefetch0(s->m);
		} else if (likely(used < have)) {
			m[i] = fresh[used++];
			slot_take(s, m[i]);
		} else {
			break; /* no mbufs: it waits */
		}
		bytes += s->len;
	}
	if (unlikely(used < have))
		rte_mempool_put_bulk(pool, (void **)&fresh[used], have - used);
	__atomic_store_n(&r->head, head + i, __ATOMIC_RELEASE);
	q->bytes += bytes;
	return i;
}

uint16_t line_rx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct sim_rxq *q = &d->rxq[queue];
	uint16_t got = 0, from = q->turn;

	/* Each call starts with another sender, so that none starves behind one that fills every burst. */
	for (uint16_t i = 0; i < d->n_tx && got < n; i++) {
		uint16_t next = from + 1 < d->n_tx ? from + 1 : 0;

		if (i + 1 < d->n_tx)
			ring_ahead(q->from[next], d->ring_mask);
		got += ring_pop(q->from[from], q, d->pools[queue], m + got, n - got, d->ring_mask);
		from = next;
	}
	q->turn = q->turn + 1 < d->n_tx ? q->turn + 1 : 0;
	q->packets += got;
	return got;
}

uint64_t line_next_ns(const struct sim_dir *d)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < d->n_tx; i++) {
		for (unsigned j = 0; j < d->n_rx; j++) {
			const struct sim_ring *r = ring_at(d, i, j);

			if (__atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) != __atomic_load_n(&r->head, __ATOMIC_RELAXED))
				next = RTE_MIN(next, r->push_ns);
		}
	}
	return next;
}
