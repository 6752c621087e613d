/* segment.c: building segments: windows, headers, options; with a connection behind them or without. */
#include <netinet/in.h>

#include "tcp/ack.h"
#include "tcp/buf.h"
#include "tcp/ecn.h"
#include "tcp/ext.h"
#include "tcp/fastopen.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/sack_out.h"
#include "tcp/urgent.h"
#include "tcp/uto.h"

/* ---- the receive window ---- */

static uint32_t window_space(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = tcp_buf_of(t, p);
	uint32_t unread = b != NULL ? b->rcv_len : 0;
	uint32_t space = p->rcvbuf > unread ? p->rcvbuf - unread : 0;
	uint32_t most = 65535u << (p->wscale >> 4), clamp = tcp_opt(t, p)->window_clamp;

	if (unlikely(clamp != 0) && clamp < most)
		most = clamp;

	return space < most ? space : most;
}

uint32_t tcp_out_window_gain(const struct tcp *t, const struct tcp_pcb *p)
{
	int32_t gain = (int32_t)(p->rcv_nxt + window_space(t, p) - p->rcv_adv);

	return gain > 0 ? (uint32_t)gain : 0;
}

/* The right edge is moved by at least a segment or half the buffer, or not at all (receiver's SWS avoidance). What is
 * announced is rounded up to the scale's unit, always counted from the true edge: the error stays below one unit, and rcv_adv,
 * up to which data is accepted, never goes back (RFC 7323 2.4). */
uint16_t tcp_out_window(const struct tcp *t, struct tcp_pcb *p)
{
	unsigned shift = p->wscale >> 4;
	uint32_t unit = 1u << shift, step = p->rcvbuf / 2 < p->mss ? p->rcvbuf / 2 : p->mss;
	uint32_t edge = p->rcv_nxt + window_space(t, p);
	int32_t gain = (int32_t)(edge - p->rcv_adv);
	uint32_t field;

	if (gain >= 0 ? (uint32_t)gain < step : (uint32_t)-gain >= unit)
		edge = p->rcv_adv;
	if (seq_le(edge, p->rcv_nxt))
		return 0;
	field = (edge - p->rcv_nxt + unit - 1) >> shift;
	if (field > 65535)
		field = 65535;
	p->rcv_adv = seq_max(p->rcv_adv, p->rcv_nxt + (field << shift));
	return (uint16_t)field;
}

/* ---- building ---- */

/* An mbuf with this header; the caller appends payload. */
static __rte_always_inline struct rte_mbuf *segment_new(struct tcp *t, const struct tcp_view *v, const struct tcp_opts *o)
{
	struct rte_mbuf *m = pkt_tx_alloc(t->tx);

	if (m == NULL)
		return NULL;
	m->data_len = (uint16_t)tcp_emit(rte_pktmbuf_mtod(m, void *), v, o);
	m->pkt_len = m->data_len;
	t->stats.segs_out++;
	return m;
}

static void ports_fill(struct tcp_view *v, const struct flow_key *key)
{
	v->sport = rte_be_to_cpu_16(key->lport_be);
	v->dport = rte_be_to_cpu_16(key->rport_be);
}

/* The header of a segment of an established connection. */
static inline struct rte_mbuf *segment_of(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint8_t flags)
{
	const uint8_t ece = p->xflags & TX_ECN_ECE ? TCPF_ECE : 0;
	struct tcp_view v = {.seq = seq, .ack = p->rcv_nxt, .flags = flags | TCPF_ACK | ece, .wnd = tcp_out_window(t, p)};
	struct tcp_opts o = {.has_ts = p->tflags & TF_TS, .tsval = tcp_now_ts(t, p->ts_offset), .tsecr = p->ts_recent};
	const struct tcp_buf *b = tcp_buf_of(t, p);

	if (unlikely(b != NULL && b->tell != 0)) {
		v.urp = tcp_urgent_pointer(p, b, seq, &v.flags);
		if (b->tell & BUF_SACK)
			tcp_sack_fill(t, p, b, &o);
	}
	ports_fill(&v, &p->c.h.key);
	return segment_new(t, &v, &o);
}

