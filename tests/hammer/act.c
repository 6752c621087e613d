/* act.c: random calls of many threads on the same sockets. Any error is right that such a call can have; that none has another,
 * hangs, or disturbs the others' is what is tested. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/client.h"
#include "hammer.h"

#define MS 1000000ull

const char *const act_names[ACTS] = {"socket", "connect", "send", "recv", "shutdown", "close", "dup", "dup2", "epoll_ctl", "epoll_wait",
				     "poll", "select", "option", "name", "fcntl", "listen", "accept", "datagram"};

static uint32_t draw(struct thread *t, uint32_t n) { return (uint32_t)(prng_u64(&t->rng) % n); }

static bool result_is_legal(int64_t rc)
{
	static const int legal[] = {EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EPIPE, ENOTCONN, EISCONN, EINPROGRESS, EALREADY, EINVAL,
		EADDRINUSE, EADDRNOTAVAIL, ECONNABORTED, EDESTADDRREQ, EOPNOTSUPP, ENOENT, EEXIST, ENOTSOCK, ENETUNREACH, ETIMEDOUT,
		ENOPROTOOPT, EMSGSIZE, EINTR};

	if (rc >= 0 || rc == CLIENT_KERNEL) /* closed meanwhile: nobody's of ours */
		return true;
	for (unsigned i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
		if (rc == -legal[i])
			return true;
	return false;
}

static int64_t count(enum act a, int64_t rc)
{
	atomic_fetch_add_explicit(&hammer.done[a], 1, memory_order_relaxed);
	if (rc >= 0)
		atomic_fetch_add_explicit(&hammer.good[a], 1, memory_order_relaxed);
	if (!result_is_legal(rc) && atomic_fetch_add(&hammer.wrong, 1) < 10)
		fprintf(stderr, "%s: %s\n", act_names[a], strerror((int)-rc));
	return rc;
}

static int any(struct thread *t) { return atomic_load(&hammer.slot[draw(t, HAMMER_SLOTS)]); }

static void close_out(int fd)
{
	if (fd >= 0)
		count(ACT_CLOSE, client_close(fd));
}

/* In a random place; what was there is closed. */
static void put(struct thread *t, int fd)
{
	if (fd >= 0)
		close_out(atomic_exchange(&hammer.slot[draw(t, HAMMER_SLOTS)], fd));
}

static struct sockaddr_in peer(struct thread *t)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(HAMMER_ECHO)};

	if (draw(t, 8) == 0)
		in.sin_port = htons(99); /* refused */
	inet_pton(AF_INET, HAMMER_PEER, &in.sin_addr);
	if (draw(t, 32) == 0)
		in.sin_family = AF_UNSPEC;
	return in;
}

/* ---- each ---- */

static void act_socket(struct thread *t)
{
	const struct timeval soon = {.tv_usec = 2000};
	int type = (draw(t, 4) ? SOCK_STREAM : SOCK_DGRAM) | (draw(t, 2) ? SOCK_NONBLOCK : 0) | (draw(t, 2) ? SOCK_CLOEXEC : 0);
	int fd = (int)count(ACT_SOCKET, client_socket(AF_INET, type, 0));

	if (fd < 0)
		return;
	client_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	put(t, fd);
}

static void act_connect(struct thread *t)
{
	struct sockaddr_in in = peer(t);

	count(ACT_CONNECT, client_connect(any(t), (struct sockaddr *)&in, sizeof(in)));
}

static void act_send(struct thread *t)
{
	char buf[3000] = {0};

	count(ACT_SEND, client_sendto(any(t), buf, draw(t, sizeof(buf)), MSG_NOSIGNAL | (draw(t, 2) ? MSG_DONTWAIT : 0), NULL, 0));
}

static void act_recv(struct thread *t)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char buf[3000];
	int flags = (draw(t, 2) ? MSG_DONTWAIT : 0) | (draw(t, 4) == 0 ? MSG_PEEK : 0) | (draw(t, 8) == 0 ? MSG_WAITALL : 0);

	count(ACT_RECV, client_recvfrom(any(t), buf, draw(t, sizeof(buf)), flags, (struct sockaddr *)&from, &len));
}

static void act_shutdown(struct thread *t) { count(ACT_SHUTDOWN, client_shutdown(any(t), (int)draw(t, 4))); }

static void act_close(struct thread *t) { close_out(atomic_exchange(&hammer.slot[draw(t, HAMMER_SLOTS)], -1)); }

static void act_dup(struct thread *t) { put(t, (int)count(ACT_DUP, client_dup(any(t), 0, draw(t, 2)))); }

/* Onto a number that is ours alone meanwhile. */
static void act_dup2(struct thread *t)
{
	int to = atomic_exchange(&hammer.slot[draw(t, HAMMER_SLOTS)], -1);

	if (to < 0)
		return;
	count(ACT_DUP2, client_dup2(any(t), to, 0));
	put(t, to);
}

