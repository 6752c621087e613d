/* open.c: bind, connect, listen, accept. */
#include <errno.h>
#include <netinet/in.h>

#include "base/assert.h"
#include "tcp/buf.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"

#define TAKE_TRIES 4 /* tuples tried; it takes a server whose clients have well-known ports to need the second one */

struct tcp_pcb *tcp_new(struct tcp *t)
{
	struct tcp_pcb *p = (struct tcp_pcb *)conn_new(t->flow, CONN_TCP);

	if (p == NULL) {
		t->stats.conn_full++;
		return NULL;
	}
	p->sndbuf = TCP_SNDBUF_DEFAULT;
	p->rcvbuf = TCP_RCVBUF_DEFAULT;
	return p;
}

static uint32_t reuse_flags(const struct tcp_pcb *p)
{
	return p->c.flags & (CONN_REUSEADDR | CONN_REUSEPORT) ? BIND_REUSE : 0;
}

int tcp_bind(struct tcp *t, struct tcp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	flow_ref r = tcp_pcb_ref(t, p);
	int err = 0;

	if (p->state != TCP_CLOSED || (p->c.flags & (CONN_BOUND_ADDR | CONN_BOUND_PORT)))
		return -EINVAL;
	if (laddr_be != 0 && !net_is_local(t->net, laddr_be))
		return -EADDRNOTAVAIL;
	if (lport_be == 0 && (p->tflags & TF_BIND_NO_PORT)) { /* the port is chosen per destination, by connect() */
		if (laddr_be == 0)
			return 0;
	} else if (lport_be == 0) {
		err = bind_add_any(&t->binds, r, laddr_be, t->port_lo, t->port_hi, reuse_flags(p), t->prng, &lport_be);
	} else {
		/* Beside a listener nobody may bind, unless both have SO_REUSEPORT (G13). */
		err = bind_add(&t->binds, r, laddr_be, lport_be, reuse_flags(p), !(p->c.flags & CONN_REUSEPORT));
	}
	if (err != 0)
		return err;
	p->c.h.key.laddr_be = laddr_be;
	p->c.h.key.lport_be = lport_be;
	if (laddr_be != 0)
		p->c.flags |= CONN_BOUND_ADDR;
	if (lport_be != 0)
		p->c.flags |= CONN_BOUND_PORT;
	return 0;
}

/* ---- connect ---- */

/* Broadcast and multicast have no streams (connect-semantics B21 to B23). */
static bool is_unicast(const struct net *n, rte_be32_t addr_be)
{
	uint32_t a = rte_be_to_cpu_32(addr_be);
	const struct net_route *r;

	if (a == INADDR_BROADCAST || IN_MULTICAST(a))
		return false;
	if (net_is_local(n, addr_be))
		return true;
	r = net_route_find(n, addr_be);
	return r == NULL || r->type != ROUTE_ONLINK || r->prefix_len >= 31 || a != (r->prefix | ~0u >> r->prefix_len);
}

/* 0.0.0.0 is this host: by its loopback address if it has one, else by an address of its own (B14). */
static rte_be32_t self_addr(const struct tcp *t, const struct tcp_pcb *p)
{
	rte_be32_t loopback_be = rte_cpu_to_be_32(INADDR_LOOPBACK);

	if (p->c.flags & CONN_BOUND_ADDR)
		return p->c.h.key.laddr_be;
	if (net_is_local(t->net, loopback_be) || t->net->n_addrs == 0)
		return loopback_be;
	return t->net->source_be[0];
}

/* The local tuple is in TIME-WAIT and the socket is bound to its port: timestamps make it safe to take over at once (G19,
 * RFC 6191). Returns false when it may not be. */
static bool timewait_take_over(struct tcp *t, const struct flow_key *key, uint32_t hash, uint32_t *iss)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, hash, key);
	struct tcp_timewait *tw;

	if (r == 0 || ref_kind(r) != FLOW_TIMEWAIT)
		return false;
	tw = tcp_timewait_at(t, r);
	if (!tw->ts)
		return false;
	*iss = tw->snd_nxt + 65535 + 2;
	tcp_timewait_end(t, tw);
	return true;
}

/* A port of the automatic range. Where there are listeners an accepted connection may have the very tuple: then another
 * one. The bucket is asked for here and needed last, when the SYN is out. */
static int take_port(struct tcp *t, const rte_be32_t *from, uint32_t n, struct flow_key *key, uint32_t *hash)
{
	int err = 0;

	for (int tries = 0; tries < TAKE_TRIES; tries++) {
		err = eport_take(t->eport, from, n, key->raddr_be, key->rport_be, key, hash);
		if (err != 0)
			break;
		table_prefetch(&t->flow->tcp, *hash);
		if (!t->listened || flow_find(t->flow, &t->flow->tcp, *hash, key) == 0)
			return 0;
		eport_put(t->eport, key);
		err = -EADDRNOTAVAIL;
	}
	if (err == -EADDRNOTAVAIL)
		t->stats.port_exhausted++;
	return err;
}

