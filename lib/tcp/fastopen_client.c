/* fastopen_client.c: the client's half of TCP Fast Open (RFC 7413 4.1 and 4.2.1): cookies by server, SYNs with data, and what
 * to do where such SYNs get lost. */
#include <errno.h>

#include "tcp/fastopen.h"
#include "tcp/out.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"

/* ---- the cache ---- */

/* A number for the pair of addresses: those of IPv6 have none of their own that lasts. */
static uint64_t peer_id(const struct tcp *t, const struct flow_key *key)
{
	const rte_be32_t addrs[2] = {key->laddr_be, key->raddr_be};
	struct flow_tuple6 t6;

	if (likely(!flow_addr_is6(key->raddr_be)))
		return siphash(&t->fo_key, addrs, sizeof(addrs)) | 1;
	flow_tuple6_fill(t->flow, key, &t6);
	t6.lport_be = t6.rport_be = 0;
	return siphash(&t->fo_key, &t6, sizeof(t6)) | 1;
}

/* The server's entry, or NULL; made (in place of its set's oldest) when make. */
static struct tcp_fo_peer *peer_of(struct tcp *t, const struct flow_key *key, bool make)
{
	uint64_t id = peer_id(t, key);
	struct tcp_fo_peer *set = (struct tcp_fo_peer *)t->fo_cache.base + (id >> 32) % (TCP_FO_PEERS / TCP_FO_WAYS) * TCP_FO_WAYS;
	struct tcp_fo_peer *oldest = set;

	for (unsigned i = 0; i < TCP_FO_WAYS; i++) {
		struct tcp_fo_peer *e = &set[i];

		if (e->id == id) {
			e->used_tick = t->clock->tick;
			return e;
		}
		if (e->id == 0 || (oldest->id != 0 && seq_lt(e->used_tick, oldest->used_tick)))
			oldest = e;
	}
	if (!make)
		return NULL;
	*oldest = (struct tcp_fo_peer){.id = id, .used_tick = t->clock->tick};
	return oldest;
}

/* RFC 7413 4.1.3.1: where SYNs with data vanish more than once, plain ones go for one, two, four ... minutes. */
static bool peer_blocked(const struct tcp *t, const struct tcp_fo_peer *e)
{
	unsigned doublings = e->losses < TCP_FO_LOSS_DOUBLINGS ? e->losses : TCP_FO_LOSS_DOUBLINGS;

	return e->losses > 1 && t->clock->now_ms - e->lost_ms < (uint32_t)TCP_FO_LOSS_MS << doublings;
}

/* ---- the SYN ---- */

static bool cookieless(const struct tcp *t, const struct tcp_pcb *p)
{
	return (t->fastopen & TCP_FO_CLIENT_NO_COOKIE) || (tcp_opt(t, p)->fo_flags & FO_NO_COOKIE);
}

enum tcp_fo_plan tcp_fo_connect(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_optext *x = tcp_opt_need(t, p);
	const struct tcp_fo_peer *e;

	x->fo_flags &= (uint8_t)~FO_ONCE;
	if (!(t->fastopen & TCP_FO_CLIENT))
		return TCP_FO_PLAIN;
	e = peer_of(t, &p->c.h.key, false);
	if (e != NULL && peer_blocked(t, e))
		return TCP_FO_PLAIN;
	if (cookieless(t, p) || (e != NULL && e->len > 0))
		return TCP_FO_WAIT;
	return TCP_FO_ASK;
}

/* What the SYN has room for: the server's last MSS counts, of which all options that a SYN may have come off. */
static uint32_t syn_room(struct tcp *t, const struct tcp_pcb *p, const struct tcp_fo_peer *e)
{
	uint32_t mss = tcp_announced_mss(t, p->c.h.path, tcp_opt(t, p)), said = e != NULL && e->mss != 0 ? e->mss : TCP_MSS_FALLBACK;

	mss = said < mss ? said : mss;
	mss = mss < t->seg_max ? mss : t->seg_max;
	return mss - TCP_OPTS_MAX;
}

