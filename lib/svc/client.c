/* client.c: the records of client processes: attaching, fork, exec, and what is done for those that have ended, wherever in
 * their work they were killed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "svc/control.h"
#include "svc/futex.h"

#define CHILD_WAIT_NS 10000000000ull /* from SVC_FORK to the child's hello: a machine may be very busy */
#define ANSWER_TRIES 10000           /* of 100 us, for a stack's answer to a request of a client that has ended */

/* ---- references ---- */

static svc_life *life_of(struct svc_controller *k, svc_entry e)
{
	uint32_t i = svc_entry_index(e);

	if (svc_entry_kind(e) == SVC_KIND_FILE && i < k->r->n_stacks * k->r->files_per_stack)
		return &k->r->files[i].life;
	if (svc_entry_kind(e) == SVC_KIND_EPOLL && i < SVC_EPOLLS)
		return &k->r->epolls[i].life;
	return NULL;
}

/* One less, if it is that life still. True: nobody refers to it any more. */
static bool life_drop(svc_life *life, uint32_t gen)
{
	uint64_t v = atomic_load(life);

	do {
		if (svc_life_gen(v) != gen)
			return false;
		if (svc_life_refs(v) == 0)
			return true; /* and whoever took the last one away may not have been able to say so */
	} while (!atomic_compare_exchange_weak(life, &v, v - 1));
	return svc_life_refs(v) == 1;
}

static void entry_put(struct svc_controller *k, svc_entry e)
{
	svc_life *life = life_of(k, e);
	uint32_t i = svc_entry_index(e);

	if (life != NULL && life_drop(life, svc_entry_gen(e)) && svc_entry_kind(e) == SVC_KIND_FILE)
		svc_server_close(&k->servers[i / k->r->files_per_stack], i % k->r->files_per_stack);
}

static bool entry_get(struct svc_controller *k, svc_entry e)
{
	svc_life *life = life_of(k, e);

	return life != NULL && svc_life_get(life, svc_entry_gen(e));
}

static uint32_t fds_of(const struct svc_controller *k, uint32_t proc)
{
	uint32_t high = atomic_load(&k->r->procs[proc].fd_high);

	return RTE_MIN(high, SVC_FDS_MAX);
}

/* ---- channels ---- */

/* A request may have been written down and not posted: it is posted (again), and its answer awaited. */
static void chan_settle(struct svc_controller *k, uint32_t i)
{
	struct svc_chan *c = &k->r->chans[i];

	if (!svc_chan_asks(c))
		return;
	if (c->stack < k->r->n_stacks) {
		atomic_fetch_or(&k->r->stacks[c->stack].pending[i / 64], 1ull << i % 64);
		svc_server_wake(&k->servers[c->stack]);
	}
	for (unsigned tries = 0; svc_chan_asks(c) && tries < ANSWER_TRIES; tries++)
		usleep(100);
}

static bool has_entry(struct svc_controller *k, uint32_t proc, svc_entry e)
{
	_Atomic svc_entry *fds = svc_region_fds(k->r, proc);

	for (uint32_t fd = 0; fd < fds_of(k, proc); fd++)
		if (atomic_load_explicit(&fds[fd], memory_order_relaxed) == e)
			return true;
	return false;
}

/* A socket that its thread was given and did not live to note. */
static void chan_put_new(struct svc_controller *k, uint32_t proc, const struct svc_chan *c)
{
	svc_entry e = svc_entry_make(SVC_KIND_FILE, c->new_file & ((1u << 30) - 1), c->new_gen);

	if ((c->op == SVC_SOCKET || c->op == SVC_ACCEPT) && c->result >= 0 && !has_entry(k, proc, e))
		entry_put(k, e);
}

/* The note of a request that was not handed over. */
static void chan_put_note(struct svc_controller *k, uint32_t i)
{
	const struct svc_chan *c = &k->r->chans[i];
	_Atomic uint32_t *note;

	if (c->op != SVC_POST || c->file >= k->r->n_stacks * k->r->files_per_stack)
		return;
	note = &k->r->files[c->file].posted;
	if (svc_note_take(note, i))
		svc_futex_wake(note, INT32_MAX);
}

static void chan_free(struct svc_controller *k, uint32_t proc, uint32_t i)
{
	struct svc_chan *c = &k->r->chans[i];

	chan_settle(k, i);
	if (atomic_load(&c->state) == SVC_DONE)
		chan_put_new(k, proc, c);
	chan_put_note(k, i);
	entry_put(k, atomic_exchange(&c->held, 0));
	for (uint32_t e = 0; e < SVC_EPOLLS; e++) {
		uint32_t mine = i + 1;

		atomic_compare_exchange_strong(&k->r->epolls[e].lock, &mine, 0);
	}
	svc_bells_set(k->bells, i, -1);
	atomic_store(&c->bell_fd, 0);
	atomic_store(&c->sleep, SVC_AWAKE);
	atomic_store(&c->state, SVC_IDLE);
	atomic_store(&c->owner, 0);
}

