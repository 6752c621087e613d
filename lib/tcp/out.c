/* out.c: what leaves: which segments, and when (RFC 9293 3.8.6.2, RFC 1122 4.2.3.4). segment.c builds them. */
#include "tcp/out.h"

#include "tcp/cc.h"
#include "tcp/in.h"
#include "tcp/life.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"
#include "wire/tcp.h"

/* ---- deciding ---- */

/* p->mss, or less where the path has become narrower (RFC 1191 6.1). */
static uint32_t out_mss(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	uint32_t fit = (uint32_t)path->pmtu - path->l3_len - TCP_HDR_LEN - (p->tflags & TF_TS ? 12u : 0u);

	return fit < p->mss ? fit : p->mss;
}

/* How many of the unsent bytes may go now as one segment, and whether the FIN goes with them. */
static uint32_t out_next(const struct tcp_pcb *p, const struct tcp_buf *b, uint32_t mss, bool *fin)
{
	uint32_t end = tcp_data_end(p, b), flight = p->snd_nxt - p->snd_una;
	/* RFC 3042: each of the first two duplicate ACKs lets one new segment out. */
	uint32_t cwnd = p->cwnd + (p->dupacks < 3 && !(p->tflags & TF_RECOVERY) ? p->dupacks * mss : 0);
	uint32_t wnd = p->snd_wnd < cwnd ? p->snd_wnd : cwnd;
	uint32_t usable = wnd > flight ? wnd - flight : 0;
	uint32_t unsent, len;

	*fin = false;
	if (seq_gt(p->snd_nxt, end)) /* the FIN is out */
		return 0;
	unsent = end - p->snd_nxt;
	len = unsent < usable ? unsent : usable;
	if (len > mss)
		len = mss;
	*fin = len == unsent && TCP_IN(p->state, TCP_FIN_DUE);
	if (len == mss || len == 0 || *fin || seq_lt(p->snd_nxt, p->snd_max) || (p->tflags & TF_FORCE))
		return len;
	if (len == unsent) {
		if (p->tflags & (TF_CORK | TF_MORE))
			return 0;
		return (p->tflags & TF_NODELAY) || flight == 0 ? len : 0; /* Nagle, RFC 9293 3.7.4 */
	}
	/* The window cuts the segment: worth it only from half the largest window on (RFC 9293 3.8.6.2.1 (3)). */
	return len >= (((uint32_t)p->snd_wnd_max << (p->wscale & 15)) / 2) ? len : 0;
}

/* The most bytes that may leave as one frame for the NIC to cut (TSO); mss when it cannot. What waits for a neighbour, and
 * what goes to ourselves, no NIC cuts. */
static uint32_t out_large_max(const struct tcp *t, const struct tcp_pcb *p, uint32_t mss)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	const struct port *port = t->tx[path->port].port;
	uint32_t most = port->tso_max_bytes, fit;

	if (!(port->offloads & PORT_TX_TSO) || !path->resolved || path->neigh == 0)
		return mss;
	fit = port->tx_segs_max != 0 ? t->seg_max + (port->tx_segs_max - 1u) * t->seg_max : most;
	if (fit < most)
		most = fit;
	return most;
}

/* How many segments from snd_nxt on would go now, one after the other, as up to max_segs; the first one is full. Returns their
 * bytes. Retransmissions go singly: their books are kept per segment. */
static uint32_t out_extend(const struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, uint32_t mss, uint32_t max_segs,
			   bool *fin)
{
	uint32_t most = out_large_max(t, p, mss), from = p->snd_nxt, len = mss, next = mss;

	if (most < 2 * mss || seq_lt(from, p->snd_max) || (p->tflags & TF_FORCE))
		return mss;
	for (uint32_t n = 1; n < max_segs && next == mss && !*fin && len + mss <= most; n++) {
		bool next_fin;

		p->snd_nxt = from + len;
		next = out_next(p, b, mss, &next_fin);
		if (next == 0)
			break;
		len += next;
		*fin = next_fin;
	}
	p->snd_nxt = from;
	return len;
}

/* Sends [seq, seq + len) and perhaps the FIN, and keeps the books of retransmission and timing. More than mss bytes leave as
 * one frame, which counts as the segments that it becomes. */
