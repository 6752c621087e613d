/* ops.c: what clients may ask, call by call: arguments are copied and checked, then it is the native call. Nothing waits: the
 * sockets of clients are non-blocking here, whatever they are for their program. */
#include <string.h>
#include <sys/ioctl.h>

#include "flow/ready.h"
#include "svc/server.h"

/* A request about a socket. */
struct ask {
	struct svc_server *v;
	struct svc_chan *c;
	struct sockaddr_storage addr; /* in or out */
	uint32_t slot, len;           /* len: of data, within its area */
	int fd;
};

static uint32_t at_most(uint32_t n, uint32_t max) { return n < max ? n : max; }

static const struct sockaddr *addr_in(struct ask *a, socklen_t *len)
{
	*len = a->c->addr_len;
	memcpy(&a->addr, &a->c->addr, at_most(*len, sizeof(a->addr)));
	if (*len != 0)
		svc_scope_addr(a->v, &a->addr, *len, true);
	return (const struct sockaddr *)&a->addr;
}

static struct sockaddr *addr_room(struct ask *a, socklen_t *len)
{
	*len = sizeof(a->addr);
	return (struct sockaddr *)&a->addr;
}

static void addr_out(struct ask *a, socklen_t len)
{
	svc_scope_addr(a->v, &a->addr, len, false);
	memcpy(&a->c->addr, &a->addr, at_most(len, sizeof(a->addr)));
	a->c->addr_len = len;
}

/* ---- sockets ---- */

static void tell_new(struct svc_server *v, struct svc_chan *c, uint32_t slot)
{
	c->new_file = v->self * v->n_files + slot;
	c->new_gen = v->own[slot].gen;
}

