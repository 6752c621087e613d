/* input6_test.c: IPv6 packets in: addresses, extension headers (RFC 8200 4, RFC 5095, RFC 7112), ICMPv6 (RFC 4443), path MTU (RFC
 * 8201), labels and fragments out. */
#include "env6.h"

#include <errno.h>
#include <netinet/in.h>

#include "config/config.h"
#include "net/filter.h"
#include "net/mail.h"
#include "net/route.h"
#include "wire/cksum.h"

/* The packet with len bytes of extension headers between IPv6 header and payload; next is what its header says then. */
static struct rte_mbuf *with_ext(struct env *e, struct rte_mbuf *m, uint8_t next, const void *ext, uint32_t len)
{
	const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t payload = load16(b + 18);
	uint8_t out[2000];

	memcpy(out, b, 54);
	memcpy(out + 54, ext, len);
	memcpy(out + 54 + len, b + 54, payload);
	out[14 + IP6_NEXT_OFF] = next;
	store16(out + 14 + IP6_LEN_OFF, (uint16_t)(payload + len));
	rte_pktmbuf_free(m);
	return env_mbuf(e, out, 54 + len + payload);
}

static void expect_problem(struct env *e, uint8_t code, uint32_t pointer)
{
	struct sent6 s;

	env6_expect(e, &s, ICMP6_PARAM_PROBLEM, code);
	assert_int_equal(load32(s.msg + 4), pointer);
	assert_memory_equal(&s.dst, &peer6, 16);
	assert_memory_equal(&s.src, &us6, 16);
	env_expect_silence(e);
}

static int setup(void **state)
{
	int rc = env6_setup(state);
	struct env *e = *state;
	struct sent6 s;

	/* The peer is known, so that answers leave. */
	env_input(e, env6_ns(e, &peer6, &us6, &mac_peer), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_NA, 0);
	return rc;
}

static void udp_and_tcp(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);
	struct net_pkt pkt;

	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &peer6, &us6, 100), &pkt), NET_UDP);
	assert_true(pkt.ip6 && pkt.verified && !pkt.quoted);
	assert_int_equal(pkt.key.laddr_be, env6_us(e));
	assert_int_equal(pkt.key.raddr_be, path_at(&e->net.paths, path)->raddr_be);
	assert_int_equal(pkt.key.lport_be, RTE_BE16(1000));
	assert_int_equal(pkt.key.rport_be, RTE_BE16(53));
	assert_int_equal(pkt.l4_len, 108);
	assert_int_equal(pkt.ttl, 64);
	assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
	assert_memory_equal(net_pkt_raddr6(&pkt), &peer6, 16);
	assert_memory_equal(net_pkt_laddr6(&pkt), &us6, 16);
	assert_int_equal(net_pkt_scope6(&pkt), 0);
	rte_pktmbuf_free(pkt.m);
	net_path_put(&e->net, path);
	/* From whom nothing here has a number: no flow, but a hash. */
	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &far6, &us6, 100), &pkt), NET_UDP);
	assert_int_equal(pkt.key.raddr_be, 0);
	assert_int_equal(pkt.hash, rss_hash6(e->flow.rss, &far6, &us6, RTE_BE16(53), RTE_BE16(1000)));
	rte_pktmbuf_free(pkt.m);
}

static void link_scope(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &ll_peer, &ll_us, 1), &pkt), NET_UDP);
	assert_int_equal(pkt.key.laddr_be, net_local6(&e->net, &ll_us, 1));
	assert_int_equal(net_pkt_scope6(&pkt), 1);
	assert_int_equal(net_local6(&e->net, &ll_us, 0), 0);
	assert_int_equal(net_local6(&e->net, &ll_us, 2), 0);
	rte_pktmbuf_free(pkt.m);
}

static struct rte_mbuf *patched(struct env *e, uint32_t off, uint8_t value)
{
	struct rte_mbuf *m = env6_udp(e, &peer6, &us6, 100);

	rte_pktmbuf_mtod(m, uint8_t *)[off] = value;
	return m;
}

