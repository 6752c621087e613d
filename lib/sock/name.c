/* name.c: getsockname() and getpeername(). */
#include <string.h>

#include "sock/sock.h"

void sock_name_out(const struct sockaddr_in *name, struct sockaddr *addr, socklen_t *len)
{
	memcpy(addr, name, RTE_MIN((size_t)*len, sizeof(*name)));
	*len = sizeof(*name);
}

static int name_check(int rc, const struct sockaddr *addr, const socklen_t *len)
{
	if (rc < 0)
		return rc;
	if (addr == NULL || len == NULL)
		return -EFAULT;
	return (int)*len < 0 ? -EINVAL : 0;
}

int sock_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sock_env *env;
	struct conn *c;
	int rc = name_check(sock_find_shared(fd, &env, &c), addr, len);

	if (rc < 0)
		return rc;
	in.sin_port = c->h.key.lport_be;
	in.sin_addr.s_addr = c->h.key.laddr_be;
	sock_name_out(&in, addr, len);
	return 0;
}

static bool has_peer(struct conn *c)
{
	if (c->h.key.rport_be == 0) /* a datagram socket connected to port 0 has none either, on Linux */
		return false;
	return !sock_is_tcp(c) || (c->type == CONN_TCP && sock_tcp(c)->state != TCP_CLOSED &&
				   sock_tcp(c)->state != TCP_SYN_SENT);
}

int sock_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sock_env *env;
	struct conn *c;
	int rc = name_check(sock_find(fd, &env, &c), addr, len);

	if (rc < 0)
		return rc;
	if (!has_peer(c))
		return -ENOTCONN;
	in.sin_port = c->h.key.rport_be;
	in.sin_addr.s_addr = c->h.key.raddr_be;
	sock_name_out(&in, addr, len);
	return 0;
}
