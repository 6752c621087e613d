/* control.c: the control thread: connections of clients and what they say there. */
#include "svc/control.h"
#include "svc/kin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 1000  /* between looks at children that never came */
#define EVENTS_MAX 32

/* ---- messages ---- */

/* One message with the descriptor that came along, or -1. Bytes, 0 at the end, -errno. */
static ssize_t receive(int fd, struct svc_message *m, int *with)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*with = -1;
	if (got < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(with, CMSG_DATA(c), sizeof(int));
	return got;
}

/* n: descriptors to go along, up to two. Who does not read its answers is not waited for. */
static void reply(int fd, const struct svc_reply *r, const int *fds, unsigned n)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)r, .iov_len = sizeof(*r)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.h = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
		memcpy(CMSG_DATA(&control.h), fds, n * sizeof(int));
	}
	sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- connections ---- */

static void conn_close(struct svc_conn *c)
{
	close(c->fd);
	*c = (struct svc_conn){.fd = -1, .proc = -1};
}

static bool is_welcome(const struct ucred *who) { return who->uid == geteuid() || who->uid == 0 || svc_kin_is(who->pid, who->uid); }

static void conn_open(struct svc_controller *k)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t len = sizeof(who);
	unsigned i = 0;

	if (fd < 0)
		return;
	while (i < SVC_CONNS && k->conn[i].fd >= 0)
		i++;
	ev.data.u64 = SVC_CONTROL_CONN | i;
	if (i == SVC_CONNS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || !is_welcome(&who) ||
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		close(fd);
		return;
	}
	k->conn[i] = (struct svc_conn){.fd = fd, .proc = -1, .pid = who.pid};
}

static void hello(struct svc_controller *k, struct svc_conn *c, const struct svc_message *m)
{
	const int fds[2] = {k->r->memfd, k->placeholder};
	struct svc_reply r = {.version = SVC_VERSION};
	int proc = svc_client_hello(k, c->pid, m->value, &r.fresh);

	if (proc >= 0)
		c->proc = proc;
	r.proc = proc;
	r.result = proc < 0 ? proc : 0;
	reply(c->fd, &r, fds, proc < 0 ? 0 : 2);
}

/* A bell for a channel of the sender. */
static int bell(struct svc_controller *k, const struct svc_conn *c, int32_t chan, int fd)
{
	int rc;

	if (fd < 0 || chan < 0 || chan >= SVC_CHANS || atomic_load(&k->r->chans[chan].owner) != (uint32_t)c->proc + 1)
		return -EINVAL;
	rc = svc_bells_set(k->bells, (uint32_t)chan, fd);
	if (rc == 0)
		atomic_store(&k->r->chans[chan].bell_fd, 1);
	return rc;
}

static void handle(struct svc_controller *k, struct svc_conn *c, const struct svc_message *m, int *fd)
{
	struct svc_reply r = {.result = -EINVAL, .version = SVC_VERSION, .proc = c->proc};

	if (m->kind == SVC_HELLO) {
		hello(k, c, m);
		return;
	}
	if (c->proc >= 0 && m->kind == SVC_FORK) {
		r.proc = svc_client_fork(k, (uint32_t)c->proc, clock_ns());
		r.result = r.proc < 0 ? r.proc : 0;
	} else if (c->proc >= 0 && m->kind == SVC_BELL) {
		r.result = bell(k, c, m->value, *fd);
		if (r.result == 0)
			*fd = -1; /* the bells have it */
	}
	reply(c->fd, &r, NULL, 0);
}

static void conn_event(struct svc_controller *k, struct svc_conn *c)
{
	struct svc_message m;
	ssize_t got;
	int fd;

	if (c->fd < 0)
		return;
	got = receive(c->fd, &m, &fd);
	if (got == sizeof(m))
		handle(k, c, &m, &fd);
	else if (got != -EAGAIN)
		conn_close(c);
	if (fd >= 0)
		close(fd);
}

/* ---- the thread ---- */

