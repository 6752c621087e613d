/* name.c: names in and out; getsockname() and getpeername(). */
#include "sock/name.h"

#include "sock/kernel.h"

#include <string.h>

#include "sock/device.h"

/* ---- out ---- */

void sock_name_of(const struct conn *c, const struct net_end *end, union sock_name *name)
{
	if (c->more & CONN_MORE_IP6) {
		name->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = end->port_be, .sin6_scope_id = end->scope};
		memcpy(&name->in6.sin6_addr, &end->addr, sizeof(end->addr));
	} else {
		name->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = end->port_be,
						.sin_addr.s_addr = ip6_addr_ip4(&end->addr)};
	}
}

struct net_end sock_end_of(const struct sock_env *env, const struct conn *c, rte_be32_t addr_be, rte_be16_t port_be)
{
	struct net_end end = net_end4(addr_be, port_be);

	if (flow_addr_is6(addr_be)) {
		end.addr = addr6_at(&env->s->flow.addr6s, addr_be)->addr;
		end.scope = addr6_at(&env->s->flow.addr6s, addr_be)->scope;
	} else if (addr_be == 0 && c->more & CONN_MORE_IP6 && !(c->more & CONN_MORE_IP4)) {
		end.addr = (struct ip6_addr){{0}};
	}
	return end;
}

void sock_name_out(const union sock_name *name, struct sockaddr *addr, socklen_t *len)
{
	socklen_t size = name->sa.sa_family == AF_INET6 ? sizeof(name->in6) : sizeof(name->in);

	memcpy(addr, name, RTE_MIN(*len, size));
	*len = size;
}

static void end_out(const struct sock_env *env, const struct conn *c, rte_be32_t addr_be, rte_be16_t port_be,
		    struct sockaddr *addr, socklen_t *len)
{
	struct net_end end = sock_end_of(env, c, addr_be, port_be);
	union sock_name name;

	sock_name_of(c, &end, &name);
	sock_name_out(&name, addr, len);
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
	struct sock_env *env;
	struct conn *c;
	int rc = name_check(sock_find_shared(fd, &env, &c), addr, len);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_name(fd, false, addr, len) : rc;
	end_out(env, c, c->h.key.laddr_be, c->h.key.lport_be, addr, len);
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
	struct sock_env *env;
	struct conn *c;
	int rc = name_check(sock_find(fd, &env, &c), addr, len);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_name(fd, true, addr, len) : rc;
	if (!has_peer(c))
		return -ENOTCONN;
	end_out(env, c, c->h.key.raddr_be, c->h.key.rport_be, addr, len);
	return 0;
}

/* ---- in ---- */

#define FLOW_LABEL_BITS 0xfffffu

static int end_read6(const struct conn *c, const struct sockaddr *addr, socklen_t len, struct net_end *end)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (len < SOCK_IN6_LEN_MIN)
		return -EINVAL;
	if (addr->sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	/* I18: labels are leased, and there is no call that does it. */
	if (unlikely(c->more & CONN_MORE_FLOWINFO) && in6->sin6_flowinfo & rte_cpu_to_be_32(FLOW_LABEL_BITS))
		return -EINVAL;
	*end = (struct net_end){.port_be = in6->sin6_port};
	memcpy(&end->addr, &in6->sin6_addr, sizeof(end->addr));
	if (len >= sizeof(*in6))
		end->scope = in6->sin6_scope_id;
	return 0;
}

int sock_end_read(const struct conn *c, const struct sockaddr *addr, socklen_t len, struct net_end *end)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	/* Linux takes AF_INET on an AF_INET6 socket of datagrams (H23). */
	if (c->more & CONN_MORE_IP6 && (c->type != CONN_UDP || addr->sa_family != AF_INET))
		return end_read6(c, addr, len, end);
	if (len < sizeof(*in))
		return -EINVAL;
	if (in->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	if (c->more & CONN_MORE_V6ONLY && c->more & CONN_MORE_IP6)
		return -EAFNOSUPPORT;
	*end = net_end4(in->sin_addr.s_addr, in->sin_port);
	return 0;
}

/* 0.0.0.0 is the host itself, by the address that c is bound to, or loopback (B14, B15); the rest of 0.0.0.0/8 is nowhere.
 * (Broadcast and multicast have no route, for streams.) */
static int aim4(const struct sock_env *env, const struct conn *c, struct net_end *end)
{
	const struct net *net = &env->s->net;
	bool bound;

	if (c->more & CONN_MORE_IP6 && c->more & CONN_MORE_V6ONLY)
		return -ENETUNREACH;
	if (c->flags & CONN_BOUND_ADDR && flow_addr_is6(c->h.key.laddr_be))
		return -ENETUNREACH;
	if (flow_addr_is6(ip6_addr_ip4(&end->addr))) /* 0.x.y.z, no host's: inside it would be an IPv6 address */
		return -ENETUNREACH;
	if (ip6_addr_ip4(&end->addr) != 0)
		return 0;
	bound = c->flags & CONN_BOUND_ADDR && net_is_local(net, c->h.key.laddr_be);
	end->addr = ip6_addr_mapped(bound ? c->h.key.laddr_be : NET_LOOPBACK_BE);
	return 0;
}

int sock_end_aim(const struct sock_env *env, const struct conn *c, struct net_end *end)
{
	bool bound = c->flags & CONN_BOUND_ADDR;
	uint32_t tied;

	/* :: is the host itself, too; bound to IPv4, it is meant of that (I8). */
	if (ip6_addr_is_none(&end->addr))
		end->addr = c->more & CONN_MORE_IP4 ? ip6_addr_mapped(NET_LOOPBACK_BE) : (struct ip6_addr){{[15] = 1}};
	if (ip6_addr_is_mapped(&end->addr))
		return aim4(env, c, end);
	if (c->more & CONN_MORE_IP4)
		return -EAFNOSUPPORT;
	if (!ip6_addr_is_linklocal(&end->addr) && !ip6_addr_is_multicast(&end->addr))
		return 0;
	/* Bound to a link-local address, or to a device, a socket is tied to that link (I10, I13, I14). */
	tied = bound ? addr6_at(&env->s->flow.addr6s, c->h.key.laddr_be)->scope : 0;
	if (tied == 0)
		tied = sock_via(env, c) & NET_VIA_DEV;
	if (end->scope == 0)
		end->scope = tied;
	return tied != 0 && end->scope != tied ? -EINVAL : 0;
}
