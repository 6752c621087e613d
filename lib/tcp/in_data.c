/* in_data.c: seventh and eighth step of RFC 9293 3.10.7.4: the segment text and the FIN; what to acknowledge when. */
#include <errno.h>

#include "pkt/gro.h"
#include "tcp/ack.h"
#include "tcp/autotune.h"
#include "tcp/ecn.h"
#include "tcp/in.h"
#include "tcp/out.h"
#include "tcp/sack_out.h"
#include "tcp/timers.h"
#include "tcp/urgent.h"

/* Takes the payload out of the packet. */
static struct rte_mbuf *payload_take(struct tcp_seg *s)
{
	struct rte_mbuf *m = s->m;

	s->m = NULL;
	if (m->nb_segs == 1) {
		m->data_off = (uint16_t)(m->data_off + s->off);
		m->data_len = (uint16_t)s->len;
		m->pkt_len = s->len;
		return m;
	}
	m = tcp_buf_trim_front(m, s->off);
	tcp_buf_trim_to(m, s->len);
	return m;
}

/* RFC 9293 3.8.6.3 and RFC 5681 4.2: at least every second full-sized segment is acknowledged at once. */
static void ack_owed(struct tcp *t, struct tcp_pcb *p, uint32_t seg_len)
{
	if (unlikely(seg_len > p->rcv_mss)) {
		/* More than we announced is several that the device joined without saying so. */
		uint32_t most = tcp_announced_mss(t, p->c.h.path, tcp_opt(t, p));

		p->rcv_mss = (uint16_t)(seg_len < most ? seg_len : most);
	}
	if (p->rcv_nxt - p->last_ack_sent >= 2u * p->rcv_mss)
		p->tflags |= TF_ACK_NOW;
	else
		p->tflags |= tcp_ack_quick(p) ? TF_ACK_DELAY | TF_ACK_SOON : TF_ACK_DELAY;
	tcp_out_mark(t, p);
}

/* Worth measuring: two full segments that the last ACK did not have, and not the first ones; or very many. */
static bool is_bulk(const struct tcp_pcb *p)
{
	uint32_t n = p->rcv_nxt - p->last_ack_sent, quick = (p->xflags & TX_QUICK_MASK) >> TX_QUICK_SHIFT;

	return n >= (uint32_t)TCP_TUNE_SEGMENTS * p->rcv_mss ||
	       (n >= 2u * p->rcv_mss && ((p->tflags & TF_PINGPONG) || quick <= 15 - TCP_TUNE_SEGMENTS / 2));
}

static void text_in_order(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_seg *s)
{
	uint32_t len = s->len, seg_len = pkt_segment_bytes(s->m, len);
	bool gap = b->ooo != 0;

	p->rcv_nxt += len;
	tcp_buf_rcv_put(t, b, payload_take(s));
	if (gap) {
		const struct tcp_ooo_block *first = &tcp_ooo_of(t, b)->block[0];

		if (seq_lt(first->left, p->rcv_nxt) && b->dsack_left == b->dsack_right) /* RFC 2883 4.2: some of it came before */
			tcp_dsack(t, p, first->left, seq_min(first->right, p->rcv_nxt));
		p->rcv_nxt = tcp_ooo_drain(t, b, p->rcv_nxt);
		tcp_sack_update(p, b);
		p->tflags |= TF_ACK_NOW; /* it filled a gap, or part of it */
	}
	ack_owed(t, p, seg_len);
	if (unlikely((p->tflags & TF_ACK_NOW) && p->rcvbuf < t->rcvbuf_max && is_bulk(p)))
		tcp_autotune(t, p, b, p->tflags & TF_TS, s->o.tsecr);
	ready_mark(t->flow, &p->c, EPOLLIN);
}

uint32_t tcp_seg_joined(const struct tcp_seg *s)
{
	uint32_t seg_len = pkt_segment_bytes(s->m, s->len);

	return likely(seg_len == s->len) ? 1 : (s->len + seg_len - 1) / seg_len;
}

/* Packets that may wait beyond gaps: by the memory that a receive buffer may hold, however little is in each. */
static uint32_t ooo_max(const struct tcp_pcb *p)
{
	uint32_t n = p->rcvbuf / TCP_OOO_PACKET_BYTES;

	return n < TCP_OOO_MIN ? TCP_OOO_MIN : n < TCP_OOO_MAX ? n : TCP_OOO_MAX;
}

static void text_out_of_order(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_seg *s)
{
	uint32_t seq = s->seq, n = tcp_seg_joined(s);
	struct tcp_range dup;

	t->stats.ooo_segs++;
	if (t->rcv_held >= t->rcv_held_max / 2) { /* the rest is for what fills the gaps */
		tcp_in_drop(t, s, DROP_TCP_OOO_FULL);
	} else if (tcp_ooo_put(t, b, payload_take(s), seq, ooo_max(p), &dup)) {
		tcp_sack_update(p, b);
		tcp_dsack(t, p, dup.left, dup.right);
	} else {
		drop_count(t->drops, DROP_TCP_OOO_FULL);
	}
	b->dup_acks_due = (uint16_t)(b->dup_acks_due + n < UINT16_MAX ? b->dup_acks_due + n : UINT16_MAX);
	tcp_out_mark(t, p);
}

