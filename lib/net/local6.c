/* local6.c: our IPv6 addresses: added at start, while we run, and by what routers say; tentative until nobody else is heard
 * using them (RFC 4862); removed while connections still use them. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/group.h"
#include "net/net6.h"
#include "net/route.h"

#define INTERFACE_ID_BITS 64

static void mark_set(struct net *n, const struct net_addr6 *a, enum local_kind kind)
{
	addr6_at(&n->flow->addr6s, a->addr_be)->mark = (uint32_t)kind | (uint32_t)a->iface << 8;
}

void local6_state(struct net *n, struct net_addr6 *a, enum addr6_state state)
{
	bool usable = state == ADDR6_PREFERRED || state == ADDR6_DEPRECATED;

	n->net6->n_tentative += (state == ADDR6_TENTATIVE) - (a->state == ADDR6_TENTATIVE);
	a->state = (uint8_t)state;
	mark_set(n, a, usable ? LOCAL_OURS : LOCAL_TENTATIVE);
	n->route_gen++;
}

struct net_addr6 *local6_at(struct net *n, uint8_t iface, const struct ip6_addr *a)
{
	rte_be32_t addr_be = number6(n, a, iface);

	for (uint32_t i = 0; addr_be != 0 && i < n->net6->n_addrs; i++)
		if (n->net6->addr[i].addr_be == addr_be)
			return &n->net6->addr[i];
	return NULL;
}

/* ---- the groups in which they are asked for (RFC 4291 2.7.1) ---- */

void local6_group_join(struct net *n, const struct net_addr6 *a)
{
	const struct ip6_addr group = ip6_addr_solicited(net_addr6_at(n, a->addr_be));

	/* Half are for sockets. Routers that snoop on MLD pass on what nobody reported, too, if they follow RFC 4541 2.1.2. */
	if (n->announce.leader && n->groups.group.used < GROUPS_MAX / 2)
		net_group_join(n, a->iface, &group, 0);
}

void local6_groups_join(struct net *n)
{
	for (uint32_t i = 0; i < n->net6->n_addrs; i++)
		local6_group_join(n, &n->net6->addr[i]);
}

/* Unless another one is asked for there, too. */
static void group_leave(struct net *n, const struct net_addr6 *but)
{
	const struct ip6_addr group = ip6_addr_solicited(net_addr6_at(n, but->addr_be));

	for (uint32_t i = 0; i < n->net6->n_addrs; i++) {
		const struct net_addr6 *a = &n->net6->addr[i];
		const struct ip6_addr other = ip6_addr_solicited(net_addr6_at(n, a->addr_be));

		if (a != but && a->iface == but->iface && ip6_addr_eq(&group, &other))
			return;
	}
	if (n->announce.leader)
		net_group_leave(n, but->iface, &group, 0);
}

static struct net_route prefix_route(uint8_t iface, const struct ip6_addr *a, uint8_t prefix_len)
{
	struct net_route r = {.prefix_len = prefix_len, .type = ROUTE_ONLINK, .iface = iface};

	for (uint8_t i = 0; i < prefix_len; i++)
		r.prefix.b[i / 8] |= a->b[i / 8] & 0x80 >> i % 8;
	return r;
}

/* Does one of our addresses, but this, bring the same prefix? */
static bool prefix_shared(const struct net *n, const struct net_addr6 *but, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < n->net6->n_addrs; i++) {
		const struct net_addr6 *x = &n->net6->addr[i];

		if (x != but && !x->autoconf && x->iface == but->iface && x->prefix_len == but->prefix_len &&
		    ip6_addr_common(net_addr6_at(n, x->addr_be), a) >= but->prefix_len)
			return true;
	}
	return false;
}

/* Link-local addresses need no route, those that routers' prefixes made have the prefix's, and a /128 is nobody but us. */
static bool has_prefix_route(const struct net_addr6 *a, const struct ip6_addr *addr)
{
	return !a->autoconf && a->prefix_len < 128 && !ip6_addr_is_linklocal(addr);
}

static int addr_check(struct net *n, uint8_t iface, const struct ip6_addr *a, uint8_t prefix_len)
{
	if (iface >= n->n_ifaces || prefix_len > 128 || ip6_addr_is_none(a) || ip6_addr_is_multicast(a) || ip6_addr_is_loopback(a) ||
	    ip6_addr_is_mapped(a))
		return -EINVAL;
	if (local6_at(n, iface, a) != NULL)
		return -EEXIST;
	return n->net6->n_addrs < LOCAL_ADDRS_MAX ? 0 : -ENOSPC;
}