/* Lengths, versions, addresses and checksums that are wrong (RFC 8200 3, RFC 4291 2.5 and 2.7, RFC 8200 8.1). */
static void bad_headers(void **state)
{
	struct env *e = *state;
	static const struct ip6_addr mapped = {{[10] = 0xff, 0xff, 10, 0, 0, 2}}, loopback = {{[15] = 1}};
	struct rte_mbuf *m;

	env_input_drop(e, patched(e, 14, 0x40), DROP_IP6_VERSION);
	env_input_drop(e, patched(e, 19, 109), DROP_IP6_SHORT);
	env_input_drop(e, patched(e, 53, 99), DROP_IP6_DST);
	env_input_drop(e, patched(e, 14 + 40 + 20, 99), DROP_UDP_CKSUM);
	m = patched(e, 14 + 40 + 6, 0); /* no checksum at all is none in IPv6 */
	rte_pktmbuf_mtod(m, uint8_t *)[14 + 40 + 7] = 0;
	env_input_drop(e, m, DROP_UDP_CKSUM);
	env_input_drop(e, env6_udp(e, &all_nodes6, &us6, 1), DROP_IP6_SRC);
	env_input_drop(e, env6_udp(e, &mapped, &us6, 1), DROP_IP6_SRC);
	env_input_drop(e, env6_udp(e, &loopback, &us6, 1), DROP_IP6_SRC);
	env_input_drop(e, env6_udp(e, &us6, &us6, 1), DROP_IP6_SRC);
	env_input_drop(e, env6_udp(e, &none6, &us6, 1), DROP_IP6_SRC);
	env_input_drop(e, env6_udp(e, &peer6, &loopback, 1), DROP_IP6_DST);
	m = env6_udp(e, &peer6, &us6, 1); /* a station's address by broadcast */
	memset(rte_pktmbuf_mtod(m, void *), 0xff, 6);
	env_input_drop(e, m, DROP_IP6_DST);
	m = env6_udp(e, &peer6, &us6, 1);
	rte_pktmbuf_trim(m, m->pkt_len - 53);
	env_input_drop(e, m, DROP_IP6_SHORT);
	env_expect_silence(e);
}

/* An interface without IPv6 does not speak it. */
static void not_enabled(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m = env6_udp(e, &peer6, &us6, 1);

	assert_int_equal(net_iface_get(&e->net, 1, 0, 0), 1);
	memcpy(rte_pktmbuf_mtod(m, void *), &mac_us1, 6);
	e->from = 1;
	env_input_drop(e, m, DROP_ETH_TYPE);
}

/* RFC 8200 4.1: all kinds in their order lead to the payload; a segment that arrives in many pieces likewise. */
static void chain_good(void **state)
{
	struct env *e = *state;
	static const uint8_t ext[] = {
		IP6_NEXT_DST_OPTS, 0, 5, 2, 0, 0, 1, 0,                  /* hop by hop: router alert, padding */
		IP6_NEXT_ROUTING, 0, 0x1e, 4, 0, 0, 0, 0,                /* destination: an option to be skipped when unknown */
		IP6_NEXT_FRAGMENT, 2, 4, 0, [20] = 0, 0, 0, 0, [39] = 0, /* routing with no segment left */
		[40] = IP6_NEXT_DST_OPTS, 0, 0, 0, 1, 2, 3, 4,           /* fragment that is all there is (RFC 6946) */
		IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 0,                        /* destination: Pad1 */
	};
	struct rte_mbuf *m = with_ext(e, env6_udp(e, &peer6, &us6, 100), IP6_NEXT_HOP_BY_HOP, ext, sizeof(ext));
	struct net_pkt pkt;

	assert_int_equal(net_input(&e->net, 0, m, &pkt), NET_UDP);
	assert_int_equal(pkt.l4_off, 54 + sizeof(ext));
	assert_int_equal(pkt.l4_len, 108);
	assert_int_equal(pkt.key.lport_be, RTE_BE16(1000));
	assert_false(pkt.nic_hash);
	rte_pktmbuf_free(pkt.m);
	m = with_ext(e, env6_udp(e, &peer6, &us6, 100), IP6_NEXT_HOP_BY_HOP, ext, sizeof(ext));
	assert_int_equal(net_input(&e->net, 0, env_split(e, m, 14, 7), &pkt), NET_UDP);
	assert_int_equal(pkt.l4_len, 108);
	rte_pktmbuf_free(pkt.m);
	env_expect_silence(e);
}

