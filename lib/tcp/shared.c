/* shared.c: see shared.h. */
#include "tcp/shared.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/assert.h"

/* Options of a listener that connections inherit, and that are bits. */
#define NOTE_TFLAGS (TF_NODELAY | TF_CORK | TF_KEEPALIVE | TF_PINGPONG)
#define NOTE_CONN_FLAGS (CONN_NONBLOCK | CONN_REUSEADDR | CONN_REUSEPORT)

/* ---- telling ---- */

static void note_fill(const struct tcp *t, const struct tcp_pcb *p, uint32_t flags, uint32_t backlog, struct tcp_bind_note *n)
{
	*n = (struct tcp_bind_note){
		.b = {.proto = IPPROTO_TCP, .flags = (uint8_t)flags, .lport_be = p->c.h.key.lport_be,
		      .laddr_be = p->c.flags & CONN_BOUND_ADDR ? p->c.h.key.laddr_be : 0, .owner = tcp_pcb_ref(t, p),
		      .more = p->c.more, .dev = tcp_via(t, p) & NET_VIA_DEV},
		.backlog = backlog, .sndbuf = p->sndbuf, .rcvbuf = p->rcvbuf, .tflags = p->tflags & NOTE_TFLAGS,
		.conn_flags = p->c.flags & NOTE_CONN_FLAGS, .has_opts = p->opts != 0,
		.congestion = (p->xflags & TX_CC_MASK) >> TX_CC_SHIFT,
	};
	bind_note_complete(&n->b, &t->flow->addr6s);
	if (p->opts != 0) {
		n->opts = *tcp_opt(t, p);
		tcp_fo_note_fill(t, p, &n->fastopen);
	}
}

int tcp_announce(struct tcp *t, const struct tcp_pcb *p, uint32_t flags, uint32_t backlog)
{
	struct tcp_bind_note n;

	if (mail_alone(t->flow->mail))
		return 0;
	note_fill(t, p, flags, backlog, &n);
	return mail_note(t->flow->mail, MAIL_ALL, MAIL_BIND, &n, sizeof(n));
}

static void tell_sure(struct tcp *t, const struct tcp_pcb *p, enum mail_kind kind, uint32_t flags, uint32_t backlog)
{
	struct tcp_bind_note n;

	if (mail_alone(t->flow->mail))
		return;
	note_fill(t, p, flags, backlog, &n);
	mail_note_sure(t->flow->mail, MAIL_ALL, kind, &n, sizeof(n));
}

void tcp_announce_sure(struct tcp *t, const struct tcp_pcb *p, uint32_t flags, uint32_t backlog)
{
	tell_sure(t, p, MAIL_BIND, flags, backlog);
}

void tcp_announce_gone(struct tcp *t, const struct tcp_pcb *p) { tell_sure(t, p, MAIL_UNBIND, 0, 0); }

void tcp_listener_changed(struct tcp *t, const struct conn *listener)
{
	const struct tcp_listener *l = (const struct tcp_listener *)listener;
	const struct tcp_pcb *p = (const struct tcp_pcb *)l;

	if (!tcp_is_twin(l))
		tcp_announce_sure(t, p, tcp_bind_flags(t, p) | BIND_RECEIVES, l->backlog);
}

/* ---- hearing ---- */

static struct tcp_shared *shared_at(const struct tcp *t, uint32_t idx) { return pool_at(&t->shared, idx); }

/* The place of a listener's record: what points to it, or to the 0 at the chain's end. */
static uint32_t *shared_link(struct tcp *t, uint16_t stack, flow_ref owner)
{
	uint32_t *link = &t->shared_head[(owner * 2654435761u ^ stack * 40503u) >> 16 & (TCP_SHARED_CHAINS - 1)];
	const struct tcp_shared *sh;

	for (; *link != 0; link = &shared_at(t, *link)->next) {
		sh = shared_at(t, *link);
		if (sh->stack == stack && sh->note.b.owner == owner)
			break;
	}
	return link;
}

static uint32_t twin_flags(const struct bind_note *b) { return b->flags | (uint32_t)b->dev << BIND_DEV_SHIFT; }

/* A twin gets what its owner's listener has. */
static void twin_set_options(struct tcp *t, struct tcp_listener *l, const struct tcp_bind_note *n)
{
	struct tcp_pcb *p = (struct tcp_pcb *)l;

	l->backlog = n->backlog;
	p->sndbuf = n->sndbuf;
	p->rcvbuf = n->rcvbuf;
	p->tflags = (p->tflags & ~NOTE_TFLAGS) | n->tflags;
	p->xflags = (p->xflags & ~TX_CC_MASK) | (uint32_t)n->congestion << TX_CC_SHIFT;
	p->c.flags = (uint8_t)((p->c.flags & ~NOTE_CONN_FLAGS) | n->conn_flags);
	p->c.more = n->b.more;
	if (n->has_opts) {
		struct tcp_optext *own = tcp_opt_need(t, p);
		uint32_t fastopen = own->fastopen; /* a number of this stack */

		memcpy((char *)own + sizeof(own->pool_link), (const char *)&n->opts + sizeof(own->pool_link),
		       sizeof(*own) - sizeof(own->pool_link));
		own->fastopen = fastopen;
		tcp_fo_note_take(t, p, &n->fastopen);
	}
}

