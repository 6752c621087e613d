/* wire.c: the impaired wire of one direction. Everything is decided when a packet is sent: whether it arrives, how, and
 * when; then it waits in the heap of its receiving queue for that moment. So one seed gives one story, whoever polls. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "base/log.h"
#include "drivers/sim/sim_int.h"

#define SWAP_NS 1000000ull /* a packet waits this long for a next one to overtake it, then goes without */

/* ---- the heap ---- */
static bool earlier(const struct sim_flight *a, const struct sim_flight *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void heap_push(struct sim_heap *h, struct sim_flight x)
{
	uint32_t i = h->n++;

	for (; i > 0 && earlier(&x, &h->f[(i - 1) / 2]); i = (i - 1) / 2)
		h->f[i] = h->f[(i - 1) / 2];
	h->f[i] = x;
}

static struct rte_mbuf *heap_pop(struct sim_heap *h)
{
	struct rte_mbuf *m = h->f[0].m;
	struct sim_flight x = h->f[--h->n];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n && earlier(&h->f[child + 1], &h->f[child]))
			child++;
		if (!earlier(&h->f[child], &x))
			break;
		h->f[i] = h->f[child];
		i = child;
	}
	h->f[i] = x;
	return m;
}

static int heaps_reserve(struct sim_wire *w, uint32_t cap)
{
	for (unsigned i = 0; i < w->n_heaps; i++) {
		struct sim_heap *h = &w->heap[i];
		struct sim_flight *f;

		if (h->cap >= cap)
			continue;
		f = realloc(h->f, cap * sizeof(*f));
		if (f == NULL)
			return -ENOMEM;
		h->f = f;
		h->cap = cap;
	}
	return 0;
}

/* ---- set-up ---- */
void wire_init(struct sim_wire *w, uint64_t seed, uint16_t n_queues)
{
	rte_spinlock_init(&w->lock);
	prng_seed(&w->prng, seed);
	w->n_heaps = n_queues;
}

int wire_set_link(struct sim_dir *d, const struct sim_link *link)
{
	struct sim_wire *w = &d->wire;
	int rc;

	if (w->heap == NULL)
		w->heap = calloc(w->n_heaps, sizeof(*w->heap));
	if (w->heap == NULL)
		return -ENOMEM;
	w->link = *link;
	if (w->link.queue_packets == 0)
		w->link.queue_packets = SIM_QUEUE_DEFAULT;
	d->impaired = link->delay_ns | link->jitter_ns | link->rate_bps | link->loss | link->duplicate | link->corrupt |
		      link->reorder;
	if (!d->impaired)
		return 0;
	rc = heaps_reserve(w, w->link.queue_packets);
	if (rc != 0)
		d->impaired = false;
	return rc;
}

void wire_drain(struct sim_wire *w)
{
	for (unsigned i = 0; w->heap != NULL && i < w->n_heaps; i++) {
		while (w->heap[i].n > 0)
			rte_pktmbuf_free(w->heap[i].f[--w->heap[i].n].m);
	}
	rte_pktmbuf_free(w->held.m);
	w->held.m = NULL;
	w->n = 0;
}

void wire_fini(struct sim_wire *w)
{
	wire_drain(w);
	for (unsigned i = 0; w->heap != NULL && i < w->n_heaps; i++)
		free(w->heap[i].f);
	free(w->heap);
}

/* ---- sending ---- */
static bool chance(struct sim_wire *w, uint32_t prob) { return prob != 0 && prng_u32(&w->prng) < prob; }

/* When the last bit of a frame has left, at the link's rate: exact, the remainder of each division goes to the next frame
 * of the same busy period. */
static uint64_t departure_ns(struct sim_wire *w, uint32_t len_bytes, uint64_t now_ns)
{
	uint64_t num = (uint64_t)len_bytes * 8 * NS_PER_S;

	if (w->link.rate_bps == 0)
		return now_ns;
	if (w->free_ns <= now_ns) {
		w->free_ns = now_ns;
		w->free_rem = 0;
	}
	num += w->free_rem;
	w->free_ns += num / w->link.rate_bps;
	w->free_rem = num % w->link.rate_bps;
	return w->free_ns;
}

static void fly(struct sim_wire *w, uint16_t queue, struct rte_mbuf *m, uint64_t at_ns)
{
	heap_push(&w->heap[queue], (struct sim_flight){.at_ns = at_ns, .seq = w->seq++, .m = m});
	__atomic_store_n(&w->n, w->n + 1, __ATOMIC_RELAXED);
}

/* The held packet goes, at the latest when its time is over. */
static void release_held(struct sim_wire *w, uint64_t at_ns)
{
	struct rte_mbuf *m = w->held.m;

	if (m == NULL)
		return;
	w->held.m = NULL;
	w->n--;
	fly(w, w->held_queue, m, RTE_MIN(at_ns, w->held.at_ns));
}

/* Sends one packet (and its duplicate, if there is one) on its way. */
static void launch(struct sim_wire *w, uint16_t queue, struct rte_mbuf *m, struct rte_mbuf *twin, uint64_t departs_ns)
{
	uint64_t at = departs_ns + w->link.delay_ns;
	bool overtakes = chance(w, w->link.reorder);

	if (w->link.jitter_ns != 0)
		at += prng_u64(&w->prng) % (w->link.jitter_ns + 1);
	if (overtakes && w->link.delay_ns + w->link.jitter_ns != 0) {
		w->counts.reordered++;
		at = departs_ns;
	} else if (overtakes && w->held.m == NULL && twin == NULL) {
		w->counts.reordered++;
		w->held = (struct sim_flight){.at_ns = departs_ns + SWAP_NS, .m = m};
		w->held_queue = queue;
		__atomic_store_n(&w->n, w->n + 1, __ATOMIC_RELAXED);
		return;
	} else {
		at = RTE_MAX(at, w->last_ns);
		w->last_ns = at;
	}
	fly(w, queue, m, at);
	if (twin != NULL)
		fly(w, queue, twin, at);
	release_held(w, at);
}

