/* calls.c: the interface's functions: each mails the socket call of the same name to the worker. Descriptors that are not
 * ours (pipes) go to the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h> /* not <netinet/tcp.h>: its names of states are ours too */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "config/limits.h"
#include "packetdrill/drill.h"
#include "sock/sock.h"

/* From the worker's -errno to what a system call returns. */
static long result(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

/* ---- making and naming ---- */

struct socket_args {
	int domain, type, protocol;
};

/* Gives spate's descriptor a kernel's. */
static long fd_for(int spate_fd)
{
	int fd = fds_open(spate_fd);

	if (fd < 0)
		sock_close(spate_fd);
	return fd;
}

static long do_socket(void *arg)
{
	const struct socket_args *a = arg;
	int fd = sock_socket(a->domain, a->type, a->protocol);

	return fd < 0 ? fd : fd_for(fd);
}

static int pd_socket(void *userdata, int domain, int type, int protocol)
{
	struct socket_args a = {domain, type, protocol};

	(void)userdata;
	return (int)result(worker_do(do_socket, &a));
}

struct name_args {
	int fd;
	const struct sockaddr *addr;
	socklen_t len;
};

static long do_bind(void *arg)
{
	const struct name_args *a = arg;

	return sock_bind(fds_spate(a->fd), a->addr, a->len);
}

static int pd_bind(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct name_args a = {fd, addr, len};

	(void)userdata;
	return (int)result(worker_do(do_bind, &a));
}

static long do_connect(void *arg)
{
	const struct name_args *a = arg;

	return sock_connect(fds_spate(a->fd), a->addr, a->len);
}

static int pd_connect(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct name_args a = {fd, addr, len};

	(void)userdata;
	return (int)result(worker_do(do_connect, &a));
}

struct int_args {
	int fd, value;
};

static long do_listen(void *arg)
{
	const struct int_args *a = arg;

	return sock_listen(fds_spate(a->fd), a->value);
}

static int pd_listen(void *userdata, int fd, int backlog)
{
	struct int_args a = {fd, backlog};

	(void)userdata;
	return (int)result(worker_do(do_listen, &a));
}

struct accept_args {
	int fd;
	struct sockaddr *addr;
	socklen_t *len;
};

/* What TCP_INFO counts begins when somebody first looks, and on Linux with the connection. */
static void counts_begin(int spate_fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	sock_getsockopt(spate_fd, IPPROTO_TCP, TCP_INFO, &info, &len);
}

static long do_accept(void *arg)
{
	const struct accept_args *a = arg;
	int fd = sock_accept4(fds_spate(a->fd), a->addr, a->len, 0);

	if (fd >= 0)
		counts_begin(fd);
	return fd < 0 ? fd : fd_for(fd);
}

static int pd_accept(void *userdata, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct accept_args a = {fd, addr, len};

	(void)userdata;
	return (int)result(worker_do(do_accept, &a));
}

/* ---- bytes ---- */

struct io_args {
	int fd;
	struct msghdr *msg;
	int flags;
};

static long do_recvmsg(void *arg)
{
	const struct io_args *a = arg;

	return sock_recvmsg(fds_spate(a->fd), a->msg, a->flags);
}

static ssize_t pd_recvmsg(void *userdata, int fd, struct msghdr *msg, int flags)
{
	struct io_args a = {fd, msg, flags};

	(void)userdata;
	return result(worker_do(do_recvmsg, &a));
}

static ssize_t pd_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags, struct sockaddr *from,
			   socklen_t *from_len)
{
	struct iovec iov = {buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = from};
	ssize_t got;

	if (from != NULL)
		msg.msg_namelen = *from_len;
	got = pd_recvmsg(userdata, fd, &msg, flags);
	if (from != NULL && got >= 0)
		*from_len = msg.msg_namelen;
	return got;
}

static ssize_t pd_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
	return pd_recvfrom(userdata, fd, buf, len, flags, NULL, NULL);
}

static ssize_t pd_readv(void *userdata, int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};

	return fds_ours(fd) ? pd_recvmsg(userdata, fd, &msg, 0) : readv(fd, iov, n);
}

static ssize_t pd_read(void *userdata, int fd, void *buf, size_t len)
{
	struct iovec iov = {buf, len};

	return pd_readv(userdata, fd, &iov, 1);
}

static long do_sendmsg(void *arg)
{
	const struct io_args *a = arg;

	long sent = sock_sendmsg(fds_spate(a->fd), a->msg, a->flags);

	counts_begin(fds_spate(a->fd));
	return sent;
}

static ssize_t pd_sendmsg(void *userdata, int fd, const struct msghdr *msg, int flags)
{
	struct io_args a = {fd, (struct msghdr *)(uintptr_t)msg, flags};

	(void)userdata;
	return result(worker_do(do_sendmsg, &a));
}

