/* buf.c: the byte queues of a connection, in mbufs. */
#include "tcp/buf.h"

#include "base/assert.h"

struct tcp_buf *tcp_buf_need(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_buf *b;

	if (p->buf != 0)
		return tcp_buf_at(t, p->buf);
	p->buf = pool_get(&t->bufs); /* as many as there are connections: it never runs out */
	SPATE_ASSERT(p->buf != 0);
	b = tcp_buf_at(t, p->buf);
	/* Fresh ones are zero, others come back with empty lists and without marks. The rest is valid with a mark, but for these. */
	b->owner = conn_ref(t->flow, &p->c);
	b->dsack_left = b->dsack_right = b->cc_acked = 0;
	b->cwr = false;
	b->small_end = b->recover = p->snd_una;
	return b;
}

/* Frees linked segments and returns how many. */
static uint32_t segs_free(struct rte_mbuf *m)
{
	uint32_t n = 0;

	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		rte_pktmbuf_free_seg(m);
		m = next;
		n++;
	}
	return n;
}

void tcp_buf_snd_drop(struct tcp *t, struct tcp_buf *b)
{
	t->snd_held -= segs_free(b->snd_head);
	b->snd_head = b->snd_tail = b->snd_cur = NULL;
	b->snd_len = 0;
	if (b->flight != 0)
		tcp_flight_free(t, b);
	b->tell &= (uint8_t)~(BUF_URG_SEND | BUF_EOR);
}

void tcp_buf_clear(struct tcp *t, struct tcp_buf *b)
{
	tcp_buf_snd_drop(t, b);
	t->rcv_held -= segs_free(b->rcv_head);
	b->rcv_head = b->rcv_tail = NULL;
	b->rcv_len = 0;
	tcp_buf_ooo_drop(t, b);
	b->tell = 0;
}

void tcp_buf_free(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_buf *b = tcp_buf_of(t, p);

	if (b == NULL)
		return;
	tcp_buf_clear(t, b);
	tcp_buf_settle(t, p, b);
}

/* ---- send queue ---- */

static struct rte_mbuf *snd_grow(struct tcp *t, struct tcp_buf *b)
{
	struct rte_mbuf *m = t->snd_held < t->snd_held_max ? pkt_tx_alloc(t->tx) : NULL;

	if (m == NULL)
		return NULL;
	t->snd_held++;
	m->data_off = 0; /* nothing is ever put in front of these bytes */
	if (b->snd_tail != NULL)
		b->snd_tail->next = m;
	else
		b->snd_head = m;
	b->snd_tail = m;
	return m;
}

/* The mark is in the mbuf: what is behind it goes to another one. The field is of no use in a queue. */
static bool record_ends(const struct tcp_buf *b, const struct rte_mbuf *m) { return (b->tell & BUF_EOR) && m->packet_type != 0; }

void tcp_buf_snd_end_record(struct tcp_buf *b)
{
	b->snd_tail->packet_type = 1;
	b->tell |= BUF_EOR;
}

uint32_t tcp_buf_snd_record(const struct tcp_buf *b, uint32_t una, uint32_t seq)
{
	const struct rte_mbuf *m = b->snd_cur;
	uint32_t end = b->snd_cur_seq;

	if (m == NULL || seq_lt(seq, end)) {
		m = b->snd_head;
		end = una;
	}
	for (; m != NULL && m->next != NULL; m = m->next) {
		end += m->data_len;
		if (seq_gt(end, seq) && record_ends(b, m))
			return end - seq;
	}
	return UINT32_MAX;
}

uint32_t tcp_buf_snd_put(struct tcp *t, struct tcp_buf *b, const void *data, uint32_t len)
{
	const uint8_t *src = data;
	uint32_t left = len;

	while (left > 0) {
		struct rte_mbuf *m = b->snd_tail;
		uint32_t room = m != NULL ? (uint32_t)(m->buf_len - m->data_off - m->data_len) : 0;
		uint32_t n;

		if (room == 0 || unlikely(record_ends(b, m))) {
			m = snd_grow(t, b);
			if (m == NULL)
				break;
			room = m->buf_len;
		}
		n = left < room ? left : room;
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), src, n);
		m->data_len = (uint16_t)(m->data_len + n);
		src += n;
		left -= n;
	}
	b->snd_len += len - left;
	return len - left;
}

void tcp_buf_snd_acked_some(struct tcp *t, struct tcp_buf *b, uint32_t len, uint32_t una)
{
	SPATE_ASSERT(len <= b->snd_len);
	b->snd_len -= len;
	while (len > 0) {
		struct rte_mbuf *m = b->snd_head;

		if (len < m->data_len) {
			m->data_off = (uint16_t)(m->data_off + len);
			m->data_len = (uint16_t)(m->data_len - len);
			break;
		}
		len -= m->data_len;
		b->snd_head = m->next;
		if (b->snd_cur == m)
			b->snd_cur = NULL;
		rte_pktmbuf_free_seg(m);
		t->snd_held--;
	}
	if (b->snd_head == NULL) {
		b->snd_tail = NULL;
		b->tell &= (uint8_t)~BUF_EOR;
	}
	if (b->snd_cur == b->snd_head)
		b->snd_cur_seq = una;
	if (unlikely(b->tell & BUF_URG_SEND) && seq_ge(una, b->snd_up))
		b->tell &= (uint8_t)~BUF_URG_SEND;
}

