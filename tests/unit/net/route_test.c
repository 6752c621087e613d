/* route_test.c: local addresses, routes, sources, paths, and the packets that leave over them or come back to us. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#include "net/mail.h"
#include "net/route.h"
#include "wire/cksum.h"

static void addresses(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;

	assert_int_equal(net_addr_add(n, US, 24), -EEXIST);
	assert_int_equal(net_addr_add(n, 0, 24), -EINVAL);
	assert_int_equal(net_addr_add(n, IP(0, 0, 0, 5), 24), -EINVAL); /* inside that is a number */
	assert_int_equal(net_addr_add(n, IP(0, 255, 255, 254), 24), -EINVAL);
	assert_int_equal(net_addr_add(n, IP(224, 0, 0, 1), 24), -EINVAL);
	assert_int_equal(net_addr_add(n, IP(255, 255, 255, 255), 32), -EINVAL);
	assert_int_equal(net_addr_add(n, IP(10, 1, 0, 1), 33), -EINVAL);
	assert_int_equal(net_addr_add(n, IP(10, 1, 0, 1), 255), -EINVAL);
	assert_int_equal(net_addr_add(n, IP(10, 1, 0, 255), 24), -EINVAL); /* the prefix's broadcast address */
	assert_int_equal(n->n_addrs, 1);
	assert_true(net_is_local(n, US));
	assert_false(net_is_local(n, PEER));
	assert_false(net_is_local(n, 0));
	assert_false(net_is_local(n, IP(10, 0, 0, 255)));
	for (uint32_t i = 1; i < LOCAL_ADDRS_MAX; i++)
		assert_int_equal(net_addr_add(n, rte_cpu_to_be_32(0x0b000000 + i * 3), 16), 0);
	assert_int_equal(net_addr_add(n, IP(12, 0, 0, 1), 16), -ENOSPC);
	assert_int_equal(n->n_routes, 2);
	for (uint32_t i = 1; i < LOCAL_ADDRS_MAX * 3; i++)
		assert_int_equal(net_is_local(n, rte_cpu_to_be_32(0x0b000000 + i)), i % 3 == 0);
	for (uint32_t i = 1; i < n->n_addrs; i++)
		assert_true(rte_be_to_cpu_32(n->addr[i - 1].addr_be) < rte_be_to_cpu_32(n->addr[i].addr_be));
	assert_int_equal(net_addr_add(n, US, 24), -EEXIST);
}

static struct net_route route4(enum route_type type, rte_be32_t prefix_be, uint8_t prefix_len, rte_be32_t gw_be, uint32_t metric)
{
	return (struct net_route){.prefix = ip6_addr_mapped(prefix_be), .prefix_len = NET_PREFIX4 + prefix_len, .type = (uint8_t)type,
				  .iface = NET_IFACE_ANY, .metric = metric,
				  .gw = type == ROUTE_GATEWAY ? ip6_addr_mapped(gw_be) : (struct ip6_addr){{0}}};
}

static int add_route(struct net *n, enum route_type type, rte_be32_t prefix_be, uint8_t prefix_len, rte_be32_t gw_be, uint32_t metric)
{
	const struct net_route r = route4(type, prefix_be, prefix_len, gw_be, metric);

	return net_route_add(n, &r);
}

static rte_be32_t gateway_to(const struct net *n, rte_be32_t to_be)
{
	const struct net_route *r = net_route_find(n, to_be);

	return r != NULL && r->type == ROUTE_GATEWAY ? ip6_addr_ip4(&r->gw) : 0;
}

