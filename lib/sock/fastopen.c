/* fastopen.c: data that opens a stream (RFC 7413): MSG_FASTOPEN, and the first send after a connect() that only promised
 * (TCP_FASTOPEN_CONNECT). */
#include "sock/sock.h"

/* The attempt begins. 0, or -errno. */
static int open_for(struct sock_env *env, struct conn *c, const struct sockaddr *to, socklen_t to_len)
{
	struct tcp *t = &env->s->tcp;
	int rc;

	if (to != NULL && to_len >= sizeof(to->sa_family) && to->sa_family == AF_UNSPEC)
		return -EOPNOTSUPP;
	rc = tcp_fastopen_once(t, sock_tcp(c), true);
	if (rc < 0)
		return rc;
	if (sock_phase(c) == SOCK_CONNECTED)
		rc = -EISCONN;
	else if (sock_phase(c) == SOCK_UNCONNECTED)
		rc = to != NULL ? sock_tcp_connect_begin(env, c, to, to_len) : -EINVAL;
	tcp_fastopen_once(t, sock_tcp(c), false);
	return rc;
}

ssize_t sock_fastopen_send(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags,
			   const struct sockaddr *to, socklen_t to_len)
{
	bool wait = sock_timeout_ns(env, c, SOCK_SND, flags) != 0;
	enum sock_phase phase = sock_phase(c);
	ssize_t got = 0;
	int rc = flags & MSG_FASTOPEN ? open_for(env, c, to, to_len) : 0;

	if (rc < 0)
		return rc;
	if (tcp_fastopen_waits(sock_tcp(c))) {
		got = tcp_send(&env->s->tcp, sock_tcp(c), iov, (int)n, flags);
		if (got < 0 || !wait)
			return got == 0 ? -EINPROGRESS : got; /* nothing to send: a connect() */
	} else if (!wait && sock_tcp(c)->state < TCP_ESTABLISHED) { /* else the attempt was a success, which nobody has asked for */
		return phase == SOCK_UNCONNECTED ? -EINPROGRESS : -EALREADY;
	}
	rc = sock_tcp_connect_end(env, c, flags, -EINPROGRESS);
	if (rc < 0)
		return rc == -EINPROGRESS && got > 0 ? got : rc;
	return sock_tcp_send(env, c, iov, n, flags, (size_t)got);
}
