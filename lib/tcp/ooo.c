/* ooo.c: the blocks of bytes beyond a gap. */
#include "tcp/ooo.h"

#include "base/assert.h"

static struct rte_mbuf *packet_next(const struct rte_mbuf *m) { return (struct rte_mbuf *)(uintptr_t)m->tx_offload; }
static void packet_link(struct rte_mbuf *m, struct rte_mbuf *next) { m->tx_offload = (uintptr_t)next; }
static uint32_t packet_end(const struct rte_mbuf *m) { return m->hash.usr + m->pkt_len; }

static void packet_free(struct tcp *t, struct tcp_ooo *o, struct rte_mbuf *m)
{
	t->rcv_held -= m->nb_segs;
	o->packets--;
	packet_link(m, NULL);
	rte_pktmbuf_free(m);
}

static void packets_free(struct tcp *t, struct tcp_ooo *o, struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = packet_next(m);

		packet_free(t, o, m);
		m = next;
	}
}

/* Takes n blocks from index i on out of the row; their packets are the caller's business. */
static void blocks_cut(struct tcp_ooo *o, uint32_t i, uint32_t n)
{
	memmove(&o->block[i], &o->block[i + n], (o->n - i - n) * sizeof(o->block[0]));
	o->n -= n;
}

/* The first block that ends at seq or behind it. */
static uint32_t block_from(const struct tcp_ooo *o, uint32_t seq)
{
	uint32_t lo = 0, hi = o->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_lt(o->block[mid].right, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct tcp_ooo_block *tcp_ooo_find(const struct tcp_ooo *o, uint32_t seq)
{
	uint32_t i = block_from(o, seq + 1);

	return i < o->n && seq_le(o->block[i].left, seq) ? &o->block[i] : NULL;
}

static struct tcp_ooo *ooo_need(struct tcp *t, struct tcp_buf *b)
{
	struct tcp_ooo *o;

	if (b->ooo != 0)
		return tcp_ooo_of(t, b);
	b->ooo = pool_get(&t->ooos); /* as many as packets may be out of order: it never runs out */
	SPATE_ASSERT(b->ooo != 0);
	o = tcp_ooo_of(t, b);
	o->n = o->packets = 0;
	o->n_recent = 0;
	return o;
}

static void ooo_settle(struct tcp *t, struct tcp_buf *b, const struct tcp_ooo *o)
{
	if (o->n > 0)
		return;
	pool_put(&t->ooos, b->ooo);
	b->ooo = 0;
}

void tcp_buf_ooo_drop(struct tcp *t, struct tcp_buf *b)
{
	struct tcp_ooo *o = tcp_ooo_of(t, b);

	if (o != NULL) {
		for (uint32_t i = 0; i < o->n; i++)
			packets_free(t, o, o->block[i].head);
		o->n = 0;
		ooo_settle(t, b, o);
	}
	b->ooo_fin = false;
	b->tell &= (uint8_t)~BUF_SACK;
	b->dsack_left = b->dsack_right = 0;
	b->dup_acks_due = 0;
}

/* RFC 2018 section 4: the block of the newest segment is told first, then those that were told most recently. */
static void recent_push(struct tcp_ooo *o, const struct tcp_ooo_block *blk, uint32_t seq)
{
	uint32_t n = 1, old[TCP_OOO_RECENT];

	memcpy(old, o->recent, sizeof(old));
	o->recent[0] = seq;
	for (uint32_t i = 0; i < o->n_recent && n < TCP_OOO_RECENT; i++)
		if (seq_lt(old[i], blk->left) || seq_ge(old[i], blk->right))
			o->recent[n++] = old[i];
	o->n_recent = (uint8_t)n;
}

/* Makes room for a packet from seq on by dropping the block that is farthest from the gap. False: nothing lies farther. */
static bool prune_for(struct tcp *t, struct tcp_ooo *o, uint32_t seq)
{
	struct tcp_ooo_block *last;

	if (o->n == 0)
		return true;
	last = &o->block[o->n - 1];
	if (seq_le(last->left, seq))
		return false;
	packets_free(t, o, last->head);
	o->n--;
	drop_count(t->drops, DROP_TCP_OOO_FULL);
	return true;
}

/* The tail packet takes the bytes of a small one: tinygrams beyond a gap must not hold a buffer each. */
static bool packet_coalesce(struct tcp_ooo_block *blk, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = blk->tail;

	if (m->nb_segs != 1 || m->data_len > TCP_COALESCE_MAX || tail->nb_segs != 1 || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) != 1 || rte_pktmbuf_tailroom(tail) < m->data_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, uint8_t *, tail->data_len), rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	tail->data_len = (uint16_t)(tail->data_len + m->data_len);
	tail->pkt_len = tail->data_len;
	rte_pktmbuf_free(m);
	return true;
}

/* Appends a packet to the block that it continues, or makes it a block of its own at index i. */
static void block_put(struct tcp *t, struct tcp_ooo *o, uint32_t i, struct rte_mbuf *m, bool append)
{
	struct tcp_ooo_block *blk = &o->block[i];
	uint32_t end = packet_end(m);

	if (append) {
		blk->right = end;
		if (packet_coalesce(blk, m))
			return;
		packet_link(blk->tail, m);
		blk->tail = m;
	} else {
		memmove(blk + 1, blk, (o->n - i) * sizeof(*blk));
		o->n++;
		*blk = (struct tcp_ooo_block){m->hash.usr, end, m, m};
	}
	packet_link(m, NULL);
	o->packets++;
	t->rcv_held += m->nb_segs;
}

/* Blocks from index i on that end before end are in the packet that goes there: they go. */
static void blocks_absorb(struct tcp *t, struct tcp_ooo *o, uint32_t i, uint32_t end, struct tcp_range *dup)
{
	uint32_t n = 0;

	while (i + n < o->n && seq_le(o->block[i + n].right, end)) {
		if (dup->left == dup->right)
			*dup = (struct tcp_range){o->block[i + n].left, o->block[i + n].right};
		packets_free(t, o, o->block[i + n].head);
		n++;
	}
	if (n > 0)
		blocks_cut(o, i, n);
}

/* Block i and the one behind it meet. */
static void blocks_join(struct tcp_ooo *o, uint32_t i)
{
	struct tcp_ooo_block *blk = &o->block[i];

	packet_link(blk->tail, blk[1].head);
	blk->tail = blk[1].tail;
	blk->right = blk[1].right;
	blocks_cut(o, i + 1, 1);
}

bool tcp_ooo_put(struct tcp *t, struct tcp_buf *b, struct rte_mbuf *m, uint32_t seq, uint32_t max, struct tcp_range *dup)
{
	struct tcp_ooo *o = ooo_need(t, b);
	uint32_t first = seq, end = seq + m->pkt_len, i = block_from(o, seq);
	bool append = i < o->n && seq_le(o->block[i].left, seq), meets;

	*dup = (struct tcp_range){0, 0};
	if (append && seq_lt(seq, o->block[i].right))
		*dup = (struct tcp_range){seq, seq_min(end, o->block[i].right)};
	if (append && seq_le(end, o->block[i].right)) {
		rte_pktmbuf_free(m); /* seen before */
		recent_push(o, &o->block[i], first);
		return true;
	}
	while (o->packets >= max || (!append && o->n >= TCP_OOO_BLOCKS_MAX)) {
		if (prune_for(t, o, seq))
			continue;
		rte_pktmbuf_free(m);
		return false;
	}
	if (append && seq_lt(seq, o->block[i].right)) {
		m = tcp_buf_trim_front(m, o->block[i].right - seq);
		seq = o->block[i].right;
	}
	blocks_absorb(t, o, i + append, end, dup);
	meets = i + append < o->n && seq_le(o->block[i + append].left, end);
	if (meets && seq_lt(o->block[i + append].left, end)) {
		if (dup->left == dup->right)
			*dup = (struct tcp_range){o->block[i + append].left, end};
		tcp_buf_trim_to(m, o->block[i + append].left - seq);
	}
	m->hash.usr = seq;
	block_put(t, o, i, m, append);
	if (meets)
		blocks_join(o, i);
	recent_push(o, &o->block[i], first);
	return true;
}

/* The packets of a block from rcv_nxt on go to the receive queue. */
static void block_drain(struct tcp *t, struct tcp_buf *b, struct tcp_ooo *o, struct rte_mbuf *m, uint32_t rcv_nxt)
{
	while (m != NULL) {
		struct rte_mbuf *next = packet_next(m);
		uint32_t seq = m->hash.usr, end = packet_end(m);

		if (seq_le(end, rcv_nxt)) {
			packet_free(t, o, m);
		} else {
			t->rcv_held -= m->nb_segs;
			o->packets--;
			packet_link(m, NULL);
			if (seq_lt(seq, rcv_nxt))
				m = tcp_buf_trim_front(m, rcv_nxt - seq);
			tcp_buf_rcv_put(t, b, m);
		}
		m = next;
	}
}

uint32_t tcp_ooo_drain(struct tcp *t, struct tcp_buf *b, uint32_t rcv_nxt)
{
	struct tcp_ooo *o = tcp_ooo_of(t, b);
	uint32_t n = 0;

	if (o == NULL)
		return rcv_nxt;
	while (n < o->n && seq_le(o->block[n].left, rcv_nxt)) {
		block_drain(t, b, o, o->block[n].head, rcv_nxt);
		rcv_nxt = seq_max(rcv_nxt, o->block[n].right);
		n++;
	}
	if (n > 0)
		blocks_cut(o, 0, n);
	ooo_settle(t, b, o);
	return rcv_nxt;
}