void tcp_buf_snd_copy(struct tcp_buf *b, uint32_t una, uint32_t seq, void *dst, uint32_t len)
{
	struct rte_mbuf *m = b->snd_cur;
	uint32_t m_seq = b->snd_cur_seq;
	uint8_t *to = dst;

	if (m == NULL || seq_lt(seq, m_seq)) {
		m = b->snd_head;
		m_seq = una;
	}
	while (seq - m_seq >= m->data_len) {
		m_seq += m->data_len;
		m = m->next;
	}
	while (len > 0) {
		uint32_t off = seq - m_seq, n = m->data_len - off;

		if (n > len)
			n = len;
		memcpy(to, rte_pktmbuf_mtod_offset(m, uint8_t *, off), n);
		to += n;
		seq += n;
		len -= n;
		if (len > 0) {
			m_seq += m->data_len;
			m = m->next;
		}
	}
	b->snd_cur = m;
	b->snd_cur_seq = m_seq;
}

/* ---- receive queue ---- */

/* Copies a small packet behind the last one when that has room and nobody else sees it. */
static bool rcv_coalesce(struct tcp_buf *b, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = b->rcv_tail;

	if (tail == NULL || m->next != NULL || m->data_len > TCP_COALESCE_MAX || !RTE_MBUF_DIRECT(tail) ||
	    rte_mbuf_refcnt_read(tail) != 1 || rte_pktmbuf_tailroom(tail) < m->data_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(tail, uint8_t *, tail->data_len), rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
	tail->data_len = (uint16_t)(tail->data_len + m->data_len);
	b->rcv_len += m->data_len;
	rte_pktmbuf_free(m);
	return true;
}

void tcp_buf_rcv_put(struct tcp *t, struct tcp_buf *b, struct rte_mbuf *m)
{
	if (rcv_coalesce(b, m))
		return;
	b->rcv_len += m->pkt_len;
	t->rcv_held += m->nb_segs;
	if (b->rcv_tail != NULL)
		b->rcv_tail->next = m;
	else
		b->rcv_head = m;
	while (m->next != NULL)
		m = m->next;
	b->rcv_tail = m;
}

uint32_t tcp_buf_rcv_peek(const struct rte_mbuf **m, uint32_t *off, void *dst, uint32_t len)
{
	uint32_t done = 0;

	while (done < len && *m != NULL) {
		uint32_t n = (*m)->data_len - *off;

		if (n > len - done)
			n = len - done;
		if (dst != NULL)
			memcpy((uint8_t *)dst + done, rte_pktmbuf_mtod_offset(*m, const uint8_t *, *off), n);
		done += n;
		*off += n;
		if (*off == (*m)->data_len) {
			*m = (*m)->next;
			*off = 0;
		}
	}
	return done;
}

void tcp_buf_rcv_take(struct tcp *t, struct tcp_buf *b, uint32_t len)
{
	SPATE_ASSERT(len <= b->rcv_len);
	b->rcv_len -= len;
	while (b->rcv_head != NULL) {
		struct rte_mbuf *m = b->rcv_head;

		if (len < m->data_len) {
			m->data_off = (uint16_t)(m->data_off + len);
			m->data_len = (uint16_t)(m->data_len - len);
			return;
		}
		len -= m->data_len;
		b->rcv_head = m->next;
		rte_pktmbuf_free_seg(m);
		t->rcv_held--;
	}
	b->rcv_tail = NULL;
}

struct rte_mbuf *tcp_buf_trim_front(struct rte_mbuf *m, uint32_t n)
{
	uint32_t pkt_len = m->pkt_len - n;
	uint16_t nb_segs = m->nb_segs;

	while (n >= m->data_len && m->next != NULL) {
		struct rte_mbuf *next = m->next;

		n -= m->data_len;
		rte_pktmbuf_free_seg(m);
		m = next;
		nb_segs--;
	}
	m->data_off = (uint16_t)(m->data_off + n);
	m->data_len = (uint16_t)(m->data_len - n);
	m->pkt_len = pkt_len;
	m->nb_segs = nb_segs;
	return m;
}

void tcp_buf_trim_to(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *s = m;
	uint32_t left = len;
	uint16_t n = 1;

	if (m->pkt_len == len)
		return;
	while (left > s->data_len) {
		left -= s->data_len;
		s = s->next;
		n++;
	}
	s->data_len = (uint16_t)left;
	segs_free(s->next); /* of a packet that no queue holds yet */
	s->next = NULL;
	m->pkt_len = len;
	m->nb_segs = n;
}