static int64_t op_socket(struct svc_server *v, struct svc_chan *c)
{
	int domain = c->a, type = c->b, protocol = c->c, fd;

	if (domain != AF_INET && domain != AF_INET6) /* those are the program's own */
		return -EAFNOSUPPORT;
	fd = (type & ~0xf) != 0 ? -EINVAL : sock_socket(domain, type | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return fd;
	tell_new(v, c, svc_file_open(v, fd, domain, type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP));
	return 0;
}

static int64_t op_bind(struct ask *a)
{
	socklen_t len;
	const struct sockaddr *addr = addr_in(a, &len);

	return sock_bind(a->fd, addr, len);
}

static int64_t op_listen(struct ask *a) { return sock_listen(a->fd, a->c->a); }

/* Who accepts has the listener's timeouts, which are the clients'. */
static int64_t op_accept(struct ask *a)
{
	struct svc_server *v = a->v;
	const struct svc_file *from = &v->files[a->slot];
	bool ip6 = sock_at(v->env, a->fd)->more & CONN_MORE_IP6;
	struct svc_file *to;
	socklen_t len;
	struct sockaddr *addr = addr_room(a, &len);
	int fd = sock_accept4(a->fd, addr, &len, SOCK_NONBLOCK);
	uint32_t slot;

	if (fd < 0)
		return fd;
	slot = svc_file_open(v, fd, ip6 ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_TCP);
	to = &v->files[slot];
	atomic_store_explicit(&to->rcv_ns, atomic_load_explicit(&from->rcv_ns, memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(&to->snd_ns, atomic_load_explicit(&from->snd_ns, memory_order_relaxed), memory_order_relaxed);
	addr_out(a, len);
	tell_new(v, a->c, slot);
	return 0;
}

static int64_t op_connect(struct ask *a)
{
	socklen_t len;
	const struct sockaddr *addr = addr_in(a, &len);

	return sock_connect(a->fd, addr, len);
}

/* For one who has waited; others may have been told before, or have dropped the attempt. */
static int64_t op_connect_end(struct ask *a)
{
	struct conn *c = sock_at(a->v->env, a->fd);

	if (!sock_is_tcp(c) || sock_phase(c) == SOCK_CONNECTED)
		return 0;
	if (sock_was_dissolved(c)) /* L3 */
		return -EPIPE;
	if (sock_phase(c) == SOCK_UNCONNECTED)
		return sock_error_take(c) != 0 ? -ECONNRESET : -ECONNABORTED;
	return sock_tcp_connect_end(a->v->env, c, MSG_DONTWAIT, -EALREADY);
}

static int64_t op_shutdown(struct ask *a) { return sock_shutdown(a->fd, a->c->a); }

static int64_t op_close(struct ask *a) { return svc_file_close(a->v, a->slot, a->v->own[a->slot].gen); }

static int64_t name_of(struct ask *a, int (*name)(int fd, struct sockaddr *addr, socklen_t *len))
{
	socklen_t len;
	struct sockaddr *addr = addr_room(a, &len);
	int rc = name(a->fd, addr, &len);

	if (rc == 0)
		addr_out(a, len);
	return rc;
}

static int64_t op_getsockname(struct ask *a) { return name_of(a, sock_getsockname); }
static int64_t op_getpeername(struct ask *a) { return name_of(a, sock_getpeername); }

/* ---- data: moved from and to the shared memory directly; what is in it may change meanwhile, and is nobody's business here ---- */

static bool handshaking(struct conn *c)
{
	return sock_is_tcp(c) && (sock_tcp(c)->state == TCP_SYN_SENT || sock_tcp(c)->state == TCP_SYN_RECEIVED);
}

static int64_t send_now(struct ask *a)
{
	struct svc_chan *c = a->c;
	struct iovec iov = {.iov_base = c->data, .iov_len = a->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	uint32_t control_len = c->control_len;
	socklen_t len;
	const struct sockaddr *addr = addr_in(a, &len);

	if (control_len > SVC_CONTROL_BYTES)
		return -EINVAL;
	if (likely(control_len == 0))
		return sock_send(a->fd, &iov, 1, c->a, len != 0 ? addr : NULL, len);
	memcpy(a->v->buf, c->control, control_len);
	msg.msg_control = a->v->buf;
	msg.msg_controllen = control_len;
	svc_scope_control(a->v, &msg, true);
	if (len != 0) {
		msg.msg_name = &a->addr;
		msg.msg_namelen = len;
	}
	return sock_sendmsg(a->fd, &msg, c->a);
}

static int64_t op_send(struct ask *a)
{
	int64_t n = send_now(a);

	a->c->msg_flags = n >= 0 && unlikely(handshaking(sock_at(a->v->env, a->fd))); /* Fast Open: a client that blocks waits on */
	return n;
}

/* Promised to go: what finds no packet buffers is tried again (-EAGAIN), what the connection's end overtakes is lost as on the wire. */
static int64_t op_post(struct ask *a)
{
	struct svc_chan *c = a->c;
	struct conn *conn = sock_at(a->v->env, a->fd);
	uint32_t gone = at_most((uint32_t)c->b, a->len);
	struct iovec iov = {.iov_base = c->data + gone, .iov_len = a->len - gone};
	ssize_t n;

	if (!sock_is_tcp(conn) || iov.iov_len == 0 || !tcp_takes(&a->v->env->s->tcp, sock_tcp(conn), 0))
		return 0;
	n = tcp_send(&a->v->env->s->tcp, sock_tcp(conn), &iov, 1, (c->a & MSG_MORE) | TCP_SEND_BEYOND);
	if (n < 0)
		return n == -EAGAIN ? n : 0;
	c->b = (int32_t)(gone + (uint32_t)n);
	return (size_t)n < iov.iov_len ? -EAGAIN : 0;
}

static int64_t op_recv(struct ask *a)
{
	struct svc_chan *c = a->c;
	struct iovec iov = {.iov_base = c->data, .iov_len = a->len};
	uint32_t control_len = at_most(c->control_len, SVC_CONTROL_BYTES);
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	bool named = c->b != 0;
	int64_t got;

	if (named)
		msg.msg_name = addr_room(a, &msg.msg_namelen);
	if (control_len != 0) {
		msg.msg_control = a->v->buf;
		msg.msg_controllen = control_len;
	}
	got = sock_recvmsg(a->fd, &msg, c->a);
	if (got < 0)
		return got;
	if (named)
		addr_out(a, msg.msg_namelen);
	svc_scope_control(a->v, &msg, false);
	c->control_len = (uint32_t)msg.msg_controllen;
	memcpy(c->control, a->v->buf, msg.msg_controllen);
	c->msg_flags = msg.msg_flags;
	return got;
}

/* ---- options ---- */

static int64_t op_getsockopt(struct ask *a)
{
	socklen_t len = at_most(a->len, sizeof(a->v->buf));
	int rc = sock_getsockopt(a->fd, a->c->a, a->c->b, a->v->buf, &len);

	if (rc < 0)
		return rc;
	svc_scope_option(a->v, a->c->a, a->c->b, a->v->buf, len, false);
	memcpy(a->c->data, a->v->buf, len);
	a->c->len = len;
	return 0;
}

static int64_t op_setsockopt(struct ask *a)
{
	socklen_t len = at_most(a->len, sizeof(a->v->buf));

	memcpy(a->v->buf, a->c->data, len);
	svc_scope_option(a->v, a->c->a, a->c->b, a->v->buf, len, true);
	return sock_setsockopt(a->fd, a->c->a, a->c->b, a->v->buf, len);
}

/* O_NONBLOCK is the clients' own. */
static int64_t op_ioctl(struct ask *a)
{
	uint32_t len = at_most(a->len, sizeof(a->v->buf));
	int64_t rc;

	if (a->c->u == FIONBIO || len < sizeof(int))
		return -EINVAL;
	memcpy(a->v->buf, a->c->data, len);
	svc_scope_ioctl(a->v, a->c->u, a->v->buf, len, true);
	rc = sock_ioctl(a->fd, a->c->u, a->v->buf);
	svc_scope_ioctl(a->v, a->c->u, a->v->buf, len, false);
	if (rc >= 0)
		memcpy(a->c->data, a->v->buf, len);
	return rc;
}

static int64_t op_epoll_ctl(struct ask *a)
{
	const struct svc_chan *c = a->c;

	return svc_watch_ctl(a->v, a->slot, c->a, c->b, c->epoll, c->epoll_gen, (uint32_t)c->c, c->u);
}

/* ---- all ---- */

static int64_t (*const ops[SVC_OPS])(struct ask *a) = {
	[SVC_BIND] = op_bind,
	[SVC_LISTEN] = op_listen,
	[SVC_ACCEPT] = op_accept,
	[SVC_CONNECT] = op_connect,
	[SVC_CONNECT_END] = op_connect_end,
	[SVC_SEND] = op_send,
	[SVC_POST] = op_post,
	[SVC_RECV] = op_recv,
	[SVC_SHUTDOWN] = op_shutdown,
	[SVC_CLOSE] = op_close,
	[SVC_GETSOCKNAME] = op_getsockname,
	[SVC_GETPEERNAME] = op_getpeername,
	[SVC_GETSOCKOPT] = op_getsockopt,
	[SVC_SETSOCKOPT] = op_setsockopt,
	[SVC_IOCTL] = op_ioctl,
	[SVC_EPOLL_CTL] = op_epoll_ctl,
};

/* ---- loopback ---- */

#define LOOP_TURNS 4 /* what was sent, its acknowledgement, and what that lets go */

/* What was sent to ourselves arrives before the answer does: on a kernel's loopback, too, the peer has it when send() returns, and
 * programs (their tests above all) rely on that. */
static void deliver_loop(struct svc_server *v)
{
	const struct stack *s = v->env->s;

	for (uint32_t i = 0; i < LOOP_TURNS && (s->tcp.out_head != 0 || s->tx[NET_PORT_LOOP].n != 0); i++)
		svc_news(v);
}

/* ---- one request ---- */

int64_t svc_op(struct svc_server *v, struct svc_chan *c)
{
	struct ask a = {.v = v, .c = c, .len = at_most(c->len, SVC_DATA_BYTES)};
	uint16_t op = c->op;
	struct conn *conn;
	int64_t slot, rc;
	bool to_self;

	if (op == SVC_NOP)
		return 0;
	if (op == SVC_SOCKET)
		return op_socket(v, c);
	if (op >= SVC_OPS)
		return -EINVAL;
	slot = svc_file_find(v, c->file, c->gen);
	if (slot < 0)
		return slot;
	a.slot = (uint32_t)slot;
	a.fd = svc_file_fd(v, a.slot);
	conn = sock_at(v->env, a.fd);
	conn->flags |= CONN_NONBLOCK;
	to_self = svc_is_to_self(v, conn);
	if (op != SVC_SEND && op != SVC_POST)
		svc_stage_stop(v, a.slot);
	rc = ops[op](&a);
	if (v->own[a.slot].open) {
		svc_publish(v, a.slot);
		to_self |= svc_is_to_self(v, conn);
	}
	if (to_self || v->env->s->tx[NET_PORT_LOOP].n != 0)
		deliver_loop(v);
	return rc;
}