static ssize_t pd_sendto(void *userdata, int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
			 socklen_t to_len)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = (void *)(uintptr_t)to, .msg_namelen = to_len};

	return pd_sendmsg(userdata, fd, &msg, flags);
}

static ssize_t pd_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
	return pd_sendto(userdata, fd, buf, len, flags, NULL, 0);
}

static ssize_t pd_writev(void *userdata, int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};

	return fds_ours(fd) ? pd_sendmsg(userdata, fd, &msg, 0) : writev(fd, iov, n);
}

static ssize_t pd_write(void *userdata, int fd, const void *buf, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};

	return pd_writev(userdata, fd, &iov, 1);
}

/* ---- control ---- */

struct control_args {
	int fd;
	unsigned long what;
	void *arg;
};

static long do_fcntl(void *arg)
{
	const struct control_args *a = arg;

	return sock_fcntl(fds_spate(a->fd), (int)a->what, (long)(intptr_t)a->arg);
}

static int pd_fcntl(void *userdata, int fd, int cmd, ...)
{
	struct control_args a = {.fd = fd, .what = (unsigned long)cmd};
	va_list args;

	(void)userdata;
	va_start(args, cmd);
	a.arg = va_arg(args, void *);
	va_end(args);
	return fds_ours(fd) ? (int)result(worker_do(do_fcntl, &a)) : fcntl(fd, cmd, a.arg);
}

static long do_ioctl(void *arg)
{
	const struct control_args *a = arg;

	return sock_ioctl(fds_spate(a->fd), a->what, a->arg);
}

static int pd_ioctl(void *userdata, int fd, unsigned long request, ...)
{
	struct control_args a = {.fd = fd, .what = request};
	va_list args;

	(void)userdata;
	va_start(args, request);
	a.arg = va_arg(args, void *);
	va_end(args);
	return fds_ours(fd) ? (int)result(worker_do(do_ioctl, &a)) : ioctl(fd, request, a.arg);
}

static long do_close(void *arg)
{
	const struct int_args *a = arg;
	int spate_fd = fds_spate(a->fd);

	if (spate_fd < 0)
		return -EBADF;
	fds_close(a->fd);
	return sock_close(spate_fd);
}

long drill_close(int fd)
{
	struct int_args a = {.fd = fd};

	return worker_do(do_close, &a);
}

static int pd_close(void *userdata, int fd)
{
	(void)userdata;
	return fds_ours(fd) ? (int)result(drill_close(fd)) : close(fd);
}

static long do_shutdown(void *arg)
{
	const struct int_args *a = arg;

	return sock_shutdown(fds_spate(a->fd), a->value);
}

static int pd_shutdown(void *userdata, int fd, int how)
{
	struct int_args a = {fd, how};

	(void)userdata;
	return (int)result(worker_do(do_shutdown, &a));
}

struct option_args {
	int fd, level, name;
	void *val;
	socklen_t *len;
};

static long do_getsockopt(void *arg)
{
	const struct option_args *a = arg;

	return sock_getsockopt(fds_spate(a->fd), a->level, a->name, a->val, a->len);
}

long drill_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	struct option_args a = {fd, level, name, val, len};

	return worker_do(do_getsockopt, &a);
}

static int pd_getsockopt(void *userdata, int fd, int level, int name, void *val, socklen_t *len)
{
	(void)userdata;
	return (int)result(drill_getsockopt(fd, level, name, val, len));
}

static long do_setsockopt(void *arg)
{
	const struct option_args *a = arg;

	return sock_setsockopt(fds_spate(a->fd), a->level, a->name, a->val, *a->len);
}

static int pd_setsockopt(void *userdata, int fd, int level, int name, const void *val, socklen_t len)
{
	struct option_args a = {fd, level, name, (void *)(uintptr_t)val, &len};

	(void)userdata;
	return (int)result(worker_do(do_setsockopt, &a));
}

/* ---- waiting ---- */

struct poll_args {
	struct pollfd *fds;
	nfds_t n;
	int timeout_ms;
};

static long do_poll(void *arg)
{
	const struct poll_args *a = arg;
	struct pollfd ours[DRILL_FDS_MAX];
	long rc;

	for (nfds_t i = 0; i < a->n; i++)
		ours[i] = (struct pollfd){.fd = a->fds[i].fd < 0 ? -1 : fds_spate(a->fds[i].fd), .events = a->fds[i].events};
	rc = sock_poll(ours, a->n, a->timeout_ms);
	for (nfds_t i = 0; i < a->n; i++)
		a->fds[i].revents = ours[i].revents;
	return rc;
}