static void longest_prefix_wins(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	uint32_t count;

	assert_null(net_route_find(n, FAR));
	assert_null(net_sources(n, FAR, &count));
	assert_int_equal(count, 0);
	assert_int_equal(net_gw_add(n, FAR), -ENETUNREACH);
	assert_int_equal(net_gw_add(n, US), -ENETUNREACH);
	assert_int_equal(net_gw_add(n, GW), 0);
	assert_int_equal(net_gw_add(n, IP(10, 0, 0, 253)), 0); /* the first one is used */
	assert_int_equal(net_addr_add(n, IP(10, 0, 1, 1), 16), 0);
	assert_int_equal(net_addr_add(n, IP(10, 0, 2, 1), 28), 0);
	assert_int_equal(net_addr_add(n, IP(10, 9, 9, 9), 32), 0);
	assert_int_equal(net_route_find(n, PEER)->prefix_len, 96 + 24);
	assert_int_equal(net_route_find(n, IP(10, 0, 2, 2))->prefix_len, 96 + 28);
	assert_int_equal(net_route_find(n, IP(10, 0, 2, 99))->prefix_len, 96 + 16);
	assert_int_equal(net_route_find(n, IP(10, 9, 9, 9))->prefix_len, 96 + 32);
	assert_int_equal(net_route_find(n, FAR)->type, ROUTE_GATEWAY);
	assert_int_equal(ip6_addr_ip4(&net_route_find(n, FAR)->gw), GW);
	/* What has no single station on a link. */
	assert_null(net_route_find(n, 0));
	assert_null(net_route_find(n, IP(127, 0, 0, 1)));
	assert_null(net_route_find(n, IP(224, 0, 0, 1)));
	assert_null(net_route_find(n, IP(255, 255, 255, 255)));
	assert_null(net_route_find(n, IP(10, 0, 0, 255)));
	assert_null(net_route_find(n, IP(10, 0, 2, 15)));
	for (uint32_t i = n->n_routes; i < NET_ROUTES_MAX; i++)
		assert_int_equal(add_route(n, ROUTE_GATEWAY, rte_cpu_to_be_32(0x64000000 + (i << 8)), 24, GW, 0), 0);
	assert_int_equal(net_addr_add(n, IP(101, 0, 0, 1), 24), -ENOSPC);
	assert_int_equal(net_gw_add(n, GW), -EEXIST);
	assert_int_equal(net_gw_add(n, IP(10, 0, 0, 252)), -ENOSPC);
	assert_false(net_is_local(n, IP(101, 0, 0, 1)));
	assert_int_equal(net_addr_add(n, IP(10, 0, 0, 3), 24), 0); /* a known prefix needs no new route */
}

static void sources_by_prefix(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	const rte_be32_t *s;
	uint32_t count;

	for (uint32_t i = 1; i <= 10; i++) { /* interleaved */
		assert_int_equal(net_addr_add(n, rte_cpu_to_be_32(0x0a000010 + i), 24), 0);
		assert_int_equal(net_addr_add(n, rte_cpu_to_be_32(0x0a010000 + i), 24), 0);
		assert_int_equal(net_addr_add(n, rte_cpu_to_be_32(0x0a020000 + i), 24), 0);
	}
	assert_int_equal(net_gw_add(n, IP(10, 2, 0, 254)), 0);
	s = net_sources(n, PEER, &count);
	assert_int_equal(count, 11);
	assert_int_equal(s[0], US);
	for (uint32_t i = 1; i <= 10; i++)
		assert_int_equal(s[i], rte_cpu_to_be_32(0x0a000010 + i));
	s = net_sources(n, IP(10, 1, 0, 77), &count);
	assert_int_equal(count, 10);
	for (uint32_t i = 1; i <= 10; i++)
		assert_int_equal(s[i - 1], rte_cpu_to_be_32(0x0a010000 + i));
	s = net_sources(n, FAR, &count); /* the gateway's prefix */
	assert_int_equal(count, 10);
	assert_int_equal(s[0], IP(10, 2, 0, 1));
	s = net_sources(n, IP(10, 1, 0, 5), &count); /* ourselves: from the same address */
	assert_int_equal(count, 1);
	assert_int_equal(s[0], IP(10, 1, 0, 5));
	s = net_sources(n, IP(127, 1, 2, 3), &count);
	assert_int_equal(count, 1);
	assert_int_equal(s[0], IP(127, 0, 0, 1));
}

