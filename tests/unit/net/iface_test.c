/* iface_test.c: several ports and VLANs, addresses that come and go, conflicts, links, announcements. */
#include "env.h"

#include <errno.h>
#include <netinet/in.h>

#include "net/mail.h"

#define US1 IP(10, 1, 0, 1)   /* on port 1 */
#define PEER1 IP(10, 1, 0, 2)
#define USV IP(10, 2, 0, 1)   /* in VLAN 100 of port 0 */
#define PEERV IP(10, 2, 0, 2)
#define VLAN 100

static uint8_t iface(struct env *e, uint8_t port, uint16_t vlan)
{
	int i = net_iface_get(&e->net, port, vlan, 0);

	assert_true(i >= 0);
	return (uint8_t)i;
}

static uint32_t path_from(struct env *e, rte_be32_t laddr_be, rte_be32_t raddr_be)
{
	int err;
	uint32_t path = net_path_get(&e->net, laddr_be, raddr_be, &err);

	assert_int_not_equal(path, 0);
	return path;
}

/* The next frame is an ARP packet that asks, in this VLAN (0: untagged) of this port. */
static void expect_asks(struct env *e, uint8_t port, uint16_t vlan, rte_be32_t spa_be, rte_be32_t tpa_be)
{
	struct rte_mbuf *m = env_sent(e);
	struct eth_view eth = {0};
	struct arp_view a = {0};

	assert_non_null(m);
	assert_int_equal(m->port, port);
	assert_true(eth_parse(&eth, rte_pktmbuf_mtod(m, void *), m->data_len));
	assert_int_equal(eth.type, RTE_ETHER_TYPE_ARP);
	assert_int_equal(eth.vlan_id, vlan);
	assert_true(arp_parse(&a, rte_pktmbuf_mtod_offset(m, void *, eth.len), m->data_len - eth.len));
	assert_int_equal(a.op, ARP_REQUEST);
	assert_int_equal(a.spa_be, spa_be);
	assert_int_equal(a.tpa_be, tpa_be);
	assert_memory_equal(&a.sha, port ? &mac_us1 : &mac_us, 6);
	rte_pktmbuf_free(m);
}

static void two_ports(void **state)
{
	struct env *e = *state;
	uint32_t p0, p1;
	struct rte_mbuf *m;

	assert_int_equal(net_addr_add_on(&e->net, iface(e, 1, 0), US1, 24), 0);
	p0 = path_from(e, US, PEER);
	p1 = path_from(e, US1, PEER1);
	assert_int_equal(path_at(&e->net.paths, p1)->port, 1);
	assert_int_equal(env_output(e, p0, 1), 0);
	assert_int_equal(env_output(e, p1, 2), 0);
	expect_asks(e, 0, 0, US, PEER);
	expect_asks(e, 1, 0, US1, PEER1);
	/* The answer by the wrong port is not about this neighbour. */
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, PEER1, US1, &mac_us), NET_DONE, NULL);
	env_expect_silence(e);
	e->from = 1;
	env_input(e, env_arp(e, ARP_REPLY, &mac_peer, PEER1, US1, &mac_us1), NET_DONE, NULL);
	m = env_sent(e);
	assert_non_null(m);
	assert_int_equal(m->port, 1);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), &mac_peer, 6);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, void *, 6), &mac_us1, 6);
	rte_pktmbuf_free(m);
	/* Addresses are asked for where they are. */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_peer, PEER1, US, &mac_all), NET_DONE, NULL);
	env_expect_silence(e);
	/* What our other port says is no conflict. */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_us, US, PEER, &mac_all), NET_DONE, NULL);
	assert_int_equal(e->net.addr_conflicts + e->net.mac_conflicts, 0);
	/* Frames for one port's address are not for the other. */
	env_input_drop(e, env_tcp(e, PEER, 10), DROP_ETH_DST);
	e->from = 0;
	env_input(e, env_arp(e, ARP_REPLY, &mac_peer, PEER, US, &mac_us), NET_DONE, NULL);
	m = env_sent(e);
	assert_int_equal(m->port, 0);
	rte_pktmbuf_free(m);
	net_path_put(&e->net, p0);
	net_path_put(&e->net, p1);
}

