/* epoll.c: epoll instances: a descriptor of the kernel's for the kernel's members, and an instance in the shared memory for ours.
 * Stacks push watches onto its ready list; epoll_wait() takes them under the instance's lock. */
#include <limits.h>

#include "client/private.h"

/* Bits of a registration that are not events. */
#define PRIVATE_BITS ((uint32_t)(EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE))
#define LOCK_SPINS 200u

static struct svc_watch *watch_at(uint32_t i) { return svc_watch_at(client.head, i); }

/* ---- the lock ---- */

static void epoll_lock(struct svc_epoll *ep, uint32_t chan)
{
	for (uint32_t tries = 0;; tries++) {
		uint32_t nobody = 0;

		if (atomic_compare_exchange_weak(&ep->lock, &nobody, chan + 1))
			return;
		if (tries % LOCK_SPINS == LOCK_SPINS - 1)
			kernel_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
		else
			kernel_pause();
	}
}

static void epoll_unlock(struct svc_epoll *ep) { atomic_store_explicit(&ep->lock, 0, memory_order_release); }

/* ---- the list: under the lock ---- */

static uint32_t list_first(struct svc_epoll *ep) { return atomic_load_explicit(&ep->head, memory_order_relaxed); }
static void list_begin(struct svc_epoll *ep, uint32_t w) { atomic_store_explicit(&ep->head, w, memory_order_relaxed); }

static void list_append(struct svc_epoll *ep, uint32_t w)
{
	atomic_store_explicit(&watch_at(w)->next_ready, 0, memory_order_relaxed);
	if (list_first(ep) == 0)
		list_begin(ep, w);
	else
		atomic_store_explicit(&watch_at(ep->tail)->next_ready, w, memory_order_relaxed);
	ep->tail = w;
}

static uint32_t list_pop(struct svc_epoll *ep)
{
	uint32_t w = list_first(ep), next = atomic_load_explicit(&watch_at(w)->next_ready, memory_order_relaxed);

	list_begin(ep, next);
	if (next == 0)
		ep->tail = 0;
	return w;
}

/* What the stacks have pushed, newest first, goes to the end of the list, oldest first. */
static void list_take(struct svc_epoll *ep)
{
	uint32_t w = atomic_exchange(&ep->ready, 0), oldest = 0;

	while (w != 0) {
		uint32_t next = atomic_load_explicit(&watch_at(w)->next_ready, memory_order_relaxed);

		atomic_store_explicit(&watch_at(w)->next_ready, oldest, memory_order_relaxed);
		oldest = w;
		w = next;
	}
	while (oldest != 0) {
		uint32_t next = atomic_load_explicit(&watch_at(oldest)->next_ready, memory_order_relaxed);

		list_append(ep, oldest);
		oldest = next;
	}
}

/* ---- watches ---- */

/* What it has to report; 0: nothing, or switched off by EPOLLONESHOT. */
static uint32_t watch_news(const struct svc_watch *w)
{
	uint32_t interest = atomic_load(&w->interest) & ~PRIVATE_BITS;

	return interest != 0 ? file_events(svc_file_at(client.head, w->file)) & (interest | EPOLLERR | EPOLLHUP) : 0;
}

static bool watch_is_of(const struct svc_watch *w, uint32_t index, uint32_t gen)
{
	return !atomic_load(&w->dead) && w->epoll == index && w->epoll_gen == gen;
}

/* Off the list; news that came before the stack could see that are found here: then it is ours again. */
static uint32_t watch_leave(struct svc_watch *w)
{
	uint32_t news;

	atomic_store(&w->queued, 0);
	if (atomic_load(&w->dead))
		return 0;
	news = watch_news(w);
	return news != 0 && atomic_exchange(&w->queued, 1) == 0 ? news : 0;
}

