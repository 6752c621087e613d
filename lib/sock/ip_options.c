/* ip_options.c: options of IP (ip(7)) that datagram sockets have. */
#include <string.h>

#include "sock/datagram.h"

/* Options that are one bit of udp_pcb.opts. */
static const struct {
	int level, name;
	uint16_t bit;
} bits[] = {
	{IPPROTO_IP, IP_PKTINFO, UDP_OPT_PKTINFO},
	{IPPROTO_IP, IP_RECVTTL, UDP_OPT_RECVTTL},
	{IPPROTO_IP, IP_RECVTOS, UDP_OPT_RECVTOS},
	{IPPROTO_IP, IP_RECVORIGDSTADDR, UDP_OPT_ORIGDST},
	{IPPROTO_IP, IP_RECVERR, UDP_OPT_RECVERR},
	{IPPROTO_IP, IP_MULTICAST_LOOP, UDP_OPT_MC_LOOP},
	{IPPROTO_IP, IP_MULTICAST_ALL, UDP_OPT_MC_ALL},
	{SOL_SOCKET, SO_TIMESTAMP, UDP_OPT_STAMP},
	{SOL_SOCKET, SO_TIMESTAMPNS, UDP_OPT_STAMP_NS},
	{SOL_SOCKET, SO_RXQ_OVFL, UDP_OPT_OVERFLOW},
};

static uint16_t bit_of(int level, int name)
{
	for (size_t i = 0; i < RTE_DIM(bits); i++)
		if (bits[i].level == level && bits[i].name == name)
			return bits[i].bit;
	return 0;
}

/* Options of IP may be given as one byte. */
static int int_in(const void *val, socklen_t len, int *v)
{
	if (len >= sizeof(*v)) {
		memcpy(v, val, sizeof(*v));
		return 0;
	}
	if (len == 0)
		return -EINVAL;
	*v = *(const uint8_t *)val;
	return 0;
}

static int out(const void *from, size_t size, void *val, socklen_t *len)
{
	*len = (socklen_t)RTE_MIN((size_t)*len, size);
	memcpy(val, from, *len);
	return 0;
}

static int bit_set(struct udp_pcb *p, uint16_t bit, int v)
{
	p->opts = (uint16_t)(v ? p->opts | bit : p->opts & ~bit);
	if (bit == UDP_OPT_STAMP && v) /* one of the two, the last */
		p->opts &= (uint16_t)~UDP_OPT_STAMP_NS;
	if (bit == UDP_OPT_STAMP_NS && v)
		p->opts &= (uint16_t)~UDP_OPT_STAMP;
	if (bit == UDP_OPT_RECVERR && !v)
		udp_errors_drop(p);
	return 0;
}

/* ---- groups ---- */

static struct ip6_addr mapped(struct in_addr a) { return ip6_addr_mapped(a.s_addr); }

/* The interface that a request names, or -ENODEV. */
static int iface_of(const struct sock_env *env, struct in_addr addr, int ifindex)
{
	int iface = udp_iface(&env->s->udp, addr.s_addr, ifindex);

	return iface < 0 ? -ENODEV : iface;
}

/* struct ip_mreqn, or the older and shorter ones. */
static int mreqn_in(const void *val, socklen_t len, struct ip_mreqn *r)
{
	memset(r, 0, sizeof(*r));
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(r, val, RTE_MIN((size_t)len, sizeof(*r)));
	if (len < sizeof(*r))
		r->imr_ifindex = 0;
	return 0;
}

static int membership(struct sock_env *env, struct udp_pcb *p, bool join, const void *val, socklen_t len)
{
	struct ip6_addr group;
	struct ip_mreqn r;
	int iface, rc = mreqn_in(val, len, &r);

	if (rc < 0)
		return rc;
	group = mapped(r.imr_multiaddr);
	iface = iface_of(env, r.imr_address, r.imr_ifindex);
	if (iface < 0)
		return iface;
	return join ? udp_group_join(&env->s->udp, p, (uint8_t)iface, &group) : udp_group_leave(&env->s->udp, p, (uint8_t)iface, &group);
}

static int source_membership(struct sock_env *env, struct udp_pcb *p, int name, const void *val, socklen_t len)
{
	bool block = name == IP_BLOCK_SOURCE || name == IP_UNBLOCK_SOURCE;
	bool add = name == IP_BLOCK_SOURCE || name == IP_ADD_SOURCE_MEMBERSHIP;
	struct ip_mreq_source r;
	struct ip6_addr group, src;
	int iface;

	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, val, sizeof(r));
	group = mapped(r.imr_multiaddr);
	src = mapped(r.imr_sourceaddr);
	iface = iface_of(env, r.imr_interface, 0);
	return iface < 0 ? iface : udp_group_source(&env->s->udp, p, (uint8_t)iface, &group, &src, block, add);
}

/* RFC 3678's, of both families' shape; here with addresses of IPv4. */
static int addr_in(const struct sockaddr_storage *ss, struct ip6_addr *a)
{
	struct sockaddr_in in;

	if (ss->ss_family != AF_INET)
		return -EINVAL;
	memcpy(&in, ss, sizeof(in));
	*a = mapped(in.sin_addr);
	return 0;
}

