/* env6.c: frames of IPv6 for the tests of net/. */
#include "env6.h"

#include <netinet/in.h>

#include "wire/cksum.h"

const struct ip6_addr us6 = {{0x20, 1, 0xd, 0xb8, [15] = 1}}, peer6 = {{0x20, 1, 0xd, 0xb8, [15] = 2}};
const struct ip6_addr far6 = {{0x20, 1, 0xd, 0xb8, 0, 0xff, [15] = 7}}, gw6 = {{0x20, 1, 0xd, 0xb8, [15] = 0xfe}};
const struct ip6_addr ll_us = {{0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 1}}, ll_peer = {{0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 2}};
const struct ip6_addr ll_gw = {{0xfe, 0x80, [15] = 0xfe}}, none6 = {{0}}, all_nodes6 = {{0xff, 2, [15] = 1}};

static struct rte_mbuf *last;

int env6_teardown(void **state)
{
	rte_pktmbuf_free(last);
	last = NULL;
	return env_teardown(state);
}

int env6_setup(void **state)
{
	int rc = env_setup(state);
	struct env *e = *state;

	assert_int_equal(net_addr6_add_on(&e->net, 0, &us6, 64), 0);
	return rc;
}

rte_be32_t env6_us(struct env *e) { return net_local6(&e->net, &us6, 0); }

struct rte_mbuf *env6_frame(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t next, uint8_t hops,
			    const void *payload, uint32_t len)
{
	const struct rte_ether_addr to = ip6_addr_is_multicast(dst) ? group_mac(dst) : mac_us;
	uint8_t b[2000] = {0};

	assert_true(54 + len <= sizeof(b));
	eth_emit(b, &to, &mac_peer, RTE_ETHER_TYPE_IPV6);
	ip6_emit(b + 14, src, dst, next, (uint16_t)len, hops);
	memcpy(b + 54, payload, len);
	return env_mbuf(e, b, 54 + len < 60 ? 60 : 54 + len);
}

static void sum_write(uint8_t *l4, uint32_t off, uint32_t len, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t proto)
{
	struct ip6_addr both[2] = {*src, *dst};
	uint16_t sum;

	memset(l4 + off, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum6(both, proto, len), l4, len));
	memcpy(l4 + off, &sum, 2);
}

struct rte_mbuf *env6_icmp(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t hops, void *msg,
			   uint32_t len)
{
	sum_write(msg, 2, len, src, dst, IPPROTO_ICMPV6);
	return env6_frame(e, src, dst, IPPROTO_ICMPV6, hops, msg, len);
}

struct rte_mbuf *env6_udp(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint32_t payload)
{
	uint8_t l4[1600];

	udp_emit(l4, 53, 1000, (uint16_t)(8 + payload));
	for (uint32_t i = 0; i < payload; i++)
		l4[8 + i] = (uint8_t)i;
	sum_write(l4, 6, 8 + payload, src, dst, IPPROTO_UDP);
	return env6_frame(e, src, dst, IPPROTO_UDP, 64, l4, 8 + payload);
}

struct rte_mbuf *env6_echo(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint32_t payload)
{
	uint8_t l4[1600] = {ICMP6_ECHO, 0, 0, 0, 0x12, 0x34, 0, 1};

	for (uint32_t i = 0; i < payload; i++)
		l4[8 + i] = (uint8_t)i;
	return env6_icmp(e, src, dst, 64, l4, 8 + payload);
}

struct rte_mbuf *env6_na(struct env *e, const struct ip6_addr *target, const struct ip6_addr *dst, const struct rte_ether_addr *mac,
			 bool solicited, bool override)
{
	uint8_t msg[NDP_MSG_MAX];
	uint32_t len = ndp_na_emit(msg, target, mac, solicited, override);

	return env6_icmp(e, target, dst, NDP_HOPS, msg, len);
}

struct rte_mbuf *env6_ns(struct env *e, const struct ip6_addr *src, const struct ip6_addr *target, const struct rte_ether_addr *mac)
{
	const struct ip6_addr group = ip6_addr_solicited(target);
	uint8_t msg[NDP_MSG_MAX];
	uint32_t len = ndp_ns_emit(msg, target, mac);

