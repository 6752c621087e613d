/* life.c: how connections begin and end. */
#include "tcp/life.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/assert.h"
#include "flow/away.h"
#include "tcp/autotune.h"
#include "tcp/buf.h"
#include "tcp/cc.h"
#include "tcp/ext.h"
#include "tcp/fastopen.h"
#include "tcp/flood.h"
#include "tcp/out.h"
#include "tcp/rtx.h"
#include "tcp/shared.h"
#include "tcp/timers.h"
#include "wire/tcp.h"

/* ---- beginning ---- */

uint8_t tcp_wscale_for(const struct tcp *t, const struct tcp_pcb *p)
{
	uint32_t most = tcp_rcvbuf_most(t, p);
	uint32_t s = most <= 65535 ? 0 : 32 - (uint32_t)__builtin_clz((most - 1) / 65535);

	return (uint8_t)RTE_MIN(s, (uint32_t)TCP_WSCALE_MAX);
}

uint16_t tcp_listener_window(const struct tcp_pcb *l) { return (uint16_t)(l->rcvbuf < 65535 ? l->rcvbuf : 65535); }

uint16_t tcp_mss_within(uint32_t mtu, uint32_t l3_len, const struct tcp_optext *x)
{
	uint32_t mss = mtu - l3_len - TCP_HDR_LEN;

	return (uint16_t)(x->maxseg != 0 && x->maxseg < mss ? x->maxseg : mss);
}

uint16_t tcp_announced_mss(const struct tcp *t, uint32_t path, const struct tcp_optext *x)
{
	const struct path *way = path_at(&t->net->paths, path);
	uint16_t mss = tcp_mss_within(way->pmtu, way->l3_len, x);

	/* We know our peer: it cuts by seg_max, too. What comes in one frame then counts as several, and is acknowledged so. */
	return unlikely(way->port == NET_PORT_LOOP) && mss > t->seg_max ? t->seg_max : mss;
}

void tcp_pcb_start(struct tcp *t, struct tcp_pcb *p, uint32_t iss, uint32_t ts_offset)
{
	p->snd_una = iss;
	p->snd_nxt = iss + 1;
	p->ts_offset = ts_offset;
	p->srtt_us8 = p->rttvar_us4 = 0;
	p->rcv_mss = TCP_MSS_FALLBACK;
	p->backoff = p->dupacks = p->probes = p->soft_error = 0;
	tcp_ext_free(t, p); /* of an earlier connection */
	p->xflags = (p->xflags & ~TX_CONNECTION) | TX_QUICK_MASK;
	p->snd_wnd_max = 0;
	p->rcv_tick = p->rtx_tick = t->clock->tick;
	p->mss = TCP_MSS_FALLBACK;
	p->cwnd = p->mss;
	p->syn_us = (uint32_t)t->clock->now_us;
}

void tcp_pcb_peer(struct tcp *t, struct tcp_pcb *p, uint16_t peer_mss)
{
	uint32_t mss = tcp_announced_mss(t, p->c.h.path, tcp_opt(t, p));

	if (peer_mss < TCP_MSS_MIN)
		peer_mss = TCP_MSS_MIN;
	if (peer_mss < mss)
		mss = peer_mss;
	if (p->tflags & TF_TS) /* options come out of the MSS (RFC 9293 3.7.1, RFC 6691) */
		mss -= 12;
	p->mss = (uint16_t)(mss < t->seg_max ? mss : t->seg_max);
	tcp_cc_of(p)->start(t, p);
}

/* What a connection has from its listener. */
static void inherit(struct tcp *t, struct tcp_pcb *p, const struct tcp_listener *l)
{
	const struct tcp_pcb *from = (const struct tcp_pcb *)l;

	p->sndbuf = from->sndbuf;
	p->rcvbuf = from->rcvbuf;
	p->c.more = from->c.more & (uint8_t)~CONN_MORE_PORT_CHOSEN;
	p->xflags |= from->xflags & (TX_CC_MASK | TX_MIN_TTL);
	p->tflags = from->tflags & (TF_NODELAY | TF_CORK | TF_KEEPALIVE | TF_PINGPONG);
	if (from->opts != 0) {
		const struct tcp_optext *x = tcp_opt(t, from);
		struct tcp_optext *own = tcp_opt_need(t, p);

		memcpy((char *)own + sizeof(own->pool_link), (const char *)x + sizeof(x->pool_link),
		       sizeof(*own) - sizeof(own->pool_link));
		own->fastopen = 0; /* the listener's own */
		own->fo_flags = 0;
	}
}

