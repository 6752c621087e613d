/* route.c: where a destination is, and from which of our addresses it is reached. One table for both families, sorted for binary
 * search within each prefix length. */
#include "net/route.h"

#include <errno.h>
#include <string.h>

#include "net/private.h"

#define NET_THIS 0u      /* 0.0.0.0/8 and 127.0.0.0/8 never appear on a link (RFC 1122 3.2.1.3) */
#define NET_LOOPBACK 127u

static_assert(NET_ROUTES_MAX * sizeof(struct net_route) % 8 == 0, "what lies behind the table is aligned");

/* ---- prefixes ---- */

static struct ip6_addr mask_of(uint8_t prefix_len)
{
	uint32_t high = prefix_len < 64 ? prefix_len : 64, low = prefix_len - high;
	rte_be64_t half[2];
	struct ip6_addr mask;

	half[0] = high != 0 ? rte_cpu_to_be_64(UINT64_MAX << (64 - high)) : 0;
	half[1] = low != 0 ? rte_cpu_to_be_64(UINT64_MAX << (64 - low)) : 0;
	memcpy(&mask, half, sizeof(mask));
	return mask;
}

static struct ip6_addr masked(const struct ip6_addr *a, const struct ip6_addr *mask)
{
	struct ip6_addr p;
	uint64_t x[2], m[2];

	memcpy(x, a, sizeof(x));
	memcpy(m, mask, sizeof(m));
	x[0] &= m[0];
	x[1] &= m[1];
	memcpy(&p, x, sizeof(p));
	return p;
}

/* As memcmp() < 0. */
static bool addr_before(const struct ip6_addr *a, const struct ip6_addr *b)
{
	rte_be64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return x[0] != y[0] ? rte_be_to_cpu_64(x[0]) < rte_be_to_cpu_64(y[0]) : rte_be_to_cpu_64(x[1]) < rte_be_to_cpu_64(y[1]);
}

static bool addr_is_none(const struct ip6_addr *a) { return ip6_addr_eq(a, &(struct ip6_addr){{0}}); }

/* ---- the table ---- */

/* The order of the table: below 0 when a comes before b. */
static int route_order(const struct net_route *a, const struct net_route *b)
{
	int prefix;

	if (a->prefix_len != b->prefix_len)
		return a->prefix_len > b->prefix_len ? -1 : 1;
	prefix = memcmp(&a->prefix, &b->prefix, sizeof(a->prefix));
	if (prefix != 0 || a->metric == b->metric)
		return prefix;
	return a->metric < b->metric ? -1 : 1;
}

