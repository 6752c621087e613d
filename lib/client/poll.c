/* poll.c: poll() and select() over sockets of ours, epoll instances and the kernel's descriptors together. */
#include <string.h>
#include <sys/mman.h>

#include "client/private.h"

#define SMALL 128u /* descriptors that are polled without mapping memory */

/* What one call looks at. */
struct poll_job {
	struct use *u;
	struct pollfd *fds;
	nfds_t n;
	svc_entry *entries;   /* ours; 0: the kernel's */
	struct pollfd *set;   /* the kernel's, and two places more */
	bool kernel;          /* there are some */
};

static short poll_bits(uint32_t ev)
{
	return (short)(ev | (ev & EPOLLIN ? POLLRDNORM : 0u) | (ev & EPOLLOUT ? POLLWRNORM : 0u));
}

static uint32_t file_bits(svc_entry e)
{
	struct svc_file *f = svc_file_at(client.head, svc_entry_index(e));
	uint64_t life = atomic_load(&f->life);

	return svc_life_gen(life) == svc_entry_gen(e) && svc_life_refs(life) > 0 ? file_events(f) : (uint32_t)POLLNVAL;
}

static svc_pollers *entry_pollers(svc_entry e)
{
	uint32_t i = svc_entry_index(e);

	return svc_entry_kind(e) == SVC_KIND_FILE ? &svc_file_at(client.head, i)->pollers : &svc_epoll_at(client.head, i)->pollers;
}

/* ---- looking ---- */

static bool poll_sort(struct poll_job *j)
{
	bool ours = false;

	for (nfds_t i = 0; i < j->n; i++) {
		svc_entry e = j->fds[i].fd < 0 ? 0 : client_entry(j->fds[i].fd);

		j->entries[i] = e;
		ours |= e != 0;
		/* An instance is both: its own part of the kernel may have something. */
		j->set[i] = j->fds[i];
		j->set[i].revents = 0;
		if (svc_entry_kind(e) == SVC_KIND_FILE)
			j->set[i].fd = -1;
		else
			j->kernel |= j->fds[i].fd >= 0;
		if (e == 0 && client_hides(j->fds[i].fd))
			j->set[i].fd = SVC_FDS_MAX; /* not open, as far as the program knows */
	}
	return ours;
}

/* Of an instance, of what the kernel said: the eventfd of a nested one may be the only reason. */
static short kernel_bits(const struct poll_job *j, nfds_t i)
{
	struct pollfd again = {.fd = j->set[i].fd, .events = j->set[i].events};
	struct timespec now = {0};

	if (j->set[i].revents == 0 || j->entries[i] == 0 || !nest_any())
		return j->set[i].revents;
	nest_settle(j->u->chan);
	return kernel_ppoll(&again, 1, &now, NULL) > 0 ? again.revents : 0;
}

static int poll_look(struct poll_job *j)
{
	int ready = 0;

	for (nfds_t i = 0; i < j->n; i++) {
		svc_entry e = j->entries[i];
		short got = j->set[i].fd >= 0 ? kernel_bits(j, i) : 0;

		if (svc_entry_kind(e) == SVC_KIND_FILE)
			got = (short)(poll_bits(file_bits(e)) & (j->fds[i].events | POLLERR | POLLHUP | POLLNVAL));
		else if (e != 0 && epoll_peek(svc_entry_index(e), svc_entry_gen(e), j->u->chan))
			got |= (short)((POLLIN | POLLRDNORM) & j->fds[i].events);
		j->fds[i].revents = got;
		ready += got != 0;
	}
	return ready;
}

static int poll_look_all(struct poll_job *j)
{
	struct timespec now = {0};
	int rc = j->kernel ? kernel_ppoll(j->set, j->n, &now, NULL) : 0;

	return rc < 0 ? rc : poll_look(j);
}

/* ---- waiting ---- */

static int poll_sleep(struct poll_job *j, uint32_t seq, uint64_t deadline, const sigset_t *mask)
{
	if (j->kernel || mask != NULL)
		return bell_poll(j->u, j->set, j->n, deadline, mask);
	return bell_sleep(j->u->ch, seq, deadline, false);
}

static int poll_wait(struct poll_job *j, uint64_t deadline, const sigset_t *mask)
{
	struct svc_chan *ch = j->u->ch;
	int rc = 0, ready;

	atomic_store(&ch->sleep, j->kernel || mask != NULL ? SVC_SLEEP_EVENTFD : SVC_SLEEP_FUTEX);
	for (nfds_t i = 0; i < j->n; i++)
		if (j->entries[i] != 0)
			pollers_add(entry_pollers(j->entries[i]), j->u->chan);
	for (;;) {
		uint32_t seq = atomic_load(&ch->bell);

		ready = poll_look(j);
		if (ready != 0 || rc < 0)
			break;
		rc = poll_sleep(j, seq, deadline, mask);
	}
	for (nfds_t i = 0; i < j->n; i++)
		if (j->entries[i] != 0)
			pollers_remove(entry_pollers(j->entries[i]));
	atomic_store(&ch->sleep, SVC_AWAKE);
	if (ready != 0)
		return ready;
	return rc == -EAGAIN ? 0 : rc;
}

