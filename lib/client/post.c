/* post.c: sending without waiting: where a stream shows that there is room (SVC_POSTS), its bytes are left in a channel that the thread has
 * for this, and the stack sends them in its next turn. One such request at a time for each socket, noted there: whoever asks for
 * something else on the socket, in whatever thread or process, waits until it is done, so that calls keep their order. */
#include "client/private.h"

#define PLAIN (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE)
#define PATIENCE_NS 100000000u

static bool shows_room(const struct use *u) { return atomic_load(&u->file->events) & SVC_POSTS; }

/* ---- the note at the socket ---- */

static void note_take(struct svc_file *f)
{
	if (svc_note_take(&f->posted, client_self.post - 1))
		kernel_futex_wake(&f->posted, INT32_MAX);
}

static void note_await(struct svc_file *f, uint32_t note)
{
	struct timespec patience = client_timespec(PATIENCE_NS);

	if (spin_while(&f->posted, note, &client_self.answer_spin))
		return;
	if (!(note & SVC_POST_AWAITED) && !atomic_compare_exchange_strong(&f->posted, &note, note | SVC_POST_AWAITED))
		return;
	kernel_futex_wait(&f->posted, note | SVC_POST_AWAITED, &patience);
}

/* A signal's handler in the middle of its own thread's posting: that call has not ended, and has no order with others. */
static bool is_own_half(uint32_t note)
{
	const struct client_thread *t = &client_self;

	return t->post_half != NULL && (note & ~SVC_POST_AWAITED) == t->post;
}

void post_settle(struct svc_file *f)
{
	uint32_t note;

	while ((note = atomic_load(&f->posted)) != 0 && !is_own_half(note)) {
		note_await(f, note);
		if (atomic_load(&f->posted) != (note | SVC_POST_AWAITED))
			continue;
		if (client_service_gone())
			return;
		/* Its thread may have been stopped for good before it rang. */
		stack_ring(svc_stack_at(client.head, f->stack), (note & ~SVC_POST_AWAITED) - 1);
	}
}

/* ---- posting ---- */

/* The thread's channel for it, answered: NULL: there is none. */
static struct svc_chan *post_chan(struct client_thread *t)
{
	struct svc_chan *ch;
	int chan;

	if (t->post == 0) {
		chan = chan_find(SVC_POST_CHANS);
		if (chan < 0)
			return NULL;
		t->post = (uint32_t)chan + 1;
	}
	ch = svc_chan_at(client.head, t->post - 1);
	return chan_answered(ch, t->post - 1) ? ch : NULL;
}

static void hand_over(struct client_thread *t, struct svc_chan *ch)
{
	struct svc_stack *s = svc_stack_at(client.head, ch->stack);

	atomic_store_explicit(&ch->state, SVC_ASKED, memory_order_release);
	t->post_half = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	stack_ring(s, t->post - 1);
}

/* A handler left the call with longjmp() in the middle. */
void post_finish(struct client_thread *t)
{
	if (atomic_load(&t->post_half->posted) == t->post)
		hand_over(t, svc_chan_at(client.head, t->post - 1));
	t->post_half = NULL;
}

/* The note is ours, or the socket has no room after all. */
static bool note_make(struct use *u, struct client_thread *t)
{
	uint32_t nobody = 0;

	t->post_half = u->file;
	atomic_signal_fence(memory_order_seq_cst);
	while (!atomic_compare_exchange_strong(&u->file->posted, &nobody, t->post)) {
		post_settle(u->file);
		if (!shows_room(u) || atomic_load(&client.state) != CLIENT_READY)
			return false;
		nobody = 0;
	}
	if (shows_room(u))
		return true;
	note_take(u->file);
	return false;
}

size_t post_send(struct use *u, struct place *from, size_t len, int flags)
{
	struct client_thread *t = &client_self;
	struct place kept = *from;
	struct svc_chan *ch;

	if (len == 0 || u->level != 0 || flags & ~PLAIN || !shows_room(u))
		return 0;
	ch = post_chan(t);
	if (ch == NULL)
		return 0;
	len = place_get(from, ch->data, len < SVC_POST_BYTES ? len : SVC_POST_BYTES);
	ch->op = SVC_POST;
	ch->stack = (uint16_t)use_stack(u);
	ch->file = svc_entry_index(u->entry);
	ch->gen = svc_entry_gen(u->entry);
	ch->a = flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT);
	ch->b = 0;
	ch->len = (uint32_t)len;
	if (note_make(u, t)) {
		hand_over(t, ch);
		return len;
	}
	t->post_half = NULL;
	*from = kept;
	return 0;
}

void post_end(struct client_thread *t)
{
	if (t->post == 0)
		return;
	if (chan_answered(svc_chan_at(client.head, t->post - 1), t->post - 1))
		chan_free(t->post - 1);
	t->post = 0;
}
