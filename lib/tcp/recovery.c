/* recovery.c: what an ACK says about what is in flight, and what follows: fast recovery with proportional rate reduction (RFC
 * 6675, 8985, 6937; RFC 6582 without SACK), recovery after a timeout (RFC 5681 3.1, F-RTO of RFC 5682), undo. In the order of
 * Linux's tcp_ack(). */
#include "tcp/recovery.h"

#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/ext.h"
#include "tcp/mtu_probe.h"
#include "tcp/out.h"
#include "tcp/rate.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"

/* ---- what arrived ---- */

void tcp_delivered(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n, const struct tcp_rec *r,
		   uint32_t len)
{
	bool once = !(r->flags & REC_EVER);
	uint32_t rtt_us = n->now_us - r->sent_us;

	n->a.delivered += len;
	if (rtt_us == 0)
		rtt_us = 1;
	if (once) {
		if (n->a.rtt_us == 0 || seq_gt(r->sent_us, n->rtt_sent_us)) {
			n->a.rtt_us = rtt_us;
			n->rtt_sent_us = r->sent_us;
		}
		if (rtt_us > n->rtt_us)
			n->rtt_us = rtt_us;
		if ((p->tflags & TF_LOSS) && seq_le(r->end, tcp_buf_of(t, p)->recover))
			n->original = true;
	}
	if (seq_gt(r->end, f->fack)) { /* RFC 8985 6.2 step 3 */
		f->fack = r->end;
	} else if (once && seq_lt(r->end, f->fack) && (p->xflags & TX_SACK)) {
		p->xflags |= TX_REORDERS;
		if (p->xflags & TX_EXT)
			tcp_ext_reordered(t, p, f->fack - r->start);
	}
	tcp_rate_delivered(t, p, n, r, len);
	tcp_rack_delivered(t, p, f, n, r);
}

/* Where something was sent again, the rest may have waited at the peer for it: no measure of the round trip (Karn, RFC
 * 6298 3). */
static void take_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n)
{
	uint32_t ack = n->s->ack;
	struct tcp_rec_at at;
	bool again = false;

	n->advanced = true;
	n->a.acked = ack - p->snd_una;
	while ((at = tcp_flight_first(t, f)).r != NULL && seq_lt(at.r->start, ack)) {
		struct tcp_rec part = *at.r;

		part.end = seq_min(part.end, ack);
		again |= (part.flags & REC_EVER) != 0;
		if (!(part.flags & REC_SACKED))
			tcp_delivered(t, p, f, n, &part, part.end - part.start);
		tcp_flight_trim(t, f, ack);
	}
	if (again)
		n->rtt_us = n->a.rtt_us = 0;
	p->snd_una = ack;
}

/* ---- without SACK: duplicate ACKs stand for segments that have arrived, somewhere (as Linux tcp_add_reno_sack()) ---- */

static void sacked_limit(const struct tcp_pcb *p, struct tcp_flight *f)
{
	uint32_t most = p->snd_nxt - p->snd_una - f->lost;

	if (f->sacked > most)
		f->sacked = most;
}

static void without_sack(struct tcp_pcb *p, const struct tcp_buf *b, struct tcp_flight *f, struct tcp_news *n)
{
	if (n->advanced) {
		/* One segment filled the hole; the duplicates told of the rest (RFC 6937 section 3). */
		uint32_t told = n->a.acked > p->mss ? n->a.acked - p->mss : 0;

		told = told < f->sacked ? told : f->sacked;
		f->sacked -= told;
		n->a.delivered -= told < n->a.delivered ? told : n->a.delivered;
		sacked_limit(p, f);
	} else if (n->dup && (!(p->tflags & TF_LOSS) || seq_gt(p->snd_nxt, b->recover))) {
		uint32_t before = f->sacked;

		f->sacked += p->mss;
		sacked_limit(p, f);
		n->a.delivered += f->sacked - before;
	}
}

/* The first segment in flight is lost: the third duplicate (RFC 5681 3.2), a partial ACK (RFC 6582 3.2 step 5). */
static void mark_head(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f)
{
	struct tcp_rec_at at = tcp_flight_first(t, f);

	if (at.r == NULL || (at.r->flags & (REC_LOST | REC_RETRANS)) == REC_LOST)
		return;
	if (at.r->end - at.r->start > p->mss)
		tcp_flight_cut(t, f, &at, at.r->start + p->mss);
	tcp_flight_mark_lost(f, at);
	sacked_limit(p, f);
}