	return env6_icmp(e, src, &group, NDP_HOPS, msg, len);
}

static bool is_report(const struct rte_mbuf *m)
{
	const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);

	return load16(b + 12) == RTE_ETHER_TYPE_IPV6 && b[14 + 6] == IP6_NEXT_HOP_BY_HOP && b[14 + 48] == ICMP6_MLD2_REPORT;
}

/* The next sent frame that reports no group, unless such are wanted. */
static struct rte_mbuf *sent_next(struct env *e, bool reports)
{
	struct rte_mbuf *m;

	while ((m = env_sent(e)) != NULL && !reports && is_report(m))
		rte_pktmbuf_free(m);
	return m;
}

void env6_expect_silence(struct env *e) { assert_null(sent_next(e, false)); }

void env6_expect(struct env *e, struct sent6 *s, uint8_t type, uint8_t code)
{
	struct ip6_view ip = {0};
	struct ip6_chain c;
	const uint8_t *b;

	rte_pktmbuf_free(last);
	last = sent_next(e, type == ICMP6_MLD2_REPORT);
	assert_non_null(last);
	assert_int_equal(last->nb_segs, 1);
	b = rte_pktmbuf_mtod(last, const uint8_t *);
	assert_int_equal(load16(b + 12), RTE_ETHER_TYPE_IPV6);
	assert_int_equal(ip6_parse(&ip, b + 14, last->pkt_len - 14), IP6_OK);
	assert_int_equal(ip.payload_len, last->pkt_len - 54);
	assert_int_equal(ip6_chain_walk(&c, b + 14, last->pkt_len - 14), IP6_CHAIN_OK);
	assert_int_equal(c.proto, IPPROTO_ICMPV6);
	memcpy(&s->to, b, 6);
	s->src = *ip.src;
	s->dst = *ip.dst;
	s->hops = ip.hops;
	s->next = ip.next;
	s->msg = b + 14 + c.l4_off;
	s->len = last->pkt_len - 14 - c.l4_off;
	assert_int_equal(cksum_fold(cksum_bytes(cksum_pseudo_sum6(ip.src, IPPROTO_ICMPV6, s->len), s->msg, s->len)), 0xffff);
	assert_int_equal(s->msg[0], type);
	assert_int_equal(s->msg[1], code);
}

void env6_expect_ns(struct env *e, const struct ip6_addr *src, const struct ip6_addr *target, const struct rte_ether_addr *unicast)
{
	const struct ip6_addr group = ip6_addr_solicited(target);
	const struct rte_ether_addr to = group_mac(&group);
	struct ndp_neigh v;
	struct sent6 s;

	env6_expect(e, &s, ICMP6_NS, 0);
	assert_true(ndp_ns_parse(&v, s.msg, s.len, &s.src, &s.dst, s.hops));
	assert_memory_equal(&v.target, target, 16);
	assert_memory_equal(&s.src, src, 16);
	assert_memory_equal(&s.dst, unicast != NULL ? target : &group, 16);
	assert_memory_equal(&s.to, unicast != NULL ? unicast : &to, 6);
	if (!ip6_addr_is_none(src)) {
		assert_true(v.opts.has_slla);
		assert_memory_equal(&v.opts.slla, &mac_us, 6);
	}
}

uint32_t env6_path(struct env *e, const struct ip6_addr *raddr, uint32_t scope)
{
	const struct ip6_addr *src = scope != 0 ? &ll_us : &us6;
	int err = 1;
	uint32_t path = net_path6_get(&e->net, net_local6(&e->net, src, scope), raddr, scope, &err);

	assert_int_not_equal(path, 0);
	assert_int_equal(err, 0);
	return path;
}

int env6_output(struct env *e, uint32_t path, uint16_t tag)
{
	return net_output(&e->net, path_at(&e->net.paths, path), env_segment(e, tag), IPPROTO_TCP, 0, 64, 0x1234);
}
