/* waker.c: see waker.h. */
#include "svc/waker.h"

#include <errno.h>
#include <unistd.h>

#include <rte_interrupts.h>

#include "base/log.h"
#include "svc/futex.h"

#define LOOK_NS 100000000u /* how late the thread sees that it shall stop */
#define LOOK_MS 100
#define EVENTS_MAX 8

static void wake_stack(struct svc_waker *w)
{
	atomic_store(&w->rung, 1);
	if (atomic_exchange(&w->box->asleep, 0) != 0)
		svc_futex_wake(&w->box->asleep, 1);
}

static void *waker_main(void *arg)
{
	struct rte_epoll_event ev[EVENTS_MAX];
	struct svc_waker *w = arg;

	while (atomic_load(&w->stop) == 0) {
		if (atomic_load(&w->idle) != 0) {
			svc_futex_wait(&w->idle, 1, LOOK_NS);
		} else if (rte_epoll_wait(w->epoll, ev, EVENTS_MAX, LOOK_MS) > 0) {
			/* Before the stack can see it: its next sleep must find us idle. */
			atomic_store(&w->idle, 1);
			wake_stack(w);
		}
	}
	return NULL;
}

static int add_ports(struct svc_waker *w)
{
	for (uint16_t i = 0; i < w->s->n_ports; i++) {
		struct port *p = w->s->port[i];

		if (p->ops->wake_add == NULL || p->ops->wake_add(p, w->s->self, w->epoll) != 0) {
			LOG_WARN("%s cannot wake a stack that sleeps: it looks for packets once a millisecond or oftener", p->name);
			return -ENOTSUP;
		}
	}
	return 0;
}

int svc_waker_start(struct svc_waker *w, struct stack *s, struct svc_stack *box)
{
	int rc;

	*w = (struct svc_waker){.s = s, .box = box, .idle = 1, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	if (w->epoll < 0)
		return -errno;
	rc = add_ports(w);
	if (rc == 0)
		rc = -pthread_create(&w->thread, NULL, waker_main, w);
	w->there = rc == 0;
	if (rc < 0)
		close(w->epoll);
	return rc;
}

void svc_waker_stop(struct svc_waker *w)
{
	if (!w->there)
		return;
	atomic_store(&w->stop, 1);
	atomic_store(&w->idle, 0);
	svc_futex_wake(&w->idle, 1);
	pthread_join(w->thread, NULL);
	close(w->epoll);
	w->there = false;
}

static void arm(struct svc_waker *w, bool on)
{
	for (uint16_t i = 0; i < w->s->n_ports; i++)
		w->s->port[i]->ops->wake_arm(w->s->port[i], w->s->self, on);
}

void svc_waker_arm(struct svc_waker *w)
{
	atomic_store(&w->rung, 0);
	if (atomic_exchange(&w->idle, 0) != 0)
		svc_futex_wake(&w->idle, 1);
	arm(w, true);
}

void svc_waker_disarm(struct svc_waker *w) { arm(w, false); }
