/* watch.c: sockets in clients' epoll instances. The stack links a watch into its instance's ready list, epoll_wait() of any
 * client takes it out (layout.h); the stack's own list of watches per file is private. */
#include "svc/server.h"

#define PRIVATE_BITS ((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE))
#define DYING_SWEEP 64 /* that wait to be freed are looked at so many at a time */

/* ---- chains: our own, and what clients see of them ---- */

static uint32_t seen_as(const struct svc_server *v, uint32_t w) { return w != 0 ? v->self * v->n_watches + w : 0; }

/* The file's chain as clients see it, where it has changed: before own->next of prev, or at its head (0). */
static void show_chain(struct svc_server *v, uint32_t slot, uint32_t prev)
{
	if (prev == 0)
		atomic_store_explicit(&v->files[slot].watches, seen_as(v, v->own[slot].watches), memory_order_release);
	else
		atomic_store_explicit(&v->watches[prev].next, seen_as(v, v->own_watch[prev].next), memory_order_release);
}

static uint32_t *chain_link(struct svc_server *v, uint32_t slot, uint32_t prev)
{
	return prev == 0 ? &v->own[slot].watches : &v->own_watch[prev].next;
}

static void chain_push(struct svc_server *v, uint32_t slot, uint32_t w)
{
	v->own_watch[w].next = v->own[slot].watches;
	v->own[slot].watches = w;
	show_chain(v, slot, w);
	show_chain(v, slot, 0);
}

/* The one behind prev. */
static uint32_t chain_cut(struct svc_server *v, uint32_t slot, uint32_t prev)
{
	uint32_t *link = chain_link(v, slot, prev), w = *link;

	*link = v->own_watch[w].next;
	show_chain(v, slot, prev);
	return w;
}

/* ---- memory ---- */

static bool instance_is_there(const struct svc_server *v, const struct svc_own_watch *own)
{
	uint64_t life = atomic_load(&v->r->epolls[own->epoll].life);

	return svc_life_gen(life) == own->epoll_gen && svc_life_refs(life) != 0;
}

/* Nobody has it in hand: its instance has gone; or no taker is at work who may have seen it alive, and it is not linked. In
 * this order: takers that come after the look at the lock see that it is dead, and only ever unlink it. */
static bool is_loose(const struct svc_server *v, uint32_t w)
{
	const struct svc_own_watch *own = &v->own_watch[w];

	return !instance_is_there(v, own) ||
	       (atomic_load(&v->r->epolls[own->epoll].lock) == 0 && atomic_load(&v->watches[w].queued) == 0);
}

static void push_free(struct svc_server *v, uint32_t w)
{
	v->own_watch[w].next = v->watch_free;
	v->watch_free = w;
}

/* Looks at up to n of the dying, and frees what is loose. */
static void sweep(struct svc_server *v, uint32_t n)
{
	uint32_t *link = &v->watch_dying;

	while (*link != 0 && n-- > 0) {
		uint32_t w = *link;

		if (!is_loose(v, w)) {
			link = &v->own_watch[w].next;
			continue;
		}
		*link = v->own_watch[w].next;
		v->n_dying--;
		push_free(v, w);
	}
}

/* 0: all are in use. */
static uint32_t take(struct svc_server *v)
{
	uint32_t w;

	if (v->watch_free == 0 && v->n_dying >= DYING_SWEEP)
		sweep(v, DYING_SWEEP);
	if (v->watch_free == 0 && v->watch_fresh <= v->n_watches)
		return v->watch_fresh++;
	if (v->watch_free == 0)
		sweep(v, v->n_dying);
	w = v->watch_free;
	if (w != 0)
		v->watch_free = v->own_watch[w].next;
	return w;
}

/* It is in no chain any more. */
static void drop(struct svc_server *v, uint32_t w)
{
	atomic_store(&v->watches[w].dead, 1);
	if (is_loose(v, w)) {
		push_free(v, w);
		return;
	}
	v->own_watch[w].next = v->watch_dying;
	v->watch_dying = w;
	v->n_dying++;
}

void svc_watch_drop_all(struct svc_server *v, uint32_t slot)
{
	while (v->own[slot].watches != 0)
		drop(v, chain_cut(v, slot, 0));
}

/* ---- news ---- */