/* Queues what fits. */
static uint32_t text_take(struct tcp *t, struct tcp_buf *b, const struct iovec *iov, int n, uint32_t room)
{
	uint32_t done = 0;

	for (int i = 0; i < n && done < room; i++) {
		uint32_t want = iov[i].iov_len < room - done ? (uint32_t)iov[i].iov_len : room - done;
		uint32_t got = tcp_buf_snd_put(t, b, iov[i].iov_base, want);

		done += got;
		if (got < want)
			break;
	}
	return done;
}

static bool any_bytes(const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++)
		if (iov[i].iov_len > 0)
			return true;
	return false;
}

ssize_t tcp_fo_send(struct tcp *t, struct tcp_pcb *p, const struct iovec *iov, int n)
{
	struct tcp_fo_peer *e = peer_of(t, &p->c.h.key, false);
	struct tcp_fo_option o = {0};
	struct tcp_buf *b = tcp_buf_need(t, p);
	uint32_t sent = text_take(t, b, iov, n, syn_room(t, p, e));

	if (sent == 0)
		tcp_buf_settle(t, p, b);
	if (sent == 0 && any_bytes(iov, n)) /* no packet buffers */
		return -EAGAIN;
	if (e != NULL) {
		o.len = e->len;
		memcpy(o.cookie, e->cookie, e->len);
	}
	p->xflags &= ~TX_FO_WAIT;
	p->syn_us = (uint32_t)t->clock->now_us;
	p->rtx_tick = t->clock->tick;
	if (tcp_out_syn_open(t, p, cookieless(t, p) ? NULL : &o, sent)) {
		p->xflags |= TX_FO_SYN;
		t->stats.fastopen_active++;
	}
	tcp_timer_rtx_in(t, p, tcp_syn_wait_us(t, p));
	return sent;
}

void tcp_fo_syn_lost(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_fo_peer *e;

	if (p->state != TCP_SYN_SENT || tcp_fo_syn_text(t, p) == 0)
		return;
	e = peer_of(t, &p->c.h.key, true);
	e->losses = (uint8_t)(e->losses < UINT8_MAX ? e->losses + 1 : UINT8_MAX);
	e->lost_ms = t->clock->now_ms;
}

void tcp_fo_syn_narrowed(struct tcp *t, struct tcp_pcb *p)
{
	if (tcp_fo_syn_text(t, p) == 0)
		return;
	p->syn_us = (uint32_t)t->clock->now_us; /* the first one arrived nowhere, and times nothing */
	t->stats.rtx_segs++;
	tcp_out_syn(t, p);
}

/* ---- the SYN-ACK ---- */

static void cookie_keep(struct tcp *t, const struct tcp_pcb *p, const struct tcp_seg *s)
{
	struct tcp_fo_peer *e = peer_of(t, &p->c.h.key, s->o.has_fo && s->o.fo_len > 0);

	if (e == NULL)
		return;
	if (s->o.has_mss)
		e->mss = s->o.mss < TCP_MSS_FALLBACK ? TCP_MSS_FALLBACK : s->o.mss;
	if (!s->o.has_fo || s->o.fo_len == 0)
		return;
	e->len = s->o.fo_len;
	memcpy(e->cookie, s->o.fo, s->o.fo_len);
}

void tcp_fo_synack(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	uint32_t acked = s->ack - p->snd_una;
	struct tcp_fo_peer *e;

	p->xflags &= ~TX_FO_SYN;
	cookie_keep(t, p, s);
	if (b == NULL || b->snd_len == 0)
		return;
	if (acked > 0) { /* taken */
		tcp_buf_snd_acked(t, b, acked, s->ack);
		p->snd_una = p->snd_nxt = s->ack;
		e = peer_of(t, &p->c.h.key, false);
		if (e != NULL)
			e->losses = 0;
		t->stats.fastopen_taken++;
		if (b->snd_len == 0) /* all of it */
			p->xflags |= TX_FO_TAKEN;
	}
	if (b->snd_len > 0)
		tcp_rtx_syn_text(t, p, b);
	else
		tcp_buf_settle(t, p, b);
}