/* A bound address decides between two ways that are as good. */
static void same_network_twice(void **state)
{
	struct env *e = *state;
	uint32_t p0, p1, count;

	assert_int_equal(net_addr_add_on(&e->net, iface(e, 1, 0), IP(10, 0, 0, 11), 24), 0);
	assert_int_equal(net_gw_add_on(&e->net, 0, GW), 0);
	assert_int_equal(net_gw_add_on(&e->net, 1, IP(10, 0, 0, 253)), 0);
	p0 = path_from(e, US, PEER);
	p1 = path_from(e, IP(10, 0, 0, 11), PEER);
	assert_int_equal(path_at(&e->net.paths, p0)->port, 0);
	assert_int_equal(path_at(&e->net.paths, p1)->port, 1);
	assert_int_not_equal(path_at(&e->net.paths, p0)->neigh, path_at(&e->net.paths, p1)->neigh);
	assert_int_equal(net_sources(&e->net, FAR, &count)[0], US);
	assert_int_equal(count, 1);
	net_path_put(&e->net, p0);
	net_path_put(&e->net, p1);
	p1 = path_from(e, IP(10, 0, 0, 11), FAR);
	assert_int_equal(path_at(&e->net.paths, p1)->port, 1);
	net_path_put(&e->net, p1);
}

static void vlan_tag_in_the_header(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt = {0};
	struct rte_mbuf *m;
	uint32_t path;

	assert_int_equal(net_addr_add_on(&e->net, iface(e, 0, VLAN), USV, 24), 0);
	path = path_from(e, USV, PEERV);
	assert_int_equal(env_output(e, path, 7), 0);
	expect_asks(e, 0, VLAN, USV, PEERV);
	/* Untagged, or in another VLAN, somebody else is meant. */
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, PEERV, USV, &mac_us), NET_DONE, NULL);
	env_input_drop(e, env_tag(env_arp(e, ARP_REPLY, &mac_other, PEERV, USV, &mac_us), VLAN + 1), DROP_VLAN);
	env_expect_silence(e);
	env_input(e, env_tag(env_arp(e, ARP_REPLY, &mac_peer, PEERV, USV, &mac_us), VLAN), NET_DONE, NULL);
	m = env_sent(e);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 18 + 20 + 20);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), &mac_peer, 6);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, void *, 6), &mac_us, 6);
	assert_int_equal(load32(rte_pktmbuf_mtod_offset(m, void *, 12)), 0x81000000u | VLAN);
	assert_int_equal(load16(rte_pktmbuf_mtod_offset(m, void *, 16)), RTE_ETHER_TYPE_IPV4);
	assert_int_equal(cksum_fold(cksum_bytes(0, rte_pktmbuf_mtod_offset(m, void *, 18), 20)), 0xffff);
	rte_pktmbuf_free(m);
	env_output(e, path, 8); /* the fast way */
	m = env_sent(e);
	assert_int_equal(load32(rte_pktmbuf_mtod_offset(m, void *, 12)), 0x81000000u | VLAN);
	rte_pktmbuf_free(m);
	/* What arrives: by its tag, with a priority too, or by what the NIC took off. */
	m = env_tag(env_tcp(e, PEERV, 10), 0xe000 | VLAN);
	env_input(e, m, NET_TCP, &pkt);
	assert_int_equal(pkt.iface, 1);
	m = env_tcp(e, PEERV, 10);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0x2000 | VLAN;
	env_input(e, m, NET_TCP, &pkt);
	assert_int_equal(pkt.iface, 1);
	m = env_tag(env_tcp(e, PEERV, 10), VLAN);
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = VLAN;
	env_input_drop(e, m, DROP_VLAN); /* a tag within a tag */
	net_path_put(&e->net, path);
}

