/* nest.c: epoll instances within others. The kernel's part of the inner one is a member of the outer one's; so that it is readable
 * when sockets of ours have news, too, it has an eventfd as a member, rung as the bell of a thread that waits at the instance would
 * be. The kernel then does the rest, to any depth. Nobody else empties an eventfd when there is no news any more: that is done
 * before it is looked at what the kernel says; so edges may be told once too often. */
#include "client/private.h"

#define NESTS_MAX 64u /* instances within others, of a process */
#define NEST_DATA 0x7370617465206e73ull /* of the eventfd's registration, of which no program is told */

/* A slot keeps its channel when its instance has gone, for another one. */
struct nest {
	_Atomic svc_entry inner;  /* 0: free */
	_Atomic uint32_t chan;    /* + 1; 0: none yet */
};

static struct nest nests[NESTS_MAX];
static _Atomic uint32_t nests_high; /* above the last that was ever used */

bool nest_any(void) { return atomic_load_explicit(&nests_high, memory_order_relaxed) != 0; }

void nest_forget_all(void)
{
	for (uint32_t i = 0; i < NESTS_MAX; i++) {
		atomic_store(&nests[i].inner, 0);
		atomic_store(&nests[i].chan, 0);
	}
	atomic_store(&nests_high, 0);
}

static bool is_gone(svc_entry e)
{
	uint64_t life = atomic_load(entry_life(e));

	return svc_life_gen(life) != svc_entry_gen(e) || svc_life_refs(life) == 0;
}

static void ring(int fd)
{
	const uint64_t one = 1;

	kernel_write(fd, &one, sizeof(one));
}

static bool is_rung(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec now = {0};

	return kernel_ppoll(&p, 1, &now, NULL) > 0;
}

/* ---- emptying ---- */

/* The eventfd as it should be. News is there a moment before the stack rings, and may have rung before it was emptied. */
static void settle(struct nest *n, uint32_t by)
{
	svc_entry e = atomic_load(&n->inner);
	uint32_t chan = atomic_load(&n->chan);
	int fd = e != 0 && chan != 0 ? client_bell_fd(chan - 1) : -1;
	uint64_t count;

	if (fd < 0)
		return;
	if (!epoll_peek(svc_entry_index(e), svc_entry_gen(e), by))
		kernel_read(fd, &count, sizeof(count));
	if (!is_rung(fd) && epoll_peek(svc_entry_index(e), svc_entry_gen(e), by))
		ring(fd);
}

void nest_settle(uint32_t by)
{
	uint32_t high = atomic_load(&nests_high);

	for (uint32_t i = 0; i < high; i++)
		settle(&nests[i], by);
}

int nest_drop_own(struct epoll_event *events, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++)
		if (events[i].data.u64 != NEST_DATA)
			events[kept++] = events[i];
	return kept;
}

/* ---- a new one ---- */

static struct nest *slot_take(svc_entry inner)
{
	for (uint32_t i = 0; i < NESTS_MAX; i++) {
		svc_entry was = atomic_load(&nests[i].inner);
		uint32_t high = atomic_load(&nests_high);

		if ((was != 0 && !is_gone(was)) || !atomic_compare_exchange_strong(&nests[i].inner, &was, inner))
			continue;
		while (high <= i && !atomic_compare_exchange_weak(&nests_high, &high, i + 1))
			;
		return &nests[i];
	}
	return NULL;
}

static bool is_known(svc_entry inner)
{
	for (uint32_t i = 0; i < atomic_load(&nests_high); i++)
		if (atomic_load(&nests[i].inner) == inner)
			return true;
	return false;
}

/* The slot's channel, which nobody asks on, with its bell: the eventfd or -errno. */
static int slot_bell(struct nest *n)
{
	uint32_t have = atomic_load(&n->chan);
	int chan = have != 0 ? (int)have - 1 : chan_find(SVC_CHANS);

	if (chan < 0)
		return chan;
	atomic_store(&svc_chan_at(client.head, (uint32_t)chan)->sleep, SVC_SLEEP_EVENTFD);
	atomic_store(&n->chan, (uint32_t)chan + 1);
	return client_bell_fd((uint32_t)chan);
}

int nest_add(svc_entry inner, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = NEST_DATA};
	struct nest *n;
	int bell, rc;

	if (is_known(inner))
		return 0;
	n = slot_take(inner);
	if (n == NULL)
		return -ENOSPC;
	bell = slot_bell(n);
	rc = bell < 0 ? bell : kernel_epoll_ctl(fd, EPOLL_CTL_ADD, bell, &ev);
	if (rc < 0) {
		atomic_store(&n->inner, 0);
		return rc;
	}
	pollers_add(&svc_epoll_at(client.head, svc_entry_index(inner))->pollers, atomic_load(&n->chan) - 1);
	ring(bell); /* for what was there before */
	return 0;
}
