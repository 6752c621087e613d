/* kernel.c: see kernel.h. */
#include "sock/kernel.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define POLL_BATCH 64u

static int result(int rc) { return rc < 0 ? -errno : rc; }
static ssize_t result_size(ssize_t rc) { return rc < 0 ? -errno : rc; }

int kernel_wrap(int rc) { return rc < 0 ? -errno : rc + SOCK_KERNEL; }

/* ---- waiting: the kernel must not put the stack's thread to sleep ---- */

/* An attempt that does not wait: the call's result, -EAGAIN when it would. */
typedef ssize_t (*attempt_fn)(int kfd, void *arg);

static bool is_blocking(int kfd)
{
	int flags = fcntl(kfd, F_GETFL);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

static uint64_t limit_ns(int kfd, int option)
{
	struct timeval tv = {0};
	socklen_t len = sizeof(tv);

	if (getsockopt(kfd, SOL_SOCKET, option, &tv, &len) < 0 || (tv.tv_sec == 0 && tv.tv_usec == 0))
		return SOCK_FOREVER;
	return (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u;
}

/* Until an attempt does not say EAGAIN, in turns of the stack; option: the timeout that counts. */
static ssize_t wait_for(int kfd, int option, attempt_fn attempt, void *arg)
{
	uint64_t ns = limit_ns(kfd, option);
	struct sock_wait w;
	ssize_t got = -EAGAIN;
	int rc;

	sock_wait_begin(&w, sock_cur, ns, ns == SOCK_FOREVER);
	do {
		rc = sock_wait_turn(&w);
		if (rc < 0)
			break;
		got = attempt(kfd, arg);
	} while (got == -EAGAIN);
	sock_wait_end(&w);
	return rc < 0 ? rc : got;
}

/* The call as programs know it. Threads without a stack may sleep in the kernel: waits is false then, also for attempt(). */
static bool waits(void) { return sock_cur != NULL; }

static ssize_t call(int kfd, int option, int flags, attempt_fn attempt, void *arg)
{
	ssize_t got = attempt(kfd, arg);

	if (got != -EAGAIN || !waits() || flags & MSG_DONTWAIT || !is_blocking(kfd))
		return got;
	return wait_for(kfd, option, attempt, arg);
}

static bool is_ready(int kfd, short events)
{
	struct pollfd p = {.fd = kfd, .events = events};

	return poll(&p, 1, 0) > 0;
}

/* ---- sockets ---- */

int kernel_socket(int domain, int type, int protocol) { return kernel_wrap(socket(domain, type, protocol)); }

int kernel_socketpair(int domain, int type, int protocol, int fds[2])
{
	int made[2];

	if (fds == NULL)
		return -EFAULT;
	if (socketpair(domain, type, protocol, made) < 0)
		return -errno;
	fds[0] = kernel_wrap(made[0]);
	fds[1] = kernel_wrap(made[1]);
	return 0;
}

int kernel_bind(int fd, const struct sockaddr *addr, socklen_t len) { return result(bind(kernel_of(fd), addr, len)); }
int kernel_listen(int fd, int backlog) { return result(listen(kernel_of(fd), backlog)); }
int kernel_shutdown(int fd, int how) { return result(shutdown(kernel_of(fd), how)); }
int kernel_close(int fd) { return result(close(kernel_of(fd))); }

struct accept_args {
	struct sockaddr *addr;
	socklen_t *len;
	int flags;
};

static ssize_t accept_attempt(int kfd, void *arg)
{
	const struct accept_args *a = arg;

	/* A descriptor that is none, or no listener, is not ready; then the call says what is wrong. */
	if (waits() && !is_ready(kfd, POLLIN)) {
		int listens = 0;
		socklen_t len = sizeof(listens);

		if (getsockopt(kfd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
			return -EAGAIN;
	}
	return result(accept4(kfd, a->addr, a->len, a->flags));
}

int kernel_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct accept_args a = {addr, len, flags};
	ssize_t rc = call(kernel_of(fd), SO_RCVTIMEO, 0, accept_attempt, &a);

	return rc < 0 ? (int)rc : (int)rc + SOCK_KERNEL;
}

struct connect_args {
	const struct sockaddr *addr;
	socklen_t len;
};

/* AF_UNIX waits while the backlog is full, and has no flag against it but the file's. */
static ssize_t connect_attempt(int kfd, void *arg)
{
	const struct connect_args *a = arg;
	bool still = waits() && is_blocking(kfd);
	int flags = still ? fcntl(kfd, F_GETFL) : 0, rc;

	if (still)
		fcntl(kfd, F_SETFL, flags | O_NONBLOCK);
	rc = result(connect(kfd, a->addr, a->len));
	if (still)
		fcntl(kfd, F_SETFL, flags);
	return rc;
}

int kernel_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct connect_args a = {addr, len};

	return (int)call(kernel_of(fd), SO_SNDTIMEO, 0, connect_attempt, &a);
}

struct msg_args {
	struct msghdr *msg;
	int flags;
};

static ssize_t send_attempt(int kfd, void *arg)
{
	const struct msg_args *a = arg;

	return result_size(sendmsg(kfd, a->msg, a->flags | MSG_NOSIGNAL | (waits() ? MSG_DONTWAIT : 0)));
}

static ssize_t recv_attempt(int kfd, void *arg)
{
	const struct msg_args *a = arg;

	return result_size(recvmsg(kfd, a->msg, a->flags | (waits() ? MSG_DONTWAIT : 0)));
}

ssize_t kernel_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct msg_args a = {(struct msghdr *)msg, flags};

	return call(kernel_of(fd), SO_SNDTIMEO, flags, send_attempt, &a);
}

ssize_t kernel_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct msg_args a = {msg, flags};

	return call(kernel_of(fd), SO_RCVTIMEO, flags, recv_attempt, &a);
}

