/* in.c: the way of a received segment: parsed, its flow found, and through the steps of RFC 9293 3.10.7.4 in order. */
#include "tcp/in.h"

#include <errno.h>

#include "net/either.h"
#include "tcp/ack.h"
#include "tcp/ext.h"
#include "tcp/fastopen.h"
#include "tcp/out.h"
#include "tcp/sack_out.h"
#include "tcp/urgent.h"
#include "tcp/rtx.h"
#include "tcp/uto.h"

void tcp_in_drop(struct tcp *t, struct tcp_seg *s, enum drop why)
{
	drop_count(t->drops, why);
	rte_pktmbuf_free(s->m);
	s->m = NULL;
}

/* To who has no connection with us, and maybe no path. */
static void reset_nobodys(struct tcp *t, const struct net_pkt *pkt, struct tcp_view *v)
{
	static const struct tcp_opts none;
	struct flow_key key = pkt->key;
	int err;
	uint32_t path = net_path_back(t->net, pkt, &key, &err);

	if (path == 0) {
		drop_count(t->drops, DROP_NO_ROUTE);
		return;
	}
	tcp_out_bare(t, &key, path, v, &none, 0);
	net_path_put(t->net, path);
}

void tcp_in_reset(struct tcp *t, const struct tcp_seg *s, uint32_t path)
{
	static const struct tcp_opts none;
	struct tcp_view v = {.flags = TCPF_RST};

	if (s->flags & TCPF_RST)
		return;
	if (s->flags & TCPF_ACK) {
		v.seq = s->ack;
	} else {
		v.flags |= TCPF_ACK;
		v.ack = s->seq + s->len + !!(s->flags & TCPF_SYN) + !!(s->flags & TCPF_FIN);
	}
	if (unlikely(path == 0))
		reset_nobodys(t, s->pkt, &v);
	else
		tcp_out_bare(t, &s->pkt->key, path, &v, &none, 0);
}

/* First: check sequence number, with the leniency of RFC 9293 3.10.7.4: at the right edge an ACK is still taken, and a
 * closed window takes the ACK of a segment whose text it cannot have. */
static bool step1_acceptable(struct tcp_pcb *p, struct tcp_seg *s)
{
	uint32_t wnd = seq_gt(p->rcv_adv, p->rcv_nxt) ? p->rcv_adv - p->rcv_nxt : 0;
	uint32_t edge = p->rcv_nxt + wnd, end = s->seq + s->len + !!(s->flags & TCPF_FIN);

	if (end == s->seq)
		return seq_ge(s->seq, p->rcv_nxt) && seq_le(s->seq, edge);
	if (wnd == 0)
		return s->seq == p->rcv_nxt;
	return seq_lt(s->seq, edge) && seq_gt(end, p->rcv_nxt);
}

/* PAWS comes before it (RFC 7323 5.3 R1); timestamps older than 24 days are no measure. */
static bool step1_timestamp(struct tcp *t, const struct tcp_pcb *p, const struct tcp_seg *s)
{
	if (!(p->tflags & TF_TS) || (s->flags & TCPF_RST))
		return true;
	if (!s->o.has_ts)
		return false; /* RFC 7323 3.2 */
	return !tcp_paws_old(s, p->ts_recent) || t->clock->now_ms - p->ts_recent_ms > 24u * 86400 * 1000;
}

/* It has text or a FIN, which the peer sends again until it is acknowledged. A bare one may be the answer to an answer of ours:
 * two that disagree about their numbers would go on for ever (Linux tcp_oow_rate_limited()). */
static bool segment_speaks(const struct tcp_seg *s)
{
	return !(s->flags & TCPF_SYN) && (s->len > 0 || (s->flags & TCPF_FIN));
}

static bool step1_seq(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	enum drop why;

	if (!step1_timestamp(t, p, s))
		why = DROP_TCP_PAWS;
	else if (!step1_acceptable(p, s))
		why = DROP_TCP_SEQ;
	else
		return true;
	if (!(s->flags & TCPF_RST)) {
		if (s->len > 0)
			tcp_ack_quick_again(p);
		if (s->len > 0 && seq_lt(s->seq, p->rcv_nxt)) /* RFC 2883 4.1 */
			tcp_dsack(t, p, s->seq, seq_min(s->seq + s->len, p->rcv_nxt));
		if (segment_speaks(s) || tcp_out_answer_allowed(t, p))
			tcp_out_ack_now(t, p);
	}
	tcp_in_drop(t, s, why);
	return false;
}

