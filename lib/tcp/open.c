/* open.c: bind, connect, listen, accept. */
#include <errno.h>
#include <netinet/in.h>

#include "base/assert.h"
#include "flow/away.h"
#include "flow/port_range.h"
#include "net/either.h"
#include "tcp/buf.h"
#include "tcp/dialect.h"
#include "tcp/fastopen.h"
#include "tcp/ext.h"
#include "tcp/out.h"
#include "tcp/rtx.h"
#include "tcp/shared.h"
#include "tcp/timers.h"

struct tcp_pcb *tcp_new(struct tcp *t)
{
	struct tcp_pcb *p = (struct tcp_pcb *)conn_new(t->flow, CONN_TCP);

	if (p == NULL) {
		t->stats.conn_full++;
		return NULL;
	}
	p->sndbuf = TCP_SNDBUF_DEFAULT;
	p->rcvbuf = TCP_RCVBUF_DEFAULT < t->rcvbuf_max ? TCP_RCVBUF_DEFAULT : t->rcvbuf_max;
	p->xflags = (uint32_t)t->congestion << TX_CC_SHIFT;
	return p;
}

uint32_t tcp_bind_flags(const struct tcp *t, const struct tcp_pcb *p)
{
	uint32_t reuse = p->c.flags & (CONN_REUSEADDR | CONN_REUSEPORT) ? BIND_REUSE : 0, dev = tcp_via(t, p) & NET_VIA_DEV;

	return reuse | conn_bind_families(&p->c) | dev << BIND_DEV_SHIFT;
}

uint8_t tcp_via_get(const struct tcp *t, const struct tcp_pcb *p) { return tcp_via(t, p); }

/* Where a bound port receives from changes with it; a connection goes on as it was. */
int tcp_via_set(struct tcp *t, struct tcp_pcb *p, uint8_t via)
{
	uint32_t receives = p->c.type == CONN_LISTEN ? BIND_RECEIVES : 0;
	struct tcp_optext *x = tcp_opt_need(t, p);
	uint16_t before = x->flags;
	int err = 0;

	x->flags = (uint16_t)((x->flags & ((1u << OPT_VIA_SHIFT) - 1)) | (uint32_t)via << OPT_VIA_SHIFT);
	if (x->flags != before && p->c.flags & CONN_BOUND_PORT)
		err = bind_set_flags(&t->binds, tcp_pcb_ref(t, p), p->c.h.key.lport_be, tcp_bind_flags(t, p) | receives);
	if (err != 0)
		x->flags = before;
	else if (x->flags != before && p->c.flags & CONN_BOUND_PORT && !receives) /* of a listener the caller tells all */
		tcp_announce_sure(t, p, tcp_bind_flags(t, p), 0);
	return err;
}

/* The port is entered here: the other stacks are told. When they cannot be, it is as before. */
static int port_bound(struct tcp *t, struct tcp_pcb *p)
{
	int err = tcp_announce(t, p, tcp_bind_flags(t, p), 0);

	if (err == 0) {
		p->c.flags |= CONN_BOUND_PORT;
		return 0;
	}
	bind_remove(&t->binds, tcp_pcb_ref(t, p), p->c.h.key.lport_be);
	p->c.flags &= (uint8_t)~CONN_BOUND_ADDR;
	p->c.more &= (uint8_t)~CONN_MORE_PORT_CHOSEN;
	p->c.h.key.laddr_be = 0;
	p->c.h.key.lport_be = 0;
	return err;
}

/* Enters p at a free port, of its own range if it has one. */
static int bind_any(struct tcp *t, struct tcp_pcb *p, rte_be32_t laddr_be, rte_be16_t *lport_be)
{
	uint16_t lo = t->port_lo, hi = t->port_hi;
	int err;

	port_range_clip(tcp_opt(t, p)->port_range, &lo, &hi);
	err = bind_add_any(&t->binds, tcp_pcb_ref(t, p), laddr_be, lo, hi, tcp_bind_flags(t, p), t->prng, lport_be);
	if (err == 0)
		p->c.more |= CONN_MORE_PORT_CHOSEN;
	return err;
}