/* connect-semantics F41 to F44: what connect() says about each type. */
static void routes_that_refuse(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	uint32_t count;
	int err;

	assert_int_equal(net_gw_add(n, GW), 0);
	assert_int_equal(add_route(n, ROUTE_UNREACHABLE, IP(10, 9, 0, 0), 16, 0, 0), 0);
	assert_int_equal(add_route(n, ROUTE_PROHIBIT, IP(10, 9, 1, 0), 24, 0, 0), 0);
	assert_int_equal(add_route(n, ROUTE_BLACKHOLE, IP(10, 9, 1, 128), 25, 0, 0), 0);
	assert_int_equal(add_route(n, ROUTE_GATEWAY, IP(10, 9, 1, 200), 32, GW, 0), 0);
	assert_int_equal(net_unreachable(n, IP(10, 9, 7, 7)), -EHOSTUNREACH);
	assert_int_equal(net_unreachable(n, IP(10, 9, 1, 7)), -EACCES);
	assert_int_equal(net_unreachable(n, IP(10, 9, 1, 130)), -EINVAL);
	assert_int_equal(net_unreachable(n, IP(10, 9, 1, 200)), 0);
	assert_int_equal(net_unreachable(n, IP(10, 10, 1, 200)), 0);
	assert_int_equal(net_unreachable(n, IP(127, 0, 0, 1)), -ENETUNREACH);
	assert_null(net_sources(n, IP(10, 9, 7, 7), &count));
	assert_int_equal(net_path_get(n, US, IP(10, 9, 1, 7), &err), 0);
	assert_int_equal(err, -EACCES);
	assert_int_equal(add_route(n, ROUTE_PROHIBIT, 0, 0, 0, 1), 0); /* behind the default gateway: its metric is higher */
	assert_int_equal(net_unreachable(n, FAR), 0);
	assert_int_equal(net_gw_remove(n, GW), 0);
	assert_int_equal(net_unreachable(n, FAR), -EACCES);
	assert_int_equal(net_unreachable(n, PEER), 0);
	assert_int_equal(add_route(n, ROUTE_UNREACHABLE, US, 32, 0, 0), 0); /* of what is ours nothing is refused */
	assert_non_null(net_sources(n, US, &count));
}

static void routes_wrong(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	struct net_route r = route4(ROUTE_GATEWAY, IP(10, 9, 0, 1), 16, GW, 0);

	assert_int_equal(net_route_add(n, &r), -EINVAL); /* bits behind the prefix */
	r = route4(ROUTE_ONLINK, IP(10, 9, 0, 0), 16, 0, 0);
	assert_int_equal(net_route_add(n, &r), -EINVAL); /* on which interface? */
	r.prefix_len = 95;
	assert_int_equal(net_route_add(n, &r), -EINVAL);
	r = route4(ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, US, 0);
	assert_int_equal(net_route_add(n, &r), -ENETUNREACH);
	r = route4(ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, FAR, 0);
	assert_int_equal(net_route_add(n, &r), -ENETUNREACH);
	r = (struct net_route){.type = ROUTE_GATEWAY, .iface = NET_IFACE_ANY, .gw = ip6_addr_mapped(GW)};
	assert_int_equal(net_route_add(n, &r), -ENETUNREACH); /* IPv6 over a gateway of IPv4 */
	assert_int_equal(add_route(n, ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, GW, 3), 0);
	assert_int_equal(add_route(n, ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, GW, 3), -EEXIST);
	assert_int_equal(add_route(n, ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, GW, 4), 0);
	r = route4(ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, GW, 4);
	assert_int_equal(net_route_remove(n, &r), 0);
	assert_int_equal(net_route_remove(n, &r), -ENOENT);
	r.metric = 0; /* any */
	assert_int_equal(net_route_remove(n, &r), 0);
	assert_int_equal(net_route_remove(n, &r), -ENOENT);
	r = route4(ROUTE_ONLINK, IP(10, 0, 0, 0), 24, 0, 0); /* goes with its addresses only */
	assert_int_equal(net_route_remove(n, &r), -ENOENT);
	/* 0.x.y.z is a number inside, also where a network of ours has it. */
	assert_int_equal(net_addr_add(n, IP(1, 2, 3, 4), 7), 0);
	assert_int_equal(net_gw_add(n, IP(0, 0, 0, 5)), -EINVAL);
	assert_int_equal(net_unreachable(n, IP(0, 0, 0, 5)), -ENETUNREACH);
	r = route4(ROUTE_GATEWAY, IP(10, 9, 0, 0), 16, GW, 3);
	r.src = ip6_addr_mapped(IP(0, 0, 0, 5));
	assert_int_equal(net_route_add(n, &r), -EINVAL);
}