static void act_epoll_ctl(struct thread *t)
{
	static const uint32_t events[] = {EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLET, EPOLLIN | EPOLLOUT | EPOLLET, EPOLLIN | EPOLLONESHOT, 0};
	struct epoll_event ev = {.events = events[draw(t, 6)], .data.u64 = 0x5a5a0000u + draw(t, 1000)};
	int op = draw(t, 2) ? EPOLL_CTL_ADD : draw(t, 2) ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	count(ACT_EPOLL_CTL, client_epoll_ctl(hammer.epoll[draw(t, HAMMER_EPOLLS)], op, any(t), &ev));
}

static void act_epoll_wait(struct thread *t)
{
	struct epoll_event ev[8];
	int n = (int)count(ACT_EPOLL_WAIT, client_epoll_wait(hammer.epoll[draw(t, HAMMER_EPOLLS)], ev, 1 + (int)draw(t, 8),
							     draw(t, 2) * MS, NULL));

	for (int i = 0; i < n; i++)
		if (ev[i].data.u64 - 0x5a5a0000u >= 1000 || ev[i].events == 0)
			atomic_fetch_add(&hammer.wrong, 1);
}

static void act_poll(struct thread *t)
{
	struct pollfd fds[4];

	for (unsigned i = 0; i < 4; i++)
		fds[i] = (struct pollfd){.fd = any(t), .events = (short)(draw(t, 2) ? POLLIN : POLLIN | POLLOUT)};
	count(ACT_POLL, client_poll(fds, 4, draw(t, 3) * MS, NULL));
}

static void act_select(struct thread *t)
{
	int fd = any(t);
	fd_set rd;

	if (fd < 0 || fd >= FD_SETSIZE)
		return;
	FD_ZERO(&rd);
	FD_SET(fd, &rd);
	count(ACT_SELECT, client_select(fd + 1, &rd, NULL, NULL, draw(t, 2) * MS, NULL));
}

static void act_option(struct thread *t)
{
	static const int names[][2] = {{SOL_SOCKET, SO_ERROR}, {SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_TYPE}, {IPPROTO_TCP, TCP_NODELAY},
				       {SOL_SOCKET, SO_KEEPALIVE}};
	const int *name = names[draw(t, 5)];
	socklen_t len = sizeof(int);
	int v = (int)draw(t, 2), fd = any(t);

	if (name[1] == TCP_NODELAY || name[1] == SO_KEEPALIVE)
		count(ACT_OPTION, client_setsockopt(fd, name[0], name[1], &v, sizeof(v)));
	else
		count(ACT_OPTION, client_getsockopt(fd, name[0], name[1], &v, &len));
}

static void act_name(struct thread *t)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = any(t);

	count(ACT_NAME, (draw(t, 2) ? client_getsockname : client_getpeername)(fd, (struct sockaddr *)&ss, &len));
}

static void act_fcntl(struct thread *t)
{
	int fd = any(t), v;

	switch (draw(t, 3)) {
	case 0:
		count(ACT_FCNTL, client_fcntl(fd, F_SETFL, draw(t, 2) ? O_NONBLOCK : 0));
		break;
	case 1:
		count(ACT_FCNTL, client_fcntl(fd, F_GETFL, 0));
		break;
	default:
		count(ACT_FCNTL, client_ioctl(fd, FIONREAD, &v));
	}
}

static void act_listen(struct thread *t)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = any(t);

	client_bind(fd, (struct sockaddr *)&in, sizeof(in));
	count(ACT_LISTEN, client_listen(fd, 5));
}

static void act_accept(struct thread *t)
{
	put(t, (int)count(ACT_ACCEPT, client_accept4(any(t), NULL, NULL, draw(t, 2) ? SOCK_NONBLOCK : 0)));
}

static void act_datagram(struct thread *t)
{
	struct sockaddr_in in = peer(t);
	char buf[600] = {0};

	count(ACT_DATAGRAM, client_sendto(any(t), buf, draw(t, sizeof(buf)), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&in, sizeof(in)));
}

void act_random(struct thread *t)
{
	static void (*const acts[ACTS])(struct thread *t) = {act_socket, act_connect, act_send, act_recv, act_shutdown, act_close, act_dup,
		act_dup2, act_epoll_ctl, act_epoll_wait, act_poll, act_select, act_option, act_name, act_fcntl, act_listen, act_accept,
		act_datagram};
	/* What takes sockets away is rarer than what uses them. */
	static const uint8_t weight[ACTS] = {[ACT_SOCKET] = 6, [ACT_CONNECT] = 12, [ACT_SEND] = 12, [ACT_RECV] = 12, [ACT_SHUTDOWN] = 2,
		[ACT_CLOSE] = 4, [ACT_DUP] = 3, [ACT_DUP2] = 3, [ACT_EPOLL_CTL] = 8, [ACT_EPOLL_WAIT] = 8, [ACT_POLL] = 6, [ACT_SELECT] = 3,
		[ACT_OPTION] = 4, [ACT_NAME] = 3, [ACT_FCNTL] = 4, [ACT_LISTEN] = 1, [ACT_ACCEPT] = 3, [ACT_DATAGRAM] = 6};
	uint32_t at = draw(t, 100), a = 0;

	while (at >= weight[a]) {
		at -= weight[a];
		a++;
	}
	acts[a](t);
}