static void end_of_process(struct svc_controller *k, uint32_t proc)
{
	/* What it said last was said before it ended. */
	for (unsigned i = 0; i < SVC_CONNS; i++)
		if (k->conn[i].fd >= 0 && k->conn[i].proc == (int32_t)proc)
			conn_close(&k->conn[i]);
	svc_client_end(k, proc);
}

static void children_late(struct svc_controller *k)
{
	uint64_t now = clock_ns();

	for (uint32_t i = 0; i < SVC_PROCS; i++)
		if (k->client[i].pid < 0 && now > k->client[i].until_ns)
			svc_client_end(k, i);
}

/* False: the end. */
static bool event(struct svc_controller *k, const struct epoll_event *ev)
{
	uint32_t i = (uint32_t)ev->data.u64;

	switch (ev->data.u64 & ~(uint64_t)UINT32_MAX) {
	case SVC_CONTROL_PROC:
		end_of_process(k, i);
		break;
	case SVC_CONTROL_CONN:
		conn_event(k, &k->conn[i]);
		break;
	case SVC_CONTROL_LISTENER:
		conn_open(k);
		break;
	case SVC_CONTROL_STOP:
		return false;
	}
	return true;
}

static void *control_main(void *arg)
{
	struct svc_controller *k = arg;
	struct epoll_event ev[EVENTS_MAX];

	for (bool going = true; going;) {
		int n = epoll_wait(k->epoll, ev, EVENTS_MAX, WAIT_MS);

		for (int i = 0; i < n && going; i++)
			going = event(k, &ev[i]);
		children_late(k);
	}
	return NULL;
}

/* ---- start and stop ---- */

/* Anybody may connect, who is let in is_welcome() says: a program that has given up its privileges is another user. */
static int listen_at(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return -errno;
	strncpy(un.sun_path, path, sizeof(un.sun_path) - 1);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || chmod(path, 0666) < 0 || listen(fd, SVC_PROCS) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int listen_for(struct svc_controller *k, int fd, uint64_t what)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = what};

	return fd < 0 || epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void close_all(struct svc_controller *k)
{
	for (unsigned i = 0; i < SVC_CONNS; i++)
		if (k->conn[i].fd >= 0)
			close(k->conn[i].fd);
	for (unsigned i = 0; i < SVC_PROCS; i++)
		if (k->client[i].pidfd >= 0)
			close(k->client[i].pidfd);
	if (k->listener >= 0) {
		close(k->listener);
		unlink(k->path);
	}
	close(k->placeholder);
	close(k->stop);
	close(k->epoll);
}

int svc_control_start(struct svc_controller *k, const struct svc_region *r, struct svc_server *servers, struct svc_bells *bells,
		      const char *path)
{
	int rc;

	memset(k, 0, sizeof(*k));
	k->r = r;
	k->servers = servers;
	k->bells = bells;
	for (unsigned i = 0; i < SVC_CONNS; i++)
		k->conn[i] = (struct svc_conn){.fd = -1, .proc = -1};
	for (unsigned i = 0; i < SVC_PROCS; i++)
		k->client[i].pidfd = -1;
	if (strlen(path) >= sizeof(k->path))
		return -ENAMETOOLONG;
	strcpy(k->path, path);
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	k->stop = eventfd(0, EFD_CLOEXEC);
	/* What clients' numbers stand on: a socket for fstat(), and for nothing else. */
	k->placeholder = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	k->listener = listen_at(path);
	rc = k->epoll < 0 || k->stop < 0 || k->placeholder < 0 ? -EMFILE : k->listener < 0 ? k->listener : 0;
	if (rc == 0)
		rc = listen_for(k, k->listener, SVC_CONTROL_LISTENER);
	if (rc == 0)
		rc = listen_for(k, k->stop, SVC_CONTROL_STOP);
	if (rc == 0)
		rc = -pthread_create(&k->thread, NULL, control_main, k);
	if (rc < 0)
		close_all(k);
	return rc;
}

void svc_control_stop(struct svc_controller *k)
{
	const uint64_t one = 1;

	while (write(k->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(k->thread, NULL);
	close_all(k);
}