static inline void out_ip(struct tcp *t, struct tcp_pcb *p, struct rte_mbuf *m, uint8_t ect)
{
	struct path *path = path_at(&t->net->paths, p->c.h.path);
	const struct tcp_optext *x = tcp_opt(t, p);

	if (unlikely(tcp_opt_unusual_df(x)) && path->l3_len == IP4_HDR_LEN)
		net_ip4_output_as(t->net, path, m, IPPROTO_TCP, x->tos | ect, x->ttl, NET_OUT_NO_DF);
	else if (likely(path->l3_len == IP4_HDR_LEN))
		net_ip4_output(t->net, path, m, IPPROTO_TCP, x->tos | ect, x->ttl);
	else
		net_ip6_output(t->net, path, m, IPPROTO_TCP, x->tclass6 | ect, x->hops6, p->c.h.hash);
}

/* It carries the ACK, too. ect: its codepoint of RFC 3168. */
static inline void segment_send(struct tcp *t, struct tcp_pcb *p, struct rte_mbuf *m, uint8_t ect)
{
	struct tcp_buf *b = tcp_buf_of(t, p);

	if (unlikely(b != NULL && (b->tell & BUF_SACK)))
		tcp_sack_told(p, b);
	if (p->tflags & TF_ACK_NOW)
		tcp_ack_quick_sent(p);
	p->last_ack_sent = p->rcv_nxt;
	p->tflags &= ~TF_ACK_OWED;
	out_ip(t, p, m, ect);
}

/* What few connections have: ECN, and books. The segment will leave. Returns its codepoint. */
static __rte_noinline uint8_t segment_special(struct tcp *t, struct tcp_pcb *p, struct rte_mbuf *m, uint32_t seq, uint32_t len,
					      uint32_t segs)
{
	uint8_t ect = 0;

	if (p->xflags & TX_ECN)
		ect = tcp_ecn_mark(p, seq, len, rte_pktmbuf_mtod_offset(m, uint8_t *, TCP_FLAGS_OFF));
	if (p->xflags & TX_EXT)
		tcp_ext_sent(t, p, seq, len, segs);
	return ect;
}

bool tcp_out_segment(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct rte_mbuf *m = segment_of(t, p, seq, flags);
	uint8_t ect = 0;

	if (m == NULL)
		return false;
	if (unlikely(p->xflags & (TX_ECN | TX_EXT)))
		ect = segment_special(t, p, m, seq, len, 1);
	if (len > 0) {
		tcp_ack_answered(t, p);
		tcp_buf_snd_copy(tcp_buf_of(t, p), p->snd_una, seq, rte_pktmbuf_mtod_offset(m, void *, m->data_len), len);
		m->data_len = (uint16_t)(m->data_len + len);
		m->pkt_len = m->data_len;
	}
	segment_send(t, p, m, ect);
	return true;
}

/* Copies len bytes of the stream from seq on behind the header, into as many mbufs as it takes. False: there are not enough. */
static bool large_fill(struct tcp *t, struct tcp_pcb *p, struct rte_mbuf *head, uint32_t seq, uint32_t len)
{
	struct rte_mbuf *m = head;

	for (;;) {
		uint32_t room = rte_pktmbuf_tailroom(m), n = len < room ? len : room;

		tcp_buf_snd_copy(tcp_buf_of(t, p), p->snd_una, seq, rte_pktmbuf_mtod_offset(m, void *, m->data_len), n);
		m->data_len = (uint16_t)(m->data_len + n);
		head->pkt_len += n;
		seq += n;
		len -= n;
		if (len == 0)
			return true;
		m->next = pkt_tx_alloc(t->tx);
		m = m->next;
		if (m == NULL)
			return false;
		head->nb_segs++;
	}
}

