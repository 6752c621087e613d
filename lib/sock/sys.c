/* sys.c: the face of raw system calls: -errno. */
#include <limits.h>

#include "sock/sock.h"

int spate_sys_socket(int domain, int type, int protocol) { return sock_socket(domain, type, protocol); }
int spate_sys_bind(int fd, const struct sockaddr *addr, socklen_t len) { return sock_bind(fd, addr, len); }
int spate_sys_listen(int fd, int backlog) { return sock_listen(fd, backlog); }
int spate_sys_connect(int fd, const struct sockaddr *addr, socklen_t len) { return sock_connect(fd, addr, len); }
int spate_sys_shutdown(int fd, int how) { return sock_shutdown(fd, how); }
int spate_sys_close(int fd) { return sock_close(fd); }
int spate_sys_epoll_create1(int flags) { return sock_epoll_create(flags); }

int spate_sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return sock_accept4(fd, addr, len, flags);
}

ssize_t spate_sys_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};

	return sock_send(fd, &iov, 1, flags, to, to_len);
}

ssize_t spate_sys_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};

	return sock_recv(fd, &iov, 1, flags, from, from_len, NULL);
}

ssize_t spate_sys_sendmsg(int fd, const struct msghdr *msg, int flags) { return sock_sendmsg(fd, msg, flags); }
ssize_t spate_sys_recvmsg(int fd, struct msghdr *msg, int flags) { return sock_recvmsg(fd, msg, flags); }

int spate_sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len) { return sock_getsockname(fd, addr, len); }
int spate_sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len) { return sock_getpeername(fd, addr, len); }

int spate_sys_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	return sock_getsockopt(fd, level, name, val, len);
}

int spate_sys_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return sock_setsockopt(fd, level, name, val, len);
}

int spate_sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return sock_epoll_ctl(epfd, op, fd, event);
}

int spate_sys_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	return sock_epoll_wait(epfd, events, max, timeout_ms);
}

int spate_sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms) { return sock_poll(fds, n, timeout_ms); }

int spate_sys_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	return sock_ppoll(fds, n, timeout, mask);
}

int spate_sys_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	return sock_select(n, rd, wr, ex, timeout);
}

int spate_sys_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask)
{
	return sock_pselect(n, rd, wr, ex, timeout, mask);
}

int spate_sys_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask)
{
	return sock_epoll_wait_for(epfd, events, max, sock_ms_ns(timeout_ms), mask);
}

int spate_sys_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	return sock_epoll_pwait2(epfd, events, max, timeout, mask);
}

int spate_sys_socketpair(int domain, int type, int protocol, int fds[2]) { return sock_socketpair(domain, type, protocol, fds); }

ssize_t spate_sys_write(int fd, const void *buf, size_t len)
{
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};

	return sock_writev(fd, &iov, 1);
}

ssize_t spate_sys_read(int fd, void *buf, size_t len)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};

	return sock_readv(fd, &iov, 1);
}

static ssize_t pieces_check(const struct iovec *iov, int n)
{
	return n < 0 || n > IOV_MAX ? -EINVAL : iov == NULL && n > 0 ? -EFAULT : 0;
}

ssize_t spate_sys_writev(int fd, const struct iovec *iov, int n)
{
	ssize_t rc = pieces_check(iov, n);

	return rc < 0 ? rc : sock_writev(fd, iov, (size_t)n);
}

ssize_t spate_sys_readv(int fd, const struct iovec *iov, int n)
{
	ssize_t rc = pieces_check(iov, n);

	return rc < 0 ? rc : sock_readv(fd, iov, (size_t)n);
}

int spate_sys_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags) { return sock_sendmmsg(fd, msgs, n, flags); }

int spate_sys_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout)
{
	return sock_recvmmsg(fd, msgs, n, flags, timeout);
}

ssize_t spate_sys_sendfile(int out, int in, off_t *offset, size_t count) { return sock_sendfile(out, in, offset, count); }

ssize_t spate_sys_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned int flags)
{
	return sock_splice(in, in_offset, out, out_offset, len, flags);
}

int spate_sys_fcntl(int fd, int cmd, long arg) { return sock_fcntl(fd, cmd, arg); }
int spate_sys_ioctl(int fd, unsigned long request, void *arg) { return sock_ioctl(fd, request, arg); }