/* ---- fast recovery ---- */

/* RFC 5681 3.2: what limited transmit let out does not count. */
static uint32_t ssthresh_now(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t flight = p->snd_nxt - p->snd_una;

	return tcp_cc_of(p)->ssthresh(t, p, flight < p->cwnd ? flight : p->cwnd);
}

void tcp_recovery_enter(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, const struct tcp_news *n)
{
	tcp_undo_begin(p, f);
	p->ssthresh = unlikely(t->mtu_probing != 0) && tcp_mtu_lost(t, p, f) ? p->cwnd : ssthresh_now(t, p);
	b->recover = p->snd_nxt;
	b->cc_acked = 0;
	/* RFC 9937 section 5: what was in flight, less what is known to have arrived before this ACK. */
	f->prr_start = p->snd_nxt - p->snd_una - f->sacked + n->a.delivered;
	f->prr_delivered = f->prr_out = 0;
	p->tflags |= TF_RECOVERY;
	p->xflags &= ~(TX_RECOVERED | TX_TLP);
	t->stats.fast_rtx++;
	tcp_ecn_reduced(p);
	tcp_cc_tell(t, p, TCP_CC_RECOVERY);
}

void tcp_recovery_repaired(struct tcp *t, struct tcp_pcb *p)
{
	if (p->tflags & (TF_RECOVERY | TF_LOSS))
		return;
	p->ssthresh = tcp_cc_of(p)->ssthresh(t, p, p->cwnd); /* that flight is over */
	tcp_ecn_reduced(p);
	tcp_cc_tell(t, p, TCP_CC_RECOVERY);
	if (!tcp_cc_of(p)->own_recovery && p->cwnd > p->ssthresh)
		p->cwnd = p->ssthresh;
	tcp_cc_tell(t, p, TCP_CC_RECOVERED);
}

static void recovery_leave(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f)
{
	if ((p->tflags & TF_RECOVERY) && !tcp_cc_of(p)->own_recovery)
		p->cwnd = p->ssthresh;
	p->tflags &= ~(TF_RECOVERY | TF_LOSS);
	f->frto = f->frto_new = false;
	if (!(p->xflags & TX_SACK))
		p->xflags |= TX_RECOVERED; /* late duplicates start no other (RFC 6582 section 4) */
	tcp_rack_adapt(p, f, false, true);
	tcp_cc_tell(t, p, TCP_CC_RECOVERED);
}

/* RFC 6937 section 3.1 with the safeguards of RFC 9937: the window follows what arrives down to ssthresh. */
static void prr(struct tcp_pcb *p, struct tcp_flight *f, const struct tcp_news *n)
{
	uint32_t pipe = tcp_flight_pipe(p, f);
	int64_t send;

	f->prr_delivered += n->a.delivered;
	if (pipe > p->ssthresh) {
		uint64_t due = ((uint64_t)f->prr_delivered * p->ssthresh + f->prr_start - 1) / f->prr_start;

		send = (int64_t)due - f->prr_out;
	} else {
		int64_t most = (int64_t)p->ssthresh - pipe;

		send = (int64_t)f->prr_delivered - f->prr_out;
		if (send < n->a.delivered)
			send = n->a.delivered;
		if (n->advanced && n->a.lost == 0) /* it makes progress: as slow start */
			send += p->mss;
		if (send > most)
			send = most;
	}
	if (send < 0)
		send = 0;
	/* The first retransmission goes at once, and without SACK that which a partial ACK asks for (RFC 6582 3.2 step 5). */
	if (send < p->mss && (f->prr_out == 0 || (n->advanced && !(p->xflags & TX_SACK))))
		send = p->mss;
	p->cwnd = pipe + (uint32_t)send;
	if (p->cwnd < p->mss)
		p->cwnd = p->mss;
}

static void recovery_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, struct tcp_news *n)
{
	if (tcp_undo_may(p, f, n)) {
		tcp_undo(t, p, f);
		return;
	}
	if (seq_ge(p->snd_una, b->recover))
		recovery_leave(t, p, f);
	else if (n->advanced && !(p->xflags & TX_SACK))
		mark_head(t, p, f);
}

/* ---- after a timeout ---- */

