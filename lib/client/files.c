/* files.c: descriptors. The kernel gives the numbers (duplicates of one placeholder socket, so that they are the lowest free
 * ones), the process's table in the shared memory says what they stand for. A number's entry goes before the number does: no
 * other thread can get the number with the old entry under it. */
#include <sys/ioctl.h>

#include "client/private.h"

#define LINGER_LOOK_NS 2000000u

/* ---- changes of the table against fork() ---- */

static _Atomic uint32_t changing, stopped;

void table_enter(void)
{
	for (;;) {
		while (atomic_load(&stopped) && !client_self.forks)
			kernel_futex_wait(&stopped, 1, NULL);
		atomic_fetch_add(&changing, 1);
		client_self.changes++;
		/* A handler within a change would wait for itself. */
		if (!atomic_load(&stopped) || client_self.forks || client_self.changes > 1)
			return;
		table_leave();
	}
}

void table_leave(void)
{
	client_self.changes--;
	if (atomic_fetch_sub(&changing, 1) - 1 <= 1 && atomic_load(&stopped))
		kernel_futex_wake(&changing, 1);
}

void table_stop(void)
{
	uint32_t nobody, n;

	for (nobody = 0; !atomic_compare_exchange_strong(&stopped, &nobody, 1); nobody = 0)
		kernel_futex_wait(&stopped, 1, NULL);
	client_self.forks = true;
	while ((n = atomic_load(&changing)) > client_self.changes)
		kernel_futex_wait(&changing, n, NULL);
}

void table_go(bool child)
{
	client_self.forks = false;
	if (child) /* other threads are not there */
		atomic_store(&changing, client_self.changes);
	atomic_store(&stopped, 0);
	kernel_futex_wake(&stopped, 0x7fffffff);
}

/* ---- entries ---- */

svc_entry client_entry(int fd)
{
	_Atomic svc_entry *fds = client_fds;

	return fds != NULL && (uint32_t)fd < SVC_FDS_MAX ? atomic_load_explicit(&fds[fd], memory_order_acquire) : 0;
}

bool client_has_any(void)
{
	_Atomic svc_entry *fds = client_fds;
	uint32_t high = fds != NULL ? atomic_load(&client.proc->fd_high) : 0;

	for (uint32_t fd = 0; fd < high && fd < SVC_FDS_MAX; fd++)
		if (atomic_load_explicit(&fds[fd], memory_order_relaxed) != 0)
			return true;
	return false;
}

svc_life *entry_life(svc_entry e)
{
	uint32_t i = svc_entry_index(e);

	return svc_entry_kind(e) == SVC_KIND_FILE ? &svc_file_at(client.head, i)->life : &svc_epoll_at(client.head, i)->life;
}

bool entry_get(svc_entry e) { return svc_life_get(entry_life(e), svc_entry_gen(e)); }

static __attribute__((noinline)) void file_end(svc_entry e)
{
	struct use u;

	if (use_open(&u) < 0)
		return;
	u.ch->file = svc_entry_index(e);
	u.ch->gen = svc_entry_gen(e);
	chan_ask(u.ch, u.chan, svc_entry_index(e) / client.head->files_per_stack, SVC_CLOSE);
	use_close(&u);
}

/* An instance's end is seen by the stacks: they let go of its watches, listed or not. */
void entry_put(svc_entry e)
{
	if (svc_life_put(entry_life(e)) && svc_entry_kind(e) == SVC_KIND_FILE)
		file_end(e);
}

static svc_entry entry_swap(int fd, svc_entry e)
{
	uint32_t high = atomic_load(&client.proc->fd_high), wanted = (uint32_t)fd + 1;

	while (e != 0 && high < wanted && !atomic_compare_exchange_weak(&client.proc->fd_high, &high, wanted))
		;
	return atomic_exchange(&client_fds[fd], e);
}

/* ---- new descriptors ---- */

/* The lowest free number from min on, if the table has it. */
static int fd_duplicate(int fd, int min, bool cloexec)
{
	int to = kernel_fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, min);

	if (to < (int)SVC_FDS_MAX)
		return to;
	kernel_close(to);
	return -EMFILE;
}

int fd_reserve(bool cloexec) { return fd_duplicate(atomic_load(&client.placeholder), 0, cloexec); }

void fd_fill(int fd, svc_entry e)
{
	/* An entry there was closed behind our back. */
	svc_entry old = entry_swap(fd, e);

	if (old != 0)
		entry_put(old);
}

void fd_abandon(int fd) { kernel_close(fd); }

int fd_install(svc_entry e, int min, bool cloexec)
{
	int fd;

	table_enter();
	fd = fd_duplicate(atomic_load(&client.placeholder), min, cloexec);
	if (fd >= 0)
		fd_fill(fd, e);
	table_leave();
	return fd;
}

/* ---- close ---- */

