/* connect.c: connect(), step by step in the order in which Linux looks at things. */
#include "sock/name.h"

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

static int tcp_start(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	struct tcp *t = &env->s->tcp;
	struct net_end to;
	int rc;

	if (c->type == CONN_LISTEN || sock_tcp(c)->state != TCP_CLOSED)
		return -EISCONN;
	rc = sock_end_read(c, addr, len, &to);
	if (rc == 0)
		rc = sock_end_aim(env, c, &to);
	if (rc < 0)
		return rc;
	if (likely(ip6_addr_is_mapped(&to.addr)))
		return tcp_connect(t, sock_tcp(c), ip6_addr_ip4(&to.addr), to.port_be);
	return tcp_connect6(t, sock_tcp(c), &to.addr, to.scope, to.port_be);
}

static bool tcp_handshaking(struct conn *c)
{
	return sock_tcp(c)->state == TCP_SYN_SENT || sock_tcp(c)->state == TCP_SYN_RECEIVED;
}

/* Waits for the end of the handshake. 0 when it ended, well or not; pending when it did not in time; -EINTR. */
static int tcp_wait(struct sock_env *env, struct conn *c, int flags, int pending)
{
	uint64_t ns = sock_timeout_ns(env, c, SOCK_SND, flags);
	struct sock_wait w;
	int rc = 0;

	if (ns == 0)
		return pending;
	sock_wait_begin(&w, env, ns, ns == SOCK_FOREVER);
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
	int err;

	if (sock_tcp(c)->state != TCP_CLOSED) {
		sock_phase_set(c, SOCK_CONNECTED);
		return 0;
	}
	/* Nothing pending: SO_ERROR told it before, and the state is still to be cleared: that is this call. */
	err = sock_error_take(c);
	sock_phase_set(c, SOCK_UNCONNECTED);
	sock_tcp_disconnect(env, c);
	return err != 0 ? err : -ECONNABORTED;
}

int sock_tcp_connect_begin(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	int rc = tcp_start(env, c, addr, len);

	if (rc == 0)
		sock_phase_set(c, SOCK_CONNECTING);
	return rc;
}

int sock_tcp_connect_end(struct sock_env *env, struct conn *c, int flags, int pending)
{
	if (tcp_handshaking(c)) {
		int rc = tcp_wait(env, c, flags, pending);

		if (rc < 0)
			return rc;
		/* Another end of this wait: the attempt was dropped by shutdown() in a handler. */
		if (sock_phase(c) != SOCK_CONNECTING)
			return sock_error_take(c) != 0 ? -ECONNRESET : -ECONNABORTED;
	}
	return tcp_outcome(env, c);
}

static int tcp_connect_call(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
{
	int pending = -EALREADY, rc;

	switch (sock_phase(c)) {
	case SOCK_CONNECTED:
		return -EISCONN;
	case SOCK_CONNECTING:
		if (tcp_fastopen_waits(sock_tcp(c))) /* J3 */
			return -EISCONN;
		break;
	case SOCK_UNCONNECTED:
		rc = sock_tcp_connect_begin(env, c, addr, len);
		if (rc < 0 || tcp_fastopen_waits(sock_tcp(c))) /* J2: the first data will be sent with the SYN */
			return rc;
		pending = -EINPROGRESS;
		break;
	}
	return sock_tcp_connect_end(env, c, 0, pending);
}

static int udp_connect_call(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len)
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

static int dissolve(struct sock_env *env, struct conn *c)
{
	if (!sock_is_tcp(c))
		return udp_disconnect(&env->s->udp, sock_udp(c));
	sock_phase_set(c, SOCK_UNCONNECTED);
	return sock_tcp_disconnect(env, c);
}

int sock_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find(fd, &env, &c);

	if (rc == -ENXIO || rc == -EBADF)
		return rc;
	if (len > ADDR_LEN_MAX)
		return -EINVAL;
	if (addr == NULL && len > 0)
		return -EFAULT;
	if (rc < 0)
		return rc;
	if (len < sizeof(addr->sa_family))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC)
		return dissolve(env, c);
	return sock_is_tcp(c) ? tcp_connect_call(env, c, addr, len) : udp_connect_call(env, c, addr, len);
}