/* One that was taken off the list: its report (0: none), and back to the list's end when it is level-triggered. */
static uint32_t watch_visit(struct svc_epoll *ep, uint32_t i, uint32_t index, uint32_t gen, uint64_t *data)
{
	struct svc_watch *w = watch_at(i);
	uint32_t interest, news;

	if (!watch_is_of(w, index, gen)) {
		atomic_store(&w->queued, 0);
		return 0;
	}
	interest = atomic_load(&w->interest);
	*data = atomic_load(&w->data);
	if (interest & (EPOLLET | EPOLLONESHOT)) {
		/* Off first: what comes from here on is news again. */
		atomic_store(&w->queued, 0);
		news = watch_news(w);
		/* Not when it has been armed again meanwhile. */
		if (news != 0 && interest & EPOLLONESHOT)
			atomic_compare_exchange_strong(&w->interest, &interest, interest & PRIVATE_BITS);
		return news;
	}
	news = watch_news(w);
	if (news == 0)
		news = watch_leave(w);
	if (news != 0)
		list_append(ep, i);
	return news;
}

static int collect(struct svc_epoll *ep, uint32_t index, uint32_t gen, uint32_t chan, struct epoll_event *events, int max)
{
	uint32_t last;
	int n = 0;

	if (atomic_load(&ep->ready) == 0 && list_first(ep) == 0)
		return 0;
	epoll_lock(ep, chan);
	list_take(ep);
	last = ep->tail;
	while (list_first(ep) != 0 && n < max) {
		uint32_t i = list_pop(ep), news;
		uint64_t data;

		news = watch_visit(ep, i, index, gen, &data);
		if (news != 0) {
			events[n].events = news;
			events[n++].data.u64 = data;
		}
		if (i == last)
			break;
	}
	epoll_unlock(ep);
	return n;
}

bool epoll_peek(uint32_t index, uint32_t gen, uint32_t chan)
{
	struct svc_epoll *ep = svc_epoll_at(client.head, index);
	bool found = false;

	if (!svc_life_get(&ep->life, gen))
		return false;
	epoll_lock(ep, chan);
	list_take(ep);
	while (list_first(ep) != 0 && !found) {
		struct svc_watch *w = watch_at(list_first(ep));

		found = watch_is_of(w, index, gen) && watch_news(w) != 0;
		if (!found) {
			uint32_t i = list_pop(ep);

			if (!watch_is_of(w, index, gen))
				atomic_store(&w->queued, 0);
			else if (watch_leave(w) != 0)
				list_append(ep, i);
		}
	}
	epoll_unlock(ep);
	svc_life_put(&ep->life);
	return found;
}

/* ---- instances ---- */

static int instance_new(svc_entry *e)
{
	for (uint32_t i = 0; i < SVC_EPOLLS; i++) {
		struct svc_epoll *ep = svc_epoll_at(client.head, i);
		uint64_t life = atomic_load_explicit(&ep->life, memory_order_relaxed);
		uint32_t gen = svc_life_gen(life) + 1;

		if (gen == 0)
			gen = 1;
		if (svc_life_refs(life) != 0 || !atomic_compare_exchange_strong(&ep->life, &life, svc_life_make(gen, 1)))
			continue;
		atomic_store(&ep->kernel_members, 0);
		atomic_store(&ep->pollers, 0);
		atomic_store(&ep->ready, 0);
		atomic_store(&ep->lock, 0);
		list_begin(ep, 0);
		ep->tail = 0;
		*e = svc_entry_make(SVC_KIND_EPOLL, i, gen);
		return 0;
	}
	return -ENOMEM;
}

int client_epoll_create(int flags)
{
	svc_entry e;
	int fd, rc;

	if (atomic_load_explicit(&client.state, memory_order_acquire) != CLIENT_READY)
		return CLIENT_KERNEL;
	table_enter();
	fd = kernel_epoll_create(flags);
	if (fd >= 0 && fd < (int)SVC_FDS_MAX) {
		rc = instance_new(&e);
		if (rc == 0)
			fd_fill(fd, e);
	}
	table_leave();
	return fd;
}

