/* watch.c: sockets in clients' epoll instances. The stack links a watch into its instance's ready list, epoll_wait() of any
 * client takes it out (layout.h); the stack's own list of watches per file is private. */
#include "svc/server.h"

#define PRIVATE_BITS ((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE))
#define DYING_SWEEP 64 /* that wait to be freed are looked at so many at a time */

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
	uint32_t w = v->own[slot].watches;

	v->own[slot].watches = 0;
	while (w != 0) {
		uint32_t next = v->own_watch[w].next;

		drop(v, w);
		w = next;
	}
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
	uint32_t *link = &v->own[slot].watches;

	while (*link != 0) {
		uint32_t w = *link;

		if (!instance_is_there(v, &v->own_watch[w])) {
			*link = v->own_watch[w].next;
			drop(v, w);
			continue;
		}
		if (atomic_load_explicit(&v->watches[w].interest, memory_order_relaxed) & ~PRIVATE_BITS & events)
			link_ready(v, w);
		link = &v->own_watch[w].next;
	}
}

/* ---- epoll_ctl() ---- */

/* Where the watch of this key is linked, NULL: there is none. */
static uint32_t *find(struct svc_server *v, uint32_t slot, int fd, uint32_t epoll, uint32_t epoll_gen)
{
	uint32_t *link = &v->own[slot].watches;

	for (; *link != 0; link = &v->own_watch[*link].next) {
		const struct svc_own_watch *own = &v->own_watch[*link];

		if (own->epoll == epoll && own->epoll_gen == epoll_gen && own->fd == fd)
			return link;
	}
	return NULL;
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
	v->own_watch[w] = (struct svc_own_watch){.next = v->own[slot].watches, .slot = slot, .epoll = epoll, .epoll_gen = epoll_gen,
						 .fd = fd, .exclusive = events & EPOLLEXCLUSIVE};
	v->own[slot].watches = w;
	watch->file = v->self * v->n_files + slot;
	watch->epoll = epoll;
	watch->epoll_gen = epoll_gen;
	watch->fd = fd;
	atomic_store(&watch->queued, 0);
	atomic_store(&watch->dead, 0);
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

static int leave(struct svc_server *v, uint32_t *link)
{
	uint32_t w = *link;

	*link = v->own_watch[w].next;
	drop(v, w);
	return 0;
}

int svc_watch_ctl(struct svc_server *v, uint32_t slot, int op, int fd, uint32_t epoll, uint32_t epoll_gen, uint32_t events, uint64_t data)
{
	struct svc_own_watch key = {.epoll = epoll, .epoll_gen = epoll_gen};
	uint32_t *link;

	if (epoll >= SVC_EPOLLS || !instance_is_there(v, &key))
		return -EBADF;
	link = find(v, slot, fd, epoll, epoll_gen);
	switch (op) {
	case EPOLL_CTL_ADD:
		return link != NULL ? -EEXIST : add(v, slot, fd, epoll, epoll_gen, events, data);
	case EPOLL_CTL_MOD:
		return link == NULL ? -ENOENT : change(v, slot, *link, events, data);
	case EPOLL_CTL_DEL:
		return link == NULL ? -ENOENT : leave(v, link);
	default:
		return -EINVAL;
	}
}