/* Into its instance's ready list. A reference is held meanwhile, so that the instance does not become another one. */
static void link_ready(struct svc_server *v, uint32_t w)
{
	const struct svc_own_watch *own = &v->own_watch[w];
	struct svc_epoll *ep = &v->r->epolls[own->epoll];
	uint32_t head;

	if (atomic_exchange(&v->watches[w].queued, 1) != 0)
		return; /* whoever takes it out looks at the events after that */
	if (!svc_life_get(&ep->life, own->epoll_gen))
		return;
	head = atomic_load_explicit(&ep->ready, memory_order_relaxed);
	do
		atomic_store_explicit(&v->watches[w].next_ready, head, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&ep->ready, &head, v->self * v->n_watches + w));
	if (atomic_load(&ep->pollers) != 0)
		svc_bells_ring(v->bells, &ep->pollers);
	svc_life_put(&ep->life);
}

void svc_watch_news(struct svc_server *v, uint32_t slot, uint32_t events)
{
	uint32_t prev = 0, w;

	while ((w = *chain_link(v, slot, prev)) != 0) {
		if (!instance_is_there(v, &v->own_watch[w])) {
			drop(v, chain_cut(v, slot, prev));
			continue;
		}
		if (atomic_load_explicit(&v->watches[w].interest, memory_order_relaxed) & ~PRIVATE_BITS & events)
			link_ready(v, w);
		prev = w;
	}
}

/* ---- epoll_ctl() ---- */

/* The watch of this key; *prev: before it in the chain. 0: there is none. Those of instances that have gone leave. */
static uint32_t find(struct svc_server *v, uint32_t slot, int fd, uint32_t epoll, uint32_t epoll_gen, uint32_t *prev)
{
	uint32_t w;

	*prev = 0;
	while ((w = *chain_link(v, slot, *prev)) != 0) {
		const struct svc_own_watch *own = &v->own_watch[w];

		if (own->epoll == epoll && own->epoll_gen == epoll_gen && own->fd == fd)
			return w;
		if (instance_is_there(v, own))
			*prev = w;
		else
			drop(v, chain_cut(v, slot, *prev));
	}
	return 0;
}

/* EPOLLERR and EPOLLHUP always count (until EPOLLONESHOT has switched everything off). */
static void want(struct svc_server *v, uint32_t slot, uint32_t w, uint32_t events, uint64_t data)
{
	struct svc_watch *watch = &v->watches[w];

	atomic_store(&watch->data, data);
	atomic_store(&watch->interest, events | EPOLLERR | EPOLLHUP);
	if ((events | EPOLLERR | EPOLLHUP) & ~PRIVATE_BITS & atomic_load_explicit(&v->files[slot].events, memory_order_relaxed))
		link_ready(v, w);
}

static int add(struct svc_server *v, uint32_t slot, int fd, uint32_t epoll, uint32_t epoll_gen, uint32_t events, uint64_t data)
{
	uint32_t w = take(v);
	struct svc_watch *watch = &v->watches[w];

	if (w == 0)
		return -ENOSPC;
	v->own_watch[w] = (struct svc_own_watch){.epoll = epoll, .epoll_gen = epoll_gen, .fd = fd, .exclusive = events & EPOLLEXCLUSIVE};
	watch->file = v->self * v->n_files + slot;
	watch->epoll = epoll;
	watch->epoll_gen = epoll_gen;
	watch->fd = fd;
	atomic_store(&watch->queued, 0);
	atomic_store(&watch->dead, 0);
	chain_push(v, slot, w);
	want(v, slot, w, events, data);
	return 0;
}

static int change(struct svc_server *v, uint32_t slot, uint32_t w, uint32_t events, uint64_t data)
{
	if (v->own_watch[w].exclusive || events & EPOLLEXCLUSIVE)
		return -EINVAL;
	want(v, slot, w, events, data);
	return 0;
}

static int leave(struct svc_server *v, uint32_t slot, uint32_t prev)
{
	drop(v, chain_cut(v, slot, prev));
	return 0;
}

int svc_watch_ctl(struct svc_server *v, uint32_t slot, int op, int fd, uint32_t epoll, uint32_t epoll_gen, uint32_t events, uint64_t data)
{
	struct svc_own_watch key = {.epoll = epoll, .epoll_gen = epoll_gen};
	uint32_t w, prev;

	if (epoll >= SVC_EPOLLS || !instance_is_there(v, &key))
		return -EBADF;
	w = find(v, slot, fd, epoll, epoll_gen, &prev);
	switch (op) {
	case EPOLL_CTL_ADD:
		return w != 0 ? -EEXIST : add(v, slot, fd, epoll, epoll_gen, events, data);
	case EPOLL_CTL_MOD:
		return w == 0 ? -ENOENT : change(v, slot, w, events, data);
	case EPOLL_CTL_DEL:
		return w == 0 ? -ENOENT : leave(v, slot, prev);
	default:
		return -EINVAL;
	}
}
