/* sys.c: the face of raw system calls: -errno. */
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
