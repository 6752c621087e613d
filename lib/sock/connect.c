/* connect.c: connect(), step by step in the order in which Linux looks at things. */
#include "sock/dialect.h"
#include "sock/kernel.h"

#define ADDR_LEN_MAX 128u /* sizeof(struct sockaddr_storage): what the system copies in */

/* States that say goodbye with a reset when they are broken off (RFC 9293 3.10.5, ABORT); the attempt just ends. */
static bool tcp_had_something(const struct tcp_pcb *p)
{
	switch (p->state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
		return true;
	default:
		return false;
	}
}

int sock_tcp_disconnect(struct sock_env *env, struct conn *c)
{
	bool reset = tcp_had_something(sock_tcp(c));
	uint16_t error = c->so_error;
	int rc = tcp_disconnect(&env->s->tcp, sock_tcp(c));

	if (rc < 0)
		return rc;
	/* An error that was pending stays readable. */
	c->so_error = reset ? ECONNRESET : error;
	ready_mark(&env->s->flow, c, sock_events(env, c));
	return 0;
}

static int tcp_aim(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	struct tcp *t = &env->s->tcp;
	struct net_end to;
	int rc = sock_end_read(c, addr, len, &to);

	if (rc == 0)
		rc = sock_end_aim(env, c, &to);
	if (rc < 0)
		return rc;
	if (likely(ip6_addr_is_mapped(&to.addr)))
		return tcp_connect(t, sock_tcp(c), ip6_addr_ip4(&to.addr), to.port_be);
	return tcp_connect6(t, sock_tcp(c), &to.addr, to.scope, to.port_be);
}

/* The same with another dialect's checks and words. */
static int tcp_aim_other(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	int rc = sock_dialect_name(env, c, addr, len);
	uint64_t dropped;

	if (rc == 0 && d->dead != 0 && sock_tcp(c)->tflags & TF_DEAD)
		rc = -d->dead;
	if (rc < 0)
		return rc;
	dropped = env->s->drops.n[DROP_FILTER];
	rc = tcp_aim(env, c, addr, len);
	if (rc < 0)
		return sock_dialect_failure(env, c, addr, len, rc);
	if (d->filtered == 0 || env->s->drops.n[DROP_FILTER] == dropped)
		return 0;
	tcp_disconnect(&env->s->tcp, sock_tcp(c));
	c->so_error = 0;
	return -d->filtered;
}

static int tcp_start(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	if (c->type == CONN_LISTEN)
		return -sock_dialect_of(c)->listening;
	if (sock_tcp(c)->state != TCP_CLOSED)
		return -EISCONN;
	return sock_is_linux(c) ? tcp_aim(env, c, addr, len) : tcp_aim_other(env, c, addr, len);
}

static bool tcp_handshaking(struct conn *c)
{
	return sock_tcp(c)->state == TCP_SYN_SENT || sock_tcp(c)->state == TCP_SYN_RECEIVED;
}

/* Waits for the end of the handshake. 0 when it ended, well or not; pending when it did not in time; -EINTR. */
static int tcp_wait(struct sock_env *env, struct conn *c, uint64_t ns, int pending)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	struct sock_wait w;
	int rc = 0;

	if (!d->snd_timeout)
		ns = SOCK_FOREVER;
	sock_wait_begin(&w, env, ns, ns == SOCK_FOREVER && d->restarts);
	while (rc == 0 && tcp_handshaking(c))
		rc = sock_wait_turn(&w);
	sock_wait_end(&w);
	if (!tcp_handshaking(c))
		return 0;
	return rc == -EAGAIN ? pending : rc;
}

/* The attempt is over: tells the caller, once, how it ended. */
static int tcp_outcome(struct sock_env *env, struct conn *c)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	int err;

	if (sock_tcp(c)->state != TCP_CLOSED) {
		sock_phase_set(c, SOCK_CONNECTED);
		return 0;
	}
	/* Nothing pending: SO_ERROR told it before, and the state is still to be cleared: that is this call. */
	err = sock_error_take(c);
	sock_phase_set(c, SOCK_UNCONNECTED);
	if (d->poll_err) /* else it looks like a connection that has ended */
		sock_tcp_disconnect(env, c);
	if (d->dead != 0)
		sock_tcp(c)->tflags |= TF_DEAD;
	return err != 0 ? err : -d->aborted;
}

int sock_tcp_connect_begin(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	int rc = tcp_start(env, c, addr, len);

	if (rc < 0)
		return rc;
	c->so_error = 0; /* of an earlier attempt, which nobody asked for */
	sock_phase_set(c, SOCK_CONNECTING);
	return 0;
}

int sock_tcp_connect_end(struct sock_env *env, struct conn *c, int flags, int pending)
{
	if (tcp_handshaking(c)) {
		uint64_t ns = sock_timeout_ns(env, c, SOCK_SND, flags);
		int rc = ns == 0 ? pending : tcp_wait(env, c, ns, pending);

		if (c->type != CONN_TCP || c->flags & CONN_ORPHAN) /* a handler has closed it */
			return -EBADF;
		if (rc < 0)
			return rc;
		/* Others may have ended the attempt meanwhile: connect() with AF_UNSPEC (L3), shutdown() (L2). */
		if (sock_was_dissolved(c))
			return -EPIPE;
		if (sock_phase(c) != SOCK_CONNECTING)
			return sock_error_take(c) != 0 ? -ECONNRESET : -ECONNABORTED;
	}
	return tcp_outcome(env, c);
}