static int group_req(struct sock_env *env, struct udp_pcb *p, bool join, const void *val, socklen_t len)
{
	struct group_req r;
	struct ip6_addr group;
	int iface, rc;

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, val, sizeof(r));
	rc = addr_in(&r.gr_group, &group);
	if (rc < 0)
		return rc;
	iface = iface_of(env, (struct in_addr){0}, (int)r.gr_interface);
	if (iface < 0)
		return iface;
	return join ? udp_group_join(&env->s->udp, p, (uint8_t)iface, &group) : udp_group_leave(&env->s->udp, p, (uint8_t)iface, &group);
}

static int group_source_req(struct sock_env *env, struct udp_pcb *p, int name, const void *val, socklen_t len)
{
	bool block = name == MCAST_BLOCK_SOURCE || name == MCAST_UNBLOCK_SOURCE;
	bool add = name == MCAST_BLOCK_SOURCE || name == MCAST_JOIN_SOURCE_GROUP;
	struct group_source_req r;
	struct ip6_addr group, src;
	int iface, rc;

	if (len != sizeof(r))
		return -EINVAL;
	memcpy(&r, val, sizeof(r));
	rc = addr_in(&r.gsr_group, &group);
	if (rc == 0)
		rc = addr_in(&r.gsr_source, &src);
	if (rc < 0)
		return rc;
	iface = iface_of(env, (struct in_addr){0}, (int)r.gsr_interface);
	return iface < 0 ? iface : udp_group_source(&env->s->udp, p, (uint8_t)iface, &group, &src, block, add);
}

/* struct in_addr, ip_mreq or ip_mreqn. */
static int multicast_if(struct sock_env *env, struct udp_pcb *p, const void *val, socklen_t len)
{
	struct ip_mreqn r = {0};
	int iface;

	if (len < sizeof(struct in_addr))
		return -EINVAL;
	if (len >= sizeof(struct ip_mreq))
		mreqn_in(val, len, &r);
	else
		memcpy(&r.imr_address, val, sizeof(r.imr_address));
	iface = udp_iface(&env->s->udp, r.imr_address.s_addr, r.imr_ifindex);
	if (iface < 0 || flow_addr_is6(r.imr_address.s_addr)) /* it is the source, also beside an index: never a number */
		return -EADDRNOTAVAIL;
	p->mc_iface = (uint8_t)iface;
	p->mc_laddr_be = r.imr_address.s_addr;
	udp_path_forget(&env->s->udp, p);
	return 0;
}

static int multicast_ttl(struct udp_pcb *p, int v)
{
	if (v < -1 || v > 255)
		return -EINVAL;
	p->mc_ttl = v == -1 ? 1 : (uint8_t)v;
	return 0;
}

static int mtu_discover(struct udp_pcb *p, int v)
{
	if (v < IP_PMTUDISC_DONT || v > IP_PMTUDISC_OMIT)
		return -EINVAL;
	p->pmtudisc = (uint8_t)v;
	return 0;
}

int sock_ip_set(struct sock_env *env, struct udp_pcb *p, int level, int name, const void *val, socklen_t len)
{
	uint16_t bit = bit_of(level, name);
	int v = 0, rc = int_in(val, len, &v);

	if (bit != 0)
		return rc < 0 ? rc : bit_set(p, bit, v);
	if (level != IPPROTO_IP)
		return -ENOPROTOOPT;
	switch (name) {
	case IP_MTU_DISCOVER:
		return rc < 0 ? rc : mtu_discover(p, v);
	case IP_MULTICAST_TTL:
		return rc < 0 ? rc : multicast_ttl(p, v);
	case IP_MULTICAST_IF:
		return multicast_if(env, p, val, len);
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		return membership(env, p, name == IP_ADD_MEMBERSHIP, val, len);
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
		return source_membership(env, p, name, val, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		return group_req(env, p, name == MCAST_JOIN_GROUP, val, len);
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		return group_source_req(env, p, name, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

int sock_ip_get(struct sock_env *env, struct udp_pcb *p, int level, int name, void *val, socklen_t *len)
{
	uint16_t bit = bit_of(level, name);
	struct in_addr addr = {.s_addr = p->mc_laddr_be};
	int v;

	if (bit != 0) {
		v = (p->opts & bit) != 0;
		return out(&v, sizeof(v), val, len);
	}
	if (level != IPPROTO_IP)
		return -ENOPROTOOPT;
	switch (name) {
	case IP_MTU_DISCOVER:
		v = p->pmtudisc;
		return out(&v, sizeof(v), val, len);
	case IP_MULTICAST_TTL:
		v = p->mc_ttl;
		return out(&v, sizeof(v), val, len);
	case IP_MULTICAST_IF:
		return out(&addr, sizeof(addr), val, len);
	case IP_MTU:
		v = udp_mtu(&env->s->udp, p);
		return v < 0 ? v : out(&v, sizeof(v), val, len);
	default:
		return -ENOPROTOOPT;
	}
}