/* Applications do not read, and packet buffers run out: what lies beyond a gap gives way to what fills it, though it was told
 * by SACK (RFC 2018 section 8). */
static bool make_room(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	struct tcp_buf *b = tcp_buf_of(t, p);

	if (b == NULL || b->ooo == 0 || s->seq != p->rcv_nxt)
		return false;
	tcp_buf_ooo_drop(t, b);
	tcp_out_ack_now(t, p);
	return t->rcv_held < t->rcv_held_max;
}

bool tcp_in_text(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	struct tcp_buf *b;

	if (TCP_IN(p->state, TCP_FIN_TAKEN)) { /* "This should not occur": the peer has sent its FIN */
		tcp_out_ack_now(t, p);
		return true;
	}
	if (p->state != TCP_ESTABLISHED && (p->tflags & TF_SHUT_RD)) {
		/* Nobody will ever read this: say so (RFC 1122 4.2.2.13, RFC 9293 3.6.1). */
		tcp_in_reset(t, s, p->c.h.path); /* with the number that it expects, though it may not have seen our FIN (RFC 5961 3.2) */
		tcp_done(t, p, ECONNRESET);
		return false;
	}
	if (unlikely(t->rcv_held >= t->rcv_held_max) && !make_room(t, p, s)) { /* the peer will send it again */
		ready_mark(t->flow, &p->c, EPOLLIN); /* more than what there is will not come, whatever SO_RCVLOWAT is */
		tcp_in_drop(t, s, DROP_NO_MBUF);
		return false;
	}
	if (unlikely(p->xflags & TX_ECN))
		tcp_ecn_data(t, p, s);
	b = tcp_buf_need(t, p);
	if (unlikely(b->tell & BUF_URG_WAIT))
		tcp_urgent_text(t, p, b, s);
	if (s->seq == p->rcv_nxt)
		text_in_order(t, p, b, s);
	else
		text_out_of_order(t, p, b, s);
	/* A FIN that came before its data */
	if (b->ooo_fin && b->ooo_fin_seq == p->rcv_nxt && !(s->flags & TCPF_FIN)) {
		s->flags |= TCPF_FIN;
		s->seq = p->rcv_nxt;
		s->len = 0;
	} else {
		s->seq += s->len;
		s->len = 0;
	}
	return true;
}

/* RFC 9293 3.10.7.3: it is queued for processing after the ESTABLISHED state has been reached: as if it lay beyond a gap. That of a
 * Fast Open request is for servers that know the cookie (RFC 7413 4.2); its sender repeats it. */
void tcp_in_text_early(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	uint32_t wnd = p->rcv_adv - p->rcv_nxt;
	struct tcp_range dup;
	struct tcp_buf *b;

	s->len = s->len < wnd ? s->len : wnd;
	if (s->len == 0 || s->o.has_fo || t->rcv_held >= t->rcv_held_max / 2)
		return;
	b = tcp_buf_need(t, p);
	tcp_ooo_put(t, b, payload_take(s), p->rcv_nxt, ooo_max(p), &dup);
	tcp_buf_settle(t, p, b);
}

void tcp_in_text_due(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	uint32_t nxt = p->rcv_nxt, again;

	if (b->ooo == 0)
		return;
	p->rcv_nxt = tcp_ooo_drain(t, b, nxt);
	if (p->rcv_nxt == nxt)
		return;
	ack_owed(t, p, p->rcv_nxt - nxt);
	ready_mark(t->flow, &p->c, EPOLLIN);
	again = seq_lt(s->seq, p->rcv_nxt) ? p->rcv_nxt - s->seq : 0;
	again = again < s->len ? again : s->len;
	s->seq += again;
	s->off += again;
	s->len -= again;
}

/* s->seq is the FIN's own number by now. */
void tcp_in_fin(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	uint32_t fin_seq = s->seq + s->len;

	if (TCP_IN(p->state, TCP_FIN_TAKEN)) {
		tcp_out_ack_now(t, p);
		return;
	}
	if (seq_lt(fin_seq, p->rcv_nxt)) /* before data that the peer has sent: it is out of its mind */
		return;
	if (fin_seq != p->rcv_nxt) {
		struct tcp_buf *b = tcp_buf_need(t, p);

		b->ooo_fin = true;
		b->ooo_fin_seq = fin_seq;
		if (b->dup_acks_due == 0)
			tcp_out_ack_now(t, p);
		return;
	}
	if (p->buf != 0) {
		struct tcp_buf *b = tcp_buf_of(t, p);

		tcp_buf_ooo_drop(t, b);
		b->rcv_up++; /* as far from rcv_nxt as before: the FIN is no byte to read */
		tcp_buf_settle(t, p, b);
	}
	p->rcv_nxt++;
	p->tflags |= TF_SHUT_RD;
	tcp_out_ack_now(t, p);
	switch (p->state) {
	case TCP_ESTABLISHED:
		tcp_state_set(t, p, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		tcp_state_set(t, p, TCP_CLOSING);
		break;
	default: /* FIN-WAIT-2 */
		tcp_timewait_enter(t, p);
		return;
	}
	ready_mark(t->flow, &p->c, EPOLLIN | EPOLLRDHUP | (p->tflags & TF_SHUT_WR ? EPOLLHUP : 0u));
}
