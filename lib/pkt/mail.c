/* mail.c: rings between stacks. A sender that has put something into a ring counts up its word in the receiver's row; the
 * receiver compares the row with what it has seen, so that a turn without mail costs one line for up to 15 stacks. */
#include "pkt/mail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>
#include <rte_spinlock.h>

#include "base/region.h"
#include "pkt/queue.h"

int mail_tag_offset;

/* A note that must arrive and that there was no packet buffer for. */
struct mail_debt {
	uint32_t next;
	uint16_t to;
	uint8_t kind, len;
	uint8_t body[MAIL_BODY_MAX];
};

struct mail_office {
	uint16_t n;
	size_t ring_bytes, row_bytes;
	rte_spinlock_t outside;      /* among threads that own no stack */
	struct region rings, rows;
};

/* from == n: threads without a stack. */
static struct rte_ring *ring_of(const struct mail_office *o, uint16_t from, uint16_t to)
{
	return (struct rte_ring *)((char *)o->rings.base + ((size_t)to * (o->n + 1u) + from) * o->ring_bytes);
}

/* The receiver's row: for each sender how often it has put something into its ring. Word i is written by sender i (release;
 * pairs with the acquire in mail_receive()). */
static uint32_t *row_of(const struct mail_office *o, uint16_t to)
{
	return (uint32_t *)((char *)o->rows.base + to * o->row_bytes);
}

static void announce(const struct mail_office *o, uint16_t from, uint16_t to)
{
	uint32_t *word = &row_of(o, to)[from];

	__atomic_store_n(word, *word + 1, __ATOMIC_RELEASE);
}

static int tag_register(void)
{
	static const struct rte_mbuf_dynfield tag = {
		.name = "spate_mail",
		.size = sizeof(struct mail_tag),
		.align = __alignof__(struct mail_tag),
	};

	mail_tag_offset = rte_mbuf_dynfield_register(&tag);
	return mail_tag_offset < 0 ? -ENOMEM : 0;
}

struct mail_office *mail_office_new(uint16_t n, int numa_node)
{
	struct mail_office *o = n >= 1 && n <= PORT_QUEUES_MAX ? calloc(1, sizeof(*o)) : NULL;