static void accept_queue_put(struct tcp *t, struct tcp_listener *l, struct tcp_pcb *p)
{
	flow_ref r = tcp_pcb_ref(t, p);

	p->c.listener = conn_ref(t->flow, &l->c);
	p->c.ready_next = 0;
	if (l->accept_tail != 0)
		tcp_pcb_at(t, l->accept_tail)->c.ready_next = r;
	else
		l->accept_head = r;
	l->accept_tail = r;
	l->n_accept++;
	ready_mark(t->flow, &l->c, EPOLLIN);
}

/* The pcb of a handshake that is complete, in no table yet. NULL: cannot be now. */
static struct tcp_pcb *passive_pcb(struct tcp *t, const struct tcp_listener *l, const struct tcp_synrcvd *sr)
{
	struct tcp_pcb *p;

	if (l->n_accept > l->backlog)
		return NULL;
	p = (struct tcp_pcb *)conn_new(t->flow, CONN_TCP);
	if (p == NULL) {
		t->stats.conn_full++;
		return NULL;
	}
	p->c.h.key = sr->h.key;
	p->c.h.hash = sr->h.hash;
	p->c.h.path = sr->h.path;
	inherit(t, p, l);
	tcp_pcb_start(t, p, sr->iss, sr->ts_offset);
	p->syn_us = sr->sent_us;
	p->backoff = sr->retries; /* Karn: a repeated SYN-ACK is not timed */
	p->wscale = sr->wscale;
	p->rcv_nxt = p->last_ack_sent = sr->irs + 1;
	p->rcv_adv = p->rcv_nxt + sr->wnd;
	if (sr->ts) {
		p->tflags |= TF_TS;
		p->ts_recent = sr->ts_recent;
		p->ts_recent_ms = t->clock->now_ms;
	}
	if (sr->sack)
		p->xflags |= TX_SACK;
	if (sr->cookie)
		p->xflags |= TX_UNTIMED;
	if (sr->ecn)
		p->xflags |= TX_ECN;
	tcp_pcb_peer(t, p, sr->peer_mss);
	return p;
}

/* It is in the table: the listener has one more. */
static void passive_begin(struct tcp *t, struct tcp_listener *l, struct tcp_pcb *p)
{
	p->c.flags |= CONN_IN_TABLE;
	if (flow_elsewhere(t->flow, p->c.h.hash)) /* its packets find the way here also when the listener is gone */
		flow_claim_sure(t->flow, IPPROTO_TCP, &p->c.h.key, p->c.h.hash);
	t->stats.passive_opens++;
	tcp_syn_earned(t);
	tcp_state_set(t, p, TCP_SYN_RECEIVED); /* its ACK is the segment at hand */
	accept_queue_put(t, l, p);
}

struct tcp_pcb *tcp_passive_new(struct tcp *t, struct tcp_listener *l, struct tcp_synrcvd *sr)
{
	struct tcp_pcb *p = passive_pcb(t, l, sr);
	flow_ref from = tcp_synrcvd_ref(t, sr);

	if (p == NULL)
		return NULL;
	flow_timer_clear(t->flow, from);
	table_replace(&t->flow->tcp, sr->h.hash, from, tcp_pcb_ref(t, p));
	pool_put(&t->flow->pool[FLOW_SYNRCVD], ref_index(from));
	t->stats.synrcvd--;
	passive_begin(t, l, p);
	return p;
}

struct tcp_pcb *tcp_passive_forgotten(struct tcp *t, struct tcp_listener *l, const struct tcp_synrcvd *sr)
{
	struct tcp_pcb *p = table_full(&t->flow->tcp) ? NULL : passive_pcb(t, l, sr);
	int err;

	if (p == NULL)
		return NULL;
	err = table_insert(&t->flow->tcp, sr->h.hash, tcp_pcb_ref(t, p));
	SPATE_ASSERT(err == 0);
	passive_begin(t, l, p);
	return p;
}