/* RFC 5682 3.1: the first ACK of something new lets new data out; if what it did not ask for again is acknowledged then, or
 * SACKed at any time, nothing was lost. */
static void frto_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, struct tcp_news *n)
{
	if (n->original) { /* step 3b */
		tcp_undo(t, p, f);
		return;
	}
	if (seq_gt(p->snd_nxt, b->recover)) {
		if (n->sacked || n->dup) /* step 3a: it was */
			f->frto = false;
	} else if (n->advanced && seq_lt(p->snd_una, b->recover)) {
		/* Step 2b, if there is new data (the queue does not know of this ACK yet) and room for it */
		f->frto = f->frto_new = seq_lt(p->snd_nxt, tcp_data_end(p, b) - n->a.acked) &&
					p->snd_wnd > p->snd_nxt - p->snd_una;
	}
}

static void loss_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, struct tcp_news *n)
{
	if (tcp_undo_may(p, f, n)) {
		tcp_undo(t, p, f);
		return;
	}
	f->frto_new = false;
	if (f->frto) {
		frto_ack(t, p, b, f, n);
		if (!(p->tflags & TF_LOSS))
			return;
	}
	if (seq_ge(p->snd_una, b->recover))
		recovery_leave(t, p, f);
}

/* RFC 8985 6.3; without RACK's times all is lost. RFC 2018 section 8: what a peer SACKed at SND.UNA it has thrown away. */
void tcp_recovery_rto(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_need(t, p, b);
	struct tcp_rec_at at = tcp_flight_first(t, f);
	bool reneged = at.r->flags & REC_SACKED, first = true;
	uint32_t before = f->lost;

	if (p->backoff == 1 && !(p->tflags & TF_RECOVERY)) { /* RFC 5681 equation 4: once per loss, not per repetition */
		tcp_undo_begin(p, f);
		p->ssthresh = ssthresh_now(t, p);
		tcp_ecn_reduced(p);
	}
	if (reneged) {
		t->stats.sack_reneged++;
		f->segs_sacked = 0;
	}
	if (!(p->xflags & TX_SACK))
		f->sacked = 0;
	for (; at.r != NULL; at = tcp_flight_next(t, f, at), first = false) {
		if (reneged && (at.r->flags & REC_SACKED))
			tcp_flight_set(f, at, at.r->flags & (uint8_t)~REC_SACKED);
		else if ((at.r->flags & REC_SACKED) || !(first || tcp_rack_overdue(t, f, at.r)))
			continue;
		if ((at.r->flags & (REC_LOST | REC_RETRANS)) != REC_LOST)
			tcp_flight_mark_lost(f, at);
	}
	if (p->xflags & TX_EXT)
		tcp_ext_of(t, p)->n.lost += (f->lost - before) / p->mss;
	f->frto = !(p->tflags & TF_RECOVERY);
	f->frto_new = false;
	b->recover = p->snd_nxt;
	b->cc_acked = 0;
	p->tflags = (p->tflags & ~TF_RECOVERY) | TF_LOSS;
	p->xflags &= ~(TX_TLP | TX_RECOVERED);
	p->cwnd = tcp_flight_pipe(p, f) + p->mss;
	tcp_cc_tell(t, p, TCP_CC_RTO);
}

/* ---- an ACK ---- */

static void open_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, struct tcp_news *n)
{
	if (f->undo && f->rtx_ts_set && f->undo_rtx == 0)
		tcp_undo(t, p, f);
	if (p->xflags & TX_SACK) {
		if (n->a.lost > 0)
			tcp_recovery_enter(t, p, b, f, n);
	} else if (p->dupacks == 3 && n->dup && !((p->xflags & TX_RECOVERED) && seq_le(p->snd_una, b->recover))) {
		mark_head(t, p, f);
		tcp_recovery_enter(t, p, b, f, n);
	}
}

static void cwnd_update(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_flight *f, struct tcp_news *n,
			uint32_t before)
{
	if (tcp_cc_of(p)->own_recovery) {
		tcp_cc_acked(t, p, b, &n->a);
		return;
	}
	if (p->tflags & TF_RECOVERY) {
		if (n->a.delivered > 0 || !(before & (TF_RECOVERY | TF_LOSS)))
			prr(p, f, n);
		return;
	}
	if (n->a.acked == 0)
		return;
	if (before & TF_LOSS) {
		if (!(p->tflags & TF_LOSS) && !f->undo) /* there was no loss: the window is as before */
			return;
		/* Much may be acknowledged at once that was never lost: slow start by one segment (RFC 5681 3.1). */
		struct tcp_ack a = n->a;

		a.prior_flight = p->cwnd;
		a.acked = a.acked < p->mss ? a.acked : p->mss;
		tcp_cc_acked(t, p, b, &a);
	} else if (!(before & TF_RECOVERY)) {
		tcp_cc_acked(t, p, b, &n->a);
	}
}