/* Lowest metric first; a network without an address of ours; a preferred source; the route's MTU. */
static void routes_chosen(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	struct net_route r = route4(ROUTE_ONLINK, IP(10, 7, 0, 0), 16, 0, 0);
	const rte_be32_t *s;
	uint32_t count, path;
	int err;

	assert_int_equal(net_addr_add(n, IP(10, 0, 0, 77), 24), 0);
	assert_int_equal(add_route(n, ROUTE_GATEWAY, 0, 0, GW, 10), 0);
	assert_int_equal(add_route(n, ROUTE_GATEWAY, 0, 0, IP(10, 0, 0, 253), 5), 0);
	assert_int_equal(gateway_to(n, FAR), IP(10, 0, 0, 253));
	r.iface = 0;
	assert_int_equal(net_route_add(n, &r), 0);
	s = net_sources(n, IP(10, 7, 1, 1), &count);
	assert_int_equal(count, 2);
	assert_int_equal(s[0], US);
	r = route4(ROUTE_GATEWAY, IP(192, 0, 2, 0), 24, GW, 0);
	r.src = ip6_addr_mapped(IP(10, 0, 0, 77));
	r.mtu = 1280;
	assert_int_equal(net_route_add(n, &r), 0);
	s = net_sources(n, FAR, &count);
	assert_int_equal(count, 1);
	assert_int_equal(s[0], IP(10, 0, 0, 77));
	path = net_path_get(n, s[0], FAR, &err);
	assert_int_equal(path_at(&n->paths, path)->pmtu, 1280);
	net_path_put(n, path);
	assert_int_equal(net_addr_remove(n, IP(10, 0, 0, 77)), 0); /* then any that fits */
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
}

/* Both families in one table: neither's default route takes the other's packets. */
static void routes_of_ip6(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	const struct ip6_addr far = {{0x20, 1, 0xd, 0xb8, [15] = 1}}, near = {{0x20, 1, 0xd, 0xb8, 0, 1, [15] = 2}};
	struct net_route r = {.type = ROUTE_GATEWAY, .iface = NET_IFACE_ANY, .gw = {{0xfe, 0x80, [15] = 1}}};

	assert_int_equal(net_route_add(n, &r), -ENETUNREACH); /* a link-local gateway, but on which link? */
	r.iface = 0;
	assert_int_equal(net_route_add(n, &r), 0);
	assert_int_equal(net_unreachable(n, FAR), -ENETUNREACH);
	r = (struct net_route){.type = ROUTE_ONLINK, .prefix_len = 64}; /* ::/64, as a router may say: ::ffff:0:0/96 is not on it */
	assert_int_equal(net_route_add(n, &r), 0);
	assert_int_equal(net_gw_add(n, FAR), -ENETUNREACH);
	assert_int_equal(net_route_remove(n, &r), 0);
	r = (struct net_route){.type = ROUTE_GATEWAY, .gw = {{0xfe, 0x80, [15] = 1}}};
	assert_int_equal(net_gw_add(n, GW), 0);
	assert_int_equal(gateway_to(n, FAR), GW);
	assert_true(ip6_addr_eq(&net_route_lookup(n, NET_IFACE_ANY, &far)->gw, &r.gw));
	r = (struct net_route){.type = ROUTE_ONLINK, .prefix = {{0x20, 1, 0xd, 0xb8, 0, 1}}, .prefix_len = 47};
	assert_int_equal(net_route_add(n, &r), -EINVAL);
	r.prefix_len = 48;
	assert_int_equal(net_route_add(n, &r), 0);
	assert_int_equal(net_route_lookup(n, NET_IFACE_ANY, &near)->type, ROUTE_ONLINK);
	assert_int_equal(net_route_lookup(n, NET_IFACE_ANY, &far)->type, ROUTE_GATEWAY);
}

/* RFC 1122 3.3.1.5: packets go over another gateway when one is dead, those of known destinations too; it gets another chance
 * after ROUTE_DEAD_MS, or when it is heard. */
static void gateway_dies(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	const rte_be32_t second = IP(10, 0, 0, 253);
	uint32_t path;

	assert_int_equal(net_gw_add(n, GW), 0);
	assert_int_equal(net_gw_add(n, second), 0);
	path = env_path(e, FAR);
	assert_int_equal(env_output(e, path, 1), 0);
	for (int i = 0; i < NEIGH_PROBES; i++) {
		env_expect_arp(e, ARP_REQUEST, &mac_all, US, GW);
		env_advance_ms(e, NEIGH_PROBE_MS);
	}
	assert_int_equal(gateway_to(n, FAR), second);
	assert_int_equal(env_output(e, path, 2), 0);
	env_expect_arp(e, ARP_REQUEST, &mac_all, US, second);
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, second, US, &mac_us), NET_DONE, NULL);
	rte_pktmbuf_free(env_sent(e));
	assert_true(path_at(&n->paths, path)->resolved);
	env_advance_ms(e, ROUTE_DEAD_MS);
	assert_int_equal(gateway_to(n, FAR), GW);
	while (e->n_taken < e->n_sent)
		rte_pktmbuf_free(env_sent(e));
	net_path_put(n, path);
	for (struct net_pkt pkt; net_error_next(n, &pkt);)
		rte_pktmbuf_free(pkt.m);
}

