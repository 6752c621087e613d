/* out.c: what leaves: which segments, and when (RFC 9293 3.8.6.2, RFC 1122 4.2.3.4). segment.c builds them. */
#include "tcp/out.h"

#include "tcp/cc.h"
#include "tcp/in.h"
#include "tcp/ext.h"
#include "tcp/flood.h"
#include "tcp/life.h"
#include "tcp/mtu_probe.h"
#include "tcp/pace.h"
#include "tcp/rate.h"
#include "tcp/rtx.h"
#include "tcp/sack_out.h"
#include "tcp/timers.h"
#include "wire/tcp.h"

/* ---- deciding ---- */

/* The largest segment from seq on: it does not go beyond the end of a record (MSG_EOR). */
static uint32_t within_record(const struct tcp_pcb *p, const struct tcp_buf *b, uint32_t seq, uint32_t mss)
{
	uint32_t left;

	if (likely(b == NULL || !(b->tell & BUF_EOR)))
		return mss;
	left = tcp_buf_snd_record(b, p->snd_una, seq);
	return left < mss ? left : mss;
}

/* Nagle (RFC 9293 3.7.4) in Minshall's form (draft-minshall-nagle-01), as Linux has it: what is less than a segment waits for
 * the ACK of another such one, not of full ones; so the end of a long message does not wait for a delayed ACK. */
static bool small_in_flight(const struct tcp_pcb *p, const struct tcp_buf *b)
{
	return seq_gt(b->small_end, p->snd_una) && seq_le(b->small_end, p->snd_nxt);
}

/* How many of the unsent bytes may go now as one segment, and whether the FIN goes with them. */
static uint32_t out_next(const struct tcp_pcb *p, const struct tcp_buf *b, const struct tcp_flight *f, uint32_t mss, bool *fin)
{
	uint32_t end = tcp_data_end(p, b), flight = p->snd_nxt - p->snd_una, pipe = tcp_flight_pipe(p, f);
	uint32_t usable = p->snd_wnd > flight ? p->snd_wnd - flight : 0;
	uint32_t unsent, len;

	*fin = false;
	if (seq_gt(p->snd_nxt, end)) /* the FIN is out */
		return 0;
	unsent = end - p->snd_nxt;
	len = unsent < usable ? unsent : usable;
	if (len > mss)
		len = mss;
	if (len > 0 && (uint64_t)pipe + len > p->cwnd) /* a whole segment or none: the window has room for it soon */
		return 0;
	*fin = len == unsent && TCP_IN(p->state, TCP_FIN_DUE);
	if (len == mss || len == 0 || *fin || (p->tflags & TF_FORCE))
		return len;
	if (len == unsent) {
		if (p->tflags & (TF_CORK | TF_MORE))
			return 0;
		return (p->tflags & TF_NODELAY) || flight == 0 || !small_in_flight(p, b) ? len : 0;
	}
	/* The window cuts the segment: worth it only from half the largest window on (RFC 9293 3.8.6.2.1 (3)). */
	return len >= (((uint32_t)p->snd_wnd_max << (p->wscale & 15)) / 2) ? len : 0;
}

/* The most bytes that may leave as one frame for the NIC to cut (TSO); mss when it cannot. What waits for a neighbour no NIC
 * cuts; what goes to ourselves nobody need cut. */
static uint32_t out_large_max(const struct tcp *t, const struct tcp_pcb *p, uint32_t mss)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	const struct port *port = t->tx[path->port].port;
	uint32_t most = port->tso_max_bytes, fit;

	if (!(port->offloads & PORT_TX_TSO) || (!path->resolved && path->port != NET_PORT_LOOP))
		return mss;
	if (unlikely((p->xflags & TX_ECN_CWR) || tcp_buf_of(t, p)->tell)) /* of one segment only */
		return mss;
	fit = port->tx_segs_max != 0 ? t->seg_max + (port->tx_segs_max - 1u) * t->seg_max : most;
	if (fit < most)
		most = fit;
	return most;
}

/* How many segments from snd_nxt on would go now, one after the other, as up to max_segs; the first one is full. Returns their
 * bytes. Retransmissions go singly. */
static uint32_t out_extend(const struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, const struct tcp_flight *f,
			   uint32_t mss, uint32_t max_segs, bool *fin)
{
	uint32_t most = out_large_max(t, p, mss), from = p->snd_nxt, len = mss, next = mss;

	if (most < 2 * mss || (p->tflags & TF_FORCE))
		return mss;
	for (uint32_t n = 1; n < max_segs && next == mss && !*fin && len + mss <= most; n++) {
		bool next_fin;

		p->snd_nxt = from + len;
		next = out_next(p, b, f, mss, &next_fin);
		if (next == 0)
			break;
		len += next;
		*fin = next_fin;
	}
	p->snd_nxt = from;
	return len;
}

