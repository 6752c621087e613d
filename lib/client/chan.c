/* chan.c: the channels of a thread, and asking a stack. A call takes a channel and gives it back; a signal handler's call
 * within it takes the next one. A call that a handler left with longjmp() is found by its place on the stack. */
#include <pthread.h>

#include "client/private.h"

#define ASK_SLEEP_NS 500000000ull  /* then the service may have gone */

_Thread_local struct client_thread client_self __attribute__((tls_model("initial-exec")));

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

/* ---- the thread's channels ---- */

void chan_free(uint32_t chan)
{
	struct svc_chan *ch = svc_chan_at(client.head, chan);

	atomic_store_explicit(&ch->owner, 0, memory_order_release);
}

/* What a call that is left behind held. Its question may still be open: the channel is of use when it has been answered. */
static void level_drop(struct client_thread *t, uint32_t level)
{
	svc_entry held = atomic_exchange(&svc_chan_at(client.head, t->chan[level])->held, 0);

	if (held != 0)
		entry_put(held);
}

static void thread_end(void *arg)
{
	struct client_thread *t = arg;
	uint32_t depth = t->depth;

	if (atomic_load(&client.state) != CLIENT_READY)
		return;
	/* Cancelled within calls: what they held goes. */
	t->depth = 0;
	for (uint32_t i = 0; i < depth; i++)
		level_drop(t, i);
	post_end(t);
	for (uint32_t i = t->n; i-- > 0;)
		chan_free(t->chan[i]);
	t->n = 0;
}

static void thread_key_make(void) { pthread_key_create(&thread_key, thread_end); }

/* The lowest: few have ever been used, and those are warm. */
int chan_find(uint32_t most)
{
	for (uint32_t chan = 0; chan < most; chan++) {
		uint32_t nobody = 0, high;
		struct svc_chan *ch = svc_chan_at(client.head, chan);

		if (atomic_load_explicit(&ch->owner, memory_order_relaxed) != 0 ||
		    !atomic_compare_exchange_strong(&ch->owner, &nobody, (uint32_t)client.proc_index + 1))
			continue;
		high = atomic_load(&client.head->chan_high);
		while (high <= chan && !atomic_compare_exchange_weak(&client.head->chan_high, &high, chan + 1))
			;
		atomic_store(&ch->held, 0);
		atomic_store(&ch->sleep, SVC_AWAKE);
		atomic_store(&ch->bell_fd, 0);
		return (int)chan;
	}
	return -ENOBUFS;
}

static int chan_more(struct client_thread *t, uint32_t level)
{
	int chan = chan_find(SVC_CHANS);

	if (chan < 0)
		return chan;
	if (t->n > level) { /* a handler was faster */
		chan_free((uint32_t)chan);
		return 0;
	}
	t->chan[level] = (uint32_t)chan;
	atomic_signal_fence(memory_order_seq_cst);
	t->n = level + 1;
	pthread_once(&thread_once, thread_key_make);
	pthread_setspecific(thread_key, t);
	return 0;
}

/* Levels whose calls were at or below this place of the stack are left for good, unless this is another stack. */
static void levels_left(struct client_thread *t, uintptr_t here)
{
	stack_t alt;

	if (t->depth == 0 || t->frame[t->depth - 1] > here)
		return;
	if (KERNEL_2(SYS_sigaltstack, NULL, &alt) == 0 && alt.ss_flags & SS_ONSTACK)
		return;
	while (t->depth > 0 && t->frame[t->depth - 1] <= here)
		level_drop(t, --t->depth);
	/* It may have slept, with this on. */
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
}

void chan_forget_all(void)
{
	client_self.depth = client_self.n = client_self.post = 0;
	client_self.post_half = NULL;
}

/* ---- asking ---- */

void stack_wake(struct svc_stack *s)
{
	if (atomic_load(&s->asleep) != 0 && atomic_exchange(&s->asleep, 0) != 0)
		kernel_futex_wake(&s->asleep, 1);
}

void stack_ring(struct svc_stack *s, uint32_t chan)
{
	atomic_fetch_or(&s->pending[chan / 64], 1ull << chan % 64);
	stack_wake(s);
}