	if (o == NULL || tag_register() != 0)
		goto fail;
	o->n = n;
	o->ring_bytes = RTE_ALIGN((size_t)rte_ring_get_memsize(MAIL_RING), RTE_CACHE_LINE_SIZE);
	o->row_bytes = RTE_ALIGN((n + 1u) * sizeof(uint32_t), RTE_CACHE_LINE_SIZE);
	rte_spinlock_init(&o->outside);
	if (region_map(&o->rings, o->ring_bytes * n * (n + 1u), numa_node) != 0)
		goto fail;
	if (region_map(&o->rows, o->row_bytes * n, numa_node) != 0)
		goto no_rows;
	for (uint16_t to = 0; to < n; to++)
		for (uint16_t from = 0; from <= n; from++)
			rte_ring_init(ring_of(o, from, to), "mail", MAIL_RING, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return o;
no_rows:
	region_unmap(&o->rings);
fail:
	free(o);
	return NULL;
}

static void ring_drain(struct rte_ring *r)
{
	void *m;

	while (rte_ring_sc_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
}

void mail_office_free(struct mail_office *o)
{
	if (o == NULL)
		return;
	for (uint16_t to = 0; to < o->n; to++)
		for (uint16_t from = 0; from <= o->n; from++)
			ring_drain(ring_of(o, from, to));
	region_unmap(&o->rows);
	region_unmap(&o->rings);
	free(o);
}

int mailbox_init(struct mailbox *b, struct mail_office *o, uint16_t self, struct rte_mempool *pool)
{
	int rc;

	memset(b, 0, sizeof(*b));
	b->office = o;
	b->pool = pool;
	b->self = self;
	b->n = o->n;
	b->batch = calloc(o->n, sizeof(*b->batch));
	if (b->batch == NULL)
		return -ENOMEM;
	rc = pool_init(&b->debts, o->n > 1 ? MAIL_DEBTS_MAX : 1, sizeof(struct mail_debt), -1);
	if (rc != 0)
		mailbox_fini(b);
	return rc;
}

void mailbox_fini(struct mailbox *b)
{
	struct rte_mbuf *m;

	for (uint16_t i = 0; b->batch != NULL && i < b->n; i++) {
		rte_pktmbuf_free_bulk(b->batch[i].m, b->batch[i].n);
		while ((m = mbuf_queue_take(&b->batch[i].late)) != NULL)
			rte_pktmbuf_free(m);
	}
	free(b->batch);
	b->batch = NULL;
	pool_fini(&b->debts);
}

/* ---- notes ---- */

static void note_fill(struct rte_mbuf *m, uint16_t from, enum mail_kind kind, const void *body, uint16_t len)
{
	SPATE_ASSERT(len <= MAIL_BODY_MAX);
	memcpy(rte_pktmbuf_append(m, MAIL_BODY_MAX), body, len);
	*mail_tag_of(m) = (struct mail_tag){.from = from, .kind = (uint8_t)kind};
}

static void note_post(struct mailbox *b, uint16_t to, struct rte_mbuf *m)
{
	struct mail_batch *batch = &b->batch[to];

	b->sent++;
	if (batch->late == NULL && rte_ring_sp_enqueue(ring_of(b->office, b->self, to), m) == 0) {
		announce(b->office, b->self, to);
		return;
	}
	b->n_late += batch->late == NULL;
	mbuf_queue_put(&batch->late, &batch->late_last, m);
}

static int note_one(struct mailbox *b, uint16_t to, enum mail_kind kind, const void *body, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->pool);

	if (m == NULL)
		return -ENOBUFS;
	note_fill(m, b->self, kind, body, len);
	note_post(b, to, m);
	return 0;
}

static int note_all(struct mailbox *b, enum mail_kind kind, const void *body, uint16_t len)
{
	struct rte_mbuf *m[PORT_QUEUES_MAX];
	uint16_t n = 0;

	if (rte_pktmbuf_alloc_bulk(b->pool, m, b->n - 1u) != 0)
		return -ENOBUFS;
	for (uint16_t to = 0; to < b->n; to++) {
		if (to == b->self)
			continue;
		note_fill(m[n], b->self, kind, body, len);
		note_post(b, to, m[n++]);
	}
	return 0;
}

static int note_try(struct mailbox *b, uint16_t to, enum mail_kind kind, const void *body, uint16_t len)
{
	return to == MAIL_ALL ? note_all(b, kind, body, len) : note_one(b, to, kind, body, len);
}

/* Sends what is owed, in order. False: some of it still is. */
static bool debts_pay(struct mailbox *b)
{
	while (b->debt_head != 0) {
		struct mail_debt *d = pool_at(&b->debts, b->debt_head);
		uint32_t idx = b->debt_head;

		if (note_try(b, d->to, (enum mail_kind)d->kind, d->body, d->len) != 0)
			return false;
		b->debt_head = d->next;
		pool_put(&b->debts, idx);
	}
	return true;
}

/* Nothing may overtake what is owed. */
int mail_note(struct mailbox *b, uint16_t to, enum mail_kind kind, const void *body, uint16_t len)
{
	if (mail_alone(b))
		return 0;
	if (unlikely(b->debt_head != 0) && !debts_pay(b))
		return -ENOBUFS;
	return note_try(b, to, kind, body, len);
}

void mail_note_sure(struct mailbox *b, uint16_t to, enum mail_kind kind, const void *body, uint16_t len)
{
	struct mail_debt *d;
	uint32_t idx;

	if (mail_note(b, to, kind, body, len) == 0)
		return;
	idx = pool_get(&b->debts);
	if (idx == 0) {
		b->dropped++;
		return;
	}
	d = pool_at(&b->debts, idx);
	*d = (struct mail_debt){.to = to, .kind = (uint8_t)kind, .len = (uint8_t)len};
	memcpy(d->body, body, len);
	if (b->debt_head != 0)
		((struct mail_debt *)pool_at(&b->debts, b->debt_last))->next = idx;
	else
		b->debt_head = idx;
	b->debt_last = idx;
}

/* Until the ring is full again. */
static void flush_late(struct mailbox *b, uint16_t to)
{
	struct mail_batch *batch = &b->batch[to];
	struct rte_ring *r = ring_of(b->office, b->self, to);

	while (batch->late != NULL) {
		struct rte_mbuf *next = *mbuf_link(batch->late); /* read while the note is still ours */

		if (rte_ring_sp_enqueue(r, batch->late) != 0)
			return;
		batch->late = next;
		announce(b->office, b->self, to);
	}
	b->n_late--;
}

int mail_note_outside(struct mail_office *o, struct rte_mempool *pool, uint16_t to, enum mail_kind kind, const void *body,
		      uint16_t len)
{
	int rc = 0;

	rte_spinlock_lock(&o->outside);
	for (uint16_t i = to != MAIL_ALL ? to : 0; rc == 0 && i < (to != MAIL_ALL ? to + 1u : o->n); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL) {
			rc = -ENOBUFS;
			break;
		}
		note_fill(m, MAIL_ALL, kind, body, len);
		if (rte_ring_sp_enqueue(ring_of(o, o->n, i), m) != 0) {
			rte_pktmbuf_free(m);
			rc = -EAGAIN;
		} else {
			announce(o, o->n, i);
		}
	}
	rte_spinlock_unlock(&o->outside);
	return rc;
}