static void vlan_tag_by_the_port(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m;
	uint32_t path;

	e->port.offloads |= PORT_TX_VLAN;
	assert_int_equal(net_addr_add_on(&e->net, iface(e, 0, VLAN), USV, 24), 0);
	path = path_from(e, USV, PEERV);
	env_output(e, path, 7);
	for (int i = 0; i < 2; i++) {
		m = env_sent(e);
		assert_non_null(m);
		assert_true(m->ol_flags & RTE_MBUF_F_TX_VLAN);
		assert_int_equal(m->vlan_tci, VLAN);
		assert_int_equal(load16(rte_pktmbuf_mtod_offset(m, void *, 12)), i ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_ARP);
		rte_pktmbuf_free(m);
		if (i == 0)
			env_input(e, env_tag(env_arp(e, ARP_REPLY, &mac_peer, PEERV, USV, &mac_us), VLAN), NET_DONE, NULL);
	}
	net_path_put(&e->net, path);
}

static void vlan_ping(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env_echo(e, 100);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	assert_int_equal(net_addr_add_on(&e->net, iface(e, 0, VLAN), USV, 24), 0);
	store32_be(ip + 12, PEERV);
	store32_be(ip + 16, USV);
	env_fix_ip4(m);
	env_input(e, env_tag(m, VLAN), NET_DONE, NULL);
	m = env_sent(e);
	assert_non_null(m);
	assert_int_equal(load32(rte_pktmbuf_mtod_offset(m, void *, 12)), 0x81000000u | VLAN);
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, 38), ICMP_ECHO_REPLY);
	rte_pktmbuf_free(m);
}

static void interface_limits(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;

	assert_int_equal(net_iface_get(n, 0, 0, 0), 0); /* made for US */
	assert_int_equal(net_iface_get(n, 2, 0, 0), -EINVAL);
	assert_int_equal(net_iface_get(n, 0, 4095, 0), -EINVAL);
	assert_int_equal(net_iface_get(n, 0, 5, 1501), -EINVAL);
	for (uint16_t v = 1; v < IFACES_MAX; v++)
		assert_int_equal(net_iface_get(n, 1, v, 1400), v);
	assert_int_equal(n->iface[5].mtu, 1400);
	assert_int_equal(net_iface_get(n, 1, 500, 0), -ENOSPC);
	assert_int_equal(net_iface_get(n, 1, 9, 0), 9);
	assert_int_equal(net_addr_add_on(n, IFACES_MAX, US1, 24), -EINVAL);
}

/* ---- addresses that go ---- */

static void removed_address(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	const rte_be32_t us2 = IP(10, 0, 0, 77);
	uint32_t count;

	assert_int_equal(net_addr_remove(n, us2), -ENOENT);
	assert_int_equal(net_addr_add(n, us2, 24), 0);
	assert_int_equal(net_addr_add_on(n, 0, US1, 24), 0);
	net_sources(n, PEER, &count);
	assert_int_equal(count, 2);
	assert_int_equal(net_addr_remove(n, US), 0);
	assert_int_equal(net_sources(n, PEER, &count)[0], us2);
	assert_int_equal(count, 1);
	assert_int_equal(net_sources(n, PEER1, &count)[0], US1);
	assert_int_equal(n->n_addrs, 2);
	assert_false(net_is_local(n, US));
	/* Nobody finds it by broadcast, and its new owner is no conflict. */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_peer, PEER, US, &mac_all), NET_DONE, NULL);
	env_expect_silence(e);
	env_input(e, env_arp(e, ARP_REQUEST, &mac_other, US, US, &mac_all), NET_DONE, NULL);
	assert_int_equal(n->addr_conflicts, 0);
	/* Who talked to us still may ask. */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_peer, PEER, US, &mac_us), NET_DONE, NULL);
	env_expect_arp(e, ARP_REPLY, &mac_peer, US, PEER);
	/* Flows that nobody has are not for us; it can come back. */
	env_input_drop(e, env_tcp(e, PEER, 10), DROP_IP4_DST);
	assert_int_equal(net_addr_add(n, US, 24), 0);
	env_input(e, env_tcp(e, PEER, 10), NET_TCP, NULL);
	/* The last of a network takes its route and gateways along. */
	assert_int_equal(net_gw_add(n, PEER1), 0);
	assert_int_equal(net_addr_remove(n, US1), 0);
	assert_null(net_route_find(n, FAR));
	assert_null(net_route_find(n, PEER1));
	assert_int_equal(net_addr_remove(n, US), 0);
	assert_int_equal(net_addr_remove(n, us2), 0);
	assert_int_equal(n->n_addrs + n->n_routes, 0);
	assert_null(net_sources(n, PEER, &count));
}

