/* epoll.c: epoll on the stack's ready lists. A socket has one registration, in its own slot; nothing is allocated.
 * Sockets with news are linked into their instance's list by the protocols (ready_mark()), and epoll_wait() drains it:
 * O(events). Level-triggered sockets stay listed while they are ready and are looked at again each time. */
#include <rte_prefetch.h>

#include "sock/kernel.h"

/* Bits of a registration that are not events. */
#define PRIVATE_BITS ((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE))

int sock_epoll_create(int flags)
{
	struct sock_env *env = sock_cur;
	struct conn *c;

	if (env == NULL)
		return -ENXIO;
	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	c = conn_new(&env->s->flow, CONN_EPOLL);
	return c != NULL ? sock_fd(env, c) : -ENOBUFS;
}

/* ---- registrations ---- */

static void watch(struct sock_env *env, struct conn *c, const struct epoll_event *event)
{
	c->ep_events = event->events | EPOLLERR | EPOLLHUP;
	c->ep_data = event->data.u64;
	ready_mark(&env->s->flow, c, sock_events(env, c));
}

void sock_epoll_leave(struct sock_env *env, struct conn *c)
{
	ready_leave(&env->s->flow, c);
}

void sock_epoll_close(struct sock_env *env, struct conn *ep)
{
	struct flow *f = &env->s->flow;
	struct epoll_inst *inst = (struct epoll_inst *)ep;
	flow_ref self = conn_ref(f, ep);

	/* The sockets do not link to each other (8 bytes each for a rare call), so all are asked. */
	for (uint32_t i = 1; i < f->pool[FLOW_CONN].fresh && inst->n_watched > 0; i++) {
		struct conn *c = conn_at(f, ref_make(FLOW_CONN, i));

		if (c->type != CONN_FREE && c->ep == self)
			sock_epoll_leave(env, c);
	}
	kernel_epoll_close(inst);
	conn_free(f, ep);
}

int sock_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event)
{
	struct sock_env *env = sock_cur;
	struct conn *ep, *c;
	flow_ref self;

	if (env == NULL)
		return -ENXIO;
	if (event == NULL && op != EPOLL_CTL_DEL)
		return -EFAULT;
	ep = sock_at(env, epfd);
	if (ep != NULL && ep->type == CONN_EPOLL && sock_is_kernel(fd))
		return kernel_epoll_ctl((struct epoll_inst *)ep, op, fd, event);
	c = sock_at_shared(env, fd);
	if (ep == NULL || c == NULL)
		return -EBADF;
	if (ep->type != CONN_EPOLL || c->type == CONN_EPOLL)
		return -EINVAL;
	self = conn_ref(&env->s->flow, ep);
	switch (op) {
	case EPOLL_CTL_ADD:
		if (c->ep != 0)
			return c->ep == self ? -EEXIST : -ENOSPC;
		c->ep = self;
		((struct epoll_inst *)ep)->n_watched++;
		watch(env, c, event);
		return 0;
	case EPOLL_CTL_MOD:
		if (c->ep != self)
			return -ENOENT;
		watch(env, c, event);
		return 0;
	case EPOLL_CTL_DEL:
		if (c->ep != self)
			return -ENOENT;
		sock_epoll_leave(env, c);
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- collecting ---- */

/* What a listed socket has to report now; 0: nothing any more, or switched off by EPOLLONESHOT. */
static uint32_t news_of(struct sock_env *env, struct conn *c)
{
	return (c->ep_events & ~PRIVATE_BITS) != 0 ? sock_events(env, c) & c->ep_events : 0;
}

/* Visits what is listed now at most once, the longest waiting first; what stays listed goes to the end. */
static int collect(struct sock_env *env, struct epoll_inst *inst, struct epoll_event *events, int max)
{
	struct flow *f = &env->s->flow;
	int n = 0;

	for (uint32_t left = inst->n_ready; left > 0 && n < max; left--) {
		struct conn *c = conn_at(f, inst->head);
		uint32_t news;

		if (c->ready_next != 0) {
			const uint8_t *next = (const uint8_t *)conn_at(f, c->ready_next);

			rte_prefetch0(next);
			rte_prefetch0(next + 64);
		}
		news = news_of(env, c);
		ready_unlink(f, c);
		if (news == 0)
			continue;
		events[n].events = news;
		events[n].data.u64 = c->ep_data;
		n++;
		if (c->ep_events & EPOLLONESHOT)
			c->ep_events &= PRIVATE_BITS;
		else if (!(c->ep_events & EPOLLET))
			ready_link(f, c);
	}
	return n;
}

bool sock_epoll_ready(struct sock_env *env, struct conn *ep)
{
	struct epoll_inst *inst = (struct epoll_inst *)ep;
	struct flow *f = &env->s->flow;

	/* What is stale goes; the first that is not answers. */
	while (inst->head != 0 && news_of(env, conn_at(f, inst->head)) == 0)
		ready_unlink(f, conn_at(f, inst->head));
	return inst->head != 0 || (inst->kernel != 0 && kernel_poll(inst->kernel - 1 + SOCK_KERNEL, POLLIN) != 0);
}

/* Of an instance with descriptors of the kernel: they are looked at when there is nothing else, and else now and then. */
static int collect_both(struct sock_env *env, struct epoll_inst *inst, struct epoll_event *events, int max, uint32_t turn)
{
	int n = 0;

	if (++inst->passed >= KERNEL_TURNS) {
		n = kernel_epoll_collect(inst, events, max);
		inst->passed = 0;
	}
	if (n < max)
		n += collect(env, inst, events + n, max - n);
	if (n == 0 && inst->passed != 0 && turn == 0) {
		n = kernel_epoll_collect(inst, events, max);
		inst->passed = 0;
	}
	return n;
}

int sock_epoll_wait_for(int epfd, struct epoll_event *events, int max, uint64_t ns, const sigset_t *mask)
{
	struct sock_env *env = sock_cur;
	struct conn *ep;
	struct epoll_inst *inst;
	struct sock_wait w;
	uint32_t turn = 0;
	int n, rc;

	if (env == NULL)
		return -ENXIO;
	if (max < 1)
		return -EINVAL;
	if (events == NULL)
		return -EFAULT;
	ep = sock_at(env, epfd);
	if (ep == NULL)
		return -EBADF;
	if (ep->type != CONN_EPOLL)
		return -EINVAL;
	inst = (struct epoll_inst *)ep;
	/* A turn first, always: a program whose list is never empty must still receive. */
	sock_wait_begin(&w, env, ns, false);
	sock_wait_mask(&w, mask);
	do {
		rc = sock_wait_turn(&w);
		if (rc < 0) {
			n = rc == -EAGAIN ? 0 : rc;
			break;
		}
		n = likely(inst->kernel == 0) ? collect(env, inst, events, max) : collect_both(env, inst, events, max, turn++);
	} while (n == 0);
	sock_wait_end(&w);
	return n;
}

int sock_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t ns;
	int rc = sock_timespec_ns(timeout, &ns);

	return rc < 0 ? rc : sock_epoll_wait_for(epfd, events, max, ns, mask);
}