/* Second: check the RST bit (RFC 5961 3.2, RFC 9293 3.10.7.4). */
static bool step2_rst(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	if (!(s->flags & TCPF_RST))
		return true;
	if (s->seq != p->rcv_nxt) {
		if (seq_lt(s->seq, p->rcv_adv)) /* at the right edge it is outside */
			tcp_out_challenge(t, p);
		tcp_in_drop(t, s, DROP_TCP_RST_WINDOW);
		return false;
	}
	t->stats.resets_in++;
	if (p->state == TCP_SYN_RECEIVED)
		t->stats.attempt_fails++;
	tcp_done(t, p, p->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
	return false;
}

/* Fourth: check the SYN bit (RFC 5961 4.2): whatever its number, the peer is asked. */
static bool step4_syn(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	if (!(s->flags & TCPF_SYN))
		return true;
	tcp_out_challenge(t, p);
	tcp_in_drop(t, s, DROP_TCP_STATE);
	return false;
}

/* Cuts off what is not in the window. */
static void trim(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	uint32_t edge = seq_max(p->rcv_adv, p->rcv_nxt);

	if (seq_lt(s->seq, p->rcv_nxt)) {
		uint32_t old = p->rcv_nxt - s->seq;

		if (old > s->len)
			old = s->len;
		tcp_dsack(t, p, s->seq, s->seq + old); /* RFC 2883 4.2 */
		if (old > 0 && s->len == old)
			tcp_ack_quick_again(p);
		s->seq += old;
		s->off += old;
		s->len -= old;
		p->tflags |= TF_ACK_NOW;
	}
	if (seq_gt(s->seq + s->len, edge)) {
		s->len = edge - s->seq;
		s->flags &= (uint8_t)~TCPF_FIN;
		p->tflags |= TF_ACK_NOW;
		drop_count(t->drops, DROP_TCP_RCVBUF);
	}
	if (p->tflags & TF_ACK_NOW)
		tcp_out_mark(t, p);
}

/* RFC 7323 4.3: only a segment that the last ACK could have asked for renews the timestamp that is echoed. */
static void timestamp_renew(const struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	if ((p->tflags & TF_TS) && s->o.has_ts && seq_le(s->seq, p->last_ack_sent) && !tcp_paws_old(s, p->ts_recent)) {
		p->ts_recent = s->o.tsval;
		p->ts_recent_ms = t->clock->now_ms;
	}
}

static void heard(const struct tcp *t, struct tcp_pcb *p)
{
	p->rcv_tick = t->clock->tick;
	p->probes = 0;
}

/* Header prediction: established, in order, all in the window, nothing waiting out of order, nothing but ACK and PSH. */
static bool expected(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_seg *s)
{
	const uint8_t odd = TCPF_FIN | TCPF_SYN | TCPF_RST | TCPF_URG;
	const struct tcp_buf *b = tcp_buf_of(t, p);

	return p->state == TCP_ESTABLISHED && (s->flags & (odd | TCPF_ACK)) == TCPF_ACK && s->seq == p->rcv_nxt &&
	       seq_le(s->seq + s->len, p->rcv_adv) && (b == NULL || b->ooo == 0) &&
	       (!(p->tflags & TF_TS) || (s->o.has_ts && !tcp_paws_old(s, p->ts_recent)));
}

/* A Fast Open client repeats its SYN: our SYN-ACK was lost. */
static bool syn_again(const struct tcp_pcb *p, const struct tcp_seg *s)
{
	return p->state == TCP_SYN_RECEIVED && (s->flags & (TCPF_SYN | TCPF_ACK | TCPF_RST)) == TCPF_SYN && s->seq == p->snd_wl1;
}

void tcp_in_pcb(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	if (!expected(t, p, s)) {
		/* Crossed SYNs: the SYN of a SYN-ACK was seen before, its ACK is news (RFC 9293 figure 8). */
		if (p->state == TCP_SYN_RECEIVED && (s->flags & (TCPF_SYN | TCPF_ACK)) == (TCPF_SYN | TCPF_ACK) &&
		    s->seq + 1 == p->rcv_nxt) {
			if (unlikely(p->xflags & TX_FO_SYN) && s->ack - p->snd_nxt <= tcp_fo_syn_text(t, p)) { /* the text of the peer's SYN was not taken: it hears that now */
				tcp_dsack(t, p, s->seq, s->seq + 1);
				tcp_out_ack_now(t, p);
			}
			s->flags &= (uint8_t)~TCPF_SYN;
			s->seq++;
		}
		if (unlikely(p->xflags & TX_FO_PASSIVE) && syn_again(p, s)) {
			tcp_out_syn(t, p);
			tcp_in_drop(t, s, DROP_TCP_STATE);
			return;
		}
		if (!step1_seq(t, p, s) || !step2_rst(t, p, s) || !step4_syn(t, p, s))
			return;
		if (!(s->flags & TCPF_ACK)) { /* fifth: if the ACK bit is off, drop the segment */
			tcp_in_drop(t, s, DROP_TCP_STATE);
			return;
		}
		timestamp_renew(t, p, s);
		trim(t, p, s);
	} else {
		timestamp_renew(t, p, s);
	}
	heard(t, p);
	if (unlikely(s->o.uto != 0))
		tcp_uto_received(t, p, s->o.uto);
	if (unlikely(p->xflags & TX_EXT))
		tcp_ext_received(t, p, s->len, s->len > 0 ? tcp_seg_joined(s) : 1);
	if (!tcp_in_ack(t, p, s))
		return;
	if (unlikely(s->flags & TCPF_URG))
		tcp_in_urg(t, p, s);
	if (s->len > 0 && !tcp_in_text(t, p, s))
		return;
	if (s->flags & TCPF_FIN)
		tcp_in_fin(t, p, s);
}

static bool segment_parse(struct tcp_seg *s, struct net_pkt *pkt)
{
	const uint8_t *h = rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l4_off);
	struct tcp_view v;

	/* Header and options must be in the first segment of the mbuf: devices that split put them there. */
	if (pkt->m->data_len < pkt->l4_off + TCP_HDR_LEN || !tcp_parse(&v, h, pkt->l4_len) ||
	    pkt->m->data_len < pkt->l4_off + v.hdr_len)
		return false;
	tcp_opts_parse(&s->o, h + TCP_HDR_LEN, v.hdr_len - TCP_HDR_LEN);
	s->m = pkt->m;
	s->pkt = pkt;
	s->seq = v.seq;
	s->ack = v.ack;
	s->wnd = v.wnd;
	s->urp = v.urp;
	s->up = v.seq + v.urp;
	s->flags = v.flags;
	s->off = pkt->l4_off + v.hdr_len;
	s->len = pkt->l4_len - v.hdr_len;
	return true;
}