int tcp_bind(struct tcp *t, struct tcp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	bool group = !flow_addr_is6(laddr_be) && net_is_group(t->net, laddr_be); /* it names a port: streams come from elsewhere (G9) */
	flow_ref r = tcp_pcb_ref(t, p);
	int err = 0;

	if (p->state != TCP_CLOSED || (p->c.flags & (CONN_BOUND_ADDR | CONN_BOUND_PORT)))
		return -EINVAL;
	if (laddr_be != 0 && !group && !(p->c.more & CONN_MORE_FREEBIND) && !net_is_ours(t->net, laddr_be))
		return -EADDRNOTAVAIL;
	if (lport_be == 0 && (p->tflags & TF_BIND_NO_PORT)) { /* the port is chosen per destination, by connect() */
		if (laddr_be == 0)
			return 0;
	} else if (lport_be == 0) {
		err = bind_any(t, p, laddr_be, &lport_be);
	} else {
		/* Beside a listener nobody may bind, unless both have SO_REUSEPORT (G13). */
		err = bind_add(&t->binds, r, laddr_be, lport_be, tcp_bind_flags(t, p), !(p->c.flags & CONN_REUSEPORT));
	}
	if (err != 0)
		return err;
	p->c.h.key.laddr_be = laddr_be;
	p->c.h.key.lport_be = lport_be;
	if (laddr_be != 0 && !group)
		p->c.flags |= CONN_BOUND_ADDR;
	return lport_be != 0 ? port_bound(t, p) : 0;
}

/* ---- connect ---- */

/* Broadcast and multicast have no streams (connect-semantics B21 to B23). */
static bool is_unicast(const struct net *n, rte_be32_t addr_be)
{
	uint32_t a = rte_be_to_cpu_32(addr_be);

	return a != INADDR_BROADCAST && !IN_MULTICAST(a) && !net_is_broadcast(n, addr_be);
}

bool tcp_timewait_take_over(struct tcp *t, const struct flow_key *key, uint32_t hash, uint32_t *iss)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, hash, key);
	struct tcp_timewait *tw;

	if (r == 0 || ref_kind(r) != FLOW_TIMEWAIT)
		return false;
	tw = tcp_timewait_at(t, r);
	if (!tw->ts)
		return false;
	*iss = tcp_timewait_next_iss(tw);
	tcp_timewait_end(t, tw);
	return true;
}

/* The tuple with bind()'s port. */
static int take_bound(struct tcp *t, struct tcp_pcb *p, rte_be32_t laddr_be, struct flow_key *key, uint32_t *hash, uint32_t *iss)
{
	int err;

	key->laddr_be = laddr_be;
	key->lport_be = p->c.h.key.lport_be;
	*hash = flow_hash(t->flow, key);
	err = eport_take_exact(t->eport, key);
	if (err == -EADDRINUSE && !tcp_dialect_of(p)->keeps_timewait && tcp_timewait_take_over(t, key, *hash, iss))
		err = eport_take_exact(t->eport, key);
	if (err == 0 && flow_find(t->flow, &t->flow->tcp, *hash, key) != 0) { /* an accepted connection has it */
		eport_put(t->eport, key);
		err = -EADDRINUSE;
	}
	return err;
}

/* Completes the tuple and takes its port. *iss: the least ISN, 0 any. */
static int take_tuple(struct tcp *t, struct tcp_pcb *p, struct flow_key *key, uint32_t *hash, uint32_t *iss)
{
	uint32_t n = 0;
	const rte_be32_t *from = net_sources_to(t->net, key->raddr_be, tcp_via(t, p), &n);
	int err;

	if (from == NULL) { /* no way, or no address of ours to go from: all are tentative */
		err = net_unreachable_to(t->net, key->raddr_be, tcp_via(t, p));
		return err != 0 ? err : -EADDRNOTAVAIL;
	}
	if (p->c.flags & CONN_BOUND_ADDR) {
		if (!net_is_ours(t->net, p->c.h.key.laddr_be)) /* removed since, or never ours (G7) */
			return p->c.more & CONN_MORE_FREEBIND ? -ENETUNREACH : -EADDRNOTAVAIL;
		from = &p->c.h.key.laddr_be;
		n = 1;
	}
	if (p->c.flags & CONN_BOUND_PORT) {
		err = take_bound(t, p, from[0], key, hash, iss);
		if (err != -EADDRINUSE)
			return err;
		if (!(p->c.more & CONN_MORE_PORT_CHOSEN))
			return -EADDRNOTAVAIL; /* G11 */
	}
	return tcp_port_take(t, from, n, tcp_opt(t, p)->port_range, key, hash, iss);
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
	p->wscale = (uint8_t)(tcp_wscale_for(t, p) << 4);
	tcp_state_set(t, p, TCP_SYN_SENT);
	t->stats.active_opens++;
}

