/* attach.c: joining a service: the control connection, the shared memory, and the few descriptors that are the library's own. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "client/private.h"

/* Programs expect low numbers for their own: ours begin here, or below the limit of descriptors when that is lower. */
#define HIDE_FROM 1000
#define HIDE_ROOM 24

struct client client;
_Atomic svc_entry *client_fds;

static _Atomic uint64_t hidden[SVC_FDS_MAX / 64];
static _Atomic int bell_fds[SVC_CHANS]; /* 0: none */
static _Atomic uint32_t control_lock;
static size_t map_bytes;

/* ---- hidden descriptors ---- */

bool client_hides(int fd)
{
	return (uint32_t)fd < SVC_FDS_MAX && atomic_load_explicit(&hidden[fd / 64], memory_order_relaxed) >> fd % 64 & 1;
}

void client_hide_set(int fd, bool hide)
{
	if ((uint32_t)fd >= SVC_FDS_MAX)
		return;
	if (hide)
		atomic_fetch_or(&hidden[fd / 64], 1ull << fd % 64);
	else
		atomic_fetch_and(&hidden[fd / 64], ~(1ull << fd % 64));
}

int client_hide(int fd)
{
	struct rlimit limit = {.rlim_cur = HIDE_FROM};
	long from;
	int high;

	KERNEL_4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	from = limit.rlim_cur > HIDE_FROM + HIDE_ROOM ? HIDE_FROM : (long)limit.rlim_cur - HIDE_ROOM;
	high = kernel_fcntl(fd, F_DUPFD_CLOEXEC, from > 3 ? from : 3);
	if (high < 0)
		high = kernel_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	kernel_close(fd);
	if (high >= 0)
		client_hide_set(high, true);
	return high;
}

static void hidden_close(int fd)
{
	if (fd <= 0)
		return;
	client_hide_set(fd, false);
	kernel_close(fd);
}

int client_hide_move(int fd)
{
	int to = kernel_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);

	if (to < 0)
		to = kernel_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (to < 0)
		return to;
	client_hide_set(to, true);
	if (atomic_load(&client.control) == fd)
		atomic_store(&client.control, to);
	if (atomic_load(&client.placeholder) == fd)
		atomic_store(&client.placeholder, to);
	for (uint32_t i = 0; i < SVC_CHANS; i++)
		if (atomic_load(&bell_fds[i]) == fd)
			atomic_store(&bell_fds[i], to);
	hidden_close(fd);
	return 0;
}

/* ---- the control connection ---- */

/* Without signals: a handler that needs the connection would wait for the call that it interrupted. */
static void control_take(sigset_t *old)
{
	sigset_t all;

	memset(&all, 0xff, sizeof(all));
	kernel_sigmask(SIG_SETMASK, &all, old);
	for (;;) {
		uint32_t unlocked = 0;

		if (atomic_compare_exchange_strong(&control_lock, &unlocked, 1))
			return;
		kernel_futex_wait(&control_lock, 1, NULL);
	}
}

static void control_give(const sigset_t *old)
{
	atomic_store(&control_lock, 0);
	kernel_futex_wake(&control_lock, 1);
	kernel_sigmask(SIG_SETMASK, old, NULL);
}

static int control_send(int control, struct svc_message *m, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} c = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	long n;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&c.head), &fd, sizeof(fd));
		msg.msg_control = &c;
		msg.msg_controllen = sizeof(c.room);
	}
	while ((n = kernel_sendmsg(control, &msg, MSG_NOSIGNAL)) == -EINTR)
		;
	return n < 0 ? (int)n : 0;
}

static int control_answer(int control, struct svc_reply *reply, int got[2])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} c;
	struct iovec iov = {.iov_base = reply, .iov_len = sizeof(*reply)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	struct cmsghdr *h;
	long n;

	got[0] = got[1] = -1;
	while ((n = kernel_recvmsg(control, &msg, MSG_CMSG_CLOEXEC)) == -EINTR)
		;
	h = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (h != NULL && h->cmsg_type == SCM_RIGHTS) {
		size_t len = h->cmsg_len - CMSG_LEN(0);

		memcpy(got, CMSG_DATA(h), len < 2 * sizeof(int) ? len : 2 * sizeof(int));
	}
	if (n < 0)
		return (int)n;
	return n == sizeof(*reply) ? reply->result : -ECONNRESET;
}

static int control_ask(int control, uint32_t kind, int32_t value, int fd, struct svc_reply *reply, int got[2])
{
	struct svc_message m = {.kind = kind, .value = value};
	int rc = control_send(control, &m, fd);

	got[0] = got[1] = -1;
	return rc < 0 ? rc : control_answer(control, reply, got);
}

/* The same on the process's connection, one thread at a time. */
static int control_ask_locked(uint32_t kind, int32_t value, int fd, struct svc_reply *reply)
{
	sigset_t old;
	int rc, got[2];

	control_take(&old);
	rc = control_ask(atomic_load(&client.control), kind, value, fd, reply, got);
	control_give(&old);
	return rc;
}

static int control_open(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	fd = kernel_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	rc = kernel_connect(fd, &un, sizeof(un));
	if (rc < 0) {
		kernel_close(fd);
		return rc;
	}
	return client_hide(fd);
}

bool client_service_gone(void)
{
	struct pollfd p = {.fd = atomic_load(&client.control)};
	struct timespec now = {0};

	return kernel_ppoll(&p, 1, &now, NULL) == 1 && p.revents & (POLLHUP | POLLERR);
}

