/* bsd.c: the face with errno: -1 on failure. Nothing else happens here. */
#include <stdarg.h>

#include "sock/sock.h"

static inline int bsd(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

static inline ssize_t bsd_size(ssize_t rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

int spate_socket(int domain, int type, int protocol) { return bsd(sock_socket(domain, type, protocol)); }
int spate_bind(int fd, const struct sockaddr *addr, socklen_t len) { return bsd(sock_bind(fd, addr, len)); }
int spate_listen(int fd, int backlog) { return bsd(sock_listen(fd, backlog)); }
int spate_accept(int fd, struct sockaddr *addr, socklen_t *len) { return bsd(sock_accept4(fd, addr, len, 0)); }
int spate_connect(int fd, const struct sockaddr *addr, socklen_t len) { return bsd(sock_connect(fd, addr, len)); }
int spate_shutdown(int fd, int how) { return bsd(sock_shutdown(fd, how)); }
int spate_close(int fd) { return bsd(sock_close(fd)); }

int spate_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return bsd(sock_accept4(fd, addr, len, flags));
}

ssize_t spate_send(int fd, const void *buf, size_t len, int flags)
{
	return spate_sendto(fd, buf, len, flags, NULL, 0);
}

ssize_t spate_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	return bsd_size(spate_sys_sendto(fd, buf, len, flags, to, to_len));
}

ssize_t spate_sendmsg(int fd, const struct msghdr *msg, int flags) { return bsd_size(sock_sendmsg(fd, msg, flags)); }

ssize_t spate_write(int fd, const void *buf, size_t len)
{
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};

	return bsd_size(sock_writev(fd, &iov, 1));
}

ssize_t spate_writev(int fd, const struct iovec *iov, int n)
{
	return bsd_size(spate_sys_writev(fd, iov, n));
}

ssize_t spate_recv(int fd, void *buf, size_t len, int flags) { return spate_recvfrom(fd, buf, len, flags, NULL, NULL); }

ssize_t spate_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len)
{
	return bsd_size(spate_sys_recvfrom(fd, buf, len, flags, from, from_len));
}

ssize_t spate_recvmsg(int fd, struct msghdr *msg, int flags) { return bsd_size(sock_recvmsg(fd, msg, flags)); }

ssize_t spate_read(int fd, void *buf, size_t len)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};

	return bsd_size(sock_readv(fd, &iov, 1));
}

ssize_t spate_readv(int fd, const struct iovec *iov, int n)
{
	return bsd_size(spate_sys_readv(fd, iov, n));
}

int spate_getsockname(int fd, struct sockaddr *addr, socklen_t *len) { return bsd(sock_getsockname(fd, addr, len)); }
int spate_getpeername(int fd, struct sockaddr *addr, socklen_t *len) { return bsd(sock_getpeername(fd, addr, len)); }

int spate_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	return bsd(sock_getsockopt(fd, level, name, val, len));
}

int spate_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return bsd(sock_setsockopt(fd, level, name, val, len));
}

int spate_fcntl(int fd, int cmd, ...)
{
	long arg = 0;
	va_list ap;

	if (cmd == F_SETFL || cmd == F_SETFD) {
		va_start(ap, cmd);
		arg = va_arg(ap, int);
		va_end(ap);
	}
	return bsd(sock_fcntl(fd, cmd, arg));
}

int spate_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return bsd(sock_ioctl(fd, request, arg));
}

int spate_epoll_create1(int flags) { return bsd(sock_epoll_create(flags)); }
int spate_epoll_create(int size) { return bsd(size < 1 ? -EINVAL : sock_epoll_create(0)); }

int spate_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return bsd(sock_epoll_ctl(epfd, op, fd, event));
}

int spate_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	return bsd(sock_epoll_wait(epfd, events, max, timeout_ms));
}

int spate_poll(struct pollfd *fds, nfds_t n, int timeout_ms) { return bsd(sock_poll(fds, n, timeout_ms)); }

int spate_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	return bsd(sock_select(n, rd, wr, ex, timeout));
}

int spate_socketpair(int domain, int type, int protocol, int fds[2]) { return bsd(sock_socketpair(domain, type, protocol, fds)); }
int spate_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags) { return bsd(sock_sendmmsg(fd, msgs, n, flags)); }

int spate_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout)
{
	return bsd(sock_recvmmsg(fd, msgs, n, flags, timeout));
}

ssize_t spate_sendfile(int out, int in, off_t *offset, size_t count) { return bsd_size(sock_sendfile(out, in, offset, count)); }

ssize_t spate_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned int flags)
{
	return bsd_size(sock_splice(in, in_offset, out, out_offset, len, flags));
}

int spate_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	return bsd(sock_ppoll(fds, n, timeout, mask));
}

int spate_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask)
{
	return bsd(sock_pselect(n, rd, wr, ex, timeout, mask));
}

int spate_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask)
{
	return bsd(sock_epoll_wait_for(epfd, events, max, sock_ms_ns(timeout_ms), mask));
}

int spate_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	return bsd(sock_epoll_pwait2(epfd, events, max, timeout, mask));
}
