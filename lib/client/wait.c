/* wait.c: how a thread waits: it leaves its channel's number where it waits, and sleeps on the channel's bell. */
#include <pthread.h>

#include "client/private.h"

#define SPINS_MIN 10u                /* under a microsecond */
#define SPINS_MAX 400u               /* some microseconds: a stack's turn, an answer of a peer nearby */
#define SPINS_PROBE 64u
#define NEVER_NS 1000000000000000ull /* eleven days: stands for a wait without end that no handler takes up again */
#define AGAIN_NS 1000000u

uint64_t client_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct timespec client_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

uint64_t client_deadline(uint64_t timeout_ns)
{
	uint64_t now;

	if (timeout_ns == 0 || timeout_ns == CLIENT_FOREVER)
		return timeout_ns;
	now = client_now_ns();
	return timeout_ns < CLIENT_FOREVER - now ? now + timeout_ns : CLIENT_FOREVER;
}

uint64_t client_left_ns(uint64_t deadline_ns)
{
	uint64_t now;

	if (deadline_ns == CLIENT_FOREVER || deadline_ns == 0)
		return deadline_ns;
	now = client_now_ns();
	return deadline_ns > now ? deadline_ns - now : 0;
}

uint64_t use_deadline(const struct use *u, int flags, const _Atomic uint64_t *timeout_ns)
{
	uint64_t ns;

	if (flags & MSG_DONTWAIT || atomic_load_explicit(&u->file->flags, memory_order_relaxed) & O_NONBLOCK)
		return 0;
	ns = atomic_load_explicit(timeout_ns, memory_order_relaxed);
	return client_deadline(ns == 0 ? CLIENT_FOREVER : ns);
}

/* ---- who waits ---- */

void pollers_add(svc_pollers *p, uint32_t chan)
{
	uint32_t v = atomic_load(p), who, n;

	do {
		n = v >> 16;
		who = n == 0 || (v & 0xffff) == chan + 1 ? chan + 1 : SVC_POLLERS_MANY;
		if (n == 0xffff)
			return; /* they all are rung already */
	} while (!atomic_compare_exchange_weak(p, &v, (n + 1) << 16 | who));
}

void pollers_remove(svc_pollers *p)
{
	uint32_t v = atomic_load(p), n;

	do {
		n = v >> 16;
		if (n == 0)
			return; /* the file's next life has begun */
	} while (!atomic_compare_exchange_weak(p, &v, n == 1 ? 0 : v - (1u << 16)));
}

static void chan_ring(uint32_t chan)
{
	struct svc_chan *ch = svc_chan_at(client.head, chan);

	atomic_fetch_add(&ch->bell, 1);
	if (atomic_load(&ch->sleep) == SVC_SLEEP_FUTEX)
		kernel_futex_wake(&ch->bell, 1);
}

void pollers_ring(svc_pollers *p)
{
	uint32_t v = atomic_load(p);

	if (v == 0)
		return;
	if ((v & 0xffff) != SVC_POLLERS_MANY) {
		chan_ring((v & 0xffff) - 1);
		return;
	}
	for (uint32_t i = 0; i < atomic_load(&client.head->chan_high); i++) {
		struct svc_chan *ch = svc_chan_at(client.head, i);

		if (atomic_load_explicit(&ch->owner, memory_order_relaxed) != 0 && atomic_load(&ch->sleep) != SVC_AWAKE)
			chan_ring(i);
	}
}

/* ---- sleeping ---- */

/* Every so often a long look, or a short one would never learn. */
static uint32_t spins_now(struct spin *s)
{
	if (++s->turns % SPINS_PROBE == 0)
		return SPINS_MAX;
	return s->most > SPINS_MIN ? s->most : SPINS_MIN;
}