/* What a chain may not be, and what is said about it. */
static void chain_bad(void **state)
{
	struct env *e = *state;
	uint8_t ext[16 * 8] = {0};

	/* RFC 5095, RFC 8200 4.4: type 0 with segments left: the pointer names the type. */
	memcpy(ext, (uint8_t[]){IPPROTO_UDP, 0, 0, 1}, 4);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_ROUTING, ext, 8), DROP_IP6_EXT);
	expect_problem(e, ICMP6_PARAM_FIELD, 42);
	/* RFC 8200 4.3: hop-by-hop options stand first or nowhere. */
	memcpy(ext, (uint8_t[]){IP6_NEXT_HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0, IPPROTO_UDP, 0, 1, 4}, 12);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 16), DROP_IP6_EXT);
	expect_problem(e, ICMP6_PARAM_NEXT, 40);
	/* RFC 8200 4.2: unknown options by their upper bits: dropped; dropped and said. */
	memcpy(ext, (uint8_t[]){IPPROTO_UDP, 0, 0x41, 4, 0, 0, 0, 0}, 8);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 8), DROP_IP6_EXT);
	env_expect_silence(e);
	ext[2] = 0x81;
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 8), DROP_IP6_EXT);
	expect_problem(e, ICMP6_PARAM_OPTION, 42);
	ext[2] = 0xc2; /* a jumbogram (RFC 2675) */
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_HOP_BY_HOP, ext, 8), DROP_IP6_EXT);
	expect_problem(e, ICMP6_PARAM_OPTION, 42);
	/* RFC 4443 3.4: nobody knows what follows. */
	env_input_drop(e, env6_frame(e, &peer6, &us6, 132, 64, ext, 20), DROP_IP4_PROTO);
	expect_problem(e, ICMP6_PARAM_NEXT, 6);
	ext[0] = 132;
	ext[2] = 1;
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_DST_OPTS, 64, ext, 20), DROP_IP4_PROTO);
	expect_problem(e, ICMP6_PARAM_NEXT, 40);
	/* RFC 8200 4.7: nothing follows. */
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_NONE, 64, ext, 20), DROP_IP4_PROTO);
	env_expect_silence(e);
}

/* Chains that cost: too many headers, too many options, lengths that run out of the packet, options that run out of
 * their header. */
static void chain_limits(void **state)
{
	struct env *e = *state;
	uint8_t ext[40 * 8] = {0};

	for (int i = 0; i <= IP6_EXT_HEADERS_MAX; i++)
		memcpy(ext + 8 * i, (uint8_t[]){i < IP6_EXT_HEADERS_MAX ? IP6_NEXT_DST_OPTS : IPPROTO_UDP, 0, 1, 4}, 4);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 8 * (IP6_EXT_HEADERS_MAX + 1)), DROP_IP6_EXT);
	memset(ext, 0, sizeof(ext));
	ext[0] = IPPROTO_UDP;
	ext[1] = IP6_EXT_BYTES_MAX / 8;
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, IP6_EXT_BYTES_MAX + 8), DROP_IP6_EXT);
	ext[1] = 3;
	for (int i = 0; i <= IP6_EXT_OPTIONS_MAX; i++)
		memcpy(ext + 2 + 2 * i, (uint8_t[]){0x1e, 0}, 2);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 32), DROP_IP6_EXT);
	memcpy(ext, (uint8_t[]){IPPROTO_UDP, 30}, 2);
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_DST_OPTS, 64, ext, 100), DROP_IP6_EXT);
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_DST_OPTS, 64, ext, 4), DROP_IP6_EXT);
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_HOP_BY_HOP, 64, ext, 0), DROP_IP6_EXT);
	memcpy(ext, (uint8_t[]){IPPROTO_UDP, 0, 1, 5, 0, 0, 0, 0}, 8);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 8), DROP_IP6_EXT);
	memcpy(ext, (uint8_t[]){IPPROTO_UDP, 0, 1, 3, 0, 0, 0, 1}, 8);
	env_input_drop(e, with_ext(e, env6_udp(e, &peer6, &us6, 9), IP6_NEXT_DST_OPTS, ext, 8), DROP_IP6_EXT);
	env_expect_silence(e);
}

/* RFC 4443 4.2: the same bytes back; to all nodes from an address of ours, and not to nobody. */
static void echo(void **state)
{
	struct env *e = *state;
	struct sent6 s;

	env_input(e, env6_echo(e, &peer6, &us6, 1000), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_ECHO_REPLY, 0);
	assert_memory_equal(&s.src, &us6, 16);
	assert_memory_equal(&s.dst, &peer6, 16);
	assert_int_equal(s.len, 1008);
	assert_int_equal(load32(s.msg + 4), 0x12340001);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(s.msg[8 + i], (uint8_t)i);
	env_input(e, env6_echo(e, &peer6, &all_nodes6, 10), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_ECHO_REPLY, 0);
	assert_memory_equal(&s.src, &us6, 16);
	env_input_drop(e, env6_echo(e, &none6, &us6, 10), DROP_IP6_SRC);
	env_input(e, env_split(e, env6_echo(e, &peer6, &us6, 1000), 40, 33), NET_DONE, NULL);
	rte_pktmbuf_free(env_sent(e));
	env_expect_silence(e);
}

