/* stage.c: short news of a stream are laid out in the shared memory before anybody asks: whoever receives takes them from there
 * (lib/client/stage.c) without asking the stack. To TCP they are unread until the stack learns how much was taken: when more arrives,
 * with the next call on the socket, or from the list of those that were taken empty.
 *
 * Between svc_stage_stop() and svc_stage() the word is stopped: clients see what it says and take nothing, so that events and word
 * never tell together of bytes that are not there. */
#include "svc/server.h"

void svc_stage_stop(struct svc_server *v, uint32_t slot)
{
	struct svc_own_file *own = &v->own[slot];
	struct iovec iov = {0};
	struct conn *c;
	uint64_t word;

	if (own->stage == 0 || own->stage_stopped)
		return;
	own->stage_stopped = true;
	word = atomic_fetch_or(&v->files[slot].stage, SVC_STAGE_STOPPED);
	c = sock_at(v->env, svc_file_fd(v, slot));
	/* Clients may write nonsense, and a reset may have thrown the bytes away. */
	iov.iov_len = RTE_MIN(svc_stage_off(word), (uint32_t)own->stage_len);
	if (iov.iov_len > 0 && sock_is_tcp(c) && tcp_unread(&v->env->s->tcp, sock_tcp(c)) >= iov.iov_len)
		tcp_recv(&v->env->s->tcp, sock_tcp(c), &iov, 1, MSG_TRUNC);
}

void svc_stage_drop(struct svc_server *v, uint32_t slot)
{
	struct svc_own_file *own = &v->own[slot];

	if (own->stage == 0)
		return;
	atomic_store(&v->files[slot].stage, 0);
	v->stage_free[v->n_stage_free++] = (uint16_t)(own->stage - 1);
	own->stage = 0;
	own->stage_stopped = false;
}

/* How much there is to lay out; 0: nothing, or not in short. */
static uint32_t news_len(const struct svc_server *v, const struct conn *c, uint32_t events)
{
	uint32_t len;

	if (!(events & EPOLLIN) || events & (EPOLLERR | EPOLLHUP | EPOLLPRI) || !sock_is_tcp(c))
		return 0;
	len = tcp_unread_plain(&v->env->s->tcp, (const struct tcp_pcb *)c);
	return len <= SVC_STAGE_BYTES ? len : 0;
}

void svc_stage(struct svc_server *v, uint32_t slot, uint32_t events)
{
	struct conn *c = sock_at(v->env, svc_file_fd(v, slot));
	struct svc_own_file *own = &v->own[slot];
	struct iovec iov = {.iov_len = SVC_STAGE_BYTES};
	uint32_t len = news_len(v, c, events);

	if (len == 0 || (own->stage == 0 && v->n_stage_free == 0)) {
		svc_stage_drop(v, slot);
		return;
	}
	if (own->stage == 0)
		own->stage = (uint16_t)(v->stage_free[--v->n_stage_free] + 1);
	own->stage_len = (uint16_t)len;
	own->stage_stopped = false;
	iov.iov_base = v->stages + (uint64_t)(own->stage - 1) * SVC_STAGE_BYTES;
	tcp_recv(&v->env->s->tcp, sock_tcp(c), &iov, 1, MSG_PEEK);
	atomic_store(&v->files[slot].stage, svc_stage_make(own->stage, len, events & EPOLLRDHUP, ++own->stagings));
}

uint32_t svc_stages_eaten(struct svc_server *v)
{
	uint32_t at, n = 0;

	if (likely(atomic_load_explicit(&v->box->eaten, memory_order_relaxed) == 0))
		return 0;
	at = atomic_exchange(&v->box->eaten, 0);
	/* Clients link the list: it may be nonsense, but it ends. */
	for (; at - 1 < v->n_files && n < v->n_files; n++) {
		uint32_t slot = at - 1;

		at = atomic_exchange(&v->files[slot].eaten_next, 0);
		if (v->own[slot].open && v->own[slot].stage != 0)
			svc_publish(v, slot);
	}
	return n;
}