static int poll_job(struct poll_job *j, uint64_t timeout_ns, const sigset_t *mask)
{
	uint64_t deadline = client_deadline(timeout_ns);
	struct use u;
	int rc = use_open(&u);

	if (rc < 0)
		return rc;
	j->u = &u;
	rc = poll_look_all(j);
	if (rc == 0 && timeout_ns != 0)
		rc = poll_wait(j, deadline, mask);
	use_close(&u);
	return rc;
}

int client_poll(struct pollfd *fds, nfds_t n, uint64_t timeout_ns, const sigset_t *mask)
{
	struct pollfd small_set[SMALL + 2];
	svc_entry small_entries[SMALL];
	struct poll_job j = {.fds = fds, .n = n, .entries = small_entries, .set = small_set};
	size_t bytes = n * sizeof(svc_entry) + (n + 2) * sizeof(struct pollfd);
	int rc;

	if (client_fds == NULL || n > SVC_FDS_MAX || copy_suspect(fds, n * sizeof(*fds)))
		return CLIENT_KERNEL;
	if (n > SMALL) {
		j.entries = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (j.entries == MAP_FAILED)
			return -ENOMEM;
		j.set = (struct pollfd *)(j.entries + n);
	}
	rc = poll_sort(&j) ? poll_job(&j, timeout_ns, mask) : CLIENT_KERNEL;
	if (n > SMALL)
		munmap(j.entries, bytes);
	return rc;
}

/* ---- select ---- */

#define SELECT_IN (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define SELECT_OUT (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define SELECT_EX POLLPRI

/* Sets of the program may be larger than an fd_set. */
static bool set_has(const fd_set *set, int fd) { return set != NULL && ((const unsigned long *)set)[fd / 64] >> fd % 64 & 1; }
static void set_add(fd_set *set, int fd) { ((unsigned long *)set)[fd / 64] |= 1ul << fd % 64; }
static void set_clear(fd_set *set, int n)
{
	if (set != NULL)
		memset(set, 0, (size_t)(n + 63) / 64 * 8);
}

static short select_wants(int fd, const fd_set *rd, const fd_set *wr, const fd_set *ex)
{
	return (short)((set_has(rd, fd) ? POLLIN | POLLRDNORM | POLLRDBAND : 0) |
		       (set_has(wr, fd) ? POLLOUT | POLLWRNORM | POLLWRBAND : 0) | (set_has(ex, fd) ? POLLPRI : 0));
}

static int select_result(const struct pollfd *fds, nfds_t n, int max, fd_set *sets[3])
{
	static const short bits[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};
	static const short asked[3] = {POLLIN, POLLOUT, POLLPRI};
	int ready = 0;

	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents & POLLNVAL)
			return -EBADF;
	for (int s = 0; s < 3; s++)
		set_clear(sets[s], max);
	for (nfds_t i = 0; i < n; i++) {
		for (int s = 0; s < 3; s++) {
			if (!(fds[i].events & asked[s]) || !(fds[i].revents & bits[s]))
				continue;
			set_add(sets[s], fds[i].fd);
			ready++;
		}
	}
	return ready;
}

static int select_polled(struct pollfd *fds, int max, fd_set *sets[3], uint64_t timeout_ns, const sigset_t *mask)
{
	uint64_t deadline = client_deadline(timeout_ns);
	nfds_t n = 0;
	int rc;

	for (int fd = 0; fd < max; fd++) {
		short wants = select_wants(fd, sets[0], sets[1], sets[2]);

		if (wants != 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = wants};
	}
	for (;;) {
		rc = client_poll(fds, n, timeout_ns, mask);
		if (rc < 0)
			return rc;
		/* POLLHUP alone does not make a descriptor writable: then there is nothing yet. */
		if (rc > 0) {
			struct timespec ts = client_timespec(1000000);

			rc = select_result(fds, n, max, sets);
			timeout_ns = client_left_ns(deadline);
			if (rc != 0 || timeout_ns == 0)
				return rc;
			for (nfds_t i = 0; i < n; i++) /* the sets are as they were */
				for (int s = 0; s < 3; s++)
					if (fds[i].events & (s == 0 ? POLLIN : s == 1 ? POLLOUT : POLLPRI))
						set_add(sets[s], fds[i].fd);
			if (kernel_ppoll(NULL, 0, &ts, mask) == -EINTR)
				return -EINTR;
			continue;
		}
		for (int s = 0; s < 3; s++)
			set_clear(sets[s], max);
		return 0;
	}
}

int client_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, uint64_t timeout_ns, const sigset_t *mask)
{
	struct pollfd small[SMALL], *fds = small;
	size_t bytes = (size_t)n * sizeof(struct pollfd);
	fd_set *sets[3] = {rd, wr, ex};
	bool ours = false;
	int rc;

	if (client_fds == NULL || n < 0 || n > (int)SVC_FDS_MAX)
		return CLIENT_KERNEL;
	for (int s = 0; s < 3; s++)
		if (sets[s] != NULL && copy_suspect(sets[s], (size_t)n / 8))
			return -EFAULT;
	for (int fd = 0; fd < n && !ours; fd++)
		ours = client_owns(fd) && select_wants(fd, rd, wr, ex) != 0;
	if (!ours)
		return CLIENT_KERNEL;
	if (n > (int)SMALL) {
		fds = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (fds == MAP_FAILED)
			return -ENOMEM;
	}
	rc = select_polled(fds, n, sets, timeout_ns, mask);
	if (n > (int)SMALL)
		munmap(fds, bytes);
	return rc;
}