static struct rte_mbuf *error_about(struct env *e, uint8_t type, uint8_t code, uint32_t param, const struct ip6_addr *src,
				    const struct ip6_addr *dst, uint32_t quoted)
{
	const struct tcp_view v = {.sport = 1000, .dport = 80, .seq = 0x01020304, .flags = TCPF_SYN};
	const struct tcp_opts o = {0};
	uint8_t msg[8 + 40 + 60] = {0};

	icmp6_emit(msg, type, code, param);
	ip6_emit(msg + 8, src, dst, IPPROTO_TCP, 1400, 3);
	tcp_emit(msg + 48, &v, &o);
	return env6_icmp(e, &gw6, &us6, 64, msg, 8 + quoted);
}

/* What errors become, by type and code, as Linux maps them. */
static void errors_mapped(void **state)
{
	static const struct {
		uint8_t type, code;
		int err;
	} want[] = {
		{1, 0, ENETUNREACH}, {1, 1, EACCES}, {1, 2, EHOSTUNREACH}, {1, 3, EHOSTUNREACH}, {1, 4, ECONNREFUSED}, {1, 5, EACCES},
		{1, 6, EACCES}, {1, 7, EPROTO}, {2, 0, 0}, {3, 0, EHOSTUNREACH}, {4, 0, EPROTO}, {4, 1, EPROTO},
	};
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);

	for (size_t i = 0; i < RTE_DIM(want); i++) {
		struct net_pkt pkt;

		assert_int_equal(net_input(&e->net, 0, error_about(e, want[i].type, want[i].code, 1300, &us6, &peer6, 60), &pkt), NET_ICMP_ERROR);
		assert_true(pkt.ip6 && pkt.quoted);
		assert_int_equal(pkt.icmp.err, want[i].err);
		assert_int_equal(pkt.icmp.type, want[i].type);
		assert_int_equal(pkt.icmp.mtu, want[i].type == ICMP6_TOO_BIG ? 1300 : 0);
		assert_int_equal(pkt.icmp.seq, 0x01020304);
		assert_int_equal(pkt.proto, IPPROTO_TCP);
		assert_int_equal(pkt.key.laddr_be, env6_us(e));
		assert_int_equal(pkt.key.raddr_be, path_at(&e->net.paths, path)->raddr_be);
		assert_int_equal(pkt.key.lport_be, RTE_BE16(1000));
		assert_int_equal(pkt.key.rport_be, RTE_BE16(80));
		assert_int_equal(pkt.hash, flow_hash(&e->flow, &pkt.key));
		assert_memory_equal(net_pkt_raddr6(&pkt), &peer6, 16);
		rte_pktmbuf_free(pkt.m);
	}
	net_path_put(&e->net, path);
}

/* Errors that quote too little, nothing of ours, or are of no known type; RFC 4443 2.4 (e): none is answered. */
static void errors_bad(void **state)
{
	struct env *e = *state;

	env_input_drop(e, error_about(e, 1, 0, 0, &us6, &peer6, 47), DROP_ICMP_BAD);
	env_input_drop(e, error_about(e, 1, 0, 0, &us6, &peer6, 20), DROP_ICMP_BAD);
	env_input_drop(e, error_about(e, 100, 0, 0, &us6, &peer6, 60), DROP_ICMP_BAD);
	env_input_drop(e, error_about(e, 1, 0, 0, &peer6, &us6, 60), DROP_ICMP_UNMATCHED);
	env_expect_silence(e);
}

/* RFC 8201 4: a path's MTU is lowered, but not below 1280; net_output() refuses what is longer. */
static void packet_too_big(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);
	struct path *p = path_at(&e->net.paths, path);
	struct rte_mbuf *m = pkt_tx_alloc(&e->tx[0]);

	assert_int_equal(p->pmtu, 1500);
	net_pmtu_lower(&e->net, path, 1400);
	assert_int_equal(p->pmtu, 1400);
	net_pmtu_lower(&e->net, path, 1279);
	assert_int_equal(p->pmtu, 1400);
	net_pmtu_lower(&e->net, path, 1280);
	assert_int_equal(p->pmtu, 1280);
	rte_pktmbuf_append(m, 1241);
	assert_int_equal(net_output(&e->net, p, m, IPPROTO_UDP, 0, 64, 0), -EMSGSIZE);
	env_advance_ms(e, PMTU_AGE_MS);
	net_path_put(&e->net, env6_path(e, &peer6, 0));
	assert_int_equal(p->pmtu, 1500);
	net_path_put(&e->net, path);
}

