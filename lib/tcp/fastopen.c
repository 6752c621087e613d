/* fastopen.c: the server's half of TCP Fast Open (RFC 7413 4.2), and the options of both.
 *
 * A SYN with a cookie of ours makes a whole connection at once, in SYN-RECEIVED with TX_FO_PASSIVE: the application may read and
 * write before the handshake's last ACK. The SYN counts as acknowledged in its send sequence, so that what is written is sent and
 * sent again like any data; until the ACK the retransmission timer repeats the SYN-ACK. */
#include "tcp/fastopen.h"

#include <errno.h>
#include <linux/tcp.h> /* not <netinet/tcp.h>: its names of states are ours too */

#include "net/either.h"
#include "tcp/out.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"

#define COOKIE_BYTES 8   /* SipHash's; RFC 7413 4.1.2 allows 4 to 16 */
#define KEY_BYTES 16     /* TCP_FASTOPEN_KEY takes one or two */

static struct tcp_fo_listen *listen_of(const struct tcp *t, const struct tcp_optext *x)
{
	return x->fastopen != 0 ? (struct tcp_fo_listen *)pool_at(&t->fastopens, x->fastopen) : NULL;
}

/* ---- cookies ---- */

static __rte_noinline uint64_t cookie6_of(const struct siphash_key *key, const struct net_pkt *pkt)
{
	const struct ip6_addr addrs[2] = {*net_pkt_raddr6(pkt), *net_pkt_laddr6(pkt)};

	return siphash(key, addrs, sizeof(addrs));
}

/* Of the addresses alone (RFC 7413 4.1.2): it is good for all ports. */
static uint64_t cookie_of(const struct siphash_key *key, const struct net_pkt *pkt)
{
	const rte_be32_t addrs[2] = {pkt->key.raddr_be, pkt->key.laddr_be};

	return unlikely(pkt->ip6) ? cookie6_of(key, pkt) : siphash(key, addrs, sizeof(addrs));
}

static void cookie_write(const struct siphash_key *key, const struct net_pkt *pkt, struct tcp_fo_option *o)
{
	uint64_t c = cookie_of(key, pkt);

	o->len = COOKIE_BYTES;
	memcpy(o->cookie, &c, sizeof(c));
}

static const struct siphash_key *keys_of(const struct tcp *t, const struct tcp_fo_listen *f, uint32_t *n)
{
	if (f != NULL && f->n_keys > 0) {
		*n = f->n_keys;
		return f->key;
	}
	*n = 1;
	return &t->fo_key;
}

