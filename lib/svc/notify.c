/* notify.c: what happens to sockets is shown in their files, and those who wait are woken. */
#include "flow/ready.h"
#include "svc/server.h"

#define NEWS_BURST 64

/* Shows them; what was shown before. Sequentially consistent, as is the waiter's note of itself before it looks at them. */
static uint32_t show(struct svc_server *v, uint32_t slot, uint32_t events)
{
	return atomic_exchange(&v->files[slot].events, events);
}

static void tell(struct svc_server *v, uint32_t slot, uint32_t events)
{
	struct svc_file *f = &v->files[slot];

	if (atomic_load(&f->pollers) != 0)
		svc_bells_ring(v->bells, &f->pollers);
	if (v->own[slot].watches != 0)
		svc_watch_news(v, slot, events);
}

static uint32_t events_of(struct svc_server *v, uint32_t slot)
{
	return sock_events(v->env, sock_at(v->env, svc_file_fd(v, slot)));
}

void svc_notify(struct svc_server *v, uint32_t slot)
{
	uint32_t events = events_of(v, slot);

	show(v, slot, events);
	tell(v, slot, events);
}

void svc_publish(struct svc_server *v, uint32_t slot)
{
	uint32_t events = events_of(v, slot);
	uint32_t was = atomic_load_explicit(&v->files[slot].events, memory_order_relaxed);

	if (events == was)
		return;
	show(v, slot, events);
	if ((events & ~was) == 0)
		return;
	/* Told now: the stack's own note of it is no second piece of news. */
	ready_unlink(&v->env->s->flow, sock_at(v->env, svc_file_fd(v, slot)));
	tell(v, slot, events);
}

uint32_t svc_news(struct svc_server *v)
{
	struct epoll_event ev[NEWS_BURST];
	int n = sock_epoll_wait(v->ep, ev, NEWS_BURST, 0);

	for (int i = 0; i < n; i++)
		svc_notify(v, (uint32_t)ev[i].data.u64);
	return n > 0 ? (uint32_t)n : 0;
}