/* RFC 4443 3.1 and 2.4 (c): "port unreachable" quotes as much as fits 1280 bytes; about groups, errors and nobody there
 * is none. */
static void port_unreachable(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;
	struct sent6 s;

	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &peer6, &us6, 1400), &pkt), NET_UDP);
	net_port_unreachable(&e->net, &pkt);
	env6_expect(e, &s, ICMP6_UNREACH, ICMP6_UNREACH_PORT);
	assert_int_equal(s.len, 1280 - 40);
	assert_memory_equal(s.msg + 8, rte_pktmbuf_mtod_offset(pkt.m, void *, 14), 1280 - 48);
	rte_pktmbuf_free(pkt.m);
	env_expect_silence(e);
}

/* RFC 4443 2.4 (f): not more than so many per second. */
static void errors_limited(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;
	int sent = 0;

	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &peer6, &us6, 10), &pkt), NET_UDP);
	for (int i = 0; i < 2 * ICMP_ERRORS_BURST; i++)
		net_port_unreachable(&e->net, &pkt);
	for (struct rte_mbuf *m; (m = env_sent(e)) != NULL; sent++)
		rte_pktmbuf_free(m);
	assert_int_equal(sent, ICMP_ERRORS_BURST);
	rte_pktmbuf_free(pkt.m);
}

/* RFC 6437 3: one label per flow, traffic class and hop limit as asked; RFC 8200 8.1: checksums. */
static void header_out(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0), label[3];
	struct path *p = path_at(&e->net.paths, path);

	for (int i = 0; i < 3; i++) {
		struct rte_mbuf *m;
		struct ip6_view ip = {0};

		assert_int_equal(net_output(&e->net, p, env_segment(e, 1), IPPROTO_TCP, 0x2e, i == 2 ? 0 : 33, i == 1 ? 77 : 78), 0);
		m = env_sent(e);
		assert_int_equal(ip6_parse(&ip, rte_pktmbuf_mtod_offset(m, void *, 14), m->pkt_len - 14), IP6_OK);
		assert_int_equal(ip.tclass, 0x2e);
		assert_int_equal(ip.hops, i == 2 ? 64 : 33);
		assert_int_equal(ip.payload_len, 20);
		assert_memory_equal(ip.src, &us6, 16);
		assert_memory_equal(ip.dst, &peer6, 16);
		label[i] = ip.flow_label;
		rte_pktmbuf_free(m);
	}
	assert_int_equal(label[0], label[2]);
	assert_int_not_equal(label[0], label[1]);
	net_path_put(&e->net, path);
}

/* Offloads: the pseudo header's sum and lengths as rte_mbuf.h wants them, also of a frame that the device cuts. */
static void offloads(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);
	struct path *p = path_at(&e->net.paths, path);
	struct rte_mbuf *m;
	const uint8_t *b;

	e->port.offloads |= PORT_TX_TCP_CKSUM | PORT_TX_TSO;
	assert_int_equal(env6_output(e, path, 1), 0);
	m = env_sent(e);
	b = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_true(m->ol_flags == (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM));
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 40);
	assert_int_equal(load16(b + 54 + 16), rte_be_to_cpu_16(cksum_fold(cksum_pseudo_sum6(b + 22, IPPROTO_TCP, 20))));
	rte_pktmbuf_free(m);
	m = env_segment(e, 1);
	rte_pktmbuf_append(m, 1800);
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG;
	m->l4_len = 20;
	m->tso_segsz = 1000;
	assert_int_equal(net_output(&e->net, p, m, IPPROTO_TCP, 0, 64, 0), 0);
	m = env_sent(e);
	b = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_true(m->ol_flags == (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_SEG));
	assert_int_equal(m->l3_len, 40);
	assert_int_equal(load16(b + 18), 1820);
	assert_int_equal(load16(b + 54 + 16), rte_be_to_cpu_16(cksum_fold(cksum_pseudo_sum6(b + 22, IPPROTO_TCP, 0))));
	rte_pktmbuf_free(m);
	net_path_put(&e->net, path);
}

/* To ourselves: out and in again, with the interface of the address. */
static void loops(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &us6, 0);
	struct net_pkt pkt;

	assert_int_equal(env6_output(e, path, 9), 0);
	env_expect_silence(e);
	assert_int_equal(net_input(&e->net, NET_PORT_LOOP, net_loop_next(&e->net), &pkt), NET_TCP);
	assert_int_equal(pkt.key.laddr_be, env6_us(e));
	assert_int_equal(pkt.key.raddr_be, env6_us(e));
	assert_int_equal(pkt.key.rport_be, RTE_BE16(9));
	rte_pktmbuf_free(pkt.m);
	net_path_put(&e->net, path);
}