static bool out_data(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t seq, uint32_t len, bool fin, uint32_t mss)
{
	uint32_t end = seq + len + fin;
	uint8_t flags = fin ? TCPF_FIN : 0;

	if (len > 0 && seq + len == tcp_data_end(p, b))
		flags |= TCPF_PSH;
	if (!tcp_out_room(t, p->c.h.path))
		return false;
	if (!(likely(len <= mss) ? tcp_out_segment(t, p, seq, len, flags) : tcp_out_large(t, p, seq, len, flags, mss)))
		return false;
	if (seq_lt(seq, p->snd_max)) {
		t->stats.rtx_segs++;
		if ((p->tflags & TF_RTT) && seq_lt(seq, b->rtt_seq)) /* Karn's rule, RFC 6298 section 3 */
			p->tflags &= ~TF_RTT;
	} else if (!(p->tflags & TF_RTT) && b != NULL) { /* a FIN alone is not worth it */
		p->tflags |= TF_RTT;
		b->rtt_seq = len <= mss ? end : seq + mss;
		b->rtt_us = (uint32_t)t->clock->now_us;
	}
	p->snd_max = seq_max(p->snd_max, end);
	p->tflags &= ~TF_FORCE;
	if ((p->tflags & (TF_T_RTX | TF_PERSIST)) != TF_T_RTX) { /* RFC 6298 5.1 */
		p->rtx_tick = t->clock->tick;
		tcp_timer_rtx_in(t, p, tcp_rtt_rto_backed_us(p));
	}
	return true;
}

/* The first segment in flight again. */
static bool out_head(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t mss)
{
	uint32_t end = tcp_data_end(p, b), len = seq_min(end, p->snd_max) - p->snd_una;
	bool fin;

	if (len > mss)
		len = mss;
	fin = TCP_IN(p->state, TCP_FIN_DUE) && p->snd_una + len == end && seq_gt(p->snd_max, end);
	if (len > 0 || fin) {
		if (!out_data(t, p, b, p->snd_una, len, fin, mss))
			return false;
	}
	p->tflags &= ~TF_RTX_HEAD;
	return true;
}

/* RFC 5681 4.1: after an idle time the window says nothing about the path any more. */
static void out_idle_restart(struct tcp *t, struct tcp_pcb *p)
{
	if (p->snd_una == p->snd_max && t->clock->tick - p->rcv_tick > ticks_from_us(tcp_rtt_rto_us(p)) &&
	    p->cwnd > (uint32_t)TCP_INITIAL_WINDOW * p->mss) {
		uint32_t ssthresh = p->ssthresh;

		tcp_cc_of(p)->start(t, p);
		p->ssthresh = ssthresh;
	}
}

enum out_result { OUT_DONE, OUT_MORE, OUT_BLOCKED };

static enum out_result out_stream(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	uint32_t mss = out_mss(t, p), len, sent = 0;
	bool fin;

	if ((p->tflags & TF_RTX_HEAD) && !out_head(t, p, b, mss))
		return OUT_BLOCKED;
	if (b != NULL && b->snd_len > 0)
		out_idle_restart(t, p);
	while ((len = out_next(p, b, mss, &fin)) > 0 || fin) {
		uint32_t large = len;
		bool large_fin = fin;

		if (sent++ >= TCP_OUT_BURST)
			return OUT_MORE;
		if (len == mss && !fin)
			large = out_extend(t, p, b, mss, TCP_OUT_BURST + 1 - sent, &large_fin);
		if (large > mss && out_data(t, p, b, p->snd_nxt, large, large_fin, mss)) {
			p->snd_nxt += large + large_fin;
			sent += (large - 1) / mss;
			continue;
		}
		if (!out_data(t, p, b, p->snd_nxt, len, fin, mss)) /* or no mbufs for a large one: singly, then */
			return OUT_BLOCKED;
		p->snd_nxt += len + fin;
	}
	if (b != NULL && seq_lt(p->snd_nxt, tcp_data_end(p, b)) && !(p->tflags & TF_T_RTX)) {
		p->rtx_tick = t->clock->tick;
		tcp_timer_probe_in(t, p, tcp_rtt_rto_backed_us(p)); /* nothing else would ever wake this data */
	}
	return OUT_DONE;
}

/* ACKs that nothing carried: one for each out-of-order segment, else one, else perhaps later. */
static enum out_result out_acks(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	while (b != NULL && b->dup_acks_due > 0) {
		if (!tcp_out_room(t, p->c.h.path) || !tcp_out_ack(t, p))
			return OUT_BLOCKED;
		b->dup_acks_due--;
	}
	if (p->tflags & TF_ACK_NOW) {
		if (!tcp_out_room(t, p->c.h.path) || !tcp_out_ack(t, p))
			return OUT_BLOCKED;
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
	if (tcp_writable(p, tcp_buf_of(t, p)))
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
	if (r == OUT_DONE && TCP_IN(p->state, TCP_SYNCHRONIZED))
		r = out_stream(t, p, b);
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
