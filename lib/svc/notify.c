/* notify.c: what happens to sockets is shown in their files, and those who wait are woken. */
#include <rte_prefetch.h>

#include "flow/ready.h"
#include "svc/server.h"

#define NEWS_BURST 256 /* sockets; the others are told after the next requests */

/* Not what goes to ourselves: the peer has it when send() returns. */
static bool takes_posts(const struct svc_server *v, const struct conn *c)
{
	return sock_is_tcp(c) && tcp_takes(&v->env->s->tcp, (const struct tcp_pcb *)c, SVC_POST_BYTES) && !svc_is_to_self(v, c);
}

/* Sequentially consistent, as is the waiter's note of itself before it looks at them. */
static void show(struct svc_server *v, uint32_t slot, uint32_t events)
{
	const struct conn *c = sock_at(v->env, svc_file_fd(v, slot));

	atomic_store(&v->files[slot].events, events | (takes_posts(v, c) ? SVC_POSTS : 0));
	svc_stage(v, slot, events);
}

/* happened: which of them are new, or came again. */
static void tell(struct svc_server *v, uint32_t slot, uint32_t happened)
{
	struct svc_file *f = &v->files[slot];

	if (atomic_load(&f->pollers) != 0)
		svc_bells_ring(v->bells, &f->pollers);
	if (v->own[slot].watches != 0)
		svc_watch_news(v, slot, happened | (happened & EPOLLIN ? EPOLLRDNORM : 0u) | (happened & EPOLLOUT ? EPOLLWRNORM : 0u));
}

/* The stack's own note of c is taken. */
static void forget(struct svc_server *v, struct conn *c)
{
	ready_unlink(&v->env->s->flow, c);
	ready_marks_take(c);
}

void svc_publish(struct svc_server *v, uint32_t slot)
{
	struct conn *c = sock_at(v->env, svc_file_fd(v, slot));
	uint32_t was = atomic_load_explicit(&v->files[slot].events, memory_order_relaxed) & ~SVC_POSTS, events;

	svc_stage_stop(v, slot);
	events = sock_events(v->env, c);
	show(v, slot, events);
	if ((events & ~was) == 0)
		return;
	forget(v, c); /* told now: that it happened is not news a second time */
	tell(v, slot, events & ~was);
}

uint32_t svc_news(struct svc_server *v)
{
	const struct flow *f = &v->env->s->flow;
	struct epoll_inst *all;
	uint32_t n = 0;

	v->env->turn(v->env);
	all = (struct epoll_inst *)sock_at(v->env, v->ep);
	for (; all->head != 0 && n < NEWS_BURST; n++) {
		struct conn *c = conn_at(f, all->head);
		uint32_t slot = ref_index(all->head), marks;

		if (c->ready_next != 0)
			rte_prefetch0(&v->files[ref_index(c->ready_next)]);
		ready_unlink(&v->env->s->flow, c);
		marks = ready_marks_take(c);
		svc_stage_stop(v, slot);
		show(v, slot, sock_events(v->env, c));
		tell(v, slot, marks);
	}
	return n;
}
