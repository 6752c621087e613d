/* io.c: sending and receiving. */
#include <limits.h>

#include "sock/datagram.h"
#include "sock/dialect.h"
#include "sock/kernel.h"

#define IOV_WINDOW 16 /* pieces handed to TCP at a time in the middle of a call: no copy of the caller's whole array */

/* A place in an array of pieces. */
struct iov_pos {
	const struct iovec *iov;
	size_t n, off; /* pieces left; bytes of the first one that are done */
};

static void iov_skip(struct iov_pos *at, size_t bytes)
{
	bytes += at->off;
	while (at->n > 0 && bytes >= at->iov->iov_len) {
		bytes -= at->iov->iov_len;
		at->iov++;
		at->n--;
	}
	at->off = bytes;
}

/* The next pieces of at, in window; how many. */
static int iov_take(const struct iov_pos *at, struct iovec *window)
{
	int n = (int)RTE_MIN(at->n, (size_t)IOV_WINDOW);

	for (int i = 0; i < n; i++)
		window[i] = at->iov[i];
	if (n > 0) {
		window[0].iov_base = (uint8_t *)window[0].iov_base + at->off;
		window[0].iov_len -= at->off;
	}
	return n;
}

static size_t iov_bytes(const struct iovec *iov, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* One step: what TCP takes of the pieces at this place. */
static ssize_t tcp_send_step(struct tcp *t, struct tcp_pcb *p, const struct iov_pos *at, int flags)
{
	struct iovec window[IOV_WINDOW];
	int n;

	if (at->off == 0)
		return tcp_send(t, p, at->iov, (int)at->n, flags);
	n = iov_take(at, window);
	return tcp_send(t, p, window, n, (size_t)n < at->n ? (flags & ~MSG_EOR) | MSG_MORE : flags);
}

/* The rest of a call that may wait for ns: got is what it sent first, behind the first done bytes. */
static __rte_noinline ssize_t send_wait(struct sock_env *env, struct conn *c, struct iov_pos *at, size_t want, int flags, size_t done,
					uint64_t ns, ssize_t got)
{
	struct tcp *t = &env->s->tcp;
	struct sock_wait w;
	int rc = 0;

	sock_wait_begin(&w, env, ns, ns == SOCK_FOREVER);
	for (;;) {
		if (got > 0) {
			done += (size_t)got;
			iov_skip(at, (size_t)got);
		}
		if (done == want || (got < 0 && got != -EAGAIN))
			break;
		rc = sock_wait_turn(&w);
		if (rc < 0)
			break;
		got = tcp_send_step(t, sock_tcp(c), at, flags);
	}
	sock_wait_end(&w);
	if (done > 0 || want == 0)
		return (ssize_t)done;
	return rc < 0 ? rc : got;
}

ssize_t sock_tcp_send(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags, size_t done)
{
	struct iov_pos at = {.iov = iov, .n = n};
	uint64_t ns = sock_timeout_ns(env, c, SOCK_SND, flags);
	size_t want = iov_bytes(iov, n);
	ssize_t got;

	if (done > 0)
		iov_skip(&at, done);
	if (done > 0 && done == want)
		return (ssize_t)done;
	got = tcp_send_step(&env->s->tcp, sock_tcp(c), &at, flags);
	if (ns == 0 || (done == 0 && (got == (ssize_t)want || (got < 0 && got != -EAGAIN))))
		return got;
	return send_wait(env, c, &at, want, flags, done, ns, got);
}

/* The errors are those of Linux's sendto(), which differ from connect()'s. */
static int send_end(const struct sock_env *env, const struct conn *c, const struct sockaddr *to, socklen_t len,
		    struct net_end *end)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)to;
	int rc;

	if (c->more & CONN_MORE_IP6 && len >= sizeof(to->sa_family) && to->sa_family != AF_INET) {
		rc = sock_end_read(c, to, len, end);
		if (rc < 0)
			return -EINVAL;
	} else {
		if (len < sizeof(*in))
			return -EINVAL;
		/* Linux takes AF_UNSPEC for AF_INET here. */
		if (in->sin_family != AF_INET && in->sin_family != AF_UNSPEC)
			return -EAFNOSUPPORT;
		*end = net_end4(in->sin_addr.s_addr, in->sin_port);
	}
	return sock_end_aim(env, c, end);
}