/* ---- registrations ---- */

static void members_add(struct svc_epoll *ep)
{
	/* Who sleeps without the kernel's part has to begin anew. */
	if (atomic_fetch_add(&ep->kernel_members, 1) == 0)
		pollers_ring(&ep->pollers);
}

static void members_remove(struct svc_epoll *ep)
{
	uint32_t n = atomic_load(&ep->kernel_members);

	while (n > 0 && !atomic_compare_exchange_weak(&ep->kernel_members, &n, n - 1))
		;
}

static int ctl_kernel(svc_entry ee, int epfd, int op, int fd, const struct epoll_event *event)
{
	struct svc_epoll *ep = svc_epoll_at(client.head, svc_entry_index(ee));
	int rc = kernel_epoll_ctl(epfd, op, fd, event);

	if (rc == 0 && op == EPOLL_CTL_ADD && svc_entry_kind(client_entry(fd)) == SVC_KIND_EPOLL) {
		rc = nest_add(client_entry(fd), fd);
		if (rc < 0)
			kernel_epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
	}
	if (rc == 0 && op == EPOLL_CTL_ADD)
		members_add(ep);
	else if (rc == 0 && op == EPOLL_CTL_DEL)
		members_remove(ep);
	return rc;
}

static int ctl_ours(svc_entry ee, int op, int fd, const struct epoll_event *event)
{
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	u.ch->a = op;
	u.ch->b = fd;
	u.ch->c = event != NULL ? (int32_t)event->events : 0;
	u.ch->u = event != NULL ? event->data.u64 : 0;
	u.ch->epoll = svc_entry_index(ee);
	u.ch->epoll_gen = svc_entry_gen(ee);
	rc = (int)use_ask(&u, SVC_EPOLL_CTL);
	use_close(&u);
	return rc;
}

int client_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event)
{
	svc_entry ee = client_entry(epfd), fe = client_entry(fd);

	if (ee == 0 && fe == 0)
		return client_hides(fd) || client_hides(epfd) ? -EBADF : CLIENT_KERNEL;
	if (op != EPOLL_CTL_DEL && copy_suspect(event, sizeof(*event)))
		return -EFAULT;
	if (op == EPOLL_CTL_DEL)
		event = NULL;
	if (ee == 0 && kernel_fcntl(epfd, F_GETFD, 0) < 0)
		return -EBADF;
	if (ee == 0 || svc_entry_kind(ee) != SVC_KIND_EPOLL || epfd == fd)
		return -EINVAL;
	if (client_hides(fd))
		return -EBADF;
	return svc_entry_kind(fe) == SVC_KIND_FILE ? ctl_ours(ee, op, fd, event) : ctl_kernel(ee, epfd, op, fd, event);
}

/* ---- moving to the kernel ---- */

/* This process's descriptor of an instance; -1: it has none. */
static int epoll_fd_of(const struct svc_watch *w)
{
	svc_entry e = svc_entry_make(SVC_KIND_EPOLL, w->epoll, w->epoll_gen);
	uint32_t high = atomic_load(&client.proc->fd_high);

	for (uint32_t fd = 0; fd < high; fd++)
		if (client_entry((int)fd) == e)
			return (int)fd;
	return -1;
}

uint32_t epoll_of_file(const struct use *u, struct epoll_moved *to, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = atomic_load(&u->file->watches); i != 0 && n < max; i = atomic_load(&watch_at(i)->next)) {
		const struct svc_watch *w = watch_at(i);
		int epfd = atomic_load(&w->dead) ? -1 : epoll_fd_of(w);

		if (epfd < 0)
			continue;
		to[n].epfd = epfd;
		to[n].fd = w->fd;
		to[n].event.events = atomic_load(&w->interest);
		to[n++].event.data.u64 = atomic_load(&w->data);
	}
	return n;
}