/* ---- ending ---- */

void tcp_unbind(struct tcp *t, struct tcp_pcb *p)
{
	bind_remove(&t->binds, tcp_pcb_ref(t, p), p->c.h.key.lport_be);
	tcp_announce_gone(t, p);
	p->c.flags &= (uint8_t)~CONN_BOUND_PORT;
	p->c.more &= (uint8_t)~CONN_MORE_PORT_CHOSEN;
}

void tcp_leave(struct tcp *t, struct tcp_pcb *p)
{
	if (p->c.flags & CONN_IN_TABLE) {
		table_remove(&t->flow->tcp, p->c.h.hash, tcp_pcb_ref(t, p));
		p->c.flags &= (uint8_t)~CONN_IN_TABLE;
		if (flow_elsewhere(t->flow, p->c.h.hash))
			flow_release(t->flow, IPPROTO_TCP, &p->c.h.key, p->c.h.hash);
	}
	if (p->tflags & TF_EPORT)
		eport_put(t->eport, &p->c.h.key);
	p->tflags &= ~TF_EPORT;
	if (p->c.h.path != 0)
		net_path_put(t->net, p->c.h.path);
	p->c.h.path = 0;
}

void tcp_pcb_free(struct tcp *t, struct tcp_pcb *p)
{
	SPATE_ASSERT(p->state == TCP_CLOSED && !(p->c.flags & CONN_IN_TABLE));
	tcp_timers_clear(t, p);
	tcp_buf_free(t, p);
	tcp_ext_free(t, p);
	tcp_opt_free(t, p);
	ready_unlink(t->flow, &p->c);
	if (p->c.flags & CONN_BOUND_PORT)
		tcp_unbind(t, p);
	if (p->tflags & TF_OUT)
		p->tflags |= TF_ZOMBIE; /* tcp_flush() comes across it */
	else
		conn_free(t->flow, &p->c);
}

void tcp_done(struct tcp *t, struct tcp_pcb *p, int err)
{
	struct tcp_buf *b = tcp_buf_of(t, p);

	tcp_timers_clear(t, p);
	if (unlikely(p->xflags & TX_FO_PASSIVE))
		tcp_fo_failed(t, p);
	p->xflags &= p->state == TCP_SYN_SENT ? ~TX_FO : ~(TX_FO & ~TX_FO_TAKEN); /* TCP_INFO tells it still */
	tcp_leave(t, p);
	if (b != NULL) { /* what was received may still be read */
		tcp_buf_snd_drop(t, b);
		tcp_buf_ooo_drop(t, b);
		tcp_buf_settle(t, p, b);
	}
	tcp_state_set(t, p, TCP_CLOSED);
	p->tflags = (p->tflags & (TF_KEEP_MASK | TF_CONNECTED)) | TF_SHUT_RD | TF_SHUT_WR | TF_DEAD;
	if (p->c.flags & CONN_ORPHAN) {
		tcp_pcb_free(t, p);
		return;
	}
	if (err != 0)
		p->c.so_error = (uint8_t)err;
	ready_mark(t->flow, &p->c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | (err != 0 ? EPOLLERR : 0u));
}

void tcp_abort(struct tcp *t, struct tcp_pcb *p, int err)
{
	tcp_out_rst(t, p);
	tcp_done(t, p, err);
}

bool tcp_orphan_finwait2(struct tcp *t, struct tcp_pcb *p)
{
	int32_t linger2_s = tcp_opt(t, p)->linger2_s;

	if (linger2_s < 0) {
		tcp_abort(t, p, 0);
		return false;
	}
	tcp_timer_misc_in(t, p, linger2_s != 0 ? (uint64_t)linger2_s * 1000 : TCP_FINWAIT2_MS);
	return true;
}

void tcp_listener_close(struct tcp *t, struct tcp_listener *l)
{
	while (l->accept_head != 0) {
		struct tcp_pcb *p = tcp_accept(t, &l->c);

		p->c.flags |= CONN_ORPHAN;
		if (p->state == TCP_CLOSED)
			tcp_pcb_free(t, p);
		else
			tcp_abort(t, p, 0);
	}
}