static void flip_random_bit(struct sim_wire *w, struct rte_mbuf *m)
{
	uint32_t bit = prng_below(&w->prng, rte_pktmbuf_pkt_len(m) * 8);
	uint32_t off = bit / 8;

	for (; off >= m->data_len; m = m->next)
		off -= m->data_len;
	*rte_pktmbuf_mtod_offset(m, uint8_t *, off) ^= (uint8_t)(1u << (bit & 7));
}

/* What the two NICs do with the frame, and what the wire does to its bits. Returns the receiving queue. */
static uint16_t pass_nics(struct sim_dir *d, struct rte_mbuf *m, bool corrupt)
{
	bool rx_hash = d->rx_offloads & PORT_RX_HASH, rx_cksum = d->rx_offloads & PORT_RX_CKSUM;
	uint64_t tx_flags = m->ol_flags & d->tx_flags, flags = 0;
	uint32_t hash;
	uint16_t to;
	bool hashed;

	if (tx_flags != 0 && (corrupt || !rx_cksum))
		nic_tx_cksum(m, tx_flags);
	if (corrupt)
		flip_random_bit(&d->wire, m);
	if (rx_cksum)
		flags = corrupt ? nic_rx_cksum(m) : nic_rx_flags_clean(tx_flags);
	to = nic_queue(nic_rss(d), m, &hashed, &hash);
	m->ol_flags = flags | (hashed && rx_hash ? RTE_MBUF_F_RX_RSS_HASH : 0);
	m->hash.rss = hash;
	m->packet_type = 0;
	return to;
}

/* One packet's fate. Takes m. */
static void send_one(struct sim_dir *d, struct sim_txq *q, struct rte_mbuf *m, uint64_t now_ns)
{
	struct sim_wire *w = &d->wire;
	struct rte_mbuf *twin = NULL;
	uint64_t departs_ns;
	bool corrupt;
	uint16_t to;

	w->counts.sent++;
	q->wire_packets++;
	q->wire_bytes += rte_pktmbuf_pkt_len(m);
	if (w->n >= w->link.queue_packets) {
		w->counts.overflowed++;
		goto drop;
	}
	departs_ns = departure_ns(w, rte_pktmbuf_pkt_len(m), now_ns);
	if (chance(w, w->link.loss)) {
		w->counts.lost++;
		goto drop;
	}
	corrupt = chance(w, w->link.corrupt);
	w->counts.corrupted += corrupt;
	to = pass_nics(d, m, corrupt);
	if (chance(w, w->link.duplicate) && w->n + 1 < w->link.queue_packets)
		twin = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
	w->counts.duplicated += twin != NULL;
	launch(w, to, m, twin, departs_ns);
	return;
drop:
	rte_pktmbuf_free(m);
}

uint16_t wire_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct sim_txq *q = &d->txq[queue];

	rte_spinlock_lock(&d->wire.lock);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *b = m[i];

		if (rte_pktmbuf_pkt_len(b) > d->frame_max || b->data_len < RTE_ETHER_HDR_LEN || b->nb_segs > d->segs_max) {
			q->errors++;
			rte_pktmbuf_free(b);
			continue;
		}
		if (!nic_alone(b))
			b = nic_copy(b);
		if (b == NULL)
			q->missed++;
		else
			send_one(d, q, b, now_ns);
	}
	rte_spinlock_unlock(&d->wire.lock);
	return n;
}

/* ---- receiving ---- */
uint16_t wire_rx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct sim_wire *w = &d->wire;
	struct sim_rxq *q = &d->rxq[queue];
	struct sim_heap *h;
	uint16_t got = 0;

	if (__atomic_load_n(&w->n, __ATOMIC_RELAXED) == 0)
		return 0;
	rte_spinlock_lock(&w->lock);
	if (w->held.m != NULL && w->held.at_ns <= now_ns)
		release_held(w, w->held.at_ns);
	h = &w->heap[queue];
	while (got < n && h->n > 0 && h->f[0].at_ns <= now_ns) {
		m[got] = heap_pop(h);
		q->wire_bytes += rte_pktmbuf_pkt_len(m[got++]);
	}
	__atomic_store_n(&w->n, w->n - got, __ATOMIC_RELAXED);
	w->counts.delivered += got;
	rte_spinlock_unlock(&w->lock);
	q->wire_packets += got;
	return got;
}

uint64_t wire_next_ns(struct sim_wire *w)
{
	uint64_t next = UINT64_MAX;

	if (__atomic_load_n(&w->n, __ATOMIC_RELAXED) == 0)
		return next;
	rte_spinlock_lock(&w->lock);
	for (unsigned i = 0; i < w->n_heaps; i++) {
		if (w->heap[i].n > 0)
			next = RTE_MIN(next, w->heap[i].f[0].at_ns);
	}
	if (w->held.m != NULL)
		next = RTE_MIN(next, w->held.at_ns);
	rte_spinlock_unlock(&w->lock);
	return next;
}