uint32_t tcp_syn_wait_us(const struct tcp *t, const struct tcp_pcb *p)
{
	uint32_t wait_us = tcp_syn_interval_us(0, 0), user_ms = tcp_opt(t, p)->user_timeout_ms;

	return user_ms != 0 && user_ms < wait_us / 1000 ? user_ms * 1000 : wait_us;
}

/* The SYN waits for data, or asks for a cookie. */
static void fast_open(struct tcp *t, struct tcp_pcb *p)
{
	static const struct tcp_fo_option ask;

	switch (tcp_fo_connect(t, p)) {
	case TCP_FO_WAIT:
		p->xflags |= TX_FO_WAIT;
		break;
	case TCP_FO_ASK:
		p->xflags |= TX_FO_SYN;
		tcp_out_syn_open(t, p, &ask, 0);
		break;
	case TCP_FO_PLAIN:
		tcp_out_syn(t, p);
		break;
	}
}

int tcp_fastopen_once(struct tcp *t, struct tcp_pcb *p, bool on)
{
	struct tcp_optext *x;

	if (!(t->fastopen & TCP_FO_CLIENT))
		return -EOPNOTSUPP;
	x = tcp_opt_need(t, p);
	x->fo_flags = (uint8_t)(on ? x->fo_flags | FO_ONCE : x->fo_flags & ~FO_ONCE);
	return 0;
}

/* key: the remote end. */
static int connect_to(struct tcp *t, struct tcp_pcb *p, struct flow_key *key)
{
	uint32_t hash = 0, path, iss = 0;
	int err = take_tuple(t, p, key, &hash, &iss);
	bool claim;

	if (err != 0)
		return err;
	path = net_path_get_via(t->net, key->laddr_be, key->raddr_be, tcp_via(t, p), &err);
	if (path == 0)
		goto no_path;
	err = -ENOBUFS;
	if (table_full(&t->flow->tcp))
		goto no_slot;
	claim = flow_elsewhere(t->flow, hash);
	if (claim && flow_claim(t->flow, IPPROTO_TCP, key, hash, true) != 0)
		goto no_slot;
	if (unlikely(p->c.flags & CONN_BOUND_PORT) && key->lport_be != p->c.h.key.lport_be)
		tcp_unbind(t, p); /* where it was chosen the destination was not known */
	attach(t, p, key, hash, path, iss);
	if (claim)
		p->tflags |= TF_CLAIMING;
	else if (unlikely(p->opts != 0) && tcp_opt(t, p)->fo_flags != 0)
		fast_open(t, p);
	else
		tcp_out_syn(t, p);
	if (likely(!(p->xflags & TX_FO_WAIT)))
		tcp_timer_rtx_in(t, p, tcp_syn_wait_us(t, p));
	err = table_insert(&t->flow->tcp, hash, tcp_pcb_ref(t, p));
	SPATE_ASSERT(err == 0);
	return 0;
no_slot:
	net_path_put(t->net, path);
no_path:
	eport_put(t->eport, key);
	return err;
}

int tcp_connect(struct tcp *t, struct tcp_pcb *p, rte_be32_t raddr_be, rte_be16_t rport_be)
{
	struct flow_key key = {.raddr_be = raddr_be, .rport_be = rport_be};
	int err = may_connect(p);

	if (err != 0)
		return err;
	if (unlikely(tcp_via(t, p) != 0) && !is_unicast(t->net, key.raddr_be)) /* else there is no route: connect_to() says it */
		return -ENETUNREACH;
	return connect_to(t, p, &key);
}

