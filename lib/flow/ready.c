/* ready.c: linking into and out of ready lists. */
#include "flow/ready.h"

#include "base/assert.h"

void ready_link(struct flow *f, struct conn *c)
{
	struct epoll_inst *ep = epoll_at(f, c->ep);
	flow_ref r = conn_ref(f, c);

	SPATE_ASSERT(c->ep != 0 && !(c->flags & CONN_READY));
	c->ready_next = 0;
	c->ready_prev = ep->tail;
	if (ep->tail != 0)
		conn_at(f, ep->tail)->ready_next = r;
	else
		ep->head = r;
	ep->tail = r;
	ep->n_ready++;
	c->flags |= CONN_READY;
}

void ready_unlink(struct flow *f, struct conn *c)
{
	struct epoll_inst *ep;

	if (!(c->flags & CONN_READY))
		return;
	ep = epoll_at(f, c->ep);
	if (c->ready_prev != 0)
		conn_at(f, c->ready_prev)->ready_next = c->ready_next;
	else
		ep->head = c->ready_next;
	if (c->ready_next != 0)
		conn_at(f, c->ready_next)->ready_prev = c->ready_prev;
	else
		ep->tail = c->ready_prev;
	c->ready_next = 0;
	c->ready_prev = 0;
	c->flags &= (uint8_t)~CONN_READY;
	ep->n_ready--;
}

void ready_leave(struct flow *f, struct conn *c)
{
	if (c->ep == 0)
		return;
	ready_unlink(f, c);
	epoll_at(f, c->ep)->n_watched--;
	c->ep = 0;
	c->ep_events = 0;
}