bool spin_while(_Atomic uint32_t *word, uint32_t value, struct spin *s)
{
	uint32_t most = spins_now(s);

	for (uint32_t i = 0; i < most; i++) {
		if (atomic_load_explicit(word, memory_order_acquire) != value) {
			s->most -= s->most / 16;
			if (s->most < 2 * i)
				s->most = 2 * i < SPINS_MAX ? 2 * i : SPINS_MAX;
			return true;
		}
		kernel_pause();
	}
	s->most /= 2;
	return false;
}

static int bell_rc(int rc, uint64_t deadline_ns)
{
	if (rc == -EINTR)
		return -EINTR;
	return rc == -ETIMEDOUT && client_left_ns(deadline_ns) == 0 ? -EAGAIN : 0;
}

int bell_sleep(struct svc_chan *ch, uint32_t seq, uint64_t deadline_ns, bool restart)
{
	uint64_t left = client_left_ns(deadline_ns);
	struct timespec ts;
	int cancel, rc;

	if (left == 0)
		return -EAGAIN;
	if (atomic_load(&client.head->gone))
		return -ENETDOWN;
	if (spin_while(&ch->bell, seq, &client_self.bell_spin))
		return 0;
	ts = client_timespec(left < NEVER_NS ? left : NEVER_NS);
	/* Cancelled here, the thread's channels tell what it held. */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &cancel);
	rc = kernel_futex_wait(&ch->bell, seq, deadline_ns == CLIENT_FOREVER && restart ? NULL : &ts);
	pthread_setcanceltype(cancel, NULL);
	return bell_rc(rc, deadline_ns);
}

int bell_poll(struct use *u, struct pollfd *set, nfds_t n, uint64_t deadline_ns, const sigset_t *mask)
{
	uint64_t left = client_left_ns(deadline_ns), count;
	struct timespec ts = client_timespec(left < NEVER_NS ? left : NEVER_NS);
	int cancel, ready, bell = client_bell_fd(u->chan);

	if (bell < 0)
		return bell;
	set[n] = (struct pollfd){.fd = bell, .events = POLLIN};
	set[n + 1] = (struct pollfd){.fd = atomic_load(&client.control)}; /* hangs up when the service ends */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &cancel);
	ready = kernel_ppoll(set, n + 2, &ts, mask);
	pthread_setcanceltype(cancel, NULL);
	if (ready == 0)
		return client_left_ns(deadline_ns) == 0 ? -EAGAIN : 0;
	if (ready > 0 && set[n + 1].revents != 0)
		return -ENETDOWN;
	if (ready > 0 && set[n].revents != 0) {
		kernel_read(bell, &count, sizeof(count));
		ready--;
	}
	return ready;
}

int use_wait(struct use *u, uint32_t events, uint64_t deadline_ns)
{
	int rc = 0;

	if (deadline_ns == 0)
		return -EAGAIN;
	atomic_store(&u->ch->sleep, SVC_SLEEP_FUTEX);
	pollers_add(&u->file->pollers, u->chan);
	while (rc == 0) {
		uint32_t seq = atomic_load(&u->ch->bell);

		if (use_events(u) & events)
			break;
		rc = bell_sleep(u->ch, seq, deadline_ns, true);
	}
	pollers_remove(&u->file->pollers);
	atomic_store(&u->ch->sleep, SVC_AWAKE);
	return rc;
}

int use_wait_again(struct use *u, uint32_t events, uint64_t deadline_ns, uint32_t *tries)
{
	struct timespec ts = client_timespec(AGAIN_NS);

	if (deadline_ns == 0)
		return -EAGAIN;
	/* Readiness is a hint: another thread may have been faster, and a window may be open for less than a call wants. */
	if ((*tries)++ > 0 && use_events(u) & events) {
		if (client_left_ns(deadline_ns) == 0)
			return -EAGAIN;
		return kernel_ppoll(NULL, 0, &ts, NULL) == -EINTR ? -EINTR : 0;
	}
	return use_wait(u, events, deadline_ns);
}
