/* ready.h: the ready list: which watched sockets have news. Protocols mark, epoll_wait() drains. O(1) each. */
#ifndef FLOW_READY_H
#define FLOW_READY_H

#include <sys/epoll.h>

#include "flow/conn.h"

/* An epoll instance: a socket slot of type CONN_EPOLL. */
struct epoll_inst {
	struct conn c;
	flow_ref head, tail; /* ready list: conns linked by ready_next/ready_prev, oldest first */
	uint32_t n_ready;
	uint32_t n_watched;
	int kernel;          /* lib/sock's: the kernel's epoll descriptor + 1, 0: it watches none of the kernel's descriptors */
	uint32_t passed;     /* ... calls since they were looked at */
};
static_assert(sizeof(struct epoll_inst) <= CONN_SLOT_BYTES, "an epoll instance is a socket slot");

static inline struct epoll_inst *epoll_at(const struct flow *f, flow_ref r)
{
	return (struct epoll_inst *)conn_at(f, r);
}

void ready_link(struct flow *f, struct conn *c);   /* at the tail; c->ep is set, c is not linked */
void ready_unlink(struct flow *f, struct conn *c); /* not linked: no-op */
void ready_leave(struct flow *f, struct conn *c);  /* the registration ends; not watched: no-op */

/* What of it happened is kept between the events that are watched for and the bits that are none (EPOLLET ...): for whoever passes
 * it on to several (svc/notify.c). */
#define READY_MARKS_SHIFT 14
#define READY_MARKS (((1u << READY_MARKS_SHIFT) - 1) << READY_MARKS_SHIFT)
static_assert(((uint32_t)EPOLLRDHUP << READY_MARKS_SHIFT & ~READY_MARKS) == 0 && (EPOLLEXCLUSIVE & READY_MARKS) == 0,
	      "room for a second set of events in the 32 bits");

/* Something of events (EPOLLIN ...) happened to c: link it if somebody watches for it. EPOLLERR and EPOLLHUP are
 * always watched. */
static inline void ready_mark(struct flow *f, struct conn *c, uint32_t events)
{
	uint32_t news = events & (c->ep_events | EPOLLERR | EPOLLHUP);

	if (c->ep == 0 || news == 0)
		return;
	c->ep_events |= news << READY_MARKS_SHIFT;
	if (!(c->flags & CONN_READY))
		ready_link(f, c);
}

/* What was marked since it was asked last. */
static inline uint32_t ready_marks_take(struct conn *c)
{
	uint32_t marks = (c->ep_events & READY_MARKS) >> READY_MARKS_SHIFT;

	c->ep_events &= ~READY_MARKS;
	return marks;
}

#endif