static ssize_t send_datagram(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n,
			     const struct sockaddr *to, socklen_t to_len, const struct udp_ctl *ctl, int flags)
{
	struct net_end end;
	int rc;

	if (to != NULL && c->more & CONN_MORE_IP6 && to_len >= sizeof(to->sa_family) && to->sa_family == AF_UNSPEC)
		to = NULL; /* Linux: no address at all */
	if (to == NULL)
		return udp_send_call(&env->s->udp, sock_udp(c), iov, (int)n, NULL, ctl, flags);
	rc = send_end(env, c, to, to_len, &end);
	return rc < 0 ? rc : udp_send_call(&env->s->udp, sock_udp(c), iov, (int)n, &end, ctl, flags);
}

/* Only null pointers are caught: one may be given with a length of 0. */
static bool null_piece(const struct iovec *iov, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (iov[i].iov_base == NULL && iov[i].iov_len > 0)
			return true;
	return false;
}

static ssize_t send_with(int fd, const struct iovec *iov, size_t n, int flags, const struct sockaddr *to, socklen_t to_len,
			 const struct udp_ctl *ctl)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find(fd, &env, &c);

	if (rc < 0)
		return rc;
	if (to != NULL && to_len > sizeof(struct sockaddr_storage))
		return -EINVAL;
	if (flags & MSG_OOB && !sock_is_tcp(c))
		return -EOPNOTSUPP;
	if (null_piece(iov, n))
		return -EFAULT;
	if (sock_is_tcp(c) && unlikely((flags & MSG_FASTOPEN) || tcp_fastopen_waits(sock_tcp(c))))
		return sock_fastopen_send(env, c, iov, n, flags, to, to_len);
	rc = sock_is_linux(c) ? 0 : sock_dialect_send(env, c, to);
	if (rc < 0)
		return rc;
	if (sock_is_tcp(c))
		return sock_tcp_send(env, c, iov, n, flags, 0);
	if (unlikely(flags & MSG_DONTROUTE)) {
		struct udp_ctl direct = ctl != NULL ? *ctl : (struct udp_ctl){.iface = NET_IFACE_ANY, .ttl = -1, .tos = -1};

		direct.via |= NET_VIA_ONLINK;
		return send_datagram(env, c, iov, n, to, to_len, &direct, flags);
	}
	return send_datagram(env, c, iov, n, to, to_len, ctl, flags);
}

ssize_t sock_send(int fd, const struct iovec *iov, size_t n, int flags, const struct sockaddr *to, socklen_t to_len)
{
	struct msghdr msg;

	if (!sock_is_kernel(fd))
		return send_with(fd, iov, n, flags, to, to_len, NULL);
	msg = (struct msghdr){.msg_iov = (struct iovec *)iov, .msg_iovlen = n, .msg_name = (void *)to, .msg_namelen = to_len};
	return kernel_sendmsg(fd, &msg, flags);
}

ssize_t sock_writev(int fd, const struct iovec *iov, size_t n)
{
	return sock_is_kernel(fd) ? kernel_writev(fd, iov, n) : send_with(fd, iov, n, 0, NULL, 0, NULL);
}

static ssize_t recv_once(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags,
			 struct udp_meta *meta)
{
	if (sock_is_tcp(c))
		return tcp_recv(&env->s->tcp, sock_tcp(c), iov, (int)n, flags);
	return udp_recv(&env->s->udp, sock_udp(c), iov, (int)n, flags, meta);
}

/* Nothing more comes into this call: an error that came is for the next one, and no reading goes over the urgent mark. */
static bool recv_over(const struct sock_env *env, const struct conn *c)
{
	return c->so_error != 0 || tcp_at_mark(&env->s->tcp, (const struct tcp_pcb *)c);
}

/* After the first bytes, until there are as many as the call waits for, the stream ends, or something else happens. */
static ssize_t recv_rest(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags,
			 size_t done, size_t target, struct sock_wait *w)
{
	struct iov_pos at = {.iov = iov, .n = n};
	struct iovec window[IOV_WINDOW];
	ssize_t got = (ssize_t)done;

	done = 0;
	for (;;) {
		if (got > 0) {
			done += (size_t)got;
			iov_skip(&at, (size_t)got);
		}
		if (done >= target || got == 0 || (got < 0 && got != -EAGAIN) || recv_over(env, c))
			break;
		if (got == -EAGAIN && sock_wait_turn(w) < 0)
			break;
		if (c->so_error != 0)
			break;
		got = tcp_recv(&env->s->tcp, sock_tcp(c), window, iov_take(&at, window), flags);
	}
	return (ssize_t)done;
}