static void removed_address_keeps_its_flows(void **state)
{
	struct env *e = *state;
	struct flow_head *h;
	struct net_pkt pkt = {0};
	flow_ref r = ref_make(FLOW_CONN, pool_get(&e->flow.pool[FLOW_CONN]));

	env_input(e, env_tcp(e, PEER, 10), NET_TCP, &pkt);
	h = flow_at(&e->flow, r);
	memset(h, 0, sizeof(*h));
	h->key = pkt.key;
	h->hash = pkt.hash;
	assert_int_equal(table_insert(&e->flow.tcp, h->hash, r), 0);
	assert_int_equal(net_addr_remove(&e->net, US), 0);
	env_input(e, env_tcp(e, PEER, 10), NET_TCP, &pkt);
	assert_memory_equal(&pkt.key, &h->key, sizeof(h->key));
	env_input(e, env_icmp_error(e, 3, 3, 0, US, IPPROTO_TCP, 28), NET_DONE, NULL); /* to an address that is not ours */
	table_remove(&e->flow.tcp, h->hash, r);
	pool_put(&e->flow.pool[FLOW_CONN], ref_index(r));
	env_input_drop(e, env_tcp(e, PEER, 10), DROP_IP4_DST);
	for (uint32_t i = 0; i < 2 * LOCAL_OLD_MAX; i++) { /* what is remembered is bounded */
		assert_int_equal(net_addr_add(&e->net, rte_cpu_to_be_32(0x0b000001 + i * 4), 24), 0);
		assert_int_equal(net_addr_remove(&e->net, rte_cpu_to_be_32(0x0b000001 + i * 4)), 0);
	}
	assert_int_equal(net_addr_add(&e->net, US, 24), 0);
}

/* A path in use follows the routes when a new flow takes it. */
static void gateways_change(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	uint32_t path, first;
	int err;

	assert_int_equal(net_gw_add(n, GW), 0);
	path = path_from(e, US, FAR);
	first = path_at(&n->paths, path)->neigh;
	assert_int_equal(net_gw_remove(n, PEER), -ENOENT);
	assert_int_equal(net_gw_remove(n, GW), 0);
	assert_int_equal(net_path_get(n, US, FAR, &err), 0);
	assert_int_equal(err, -ENETUNREACH);
	assert_int_equal(path_at(&n->paths, path)->refs, 1); /* the old flow goes on */
	assert_int_equal(path_at(&n->paths, path)->neigh, first);
	assert_int_equal(net_gw_add(n, IP(10, 0, 0, 253)), 0);
	assert_int_equal(path_from(e, US, FAR), path);
	assert_int_equal(path_at(&n->paths, path)->neigh, neigh_find(n, 0, IP(10, 0, 0, 253)));
	net_path_put(n, path);
	net_path_put(n, path);
}