/* The address to use changes with what is asked, with gateways, and with links: at once, or as time passes. */
static void sources_change(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	const struct ip6_addr gw = ip6_addr_mapped(GW);
	const rte_be32_t us1 = IP(10, 1, 0, 1), gw1 = IP(10, 1, 0, 254);
	uint32_t count;

	assert_int_equal(net_iface_get(n, 1, 0, 0), 1);
	assert_int_equal(net_addr_add_on(n, 1, us1, 24), 0);
	assert_null(net_sources(n, FAR, &count));
	assert_int_equal(net_gw_add(n, GW), 0);
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
	assert_int_equal(net_gw_add(n, gw1), 0);
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
	assert_null(net_sources_via(n, FAR, NET_VIA_ONLINK, &count));
	assert_int_equal(count, 0);
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
	assert_int_equal(net_sources_via(n, FAR, 2, &count)[0], us1);
	assert_int_equal(net_sources(n, gw1, &count)[0], us1);
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
	route_gateway_set(n, 0, &gw, true);
	assert_int_equal(net_sources(n, FAR, &count)[0], us1);
	env_advance_ms(e, ROUTE_DEAD_MS);
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
	net_link_changed(n, &(struct net_link_note){.port = 0});
	env_advance_ms(e, 1);
	assert_int_equal(net_sources(n, FAR, &count)[0], us1);
	assert_int_equal(count, 1);
	net_link_changed(n, &(struct net_link_note){.port = 0, .up = true});
	env_advance_ms(e, 1);
	assert_int_equal(net_sources(n, FAR, &count)[0], US);
}

static void paths_are_counted(void **state)
{
	struct env *e = *state;
	uint32_t a = env_path(e, PEER), b = env_path(e, PEER), c = env_path(e, IP(10, 0, 0, 3));
	int err;

	assert_int_equal(a, b);
	assert_int_not_equal(a, c);
	assert_int_equal(path_at(&e->net.paths, a)->refs, 2);
	assert_int_equal(net_path_get(&e->net, US, FAR, &err), 0);
	assert_int_equal(err, -ENETUNREACH);
	net_path_put(&e->net, a);
	net_path_put(&e->net, b);
	net_path_put(&e->net, c);
	assert_int_equal(e->net.paths.pool.used, 0);
}

static void output_golden(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;
	uint8_t want[54] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0x28, 0, 40, 0, 0, 0x40, 0, 33, 6, 0, 0,
			    10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80, 1, 2, 0x15, 0x34, 0, 0, 0, 0, 0x50, 2, 0, 1};
	uint32_t path;

	env_peer_known(e, PEER, &mac_peer);
	path = env_path(e, PEER);
	m = env_segment(e, 0x1234);
	assert_int_equal(net_ip4_output(&e->net, path_at(&e->net.paths, path), m, IPPROTO_TCP, 0x28, 33), 0);
	m = env_sent(e);
	memcpy(want + 18, rte_pktmbuf_mtod_offset(m, void *, 18), 2); /* any identification */
	assert_int_equal(m->pkt_len, 54);
	assert_int_equal(cksum_fold(cksum_bytes(0, rte_pktmbuf_mtod_offset(m, void *, 14), 20)), 0xffff);
	assert_int_equal(cksum_l4_ip4(m, 34, 20, US, PEER, IPPROTO_TCP), 0);
	memset(rte_pktmbuf_mtod_offset(m, void *, 24), 0, 2);
	memset(rte_pktmbuf_mtod_offset(m, void *, 50), 0, 2);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), want, 54);
	rte_pktmbuf_free(m);
	net_path_put(&e->net, path);
}

