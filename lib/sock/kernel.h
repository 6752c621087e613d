/* kernel.h: the kernel's descriptors among spate's: AF_UNIX sockets, pipes, eventfds, timerfds and so on. Their number here is
 * the kernel's with one bit more, so telling them apart is one comparison, and nothing is kept about them. A call that has to
 * wait for one polls the network meanwhile like every other. Everything is the kernel's own result, or -errno. Private to
 * lib/sock. */
#ifndef SOCK_KERNEL_H
#define SOCK_KERNEL_H

#include "sock/sock.h"

#define KERNEL_TURNS 8u /* of the stack, per look at the kernel's descriptors while a call waits for more than one */

static inline bool sock_is_kernel(int fd) { return unlikely(fd >= SOCK_KERNEL); }
static inline int kernel_of(int fd) { return fd - SOCK_KERNEL; }
/* 0 or more, or -1 with errno, of a call that makes a descriptor. */
int kernel_wrap(int rc);

int kernel_socket(int domain, int type, int protocol);
int kernel_socketpair(int domain, int type, int protocol, int fds[2]);
int kernel_bind(int fd, const struct sockaddr *addr, socklen_t len);
int kernel_listen(int fd, int backlog);
int kernel_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int kernel_connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t kernel_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t kernel_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t kernel_readv(int fd, const struct iovec *iov, size_t n);
ssize_t kernel_writev(int fd, const struct iovec *iov, size_t n);
int kernel_shutdown(int fd, int how);
int kernel_close(int fd);
int kernel_name(int fd, bool peer, struct sockaddr *addr, socklen_t *len);
int kernel_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
int kernel_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
int kernel_fcntl(int fd, int cmd, long arg);
int kernel_ioctl(int fd, unsigned long request, void *arg);

/* What poll() says of it now. */
short kernel_poll(int fd, short events);
/* Fills revents of the kernel's ones of fds; how many of them have any. */
int kernel_poll_all(struct pollfd *fds, nfds_t n);

/* The kernel's half of an epoll instance, inst->kernel: its descriptor + 1, 0 while none is watched. */
int kernel_epoll_ctl(struct epoll_inst *inst, int op, int fd, const struct epoll_event *event);
int kernel_epoll_collect(const struct epoll_inst *inst, struct epoll_event *events, int max); /* how many */
void kernel_epoll_close(struct epoll_inst *inst);

#endif