int client_fork_ask(void)
{
	struct svc_reply reply;
	int rc = control_ask_locked(SVC_FORK, 0, -1, &reply);

	return rc < 0 ? rc : reply.proc;
}

int client_bell_fd(uint32_t chan)
{
	struct svc_chan *ch = svc_chan_at(client.head, chan);
	struct svc_reply reply;
	int fd = atomic_load(&bell_fds[chan]), rc;

	if (fd > 0 && atomic_load(&ch->bell_fd) != 0)
		return fd;
	if (fd == 0) {
		fd = kernel_eventfd(EFD_NONBLOCK | EFD_CLOEXEC);
		fd = fd < 0 ? fd : client_hide(fd);
		if (fd < 0)
			return fd;
		atomic_store(&bell_fds[chan], fd);
	}
	rc = control_ask_locked(SVC_BELL, (int32_t)chan, fd, &reply);
	return rc < 0 ? rc : fd;
}

/* ---- the memory ---- */

static int memory_map(int memfd)
{
	struct stat st;
	void *at;

	if (fstat(memfd, &st) < 0)
		return -errno;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
	if (at == MAP_FAILED)
		return -errno;
	client.head = at;
	map_bytes = (size_t)st.st_size;
	if (client.head->magic == SVC_MAGIC && client.head->version == SVC_VERSION && client.head->bytes <= (uint64_t)st.st_size)
		return 0;
	munmap(at, map_bytes);
	client.head = NULL;
	return -EPROTO; /* of another build */
}

static int here_map(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	madvise(at, 4096, MADV_WIPEONFORK);
	client.here = at;
	return 0;
}

static void process_is(int32_t index)
{
	client.proc_index = index;
	client.proc = svc_proc_at(client.head, (uint32_t)index);
	client.pid = kernel_getpid();
	atomic_store(client.here, 1);
	client_fds = svc_fds_at(client.head, (uint32_t)index);
}

/* ---- joining ---- */

static int first_hello(const char *path)
{
	struct svc_reply reply;
	struct stat st;
	int got[2], rc = control_open(path);

	if (rc < 0)
		return rc;
	atomic_store(&client.control, rc);
	rc = control_ask(rc, SVC_HELLO, -1, -1, &reply, got);
	if (rc == 0 && (got[0] < 0 || got[1] < 0))
		rc = -EPROTO;
	if (rc == 0)
		rc = memory_map(got[0]);
	if (rc == 0)
		rc = here_map();
	if (got[0] >= 0)
		kernel_close(got[0]);
	if (rc < 0 || fstat(got[1], &st) < 0) {
		hidden_close(atomic_load(&client.control));
		return rc < 0 ? rc : -errno;
	}
	client.dev = st.st_dev;
	client.ino = st.st_ino;
	atomic_store(&client.placeholder, client_hide(got[1]));
	process_is(reply.proc);
	atomic_store(&client.state, CLIENT_READY);
	if (!reply.fresh)
		table_sift();
	return 0;
}

int client_attach(const char *path)
{
	int fresh = CLIENT_NEW, rc;

	if (path == NULL)
		path = getenv("SPATE_SERVICE");
	if (!atomic_compare_exchange_strong(&client.state, &fresh, CLIENT_NONE))
		return fresh == CLIENT_READY ? 0 : fresh == CLIENT_LOST ? -ENETDOWN : -ENOENT;
	if (path == NULL || *path == 0)
		return -ENOENT;
	if (strlen(path) >= sizeof(client.path))
		return -ENAMETOOLONG;
	strcpy(client.path, path);
	rc = first_hello(path);
	if (rc < 0)
		atomic_store(&client.state, CLIENT_LOST);
	return rc;
}

uint32_t client_catches(void) { return client.head != NULL ? client.head->catches : 0; }

void client_detach(void)
{
	if (atomic_load(&client.state) == CLIENT_READY) {
		for (int fd = 0; fd < (int)atomic_load(&client.proc->fd_high); fd++)
			if (client_owns(fd))
				client_close(fd);
		hidden_close(atomic_load(&client.control));
		hidden_close(atomic_load(&client.placeholder));
		munmap(client.head, map_bytes);
	}
	for (uint32_t i = 0; i < SVC_CHANS; i++)
		hidden_close(atomic_exchange(&bell_fds[i], 0));
	client_fds = NULL;
	chan_forget_all();
	nest_forget_all();
	atomic_store(&client.state, CLIENT_NEW);
}

int client_join_child(int32_t forked)
{
	struct svc_reply reply;
	int got[2], rc;

	/* The parent's connection and bells are not the child's. */
	hidden_close(atomic_exchange(&client.control, -1));
	for (uint32_t i = 0; i < SVC_CHANS; i++)
		hidden_close(atomic_exchange(&bell_fds[i], 0));
	atomic_store(&control_lock, 0);
	chan_forget_all();
	nest_forget_all();
	rc = control_open(client.path);
	if (rc >= 0) {
		atomic_store(&client.control, rc);
		rc = control_ask(rc, SVC_HELLO, forked, -1, &reply, got);
		for (int i = 0; i < 2; i++)
			if (got[i] >= 0)
				kernel_close(got[i]);
	}
	if (rc < 0) {
		client_fds = NULL;
		atomic_store(&client.state, CLIENT_LOST);
		return rc;
	}
	process_is(reply.proc);
	return 0;
}

int client_join_anew(void) { return client_join_child(-1); }