bool tcp_out_large(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t flags, uint32_t mss)
{
	struct rte_mbuf *m;
	uint8_t ect = 0;

	if (unlikely(tcp_buf_of(t, p)->tell & (BUF_URG_SEND | BUF_SACK))) /* not the same in each of the segments: singly */
		return false;
	m = segment_of(t, p, seq, flags);
	if (m == NULL)
		return false;
	m->l4_len = m->data_len;
	m->tso_segsz = (uint16_t)mss;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	if (!large_fill(t, p, m, seq, len)) {
		t->stats.segs_out--;
		rte_pktmbuf_free(m);
		return false;
	}
	t->stats.segs_out += (len - 1) / mss;
	tcp_ack_answered(t, p);
	if (p->xflags & (TX_ECN | TX_EXT))
		ect = segment_special(t, p, m, seq, len, (len + mss - 1) / mss);
	segment_send(t, p, m, ect);
	return true;
}

/* The number of a segment without text. It lies behind all that was sent, as far as the window allows: a peer that has taken
 * its window back (but for what scaling hides) would find it outside and never look at it; two peers in that situation would
 * answer each other for ever. As Linux tcp_acceptable_seq(). */
static uint32_t bare_seq(const struct tcp_pcb *p)
{
	uint32_t edge = p->snd_una + p->snd_wnd;

	return (int32_t)(p->snd_nxt - edge) < (1 << (p->wscale & 15)) ? p->snd_nxt : edge;
}

bool tcp_out_ack(struct tcp *t, struct tcp_pcb *p) { return tcp_out_segment(t, p, bare_seq(p), 0, 0); }

void tcp_out_ack_at(struct tcp *t, struct tcp_pcb *p, uint32_t seq) { tcp_out_segment(t, p, seq, 0, 0); }

static void fastopen_put(struct tcp_opts *o, const struct tcp_fo_option *fo)
{
	if (likely(fo == NULL))
		return;
	o->has_fo = true;
	o->fo_exp = fo->exp;
	o->fo_len = fo->len;
	o->fo = fo->cookie;
}

void tcp_out_syn(struct tcp *t, struct tcp_pcb *p) { tcp_out_syn_open(t, p, NULL, 0); }

bool tcp_out_syn_open(struct tcp *t, struct tcp_pcb *p, const struct tcp_fo_option *fo, uint32_t text)
{
	const struct tcp_optext *x = tcp_opt(t, p);
	bool synack = p->state == TCP_SYN_RECEIVED;
	uint32_t wnd = p->rcvbuf < 65535 ? p->rcvbuf : 65535;
	/* Of a Fast Open server's, the SYN counts as acknowledged already. */
	struct tcp_view v = {.seq = p->snd_una - !!(p->xflags & TX_FO_PASSIVE), .flags = TCPF_SYN, .wnd = (uint16_t)wnd};
	struct tcp_opts o = {.has_mss = true, .mss = tcp_announced_mss(t, p->c.h.path, x)};
	struct rte_mbuf *m;
	uint8_t ect = 0;

	if (!tcp_out_room(t, p->c.h.path)) {
		p->tflags |= TF_SYN_DUE;
		tcp_out_mark(t, p);
		return false;
	}
	p->tflags &= ~TF_SYN_DUE;
	/* A SYN offers all that settings allow; a SYN-ACK only what the SYN had (RFC 7323 1.3, RFC 2018 section 2). */
	o.sack_ok = !synack ? !(t->without & TCP_NO_SACK) : (p->xflags & TX_SACK) != 0;
	o.has_ts = !synack ? !(t->without & TCP_NO_TIMESTAMPS) : (p->tflags & TF_TS) != 0;
	o.tsval = tcp_now_ts(t, p->ts_offset);
	o.tsecr = synack ? p->ts_recent : 0;
	o.has_wscale = !synack ? !(t->without & TCP_NO_WINDOW_SCALE) : p->wscale != 0;
	o.wscale = p->wscale >> 4;
	o.uto = tcp_uto_advertised(t, p);
	if (synack) { /* what was announced; text of the SYN is in it */
		v.wnd = (uint16_t)(seq_gt(p->rcv_adv, p->rcv_nxt + wnd) ? wnd : p->rcv_adv - p->rcv_nxt);
		v.flags |= TCPF_ACK;
		v.ack = p->rcv_nxt;
		p->last_ack_sent = p->rcv_nxt;
		p->tflags &= ~TF_ACK_OWED;
	}
	fastopen_put(&o, fo);
	v.flags |= tcp_ecn_syn_flags(t, p, &ect);
	ports_fill(&v, &p->c.h.key);
	m = segment_new(t, &v, &o);
	if (m == NULL)
		return false;
	if (unlikely(text > 0)) {
		tcp_buf_snd_copy(tcp_buf_of(t, p), p->snd_nxt, p->snd_nxt, rte_pktmbuf_mtod_offset(m, void *, m->data_len), text);
		m->data_len = (uint16_t)(m->data_len + text);
		m->pkt_len = m->data_len;
	}
	out_ip(t, p, m, ect);
	return true;
}

