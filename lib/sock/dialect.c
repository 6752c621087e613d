/* dialect.c: see dialect.h. */
#include "sock/dialect.h"

#include <string.h>

#define BSD_NAME_MAX 255 /* SOCK_MAXADDRLEN */

static_assert(SPATE_DIALECT_LINUX == (int)DIALECT_LINUX && SPATE_DIALECT_BSD == (int)DIALECT_BSD &&
	      SPATE_DIALECT_ZOS == (int)DIALECT_ZOS, "one order");

const struct sock_dialect sock_dialects[DIALECTS] = {
	[DIALECT_LINUX] = {
		.says_zero_once = true, .joins_wait = true, .snd_timeout = true, .restarts = true, .remembers_shut = true,
		.shut_ends_attempt = true, .unspec_stream = true, .poll_err = true,
		.listening = EISCONN, .ended = EISCONN, .aborted = ECONNABORTED, .broadcast = ENETUNREACH, .group = ENETUNREACH,
		.taken = EADDRNOTAVAIL, .no_port = EAGAIN, .no_memory = ENOBUFS, .no_send = EPIPE,
		.mapped_v6only = ENETUNREACH, .mapped_bound6 = ENETUNREACH, .no_scope = EINVAL, .bad_scope = ENETUNREACH,
		.no_route6 = ENETUNREACH,
	},
	[DIALECT_BSD] = {
		.copies_first = true, .exact_len = true, .v6only = true, .dissolves_first = true, .broadcast_at_send = true,
		.unspec_datagram = EAFNOSUPPORT, .too_long = ENAMETOOLONG, .listening = EOPNOTSUPP, .ended = ECONNREFUSED,
		.dead = ECONNREFUSED, .aborted = ECONNREFUSED, .broadcast = EACCES, .group = EAFNOSUPPORT,
		.bind_group = EADDRNOTAVAIL, .port_zero = EADDRNOTAVAIL, .taken = EADDRINUSE, .no_port = EADDRNOTAVAIL,
		.no_memory = ENOBUFS, .filtered = EACCES, .no_send = ENOTCONN, .pending = ENOTCONN, .has_peer = EISCONN,
		.same_pair = EADDRINUSE, .mapped_v6only = EINVAL, .mapped_bound6 = EADDRNOTAVAIL, .no_scope = EHOSTUNREACH,
		.bad_scope = ENXIO, .global_scope = ENXIO, .no_route6 = EHOSTUNREACH, .no_addr = ENETDOWN,
	},
	[DIALECT_ZOS] = {
		.snd_timeout = true, .remembers_shut = true, .shut_ends_attempt = true, .unspec_stream = true, .poll_err = true,
		.listening = EOPNOTSUPP, .ended = EISCONN, .dead = ECONNREFUSED, .aborted = ECONNABORTED,
		.broadcast = ENETUNREACH, .group = ENETUNREACH, .taken = EADDRNOTAVAIL, .no_port = EAGAIN, .no_memory = EIO,
		.no_send = EPIPE, .mapped_v6only = ENETUNREACH, .mapped_bound6 = ENETUNREACH, .no_scope = EINVAL,
		.bad_scope = ENETUNREACH, .no_route6 = ENETUNREACH, .no_addr = EIO,
	},
};

static uint8_t chosen; /* enum dialect of new sockets */

void sock_dialect_default(enum dialect d) { chosen = (uint8_t)d; }

int sock_dialect_named(const char *name)
{
	static const char *const names[DIALECTS] = {"linux", "bsd", "zos"};

	for (int i = 0; i < DIALECTS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

static bool is_bound(const struct conn *c)
{
	return c->h.key.lport_be != 0 || c->flags & (CONN_BOUND_ADDR | CONN_BOUND_PORT);
}

/* With the dialect comes its IPV6_V6ONLY, as long as that may be changed. */
static void become(struct conn *c, enum dialect d)
{
	c->more = (uint8_t)((c->more & ~CONN_MORE_DIALECT) | d << CONN_MORE_DIALECT_SHIFT);
	if (c->more & CONN_MORE_IP6 && !is_bound(c))
		c->more = (uint8_t)(sock_dialects[d].v6only ? c->more | CONN_MORE_V6ONLY : c->more & ~CONN_MORE_V6ONLY);
}

void sock_dialect_new(struct conn *c)
{
	if (unlikely(chosen != DIALECT_LINUX))
		become(c, chosen);
}

int sock_dialect_set(struct conn *c, const void *val, socklen_t len)
{
	int v;

	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	if (v < 0 || v >= DIALECTS)
		return -EINVAL;
	if ((enum dialect)v != conn_dialect(c))
		become(c, (enum dialect)v);
	return 0;
}

/* ---- connect() ---- */

const struct sock_dialect *sock_dialect_here(const struct conn *c)
{
	return c != NULL ? sock_dialect_of(c) : &sock_dialects[chosen];
}

int sock_dialect_args(const struct sock_dialect *d, const struct sockaddr *addr, socklen_t len)
{
	if (len > BSD_NAME_MAX)
		return -d->too_long;
	if (len < sizeof(addr->sa_family))
		return -EINVAL;
	return addr == NULL ? -EFAULT : 0;
}

/* The scope that the name of an AF_INET6 socket has. */
static bool scope_is_bad(const struct sock_env *env, const struct net_end *to)
{
	return to->scope > env->s->net.n_ifaces;
}

static int name_special(const struct sock_env *env, const struct conn *c, const struct net_end *to)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	rte_be32_t ip4_be = ip6_addr_ip4(&to->addr);
	bool ip4 = ip6_addr_is_mapped(&to->addr), tcp = c->type == CONN_TCP;

	if (tcp && ip4 && ip4_be == INADDR_BROADCAST)
		return -d->broadcast;
	if (tcp && ip4 && !IN_MULTICAST(rte_be_to_cpu_32(ip4_be)) && net_is_broadcast(&env->s->net, ip4_be))
		return -d->broadcast;
	if (tcp && (ip4 ? IN_MULTICAST(rte_be_to_cpu_32(ip4_be)) : ip6_addr_is_multicast(&to->addr)))
		return -d->group;
	if (!ip4 && !ip6_addr_is_linklocal(&to->addr) && !ip6_addr_is_multicast(&to->addr) && scope_is_bad(env, to))
		return -d->global_scope;
	return to->port_be == 0 ? -d->port_zero : 0;
}

int sock_dialect_name(const struct sock_env *env, const struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	struct net_end to;
	int rc;

	if (d->exact_len && len != (c->more & CONN_MORE_IP6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)))
		return -EINVAL;
	rc = sock_end_read(c, addr, len, &to);
	return rc < 0 ? rc : name_special(env, c, &to);
}