static void notes(void **state)
{
	struct env *e = *state;
	struct net *n = &e->net;
	struct net_addr_note a = {.addr_be = IP(10, 0, 0, 5), .prefix_len = 24};
	struct net_gw_note gw = {.gw_be = GW, .iface = NET_IFACE_ANY};

	net_mail(n, MAIL_ADDR_ADD, &a);
	assert_true(net_is_local(n, IP(10, 0, 0, 5)));
	net_mail(n, MAIL_GATEWAY, &gw);
	assert_int_equal(ip6_addr_ip4(&net_route_find(n, FAR)->gw), GW);
	gw.remove = true;
	net_mail(n, MAIL_GATEWAY, &gw);
	assert_null(net_route_find(n, FAR));
	net_mail(n, MAIL_ADDR_REMOVE, &a);
	assert_false(net_is_local(n, IP(10, 0, 0, 5)));
}

/* ---- conflicts, announcements, links ---- */

static void conflicts(void **state)
{
	struct env *e = *state;

	env_input(e, env_arp(e, ARP_REQUEST, &mac_us, US, PEER, &mac_all), NET_DONE, NULL); /* our echo */
	env_input(e, env_arp(e, ARP_REQUEST, &mac_us, 0, PEER, &mac_all), NET_DONE, NULL);
	assert_int_equal(e->net.addr_conflicts + e->net.mac_conflicts, 0);
	env_input(e, env_arp(e, ARP_REQUEST, &mac_us, PEER, IP(10, 0, 0, 9), &mac_all), NET_DONE, NULL);
	assert_int_equal(e->net.mac_conflicts, 1);
	assert_int_equal(neigh_find(&e->net, 0, PEER), 0);
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, US, PEER, &mac_us), NET_DONE, NULL);
	assert_int_equal(e->net.addr_conflicts, 1);
	assert_true(e->net.addr[0].conflict);
}