/* The number of the key that made the SYN's cookie, or -1. */
static int cookie_key(const struct siphash_key *key, uint32_t n, const struct tcp_seg *s)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t c = cookie_of(&key[i], s->pkt);

		if (s->o.fo_len == sizeof(c) && memcmp(s->o.fo, &c, sizeof(c)) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- the queue ---- */

static void failed_age(const struct tcp *t, struct tcp_fo_listen *f)
{
	uint32_t period = t->clock->now_ms / TCP_FO_FAILED_MS, past = period - f->period;

	if (past == 0)
		return;
	f->failed[1] = past == 1 ? f->failed[0] : 0;
	f->failed[0] = 0;
	f->period = period;
}

/* RFC 7413 5.1: who forges addresses, and gets the SYN-ACKs reset, must not open as many connections as he likes: those that
 * ended so keep their places for a while. */
static bool queue_has_room(const struct tcp *t, struct tcp_fo_listen *f)
{
	failed_age(t, f);
	return f->pending + f->failed[0] + f->failed[1] < f->qlen;
}

/* A listener's, if it is there; the connection's may have closed, and another begun. */
static struct tcp_fo_listen *queue_of(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_listener *l = tcp_listener_for(t, net_via_iface(tcp_via(t, p)), &p->c.h.key, p->c.h.hash);
	struct tcp_fo_listen *f = l != NULL ? listen_of(t, tcp_opt(t, (const struct tcp_pcb *)l)) : NULL;

	return f != NULL && f->pending > 0 ? f : NULL;
}

void tcp_fo_established(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_fo_listen *f = queue_of(t, p);

	p->xflags &= ~TX_FO_PASSIVE;
	p->backoff = 0;
	if (!(p->xflags & TX_EXT))
		p->ext = 0; /* was syn_us: the ACK may be of text, and times nothing */
	if (f != NULL)
		f->pending--;
}

void tcp_fo_failed(struct tcp *t, const struct tcp_pcb *p)
{
	struct tcp_fo_listen *f = queue_of(t, p);

	if (f == NULL)
		return;
	failed_age(t, f);
	f->pending--;
	f->failed[0]++;
}

/* ---- the SYN ---- */

/* The connection, with what the SYN brought, and its SYN-ACK on the way. */
static bool child_make(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s, uint32_t iss, const struct tcp_fo_option *answer)
{
	struct tcp_synrcvd sr = {.h = {.key = s->pkt->key, .hash = s->pkt->hash}};
	struct tcp_pcb *p;
	int err;

	sr.h.path = net_path_back_via(t->net, s->pkt, &sr.h.key, tcp_via(t, (const struct tcp_pcb *)l), &err);
	if (sr.h.path == 0)
		return false;
	tcp_isn(t, &sr.h.key, &sr.iss, &sr.ts_offset);
	if (iss != 0)
		sr.iss = iss;
	tcp_synrcvd_fill(t, (const struct tcp_pcb *)l, s, &sr);
	p = tcp_passive_forgotten(t, l, &sr);
	if (p == NULL) {
		net_path_put(t->net, sr.h.path);
		return false;
	}
	p->xflags |= TX_FO_PASSIVE;
	p->snd_una++;
	p->snd_wnd = s->wnd; /* never scaled in a SYN, RFC 7323 2.2 */
	p->snd_wnd_max = (uint16_t)(s->wnd >> (p->wscale & 15));
	p->snd_wl1 = s->seq;
	p->snd_wl2 = p->snd_una;
	s->seq++;
	if (s->len > sr.wnd) /* the client knew no window */
		s->len = sr.wnd;
	if (s->len > 0)
		p->xflags |= TX_FO_TAKEN;
	if (s->len > 0 && !tcp_in_text(t, p, s))
		return true;
	tcp_out_syn_open(t, p, answer, 0);
	tcp_timer_rtx_in(t, p, TCP_RTO_INITIAL_US);
	return true;
}

bool tcp_fo_syn(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s, uint32_t iss, struct tcp_fo_option *answer,
		bool *has_answer)
{
	const struct tcp_optext *x = tcp_opt(t, (const struct tcp_pcb *)l);
	struct tcp_fo_listen *f = listen_of(t, x);
	const struct siphash_key *keys;
	uint32_t n;
	int key = -1;

	*has_answer = false;
	if (!(t->fastopen & TCP_FO_SERVER) || f == NULL || (!s->o.has_fo && s->len == 0))
		return false;
	if (!queue_has_room(t, f)) {
		t->stats.fastopen_overflow++;
		return false;
	}
	if ((x->fo_flags & FO_NO_COOKIE) || (t->fastopen & TCP_FO_SERVER_NO_COOKIE)) {
		key = 0;
	} else {
		if (!s->o.has_fo)
			return false;
		keys = keys_of(t, f, &n);
		key = s->o.fo_len > 0 ? cookie_key(keys, n, s) : -1;
		answer->exp = s->o.fo_exp;
		*has_answer = key != 0; /* a new one: it was asked for, is wrong, or made with the old key */
		if (*has_answer)
			cookie_write(keys, s->pkt, answer);
	}
	if (key < 0) {
		t->stats.fastopen_refused += s->o.fo_len > 0;
		return false;
	}
	if (!child_make(t, l, s, iss, *has_answer ? answer : NULL))
		return false;
	f->pending++;
	t->stats.fastopen_passive++;
	return true;
}

/* The SYN-ACK again, after 1, 2, 4 ... seconds as for others (in_synrcvd.c). */
bool tcp_fo_synack_timeout(struct tcp *t, struct tcp_pcb *p)
{
	if (p->backoff >= TCP_SYNACK_RETRIES) {
		t->stats.attempt_fails++;
		t->stats.timeouts++;
		tcp_done(t, p, ETIMEDOUT);
		return false;
	}
	p->backoff++;
	t->stats.rtx_segs++;
	tcp_out_syn(t, p);
	tcp_timer_rtx_in(t, p, (uint64_t)TCP_RTO_INITIAL_US << p->backoff);
	return true;
}

/* ---- options ---- */

/* The socket's, made when there is none. NULL: the pool is empty. */
static struct tcp_fo_listen *listen_need(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_optext *x = tcp_opt_need(t, p);

	if (x->fastopen == 0) {
		x->fastopen = pool_get(&t->fastopens);
		if (x->fastopen == 0)
			return NULL;
		*listen_of(t, x) = (struct tcp_fo_listen){0};
	}
	return listen_of(t, x);
}

void tcp_fo_free(struct tcp *t, struct tcp_optext *x)
{
	if (x->fastopen != 0)
		pool_put(&t->fastopens, x->fastopen);
	x->fastopen = 0;
}

void tcp_fo_listens(struct tcp *t, struct tcp_pcb *p, uint32_t backlog)
{
	struct tcp_fo_listen *f = listen_need(t, p);

	if (f != NULL && f->qlen == 0)
		f->qlen = backlog < TCP_FO_QUEUE_MAX ? backlog : TCP_FO_QUEUE_MAX;
}

static void fo_flag(struct tcp *t, struct tcp_pcb *p, uint8_t flag, bool on)
{
	struct tcp_optext *x = tcp_opt_need(t, p);

	x->fo_flags = (uint8_t)(on ? x->fo_flags | flag : x->fo_flags & ~flag);
}

int tcp_fo_setopt(struct tcp *t, struct tcp_pcb *p, int name, int v)
{
	bool passive = TCP_IN(p->state, ST(CLOSED) | ST(LISTEN));
	struct tcp_fo_listen *f;

	switch (name) {
	case TCP_FASTOPEN:
		if (v < 0 || !passive)
			return -EINVAL;
		f = listen_need(t, p);
		if (f == NULL)
			return -ENOBUFS;
		f->qlen = (uint32_t)v < TCP_FO_QUEUE_MAX ? (uint32_t)v : TCP_FO_QUEUE_MAX;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		if (v != 0 && v != 1)
			return -EINVAL;
		if (!(t->fastopen & TCP_FO_CLIENT))
			return -EOPNOTSUPP;
		if (p->state != TCP_CLOSED)
			return -EINVAL;
		fo_flag(t, p, FO_CONNECT, v != 0);
		return 0;
	default: /* TCP_FASTOPEN_NO_COOKIE */
		if ((v != 0 && v != 1) || !passive)
			return -EINVAL;
		fo_flag(t, p, FO_NO_COOKIE, v != 0);
		return 0;
	}
}

int tcp_fo_getopt(const struct tcp *t, const struct tcp_pcb *p, int name, int *v)
{
	const struct tcp_optext *x = tcp_opt(t, p);
	const struct tcp_fo_listen *f = listen_of(t, x);

	if (name == TCP_FASTOPEN)
		*v = f != NULL ? (int)f->qlen : 0;
	else
		*v = (x->fo_flags & (name == TCP_FASTOPEN_CONNECT ? FO_CONNECT : FO_NO_COOKIE)) != 0;
	return 0;
}

int tcp_fo_key_set(struct tcp *t, struct tcp_pcb *p, const void *val, uint32_t len)
{
	struct tcp_fo_listen *f;

	if ((len != KEY_BYTES && len != 2 * KEY_BYTES) || !TCP_IN(p->state, ST(CLOSED) | ST(LISTEN)))
		return -EINVAL;
	f = listen_need(t, p);
	if (f == NULL)
		return -ENOBUFS;
	memcpy(f->key, val, len);
	f->n_keys = len / KEY_BYTES;
	return 0;
}

uint32_t tcp_fo_key_get(const struct tcp *t, const struct tcp_pcb *p, uint8_t *to)
{
	const struct siphash_key *key;
	uint32_t n;

	key = keys_of(t, listen_of(t, tcp_opt(t, p)), &n);
	memcpy(to, key, n * KEY_BYTES);
	return n * KEY_BYTES;
}

void tcp_fo_note_fill(const struct tcp *t, const struct tcp_pcb *p, struct tcp_fo_note *n)
{
	const struct tcp_fo_listen *f = listen_of(t, tcp_opt(t, p));

	*n = (struct tcp_fo_note){0};
	if (f == NULL)
		return;
	n->qlen = f->qlen;
	n->n_keys = f->n_keys;
	memcpy(n->key, f->key, sizeof(n->key));
}

void tcp_fo_note_take(struct tcp *t, struct tcp_pcb *p, const struct tcp_fo_note *n)
{
	struct tcp_fo_listen *f = n->qlen != 0 || tcp_opt(t, p)->fastopen != 0 ? listen_need(t, p) : NULL;

	if (f == NULL)
		return;
	f->qlen = n->qlen;
	f->n_keys = n->n_keys;
	memcpy(f->key, n->key, sizeof(f->key));
}