/* A repeated connect() where the first is not yet told its success: 0, unless the dialect has another word than Linux. */
static int tcp_repeat(struct conn *c)
{
	const struct sock_dialect *d = sock_dialect_of(c);

	if (tcp_fastopen_waits(sock_tcp(c))) /* J3 */
		return -EISCONN;
	if (tcp_handshaking(c))
		return d->joins_wait ? 0 : -EALREADY;
	if (sock_tcp(c)->state == TCP_CLOSED || d->says_zero_once)
		return 0;
	sock_phase_set(c, SOCK_CONNECTED);
	return -EISCONN;
}

static int tcp_connect_call(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	int pending = -EALREADY, rc;

	switch (sock_phase(c)) {
	case SOCK_CONNECTED:
		return c->type == CONN_TCP && sock_tcp(c)->state == TCP_CLOSED ? -sock_dialect_of(c)->ended : -EISCONN;
	case SOCK_CONNECTING:
		rc = tcp_repeat(c);
		if (rc < 0)
			return rc;
		break;
	default:
		rc = sock_tcp_connect_begin(env, c, addr, len);
		if (rc < 0 || tcp_fastopen_waits(sock_tcp(c))) /* J2: the first data will be sent with the SYN */
			return rc;
		pending = -EINPROGRESS;
		break;
	}
	return sock_tcp_connect_end(env, c, 0, pending);
}

static int udp_aim(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	struct net_end to;
	int rc = sock_end_read(c, addr, len, &to);

	if (rc == 0)
		rc = sock_end_aim(env, c, &to);
	if (rc < 0)
		return rc;
	/* Connected over IPv4, IPv6 only after a dissolve (I5). */
	if (c->flags & CONN_IN_TABLE && !flow_addr_is6(c->h.key.raddr_be) && !ip6_addr_is_mapped(&to.addr))
		return -EAFNOSUPPORT;
	return udp_connect(&env->s->udp, sock_udp(c), &to);
}

/* The same with another dialect's checks and words. */
static int udp_aim_other(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	const struct sock_dialect *d = sock_dialect_of(c);
	struct udp_pcb *p = sock_udp(c);
	bool broadcast = p->broadcast;
	int rc = sock_dialect_name(env, c, addr, len);

	if (rc == 0) {
		p->broadcast |= d->broadcast_at_send;
		rc = udp_aim(env, c, addr, len);
		p->broadcast = broadcast;
		if (rc < 0)
			rc = sock_dialect_failure(env, c, addr, len, rc);
	}
	if (rc == 0 && d->same_pair != 0 && udp_pair_shared(&env->s->udp, p))
		rc = -d->same_pair;
	if (d->dissolves_first)
		c->so_error = 0;
	if (rc < 0 && d->dissolves_first)
		udp_disconnect(&env->s->udp, p);
	return rc;
}

static int udp_connect_call(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	return sock_is_linux(c) ? udp_aim(env, c, addr, len) : udp_aim_other(env, c, addr, len);
}

/* connect() with AF_UNSPEC, where that has a meaning. */
static int dissolve(struct sock_env *env, struct conn *c, socklen_t len)
{
	const struct sock_dialect *d = sock_dialect_of(c);

	if (sock_is_tcp(c)) {
		sock_phase_set(c, tcp_handshaking(c) ? SOCK_DISSOLVED : SOCK_UNCONNECTED);
		return sock_tcp_disconnect(env, c);
	}
	if (d->dissolves_first)
		c->so_error = 0;
	udp_disconnect(&env->s->udp, sock_udp(c));
	return d->unspec_datagram != 0 && len != sizeof(struct sockaddr_in) ? -EINVAL : -d->unspec_datagram;
}

int sock_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct sock_dialect *d;
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find(fd, &env, &c);

	if (sock_is_kernel(fd))
		return kernel_connect(fd, addr, len);
	d = sock_dialect_here(rc == 0 ? c : NULL);
	if (unlikely(d->copies_first) && rc != -ENXIO && sock_dialect_args(d, addr, len) < 0)
		return sock_dialect_args(d, addr, len);
	if (rc == -ENXIO || rc == -EBADF)
		return rc;
	if (len > ADDR_LEN_MAX && !d->copies_first)
		return -EINVAL;
	if (addr == NULL && len > 0)
		return -EFAULT;
	if (rc < 0)
		return rc;
	if (len < sizeof(addr->sa_family))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC && (d->unspec_stream || !sock_is_tcp(c)))
		return dissolve(env, c, len);
	return sock_is_tcp(c) ? tcp_connect_call(env, c, addr, len) : udp_connect_call(env, c, addr, len);
}