/* Completes the tuple and takes its port. *iss: the least ISN, 0 any. */
static int take_tuple(struct tcp *t, struct tcp_pcb *p, struct flow_key *key, uint32_t *hash, uint32_t *iss)
{
	uint32_t n = 0;
	const rte_be32_t *from = net_sources(t->net, key->raddr_be, &n);
	int err;

	if (from == NULL || n == 0)
		return -ENETUNREACH;
	if (p->c.flags & CONN_BOUND_ADDR) {
		if (!net_is_local(t->net, p->c.h.key.laddr_be)) /* removed since */
			return -EADDRNOTAVAIL;
		from = &p->c.h.key.laddr_be;
		n = 1;
	}
	if (!(p->c.flags & CONN_BOUND_PORT))
		return take_port(t, from, n, key, hash);
	key->laddr_be = from[0];
	key->lport_be = p->c.h.key.lport_be;
	*hash = flow_hash(t->flow, key);
	err = eport_take_exact(t->eport, key);
	if (err == -EADDRINUSE && timewait_take_over(t, key, *hash, iss))
		err = eport_take_exact(t->eport, key);
	if (err == 0 && flow_find(t->flow, &t->flow->tcp, *hash, key) != 0) { /* an accepted connection has it */
		eport_put(t->eport, key);
		err = -EADDRINUSE;
	}
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err; /* G11 */
}

static int may_connect(const struct tcp_pcb *p)
{
	switch (p->state) {
	case TCP_CLOSED:
		return 0;
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
		return -EALREADY;
	default:
		return -EISCONN;
	}
}

static void attach(struct tcp *t, struct tcp_pcb *p, const struct flow_key *key, uint32_t hash, uint32_t path, uint32_t iss)
{
	uint32_t isn, ts_offset;

	tcp_buf_free(t, p); /* unread data of an earlier connection */
	p->c.h.key = *key;
	p->c.h.hash = hash;
	p->c.h.path = path;
	p->c.flags |= CONN_IN_TABLE;
	/* Directions that were shut down before stay so (C27); after the end of a connection that is its mark, not a wish. */
	p->tflags &= p->tflags & TF_DEAD ? TF_KEEP_MASK : TF_KEEP_MASK | TF_SHUT_RD | TF_SHUT_WR;
	p->tflags |= TF_EPORT;
	tcp_isn(t, key, &isn, &ts_offset);
	tcp_pcb_start(t, p, iss != 0 ? iss : isn, ts_offset);
	tcp_state_set(t, p, TCP_SYN_SENT);
	t->stats.active_opens++;
}

int tcp_connect(struct tcp *t, struct tcp_pcb *p, rte_be32_t raddr_be, rte_be16_t rport_be)
{
	struct flow_key key = {.raddr_be = raddr_be != 0 ? raddr_be : self_addr(t, p), .rport_be = rport_be};
	uint32_t hash = 0, path, iss = 0, wait_us = tcp_syn_interval_us(0);
	int err = may_connect(p);

	if (err != 0)
		return err;
	if (!is_unicast(t->net, key.raddr_be))
		return -ENETUNREACH;
	err = take_tuple(t, p, &key, &hash, &iss);
	if (err != 0)
		return err;
	path = net_path_get(t->net, key.laddr_be, key.raddr_be, &err);
	if (path == 0)
		goto no_path;
	err = -ENOBUFS;
	if (table_full(&t->flow->tcp))
		goto no_slot;
	attach(t, p, &key, hash, path, iss);
	tcp_out_syn(t, p);
	if (tcp_opt(t, p)->user_timeout_ms != 0 && tcp_opt(t, p)->user_timeout_ms < wait_us / 1000)
		wait_us = tcp_opt(t, p)->user_timeout_ms * 1000;
	tcp_timer_rtx_in(t, p, wait_us);
	err = table_insert(&t->flow->tcp, hash, tcp_pcb_ref(t, p));
	SPATE_ASSERT(err == 0);
	return 0;
no_slot:
	net_path_put(t->net, path);
no_path:
	eport_put(t->eport, &key);
	return err;
}

/* ---- listen, accept ---- */

static uint32_t backlog_limit(int backlog)
{
	return backlog < 0 || (uint32_t)backlog > TCP_BACKLOG_MAX ? TCP_BACKLOG_MAX : (uint32_t)backlog;
}

int tcp_listen(struct tcp *t, struct tcp_pcb *p, int backlog)
{
	struct tcp_listener *l = (struct tcp_listener *)p;
	flow_ref r = tcp_pcb_ref(t, p);
	int err;

	if (p->c.type == CONN_LISTEN) {
		l->backlog = backlog_limit(backlog);
		return 0;
	}
	if (p->state != TCP_CLOSED)
		return -EINVAL;
	if (!(p->c.flags & CONN_BOUND_PORT)) {
		err = bind_add_any(&t->binds, r, p->c.h.key.laddr_be, t->port_lo, t->port_hi, reuse_flags(p), t->prng,
				   &p->c.h.key.lport_be);
		if (err != 0)
			return err;
		p->c.flags |= CONN_BOUND_PORT;
	}
	err = bind_set_flags(&t->binds, r, p->c.h.key.lport_be, reuse_flags(p) | BIND_RECEIVES);
	if (err != 0)
		return err;
	tcp_buf_free(t, p);
	p->tflags &= TF_KEEP_MASK;
	tcp_state_set(t, p, TCP_LISTEN);
	t->listened = true;
	l->c.type = CONN_LISTEN;
	l->accept_head = l->accept_tail = 0;
	l->n_accept = 0;
	l->backlog = backlog_limit(backlog);
	return 0;
}

struct tcp_pcb *tcp_accept(struct tcp *t, struct conn *listener)
{
	struct tcp_listener *l = (struct tcp_listener *)listener;
	struct tcp_pcb *p;

	if (l->accept_head == 0)
		return NULL;
	p = tcp_pcb_at(t, l->accept_head);
	l->accept_head = p->c.ready_next;
	if (l->accept_head == 0)
		l->accept_tail = 0;
	l->n_accept--;
	p->c.ready_next = 0;
	p->c.listener = 0;
	return p;
}