int tcp_connect6(struct tcp *t, struct tcp_pcb *p, const struct ip6_addr *raddr, uint32_t scope, rte_be16_t rport_be)
{
	struct flow_key key = {.rport_be = rport_be};
	int err = may_connect(p);

	if (err != 0)
		return err;
	if (ip6_addr_is_multicast(raddr))
		return -ENETUNREACH;
	/* Before the address gets a number: link-local ones without scope have none. */
	err = net_unreachable6_via(t->net, raddr, scope, tcp_via(t, p));
	if (err != 0)
		return err;
	key.raddr_be = addr6_get(&t->flow->addr6s, raddr, ip6_addr_is_linklocal(raddr) ? scope : 0);
	if (key.raddr_be == 0)
		return -ENOBUFS;
	err = connect_to(t, p, &key);
	addr6_put(&t->flow->addr6s, key.raddr_be); /* the path holds it now */
	return err;
}

void tcp_claim_granted(struct tcp *t, struct tcp_pcb *p, uint32_t iss)
{
	if (iss != 0) {
		p->snd_una = iss;
		p->snd_nxt = iss + 1;
	}
	p->tflags &= ~TF_CLAIMING;
	p->backoff = 0;
	p->syn_us = (uint32_t)t->clock->now_us;
	tcp_out_syn(t, p);
	tcp_timer_rtx_in(t, p, tcp_syn_wait_us(t, p));
}

/* Without bind()'s port, if that was only chosen: then the port is one whose home is here, and nobody need be asked. */
static int connect_again(struct tcp *t, struct tcp_pcb *p)
{
	struct flow_key key = {.raddr_be = p->c.h.key.raddr_be, .rport_be = p->c.h.key.rport_be};
	int err;

	addr6_hold(&t->flow->addr6s, key.raddr_be);
	tcp_timers_clear(t, p);
	tcp_leave(t, p);
	tcp_unbind(t, p);
	err = connect_to(t, p, &key);
	addr6_put(&t->flow->addr6s, key.raddr_be);
	return err;
}

void tcp_claim_denied(struct tcp *t, struct tcp_pcb *p)
{
	int err = p->c.more & CONN_MORE_PORT_CHOSEN ? connect_again(t, p) : -EADDRNOTAVAIL;

	t->stats.attempt_fails++;
	if (err != 0)
		tcp_done(t, p, -err);
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
		tcp_listener_changed(t, &l->c);
		return 0;
	}
	if (p->state != TCP_CLOSED)
		return -EINVAL;
	if (!(p->c.flags & CONN_BOUND_PORT)) {
		err = bind_any(t, p, p->c.h.key.laddr_be, &p->c.h.key.lport_be);
		if (err != 0)
			return err;
		p->c.flags |= CONN_BOUND_PORT;
	}
	err = bind_set_flags(&t->binds, r, p->c.h.key.lport_be, tcp_bind_flags(t, p) | BIND_RECEIVES);
	if (err == 0)
		err = tcp_announce(t, p, tcp_bind_flags(t, p) | BIND_RECEIVES, backlog_limit(backlog));
	if (err == -ENOBUFS) /* bound it stays, if only here */
		bind_set_flags(&t->binds, r, p->c.h.key.lport_be, tcp_bind_flags(t, p));
	if (err != 0)
		return err;
	tcp_buf_free(t, p);
	tcp_ext_free(t, p);
	p->tflags &= TF_KEEP_MASK;
	tcp_state_set(t, p, TCP_LISTEN);
	t->listened = true;
	l->c.type = CONN_LISTEN;
	l->accept_head = l->accept_tail = 0;
	l->n_accept = 0;
	l->shared = 0;
	l->backlog = backlog_limit(backlog);
	if (unlikely((t->fastopen & (TCP_FO_SERVER | TCP_FO_SERVER_ALL)) == (TCP_FO_SERVER | TCP_FO_SERVER_ALL)))
		tcp_fo_listens(t, p, l->backlog);
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