/* After long it rings again: a call that a handler's longjmp() ended may have asked and not rung. */
static void wait_for_answer(struct svc_chan *ch, uint32_t chan)
{
	struct timespec patience = client_timespec(ASK_SLEEP_NS);
	uint32_t asked = SVC_ASKED;

	if (spin_while(&ch->state, SVC_ASKED, &client_self.answer_spin))
		return;
	atomic_compare_exchange_strong(&ch->state, &asked, SVC_ASKED_ASLEEP);
	while (atomic_load_explicit(&ch->state, memory_order_acquire) == SVC_ASKED_ASLEEP) {
		if (kernel_futex_wait(&ch->state, SVC_ASKED_ASLEEP, &patience) != -ETIMEDOUT)
			continue;
		if (client_service_gone()) {
			atomic_store(&client.state, CLIENT_LOST);
			return;
		}
		stack_ring(svc_stack_at(client.head, ch->stack), chan);
	}
}

bool chan_answered(struct svc_chan *ch, uint32_t chan)
{
	if (svc_chan_asks(ch))
		wait_for_answer(ch, chan);
	return !svc_chan_asks(ch);
}

/* Calls that have no order with what was posted to their socket. */
static bool is_apart(uint16_t op) { return op == SVC_SOCKET || op == SVC_RECV || op == SVC_ACCEPT || op == SVC_EPOLL_CTL; }

int64_t chan_ask(struct svc_chan *ch, uint32_t chan, uint32_t stack, uint16_t op)
{
	if (!is_apart(op))
		post_settle(svc_file_at(client.head, ch->file));
	ch->op = op;
	ch->stack = (uint16_t)stack;
	atomic_store_explicit(&ch->state, SVC_ASKED, memory_order_release);
	stack_ring(svc_stack_at(client.head, stack), chan);
	wait_for_answer(ch, chan);
	if (atomic_load_explicit(&ch->state, memory_order_acquire) != SVC_DONE)
		return -ENETDOWN;
	/* A new socket is this process's when its descriptor has it; until then the channel tells whose it is (use_close()). */
	if (op != SVC_SOCKET && op != SVC_ACCEPT)
		atomic_store_explicit(&ch->state, SVC_IDLE, memory_order_relaxed);
	return ch->result;
}

int64_t use_ask(struct use *u, uint16_t op)
{
	u->ch->file = svc_entry_index(u->entry);
	u->ch->gen = svc_entry_gen(u->entry);
	return chan_ask(u->ch, u->chan, use_stack(u), op);
}

/* ---- calls ---- */

int use_open(struct use *u)
{
	struct client_thread *t = &client_self;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uint32_t level;

	if (atomic_load_explicit(&client.state, memory_order_acquire) != CLIENT_READY)
		return -ENETDOWN;
	if (atomic_load_explicit(client.here, memory_order_relaxed) == 0 && client_join_anew() < 0)
		return -ENETDOWN;
	levels_left(t, here);
	if (t->depth == 0 && t->post_half != NULL)
		post_finish(t);
	level = t->depth;
	if (level == CLIENT_NEST || (level >= t->n && chan_more(t, level) < 0))
		return -ENOBUFS;
	t->frame[level] = here;
	atomic_signal_fence(memory_order_seq_cst);
	t->depth = level + 1;
	u->level = level;
	u->chan = t->chan[level];
	u->ch = svc_chan_at(client.head, u->chan);
	u->entry = 0;
	u->file = NULL;
	/* Somebody left a question behind. */
	if (atomic_load_explicit(&u->ch->state, memory_order_acquire) != SVC_IDLE)
		wait_for_answer(u->ch, u->chan);
	return 0;
}

void use_close(struct use *u)
{
	svc_entry e = u->entry;

	if (atomic_load_explicit(&u->ch->state, memory_order_relaxed) == SVC_DONE)
		atomic_store_explicit(&u->ch->state, SVC_IDLE, memory_order_release);
	if (e != 0)
		atomic_store_explicit(&u->ch->held, 0, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	client_self.depth = u->level;
	if (e != 0)
		entry_put(e);
}

int use_socket(struct use *u, int fd)
{
	svc_entry e = client_entry(fd);
	int rc;

	if (e == 0)
		return -EBADF;
	if (svc_entry_kind(e) != SVC_KIND_FILE)
		return -ENOTSOCK;
	rc = use_open(u);
	if (rc < 0)
		return rc;
	/* Between the look and the reference another thread may have closed it: then the entry is another one. */
	for (;;) {
		bool got = entry_get(e);
		svc_entry now = client_entry(fd);

		if (got && now == e)
			break;
		if (got)
			entry_put(e);
		if (now == 0 || now == e || svc_entry_kind(now) != SVC_KIND_FILE) {
			use_close(u);
			return -EBADF;
		}
		e = now;
	}
	u->entry = e;
	u->file = svc_file_at(client.head, svc_entry_index(e));
	atomic_store_explicit(&u->ch->held, e, memory_order_release);
	return 0;
}