int kernel_name(int fd, bool peer, struct sockaddr *addr, socklen_t *len)
{
	return result(peer ? getpeername(kernel_of(fd), addr, len) : getsockname(kernel_of(fd), addr, len));
}

int kernel_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	return result(getsockopt(kernel_of(fd), level, name, val, len));
}

int kernel_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return result(setsockopt(kernel_of(fd), level, name, val, len));
}

/* ---- any descriptor ---- */

struct io_args {
	const struct iovec *iov;
	size_t n;
};

static ssize_t read_attempt(int kfd, void *arg)
{
	const struct io_args *a = arg;

	if (waits() && is_blocking(kfd) && !is_ready(kfd, POLLIN))
		return -EAGAIN;
	return result_size(readv(kfd, a->iov, (int)a->n));
}

/* No SIGPIPE: none is pending afterwards that was not before. */
static ssize_t write_quietly(int kfd, const struct io_args *a)
{
	const struct timespec none = {0};
	sigset_t pipe_only, own, pending;
	ssize_t rc;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &own);
	rc = result_size(writev(kfd, a->iov, (int)a->n));
	if (rc == -EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_only, NULL, &none) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &own, NULL);
	return rc;
}

static ssize_t write_attempt(int kfd, void *arg)
{
	if (waits() && is_blocking(kfd) && !is_ready(kfd, POLLOUT))
		return -EAGAIN;
	return write_quietly(kfd, arg);
}

ssize_t kernel_readv(int fd, const struct iovec *iov, size_t n)
{
	struct io_args a = {iov, n};

	return n > IOV_MAX ? -EINVAL : call(kernel_of(fd), SO_RCVTIMEO, 0, read_attempt, &a);
}

ssize_t kernel_writev(int fd, const struct iovec *iov, size_t n)
{
	struct io_args a = {iov, n};

	return n > IOV_MAX ? -EINVAL : call(kernel_of(fd), SO_SNDTIMEO, 0, write_attempt, &a);
}

int kernel_fcntl(int fd, int cmd, long arg)
{
	int rc = fcntl(kernel_of(fd), cmd, arg);

	return rc >= 0 && (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) ? kernel_wrap(rc) : result(rc);
}

int kernel_ioctl(int fd, unsigned long request, void *arg) { return result(ioctl(kernel_of(fd), request, arg)); }

/* ---- readiness ---- */

short kernel_poll(int fd, short events)
{
	struct pollfd p = {.fd = kernel_of(fd), .events = events};

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

static int poll_batch(struct pollfd *const *at, struct pollfd *batch, unsigned n)
{
	int ready = 0;

	if (n == 0 || poll(batch, n, 0) < 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		at[i]->revents = batch[i].revents;
		ready += batch[i].revents != 0;
	}
	return ready;
}

int kernel_poll_all(struct pollfd *fds, nfds_t n)
{
	struct pollfd batch[POLL_BATCH], *at[POLL_BATCH];
	unsigned count = 0;
	int ready = 0;

	for (nfds_t i = 0; i < n; i++) {
		if (!sock_is_kernel(fds[i].fd))
			continue;
		if (count == POLL_BATCH) {
			ready += poll_batch(at, batch, count);
			count = 0;
		}
		at[count] = &fds[i];
		batch[count++] = (struct pollfd){.fd = kernel_of(fds[i].fd), .events = fds[i].events};
	}
	return ready + poll_batch(at, batch, count);
}

int kernel_epoll_ctl(struct epoll_inst *inst, int op, int fd, const struct epoll_event *event)
{
	if (inst->kernel == 0 && op != EPOLL_CTL_ADD)
		return fcntl(kernel_of(fd), F_GETFD) < 0 ? -EBADF : -ENOENT;
	if (inst->kernel == 0) {
		int made = epoll_create1(EPOLL_CLOEXEC);

		if (made < 0)
			return -errno;
		inst->kernel = made + 1;
	}
	return result(epoll_ctl(inst->kernel - 1, op, kernel_of(fd), (struct epoll_event *)event));
}

int kernel_epoll_collect(const struct epoll_inst *inst, struct epoll_event *events, int max)
{
	int n = epoll_wait(inst->kernel - 1, events, max, 0);

	return n > 0 ? n : 0;
}

void kernel_epoll_close(struct epoll_inst *inst)
{
	if (inst->kernel != 0)
		close(inst->kernel - 1);
	inst->kernel = 0;
}
