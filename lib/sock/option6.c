/* option6.c: options of IPPROTO_IPV6. */
#include <string.h>

#include "sock/option6.h"

#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND 33 /* <linux/in6.h>, which <netinet/in.h> excludes */
#endif

/* Options that are a bit of udp_pcb.opts. */
static const struct {
	int name;
	uint16_t bit;
} bits[] = {
	{IPV6_RECVPKTINFO, UDP_OPT_PKTINFO6}, {IPV6_RECVHOPLIMIT, UDP_OPT_RECVHOPS6}, {IPV6_RECVTCLASS, UDP_OPT_RECVTC6},
	{IPV6_DONTFRAG, UDP_OPT_DONTFRAG6}, {IPV6_RECVERR, UDP_OPT_RECVERR}, {IPV6_MULTICAST_LOOP, UDP_OPT_MC_LOOP},
};

static uint16_t bit_of(int name)
{
	for (unsigned i = 0; i < RTE_DIM(bits); i++)
		if (bits[i].name == name)
			return bits[i].bit;
	return 0;
}

static int udp_get(const struct sock_env *env, const struct udp_pcb *p, int name, int *v)
{
	const struct path *path = p->c.h.path != 0 ? path_at(&env->s->net.paths, p->c.h.path) : NULL;

	if (bit_of(name) != 0) {
		*v = (p->opts & bit_of(name)) != 0;
		return 0;
	}
	switch (name) {
	case IPV6_MTU_DISCOVER:
		*v = p->pmtudisc;
		return 0;
	case IPV6_TCLASS:
		*v = p->tclass6;
		return 0;
	case IPV6_MULTICAST_HOPS:
		*v = p->mc_ttl;
		return 0;
	case IPV6_MULTICAST_IF:
		*v = p->mc_iface == NET_IFACE_ANY ? 0 : p->mc_iface + 1;
		return 0;
	case IPV6_UNICAST_HOPS:
		*v = p->hops6 != 0 ? p->hops6 : path != NULL && path->hop_limit != 0 ? path->hop_limit : TCP_TTL_DEFAULT;
		return 0;
	case IPV6_MTU: /* of a peer, not of the last datagram */
		if (!(p->c.flags & CONN_IN_TABLE))
			return -ENOTCONN;
		*v = path->pmtu;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_set(struct udp_pcb *p, int name, int v)
{
	if (bit_of(name) != 0) {
		p->opts = (uint16_t)(v ? p->opts | bit_of(name) : p->opts & ~bit_of(name));
		if (name == IPV6_RECVERR && !v)
			udp_errors_drop(p);
		return 0;
	}
	if (name == IPV6_MTU_DISCOVER) {
		if (v < IP_PMTUDISC_DONT || v > IP_PMTUDISC_OMIT)
			return -EINVAL;
		p->pmtudisc = (uint8_t)v;
		return 0;
	}
	if (name != IPV6_TCLASS && name != IPV6_UNICAST_HOPS && name != IPV6_MULTICAST_HOPS)
		return -ENOPROTOOPT;
	if (v < -1 || v > 255 || (name == IPV6_UNICAST_HOPS && v == 0))
		return -EINVAL;
	if (name == IPV6_TCLASS)
		p->tclass6 = v == -1 ? 0 : (uint8_t)v;
	else if (name == IPV6_MULTICAST_HOPS)
		p->mc_ttl = v == -1 ? 1 : (uint8_t)v;
	else
		p->hops6 = v == -1 ? 0 : (uint8_t)v;
	return 0;
}

/* ---- groups ---- */

static int membership(struct sock_env *env, struct udp_pcb *p, bool join, const void *val, socklen_t len)
{
	struct ipv6_mreq r;
	struct ip6_addr group;
	int iface;

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, val, sizeof(r));
	memcpy(&group, &r.ipv6mr_multiaddr, sizeof(group));
	if (!ip6_addr_is_multicast(&group))
		return -EINVAL;
	iface = udp_iface(&env->s->udp, 0, (int)r.ipv6mr_interface);
	if (iface < 0)
		return -ENODEV;
	return join ? udp_group_join(&env->s->udp, p, (uint8_t)iface, &group) : udp_group_leave(&env->s->udp, p, (uint8_t)iface, &group);
}

static int multicast_if(struct sock_env *env, struct udp_pcb *p, int ifindex)
{
	int iface = udp_iface(&env->s->udp, 0, ifindex);

	if (iface < 0)
		return -ENODEV;
	p->mc_iface = (uint8_t)iface;
	udp_path_forget(&env->s->udp, p);
	return 0;
}

/* ---- the calls ---- */

/* Only before there is a port, as on Linux: the port is taken for both families or for one. */
static int v6only_set(struct conn *c, int on)
{
	if (c->h.key.lport_be != 0 || c->flags & (CONN_BOUND_ADDR | CONN_BOUND_PORT))
		return -EINVAL;
	c->more = (uint8_t)(on ? c->more | CONN_MORE_V6ONLY : c->more & ~CONN_MORE_V6ONLY);
	return 0;
}

int sock_option6_set(struct sock_env *env, struct conn *c, int name, const void *val, socklen_t len)
{
	int v, rc;

	if (!(c->more & CONN_MORE_IP6))
		return -ENOPROTOOPT;
	if (!sock_is_tcp(c) && (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP))
		return membership(env, sock_udp(c), name == IPV6_JOIN_GROUP, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	if (!sock_is_tcp(c) && name == IPV6_MULTICAST_IF)
		return multicast_if(env, sock_udp(c), v);
	switch (name) {
	case IPV6_V6ONLY:
		return v6only_set(c, v);
	case IPV6_FLOWINFO_SEND:
		c->more = (uint8_t)(v ? c->more | CONN_MORE_FLOWINFO : c->more & ~CONN_MORE_FLOWINFO);
		return 0;
	case IPV6_AUTOFLOWLABEL: /* every flow has its label (RFC 6437): there is nothing to turn on, and off is not offered */
		return v != 0 ? 0 : -EINVAL;
	default:
		break;
	}
	if (!sock_is_tcp(c))
		return udp_set(sock_udp(c), name, v);
	rc = tcp_setopt(&env->s->tcp, sock_tcp(c), IPPROTO_IPV6, name, val, len);
	if (c->type == CONN_LISTEN)
		tcp_listener_changed(&env->s->tcp, c);
	return rc;
}

int sock_option6_get(struct sock_env *env, struct conn *c, int name, void *val, socklen_t *len)
{
	int v, rc = 0;

	if (!(c->more & CONN_MORE_IP6))
		return -ENOPROTOOPT;
	switch (name) {
	case IPV6_V6ONLY:
		v = (c->more & CONN_MORE_V6ONLY) != 0;
		break;
	case IPV6_FLOWINFO_SEND:
		v = (c->more & CONN_MORE_FLOWINFO) != 0;
		break;
	case IPV6_AUTOFLOWLABEL:
		v = 1;
		break;
	default:
		if (sock_is_tcp(c))
			return tcp_getopt(&env->s->tcp, sock_tcp(c), IPPROTO_IPV6, name, val, len);
		rc = udp_get(env, sock_udp(c), name, &v);
	}
	if (rc < 0)
		return rc;
	*len = RTE_MIN(*len, (socklen_t)sizeof(v));
	memcpy(val, &v, *len);
	return 0;
}