/* What is sent has left and been acknowledged, or the time of SO_LINGER is over. */
static void linger(struct use *u)
{
	struct linger l = {0};
	struct timespec ts = client_timespec(LINGER_LOOK_NS);
	uint64_t deadline;
	int left = 0;

	u->ch->a = SOL_SOCKET;
	u->ch->b = SO_LINGER;
	u->ch->len = sizeof(l);
	if (use_ask(u, SVC_GETSOCKOPT) < 0 || u->ch->len != sizeof(l))
		return;
	__builtin_memcpy(&l, u->ch->data, sizeof(l));
	if (!l.l_onoff || l.l_linger <= 0)
		return;
	deadline = client_deadline((uint64_t)l.l_linger * 1000000000u);
	u->ch->a = SHUT_RDWR;
	use_ask(u, SVC_SHUTDOWN);
	do {
		u->ch->u = TIOCOUTQ;
		u->ch->len = sizeof(left);
		if (use_ask(u, SVC_IOCTL) < 0)
			return;
		__builtin_memcpy(&left, u->ch->data, sizeof(left));
	} while (left > 0 && client_left_ns(deadline) > 0 && kernel_ppoll(NULL, 0, &ts, NULL) == 0);
}

static void close_lingers(svc_entry e, int fd)
{
	struct use u;

	if (svc_entry_kind(e) != SVC_KIND_FILE ||
	    !(atomic_load(&svc_file_at(client.head, svc_entry_index(e))->bits) & SVC_F_LINGERS) || use_socket(&u, fd) < 0)
		return;
	if (svc_life_refs(atomic_load(&u.file->life)) == 2) /* this descriptor and this call */
		linger(&u);
	use_close(&u);
}

int client_close(int fd)
{
	svc_entry e;
	int rc;

	if (client_hides(fd))
		return client_in_vfork() ? CLIENT_KERNEL : -EBADF;
	e = client_entry(fd);
	if (e == 0 || client_in_vfork())
		return CLIENT_KERNEL;
	close_lingers(e, fd);
	table_enter();
	e = entry_swap(fd, 0);
	rc = kernel_close(fd);
	table_leave();
	if (e != 0)
		entry_put(e);
	return rc;
}

/* The kernel's part of a range, but for what is hidden. */
static int close_holes(unsigned from, unsigned to)
{
	unsigned at = from;
	int rc = 0;

	for (unsigned fd = from; fd <= to && fd < SVC_FDS_MAX && rc == 0; fd++) {
		if (!client_hides((int)fd))
			continue;
		if (fd > at)
			rc = kernel_close_range(at, fd - 1, 0);
		at = fd + 1;
	}
	return rc == 0 && at <= to ? kernel_close_range(at, to, 0) : rc;
}

int client_close_range(unsigned from, unsigned to, unsigned flags)
{
	uint32_t high;

	if (client_fds == NULL || from > to || flags & ~2u /* CLOSE_RANGE_UNSHARE */ || client_in_vfork())
		return CLIENT_KERNEL;
	high = atomic_load(&client.proc->fd_high);
	for (unsigned fd = from; fd <= to && fd < high; fd++)
		if (client_owns((int)fd))
			client_close((int)fd);
	return close_holes(from, to);
}

/* ---- dup ---- */

int client_dup(int fd, int min, bool cloexec)
{
	svc_entry e = client_entry(fd);
	int to;

	if (client_hides(fd))
		return client_in_vfork() ? CLIENT_KERNEL : -EBADF;
	if (e == 0 || client_in_vfork())
		return CLIENT_KERNEL;
	if (!entry_get(e))
		return -EBADF;
	table_enter();
	to = fd_duplicate(fd, min, cloexec);
	if (to >= 0)
		fd_fill(to, e);
	table_leave();
	if (to < 0)
		entry_put(e);
	return to;
}

int dup_onto(int from, int to, int flags, svc_entry e)
{
	svc_entry old;
	int rc;

	table_enter();
	old = entry_swap(to, 0);
	rc = kernel_dup3(from, to, flags);
	entry_swap(to, rc < 0 ? old : e);
	table_leave();
	if (rc >= 0 && old != 0)
		entry_put(old);
	return rc;
}

int client_dup2(int from, int to, int flags)
{
	svc_entry e = client_entry(from);
	int rc;

	if (client_fds == NULL || client_in_vfork())
		return CLIENT_KERNEL;
	if (client_hides(from))
		return -EBADF;
	if (client_hides(to)) {
		rc = client_hide_move(to);
		if (rc < 0)
			return rc;
	}
	if (from == to || (uint32_t)to >= SVC_FDS_MAX || (e == 0 && client_entry(to) == 0))
		return CLIENT_KERNEL;
	if (e != 0 && !entry_get(e))
		return -EBADF;
	rc = dup_onto(from, to, flags, e);
	if (rc < 0 && e != 0)
		entry_put(e);
	return rc;
}

/* ---- after exec ---- */

/* A placeholder is still there for a socket, an instance of the kernel for an epoll one. */
static bool still_open(int fd, svc_entry e)
{
	struct stat st;

	if (svc_entry_kind(e) == SVC_KIND_EPOLL)
		return kernel_epoll_ctl(fd, EPOLL_CTL_DEL, atomic_load(&client.placeholder), NULL) == -ENOENT;
	return fstat(fd, &st) == 0 && st.st_dev == client.dev && st.st_ino == client.ino;
}

void table_sift(void)
{
	uint32_t high = atomic_load(&client.proc->fd_high);

	for (uint32_t fd = 0; fd < high && fd < SVC_FDS_MAX; fd++) {
		svc_entry e = client_entry((int)fd);

		if (e != 0 && !still_open((int)fd, e))
			entry_put(entry_swap((int)fd, 0));
	}
}
