/* interface.h: what packetdrill calls in a shared library that stands in for the kernel (--so_filename). The order of the
 * members is packetdrill's binary interface; the names are those of the system calls that they replace.
 *
 * All take the userdata that the library put there, return what the system call returns, and set errno. Calls that a script
 * marks as blocking come from a second thread, all others from packetdrill's first. */
#ifndef PACKETDRILL_INTERFACE_H
#define PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct packetdrill_interface {
	void *userdata;
	void (*free)(void *userdata); /* the script is over */

	int (*socket)(void *userdata, int domain, int type, int protocol);
	int (*bind)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);
	int (*listen)(void *userdata, int fd, int backlog);
	int (*accept)(void *userdata, int fd, struct sockaddr *addr, socklen_t *len);
	int (*connect)(void *userdata, int fd, const struct sockaddr *addr, socklen_t len);

	ssize_t (*read)(void *userdata, int fd, void *buf, size_t len);
	ssize_t (*readv)(void *userdata, int fd, const struct iovec *iov, int n);
	ssize_t (*recv)(void *userdata, int fd, void *buf, size_t len, int flags);
	ssize_t (*recvfrom)(void *userdata, int fd, void *buf, size_t len, int flags, struct sockaddr *from,
			    socklen_t *from_len);
	ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *msg, int flags);
	ssize_t (*write)(void *userdata, int fd, const void *buf, size_t len);
	ssize_t (*writev)(void *userdata, int fd, const struct iovec *iov, int n);
	ssize_t (*send)(void *userdata, int fd, const void *buf, size_t len, int flags);
	ssize_t (*sendto)(void *userdata, int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
			  socklen_t to_len);
	ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *msg, int flags);

	int (*fcntl)(void *userdata, int fd, int cmd, ...);
	int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
	int (*close)(void *userdata, int fd);
	int (*shutdown)(void *userdata, int fd, int how);
	int (*getsockopt)(void *userdata, int fd, int level, int name, void *val, socklen_t *len);
	int (*setsockopt)(void *userdata, int fd, int level, int name, const void *val, socklen_t len);
	int (*poll)(void *userdata, struct pollfd *fds, nfds_t n, int timeout_ms);

	/* An IP packet for the stack. 0 or -1. */
	int (*netdev_send)(void *userdata, const void *packet, size_t len);
	/* The next IP packet from the stack, of at most *len bytes; waits for one. *len: its length, 0 when none came;
	 * *time_us: when it left, on gettimeofday()'s clock. 0 or -1 (which packetdrill answers with the same call again). */
	int (*netdev_receive)(void *userdata, void *packet, size_t *len, long long *time_us);
	int (*usleep)(void *userdata, useconds_t us);
	int (*gettimeofday)(void *userdata, struct timeval *tv, struct timezone *tz);

	int (*epoll_create)(void *userdata, int size);
	int (*epoll_ctl)(void *userdata, int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(void *userdata, int epfd, struct epoll_event *events, int max, int timeout_ms);
	int (*pipe)(void *userdata, int fds[2]);
	ssize_t (*splice)(void *userdata, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out, size_t len,
			  unsigned int flags);
};

/* The one symbol that packetdrill looks up: fills ifc. flags: --so_flags, NULL when not given. */
__attribute__((visibility("default"))) void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc);

#endif