/* Where the route would stand: behind its equals. */
static uint32_t route_place(const struct net *n, const struct net_route *r)
{
	uint32_t lo = 0, hi = n->n_routes;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (route_order(&n->route[mid], r) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint64_t gateway_bit(const struct ip6_addr *gw) { return 1ull << (gw->b[15] & 63); }

/* What is derived from the table, after a change of it. */
static void routes_changed(struct net *n)
{
	uint32_t k = 0;

	n->route_gen++;
	n->gateway_bits = 0;
	for (uint32_t i = 0; i < n->n_routes; i++) {
		const struct net_route *r = &n->route[i];

		if (i == 0 || r->prefix_len != r[-1].prefix_len)
			n->route_group[k++] = (struct net_route_group){.mask = mask_of(r->prefix_len), .first = i, .prefix_len = r->prefix_len};
		if (r->type == ROUTE_GATEWAY)
			n->gateway_bits |= gateway_bit(&r->gw);
	}
	n->n_route_groups = k;
}

/* NULL: full. */
static struct net_route *route_insert(struct net *n, const struct net_route *r)
{
	uint32_t i = route_place(n, r);

	if (n->n_routes == NET_ROUTES_MAX)
		return NULL;
	memmove(&n->route[i + 1], &n->route[i], (n->n_routes - i) * sizeof(*r));
	n->route[i] = *r;
	n->n_routes++;
	routes_changed(n);
	return &n->route[i];
}

static void route_delete(struct net *n, struct net_route *r)
{
	n->n_routes--;
	memmove(r, r + 1, (size_t)(&n->route[n->n_routes] - r) * sizeof(*r));
	routes_changed(n);
}

/* The shortest prefix that may lead to a: ::/0 is not the way to IPv4. */
static uint8_t shortest_to(const struct ip6_addr *a) { return ip6_addr_is_mapped(a) ? NET_PREFIX4 : 0; }

/* The first route of group g to a, and behind it, until *end, the others to the same prefix; NULL: the group has none. */
static const struct net_route *group_find(const struct net *n, uint32_t g, const struct ip6_addr *a, const struct net_route **end)
{
	const struct net_route_group *group = &n->route_group[g];
	uint32_t stop = g + 1 < n->n_route_groups ? group[1].first : n->n_routes, lo = group->first, hi = stop;
	struct ip6_addr prefix = masked(a, &group->mask);

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (addr_before(&n->route[mid].prefix, &prefix))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == stop || !ip6_addr_eq(&n->route[lo].prefix, &prefix))
		return NULL;
	for (hi = lo + 1; hi < stop && ip6_addr_eq(&n->route[hi].prefix, &prefix);)
		hi++;
	*end = &n->route[hi];
	return &n->route[lo];
}

/* ---- networks that we are on ---- */

/* The on-link route of exactly this prefix. */
static struct net_route *route_onlink_of(struct net *n, uint8_t iface, const struct ip6_addr *prefix, uint8_t prefix_len)
{
	for (uint32_t i = 0; i < n->n_routes; i++) {
		struct net_route *r = &n->route[i];

		if (r->type == ROUTE_ONLINK && r->prefix_len == prefix_len && r->iface == iface && r->metric == 0 &&
		    ip6_addr_eq(&r->prefix, prefix))
			return r;
	}
	return NULL;
}

/* The prefix of a network of IPv4, as a route. */
static struct net_route route_of4(uint8_t iface, uint32_t addr, uint8_t prefix_len)
{
	return (struct net_route){.prefix = ip6_addr_mapped(rte_cpu_to_be_32(addr & prefix_mask(prefix_len))),
				  .prefix_len = prefix_len + NET_PREFIX4, .type = ROUTE_ONLINK, .iface = iface};
}

int route_onlink_add(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len)
{
	struct net_route fresh = route_of4(iface, addr, prefix_len);
	struct net_route *r = route_onlink_of(n, iface, &fresh.prefix, fresh.prefix_len);
	uint16_t at;

	if (r != NULL && r->src_count > 0) {
		at = r->src_first + r->src_count++;
		for (uint32_t k = 0; k < n->n_routes; k++)
			n->route[k].src_first += &n->route[k] != r && n->route[k].src_first >= at;
		return at;
	}
	if (r == NULL)
		r = route_insert(n, &fresh);
	if (r == NULL)
		return -ENOSPC;
	r->src_first = (uint16_t)n->n_addrs;
	r->src_count = 1;
	return r->src_first;
}

uint32_t route_onlink_remove(struct net *n, uint8_t iface, uint32_t addr, uint8_t prefix_len)
{
	struct net_route want = route_of4(iface, addr, prefix_len);
	struct net_route *r = route_onlink_of(n, iface, &want.prefix, want.prefix_len);
	uint32_t at;

	SPATE_ASSERT(r != NULL && r->src_count > 0);
	at = r->src_first;
	while (n->source_be[at] != rte_cpu_to_be_32(addr))
		at++;
	r->src_count--;
	for (uint32_t k = 0; k < n->n_routes; k++)
		n->route[k].src_first -= n->route[k].src_first > at;
	if (r->src_count == 0)
		route_delete(n, r);
	return at;
}

const struct net_route *route_onlink_find6(const struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	uint8_t shortest = shortest_to(addr);

	for (uint32_t g = 0; g < n->n_route_groups && n->route_group[g].prefix_len >= shortest; g++) {
		const struct net_route *end, *r = group_find(n, g, addr, &end);

		for (; r != NULL && r < end; r++)
			if (r->type == ROUTE_ONLINK && (iface == NET_IFACE_ANY || r->iface == iface))
				return r;
	}
	return NULL;
}

const struct net_route *route_onlink_find(const struct net *n, uint8_t iface, rte_be32_t raddr_be)
{
	const struct ip6_addr a = ip6_addr_mapped(raddr_be);

	return route_onlink_find6(n, iface, &a);
}

/* ---- adding and removing ---- */

/* 0.x.y.z in disguise: nobody's, and a number among ours. */
static bool is_number(const struct ip6_addr *a) { return ip6_addr_is_mapped(a) && flow_addr_is6(ip6_addr_ip4(a)); }

static int route_check(const struct net_route *r)
{
	struct ip6_addr mask, prefix;

	if (is_number(&r->gw) || is_number(&r->src))
		return -EINVAL;
	if (r->prefix_len > 128 || r->type > ROUTE_BLACKHOLE)
		return -EINVAL;
	if (ip6_addr_is_mapped(&r->prefix) && r->prefix_len < NET_PREFIX4)
		return -EINVAL;
	mask = mask_of(r->prefix_len);
	prefix = masked(&r->prefix, &mask);
	return ip6_addr_eq(&prefix, &r->prefix) ? 0 : -EINVAL;
}

/* fe80::/10: a router is reached so without a prefix, but on a link that must be named (RFC 4291 2.5.6). */
static bool is_link_local6(const struct ip6_addr *a) { return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80; }

static bool gateway_ours(const struct net *n, const struct ip6_addr *gw)
{
	enum local_kind kind = ip6_addr_is_mapped(gw) ? net_local_find(n, ip6_addr_ip4(gw)) : LOCAL_NONE;

	if (kind == LOCAL_NONE && !ip6_addr_is_mapped(gw) && net_local6(n, gw, 0) != 0)
		return true;

	return kind == LOCAL_OURS || kind == LOCAL_BROADCAST;
}

/* The interface over which a gateway of the route's is reached, or -ENETUNREACH. */
static int gateway_iface(const struct net *n, const struct net_route *r)
{
	const struct net_route *onlink = route_onlink_find6(n, r->iface, &r->gw);

	if (gateway_ours(n, &r->gw) || ip6_addr_is_mapped(&r->gw) != ip6_addr_is_mapped(&r->prefix))
		return -ENETUNREACH;
	if (onlink != NULL)
		return onlink->iface;
	return is_link_local6(&r->gw) && r->iface < n->n_ifaces ? r->iface : -ENETUNREACH;
}

static bool route_same(const struct net_route *a, const struct net_route *b)
{
	return route_order(a, b) == 0 && a->type == b->type && a->iface == b->iface && ip6_addr_eq(&a->gw, &b->gw);
}

int net_route_add(struct net *n, const struct net_route *r)
{
	struct net_route fresh = *r;
	int rc = route_check(r);

	if (rc < 0)
		return rc;
	if (r->type == ROUTE_GATEWAY) {
		rc = gateway_iface(n, r);
		if (rc < 0)
			return rc;
		fresh.iface = (uint8_t)rc;
	} else if (r->type == ROUTE_ONLINK && r->iface >= n->n_ifaces) {
		return -EINVAL;
	}
	for (uint32_t i = route_place(n, &fresh); i > 0 && route_order(&n->route[i - 1], &fresh) == 0; i--)
		if (route_same(&n->route[i - 1], &fresh))
			return -EEXIST;
	fresh.dead = false;
	fresh.src_first = fresh.src_count = 0;
	return route_insert(n, &fresh) != NULL ? 0 : -ENOSPC;
}

/* Routes of our own networks go with their addresses only. */
static bool route_meant(const struct net_route *r, const struct net_route *want)
{
	return r->prefix_len == want->prefix_len && ip6_addr_eq(&r->prefix, &want->prefix) && r->src_count == 0 &&
	       r->type == want->type && (want->metric == 0 || r->metric == want->metric) &&
	       (want->iface == NET_IFACE_ANY || r->iface == want->iface) &&
	       (addr_is_none(&want->gw) || ip6_addr_eq(&r->gw, &want->gw));
}

int net_route_remove(struct net *n, const struct net_route *want)
{
	for (uint32_t i = 0; i < n->n_routes; i++) {
		if (route_meant(&n->route[i], want)) {
			route_delete(n, &n->route[i]);
			return 0;
		}
	}
	return -ENOENT;
}

static struct net_route gateway_default4(uint8_t iface, rte_be32_t gw_be)
{
	return (struct net_route){.prefix = ip6_addr_mapped(0), .prefix_len = NET_PREFIX4, .type = ROUTE_GATEWAY, .iface = iface,
				  .gw = ip6_addr_mapped(gw_be)};
}

int net_gw_add_on(struct net *n, uint8_t iface, rte_be32_t gw_be)
{
	const struct net_route r = gateway_default4(iface, gw_be);

	return net_route_add(n, &r);
}

int net_gw_remove(struct net *n, rte_be32_t gw_be)
{
	const struct net_route r = gateway_default4(NET_IFACE_ANY, gw_be);

	return net_route_remove(n, &r);
}

void route_gateways_check(struct net *n)
{
	for (uint32_t i = n->n_routes; i > 0; i--) {
		struct net_route *r = &n->route[i - 1];

		if (r->type == ROUTE_GATEWAY && !is_link_local6(&r->gw) && route_onlink_find6(n, r->iface, &r->gw) == NULL)
			route_delete(n, r);
	}
}

void route_gateway_set(struct net *n, uint8_t iface, const struct ip6_addr *gw, bool dead)
{
	if (!(n->gateway_bits & gateway_bit(gw))) /* most neighbours are none: many may fail at once */
		return;
	for (uint32_t i = 0; i < n->n_routes; i++) {
		struct net_route *r = &n->route[i];

		if (r->type != ROUTE_GATEWAY || r->iface != iface || !ip6_addr_eq(&r->gw, gw))
			continue;
		n->route_gen += dead != r->dead; /* paths are led anew */
		r->dead = dead;
		r->dead_tick = n->clock->tick;
	}
}

/* ---- finding ---- */

static bool route_alive(const struct net *n, const struct net_route *r)
{
	if (r->type > ROUTE_GATEWAY)
		return true;
	return n->iface[r->iface].up && (!r->dead || n->clock->tick - r->dead_tick >= ticks_from_ms(ROUTE_DEAD_MS));
}

/* As if there were no such route: its interface is switched off. */
static inline bool route_off(const struct net *n, const struct net_route *r)
{
	return r->type <= ROUTE_GATEWAY && unlikely(n->iface[r->iface].off);
}

/* One of r..end, which lead to one prefix. NULL: all are off. */
static const struct net_route *route_choose(const struct net *n, uint8_t iface, const struct net_route *r,
					    const struct net_route *end)
{
	const struct net_route *alive = NULL, *same = NULL, *any = NULL;

	for (; r < end; r++) {
		bool is_alive = route_alive(n, r), is_same = iface == NET_IFACE_ANY || r->iface == iface;

		if (route_off(n, r))
			continue;
		if (is_alive && is_same)
			return r;
		if (is_alive && alive == NULL)
			alive = r;
		if (is_same && same == NULL)
			same = r;
		if (any == NULL)
			any = r;
	}
	return alive != NULL ? alive : same != NULL ? same : any;
}

const struct net_route *net_route_lookup(const struct net *n, uint8_t iface, const struct ip6_addr *dst)
{
	uint8_t shortest = shortest_to(dst);

	for (uint32_t g = 0; g < n->n_route_groups && n->route_group[g].prefix_len >= shortest; g++) {
		const struct net_route *end, *r = group_find(n, g, dst, &end);

		r = r != NULL ? route_choose(n, iface, r, end) : NULL;
		if (r != NULL)
			return r;
	}
	return NULL;
}

/* The best route that via allows. One that refuses is of no device, and of no link. */
static const struct net_route *lookup_via(const struct net *n, uint8_t via, const struct ip6_addr *dst)
{
	uint8_t shortest = shortest_to(dst);

	for (uint32_t g = 0; g < n->n_route_groups && n->route_group[g].prefix_len >= shortest; g++) {
		const struct net_route *end, *dead = NULL;

		for (const struct net_route *r = group_find(n, g, dst, &end); r != NULL && r < end; r++) {
			if (r->type > (via & NET_VIA_ONLINK ? ROUTE_ONLINK : ROUTE_GATEWAY) || route_off(n, r) ||
			    !net_via_takes(via, r->iface))
				continue;
			if (route_alive(n, r))
				return r;
			dead = dead != NULL ? dead : r;
		}
		if (dead != NULL)
			return dead;
	}
	return NULL;
}

int route_via(const struct net *n, uint8_t via, const struct ip6_addr *dst, uint8_t *iface, const struct net_route **r)
{
	*r = lookup_via(n, via, dst);
	*iface = *r != NULL ? (*r)->iface : net_via_iface(via);
	if (*r == NULL && (!ip6_addr_is_mapped(dst) || *iface == NET_IFACE_ANY || n->iface[*iface].off))
		return -ENETUNREACH;
	return 0;
}

int net_route_error(const struct net_route *r)
{
	static const int err[] = {[ROUTE_UNREACHABLE] = -EHOSTUNREACH, [ROUTE_PROHIBIT] = -EACCES, [ROUTE_BLACKHOLE] = -EINVAL};

	return r == NULL ? -ENETUNREACH : err[r->type]; /* as Linux says it, connect-semantics F41 to F44 */
}

const struct net_route *route_find_from(const struct net *n, uint8_t iface, rte_be32_t raddr_be)
{
	uint32_t net8 = rte_be_to_cpu_32(raddr_be) >> 24;
	const struct ip6_addr dst = ip6_addr_mapped(raddr_be);

	if (net8 == NET_THIS || net8 == NET_LOOPBACK || IN_MULTICAST(rte_be_to_cpu_32(raddr_be)) ||
	    raddr_be == INADDR_BROADCAST || net_local_find(n, raddr_be) == LOCAL_BROADCAST)
		return NULL;
	return net_route_lookup(n, iface, &dst);
}

const struct net_route *net_route_find(const struct net *n, rte_be32_t raddr_be)
{
	return route_find_from(n, NET_IFACE_ANY, raddr_be);
}

static const rte_be32_t loopback_be = NET_LOOPBACK_BE;

/* Our address in the list of sources, or NULL. */
static const rte_be32_t *source_at(const struct net *n, rte_be32_t addr_be)
{
	for (uint32_t i = 0; i < n->n_addrs; i++)
		if (n->source_be[i] == addr_be)
			return &n->source_be[i];
	return NULL;
}

/* From 127.0.0.1 to all of its network, else from the address itself. */
static const rte_be32_t *source_to_self(const struct net *n, rte_be32_t raddr_be)
{
	return net_is_loopback4(raddr_be) ? &loopback_be : source_at(n, raddr_be);
}

/* The route's preferred source, if it is one of our addresses. */
static const rte_be32_t *source_preferred(const struct net *n, const struct net_route *r)
{
	rte_be32_t src_be = ip6_addr_ip4(&r->src);

	return addr_is_none(&r->src) || !net_is_local(n, src_be) ? NULL : source_at(n, src_be);
}

/* Those of the interface's first network, else all. */
static const rte_be32_t *sources_on(const struct net *n, uint8_t iface, uint32_t *count)
{
	for (uint32_t i = 0; i < n->n_routes; i++) {
		if (n->route[i].src_count > 0 && n->route[i].iface == iface) {
			*count = n->route[i].src_count;
			return &n->source_be[n->route[i].src_first];
		}
	}
	*count = n->n_addrs;
	return n->n_addrs > 0 ? n->source_be : NULL;
}

/* Those of the network that the packets leave to, else of the interface, else all. */
static const rte_be32_t *sources_of(const struct net *n, const struct net_route *r, uint32_t *count)
{
	const struct net_route *onlink = r->type == ROUTE_GATEWAY ? route_onlink_find6(n, r->iface, &r->gw) : r;

	if (onlink != NULL && onlink->src_count > 0) {
		*count = onlink->src_count;
		return &n->source_be[onlink->src_first];
	}
	return sources_on(n, r->iface, count);
}

int net_unreachable_via(const struct net *n, rte_be32_t raddr_be, uint8_t via)
{
	const struct ip6_addr dst = ip6_addr_mapped(raddr_be);
	const struct net_route *r;
	uint8_t iface;

	return via != 0 ? route_via(n, via, &dst, &iface, &r) : net_unreachable(n, raddr_be);
}

static const rte_be32_t *sources_find(const struct net *n, rte_be32_t raddr_be, uint8_t via, uint32_t *count)
{
	const struct ip6_addr dst = ip6_addr_mapped(raddr_be);
	bool self = net_is_local(n, raddr_be);
	uint8_t iface = net_via_iface(via);
	const struct net_route *r = NULL;
	const rte_be32_t *one;

	*count = 1;
	if (self && net_via_takes(via, net_local_iface(n, raddr_be)))
		return source_to_self(n, raddr_be);
	*count = 0;
	if (via == 0) {
		r = net_route_find(n, raddr_be);
		if (net_route_error(r) != 0)
			return NULL;
	} else if (!self && route_via(n, via, &dst, &iface, &r) != 0) {
		return NULL;
	}
	one = r != NULL ? source_preferred(n, r) : iface == NET_IFACE_LO && n->n_addrs == 0 ? &loopback_be : NULL;
	if (one == NULL)
		return r != NULL ? sources_of(n, r, count) : sources_on(n, iface, count);
	*count = 1;
	return one;
}

const rte_be32_t *net_sources_via(struct net *n, rte_be32_t raddr_be, uint8_t via, uint32_t *count)
{
	if (n->last.gen != n->route_gen || n->last.tick != n->clock->tick || n->last.raddr_be != raddr_be || n->last.via != via) {
		n->last.from = sources_find(n, raddr_be, via, &n->last.count);
		n->last.raddr_be = raddr_be;
		n->last.via = via;
		n->last.gen = n->route_gen;
		n->last.tick = n->clock->tick;
	}
	*count = n->last.count;
	return n->last.from;
}

rte_be32_t net_source_to_group(const struct net *n, uint8_t iface, rte_be32_t group_be, int *err)
{
	const struct ip6_addr dst = ip6_addr_mapped(group_be);
	const struct net_route *r = route_onlink_find(n, iface, group_be); /* of a directed broadcast */
	const rte_be32_t *from;
	uint32_t count;

	*err = -ENETUNREACH;
	if (group_be == NET_LOOPBACK_BROADCAST_BE)
		return NET_LOOPBACK_BE;
	if (r == NULL || r->src_count == 0)
		r = net_route_lookup(n, iface, &dst);
	if (r != NULL && net_route_error(r) != 0) {
		*err = net_route_error(r);
		return 0;
	}
	if (r != NULL && (iface == NET_IFACE_ANY || r->iface == iface)) {
		from = source_preferred(n, r);
		if (from == NULL)
			from = sources_of(n, r, &count);
		return from != NULL ? *from : 0;
	}
	for (uint32_t i = 0; i < n->n_addrs; i++) /* groups need no route: the first interface, or the one that was asked for */
		if (iface == NET_IFACE_ANY || net_local_iface(n, n->source_be[i]) == iface)
			return n->source_be[i];
	return 0;
}
