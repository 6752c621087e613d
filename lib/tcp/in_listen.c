/* in_listen.c: RFC 9293 3.10.7.1 and 3.10.7.2: segments for no connection: a listener's, or nobody's. */
#include <errno.h>
#include <netinet/in.h>

#include "flow/away.h"
#include "net/either.h"
#include "tcp/cookie.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/flood.h"
#include "tcp/in.h"
#include "tcp/out.h"
#include "tcp/shared.h"

struct tcp_listener *tcp_listener_for(const struct tcp *t, uint8_t iface, const struct flow_key *key, uint32_t hash)
{
	flow_ref r = bind_find_by(&t->binds, iface, key->laddr_be, key->lport_be, hash, true);

	if (r == 0 || conn_at(t->flow, r)->type != CONN_LISTEN)
		return NULL;
	return (struct tcp_listener *)conn_at(t->flow, r);
}

/* The half-open connection that a SYN asks for. NULL: no room. */
static struct tcp_synrcvd *synrcvd_new(struct tcp *t, const struct tcp_seg *s, uint8_t via)
{
	struct pool *pool = &t->flow->pool[FLOW_SYNRCVD];
	const struct net_pkt *pkt = s->pkt;
	struct tcp_synrcvd *sr;
	uint32_t idx;
	int err;

	idx = t->stats.synrcvd < t->synrcvd_max ? pool_get(pool) : 0;
	if (idx == 0)
		return NULL;
	sr = pool_at(pool, idx);
	memset(sr, 0, sizeof(*sr));
	sr->h.key = pkt->key;
	sr->h.hash = pkt->hash;
	sr->h.path = net_path_back_via(t->net, pkt, &sr->h.key, via, &err);
	if (sr->h.path == 0)
		goto no_path;
	if (table_insert(&t->flow->tcp, pkt->hash, ref_make(FLOW_SYNRCVD, idx)) != 0)
		goto no_slot;
	t->stats.synrcvd++;
	return sr;
no_slot:
	net_path_put(t->net, sr->h.path);
no_path:
	pool_put(pool, idx);
	return NULL;
}

void tcp_synrcvd_fill(const struct tcp *t, const struct tcp_pcb *opts, const struct tcp_seg *s, struct tcp_synrcvd *sr)
{
	sr->irs = s->seq;
	sr->ts = s->o.has_ts && !(t->without & TCP_NO_TIMESTAMPS);
	sr->ts_recent = sr->ts ? s->o.tsval : 0;
	sr->ws = s->o.has_wscale && !(t->without & TCP_NO_WINDOW_SCALE);
	sr->sack = s->o.sack_ok && !(t->without & TCP_NO_SACK);
	if (sr->ws) {
		uint8_t snd = s->o.wscale < TCP_WSCALE_MAX ? s->o.wscale : TCP_WSCALE_MAX;

		sr->wscale = (uint8_t)(tcp_wscale_for(t, opts) << 4 | snd);
	}
	sr->wnd = tcp_listener_window(opts);
	sr->peer_mss = s->o.has_mss ? s->o.mss : tcp_fallback_mss(&s->pkt->key);
	sr->tos = s->pkt->ip6 ? tcp_opt(t, opts)->tclass6 : tcp_opt(t, opts)->tos;
	if (unlikely(s->flags & TCPF_ECE))
		sr->ecn = tcp_ecn_accept(t, opts, s, &sr->tos);
	sr->sent_us = (uint32_t)t->clock->now_us;
}