static int pd_poll(void *userdata, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct poll_args a = {fds, n, timeout_ms};

	(void)userdata;
	return (int)result(n <= DRILL_FDS_MAX ? worker_do(do_poll, &a) : -EINVAL);
}

static long do_epoll_create(void *arg)
{
	int fd = sock_epoll_create(0);

	(void)arg;
	return fd < 0 ? fd : fd_for(fd);
}

static int pd_epoll_create(void *userdata, int size)
{
	(void)userdata;
	return (int)result(size > 0 ? worker_do(do_epoll_create, NULL) : -EINVAL);
}

struct epoll_args {
	int epfd, op, fd;
	struct epoll_event *events;
	int max, timeout_ms;
};

static long do_epoll_ctl(void *arg)
{
	const struct epoll_args *a = arg;

	return sock_epoll_ctl(fds_spate(a->epfd), a->op, fds_spate(a->fd), a->events);
}

static int pd_epoll_ctl(void *userdata, int epfd, int op, int fd, struct epoll_event *event)
{
	struct epoll_args a = {.epfd = epfd, .op = op, .fd = fd, .events = event};

	(void)userdata;
	return (int)result(worker_do(do_epoll_ctl, &a));
}

static long do_epoll_wait(void *arg)
{
	const struct epoll_args *a = arg;

	return sock_epoll_wait(fds_spate(a->epfd), a->events, a->max, a->timeout_ms);
}

static int pd_epoll_wait(void *userdata, int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	struct epoll_args a = {.epfd = epfd, .events = events, .max = max, .timeout_ms = timeout_ms};

	(void)userdata;
	return (int)result(worker_do(do_epoll_wait, &a));
}

/* ---- the network and the time ---- */

struct packet_args {
	const void *packet;
	size_t len;
};

static long do_put(void *arg)
{
	const struct packet_args *a = arg;

	return wire_put(a->packet, a->len);
}

static int pd_netdev_send(void *userdata, const void *packet, size_t len)
{
	struct packet_args a = {packet, len};

	(void)userdata;
	return (int)result(worker_do(do_put, &a));
}

/* When none comes, a packet without bytes: packetdrill then fails the script, where it would wait for ever. */
static int pd_netdev_receive(void *userdata, void *packet, size_t *len, long long *time_us)
{
	(void)userdata;
	if (!wire_sent())
		worker_wait(DRILL_PATIENCE_MS * 1000, true);
	if (!wire_get(packet, len, time_us))
		*len = 0;
	return 0;
}

static int pd_usleep(void *userdata, useconds_t us)
{
	(void)userdata;
	worker_wait(us, false);
	return 0;
}

static int pd_gettimeofday(void *userdata, struct timeval *tv, struct timezone *tz)
{
	uint64_t us = worker_read_us();

	(void)userdata, (void)tz;
	tv->tv_sec = (time_t)(us / 1000000);
	tv->tv_usec = (suseconds_t)(us % 1000000);
	return 0;
}

/* ---- no sockets ---- */

static int pd_pipe(void *userdata, int fds[2])
{
	(void)userdata;
	return pipe(fds);
}

/* spate's sockets have no pages that could be moved. */
static ssize_t pd_splice(void *userdata, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out, size_t len,
			 unsigned int flags)
{
	(void)userdata;
	if (fds_ours(fd_in) || fds_ours(fd_out))
		return result(-EINVAL);
	return splice(fd_in, off_in, fd_out, off_out, len, flags);
}

void drill_calls(struct packetdrill_interface *ifc)
{
	*ifc = (struct packetdrill_interface){
		.free = drill_stop,
		.socket = pd_socket,
		.bind = pd_bind,
		.listen = pd_listen,
		.accept = pd_accept,
		.connect = pd_connect,
		.read = pd_read,
		.readv = pd_readv,
		.recv = pd_recv,
		.recvfrom = pd_recvfrom,
		.recvmsg = pd_recvmsg,
		.write = pd_write,
		.writev = pd_writev,
		.send = pd_send,
		.sendto = pd_sendto,
		.sendmsg = pd_sendmsg,
		.fcntl = pd_fcntl,
		.ioctl = pd_ioctl,
		.close = pd_close,
		.shutdown = pd_shutdown,
		.getsockopt = pd_getsockopt,
		.setsockopt = pd_setsockopt,
		.poll = pd_poll,
		.netdev_send = pd_netdev_send,
		.netdev_receive = pd_netdev_receive,
		.usleep = pd_usleep,
		.gettimeofday = pd_gettimeofday,
		.epoll_create = pd_epoll_create,
		.epoll_ctl = pd_epoll_ctl,
		.epoll_wait = pd_epoll_wait,
		.pipe = pd_pipe,
		.splice = pd_splice,
	};
}