/* The same for MSG_PEEK, which looks at all of it again when there is more. */
static ssize_t peek_rest(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags,
			 size_t done, size_t target, struct sock_wait *w)
{
	struct tcp *t = &env->s->tcp;
	struct tcp_pcb *p = sock_tcp(c);

	while (tcp_unread(t, p) < target && !recv_over(env, c) && !(tcp_poll(t, p) & EPOLLRDHUP)) {
		if (sock_wait_turn(w) < 0)
			break;
	}
	if (tcp_unread(t, p) > done && c->so_error == 0)
		return tcp_recv(t, p, iov, (int)n, flags);
	return (ssize_t)done;
}

/* How many bytes a call that may wait waits for: SO_RCVLOWAT's, with MSG_WAITALL all. */
static size_t recv_target(const struct sock_env *env, const struct conn *c, const struct iovec *iov, size_t n, int flags)
{
	size_t want, least;

	if (likely(!(flags & MSG_WAITALL)) && likely(((const struct tcp_pcb *)c)->opts == 0))
		return 1;
	want = iov_bytes(iov, n);
	least = tcp_rcvlowat(&env->s->tcp, (const struct tcp_pcb *)c);
	return flags & MSG_WAITALL ? want : RTE_MIN(want, least);
}

/* MSG_OOB never waits. */
static ssize_t recv_urgent(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags, int *msg_flags)
{
	ssize_t got;

	if (!sock_is_tcp(c))
		return -EOPNOTSUPP;
	while (n > 0 && iov->iov_len == 0) {
		iov++;
		n--;
	}
	if (n > 0 && iov->iov_base == NULL && !(flags & MSG_TRUNC))
		return -EFAULT;
	got = tcp_recv_urgent(&env->s->tcp, sock_tcp(c), n > 0 ? iov->iov_base : NULL, n > 0 ? 1 : 0, flags);
	if (got >= 0 && msg_flags != NULL)
		*msg_flags |= MSG_OOB | (n == 0 ? MSG_TRUNC : 0);
	return got;
}

/* The rest of a call that may wait for ns: got is what it found first. */
static __rte_noinline ssize_t recv_wait(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags,
					struct udp_meta *meta, uint64_t ns, ssize_t got)
{
	struct sock_wait w;
	int rc;

	sock_wait_begin(&w, env, ns, ns == SOCK_FOREVER);
	while (got == -EAGAIN) {
		rc = sock_wait_turn(&w);
		if (rc < 0) {
			got = rc;
			break;
		}
		got = recv_once(env, c, iov, n, flags, meta);
	}
	if (got > 0 && sock_is_tcp(c)) {
		size_t target = recv_target(env, c, iov, n, flags);

		if (unlikely((size_t)got < target))
			got = (flags & MSG_PEEK ? peek_rest : recv_rest)(env, c, iov, n, flags, (size_t)got, target, &w);
	}
	sock_wait_end(&w);
	return got;
}

/* *meta: of a datagram. */
static ssize_t recv_with(int fd, const struct iovec *iov, size_t n, int flags, struct sockaddr *from, socklen_t *from_len,
			 struct udp_meta *meta)
{
	union sock_name name;
	struct sock_env *env;
	struct conn *c;
	uint64_t ns;
	ssize_t got;
	int rc = sock_find(fd, &env, &c);

	if (rc < 0)
		return rc;
	if (unlikely(flags & MSG_OOB))
		return recv_urgent(env, c, iov, n, flags, &meta->msg_flags);
	if (from != NULL && (from_len == NULL || (int)*from_len < 0))
		return from_len == NULL ? -EFAULT : -EINVAL;
	/* A stream discards with MSG_TRUNC and needs no memory for it. */
	if (null_piece(iov, n) && !(sock_is_tcp(c) && flags & MSG_TRUNC))
		return -EFAULT;
	if (!sock_is_linux(c) && sock_dialect_recv(c) < 0)
		return sock_dialect_recv(c);
	ns = sock_timeout_ns(env, c, SOCK_RCV, flags);
	got = recv_once(env, c, iov, n, flags, meta);
	if (ns != 0)
		got = recv_wait(env, c, iov, n, flags, meta, ns, got);
	if (got < 0 || from == NULL)
		return got;
	if (!meta->filled) {
		*from_len = 0;
		return got;
	}
	sock_name_of(c, &meta->from, &name);
	sock_name_out(&name, from, from_len);
	return got;
}

