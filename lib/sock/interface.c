/* interface.c: what programs ask about network interfaces: SIOCGIF* of netdevice(7). They are numbered from 1 on, lo behind
 * all others. */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include <linux/sockios.h>

#include "sock/interface.h"

/* Names of devices may be longer than those of this interface, which are cut. */
static void name_out(const struct net *n, uint32_t iface, char name[IFNAMSIZ])
{
	snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, n->iface[iface].name);
}

static int by_name(const struct net *n, const char *name)
{
	char have[IFNAMSIZ];

	for (uint32_t i = 0; i <= NET_IFACE_LO; i++) {
		if (!net_iface_exists(n, i))
			continue;
		name_out(n, i, have);
		if (strncmp(have, name, IFNAMSIZ) == 0)
			return (int)i;
	}
	return -ENODEV;
}

static void addr_set(struct sockaddr *to, rte_be32_t addr_be)
{
	const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = addr_be};

	memcpy(to, &in, sizeof(in));
}

/* Its first IPv4 address, in the order added; NULL: none. */
static const struct net_addr *first_addr(const struct net *n, uint8_t iface)
{
	for (uint32_t s = 0; s < n->n_addrs; s++)
		for (uint32_t i = 0; i < n->n_addrs; i++)
			if (n->addr[i].addr_be == n->source_be[s] && n->addr[i].iface == iface)
				return &n->addr[i];
	return NULL;
}

static rte_be32_t netmask_be(const struct net_addr *a)
{
	return a->prefix_len == 0 ? 0 : rte_cpu_to_be_32(UINT32_MAX << (32 - a->prefix_len));
}

static int address(const struct net *n, uint8_t iface, unsigned long request, struct ifreq *r)
{
	const struct net_addr lo = {.addr_be = NET_LOOPBACK_BE, .prefix_len = 8, .iface = NET_IFACE_LO};
	const struct net_addr *a = iface == NET_IFACE_LO ? &lo : first_addr(n, iface);

	if (a == NULL)
		return -EADDRNOTAVAIL;
	if (request == SIOCGIFNETMASK)
		addr_set(&r->ifr_netmask, netmask_be(a));
	else if (request == SIOCGIFBRDADDR)
		addr_set(&r->ifr_broadaddr, a->prefix_len < 31 ? a->addr_be | ~netmask_be(a) : 0);
	else
		addr_set(&r->ifr_addr, a->addr_be);
	return 0;
}

static int about(const struct net *n, uint8_t iface, unsigned long request, struct ifreq *r)
{
	const struct net_iface *i = &n->iface[iface];

	switch (request) {
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
		return address(n, iface, request, r);
	case SIOCGIFFLAGS:
		r->ifr_flags = (short)(IFF_UP | (iface == NET_IFACE_LO ? IFF_LOOPBACK | IFF_RUNNING : IFF_BROADCAST | IFF_MULTICAST) |
				       (i->up ? IFF_RUNNING : 0));
		return 0;
	case SIOCGIFMTU:
		r->ifr_mtu = i->mtu;
		return 0;
	case SIOCGIFHWADDR:
		r->ifr_hwaddr = (struct sockaddr){.sa_family = iface == NET_IFACE_LO ? ARPHRD_LOOPBACK : ARPHRD_ETHER};
		memcpy(r->ifr_hwaddr.sa_data, &i->mac, sizeof(i->mac));
		return 0;
	default: /* SIOCGIFINDEX */
		r->ifr_ifindex = iface + 1;
		return 0;
	}
}

/* Every IPv4 address, lo's the last, with its interface's name; without a buffer only how much room they take. */
static int list(const struct net *n, struct ifconf *conf)
{
	uint32_t all = n->n_addrs + 1;
	uint32_t room = conf->ifc_buf != NULL ? (uint32_t)RTE_MAX(conf->ifc_len, 0) / (uint32_t)sizeof(struct ifreq) : all;
	uint32_t count = RTE_MIN(room, all);

	conf->ifc_len = (int)(count * sizeof(struct ifreq));
	for (uint32_t i = 0; conf->ifc_buf != NULL && i < count; i++) {
		bool lo = i == n->n_addrs;
		struct ifreq r = {0};

		name_out(n, lo ? NET_IFACE_LO : n->addr[i].iface, r.ifr_name);
		addr_set(&r.ifr_addr, lo ? NET_LOOPBACK_BE : n->addr[i].addr_be);
		memcpy(&conf->ifc_req[i], &r, sizeof(r));
	}
	return 0;
}

int sock_interface_ioctl(const struct net *n, unsigned long request, void *arg)
{
	struct ifreq *r = arg;
	int iface;

	switch (request) {
	case SIOCGIFCONF:
		return arg == NULL ? -EFAULT : list(n, arg);
	case SIOCGIFNAME:
		if (arg == NULL)
			return -EFAULT;
		if (r->ifr_ifindex < 1 || !net_iface_exists(n, (uint32_t)r->ifr_ifindex - 1))
			return -ENODEV;
		name_out(n, (uint32_t)r->ifr_ifindex - 1, r->ifr_name);
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFFLAGS:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
		if (arg == NULL)
			return -EFAULT;
		iface = by_name(n, r->ifr_name);
		return iface < 0 ? iface : about(n, (uint8_t)iface, request, r);
	default:
		return -ENOTTY;
	}
}