/* ---- packets ---- */

static void flush_batch(struct mailbox *b, uint16_t to)
{
	struct mail_batch *batch = &b->batch[to];
	unsigned sent = rte_ring_sp_enqueue_burst(ring_of(b->office, b->self, to), (void **)batch->m, batch->n, NULL);

	if (sent == 0)
		return;
	announce(b->office, b->self, to);
	b->sent += sent;
	batch->n -= (uint16_t)sent;
	memmove(batch->m, batch->m + sent, batch->n * sizeof(batch->m[0]));
	b->n_batches -= batch->n == 0;
}

void mail_packet(struct mailbox *b, uint16_t to, uint8_t port, struct rte_mbuf *m)
{
	struct mail_batch *batch = &b->batch[to];

	*mail_tag_of(m) = (struct mail_tag){.from = b->self, .kind = MAIL_PACKET, .port = port};
	if (batch->n == MAIL_BATCH)
		flush_batch(b, to);
	if (batch->n == MAIL_BATCH) {
		b->dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	b->n_batches += batch->n == 0;
	batch->m[batch->n++] = m;
}

void mail_flush(struct mailbox *b)
{
	if (unlikely(b->debt_head != 0))
		debts_pay(b);
	for (uint16_t to = 0; (b->n_batches > 0 || b->n_late > 0) && to < b->n; to++) {
		if (b->batch[to].late != NULL)
			flush_late(b, to);
		if (b->batch[to].n > 0)
			flush_batch(b, to);
	}
}

/* ---- receiving ---- */

uint16_t mail_receive(struct mailbox *b, struct rte_mbuf **m, uint16_t max)
{
	const uint32_t *row = row_of(b->office, b->self);
	uint16_t got = 0, from = b->turn;

	/* Each call starts with another sender, so that none starves behind one that fills every burst. */
	b->turn = from < b->n ? from + 1 : 0;
	for (uint16_t i = 0; i <= b->n && got < max; i++, from = from < b->n ? from + 1 : 0) {
		uint32_t told = __atomic_load_n(&row[from], __ATOMIC_ACQUIRE);

		if (likely(told == b->seen[from]))
			continue;
		got += (uint16_t)rte_ring_sc_dequeue_burst(ring_of(b->office, from, b->self), (void **)m + got, max - got, NULL);
		if (got < max) /* it was emptied at least as far as had been announced */
			b->seen[from] = told;
	}
	b->received += got;
	return got;
}