/* Sends [seq, seq + len) and perhaps the FIN. More than mss bytes leave as one frame, which counts as the segments that it
 * becomes. */
static __rte_always_inline bool out_range(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t seq, uint32_t len, bool fin, uint32_t mss)
{
	uint8_t flags = fin ? TCPF_FIN : 0;

	if (len > 0 && seq + len == tcp_data_end(p, b))
		flags |= TCPF_PSH;
	if (!tcp_out_room(t, p->c.h.path))
		return false;
	if (!(likely(len <= mss) ? tcp_out_segment(t, p, seq, len, flags) : tcp_out_large(t, p, seq, len, flags, mss)))
		return false;
	if (unlikely(p->xflags & TX_PACED))
		tcp_pace_sent(t, p, len);
	if (seq_lt(seq, p->snd_nxt))
		t->stats.rtx_segs++;
	p->tflags &= ~TF_FORCE;
	return true;
}

static void out_timer(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b)
{
	if ((p->tflags & (TF_T_RTX | TF_PERSIST)) == TF_T_RTX)
		return;
	p->rtx_tick = t->clock->tick;
	tcp_rtx_arm(t, p, b); /* RFC 6298 5.1 */
}

/* The next len bytes of the stream, for the first time, and perhaps the FIN. */
static __rte_always_inline bool out_new(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t len, bool fin, uint32_t mss)
{
	uint32_t seq = p->snd_nxt, end = seq + len + fin;

	if (!out_range(t, p, b, seq, len, fin, mss))
		return false;
	if (b != NULL && (b->snd_len > 0 || b->flight != 0)) { /* a FIN alone is not worth a note */
		if (likely(b->flight == 0 && p->snd_nxt == p->snd_una && len <= mss))
			b->sent_us = (uint32_t)t->clock->now_us;
		else
			tcp_flight_sent(t, p, tcp_flight_need(t, p, b), seq, end, mss);
	}
	if (b != NULL && len != mss && (len < mss || len % mss != 0))
		b->small_end = end;
	p->snd_nxt = end;
	out_timer(t, p, b);
	return true;
}

bool tcp_out_sized(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t len)
{
	return out_new(t, p, b, len, false, len);
}

enum out_result { OUT_DONE, OUT_MORE, OUT_BLOCKED };

/* Where a segment that begins with the record ends, if it takes along what is lost behind it (as Linux
 * tcp_retrans_try_collapse()): losses of small segments, and of a FIN behind its data, are repaired by one. What is
 * too large by now is cut anew. */
static uint32_t again_end(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at at, uint32_t data_end, uint32_t mss)
{
	uint32_t start = at.r->start, end = at.r->end;

	while ((at.r->flags & (REC_LOST | REC_RETRANS)) == REC_LOST && seq_min(end, data_end) - start < mss) {
		at = tcp_flight_next(t, f, at);
		if (at.r == NULL || (at.r->flags & (REC_SACKED | REC_LOST | REC_RETRANS)) != REC_LOST ||
		    (seq_min(at.r->end, data_end) - start > mss && at.r->end - at.r->start <= mss))
			break;
		end = at.r->end;
	}
	return end;
}

/* The first mss bytes of a record again, or all of it and more. What does not fit into the window waits. */
static enum out_result out_again(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_rec_at at, uint32_t full)
{
	struct tcp_flight *f = tcp_flight_of(t, b);
	uint32_t start = at.r->start, data_end = tcp_data_end(p, b), room = p->snd_una + p->snd_wnd - start;
	uint32_t mss = within_record(p, b, start, full), end = again_end(t, f, at, data_end, mss), len = seq_min(end, data_end) - start;
	bool fin = seq_gt(end, data_end);

	if ((int32_t)room <= 0)
		return OUT_DONE;
	if (len > mss || len > room) {
		len = mss < room ? mss : room;
		fin = false;
	}
	if (!out_range(t, p, b, start, len, fin, mss))
		return OUT_BLOCKED;
	for (end = start + len + fin; start != end; start = seq_min(at.r->end, end)) {
		at = tcp_flight_find(t, f, start);
		tcp_flight_resent(t, p, f, at, seq_min(at.r->end, end) - start);
		at = tcp_flight_find(t, f, start);
	}
	out_timer(t, p, b);
	return OUT_MORE;
}