static int output_of(struct env *e, uint32_t path, uint32_t len)
{
	struct rte_mbuf *m = env_segment(e, 1);

	memset(rte_pktmbuf_append(m, (uint16_t)(len - 20)), 0, len - 20);
	return net_ip4_output(&e->net, path_at(&e->net.paths, path), m, IPPROTO_TCP, 0, 64);
}

static void too_big(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;
	uint32_t path;

	env_peer_known(e, PEER, &mac_peer);
	path = env_path(e, PEER);
	assert_int_equal(path_at(&e->net.paths, path)->pmtu, MTU);
	assert_int_equal(output_of(e, path, MTU - 20), 0);
	rte_pktmbuf_free(env_sent(e));
	assert_int_equal(output_of(e, path, MTU - 19), -EMSGSIZE);
	assert_int_equal(e->drops.n[DROP_TX_TOO_BIG], 1);
	net_pmtu_lower(&e->net, path, 1000);
	assert_int_equal(output_of(e, path, 981), -EMSGSIZE);
	assert_int_equal(output_of(e, path, 980), 0);
	m = env_sent(e);
	assert_int_equal(m->pkt_len, 1014);
	rte_pktmbuf_free(m);
	net_pmtu_lower(&e->net, path, 1200); /* only ever down */
	assert_int_equal(path_at(&e->net.paths, path)->pmtu, 1000);
	net_pmtu_lower(&e->net, path, 68);
	assert_int_equal(path_at(&e->net.paths, path)->pmtu, PMTU_MIN);
	env_advance_ms(e, PMTU_AGE_MS - 1);
	net_path_put(&e->net, env_path(e, PEER));
	assert_int_equal(path_at(&e->net.paths, path)->pmtu, PMTU_MIN);
	env_advance_ms(e, 1);
	net_path_put(&e->net, env_path(e, PEER)); /* a new flow tries the whole MTU again */
	assert_int_equal(path_at(&e->net.paths, path)->pmtu, MTU);
	net_path_put(&e->net, path);
}

/* A large, possibly shared packet to ourselves arrives as it left. */
static void loop(void **state)
{
	struct env *e = *state;
	uint32_t path;
	struct rte_mbuf *m, *held;
	struct net_pkt pkt = {0};
	int err;

	assert_int_equal(net_addr_add(&e->net, IP(10, 0, 0, 9), 24), 0);
	path = net_path_get(&e->net, US, IP(10, 0, 0, 9), &err);
	assert_int_not_equal(path, 0);
	assert_null(net_loop_next(&e->net));
	e->from = NET_PORT_LOOP;
	for (uint16_t i = 1; i <= 3; i++)
		assert_int_equal(env_output(e, path, i), 0);
	held = env_segment(e, 4);
	rte_mbuf_refcnt_update(held, 1); /* a sender that keeps what it may send again */
	assert_int_equal(net_ip4_output(&e->net, path_at(&e->net.paths, path), held, IPPROTO_TCP, 0, 64), 0);
	for (uint16_t i = 1; i <= 4; i++) {
		m = net_loop_next(&e->net);
		assert_non_null(m);
		assert_ptr_not_equal(m, held);
		env_input(e, m, NET_TCP, &pkt);
		assert_int_equal(pkt.key.laddr_be, IP(10, 0, 0, 9));
		assert_int_equal(pkt.key.raddr_be, US);
		assert_int_equal(pkt.key.rport_be, rte_cpu_to_be_16(i));
		assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
	}
	assert_null(net_loop_next(&e->net));
	rte_pktmbuf_free(held);
	env_expect_silence(e);
	for (uint32_t i = 0; i < TX_QUEUE_MAX + 5; i++)
		env_output(e, path, 1);
	assert_int_equal(e->drops.n[DROP_TX_FULL], 5);
	net_path_put(&e->net, path); /* what is still queued goes with net_fini() */
	assert_int_equal(e->flow.pool[FLOW_NEIGH].used, 0);
}

/* The same bytes from the wire are a forgery. */
static void own_source_from_the_wire(void **state)
{
	struct env *e = *state;

	env_input_drop(e, env_tcp(e, US, 10), DROP_IP4_SRC);
}

#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(addresses), T(longest_prefix_wins), T(sources_by_prefix), T(paths_are_counted), T(output_golden),
		T(too_big), T(loop), T(own_source_from_the_wire), T(routes_that_refuse), T(routes_wrong), T(routes_chosen),
		T(routes_of_ip6), T(gateway_dies), T(sources_change),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
