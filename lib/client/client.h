/* client.h: socket calls of a program whose stacks are in a service (svc/layout.h). They return a result or -errno, or, where
 * said, CLIENT_KERNEL: the descriptor is the kernel's, ask it. Any thread may call, and signal handlers may where they may call
 * libc's. Nothing here calls a libc function that the preload library stands in for. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "svc/layout.h"

#define CLIENT_KERNEL (-4096) /* below every -errno */
#define CLIENT_FOREVER UINT64_MAX

/* The descriptors of this process; NULL: no service. */
extern _Atomic svc_entry *client_fds;

/* Is the descriptor a socket or an epoll instance that the service knows? */
static inline bool client_owns(int fd)
{
	_Atomic svc_entry *fds = client_fds;

	return fds != NULL && (uint32_t)fd < SVC_FDS_MAX && atomic_load_explicit(&fds[fd], memory_order_relaxed) != 0;
}

/* The same for a socket alone. */
static inline bool client_owns_socket(int fd)
{
	return client_owns(fd) && svc_entry_kind(atomic_load_explicit(&client_fds[fd], memory_order_relaxed)) == SVC_KIND_FILE;
}

/* ---- attach.c ---- */

/* Joins the service at this path (NULL: the environment's SPATE_SERVICE). 0, -ENOENT (none is named), or why not: then sockets of
 * the Internet families get -ENETDOWN. Again: as the first time. */
int client_attach(const char *path);
void client_detach(void); /* tests: everything is closed */
/* SVC_CATCH_*; 0 without a service. */
uint32_t client_catches(void);
/* One of the few descriptors that are the library's own: programs see EBADF. */
bool client_hides(int fd);

/* ---- fork.c: around fork() ---- */

void client_fork_prepare(void);
void client_fork_parent(void);
void client_fork_child(void);

/* ---- files.c ---- */

/* Has this process sockets or epoll instances that the service knows? */
bool client_has_any(void);

/* CLIENT_KERNEL when neither descriptor is ours, or in the child of a vfork(). */
int client_close(int fd);
int client_dup(int fd, int min, bool cloexec); /* dup(), F_DUPFD */
int client_dup2(int from, int to, int flags);  /* as dup3(), but from == to: to */
/* Closes what is ours and keeps what is hidden; the kernel's are closed, too. */
int client_close_range(unsigned from, unsigned to, unsigned flags);

/* ---- control.c ---- */

int client_fcntl(int fd, int cmd, long arg);
int client_ioctl(int fd, unsigned long request, void *arg);

/* ---- call.c, name.c, option.c ---- */

int client_socket(int domain, int type, int protocol); /* CLIENT_KERNEL: of no family of ours */
int client_bind(int fd, const struct sockaddr *addr, socklen_t len);    /* CLIENT_KERNEL: by the rules, and now it is */
int client_connect(int fd, const struct sockaddr *addr, socklen_t len); /* alike */
int client_listen(int fd, int backlog);
int client_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int client_shutdown(int fd, int how);
int client_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int client_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int client_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
int client_setsockopt(int fd, int level, int name, const void *val, socklen_t len);

/* ---- send.c, recv.c, stream.c ---- */

ssize_t client_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t to_len);
ssize_t client_writev(int fd, const struct iovec *iov, int n);
ssize_t client_sendmsg(int fd, const struct msghdr *msg, int flags);
int client_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
ssize_t client_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len);
ssize_t client_readv(int fd, const struct iovec *iov, int n);
ssize_t client_recvmsg(int fd, struct msghdr *msg, int flags);
int client_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout);
ssize_t client_sendfile(int fd, int from, off_t *offset, size_t len);
ssize_t client_splice(int from, loff_t *from_at, int to, loff_t *to_at, size_t len, unsigned flags);
/* A message to a socket of the kernel that hands over one of ours: refused. */
bool client_message_carries(const struct msghdr *msg);

/* ---- poll.c ---- */

/* CLIENT_KERNEL when no descriptor is ours. timeout_ns: CLIENT_FOREVER is for ever. mask: NULL: as it is. */
int client_poll(struct pollfd *fds, nfds_t n, uint64_t timeout_ns, const sigset_t *mask);
int client_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, uint64_t timeout_ns, const sigset_t *mask);

/* ---- epoll.c ---- */

int client_epoll_create(int flags);
int client_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event); /* CLIENT_KERNEL: both are the kernel's */
int client_epoll_wait(int epfd, struct epoll_event *events, int max, uint64_t timeout_ns, const sigset_t *mask);

uint64_t client_now_ns(void);

#endif