static void rtt_update(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, const struct tcp_news *n)
{
	if (n->rtt_us != 0) {
		if (seq_le(f->fack, f->rtt_seq)) /* RFC 6298's gains are for one sample per round trip */
			return;
		tcp_rtt_sample(p, n->rtt_us);
		f->rtt_seq = p->snd_nxt;
		if (unlikely(t->mtu_probing != 0))
			tcp_mtu_round(t, p);
	} else if (n->advanced && n->a.delivered > 0 && (p->tflags & TF_TS) && n->s->o.has_ts) {
		tcp_rtt_from_timestamp(t, p, n->s);
	}
}

void tcp_recovery_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_seg *s, bool dup)
{
	struct tcp_flight *f = tcp_flight_need(t, p, b);
	struct tcp_news n = {.s = s, .now_us = (uint32_t)t->clock->now_us, .prior_una = p->snd_una, .dup = dup};
	uint32_t lost = f->lost_total, wait_us = 0, before = p->tflags & (TF_RECOVERY | TF_LOSS);

	n.a.prior_flight = tcp_flight_pipe(p, f);
	n.a.ece = (s->flags & TCPF_ECE) && (p->xflags & TX_ECN);
	if (seq_gt(s->ack, p->snd_una))
		take_ack(t, p, f, &n);
	n.a.una = p->snd_una;
	if (n.advanced)
		p->dupacks = 0;
	else if (dup && p->dupacks < UINT8_MAX)
		p->dupacks++;
	if (p->xflags & TX_SACK) {
		if (s->o.n_sack > 0)
			tcp_sack_take(t, p, f, &n);
		tcp_rack_adapt(p, f, n.dsack && f->undo && !((p->xflags & TX_TLP) && n.dsack_right == f->tlp_end), false);
	} else {
		without_sack(p, b, f, &n);
	}
	rtt_update(t, p, f, &n);
	if (unlikely(p->xflags & TX_TLP))
		tcp_tlp_ack(t, p, f, &n);
	if (p->xflags & TX_SACK)
		wait_us = tcp_rack_detect(t, p, f);
	n.a.lost = f->lost_total - lost;
	if (p->tflags & TF_RECOVERY)
		recovery_ack(t, p, b, f, &n);
	else if (p->tflags & TF_LOSS)
		loss_ack(t, p, b, f, &n);
	else
		open_ack(t, p, b, f, &n);
	n.a.lost = f->lost_total - lost;
	n.a.flight = tcp_flight_pipe(p, f);
	tcp_rate_sample(t, p, &n, f->min_rtt_us);
	if (unlikely(p->xflags & TX_EXT)) {
		tcp_ext_of(t, p)->n.lost += n.a.lost / p->mss;
		tcp_ext_acked(t, p, &n.a);
	}
	cwnd_update(t, p, b, f, &n, before);
	tcp_rtx_rearm(t, p, b, n.advanced || (before == 0 && (p->tflags & TF_RECOVERY)), wait_us);
	tcp_out_mark(t, p);
}

void tcp_recovery_reorder_fire(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_need(t, p, b);
	static const struct tcp_seg none;
	struct tcp_news n = {.s = &none, .now_us = (uint32_t)t->clock->now_us, .prior_una = p->snd_una};
	uint32_t lost = f->lost_total, wait_us = tcp_rack_detect(t, p, f);

	n.a.lost = f->lost_total - lost;
	if (n.a.lost > 0 && !(p->tflags & (TF_RECOVERY | TF_LOSS))) {
		tcp_recovery_enter(t, p, b, f, &n);
		if (!tcp_cc_of(p)->own_recovery)
			prr(p, f, &n);
	}
	if (p->xflags & TX_EXT)
		tcp_ext_of(t, p)->n.lost += n.a.lost / p->mss;
	tcp_rtx_rearm(t, p, b, false, wait_us);
	tcp_out_mark(t, p);
}