void tcp_in_syn(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s, uint32_t iss)
{
	const struct tcp_pcb *opts = (const struct tcp_pcb *)l;
	struct tcp_fo_option fo;
	struct tcp_synrcvd *sr;
	bool has_fo = false;

	if (l->n_accept > l->backlog) { /* Linux sk_acceptq_is_full(): one more than was asked for */
		tcp_in_drop(t, s, DROP_TCP_BACKLOG);
		return;
	}
	if (tcp_cookie_due(t) && iss == 0) { /* after TIME-WAIT the number is not free to choose */
		if (tcp_syn_taken(t, s->pkt))
			tcp_cookie_answer(t, l, s);
		else
			tcp_in_drop(t, s, DROP_TCP_SYN_EXCESS);
		return;
	}
	if (unlikely(t->fastopen & TCP_FO_SERVER) && tcp_fo_syn(t, l, s, iss, &fo, &has_fo))
		return;
	sr = synrcvd_new(t, s, tcp_via(t, opts));
	if (sr == NULL) {
		tcp_in_drop(t, s, DROP_TCP_SYN_FULL);
		return;
	}
	tcp_isn(t, &sr->h.key, &sr->iss, &sr->ts_offset);
	if (iss != 0)
		sr->iss = iss;
	tcp_synrcvd_fill(t, opts, s, sr);
	sr->own_mss = tcp_announced_mss(t, sr->h.path, tcp_opt(t, opts));
	tcp_out_synack(t, sr, has_fo ? &fo : NULL);
	flow_timer_set(t->flow, tcp_synrcvd_ref(t, sr), t->clock->tick + ticks_from_us(TCP_RTO_INITIAL_US));
}

/* An own listener comes first, unless another's names the very address. Behind a twin the owner may have a handshake that
 * began before there was the twin: what is not a SYN goes there, and comes back as a reset if it has none. */
int tcp_in_elsewhere(const struct tcp *t, const struct tcp_seg *s)
{
	const struct net_pkt *pkt = s->pkt;
	const struct tcp_listener *l;
	flow_ref r;

	if (mail_alone(t->flow->mail) || flow_elsewhere(t->flow, pkt->hash)) /* sent on already: never further */
		return FLOW_DONE;
	r = bind_find_by(&t->binds, pkt->iface, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash, false);
	if (r == 0)
		return FLOW_DONE;
	if (ref_kind(r) == FLOW_REMOTE)
		return (int)ref_index(r);
	l = (const struct tcp_listener *)conn_at(t->flow, r);
	if ((s->flags & (TCPF_SYN | TCPF_ACK)) == TCPF_SYN || l->c.type != CONN_LISTEN || !tcp_is_twin(l) || tcp_cookie_acked(t, s))
		return FLOW_DONE;
	return tcp_twin_owner(l);
}

/* RFC 9293 3.10.7.1 */
static void in_closed(struct tcp *t, struct tcp_seg *s)
{
	tcp_in_reset(t, s, 0);
	tcp_in_drop(t, s, DROP_TCP_NO_SOCKET);
}

/* 3.10.7.2. First: RST. Second: ACK. Third: SYN. */
static void in_listen(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s)
{
	if (s->flags & TCPF_RST) {
		tcp_in_drop(t, s, DROP_TCP_STATE);
	} else if (s->flags & TCPF_ACK) {
		if (tcp_cookie_ack(t, l, s))
			return;
		tcp_in_reset(t, s, 0);
		tcp_in_drop(t, s, DROP_TCP_STATE);
	} else if ((s->flags & (TCPF_SYN | TCPF_FIN)) == TCPF_SYN) {
		tcp_in_syn(t, l, s, 0); /* its text is not taken: the peer sends it again after the handshake */
	} else {
		tcp_in_drop(t, s, DROP_TCP_STATE);
	}
}

int tcp_in_unknown(struct tcp *t, struct tcp_seg *s)
{
	const struct net_pkt *pkt = s->pkt;
	int stack = tcp_in_elsewhere(t, s);
	struct tcp_listener *l;

	if (stack != FLOW_DONE)
		return stack;
	l = tcp_listener_for(t, pkt->iface, &pkt->key, pkt->hash);
	if (flow_elsewhere(t->flow, pkt->hash) && (l == NULL || (s->flags & (TCPF_SYN | TCPF_ACK)) != TCPF_SYN))
		net_release_stale(t->net, pkt);
	if (l == NULL)
		in_closed(t, s);
	else if (unlikely(((const struct tcp_pcb *)l)->xflags & TX_MIN_TTL) && pkt->ttl < tcp_opt(t, (const struct tcp_pcb *)l)->min_ttl)
		tcp_in_drop(t, s, DROP_TCP_MINTTL);
	else
		in_listen(t, l, s);
	return FLOW_DONE;
}
