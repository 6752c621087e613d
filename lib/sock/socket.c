/* socket.c: making, binding, listening, shutting and closing. */
#include "sock/device.h"
#include "sock/dialect.h"
#include "sock/kernel.h"
#include "sock/name.h"

static int protocol_check(int type, int protocol)
{
	if (type == SOCK_STREAM)
		return protocol == 0 || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
	if (type == SOCK_DGRAM)
		return protocol == 0 || protocol == IPPROTO_UDP ? 0 : -EPROTONOSUPPORT;
	return -ESOCKTNOSUPPORT;
}

int sock_socket(int domain, int type, int protocol)
{
	struct sock_env *env = sock_cur;
	int flags = type & ~0xf, rc;
	struct conn *c;

	if (domain != AF_INET && domain != AF_INET6)
		return kernel_socket(domain, type, protocol);
	if (env == NULL)
		return -ENXIO;
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	type &= 0xf;
	rc = protocol_check(type, protocol);
	if (rc < 0)
		return rc;
	if (type == SOCK_STREAM)
		c = (struct conn *)tcp_new(&env->s->tcp);
	else
		c = (struct conn *)udp_new(&env->s->udp);
	if (c == NULL)
		return -ENOBUFS;
	if (flags & SOCK_NONBLOCK)
		c->flags |= CONN_NONBLOCK;
	if (domain == AF_INET6)
		c->more |= CONN_MORE_IP6;
	sock_dialect_new(c);
	return sock_fd(env, c);
}

int sock_socketpair(int domain, int type, int protocol, int fds[2])
{
	if (domain == AF_INET || domain == AF_INET6) {
		int rc = protocol_check(type & 0xf, protocol);

		return rc < 0 ? rc : -EOPNOTSUPP;
	}
	return kernel_socketpair(domain, type, protocol, fds);
}

int spate_kernel_fd(int kernel_fd)
{
	return kernel_fd >= 0 && kernel_fd < SOCK_KERNEL && fcntl(kernel_fd, F_GETFD) >= 0 ? kernel_fd + SOCK_KERNEL : -EBADF;
}

int spate_kernel_number(int fd) { return sock_is_kernel(fd) ? kernel_of(fd) : -EBADF; }

/* A datagram socket with IP_BIND_ADDRESS_NO_PORT: only the address now, the port when it is needed. */
static int bind_address(struct sock_env *env, struct conn *c, rte_be32_t laddr_be)
{
	if (laddr_be == 0)
		return 0;
	if (!(c->more & CONN_MORE_FREEBIND) && !net_is_ours(&env->s->net, laddr_be))
		return -EADDRNOTAVAIL;
	c->h.key.laddr_be = laddr_be;
	c->flags |= CONN_BOUND_ADDR;
	return 0;
}

/* c may be bound at all. */
static int bind_allowed(struct conn *c)
{
	if (c->flags & (CONN_BOUND_ADDR | CONN_BOUND_PORT) || c->h.key.lport_be != 0)
		return -EINVAL;
	if (sock_is_tcp(c) && (sock_tcp(c)->state != TCP_CLOSED || sock_phase(c) != SOCK_UNCONNECTED))
		return -EINVAL;
	return 0;
}

static int bind_to(struct sock_env *env, struct conn *c, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	if (sock_is_tcp(c))
		return tcp_bind(&env->s->tcp, sock_tcp(c), laddr_be, lport_be);
	if (lport_be == 0 && *sock_bits(c) & SOCK_NO_PORT)
		return bind_address(env, c, laddr_be);
	return udp_bind(&env->s->udp, sock_udp(c), laddr_be, lport_be);
}

/* 0.x.y.z is nobody's; inside it would be an IPv6 address's number. */
static int bind_to4(struct sock_env *env, struct conn *c, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	return flow_addr_is6(laddr_be) ? -EADDRNOTAVAIL : bind_to(env, c, laddr_be, lport_be);
}

/* To IPv4: then the socket is for IPv4 alone. */
static int bind_mapped(struct sock_env *env, struct conn *c, const struct net_end *at)
{
	int rc;

	if (c->more & CONN_MORE_V6ONLY)
		return -EINVAL;
	c->more |= CONN_MORE_IP4;
	rc = bind_to4(env, c, ip6_addr_ip4(&at->addr), at->port_be);
	if (rc < 0)
		c->more &= (uint8_t)~CONN_MORE_IP4;
	return rc;
}