int local6_add(struct net *n, uint8_t iface, const struct ip6_addr *a, uint8_t prefix_len, bool autoconf, uint32_t valid_s,
	       uint32_t preferred_s)
{
	struct net_addr6 *x = &n->net6->addr[n->net6->n_addrs];
	int rc = addr_check(n, iface, a, prefix_len), routed = -1;
	struct net_route r;

	if (rc < 0)
		return rc;
	*x = (struct net_addr6){.iface = iface, .prefix_len = prefix_len, .autoconf = autoconf, .valid_s = valid_s,
				.preferred_s = preferred_s, .state = ADDR6_PREFERRED};
	r = prefix_route(iface, a, prefix_len);
	if (has_prefix_route(x, a)) {
		routed = net_route_add(n, &r);
		if (routed < 0 && routed != -EEXIST)
			return routed;
	}
	x->addr_be = addr6_get(&n->flow->addr6s, a, scope6_of(a, iface));
	if (x->addr_be == 0) {
		if (routed == 0)
			net_route_remove(n, &r);
		return -ENOSPC;
	}
	n->net6->n_addrs++;
	x->due_tick = n->clock->tick + prng_below(n->flow->prng, ticks_from_ms(NDP_START_MS));
	local6_state(n, x, n->net6->set.dad ? ADDR6_TENTATIVE : ADDR6_PREFERRED);
	local6_group_join(n, x);
	if (n->announce.leader)
		group_filter_ports(n); /* its solicited-node group */
	return 0;
}

void local6_remove(struct net *n, struct net_addr6 *a)
{
	const struct ip6_addr addr = *net_addr6_at(n, a->addr_be);
	struct net_addr6 gone = *a;

	group_leave(n, a);
	local6_state(n, a, ADDR6_DUPLICATE); /* counted as nothing */
	mark_set(n, a, LOCAL_OLD); /* as long as something holds the number */
	if (has_prefix_route(a, &addr) && !prefix_shared(n, a, &addr)) {
		const struct net_route r = prefix_route(gone.iface, &addr, gone.prefix_len);

		net_route_remove(n, &r);
	}
	n->net6->n_addrs--;
	memmove(a, a + 1, (size_t)(&n->net6->addr[n->net6->n_addrs] - a) * sizeof(*a));
	addr6_put(&n->flow->addr6s, gone.addr_be);
	route_gateways_check(n);
	n->route_gen++;
}

struct ip6_addr local6_eui64(const struct net_iface *ifc, const struct ip6_addr *prefix)
{
	const uint8_t *mac = ifc->mac.addr_bytes;
	struct ip6_addr a = *prefix;

	memcpy(a.b + 8, (const uint8_t[]){mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]}, 8);
	return a;
}

int net_ip6_enable(struct net *n, uint8_t iface)
{
	const struct ip6_addr linklocal = {{0xfe, 0x80}};
	struct ip6_addr a;
	int rc;

	if (iface >= n->n_ifaces)
		return -EINVAL;
	if (n->iface[iface].ip6)
		return 0;
	if (n->iface[iface].mtu < IP6_MTU_MIN)
		return -EMSGSIZE;
	a = local6_eui64(&n->iface[iface], &linklocal);
	rc = local6_add(n, iface, &a, INTERFACE_ID_BITS, false, NET6_FOREVER, NET6_FOREVER);
	if (rc < 0 && rc != -EEXIST)
		return rc;
	n->iface[iface].ip6 = true;
	n->net6->iface[iface] = (struct net6_iface){.hops = NET_TTL};
	if (n->net6->set.routers)
		router_ask_begin(n, iface);
	return 0;
}

int net_addr6_add_on(struct net *n, uint8_t iface, const struct ip6_addr *a, uint8_t prefix_len)
{
	int rc = addr_check(n, iface, a, prefix_len);

	if (rc == 0)
		rc = net_ip6_enable(n, iface);
	return rc == 0 ? local6_add(n, iface, a, prefix_len, false, NET6_FOREVER, NET6_FOREVER) : rc;
}

int net_addr6_remove(struct net *n, uint8_t iface, const struct ip6_addr *a)
{
	struct net_addr6 *x = local6_at(n, iface, a);

	if (x == NULL || (iface != NET_IFACE_ANY && x->iface != iface))
		return -ENOENT;
	local6_remove(n, x);
	return 0;
}

rte_be32_t net_local6(const struct net *n, const struct ip6_addr *a, uint32_t scope_id)
{
	rte_be32_t addr_be = addr6_find(&n->flow->addr6s, a, ip6_addr_is_linklocal(a) ? scope_id : 0);

	return local6_usable(local6_mark(n, addr_be)) ? addr_be : 0;
}

uint8_t net_local6_iface(const struct net *n, rte_be32_t number_be) { return local6_iface_of(local6_mark(n, number_be)); }

bool net_ip6_settled(const struct net *n) { return n->net6->n_tentative == 0; }

static bool usable(const struct net_addr6 *a) { return a->state == ADDR6_PREFERRED || a->state == ADDR6_DEPRECATED; }

const struct net_addr6 *local6_towards(const struct net *n, uint8_t iface, const struct ip6_addr *neighbour)
{
	const struct net_addr6 *best = NULL;

	for (uint32_t i = 0; i < n->net6->n_addrs; i++) {
		const struct net_addr6 *a = &n->net6->addr[i];
		const struct ip6_addr *addr = net_addr6_at(n, a->addr_be);

		if (a->iface != iface || !usable(a))
			continue;
		if (ip6_addr_common(addr, neighbour) >= a->prefix_len)
			return a;
		if (best == NULL || ip6_addr_is_linklocal(addr))
			best = a;
	}
	return best;
}
