/* addr.c: our addresses: added at start and while we run, removed while connections still use them. */
#include <errno.h>
#include <string.h>

#include "net/net6.h"
#include "net/route.h"

#define MULTICAST_FIRST 0xe0000000u /* multicast, reserved and limited broadcast lie from here on */

static void local_set(struct net *n, rte_be32_t addr_be, enum local_kind kind, uint8_t iface)
{
	uint32_t i = rte_be_to_cpu_32(addr_be) * 2654435769u >> (32 - NET_LOCAL_BITS);

	while (n->local[i].addr_be != 0 && n->local[i].addr_be != addr_be)
		i = (i + 1) % NET_LOCAL_SLOTS;
	n->local[i] = (struct net_local){.addr_be = addr_be, .kind = (uint8_t)kind, .iface = iface};
}

static rte_be32_t broadcast_of(rte_be32_t addr_be, uint8_t prefix_len)
{
	return addr_be | rte_cpu_to_be_32(~prefix_mask(prefix_len));
}

static void local_set_ours(struct net *n, const struct net_addr *a)
{
	rte_be32_t broadcast_be = broadcast_of(a->addr_be, a->prefix_len);

	local_set(n, a->addr_be, LOCAL_OURS, a->iface);
	if (a->prefix_len < 31 && !net_is_local(n, broadcast_be))
		local_set(n, broadcast_be, LOCAL_BROADCAST, a->iface);
}

/* The set has no holes, so what leaves it leaves by making it anew. Old ones first: what is ours overrides them. */
static void local_rebuild(struct net *n)
{
	uint32_t n_old = RTE_MIN(n->n_old, (uint32_t)LOCAL_OLD_MAX);

	memset(n->local, 0, NET_LOCAL_SLOTS * sizeof(n->local[0]));
	for (uint32_t i = 0; i < n_old; i++)
		local_set(n, n->old_be[i], LOCAL_OLD, 0);
	for (uint32_t i = 0; i < n->n_addrs; i++)
		local_set_ours(n, &n->addr[i]);
}

static int addr_check(const struct net *n, uint8_t iface, rte_be32_t addr_be, uint8_t prefix_len)
{
	uint32_t addr = rte_be_to_cpu_32(addr_be);

	if (iface >= n->n_ifaces || prefix_len > 32 || addr <= FLOW_ADDR6_MAX || addr >= MULTICAST_FIRST ||
	    net_is_loopback4(addr_be))
		return -EINVAL;
	if (prefix_len < 31 && addr_be == broadcast_of(addr_be, prefix_len))
		return -EINVAL;
	if (net_is_local(n, addr_be))
		return -EEXIST;
	return n->n_addrs < LOCAL_ADDRS_MAX ? 0 : -ENOSPC;
}

int net_addr_add_on(struct net *n, uint8_t iface, rte_be32_t addr_be, uint8_t prefix_len)
{
	uint32_t addr = rte_be_to_cpu_32(addr_be), i = n->n_addrs;
	int at = addr_check(n, iface, addr_be, prefix_len);

	if (at < 0)
		return at;
	at = route_onlink_add(n, iface, addr, prefix_len);
	if (at < 0)
		return at;
	memmove(&n->source_be[at + 1], &n->source_be[at], (n->n_addrs - (uint32_t)at) * sizeof(n->source_be[0]));
	n->source_be[at] = addr_be;
	for (; i > 0 && rte_be_to_cpu_32(n->addr[i - 1].addr_be) > addr; i--)
		n->addr[i] = n->addr[i - 1];
	n->addr[i] = (struct net_addr){.addr_be = addr_be, .prefix_len = prefix_len, .iface = iface};
	n->n_addrs++;
	n->route_gen++;
	local_set_ours(n, &n->addr[i]);
	return 0;
}

int net_addr_add(struct net *n, rte_be32_t addr_be, uint8_t prefix_len)
{
	int iface = net_iface_get(n, 0, 0, 0);

	return iface < 0 ? iface : net_addr_add_on(n, (uint8_t)iface, addr_be, prefix_len);
}

int net_addr_remove(struct net *n, rte_be32_t addr_be)
{
	struct net_addr gone;
	uint32_t i = 0, at;

	while (i < n->n_addrs && n->addr[i].addr_be != addr_be)
		i++;
	if (i == n->n_addrs)
		return -ENOENT;
	gone = n->addr[i];
	at = route_onlink_remove(n, gone.iface, rte_be_to_cpu_32(addr_be), gone.prefix_len);
	n->n_addrs--;
	memmove(&n->addr[i], &n->addr[i + 1], (n->n_addrs - i) * sizeof(n->addr[0]));
	memmove(&n->source_be[at], &n->source_be[at + 1], (n->n_addrs - at) * sizeof(n->source_be[0]));
	n->source_be[n->n_addrs] = 0;
	route_gateways_check(n);
	n->route_gen++;
	n->old_be[n->n_old++ % LOCAL_OLD_MAX] = addr_be;
	local_rebuild(n);
	return 0;
}

bool net_is_local(const struct net *n, rte_be32_t addr_be)
{
	if (unlikely(flow_addr_is6(addr_be)))
		return local6_usable(local6_mark(n, addr_be));
	if (unlikely(net_is_loopback4(addr_be)))
		return addr_be != NET_LOOPBACK_BROADCAST_BE;
	return net_local_find(n, addr_be) == LOCAL_OURS;
}

bool net_is_broadcast(const struct net *n, rte_be32_t addr_be)
{
	return addr_be == RTE_BE32(UINT32_MAX) || addr_be == NET_LOOPBACK_BROADCAST_BE ||
	       net_local_find(n, addr_be) == LOCAL_BROADCAST;
}