/* Linux's ENETUNREACH has several reasons that are told apart. */
static int unreachable(const struct sock_env *env, const struct conn *c, const struct net_end *to)
{
	const struct sock_dialect *d = sock_dialect_of(c);

	if (d->no_addr != 0 && ip6_addr_is_mapped(&to->addr) && env->s->net.n_addrs == 0)
		return -d->no_addr;
	if (!ip6_addr_is_mapped(&to->addr))
		return ip6_addr_is_linklocal(&to->addr) && scope_is_bad(env, to) ? -d->bad_scope : -d->no_route6;
	if (!(c->more & CONN_MORE_IP6))
		return -ENETUNREACH;
	if (c->more & CONN_MORE_V6ONLY)
		return -d->mapped_v6only;
	return c->flags & CONN_BOUND_ADDR && flow_addr_is6(c->h.key.laddr_be) ? -d->mapped_bound6 : -ENETUNREACH;
}

int sock_dialect_failure(const struct sock_env *env, const struct conn *c, const struct sockaddr *addr, socklen_t len, int rc)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	struct net_end to;

	if (rc == -ENOBUFS)
		return -d->no_memory;
	if (rc == -EADDRNOTAVAIL && c->type == CONN_TCP && c->flags & CONN_BOUND_PORT)
		return -d->taken;
	if (rc == -EAGAIN && c->type == CONN_UDP)
		return -d->no_port;
	if (sock_end_read(c, addr, len, &to) < 0)
		return rc;
	if (rc == -EINVAL && ip6_addr_is_linklocal(&to.addr) && to.scope == 0)
		return -d->no_scope;
	return rc == -ENETUNREACH ? unreachable(env, c, &to) : rc;
}

/* ---- data ---- */

static bool is_handshaking(struct conn *c)
{
	return sock_tcp(c)->state == TCP_SYN_SENT || sock_tcp(c)->state == TCP_SYN_RECEIVED;
}

static int stream_send(struct conn *c, const struct sockaddr *to)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	const struct tcp_pcb *p = sock_tcp(c);

	if (c->type == CONN_LISTEN || (p->state == TCP_CLOSED && !(p->tflags & TF_DEAD)))
		return d->no_send == EPIPE ? 0 : -d->no_send;
	if (is_handshaking(c))
		return -d->pending;
	if (to != NULL)
		return -d->has_peer;
	/* C23: the error of an attempt that failed stays for others, where sending tells what it always tells then. */
	return d->dead != 0 && d->pending != 0 && p->state == TCP_CLOSED ? -EPIPE : 0;
}

static int datagram_send(const struct sock_env *env, struct conn *c, const struct sockaddr *to)
{
	const struct sock_dialect *d = sock_dialect_of(c);

	if (!(c->flags & CONN_IN_TABLE))
		return 0;
	if (to != NULL)
		return -d->has_peer;
	/* B25: what connect() let pass is asked for here. */
	if (d->broadcast_at_send && !(*sock_bits(c) & SOCK_BROADCAST) && net_is_broadcast(&env->s->net, c->h.key.raddr_be))
		return -EACCES;
	return 0;
}

int sock_dialect_send(const struct sock_env *env, struct conn *c, const struct sockaddr *to)
{
	return sock_is_tcp(c) ? stream_send(c, to) : datagram_send(env, c, to);
}

int sock_dialect_recv(struct conn *c)
{
	return c->type == CONN_TCP && is_handshaking(c) ? -sock_dialect_of(c)->pending : 0;
}

uint32_t sock_dialect_events(struct conn *c, uint32_t events)
{
	if (sock_dialect_of(c)->poll_err)
		return events;
	if (c->type == CONN_TCP && sock_tcp(c)->state == TCP_CLOSED && !(sock_tcp(c)->tflags & TF_DEAD))
		return 0;
	if (c->so_error == 0)
		return events;
	events &= ~(uint32_t)(EPOLLERR | EPOLLRDHUP);
	return events | EPOLLIN | EPOLLRDNORM;
}