static int bind6(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	const struct net *n = &env->s->net;
	struct net_end at;
	rte_be32_t laddr_be = 0;
	int rc = len < SOCK_IN6_LEN_MIN ? -EINVAL : addr->sa_family != AF_INET6 ? -EAFNOSUPPORT : 0;

	if (rc < 0)
		return rc;
	rc = sock_end_read(c, addr, len, &at);
	if (rc < 0)
		return rc;
	if (ip6_addr_is_multicast(&at.addr) && sock_is_tcp(c))
		return -EINVAL;
	rc = bind_allowed(c);
	if (rc < 0)
		return rc;
	if (ip6_addr_is_mapped(&at.addr))
		return bind_mapped(env, c, &at);
	if (!ip6_addr_is_none(&at.addr)) {
		if (at.scope == 0)
			at.scope = sock_via(env, c) & NET_VIA_DEV;
		if (ip6_addr_is_linklocal(&at.addr) && at.scope == 0)
			return -EINVAL;
		if (ip6_addr_is_linklocal(&at.addr) && at.scope > n->n_ifaces)
			return -ENODEV;
		laddr_be = net_local6(n, &at.addr, at.scope);
		if (laddr_be == 0)
			return -EADDRNOTAVAIL;
	}
	return bind_to(env, c, laddr_be, at.port_be);
}

static int bind4(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	int rc;

	if (len < sizeof(*in))
		return -EINVAL;
	/* AF_UNSPEC is taken for old programs that forgot the family, if the address is any. */
	if (in->sin_family != AF_INET && (in->sin_family != AF_UNSPEC || in->sin_addr.s_addr != 0))
		return -EAFNOSUPPORT;
	rc = bind_allowed(c);
	if (rc == 0 && sock_is_tcp(c) && IN_MULTICAST(rte_be_to_cpu_32(in->sin_addr.s_addr)))
		rc = -sock_dialect_of(c)->bind_group;
	return rc < 0 ? rc : bind_to4(env, c, in->sin_addr.s_addr, in->sin_port);
}

/* For calls that are judged by what other stacks have bound. */
static int sock_find_told(int fd, struct sock_env **env, struct conn **c)
{
	if (sock_cur != NULL)
		sock_mail(sock_cur);
	return sock_find(fd, env, c);
}

int sock_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find_told(fd, &env, &c);

	if (rc == -ENXIO || rc == -EBADF)
		return sock_is_kernel(fd) ? kernel_bind(fd, addr, len) : rc;
	if (len > sizeof(struct sockaddr_storage))
		return -EINVAL;
	if (addr == NULL && len > 0)
		return -EFAULT;
	if (rc < 0)
		return rc;
	return c->more & CONN_MORE_IP6 ? bind6(env, c, addr, len) : bind4(env, c, addr, len);
}

int sock_listen(int fd, int backlog)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find_told(fd, &env, &c);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_listen(fd, backlog) : rc;
	if (!sock_is_tcp(c))
		return -EOPNOTSUPP;
	if (c->type != CONN_LISTEN && (sock_tcp(c)->state != TCP_CLOSED || sock_phase(c) != SOCK_UNCONNECTED))
		return -EINVAL;
	/* Linux takes the number as unsigned: a negative backlog is the largest. */
	return tcp_listen(&env->s->tcp, sock_tcp(c), backlog < 0 ? (int)TCP_BACKLOG_MAX : backlog);
}

static int tcp_shutdown_call(struct sock_env *env, struct conn *c, int how)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	bool listener = c->type == CONN_LISTEN;

	if (unlikely(!d->remembers_shut) && !listener && sock_tcp(c)->state == TCP_CLOSED)
		return -ENOTCONN;
	/* What is shut will be so after the handshake. */
	if (unlikely(!d->shut_ends_attempt) && sock_tcp(c)->state == TCP_SYN_SENT) {
		sock_tcp(c)->tflags |= (how != SHUT_WR ? TF_SHUT_RD : 0) | (how != SHUT_RD ? TF_SHUT_WR : 0);
		return 0;
	}
	/* An attempt is dropped, and so is listening when reading ends, as Linux does. */
	if (sock_tcp(c)->state == TCP_SYN_SENT || (listener && how != SHUT_WR)) {
		sock_phase_set(c, SOCK_UNCONNECTED);
		return sock_tcp_disconnect(env, c);
	}
	return listener ? 0 : tcp_shutdown(&env->s->tcp, sock_tcp(c), how);
}

int sock_shutdown(int fd, int how)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find(fd, &env, &c);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_shutdown(fd, how) : rc;
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return -EINVAL;
	return sock_is_tcp(c) ? tcp_shutdown_call(env, c, how) : udp_shutdown(&env->s->udp, sock_udp(c), how);
}

int sock_close(int fd)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find_any(fd, &env, &c);

	if (sock_is_kernel(fd))
		return kernel_close(fd);
	if (rc == -EBADF) /* of another stack's listener its twin here is given up, if there is one */
		rc = sock_twin(env, fd, false, &c);
	if (rc < 0 || c == NULL)
		return rc;
	if (c->type == CONN_EPOLL) {
		sock_epoll_close(env, c);
		return 0;
	}
	sock_epoll_leave(env, c);
	sock_side_put(env, c);
	if (sock_is_tcp(c))
		tcp_close(&env->s->tcp, sock_tcp(c));
	else
		udp_close(&env->s->udp, sock_udp(c));
	return 0;
}