int tcp_input(struct tcp *t, struct net_pkt *pkt)
{
	int verdict = FLOW_DONE;
	struct tcp_seg s;
	flow_ref r;

	t->stats.segs_in++;
	if (!segment_parse(&s, pkt)) {
		drop_count(t->drops, DROP_TCP_BAD);
		rte_pktmbuf_free(pkt->m);
		return FLOW_DONE;
	}
	r = flow_find(t->flow, &t->flow->tcp, pkt->hash, &pkt->key);
	if (r == 0 && pkt->nic_hash && !net_hash_confirm(t->net, pkt))
		return FLOW_REHASHED;
	if (r == 0) {
		verdict = tcp_in_unknown(t, &s);
	} else if (ref_kind(r) == FLOW_CONN) {
		struct tcp_pcb *p = tcp_pcb_at(t, r);

		if (unlikely(p->xflags & TX_MIN_TTL) && pkt->ttl < tcp_opt(t, p)->min_ttl)
			drop_count(t->drops, DROP_TCP_MINTTL);
		else if (p->state == TCP_SYN_SENT)
			tcp_in_synsent(t, p, &s);
		else
			tcp_in_pcb(t, p, &s);
	} else if (ref_kind(r) == FLOW_SYNRCVD) {
		verdict = tcp_in_synrcvd(t, tcp_synrcvd_at(t, r), &s);
	} else if (ref_kind(r) == FLOW_TIMEWAIT) {
		verdict = tcp_in_timewait(t, tcp_timewait_at(t, r), &s);
	} else {
		verdict = flow_away_at(t->flow, r)->stack;
	}
	if (unlikely(verdict != FLOW_DONE))
		t->stats.segs_in--; /* counted where it is going */
	else if (s.m != NULL)
		rte_pktmbuf_free(s.m);
	return verdict;
}
