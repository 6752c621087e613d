/* accept.c: accept(). */
#include <string.h>

#include "sock/kernel.h"
#include "sock/name.h"

/* The new connection has the listener's timeouts and the options beside them, as on Linux; O_NONBLOCK it has not. */
static int inherit(struct sock_env *env, struct conn *listener, struct conn *c)
{
	const struct sock_side *from = sock_side(env, listener, false);
	struct sock_side *to;

	*sock_bits(c) &= ~TF_SOCK_MASK; /* whatever came from the listener */
	c->flags &= (uint8_t)~CONN_NONBLOCK;
	sock_phase_set(c, SOCK_CONNECTED);
	if (from == NULL)
		return 0;
	to = sock_side(env, c, true);
	if (to == NULL)
		return -ENOBUFS;
	to->rcv_ns = from->rcv_ns;
	to->snd_ns = from->snd_ns;
	to->switches = from->switches;
	memcpy(to->number, from->number, sizeof(to->number));
	return 0;
}

/* One turn, in which the listener may have been closed: a twin by its owner. 0 with *p, or NULL: look again. */
static int wait_turn(struct sock_wait *w, int fd, struct tcp_pcb **p)
{
	int rc = sock_wait_turn(w);
	struct conn *listener = sock_at_shared(w->env, fd);

	if (listener == NULL)
		return -EBADF;
	if (listener->type != CONN_LISTEN)
		return -EINVAL;
	*p = tcp_accept(&w->env->s->tcp, listener);
	return *p != NULL ? 0 : rc;
}

static int wait_for_one(struct sock_env *env, int fd, struct conn *listener, struct tcp_pcb **p)
{
	uint64_t ns = sock_timeout_ns(env, listener, SOCK_RCV, 0);
	struct sock_wait w;
	int rc = 0;

	*p = tcp_accept(&env->s->tcp, listener);
	if (*p != NULL)
		return 0;
	if (ns == 0)
		return -EAGAIN;
	sock_wait_begin(&w, env, ns, ns == SOCK_FOREVER);
	while (rc == 0 && *p == NULL)
		rc = wait_turn(&w, fd, p);
	sock_wait_end(&w);
	return rc;
}

int sock_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sock_env *env;
	struct conn *c;
	struct tcp_pcb *p;
	int rc = sock_find_shared(fd, &env, &c);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_accept4(fd, addr, len, flags) : rc;
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (!sock_is_tcp(c))
		return -EOPNOTSUPP;
	if (c->type != CONN_LISTEN)
		return -EINVAL;
	if (addr != NULL && len == NULL)
		return -EFAULT;
	if (addr != NULL && (int)*len < 0)
		return -EINVAL;
	rc = wait_for_one(env, fd, c, &p);
	if (rc < 0)
		return rc;
	rc = inherit(env, sock_at_shared(env, fd), &p->c);
	if (rc < 0) {
		tcp_close(&env->s->tcp, p);
		return rc;
	}
	if (flags & SOCK_NONBLOCK)
		p->c.flags |= CONN_NONBLOCK;
	if (addr != NULL) {
		struct net_end peer = sock_end_of(env, &p->c, p->c.h.key.raddr_be, p->c.h.key.rport_be);
		union sock_name name;

		sock_name_of(&p->c, &peer, &name);
		sock_name_out(&name, addr, len);
	}
	return sock_fd(env, &p->c);
}