void epoll_move(const struct epoll_moved *m)
{
	ctl_kernel(client_entry(m->epfd), m->epfd, EPOLL_CTL_ADD, m->fd, &m->event);
}

/* ---- waiting ---- */

struct epoll_job {
	struct use u;
	struct svc_epoll *ep;
	uint32_t index, gen;
	int epfd, max;
	struct epoll_event *events;
};

static int look_kernel(const struct epoll_job *j, int have)
{
	int n;

	if (nest_any())
		nest_settle(j->u.chan);
	if (have == j->max || atomic_load(&j->ep->kernel_members) == 0)
		return have;
	n = kernel_epoll_look(j->epfd, j->events + have, j->max - have);
	if (n > 0 && nest_any())
		n = nest_drop_own(j->events + have, n);
	return n < 0 ? have : have + n;
}

static int look_ours(const struct epoll_job *j, int have)
{
	return have + collect(j->ep, j->index, j->gen, j->u.chan, j->events + have, j->max - have);
}

/* Both kinds have their turn at being first, so that neither starves when the program takes few. */
static int look(const struct epoll_job *j)
{
	static _Thread_local bool turn __attribute__((tls_model("initial-exec")));

	turn = !turn;
	return turn ? look_kernel(j, look_ours(j, 0)) : look_ours(j, look_kernel(j, 0));
}

static int job_wait(struct epoll_job *j, uint64_t deadline, const sigset_t *mask)
{
	struct svc_chan *ch = j->u.ch;
	struct pollfd set[3];
	int n, rc = 0;

	pollers_add(&j->ep->pollers, j->u.chan);
	for (;;) {
		uint32_t seq = atomic_load(&ch->bell);
		bool kernel = mask != NULL || atomic_load(&j->ep->kernel_members) != 0;

		atomic_store(&ch->sleep, kernel ? SVC_SLEEP_EVENTFD : SVC_SLEEP_FUTEX);
		n = look(j);
		if (n != 0 || rc < 0)
			break;
		set[0] = (struct pollfd){.fd = j->epfd, .events = POLLIN};
		rc = kernel ? bell_poll(&j->u, set, 1, deadline, mask) : bell_sleep(ch, seq, deadline, false);
	}
	pollers_remove(&j->ep->pollers);
	atomic_store(&ch->sleep, SVC_AWAKE);
	if (n != 0)
		return n;
	return rc == -EAGAIN ? 0 : rc;
}

static int job_begin(struct epoll_job *j, int epfd)
{
	svc_entry e = client_entry(epfd);
	int rc;

	if (svc_entry_kind(e) != SVC_KIND_EPOLL)
		return e == 0 ? -EBADF : -EINVAL;
	rc = use_open(&j->u);
	if (rc < 0)
		return rc;
	if (!entry_get(e)) {
		use_close(&j->u);
		return -EBADF;
	}
	j->u.entry = e;
	atomic_store_explicit(&j->u.ch->held, e, memory_order_release);
	j->index = svc_entry_index(e);
	j->gen = svc_entry_gen(e);
	j->ep = svc_epoll_at(client.head, j->index);
	return 0;
}

int client_epoll_wait(int epfd, struct epoll_event *events, int max, uint64_t timeout_ns, const sigset_t *mask)
{
	struct epoll_job j = {.epfd = epfd, .max = max, .events = events};
	uint64_t deadline = client_deadline(timeout_ns);
	int n;

	if (max <= 0 || max > INT_MAX / (int)sizeof(*events))
		return -EINVAL;
	if (copy_suspect(events, (size_t)max * sizeof(*events)))
		return -EFAULT;
	n = job_begin(&j, epfd);
	if (n < 0)
		return n;
	n = look(&j);
	if (n == 0 && timeout_ns != 0)
		n = job_wait(&j, deadline, mask);
	use_close(&j.u);
	return n;
}