static void synack_of(const struct tcp_synrcvd *sr, uint32_t tsval, struct tcp_view *v, struct tcp_opts *o)
{
	*v = (struct tcp_view){.seq = sr->iss, .ack = sr->irs + 1, .flags = TCPF_SYN | TCPF_ACK, .wnd = sr->wnd};
	if (sr->ecn)
		v->flags |= TCPF_ECE;
	*o = (struct tcp_opts){.has_mss = true, .mss = sr->own_mss, .has_ts = sr->ts, .tsval = tsval, .tsecr = sr->ts_recent,
			       .has_wscale = sr->ws, .wscale = sr->wscale >> 4, .sack_ok = sr->sack};
}

void tcp_out_synack(struct tcp *t, struct tcp_synrcvd *sr, const struct tcp_fo_option *fo)
{
	struct tcp_view v;
	struct tcp_opts o;

	synack_of(sr, tcp_now_ts(t, sr->ts_offset), &v, &o);
	fastopen_put(&o, fo);
	tcp_out_bare(t, &sr->h.key, sr->h.path, &v, &o, sr->tos);
}

void tcp_out_synack_back(struct tcp *t, const struct tcp_synrcvd *sr, const struct net_pkt *pkt, uint32_t tsval)
{
	struct tcp_view v;
	struct tcp_opts o;
	struct rte_mbuf *m;

	synack_of(sr, tsval, &v, &o);
	ports_fill(&v, &sr->h.key);
	m = segment_new(t, &v, &o);
	if (m != NULL)
		net_back(t->net, pkt, m, IPPROTO_TCP, sr->tos, TCP_TTL_DEFAULT);
}

void tcp_out_bare(struct tcp *t, const struct flow_key *key, uint32_t path, struct tcp_view *v,
		  const struct tcp_opts *o, uint8_t tos)
{
	struct rte_mbuf *m;

	ports_fill(v, key);
	m = segment_new(t, v, o);
	if (m != NULL) /* the flow's label, of IPv6, is the same with and without a connection (RFC 6437 3) */
		net_output(t->net, path_at(&t->net->paths, path), m, IPPROTO_TCP, tos, flow_addr_is6(key->raddr_be) ? 0 : TCP_TTL_DEFAULT,
			   flow_addr_is6(key->raddr_be) ? flow_hash6(t->flow, key) : 0);
	if (v->flags & TCPF_RST)
		t->stats.resets_out++;
}

void tcp_out_rst(struct tcp *t, struct tcp_pcb *p)
{
	t->stats.resets_out++;
	tcp_out_segment(t, p, bare_seq(p), 0, TCPF_RST);
}

bool tcp_out_answer_allowed(struct tcp *t, const struct tcp_pcb *p)
{
	uint16_t *last = (uint16_t *)t->answered.base + ref_index(tcp_pcb_ref(t, p)), now = tcp_answer_slot(t);

	if (*last == now)
		return false;
	*last = now;
	return true;
}

void tcp_out_challenge(struct tcp *t, struct tcp_pcb *p)
{
	if (!tcp_out_answer_allowed(t, p))
		return;
	t->stats.challenge_acks++;
	tcp_out_ack_now(t, p);
}