/* What was lost, as far as the windows allow. */
static __rte_noinline enum out_result out_lost(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t mss, uint32_t *sent)
{
	struct tcp_flight *f = tcp_flight_of(t, b);
	enum out_result r = OUT_MORE;

	while (r == OUT_MORE && f->pending > 0 && !f->frto_new) {
		struct tcp_rec_at at = tcp_flight_pending(t, f);
		uint32_t len = at.r->end - at.r->start;

		if ((uint64_t)tcp_flight_pipe(p, f) + (len < mss ? len : mss) > p->cwnd)
			return OUT_DONE;
		if (unlikely(p->xflags & TX_PACED) && tcp_pace_room(t, p) == 0)
			return OUT_DONE;
		if ((*sent)++ >= TCP_OUT_BURST)
			return OUT_MORE;
		r = out_again(t, p, b, at, mss);
		mss = tcp_out_mss(t, p);
	}
	return r == OUT_MORE ? OUT_DONE : r;
}

bool tcp_out_probe(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_of(t, b);
	uint32_t mss = tcp_out_mss(t, p), end = tcp_data_end(p, b), unsent = seq_lt(p->snd_nxt, end) ? end - p->snd_nxt : 0;
	uint32_t most = unsent > 0 ? within_record(p, b, p->snd_nxt, mss) : mss, len = unsent < most ? unsent : most;
	struct tcp_rec_at at;

	if (len > 0 && p->snd_wnd >= p->snd_nxt - p->snd_una + len && tcp_flight_room(t, f))
		return out_new(t, p, b, len, len == unsent && TCP_IN(p->state, TCP_FIN_DUE), mss);
	at = tcp_flight_last(t, f);
	if (at.r->flags & REC_SACKED)
		return false;
	if (at.r->end - at.r->start > mss) {
		if (!tcp_flight_cut(t, f, &at, at.r->end - mss))
			return false;
		at = tcp_flight_last(t, f);
	}
	return out_again(t, p, b, at, mss) == OUT_MORE;
}

/* A FIN that is alone in flight, again. */
static bool out_fin_again(struct tcp *t, struct tcp_pcb *p)
{
	if (!out_range(t, p, NULL, p->snd_una, 0, true, 0))
		return false;
	p->tflags &= ~TF_RTX_FIN;
	out_timer(t, p, NULL);
	return true;
}

static enum out_result out_stream(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	uint32_t len, sent = 0, pace_bytes = UINT32_MAX, from = p->snd_nxt, end = tcp_data_end(p, b), mss;
	bool fin, closing = TCP_IN(p->state, TCP_FIN_DUE), shorter;
	const struct tcp_flight *f = NULL;

	if (p->snd_una == end && !closing)
		return OUT_DONE;
	mss = tcp_out_mss(t, p);
	/* SACK blocks may leave with the first segment and make it shorter; so do ends of records. */
	shorter = b != NULL && (b->tell & (BUF_SACK | BUF_EOR));
	if (unlikely(p->tflags & TF_RTX_FIN) && !out_fin_again(t, p))
		return OUT_BLOCKED;
	if (b != NULL && b->flight != 0) {
		f = tcp_flight_of(t, b);
		if (unlikely(f->pending > 0)) {
			enum out_result r = out_lost(t, p, b, mss, &sent);

			if (r != OUT_DONE)
				return r;
			mss = tcp_out_mss(t, p);
		}
	}
	if (unlikely(shorter))
		mss = within_record(p, b, p->snd_nxt, mss);
	if (p->snd_una == p->snd_nxt && p->snd_una != end &&
	    unlikely((p->xflags & TX_EXT) || p->cwnd > (uint32_t)TCP_INITIAL_WINDOW * p->mss))
		tcp_cc_idle(t, p);
	while (seq_lt(p->snd_nxt, end) || closing) {
		uint32_t large;
		bool large_fin;

		large = len = out_next(p, b, f, mss, &fin);
		large_fin = fin;
		if (len == 0 && !fin)
			break;
		if (unlikely(p->xflags & TX_PACED)) {
			pace_bytes = tcp_pace_room(t, p);
			if (pace_bytes == 0)
				break; /* its timer goes on with it */
		}
		if (f != NULL && unlikely(!tcp_flight_room(t, f)))
			break; /* ACKs make some */
		if (sent++ >= TCP_OUT_BURST)
			return OUT_MORE;
		if (len == mss && !fin)
			large = out_extend(t, p, b, f, mss, RTE_MIN(TCP_OUT_BURST + 1 - sent, pace_bytes / mss), &large_fin);
		if (large > mss && out_new(t, p, b, large, large_fin, mss))
			sent += (large - 1) / mss;
		else if (!out_new(t, p, b, len, fin, mss)) /* or no mbufs for a large one: singly, then */
			return OUT_BLOCKED;
		if (b != NULL)
			f = tcp_flight_of(t, b);
		if (unlikely(shorter))
			mss = within_record(p, b, p->snd_nxt, tcp_out_mss(t, p));
	}
	if (f != NULL && p->snd_nxt != from && (p->xflags & TX_T_TLP) && (p->tflags & TF_T_RTX))
		tcp_rtx_postpone_probe(t, p, b);
	if (seq_lt(p->snd_nxt, end) && !(p->tflags & TF_T_RTX) && likely(pace_bytes != 0)) {
		p->rtx_tick = t->clock->tick;
		tcp_timer_probe_in(t, p, tcp_rtt_rto_backed_us(p)); /* nothing else would ever wake this data */
	}
	return OUT_DONE;
}

