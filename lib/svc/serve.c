/* serve.c: the stack's side of the channels: who asks is answered, in the order of the channels, once a turn each. */
#include <rte_prefetch.h>

#include "svc/futex.h"
#include "svc/server.h"

#define WORDS (SVC_CHANS / 64)
#define FORGET_TRIES 10000 /* of 100 us */

/* The note at the socket goes first: then the next may post. False: not all of it found room, the next turn tries again. */
static bool post_end(struct svc_server *v, uint32_t chan)
{
	const struct svc_chan *c = &v->chans[chan];
	uint32_t slot = c->file - v->self * v->n_files;

	if (c->result == -EAGAIN) {
		atomic_fetch_or(&v->box->pending[chan / 64], 1ull << chan % 64);
		return false;
	}
	if (slot < v->n_files && svc_note_take(&v->files[slot].posted, chan))
		svc_futex_wake(&v->files[slot].posted, INT32_MAX);
	return true;
}

static void answer(struct svc_server *v, uint32_t chan)
{
	struct svc_chan *c = &v->chans[chan];

	/* A bit without a request: the control thread asks again for a client that died, and clients do that when they waited for long. */
	if (!svc_chan_asks(c))
		return;
	c->result = svc_op(v, c);
	if (c->op == SVC_POST && !post_end(v, chan))
		return;
	if (atomic_exchange(&c->state, SVC_DONE) == SVC_ASKED_ASLEEP)
		svc_futex_wake(&c->state, 1);
}

/* Those of one word. The memory that they will touch is fetched for all first. */
static uint32_t answer_word(struct svc_server *v, uint32_t first, uint64_t bits)
{
	for (uint64_t left = bits; left != 0; left &= left - 1) {
		const struct svc_chan *c = &v->chans[first + (uint32_t)__builtin_ctzll(left)];

		rte_prefetch0(c);
		rte_prefetch0(&c->op);
		rte_prefetch0(c->data);
	}
	for (uint64_t left = bits; left != 0; left &= left - 1) {
		struct svc_chan *c = &v->chans[first + (uint32_t)__builtin_ctzll(left)];
		uint32_t slot = svc_chan_asks(c) ? c->file - v->self * v->n_files : UINT32_MAX;

		if (slot < v->n_files) {
			rte_prefetch0(&v->files[slot]);
			rte_prefetch0(&v->own[slot]);
			rte_prefetch0(conn_at(&v->env->s->flow, ref_make(FLOW_CONN, slot)));
		}
	}
	for (uint64_t left = bits; left != 0; left &= left - 1)
		answer(v, first + (uint32_t)__builtin_ctzll(left));
	return (uint32_t)__builtin_popcountll(bits);
}

/* Files whose last reference went with a process. */
static uint32_t close_orphans(struct svc_server *v)
{
	uint32_t at = atomic_exchange(&v->closing, 0), n = 0;

	while (at != 0) {
		uint32_t slot = at - 1;

		at = v->own[slot].next_closing;
		atomic_store(&v->own[slot].closing, 0);
		svc_file_close(v, slot, v->own[slot].gen);
		n++;
	}
	return n;
}

uint32_t svc_serve(struct svc_server *v)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WORDS; i++)
		if (atomic_load_explicit(&v->box->pending[i], memory_order_relaxed) != 0)
			n += answer_word(v, i * 64, atomic_exchange(&v->box->pending[i], 0));
	if (unlikely(atomic_load_explicit(&v->closing, memory_order_relaxed) != 0))
		n += close_orphans(v);
	if (unlikely(atomic_load_explicit(&v->forget, memory_order_relaxed) != 0)) {
		svc_server_close_all(v);
		atomic_store(&v->forget, 0);
	}
	return n;
}

void svc_server_close(struct svc_server *v, uint32_t slot)
{
	struct svc_own_file *own = &v->own[slot];
	uint32_t head;

	if (slot >= v->n_files || atomic_exchange(&own->closing, 1) != 0)
		return;
	head = atomic_load_explicit(&v->closing, memory_order_relaxed);
	do
		own->next_closing = head;
	while (!atomic_compare_exchange_weak(&v->closing, &head, slot + 1));
	svc_server_wake(v);
}

void svc_server_forget(struct svc_server *v)
{
	atomic_store(&v->forget, 1);
	svc_server_wake(v);
	for (unsigned tries = 0; atomic_load(&v->forget) != 0 && tries < FORGET_TRIES; tries++)
		usleep(100);
}