void tcp_shared_set(struct tcp *t, uint16_t stack, const struct tcp_bind_note *n)
{
	uint32_t *link = shared_link(t, stack, n->b.owner), idx = *link;
	struct tcp_shared *sh;
	rte_be32_t laddr_be;

	if (!bind_note_addr(&t->binds, &n->b, &laddr_be))
		return;
	if (idx == 0) {
		idx = pool_get(&t->shared); /* none: its descriptor will mean nothing here; its owner still accepts all */
		if (idx == 0) {
			addr6_put(&t->flow->addr6s, laddr_be);
			return;
		}
		sh = shared_at(t, idx);
		*sh = (struct tcp_shared){.next = *link, .stack = stack};
		*link = idx;
	}
	sh = shared_at(t, idx);
	addr6_put(&t->flow->addr6s, sh->note.b.laddr_be);
	sh->note = *n;
	sh->note.b.laddr_be = laddr_be;
	if (sh->twin != 0) {
		twin_set_options(t, (struct tcp_listener *)conn_at(t->flow, sh->twin), n);
		/* Its owner has asked whether they may be so. */
		bind_set_flags(&t->binds, sh->twin, n->b.lport_be, twin_flags(&n->b));
	}
}

void tcp_shared_remove(struct tcp *t, uint16_t stack, flow_ref owner)
{
	uint32_t *link = shared_link(t, stack, owner), idx = *link;
	struct tcp_shared *sh = shared_at(t, idx);

	if (idx == 0)
		return;
	if (sh->twin != 0)
		tcp_close(t, tcp_pcb_at(t, sh->twin));
	addr6_put(&t->flow->addr6s, sh->note.b.laddr_be);
	*link = sh->next;
	pool_put(&t->shared, idx);
}

/* ---- twins ---- */

static int twin_new(struct tcp *t, uint32_t idx)
{
	struct tcp_pcb *p = tcp_new(t);
	struct tcp_listener *l = (struct tcp_listener *)p;
	struct tcp_shared *sh = shared_at(t, idx);
	const struct bind_note *b = &sh->note.b;

	if (p == NULL)
		return -ENOBUFS;
	if (bind_add_twin(&t->binds, tcp_pcb_ref(t, p), b->laddr_be, b->lport_be, twin_flags(b)) != 0) {
		tcp_pcb_free(t, p);
		return -ENOBUFS;
	}
	p->c.h.key.laddr_be = b->laddr_be;
	p->c.h.key.lport_be = b->lport_be;
	p->c.more = b->more;
	p->c.flags |= CONN_BOUND_PORT | (b->laddr_be != 0 ? CONN_BOUND_ADDR : 0);
	tcp_state_set(t, p, TCP_LISTEN);
	l->c.type = CONN_LISTEN;
	l->c.listener = ref_make(FLOW_REMOTE, sh->stack); /* its number at this stack is no descriptor */
	l->accept_head = l->accept_tail = l->n_accept = 0;
	l->shared = idx;
	twin_set_options(t, l, &sh->note);
	sh->twin = tcp_pcb_ref(t, p);
	return 0;
}

int tcp_twin(struct tcp *t, uint16_t stack, flow_ref owner, bool make, struct conn **twin)
{
	uint32_t idx = *shared_link(t, stack, owner);
	struct tcp_shared *sh = shared_at(t, idx);
	int rc;

	*twin = NULL;
	if (idx == 0)
		return -EBADF;
	if (sh->twin == 0) {
		rc = make ? twin_new(t, idx) : 0;
		if (!make || rc != 0)
			return rc;
	}
	*twin = conn_at(t->flow, sh->twin);
	return 0;
}

void tcp_twin_close(struct tcp *t, struct tcp_listener *l)
{
	struct tcp_pcb *p = (struct tcp_pcb *)l;

	shared_at(t, l->shared)->twin = 0;
	tcp_listener_close(t, l);
	bind_remove(&t->binds, tcp_pcb_ref(t, p), p->c.h.key.lport_be);
	p->c.flags &= (uint8_t)~CONN_BOUND_PORT; /* so that nobody else is told */
	p->c.listener = 0;
	p->c.type = CONN_TCP;
	tcp_state_set(t, p, TCP_CLOSED);
	tcp_pcb_free(t, p);
}