static void chans_free(struct svc_controller *k, uint32_t proc)
{
	for (uint32_t i = 0; i < SVC_CHANS; i++)
		if (atomic_load(&k->r->chans[i].owner) == proc + 1)
			chan_free(k, proc, i);
}

/* ---- processes ---- */

static int record_new(struct svc_controller *k)
{
	for (int i = 0; i < SVC_PROCS; i++)
		if (k->client[i].pid == 0)
			return i;
	return -ENOBUFS;
}

static int watch_pid(struct svc_controller *k, uint32_t proc, int32_t pid)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = SVC_CONTROL_PROC | proc};
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), rc;

	if (pidfd < 0)
		return -errno;
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, pidfd, &ev) < 0) {
		rc = -errno;
		close(pidfd);
		return rc;
	}
	k->client[proc].pidfd = pidfd;
	k->client[proc].pid = pid;
	atomic_store(&k->r->procs[proc].pid, pid);
	return (int)proc;
}

static bool has_ended(const struct svc_client *c)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* The record of a process that called exec; one whose number has passed to another process goes. */
static int record_of(struct svc_controller *k, int32_t pid)
{
	for (uint32_t i = 0; i < SVC_PROCS; i++) {
		if (k->client[i].pid != pid)
			continue;
		if (!has_ended(&k->client[i]))
			return (int)i;
		svc_client_end(k, i);
	}
	return -ENOENT;
}

int svc_client_hello(struct svc_controller *k, int32_t pid, int32_t promised, uint32_t *fresh)
{
	int proc = record_of(k, pid);

	*fresh = 0;
	if (proc >= 0) {
		chans_free(k, (uint32_t)proc);
		return proc;
	}
	if (promised >= 0 && promised < SVC_PROCS && k->client[promised].pid < 0)
		return watch_pid(k, (uint32_t)promised, pid);
	*fresh = 1;
	proc = record_new(k);
	return proc < 0 ? proc : watch_pid(k, (uint32_t)proc, pid);
}

int svc_client_fork(struct svc_controller *k, uint32_t proc, uint64_t now_ns)
{
	_Atomic svc_entry *from = svc_region_fds(k->r, proc), *to;
	int child = record_new(k);
	uint32_t n = fds_of(k, proc);

	if (child < 0)
		return child;
	to = svc_region_fds(k->r, (uint32_t)child);
	for (uint32_t fd = 0; fd < n; fd++) {
		svc_entry e = atomic_load(&from[fd]);

		if (e != 0 && entry_get(k, e))
			atomic_store_explicit(&to[fd], e, memory_order_relaxed);
	}
	atomic_store(&k->r->procs[child].fd_high, n);
	k->client[child] = (struct svc_client){.pid = -k->client[proc].pid, .pidfd = -1, .until_ns = now_ns + CHILD_WAIT_NS};
	atomic_store(&k->r->procs[child].pid, -k->client[proc].pid);
	return child;
}

/* Their pages go back, and are zero when they are used again. */
static void fds_forget(struct svc_controller *k, uint32_t proc)
{
	off_t at = (off_t)((uint8_t *)svc_region_fds(k->r, proc) - (uint8_t *)k->r->head);

	fallocate(k->r->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, (off_t)(SVC_FDS_MAX * sizeof(svc_entry)));
	atomic_store(&k->r->procs[proc].fd_high, 0);
}

void svc_client_end(struct svc_controller *k, uint32_t proc)
{
	_Atomic svc_entry *fds = svc_region_fds(k->r, proc);

	chans_free(k, proc);
	for (uint32_t fd = 0; fd < fds_of(k, proc); fd++)
		if (atomic_load_explicit(&fds[fd], memory_order_relaxed) != 0)
			entry_put(k, atomic_exchange(&fds[fd], 0));
	fds_forget(k, proc);
	if (k->client[proc].pidfd >= 0)
		close(k->client[proc].pidfd);
	k->client[proc] = (struct svc_client){.pidfd = -1};
	atomic_store(&k->r->procs[proc].pid, 0);
	for (uint32_t i = 0; i < SVC_PROCS; i++)
		if (k->client[i].pid != 0)
			return;
	for (uint32_t i = 0; i < k->r->n_stacks; i++)
		svc_server_forget(&k->servers[i]);
}
