/* bell.c: waking threads of clients: see bell.h. */
#include "svc/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>

#include "svc/futex.h"

int svc_bells_init(struct svc_bells *b, const struct svc_region *r)
{
	memset(b, 0, sizeof(*b));
	b->r = r;
	b->none = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return b->none < 0 ? -errno : 0;
}

void svc_bells_fini(struct svc_bells *b)
{
	for (uint32_t i = 0; i < SVC_CHANS; i++)
		if (b->fd[i] > 0)
			close(b->fd[i]);
	close(b->none);
}

int svc_bells_set(struct svc_bells *b, uint32_t chan, int fd)
{
	const uint64_t one = 1;
	int old = b->fd[chan], rc = 0;

	if (fd >= 0) /* a full counter may not stop a stack */
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (old > 0) {
		rc = dup3(fd >= 0 ? fd : b->none, old, O_CLOEXEC) < 0 ? -errno : 0;
		if (fd >= 0)
			close(fd);
	} else if (fd >= 0) {
		b->fd[chan] = fd;
	}
	/* Who hangs up a bell is about to sleep on it, and may have been rung for before it was there. */
	if (fd >= 0 && rc == 0 && write(b->fd[chan], &one, sizeof(one)) < 0)
		rc = -errno;
	return rc;
}

static void ring(struct svc_bells *b, uint32_t chan)
{
	const uint64_t one = 1;
	struct svc_chan *c = &b->r->chans[chan];

	/* The sleeper says that it sleeps, then looks at the bell; we the other way around (both sequentially consistent). */
	atomic_fetch_add(&c->bell, 1);
	switch (atomic_load(&c->sleep)) {
	case SVC_SLEEP_FUTEX:
		svc_futex_wake(&c->bell, 1);
		break;
	case SVC_SLEEP_EVENTFD:
		if (b->fd[chan] > 0 && write(b->fd[chan], &one, sizeof(one)) < 0)
			return; /* full: it has been rung more often than anybody can count, and is readable */
		break;
	}
}

/* Who of all waits here is not known. */
static void ring_all(struct svc_bells *b)
{
	uint32_t high = atomic_load(&b->r->head->chan_high);

	for (uint32_t i = 0; i < high && i < SVC_CHANS; i++)
		if (atomic_load_explicit(&b->r->chans[i].owner, memory_order_relaxed) != 0)
			ring(b, i);
}

void svc_bells_ring(struct svc_bells *b, svc_pollers *who)
{
	uint32_t chan = atomic_load(who) & 0xffff;

	if (chan == SVC_POLLERS_MANY)
		ring_all(b);
	else if (chan - 1 < SVC_CHANS)
		ring(b, chan - 1);
}