/* A removed address is only for the flows that had it. */
static void removed(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);

	assert_int_equal(net_addr6_remove(&e->net, NET_IFACE_ANY, &us6), 0);
	assert_int_equal(net_addr6_remove(&e->net, NET_IFACE_ANY, &us6), -ENOENT);
	env_input_drop(e, env6_udp(e, &peer6, &us6, 1), DROP_IP6_DST);
	env_input_drop(e, env6_echo(e, &peer6, &us6, 1), DROP_IP6_DST);
	net_path_put(&e->net, path);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &us6, 64), 0);
	env_input(e, env6_udp(e, &peer6, &us6, 1), NET_UDP, NULL);
}

/* RFC 6724 5: sources by scope, interface, kind and prefix; what has no route has none. */
static void sources(void **state)
{
	struct env *e = *state;
	static const struct ip6_addr second = {{0x20, 1, 0xd, 0xb8, [15] = 0x22}}, ula = {{0xfd, 1, [15] = 1}}, ula_far = {{0xfd, 2, [15] = 9}};
	const rte_be32_t *list;
	uint32_t count;

	list = net_sources6(&e->net, &peer6, 0, &count);
	assert_int_equal(count, 1);
	assert_int_equal(list[0], env6_us(e));
	assert_int_equal(net_addr6_add_on(&e->net, 0, &second, 64), 0);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &ula, 64), 0);
	list = net_sources6(&e->net, &peer6, 0, &count);
	assert_int_equal(count, 2);
	assert_int_equal(list[0], env6_us(e));
	assert_int_equal(list[1], net_local6(&e->net, &second, 0));
	assert_null(net_sources6(&e->net, &far6, 0, &count));
	assert_int_equal(net_unreachable6(&e->net, &far6, 0), -ENETUNREACH);
	assert_int_equal(net_gw6_add_on(&e->net, 0, &ll_gw), 0);
	assert_int_equal(net_unreachable6(&e->net, &far6, 0), 0);
	list = net_sources6(&e->net, &far6, 0, &count);
	assert_int_equal(count, 2);
	list = net_sources6(&e->net, &ula_far, 0, &count); /* rule 6 */
	assert_int_equal(count, 1);
	assert_int_equal(list[0], net_local6(&e->net, &ula, 0));
	list = net_sources6(&e->net, &ll_peer, 1, &count); /* rule 2 */
	assert_int_equal(count, 1);
	assert_int_equal(list[0], net_local6(&e->net, &ll_us, 1));
	assert_null(net_sources6(&e->net, &ll_peer, 0, &count));
	assert_int_equal(net_unreachable6(&e->net, &ll_peer, 0), -EINVAL);
	list = net_sources6(&e->net, &second, 0, &count); /* rule 1 */
	assert_int_equal(list[0], net_local6(&e->net, &second, 0));
	assert_int_equal(net_gw6_remove(&e->net, 0, &ll_gw), 0);
	assert_null(net_sources6(&e->net, &far6, 0, &count));
}

/* Rule 5: the interface is that of a gateway that lives, of a link that is up. */
static void sources_change(void **state)
{
	static const struct ip6_addr us1 = {{0x20, 1, 0xd, 0xb8, 0, 1, [15] = 1}};
	struct env *e = *state;
	struct net *n = &e->net;
	rte_be32_t second;
	uint32_t count;

	assert_int_equal(net_iface_get(n, 1, 0, 0), 1);
	assert_int_equal(net_addr6_add_on(n, 1, &us1, 64), 0);
	second = net_local6(n, &us1, 0);
	assert_int_equal(net_gw6_add_on(n, 0, &ll_gw), 0);
	assert_int_equal(net_gw6_add_on(n, 1, &ll_gw), 0);
	assert_int_equal(net_sources6(n, &far6, 0, &count)[0], env6_us(e));
	assert_int_equal(net_sources6_via(n, &far6, 0, 2, &count)[0], second);
	assert_int_equal(net_sources6(n, &far6, 0, &count)[0], env6_us(e));
	route_gateway_set(n, 0, &ll_gw, true);
	assert_int_equal(net_sources6(n, &far6, 0, &count)[0], second);
	env_advance_ms(e, ROUTE_DEAD_MS);
	assert_int_equal(net_sources6(n, &far6, 0, &count)[0], env6_us(e));
	net_link_changed(n, &(struct net_link_note){.port = 0});
	env_advance_ms(e, 1);
	assert_int_equal(net_sources6(n, &far6, 0, &count)[0], second);
	net_link_changed(n, &(struct net_link_note){.port = 0, .up = true});
	env_advance_ms(e, 1);
	assert_int_equal(net_sources6(n, &far6, 0, &count)[0], env6_us(e));
}

