/* file.c: sockets of clients: opening, finding, closing; and the server of a stack itself. */
#include <string.h>

#include "flow/ready.h"
#include "svc/server.h"

#define ALL_EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP)

/* ---- the server ---- */

static int own_memory(struct svc_server *v, int numa_node)
{
	int rc = region_map(&v->own_region, (size_t)v->n_files * sizeof(*v->own), numa_node);

	if (rc < 0)
		return rc;
	v->own = v->own_region.base;
	rc = region_map(&v->own_watch_region, ((size_t)v->n_watches + 1) * sizeof(*v->own_watch), numa_node);
	if (rc < 0) {
		region_unmap(&v->own_region);
		return rc;
	}
	v->own_watch = v->own_watch_region.base;
	v->stage_free = malloc(SVC_STAGES * sizeof(*v->stage_free));
	if (v->stage_free == NULL) {
		region_unmap(&v->own_watch_region);
		region_unmap(&v->own_region);
		return -ENOMEM;
	}
	while (v->n_stage_free < SVC_STAGES)
		v->stage_free[v->n_stage_free] = (uint16_t)(SVC_STAGES - 1 - v->n_stage_free), v->n_stage_free++;
	return 0;
}

int svc_server_init(struct svc_server *v, const struct svc_region *r, uint32_t self, struct svc_bells *bells, struct sock_env *env,
		    enum svc_idle idle)
{
	int rc;

	memset(v, 0, sizeof(*v));
	v->r = r;
	v->self = self;
	v->bells = bells;
	v->env = env;
	v->idle = idle;
	v->box = &r->stacks[self];
	v->chans = r->chans;
	v->n_files = r->files_per_stack;
	v->n_watches = r->watches_per_stack;
	v->files = r->files + (uint64_t)self * v->n_files;
	v->watches = r->watches + (uint64_t)self * v->n_watches;
	v->stages = svc_stage_at(r->head, self, 1);
	v->watch_fresh = 1;
	rc = own_memory(v, -1);
	if (rc < 0)
		return rc;
	v->ep = sock_epoll_create(0);
	if (idle == SVC_IDLE_INTERRUPT && svc_waker_start(&v->waker, env->s, v->box) < 0)
		v->idle = SVC_IDLE_ADAPTIVE;
	if (v->ep >= 0)
		return 0;
	svc_server_fini(v);
	return v->ep;
}

void svc_server_fini(struct svc_server *v)
{
	svc_waker_stop(&v->waker);
	if (v->ep >= 0)
		sock_close(v->ep);
	free(v->stage_free);
	region_unmap(&v->own_watch_region);
	region_unmap(&v->own_region);
}

/* ---- files ---- */

/* Only we write it. */
static void open_count(struct svc_server *v, uint32_t more)
{
	atomic_store_explicit(&v->n_open, atomic_load_explicit(&v->n_open, memory_order_relaxed) + more, memory_order_relaxed);
}

uint32_t svc_file_open(struct svc_server *v, int fd, int domain, int type, int protocol)
{
	const struct epoll_event all = {.events = ALL_EVENTS | EPOLLET, .data.u64 = svc_file_slot(v, fd)};
	uint32_t slot = svc_file_slot(v, fd);
	struct svc_own_file *own = &v->own[slot];
	struct svc_file *f = &v->files[slot];
	struct conn *c = sock_at(v->env, fd);

	own->gen = own->gen + 1 != 0 ? own->gen + 1 : 1;
	own->open = 1;
	open_count(v, 1);
	/* A new registration is news to epoll, and none to anybody: the events are shown below. */
	sock_epoll_ctl(v->ep, EPOLL_CTL_ADD, fd, &all);
	ready_unlink(&v->env->s->flow, c);
	ready_marks_take(c);
	atomic_store_explicit(&f->events, sock_events(v->env, c), memory_order_relaxed);
	atomic_store_explicit(&f->pollers, 0, memory_order_relaxed);
	atomic_store_explicit(&f->flags, 0, memory_order_relaxed);
	atomic_store_explicit(&f->bits, 0, memory_order_relaxed);
	atomic_store_explicit(&f->rcv_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&f->snd_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&f->stage, 0, memory_order_relaxed);
	atomic_store_explicit(&f->posted, 0, memory_order_relaxed);
	f->domain = (uint8_t)domain;
	f->type = (uint8_t)type;
	f->protocol = (uint8_t)protocol;
	f->stack = (uint8_t)v->self;
	atomic_store_explicit(&f->life, svc_life_make(own->gen, 1), memory_order_release);
	return slot;
}

int64_t svc_file_find(const struct svc_server *v, uint32_t file, uint32_t gen)
{
	uint32_t slot = file - v->self * v->n_files;

	if (slot >= v->n_files || !v->own[slot].open || v->own[slot].gen != gen)
		return -EBADF;
	return slot;
}

void svc_file_close_now(struct svc_server *v, uint32_t slot)
{
	struct svc_own_file *own = &v->own[slot];

	svc_watch_drop_all(v, slot);
	svc_stage_stop(v, slot);
	svc_stage_drop(v, slot);
	own->open = 0;
	open_count(v, UINT32_MAX);
	atomic_store(&v->files[slot].life, svc_life_make(own->gen, 0));
	sock_close(svc_file_fd(v, slot));
}

int svc_file_close(struct svc_server *v, uint32_t slot, uint32_t gen)
{
	uint64_t life = atomic_load_explicit(&v->files[slot].life, memory_order_acquire);

	if (!v->own[slot].open || v->own[slot].gen != gen)
		return -EBADF;
	/* A life of another generation is a client's scribbling. */
	if (svc_life_gen(life) == gen && svc_life_refs(life) != 0)
		return -EBUSY;
	svc_file_close_now(v, slot);
	return 0;
}

void svc_server_close_all(struct svc_server *v)
{
	for (uint32_t slot = 0; slot < v->n_files && v->n_open > 0; slot++)
		if (v->own[slot].open)
			svc_file_close_now(v, slot);
}