static ssize_t recv_kernel(int fd, const struct iovec *iov, size_t n, int flags, struct sockaddr *from, socklen_t *from_len,
			   int *msg_flags)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n, .msg_name = from};
	ssize_t got;

	if (from != NULL && from_len == NULL)
		return -EFAULT;
	if (from != NULL)
		msg.msg_namelen = *from_len;
	got = kernel_recvmsg(fd, &msg, flags);
	if (got >= 0 && from != NULL)
		*from_len = msg.msg_namelen;
	if (got >= 0 && msg_flags != NULL)
		*msg_flags = msg.msg_flags;
	return got;
}

ssize_t sock_readv(int fd, const struct iovec *iov, size_t n)
{
	return sock_is_kernel(fd) ? kernel_readv(fd, iov, n) : sock_recv(fd, iov, n, 0, NULL, NULL, NULL);
}

ssize_t sock_recv(int fd, const struct iovec *iov, size_t n, int flags, struct sockaddr *from, socklen_t *from_len,
		  int *msg_flags)
{
	struct udp_meta meta = {.filled = false};
	ssize_t got;

	if (sock_is_kernel(fd))
		return recv_kernel(fd, iov, n, flags, from, from_len, msg_flags);
	got = recv_with(fd, iov, n, flags, from, from_len, &meta);

	if (got >= 0 && msg_flags != NULL)
		*msg_flags = meta.msg_flags;
	return got;
}

static int msg_check(const struct msghdr *msg)
{
	if (msg == NULL || (msg->msg_iov == NULL && msg->msg_iovlen > 0))
		return -EFAULT;
	return msg->msg_iovlen > IOV_MAX ? -EMSGSIZE : 0;
}

ssize_t sock_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct udp_ctl *ctl = NULL;
	struct udp_ctl special;
	struct sock_env *env;
	struct conn *c;
	int rc = msg_check(msg);

	if (rc == 0 && sock_is_kernel(fd))
		return kernel_sendmsg(fd, msg, flags);
	if (rc == 0 && msg->msg_controllen > 0) {
		rc = sock_find(fd, &env, &c);
		if (rc < 0)
			return rc;
		if (msg->msg_control == NULL)
			return -EFAULT;
		rc = sock_cmsg_read(env, c, msg, &special);
		ctl = &special;
	}
	if (rc < 0)
		return rc;
	return send_with(fd, msg->msg_iov, msg->msg_iovlen, flags, msg->msg_name, msg->msg_namelen, ctl);
}

/* MSG_ERRQUEUE never waits. */
static ssize_t recv_error(int fd, struct msghdr *msg)
{
	union sock_name name;
	struct udp_error e;
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find(fd, &env, &c), msg_flags;
	ssize_t got;

	if (rc < 0)
		return rc;
	if (sock_is_tcp(c))
		return -EAGAIN; /* streams have none */
	got = udp_recv_error(&env->s->udp, sock_udp(c), msg->msg_iov, (int)msg->msg_iovlen, &e, &msg_flags);
	if (got < 0)
		return got;
	msg->msg_flags = msg_flags;
	if (msg->msg_name != NULL) {
		sock_name_of(c, &e.to, &name);
		sock_name_out(&name, msg->msg_name, &msg->msg_namelen);
	}
	sock_cmsg_error(sock_udp(c), &e, msg);
	return got;
}

ssize_t sock_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct udp_meta meta = {.filled = false};
	struct sock_env *env;
	struct conn *c;
	int rc = msg_check(msg);
	ssize_t got;

	if (rc < 0)
		return rc;
	if (sock_is_kernel(fd))
		return kernel_recvmsg(fd, msg, flags);
	if (flags & MSG_ERRQUEUE)
		return recv_error(fd, msg);
	got = recv_with(fd, msg->msg_iov, msg->msg_iovlen, flags, msg->msg_name, &msg->msg_namelen, &meta);
	if (got < 0)
		return got;
	msg->msg_flags = meta.msg_flags;
	if (sock_find(fd, &env, &c) == 0 && !sock_is_tcp(c) && meta.filled)
		sock_cmsg_write(env, sock_udp(c), &meta, msg);
	else
		msg->msg_controllen = 0;
	return got;
}