/* Addresses that are none, and doubles. */
static void bad_addresses(void **state)
{
	struct env *e = *state;
	static const struct ip6_addr mapped = {{[10] = 0xff, 0xff, 10, 0, 0, 2}}, loopback = {{[15] = 1}};

	assert_int_equal(net_addr6_add_on(&e->net, 0, &us6, 64), -EEXIST);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &none6, 64), -EINVAL);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &all_nodes6, 64), -EINVAL);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &mapped, 64), -EINVAL);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &loopback, 128), -EINVAL);
	assert_int_equal(net_addr6_add_on(&e->net, 0, &peer6, 129), -EINVAL);
	assert_int_equal(net_addr6_add_on(&e->net, 5, &peer6, 64), -EINVAL);
	assert_int_equal(net_iface_get(&e->net, 1, 0, 1279), 1);
	assert_int_equal(net_addr6_add_on(&e->net, 1, &peer6, 64), -EMSGSIZE);
	assert_int_equal(net_gw6_add_on(&e->net, NET_IFACE_ANY, &us6), -ENETUNREACH);
	assert_int_equal(net_gw6_add_on(&e->net, NET_IFACE_ANY, &far6), -ENETUNREACH);
}

/* Frames that claim to come from a group's hardware address get no answer; nor is a group's address learned as a neighbour's. */
static void answers_to_groups(void **state)
{
	static const struct rte_ether_addr group = {{0x33, 0x33, 0, 0, 0, 1}};
	struct env *e = *state;
	struct rte_mbuf *m = env6_echo(e, &peer6, &us6, 10);
	struct sent6 s;

	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 6), &group, 6);
	env_input_drop(e, m, DROP_ETH_SRC);
	m = env6_ns(e, &peer6, &us6, &mac_peer);
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 6), &group, 6);
	env_input(e, m, NET_DONE, NULL);
	env_expect_silence(e);
	env_input(e, env6_ns(e, &peer6, &us6, &group), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_NA, 0);
	assert_memory_equal(&s.to, &mac_peer, 6); /* the frame's sender, not what the option says */
}

/* No number for one more address: it is refused, and no route is left of it; nor does a path to somebody new fit. */
static void numbers_run_out(void **state)
{
	static const struct ip6_addr more = {{0x20, 1, 0xd, 0xb8, 0, 0x77, [15] = 1}}, other = {{0x20, 1, 0xd, 0xb8, 0, 0x77, [15] = 9}};
	struct env *e = *state;
	struct pool *pool = &e->flow.addr6s.pool;
	uint32_t cap = pool->cap, routes = e->net.n_routes;
	int err = 0;

	while (pool->free_head != 0) /* those that were given back */
		pool_get(pool);
	pool->cap = pool->fresh;
	assert_int_equal(net_addr6_add_on(&e->net, 0, &more, 64), -ENOSPC);
	assert_int_equal(e->net.n_routes, routes);
	assert_int_equal(net_unreachable6(&e->net, &other, 0), -ENETUNREACH);
	assert_int_equal(net_path6_get(&e->net, env6_us(e), &(struct ip6_addr){{0x20, 1, 0xd, 0xb8, [15] = 0x99}}, 0, &err), 0);
	assert_int_equal(err, -ENOBUFS);
	pool->cap = cap;
	assert_int_equal(net_addr6_add_on(&e->net, 0, &more, 64), 0);
	assert_int_equal(e->net.n_routes, routes + 1);
}

/* Answers to where no route leads are dropped, whatever asked for them. */
static void answers_without_a_route(void **state)
{
	struct env *e = *state;
	struct net_pkt pkt;

	env_input_drop(e, env6_echo(e, &far6, &all_nodes6, 10), DROP_NO_ROUTE);
	assert_int_equal(net_input(&e->net, 0, env6_udp(e, &far6, &us6, 10), &pkt), NET_UDP);
	net_port_unreachable(&e->net, &pkt);
	rte_pktmbuf_free(pkt.m);
	assert_int_equal(e->drops.n[DROP_NO_ROUTE], 2);
	env_expect_silence(e);
}