static void announces(void **state)
{
	struct env *e = *state;
	uint32_t n = 0;
	struct rte_mbuf *m;

	assert_int_equal(net_addr_add(&e->net, IP(10, 0, 0, 3), 24), 0);
	net_lead(&e->net);
	env_advance_ms(e, 1);
	expect_asks(e, 0, 0, 0, US); /* probes: would somebody mind? */
	expect_asks(e, 0, 0, 0, IP(10, 0, 0, 3));
	env_expect_silence(e);
	env_input(e, env_arp(e, ARP_REPLY, &mac_other, US, US, &mac_us), NET_DONE, NULL); /* yes */
	assert_int_equal(e->net.addr_conflicts, 1);
	for (int i = 0; i < 2; i++) {
		env_advance_ms(e, 2000 + CHORE_MS);
		expect_asks(e, 0, 0, IP(10, 0, 0, 3), IP(10, 0, 0, 3)); /* and of US nothing is said */
		env_expect_silence(e);
	}
	env_advance_ms(e, 10000);
	env_expect_silence(e);
	/* Hundreds: in bursts. */
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(net_addr_add(&e->net, rte_cpu_to_be_32(0x0a000032 + i), 24), 0);
	net_lead(&e->net);
	env_advance_ms(e, CHORE_MS / 2);
	while ((m = env_sent(e)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	assert_in_range(n, 1, ANNOUNCE_BURST);
	env_advance_ms(e, 10000);
	while ((m = env_sent(e)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	assert_int_equal(n, 3 * 201);
}

static bool link_is_up, port_is_off;
static bool fake_off(struct port *p) { return (void)p, port_is_off; }
static bool fake_link_up(struct port *p) { return (void)p, link_is_up; }

static void link_down_and_up(void **state)
{
	struct env *e = *state;
	struct port_ops ops = *e->port.ops;
	uint32_t path = env_path(e, PEER);
	struct rte_mbuf *m;

	ops.link_up = fake_link_up;
	e->port.ops = &ops;
	link_is_up = true;
	env_peer_known(e, PEER, &mac_peer);
	net_lead(&e->net);
	env_advance_ms(e, 8000);
	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
	link_is_up = false;
	env_advance_ms(e, 3 * CHORE_MS);
	assert_int_equal(e->net.link_downs, 1);
	assert_false(e->net.iface[0].up);
	env_expect_silence(e);
	link_is_up = true;
	env_advance_ms(e, CHORE_MS);
	assert_int_equal(e->net.link_ups, 1);
	m = env_sent(e); /* the neighbour is asked, by unicast, while packets may flow */
	assert_non_null(m);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), &mac_peer, 6);
	rte_pktmbuf_free(m);
	assert_true(path_at(&e->net.paths, path)->resolved);
	expect_asks(e, 0, 0, 0, US);
	env_input(e, env_arp(e, ARP_REPLY, &mac_peer, PEER, US, &mac_us), NET_DONE, NULL);
	env_advance_ms(e, 8000);
	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
	assert_int_equal(e->net.link_downs + e->net.link_ups, 2);
	net_path_put(&e->net, path);
}

/* F49: what is switched off in the system has no routes; the path that a flow has stays as it is. */
static void switched_off_and_on(void **state)
{
	struct env *e = *state;
	struct port_ops ops = *e->port.ops;
	uint32_t path = env_path(e, PEER), self;
	int err;

	ops.link_up = fake_link_up;
	ops.off = fake_off;
	e->port.ops = &ops;
	link_is_up = true;
	env_peer_known(e, PEER, &mac_peer);
	net_lead(&e->net);
	env_advance_ms(e, CHORE_MS);
	port_is_off = true;
	env_advance_ms(e, CHORE_MS);
	assert_true(e->net.iface[0].off);
	assert_int_equal(e->net.link_downs, 0);
	assert_int_equal(net_unreachable(&e->net, PEER), -ENETUNREACH);
	assert_int_equal(net_path_get(&e->net, US, PEER, &err), 0);
	assert_int_equal(err, -ENETUNREACH);
	assert_true(path_at(&e->net.paths, path)->resolved);
	self = net_path_get(&e->net, US, US, &err); /* we are still here */
	assert_int_not_equal(self, 0);
	net_path_put(&e->net, self);
	port_is_off = false;
	env_advance_ms(e, CHORE_MS);
	assert_int_equal(net_unreachable(&e->net, PEER), 0);
	assert_int_equal(net_path_get(&e->net, US, PEER, &err), path);
	net_path_put(&e->net, path);
	net_path_put(&e->net, path);
	env_advance_ms(e, 8000);
	for (struct rte_mbuf *m; (m = env_sent(e)) != NULL;)
		rte_pktmbuf_free(m);
}

/* A neighbour that had failed while the link was down is asked for at the next packet. */
static void failed_neighbour_after_link_up(void **state)
{
	struct env *e = *state;
	const struct net_link_note up = {.port = 0, .up = true};
	uint32_t path = env_path(e, PEER);
	struct net_pkt pkt;
	struct rte_mbuf *m;

	env_output(e, path, 1);
	env_advance_ms(e, NEIGH_PROBES * NEIGH_PROBE_MS);
	while (net_error_next(&e->net, &pkt))
		rte_pktmbuf_free(pkt.m);
	while ((m = env_sent(e)) != NULL)
		rte_pktmbuf_free(m);
	assert_int_equal(env_output(e, path, 2), -EHOSTUNREACH);
	net_mail(&e->net, MAIL_LINK, &up);
	assert_int_equal(env_output(e, path, 3), 0);
	expect_asks(e, 0, 0, US, PEER);
	net_path_put(&e->net, path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_ports), TEST(same_network_twice), TEST(vlan_tag_in_the_header), TEST(vlan_tag_by_the_port), TEST(vlan_ping),
		TEST(interface_limits), TEST(removed_address), TEST(removed_address_keeps_its_flows), TEST(gateways_change),
		TEST(notes), TEST(conflicts), TEST(announces), TEST(link_down_and_up), TEST(switched_off_and_on), TEST(failed_neighbour_after_link_up),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