/* ACKs that nothing carried: one for each out-of-order segment, else one, else perhaps later. */
static __rte_always_inline enum out_result out_acks(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	while (b != NULL && b->dup_acks_due > 0) {
		if (!tcp_out_room(t, p->c.h.path) || !tcp_out_ack(t, p))
			return OUT_BLOCKED;
		b->dup_acks_due--;
	}
	if (p->tflags & TF_ACK_NOW) {
		if (!tcp_out_room(t, p->c.h.path) || !tcp_out_ack(t, p))
			return OUT_BLOCKED;
	} else if (p->tflags & TF_ACK_SOON) {
		p->tflags ^= TF_ACK_SOON | TF_ACK_NOW;
		return OUT_MORE;
	} else if ((p->tflags & (TF_ACK_DELAY | TF_T_ACK)) == TF_ACK_DELAY) {
		tcp_timer_ack_in(t, p, TCP_DELACK_US);
	}
	return OUT_DONE;
}

/* A send was cut short for lack of mbufs. Now that others have given some back, the application may go on. */
static bool mbufs_again(struct tcp *t, struct tcp_pcb *p)
{
	if (t->snd_held >= t->snd_held_max - t->snd_held_max / 8 || rte_mempool_avail_count(t->tx->pool) < TX_BURST)
		return false;
	p->tflags &= ~TF_NOMBUF;
	if (tcp_writable(t, p, tcp_buf_of(t, p)))
		ready_mark(t->flow, &p->c, EPOLLOUT);
	return true;
}

static enum out_result out_conn(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	enum out_result r = OUT_DONE;

	if (p->tflags & TF_SYN_DUE) {
		if (!tcp_out_room(t, p->c.h.path))
			return OUT_BLOCKED;
		tcp_out_syn(t, p);
	}
	if (p->state == TCP_CLOSED || p->state == TCP_SYN_SENT)
		return OUT_DONE;
	if (b != NULL && b->dup_acks_due > 0) /* they count for the peer only without data */
		r = out_acks(t, p, b);
	if (r == OUT_DONE && (TCP_IN(p->state, TCP_SYNCHRONIZED) || unlikely(p->xflags & TX_FO_PASSIVE))) {
		bool held = !tcp_lowat_allows(t, p, b);

		r = out_stream(t, p, b);
		if (held && tcp_writable(t, p, b))
			ready_mark(t->flow, &p->c, EPOLLOUT);
		if (unlikely(p->xflags & TX_EXT) && r == OUT_DONE) {
			tcp_rate_flushed(t, p, b);
			tcp_ext_flushed(t, p);
		}
	}
	if (r == OUT_DONE)
		r = out_acks(t, p, b);
	if (b != NULL)
		tcp_buf_settle(t, p, b);
	if ((p->tflags & TF_NOMBUF) && !mbufs_again(t, p) && r == OUT_DONE)
		r = OUT_MORE;
	return r;
}

/* ---- the list ---- */

void tcp_out_link(struct tcp *t, struct tcp_pcb *p)
{
	flow_ref r = tcp_pcb_ref(t, p);

	p->tflags |= TF_OUT;
	p->out_next = 0;
	if (t->out_tail != 0)
		tcp_pcb_at(t, t->out_tail)->out_next = r;
	else
		t->out_head = r;
	t->out_tail = r;
	t->out_n++;
}

void tcp_flush(struct tcp *t)
{
	tcp_syn_turn(t);
	if (unlikely(t->mtu_due != 0))
		tcp_mtu_flush(t);
	for (uint32_t n = t->out_n; n > 0; n--) {
		struct tcp_pcb *p = tcp_pcb_at(t, t->out_head);
		enum out_result r;

		t->out_head = p->out_next;
		if (t->out_head == 0)
			t->out_tail = 0;
		t->out_n--;
		p->tflags &= ~TF_OUT;
		if (p->tflags & TF_ZOMBIE) {
			conn_free(t->flow, &p->c);
			continue;
		}
		r = out_conn(t, p);
		if (r != OUT_DONE)
			tcp_out_mark(t, p);
		if (r == OUT_BLOCKED)
			return;
	}
}