/* What asks for routers is nothing to hosts (RFC 4861 6.2.6), and nothing bad. */
static void solicitations_of_routers(void **state)
{
	static const struct ip6_addr all_routers = {{0xff, 2, [15] = 2}};
	struct env *e = *state;
	uint8_t msg[8] = {ICMP6_RS};

	env_input(e, env6_icmp(e, &ll_peer, &us6, NDP_HOPS, msg, sizeof(msg)), NET_DONE, NULL);
	for (int i = 0; i < DROP_MAX; i++)
		assert_int_equal(e->drops.n[i], 0);
	env_input_drop(e, env6_icmp(e, &ll_peer, &all_routers, NDP_HOPS, msg, sizeof(msg)), DROP_IP6_DST);
	env_expect_silence(e);
}

/* Neighbour discovery in several mbufs is read whole; when one of them is somebody else's, too, a copy is. */
static void discovery_in_segments(void **state)
{
	struct env *e = *state;
	struct rte_mbuf *m, *second;
	struct sent6 s;

	for (int shared = 0; shared < 2; shared++) {
		m = env_split(e, env6_ns(e, &peer6, &us6, &mac_peer), 58, 4);
		assert_true(m->nb_segs > 1);
		second = m->next;
		if (shared)
			rte_mbuf_refcnt_update(second, 1);
		env_input(e, m, NET_DONE, NULL);
		env6_expect(e, &s, ICMP6_NA, 0);
		assert_memory_equal(&s.dst, &peer6, 16);
		env_expect_silence(e);
		if (shared)
			rte_pktmbuf_free_seg(second);
	}
}

/* RFC 4443 2.4 (e.1): a fragment that is refused is told of, unless it is of an error. */
static void refused_fragments_of_icmp(void **state)
{
	struct env *e = *state;
	uint8_t b[8 + 21] = {IPPROTO_ICMPV6, 0, 0, 1 /* more */, 0, 0, 0, 9, ICMP6_ECHO};

	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, sizeof(b)), DROP_IP6_FRAG_BAD);
	expect_problem(e, ICMP6_PARAM_FIELD, IP6_LEN_OFF);
	b[8] = ICMP6_UNREACH;
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, sizeof(b)), DROP_IP6_FRAG_BAD);
	b[8] = ICMP6_REDIRECT;
	env_input_drop(e, env6_frame(e, &peer6, &us6, IP6_NEXT_FRAGMENT, 64, b, sizeof(b)), DROP_IP6_FRAG_BAD);
	env_expect_silence(e);
}

static void filter(struct env *e, const char *text)
{
	struct config_filter rule;
	struct net_filter *made = NULL;
	char err[128];

	if (text != NULL) {
		assert_int_equal(config_parse_filter(text, &rule, err, sizeof(err)), 0);
		assert_int_equal(net_filter_new(&rule, 1, 1, -1, &made), 0);
	}
	net_filter_set(&e->net, made);
}

/* Rules are about ICMP too, but not about neighbour discovery; and about datagrams that leave in fragments. */
static void filtered(void **state)
{
	struct env *e = *state;
	uint32_t path = env6_path(e, &peer6, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(e->pool);
	struct sent6 s;

	filter(e, "deny in icmp6");
	env_input_drop(e, env6_echo(e, &peer6, &us6, 10), DROP_FILTER);
	env_input(e, env6_ns(e, &peer6, &us6, &mac_peer), NET_DONE, NULL);
	env6_expect(e, &s, ICMP6_NA, 0);
	filter(e, "deny out udp dst 2001:db8::2");
	assert_non_null(rte_pktmbuf_append(m, 1800));
	memset(rte_pktmbuf_mtod(m, void *), 0, 1800);
	udp_emit(rte_pktmbuf_mtod(m, void *), 9, 9, 1800);
	assert_int_equal(net_ip6_fragment(&e->net, path_at(&e->net.paths, path), m, IPPROTO_UDP, 0, 64, 0), -EPERM);
	assert_int_equal(e->drops.n[DROP_FILTER], 2);
	env_expect_silence(e);
	filter(e, NULL);
	net_path_put(&e->net, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(udp_and_tcp, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(link_scope, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(bad_headers, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(not_enabled, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(chain_good, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(chain_bad, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(chain_limits, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(echo, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(errors_mapped, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(errors_bad, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(packet_too_big, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(port_unreachable, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(errors_limited, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(header_out, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(offloads, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(loops, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(removed, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(sources, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(sources_change, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(bad_addresses, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(answers_to_groups, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(answers_without_a_route, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(solicitations_of_routers, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(discovery_in_segments, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(refused_fragments_of_icmp, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(filtered, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(numbers_run_out, setup, env6_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
