/* scope.c: interfaces by number, as programs know them: if_nametoindex() tells the kernel's, spate counts its own (the first is 1).
 * Whatever carries one is translated on its way in and out. An interface that the kernel has not keeps spate's number. */
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>

#include "svc/server.h"

#define NO_SCOPE 0x7fffffffu /* no interface has it */

/* Where an option has one. */
static const struct {
	int level, name;
	uint32_t at, len; /* len: of those that are long enough to have it */
	bool be;
} options[] = {
	{SOL_SOCKET, SO_BINDTOIFINDEX, 0, sizeof(int), false},
	{IPPROTO_IP, IP_UNICAST_IF, 0, sizeof(int), true},
	{IPPROTO_IP, IP_MULTICAST_IF, offsetof(struct ip_mreqn, imr_ifindex), sizeof(struct ip_mreqn), false},
	{IPPROTO_IP, IP_ADD_MEMBERSHIP, offsetof(struct ip_mreqn, imr_ifindex), sizeof(struct ip_mreqn), false},
	{IPPROTO_IP, IP_DROP_MEMBERSHIP, offsetof(struct ip_mreqn, imr_ifindex), sizeof(struct ip_mreqn), false},
	{IPPROTO_IPV6, IPV6_UNICAST_IF, 0, sizeof(int), true},
	{IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, sizeof(int), false},
	{IPPROTO_IPV6, IPV6_JOIN_GROUP, offsetof(struct ipv6_mreq, ipv6mr_interface), sizeof(struct ipv6_mreq), false},
	{IPPROTO_IPV6, IPV6_LEAVE_GROUP, offsetof(struct ipv6_mreq, ipv6mr_interface), sizeof(struct ipv6_mreq), false},
};

/* The kernel's number of spate's interface i, asked once. */
static uint32_t kernel_index(struct svc_server *v, uint32_t i)
{
	const struct net *net = &v->env->s->net;

	if (v->scope[i] == 0) {
		v->scope[i] = if_nametoindex(i == NET_IFACE_LO ? "lo" : net->iface[i].name);
		if (v->scope[i] == 0)
			v->scope[i] = i + 1;
	}
	return v->scope[i];
}

uint32_t svc_scope_ours(struct svc_server *v, uint32_t theirs)
{
	if (theirs == 0)
		return 0;
	for (uint32_t i = 0; i <= NET_IFACE_LO; i++)
		if (net_iface_exists(&v->env->s->net, i) && kernel_index(v, i) == theirs)
			return i + 1;
	return NO_SCOPE;
}

uint32_t svc_scope_theirs(struct svc_server *v, uint32_t ours)
{
	return ours != 0 && net_iface_exists(&v->env->s->net, ours - 1) ? kernel_index(v, ours - 1) : ours;
}

static uint32_t turned(struct svc_server *v, uint32_t scope, bool in)
{
	return in ? svc_scope_ours(v, scope) : svc_scope_theirs(v, scope);
}

static void turn_at(struct svc_server *v, uint8_t *at, bool be, bool in)
{
	uint32_t scope;

	memcpy(&scope, at, sizeof(scope));
	scope = be ? rte_cpu_to_be_32(turned(v, rte_be_to_cpu_32(scope), in)) : turned(v, scope, in);
	memcpy(at, &scope, sizeof(scope));
}

void svc_scope_addr(struct svc_server *v, struct sockaddr_storage *addr, socklen_t len, bool in)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;

	if (len >= sizeof(*in6) && addr->ss_family == AF_INET6 && in6->sin6_scope_id != 0)
		in6->sin6_scope_id = turned(v, in6->sin6_scope_id, in);
}

void svc_scope_option(struct svc_server *v, int level, int name, uint8_t *val, socklen_t len, bool in)
{
	for (size_t i = 0; i < RTE_DIM(options); i++)
		if (options[i].level == level && options[i].name == name && len >= options[i].len)
			turn_at(v, val + options[i].at, options[i].be, in);
}

void svc_scope_control(struct svc_server *v, struct msghdr *msg, bool in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo)))
			turn_at(v, CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_ifindex), false, in);
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo)))
			turn_at(v, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_ifindex), false, in);
	}
}

void svc_scope_ioctl(struct svc_server *v, uint64_t request, uint8_t *arg, uint32_t len, bool in)
{
	if (len >= sizeof(struct ifreq) && request == (in ? SIOCGIFNAME : SIOCGIFINDEX))
		turn_at(v, arg + offsetof(struct ifreq, ifr_ifindex), false, in);
}
